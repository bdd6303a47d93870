"""How far words would seem to move by chance: what training on texts dealt at random says."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

_TAIL_SHARE = 0.05  # of the shifts by chance: the largest ones, to which a tail is fitted
_TAIL_LEAST = 50  # but at least so many of them


class Shifts(NamedTuple):
    """How far V words moved between two parts of the texts, and what that rests on.

    Parameters
    ----------
    shift : ndarray of float64, shape (V,)
        One less the cosine, from 0 to 2; NaN for a word that a part doesn't have.
    counts, holders : ndarray of float64, shape (2, V)
        How often each part says each word, and how many of its documents do.
    """

    shift: Floats
    counts: Floats
    holders: Floats


class Judged(NamedTuple):
    """The shift expected of each word, by how many standard deviations it is more, and how likely that is."""

    expected: Floats
    z: Floats
    p_value: Floats


def judge(observed: Shifts, dealt: list[Shifts]) -> Judged:
    """Compare each word's shift with those between parts dealt at random.

    A shift by chance depends on how often a word comes, in how many documents, and on the word itself: one of many
    uses is never learnt twice alike. The first two are fitted by regression, over all words and deals (on the scale of
    Fisher's z of the cosine, where they are near normal); the third is the word's own mean residual, shrunk towards 0
    by how much such means are worth (Efron & Morris 1975). What the deals lead one to expect is subtracted, and so is
    what then remains of the median word: two trainings are closer to one another or less so as a whole, and words of
    corpora on different subjects all keep somewhat different company. So what is left tells of the word.

    The same is done with each deal, of which the *other* deals say what to expect. What is left there is what chance
    gives, and the observed is held against it.

    Parameters
    ----------
    observed : Shifts
        Without NaN.
    dealt : list of Shifts
        Of the same words; at least 3.
    """
    x = np.stack([_features(one) for one in dealt])  # (S, V, f)
    y = np.stack([_stretched(one.shift) for one in dealt])  # (S, V)
    known = ~np.isnan(y)
    deals = np.arange(len(dealt))
    excess = np.stack([_excess(y[s], _expected(x[deals != s], y[deals != s], x[s])) for s in deals])
    scale = np.linalg.lstsq(x[known][:, :3], np.log(np.abs(excess[known]) + 1e-3), rcond=None)[0]
    null = excess[known] / np.exp(x[known][:, :3] @ scale)
    at, value = _features(observed), _stretched(observed.shift)
    own = _excess(value, _expected(x, y, at))
    z = own / np.exp(at[:, :3] @ scale)
    return Judged(1 + np.tanh(value - own), z / null.std(), tail_chance(z, null))


def _expected(x: Floats, y: Floats, at: Floats) -> Floats:
    """Predict the shifts of words from those in several deals, of the features x (S, V, f) and values y (S, V)."""
    known = ~np.isnan(y)
    weights = np.linalg.lstsq(x[known], y[known], rcond=None)[0]
    rest = np.where(known, y - x @ weights, 0.0)
    times, worth = known.sum(axis=0), _worth(rest, known)
    # The mean of a word's residuals, as if one more, of weight 1 / worth, were 0.
    own = rest.sum(axis=0) * worth / (times * worth + 1)
    predicted: Floats = at @ weights + own
    return predicted


def _excess(y: Floats, expected: Floats) -> Floats:
    """Return how much more words moved than expected, and more than the median word did."""
    excess = y - expected
    return np.asarray(excess - max(0.0, float(np.nanmedian(excess))), np.float64)


def _stretched(shift: Floats) -> Floats:
    """Return minus Fisher's z of the cosine: above 0 where a word turned by more than a right angle."""
    stretched: Floats = np.arctanh(np.clip(shift - 1, -1 + 1e-6, 1 - 1e-6))
    return stretched


def _features(shifts: Shifts) -> Floats:
    """Return what shifts by chance depend on, shape (V, 7): how much text there is of the scarcer kind."""
    # Noise of two independent means adds up: 1 / (1/a + 1/b) is how much text counts.
    count = np.log(1 / (1 / np.maximum(shifts.counts, 1)).sum(axis=0))
    spread = np.log(1 / (1 / np.maximum(shifts.holders, 1)).sum(axis=0)) - count  # below 0 for bursty words
    one = np.ones_like(count)
    return np.stack([one, count, spread, count**2, count**3, spread**2, count * spread], axis=1)


def _worth(rest: Floats, known: npt.NDArray[np.bool_]) -> float:
    """Return the variance between words, in units of that within a word (method of moments of one-way layouts)."""
    times = known.sum(axis=0)
    several = times > 1
    if not several.any():
        return 0.0
    rest, known, times = rest[:, several], known[:, several], times[several]
    means = rest.sum(axis=0) / times
    within = (np.where(known, rest - means, 0.0) ** 2).sum() / (times - 1).sum()
    between = max(0.0, float(means.var() - within * (1 / times).mean()))
    return between / max(float(within), 1e-12)


def tail_chance(values: Floats, null: Floats) -> Floats:
    """Return how likely values as large are, given a sample of what chance gives.

    Within the sample it is the share of the sample that is as large. Beyond, where few or none are, a generalised
    Pareto tail goes on from the largest of them (Knijnenburg, Wessels, Reinders & Shmulevich 2009), by
    probability-weighted moments (Hosking & Wallis 1987). A tail shorter than exponential isn't believed: it would
    say that a little beyond the sample nothing is possible.

    Examples
    --------
    >>> import numpy as np
    >>> null = np.random.default_rng(0).exponential(size=10_000)
    >>> tail_chance(np.array([0.0, 1.0, 14.0]), null) < [1.1, 0.4, 1e-5]
    array([ True,  True,  True])
    """
    ordered = np.sort(null)
    size = len(ordered)
    inside = (size - np.searchsorted(ordered, values, side="left") + 1) / (size + 1)
    count = min(size - 1, max(_TAIL_LEAST, round(_TAIL_SHARE * size)))
    start = ordered[size - count - 1]
    over = ordered[size - count :] - start
    first = float(over.mean())
    second = float((over * (np.arange(count, 0, -1) - 0.65) / count).mean())
    shape = float(np.clip(2 - first / (first - 2 * second), 0.0, 0.5))
    scale = max(first * (1 - shape), 1e-12)
    beyond = np.maximum(values - start, 0.0) / scale
    # Logarithms, since the power has no limit at shape 0.
    tail = np.exp(-beyond if shape < 1e-6 else -np.log1p(shape * beyond) / shape) * count / size
    return np.where(values > start, tail, inside)
