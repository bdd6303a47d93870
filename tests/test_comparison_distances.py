"""How far apart: values by hand and by the definition, honest under the null, covered by intervals, and able to see."""

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import linalg, stats
from scipy.spatial.distance import cdist, pdist, squareform
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.metrics.pairwise import rbf_kernel
from threadpoolctl import ThreadpoolController

import semspace as ss
from semspace.clusters.cluster import cluster
from semspace.comparison.contrasts.cluster_shares import _test_by_units, cluster_shares
from semspace.comparison.distances import frechet
from semspace.comparison.distances.classifier import auc, auc_interval, classifier_test
from semspace.comparison.distances.estimate import bootstrap_interval
from semspace.comparison.distances.pairwise import (
    classical_scaling,
    corpus_linkage,
    distance_matrix,
    distances_of_pairs,
)
from semspace.statistics import Z95
from semspace.two_sample import kernel_tests, pair_sums, topic_counts
from semspace.two_sample.exchange_blocks import exchange_blocks
from semspace.two_sample.kernel_tests import KERNELS, KernelSums, median_distance, sum_kernels
from semspace.two_sample.pair_sums import Kernels, sum_pairs
from semspace.two_sample.topic_counts import N_TOPICS, assign_topics, topic_sums
from tests.clouds import clouds, joined, space_of, two_of

TESTS = ["energy", "mmd", "mmd_multi", "together", "frechet", "classifier"]
ENERGY, MMD, MULTI = (KERNELS.index(name) for name in ("energy", "mmd", "mmd_multi"))


@pytest.fixture(autouse=True, scope="module")
def known_pools():
    """Look for the thread pools of this process once: it takes longer than all that is held here."""
    pools = ThreadpoolController()
    with pytest.MonkeyPatch.context() as patch:
        for module in (frechet, pair_sums, topic_counts):
            patch.setattr(module, "threadpool_limits", lambda most, api=None: pools.limit(limits=most, user_api=api))
        yield


@pytest.fixture
def no_subjects(monkeypatch):
    """Leave out what takes the time, where it's the other kernels that count."""
    monkeypatch.setattr(kernel_tests, "assign_topics", lambda vectors, *_, **__: np.zeros((3, len(vectors)), int))


def evidence_of(a, b, **options):
    return sum_kernels(*two_of(a, b), seed=0, progress=False, **options)


def measured(a, b, units=None, *, permutations=99, resamples=0, seed=0):
    found = sum_kernels(*two_of(a, b), units, seed=seed, progress=False)
    return found.test([0], [1], permutations=permutations, resamples=resamples, seed=seed)


def unbiased(kernel, m):
    """E k(x, x') + E k(y, y') - 2 E k(x, y) of a matrix of all pairs, the first m of them the first's."""
    aa, bb, ab = kernel[:m, :m], kernel[m:, m:], kernel[:m, m:]
    n = len(bb)
    off_diagonal = ((aa.sum() - np.trace(aa)) / (m * (m - 1)), (bb.sum() - np.trace(bb)) / (n * (n - 1)))
    return sum(off_diagonal) - 2 * ab.mean()


# -- kernels: values ------------------------------------------------------------------------------------------


def test_energy_distance_by_hand():
    a, b = np.array([[0.0], [2.0]], np.float32), np.array([[3.0], [7.0]], np.float32)
    # 2 E|x - y| - E|x - x'| - E|y - y'| = 2 (3 + 7 + 1 + 5) / 4 - 2 - 4
    assert measured(a, b).values[ENERGY] == pytest.approx(2.0)


def test_mmd_is_what_the_definition_says():
    a, b = clouds(shift=0.5)
    points = np.concatenate([a, b]).astype(np.float64)
    gamma = 1 / np.median(pdist(points, "sqeuclidean"))
    values = measured(a, b).values
    assert values[MMD] == pytest.approx(unbiased(rbf_kernel(points, gamma=gamma), len(a)), abs=1e-6)
    widths = [rbf_kernel(points, gamma=gamma / wider) for wider in (4, 2, 1, 0.5, 0.25)]
    assert values[MULTI] == pytest.approx(unbiased(np.mean(widths, axis=0), len(a)), abs=1e-6)
    assert values[ENERGY] == pytest.approx(unbiased(-cdist(points, points), len(a)), abs=1e-5)


