"""Coordinates of points on a map: t-SNE, or the principal axes."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from semspace.errors import InputError
from semspace.types import Doubles2d, Floats2d

_AXES = 50  # principal axes on which t-SNE works
_PERPLEXITY = 30
_MIN_POINTS = 12  # fewer have no neighbourhoods, and are drawn on their principal axes
# Cell size between vectors of length 1. t-SNE draws nearer points together until they differ by rounding errors only,
# and the tree in which scikit-learn searches for neighbours then has no bottom.
_RESOLUTION = 1e-3


def pca_layout(vectors: Floats2d) -> Doubles2d:
    """Return the coordinates of vectors on their first two principal axes, shape (n, 2)."""
    return _first_two_axes(_principal(vectors))


def tsne_layout(vectors: Floats2d) -> Doubles2d:
    """Return coordinates in two dimensions of vectors of length 1, shape (n, 2).

    t-SNE (van der Maaten & Hinton 2008), initialised by the principal axes so that the result is always the same.
    Points near each other are similar; distances between groups mean little. Vectors that differ by less than a
    thousandth have the same coordinates.

    Raises
    ------
    InputError
        If a vector isn't finite.
    """
    low = _principal(vectors)
    if not np.isfinite(low).all():
        raise InputError("a map takes vectors of finite numbers; these hold NaN or infinity: leave them out")
    cells, inverse = np.unique(np.round(low / _RESOLUTION), axis=0, return_inverse=True)
    distinct = cells * _RESOLUTION
    coordinates = _first_two_axes(distinct) if len(distinct) < _MIN_POINTS else _tsne(distinct.astype(np.float32))
    return coordinates[inverse.ravel()]


def _principal(vectors: Floats2d) -> npt.NDArray[np.floating[Any]]:
    from sklearn.decomposition import PCA

    if len(vectors) < 3 or not vectors.any() or not np.isfinite(vectors).all():
        return vectors
    low: npt.NDArray[np.floating[Any]] = PCA(min(_AXES, *vectors.shape), random_state=0).fit_transform(vectors)
    return low


def _first_two_axes(low: npt.NDArray[np.floating[Any]]) -> Doubles2d:
    coordinates = np.zeros((len(low), 2))
    coordinates[:, : min(2, low.shape[1])] = low[:, :2]
    return coordinates


def _tsne(low: Floats2d) -> Doubles2d:
    from sklearn.manifold import TSNE
    from threadpoolctl import threadpool_limits

    # scikit-learn scales its own initialisation by the deviation on the first axis, even where that is zero.
    init: Any = low[:, :2] / low[:, 0].std() * 1e-4 if low.shape[1] > 1 and low[:, 0].std() else "random"
    model = TSNE(2, perplexity=min(_PERPLEXITY, len(low) / 4), init=init, random_state=0)
    # One thread: scikit-learn's threads wait for each other by spinning, and take 30 times as long on a busy machine.
    with threadpool_limits(1):
        coordinates: Doubles2d = model.fit_transform(low).astype(np.float64)
    return coordinates if np.isfinite(coordinates).all() else _first_two_axes(low)
