"""Texts whose words are shaded by a number each: blue above zero, orange below."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from semspace.display import clip
from semspace.report.figure import PALETTE, UNDER_TEXT, Drawing, Figure, escaped
from semspace.report.text_width import fitting, measure
from semspace.types import Doubles1d

POSITIVE, NEGATIVE = PALETTE[0], PALETTE[1]
_SIZE, _LINE, _HEADING = 15.0, 27.0, 26.0  # pixels: of letters, of a line of text, of a name above a text
_WORDS_AND_SPACES = re.compile(r"\s+|\S+")
_FAINTEST = 0.02  # the opacity below which nothing is drawn


class ShadedText(NamedTuple):
    """A text in pieces, each with its number; NaN where a piece has none, such as the space between two words."""

    name: str
    pieces: Sequence[str]
    values: Doubles1d


def depth(value: float, largest: float) -> float:
    """Return how strong the colour of a value is, from 0 to 1; `largest` is the largest absolute value."""
    return min(abs(value) / largest, 1.0) if largest > 0 and not np.isnan(value) else 0.0


def colour(value: float) -> str:
    """Return the colour of a value by its sign."""
    return NEGATIVE if value < 0 else POSITIVE


def shaded_words(texts: Sequence[ShadedText], *, caption: str, unit: str = "share") -> Figure:
    """Write texts with their words shaded: the stronger the colour, the further the number from zero.

    Parameters
    ----------
    texts : list of ShadedText
    caption : str
    unit : str
        What the numbers are, for the tooltips.
    """
    largest = max((float(np.nanmax(np.abs(t.values), initial=0.0)) for t in texts if len(t.values)), default=0.0)

    def draw(width: float) -> Drawing:
        y, parts = 0.0, []
        for text in texts:
            parts.append(
                f'<text x="4" y="{y + 17:g}" font-size="13" font-weight="600">'
                f"{escaped(fitting(text.name, width - 8))}</text>"
            )
            drawn, y = _lines(text, largest, width, y + _HEADING, unit)
            parts.append(drawn)
        return "".join(parts), y

    return Figure(draw, caption, _description(texts, unit))


def _lines(text: ShadedText, largest: float, width: float, y: float, unit: str) -> tuple[str, float]:
    """Write one text in lines that fit; return it and its lower edge."""
    x, parts = 4.0, []
    words = (
        (word, value)
        for piece, value in zip(text.pieces, text.values.tolist(), strict=True)
        for word in _WORDS_AND_SPACES.findall(piece)
    )
    for word, value in words:
        shown = fitting(word, width - 16, _SIZE) if word.strip() else ""
        if not shown:
            x += 0.3 * _SIZE
            continue
        room = measure(shown, _SIZE)
        if x > 4 and x + room > width - 4:
            x, y = 4.0, y + _LINE
        strength = UNDER_TEXT * depth(value, largest)
        tip = "" if np.isnan(value) else f"<title>{escaped(clip(word))}: {unit} {value:.2g}</title>"
        box = (
            f'<rect x="{x:.1f}" y="{y:.1f}" width="{room:.1f}" height="22" rx="3" fill="{colour(value)}" '
            f'fill-opacity="{strength:.2f}"/>'
            if strength >= _FAINTEST
            else ""
        )
        parts.append(
            f'<g>{tip}{box}<text x="{x + room / 2:.1f}" y="{y + 16:.1f}" text-anchor="middle" '
            f'font-size="{_SIZE:g}">{escaped(shown)}</text></g>'
        )
        x += room
    return "".join(parts), y + _LINE + 8


def _description(texts: Sequence[ShadedText], unit: str) -> str:
    told = []
    for text in texts:
        known = [i for i in np.argsort(-np.abs(text.values), kind="stable") if not np.isnan(text.values[i])][:3]
        best = ", ".join(f"{clip(text.pieces[i], 30)} ({text.values[i]:.2g})" for i in known)
        told.append(f"{text.name}: the largest {unit}s have {best}." if best else f"{text.name}.")
    return " ".join(told)