def test_the_witness_is_what_the_definition_says():
    a, b = clouds(shift=0.5)
    points, _ = two_of(a, b)
    kernel = rbf_kernel(points.astype(np.float64), gamma=1 / np.median(pdist(points, "sqeuclidean")))
    m, n = len(a), len(b)
    expected = np.empty(m + n)
    expected[:m] = (kernel[:m, :m].sum(axis=1) - 1) / (m - 1) - kernel[:m, m:].mean(axis=1)
    expected[m:] = kernel[m:, :m].mean(axis=1) - (kernel[m:, m:].sum(axis=1) - 1) / (n - 1)
    np.testing.assert_allclose(evidence_of(a, b).witness([0], [1]), expected, atol=1e-6)


def test_a_witness_of_neither_side_is_unknown():
    points, of = np.concatenate(clouds(8, 16)), np.repeat([0, 1, 2], 8)
    witness = sum_kernels(points, of, seed=0, progress=False).witness([0], [2])
    assert np.isnan(witness).tolist() == [corpus == 1 for corpus in of]


def test_the_median_distance_is_that_of_all_pairs():
    a, _ = clouds()
    assert median_distance(a, 0) == pytest.approx(np.median(pdist(a, "sqeuclidean")), rel=1e-6)
    assert median_distance(np.ones((9, 3), np.float32), 0) == 1.0  # a kernel must have a width


def test_subjects_are_compared_by_their_counts():
    """Subjects are the chi-squared statistic's cells: a pair of one subject counts n over the subject's size."""
    a, b = clouds(20, 30, shift=0.4)
    points, of = two_of(a, b)
    sorted_so = assign_topics(points, seed=0)
    assert [len(np.unique(row)) for row in sorted_so] == list(N_TOPICS)
    for number, row in enumerate(sorted_so):
        kernel = len(row) * (row[:, None] == row) / np.bincount(row)[row]
        value = measured(a, b).values[KERNELS.index("topics8") + number]
        assert value == pytest.approx(unbiased(kernel, len(a)))
    cells = exchange_blocks(of, None, corpora=2, seed=0)
    diagonal = topic_sums(sorted_so[:, cells.order], cells)[:, np.arange(50), np.arange(50)]
    assert np.abs(diagonal).max() < 1e-9  # a document isn't a pair with itself


def test_copies_make_no_noise():
    """Fewer different documents than subjects are no matter to warn of."""
    points = np.repeat(np.eye(4, dtype=np.float32), 10, axis=0)
    for row in assign_topics(points, seed=0):
        assert len(np.unique(row)) == 4


def test_distances_do_not_depend_on_the_origin():
    a, b = clouds(shift=0.3)
    near, far = (measured(a + o, b + o, permutations=9).values[ENERGY] for o in (np.float32(0), np.float32(3_000)))
    assert far == pytest.approx(near, rel=0.02)


# -- kernels: tiles and blocks --------------------------------------------------------------------------------


def test_tiles_and_threads_do_not_change_the_sums(monkeypatch):
    points, of = two_of(*clouds(40, 50, shift=0.3))
    cells = exchange_blocks(of, None, corpora=2, seed=0, max_blocks=30)
    widths = Kernels.around(median_distance(points, 0), 2, 2)
    whole = sum_pairs(points[cells.order], cells, widths)
    monkeypatch.setattr(pair_sums, "_TILE", 16)  # six tiles a side, and four threads
    parts = sum_pairs(points[cells.order], cells, widths)
    np.testing.assert_allclose(parts.blocks, whole.blocks, rtol=1e-5, atol=1e-4)
    np.testing.assert_allclose(parts.rows, whole.rows, rtol=1e-5)
    again = sum_pairs(points[cells.order], cells, widths)
    assert np.array_equal(again.blocks, parts.blocks)  # to the last digit, whoever was first


def test_the_statistic_of_blocks_is_their_mean(monkeypatch):
    a, b = clouds(300, 100, shift=1.0)
    points, of = two_of(a, b)
    whole = measured(a, b)
    monkeypatch.setattr(kernel_tests, "CHUNK_SIZE", 100)
    found = sum_kernels(points, of, seed=0, progress=False)
    assert len(found.chunks) == 4
    every = np.concatenate([rows for _, _, rows in found.chunks])
    assert np.array_equal(np.sort(every), np.arange(400))
    expected = []
    for cells, _, rows in found.chunks:
        assert np.array_equal(of[rows], cells.corpus_of_row)
        assert np.bincount(of[rows]).tolist() == [75, 25]
        expected.append(unbiased(-cdist(points[rows], points[rows]), 75))
    parts = found.test([0], [1], permutations=99, resamples=99, seed=0)
    assert parts.values[ENERGY] == pytest.approx(np.mean(expected), abs=1e-5)
    assert parts.values[:3] == pytest.approx(whole.values[:3], rel=0.1)
    assert parts.p_of_all == whole.p_of_all == 0.01
    assert np.isfinite(found.witness([0], [1])).all()


