"""Groups aren't named by what frames texts: quotes, addresses, greetings, signatures; and users choose their terms."""

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.feature_extraction.text import CountVectorizer, HashingVectorizer, TfidfVectorizer

import semspace as ss
from semspace.clusters.boilerplate import is_marginal, without_boilerplate
from semspace.clusters.document_terms import DocumentTerms
from semspace.clusters.ngrams import ngrams
from semspace.clusters.stop_words import LANGUAGES, words_of
from semspace.clusters.term_options import TermOptions, term_options
from semspace.errors import InputError

LETTERS = "abcdefghijklmnopqrstuvwxyz"


def cleaned(*texts):
    return without_boilerplate(pl.Series(texts, dtype=pl.String)).to_list()


def words(*texts):
    return [" ".join((text or "").split()) for text in cleaned(*texts)]


def own(number, n=12):
    """Words that no other text has."""
    return " ".join(LETTERS[number % 26] + LETTERS[i] + LETTERS[(number + i) % 26] + "q" for i in range(n))


# -- what is left out of one text -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("In article 12, Ann writes:\n> the old cat\n> sat\nI have a dog", "I have a dog"),
        ("Ann wrote:\n\nAB> the old cat\nMy dog.", "My dog."),
        ("Here is a list:\na cat\na dog", "Here is a list: a cat a dog"),  # a colon alone introduces no quotation
        ("| the old cat\n: and more\nMy dog", "My dog"),
        ("| cat | 3 |\n| dog | 4 |", "| cat | 3 | | dog | 4 |"),  # a table
        ("my dog\n-- \nAnn Ax\nThe Firm", "my dog"),
        ("my dog\n--\n" + "much text\n" * 30, "my dog -- " + " ".join(["much text"] * 30)),  # no signature is so long
        ("From: ann@ax.org\nOrganization: The Firm\nSubject: dogs\n\nmy dog", "Subject: dogs my dog"),
        ("write to ann.ax@cs.some.edu or <a@b> now", "write to or now"),
        ("see https://a.b/c?d and www.e.f and host.some.edu", "see and and"),
        ("made by U.S.A. and e.g. version 3.1 of the.dog", "made by U.S.A. and e.g. version 3.1 of the.dog"),
        ("> all of it\n> is quoted", "> all of it > is quoted"),  # nothing would be left
        ("", ""),
        (None, ""),
    ],
)
def test_quotes_headers_signatures_and_addresses(text, left):
    assert words(text) == [left]


# -- what several texts begin or end with -----------------------------------------------------------------


def test_lines_with_which_three_texts_begin_or_end_are_left_out():
    texts = [f"Dear all,\n{own(i)}\nmore {own(i + 9)}\nThanks in advance!\nAnn Ax {i}{i}" for i in range(3)]
    assert words(*texts) == [f"{own(i)} more {own(i + 9)}" for i in range(3)]
    assert words(*texts[:2]) == [" ".join(text.split()) for text in texts[:2]]  # two are chance


def test_sentences_of_one_line_count_as_lines_do():
    texts = [f"Hello there. {own(i)} fails. {own(i + 9)} too. Thanks in advance." for i in range(3)]
    assert words(*texts) == [f"{own(i)} fails. {own(i + 9)} too." for i in range(3)]


def test_what_repeats_inside_is_kept():
    texts = [f"{own(i)}\nthe hard disk is broken\n{own(i + 9)}" for i in range(5)]
    assert words(*texts) == [" ".join(text.split()) for text in texts]


def test_copies_of_a_text_are_no_repetition():
    """Only different texts count: a message sent five times still says what it says."""
    texts = ["Good day.\nThe disk is broken.\nIt smokes."] * 5
    assert words(*texts) == ["Good day. The disk is broken. It smokes."] * 5


