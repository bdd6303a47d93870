"""Lines over whole numbers, such as epochs or years: one panel below another."""

from __future__ import annotations

from collections.abc import Sequence

from semspace.display import clip
from semspace.report.figure import PALETTE, SLIM, Drawing, Figure, escaped
from semspace.report.text_width import fitting, measure

_RIGHT, _HIGH, _GAP, _TOP = 20, 120, 44, 24
_MOST_TICKS = 8


def lines(
    xs: Sequence[int],
    panels: Sequence[tuple[str, Sequence[float | None]]],
    *,
    unit: str,
    caption: str,
) -> Figure:
    """Draw one panel under another, each a line of values over the same whole numbers; None leaves a gap.

    Every panel has its own scale, with its lowest and highest value at the left, and first and last value in words.
    """

    def draw(width: float) -> Drawing:
        left = 90.0 if width >= SLIM else 64.0
        span = max(xs[-1] - xs[0], 1)
        places = {x: left + (x - xs[0]) / span * (width - left - _RIGHT) for x in xs}
        parts = [_panel(row, name, xs, values, places, unit, left, width) for row, (name, values) in enumerate(panels)]
        bottom = _TOP + len(panels) * (_HIGH + _GAP) - _GAP + 22
        axis = "".join(
            f'<text x="{places[x]:.1f}" y="{bottom}" text-anchor="middle">{x}</text>' for x in _ticks(xs, places)
        )
        axis += f'<text x="{width / 2:g}" y="{bottom + 20}" text-anchor="middle">{escaped(unit)}</text>'
        return "".join(parts) + axis, bottom + 30

    told = "; ".join(f"{name} from {known[0]:.4g} to {known[-1]:.4g}" for name, known in _known(panels))
    return Figure(draw, caption, f"From {unit} {xs[0]} to {xs[-1]}: {told}.")


def _known(panels: Sequence[tuple[str, Sequence[float | None]]]) -> list[tuple[str, list[float]]]:
    return [(name, [value for value in values if value is not None]) for name, values in panels]


def _panel(
    row: int,
    name: str,
    xs: Sequence[int],
    values: Sequence[float | None],
    places: dict[int, float],
    unit: str,
    left: float,
    width: float,
) -> str:
    """Draw one panel: its name, its scale, its line, and a mark for each value."""
    top = _TOP + row * (_HIGH + _GAP)
    known = [(x, value) for x, value in zip(xs, values, strict=True) if value is not None]
    least, largest = min(value for _, value in known), max(value for _, value in known)
    reach = (largest - least) or 1.0
    points = [(places[x], top + (largest - value) / reach * _HIGH, x, value) for x, value in known]
    colour = PALETTE[row % len(PALETTE)]
    path = " ".join(f"{x:.1f},{y:.1f}" for x, y, _, _ in points)
    marks = "".join(
        f"<g><title>{escaped(unit)} {x}: {value:.4g}</title>"
        f'<circle cx="{px:.1f}" cy="{py:.1f}" r="3.5" fill="{colour}"/></g>'
        for px, py, x, value in points
    )
    scale = [(largest, top), (least, top + _HIGH)] if largest > least else [(least, top)]
    ticks = "".join(
        f'<text x="{left - 12:g}" y="{y + 4}" text-anchor="end">{value:.3g}</text>'
        f'<line x1="{left - 6:g}" x2="{width - _RIGHT:g}" y1="{y}" y2="{y}" stroke="currentColor" opacity="0.2"/>'
        for value, y in scale
    )
    title = escaped(fitting(clip(name, 60), width - left - 4))
    return (
        f'<text x="{left:g}" y="{top - 10}" font-weight="600">{title}</text>{ticks}'
        f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"/>{marks}'
    )


def _ticks(xs: Sequence[int], places: dict[int, float]) -> list[int]:
    """Return the numbers that are written below: the ends, and of the others those that have room."""
    step = max(len(xs) // _MOST_TICKS, 1)
    shown = [xs[0], xs[-1]] if len(xs) > 1 else [xs[0]]
    for x in xs[step:-1:step]:
        room = measure(str(x)) + 8
        if all(abs(places[x] - places[other]) >= room for other in shown):
            shown.append(x)
    return sorted(shown)
