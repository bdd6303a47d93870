"""`cluster`: from a space, and the texts behind it, to named groups."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import polars as pl

from semspace import checks, queries
from semspace.clusters import kmeans
from semspace.clusters.clustering import Clustering
from semspace.clusters.names import distinct_names, keywords
from semspace.clusters.stability import stability
from semspace.errors import InputError
from semspace.space import Space
from semspace.text.corpus import Corpus

_ROUNDS = 10


def cluster(
    space: Space, corpus: Corpus | None = None, *, k: int | None = None, seed: int = 0, progress: bool = True
) -> Clustering:
    """Find groups of points that mean something alike, and name them.

    Spherical k-means over the points in order of their ids, so the answer doesn't depend on the order in
    which they came.

    Parameters
    ----------
    space : Space
    corpus : Corpus, optional
        The texts behind the points, with the same ids; groups are named by their words. Without it the column
        ``text`` of the space's metadata serves (`Encoder.embed` puts it there); where there is none, as in a
        space of words, groups are named by the ids nearest to their centres.
    k : int, optional
        How many groups; by default the number whose silhouette is highest.
    seed : int
        The same seed gives the same groups.

    Raises
    ------
    InputError
        If `k` exceeds the number of different points, or the corpus has other ids than the space.

    Examples
    --------
    >>> import semspace as ss
    >>> space = ss.Space.from_vectors(
    ...     ["cat", "dog", "bus", "car"], [[1, 0.1], [1, 0], [0.1, 1], [0, 1]])
    >>> ss.cluster(space, k=2).labels.tolist()
    [1, 1, 0, 0]
    """
    if not isinstance(space, Space):
        raise InputError(f"cluster takes a Space; got {type(space).__name__}: see Encoder.embed, Space.from_vectors")
    if corpus is not None and not isinstance(corpus, Corpus):
        raise InputError(f"corpus must be a Corpus; got {type(corpus).__name__}: the number of groups is k=")
    checks.seed(seed)
    texts = _texts_of(space, corpus)
    by_id = np.argsort(space.ids.astype(str), kind="stable")
    points = queries.unit(space.vectors[by_id])
    distinct = kmeans.count_distinct(points)
    if k is None:
        k = kmeans.choose_k(points, seed=seed, progress=progress)
    elif checks.whole("k", k) > distinct:
        raise InputError(f"k must be at most the {distinct} different points of this space; got {k}")
    found = kmeans.group(points, k, seed=seed)
    held = stability(points, found, rounds=_ROUNDS, seed=seed, progress=progress)
    labels = np.empty(len(space), np.int32)
    labels[by_id] = found.labels
    facts = {"made_by": "k-means", "k": len(found.centers), "seed": seed, "space": space.fingerprint}
    bare = Clustering(space, labels, found.centers, (), (), held, facts)
    words = [bare.members(g)[:8] for g in range(len(bare))] if texts is None else keywords(texts, labels, len(bare))
    return replace(bare, names=distinct_names(words), keywords=tuple(words))


def _texts_of(space: Space, corpus: Corpus | None) -> pl.Series | None:
    if corpus is None:
        own = space.metadata is not None and space.metadata.schema.get("text") == pl.String
        return space.metadata["text"] if own and space.metadata is not None else None
    ids = space.ids.tolist()
    missing = next((id for id in ids if id not in corpus), None)
    if missing is not None:
        raise InputError(f"the corpus has no text for point {missing!r}; give the corpus the space was made from")
    return corpus.select(ids).texts
