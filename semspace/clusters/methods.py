"""The ways to group points, by name."""

from __future__ import annotations

import inspect

from semspace.clusters.grouping import Method
from semspace.clusters.hdbscan import hdbscan
from semspace.clusters.kmeans import kmeans
from semspace.clusters.leiden import leiden
from semspace.clusters.ward import ward_tree

METHODS: dict[str, Method] = {"leiden": leiden, "kmeans": kmeans, "ward": ward_tree, "hdbscan": hdbscan}


def settings_of(method: str) -> list[str]:
    """Name the settings that a method has of its own."""
    parameters = inspect.signature(METHODS[method]).parameters.values()
    return [p.name for p in parameters if p.kind is p.KEYWORD_ONLY]
