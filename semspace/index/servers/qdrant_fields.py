"""How a table's columns lie in Qdrant: as the values of a payload, which is JSON."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import polars as pl

from semspace.index.servers.fields import ID, ServerFields, from_json, from_ticks

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,200}")  # others are paths to Qdrant: "a.b", "a[]"
_READ = {"whole": pl.Int64, "time": pl.Int64, "float": pl.Float64, "bool": pl.Boolean}


@dataclass(frozen=True)
class QdrantFields(ServerFields):
    """The columns of a collection's metadata in Qdrant, and the key of the payload that each lies under.

    Times are kept as their whole number of days or ticks, lists and structs as the text of their JSON. An unknown value
    has no key.
    """

    server: ClassVar[str] = "Qdrant"

    @classmethod
    def field_of(cls, column: str, place: int) -> str:
        """Return the column's name where it is no path to Qdrant, else a numbered one."""
        return column if _NAME.fullmatch(column) and column != ID else f"column__{place}"

    def encode_column(self, ids: Sequence[str], values: pl.Series) -> list[Any]:
        """Return the values of a column as JSON has them."""
        kind = self.kind(values.name)
        if kind in ("whole", "time"):
            return self.whole(values).to_list()
        if kind == "float":
            return self.finite(ids, values).to_list()
        if kind == "json":
            return self.json(values).to_list()
        return values.to_list() if kind == "bool" else values.cast(pl.String).to_list()

    def decode_column(self, name: str, values: list[Any]) -> pl.Series:
        """Return a column of its own type from the payloads' values."""
        assert self.schema is not None
        kind, dtype = self.kind(name), self.schema[name]
        column = pl.Series(name, values, _READ.get(kind, pl.String), strict=False)
        if kind == "json":
            return from_json(column, dtype)
        return from_ticks(column, dtype) if kind == "time" else column.cast(dtype)
