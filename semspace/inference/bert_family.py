"""BERT and its relatives with absolute positions: how each names its weights, and its sizes in ``config.json``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from semspace.inference.design import (
    NO_WINDOW,
    Dense,
    Design,
    Embeddings,
    LayerWeights,
    ModelWeights,
    ReadWeight,
    shaped,
    table,
)
from semspace.types import Floats2d, Ints1d


@dataclass(frozen=True)
class Architecture:
    """How an architecture names its weights, and its sizes in ``config.json``.

    ``{}`` is the number of a layer. One of `prefixes` may stand before every name. `positions_after_padding` says
    whether positions are counted from the one after padding's, `token_types` whether there are embeddings of first and
    second sentences.
    """

    layer: str
    query: str
    key: str
    value: str
    output: str
    output_norm: str
    up: str
    down: str
    down_norm: str
    hidden: str = "hidden_size"
    heads: str = "num_attention_heads"
    layers: str = "num_hidden_layers"
    hidden_units: str = "intermediate_size"
    activation: str = "hidden_act"
    positions_after_padding: bool = False
    token_types: bool = True
    epsilon: str = "layer_norm_eps"
    prefixes: tuple[str, ...] = ("", "bert.", "roberta.", "distilbert.", "mpnet.")


_BERT = Architecture(
    "encoder.layer.{}.",
    "attention.self.query",
    "attention.self.key",
    "attention.self.value",
    "attention.output.dense",
    "attention.output.LayerNorm",
    "intermediate.dense",
    "output.dense",
    "output.LayerNorm",
)
_ROBERTA = replace(_BERT, positions_after_padding=True)
_DISTILBERT = Architecture(
    "transformer.layer.{}.",
    "attention.q_lin",
    "attention.k_lin",
    "attention.v_lin",
    "attention.out_lin",
    "sa_layer_norm",
    "ffn.lin1",
    "ffn.lin2",
    "output_layer_norm",
    "dim",
    "n_heads",
    "n_layers",
    "hidden_dim",
    "activation",
    token_types=False,
    epsilon="",  # the default is used, whatever its configuration says
)
_MPNET = Architecture(
    "encoder.layer.{}.",
    "attention.attn.q",
    "attention.attn.k",
    "attention.attn.v",
    "attention.attn.o",
    "attention.LayerNorm",
    "intermediate.dense",
    "output.dense",
    "output.LayerNorm",
    positions_after_padding=True,
    token_types=False,
)
ARCHITECTURES = {
    "bert": _BERT,
    "camembert": _ROBERTA,
    "distilbert": _DISTILBERT,
    "mpnet": _MPNET,
    "roberta": _ROBERTA,
    "xlm-roberta": _ROBERTA,
}


def reason_unknown(config: Mapping[str, Any]) -> str:
    """Return why a model of this configuration isn't one of `ARCHITECTURES`; an empty string if it is."""
    names = ARCHITECTURES.get(str(config.get("model_type")))
    if names is None:
        return f"they don't support models of type {config.get('model_type')!r}"
    if str(config.get(names.activation, "gelu")) != "gelu":
        return f"they don't support the activation {config[names.activation]!r}"
    if config.get("position_embedding_type", "absolute") != "absolute" or config.get("is_decoder"):
        return "they support only encoders with absolute positions"
    hidden, heads, units = _sizes(config, names)
    if heads < 1 or units < 1 or not hidden // heads or hidden % heads:
        return f"its sizes ({hidden} dimensions, {heads} heads, {units} hidden units) are impossible"
    return ""


def _sizes(config: Mapping[str, Any], names: Architecture) -> list[int]:
    return [int(config.get(name, 0)) for name in (names.hidden, names.heads, names.hidden_units)]


def with_prefix(read: ReadWeight, names: Architecture) -> ReadWeight:
    """Return a reader of weights by their names without the prefix that they have in this model."""
    for prefix in names.prefixes:
        try:
            read(f"{prefix}embeddings.word_embeddings.weight")
        except KeyError:
            continue
        return lambda name: read(prefix + name)
    raise KeyError("embeddings.word_embeddings.weight")


