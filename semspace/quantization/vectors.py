"""`QuantizedVectors`: a matrix of float32 for those who read it, which is stored in fewer bytes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NoReturn

import numpy as np
import numpy.typing as npt

from semspace import checks
from semspace.quantization.codec import VectorCodec
from semspace.quantization.lookup import BinaryCodec, ProductCodec, check_code_bytes
from semspace.quantization.numbers import Float16Codec, Int8Codec
from semspace.types import ArrayXd, Doubles1d, Floats2d

PRECISIONS = ("float32", "float16", "int8", "binary", "product")
_ROWS = 16_384  # vectors decoded at a time
_SAMPLE = 20_000  # vectors that a codec is fitted to, evenly spread


class QuantizedVectors:
    """Vectors stored as codes; the rows that are read are decoded to float32, and only those.

    It has the shape, and the indexing, of a float32 matrix, and numpy's functions take it, decoding all of it. Its
    numbers are those that the codes stand for: nearly the original ones.

    Parameters
    ----------
    codes : ndarray, shape (n, width)
        In memory or mapped from a file; read-only.
    codec : VectorCodec
    """

    ndim = 2
    dtype = np.dtype(np.float32)

    def __init__(self, codes: ArrayXd, codec: VectorCodec) -> None:
        self.codes, self.codec = checks.frozen(codes), codec

    @classmethod
    def of(cls, vectors: Floats2d, precision: str, code_bytes: int | None = None) -> QuantizedVectors:
        """Return vectors in a lower precision, whose codec is fitted to up to 20,000 of them.

        The ranges of 8-bit integers, and the check of half precision, are taken over all vectors.
        """
        check_code_bytes(code_bytes, precision)
        codec = _fitted(vectors, precision, code_bytes)
        codes = np.empty((len(vectors), codec.width), codec.dtype)
        for start in range(0, len(vectors), _ROWS):
            codes[start : start + _ROWS] = codec.encode(vectors[start : start + _ROWS])
        codes.setflags(write=False)
        return cls(codes, codec)

    # -- as a matrix --------------------------------------------------------------------------------------

    @property
    def precision(self) -> str:
        """The name of the precision."""
        return self.codec.precision

    @property
    def shape(self) -> tuple[int, int]:
        """Number of vectors, and of dimensions."""
        return len(self.codes), self.codec.dim

    @property
    def nbytes(self) -> int:
        """Bytes of the codes."""
        return self.codes.nbytes

    @property
    def flags(self) -> Any:
        """The flags of the codes, which are read-only."""
        return self.codes.flags

    def __len__(self) -> int:
        return len(self.codes)

    def __iter__(self) -> Iterator[ArrayXd]:
        for start in range(0, len(self), _ROWS):
            yield from self[start : start + _ROWS]

    def __getitem__(self, key: Any) -> ArrayXd:
        rows, columns = (key[0], tuple(key[1:])) if isinstance(key, tuple) else (key, ())
        is_one = isinstance(rows, (int, np.integer))
        decoded: ArrayXd = self.codec.decode(np.asarray(self.codes[[rows] if is_one else rows]))
        place = (0 if is_one else slice(None), *columns)
        chosen: ArrayXd = decoded[place]
        return chosen

    def __array__(self, dtype: npt.DTypeLike | None = None, copy: bool | None = None) -> ArrayXd:
        if copy is False:
            raise ValueError("quantised vectors are decoded when they are read, which makes a copy")
        vectors = np.empty(self.shape, np.float32)
        for start in range(0, len(self), _ROWS):
            vectors[start : start + _ROWS] = self[start : start + _ROWS]
        return vectors if dtype is None else vectors.astype(dtype, copy=False)

    def __getattr__(self, name: str) -> NoReturn:
        if name.startswith("__") or name in ("codes", "codec"):  # asked by copy and pickle before they are set
            raise AttributeError(name)
        raise AttributeError(
            f"vectors of the precision {self.precision!r} have no attribute {name!r}; np.asarray(space.vectors) is a "
            f"matrix of float32"
        )

    # -- without a float32 matrix -------------------------------------------------------------------------

    def mean(self, axis: int = 0, dtype: npt.DTypeLike = np.float64) -> Doubles1d:
        """Return the mean of the vectors, shape (dim,)."""
        if axis != 0:
            means: Doubles1d = np.asarray(self).mean(axis=axis, dtype=dtype)
            return means
        total = np.zeros(self.shape[1], dtype)
        for start in range(0, len(self), _ROWS):
            total += self[start : start + _ROWS].sum(axis=0, dtype=dtype)
        return total / len(self)

    def products(self, queries: Floats2d) -> Floats2d:
        """Return the inner products with queries (m, dim), shape (m, n); a few thousand vectors are decoded at once."""
        found = np.empty((len(queries), len(self)), np.float32)
        for start in range(0, len(self), _ROWS):
            found[:, start : start + _ROWS] = self.codec.products(self.codes[start : start + _ROWS], queries)
        return found

    def take(self, rows: Any) -> QuantizedVectors:
        """Return some of the vectors, in the same precision."""
        return QuantizedVectors(self.codes[rows], self.codec)

    def extended(self, vectors: Floats2d) -> QuantizedVectors:
        """Return these vectors and more, in the same precision and by the same codec."""
        return QuantizedVectors(np.concatenate([self.codes, self.codec.encode(vectors)]), self.codec)


def as_quantized(vectors: Any) -> QuantizedVectors | None:
    """Return vectors if they are quantised, and None if they are a matrix of float32."""
    return vectors if isinstance(vectors, QuantizedVectors) else None


def _fitted(vectors: Floats2d, precision: str, code_bytes: int | None) -> VectorCodec:
    """Return the codec of a precision, fitted to vectors."""
    if precision == Float16Codec.precision:
        return Float16Codec.fit(vectors)
    if precision == Int8Codec.precision:
        return Int8Codec.fit(vectors)
    sample = vectors[:: max(1, len(vectors) // _SAMPLE)]
    return BinaryCodec.fit(sample) if precision == BinaryCodec.precision else ProductCodec.fit(sample, code_bytes)
