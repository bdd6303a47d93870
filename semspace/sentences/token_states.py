"""`TokenStates`: what the last layer of a transformer says of each token of some texts."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

from semspace.types import Floats2d, Int32s1d, Ints1d


@dataclass(frozen=True, eq=False)
class TokenStates:
    """The last hidden states of the tokens of n texts, before pooling, one text after the other.

    Parameters
    ----------
    tokens : ndarray of int32, shape (tokens,)
        Numbers of the tokens in the model's vocabulary, special tokens included.
    starts : ndarray of int64, shape (n + 1,)
        The tokens of text i are ``tokens[starts[i]:starts[i + 1]]``.
    states : ndarray of float32, shape (tokens, hidden)
    n_unpooled : int
        Leading tokens of each text that the encoder leaves out of its vectors (those of a prompt, with some models).
    """

    tokens: Int32s1d
    starts: Ints1d
    states: Floats2d
    n_unpooled: int = 0

    def __len__(self) -> int:
        """Return the number of texts."""
        return len(self.starts) - 1

    def __iter__(self) -> Iterator[Floats2d]:
        """Iterate over the states of each text, shape (its tokens, hidden)."""
        return (self.states[start:stop] for start, stop in pairwise(self.starts.tolist()))
