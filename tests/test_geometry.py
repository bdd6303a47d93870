"""Geometry of a space: worked by hand, on shapes of known dimension, and with points that come twice."""

import dataclasses

import numpy as np
import pytest

import semspace as ss
from semspace.errors import InputError
from semspace.geometry import hubness, intrinsic_dimension, isotropy
from semspace.geometry.neighborhoods import neighborhoods


def space_of(vectors):
    return ss.Space.from_vectors([f"p{row}" for row in range(len(vectors))], vectors)


def numbers(report):
    """Return what a report says, without how many points there were."""
    return {name: value for name, value in report.to_dict().items() if name != "points"}


def shape(dim, width, n=1_500, seed=0):
    """Return points of a shape of `dim` dimensions, flat in `width` of them and away from the origin."""
    rng = np.random.default_rng(seed)
    flat, _ = np.linalg.qr(rng.normal(size=(width, dim)))
    return (rng.uniform(-1, 1, (n, dim)) @ flat.T + 3).astype(np.float32)


@pytest.mark.parametrize("dim", [1, 2, 4])
@pytest.mark.parametrize("metric", ["euclidean", "cosine"])
def test_a_flat_shape_in_ten_dimensions_has_its_own_dimension(dim, metric):
    report = space_of(shape(dim, 10)).report(metric=metric)
    assert report.intrinsic_dimension == pytest.approx(dim, rel=0.1)
    assert report.intrinsic_dimension_mle == pytest.approx(dim, rel=0.1)
    assert report.axes_90 == dim
    assert report.dim == 10


def test_a_circle_is_a_line_and_a_plane_through_the_origin_is_a_circle_of_directions():
    angle = np.random.default_rng(0).uniform(0, 2 * np.pi, 1_000)
    circle = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    assert space_of(circle).report(metric="euclidean").intrinsic_dimension == pytest.approx(1, rel=0.1)
    plane = np.random.default_rng(1).normal(size=(1_000, 2))
    assert space_of(plane).report(metric="euclidean").intrinsic_dimension == pytest.approx(2, rel=0.1)
    assert space_of(plane).report().intrinsic_dimension == pytest.approx(1, rel=0.1)


def test_points_that_come_twice_change_nothing():
    points = shape(3, 8)
    once = space_of(points).report()
    assert numbers(space_of(np.concatenate([points, points[:1]])).report()) == numbers(once)
    assert numbers(space_of(np.concatenate([points, points, points])).report()) == numbers(once)
    longer = np.concatenate([points, 3.7 * points])  # the same directions, but for rounding
    assert numbers(space_of(longer).report()) == numbers(once)


def test_length_counts_without_the_cosine():
    points = shape(3, 8)
    longer = space_of(np.concatenate([points, 3.7 * points]))
    assert longer.report(metric="euclidean").measured == 2 * longer.report().measured


def test_two_nn_by_hand():
    # Logarithms of the ratios are 1 and 2; with ten of each the largest two are left out.
    distances = np.exp(np.repeat([[0.0, 1.0], [0.0, 2.0]], 10, axis=0))
    x, y = np.repeat([1.0, 2.0], [10, 8]), -np.log(1 - np.arange(1, 19) / 20)
    assert intrinsic_dimension.two_nn(distances) == pytest.approx((x @ y) / (x @ x))


def test_maximum_likelihood_by_hand():
    # log(T3/T1) and log(T3/T2) are 2 and 1 for the first point, 1 and 0 for the second: their mean is 1.
    distances = np.exp([[0.0, 1.0, 2.0], [1.0, 2.0, 2.0]])
    assert intrinsic_dimension.maximum_likelihood(distances) == pytest.approx(1.0)


def test_neighbours_that_are_equally_far_have_no_dimension():
    assert intrinsic_dimension.two_nn(np.ones((20, 2))) == np.inf
    assert intrinsic_dimension.maximum_likelihood(np.ones((20, 5))) == np.inf


def isoscore_by_its_steps(variances):
    """Compute IsoScore step by step, as the paper defines it."""
    n = len(variances)
    normalised = variances * np.sqrt(n) / np.linalg.norm(variances)
    defect = np.linalg.norm(normalised - 1) / np.sqrt(2 * (n - np.sqrt(n)))
    used = (n - defect**2 * (n - np.sqrt(n))) ** 2 / n**2
    return (n * used - 1) / (n - 1)


def test_isoscore_is_that_of_the_paper():
    for seed in range(5):
        variances = np.sort(np.random.default_rng(seed).gamma(0.5, size=12))[::-1]
        assert isotropy.isoscore(variances) == pytest.approx(isoscore_by_its_steps(variances))


