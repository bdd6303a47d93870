"""A transformer run by numpy in float32, straight from the file of its weights: nothing is compiled or packed.

For the first text of a process, such as the query of `semspace search`: the kernels are faster for everything after it,
but numba, their code and their packed weights take a second to load.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any

import numpy as np

from semspace.errors import InputError
from semspace.inference import architectures
from semspace.inference.design import Dense, Design, LayerWeights, ReadWeight, rotations
from semspace.sentences.model_config import ModelConfig
from semspace.sentences.model_files import architecture_of
from semspace.sentences.runtime import TokenBatch, check_tokens
from semspace.sentences.weights import Weights
from semspace.types import Floats1d, Floats2d, Floats3d, Int32s1d


class NumpyRuntime:
    """A transformer on a CPU, one text after the other.

    Raises
    ------
    InputError
        If the model is of another family.
    """

    backend, implementation = "numpy", "float32 in numpy"

    def __init__(self, config: ModelConfig) -> None:
        problem = unsupported_reason(config)
        if problem:
            raise InputError(f"backend 'numpy' runs what the kernels run: {problem}; use backend='auto'")
        self._poolings = config.poolings
        with Weights(config.folder) as weights:
            self._model = _Model(architecture_of(config.folder), weights.take, config.max_tokens)
        self.vocabulary_size, hidden = self._model.embeddings.shape
        self.dim = hidden * len(self._poolings)

    def pooled(self, texts: TokenBatch, on_done: Callable[[int], object]) -> Floats2d:
        """Return the vectors of texts."""
        check_tokens(texts, self.vocabulary_size, self._model.max_tokens)
        vectors = np.empty((len(texts.starts) - 1, self.dim), np.float32)
        for i, tokens in enumerate(np.split(texts.tokens, texts.starts[1:-1])):
            states = self._model.states(tokens)
            vectors[i] = np.concatenate([_pool(states, how, texts.n_unpooled) for how in self._poolings])
            on_done(1)
        return vectors

    def states(self, texts: TokenBatch) -> Floats2d:
        """Return the last layer's state of each token, shape (tokens, hidden)."""
        check_tokens(texts, self.vocabulary_size, self._model.max_tokens)
        return np.concatenate([self._model.states(tokens) for tokens in np.split(texts.tokens, texts.starts[1:-1])])


def unsupported_reason(config: ModelConfig) -> str:
    """Return why this runtime can't run a model; empty if it can."""
    return architectures.reason_unknown(architecture_of(config.folder))


class _Model:
    """The weights of a model, and what they compute: the same as `inference.forward`."""

    def __init__(self, config: Mapping[str, Any], read: ReadWeight, max_tokens: int) -> None:
        with architectures.complete():
            self._weights = architectures.read_weights(config, read, max_tokens)
            self._design = self._weights.design
            self._layers = [self._weights.layer(i) for i in range(self._design.layers)]
        self.embeddings, self.max_tokens = self._weights.embeddings.tokens, max_tokens
        self._rotations = rotations(self._design.frequencies, max_tokens)

    def states(self, tokens: Int32s1d) -> Floats2d:
        """Return the last hidden states of a text, shape (tokens, hidden)."""
        embeddings, positions, norm = self._weights.embeddings
        x = embeddings[tokens] + positions[: len(tokens)]
        x = x if norm is None else self._normed(x, norm)
        for i, layer in enumerate(self._layers):
            norms = iter(layer.norms)
            x = self._residual(
                x, partial(self._attention, i), norms, skipped=i == 0 and not self._design.has_first_norm
            )
            x = self._residual(x, partial(_feed_forward, layer, self._design), norms)
        final = self._weights.final_norm
        return x if final is None else self._normed(x, final)

    def _residual(
        self, x: Floats2d, function: Callable[[Floats2d], Floats2d], norms: Iterator[Floats2d], *, skipped: bool = False
    ) -> Floats2d:
        """Return ``x + function(x)``, with the norms where this model has them."""
        place = self._design.norm_place
        if place == "after":
            return self._normed(x + function(x), next(norms))
        added = function(x if skipped else self._normed(x, next(norms)))
        return x + (self._normed(added, next(norms)) if place == "around" else added)

    def _attention(self, i: int, x: Floats2d) -> Floats2d:
        """Return the output of all heads of a layer (Vaswani et al. 2017, equation 1)."""
        layer, design = self._layers[i], self._design
        query, key, value = (
            _of(dense, x).reshape(len(x), -1, design.head_size).transpose(1, 0, 2)
            for dense in (layer.query, layer.key, layer.value)
        )
        if layer.head_norms.size:
            query, key = (
                _scaled_to_norm(heads, design) * scale
                for heads, scale in zip((query, key), layer.head_norms, strict=True)
            )
        if len(self._rotations):
            query, key = (self._rotated(heads, design.rotation_of_layer[i]) for heads in (query, key))
        shared = design.heads // design.key_heads
        key, value = (np.repeat(heads, shared, axis=0) for heads in (key, value))
        scores = query @ key.transpose(0, 2, 1) * np.float32(design.score_scale)
        places = np.arange(len(x))
        distances = places[None, :] - places[:, None]
        if len(self._weights.position_bias):
            scores += self._weights.position_bias[:, distances + self.max_tokens - 1]
        hidden = (np.abs(distances) > design.windows[i]) | (design.causal & (distances > 0))
        scores[:, hidden] = -np.inf
        shares = np.exp(scores - scores.max(axis=2, keepdims=True))
        shares /= shares.sum(axis=2, keepdims=True)
        return _of(layer.output, (shares @ value).transpose(1, 0, 2).reshape(len(x), -1))

    def _rotated(self, heads: Floats3d, kind: int) -> Floats3d:
        table = self._rotations[kind, : heads.shape[1]]
        cosines, sines = (np.concatenate([part, part], axis=1) for part in (table[:, 0], table[:, 1]))
        first, second = np.split(heads, 2, axis=2)
        rotated: Floats3d = heads * cosines + np.concatenate([-second, first], axis=2) * sines
        return rotated

    def _normed(self, x: Floats2d, norm: Floats2d) -> Floats2d:
        centred = x if self._design.is_rms else x - x.mean(axis=1, keepdims=True)
        spread = np.sqrt(np.square(centred).mean(axis=1, keepdims=True) + np.float32(self._design.epsilon))
        normed: Floats2d = centred / spread * norm[0] + norm[1]
        return normed


