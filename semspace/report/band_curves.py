"""Curves over a number, each with the band of its interval, on one pair of axes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from semspace.report.axis import Axis
from semspace.report.figure import PALETTE, SLIM, Drawing, Figure, escaped
from semspace.report.text_width import fitting, measure

_TOP, _HIGH, _RIGHT = 44, 240, 20
_LETTERS = 12


@dataclass(frozen=True)
class BandCurve:
    """A curve, and the band around it where there is one.

    Parameters
    ----------
    name : str
    ys : sequence of float
        A value in [0, 1] for each x.
    low, high : sequences of float
        The band; empty for none.
    """

    name: str
    ys: Sequence[float]
    low: Sequence[float] = ()
    high: Sequence[float] = ()


def band_curves(
    xs: Sequence[float], curves: Sequence[BandCurve], *, unit: str, caption: str, description: str
) -> Figure:
    """Draw curves of shares over one number, with their names above."""

    def draw(width: float) -> Drawing:
        left = 52.0 if width >= SLIM else 40.0
        keys, top = _keys([curve.name for curve in curves], left, width)
        across, up = Axis(xs[0], xs[-1], left, width - _RIGHT), Axis(0.0, 1.0, top + _HIGH, top)
        drawn = "".join(_curve(curve, xs, across, up, PALETTE[row]) for row, curve in enumerate(curves))
        middle = (across.start + across.end) / 2
        axes = across.draw(top, top + _HIGH) + _levels(across, up)
        name = (
            f'<text x="{middle:g}" y="{top + _HIGH + 33:g}" text-anchor="middle" font-size="12">{escaped(unit)}</text>'
        )
        return keys + axes + drawn + name, top + _HIGH + 42

    return Figure(draw, caption, description)


def _keys(names: Sequence[str], left: float, width: float) -> tuple[str, float]:
    """Write the names with their colours, one after the other or below it; return where the axes begin."""
    x, y, parts = left, 18.0, []
    for row, name in enumerate(names):
        text = fitting(name, width - left - 24, _LETTERS)
        long = 24 + measure(text, _LETTERS)
        if x > left and x + long > width:
            x, y = left, y + 18
        parts.append(
            f'<line x1="{x:.1f}" x2="{x + 16:.1f}" y1="{y - 4:.1f}" y2="{y - 4:.1f}" stroke="{PALETTE[row]}" '
            f'stroke-width="3"/><text x="{x + 22:.1f}" y="{y:.1f}" font-size="{_LETTERS}">{escaped(text)}</text>'
        )
        x += long + 20
    return "".join(parts), y + _TOP - 26


def _curve(curve: BandCurve, xs: Sequence[float], across: Axis, up: Axis, colour: str) -> str:
    band = ""
    if curve.low:
        around = [*zip(xs, curve.high, strict=True), *reversed(list(zip(xs, curve.low, strict=True)))]
        points = " ".join(f"{across(x):.1f},{up(y):.1f}" for x, y in around)
        band = f'<polygon points="{points}" fill="{colour}" opacity="0.2"/>'
    line = " ".join(f"{across(x):.1f},{up(y):.1f}" for x, y in zip(xs, curve.ys, strict=True))
    return f'{band}<polyline points="{line}" fill="none" stroke="{colour}" stroke-width="2"/>'


def _levels(across: Axis, up: Axis) -> str:
    return "".join(
        f'<line x1="{across.start:g}" x2="{across.end:g}" y1="{up(at):.1f}" y2="{up(at):.1f}" stroke="currentColor" '
        f'opacity="0.12"/><text x="{across.start - 6:g}" y="{up(at) + 4:.1f}" text-anchor="end" font-size="12">'
        f"{at:.6g}</text>"
        for at in up.ticks(5)
    )
