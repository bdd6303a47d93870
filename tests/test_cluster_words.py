"""What groups are called: their words and phrases, titles, a person's own namer, and topics looked for."""

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import csr_array

import semspace as ss
from semspace.clusters import keywords, seeding
from semspace.clusters.distinct_points import distinct_points, distinct_rows
from semspace.clusters.document_terms import DocumentTerms
from semspace.clusters.names import ask_namer, distinct_names
from semspace.clusters.term_counts import TermCounts
from semspace.errors import InputError, SemspaceWarning


def terms_of(texts):
    return DocumentTerms.from_texts(pl.Series(texts, dtype=pl.String))


def held(terms, document):
    return {word for word, there in zip(terms.terms, terms.matrix[[document]].toarray()[0], strict=True) if there}


@pytest.fixture(scope="module")
def shuttles():
    """Twelve texts of a space shuttle and twelve of a hard disk, among many words of their own."""

    def filler(text, n=14):
        letters = "abcdefghijklmnopqrstuvwxyz"
        return " ".join(f"{letters[text]}{letters[i]}{letters[(text + i) % 26]}q" for i in range(n))

    about = ["space shuttle"] * 12 + ["hard disk"] * 12
    return [f"{filler(i)} {phrase} {filler(i)[::-1]}" for i, phrase in enumerate(about)]


# -- which words count ------------------------------------------------------------------------------------


def test_stop_words_numbers_and_short_words_say_nothing():
    terms = terms_of(["The cat said it's 1984 and up", "cats don't, we're 12, they’ve I'll", "élan élan 猫"])
    assert set(terms.terms) == {"cat", "cats", "élan", "猫"}
    assert not terms.is_phrase.any()


def test_a_word_counts_once_for_a_document():
    terms = terms_of(["cat cat cat dog", "cat", "dog bird"])
    assert dict(zip(terms.terms, terms.document_counts.tolist(), strict=True)) == {"cat": 2, "dog": 2, "bird": 1}
    assert held(terms, 0) == {"cat", "dog"}
    assert terms.columns == {word: column for column, word in enumerate(terms.terms)}


@pytest.mark.parametrize("empty", ["", "   ", None])
def test_an_empty_text_holds_no_word_and_moves_none(empty):
    terms = terms_of(["cat", empty, "dog"])
    assert [held(terms, row) for row in range(3)] == [{"cat"}, set(), {"dog"}]


@pytest.mark.parametrize("texts", [["", None], [".", "!"], ["🙂", "，。"], ["the", "of"], ["1", "22 333"]])
def test_texts_without_a_word(texts):
    terms = terms_of(texts)
    assert terms.terms == ()
    assert terms.matrix.shape == (2, 0)
    labels = np.int32([0, 1])
    assert keywords.keywords(terms, labels, 2) == [(), ()]
    assert keywords.titles(terms, labels, [(), ()]) == ["", ""]
    assert np.isnan(keywords.coherence(terms, [(), ()])).all()


def test_words_of_groups_are_counted_without_outliers():
    terms = terms_of(["cat dog", "cat", "dog", "cat dog"])
    counts = terms.group_counts(np.int32([0, 0, 1, -1]), 2).toarray()
    cat, dog = terms.columns["cat"], terms.columns["dog"]
    assert counts[:, [cat, dog]].tolist() == [[2, 1], [0, 1]]


def test_phrases_are_found_and_stand_for_their_words(shuttles):
    terms = terms_of(shuttles)
    phrases = {word for word, is_one in zip(terms.terms, terms.is_phrase, strict=True) if is_one}
    assert phrases == {"space shuttle", "hard disk"}
    assert "space shuttle" in held(terms, 0)
    assert "shuttle" not in held(terms, 0)
    assert terms.document_counts[terms.columns["hard disk"]] == 12


