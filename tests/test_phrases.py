"""Phrases: counted, scored and joined as gensim does, never across documents, the same each time."""

import numpy as np
import polars as pl
import pytest
from gensim.models.phrases import ENGLISH_CONNECTOR_WORDS
from gensim.models.phrases import Phrases as Gensim
from hypothesis import given, settings
from hypothesis import strategies as st

import semspace as ss
from semspace.bundle import open_bundle
from semspace.errors import InputError
from semspace.text import phrase_kernel
from semspace.text.phrases import ENGLISH, KIND, PhraseModel, Phrases, read_bundle

WORDS = ["a", "b", "c", "d", "of", "the"]
documents_of_few_words = st.lists(st.lists(st.sampled_from(WORDS), max_size=12), min_size=1, max_size=12)


def tokens_of(documents):
    """Tokens of documents that are lists of words, spelled as they are."""
    words, counts = np.unique([word for document in documents for word in document], return_counts=True)
    vocabulary = pl.DataFrame({"word": words.tolist(), "count": counts}, schema={"word": pl.String, "count": pl.Int64})
    vocabulary = vocabulary.sort(["count", "word"], descending=[True, False])
    number = {word: i for i, word in enumerate(vocabulary["word"])}
    ids = np.array([number[word] for document in documents for word in document], np.int32)
    return ss.Tokens(ids, np.cumsum([0, *map(len, documents)]).astype(np.int64), vocabulary, {"source": "test"})


def documents_of(tokens):
    words = tokens.words
    return [[words[i] for i in document.tolist()] for document in tokens.documents()]


def text(*lines):
    return tokens_of([line.split() for line in lines])


def scores(book):
    table = book.to_frame()
    return dict(zip(table["phrase"], table["score"], strict=True))


def train(tokens, **options):
    return Phrases(**options).train(tokens, progress=False)


def test_the_score_of_a_pair_worked_by_hand():
    # Words: new 4, york 3, is 2, big, i, love 1: six of them. Pairs: new york 3, and york is, is big, i love, love new,
    # is new, york new once each: seven of them. With min_count 1 those seen once score 0, and
    # new york (3 - 1) / (4 * 3) * 13 = 13 / 6.
    tokens = text("new york is big", "i love new york", "is new york new")
    book = train(tokens, min_count=1, threshold=1)
    assert book.to_frame().rows() == [("new_york", 3, pytest.approx(13 / 6, rel=1e-15))]
    assert book.provenance["passes"] == [{"vocabulary": 13, "forgotten": 0, "phrases": 1}]
    assert documents_of(book.apply(tokens)) == [
        ["new_york", "is", "big"],
        ["i", "love", "new_york"],
        ["is", "new_york", "new"],
    ]
    assert not len(train(tokens, min_count=1, threshold=13 / 6))  # a phrase scores above the threshold, not at it
    assert not len(train(tokens, min_count=3, threshold=0.01))


def test_npmi_worked_by_hand():
    # Eight words; x and y come twice each and always together, z and w twice each but together once. So
    # npmi(x, y) = ln(1/4 / (1/4 * 1/4)) / -ln(1/4) = 1, npmi(z, w) = ln(1/8 / (1/4 * 1/4)) / -ln(1/8) = 1/3.
    tokens = text("x y", "x y", "z w", "w", "z")
    assert scores(train(tokens, min_count=1, threshold=0, scoring="npmi")) == {
        "x_y": pytest.approx(1.0),
        "z_w": pytest.approx(1 / 3),
    }
    assert scores(train(tokens, min_count=2, threshold=-1, scoring="npmi")) == {"x_y": pytest.approx(1.0)}


def test_connector_words_stand_inside_phrases_only():
    # Words that connect nothing: bank, america and day twice each, so three of them, and two pairs, america day and
    # bank of the america; the score of each is (2 - 1) / (2 * 2) * 5 = 1.25.
    tokens = text("the bank of the america day of", "bank of the america day the")
    book = train(tokens, min_count=1, threshold=1, connector_words={"of", "the"})
    assert scores(book) == {"bank_of_the_america": 1.25, "america_day": 1.25}
    assert documents_of(book.apply(tokens)) == [
        ["the", "bank_of_the_america", "day", "of"],
        ["bank_of_the_america", "day", "the"],
    ]


def test_the_first_phrase_met_wins():
    tokens = text(*["new york times"] * 3, "york times")
    book = train(tokens, min_count=1, threshold=0.1)
    assert set(scores(book)) == {"new_york", "york_times"}
    assert documents_of(book.apply(tokens)) == [["new_york", "times"]] * 3 + [["york_times"]]


