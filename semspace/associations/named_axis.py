"""`SemanticAxis`: the direction from one group of words to another, and where other words lie on it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import polars as pl
from scipy.stats import spearmanr

from semspace import checks
from semspace.associations.word_sets import check_apart, checked_words, directions
from semspace.display import clip, html_table
from semspace.errors import InputError
from semspace.queries import TINY
from semspace.space import Space
from semspace.space_arguments import need_space
from semspace.types import Doubles1d, Doubles2d, Floats1d

if TYPE_CHECKING:
    from semspace.report.figure import Figure

_RESAMPLES = 200  # of the words at both ends
_COMMON = 2_000  # words of the space by which the reliability is judged
_LOWEST_RELIABILITY = 0.7  # above, two halves of the words agree well enough to read single values


@dataclass(frozen=True, eq=False, repr=False)
class SemanticAxis:
    """A direction from one group of words to another; made by `semspace.axis`.

    Parameters
    ----------
    space : Space
    low, high : tuple of str
        The words at both ends.
    seed : int
        Of the resamples.

    Examples
    --------
    >>> import semspace as ss
    >>> space = ss.Space.from_vectors(
    ...     ["small", "tiny", "large", "huge", "mouse", "whale"],
    ...     [[1, -1, 0], [1, -1.1, 0], [1, 1, 0], [1, 1.1, 0], [0.2, -1, 1], [0.2, 1, 1]])
    >>> size = ss.axis(space, ["small", "tiny"], ["large", "huge"])
    >>> size.project(["whale", "mouse"])["word"].to_list()
    ['mouse', 'whale']
    """

    space: Space
    low: tuple[str, ...]
    high: tuple[str, ...]
    seed: int = 0

    @cached_property
    def direction(self) -> Floats1d:
        """The unit vector from the mean of one end to that of the other, shape (dim,)."""
        return checks.frozen(self._draws[0].astype(np.float32))

    @cached_property
    def reliability(self) -> float:
        """How well the order of the space's words agrees between halves of the words at the ends, at most 1.

        The mean of Spearman's correlation over random halves, stepped up to the whole (Spearman & Brown 1910). NaN
        where an end has a single word.
        """
        if min(len(self.low), len(self.high)) < 2:
            return math.nan
        rng = np.random.default_rng([self.seed, 1])
        common = self._common_words
        found = []
        for _ in range(_RESAMPLES // 4):
            ends = [rng.permutation(len(end)) for end in (self.low, self.high)]
            halves = [
                _unit(self._ends[1][ends[1][side::2]].mean(axis=0) - self._ends[0][ends[0][side::2]].mean(axis=0))
                for side in (0, 1)
            ]
            found.append(float(spearmanr(common @ halves[0], common @ halves[1]).statistic))
        half = float(np.mean(found))
        return 2 * half / (1 + half) if half > -1 else -1.0

    def project(self, words: Sequence[str] | None = None) -> pl.DataFrame:
        """Return where words lie on the axis, from low to high.

        Parameters
        ----------
        words : list of str, optional
            Ids of the space, or texts for its encoder; all ids by default.

        Returns
        -------
        polars.DataFrame
            Columns ``word``; ``value``, its cosine with the axis, in [-1, 1] (SemAxis: An, Kwak & Ahn 2018); and
            ``low`` and ``high``, the ends of the 95 % interval over resamples of the words at the ends. The interval is
            null where an end has a single word.
        """
        chosen = self.space.ids.tolist() if words is None else checked_words("words", words)
        points = directions(self.space, "words", chosen).astype(np.float64)
        values = points @ self._draws.T
        table = pl.DataFrame({"word": pl.Series(chosen, dtype=pl.String), "value": values[:, 0]})
        if len(self._draws) > 1:
            low, high = np.quantile(values[:, 1:], [0.025, 0.975], axis=1)
            table = table.with_columns(low=pl.Series(low), high=pl.Series(high))
        else:
            table = table.with_columns(low=pl.lit(None, pl.Float64), high=pl.lit(None, pl.Float64))
        return table.sort("value", "word")

    def plot(self, words: Sequence[str]) -> Figure:
        """Draw words on the axis, each with its interval."""
        from semspace.associations.figures import axis_figure

        return axis_figure(self, self.project(words))

    def title(self) -> str:
        """Return what the axis is called in print: its ends."""
        return f"{clip(', '.join(self.low), 40)} ↔ {clip(', '.join(self.high), 40)}"

    @cached_property
    def _ends(self) -> tuple[Doubles2d, Doubles2d]:
        low, high = (directions(self.space, "words", end).astype(np.float64) for end in (self.low, self.high))
        return low, high

    @cached_property
    def _draws(self) -> Doubles2d:
        """The axis, then those of resampled words where both ends have several."""
        low, high = self._ends
        axes = [high.mean(axis=0) - low.mean(axis=0)]
        if min(len(low), len(high)) > 1:
            rng = np.random.default_rng([self.seed, 0])
            axes += [
                high[rng.integers(len(high), size=len(high))].mean(axis=0)
                - low[rng.integers(len(low), size=len(low))].mean(axis=0)
                for _ in range(_RESAMPLES)
            ]
        return np.stack([_unit(one) for one in axes])

    @cached_property
    def _common_words(self) -> Doubles2d:
        """The first words of the space, which are the most frequent ones of word vectors."""
        vectors = np.asarray(self.space.vectors[:_COMMON], np.float64)
        norms = np.linalg.norm(vectors, axis=1)
        common: Doubles2d = vectors[norms > TINY] / norms[norms > TINY, None]
        return common

    def summary(self) -> str:
        """Return the reliability in words."""
        if math.isnan(self.reliability):
            return "reliability unknown: an end has a single word"
        doubt = "" if self.reliability >= _LOWEST_RELIABILITY else "; low: other words at the ends give another order"
        return f"reliability {self.reliability:.2f}{doubt}"

    def __repr__(self) -> str:
        return f"axis {self.title()} ({self.summary()})"

    def _repr_html_(self) -> str:
        table = self.project(list(self.low + self.high))
        return html_table(table.columns, table.rows(), caption=repr(self))


def axis(space: Space, low: Sequence[str], high: Sequence[str], *, seed: int = 0) -> SemanticAxis:
    """Return the axis from one group of words to another, on which any word has a place.

    Parameters
    ----------
    space : Space
        Of words, or of texts with their encoder.
    low, high : list of str
        The words at both ends, ids of the space or texts for its encoder. Several at each end, such as ``["small",
        "tiny"]`` and ``["large", "huge"]``, make it more reliable.
    seed : int
        Of the resamples behind intervals and reliability.

    Returns
    -------
    SemanticAxis

    Raises
    ------
    InputError
        If an end is empty, a word stands at both, or the ends have the same mean.

    Notes
    -----
    The mean unit vector of one end less that of the other (An, Kwak & Ahn 2018: SemAxis).
    """
    need_space("axis", space)
    words = {"low": checked_words("low", low), "high": checked_words("high", high)}
    check_apart(*words.items())
    made = SemanticAxis(space, tuple(words["low"]), tuple(words["high"]), checks.seed(seed))
    ends = made._ends
    if np.linalg.norm(ends[1].mean(axis=0) - ends[0].mean(axis=0)) < 1e-6:
        raise InputError(f"the words at both ends of the axis {made.title()} have the same mean; choose others")
    return made


def _unit(vector: Doubles1d) -> Doubles1d:
    length = float(np.linalg.norm(vector))
    return vector / length if length > TINY else vector
