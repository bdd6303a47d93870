"""Estimates of the width of a text in a figure, by which labels are cut and placed."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence

from semspace.display import clip

SIZE = 13  # the letters of a figure, in its own pixels
_NARROW, _WIDE = set("ijl.,:;'|!()[] ftr"), set("mwMW@%—")
_COMBINING = ("Mn", "Me", "Cf")


def measure(text: str, size: float = SIZE) -> float:
    """Estimate the width of a text, a little too wide: fonts differ, and the reader's isn't known.

    Parameters
    ----------
    text : str
        One line.
    size : float
        Height of the letters in pixels.

    Returns
    -------
    float
        Pixels.
    """
    return size * sum(_width(c) for c in text)


def fitting(text: str, room: float, size: float = SIZE) -> str:
    """Cut a text to one line that fits into `room` pixels, with "…" where something is left out."""
    line = clip(text, 200)
    if measure(line, size) <= room:
        return line
    left = room - size * _width("…")
    for end, c in enumerate(line):
        left -= size * _width(c)
        if left < 0:
            return line[:end].rstrip() + "…"
    return line


def wrapped(text: str, room: float, lines: int = 2, size: float = SIZE) -> list[str]:
    """Divide a text into at most so many lines that fit into `room` pixels; what has no room there is left out."""
    found: list[str] = []
    left = clip(text, 200)
    while len(found) < lines - 1 and measure(left, size) > room:
        words = left.split(" ")
        count = next((n for n in range(len(words) - 1, 0, -1) if measure(" ".join(words[:n]), size) <= room), 0)
        if not count:
            break
        found.append(" ".join(words[:count]))
        left = " ".join(words[count:])
    return [*found, fitting(left, room, size)]


def room_beside(names: Sequence[str], width: float, size: float = SIZE) -> float:
    """Return the pixels that names beside a figure take: as many as the longest needs, at most two fifths of it."""
    longest = max((measure(clip(name, 200), size) for name in names), default=0.0)
    return min(max(longest + 24, 120.0), 0.4 * width)


def _width(c: str) -> float:
    if c in _NARROW:
        return 0.4
    if c in _WIDE:
        return 1.0
    if unicodedata.category(c) in _COMBINING:
        return 0.0
    if unicodedata.east_asian_width(c) in "WF":
        return 1.05
    return 0.72 if c.isupper() else 0.63
