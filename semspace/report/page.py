"""A page, its sections and blocks, and how it is written down."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any

from semspace import __version__
from semspace.display import cell, numeric_columns
from semspace.report.figures import Figure


@dataclass(frozen=True)
class Prose:
    """A paragraph."""

    text: str
    strong: bool = False


@dataclass(frozen=True)
class Table:
    """Rows under headers; rows beyond `limit` are counted, not shown."""

    headers: tuple[str, ...]
    rows: Sequence[Sequence[object]]
    caption: str = ""
    limit: int = 50
    width: int = 300

    @property
    def shown(self) -> list[list[str]]:
        """The cells as text, cut to the limit."""
        return [[cell(value, self.width) for value in row] for row in self.rows[: self.limit]]

    @property
    def hidden(self) -> int:
        """How many rows are not shown."""
        return max(0, len(self.rows) - self.limit)

    @property
    def numeric(self) -> list[bool]:
        """Which columns show numbers only."""
        return numeric_columns(self.shown, len(self.headers))


Block = Prose | Table | Figure


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
    """A whole report."""

    title: str
    verdict: str
    sections: tuple[Section, ...]
    subtitle: str = ""


def to_html(page: Page) -> str:
    """Write a page as one HTML file: no script, no request, every text escaped."""
    text: str = _template().render(page=page, version=__version__)
    return text


def to_markdown(page: Page) -> str:
    """Write a page as Markdown; figures become their descriptions."""
    lines = [f"# {_md(page.title)}", "", *([_md(page.subtitle), ""] if page.subtitle else [])]
    lines += [f"**{_md(page.verdict)}**", ""]
    for section in page.sections:
        lines += [f"## {_md(section.title)}", ""]
        for block in section.blocks:
            lines += [*_md_block(block), ""]
        if section.method:
            lines += [f"*How this was computed.* {_md(section.method)}", ""]
    return "\n".join(lines)


def to_json(value: Any, *, indent: int | None = 1) -> str:
    """Write plain values as JSON; infinities and NaN, which JSON doesn't have, become null, and dates text."""
    return json.dumps(_finite(value), ensure_ascii=False, indent=indent, allow_nan=False, default=str) + "\n"


def _finite(value: Any) -> Any:
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {key: _finite(one) for key, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [_finite(one) for one in value]
    return value


def _md_block(block: Block) -> list[str]:
    if isinstance(block, Prose):
        return [f"**{_md(block.text)}**" if block.strong else _md(block.text)]
    if isinstance(block, Figure):
        return [f"*{_md(block.caption)}* {_md(block.description)}"]
    lines = [f"*{_md(block.caption)}*", ""] if block.caption else []
    lines += ["| " + " | ".join(map(_md, block.headers)) + " |"]
    lines += ["|" + "|".join("---:" if right else "---" for right in block.numeric) + "|"]
    lines += ["| " + " | ".join(map(_md, row)) + " |" for row in block.shown]
    return lines + ([f"… and {block.hidden:,} more rows"] if block.hidden else [])


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

    source = resources.files("semspace.report").joinpath("page.html").read_text(encoding="utf-8")
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    environment.globals["kind"] = lambda block: type(block).__name__
    return environment.from_string(source)
