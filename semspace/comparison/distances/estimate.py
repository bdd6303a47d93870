"""The distances of two corpora, each with its p-value, its confidence interval and its null distribution."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import stats

from semspace.comparison.distances import frechet
from semspace.comparison.distances.classifier import MAX_DOCUMENTS, ClassifierResult, classifier_test
from semspace.comparison.samples import Samples
from semspace.two_sample.kernel_tests import KERNELS, KernelSums, PermutationTest
from semspace.types import Doubles1d

MEANINGS = {
    "mmd": "how differently the documents of both corpora are distributed in the space of meaning (squared maximum "
    "mean discrepancy, Gaussian kernel exp(-(d/m)²), where m is the median distance)",
    "mmd_multi": "the same with the mean of five kernels, where m is from half to twice the median distance",
    "energy": "how much further documents of different corpora are from each other than those of one corpus (energy "
    "distance)",
    "frechet": "how far apart the means and covariances of both corpora are (squared Fréchet distance)",
    "classifier": "how often a classifier trained on half of the documents ranks an unseen pair, one of each corpus, "
    "correctly (area under the ROC curve)",
}
KERNEL_DISTANCES = ("mmd", "mmd_multi", "energy")
_HALVES_SPLITS = 199  # random splits of each corpus into halves
_UNKNOWN = (float("nan"), float("nan"))


@dataclass(frozen=True)
class Distance:
    """A distance between two corpora.

    Parameters
    ----------
    name : {"mmd", "mmd_multi", "energy", "frechet", "classifier"}
    value : float
        Squared MMD (unbiased, so it can be a little below 0), energy distance (likewise), squared Fréchet distance (too
        large from few documents), or a classifier's AUC.
    p_value : float
        By permutation: the probability of a value this large if both corpora were samples of one source.
    interval : (float, float)
        95 % interval of the value, by bootstrap.
    by_chance : float
        The 95 % quantile of the null distribution: of random splits of both corpora together.
    halves : tuple of float
        The mean value between random halves of each corpus. NaN where a corpus is too small for it, for the Fréchet
        distance, whose bias depends on the number of documents, and for the classifier.
    meaning : str
        What the distance measures, in one sentence.
    """

    name: str
    value: float
    p_value: float
    interval: tuple[float, float]
    by_chance: float
    halves: tuple[float, float]
    meaning: str


@dataclass(frozen=True)
class TwoSampleResult:
    """All distances of two corpora, and their combined p-value.

    Parameters
    ----------
    distances : tuple of Distance
    p_value : float
        Combined of MMD, energy distance and topic counts; see `PermutationTest.p_of_all`.
    """

    distances: tuple[Distance, ...]
    p_value: float


def two_sample_result(
    samples: Samples, kernel_sums: KernelSums, *, permutations: int, resamples: int, seed: int
) -> TwoSampleResult:
    """Compute the distances of two corpora."""
    test = kernel_sums.test([0], [1], permutations=permutations, resamples=resamples, seed=seed)
    halves = [kernel_sums.halves(corpus, splits=_HALVES_SPLITS, seed=seed).mean(axis=1) for corpus in (0, 1)]
    n_smaller = kernel_sums.smaller_side_size([0], [1])
    distances = [_of_kernel(name, test, halves, n_smaller) for name in KERNEL_DISTANCES]
    distances.append(_frechet(samples, permutations, resamples, seed, n_smaller))
    distances.append(_classifier(_test_classifier(samples, permutations, resamples, seed)))
    return TwoSampleResult(tuple(distances), test.p_of_all)


def identical_corpora() -> TwoSampleResult:
    """Return the distances of corpora of the very same documents."""
    values = {name: 0.5 if name == "classifier" else 0.0 for name in MEANINGS}
    distances = (
        Distance(name, value, 1.0, (value, value), value, (value, value), MEANINGS[name])
        for name, value in values.items()
    )
    return TwoSampleResult(tuple(distances), 1.0)


def _of_kernel(name: str, test: PermutationTest, halves: list[Doubles1d], n_smaller: int) -> Distance:
    number = KERNELS.index(name)
    value = float(test.values[number])
    interval = bootstrap_interval(value, test.resampled[number], n_smaller)
    by_chance = float(np.quantile(test.permuted[number], 0.95))
    halves_of_each = (float(halves[0][number]), float(halves[1][number]))
    return Distance(name, value, test.p_value(name), interval, by_chance, halves_of_each, MEANINGS[name])


def bootstrap_interval(value: float, resampled: Doubles1d, n_smaller: int) -> tuple[float, float]:
    """Return the 95 % bootstrap interval of a value: plus and minus its standard error times Student's t.

    The degrees of freedom are those of the smaller corpus. Percentiles would be too narrow for few documents, and
    biased for values that resampling makes larger, as it does the Fréchet distance.
    """
    finite = resampled[np.isfinite(resampled)]
    if len(finite) < 10 or n_smaller < 3:
        return (float("-inf"), float("inf"))
    half_width = float(stats.t.ppf(0.975, n_smaller - 1) * finite.std(ddof=1) * np.sqrt(n_smaller / (n_smaller - 1)))
    return (value - half_width, value + half_width)


def _frechet(samples: Samples, permutations: int, resamples: int, seed: int, n_smaller: int) -> Distance:
    vectors = frechet.project_on_leading_axes(samples.vectors)
    parts = [vectors[samples.rows(corpus)] for corpus in (0, 1)]
    value = frechet.frechet_distance(*parts)
    values, resampled = frechet.permuted_distances(
        vectors, samples.corpus_ids, samples.units, splits=permutations, resamples=min(resamples, 199), seed=seed
    )
    rounding = 1e-9 * abs(values[0]) + 1e-12
    p = float((values >= values[0] - rounding).mean())
    interval = bootstrap_interval(value, resampled, n_smaller)
    by_chance = float(np.quantile(values[1:], 0.95))
    return Distance("frechet", value, p, interval, by_chance, _UNKNOWN, MEANINGS["frechet"])


def _test_classifier(samples: Samples, permutations: int, resamples: int, seed: int) -> ClassifierResult:
    rng = np.random.default_rng(seed)
    rows = []
    for corpus in (0, 1):  # more documents don't improve the classifier
        rows_of_corpus = np.arange(len(samples))[samples.rows(corpus)]
        rows.append(np.sort(rng.choice(rows_of_corpus, min(len(rows_of_corpus), MAX_DOCUMENTS // 2), replace=False)))
    units = None if samples.units is None else samples.units[np.concatenate(rows)]
    a, b = (samples.vectors[rows_of_corpus] for rows_of_corpus in rows)
    return classifier_test(a, b, units, permutations=permutations, resamples=resamples, seed=seed)


def _classifier(result: ClassifierResult) -> Distance:
    by_chance = float(np.quantile(result.permuted, 0.95))
    return Distance(
        "classifier", result.value, result.p_value, result.interval, by_chance, _UNKNOWN, MEANINGS["classifier"]
    )
