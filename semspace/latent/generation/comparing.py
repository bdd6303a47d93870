"""`compare_generators`: generators trained on the same points, and judged on the same others."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

import numpy as np

from semspace import checks
from semspace.errors import InputError
from semspace.latent.generation.judging import METRICS, sample_quality
from semspace.latent.generation.mixture import GaussianMixture
from semspace.latent.generation.quality import GeneratorComparison, SampleQuality
from semspace.latent.model import LatentTrainer
from semspace.latent.neural_trainer import NeuralTrainer
from semspace.progress import track
from semspace.space import Space
from semspace.space_arguments import need_space
from semspace.types import Floats2d

REAL = "real points"
BASELINES = {"Gaussian": GaussianMixture(n_components=1, regularization=0.001), "Gaussian mixture": GaussianMixture()}
_LEAST = 100  # points


class GeneratorTrainer(Protocol):
    """What is trained on a space to a model from which points can be drawn: ``model.sample(n, seed=0)``."""

    def train(self, space: Space) -> Any:
        """Train a model that has `sample`."""


def compare_generators(
    space: Space,
    generators: Mapping[str, GeneratorTrainer] | None = None,
    *,
    baselines: bool = True,
    held_out: float = 0.2,
    k: int = 5,
    metric: str = "cosine",
    permutations: int = 999,
    most: int = 5_000,
    seed: int = 0,
    progress: bool = True,
) -> GeneratorComparison:
    """Compare generators: train each on the same points, draw from it, and judge the samples on points held out.

    Parameters
    ----------
    space : Space
    generators : mapping of str to trainer, optional
        Such as ``{"VAE": ss.latent.VAE(dim=32), "GAN": ss.latent.GAN(dim=32)}``. A trainer has `train(space)`, whose
        result has `sample(n, seed)`.
    baselines : bool
        Add a Gaussian and a mixture of Gaussians; see `GaussianMixture`.
    held_out : float
        Share of the points that samples are judged against. As many more are held out, and judged as samples are: they
        show what a perfect generator would reach. At most 0.4.
    k, metric, permutations
        See `sample_quality`.
    most : int
        The largest number of points that are judged against, and of samples.
    seed : int
        For the choice of the points held out, the samples and the test. The seed of a training is the trainer's.
    progress : bool

    Returns
    -------
    GeneratorComparison

    Raises
    ------
    InputError
        If there are fewer than 100 points, or a generator can't be trained, or draws no samples.

    Examples
    --------
    >>> import numpy as np, semspace as ss
    >>> points = np.random.default_rng(0).normal(size=(400, 6)) * [3, 2, 1, 1, 1, 1]
    >>> space = ss.Space.from_vectors(range(400), points)
    >>> found = ss.latent.compare_generators(space, {"factors": ss.latent.FactorAnalysis(2)}, progress=False)
    >>> list(found)
    ['real points', 'Gaussian', 'Gaussian mixture', 'factors']
    """
    checks.flag("baselines", baselines)
    checks.flag("progress", progress)
    checks.number("held_out", held_out, high=0.4, open_low=True)
    checks.choice("metric", metric, METRICS)
    checks.whole("k", k)
    checks.whole("most", most, low=k + 1)
    chosen = {**(BASELINES if baselines else {}), **_checked(generators)}
    training, held, others = _divided(space, held_out, most, checks.seed(seed))
    if len(held) <= k:
        raise InputError(f"k must be less than the {len(held)} points held out; got {k}: raise held_out, or lower k")

    for trainer in chosen.values():
        if isinstance(trainer, LatentTrainer):
            trainer._check(training)

    def judged(samples: Floats2d) -> SampleQuality:
        return sample_quality(
            held, samples, train=training, k=k, metric=metric, permutations=permutations, seed=seed, progress=False
        )

    models: dict[str, Any] = {}
    qualities = {REAL: judged(others)}
    for name, trainer in track(chosen.items(), "generators", len(chosen), unit="generator", progress=progress):
        options = {"progress": False} if isinstance(trainer, NeuralTrainer) else {}
        models[name] = trainer.train(training, **options)
        if not callable(getattr(models[name], "sample", None)):
            raise InputError(f"the model of {name!r}, {type(models[name]).__name__}, has no method sample")
        qualities[name] = judged(models[name].sample(len(held), seed=seed))
    return GeneratorComparison(qualities, models, len(training))


def _checked(generators: Mapping[str, GeneratorTrainer] | None) -> dict[str, GeneratorTrainer]:
    """Return the generators by name, or raise `InputError` before any is trained."""
    if generators is None:
        return {}
    if not isinstance(generators, Mapping):
        raise InputError(
            f"generators must be a mapping of names to trainers, such as {{'VAE': ss.latent.VAE()}}; got "
            f"{type(generators).__name__}"
        )
    for name, trainer in generators.items():
        if not isinstance(name, str) or name == REAL:
            raise InputError(f"the name of a generator must be a string other than {REAL!r}; got {name!r}")
        if isinstance(trainer, type) or not callable(getattr(trainer, "train", None)):
            raise InputError(f"generators[{name!r}] must be a trainer such as ss.latent.VAE(); got {trainer!r:.60}")
        if isinstance(trainer, LatentTrainer) and not trainer.has_prior:
            raise InputError(
                f"{type(trainer).__name__} has no prior, so nothing can be drawn from it; leave out {name!r}, or "
                "take a VAE, a GAN or a FactorAnalysis"
            )
    return dict(generators)


def _divided(space: Space, held_out: float, most: int, seed: int) -> tuple[Space, Floats2d, Floats2d]:
    """Return the points to train on, those to judge against, and as many more real ones."""
    need_space("compare_generators", space)
    if len(space) < _LEAST:
        raise InputError(f"compare_generators needs at least {_LEAST} points; the space has {len(space)}")
    full = space.quantize("float32")
    count = max(1, min(most, round(len(full) * held_out)))
    order = np.random.default_rng(seed).permutation(len(full))
    held, others, rest = order[:count], order[count : 2 * count], np.sort(order[2 * count :])
    training = Space(full.ids[rest], full.vectors[rest], None, full.encoder, full.provenance)
    return training, full.vectors[held], full.vectors[others]
