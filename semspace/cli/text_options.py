"""The options that say how texts are read: one group, which `command.expanded` puts into the commands that take it."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

from semspace.cli import options as o


@dataclass(frozen=True)
class TextOptions:
    """How the texts of an INPUT are read."""

    text: o.TextColumn = None
    empty: o.Empty = None
    encoding: o.Encoding = None
    format: o.Format = None
    separator: o.Separator = None
    header: o.Header = None
    columns: o.Columns = None
    documents: o.Documents = None

    @property
    def given(self) -> dict[str, str | int | None]:
        """Names and values of the options; those that weren't given have a false value."""
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        # --no-header is given as much as --header.
        return {**values, "header": None if self.header is None else "header"}

    @property
    def arguments(self) -> dict[str, Any]:
        """Keyword arguments of `Corpus.read` and `Tokens.read`."""
        return {
            "text": self.text,
            "empty": self.empty or "raise",
            "encoding": self.encoding or "utf-8",
            "separator": self.separator,
            "header": self.header,
            "columns": None if self.columns is None else self.columns.split(","),
            "documents": self.documents,
        }


@dataclass(frozen=True)
class DocumentOptions(TextOptions):
    """How the texts of an INPUT are read, with their ids, and which of them."""

    id: o.IdColumn = None
    where: o.Where = None

    @property
    def arguments(self) -> dict[str, Any]:
        """Keyword arguments of `Corpus.read`."""
        return {**super().arguments, "id": self.id}
