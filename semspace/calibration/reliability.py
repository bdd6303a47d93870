"""How far probabilities can be believed: what was said beside what was seen."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

from semspace.display import html_table, text_table
from semspace.statistics import wilson
from semspace.types import Bools1d, Doubles1d

_COLUMNS = ("said", "seen", "low", "high", "pairs")


@dataclass(frozen=True, eq=False, repr=False)
class Reliability:
    """Probabilities of pairs beside their labels, in bins of as many pairs each.

    Parameters
    ----------
    said : ndarray of float64, shape (bins,)
        The mean probability of each bin.
    seen : ndarray of float64, shape (bins,)
        The share of its pairs that are the same.
    pairs : ndarray of int64, shape (bins,)
        Its number of pairs.
    brier : float
        The mean squared difference of probability and label (Brier 1950); 0 is best.
    """

    said: Doubles1d
    seen: Doubles1d
    pairs: np.ndarray
    brier: float

    @classmethod
    def of(cls, probabilities: Doubles1d, labels: Bools1d, n_bins: int) -> Reliability:
        """Return the reliability of the probabilities of labelled pairs."""
        order = np.argsort(probabilities, kind="stable")
        bins = np.array_split(order, min(n_bins, len(order)))
        said = np.array([probabilities[rows].mean() for rows in bins])
        seen = np.array([labels[rows].mean() for rows in bins])
        brier = float(np.square(probabilities - labels).mean())
        return cls(said, seen, np.array([len(rows) for rows in bins]), brier)

    @property
    def error(self) -> float:
        """The expected calibration error (Naeini et al. 2015): the mean difference of said and seen.

        It is above 0 even for right probabilities, since few pairs are in a bin; see `error_beyond_chance`.
        """
        return float(np.average(np.abs(self.said - self.seen), weights=self.pairs))

    @property
    def error_by_chance(self) -> float:
        """The error that right probabilities would have by chance: the mean of a normal variable's absolute value."""
        spread = np.sqrt(self.said * (1 - self.said) / self.pairs)
        return float(np.average(np.sqrt(2 / np.pi) * spread, weights=self.pairs))

    @property
    def error_beyond_chance(self) -> float:
        """The root of the mean squared difference, less what chance adds to it (Kumar, Liang & Ma 2019); at least 0."""
        chance = self.seen * (1 - self.seen) / np.maximum(self.pairs - 1, 1)
        square = np.average(np.square(self.said - self.seen) - chance, weights=self.pairs)
        return float(np.sqrt(max(square, 0.0)))

    def to_frame(self) -> pl.DataFrame:
        """Return a row for each bin: ``said``, ``seen`` with its 95 % interval ``low`` and ``high``, ``pairs``."""
        low, high = wilson(self.seen * self.pairs, self.pairs)
        values = (self.said, self.seen, low, high, self.pairs)
        return pl.DataFrame(dict(zip(_COLUMNS, values, strict=True)))

    def _title(self) -> str:
        return (
            f"expected calibration error {self.error:.3f} ({self.error_by_chance:.3f} by chance alone), Brier score "
            f"{self.brier:.3f}, of {int(self.pairs.sum()):,} pairs"
        )

    def __repr__(self) -> str:
        return f"{self._title()}\n{text_table(_COLUMNS, self.to_frame().rows())}"

    def _repr_html_(self) -> str:
        return html_table(_COLUMNS, self.to_frame().rows(), caption=self._title())
