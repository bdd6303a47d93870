"""Comparison: values by hand and by a straightforward implementation, honest under the null, and able to see."""

import json

import numpy as np
import polars as pl
import pytest
from scipy.spatial.distance import cdist
from semspace.comparison.overlap import near_pairs

import semspace as ss
from semspace.comparison.apart import distances
from semspace.comparison.drivers.shares import _newcombe
from semspace.comparison.drivers.words import word_contrast
from semspace.errors import InputError


def clouds(m=40, n=50, shift=0.0, dim=5, seed=0):
    draw = np.random.default_rng(seed)
    a, b = draw.normal(size=(m, dim)), draw.normal(size=(n, dim)) + shift
    return a.astype(np.float32), b.astype(np.float32)


def corpora_and_spaces(a, b, words=("alpha beta", "gamma delta")):
    made = []
    for vectors, text in zip((a, b), words, strict=True):
        corpus = ss.Corpus.from_texts([f"{text} {i}" for i in range(len(vectors))])
        made.append((corpus, ss.Space.from_vectors(corpus.ids.to_list(), vectors)))
    return made


def compare(a, b, **options):
    (left, x), (right, y) = corpora_and_spaces(a, b)
    return ss.compare(left, right, spaces=(x, y), progress=False, **options)


# -- distances ------------------------------------------------------------------------------------------------


def test_energy_distance_by_hand():
    a, b = np.array([[0.0], [2.0]], np.float32), np.array([[3.0], [7.0]], np.float32)
    # 2 E|x - y| - E|x - x'| - E|y - y'| = 2 (3 + 7 + 1 + 5) / 4 - 2 - 4
    found = distances.two_sample(a, b, distances.negative_distance, permutations=99, seed=0)
    assert found.value == pytest.approx(2.0)


def test_mmd_is_what_the_definition_says():
    a, b = clouds(shift=0.5)
    kernel = distances.gaussian(np.concatenate([a, b]), seed=0)
    found = distances.two_sample(a, b, kernel, permutations=99, seed=0)
    kaa, kbb, kab = (kernel(x, y).astype(float) for x, y in ((a, a), (b, b), (a, b)))
    np.fill_diagonal(kaa, 0)
    np.fill_diagonal(kbb, 0)
    m, n = len(a), len(b)
    expected = kaa.sum() / (m * (m - 1)) + kbb.sum() / (n * (n - 1)) - 2 * kab.mean()
    assert found.value == pytest.approx(expected, abs=1e-6)
    witness = kaa.sum(axis=1) / (m - 1) - kab.mean(axis=1)
    np.testing.assert_allclose(found.witness[:m], witness, atol=1e-6)


def test_the_kernel_is_as_wide_as_the_median_distance():
    a, _ = clouds()
    width = np.median(cdist(a, a, "sqeuclidean")[np.triu_indices(len(a), 1)])
    expected = np.exp(-cdist(a, a, "sqeuclidean") / width)
    np.testing.assert_allclose(distances.gaussian(a, seed=0)(a, a), expected, atol=1e-5)


def test_blocks_do_not_change_the_answer(monkeypatch):
    a, b = clouds(shift=0.3)
    whole = distances.two_sample(a, b, distances.negative_distance, permutations=99, seed=1)
    monkeypatch.setattr(distances, "_CELLS", 700)
    parts = distances.two_sample(a, b, distances.negative_distance, permutations=99, seed=1)
    assert parts.value == pytest.approx(whole.value, abs=1e-6)
    np.testing.assert_allclose(parts.permuted, whole.permuted, atol=1e-6)


def test_the_jackknife_covers_the_true_distance():
    """In one dimension, the energy distance of N(0, 1) and N(1, 1) is known by a large sample."""
    big_a, big_b = clouds(4_000, 4_000, shift=1.0, dim=1, seed=9)
    truth = distances.two_sample(big_a, big_b, distances.negative_distance, permutations=0, seed=0).value
    inside = 0
    for seed in range(60):
        a, b = clouds(60, 40, shift=1.0, dim=1, seed=seed)
        low, high = distances.two_sample(a, b, distances.negative_distance, permutations=0, seed=0).interval
        inside += low <= truth <= high
    assert inside >= 50  # 95 % of 60 is 57


@pytest.mark.parametrize("test", ["mmd", "energy", "classifier"])
def test_p_values_are_honest_under_the_null(test):
    p_values = []
    for seed in range(80):
        a, b = clouds(30, 40, seed=seed)
        if test == "classifier":
            p_values.append(distances.classifier(a, b, seed=seed).p_value)
        else:
            kernel = (
                distances.gaussian(np.concatenate([a, b]), seed=0) if test == "mmd" else distances.negative_distance
            )
            p_values.append(distances.two_sample(a, b, kernel, permutations=99, seed=seed).p_value)
    assert np.mean(np.array(p_values) < 0.05) <= 0.15  # 5 % expected of 80
    assert 0.35 < np.mean(p_values) < 0.65