@settings(max_examples=25, deadline=None)
@pytest.mark.filterwarnings("ignore:many texts are in")
@given(
    st.lists(
        st.one_of(st.none(), st.text(st.characters(exclude_categories=["Cs"]), max_size=20)), min_size=1, max_size=6
    )
)
def test_any_texts_give_a_sound_vocabulary(texts):
    terms = terms_of(texts)
    assert terms.matrix.shape == (len(texts), len(terms.terms))
    assert set(np.unique(terms.matrix.data)) <= {1}
    labels = np.zeros(len(texts), np.int32)
    words = keywords.keywords(terms, labels, 1)
    assert set(words[0]) <= set(terms.terms)
    assert len(keywords.titles(terms, labels, words)) == 1


# -- keywords ---------------------------------------------------------------------------------------------


def test_counts_in_groups_that_overlap_by_hand():
    """Three texts, two groups that share one; compared with all three texts."""
    terms = DocumentTerms(("cat", "dog"), csr_array(np.array([[1, 0], [1, 1], [0, 0]], np.float32)), np.zeros(2, bool))
    counts = TermCounts.of_members(terms, csr_array(np.array([[1, 1, 0], [0, 1, 1]], np.float32)))
    assert counts.in_groups.toarray().tolist() == [[2, 1], [1, 1]]
    assert (counts.sizes.tolist(), counts.in_all.tolist(), counts.n) == ([2, 2], [2, 1], 3)


def test_weights_by_hand():
    """Of four documents, group 0 has two. "cat": 1 · log(1 / 0.5); "fur": 0.5 · log(0.5 / 0.5); "all": 1 · log 1."""
    terms = terms_of(["cat fur everyone", "cat everyone", "dog fur everyone", "dog everyone"])
    (columns, weights), _ = keywords._ranked(terms, TermCounts.of_labels(terms, np.int32([0, 0, 1, 1]), 2))
    assert [terms.terms[c] for c in columns] == ["cat"]
    np.testing.assert_allclose(weights, [np.log(2)])


def test_words_of_two_groups_weigh_by_their_share():
    """Of six documents: "cat" in all of group 0 and a third of group 1; "fur" in two thirds of group 0."""
    texts = ["cat fur", "cat fur", "cat", "cat dog", "dog", "dog"]
    terms = terms_of(texts)
    (columns, weights), _ = keywords._ranked(terms, TermCounts.of_labels(terms, np.int32([0, 0, 0, 1, 1, 1]), 2))
    assert [terms.terms[c] for c in columns] == ["fur", "cat"]
    np.testing.assert_allclose(weights, [2 / 3 * np.log(2), np.log(6 / 4)])


def test_words_that_all_groups_use_name_none():
    terms = terms_of(["shared cat"] * 5 + ["shared dog lonely"] + ["shared dog"] * 4)
    words = keywords.keywords(terms, np.int32([0] * 5 + [1] * 5), 2)
    assert words == [("cat",), ("dog",)]  # "lonely" comes once


def test_words_of_one_document_serve_where_there_are_no_others():
    assert keywords.keywords(terms_of(["cat", "dog"]), np.int32([0, 1]), 2) == [("cat",), ("dog",)]


def test_a_single_group_is_named_by_its_most_frequent_words():
    terms = terms_of(["cat fur", "cat fur", "cat", "zebra"])
    assert keywords.keywords(terms, np.zeros(4, np.int32), 1) == [("cat", "fur")]


def test_words_of_equal_weight_go_by_spelling():
    terms = terms_of(["zebra apple mango"] * 2 + ["ocean"] * 2)
    assert keywords.keywords(terms, np.int32([0, 0, 1, 1]), 2)[0] == ("apple", "mango", "zebra")


def test_outliers_weigh_nothing():
    texts = ["cat"] * 3 + ["dog"] * 3 + ["cat dog noise"] * 20
    terms = terms_of(texts)
    labels = np.int32([0] * 3 + [1] * 3 + [-1] * 20)
    assert keywords.keywords(terms, labels, 2) == [("cat",), ("dog",)]


def test_words_of_the_same_stem_make_way_for_others():
    """By weight alone the three spellings of one word would come first."""
    texts = ["player players playing goal"] * 8 + ["player players playing goal winter"] * 2 + ["ocean"] * 10
    words = keywords.keywords(terms_of(texts), np.int32([0] * 10 + [1] * 10), 2, n=2)[0]
    assert len({word[:4] for word in words}) == 2


