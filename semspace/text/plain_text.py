"""Texts without columns: a document a line, a paragraph or a file."""

from __future__ import annotations

import re
from itertools import pairwise
from pathlib import Path

import polars as pl

from semspace.text.decoding import HEAD, decoded
from semspace.text.files import say
from semspace.text.read_options import Cut, Run, at_line_ends

_BLANK = re.compile(rb"\n[ \t\r\f\v]*\n")
# Lines this long, on average or one of them, hold more than what people call a document in a list.
_LONG, _LONGEST = 1_500, 10_000
_WRAPPED = (40, 120)  # letters of the longest lines, where an editor has broken them
_LINES = 10


def cut_of(unit: str) -> Cut:
    """Return how a file is cut into runs of whole lines or paragraphs."""
    return at_line_ends if unit == "lines" else _after_paragraphs


def _after_paragraphs(data: bytes, final: bool) -> tuple[bytes, int]:
    if final:
        return data, len(data)
    # Only the last one is wanted; it is looked for in ever larger parts of the end.
    size = 1 << 12
    while True:
        start = max(len(data) - size, 0)
        found = [match.end() for match in _BLANK.finditer(data, start)]
        if found or not start:
            end = found[-1] if found else 0
            return data[:end], end
        size *= 8


def documents_of(run: Run, unit: str) -> pl.DataFrame:
    """Return a table of the lines or paragraphs that aren't blank; the number of its first line is a document's id."""
    # Not splitlines(), which also breaks at form feeds and other marks within a line.
    lines = pl.Series("text", run.data.decode().replace("\r\n", "\n").removesuffix("\n").split("\n"), dtype=pl.String)
    numbers = pl.int_range(run.line, run.line + len(lines), eager=True)
    frame = pl.DataFrame({"id": numbers.cast(pl.String), "text": lines})
    full = pl.col("text").str.strip_chars() != ""
    if unit == "lines":
        return frame.filter(full)
    paragraphs = frame.with_columns(paragraph=(~full).cum_sum()).filter(full)
    joined = paragraphs.group_by("paragraph", maintain_order=True).agg(pl.first("id"), pl.col("text").str.join("\n"))
    return joined.select("id", "text")


def note_prose(path: Path, encoding: str) -> None:
    """Say if the lines of a file, of which each becomes a document, look like those of a book."""
    head = next(decoded(path, encoding, HEAD, quiet=True), (b"", 0))[0]
    lines = [line.rstrip("\r") for line in head.decode(errors="ignore").split("\n")]
    why = _prose(lines)
    if why is not None:
        say(
            f"each line of {path} is taken as a document, and {why}; pass documents='paragraphs' or documents='file' "
            f"(--documents) if it is running text, or documents='lines' if it isn't"
        )


def _prose(lines: list[str]) -> str | None:
    full = [line for line in lines if line.strip()]
    if not full:
        return None
    mean, longest = sum(map(len, full)) // len(full), max(map(len, full))
    if mean > _LONG:
        return f"they are long ({mean:,} letters on average)"
    if longest > _LONGEST:
        return f"some are long (one of {longest:,} letters)"
    if len(full) < _LINES:
        return None
    width = sorted(map(len, full))[len(full) * 95 // 100]
    pairs = [(a, b) for a, b in pairwise(lines) if a.strip() and b.strip()]
    if not _WRAPPED[0] <= width <= _WRAPPED[1] or len(pairs) < _LINES // 2:
        return None
    # Where an editor has broken lines, the first word of the next would not have fitted, and sentences go on.
    filled = sum(len(a) + 1 + len(b.split()[0]) > width for a, b in pairs)
    going_on = sum(a.rstrip()[-1] not in ".!?:;…。！？\"”»'’)" and b.lstrip()[0].islower() for a, b in pairs)
    if filled > 0.75 * len(pairs) and going_on > 0.3 * len(pairs):
        return f"sentences go on from line to line, which are broken at some {width} letters"
    return None
