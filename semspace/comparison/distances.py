"""How far apart two clouds of points are, with a permutation p-value and an interval for each answer.

MMD and energy distance are both ``E k(x, x') + E k(y, y') - 2 E k(x, y)`` for a kernel ``k``, estimated without
bias by leaving out the pairs of a point with itself; so one pass over the kernel, a block of rows at a time,
serves the statistic, all its permutations, its jackknife interval and the witness function.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import stats
from scipy.optimize import brentq
from sklearn.linear_model import LogisticRegression

from semspace.checks import FloatMatrix
from semspace.progress import bar

Floats = npt.NDArray[np.float64]
Kernel = Callable[[FloatMatrix, FloatMatrix], FloatMatrix]
_CELLS = 16_000_000  # kernel values held at a time: 64 MB
_Z95 = 1.959964


@dataclass(frozen=True)
class Distance:
    """One answer to "how far apart?".

    Parameters
    ----------
    name : {"mmd", "energy", "classifier"}
    value : float
        MMD² (unbiased, so it can be a little below 0), energy distance (likewise), or a classifier's AUC.
    p_value : float
        Probability of a value this large if both corpora were drawn from one source.
    interval : (float, float)
        95 % interval of the value.
    by_chance : float
        What the value exceeds in 5 % of random splits of the two corpora together.
    meaning : str
        One sentence for a person.
    """

    name: str
    value: float
    p_value: float
    interval: tuple[float, float]
    by_chance: float
    meaning: str


@dataclass(frozen=True)
class TwoSample:
    """A two-sample statistic of a kernel: its value, its permutations, and each point's part in it.

    `witness` is, for each point of both clouds, its mean kernel to the first cloud less that to the second, and
    `rounding` what two equal values may differ by.
    """

    value: float
    permuted: Floats
    interval: tuple[float, float]
    witness: Floats
    rounding: float

    @property
    def p_value(self) -> float:
        """Share of permutations that reach the value, the observed split among them (Phipson & Smyth 2010)."""
        reached = self.permuted >= self.value - self.rounding  # a split that is the observed one, mirrored, is as far
        return float((1 + reached.sum()) / (1 + len(self.permuted)))


def two_sample(
    a: FloatMatrix, b: FloatMatrix, kernel: Kernel, *, permutations: int, seed: int, progress: bool = True
) -> TwoSample:
    """Compare two clouds, shapes (m, dim) and (n, dim), by a kernel, each of at least two points.

    Notes
    -----
    Unbiased MMD² as in Gretton et al. (2012), equation 3. The interval is the delete-one jackknife with a quantile of
    Student's t for the smaller cloud, which holds about as often as it says from some twenty points a cloud.
    """
    points = np.concatenate([a, b])
    points = points - points.mean(axis=0)  # distances keep more digits near the origin
    m, n = len(a), len(b)
    splits = _splits(m, n, permutations, seed)
    sums = _kernel_sums(points, kernel, splits, progress)
    total = sums[:, -1]
    to_a = sums[:, :-1]
    in_a = splits[:, :-1].astype(np.float64)
    aa = (in_a * to_a).sum(axis=0)
    ab = (in_a * (total[:, None] - to_a)).sum(axis=0)
    bb = total.sum() - aa - 2 * ab
    values = _unbiased(aa, ab, bb, m, n)
    first, rest = to_a[:, 0], total - to_a[:, 0]
    interval = _jackknife(aa[0], ab[0], bb[0], first, rest, m, n)
    own = np.arange(m + n) < m  # a point isn't compared with itself
    witness = first / np.where(own, m - 1, m) - rest / np.where(own, n, n - 1)
    rounding = 1e-6 * abs(total.sum()) / ((m + n) * (m + n - 1))
    return TwoSample(float(values[0]), values[1:], interval, witness, rounding)


def _splits(m: int, n: int, permutations: int, seed: int) -> FloatMatrix:
    """Return the observed split, then random ones, then a column of ones; shape (m + n, permutations + 2)."""
    draw = np.random.default_rng(seed)
    splits = np.zeros((m + n, permutations + 2), np.float32)
    splits[:m, 0] = 1
    for column in range(1, permutations + 1):
        splits[draw.permutation(m + n)[:m], column] = 1
    splits[:, -1] = 1
    return splits


def _kernel_sums(points: FloatMatrix, kernel: Kernel, splits: FloatMatrix, progress: bool) -> Floats:
    """Sum the kernel of each point to the members of each split, without itself; shape (points, splits)."""
    sums = np.empty(splits.shape, np.float64)
    step = max(1, _CELLS // len(points))
    with bar("comparing", len(points), unit="text", progress=progress) as shown:
        for start in range(0, len(points), step):
            block = kernel(points[start : start + step], points)
            rows = np.arange(len(block))
            block[rows, start + rows] = 0
            sums[start : start + step] = block @ splits
            shown.update(len(block))
    return sums


def _unbiased(aa: Floats, ab: Floats, bb: Floats, m: float, n: float) -> Floats:
    value: Floats = aa / (m * (m - 1)) + bb / (n * (n - 1)) - 2 * ab / (m * n)
    return value


def _jackknife(aa: float, ab: float, bb: float, to_a: Floats, to_b: Floats, m: int, n: int) -> tuple[float, float]:
    value = float(_unbiased(np.float64(aa), np.float64(ab), np.float64(bb), m, n))
    if m < 3 or n < 3:  # leaving one out leaves no pair
        return (float("-inf"), float("inf"))
    without_a = _unbiased(aa - 2 * to_a[:m], ab - to_b[:m], np.full(m, bb), m - 1, n)
    without_b = _unbiased(np.full(n, aa), ab - to_a[m:], bb - 2 * to_b[m:], m, n - 1)
    variance = sum((len(w) - 1) / len(w) * ((w - w.mean()) ** 2).sum() for w in (without_a, without_b))
    half = float(stats.t.ppf(0.975, min(m, n) - 1) * np.sqrt(variance))
    return (value - half, value + half)


def gaussian(points: FloatMatrix, *, seed: int) -> Kernel:
    """Return the Gaussian kernel whose width is the median distance between points (Gretton et al. 2012, section 8)."""
    draw = np.random.default_rng(seed)
    few = points[np.sort(draw.choice(len(points), min(1_000, len(points)), replace=False))]
    squared = _squared(few, few)[np.triu_indices(len(few), 1)]
    width = float(np.median(squared)) or 1.0

    def kernel(x: FloatMatrix, y: FloatMatrix) -> FloatMatrix:
        value: FloatMatrix = np.exp(-_squared(x, y) / np.float32(width))
        return value

    return kernel


def negative_distance(x: FloatMatrix, y: FloatMatrix) -> FloatMatrix:
    """Return minus the Euclidean distances: the kernel of energy distance (Székely & Rizzo 2013)."""
    value: FloatMatrix = -np.sqrt(_squared(x, y))
    return value


def _squared(x: FloatMatrix, y: FloatMatrix) -> FloatMatrix:
    squares = (x**2).sum(axis=1)[:, None] + (y**2).sum(axis=1)[None, :] - 2 * (x @ y.T)
    value: FloatMatrix = np.maximum(squares, 0)  # rounding may leave a tiny negative square
    return value


def classifier(a: FloatMatrix, b: FloatMatrix, *, seed: int) -> Distance:
    """Train a classifier to tell the clouds apart on half the points, and judge it on the other half.

    The value is the held-out area under the ROC curve: 0.5 is guessing, 1 is telling every pair apart
    (Lopez-Paz & Oquab 2017). Its p-value is the one-sided Mann-Whitney test of the held-out scores, its interval
    Newcombe's (2006, method 5), which is sound for few points and for an area of 1.
    """
    draw = np.random.default_rng(seed)
    train_a, test_a = _halves(a, draw)
    train_b, test_b = _halves(b, draw)
    truth = np.r_[np.ones(len(train_a)), np.zeros(len(train_b))]
    middle = np.concatenate([train_a, train_b]).mean(axis=0)
    model = LogisticRegression(class_weight="balanced", max_iter=1_000)
    model.fit(np.concatenate([train_a, train_b]) - middle, truth)
    high, low = model.decision_function(test_a - middle), model.decision_function(test_b - middle)
    value = auc(high, low)
    p_value = float(stats.mannwhitneyu(high, low, alternative="greater").pvalue)
    scores = np.r_[high, low]
    shuffled = (draw.permutation(scores) for _ in range(999))
    random = [auc(split[: len(high)], split[len(high) :]) for split in shuffled]
    chance = float(np.quantile(random, 0.95))
    return Distance("classifier", value, p_value, auc_interval(value, len(high), len(low)), chance, _CLASSIFIER)


def auc_interval(value: float, m: int, n: int) -> tuple[float, float]:
    """Return the 95 % interval of an area under the curve (Newcombe 2006, method 5, after Hanley & McNeil 1982)."""
    pairs = (m + n) / 2 - 1

    def beyond(area: float) -> float:
        spread = area * (1 - area) * (1 + pairs * (1 - area) / (2 - area) + pairs * area / (1 + area)) / (m * n)
        return float((value - area) ** 2 - _Z95**2 * spread)

    step = 1e-9  # off the value itself, which solves the equation where it is 0 or 1
    low = 0.0 if value <= step else brentq(beyond, 0.0, value - step)
    high = 1.0 if value >= 1 - step else brentq(beyond, value + step, 1.0)
    return float(low), float(high)


def _halves(points: FloatMatrix, draw: np.random.Generator) -> tuple[FloatMatrix, FloatMatrix]:
    order = draw.permutation(len(points))
    return points[order[::2]], points[order[1::2]]


def auc(high: npt.NDArray[Any], low: npt.NDArray[Any]) -> float:
    """Return the share of pairs in which the first scores higher, ties by half."""
    ordered = np.sort(low)
    below = np.searchsorted(ordered, high, "left") + np.searchsorted(ordered, high, "right")
    return float(below.mean() / (2 * len(low)))


_CLASSIFIER = "how often a classifier that saw half the documents ranks a new pair of one from each corpus rightly"