def test_likeness_by_hand():
    """Trigrams: _ni nig igh ght ht_ and _na nac ach cht ht_ share one of ten."""
    assert keywords.spelling_similarity("night", "nacht") == pytest.approx(0.2)
    assert keywords.spelling_similarity("cat", "cat") == 1
    assert keywords.spelling_similarity("space shuttle", "shuttle") == 1
    assert keywords.spelling_similarity("cat", "dog") == 0


def test_coherence_by_hand():
    """Always together: 1. Never: -1. As chance would have it: 0."""
    terms = terms_of(["cat fur", "cat fur", "ore cat", "ore"])
    cat_fur = np.log(0.5 / (0.75 * 0.5)) / -np.log(0.5)
    found = keywords.coherence(
        terms, [("cat", "fur"), ("fur", "ore"), ("cat", "fur", "ore"), ("cat",), (), ("cat", "unheard")]
    )
    cat_ore = np.log(0.25 / (0.75 * 0.5)) / -np.log(0.25)
    np.testing.assert_allclose(found, [cat_fur, -1, (cat_fur + cat_ore - 1) / 3, np.nan, np.nan, np.nan])
    assert keywords.coherence(terms_of(["cat fur"] * 2), [("cat", "fur")]).tolist() == [1]
    assert keywords.coherence(terms_of(["cat fur", "cat", "fur", "ore"]), [("cat", "fur")])[0] == pytest.approx(0)


def test_diversity_by_hand():
    assert keywords.diversity([("a", "b"), ("b", "c")]) == 0.75
    assert np.isnan(keywords.diversity([(), ()]))


# -- titles -----------------------------------------------------------------------------------------------


def test_titles_begin_with_a_phrase_of_the_texts(shuttles):
    terms, labels = terms_of(shuttles), np.int32([0] * 12 + [1] * 12)
    words = keywords.keywords(terms, labels, 2)
    titles = keywords.titles(terms, labels, words)
    assert titles[0].split(", ")[0] == "space shuttle"
    assert titles[1].split(", ")[0] == "hard disk"
    assert all("shuttle" not in part for part in titles[0].split(", ")[1:])  # nothing is said twice


def test_a_phrase_names_the_group_where_it_weighs_most(shuttles):
    """Two groups tell of space shuttles; the one where nearly all texts do is called by them."""
    terms, labels = terms_of(shuttles), np.int32([0] * 9 + [1] * 9 + [2] * 6)
    titles = keywords.titles(terms, labels, keywords.keywords(terms, labels, 3))
    assert sum("space shuttle" in title for title in titles) == 1
    assert titles[0].startswith("space shuttle")


def test_titles_without_phrases_are_the_first_three_words():
    terms = terms_of(["apple mango zebra berry"] * 2 + ["ocean"] * 2)
    labels = np.int32([0, 0, 1, 1])
    assert keywords.titles(terms, labels, keywords.keywords(terms, labels, 2)) == [
        "apple, berry, mango",
        "ocean",
    ]


def test_names_are_distinct():
    words = [("a", "b", "c", "d"), ("a", "b", "c", "e"), (), ()]
    assert distinct_names(["a, b, c", "a, b, c", "", ""], words) == ("a, b, c", "a, b, c, e", "group 2", "group 3")
    assert distinct_names(["x", "x", "x"], [(), (), ()]) == ("x", "x (1)", "x (2)")
    assert distinct_names(["x (2)", "x", "x"], [(), (), ()]) == ("x (2)", "x", "x (2) (2)")


def test_known_names_stay_and_others_make_way():
    assert distinct_names(["cat", "dog", "cat"], [("cat",), ("dog",), ("cat", "fur")], {1: "cat"}) == (
        "cat (0)",
        "cat",
        "cat, fur",
    )


@settings(max_examples=50, deadline=None)
@given(
    st.lists(
        st.tuples(st.sampled_from(["", "a", "a (1)", "group 1", "b"]), st.lists(st.sampled_from("abc"))), max_size=6
    )
)
def test_any_titles_become_distinct_names(drawn):
    names = distinct_names([title for title, _ in drawn], [words for _, words in drawn])
    assert len(set(names)) == len(names) == len(drawn)
    assert all(names)


