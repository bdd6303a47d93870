"""One contract for all latent models: spaces and arrays in and out, the way back, disk, seeds, bad input."""

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import multivariate_normal

import semspace as ss
from semspace.bundle import open_bundle
from semspace.errors import DamagedError, ExistsError, InputError, MissingExtraError, SemspaceError, SemspaceWarning
from semspace.latent.neural_trainer import Standardization
from semspace.latent.sparse_autoencoder import SparseAutoencoderModel
from tests.conftest import random_space
from tests.killed import needs_sigkill, run_until_killed
from tests.sealing import seal

ROOT = Path(__file__).parent.parent

WIDTH, DIM, POINTS = 12, 3, 60
NETWORK = {"dim": DIM, "hidden": 8, "batch_size": 16, "threads": 1}
TRAINERS = {
    "pca": ss.latent.PCA(dim=DIM),
    "autoencoder": ss.latent.Autoencoder(**NETWORK),
    "denoising autoencoder": ss.latent.DenoisingAutoencoder(noise=0.1, **NETWORK),
    "vae": ss.latent.VAE(free_bits=0.05, **NETWORK),
    "gan": ss.latent.GAN(**{**NETWORK, "epochs": 5}),
    "sparse autoencoder": ss.latent.SparseAutoencoder(active=DIM, **{**NETWORK, "dim": 24, "learning_rate": 0.02}),
    "factor analysis": ss.latent.FactorAnalysis(dim=DIM),
}
NETWORKS = [name for name in TRAINERS if name not in ("pca", "factor analysis")]
WITHOUT_PRIOR = ("pca", "autoencoder", "denoising autoencoder", "sparse autoencoder")


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
    options = {"progress": False} if name in NETWORKS else {}
    return TRAINERS[name].train(points() if space is None else space, **options)


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
    for a, got in ((vectors, r"shape \(60, 12\)"), ("p0", "'p0'"), (points(), "Space"), ([[1], [1, 2]], "list")):
        with pytest.raises(InputError, match=rf"a must be one vector of shape \(12,\); got {got}: .* is space\[id\]"):
            model.interpolate(a, vectors[1])


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


def test_one_vector_has_one_code(model):
    vector = points().vectors[0]
    np.testing.assert_array_equal(model.encode(vector.tolist()), model.encode(vector))
    assert model.decode(model.encode(vector).tolist()).shape == (WIDTH,)
    with pytest.raises(InputError, match=r"two axes .* got shape \(12,\): put one vector in a list"):
        model.score(vector)


def test_a_code_without_direction_is_said_to_be_the_code():
    space = ss.Space.from_vectors(["a", "b", "middle"], [[1, 0, 1], [3, 0, 1], [2, 0, 1]])
    with pytest.raises(
        InputError, match=r"the code of 'middle' \(row 2\) is all zeros.* or take codes by encode\(space.vectors\)"
    ):
        ss.latent.PCA(1).train(space).encode(space)


def test_more_samples_than_memory_holds():
    with pytest.raises(InputError, match=r"1,000,000,000,000 points of 12 dimensions take 48,000 GB, .*; lower n"):
        ss.latent.FactorAnalysis(dim=DIM).train(points()).sample(10**12)


@pytest.mark.parametrize("precision", ["float16", "int8", "binary", "product"])
def test_narrow_spaces_are_trained_on(name, precision):
    narrow = points().quantize(precision)
    model = TRAINERS[name].train(narrow, **({"progress": False} if name in NETWORKS else {}))
    assert np.isfinite(model.encode(narrow).vectors).all()


def test_codes_of_another_model_are_refused(model):
    space = points()
    other = ss.latent.PCA(4).train(space).encode(space)
    with pytest.raises(InputError, match=r"encoded by another model, a PCA, .* space.encoder.model.decode"):
        model.decode(other)


def test_a_trainer_says_what_it_can_not_be_trained_on(name):
    with pytest.raises(InputError, match=r"takes a Space; got ndarray: use Space.from_vectors"):
        TRAINERS[name].train(np.ones((5, WIDTH)))


# -- trainings of networks ------------------------------------------------------------------------------------


@pytest.fixture(params=NETWORKS)
def network(request):
    return request.param


