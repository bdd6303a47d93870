"""Beam search in a graph of neighbours (Malkov & Yashunin 2016, algorithm 2), compiled.

A layer of the graph is a matrix of links: each row holds the rows of a point's neighbours, filled up with -1. The
candidates of a search are kept in its pool, nearest first, one integer each: distance × 2³² + row × 2 + 1 if the
candidate's neighbours have been visited.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import types

from semspace.index.distances import CACHE_LINE, dot, move_bytes, read_float32, read_int32, sketch_dot, to_unsigned
from semspace.kernels.compiling import compiled, compiled_strictly, overload
from semspace.kernels.simd import prefetch
from semspace.types import Bytes1d, Bytes2d, Int8s1d, Int8s2d, Int32s1d, Int32s2d, Ints1d

_FARTHEST = np.float32(1 << 31)  # by sketch
AHEAD = 8  # codes that are prefetched
AHEAD_LINES = 32  # cache lines of them, while a layer is searched


@compiled
def load_query(codes: Int8s2d, row: int, lifted: Bytes1d) -> None:
    """Write a point's code to `lifted` as a query, with unsigned bytes."""
    to_unsigned(codes.ctypes.data + row * codes.shape[1], lifted.ctypes.data, codes.shape[1] // CACHE_LINE)


@compiled
def _distance_by_code(codes: Int8s2d, row: int, lifted: Bytes1d, norm: int) -> Any:
    width = codes.shape[1]
    start = codes.ctypes.data + row * width
    product = dot(lifted.ctypes.data, start, width // CACHE_LINE)
    return norm + np.int64(read_int32(start + width - 4)) - 2 * np.int64(product)


@compiled_strictly
def _distance_by_sketch(sketches: Bytes2d, row: int, asked: Int8s1d, norm: int) -> Any:
    width = sketches.shape[1]
    start, end = sketches.ctypes.data + row * width, asked.ctypes.data + len(asked)
    product = np.float32(sketch_dot(asked.ctypes.data, start, width // CACHE_LINE)) - read_float32(end - 4)
    scale = read_float32(start + CACHE_LINE - 8) * read_float32(end - 8)
    apart = np.float32(norm) + read_float32(start + CACHE_LINE - 4) - scale * product
    apart = apart if apart > 0 else np.float32(0)  # also where a damaged file says NaN
    return np.int64(apart if apart < _FARTHEST else _FARTHEST)


def distance(codes: Any, row: int, query: Any, norm: int) -> Any:
    """Return the squared distance of a point to a query, by its code or by its sketch, in units of the code."""
    by = _distance_by_code if codes.dtype == np.int8 else _distance_by_sketch
    return by(codes, row, query, norm)


@overload(distance)
def _distance_of(codes: Any, row: Any, query: Any, norm: Any) -> Any:  # noqa: ARG001
    """Choose the distance by the type of the codes, while a kernel is compiled."""
    by = _distance_by_code if codes.dtype == types.int8 else _distance_by_sketch

    def compute(codes: Any, row: Any, query: Any, norm: Any) -> Any:
        return by(codes, row, query, norm)

    return compute


@compiled
def norm_of(codes: Int8s2d, row: int) -> Any:
    """Return a point's squared length, which is stored in its code."""
    return np.int64(read_int32(codes.ctypes.data + (row + 1) * codes.shape[1] - 8))


@compiled
def insert_key(pool: Ints1d, size: int, most: int, key: int) -> int:
    """Insert a key among `size` sorted ones, of which at most `most` are kept; return its position, or -1."""
    if size == most and key >= pool[size - 1]:
        return -1
    low, left = 0, size  # bisection without a branch, which couldn't be predicted
    while left > 1:
        half = left >> 1
        low += half * (pool[low + half - 1] < key)
        left -= half
    low += size > 0 and pool[low] < key
    at = pool.ctypes.data + 8 * low
    move_bytes(at, at + 8, 8 * (min(size, most - 1) - low))
    pool[low] = key
    return low


@compiled
def search_layer(
    pool: Ints1d, ef: int, start: int, links: Int32s2d, nodes: Any, codes: Any,
    lifted: Any, norm: int, seen: Ints1d, visited: Int32s1d,
) -> int:  # fmt: skip
    """Search a layer from a row for the `ef` points nearest to a query; return how many are in the pool.

    `codes` may be sketches; `lifted` is the query as it is compared with them. `nodes` maps the rows of the layer to
    codes; None where they are the same. `seen` has a bit for each row, all zero before and after.
    """
    width, steps, count = codes.shape[1], codes.shape[1] // CACHE_LINE, len(links)
    base, ahead = codes.ctypes.data, AHEAD_LINES // steps
    fresh = np.empty(links.shape[1], np.int32)
    node = start if nodes is None else nodes[start]
    pool[0] = (distance(codes, node, lifted, norm) << 32) | (start << 1)
    seen[start >> 6] |= np.int64(1) << (start & 63)
    visited[0] = start
    marked, size, cursor = 1, 1, 0
    while cursor < size:
        if pool[cursor] & 1:
            cursor += 1
            continue
        row = (pool[cursor] >> 1) & 0x7FFFFFFF
        pool[cursor] |= 1
        found = 0
        for j in range(links.shape[1]):
            other = np.int64(links[row, j])
            if other < 0 or other >= count:
                break
            bit, word = np.int64(1) << (other & 63), seen[other >> 6]
            fresh[found] = other  # without a branch, which couldn't be predicted
            found += word & bit == 0
            seen[other >> 6] = word | bit
        for j in range(found):
            other = np.int64(fresh[j])
            if marked + j < len(visited):
                visited[marked + j] = other
            if j < ahead:
                prefetch(base + (other if nodes is None else np.int64(nodes[other])) * width, steps)
        marked += found
        cursor += 1
        if cursor < size:
            prefetch(links.ctypes.data + ((pool[cursor] >> 1) & 0x7FFFFFFF) * links.shape[1] * 4, 2)
        for j in range(found):
            if j + ahead < found:
                other = np.int64(fresh[j + ahead])
                prefetch(base + (other if nodes is None else np.int64(nodes[other])) * width, steps)
            other = np.int64(fresh[j])
            node = other if nodes is None else np.int64(nodes[other])
            key = (distance(codes, node, lifted, norm) << 32) | (other << 1)
            if size < ef or key < pool[size - 1]:
                at = insert_key(pool, size, ef, key)
                size = min(size + 1, ef)
                cursor = min(cursor, at)
    if marked <= len(visited):
        for j in range(marked):
            seen[visited[j] >> 6] = 0
    else:
        seen[:] = 0
    return size


@compiled
def reorder(pool: Ints1d, size: int, codes: Int8s2d, lifted: Bytes1d, norm: int) -> None:
    """Order the candidates of a pool by their codes, instead of their sketches."""
    width = codes.shape[1]
    base, steps = codes.ctypes.data, width // CACHE_LINE
    for at in range(min(size, AHEAD)):
        prefetch(base + ((pool[at] >> 1) & 0x7FFFFFFF) * width, steps)
    for at in range(size):
        if at + AHEAD < size:
            prefetch(base + ((pool[at + AHEAD] >> 1) & 0x7FFFFFFF) * width, steps)
        node = (pool[at] >> 1) & 0x7FFFFFFF
        insert_key(pool, at, size, (distance(codes, node, lifted, norm) << 32) | (node << 1))


@compiled
def descend(
    pool: Ints1d, start: int, stop: int, level: Int32s1d, links: Int32s2d, nodes: Int32s1d, down: Int32s1d,
    codes: Any, lifted: Any, norm: int, seen: Ints1d, visited: Int32s1d,
) -> int:  # fmt: skip
    """Descend the upper layers, on each to the nearest point; return its row on layer `stop`.

    All upper layers share one matrix of links; `level` holds the layer of each row, and `down` the row of the same
    point one layer below, which is a node on layer 0.
    """
    while True:
        at = level[start]
        if at > stop:
            search_layer(pool, 1, start, links, nodes, codes, lifted, norm, seen, visited)
            near = (pool[0] >> 1) & 0x7FFFFFFF
            start = down[near if level[near] == at else start]  # a damaged link may lead to another layer
        if at <= stop + 1:
            return start


@compiled
def unreached(links: Int32s2d, root: int) -> Int32s2d:
    """Return the nodes that can't be reached from the root."""
    known = np.zeros(len(links), np.uint8)
    waiting = np.empty(len(links), np.int32)
    known[root] = 1
    waiting[0] = root
    done, total = 0, 1
    while done < total:
        row = waiting[done]
        done += 1
        for j in range(links.shape[1]):
            other = np.int64(links[row, j])
            if other < 0 or other >= len(links):
                break
            if known[other] == 0:
                known[other] = 1
                waiting[total] = other
                total += 1
    lost = np.empty(len(links) - total, np.int32)  # not np.flatnonzero, for which numba imports scipy
    found = 0
    for row in range(len(links)):
        if known[row] == 0:
            lost[found] = row
            found += 1
    return lost
