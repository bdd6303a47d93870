"""Small multiples: a small chart for each of many series, all with the same axes, so that they can be compared."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import groupby

from semspace.display import clip
from semspace.errors import InputError
from semspace.report.figure import PALETTE, SLIM, Drawing, Figure, escaped
from semspace.report.text_width import fitting, measure, wrapped

_LEFT, _RIGHT, _TITLE, _HIGH, _BELOW = 40.0, 10.0, 22.0, 64.0, 30.0  # of a panel, in pixels
_COLUMNS, _SLIM_COLUMNS = 3, 2
_TITLE_LINE, _BOLD = 16.0, 14  # height of a line of a title; bold letters are as wide as larger ones
_SMALL = 11  # pixels of the letters of the axes


@dataclass(frozen=True)
class Series:
    """Shares over time: a name, the share of each period, and its interval; None where a period has none."""

    name: str
    shares: Sequence[float | None]
    low: Sequence[float | None]
    high: Sequence[float | None]


def small_multiples(
    positions: Sequence[float], periods: Sequence[str], series: Sequence[Series], *, caption: str
) -> Figure:
    """Draw a line with its interval for each series of shares, one chart beside another on the same axes.

    Parameters
    ----------
    positions : list of float
        Where each period lies on the time axis, increasing.
    periods : list of str
        The name of each period.
    series : list of Series
        With a share for each period.
    caption : str

    Raises
    ------
    InputError
        If there is no period or series, or their lengths differ.
    """
    lengths = {len(positions), *(len(one) for each in series for one in (each.shares, each.low, each.high))}
    if not series or lengths != {len(periods)} or not periods:
        raise InputError("small_multiples needs at least one series, with a value for each of at least one period")
    top = _rounded_up(max((value for each in series for value in each.shares if value is not None), default=0.0))

    def draw(width: float) -> Drawing:
        columns = min(_columns(width, periods), len(series))
        wide = width / columns
        titles = [wrapped(each.name, wide - _LEFT - _RIGHT, size=_BOLD) for each in series]
        above = _TITLE + (max(map(len, titles)) - 1) * _TITLE_LINE
        tall = above + _HIGH + _BELOW
        panels = [
            f'<g transform="translate({number % columns * wide:.1f} {number // columns * tall:.1f})">'
            f"{_panel(each, title, positions, periods, top, wide, above)}</g>"
            for number, (each, title) in enumerate(zip(series, titles, strict=True))
        ]
        return "".join(panels), tall * -(-len(series) // columns)

    told = "; ".join(_told(each, periods) for each in series)
    return Figure(draw, caption, f"From {periods[0]} to {periods[-1]}: {told}.")


def _columns(width: float, periods: Sequence[str]) -> int:
    """Return how many charts stand side by side, so that the names of the first and the last period fit below each."""
    room = (measure(periods[0]) + measure(periods[-1])) * _SMALL / 13 + 10 + _LEFT + _RIGHT
    most = _COLUMNS if width >= SLIM else _SLIM_COLUMNS
    return max(1, min(most, int(width // room)))


def _rounded_up(share: float) -> float:
    """Return the end of the axis for the largest share: a whole number of per cent, or of tens where it is large."""
    step = 10 if share > 0.2 else 5 if share > 0.05 else 1
    return min(max(math.ceil(share * 100 / step - 1e-9), 1) * step, 100) / 100


def _told(series: Series, periods: Sequence[str]) -> str:
    known = [(share, period) for share, period in zip(series.shares, periods, strict=True) if share is not None]
    if not known:
        return f"{clip(series.name, 80)}: none"
    highest, when = max(known, key=lambda one: one[0])
    return f"{clip(series.name, 80)} from {known[0][0]:.1%} to {known[-1][0]:.1%}, at most {highest:.1%} in {when}"


def _panel(
    series: Series,
    title: Sequence[str],
    positions: Sequence[float],
    periods: Sequence[str],
    top: float,
    width: float,
    above: float,
) -> str:
    """Draw one series: its name, its line with the interval, and the ends of both axes."""
    bottom, end = above + _HIGH, width - _RIGHT
    span = (positions[-1] - positions[0]) or 1.0
    xs = [_LEFT + (position - positions[0]) / span * (end - _LEFT) for position in positions]

    def y(value: float) -> float:
        return bottom - min(value / top, 1.0) * _HIGH

    parts = [
        *(
            f'<text x="{_LEFT:g}" y="{above - 8 - (len(title) - 1 - i) * _TITLE_LINE:g}" font-weight="600">'
            f"{escaped(line)}</text>"
            for i, line in enumerate(title)
        ),
        *(_gridline(value, y(value), end) for value in (top, 0.0)),
        *_runs(series, xs, y),
        *(
            f"<g><title>{escaped(f'{series.name}, {period}: {share:.1%} ({low:.1%} to {high:.1%})')}</title>"
            f'<circle cx="{x:.1f}" cy="{y(share):.1f}" r="2.5" fill="{PALETTE[0]}"/></g>'
            for x, period, share, low, high in zip(xs, periods, series.shares, series.low, series.high, strict=True)
            if share is not None and low is not None and high is not None
        ),
        *_ends(periods, bottom + 14, end),
    ]
    return "".join(parts)


def _ends(periods: Sequence[str], y: float, end: float) -> list[str]:
    """Write the names of the first and the last period below a chart."""
    room = (end - _LEFT) / 2 * 13 / _SMALL
    first, last = (escaped(fitting(clip(period, 80), room)) for period in (periods[0], periods[-1]))
    texts = [f'<text x="{_LEFT:g}" y="{y:g}" font-size="{_SMALL}">{first}</text>']
    if len(periods) > 1:
        texts.append(f'<text x="{end:g}" y="{y:g}" text-anchor="end" font-size="{_SMALL}">{last}</text>')
    return texts


def _gridline(value: float, y: float, end: float) -> str:
    return (
        f'<text x="{_LEFT - 6:g}" y="{y + 4:.1f}" text-anchor="end" font-size="{_SMALL}">{value:.0%}</text>'
        f'<line x1="{_LEFT:g}" x2="{end:.1f}" y1="{y:.1f}" y2="{y:.1f}" stroke="currentColor" opacity="0.2"/>'
    )


def _runs(series: Series, xs: Sequence[float], y: Callable[[float], float]) -> list[str]:
    """Draw the line and the interval of each run of periods that have a share."""
    rows = zip(xs, series.shares, series.low, series.high, strict=True)
    parts = []
    for known, run in groupby(rows, key=lambda row: row[1] is not None):
        points = [(x, share or 0.0, low or 0.0, high or 0.0) for x, share, low, high in run]
        if not known:
            continue
        upper = [f"{x:.1f},{y(high):.1f}" for x, _, _, high in points]
        lower = [f"{x:.1f},{y(low):.1f}" for x, _, low, _ in reversed(points)]
        line = " ".join(f"{x:.1f},{y(share):.1f}" for x, share, _, _ in points)
        parts.append(f'<polygon points="{" ".join(upper + lower)}" fill="{PALETTE[0]}" opacity="0.2"/>')
        parts.append(f'<polyline points="{line}" fill="none" stroke="{PALETTE[0]}" stroke-width="1.8"/>')
    return parts
