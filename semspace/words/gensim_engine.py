"""The gensim backend of Word2Vec, for cross-checking the native one: the same parameters, the same words."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import pairwise
from time import perf_counter
from typing import Any

import numpy as np

from semspace.errors import InputError
from semspace.history import Epoch, History
from semspace.progress import Bar, bar
from semspace.words.job import Job, TrainedVectors
from semspace.words.subwords import SubwordEncoder

_MAX_SENTENCE = 10_000  # words; gensim silently drops the rest, so longer documents are cut into pieces


class _Sentences:
    """The documents as lists of words, iterated over once an epoch."""

    def __init__(self, job: Job, shown: Bar) -> None:
        self._tokens, self._indices = job.tokens, job.vocabulary.indices
        self._words = np.array(job.vocabulary.words, dtype=object)
        self._bar = shown

    def __iter__(self) -> Iterator[list[str]]:
        for document in self._tokens.documents():
            for start in range(0, len(document), _MAX_SENTENCE):
                indices = self._indices[document[start : start + _MAX_SENTENCE]]
                yield self._words[indices[indices >= 0]].tolist()
                self._bar.update(len(indices))


def train_with_gensim(job: Job) -> TrainedVectors:
    """Train with gensim's Word2Vec, or its FastText if there are subwords.

    The history has no loss: gensim's is summed in float32 by threads that overwrite each other.
    """
    _check(job)
    epochs, words = job.parameters.epochs, job.vocabulary.words
    counts = dict(zip(words, job.vocabulary.counts.tolist(), strict=True))
    rows_of_history: list[Epoch] = []
    with bar("training word vectors", epochs * len(job.tokens), unit="word", progress=job.progress) as shown:
        model = _model(job)
        model.build_vocab_from_freq(counts, corpus_count=len(job.tokens.offsets) - 1)
        rows = [model.wv.key_to_index[word] for word in words]
        output_norms = [_output_norm(model)]

        def on_epoch_end(seconds: float) -> None:
            output_norms.append(_output_norm(model))
            rows_of_history.append(_epoch(job, model, rows, seconds, len(rows_of_history) + 1))

        model.train(
            _Sentences(job, shown),
            total_words=int(job.vocabulary.counts.sum()),
            epochs=epochs,
            callbacks=[_timer(on_epoch_end)],
        )
    idle = sum(before == after for before, after in pairwise(output_norms))
    return replace(_result(job, model, rows, History(tuple(rows_of_history))), idle_epochs=idle)


def _output_norm(model: Any) -> float:
    """Return the norm of the output matrix, which starts with zeros and doesn't change where nothing is learnt."""
    return float(np.linalg.norm(model.syn1neg))


def _check(job: Job) -> None:
    if job.init is not None:
        raise InputError("init= needs backend='native'; gensim's backend can't start from pretrained vectors")
    if job.checkpoint.path is not None:
        raise InputError("checkpoint= needs backend='native'; gensim's backend can't resume a training")
    if job.parameters.deterministic and job.parameters.threads > 1:
        raise InputError("deterministic=True needs backend='native', or threads=1: gensim doesn't synchronise threads")


def _model(job: Job) -> Any:
    from gensim.models import FastText
    from gensim.models import Word2Vec as GensimWord2Vec

    parameters, subwords = job.parameters, job.parameters.subwords
    options = {
        "vector_size": parameters.dim,
        "window": parameters.window,
        "negative": parameters.negatives,
        "min_count": 1,
        "epochs": parameters.epochs,
        "sample": parameters.sample,
        "alpha": parameters.learning_rate,
        "sg": int(not parameters.cbow),
        "workers": parameters.threads,
        "seed": parameters.seed,
    }
    if subwords is None:
        return GensimWord2Vec(**options)
    return FastText(**options, min_n=subwords.minn, max_n=subwords.maxn, bucket=subwords.buckets)


def _timer(on_end: Callable[[float], None]) -> Any:
    from gensim.models.callbacks import CallbackAny2Vec

    class Timer(CallbackAny2Vec):  # type: ignore[misc]
        """Reports the time that each epoch took."""

        def on_epoch_begin(self, _: Any) -> None:
            self._began = perf_counter()

        def on_epoch_end(self, _: Any) -> None:
            on_end(perf_counter() - self._began)

    return Timer()


def _epoch(job: Job, model: Any, rows: list[int], seconds: float, number: int) -> Epoch:
    score, task = job.evaluate(lambda: _result(job, model, rows, History(())))
    return Epoch(number, None, seconds, len(job.tokens), 0, score, task)


def _result(job: Job, model: Any, rows: list[int], history: History) -> TrainedVectors:
    subwords = job.parameters.subwords
    if subwords is not None:
        model.wv.adjust_vectors()
    vectors = np.ascontiguousarray(model.wv.vectors[rows], dtype=np.float32)
    vectors.setflags(write=False)
    encoder = None
    if subwords is not None:
        encoder = SubwordEncoder(subwords, model.wv.vectors_ngrams, None, job.vocabulary.words, vectors)
    return TrainedVectors(vectors, encoder, history)
