"""`tradeoff`: ways of making a space smaller, each measured on the same held-out queries."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from semspace import checks, queries
from semspace.errors import InputError
from semspace.latent.compression.rescoring import Found, candidates, rescored
from semspace.latent.compression.table import Tradeoff, TradeoffRow
from semspace.latent.compression.ways import FittedWay, Way, as_ways
from semspace.progress import track
from semspace.space import Space
from semspace.space_arguments import need_space
from semspace.types import Floats2d

_HELD_OUT, _HELD_OUT_SHARE = 500, 0.1
_TIMED = 30  # single queries, of which the quickest is the speed
_SAMPLE = 20_000  # points over which the variance is taken
_LEAST = 20  # points


class SpaceEvaluator(Protocol):
    """A task of `semspace.evaluation`, or of your own."""

    @property
    def name(self) -> str:
        """The name of the task."""

    def score(self, thing: Any) -> Any:
        """Score a space; the result has a ``value``."""


def tradeoff(
    space: Space,
    ways: Sequence[Any] | None = None,
    *,
    queries: npt.ArrayLike | None = None,
    k: int = 10,
    oversampling: int = 10,
    evaluator: SpaceEvaluator | None = None,
    seed: int = 0,
    progress: bool = True,
) -> Tradeoff:
    """Compare ways of making a space smaller: bytes of a point against what is kept.

    Each way is fitted to the points, and searched with the same queries, which it hasn't seen.

    Parameters
    ----------
    space : Space
    ways : list, optional
        Precisions (``"float16"``, ``"int8"``, ``"binary"``, ``"product"``: see `Space.quantize`), trainers of latent
        models (``ss.latent.PCA(64)``), and pairs of both (``(ss.latent.PCA(96), "int8")``). By default all precisions,
        `PCA` and `Truncation` to a half, a quarter, an eighth and a sixteenth of the dimensions, and the first two of
        PCA in int8. The full vectors are always the first row.
    queries : array-like, shape (m, dim), optional
        Vectors that aren't points of the space. By default up to 500 points, at most a tenth, are held out.
    k : int
        Number of neighbours that the overlap is of.
    oversampling : int
        How many times `k` candidates are ordered by the full vectors.
    evaluator : optional
        A task of `semspace.evaluation`, such as ``WordPairs`` for words, or ``STS`` for a space with an encoder; each
        small space is scored on it.
    seed : int
        For the choice of the points held out.
    progress : bool

    Returns
    -------
    Tradeoff
        The times in it are measured on this machine; all else comes out again.

    Raises
    ------
    InputError
        If a way isn't one, or the space has fewer than 20 points.

    Examples
    --------
    >>> import numpy as np, semspace as ss
    >>> vectors = np.random.default_rng(0).normal(size=(200, 16))
    >>> space = ss.Space.from_vectors(range(200), vectors)
    >>> found = ss.latent.tradeoff(space, ["int8", ss.latent.PCA(4)], progress=False)
    >>> [(row.way, row.bytes) for row in found]
    [('float32', 64.0), ('int8', 16.0), ('PCA 4', 16.0)]
    """
    checks.whole("k", k)
    checks.whole("oversampling", oversampling)
    checks.flag("progress", progress)
    need_space("tradeoff", space)
    if evaluator is not None and not callable(getattr(evaluator, "score", None)):
        raise InputError(f"evaluator must be a task of semspace.evaluation; got {type(evaluator).__name__}")
    chosen, full = as_ways(ways, space.dim), space.quantize("float32")
    points, asked = _divided(full, queries, checks.seed(seed))
    if k >= len(points):
        raise InputError(f"k must be less than the {len(points):,} points that are searched; got {k}")
    for way in chosen:
        if way.trainer is not None:
            way.trainer._check(points)
    truth = candidates(points, asked, k)
    rows = []
    for way in track(chosen, "comparing ways", len(chosen), unit="way", progress=progress):
        fitted = way.fit(points)
        score = None if evaluator is None else float(evaluator.score(fitted.small(full)).value)
        rows.append(_row(way, fitted, points, asked, truth, k, oversampling, score))
    task = "" if evaluator is None else str(evaluator.name)
    return Tradeoff(tuple(rows), len(points), len(asked), k, oversampling, task)


def _divided(space: Space, given: npt.ArrayLike | None, seed: int) -> tuple[Space, Floats2d]:
    """Return the points that are searched, and the vectors that are searched for."""
    if len(space) < _LEAST:
        raise InputError(f"tradeoff needs at least {_LEAST} points, to hold some out; the space has {len(space)}")
    if given is not None:
        vectors = checks.matrix("queries", given, dim=space.dim)
        if not len(vectors):
            raise InputError("queries is empty; give at least one vector, or leave it out")
        checks.finite_rows("the query", vectors, None)
        return space, vectors
    count = min(_HELD_OUT, int(len(space) * _HELD_OUT_SHARE))
    order = np.random.default_rng(seed).permutation(len(space))
    kept, held = np.sort(order[count:]), np.sort(order[:count])
    return Space(space.ids[kept], space.vectors[kept], None, space.encoder, space.provenance), space.vectors[held]


def _row(
    way: Way,
    fitted: FittedWay,
    points: Space,
    asked: Floats2d,
    truth: Found,
    k: int,
    oversampling: int,
    score: float | None,
) -> TradeoffRow:
    small, narrow = fitted.small(points), fitted.queries(asked)
    near = candidates(small, narrow, k * oversampling)
    alone = [(rows[:k], scores[:k]) for rows, scores in near]
    overlap, again = (
        float(queries.overlaps(points.vectors, points.norms, asked, truth, found).mean())
        for found in (alone, rescored(points, asked, near, k))
    )
    size = small.nbytes / len(small)
    return TradeoffRow(
        way.name, small.dim, size, points.nbytes / small.nbytes, _variance_kept(fitted, points.vectors), overlap, again,
        score, _speed(small, narrow, k), small.nbytes / 1e6,
    )  # fmt: skip


def _variance_kept(fitted: FittedWay, vectors: Floats2d) -> float:
    """Return the share of the variance that decoded vectors explain."""
    sample = np.asarray(vectors[:: max(1, len(vectors) // _SAMPLE)])
    total = float(np.square(sample - sample.mean(axis=0), dtype=np.float64).sum())
    lost = float(np.square(sample - fitted.reconstruct(sample), dtype=np.float64).sum())
    return 1 - lost / total if total else float(lost == 0)


def _speed(small: Space, narrow: Floats2d, k: int) -> float:
    """Return how many single queries a second are answered."""
    seconds = []
    for row in range(min(_TIMED, len(narrow)) + 1):  # the first one, which may compile a kernel, doesn't count
        start = time.perf_counter()
        candidates(small, narrow[row % len(narrow)][None], k)
        seconds.append(time.perf_counter() - start)
    return 1 / max(min(seconds[1:]), 1e-9)  # the quickest: what other processes take away isn't the way's
