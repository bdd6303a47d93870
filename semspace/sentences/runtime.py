"""`Runtime`: what runs a transformer, whichever it is."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple, Protocol

import numpy as np
import numpy.typing as npt

from semspace.types import Floats2d

BACKENDS = ("fast", "exact", "torch")  # the fastest first
# What a runtime must keep of the reference's vectors: the mean cosine to them, and the least.
BOUNDS = {"fast": (0.995, 0.98), "exact": (0.9999, 0.9996), "torch": (1.0, 1.0)}


class Tokenized(NamedTuple):
    """Texts as token ids, one after the other: text i is ``tokens[starts[i]:starts[i + 1]]``; and which were cut.

    The first `unpooled` tokens of each are read and not pooled: those of a prompt, where a model leaves it out.
    """

    tokens: npt.NDArray[np.int32]
    starts: npt.NDArray[np.int64]
    cut: npt.NDArray[np.bool_]
    unpooled: int = 0


class Runtime(Protocol):
    """Token ids → one pooled vector a text.

    The vector of a text doesn't depend on the texts around it: to the last bit with the kernels, to 1e-6 with torch.
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
    def vocabulary(self) -> int:
        """How many token ids it knows."""

    def pooled(self, texts: Tokenized, done: Callable[[int], object]) -> Floats2d:
        """Give float32 (texts, dim), not scaled to length 1; `done` is told how many texts are ready."""
