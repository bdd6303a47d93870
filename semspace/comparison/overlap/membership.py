"""Which corpus each document of the union belongs to: checked once, and the blocks of pairs between corpora."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from semspace import checks, queries
from semspace.errors import InputError
from semspace.types import Floats2d

Rows = npt.NDArray[np.int64]
# All pairs of so many rows are compared in tens of seconds; beyond, an index is asked.
AFFORDABLE = 4_000_000_000


def checked(of: npt.ArrayLike, n: int) -> Rows:
    """Return `of` as int64 (n,): the number of each document's corpus, 0 or more, of at least two corpora."""
    given = np.asarray(of)
    if given.dtype.kind not in "iu" or given.ndim != 1:
        raise InputError(f"of must be whole numbers, one for each document; got {given.dtype} of shape {given.shape}")
    if len(given) != n:
        raise InputError(f"of must have a corpus for each of the {n} documents; got {len(given)}")
    if n and given.min() < 0:
        raise InputError(f"of must be numbers of corpora, from 0; got {given.min()}")
    if not n or given.min() == given.max():
        raise InputError("at least two corpora must have documents; there is nothing to compare one with")
    return given.astype(np.int64)


def directions(vectors: npt.ArrayLike) -> Floats2d:
    """Return the rows at length 1, or raise `InputError` that names the first one without a direction."""
    matrix = checks.matrix("vectors", vectors)
    checks.finite_rows("the vector", matrix, [f"document {row}" for row in range(len(matrix))])
    return queries.unit(matrix)


def counted(of: Rows, names: tuple[str, ...] | list[str]) -> Rows:
    """Count the documents of each corpus, one count for each of `names`."""
    names = checks.strings("names", names)
    if len(of) and of.max() >= len(names):
        raise InputError(f"names must hold one for each corpus; got {len(names)} for {of.max() + 1} corpora")
    return np.bincount(of, minlength=len(names))


def spans(of: Rows) -> tuple[Rows, list[tuple[int, int]]]:
    """Return the rows with those of a corpus together, and where each corpus begins and ends among them."""
    order = np.argsort(of, kind="stable")
    ends = np.cumsum(np.bincount(of))
    starts = np.concatenate([[0], ends[:-1]])
    return order, [(int(a), int(b)) for a, b in zip(starts, ends, strict=True) if b > a]


def blocks(one: tuple[int, int], other: tuple[int, int], side: int) -> Iterator[tuple[slice, slice]]:
    """Cut all pairs of two spans into blocks; of a span with itself, those on and above the diagonal."""
    for first in range(*one, side):
        for second in range(first if one == other else other[0], other[1], side):
            yield slice(first, min(first + side, one[1])), slice(second, min(second + side, other[1]))
