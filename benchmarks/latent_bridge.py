"""How much of the neighbourhoods a bridge between two encoders keeps: said beforehand, and among more documents.

``python -m benchmarks latent_bridge [--pairs N] [--documents N] [--trained N] [--seeds N] [--other MODEL]``
"""

from __future__ import annotations

import argparse
import time
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

import semspace as ss
from benchmarks.train_data import wikipedia
from semspace.latent.bridge_recall import kept_recall

MODEL = "all-MiniLM-L6-v2"
LAYERS = (0, 4, 5)
Vectors = npt.NDArray[np.float32]


class Texts(NamedTuple):
    """Pairs to fit to, and documents and queries that the fit doesn't see."""

    pairs: list[str]
    documents: list[str]
    queries: list[str]


def main(asked: list[str] | None = None) -> None:
    """Print the tables: from a student of three layers, and to or from another model if there is one."""
    options = arguments(asked)
    ends = np.cumsum([options.pairs, options.documents, options.queries, options.trained])
    sentences = wikipedia(int(ends[-1]))
    shuffled = [sentences[row] for row in np.random.default_rng(0).permutation(len(sentences))]
    texts = Texts(shuffled[: ends[0]], shuffled[ends[0] : ends[1]], shuffled[ends[1] : ends[2]])
    full = ss.Encoder.load(MODEL)
    objective = ss.training.Distillation(teacher=full, layers=LAYERS, sentences=options.trained)
    trainer = ss.EncoderTrainer(objective=objective, precision="float32")
    student = trainer.train(ss.Corpus.from_texts(shuffled[ends[2] :]))
    print("\n## Bridges between encoders\n")
    print("| from, to | seed | map | fitted, s of CPU | of | said beforehand | seen |")
    print("| --- | --- | --- | --- | --- | --- | --- |")
    measure(student, full, texts, options.seeds, f"a student of {len(LAYERS)} layers")
    if options.other is not None:
        measure(full, ss.Encoder.load(options.other), texts, options.seeds)


def arguments(asked: list[str] | None) -> argparse.Namespace:
    """Return the options."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks latent_bridge")
    numbers = {"pairs": 5_000, "documents": 20_000, "trained": 40_000, "queries": 1_000, "seeds": 3}
    for name, default in numbers.items():
        parser.add_argument(f"--{name}", type=int, default=default)
    parser.add_argument("--other", help="another model, from and to which bridges are measured too")
    return parser.parse_args(asked)


def measure(a: ss.Encoder, b: ss.Encoder, texts: Texts, n_seeds: int, name: str | None = None) -> None:
    """Print the rows of a table: of `a`, which may have another name there, to `b`, and the other way round."""
    names = (name or a.name, b.name)
    vectors = [[encoder.encode(part, normalize_embeddings=True) for part in texts] for encoder in (a, b)]
    for first, second in ((0, 1), (1, 0)):
        for seed in range(n_seeds):
            for row in rows(vectors[first], vectors[second], seed):
                print(f"| {names[first]}, {names[second]} | {seed} | {' | '.join(row)} |", flush=True)


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