@pytest.mark.usefixtures("no_subjects")
def test_blocks_are_honest_under_the_null(monkeypatch):
    monkeypatch.setattr(kernel_tests, "CHUNK_SIZE", 40)
    p_values = [measured(*clouds(40, 40, seed=seed)).p_value("energy") for seed in range(30)]
    assert np.mean(np.array(p_values) < 0.05) <= 0.2
    assert 0.3 < np.mean(p_values) < 0.7


def test_blocks_do_not_split_units(monkeypatch):
    monkeypatch.setattr(kernel_tests, "CHUNK_SIZE", 60)
    points, of = two_of(*clouds(100, 100))
    units = np.arange(200) // 5
    found = sum_kernels(points, of, units, seed=0, progress=False)
    assert len(found.chunks) == 2  # of four, none would have eight units of each
    homes = np.empty(200, int)
    for number, (_, _, rows) in enumerate(found.chunks):
        homes[rows] = number
    assert all(len(set(homes[units == unit])) == 1 for unit in range(40))


# -- cells ----------------------------------------------------------------------------------------------------


@given(
    sizes=st.lists(st.integers(1, 60), min_size=2, max_size=4),
    most=st.integers(4, 80),
    of_each=st.integers(1, 4),
    seed=st.integers(0, 9),
)
@settings(max_examples=60, deadline=None)
def test_cells_never_split_units_and_are_of_one_size(sizes, most, of_each, seed):
    of_unit = np.repeat(np.arange(len(sizes)), sizes)
    units = np.repeat(np.arange(len(of_unit)), of_each)
    of = of_unit[units]
    cells = exchange_blocks(of, units, corpora=len(sizes), seed=seed, max_blocks=most)
    assert np.array_equal(np.sort(cells.order), np.arange(len(of)))
    assert np.array_equal(cells.corpus_of_row, of[cells.order])
    cell = np.empty(len(of), int)
    cell[cells.order] = cells.of_row
    assert all(len(set(cell[units == unit])) == 1 for unit in range(len(of_unit)))
    assert len(set(cells.sizes[cells.moves].tolist())) == 1
    assert (np.bincount(cells.corpus[~cells.moves], minlength=len(sizes)) <= 1).all()
    assert set(cells.corpus[cells.moves].tolist()) == set(range(len(sizes)))
    assert cells.count <= most + 33 * len(sizes)  # a small corpus keeps 32 cells, if it has as many documents


def test_cells_of_a_few_documents_and_of_many():
    cells = exchange_blocks(np.repeat([0, 1], [4, 3_000]), None, corpora=2, seed=0)
    assert cells.count <= 1_024 + 4
    assert cells.sizes[cells.moves].tolist() == [1.0] * int(cells.moves.sum())  # four can't be put together
    assert cells.sizes.sum() == 3_004


def test_leftovers_never_change_sides():
    cells = exchange_blocks(np.repeat([0, 1], [100, 230]), None, corpora=2, seed=0, max_blocks=30)
    assert sorted(cells.sizes[~cells.moves].tolist()) == [4.0, 134.0]
    sides = (cells.corpus == 0).astype(float)
    dealt = kernel_tests._permute(sides, cells.moves, 200, np.random.default_rng(0))
    assert np.array_equal(dealt[~cells.moves], np.repeat(sides[~cells.moves, None], 200, axis=1))
    assert set(dealt.sum(axis=0)) == {sides.sum()}
    assert (dealt[cells.moves].std(axis=1) > 0).all()


# -- permutation tests ----------------------------------------------------------------------------------------


def test_a_permutation_p_value_against_all_splits():
    """Of the 70 splits of 8 points into halves, two are the observed one: as it is, and mirrored."""
    a, b = np.arange(4, dtype=np.float32)[:, None], np.arange(20, 24, dtype=np.float32)[:, None]
    assert measured(a, b, permutations=4_999).p_value("energy") == pytest.approx(2 / 70, abs=0.008)