def test_a_shift_is_seen():
    found = compare(*clouds(shift=1.0))
    assert found.distances()["p_value"].max() < 0.01
    assert found.distance("classifier").value > 0.8
    low, high = found.distance("mmd").interval
    assert low <= found.distance("mmd").value <= high
    assert found.distance("mmd").value > found.distance("mmd").by_chance
    assert "differ" in found.verdict()


def test_no_shift_is_not_claimed():
    found = compare(*clouds(seed=4))
    assert found.distance("mmd").p_value > 0.05
    assert found.verdict().startswith("No difference in meaning between A and B could be shown")


def test_the_same_seed_gives_the_same_answers():
    first, second = (compare(*clouds(shift=0.4), seed=7) for _ in range(2))
    assert first.to_dict() == second.to_dict()


def test_corpora_that_are_the_same():
    a, _ = clouds()
    found = compare(a, a)
    assert found.distance("mmd").p_value > 0.9
    assert found.distance("mmd").value <= 0
    assert len(found.duplicates()) >= len(a)


def test_auc_is_that_of_scikit_learn():
    from sklearn.metrics import roc_auc_score

    draw = np.random.default_rng(0)
    high, low = draw.integers(0, 9, 40).astype(float), draw.integers(0, 7, 30).astype(float)  # with ties
    expected = roc_auc_score([1] * 40 + [0] * 30, [*high, *low])
    assert distances.auc(high, low) == pytest.approx(expected)


# -- drivers --------------------------------------------------------------------------------------------------


def test_planted_words_come_back():
    shared = "the of and to in it was for on with " * 3
    a = ss.Corpus.from_texts([f"{shared} goal" for _ in range(30)])
    b = ss.Corpus.from_texts([f"{shared} vote" for _ in range(30)])
    table = word_contrast(a, b)
    assert table["word"][:2].to_list() == ["goal", "vote"]
    assert table["log_odds"][0] > 0 > table["log_odds"][1]
    assert table["q_value"][:2].max() < 0.01
    assert table["q_value"][2:].min() > 0.9


def test_log_odds_by_hand():
    table = word_contrast(ss.Corpus.from_texts(["x x y", "x y"]), ss.Corpus.from_texts(["y y y", "x y"]))
    row = table.row(by_predicate=pl.col("word") == "x", named=True)
    assert (row["count_a"], row["count_b"]) == (3, 1)
    prior = 4 / 10 * 0.5  # four of ten words, times a tenth of five words
    odds_a = np.log((3 + prior) / (5.5 - 3 - prior))
    odds_b = np.log((1 + prior) / (5.5 - 1 - prior))
    assert row["log_odds"] == pytest.approx(odds_a - odds_b)
    assert row["z"] == pytest.approx((odds_a - odds_b) / np.sqrt(1 / (3 + prior) + 1 / (1 + prior)))


def test_documents_at_the_ends_are_the_far_ones():
    a, b = clouds(40, 50)
    a[:30, 0] += 5  # what only the first has
    b[40:, 0] -= 5  # what only the second has, but little of it
    table = compare(a, b).documents()
    assert table.columns == ["corpus", "id", "text", "witness"]
    assert table["witness"].is_sorted(descending=True)
    first, last = (set(zip(part["corpus"], part["id"], strict=True)) for part in (table.head(30), table.tail(20)))
    assert first == {("A", str(i)) for i in range(30)}
    assert sum(corpus == "B" for corpus, _ in last) > 10  # most of the second's are where few of the first's are


def test_the_interval_of_an_area_by_hand():
    low, high = distances.auc_interval(0.5, 50, 50)
    assert low == pytest.approx(1 - high)
    # By Hanley and McNeil, the standard error at 0.5 is sqrt((m + n + 1) / 12 m n) = 0.058.
    assert high - 0.5 == pytest.approx(1.96 * np.sqrt(101 / (12 * 2_500)), abs=0.005)
    assert distances.auc_interval(1.0, 2, 2)[0] < 0.6
    assert distances.auc_interval(1.0, 2, 2)[1] == 1.0


def test_a_permutation_p_value_against_all_splits():
    """Of the 70 splits of 8 points into halves, two are the observed one: as it is, and mirrored."""
    a, b = np.arange(4, dtype=np.float32)[:, None], np.arange(20, 24, dtype=np.float32)[:, None]
    found = distances.two_sample(a, b, distances.negative_distance, permutations=4_999, seed=0)
    assert found.p_value == pytest.approx(2 / 70, abs=0.006)


def test_distances_do_not_depend_on_the_origin():
    a, b = clouds(shift=0.3)
    near, far = (
        distances.two_sample(a + o, b + o, distances.negative_distance, permutations=99, seed=0).value
        for o in (np.float32(0), np.float32(3_000))
    )
    assert far == pytest.approx(near, rel=0.02)


def test_chance_is_no_more_than_certain():
    found = compare(*clouds(4, 4, shift=9.0))
    assert found.distance("classifier").by_chance <= 1
    assert "How much can't be said" in found.verdict() or "No difference" in found.verdict()


