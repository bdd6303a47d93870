"""Groups guided by words: what lies near to them is drawn together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from semspace import checks, queries
from semspace.clusters.clustering import Clustering
from semspace.clusters.distinct_points import Points
from semspace.clusters.names import named
from semspace.errors import InputError
from semspace.space import Space
from semspace.types import Floats2d


@dataclass(frozen=True, eq=False)
class Topics:
    """What to look for: names, where they were given, and where their words lie in the space, shape (t, dim)."""

    names: tuple[str | None, ...]
    vectors: Floats2d


def topics(words: Mapping[str, Sequence[str]] | Sequence[Sequence[str]] | None, space: Space) -> Topics | None:
    """Put the words of each topic into the space."""
    if words is None:
        return None
    if isinstance(words, str) or not isinstance(words, (Mapping, Sequence)) or not words:
        raise InputError(
            f"seed_words must be lists of words, such as [['goal', 'match'], ['market']]; got {words!r:.60}"
        )
    lists = list(words.values()) if isinstance(words, Mapping) else list(words)
    names = checks.strings("the names of seed_words", words.keys()) if isinstance(words, Mapping) else []
    if not all(name.strip() for name in names):
        raise InputError("the names of seed_words must have some text; one of them is empty")
    every = [checks.strings("each of seed_words", own) for own in lists]
    if not all(every):
        raise InputError("each of seed_words must have a word; one of them is empty")
    if space.encoder is None:
        raise InputError(
            "seed_words need a space with an encoder, which puts them where their meaning is; this has none"
        )
    vectors = np.stack([queries.unit(space.encode_documents(own)).mean(axis=0) for own in every]).astype(np.float32)
    return Topics(tuple(names) or (None,) * len(every), queries.unit(vectors))


def drawn(points: Points, topics: Topics, usual: float) -> Points:
    """Move the points nearest to each topic half the way to it, at most as many as a group of usual size has.

    Those that lie on the other side of the middle stay where they are.

    After guided BERTopic, which averages the vectors of documents with those of their seeds.
    """
    aims = points.from_middle(topics.vectors)
    near = points.vectors @ aims.T
    best = near.argmax(axis=1)
    vectors = points.vectors.copy()
    most = max(1, round(len(points) / max(usual, len(aims))))
    for topic, aim in enumerate(aims):
        own = np.flatnonzero((best == topic) & (near[:, topic] > 0))
        own = own[np.argsort(-near[own, topic], kind="stable")[:most]]
        vectors[own] = vectors[own] + aim
    sizes = queries.lengths(vectors)
    return replace(points, vectors=vectors / np.where(sizes > 0, sizes, 1)[:, None])


def titled(groups: Clustering, topics: Topics) -> tuple[str, ...]:
    """Call the group nearest to each topic by the topic's name."""
    known: dict[int, str] = {}
    free = set(range(len(groups)))
    for name, vector in zip(topics.names, topics.vectors, strict=True):
        if not free:
            break
        nearest = max(free, key=lambda group: (float(groups.centers[group] @ vector), -group))
        free.discard(nearest)
        if name is not None:
            known[nearest] = name
    return named(groups.names, groups.keywords, known)
