"""`Tradeoff`: ways of making a space smaller, side by side."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from semspace import checks
from semspace.display import html_table, text_table
from semspace.text.dataframes import to_pandas

if TYPE_CHECKING:
    from semspace.report.figure import Figure

_SCHEMA: dict[str, Any] = {
    "way": pl.String, "dim": pl.Int64, "bytes": pl.Float64, "smaller": pl.Float64, "variance": pl.Float64,
    "overlap": pl.Float64, "rescored": pl.Float64, "score": pl.Float64, "queries_per_second": pl.Float64,
    "megabytes": pl.Float64,
}  # fmt: skip
_OVERLAPS = ("overlap", "rescored")


@dataclass(frozen=True)
class TradeoffRow:
    """One way, and what it keeps.

    Parameters
    ----------
    way : str
        Such as ``"int8"``, ``"PCA 96"`` or ``"PCA 96 + int8"``; ``"float32"`` are the full vectors.
    dim : int
        Number of dimensions.
    bytes : float
        Of a point.
    smaller : float
        How many times smaller than the full vectors.
    variance : float
        Share of the variance that is left when vectors are decoded, at most 1; below 0, the mean would be nearer.
    overlap : float
        Mean share of the true nearest points that are found in the small space alone, in [0, 1].
    rescored : float
        The same where candidates are ordered by the full vectors; see `search_with_rescoring`.
    score : float or None
        Of the evaluator, if there was one.
    queries_per_second : float
        Of single queries against all points in the small space: the quickest of 30, measured on this machine.
    megabytes : float
        Of all points of the small form, which is what must be in memory: 1,000,000 bytes each. Rescoring reads the
        full vectors from a mapped file.
    """

    way: str
    dim: int
    bytes: float
    smaller: float
    variance: float
    overlap: float
    rescored: float
    score: float | None
    queries_per_second: float
    megabytes: float


@dataclass(frozen=True, repr=False)
class Tradeoff:
    """Ways of making a space smaller, and what each keeps; ``tradeoff["int8"]`` is one row.

    Parameters
    ----------
    rows : tuple of TradeoffRow
        The full vectors first.
    n_points, n_queries : int
        Points that were searched, and held-out points that were searched for.
    k, oversampling : int
    task : str
        The name of the evaluator; empty without one.
    """

    rows: tuple[TradeoffRow, ...]
    n_points: int
    n_queries: int
    k: int
    oversampling: int
    task: str = ""

    def __len__(self) -> int:
        return len(self.rows)

    def __iter__(self) -> Iterator[TradeoffRow]:
        return iter(self.rows)

    def __getitem__(self, way: str) -> TradeoffRow:
        for row in self.rows:
            if row.way == way:
                return row
        raise checks.unknown("way", str(way), [row.way for row in self.rows], where="this comparison")

    def knee(self, by: str = "overlap") -> TradeoffRow:
        """Return the way at the knee: from there on, fewer bytes cost much more of the overlap.

        Of the ways that no other one beats in bytes and overlap at once, it is the one furthest above the straight line
        from the smallest to the best, with bytes on a logarithmic scale and both scaled to [0, 1] (Satopää, Albrecht,
        Irwin & Raghavan 2011, "Finding a 'Kneedle' in a Haystack", without their smoothing).

        Parameters
        ----------
        by : {"overlap", "rescored"}
        """
        checks.choice("by", by, _OVERLAPS)
        front = self._front(by)
        x = np.log([row.bytes for row in front])
        y = np.array([getattr(row, by) for row in front])
        across, up = (np.ptp(x) or 1.0), (np.ptp(y) or 1.0)
        return front[int(np.argmax((y - y.min()) / up - (x - x.min()) / across))]

    def smallest(self, least: float, by: str = "rescored") -> TradeoffRow:
        """Return the way with the fewest bytes whose overlap is at least so high.

        Parameters
        ----------
        least : float
            In [0, 1].
        by : {"overlap", "rescored"}
        """
        checks.number("least", least, high=1.0)
        checks.choice("by", by, _OVERLAPS)
        return min((row for row in self.rows if getattr(row, by) >= least), key=lambda row: (row.bytes, -row.overlap))

    def _front(self, by: str) -> list[TradeoffRow]:
        """Return the ways that no other one beats, from the smallest to the largest."""
        front: list[TradeoffRow] = []
        for row in sorted(self.rows, key=lambda row: (row.bytes, -getattr(row, by))):
            if not front or getattr(row, by) > getattr(front[-1], by):
                front.append(row)
        return front

    def _cells(self) -> list[tuple[Any, ...]]:
        return [tuple(getattr(row, field.name) for field in fields(row)) for row in self.rows]

    def to_frame(self) -> pl.DataFrame:
        """Return a polars DataFrame, a row for each way, with the columns of `TradeoffRow`."""
        return pl.DataFrame(self._cells(), schema=_SCHEMA, orient="row")

    def to_pandas(self) -> Any:
        """Return `to_frame` as a pandas DataFrame; it needs pandas, but not pyarrow."""
        return to_pandas(self.to_frame())

    def plot(self, by: str | None = None) -> Figure:
        """Draw overlap over bytes of a point; the ways that no other one beats are joined by a line.

        Parameters
        ----------
        by : {"overlap", "rescored"}, optional
            By default both, one above the other.
        """
        from semspace.report.size_curve import Curve, size_curve

        if by is not None:
            checks.choice("by", by, _OVERLAPS)
        titles = {
            "overlap": f"overlap@{self.k}, the small space alone",
            "rescored": f"overlap@{self.k} with rescoring (×{self.oversampling})",
        }
        curves = []
        for name in _OVERLAPS if by is None else (by,):
            front = {row.way for row in self._front(name)}
            points = [(row.way, row.bytes, getattr(row, name), row.way in front) for row in self.rows]
            curves.append(Curve(titles[name], tuple(points), self.knee(name).way))
        return size_curve(curves, unit="bytes of a point", caption=f"What {len(self)} ways keep. {self._told()}.")

    def _told(self) -> str:
        return f"{self.n_queries:,} held-out queries among {self.n_points:,} points"

    def _shown(self) -> tuple[list[str], list[tuple[Any, ...]]]:
        headers = [*_SCHEMA]
        headers[5], headers[6] = f"overlap@{self.k}", f"rescored ×{self.oversampling}"
        headers[7], headers[8] = self.task, "queries/s (here)"
        rows = [
            (*cells[:2], f"{cells[2]:g}", f"{cells[3]:.3g}×", *cells[4:8], f"{cells[8]:,.0f}", f"{cells[9]:,.1f}")
            for cells in self._cells()
        ]
        if not self.task:
            headers, rows = [*headers[:7], *headers[8:]], [(*row[:7], *row[8:]) for row in rows]
        return headers, rows

    def _note(self) -> str:
        knee, rescored = self.knee(), self.knee("rescored")
        return (
            f"{self._told()}; knee: {knee.way}, with rescoring {rescored.way}. megabytes are what must be in memory; "
            "rescoring reads the full vectors from a mapped file"
        )

    def __repr__(self) -> str:
        return f"{text_table(*self._shown())}\n{self._note()}"

    def _repr_html_(self) -> str:
        return html_table(*self._shown(), caption=self._note()) + self.plot()._repr_html_()
