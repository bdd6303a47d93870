"""A map of points that belong to groups."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from semspace.display import clip
from semspace.errors import InputError
from semspace.report.figure import SLIM, WIDE, Drawing, Figure, escaped
from semspace.report.label_places import Places
from semspace.report.marks import mark, marks
from semspace.report.text_width import fitting, measure
from semspace.types import Doubles2d, Ints1d

_MANY = 400  # points beyond which they are drawn smaller
_LETTERS = 12
_NAMED = 32  # groups that are named on the map: more have no room


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
    labelled: Mapping[int, str] | None = None,
    hollow: npt.ArrayLike | None = None,
) -> Figure:
    """Draw points, coloured and shaped by group, each with its label as a tooltip.

    Points are drawn in a mixed order, so that no group covers another for coming later.

    Parameters
    ----------
    points : array (n, 2) of float
    groups : list of int, length n
        The group of each point: its place in `names`.
    names : list of str
        What the groups are called. One group without a name has no legend.
    labels : list of str, length n
        What each point is called.
    most : int
        Beyond so many, a selection is drawn, even over every group, and the caption says so.
    height : int
        In pixels, of a wide figure; a narrow one is as high as it is wide.
    named : bool
        Whether the names of groups are written in the map, where their points are: none over another, so far as there
        is room. Where each group is one point, there is no legend then.
    sizes : list of int, optional
        How large each group is, where `points` are a selection themselves; the legend shows it.
    unit : str
        What the points are, in the plural.
    labelled : dict of int to str, optional
        Points that have a name beside them, so far as there is room: their places in `points` and the names, the most
        important first.
    hollow : array (n,) of bool, optional
        Points of which only the outline is drawn, as their places aren't sure.

    Raises
    ------
    InputError
        There isn't one group and one label for each point, or a group has no name.
    """
    xy = np.asarray(points, dtype=float)
    kinds = np.asarray(groups, dtype=np.int64)
    _check(xy, kinds, names, labels)
    rows = np.random.default_rng(0).permutation(_selection(kinds, most))
    counts = np.bincount(kinds, minlength=len(names)) if sizes is None else np.asarray(sizes, dtype=np.int64)
    outlined = np.zeros(len(xy), dtype=np.bool_) if hollow is None else np.asarray(hollow, dtype=np.bool_)
    size = 1.0 if len(rows) <= _MANY else 0.8

    def draw(width: float) -> Drawing:
        high = float(height) if width >= SLIM else width
        scaled = _fit(xy, width, high, margin=16)
        tooltips = [_tooltip(names[kinds[i]], labels[i]) for i in rows]
        drawn = marks(kinds[rows], scaled[rows], tooltips, size, outlined[rows])
        written = _names(names, kinds, scaled, width, high) if named else ""
        if labelled:
            written += _labels(labelled, scaled, width, high)
        if list(names) == [""] or (named and counts.max(initial=0) <= 1):
            return drawn + written, high
        legend, legend_height = _legend(names, counts, width, high)
        return drawn + written + legend, high + legend_height

    total = int(counts.sum())
    if len(rows) < total:
        legend_note = "" if list(names) == [""] else "; the legend counts all"
        caption = f"{caption.rstrip('.')}. {len(rows):,} of {total:,} {unit} are drawn{legend_note}."
    return Figure(draw, caption, _description(names, counts, unit, labelled))


def _description(names: Sequence[str], counts: Ints1d, unit: str, labelled: Mapping[int, str] | None) -> str:
    """Return in words how many points there are of each group, and the first of those that are labelled."""
    parts = ", ".join(f"{clip(name, 60)} {count:,}" for name, count in zip(names, counts, strict=True) if name)
    called = ", ".join(clip(name, 30) for name in list((labelled or {}).values())[:8])
    some = (f": {parts}" if parts else "") + (f"; among them {called}" if called else "")
    return f"A map of {int(counts.sum()):,} {unit}{some}."


def _tooltip(group: str, label: str) -> str:
    return f"{clip(group, 60)}: {clip(label, 100)}" if group else clip(label, 100)


def _check(xy: Doubles2d, kinds: Ints1d, names: Sequence[str], labels: Sequence[str]) -> None:
    if xy.ndim != 2 or xy.shape[1:] != (2,):
        raise InputError(f"points must be of shape (n, 2); got {xy.shape}")
    if not len(xy) == len(kinds) == len(labels):
        raise InputError(
            f"groups and labels must hold one value for each of {len(xy)} points; got {len(kinds)} and {len(labels)}"
        )
    if len(kinds) and not 0 <= kinds.min() <= kinds.max() < len(names):
        raise InputError(
            f"groups must be places in names, from 0 to {len(names) - 1}; got {kinds.min()} to {kinds.max()}"
        )


def _selection(kinds: Ints1d, most: int) -> Ints1d:
    """Choose at most `most` rows, evenly within every group, and at least one of each while there is room."""
    if len(kinds) <= most:
        return np.arange(len(kinds))
    grouped = np.argsort(kinds, kind="stable")
    evenly = grouped[np.linspace(0, len(grouped) - 1, most).round().astype(int)]
    missing = np.setdiff1d(kinds, kinds[evenly])
    first = np.array([int(np.argmax(kinds == kind)) for kind in missing], dtype=int)
    return np.sort(np.concatenate([first, evenly])[:most])


def _fit(points: Doubles2d, width: float, height: float, *, margin: float) -> Doubles2d:
    """Scale points into the picture, both axes alike, so that distances stay distances."""
    low, high = points.min(axis=0), points.max(axis=0)
    room = np.array([width, height]) - 2 * margin
    scale = float(np.min(room / np.maximum(high - low, 1e-12)))
    middle = (low + high) / 2
    flipped = (points - middle) * np.array([scale, -scale])
    placed: Doubles2d = flipped + np.array([width, height]) / 2
    return placed


def _names(names: Sequence[str], kinds: Ints1d, points: Doubles2d, width: float, height: float) -> str:
    """Write the names of groups at the middle of their points, the largest groups first."""
    counts = np.bincount(kinds, minlength=len(names))
    alone = counts.max(initial=0) <= 1
    order = [int(group) for group in np.argsort(-counts, kind="stable") if counts[group]]
    middles = {group: np.median(points[kinds == group], axis=0) for group in order}
    marks = {group: (x - 5, y - 5, x + 5, y + 5) for group, (x, y) in middles.items()}
    places = Places((2, 2, width - 2, height))
    room = 200 if width >= SLIM else 120
    drawn, texts = [], []
    for group in order if alone else order[:_NAMED]:
        text = fitting(names[group], room, _LETTERS)
        x, y = middles[group]
        # A name may stand on its own group's middle, but on no other's.
        places.marks = [box for other, box in marks.items() if alone or other != group]
        placed = places.find(float(x), float(y), measure(text, _LETTERS) * 1.1, 15, on_point=not alone, crossing=True)
        if placed is not None:
            drawn.append(placed.draw_line())
            texts.append(placed.draw_text(text, _LETTERS, "" if alone else ' font-weight="600"'))
    return "".join(drawn + texts)


def _labels(labelled: Mapping[int, str], points: Doubles2d, width: float, height: float) -> str:
    """Write names beside points, the first ones first; those without room have none."""
    marks = [(points[i, 0] - 4, points[i, 1] - 4, points[i, 0] + 4, points[i, 1] + 4) for i in labelled]
    places = Places((2, 2, width - 2, height), marks)
    drawn, texts = [], []
    for i, name in labelled.items():
        text = fitting(name, 150 if width >= SLIM else 100, _LETTERS)
        placed = places.find(float(points[i, 0]), float(points[i, 1]), measure(text, _LETTERS), 14)
        if placed is not None:
            drawn.append(placed.draw_line())
            texts.append(placed.draw_text(text, _LETTERS))
    return "".join(drawn + texts)


def _legend(names: Sequence[str], counts: Ints1d, width: float, top: float) -> Drawing:
    """Write the names with their counts under the picture, in columns; return it and its height."""
    longest = max(map(len, names))
    columns = (2 if longest > 18 else 4 if longest < 12 else 3) if width >= SLIM else (1 if longest > 12 else 2)
    step = width / columns
    indent = 16 if width >= WIDE / 2 else 8
    parts = []
    for i, name in enumerate(names):
        x, y = indent + (i % columns) * step, top + 18 + (i // columns) * 20
        count = f" ({counts[i]:,})"
        room = step - 30 - measure(count)
        parts.append(
            f'{mark(i, x, y - 4)}<text x="{x + 12:.0f}" y="{y:.0f}">{escaped(fitting(name, room))}{count}</text>'
        )
    return "".join(parts), 20.0 * -(-len(names) // columns) + 10
