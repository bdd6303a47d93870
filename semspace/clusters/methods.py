"""The clustering methods by name."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any

from semspace.clusters.grouping import Method
from semspace.clusters.hdbscan import hdbscan
from semspace.clusters.kmeans import kmeans
from semspace.clusters.leiden import leiden
from semspace.clusters.ward import ward_tree

METHODS: dict[str, Method] = {"leiden": leiden, "kmeans": kmeans, "ward": ward_tree, "hdbscan": hdbscan}

_DESCRIPTIONS = {
    "leiden": "Leiden (Traag et al. 2019) on the graph of each document's nearest neighbours",
    "kmeans": "spherical k-means",
    "k-means": "spherical k-means",  # its name in values saved by early versions
    "ward": "Ward's method over small groups",
    "hdbscan": "HDBSCAN (Campello et al. 2013) on the principal axes",
}


def options_of(method: str) -> list[str]:
    """Return the names of the options that a method takes."""
    parameters = inspect.signature(METHODS[method]).parameters.values()
    return [parameter.name for parameter in parameters if parameter.kind is parameter.KEYWORD_ONLY]


def method_description(provenance: Mapping[str, Any]) -> str:
    """Return in words how the groups of a clustering with this provenance were found."""
    method = str(provenance.get("made_by", ""))
    return _DESCRIPTIONS.get(method, method or "hand")