def test_texts_made_of_templates_keep_their_sentences():
    texts = [f"The {a} disk of my computer is broken. Please send a {b} one." for a in LETTERS[:4] for b in LETTERS[:4]]
    assert words(*texts) == texts


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.one_of(st.none(), st.text(st.sampled_from("ab >|:-\n.@\r。X"), max_size=30)), min_size=1, max_size=8)
)
def test_any_texts_come_back_in_order_and_none_is_emptied(texts):
    found = cleaned(*texts)
    assert len(found) == len(texts)
    for text, left in zip(texts, found, strict=True):
        assert set(left or "") - set(" \n") <= set(text or "")
        assert any(c.isalnum() for c in left or "") == any(c.isalnum() for c in text or "")


# -- words at the beginnings and ends ---------------------------------------------------------------------


def marginal(*texts):
    tokens = ss.Tokens.from_texts(pl.Series(texts))
    found = is_marginal(np.asarray(tokens.ids), np.asarray(tokens.offsets), len(tokens.vocabulary))
    return set(tokens.vocabulary["word"].filter(pl.Series(found)))


def test_words_at_the_ends_of_texts_are_found():
    """In 30 texts of 53 words, "regards" is among the last five of each, "disk" in the middle of each."""
    texts = [f"{own(i, 25)} disk {own(25 - i % 26, 24)} regards xx{LETTERS[i % 26]}" for i in range(30)]
    assert marginal(*texts) == {"regards"}


def test_chance_is_enough_in_short_texts():
    texts = [f"disk {LETTERS[i % 26]}x {LETTERS[i % 7]}y regards" for i in range(40)]
    assert marginal(*texts) == set()


def test_few_occurrences_prove_nothing():
    assert marginal(*(f"{own(i, 25)} regards" for i in range(19))) == set()
    assert marginal(*(f"{own(i, 25)} regards" for i in range(20))) == {"regards"}


def test_news_may_name_their_subject_in_the_first_sentence():
    """Of texts of 120 words, the first 8 and the last 12 are margins."""
    texts = [f"{own(i, 25)} {own(i + 9, 25)} {own(i + 5, 25)} {own(i + 7, 25)} {own(i + 2, 19)}" for i in range(25)]
    named = [" ".join([*text.split()[:9], "wenger", *text.split()[9:]]) for text in texts]
    first = [" ".join([*text.split()[:7], "hello", *text.split()[7:]]) for text in texts]
    assert "wenger" not in marginal(*named)
    assert "hello" in marginal(*first)


def test_share_in_the_margins_by_hand():
    """Of texts of 40 words, the first and last 5 are margins; the interval of the share must lie above one half."""
    filler = [f"{LETTERS[i % 26]}{LETTERS[i // 26]}q" for i in range(39)]
    at = lambda place: " ".join([*filler[:place], "hello", *filler[place:]])  # noqa: E731
    assert "hello" in marginal(*([at(4)] * 18 + [at(5)] * 2))  # 90 % of 20: at least 70 %
    assert "hello" in marginal(*([at(35)] * 18 + [at(34)] * 2))
    assert "hello" not in marginal(*([at(4)] * 14 + [at(5)] * 6))  # 70 % of 20: at least 48 %


# -- together ---------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def letters_about_two_things():
    """Sixty letters, with a greeting, a quotation, a host and a signature in each of those about ships."""
    vectors = np.repeat(np.eye(6)[:2], 30, axis=0) + np.random.default_rng(0).normal(scale=0.05, size=(60, 6))
    texts = [
        f"From: bob@port.some.edu\nBob Boat writes:\n> anchor chain {i}\nHello everybody,\n{own(i % 26)} ship sea\n"
        f"{own((i + 5) % 26)}\nThanks in advance\nBob Boat, Port Lines"
        if i < 30
        else f"{own(i % 26)} cat fur\n{own((i + 5) % 26)}"
        for i in range(60)
    ]
    return ss.Space.from_vectors([f"p{i:02d}" for i in range(60)], vectors.astype(np.float32), {"text": texts})


