"""Searches of the graph or of a list of points, rescored from the full vectors, compiled."""

from __future__ import annotations

from typing import Any

import numpy as np

from semspace.index.beam_search import descend, distance, insert_key, load_query, norm_of, reorder, search_layer
from semspace.index.distances import CACHE_LINE
from semspace.index.quantization import encode_rows
from semspace.index.sketches import sketch_query_rows
from semspace.kernels.compiling import compiled
from semspace.kernels.simd import prefetch
from semspace.types import Bytes1d, Bytes2d, Floats1d, Floats2d, Int8s2d, Int32s1d, Int32s2d, Ints1d, Ints2d

COSINE, DOT, EUCLIDEAN = 0, 1, 2
METRICS = {"cosine": COSINE, "dot": DOT, "euclidean": EUCLIDEAN}
BLOCK = 256  # codes compared with several queries while they are in the cache
TENTH = 10  # of the candidates: how far it is shows how unusual a query is
SOON = 2  # vectors whose beginnings are prefetched; the hardware prefetches the rest


@compiled
def score(vectors: Floats2d, row: int, query: Floats1d, metric: int, lengths: np.float32) -> Any:
    """Score a row by the metric; `lengths` is the product of both lengths."""
    total = np.float32(0)
    if metric == EUCLIDEAN:
        for i in range(len(query)):
            apart = vectors[row, i] - query[i]
            total += apart * apart
        return -np.sqrt(total)
    for i in range(len(query)):
        total += vectors[row, i] * query[i]
    return total if metric == DOT else total / lengths


