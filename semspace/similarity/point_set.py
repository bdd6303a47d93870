"""`PointSet`: what queries need of a space."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

import numpy as np
import numpy.typing as npt
import polars as pl

from semspace.similarity.byte_screen import ByteScreen
from semspace.text_encoder import TextEncoder
from semspace.types import Floats1d, Floats2d


class PointSet(Protocol):
    """Points with ids and vectors; a `Space` is one."""

    @property
    def ids(self) -> npt.NDArray[np.object_]:
        """Unique names, shape (n,)."""

    @property
    def vectors(self) -> Floats2d:
        """Shape (n, dim)."""

    @property
    def norms(self) -> Floats1d:
        """Euclidean length of each vector, shape (n,)."""

    @property
    def metadata(self) -> pl.DataFrame | None:
        """One row for each point."""

    @property
    def encoder(self) -> TextEncoder | None:
        """What encodes queries that aren't ids."""

    @property
    def dim(self) -> int:
        """Number of dimensions."""

    @property
    def _rows(self) -> Mapping[str, int]:
        """The row of each id."""

    @property
    def _name(self) -> str:
        """What the points are called in messages."""

    @property
    def _local_means(self) -> Floats1d:
        """Mean cosine of each point to its nearest ones, shape (n,)."""

    @property
    def _byte_screen(self) -> ByteScreen | None:
        """The vectors as bytes, once there have been many single queries."""

    def to_frame(self) -> pl.DataFrame:
        """Return ids and metadata as a table."""
