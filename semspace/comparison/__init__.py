"""How two corpora differ, how sure we are, and what drives it."""

from semspace.comparison.compare import compare
from semspace.comparison.comparison import Comparison
from semspace.comparison.distances.estimate import Distance

__all__ = ["Comparison", "Distance", "compare"]
