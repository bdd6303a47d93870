"""Claim: words beside vectors find more than either, and exact words are found.

The 300 test claims of SciFact among its 5,183 abstracts (nDCG@10, BEIR's judgements) with all-MiniLM-L6-v2: vectors
alone, BM25 alone, both fused by weights and by reciprocal rank, and the fifty best ranked again by the tokens of the
same model; with the searches of one query a call in a second. For the re-ranking, each abstract's tokens are encoded
once and kept, and its own speed is measured on ten claims. Then 200 queries of one to three rare words, made of
abstracts: recall of the abstracts that have all of them. How long the words of 100,000 short texts take to count, and a
search after one more. Beside BM25, bm25s on the same words.

Nothing was chosen on the test claims: ``--split train`` shows what the defaults were chosen on.

Options: ``--split``, ``--cache`` (a folder that keeps the vectors; encoding takes a quarter of an hour), ``--quick``
(100 claims, no re-ranking).
"""

import argparse
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
import polars as pl

from benchmarks.measuring import machine, table
from benchmarks.train_data import abstracts, retrieval

MODEL = "all-MiniLM-L6-v2"
RARE, MOST = 200, 5  # queries, and abstracts that contain all their words
GOALS = {"both, weighted": 0.72, "both, then MaxSim": 0.74}
WAYS: dict[str, dict[str, Any]] = {
    "vectors": {"hybrid": False},
    "BM25": {"alpha": 0},
    "both, weighted": {},
    "both, reciprocal ranks": {"fusion": "rrf"},
}
RERANKED = "both, then MaxSim"


def main(words: Sequence[str] = ()) -> None:
    parser = argparse.ArgumentParser("python -m benchmarks hybrid")
    parser.add_argument("--split", default="test", choices=("test", "train"))
    parser.add_argument("--cache", type=Path)
    parser.add_argument("--quick", action="store_true")
    options = parser.parse_args(list(words))
    documents = abstracts()
    task = retrieval(options.split, documents)
    index = indexed(task.documents, options.cache)
    print(f"\n## Hybrid search\n\n{machine()}; the {options.split} claims of SciFact, {MODEL}\n")
    asked = [id for id in task.questions.ids if id in task.relevant][: 100 if options.quick else None]
    rows = [quality(index, task, asked, name, how) for name, how in WAYS.items()]
    rows.append(bm25s_quality(task, asked))
    if not options.quick:
        kept = quality(index, task, asked, RERANKED, {"rerank": kept_states(index, task.documents, options.cache)})
        speed = quality(index, task, asked[:10], RERANKED, {"rerank": "maxsim"})[-1]
        rows.append([*kept[:-1], f"{speed} ({kept[-1]} with kept states)"])
    print(table(["search", "nDCG@10", "goal", "recall@10", "queries/s, one a call"], rows), flush=True)
    print("\n### 200 queries of rare words\n")
    print(table(["search", "recall@10"], rare_words(index, task.documents)), flush=True)
    print("\n### The words of 100,000 short texts\n")
    print(table(["what", "seconds"], counting(documents)), flush=True)


def indexed(documents: Any, cache: Path | None) -> Any:
    """Return an exact index of the abstracts, encoded now or before."""
    import semspace as ss

    encoder = ss.Encoder.load(MODEL)
    place = None if cache is None else cache / "scifact.npy"
    if place is not None and place.exists():
        vectors = np.load(place)
    else:
        vectors = encoder.embed(documents).vectors
        if place is not None:
            np.save(place, vectors)
    texts = documents.texts.to_list()
    space = ss.Space.from_vectors(documents.ids.to_list(), vectors, {"text": texts}, encoder=encoder)
    return ss.Index.build(space, "exact")


def kept_states(index: Any, documents: Any, cache: Path | None) -> Any:
    """Return a MaxSim that encodes the tokens of a text once; those of all abstracts may lie in the cache."""
    import semspace as ss

    texts = documents.texts.to_list()
    place = None if cache is None else cache / "scifact_states.npz"
    if place is not None and place.exists():
        stored = np.load(place)
        parts = np.split(stored["states"], stored["starts"][1:-1])
    else:
        encoded = [index.encoder.token_states(texts[i : i + 256]) for i in range(0, len(texts), 256)]
        parts = [one.astype(np.float16) for block in encoded for one in block]
        if place is not None:
            starts = np.cumsum([0, *map(len, parts)])
            np.savez(place, states=np.concatenate(parts), starts=starts)
    states = dict(zip(texts, parts, strict=True))

    class Kept(ss.MaxSim):
        def text_states(self, texts: Sequence[str]) -> list[np.ndarray]:
            raw = [states[text].astype(np.float32) for text in texts]
            return [one / np.linalg.norm(one, axis=1, keepdims=True) for one in raw]

    return Kept(index.encoder)


