"""What it means to lie to the left and to the right, written over a figure."""

from __future__ import annotations

from semspace.report.figure import Drawing, escaped
from semspace.report.text_width import fitting, measure

_LINE = 18  # pixels
_GAP = 8  # between a label and the middle


def side_labels(sides: tuple[str, str], left: float, right: float, middle: float | None = None) -> Drawing:
    """Write "← left side" and "right side →" within `left` and `right`; return them and their height.

    They stand on one line, on both sides of `middle` where it is given, else at the ends; where one has no room there,
    each has a line of its own, so that none is cut as long as the figure is wide enough for one.
    """
    texts = f"← {sides[0]}", f"{sides[1]} →"
    centre = (left + right) / 2 if middle is None else middle
    rooms = (centre - _GAP - left, right - centre - _GAP)
    if all(measure(text) <= room for text, room in zip(texts, rooms, strict=True)):
        if middle is None:
            return _start(left, 1, texts[0]) + _end(right, 1, texts[1]), _LINE
        return _end(middle - _GAP, 1, texts[0]) + _start(middle + _GAP, 1, texts[1]), _LINE
    room = right - left - measure("← ")
    first, second = f"← {fitting(sides[0], room)}", f"{fitting(sides[1], room)} →"
    return _start(left, 1, first) + _end(right, 2, second), 2 * _LINE


def _start(x: float, line: int, text: str) -> str:
    return f'<text x="{x:.1f}" y="{line * _LINE - 4}">{escaped(text)}</text>'


def _end(x: float, line: int, text: str) -> str:
    return f'<text x="{x:.1f}" y="{line * _LINE - 4}" text-anchor="end">{escaped(text)}</text>'
