"""What clusterings of one space have in common, computed once as long as the space lives: neighbours and words.

Trying other parameters on a space takes a fraction of the time so. Vectors and texts of a space never change.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from weakref import WeakKeyDictionary

from semspace.clusters.distinct_points import DistinctPoints
from semspace.clusters.document_terms import DocumentTerms, terms_of
from semspace.clusters.term_options import TermOptions
from semspace.space import Space
from semspace.types import Floats2d, Ints2d

# What takes more memory isn't kept: of vectors with 384 dimensions, neighbours have 16 % of the size.
_MAX_POINTS = 200_000
_MAX_TERMS = 10_000_000  # entries of the matrix of documents and terms, 8 to 12 bytes each


@dataclass(frozen=True)
class _Kept:
    """Of one space: the neighbours of its distinct points, and the terms of its texts by certain options."""

    neighbors: tuple[Ints2d, Floats2d] | None = None
    options: TermOptions | None = None
    terms: DocumentTerms | None = None


_KEPT: WeakKeyDictionary[Space, _Kept] = WeakKeyDictionary()


def with_kept_neighbors(space: Space, points: DistinctPoints) -> DistinctPoints:
    """Return the distinct points of a space with their neighbours, if they were kept."""
    known = _KEPT.get(space, _Kept()).neighbors
    return points if known is None or len(known[0]) != len(points) else replace(points, known_neighbors=known)


def keep_neighbors(space: Space, points: DistinctPoints) -> None:
    """Keep the neighbours of the distinct points of a space, if they were searched for."""
    if "neighbors" in vars(points) and len(points) <= _MAX_POINTS:
        for array in points.neighbors:
            array.setflags(write=False)
        _KEPT[space] = replace(_KEPT.get(space, _Kept()), neighbors=points.neighbors)


def kept_terms(space: Space, options: TermOptions) -> DocumentTerms | None:
    """Return the terms of a space's texts, or None where it has none; computed, or kept from before.

    Those that a vectorizer decides aren't kept, since it may have been changed.
    """
    kept = _KEPT.get(space, _Kept())
    if kept.terms is not None and kept.options == options:
        return kept.terms
    terms = terms_of(space.metadata, options)
    if terms is not None and options.vectorizer is None and terms.matrix.nnz <= _MAX_TERMS:
        _KEPT[space] = replace(_KEPT.get(space, _Kept()), options=options, terms=terms)
    return terms