def broken_off(monkeypatch, name, place, step, **given):
    """Train until just before a step, with a checkpoint after each, and break off as Ctrl+C does."""
    from semspace.latent.fitting import FitLoop

    real = FitLoop._set_learning_rate

    def stopping(self):
        if self.step == step:
            raise KeyboardInterrupt
        real(self)

    with monkeypatch.context() as patch:
        patch.setattr(FitLoop, "_set_learning_rate", stopping)
        with pytest.raises(KeyboardInterrupt):
            TRAINERS[name].train(points(), checkpoint=place, checkpoint_minutes=0, progress=False, **given)


def test_resumed_from_anywhere_it_is_the_model_of_an_uninterrupted_training(network, tmp_path, monkeypatch):
    whole = train(network)
    broken_off(monkeypatch, network, tmp_path / "c", 4)  # within the second epoch
    broken_off(monkeypatch, network, tmp_path / "c", 9, resume=True)
    rest = TRAINERS[network].train(points(), checkpoint=tmp_path / "c", resume=True, progress=False)
    assert rest.fingerprint == whole.fingerprint
    losses = [[(row.epoch, row.loss, row.held_out) for row in one.history] for one in (rest, whole)]
    assert losses[0] == losses[1]
    done = TRAINERS[network].train(points(), checkpoint=tmp_path / "c", resume=True, progress=False)
    assert done.fingerprint == whole.fingerprint  # there is nothing left to do


CHILD = """
import sys
from tests.test_latent_contract import LONG, points
LONG.train(points(), checkpoint=sys.argv[1], checkpoint_minutes=0, progress=False)
"""
LONG = ss.latent.VAE(dim=DIM, hidden=8, batch_size=16, epochs=6, patience=None, threads=1)


def reached(place):
    try:
        return open_bundle(place, "latent-checkpoint").meta["progress"]["step"]
    except SemspaceError:  # not there yet, or just being replaced
        return 0


@needs_sigkill
def test_after_kill_9_it_is_the_model_of_an_uninterrupted_training(tmp_path):
    place = tmp_path / "c"
    run_until_killed(CHILD, place, after=5)
    assert reached(place) == 5
    rest = LONG.train(points(), checkpoint=place, resume=True, progress=False)
    assert rest.fingerprint == LONG.train(points(), progress=False).fingerprint
    assert [path.name for path in tmp_path.iterdir()] == ["c"]


def test_a_checkpoint_of_another_training_is_refused(network, tmp_path):
    place = tmp_path / "c"
    quick = replace(TRAINERS[network], epochs=1)
    quick.train(points(), checkpoint=place, progress=False)
    with pytest.raises(InputError, match="is of another training: seed is 0 there and 1 here"):
        replace(quick, seed=1).train(points(), checkpoint=place, resume=True, progress=False)
    with pytest.raises(InputError, match="is of another training: space is"):
        quick.train(points(seed=3), checkpoint=place, resume=True, progress=False)
    with pytest.raises(ExistsError, match="resume=True"):
        quick.train(points(), checkpoint=place, progress=False)
    with pytest.raises(InputError, match="checkpoint of an unfinished training"):
        ss.load(place)


def test_a_checkpoint_that_does_not_fit_is_damage(network, tmp_path):
    place = tmp_path / "c"
    quick = replace(TRAINERS[network], epochs=1)
    quick.train(points(), checkpoint=place, progress=False)
    manifest = json.loads((place / "manifest.json").read_text())

    def refused(changed, match):
        seal(place, changed)
        with pytest.raises(DamagedError, match=match):
            quick.train(points(), checkpoint=place, resume=True, progress=False)

    for step in (10**9, -1, "far"):
        progress = {**manifest["meta"]["progress"], "step": step}
        refused({**manifest, "meta": {**manifest["meta"], "progress": progress}}, "has step = ")
    arrays = [path for path in place.glob("*.npy") if np.load(path).size > 1]
    assert arrays
    for path in arrays:
        content = path.read_bytes()
        np.save(path, np.load(path).ravel()[:1])  # which torch would repeat
        refused(manifest, "has the shape")
        path.write_bytes(content)


def test_losses_are_in_the_history_and_drawn(model, network, name):
    if name != network:
        return
    history = model.history
    assert 1 <= len(history) <= 20
    assert all(np.isfinite([row.loss, row.held_out]).all() for row in history)
    assert history.to_frame().columns == ["epoch", "loss", "seconds", "held-out loss"]
    assert "loss" in history.plot()._repr_html_()


