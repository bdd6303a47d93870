"""Word2Vec by our own kernels: epoch after epoch over the text, with what is reached told, judged and kept."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from time import perf_counter

import numpy as np

from semspace.history import Epoch, History
from semspace.progress import Bar, bar
from semspace.words.checkpoint import Reached
from semspace.words.chunks import Stretches, kept_shares
from semspace.words.job import Job, Trained
from semspace.words.parallel import Model, Pass, Separate, Shared
from semspace.words.parameters import Matrices, random_rows, rows_of_zeros, taken
from semspace.words.pretrained import put_start
from semspace.words.row_layout import Layout
from semspace.words.subwords import SubwordEncoder


def train(job: Job) -> Trained:
    """Train as the job says."""
    run = _Run(job)
    history = _through(job, run)
    return replace(run.learnt(history, last=True), idle=sum(not epoch.pairs for epoch in history))


def _through(job: Job, run: _Run) -> History:
    """Go through all epochs, from what was reached before."""
    reached = job.checkpoint.restore(job, run.matrices)
    job.judge(lambda: run.learnt(History(())))  # a task that can't judge these words says so now, not after an epoch
    total = len(job.tokens) * job.trainer.epochs
    with (
        ThreadPoolExecutor(run.threads) as pool,
        bar("training word vectors", total, unit="word", progress=job.progress) as shown,
    ):
        shown.update(reached.epoch * len(job.tokens) + reached.place)
        way = run.way(pool)
        while reached.epoch < job.trainer.epochs:
            reached = run.step(way, reached, shown)
            if job.checkpoint.due():
                job.checkpoint.keep(job, run.matrices, reached)
    job.checkpoint.keep(job, run.matrices, reached)
    return reached.history


class _Run:
    """The matrices of a training and the text it reads."""

    def __init__(self, job: Job) -> None:
        trainer, vocabulary = job.trainer, job.vocabulary
        keep = kept_shares(vocabulary.counts, trainer.sample)
        apart = trainer._thread_count if trainer.deterministic else 1
        self._job = job
        self._layout = Layout.plan(vocabulary, keep, job.trainer._subwords, apart)
        known = vocabulary.places >= 0
        rows, kept = np.full(len(known), -1, np.int32), np.zeros(len(known))
        rows[known], kept[known] = self._layout.rows[vocabulary.places[known]], keep[vocabulary.places[known]]
        self._stretches = Stretches(
            job.tokens, rows, kept, trainer.window, trainer.epochs, trainer.learning_rate, trainer.seed
        )
        self.matrices = Matrices(
            rows_of_zeros(self._layout.size, trainer.dim), rows_of_zeros(len(vocabulary.words), trainer.dim)
        )
        random_rows(self.matrices.inputs, trainer.dim, np.random.default_rng(trainer.seed))
        if job.start is not None:
            put_start(job.start, vocabulary, self._layout, self.matrices.inputs, job.trainer._subwords)

    @property
    def threads(self) -> int:
        """How many threads there is work for: in step, a few words occupy fewer."""
        return len(self._layout.noises) if self._job.trainer.deterministic else self._job.trainer._thread_count

    def way(self, pool: ThreadPoolExecutor) -> Pass:
        """Choose how the threads share the work."""
        trainer = self._job.trainer
        cbow = trainer.architecture == "cbow"
        model = Model(self.matrices, self._layout, trainer.dim, trainer.window, trainer.negatives, cbow)
        if len(self._layout.noises) > 1:
            return Separate(model, self._stretches, pool)
        return Shared(model, self._stretches, self.threads, pool)

    def step(self, way: Pass, reached: Reached, shown: Bar) -> Reached:
        """Train on the next words of the text."""
        stop = min(reached.place + way.span, len(self._stretches))
        start = perf_counter()
        pairs, loss = way.run(reached.epoch, reached.place, stop).tolist()
        done = stop - reached.place
        reached = replace(
            reached,
            place=stop,
            pairs=reached.pairs + pairs,
            loss=reached.loss + loss,
            seconds=reached.seconds + perf_counter() - start,
        )
        if reached.mean_loss is not None:
            shown.set_postfix_str(
                f"epoch {reached.epoch + 1} of {self._job.trainer.epochs}, loss {reached.mean_loss:.3f}", refresh=False
            )
        shown.update(done)
        return reached if stop < len(self._stretches) else self._end_epoch(reached)

    def _end_epoch(self, reached: Reached) -> Reached:
        score, task = self._job.judge(lambda: self.learnt(reached.history))
        done = Epoch(
            reached.epoch + 1, reached.mean_loss, reached.seconds, len(self._stretches), int(reached.pairs), score, task
        )
        return Reached(reached.epoch + 1, history=History((*reached.history.epochs, done)))

    def learnt(self, history: History, *, last: bool = False) -> Trained:
        """Copy the vectors; the `last` time the matrices go as soon as they aren't needed."""
        rows, dim, inputs = self._layout.rows, self._job.trainer.dim, self.matrices.inputs
        if last:
            del self.matrices
        if self._job.trainer._subwords is None:
            return Trained(_closed(taken(inputs, rows, dim)), None, history)
        from semspace.words.subword_kernel import means

        layout, n = self._layout, len(rows)
        # In the order of rows, then of words: the kernel takes lists of parts one after the other.
        by_row, none = np.zeros((n, dim), np.float32), np.zeros(n, np.int64)
        means(layout.starts, layout.parts, inputs[:, :dim], by_row, none)
        vectors = _closed(by_row[rows])
        pieces = _closed(inputs[n:, :dim].copy())
        words = self._job.vocabulary.words
        encoder = SubwordEncoder(self._job.trainer._subwords, pieces, layout.buckets, words, vectors)
        return Trained(vectors, encoder, history)


def _closed(array: np.ndarray) -> np.ndarray:
    array.setflags(write=False)
    return array
