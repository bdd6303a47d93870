"""One contract for all latent models: spaces and arrays in and out, the way back, disk, seeds, bad input."""

import numpy as np
import pytest

import semspace as ss
from semspace.errors import InputError
from tests.conftest import random_space

WIDTH, DIM, POINTS = 12, 3, 60
TRAINERS = {"pca": ss.latent.PCA(dim=DIM)}
WITHOUT_PRIOR = ("pca",)


def points(n=POINTS, seed=0):
    """Return a space with metadata whose points lie near a plane, with an encoder of words."""
    rng = np.random.default_rng(seed)
    vectors = rng.normal(size=(n, DIM)) @ rng.normal(size=(DIM, WIDTH)) + 0.05 * rng.normal(size=(n, WIDTH))
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    return ss.Space.from_vectors([f"p{i}" for i in range(n)], vectors, {"number": list(range(n))}, words())


def words():
    vectors = np.random.default_rng(1).normal(size=(4, WIDTH))
    return ss.WordAverage(ss.Space.from_vectors(["good", "bad", "day", "night"], vectors), frequencies="zipf")


_trained = {}


@pytest.fixture(params=TRAINERS)
def name(request):
    return request.param


@pytest.fixture
def model(name):
    """Return the trained model; it is trained once, since it never changes."""
    if name not in _trained:
        _trained[name] = train(name)
    return _trained[name]


def train(name, space=None):
    return TRAINERS[name].train(points() if space is None else space)


def test_arrays_in_and_out(model):
    vectors = points().vectors
    codes = model.encode(vectors)
    assert (model.dim, model.width) == (codes.shape[1], WIDTH)
    assert codes.dtype == np.float32
    assert model.decode(codes).shape == model.reconstruct(vectors).shape == (POINTS, WIDTH)
    np.testing.assert_array_equal(model.reconstruct(vectors), model.decode(codes))
    np.testing.assert_allclose(model.encode(vectors[0]), codes[0], atol=1e-5)
    assert model.encode(vectors[:0]).shape == (0, model.dim)


def test_it_reconstructs_better_than_the_mean(model):
    vectors = points().vectors
    error = np.square(vectors - model.reconstruct(vectors)).sum()
    assert error < 0.8 * np.square(vectors - vectors.mean(axis=0)).sum()


def test_a_space_keeps_ids_metadata_and_its_way_back(model):
    space = points()
    coded = model.encode(space)
    assert coded.ids.tolist() == space.ids.tolist()
    assert coded.metadata.equals(space.metadata)
    np.testing.assert_array_equal(coded.vectors, model.encode(space.vectors))
    back = coded.encoder.model.decode(coded)
    assert (back.dim, back.encoder) == (WIDTH, space.encoder)
    np.testing.assert_array_equal(back.vectors, model.reconstruct(space).vectors)


def test_texts_are_encoded_as_the_points_were(model):
    space = points()
    coded = model.encode(space)
    expected = model.encode(space.encode_queries(["good day"]))
    np.testing.assert_allclose(coded.encode_queries(["good day"]), expected, atol=1e-6)
    np.testing.assert_allclose(coded.encode_documents("good day"), expected[0], atol=1e-6)
    assert len(coded.most_similar("a bad night", k=3)) == 3
    assert len(ss.Index.build(coded, progress=False).search("a bad night", k=3)) == 3


def test_a_space_without_encoder_takes_no_texts_but_has_its_way_back(model):
    coded = model.encode(ss.Space.from_vectors(["cat", "dog"], points().vectors[:2]))
    with pytest.raises(KeyError, match="did you mean cat"):
        coded.most_similar("cats")
    with pytest.raises(InputError, match="has no encoder"):
        coded.encode_queries(["cats"])
    assert coded.encoder.model.decode(coded).encoder is None


def test_saved_and_loaded_it_is_the_same(model, tmp_path):
    ss.save(model, tmp_path / "m")
    again = ss.load(tmp_path / "m")
    vectors = points().vectors
    assert again.fingerprint == model.fingerprint
    assert type(again) is type(model)
    np.testing.assert_array_equal(again.encode(vectors), model.encode(vectors))
    np.testing.assert_array_equal(again.reconstruct(vectors), model.reconstruct(vectors))
    np.testing.assert_array_equal(again.score(vectors), model.score(vectors))
    assert again.history.plain() == model.history.plain()
    assert again.provenance == dict(model.provenance)
    again.save(tmp_path / "m", overwrite=True)  # over the files it reads from
    assert ss.load(tmp_path / "m").fingerprint == model.fingerprint