# -- a namer ----------------------------------------------------------------------------------------------


@pytest.fixture
def apart():
    draw = np.random.default_rng(1)
    kinds = np.repeat([0, 1, 2], [12, 10, 8])
    vectors = np.eye(6)[kinds] + draw.normal(scale=0.05, size=(30, 6))
    words = ["cat and fur", "ship and sea", "gold and ore"]
    return ss.Space.from_vectors([f"{i:02d}" for i in range(30)], vectors, {"text": [words[k] for k in kinds]})


def test_a_namer_gets_words_and_examples_and_gives_titles(apart):
    asked = []

    def namer(words, examples):
        asked.append((words, examples))
        return f" about\n{words[0]} "

    groups = ss.cluster(apart, namer=namer, progress=False)
    assert groups.names == ("about cat", "about sea", "about gold")
    assert asked[0] == (["cat", "fur"], ["cat and fur"] * 3)


def test_a_namer_of_a_space_without_texts_gets_ids(space):
    seen = []
    ss.cluster(space, n_clusters=2, namer=lambda words, examples: seen.extend(examples) or words[0], progress=False)
    assert set(seen) <= set(space.ids.tolist())


@pytest.mark.parametrize(
    ("namer", "said"),
    [
        (
            lambda words, examples: 1 / 0,
            "the namer raised ZeroDivisionError: division by zero; the group is called 'cat, fur'",
        ),
        (lambda words, examples: None, "the namer returned None, not a name; the group is called 'cat, fur'"),
        (lambda words, examples: ["a"], "the namer returned ['a'], not a name"),
        (lambda words, examples: "  ", "the namer returned ' ', not a name"),
        (lambda words, examples: "a\ud800", "the namer returned 'a\\ud800', not a name"),
        (lambda words: "a", "the namer raised TypeError: "),
    ],
)
def test_where_a_namer_fails_words_take_its_place(namer, said):
    with pytest.warns(SemspaceWarning) as told:
        assert ask_namer(namer, ["cat", "fur"], ["a cat"], "cat, fur") == "cat, fur"
    assert said in str(told[0].message)


def test_a_namer_that_fails_once_names_the_other_groups(apart):
    def namer(words, examples):
        if "sea" in words:
            raise RuntimeError("too many requests")
        return words[0].upper()

    with pytest.warns(SemspaceWarning, match="the namer raised RuntimeError: too many requests") as told:
        groups = ss.cluster(apart, namer=namer, progress=False)
    assert len(told) == 1
    assert groups.names == ("CAT", "sea, ship", "GOLD")


def test_a_namer_that_always_says_the_same_still_gives_distinct_names(apart):
    groups = ss.cluster(apart, namer=lambda words, examples: "News", progress=False)
    assert groups.names == ("News", "News, sea", "News, gold")


def test_a_long_answer_is_cut_and_markup_is_shown_as_text(apart):
    groups = ss.cluster(apart, namer=lambda words, examples: f"<script>{words[0]}</script>" + "x" * 500, progress=False)
    assert all(len(name) <= 80 for name in groups.names)
    assert "<script>" not in groups._repr_html_()


def test_a_namer_cannot_spoil_the_keywords(apart):
    groups = ss.cluster(apart, namer=lambda words, examples: words.clear() or "title", progress=False)
    assert groups.keywords[0] == ("cat", "fur")


# -- topics looked for ------------------------------------------------------------------------------------


class Compass:
    """An encoder of four words, each an axis."""

    name, dim, fingerprint = "compass", 4, "0" * 64
    words = ("north", "east", "south", "west")

    def encode(self, texts):
        return np.float32([[word in text.split() for word in self.words] for text in texts]) + np.float32(1e-3)


@pytest.fixture
def compass():
    draw = np.random.default_rng(0)
    kinds = np.repeat([0, 1, 2, 3], [20, 15, 12, 10])
    vectors = np.eye(4)[kinds] + draw.normal(scale=0.1, size=(57, 4))
    texts = [f"wind from {Compass.words[k]}" for k in kinds]
    return ss.Space.from_vectors([f"{i}" for i in range(57)], vectors, {"text": texts}, encoder=Compass())


