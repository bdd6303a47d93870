"""Horizontal bars."""

from __future__ import annotations

from collections.abc import Sequence

from semspace.display import clip
from semspace.report.axis import Axis
from semspace.report.figure import PALETTE, SLIM, Drawing, Figure, escaped
from semspace.report.side_labels import side_labels
from semspace.report.text_width import fitting, room_beside


def bars(
    names: Sequence[str],
    values: Sequence[float],
    *,
    caption: str,
    low: Sequence[float] | None = None,
    high: Sequence[float] | None = None,
    points: bool = False,
    sides: tuple[str, str] | None = None,
) -> Figure:
    """Draw a horizontal bar for each value, from zero, with its interval where given.

    With `points`, values are differences of shares, written in percentage points. `sides` names what it means to lie
    to the left and to the right of zero.
    """
    reach = (0.0, *values, *(low or ()), *(high or ()))
    least, largest = min(reach), max(reach)

    def draw(width: float) -> Drawing:
        slim = width < SLIM
        room = 100 if points else 76 if slim else 90  # of the numbers at the right
        axis = Axis(least, largest, 8 if slim else room_beside(names, width), width - room)
        if largest == least:
            axis = Axis(least, least + 1.0, axis.start, axis.end)
        zero = axis(0)
        labels, above = side_labels(sides, 4, width - 4, None if slim else zero) if sides else ("", 0)
        top, line = above + (8 if sides else 6), (42 if slim else 26)
        rows = [labels]
        for i, (name, value) in enumerate(zip(names, values, strict=True)):
            y = top + i * line
            ends = None if low is None or high is None else (low[i], high[i])
            rows.append(_bar(axis, y + 16 if slim else y, value, ends, _number(value, points=points), width))
            rows.append(_name(name, y + 13, width - 8) if slim else _name(name, y + 13, axis.start - 14, axis.start))
        height = top + len(values) * line + 6
        rows.append(
            f'<line x1="{zero:.1f}" x2="{zero:.1f}" y1="{top - 4}" y2="{height}" stroke="currentColor" '
            f'opacity="{0.2 if slim else 0.5}"/>'
        )
        return "".join(rows), height

    shown = "; ".join(f"{clip(name, 80)} {value:.3g}" for name, value in zip(names, values, strict=True))
    return Figure(draw, caption, f"{shown}.")


def _bar(axis: Axis, y: float, value: float, interval: tuple[float, float] | None, number: str, width: float) -> str:
    """Draw one value as a bar from zero, with its interval, and its number at the right."""
    colour = PALETTE[0] if value >= 0 else PALETTE[1]
    begin, size = min(axis(0), axis(value)), abs(axis(value) - axis(0))
    whisker = ""
    if interval is not None:
        whisker = (
            f'<line x1="{axis(interval[0]):.1f}" x2="{axis(interval[1]):.1f}" y1="{y + 9}" y2="{y + 9}" '
            'stroke="currentColor" stroke-width="1.5"/>'
        )
    return (
        f'<rect x="{begin:.1f}" y="{y + 2}" width="{size:.1f}" height="14" fill="{colour}"/>{whisker}'
        f'<text x="{width - 6:g}" y="{y + 13}" text-anchor="end">{number}</text>'
    )


def _name(name: str, y: float, room: float, left_of: float | None = None) -> str:
    """Write a name over its bar, or to the left of it."""
    place = 'x="4"' if left_of is None else f'x="{left_of - 10:g}"'
    anchor = "" if left_of is None else ' text-anchor="end"'
    return f'<text {place} y="{y}"{anchor}>{escaped(fitting(name, room))}</text>'


def _number(value: float, *, points: bool) -> str:
    if points:
        return f"{value * 100:+.0f} points"
    return f"{value:,}" if isinstance(value, int) else f"{value:.2f}"