def test_a_saved_space_of_codes_keeps_encoder_and_way_back(model, tmp_path):
    coded = model.encode(points())
    ss.save(coded, tmp_path / "s")
    again = ss.load(tmp_path / "s")
    np.testing.assert_array_equal(again.encode_queries(["bad day"]), coded.encode_queries(["bad day"]))
    np.testing.assert_array_equal(again.encoder.model.decode(again).vectors, model.decode(coded).vectors)
    index = ss.Index.build(coded, progress=False)
    ss.save(index, tmp_path / "i")
    assert ss.load(tmp_path / "i").search("bad day", k=2).ids == coded.most_similar("bad day", k=2).ids


def test_models_one_after_the_other_are_saved_with_their_space(model, tmp_path):
    first = model.encode(points())
    second = ss.latent.PCA(2).train(first).encode(first)
    ss.save(second, tmp_path / "s")
    again = ss.load(tmp_path / "s")
    np.testing.assert_array_equal(again.encode_queries(["bad day"]), second.encode_queries(["bad day"]))
    middle = again.encoder.model.decode(again)
    assert middle.encoder.model.decode(middle).dim == WIDTH


def test_a_score_is_one_of_the_point_alone_and_higher_is_stranger(model):
    vectors = points().vectors
    strange = np.random.default_rng(5).normal(size=(40, WIDTH)).astype(np.float32)
    strange /= np.linalg.norm(strange, axis=1, keepdims=True)
    scores = model.score(np.vstack([vectors, strange]))
    np.testing.assert_allclose(scores[:5], model.score(vectors[:5]), rtol=1e-4, atol=1e-5)
    np.testing.assert_array_equal(model.score(points()), model.score(vectors))
    assert np.median(scores[POINTS:]) > np.median(scores[:POINTS])


def test_interpolation_goes_from_one_reconstruction_to_the_other(model):
    vectors = points().vectors
    between = model.interpolate(vectors[0], vectors[1], steps=5)
    assert between.shape == (5, WIDTH)
    np.testing.assert_allclose(between[[0, -1]], model.reconstruct(vectors[:2]), atol=1e-5)
    with pytest.raises(InputError, match="steps must be a whole number of at least 2"):
        model.interpolate(vectors[0], vectors[1], steps=1)
    with pytest.raises(InputError, match=r"a must be one vector of shape \(12,\)"):
        model.interpolate(vectors, vectors[1])


def test_samples_depend_on_the_seed_alone_or_there_is_no_prior(model, name):
    if name in WITHOUT_PRIOR:
        with pytest.raises(InputError, match="has no prior"):
            model.sample(5)
        return
    first = model.sample(50)
    assert first.shape == (50, WIDTH)
    np.testing.assert_array_equal(first, model.sample(50, seed=0))
    assert not np.allclose(first, model.sample(50, seed=1))
    assert np.std(first, axis=0).max() > 0.05


def test_the_same_seed_gives_the_same_model(model, name):
    assert train(name).fingerprint == model.fingerprint


def test_wrong_input_is_said(model):
    wrong = random_space(4, WIDTH + 1)
    with pytest.raises(InputError, match=f"must have {WIDTH} columns, as the points that this .* was trained on"):
        model.encode(wrong)
    with pytest.raises(InputError, match=f"codes must have {model.dim} columns, as the codes of this"):
        model.decode(np.ones((2, model.dim + 1)))
    with pytest.raises(InputError, match="vectors must be finite; row 1 holds NaN"):
        model.score([[0.0] * WIDTH, [np.nan] * WIDTH])
    other = ss.WordAverage(ss.Space.from_vectors(["x"], np.ones((1, WIDTH))), frequencies="zipf")
    of_another = ss.Space.from_vectors(["a"], np.ones((1, WIDTH)), encoder=other)
    with pytest.raises(InputError, match="trained on points of the encoder 'word-average'"):
        model.encode(of_another)
    plain = ss.Space.from_vectors(["a"], np.ones((1, WIDTH)), encoder=words())
    with pytest.raises(InputError, match="isn't one of codes"):
        model.decode(plain)


def test_codes_of_another_model_are_refused(model):
    space = points()
    other = ss.latent.PCA(4).train(space).encode(space)
    with pytest.raises(InputError, match=r"encoded by another model, a PCA, .* space.encoder.model.decode"):
        model.decode(other)


def test_a_trainer_says_what_it_can_not_be_trained_on(name):
    with pytest.raises(InputError, match=r"takes a Space; got ndarray: use Space.from_vectors"):
        TRAINERS[name].train(np.ones((5, WIDTH)))
