"""What corpora share: by hand, against plain implementations, planted truths that come back, honest under the null."""

import warnings
from itertools import product

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import semspace as ss
from semspace.comparison.overlap import containment, counterparts, minhash, similar_pairs
from semspace.comparison.overlap.counterparts import coverage
from semspace.comparison.overlap.distinct_texts import DistinctTexts
from semspace.comparison.overlap.duplicates import KINDS, find_duplicates, overlap_counts
from semspace.comparison.overlap.shingles import Shingles
from semspace.comparison.overlap.top_pairs import N_MET, TopPairs, _select, push_pair
from semspace.errors import InputError, SemspaceWarning

WORDS = ["".join(letters) for letters in product("bdfgklmnprst", "aeiou", "bdfgklmnprst", "aeiou")]


def some_text(seed, words=60):
    return " ".join(np.random.default_rng(seed).choice(WORDS, words))


def somewhere(n, dim=40, seed=0):
    return np.random.default_rng(seed).normal(size=(n, dim)).astype(np.float32)


def shared(texts, of, vectors=None, **options):
    vectors = somewhere(len(of)) if vectors is None else vectors
    return find_duplicates(texts, vectors, of, progress=False, **options)


def nearest(vectors, of):
    return counterparts.find_counterparts(vectors, of, progress=False)


def runs(text):
    """The shingles of a text of plain words, as sets of tuples."""
    words = text.split()
    width = min(5, len(words))
    return {tuple(words[i : i + width]) for i in range(len(words) - width + 1)} if words else set()


# -- shingles -------------------------------------------------------------------------------------------------


def test_shingles_by_hand():
    made = Shingles.of(pl.Series(["a b c d e f", "A, b! c d e  f g", "two words", "", "x x x x x x x"]))
    assert np.diff(made.starts).tolist() == [2, 3, 1, 0, 1]
    overlap, containment = made.overlaps(np.array([0, 0, 2]), np.array([1, 2, 3]))
    assert overlap.tolist() == [2 / 3, 0, 0]
    assert containment.tolist() == [1, 0, 0]


def test_a_short_text_is_not_the_beginning_of_a_longer_one():
    made = Shingles.of(pl.Series(["a b c d", "a b c d e", "a b c"]))
    assert len(set(made.hashes.tolist())) == 3


@given(st.lists(st.text("ab ", max_size=24), min_size=2, max_size=6))
def test_overlaps_are_those_of_sets(texts):
    first, second = (np.array(side) for side in zip(*product(range(len(texts)), repeat=2), strict=True))
    overlap, containment = Shingles.of(pl.Series(texts)).overlaps(first, second)
    for at, (i, j) in enumerate(zip(first, second, strict=True)):
        one, other = runs(texts[i]), runs(texts[j])
        both = len(one & other)
        assert overlap[at] == both / max(1, len(one | other))
        assert containment[at] == both / max(1, min(len(one), len(other)))


def test_shingles_do_not_depend_on_blocks(monkeypatch):
    texts = pl.Series([some_text(i, 3 + i) for i in range(20)])
    whole = Shingles.of(texts)
    monkeypatch.setattr("semspace.comparison.overlap.shingles._TEXTS_AT_A_TIME", 7)
    np.testing.assert_array_equal(Shingles.of(texts).hashes, whole.hashes)


# -- MinHash, and texts inside texts --------------------------------------------------------------------------


def changed_copies(count, seed=0):
    """Pairs of texts, of which the second has a few words changed: Jaccard indices of all sizes."""
    draw = np.random.default_rng(seed)
    for i in range(count):
        words = some_text(1_000 + i, 80).split()
        other = list(words)
        for place in draw.choice(80, draw.integers(1, 14), replace=False):
            other[place] = other[place] + "ish"
        yield " ".join(words), " ".join(other)


def test_bands_agree_as_often_as_promised():
    pairs = list(changed_copies(300))
    made = Shingles.of(pl.Series([text for pair in pairs for text in pair]))
    first = np.arange(0, 600, 2)
    overlap, _ = made.overlaps(first, first + 1)
    keys = minhash.band_keys(made)
    agree = (keys[:, first] == keys[:, first + 1]).mean(axis=0)
    for low, high in ((0.2, 0.4), (0.4, 0.6), (0.6, 0.8)):
        here = (overlap >= low) & (overlap < high)
        # 40 bands of about 75 pairs; a share of 1/8 comes with a standard error of 0.006.
        assert here.sum() > 20
        assert agree[here].mean() == pytest.approx((overlap[here] ** 3).mean(), abs=0.04)


