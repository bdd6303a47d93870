"""`DecodedTexts`: the sentences that were written for some points."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import polars as pl

from semspace.display import html_table, text_table
from semspace.types import Floats1d


@dataclass(frozen=True, eq=False, repr=False)
class DecodedTexts:
    """The sentences that were written for n points, in order; iterates over the texts.

    Parameters
    ----------
    texts : tuple of n str
    scores : ndarray of float32, shape (n,)
        Cosine of each sentence's vector to the point that it was written for.

    Examples
    --------
    >>> DecodedTexts(("a cat sleeps",), np.float32([0.91]))
    point  text          score
        0  a cat sleeps  0.910
    """

    texts: tuple[str, ...]
    scores: Floats1d

    def __len__(self) -> int:
        return len(self.texts)

    def __iter__(self) -> Iterator[str]:
        return iter(self.texts)

    def __getitem__(self, row: int) -> str:
        return self.texts[row]

    def to_frame(self) -> pl.DataFrame:
        """Return a polars DataFrame with ``point``, ``text`` and ``score``."""
        return pl.DataFrame({"point": np.arange(len(self)), "text": list(self.texts), "score": self.scores})

    def __repr__(self) -> str:
        frame = self.to_frame()
        return text_table(frame.columns, frame.iter_rows())

    def _repr_html_(self) -> str:
        frame = self.to_frame()
        return html_table(frame.columns, frame.iter_rows(), caption=f"{len(self)} points in sentences")
