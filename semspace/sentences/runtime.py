"""`Runtime`: the interface of what runs a transformer, and the batches of tokens that it takes."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple, Protocol

import numpy as np

from semspace import checks
from semspace.errors import DamagedError, InputError
from semspace.types import Bools1d, Floats2d, Int32s1d, Ints1d

AUTOMATIC = ("fast", "exact", "torch")  # the fastest first
BACKENDS = (*AUTOMATIC, "numpy")
# Agreement with the reference that a backend must reach: its mean cosine, and its lowest.
BOUNDS = {"fast": (0.995, 0.98), "exact": (0.9999, 0.9996), "torch": (1.0, 1.0)}
# What others call them.
_OTHER_NAMES = {
    "int8": "fast", "q8": "fast", "quantized": "fast", "onnx": "fast", "openvino": "fast", "bfloat16": "exact",
    "bf16": "exact", "float32": "exact", "fp32": "exact", "pytorch": "torch", "cpu": "auto", "cuda": "auto",
    "gpu": "auto",
}  # fmt: skip


def check_backend(backend: object) -> str:
    """Return the name of a backend, or raise `InputError`; other libraries' names are answered with ours."""
    other = _OTHER_NAMES.get(backend.lower()) if isinstance(backend, str) else None
    if other is None:
        return checks.choice("backend", backend, ("auto", *BACKENDS))
    raise InputError(
        f"backend must be one of {', '.join(sorted(('auto', *BACKENDS)))}; got {backend!r}: the nearest is {other!r}"
    )


class TokenBatch(NamedTuple):
    """The tokens of several texts, one after the other: those of text i are ``tokens[starts[i]:starts[i + 1]]``.

    `truncated` says which texts were truncated. The first `n_unpooled` tokens of each text are read but not pooled:
    those of a prompt, for models that leave it out of their vectors.
    """

    tokens: Int32s1d
    starts: Ints1d
    truncated: Bools1d
    n_unpooled: int = 0


class Runtime(Protocol):
    """Tokens → one pooled vector for each text.

    The vector of a text doesn't depend on the other texts: to the last bit with the kernels and numpy, to 1e-6 with
    torch.
    """

    @property
    def backend(self) -> str:
        """One of `BACKENDS`."""

    @property
    def implementation(self) -> str:
        """The arithmetic, for people: "int8 kernels", "torch float32 on cpu"."""

    @property
    def dim(self) -> int:
        """Number of dimensions."""

    @property
    def vocabulary_size(self) -> int:
        """Number of tokens that the model knows."""

    def pooled(self, texts: TokenBatch, on_done: Callable[[int], object]) -> Floats2d:
        """Return vectors, float32 of shape (texts, dim), not scaled; call `on_done` with each number of new vectors."""

    def states(self, texts: TokenBatch) -> Floats2d:
        """Return the last layer's state of each token, float32 of shape (tokens, hidden), before pooling."""


def check_tokens(texts: TokenBatch, vocabulary_size: int, max_tokens: int) -> None:
    """Raise `DamagedError` if a token is unknown to a model, or a text has more tokens than it reads."""
    lengths = np.diff(texts.starts)
    if texts.tokens.min(initial=0) < 0 or texts.tokens.max(initial=0) >= vocabulary_size:
        raise DamagedError(
            f"the tokenizer doesn't belong to this model: it returns the token {texts.tokens.max()}, but the model "
            f"knows {vocabulary_size:,}; download the model again"
        )
    if lengths.min(initial=1) < 1 or lengths.max(initial=1) > max_tokens:
        raise DamagedError(
            f"the tokenizer returns {lengths.max()} tokens for a text, but the model reads 1 to {max_tokens}; download "
            f"the model again"
        )