def test_near_copies_come_back():
    pairs = list(changed_copies(300, seed=1))
    texts = [one for one, _ in pairs] + [other for _, other in pairs]
    of = np.repeat([0, 1], 300)
    truth = {
        i for i, (one, other) in enumerate(pairs) if len(runs(one) & runs(other)) / len(runs(one) | runs(other)) >= 0.5
    }
    found = shared(texts, of).pairs
    assert found["kind"].unique().to_list() == ["near"]
    assert (found["second"] - found["first"]).unique().to_list() == [300]
    assert set(found["first"]) <= truth
    assert len(found) >= 0.98 * len(truth) > 100


def test_excerpts_are_those_of_all_pairs():
    draw = np.random.default_rng(3)
    texts = [some_text(i, 50) for i in range(30)]
    for i in range(30):  # parts of others, some with a word changed
        words = texts[draw.integers(30)].split()
        start, size = draw.integers(0, 30), draw.integers(8, 21)
        part = words[start : start + size]
        part[-1 - i % 4] = "other" if i % 3 == 0 else part[-1 - i % 4]
        texts.append(" ".join(part))
    corpora = draw.integers(0, 2, 60)
    kept = TopPairs(1_000)
    containment.find_contained(Shingles.of(pl.Series(texts)), corpora, corpora, kept)
    expected = set()
    for i, j in product(range(60), repeat=2):
        one, other = runs(texts[i]), runs(texts[j])
        smaller = len(one) < len(other) or (len(one) == len(other) and i < j)
        if corpora[i] != corpora[j] and smaller and len(one) >= 8 and len(one & other) >= 0.8 * len(one):
            expected.add((i, j))
    assert set(zip(*map(np.ndarray.tolist, kept.best()), strict=True)) == expected
    assert len(expected) >= 3


# -- pairs ----------------------------------------------------------------------------------------------------


def test_planted_twins_come_back_among_the_news():
    news = ss.corpora.load("lee-background").texts.to_list()
    left, right = news[:150], news[150:]
    assert not len(shared(news, np.repeat([0, 1], 150)).pairs.filter(pl.col("kind") == "exact"))
    long = left[3].split()
    planted = [
        "  " + left[0].upper().replace(" ", " \n "),
        left[1].replace(left[1].split()[20], "changed"),
        " ".join(long[10:40]),
        "said in other words altogether",
    ]
    of = np.repeat([0, 1], [150, 154])
    vectors = somewhere(304)
    vectors[303] = vectors[4] + 0.1 * vectors[303]
    before = shared(news, np.repeat([0, 1], 150)).pairs
    found = shared([*news, *planted], of, vectors).pairs
    new = found.filter(pl.col("second") >= 300).sort("second")
    assert new["first"].to_list() == [0, 1, 3, 4]
    assert new["kind"].to_list() == ["exact", "near", "near", "semantic"]
    assert new["overlap"][0] == 1
    assert new["containment"][2] == 1
    assert new["overlap"][2] < 0.5
    assert new["overlap"][3] == 0
    assert new["score"][3] == pytest.approx(1, abs=0.02)
    assert len(found) == len(before) + 4
    assert len(before) <= 5  # news that the corpus itself holds twice
    assert all(len(set(right) & {t}) <= 1 for t in planted)


def test_unicode_case_and_spacing_make_no_difference():
    texts = ["Straße ﬁve", "STRASSE  five\n", "ΟΔΟΣ", "οδος", "!!!", "!!!", "???"]
    found = shared(texts, np.array([0, 1, 0, 1, 0, 1, 1])).pairs
    assert set(zip(found["first"], found["second"], strict=True)) == {(0, 1), (2, 3), (4, 5)}
    assert found["kind"].to_list() == ["exact"] * 3
    assert found["overlap"].to_list() == [1, 1, 1]


def test_pairs_of_one_corpus_are_none():
    text = some_text(0)
    found = shared([text, text, some_text(1)], np.array([0, 0, 1]), np.float32([[1, 0], [1, 0], [0, 1]]))
    assert not len(found.pairs)
    assert found.twins.tolist() == [0, 0, 0]


def test_the_first_is_of_the_lower_corpus_whatever_the_order_of_rows():
    text = some_text(0)
    found = shared([text, some_text(1), text, text], np.array([2, 1, 0, 1])).pairs
    assert sorted(zip(found["first"], found["second"], strict=True)) == [(2, 0), (2, 3), (3, 0)]


