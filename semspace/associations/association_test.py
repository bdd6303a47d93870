"""The word-embedding association test (WEAT): whether two sets of words go with two sets of attributes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import polars as pl

from semspace import checks
from semspace.associations.word_sets import check_apart, checked_words, directions, mean_cosines
from semspace.display import html_table, text_table
from semspace.errors import InputError
from semspace.space import Space
from semspace.space_arguments import need_space
from semspace.types import Bools2d, Doubles1d

_AT_ONCE = 10_000  # divisions of the words


@dataclass(frozen=True, eq=False, repr=False)
class AssociationTest:
    """The result of `semspace.weat`.

    Parameters
    ----------
    effect_size : float
        The difference of the mean associations of both sets, in standard deviations of all words, in [-2, 2]. Above 0:
        the first set goes with the first attributes, the second with the second.
    p_value : float
        The share of all divisions of the words into sets of the same sizes whose difference is as large, the observed
        one among them; one-sided.
    statistic : float
        The sum of the associations of the first set less that of the second.
    n_divisions : int
        Divisions that were counted.
    exact : bool
        Whether these were all.
    associations : polars.DataFrame
        A row for each word: ``word``, ``set`` (``"x"`` or ``"y"``), ``association``: its mean cosine with `a` less that
        with `b`.
    """

    effect_size: float
    p_value: float
    statistic: float
    n_divisions: int
    exact: bool
    associations: pl.DataFrame

    def _title(self) -> str:
        way = "all" if self.exact else "random"
        return f"effect size {self.effect_size:.2f}, p = {self.p_value:.2g} ({self.n_divisions:,} divisions, {way})"

    def __repr__(self) -> str:
        return f"{self._title()}\n{text_table(self.associations.columns, self.associations.rows())}"

    def _repr_html_(self) -> str:
        return html_table(self.associations.columns, self.associations.rows(), caption=self._title())


def weat(
    space: Space,
    x: Sequence[str],
    y: Sequence[str],
    a: Sequence[str],
    b: Sequence[str],
    *,
    n_divisions: int = 100_000,
    seed: int = 0,
) -> AssociationTest:
    """Test whether the words of `x` go with `a`, and those of `y` with `b`, more than the other way round.

    Parameters
    ----------
    space : Space
        Of words, or of texts with their encoder.
    x, y : list of str
        Two sets of words, such as flowers and insects.
    a, b : list of str
        Two sets of attributes, such as pleasant and unpleasant words.
    n_divisions : int
        Random divisions for the p-value; all divisions where there are no more.
    seed : int

    Returns
    -------
    AssociationTest

    Raises
    ------
    InputError
        If a set is empty, a word stands in two sets that are compared, or a word isn't in a space without an encoder.

    Notes
    -----
    The word-embedding association test (Caliskan, Bryson & Narayanan 2017). The standard deviation of the effect size
    is that of the words, not of a larger population (divided by n, not by n - 1).

    Examples
    --------
    >>> import semspace as ss
    >>> space = ss.Space.from_vectors(
    ...     ["rose", "lily", "wasp", "flea", "love", "pain"],
    ...     [[1, 0.1], [1, 0.2], [0.1, 1], [0.2, 1], [1, 0], [0, 1]])
    >>> found = ss.weat(space, ["rose", "lily"], ["wasp", "flea"], ["love"], ["pain"])
    >>> round(found.effect_size, 2), round(found.p_value, 3), found.n_divisions
    (2.0, 0.167, 6)
    """
    need_space("weat", space)
    sets = {name: checked_words(name, words) for name, words in (("x", x), ("y", y), ("a", a), ("b", b))}
    check_apart(("x", sets["x"]), ("y", sets["y"]))
    check_apart(("a", sets["a"]), ("b", sets["b"]))
    checks.whole("n_divisions", n_divisions)
    checks.seed(seed)
    words = sets["x"] + sets["y"]
    if len(words) < 3:
        raise InputError(f"a test needs at least three words in x and y together; got {len(words)}")
    points = directions(space, "x and y", words)
    value = mean_cosines(points, directions(space, "a", sets["a"])) - mean_cosines(
        points, directions(space, "b", sets["b"])
    )
    n_first = len(sets["x"])
    spread = float(value.std())
    effect = (value[:n_first].mean() - value[n_first:].mean()) / spread if spread else 0.0
    p_value, counted, exact = _p_value(value, n_first, n_divisions, seed)
    table = pl.DataFrame(
        {"word": words, "set": ["x"] * n_first + ["y"] * (len(words) - n_first), "association": value}
    ).sort("association", "word", descending=[True, False])
    statistic = float(value[:n_first].sum() - value[n_first:].sum())
    return AssociationTest(float(effect), p_value, statistic, counted, exact, table)


def _p_value(value: Doubles1d, n_first: int, n_divisions: int, seed: int) -> tuple[float, int, bool]:
    """Return the share of divisions whose first set has as large a sum, their number, and whether these are all."""
    observed = value[:n_first].sum() - 1e-12 * np.abs(value).sum()
    n_all = math.comb(len(value), n_first)
    if n_all <= n_divisions:
        reached = sum(value[list(rows)].sum() >= observed for rows in combinations(range(len(value)), n_first))
        return float(reached / n_all), n_all, True
    rng = np.random.default_rng(seed)
    reached = 1  # the observed division
    for start in range(0, n_divisions, _AT_ONCE):
        chosen = _random_sets(min(_AT_ONCE, n_divisions - start), len(value), n_first, rng)
        reached += int(((chosen @ value) >= observed).sum())
    return reached / (n_divisions + 1), n_divisions, False


def _random_sets(n: int, n_words: int, n_first: int, rng: np.random.Generator) -> Bools2d:
    """Return random sets of so many words each, as rows of booleans."""
    order = rng.random((n, n_words)).argpartition(n_first - 1, axis=1) if n_first < n_words else None
    chosen = np.zeros((n, n_words), bool)
    if order is not None:
        np.put_along_axis(chosen, order[:, :n_first], True, axis=1)
    return chosen
