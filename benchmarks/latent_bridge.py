"""How much of the neighbourhoods a bridge between two encoders keeps: said beforehand, and among more documents."""

from __future__ import annotations

import time
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

import semspace as ss
from benchmarks.train_data import wikipedia
from semspace.latent.bridge_recall import kept_recall

MODEL = "all-MiniLM-L6-v2"
LAYERS = (0, 4, 5)
SEEDS = (0, 1, 2)
N_QUERIES = 1_000
Vectors = npt.NDArray[np.float32]


class Texts(NamedTuple):
    """Pairs to fit to, and documents and queries that the fit doesn't see."""

    pairs: list[str]
    documents: list[str]
    queries: list[str]


def main(n_pairs: int = 5_000, n_documents: int = 20_000, n_trained: int = 40_000, other: str | None = None) -> None:
    """Print the tables: from a student of three layers, and to or from another model if there is one."""
    sentences = wikipedia(n_pairs + n_documents + N_QUERIES + n_trained)
    order = np.random.default_rng(0).permutation(len(sentences))
    shuffled = [sentences[row] for row in order]
    ends = np.cumsum([n_pairs, n_documents, N_QUERIES])
    texts = Texts(shuffled[: ends[0]], shuffled[ends[0] : ends[1]], shuffled[ends[1] : ends[2]])
    full = ss.Encoder.load(MODEL)
    objective = ss.training.Distillation(teacher=full, layers=LAYERS, sentences=n_trained)
    trainer = ss.EncoderTrainer(objective=objective, precision="float32")
    student = trainer.train(ss.Corpus.from_texts(shuffled[ends[2] :]))
    print("\n## Bridges between encoders\n")
    print("| from, to | seed | map | fitted, s of CPU | of | said beforehand | seen |")
    print("| --- | --- | --- | --- | --- | --- | --- |")
    measure(student, full, texts)
    if other is not None:
        measure(full, ss.Encoder.load(other), texts)


def measure(a: ss.Encoder, b: ss.Encoder, texts: Texts) -> None:
    """Print the rows of a table: of `a` to `b`, and the other way round."""
    vectors = {
        encoder.name: [encoder.encode(part, normalize_embeddings=True) for part in texts] for encoder in (a, b)
    }
    for first, second in ((a, b), (b, a)):
        for seed in SEEDS:
            for row in rows(vectors[first.name], vectors[second.name], seed):
                print(f"| {first.name}, {second.name} | {seed} | {' | '.join(row)} |")


def rows(a: list[Vectors], b: list[Vectors], seed: int) -> list[tuple[str, ...]]:
    """Fit a bridge, and return what it says and what is seen, of mapped queries, mapped documents, and `a` alone."""
    spaces = [ss.Space.from_vectors([f"{row}" for row in range(len(x[0]))], x[0]) for x in (a, b)]
    begun = time.process_time()
    bridge = ss.latent.bridge(*spaces, seed=seed, progress=False)
    seconds = f"{time.process_time() - begun:.1f}"
    # What is searched with comes first; all texts are searched.
    old, new = (np.concatenate([x[2], x[1]]) for x in (a, b))
    mapped, own = bridge.encode(old), np.arange(len(a[2]))
    said = (bridge.recall_of_queries, bridge.recall_of_documents, bridge.unmapped_recall)
    seen = ((mapped, new), (new, mapped), (old, old))
    return [
        (str(bridge.recipe), seconds, what, str(one.at(len(new))), str(kept_recall(*pair, new, own, trend=False)))
        for what, one, pair in zip(("queries", "documents", "first alone"), said, seen, strict=True)
    ]


if __name__ == "__main__":
    main()