def test_without_texts_only_meaning_is_looked_for():
    vectors = np.float32([[1, 0], [0, 1], [2, 0.1], [1, 1]])
    found = shared(None, np.array([0, 0, 1, 1]), vectors, min_score=0.7)
    assert found.pairs.select("first", "second", "kind").rows() == [
        (0, 2, "semantic"),
        (0, 3, "semantic"),
        (1, 3, "semantic"),
    ]
    assert found.pairs["score"].to_list() == pytest.approx([2 / np.hypot(2, 0.1), 0.5**0.5, 0.5**0.5], abs=1e-6)
    assert found.pairs["overlap"].null_count() == found.pairs["containment"].null_count() == 3
    assert found.counts_met == {"semantic": 3}
    none = shared(None, np.array([0, 0, 1, 1]), vectors, min_score=0.9999)
    assert (len(none.pairs), none.pairs.schema, none.counts_met) == (0, found.pairs.schema, {"semantic": 0})


def test_an_index_finds_what_comparing_finds(monkeypatch):
    vectors = somewhere(300, dim=3)
    of = np.arange(300) % 3
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        whole = shared(None, of, vectors, min_score=0.995).pairs
    monkeypatch.setattr(similar_pairs, "MAX_EXACT_PAIRS", 0)
    assert len(whole) > 50
    asked = shared(None, of, vectors, min_score=0.995).pairs
    assert asked.select("first", "second").equals(whole.select("first", "second"))


def test_blocks_do_not_change_the_pairs(monkeypatch):
    vectors, of = somewhere(100, dim=3), np.arange(100) % 3
    whole = shared(None, of, vectors, min_score=0.9)
    monkeypatch.setattr(similar_pairs, "_BLOCK_SIDE", 7)
    parts = shared(None, of, vectors, min_score=0.9)
    assert parts.pairs.select("first", "second").equals(whole.pairs.select("first", "second"))
    np.testing.assert_array_equal(parts.twins, whole.twins)


def test_many_copies_are_counted_and_not_listed():
    texts = [some_text(0)] * 4_000 + [some_text(i) for i in range(1, 5)]
    of = np.array([0, 1] * 2_000 + [0, 0, 1, 1])
    vectors = np.ones((4_004, 2), np.float32)
    vectors[4_000:] = [[1, -1], [1, -2], [-1, 1], [-1, 2]]
    with pytest.warns(SemspaceWarning, match="more than max_pairs=5,000 pairs are shared .*4,000,000 exact"):
        found = shared(texts, of, vectors, max_pairs=5_000)
    assert found.counts_met["exact"] == found.counts_met["semantic"] == 4_000_000
    assert len(found.pairs) == len(found.pairs.unique(["first", "second"])) == 5_000
    assert found.pairs["kind"].unique().to_list() == ["exact"]
    assert found.pairs["first"].n_unique() == found.pairs["second"].n_unique() == 2_000  # each has a first twin
    counts = overlap_counts(found, of, ["a", "b"])
    assert counts.rows() == [("a", 2_002, 2_000, 0, 0, 2), ("b", 2_002, 2_000, 0, 0, 2)]


def test_many_variants_of_one_form_are_all_seen_to_have_a_twin(monkeypatch):
    monkeypatch.setattr(minhash, "MAX_PEERS", 20)
    monkeypatch.setattr(containment, "_MAX_FREQUENCY", 100)
    form = some_text(0, 80)
    texts = [f"{form} number {i} and that was all" for i in range(400)]
    with pytest.warns(SemspaceWarning, match="not all of their pairs were compared"):
        found = shared(texts, np.repeat([0, 1], [100, 300]))
    assert (found.twins == KINDS.index("near")).all()
    assert 300 <= len(found.pairs) < 30_000


def test_the_best_are_kept():
    pairs = list(changed_copies(100, seed=2))
    texts, of = [text for pair in pairs for text in pair], np.arange(200) % 2
    whole = shared(texts, of)
    with pytest.warns(SemspaceWarning, match="max_pairs=10 "):
        best = shared(texts, of, max_pairs=10)
    assert best.pairs["overlap"].to_list() == whole.pairs["overlap"].head(10).to_list()
    assert whole.pairs["overlap"][10] < whole.pairs["overlap"][0]
    np.testing.assert_array_equal(best.twins, whole.twins)
    assert best.counts_met["near"] == whole.counts_met["near"] == len(whole.pairs)


@given(st.lists(st.integers(-5, 5), min_size=1, max_size=40), st.data())
@settings(max_examples=60, deadline=None)
def test_a_rank_is_that_of_sorted_values(values, data):
    rank = data.draw(st.integers(0, len(values) - 1))
    assert _select(np.array(values, np.float32), rank) == sorted(values)[rank]


