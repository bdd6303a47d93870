"""The arithmetic of similarity on plain arrays: scores, exact nearest rows, analogies.

Every score is higher-is-nearer. Nothing here knows ids' meaning, files or models.
"""

from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt

from semspace.checks import Names
from semspace.types import Floats1d, Floats2d

METRICS = ("cosine", "dot", "euclidean")
Rows = npt.NDArray[np.int64]
_CELLS = 16_000_000  # scores held at a time: 64 MB
_PART = 16_384  # vectors in double precision at a time

# 3CosMul divides by a similarity that may be zero (Levy & Goldberg 2014, equation 4).
EPSILON = 0.001


def lengths(vectors: Floats2d) -> Floats1d:
    """Return the Euclidean length of each row, shape (n,)."""
    sizes: Floats1d = np.sqrt(np.einsum("ij,ij->i", vectors, vectors))
    return sizes


def unit(vectors: Floats2d) -> Floats2d:
    """Return the rows scaled to length 1."""
    scaled: Floats2d = vectors / lengths(vectors)[:, None]
    return scaled


def pair_score(a: Floats1d, b: Floats1d, metric: str) -> float:
    """Return the score of two vectors."""
    x, y = a.astype(np.float64), b.astype(np.float64)
    if metric == "euclidean":
        return -float(np.linalg.norm(x - y))
    product = float(x @ y)
    return product if metric == "dot" else product / float(np.linalg.norm(x) * np.linalg.norm(y))


def score_blocks(vectors: Floats2d, sizes: Floats1d, queries: Floats2d, metric: str) -> Iterator[Floats2d]:
    """Yield scores of a few queries at a time, shape (queries, n), so that memory stays bounded."""
    step = max(1, _CELLS // max(1, len(vectors)))
    for start in range(0, len(queries), step):
        block = queries[start : start + step]
        if metric == "euclidean":
            yield -_apart(block, vectors)
            continue
        scores = block @ vectors.T
        if metric == "cosine":
            scores /= sizes
            scores /= lengths(block)[:, None]
        yield scores


def _apart(queries: Floats2d, vectors: Floats2d) -> Floats2d:
    """Return Euclidean distances, shape (queries, n).

    |x|² - 2xy + |y|² is a matrix product, and quick; it loses digits where points lie close together and far from the
    middle. So it is taken from the middle and in double precision, and what has lost too many digits comes from the
    differences.
    """
    middle = vectors.mean(axis=0, dtype=np.float64)
    x = queries - middle
    far = np.empty((len(queries), len(vectors)), np.float32)
    for start in range(0, len(vectors), _PART):
        part = vectors[start : start + _PART]
        y = part - middle
        sizes = np.einsum("ij,ij->i", x, x)[:, None] + np.einsum("ij,ij->i", y, y)
        squares = sizes - 2 * (x @ y.T)
        for row, lost in enumerate(squares < 1e-7 * sizes):  # of double's 16 digits, fewer than 8 would be left
            if lost.any():
                from scipy.spatial.distance import cdist  # half a second, which most searches do without

                squares[row, lost] = cdist(queries[row : row + 1], part[lost], "sqeuclidean")
        np.sqrt(squares, out=far[:, start : start + _PART], casting="same_kind")
    return far


def best_rows(
    scores: Floats1d, k: int, names: Names, skip: Sequence[int] = (), allowed: npt.NDArray[np.bool_] | None = None
) -> Rows:
    """Return the rows of the `k` highest scores, highest first, leaving out `skip` and what isn't `allowed`.

    Equal scores go by name, so the answer depends neither on the order of rows nor on `k`.
    """
    if len(skip) or allowed is not None:
        scores = scores.copy() if allowed is None else np.where(allowed, scores, np.float32(-np.inf))
        scores[list(skip)] = -np.inf
    k = min(k, int(np.isfinite(scores).sum()) if allowed is not None else len(scores) - len(set(skip)))
    if k <= 0:
        return np.empty(0, np.int64)
    least = np.partition(scores, len(scores) - k)[len(scores) - k]
    candidates = np.flatnonzero(scores >= least)
    ordered = sorted(candidates.tolist(), key=lambda row: (-scores[row], names[row]))
    return np.array(ordered[:k], np.int64)


def nearest(
    vectors: Floats2d,
    sizes: Floats1d,
    queries: Floats2d,
    k: int,
    *,
    names: Names,
    metric: str = "cosine",
    skip: Sequence[Sequence[int]] | None = None,
    allowed: npt.NDArray[np.bool_] | None = None,
) -> list[tuple[Rows, Floats1d]]:
    """Find exactly the `k` nearest rows of each query.

    Parameters
    ----------
    vectors : (n, dim) float32
    sizes : (n,) float32, the lengths of `vectors`
    queries : (m, dim) float32
    k : how many; fewer come back where there aren't as many rows
    names : n strings that decide between equal scores
    skip : for each query, rows that mayn't come back
    allowed : (n,) bool, the rows that may come back; all by default

    Returns
    -------
    list of (rows, scores), one for each query, highest score first
    """
    found = []
    blocks = score_blocks(vectors, sizes, queries, metric)
    for query, scores in enumerate(row for block in blocks for row in block):
        rows = best_rows(scores, k, names, skip[query] if skip else (), allowed)
        found.append((rows, scores[rows]))
    return found


def cos_mul(sim_a: Floats1d, sim_b: Floats1d, sim_c: Floats1d) -> Floats1d:
    """Return 3CosMul scores for "a is to b as c is to ?" from cosines to a, b and c.

    Cosines are shifted to [0, 1], as in Levy & Goldberg (2014), "Linguistic Regularities in Sparse and
    Explicit Word Representations", section 6.
    """
    shift = [(1 + s) / 2 for s in (sim_a, sim_b, sim_c)]
    scores: Floats1d = shift[1] * shift[2] / (shift[0] + np.float32(EPSILON))
    return scores
