"""Clusterings of one space share its neighbours and words, and are those of a space that was never clustered."""

import gc

import numpy as np
import pytest

import semspace as ss
from semspace.clusters import distinct_points, document_terms, kept

QUIET = {"progress": False}


def four_clouds(n=400, seed=0):
    draw = np.random.default_rng(seed)
    labels = np.repeat(np.arange(4), n // 4)
    return (draw.normal(size=(n, 6)) + 4 * np.eye(4, 6)[labels]).astype(np.float32), labels


def space_of(seed=0, n=400):
    points, labels = four_clouds(n, seed)
    nouns = ("apple", "engine", "river", "violin")
    texts = [f"the {nouns[label]} number {row} is {nouns[label]}like" for row, label in enumerate(labels)]
    return ss.Space.from_vectors([str(row) for row in range(len(points))], points, {"text": texts})


@pytest.fixture
def counted(monkeypatch):
    """How often neighbours were searched for, and texts were split."""
    counts = {"neighbors": 0, "terms": 0}
    search, split = distinct_points.KnnSearch.neighbors, document_terms.DocumentTerms.from_texts.__func__

    def neighbors(self, k):
        counts["neighbors"] += 1
        return search(self, k)

    def from_texts(cls, texts, *options):
        counts["terms"] += 1
        return split(cls, texts, *options)

    monkeypatch.setattr(distinct_points.KnnSearch, "neighbors", neighbors)
    monkeypatch.setattr(document_terms.DocumentTerms, "from_texts", classmethod(from_texts))
    return counts


@pytest.mark.parametrize(
    "options",
    [
        {}, {"granularity": 2.0}, {"n_clusters": 3}, {"method": "hdbscan"}, {"outliers": 0.1}, {"method": "ward"},
        {"stop_words": ["apple"]}, {"language": None}, {"ngrams": (1, 2)}, {"seed": 3},
    ],
)  # fmt: skip
def test_a_later_clustering_is_that_of_a_fresh_space(options):
    used = space_of()
    ss.cluster(used, **QUIET)
    again, fresh = ss.cluster(used, **options, **QUIET), ss.cluster(space_of(), **options, **QUIET)
    np.testing.assert_array_equal(again.labels, fresh.labels)
    assert again.keywords == fresh.keywords
    assert again.names == fresh.names
    np.testing.assert_array_equal(again.stability, fresh.stability)
    assert again.documents().equals(fresh.documents())


def test_neighbours_and_words_are_computed_once(counted):
    space = space_of()
    ss.cluster(space, **QUIET)
    assert counted == {"neighbors": 1, "terms": 1}
    ss.cluster(space, granularity=2.0, **QUIET)
    ss.cluster(space, outliers=0.1, **QUIET)
    assert counted == {"neighbors": 1, "terms": 1}
    ss.cluster(space, language="german", **QUIET)
    assert counted == {"neighbors": 1, "terms": 2}
    ss.cluster(space, max_points=200, **QUIET)
    assert counted["neighbors"] == 2


def test_nothing_is_kept_for_a_space_that_is_gone(counted):
    gc.collect()
    before = len(kept._KEPT)
    space = space_of()
    ss.cluster(space, **QUIET)
    assert len(kept._KEPT) == before + 1
    del space
    gc.collect()
    assert len(kept._KEPT) == before
    ss.cluster(space_of(), **QUIET)
    assert counted == {"neighbors": 2, "terms": 2}


def test_what_takes_much_memory_is_not_kept(counted, monkeypatch):
    monkeypatch.setattr(kept, "_MAX_POINTS", 10)
    monkeypatch.setattr(kept, "_MAX_TERMS", 10)
    space = space_of()
    for _ in range(2):
        ss.cluster(space, **QUIET)
    assert counted == {"neighbors": 2, "terms": 2}


def test_a_vectorizer_is_asked_each_time():
    from sklearn.feature_extraction.text import CountVectorizer

    space, vectorizer = space_of(), CountVectorizer(stop_words=["apple"])
    assert all("apple" not in words for words in ss.cluster(space, vectorizer=vectorizer, **QUIET).keywords)
    vectorizer.stop_words = ["engine"]
    found = ss.cluster(space, vectorizer=vectorizer, **QUIET).keywords
    assert any("apple" in words for words in found)
    assert all("engine" not in words for words in found)


def test_seed_words_do_not_change_what_is_kept():
    encoder = ss.WordAverage(
        ss.Space.from_vectors(["apple", "engine", "river", "violin"], np.eye(4, 6)), frequencies="zipf"
    )
    points, _ = four_clouds(200)
    texts = [f"word {row}" for row in range(len(points))]
    space = ss.Space.from_vectors([str(row) for row in range(len(points))], points, {"text": texts}, encoder)
    before = ss.cluster(space, **QUIET)
    ss.cluster(space, seed_words=[["apple"], ["engine"]], **QUIET)
    np.testing.assert_array_equal(ss.cluster(space, **QUIET).labels, before.labels)
