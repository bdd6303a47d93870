"""The search that hnswlib makes in its graphs, compiled: distances of float32, deleted points walked through.

As `searchKnn` and `searchBaseLayerST` of hnswlib 0.8: greedy down the upper layers, then a beam of `ef` points on the
lowest one. Points that aren't allowed are walked through, and take up no room in the beam. Sums are added up in another
order than hnswlib's, so points whose distances are equal but for rounding may be met in another order.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from semspace.index.beam_search import insert_key
from semspace.index.search_kernel import COSINE, EUCLIDEAN, score
from semspace.kernels.compiling import compiled
from semspace.types import Bytes1d, Floats1d, Floats2d, Int32s1d, Int32s2d, Ints1d, Ints2d


@compiled
def apart(vectors: Floats2d, sizes: Floats1d, row: int, query: Floats1d, metric: int) -> Any:
    """Return how far a vector is from a query: the squared distance, or the negative inner product.

    For the cosine the product is that with the vector of length 1, as which hnswlib stores it.
    """
    total = np.float32(0)
    if metric == EUCLIDEAN:
        for i in range(len(query)):
            difference = vectors[row, i] - query[i]
            total += difference * difference
        return total
    for i in range(len(query)):
        total += vectors[row, i] * query[i]
    return -total / sizes[row] if metric == COSINE else -total


@compiled
def key_of(number: Floats1d, bits: Int32s1d, distance: np.float32, node: int) -> Any:
    """Return an integer that orders by distance, then by node; `bits` are those of `number`."""
    number[0] = distance
    high = bits[0]
    if high < 0:  # a negative number: the greater its size, the smaller it is
        high ^= 0x7FFFFFFF
    return (np.int64(high) << 32) | np.int64(node)


@compiled
def push(heap: Ints1d, size: int, key: int) -> None:
    """Add a key to a heap of `size` keys, of which the smallest is the first."""
    at = size
    while at > 0 and heap[(at - 1) >> 1] > key:
        heap[at] = heap[(at - 1) >> 1]
        at = (at - 1) >> 1
    heap[at] = key


@compiled
def pop(heap: Ints1d, size: int) -> Any:
    """Remove the smallest of `size` keys from a heap, and return it."""
    smallest, last = heap[0], heap[size - 1]
    left, at = size - 1, 0
    while 2 * at + 1 < left:
        child = 2 * at + 1
        if child + 1 < left and heap[child + 1] < heap[child]:
            child += 1
        if heap[child] >= last:
            break
        heap[at] = heap[child]
        at = child
    heap[at] = last
    return smallest


@compiled
def descend_greedily(
    entry: int, links: Int32s2d, levels: Bytes1d, first_upper: Ints1d, vectors: Floats2d, sizes: Floats1d, query:
    Floats1d, metric: int,
) -> Any:  # fmt: skip
    """Descend the upper layers, on each to a node that none of its links leads nearer from."""
    node = np.int64(entry)
    best = apart(vectors, sizes, node, query, metric)
    for level in range(np.int64(levels[entry]), 0, -1):
        moved = True
        while moved:
            moved = False
            row = first_upper[node] + level - 1
            for j in range(links.shape[1]):
                other = np.int64(links[row, j])
                if other < 0 or other >= len(levels) or levels[other] < level:
                    break
                distance = apart(vectors, sizes, other, query, metric)
                if distance < best:
                    best, node, moved = distance, other, True
    return node


@compiled
def walk(
    start: int, ef: int, links: Int32s2d, vectors: Floats2d, sizes: Floats1d, query: Floats1d, metric: int, allowed:
    Any, pool: Ints1d, seen: Ints1d, number: Floats1d, bits: Int32s1d,
) -> int:  # fmt: skip
    """Fill the pool with the `ef` allowed nodes of the lowest layer nearest to a query; return how many they are."""
    count = len(links)
    waiting = np.empty(4 * ef + 256, np.int64)
    key = key_of(number, bits, apart(vectors, sizes, start, query, metric), start)
    seen[start >> 6] |= np.int64(1) << (start & 63)
    waiting[0], ahead, size = key, 1, 0
    if allowed is None or allowed[start] != 0:
        pool[0], size = key, 1
    while ahead > 0:
        key = pop(waiting, ahead)
        ahead -= 1
        # Where all are allowed the beam holds all that wait, so that it needn't be full for the end.
        if size > 0 and key > pool[size - 1] and (size == ef or allowed is None):
            break
        node = key & 0x7FFFFFFF
        for j in range(links.shape[1]):
            other = np.int64(links[node, j])
            if other < 0 or other >= count:
                break
            bit = np.int64(1) << (other & 63)
            if seen[other >> 6] & bit != 0:
                continue
            seen[other >> 6] |= bit
            key = key_of(number, bits, apart(vectors, sizes, other, query, metric), other)
            if size < ef or key < pool[size - 1]:
                if ahead == len(waiting):
                    larger = np.empty(2 * ahead, np.int64)
                    larger[:ahead] = waiting
                    waiting = larger
                push(waiting, ahead, key)
                ahead += 1
                if allowed is None or allowed[other] != 0:
                    insert_key(pool, size, ef, key)
                    size = min(size + 1, ef)
    return size


@compiled
def walk_graph(
    first: int, last: int, queries: Floats2d, k: int, ef: int, entry: int, links: Int32s2d, upper: Int32s2d, levels:
    Bytes1d, first_upper: Ints1d, vectors: Floats2d, sizes: Floats1d, allowed: Any, metric: int, found: Ints2d, scores:
    Floats2d, pool: Ints1d, seen: Ints1d,
) -> None:  # fmt: skip
    """Search the graph for queries `first` to `last`, and fill in the rows found, nearest first, and their scores."""
    number = np.empty(1, np.float32)
    bits = number.view(np.int32)
    for i in range(first, last):
        query = queries[i]
        length = np.float32(0)
        for j in range(len(query)):
            length += query[j] * query[j]
        length = np.sqrt(length)
        start = descend_greedily(entry, upper, levels, first_upper, vectors, sizes, query, metric)
        size = walk(start, ef, links, vectors, sizes, query, metric, allowed, pool, seen, number, bits)
        seen[:] = 0
        for at in range(min(size, k)):
            row = pool[at] & 0x7FFFFFFF
            found[i, at] = row
            scores[i, at] = score(vectors, row, query, metric, length * sizes[row])
