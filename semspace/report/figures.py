"""Figures as small inline SVG: no script, no font, readable on light and dark, described in words."""

from __future__ import annotations

import html
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from semspace.display import clip
from semspace.report.text_width import fitting, measure
from semspace.types import Doubles2d, Ints1d

# After Okabe & Ito (2008): told apart by people who don't see all colours, on white and on black.
PALETTE = (
    "#2A85D0", "#E69F00", "#009E73", "#CC79A7", "#D55E00", "#56B4E9", "#8C7A00", "#7F7F7F",
)  # fmt: skip
SHAPES = ("circle", "square", "triangle", "diamond")
WIDTH = 720
# Text in the page's own colour can be read (4.5:1) on any of these colours at this opacity, on white and on black.
UNDER_TEXT = 0.5
_MANY = 400  # points beyond which they are drawn smaller


@dataclass(frozen=True)
class Figure:
    """An SVG picture with a caption, and a description for screen readers."""

    svg: str
    caption: str
    description: str

    def _repr_html_(self) -> str:
        return f"<figure>{self.svg}<figcaption>{html.escape(self.caption)}</figcaption></figure>"


def scatter(
    points: npt.ArrayLike,
    groups: Sequence[int],
    names: Sequence[str],
    labels: Sequence[str],
    *,
    caption: str,
    most: int = 2_000,
    height: int = 440,
    named: bool = False,
    sizes: Sequence[int] | None = None,
    unit: str = "points",
) -> Figure:
    """Draw points of shape (n, 2), coloured and shaped by group, each with its label as a tooltip.

    Where the points are a selection themselves, `sizes` are the full sizes of the groups, which the legend shows.
    Beyond `most` points a selection is drawn, even over every group. The caption says how many of how many points are
    drawn, and calls them `unit`. Points are drawn in a
    mixed order, so that no group covers another for coming later. Where each group is one point, `named` writes the
    names beside the points instead of into a legend.
    """
    xy = np.asarray(points, dtype=float)
    kinds = np.asarray(groups)
    rows = _selection(kinds, most)
    scaled = _fit(xy, WIDTH, height, margin=16)
    size = 1.0 if len(rows) <= _MANY else 0.8
    marks = "".join(
        f"<g><title>{escaped(clip(names[groups[i]], 60))}: {escaped(clip(labels[i], 100))}</title>"
        f"{_mark(groups[i], scaled[i, 0], scaled[i, 1], size)}</g>"
        for i in np.random.default_rng(0).permutation(rows)
    )
    counts = np.bincount(kinds, minlength=len(names)) if sizes is None else np.asarray(sizes)
    total = int(counts.sum())
    if len(rows) < total:
        caption = f"{caption.rstrip('.')}. {len(rows):,} of {total:,} {unit} are drawn; the legend counts all."
    parts = ", ".join(f"{clip(names[g], 60)} {counts[g]:,}" for g in range(len(names)))
    description = f"A map of {total:,} {unit}: {parts}."
    legend, legend_height = (_beside(names, scaled), 0.0) if named else _legend(names, counts, height)
    picture = svg(marks + legend, height + legend_height, f"{caption} {description}")
    return Figure(picture, caption, description)


