"""`Neighbors`: the result of a search, nearest first."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, overload

import numpy as np
import numpy.typing as npt
import polars as pl

from semspace.display import clip, html_table, text_table
from semspace.text.dataframes import to_pandas, with_columns_before
from semspace.types import Floats1d


@dataclass(frozen=True, eq=False, repr=False)
class Neighbors:
    """Ids and scores, nearest first; iterates as ``(id, score)`` pairs.

    Parameters
    ----------
    query : str
        The query in words, for printing.
    ids : tuple of str, length k
    scores : ndarray of float32, shape (k,)
        In descending order; higher is nearer.
    metric : {"cosine", "dot", "euclidean", "3cosmul", "density"}
        Cosine lies in [-1, 1]; euclidean scores are negative distances, at most 0; 3CosMul is at least 0. A density is
        that of a recommendation (`Index.recommend`).
    metadata : polars.DataFrame, optional
        A row for each id, where the space had metadata.
    """

    query: str
    ids: tuple[str, ...]
    scores: Floats1d
    metric: str = "cosine"
    metadata: pl.DataFrame | None = None

    def __len__(self) -> int:
        return len(self.ids)

    def __iter__(self) -> Iterator[tuple[str, float]]:
        return zip(self.ids, self.scores.tolist(), strict=True)

    @overload
    def __getitem__(self, position: int) -> tuple[str, float]: ...
    @overload
    def __getitem__(self, position: slice) -> list[tuple[str, float]]: ...
    def __getitem__(self, position: int | slice) -> tuple[str, float] | list[tuple[str, float]]:
        return list(self)[position]

    def take(self, rows: npt.ArrayLike) -> Neighbors:
        """Return some of the neighbours by position, in the order given."""
        rows = np.asarray(rows, np.int64)
        # Column by column: rows of a table are gathered by polars' threads, which a forked process doesn't have.
        metadata = (
            None if self.metadata is None else pl.DataFrame([c.gather(rows) for c in self.metadata.get_columns()])
        )
        scores = self.scores[rows]
        scores.flags.writeable = False
        return replace(self, ids=tuple(self.ids[row] for row in rows.tolist()), scores=scores, metadata=metadata)

    def to_frame(self) -> pl.DataFrame:
        """Return a polars DataFrame with ``id``, ``score`` and the metadata.

        Metadata columns called ``id`` or ``score`` become ``id_column``, ``score_column``.
        """
        return with_columns_before(
            self.metadata, pl.Series("id", self.ids, dtype=pl.String), pl.Series("score", self.scores)
        )

    def to_pandas(self) -> Any:
        """Return `to_frame` as a pandas DataFrame; it needs pandas, but not pyarrow.

        Raises
        ------
        MissingExtraError
            If pandas isn't installed.
        """
        return to_pandas(self.to_frame())

    def _title(self) -> str:
        return f"nearest to {clip(self.query, 50)!r}" if self else f"nothing near {clip(self.query, 50)!r}"

    def _table(self) -> tuple[list[str], list[tuple[object, ...]]]:
        frame = self.to_frame()
        return frame.columns, list(frame.iter_rows())

    def __repr__(self) -> str:
        headers, rows = self._table()
        return f"{self._title()} ({self.metric})\n{text_table(headers, rows)}"

    def _repr_html_(self) -> str:
        headers, rows = self._table()
        return html_table(headers, rows, caption=f"{self._title()} ({self.metric})")
