"""`Neighbors`: the result of a search, nearest first."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, overload

import numpy as np
import numpy.typing as npt
import polars as pl

from semspace.display import clip, html_table, rows_of, text_table
from semspace.errors import InputError
from semspace.text.dataframes import as_polars, to_pandas, with_columns_before
from semspace.types import Floats1d, Ints1d


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
    metric : str
        ``"cosine"``, ``"dot"``, ``"euclidean"``, ``"csls"``, ``"3cosmul"``, ``"lrcos"``, ``"density"``, ``"hybrid"``,
        ``"rrf"``, ``"bm25"``, ``"maxsim"``, ``"cross-encoder"``, ``"wmd"`` or ``"soft-cosine"``.
        Cosine lies in [-1, 1], and so does LRCos, a cosine times a probability; soft cosine in [0, 1]; CSLS, twice a
        cosine less two means, in [-4, 4]; scores of euclidean and of word mover's distance (wmd) are negative
        distances, at most 0; 3CosMul is at least 0. A density is
        that of a recommendation (`Index.recommend`). Hybrid lies in [0, 1]: a share of the cosine
        and one of the query's words that are found, the rarer the more. The sum of reciprocal ranks (``"rrf"``) is
        below 0.02; BM25 is above 0. A reranker names its own scores.
    metadata : polars.DataFrame, optional
        A row for each id, where the space had metadata.
    columns : polars.DataFrame, optional
        More about each score, such as its percentile (`Calibration.apply`).
    """

    query: str
    ids: tuple[str, ...]
    scores: Floats1d
    metric: str = "cosine"
    metadata: pl.DataFrame | None = None
    columns: pl.DataFrame | None = None

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
        """Return some of the neighbours, by positions in the order given, or by a truth value for each.

        Examples
        --------
        >>> import semspace as ss
        >>> space = ss.Space.from_vectors(["cat", "dog", "car"], [[1, 1], [1, 0.8], [-1, 1]])
        >>> found = space.most_similar("cat")
        >>> found.take(found.scores > 0.5).ids
        ('dog',)

        Raises
        ------
        InputError
            If a position is out of range, or `rows` are neither positions nor a truth value for each neighbour.
        """
        rows = self._positions(rows)
        metadata, columns = _gathered(self.metadata, rows), _gathered(self.columns, rows)
        scores = self.scores[rows]
        scores.flags.writeable = False
        ids = tuple(self.ids[row] for row in rows.tolist())
        return replace(self, ids=ids, scores=scores, metadata=metadata, columns=columns)

    def with_columns(self, columns: pl.DataFrame) -> Neighbors:
        """Return the same neighbours with more about each score, in a row for each.

        Raises
        ------
        InputError
            If the number of rows is another, or a column is called ``id`` or ``score``.
        """
        columns = as_polars(columns)
        if len(columns) != len(self):
            raise InputError(f"columns must have a row for each of the {len(self)} neighbours; got {len(columns)}")
        taken = next((name for name in columns.columns if name in ("id", "score")), None)
        if taken is not None:
            raise InputError(f"a column can't be called {taken!r}, which neighbours have themselves; rename it")
        return replace(self, columns=columns)

    def _positions(self, rows: npt.ArrayLike) -> Ints1d:
        chosen = np.asarray(rows)
        if chosen.dtype == bool and chosen.shape == (len(self),):
            return np.flatnonzero(chosen)
        if chosen.ndim != 1 or (chosen.size and chosen.dtype.kind not in "iu"):
            raise InputError(
                f"rows must be positions, or a truth value for each of the {len(self)} neighbours; got an array of "
                f"{chosen.dtype} of shape {chosen.shape}"
            )
        positions = chosen.astype(np.int64)
        if len(positions) and not -len(self) <= positions.min() <= positions.max() < len(self):
            raise InputError(f"rows must be positions among {len(self)} neighbours; got {positions.tolist()}")
        return positions

    def to_frame(self) -> pl.DataFrame:
        """Return a polars DataFrame with ``id``, ``score``, what `columns` has, and the metadata.

        Metadata columns called ``id`` or ``score`` become ``id_column``, ``score_column``.
        """
        more = [] if self.columns is None else self.columns.get_columns()
        return with_columns_before(
            self.metadata, pl.Series("id", self.ids, dtype=pl.String), pl.Series("score", self.scores), *more
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
        return frame.columns, rows_of(frame)

    def __repr__(self) -> str:
        headers, rows = self._table()
        return f"{self._title()} ({self.metric})\n{text_table(headers, rows)}"

    def _repr_html_(self) -> str:
        headers, rows = self._table()
        return html_table(headers, rows, caption=f"{self._title()} ({self.metric})")


def _gathered(table: pl.DataFrame | None, rows: npt.NDArray[np.int64]) -> pl.DataFrame | None:
    """Return rows of a table, column by column: its rows are gathered by threads that a forked process hasn't got."""
    return None if table is None else pl.DataFrame([column.gather(rows) for column in table.get_columns()])
