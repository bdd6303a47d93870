"""How a clustering was computed, as a paragraph to paste into a paper: every sentence is true of this one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from semspace.clusters.ward import FEW_POINTS
from semspace.report.methods import Methods, documents_sentence, software_sentence

if TYPE_CHECKING:
    from semspace.clusters.clustering import Clustering

_ALGORITHMS = {
    "leiden": "the Leiden algorithm [@traag2019] on the graph of each document's nearest neighbours",
    "kmeans": "spherical k-means [@dhillon2001]",
    "k-means": "spherical k-means [@dhillon2001]",  # its name in values saved by early versions
    "ward": "Ward's method [@ward1963]",
    "hdbscan": "HDBSCAN [@campello2013] on the principal axes of the documents",
}


def clustering_methods(clustering: Clustering) -> Methods:
    """Return how a clustering was computed; see `Clustering.methods`."""
    facts = clustering.provenance
    return Methods.of(
        [
            f"{len(clustering.space):,} documents were divided into {_groups(len(clustering))}.",
            documents_sentence([clustering.space.provenance], clustering.space.dim),
            algorithm_sentence(facts),
            _seeded(facts),
            _outliers(clustering),
            _stability(clustering),
            _changes(facts),
            _keywords(clustering),
            software_sentence(facts.get("versions"), facts.get("seed")),
        ]
    )


def algorithm_sentence(facts: Mapping[str, Any], called: str = "groups") -> str:
    """Return by which algorithm groups were found, and in which of the documents; `called` is what they are called."""
    algorithm = _ALGORITHMS.get(str(facts.get("made_by", "")))
    if algorithm is None:
        return ""
    clustered, distinct = facts.get("clustered"), facts.get("distinct")
    if facts.get("made_by") == "ward" and isinstance(clustered, int) and clustered >= FEW_POINTS:
        algorithm += " on the centres of small groups that k-means finds"
    sentence = f"{called.capitalize()} were found by {algorithm}."
    if isinstance(clustered, int) and isinstance(distinct, int) and clustered < distinct:
        sentence += (
            f" They were found in {clustered:,} of the {distinct:,} documents with different vectors; the others were "
            "assigned by the votes of their nearest neighbours among these."
        )
    return sentence


def _seeded(facts: Mapping[str, Any]) -> str:
    count = facts.get("seeded_topics")
    if not isinstance(count, int):
        return ""
    return f"Documents near the words of {count:,} given topic{'' if count == 1 else 's'} were drawn together first."


def _outliers(clustering: Clustering) -> str:
    count, facts = len(clustering.outliers), clustering.provenance
    if not count:
        return ""
    asked = facts.get("outliers")
    share = f", as {asked:.0%} of all were to be" if isinstance(asked, float) and asked else ""
    return f"{count:,} documents, the least similar to their neighbours, were left without a group{share}."


def _stability(clustering: Clustering) -> str:
    known = clustering.stability[~np.isnan(clustering.stability)]
    if not len(known):
        return ""
    return (
        "The stability of a group is its mean Jaccard overlap with the most similar group in ten clusterings of four "
        f"fifths of the documents [@hennig2007]; it is {known.min():.2f} to {known.max():.2f} here."
    )


def _changes(facts: Mapping[str, Any]) -> str:
    sentences = []
    if facts.get("updated_with"):
        sentences.append("Afterwards more documents were added, by the votes of their nearest neighbours.")
    if facts.get("edited"):
        sentences.append("The groups were edited by hand.")
    return " ".join(sentences)


def _keywords(clustering: Clustering) -> str:
    metadata = clustering.space.metadata
    if metadata is None or "text" not in metadata.columns or not any(clustering.keywords):
        return ""
    return (
        "Keywords of a group are the terms that a larger share of its documents contain than of all documents, by "
        "their contribution to the Kullback-Leibler divergence."
    )


def _groups(count: int) -> str:
    return f"{count:,} group{'' if count == 1 else 's'}"
