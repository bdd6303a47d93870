"""Exact optimal transport of small problems, and the bounds that make most of them unnecessary, compiled.

Masses are whole numbers, so nothing is lost by rounding: a text of L words and one of M words have L * M parts to
move, M for each word of the first and L for each word of the second.
"""

import numpy as np

from semspace.kernels.compiling import compiled, compiled_strictly
from semspace.types import Doubles1d, Doubles2d, Floats1d, Floats2d, Ints1d, Ints2d


@compiled
def euclidean(a: Floats2d, b: Floats2d) -> Doubles2d:
    """Return the Euclidean distances of the rows of `a` to those of `b`, float64 of shape (n, m)."""
    distances = np.empty((len(a), len(b)), np.float64)
    for i in range(len(a)):
        for j in range(len(b)):
            total = np.float32(0)
            for d in range(a.shape[1]):
                difference = a[i, d] - b[j, d]
                total += difference * difference
            distances[i, j] = np.sqrt(total)
    return distances


@compiled_strictly
def least_cost(supply: Ints1d, demand: Ints1d, costs: Doubles2d, flow: Ints2d) -> float:
    """Write the flow of least cost from sources to sinks into `flow`, shape (n, m), and return its cost.

    By successive shortest ways with potentials (Dijkstra's search in the graph of what can still be moved, Ahuja,
    Magnanti & Orlin 1993, section 9.7). The sums of supply and demand must be equal, and `flow` all zeros.
    """
    n, m = costs.shape
    left, need = supply.copy(), demand.copy()
    source_potential, sink_potential = np.zeros(n), np.empty(m)
    for j in range(m):
        sink_potential[j] = costs[:, j].min()
    to_sink, to_source = np.empty(m), np.empty(n)
    source_before, sink_before = np.empty(m, np.int64), np.empty(n, np.int64)
    for first in range(n):
        while left[first] > 0:
            end, length = _shortest_way(
                first, need, costs, flow, source_potential, sink_potential, to_sink, to_source, source_before,
                sink_before,
            )  # fmt: skip
            for i in range(n):
                if to_source[i] < length:
                    source_potential[i] += length - to_source[i]
            for j in range(m):
                if to_sink[j] < length:
                    sink_potential[j] -= length - to_sink[j]
            _move(first, end, left, need, flow, source_before, sink_before)
    cost = 0.0
    for i in range(n):
        for j in range(m):
            if flow[i, j]:
                cost += flow[i, j] * costs[i, j]
    return cost


@compiled_strictly
def _shortest_way(
    first: int, need: Ints1d, costs: Doubles2d, flow: Ints2d, source_potential: Doubles1d, sink_potential: Doubles1d,
    to_sink: Doubles1d, to_source: Doubles1d, source_before: Ints1d, sink_before: Ints1d,
) -> tuple[int, float]:  # fmt: skip
    """Find the nearest sink that still needs something, and write the distances of what lies nearer, and the way."""
    n, m = costs.shape
    done = np.zeros(m, np.bool_)
    to_source[:] = np.inf
    to_source[first] = 0.0
    for j in range(m):
        to_sink[j] = max(costs[first, j] - source_potential[first] - sink_potential[j], 0.0)
        source_before[j] = first
    while True:
        end, length = -1, np.inf
        for j in range(m):
            if not done[j] and to_sink[j] < length:
                end, length = j, to_sink[j]
        if need[end] > 0:
            return end, length
        done[end] = True
        for i in range(n):
            if flow[i, end] > 0 and to_source[i] == np.inf:
                to_source[i] = length
                sink_before[i] = end
                for j in range(m):
                    way = length + max(costs[i, j] - source_potential[i] - sink_potential[j], 0.0)
                    if not done[j] and way < to_sink[j]:
                        to_sink[j] = way
                        source_before[j] = i


