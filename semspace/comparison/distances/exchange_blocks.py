"""Which documents change sides together: the cells of a permutation test."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

Rows = npt.NDArray[np.int64]
MOST = 1_024  # cells that are permuted
_FEWEST = 32  # of a corpus that has so many documents


@dataclass(frozen=True, eq=False)
class Cells:
    """Sets of documents of one corpus, in each of which all change sides together.

    Where documents are few, each is a cell. Where a corpus consists of units (the books that paragraphs are of), each
    unit is. Of many documents equally many are drawn into each cell, by chance: to permute cells is then to permute
    documents in fewer ways, which leaves a test as sound, and nearly as strong while cells are hundreds
    (Domingo-Enrich, Dwivedi & Mackey 2025, "Cheap permutation testing"). Documents left over stay where they are in
    every permutation, which leaves it sound too: any group of permutations will do.

    Parameters
    ----------
    order : ndarray of int64, shape (n,)
        The documents, cell after cell, the first corpus's cells first.
    of_row : ndarray of int64, shape (n,)
        The cell of each document in this order.
    corpus : ndarray of int64, shape (S,)
        The corpus of each cell.
    moves : ndarray of bool, shape (S,)
        Which cells are permuted: all but those of documents left over.
    corpora : int
        How many corpora there are.
    weights : ndarray of float64, shape (n,)
        One over the size of each document's unit, in this order; 1 where there are no units.
    """

    order: Rows
    of_row: Rows
    corpus: Rows
    moves: npt.NDArray[np.bool_]
    corpora: int
    weights: npt.NDArray[np.float64]

    @property
    def count(self) -> int:
        """How many cells there are."""
        return len(self.corpus)

    @property
    def by_units(self) -> bool:
        """Whether some documents belong together, so that their pairs say nothing of the corpora."""
        return bool((self.weights < 1).any())

    @cached_property
    def sizes(self) -> npt.NDArray[np.float64]:
        """How many documents each cell holds, shape (S,)."""
        return np.bincount(self.of_row, minlength=self.count).astype(np.float64)

    @cached_property
    def corpus_of_row(self) -> Rows:
        """The corpus of each document in order."""
        return self.corpus[self.of_row]


def cells_of(of: Rows, units: Rows | None, *, corpora: int, seed: int, most: int = MOST) -> Cells:
    """Make cells of documents.

    Parameters
    ----------
    of : ndarray of int64, shape (n,)
        The corpus of each document.
    units : ndarray of int64, shape (n,), optional
        The unit of each; no unit is in two corpora.
    most : int
        Of more units, several make a cell.
    """
    draw = np.random.default_rng(seed)
    number = np.arange(len(of)) if units is None else np.unique(units, return_inverse=True)[1]
    owner = np.empty(int(number.max()) + 1, np.int64)
    owner[number] = of
    counts = np.bincount(owner, minlength=corpora)
    together = min(-(-len(owner) // most), max(1, int(counts.min()) // _FEWEST))
    cell = np.empty(len(owner), np.int64)
    kept: list[int] = []  # the corpus of each cell
    moves: list[bool] = []
    for corpus in range(corpora):
        own = draw.permutation(np.flatnonzero(owner == corpus))
        # Where a small corpus keeps cells small, a large one has more documents than its share of cells can hold.
        full = min(len(own) // together, max(most * len(own) // len(owner), _FEWEST))
        cell[own[: full * together]] = len(kept) + np.arange(full * together) // together
        kept += [corpus] * full
        moves += [True] * full
        if full * together < len(own):
            cell[own[full * together :]] = len(kept)
            kept.append(corpus)
            moves.append(False)
    of_row = cell[number]
    order = np.argsort(of_row, kind="stable")
    weights = 1 / np.bincount(number)[number[order]]
    return Cells(order, of_row[order], np.array(kept), np.array(moves), corpora, weights)
