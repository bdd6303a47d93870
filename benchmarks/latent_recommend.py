"""Recommendation from a history: what each way to score documents finds, with dislikes and diversity beside it.

``python -m benchmarks latent_recommend [VECTORS.npy] [--part dev] [--histories N] [--seeds N]``: beside the vectors
lies a JSON file of the same name with ``labels``; by default they are those of 20 Newsgroups. A history has twelve
documents, from one group, or in equal parts from two or three. One more document of each group is left out and looked
for. With dislikes, there are six documents of the group that is most like the first. The documents of the two parts are
different ones: sharpness and weight were chosen on the part ``dev``.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.cluster import KMeans
from sklearn.linear_model import LogisticRegression

import semspace as ss
from benchmarks.labelled import documents
from semspace import queries
from semspace.index import liked_density
from semspace.index.mmr import diverse

SIZE, N_DISLIKED, K, BACKGROUND = 12, 6, 10, 1_000
COLUMNS = "precision@10 | interests found | diversity | disliked group | left out in 100 | its rank, share"
Vectors = npt.NDArray[np.float32]
Score = Callable[[Vectors, Vectors, Vectors], npt.NDArray[np.floating]]


@dataclass(frozen=True)
class LikedDocuments:
    """Rows that are liked, disliked and left out, and the groups of those liked and disliked."""

    liked: npt.NDArray[np.int64]
    disliked: npt.NDArray[np.int64]
    left_out: npt.NDArray[np.int64]
    groups: list[str]
    other: str


def density(sharpness: float, weight: float = 0.25) -> Score:
    """Return the density of the product, with other settings."""

    def soft_maximum(points: Vectors, examples: Vectors) -> npt.NDArray[np.floating]:
        return np.log(np.exp(sharpness * (points @ examples.T)).mean(axis=1)) / sharpness

    def score(points: Vectors, liked: Vectors, disliked: Vectors) -> npt.NDArray[np.floating]:
        found = soft_maximum(points, liked)
        return found - weight * soft_maximum(points, disliked) if len(disliked) and weight else found

    return score


def product(points: Vectors, liked: Vectors, disliked: Vectors) -> npt.NDArray[np.floating]:
    """Return the scores of `Index.recommend`."""
    return liked_density.LikedDensity(liked, disliked, "cosine").scores(points)


def mean(points: Vectors, liked: Vectors, disliked: Vectors) -> npt.NDArray[np.floating]:
    """Return the cosine to the mean of what is liked, less half the mean of what isn't."""
    target = liked.mean(axis=0) - (disliked.mean(axis=0) / 2 if len(disliked) else 0)
    return points @ (target / np.linalg.norm(target))


def nearest(points: Vectors, liked: Vectors, disliked: Vectors) -> npt.NDArray[np.floating]:
    """Return the cosine to the nearest liked document, less half that to the nearest disliked one."""
    found = (points @ liked.T).max(axis=1)
    return found - (points @ disliked.T).max(axis=1) / 2 if len(disliked) else found


def interests(points: Vectors, liked: Vectors, disliked: Vectors) -> npt.NDArray[np.floating]:  # noqa: ARG001
    """Return the cosine to the nearest of three k-means centres of the history."""
    centres = KMeans(3, n_init=2, random_state=0).fit(liked).cluster_centers_
    return (points @ queries.unit(centres.astype(np.float32)).T).max(axis=1)


def regression(points: Vectors, liked: Vectors, disliked: Vectors) -> npt.NDArray[np.floating]:
    """Return the decision of a logistic regression of the history against a thousand other documents."""
    others = points[np.random.default_rng(1).choice(len(points), BACKGROUND, replace=False)]
    rows = np.concatenate([liked, disliked, others])
    classes = np.repeat([1, 0], [len(liked), len(rows) - len(liked)])
    return LogisticRegression(class_weight="balanced", max_iter=200).fit(rows, classes).decision_function(points)


LIKES: dict[str, tuple[Score, float]] = {
    "mean": (mean, 0),
    "nearest": (nearest, 0),
    **{f"density, sharpness {s}": (density(s), 0) for s in (5, 10, 20)},
    "k-means, 3": (interests, 0),
    "regression": (regression, 0),
    **{f"product, diversity {d:g}": (product, d) for d in (0, 0.3, 0.5, 0.7)},
    "mean, diversity 0.5": (mean, 0.5),
}
WITH_DISLIKES: dict[str, tuple[Score, float]] = {
    "mean": (mean, 0),
    "nearest": (nearest, 0),
    **{f"density {s}, weight {w:g}": (density(s, w), 0) for s in (5, 10, 20) for w in (0, 0.25, 0.5, 0.75, 1)},
    "regression": (regression, 0),
    "product": (product, 0),
}


