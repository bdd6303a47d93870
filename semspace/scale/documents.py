"""The documents of a shard: those that `Corpus.read` finds in its file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, NamedTuple

import polars as pl

from semspace import checks
from semspace.errors import EmptyInputError
from semspace.scale.shard import ShardInput
from semspace.text.columns import TEXT_NAMES, check_header, id_column, text_column
from semspace.text.document_table import document_table
from semspace.text.files import file_format
from semspace.text.read_corpus import read_tables
from semspace.text.read_options import ReadOptions


@dataclass(frozen=True)
class Reading:
    """How the documents of files are read; the parameters are those of `Corpus.read`."""

    text: str | None = None
    id: str | None = None
    empty: str = "raise"
    encoding: str = "utf-8"

    def __post_init__(self) -> None:
        for name in ("text", "id"):
            if getattr(self, name) is not None:
                checks.string(name, getattr(self, name))
        checks.choice("empty", self.empty, ("raise", "drop"))
        ReadOptions(self.encoding, documents=None)

    def settings(self) -> dict[str, Any]:
        """Return the values as JSON."""
        return asdict(self)


class ShardDocuments(NamedTuple):
    """The documents of a file or of a part of it, maybe none: ``id``, ``text`` and metadata.

    ``numbered`` says whether the ids are numbers of rows, which begin at 0 in each file, and ``n_read`` is the number
    of rows, those without text included: what the numbers of the next file begin after. ``part_lines`` is the number of
    a part of a .txt and that of its lines: what the numbers of lines of the next part begin after.
    """

    frame: pl.DataFrame
    numbered: bool
    n_read: int
    part_lines: tuple[int, int] | None = None

    def facts(self) -> dict[str, Any]:
        """Return what reading the results needs, for the record of the shard."""
        dropped = self.n_read - len(self.frame)
        facts: dict[str, Any] = {"numbered": self.numbered, "rows_read": self.n_read}
        if dropped:
            facts["dropped_empty"] = dropped
        if self.part_lines:
            facts["part"], facts["lines"] = self.part_lines
        return facts


def read_documents(source: ShardInput, settings: Mapping[str, Any]) -> ShardDocuments:
    """Read the documents of a file."""
    reading = Reading(**settings)
    is_lines = file_format(source.path) == "txt"
    options = ReadOptions(reading.encoding, documents="lines" if is_lines else None)
    names = (
        *((reading.id,) if reading.id else ("id", "ID", "Id")),
        *((reading.text,) if reading.text else TEXT_NAMES),
    )
    try:
        tables = read_tables(source.path, options, names)
    except EmptyInputError:
        if source.file.part is None:
            raise
        # Between other parts, which have lines, it may have none.
        nothing = pl.DataFrame(schema={"id": pl.String, "text": pl.String})
        return ShardDocuments(nothing, numbered=False, n_read=0, part_lines=_part_lines(source) if is_lines else None)
    frame = tables[0].frame
    column = text_column(frame, reading.text, assumed_header=tables[0].assumed_header)
    check_header(tables[0], column, reading.text)
    named = id_column(frame, reading.id)
    documents, dropped = document_table(frame, column, named, reading.empty, tables)
    if is_lines:
        documents = documents.with_columns(pl.concat_str([pl.lit(source.file.prefix), "id"]).alias("id"))
    n_read = len(documents) + dropped.get("dropped_empty", 0)
    return ShardDocuments(documents, named is None, n_read, _part_lines(source) if is_lines else None)


def _part_lines(source: ShardInput) -> tuple[int, int] | None:
    if source.file.part is None:
        return None
    with open(source.path, "rb") as file:
        return source.file.part.number, sum(piece.count(b"\n") for piece in iter(lambda: file.read(1 << 20), b""))
