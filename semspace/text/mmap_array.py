"""One-dimensional arrays in .npy files that may be larger than memory: appended to, mapped, and read in slices."""

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

from semspace.types import ArrayXd

SLICE_LENGTH = 1 << 20  # number of values read at a time
# Reading a page, the system also maps pages around it, up to a large page of so many bytes; pages that another thread
# has released would stay that way, so as much is released.
_AROUND = 1 << 21
_SMALL = 16 << 20  # number of bytes up to which an array is read into memory instead of mapped


class GrowingArray:
    """An .npy file that is appended to; it is a context manager that writes the final length at exit."""

    def __init__(self, path: Path, dtype: npt.DTypeLike) -> None:
        self._file = open(path, "wb")  # noqa: SIM115  (closed by __exit__)
        self._dtype = np.dtype(dtype)
        self.length = 0
        self._header()

    def _header(self) -> None:
        # numpy's header has space for a growing length.
        shape = {"descr": self._dtype.str, "fortran_order": False, "shape": (self.length,)}
        np.lib.format.write_array_header_1_0(self._file, shape)

    def append(self, values: ArrayXd) -> None:
        """Append values."""
        self._file.write(np.ascontiguousarray(values, dtype=self._dtype).data)
        self.length += len(values)

    def __enter__(self) -> GrowingArray:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        with self._file:
            if kind is None:
                self._file.seek(0)
                self._header()


def write_npy(path: Path, array: ArrayXd) -> None:
    """Write an array as an .npy file, slice by slice."""
    with GrowingArray(path, array.dtype) as file:
        for _, piece in iter_slices(array):
            file.append(piece)


def open_npy(path: Path) -> ArrayXd:
    """Open an .npy file, memory-mapped and read-only."""
    array: ArrayXd = np.load(path, mmap_mode="r", allow_pickle=False)
    return array


@contextmanager
def temporary_folder() -> Iterator[Path]:
    """Create a temporary folder that is deleted if the block raises; otherwise the caller takes care of it."""
    folder = Path(tempfile.mkdtemp(prefix="semspace-"))
    try:
        yield folder
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise


def take_arrays(folder: Path, *names: str) -> tuple[ArrayXd, ...]:
    """Return the arrays NAME.npy of a temporary folder, which is deleted as soon as they don't need it."""
    paths = [folder / f"{name}.npy" for name in names]
    arrays = [_read(path) if path.stat().st_size <= _SMALL else open_npy(path) for path in paths]
    maps = [memory_map for array in arrays if (memory_map := _map_of(array)) is not None]
    if os.name == "posix" or not maps:  # a mapped file stays readable after its deletion
        shutil.rmtree(folder)
    else:
        for memory_map, path in zip(maps, paths, strict=False):
            weakref.finalize(memory_map, shutil.rmtree, path.parent, ignore_errors=True)
    return tuple(arrays)


def copy_slice(array: ArrayXd, start: int, stop: int) -> ArrayXd:
    """Return a copy of a slice; pages of a mapped array don't stay in memory."""
    copy: ArrayXd = np.array(array[start:stop])
    release_pages(array[start:stop])
    return copy


def read_slice(array: ArrayXd, start: int, stop: int) -> ArrayXd:
    """Return a read-only slice: a copy if the array is mapped, else a view."""
    return array[start:stop] if _map_of(array) is None else _closed(copy_slice(array, start, stop))


def iter_slices(array: ArrayXd, size: int = SLICE_LENGTH) -> Iterator[tuple[int, ArrayXd]]:
    """Iterate over slices with their starts; an empty array has one slice."""
    for start in range(0, max(len(array), 1), size):
        yield start, read_slice(array, start, min(start + size, len(array)))


def _read(path: Path) -> ArrayXd:
    array: ArrayXd = np.load(path, allow_pickle=False)
    return _closed(array)


def _closed(array: ArrayXd) -> ArrayXd:
    array.setflags(write=False)
    return array


def _map_of(array: ArrayXd) -> mmap.mmap | None:
    base: Any = array
    while isinstance(base, np.ndarray):
        base = base.base
    return base if isinstance(base, mmap.mmap) else None


def release_pages(values: ArrayXd) -> None:
    """Release the pages behind mapped values; when read again they come from the system's cache or the disk."""
    memory_map = _map_of(values)
    if memory_map is None or not hasattr(memory_map, "madvise") or not len(values):  # Windows does so by itself
        return
    mapped = np.frombuffer(memory_map, np.uint8)
    base, start = mapped.ctypes.data, values.ctypes.data
    first, last = start // _AROUND * _AROUND, -(-(start + values.nbytes) // _AROUND) * _AROUND
    first = max(first - base, 0)
    memory_map.madvise(mmap.MADV_DONTNEED, first, min(last - base, len(mapped)) - first)
