"""Exchange blocks of a permutation test: documents that change sides together."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from semspace.types import Bools1d, Doubles1d, Ints1d

MAX_BLOCKS = 1_024  # blocks that are permuted
_MIN_BLOCKS = 32  # of a corpus with enough documents


@dataclass(frozen=True, eq=False)
class ExchangeBlocks:
    """Sets of documents of one corpus that change sides together.

    Of few documents, each is a block. If a corpus consists of units (the books that paragraphs are of), each unit is
    one. Many documents are assigned to blocks of equal size at random: permuting blocks means fewer permutations of
    documents, with which a test is still exact, and nearly as powerful with hundreds of blocks (Domingo-Enrich, Dwivedi
    & Mackey 2025, "Cheap permutation testing"). Leftover documents keep their place in every permutation, and the test
    is still exact: any group of permutations will do.

    Parameters
    ----------
    order : ndarray of int64, shape (n,)
        The documents, block after block, those of the first corpus first.
    of_row : ndarray of int64, shape (n,)
        The block of each document in this order.
    corpus : ndarray of int64, shape (S,)
        The corpus of each block.
    moves : ndarray of bool, shape (S,)
        Which blocks are permuted: all but those of leftover documents.
    corpora : int
        The number of corpora.
    weights : ndarray of float64, shape (n,)
        One over the size of each document's unit, in this order; 1 without units.
    """

    order: Ints1d
    of_row: Ints1d
    corpus: Ints1d
    moves: Bools1d
    corpora: int
    weights: Doubles1d

    @property
    def count(self) -> int:
        """The number of blocks."""
        return len(self.corpus)

    @property
    def by_units(self) -> bool:
        """Whether documents form units, whose pairs of documents aren't counted."""
        return bool((self.weights < 1).any())

    @cached_property
    def sizes(self) -> Doubles1d:
        """The number of documents of each block, shape (S,)."""
        return np.bincount(self.of_row, minlength=self.count).astype(np.float64)

    @cached_property
    def corpus_of_row(self) -> Ints1d:
        """The corpus of each document, in the order of blocks."""
        return self.corpus[self.of_row]


def exchange_blocks(
    corpus_ids: Ints1d, units: Ints1d | None, *, corpora: int, seed: int, max_blocks: int = MAX_BLOCKS
) -> ExchangeBlocks:
    """Assign documents to exchange blocks.

    Parameters
    ----------
    corpus_ids : ndarray of int64, shape (n,)
        The corpus of each document.
    units : ndarray of int64, shape (n,), optional
        The unit of each; no unit is in two corpora.
    max_blocks : int
        If there are more units, several of them form a block.
    """
    rng = np.random.default_rng(seed)
    unit_ids = np.arange(len(corpus_ids)) if units is None else np.unique(units, return_inverse=True)[1]
    unit_corpora = np.empty(int(unit_ids.max()) + 1, np.int64)
    unit_corpora[unit_ids] = corpus_ids
    counts = np.bincount(unit_corpora, minlength=corpora)
    per_block = units_per_block(len(unit_corpora), int(counts.min()), max_blocks)
    block = np.empty(len(unit_corpora), np.int64)
    block_corpora: list[int] = []
    moves: list[bool] = []
    for corpus in range(corpora):
        units_of_corpus = rng.permutation(np.flatnonzero(unit_corpora == corpus))
        # If a small corpus keeps blocks small, a large one has more documents than fit into its share of blocks.
        n_full = min(
            len(units_of_corpus) // per_block,
            max(max_blocks * len(units_of_corpus) // len(unit_corpora), _MIN_BLOCKS),
        )
        block[units_of_corpus[: n_full * per_block]] = len(block_corpora) + np.arange(n_full * per_block) // per_block
        block_corpora += [corpus] * n_full
        moves += [True] * n_full
        if n_full * per_block < len(units_of_corpus):
            block[units_of_corpus[n_full * per_block :]] = len(block_corpora)
            block_corpora.append(corpus)
            moves.append(False)
    of_row = block[unit_ids]
    order = np.argsort(of_row, kind="stable")
    weights = 1 / np.bincount(unit_ids)[unit_ids[order]]
    return ExchangeBlocks(order, of_row[order], np.array(block_corpora), np.array(moves), corpora, weights)


def units_per_block(n_units: int, smallest: int, max_blocks: int) -> int:
    """Return how many of `n_units` units form a block, if the smallest corpus has `smallest` of them."""
    return min(-(-n_units // max_blocks), max(1, smallest // _MIN_BLOCKS))