def test_groups_are_named_by_their_subjects(letters_about_two_things):
    groups = ss.cluster(letters_about_two_things, n_clusters=2, progress=False)
    said = " ".join(groups.names + groups.keywords[0] + groups.keywords[1])
    assert {"ship", "sea", "cat", "fur"} <= set(said.replace(",", "").split())
    for word in ("thanks", "advance", "hello", "bob", "boat", "lines", "port", "edu", "writes", "anchor"):
        assert word not in said


# -- the user's words -------------------------------------------------------------------------------------


def terms(texts, **given):
    options = {"stop_words": None, "language": "english", "ngrams": None, "vectorizer": None, **given}
    return set(DocumentTerms.from_texts(pl.Series(texts), term_options(**options)).terms)


def test_stop_words_are_added_to_those_of_the_language():
    texts = ["the Cat and the dog", "das Haus und der dog"]
    assert terms(texts) == {"cat", "dog", "das", "haus", "und", "der"}
    assert terms(texts, stop_words=["CAT", "das"]) == {"dog", "haus", "und", "der"}
    assert terms(texts, language="german") == {"the", "cat", "and", "dog", "haus"}
    assert terms(texts, language=["en", "DE"]) == terms(texts, stop_words="german") == {"cat", "dog", "haus"}
    assert terms(texts, language=None) == {"the", "cat", "and", "dog", "das", "haus", "und", "der"}


def test_a_phrase_can_be_a_stop_word():
    texts = ["hard disk"] * 3
    assert terms(texts, ngrams=(1, 2)) == {"hard", "disk", "hard disk"}
    assert terms(texts, ngrams=(1, 2), stop_words=["Hard  Disk"]) == {"hard", "disk"}


def test_ngrams_by_hand():
    """Runs lie inside one text, begin and end with a descriptive word, and occur twice if longer than a word."""
    texts = ["cat of fur", "cat of fur", "fur cat", "fur cat", "dog ore"]
    assert terms(texts, ngrams=(1, 1)) == {"cat", "fur", "dog", "ore"}
    assert terms(texts, ngrams=(2, 2)) == {"fur cat"}
    assert terms(texts, ngrams=(2, 3)) == {"fur cat", "cat of fur"}
    found = ngrams(np.int32([0, 1, 0, 1, 1]), np.array([0, 0, 1, 1, 1]), np.array([True, True]), 2)
    assert found.starts.tolist() == [0, 2]  # "1 1" comes once; "1 0" spans two texts
    assert found.numbers.tolist() == [0, 0]
    assert found.first.tolist() == [0]


def test_ngrams_count_documents():
    found = DocumentTerms.from_texts(pl.Series(["cat dog cat dog", "bird", "cat dog"]), TermOptions(ngrams=(1, 2)))
    counts = dict(zip(found.terms, found.document_counts.tolist(), strict=True))
    assert counts == {"cat": 2, "dog": 2, "bird": 1, "cat dog": 2}  # "dog cat" comes once
    assert found.is_phrase[found.columns["cat dog"]]
    assert not found.is_phrase[found.columns["cat"]]


def test_no_run_of_words_is_long_enough():
    found = DocumentTerms.from_texts(pl.Series(["cat", "dog"]), TermOptions(ngrams=(3, 3)))
    assert found.terms == ()
    assert found.matrix.shape == (2, 0)


@pytest.mark.parametrize("make", [CountVectorizer, TfidfVectorizer])
def test_a_vectorizer_decides_the_terms(make):
    given = make(token_pattern=r"\b[a-z]\b", ngram_range=(1, 2))
    found = DocumentTerms.from_texts(pl.Series(["a b a", "b", None]), term_options(None, "english", None, given))
    assert set(found.terms) == {"a", "b", "a b", "b a"}
    assert found.matrix.toarray()[:, found.columns["a"]].tolist() == [1, 0, 0]
    assert found.document_counts[found.columns["b"]] == 2
    assert found.is_phrase.sum() == 2
    assert not hasattr(given, "vocabulary_")  # a copy was fitted


