"""Sentences drawn of a corpus, for an encoder to learn from."""

from collections.abc import Iterator

import numpy as np
import polars as pl

from semspace.errors import InputError
from semspace.text.corpus import Corpus
from semspace.text.sentences import split_sentences
from semspace.text.tokenize import FastTokenizer

_FEWEST, _MOST = 3, 60  # words of a sentence to learn from
_OF_ONE = 20  # sentences taken of one document, so that a long one doesn't outweigh the others


def sentences_of(corpus: Corpus, most: int, seed: int) -> list[str]:
    """Draw up to `most` different sentences, in random order, from documents in random order."""
    draw = np.random.default_rng(seed)
    found: dict[str, None] = {}
    for row in draw.permutation(len(corpus)).tolist():
        own = list(cut(corpus.texts[row]))
        found.update((own[i], None) for i in draw.permutation(len(own))[:_OF_ONE].tolist())
        if len(found) >= most:
            break
    if not found:
        raise InputError(f"the corpus has no sentence of {_FEWEST} to {_MOST} words to learn from; give longer texts")
    return list(found)[:most]


def cut(text: str) -> Iterator[str]:
    """Return the sentences of a text that have three to sixty words; of scripts without spaces, characters count."""
    sentences = split_sentences(text)
    words = FastTokenizer()(pl.Series(sentences, dtype=pl.String)).list.len().to_list()
    yield from (one for one, count in zip(sentences, words, strict=True) if _FEWEST <= count <= _MOST)
