"""Rank correlation between scores and judgements: what tasks of pairs have in common."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy import stats

from semspace.errors import InputError
from semspace.evaluation.score import UnjudgedError
from semspace.evaluation.ties import NEAR
from semspace.types import Floats2d

_DIGITS = 9  # of a cosine; beyond them equal vectors differ by how they were added up
_FEWEST = 3


def spearman(task: str, scores: npt.ArrayLike, judgements: npt.ArrayLike, total: int | None = None) -> float:
    """Return Spearman's rank correlation, or raise where it isn't defined.

    Parameters
    ----------
    task : str
        For the message, as `total`, the number of the task's pairs.
    scores, judgements : arrays of one length
        Equal ones share the mean of their ranks.
    """
    x, y = np.asarray(scores, dtype=float), np.asarray(judgements, dtype=float)
    total = len(x) if total is None else total
    if not np.isfinite(y).all():
        raise InputError(f"{task}: a judgement is NaN or infinite; leave such pairs out")
    if len(x) < _FEWEST:
        pairs = "pair" if len(x) == 1 else "pairs"
        raise UnjudgedError(
            f"{task}: only {len(x)} {pairs} could be judged, and a correlation needs {_FEWEST}: are its words known?",
            used=len(x),
            total=total,
        )
    if np.ptp(x) <= NEAR:
        raise UnjudgedError(
            f"{task}: all cosines are the same, so they can't be ranked: are the vectors?", used=len(x), total=total
        )
    if np.ptp(y) == 0:
        raise InputError(f"{task}: all judgements are the same, so they can't be ranked")
    return float(stats.spearmanr(x, y).statistic)


def cosines(left: Floats2d, right: Floats2d) -> npt.NDArray[np.float64]:
    """Return the cosine of each row of `left` with the same row of `right`, both of length 1 (or 0)."""
    return _rounded(np.einsum("ij,ij->i", left.astype(np.float64), right.astype(np.float64)))


def all_cosines(points: Floats2d) -> npt.NDArray[np.float64]:
    """Return the cosines of all rows with all rows, each of length 1 (or 0)."""
    wide = points.astype(np.float64)
    return _rounded(wide @ wide.T)


def _rounded(cosines: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    rounded: npt.NDArray[np.float64] = cosines.round(_DIGITS)
    return rounded