def main(asked: list[str] | None = None) -> None:
    """Print a table for each number of interests, without and with dislikes, and what candidates of a graph lose."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks latent_recommend")
    parser.add_argument("vectors", type=Path, nargs="?")
    parser.add_argument("--histories", type=int, default=50)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--part", choices=("dev", "test"), default="test")
    options = parser.parse_args(asked)
    points, labels = distinct(*labelled(options.vectors), options.part)
    for ways, dislikes in ((LIKES, False), (WITH_DISLIKES, True)):
        for n in (1, 2, 3):
            print(f"\n{n} interest(s){', with dislikes' if dislikes else ''}, part {options.part}\n", flush=True)
            print(f"| score | {COLUMNS} |\n| --- | --- | --- | --- | --- | --- | --- |")
            seen = [
                [
                    judged(points, labels, ways, history)
                    for history in histories(points, labels, n, options, seed, dislikes)
                ]
                for seed in range(options.seeds)
            ]
            means = np.array(seen).mean(axis=1)  # (seeds, ways, numbers)
            for at, name in enumerate(ways):
                numbers = zip(means[:, at].mean(axis=0), means[:, at].std(axis=0), strict=True)
                print(f"| {name} | {' | '.join(f'{number:.3f} ± {spread:.3f}' for number, spread in numbers)} |")
    print_loss(points, labels, options)


def labelled(path: Path | None) -> tuple[Vectors, npt.NDArray[Any]]:
    """Return vectors and the group of each."""
    if path is None:
        posts = documents("whole_newsgroups")
        return posts.vectors, posts.labels.astype(str)
    return np.load(path), np.array(json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))["labels"])


def distinct(vectors: Vectors, labels: npt.NDArray[Any], part: str) -> tuple[Vectors, npt.NDArray[np.str_]]:
    """Return unit vectors of one part of the documents, each once, and their labels."""
    points = queries.unit(vectors)
    rows = np.sort(np.unique(points, axis=0, return_index=True)[1])
    halves = np.random.default_rng(20).permutation(len(rows)) % 2
    rows = rows[halves == (part == "test")]
    return points[rows], labels[rows]


def histories(
    points: Vectors, labels: npt.NDArray[np.str_], n: int, options: argparse.Namespace, seed: int, dislikes: bool
) -> Iterator[LikedDocuments]:
    """Iterate over histories of `n` groups."""
    rng, groups = np.random.default_rng([seed, n, dislikes]), np.unique(labels)
    centres = queries.unit(np.stack([points[labels == group].mean(axis=0) for group in groups]) - points.mean(axis=0))
    for _ in range(options.histories):
        chosen = rng.choice(len(groups), n, replace=False)
        picked = [rng.choice(np.flatnonzero(labels == groups[at]), SIZE // n + 1, replace=False) for at in chosen]
        likeness = centres @ centres[chosen[0]]
        likeness[chosen] = -np.inf
        other = groups[np.argmax(likeness)]
        disliked = rng.choice(np.flatnonzero(labels == other), N_DISLIKED if dislikes else 0, replace=False)
        liked, left_out = np.concatenate([part[1:] for part in picked]), np.array([part[0] for part in picked])
        yield LikedDocuments(liked, disliked, left_out, [groups[at] for at in chosen], other)


def judged(
    points: Vectors, labels: npt.NDArray[np.str_], ways: dict[str, tuple[Score, float]], history: LikedDocuments
) -> list[list[float]]:
    """Return six numbers for each way."""
    found: list[list[float]] = []
    known: dict[Score, npt.NDArray[np.float64]] = {}
    for score, diversity in ways.values():
        if score not in known:
            known[score] = np.array(score(points, points[history.liked], points[history.disliked]), np.float64)
            known[score][np.concatenate([history.liked, history.disliked])] = -np.inf
        scores = known[score]
        best = np.argsort(-scores)[: 5 * K]
        best = best[diverse(points[best], scores[best], K, diversity)] if diversity else best[:K]
        among = points[best] @ points[best].T
        ranks = (scores[:, None] > scores[history.left_out]).sum(axis=0)
        right = np.isin(labels[best], history.groups)
        found.append([
            right.mean(),
            len({*labels[best][right]}) / len(history.groups),
            1 - (among.sum() - K) / (K * (K - 1)),
            (labels[best] == history.other).mean(),
            (ranks < 100).mean(),
            1 - ranks.mean() / len(scores),
        ])  # fmt: skip
    return found


def print_loss(points: Vectors, labels: npt.NDArray[np.str_], options: argparse.Namespace) -> None:
    """Print the share of the true ten that a graph recommends, by the number of candidates of each liked document."""
    names = np.array([f"{row:06}" for row in range(len(points))])
    index = ss.Index.build(ss.Space.from_vectors(names.tolist(), points), "hnsw", progress=False)
    chosen = liked_density.CANDIDATES
    print("\nA graph (HNSW): share of the ten best of all documents that are recommended\n")
    print("| candidates of each liked document | 1 interest | 2 | 3 |\n| --- | --- | --- | --- |")
    for times in (1, 2, 5, 10, 20):
        shares = []
        liked_density.CANDIDATES = times
        for n in (1, 2, 3):
            own = []
            for history in histories(points, labels, n, options, 0, dislikes=True):
                asked = names[history.liked].tolist(), names[history.disliked].tolist()
                true = index.recommend(*asked, K, exact=True).ids
                own.append(len({*true} & {*index.recommend(*asked, K).ids}) / K)
            shares.append(np.mean(own))
        print(f"| {times * K} | {' | '.join(f'{share:.3f}' for share in shares)} |", flush=True)
    liked_density.CANDIDATES = chosen


if __name__ == "__main__":
    main()
