"""Centres, keywords and names for groups of which only the labels are known."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

import polars as pl

from semspace.clusters import keywords
from semspace.clusters.hierarchy import group_centers
from semspace.clusters.names import Namer, ask_namer, distinct_names
from semspace.errors import InputError
from semspace.space import Space
from semspace.text.corpus import Corpus

if TYPE_CHECKING:
    from semspace.clusters.clustering import Clustering
    from semspace.clusters.document_terms import DocumentTerms

_EXAMPLES = 3  # texts of a group that a namer gets
_TITLE_IDS = 3  # ids in the title of a group without texts


def describe(
    clustering: Clustering,
    terms: DocumentTerms | None,
    *,
    namer: Namer | None = None,
    fixed_names: Mapping[int, str] | None = None,
) -> Clustering:
    """Return a clustering with centres, keywords and names that fit its labels.

    Parameters
    ----------
    clustering : Clustering
        Its centres, keywords and names are replaced.
    terms : DocumentTerms, optional
        The words of its texts. Without them, the ids nearest to the centres describe a group.
    namer : callable, optional
        See `semspace.cluster`.
    fixed_names : mapping of int to str, optional
        Names of some groups that stay as they are.
    """
    n_clusters, labels = len(clustering), clustering.labels
    centers = group_centers(clustering.space.vectors, labels, n_clusters)
    clustering = replace(clustering, centers=centers, _terms=terms)
    if terms is None:
        words = [clustering.members(group)[: keywords.N_KEYWORDS] for group in range(n_clusters)]
        titles = [", ".join(ids[:_TITLE_IDS]) for ids in words]
    else:
        words = keywords.keywords(terms, labels, n_clusters)
        titles = keywords.titles(terms, labels, words)
    if namer is not None:
        for group in range(n_clusters):
            titles[group] = ask_namer(namer, words[group], _examples(clustering, group), titles[group])
    return replace(clustering, names=distinct_names(titles, words, fixed_names), keywords=tuple(words))


def _examples(clustering: Clustering, group: int) -> list[str]:
    """Return the most representative texts of a group, or their ids where there are no texts."""
    rows, table = clustering._representative_rows(group, _EXAMPLES), clustering.space.metadata
    if table is None or table.schema.get("text") != pl.String:
        return clustering.space.ids[rows].tolist()  # type: ignore[no-any-return]
    return table["text"].gather(rows).to_list()


def with_texts(space: Space, corpus: Corpus | None) -> Space:
    """Return a space with the texts and the other columns of a corpus in its metadata."""
    if corpus is None:
        return space
    if not isinstance(corpus, Corpus):
        raise InputError(
            f"corpus must be a Corpus; got {type(corpus).__name__}: use ss.Corpus.from_texts(texts, ids=ids)"
        )
    ids = space.ids.tolist()
    missing = next((id for id in ids if id not in corpus), None)
    if missing is not None:
        raise InputError(f"the corpus has no text for point {missing!r}; give the corpus the space was made from")
    selected = corpus.select(ids)
    texts = selected.texts.alias("text")
    table = texts.to_frame() if space.metadata is None else space.metadata.with_columns(texts)
    added = [name for name in selected.metadata.columns if name != "id" and name not in table.columns]
    return replace(space, metadata=table.with_columns(selected.metadata.select(added)) if added else table)
