"""`TokenParts`: the vector of a text as a sum of vectors, one for each of its tokens."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from semspace.errors import InputError
from semspace.types import Doubles2d, Floats2d, Ints2d

LAST_LAYER, INTEGRATED_JACOBIANS = "last_layer", "integrated_jacobians"
NOWHERE = -1  # the start and end of what doesn't stand in the text
_OF_ONE_TOKEN = ("cls", "lasttoken")


class TokenParts(NamedTuple):
    """The tokens of a text, and what each adds to its vector.

    `spans` are int64 of shape (n, 2): token i was made of ``text[start:end]``; -1 where it doesn't stand in the text,
    as special tokens and the prompt don't. `vectors` are float64 of shape (n, dim); their sum is the vector of the
    text, before it is scaled to length 1.
    """

    tokens: tuple[str, ...]
    spans: Ints2d
    vectors: Doubles2d
    truncated: bool = False


def spans_in_text(spans: Ints2d, n_prompt: int) -> Ints2d:
    """Return spans in a text that was read after a prompt of `n_prompt` characters; -1 for what isn't in the text."""
    moved = spans - n_prompt
    outside = (moved[:, 0] < 0) | (moved[:, 1] <= moved[:, 0])
    moved[outside] = NOWHERE
    return moved


def pooled_parts(states: Floats2d, poolings: Sequence[str], n_unpooled: int) -> Doubles2d:
    """Return what each token's state adds to the pooled vector, float64 of shape (tokens, hidden * poolings).

    Raises
    ------
    InputError
        If the vector is the state of a single token, which says nothing of the others.
    """
    single = next((how for how in poolings if how in _OF_ONE_TOKEN), None)
    if single is not None:
        token = "first" if single == "cls" else "last"
        raise InputError(
            f"method 'last_layer' can't explain a model whose vector is the state of its {token} token alone (pooling "
            f"{single!r}); give method='leave_one_out' or 'integrated_jacobians'"
        )
    return np.concatenate([_pooling_weights(states, how, n_unpooled) * states for how in poolings], axis=1)


def _pooling_weights(states: Floats2d, how: str, n_unpooled: int) -> Doubles2d:
    """Return the weight of each token's state in the pooled vector, shape (tokens, 1), or (tokens, hidden) for max."""
    n = len(states)
    if how == "max":
        winners = n_unpooled + states[n_unpooled:].argmax(axis=0)
        is_winner: Doubles2d = (np.arange(n)[:, None] == winners).astype(np.float64)
        return is_winner
    weights = np.ones((n, 1))
    if how == "weightedmean":
        weights = np.arange(1, n + 1, dtype=np.float64)[:, None]
    weights[:n_unpooled] = 0
    total = weights.sum()
    weights /= np.sqrt(total) if how == "mean_sqrt_len_tokens" else total
    return weights
