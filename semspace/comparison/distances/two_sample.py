"""Two-sample statistics with their permutations and resamples, for several kernels and any two sets of corpora.

Each is ``E k(x, x') + E k(y, y') - 2 E k(x, y)`` for a kernel ``k``, estimated without bias by leaving out the pairs of
a document with itself (Gretton et al. 2012, equation 3; Székely & Rizzo 2013). Beyond some ten thousand documents they
are dealt into blocks, and the statistic is the mean over blocks (Zaremba, Gretton & Blaschko 2013): the time grows with
the number of documents then, no longer with its square.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from semspace.comparison.distances.exchange_blocks import MOST, Cells, Rows, cells_of
from semspace.comparison.distances.pair_sums import Kernels, Sums, kernel_sums
from semspace.comparison.distances.topic_counts import sorted_into_subjects, subject_sums
from semspace.progress import bar
from semspace.types import Floats2d

Floats = npt.NDArray[np.float64]
BLOCK = 40_000  # documents whose pairs are all taken
_WIDER, _NARROWER = 2, 2  # the multi-bandwidth kernel: the median distance, twice doubled and twice halved
_FEW = 1_000  # documents that say what the median distance is
KERNELS = ("energy", "mmd", "mmd_multi", "subjects8", "subjects16", "subjects32")


@dataclass(frozen=True, eq=False)
class Tested:
    """What one test of two sets of documents gives, for each of `KERNELS`.

    Parameters
    ----------
    values : ndarray of float64, shape (K,)
    permuted : ndarray of float64, shape (K, P)
        The values for random splits of both together.
    resampled : ndarray of float64, shape (K, B)
        The values for documents drawn anew from each, with replacement.
    """

    values: Floats
    permuted: Floats
    resampled: Floats

    def p_value(self, kernel: str) -> float:
        """Share of splits that reach the value, the observed one among them (Phipson & Smyth 2010)."""
        return float(self._tails[KERNELS.index(kernel), 0])

    @property
    def p_of_all(self) -> float:
        """One p-value for all kernels together.

        Each split's p-values among the splits are put together as Liu & Xie (2020) do, and the observed split's sum is
        held against the others' sums: so it is as sound as one test, and nearly as strong as the best of them.
        """
        together = np.tan((0.5 - np.minimum(self._tails, 0.999)) * np.pi).sum(axis=0)
        return float((together >= together[0] - 1e-9 * abs(together[0])).mean())

    @property
    def _tails(self) -> Floats:
        """The share of splits, the observed one first among them, whose value reaches that of each, (K, P + 1)."""
        every = np.concatenate([self.values[:, None], self.permuted], axis=1)
        tails = np.empty_like(every)
        for row, values in enumerate(every):
            # A split that is the observed one, mirrored, is as far, but for rounding.
            rounding = 1e-9 * np.abs(values).max() + 1e-12
            tails[row] = (len(values) - np.searchsorted(np.sort(values), values - rounding, "left")) / len(values)
        return tails


@dataclass(frozen=True, eq=False)
class Evidence:
    """The sums over pairs of documents that every test is made of; see `evidence`.

    Parameters
    ----------
    blocks : tuple of (Cells, Sums, rows)
        `rows` are the block's documents in the order of its cells.
    kernels : Kernels
    count : int
        How many documents there are.
    """

    blocks: tuple[tuple[Cells, Sums, Rows], ...]
    kernels: Kernels
    count: int

    def test(
        self, first: Collection[int], second: Collection[int], *, permutations: int, resamples: int, seed: int
    ) -> Tested:
        """Test the documents of some corpora against those of others."""
        parts = []
        for number, (cells, sums, _) in enumerate(self.blocks):
            draw = np.random.default_rng([seed, number])
            own = np.flatnonzero(np.isin(cells.corpus, [*first, *second]))
            part = _pair(cells, sums, own)
            observed = np.isin(cells.corpus[own], [*first]).astype(np.float64)
            sides = np.column_stack([observed, _permuted(observed, cells.moves[own], permutations, draw)])
            parts.append((part.values(sides), part.resampled(observed, cells.moves[own], resamples, draw)))
        values = np.mean([values for values, _ in parts], axis=0)
        return Tested(values[:, 0], values[:, 1:], np.mean([resampled for _, resampled in parts], axis=0))

    def fewest(self, first: Collection[int], second: Collection[int]) -> int:
        """Tell how many cells the smaller side has: what an interval rests on."""
        sides = [
            sum(int((c.moves & np.isin(c.corpus, [*side])).sum()) for c, _, _ in self.blocks)
            for side in (first, second)
        ]
        return min(sides)

    def halves(self, corpus: int, *, splits: int, seed: int) -> Floats:
        """Give the values between random halves of one corpus, shape (K, splits)."""
        parts = []
        for number, (cells, sums, _) in enumerate(self.blocks):
            draw = np.random.default_rng([seed, number])
            own = np.flatnonzero((cells.corpus == corpus) & cells.moves)
            half = (np.arange(len(own)) < len(own) // 2).astype(np.float64)
            part = _pair(cells, sums, own)
            parts.append(part.values(_permuted(half, np.ones(len(own), bool), splits, draw)))
        return np.asarray(np.mean(parts, axis=0))

    def witness(self, first: Collection[int], second: Collection[int]) -> Floats:
        """Give for each document its mean kernel to some corpora less that to others (Gretton et al. 2012, 2.3).

        Shape (n,); NaN for documents of neither.
        """
        found = np.full(self.count, np.nan)
        for cells, sums, rows in self.blocks:
            sides = [np.isin(cells.corpus_of_row, [*side]) for side in (first, second)]
            to = [sums.rows[:, [*side]].sum(axis=1) for side in (first, second)]
            to_first, to_second = (
                total / np.maximum(side.sum() - side, 1)  # a document isn't compared with itself
                for total, side in zip(to, sides, strict=True)
            )
            either = sides[0] | sides[1]
            found[rows[either]] = (to_first - to_second)[either]
        return found


@dataclass(frozen=True, eq=False)
class _Pair:
    """The cells of two sets of documents.

    Parameters
    ----------
    sums : ndarray of float64, shape (K, S, S)
    sizes : ndarray of float64, shape (K, S)
        How much each cell counts for each kernel: its documents, or its units.
    within : bool
        Whether pairs within a cell count. Those of documents of one unit don't.
    """

    sums: Floats
    sizes: Floats
    within: bool

    def values(self, sides: Floats) -> Floats:
        """Give the statistics for splits of the cells, shape (K, splits); `sides` (S, splits) is 1 for the first."""
        values = np.empty((len(self.sums), sides.shape[1]))
        for row, (sums, sizes) in enumerate(zip(self.sums, self.sizes, strict=True)):
            own = sizes if self.within else sizes**2  # what the pairs of a cell with itself would count
            counted = sums if self.within else _apart(sums)
            to_first, total = counted @ sides, counted.sum(axis=1)
            aa = np.einsum("sp,sp->p", sides, to_first)
            ab = total @ sides - aa
            bb = total.sum() - aa - 2 * ab
            m, left_out = sizes @ sides, own @ sides
            n, others = sizes.sum() - m, own.sum() - left_out
            values[row] = _unbiased(aa, m * m - left_out, bb, n * n - others, ab, m * n)
        return values

    def resampled(
        self, side: Floats, moves: npt.NDArray[np.bool_], resamples: int, draw: np.random.Generator
    ) -> Floats:
        """Give the statistics for cells drawn anew on each side, shape (K, resamples).

        Pairs within a cell are left out: of a cell drawn twice they would be pairs of a document with itself. The cell
        of documents left over, which is as large as many, stays as it is.
        """
        if not resamples:
            return np.empty((len(self.sums), 0))
        weights = np.zeros((2, len(side), resamples))
        for which, value in enumerate((1, 0)):
            cells = np.flatnonzero((side == value) & moves)
            weights[which, cells] = draw.multinomial(len(cells), np.full(len(cells), 1 / len(cells)), resamples).T
            weights[which, (side == value) & ~moves] = 1
        a, b = weights
        values = np.empty((len(self.sums), resamples))
        for row, (sums, sizes) in enumerate(zip(self.sums, self.sizes, strict=True)):
            pairs_a, pairs_b = ((sizes @ w) ** 2 - sizes**2 @ w**2 for w in (a, b))
            to_a, to_b = _apart(sums) @ a, _apart(sums) @ b
            aa, bb, ab = (np.einsum("sr,sr->r", x, y) for x, y in ((a, to_a), (b, to_b), (b, to_a)))
            values[row] = _unbiased(aa, pairs_a, bb, pairs_b, ab, (sizes @ a) * (sizes @ b))
        return values


def _pair(cells: Cells, sums: Sums, own: Rows) -> _Pair:
    documents, units = cells.sizes[own], np.bincount(cells.of_row, cells.weights, minlength=cells.count)[own]
    sizes = np.array([units if name.startswith("subjects") else documents for name in KERNELS])
    return _Pair(sums.cells[:, own[:, None], own], sizes, not cells.by_units)


def _apart(sums: Floats) -> Floats:
    return sums - np.diag(np.diag(sums))


def _unbiased(aa: Floats, m2: Floats, bb: Floats, n2: Floats, ab: Floats, mn: Floats) -> Floats:
    with np.errstate(invalid="ignore", divide="ignore"):  # where there is no pair, there is no value
        value: Floats = aa / m2 + bb / n2 - 2 * ab / mn
    return value


def _permuted(observed: Floats, moves: npt.NDArray[np.bool_], permutations: int, draw: np.random.Generator) -> Floats:
    """Deal the sides of the cells that move anew, shape (S, permutations)."""
    sides = np.repeat(observed[:, None], permutations, axis=1)
    moving = np.flatnonzero(moves)
    sides[moving] = draw.permuted(np.repeat(observed[moving, None], permutations, axis=1), axis=0)
    return sides


def evidence(
    vectors: Floats2d,
    of: Rows,
    units: Rows | None = None,
    *,
    seed: int,
    progress: bool = True,
    kernels: Kernels | None = None,
) -> Evidence:
    """Take the sums of which tests of any of the corpora against any others are made.

    Parameters
    ----------
    vectors : ndarray of float32, shape (n, dim)
    of : ndarray of int64, shape (n,)
        The corpus of each document, from 0.
    units : ndarray of int64, shape (n,), optional
        The unit of each document, such as the book a paragraph is of.
    kernels : Kernels, optional
        As wide as the documents' median distance if not given.
    """
    kernels = kernels or Kernels.around(median_distance(vectors, seed), _WIDER, _NARROWER)
    corpora = int(of.max()) + 1
    number = None if units is None else np.unique(units, return_inverse=True)[1]
    subjects = sorted_into_subjects(vectors, number, seed=seed)
    blocks = []
    dealt = _dealt(of, units, seed)
    with bar("comparing", len(vectors), unit="text", progress=progress) as shown:
        for rows in dealt:
            cells = cells_of(
                of[rows],
                None if units is None else units[rows],
                corpora=corpora,
                seed=seed,
                most=max(MOST // len(dealt), 128),
            )
            ordered = rows[cells.order]
            sums = kernel_sums(vectors[ordered], cells, kernels, shown)
            blocks.append((cells, _named(sums, subject_sums(subjects[:, ordered], cells)), ordered))
    return Evidence(tuple(blocks), kernels, len(vectors))


def _named(sums: Sums, subjects: Floats) -> Sums:
    """Put the sums over cells in the order of `KERNELS`."""
    gaussians = sums.cells[1:]
    cells = np.concatenate([sums.cells[:1], gaussians[_WIDER : _WIDER + 1], gaussians.mean(axis=0)[None], subjects])
    return Sums(cells, sums.rows)


def median_distance(vectors: Floats2d, seed: int) -> float:
    """Give the median squared distance between documents, of a thousand at most (Gretton et al. 2012, section 8)."""
    draw = np.random.default_rng(seed)
    few = vectors[np.sort(draw.choice(len(vectors), min(_FEW, len(vectors)), replace=False))].astype(np.float64)
    few -= few.mean(axis=0)
    squares = (few**2).sum(axis=1)
    apart = np.maximum(squares[:, None] + squares - 2 * few @ few.T, 0)[np.triu_indices(len(few), 1)]
    return float(np.median(apart)) or 1.0


def _dealt(of: Rows, units: Rows | None, seed: int) -> list[Rows]:
    """Deal documents, unit by unit and each corpus evenly, into blocks of at most about `BLOCK`.

    Each block needs documents of every corpus. Where the smallest has too few for so many blocks, no more of the larger
    ones are dealt than the blocks hold: which of many documents a few are held against matters little.
    """
    number = np.arange(len(of)) if units is None else np.unique(units, return_inverse=True)[1]
    owner = np.empty(int(number.max()) + 1, np.int64)
    owner[number] = of
    counts, sizes = np.bincount(owner), np.bincount(of)
    count = max(1, min(-(-len(of) // BLOCK), int(counts.min()) // 8))
    most = int(_cap(sizes, 2 * count * BLOCK) / sizes.max() * counts.max()) if len(of) > 2 * count * BLOCK else None
    block = np.full(len(owner), -1)
    order = np.random.default_rng(seed).permutation(len(owner))
    for corpus in range(len(counts)):
        own = order[owner[order] == corpus][:most]
        block[own] = np.arange(len(own)) % count
    return [np.flatnonzero(block[number] == one) for one in range(count)]


def _cap(sizes: Rows, most: int) -> int:
    """Give the size that corpora must not exceed, for no more than `most` documents in all."""
    ordered = np.sort(sizes)
    for place, size in enumerate(ordered):
        if ordered[:place].sum() + size * (len(ordered) - place) >= most:
            return int((most - ordered[:place].sum()) // (len(ordered) - place))
    return int(ordered[-1])
