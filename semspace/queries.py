"""The arithmetic of similarity on plain arrays: scores, exact nearest rows, diversity, recall, analogies.

Every score is higher-is-nearer. Nothing here knows the meaning of ids, files or models.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import cast

import numpy as np
import numpy.typing as npt

from semspace import checks
from semspace.checks import Names
from semspace.errors import InputError
from semspace.expressions.expression import Expression
from semspace.quantization.vectors import as_quantized
from semspace.top_rows import Excluded, TopRows
from semspace.types import ArrayXd, Bools1d, Doubles1d, Floats1d, Floats2d, Ints1d, Ints2d

METRICS = ("cosine", "dot", "euclidean")
Query = str | Floats1d | Expression  # an id or a text; a vector; or a sum of them

_SCORES_IN_MEMORY = 16_000_000  # 64 MB
_SCORES_IN_CACHE, _FEWEST_ROWS, _MOST_QUERIES = 1_048_576, 8_192, 128  # of a tile of a search
_MOST_RESULTS = 4_000_000  # that are collected at a time
_ROWS_IN_DOUBLES = 16_384  # vectors that are converted to double precision at a time
_FEW_DIGITS = 1e-7  # of the operands: with a smaller difference, fewer than 8 of double's 16 digits are left
_ROUNDING = 2e-6  # relative difference between two ways of computing the same score

# 3CosMul divides by a similarity that may be zero (Levy & Goldberg 2014, equation 4).
EPSILON = 0.001
_SMALL, _LARGE = 1e-12, 1e24  # squared lengths between which a vector is surely in order
TINY = 1e-12  # shorter than this, a vector is rounding and has no direction


def lengths(vectors: Floats2d) -> Floats1d:
    """Return the Euclidean length of each row, shape (n,)."""
    norms: Floats1d = np.sqrt(np.einsum("ij,ij->i", vectors, vectors))
    return norms


def unit(vectors: ArrayXd, *, floor: float = 0.0, out: ArrayXd | None = None) -> ArrayXd:
    """Return the rows scaled to length 1, in the precision they have.

    Parameters
    ----------
    floor : float
        Lengths below it count as `floor`, so that a row of zeros stays one.
    out : ndarray, optional
        Where the result goes; may be `vectors` itself.
    """
    # Where there is a floor, numpy's norm, which differs in the last bit: encoders have always scaled by it.
    norms = np.maximum(np.linalg.norm(vectors, axis=1), vectors.dtype.type(floor)) if floor else lengths(vectors)
    scaled: ArrayXd = np.divide(vectors, norms[:, None], out=out)
    return scaled


def title_of(query: Query) -> str:
    """Return what stands for a query in print."""
    return str(query) if isinstance(query, (str, Expression)) else "vector"


def title_of_sum(plus: Sequence[Query], minus: Sequence[Query]) -> str:
    """Return a title such as ``king + woman - man``."""
    return str(Expression.of(plus, minus))


def as_vector(query: Query, dim: int) -> Floats1d:
    """Return a query that is a vector as float32 of shape (dim,), or raise `InputError`."""
    if isinstance(name := checks.id_text(query), str):
        raise InputError(f"a query is an id, which is a string, a text or a vector; got {query!r}: give {name!r}")
    vector = np.asarray(query)
    if vector.dtype.kind not in "fiu" or vector.shape != (dim,):
        raise InputError(
            f"a query must be an id, a text or a vector of shape ({dim},); "
            f"got {type(query).__name__} of shape {vector.shape}"
        )
    with np.errstate(over="ignore"):  # a number that is too large becomes infinity, which is refused
        vector = vector.astype(np.float32)
    with np.errstate(over="ignore", invalid="ignore"):
        if _SMALL <= float(vector @ vector) <= _LARGE:
            return vector  # as nearly always, and soon seen
    if not np.isfinite(vector).all():
        raise InputError("a query vector must hold finite numbers; this one holds NaN or infinity")
    if vector.any():  # a zero vector is only wrong for a cosine
        checks.finite_rows("the vector", vector[None], ["query"])
    return vector


def as_pairs(pairs: object) -> list[tuple[Query, Query]]:
    """Return pairs as a list of tuples."""
    if isinstance(pairs, str) or not isinstance(pairs, Sequence):
        raise InputError(
            f"pairs must be a list of (first, second); got {type(pairs).__name__}: give list(zip(firsts, seconds))"
        )
    given = []
    for number, pair in enumerate(pairs):
        is_pair = type(pair) in (tuple, list) or (isinstance(pair, Sequence) and not isinstance(pair, str))
        if not is_pair or len(pair) != 2:
            raise InputError(
                f"a pair is two ids, texts or vectors; pair {number} is {str(pair)[:60]!r}: give "
                f"list(zip(firsts, seconds))"
            )
        given.append((pair[0], pair[1]))
    if not given:
        raise InputError("pairs is empty; give at least one pair")
    return given


def as_list(name: str, queries: Sequence[Query]) -> list[Query]:
    """Return a list of queries, or raise `InputError` where it is a single string or no list."""
    if isinstance(queries, str):
        raise InputError(f"{name} takes a list of queries; got one string, {queries[:40]!r}: put it in a list")
    if type(queries).__name__ in ("DataFrame", "LazyFrame", "Space"):  # whose elements are columns and ids
        kind, remedy = type(queries).__name__, "its rows as vectors: frame.to_numpy()"
        remedy = "its vectors: space.vectors" if kind == "Space" else remedy
        raise InputError(f"{name} takes a list of queries; got a {kind}: give {remedy}")
    if not isinstance(queries, Iterable):
        raise InputError(f"{name} takes a list of queries; got {type(queries).__name__}: {str(queries)[:40]!r}")
    return list(queries)


def as_examples(name: str, queries: Sequence[Query] | Query | None) -> list[Query]:
    """Return a list of queries of which there may also be one alone."""
    if queries is None:
        return []
    alone = isinstance(queries, (str, Expression)) or (isinstance(queries, np.ndarray) and queries.ndim == 1)
    return [queries] if alone else as_list(name, queries)  # type: ignore[list-item, arg-type]


def as_query(
    query: Query | Sequence[Query] | None, positive: Sequence[Query] | Query, negative: Sequence[Query] | Query
) -> Query:
    """Return a query as it is given, or else the sum of examples; a list with strings is one of positive examples."""
    added, taken = as_examples("positive", positive), as_examples("negative", negative)
    if isinstance(query, (list, tuple)) and not added and any(isinstance(one, str) for one in query):
        added, query = as_list("positive", query), None
    if (query is None) == (not added) or (query is not None and taken):
        raise InputError("give either a query, or positive= (and negative=) lists of queries")
    return cast("Query", query) if query is not None else Expression.of(added, taken)


def check_directions(vectors: Floats2d, titles: Sequence[str]) -> None:
    """Raise `InputError` where a query is the zero vector, which has no cosine to anything."""
    zero = np.flatnonzero(~vectors.any(axis=1))
    if len(zero):
        raise InputError(f"the query {titles[zero[0]]!r} is the zero vector, which has no direction; use another")


def pair_score(a: Floats1d, b: Floats1d, metric: str) -> float:
    """Return the score of two vectors."""
    x, y = a.astype(np.float64), b.astype(np.float64)
    if metric == "euclidean":
        return -float(np.linalg.norm(x - y))
    product = float(x @ y)
    return product if metric == "dot" else max(-1.0, min(1.0, product / float(np.linalg.norm(x) * np.linalg.norm(y))))


def in_range(scores: Floats1d, metric: str) -> Floats1d:
    """Return scores of a metric, of which the cosine isn't beyond [-1, 1] by rounding."""
    return scores.clip(-1, 1) if metric == "cosine" else scores


