"""The corpus of each document, checked, and the blocks of pairs between corpora."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from semspace import checks, queries
from semspace.errors import InputError
from semspace.types import Floats2d, Ints1d

MAX_EXACT_PAIRS = 4_000_000_000  # compared in tens of seconds; of more, an index is searched


def check_corpus_ids(corpus_ids: npt.ArrayLike, n: int) -> Ints1d:
    """Return `corpus_ids` as int64 (n,): the number of each document's corpus, 0 or more, of at least two corpora."""
    numbers = np.asarray(corpus_ids)
    if numbers.dtype.kind not in "iu" or numbers.ndim != 1:
        raise InputError(
            f"corpus_ids must be whole numbers, one for each document; got {numbers.dtype} of shape {numbers.shape}"
        )
    if len(numbers) != n:
        raise InputError(f"corpus_ids must have a number for each of the {n} documents; got {len(numbers)}")
    if n and numbers.min() < 0:
        raise InputError(f"corpus_ids must be numbers from 0; got {numbers.min()}")
    if not n or numbers.min() == numbers.max():
        raise InputError("at least two corpora must have documents to be compared")
    return numbers.astype(np.int64)


def unit_vectors(vectors: npt.ArrayLike) -> Floats2d:
    """Return the rows at length 1, or raise `InputError` that names the first one without a direction."""
    matrix = checks.matrix("vectors", vectors)
    checks.finite_rows("the vector", matrix, None)
    return queries.unit(matrix)


def corpus_sizes(corpus_ids: Ints1d, names: tuple[str, ...] | list[str]) -> Ints1d:
    """Return the number of documents of each corpus, one for each of `names`."""
    names = checks.strings("names", names)
    if len(corpus_ids) and corpus_ids.max() >= len(names):
        raise InputError(f"names must hold one for each corpus; got {len(names)} for {corpus_ids.max() + 1} corpora")
    return np.bincount(corpus_ids, minlength=len(names))


def corpus_spans(corpus_ids: Ints1d) -> tuple[Ints1d, list[tuple[int, int]]]:
    """Return the rows ordered by corpus, and the span of each corpus among them."""
    order = np.argsort(corpus_ids, kind="stable")
    ends = np.cumsum(np.bincount(corpus_ids))
    starts = np.concatenate([[0], ends[:-1]])
    return order, [(int(a), int(b)) for a, b in zip(starts, ends, strict=True) if b > a]


def block_pairs(one: tuple[int, int], other: tuple[int, int], side: int) -> Iterator[tuple[slice, slice]]:
    """Iterate over blocks of all pairs of two spans; of a span with itself, those on and above the diagonal."""
    for first in range(*one, side):
        for second in range(first if one == other else other[0], other[1], side):
            yield slice(first, min(first + side, one[1])), slice(second, min(second + side, other[1]))
