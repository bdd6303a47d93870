"""Where documents lie on a map: two dimensions in which neighbours stay together."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from semspace import queries
from semspace.clusters.distinct_points import from_middle
from semspace.clusters.knn import Rows
from semspace.errors import InputError
from semspace.types import Floats2d

if TYPE_CHECKING:
    from semspace.clusters.clustering import Clustering

MOST = 2_000
_AXES = 50
_PERPLEXITY = 30
_FEWEST = 12  # with fewer there are no neighbourhoods
# Between vectors of length 1. t-SNE draws nearer ones together until their places differ by no more than rounding, and
# the tree of places in which scikit-learn looks for neighbours then has no bottom.
_APART = 1e-3
Places = npt.NDArray[np.float64]


def layout(found: Clustering, most: int = MOST) -> tuple[Rows, Places]:
    """Place up to `most` documents, evenly taken from all: their rows, and places of shape (rows, 2).

    t-SNE (van der Maaten & Hinton 2008), begun from the principal axes so that it is the same each time. What lies near
    is alike; distances between groups mean little. What differs by less than a thousandth has one place.
    """
    every = found.voting_rows
    rows = np.sort(every[np.unique(np.linspace(0, len(every) - 1, min(most, len(every))).round().astype(int))])
    vectors = queries.unit(found.space.vectors[rows])
    return rows, _places(from_middle(vectors, vectors.mean(axis=0)))


def _places(vectors: Floats2d) -> Places:
    """Place vectors of length 1, each different one once: the library that does it only meets what it can lay out."""
    low = _principal(vectors)
    if not np.isfinite(low).all():
        raise InputError("a map takes vectors of finite numbers; these hold NaN or infinity: leave them out")
    apart, which = np.unique(np.round(low / _APART), axis=0, return_inverse=True)
    different = apart * _APART
    few = len(different) < _FEWEST
    places = _flat(different) if few else _neighbourhoods(different.astype(np.float32))
    return places[which.ravel()]


def _principal(vectors: Floats2d) -> npt.NDArray[np.floating[Any]]:
    from sklearn.decomposition import PCA

    if len(vectors) < 3 or not vectors.any() or not np.isfinite(vectors).all():
        return vectors
    low: npt.NDArray[np.floating[Any]] = PCA(min(_AXES, *vectors.shape), random_state=0).fit_transform(vectors)
    return low


def _flat(low: npt.NDArray[np.floating[Any]]) -> Places:
    flat = np.zeros((len(low), 2))
    flat[:, : min(2, low.shape[1])] = low[:, :2]
    return flat


def _neighbourhoods(low: Floats2d) -> Places:
    from sklearn.manifold import TSNE
    from threadpoolctl import threadpool_limits

    # scikit-learn scales its own start by how far points lie apart on the first axis, be it nothing.
    start: Any = low[:, :2] / low[:, 0].std() * 1e-4 if low.shape[1] > 1 and low[:, 0].std() else "random"
    model = TSNE(2, perplexity=min(_PERPLEXITY, len(low) / 4), init=start, random_state=0)
    # One thread: its threads wait for each other by spinning, and on a busy machine take thirty times as long.
    with threadpool_limits(1):
        places: Places = model.fit_transform(low).astype(np.float64)
    return places if np.isfinite(places).all() else _flat(low)
