"""`Runtime`: the interface of what runs a transformer, and the batches of tokens that it takes."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple, Protocol

from semspace.types import Bools1d, Floats2d, Int32s1d, Ints1d

BACKENDS = ("fast", "exact", "torch")  # the fastest first
# Agreement with the reference that a backend must reach: its mean cosine, and its lowest.
BOUNDS = {"fast": (0.995, 0.98), "exact": (0.9999, 0.9996), "torch": (1.0, 1.0)}


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

    The vector of a text doesn't depend on the other texts: to the last bit with the kernels, to 1e-6 with torch.
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