@given(st.lists(st.integers(0, 6), max_size=40), st.integers(1, 8))
@settings(deadline=None)
def test_kept_pairs_are_the_best(scores, most):
    kept = TopPairs(most)
    for at, score in enumerate(scores):
        push_pair(*kept.arrays, at, at + 1, np.float32(score))
    order = sorted(range(len(scores)), key=lambda at: (-scores[at], at))[:most]
    assert kept.best()[0].tolist() == sorted(order)
    assert kept.state[N_MET] == len(scores)


@settings(max_examples=50, deadline=None)
@given(st.lists(st.tuples(st.integers(1, 6), st.integers(1, 6)), min_size=1, max_size=4), st.integers(1, 60))
def test_pairs_of_copies_come_once_each_and_evenly(sizes, most):
    texts = [f"t{at}" for at, (m, n) in enumerate(sizes) for _ in range(m + n)]
    of = np.array([side for m, n in sizes for side in [0] * m + [1] * n])
    same = DistinctTexts.of(pl.Series(texts), of)
    (first, second), total = same.pairs(*same.exact(), most)
    assert total == sum(m * n for m, n in sizes)
    pairs = set(zip(first.tolist(), second.tolist(), strict=True))
    assert len(pairs) == len(first) <= min(most, total)
    assert all(texts[a] == texts[b] and of[a] < of[b] for a, b in pairs)
    if most >= total:
        assert len(pairs) == total
    elif most >= sum(max(m, n) for m, n in sizes):
        assert {a for pair in pairs for a in pair} == set(range(len(texts)))


def test_counts_of_documents_add_up():
    pairs = list(changed_copies(40, seed=5))
    texts = [text for pair in pairs for text in pair] + [pairs[0][0]]
    of = np.array([0, 1] * 40 + [2])
    counts = overlap_counts(shared(texts, of), of, ["a", "b", "c", "empty"])
    assert counts.columns == ["corpus", "documents", "exact", "near", "semantic", "none"]
    assert counts["documents"].to_list() == [40, 40, 1, 0]
    assert counts.select(pl.sum_horizontal("exact", "near", "semantic", "none")).to_series().to_list() == [40, 40, 1, 0]
    assert counts["exact"].to_list() == [1, 0, 1, 0]


# -- counterparts ---------------------------------------------------------------------------------------------


def plainly(vectors, of):
    units = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    every = units @ units.T
    np.fill_diagonal(every, -np.inf)
    same = of[:, None] == of
    return np.where(same, -np.inf, every), np.where(same, every, -np.inf)


@pytest.mark.parametrize("way", ["compared", "asked"])
def test_counterparts_are_those_of_all_pairs(monkeypatch, way):
    monkeypatch.setattr(counterparts, "_BLOCK_SIDE", 17)
    if way == "asked":
        monkeypatch.setattr(counterparts, "MAX_EXACT_PAIRS", 0)
    vectors, of = somewhere(200, dim=6), np.random.default_rng(1).integers(0, 3, 200)
    found = nearest(vectors, of)
    other, own = plainly(vectors, of)
    np.testing.assert_array_equal(found.other, other.argmax(axis=1))
    np.testing.assert_array_equal(found.own, own.argmax(axis=1))
    np.testing.assert_allclose(found.other_score, other.max(axis=1), atol=1e-6)
    np.testing.assert_allclose(found.own_score, own.max(axis=1), atol=1e-6)
    bars = [np.quantile(own.max(axis=1)[of == one], 0.05, method="weibull") for one in range(3)]
    np.testing.assert_allclose(found.yardsticks, bars, atol=1e-6)
    expected = other.max(axis=1) >= np.array(bars)[of[found.other]]
    assert (found.covered == expected).mean() > 0.99  # a cosine on the edge may round either way


@pytest.mark.parametrize("sizes", [(100, 100), (30, 300), (150, 100, 20), (9, 40)])
def test_as_many_are_covered_as_expected_when_nothing_differs(sizes):
    of = np.repeat(np.arange(len(sizes)), sizes)
    names = list("abc")[: len(sizes)]
    tables = [coverage(nearest(somewhere(len(of), 10, seed), of), of, names) for seed in range(80)]
    share = np.mean([table["share"].to_numpy() for table in tables], axis=0)
    assert share == pytest.approx(tables[0]["expected"].to_numpy(), abs=0.025)
    if min(sizes) > 19 and len(sizes) == 2:
        assert tables[0]["expected"].to_list() == pytest.approx([0.95, 0.95])
    if sizes == (100, 100):
        inside = np.mean([(t["low"] <= 0.95) & (t["high"] >= 0.95) for t in tables])
        assert inside > 0.8  # less than 95 %: the interval takes the yardstick as given, too


