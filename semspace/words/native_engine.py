"""The native backend of Word2Vec: semspace's own kernels, epoch after epoch over the text."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from time import perf_counter

import numpy as np

from semspace.history import Epoch, History, Progress
from semspace.progress import Bar, bar
from semspace.types import Floats2d
from semspace.words.chunks import TextChunks, keep_probabilities
from semspace.words.job import Job, TrainedVectors
from semspace.words.parallel import EmbeddingModel, Hogwild, Schedule, Sharded
from semspace.words.parameters import Matrices, randomize, rows_of_zeros, unpadded
from semspace.words.pretrained import copy_pretrained
from semspace.words.row_layout import RowLayout
from semspace.words.subwords import SubwordEncoder


def train_natively(job: Job) -> TrainedVectors:
    """Train word vectors with semspace's kernels."""
    training = _Training(job)
    history = training.run()
    return replace(training.result(history, last=True), idle_epochs=sum(not epoch.pairs for epoch in history))


class _Training:
    """The matrices of a training and the text that it reads."""

    def __init__(self, job: Job) -> None:
        parameters, vocabulary = job.parameters, job.vocabulary
        keep = keep_probabilities(vocabulary.counts, parameters.sample)
        shards = parameters.threads if parameters.deterministic else 1
        self._job, self._parameters = job, parameters
        self._layout = RowLayout.create(vocabulary, keep, parameters.subwords, shards)
        # With shards, a few words occupy fewer threads.
        self._threads = len(self._layout.noises) if parameters.deterministic else parameters.threads
        self._chunks = _chunks(job, self._layout, keep)
        self._matrices = Matrices(
            rows_of_zeros(self._layout.size, parameters.dim), rows_of_zeros(len(vocabulary.words), parameters.dim)
        )
        randomize(self._matrices.inputs, parameters.dim, np.random.default_rng(parameters.seed))
        if job.init is not None:
            copy_pretrained(job.init, vocabulary, self._layout, self._matrices.inputs, parameters.subwords)

    def run(self) -> History:
        """Train all epochs, or those that are left after a checkpoint."""
        job, epochs = self._job, self._parameters.epochs
        progress, history = job.checkpoint.restore(self._matrices, epochs, len(self._chunks))
        job.evaluate(lambda: self.result(History(())))  # an evaluator that can't score these words fails now
        total = len(job.tokens) * epochs
        with (
            ThreadPoolExecutor(self._threads) as pool,
            bar("training word vectors", total, unit="word", progress=job.progress) as shown,
        ):
            shown.update(progress.epoch * len(job.tokens) + progress.position)
            schedule = self._schedule(pool)
            while progress.epoch < epochs:
                progress = self._step(schedule, progress, shown)
                if progress.position == len(self._chunks):
                    history = History((*history.epochs, self._epoch(progress, history)))
                    progress = Progress(progress.epoch + 1)
                if job.checkpoint.due():
                    job.checkpoint.save(self._matrices, progress, history)
        job.checkpoint.save(self._matrices, progress, history)
        return history

    def result(self, history: History, *, last: bool = False) -> TrainedVectors:
        """Return copies of the vectors; the `last` time, memory is released as soon as it isn't needed."""
        rows, dim, inputs = self._layout.rows, self._parameters.dim, self._matrices.inputs
        if last:
            del self._matrices
        subwords = self._parameters.subwords
        if subwords is None:
            return TrainedVectors(_read_only(unpadded(inputs, rows, dim)), None, history)
        from semspace.words.subword_kernel import average_rows

        layout, n = self._layout, len(rows)
        # In the order of rows, then of words: the kernel reads the lists of parts one after the other.
        by_row = np.zeros((n, dim), np.float32)
        average_rows(layout.starts, layout.parts, inputs[:, :dim], by_row, np.zeros(n, np.int64))
        vectors = _read_only(by_row[rows])
        bucket_vectors = _read_only(inputs[n:, :dim].copy())
        encoder = SubwordEncoder(subwords, bucket_vectors, layout.buckets, self._job.vocabulary.words, vectors)
        return TrainedVectors(vectors, encoder, history)

    def _schedule(self, pool: ThreadPoolExecutor) -> Schedule:
        p = self._parameters
        model = EmbeddingModel(self._matrices, self._layout, p.dim, p.window, p.negatives, p.cbow)
        if len(self._layout.noises) > 1:
            return Sharded(model, self._chunks, pool)
        return Hogwild(model, self._chunks, self._threads, pool)

    def _step(self, schedule: Schedule, progress: Progress, shown: Bar) -> Progress:
        """Train on the next words of the text."""
        start, began = progress.position, perf_counter()
        stop = min(start + schedule.step, len(self._chunks))
        pairs, loss = schedule.run(progress.epoch, start, stop).tolist()
        progress = progress.advanced(stop, loss, pairs, perf_counter() - began)
        if progress.mean_loss is not None:
            epoch = f"epoch {progress.epoch + 1} of {self._parameters.epochs}"
            shown.set_postfix_str(f"{epoch}, loss {progress.mean_loss:.3f}", refresh=False)
        shown.update(stop - start)
        return progress

    def _epoch(self, progress: Progress, history: History) -> Epoch:
        """Return the row of the history for an epoch that is complete."""
        score, task = self._job.evaluate(lambda: self.result(history))
        words, pairs = len(self._chunks), int(progress.count)
        return Epoch(progress.epoch + 1, progress.mean_loss, progress.seconds, words, pairs, score, task)


def _chunks(job: Job, layout: RowLayout, keep: np.ndarray) -> TextChunks:
    parameters, indices = job.parameters, job.vocabulary.indices
    known = indices >= 0
    rows, keep_by_id = np.full(len(known), -1, np.int32), np.zeros(len(known))
    rows[known], keep_by_id[known] = layout.rows[indices[known]], keep[indices[known]]
    return TextChunks(
        job.tokens,
        rows,
        keep_by_id,
        parameters.window,
        parameters.epochs,
        parameters.learning_rate,
        parameters.seed,
    )


def _read_only(vectors: Floats2d) -> Floats2d:
    vectors.setflags(write=False)
    return vectors