def test_a_second_pass_makes_longer_phrases():
    tokens = text(*["new york times"] * 4, "new york", "times")
    book = train(tokens, min_count=1, threshold=0.3, passes=2)
    assert dict(book.phrases.select("phrase", "pass").rows()) == {"new_york": 1, "york_times": 1, "new_york_times": 2}
    assert documents_of(book.apply(tokens)) == [["new_york_times"]] * 4 + [["new_york"], ["times"]]


def test_phrases_end_with_their_document():
    tokens = text(*["x y"] * 3, "x", "y", "", "y x")
    book = train(tokens, min_count=1, threshold=0.1)
    assert documents_of(book.apply(tokens)) == [["x_y"]] * 3 + [["x"], ["y"], [], ["y", "x"]]
    assert not len(train(text("x", "y", "x", "y", "", "x", "y"), min_count=1, threshold=1e-9))


def test_numbers_are_new_frequent_words_first():
    tokens = text("b b x y", "x y", "x y", "x y x")
    joined = train(tokens, min_count=1, threshold=0.5).apply(tokens)
    assert joined.vocabulary.rows() == [("x_y", 4), ("b", 2), ("x", 1)]
    assert joined.ids.tolist() == [1, 1, 0, 0, 0, 0, 2]
    assert joined.ids.dtype == np.int32
    assert not joined.ids.flags.writeable
    assert joined.provenance["source"] == "test"
    assert joined.provenance["phrases"]["joined"] == 4
    assert joined.provenance["phrases"]["book"]["trainer"]["min_count"] == 1


def test_nothing_to_join_changes_nothing():
    tokens = text("a b c d")
    book = train(tokens)
    assert len(book) == 0
    assert repr(book) == "PhraseModel of 0 phrases"
    assert book.apply(tokens) is tokens
    empty = tokens_of([[], []])
    assert train(empty).apply(empty) is empty
    assert train(text(*["x y"] * 9)).apply(empty) is empty


def test_other_texts_are_matched_by_spelling():
    book = train(text(*["new york", "bank of england"] * 5), min_count=1, threshold=0.1, connector_words="english")
    other = text("the the bank of england", "england of new york", "bank of of england")
    assert documents_of(book.apply(other)) == [
        ["the", "the", "bank_of_england"],
        ["england", "of", "new_york"],
        ["bank", "of", "of", "england"],
    ]


def test_a_phrase_spelled_like_a_word_is_that_word():
    tokens = text(*["new york"] * 3, "new_york", "new_york x")
    joined = train(tokens, min_count=1, threshold=0.1).apply(tokens)
    assert joined.vocabulary.rows() == [("new_york", 5), ("x", 1)]
    assert documents_of(joined) == [["new_york"]] * 4 + [["new_york", "x"]]


def test_another_delimiter():
    tokens = text(*["new york"] * 3)
    assert train(tokens, min_count=1, threshold=0.1, delimiter=" ").apply(tokens).words == ["new york"]


def test_english_connectors_are_those_of_gensim():
    assert ENGLISH == ENGLISH_CONNECTOR_WORDS


@st.composite
def settings_of_both(draw):
    scoring = draw(st.sampled_from(["default", "npmi"]))
    return {
        "scoring": scoring,
        "threshold": draw(st.sampled_from([0.05, 0.4, 1.1, 2.5] if scoring == "default" else [-0.9, 0.01, 0.3, 0.7])),
        "min_count": draw(st.integers(1, 3)),
        "connector_words": draw(st.sampled_from([frozenset(), frozenset({"of", "the"}), frozenset({"a", "none"})])),
    }


@settings(max_examples=200, deadline=None)
@given(documents=documents_of_few_words, options=settings_of_both())
def test_phrases_are_those_of_gensim(documents, options):
    tokens, theirs = tokens_of(documents), Gensim(documents, **options)
    book = train(tokens, **options)
    assert scores(book) == pytest.approx(theirs.export_phrases(), rel=1e-14)
    assert dict(book.to_frame().select("phrase", "count").rows()) == {p: theirs.vocab[p] for p in scores(book)}
    assert book.provenance["passes"][0]["vocabulary"] == len(theirs.vocab)
    joined = book.apply(tokens)
    assert documents_of(joined) == [theirs[document] for document in documents]


@settings(max_examples=100, deadline=None)
@given(documents=documents_of_few_words, options=settings_of_both())
def test_two_passes_are_two_of_gensims(documents, options):
    tokens, book = tokens_of(documents), train(tokens_of(documents), **options, passes=2)
    first = Gensim(documents, **options)
    once = [first[document] for document in documents]
    second = Gensim(once, **options)
    assert documents_of(book.apply(tokens)) == [second[document] for document in once]
    assert [step["vocabulary"] for step in book.provenance["passes"]] in (
        [len(first.vocab), len(second.vocab)],
        [len(first.vocab)],  # a second pass after a first that found nothing would find nothing
    )


