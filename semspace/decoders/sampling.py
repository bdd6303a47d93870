"""Sentences drawn from the network of a text decoder, token by token."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from semspace.decoders.byte_pairs import END, PADDING, START
from semspace.decoders.network import DecoderNetwork
from semspace.types import Floats2d

TOP = 100  # likeliest tokens that one is drawn from
_SHARE_GOING = 0.75  # of the rows, below which those that are over are left out: that copies the cache


def sample(
    network: DecoderNetwork, vectors: Floats2d, starts: Sequence[Sequence[int]], uniforms: Floats2d, temperature: float
) -> list[list[int]]:
    """Draw one sentence for each vector.

    Parameters
    ----------
    network : DecoderNetwork
    vectors : ndarray of float32, shape (n, width)
        Of length 1.
    starts : sequence of n sequences of int
        Tokens with which each sentence begins.
    uniforms : ndarray of float32, shape (n, max_tokens)
        Random numbers in [0, 1), one for each token; with 0 the likeliest token is taken.
    temperature : float
        Above 0; below 1 likely tokens become likelier.

    Returns
    -------
    list of n lists of int
        Tokens without that of the end.
    """
    forced = _forced(starts, network.max_tokens)
    written = torch.full((len(vectors), network.max_tokens), PADDING, dtype=torch.long)
    draws, rows = torch.from_numpy(uniforms), torch.arange(len(vectors))
    going = torch.ones(len(vectors), dtype=torch.bool)  # which of the rows aren't over
    with torch.no_grad():
        logits, cache = network.start(torch.from_numpy(vectors))
        for place in range(network.max_tokens):
            tokens = _draw(logits, draws[rows, place], temperature)
            tokens = torch.where(forced[rows, place] > PADDING, forced[rows, place], tokens)
            written[rows, place] = torch.where(going, tokens, PADDING)
            going &= tokens != END
            if place + 1 == network.max_tokens or not bool(going.any()):
                break
            if int(going.sum()) < _SHARE_GOING * len(rows):
                rows, tokens, cache = rows[going], tokens[going], [kept[:, going] for kept in cache]
                going = going[going]
            logits = network.step(tokens, place, cache)
    return [[token for token in row if token > END] for row in written.tolist()]


def _forced(starts: Sequence[Sequence[int]], max_tokens: int) -> torch.Tensor:
    forced = np.full((len(starts), max_tokens), PADDING, np.int64)
    for row, start in zip(forced, starts, strict=True):
        row[: len(start)] = start[:max_tokens]
    return torch.from_numpy(forced)


def _draw(logits: torch.Tensor, uniforms: torch.Tensor, temperature: float) -> torch.Tensor:
    """Return the token at the quantile `uniforms` of the likeliest ones, the likeliest first."""
    logits[:, [PADDING, START]] = -torch.inf
    best, tokens = logits.topk(min(TOP, logits.shape[1]), dim=1)
    shares = torch.softmax(best / temperature, dim=1).cumsum(dim=1)
    ranks = (shares <= uniforms[:, None] * shares[:, -1:]).sum(dim=1, keepdim=True)
    return tokens.gather(1, ranks.clamp_max(tokens.shape[1] - 1)).squeeze(1)
