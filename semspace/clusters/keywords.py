"""The keywords and titles of groups, and how coherent and diverse keywords are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache

import numpy as np

from semspace import queries
from semspace.clusters.document_terms import DocumentTerms
from semspace.clusters.term_counts import TermCounts
from semspace.types import Doubles1d, Int32s1d, Ints1d, Strings1d

N_KEYWORDS = 10  # for each group
_CANDIDATES = 40  # heaviest terms of a group from which keywords and title are chosen
_RELEVANCE_WEIGHT = 0.7  # lambda of maximal marginal relevance
_MIN_PHRASE_WEIGHT = 0.3  # of a title's phrase, relative to the heaviest term of the group
_KEYWORD_BONUS = 2  # factor on the weight of a phrase that contains a keyword: "space shuttle" rather than a name
_MAX_TITLE_SIMILARITY = 0.4  # in spelling, of a word in a title to its phrase
_ZERO_WEIGHT = 1e-9  # weights up to here are rounding errors


def keywords(terms: DocumentTerms, labels: Int32s1d, n_clusters: int, *, n: int = N_KEYWORDS) -> list[tuple[str, ...]]:
    """Return up to `n` keywords of each group, best first, none spelled much like another; see `keywords_of`."""
    return keywords_of(terms, TermCounts.of_labels(terms, labels, n_clusters), n=n)


def titles(terms: DocumentTerms, labels: Int32s1d, words: Sequence[tuple[str, ...]]) -> list[str]:
    """Return a title for each group: its most characteristic phrase, if it has one, and its first keywords."""
    return [", ".join(title) for title in title_terms(terms, TermCounts.of_labels(terms, labels, len(words)), words)]


def keywords_of(terms: DocumentTerms, counts: TermCounts, *, n: int = N_KEYWORDS) -> list[tuple[str, ...]]:
    """Return up to `n` keywords of each group, best first, none spelled much like another.

    The weight of a term is its part in the divergence of the group from the corpus (Kullback & Leibler 1951): with
    ``p`` the share of the group's documents that contain it and ``q`` the share of all documents, ``p log(p / q)``.
    Unlike in class-based TF-IDF (Grootendorst 2022, "BERTopic"), a term that is equally frequent everywhere has no
    weight. Terms of a single document are left out unless a group has no others.
    Keywords are chosen by maximal marginal relevance (Carbonell & Goldstein 1998) on similarity in spelling.
    """
    return [tuple(terms.terms[c] for c in _dissimilar(terms, *pair, n)) for pair in _ranked(terms, counts)]


def title_terms(terms: DocumentTerms, counts: TermCounts, words: Sequence[tuple[str, ...]]) -> list[tuple[str, ...]]:
    """Return the terms of each group's title: its most characteristic phrase, if it has one, and its first keywords.

    A phrase is used for the group in which it has the highest weight.
    """
    ranked = _ranked(terms, counts)
    best_group: dict[int, tuple[float, int]] = {}
    for group, (columns, weights) in enumerate(ranked):
        for column, weight in zip(columns.tolist(), weights.tolist(), strict=True):
            if terms.is_phrase[column] and weight > best_group.get(column, (0.0, -1))[0]:
                best_group[column] = (weight, group)
    group_titles: list[tuple[str, ...]] = []
    for group, (columns, weights) in enumerate(ranked):
        phrases = [column for column in columns.tolist() if best_group.get(column, (0, -1))[1] == group]
        weight_of = dict(zip(columns.tolist(), weights.tolist(), strict=True))
        phrase = _title_phrase(terms, phrases, weight_of, words[group])
        rest = [w for w in words[group] if phrase is None or spelling_similarity(w, phrase) < _MAX_TITLE_SIMILARITY]
        group_titles.append((*([phrase] if phrase else []), *rest[: 2 if phrase else 3]))
    return group_titles


def coherence(terms: DocumentTerms, words: Sequence[Sequence[str]]) -> Doubles1d:
    """Return the coherence of each list of keywords, in [-1, 1]: the mean NPMI of pairs; NaN for fewer than two.

    NPMI is normalised pointwise mutual information (Bouma 2009) over documents.
    """
    n = max(1, terms.matrix.shape[0])
    matrix = terms.matrix.tocsc()
    coherences = np.full(len(words), np.nan)
    for group, keywords in enumerate(words):
        columns = [terms.columns[word] for word in keywords if word in terms.columns]
        if len(columns) < 2:
            continue
        part = matrix[:, columns]
        together = np.asarray((part.T @ part).todense(), np.float64) / n
        single = np.diag(together)
        pairs = np.triu_indices(len(columns), 1)
        p, expected = together[pairs], (single[:, None] * single)[pairs]
        with np.errstate(divide="ignore", invalid="ignore"):
            npmi = np.where(p <= 0, -1.0, np.where(p >= 1, 1.0, np.log(p / expected) / -np.log(p)))
        coherences[group] = npmi.mean()
    return coherences


def diversity(words: Sequence[Sequence[str]]) -> float:
    """Return the share of distinct words among the keywords of all groups (Dieng, Ruiz & Blei 2020), in (0, 1]."""
    every = [word for keywords in words for word in keywords]
    return len(set(every)) / len(every) if every else float("nan")


@lru_cache(maxsize=100_000)
def spelling_similarity(a: str, b: str) -> float:
    """Return Dice's coefficient of the trigrams of two terms, in [0, 1]; 1 if one has all the words of the other."""
    if set(a.split()) <= set(b.split()) or set(b.split()) <= set(a.split()):
        return 1.0
    trigrams_a, trigrams_b = ({f" {word} "[i : i + 3] for i in range(len(word))} for word in (a, b))
    return 2 * len(trigrams_a & trigrams_b) / (len(trigrams_a) + len(trigrams_b))


