"""One change in an array, a table or a number of a saved value is refused by one sentence, or read.

A sample of what `python -m fuzz.each_place` tries: one in forty of some kinds of values.
"""

import pytest

from fuzz.each_place import try_value

KINDS = (
    "space", "space-product", "index-exact", "index-hnsw", "clustering", "comparison", "corpus", "calibration",
    "outliers", "projection", "bridge", "sparse-index", "factor-analysis",
)  # fmt: skip


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("kind", KINDS)
def test_a_changed_value_is_refused_or_read(kind, tmp_path):
    tried, found = try_value(kind, tmp_path, every=40)
    assert tried > 3
    assert found == {}
