"""The jobs of `benchmarks.versions`: a script that works with this checkout's semspace and with older ones.

It calls only what all of them have, by position where a name has changed, and prints its numbers as JSON.
"""

import gzip
import json
import os
import subprocess
import sys
import warnings
from collections.abc import Callable
from itertools import islice
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np

warnings.simplefilter("ignore")
MODEL = "all-MiniLM-L6-v2"
DATA = Path(os.environ.get("SEMSPACE_DATA", ""))
ARTICLES = 500
SENTENCES = 20_000
Numbers = dict[str, float]


def prepare(folder: Path) -> Numbers:
    """Write what the jobs share: sentences, their vectors, a saved space and a saved index."""
    import semspace as ss

    with gzip.open(DATA / "wikipedia" / "wiki2015-AA.jsonl.gz", "rt", encoding="utf-8") as lines:
        texts = [json.loads(line)["text"] for line in islice(lines, ARTICLES)]
    (folder / "articles.txt").write_text("\n".join(text.replace("\n", " ") for text in texts), encoding="utf-8")
    sentences = list(dict.fromkeys(s.strip() for t in texts for s in t.split(". ") if 40 < len(s) < 200))[:SENTENCES]
    (folder / "sentences.json").write_text(json.dumps(sentences), encoding="utf-8")
    encoder = ss.Encoder.load(MODEL)
    np.save(folder / "vectors.npy", encoder.encode(sentences, normalize_embeddings=True))
    space = ss.Space.from_vectors([str(i) for i in range(1_000)], np.load(folder / "vectors.npy")[:1_000])
    space.save(folder / "small.space", overwrite=True)
    with gzip.open(DATA / "bbc_news" / "bbc_news.jsonl.gz", "rt", encoding="utf-8") as lines:
        rows = [json.loads(line) for line in lines]
    (folder / "bbc.json").write_text(json.dumps(rows), encoding="utf-8")
    np.save(folder / "bbc.npy", encoder.encode([row["text"] for row in rows], normalize_embeddings=True))
    return {}


def encode(folder: Path) -> Numbers:
    import semspace as ss

    sentences = json.loads((folder / "sentences.json").read_text(encoding="utf-8"))[:4_000]
    encoder = ss.Encoder.load(MODEL)
    encoder.encode(sentences[:64])
    seconds, vectors = timed(lambda: encoder.encode(sentences, normalize_embeddings=True))
    cosine = float((vectors * np.load(folder / "vectors.npy")[: len(sentences)]).sum(axis=1).min())
    return {"sentences/s": len(sentences) / seconds, "least cosine to the first checkout": cosine}


def tokenize(folder: Path) -> Numbers:
    import semspace as ss

    seconds, tokens = timed(lambda: ss.Tokens.read(folder / "articles.txt", progress=False))
    again, corpus = timed(lambda: ss.Corpus.read(folder / "articles.txt"))
    return {"Tokens.read, s": seconds, "Corpus.read, s": again, "tokens": len(tokens.ids), "documents": len(corpus)}


def word2vec(folder: Path) -> Numbers:
    import semspace as ss

    tokens = ss.Tokens.read(folder / "articles.txt", progress=False)
    trainer = ss.Word2Vec(dim=100, epochs=3, seed=1)
    ss.Word2Vec(dim=100, epochs=1, seed=1, min_count=1_000).train(tokens, progress=False)
    seconds, space = timed(lambda: trainer.train(tokens, progress=False))
    seconds_cbow, _ = timed(
        lambda: ss.Word2Vec(dim=100, epochs=3, seed=1, architecture="cbow").train(tokens, progress=False)
    )
    similarity, analogies = ss.evaluate(space, ["wordsim353"]), timed(lambda: ss.evaluate(space, ["google-analogies"]))
    (score,) = similarity
    return {
        "skip-gram, words/s": 3 * len(tokens.ids) / seconds,
        "CBOW, words/s": 3 * len(tokens.ids) / seconds_cbow,
        "WordSim-353": float(score.value),
        "analogies, s": analogies[0],
    }