def _of(dense: Dense, x: Floats2d) -> Floats2d:
    """Return the outputs of a linear layer for rows of inputs."""
    outputs: Floats2d = x @ dense.weights.T + dense.bias
    return outputs


def _feed_forward(layer: LayerWeights, design: Design, x: Floats2d) -> Floats2d:
    activation = _ACTIVATIONS[design.activation]
    up = _of(layer.up, x)
    return _of(layer.down, activation(up) if layer.gate is None else activation(_of(layer.gate, x)) * up)


def _scaled_to_norm(heads: Floats3d, design: Design) -> Floats3d:
    scaled: Floats3d = heads / np.sqrt(np.square(heads).mean(axis=2, keepdims=True) + np.float32(design.epsilon))
    return scaled


def _sigmoid(x: Floats2d) -> Floats2d:
    with np.errstate(over="ignore"):
        sigmoid: Floats2d = np.float32(1) / (np.float32(1) + np.exp(-x))
    return sigmoid


def _gelu(x: Floats2d) -> Floats2d:
    """Return GELU; the error function is Abramowitz & Stegun's 7.1.26, as in `inference.layers`."""
    z = np.abs(x) * np.float32(np.sqrt(0.5))
    t = 1 / (1 + np.float32(0.3275911) * z)
    terms = (1.061405429, -1.453152027, 1.421413741, -0.284496736, 0.254829592)
    tail = np.polyval(np.array(terms, np.float32), t) * t * np.exp(-z * z) / 2  # the probability beyond |x|
    gelu: Floats2d = x * np.where(x < 0, tail, 1 - tail)
    return gelu


_ACTIVATIONS: dict[str, Callable[[Floats2d], Floats2d]] = {
    "gelu": _gelu,
    "gelu_tanh": lambda x: x * _sigmoid(np.float32(2 * np.sqrt(2 / np.pi)) * (x + np.float32(0.044715) * x**3)),
    "silu": lambda x: x * _sigmoid(x),
    "relu": lambda x: np.maximum(x, 0),
}


def _pool(states: Floats2d, how: str, n_unpooled: int) -> Floats1d:
    """Pool the states of a text without its first `n_unpooled`, as sentence-transformers does."""
    kept = states[n_unpooled:]
    if how in ("cls", "lasttoken"):
        row: Floats1d = kept[0 if how == "cls" else -1]
        return row
    if how == "max":
        return kept.max(axis=0)  # type: ignore[no-any-return]
    weights = np.ones(len(kept), np.float32)
    if how == "weightedmean":
        weights = np.arange(n_unpooled + 1, len(states) + 1, dtype=np.float32)
    total = np.float32(np.sqrt(len(kept))) if how == "mean_sqrt_len_tokens" else weights.sum()
    return weights @ kept / total  # type: ignore[no-any-return]
