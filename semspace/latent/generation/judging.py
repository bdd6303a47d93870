"""`sample_quality`: how far samples can be told from real points."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from semspace import checks, queries
from semspace.errors import InputError
from semspace.latent.generation.balls import copied, fidelity
from semspace.latent.generation.quality import SampleQuality
from semspace.space import Space
from semspace.space_arguments import check_same_encoder
from semspace.two_sample.kernel_tests import KERNELS, sum_kernels
from semspace.types import Floats2d

METRICS = ("cosine", "euclidean")
_MMD = KERNELS.index("mmd")


def sample_quality(
    real: Space | npt.ArrayLike,
    samples: Space | npt.ArrayLike,
    *,
    train: Space | npt.ArrayLike | None = None,
    k: int = 5,
    metric: str = "cosine",
    permutations: int = 999,
    most: int = 10_000,
    seed: int = 0,
    progress: bool = True,
) -> SampleQuality:
    """Compute how good samples of a generator are, against real points that it wasn't trained on.

    Parameters
    ----------
    real : Space, or array-like of shape (n, dim)
        Real points that were held out.
    samples : Space, or array-like of shape (m, dim)
        What the generator's `sample` returned; about as many as there are real points, since all but the test depend
        on both numbers.
    train : Space, or array-like of shape (t, dim), optional
        The points that the generator was trained on; with them, copies are counted.
    k : int
        The neighbour to which the ball around a point reaches; 5 as in Naeem et al. (2020).
    metric : {"cosine", "euclidean"}
        ``"cosine"`` compares directions, as search does: vectors are scaled to length 1 first.
    permutations : int
        Of the test of the maximum mean discrepancy.
    most : int
        Of more real points, or samples, a random choice of this size is judged. All training points are used.
    seed : int
    progress : bool

    Returns
    -------
    SampleQuality

    Raises
    ------
    InputError
        If a width is another, there are fewer than `k` + 1 points, or a value isn't finite.

    Notes
    -----
    Precision and recall: Kynkäänniemi et al. (2019), "Improved Precision and Recall Metric for Assessing Generative
    Models". Density and coverage: Naeem et al. (2020), "Reliable Fidelity and Diversity Metrics for Generative Models".
    MMD: Gretton et al. (2012), by the same permutation test as in `semspace.compare`.

    Examples
    --------
    >>> import numpy as np, semspace as ss
    >>> rng = np.random.default_rng(0)
    >>> real, narrow = rng.normal(size=(300, 8)), rng.normal(size=(300, 8)) * [1, 1, 1, 1, 0, 0, 0, 0]
    >>> found = ss.latent.sample_quality(real, narrow, metric="euclidean", progress=False)
    >>> found.precision > 0.9, found.recall < 0.1, found.p_value
    (True, True, 0.001)
    """
    checks.whole("k", k)
    checks.choice("metric", metric, METRICS)
    checks.whole("permutations", permutations, low=19)
    checks.whole("most", most, low=2)
    rng = np.random.default_rng(checks.seed(seed))
    checks.flag("progress", progress)
    if isinstance(real, Space):
        check_same_encoder("samples", samples, real)
        check_same_encoder("train", train, real)
    first = vectors_of("real", real, metric)
    second = vectors_of("samples", samples, metric, first.shape[1])
    training = None if train is None else vectors_of("train", train, metric, first.shape[1])
    first, second = (_chosen(points, most, rng) for points in (first, second))
    for name, points in (("real", first), ("samples", second)):
        if len(points) <= k:
            raise InputError(
                f"{name} needs more than {k} points for k={k}; got {len(points)}: give more points, or a smaller k"
            )
    copies, expected = (None, None) if training is None else copied(first, second, training, metric)
    value, by_chance, p = _discrepancy(first, second, permutations, seed, progress=progress)
    return SampleQuality(
        *fidelity(first, second, k), value, by_chance, p, copies, expected, len(first), len(second), k, metric
    )


def vectors_of(name: str, given: Space | npt.ArrayLike, metric: str, dim: int | None = None) -> Floats2d:
    """Return points as they are compared, float32, or raise `InputError`."""
    vectors = checks.matrix(name, np.asarray(given.vectors) if isinstance(given, Space) else given)
    if not len(vectors):
        raise InputError(f"{name} is empty; give at least a few points")
    if dim is not None and vectors.shape[1] != dim:
        raise InputError(
            f"{name} must have {dim} dimensions, as real has; got {vectors.shape[1]}: samples are compared in the "
            "space that they are decoded to"
        )
    if metric == "cosine":
        checks.finite_rows(f"the vector in {name}", vectors, None)
        return queries.unit(vectors)
    if not np.isfinite(vectors).all():
        raise InputError(f"{name} must hold finite numbers; it holds NaN or infinity: leave those rows out")
    return vectors


def _chosen(points: Floats2d, most: int, rng: np.random.Generator) -> Floats2d:
    if len(points) <= most:
        return points
    return points[np.sort(rng.choice(len(points), most, replace=False))]


def _discrepancy(
    real: Floats2d, samples: Floats2d, permutations: int, seed: int, *, progress: bool
) -> tuple[float, float, float]:
    """Return the squared MMD, its 95 % quantile by chance, and its p-value."""
    sides = np.repeat([0, 1], [len(real), len(samples)])
    sums = sum_kernels(np.concatenate([real, samples]), sides, seed=seed, progress=progress)
    test = sums.test([0], [1], permutations=permutations, resamples=0, seed=seed)
    by_chance = float(np.quantile(test.permuted[_MMD], 0.95))
    return float(test.values[_MMD]), by_chance, test.p_value("mmd")