@compiled_strictly
def _move(
    first: int, end: int, left: Ints1d, need: Ints1d, flow: Ints2d, source_before: Ints1d, sink_before: Ints1d
) -> None:
    """Move as much as can be along the way from source `first` to sink `end`."""
    amount = min(left[first], need[end])
    sink = end
    while source_before[sink] != first:
        source = source_before[sink]
        sink = sink_before[source]
        amount = min(amount, flow[source, sink])
    sink = end
    while True:
        source = source_before[sink]
        flow[source, sink] += amount
        if source == first:
            break
        sink = sink_before[source]
        flow[source, sink] -= amount
    left[first] -= amount
    need[end] -= amount


@compiled_strictly
def add_bounds(
    distances: Floats2d, nearest: Floats1d, query_counts: Ints1d, starts: Ints1d, words: Ints1d, counts: Ints1d,
    first: int, last: int, to_query: Doubles1d, to_texts: Doubles1d,
) -> None:  # fmt: skip
    """Add to two lower bounds of the cost of the texts from `first` to `last`: each word goes to its nearest one.

    Of a query of L words and a text of M words, ``to_query`` is M times the mean distance of a word of the text to the
    nearest word of the query, ``to_texts`` is L times the mean distance the other way round (Kusner et al. 2015,
    section 4). `distances` are those of the words of the texts to some words of the query, shape (words, some);
    `nearest` those to the nearest of all words of the query.
    """
    some = distances.shape[1]
    smallest = np.empty(some, np.float32)
    for text in range(first, last):
        smallest[:] = np.inf
        total = 0.0
        for at in range(starts[text], starts[text + 1]):
            row = words[at]
            total += counts[at] * nearest[row]
            for i in range(some):
                smallest[i] = min(smallest[i], distances[row, i])
        to_query[text] = total
        for i in range(some):
            to_texts[text] += query_counts[i] * smallest[i]


@compiled_strictly
def word_movers(
    a: Floats2d, a_rows: Ints1d, a_counts: Ints1d, b: Floats2d, b_rows: Ints1d, b_counts: Ints1d
) -> float:  # fmt: skip
    """Return the exact distance of two texts of known words; `a_rows` and `b_rows` are equal where a word is the same.

    What both have in common stays where it is, which is optimal since distances are a metric.
    """
    length_a, length_b = a_counts.sum(), b_counts.sum()
    supply, demand = a_counts * length_b, b_counts * length_a
    i, j = 0, 0
    while i < len(a_rows) and j < len(b_rows):
        if a_rows[i] == b_rows[j]:
            both = min(supply[i], demand[j])
            supply[i] -= both
            demand[j] -= both
        if a_rows[i] <= b_rows[j]:
            i += 1
        else:
            j += 1
    from_a, to_b = np.flatnonzero(supply), np.flatnonzero(demand)
    if len(from_a) == 0:
        return 0.0
    costs = euclidean(a[from_a], b[to_b])
    flow = np.zeros(costs.shape, np.int64)
    distance: float = least_cost(supply[from_a], demand[to_b], costs, flow) / (length_a * length_b)
    return distance


@compiled_strictly
def solve_nearest(
    order: Ints1d, bounds: Doubles1d, k: int, query: Floats2d, query_rows: Ints1d, query_counts: Ints1d,
    points: Floats2d, used: Ints1d, starts: Ints1d, words: Ints1d, counts: Ints1d, exact: Doubles1d,
) -> int:  # fmt: skip
    """Write exact distances into `exact` until no further text can be among the k nearest; return how many.

    `order` lists texts by increasing bound. Texts as far as the k-th are solved, too.
    """
    best = np.full(k, np.inf)
    for done in range(len(order)):
        text = order[done]
        if bounds[text] > best[k - 1]:
            return done
        inside = slice(starts[text], starts[text + 1])
        rows = words[inside]
        distance = word_movers(query, query_rows, query_counts, points[rows], used[rows], counts[inside])
        exact[text] = distance
        if distance < best[k - 1]:
            place = k - 1
            while place > 0 and best[place - 1] > distance:
                best[place] = best[place - 1]
                place -= 1
            best[place] = distance
    return len(order)