@settings(max_examples=100, deadline=None)
@given(documents=documents_of_few_words, others=documents_of_few_words, options=settings_of_both())
def test_no_word_is_lost(documents, others, options):
    book = train(tokens_of(documents), **options, passes=3)
    tokens = tokens_of(others)
    joined = book.apply(tokens)
    assert [[part for word in document for part in word.split("_")] for document in documents_of(joined)] == others
    joins = sum(word.count("_") for document in documents_of(joined) for word in document)
    assert len(tokens) == len(joined) + joins
    counts = np.bincount(joined.ids, minlength=len(joined.vocabulary))
    assert joined.vocabulary["count"].to_list() == counts.tolist()
    assert joined.vocabulary["word"].n_unique() == len(joined.vocabulary)


@pytest.fixture(scope="module")
def wikipedia():
    return ss.Tokens.from_corpus(ss.corpora.load("wikipedia-sample"))


@pytest.mark.parametrize(
    "options",
    [
        {"min_count": 3},
        {"min_count": 3, "connector_words": ENGLISH},
        {"min_count": 4, "scoring": "npmi", "threshold": 0.5, "connector_words": ENGLISH},
    ],
)
def test_a_real_text_against_gensim(wikipedia, options):
    documents = documents_of(wikipedia)
    theirs, book = Gensim(documents, **options), train(wikipedia, **options)
    assert len(book) > 100
    if "scoring" in options:
        assert scores(book) == pytest.approx(theirs.export_phrases(), rel=1e-14)
    else:
        assert scores(book) == theirs.export_phrases()
    assert documents_of(book.apply(wikipedia)) == [theirs[document] for document in documents]
    half = [document[: len(document) // 2] for document in documents[::-1]]
    assert documents_of(book.apply(tokens_of(half))) == [theirs[document] for document in half]


@settings(max_examples=50, deadline=None)
@given(documents=documents_of_few_words, options=settings_of_both(), block=st.integers(1, 9))
def test_blocks_and_hashes_leave_no_trace(documents, options, block):
    tokens = tokens_of(documents)
    whole = train(tokens, **options)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(phrase_kernel, "BLOCK", block)
        patch.setattr(phrase_kernel, "_SECRET", np.uint64(0x9E3779B97F4A7C15))
        in_blocks = train(tokens, **options)
    assert in_blocks.phrases.equals(whole.phrases)
    assert in_blocks.provenance == whole.provenance
    assert train(tokens_of(documents[::-1]), **options).phrases.equals(whole.phrases)


def test_the_table_grows_with_the_pairs(monkeypatch):
    """More pairs than a small table holds, counted against numpy."""
    ids = np.random.default_rng(0).integers(0, 300, 200_000).astype(np.int32)
    ids.setflags(write=False)
    monkeypatch.setattr(phrase_kernel, "BLOCK", 10_000)
    pairs = phrase_kernel.count_pairs(ids, np.array([0, len(ids)]), np.zeros(300, np.bool_), 10**6, progress=False)
    _, first, second = pairs.parts(np.arange(len(pairs.keys)))
    expected = np.zeros((300, 300), np.int64)
    np.add.at(expected, (ids[:-1], ids[1:]), 1)
    assert (expected[first, second] == pairs.counts).all()
    assert pairs.counts.sum() == len(ids) - 1


def test_the_rarest_pairs_are_forgotten_when_memory_is_full(monkeypatch):
    monkeypatch.setattr(phrase_kernel, "BLOCK", 20)
    tokens = text(*["x y"] * 10, *[f"p{i} q{i}" for i in range(10)], *["x y"] * 10)
    book = train(tokens, min_count=1, threshold=0.1, max_vocabulary=5)
    assert book.to_frame().select("phrase", "count").rows() == [("x_y", 20)]
    assert book.provenance["passes"][0]["forgotten"] == 1
    assert book.provenance["passes"][0]["vocabulary"] == 22 + 1


def test_runs_beyond_number_make_no_phrase(monkeypatch):
    monkeypatch.setattr(phrase_kernel, "MAX_RUNS", 2)  # the empty one and one more
    tokens = text(*["x of y", "x the y", "x of the y"] * 3)
    book = train(tokens, min_count=1, threshold=0.01, connector_words={"of", "the"})
    assert set(scores(book)) == {"x_of_y"}
    assert len(train(text("x " + "of " * 500 + "y"), min_count=1, threshold=1, connector_words={"of"})) == 0


def test_saved_and_loaded(tmp_path, wikipedia):
    book = train(wikipedia, min_count=3, connector_words="english", passes=2)
    book.save(tmp_path / "book")
    again = read_bundle(open_bundle(tmp_path / "book", KIND))
    assert again.phrases.equals(book.phrases)
    assert (again.connector_words, again.delimiter) == (ENGLISH, "_")
    assert again.provenance["trainer"]["connector_words"] == sorted(ENGLISH)
    ss.save(wikipedia, tmp_path / "tokens")
    mapped = ss.load(tmp_path / "tokens")
    assert again.apply(mapped).ids.tolist() == book.apply(wikipedia).ids.tolist()
    assert train(mapped, min_count=3, connector_words="english", passes=2).phrases.equals(book.phrases)


def test_what_it_shows():
    book = train(text(*["new york"] * 3, *[f"a{i} b{i}" for i in range(11)] * 2), min_count=1, threshold=0.1)
    assert repr(book).startswith("PhraseModel of 12 phrases, the best 10\nphrase ")
    assert "new_york" not in repr(book)  # frequent, but not among the best
    assert book._repr_html_().count("<tr>") == 11
    assert book.to_frame()["score"].is_sorted(descending=True)
    assert repr(train(text(*["a b"] * 3), min_count=1, threshold=0.1)).startswith("PhraseModel of 1 phrase\n")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"min_count": 0}, "min_count must be a whole number of at least 1; got 0"),
        ({"min_count": 2.5}, "min_count must be a whole number"),
        ({"passes": 0}, "passes must be a whole number"),
        ({"max_vocabulary": 0}, "max_vocabulary must be a whole number"),
        ({"threshold": 0}, "threshold must be a number above 0; got 0"),
        ({"threshold": float("nan")}, "threshold must be a number above 0; got nan"),
        ({"threshold": float("inf")}, "threshold must be a finite number; got inf"),
        ({"threshold": "10"}, "threshold must be a number above 0; got '10'"),
        ({"scoring": "npmi"}, "threshold for scoring='npmi' must be a number of at least -1 and at most 1; got 10.0"),
        ({"scoring": "pmi"}, "scoring must be one of default, npmi; got 'pmi'"),
        ({"scoring": len}, "scoring must be one of default, npmi"),
        ({"delimiter": ""}, "delimiter must be a non-empty string; got ''"),
        ({"delimiter": 5}, "delimiter must be a non-empty string"),
        ({"delimiter": "\ud800"}, "delimiter must be valid Unicode"),
        ({"connector_words": "of"}, "connector_words must be a set of words or 'english'; got 'of'"),
        ({"connector_words": 7}, "connector_words must be a set of words or 'english'; got int"),
        ({"connector_words": [1]}, "connector_words must hold only strings; item 0 is int: 1"),
    ],
)
def test_bad_settings(options, message):
    with pytest.raises(InputError, match=f"^{message}"):
        Phrases(**options)


