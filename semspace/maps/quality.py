"""How far a map can be trusted: what it keeps of the neighbours and distances of the vectors, and what is chance.

Everything is counted on distinct points. Neighbours are looked for among all of them; where there are many, those of a
sample are counted.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from semspace.types import Bools1d, Doubles1d, Doubles2d, Floats2d, Ints1d, Ints2d

K = 10  # neighbours
ASKED = 2_000  # points whose neighbours are compared
REPEATED = 3_000  # points that are drawn again from other starts
_PAIRS = 50_000  # of points, whose distances are compared
_IN_MEMORY = 16_000_000  # distances at a time


@dataclass(frozen=True)
class Faithfulness:
    """What a map keeps of the vectors; see `faithfulness`."""

    trustworthiness: float
    continuity: float
    overlap: float
    rank_correlation: float
    k: int
    n_asked: int


def faithfulness(vectors: Floats2d, places: Doubles2d, seed: int = 0, k: int = K) -> Faithfulness:
    """Compute how well a map keeps neighbours and the order of distances.

    Parameters
    ----------
    vectors : (m, dim) float32
        Distinct, of length 1.
    places : (m, 2)
        Their coordinates.
    k : int
        Number of neighbours; at most a third of the points are taken.

    Returns
    -------
    Faithfulness
        Trustworthiness and continuity (Venna & Kaski 2001), in [0, 1]; the share of the k nearest points that are among
        the k nearest on the map, in [0, 1]; and Spearman's correlation of the distances of pairs, in [-1, 1].
    """
    m = len(vectors)
    k = max(1, min(k, (m - 1) // 3))
    rng = np.random.default_rng(seed)
    asked = np.arange(m) if m <= ASKED else np.sort(rng.choice(m, ASKED, replace=False))
    intruders = extruders = kept = 0.0
    step = max(1, _IN_MEMORY // m)
    for start in range(0, len(asked), step):
        rows = asked[start : start + step]
        there, here = _squared_distances(vectors, rows), _squared_distances(places, rows)
        ranks_there = _ranks(there, _nearest(here, k))
        ranks_here = _ranks(here, _nearest(there, k))
        intruders += float(np.maximum(ranks_there - k, 0).sum())
        extruders += float(np.maximum(ranks_here - k, 0).sum())
        kept += float((ranks_there <= k).sum())
    worst = len(asked) * k * (2 * m - 3 * k - 1) / 2
    share = kept / (len(asked) * k)
    correlation = _rank_correlation(vectors, places, rng)
    return Faithfulness(1 - intruders / worst, 1 - extruders / worst, share, correlation, k, len(asked))


def _squared_distances(points: Floats2d | Doubles2d, rows: Ints1d) -> Floats2d:
    """Return squared distances of some rows to all, infinite to themselves, shape (rows, m)."""
    lengths = np.einsum("ij,ij->i", points, points)
    distances = lengths[rows][:, None] + lengths - 2 * (points[rows] @ points.T)
    distances[np.arange(len(rows)), rows] = np.inf
    narrow: Floats2d = distances.astype(np.float32, copy=False)
    return narrow


def _nearest(distances: Floats2d, k: int) -> Ints2d:
    nearest: Ints2d = np.argpartition(distances, k - 1, axis=1)[:, :k]
    return nearest


def _ranks(distances: Floats2d, columns: Ints2d) -> Ints2d:
    """Return the ranks of some columns in each row by distance, from 1."""
    chosen = np.take_along_axis(distances, columns, axis=1)
    ranks = [(distances < chosen[:, [one]]).sum(axis=1) + 1 for one in range(columns.shape[1])]
    return np.stack(ranks, axis=1)


def _rank_correlation(vectors: Floats2d, places: Doubles2d, rng: np.random.Generator) -> float:
    """Return Spearman's correlation of the distances of sampled pairs."""
    from scipy.stats import spearmanr

    m = len(vectors)
    first = rng.integers(0, m, _PAIRS)
    second = (first + rng.integers(1, m, _PAIRS)) % m
    there = np.linalg.norm(vectors[first] - vectors[second], axis=1)
    here = np.linalg.norm(places[first] - places[second], axis=1)
    if not np.ptp(there) or not np.ptp(here):
        return float("nan")
    return float(spearmanr(there, here).statistic)


def kept_neighbors(drawings: Sequence[Doubles2d], k: int = K) -> Doubles1d:
    """Return the share of each point's k neighbours on a map that it has on another drawing too, shape (m,).

    It is the mean over all pairs of drawings, in [0, 1].

    Parameters
    ----------
    drawings : list of (m, 2)
        The same points, drawn again; two at least.
    """
    m = len(drawings[0])
    k = max(1, min(k, (m - 1) // 3))
    neighbors = [_map_neighbors(places, k) for places in drawings]
    shares = [
        (one[:, :, None] == other[:, None, :]).any(axis=2).mean(axis=1)
        for place, one in enumerate(neighbors)
        for other in neighbors[:place]
    ]
    mean: Doubles1d = np.mean(shares, axis=0)
    return mean


def _map_neighbors(places: Doubles2d, k: int) -> Ints2d:
    """Return the k nearest other points on a map, shape (m, k)."""
    from scipy.spatial import cKDTree

    found = cKDTree(places).query(places, k + 1)[1]
    own: Bools1d = found == np.arange(len(places))[:, None]
    own[~own.any(axis=1), -1] = True  # points at the same place may hide each other
    others: Ints2d = found[~own].reshape(len(places), k)
    return others
