"""Word2Vec through gensim."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from semspace.checks import FloatMatrix
from semspace.progress import Bar, bar
from semspace.text.tokens import Tokens

if TYPE_CHECKING:
    from semspace.words.word2vec import Word2Vec

# gensim silently drops what a sentence has beyond 10,000 words, so longer documents are cut into pieces.
_LONGEST = 10_000


class _Sentences:
    """The documents as lists of words, walked once an epoch."""

    def __init__(self, tokens: Tokens, shown: Bar) -> None:
        self._tokens = tokens
        self._words = np.array(tokens.words, dtype=object)
        self._bar = shown

    def __iter__(self) -> Iterator[list[str]]:
        for document in self._tokens.documents():
            for start in range(0, len(document), _LONGEST):
                piece = document[start : start + _LONGEST]
                yield self._words[piece].tolist()
                self._bar.update(len(piece))


def train(trainer: Word2Vec, tokens: Tokens, progress: bool) -> FloatMatrix:
    """Train with gensim's Word2Vec; the vectors come in vocabulary order, shape (words, dim)."""
    from gensim.models import Word2Vec as GensimWord2Vec

    model = GensimWord2Vec(
        vector_size=trainer.dim,
        window=trainer.window,
        negative=trainer.negatives,
        min_count=1,
        epochs=trainer.epochs,
        sample=trainer.sample,
        alpha=trainer.learning_rate,
        sg=int(trainer.architecture == "skipgram"),
        workers=trainer.thread_count,
        seed=trainer.seed,
    )
    counts = dict(zip(tokens.words, tokens.vocabulary["count"].to_list(), strict=True))
    model.build_vocab_from_freq(counts, corpus_count=len(tokens.offsets) - 1)
    with bar("training word vectors", trainer.epochs * len(tokens), unit="word", progress=progress) as shown:
        model.train(_Sentences(tokens, shown), total_words=len(tokens), epochs=trainer.epochs)
    rows = [model.wv.key_to_index[word] for word in tokens.words]
    return np.ascontiguousarray(model.wv.vectors[rows], dtype=np.float32)
