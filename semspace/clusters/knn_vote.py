"""Where a point belongs: its nearest neighbours vote, and the nearer one is, the more its vote weighs."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from semspace.clusters.distinct_points import Labels
from semspace.clusters.knn import Rows
from semspace.types import Floats2d

NEIGHBOURS = 15
_NO_DISTANCE = 1e-5


@dataclass(frozen=True)
class Standing:
    """How points stand to the groups.

    Parameters
    ----------
    first, second : ndarray of int32, shape (m,)
        The group with the most of the votes, and the one with the second most; -1 where there is none.
    share : ndarray of float32, shape (m,)
        Share of the votes that went to the point's group, in [0, 1].
    nearness : ndarray of float32, shape (m,)
        Mean cosine to the neighbours that voted for the point's group; low for a point that lies apart.
    """

    first: Labels
    second: Labels
    share: npt.NDArray[np.float32]
    nearness: npt.NDArray[np.float32]


def weights_of(scores: Floats2d) -> Floats2d:
    """Weigh votes by the inverse square of the cosine distance (Shepard 1968).

    A neighbour that is the point itself outweighs all others. So a text that was clustered is given its group again,
    even where another machine rounds its vector otherwise.
    """
    apart = np.maximum(1 - scores, _NO_DISTANCE)
    weighed: Floats2d = np.where(np.isfinite(scores), apart**-2.0, 0).astype(np.float32)
    return weighed


def tally(labels: Labels, rows: Rows, scores: Floats2d, k: int) -> Floats2d:
    """Return the share of the votes of each group, float32 of shape (m, k + 1); the last column is for no group."""
    votes = np.zeros((len(rows), k + 1), np.float32)
    given = labels[rows]
    given = np.where(given < 0, k, given)
    np.add.at(votes, (np.arange(len(rows))[:, None], given), weights_of(scores))
    total = votes.sum(axis=1, keepdims=True)
    votes /= np.where(total > 0, total, 1)
    return votes


def standing(labels: Labels, own: Labels | None, rows: Rows, scores: Floats2d, k: int) -> Standing:
    """Count the votes of voters with `labels` for points whose groups are `own`, or that go where most votes do."""
    parts = [
        _counted(labels, None if own is None else own[start : start + 10_000], part, scores[start : start + 10_000], k)
        for start in range(0, max(1, len(rows)), 10_000)
        for part in [rows[start : start + 10_000]]
    ]
    first, second, share, nearness = (np.concatenate(column) for column in zip(*parts, strict=True))
    return Standing(first, second, share, nearness)


def _counted(
    labels: Labels, own: Labels | None, rows: Rows, scores: Floats2d, k: int
) -> tuple[Labels, Labels, npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    votes = tally(labels, rows, scores, k)
    first = votes.argmax(axis=1).astype(np.int32)
    first[first == k] = -1
    own = first if own is None else own
    at = np.arange(len(rows))
    share = votes[at, own]  # of -1, the last column
    rest = votes[:, :k].copy()
    rest[at[own >= 0], own[own >= 0]] = -1
    second = rest.argmax(axis=1).astype(np.int32) if k else np.full(len(rows), -1, np.int32)
    second[rest.max(axis=1, initial=-1) <= 0] = -1
    same = (labels[rows] == own[:, None]) & np.isfinite(scores)
    nearness = (np.where(same, scores, 0).sum(axis=1) / rows.shape[1]).astype(np.float32)
    return first, second, share, nearness
