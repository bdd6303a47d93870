"""How many units of a corpus contain a word, beyond what is expected from their lengths."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy.sparse import csr_array

from semspace.types import Doubles1d, Ints1d

# Bins of units of similar length: half of them with equal numbers of units, half with equal ratios of lengths.
_LENGTH_BINS = 32
_WORDS_AT_A_TIME = 4096  # words at a time: their tables of words by bins fit into the cache
# Precision of the prior that presence is proportional to length (slope 1): that of about one more holder.
_PRIOR_PRECISION = 1.0
_MAX_STEPS = 12  # of Newton's method; usually a handful, more for words in nearly all units
_TOLERANCE = 1e-3  # length of a step, in logarithms, after which Newton's method has converged
_MAX_LEVEL_STEP = 2.0  # in logarithms of the rate
_MAX_LOG_RATE = 4.0  # at exp(4) words per unit, practically every unit holds the word


class Residuals(NamedTuple):
    """For each word, with residuals r = held - expected: sums of r over the first corpus, and of r^2, r^3 over all."""

    first: Doubles1d
    squares: Doubles1d
    cubes: Doubles1d


class _LengthBins(NamedTuple):
    """Units binned by length: the bin of each (0: no words), and the log length and number of units of each bin."""

    of: Ints1d
    log_length: Doubles1d
    units: Doubles1d


def dispersion_residuals(counts: csr_array, lengths: Doubles1d, first: int, words: Ints1d) -> Residuals:
    """Return how much more often the units of the first corpus contain words than expected from their lengths.

    Parameters
    ----------
    counts : csr_array, shape (N, V)
        Of units, those of the first corpus foremost.
    lengths : ndarray, shape (N,)
        The words of each unit.
    first : int
        How many units are the first corpus's.
    words : ndarray of int, shape (W,)
        The columns to look at.

    Returns
    -------
    Residuals
        Of W words. The residuals of a word add up to 0 over all units.

    Notes
    -----
    A unit is expected to hold the word with a chance of ``1 - exp(-c * length ** b)``, c and b being the word's own,
    fitted to all units, whichever corpus they are of. With b = 1 the word is sown at random (Poisson); words that come
    in bursts have a smaller b, since a longer unit repeats them more than it has new ones; b = 0 if length does not
    matter. Residuals add up to 0 and, where b is between 0 and 1, aren't correlated with log length, so a corpus of
    longer documents isn't taken for one that prefers the word. A word that longer units hold less often than shorter
    ones, or more often than in proportion, isn't explained by length. What is expected depends on length alone, so any
    permutation of the units leaves it as it is, and the moments over all permutations are exact, whether the model is
    right or not.
    """
    bins = _bin_lengths(lengths)
    k = len(bins.units)
    column_of = np.full(counts.shape[1], -1, dtype=np.int64)
    column_of[words] = np.arange(len(words))
    column = column_of[counts.indices]
    is_wanted = column >= 0
    row_bin = np.repeat(bins.of, np.diff(counts.indptr))
    table = np.bincount(column[is_wanted] * k + row_bin[is_wanted], minlength=len(words) * k).reshape(len(words), k)
    holders_first = np.bincount(column[: counts.indptr[first]][is_wanted[: counts.indptr[first]]], minlength=len(words))
    units_first = np.bincount(bins.of[:first], minlength=k).astype(np.float64)
    parts = []
    for start in range(0, len(words), _WORDS_AT_A_TIME):
        holders = table[start : start + _WORDS_AT_A_TIME].astype(np.float64)
        parts.append(_residuals(holders, holders_first[start : start + _WORDS_AT_A_TIME], bins, units_first))
    return Residuals(*(np.concatenate([np.zeros(0), *(part[i] for part in parts)]) for i in range(3)))


def _bin_lengths(lengths: Doubles1d) -> _LengthBins:
    """Assign units to bins of similar length."""
    some = lengths[lengths > 0]
    if not len(some):
        return _LengthBins(np.zeros(len(lengths), np.int64), np.zeros(1), np.array([float(len(lengths))]))
    edges = np.quantile(some, np.linspace(0, 1, _LENGTH_BINS + 1)[:-1], method="lower")
    edges = np.unique([*edges, *np.geomspace(some.min(), some.max(), _LENGTH_BINS + 1)[1:-1]])
    # Bin 0 is that of units without words.
    of = np.unique(np.where(lengths > 0, np.searchsorted(edges, lengths, side="right"), 0), return_inverse=True)[1]
    units = np.bincount(of).astype(np.float64)
    # Sums of whole numbers are exact, whatever the order of the units.
    return _LengthBins(of, np.log(np.maximum(np.bincount(of, lengths) / units, 1e-300)), units)


def _residuals(holders: Doubles1d, holders_first: Ints1d, bins: _LengthBins, units_first: Doubles1d) -> Residuals:
    """Return the sums of residuals of a block of words; `holders` (W, K) counts those of each bin."""
    expected = _expected(holders, bins)
    units = bins.units
    # Residuals add up to 0 but for the prior's and rounding; taking off their mean makes it exact.
    expected += ((holders.sum(axis=1) - expected @ units) / units.sum())[:, None]
    without = units - holders
    missing = 1 - expected
    return Residuals(
        holders_first - expected @ units_first,
        (holders * missing**2 + without * expected**2).sum(axis=1),
        (holders * missing**3 - without * expected**3).sum(axis=1),
    )


def _expected(holders: Doubles1d, bins: _LengthBins) -> Doubles1d:
    """Return the probability that a unit of each bin contains each word, shape (W, K), by Newton's method."""
    has_words = bins.log_length > -600.0
    units = np.where(has_words, bins.units, 0.0)
    x = np.where(has_words, bins.log_length, 0.0)
    x = x - (units * x).sum() / max(1.0, units.sum())
    powers = np.stack([np.ones(len(x)), x, x * x], axis=1)
    share = (holders.sum(axis=1) + 0.5) / (units.sum() + 1)
    level, slope = np.log(-np.log1p(-share)), np.ones(len(holders))
    for _ in range(_MAX_STEPS):
        rate = np.exp(np.minimum(level[:, None] + slope[:, None] * x, _MAX_LOG_RATE))
        rest = np.exp(-rate)
        gradient = (holders - units * (1 - rest)) @ powers[:, :2]
        hessian = (units * rate * rest) @ powers
        gradient_level, gradient_slope = gradient[:, 0], gradient[:, 1] - _PRIOR_PRECISION * (slope - 1)
        h_level, h_cross, h_slope = hessian[:, 0] + 1e-9, hessian[:, 1], hessian[:, 2] + _PRIOR_PRECISION
        slope_step = (
            np.clip(
                slope
                + (h_level * gradient_slope - h_cross * gradient_level)
                / np.maximum(h_slope * h_level - h_cross * h_cross, 1e-12),
                0.0,
                1.0,
            )
            - slope
        )
        level_step = np.clip((gradient_level - h_cross * slope_step) / h_level, -_MAX_LEVEL_STEP, _MAX_LEVEL_STEP)
        level, slope = level + level_step, slope + slope_step
        if max(np.abs(level_step).max(), np.abs(slope_step).max()) < _TOLERANCE:
            break
    rate = np.exp(np.minimum(level[:, None] + slope[:, None] * x, _MAX_LOG_RATE))
    return np.asarray(np.where(has_words, -np.expm1(-rate), 0.0), np.float64)
