"""A map of a space as a figure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from semspace import checks, queries
from semspace.display import clip
from semspace.errors import InputError
from semspace.maps.colours import groups_of
from semspace.maps.layout import layout
from semspace.maps.methods import NAMES, TITLES, need_library
from semspace.report.scatter import scatter
from semspace.types import Floats2d, Ints1d

if TYPE_CHECKING:
    from semspace.report.figure import Figure

_LABELS = 60  # points that are labelled by themselves


@dataclass(frozen=True, eq=False)
class Points:
    """What a map draws of a space."""

    ids: list[str]
    vectors: Floats2d
    metadata: pl.DataFrame | None

    def __len__(self) -> int:
        """Return the number of points."""
        return len(self.ids)

    @property
    def texts(self) -> pl.Series | None:
        """The texts; None in a space of words."""
        has_texts = self.metadata is not None and self.metadata.schema.get("text") == pl.String
        return self.metadata["text"] if self.metadata is not None and has_texts else None

    def row(self, id: str) -> int:
        """Return the row of an id, or raise `UnknownIdError`."""
        if id not in self._rows:
            raise checks.unknown("point", id, self._rows, where=f"this space of {len(self):,}")
        return self._rows[id]

    @cached_property
    def _rows(self) -> dict[str, int]:
        return {id: row for row, id in enumerate(self.ids)}


def how(method: str) -> str:
    """Return in words what a method keeps of the space."""
    if method == "pca":
        return "the two directions in which they differ most"
    return f"{TITLES[method]}, which keeps neighbours together"


def space_map(
    space: Points,
    color: str | Sequence[object] | None,
    labels: Sequence[str] | bool | None,
    method: str,
    most: int,
) -> Figure:
    """Draw a space; see `Space.plot`."""
    checks.choice("method", method, NAMES)
    need_library(method)
    checks.whole("most", most, low=3)
    n, dim = space.vectors.shape
    if dim < 2 or n < 3:
        raise InputError(f"a map needs at least 3 points in 2 dimensions; this space has {n} point(s) in {dim}")
    kinds, names = color_groups(space, color)
    named = labelled_rows(space, labels, most)
    rows = selected_rows(n, named, most, by_frequency=space.texts is None)
    vectors = queries.unit(space.vectors[rows])
    vectors = vectors - vectors.mean(axis=0)
    places = layout(vectors, method)
    place_of = {row: place for place, row in enumerate(rows.tolist())}
    sizes = np.bincount(kinds, minlength=len(names)).tolist()
    what = "words" if space.texts is None else "documents"
    return scatter(
        places,
        kinds[rows].tolist(),
        names,
        tooltips(space, rows),
        caption=f"{'Words' if what == 'words' else 'Documents'} near each other are similar ({how(method)}).",
        most=len(rows),
        sizes=sizes,
        unit=what,
        labelled={place_of[row]: space.ids[row] for row in named},
    )


def color_groups(space: Points, color: str | Sequence[object] | None, role: str = "color") -> tuple[Ints1d, list[str]]:
    """Return the group of each point, and the names of groups; `role` is the parameter that chooses them."""
    if color is None:
        return np.zeros(len(space), dtype=np.int64), [""]
    if isinstance(color, str):
        columns = [] if space.metadata is None else space.metadata.columns
        if space.metadata is None or color not in columns:
            raise InputError(checks.missing_column(role, color, columns))
        return groups_of(space.metadata[color], role)
    if not isinstance(color, Iterable):
        raise InputError(f"{role} must be a column, or a value for each point; got {color!r}")
    values = pl.Series(role, list(color), strict=False)
    if len(values) != len(space):
        raise InputError(f"{role} must hold a value for each of {len(space):,} points; got {len(values):,}")
    return groups_of(values, role)


def labelled_rows(space: Points, labels: Sequence[str] | bool | None, most: int) -> list[int]:
    """Return the rows of the points that are labelled, the most important first."""
    if labels is None:
        labels = space.texts is None
    if isinstance(labels, bool):
        return list(range(min(_LABELS, most, len(space)))) if labels else []
    return [space.row(id) for id in checks.strings("labels", labels)]


def selected_rows(n: int, named: list[int], most: int, *, by_frequency: bool) -> Ints1d:
    """Choose which points are drawn: those that are named; of words the first, of documents some from everywhere."""
    if n <= most:
        return np.arange(n)
    others = np.arange(most) if by_frequency else np.linspace(0, n - 1, most).round().astype(int)
    return np.union1d(others, np.array(named, dtype=int))


def tooltips(space: Points, rows: Ints1d, width: int = 100) -> list[str]:
    """Return what is shown of each of some points: its id, and its text, cut to a width, where there is one."""
    ids = [space.ids[row] for row in rows]
    if space.texts is None:
        return [clip(id, width) for id in ids]
    texts = space.texts.gather(rows).to_list()
    return [f"{clip(id, 30)}: {clip(text or '', width)}" for id, text in zip(ids, texts, strict=True)]
