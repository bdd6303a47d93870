"""`QualityCard`: how far a map can be trusted, with what each number means and where it comes from."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any, NamedTuple

import polars as pl

from semspace.display import html_table, text_table
from semspace.schema import Facts

HALF = 0.5  # of its neighbours: a point that keeps fewer has its place by chance
_COLUMNS = ("measure", "value", "range", "meaning", "source")


class Measure(NamedTuple):
    """One line of the card."""

    field: str
    title: str
    range: str
    meaning: str
    source: str


MEASURES = (
    Measure(
        "trustworthiness", "trustworthiness", "0 to 1",
        "Near 1: points that are near each other on the map are near each other in the space. About 0.5: no better "
        "than chance.",
        "Venna & Kaski 2001",
    ),
    Measure(
        "continuity", "continuity", "0 to 1",
        "Near 1: points that are near each other in the space weren't torn apart on the map.",
        "Venna & Kaski 2001",
    ),
    Measure(
        "overlap", "neighbours kept", "0 to 1",
        "Share of a point's {k} nearest in the space that are among its {k} nearest on the map; {by_chance:.2g} by "
        "chance.",
        "Lee & Verleysen 2009",
    ),
    Measure(
        "rank_correlation", "order of distances", "-1 to 1",
        "Spearman's correlation of the distances of pairs of points. Low: how far apart two groups are drawn says "
        "little about how different they are.",
        "Spearman 1904; Kobak & Berens 2019",
    ),
    Measure(
        "repeatability", "repeatability", "0 to 1",
        "Share of a point's {k} nearest on the map that are the same when the map is drawn again from other random "
        "starts.",
        "by redrawing {repeats} times",
    ),
    Measure(
        "chance", "places by chance", "0 to 1",
        "Share of points that keep fewer than half of those neighbours: they are drawn hollow, and nothing follows "
        "from where they stand.",
        "by redrawing {repeats} times",
    ),
)  # fmt: skip


@dataclass(frozen=True, repr=False)
class QualityCard:
    """How far a map can be trusted.

    Parameters
    ----------
    trustworthiness, continuity : float
        Of neighbours on the map and in the space (Venna & Kaski 2001), in [0, 1].
    overlap : float
        Share of the `k` nearest in the space that are among the `k` nearest on the map, in [0, 1].
    rank_correlation : float
        Spearman's correlation of the distances of 50,000 pairs, in [-1, 1].
    repeatability : float
        Share of the `k` nearest on the map that are the same when it is drawn again, in [0, 1]. NaN if it wasn't.
    chance : float
        Share of points that keep fewer than half of those, in [0, 1]. NaN if the map wasn't drawn again.
    k : int
        Number of neighbours.
    n : int
        Distinct points.
    compared : int
        Points whose neighbours were compared.
    repeats : int
        How often the map was drawn again; 0 of principal axes, in which nothing is random.
    repeated : int
        Points that were drawn again.

    Examples
    --------
    >>> import numpy as np
    >>> import semspace as ss
    >>> vectors = np.random.default_rng(0).normal(size=(60, 8))
    >>> card = ss.project(ss.Space.from_vectors(range(60), vectors), method="pca").quality
    >>> card.repeatability, card.chance
    (1.0, 0.0)
    """

    trustworthiness: float
    continuity: float
    overlap: float
    rank_correlation: float
    repeatability: float
    chance: float
    k: int
    n: int
    compared: int
    repeats: int
    repeated: int

    @classmethod
    def of(cls, facts: Facts) -> QualityCard:
        """Create a card of what `stored` returned, or raise `DamagedError`."""
        values: dict[str, Any] = {
            one.field: math.nan if facts[one.field] is None else facts.number(one.field, low=-1, high=1)
            for one in MEASURES
        }
        values.update((name, facts.whole(name)) for name in ("k", "n", "compared", "repeats", "repeated"))
        return cls(**values)

    def rows(self) -> list[tuple[str, float, str, str, str]]:
        """Return the measures as rows: measure, value, range, meaning and source."""
        values = {**asdict(self), "by_chance": self.k / max(self.n - 1, 1)}
        return [
            (one.title, float(values[one.field]), one.range, one.meaning.format(**values), self._source(one))
            for one in MEASURES
        ]

    def _source(self, measure: Measure) -> str:
        if "{repeats}" not in measure.source:
            return measure.source
        if not self.repeats:
            return "not measured" if math.isnan(self.chance) else "nothing in it is random"
        some = f", {self.repeated:,} points of {self.n:,}" if self.repeated < self.n else ""
        return measure.source.format(repeats=self.repeats) + some

    def to_frame(self) -> pl.DataFrame:
        """Return a polars DataFrame with a row for each measure: measure, value, range, meaning and source."""
        return pl.DataFrame(self.rows(), schema=list(_COLUMNS), orient="row")

    def stored(self) -> dict[str, Any]:
        """Return the numbers by name, as a manifest holds them: NaN becomes None."""
        return {
            name: None if isinstance(value, float) and math.isnan(value) else value
            for name, value in asdict(self).items()
        }

    def __repr__(self) -> str:
        return text_table(_COLUMNS[:4], [(row[0], written(row[1]), *row[2:4]) for row in self.rows()], width=200)

    def _repr_html_(self) -> str:
        return html_table(_COLUMNS, self.rows(), caption="How far the map can be trusted")


def written(value: float) -> str:
    """Return the value of a measure as text."""
    return "–" if math.isnan(value) else f"{value:.2f}"