def test_p_values_by_hand():
    """Of four splits and the observed one, as many reach it as are as large."""
    values = np.repeat([[3.0], [1.0], [2.0], [0.0], [0.0], [0.0]], 1, axis=1)[:, 0]
    splits = np.array([[1.0, 2.0, 2.5, 0.0], [3.0, 1.0, 0.0, 2.0], *[[9.0, 9.0, 9.0, 9.0]] * 4])
    found = kernel_tests.PermutationTest(values, splits, np.empty((6, 0)))
    assert found.p_value("energy") == pytest.approx(1 / 5)
    assert found.p_value("mmd") == pytest.approx(4 / 5)  # a tie counts
    assert found.p_value("topics32") == 1.0


def test_a_small_corpus_is_compared_with_a_part_of_a_large_one(monkeypatch):
    monkeypatch.setattr(kernel_tests, "CHUNK_SIZE", 100)
    chunks = kernel_tests._split_into_chunks(np.repeat([0, 1], [1_000, 20]), None, seed=0)
    # 20 units are enough for two chunks of eight; two chunks of 100 have room for twice 200 documents.
    assert [len(rows) for rows in chunks] == [200, 200]
    assert [int((rows >= 1_000).sum()) for rows in chunks] == [10, 10]
    assert len(np.unique(np.concatenate(chunks))) == 400


def test_one_kernel_alone_makes_the_p_value_of_all():
    draw = np.random.default_rng(0)
    splits = draw.normal(size=(6, 999))
    none = kernel_tests.PermutationTest(np.zeros(6), splits, np.empty((6, 0)))
    one = kernel_tests.PermutationTest(np.array([9.0, 0, 0, 0, 0, 0]), splits, np.empty((6, 0)))
    assert none.p_of_all > 0.2
    assert one.p_of_all < 0.01


def p_values_of(a, b, units=None, *, seed):
    found = measured(a, b, units, seed=seed)
    points, of = two_of(a, b)
    values, _ = frechet.permuted_distances(points, of, units, splits=99, resamples=0, seed=seed)
    told = classifier_test(a, b, units, permutations=99, resamples=0, seed=seed)
    return {
        "energy": found.p_value("energy"),
        "mmd": found.p_value("mmd"),
        "mmd_multi": found.p_value("mmd_multi"),
        "together": found.p_of_all,
        "frechet": float((values >= values[0] - 1e-9).mean()),
        "classifier": told.p_value,
    }


@pytest.fixture(scope="module")
def under_the_null():
    return pl.DataFrame([p_values_of(*clouds(30, 40, seed=seed), seed=seed) for seed in range(60)])


@pytest.mark.parametrize("test", TESTS)
def test_p_values_are_honest_under_the_null(under_the_null, test):
    p_values = under_the_null[test]
    assert (p_values < 0.05).mean() <= 0.12  # 5 % of 60 are 3
    assert 0.35 < p_values.mean() < 0.65


@pytest.mark.usefixtures("no_subjects")
def test_few_cells_are_as_honest(monkeypatch):
    monkeypatch.setattr("semspace.two_sample.exchange_blocks._MIN_BLOCKS", 7)
    monkeypatch.setattr(
        kernel_tests,
        "exchange_blocks",
        lambda *args, **more: exchange_blocks(*args, **{**more, "max_blocks": 14}),
    )
    found = [measured(*clouds(30, 40, seed=seed), seed=seed) for seed in range(60)]
    p_values = np.array([one.p_value("mmd") for one in found])
    assert (p_values < 0.05).mean() <= 0.12
    assert 0.35 < p_values.mean() < 0.65


def grouped(seed, count=10, size=6):
    """Two corpora of units, such as books: one source, but the documents of a unit lie together."""
    draw = np.random.default_rng(seed)
    middles = np.repeat(draw.normal(size=(2 * count, 5)), size, axis=0)
    points = (middles + draw.normal(size=middles.shape)).astype(np.float32)
    half = count * size
    return points[:half], points[half:], np.repeat(np.arange(2 * count), size)


