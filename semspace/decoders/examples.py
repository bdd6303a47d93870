"""The sentences that a text decoder is trained on, as tokens, with their vectors."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from semspace.decoders.byte_pairs import END, N_BYTES, open_tokenizer, train_byte_pairs
from semspace.errors import InputError
from semspace.progress import bar
from semspace.queries import TINY, unit
from semspace.text.corpus import Corpus
from semspace.text.sentences import split_sentences
from semspace.text_encoder import TextEncoder, encode_documents
from semspace.types import Floats2d, Ints1d

LEAST = 20  # sentences
_AT_ONCE = 8_192  # sentences encoded at a time


@dataclass(frozen=True, eq=False)
class TextExamples:
    """Sentences as tokens, with the vector of each.

    Parameters
    ----------
    tokenizer : str
        As JSON.
    vocabulary : int
        Number of tokens that the tokenizer knows.
    tokens : ndarray of int64, shape (all tokens,)
        Sentence by sentence, each with the token of its end.
    offsets : ndarray of int64, shape (n + 1,)
        Where each sentence begins.
    vectors : ndarray of float32, shape (n, width)
        Of length 1.
    """

    tokenizer: str
    vocabulary: int
    tokens: Ints1d
    offsets: Ints1d
    vectors: Floats2d

    def __len__(self) -> int:
        return len(self.vectors)


def sentences_of(corpus: Corpus, min_words: int, max_words: int) -> list[str]:
    """Return the different sentences of a corpus with so many words, in their order.

    Raises
    ------
    InputError
        If there are fewer than twenty.
    """
    found: dict[str, None] = {}
    for text in corpus.texts:
        found.update((some, None) for some in _sentences(text) if min_words <= len(some.split()) <= max_words)
    if len(found) < LEAST:
        raise InputError(
            f"a text decoder needs at least {LEAST} different sentences of {min_words} to {max_words} words, and the "
            f"corpus has {len(found)}; give more texts, or change min_words and max_words"
        )
    return list(found)


def _sentences(text: str) -> Iterator[str]:
    return (" ".join(sentence.split()) for sentence in split_sentences(text))


def encode_examples(
    sentences: list[str], encoder: TextEncoder, max_vocabulary: int, max_tokens: int, *, progress: bool
) -> TextExamples:
    """Train a tokenizer on sentences, and encode those that have at most `max_tokens` tokens."""
    tokenizer = train_byte_pairs(sentences, max_vocabulary)
    opened = open_tokenizer(tokenizer, "the new tokenizer")
    rows = [encoding.ids for encoding in opened.encode_batch(sentences)]
    short = [number for number, ids in enumerate(rows) if len(ids) < max_tokens]
    if len(short) < LEAST:
        raise InputError(
            f"only {len(short)} of {len(sentences):,} sentences have fewer than max_tokens={max_tokens} tokens; raise "
            f"max_tokens, or vocabulary (now {max_vocabulary:,}; {N_BYTES} tokens are single bytes)"
        )
    lengths = np.array([len(rows[number]) + 1 for number in short])
    tokens = np.array([token for number in short for token in (*rows[number], END)], dtype=np.int64)
    vectors = _vectors([sentences[number] for number in short], encoder, progress=progress)
    offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
    return TextExamples(tokenizer, opened.get_vocab_size(), tokens, offsets, vectors)


def _vectors(sentences: list[str], encoder: TextEncoder, *, progress: bool) -> Floats2d:
    vectors = np.empty((len(sentences), encoder.dim), np.float32)
    with bar("encoding sentences", len(sentences), unit="sentence", progress=progress) as shown:
        for start in range(0, len(sentences), _AT_ONCE):
            some = sentences[start : start + _AT_ONCE]
            vectors[start : start + len(some)] = directions_of(some, encoder)
            shown.update(len(some))
    return vectors


def directions_of(texts: list[str], encoder: TextEncoder) -> Floats2d:
    """Return the vectors of texts as documents, of length 1; a text without a direction gets zeros."""
    directions: Floats2d = unit(np.asarray(encode_documents(texts, encoder), np.float32), floor=TINY)
    return directions
