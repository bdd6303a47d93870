"""BM25 against a slow implementation of its formula and against bm25s where that is installed; the traps of others."""

import math
from collections import Counter
from functools import cache

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from semspace.lexical import BM25, Postings
from semspace.lexical.search_words import search_words

TEXTS = ["a red cat", "the dog and the cat", "a cat a cat", "", "dogs"]
WORDS = st.sampled_from(["cat", "dog", "red", "IL-6", "p53", "東京", "don't", "x"])
TEXT = st.lists(WORDS, max_size=6).map(" ".join)


@cache
def words_of(text):
    return search_words(pl.Series([text], dtype=pl.String))[0].to_list()


def slow_scores(texts, query, k1=1.2, b=0.75):
    """BM25 word by word, as it stands in the docstring."""
    documents = [words_of(text) for text in texts]
    n, mean = len(texts), sum(map(len, documents)) / max(len(texts), 1)
    scores = []
    for document in documents:
        score = 0.0
        for word in words_of(query):
            tf, df = document.count(word), sum(word in other for other in documents)
            if tf:
                idf = math.log(1 + (n - df + 0.5) / (df + 0.5))
                score += idf * tf / (tf + k1 * (1 - b + b * len(document) / mean))
        scores.append(score)
    return np.array(scores)


def postings(texts, first=0):
    return Postings.of(pl.Series(texts, dtype=pl.String), first)


def test_by_hand():
    """Two of three texts have the word, once each; lengths 1 and 3 of a mean of 2."""
    scores = BM25([postings(["cat", "cat dog dog", "dog dog"])]).scores("cat")
    idf = math.log(1 + 1.5 / 2.5)
    np.testing.assert_allclose(
        scores, [idf / (1 + 1.2 * (0.25 + 0.75 / 2)), idf / (1 + 1.2 * (0.25 + 0.75 * 1.5)), 0], rtol=1e-6
    )


@settings(max_examples=60, deadline=None)
@given(st.lists(TEXT, min_size=1, max_size=8), TEXT)
def test_as_the_formula_says(texts, query):
    np.testing.assert_allclose(BM25([postings(texts)]).scores(query), slow_scores(texts, query), rtol=1e-5)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(TEXT, st.booleans()), min_size=1, max_size=8), TEXT, st.integers(0, 8))
def test_parts_and_deleted_texts_change_nothing(given_texts, query, cut):
    texts, alive = [text for text, _ in given_texts], np.array([live for _, live in given_texts])
    cut = min(cut, len(texts))
    parts = [part for part in (postings(texts[:cut]), postings(texts[cut:], cut)) if len(part)]
    scores = BM25(parts, alive).scores(query)
    np.testing.assert_allclose(scores[alive], slow_scores([t for t, live in given_texts if live], query), rtol=1e-5)
    assert not scores[~alive].any()


def test_the_order_is_that_of_bm25s():
    bm25s = pytest.importorskip("bm25s")
    rng = np.random.default_rng(0)
    vocabulary = [f"word{chr(97 + i // 26)}{chr(97 + i % 26)}" for i in range(200)]
    texts = [" ".join(rng.choice(vocabulary, rng.integers(5, 40))) for _ in range(300)]
    theirs = bm25s.BM25(method="lucene", k1=1.2, b=0.75)
    theirs.index([words_of(text) for text in texts], show_progress=False)
    ours = BM25([postings(texts)])
    for query in ("wordaa wordbc wordcd", "wordab wordab wordee"):
        np.testing.assert_allclose(ours.scores(query), theirs.get_scores(words_of(query)), rtol=1e-4, atol=1e-6)


def test_a_word_of_no_text_finds_nothing_and_adds_nothing():
    bm25 = BM25([postings(TEXTS)])
    assert not bm25.scores("zebra").any()
    assert not bm25.scores("").any()
    assert not bm25.scores("?!").any()
    np.testing.assert_array_equal(bm25.scores("cat zebra"), bm25.scores("cat"))


def test_only_texts_with_a_word_of_the_query_have_points():
    scores = BM25([postings(TEXTS)]).scores("a cat")
    np.testing.assert_array_equal(scores > 0, [True, True, True, False, False])


def test_a_word_of_every_text_still_counts():
    """Robertson's own idf would be negative here, and many engines return nothing."""
    assert (BM25([postings(["the cat", "the dog"])]).scores("the") > 0).all()


@pytest.mark.parametrize(
    ("text", "query"),
    [
        ("x" * 5_000, "X" * 5_000), ("我们去东京大学", "东京"), ("東京タワーに行く", "タワー"), ("ภาษาไทยง่าย", "ไทย"),
        ("សួស្តី", "សួស្តី"),
        ("the cafe\u0301", "CAFÉ"), ("of COVID-19", "covid-19"), ("the gene TP53", "tp53"), ("IL-6 and IL-8", "il-6"),
        ("see RFC 2119, 3.14 and v2.3.1-rc1", "V2.3.1-RC1"), ("call my_function here", "my_function"),
        ("l’été", "l'été"), ("😀 q", "Q"), ("a\x00b", "b"),
    ],
)  # fmt: skip
def test_long_words_codes_and_other_scripts_are_found(text, query):
    scores = BM25([postings(["another text 6 19 53", text, "一些话"])]).scores(query)
    assert scores.argmax() == 1
    assert scores[1] > 0


def test_a_code_as_a_whole_comes_before_its_parts():
    scores = BM25([postings(["p 53 p 53 53", "a p53", "a 53"])]).scores("p53")
    assert scores.argmax() == 1


@settings(max_examples=50, deadline=None)
@given(st.lists(st.text(max_size=30), max_size=6))
def test_any_texts_are_counted(texts):
    texts = [text.encode("utf-8", "ignore").decode() for text in texts]
    part = postings(texts)
    for row, text in enumerate(texts):
        for word, times in Counter(words_of(text)).items():
            rows, counts = part.of_word(word)
            assert counts[rows.tolist().index(row)] == times
    assert part.counts.sum() == part.lengths.sum() == sum(len(words_of(text)) for text in texts)


def test_more_texts_than_a_piece(monkeypatch):
    whole = postings(TEXTS * 5)
    monkeypatch.setattr("semspace.lexical.postings._PIECE", 3)
    pieces = postings(TEXTS * 5)
    np.testing.assert_array_equal(BM25([whole]).scores("red dog"), BM25([pieces]).scores("red dog"))
