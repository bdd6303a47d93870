"""A heat map of two texts' words: rows of one, columns of the other; blue above zero, orange below."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from semspace.display import clip
from semspace.errors import InputError
from semspace.report.figure import SLIM, UNDER_TEXT, Drawing, Figure, escaped
from semspace.report.shaded_words import colour, depth
from semspace.report.text_width import fitting, measure
from semspace.types import Doubles2d

_LARGEST, _LARGEST_HEIGHT = 44.0, 560.0  # pixels of a cell; of all rows, unless there are many
_SMALLEST_LETTERS = 10.0  # pixels


class _MatrixLayout(NamedTuple):
    """Where the cells stand: their width and height, and the room left of them and above."""

    size: float
    height: float
    left: float
    top: float
    written: bool


def word_matrix(
    matrix: npt.ArrayLike, rows: Sequence[str], columns: Sequence[str], *, caption: str, unit: str = "share"
) -> Figure:
    """Shade a matrix of numbers above and below zero, with words beside its rows and above its columns.

    Parameters
    ----------
    matrix : array (n, m) of float
    rows, columns : list of str, length n and m
    caption : str
    unit : str
        What the numbers are, for the tooltips.

    Raises
    ------
    InputError
        The matrix has another shape, or isn't finite.
    """
    values = np.asarray(matrix, dtype=np.float64)
    if values.shape != (len(rows), len(columns)) or not np.isfinite(values).all():
        raise InputError(f"matrix must be finite, of shape ({len(rows)}, {len(columns)}); got shape {values.shape}")
    largest = float(np.abs(values).max(initial=0.0))

    def draw(width: float) -> Drawing:
        layout = _laid_out(rows, columns, width)
        cells = (
            _cell(layout, i, j, float(values[i, j]), largest, f"{clip(rows[i])} and {clip(columns[j])}: {unit}")
            for i in range(len(rows))
            for j in range(len(columns))
        )
        height = layout.top + len(rows) * layout.height
        legend, height = _legend(layout, largest, height)
        return _names(layout, rows, columns, width) + "".join(cells) + legend, height

    return Figure(draw, caption, _description(values, rows, columns, unit))


def _laid_out(rows: Sequence[str], columns: Sequence[str], width: float) -> _MatrixLayout:
    widest = 100.0 if width < SLIM else 170.0
    left = min(max((measure(clip(row)) for row in rows), default=0.0) + 14, widest)
    top = min(0.78 * max((measure(clip(column)) for column in columns), default=0.0) + 22, 120.0)
    size = min(_LARGEST, (width - left - 60) / max(len(columns), 1))  # the last name leans over the edge
    height = min(size, max(_LARGEST_HEIGHT / max(len(rows), 1), 15.0))
    return _MatrixLayout(size, height, left, top, written=size >= measure("-0.000", 11) and height >= 14)


def _cell(layout: _MatrixLayout, i: int, j: int, value: float, largest: float, tip: str) -> str:
    size, down = layout.size, layout.height
    x, y = layout.left + j * size, layout.top + i * down
    strength = (UNDER_TEXT if layout.written else 1.0) * depth(value, largest)
    gap = 1 if min(size, down) > 6 else 0
    number = (
        f'<text x="{x + size / 2:.1f}" y="{y + down / 2 + 4:.1f}" text-anchor="middle" font-size="11">'
        f"{value:.3f}</text>"
        if layout.written
        else ""
    )
    return (
        f'<g><title>{escaped(tip)} {value:.4f}</title><rect x="{x:.1f}" y="{y:.1f}" width="{size - gap:.1f}" '
        f'height="{down - gap:.1f}" fill="{colour(value)}" fill-opacity="{0.03 + 0.97 * strength:.2f}"/>{number}</g>'
    )


def _names(layout: _MatrixLayout, rows: Sequence[str], columns: Sequence[str], width: float) -> str:
    """Write the words beside the rows, and aslant above the columns; only some where they have no room."""
    letters = min(13.0, max(layout.size * 0.95, _SMALLEST_LETTERS))
    step = int(-(-letters // layout.size)) if layout.size < letters else 1
    parts = []
    for i in range(len(rows)):
        y = layout.top + (i + 0.5) * layout.height + letters * 0.35
        parts.append(
            f'<text x="{layout.left - 7:g}" y="{y:.1f}" text-anchor="end" font-size="{letters:.1f}">'
            f"{escaped(fitting(rows[i], layout.left - 9, letters))}</text>"
        )
    for j in range(0, len(columns), step):
        x = layout.left + (j + 0.5) * layout.size + letters * 0.3
        room = min((width - x - 2) / 0.66, (layout.top - 8) / 0.78)
        parts.append(
            f'<text transform="translate({x:.1f} {layout.top - 5:g}) rotate(-50)" font-size="{letters:.1f}">'
            f"{escaped(fitting(columns[j], room, letters))}</text>"
        )
    return "".join(parts)


def _legend(layout: _MatrixLayout, largest: float, y: float) -> tuple[str, float]:
    """Show what the shades mean, from the most negative to the largest number."""
    strongest = UNDER_TEXT if layout.written else 1.0
    shades = []
    for i in range(7):
        value = (i - 3) / 3
        shades.append(
            f'<rect x="{64 + i * 24:g}" y="{y + 16:g}" width="23" height="14" fill="{colour(value)}" '
            f'fill-opacity="{0.03 + 0.97 * strongest * abs(value):.2f}"/>'
        )
    texts = (
        f'<text x="58" y="{y + 28:g}" text-anchor="end">{-largest:.2g}</text>'
        f'<text x="{64 + 7 * 24 + 5:g}" y="{y + 28:g}">{largest:.2g}</text>'
    )
    return "".join(shades) + texts, y + 36


def _description(values: Doubles2d, rows: Sequence[str], columns: Sequence[str], unit: str) -> str:
    if not values.size:
        return "An empty matrix."
    told = []
    for place in np.argsort(-values, axis=None, kind="stable")[:3].tolist():
        i, j = divmod(place, len(columns))
        told.append(f"{clip(rows[i], 30)} and {clip(columns[j], 30)} ({values[i, j]:.2g})")
    return f"{len(rows)} by {len(columns)} words; the largest {unit}s have {', '.join(told)}."
