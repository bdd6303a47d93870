"""How many of the true neighbours a bridge keeps, measured with pairs that it wasn't fitted to."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from semspace.statistics import Z95
from semspace.types import Doubles1d, Floats2d, Ints1d

K = 10
_QUERIES = 1_000  # pairs that are searched with
_BLOCK = 250  # queries at a time
_HALVINGS = 3


@dataclass(frozen=True)
class KeptRecall:
    """Share of the true ten nearest that are found through a bridge, with its 95 % interval.

    Parameters
    ----------
    value, low, high : float
        In [0, 1].
    n_documents : int
        Number of documents among which was searched.
    slope : float
        Change of `value` when the number of documents doubles.
    """

    value: float
    low: float
    high: float
    n_documents: int
    slope: float

    def at(self, n_documents: int) -> KeptRecall:
        """Return what is to be expected among another number of documents of the same kind."""
        change = self.slope * np.log2(n_documents / self.n_documents)
        value, low, high = (float(np.clip(one + change, 0, 1)) for one in (self.value, self.low, self.high))
        return KeptRecall(value, low, high, n_documents, self.slope)

    def __str__(self) -> str:
        return f"{self.value:.3f} [{self.low:.3f}, {self.high:.3f}] among {self.n_documents:,}"


def kept_recall(
    queries: Floats2d, documents: Floats2d, true: Floats2d, rows: Ints1d, *, trend: bool = True
) -> KeptRecall:
    """Measure the share of the true ten nearest that are found.

    Parameters
    ----------
    queries, documents : ndarray of float32, shape (n, dim)
        Unit vectors of the same texts, as queries and as what is searched; one of them, or both, came by the bridge.
    true : ndarray of float32, shape (n, dim)
        Unit vectors of the texts by the encoder itself, as queries and documents.
    rows : ndarray of int64, shape (m,)
        The texts that are searched with, each without itself.
    trend : bool
        Measure the slope too: among half of the documents, a quarter and an eighth.
    """
    shares = _shares(queries, documents, true, rows)
    value, error = float(shares.mean()), float(shares.std() / np.sqrt(len(shares)))
    slope = _slope(queries, documents, true, rows, value) if trend else 0.0
    low, high = max(0.0, value - Z95 * error), min(1.0, value + Z95 * error)
    return KeptRecall(value, low, high, len(documents), slope)


def query_rows(n: int, seed: int) -> Ints1d:
    """Return the rows of the texts that are searched with, in random order."""
    return np.random.default_rng([seed, n]).permutation(n)[:_QUERIES]


def _slope(queries: Floats2d, documents: Floats2d, true: Floats2d, rows: Ints1d, value: float) -> float:
    """Return the change with each doubling of the documents: the least-squares line through the halvings."""
    values, sizes = [value], [0.0]
    among = np.concatenate([rows, np.setdiff1d(np.arange(len(documents)), rows)])
    order = np.random.default_rng(0).permutation(len(among))
    for halving in range(1, _HALVINGS + 1):
        part = among[order[: len(among) >> halving]]
        if len(part) < 10 * K:
            break
        searched = np.flatnonzero(np.isin(part, rows))
        shares = _shares(queries[part], documents[part], true[part], searched)
        values.append(float(shares.mean()))
        sizes.append(float(-halving))
    return float(np.polyfit(sizes, values, 1)[0]) if len(sizes) > 1 else 0.0


def _shares(queries: Floats2d, documents: Floats2d, true: Floats2d, rows: Ints1d) -> Doubles1d:
    """Return for each query the share of its true ten nearest that are among the ten nearest found, shape (m,)."""
    k = min(K, len(documents) - 1)
    shares = np.empty(len(rows))
    for start in range(0, len(rows), _BLOCK):
        part = rows[start : start + _BLOCK]
        found = _nearest(queries[part] @ documents.T, part, k)
        wanted = _nearest(true[part] @ true.T, part, k)
        shares[start : start + _BLOCK] = (found[:, :, None] == wanted[:, None, :]).any(axis=2).mean(axis=1)
    return shares


def _nearest(scores: Floats2d, own: Ints1d, k: int) -> Ints1d:
    scores[np.arange(len(own)), own] = -np.inf
    return np.argpartition(-scores, k - 1, axis=1)[:, :k]
