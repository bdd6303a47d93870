"""`VectorCodec`: what the ways of storing a vector in fewer bytes have in common."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Protocol

from semspace.types import ArrayXd, Floats2d


class VectorCodec(Protocol):
    """Converts vectors of float32 to codes, and codes back to vectors that are nearly the same."""

    precision: ClassVar[str]
    dtype: ClassVar[str]

    @property
    def dim(self) -> int:
        """Number of dimensions of the vectors."""
        ...

    @property
    def width(self) -> int:
        """Number of columns of the codes."""
        ...

    def encode(self, vectors: Floats2d) -> ArrayXd:
        """Return the codes, shape (n, width), of vectors of shape (n, dim)."""
        ...

    def decode(self, codes: ArrayXd) -> Floats2d:
        """Return the vectors that codes stand for, shape (n, dim)."""
        ...

    def products(self, codes: ArrayXd, queries: Floats2d) -> Floats2d:
        """Return the inner products of queries (m, dim), which aren't rounded, and of coded vectors, shape (m, n)."""
        ...

    def arrays(self) -> Mapping[str, ArrayXd]:
        """Return the arrays that the codec consists of, by the names of its fields."""
        ...