def test_another_seed_gives_another_model(network):
    quick = replace(TRAINERS[network], epochs=1)
    models = [replace(quick, seed=seed).train(points(), progress=False) for seed in (0, 1)]
    assert models[0].fingerprint != models[1].fingerprint


def failing_step(monkeypatch, loop, at):
    real = loop._set_learning_rate

    def failing(self):
        real(self)
        if self.step == at:
            self.learner.step = lambda *_: float("nan")

    monkeypatch.setattr(loop, "_set_learning_rate", failing)


def test_a_loss_that_becomes_nan_ends_the_training_with_the_best_epoch_before(network, monkeypatch):
    from semspace.latent.fitting import FitLoop

    failing_step(monkeypatch, FitLoop, at=7)
    with pytest.warns(SemspaceWarning, match="NaN or infinite in batch 2 of epoch 3; the model is that of the best"):
        model = train(network)
    assert len(model.history) == 2
    assert np.isfinite(model.encode(points().vectors)).all()
    failing_step(monkeypatch, FitLoop, at=1)
    with pytest.raises(InputError, match=r"batch 2 of epoch 1, before the first epoch was over; lower learning_rate"):
        train(network)


def test_a_trainer_of_a_network_says_what_does_not_fit(network):
    trainer = TRAINERS[network]
    if network != "sparse autoencoder":  # its features are more than the dimensions, and may be more than the points
        with pytest.raises(InputError, match=r"needs more points to train on than dim, 3; the space has 3"):
            trainer.train(points(3), progress=False)
    with pytest.raises(InputError, match="all points of the space are equal"):
        trainer.train(ss.Space.from_vectors(range(50), np.ones((50, WIDTH))), progress=False)
    with pytest.raises(InputError, match="seed must be"):
        replace(trainer, seed=-1)


def test_a_constant_column_does_no_harm(network):
    vectors = np.hstack([points().vectors, np.ones((POINTS, 1))])
    model = replace(TRAINERS[network], epochs=2).train(ss.Space.from_vectors(range(POINTS), vectors), progress=False)
    assert np.isfinite(model.reconstruct(vectors)).all()


