"""How a table's columns lie in Postgres: as columns of a table, under their own names where it takes them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import polars as pl

from semspace.errors import InputError
from semspace.index.servers.fields import ID, VECTOR, ServerFields, from_json, from_ticks

LONGEST_NAME = 63  # bytes, after which Postgres cuts names in silence
_TAKEN = frozenset([ID, VECTOR, "tableoid", "xmin", "cmin", "xmax", "cmax", "ctid"])

# What a column is to Postgres. "time" is kept as its whole number of days or ticks, since Postgres has microseconds
# only; "json" is text that only semspace reads.
KINDS = {"whole": "int8", "time": "int8", "float": "float8", "bool": "bool", "text": "text", "json": "text"}
_READ = {"int8": pl.Int64, "float8": pl.Float64, "bool": pl.Boolean, "text": pl.String}


def is_name(text: str) -> bool:
    """Check whether Postgres takes a text as the name of a table or a column, in quotation marks."""
    return 0 < len(text.encode()) <= LONGEST_NAME and not set(text) & set('\x00"%{}')


@dataclass(frozen=True)
class PgvectorFields(ServerFields):
    """The columns of a collection's metadata in Postgres, and the column of the table that each lies in."""

    server: ClassVar[str] = "Postgres"

    @classmethod
    def field_of(cls, column: str, place: int) -> str:
        """Return the column's name where Postgres takes it, else a numbered one."""
        return column if is_name(column) and column not in _TAKEN else f"column__{place}"

    def types(self) -> list[str]:
        """List the types of the table's columns, in the order of `names`."""
        return [KINDS[self.kind(column)] for column in self.names]

    def encode_column(self, ids: Sequence[str], values: pl.Series) -> list[Any]:
        """Return the values of a column as Postgres takes them; NaN and infinity are kept."""
        kind = self.kind(values.name)
        if kind in ("whole", "time"):
            return self.whole(values).to_list()
        if kind == "float":
            values = values.cast(pl.Float64)
        if kind in ("float", "bool"):
            return values.to_list()
        texts = values.cast(pl.String) if kind == "text" else self.json(values)
        bad = texts.str.contains("\x00", literal=True).fill_null(False).arg_true()
        if len(bad):
            raise InputError(
                f"{values.name!r} of {ids[bad[0]]!r} holds the character NUL, which Postgres can't hold: take it out"
            )
        return texts.to_list()

    def decode_column(self, name: str, values: list[Any]) -> pl.Series:
        """Return a column of its own type from the table's values."""
        assert self.schema is not None
        kind, dtype = self.kind(name), self.schema[name]
        column = pl.Series(name, values, _READ[KINDS[kind]])
        if kind == "json":
            return from_json(column, dtype)
        return from_ticks(column, dtype) if kind == "time" else column.cast(dtype)