def test_units_matter():
    """Without its units, a corpus of few books looks like one of many documents, and differs from any other."""
    known, unknown = [], []
    for seed in range(40):
        a, b, units = grouped(seed)
        known.append(p_values_of(a, b, units, seed=seed))
        if seed < 20:
            unknown.append(measured(a, b, seed=seed).p_of_all)
    assert np.mean(np.array(unknown) < 0.05) > 0.4
    table = pl.DataFrame(known)
    for test in TESTS:
        assert (table[test] < 0.05).mean() <= 0.12, test
        assert 0.3 < table[test].mean() < 0.7, test


def test_a_planted_subject_is_found():
    """15 % of one corpus is of another subject, while the means of both are the same."""
    found = []
    for seed in range(6):
        a, b = clouds(150, 150, dim=8, seed=seed)
        direction = np.random.default_rng(seed).normal(size=8)
        direction *= 4 / np.linalg.norm(direction)
        b[:22] = 0.3 * b[:22] + direction
        b += (a.mean(axis=0) - b.mean(axis=0)).astype(np.float32)
        found.append(measured(a, b, permutations=199, seed=seed))
    assert max(one.p_of_all for one in found) < 0.05
    assert np.mean([one.p_of_all for one in found]) <= np.mean([one.p_value("energy") for one in found])


def test_it_does_not_matter_which_corpus_comes_first():
    apart = []
    for seed in range(12):
        a, b = clouds(30, 40, shift=0.25, seed=seed)
        there, back = measured(a, b, permutations=199), measured(b, a, permutations=199)
        assert back.values[:3] == pytest.approx(there.values[:3], abs=1e-6)
        assert abs(there.p_value("energy") - back.p_value("energy")) < 0.15
        apart.append(there.p_of_all - back.p_of_all)
    assert abs(np.mean(apart)) < 0.1


def test_halves_are_no_distance():
    halves = evidence_of(*clouds(40, 50, shift=2.0)).halves(1, splits=199, seed=0)
    assert halves.shape == (6, 199)
    assert (np.abs(halves.mean(axis=1)) < 4 * halves.std(axis=1) / np.sqrt(199)).all()


# -- intervals ------------------------------------------------------------------------------------------------


def energy_of_normals(shift):
    """The energy distance of N(0, 1) and N(shift, 1): twice the mean of a folded normal less two others."""

    def folded(d):
        return 2 / np.sqrt(np.pi) * np.exp(-(d**2) / 4) + d * (1 - 2 * stats.norm.cdf(-d / np.sqrt(2)))

    return 2 * folded(shift) - 2 * folded(0)


@pytest.mark.usefixtures("no_subjects")
def test_the_interval_covers_the_true_distance():
    truth = energy_of_normals(1.0)
    inside = 0
    for seed in range(60):
        a, b = clouds(40, 30, shift=1.0, dim=1, seed=seed)
        found = measured(a, b, permutations=0, resamples=99, seed=seed)
        low, high = bootstrap_interval(float(found.values[ENERGY]), found.resampled[ENERGY], 30)
        inside += low <= truth <= high
    assert inside >= 52  # 95 % of 60 is 57


def test_a_value_of_too_few_documents_could_be_anything():
    assert bootstrap_interval(1.0, np.ones(99), 2) == (-np.inf, np.inf)
    assert bootstrap_interval(1.0, np.full(99, np.nan), 50) == (-np.inf, np.inf)
    low, high = bootstrap_interval(1.0, np.array([0.9, 1.1] * 50), 1_000)
    assert (low, high) == pytest.approx((0.80, 1.20), abs=0.005)


# -- Fréchet distance -----------------------------------------------------------------------------------------


def frechet_by_definition(a, b):
    x, y = np.cov(a.T), np.cov(b.T)
    apart = a.mean(axis=0) - b.mean(axis=0)
    return apart @ apart + np.trace(x + y - 2 * linalg.sqrtm(x @ y).real)


@pytest.mark.parametrize(("m", "n", "dim"), [(40, 50, 5), (30, 90, 12)])
def test_frechet_is_what_the_definition_says(m, n, dim):
    a, b = (part.astype(np.float64) for part in clouds(m, n, shift=0.3, dim=dim))
    b[:, 0] *= 2
    assert frechet.frechet_distance(a, b) == pytest.approx(frechet_by_definition(a, b), abs=1e-6)


def test_frechet_in_one_dimension():
    a, b = np.array([[0.0], [2.0], [4.0]]), np.array([[1.0], [7.0], [4.0], [8.0]])
    assert frechet.frechet_distance(a, b) == pytest.approx(9 + (a.std(ddof=1) - b.std(ddof=1)) ** 2)


