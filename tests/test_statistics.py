"""Intervals and false discovery rates: against scipy, and against published examples."""

import numpy as np
import pytest
from scipy import stats

from semspace.statistics import newcombe, q_values, wilson


def test_wilson_is_scipys():
    counts, totals = np.array([0, 1, 5, 50, 999, 1000]), np.array([1, 3, 10, 50, 1000, 1000])
    low, high = wilson(counts, totals)
    for place, (count, total) in enumerate(zip(counts.tolist(), totals.tolist(), strict=True)):
        expected = stats.binomtest(count, total).proportion_ci(method="wilson")
        assert (low[place], high[place]) == pytest.approx((expected.low, expected.high), abs=1e-12)


def test_newcombe_gives_the_published_examples():
    """Newcombe (1998), table II, method 10: 56/70 - 48/80, 9/10 - 3/10, 5/56 - 0/29 and 0/10 - 0/20."""
    low, high = newcombe([56, 9, 5, 0], [70, 10, 56, 10], [48, 3, 0, 0], [80, 10, 29, 20])
    np.testing.assert_allclose(low, [0.0524, 0.1705, -0.0381, -0.1611], atol=5e-5)
    np.testing.assert_allclose(high, [0.3339, 0.8090, 0.1926, 0.2775], atol=5e-5)


def test_q_values_count_what_was_tested():
    p = [0.01, 0.5, 0.02, 0.001]
    np.testing.assert_allclose(q_values(p), stats.false_discovery_control(p))
    tested = np.array([True, False, True, False])
    np.testing.assert_allclose(q_values(p, tested), [0.02, 1, 0.02, 1])
    assert q_values([]).tolist() == []
    assert q_values([0.1], np.zeros(1, bool)).tolist() == [1.0]
