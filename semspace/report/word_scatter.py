"""A scatter plot of words by frequency and score."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from semspace.display import clip
from semspace.errors import InputError
from semspace.report.axis import Axis, axis_for
from semspace.report.figures import PALETTE, WIDTH, Figure, escaped, svg
from semspace.report.text_width import fitting, measure
from semspace.types import Bools1d, Doubles1d

_LEFT, _RIGHT, _TOP, _HEIGHT = 56, 20, 34, 420
_LETTERS = 12
_ROOM = 150  # a word's label is cut to this width
# Letters stay readable over dots: in a page they stand on its colour; elsewhere the colour isn't known.
_HALO = 'paint-order="stroke" stroke="var(--paper, transparent)" stroke-width="3" stroke-linejoin="round"'
Box = tuple[float, float, float, float]  # left, top, right, bottom


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
    across = axis_for([float(logs.min()), float(logs.max())], _LEFT, WIDTH - _RIGHT)
    up = axis_for([0.0, float(z.min()), float(z.max())], _TOP + _HEIGHT, _TOP)
    xs, ys = np.array([across(at) for at in logs]), np.array([up(at) for at in z])
    drawn = _selection(z, known, most)
    nameable = known if unnamed is None else known & ~np.asarray(unnamed, dtype=bool)
    named = _placed(texts, np.where(nameable, z, 0.0), xs, ys, labels, sides)
    labelled = {i for i, _, _ in named}
    dots = {
        i: f"<g><title>{escaped(clip(texts[i], 60))}: {often[i]:,.3g} per million, z {z[i]:.1f}</title>"
        f'<circle cx="{xs[i]:.1f}" cy="{ys[i]:.1f}" r="{3.5 if i in labelled else 2}" {_fill(z[i], known[i])}/></g>'
        for i in sorted({*drawn, *labelled})
    }
    faint = "".join(dot for i, dot in dots.items() if i not in labelled)
    bold = "".join(label for _, _, label in named) + "".join(dots[i] for i in sorted(labelled))
    note = f" ({len(dots):,} of {len(texts):,} words drawn)" if len(dots) < len(texts) else ""
    description = _description(texts, z, known, sides)
    body = _frame(across, up, sides) + faint + bold
    return Figure(svg(body, _TOP + _HEIGHT + 42, f"{caption} {description}"), caption + note, description)


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


def _selection(z: Doubles1d, sure: Bools1d, most: int) -> list[int]:
    """Choose which words to draw: half of them the most telling, the others evenly from the rest."""
    order = np.lexsort((-np.abs(z), ~sure))
    if len(order) <= most:
        return [int(i) for i in order]
    first, rest = order[: most // 2], order[most // 2 :]
    evenly = rest[np.linspace(0, len(rest) - 1, most - len(first)).round().astype(int)]
    return [int(i) for i in np.concatenate([first, evenly])]


def _placed(
    texts: Sequence[str],
    z: Doubles1d,
    xs: Doubles1d,
    ys: Doubles1d,
    labels: int,
    sides: tuple[str, str],
) -> list[tuple[int, Box, str]]:
    """Place labels of the words with the highest scores on each side, where they cover no label and no named dot."""
    order = np.argsort(-np.abs(z), kind="stable")
    turns = [[int(i) for i in order if z[i] > 0][: 3 * labels], [int(i) for i in order if z[i] < 0][: 3 * labels]]
    taken: list[Box] = [_heading_box(i, side) for i, side in enumerate(sides)]
    named: list[tuple[int, Box, str]] = []
    for turn in range(3 * labels):
        for side in turns:
            if turn >= len(side) or len(named) == labels:
                continue
            i = side[turn]
            text = fitting(texts[i], _ROOM, _LETTERS)
            box = _room(measure(text, _LETTERS), xs[i], ys[i], taken)
            if box is not None:
                taken += [box, (xs[i] - 4, ys[i] - 4, xs[i] + 4, ys[i] + 4)]
                label = (
                    f'<text x="{box[0]:.1f}" y="{box[3] - 3:.1f}" font-size="{_LETTERS}" {_HALO}>{escaped(text)}</text>'
                )
                named.append((i, box, label))
    return named


def _room(width: float, x: float, y: float, taken: Sequence[Box]) -> Box | None:
    """Find a free place beside, above or below a dot, within the picture."""
    for left, top in (
        (x + 6, y - 7),
        (x - 6 - width, y - 7),
        (x - width / 2, y - 20),
        (x - width / 2, y + 5),
    ):
        box = (left, top, left + width, top + 14)
        inside = left >= _LEFT and box[2] <= WIDTH - 2 and top >= _TOP - 8 and box[3] <= _TOP + _HEIGHT
        if inside and not any(_overlap(box, other) for other in taken):
            return box
    return None


def _overlap(a: Box, b: Box) -> bool:
    return a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]


def _heading_box(which: int, side: str) -> Box:
    """Return the box of a side's heading: top left, or bottom left."""
    top = _TOP + 2 if not which else _TOP + _HEIGHT - 20
    return (_LEFT + 6, top, _LEFT + 16 + measure(fitting(f"more in {side}", 300)), top + 18)


def _frame(across: Axis, up: Axis, sides: tuple[str, str]) -> str:
    """Draw both axes with their meaning."""
    bottom = _TOP + _HEIGHT
    powers = [p for p in range(-3, 7) if across.least <= p <= across.largest]
    parts = [
        f'<line x1="{across(p):.1f}" x2="{across(p):.1f}" y1="{_TOP}" y2="{bottom}" stroke="currentColor" '
        f'opacity="0.12"/><text x="{across(p):.1f}" y="{bottom + 15}" text-anchor="middle" font-size="12">'
        f"{10.0**p:,.10g}</text>"
        for p in powers
    ]
    parts += [
        f'<line x1="{_LEFT}" x2="{WIDTH - _RIGHT}" y1="{up(at):.1f}" y2="{up(at):.1f}" stroke="currentColor" '
        f'opacity="{0.6 if at == 0 else 0.12}"/><text x="{_LEFT - 8}" y="{up(at) + 4:.1f}" text-anchor="end" '
        f'font-size="12">{at:.6g}</text>'
        for at in up.ticks()
    ]
    middle = (_LEFT + WIDTH - _RIGHT) / 2
    parts.append(
        f'<text x="{middle}" y="{bottom + 34}" text-anchor="middle" font-size="12">frequency per '
        f'million words →</text><text x="{_LEFT - 40}" y="16" font-size="12">difference in standard errors (z)</text>'
    )
    for which, side in enumerate(sides):
        y = _TOP + 15 if not which else bottom - 7
        parts.append(
            f'<circle cx="{_LEFT + 14}" cy="{y - 4}" r="5" fill="{PALETTE[which]}"/>'
            f'<text x="{_LEFT + 24}" y="{y}" font-weight="600">{escaped(fitting(f"more in {side}", 300))}</text>'
        )
    return "".join(parts)


def _description(texts: Sequence[str], z: Doubles1d, sure: Bools1d, sides: tuple[str, str]) -> str:
    """Return in words how many words differ, and the most characteristic ones of each side."""
    sentences = [f"{int(sure.sum()):,} of {len(texts):,} words differ beyond chance"]
    for sign, side in zip((1, -1), sides, strict=True):
        order = [i for i in np.argsort(-sign * z, kind="stable")[:8] if sign * z[i] > 0]
        if order:
            sentences.append(f"most telling of {clip(side, 60)}: {', '.join(clip(texts[i], 30) for i in order)}")
    return f"{'; '.join(sentences)}."
