"""Why a point counts as an outlier, in words: what it is unlike, by how much, and which words set it apart."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from semspace import queries
from semspace.anomalies.reference import ReferencePoints
from semspace.clusters.document_terms import DocumentTerms, terms_of
from semspace.clusters.keywords import spelling_similarity
from semspace.display import clip, quoted
from semspace.types import Doubles1d, Floats2d, Ints1d

if TYPE_CHECKING:
    from semspace.clusters.clustering import Clustering
    from semspace.space import Space

_NEAREST = 10  # points near to one, at most a fifth of all
_FURTHER = 0.1  # share of all points that are its further surroundings
_SAMPLE = 1_000  # points that say what is usual
_ALONE = 0.25  # a point is alone if it is less similar to its nearest than so large a share of the points are to theirs
_NAMED, _WORDS = 2, 5  # nearest points and words that a reason names
_ALIKE = 0.4  # similarity in spelling from which on a word isn't named beside another
_NAME_WIDTH = 40


@dataclass(frozen=True)
class _Surroundings:
    """How similar points are to their nearest and to their further surroundings, as mean cosines, shape (n,) each."""

    near: Doubles1d
    far: Doubles1d


def reasons(space: Space, rows: Ints1d, reference: ReferencePoints, clustering: Clustering | None) -> tuple[str, ...]:
    """Return the reason, in one or two sentences, why each of some rows of a space is an outlier.

    Parameters
    ----------
    space : Space
    rows : ndarray of int64
    reference : ReferencePoints
        What the rows were compared with.
    clustering : Clustering, optional
        Names the group that each is nearest to.
    """
    if not len(rows):
        return ()
    units = queries.unit(space.vectors[rows])
    usual, own = _surroundings(reference, reference.units[:_SAMPLE]), _surroundings(reference, units)
    nearest = space.most_similar_batch([*units], _NAMED + 1)
    words = _words(space, rows)
    groups = _groups(clustering, space.vectors[rows])
    what = "documents" if words is not None else "points"
    parts = []
    for at, row in enumerate(rows.tolist()):
        found = [pair for pair in nearest[at] if pair[0] != space.ids[row]][:_NAMED]
        sentences = [_distance(at, own, usual, found, what), groups[at] if groups else ""]
        if words is not None and words[at]:
            sentences.append(f"Words that it uses and few others do: {', '.join(words[at])}.")
        parts.append(" ".join(sentence for sentence in sentences if sentence))
    return tuple(parts)


def _surroundings(reference: ReferencePoints, units: Floats2d) -> _Surroundings:
    """Return the mean cosines of unit vectors to the nearest references, other than themselves."""
    m = len(reference)
    near, far = max(1, min(_NEAREST, m // 5)), max(1, min(round(_FURTHER * m), m - 1))
    means = _Surroundings(np.empty(len(units)), np.empty(len(units)))
    for row, point in enumerate(units):
        cosines = 1 - reference.nearest(point, far if far > near else near)[1] ** 2 / 2
        means.near[row], means.far[row] = cosines[:near].mean(), cosines.mean()
    return means


def _distance(
    at: int, own: _Surroundings, usual: _Surroundings, nearest: Sequence[tuple[str, float]], what: str
) -> str:
    """Return how far a point is from others, and from which."""
    names = " and ".join(f"{quoted(id, _NAME_WIDTH)} ({cosine:.2f})" for id, cosine in nearest)
    near, far = own.near[at], own.far[at]
    if near > np.quantile(usual.near, _ALONE):
        return (
            f"Like a few {what}, the nearest of which {_are(nearest)} {names}, and with them apart from the rest: its "
            f"mean cosine to the nearest tenth of all is {far:.2f}; of half of all {what} it is "
            f"{np.median(usual.far):.2f} or more."
        )
    return (
        f"Unlike even the nearest {what}, {names}: its mean cosine to the nearest ones is {near:.2f}; of half of all "
        f"{what} it is {np.median(usual.near):.2f} or more."
    )


def _are(nearest: Sequence[object]) -> str:
    return "is" if len(nearest) == 1 else "are"


def _words(space: Space, rows: Ints1d) -> list[list[str]] | None:
    """Return up to five words of each row that set it apart, or None where there are no texts.

    They have the highest TF-IDF: those that a text uses often, and few others use.
    """
    terms = terms_of(space.metadata)
    if terms is None or space.metadata is None:
        return None
    rarity = np.log(len(space) / np.maximum(terms.document_counts, 1))
    texts = space.metadata["text"].gather(rows).str.to_lowercase().to_list()
    return [_heaviest(terms, row, text or "", rarity) for row, text in zip(rows.tolist(), texts, strict=True)]


def _heaviest(terms: DocumentTerms, row: int, text: str, rarity: Doubles1d) -> list[str]:
    """Return the terms of a text with the highest weights, none spelled much like another."""
    columns = terms.matrix.indices[terms.matrix.indptr[row] : terms.matrix.indptr[row + 1]]
    weights = {
        terms.terms[column]: (1 + np.log(max(1, text.count(terms.terms[column])))) * rarity[column]
        for column in columns
    }
    chosen: list[str] = []
    for term in sorted(weights, key=lambda term: (-weights[term], term)):
        if len(chosen) < _WORDS and all(spelling_similarity(term, other) < _ALIKE for other in chosen):
            chosen.append(term)
    return chosen


def _groups(clustering: Clustering | None, vectors: Floats2d) -> list[str]:
    """Return a sentence on the nearest group of each vector; none without a clustering."""
    if clustering is None:
        return []
    assigned = clustering.assign(vectors, min_typicality=0)
    return [
        f"Its nearest group is {quoted(clip(clustering.names[group], 60))}, of whose documents {share:.0%} are as far "
        f"from their neighbours."
        if group >= 0
        else ""
        for group, share in zip(assigned.nearest.tolist(), assigned.typicality.tolist(), strict=True)
    ]
