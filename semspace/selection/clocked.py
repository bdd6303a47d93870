"""An encoder with a clock: how many texts it encodes in a second."""

from __future__ import annotations

from collections.abc import Sequence
from time import perf_counter
from typing import Any

from semspace.evaluation.adapters import encoder_of
from semspace.types import Floats2d

_WARM = 4  # texts that are encoded before the clock runs: kernels may be compiled at the first


class ClockedEncoder:
    """Encodes as another encoder does, and counts texts and seconds."""

    def __init__(self, encoder: Any) -> None:
        self._encode = {what: encoder_of(encoder, what) for what in ("text", "query", "document")}
        self._is_warm = False
        self._texts, self._seconds = 0, 0.0

    def encode(self, texts: Sequence[str]) -> Floats2d:
        """Encode texts after the default prompt, float32 of shape (n, dim)."""
        return self._timed("text", list(texts))

    def encode_queries(self, texts: Sequence[str]) -> Floats2d:
        """Encode queries, float32 of shape (n, dim)."""
        return self._timed("query", list(texts))

    def encode_documents(self, texts: Sequence[str]) -> Floats2d:
        """Encode documents, float32 of shape (n, dim)."""
        return self._timed("document", list(texts))

    @property
    def speed(self) -> float:
        """Texts a second; NaN before any."""
        return self._texts / self._seconds if self._seconds else float("nan")

    @property
    def dim(self) -> int:
        """Number of dimensions of what was encoded; 0 before any."""
        return self._dim

    _dim = 0

    def _timed(self, what: str, texts: list[str]) -> Floats2d:
        if not self._is_warm:
            self._encode[what](texts[:_WARM])
            self._is_warm = True
        start = perf_counter()
        vectors = self._encode[what](texts)
        self._seconds += perf_counter() - start
        self._texts += len(texts)
        self._dim = int(vectors.shape[1])
        return vectors
