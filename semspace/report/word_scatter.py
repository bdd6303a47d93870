"""A scatter plot of words by frequency and score."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from semspace.display import clip
from semspace.errors import InputError
from semspace.report.axis import Axis, axis_for
from semspace.report.figure import PALETTE, SLIM, Drawing, Figure, escaped
from semspace.report.label_places import Box, Places
from semspace.report.text_width import fitting, measure
from semspace.types import Bools1d, Doubles1d

_RIGHT, _TOP, _HEIGHT = 20, 34, 420
_LETTERS, _LINE = 12, 14
_ROOM = 150  # a word's label is cut to this width
_SLIM_LABELS = 16  # words that are named at most in a narrow figure


def word_scatter(
    texts: Sequence[str],
    frequency: npt.ArrayLike,
    score: npt.ArrayLike,
    *,
    sides: tuple[str, str],
    caption: str,
    sure: npt.ArrayLike | None = None,
    unnamed: npt.ArrayLike | None = None,
    labels: int = 30,
    most: int = 1_500,
) -> Figure:
    """Draw words over frequency and score, as Monroe, Colaresi and Quinn (2008, figure 5) do.

    Rare words need a large difference to be sure of it, so the cloud opens to the right like a funnel.

    Parameters
    ----------
    texts : list of str, length n
        The words.
    frequency : array (n,) of float
        Per million words of all corpora, above 0; on a logarithmic axis.
    score : array (n,) of float
        How telling: the difference in standard errors (z), above 0 towards the first side.
    sides : (str, str)
        What a score above and one below zero mean.
    sure : array (n,) of bool, optional
        Words that differ beyond chance: coloured by their side, and the only ones named. Without it, all are.
    unnamed : array (n,) of bool, optional
        Words that aren't named, such as those every text is full of.
    labels : int
        How many words are named: the most telling of both sides in turn, as far as there is room.
    most : int
        How many words are drawn at most: the named and the most telling first, of the rest an even selection.

    Raises
    ------
    InputError
        The arrays differ in length, are empty, or hold numbers that can't be drawn.
    """
    often, z = np.asarray(frequency, dtype=float), np.asarray(score, dtype=float)
    known = np.ones(len(texts), dtype=bool) if sure is None else np.asarray(sure, dtype=bool)
    _check(len(texts), often, z, known)
    logs = np.log10(often)
    chosen = _selection(z, known, most)
    nameable = known if unnamed is None else known & ~np.asarray(unnamed, dtype=bool)
    turns = _turns(np.where(nameable, z, 0.0), 3 * labels)
    count = len({*chosen, *turns[:labels]})
    note = f" ({count:,} of {len(texts):,} words drawn)" if count < len(texts) else ""

    def draw(width: float) -> Drawing:
        frame = _Frame.of(logs, z, width)
        xs, ys = np.array([frame.across(at) for at in logs]), np.array([frame.up(at) for at in z])
        most_named = labels if width >= SLIM else min(labels, _SLIM_LABELS)
        named = _placed(texts, turns, xs, ys, most_named, frame, sides)
        dots = {
            i: f'<circle cx="{xs[i]:.1f}" cy="{ys[i]:.1f}" r="{3.5 if i in named else 2}"><title>'
            f"{escaped(clip(texts[i], 60))}: {often[i]:,.3g} per million, z {z[i]:.1f}</title></circle>"
            for i in sorted({*chosen, *named})
        }
        faint = _coloured({i: dot for i, dot in dots.items() if i not in named}, z, known)
        bold = "".join(named.values()) + _coloured({i: dots[i] for i in sorted(named)}, z, known)
        return frame.draw(sides) + faint + bold, _TOP + _HEIGHT + 42

    return Figure(draw, caption + note, _description(texts, z, known, sides))


def _check(n: int, often: Doubles1d, z: Doubles1d, known: Bools1d) -> None:
    if not n or not len(often) == len(z) == len(known) == n:
        raise InputError(
            f"words, frequency, score and sure must be of one length, of at least 1; got {n}, {len(often)}, {len(z)} "
            f"and {len(known)}"
        )
    if not (np.isfinite(often).all() and np.isfinite(z).all() and (often > 0).all()):
        raise InputError("frequency must be above 0, and frequency and score finite; leave other words out")


def _fill(z: float, sure: bool) -> str:
    if not sure:
        return f'fill="{PALETTE[7]}" fill-opacity="0.45"'
    return f'fill="{PALETTE[0] if z > 0 else PALETTE[1]}" fill-opacity="0.85"'


def _coloured(dots: Mapping[int, str], z: Doubles1d, known: Bools1d) -> str:
    """Return the dots, those of one colour together, and those that aren't sure below the others."""
    fills: dict[str, list[str]] = {}
    for i in sorted(dots, key=lambda i: bool(known[i])):
        fills.setdefault(_fill(z[i], known[i]), []).append(dots[i])
    return "".join(f"<g {fill}>{''.join(those)}</g>" for fill, those in fills.items())


