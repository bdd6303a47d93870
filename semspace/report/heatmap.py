"""A heatmap of a square matrix."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from semspace.display import clip
from semspace.errors import InputError
from semspace.report.figure import PALETTE, SLIM, UNDER_TEXT, Drawing, Figure, escaped
from semspace.report.text_width import fitting, measure
from semspace.types import Bools2d, Doubles2d

_WRITTEN = 12  # so many rows still have a number in each cell, where there is room
_SMALLEST = 11.0  # pixels of letters: of more rows than that, every second or third name is left out


@dataclass(frozen=True)
class _Grid:
    """Where the cells stand, and what is written in them."""

    n: int
    left: float  # room for the names of rows
    top: float  # and for those of columns, which stand aslant
    size: float
    width: float
    written: bool

    @property
    def deepest(self) -> float:
        """The opacity of the strongest colour: less where numbers stand on it."""
        return UNDER_TEXT if self.written else 1.0

    @property
    def bottom(self) -> float:
        return self.top + self.n * self.size


def _grid(n: int, number: str, longest: float, width: float) -> _Grid:
    """Lay out `n` rows whose longest name takes `longest` pixels: few rows leave more room for names."""
    left, right, top = (84.0, 34.0, 84.0) if width < SLIM else (190.0, 90.0, 112.0)
    size = min(48.0, (width - left - right) / n)
    left = min(max(left, longest + 12), max(left, width - max(right, 60.0) - n * size))
    top = min(max(top, 0.78 * longest + 16), 150.0)
    return _Grid(n, left, top, size, width, written=n <= _WRITTEN and measure(number, 12) <= size)


def heatmap(
    matrix: npt.ArrayLike,
    names: Sequence[str],
    *,
    caption: str,
    marks: npt.ArrayLike | None = None,
    marked: str = "no difference shown",
    decimals: int = 2,
    ends: tuple[str, str] = ("near", "far"),
) -> Figure:
    """Shade a matrix of distances: the stronger the colour, the larger the value.

    Parameters
    ----------
    matrix : array (n, n) of float
        Values; NaN cells stay empty.
    names : list of str, length n
        What rows and columns are called, in the same order.
    marks : array (n, n) of bool, optional
        Cells that get a ring, which means `marked`; None and NaN count as False.
    decimals : int
        Of the numbers that are written in the cells, where there are at most 12 rows.
    ends : (str, str)
        What a low and a high value mean.

    Raises
    ------
    InputError
        The matrix or the marks don't have a row and a column for each name.
    """
    values = np.asarray(matrix, dtype=float)
    n = len(names)
    rings = np.zeros((n, n), dtype=bool) if marks is None else np.asarray(marks) == True  # noqa: E712 - None is False
    for what, array in (("matrix", values), ("marks", rings)):
        if array.shape != (n, n):
            raise InputError(f"{what} must have a row and a column for each of {n} names; got shape {array.shape}")
    known = values[np.isfinite(values)]
    least, largest = (min(0.0, known.min()), known.max()) if len(known) else (0.0, 1.0)
    span = (least, largest)
    longest = max((measure(clip(name, 200)) for name in names), default=0.0)

    def draw(width: float) -> Drawing:
        grid = _grid(n, f"{largest:.{decimals}f}", longest, width)
        cells = [
            _cell(grid, int(i), int(j), values[i, j], span, names, bool(rings[i, j]), marked, decimals)
            for i, j in zip(*np.nonzero(np.isfinite(values)), strict=True)
        ]
        legend, height = _legend(grid, span, ends, marked if rings.any() else "", decimals)
        return _headings(grid, names) + "".join(cells) + legend, height

    return Figure(draw, caption, _description(values, rings, names, marked, decimals))


def _cell(
    grid: _Grid,
    i: int,
    j: int,
    value: float,
    span: tuple[float, float],
    names: Sequence[str],
    ring: bool,
    marked: str,
    decimals: int,
) -> str:
    """Draw one cell with its tooltip, its number where there is room, and its ring."""
    size = grid.size
    x, y = grid.left + j * size, grid.top + i * size
    tip = f"{clip(names[i], 60)} and {clip(names[j], 60)}: {value:.{decimals}f}{f' ({marked})' if ring else ''}"
    depth = (value - span[0]) / ((span[1] - span[0]) or 1.0)
    parts = (
        f'<rect x="{x:.1f}" y="{y:.1f}" width="{size - 1:.1f}" height="{size - 1:.1f}" fill="{PALETTE[0]}" '
        f'fill-opacity="{0.04 + depth * (grid.deepest - 0.04):.2f}"/>'
    )
    if grid.written:
        parts += (
            f'<text x="{x + size / 2:.1f}" y="{y + size / 2 + 4:.1f}" text-anchor="middle" font-size="12">'
            f"{value:.{decimals}f}</text>"
        )
    if ring:
        corner = (x + size - 7, y + 6, 3.0)
        parts += _ring(*(corner if grid.written else (x + size / 2 - 0.5, y + size / 2 - 0.5, size / 5)))
    return f"<g><title>{escaped(tip)}</title>{parts}</g>"


def _ring(x: float, y: float, r: float) -> str:
    return f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{r:.1f}" fill="none" stroke="currentColor" stroke-width="1.3"/>'


def _headings(grid: _Grid, names: Sequence[str]) -> str:
    """Write the names beside the rows, and aslant above the columns; where they have no room, only some of them."""
    letters = min(13.0, max(grid.size * 0.95, _SMALLEST))
    step = -(-letters // grid.size) if grid.size < letters else 1
    room = (grid.width - grid.left - grid.n * grid.size - 4, grid.top - 10)  # beyond the last column, and above it
    parts = []
    for i in range(0, len(names), int(step)):
        y = grid.top + (i + 0.5) * grid.size + letters * 0.35
        x = grid.left + (i + 0.5) * grid.size + letters * 0.3
        beyond = room[0] + (grid.n - i - 0.5) * grid.size
        parts.append(
            f'<text x="{grid.left - 8:g}" y="{y:.1f}" text-anchor="end" font-size="{letters:.1f}">'
            f"{escaped(fitting(names[i], grid.left - 10, letters))}</text>"
            f'<text transform="translate({x:.1f} {grid.top - 6:g}) rotate(-50)" font-size="{letters:.1f}">'
            f"{escaped(fitting(names[i], min(beyond / 0.66, room[1] / 0.78), letters))}</text>"
        )
    return "".join(parts)


def _legend(grid: _Grid, span: tuple[float, float], ends: tuple[str, str], ring: str, decimals: int) -> Drawing:
    """Show what the shades mean, from least to largest, and what a ring means; return it and its lower edge."""
    y = grid.bottom + 16
    low, high = f"{span[0]:.{decimals}f}", f"{span[1]:.{decimals}f}"
    room = min(110.0, (grid.width - 150 - measure(low) - measure(high)) / 2)
    before, after = f"{fitting(ends[0], room)} {low}", f"{high} {fitting(ends[1], room)}"
    left = max(min(grid.left, grid.width - 130 - measure(after)), measure(before) + 10)
    shades = "".join(
        f'<rect x="{left + i * 24:g}" y="{y:g}" width="23" height="14" fill="{PALETTE[0]}" '
        f'fill-opacity="{0.04 + i / 4 * (grid.deepest - 0.04):.2f}"/>'
        for i in range(5)
    )
    texts = (
        f'<text x="{left - 8:g}" y="{y + 12:g}" text-anchor="end">{escaped(before)}</text>'
        f'<text x="{left + 126:g}" y="{y + 12:g}">{escaped(after)}</text>'
    )
    if not ring:
        return shades + texts, y + 28
    x, down = (left + 306, 0) if left + 320 + measure(ring) <= grid.width else (14.0, 24)
    note = f'{_ring(x, y + 7 + down, 4)}<text x="{x + 12:g}" y="{y + 12 + down:g}">{escaped(ring)}</text>'
    return shades + texts + note, y + 28 + down


def _description(values: Doubles2d, rings: Bools2d, names: Sequence[str], marked: str, decimals: int) -> str:
    """Return in words the smallest and the largest value off the diagonal, and the number of marked pairs."""
    apart = np.where(np.eye(len(names), dtype=bool), np.nan, values)
    if not np.isfinite(apart).any():
        return f"A matrix of {len(names)}."

    def pair(place: int) -> str:
        i, j = divmod(place, len(names))
        return f"{clip(names[i], 60)} and {clip(names[j], 60)} ({apart[i, j]:.{decimals}f})"

    count = int(np.triu(rings | rings.T, 1).sum())
    note = (
        f" {marked[:1].upper()}{marked[1:]}: {count:,} of {len(names) * (len(names) - 1) // 2:,} pairs."
        if count
        else ""
    )
    return (
        f"A matrix of {len(names)}. Lowest: {pair(int(np.nanargmin(apart)))}; highest: "
        f"{pair(int(np.nanargmax(apart)))}.{note}"
    )
