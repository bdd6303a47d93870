"""Known groups, held against groups that were found."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sklearn.metrics import adjusted_rand_score, normalized_mutual_info_score

from semspace.clusters.cluster import cluster
from semspace.clusters.clustering import Clustering
from semspace.errors import InputError
from semspace.evaluation.score import Score
from semspace.space import Space


@dataclass(frozen=True)
class Groups:
    """Normalised mutual information with the true groups; the adjusted Rand index is among the parts.

    Parameters
    ----------
    name : str
    labels : mapping of id to label
    """

    name: str
    labels: Mapping[str, str]

    def score(self, thing: Any) -> Score:
        """Judge a `Clustering` as it is, or a `Space` by clustering it into as many groups as there are labels."""
        if isinstance(thing, Space):
            known = len({self.labels[id] for id in thing.ids if id in self.labels})
            thing = cluster(thing, k=max(1, known), progress=False)
        if not isinstance(thing, Clustering):
            raise InputError(f"{self.name} judges a Clustering or a Space; got {type(thing).__name__}")
        pairs = [
            (self.labels[id], int(label))
            for id, label in zip(thing.space.ids, thing.labels, strict=True)
            if id in self.labels
        ]
        if not pairs:
            raise InputError(f"{self.name}: no id of the space has a label; check the ids")
        truth, found = zip(*pairs, strict=True)
        nmi, ari = normalized_mutual_info_score(truth, found), adjusted_rand_score(truth, found)
        parts = (("adjusted rand index", float(ari), len(pairs)),)
        return Score(self.name, "nmi", float(nmi), len(pairs), len(thing.labels), parts)
