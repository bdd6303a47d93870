"""Coordinates of points on a map: principal axes, t-SNE, UMAP or PaCMAP, all on the same input."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from semspace.errors import InputError
from semspace.maps.methods import METHODS, MIN_POINTS, first_two_axes
from semspace.types import Doubles2d, Floats2d, Ints1d

_AXES = 50  # principal axes on which the methods work
# Cell size between vectors of length 1. t-SNE draws nearer points together until they differ by rounding errors only,
# and the tree in which scikit-learn searches for neighbours then has no bottom.
_RESOLUTION = 1e-3

Axes = npt.NDArray[np.floating[Any]]


def pca_layout(vectors: Floats2d) -> Doubles2d:
    """Return the coordinates of vectors on their first two principal axes, shape (n, 2)."""
    return first_two_axes(_principal(vectors))


def layout(vectors: Floats2d, method: str = "tsne", seed: int = 0) -> Doubles2d:
    """Return coordinates in two dimensions of vectors of length 1, shape (n, 2).

    Vectors that differ by less than a thousandth have the same coordinates; so the same vectors have the same ones.

    Parameters
    ----------
    method : {"pca", "tsne", "umap", "pacmap"}
    seed : int

    Raises
    ------
    InputError
        If a vector isn't finite.
    MissingExtraError
        If the method's library isn't installed.
    """
    if method == "pca":
        return pca_layout(vectors)
    cells, inverse = distinct_cells(vectors)
    return draw(cells, method, seed)[inverse]


def distinct_cells(vectors: Floats2d) -> tuple[Floats2d, Ints1d]:
    """Return the distinct vectors on up to 50 principal axes, shape (m, axes), and which each one is, shape (n,).

    Raises
    ------
    InputError
        If a vector isn't finite.
    """
    low = _principal(vectors)
    if not np.isfinite(low).all():
        raise InputError("a map takes vectors of finite numbers; these hold NaN or infinity: leave them out")
    first: dict[bytes, int] = {}
    same = [first.setdefault(row.tobytes(), i) for i, row in enumerate(np.ascontiguousarray(vectors))]
    cells, inverse = np.unique(np.round(low[same] / _RESOLUTION), axis=0, return_inverse=True)
    return (cells * _RESOLUTION).astype(np.float32), inverse.ravel().astype(np.int64)


def draw(cells: Floats2d, method: str, seed: int, *, random_start: bool = False) -> Doubles2d:
    """Return the coordinates of distinct vectors, shape (m, 2).

    Parameters
    ----------
    random_start : bool
        Begin with random places, not with those that the method computes from the vectors.
    """
    if len(cells) < MIN_POINTS:
        return first_two_axes(cells)
    coordinates = METHODS[method](cells, seed, random_start)
    return coordinates if np.isfinite(coordinates).all() else first_two_axes(cells)


def principal_axes(vectors: Floats2d, count: int = _AXES) -> tuple[Axes, Axes]:
    """Return the mean, shape (dim,), and up to `count` principal axes of vectors, shape (axes, dim)."""
    from sklearn.decomposition import PCA

    fitted = PCA(min(count, *vectors.shape), random_state=0).fit(vectors)
    return fitted.mean_, fitted.components_


def _principal(vectors: Floats2d) -> Axes:
    if len(vectors) < 3 or not vectors.any() or not np.isfinite(vectors).all():
        return vectors
    mean, axes = principal_axes(vectors)
    low: Axes = (vectors - mean) @ axes.T
    return low
