"""Search in two steps: candidates by a small form of the vectors, and their order by the full vectors."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from semspace import checks, queries
from semspace.checks import Names
from semspace.errors import InputError
from semspace.neighbors import Neighbors
from semspace.queries import Query, as_list, title_of
from semspace.similarity.locating import directions, locate
from semspace.similarity.searching import as_neighbors
from semspace.space import Space
from semspace.space_arguments import check_same_encoder, need_space
from semspace.types import Floats1d, Floats2d, Ints1d

Found = list[tuple[Ints1d, Floats1d]]  # for each query rows and scores, the highest first


def search_with_rescoring(
    small: Space, full: Space, queries: Sequence[Query], k: int = 10, *, oversampling: int = 10
) -> list[Neighbors]:
    """Find the `k` points nearest to each query by cosine, among candidates from a small space.

    The candidates, ``k * oversampling`` for each query, are ordered by the full vectors. Only the small space must be
    in memory; of the full one, opened by `semspace.load` and so mapped from its file, the vectors of the candidates are
    read.

    Parameters
    ----------
    small : Space
        From `Space.quantize`, or from ``model.encode(full)`` of a latent model, or both.
    full : Space
        The same points in the same order, with float32 vectors.
    queries : sequence of queries
        Ids, texts for the encoder of `full`, or vectors of its width.
    k : int
        Number of neighbours; a smaller space has fewer.
    oversampling : int
        How many times `k` candidates are taken; with 1 the full vectors only give the order and the scores.

    Returns
    -------
    list of Neighbors
        One for each query, without the query itself; scores are cosines of the full vectors.

    Raises
    ------
    InputError
        If the spaces have other points, or vectors of `full` can't be made into those of `small`.

    Examples
    --------
    >>> import semspace as ss
    >>> space = ss.Space.from_vectors(["cat", "dog", "car"], [[1, 1], [1, 0.8], [-1, 1]])
    >>> small = space.quantize("binary")
    >>> ss.latent.search_with_rescoring(small, space, ["cat"], k=1)[0].ids
    ('dog',)
    """
    checks.whole("k", k)
    checks.whole("oversampling", oversampling)
    asked = as_list("queries", queries)
    for space in (small, full):
        need_space("search_with_rescoring", space)
    if not np.array_equal(small.ids, full.ids):
        raise InputError("small must have the points of full, in the same order; make it from full")
    if not asked:
        return []
    located = locate(full, asked)
    vectors = directions([one.vector for one in located], asked)
    skip = [one.rows for one in located]
    near = candidates(small, _in_small(small, full, vectors), k * oversampling, skip)
    found = rescored(full, vectors, near, k)
    return [as_neighbors(full, title_of(q), *one, "cosine") for q, one in zip(asked, found, strict=True)]


def candidates(small: Space, vectors: Floats2d, k: int, skip: Sequence[Sequence[int]] | None = None) -> Found:
    """Return the `k` rows of a space nearest to each vector of its width."""
    return queries.nearest(small.vectors, small.norms, vectors, k, names=small.ids, skip=skip)


def rescored(full: Space, vectors: Floats2d, found: Found, k: int) -> Found:
    """Return of each query's rows the `k` with the highest cosines of the full vectors."""
    results = []
    for vector, (rows, _) in zip(vectors, found, strict=True):
        order = np.sort(rows)  # of a mapped file, neighbouring pages are read together
        scores = full.vectors[order] @ vector / full.norms[order] / np.float32(np.linalg.norm(vector))
        names: Names = full.ids[order]
        best = queries.best_rows(scores, k, names)
        results.append((order[best], scores[best]))
    return results


def _in_small(small: Space, full: Space, vectors: Floats2d) -> Floats2d:
    """Return vectors of the full space as vectors of the small one."""
    model: Any = getattr(small.encoder, "model", None)
    if model is not None and model.width == full.dim:
        model._check_encoder(full)
        return model.encode(vectors)  # type: ignore[no-any-return]
    if small.dim != full.dim:
        raise InputError(
            f"small has {small.dim} dimensions and full has {full.dim}, and small has no model that makes one of the "
            f"other; make it by model.encode(full) or full.quantize"
        )
    check_same_encoder("small", small, full)
    check_same_encoder("small", small, full)
    return vectors
