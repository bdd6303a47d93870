"""How a table's columns lie in Milvus: its field types are few, and its field names are strict."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import polars as pl

from semspace.errors import InputError
from semspace.index.servers.fields import ID, VECTOR, ServerFields, from_json, from_ticks, kind_of

__all__ = ["ID", "KINDS", "LONGEST", "VECTOR", "Fields", "kind_of"]

LONGEST = 65_535  # bytes of UTF-8 in one text: Milvus' own limit
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,200}")
# Words of Milvus' conditions, which can't be told from a field of that name.
_WORDS = frozenset(
    ["and", "exists", "false", "id", "in", "interval", "is", "iso", "like", "not", "null", "or", "true", "vector"]
    + ["array_length", "empty", "phrase_match", "random_sample", "text_match"]
    + [f"{what}_contains{how}" for what in ("array", "json") for how in ("", "_all", "_any")]
)

# What a column is to Milvus. "time" is kept as its whole number of days or ticks, so that it can be compared; "json" is
# text that only semspace reads.
KINDS = {"whole": "INT64", "time": "INT64", "float": "DOUBLE", "bool": "BOOL", "text": "VARCHAR", "json": "VARCHAR"}


@dataclass(frozen=True)
class Fields(ServerFields):
    """The columns of a collection's metadata in Milvus, and the field that each lies in; see `ServerFields`.

    Parameters
    ----------
    nulls : bool
        False on a Milvus before 2.5, which knows no unknown values, and LIKE for beginnings only.
    """

    nulls: bool = True
    server: ClassVar[str] = "Milvus"

    @classmethod
    def field_of(cls, column: str, place: int) -> str:
        """Return the column's name where Milvus takes it, else a numbered one."""
        return column if _NAME.fullmatch(column) and column.lower() not in _WORDS else f"column__{place}"

    def encode_column(self, ids: Sequence[str], values: pl.Series) -> list[Any]:
        """Return the values of a column as Milvus takes them."""
        if not self.nulls and values.null_count():
            at = ids[values.is_null().arg_true()[0]]
            raise InputError(
                f"{values.name!r} of {at!r} is unknown (null), which this Milvus can't hold; "
                "fill it, or use Milvus 2.5 or later"
            )
        kind = self.kind(values.name)
        if kind in ("whole", "time"):
            return self.whole(values).to_list()
        if kind == "float":
            return self.finite(ids, values).to_list()
        if kind == "bool":
            return values.to_list()
        return _short(ids, values.cast(pl.String) if kind == "text" else self.json(values)).to_list()

    def decode_column(self, name: str, values: list[Any]) -> pl.Series:
        """Return a column of its own type from Milvus' values."""
        assert self.schema is not None
        kind, dtype = self.kind(name), self.schema[name]
        if kind == "json":
            return from_json(pl.Series(name, values, pl.String), dtype)
        stored = {"INT64": pl.Int64, "DOUBLE": pl.Float64, "BOOL": pl.Boolean, "VARCHAR": pl.String}[KINDS[kind]]
        column = pl.Series(name, values, stored)
        return from_ticks(column, dtype) if kind == "time" else column.cast(dtype)


def _short(ids: Sequence[str], values: pl.Series) -> pl.Series:
    bad = (values.str.len_bytes() > LONGEST).fill_null(False).arg_true()
    if len(bad):
        got = int(values.str.len_bytes()[int(bad[0])])
        raise InputError(
            f"{values.name!r} of {ids[bad[0]]!r} takes {got:,} bytes, and Milvus holds at most {LONGEST:,}: shorten it"
        )
    return values
