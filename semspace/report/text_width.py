"""Estimates of the width of a text in a figure, by which labels are cut and placed."""

from __future__ import annotations

import unicodedata

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