def test_keys_of_seed_words_name_the_groups_nearest_to_them(compass):
    groups = ss.cluster(compass, n_clusters=4, seed_words={"Antarctic": ["south"], "Orient": ["east"]}, progress=False)
    assert groups.names == ("north", "Orient", "Antarctic", "west")
    assert groups.labels.tolist() == np.repeat([0, 1, 2, 3], [20, 15, 12, 10]).tolist()


def test_seed_words_without_names_leave_the_words(compass):
    groups = ss.cluster(compass, n_clusters=4, seed_words=[["south"], ["east", "west"]], progress=False)
    assert groups.names == ("north", "east", "south", "west")


def test_a_topic_may_be_called_as_its_group_or_another_one_is(compass):
    assert ss.cluster(compass, n_clusters=4, seed_words={"south": ["south"]}, progress=False).names[2] == "south"
    names = ss.cluster(compass, n_clusters=4, seed_words={"north": ["south"]}, progress=False).names
    assert names[2] == "north"
    assert len(set(names)) == 4


def test_there_are_no_more_topics_than_groups(compass):
    topics = {name: [word] for name, word in zip("abcd", Compass.words, strict=True)}
    assert set(ss.cluster(compass, n_clusters=4, seed_words=topics, progress=False).names) == set("abcd")
    with pytest.raises(InputError, match="n_clusters must be at least 4, the number of topics in seed_words; got 3"):
        ss.cluster(compass, n_clusters=3, seed_words=topics, progress=False)


def test_more_topics_than_groups_that_were_found_name_as_many_as_there_are(compass):
    topics = seeding.seed_topics({name: [word] for name, word in zip("abcd", Compass.words, strict=True)}, compass)
    groups = ss.cluster(compass, n_clusters=2, progress=False)
    assert set(seeding.topic_names(groups, topics)) == {"a", "b"}


def test_points_are_drawn_half_the_way_to_their_topic(compass):
    rows, _, counts = distinct_rows(compass.vectors)
    points = distinct_points(compass.vectors, rows, counts)
    topic = seeding.seed_topics([["south"]], compass)
    moved = seeding.attracted(points, topic, group_count=10.0)
    aim = points.center(topic.vectors)[0]
    changed = np.flatnonzero(
        (moved.vectors != points.vectors).any(axis=1) & (moved.vectors @ aim > points.vectors @ aim + 1e-6)
    )
    nearest = np.argsort(-(points.vectors @ aim))[:6]  # 57 points, 10 groups
    assert set(changed) <= set(nearest)
    assert len(changed) >= 5
    halfway = points.vectors[nearest[-1]] + aim
    np.testing.assert_allclose(moved.vectors[nearest[-1]], halfway / np.linalg.norm(halfway), atol=1e-6)


def test_seed_words_are_encoded_as_questions_are(compass):
    with pytest.raises(InputError, match="must have some text"):
        ss.cluster(compass, seed_words=[[" "]], progress=False)
    topics = seeding.seed_topics({"a": ["north", "east"]}, compass)
    np.testing.assert_allclose(topics.vectors[0], [0.7071, 0.7071, 0.0014, 0.0014], atol=1e-3)
    assert seeding.seed_topics(None, compass) is None


def test_a_phrase_with_a_keyword_counts_twice():
    """``space shuttle`` weighs a fifth of ``shuttle``: too little for a title (0.3), but for the keyword in it."""
    matrix = np.zeros((20, 3), np.float32)
    matrix[:10, 0], matrix[:2, 1], matrix[10:, 2] = 1, 1, 1
    is_phrase = np.array([False, True, False])
    labels = np.repeat([0, 1], 10).astype(np.int32)
    terms = DocumentTerms(("shuttle", "space shuttle", "wine"), csr_array(matrix), is_phrase)
    assert keywords.titles(terms, labels, [("shuttle",), ("wine",)]) == ["space shuttle", "wine"]
    terms = DocumentTerms(("shuttle", "space station", "wine"), csr_array(matrix), is_phrase)
    assert keywords.titles(terms, labels, [("shuttle",), ("wine",)]) == ["shuttle", "wine"]
