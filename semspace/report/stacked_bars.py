"""Stacked bars of 100 %: the composition of several wholes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from semspace.display import clip
from semspace.errors import InputError
from semspace.report.figure import PALETTE, SLIM, UNDER_TEXT, Drawing, Figure, escaped
from semspace.report.text_width import fitting, measure, room_beside
from semspace.types import Ints1d, Ints2d

_TOP = 6
_TABLED = 3  # up to so many wholes, the legend says every number


def stacked_bars(
    names: Sequence[str], parts: Sequence[str], counts: npt.ArrayLike, *, caption: str, unit: str = "documents"
) -> Figure:
    """Draw each whole as a bar of 100 %, cut into its parts; with up to three, the legend gives every number.

    Parameters
    ----------
    names : list of str, length n
        The wholes, such as corpora.
    parts : list of str, length m
        What they are made of, in the order drawn; the last is grey, as it is what is left.
    counts : array (n, m) of int
        How many of each part.
    unit : str
        What is counted, in the plural.

    Raises
    ------
    InputError
        The counts don't have a row for each name and a column for each part, or one is below zero.
    """
    table = np.asarray(counts)
    if table.shape != (len(names), len(parts)):
        raise InputError(f"counts must be of shape ({len(names)}, {len(parts)}), names by parts; got {table.shape}")
    if (table < 0).any():
        raise InputError(f"counts must be at least 0; got {table.min()}")

    def draw(width: float) -> Drawing:
        frame = _BarLayout(190, 130, 34, width) if width >= SLIM else _BarLayout(2, 2, 54, width)
        rows = [_bar(frame, i, names[i], parts, table[i], unit) for i in range(len(names))]
        top = _TOP + len(names) * frame.line + 10
        tabled = len(names) <= (_TABLED if width >= SLIM else 1)
        legend, bottom = _tabled(names, parts, table, top, width) if tabled else _listed(parts, top, width)
        return "".join(rows) + legend, bottom

    descriptions = [
        f"{clip(name, 60)}, {int(row.sum()):,} {unit}: "
        + ", ".join(_part_text(part, count, row.sum()) for part, count in zip(parts, row, strict=True))
        for name, row in zip(names, table, strict=True)
    ]
    return Figure(draw, caption, f"{'; '.join(descriptions)}.")


@dataclass(frozen=True)
class _BarLayout:
    """What is left and right of the bars, and how high a row is; in a slim figure, names stand above their bars."""

    left: float
    right: float
    line: float
    width: float

    @property
    def slim(self) -> bool:
        return self.width < SLIM


def _part_text(part: str, count: int, whole: int) -> str:
    return f"{part} {_number(count, whole)}"


def _number(count: int, whole: int) -> str:
    return f"{int(count):,} ({count / whole:.1%})" if count else "0"


def _fill(part: int, parts: int) -> str:
    colour = PALETTE[7] if part == parts - 1 else PALETTE[part % 7]
    return f'fill="{colour}" fill-opacity="{UNDER_TEXT if part < parts - 1 else 0.3}"'


def _bar(frame: _BarLayout, row: int, name: str, parts: Sequence[str], counts: Ints1d, unit: str) -> str:
    """Draw one whole: its name, its parts with a share where it fits, and its size."""
    y, whole, x = _TOP + row * frame.line + (18 if frame.slim else 0), int(counts.sum()), float(frame.left)
    pieces = []
    for part, count in enumerate(counts):
        size = (frame.width - frame.left - frame.right) * count / whole if whole else 0.0
        if not size:
            continue
        share = f"{count / whole:.0%}"
        text = (
            f'<text x="{x + size / 2:.1f}" y="{y + 17}" text-anchor="middle" font-size="12">{share}</text>'
            if measure(share, 12) + 4 < size
            else ""
        )
        pieces.append(
            f"<g><title>{escaped(clip(name, 60))}: {escaped(_part_text(parts[part], count, whole))}</title>"
            f'<rect x="{x:.1f}" y="{y}" width="{size:.1f}" height="26" {_fill(part, len(parts))} '
            f'stroke="currentColor" stroke-width="0.5"/>{text}</g>'
        )
        x += size
    if not whole:
        pieces.append(f'<text x="{frame.left:g}" y="{y + 17}" font-style="italic">no {escaped(unit)}</text>')
    return _heading(frame, y, name, f"{whole:,} {unit}") + "".join(pieces)


def _heading(frame: _BarLayout, y: float, name: str, size: str) -> str:
    """Write a whole's name and size beside its bar, or above it."""
    if frame.slim:
        size = fitting(size, frame.width / 2)
        name = fitting(name, frame.width - measure(size) - 12)
        return (
            f'<text x="2" y="{y - 5:g}">{escaped(name)}</text>'
            f'<text x="{frame.width - 2:g}" y="{y - 5:g}" text-anchor="end">{escaped(size)}</text>'
        )
    name, size = fitting(name, frame.left - 16), fitting(size, frame.right - 12)
    return (
        f'<text x="{frame.left - 10:g}" y="{y + 17:g}" text-anchor="end">{escaped(name)}</text>'
        f'<text x="{frame.width - 6:g}" y="{y + 17:g}" text-anchor="end">{escaped(size)}</text>'
    )


def _swatch(x: float, y: float, part: int, parts: int) -> str:
    return (
        f'<rect x="{x:.0f}" y="{y - 11}" width="14" height="14" {_fill(part, parts)} stroke="currentColor" '
        'stroke-width="0.5"/>'
    )


def _tabled(names: Sequence[str], parts: Sequence[str], table: Ints2d, top: float, width: float) -> Drawing:
    """Write the legend as a table: a line for each part, a column for each whole; return it and its lower edge."""
    left = max(230.0, room_beside(parts, width)) if width >= SLIM else width * 0.6
    step = (width - left) / len(names)
    ends = [left + (i + 1) * step - 6 for i in range(len(names))]
    lines = [
        f'<text x="{end:.0f}" y="{top + 14}" text-anchor="end" font-weight="600">{escaped(fitting(name, step - 16))}'
        "</text>"
        for end, name in zip(ends, names, strict=True)
    ]
    for part, called in enumerate(parts):
        y = int(top + 36 + part * 20)
        lines.append(
            f'{_swatch(8, y, part, len(parts))}<text x="28" y="{y}">{escaped(fitting(called, left - 32))}</text>'
            + "".join(
                f'<text x="{end:.0f}" y="{y}" text-anchor="end">{_number(row[part], int(row.sum()))}</text>'
                for end, row in zip(ends, table, strict=True)
            )
        )
    return "".join(lines), top + 36 + len(parts) * 20


def _listed(parts: Sequence[str], top: float, width: float) -> Drawing:
    """Write the legend in columns; return it and its lower edge."""
    columns = 3 if width >= SLIM else 1
    step = width / columns
    texts = []
    for part, called in enumerate(parts):
        x, y = 8 + part % columns * step, int(top + 14 + part // columns * 20)
        texts.append(
            f'{_swatch(x, y, part, len(parts))}<text x="{x + 20:.0f}" y="{y}">{escaped(fitting(called, step - 30))}'
            "</text>"
        )
    return "".join(texts), top + 20 + -(-len(parts) // columns) * 20
