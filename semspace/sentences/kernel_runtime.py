"""A transformer run by the compiled kernels of `semspace.inference`, without padding, in three precisions."""

from __future__ import annotations

import platform
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from queue import Empty, SimpleQueue
from typing import Any

import numpy as np

from semspace.sentences.model_config import ModelConfig
from semspace.sentences.model_files import architecture_of
from semspace.sentences.runtime import TokenBatch, check_tokens
from semspace.sentences.weights import Weights
from semspace.threads import thread_count
from semspace.types import Floats2d, Ints1d

# The precisions of each backend, the fastest first.
PRECISIONS = {"fast": ("int8",), "exact": ("bfloat16", "float32"), "torch": ()}
_PIECE_TOKENS = 768  # tokens that a thread takes at a time


class KernelRuntime:
    """A transformer of the BERT family on a CPU.

    Parameters
    ----------
    config : ModelConfig
        A model for which `unsupported_reason` is empty.
    backend : {"fast", "exact"}
    precision : {"int8", "bfloat16", "float32"}
    """

    def __init__(self, config: ModelConfig, backend: str, precision: str) -> None:
        from semspace.inference import architectures, forward

        self.backend, self.implementation = backend, f"{precision} kernels"
        self._poolings = np.array([forward.POOLINGS.index(how) for how in config.poolings], np.int64)
        with Weights(config.folder) as weights:
            architecture = architecture_of(config.folder)
            self.model = architectures.build(architecture, weights.take, config.max_tokens, precision)
        self.vocabulary_size, dim = self.model.token_embeddings.shape
        self.dim = dim * len(self._poolings)
        self._scratches: SimpleQueue[Any] = SimpleQueue()  # memory that no thread uses now

    def pooled(self, texts: TokenBatch, on_done: Callable[[int], object]) -> Floats2d:
        """Return the vectors of texts, computed by several threads.

        Raises
        ------
        DamagedError
            If the tokens don't belong to the model; the kernels don't check that.
        """
        from semspace.inference import forward

        vectors = np.empty((len(texts.starts) - 1, self.dim), np.float32)

        def run(scratch: Any, first: int, last: int) -> None:
            forward.encode_tokens(
                self.model, texts.tokens, texts.starts, first, last, self._poolings, texts.n_unpooled, scratch, vectors
            )

        self._in_pieces(texts, run, on_done)
        return vectors

    def states(self, texts: TokenBatch) -> Floats2d:
        """Return the last layer's state of each token, shape (tokens, hidden), computed by several threads."""
        from semspace.inference import forward

        states = np.empty((len(texts.tokens), self.model.token_embeddings.shape[1]), np.float32)

        def run(scratch: Any, first: int, last: int) -> None:
            forward.encode_states(self.model, texts.tokens, texts.starts, first, last, scratch, states)

        self._in_pieces(texts, run, lambda _: None)
        return states

    def _in_pieces(
        self, texts: TokenBatch, run: Callable[[Any, int, int], None], on_done: Callable[[int], object]
    ) -> None:
        """Run a computation over all texts, in pieces and threads."""
        check_tokens(texts, self.vocabulary_size, self.model.max_tokens)
        pieces = _pieces(texts.starts)
        if len(pieces) == 1:
            on_done(self._with_scratch(run, *pieces[0]))
            return
        pool = ThreadPoolExecutor(thread_count())
        try:
            for n_texts in pool.map(lambda piece: self._with_scratch(run, *piece), pieces):
                on_done(n_texts)
        finally:
            pool.shutdown(cancel_futures=True)

    def _with_scratch(self, run: Callable[[Any, int, int], None], first: int, last: int) -> int:
        """Run a computation on texts `first` to `last` in memory that no other thread uses; return their number."""
        from semspace.inference import forward

        try:
            scratch = self._scratches.get_nowait()
        except Empty:
            scratch = forward.create_workspace(self.model)
        run(scratch, first, last)
        self._scratches.put(scratch)
        return last - first


def runs_here(precision: str) -> bool:
    """Check whether this processor has the instructions for a precision."""
    return not _missing(precision)


def _missing(precision: str) -> tuple[str, ...]:
    """Return the instructions (LLVM's names) that this processor lacks for a precision to be worth it."""
    from semspace.inference import gemm
    from semspace.kernels import byte_products

    if precision == "bfloat16":
        return tuple(name for name in ("avx512f", "avx512bf16") if not gemm.FEATURES.get(name))
    if precision == "float32" or byte_products.HAS_DOT or byte_products.HAS_PAIRS:
        return ()
    return ("dotprod",) if platform.machine().lower() in ("aarch64", "arm64") else ("avx2",)


def unsupported_reason(config: ModelConfig, precision: str) -> str:
    """Return why the kernels can't run a model here at a precision; empty if they can."""
    from semspace.inference import architectures
    from semspace.kernels import compiling

    missing = _missing(precision)
    if missing:
        return compiling.missing_instructions(missing)
    return architectures.reason_unsupported(architecture_of(config.folder))


def _pieces(starts: Ints1d) -> list[tuple[int, int]]:
    """Return pieces of about `_PIECE_TOKENS` tokens: the number of the first text, and one past the last."""
    marks = np.unique(np.searchsorted(starts, np.arange(0, starts[-1], _PIECE_TOKENS)))
    edges = [*marks.tolist(), len(starts) - 1]
    return [(first, last) for first, last in pairwise(edges) if first < last]
