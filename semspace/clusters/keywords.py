"""The words that tell a group from the others, and how well they do."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from semspace import queries
from semspace.clusters.distinct_points import Labels
from semspace.clusters.vocabulary import Vocabulary

TOP = 10
_CANDIDATES = 40
_RELEVANCE = 0.7  # lambda of MMR
_WORTHY = 0.3  # of the weight of a group's first word: a phrase that weighs less is no title, or half as much
_KIN = 2  # times as much weighs a phrase with one of the group's keywords in it: "space shuttle", rather than a name
_NOTHING = 1e-9


def keywords(vocabulary: Vocabulary, labels: Labels, k: int, *, top: int = TOP) -> list[tuple[str, ...]]:
    """Return the `top` words and phrases of each group, most telling first, unlike each other.

    Class-based TF-IDF: with ``p`` the share of a group's documents that hold a word and ``q`` the share of all
    documents, a word weighs ``p log(p / q)``. That is the frequency in the class times an inverse frequency over the
    classes, as in Grootendorst (2022), "BERTopic", with documents in place of occurrences, and the word's part in the
    divergence of the group from the whole (Kullback & Leibler 1951). A word that is as frequent everywhere weighs
    nothing, however frequent it is. Words of a single document are left out unless a group has no other. Of the best,
    those are taken that are unlike the ones before, by maximal marginal relevance (Carbonell & Goldstein 1998).
    """
    ranked = _weighed(vocabulary, labels, k)
    return [tuple(vocabulary.words[word] for word in _unlike(vocabulary, *pair, top)) for pair in ranked]


def titles(vocabulary: Vocabulary, labels: Labels, words: Sequence[tuple[str, ...]]) -> list[str]:
    """Return a title for each group: its most telling phrase, where it has one, and its first words.

    A phrase goes to the group where it weighs most.
    """
    ranked = _weighed(vocabulary, labels, len(words))
    owner: dict[int, tuple[float, int]] = {}
    for group, (columns, weights) in enumerate(ranked):
        for column, weight in zip(columns.tolist(), weights.tolist(), strict=True):
            if vocabulary.phrases[column] and weight > owner.get(column, (0.0, -1))[0]:
                owner[column] = (weight, group)
    found = []
    for group, (columns, weights) in enumerate(ranked):
        own = [c for c in columns.tolist() if owner.get(c, (0, -1))[1] == group]
        phrase = _phrase(vocabulary, own, dict(zip(columns.tolist(), weights.tolist(), strict=True)), words[group])
        rest = [word for word in words[group] if phrase is None or likeness(word, phrase) < 0.4]
        found.append(", ".join(([phrase] if phrase else []) + rest[: 2 if phrase else 3]))
    return found


def coherence(vocabulary: Vocabulary, words: Sequence[Sequence[str]]) -> npt.NDArray[np.float64]:
    """Return for each list of words how much they come in the same documents, in [-1, 1]; NaN for fewer than two.

    The mean normalised pointwise mutual information of all pairs (Lau, Newman & Baldwin 2014), over whole documents.
    """
    n = max(1, vocabulary.holds.shape[0])
    columns = vocabulary.holds.tocsc()
    found = np.full(len(words), np.nan)
    for at, own in enumerate(words):
        numbers = [vocabulary.number[word] for word in own if word in vocabulary.number]
        if len(numbers) < 2:
            continue
        part = columns[:, numbers]
        both = np.asarray((part.T @ part).todense(), np.float64) / n
        one = np.diag(both)
        pairs = np.triu_indices(len(numbers), 1)
        p, apart = both[pairs], (one[:, None] * one)[pairs]
        with np.errstate(divide="ignore", invalid="ignore"):
            npmi = np.where(p <= 0, -1.0, np.where(p >= 1, 1.0, np.log(p / apart) / -np.log(p)))
        found[at] = npmi.mean()
    return found


def diversity(words: Sequence[Sequence[str]]) -> float:
    """Return the share of all groups' words that are different ones (Dieng, Ruiz & Blei 2020), in (0, 1]."""
    every = [word for own in words for word in own]
    return len(set(every)) / len(every) if every else float("nan")


def _phrase(
    vocabulary: Vocabulary, own: Sequence[int], weights: Mapping[int, float], words: Sequence[str]
) -> str | None:
    """Choose the phrase that a group is called by."""
    single = {word for word in words if " " not in word}
    worth = {
        column: weights[column] * (_KIN if single & set(vocabulary.words[column].split()) else 1) for column in own
    }
    best = max(worth, key=lambda column: worth[column], default=None)
    if best is None or worth[best] < _WORTHY * max(weights.values()):
        return None
    return vocabulary.words[best]


@lru_cache(maxsize=100_000)
def likeness(one: str, other: str) -> float:
    """Return how alike words are spelled: Dice's coefficient of their trigrams, in [0, 1]; 1 if one holds the other."""
    if set(one.split()) <= set(other.split()) or set(other.split()) <= set(one.split()):
        return 1.0
    a, b = ({f" {w} "[i : i + 3] for i in range(len(w))} for w in (one, other))
    return 2 * len(a & b) / (len(a) + len(b))


def _weighed(
    vocabulary: Vocabulary, labels: Labels, k: int
) -> list[tuple[npt.NDArray[np.int64], npt.NDArray[np.float64]]]:
    """Return the best columns of each group with their weights, heaviest first."""
    counts = vocabulary.by_group(labels, k)
    sizes = np.maximum(np.bincount(labels[labels >= 0], minlength=k), 1)
    n = max(1, int((labels >= 0).sum()))
    everywhere = np.asarray(counts.sum(axis=0), np.float64).ravel()
    ranked = []
    for group in range(k):
        start, stop = counts.indptr[group : group + 2]
        columns, held = counts.indices[start:stop].astype(np.int64), counts.data[start:stop].astype(np.float64)
        p = held / sizes[group]
        weights = p * np.log(p * n / everywhere[columns])
        often = everywhere[columns] >= 2
        good = (weights > _NOTHING) if k > 1 else np.ones(len(p), bool)
        if k == 1:
            weights = p
        if (good & often).any():
            good &= often
        columns, weights = columns[good], weights[good]
        spelled = np.array([vocabulary.words[c] for c in columns], dtype=object)
        best = _first(weights, spelled)
        ranked.append((columns[best], weights[best]))
    return ranked


def _first(weights: npt.NDArray[np.float64], spelled: npt.NDArray[np.object_]) -> npt.NDArray[np.int64]:
    """Return the places of the heaviest, heaviest first; equal ones by spelling."""
    if not len(weights):
        return np.empty(0, np.int64)
    least = np.partition(weights, max(0, len(weights) - _CANDIDATES))[max(0, len(weights) - _CANDIDATES)]
    some = np.flatnonzero(weights >= least)
    order = sorted(some.tolist(), key=lambda at: (-weights[at], spelled[at]))
    return np.array(order[:_CANDIDATES], np.int64)


def _unlike(
    vocabulary: Vocabulary, columns: npt.NDArray[np.int64], weights: npt.NDArray[np.float64], top: int
) -> list[int]:
    """Choose columns by maximal marginal relevance."""
    words = [vocabulary.words[column] for column in columns]

    def similarity(item: int) -> list[float]:
        return [likeness(word, words[item]) for word in words]

    relevance = weights / max(weights.max(initial=0), _NOTHING)
    chosen: list[int] = columns[queries.mmr(relevance, similarity, top, weight=_RELEVANCE)].tolist()
    return chosen
