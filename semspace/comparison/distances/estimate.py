"""How far apart corpora are: each answer with its p-value, its interval, and what chance would give."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import stats

from semspace.comparison.distances import frechet
from semspace.comparison.distances.classifier import MOST, Judged, classifier
from semspace.comparison.distances.two_sample import KERNELS, Evidence, Tested
from semspace.comparison.samples import Samples

Floats = npt.NDArray[np.float64]
MEANINGS = {
    "mmd": "how differently the corpora spread over the space of meaning (squared maximum mean discrepancy, Gaussian "
    "kernel as wide as the median distance)",
    "mmd_multi": "the same, seen at five widths at once, from a half to twice the median distance",
    "energy": "how much further a document of one lies from those of the other than from its own kind (energy "
    "distance)",
    "frechet": "how far apart the corpora's means and covariances are (squared Fréchet distance)",
    "classifier": "how often a classifier that saw half the documents ranks a new pair of one from each corpus rightly "
    "(area under the ROC curve)",
}
OF_KERNELS = ("mmd", "mmd_multi", "energy")
_SPLITS = 199  # of each corpus into halves
_UNKNOWN = (float("nan"), float("nan"))


@dataclass(frozen=True)
class Distance:
    """One answer to "how far apart?".

    Parameters
    ----------
    name : {"mmd", "mmd_multi", "energy", "frechet", "classifier"}
    value : float
        Squared MMD (unbiased, so it can be a little below 0), energy distance (likewise), squared Fréchet distance (too
        large from few documents), or a classifier's AUC.
    p_value : float
        Probability of a value this large if both corpora were drawn from one source; by permutation.
    interval : (float, float)
        95 % interval of the value; by bootstrap.
    by_chance : float
        What the value exceeds in 5 % of random splits of the two corpora together.
    halves : tuple of float
        The mean value between random halves of each corpus: what no difference looks like. NaN where a corpus is too
        small for it, and for the Fréchet distance, which would be another of half the documents, and the classifier.
    meaning : str
        One sentence for a person.
    """

    name: str
    value: float
    p_value: float
    interval: tuple[float, float]
    by_chance: float
    halves: tuple[float, float]
    meaning: str


@dataclass(frozen=True)
class Answers:
    """All distances of two corpora, and one p-value for them together.

    Parameters
    ----------
    distances : tuple of Distance
    p_value : float
        That of MMD, energy distance and subjects together; see `Tested.p_of_all`.
    """

    distances: tuple[Distance, ...]
    p_value: float


def answers(samples: Samples, found: Evidence, *, permutations: int, resamples: int, seed: int) -> Answers:
    """Measure the distances of two corpora."""
    tested = found.test([0], [1], permutations=permutations, resamples=resamples, seed=seed)
    halves = [found.halves(corpus, splits=_SPLITS, seed=seed).mean(axis=1) for corpus in (0, 1)]
    fewest = found.fewest([0], [1])
    distances = [_of_kernel(name, tested, halves, fewest) for name in OF_KERNELS]
    distances.append(_frechet(samples, permutations, resamples, seed, fewest))
    distances.append(_classifier(_classified(samples, permutations, resamples, seed)))
    return Answers(tuple(distances), tested.p_of_all)


def none_at_all() -> Answers:
    """Give what is to be said of corpora of the very same documents."""
    made = (
        Distance(name, at, 1.0, (at, at), at, (at, at), meaning)
        for name, meaning in MEANINGS.items()
        for at in (0.5 if name == "classifier" else 0.0,)
    )
    return Answers(tuple(made), 1.0)


def _of_kernel(name: str, tested: Tested, halves: list[Floats], fewest: int) -> Distance:
    at = KERNELS.index(name)
    value = float(tested.values[at])
    interval = interval_of(value, tested.resampled[at], fewest)
    chance = float(np.quantile(tested.permuted[at], 0.95))
    within = (float(halves[0][at]), float(halves[1][at]))
    return Distance(name, value, tested.p_value(name), interval, chance, within, MEANINGS[name])


def interval_of(value: float, resampled: Floats, fewest: int) -> tuple[float, float]:
    """Give the 95 % interval of a value by how much it varies over resamples.

    It is the value, more or less so many standard errors as Student's t says for the smaller corpus: percentiles would
    be too narrow for few documents, and off for values that resampling makes larger, as it does the Fréchet distance.
    """
    known = resampled[np.isfinite(resampled)]
    if len(known) < 10 or fewest < 3:
        return (float("-inf"), float("inf"))
    half = float(stats.t.ppf(0.975, fewest - 1) * known.std(ddof=1) * np.sqrt(fewest / (fewest - 1)))
    return (value - half, value + half)


def _frechet(samples: Samples, permutations: int, resamples: int, seed: int, fewest: int) -> Distance:
    vectors = frechet.on_leading_axes(samples.vectors)
    parts = [vectors[samples.rows(corpus)] for corpus in (0, 1)]
    value = frechet.frechet(*parts)
    values, resampled = frechet.permuted(
        vectors, samples.of, samples.units, splits=permutations, resamples=min(resamples, 199), seed=seed
    )
    rounding = 1e-9 * abs(values[0]) + 1e-12
    p = float((values >= values[0] - rounding).mean())
    interval = interval_of(value, resampled, fewest)
    chance = float(np.quantile(values[1:], 0.95))
    return Distance("frechet", value, p, interval, chance, _UNKNOWN, MEANINGS["frechet"])


def _classified(samples: Samples, permutations: int, resamples: int, seed: int) -> Judged:
    draw = np.random.default_rng(seed)
    rows = []
    for corpus in (0, 1):  # a classifier learns no more from more
        own = np.arange(len(samples))[samples.rows(corpus)]
        rows.append(np.sort(draw.choice(own, min(len(own), MOST // 2), replace=False)))
    units = None if samples.units is None else samples.units[np.concatenate(rows)]
    a, b = (samples.vectors[own] for own in rows)
    return classifier(a, b, units, permutations=permutations, resamples=resamples, seed=seed)


def _classifier(judged: Judged) -> Distance:
    chance = float(np.quantile(judged.permuted, 0.95))
    return Distance(
        "classifier", judged.value, judged.p_value, judged.interval, chance, _UNKNOWN, MEANINGS["classifier"]
    )
