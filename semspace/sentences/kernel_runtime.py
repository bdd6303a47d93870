"""A transformer run by the kernels of `semspace.inference`: no padding, both cores, three precisions."""

from __future__ import annotations

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from queue import Empty, SimpleQueue
from typing import Any

import numpy as np
import numpy.typing as npt

from semspace.errors import DamagedError
from semspace.sentences.model_config import Layout
from semspace.sentences.model_files import CONFIG
from semspace.sentences.runtime import Tokenized
from semspace.sentences.weights import Weights
from semspace.threads import thread_count
from semspace.types import Floats2d

# By kind, the precisions that keep its promise, the fastest first, and what the processor must be able to do.
PRECISIONS = {"fast": ("int8",), "exact": ("bfloat16", "float32"), "torch": ()}
_NEEDS = {"int8": ("avx512f", "avx512vnni"), "bfloat16": ("avx512f", "avx512bf16"), "float32": ()}
_PIECE = 768  # tokens a thread takes at a time


class KernelRuntime:
    """BERT and its like, on a processor.

    Parameters
    ----------
    layout : Layout
        Of a model for which `obstacle` says nothing.
    backend : {"fast", "exact"}
    precision : {"int8", "bfloat16", "float32"}
    """

    def __init__(self, layout: Layout, backend: str, precision: str) -> None:
        from semspace.inference import architectures, forward

        self.backend, self.implementation = backend, f"{precision} kernels"
        self._poolings = np.array([forward.POOLINGS.index(how) for how in layout.poolings], np.int64)
        config = json.loads((layout.folder / CONFIG).read_text(encoding="utf-8"))
        with Weights(layout.folder) as weights:
            self.model = architectures.build(config, weights.take, layout.max_tokens, precision)
        self.dim, self.vocabulary = self.model.words.shape[1] * len(self._poolings), len(self.model.words)
        self._rooms: SimpleQueue[Any] = SimpleQueue()  # scratch memory that no thread is using

    def pooled(self, texts: Tokenized, done: Callable[[int], object]) -> Floats2d:
        """Cut the texts into pieces, and let the threads take them.

        Raises
        ------
        DamagedError
            If there are tokens that the model doesn't know, or more of a text than it reads: the kernels don't look.
        """
        lengths = np.diff(texts.starts)
        if texts.tokens.min(initial=0) < 0 or texts.tokens.max(initial=0) >= self.vocabulary:
            raise DamagedError(
                f"the tokenizer isn't this model's: it gives a token {texts.tokens.max()}, and the model knows "
                f"{self.vocabulary:,}; fetch the model again"
            )
        if lengths.min(initial=1) < 1 or lengths.max(initial=1) > len(self.model.positions):
            raise DamagedError(
                f"the tokenizer gives {lengths.max()} tokens for a text, and the model reads 1 to "
                f"{len(self.model.positions)}; fetch the model again"
            )
        vectors = np.empty((len(texts.starts) - 1, self.dim), np.float32)
        cuts = _pieces(texts.starts)
        if len(cuts) == 1:
            done(self._piece(texts, vectors, *cuts[0]))
            return vectors
        pool = ThreadPoolExecutor(thread_count())
        try:
            for ready in pool.map(lambda cut: self._piece(texts, vectors, *cut), cuts):
                done(ready)
        finally:
            pool.shutdown(cancel_futures=True)
        return vectors

    def _piece(self, texts: Tokenized, vectors: Floats2d, first: int, last: int) -> int:
        from semspace.inference import forward

        try:
            room = self._rooms.get_nowait()
        except Empty:
            room = forward.scratch_for(self.model)
        forward.run(self.model, texts.tokens, texts.starts, first, last, self._poolings, texts.unpooled, room, vectors)
        self._rooms.put(room)
        return last - first


def obstacle(layout: Layout, precision: str) -> str:
    """Say why the kernels can't run a model here at a precision; nothing where they can."""
    from semspace.inference import architectures, gemm
    from semspace.kernels import compiling

    missing = [name for name in _NEEDS[precision] if not gemm.FEATURES.get(name)]
    if missing:
        return compiling.without(missing)
    return architectures.obstacle(json.loads((layout.folder / CONFIG).read_text(encoding="utf-8")))


def _pieces(starts: npt.NDArray[np.int64]) -> list[tuple[int, int]]:
    """Cut texts into pieces of about `_PIECE` tokens."""
    marks = np.unique(np.searchsorted(starts, np.arange(0, starts[-1], _PIECE)))
    edges = [*marks.tolist(), len(starts) - 1]
    return [(first, last) for first, last in pairwise(edges) if first < last]
