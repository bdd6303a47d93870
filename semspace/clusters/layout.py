"""Where documents lie on a map: two dimensions in which neighbours stay together."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from semspace import queries
from semspace.clusters.near import Rows
from semspace.clusters.points import from_middle

if TYPE_CHECKING:
    from semspace.clusters.clustering import Clustering

MOST = 2_000
_AXES = 50
_PERPLEXITY = 30


def layout(found: Clustering, most: int = MOST) -> tuple[Rows, npt.NDArray[np.float64]]:
    """Place up to `most` documents, evenly taken from all: their rows, and places of shape (rows, 2).

    t-SNE (van der Maaten & Hinton 2008), begun from the principal axes so that it is the same each time. What lies near
    is alike; distances between groups mean little.
    """
    from sklearn.decomposition import PCA
    from sklearn.manifold import TSNE
    from threadpoolctl import threadpool_limits

    every = found.voting_rows
    rows = np.sort(every[np.unique(np.linspace(0, len(every) - 1, min(most, len(every))).round().astype(int))])
    vectors = queries.unit(found.space.vectors[rows])
    vectors = from_middle(vectors, vectors.mean(axis=0))
    axes = min(_AXES, *vectors.shape)
    low = PCA(axes, random_state=0).fit_transform(vectors) if len(rows) > 2 else vectors
    if len(rows) < 12:  # too few for neighbourhoods
        flat = np.zeros((len(rows), 2))
        flat[:, : min(2, low.shape[1])] = low[:, :2]
        return rows, flat
    model = TSNE(2, perplexity=min(_PERPLEXITY, len(rows) / 4), init="pca" if axes > 1 else "random", random_state=0)
    # One thread: its threads wait for each other by spinning, and on a busy machine take thirty times as long.
    with threadpool_limits(1):
        places: npt.NDArray[np.float64] = model.fit_transform(low).astype(np.float64)
    return rows, places
