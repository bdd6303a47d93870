"""Which points belong together, and what to call each group. Knows nothing of how a page is written."""

from semspace.clusters.cluster import cluster
from semspace.clusters.clustering import Clustering

__all__ = ["Clustering", "cluster"]
