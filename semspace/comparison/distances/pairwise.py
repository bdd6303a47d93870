"""Several corpora: the distances of all pairs with their significance, a linkage tree, and a map."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import polars as pl
from scipy.cluster.hierarchy import linkage
from scipy.spatial.distance import squareform

from semspace import checks
from semspace.comparison.distances.estimate import KERNEL_DISTANCES, bootstrap_interval
from semspace.comparison.samples import Samples
from semspace.progress import track
from semspace.statistics import q_values
from semspace.two_sample.kernel_tests import KERNELS, KernelSums
from semspace.types import Doubles2d

_PERMUTATIONS_PER_PAIR = 20  # at least, times the number of pairs: else no q-value could be small


def permutations_of_pairs(permutations: int, n_pairs: int) -> int:
    """Return how many permutations each of `n_pairs` pairs is tested with, if `permutations` are asked for."""
    return max(permutations, _PERMUTATIONS_PER_PAIR * n_pairs)


def distances_of_pairs(
    samples: Samples, kernel_sums: KernelSums, *, permutations: int, resamples: int, seed: int, progress: bool
) -> pl.DataFrame:
    """Return a row for each two corpora and each distance, nearest first.

    Columns ``distance``, ``a``, ``b`` (names), ``value``, its 95 % interval ``low`` and ``high``, ``by_chance``,
    ``p_value``, ``p_of_all`` (of all kernels together) and ``q_value`` (false discovery rate of ``p_of_all`` over all
    pairs, Benjamini & Hochberg 1995).
    """
    pairs = list(combinations(range(samples.n_corpora), 2))
    permutations = permutations_of_pairs(permutations, len(pairs))
    rows, p_of_all = [], []
    for a, b in track(pairs, "testing pairs", len(pairs), unit="pair", progress=progress):
        test = kernel_sums.test([a], [b], permutations=permutations, resamples=resamples, seed=seed)
        n_smaller = kernel_sums.smaller_side_size([a], [b])
        p_of_all.append(test.p_of_all)
        for name in KERNEL_DISTANCES:
            number = KERNELS.index(name)
            value = float(test.values[number])
            low, high = bootstrap_interval(value, test.resampled[number], n_smaller)
            by_chance = float(np.quantile(test.permuted[number], 0.95))
            rows.append((name, samples.names[a], samples.names[b], value, low, high, by_chance, test.p_value(name)))
    columns = ["distance", "a", "b", "value", "low", "high", "by_chance", "p_value"]
    q = q_values(p_of_all)
    return (
        pl.DataFrame(rows, schema=columns, orient="row")
        .with_columns(
            pl.Series("p_of_all", np.repeat(p_of_all, len(KERNEL_DISTANCES))),
            pl.Series("q_value", np.repeat(q, len(KERNEL_DISTANCES))),
        )
        .sort(["distance", "value", "a", "b"])
    )


def distance_matrix(pairs: pl.DataFrame, names: tuple[str, ...], distance: str, column: str) -> Doubles2d:
    """Return a column of the table of pairs as a matrix, shape (C, C), with NaN on the diagonal."""
    checks.choice("distance", distance, KERNEL_DISTANCES)
    positions = {name: number for number, name in enumerate(names)}
    matrix = np.full((len(names), len(names)), np.nan)
    for a, b, value in pairs.filter(pl.col("distance") == distance).select("a", "b", column).iter_rows():
        matrix[positions[a], positions[b]] = matrix[positions[b], positions[a]] = value
    return matrix


def corpus_linkage(matrix: Doubles2d) -> Doubles2d:
    """Return the average linkage of corpora with these squared distances, in the format of SciPy's `linkage`."""
    distances = np.sqrt(np.maximum(np.nan_to_num(matrix), 0))
    merges: Doubles2d = linkage(squareform(distances, checks=False), method="average", optimal_ordering=True)
    return merges


def classical_scaling(matrix: Doubles2d) -> tuple[Doubles2d, float]:
    """Return positions of corpora in the plane by classical scaling (Torgerson 1952) of squared distances.

    Returns
    -------
    positions : ndarray of float64, shape (C, 2)
    explained : float
        Share of the variance along the first two axes.
    """
    squared = np.maximum(np.nan_to_num(matrix), 0)
    centering = np.eye(len(squared)) - 1 / len(squared)
    values, directions = np.linalg.eigh(-centering @ squared @ centering / 2)
    values = np.maximum(values[::-1], 0)
    positions = directions[:, ::-1][:, :2] * np.sqrt(values[:2])
    # Of mirrored maps always the same one.
    signs = np.sign(positions[np.abs(positions).argmax(axis=0), np.arange(2)])
    return positions * np.where(signs == 0, 1, signs), float(values[:2].sum() / max(values.sum(), 1e-30))
