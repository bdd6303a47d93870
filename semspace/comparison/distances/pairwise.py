"""Several corpora: how far each is from each, which of these distances are more than chance, and where each lies."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import numpy.typing as npt
import polars as pl
from scipy.cluster.hierarchy import linkage
from scipy.spatial.distance import squareform

from semspace import checks
from semspace.comparison.distances.estimate import OF_KERNELS, interval_of
from semspace.comparison.distances.two_sample import KERNELS, Evidence
from semspace.comparison.samples import Samples
from semspace.progress import track
from semspace.statistics import q_values

Floats = npt.NDArray[np.float64]
_SPLITS_A_PAIR = 20  # for each pair: or one pair that differs among many could never be sure of it


def distances_of_pairs(
    samples: Samples, found: Evidence, *, permutations: int, resamples: int, seed: int, progress: bool
) -> pl.DataFrame:
    """Return a row for each two corpora and each distance, nearest first.

    Columns ``distance``, ``a``, ``b`` (names), ``value``, its 95 % interval ``low`` and ``high``, ``by_chance``,
    ``p_value``, ``p_of_all`` (of all kernels together) and ``q_value`` (false discovery rate of ``p_of_all`` over all
    pairs, Benjamini & Hochberg 1995).
    """
    pairs = list(combinations(range(samples.corpora), 2))
    permutations = max(permutations, _SPLITS_A_PAIR * len(pairs))
    rows, p_of_all = [], []
    for a, b in track(pairs, "testing pairs", len(pairs), unit="pair", progress=progress):
        tested = found.test([a], [b], permutations=permutations, resamples=resamples, seed=seed)
        fewest = found.fewest([a], [b])
        p_of_all.append(tested.p_of_all)
        for name in OF_KERNELS:
            at = KERNELS.index(name)
            value = float(tested.values[at])
            low, high = interval_of(value, tested.resampled[at], fewest)
            chance = float(np.quantile(tested.permuted[at], 0.95))
            rows.append((name, samples.names[a], samples.names[b], value, low, high, chance, tested.p_value(name)))
    columns = ["distance", "a", "b", "value", "low", "high", "by_chance", "p_value"]
    q = q_values(p_of_all)
    return (
        pl.DataFrame(rows, schema=columns, orient="row")
        .with_columns(
            pl.Series("p_of_all", np.repeat(p_of_all, len(OF_KERNELS))),
            pl.Series("q_value", np.repeat(q, len(OF_KERNELS))),
        )
        .sort(["distance", "value", "a", "b"])
    )


def matrix_of(pairs: pl.DataFrame, names: tuple[str, ...], distance: str, column: str) -> Floats:
    """Lay a column of the table of pairs out as a matrix, shape (C, C), with NaN on the diagonal."""
    checks.choice("distance", distance, OF_KERNELS)
    place = {name: number for number, name in enumerate(names)}
    laid = np.full((len(names), len(names)), np.nan)
    for a, b, value in pairs.filter(pl.col("distance") == distance).select("a", "b", column).iter_rows():
        laid[place[a], place[b]] = laid[place[b], place[a]] = value
    return laid


def tree_of(matrix: Floats) -> Floats:
    """Merge the nearest corpora first, by average linkage, as SciPy's `linkage` writes it; for squared distances."""
    apart = np.sqrt(np.maximum(np.nan_to_num(matrix), 0))
    merges: Floats = linkage(squareform(apart, checks=False), method="average", optimal_ordering=True)
    return merges


def places_of(matrix: Floats) -> tuple[Floats, float]:
    """Lay corpora out in the plane, shape (C, 2), by classical scaling (Torgerson 1952) of squared distances.

    Returns
    -------
    places : ndarray of float64, shape (C, 2)
    kept : float
        Share of the first two of all directions in which corpora differ.
    """
    squared = np.maximum(np.nan_to_num(matrix), 0)
    middle = np.eye(len(squared)) - 1 / len(squared)
    values, directions = np.linalg.eigh(-middle @ squared @ middle / 2)
    values = np.maximum(values[::-1], 0)
    places = directions[:, ::-1][:, :2] * np.sqrt(values[:2])
    signs = np.sign(places[np.abs(places).argmax(axis=0), np.arange(2)])  # of two mirrored layouts, always the same
    return places * np.where(signs == 0, 1, signs), float(values[:2].sum() / max(values.sum(), 1e-30))
