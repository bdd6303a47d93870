"""Similarities of vectors by the measure that a model was trained for, as sentence-transformers computes them."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from semspace import checks, queries
from semspace.errors import InputError
from semspace.types import Floats1d, Floats2d

# Measures by their names in config_sentence_transformers.json, and what people call them.
TITLES = {
    "cosine": "cosine",
    "dot": "dot product",
    "euclidean": "Euclidean distance",
    "manhattan": "Manhattan distance",
}
_NORMS = {"euclidean": 2, "manhattan": 1}


def similarity(a: npt.ArrayLike, b: npt.ArrayLike, measure: str) -> Floats2d:
    """Return the similarity of every vector of `a` with every vector of `b`; a distance is negated."""
    left, right = _both(a, b, measure)
    if measure in ("cosine", "dot"):
        products: Floats2d = left @ right.T
        return products
    from scipy.spatial.distance import cdist

    names = {"euclidean": "euclidean", "manhattan": "cityblock"}
    return -cdist(left, right, names[measure]).astype(np.float32)  # type: ignore[no-any-return]


def similarity_pairwise(a: npt.ArrayLike, b: npt.ArrayLike, measure: str) -> Floats1d:
    """Return the similarity of each vector of `a` with that of `b` in the same row; a distance is negated."""
    left, right = _both(a, b, measure)
    if len(left) != len(right):
        raise InputError(
            f"similarity_pairwise takes as many vectors on both sides; got {len(left)} and {len(right)}: similarity "
            f"compares all with all"
        )
    if measure in ("cosine", "dot"):
        products: Floats1d = (left * right).sum(axis=1)
        return products
    distances: Floats1d = -np.linalg.norm(left - right, _NORMS[measure], axis=1)
    return distances


def _both(a: npt.ArrayLike, b: npt.ArrayLike, measure: str) -> tuple[Floats2d, Floats2d]:
    """Return both as `_prepared` does, or raise `InputError` where they differ in their number of dimensions."""
    left, right = _prepared(a, measure), _prepared(b, measure)
    if left.shape[1] != right.shape[1]:
        raise InputError(
            f"vectors must have the same number of dimensions on both sides; got {left.shape[1]} and "
            f"{right.shape[1]}: encode both with one encoder, and with the same truncate_dim"
        )
    return left, right


def _prepared(vectors: npt.ArrayLike, measure: str) -> Floats2d:
    scaled: Callable[[Floats2d], Floats2d] = queries.unit if measure == "cosine" else lambda rows: rows
    return scaled(checks.matrix("vectors", vectors))
