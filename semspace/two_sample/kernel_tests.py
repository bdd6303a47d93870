"""Kernel two-sample tests: statistics with their permutations and resamples, for any two sets of corpora.

Each is ``E k(x, x') + E k(y, y') - 2 E k(x, y)`` for a kernel ``k``, estimated without bias by leaving out the pairs of
a document with itself (Gretton et al. 2012, equation 3; Székely & Rizzo 2013). More than
`CHUNK_SIZE` documents are split into chunks at random, and the statistic is the mean over chunks (Zaremba, Gretton &
Blaschko 2013): then the time is proportional to the number of documents, not to its square.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np

from semspace.progress import bar
from semspace.two_sample.exchange_blocks import MAX_BLOCKS, ExchangeBlocks, exchange_blocks
from semspace.two_sample.pair_sums import Kernels, PairSums, sum_pairs
from semspace.two_sample.topic_counts import assign_topics, topic_sums
from semspace.types import Bools1d, Doubles1d, Doubles2d, Doubles3d, Floats2d, Ints1d

CHUNK_SIZE = 40_000  # documents whose pairs are all computed
_DOUBLINGS, _HALVINGS = 2, 2  # of the median distance, for the multi-bandwidth kernel
_MEDIAN_SAMPLE = 1_000  # documents from which the median distance is estimated
KERNELS = ("energy", "mmd", "mmd_multi", "topics8", "topics16", "topics32")


@dataclass(frozen=True, eq=False)
class PermutationTest:
    """The statistics of one permutation test of two sets of documents, for each of `KERNELS`.

    Parameters
    ----------
    values : ndarray of float64, shape (K,)
    permuted : ndarray of float64, shape (K, P)
        The null distribution: values for random permutations of both sets.
    resampled : ndarray of float64, shape (K, B)
        The values for bootstrap resamples of each set.
    """

    values: Doubles1d
    permuted: Doubles2d
    resampled: Doubles2d

    def p_value(self, kernel: str) -> float:
        """Return the share of permutations, including the observed one, that reach the value (Phipson & Smyth 2010)."""
        return float(self._tails[KERNELS.index(kernel), 0])

    @property
    def p_of_all(self) -> float:
        """The combined p-value of all kernels.

        The p-values of each permutation are combined (Cauchy combination, Liu & Xie 2020), and the observed combination
        is compared with its own null distribution: so the test is exact, and nearly as powerful as the best kernel.
        """
        combined = np.tan((0.5 - np.minimum(self._tails, 0.999)) * np.pi).sum(axis=0)
        return float((combined >= combined[0] - 1e-9 * abs(combined[0])).mean())

    @property
    def _tails(self) -> Doubles2d:
        """The p-value of each permutation, the observed one first, for each kernel, shape (K, P + 1)."""
        all_values = np.concatenate([self.values[:, None], self.permuted], axis=1)
        tails = np.empty_like(all_values)
        for row, values in enumerate(all_values):
            # The observed split with both sides exchanged has the same value, except for rounding.
            rounding = 1e-9 * np.abs(values).max() + 1e-12
            tails[row] = (len(values) - np.searchsorted(np.sort(values), values - rounding, "left")) / len(values)
        return tails


@dataclass(frozen=True, eq=False)
class KernelSums:
    """Sums of kernels over pairs of documents, from which every test is computed; see `sum_kernels`.

    Parameters
    ----------
    chunks : tuple of (ExchangeBlocks, PairSums, ndarray of int64)
        The last are the documents of the chunk in the order of its blocks.
    kernels : Kernels
    count : int
        The number of documents.
    """

    chunks: tuple[tuple[ExchangeBlocks, PairSums, Ints1d], ...]
    kernels: Kernels
    count: int

    def test(
        self, first: Collection[int], second: Collection[int], *, permutations: int, resamples: int, seed: int
    ) -> PermutationTest:
        """Test the documents of some corpora against those of others."""
        parts = []
        for number, (blocks, sums, _) in enumerate(self.chunks):
            rng = np.random.default_rng([seed, number])
            rows_of_pair = np.flatnonzero(np.isin(blocks.corpus, [*first, *second]))
            part = _pair_of_sides(blocks, sums, rows_of_pair)
            observed = np.isin(blocks.corpus[rows_of_pair], [*first]).astype(np.float64)
            sides = np.column_stack([observed, _permute(observed, blocks.moves[rows_of_pair], permutations, rng)])
            parts.append((part.values(sides), part.resampled(observed, blocks.moves[rows_of_pair], resamples, rng)))
        values = np.mean([values for values, _ in parts], axis=0)
        return PermutationTest(values[:, 0], values[:, 1:], np.mean([resampled for _, resampled in parts], axis=0))

    def smaller_side_size(self, first: Collection[int], second: Collection[int]) -> int:
        """Return the number of exchange blocks of the smaller side, on which an interval rests."""
        sides = [
            sum(int((c.moves & np.isin(c.corpus, [*side])).sum()) for c, _, _ in self.chunks)
            for side in (first, second)
        ]
        return min(sides)

    def halves(self, corpus: int, *, splits: int, seed: int) -> Doubles2d:
        """Compute the values between random halves of one corpus, shape (K, splits)."""
        parts = []
        for number, (blocks, sums, _) in enumerate(self.chunks):
            rng = np.random.default_rng([seed, number])
            rows_of_pair = np.flatnonzero((blocks.corpus == corpus) & blocks.moves)
            half = (np.arange(len(rows_of_pair)) < len(rows_of_pair) // 2).astype(np.float64)
            part = _pair_of_sides(blocks, sums, rows_of_pair)
            parts.append(part.values(_permute(half, np.ones(len(rows_of_pair), bool), splits, rng)))
        return np.asarray(np.mean(parts, axis=0))

    def witness(self, first: Collection[int], second: Collection[int]) -> Doubles1d:
        """Return each document's mean kernel with some corpora less that with others (Gretton et al. 2012, 2.3).

        Shape (n,); NaN for documents of neither.
        """
        witness = np.full(self.count, np.nan)
        for blocks, sums, rows in self.chunks:
            sides = [np.isin(blocks.corpus_of_row, [*side]) for side in (first, second)]
            to = [sums.rows[:, [*side]].sum(axis=1) for side in (first, second)]
            to_first, to_second = (
                total / np.maximum(side.sum() - side, 1)  # a document isn't compared with itself
                for total, side in zip(to, sides, strict=True)
            )
            either = sides[0] | sides[1]
            witness[rows[either]] = (to_first - to_second)[either]
        return witness


@dataclass(frozen=True, eq=False)
class _Pair:
    """The exchange blocks of two sets of documents.

    Parameters
    ----------
    sums : ndarray of float64, shape (K, S, S)
    sizes : ndarray of float64, shape (K, S)
        The weight of each block for each kernel: its documents, or its units.
    within : bool
        Whether pairs within a block count. Those of documents of one unit don't.
    """

    sums: Doubles3d
    sizes: Doubles2d
    within: bool

    def values(self, sides: Doubles2d) -> Doubles2d:
        """Return the statistics for splits of the blocks, shape (K, splits); `sides` (S, splits) is 1 for the first."""
        values = np.empty((len(self.sums), sides.shape[1]))
        for row, (sums, sizes) in enumerate(zip(self.sums, self.sizes, strict=True)):
            self_pairs = (
                sizes if self.within else sizes**2
            )  # that aren't counted: of a document, or a block, with itself
            counted = sums if self.within else _without_diagonal(sums)
            to_first, total = counted @ sides, counted.sum(axis=1)
            aa = np.einsum("sp,sp->p", sides, to_first)
            ab = total @ sides - aa
            bb = total.sum() - aa - 2 * ab
            m, left_out = sizes @ sides, self_pairs @ sides
            n, others = sizes.sum() - m, self_pairs.sum() - left_out
            values[row] = _unbiased(aa, m * m - left_out, bb, n * n - others, ab, m * n)
        return values

    def resampled(self, side: Doubles1d, moves: Bools1d, resamples: int, rng: np.random.Generator) -> Doubles2d:
        """Return the statistics for blocks resampled on each side, shape (K, resamples).

        Pairs within a block are left out: of a block drawn twice they would be pairs of a document with itself. The
        block of leftover documents, which can be larger than the others, isn't resampled.
        """
        if not resamples:
            return np.empty((len(self.sums), 0))
        weights = np.zeros((2, len(side), resamples))
        for which, value in enumerate((1, 0)):
            blocks = np.flatnonzero((side == value) & moves)
            weights[which, blocks] = rng.multinomial(len(blocks), np.full(len(blocks), 1 / len(blocks)), resamples).T
            weights[which, (side == value) & ~moves] = 1
        a, b = weights
        values = np.empty((len(self.sums), resamples))
        for row, (sums, sizes) in enumerate(zip(self.sums, self.sizes, strict=True)):
            pairs_a, pairs_b = ((sizes @ w) ** 2 - sizes**2 @ w**2 for w in (a, b))
            to_a, to_b = _without_diagonal(sums) @ a, _without_diagonal(sums) @ b
            aa, bb, ab = (np.einsum("sr,sr->r", x, y) for x, y in ((a, to_a), (b, to_b), (b, to_a)))
            values[row] = _unbiased(aa, pairs_a, bb, pairs_b, ab, (sizes @ a) * (sizes @ b))
        return values


def _pair_of_sides(blocks: ExchangeBlocks, sums: PairSums, rows_of_pair: Ints1d) -> _Pair:
    documents, units = (
        blocks.sizes[rows_of_pair],
        np.bincount(blocks.of_row, blocks.weights, minlength=blocks.count)[rows_of_pair],
    )
    sizes = np.array([units if name.startswith("topics") else documents for name in KERNELS])
    return _Pair(sums.blocks[:, rows_of_pair[:, None], rows_of_pair], sizes, not blocks.by_units)


def _without_diagonal(sums: Doubles2d) -> Doubles2d:
    return sums - np.diag(np.diag(sums))


def _unbiased(aa: Doubles1d, m2: Doubles1d, bb: Doubles1d, n2: Doubles1d, ab: Doubles1d, mn: Doubles1d) -> Doubles1d:
    with np.errstate(invalid="ignore", divide="ignore"):  # where there is no pair, there is no value
        value: Doubles1d = aa / m2 + bb / n2 - 2 * ab / mn
    return value


def _permute(observed: Doubles1d, moves: Bools1d, permutations: int, rng: np.random.Generator) -> Doubles2d:
    """Permute the sides of the blocks that move, shape (S, permutations)."""
    sides = np.repeat(observed[:, None], permutations, axis=1)
    moving = np.flatnonzero(moves)
    sides[moving] = rng.permuted(np.repeat(observed[moving, None], permutations, axis=1), axis=0)
    return sides


def sum_kernels(
    vectors: Floats2d,
    corpus_ids: Ints1d,
    units: Ints1d | None = None,
    *,
    seed: int,
    progress: bool = True,
    kernels: Kernels | None = None,
) -> KernelSums:
    """Compute the sums from which any of the corpora are tested against any others.

    Parameters
    ----------
    vectors : ndarray of float32, shape (n, dim)
    corpus_ids : ndarray of int64, shape (n,)
        The corpus of each document, from 0.
    units : ndarray of int64, shape (n,), optional
        The unit of each document, such as the book of a paragraph.
    kernels : Kernels, optional
        By default as wide as the documents' median distance.
    """
    kernels = kernels or Kernels.around(median_distance(vectors, seed), _DOUBLINGS, _HALVINGS)
    corpora = int(corpus_ids.max()) + 1
    number = None if units is None else np.unique(units, return_inverse=True)[1]
    topics = assign_topics(vectors, number, seed=seed)
    chunks = []
    chunk_rows = _split_into_chunks(corpus_ids, units, seed)
    with bar("comparing", len(vectors), unit="text", progress=progress) as progress_bar:
        for rows in chunk_rows:
            blocks = exchange_blocks(
                corpus_ids[rows],
                None if units is None else units[rows],
                corpora=corpora,
                seed=seed,
                max_blocks=max(MAX_BLOCKS // len(chunk_rows), 128),
            )
            ordered = rows[blocks.order]
            sums = sum_pairs(vectors[ordered], blocks, kernels, progress_bar)
            chunks.append((blocks, _in_order_of_kernels(sums, topic_sums(topics[:, ordered], blocks)), ordered))
    return KernelSums(tuple(chunks), kernels, len(vectors))


def _in_order_of_kernels(sums: PairSums, topics: Doubles3d) -> PairSums:
    """Return the sums over blocks in the order of `KERNELS`."""
    gaussians = sums.blocks[1:]
    blocks = np.concatenate(
        [sums.blocks[:1], gaussians[_DOUBLINGS : _DOUBLINGS + 1], gaussians.mean(axis=0)[None], topics]
    )
    return PairSums(blocks, sums.rows)


def median_distance(vectors: Floats2d, seed: int) -> float:
    """Return the median squared distance of at most a thousand documents (Gretton et al. 2012, section 8)."""
    rng = np.random.default_rng(seed)
    sample = vectors[np.sort(rng.choice(len(vectors), min(_MEDIAN_SAMPLE, len(vectors)), replace=False))].astype(
        np.float64
    )
    sample -= sample.mean(axis=0)
    squares = (sample**2).sum(axis=1)
    distances = np.maximum(squares[:, None] + squares - 2 * sample @ sample.T, 0)[np.triu_indices(len(sample), 1)]
    return float(np.median(distances)) or 1.0


def chunk_count(n_documents: int, smallest: int) -> int:
    """Return into how many chunks documents are split, if the smallest corpus has `smallest` units."""
    return max(1, min(-(-n_documents // CHUNK_SIZE), smallest // 8))


def _split_into_chunks(corpus_ids: Ints1d, units: Ints1d | None, seed: int) -> list[Ints1d]:
    """Split documents at random, unit by unit and each corpus evenly, into chunks of at most about `CHUNK_SIZE`.

    Each chunk needs documents of every corpus. If the smallest corpus has too few for that many chunks, the larger ones
    are subsampled: with which of many documents a few are compared matters little.
    """
    number = np.arange(len(corpus_ids)) if units is None else np.unique(units, return_inverse=True)[1]
    unit_corpora = np.empty(int(number.max()) + 1, np.int64)
    unit_corpora[number] = corpus_ids
    counts, sizes = np.bincount(unit_corpora), np.bincount(corpus_ids)
    count = chunk_count(len(corpus_ids), int(counts.min()))
    max_documents = (
        int(_cap(sizes, 2 * count * CHUNK_SIZE) / sizes.max() * counts.max())
        if len(corpus_ids) > 2 * count * CHUNK_SIZE
        else None
    )
    chunk = np.full(len(unit_corpora), -1)
    order = np.random.default_rng(seed).permutation(len(unit_corpora))
    for corpus in range(len(counts)):
        rows_of_pair = order[unit_corpora[order] == corpus][:max_documents]
        chunk[rows_of_pair] = np.arange(len(rows_of_pair)) % count
    return [np.flatnonzero(chunk[number] == one) for one in range(count)]


def _cap(sizes: Ints1d, max_documents: int) -> int:
    """Return the maximum size of a corpus for which all corpora together have at most `max_documents` documents."""
    ordered = np.sort(sizes)
    for rank, size in enumerate(ordered):
        if ordered[:rank].sum() + size * (len(ordered) - rank) >= max_documents:
            return int((max_documents - ordered[:rank].sum()) // (len(ordered) - rank))
    return int(ordered[-1])
