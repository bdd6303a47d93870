"""The null distribution of shifts of words: from word vectors trained on permuted documents."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from semspace.types import Bools1d, Doubles1d

_TAIL_SHARE = 0.05  # of the null distribution: its largest values, to which a tail is fitted
_MIN_TAIL = 50  # values at least, to which a tail is fitted


class Shifts(NamedTuple):
    """The shifts of V words between two sets of documents, and how frequent the words are in them.

    Parameters
    ----------
    shift : ndarray of float64, shape (V,)
        One less the cosine, from 0 to 2; NaN for a word that isn't in both sets.
    counts, holders : ndarray of float64, shape (2, V)
        How often each set contains each word, and how many of its documents do.
    """

    shift: Doubles1d
    counts: Doubles1d
    holders: Doubles1d


class ShiftTest(NamedTuple):
    """The expected shift of each word, its excess in standard deviations, and its p-value."""

    expected: Doubles1d
    z: Doubles1d
    p_value: Doubles1d


def compare_with_null(observed: Shifts, permuted: list[Shifts]) -> ShiftTest:
    """Compare each word's shift with those between random splits of the documents.

    A random shift depends on a word's frequency, on the number of documents with it, and on the word itself: one of
    many uses gets other vectors in each training. The first two are fitted by regression over all words and
    permutations (of Fisher's z of the cosine, which is nearly normal); the third is the word's own mean residual,
    shrunk towards 0 (Efron & Morris 1975). This expected shift is subtracted, and so is the remaining shift of the
    median word: two trainings differ more or less as a whole, and all words of corpora on different subjects have
    somewhat different contexts.

    The same is done with each permutation, with the expected shift of the *other* permutations. These residuals are the
    null distribution with which the observed ones are compared.

    Parameters
    ----------
    observed : Shifts
        Without NaN.
    permuted : list of Shifts
        Of the same words; at least 3.
    """
    x = np.stack([_features(one) for one in permuted])  # (S, V, f)
    y = np.stack([_fisher_z(one.shift) for one in permuted])  # (S, V)
    is_known = ~np.isnan(y)
    permutations = np.arange(len(permuted))
    excess = np.stack(
        [_excess(y[s], _expected(x[permutations != s], y[permutations != s], x[s])) for s in permutations]
    )
    scale = np.linalg.lstsq(x[is_known][:, :3], np.log(np.abs(excess[is_known]) + 1e-3), rcond=None)[0]
    null = excess[is_known] / np.exp(x[is_known][:, :3] @ scale)
    features, value = _features(observed), _fisher_z(observed.shift)
    excess_observed = _excess(value, _expected(x, y, features))
    z = excess_observed / np.exp(features[:, :3] @ scale)
    return ShiftTest(1 + np.tanh(value - excess_observed), z / null.std(), tail_probability(z, null))


def _expected(x: Doubles1d, y: Doubles1d, features: Doubles1d) -> Doubles1d:
    """Predict the shifts of words from those of several permutations, with features x (S, V, f) and values y (S, V)."""
    is_known = ~np.isnan(y)
    weights = np.linalg.lstsq(x[is_known], y[is_known], rcond=None)[0]
    residuals = np.where(is_known, y - x @ weights, 0.0)
    counts, variance_ratio = is_known.sum(axis=0), _variance_ratio(residuals, is_known)
    # The mean of a word's residuals, as if one more, of weight 1 / variance_ratio, were 0.
    excess_observed = residuals.sum(axis=0) * variance_ratio / (counts * variance_ratio + 1)
    predicted: Doubles1d = features @ weights + excess_observed
    return predicted


def _excess(y: Doubles1d, expected: Doubles1d) -> Doubles1d:
    """Return the excess of shifts over what is expected, and over that of the median word."""
    excess = y - expected
    return np.asarray(excess - max(0.0, float(np.nanmedian(excess))), np.float64)


def _fisher_z(shift: Doubles1d) -> Doubles1d:
    """Return minus Fisher's z of the cosine: above 0 for angles of more than 90°."""
    fisher_z: Doubles1d = np.arctanh(np.clip(shift - 1, -1 + 1e-6, 1 - 1e-6))
    return fisher_z


def _features(shifts: Shifts) -> Doubles1d:
    """Return the features of random shifts, shape (V, 7): functions of frequency and document frequency."""
    # Noise of two independent means adds up: 1 / (1/a + 1/b) is how much text counts.
    count = np.log(1 / (1 / np.maximum(shifts.counts, 1)).sum(axis=0))
    spread = np.log(1 / (1 / np.maximum(shifts.holders, 1)).sum(axis=0)) - count  # below 0 for bursty words
    one = np.ones_like(count)
    return np.stack([one, count, spread, count**2, count**3, spread**2, count * spread], axis=1)


def _variance_ratio(residuals: Doubles1d, is_known: Bools1d) -> float:
    """Return the variance between words, in units of that within a word (method of moments of one-way layouts)."""
    counts = is_known.sum(axis=0)
    several = counts > 1
    if not several.any():
        return 0.0
    residuals, is_known, counts = residuals[:, several], is_known[:, several], counts[several]
    means = residuals.sum(axis=0) / counts
    within = (np.where(is_known, residuals - means, 0.0) ** 2).sum() / (counts - 1).sum()
    between = max(0.0, float(means.var() - within * (1 / counts).mean()))
    return between / max(float(within), 1e-12)


def tail_probability(values: Doubles1d, null: Doubles1d) -> Doubles1d:
    """Return the p-values of values, given a sample of the null distribution.

    Within the sample it is the share of the sample that is as large. Beyond, a generalised Pareto tail is fitted to the
    largest of them (Knijnenburg, Wessels, Reinders & Shmulevich 2009), by
    probability-weighted moments (Hosking & Wallis 1987). Tails shorter than exponential are excluded: they would
    say that nothing is possible a little beyond the sample.

    Examples
    --------
    >>> import numpy as np
    >>> null = np.random.default_rng(0).exponential(size=10_000)
    >>> tail_probability(np.array([0.0, 1.0, 14.0]), null) < [1.1, 0.4, 1e-5]
    array([ True,  True,  True])
    """
    ordered = np.sort(null)
    size = len(ordered)
    inside = (size - np.searchsorted(ordered, values, side="left") + 1) / (size + 1)
    count = min(size - 1, max(_MIN_TAIL, round(_TAIL_SHARE * size)))
    start = ordered[size - count - 1]
    exceedances = ordered[size - count :] - start
    first = float(exceedances.mean())
    second = float((exceedances * (np.arange(count, 0, -1) - 0.65) / count).mean())
    shape = float(np.clip(2 - first / (first - 2 * second), 0.0, 0.5))
    scale = max(first * (1 - shape), 1e-12)
    beyond = np.maximum(values - start, 0.0) / scale
    # Logarithms, since the power has no limit at shape 0.
    tail = np.exp(-beyond if shape < 1e-6 else -np.log1p(shape * beyond) / shape) * count / size
    return np.where(values > start, tail, inside)