@compiled
def rescore(
    pool: Ints1d, size: int, k: int, slack: int, rows: Any, allowed: Any, base: Floats2d, more: Floats2d,
    sizes: Floats1d, query: Floats1d, metric: int, found: Ints1d, scores: Floats1d,
) -> None:  # fmt: skip
    """Score the candidates of a pool from the full vectors, and fill in the `k` best in order, or -1.

    A candidate whose code is farther by more than `slack` than the k-th nearest is ignored.
    """
    length = np.float32(0)
    for i in range(len(query)):
        length += query[i] * query[i]
    length = np.sqrt(length)
    held, seen, last = 0, 0, np.int64(1) << 62
    known = min(len(base) + len(more), len(sizes))  # a point that another thread has added just now may be beyond
    if allowed is not None:
        known = min(known, len(allowed))
    for at in range(size):
        if at + SOON < size:
            node = (pool[at + SOON] >> 1) & 0x7FFFFFFF
            row = node if rows is None else np.int64(rows[node])
            if row < len(base):
                prefetch(base.ctypes.data + row * base.shape[1] * 4, min(base.shape[1] * 4 // CACHE_LINE, 8))
        far = pool[at] >> 32
        if far > last:
            break
        node = (pool[at] >> 1) & 0x7FFFFFFF
        row = node if rows is None else np.int64(rows[node])
        if row >= known or (allowed is not None and allowed[row] == 0):
            continue
        seen += 1
        if seen == k:
            last = far + slack
        if row < len(base):
            own = score(base, row, query, metric, length * sizes[row])
        else:
            own = score(more, row - len(base), query, metric, length * sizes[row])
        if held == k and (own < scores[k - 1] or (own == scores[k - 1] and row > found[k - 1])):
            continue
        spot = min(held, k - 1)
        while spot > 0 and (own > scores[spot - 1] or (own == scores[spot - 1] and row < found[spot - 1])):
            scores[spot], found[spot] = scores[spot - 1], found[spot - 1]
            spot -= 1
        scores[spot], found[spot] = own, row
        held = min(held + 1, k)
    for at in range(held, k):
        found[at] = -1


@compiled
def search_graph(
    first: int, last: int, query_codes: Int8s2d, asked: Bytes2d | Int8s2d, queries: Floats2d, starts: Any, k: int, ef:
    int, slack: int, entry: int, root: int, level: Int32s1d, upper: Int32s2d, nodes: Int32s1d, down: Int32s1d, links:
    Int32s2d, walked: Int8s2d | Bytes2d, codes: Int8s2d, rows: Int32s1d, allowed: Any, base: Floats2d, more: Floats2d,
    sizes: Floats1d, metric: int, found: Ints1d, scores: Floats2d, met: Ints1d, far: Ints1d, pool: Ints1d, lifted:
    Bytes1d, seen: Ints1d, visited: Int32s1d,
) -> None:  # fmt: skip
    """Search the graph for queries `first` to `last`; fill in the results, and how many allowed points were met.

    `far` is filled with the distance by code of the tenth nearest point that was met, allowed or not.

    `walked` are the codes or their sketches, and `asked` the queries as they are compared with these. `starts` may hold
    the node where each begins; otherwise the upper layers are descended first.
    """
    for i in range(first, last):
        query, norm = asked[i], norm_of(query_codes, i)
        start = root
        if starts is not None:
            start = np.int64(starts[i])
        elif entry >= 0:
            start = descend(pool, entry, 0, level, upper, nodes, down, walked, query, norm, seen, visited)
        size = search_layer(pool, ef, start, links, None, walked, query, norm, seen, visited)
        if walked.shape[1] < codes.shape[1]:
            load_query(query_codes, i, lifted)
            reorder(pool, size, codes, lifted, norm)
        rescore(pool, size, k, slack, rows, allowed, base, more, sizes, queries[i], metric, found[i], scores[i])
        met[i] = size
        far[i] = pool[min(size, TENTH) - 1] >> 32
        if allowed is not None:
            for j in range(size):
                row = np.int64(rows[(pool[j] >> 1) & 0x7FFFFFFF])
                met[i] -= row >= len(allowed) or allowed[row] == 0


@compiled
def search_one(
    query: Floats2d, scaled: bool, mean: Floats1d, axes: Floats2d, step: np.float32, worst: np.float32, signs: Floats2d,
    k: int, widths: Ints2d, most: int, slack: int, entry: int, root: int, level: Int32s1d, upper: Int32s2d, nodes:
    Int32s1d, down: Int32s1d, links: Int32s2d, sketches: Bytes2d, codes: Int8s2d, rows: Int32s1d, base: Floats2d, more:
    Floats2d, sizes: Floats1d, metric: int, found: Ints2d, scores: Floats2d, code: Int8s2d, asked: Int8s2d, pool:
    Ints1d, lifted: Bytes1d, seen: Ints1d, visited: Int32s1d,
) -> Any:  # fmt: skip
    """Search the graph for one query, from its vector on; return how many points were met.

    A row of `widths` holds from which distance of the tenth candidate on, by code, a search keeps how many candidates;
    the first is of usual queries. Return -1 where these are more than `most`, or the query isn't like its code.
    """
    errors, met, far = np.empty(1, np.float32), np.empty(1, np.int64), np.empty(1, np.int64)
    encode_rows(0, 1, query, scaled, mean, axes, step, code, errors)
    if not errors[0] <= worst:
        return -1
    sketch_query_rows(code, signs, asked)
    at, width = 0, widths[0, 1]
    while True:
        if width >= most:
            return -1
        scores[:] = -np.inf
        search_graph(
            0, 1, code, asked, query, None, k, width, slack, entry, root, level, upper, nodes, down, links, sketches,
            codes, rows, None, base, more, sizes, metric, found, scores, met, far, pool, lifted, seen, visited,
        )  # fmt: skip
        if at:
            return met[0]
        while at + 1 < len(widths) and far[0] >= widths[at + 1, 0]:
            at += 1
        if widths[at, 1] <= width:
            return met[0]
        width = widths[at, 1]


@compiled
def scan_codes(
    first: int, last: int, query_codes: Int8s2d, queries: Floats2d, k: int, most: int, slack: int, nodes: Int32s1d,
    places: Any, codes: Int8s2d, rows: Int32s1d, base: Floats2d, more: Floats2d, sizes: Floats1d, metric: int, found:
    Ints1d, scores: Floats2d, full: Bytes1d, pools: Ints2d, lifted: Bytes1d,
) -> None:  # fmt: skip
    """Compare queries with each of some nodes; `full` is set where `most` candidates may be too few.

    `places` holds the row of each node's code; None where codes are in the order of the nodes. As many queries as there
    are rows of `pools` share a block of codes while it is in the cache.
    """
    width, steps = codes.shape[1], codes.shape[1] // CACHE_LINE
    norms, held = np.empty(len(pools), np.int64), np.empty(len(pools), np.int64)
    for start in range(first, last, len(pools)):
        several = min(len(pools), last - start)
        for one in range(several):
            load_query(query_codes, start + one, lifted[one])
            norms[one] = norm_of(query_codes, start + one)
            held[one] = 0
        for block in range(0, len(nodes), BLOCK):
            stop = min(block + BLOCK, len(nodes))
            for one in range(several):
                pool, size = pools[one], held[one]
                for j in range(block, stop):
                    place_of = j
                    if places is not None:
                        place_of = np.int64(places[j])
                        if j + 8 < stop:
                            prefetch(codes.ctypes.data + np.int64(places[j + 8]) * width, steps)
                    key = (distance(codes, place_of, lifted[one], norms[one]) << 32) | (np.int64(nodes[j]) << 1)
                    if size < most or key < pool[size - 1]:
                        insert_key(pool, size, most, key)
                        size = min(size + 1, most)
                held[one] = size
        for one in range(several):
            i, pool, size = start + one, pools[one], held[one]
            rescore(pool, size, k, slack, rows, None, base, more, sizes, queries[i], metric, found[i], scores[i])
            full[i] = size == most and len(nodes) > most and (pool[size - 1] >> 32) <= (pool[k - 1] >> 32) + slack


@compiled
def load_queries(codes: Int8s2d, lifted: Bytes2d) -> None:
    """Write codes to `lifted` as queries."""
    for i in range(len(codes)):
        load_query(codes, i, lifted[i])


@compiled
def nearest_codes(query_codes: Int8s2d, codes: Int8s2d, found: Ints2d, pool: Ints1d, lifted: Bytes1d) -> None:
    """Find the nodes whose codes are nearest to each query's, by comparing all."""
    k = found.shape[1]
    for i in range(len(query_codes)):
        load_query(query_codes, i, lifted)
        norm = norm_of(query_codes, i)
        size = 0
        for node in range(len(codes)):
            key = (distance(codes, node, lifted, norm) << 32) | (node << 1)
            if size < k or key < pool[size - 1]:
                insert_key(pool, size, k, key)
                size = min(size + 1, k)
        for j in range(k):
            found[i, j] = (pool[j] >> 1) & 0x7FFFFFFF if j < size else -1
