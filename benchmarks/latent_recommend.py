"""Recommendation from a history: how each way to score documents does for one interest, and for several.

``python -m benchmarks.latent_recommend VECTORS.npy [--histories N]``: beside the vectors lies a JSON file of the same
name with ``labels``. A history has twelve documents, from one group, or in equal parts from two or three. One more
document of each group is left out and looked for.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt
from sklearn.cluster import KMeans
from sklearn.linear_model import LogisticRegression

from semspace import queries

SIZE, K, BACKGROUND = 12, 10, 1_000
Vectors = npt.NDArray[np.float32]
Score = Callable[[Vectors, Vectors], npt.NDArray[np.floating]]


def density(sharpness: float) -> Score:
    """Return the log of the mean of ``exp(sharpness · cosine)`` over the history: between its mean and its maximum."""
    return lambda points, liked: np.log(np.exp(sharpness * (points @ liked.T)).mean(axis=1)) / sharpness


def interests(n: int) -> Score:
    """Return the cosine to the nearest of `n` k-means centres of the history."""

    def score(points: Vectors, liked: Vectors) -> npt.NDArray[np.floating]:
        centres = KMeans(n, n_init=2, random_state=0).fit(liked).cluster_centers_
        return (points @ queries.unit(centres.astype(np.float32)).T).max(axis=1)

    return score


def regression(points: Vectors, liked: Vectors) -> npt.NDArray[np.floating]:
    """Return the decision of a logistic regression of the history against a thousand other documents."""
    others = points[np.random.default_rng(1).choice(len(points), BACKGROUND, replace=False)]
    rows, classes = np.concatenate([liked, others]), np.repeat([1, 0], [len(liked), len(others)])
    return LogisticRegression(class_weight="balanced", max_iter=200).fit(rows, classes).decision_function(points)


SCORES: dict[str, Score] = {
    "mean": lambda points, liked: points @ liked.mean(axis=0),
    "nearest": lambda points, liked: (points @ liked.T).max(axis=1),
    "density, 5": density(5),
    "density, 10": density(10),
    "density, 20": density(20),
    "k-means, 3": interests(3),
    "regression": regression,
}


def main(asked: list[str] | None = None) -> None:
    """Print a table for each number of interests."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.latent_recommend")
    parser.add_argument("vectors", type=Path)
    parser.add_argument("--histories", type=int, default=100)
    options = parser.parse_args(asked)
    points, labels = distinct(np.load(options.vectors), options.vectors.with_suffix(".json"))
    for centred in (False, True):
        rows = queries.unit(points - points.mean(axis=0)) if centred else points
        for n in (1, 2, 3):
            print(
                f"\n{n} interest(s), {options.histories} histories{', from the mean' if centred else ''}\n", flush=True
            )
            print("| score | precision@10 | interests found | diversity | left out in 100 | its rank, share |")
            print("| --- | --- | --- | --- | --- | --- |")
            for name, numbers in judged(rows, points, labels, n, options.histories).items():
                print(f"| {name} | {' | '.join(f'{number:.3f}' for number in numbers)} |")


def distinct(vectors: Vectors, names: Path) -> tuple[Vectors, npt.NDArray[np.str_]]:
    """Return unit vectors, each once, and their labels."""
    points = queries.unit(vectors)
    rows = np.sort(np.unique(points, axis=0, return_index=True)[1])
    return points[rows], np.array(json.loads(names.read_text(encoding="utf-8"))["labels"])[rows]


def judged(
    rows: Vectors, points: Vectors, labels: npt.NDArray[np.str_], n: int, histories: int
) -> dict[str, npt.NDArray[np.floating]]:
    """Return the means of five numbers for each score; the same histories for all."""
    rng, groups = np.random.default_rng(n), np.unique(labels)
    seen: dict[str, list[list[float]]] = {name: [] for name in SCORES}
    for _ in range(histories):
        chosen = rng.choice(groups, n, replace=False)
        picked = [rng.choice(np.flatnonzero(labels == group), SIZE // n + 1, replace=False) for group in chosen]
        history, left_out = np.concatenate([part[1:] for part in picked]), np.array([part[0] for part in picked])
        for name, score in SCORES.items():
            scores = np.array(score(rows, rows[history]), np.float64)
            scores[history] = -np.inf
            best = np.argsort(-scores)[:K]
            among = points[best] @ points[best].T
            ranks = (scores[:, None] > scores[left_out]).sum(axis=0)
            found = np.isin(labels[best], chosen)
            covered = len({*labels[best][found]}) / n
            diversity = 1 - (among.sum() - K) / (K * (K - 1))
            seen[name].append([found.mean(), covered, diversity, (ranks < 100).mean(), 1 - ranks.mean() / len(scores)])
    return {name: np.mean(values, axis=0) for name, values in seen.items()}


if __name__ == "__main__":
    main()