def score_blocks(vectors: Floats2d, norms: Floats1d, queries: Floats2d, metric: str) -> Iterator[Floats2d]:
    """Iterate over the scores of a few queries at a time, shape (queries, n), so that memory stays bounded."""
    step, quantized = max(1, _SCORES_IN_MEMORY // max(1, len(vectors))), as_quantized(vectors)
    for start in range(0, len(queries), step):
        block = queries[start : start + step]
        if metric == "euclidean":
            yield -_euclidean(block, vectors)
            continue
        scores = block @ vectors.T if quantized is None else quantized.products(block)
        if metric == "cosine":
            scores /= norms
            scores /= lengths(block)[:, None]
        yield scores


def _euclidean(queries: Floats2d, vectors: Floats2d) -> Floats2d:
    """Return Euclidean distances, shape (queries, n); a part of the vectors at a time."""
    mean = vectors.mean(axis=0, dtype=np.float64)
    found = np.empty((len(queries), len(vectors)), np.float32)
    for start in range(0, len(vectors), _ROWS_IN_DOUBLES):
        part = slice(start, start + _ROWS_IN_DOUBLES)
        found[:, part] = distances(queries, vectors[part], mean)
    return found


def distances(queries: Floats2d, vectors: Floats2d, mean: Doubles1d) -> Floats2d:
    """Return Euclidean distances, shape (queries, n).

    ``|x|² - 2xy + |y|²`` is a quick matrix product, which loses digits where points lie close together and far from the
    mean. So it is computed in double precision from the mean; where most digits cancel, the distance is computed from
    the differences instead.
    """
    x, y = queries - mean, vectors - mean
    sums = np.einsum("ij,ij->i", x, x)[:, None] + np.einsum("ij,ij->i", y, y)
    squares = sums - 2 * (x @ y.T)
    for row, cancelled in enumerate(squares < _FEW_DIGITS * sums):
        if cancelled.any():
            from scipy.spatial.distance import cdist  # half a second, which most searches do without

            squares[row, cancelled] = cdist(queries[row : row + 1], vectors[cancelled], "sqeuclidean")
    found: Floats2d = np.sqrt(squares).astype(np.float32)
    return found


def best_rows(
    scores: Floats1d, k: int, names: Names, skip: Sequence[int] = (), allowed: Bools1d | None = None
) -> Ints1d:
    """Return the rows of the `k` highest scores, highest first, without those to `skip` and those not `allowed`.

    Equal scores are ordered by name, so the answer depends neither on the order of rows nor on `k`.
    """
    if len(skip) or allowed is not None:
        scores = scores.copy() if allowed is None else np.where(allowed, scores, np.float32(-np.inf))
        scores[list(skip)] = -np.inf
    k = min(k, int(np.isfinite(scores).sum()) if allowed is not None else len(scores) - len(set(skip)))
    if k <= 0:
        return np.empty(0, np.int64)
    lowest = np.partition(scores, len(scores) - k)[len(scores) - k]
    candidates = np.flatnonzero(scores >= lowest)
    ordered = sorted(candidates.tolist(), key=lambda row: (-scores[row], names[row]))
    return np.array(ordered[:k], np.int64)


def nearest(
    vectors: Floats2d,
    norms: Floats1d,
    queries: Floats2d,
    k: int,
    *,
    names: Names,
    metric: str = "cosine",
    skip: Sequence[Sequence[int]] | None = None,
    allowed: Bools1d | None = None,
    local_means: Floats1d | None = None,
) -> list[tuple[Ints1d, Floats1d]]:
    """Find exactly the `k` nearest rows of each query.

    A few queries are compared with a few rows at a time, so that their scores stay in the processor's cache.

    Parameters
    ----------
    vectors : (n, dim) float32
    norms : (n,) float32, the lengths of `vectors`
    queries : (m, dim) float32
    k : number of neighbours; the result is shorter where fewer rows are allowed
    names : n strings, by which equal scores are ordered
    skip : for each query, rows to leave out
    allowed : (n,) bool, the rows that may be returned; all by default
    local_means : (n,) float32, which are subtracted from twice the scores (CSLS)

    Returns
    -------
    list of (rows, scores), one for each query, highest score first
    """
    if not len(vectors):
        return [(np.empty(0, np.int64), np.empty(0, np.float32)) for _ in queries]
    k = min(k, len(vectors))
    step = max(1, min(_MOST_QUERIES, _MOST_RESULTS // k))
    results: list[tuple[Ints1d, Floats1d]] = []
    for start in range(0, len(queries), step):
        block = queries[start : start + step]
        best, excluded = TopRows(len(block), k), Excluded((skip or ())[start : start + step], allowed)
        for first, scores in _tiles(vectors, norms, block, metric):
            if local_means is not None:
                np.multiply(scores, 2, out=scores)
                np.subtract(scores, local_means[first : first + scores.shape[1]], out=scores)
            excluded.apply(first, scores)
            best.add(first, scores)
        results += best.result(names)
    return results


def _tiles(vectors: Floats2d, norms: Floats1d, queries: Floats2d, metric: str) -> Iterator[tuple[int, Floats2d]]:
    """Iterate over the scores of all queries and a few rows at a time: the first row, and scores (queries, rows)."""
    quantized = as_quantized(vectors)
    mean = vectors.mean(axis=0, dtype=np.float64) if metric == "euclidean" else None
    width = max(_FEWEST_ROWS, _SCORES_IN_CACHE // len(queries)) if mean is None else _FEWEST_ROWS
    if metric == "cosine":
        queries = queries / lengths(queries)[:, None]
    for first in range(0, len(vectors), width):
        rows = slice(first, first + width)
        if mean is not None:
            yield first, -distances(queries, vectors[rows], mean)
            continue
        scores = queries @ vectors[rows].T if quantized is None else quantized.take(rows).products(queries)
        if metric == "cosine":
            scores /= norms[rows]
        yield first, scores


def cos_mul(sim_a: Floats1d, sim_b: Floats1d, sim_c: Floats1d) -> Floats1d:
    """Return 3CosMul scores for "a is to b as c is to ?" from cosines to a, b and c.

    Cosines are shifted to [0, 1], as in Levy & Goldberg (2014), "Linguistic Regularities in Sparse and
    Explicit Word Representations", section 6.
    """
    shift = [(1 + s) / 2 for s in (sim_a, sim_b, sim_c)]
    scores: Floats1d = shift[1] * shift[2] / (shift[0] + np.float32(EPSILON))
    return scores


def mmr(
    relevance: ArrayXd, similarity: Callable[[int], npt.ArrayLike], k: int, *, weight: float, chosen: Sequence[int] = ()
) -> list[int]:
    """Choose `k` of n items by maximal marginal relevance (Carbonell & Goldstein 1998), in the order of choice.

    The next one has the highest ``weight · relevance - (1 - weight) · similarity to the most similar one chosen``.

    Parameters
    ----------
    relevance : (n,)
    similarity : callable
        Returns the similarity of one item to all n, shape (n,).
    weight : float
        Lambda: 1 chooses by relevance alone, 0 by difference alone (after the first).
    chosen : sequence of int
        Items that are chosen in any case, and first.
    """
    chosen = list(chosen)
    available = np.ones(len(relevance), np.bool_)
    available[chosen] = False
    nearest: ArrayXd | None = None
    for item in chosen:
        nearest = np.asarray(similarity(item)) if nearest is None else np.maximum(nearest, similarity(item))
    while len(chosen) < min(k, len(relevance)):
        gain = weight * relevance - (0 if nearest is None else (1 - weight) * nearest)
        best = int(np.argmax(np.where(available, gain, -np.inf)))
        available[best] = False
        chosen.append(best)
        nearest = np.asarray(similarity(best)) if nearest is None else np.maximum(nearest, similarity(best))
    return chosen


def recalls(
    true_rows: Ints2d, rows: Ints2d, true_scores: Floats2d | None = None, scores: Floats2d | None = None
) -> Doubles1d:
    """Return for each query the share of its true neighbours that a search returned, shape (m,).

    Parameters
    ----------
    true_rows, rows : (m, k) int64
        -1 stands for none; a query without true neighbours has a recall of 1.
    true_scores, scores : (m, k) float32, optional
        With them, whatever scores as high as the last true neighbour counts as one, since equal points are
        interchangeable.
    """
    n_true = (true_rows >= 0).sum(axis=1)
    # Not each row with each true one, which takes k² bytes a query: a number stands for a row of a query.
    span = 2 + max(int(rows.max(initial=0)), int(true_rows.max(initial=0)))
    query = np.arange(len(rows))[:, None] * span
    hits = np.isin(rows + query, true_rows + query)
    if true_scores is not None and scores is not None:
        lowest = np.take_along_axis(true_scores, np.maximum(n_true - 1, 0)[:, None], axis=1)[:, 0]
        lowest = np.where(n_true > 0, lowest, 0)
        lowest = lowest - _ROUNDING * np.maximum(np.abs(lowest), np.finfo(np.float32).tiny)
        hits |= scores >= lowest[:, None]
    n_hits = ((rows >= 0) & hits).sum(axis=1)
    shares: Doubles1d = np.where(n_true > 0, np.minimum(n_hits, n_true) / np.maximum(n_true, 1), 1.0)
    return shares


def overlaps(
    vectors: Floats2d,
    norms: Floats1d,
    queries: Floats2d,
    truth: Sequence[tuple[Ints1d, Floats1d]],
    found: Sequence[tuple[Ints1d, Floats1d]],
) -> Doubles1d:
    """Return for each query the share of its true nearest rows, by cosine, that another search found, shape (m,).

    A row that is as near as the last of the true ones counts as one of them. The scores of `found` don't matter: they
    may be of other vectors.

    Parameters
    ----------
    vectors, norms : the vectors that define the true rows, and their lengths
    queries : (m, dim) float32
    truth, found : for each query rows and scores; see `nearest`
    """
    shares = np.empty(len(queries))
    for at, (query, (true_rows, true_scores), (rows, _)) in enumerate(zip(queries, truth, found, strict=True)):
        if not len(true_rows):  # the query is the only point
            shares[at] = 1.0
            continue
        scores = vectors[rows] @ query / norms[rows] / np.float32(np.linalg.norm(query))
        shares[at] = recalls(true_rows[None], rows[None], true_scores[None], scores[None])[0]
    return shares
