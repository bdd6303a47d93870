"""Ways to group documents whose vectors are given, each behind the same call. Libraries are imported where needed."""

import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from time import perf_counter
from typing import Any

import numpy as np

from benchmarks.labelled import Documents
from benchmarks.vectors import MODEL

OURS, REFERENCE, TOP2VEC = "semspace", "BERTopic", "Top2Vec"
ALL_WORDS = 30  # of each of our groups: ten of them are single words, nearly always


@dataclass(frozen=True)
class Grouping:
    """What a contender found.

    Parameters
    ----------
    labels : ndarray of int, shape (n,)
        -1 for outliers.
    words : callable, optional
        Gives the words and phrases of each group, the most telling first, where the contender has some.
    """

    labels: np.ndarray
    words: Callable[[], list[Sequence[str]]] | None = None

    @property
    def k(self) -> int:
        return len(np.unique(self.labels[self.labels >= 0]))


def semspace(documents: Documents, **asked: Any) -> Grouping:
    import semspace as ss
    from semspace.clusters import keywords
    from semspace.clusters.document_terms import terms_of

    space = ss.Space.from_vectors(documents.ids, documents.vectors, {"text": documents.texts})
    found = ss.cluster(space, progress=False, **asked)
    return Grouping(
        found.labels, lambda: keywords.keywords(terms_of(space.metadata), found.labels, len(found), n=ALL_WORDS)
    )


def k_means(documents: Documents) -> Grouping:
    from sklearn.cluster import KMeans

    return Grouping(KMeans(documents.k, n_init=10, random_state=0).fit_predict(documents.vectors))


def bertopic(documents: Documents, **asked: Any) -> Grouping:
    """Run BERTopic with its defaults, and what is asked; where vectors are given, it loads no model."""
    with quiet():
        from bertopic import BERTopic

        model = BERTopic(**asked)
        labels, _ = model.fit_transform(documents.texts, documents.vectors)
    words = {topic: [word for word, _ in pairs] for topic, pairs in model.get_topics().items() if topic >= 0}
    return Grouping(np.array(labels), lambda: list(words.values()))


def top2vec(documents: Documents) -> Grouping:
    """Run Top2Vec with its defaults on the given vectors; those of its words are encoded, which is part of its work."""
    with quiet():
        from top2vec import Top2Vec

        known = dict(zip(documents.texts, documents.vectors, strict=True))

        def embed(texts: list[str]) -> np.ndarray:
            if texts[0] in known:
                return np.stack([known[text] for text in texts])
            return _encoder().encode(texts)

        model = Top2Vec(documents.texts, embedding_model=embed, verbose=False)
    return Grouping(np.array(model.doc_top), model.topic_words.tolist)


CONTENDERS: dict[str, Callable[[Documents], Grouping]] = {
    OURS: semspace,
    "semspace (kmeans)": lambda documents: semspace(documents, method="kmeans"),
    "semspace (ward)": lambda documents: semspace(documents, method="ward"),
    "semspace (hdbscan)": lambda documents: semspace(documents, method="hdbscan"),
    "semspace (k told)": lambda documents: semspace(documents, n_clusters=documents.k),
    "k-means (k told)": k_means,
    REFERENCE: bertopic,
    "BERTopic (nr_topics=k)": lambda documents: bertopic(documents, nr_topics=documents.k),
    "BERTopic (nr_topics=k+1)": lambda documents: bertopic(documents, nr_topics=documents.k + 1),
    "BERTopic (no stop words)": lambda documents: bertopic(documents, vectorizer_model=_without_stop_words()),
    TOP2VEC: top2vec,
}


def semspace_otherwise(documents: Documents) -> float:
    """Return the seconds of a clustering of a space that was clustered before, with another granularity."""
    import semspace as ss

    space = ss.Space.from_vectors(documents.ids, documents.vectors, {"text": documents.texts})
    ss.cluster(space, progress=False)
    begun = perf_counter()
    ss.cluster(space, granularity=1.5, progress=False)
    return perf_counter() - begun


def bertopic_otherwise(documents: Documents) -> float:
    """Return the seconds of a grouping with another size of topics; BERTopic's own is 10."""
    begun = perf_counter()
    bertopic(documents, min_topic_size=15)
    return perf_counter() - begun


# The seconds of a grouping with other parameters than one before.
OTHERWISE: dict[str, Callable[[Documents], float]] = {OURS: semspace_otherwise, REFERENCE: bertopic_otherwise}


@contextmanager
def quiet() -> Iterator[None]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def _without_stop_words() -> Any:
    from sklearn.feature_extraction.text import CountVectorizer

    return CountVectorizer(stop_words="english")


@lru_cache(maxsize=1)
def _encoder() -> Any:
    import semspace as ss

    return ss.Encoder.load(MODEL)
