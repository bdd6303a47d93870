"""The network of a text decoder: a small causal transformer that reads a vector as the first places of its input."""

from __future__ import annotations

import math

import torch
from torch import nn
from torch.nn import functional

HEAD_DIM = 64
_PREFIX = 4  # places that the vector fills

Cache = list[torch.Tensor]  # of each layer: keys and values, of shape (2, n, heads, places, 64)


class DecoderNetwork(nn.Module):
    """A causal transformer (pre-norm, as GPT-2), whose first places are made of the vector.

    Parameters
    ----------
    vocabulary : int
        Number of tokens.
    width : int
        Of the vectors that it reads.
    layers : int
    dim : int
        Of the hidden states, a multiple of 64, the dimensions of a head.
    max_tokens : int
        Of a text.
    """

    def __init__(self, vocabulary: int, width: int, *, layers: int, dim: int, max_tokens: int) -> None:
        super().__init__()
        self.prefix, self.dim, self.max_tokens = _PREFIX, dim, max_tokens
        self.tokens = nn.Embedding(vocabulary, dim)
        self.places = nn.Parameter(torch.zeros(_PREFIX + max_tokens, dim))
        self.reads = nn.Linear(width, _PREFIX * dim)
        blocks = [CausalLayer(dim) for _ in range(layers)]
        self.layers = nn.ModuleList(blocks)
        self.norm = nn.LayerNorm(dim)
        self.apply(_initialize)
        nn.init.normal_(self.places, std=0.02)
        for block in blocks:  # so that the sum over layers has the variance of one (Radford et al. 2019)
            for last in (block.joins, block.narrows):
                nn.init.normal_(last.weight, std=0.02 / math.sqrt(2 * layers))

    def forward(self, vectors: torch.Tensor, tokens: torch.Tensor) -> torch.Tensor:
        """Return the hidden states that predict each next token, of shape (n, tokens + 1, dim)."""
        x = torch.cat([self._read(vectors), self.tokens(tokens)], dim=1) + self.places[: self.prefix + tokens.shape[1]]
        for layer in self.layers:
            x = layer(x)
        hidden: torch.Tensor = self.norm(x[:, self.prefix - 1 :])
        return hidden

    def logits(self, hidden: torch.Tensor) -> torch.Tensor:
        """Return the logits of the tokens; output and input share their embeddings (Press & Wolf 2017)."""
        return functional.linear(hidden, self.tokens.weight)

    def start(self, vectors: torch.Tensor) -> tuple[torch.Tensor, Cache]:
        """Return the logits of the first token, and room for what later steps need, with that of the vector."""
        places = self.prefix + self.max_tokens
        cache = [vectors.new_empty(2, len(vectors), self.dim // HEAD_DIM, places, HEAD_DIM) for _ in self.layers]
        return self._step(self._read(vectors) + self.places[: self.prefix], cache, 0), cache

    def step(self, tokens: torch.Tensor, place: int, cache: Cache) -> torch.Tensor:
        """Return the logits of the token after the one at a place of the text; `cache` is written to."""
        return self._step(self.tokens(tokens)[:, None] + self.places[self.prefix + place], cache, self.prefix + place)

    def _step(self, x: torch.Tensor, cache: Cache, first: int) -> torch.Tensor:
        for layer, kept in zip(self.layers, cache, strict=True):
            x = layer(x, kept, first)
        return self.logits(self.norm(x[:, -1]))

    def _read(self, vectors: torch.Tensor) -> torch.Tensor:
        # A unit vector of n dimensions has entries of 1/sqrt(n).
        places: torch.Tensor = self.reads(vectors * math.sqrt(vectors.shape[1]))
        return places.view(len(vectors), self.prefix, self.dim)


class CausalLayer(nn.Module):
    """Attention to what came before, and a feed-forward part."""

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.heads = dim // HEAD_DIM
        self.attends, self.joins = nn.Linear(dim, 3 * dim), nn.Linear(dim, dim)
        self.widens, self.narrows = nn.Linear(dim, 4 * dim), nn.Linear(4 * dim, dim)
        self.before_attention, self.before_widening = nn.LayerNorm(dim), nn.LayerNorm(dim)

    def forward(self, x: torch.Tensor, cache: torch.Tensor | None = None, first: int = 0) -> torch.Tensor:
        """Return the states after the layer; with a cache, `x` are the places from `first` on, which it then holds."""
        n, places, dim = x.shape
        shape = (n, places, 3, self.heads, HEAD_DIM)
        query, key, value = self.attends(self.before_attention(x)).view(shape).permute(2, 0, 3, 1, 4)
        if cache is not None:
            cache[0, :, :, first : first + places], cache[1, :, :, first : first + places] = key, value
            key, value = cache[:, :, :, : first + places]
        mixed = _attention(query, key, value, causal=first == 0)
        x = x + self.joins(mixed.transpose(1, 2).reshape(n, places, dim))
        narrowed: torch.Tensor = self.narrows(functional.gelu(self.widens(self.before_widening(x))))
        return x + narrowed


def _attention(query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, *, causal: bool) -> torch.Tensor:
    """Return the attended values; on texts this short, a third faster to train than torch's own in blocks."""
    scores = query @ key.transpose(2, 3) / math.sqrt(HEAD_DIM)
    if causal:
        later = torch.ones(scores.shape[2:], dtype=torch.bool).triu(1)
        scores = scores.masked_fill(later, -math.inf)
    mixed: torch.Tensor = torch.softmax(scores, dim=3).to(value.dtype) @ value
    return mixed


def _initialize(module: nn.Module) -> None:
    if isinstance(module, (nn.Linear, nn.Embedding)):
        nn.init.normal_(module.weight, std=0.02)
    if isinstance(module, nn.Linear):
        nn.init.zeros_(module.bias)
