"""A heatmap of a square matrix."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from semspace.display import clip
from semspace.errors import InputError
from semspace.report.figures import PALETTE, UNDER_TEXT, WIDTH, Figure, escaped, svg
from semspace.report.text_width import fitting
from semspace.types import Bools2d, Doubles2d

_LEFT, _RIGHT, _NAMES = 190, 90, 112
_WRITTEN = 12  # so many rows still have a number in each cell


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
    size = min(48.0, (WIDTH - _LEFT - _RIGHT) / n)
    cells = []
    for i, j in zip(*np.nonzero(np.isfinite(values)), strict=True):
        depth = (values[i, j] - least) / ((largest - least) or 1.0)
        cells.append(_cell(int(i), int(j), values[i, j], depth, size, names, bool(rings[i, j]), marked, decimals))
    bottom = _NAMES + n * size
    legend = _legend(bottom + 16, least, largest, ends, marked if rings.any() else "", decimals, _deepest(n))
    description = _description(values, rings, names, marked, decimals)
    drawn = _headings(names, size) + "".join(cells) + legend
    return Figure(svg(drawn, bottom + 44, f"{caption} {description}"), caption, description)


def _deepest(n: int) -> float:
    return UNDER_TEXT if n <= _WRITTEN else 1.0


def _cell(
    i: int,
    j: int,
    value: float,
    depth: float,
    size: float,
    names: Sequence[str],
    ring: bool,
    marked: str,
    decimals: int,
) -> str:
    """Draw one cell with its tooltip, its number where there is room, and its ring."""
    x, y = _LEFT + j * size, _NAMES + i * size
    deepest = _deepest(len(names))
    tip = f"{clip(names[i], 60)} and {clip(names[j], 60)}: {value:.{decimals}f}{f' ({marked})' if ring else ''}"
    shade = 0.04 + depth * (deepest - 0.04)
    parts = (
        f'<rect x="{x:.1f}" y="{y:.1f}" width="{size - 1:.1f}" height="{size - 1:.1f}" fill="{PALETTE[0]}" '
        f'fill-opacity="{shade:.2f}"/>'
    )
    if len(names) <= _WRITTEN:
        parts += (
            f'<text x="{x + size / 2:.1f}" y="{y + size / 2 + 4:.1f}" text-anchor="middle" font-size="12">'
            f"{value:.{decimals}f}</text>"
        )
    if ring:
        high = len(names) <= _WRITTEN
        cx, cy, r = (x + size - 7, y + 6, 3.0) if high else (x + size / 2 - 0.5, y + size / 2 - 0.5, size / 5)
        parts += _ring(cx, cy, r)
    return f"<g><title>{escaped(tip)}</title>{parts}</g>"


def _ring(x: float, y: float, r: float) -> str:
    return f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{r:.1f}" fill="none" stroke="currentColor" stroke-width="1.3"/>'


def _headings(names: Sequence[str], size: float) -> str:
    """Write the names beside the rows, and aslant above the columns."""
    letters = min(13.0, size * 0.95)
    parts = []
    for i, name in enumerate(names):
        y = _NAMES + (i + 0.5) * size + letters * 0.35
        x = _LEFT + (i + 0.5) * size + letters * 0.3
        parts.append(
            f'<text x="{_LEFT - 8}" y="{y:.1f}" text-anchor="end" font-size="{letters:.1f}">'
            f"{escaped(fitting(name, _LEFT - 14, letters))}</text>"
            f'<text transform="translate({x:.1f} {_NAMES - 6}) rotate(-50)" font-size="{letters:.1f}">'
            f"{escaped(fitting(name, _RIGHT / 0.66, letters))}</text>"
        )
    return "".join(parts)


def _legend(
    y: float, least: float, largest: float, ends: tuple[str, str], ring: str, decimals: int, deepest: float
) -> str:
    """Show what the shades mean, from least to largest, and what a ring means."""
    shades = "".join(
        f'<rect x="{_LEFT + i * 24}" y="{y}" width="23" height="14" fill="{PALETTE[0]}" '
        f'fill-opacity="{0.04 + i / 4 * (deepest - 0.04):.2f}"/>'
        for i in range(5)
    )
    texts = (
        f'<text x="{_LEFT - 8}" y="{y + 12}" text-anchor="end">{escaped(fitting(ends[0], 110))} {least:.{decimals}f}'
        f'</text><text x="{_LEFT + 126}" y="{y + 12}">{largest:.{decimals}f} {escaped(fitting(ends[1], 110))}</text>'
    )
    note = f'{_ring(_LEFT + 306, y + 7, 4)}<text x="{_LEFT + 318}" y="{y + 12}">{escaped(ring)}</text>' if ring else ""
    return shades + texts + note


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
