"""A map of many points in a page: drawn by the page's script, so that 100,000 points are a few megabytes."""

from __future__ import annotations

import base64
import html
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from semspace.display import clip
from semspace.report.figure import PALETTE
from semspace.report.marks import SHAPES, shape_of
from semspace.types import Bools1d, Doubles2d, Ints1d

_CELLS = 65_535  # places along the longer side
_TEXT_BYTES = 3_400_000  # of all texts, so that a page of 100,000 points stays below 5 MB
_WIDTHS = (120, 80, 50, 30)  # characters of each text, as many as there is room for
_NAME = 60


@dataclass(frozen=True, eq=False)
class PointMap:
    """Points that a reader of the page can zoom into, search, and choose by group.

    Parameters
    ----------
    places : (n, 2) float
    groups : (n,) int
        The group of each point: its place in `names`.
    names : list of str
        What the groups are called; one empty name where there are none.
    hollow : (n,) bool
        Points of which only the outline is drawn, as their places aren't sure.
    text_of : callable
        Returns what is shown of each of some points, given their rows and the number of characters.
    caption, description : str
    """

    places: Doubles2d
    groups: Ints1d
    names: Sequence[str]
    hollow: Bools1d
    text_of: Callable[[Ints1d, int], list[str]]
    caption: str
    description: str

    @cached_property
    def quantised(self) -> str:
        """The coordinates as whole numbers from 0 to 65,535, x and y in turn, in base64 of little-endian 16 bits."""
        low = self.places.min(axis=0)
        longest = max(float(np.ptp(self.places, axis=0).max()), 1e-300)
        cells = np.round((self.places - low) / longest * _CELLS)
        return base64.b64encode(cells.astype("<u2").tobytes()).decode()

    @cached_property
    def kinds(self) -> str:
        """Twice the group of each point, and one more where it is hollow, in base64 of little-endian 16 bits."""
        return base64.b64encode((2 * self.groups + self.hollow).astype("<u2").tobytes()).decode()

    @cached_property
    def legend(self) -> str:
        """The groups in JSON: name, number of points, colour and shape of each."""
        counts = np.bincount(self.groups, minlength=len(self.names)).tolist()
        return json.dumps(
            [
                [clip(name, _NAME), count, PALETTE[i % len(PALETTE)], SHAPES.index(shape_of(i))]
                for i, (name, count) in enumerate(zip(self.names, counts, strict=True))
            ]
        )

    @cached_property
    def lines(self) -> str:
        """A line of text for each point, escaped; some are empty where there is no room for all."""
        n = len(self.places)
        rows = np.arange(n)
        for width in _WIDTHS:
            texts = [html.escape(text, quote=False) for text in self.text_of(rows, width)]
            size = sum(len(text.encode()) for text in texts) + n
            if size <= _TEXT_BYTES:
                return "\n".join(texts)
        step = -(-size // (_TEXT_BYTES - n)) if n < _TEXT_BYTES else n
        return "\n".join(text if row % step == 0 else "" for row, text in enumerate(texts))