def _title_phrase(
    terms: DocumentTerms, phrases: Sequence[int], weight_of: Mapping[int, float], keywords: Sequence[str]
) -> str | None:
    """Return the phrase for a group's title, or None where no phrase has enough weight."""
    single = {word for word in keywords if " " not in word}
    weights = {
        column: weight_of[column] * (_KEYWORD_BONUS if single & set(terms.terms[column].split()) else 1)
        for column in phrases
    }
    best = max(weights, key=lambda column: weights[column], default=None)
    if best is None or weights[best] < _MIN_PHRASE_WEIGHT * max(weight_of.values()):
        return None
    return terms.terms[best]


def _ranked(terms: DocumentTerms, counts: TermCounts) -> list[tuple[Ints1d, Doubles1d]]:
    """Return the columns and weights of each group's heaviest terms, heaviest first."""
    table, sizes, n_clusters = counts.in_groups, np.maximum(counts.sizes, 1), len(counts.sizes)
    n, totals = max(1, counts.n), counts.in_all
    ranked = []
    for group in range(n_clusters):
        start, stop = table.indptr[group : group + 2]
        columns, in_group = table.indices[start:stop].astype(np.int64), table.data[start:stop].astype(np.float64)
        p = in_group / sizes[group]
        weights = p * np.log(p * n / totals[columns])
        if sizes[group] == n:  # the group is all that it is compared with
            weights = p
        useful = weights > _ZERO_WEIGHT
        repeated = totals[columns] >= 2
        if (useful & repeated).any():
            useful &= repeated
        columns, weights = columns[useful], weights[useful]
        best = _heaviest(weights, np.array([terms.terms[c] for c in columns], dtype=object))
        ranked.append((columns[best], weights[best]))
    return ranked


def _heaviest(weights: Doubles1d, spellings: Strings1d) -> Ints1d:
    """Return the positions of the largest weights, largest first; equal ones in the order of their spelling."""
    if not len(weights):
        return np.empty(0, np.int64)
    last = max(0, len(weights) - _CANDIDATES)
    candidates = np.flatnonzero(weights >= np.partition(weights, last)[last])
    order = sorted(candidates.tolist(), key=lambda i: (-weights[i], spellings[i]))
    return np.array(order[:_CANDIDATES], np.int64)


def _dissimilar(terms: DocumentTerms, columns: Ints1d, weights: Doubles1d, n: int) -> list[int]:
    """Choose columns by maximal marginal relevance."""
    spellings = [terms.terms[column] for column in columns]
    relevance = weights / max(weights.max(initial=0), _ZERO_WEIGHT)
    chosen = queries.mmr(
        relevance,
        lambda i: np.array([spelling_similarity(spelling, spellings[i]) for spelling in spellings]),
        n,
        weight=_RELEVANCE_WEIGHT,
    )
    return [int(columns[i]) for i in chosen]
