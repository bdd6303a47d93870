"""How many units of a corpus hold a word, beyond what their lengths let expect."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_array

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

# Units of about one length count as one kind: as many kinds by how many units there are, and as many by the ratio.
_KINDS = 32
_BLOCK = 4096  # words at a time: their tables of words by kinds stay in the cache
# How sure it is beforehand that a word is held in proportion to length (slope 1): about as sure as of one more holder.
_PRECISION = 1.0
_STEPS = 12  # Newton steps at most; from slope 1 a handful does, and words of nearly all units take longest
_NEAR = 1e-3  # the length of a step, in logarithms, after which the next would change nothing: its square
_STRIDE = 2.0  # the longest step, in logarithms of the rate
_SURE = 4.0  # at a rate of exp(4) words a unit, one that holds none is unheard of


class Residuals(NamedTuple):
    """Per word, of the residuals r = held - expected: their sum over the first corpus; of r^2 and r^3 over all."""

    first: Floats
    squares: Floats
    cubes: Floats


class _Kinds(NamedTuple):
    """Units by length: of which kind each is (0: those without words), and log length and units of each kind."""

    of: Ints
    log_length: Floats
    units: Floats


def presence_residuals(counts: csr_array, lengths: Floats, first: int, words: Ints) -> Residuals:
    """Return how far the units of the first corpus hold words more often than their lengths let expect.

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
    deal of the units to the corpora leaves it as it is, and the moments over all deals are exact, be the model right or
    not.
    """
    kinds = _kinds(lengths)
    k = len(kinds.units)
    place = np.full(counts.shape[1], -1, dtype=np.int64)
    place[words] = np.arange(len(words))
    column = place[counts.indices]
    asked = column >= 0
    row_kind = np.repeat(kinds.of, np.diff(counts.indptr))
    table = np.bincount(column[asked] * k + row_kind[asked], minlength=len(words) * k).reshape(len(words), k)
    held_first = np.bincount(column[: counts.indptr[first]][asked[: counts.indptr[first]]], minlength=len(words))
    units_first = np.bincount(kinds.of[:first], minlength=k).astype(np.float64)
    parts = []
    for start in range(0, len(words), _BLOCK):
        held = table[start : start + _BLOCK].astype(np.float64)
        parts.append(_residuals(held, held_first[start : start + _BLOCK], kinds, units_first))
    return Residuals(*(np.concatenate([np.zeros(0), *(part[i] for part in parts)]) for i in range(3)))


def _kinds(lengths: Floats) -> _Kinds:
    """Put units of about one length together."""
    some = lengths[lengths > 0]
    if not len(some):
        return _Kinds(np.zeros(len(lengths), np.int64), np.zeros(1), np.array([float(len(lengths))]))
    edges = np.quantile(some, np.linspace(0, 1, _KINDS + 1)[:-1], method="lower")
    edges = np.unique([*edges, *np.geomspace(some.min(), some.max(), _KINDS + 1)[1:-1]])
    # Kind 0 is that of units without words.
    of = np.unique(np.where(lengths > 0, np.searchsorted(edges, lengths, side="right"), 0), return_inverse=True)[1]
    units = np.bincount(of).astype(np.float64)
    # Sums of whole numbers are exact, whatever the order of the units.
    return _Kinds(of, np.log(np.maximum(np.bincount(of, lengths) / units, 1e-300)), units)


def _residuals(held: Floats, held_first: Ints, kinds: _Kinds, units_first: Floats) -> Residuals:
    """Return the sums of residuals of a block of words; held (W, K) counts the holders of each kind."""
    expected = _expected(held, kinds)
    units = kinds.units
    # Residuals add up to 0 but for the prior's and rounding; taking off their mean makes it exact.
    expected += ((held.sum(axis=1) - expected @ units) / units.sum())[:, None]
    without = units - held
    short = 1 - expected
    return Residuals(
        held_first - expected @ units_first,
        (held * short**2 + without * expected**2).sum(axis=1),
        (held * short**3 - without * expected**3).sum(axis=1),
    )


def _expected(held: Floats, kinds: _Kinds) -> Floats:
    """Return the chance that a unit of each kind holds each word, shape (W, K), by Newton's method."""
    wordy = kinds.log_length > -600.0
    units = np.where(wordy, kinds.units, 0.0)
    x = np.where(wordy, kinds.log_length, 0.0)
    x = x - (units * x).sum() / max(1.0, units.sum())
    powers = np.stack([np.ones(len(x)), x, x * x], axis=1)
    share = (held.sum(axis=1) + 0.5) / (units.sum() + 1)
    level, slope = np.log(-np.log1p(-share)), np.ones(len(held))
    for _ in range(_STEPS):
        rate = np.exp(np.minimum(level[:, None] + slope[:, None] * x, _SURE))
        rest = np.exp(-rate)
        pull = (held - units * (1 - rest)) @ powers[:, :2]
        bend = (units * rate * rest) @ powers
        up, along = pull[:, 0], pull[:, 1] - _PRECISION * (slope - 1)
        c, b, a = bend[:, 0] + 1e-9, bend[:, 1], bend[:, 2] + _PRECISION
        steeper = np.clip(slope + (c * along - b * up) / np.maximum(a * c - b * b, 1e-12), 0.0, 1.0) - slope
        stride = np.clip((up - b * steeper) / c, -_STRIDE, _STRIDE)
        level, slope = level + stride, slope + steeper
        if max(np.abs(stride).max(), np.abs(steeper).max()) < _NEAR:
            break
    rate = np.exp(np.minimum(level[:, None] + slope[:, None] * x, _SURE))
    return np.asarray(np.where(wordy, -np.expm1(-rate), 0.0), np.float64)
