"""Walks through a graph of neighbours towards a query (Malkov & Yashunin 2016, algorithm 2), compiled.

A layer of the graph is a matrix of links, a row a point: the rows of its neighbours, and -1 where there are no more.
What a walk has found lies in its pool, nearest first, one whole number a point: distance × 2³² + row × 2 + 1 if the
point's own neighbours have been looked at.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from semspace.index.distances import LINE, dot, lift, move, whole_at
from semspace.kernels.compiling import compiled
from semspace.kernels.simd import prefetch

Wholes = npt.NDArray[np.int64]
Links = npt.NDArray[np.int32]
AHEAD = 8  # codes asked for before they are read


@compiled
def ask(codes: npt.NDArray[np.int8], row: int, lifted: npt.NDArray[np.uint8]) -> None:
    """Make a point's code a query."""
    lift(codes.ctypes.data + row * codes.shape[1], lifted.ctypes.data, codes.shape[1] // LINE)


@compiled
def distance(codes: npt.NDArray[np.int8], row: int, lifted: npt.NDArray[np.uint8], norm: int) -> Any:
    """Give the squared distance of a point to a query, in steps of the code."""
    width = codes.shape[1]
    start = codes.ctypes.data + row * width
    product = dot(lifted.ctypes.data, start, width // LINE)
    return norm + np.int64(whole_at(start + width - 4)) - 2 * np.int64(product)


@compiled
def norm_of(codes: npt.NDArray[np.int8], row: int) -> Any:
    """Give a point's own squared length, which lies in its code."""
    return np.int64(whole_at(codes.ctypes.data + (row + 1) * codes.shape[1] - 8))


@compiled
def place(pool: Wholes, size: int, most: int, key: int) -> int:
    """Put a key where it belongs among `size` sorted ones, of which at most `most` are kept; give its place, or -1."""
    if size == most and key >= pool[size - 1]:
        return -1
    low, left = 0, size  # by halves, without a branch: which way it goes can't be foreseen
    while left > 1:
        half = left >> 1
        low += half * (pool[low + half - 1] < key)
        left -= half
    low += size > 0 and pool[low] < key
    at = pool.ctypes.data + 8 * low
    move(at, at + 8, 8 * (min(size, most - 1) - low))
    pool[low] = key
    return low


@compiled
def walk(
    pool: Wholes, ef: int, start: int, links: Links, nodes: Any, codes: npt.NDArray[np.int8],
    lifted: npt.NDArray[np.uint8], norm: int, seen: Wholes, visited: Links,
) -> int:  # fmt: skip
    """Walk from a row of a layer towards a query, and give how many of the `ef` nearest points seen are in the pool.

    `nodes` gives the code of each row of the layer; None where rows are codes. `seen` has a bit for each row, all zero
    before and after.
    """
    width, steps, count = codes.shape[1], codes.shape[1] // LINE, len(links)
    base = codes.ctypes.data
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
            bit = np.int64(1) << (other & 63)
            if seen[other >> 6] & bit == 0:
                seen[other >> 6] |= bit
                if marked < len(visited):
                    visited[marked] = other
                marked += 1
                fresh[found] = other
                if found < AHEAD:
                    prefetch(base + (other if nodes is None else np.int64(nodes[other])) * width, steps)
                found += 1
        cursor += 1
        if cursor < size:
            prefetch(links.ctypes.data + ((pool[cursor] >> 1) & 0x7FFFFFFF) * links.shape[1] * 4, 2)
        for j in range(found):
            if j + AHEAD < found:
                other = np.int64(fresh[j + AHEAD])
                prefetch(base + (other if nodes is None else np.int64(nodes[other])) * width, steps)
            other = np.int64(fresh[j])
            node = other if nodes is None else np.int64(nodes[other])
            key = (distance(codes, node, lifted, norm) << 32) | (other << 1)
            if size < ef or key < pool[size - 1]:
                at = place(pool, size, ef, key)
                size = min(size + 1, ef)
                cursor = min(cursor, at)
    if marked <= len(visited):
        for j in range(marked):
            seen[visited[j] >> 6] = 0
    else:
        seen[:] = 0
    return size


@compiled
def descend(
    pool: Wholes, start: int, stop: int, level: Links, links: Links, nodes: Links, down: Links,
    codes: npt.NDArray[np.int8], lifted: npt.NDArray[np.uint8], norm: int, seen: Wholes, visited: Links,
) -> int:  # fmt: skip
    """Go down the upper layers, on each to the nearest point, and give its row on layer `stop`.

    All upper layers lie in one matrix of links; `level` and `down` say of a row on which layer it is, and which row is
    the same point one layer below: on layer 0, a node.
    """
    while True:
        at = level[start]
        if at > stop:
            walk(pool, 1, start, links, nodes, codes, lifted, norm, seen, visited)
            near = (pool[0] >> 1) & 0x7FFFFFFF
            start = down[near if level[near] == at else start]  # a damaged link may lead to another layer
        if at <= stop + 1:
            return start


@compiled
def unreached(links: Links, root: int) -> Links:
    """List the nodes to which no way leads from the root."""
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
    return np.flatnonzero(known == 0).astype(np.int32)