def test_frechet_of_fewer_documents_than_dimensions():
    """Of two points each, in planes at right angles: covariances share nothing, and all of both counts."""
    a, b = np.zeros((2, 4)), np.zeros((2, 4))
    a[1, 0], b[1, 1] = 2.0, 4.0
    # Means (1, 0) and (0, 2); variances 2 and 8.
    assert frechet.frechet_distance(a, b) == pytest.approx(5 + 2 + 8)


@pytest.mark.parametrize(("m", "n", "dim"), [(40, 50, 5), (300, 250, 6), (6, 7, 12)])
def test_the_observed_split_is_the_first(m, n, dim):
    points, of = two_of(*clouds(m, n, shift=0.4, dim=dim))
    values, resampled = frechet.permuted_distances(points, of, None, splits=99, resamples=20, seed=0)
    assert (values.shape, resampled.shape) == ((100,), (20,))
    assert values[0] == pytest.approx(frechet.frechet_distance(points[:m], points[m:]), rel=1e-4)
    assert np.isfinite(resampled).all()


def test_long_vectors_are_measured_on_their_leading_axes():
    a, b = clouds(60, 60, shift=1.0, dim=100)
    points, _ = two_of(a, b)
    points[:, 64:] = 0  # so that 64 axes hold everything
    kept = frechet.project_on_leading_axes(points)
    assert kept.shape == (120, 64)
    assert frechet.frechet_distance(kept[:60], kept[60:]) == pytest.approx(
        frechet.frechet_distance(points[:60], points[60:]), rel=1e-4
    )
    assert frechet.project_on_leading_axes(a[:, :64]) is not None
    assert frechet.project_on_leading_axes(points[:, :64]).shape == (120, 64)


# -- the classifier -------------------------------------------------------------------------------------------


@given(
    high=st.lists(st.integers(0, 9), min_size=1, max_size=30),
    low=st.lists(st.integers(0, 9), min_size=1, max_size=30),
)
@settings(max_examples=50, deadline=None)
def test_auc_is_that_of_scikit_learn(high, low):
    expected = roc_auc_score([1] * len(high) + [0] * len(low), [*high, *low])
    assert auc(np.array(high), np.array(low)) == pytest.approx(expected)


def test_the_interval_of_an_area_by_hand():
    low, high = auc_interval(0.5, 50, 50)
    assert low == pytest.approx(1 - high)
    # By Hanley and McNeil, the standard error at 0.5 is sqrt((m + n + 1) / 12 m n) = 0.058.
    assert high - 0.5 == pytest.approx(1.96 * np.sqrt(101 / (12 * 2_500)), abs=0.005)
    assert auc_interval(1.0, 2, 2)[0] < 0.6
    assert auc_interval(1.0, 2, 2)[1] == 1.0


def test_a_classifier_tells_clouds_apart():
    found = classifier_test(*clouds(60, 60, shift=2.0), permutations=99, resamples=99, seed=0)
    assert found.value > 0.95
    assert found.p_value == 0.01
    low, high = found.interval
    assert 0.5 < low < found.value <= high <= 1


@pytest.mark.parametrize("copied", [10, 30, 40])
def test_copies_are_not_taken_for_what_they_were_trained_as(copied):
    """Documents that both corpora hold can't be told apart; but whose it is mustn't come out the wrong way round."""
    areas = []
    for seed in range(20):
        a, b = clouds(40, 40, dim=12, seed=seed)
        b[:copied] = a[:copied]
        areas.append(classifier_test(a, b, permutations=0, resamples=0, seed=seed).value)
    assert np.mean(areas) == pytest.approx(0.5, abs=0.06)


def test_a_classifier_never_sees_the_units_that_it_judges():
    """The documents of a unit are all but one point: who saw one knows all, and learns nothing of other units."""
    areas = {True: [], False: []}
    for seed in range(15):
        draw = np.random.default_rng(seed)
        points = np.repeat(draw.normal(size=(20, 8)), 6, axis=0) + 0.01 * draw.normal(size=(120, 8))
        a, b = points[:60].astype(np.float32), points[60:].astype(np.float32)
        for known in (True, False):
            units = np.repeat(np.arange(20), 6) if known else None
            areas[known].append(classifier_test(a, b, units, permutations=0, resamples=0, seed=seed).value)
    assert np.mean(areas[True]) < 0.65
    assert np.mean(areas[False]) > 0.75


