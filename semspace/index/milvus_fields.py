"""How a table's columns lie in Milvus: its field types are few, and its field names are strict."""

from __future__ import annotations

import base64
import io
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from semspace.errors import InputError

ID, VECTOR = "id", "vector"
LONGEST = 65_535  # bytes of UTF-8 in one text: Milvus' own limit
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,200}")
# Words of Milvus' conditions, which can't be told from a field of that name.
_WORDS = frozenset(
    ["and", "exists", "false", "id", "in", "interval", "is", "iso", "like", "not", "null", "or", "true", "vector"]
    + ["array_length", "empty", "phrase_match", "random_sample", "text_match"]
    + [f"{what}_contains{how}" for what in ("array", "json") for how in ("", "_all", "_any")]
)

# What a column is to Milvus. "time" is kept as its whole number of days or ticks, so that it can be compared; "json" is
# text that only this file reads.
KINDS = {"whole": "INT64", "time": "INT64", "float": "DOUBLE", "bool": "BOOL", "text": "VARCHAR", "json": "VARCHAR"}


def kind_of(dtype: pl.DataType) -> str | None:
    """Return which of `KINDS` a column of this type is, or None where Milvus can't restore it unchanged."""
    if dtype.is_integer():
        return "whole"
    if dtype.is_temporal():
        return "time"
    if dtype.is_float():
        return "float"
    if dtype == pl.Boolean:
        return "bool"
    if dtype in (pl.String, pl.Categorical, pl.Enum):
        return "text"
    return "json" if _writes_as_json(dtype) else None


def _writes_as_json(dtype: pl.DataType) -> bool:
    if isinstance(dtype, pl.List):
        return _writes_as_json(dtype.inner)  # type: ignore[arg-type]
    if isinstance(dtype, pl.Struct):
        return all(_writes_as_json(field.dtype) for field in dtype.fields)  # type: ignore[arg-type]
    return dtype in (pl.Null, pl.Decimal, pl.Date, pl.Datetime) or _is_plain(dtype)


def _is_plain(dtype: pl.DataType) -> bool:
    """Check whether a value inside a list or a struct is a number, a text or a boolean."""
    return dtype.is_integer() or dtype.is_float() or dtype in (pl.Boolean, pl.String, pl.Categorical, pl.Enum)


@dataclass(frozen=True)
class Fields:
    """The columns of a collection's metadata, and the field that each lies in.

    Parameters
    ----------
    schema : polars.Schema or None
        None where the collection has no metadata.
    names : mapping of str to str
        Column → field of Milvus: the same, but for names that Milvus doesn't take.
    nulls : bool
        False on a Milvus before 2.5, which knows no unknown values, and LIKE for beginnings only.
    """

    schema: pl.Schema | None
    names: Mapping[str, str]
    nulls: bool = True

    @classmethod
    def of(cls, schema: pl.Schema | Mapping[str, pl.DataType] | None) -> Fields:
        """Choose a field for each column; raise `InputError` for a type that can't be kept."""
        if schema is None:
            return cls(None, {})
        given = pl.Schema(schema)
        for column, dtype in given.items():
            if kind_of(dtype) is None:
                raise InputError(f"the column {column!r} holds {dtype}, which Milvus can't keep: cast it to text first")
        return cls(given, {column: _field(column, place) for place, column in enumerate(given)})

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of the columns."""
        return tuple(self.names)

    def kind(self, column: str) -> str:
        """Which of `KINDS` the column is."""
        assert self.schema is not None
        kind = kind_of(self.schema[column])
        assert kind is not None
        return kind

    def to_text(self) -> dict[str, Any]:
        """Return what `from_text` reads, as JSON values: the schema as an empty Arrow file."""
        if self.schema is None:
            return {"schema": None, "names": {}}
        file = io.BytesIO()
        pl.DataFrame(schema=self.schema).write_ipc(file)
        return {"schema": base64.b64encode(file.getvalue()).decode("ascii"), "names": dict(self.names)}

    @classmethod
    def from_text(cls, stored: Mapping[str, Any], *, nulls: bool) -> Fields:
        """Read what `to_text` gave."""
        if stored["schema"] is None:
            return cls(None, {}, nulls)
        return cls(pl.read_ipc(io.BytesIO(base64.b64decode(stored["schema"]))).schema, dict(stored["names"]), nulls)

    # -- there and back -----------------------------------------------------------------------------------

    def encode(self, ids: Sequence[str], metadata: pl.DataFrame | None) -> dict[str, list[Any]]:
        """Return a table as Milvus' values, a list for each field."""
        if self.schema is None or metadata is None:
            if (self.schema is None) != (metadata is None):
                have, come = ("has", "with") if metadata is None else ("has no", "without")
                raise InputError(f"this collection {have} metadata, so points must come {come} it")
            return {}
        if set(metadata.columns) != set(self.names):
            raise InputError(
                f"the metadata must have the columns {', '.join(self.names) or 'of this collection, which are none'}; "
                f"got {', '.join(metadata.columns) or 'none'}"
            )
        if len(metadata) != len(ids):
            raise InputError(f"metadata must have a row for each of the {len(ids)} points; it has {len(metadata)}")
        return {
            self.names[name]: self._encode_column(ids, metadata[name], dtype) for name, dtype in self.schema.items()
        }

    def _encode_column(self, ids: Sequence[str], values: pl.Series, dtype: pl.DataType) -> list[Any]:
        values = _as_type(values, dtype)
        if not self.nulls and values.null_count():
            at = ids[values.is_null().arg_true()[0]]
            raise InputError(
                f"{values.name!r} of {at!r} is unknown (null), which this Milvus can't hold; "
                "fill it, or use Milvus 2.5 or later"
            )
        kind = self.kind(values.name)
        if kind in ("whole", "time"):
            return _whole(values).to_list()
        if kind == "float":
            return _finite(ids, values).to_list()
        if kind == "bool":
            return values.to_list()
        return _short(ids, values.cast(pl.String) if kind == "text" else _json(values)).to_list()

    def decode(self, rows: Sequence[Mapping[str, Any]]) -> pl.DataFrame | None:
        """Return Milvus' rows as a table with its original types; None where there is no metadata."""
        if self.schema is None:
            return None
        return pl.DataFrame(
            [self._decode_column(name, [row[self.names[name]] for row in rows]) for name in self.schema]
        )

    def _decode_column(self, name: str, values: list[Any]) -> pl.Series:
        assert self.schema is not None
        kind, dtype = self.kind(name), self.schema[name]
        if kind == "json":
            return _from_json(pl.Series(name, values, pl.String), dtype)
        stored = {"INT64": pl.Int64, "DOUBLE": pl.Float64, "BOOL": pl.Boolean, "VARCHAR": pl.String}[KINDS[kind]]
        column = pl.Series(name, values, stored)
        if kind == "time":
            column = column.cast(pl.Series([], dtype=dtype).to_physical().dtype)
        return column.cast(dtype)  # type: ignore[no-any-return]


