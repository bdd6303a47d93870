"""Outliers: strange documents planted among usual ones; how well each method ranks them (area under the ROC curve).

Options: ``--seeds 3``, ``--methods lof,knn``, ``--tasks rare,one,pairs``, ``--share 0.05`` (of the documents, planted).
"""

import importlib.util
import sys
from collections.abc import Callable, Iterator
from itertools import permutations
from typing import Any

import numpy as np

from benchmarks.labelled import Documents, documents
from benchmarks.measuring import machine, table
from benchmarks.vectors import say

PAIRS = 40
TASKS = {
    "pairs": "20 Newsgroups, another group planted, 40 pairs",
    "one": "BBC, one class normal, all others planted",
    "rare": "BBC, each class in turn rare among the others",
}
PEERS = ("ECOD", "COPOD")
Score = Callable[[Any], np.ndarray]


def planted(rng: np.random.Generator, usual: np.ndarray, strange: np.ndarray, share: float) -> tuple[Any, Any]:
    """Return rows, shuffled, of all usual documents and so many strange ones that they are a share of all."""
    count = min(len(strange), max(1, round(len(usual) * share / (1 - share))))
    rows = np.concatenate([usual, rng.choice(strange, count, replace=False)])
    order = rng.permutation(len(rows))
    return rows[order], (np.arange(len(rows)) >= len(usual))[order]


def sets(task: str, docs: Documents, seed: int, share: float) -> Iterator[tuple[Any, Any]]:
    """Iterate over the vectors of each set of documents, and which are strange."""
    rng, labels = np.random.default_rng(seed), docs.labels
    if task == "pairs":
        every = list(permutations(range(docs.k), 2))
        chosen = [every[i] for i in rng.choice(len(every), PAIRS, replace=False)]
        parts = [(labels == usual, labels == strange) for usual, strange in chosen]
    else:
        parts = [
            (labels == one, labels != one) if task == "one" else (labels != one, labels == one) for one in range(docs.k)
        ]
    for usual, strange in parts:
        rows, is_strange = planted(rng, np.flatnonzero(usual), np.flatnonzero(strange), share)
        yield docs.vectors[rows], is_strange


def contenders(asked: list[str] | None, seed: int) -> dict[str, Score]:
    """Return a function of a set's vectors for each method, and for pyod's where it is installed."""
    import semspace as ss
    from semspace.anomalies.methods import METHODS

    def ours(method: str, **settings: int) -> Score:
        def score(vectors: np.ndarray) -> np.ndarray:
            space = ss.Space.from_vectors(range(len(vectors)), vectors)
            return ss.outliers(space, method=method, share=1e-6, seed=seed, progress=False, **settings).scores

        return score

    every: dict[str, Score] = {method: ours(method) for method in METHODS}
    every |= {"lof(100)": ours("lof", k=100)}
    if importlib.util.find_spec("pyod"):
        every |= {f"pyod {name}": _pyod(name) for name in PEERS}
    return {name: score for name, score in every.items() if asked is None or name in asked}


def _pyod(name: str) -> Score:
    def score(vectors: np.ndarray) -> np.ndarray:
        module = importlib.import_module(f"pyod.models.{name.lower()}")
        return np.asarray(getattr(module, name)().fit(vectors).decision_scores_)

    return score


def main(options: list[str] | None = None) -> None:
    from sklearn.metrics import roc_auc_score

    given = dict(zip((options or [])[::2], (options or [])[1::2], strict=True))
    asked = given["--methods"].split(",") if "--methods" in given else None
    share, seeds = float(given.get("--share", 0.05)), int(given.get("--seeds", 3))
    tasks = given.get("--tasks", ",".join(TASKS)).split(",")
    print(f"{machine('scikit-learn')}; planted: {share:.0%}; area under the ROC curve, mean (lowest set)\n")
    found: dict[str, dict[str, list[float]]] = {task: {} for task in tasks}
    for task in tasks:
        docs = documents("whole_newsgroups" if task == "pairs" else "bbc")
        for seed in range(seeds):
            for number, (vectors, is_strange) in enumerate(sets(task, docs, seed, share)):
                for name, score in contenders(asked, seed).items():
                    found[task].setdefault(name, []).append(float(roc_auc_score(is_strange, score(vectors))))
                say(
                    f"{task}, seed {seed}, set {number}: "
                    + ", ".join(f"{n} {v[-1]:.3f}" for n, v in found[task].items())
                )
    rows = [
        [name, *(f"{np.mean(found[task][name]):.3f} ({min(found[task][name]):.3f})" for task in tasks)]
        for name in found[tasks[0]]
    ]
    print(table(["method", *(TASKS[task] for task in tasks)], rows))


if __name__ == "__main__":
    main(sys.argv[1:])
