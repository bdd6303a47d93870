"""How a table's columns lie on a server, whose types are other than polars' and whose names may be strict."""

from __future__ import annotations

import base64
import io
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import numpy.typing as npt
import polars as pl

from semspace.errors import InputError
from semspace.index.new_points import in_type

if TYPE_CHECKING:
    from typing_extensions import Self

ID, VECTOR = "id", "vector"


def kind_of(dtype: pl.DataType) -> str | None:
    """Return what a column of this type is to a server, or None where it can't be restored unchanged.

    ``"whole"``, ``"time"``, ``"float"``, ``"bool"``, ``"text"``, or ``"json"``: text that only semspace reads.
    """
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
class ServerFields:
    """The columns of a collection's metadata, and the field that each lies in.

    A server's own class says which names it takes (`field_of`), and how the values of a column are written
    (`encode_column`) and read (`decode_column`).

    Parameters
    ----------
    schema : polars.Schema or None
        None where the collection has no metadata.
    names : mapping of str to str
        Column → field of the server: the same, but for names that it doesn't take.
    """

    schema: pl.Schema | None
    names: Mapping[str, str]
    server: ClassVar[str] = "a server"  # its name in messages

    @classmethod
    def of(cls, schema: pl.Schema | Mapping[str, pl.DataType] | None) -> Self:
        """Choose a field for each column; raise `InputError` for a type that can't be kept."""
        if schema is None:
            return cls(None, {})
        given = pl.Schema(schema)
        for column, dtype in given.items():
            if kind_of(dtype) is None:
                raise InputError(
                    f"the column {column!r} holds {dtype}, which {cls.server} can't keep: cast it to text first"
                )
        return cls(given, {column: cls.field_of(column, place) for place, column in enumerate(given)})

    @classmethod
    def field_of(cls, column: str, place: int) -> str:
        """Return the field that the column at a place lies in."""
        raise NotImplementedError

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of the columns."""
        return tuple(self.names)

    def kind(self, column: str) -> str:
        """Return what the column is to a server; see `kind_of`."""
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
    def from_text(cls, stored: Mapping[str, Any], **more: Any) -> Self:
        """Read what `to_text` gave; `more` are the parameters of a server's own class."""
        if stored["schema"] is None:
            return cls(None, {}, **more)
        return cls(pl.read_ipc(io.BytesIO(base64.b64decode(stored["schema"]))).schema, dict(stored["names"]), **more)

    # -- there and back -----------------------------------------------------------------------------------

    def encode(self, ids: Sequence[str], metadata: pl.DataFrame | None) -> dict[str, list[Any]]:
        """Return a table as the server's values, a list for each field."""
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
            self.names[name]: self.encode_column(ids, as_type(metadata[name], dtype))
            for name, dtype in self.schema.items()
        }

    def encode_column(self, ids: Sequence[str], values: pl.Series) -> list[Any]:
        """Return the values of a column, which are of its type, as the server takes them."""
        raise NotImplementedError

    def decode(self, rows: Sequence[Mapping[str, Any]]) -> pl.DataFrame | None:
        """Return the server's rows as a table with its original types; None where there is no metadata."""
        if self.schema is None:
            return None
        return pl.DataFrame([self.decode_column(name, [row[self.names[name]] for row in rows]) for name in self.schema])

    def decode_column(self, name: str, values: list[Any]) -> pl.Series:
        """Return a column of its own type from the server's values."""
        raise NotImplementedError

    # -- values that a server can't hold --------------------------------------------------------------------

    def finite(self, ids: Sequence[str], values: pl.Series) -> pl.Series:
        """Return a column as float64; raise `InputError` for NaN and infinity."""
        numbers = values.cast(pl.Float64)
        bad = (~numbers.is_finite()).fill_null(False).arg_true()
        if len(bad):
            raise InputError(
                f"{values.name!r} of {ids[bad[0]]!r} is {numbers[int(bad[0])]}, which {self.server} can't hold: "
                "put null"
            )
        return numbers  # type: ignore[no-any-return]

    def whole(self, values: pl.Series) -> pl.Series:
        """Return a column as whole numbers of 64 bits: days or ticks for times."""
        try:
            return values.to_physical().cast(pl.Int64)  # type: ignore[no-any-return]
        except pl.exceptions.PolarsError as problem:
            raise InputError(
                f"the column {values.name!r} holds numbers beyond 2**63, which {self.server} can't keep: "
                "cast it to text first"
            ) from problem

    def json(self, values: pl.Series) -> pl.Series:
        """Return a column as the texts of JSON that `from_json` reads."""
        table = pl.DataFrame({"v": values})
        text = table.select(pl.when(pl.col("v").is_not_null()).then(pl.struct("v").struct.json_encode())).to_series()
        text = text.rename(values.name)
        if not from_json(text, values.dtype).equals(values, null_equal=True):  # such as NaN in a list
            raise InputError(
                f"the column {values.name!r} of {values.dtype} can't be kept by {self.server} unchanged: "
                "cast it to text"
            )
        return text


def from_json(text: pl.Series, dtype: pl.DataType) -> pl.Series:
    """Read the column that `ServerFields.json` wrote."""
    if dtype == pl.Null:
        return pl.Series(text.name, [None] * len(text), pl.Null)
    return text.str.json_decode(pl.Struct({"v": dtype})).struct.field("v").rename(text.name)


def from_ticks(values: pl.Series, dtype: pl.DataType) -> pl.Series:
    """Return the times that are kept as whole numbers of days or ticks."""
    return values.cast(pl.Series([], dtype=dtype).to_physical().dtype).cast(dtype)  # type: ignore[no-any-return]


def as_type(values: pl.Series, dtype: pl.DataType) -> pl.Series:
    """Return a column in the type that a collection has; raise `InputError` where it can't be."""
    if values.dtype not in (dtype, pl.Null) and kind_of(values.dtype) != kind_of(dtype):
        raise InputError(f"the column {values.name!r} must hold {dtype}, as this collection does; got {values.dtype}")
    return in_type(values, dtype)


def sizes(dim: int, ids: Sequence[str], values: Mapping[str, Iterable[Any]]) -> npt.NDArray[np.int64]:
    """Count about the bytes that each point takes on its way."""
    total = np.array([len(id) for id in ids], np.int64) + 4 * dim
    for column in values.values():
        total += np.array([len(value) if isinstance(value, str) else 8 for value in column], np.int64)
    return total
