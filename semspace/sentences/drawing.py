"""Sentences drawn of a corpus, for an encoder to learn from."""

import re
from collections.abc import Iterator

import numpy as np

from semspace.errors import InputError
from semspace.text.corpus import Corpus

# Where a sentence ends, before a small letter too: texts may be all in small letters.
_ENDS = re.compile(r"(?<=[.!?])[\"'”’)]*\s+|\n+")
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
    """Give the sentences of a text that have three to sixty words."""
    for part in _ENDS.split(text):
        if _FEWEST <= len(part.split()) <= _MOST:
            yield part.strip()
