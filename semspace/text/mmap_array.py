"""Arrays of one axis that may be larger than memory: written piece by piece, mapped, read without staying resident."""

from __future__ import annotations

import mmap
import os
import shutil
import tempfile
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]

PIECE = 1 << 20  # values read at a time
# Around a page that is read the system maps others, up to a large page. Those of a part that another thread is done
# with would stay, so as much is given back.
_AROUND = 1 << 21
_SMALL = 16 << 20  # bytes: an array this small is read into memory, and its file is done with


class Growing:
    """An .npy file of one axis that grows at its end; use it as a context, which writes the final length."""

    def __init__(self, path: Path, dtype: npt.DTypeLike) -> None:
        self._file = open(path, "wb")  # noqa: SIM115  (closed by __exit__)
        self._dtype = np.dtype(dtype)
        self.length = 0
        self._header()

    def _header(self) -> None:
        # numpy leaves space in the header for a length that grows.
        shape = {"descr": self._dtype.str, "fortran_order": False, "shape": (self.length,)}
        np.lib.format.write_array_header_1_0(self._file, shape)

    def append(self, values: Array) -> None:
        """Write values at the end."""
        self._file.write(np.ascontiguousarray(values, dtype=self._dtype).data)
        self.length += len(values)

    def __enter__(self) -> Growing:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        with self._file:
            if kind is None:
                self._file.seek(0)
                self._header()


def write(path: Path, array: Array) -> None:
    """Write an array as an .npy file, piece by piece."""
    with Growing(path, array.dtype) as file:
        for _, piece in pieces(array):
            file.append(piece)


def mapped(path: Path) -> Array:
    """Open an .npy file memory-mapped and read-only."""
    array: Array = np.load(path, mmap_mode="r", allow_pickle=False)
    return array


@contextmanager
def temporary_folder() -> Iterator[Path]:
    """Give a folder that is gone if the block raises; otherwise it is someone else's by then."""
    folder = Path(tempfile.mkdtemp(prefix="semspace-"))
    try:
        yield folder
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise


def taken(folder: Path, *names: str) -> tuple[Array, ...]:
    """Take the arrays NAME.npy out of a folder that nobody else knows: it goes as soon as they don't need it."""
    paths = [folder / f"{name}.npy" for name in names]
    arrays = [_read(path) if path.stat().st_size <= _SMALL else mapped(path) for path in paths]
    maps = [own for array in arrays if (own := _map_of(array)) is not None]
    if os.name == "posix" or not maps:  # a mapped file lives on without its name
        shutil.rmtree(folder)
    else:
        for own, path in zip(maps, paths, strict=False):
            weakref.finalize(own, shutil.rmtree, path.parent, ignore_errors=True)
    return tuple(arrays)


def piece(array: Array, start: int, stop: int) -> Array:
    """Copy a part of an array; of a mapped one, no page stays in memory."""
    copy: Array = np.array(array[start:stop])
    release(array[start:stop])
    return copy


def part(array: Array, start: int, stop: int) -> Array:
    """Give a part of an array to read: of a mapped one a copy, else a view."""
    return array[start:stop] if _map_of(array) is None else _closed(piece(array, start, stop))


def pieces(array: Array, size: int = PIECE) -> Iterator[tuple[int, Array]]:
    """Walk an array in parts, each with its start; one without values in one part."""
    for start in range(0, max(len(array), 1), size):
        yield start, part(array, start, min(start + size, len(array)))


def _read(path: Path) -> Array:
    array: Array = np.load(path, allow_pickle=False)
    return _closed(array)


def _closed(array: Array) -> Array:
    array.setflags(write=False)
    return array


def _map_of(array: Array) -> mmap.mmap | None:
    base: Any = array
    while isinstance(base, np.ndarray):
        base = base.base
    return base if isinstance(base, mmap.mmap) else None


def release(values: Array) -> None:
    """Tell the system that the pages behind values aren't needed; read again, they come from its cache or the disk."""
    own = _map_of(values)
    if own is None or not hasattr(own, "madvise") or not len(values):  # Windows trims by itself
        return
    whole = np.frombuffer(own, np.uint8)
    base, start = whole.ctypes.data, values.ctypes.data
    first, last = start // _AROUND * _AROUND, -(-(start + values.nbytes) // _AROUND) * _AROUND
    first = max(first - base, 0)
    own.madvise(mmap.MADV_DONTNEED, first, min(last - base, len(whole)) - first)
