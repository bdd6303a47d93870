"""Sentences drawn from the network of a text decoder, token by token."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from semspace.decoders.byte_pairs import END, PADDING, START
from semspace.decoders.network import DecoderNetwork
from semspace.types import Floats2d

TOP = 100  # likeliest tokens that one is drawn from


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
    draws, rows = torch.from_numpy(uniforms), torch.arange(len(vectors))  # rows: sentences that aren't over
    with torch.no_grad():
        logits, cache = network.start(torch.from_numpy(vectors))
        for place in range(network.max_tokens):
            tokens = _draw(logits, draws[rows, place], temperature)
            tokens = torch.where(forced[rows, place] > PADDING, forced[rows, place], tokens)
            written[rows, place] = tokens
            going = tokens != END
            if place + 1 == network.max_tokens or not bool(going.any()):
                break
            if not bool(going.all()):
                rows, tokens = rows[going], tokens[going]
                cache = [(key[going], value[going]) for key, value in cache]
            logits, cache = network.step(tokens, place, cache)
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