def test_a_vectorizer_that_finds_nothing():
    options = term_options(None, "english", None, CountVectorizer(stop_words=["cat"]))
    with pytest.raises(InputError, match="the vectorizer finds no terms in the texts: empty vocabulary"):
        DocumentTerms.from_texts(pl.Series(["cat"]), options)


@pytest.fixture(scope="module")
def pets():
    texts = [f"purring cat {i}" for i in range(6)] + [f"barking dog {i}" for i in range(6)]
    return ss.Space.from_vectors([str(i) for i in range(12)], np.repeat(np.eye(2), 6, axis=0) + np.linspace(
        0, 0.01, 12)[:, None], {"text": texts})  # fmt: skip


def test_options_hold_after_edits_and_on_disk(tmp_path, pets):
    groups = ss.cluster(pets, n_clusters=2, stop_words=["purring", "barking"], progress=False)
    assert sorted(groups.keywords) == [("cat",), ("dog",)]
    ss.save(groups, tmp_path / "g")
    for value in (groups, ss.load(tmp_path / "g")):
        assert set(value.merge([0, 1]).keywords[0]) == {"cat", "dog"}
        more = ss.Space.from_vectors(["new"], [[0, 1]], {"text": ["barking purring"]})
        assert sorted(value.update(more, progress=False).keywords) == [("cat",), ("dog",)]


def test_a_vectorizer_names_groups(tmp_path, pets):
    groups = ss.cluster(pets, n_clusters=2, vectorizer=CountVectorizer(vocabulary=["cat", "barking"]), progress=False)
    assert sorted(groups.names) == ["barking", "cat"]
    assert set(groups.merge([0, 1]).keywords[0]) == {"cat", "barking"}
    ss.save(groups, tmp_path / "g")
    assert ss.load(tmp_path / "g").names == groups.names


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"stop_words": "klingon"}, "a language in stop_words must be one of dutch, english, french, german"),
        ({"language": "xx"}, "a language in language must be one of dutch, english"),
        ({"language": "germn"}, "did you mean 'german'"),
        ({"language": ["en", 3]}, "language must hold only strings; item 1 is int: 3"),
        ({"stop_words": ["a", 3]}, "stop_words must hold only strings; item 1 is int: 3"),
        ({"ngrams": 2}, r"ngrams must be two numbers of words, such as \(1, 2\); got 2"),
        ({"ngrams": (2, 1)}, "the second of ngrams must be a whole number"),
        ({"ngrams": (0, 1)}, "the first of ngrams must be a whole number"),
        ({"ngrams": (1, 9)}, "the second of ngrams must be a whole number"),
        ({"vectorizer": "count"}, "vectorizer must be a vectorizer of scikit-learn.*got str"),
        ({"vectorizer": CountVectorizer}, "got the class CountVectorizer"),
        ({"vectorizer": HashingVectorizer()}, "get_feature_names_out; got HashingVectorizer"),
        ({"vectorizer": CountVectorizer(), "ngrams": (1, 2)}, "vectorizer and ngrams both decide"),
        ({"vectorizer": CountVectorizer(), "stop_words": ["a"]}, "vectorizer and stop_words both decide"),
        ({"vectorizer": CountVectorizer(), "language": "german"}, "vectorizer and language both decide"),
    ],
)
def test_options_are_checked_before_anything_is_clustered(pets, given, said):
    with pytest.raises(InputError, match=said):
        ss.cluster(pets, n_clusters=2, progress=False, **given)


def test_options_need_texts():
    space = ss.Space.from_vectors(["a", "b"], [[1, 0], [0, 1]])
    with pytest.raises(InputError, match="this space has none; pass the corpus"):
        ss.cluster(space, n_clusters=2, stop_words=["a"], progress=False)


@pytest.mark.parametrize("language", LANGUAGES)
def test_stop_words_are_words(language):
    assert all(word == word.lower().strip() and " " not in word for word in words_of(language))
    assert len(words_of(language)) > 100