def sizes(dim: int, ids: Sequence[str], values: Mapping[str, Iterable[Any]]) -> npt.NDArray[np.int64]:
    """Count about the bytes that each point takes on its way."""
    total = np.array([len(id) for id in ids], np.int64) + 4 * dim
    for column in values.values():
        total += np.array([len(value) if isinstance(value, str) else 8 for value in column], np.int64)
    return total


def _field(column: str, place: int) -> str:
    return column if _NAME.fullmatch(column) and column.lower() not in _WORDS else f"column__{place}"


def _as_type(values: pl.Series, dtype: pl.DataType) -> pl.Series:
    if values.dtype not in (dtype, pl.Null) and kind_of(values.dtype) != kind_of(dtype):
        raise InputError(f"the column {values.name!r} must hold {dtype}, as this collection does; got {values.dtype}")
    try:
        return values.cast(dtype)  # type: ignore[no-any-return]
    except pl.exceptions.PolarsError as problem:
        first = str(problem).splitlines()[0]
        raise InputError(f"the column {values.name!r} must hold {dtype}, as this collection does: {first}") from problem


def _whole(values: pl.Series) -> pl.Series:
    try:
        return values.to_physical().cast(pl.Int64)  # type: ignore[no-any-return]
    except pl.exceptions.PolarsError as problem:
        raise InputError(
            f"the column {values.name!r} holds numbers beyond 2**63, which Milvus can't keep: cast it to text first"
        ) from problem


def _finite(ids: Sequence[str], values: pl.Series) -> pl.Series:
    numbers = values.cast(pl.Float64)
    bad = (~numbers.is_finite()).fill_null(False).arg_true()
    if len(bad):
        raise InputError(
            f"{values.name!r} of {ids[bad[0]]!r} is {numbers[int(bad[0])]}, which Milvus can't hold: put null"
        )
    return numbers  # type: ignore[no-any-return]


def _short(ids: Sequence[str], values: pl.Series) -> pl.Series:
    bad = (values.str.len_bytes() > LONGEST).fill_null(False).arg_true()
    if len(bad):
        got = int(values.str.len_bytes()[int(bad[0])])
        raise InputError(
            f"{values.name!r} of {ids[bad[0]]!r} takes {got:,} bytes, and Milvus holds at most {LONGEST:,}: shorten it"
        )
    return values


def _json(values: pl.Series) -> pl.Series:
    table = pl.DataFrame({"v": values})
    text = table.select(pl.when(pl.col("v").is_not_null()).then(pl.struct("v").struct.json_encode())).to_series()
    text = text.rename(values.name)
    if not _from_json(text, values.dtype).equals(values, null_equal=True):  # such as NaN in a list
        raise InputError(
            f"the column {values.name!r} of {values.dtype} can't be kept by Milvus unchanged: cast it to text"
        )
    return text


def _from_json(text: pl.Series, dtype: pl.DataType) -> pl.Series:
    if dtype == pl.Null:
        return pl.Series(text.name, [None] * len(text), pl.Null)
    return text.str.json_decode(pl.Struct({"v": dtype})).struct.field("v").rename(text.name)
