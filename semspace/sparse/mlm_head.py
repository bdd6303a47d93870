"""`MaskedLanguageHead`: the last hidden state of a token → a logit for each token of the vocabulary."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from semspace import schema
from semspace.errors import DamagedError, InputError
from semspace.sentences.activations import ACTIVATIONS
from semspace.sentences.model_config import ModelConfig
from semspace.sentences.model_files import architecture_of
from semspace.sentences.weights import Weights
from semspace.types import Floats1d, Floats2d


class _HeadNames(NamedTuple):
    """How an architecture names the weights of its head; `tied` is the table of embeddings that serves as decoder."""

    dense: str
    norm: str
    decoder: str
    bias: tuple[str, ...]
    tied: str
    activation: str = "hidden_act"
    epsilon: tuple[str, float] = ("layer_norm_eps", 1e-12)
    has_bias: str = ""  # the setting that says whether dense and norm have biases; always where empty


_BERT = _HeadNames(
    "cls.predictions.transform.dense",
    "cls.predictions.transform.LayerNorm",
    "cls.predictions.decoder",
    ("cls.predictions.bias", "cls.predictions.decoder.bias"),
    "embeddings.word_embeddings.weight",
)
_ROBERTA = _HeadNames(
    "lm_head.dense",
    "lm_head.layer_norm",
    "lm_head.decoder",
    ("lm_head.bias", "lm_head.decoder.bias"),
    "embeddings.word_embeddings.weight",
    activation="",  # always GELU
)
_DISTILBERT = _HeadNames(
    "vocab_transform",
    "vocab_layer_norm",
    "vocab_projector",
    ("vocab_projector.bias",),
    "embeddings.word_embeddings.weight",
    activation="activation",
    epsilon=("", 1e-12),
)
_MODERN_BERT = _HeadNames(
    "head.dense",
    "head.norm",
    "decoder",
    ("decoder.bias",),
    "embeddings.tok_embeddings.weight",
    activation="classifier_activation",
    epsilon=("norm_eps", 1e-5),
    has_bias="modern",
)
HEADS = {
    "bert": _BERT,
    "distilbert": _DISTILBERT,
    "modernbert": _MODERN_BERT,
    "mpnet": _ROBERTA,
    "camembert": _ROBERTA,
    "roberta": _ROBERTA,
    "xlm-roberta": _ROBERTA,
}
_ACTIVATIONS = {"gelu": "GELU", "relu": "ReLU", "silu": "SiLU", "swish": "SiLU", "tanh": "Tanh"}


class MaskedLanguageHead:
    """The head of a masked language model: a dense layer, an activation, a norm, and a product with all tokens.

    It is computed in float32 by numpy, whatever computes the states.

    Parameters
    ----------
    config : ModelConfig
        A model whose folder holds the weights of such a head.

    Raises
    ------
    InputError
        If the architecture or its activation isn't known.
    DamagedError
        If a weight is missing or of another shape.
    """

    def __init__(self, config: ModelConfig) -> None:
        architecture = architecture_of(config.folder)
        names = _names(config, architecture)
        key, default = names.epsilon
        with schema.reading(config.folder / "config.json", "download the model again"):
            self._epsilon = np.float32(architecture.get(key, default) if key else default)
        self._activation = ACTIVATIONS[_activation(config, architecture, names)]
        with Weights(config.folder) as weights:
            self._dense = _take(weights, config, f"{names.dense}.weight")
            self._dense_bias = _optional(weights, f"{names.dense}.bias")
            self._scale = _take(weights, config, f"{names.norm}.weight")
            self._shift = _optional(weights, f"{names.norm}.bias")
            self._decoder = _decoder(weights, config, names)
            tied = _is_tied(config)
            # A decoder of its own has its own bias, too, where it has one.
            found = (_optional(weights, name) for name in (names.bias if tied else reversed(names.bias)))
            self._bias: Floats1d | None = next((bias for bias in found if bias is not None), None)
        if names.has_bias == "" and any(one is None for one in (self._dense_bias, self._shift, self._bias)):
            raise DamagedError(f"{config.folder} lacks a bias of its masked language head; download the model again")
        self._check(config)

    def _check(self, config: ModelConfig) -> None:
        hidden = self._dense.shape[1] if self._dense.ndim == 2 else 0
        columns = [one for one in (self._dense_bias, self._scale, self._shift) if one is not None]
        fits = self._dense.shape == (hidden, hidden) and all(one.shape == (hidden,) for one in columns)
        fits = fits and self._decoder.ndim == 2 and self._decoder.shape[1] == hidden
        if not fits or (self._bias is not None and self._bias.shape != (len(self._decoder),)):
            raise DamagedError(
                f"{config.folder} has a masked language head of shapes that don't fit; download it again"
            )

    @property
    def vocabulary_size(self) -> int:
        """The number of tokens that have a logit."""
        return len(self._decoder)

    def logits(self, states: Floats2d) -> Floats2d:
        """Return the logits of tokens, float32 of shape (tokens, vocabulary), for states of shape (tokens, hidden)."""
        x = states @ self._dense.T
        if self._dense_bias is not None:
            x += self._dense_bias
        x = np.asarray(self._activation(x), np.float32)
        x -= x.mean(axis=1, keepdims=True)
        x *= self._scale / np.sqrt(np.square(x).mean(axis=1, keepdims=True) + self._epsilon)
        if self._shift is not None:
            x += self._shift
        logits: Floats2d = x @ self._decoder.T
        if self._bias is not None:
            logits += self._bias
        return logits


def _names(config: ModelConfig, architecture: Mapping[str, Any]) -> _HeadNames:
    kind = str(architecture.get("model_type"))
    if kind not in HEADS:
        raise InputError(
            f"{config.folder / 'config.json'} has model_type {kind!r}, whose masked language head semspace doesn't "
            f"know; it knows those of {', '.join(HEADS)}"
        )
    return HEADS[kind]


def _activation(config: ModelConfig, architecture: Mapping[str, Any], names: _HeadNames) -> str:
    said = str(architecture.get(names.activation, "gelu")) if names.activation else "gelu"
    if said not in _ACTIVATIONS:
        raise InputError(
            f"{config.folder / 'config.json'} has {names.activation} {said!r}; a masked language head may have "
            f"{', '.join(_ACTIVATIONS)}"
        )
    return _ACTIVATIONS[said]


def _decoder(weights: Weights, config: ModelConfig, names: _HeadNames) -> Any:
    """Return the decoder: the table of embeddings, to which it is tied unless the configuration says otherwise."""
    own = _optional(weights, f"{names.decoder}.weight")
    tied = _is_tied(config)
    if own is not None and not tied:
        return own
    embeddings = next((name for name in weights if name == names.tied or name.endswith(f".{names.tied}")), None)
    if embeddings is None or not tied:
        return _take(weights, config, f"{names.decoder}.weight")
    return weights.take(embeddings)


def _is_tied(config: ModelConfig) -> bool:
    return bool(architecture_of(config.folder).get("tie_word_embeddings", True))


def _take(weights: Weights, config: ModelConfig, name: str) -> Floats2d:
    if name not in weights:
        raise DamagedError(
            f"{config.folder} has no weight {name!r}, a part of its masked language head, which would be random; save "
            f"the model with its head"
        )
    taken: Floats2d = weights.take(name)
    return taken


def _optional(weights: Weights, name: str) -> Any:
    return weights.take(name) if name in weights else None
