"""The weights of a model's folder → `Model`: which architectures the kernels can walk, and how each names its parts."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from semspace.errors import DamagedError
from semspace.inference.forward import block_of
from semspace.inference.gemm import WIDTH
from semspace.inference.model import Floats, Model, pack

Take = Callable[[str], Floats]


@dataclass(frozen=True)
class Names:
    """How an architecture calls its weights and sizes.

    ``{}`` is the number of a layer. One of `prefixes` may stand before every name. `after_padding` says whether
    positions begin after those kept for padding, `kinds` whether there are vectors for a first and a second sentence.
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
    middle: str = "intermediate_size"
    activation: str = "hidden_act"
    after_padding: bool = False
    kinds: bool = True
    epsilon: str = "layer_norm_eps"
    prefixes: tuple[str, ...] = ("", "bert.", "roberta.", "distilbert.", "mpnet.")


_BERT = Names(
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
_ROBERTA = replace(_BERT, after_padding=True)
_DISTILBERT = Names(
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
    kinds=False,
    epsilon="",  # it has the usual one, whatever its configuration says
)
_MPNET = Names(
    "encoder.layer.{}.",
    "attention.attn.q",
    "attention.attn.k",
    "attention.attn.v",
    "attention.attn.o",
    "attention.LayerNorm",
    "intermediate.dense",
    "output.dense",
    "output.LayerNorm",
    after_padding=True,
    kinds=False,
)
FAMILIES = {
    "bert": _BERT,
    "camembert": _ROBERTA,
    "distilbert": _DISTILBERT,
    "mpnet": _MPNET,
    "roberta": _ROBERTA,
    "xlm-roberta": _ROBERTA,
}


def obstacle(config: Mapping[str, Any]) -> str:
    """Say why the kernels can't walk a model of this configuration; nothing where they can."""
    names = FAMILIES.get(str(config.get("model_type")))
    if names is None:
        return f"they know no models of type {config.get('model_type')!r}"
    hidden, heads, middle = (int(config.get(name, 0)) for name in (names.hidden, names.heads, names.middle))
    if str(config.get(names.activation, "gelu")) != "gelu":
        return f"they have no activation {config[names.activation]!r}"
    if config.get("position_embedding_type", "absolute") != "absolute" or config.get("is_decoder"):
        return "they know only absolute positions, and encoders"
    size = hidden // max(heads, 1)
    if heads < 1 or not size or hidden % heads or size % 32 or hidden % block_of(size) or middle % WIDTH or not middle:
        return f"its widths ({hidden}, {heads} heads, {middle}) don't fill their tiles"
    return ""


def build(config: Mapping[str, Any], take: Take, longest: int, precision: str) -> Model:
    """Lay out the weights of a model for the kernels.

    Parameters
    ----------
    config : mapping
        Of the model's ``config.json``, for which `obstacle` said nothing.
    take : callable
        Gives a weight by its name, as float32, or raises `KeyError`.
    longest : int
        The most tokens a text may have.
    precision : {"float32", "bfloat16", "int8"}

    Raises
    ------
    DamagedError
        If a weight is missing or of another shape.
    """
    names = FAMILIES[config["model_type"]]
    try:
        return _build(config, names, _with_prefix(take, names), longest, precision)
    except KeyError as problem:
        raise DamagedError(f"the model has no weight {problem.args[0]!r}; fetch it again") from problem
    except ValueError as problem:
        raise DamagedError(f"the model's weights don't fit its config.json ({problem}); fetch it again") from problem


def _with_prefix(take: Take, names: Names) -> Take:
    for prefix in names.prefixes:
        try:
            take(f"{prefix}embeddings.word_embeddings.weight")
        except KeyError:
            continue
        return lambda name: take(prefix + name)
    raise KeyError("embeddings.word_embeddings.weight")


def _build(config: Mapping[str, Any], names: Names, take: Take, longest: int, precision: str) -> Model:
    layers, heads = range(int(config[names.layers])), int(config[names.heads])
    hidden, middle = int(config[names.hidden]), int(config[names.middle])

    def stacked(part: str, *shape: int) -> Floats:
        return np.stack([_shaped(take, names.layer.format(layer) + part, *shape) for layer in layers])

    def linear(part: str, outputs: int, inputs: int) -> tuple[Floats, Floats]:
        return stacked(f"{part}.weight", outputs, inputs), stacked(f"{part}.bias", outputs)

    norms = [_norm(take, "embeddings.LayerNorm", hidden)]
    for layer in layers:
        norms += [
            _norm(take, names.layer.format(layer) + part, hidden) for part in (names.output_norm, names.down_norm)
        ]
    qkv = _side_by_side([linear(part, hidden, hidden) for part in (names.query, names.key, names.value)], heads)
    return Model(
        _table(take, "embeddings.word_embeddings.weight", hidden),
        _positions(config, names, take, longest, hidden),
        np.stack(norms),
        pack(*qkv, precision, WIDTH),
        pack(*linear(names.output, hidden, hidden), precision, WIDTH),
        pack(*linear(names.up, middle, hidden), precision, WIDTH),
        pack(*linear(names.down, hidden, middle), precision, WIDTH),
        _nearness(config, take, longest, heads),
        heads,
        np.float32(config.get(names.epsilon, 1e-12)),
    )


def _norm(take: Take, name: str, hidden: int) -> Floats:
    try:
        return np.stack([_shaped(take, f"{name}.{part}", hidden) for part in ("weight", "bias")])
    except KeyError as missing:
        try:  # as TensorFlow's checkpoints called them
            return np.stack([_shaped(take, f"{name}.{part}", hidden) for part in ("gamma", "beta")])
        except KeyError:
            raise missing from None


def _shaped(take: Take, name: str, *shape: int) -> Floats:
    weight = take(name)
    if weight.shape != shape:
        raise ValueError(f"{name} has the shape {weight.shape}, not {shape}")
    return weight


def _table(take: Take, name: str, hidden: int) -> Floats:
    table = take(name)
    if table.ndim != 2 or table.shape[1] != hidden:
        raise ValueError(f"{name} has the shape {table.shape}")
    return table


def _side_by_side(parts: list[tuple[Floats, Floats]], heads: int) -> tuple[Floats, Floats]:
    """Put queries, keys and values of the same heads beside each other, the queries scaled for their dot products."""
    layers, hidden, _ = parts[0][0].shape
    size = hidden // heads
    block = block_of(size)
    scale = np.float32(1 / np.sqrt(size))
    scaled = [(w * scale, b * scale) if i == 0 else (w, b) for i, (w, b) in enumerate(parts)]
    weights = np.stack([w.reshape(layers, hidden // block, block, hidden) for w, _ in scaled], axis=2)
    bias = np.stack([b.reshape(layers, hidden // block, block) for _, b in scaled], axis=2)
    return weights.reshape(layers, 3 * hidden, hidden), np.ascontiguousarray(bias.reshape(layers, 3 * hidden))


def _positions(config: Mapping[str, Any], names: Names, take: Take, longest: int, hidden: int) -> Floats:
    first = int(config.get("pad_token_id", 1) or 0) + 1 if names.after_padding else 0
    positions = _table(take, "embeddings.position_embeddings.weight", hidden)[first : first + longest]
    if len(positions) < longest:
        raise ValueError(f"{len(positions)} positions for {longest} tokens")
    kinds = _table(take, "embeddings.token_type_embeddings.weight", hidden)[0] if names.kinds else np.float32(0)
    summed: Floats = positions + kinds
    return summed


def _nearness(config: Mapping[str, Any], take: Take, longest: int, heads: int) -> Floats:
    if config["model_type"] != "mpnet":
        return np.zeros((0, 1), np.float32)
    table = take("encoder.relative_attention_bias.weight")
    distances = np.arange(-(longest - 1), longest)
    return np.ascontiguousarray(table[_buckets(distances, len(table))].T.reshape(heads, len(distances)))


def _buckets(distances: np.ndarray, count: int) -> np.ndarray:
    """Sort distances (key less query) into T5's buckets (Raffel et al. 2020): near ones each, far ones by logarithm."""
    half = count // 2
    exact, far = half // 2, 128
    size = np.abs(distances)
    spread = exact + (np.log(np.maximum(size, 1).astype(np.float32) / exact) / np.log(far / exact) * (half - exact))
    bucket = np.where(size < exact, size, np.minimum(spread.astype(np.int64), half - 1))
    found: np.ndarray = bucket + half * (distances > 0)
    return found