def quality(index: Any, task: Any, asked: list[str], name: str, how: dict[str, Any]) -> list[str]:
    """Search for every claim, one a call: a row of the table."""
    index.search("the first search counts words", 1, hybrid=how.get("hybrid"))
    start = perf_counter()
    found = {id: list(index.search(task.questions[id], 10, **how).ids) for id in asked}
    return scored(name, found, task, perf_counter() - start)


def scored(name: str, found: dict[str, list[str]], task: Any, seconds: float) -> list[str]:
    from semspace.evaluation.retrieval import ndcg

    gains = [ndcg(ids, task.relevant[id], 10) for id, ids in found.items()]
    recalls = [len(set(ids) & set(task.relevant[id])) / len(task.relevant[id]) for id, ids in found.items()]
    goal = f"{GOALS[name]:.2f}" if name in GOALS else ""
    return [name, f"{np.mean(gains):.4f}", goal, f"{np.mean(recalls):.4f}", f"{len(found) / seconds:,.3g}"]


def bm25s_quality(task: Any, asked: list[str]) -> list[str]:
    """Search by bm25s, on the words that semspace finds; skipped where it isn't installed."""
    try:
        import bm25s
    except ImportError:
        return ["bm25s", "not installed", "", "", ""]
    ids = task.documents.ids.to_list()
    peer = bm25s.BM25(method="lucene", k1=1.2, b=0.75)
    peer.index([words_of(text) for text in task.documents.texts], show_progress=False)
    claims = {id: words_of(task.questions[id]) for id in asked}
    start = perf_counter()
    found = {id: [ids[row] for row in peer.retrieve([claims[id]], k=10, show_progress=False)[0][0]] for id in asked}
    return scored("bm25s, words already split", found, task, perf_counter() - start)


def words_of(text: str) -> list[str]:
    from semspace.lexical import query_words

    return list(query_words([text])[0].elements())


def rare_words(index: Any, documents: Any) -> list[list[str]]:
    """Return recall of abstracts by one to three of their rare words, drawn with a fixed seed."""
    from semspace.lexical import Postings

    texts, ids = documents.texts, documents.ids.to_list()
    postings = Postings.of(texts)
    frequency = np.diff(postings.starts)
    rng = np.random.default_rng(0)
    queries: dict[str, set[str]] = {}
    while len(queries) < RARE:
        row = int(rng.integers(len(texts)))
        rare = sorted(
            word for word in set(words_of(texts[row])) if frequency[postings.numbers[word]] <= MOST and len(word) > 2
        )
        if not rare:
            continue
        chosen = rng.permutation(rare)[: int(rng.integers(1, 4))]
        having = [set(postings.of_word(word)[0].tolist()) for word in chosen]
        queries[" ".join(chosen)] = {ids[i] for i in set.intersection(*having)}
    rows = []
    for name, how in WAYS.items():
        found = index.search_batch(list(queries), 10, **how)
        shares = [len(right & set(one.ids)) / len(right) for right, one in zip(queries.values(), found, strict=True)]
        rows.append([name, f"{np.mean(shares):.4f}" + (" (goal 0.95)" if name == "both, weighted" else "")])
    return rows


def counting(documents: list[dict[str, str]]) -> list[list[str]]:
    """Measure how long the words of 100,000 sentences take to count, and the first search after a change."""
    import semspace as ss
    from semspace.lexical import BM25, Postings

    sentences = [one for document in documents for one in document["text"].split(". ")]
    texts = [sentences[i % len(sentences)] for i in range(100_000)]
    vectors = np.random.default_rng(0).normal(size=(len(texts), 8)).astype(np.float32)

    class Fixed:
        name, dim, fingerprint, max_tokens = "fixed", 8, "f" * 64, 512

        def encode(self, texts: list[str]) -> np.ndarray:
            return np.ones((len(texts), 8), np.float32)

    space = ss.Space.from_vectors(range(len(texts)), vectors, {"text": texts}, encoder=Fixed())
    index = ss.Index.build(space, "exact")
    bm25 = BM25([Postings.of(pl.Series(texts))])
    bm25.scores("warm")
    timed: dict[str, Callable[[], Any]] = {
        f"first search of 100,000 texts ({sum(map(len, texts)) / 1e6:.0f} MB), which counts their words": lambda: (
            index.search("cell growth")
        ),
        "a search after it": lambda: index.search("the growth of a cell"),
        "BM25 of a claim of 12 words alone": lambda: bm25.scores("the growth of cells in the liver of mice and of men"),
        "the first search after one more text": lambda: (
            index.add(["new"], [vectors[0]], {"text": ["a new cell"]}),
            index.search("cell growth"),
        ),
    }
    rows = []
    for name, run in timed.items():
        start = perf_counter()
        run()
        rows.append([name, f"{perf_counter() - start:.4f}"])
    return rows


if __name__ == "__main__":
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    main()
