"""Exact comparison of many queries with some points: products of float32, compiled.

The vectors are packed in panels of 16, dimension by dimension, so that several queries share each number that is
loaded (Goto and van de Geijn 2008, "Anatomy of high-performance matrix multiplication"), and the products, which stay
in the cache, are looked through at once. All numbers of a product are added in one order wherever its point lies, so
that equal points get equal scores.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numba import types

from semspace.index.beam_search import insert_key
from semspace.index.search_kernel import COSINE, rescore
from semspace.kernels.compiling import compiled, intrinsic
from semspace.kernels.simd import (
    FLOAT,
    FLOATS,
    LANES,
    VECTOR_BYTES,
    Intrinsic,
    Value,
    broadcast,
    cgutils,
    int64,
    load,
    load_number,
    multiply_add,
    store,
    variable,
    zeros,
)
from semspace.types import Floats1d, Floats2d, Floats3d, Int32s1d, Ints1d, Ints2d

GROUP = 6  # queries that share the numbers of a panel: as many sums as registers hold
IN_CACHE = 96  # queries that are compared with a panel while it is in the nearest cache
ALL = 1 << 40  # a difference of keys that is greater than any
_LOWEST = np.float32(-3e38)
_SHORT = 48  # keys, up to which moving them one by one is quicker


@intrinsic
def _multiply_panel(_typing: Any, panel: Any, query: Any, dim: Any, factors: Any, to: Any) -> Intrinsic:  # noqa: ARG001
    """Write products of `GROUP` queries, one behind the other at an address, with the 16 vectors of a panel.

    Each is multiplied by the factor of its vector.
    """

    def build(_context: Any, b: Value, _signature: Any, given: Sequence[Value]) -> None:
        sums = [variable(b, zeros(FLOATS)) for _ in range(GROUP)]
        size = b.mul(given[2], int64(4))
        with cgutils.for_range(b, given[2]) as loop:
            numbers = load(b, b.add(given[0], b.mul(loop.index, int64(VECTOR_BYTES))))
            own = b.add(given[1], b.mul(loop.index, int64(4)))
            for one, total in enumerate(sums):
                number = load_number(b, b.add(own, b.mul(size, int64(one))), FLOAT)
                b.store(multiply_add(b, broadcast(b, number), numbers, b.load(total)), total)
        for one, total in enumerate(sums):
            store(b, b.fmul(b.load(total), load(b, given[3])), b.add(given[4], int64(one * VECTOR_BYTES)))

    return types.void(*[types.int64] * 5), build


@compiled
def pack_panels(
    first: int, last: int, rows: Ints1d, base: Floats2d, more: Floats2d, sizes: Floats1d, metric: int, panels: Floats3d,
    factors: Floats1d,
) -> None:  # fmt: skip
    """Copy the vectors of some rows to panels `first` to `last`, with the factor that makes a score of a product."""
    dim = base.shape[1]
    for number in range(first, last):
        for lane in range(LANES):
            at = number * LANES + lane
            factors[at] = np.float32(0)
            if at >= len(rows):
                for d in range(dim):
                    panels[number, d, lane] = np.float32(0)
                continue
            row = rows[at]
            if row < len(base):
                for d in range(dim):
                    panels[number, d, lane] = base[row, d]
            else:
                for d in range(dim):
                    panels[number, d, lane] = more[row - len(base), d]
            factors[at] = np.float32(1) / sizes[row] if metric == COSINE and sizes[row] > 0 else np.float32(1)


@compiled
def compare_panels(
    first: int, last: int, queries: Floats2d, panels: Floats3d, factors: Floats1d, start: int, count: int,
    pools: Ints2d, held: Ints1d,
) -> None:  # fmt: skip
    """Compare queries `first` to `last` with `count` packed vectors, the first of which is number `start` of all.

    The best of each query are kept in its row of `pools`, best first, of which `held` are filled: the score, so that
    the greatest comes first, × 2³² + number × 2. There must be at least `GROUP` queries.
    """
    dim, most = queries.shape[1], pools.shape[1]
    products, place = _lanes(GROUP), np.empty(1, np.int32)
    number = place.view(np.float32)
    bounds = np.empty(IN_CACHE, np.float32)  # the least scores that the pools take
    for block in range(first, last, IN_CACHE):
        stop = min(block + IN_CACHE, last)
        for i in range(block, stop):
            bounds[i - block] = _bound(pools[i], held[i], number, place)
        for panel in range(-(-count // LANES)):
            for group in range(block, stop, GROUP):
                own = min(group, len(queries) - GROUP)  # some before it again, of other threads perhaps: only read
                _multiply_panel(
                    panels.ctypes.data + panel * dim * VECTOR_BYTES, queries.ctypes.data + own * dim * 4, dim,
                    factors.ctypes.data + panel * VECTOR_BYTES, products.ctypes.data,
                )  # fmt: skip
                for i in range(group, min(group + GROUP, stop)):
                    best = products[i - own, 0]
                    for lane in range(1, LANES):
                        best = max(best, products[i - own, lane])
                    if best <= bounds[i - block]:
                        continue
                    pool, size = pools[i], held[i]
                    for lane in range(min(LANES, count - panel * LANES)):
                        if products[i - own, lane] <= bounds[i - block]:
                            continue
                        number[0] = -products[i - own, lane]
                        key = (_ordered(np.int64(place[0])) << 32) | ((start + panel * LANES + lane) << 1)
                        if size < most or key < pool[size - 1]:
                            size = _insert(pool, size, most, key)
                    held[i] = size
                    bounds[i - block] = _bound(pool, size, number, place)


@compiled
def _insert(pool: Ints1d, size: int, most: int, key: int) -> int:
    """Insert a key that is less than the last of a full pool; return how many there are."""
    if most > _SHORT:
        insert_key(pool, size, most, key)
    else:
        at = min(size, most - 1)
        while at > 0 and pool[at - 1] > key:
            pool[at] = pool[at - 1]
            at -= 1
        pool[at] = key
    return min(size + 1, most)


@compiled
def _ordered(bits: int) -> int:
    """Return an integer that is greater for a greater float32, whose bits as an int32 these are; or those of it."""
    return bits if bits >= 0 else -(1 << 31) - bits


@compiled
def _lanes(rows: int) -> Floats2d:
    """Return rows of sixteen numbers, each at a multiple of 64 bytes."""
    raw = np.zeros((rows + 1) * LANES, np.float32)
    skip = (-raw.ctypes.data % VECTOR_BYTES) // 4
    return raw[skip : skip + rows * LANES].reshape(rows, LANES)


@compiled
def _bound(pool: Ints1d, size: int, number: Floats1d, place: Int32s1d) -> Any:
    """Return the least score that a full pool takes."""
    if size < len(pool):
        return _LOWEST
    place[0] = np.int32(_ordered(pool[size - 1] >> 32))
    return -number[0]


@compiled
def rescore_pools(
    first: int, last: int, queries: Floats2d, pools: Ints2d, held: Ints1d, rows: Ints1d, base: Floats2d, more: Floats2d,
    sizes: Floats1d, metric: int, found: Ints2d, scores: Floats2d,
) -> None:  # fmt: skip
    """Score what is in the pools of queries as all searches do, and fill in the best in order."""
    k = found.shape[1]
    for i in range(first, last):
        rescore(
            pools[i], held[i], k, ALL, rows, None, base, more, sizes, queries[i], metric, found[i], scores[i]
        )  # fmt: skip


@compiled
def compare_rows(
    first: int, last: int, queries: Floats2d, keys: Ints1d, rows: Ints1d, base: Floats2d, more: Floats2d,
    sizes: Floats1d, metric: int, found: Ints2d, scores: Floats2d,
) -> None:  # fmt: skip
    """Score all of some rows, and fill in the best in order; `keys` are those of a pool of them."""
    k = found.shape[1]
    for i in range(first, last):
        rescore(keys, len(keys), k, ALL, rows, None, base, more, sizes, queries[i], metric, found[i], scores[i])
