"""A transformer run by numpy in float32, straight from the file of its weights: nothing is compiled or packed.

For the first text of a process, such as the query of `semspace search`: the kernels are faster for everything after it,
but numba, their code and their packed weights take a second to load.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np

from semspace.errors import InputError
from semspace.inference import architectures, bert_family
from semspace.inference.design import ReadWeight, shaped, table
from semspace.sentences.model_config import ModelConfig
from semspace.sentences.model_files import architecture_of
from semspace.sentences.runtime import TokenBatch, check_tokens
from semspace.sentences.weights import Weights
from semspace.types import Floats1d, Floats2d, Int32s1d


class NumpyRuntime:
    """A transformer of the BERT family on a CPU, one text after the other.

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
        check_tokens(texts, self.vocabulary_size, len(self._model.positions))
        vectors = np.empty((len(texts.starts) - 1, self.dim), np.float32)
        for i, tokens in enumerate(np.split(texts.tokens, texts.starts[1:-1])):
            states = self._model.states(tokens)
            vectors[i] = np.concatenate([_pool(states, how, texts.n_unpooled) for how in self._poolings])
            on_done(1)
        return vectors

    def states(self, texts: TokenBatch) -> Floats2d:
        """Return the last layer's state of each token, shape (tokens, hidden)."""
        check_tokens(texts, self.vocabulary_size, len(self._model.positions))
        return np.concatenate([self._model.states(tokens) for tokens in np.split(texts.tokens, texts.starts[1:-1])])


def unsupported_reason(config: ModelConfig) -> str:
    """Return why this runtime can't run a model; empty if it can."""
    return bert_family.reason_unknown(architecture_of(config.folder))


class _Dense(NamedTuple):
    """A linear layer: weights (outputs, inputs) and bias (outputs)."""

    weights: Floats2d
    bias: Floats1d

    def of(self, x: Floats2d) -> Floats2d:
        """Return the outputs for rows of inputs."""
        outputs: Floats2d = x @ self.weights.T + self.bias
        return outputs


class _Layer(NamedTuple):
    """A layer of a transformer; a norm is its scale and shift (2, hidden)."""

    query: _Dense
    key: _Dense
    value: _Dense
    output: _Dense
    output_norm: Floats2d
    up: _Dense
    down: _Dense
    down_norm: Floats2d


class _Model:
    """The weights of a model in the order of its layers, and what they compute: the same as `inference.forward`."""

    def __init__(self, config: Mapping[str, Any], read: ReadWeight, max_tokens: int) -> None:
        names = bert_family.ARCHITECTURES[config["model_type"]]
        self._heads, self._hidden = int(config[names.heads]), int(config[names.hidden])
        self._epsilon = np.float32(config.get(names.epsilon, 1e-12))
        with architectures.complete():
            read = bert_family.with_prefix(read, names)
            self.embeddings = table(read, "embeddings.word_embeddings.weight", self._hidden)
            self.positions = bert_family.positions(config, names, read, max_tokens, self._hidden)
            self._position_bias = bert_family.position_bias(config, read, max_tokens, self._heads)
            self._norm = bert_family.norm(read, "embeddings.LayerNorm", self._hidden)
            self._layers = [
                _layer(read, names, names.layer.format(layer), self._hidden, int(config[names.hidden_units]))
                for layer in range(int(config[names.layers]))
            ]

    def states(self, tokens: Int32s1d) -> Floats2d:
        """Return the last hidden states of a text, shape (tokens, hidden)."""
        x = self._normed(self.embeddings[tokens] + self.positions[: len(tokens)], self._norm)
        for layer in self._layers:
            x = self._normed(x + self._attention(layer, x), layer.output_norm)
            x = self._normed(x + layer.down.of(_gelu(layer.up.of(x))), layer.down_norm)
        return x

    def _attention(self, layer: _Layer, x: Floats2d) -> Floats2d:
        """Return the output of all heads (Vaswani et al. 2017, equation 1)."""
        query, key, value = (
            linear.of(x).reshape(len(x), self._heads, -1).transpose(1, 0, 2)
            for linear in (layer.query, layer.key, layer.value)
        )
        scores = query @ key.transpose(0, 2, 1) / np.float32(np.sqrt(query.shape[2]))
        if len(self._position_bias):
            places = np.arange(len(x))
            scores += self._position_bias[:, places[None, :] - places[:, None] + len(self.positions) - 1]
        shares = np.exp(scores - scores.max(axis=2, keepdims=True))
        shares /= shares.sum(axis=2, keepdims=True)
        return layer.output.of((shares @ value).transpose(1, 0, 2).reshape(x.shape))

    def _normed(self, x: Floats2d, norm: Floats2d) -> Floats2d:
        centred = x - x.mean(axis=1, keepdims=True)
        spread = np.sqrt(np.square(centred).mean(axis=1, keepdims=True) + self._epsilon)
        normed: Floats2d = centred / spread * norm[0] + norm[1]
        return normed


def _layer(
    read: ReadWeight, names: bert_family.Architecture, prefix: str, hidden: int, units: int
) -> _Layer:
    def linear(part: str, outputs: int = hidden, inputs: int = hidden) -> _Dense:
        weights = shaped(read, f"{prefix}{part}.weight", outputs, inputs)
        return _Dense(weights, shaped(read, f"{prefix}{part}.bias", outputs))

    return _Layer(
        linear(names.query),
        linear(names.key),
        linear(names.value),
        linear(names.output),
        bert_family.norm(read, prefix + names.output_norm, hidden),
        linear(names.up, units),
        linear(names.down, hidden, units),
        bert_family.norm(read, prefix + names.down_norm, hidden),
    )


def _gelu(x: Floats2d) -> Floats2d:
    """Return GELU; the error function is Abramowitz & Stegun's 7.1.26, as in `inference.layers`."""
    z = np.abs(x) * np.float32(np.sqrt(0.5))
    t = 1 / (1 + np.float32(0.3275911) * z)
    terms = (1.061405429, -1.453152027, 1.421413741, -0.284496736, 0.254829592)
    tail = np.polyval(np.array(terms, np.float32), t) * t * np.exp(-z * z) / 2  # the probability beyond |x|
    gelu: Floats2d = x * np.where(x < 0, tail, 1 - tail)
    return gelu


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
