"""Correlation of cosines with human judgements, for tasks of pairs."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from semspace.errors import InputError
from semspace.evaluation.score import NotEvaluatedError
from semspace.evaluation.task_measure import TaskMeasure
from semspace.evaluation.ties import TOLERANCE
from semspace.types import Doubles1d, Doubles2d, Floats2d, Ints1d, Ints2d

_COSINE_DIGITS = 9  # beyond them, the order of summation changes a cosine
_MIN_PAIRS = 3  # for a correlation


def correlations(
    task: str,
    scores: npt.ArrayLike,
    judgements: npt.ArrayLike,
    *,
    items: Ints1d | None = None,
    units: Ints2d | None = None,
    total: int | None = None,
    remedy: str = "check that its words are in the vocabulary",
) -> tuple[TaskMeasure, TaskMeasure]:
    """Return Spearman's rank correlation and Pearson's, or raise an error if they aren't defined.

    Parameters
    ----------
    task : str
        Its name, for messages, as are `total`, the number of its pairs, and `remedy`, where too few can be used.
    scores, judgements : arrays of one length
        Ties get the mean of their ranks.
    items, units : optional
        See `TaskMeasure`.
    """
    x, y = np.asarray(scores, dtype=float), np.asarray(judgements, dtype=float)
    total = len(x) if total is None else total
    if not np.isfinite(y).all():
        raise InputError(f"{task}: a judgement is NaN or infinite; leave such pairs out")
    if len(x) < _MIN_PAIRS:
        pairs = "pair" if len(x) == 1 else "pairs"
        raise NotEvaluatedError(
            f"{task}: only {len(x)} {pairs} could be used, and a correlation needs {_MIN_PAIRS}; {remedy}",
            used=len(x),
            total=total,
        )
    if np.ptp(x) <= TOLERANCE:
        raise NotEvaluatedError(
            f"{task}: all cosines are the same, so they can't be ranked; check the vectors", used=len(x), total=total
        )
    if np.ptp(y) == 0:
        raise InputError(f"{task}: all judgements are the same, so they can't be ranked")
    numbers = np.arange(len(x)) if items is None else items
    first, second = (TaskMeasure(name, name, x, y, numbers, units) for name in ("spearman", "pearson"))
    return first, second


def cosines(left: Floats2d, right: Floats2d) -> Doubles1d:
    """Return the cosine of each row of `left` with the same row of `right`, both of length 1 (or 0)."""
    return _rounded(np.einsum("ij,ij->i", left.astype(np.float64), right.astype(np.float64)))


def all_cosines(points: Floats2d) -> Doubles2d:
    """Return the cosines of all rows with all rows, each of length 1 (or 0)."""
    doubles = points.astype(np.float64)
    return _rounded(doubles @ doubles.T)


def _rounded(cosines: Doubles1d) -> Doubles1d:
    rounded: Doubles1d = cosines.round(_COSINE_DIGITS)
    return rounded