def _selection(z: Doubles1d, sure: Bools1d, most: int) -> list[int]:
    """Choose which words to draw: half of them the most telling, the others evenly from the rest."""
    order = np.lexsort((-np.abs(z), ~sure))
    if len(order) <= most:
        return [int(i) for i in order]
    first, rest = order[: most // 2], order[most // 2 :]
    evenly = rest[np.linspace(0, len(rest) - 1, most - len(first)).round().astype(int)]
    return [int(i) for i in np.concatenate([first, evenly])]


def _turns(z: Doubles1d, most: int) -> list[int]:
    """Return the words with the highest scores on each side, in turn, up to `most` of a side."""
    order = np.argsort(-np.abs(z), kind="stable")
    sides = [[int(i) for i in order if z[i] > 0][:most], [int(i) for i in order if z[i] < 0][:most]]
    return [side[turn] for turn in range(most) for side in sides if turn < len(side)]


@dataclass(frozen=True)
class _Frame:
    """Both axes of the figure."""

    across: Axis
    up: Axis
    left: float
    width: float

    @classmethod
    def of(cls, logs: Doubles1d, z: Doubles1d, width: float) -> _Frame:
        left = 56.0 if width >= SLIM else 36.0
        across = axis_for([float(logs.min()), float(logs.max())], left, width - _RIGHT)
        return cls(across, axis_for([0.0, float(z.min()), float(z.max())], _TOP + _HEIGHT, _TOP), left, width)

    def heading(self, side: str) -> str:
        """Return what is written over a side."""
        return fitting(f"more in {side}", min(300, self.width - self.left - 50))

    def heading_box(self, which: int, side: str) -> Box:
        """Return the box of a side's heading: top left, or bottom left."""
        top = _TOP + 2 if not which else _TOP + _HEIGHT - 20
        return (self.left + 6, top, self.left + 30 + 1.12 * measure(self.heading(side)), top + 18)

    def draw(self, sides: tuple[str, str]) -> str:
        """Draw both axes with their meaning."""
        bottom, left, right = _TOP + _HEIGHT, self.left, self.width - _RIGHT
        powers = [p for p in range(-3, 7) if self.across.least <= p <= self.across.largest]
        parts = [
            f'<line x1="{self.across(p):.1f}" x2="{self.across(p):.1f}" y1="{_TOP}" y2="{bottom}" '
            f'stroke="currentColor" opacity="0.12"/><text x="{self.across(p):.1f}" y="{bottom + 15}" '
            f'text-anchor="middle" font-size="12">{10.0**p:,.10g}</text>'
            for p in powers
        ]
        parts += [
            f'<line x1="{left:g}" x2="{right:g}" y1="{self.up(at):.1f}" y2="{self.up(at):.1f}" '
            f'stroke="currentColor" opacity="{0.6 if at == 0 else 0.12}"/><text x="{left - 8:g}" '
            f'y="{self.up(at) + 4:.1f}" text-anchor="end" font-size="12">{at:.6g}</text>'
            for at in self.up.ticks()
        ]
        parts.append(
            f'<text x="{(left + right) / 2:g}" y="{bottom + 34}" text-anchor="middle" font-size="12">frequency per '
            f'million words →</text><text x="{max(left - 40, 2):g}" y="16" font-size="12">'
            "difference in standard errors (z)</text>"
        )
        for which, side in enumerate(sides):
            y = _TOP + 15 if not which else bottom - 7
            parts.append(
                f'<circle cx="{left + 14:g}" cy="{y - 4}" r="5" fill="{PALETTE[which]}"/>'
                f'<text x="{left + 24:g}" y="{y}" font-weight="600">{escaped(self.heading(side))}</text>'
            )
        return "".join(parts)


def _placed(
    texts: Sequence[str],
    turns: Sequence[int],
    xs: Doubles1d,
    ys: Doubles1d,
    labels: int,
    frame: _Frame,
    sides: tuple[str, str],
) -> dict[int, str]:
    """Draw the labels of words that have room: none covers another, or the dot of another."""
    marks = [(xs[i] - 4, ys[i] - 4, xs[i] + 4, ys[i] + 4) for i in turns[:labels]]
    places = Places((frame.left, _TOP - 8, frame.width - 2, _TOP + _HEIGHT), marks)
    for which, side in enumerate(sides):
        places.block(frame.heading_box(which, side))
    named: dict[int, str] = {}
    for i in turns:
        if len(named) == labels:
            break
        text = fitting(texts[i], _ROOM, _LETTERS)
        placed = places.find(xs[i], ys[i], measure(text, _LETTERS), _LINE)
        if placed is not None:
            named[i] = placed.draw_line() + placed.draw_text(text, _LETTERS)
    return named


def _description(texts: Sequence[str], z: Doubles1d, sure: Bools1d, sides: tuple[str, str]) -> str:
    """Return in words how many words differ, and the most characteristic ones of each side."""
    sentences = [f"{int(sure.sum()):,} of {len(texts):,} words differ beyond chance"]
    for sign, side in zip((1, -1), sides, strict=True):
        order = [i for i in np.argsort(-sign * z, kind="stable")[:8] if sign * z[i] > 0]
        if order:
            sentences.append(f"most telling of {clip(side, 60)}: {', '.join(clip(texts[i], 30) for i in order)}")
    return f"{'; '.join(sentences)}."
