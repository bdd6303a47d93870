"""Spaces stored in fewer bytes: what the codes are, what queries find, and what is on disk."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import semspace as ss
from semspace.quantization.lookup import BinaryCodec, ProductCodec
from semspace.quantization.numbers import Int8Codec
from semspace.quantization.vectors import PRECISIONS, QuantizedVectors

NARROW = [precision for precision in PRECISIONS if precision != "float32"]


def cloud(n=300, dim=20, seed=0):
    vectors = np.random.default_rng(seed).normal(size=(n, dim)) + 0.3
    return ss.Space.from_vectors([f"p{row}" for row in range(n)], vectors, {"row": list(range(n))})


# -- by hand ----------------------------------------------------------------------------------------------


def test_int8_by_hand():
    """Range 0 to 255: each step is 1 wide, and a code stands for the middle of its step."""
    codec = Int8Codec.fit(np.array([[0.0], [255.0]], np.float32))
    vectors = np.array([[0.0], [0.9], [1.0], [127.9], [255.0], [300.0], [-7.0]], np.float32)
    codes = codec.encode(vectors)
    assert codes[:, 0].tolist() == [-128, -128, -127, -1, 127, 127, -128]
    assert codec.decode(codes)[:, 0].tolist() == [0.5, 0.5, 1.5, 127.5, 255.5, 255.5, 0.5]


def test_int8_of_a_dimension_that_never_changes():
    codec = Int8Codec.fit(np.array([[0.25, 1], [0.25, 2]], np.float32))
    assert codec.decode(codec.encode(np.array([[0.25, 1]], np.float32)))[0, 0] == 0.25


def test_int8_is_what_sentence_transformers_makes():
    vectors = np.random.default_rng(0).normal(size=(50, 4)).astype(np.float32)
    low, high = vectors.min(axis=0), vectors.max(axis=0)
    theirs = ((vectors - low) / ((high - low) / 255) - 128).astype(np.int8)  # quantize_embeddings, in one line
    ours = cloud_of(vectors).quantize("int8").vectors.codes
    assert np.abs(ours.astype(int) - theirs).max() <= 1  # theirs rounds towards 0, which is up below 0


def cloud_of(vectors):
    return ss.Space.from_vectors([str(row) for row in range(len(vectors))], vectors)


def test_binary_by_hand():
    """Thresholds are the means 1, 0 and 2; a bit stands for the mean of its side."""
    codec = BinaryCodec.fit(np.array([[0, -1, 2], [0, 1, 2], [3, 0, 2]], np.float32))
    assert codec.levels.tolist() == [[1, 0, 2], [0, -0.5, 2], [3, 1, 2]]
    codes = codec.encode(np.array([[2, 0.5, 1], [-1, -1, 3]], np.float32))
    assert codes.tolist() == [[0b11000000], [0b00100000]]
    assert codec.decode(codes).tolist() == [[3, 1, 2], [0, -0.5, 2]]


@pytest.mark.parametrize("dim", [1, 7, 8, 13])
def test_products_with_signs_count_differing_bits(dim):
    """Where the levels are -1 and 1, an inner product is the dimensions less twice the Hamming distance."""
    rng = np.random.default_rng(dim)
    codec = BinaryCodec(np.array([[0] * dim, [-1] * dim, [1] * dim], np.float32))
    a, b = (codec.encode(rng.normal(size=(size, dim)).astype(np.float32)) for size in (5, 9))
    hamming = [[(bin(int.from_bytes(x.tobytes()) ^ int.from_bytes(y.tobytes())).count("1")) for y in b] for x in a]
    assert codec.products(b, codec.decode(a)).tolist() == (dim - 2 * np.array(hamming)).tolist()


def test_product_quantisation_by_hand():
    """Two parts with two different vectors each: every vector is kept exactly, in two bytes."""
    vectors = np.array([[0, 0, 5, 5], [9, 9, 5, 5], [9, 9, -5, -5]], np.float32)
    codec = ProductCodec.fit(vectors, code_bytes=2)
    codes = codec.encode(vectors)
    assert codes.shape == (3, 2)
    assert codes[1, 0] == codes[2, 0] != codes[0, 0]
    assert codes[0, 1] == codes[1, 1] != codes[2, 1]
    assert codec.decode(codes).tolist() == vectors.tolist()


def test_product_quantisation_takes_the_nearest_centroid():
    vectors = np.random.default_rng(0).normal(size=(400, 6)).astype(np.float32)
    codec = ProductCodec.fit(vectors, code_bytes=3)
    distances = np.linalg.norm(vectors[:, None, :2] - codec.centroids[0], axis=2)
    taken = np.take_along_axis(distances, codec.encode(vectors)[:, :1].astype(int), axis=1)[:, 0]
    assert np.allclose(taken, distances.min(axis=1), atol=1e-5)


@pytest.mark.parametrize(("precision", "size"), [("float16", 40), ("int8", 20), ("binary", 3), ("product", 3)])
def test_bytes_of_a_point(precision, size):
    space = cloud()
    assert space.quantize(precision).nbytes == size * len(space)
    assert space.nbytes == 80 * len(space)


# -- whatever the precision -------------------------------------------------------------------------------


@pytest.mark.parametrize("precision", NARROW)
def test_products_are_those_of_the_decoded_vectors(precision):
    space = cloud()
    small = space.quantize(precision)
    targets = np.random.default_rng(1).normal(size=(4, 20)).astype(np.float32)
    assert np.allclose(small.vectors.products(targets), targets @ np.asarray(small.vectors).T, atol=1e-4)


@pytest.mark.parametrize("precision", NARROW)
@pytest.mark.parametrize("metric", ["cosine", "dot", "euclidean"])
def test_queries_are_those_of_the_decoded_space(precision, metric):
    small = cloud().quantize(precision)
    wide = small.quantize("float32")
    assert type(wide.vectors) is np.ndarray
    assert wide.precision == "float32"
    target = np.random.default_rng(2).normal(size=20).astype(np.float32)
    for asked in ("p7", target):
        ours, theirs = (space.most_similar(asked, 5, metric=metric) for space in (small, wide))
        assert np.allclose(ours.scores, theirs.scores, atol=1e-4)
        if precision != "binary":  # bits are often equally near, and rounding decides
            assert ours.ids == theirs.ids
    assert small.similarity("p1", "p2", metric=metric) == wide.similarity("p1", "p2", metric=metric)
    assert (
        small.analogy("p1", "p2", "p3", 1, method="3cosmul").ids
        == wide.analogy("p1", "p2", "p3", 1, method="3cosmul").ids
    )
    assert small.odd_one_out(["p1", "p2", "p3"]) == wide.odd_one_out(["p1", "p2", "p3"])


@pytest.mark.parametrize("precision", NARROW)
def test_saved_narrow_and_mapped_narrow(precision, tmp_path):
    small = cloud().quantize(precision)
    small.save(tmp_path / "small")
    loaded = ss.load(tmp_path / "small")
    assert loaded.precision == precision
    assert isinstance(loaded.vectors.codes, np.memmap) or loaded.vectors.codes.base is not None
    assert (tmp_path / "small" / "vectors.npy").stat().st_size == small.nbytes + 128
    assert loaded.fingerprint == small.fingerprint
    assert loaded.metadata.equals(small.metadata)
    assert loaded.provenance == small.provenance
    assert loaded.most_similar("p3", 4).ids == small.most_similar("p3", 4).ids
    loaded.save(tmp_path / "again")
    assert ss.load(tmp_path / "again").fingerprint == small.fingerprint


@pytest.mark.parametrize("precision", NARROW)
def test_select_and_extend_keep_the_precision(precision):
    space = cloud()
    small = space.quantize(precision)
    part = small.select(["p5", "p2"])
    assert part.precision == precision
    assert np.array_equal(part.vectors[0], small["p5"])
    more = small.extend(["new"], space.vectors[5:6], {"row": [300]})
    assert more.precision == precision
    assert np.array_equal(more["new"], small["p5"])


@pytest.mark.parametrize("precision", NARROW)
def test_an_exact_index_searches_it(precision):
    small = cloud().quantize(precision)
    index = ss.Index.build(small, progress=False)
    assert index.report().method == "exact"
    assert index.space is small
    assert index.search(id="p3", k=5).ids == small.most_similar("p3", 5).ids
    index.add(["new"], np.asarray(small.vectors[3:4]), {"row": [300]})
    assert index.search(id="p3", k=1).ids == ("new",)


@pytest.mark.parametrize("precision", NARROW)
def test_what_decodes_it_works_on_it(precision, tmp_path):
    small = cloud().quantize(precision)
    assert small.plot(method="pca", progress=False).description
    assert len(ss.latent.PCA(2).train(small).mean) == 20
    ss.write_vectors(small, tmp_path / "vectors.txt")
    assert len(ss.read_vectors(tmp_path / "vectors.txt", progress=False)) == 300


def test_groups_of_it_are_saved_with_it(tmp_path):
    small = cloud(60).quantize("int8")
    groups, wide = (ss.cluster(space, n_clusters=3, progress=False) for space in (small, small.quantize("float32")))
    assert groups.labels.tolist() == wide.labels.tolist()
    groups.save(tmp_path / "groups")
    assert ss.load(tmp_path / "groups").space.precision == "int8"


@pytest.mark.parametrize("precision", NARROW)
def test_the_overlap_is_measured(precision):
    space = cloud()
    facts = space.quantize(precision).provenance["quantization"]
    assert facts["n_queries"] == 200
    least = {"float16": 0.99, "int8": 0.9, "binary": 0.3, "product": 0.2}[precision]
    assert least <= facts["overlap_at_10"] <= 1
    assert facts["overlap_at_10_by_id"] <= facts["overlap_at_10"] + 0.05


def test_the_stated_overlap_is_the_share_of_true_neighbours():
    space = cloud(60)
    small = space.quantize("binary")
    shares = []
    for name in space:
        truth = set(space.most_similar(name, 10).ids)
        near = [id for id in small.most_similar(space[name], 11).ids if id != name][:10]
        shares.append(len(truth & set(near)) / 10)
    assert small.provenance["quantization"]["overlap_at_10"] == pytest.approx(np.mean(shares))


@given(st.integers(1, 40), st.integers(1, 30), st.integers(0, 2**32 - 1))
def test_no_number_is_off_by_more_than_half_a_step(n, dim, seed):
    vectors = np.random.default_rng(seed).normal(size=(n, dim)).astype(np.float32)
    stored = QuantizedVectors.of(vectors, "int8")
    step = (vectors.max(axis=0) - vectors.min(axis=0)) / 255
    assert (np.abs(np.asarray(stored) - vectors) <= step * 0.501 + 1e-6).all()
    half = np.asarray(QuantizedVectors.of(vectors, "float16"))
    assert np.allclose(half, vectors, rtol=2**-11, atol=1e-7)


@pytest.mark.parametrize("precision", NARROW)
def test_a_single_point(precision):
    small = ss.Space.from_vectors(["one"], [[1.0, 2.0, 3.0]]).quantize(precision)
    assert small["one"].tolist() == [1, 2, 3]
    assert small.provenance["quantization"]["overlap_at_10"] == 1


def test_rows_are_read_as_from_a_matrix():
    stored = cloud().quantize("int8").vectors
    wide = np.asarray(stored)
    assert wide.dtype == np.float32
    assert stored.shape == wide.shape == (300, 20)
    for key in (3, -1, slice(2, 9, 3), [4, 1], (slice(0, 4), 2), (5, 1), wide[:, 0] > 0):
        assert np.array_equal(stored[key], wide[key])
    assert np.array_equal(np.stack(list(stored)), wide)
    assert np.allclose(stored.mean(axis=0), wide.mean(axis=0))
    assert not stored.flags.writeable
    assert np.array_equal(stored - wide[0], wide - wide[0])


# -- what doesn't work says so ----------------------------------------------------------------------------


def test_an_array_of_it_is_always_a_copy():
    stored = QuantizedVectors.of(np.eye(3, dtype=np.float32), "float16")
    assert np.array(stored, copy=True).tolist() == np.eye(3).tolist()
    with pytest.raises(ValueError, match="decoded when they are read"):
        np.asarray(stored, copy=False)


def test_unknown_precisions():
    with pytest.raises(ss.errors.InputError, match="precision must be one of binary, float16, float32, int8, product"):
        cloud().quantize("int4")
    with pytest.raises(ss.errors.InputError, match="code_bytes= is for the precision 'product'"):
        cloud().quantize("int8", code_bytes=8)
    with pytest.raises(ss.errors.InputError, match="code_bytes must be at most the 20 dimensions"):
        cloud().quantize("product", code_bytes=21)


@pytest.mark.parametrize("size", [1e6, 1e-6])
def test_float16_has_a_range(size):
    with pytest.raises(ss.errors.InputError, match="float16 holds numbers from 6e-05 to 65,504"):
        ss.Space.from_vectors(["a", "b"], [[1, 1], [size, 0]]).quantize("float16")


def test_a_graph_needs_float32():
    with pytest.raises(
        ss.errors.InputError, match=r"stored as int8; take method='exact', or space.quantize\('float32'\)"
    ):
        ss.Index.build(cloud().quantize("int8"), "hnsw")


def test_an_attribute_it_lacks():
    with pytest.raises(AttributeError, match=r"np.asarray\(space.vectors\) is a matrix of float32"):
        cloud().quantize("int8").vectors.T  # noqa: B018


def test_a_precision_of_a_later_version(tmp_path, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(Int8Codec, "precision", "int2")
        small = cloud()
        codec = Int8Codec.fit(small.vectors)
        vectors = QuantizedVectors(codec.encode(small.vectors), codec)
        ss.Space(small.ids, vectors).save(tmp_path / "small")
    with pytest.raises(ss.errors.DamagedError, match="precision 'int2', which this version of semspace doesn't have"):
        ss.load(tmp_path / "small")


@pytest.mark.parametrize("precision", NARROW)
def test_no_vectors_are_decoded_to_none(precision):
    small = cloud().quantize(precision)
    assert small.vectors[np.empty(0, np.int64)].shape == (0, 20)
