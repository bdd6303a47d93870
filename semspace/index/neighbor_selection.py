"""Which neighbours a point is linked to (Malkov & Yashunin 2016, algorithm 4), compiled."""

from __future__ import annotations

from typing import Any

import numpy as np

from semspace.index.beam_search import descend, distance, insert_key, load_query, norm_of, reorder, search_layer
from semspace.index.distances import CACHE_LINE
from semspace.kernels.compiling import compiled
from semspace.kernels.simd import prefetch
from semspace.types import Bytes1d, Int8s2d, Int32s1d, Int32s2d, Ints1d


@compiled
def select_neighbors(
    keys: Ints1d, count: int, most: int, nodes: Any, codes: Int8s2d, lifted: Bytes1d,
    kept: Int32s1d,
) -> int:  # fmt: skip
    """Select at most `most` candidates, nearest first, that are nearer to the point than to any selected before."""
    held = 0
    for i in range(count):
        if held == most:
            break
        row = (keys[i] >> 1) & 0x7FFFFFFF
        node = row if nodes is None else np.int64(nodes[row])
        own = keys[i] >> 32
        load_query(codes, node, lifted)
        norm = norm_of(codes, node)
        apart = True
        for j in range(held):
            other = np.int64(kept[j])
            if distance(codes, other if nodes is None else np.int64(nodes[other]), lifted, norm) < own:
                apart = False
                break
        if apart:
            kept[held] = row
            held += 1
    return held


@compiled
def find_entries(
    first: int, last: int, batch: Int32s1d, stop: int, entry: int, level: Int32s1d, links: Int32s2d, nodes: Int32s1d,
    down: Int32s1d, codes: Int8s2d, starts: Int32s1d, pool: Ints1d, lifted: Bytes1d, seen: Ints1d, visited: Int32s1d,
) -> None:  # fmt: skip
    """Find the rows on layer `stop` where the searches of nodes `first` to `last` of a batch begin."""
    for i in range(first, last):
        load_query(codes, batch[i], lifted)
        norm = norm_of(codes, batch[i])
        starts[i] = descend(pool, entry, stop, level, links, nodes, down, codes, lifted, norm, seen, visited)


@compiled
def choose_links(
    first: int, last: int, rows: Int32s1d, batch: Int32s1d, asked: Any, starts: Int32s1d, ef: int, most: int, links:
    Int32s2d, nodes: Any, walked: Any, codes: Int8s2d, chosen: Int32s2d, pool: Ints1d, lifted: Bytes1d, seen: Ints1d,
    visited: Int32s1d,
) -> None:  # fmt: skip
    """Choose the neighbours of new points on a layer, from a search and from the others of their batch.

    `rows` are those of the batch on this layer. `walked` are the codes or, on the lowest layer, their sketches, and
    `asked` the points of the batch as they are compared with these. No links are changed, so threads can share a batch;
    `starts` becomes the nearest row of each.
    """
    width, steps = codes.shape[1], codes.shape[1] // CACHE_LINE
    kept = np.empty(most, np.int32)
    for i in range(first, last):
        node = np.int64(batch[i])
        load_query(codes, node, lifted)
        norm = norm_of(codes, node)
        size = 0
        if starts[i] >= 0:
            size = search_layer(pool, ef, starts[i], links, nodes, walked, asked[i], norm, seen, visited)
            if walked.shape[1] < width:
                reorder(pool, size, codes, lifted, norm)
            starts[i] = (pool[0] >> 1) & 0x7FFFFFFF
        for j in range(len(batch)):
            if j + 8 < len(batch):
                prefetch(codes.ctypes.data + np.int64(batch[j + 8]) * width, steps)
            if j != i:
                key = (distance(codes, np.int64(batch[j]), lifted, norm) << 32) | (np.int64(rows[j]) << 1)
                if size < ef or key < pool[size - 1]:
                    insert_key(pool, size, ef, key)
                    size = min(size + 1, ef)
        held = select_neighbors(pool, size, most, nodes, codes, lifted, kept)
        for j in range(most):
            chosen[i, j] = kept[j] if j < held else -1


