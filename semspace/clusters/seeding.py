"""Guided clustering: points near the seed words of a topic are moved towards it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from semspace import checks, queries
from semspace.clusters.distinct_points import DistinctPoints
from semspace.clusters.names import distinct_names
from semspace.errors import InputError
from semspace.space import Space
from semspace.text_encoder import reads_texts
from semspace.types import Floats2d

if TYPE_CHECKING:
    from semspace.clusters.clustering import Clustering

SeedWords = Mapping[str, Sequence[str]] | Sequence[Sequence[str]]


@dataclass(frozen=True, eq=False)
class SeedTopics:
    """Topics to look for.

    Parameters
    ----------
    names : tuple of t str or None
    vectors : ndarray of float32, shape (t, dim)
        The mean direction of each topic's words, of length 1.
    """

    names: tuple[str | None, ...]
    vectors: Floats2d


def seed_topics(words: SeedWords | None, space: Space, n_clusters: int | None = None) -> SeedTopics | None:
    """Encode the words of each topic, of which there may be no more than groups."""
    if words is None:
        return None
    if isinstance(words, str) or not isinstance(words, (Mapping, Sequence)) or not words:
        raise InputError(
            f"seed_words must be lists of words, such as [['goal', 'match'], ['market']]; got {words!r:.60}"
        )
    lists = list(words.values()) if isinstance(words, Mapping) else list(words)
    names = checks.strings("the names of seed_words", words.keys()) if isinstance(words, Mapping) else []
    if not all(name.strip() for name in names):
        raise InputError("the names of seed_words must not be empty; one of them is")
    topics = [checks.strings("each of seed_words", topic) for topic in lists]
    if not all(topics):
        raise InputError("each of seed_words must have at least one word; one of them is empty")
    if n_clusters is not None and n_clusters < len(topics):
        raise InputError(
            f"n_clusters must be at least {len(topics)}, the number of topics in seed_words; got {n_clusters}"
        )
    if not reads_texts(space.encoder):
        raise InputError(
            "seed_words need a space with an encoder, which turns words into vectors; this space has none: make it by "
            "Encoder.embed, or leave out seed_words"
        )
    means = [queries.unit(space.encode_documents(topic)).mean(axis=0) for topic in topics]
    return SeedTopics(tuple(names) or (None,) * len(topics), queries.unit(np.stack(means).astype(np.float32)))


def attracted(points: DistinctPoints, topics: SeedTopics, group_count: float) -> DistinctPoints:
    """Return points of which those nearest to each topic are moved halfway to it.

    After guided BERTopic, which averages the vectors of documents with those of their seeds. For each topic, as many
    points move as a group has on average where there are `group_count` groups; points with a negative cosine stay.
    """
    targets = points.center(topics.vectors)
    cosines = points.vectors @ targets.T
    nearest_topic = cosines.argmax(axis=1)
    vectors = points.vectors.copy()
    limit = max(1, round(len(points) / max(group_count, len(targets))))
    for topic, target in enumerate(targets):
        rows = np.flatnonzero((nearest_topic == topic) & (cosines[:, topic] > 0))
        rows = rows[np.argsort(-cosines[rows, topic], kind="stable")[:limit]]
        vectors[rows] = vectors[rows] + target
    norms = queries.lengths(vectors)
    return replace(points, vectors=vectors / np.where(norms > 0, norms, 1)[:, None], known_neighbors=None)


def topic_names(clustering: Clustering, topics: SeedTopics) -> tuple[str, ...]:
    """Return the names of groups, in which the group nearest to each named topic has the topic's name."""
    fixed: dict[int, str] = {}
    unmatched = set(range(len(clustering)))
    for name, vector in zip(topics.names, topics.vectors, strict=True):
        if not unmatched:
            break
        nearest = max(unmatched, key=lambda group: (float(clustering.centers[group] @ vector), -group))
        unmatched.discard(nearest)
        if name is not None:
            fixed[nearest] = name
    return distinct_names(clustering.names, clustering.keywords, fixed)
