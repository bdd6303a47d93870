"""`SampleQuality` and `GeneratorComparison`: what samples are worth, of one generator and of several."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any

import polars as pl

from semspace import checks, display
from semspace.display import html_table, text_table
from semspace.text.dataframes import to_pandas

if TYPE_CHECKING:
    from semspace.report.figure import Figure

SHARES = ("precision", "recall", "density", "coverage")
_MEANINGS = {
    "precision": "share of samples that lie among real points",
    "recall": "share of real points that lie among samples",
    "density": "how many real points a sample lies among; of real ones 1",
    "coverage": "share of real points with a sample near",
    "mmd": "squared maximum mean discrepancy; 0 if both are of one source",
    "p_value": "of this discrepancy, if both were of one source",
    "copies": "share of samples as near to a training point as the nearest of the real ones are",
}
_SCHEMA: dict[str, Any] = {
    **dict.fromkeys([*SHARES, "mmd", "mmd_by_chance", "p_value", "copies", "copies_of_real"], pl.Float64),
    "n_real": pl.Int64,
    "n_samples": pl.Int64,
}


@dataclass(frozen=True, repr=False)
class SampleQuality:
    """How good samples are, against real points.

    Parameters
    ----------
    precision : float
        Share of samples inside the ball of some real point, which reaches to its k-th nearest other real point.
    recall : float
        Share of real points inside the ball of some sample, which reaches to its k-th nearest other sample.
    density : float
        How many balls of real points a sample lies in, divided by `k`; about 1 for real points, higher where samples
        lie closer together than they do. A single odd real point raises it less than precision.
    coverage : float
        Share of real points in whose ball a sample lies; for as many real points about ``1 - 0.5 ** k``.
    mmd : float
        Squared maximum mean discrepancy (unbiased, so it can be a little below 0).
    mmd_by_chance : float
        The 95 % quantile of it over random divisions of both together.
    p_value : float
        Of the permutation test: small if samples and real points are of different sources.
    copies : float, optional
        Share of samples whose nearest training point is as near as that of the nearest 1 % of the real points.
    copies_of_real : float, optional
        The same share of the real points: 0.01, or more where they repeat training points. Samples with many more
        are copied.
    n_real, n_samples : int
        Points that were judged.
    k : int
    metric : {"cosine", "euclidean"}
    """

    precision: float
    recall: float
    density: float
    coverage: float
    mmd: float
    mmd_by_chance: float
    p_value: float
    copies: float | None
    copies_of_real: float | None
    n_real: int
    n_samples: int
    k: int
    metric: str

    def to_frame(self) -> pl.DataFrame:
        """Return a polars DataFrame of one row, with a column for each number."""
        return pl.DataFrame([_cells(self)], schema=_SCHEMA, orient="row")

    def to_pandas(self) -> Any:
        """Return `to_frame` as a pandas DataFrame; it needs pandas, but not pyarrow."""
        return to_pandas(self.to_frame())

    def plot(self) -> Figure:
        """Draw precision, recall, density and coverage as bars."""
        from semspace.report.bars import bars

        return bars(SHARES, [getattr(self, name) for name in SHARES], caption=f"Quality of samples. {self._told()}.")

    def _told(self) -> str:
        return f"{self.n_samples:,} samples, {self.n_real:,} real points, k={self.k}, {self.metric}"

    def _shown(self) -> list[tuple[str, str, str]]:
        return [(name, _text(self, name), meaning) for name, meaning in _MEANINGS.items() if _text(self, name)]

    def __repr__(self) -> str:
        return f"{text_table(['', '', 'meaning'], self._shown(), width=90)}\n{self._told()}"

    def _repr_html_(self) -> str:
        return html_table(["", "", "meaning"], self._shown(), caption=self._told())


@dataclass(frozen=True, repr=False)
class GeneratorComparison:
    """Samples of several generators, each judged on the same held-out points; ``comparison["VAE"]`` is one.

    Parameters
    ----------
    qualities : mapping of str to SampleQuality
        ``"real points"``, which are other held-out points, come first: so much a perfect generator would reach.
    models : mapping of str to model
        The trained generators, without the real points.
    n_training : int
        Points that they were trained on.
    """

    qualities: Mapping[str, SampleQuality]
    models: Mapping[str, Any] = field(compare=False)
    n_training: int

    def __len__(self) -> int:
        return len(self.qualities)

    def __iter__(self) -> Iterator[str]:
        return iter(self.qualities)

    def __getitem__(self, name: str) -> SampleQuality:
        if name not in self.qualities:
            raise checks.unknown("generator", str(name), self.qualities, where="this comparison")
        return self.qualities[name]

    def to_frame(self) -> pl.DataFrame:
        """Return a polars DataFrame, a row for each generator, with a column for each number of `SampleQuality`."""
        rows = [(name, *_cells(quality)) for name, quality in self.qualities.items()]
        return pl.DataFrame(rows, schema={"generator": pl.String, **_SCHEMA}, orient="row")

    def to_pandas(self) -> Any:
        """Return `to_frame` as a pandas DataFrame; it needs pandas, but not pyarrow."""
        return to_pandas(self.to_frame())

    def plot(self, by: str = "coverage") -> Figure:
        """Draw one number of each generator as bars.

        Parameters
        ----------
        by : {"precision", "recall", "density", "coverage"}
        """
        from semspace.report.bars import bars

        checks.choice("by", by, SHARES)
        values = [getattr(quality, by) for quality in self.qualities.values()]
        caption = f"{by.capitalize()} of samples: {_MEANINGS[by]}. {self._told()}."
        return bars(list(self.qualities), values, caption=caption)

    def _told(self) -> str:
        one = next(iter(self.qualities.values()))
        return f"{self.n_training:,} points to train on; {one._told()}"

    def _shown(self) -> tuple[list[str], list[list[str]]]:
        names = list(_MEANINGS)
        return ["", *names], [[name, *(_text(one, of) for of in names)] for name, one in self.qualities.items()]

    def __repr__(self) -> str:
        return f"{text_table(*self._shown())}\n{self._told()}"

    def _repr_html_(self) -> str:
        return html_table(*self._shown(), caption=self._told())


def _cells(quality: SampleQuality) -> tuple[Any, ...]:
    return tuple(getattr(quality, one.name) for one in fields(quality) if one.name in _SCHEMA)


def _text(quality: SampleQuality, name: str) -> str:
    """Return a number as text: an MMD with the digits that it has."""
    value = getattr(quality, name)
    if value is None:
        return ""
    return f"{value:.5f}" if name == "mmd" else display.p_value(value) if name == "p_value" else f"{value:.3f}"
