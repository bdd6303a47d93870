"""The different points of a space, in an order of their own: what every method of grouping works on."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from semspace import queries
from semspace.clusters.knn import Near, Rows
from semspace.space import Space
from semspace.types import Floats1d, Floats2d

Labels = npt.NDArray[np.int32]
_MOST = 50  # neighbours: fewer tear large groups apart, more join small ones
_MANY, _MOST_OF_MANY = 5_000, 20  # of more points, their neighbours are nearer, and fewer tell as much
_PART = 50_000  # vectors at a time: 77 MB of 384 dimensions


@dataclass(frozen=True, eq=False)
class Points:
    """Different points of a space as directions from its middle.

    They come in the order of a hash of their vectors. So a grouping depends neither on ids nor on the order in which
    documents came, and the first hundred thousand are a fair sample.

    Parameters
    ----------
    rows : ndarray of int64, shape (m,)
        Where in the space each point comes first.
    vectors : ndarray of float32, shape (m, dim)
        Of length 1, from the middle; a point that is the middle is all zeros.
    middle : ndarray of float32, shape (dim,)
        The mean direction. What all texts of a corpus share says nothing of their groups, and hides what does (Mu &
        Viswanath 2018, "All-but-the-Top").
    counts : ndarray of int64, shape (m,)
        How many points of the space have the same direction.
    """

    rows: Rows
    vectors: Floats2d
    middle: Floats1d
    counts: npt.NDArray[np.int64]

    progress: bool = False

    def __len__(self) -> int:
        """Give the number of points."""
        return len(self.rows)

    def from_middle(self, vectors: Floats2d) -> Floats2d:
        """Turn vectors of the space into directions from the middle."""
        return from_middle(queries.unit(vectors), self.middle)

    @cached_property
    def near(self) -> Near:
        """The points, to be asked for the nearest ones."""
        return Near(self.vectors, self.progress)

    @cached_property
    def neighbours(self) -> tuple[Rows, Floats2d]:
        """The neighbours of each point among the others, nearest first: rows and cosines, shape (m, k).

        As many as the square root of the points, from 5 to 50 (with as many as a small group has members, groups run
        into each other), and 20 beyond 5,000 points.
        """
        most = _MOST if len(self) <= _MANY else _MOST_OF_MANY
        return self.near.others(min(max(5, round(len(self) ** 0.5)), most))


def same_points(space: Space) -> tuple[Rows, npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Find which points have the same direction: the first row of each, which it is of every row, and how many.

    The different ones come in the order of their hashes.
    """
    _, rows, place, counts = np.unique(
        hashes(space.vectors), return_index=True, return_inverse=True, return_counts=True
    )
    return rows.astype(np.int64), place.astype(np.int64).ravel(), counts.astype(np.int64)


def points_of(space: Space, rows: Rows, counts: npt.NDArray[np.int64], *, progress: bool = False) -> Points:
    """Take these rows of a space as directions from their middle."""
    vectors = queries.unit(space.vectors[rows])
    middle = vectors.mean(axis=0, dtype=np.float64).astype(np.float32)
    return Points(rows, from_middle(vectors, middle), middle, counts, progress)


def from_middle(vectors: Floats2d, middle: Floats1d) -> Floats2d:
    """Turn unit vectors into directions from a middle; what lies there, to rounding, becomes zeros."""
    moved = vectors - middle
    sizes = queries.lengths(moved)
    sizes[sizes < 1e-5] = np.inf
    moved /= sizes[:, None]
    return moved


def hashes(vectors: Floats2d) -> npt.NDArray[np.uint64]:
    """Return a number for each row that depends on all bits of its direction, shape (n,)."""
    keys = np.random.default_rng(2008).integers(1, 2**63, vectors.shape[1], dtype=np.uint64) | np.uint64(1)
    hashes = np.empty(len(vectors), np.uint64)
    for start in range(0, len(vectors), _PART):
        directions = queries.unit(vectors[start : start + _PART]) + np.float32(0)  # of 0.0 and -0.0, 0.0
        bits = directions.view(np.uint32).astype(np.uint64)
        bits *= np.uint64(0x9E3779B97F4A7C15)
        bits ^= bits >> np.uint64(29)
        bits *= keys
        hashes[start : start + _PART] = bits.sum(axis=1, dtype=np.uint64)
    return hashes
