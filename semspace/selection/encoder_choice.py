"""`EncoderChoice`: encoders in the order of their scores on some texts."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import polars as pl

from semspace import checks, display
from semspace.display import html_table, text_table
from semspace.evaluation.score import Score
from semspace.evaluation.score_comparison import ScoreDifference
from semspace.statistics import ALPHA

_COLUMNS = {
    "encoder": pl.String, "value": pl.Float64, "low": pl.Float64, "high": pl.Float64, "difference": pl.Float64,
    "difference_low": pl.Float64, "difference_high": pl.Float64, "p_value": pl.Float64,
    "texts_per_second": pl.Float64, "dim": pl.Int64, "megabytes": pl.Float64, "note": pl.String,
}  # fmt: skip
_NAME_WIDTH = 40  # characters of an encoder's name that are shown


@dataclass(frozen=True)
class RankedEncoder:
    """An encoder with its score, its speed and its size.

    Parameters
    ----------
    name : str
    encoder : object
    score : Score
    behind : ScoreDifference, optional
        Its difference from the best: the score of the best less its own, with interval and p-value. None for the best,
        and if it couldn't be scored. The p-value is that of one test; `EncoderChoice.p_values` are corrected for the
        number of encoders.
    texts_per_second : float
        Measured while the texts were encoded, on this machine.
    dim : int
    size : int, optional
        Bytes of its weights; None if unknown.
    """

    name: str
    encoder: Any = field(repr=False)
    score: Score
    behind: ScoreDifference | None
    texts_per_second: float
    dim: int
    size: int | None


@dataclass(frozen=True, repr=False)
class EncoderChoice:
    """Encoders in the order of their scores on some texts, the best first; ``choice["name"]`` is one of them.

    Parameters
    ----------
    ranking : tuple of RankedEncoder
        Those that couldn't be scored come last.
    task : str
        What they were judged by, in words.
    """

    ranking: tuple[RankedEncoder, ...]
    task: str

    @property
    def best(self) -> str:
        """The name of the encoder with the highest score."""
        return self.ranking[0].name

    @property
    def encoder(self) -> Any:
        """The encoder with the highest score, ready to use."""
        return self.ranking[0].encoder

    @property
    def as_good(self) -> tuple[str, ...]:
        """The names of the best and of those that can't be told from it: whose p-value isn't below 0.05.

        Of them, the fastest or the smallest may be the better choice.
        """
        p = self.p_values
        return tuple(one.name for one in self.ranking if one.name == self.best or not p.get(one.name, 0.0) < ALPHA)

    @property
    def p_values(self) -> dict[str, float]:
        """For each other encoder, the p-value of its difference from the best, by Holm's correction for several tests.

        NaN where there are too few items for a test.
        """
        from semspace.statistics import holm

        tested = [one for one in self.ranking if one.behind is not None]
        known = [one for one in tested if not math.isnan(one.behind.p_value)]  # type: ignore[union-attr]
        corrected = holm([one.behind.p_value for one in known])  # type: ignore[union-attr]
        p = dict(zip((one.name for one in known), corrected.tolist(), strict=True))
        return {one.name: p.get(one.name, math.nan) for one in tested}

    def __len__(self) -> int:
        return len(self.ranking)

    def __iter__(self) -> Iterator[RankedEncoder]:
        return iter(self.ranking)

    def __getitem__(self, name: str) -> RankedEncoder:
        found = next((one for one in self.ranking if one.name == name), None)
        if found is None:
            raise checks.unknown("encoder", str(name), [one.name for one in self.ranking], where="this choice")
        return found

    def to_frame(self) -> pl.DataFrame:
        """Return a row for each encoder, the best first.

        Its columns are ``encoder``, ``value``, ``low`` and ``high`` (95 % interval); ``difference`` (the best less this
        one), ``difference_low``, ``difference_high`` and ``p_value`` (see `p_values`); ``texts_per_second``, ``dim``,
        ``megabytes`` and ``note``.
        """
        return pl.DataFrame(self._rows(), schema=_COLUMNS, orient="row")

    def _rows(self) -> list[tuple[object, ...]]:
        p = self.p_values
        return [(*_quality(one, p.get(one.name)), *_cost(one), one.score.note) for one in self.ranking]

    def _shown(self) -> tuple[list[str], list[list[object]]]:
        """Return the columns and rows of the printed table."""
        titles = ["encoder", "value", "low", "high", "behind", "p", "texts/s", "dim", "MB", "note"]
        rows: list[list[object]] = []
        for name, value, low, high, behind, _, _, p, speed, dim, size, note in self._rows():
            shown_p = display.p_value(p) if isinstance(p, float) else None
            fast, big = (f"{one:,.3g}" if isinstance(one, float) and one < 100 else
                         f"{one:,.0f}" if isinstance(one, float) else None for one in (speed, size))  # fmt: skip
            rows.append([display.clip(str(name), _NAME_WIDTH), value, low, high, behind, shown_p, fast, dim, big, note])
        return titles, rows

    def _told(self) -> str:
        """Return the choice in a sentence."""
        others = [display.clip(name, _NAME_WIDTH) for name in self.as_good if name != self.best]
        best = display.clip(self.best, _NAME_WIDTH)
        if len(self.ranking) == 1:
            return f"{best} is the only one"
        return f"{best} is best" + (f"; not told apart from it: {', '.join(others)}" if others else "")

    def __repr__(self) -> str:
        titles, rows = self._shown()
        return f"{self.task}\n{text_table(titles, rows, width=90)}\n{self._told()}"

    def _repr_html_(self) -> str:
        return html_table(*self._shown(), caption=f"{self.task}. {self._told()}")


def _quality(one: RankedEncoder, p_value: float | None) -> tuple[object, ...]:
    """Return the cells of an encoder from its name to its p-value."""
    value = one.score.value if one.score.evaluated else None
    behind = one.behind
    difference = (None, None, None) if behind is None else (behind.difference, *(behind.interval or (None, None)))
    known = None if p_value is None or math.isnan(p_value) else p_value
    return (one.name, value, *(one.score.interval or (None, None)), *difference, known)


def _cost(one: RankedEncoder) -> tuple[object, ...]:
    speed = None if math.isnan(one.texts_per_second) else one.texts_per_second
    return (speed, one.dim or None, None if one.size is None else one.size / 1e6)
