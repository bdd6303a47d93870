"""Points that are to be added to an index or to replace points of it: the checks of their form."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import polars as pl

from semspace import checks
from semspace.errors import InputError
from semspace.index.collection import Collection
from semspace.space import TextEncoder
from semspace.text.dataframes import as_polars
from semspace.types import Floats2d, Id

NewPoints = tuple[list[str], Floats2d, pl.DataFrame | None]  # ids, vectors, metadata


def read_new_points(
    points: Collection, encoder: TextEncoder | None, ids: Sequence[Id], vectors: Any, metadata: Any | None
) -> NewPoints:
    """Return ids, vectors and metadata of new points, or raise `InputError`; texts are encoded as documents."""
    names = checks.ids("ids", ids)
    checks.unique("ids", names)
    table = None if metadata is None else as_polars(metadata)
    if isinstance(vectors, str) or not hasattr(vectors, "__iter__"):
        raise InputError(f"vectors must be a matrix of numbers, or a list of texts; got {type(vectors).__name__}")
    rows: Any = vectors if isinstance(vectors, np.ndarray) else list(vectors)
    if len(rows) and isinstance(rows[0], str):
        table = _with_texts(points.columns, rows, table)
        rows = _encoded(rows, encoder)
    matrix = checks.matrix("vectors", rows, dim=points.dim) if names else np.empty((0, points.dim), np.float32)
    if len(matrix) != len(names):
        raise InputError(f"ids and vectors must have the same length; got {len(names)} ids and {len(matrix)} vectors")
    if names:
        checks.finite_rows("the vector", matrix, np.array(names, object))
    return names, matrix, table


def _encoded(texts: Sequence[str], encoder: TextEncoder | None) -> Floats2d:
    texts = checks.strings("texts", texts)
    if encoder is None:
        raise InputError("this index has no encoder, so it can't take texts; give vectors")
    encode = getattr(encoder, "encode_documents", encoder.encode)
    vectors: Floats2d = encode(texts)
    return vectors


def _with_texts(columns: Sequence[str], texts: Sequence[str], table: pl.DataFrame | None) -> pl.DataFrame | None:
    """Return the metadata with the texts in the column ``text``, if the points have one."""
    if "text" not in columns or (table is not None and "text" in table.columns):
        return table
    column = pl.Series("text", list(texts), dtype=pl.String)
    return pl.DataFrame([column]) if table is None else table.with_columns(column)