def _selection(kinds: Ints1d, most: int) -> Ints1d:
    """Choose at most `most` rows, evenly within every group, and at least one of each while there is room."""
    if len(kinds) <= most:
        return np.arange(len(kinds))
    grouped = np.argsort(kinds, kind="stable")
    evenly = grouped[np.linspace(0, len(grouped) - 1, most).round().astype(int)]
    missing = np.setdiff1d(kinds, kinds[evenly])
    first = np.array([int(np.argmax(kinds == kind)) for kind in missing], dtype=int)
    return np.sort(np.concatenate([first, evenly])[:most])


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
    starts, ends = low or values, high or values
    least, largest = min(0.0, *values, *starts), max(0.0, *values, *ends)
    span = (largest - least) or 1.0
    left, line = 250, 26
    width = WIDTH - left - 90
    top = 26 if sides else 6

    def x(value: float) -> float:
        return left + (value - least) / span * width

    rows = []
    for i, (name, value) in enumerate(zip(names, values, strict=True)):
        y = top + i * line
        colour = PALETTE[0] if value >= 0 else PALETTE[1]
        begin, size = min(x(0), x(value)), abs(x(value) - x(0))
        whisker = ""
        if low is not None and high is not None:
            whisker = (
                f'<line x1="{x(low[i]):.1f}" x2="{x(high[i]):.1f}" y1="{y + 9}" y2="{y + 9}" '
                'stroke="currentColor" stroke-width="1.5"/>'
            )
        number = _number(value, points=points)
        rows.append(
            f'<text x="{left - 10}" y="{y + 13}" text-anchor="end">{escaped(fitting(name, left - 14))}</text>'
            f'<rect x="{begin:.1f}" y="{y + 2}" width="{size:.1f}" height="14" fill="{colour}"/>{whisker}'
            f'<text x="{WIDTH - 6}" y="{y + 13}" text-anchor="end">{number}</text>'
        )
    height = top + len(values) * line + 6
    axis = f'<line x1="{x(0):.1f}" x2="{x(0):.1f}" y1="{top - 4}" y2="{height}" stroke="currentColor" opacity="0.5"/>'
    if sides:
        axis += (
            f'<text x="{x(0) - 8:.1f}" y="14" text-anchor="end">← {escaped(clip(sides[0], 30))}</text>'
            f'<text x="{x(0) + 8:.1f}" y="14">{escaped(clip(sides[1], 30))} →</text>'
        )
    shown = "; ".join(f"{clip(name, 80)} {value:.3g}" for name, value in zip(names, values, strict=True))
    description = f"{shown}."
    return Figure(svg("".join(rows) + axis, height, f"{caption} {description}"), caption, description)


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
    left, right, high, gap = 90, 20, 120, 44
    span = max(xs[-1] - xs[0], 1)
    parts, told = [], []
    for row, (name, values) in enumerate(panels):
        top = 24 + row * (high + gap)
        known = [(x, value) for x, value in zip(xs, values, strict=True) if value is not None]
        least, largest = min(value for _, value in known), max(value for _, value in known)
        reach = (largest - least) or 1.0
        places = [
            (left + (x - xs[0]) / span * (WIDTH - left - right), top + (largest - value) / reach * high, x, value)
            for x, value in known
        ]
        colour = PALETTE[row % len(PALETTE)]
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y, _, _ in places)
        marks = "".join(
            f"<g><title>{escaped(unit)} {x}: {value:.4g}</title>"
            f'<circle cx="{px:.1f}" cy="{py:.1f}" r="3.5" fill="{colour}"/></g>'
            for px, py, x, value in places
        )
        scale = [(largest, top), (least, top + high)] if largest > least else [(least, top)]
        ticks = "".join(
            f'<text x="{left - 12}" y="{y + 4}" text-anchor="end">{value:.3g}</text>'
            f'<line x1="{left - 6}" x2="{WIDTH - right}" y1="{y}" y2="{y}" stroke="currentColor" opacity="0.2"/>'
            for value, y in scale
        )
        parts.append(
            f'<text x="{left}" y="{top - 10}" font-weight="600">{escaped(clip(name, 60))}</text>{ticks}'
            f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"/>{marks}'
        )
        told.append(f"{name} from {known[0][1]:.4g} to {known[-1][1]:.4g}")
    bottom = 24 + len(panels) * (high + gap) - gap + 22
    shown = sorted({xs[0], xs[-1], *(xs[:: max(len(xs) // 8, 1)])})
    middles = [left + (x - xs[0]) / span * (WIDTH - left - right) for x in shown]
    axis = "".join(
        f'<text x="{middle:.1f}" y="{bottom}" text-anchor="middle">{x}</text>'
        for x, middle in zip(shown, middles, strict=True)
    )
    axis += f'<text x="{WIDTH / 2}" y="{bottom + 20}" text-anchor="middle">{escaped(unit)}</text>'
    description = f"From {unit} {xs[0]} to {xs[-1]}: {'; '.join(told)}."
    return Figure(svg("".join(parts) + axis, bottom + 30, f"{caption} {description}"), caption, description)


def svg(body: str, height: float, label: str) -> str:
    """Return an SVG picture with a description for screen readers."""
    return (
        f'<svg viewBox="0 0 {WIDTH} {height:.0f}" role="img" aria-label="{html.escape(label, quote=True)}" '
        f'width="100%" style="max-width:{WIDTH}px" font-family="system-ui, sans-serif" font-size="13" '
        f'fill="currentColor">{body}</svg>'
    )


def _fit(points: Doubles2d, width: float, height: float, *, margin: float) -> Doubles2d:
    """Scale points into the picture, both axes alike, so that distances stay distances."""
    low, high = points.min(axis=0), points.max(axis=0)
    room = np.array([width, height]) - 2 * margin
    scale = float(np.min(room / np.maximum(high - low, 1e-12)))
    middle = (low + high) / 2
    flipped = (points - middle) * np.array([scale, -scale])
    placed: Doubles2d = flipped + np.array([width, height]) / 2
    return placed


def _mark(group: int, x: float, y: float, size: float = 1.0) -> str:
    """Draw a point: colour and shape together tell 32 groups apart."""
    fill = f'fill="{PALETTE[group % len(PALETTE)]}" fill-opacity="0.8"'
    shape = SHAPES[(group // len(PALETTE) + group) % len(SHAPES)]
    if shape == "circle":
        return f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{4 * size:g}" {fill}/>'
    if shape == "square":
        half = 3.5 * size
        return f'<rect x="{x - half:.1f}" y="{y - half:.1f}" width="{2 * half:g}" height="{2 * half:g}" {fill}/>'
    if shape == "triangle":
        return f'<path d="M{x:.1f} {y - 4.5 * size:.1f}l{4.5 * size:g} {8 * size:g}h{-9 * size:g}z" {fill}/>'
    arm = 5 * size
    return f'<path d="M{x:.1f} {y - arm:.1f}l{arm:g} {arm:g}l{-arm:g} {arm:g}l{-arm:g} {-arm:g}z" {fill}/>'


def _beside(names: Sequence[str], points: Doubles2d) -> str:
    """Write the names of points beside them, where they cover as little as can be."""
    taken = [(x - 5, y - 5, x + 5, y + 5) for x, y in points]
    parts = []
    for name, (x, y) in zip(names, points, strict=True):
        text = clip(name, 28)
        wide = 7.0 * len(text)
        places = ((x + 8, y + 4), (x - 8 - wide, y + 4), (x - wide / 2, y - 9), (x - wide / 2, y + 18))
        boxes = [(left, base - 12, left + wide, base + 3) for left, base in places]

        def covered(box: tuple[float, float, float, float]) -> float:
            out = max(0.0, -box[0]) + max(0.0, box[2] - WIDTH)
            over = [min(box[2], o[2]) - max(box[0], o[0]) for o in taken if box[1] < o[3] and o[1] < box[3]]
            return float(10 * out + sum(max(0.0, one) for one in over))

        best = min(range(len(boxes)), key=lambda at: (covered(boxes[at]), at))
        taken.append(boxes[best])
        left, base = places[best]
        parts.append(f'<text x="{left:.1f}" y="{base:.1f}" font-size="12">{escaped(text)}</text>')
    return "".join(parts)


def _legend(names: Sequence[str], counts: Ints1d, top: float) -> tuple[str, float]:
    """Write the names with their counts under the picture, in columns; return it and its height."""
    columns = 2 if max(map(len, names)) > 18 else 4 if max(map(len, names)) < 12 else 3
    step = WIDTH / columns
    parts = []
    for i, name in enumerate(names):
        x, y = 16 + (i % columns) * step, top + 18 + (i // columns) * 20
        count = f" ({counts[i]:,})"
        room = step - 30 - measure(count)
        parts.append(
            f'{_mark(i, x, y - 4)}<text x="{x + 12:.0f}" y="{y:.0f}">{escaped(fitting(name, room))}{count}</text>'
        )
    return "".join(parts), 20.0 * -(-len(names) // columns) + 10


def _number(value: float, *, points: bool) -> str:
    if points:
        return f"{value * 100:+.0f} pt"
    return f"{value:,}" if isinstance(value, int) else f"{value:.2f}"


def escaped(text: str) -> str:
    """Return a text with HTML escaped."""
    return html.escape(text, quote=False)
