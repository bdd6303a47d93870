"""A page, its sections and blocks, and how it is written down."""

from __future__ import annotations

import base64
import hashlib
import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from importlib import resources
from typing import Any

from semspace.display import numeric_columns, text_cells
from semspace.report.figure import Figure
from semspace.report.point_map import PointMap
from semspace.version import __version__


@dataclass(frozen=True)
class Prose:
    """A paragraph."""

    text: str
    strong: bool = False


@dataclass(frozen=True)
class Listing:
    """Lines to copy as they are, folded away under a heading."""

    title: str
    text: str


@dataclass(frozen=True)
class Number:
    """A number with its own text: `Number(0.0004, "<0.001")` shows the text and sorts by the value."""

    value: float
    text: str

    def __str__(self) -> str:
        return self.text


@dataclass(frozen=True)
class TableColumn:
    """How a column of a table is set: its header, its CSS classes, and whether it sorts by numbers."""

    header: str
    kind: str
    numbers: bool


@dataclass(frozen=True)
class Cell:
    """One cell: its text, its CSS classes, and the number it sorts by where that isn't the text."""

    text: str
    kind: str
    value: str


@dataclass(frozen=True)
class Table:
    """Rows under headers; rows beyond `limit` are counted, not shown.

    In HTML, headers sort the rows, and a table of more than ten gets a search box. Up to a few hundred rows may be
    shown: a long table scrolls within its own frame.
    """

    headers: tuple[str, ...]
    rows: Sequence[Sequence[object]]
    caption: str = ""
    limit: int = 50
    width: int = 300

    @cached_property
    def shown(self) -> list[list[str]]:
        """The cells as text, cut to the limit."""
        return text_cells(self.rows[: self.limit], self.width)

    @property
    def hidden(self) -> int:
        """How many rows are not shown."""
        return max(0, len(self.rows) - self.limit)

    @property
    def long(self) -> bool:
        """Whether so many rows are shown that they scroll in a frame."""
        return min(len(self.rows), self.limit) > _LONG

    @cached_property
    def has_long_texts(self) -> bool:
        """Whether some cells are texts of several lines."""
        return self._longest >= _TEXT

    @property
    def cards(self) -> bool:
        """Whether a telephone shows each row as a card, as some cells would be high beside the others."""
        return self._longest >= _CARD

    @cached_property
    def _longest(self) -> int:
        """The length of the longest cell."""
        return max((len(text) for row in self.shown for text in row), default=0)

    @cached_property
    def numeric(self) -> list[bool]:
        """Which columns show numbers only."""
        return numeric_columns(self.shown, len(self.headers))

    @cached_property
    def columns(self) -> list[TableColumn]:
        """The columns as HTML sets them."""
        kinds = ["r" if right else "" for right in self.numeric]
        wide = [f"{kind} s".strip() if len(h) < _NARROW else kind for kind, h in zip(kinds, self.headers, strict=True)]
        return [TableColumn(*one) for one in zip(self.headers, wide, self._by_number, strict=True)]

    @cached_property
    def cells(self) -> list[list[Cell]]:
        """The cells as HTML sets them, cut to the limit."""
        numeric, by_number = self.numeric, self._by_number
        return [
            [
                Cell(text, _kind(text, numeric[i]), _sorts_by(value, text) if by_number[i] else "")
                for i, (value, text) in enumerate(zip(row, texts, strict=True))
            ]
            for row, texts in zip(self.rows, self.shown, strict=False)
        ]

    @cached_property
    def _by_number(self) -> list[bool]:
        """Which columns hold numbers only, in whatever words they are shown."""
        rows = list(zip(self.rows, self.shown, strict=False))
        return [
            any(texts[i] for _, texts in rows)
            and all(not texts[i] or _number_of(row[i], texts[i]) is not None for row, texts in rows)
            for i in range(len(self.headers))
        ]


_LONG = 15
_NARROW = 15  # characters that are kept on one line
_ONE_WORD = 24  # and of one word, such as an id, which reads badly in two
_TEXT = 60  # characters from which a cell is a text, which needs width
_CARD = 40  # and from which it isn't shown beside others on a telephone
MARKDOWN = (".md", ".markdown", ".txt")  # endings of a file that a report may be written into as Markdown
_PRINTED, _PRINTED_TEXTS = 12, 4  # rows of a long table that are printed; of one with long texts

Block = Prose | Table | Figure | PointMap | Listing


@dataclass(frozen=True)
class Section:
    """A titled part of a page; `method` says how it was computed and what not to conclude."""

    title: str
    blocks: tuple[Block, ...]
    method: str = ""

    @property
    def anchor(self) -> str:
        """The section's address within the page."""
        return "".join(c if c.isalnum() else "-" for c in self.title.lower())


