"""The contexts that two words share in a text, with sentences.

A context counts by its positive pointwise mutual information with a word, where the frequencies of contexts are
smoothed by the power 0.75 so that rare ones don't come first (Levy, Goldberg & Dagan 2015, TACL 3).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import polars as pl

from semspace import checks
from semspace.text.corpus import Corpus
from semspace.text.sentences import sentence_spans
from semspace.text.tokenize import FastTokenizer
from semspace.text.tokens import Tokens
from semspace.types import Doubles1d, Ints1d

_SMOOTHING = 0.75
_AROUND = 8  # words of `Tokens` that are shown before and after a word


class _Occurrences(NamedTuple):
    """Where a word stands among all, and what stands near it: place i of `near` belongs to ``places[near_of[i]]``."""

    places: Ints1d
    near: Ints1d
    near_of: Ints1d


def shared_contexts(text: Corpus | Tokens, a: str, b: str, k: int, window: int) -> tuple[pl.DataFrame, int]:
    """Return the `k` strongest contexts of both words, with a sentence of each, and how often both stand together."""
    tokens = Tokens.from_corpus(text, min_count=1, tokenizer="fast") if isinstance(text, Corpus) else text
    corpus = text if isinstance(text, Corpus) else None
    words = tokens.words
    ids = [_id_of(words, word) for word in (a, b)]
    found = [_occurrences(tokens, id, window) for id in ids]
    counts = [np.bincount(tokens.ids[one.near], minlength=len(words)) for one in found]
    strengths = np.minimum(*(_mutual_information(one, tokens) for one in counts))
    strengths[ids] = 0
    repeated = np.where(np.minimum(*counts) >= 2, strengths, 0)
    strengths = repeated if repeated.any() else strengths
    best = [int(i) for i in np.argsort(-strengths, kind="stable")[:k] if strengths[i] > 0]
    frame = pl.DataFrame(
        {
            "word": [words[i] for i in best],
            "strength": strengths[best],
            "count_a": counts[0][best],
            "count_b": counts[1][best],
            "sentence_a": [_sentence(tokens, corpus, found[0], ids[0], i) for i in best],
            "sentence_b": [_sentence(tokens, corpus, found[1], ids[1], i) for i in best],
        },
        schema={
            "word": pl.String,
            "strength": pl.Float64,
            "count_a": pl.Int64,
            "count_b": pl.Int64,
            "sentence_a": pl.String,
            "sentence_b": pl.String,
        },
    )
    return frame, int(counts[0][ids[1]])


def _id_of(words: list[str], word: str) -> int:
    if word not in words:
        raise checks.unknown("word", word, words, where=f"the {len(words):,} words of this text")
    return words.index(word)


def _occurrences(tokens: Tokens, id: int, window: int) -> _Occurrences:
    """Return where a word stands, and the places within `window` words of it, in the same document."""
    places = np.flatnonzero(np.asarray(tokens.ids) == id)
    documents = np.searchsorted(tokens.offsets, places, side="right") - 1
    near = places[:, None] + np.array([d for d in range(-window, window + 1) if d])
    is_inside = (near >= tokens.offsets[documents][:, None]) & (near < tokens.offsets[documents + 1][:, None])
    rows = np.broadcast_to(np.arange(len(places))[:, None], near.shape)
    return _Occurrences(places, near[is_inside], rows[is_inside])


def _mutual_information(counts: Ints1d, tokens: Tokens) -> Doubles1d:
    """Return the positive pointwise mutual information of a word with each context, in bits."""
    frequencies = tokens.vocabulary["count"].to_numpy().astype(np.float64) ** _SMOOTHING
    expected = frequencies / frequencies.sum() * max(counts.sum(), 1)
    information: Doubles1d = np.log2(np.maximum(counts / expected, 1))
    return information


def _sentence(tokens: Tokens, corpus: Corpus | None, found: _Occurrences, id: int, context: int) -> str:
    """Return a sentence in which a context stands near a word; of `Tokens`, the words around."""
    place = int(found.places[found.near_of[(tokens.ids[found.near] == context).argmax()]])
    document = int(np.searchsorted(tokens.offsets, place, side="right")) - 1
    words = tokens.words
    if corpus is None:
        start, end = tokens.offsets[document : document + 2].tolist()
        around = tokens.ids[max(start, place - _AROUND) : min(end, place + _AROUND + 1)]
        return " ".join(words[i] for i in around.tolist())
    text = str(corpus.texts[document])
    sentences = [text[start:end] for start, end in sentence_spans(text)]
    split = FastTokenizer()(pl.Series("text", sentences, dtype=pl.String)).to_list()
    both = (s for s, of in zip(sentences, split, strict=True) if words[id] in of and words[context] in of)
    one = (s for s, of in zip(sentences, split, strict=True) if words[id] in of)
    return next(both, next(one, ""))
