"""Documents that are odd in their own corpus: far even from the ten documents nearest to them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import polars as pl

from semspace import queries
from semspace.kernels.compiling import compiled_strictly
from semspace.progress import bar
from semspace.types import Floats2d

Rows = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
_NEIGHBORS = 10
_FEWEST = 20  # documents of a corpus in which one may be odd
_SAMPLE = 2_000  # documents that tell what is usual
_REFERENCES = 40_000  # documents among which neighbours are sought
_BLOCK = 4_096  # cosines of so many documents with as many others at a time: 64 MB
# Of a normal distribution one value in a hundred lies beyond the first, in standard deviations, and one in ten beyond
# the second.
_LIMIT, _TENTH = 2.326, 1.282
_SCHEMA = {"row": pl.Int64, "corpus": pl.Int64, "distance": pl.Float64, "limit": pl.Float64, "excess": pl.Float64}


@dataclass(frozen=True)
class Usual:
    """How far documents of a corpus usually lie from their nearest neighbours: the middle, and one deviation above."""

    middle: float
    deviation: float

    @property
    def limit(self) -> float:
        """Beyond it a document is an outlier."""
        return self.middle + _LIMIT * self.deviation


def outliers(
    vectors: Floats2d, of: npt.NDArray[np.int64], corpora: int, *, seed: int = 0, progress: bool = True
) -> tuple[pl.DataFrame, list[int | None]]:
    """Return the outliers of all corpora, the oddest first, and how many each corpus has; None in one under 20.

    Columns ``row``, ``corpus`` (its number), ``distance`` (mean cosine distance to the ten nearest documents of the
    same corpus; of a corpus under 50, to a fifth of it), ``limit`` (of that corpus), and ``excess`` (by how many
    deviations the distance lies above the middle of its corpus).

    The score is that of Angiulli & Pizzuti (2002). The limit lies 2.33 deviations above the median, where a deviation
    is what takes the median to the ninth decile, in a normal distribution one and a quarter: no tenth of the documents
    can move it, and how long the lower tail is doesn't matter. About one in a hundred normal points of many dimensions
    lies beyond, and of real corpora from none to two; of points in few dimensions, with a long tail, up to five. What
    is usual is known from up to 2,000 documents. Any other is dropped as soon as ten are found that are near enough,
    which is exact (Bay & Schwabacher 2003). In a corpus of more than 40,000, the neighbours are sought among a random
    40,000 (after Sugiyama & Borgwardt 2013).

    Parameters
    ----------
    vectors : ndarray of float32, shape (n, dim)
        None of them zero.
    of : ndarray of int64, shape (n,)
        The corpus of each.
    corpora : int
    seed : int
        For the samples.
    """
    tables, counts = [pl.DataFrame(schema=_SCHEMA)], []
    with bar("outliers", len(vectors), unit="text", progress=progress) as shown:
        for corpus in range(corpora):
            members = np.flatnonzero(of == corpus)
            order = np.random.default_rng([seed, corpus]).permutation(len(members))
            members = members[order]
            found = _outliers(queries.unit(vectors[members])) if len(members) >= _FEWEST else None
            shown.update(len(members))
            counts.append(None if found is None else len(found[0]))
            if found is None:
                continue
            odd, distances, usual = found
            columns = {"row": members[odd], "distance": distances, "excess": (distances - usual.middle)}
            table = pl.DataFrame(columns).with_columns(
                pl.lit(corpus, pl.Int64).alias("corpus"),
                pl.lit(usual.limit, pl.Float64).alias("limit"),
                pl.col("excess") / (usual.deviation or 1.0),
            )
            tables.append(table.select(list(_SCHEMA)))
    return pl.concat(tables).sort(["excess", "row"], descending=[True, False]), counts


def usual(distances: Floats) -> Usual:
    """Return what is usual among distances, shape (m,), however far off the largest tenth of them lies.

    Examples
    --------
    >>> import numpy as np
    >>> usual(np.array([1.0, 1.0, 2.0, 3.0, 100.0])).middle
    2.0
    """
    middle = float(np.median(distances))
    high = float(np.quantile(distances, 0.9, method="lower"))
    return Usual(middle, (high - middle) / _TENTH)


def _outliers(units: Floats2d) -> tuple[Rows, Floats, Usual]:
    """Return the outliers among unit vectors in random order, shape (n, dim): rows, distances, and what is usual."""
    n = len(units)
    k = min(_NEIGHBORS, n // 5)
    references = units[:_REFERENCES]
    first, nearness = _lonely(units, 0, min(n, _SAMPLE), references, k, np.inf)
    typical = usual(1 - nearness)
    enough = 1 - typical.limit
    rows, scores = [first], [nearness]
    for start in range(_SAMPLE, n, _BLOCK):
        alive, near = _lonely(units, start, min(n, start + _BLOCK), references, k, enough)
        rows.append(alive)
        scores.append(near)
    all_rows, distances = np.concatenate(rows), 1 - np.concatenate(scores)
    # Equal vectors have distances that rounding alone holds apart.
    odd = distances > typical.limit + 1e-6
    return all_rows[odd], distances[odd], typical


def _lonely(units: Floats2d, start: int, stop: int, references: Floats2d, k: int, enough: float) -> tuple[Rows, Floats]:
    """Return rows whose mean cosine with their `k` nearest references stays under `enough`, and that mean."""
    rows = np.arange(start, stop)
    best = np.full((len(rows), k), -2, np.float32)
    for first in range(0, len(references), _BLOCK):
        scores = units[rows] @ references[first : first + _BLOCK].T
        _keep_best(scores, rows - first, best)
        alone = best.mean(axis=1, dtype=np.float64) < enough
        rows, best = rows[alone], best[alone]
    return rows, best.mean(axis=1, dtype=np.float64)


@compiled_strictly
def _keep_best(scores: Floats2d, own: Rows, best: Floats2d) -> None:
    """Put what is higher into `best`, shape (m, k), whose rows ascend; column ``own[i]`` of row ``i`` is itself."""
    k = best.shape[1]
    for row in range(len(scores)):
        lowest = best[row, 0]
        for column in range(scores.shape[1]):
            score = scores[row, column]
            if score <= lowest or column == own[row]:
                continue
            place = 0
            while place + 1 < k and best[row, place + 1] < score:
                best[row, place] = best[row, place + 1]
                place += 1
            best[row, place] = score
            lowest = best[row, 0]
