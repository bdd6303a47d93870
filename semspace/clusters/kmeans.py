"""Spherical k-means: groups by direction, with the number of groups chosen by silhouette where none is given."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from sklearn.cluster import KMeans
from sklearn.metrics import silhouette_score

from semspace import queries
from semspace.checks import FloatMatrix
from semspace.progress import track

Labels = npt.NDArray[np.int32]
_JUDGED = 2_000  # points on which the silhouette is taken: it compares every pair


@dataclass(frozen=True)
class Grouping:
    """A label for each point, and the unit centre of each group, shape (k, dim)."""

    labels: Labels
    centers: FloatMatrix


def group(points: FloatMatrix, k: int, *, seed: int, starts: int = 5) -> Grouping:
    """Put unit points into at most `k` groups, numbered from the largest to the smallest."""
    model = KMeans(k, n_init=starts, random_state=seed).fit(points)
    centers = queries.unit(model.cluster_centers_.astype(np.float32))
    # The nearest direction decides, so that a known text is given the label it has when it comes again.
    labels = nearest_center(points, centers)
    counts = np.bincount(labels, minlength=k)
    used = np.flatnonzero(counts)
    first = np.array([np.argmax(labels == g) for g in used])
    order = used[np.lexsort((first, -counts[used]))]
    rank = np.empty(k, np.int32)
    rank[order] = np.arange(len(order), dtype=np.int32)
    return Grouping(rank[labels], centers[order])


def nearest_center(points: FloatMatrix, centers: FloatMatrix) -> Labels:
    """Return the row of the center with the highest cosine to each point."""
    nearest: Labels = (points @ centers.T).argmax(axis=1).astype(np.int32)
    return nearest


def count_distinct(points: FloatMatrix) -> int:
    """Return the number of different rows."""
    return len({row.tobytes() for row in points + np.float32(0)})  # which makes -0.0 the same as 0.0


def choose_k(points: FloatMatrix, *, seed: int, progress: bool) -> int:
    """Return the number of groups whose silhouette (Rousseeuw 1987) is highest, by cosine distance."""
    candidates = _candidates(count_distinct(points))
    if len(candidates) < 2:
        return candidates[0]
    scores = []
    for k in track(candidates, "choosing the number of groups", len(candidates), unit="try", progress=progress):
        labels = group(points, k, seed=seed, starts=2).labels
        scores.append(_silhouette(points, labels, seed))
    return candidates[int(np.argmax(scores))]


def _silhouette(points: FloatMatrix, labels: Labels, seed: int) -> float:
    """Return the mean silhouette by cosine of a sample, or the worst where there are no two groups to tell apart."""
    rows = np.random.default_rng(seed).permutation(len(points))[:_JUDGED]
    if not 1 < len(np.unique(labels[rows])) < len(rows):
        return -1.0
    return float(silhouette_score(points[rows], labels[rows], metric="cosine"))


def _candidates(distinct: int) -> list[int]:
    """Try every number up to 15, then ever fewer, with at least 25 points a group on average (4 up to 6 groups).

    Left alone, the silhouette of texts keeps rising with ever smaller groups that no reader would keep apart.
    """
    most = min(60, max(min(6, distinct // 4), distinct // 25))
    if most < 2:
        return [1]
    return [k for k in (*range(2, 16), 18, 21, 25, 30, 36, 43, 51, 60) if k <= most]
