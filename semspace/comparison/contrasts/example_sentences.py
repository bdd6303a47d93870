"""Sentences of each corpus that contain a word: what a word's use in either looks like."""

from __future__ import annotations

import numpy as np
import polars as pl

from semspace import checks
from semspace.comparison.document_tokens import tokens_of
from semspace.comparison.samples import Samples
from semspace.errors import InputError
from semspace.text.sentences import split_sentences
from semspace.types import Ints1d


def example_sentences(samples: Samples, word: str, n: int) -> pl.DataFrame:
    """Return up to `n` sentences of each corpus that contain a word, from documents spread evenly over the corpus.

    Columns ``corpus``, ``id`` and ``sentence``, one row for a document.

    Raises
    ------
    InputError
        If there are no texts, or no document has the word.
    """
    count = checks.whole("n", n)
    found = spelling_in(samples, word)
    rows: list[tuple[str, str, str]] = []
    for corpus, name in enumerate(samples.names):
        documents = _documents_with(samples, found, corpus)
        evenly = np.unique(np.linspace(0, len(documents) - 1, min(count, len(documents))).round().astype(int))
        for row in documents[evenly].tolist():
            assert samples.texts is not None
            sentence = _sentence_with(samples.texts[row], found)
            rows += [(name, samples.ids[row], sentence)] if sentence else []
    return pl.DataFrame(rows, schema=dict.fromkeys(("corpus", "id", "sentence"), pl.String), orient="row")


def spelling_in(samples: Samples, word: str) -> str:
    """Return a word as it is spelt among the words of the documents, or raise an error if none has it."""
    if not isinstance(word, str):
        raise InputError(f"a word must be a text; got {type(word).__name__}")
    tokens = samples.tokens
    if tokens is None:
        raise InputError(f"no document has the word {word!r}: the comparison has no texts")
    known = tokens.vocabulary["word"]
    if (known == word).any():
        return word
    normalized = tokens_of(pl.Series([word]))
    if normalized is not None and len(normalized.ids) == 1 and (known == normalized.words[0]).any():
        return normalized.words[0]
    raise checks.unknown("word", word, known.to_list(), where="the compared documents")


def counts_of(samples: Samples, word: str) -> list[int]:
    """Return how often each corpus uses a word, as it is spelt among the words of the documents."""
    positions = _positions(samples, word)
    return np.bincount(samples.corpus_ids[positions], minlength=samples.n_corpora).tolist()  # type: ignore[no-any-return]


def _positions(samples: Samples, word: str) -> Ints1d:
    """Return the document of each use of a word, in increasing order."""
    tokens = samples.tokens
    assert tokens is not None
    number = int((tokens.vocabulary["word"] == word).arg_max() or 0)
    uses = np.flatnonzero(np.asarray(tokens.ids) == number)
    documents: Ints1d = np.searchsorted(tokens.offsets, uses, side="right") - 1
    return documents


def _documents_with(samples: Samples, word: str, corpus: int) -> Ints1d:
    documents = np.unique(_positions(samples, word))
    of_corpus: Ints1d = documents[samples.corpus_ids[documents] == corpus]
    return of_corpus


def _sentence_with(text: str, word: str) -> str:
    """Return the first sentence of a text that contains a word."""
    sentences = split_sentences(text)
    # Most spellings of a word contain it as it is, so few sentences are split into words.
    likely = [sentence for sentence in sentences if word in sentence.casefold()]
    return _first_with(likely, word) or _first_with(sentences, word)


def _first_with(sentences: list[str], word: str) -> str:
    tokens = tokens_of(pl.Series(sentences, dtype=pl.String)) if sentences else None
    if tokens is None or word not in tokens.words:
        return ""
    use = int(np.flatnonzero(np.asarray(tokens.ids) == tokens.words.index(word))[0])
    row = int(np.searchsorted(tokens.offsets, use, side="right")) - 1
    return " ".join(sentences[row].split())
