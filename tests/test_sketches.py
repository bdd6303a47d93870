"""Sketches: products that are right on average, distances as numpy computes them, and searches that walk by them."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import semspace as ss
from semspace.index import graph_search
from semspace.index.beam_search import distance, norm_of
from semspace.index.quantization import pack_codes, rows_of_bytes
from semspace.index.sketches import _load, rotation_signs, sketch, sketch_queries, sketch_width
from semspace.kernels.compiling import compiled

WIDTHS = (128, 256, 320, 512)  # of codes


def codes_of(points):
    """Codes of points in units of the code."""
    codes = rows_of_bytes(len(points), points.shape[1] + 8)
    pack_codes(
        points.astype(np.float32), np.einsum("ij,ij->i", points, points).astype(np.float32), np.float32(1), codes
    )
    return codes


def whole(count, work):
    """Do work in one piece."""
    work(0, count, None)


def drawn(n, width, seed=0, scale=30.0):
    return np.random.default_rng(seed).normal(size=(n, width - 8)) * scale * 0.98 ** np.arange(width - 8)


@compiled
def distances(query_codes, asked, sketches, found):
    for i in range(len(query_codes)):
        for node in range(len(sketches)):
            found[i, node] = distance(sketches, node, asked[i], norm_of(query_codes, i))


def by_sketch(query_codes, codes):
    found = np.empty((len(query_codes), len(codes)), np.int64)
    distances(query_codes, sketch_queries(query_codes, whole), sketch(codes, whole), found)
    return found


def unpacked(sketches):
    """The numbers of sketches, 0 to 3, in order, and the two facts of each."""
    lines = sketches.reshape(len(sketches), -1, 64)
    planes = np.stack([(lines[:, :, :56] >> (2 * plane)) & 3 for plane in range(4)], axis=2)
    facts = lines[:, 0, 56:].copy().view(np.float32)
    return planes.reshape(len(sketches), -1).astype(np.float64), facts


def test_a_line_for_every_256_bytes_of_a_code():
    assert [sketch_width(width) for width in (64, 256, 320, 512, 576)] == [64, 64, 128, 128, 192]


@pytest.mark.parametrize("width", WIDTHS)
def test_distances_are_those_of_the_numbers_in_a_sketch(width):
    codes, query_codes = codes_of(drawn(50, width)), codes_of(drawn(5, width, seed=1))
    levels, facts = unpacked(sketch(codes, whole))
    asked = sketch_queries(query_codes, whole)
    units, taken = asked[:, -8:].copy().view(np.float32).T.astype(float)
    planes = asked[:, :-64].reshape(len(asked), -1, 4, 64)[:, :, :, :56].reshape(len(asked), -1).astype(float)
    np.testing.assert_allclose(taken, 1.5 * planes.sum(1))
    norms = query_codes.view(np.int32)[:, -2].astype(float)
    products = (planes @ (levels - 1.5).T) * units[:, None] * facts[:, 0]
    expected = np.maximum(norms[:, None] + facts[:, 1] - products, 0)
    found = by_sketch(query_codes, codes)
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=2)


@pytest.mark.parametrize("width", WIDTHS)
def test_they_are_near_those_of_codes_and_no_smaller_or_larger_on_average(width):
    codes, query_codes = codes_of(drawn(400, width)), codes_of(drawn(20, width, seed=1))
    own, asked = (one[:, :-8].astype(float) for one in (codes, query_codes))
    exact = (asked**2).sum(1)[:, None] + (own**2).sum(1) - 2 * asked @ own.T
    found = by_sketch(query_codes, codes)
    assert abs((found - exact).mean()) < 0.02 * exact.mean()
    assert np.corrcoef(found.ravel(), exact.ravel())[0, 1] > 0.96


@given(seed=st.integers(0, 1_000), width=st.sampled_from(WIDTHS))
def test_the_rotation_keeps_products(seed, width):
    codes = codes_of(drawn(2, width, seed=seed))
    signs = rotation_signs(sketch_width(width))
    rotated = np.empty((2, signs.shape[1]), np.float32)
    lengths = [_load(codes[i], signs, rotated[i]) for i in range(2)]
    kept = codes[:, : min(width - 8, signs.shape[1])].astype(float)
    np.testing.assert_allclose(lengths, (kept**2).sum(1), rtol=1e-4)
    size = np.sqrt(np.prod(lengths))
    np.testing.assert_allclose(rotated[0] @ rotated[1], kept[0] @ kept[1], atol=1e-4 * size)


def test_pieces_give_what_the_whole_gives():
    def pieces(count, work):
        for start in range(0, count, 7):
            work(start, min(start + 7, count), None)

    codes = codes_of(drawn(30, 320))
    np.testing.assert_array_equal(sketch(codes, pieces), sketch(codes, whole))
    np.testing.assert_array_equal(sketch_queries(codes, pieces), sketch_queries(codes, whole))


def test_a_point_without_length_has_the_distance_of_the_query_s_own():
    codes = codes_of(np.zeros((1, 248)))
    query = codes_of(np.eye(248)[:1] * 100)
    assert by_sketch(query, codes).tolist() == [[10_000]]
    assert by_sketch(codes, query).tolist() == [[10_000]]


# -- searches -----------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def index():
    rng = np.random.default_rng(0)
    vectors = rng.normal(size=(3_000, 96)).astype(np.float32)
    vectors[:, :48] *= 3
    space = ss.Space.from_vectors([f"p{i:05d}" for i in range(len(vectors))], vectors)
    return ss.Index.build(space, method="hnsw", progress=False)


def engine_of(index):
    return index._points.engine


def test_an_index_of_an_earlier_version_is_walked_by_its_codes(index, tmp_path, monkeypatch):
    engine = engine_of(index)
    monkeypatch.setattr(engine.graph, "sketches", None)
    index.save(tmp_path / "earlier")
    assert not (tmp_path / "earlier" / "sketches.npy").exists()
    opened = ss.Index.open(tmp_path / "earlier")
    assert engine_of(opened).graph.sketches is None
    vectors = np.random.default_rng(1).normal(size=(20, 96)).astype(np.float32)
    monkeypatch.setattr(graph_search, "SCANS", 0)
    rows, _ = opened.knn_query(vectors, 10)
    true, _ = index.knn_query(vectors, 10, exact=True)
    assert np.mean([len({*a} & {*b}) for a, b in zip(rows.tolist(), true.tolist(), strict=True)]) > 9


def test_sketches_of_strangers_lead_to_points_all_the_same(index, tmp_path):
    """Damage that a checksum would show: whatever a sketch says, answers are points of the index."""
    index.save(tmp_path / "saved")
    opened = ss.Index.open(tmp_path / "saved")
    graph = engine_of(opened).graph
    vectors = np.random.default_rng(1).normal(size=(20, 96)).astype(np.float32)
    for value in (0xFF, 0x7F, 0x80):
        graph.sketches = rows_of_bytes(*graph.sketches.shape).view(np.uint8)
        graph.sketches[:] = value
        engine, view = engine_of(opened), opened._points.points.view
        found, _ = engine._searcher.search(view, vectors, 10, engine.tuning, walked=True)
        assert ((found >= 0) & (found < 3_000)).all()


@pytest.mark.parametrize("width", WIDTHS)
def test_levels_are_those_of_the_quantiser_for_a_normal_distribution(width):
    """Max (1960): of four levels, the edges are at -.996, 0 and .996 standard deviations."""
    codes = codes_of(drawn(30, width))
    levels, _ = unpacked(sketch(codes, whole))
    signs = rotation_signs(sketch_width(width))
    rotated = np.empty((len(codes), signs.shape[1]), np.float32)
    squares = np.array([_load(code, signs, row) for code, row in zip(codes, rotated, strict=True)])
    deviations = rotated / (0.996 * np.sqrt(squares / rotated.shape[1]))[:, None]
    expected = np.digitize(deviations, [-1, 0, 1])
    unclear = np.abs(deviations - np.rint(deviations)) < 1e-4
    assert (unclear | (levels[:, : rotated.shape[1]] == expected)).all()
    assert set(expected.ravel().tolist()) == {0, 1, 2, 3}