def test_isotropy_of_simple_shapes():
    cross = np.repeat(np.concatenate([np.eye(4), -np.eye(4)]).astype(np.float32), 1, axis=0)
    assert isotropy.isoscore(isotropy.variances(cross)) == pytest.approx(1)
    assert isotropy.mean_cosine(cross) == pytest.approx(-1 / 7)  # each point has one opposite among seven others
    line = np.outer(np.arange(1, 9), np.ones(4)).astype(np.float32)
    assert isotropy.isoscore(isotropy.variances(line)) == pytest.approx(0, abs=1e-9)
    assert isotropy.participation_ratio(isotropy.variances(line)) == pytest.approx(1)
    assert isotropy.mean_cosine(line) == pytest.approx(1)
    assert isotropy.n_axes(np.array([6.0, 3.0, 1.0]), 0.9) == 2
    assert (
        isotropy.isoscore(np.zeros(3))
        == isotropy.participation_ratio(np.zeros(3))
        == isotropy.n_axes(np.zeros(3), 0.9)
        == 0
    )
    assert isotropy.isoscore(np.array([2.0])) == 1


def test_a_hub_has_its_name_on_the_card():
    # The middle of a star is the nearest point of all its rays, which are far from each other.
    star = np.concatenate([np.zeros((1, 12)), 5 * np.eye(12), -5 * np.eye(12)]) + np.full(12, 0.01)
    report = ss.Space.from_vectors(["middle", *(f"ray {i}" for i in range(24))], star).report(1, metric="euclidean")
    assert report.hubs[0] == ("middle", 24)
    assert report.never_found == pytest.approx(23 / 25)
    assert report.hubness == pytest.approx(4.69, abs=0.01)
    assert "middle (24)" in repr(report)


def test_hubness_of_nothing_uneven():
    ring = np.array([[(row + 1) % 20] for row in range(20)])
    assert hubness.skewness(hubness.occurrences(ring)) == 0


def test_hubs_do_not_depend_on_the_order_of_rows():
    space = space_of(shape(3, 8, 200))
    turned = space.select(space.ids[::-1].tolist())
    assert space.report().hubs == turned.report().hubs


def test_neighbours_are_the_true_ones():
    points = shape(4, 6, 60)
    near = neighborhoods(points, 5, metric="euclidean")
    distances = np.linalg.norm(points[:, None].astype(np.float64) - points[None], axis=2)
    np.fill_diagonal(distances, np.inf)
    np.testing.assert_array_equal(near.neighbors, np.argsort(distances, axis=1)[:, :5])
    np.testing.assert_allclose(near.distances, np.sort(distances, axis=1)[:, :5], rtol=1e-5)


def test_of_many_points_a_sample_is_measured_by_its_seed():
    space = space_of(shape(2, 10, 600))
    report = space.report(most=300, metric="euclidean")
    assert (report.points, report.measured) == (600, 300)
    assert report.intrinsic_dimension == pytest.approx(2, rel=0.2)
    assert report == space.report(most=300, metric="euclidean")
    assert report != space.report(most=300, metric="euclidean", seed=1)


def test_the_card_is_text_html_and_a_table():
    vectors = shape(2, 10, 30)
    space = ss.Space.from_vectors(["<b>&", *(f"p{row}" for row in range(29))], vectors)
    report = space.report(k=29)
    assert {count for _, count in report.hubs} == {29}  # everybody is everybody's neighbour
    page = report._repr_html_()
    assert "&lt;b&gt;&amp; (29)" in page
    assert "<b>" not in page
    assert "TwoNN" in page
    assert "30 different ones measured" in repr(report)
    frame = report.to_frame()
    assert frame.columns == ["name", "value"]
    assert dict(frame.rows())["measured"] == "30"
    assert set(frame["name"]) == {field.name for field in dataclasses.fields(report)} - {"hubs"}
    assert report.hubness == 0


def test_what_cannot_be_measured_is_refused():
    few = ss.Space.from_vectors([f"p{row}" for row in range(40)], np.tile(np.eye(4), (10, 1)))
    with pytest.raises(InputError, match=r"at least 10 different points, to see how they lie; this space has 4$"):
        few.report()
    space = space_of(shape(2, 5, 20))
    with pytest.raises(InputError, match="k must be a whole number of at least 1; got 0"):
        space.report(0)
    with pytest.raises(InputError, match="metric must be one of cosine, euclidean; got 'dot'"):
        space.report(metric="dot")
    with pytest.raises(InputError, match="most must be a whole number of at least 10; got 9"):
        space.report(most=9)
