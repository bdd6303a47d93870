"""Samples judged against real points, and generators beside the Gaussian mixtures that they have to beat."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import semspace as ss
from semspace.errors import InputError
from semspace.latent.generation import comparing, mixture
from semspace.latent.generation.balls import copied, fidelity, radii
from semspace.latent.generation.quality import SHARES
from tests.clouds import space_of


def on_line(*places):
    return np.array(places, np.float32)[:, None]


def normal(n, dim=6, seed=0, scale=1.0):
    return (np.random.default_rng(seed).normal(size=(n, dim)) * scale).astype(np.float32)


def quality(real, samples, **options):
    options = {"metric": "euclidean", "permutations": 99, **options}
    return ss.latent.sample_quality(real, samples, progress=False, **options)


# -- counted by hand -------------------------------------------------------------------------------------------


def test_the_radius_reaches_to_the_kth_nearest_other_point():
    assert radii(on_line(0, 1, 3, 7), 1).tolist() == [1, 1, 2, 4]
    assert radii(on_line(0, 1, 3, 7), 2).tolist() == [3, 2, 3, 6]
    assert radii(on_line(2, 2, 5), 1).tolist() == [0, 0, 3]


def test_points_on_a_line():
    # The balls of the real points reach 1 to each side, those of the samples 9.5, 1 and 1. Only 0.5 lies among the real
    # points, in the balls of 0 and 1; all real points lie in the ball of 0.5.
    found = fidelity(on_line(0, 1, 2, 3), on_line(0.5, 10, 11), 1)
    assert found.precision == pytest.approx(1 / 3)
    assert found.recall == 1
    assert found.density == pytest.approx(2 / 3)
    assert found.coverage == pytest.approx(2 / 4)


def test_a_point_just_at_the_edge_of_a_ball_is_outside():
    assert fidelity(on_line(0, 1), on_line(2, 9), 1).precision == 0
    assert fidelity(on_line(0, 1), on_line(1.9, 9), 1).precision == 0.5


def test_samples_of_one_kind_are_precise_and_cover_little():
    # The ball of 0 reaches 1, those of 10 and 11 too; all samples are in that of 0, which is one of three real points.
    found = fidelity(on_line(0, 1, 10, 11), on_line(0.1, 0.2, 0.3), 1)
    assert (found.precision, found.recall, found.coverage) == (1, 0, 0.5)
    assert found.density == 2  # in the balls of 0 and of 1


def test_real_points_as_samples_are_perfect():
    real = normal(200)
    assert fidelity(real, real, 5) == (1, 1, 1, 1)
    doubled = np.repeat(normal(20), 10, axis=0)  # the balls have no radius, and their centres belong to them
    assert fidelity(doubled, doubled, 5)[:2] == (1, 1)
    assert fidelity(doubled, doubled, 5).coverage == 1


def test_copies_are_counted_by_what_is_usual_for_real_points():
    training, real = on_line(*range(0, 1000, 10)), on_line(*(place + 3 for place in range(0, 1000, 10)))
    # Every real point is 3 from a training point: so a sample is a copy up to 3 away.
    assert copied(real, on_line(10, 12, 15, 25), training, "euclidean") == (0.5, 1)
    real[0] = 1  # one of a hundred is only 1 away: now that is the distance of the nearest 1 %
    assert copied(real, on_line(10, 12, 15, 25), training, "euclidean") == (0.25, 0.01)


def test_a_copy_is_found_without_rounding():
    training, real = normal(300, 40), normal(300, 40, seed=1)
    samples = np.concatenate([training[:50], normal(50, 40, seed=2)])
    found = quality(real, samples, train=training, metric="cosine")
    assert found.copies == pytest.approx(0.5, abs=0.03)
    assert found.copies_of_real == 0.01
    assert quality(real, samples).copies is None


# -- properties ------------------------------------------------------------------------------------------------


def test_real_points_of_the_same_source_reach_what_the_papers_expect():
    real, other = normal(1_000), normal(1_000, seed=1)
    found = quality(real, other)
    assert found.density == pytest.approx(1, abs=0.1)
    assert found.coverage == pytest.approx(1 - 0.5**5, abs=0.02)  # Naeem et al. 2020, section 3.2
    assert found.p_value > 0.01
    assert found.mmd < found.mmd_by_chance


def test_each_failure_lowers_its_own_number():
    real = normal(500)
    narrow, wide = normal(500, seed=1, scale=0.3), normal(500, seed=1, scale=2)
    assert quality(real, narrow).precision > 0.95
    assert quality(real, narrow).recall < 0.3
    assert quality(real, wide).precision < 0.5
    assert quality(real, wide).recall > 0.9
    assert quality(real, narrow).p_value == quality(real, wide).p_value == 0.01


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10_000), k=st.integers(1, 4), scale=st.floats(0.1, 5))
def test_all_numbers_are_in_their_ranges_and_recall_is_precision_the_other_way_round(seed, k, scale):
    real, samples = normal(30, 3, seed), normal(25, 3, seed + 1, scale)
    found, back = fidelity(real, samples, k), fidelity(samples, real, k)
    assert 0 <= found.precision <= 1
    assert 0 <= found.coverage <= 1
    assert 0 <= found.density <= len(real) / k
    assert (found.recall, found.precision) == (back.precision, back.recall)


def test_the_order_of_points_and_the_size_of_blocks_do_not_matter(monkeypatch):
    real, samples = normal(60), normal(50, seed=1)
    whole = fidelity(real, samples, 3)
    monkeypatch.setattr("semspace.queries._SCORES_IN_MEMORY", 400)
    assert fidelity(real[::-1].copy(), samples[::-1].copy(), 3) == pytest.approx(whole)


def test_cosine_compares_directions():
    real, samples = normal(100), normal(100, seed=1)
    found, scaled = (quality(a, b, metric="cosine") for a, b in ((real, samples), (real * 7, samples * 0.2)))
    assert [getattr(found, name) for name in SHARES] == [getattr(scaled, name) for name in SHARES]
    assert found.mmd == pytest.approx(scaled.mmd)
    assert quality(real, samples * 0.2).recall != quality(real, samples).recall


def test_many_points_are_sampled_and_the_same_seed_gives_the_same_numbers():
    real, samples = normal(300), normal(200, seed=1)
    found = quality(real, samples, most=100, seed=3)
    assert (found.n_real, found.n_samples) == (100, 100)
    assert found == quality(real, samples, most=100, seed=3)
    assert found != quality(real, samples, most=100, seed=4)


def test_spaces_and_arrays_are_the_same():
    real, samples = normal(50), normal(50, seed=1)
    assert quality(space_of(real), space_of(samples)) == quality(real, samples)


def test_what_is_shown():
    found = quality(normal(50), normal(50, seed=1), train=normal(40, seed=2))
    assert found.to_frame().columns[:4] == ["precision", "recall", "density", "coverage"]
    assert found.to_frame()["n_real"].to_list() == [50]
    assert "share of real points with a sample near" in repr(found)
    assert "copies" in found._repr_html_()
    assert "copies" not in repr(quality(normal(50), normal(50, seed=1)))
    assert "coverage" in found.plot().description


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"samples": normal(20, 3)}, "samples must have 6 dimensions, as real has; got 3: samples are compared"),
        ({"train": normal(20, 3)}, "train must have 6 dimensions"),
        ({"samples": normal(5)}, "samples needs more than 5 points for k=5; got 5: give more points, or a smaller k"),
        ({"real": normal(4)}, "real needs more than 5 points"),
        ({"real": np.empty((0, 6))}, "real is empty"),
        ({"samples": np.full((20, 6), np.nan)}, "samples must hold finite numbers"),
        ({"samples": np.zeros((20, 6)), "metric": "cosine"}, "in samples .* is all zeros"),
        ({"metric": "manhattan"}, "metric must be one of"),
        ({"k": 0}, "k must be"),
        ({"permutations": 3}, "permutations must be"),
        ({"samples": "many"}, "samples must be a matrix of numbers"),
    ],
)
def test_bad_input(change, words):
    given_points = {"real": normal(30), "samples": normal(30, seed=1), **change}
    with pytest.raises(InputError, match=words):
        quality(given_points.pop("real"), given_points.pop("samples"), **given_points)


# -- the baseline ----------------------------------------------------------------------------------------------


def test_one_gaussian_has_the_mean_and_covariance_of_the_points():
    points = normal(3_000, 3, scale=[1, 2, 3]) @ np.array([[1, 1, 0], [0, 1, 0], [0, 0, 1]]) + 5
    model = ss.latent.GaussianMixture(n_components=1, regularization=1e-6).train(space_of(points))
    assert model.means[0] == pytest.approx(points.mean(axis=0), abs=1e-4)
    assert model.deviations[0] @ model.deviations[0].T == pytest.approx(np.cov(points.T, bias=True), rel=1e-3, abs=1e-3)
    drawn = model.sample(3_000, seed=1)
    assert drawn.mean(axis=0) == pytest.approx(points.mean(axis=0), abs=0.3)
    assert np.cov(drawn.T) == pytest.approx(np.cov(points.T), abs=0.8)


def test_score_is_the_negative_log_likelihood():
    from scipy.stats import multivariate_normal

    points = normal(500, 3, scale=[1, 2, 3])
    model = ss.latent.GaussianMixture(n_components=2).train(space_of(points))
    densities = [
        weight * multivariate_normal(mean, root @ root.T).pdf(points[:9])
        for weight, mean, root in zip(model.weights, model.means, model.deviations, strict=True)
    ]
    assert model.score(points[:9]) == pytest.approx(-np.log(np.sum(densities, axis=0)), rel=1e-4)
    assert (model.score(space_of(points)) == model.score(points)).all()


def test_the_number_of_components_is_chosen_by_points_held_out():
    rng = np.random.default_rng(0)
    centres = np.array([[0, 0], [20, 0], [0, 20], [20, 20]])
    points = rng.normal(size=(800, 2)) + centres[rng.integers(4, size=800)]
    assert ss.latent.GaussianMixture().train(space_of(points)).n_components == 4
    assert ss.latent.GaussianMixture().train(space_of(normal(800))).n_components == 1


def test_samples_of_a_mixture_come_from_all_its_components_again_with_the_same_seed():
    points = np.concatenate([normal(300), normal(100, seed=1) + 30])
    model = ss.latent.GaussianMixture().train(space_of(points))
    drawn = model.sample(1_000, seed=2)
    assert (drawn.mean(axis=1) > 15).mean() == pytest.approx(0.25, abs=0.05)
    assert (drawn == model.sample(1_000, seed=2)).all()
    assert (drawn != model.sample(1_000, seed=3)).any()
    assert "2 components" in repr(model)


def test_constant_columns_and_fewer_points_than_dimensions_do_no_harm():
    points = normal(30, 40)
    points[:, 3] = 1
    drawn = ss.latent.GaussianMixture().train(space_of(points)).sample(20)
    assert np.isfinite(drawn).all()
    assert drawn[:, 3] == pytest.approx(1, abs=0.5)


def test_a_mixture_refuses_what_it_cannot_fit():
    trainer = ss.latent.GaussianMixture(n_components=5)
    with pytest.raises(InputError, match="at least 5 points to train on; the space has 4"):
        trainer.train(space_of(normal(4)))
    with pytest.raises(InputError, match="all points of the space are equal"):
        ss.latent.GaussianMixture().train(space_of(np.ones((9, 3))))
    with pytest.raises(InputError, match="takes a Space; got ndarray"):
        trainer.train(normal(30))
    with pytest.raises(InputError, match="n_components must be"):
        ss.latent.GaussianMixture(n_components=0)
    with pytest.raises(InputError, match="regularization must be"):
        ss.latent.GaussianMixture(regularization=0)


# -- generators side by side -----------------------------------------------------------------------------------


def corners(n, seed=0):
    """Return points around four corners of a square, which no single Gaussian draws."""
    rng = np.random.default_rng(seed)
    places = np.array([[5, 5, 0], [5, -5, 0], [-5, 5, 0], [-5, -5, 0]])
    return rng.normal(size=(n, 3)) + places[rng.integers(4, size=n)]


class Copier:
    """A generator that draws its training points."""

    def train(self, space):
        self.points = np.asarray(space.vectors)
        return self

    def sample(self, n, seed=0):
        return self.points[np.random.default_rng(seed).integers(len(self.points), size=n)]


def test_a_mixture_beats_a_gaussian_and_a_copier_is_found_out():
    found = ss.latent.compare_generators(
        space_of(corners(1_500)), {"copier": Copier()}, metric="euclidean", permutations=99, progress=False
    )
    assert list(found) == ["real points", "Gaussian", "Gaussian mixture", "copier"]
    assert found["real points"].p_value > 0.01
    assert found["Gaussian"].precision < found["Gaussian mixture"].precision - 0.2
    assert found["Gaussian mixture"].coverage > found["Gaussian"].coverage
    assert found["copier"].copies == 1
    assert found["copier"].precision > 0.9
    assert found["real points"].copies < 0.05
    assert (found.n_training, found["copier"].n_real) == (900, 300)
    assert found.models["Gaussian mixture"].n_components > 1


def test_points_to_judge_by_are_not_trained_on():
    seen = Copier()
    space = space_of(normal(200))
    found = ss.latent.compare_generators(space, {"copier": seen}, baselines=False, permutations=99, progress=False)
    assert list(found) == ["real points", "copier"]
    training, held, others = comparing._divided(space, 0.2, 5_000, 0)
    assert (seen.points == training.vectors).all()
    rows = {row.tobytes() for row in np.concatenate([training.vectors, held, others])}
    assert len(rows) == 200 == len(training) + len(held) + len(others)


def test_latent_models_are_generators():
    pytest.importorskip("torch")
    small = {"dim": 2, "hidden": 16, "batch_size": 64, "epochs": 2}
    generators = {"VAE": ss.latent.VAE(**small), "GAN": ss.latent.GAN(**small)}
    found = ss.latent.compare_generators(space_of(corners(300)), generators, permutations=19, progress=False)
    assert {"VAE", "GAN"} < set(found)
    assert found.to_frame()["generator"].to_list() == list(found)
    assert "3 dimensions" not in repr(found)
    assert "180 points to train on" in repr(found)
    assert "GAN" in found._repr_html_()
    assert "VAE" in found.plot("recall").description


def test_the_same_seed_gives_the_same_comparison():
    options = {"permutations": 19, "progress": False}
    first, again = (ss.latent.compare_generators(space_of(corners(200)), **options) for _ in range(2))
    assert first == again
    assert first != ss.latent.compare_generators(space_of(corners(200)), seed=1, **options)


@pytest.mark.parametrize(
    ("generators", "words"),
    [
        ({"PCA": ss.latent.PCA(2)}, "PCA has no prior, so nothing can be drawn from it; leave out 'PCA'"),
        ({"VAE": ss.latent.VAE}, "must be a trainer such as ss.latent.VAE"),
        ({"x": 3}, r"generators\['x'\] must be a trainer"),
        ([ss.latent.VAE()], "must be a mapping of names to trainers.*got list"),
        ({"real points": ss.latent.VAE()}, "a string other than 'real points'"),
        ({"factors": ss.latent.FactorAnalysis(7)}, "dim must be at most 6 for .*; got 7"),
    ],
)
def test_what_is_no_generator_is_refused_before_any_is_trained(monkeypatch, generators, words):
    monkeypatch.setattr(mixture.GaussianMixture, "train", lambda *_: pytest.fail("trained"))
    with pytest.raises(InputError, match=words):
        ss.latent.compare_generators(space_of(normal(200)), generators, progress=False)


@pytest.mark.parametrize(
    ("n", "options", "words"),
    [
        (99, {}, "at least 100 points; the space has 99"),
        (200, {"held_out": 0.5}, "held_out must be"),
        (200, {"held_out": 0.02}, "k must be less than the 4 points held out; got 5"),
        (200, {"most": 5}, "most must be"),
    ],
)
def test_too_few_points_to_compare(n, options, words):
    with pytest.raises(InputError, match=words):
        ss.latent.compare_generators(space_of(normal(n)), progress=False, **options)


def test_an_unknown_generator_is_named():
    found = ss.latent.compare_generators(space_of(normal(200)), permutations=19, progress=False)
    with pytest.raises(KeyError, match="Gaussian"):
        found["Gausian"]
    with pytest.raises(InputError, match="by must be one of"):
        found.plot("mmd")


def test_trainers_say_whether_points_can_be_drawn():
    trainers = [getattr(ss.latent, name) for name in ss.latent.__all__]
    latent = [one for one in trainers if isinstance(one, type) and issubclass(one, ss.latent.LatentTrainer)]
    assert {one.__name__ for one in latent if one.has_prior} == {"FactorAnalysis", "VAE", "GAN"}