# -- shares of groups -----------------------------------------------------------------------------------------


def grouping(sizes):
    """A clustering into two groups far apart, which hold so many documents of each corpus."""
    (a0, a1), (b0, b1) = sizes
    at = np.repeat([0, 1, 0, 1], [a0, a1, b0, b1])
    points = np.eye(2, dtype=np.float32)[at] + 0.01 * np.random.default_rng(0).normal(size=(len(at), 2))
    first = np.arange(len(at)) < a0 + a1
    return cluster(space_of(points.astype(np.float32)), n_clusters=2, progress=False), first


def test_group_shares_by_hand():
    groups, first = grouping([(56, 14), (48, 32)])
    table = cluster_shares(groups, first, ~first)
    row = table.row(by_predicate=pl.col("count_a") == 56, named=True)
    assert (row["count_b"], row["share_a"], row["share_b"]) == (48, 0.8, 0.6)
    # Newcombe (1998), table II, example (a), method 10: 0.2, 0.0524 to 0.3339.
    assert (row["difference"], row["low"], row["high"]) == pytest.approx((0.2, 0.0524, 0.3339), abs=5e-5)
    assert row["p_value"] == pytest.approx(stats.fisher_exact([[56, 14], [48, 32]]).pvalue)
    other = table.row(by_predicate=pl.col("count_a") == 14, named=True)
    assert (other["low"], other["high"]) == pytest.approx((-row["high"], -row["low"]))


def test_shares_of_units_are_less_sure():
    """All of a unit in one group: 14 units of five are 14 witnesses, and not 70."""
    groups, first = grouping([(55, 15), (45, 35)])
    order = np.lexsort([groups.labels, ~first])
    units = np.empty(150, np.int64)
    units[order] = np.arange(150) // 5
    alone, together = (cluster_shares(groups, first, ~first, known).row(0, named=True) for known in (None, units))
    assert together["p_value"] > 3 * alone["p_value"]
    assert together["high"] - together["low"] > 1.5 * (alone["high"] - alone["low"])
    single = cluster_shares(groups, first, ~first, np.arange(150)).row(0, named=True)
    assert single["p_value"] == pytest.approx(alone["p_value"], abs=0.02)
    assert (single["low"], single["high"]) == pytest.approx((alone["low"], alone["high"]), abs=0.02)


# -- several corpora ------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def four():
    """Two corpora of one source, and two further away, the last of them furthest."""
    draw = np.random.default_rng(0)
    shifts = np.zeros((4, 6))
    shifts[:, 0] = 3.0
    shifts[2, 1], shifts[3, 1] = 1.0, 5.0
    given = [space_of((draw.normal(size=(40, 6)) + shift).astype(np.float32)) for shift in shifts]
    samples = joined(*given, names=("a", "a again", "c", "d"))
    found = sum_kernels(samples.vectors, samples.corpus_ids, seed=0, progress=False)
    how = {"permutations": 199, "resamples": 99, "seed": 0}
    return samples, found, distances_of_pairs(samples, found, **how, progress=False)


def test_pairs_of_several(four):
    samples, found, pairs = four
    assert len(pairs) == 3 * 6
    for name in ("mmd", "mmd_multi", "energy"):
        assert pairs.filter(pl.col("distance") == name)["value"].is_sorted()
    row = pairs.row(
        by_predicate=(pl.col("distance") == "mmd") & (pl.col("a") == "a") & (pl.col("b") == "d"), named=True
    )
    alone = found.test([0], [3], permutations=199, resamples=99, seed=0)
    assert (row["value"], row["p_value"]) == (alone.values[MMD], alone.p_value("mmd"))
    assert row["low"] < row["value"] < row["high"]
    assert row["p_value"] == 1 / 200
    one = pairs.filter(pl.col("distance") == "mmd").select("p_of_all", "q_value")
    assert one["q_value"].to_list() == pytest.approx(stats.false_discovery_control(one["p_of_all"]).tolist())
    same = pairs.filter((pl.col("a") == "a") & (pl.col("b") == "a again"))
    assert same["q_value"].min() > 0.05
    assert pairs.filter(pl.col("b") == "d")["q_value"].max() < 0.05
    assert len(samples) == 160