@dataclass(frozen=True)
class Page:
    """A whole report.

    `data` says where its tables are in full, as "the full tables are in report.json"; `origin` names data, model, date
    and version (see `semspace.report.origin`).
    """

    title: str
    verdict: str
    sections: tuple[Section, ...]
    subtitle: str = ""
    data: str = ""
    origin: str = ""

    def rest(self, table: Table) -> str:
        """Return in words how many rows of a table aren't shown, and where to find them."""
        return f"… and {table.hidden:,} more rows" + (f"; {self.data}." if self.data else ", all of them in the JSON.")


def to_html(page: Page) -> str:
    """Write a page as one HTML file: no request leaves it, every text is escaped, and one script of our own runs.

    The script searches and sorts tables, and draws maps of points where there are any. The content policy names its
    SHA-256, so that nothing else can run: a text that slipped through the escaping could still do nothing. Without
    script, all rows show in the order given.
    """
    has_map = any(isinstance(block, PointMap) for section in page.sections for block in section.blocks)
    script = _read("page.js") + (_read("point_map.js") if has_map else "")
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    text: str = _template().render(
        page=page,
        version=__version__,
        printed_rows=_PRINTED,
        printed_texts=_PRINTED_TEXTS,
        script=script,
        has_map=has_map,
        script_hash=f"sha256-{digest}",
    )
    return text


def to_markdown(page: Page) -> str:
    """Write a page as Markdown; figures become their descriptions."""
    lines = [f"# {_md(page.title)}", ""]
    for line in (page.subtitle, page.origin):
        lines += [_md(line), ""] if line else []
    lines += [f"**{_md(page.verdict)}**", ""]
    for section in page.sections:
        lines += [f"## {_md(section.title)}", ""]
        for block in section.blocks:
            lines += [*_md_block(block, page), ""]
        if section.method:
            lines += [f"*How this was computed.* {_md(section.method)}", ""]
    return "\n".join(lines)


def _md_block(block: Block, page: Page) -> list[str]:
    if isinstance(block, Prose):
        return [f"**{_md(block.text)}**" if block.strong else _md(block.text)]
    if isinstance(block, (Figure, PointMap)):
        return [f"*{_md(block.caption)}* {_md(block.description)}"]
    if isinstance(block, Listing):  # indented: no line of the text can end it
        return [f"{_md(block.title)}:", "", *(f"    {line}".rstrip() for line in block.text.splitlines())]
    lines = [f"*{_md(block.caption)}*", ""] if block.caption else []
    lines += ["| " + " | ".join(map(_md, block.headers)) + " |"]
    lines += ["|" + "|".join("---:" if right else "---" for right in block.numeric) + "|"]
    lines += ["| " + " | ".join(map(_md, row)) + " |" for row in block.shown]
    return lines + (["", _md(page.rest(block))] if block.hidden else [])


def _kind(text: str, numeric: bool) -> str:
    """Return a cell's CSS classes: numbers to the right, short texts on one line, long ones wide."""
    if numeric:
        return "r s"
    is_short = len(text) < _NARROW or (len(text) <= _ONE_WORD and " " not in text)
    return "s" if is_short else "t" if len(text) >= _TEXT else ""


def _number_of(value: object, text: str) -> float | None:
    """Return the number that a cell stands for, or None."""
    if isinstance(value, Number):
        return value.value
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return float(value)
    try:
        return float(text.strip("<+%").replace(",", ""))
    except ValueError:
        return None


def _sorts_by(value: object, text: str) -> str:
    """Write the number that a cell sorts by as JavaScript reads it; nothing where the text is that number."""
    number = _number_of(value, text) if text else None
    if number is None or math.isnan(number):
        return ""
    written = f"{number:.12g}".replace("inf", "Infinity")
    return "" if written == text else written


def _md(text: str) -> str:
    """Escape what Markdown, or HTML within Markdown, would take for markup."""
    for mark in ("&", "<", ">"):
        text = text.replace(mark, {"&": "&amp;", "<": "&lt;", ">": "&gt;"}[mark])
    for mark in ("\\", "`", "*", "_", "[", "]", "|", "#"):
        text = text.replace(mark, "\\" + mark)
    return " ".join(text.split())


@cache
def _template() -> Any:
    from jinja2 import Environment, StrictUndefined

    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    environment.globals["kind"] = lambda block: type(block).__name__
    return environment.from_string(_read("page.html"))


@cache
def _read(name: str) -> str:
    return resources.files("semspace.report").joinpath(name).read_text(encoding="utf-8")
