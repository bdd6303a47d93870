"""What dimensions mean: groups that people made, found by single dimensions, and names tested on unseen texts.

Half of the documents train the models and choose, for each group, the dimension (and its end) that finds it best; the
other half judges. Random directions, as many as there are features, show what choosing among so many is worth.

Options: ``--seeds 3``, ``--quick`` (BBC only, one seed), ``--dim 64`` (axes and factors), ``--sets bbc``.
"""

import sys
from typing import Any

import numpy as np

from benchmarks.labelled import Documents, documents
from benchmarks.measuring import machine, table
from benchmarks.vectors import say

RANDOM = 1_024  # directions
SPARSE = {"sparse 32, 2 active": (32, 2), "sparse 128, 4 active": (128, 4), "sparse 1024, 16 active": (1024, 16)}
SETS = {"bbc": "BBC News, 5 groups", "whole_newsgroups": "20 Newsgroups, 20 groups"}


def codes(name: str, space: Any, vectors: np.ndarray, dim: int, seed: int) -> tuple[Any, np.ndarray]:
    """Return a model trained on a space, where there is one, and the codes of vectors."""
    import semspace as ss

    if name == "vectors as they are":
        return None, vectors
    if name == "random directions":
        return None, vectors @ np.random.default_rng(seed).normal(size=(space.dim, RANDOM))
    if name in SPARSE:
        features, active = SPARSE[name]
        sparse = ss.latent.SparseAutoencoder(dim=features, active=active, epochs=20, batch_size=256, seed=seed)
        model: Any = sparse.train(space, progress=False)
    elif name == "FactorAnalysis (varimax)":
        model = ss.latent.FactorAnalysis(dim=dim, seed=seed).train(space)
    else:
        model = ss.latent.PCA(dim=dim).train(space)
    return model, model.encode(vectors)


MODELS = ("vectors as they are", "random directions", "PCA", "FactorAnalysis (varimax)", *SPARSE)


def areas(values: np.ndarray, labels: np.ndarray, k: int) -> np.ndarray:
    """Return the area under the ROC curve of each dimension for each group, shape (k, dimensions)."""
    from scipy.stats import rankdata

    ranks, groups = rankdata(values, axis=0), np.arange(k)[:, None] == labels
    inside = groups.sum(axis=1, keepdims=True)
    return (groups @ ranks - inside * (inside + 1) / 2) / (inside * (len(labels) - inside))  # type: ignore[no-any-return]


def concepts(docs: Documents, values: np.ndarray, train: np.ndarray, test: np.ndarray) -> tuple[float, float]:
    """Return how well the best dimension finds a group, mean over the groups: area, and balanced accuracy."""
    found = areas(values[train], docs.labels[train], docs.k)
    best = np.abs(found - 0.5).argmax(axis=1)
    signs = np.sign(found[np.arange(docs.k), best] - 0.5)
    judged = areas(values[test], docs.labels[test], docs.k)[np.arange(docs.k), best]
    accuracies = []
    for group in range(docs.k):
        one = signs[group] * values[:, best[group]]
        inside = docs.labels == group
        accuracies.append(balanced(one[test], inside[test], threshold(one[train], inside[train])))
    return float(np.where(signs > 0, judged, 1 - judged).mean()), float(np.mean(accuracies))


def threshold(values: np.ndarray, inside: np.ndarray) -> float:
    """Return the value above which a document is said to be in a group, with the highest balanced accuracy."""
    candidates = np.unique(np.quantile(values, np.linspace(0, 1, 201)))
    return float(max(candidates, key=lambda candidate: balanced(values, inside, candidate)))


def balanced(values: np.ndarray, inside: np.ndarray, least: float) -> float:
    said = values > least
    return float((said[inside].mean() + (~said[~inside]).mean()) / 2)


def names(docs: Documents, model: Any, rows: np.ndarray, seed: int) -> dict[str, float]:
    """Return how names of a model's dimensions fare on texts that it wasn't trained on, and exchanged at random."""
    import semspace as ss
    from semspace.clusters.document_terms import DocumentTerms
    from semspace.latent.dimension_names import divided
    from semspace.latent.name_tests import check_names

    part = docs.take(rows)
    space = ss.Space.from_vectors(part.ids, part.vectors, {"text": part.texts})
    found = ss.latent.describe_dimensions(model, space, seed=seed, progress=False)
    named = np.array([bool(terms) for terms in found.name_terms])
    _, testing = divided(space.metadata["text"], 0.5, seed)
    terms = DocumentTerms.from_texts(space.metadata["text"])
    order = np.random.default_rng(seed).permutation(np.flatnonzero(named))
    exchanged = [found.name_terms[row] for row in order]
    terms = DocumentTerms(terms.terms, terms.matrix[testing], terms.is_phrase)
    fires = found.ends.strengths(model, space.vectors)[testing][:, np.flatnonzero(named)]
    control = check_names(exchanged, terms, fires, np.full(len(order), np.nan))
    return {
        "named": float(named.sum()),
        "hold": float(found.tests.holds[named].mean()),
        "accuracy": float(np.nanmean(found.tests.accuracy[named])),
        "exchanged hold": float(control.holds.mean()),
        "exchanged accuracy": float(np.nanmean(control.accuracy)),
    }


def run(name: str, seeds: int, dim: int) -> None:
    docs = documents(name)
    measured: dict[str, list[dict[str, float]]] = {}
    import semspace as ss

    for seed in range(seeds):
        order = np.random.default_rng(seed).permutation(len(docs))
        train, test = order[: len(docs) // 2], order[len(docs) // 2 :]
        space = ss.Space.from_vectors(range(len(train)), docs.vectors[train])
        for what in MODELS:
            model, values = codes(what, space, docs.vectors, dim, seed)
            area, accuracy = concepts(docs, np.asarray(values, np.float32), train, test)
            row = {"area": area, "balanced": accuracy, "dimensions": float(values.shape[1])}
            if model is not None:
                row |= names(docs, model, test, seed)
            measured.setdefault(what, []).append(row)
            say(f"{name}, seed {seed}, {what}: " + ", ".join(f"{key} {value:.3f}" for key, value in row.items()))

    def shown(rows: list[dict[str, float]], key: str, digits: int = 3) -> str:
        if key not in rows[0]:
            return ""
        values = [row[key] for row in rows]
        return f"{np.mean(values):.{digits}f}" + (f" ± {np.std(values):.{digits}f}" if digits and seeds > 1 else "")

    columns = ("area", "balanced", "hold", "accuracy", "exchanged hold", "exchanged accuracy")
    heads = ["area", "balanced accuracy", "names hold", "their balanced accuracy", "exchanged: hold", "accuracy"]
    rows = [
        [what, shown(rows, "dimensions", 0), *(shown(rows, key) for key in columns)] for what, rows in measured.items()
    ]
    print(f"\n**{SETS[name]}**, mean ± standard deviation of {seeds} seeds\n")
    print(table(["", "dimensions", *heads], rows))


def main(options: list[str] | None = None) -> None:
    words = list(options or [])
    quick = "--quick" in words
    if quick:
        words.remove("--quick")
    given = dict(zip(words[::2], words[1::2], strict=True))
    dim = int(given.get("--dim", 64))
    print(f"{machine('scikit-learn', 'torch')}; axes and factors: {dim}")
    for name in given.get("--sets", ",".join(SETS)).split(",")[: 1 if quick else None]:
        run(name, 1 if quick else int(given.get("--seeds", 3)), dim)


if __name__ == "__main__":
    main(sys.argv[1:])
