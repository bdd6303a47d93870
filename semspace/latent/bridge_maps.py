"""Maps from one encoder's vectors to another's, fitted to texts that both have encoded; all in closed form."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import reduce

import numpy as np

from semspace import queries
from semspace.types import Doubles1d, Doubles2d, Floats1d, Floats2d, Ints1d

METHODS = ("orthogonal", "ridge", "low-rank", "network")
_MOST_UNITS, _LEAST_UNITS, _UNITS = 512, 64, 4  # of the network; units for each dimension, between these bounds
_PENALTIES = (1e-4, 1e-3, 1e-2, 1e-1)  # of the mean variance of a feature
_RANKS = (0.25, 0.5)  # of the full rank


@dataclass(frozen=True)
class Recipe:
    """How a map is fitted.

    Parameters
    ----------
    method : {"orthogonal", "ridge", "low-rank", "network"}
    penalty : float
        Of a ridge regression, as a share of the mean variance of a feature.
    rank : int
        Of a low-rank map; 0 where it isn't limited.
    """

    method: str
    penalty: float = 0.0
    rank: int = 0

    def __str__(self) -> str:
        of = [f"rank {self.rank}"] * bool(self.rank) + [f"penalty {self.penalty:g}"] * bool(self.penalty)
        return f"{self.method} ({', '.join(of)})" if of else self.method


@dataclass(frozen=True, eq=False)
class VectorMap:
    """A map of directions: ``unit([x, max(x · hidden, 0)] · weights + bias)``.

    Parameters
    ----------
    hidden : ndarray of float32, shape (width, units)
        The hidden layer; no units where the map is linear.
    weights : ndarray of float32, shape (width + units, dim)
    bias : ndarray of float32, shape (dim,)
    """

    hidden: Floats2d
    weights: Floats2d
    bias: Floats1d

    @property
    def width(self) -> int:
        """Number of dimensions that it maps from."""
        return len(self.hidden)

    @property
    def dim(self) -> int:
        """Number of dimensions that it maps to."""
        return len(self.bias)

    def apply(self, vectors: Floats2d) -> Floats2d:
        """Return the images of vectors, float32 of shape (n, dim), each of length 1."""
        images = features(queries.unit(vectors), self.hidden) @ self.weights + self.bias
        directions: Floats2d = queries.unit(images, floor=queries.TINY)
        return directions


def features(units: Floats2d, hidden: Floats2d) -> Floats2d:
    """Return unit vectors, and beside them the hidden units: shape (n, width + units)."""
    if not hidden.shape[1]:
        return units
    return np.concatenate([units, np.maximum(units @ hidden, 0)], axis=1)


def hidden_layer(method: str, width: int, seed: int) -> Floats2d:
    """Return the hidden layer of a method: random weights, which aren't trained (Rahimi & Recht 2008), or no units."""
    units = min(_MOST_UNITS, max(_LEAST_UNITS, _UNITS * width)) if method == "network" else 0
    layer = np.random.default_rng(seed).normal(size=(width, units)) / np.sqrt(max(1, units))
    weights: Floats2d = layer.astype(np.float32)
    return weights


def recipes(width: int, dim: int, n: int) -> dict[str, list[Recipe]]:
    """Return the recipes that are tried for each method, for `n` pairs of `width` and `dim` dimensions."""
    full = min(width, dim)
    ranks = sorted({max(1, int(full * share)) for share in _RANKS} - {full})
    network = [Recipe("network", penalty) for penalty in _PENALTIES[1:]] if n >= 2 * full else []
    return {
        "orthogonal": [Recipe("orthogonal")],
        "ridge": [Recipe("ridge", penalty) for penalty in _PENALTIES],
        "low-rank": [Recipe("low-rank", penalty, rank) for rank in ranks for penalty in _PENALTIES[1:3]],
        "network": network,
    }