@compiled
def add_backlinks(
    first: int, last: int, bounds: Ints1d, targets: Int32s1d, sources: Int32s1d, links: Int32s2d, nodes: Any,
    codes: Int8s2d, lifted: Bytes1d,
) -> None:  # fmt: skip
    """Link the chosen neighbours back to the new points: group g of `targets` gains the `sources` of its bounds."""
    most, width, steps = links.shape[1], codes.shape[1], codes.shape[1] // CACHE_LINE
    kept = np.empty(most, np.int32)
    for group in range(first, last):
        start, stop = bounds[group], bounds[group + 1]
        row = np.int64(targets[start])
        held = 0
        while held < most and links[row, held] >= 0:
            held += 1
        keys = np.empty(held + stop - start, np.int64)
        count = held
        for i in range(start, stop):
            known = False
            for j in range(held):
                if links[row, j] == sources[i]:
                    known = True  # two of one batch have chosen each other
            if not known:
                keys[count] = sources[i]
                count += 1
        if count <= most:
            for i in range(held, count):
                links[row, i] = keys[i]
            continue
        for i in range(count):
            other = np.int64(links[row, i]) if i < held else keys[i]
            prefetch(codes.ctypes.data + (other if nodes is None else np.int64(nodes[other])) * width, steps)
        node = row if nodes is None else np.int64(nodes[row])
        load_query(codes, node, lifted)
        norm = norm_of(codes, node)
        for i in range(count):
            other = np.int64(links[row, i]) if i < held else keys[i]
            far = distance(codes, other if nodes is None else np.int64(nodes[other]), lifted, norm)
            keys[i] = (far << 32) | (other << 1)
        keys[:count].sort()
        held = select_neighbors(keys, count, most, nodes, codes, lifted, kept)
        for i in range(most):
            links[row, i] = kept[i] if i < held else -1


@compiled
def relink(
    lost: Int32s1d, root: int, ef: int, links: Int32s2d, ways: Ints1d, codes: Int8s2d, pool: Ints1d,
    lifted: Bytes1d, seen: Ints1d, visited: Int32s1d,
) -> None:  # fmt: skip
    """Link to each lost node from the nearest reachable node that has a free slot.

    Where none has one, a link is replaced that leads to a node with other links to it; and the last link of the lost
    node is freed, so that a chain can continue from it. `ways` counts the links to each node.
    """
    last = np.int64(-1)  # the end of the chain
    for i in range(len(lost)):
        node = np.int64(lost[i])
        load_query(codes, node, lifted)
        size = search_layer(pool, ef, root, links, None, codes, lifted, norm_of(codes, node), seen, visited)
        giver, spot = _free_slot(pool, size, node, links, ways)
        if giver == node:
            continue  # one rescued before leads to it
        if last >= 0 and links[giver, -1] >= 0:
            giver, spot = last, links.shape[1] - 1
            while spot > 0 and links[giver, spot - 1] < 0:
                spot -= 1
        if links[giver, spot] >= 0:
            ways[links[giver, spot]] -= 1
        links[giver, spot] = node
        ways[node] += 1
        if links[node, -1] >= 0:
            ways[links[node, -1]] -= 1
            links[node, -1] = -1
        last = node


@compiled
def _free_slot(pool: Ints1d, size: int, node: int, links: Int32s2d, ways: Ints1d) -> Any:
    """Return row and slot for another link, free or most dispensable; or the node itself, if it was reached."""
    giver, spot, found = (pool[0] >> 1) & 0x7FFFFFFF, links.shape[1] - 1, 0
    for at in range(size):
        near = (pool[at] >> 1) & 0x7FFFFFFF
        if near == node:
            return node, 0
        if found < 2 and links[near, -1] < 0:
            giver, spot, found = near, 0, 2
            while links[near, spot] >= 0:
                spot += 1
        if found == 0:
            for j in range(links.shape[1] - 1, -1, -1):
                if ways[links[near, j]] > 1:
                    giver, spot, found = near, j, 1
                    break
    return giver, spot