def test_without_torch_it_is_said_before_any_work(network, monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(MissingExtraError, match=r"needs torch.*semspace\[transformers\]"):
        TRAINERS[network].train(points(), progress=False)


def test_a_saved_model_is_used_without_torch(tmp_path):
    for name in TRAINERS:
        if name not in _trained:
            _trained[name] = train(name)
        _trained[name].save(tmp_path / name)
    code = (
        "import sys, semspace as ss, numpy as np\n"
        "for place in sys.argv[1:]:\n"
        "    model = ss.load(place)\n"
        "    model.score(np.ones((2, model.width))), model.reconstruct(np.ones((2, model.width)))\n"
        "assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code, *(str(tmp_path / name) for name in TRAINERS)], check=True, cwd=ROOT)


def test_a_latent_space_is_not_wider_than_the_input():
    for trainer in (ss.latent.Autoencoder(dim=13), ss.latent.VAE(dim=13), ss.latent.GAN(dim=13)):
        with pytest.raises(InputError, match=r"dim must be at most 12 for \w+, the dimensions of the space; got 13"):
            trainer.train(points(), progress=False)


# -- what one model has and others don't ----------------------------------------------------------------------


def test_the_posterior_of_a_vae_is_a_distribution():
    model = train("vae")
    mean, deviation = model.posterior(points())
    np.testing.assert_array_equal(mean, model.encode(points().vectors))
    assert mean.shape == deviation.shape
    assert ((deviation > 0) & (deviation < 1.5)).all()


def test_a_collapsed_posterior_is_said():
    options = {"dim": 4, "hidden": 8, "batch_size": 64, "epochs": 30, "learning_rate": 0.02, "threads": 1}
    trainer = ss.latent.VAE(beta=20.0, patience=None, **options)
    vectors = np.random.default_rng(0).normal(size=(400, WIDTH))
    with pytest.warns(SemspaceWarning, match=r"posterior collapse: only \d of 4 dimensions .* beta \(now 20\)"):
        model = trainer.train(ss.Space.from_vectors(range(400), vectors), progress=False)
    assert model.active_units < 4


def test_strengths_of_features_that_overlap_are_fitted_together():
    # [2.8, 0.6] is 2 times the first direction and 1 time the second, and has the products 2.8 and 2.6 with them.
    directions = np.float32([[1, 0], [0.8, 0.6], [-1, 0]])
    nothing = np.zeros(3, np.float32)
    parts = (directions, nothing, directions, nothing[:2], Standardization(nothing[:2], 1.0), 2)
    plain, refit = (SparseAutoencoderModel(*parts, refit=refit) for refit in (False, True))
    vector = np.float32([[2.8, 0.6]])
    np.testing.assert_allclose(plain.encode(vector), [[2.8, 2.6, 0]], atol=1e-6)
    np.testing.assert_allclose(refit.encode(vector), [[2, 1, 0]], atol=0.02)
    np.testing.assert_allclose(refit.reconstruct(vector), vector, atol=0.02)
    np.testing.assert_array_equal(refit.encode(np.float32([[0, -1]])), [[0, 0, 0]])  # nothing is active
    assert plain.fingerprint != refit.fingerprint


def test_fitted_strengths_lose_less_and_are_saved(tmp_path):
    fitted = train("sparse autoencoder")
    plain = replace(fitted, refit=False)
    vectors = points().vectors
    assert fitted.refit
    assert fitted.score(vectors).mean() < plain.score(vectors).mean()
    for model in (fitted, plain):
        model.save(tmp_path / str(model.refit))
        loaded = ss.load(tmp_path / str(model.refit))
        np.testing.assert_array_equal(loaded.encode(vectors), model.encode(vectors))


def test_few_features_of_a_sparse_code_are_not_zero():
    model = train("sparse autoencoder")
    codes = model.encode(points().vectors)
    assert codes.shape == (POINTS, 24)
    assert ((codes > 0).sum(axis=1) <= DIM).all()
    assert (codes >= 0).all()
    features, strengths = model.top(points())
    assert (np.diff(strengths, axis=1) <= 0).all()
    np.testing.assert_array_equal(np.take_along_axis(codes, features, axis=1), strengths)
    with pytest.raises(InputError, match="active must be at most dim, 8; got 9: lower active"):
        ss.latent.SparseAutoencoder(dim=8, active=9)
    with pytest.raises(InputError, match=r"SparseAutoencoder\(active=32\) needs at least as many .* has 19: give"):
        ss.latent.SparseAutoencoder().train(ss.Space.from_vectors(range(20), np.eye(20) + 1), progress=False)


def test_factors_are_those_that_made_the_points():
    rng = np.random.default_rng(0)
    true = np.zeros((2, 6))
    true[0, :3], true[1, 3:] = [2, 1.5, 1], [1, 0.8, 0.6]
    vectors = rng.normal(size=(4000, 2)) @ true + 0.3 * rng.normal(size=(4000, 6))
    model = ss.latent.FactorAnalysis(dim=2).train(ss.Space.from_vectors(range(4000), vectors))
    np.testing.assert_allclose(model.loadings, true, atol=0.12)
    np.testing.assert_allclose(model.noise, 0.09, atol=0.03)
    # The score is the negative log-density of a Gaussian with this covariance.
    covariance = model.loadings.T.astype(float) @ model.loadings + np.diag(model.noise)
    expected = -multivariate_normal(model.mean, covariance).logpdf(vectors[:5])
    np.testing.assert_allclose(model.score(vectors[:5]), expected, rtol=1e-4)
    np.testing.assert_allclose(np.cov(model.sample(20_000).T), model.loadings.T @ model.loadings, atol=0.15)


def test_factors_that_can_not_be_found_are_refused():
    with pytest.raises(InputError, match="dim must be at most 3 for 4 points of 12 dimensions; got 4"):
        ss.latent.FactorAnalysis(dim=4).train(points(4), progress=False)
    with pytest.raises(InputError, match="all points of the space are equal, so they have no factors"):
        ss.latent.FactorAnalysis(dim=2).train(ss.Space.from_vectors(range(9), np.tile([1.0, 2, 3, 4], (9, 1))))
    vectors = np.hstack([points().vectors, np.ones((POINTS, 1))])  # a constant column
    model = ss.latent.FactorAnalysis(dim=2).train(ss.Space.from_vectors(range(POINTS), vectors))
    assert np.isfinite(model.score(vectors)).all()
