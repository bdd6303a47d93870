"""A transformer run by the compiled kernels of `semspace.inference`, without padding, in three precisions."""

from __future__ import annotations

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from queue import Empty, SimpleQueue
from typing import Any

import numpy as np

from semspace.errors import DamagedError
from semspace.sentences.model_config import ModelConfig
from semspace.sentences.model_files import CONFIG
from semspace.sentences.runtime import TokenBatch
from semspace.sentences.weights import Weights
from semspace.threads import thread_count
from semspace.types import Floats2d, Ints1d

# The precisions of each backend, the fastest first, and the instructions that the processor must have for them.
PRECISIONS = {"fast": ("int8",), "exact": ("bfloat16", "float32"), "torch": ()}
_NEEDS = {"int8": ("avx512f", "avx512vnni"), "bfloat16": ("avx512f", "avx512bf16"), "float32": ()}
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
            architecture = _architecture(config)
            self.model = architectures.build(architecture, weights.take, config.max_tokens, precision)
        self.vocabulary_size, dim = self.model.token_embeddings.shape
        self.dim = dim * len(self._poolings)
        self._scratches: SimpleQueue[Any] = SimpleQueue()  # memory that no thread uses now

    def pooled(self, texts: TokenBatch, on_done: Callable[[int], object]) -> Floats2d:
        """Return the vectors of texts, computed by several threads.

        Raises
        ------
        DamagedError
            If a token is unknown to the model, or a text has more tokens than it reads; the kernels don't check that.
        """
        lengths = np.diff(texts.starts)
        if texts.tokens.min(initial=0) < 0 or texts.tokens.max(initial=0) >= self.vocabulary_size:
            raise DamagedError(
                f"the tokenizer doesn't belong to this model: it returns the token {texts.tokens.max()}, but the model "
                f"knows {self.vocabulary_size:,}; download the model again"
            )
        if lengths.min(initial=1) < 1 or lengths.max(initial=1) > len(self.model.positions):
            raise DamagedError(
                f"the tokenizer returns {lengths.max()} tokens for a text, but the model reads 1 to "
                f"{len(self.model.positions)}; download the model again"
            )
        vectors = np.empty((len(texts.starts) - 1, self.dim), np.float32)
        pieces = _pieces(texts.starts)
        if len(pieces) == 1:
            on_done(self._run(texts, vectors, *pieces[0]))
            return vectors
        pool = ThreadPoolExecutor(thread_count())
        try:
            for n_texts in pool.map(lambda piece: self._run(texts, vectors, *piece), pieces):
                on_done(n_texts)
        finally:
            pool.shutdown(cancel_futures=True)
        return vectors

    def _run(self, texts: TokenBatch, vectors: Floats2d, first: int, last: int) -> int:
        """Compute ``vectors[first:last]``, and return their number."""
        from semspace.inference import forward

        try:
            scratch = self._scratches.get_nowait()
        except Empty:
            scratch = forward.create_workspace(self.model)
        forward.encode_tokens(
            self.model, texts.tokens, texts.starts, first, last, self._poolings, texts.n_unpooled, scratch, vectors
        )
        self._scratches.put(scratch)
        return last - first


def runs_here(precision: str) -> bool:
    """Check whether this processor has the instructions for a precision."""
    from semspace.inference import gemm

    return all(gemm.FEATURES.get(name) for name in _NEEDS[precision])


def unsupported_reason(config: ModelConfig, precision: str) -> str:
    """Return why the kernels can't run a model here at a precision; empty if they can."""
    from semspace.inference import architectures, gemm
    from semspace.kernels import compiling

    missing = [name for name in _NEEDS[precision] if not gemm.FEATURES.get(name)]
    if missing:
        return compiling.missing_instructions(missing)
    return architectures.reason_unsupported(_architecture(config))


def _architecture(config: ModelConfig) -> dict[str, Any]:
    """Return the content of a model's ``config.json``."""
    content: dict[str, Any] = json.loads((config.folder / CONFIG).read_text(encoding="utf-8"))
    return content


def _pieces(starts: Ints1d) -> list[tuple[int, int]]:
    """Return pieces of about `_PIECE_TOKENS` tokens: the number of the first text, and one past the last."""
    marks = np.unique(np.searchsorted(starts, np.arange(0, starts[-1], _PIECE_TOKENS)))
    edges = [*marks.tolist(), len(starts) - 1]
    return [(first, last) for first, last in pairwise(edges) if first < last]
