"""Random sentences of a corpus, from which an encoder learns."""

from collections.abc import Iterator

import numpy as np
import polars as pl

from semspace.errors import InputError
from semspace.text.corpus import Corpus
from semspace.text.sentences import split_sentences
from semspace.text.tokenize import FastTokenizer

_MIN_WORDS, _MAX_WORDS = 3, 60  # of a sentence
_SENTENCES_PER_DOCUMENT = 20  # at most, so that long documents don't outweigh the others


def sample_sentences(corpus: Corpus, n: int, seed: int) -> list[str]:
    """Draw up to `n` different sentences of 3 to 60 words, in random order, from documents in random order.

    Raises
    ------
    InputError
        If there are none.
    """
    drawn = draw_sentences(corpus, n, seed)
    if not drawn:
        raise InputError(
            f"the corpus has no sentence of {_MIN_WORDS} to {_MAX_WORDS} words to learn from; give longer texts"
        )
    return drawn


def draw_sentences(corpus: Corpus, n: int, seed: int, *, max_words: int = _MAX_WORDS) -> list[str]:
    """Draw up to `n` different sentences of 3 to `max_words` words; the first are the same whatever `n` is."""
    rng = np.random.default_rng(seed)
    drawn: dict[str, None] = {}
    for row in rng.permutation(len(corpus)).tolist():
        sentences = list(medium_sentences(corpus.texts[row], max_words))
        drawn.update((sentences[i], None) for i in rng.permutation(len(sentences))[:_SENTENCES_PER_DOCUMENT].tolist())
        if len(drawn) >= n:
            break
    return list(drawn)[:n]


def medium_sentences(text: str, max_words: int = _MAX_WORDS) -> Iterator[str]:
    """Iterate over the sentences of 3 to `max_words` words; in scripts without spaces, characters are counted."""
    sentences = split_sentences(text)
    counts = FastTokenizer()(pl.Series(sentences, dtype=pl.String)).list.len().to_list()
    yield from (sentence for sentence, count in zip(sentences, counts, strict=True) if _MIN_WORDS <= count <= max_words)
