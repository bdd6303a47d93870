"""Document clustering: groups of points, their keywords and names, and how stable they are."""

from semspace.clusters.assigned import Assignment
from semspace.clusters.cluster import cluster
from semspace.clusters.clustering import Clustering

__all__ = ["Assignment", "Clustering", "cluster"]
