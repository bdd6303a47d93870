"""Precision, recall, density and coverage of samples: which points lie in the balls around which others."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from semspace import queries
from semspace.types import Bools2d, Floats1d, Floats2d

_COPY_QUANTILE = 0.01  # of the distances of real points to their nearest training point


class Fidelity(NamedTuple):
    """Four shares and means; see `SampleQuality`."""

    precision: float
    recall: float
    density: float
    coverage: float


def fidelity(real: Floats2d, samples: Floats2d, k: int) -> Fidelity:
    """Compute precision and recall (Kynkäänniemi et al. 2019), density and coverage (Naeem et al. 2020).

    A ball reaches to the k-th nearest other point of its set, without what lies just there; its centre always belongs
    to it, also where copies leave it no radius.
    """
    of_real, of_samples = radii(real, k), radii(samples, k)
    covered, reached = np.zeros(len(real), bool), np.zeros(len(real), bool)
    in_balls, precise, start = 0, 0, 0
    for scores in queries.score_blocks(real, queries.lengths(real), samples, "euclidean"):
        distances = -scores  # of some samples to all real points
        inside = _inside(distances, of_real[None])
        in_balls += int(inside.sum())
        precise += int(inside.any(axis=1).sum())
        covered |= inside.any(axis=0)
        reached |= _inside(distances, of_samples[start : start + len(distances), None]).any(axis=0)
        start += len(distances)
    n = len(samples)
    return Fidelity(precise / n, float(reached.mean()), in_balls / (k * n), float(covered.mean()))


def radii(points: Floats2d, k: int) -> Floats1d:
    """Return the distance of each point to its k-th nearest other one, shape (n,)."""
    found, start = np.empty(len(points), np.float32), 0
    for scores in queries.score_blocks(points, queries.lengths(points), points, "euclidean"):
        rows = np.arange(len(scores))
        distances = -scores
        distances[rows, start + rows] = np.inf
        found[start : start + len(rows)] = np.partition(distances, k - 1, axis=1)[:, k - 1]
        start += len(rows)
    return found


def copied(real: Floats2d, samples: Floats2d, training: Floats2d, metric: str) -> tuple[float, float]:
    """Return the share of samples that are as near to a training point as the nearest 1 % of real points, and theirs.

    Where real points repeat training points more often than that, the distance is 0, and theirs is the larger share.
    """
    of_real, of_samples = (nearest_distances(points, training, metric) for points in (real, samples))
    near = np.quantile(of_real, _COPY_QUANTILE, method="inverted_cdf")
    return float((of_samples <= near).mean()), float((of_real <= near).mean())


def nearest_distances(points: Floats2d, others: Floats2d, metric: str) -> Floats1d:
    """Return the distance of each point to the nearest of others, shape (n,); by cosine, of vectors of length 1."""
    blocks = queries.score_blocks(others, queries.lengths(others), points, metric)
    nearest = np.concatenate([scores.argmax(axis=1) for scores in blocks])
    return queries.lengths(points - others[nearest])  # 0 for equal points, without rounding


def _inside(distances: Floats2d, reach: Floats2d) -> Bools2d:
    inside: Bools2d = (distances < reach) | (distances == 0)
    return inside