def test_bad_input():
    tokens = text("a b")
    with pytest.raises(InputError, match=r"^pass a Corpus, Tokens, or lists of words .*; got int$"):
        Phrases().train(7)
    with pytest.raises(InputError, match=r"^pass a Corpus, Tokens, or lists of words .*; got str$"):
        train(tokens).apply("a b")
    with pytest.raises(InputError, match="phrases must be a polars frame with the columns phrase, count"):
        PhraseModel(pl.DataFrame({"phrase": ["a_b"]}))


def test_the_doors_of_phrases_are_those_of_word2vec():
    texts = ["new york is big", "i love new york", "is new york new"]
    corpus = ss.Corpus.from_texts(texts)
    tokens, lists = ss.Tokens.from_corpus(corpus), [text.split() for text in texts]
    books = [Phrases(min_count=1, threshold=1.5).train(one) for one in (corpus, tokens, lists)]
    assert all(book.phrases.equals(books[0].phrases) for book in books)
    assert len({tuple(books[0].apply(one).words) for one in (corpus, tokens, lists)}) == 1


def test_a_trainer_is_a_value():
    assert Phrases(connector_words=["of", "the"]) == Phrases(connector_words={"the", "of"})
    assert len({Phrases(), Phrases(), Phrases(connector_words="english")}) == 2


def test_old_names_work_and_warn():
    with pytest.warns(FutureWarning, match="semspace.Phrasebook is now called semspace.PhraseModel"):
        assert ss.Phrasebook is PhraseModel
    model = train(text(*["new york"] * 3), min_count=1, threshold=0.1)
    with pytest.warns(FutureWarning, match=r"PhraseModel.table\(\) is now called to_frame\(\)"):
        assert model.table().equals(model.to_frame())


@pytest.mark.parametrize("threads", [1, 2])
def test_phrases_do_not_depend_on_the_number_of_threads(wikipedia, threads):
    model, limited = train(wikipedia, min_count=3), train(wikipedia, min_count=3, threads=threads)
    assert limited.phrases.equals(model.phrases)
    assert limited.provenance == model.provenance
    with pytest.raises(InputError, match="threads must be"):
        Phrases(threads=0)
