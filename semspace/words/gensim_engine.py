"""Word2Vec through gensim, for a cross-check of our own engine: the same parameters, the same words."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise
from time import perf_counter
from typing import Any

import numpy as np

from semspace.errors import InputError
from semspace.history import Epoch, History
from semspace.progress import Bar, bar
from semspace.words.job import Job, Trained
from semspace.words.subwords import SubwordEncoder, Subwords

# gensim silently drops what a sentence has beyond 10,000 words, so longer documents are cut into pieces.
_LONGEST = 10_000


class _Sentences:
    """The documents as lists of words, walked once an epoch."""

    def __init__(self, job: Job, shown: Bar) -> None:
        self._tokens, self._places = job.tokens, job.vocabulary.places
        self._words = np.array(job.vocabulary.words, dtype=object)
        self._bar = shown

    def __iter__(self) -> Iterator[list[str]]:
        for document in self._tokens.documents():
            for start in range(0, len(document), _LONGEST):
                piece = self._places[document[start : start + _LONGEST]]
                yield self._words[piece[piece >= 0]].tolist()
                self._bar.update(len(piece))


def train(job: Job) -> Trained:
    """Train with gensim's Word2Vec, or its FastText where there are subwords.

    The history has no loss: gensim's is summed in float32 by threads that overwrite each other.
    """
    _check(job)
    trainer, words = job.trainer, job.vocabulary.words
    counts = dict(zip(words, job.vocabulary.counts.tolist(), strict=True))
    epochs: list[Epoch] = []
    with bar("training word vectors", trainer.epochs * len(job.tokens), unit="word", progress=job.progress) as shown:
        model = _model(job)
        model.build_vocab_from_freq(counts, corpus_count=len(job.tokens.offsets) - 1)
        rows = [model.wv.key_to_index[word] for word in words]
        outputs = [_size(model)]

        def ended(seconds: float) -> None:
            outputs.append(_size(model))
            epochs.append(_epoch(job, model, rows, seconds, len(epochs) + 1))

        watch = _watch(ended)
        model.train(
            _Sentences(job, shown),
            total_words=int(job.vocabulary.counts.sum()),
            epochs=trainer.epochs,
            callbacks=[watch],
        )
    idle = sum(before == after for before, after in pairwise(outputs))
    return replace(_learnt(job, model, rows, History(tuple(epochs))), idle=idle)


def _size(model: Any) -> float:
    """Return the size of the matrix of contexts, which starts with zeros and stays as it is where nothing is learnt."""
    return float(np.linalg.norm(model.syn1neg))


def _check(job: Job) -> None:
    if job.start is not None:
        raise InputError("init= needs backend='native'; gensim's engine can't take vectors to go on from")
    if job.checkpoint.wanted:
        raise InputError("checkpoint= needs backend='native'; gensim's engine can't be stopped and gone on with")
    if job.trainer.deterministic and job.trainer._thread_count > 1:
        raise InputError("deterministic=True needs backend='native', or threads=1: gensim's threads aren't in step")


def _model(job: Job) -> Any:
    from gensim.models import FastText
    from gensim.models import Word2Vec as GensimWord2Vec

    trainer = job.trainer
    same = {
        "vector_size": trainer.dim,
        "window": trainer.window,
        "negative": trainer.negatives,
        "min_count": 1,
        "epochs": trainer.epochs,
        "sample": trainer.sample,
        "alpha": trainer.learning_rate,
        "sg": int(trainer.architecture == "skipgram"),
        "workers": trainer._thread_count,
        "seed": trainer.seed,
    }
    subwords = trainer._subwords
    if subwords is None:
        return GensimWord2Vec(**same)
    return FastText(**same, min_n=subwords.minn, max_n=subwords.maxn, bucket=subwords.buckets)


def _watch(ended: Any) -> Any:
    from gensim.models.callbacks import CallbackAny2Vec

    class Watch(CallbackAny2Vec):  # type: ignore[misc]
        """Tells how long each epoch took."""

        def on_epoch_begin(self, _: Any) -> None:
            self._began = perf_counter()

        def on_epoch_end(self, _: Any) -> None:
            ended(perf_counter() - self._began)

    return Watch()


def _epoch(job: Job, model: Any, rows: list[int], seconds: float, number: int) -> Epoch:
    score, task = job.judge(lambda: _learnt(job, model, rows, History(())))
    return Epoch(number, None, seconds, len(job.tokens), 0, score, task)


def _learnt(job: Job, model: Any, rows: list[int], history: History) -> Trained:
    subwords: Subwords | None = job.trainer._subwords
    if subwords is not None:
        model.wv.adjust_vectors()
    vectors = np.ascontiguousarray(model.wv.vectors[rows], dtype=np.float32)
    vectors.setflags(write=False)
    encoder = None
    if subwords is not None:
        encoder = SubwordEncoder(subwords, model.wv.vectors_ngrams, None, job.vocabulary.words, vectors)
    return Trained(vectors, encoder, history)
