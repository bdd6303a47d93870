"""A dot plot of an observed distance among reference distances."""

from __future__ import annotations

import math
from collections.abc import Sequence

from semspace.display import cell, clip
from semspace.report.axis import Axis, axis_for
from semspace.report.figure import HALO, PALETTE, SLIM, Drawing, Figure, escaped
from semspace.report.text_width import SIZE, fitting, measure, room_beside

_LINE, _TOP = 26, 40
_BOLD = 14  # bold letters are as wide as larger ones
_ABOVE = 18  # height of a name above its mark, in a slim figure
_COLOUR = PALETTE[4]
_BY_CHANCE = "by chance alone (95 % of random splits)"


def number_line(
    value: float,
    interval: tuple[float, float],
    marks: Sequence[tuple[str, float]],
    *,
    caption: str,
    name: str = "observed here",
    unit: str = "",
    chance: float | None = None,
) -> Figure:
    """Draw an observed distance, with its interval, among known ones on one scale from near to far.

    Each distance has a line of its own, in order of size, so that names can't overlap however many there are
    (a dot plot, Cleveland 1985).

    Parameters
    ----------
    value, interval : float, (float, float)
        What was observed; it may be slightly negative. NaN ends mean that no interval is known.
    marks : list of (str, float)
        Names and values of distances for comparison, in any order.
    name : str
        What to call the observed value.
    unit : str
        Written after every number.
    chance : float, optional
        Differences up to here come about by chance; drawn as a band.
    """
    ends = [end for end in interval if math.isfinite(end)]
    known = [(called, at) for called, at in marks if math.isfinite(at)]
    reach = [0.0, value, *ends, *(at for _, at in known), *([chance] if chance is not None else [])]
    # The observed value stands before known ones of the same size.
    lines = sorted([(value, 0, name), *((at, 1 + i, called) for i, (called, at) in enumerate(known))])

    def draw(width: float) -> Drawing:
        slim = width < SLIM
        left = room_beside([called for _, _, called in lines], width, _BOLD)
        axis = axis_for(reach, 12, width - 12) if slim else axis_for(reach, left, width - 110)
        line = _LINE + (_ABOVE if slim else 0)
        bottom = _TOP + len(lines) * line + 4
        rows = [
            _row(axis, _TOP + (row + 1) * line - _LINE / 2, called, at, unit, interval if not i else None, width)
            for row, (at, i, called) in enumerate(lines)
        ]
        drawn = (
            _band(axis, chance, bottom, width)
            + axis.draw(_TOP, bottom)
            + f'<line x1="{axis(value):.1f}" x2="{axis(value):.1f}" y1="{_TOP}" y2="{bottom}" stroke="{_COLOUR}" '
            f'stroke-width="1.5" stroke-dasharray="4 4"/>{"".join(rows)}'
            f'<text x="{axis.start:g}" y="{bottom + 34}" font-size="12">← nearer</text>'
            f'<text x="{axis.end:g}" y="{bottom + 34}" text-anchor="end" font-size="12">further apart →</text>'
        )
        return drawn, bottom + 42

    return Figure(draw, caption, _description(lines, interval, unit, chance))


def _row(
    axis: Axis, y: float, name: str, at: float, unit: str, interval: tuple[float, float] | None, width: float
) -> str:
    """Draw one distance: its name, its mark, its number; the observed one with its interval, and larger."""
    texts = _texts(axis, y, name, f"{cell(float(at))}{unit}", interval is not None, width)
    x = axis(at)
    if interval is None:
        return f'{texts}<circle cx="{x:.1f}" cy="{y:.1f}" r="5" fill="{PALETTE[0]}"/>'
    low, high = (axis(end) if math.isfinite(end) else x for end in interval)
    return (
        f'{texts}<line x1="{low:.1f}" x2="{high:.1f}" y1="{y:.1f}" y2="{y:.1f}" stroke="{_COLOUR}" stroke-width="5" '
        f'stroke-linecap="round" opacity="0.6"/>'
        f'<path d="M{x:.1f} {y - 8:.1f}l8 8l-8 8l-8 -8z" fill="{_COLOUR}" stroke="currentColor" stroke-width="1"/>'
    )


def _texts(axis: Axis, y: float, name: str, number: str, bold: bool, width: float) -> str:
    """Write a name and a number beside the axis, or above their mark."""
    slim = width < SLIM
    left, right, base = (2.0, width - 2, y - 12) if slim else (axis.start - 12, width - 8, y + 4)
    number = fitting(number, width * 0.4 if slim else width - axis.end - 12)
    name = fitting(name, (width * 0.96 - measure(number)) if slim else axis.start - 20, _BOLD if bold else SIZE)
    weight, anchor = ' font-weight="700"' if bold else "", "" if slim else ' text-anchor="end"'
    halo = f" {HALO}" if slim else ""
    return (
        f'<text x="{left:g}" y="{base:.1f}"{anchor}{weight}{halo}>{escaped(name)}</text>'
        f'<text x="{right:g}" y="{base:.1f}" text-anchor="end"{weight}{halo}>{escaped(number)}</text>'
    )


def _band(axis: Axis, chance: float | None, bottom: float, width: float) -> str:
    if chance is None:
        return ""
    start, end = axis(axis.least), axis(chance)
    left = min(axis.start, width - 20 - measure(_BY_CHANCE, 12))
    return (
        f'<rect x="{start:.1f}" y="{_TOP}" width="{max(end - start, 0):.1f}" height="{bottom - _TOP}" '
        f'fill="{PALETTE[7]}" fill-opacity="0.3"/>'
        f'<rect x="{left:g}" y="12" width="12" height="12" fill="{PALETTE[7]}" fill-opacity="0.3"/>'
        f'<text x="{left + 18:g}" y="22" font-size="12">{_BY_CHANCE}</text>'
    )


def _description(
    lines: Sequence[tuple[float, int, str]], interval: tuple[float, float], unit: str, chance: float | None
) -> str:
    """Return the figure in words, nearest first."""
    parts = []
    for at, i, name in lines:
        text = f"{clip(name, 80)} {at:.3f}{unit}"
        if not i and all(map(math.isfinite, interval)):
            text += f" ({interval[0]:.3f} to {interval[1]:.3f})"
        parts.append(text)
    band = "" if chance is None else f" By chance alone, 95 % of random splits stay below {chance:.3f}{unit}."
    return f"From near to far: {'; '.join(parts)}.{band}"