def test_sums_of_several_give_what_two_alone_give(four):
    samples, found, _ = four
    alone = samples.select_corpora([1, 3])
    widths = found.kernels
    values = sum_kernels(alone.vectors, alone.corpus_ids, seed=0, progress=False, kernels=widths)
    expected, given = (
        one.test(*sides, permutations=9, resamples=0, seed=0).values[:3]
        for one, sides in ((values, ([0], [1])), (found, ([1], [3])))
    )
    assert given == pytest.approx(expected, abs=1e-6)


def test_a_matrix_and_a_tree_of_several(four):
    samples, _, pairs = four
    matrix = distance_matrix(pairs, samples.names, "energy", "value")
    assert np.isnan(np.diag(matrix)).all()
    assert np.array_equal(matrix, matrix.T, equal_nan=True)
    merges = corpus_linkage(matrix)
    assert {int(merges[0, 0]), int(merges[0, 1])} == {0, 1}  # the two of one source
    assert 3 in merges[-1, :2]
    assert merges.shape == (3, 4)


def test_places_in_the_plane_keep_their_distances():
    planar = np.random.default_rng(0).normal(size=(6, 2)) * [3, 1]
    squared = squareform(pdist(planar, "sqeuclidean"))
    laid = squared.copy()
    np.fill_diagonal(laid, np.nan)
    places, kept = classical_scaling(laid)
    assert kept == pytest.approx(1.0)
    np.testing.assert_allclose(squareform(pdist(places, "sqeuclidean")), squared, atol=1e-9)
    assert places[:, 0].std() > places[:, 1].std()
    mirrored, _ = classical_scaling(squareform(pdist(-planar, "sqeuclidean")))
    np.testing.assert_allclose(mirrored, places, atol=1e-9)


def test_places_say_what_they_leave_out():
    corners = np.eye(4)  # of a regular simplex, which no plane holds
    _, kept = classical_scaling(squareform(pdist(corners, "sqeuclidean")))
    assert kept == pytest.approx(2 / 3)


def test_evidence_is_the_same_with_the_same_seed():
    first, second = (measured(*clouds(), permutations=49, resamples=49, seed=3) for _ in range(2))
    for name in ("values", "permuted", "resampled"):
        assert np.array_equal(getattr(first, name), getattr(second, name))
    assert isinstance(evidence_of(*clouds()), KernelSums)


def test_a_flag_of_the_processor_is_no_error(monkeypatch):
    """OpenBLAS sets "invalid" for right products of narrow matrices, by what lies beside them in memory."""
    fit = LogisticRegression.fit

    def flagged(self, x, y):
        np.subtract(np.float32(np.inf), np.float32(np.inf))
        return fit(self, x, y)

    clear = classifier_test(*clouds(30, 40), permutations=9, resamples=0, seed=0)
    monkeypatch.setattr(LogisticRegression, "fit", flagged)
    assert classifier_test(*clouds(30, 40), permutations=9, resamples=0, seed=0).value == clear.value


def test_scores_that_are_not_finite_are_refused(monkeypatch):
    monkeypatch.setattr(LogisticRegression, "decision_function", lambda _, x: np.full(len(x), np.nan))
    with pytest.raises(FloatingPointError, match="aren't finite"):
        classifier_test(*clouds(30, 40), permutations=9, resamples=0, seed=0)


def test_the_interval_of_shares_over_units_by_hand():
    # Two units and four, of a document each: 2/1 · (.25 + .25) / 2² + 4/3 · (4 · .25) / 4² = .25 + 1/12.
    in_cluster = np.array([True, False, True, True, False, False])
    first = np.arange(6) < 2
    _, low, high = _test_by_units(in_cluster, first, ~first, np.arange(6))
    assert (low, high) == pytest.approx((-Z95 * (1 / 3) ** 0.5, Z95 * (1 / 3) ** 0.5))


def test_the_p_value_of_frechet_is_the_share_of_permutations_that_are_as_far(monkeypatch):
    draws = np.array([1.0, 0.5, 1.0 - 1e-12, 2.0, 0.9])  # the first is that of the corpora; equal ones count
    monkeypatch.setattr(frechet, "permuted_distances", lambda *_, **__: (draws, np.ones(20)))
    rng = np.random.default_rng(0)
    spaces = [ss.Space.from_vectors(range(30), rng.normal(size=(30, 4))) for _ in "ab"]
    found = ss.compare(*spaces, permutations=99, resamples=99, progress=False).distances()
    assert found.filter(pl.col("distance") == "frechet")["p_value"].item() == pytest.approx(3 / 5)
