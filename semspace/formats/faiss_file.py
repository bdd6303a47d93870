"""faiss's files: the float32 vectors of flat and HNSW indexes, with their ids.

As `read_index` of faiss 1.15 reads them: four letters, a header, and what the kind of index has. Indexes that hold
vectors as codes only (PQ, SQ, IVF with other than flat lists) aren't read, since their vectors are gone.
"""

from __future__ import annotations

import struct

import numpy as np

from semspace.errors import DamagedError, InputError
from semspace.formats.vector_file import VectorFile
from semspace.formats.vector_table import VectorTable
from semspace.types import Floats2d, Ints1d

_FLAT = (b"IxF2", b"IxFI", b"IxFl")
_MAPPED = (b"IxMp", b"IxM2")  # another index, and then the id of each of its vectors
_HNSW = (b"IHNf",)  # a graph, and then a flat index
_OTHERS = (b"IwFl", b"IwPQ", b"IwSq", b"IxPq", b"IxSQ", b"IHNs", b"IHNp", b"IxRF", b"IxPT", b"IxHe", b"IBxF", b"IwQR")
_HEADER = struct.Struct("<iqqq?i")
_GRAPH_SIZES = (8, 4, 4, 8, 4)  # bytes of an item of each list of a graph
_GRAPH_END = 5 * 4  # entry, highest layer, two widths, and a number that faiss doesn't use any more
_DEEPEST = 4  # indexes inside each other
_MOST_DIMENSIONS = 1 << 20


def is_faiss(head: bytes) -> bool:
    """Check whether a file begins as those of faiss do."""
    return head[:4] in (*_FLAT, *_MAPPED, *_HNSW, *_OTHERS) and head[7:8] == b"\0"


def read_faiss(source: VectorFile, limit: int | None, encoding: str, keep_bad: bool) -> VectorTable:  # noqa: ARG001
    """Read the vectors of an index; their words are their ids, or else their positions."""
    vectors, ids = _read_index(source, _DEEPEST)
    if source.read(1):
        raise DamagedError(f"{source.path} is damaged: it holds bytes after its end; save it again")
    words = [str(id) for id in ids[:limit].tolist()]
    vectors = vectors[:limit]
    vectors.setflags(write=False)
    return VectorTable(words, vectors)


def _read_index(source: VectorFile, deepest: int) -> tuple[Floats2d, Ints1d]:
    kind = source.take(4, "the kind of index")
    if kind not in (*_FLAT, *_MAPPED, *_HNSW) or not deepest:
        raise InputError(
            f"{source.path} holds an index of faiss of the kind {kind.decode('latin-1')!r}; semspace reads the vectors "
            f"of IndexFlat, IndexHNSWFlat and IndexIDMap over these, whose vectors are float32: copy them to one by "
            f"reconstruct_n"
        )
    dim, count = _read_header(source)
    if kind in _FLAT:
        numbers = _read_count(source, "the number of values")
        if numbers != count * dim:
            raise DamagedError(
                f"{source.path} is damaged: it announces {count:,} vectors of {dim:,} dimensions and {numbers:,} values"
            )
        return source.matrix(count, dim, "the vectors"), np.arange(count)
    if kind in _HNSW:
        for size in _GRAPH_SIZES:
            source.skip(size * _read_count(source, "the graph"), "the graph")
        source.skip(_GRAPH_END, "the graph")
    vectors, ids = _read_index(source, deepest - 1)
    if vectors.shape != (count, dim):
        raise DamagedError(f"{source.path} is damaged: an index of {(count, dim)} holds one of {vectors.shape}")
    if kind in _MAPPED:
        if _read_count(source, "the ids") != count:
            raise DamagedError(f"{source.path} is damaged: it hasn't an id for each of its {count:,} vectors")
        ids = np.frombuffer(source.take(8 * count, "the ids"), "<i8")
    return vectors, ids


def _read_header(source: VectorFile) -> tuple[int, int]:
    dim, count, _, _, _, metric = _HEADER.unpack(source.take(_HEADER.size, "the header"))
    if not (0 < dim <= _MOST_DIMENSIONS and count >= 0):
        raise DamagedError(f"{source.path} is damaged: it announces {count:,} vectors of {dim:,} dimensions")
    if metric > 1:
        source.take(4, "the header")  # the metric's own parameter
    return dim, count


def _read_count(source: VectorFile, what: str) -> int:
    return int.from_bytes(source.take(8, what), "little")
