"""Training and test data of the benchmark: no question, claim or judgement of a test is in the training data."""

import csv
import gzip
import json
import re
from itertools import islice

import numpy as np

from benchmarks.measuring import data

HELD_OUT = 0.4  # share of Quora's pairs


def table(name: str) -> list[dict[str, str]]:
    with open(data(name), encoding="utf-8", newline="") as lines:
        return list(csv.DictReader(lines, delimiter="\t", quoting=csv.QUOTE_NONE))


def scored() -> dict[str, list]:
    rows = table("sts/stsb-train.tsv")
    texts = {name: [row[name] for row in rows] for name in ("sentence1", "sentence2")}
    return {**texts, "score": [float(row["score"]) / 5 for row in rows]}


def quora() -> tuple[dict[str, list], dict[str, list]]:
    """Return pairs of questions for training and for the test; pairs with a common question stay together."""
    rows = table("paraphrase/quora-dev.tsv")
    number: dict[str, int] = {}
    ends = [[number.setdefault(row[name], len(number)) for name in ("question1", "question2")] for row in rows]
    group = groups(ends, len(number))
    draw = np.random.default_rng(0).random(len(number))
    out = np.array([draw[group[a]] < HELD_OUT for a, _ in ends])
    return tuple(  # type: ignore[return-value]
        columns([row for row, one in zip(rows, out, strict=True) if one == held], "question1", "question2")
        for held in (False, True)
    )


def groups(ends: list[list[int]], n: int) -> np.ndarray:
    from scipy.sparse import coo_matrix
    from scipy.sparse.csgraph import connected_components

    a, b = np.array(ends).T
    return connected_components(coo_matrix((np.ones(len(a)), (a, b)), shape=(n, n)), directed=False)[1]


def mrpc() -> tuple[dict[str, list], dict[str, list]]:
    """Return pairs of sentences for training and for the test; no sentence of the test is in the training data."""
    learnt, judged = (table(f"paraphrase/mrpc-{part}.tsv") for part in ("train", "test"))
    test_sentences = {row[name] for row in judged for name in ("sentence1", "sentence2")}
    learnt = [row for row in learnt if not {row["sentence1"], row["sentence2"]} & test_sentences]
    return columns(learnt, "sentence1", "sentence2"), columns(judged, "sentence1", "sentence2")


def columns(rows: list[dict[str, str]], first: str, second: str) -> dict[str, list]:
    return {
        "sentence1": [row[first] for row in rows],
        "sentence2": [row[second] for row in rows],
        "label": [int(row["label"]) for row in rows],
    }


def positives(pairs: dict[str, list]) -> dict[str, list]:
    """Return the pairs with label 1, as anchor and positive."""
    kept = [i for i, label in enumerate(pairs["label"]) if label]
    return {
        "anchor": [pairs["sentence1"][i] for i in kept],
        "positive": [pairs["sentence2"][i] for i in kept],
    }


def graded(pairs: dict[str, list]) -> dict[str, list]:
    """Return labelled pairs as scored ones."""
    texts = {name: pairs[name] for name in ("sentence1", "sentence2")}
    return {**texts, "score": [float(label) for label in pairs["label"]]}


def some(pairs: dict[str, list], n: int | None, seed: int = 0) -> dict[str, list]:
    """Draw `n` rows of a table; all when None."""
    size = len(next(iter(pairs.values())))
    if n is None or n >= size:
        return pairs
    which = np.sort(np.random.default_rng(seed).permutation(size)[:n]).tolist()
    return {name: [column[i] for i in which] for name, column in pairs.items()}


# -- SciFact ----------------------------------------------------------------------------------------------------


def abstracts() -> list[dict[str, str]]:
    with gzip.open(data("scifact/corpus.jsonl.gz"), "rt", encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


def titled() -> list[str]:
    """Return the abstracts below their titles."""
    return [f"{one['title']}\n{one['text']}" for one in abstracts()]


def clozes(texts: list[str], **parameters) -> dict[str, list]:
    """Return the pairs that semspace's `Cloze` makes of texts, for trainers without such an objective."""
    from semspace.training import Cloze

    examples = Cloze(**parameters).read(texts)
    return {
        name: [examples.texts[i] for i in examples.rows[:, column]]
        for column, name in enumerate(("anchor", "positive"))
    }


def retrieval(split: str, documents: list[dict[str, str]], each: int = 1):
    """Return the task of finding the abstracts of a split's claims among every `each`-th and all relevant ones."""
    import semspace as ss
    from semspace.evaluation import Retrieval

    relevant: dict[str, dict[str, float]] = {}
    for row in table("scifact/qrels.tsv"):
        if row["split"] == split:
            relevant.setdefault(row["query_id"], {})[row["doc_id"]] = float(row["relevance"])
    with open(data("scifact/queries.jsonl"), encoding="utf-8") as lines:
        asked = [row for row in map(json.loads, lines) if row["id"] in relevant]
    right = {doc for found in relevant.values() for doc in found}
    documents = [one for i, one in enumerate(documents) if i % each == 0 or one["id"] in right]
    return Retrieval(
        f"claims of {split}",
        ss.Corpus.from_texts([row["text"] for row in asked], ids=[row["id"] for row in asked]),
        ss.Corpus.from_texts(
            [f"{one['title']} {one['text']}" for one in documents], ids=[one["id"] for one in documents]
        ),
        relevant,
    )


# -- Wikipedia --------------------------------------------------------------------------------------------------


def wikipedia(n: int, fewest: int = 5, most: int = 60) -> list[str]:
    """Return `n` different sentences of Wikipedia, spread over its articles."""
    seen: dict[str, None] = {}
    with gzip.open(data("wikipedia/wiki2015-AA.jsonl.gz"), "rt", encoding="utf-8") as lines:
        for line in lines:
            for one in re.split(r"(?<=[.!?])\s+(?=[A-Z])|\n+", json.loads(line)["text"]):
                if fewest <= len(one.split()) <= most:
                    seen.setdefault(one)
    step = max(1, len(seen) // n)
    return list(islice(seen, 0, step * n, step))
