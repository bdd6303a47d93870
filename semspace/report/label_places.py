"""Places for the labels of points, so that none covers another: beside its point, or further off with a line to it."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from semspace.report.figure import HALO, escaped

Box = tuple[float, float, float, float]  # left, top, right, bottom
_GAP = 6  # pixels between a point and a label beside it
_RINGS = (22, 36, 52, 70, 92, 120, 150)  # distances in pixels at which a label has a line to its point
_DIRECTIONS = 16
_STEP = 6  # pixels between the places of a line that are tested


@dataclass(frozen=True)
class Placed:
    """A label's box, and the line to its point where it isn't beside it."""

    box: Box
    line: Box | None = None  # from the point to the label: x, y, x, y

    def draw_line(self) -> str:
        """Return the line as SVG, to be drawn below all labels."""
        if self.line is None:
            return ""
        x1, y1, x2, y2 = self.line
        return (
            f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="currentColor" '
            'stroke-width="0.8" opacity="0.6"/>'
        )

    def draw_text(self, text: str, size: float, attributes: str = "") -> str:
        """Return the label as SVG."""
        return (
            f'<text x="{self.box[0]:.1f}" y="{self.box[3] - 3:.1f}" font-size="{size:g}"{attributes} {HALO}>'
            f"{escaped(text)}</text>"
        )


@dataclass
class Places:
    """What is taken of a picture: labels with their lines, and marks that no label may cover.

    Parameters
    ----------
    bounds : (left, top, right, bottom)
        Labels stay within.
    marks : list of boxes
        No label covers them; lines may.
    """

    bounds: Box
    marks: list[Box] = field(default_factory=list)
    _labels: list[Box] = field(default_factory=list)
    _lines: list[Box] = field(default_factory=list)

    def block(self, box: Box) -> None:
        """Keep labels and lines out of a box."""
        self._labels.append(box)

    def find(
        self, x: float, y: float, width: float, height: float, *, on_point: bool = False, crossing: bool = False
    ) -> Placed | None:
        """Return the nearest free place for a label of a point, and take it; None if there is none.

        With `on_point`, the label may stand on the point itself, as the name of a group does. With `crossing`, its
        line may run below other labels where it can't get round them.
        """
        candidates = [(placed, _beads(placed.line)) for placed in _candidates(x, y, width, height, on_point)]
        for blocked in (True, False) if crossing else (True,):
            for placed, line in candidates:
                if self._free(placed.box, line if blocked else ()):
                    self._labels.append(placed.box)
                    self._lines += line
                    return placed
        return None

    def _free(self, box: Box, line: Sequence[Box]) -> bool:
        left, top, right, bottom = self.bounds
        if box[0] < left or box[1] < top or box[2] > right or box[3] > bottom:
            return False
        covers = any(_overlap(box, other) for taken in (self._labels, self._lines, self.marks) for other in taken)
        return not covers and not any(_overlap(bead, other) for bead in line for other in self._labels)


def _candidates(x: float, y: float, width: float, height: float, on_point: bool) -> Iterable[Placed]:
    """Yield places for a label from the best to the worst."""
    half = height / 2
    if on_point:  # over or under it, too: beside it, it would stand among the points of another group
        for down in (0.0, -1.0, 1.0, -2.0, 2.0):
            middle = y + down * height
            yield Placed((x - width / 2, middle - half, x + width / 2, middle + half))
    for left, top in (
        (x + _GAP, y - half),
        (x - _GAP - width, y - half),
        (x - width / 2, y - _GAP - height),
        (x - width / 2, y + _GAP),
        (x + _GAP - 2, y - _GAP - height + 3),
        (x + _GAP - 2, y + _GAP - 3),
        (x - _GAP + 2 - width, y - _GAP - height + 3),
        (x - _GAP + 2 - width, y + _GAP - 3),
    ):
        yield Placed((left, top, left + width, top + height))
    for distance in _RINGS:
        for turn in range(_DIRECTIONS):
            angle = 2 * math.pi * turn / _DIRECTIONS
            cos, sin = math.cos(angle), math.sin(angle)
            end_x, end_y = x + distance * cos, y + distance * sin
            # The box touches the end of the line with the side that faces the point.
            left = end_x if cos > 0.3 else end_x - width if cos < -0.3 else end_x - width / 2
            top = end_y - half if abs(cos) > 0.3 else end_y if sin > 0 else end_y - height
            start = (x + 4 * cos, y + 4 * sin)
            yield Placed((left, top, left + width, top + height), (*start, end_x - cos, end_y - sin))


def _beads(line: Box | None) -> list[Box]:
    """Return small boxes along a line."""
    if line is None:
        return []
    x1, y1, x2, y2 = line
    count = max(int(math.hypot(x2 - x1, y2 - y1) / _STEP), 1)
    return [
        (x - 1, y - 1, x + 1, y + 1)
        for x, y in ((x1 + (x2 - x1) * i / count, y1 + (y2 - y1) * i / count) for i in range(count))
    ]


def _overlap(a: Box, b: Box) -> bool:
    return a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]