class PairMoments:
    """Sums over pairs, from which every map is fitted; those of a part can be subtracted from those of the whole.

    Parameters
    ----------
    x : ndarray of float32, shape (n, p)
        Features of the vectors that are mapped.
    y : ndarray of float32, shape (n, dim)
        Unit vectors that they are mapped to.
    """

    def __init__(self, x: Floats2d, y: Floats2d) -> None:
        self.n = len(x)
        self.sum_x: Doubles1d = x.sum(axis=0, dtype=np.float64)
        self.sum_y: Doubles1d = y.sum(axis=0, dtype=np.float64)
        wide = x.astype(np.float64)  # the smallest penalties need more than seven digits
        self.xx: Doubles2d = wide.T @ wide
        self.xy: Doubles2d = wide.T @ y

    def without(self, part: PairMoments) -> PairMoments:
        """Return the sums over all pairs but those of a part."""
        rest = object.__new__(PairMoments)
        rest.n = self.n - part.n
        rest.sum_x, rest.sum_y = self.sum_x - part.sum_x, self.sum_y - part.sum_y
        rest.xx, rest.xy = self.xx - part.xx, self.xy - part.xy
        return rest

    def plus(self, part: PairMoments) -> PairMoments:
        """Return the sums over both."""
        both = object.__new__(PairMoments)
        both.n = self.n + part.n
        both.sum_x, both.sum_y = self.sum_x + part.sum_x, self.sum_y + part.sum_y
        both.xx, both.xy = self.xx + part.xx, self.xy + part.xy
        return both

    def fit(self, recipe: Recipe) -> tuple[Floats2d, Floats1d]:
        """Return weights of shape (p, dim) and bias of shape (dim,) by a recipe."""
        mean_x, mean_y = self.sum_x / self.n, self.sum_y / self.n
        xx = self.xx - self.n * np.outer(mean_x, mean_x)
        xy = self.xy - self.n * np.outer(mean_x, mean_y)
        weights = _procrustes(xy) if recipe.method == "orthogonal" else _ridge(xx, xy, recipe)
        return weights.astype(np.float32), (mean_y - mean_x @ weights).astype(np.float32)


def _procrustes(xy: Doubles2d) -> Doubles2d:
    """Return the rotation that brings x nearest to y (Schönemann 1966); to fewer dimensions, a projection."""
    left, _, right = np.linalg.svd(xy, full_matrices=False)
    return np.asarray(left @ right)


def _ridge(xx: Doubles2d, xy: Doubles2d, recipe: Recipe) -> Doubles2d:
    """Return the ridge regression; of low rank, that of the leading directions of what it predicts (Izenman 1975)."""
    penalty = recipe.penalty * np.trace(xx) / len(xx) + 1e-12
    weights = np.linalg.solve(xx + penalty * np.eye(len(xx)), xy)
    if not recipe.rank:
        return weights
    leading = np.linalg.eigh(weights.T @ xx @ weights)[1][:, -recipe.rank :]
    return np.asarray(weights @ leading @ leading.T)


def fitted(a: Floats2d, b: Floats2d, recipe: Recipe, seed: int) -> VectorMap:
    """Return the map that a recipe fits to unit vectors of all pairs, shapes (n, width) and (n, dim)."""
    hidden = hidden_layer(recipe.method, a.shape[1], seed)
    return VectorMap(hidden, *PairMoments(features(a, hidden), b).fit(recipe))


def held_out_images(
    a: Floats2d, b: Floats2d, recipes: list[Recipe], folds: Ints1d, seed: int
) -> Iterator[tuple[Recipe, Floats2d]]:
    """Iterate over recipes and the images of all pairs, each by a map that was fitted to the other folds.

    Parameters
    ----------
    a, b : ndarray of float32, shapes (n, width) and (n, dim)
        Unit vectors of the same texts.
    recipes : list of Recipe
        Of one method.
    folds : ndarray of int64, shape (n,)
        The fold of each pair, from 0.
    """
    if not recipes:
        return
    x = features(a, hidden_layer(recipes[0].method, a.shape[1], seed))
    parts = [PairMoments(x[folds == fold], b[folds == fold]) for fold in range(folds.max() + 1)]
    whole = reduce(PairMoments.plus, parts)
    for recipe in recipes:
        images = np.empty_like(b)
        for fold, part in enumerate(parts):
            weights, bias = whole.without(part).fit(recipe)
            images[folds == fold] = x[folds == fold] @ weights + bias
        yield recipe, queries.unit(images, floor=queries.TINY)
