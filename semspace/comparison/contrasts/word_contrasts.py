"""Words that set two corpora apart, tested by permutation, since words come in bursts."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import polars as pl
from scipy import special, stats
from scipy.sparse import csr_array, vstack

from semspace import checks
from semspace.comparison.contrasts.dispersion import dispersion_residuals
from semspace.comparison.contrasts.word_counts import WordCounts
from semspace.errors import InputError
from semspace.statistics import ALPHA, q_values
from semspace.types import Bools1d, Doubles1d, Ints1d

SCHEMA: dict[str, Any] = {
    "word": pl.String,
    **dict.fromkeys(("count_a", "count_b", "documents_a", "documents_b"), pl.Int64),
    **dict.fromkeys(("per_million_a", "per_million_b", "log_odds", "z", "g2"), pl.Float64),
    **dict.fromkeys(("dispersion_a", "dispersion_b", "p_value", "q_value"), pl.Float64),
}
# Weight of the prior, as a share of the smaller corpus: it stabilises rare words and hardly affects the others.
_PRIOR_SHARE = 0.1
# Words that fewer units contain get the exact hypergeometric tail: no curve fits so few values.
_MIN_HOLDERS = 8
# Words that more units contain are tested by frequency, too; the frequency of others depends on one or two units.
_FEW_HOLDERS = 50
# Words for which no permutation of the units has a p-value as low as this aren't counted as tested.
_MAX_LOWEST_P = 0.01
_MIN_SKEW = 1e-3  # below it, a gamma distribution is practically normal


class _CorpusWords(NamedTuple):
    """The words of one corpus: counts (d, V) and lengths (d,) of its documents, and the unit of each."""

    counts: csr_array
    lengths: Doubles1d
    units: Ints1d


def word_contrast(
    counts: WordCounts,
    first: Bools1d,
    second: Bools1d,
    *,
    units: Ints1d | None = None,
    min_documents: int = 2,
) -> pl.DataFrame:
    """Return a row for each word of two corpora, the most distinctive first.

    Parameters
    ----------
    counts : WordCounts
        Of n documents: those of both corpora, and maybe others.
    first, second : ndarray of bool, shape (n,)
        Which documents are of either corpus; none may be of both.
    units : ndarray of int, shape (n,), optional
        What each document is part of, such as the book of a paragraph, if documents of one unit resemble each other:
        whole units are permuted. A unit with documents in both corpora counts as two.
    min_documents : int
        Words of fewer documents of the two corpora are left out.

    Returns
    -------
    polars.DataFrame
        Columns ``word``, ``count_a``, ``count_b``, ``documents_a``, ``documents_b``, ``per_million_a``,
        ``per_million_b``; ``log_odds``, above 0 for words of the first, with its ``z``; ``g2``, the log-likelihood
        ratio, made negative where the second says the word more; ``dispersion_a``,
        ``dispersion_b``, from 0, where documents say the word in proportion to their length, to 1, where the shortest
        one alone says it (null where none does); ``p_value``, two-sided, and ``q_value``.
        Empty where a corpus has no words. Words of a `q_value` below 0.05 come first, by the size of `z`; the others
        follow by `p_value`.

    Raises
    ------
    InputError
        If `first`, `second` or `units` don't fit the counts, or a document is of both corpora.

    Notes
    -----
    *Log-odds* have an informative Dirichlet prior in proportion to the words of both corpora together, which keeps
    rare words from looking telling (Monroe, Colaresi & Quinn 2008, "Fightin' Words", equations 16, 20 and 22). *G2* is
    the two-term form of Rayson & Garside (2000), after Dunning (1993). *Dispersion* is Gries's (2008)
    deviation of proportions over documents, normalised as in Lijffijt & Gries (2012).

    `z` and `g2` assume that words are independent draws, and so find far too many distinctive: who says "goal" once
    says it again (Church 2000; Lijffijt et al. 2016). `p_value` is that of random permutations of whole documents, or
    units. One statistic is how many units of the first corpus contain the word, less the number expected from their
    lengths; a giant document counts no more than any other (see `dispersion_residuals`). The other is how often the
    first corpus contains the word, less what is expected from its length. The variance and skewness of both over all
    permutations are known exactly, and their tails are those of a gamma distribution with these moments (Mielke & Berry
    2007; Winkler et al. 2016) or of the normal one, whichever is heavier. Words that 8 to 50 units hold are judged by
    the first; words of more holders by the better of the two, its p-value doubled (Bonferroni); words of fewer holders
    by the second and by the exact hypergeometric tail of how many of them are the first corpus's, the larger of the
    two. Different lengths of documents aren't mistaken for different words, but reduce the power.

    `q_value` is the false discovery rate (Benjamini & Hochberg 1995) among the words whose number of holders, all on
    one side, would have an exact tail of at most 0.01 (Tarone 1990; Gilbert 2005), whatever the deal; it is 1 for the
    others.
    """
    a, b = _sides(counts, first, second, units)
    minimum = checks.whole("min_documents", min_documents)
    total = a.counts.sum(axis=0), b.counts.sum(axis=0)
    in_a, in_b = (np.asarray(part, np.float64).ravel() for part in total)
    holders_a, holders_b = _holders(a.counts), _holders(b.counts)
    columns = np.flatnonzero(holders_a + holders_b >= minimum)
    size_a, size_b = float(a.lengths.sum()), float(b.lengths.sum())
    if not size_a or not size_b:  # a corpus without words has no odds
        columns = columns[:0]
    p, lowest_p = _p_values(a, b)
    odds, z = _log_odds(in_a[columns], in_b[columns], size_a, size_b)
    table = {
        "word": pl.Series([counts.words[i] for i in columns], dtype=pl.String),
        "count_a": in_a[columns].astype(np.int64),
        "count_b": in_b[columns].astype(np.int64),
        "documents_a": holders_a[columns],
        "documents_b": holders_b[columns],
        "per_million_a": in_a[columns] / max(size_a, 1) * 1e6,
        "per_million_b": in_b[columns] / max(size_b, 1) * 1e6,
        "log_odds": odds,
        "z": z,
        "g2": _g2(in_a[columns], in_b[columns], size_a, size_b),
        "dispersion_a": pl.Series(_dispersion(a, in_a)[columns]).fill_nan(None),
        "dispersion_b": pl.Series(_dispersion(b, in_b)[columns]).fill_nan(None),
        "p_value": p[columns],
        "q_value": q_values(p[columns], lowest_p[columns] <= _MAX_LOWEST_P),
    }
    return _significant_first(pl.DataFrame(table, schema=SCHEMA))


def _sides(
    counts: WordCounts, first: Bools1d, second: Bools1d, units: Ints1d | None
) -> tuple[_CorpusWords, _CorpusWords]:
    """Return the documents of either corpus, with units numbered from 0."""
    n = len(counts.lengths)
    for name, mask in (("first", first), ("second", second)):
        if getattr(mask, "dtype", None) != np.bool_ or mask.shape != (n,):
            raise InputError(f"{name} must be an array of {n} bools, one for each document counted")
    if (first & second).any():
        raise InputError(f"no document may be of both corpora; {int((first & second).sum())} are")
    if units is not None and np.shape(units) != (n,):
        raise InputError(f"units must be {n} numbers, one for each document counted; got shape {np.shape(units)}")
    sides = []
    for mask in (first, second):
        unit_ids = np.arange(mask.sum(), dtype=np.int64)
        if units is not None:
            unit_ids = np.unique(np.asarray(units)[mask], return_inverse=True)[1].astype(np.int64)
        sides.append(_CorpusWords(counts.counts[mask], counts.lengths[mask].astype(np.float64), unit_ids))
    return sides[0], sides[1]


def _holders(counts: csr_array) -> Ints1d:
    """Count the rows that hold each word."""
    return np.bincount(counts.indices, minlength=counts.shape[1]).astype(np.int64)


def _by_unit(side: _CorpusWords) -> tuple[csr_array, Doubles1d]:
    """Add up documents of one unit: counts (units, V) and lengths (units,)."""
    unit_ids = side.units
    k = int(unit_ids.max(initial=-1)) + 1
    if k == len(unit_ids) and (unit_ids == np.arange(k)).all():
        return side.counts, side.lengths
    member = csr_array(
        (np.ones(len(unit_ids), np.float32), (unit_ids, np.arange(len(unit_ids)))), shape=(k, len(unit_ids))
    )
    lengths = np.bincount(unit_ids, weights=side.lengths, minlength=k).astype(np.float64)
    return csr_array(member @ side.counts), lengths


# -- how large the difference is ------------------------------------------------------------------------------


def _log_odds(in_a: Doubles1d, in_b: Doubles1d, size_a: float, size_b: float) -> tuple[Doubles1d, Doubles1d]:
    """Return the log-odds ratio of each word, and how many standard errors it is from 0."""
    weight = _PRIOR_SHARE * min(size_a, size_b)
    prior = (in_a + in_b) / max(1.0, size_a + size_b) * weight
    # If a corpus consists of one word alone, the others' odds are those of half a word.
    rest_a, rest_b = (
        np.maximum(size + weight - count - prior, 0.5) for size, count in ((size_a, in_a), (size_b, in_b))
    )
    odds = np.log((in_a + prior) / rest_a) - np.log((in_b + prior) / rest_b)
    return odds, odds / np.sqrt(1 / (in_a + prior) + 1 / (in_b + prior))


def _g2(in_a: Doubles1d, in_b: Doubles1d, size_a: float, size_b: float) -> Doubles1d:
    """Return the signed log-likelihood ratio of each word."""
    rate = (in_a + in_b) / max(1.0, size_a + size_b)
    parts = special.rel_entr(in_a, size_a * rate) + special.rel_entr(in_b, size_b * rate)
    signed: Doubles1d = 2 * np.maximum(parts, 0.0) * np.sign(in_a - size_a * rate)
    return signed


def _dispersion(side: _CorpusWords, total: Doubles1d) -> Doubles1d:
    """Return the normalised deviation of proportions of each word, NaN where no document says it."""
    shares = side.lengths / max(1.0, side.lengths.sum())
    smallest = shares[shares > 0].min(initial=1.0)
    counts = side.counts
    expected = np.repeat(shares, np.diff(counts.indptr))
    with np.errstate(invalid="ignore", divide="ignore"):
        observed = counts.data / total[counts.indices]
        # Documents without the word deviate by their whole share: all of them, but for the holders.
        deviation = np.bincount(counts.indices, np.abs(observed - expected) - expected, minlength=len(total)) + 1
        return np.where((total > 0) & (smallest < 1), np.maximum(deviation, 0) / 2 / (1 - smallest), np.nan)


# -- how sure it is -------------------------------------------------------------------------------------------


def _p_values(a: _CorpusWords, b: _CorpusWords) -> tuple[Doubles1d, Doubles1d]:
    """Return the p-value of each word when units are dealt at random, and the lowest that its holders could give."""
    (counts_a, lengths_a), (counts_b, lengths_b) = _by_unit(a), _by_unit(b)
    m, n = len(lengths_a), len(lengths_b)
    holders_a_units, holders_b_units = _holders(counts_a), _holders(counts_b)
    holders = holders_a_units + holders_b_units
    one_sided = _one_sided(_skewed_t(counts_a, lengths_a, counts_b, lengths_b), holders_a_units, holders_b_units, m, n)
    testable = np.flatnonzero(holders >= _MIN_HOLDERS)
    if len(testable):
        residuals = dispersion_residuals(
            vstack([counts_a, counts_b], "csr"), np.concatenate([lengths_a, lengths_b]), m, testable
        )
        t = _tails(residuals.first, residuals.squares, residuals.cubes, holders[testable], m, n)
        dispersion_p = np.minimum(t.upper, t.lower)
        # The better of two tests has twice the chance to look good.
        combined = 2 * np.minimum(one_sided[testable], dispersion_p)
        one_sided[testable] = np.where(holders[testable] > _FEW_HOLDERS, combined, dispersion_p)
    return np.minimum(1.0, 2 * one_sided), _lowest_p_values(holders, m, n)


class _Tails(NamedTuple):
    """The statistic of each word in standard deviations, and the chance of more and of less."""

    value: Doubles1d
    upper: Doubles1d
    lower: Doubles1d


def _one_sided(t: _Tails, holders_a_units: Ints1d, holders_b_units: Ints1d, m: int, n: int) -> Doubles1d:
    """Return the tail that T is in; of rare words, the exact tail of how many hold them where that is the larger."""
    one_sided = np.where(t.value > 0, t.upper, t.lower)
    rare = np.flatnonzero(holders_a_units + holders_b_units < _MIN_HOLDERS)
    # The same few pairs of numbers stand for all these words.
    pairs, pair_of = np.unique(np.stack([holders_a_units[rare], holders_b_units[rare]]), axis=1, return_inverse=True)
    of_a, of_all = pairs[0], pairs.sum(axis=0)
    upper = stats.hypergeom.sf(of_a - 1, m + n, of_all, m)[pair_of]
    lower = stats.hypergeom.cdf(of_a, m + n, of_all, m)[pair_of]
    one_sided[rare] = np.maximum(one_sided[rare], np.where(t.value[rare] > 0, upper, lower))
    return one_sided


def _skewed_t(counts_a: csr_array, lengths_a: Doubles1d, counts_b: csr_array, lengths_b: Doubles1d) -> _Tails:
    """Return the tails of T = sum over the first corpus of r = count - rate * length."""
    lengths = np.concatenate([lengths_a, lengths_b])
    sums = _sums(counts_a, lengths_a) + _sums(counts_b, lengths_b)
    x, xx, xl, xxx, xxl, xll = sums
    rate = x / max(1.0, lengths.sum())
    # sum (x - rate l)^2 and sum (x - rate l)^3, of which only the entries above 0 need a look at each word.
    squares = xx - 2 * rate * xl + rate**2 * (lengths**2).sum()
    cubes = xxx - 3 * rate * xxl + 3 * rate**2 * xll - rate**3 * (lengths**3).sum()
    observed = np.asarray(counts_a.sum(axis=0), np.float64).ravel() - rate * lengths_a.sum()
    return _tails(observed, squares, cubes, xx, len(lengths_a), len(lengths_b))


def _tails(observed: Doubles1d, squares: Doubles1d, cubes: Doubles1d, scale: npt.ArrayLike, m: int, n: int) -> _Tails:
    """Return the tails of T, the sum of the residuals r of m units out of N, from the sums of r^2 and r^3 of all.

    Residuals r add up to 0, so over all deals of N units, m of them to the first corpus, with n = N - m,
    E T^2 = m n / (N (N - 1)) * sum r^2 and E T^3 = m n (n - m) / (N (N - 1) (N - 2)) * sum r^3
    (the moments of a sum drawn without replacement). `scale` is the sum of squares of what r was made from.
    """
    size = m + n
    second = m * n / (size * max(1, size - 1)) * squares
    third = m * n * (n - m) / (size * max(1, size - 1) * max(1, size - 2)) * cubes
    # Where nothing is left but rounding, as of counts in proportion to lengths, nothing can be told.
    is_defined = second > 1e-9 * np.maximum(scale, 1e-9)
    deviation = np.sqrt(np.where(is_defined, second, 1.0))
    value = np.where(is_defined, observed / deviation, 0.0)
    skew = np.where(is_defined, third / deviation**3, 0.0)
    return _Tails(value, _upper_tail(value, skew), _upper_tail(-value, -skew))


def _sums(counts: csr_array, lengths: Doubles1d) -> Doubles1d:
    """Return, for each word, the sums over documents of x, x^2, x l, x^3, x^2 l and x l^2, shape (6, V)."""
    x = counts.data.astype(np.float64)
    of_row = np.repeat(lengths, np.diff(counts.indptr))
    parts = (x, x * x, x * of_row, x**3, x * x * of_row, x * of_row**2)
    return np.stack([np.bincount(counts.indices, part, minlength=counts.shape[1]) for part in parts])


def _upper_tail(value: Doubles1d, skew: Doubles1d) -> Doubles1d:
    """Return the chance of `value` or more, with mean 0 and variance 1: the heavier of a gamma's and a normal's."""
    tail = stats.norm.sf(value)
    skewed = skew > _MIN_SKEW  # skewed to the other side, the normal tail is the heavier one
    shape = 4 / skew[skewed] ** 2
    gamma = special.gammaincc(shape, np.maximum(shape + value[skewed] * np.sqrt(shape), 0.0))
    tail[skewed] = np.maximum(tail[skewed], gamma)
    return np.asarray(tail, np.float64)


def _lowest_p_values(holders: Ints1d, m: int, n: int) -> Doubles1d:
    """Return the lowest exact two-sided p-value of words that so many units hold: all of them on one side."""
    size = m + n
    lowest = np.ones(len(holders))
    for side in (m, n):
        inside = holders <= side
        k = np.where(inside, holders, 0)
        logs = special.gammaln(side + 1) - special.gammaln(side - k + 1)
        logs += special.gammaln(size - k + 1) - special.gammaln(size + 1)
        lowest = np.minimum(lowest, np.where(inside, 2 * np.exp(logs), 0.0))  # 0: more than one side holds
    return np.minimum(lowest, 1.0)


def _significant_first(table: pl.DataFrame) -> pl.DataFrame:
    is_defined = pl.col("q_value") < ALPHA
    size = pl.col("z").abs()
    order = [~is_defined, pl.when(is_defined).then(-size).otherwise(pl.col("p_value")), -size, pl.col("word")]
    return table.sort(order)
