"""Plain text files: documents are lines, paragraphs or whole files."""

from __future__ import annotations

import re
from itertools import pairwise
from pathlib import Path

import polars as pl

from semspace.text.decoding import HEAD, decode_chunks
from semspace.text.files import warn_user
from semspace.text.read_options import CutFunction, RecordChunk, cut_at_line_end

_BLANK = re.compile(rb"\n[ \t\r\f\v]*\n")
# Lines of so many characters, on average or one of them, suggest that lines aren't the documents.
_LONG, _LONGEST = 1_500, 10_000
_WRAPPED = (40, 120)  # range of line widths, in characters, of wrapped text
_LINES = 10  # minimum number of lines for detecting wrapped text


def cut_function(unit: str) -> CutFunction:
    """Return the function that cuts a file into chunks of complete lines or paragraphs."""
    return cut_at_line_end if unit == "lines" else _after_paragraphs


def _after_paragraphs(data: bytes, final: bool) -> tuple[bytes, int]:
    if final:
        return data, len(data)
    # The last boundary is searched for in ever larger parts of the end.
    size = 1 << 12
    while True:
        start = max(len(data) - size, 0)
        ends = [match.end() for match in _BLANK.finditer(data, start)]
        if ends or not start:
            end = ends[-1] if ends else 0
            return data[:end], end
        size *= 8


def parse_documents(chunk: RecordChunk, unit: str) -> pl.DataFrame:
    """Return a table of the lines or paragraphs that aren't blank; ids are the numbers of their first lines."""
    # Not splitlines(), which also splits at form feeds and other characters within a line.
    lines = pl.Series("text", chunk.data.decode().replace("\r\n", "\n").removesuffix("\n").split("\n"), dtype=pl.String)
    numbers = pl.int_range(chunk.line, chunk.line + len(lines), eager=True)
    frame = pl.DataFrame({"id": numbers.cast(pl.String), "text": lines})
    is_filled = pl.col("text").str.strip_chars() != ""
    if unit == "lines":
        return frame.filter(is_filled)
    paragraphs = frame.with_columns(paragraph=(~is_filled).cum_sum()).filter(is_filled)
    joined = paragraphs.group_by("paragraph", maintain_order=True).agg(pl.first("id"), pl.col("text").str.join("\n"))
    return joined.select("id", "text")


def warn_of_prose(path: Path, encoding: str) -> None:
    """Warn if the lines of a file, each taken as a document, look like running text."""
    head = next(decode_chunks(path, encoding, HEAD, quiet=True), (b"", 0))[0]
    lines = [line.rstrip("\r") for line in head.decode(errors="ignore").split("\n")]
    why = _prose(lines)
    if why is not None:
        warn_user(
            f"each line of {path} is taken as a document, and {why}; pass documents='paragraphs' or documents='file' "
            f"(--documents) if it is running text, or documents='lines' if it isn't"
        )


def _prose(lines: list[str]) -> str | None:
    full_lines = [line for line in lines if line.strip()]
    if not full_lines:
        return None
    mean, longest = sum(map(len, full_lines)) // len(full_lines), max(map(len, full_lines))
    if mean > _LONG:
        return f"they are long ({mean:,} characters on average)"
    if longest > _LONGEST:
        return f"some are long (up to {longest:,} characters)"
    if len(full_lines) < _LINES:
        return None
    width = sorted(map(len, full_lines))[len(full_lines) * 95 // 100]
    pairs = [(a, b) for a, b in pairwise(lines) if a.strip() and b.strip()]
    if not _WRAPPED[0] <= width <= _WRAPPED[1] or len(pairs) < _LINES // 2:
        return None
    # In wrapped text the first word of the next line wouldn't have fitted, and sentences continue across lines.
    n_filled = sum(len(a) + 1 + len(b.split()[0]) > width for a, b in pairs)
    going_on = sum(a.rstrip()[-1] not in ".!?:;…。！？\"”»'’)" and b.lstrip()[0].islower() for a, b in pairs)
    if n_filled > 0.75 * len(pairs) and going_on > 0.3 * len(pairs):
        return f"sentences continue across lines, which are wrapped at about {width} characters"
    return None
