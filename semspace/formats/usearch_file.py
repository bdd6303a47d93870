"""usearch's files: the vectors of an index in float16, bfloat16, float32 or float64, with their keys.

As usearch 2 writes them: a matrix of vectors, a head of 64 bytes, and a graph that has the key of each vector.
"""

from __future__ import annotations

import struct

import numpy as np

from semspace.errors import DamagedError, InputError
from semspace.formats.vector_file import VectorFile
from semspace.formats.vector_table import VectorTable
from semspace.types import ArrayXd, Floats2d, UInt64s1d

_MAGIC = b"usearch"
_HEAD = struct.Struct("<7s3H4B3Q?")  # of 64 bytes, of which the last are empty
_HEAD_SIZE = 64
_GRAPH = struct.Struct("<5Q")  # size, links on upper layers, links on the lowest, the highest layer, the entry
_KEY, _SLOT = 14, 15  # types of a key (uint64) and of a link (uint32)
_TYPES = {4: ("bfloat16", "<u2"), 10: ("float64", "<f8"), 11: ("float32", "<f4"), 12: ("float16", "<f2")}
_FREE = 2**64 - 1  # the key of a deleted vector
_VERSION = 2


def is_usearch(source: VectorFile) -> bool:
    """Check whether the head of an index follows the matrix that a file begins with."""
    start = source.peek()
    if len(start) < 8:
        return False
    rows, width = struct.unpack("<2I", start[:8])
    at = 8 + rows * width
    if at < len(start):
        return start.startswith(_MAGIC, at)
    if at >= source.path.stat().st_size:
        return False
    with open(source.path, "rb") as file:  # of one that is packed, no more than the start is looked at
        file.seek(at)
        return file.read(len(_MAGIC)) == _MAGIC


def read_usearch(source: VectorFile, limit: int | None, encoding: str, keep_bad: bool) -> VectorTable:  # noqa: ARG001
    """Read the vectors of an index in the order in which they were added; their words are their keys."""
    rows, width = struct.unpack("<2I", source.take(8, "the number of vectors"))
    data = source.take(rows * width, "the vectors")
    kind, dim = _read_head(source)
    name, number = _TYPES[kind]
    if width != dim * np.dtype(number).itemsize:
        raise _damaged(source, f"vectors of {width:,} bytes for {dim:,} dimensions of {name}")
    stored = np.frombuffer(data, number).reshape(rows, dim)
    keys = _read_keys(source, rows)
    live = np.flatnonzero(keys != np.uint64(_FREE))[:limit]
    vectors = _floats(stored[live], name)
    vectors.setflags(write=False)
    return VectorTable([str(key) for key in keys[live].tolist()], vectors)


def _read_head(source: VectorFile) -> tuple[int, int]:
    """Return the type of the vectors and their dimensions."""
    head = source.take(_HEAD_SIZE, "the head")
    if not head.startswith(_MAGIC):
        raise _damaged(source, "no head of usearch behind its vectors")
    _, major, _, _, _, kind, key, slot, _, _, dim, _ = _HEAD.unpack(head[: _HEAD.size])
    if major != _VERSION or (key, slot) != (_KEY, _SLOT) or kind not in _TYPES:
        raise InputError(
            f"{source.path} was written by version {major} of usearch with vectors of type {kind}; semspace reads "
            f"those of version {_VERSION} with float16, bfloat16, float32 or float64, and keys and links as usual"
        )
    return kind, dim


def _read_keys(source: VectorFile, rows: int) -> UInt64s1d:
    """Return the key of each vector from the graph, which follows them."""
    size, m, most, _, _ = _GRAPH.unpack(source.take(_GRAPH.size, "the graph"))
    if size != rows:
        raise _damaged(source, f"{rows:,} vectors and a graph of {size:,} points")
    levels = np.frombuffer(source.take(2 * rows, "the graph"), "<i2").tolist()
    keys = np.empty(rows, np.uint64)
    for at, level in enumerate(levels):
        if level < 0:
            raise _damaged(source, f"{level} as a layer")
        keys[at], own = struct.unpack("<Qh", source.take(10, "the graph"))
        if own != level:
            raise _damaged(source, f"two highest layers of one point, {level} and {own}")
        source.skip(4 * (most + 1) + level * 4 * (m + 1), "the graph")
    if source.read(1):
        raise _damaged(source, "bytes after its end")
    return keys


def _floats(stored: ArrayXd, name: str) -> Floats2d:
    if name == "bfloat16":  # the upper half of a float32
        whole = np.zeros((*stored.shape, 2), "<u2")
        whole[..., 1] = stored
        return whole.view("<f4")[..., 0]
    return np.array(stored, np.float32)


def _damaged(source: VectorFile, what: str) -> DamagedError:
    return DamagedError(f"{source.path} is damaged: it holds {what}; save it again")
