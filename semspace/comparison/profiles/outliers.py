"""Outliers: documents that are far from their nearest neighbours in their own corpus."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

from semspace import queries
from semspace.kernels.compiling import compiled_strictly
from semspace.progress import bar
from semspace.types import Doubles1d, Floats2d, Ints1d

_NEIGHBORS = 10
_MIN_DOCUMENTS = 20  # of a corpus in which outliers are looked for
_SAMPLE = 2_000  # documents from which the typical distance is estimated
_REFERENCES = 40_000  # documents among which neighbours are searched
_BLOCK_SIDE = 4_096  # rows and columns of a block of cosines: 64 MB
# Quantiles of a normal distribution, in standard deviations: 99 % and 90 %.
_LIMIT, _NINTH_DECILE = 2.326, 1.282
SCHEMA = {"row": pl.Int64, "corpus": pl.Int64, "distance": pl.Float64, "limit": pl.Float64, "excess": pl.Float64}


@dataclass(frozen=True)
class TypicalDistance:
    """The typical distance of a corpus's documents from their nearest neighbours: the median, and a deviation."""

    median: float
    deviation: float

    @property
    def limit(self) -> float:
        """The distance above which a document is an outlier."""
        return self.median + _LIMIT * self.deviation


def find_outliers(
    vectors: Floats2d, corpus_ids: Ints1d, n_corpora: int, *, seed: int = 0, progress: bool = True
) -> tuple[pl.DataFrame, list[int | None]]:
    """Return the outliers of all corpora, the most extreme first, and how many each corpus has; None in one under 20.

    Columns ``row``, ``corpus`` (its number), ``distance`` (mean cosine distance to the ten nearest documents of the
    same corpus; of a corpus under 50, to a fifth of it), ``limit`` (of that corpus), and ``excess`` (how many
    deviations the distance lies above the median of its corpus).

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
    corpus_ids : ndarray of int64, shape (n,)
        The corpus of each.
    n_corpora : int
    seed : int
        For the samples.
    """
    tables, counts = [pl.DataFrame(schema=SCHEMA)], []
    with bar("outliers", len(vectors), unit="text", progress=progress) as progress_bar:
        for corpus in range(n_corpora):
            members = np.flatnonzero(corpus_ids == corpus)
            order = np.random.default_rng([seed, corpus]).permutation(len(members))
            members = members[order]
            found = _outliers(queries.unit(vectors[members])) if len(members) >= _MIN_DOCUMENTS else None
            progress_bar.update(len(members))
            counts.append(None if found is None else len(found[0]))
            if found is None:
                continue
            rows_of_outliers, distances, typical = found
            columns = {"row": members[rows_of_outliers], "distance": distances, "excess": (distances - typical.median)}
            table = pl.DataFrame(columns).with_columns(
                pl.lit(corpus, pl.Int64).alias("corpus"),
                pl.lit(typical.limit, pl.Float64).alias("limit"),
                pl.col("excess") / (typical.deviation or 1.0),
            )
            tables.append(table.select(list(SCHEMA)))
    return pl.concat(tables).sort(["excess", "row"], descending=[True, False]), counts


def typical_distance(distances: Doubles1d) -> TypicalDistance:
    """Return the typical distance, shape (m,); the largest tenth of the distances doesn't affect it.

    Examples
    --------
    >>> import numpy as np
    >>> typical_distance(np.array([1.0, 1.0, 2.0, 3.0, 100.0])).median
    2.0
    """
    median = float(np.median(distances))
    high = float(np.quantile(distances, 0.9, method="lower"))
    return TypicalDistance(median, (high - median) / _NINTH_DECILE)


def _outliers(units: Floats2d) -> tuple[Ints1d, Doubles1d, TypicalDistance]:
    """Return the outliers among unit vectors in random order, shape (n, dim): rows, distances, and the typical one."""
    n = len(units)
    k = min(_NEIGHBORS, n // 5)
    references = units[:_REFERENCES]
    first, nearness = _isolated(units, 0, min(n, _SAMPLE), references, k, np.inf)
    typical = typical_distance(1 - nearness)
    threshold = 1 - typical.limit
    rows, scores = [first], [nearness]
    for start in range(_SAMPLE, n, _BLOCK_SIDE):
        isolated, near = _isolated(units, start, min(n, start + _BLOCK_SIDE), references, k, threshold)
        rows.append(isolated)
        scores.append(near)
    all_rows, distances = np.concatenate(rows), 1 - np.concatenate(scores)
    # Equal vectors have distances that rounding alone holds apart.
    is_outlier = distances > typical.limit + 1e-6
    return all_rows[is_outlier], distances[is_outlier], typical


def _isolated(
    units: Floats2d, start: int, stop: int, references: Floats2d, k: int, threshold: float
) -> tuple[Ints1d, Doubles1d]:
    """Return rows whose mean cosine with their `k` nearest references stays under `threshold`, and that mean."""
    rows = np.arange(start, stop)
    best = np.full((len(rows), k), -2, np.float32)
    for first in range(0, len(references), _BLOCK_SIDE):
        scores = units[rows] @ references[first : first + _BLOCK_SIDE].T
        _keep_best(scores, rows - first, best)
        is_outlying = best.mean(axis=1, dtype=np.float64) < threshold
        rows, best = rows[is_outlying], best[is_outlying]
    return rows, best.mean(axis=1, dtype=np.float64)


@compiled_strictly
def _keep_best(scores: Floats2d, own_columns: Ints1d, best: Floats2d) -> None:
    """Insert higher scores into the sorted rows of `best`, shape (m, k), but not row i's at ``own_columns[i]``."""
    k = best.shape[1]
    for row in range(len(scores)):
        lowest = best[row, 0]
        for column in range(scores.shape[1]):
            score = scores[row, column]
            if score <= lowest or column == own_columns[row]:
                continue
            place = 0
            while place + 1 < k and best[row, place + 1] < score:
                best[row, place] = best[row, place + 1]
                place += 1
            best[row, place] = score
            lowest = best[row, 0]
