"""k-NN classification: the nearest neighbours of a point vote, weighted by distance, for the group it belongs to."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from semspace.types import Floats1d, Floats2d, Int32s1d, Ints2d

N_VOTERS = 15  # nearest neighbours that vote
_MIN_DISTANCE = 1e-5  # cosine distance; a nearer neighbour is the point itself
_BLOCK_ROWS = 10_000  # points whose votes are counted at a time


@dataclass(frozen=True)
class Votes:
    """The outcome of the votes on points.

    Parameters
    ----------
    first, second : ndarray of int32, shape (m,)
        The groups with the most and the second most votes; -1 where there is none.
    share : ndarray of float32, shape (m,)
        Share of the votes for the point's group, in [0, 1].
    mean_cosine : ndarray of float32, shape (m,)
        Mean cosine to the neighbours that voted for the point's group; low for an outlier.
    """

    first: Int32s1d
    second: Int32s1d
    share: Floats1d
    mean_cosine: Floats1d


def vote_weights(cosines: Floats2d) -> Floats2d:
    """Return the weights of votes: the inverse square of the cosine distance (Shepard 1968).

    A neighbour that is the point itself outweighs all others. So a text that was clustered is assigned its own group
    again, even where another machine rounds its vector otherwise.
    """
    distances = np.maximum(1 - cosines, _MIN_DISTANCE)
    weights: Floats2d = np.where(np.isfinite(cosines), distances**-2.0, 0).astype(np.float32)
    return weights


def vote_shares(labels: Int32s1d, rows: Ints2d, cosines: Floats2d, n_clusters: int) -> Floats2d:
    """Return the share of the votes of each group, float32 of shape (m, n_clusters + 1); outliers have the last column.

    Parameters
    ----------
    labels : ndarray of int32, shape (v,)
        The groups of the voters; -1 for outliers.
    rows : ndarray of int64, shape (m, k)
        The voters nearest to each point.
    cosines : ndarray of float32, shape (m, k)
        -inf for a voter that doesn't count.
    """
    shares = np.zeros((len(rows), n_clusters + 1), np.float32)
    groups = labels[rows]
    groups = np.where(groups < 0, n_clusters, groups)
    np.add.at(shares, (np.arange(len(rows))[:, None], groups), vote_weights(cosines))
    total = shares.sum(axis=1, keepdims=True)
    shares /= np.where(total > 0, total, 1)
    return shares


def count_votes(labels: Int32s1d, members: Int32s1d | None, rows: Ints2d, cosines: Floats2d, n_clusters: int) -> Votes:
    """Count the votes on points.

    Parameters
    ----------
    labels, rows, cosines
        As in `vote_shares`.
    members : ndarray of int32, shape (m,), optional
        The groups that the points belong to; by default those with the most votes.
    """
    blocks = [
        _count_block(
            labels,
            None if members is None else members[start : start + _BLOCK_ROWS],
            rows[start : start + _BLOCK_ROWS],
            cosines[start : start + _BLOCK_ROWS],
            n_clusters,
        )
        for start in range(0, max(1, len(rows)), _BLOCK_ROWS)
    ]
    return joined(blocks)


def joined(blocks: list[Votes]) -> Votes:
    """Return the votes on several lots of points as one."""
    return Votes(*(np.concatenate([getattr(block, name) for block in blocks]) for name in Votes.__annotations__))


def _count_block(labels: Int32s1d, members: Int32s1d | None, rows: Ints2d, cosines: Floats2d, n_clusters: int) -> Votes:
    shares = vote_shares(labels, rows, cosines, n_clusters)
    first = shares.argmax(axis=1).astype(np.int32)
    first[first == n_clusters] = -1
    members = first if members is None else members
    points = np.arange(len(rows))
    share = shares[points, members]  # the last column for -1
    others = shares[:, :n_clusters].copy()
    others[points[members >= 0], members[members >= 0]] = -1
    second = others.argmax(axis=1).astype(np.int32) if n_clusters else np.full(len(rows), -1, np.int32)
    second[others.max(axis=1, initial=-1) <= 0] = -1
    agrees = (labels[rows] == members[:, None]) & np.isfinite(cosines)
    mean_cosine = (np.where(agrees, cosines, 0).sum(axis=1) / rows.shape[1]).astype(np.float32)
    return Votes(first, second, share, mean_cosine)
