"""hnswlib's files: read without trust in any number of them, and written.

A file (hnswlib 0.8, `saveIndex` in hnswalg.h, little-endian) has a header of 96 bytes; for each point its links on the
lowest layer, its vector and its label; and for each point its links on upper layers. It names neither the space nor the
number of dimensions.
"""

from __future__ import annotations

import math
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np

from semspace.errors import DamagedError, InputError
from semspace.files import PathLike
from semspace.formats.vector_file import create_file, open_vectors
from semspace.index.foreign.linked_graph import LinkedGraph
from semspace.types import ArrayXd, Bools1d, Floats2d, Int32s2d, Ints1d, UInt32s1d, UInt64s1d

_HEADER = struct.Struct("<6QiI3QdQ")
_DELETED = 1  # the mark in the third byte of a point's number of links
_MOST_LINKS = 65_535  # of a point, whose number is written with two bytes
_HIGHEST = 255  # layers
_PIECE = 16_384  # points written at a time


@dataclass(frozen=True, eq=False)
class HnswlibContents:
    """What a file of hnswlib holds; point i is node i of the graph.

    Parameters
    ----------
    vectors : (n, dim) float32
        Of unit length in the space ``"cosine"``.
    labels : (n,) uint64
    deleted : (n,) bool
    graph : LinkedGraph
    ef_construction : int
    """

    vectors: Floats2d
    labels: UInt64s1d
    deleted: Bools1d
    graph: LinkedGraph
    ef_construction: int