def index(folder: Path) -> Numbers:
    import semspace as ss

    vectors = np.load(folder / "vectors.npy")
    base, queries = vectors[1_000:], vectors[:1_000]
    space = ss.Space.from_vectors([str(i) for i in range(len(base))], base)
    seconds, built = timed(lambda: ss.Index.build(space, "hnsw", threads=2, seed=1, progress=False))
    built.knn_query(queries, 10, threads=1)
    batch, (rows, _) = timed(lambda: built.knn_query(queries, 10, threads=1))
    single, _ = timed(lambda: [built.knn_query(query[None], 10, threads=1) for query in queries])
    search, _ = timed(lambda: [built.search(query) for query in queries])
    truth = np.argsort(-(queries @ base.T), axis=1)[:, :10]
    recall = float(np.mean([len(set(a) & set(b)) / 10 for a, b in zip(rows.tolist(), truth.tolist(), strict=True)]))
    return {
        "build, s": seconds,
        "batch, queries/s": len(queries) / batch,
        "single, queries/s": len(queries) / single,
        "search(), queries/s": len(queries) / search,
        "recall@10": recall,
    }


def news(folder: Path) -> tuple[Any, Any, list[dict[str, Any]]]:
    import semspace as ss

    rows = json.loads((folder / "bbc.json").read_text(encoding="utf-8"))
    ids = [str(i) for i in range(len(rows))]
    space = ss.Space.from_vectors(ids, np.load(folder / "bbc.npy"))
    return space, ss.Corpus.from_texts([row["text"] for row in rows], ids), rows


def cluster(folder: Path) -> Numbers:
    from sklearn.metrics import adjusted_mutual_info_score

    import semspace as ss

    space, corpus, rows = news(folder)
    seconds, groups = timed(lambda: ss.cluster(space, corpus, progress=False))
    return {
        "s": seconds,
        "groups": len(groups.names),
        "AMI": float(adjusted_mutual_info_score([row["label"] for row in rows], groups.labels)),
    }


def compare(folder: Path) -> Numbers:
    import semspace as ss

    space, corpus, rows = news(folder)
    labels = sorted({row["label"] for row in rows})[:2]
    parts = [[str(i) for i, row in enumerate(rows) if row["label"] == label] for label in labels]
    corpora, spaces = [corpus.select(ids) for ids in parts], [space.select(ids) for ids in parts]
    seconds, result = timed(lambda: ss.compare(*corpora, spaces=spaces, names=labels, progress=False))
    return {"s": seconds, "MMD": float(result.distance("mmd").value), "p": float(result.p_value)}


def start(folder: Path) -> Numbers:
    """Measure how long it takes until the shell has answered, and what an import of saving costs."""
    command = [sys.executable, "-m", "semspace", "similar", str(folder / "small.space"), "1", "-k", "1"]
    seconds, _ = timed(lambda: subprocess.run(command, check=True, capture_output=True))
    code = "import sys, time, semspace.space; t = time.perf_counter(); import semspace.saving; "
    code += "print(time.perf_counter() - t, sum(name.startswith('semspace') for name in sys.modules), len(sys.modules))"
    printed = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout
    saving, own, every = map(float, printed.split())
    return {"similar, s": seconds, "import saving, s": saving, "modules of semspace": own, "modules": every}


def timed(job: Callable[[], Any]) -> tuple[float, Any]:
    """Return the seconds that a job took, and its result."""
    begin = perf_counter()
    result = job()
    return perf_counter() - begin, result


JOBS = {job.__name__: job for job in (encode, tokenize, word2vec, index, cluster, compare, start)}

if __name__ == "__main__":
    print(json.dumps({"prepare": prepare, **JOBS}[sys.argv[1]](Path(sys.argv[2]))))
