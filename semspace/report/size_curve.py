"""Shares over sizes: what ways of making something smaller keep, the best of each size joined by a line."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from semspace.report.axis import Axis
from semspace.report.figure import PALETTE, SLIM, Drawing, Figure, escaped
from semspace.report.label_places import Places
from semspace.report.text_width import fitting, measure

_TOP, _HIGH, _GAP, _RIGHT = 40, 260, 66, 24
_LETTERS, _LINE = 12, 14
_ROOM = 150  # a name is cut to this width


@dataclass(frozen=True)
class Curve:
    """One panel: of each way its name, size, share, and whether no other way beats it in both.

    Parameters
    ----------
    title : str
    points : tuple of (name, size, share, best)
        Sizes above 0, shares in [0, 1].
    knee : str
        The name of the way that has a ring.
    """

    title: str
    points: tuple[tuple[str, float, float, bool], ...]
    knee: str


def size_curve(curves: Sequence[Curve], *, unit: str, caption: str) -> Figure:
    """Draw shares over sizes, which are on a logarithmic axis, one panel under another."""

    def draw(width: float) -> Drawing:
        left = 52.0 if width >= SLIM else 40.0
        sizes = [math.log2(size) for curve in curves for _, size, _, _ in curve.points]
        room = 0.06 * ((max(sizes) - min(sizes)) or 1.0)
        across = Axis(min(sizes) - room, max(sizes) + room, left, width - _RIGHT)
        parts = [_panel(curve, _TOP + row * (_HIGH + _GAP), across, unit, width) for row, curve in enumerate(curves)]
        return "".join(parts), _TOP + len(curves) * (_HIGH + _GAP) - 14

    told = "; ".join(f"{curve.title}: {_described(curve)}" for curve in curves)
    return Figure(draw, f"{caption} The ring is the knee.", told)


def _described(curve: Curve) -> str:
    best = sorted((size, name, share) for name, size, share, is_best in curve.points if is_best)
    return ", ".join(f"{name} {share:.3f} in {size:g} bytes" for size, name, share in best)


def _panel(curve: Curve, top: float, across: Axis, unit: str, width: float) -> str:
    """Draw axes, the line of the best ways, a mark for each way, and the names that have room."""
    bottom = top + _HIGH
    lowest = min(share for _, _, share, _ in curve.points)
    up = Axis(math.floor(min(lowest, 0.95) * 20 - 0.5) / 20, 1.02, bottom, top)
    placed = [(name, across(math.log2(size)), up(share), best) for name, size, share, best in curve.points]
    line = " ".join(f"{x:.1f},{y:.1f}" for _, x, y, best in sorted(placed, key=lambda one: one[1]) if best)
    marks, ring = [], ""
    for (name, size, share, best), (_, x, y, _) in zip(curve.points, placed, strict=True):
        colour = PALETTE[0] if best else PALETTE[7]
        marks.append(
            f"<g><title>{escaped(name)}: {share:.3f}, {size:g} {escaped(unit)}</title>"
            f'<circle cx="{x:.1f}" cy="{y:.1f}" r="4" fill="{colour}"/></g>'
        )
        if name == curve.knee:
            ring = f'<circle cx="{x:.1f}" cy="{y:.1f}" r="8" fill="none" stroke="{PALETTE[4]}" stroke-width="2"/>'
    title = escaped(fitting(curve.title, width - across.start))
    return (
        f'<text x="{across.start:g}" y="{top - 14}" font-weight="600">{title}</text>'
        f"{_axes(across, up, top, bottom, unit)}"
        f'<polyline points="{line}" fill="none" stroke="{PALETTE[0]}" stroke-width="1.5" opacity="0.6"/>'
        f"{''.join(marks)}{ring}{_names(placed, (across.start, top - 8, width - 2, bottom))}"
    )


def _axes(across: Axis, up: Axis, top: float, bottom: float, unit: str) -> str:
    powers = [p for p in range(-4, 40) if across.least <= p <= across.largest]
    parts = [
        f'<line x1="{across(p):.1f}" x2="{across(p):.1f}" y1="{top:.1f}" y2="{bottom:.1f}" stroke="currentColor" '
        f'opacity="0.12"/><text x="{across(p):.1f}" y="{bottom + 15:.1f}" text-anchor="middle" font-size="12">'
        f"{2.0**p:,.6g}</text>"
        for p in powers
    ]
    parts += [
        f'<line x1="{across.start:g}" x2="{across.end:g}" y1="{up(at):.1f}" y2="{up(at):.1f}" stroke="currentColor" '
        f'opacity="0.12"/><text x="{across.start - 6:g}" y="{up(at) + 4:.1f}" text-anchor="end" font-size="12">'
        f"{at:.6g}</text>"
        for at in up.ticks(5)
    ]
    middle = (across.start + across.end) / 2
    parts.append(f'<text x="{middle:g}" y="{bottom + 33:g}" text-anchor="middle" font-size="12">{escaped(unit)}</text>')
    return "".join(parts)


def _names(placed: Sequence[tuple[str, float, float, bool]], bounds: tuple[float, float, float, float]) -> str:
    """Write the names that have room, those of the best ways first."""
    places = Places(bounds, [(x - 5, y - 5, x + 5, y + 5) for _, x, y, _ in placed])
    lines, texts = [], []
    for name, x, y, _ in sorted(placed, key=lambda one: not one[3]):
        text = fitting(name, _ROOM, _LETTERS)
        found = places.find(x, y, measure(text, _LETTERS), _LINE)
        if found is not None:
            lines.append(found.draw_line())
            texts.append(found.draw_text(text, _LETTERS))
    return "".join([*lines, *texts])