@dataclass(frozen=True)
class _HnswlibHeader:
    count: int
    stride: int  # bytes of a point on the lowest layer
    dim: int
    highest: int
    entry: int
    most: int  # links of a point on the lowest layer
    m: int  # links of a point on an upper layer
    ef_construction: int

    @classmethod
    def of(cls, numbers: tuple[int | float, ...]) -> _HnswlibHeader | None:
        """Return the header with these numbers; None where hnswlib writes no such one."""
        first, room, count, stride, label_at, vector_at, highest, entry, m, most, chosen, factor, wide = numbers
        width = int(label_at) - int(vector_at)
        sound = (
            first == 0
            and count <= room
            and 0 < m <= _MOST_LINKS
            and 0 < most <= _MOST_LINKS
            and chosen == m
            and vector_at == 4 * int(most) + 4
            and width >= 0
            and width % 4 == 0
            and stride == int(label_at) + 8 < 2**31
            and math.isfinite(factor)
            and -1 <= highest <= _HIGHEST
        )
        if not sound:
            return None
        return cls(int(count), int(stride), width // 4, int(highest), int(entry), int(most), int(m), int(wide))

    def point(self) -> np.dtype[np.void]:
        """Return the type of a point on the lowest layer."""
        return np.dtype(
            {
                "names": ["count", "mark", "links", "vector", "label"],
                "formats": ["<u2", "u1", ("<u4", self.most), ("<f4", self.dim), "<u8"],
                "offsets": [0, 2, 4, 4 * self.most + 4, self.stride - 8],
                "itemsize": self.stride,
            }
        )


# -- reading --------------------------------------------------------------------------------------------------


def read_contents(path: PathLike, dim: int | None = None) -> HnswlibContents:
    """Read a file of hnswlib.

    Raises
    ------
    MissingFileError
        If there is no file at `path`.
    InputError
        If it is no file of hnswlib, is empty of points, or its vectors haven't `dim` dimensions.
    DamagedError
        If it is cut short, has bytes after its end, or holds numbers that hnswlib can't have written.
    """
    with open_vectors(path) as source:  # for its words about folders, pipes and other people's files
        place = source.path
    size = place.stat().st_size
    header = _read_header(place, size)
    if header.count == 0:
        raise InputError(f"{place} is an index of hnswlib without points; add some with hnswlib first")
    if dim is not None and dim != header.dim:
        raise InputError(f"dim={dim:,} was given, and the vectors in {place} have {header.dim:,} dimensions")
    if header.dim == 0:
        raise InputError(f"the vectors in {place} have no dimensions, so there is nothing to compare")
    end = _HEADER.size + header.count * header.stride
    if end + 4 * header.count > size:  # before anything of this size is allocated
        raise DamagedError(
            f"{place} is cut short: its header announces {header.count:,} points of {header.stride:,} bytes, and it "
            f"has {size:,} bytes; fetch or save it again"
        )
    points = np.memmap(place, header.point(), mode="r", offset=_HEADER.size, shape=(header.count,))
    if (size - end) % 4:
        raise _damaged(place, f"{(size - end) % 4} bytes after its end")
    words = np.fromfile(place, "<u4", offset=end)
    levels, upper = _read_upper(place, header, words)
    links = _filled(place, header, points["count"], points["links"], "the lowest layer")
    with np.errstate(over="ignore"):
        labels = np.array(points["label"])
    if len(np.unique(labels)) < len(labels):
        raise _damaged(place, "a label twice")
    try:
        graph = LinkedGraph(links, upper, levels, header.entry)
        graph.check_links()
    except ValueError as problem:
        raise _damaged(place, f"a graph that can't be searched: {problem}") from problem
    if int(levels.max()) != header.highest:
        raise _damaged(place, f"{header.highest} as its highest layer, which is {int(levels.max())}")
    deleted = (points["mark"] & _DELETED).astype(np.bool_)
    vectors = np.ascontiguousarray(points["vector"], np.float32)
    return HnswlibContents(vectors, labels, deleted, graph, header.ef_construction)


def _read_header(place: Path, size: int) -> _HnswlibHeader:
    with open(place, "rb") as file:
        start = file.read(_HEADER.size)
    header = _HnswlibHeader.of(_HEADER.unpack(start)) if len(start) == _HEADER.size else None
    if header is None:
        raise InputError(
            f"{place} is no index that hnswlib 0.8 has saved: its first {_HEADER.size} bytes ({size:,} in all) aren't "
            f"such a header; for files of other libraries see ss.read_vectors"
        )
    return header


def _read_upper(place: Path, header: _HnswlibHeader, words: UInt32s1d) -> tuple[ArrayXd, Int32s2d]:
    """Return the highest layer of each point, and the links on upper layers."""
    width = header.m + 1
    levels = np.zeros(header.count, np.uint8)
    starts: list[int] = []  # of each point on each layer
    at, known = 0, words.data
    for node in range(header.count):
        if at >= len(words):
            raise _cut(place, node)
        length, at = known[at], at + 1
        if length:
            level, rest = divmod(length, 4 * width)
            if rest or level > header.highest:
                raise _damaged(place, f"{length:,} bytes of upper links of point {node:,}")
            if at + level * width > len(words):
                raise _cut(place, node)
            levels[node] = level
            starts.extend(range(at, at + level * width, width))
            at += level * width
    if at != len(words):
        raise _damaged(place, f"{4 * (len(words) - at):,} bytes after its end")
    rows = words[np.array(starts, np.int64)[:, None] + np.arange(width)]
    return levels, _filled(place, header, rows[:, 0] & 0xFFFF, rows[:, 1:], "an upper layer")


def _filled(place: Path, header: _HnswlibHeader, counts: ArrayXd, links: ArrayXd, where: str) -> Int32s2d:
    """Return links with -1 in place of what lies behind as many as there are."""
    if len(counts) and counts.max() > links.shape[1]:
        raise _damaged(place, f"{counts.max():,} links of a point on {where}, which has room for {links.shape[1]:,}")
    there = np.arange(links.shape[1]) < counts[:, None]
    if (links >= header.count)[there].any():
        raise _damaged(place, f"a link on {where} to a point that doesn't exist")
    return np.where(there, links.astype(np.int32), np.int32(-1))


def _cut(place: Path, node: int) -> DamagedError:
    return DamagedError(
        f"{place} is cut short: it ends before the upper links of point {node:,}; fetch or save it again"
    )


def _damaged(place: Path, what: str) -> DamagedError:
    return DamagedError(f"{place} is damaged: it holds {what}; fetch or save it again")


# -- writing --------------------------------------------------------------------------------------------------


def write_contents(contents: HnswlibContents, path: PathLike, *, overwrite: bool = False) -> None:
    """Write a file that hnswlib opens; it appears whole or not at all.

    Raises
    ------
    ExistsError
        If `path` exists.
    """
    graph, (count, dim) = contents.graph, contents.vectors.shape
    most, m = graph.links.shape[1], graph.m
    vector_at = 4 * most + 4
    label_at = vector_at + 4 * dim
    header = _HnswlibHeader(
        count, label_at + 8, dim, int(graph.levels.max()), graph.entry, most, m, contents.ef_construction
    )
    with create_file(path, overwrite=overwrite) as file:
        file.write(
            _HEADER.pack(
                0, count, count, header.stride, label_at, vector_at, header.highest, header.entry, m, most, m,
                1 / math.log(m) if m > 1 else 0.0, header.ef_construction,
            )
        )  # fmt: skip
        for start in range(0, count, _PIECE):
            _write_points(contents, header, start, file)
        file.write(_upper_words(graph).tobytes())


def _write_points(contents: HnswlibContents, header: _HnswlibHeader, start: int, file: BinaryIO) -> None:
    part = slice(start, start + _PIECE)
    links = contents.graph.links[part]
    points = np.zeros(len(links), header.point())
    points["count"] = (links >= 0).sum(axis=1)
    points["mark"] = contents.deleted[part] * _DELETED
    points["links"] = np.maximum(links, 0)
    points["vector"] = contents.vectors[part]
    points["label"] = contents.labels[part]
    file.write(points.tobytes())


def _upper_words(graph: LinkedGraph) -> UInt32s1d:
    """Return the upper links as they lie in a file."""
    width = graph.m + 1
    levels = graph.levels.astype(np.int64)
    starts = np.arange(len(levels)) + graph.first_upper * width
    words = np.zeros(len(levels) + len(graph.upper) * width, "<u4")
    words[starts] = 4 * width * levels
    own: Ints1d = np.repeat(np.arange(len(levels)), levels)
    rows = starts[own] + 1 + (np.arange(len(graph.upper)) - graph.first_upper[own]) * width
    words[rows] = (graph.upper >= 0).sum(axis=1)
    words[rows[:, None] + np.arange(1, width)] = np.maximum(graph.upper, 0)
    return words
