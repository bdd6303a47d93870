"""Links between points: which neighbours a point keeps (Malkov & Yashunin 2016, algorithm 4), compiled."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from semspace.index.beam_search import Links, Wholes, ask, descend, distance, norm_of, place, walk
from semspace.index.distances import LINE
from semspace.kernels.compiling import compiled
from semspace.kernels.simd import prefetch


@compiled
def choose(
    keys: Wholes, count: int, most: int, nodes: Any, codes: npt.NDArray[np.int8], lifted: npt.NDArray[np.uint8],
    kept: Links,
) -> int:  # fmt: skip
    """Keep of candidates, nearest first, those nearer to the point than to any kept before; at most `most`."""
    held = 0
    for i in range(count):
        if held == most:
            break
        row = (keys[i] >> 1) & 0x7FFFFFFF
        node = row if nodes is None else np.int64(nodes[row])
        own = keys[i] >> 32
        ask(codes, node, lifted)
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
def reach(
    first: int, last: int, batch: Links, stop: int, entry: int, level: Links, links: Links, nodes: Links, down: Links,
    codes: npt.NDArray[np.int8], starts: Links, pool: Wholes, lifted: npt.NDArray[np.uint8], seen: Wholes,
    visited: Links,
) -> None:  # fmt: skip
    """Find for nodes `first` to `last` of a batch where on layer `stop` to begin."""
    for i in range(first, last):
        ask(codes, batch[i], lifted)
        norm = norm_of(codes, batch[i])
        starts[i] = descend(pool, entry, stop, level, links, nodes, down, codes, lifted, norm, seen, visited)


@compiled
def attach(
    first: int, last: int, rows: Links, batch: Links, starts: Links, ef: int, most: int, links: Links, nodes: Any,
    codes: npt.NDArray[np.int8], chosen: Links, pool: Wholes, lifted: npt.NDArray[np.uint8], seen: Wholes,
    visited: Links,
) -> None:  # fmt: skip
    """Choose the neighbours of new points on a layer: from a walk, and from the others of their batch.

    `rows` are those of the batch on this layer. Its links aren't touched, so threads can share a batch; `starts`
    becomes the nearest row of each.
    """
    width, steps = codes.shape[1], codes.shape[1] // LINE
    kept = np.empty(most, np.int32)
    for i in range(first, last):
        node = np.int64(batch[i])
        ask(codes, node, lifted)
        norm = norm_of(codes, node)
        size = 0
        if starts[i] >= 0:
            size = walk(pool, ef, starts[i], links, nodes, codes, lifted, norm, seen, visited)
            starts[i] = (pool[0] >> 1) & 0x7FFFFFFF
        for j in range(len(batch)):
            if j + 8 < len(batch):
                prefetch(codes.ctypes.data + np.int64(batch[j + 8]) * width, steps)
            if j != i:
                key = (distance(codes, np.int64(batch[j]), lifted, norm) << 32) | (np.int64(rows[j]) << 1)
                if size < ef or key < pool[size - 1]:
                    place(pool, size, ef, key)
                    size = min(size + 1, ef)
        held = choose(pool, size, most, nodes, codes, lifted, kept)
        for j in range(most):
            chosen[i, j] = kept[j] if j < held else -1


@compiled
def meet(
    first: int, last: int, bounds: Wholes, targets: Links, sources: Links, links: Links, nodes: Any,
    codes: npt.NDArray[np.int8], lifted: npt.NDArray[np.uint8],
) -> None:  # fmt: skip
    """Link points back from those that new ones chose: group g of `targets` gains the `sources` of its bounds."""
    most = links.shape[1]
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
        node = row if nodes is None else np.int64(nodes[row])
        ask(codes, node, lifted)
        norm = norm_of(codes, node)
        for i in range(count):
            other = np.int64(links[row, i]) if i < held else keys[i]
            far = distance(codes, other if nodes is None else np.int64(nodes[other]), lifted, norm)
            keys[i] = (far << 32) | (other << 1)
        keys[:count].sort()
        held = choose(keys, count, most, nodes, codes, lifted, kept)
        for i in range(most):
            links[row, i] = kept[i] if i < held else -1


@compiled
def rescue(
    lost: Links, root: int, ef: int, links: Links, ways: Wholes, codes: npt.NDArray[np.int8], pool: Wholes,
    lifted: npt.NDArray[np.uint8], seen: Wholes, visited: Links,
) -> None:  # fmt: skip
    """Link to each lost node from the nearest one with room that can be reached.

    Where none has any, one gives up a link to a node that others lead to as well; and the lost node gives up its last
    one, so that a chain can go on from it. `ways` counts how many links lead to each node.
    """
    last = np.int64(-1)  # the end of the chain
    for i in range(len(lost)):
        node = np.int64(lost[i])
        ask(codes, node, lifted)
        size = walk(pool, ef, root, links, None, codes, lifted, norm_of(codes, node), seen, visited)
        giver, spot = _room(pool, size, node, links, ways)
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
def _room(pool: Wholes, size: int, node: int, links: Links, ways: Wholes) -> Any:
    """Give row and place for another link: free, or one that is missed least; or the node itself, if it is there."""
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
