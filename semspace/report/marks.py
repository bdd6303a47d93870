"""Marks of groups: colour and shape together tell 32 groups apart."""

from __future__ import annotations

from collections.abc import Sequence

from semspace.report.figure import PALETTE, escaped
from semspace.types import Bools1d, Doubles2d, Ints1d

SHAPES = ("circle", "square", "triangle", "diamond")
_ROUNDS = 12  # in which many marks are drawn, each group once in every round


def mark(group: int, x: float, y: float) -> str:
    """Draw the mark of a group by itself, as in a legend."""
    return _shape(group, x, y, 1.0, f" {_fill(group)}")


def marks(groups: Ints1d, points: Doubles2d, tooltips: Sequence[str], size: float, hollow: Bools1d) -> str:
    """Draw the mark of each point with its tooltip; of a hollow one only the outline.

    They are drawn in rounds, and within a round group by group: the marks of a group share their colour in the file,
    and yet no group covers another for coming later.
    """
    step = max(-(-len(groups) // _ROUNDS), 1)
    parts = []
    for start in range(0, len(groups), step):
        looks: dict[tuple[int, bool], list[str]] = {}
        for row in range(start, min(start + step, len(groups))):
            group, tooltip = int(groups[row]), f"<title>{escaped(tooltips[row])}</title>"
            shape = _shape(group, points[row, 0], points[row, 1], size, "", tooltip)
            looks.setdefault((group, bool(hollow[row])), []).append(shape)
        parts += [f"<g {_fill(*look)}>{''.join(shapes)}</g>" for look, shapes in looks.items()]
    return "".join(parts)


def shape_of(group: int) -> str:
    """Return the shape of a group's mark, of four."""
    return SHAPES[(group // len(PALETTE) + group) % len(SHAPES)]


def _fill(group: int, hollow: bool = False) -> str:
    colour = PALETTE[group % len(PALETTE)]
    return f'fill="none" stroke="{colour}"' if hollow else f'fill="{colour}" fill-opacity="0.8"'


def _shape(group: int, x: float, y: float, size: float, attributes: str, inside: str = "") -> str:
    """Draw a group's shape around a point."""
    shape = shape_of(group)
    if shape == "circle":
        name, place = "circle", f'cx="{x:.1f}" cy="{y:.1f}" r="{4 * size:g}"'
    elif shape == "square":
        side = 7 * size
        name = "rect"
        place = f'x="{x - side / 2:.1f}" y="{y - side / 2:.1f}" width="{side:g}" height="{side:g}"'
    elif shape == "triangle":
        name, place = "path", f'd="M{x:.1f} {y - 4.5 * size:.1f}l{4.5 * size:g} {8 * size:g}h{-9 * size:g}z"'
    else:
        arm = 5 * size
        name = "path"
        place = f'd="M{x:.1f} {y - arm:.1f}l{arm:g} {arm:g}l{-arm:g} {arm:g}l{-arm:g} {-arm:g}z"'
    return f"<{name} {place}{attributes}>{inside}</{name}>" if inside else f"<{name} {place}{attributes}/>"
