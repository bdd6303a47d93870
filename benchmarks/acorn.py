"""A search among some points of a graph by two hops, as ACORN-1 makes it (Patel et al. 2024, arXiv 2403.04871).

Only points that are picked are compared with the query. Where a neighbour isn't picked, its own neighbours are looked
at in its place. The graph is the lowest layer of faiss' HNSW; the walk is compiled, so that it competes with libraries.
"""

from typing import Any

import numpy as np
from numba import njit


def lowest_layer(index: Any) -> np.ndarray:
    """Return the neighbours of each point in the lowest layer of a graph of faiss, (n, links); -1 for none."""
    import faiss

    links = index.hnsw.nb_neighbors(0)
    starts = faiss.vector_to_array(index.hnsw.offsets).astype(np.int64)[:-1]
    every = faiss.vector_to_array(index.hnsw.neighbors)
    return np.ascontiguousarray(every[starts[:, None] + np.arange(links)])


@njit(fastmath=True)
def _dot(a: np.ndarray, b: np.ndarray) -> float:
    total = np.float32(0)
    for i in range(len(a)):
        total += a[i] * b[i]
    return total


@njit
def _pushed(heap: np.ndarray, rows: np.ndarray, size: int, value: float, row: int) -> int:
    """Add to a heap whose least value is first; return its new size."""
    at = size
    while at > 0 and heap[(at - 1) // 2] > value:
        heap[at], rows[at] = heap[(at - 1) // 2], rows[(at - 1) // 2]
        at = (at - 1) // 2
    heap[at], rows[at] = value, row
    return size + 1


@njit
def _popped(heap: np.ndarray, rows: np.ndarray, size: int) -> int:
    """Take the first from a heap; return its new size."""
    size -= 1
    value, row, at = heap[size], rows[size], 0
    while True:
        child = 2 * at + 1
        if child >= size:
            break
        if child + 1 < size and heap[child + 1] < heap[child]:
            child += 1
        if heap[child] >= value:
            break
        heap[at], rows[at] = heap[child], rows[child]
        at = child
    heap[at], rows[at] = value, row
    return size


@njit
def two_hops(
    queries: np.ndarray, base: np.ndarray, links: np.ndarray, picked: np.ndarray, starts: np.ndarray, k: int, ef: int
) -> np.ndarray:
    """Return the rows of the nearest picked points, (m, k), -1 for none; `starts` are picked points to begin with."""
    found = np.full((len(queries), k), -1, np.int64)
    seen = np.full(len(base), -1, np.int32)
    room = len(base)
    near, near_rows = np.empty(ef + 1, np.float32), np.empty(ef + 1, np.int64)
    ahead, ahead_rows = np.empty(room, np.float32), np.empty(room, np.int64)
    for query in range(len(queries)):
        own, kept, waiting = queries[query], 0, 0
        for start in starts:
            if seen[start] != query:
                seen[start] = query
                score = _dot(own, base[start])
                kept = _pushed(near, near_rows, kept, score, start)
                kept = _popped(near, near_rows, kept) if kept > ef else kept
                waiting = _pushed(ahead, ahead_rows, waiting, -score, start)
        while waiting:
            here, far = ahead_rows[0], -ahead[0]
            waiting = _popped(ahead, ahead_rows, waiting)
            if kept == ef and far < near[0]:
                break
            for first in links[here]:
                if first < 0:
                    break
                if picked[first]:
                    if seen[first] == query:
                        continue
                    seen[first] = query
                    score = _dot(own, base[first])
                    if kept < ef or score > near[0]:
                        kept = _pushed(near, near_rows, kept, score, first)
                        kept = _popped(near, near_rows, kept) if kept > ef else kept
                        waiting = _pushed(ahead, ahead_rows, waiting, -score, first)
                    continue
                if seen[first] == query:
                    continue
                seen[first] = query
                for second in links[first]:
                    if second < 0:
                        break
                    if seen[second] == query or not picked[second]:
                        continue
                    seen[second] = query
                    score = _dot(own, base[second])
                    if kept < ef or score > near[0]:
                        kept = _pushed(near, near_rows, kept, score, second)
                        kept = _popped(near, near_rows, kept) if kept > ef else kept
                        waiting = _pushed(ahead, ahead_rows, waiting, -score, second)
        order = np.argsort(-near[:kept])
        for place in range(min(k, kept)):
            found[query, place] = near_rows[order[place]]
    return found
