"""Places of new points on a map: each is computed from that point alone.

UMAP's own way of placing new points moves them against each other, so that a point's place depends on its company. Here
a point stands at the mean of the places of its nearest points in the space, weighted by the inverse square of their
distance (Shepard 1968), so a point that was drawn gets the place it has. On principal axes it is projected.
"""

from __future__ import annotations

import numpy as np

from semspace import queries
from semspace.types import Doubles1d, Doubles2d, Floats2d, Ints1d

NEIGHBORS = 10
_ROUNDING = 4 * float(np.finfo(np.float32).eps)  # of a cosine in single precision, for each dimension
_AT_ONCE = 16_000_000  # cosines


def unit_doubles(vectors: Floats2d) -> Doubles2d:
    """Return rows of length 1 in double precision, each computed from itself alone."""
    doubles = vectors.astype(np.float64)
    scaled: Doubles2d = doubles / np.sqrt((doubles * doubles).sum(axis=1))[:, None]
    return scaled


def on_axes(axes: Doubles2d, vectors: Floats2d) -> Doubles2d:
    """Return the coordinates of vectors on two axes, shape (m, 2); `axes` are the mean and the axes, shape (3, dim)."""
    centered = unit_doubles(vectors) - axes[0]
    # Not a matrix product, in which the last digits of a row may depend on the others.
    return np.stack([(centered * axis).sum(axis=1) for axis in axes[1:]], axis=1)


def among_neighbors(anchors: Floats2d, places: Doubles2d, vectors: Floats2d, k: int = NEIGHBORS) -> Doubles2d:
    """Return the places of new vectors, shape (m, 2), on a map of others.

    Parameters
    ----------
    anchors : (n, dim) float32
        The points of the map.
    places : (n, 2)
        Their coordinates.
    vectors : (m, dim) float32
        The new points.
    """
    k = min(k, len(anchors))
    known = queries.unit(anchors)
    new = unit_doubles(vectors)
    found = np.empty((len(vectors), 2))
    rounding = _ROUNDING * anchors.shape[1]
    step = max(1, _AT_ONCE // len(anchors))
    for start in range(0, len(new), step):
        block = new[start : start + step]
        cosines = block.astype(np.float32) @ known.T
        lowest = np.partition(cosines, len(anchors) - k, axis=1)[:, len(anchors) - k]
        for row, point in enumerate(block):
            # All that may be among the nearest, whatever was rounded in the matrix product; then their exact distances.
            near = np.flatnonzero(cosines[row] >= lowest[row] - rounding)
            found[start + row] = _mean_place(unit_doubles(anchors[near]), places[near], point, k)
    return found


def _mean_place(anchors: Doubles2d, places: Doubles2d, point: Doubles1d, k: int) -> Doubles1d:
    """Return the weighted mean of the places of the k nearest anchors."""
    distances = ((anchors - point) ** 2).sum(axis=1)
    nearest: Ints1d = np.argsort(distances, kind="stable")[:k]
    if distances[nearest[0]] < queries.TINY:
        same: Doubles1d = places[nearest[0]]
        return same
    weights = 1 / distances[nearest] ** 2
    place: Doubles1d = (places[nearest] * weights[:, None]).sum(axis=0) / weights.sum()
    return place
