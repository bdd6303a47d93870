"""How two corpora differ, how sure we are, and what drives it."""

from semspace.comparison.apart.distances import Distance
from semspace.comparison.compare import compare
from semspace.comparison.comparison import Comparison

__all__ = ["Comparison", "Distance", "compare"]