def design(config: Mapping[str, Any]) -> Design:
    """Return what a model of this configuration computes; `reason_unknown` is empty for it."""
    names = ARCHITECTURES[config["model_type"]]
    hidden, heads, units = _sizes(config, names)
    layers = int(config[names.layers])
    return Design(
        hidden,
        heads,
        heads,
        hidden // heads,
        units,
        layers,
        epsilon=float(config.get(names.epsilon, 1e-12)),
        score_scale=1 / float(np.sqrt(hidden // heads)),
        windows=(NO_WINDOW,) * layers,
        rotation_of_layer=(0,) * layers,
    )


def read_weights(config: Mapping[str, Any], read: ReadWeight, max_tokens: int) -> ModelWeights:
    """Return the weights of a model whose configuration `reason_unknown` accepts."""
    names, facts = ARCHITECTURES[config["model_type"]], design(config)
    read = with_prefix(read, names)
    hidden, units = facts.hidden, facts.units

    def layer(i: int) -> LayerWeights:
        prefix = names.layer.format(i)

        def dense(part: str, outputs: int = hidden, inputs: int = hidden) -> Dense:
            weights = shaped(read, f"{prefix}{part}.weight", outputs, inputs)
            return Dense(weights, shaped(read, f"{prefix}{part}.bias", outputs))

        return LayerWeights(
            dense(names.query),
            dense(names.key),
            dense(names.value),
            dense(names.output),
            None,
            dense(names.up, units),
            dense(names.down, hidden, units),
            tuple(norm(read, prefix + part, hidden) for part in (names.output_norm, names.down_norm)),
            np.zeros((0, 1), np.float32),
        )

    embeddings = Embeddings(
        table(read, "embeddings.word_embeddings.weight", hidden),
        positions(config, names, read, max_tokens, hidden),
        norm(read, "embeddings.LayerNorm", hidden),
    )
    return ModelWeights(facts, embeddings, layer, None, position_bias(config, read, max_tokens, facts.heads))


def norm(read: ReadWeight, name: str, hidden: int) -> Floats2d:
    """Return the scale and shift of a layer norm, shape (2, hidden)."""
    try:
        return np.stack([shaped(read, f"{name}.{part}", hidden) for part in ("weight", "bias")])
    except KeyError as missing:
        try:  # the names in checkpoints of TensorFlow
            return np.stack([shaped(read, f"{name}.{part}", hidden) for part in ("gamma", "beta")])
        except KeyError:
            raise missing from None


def positions(
    config: Mapping[str, Any], names: Architecture, read: ReadWeight, max_tokens: int, hidden: int
) -> Floats2d:
    """Return the embeddings of positions, with that of a first sentence added, shape (max tokens, hidden)."""
    first = int(config.get("pad_token_id", 1) or 0) + 1 if names.positions_after_padding else 0
    rows = table(read, "embeddings.position_embeddings.weight", hidden)[first : first + max_tokens]
    if len(rows) < max_tokens:
        raise ValueError(f"{len(rows)} positions for {max_tokens} tokens")
    types = table(read, "embeddings.token_type_embeddings.weight", hidden)[0] if names.token_types else np.float32(0)
    summed: Floats2d = rows + types
    return summed


def position_bias(config: Mapping[str, Any], read: ReadWeight, max_tokens: int, heads: int) -> Floats2d:
    """Return what each position relative to the query adds to a key's score, shape (heads, 2 * max tokens - 1)."""
    if config["model_type"] != "mpnet":
        return np.zeros((0, 1), np.float32)
    by_bucket = read("encoder.relative_attention_bias.weight")
    distances = np.arange(-(max_tokens - 1), max_tokens)
    return np.ascontiguousarray(by_bucket[_buckets(distances, len(by_bucket))].T.reshape(heads, len(distances)))


def _buckets(distances: Ints1d, count: int) -> Ints1d:
    """Return T5's bucket of each distance, key minus query (Raffel et al. 2020); far distances share buckets."""
    half = count // 2
    exact, far = half // 2, 128
    size = np.abs(distances)
    logarithm = np.log(np.maximum(size, 1).astype(np.float32) / exact) / np.log(far / exact)
    logarithmic = exact + (logarithm * (half - exact))
    bucket = np.where(size < exact, size, np.minimum(logarithmic.astype(np.int64), half - 1))
    signed: Ints1d = bucket + half * (distances > 0)
    return signed
