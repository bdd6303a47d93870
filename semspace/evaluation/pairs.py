"""Rank correlation between scores and judgements: what tasks of pairs have in common."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy import stats

from semspace import queries
from semspace.checks import FloatMatrix
from semspace.errors import InputError


def spearman(task: str, scores: npt.ArrayLike, judgements: npt.ArrayLike) -> float:
    """Return Spearman's rank correlation, or raise where it isn't defined."""
    x, y = np.asarray(scores, dtype=float), np.asarray(judgements, dtype=float)
    if not np.isfinite(y).all():
        raise InputError(f"{task}: a judgement is NaN or infinite; leave such pairs out")
    if len(x) < 3:
        raise InputError(
            f"{task}: only {len(x)} pairs could be judged, and a correlation needs 3: are its words known?"
        )
    if np.ptp(x) == 0 or np.ptp(y) == 0:
        raise InputError(f"{task}: all scores are the same, so they can't be ranked")
    return float(stats.spearmanr(x, y).statistic)


def cosines(left: FloatMatrix, right: FloatMatrix) -> npt.NDArray[np.float64]:
    """Return the cosine of each row of `left` with the same row of `right`."""
    products = np.einsum("ij,ij->i", left, right) / (queries.lengths(left) * queries.lengths(right))
    wide: npt.NDArray[np.float64] = products.astype(np.float64)
    return wide