def test_corpora_without_words():
    (_, x), (_, y) = corpora_and_spaces(*clouds())
    a, b = (ss.Corpus.from_texts(["🙂"] * len(space), ids=space.ids.tolist()) for space in (x, y))
    found = ss.compare(a, b, spaces=(x, y), progress=False)
    assert len(found.words()) == 0
    assert "No word is more frequent" in found.page().sections[3].blocks[0].text


def test_group_shares_by_hand():
    # Newcombe (1998), table II, example (a): 56/70 and 48/80 differ by 0.2, interval 0.0524 to 0.3339.
    low, high = _newcombe(56, 70, 48, 80)
    assert low == pytest.approx(0.0524, abs=5e-5)
    assert high == pytest.approx(0.3339, abs=5e-5)


def test_groups_of_one_corpus_only_are_seen():
    a, b = clouds(60, 60)
    a[:, 0] += 20
    b[:, 1] += 20
    found = compare(a, b, k=2)
    shares = found.groups()
    assert shares["count_a"].sort().to_list() == [0, 60]
    assert shares["q_value"].max() < 1e-6
    assert set(shares["name"]) == {"alpha, beta", "delta, gamma"}


def test_near_duplicates_across():
    a = ss.Space.from_vectors(["p", "q"], [[1, 0], [0, 1]])
    b = ss.Space.from_vectors(["r", "s"], [[2, 0.1], [1, 1]])
    pairs = near_pairs(a, b, min_score=0.7)
    assert pairs.select("a", "b").rows() == [("p", "r"), ("p", "s"), ("q", "s")]
    assert pairs["score"][0] == pytest.approx(2 / np.sqrt(4.01))


# -- the whole ------------------------------------------------------------------------------------------------


def test_with_an_encoder(tiny):
    a = ss.Corpus.from_texts([f"aa ab {i}" for i in range(12)])
    b = ss.Corpus.from_texts([f"zz zy {i}" for i in range(12)])
    found = ss.compare(a, b, encoder=tiny, names=("As", "Zs"), progress=False)
    assert found.distance("mmd").p_value < 0.05
    assert found.words()["word"][0] in {"aa", "ab", "zz", "zy"}


def test_ways_out(tmp_path):
    found = compare(*clouds(shift=0.7))
    found.to_json(tmp_path / "r.json")
    found.to_html(tmp_path / "r.html")
    found.to_markdown(tmp_path / "r.md")
    read = json.loads((tmp_path / "r.json").read_text(encoding="utf-8"))
    assert read["schema"] == "semspace.comparison/1"
    assert read["distances"][0]["p_value"] == found.distance("mmd").p_value
    assert {"verdict", "groups", "words", "documents", "duplicates", "sizes", "names"} <= set(read)
    assert "# A and B, compared" in (tmp_path / "r.md").read_text(encoding="utf-8")
    assert repr(found).startswith(found.verdict()[:50])


# -- bad input ------------------------------------------------------------------------------------------------


def test_too_few_documents():
    with pytest.raises(InputError, match="at least 4 documents to be compared; B has 3"):
        compare(*clouds(10, 3))


def test_neither_encoder_nor_spaces(corpus):
    with pytest.raises(InputError, match="needs either encoder="):
        ss.compare(corpus, corpus)


def test_spaces_of_other_corpora(corpus):
    (_, x), (_, y) = corpora_and_spaces(*clouds())
    with pytest.raises(InputError, match="ids of A and of its space differ"):
        ss.compare(corpus, corpus, spaces=(x, y))


def test_different_encoders_are_refused(tiny, tmp_path):
    from tests.conftest import make_tiny_model

    other = ss.Encoder.load(make_tiny_model(tmp_path / "other", seed=5, pooling="cls"))
    corpus = ss.Corpus.from_texts(["a", "b", "c", "d"])
    with pytest.raises(InputError, match=r"come from different encoders.*encode both with one"):
        ss.compare(corpus, corpus, spaces=(tiny.embed(corpus), other.embed(corpus)))


def test_very_unequal_sizes_are_said():
    with pytest.warns(UserWarning, match="one corpus is 75 times the other"):
        compare(*clouds(4, 300))


@pytest.mark.parametrize(
    "given",
    [{"encoder": "all-MiniLM-L6-v2"}, {"spaces": "ab"}, {"names": ("x",)}, {"encoder": 5, "spaces": (1, 2)}],
)
def test_what_is_given_is_checked(corpus, given):
    with pytest.raises(InputError, match=r"encoder|spaces|names"):
        ss.compare(corpus, corpus, **given)


@pytest.mark.parametrize(("option", "value"), [("seed", -1), ("permutations", 10), ("min_duplicate", 2.0), ("k", 0)])
def test_options_are_checked(option, value):
    with pytest.raises(InputError, match=option):
        compare(*clouds(), **{option: value})


def test_an_unknown_distance():
    with pytest.raises(InputError, match="distance must be one of classifier, energy, mmd"):
        compare(*clouds()).distance("frechet")
