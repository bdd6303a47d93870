"""Claim: the recall that is promised is found by questions unlike the points, too.

Sentences of news asked of the titles of a forum's questions; claims asked of scientific abstracts; and, for comparison,
titles and abstracts that were held out. For each promise: the recall@10 of single searches and their speed on one
thread, as built, with half of the questions known when it was built (``queries=``; measured with the other half), and
hnswlib's with the least ef that reaches the promise for held-out points, which is all that it can be tuned with. The
vectors are kept in ``SEMSPACE_BENCH_CACHE``. Options: ``--recall 0.9,0.95,0.99``, ``--rounds``.
"""

import argparse
import gzip
import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from time import perf_counter

import numpy as np

import semspace as ss
from benchmarks import train_data
from benchmarks.measuring import data, machine, median, table
from benchmarks.vectors import MODEL, cache, nearest, recall, say

K = 10
TITLES, QUESTIONS = 20_000, 1_000
EFS = (10, 12, 14, 17, 20, 24, 28, 34, 40, 48, 56, 68, 80, 96, 112, 136, 160, 192, 224, 272, 320, 448, 640)


@dataclass
class Asked:
    """Points, and questions of two kinds."""

    name: str
    points: np.ndarray
    own: np.ndarray
    strangers: np.ndarray


def main(words: Sequence[str] = ()) -> None:
    parser = argparse.ArgumentParser("python -m benchmarks strangers")
    parser.add_argument("--recall", default="0.9,0.95,0.99")
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args(list(words))
    print(f"\n## Questions unlike the points\n\n{machine('hnswlib')}; medians of {options.rounds} rounds\n", flush=True)
    for asked in (news_of_titles(), claims_of_abstracts()):
        promises = [float(text) for text in options.recall.split(",")]
        rows = [row for promise in promises for row in measured(asked, promise, options.rounds)]
        print(f"### {asked.name}\n")
        header = ["promised", "index", "own kind: recall", "queries/s", "strangers: recall", "queries/s"]
        print(table(header, rows), flush=True)


def measured(asked: Asked, promise: float, rounds: int) -> list[list[str]]:
    space = ss.Space.from_vectors([str(row) for row in range(len(asked.points))], asked.points)
    plain = ss.Index.build(space, "hnsw", recall=promise, progress=False)
    known = ss.Index.build(space, "hnsw", recall=promise, queries=list(asked.strangers[::2]), progress=False)
    ways: dict[str, Callable[[np.ndarray], np.ndarray]] = {
        "semspace": lambda queries: singly(plain, queries),
        "semspace, queries=": lambda queries: singly(known, queries),
    }
    if (peer := hnswlib_way(asked, promise)) is not None:
        ways["hnswlib, ef by held-out points"] = peer
    kinds = {"own": asked.own, "strangers": asked.strangers[1::2]}
    found = {(way, kind): ways[way](queries) for way in ways for kind, queries in kinds.items()}
    seconds: dict[tuple[str, str], list[float]] = {key: [] for key in found}
    for _ in range(rounds):
        for (way, kind), taken in seconds.items():
            start = perf_counter()
            ways[way](kinds[kind])
            taken.append(perf_counter() - start)
    rows = []
    for way in ways:
        row = [f"{promise:g}", way]
        for kind, queries in kinds.items():
            row.append(f"{recall(found[way, kind], nearest(asked.points, queries)):.3f}")
            row.append(f"{len(queries) / median(seconds[way, kind]):,.0f}")
        rows.append(row)
    return rows


def singly(index: ss.Index, queries: np.ndarray) -> np.ndarray:
    return np.stack([index.knn_query(query[None], K, threads=1)[0][0] for query in queries])


def hnswlib_way(asked: Asked, promise: float) -> Callable[[np.ndarray], np.ndarray] | None:
    try:
        import hnswlib
    except ImportError:
        print("hnswlib isn't installed\n")
        return None
    index = hnswlib.Index("ip", asked.points.shape[1])
    index.init_index(len(asked.points), M=16, ef_construction=200)
    index.add_items(asked.points, num_threads=1)
    truth = nearest(asked.points, asked.own)

    def search(queries: np.ndarray) -> np.ndarray:
        return np.stack([index.knn_query(query[None], K, num_threads=1)[0][0] for query in queries]).astype(np.int64)

    for ef in EFS:
        index.set_ef(ef)
        if recall(search(asked.own), truth) >= promise:
            break
    return search


def news_of_titles() -> Asked:
    def texts() -> tuple[list[str], list[str]]:
        rows = train_data.table("paraphrase/quora-dev.tsv")
        titles = list(dict.fromkeys(text for row in rows for text in (row["question1"], row["question2"])))
        sentences = []
        with gzip.open(data("bbc_news/bbc_news.jsonl.gz"), "rt", encoding="utf-8") as file:
            for line in file:
                parts = re.split(r"(?<=[.!?])\s+", json.loads(line)["text"])
                sentences += [part.strip() for part in parts if 30 < len(part) < 200][:2]
        picked = np.random.default_rng(0).choice(len(sentences), QUESTIONS, replace=False)
        return titles[: TITLES + QUESTIONS], [sentences[row] for row in picked]

    titles, news = vectors("strangers-news", texts)
    return Asked("Sentences of news asked of the titles of questions", titles[QUESTIONS:], titles[:QUESTIONS], news)


def claims_of_abstracts() -> Asked:
    def texts() -> tuple[list[str], list[str]]:
        documents = [f"{one['title']} {one['text']}" for one in train_data.abstracts()]
        with open(data("scifact/queries.jsonl"), encoding="utf-8") as lines:
            return documents, [json.loads(line)["text"] for line in lines]

    abstracts, claims = vectors("strangers-claims", texts)
    return Asked("Claims asked of scientific abstracts", abstracts[300:], abstracts[:300], claims)


def vectors(name: str, texts: Callable[[], tuple[list[str], list[str]]]) -> tuple[np.ndarray, np.ndarray]:
    """Return the vectors of points and of questions, encoded once."""
    path = cache() / f"{name}.npz"
    if not path.exists():
        points, questions = texts()
        say(f"{name}: encoding {len(points):,} points and {len(questions):,} questions")
        encoder = ss.Encoder.load(MODEL)
        np.savez(path, points=encoder.encode(points), questions=encoder.encode(questions))
    with np.load(path) as stored:
        return stored["points"], stored["questions"]