def test_a_narrow_corpus_is_covered_by_a_broad_one_and_not_the_other_way_round():
    draw = np.random.default_rng(0)
    narrow = np.array([1, 0, 0]) + 0.1 * draw.normal(size=(200, 3))
    of = np.repeat([0, 1], [200, 600])
    vectors = np.concatenate([narrow, draw.normal(size=(600, 3))]).astype(np.float32)
    table = coverage(nearest(vectors, of), of, ["narrow", "broad"])
    assert table["share"][0] > 0.9
    assert table["share"][1] < 0.1


def test_coverage_by_hand():
    vectors = np.float32([[1, 0], [1, 0.2], [0, 1], [1, 0.05], [0.9, 0.05], [1, 0]])
    of = np.array([0, 0, 0, 1, 1, 1])
    found = nearest(vectors, of)
    assert found.covered[:3].tolist() == [True, False, False]
    assert found.covered[3:].tolist() == [True, True, True]
    table = coverage(found, of, ["a", "b"])
    assert table.select("corpus", "documents", "covered").rows() == [("a", 3, 1), ("b", 3, 3)]
    assert table["share"].to_list() == pytest.approx([1 / 3, 1])
    assert table["low"].to_list() == pytest.approx([0.0615, 0.4385], abs=1e-3)  # Wilson 1927


def test_a_corpus_of_one_document_has_no_yardstick():
    vectors, of = np.float32([[1, 0], [1, 0.1], [1, 0.05], [-1, 0.1]]), np.array([0, 0, 2, 0])
    found = nearest(vectors, of)
    assert np.isnan(found.yardsticks).tolist() == [False, True, True]
    assert found.own.tolist() == [1, 0, -1, 0] or found.own.tolist() == [1, 0, -1, 1]
    assert np.isnan(found.own_score).tolist() == [False, False, True, False]
    assert found.covered.tolist() == [False, False, True, False]
    table = coverage(found, of, ["a", "none", "one"])
    assert table["share"].to_list() == [0, None, 1]
    assert table["expected"].to_list() == [0, None, pytest.approx(0.75)]


def test_copies_of_one_document_cover_one_another():
    """The cosines of equal vectors differ by rounding, which mustn't decide."""
    vectors = np.repeat(somewhere(1, dim=37), 60, axis=0) * np.linspace(0.1, 9, 60, dtype=np.float32)[:, None]
    assert nearest(vectors, np.arange(60) % 2).covered.all()


# -- bad input ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"corpus_ids": [0, 0, 0, 0]}, "at least two corpora"),
        ({"corpus_ids": [0, 1]}, "corpus_ids must have a number for each of the 4 documents; got 2"),
        ({"corpus_ids": [0.0, 1, 1, 0]}, "corpus_ids must be whole numbers"),
        ({"corpus_ids": [0, -1, 1, 0]}, "from 0; got -1"),
        ({"vectors": np.zeros((4, 2))}, "the vector .row 0. is all zeros"),
        ({"texts": ["a", "b"]}, "texts must have one for each of the 4 vectors; got 2"),
        ({"texts": "abcd"}, "texts must be a list of strings"),
        ({"texts": pl.Series(["a", None, "b", "c"])}, "texts must hold only strings; item 1"),
        ({"min_score": 1.5}, "min_score must be a number"),
        ({"min_overlap": 0}, "min_overlap must be a number above 0"),
        ({"max_pairs": 0}, "max_pairs must be a whole number"),
    ],
)
def test_bad_input_is_refused(change, message):
    sound = {"texts": list("abcd"), "vectors": np.eye(4, 2) + 0.1, "corpus_ids": [0, 0, 1, 1], "progress": False}
    with pytest.raises(InputError, match=message):
        find_duplicates(**(sound | change))


def test_names_must_be_enough():
    of = np.array([0, 1])
    with pytest.raises(InputError, match="names must hold one for each corpus; got 1 for 2 corpora"):
        coverage(nearest(somewhere(2), of), of, ["a"])


def test_the_answer_is_the_same_each_time():
    pairs = list(changed_copies(50, seed=7))
    texts, of = [text for pair in pairs for text in pair], np.arange(100) % 2
    first, second = shared(texts, of), shared(pl.Series(texts), of)
    assert first.pairs.equals(second.pairs)
