"""The weights of a model → `Transformer`: which architectures the kernels support, and how each names its weights."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from semspace.errors import DamagedError
from semspace.inference.model import Transformer, pack_linear
from semspace.types import ArrayXd, Floats2d, Floats3d, Ints1d

ReadWeight = Callable[[str], ArrayXd]


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


def reason_unsupported(config: Mapping[str, Any]) -> str:
    """Return why the kernels can't run a model of this configuration; an empty string if they can."""
    from semspace.inference.forward import qkv_block
    from semspace.inference.gemm import WIDTH

    unknown = reason_unknown(config)
    if unknown:
        return unknown
    hidden, heads, units = _sizes(config, ARCHITECTURES[config["model_type"]])
    size = hidden // heads
    if size % 32 or hidden % qkv_block(size) or units % WIDTH:
        return f"its sizes ({hidden} dimensions, {heads} heads, {units} hidden units) aren't multiples of their tiles"
    return ""


def _sizes(config: Mapping[str, Any], names: Architecture) -> list[int]:
    return [int(config.get(name, 0)) for name in (names.hidden, names.heads, names.hidden_units)]


def build(config: Mapping[str, Any], read: ReadWeight, max_tokens: int, precision: str) -> Transformer:
    """Read and pack the weights of a model for the kernels.

    Parameters
    ----------
    config : mapping
        The model's ``config.json``, for which `reason_unsupported` is empty.
    read : callable
        Returns a weight by its name, as float32, or raises `KeyError`.
    max_tokens : int
        Maximum number of tokens of a text.
    precision : {"float32", "bfloat16", "int8"}

    Raises
    ------
    DamagedError
        If a weight is missing or of another shape.
    """
    names = ARCHITECTURES[config["model_type"]]
    with complete():
        return _build(config, names, with_prefix(read, names), max_tokens, precision)


@contextmanager
def complete() -> Iterator[None]:
    """Raise `DamagedError` where a weight is missing or of another shape."""
    try:
        yield
    except KeyError as problem:
        raise DamagedError(f"the model has no weight {problem.args[0]!r}; fetch it again") from problem
    except ValueError as problem:
        raise DamagedError(f"the model's weights don't fit its config.json ({problem}); fetch it again") from problem


def with_prefix(read: ReadWeight, names: Architecture) -> ReadWeight:
    """Return a reader of weights by their names without the prefix that they have in this model."""
    for prefix in names.prefixes:
        try:
            read(f"{prefix}embeddings.word_embeddings.weight")
        except KeyError:
            continue
        return lambda name: read(prefix + name)
    raise KeyError("embeddings.word_embeddings.weight")


def _build(
    config: Mapping[str, Any], names: Architecture, read: ReadWeight, max_tokens: int, precision: str
) -> Transformer:
    from semspace.inference.gemm import WIDTH

    layers, (hidden, heads, units) = range(int(config[names.layers])), _sizes(config, names)

    def stacked(part: str, *shape: int) -> ArrayXd:
        return np.stack([shaped(read, names.layer.format(layer) + part, *shape) for layer in layers])

    def linear(part: str, outputs: int, inputs: int) -> tuple[Floats3d, Floats2d]:
        return stacked(f"{part}.weight", outputs, inputs), stacked(f"{part}.bias", outputs)

    norms = [norm(read, "embeddings.LayerNorm", hidden)]
    for layer in layers:
        norms += [norm(read, names.layer.format(layer) + part, hidden) for part in (names.output_norm, names.down_norm)]
    qkv = _interleaved([linear(part, hidden, hidden) for part in (names.query, names.key, names.value)], heads)
    return Transformer(
        table(read, "embeddings.word_embeddings.weight", hidden).copy(),
        positions(config, names, read, max_tokens, hidden),
        np.stack(norms),
        pack_linear(*qkv, precision, WIDTH),
        pack_linear(*linear(names.output, hidden, hidden), precision, WIDTH),
        pack_linear(*linear(names.up, units, hidden), precision, WIDTH),
        pack_linear(*linear(names.down, hidden, units), precision, WIDTH),
        position_bias(config, read, max_tokens, heads),
        heads,
        np.float32(config.get(names.epsilon, 1e-12)),
    )


def norm(read: ReadWeight, name: str, hidden: int) -> Floats2d:
    """Return the scale and shift of a layer norm, shape (2, hidden)."""
    try:
        return np.stack([shaped(read, f"{name}.{part}", hidden) for part in ("weight", "bias")])
    except KeyError as missing:
        try:  # the names in checkpoints of TensorFlow
            return np.stack([shaped(read, f"{name}.{part}", hidden) for part in ("gamma", "beta")])
        except KeyError:
            raise missing from None


def shaped(read: ReadWeight, name: str, *shape: int) -> ArrayXd:
    """Return a weight, or raise `ValueError` if it has another shape."""
    weight = read(name)
    if weight.shape != shape:
        raise ValueError(f"{name} has the shape {weight.shape}, not {shape}")
    return weight


def table(read: ReadWeight, name: str, hidden: int) -> Floats2d:
    """Return a table of vectors, or raise `ValueError` if it has another width."""
    rows = read(name)
    if rows.ndim != 2 or rows.shape[1] != hidden:
        raise ValueError(f"{name} has the shape {rows.shape}")
    return rows


def _interleaved(parts: list[tuple[Floats3d, Floats2d]], heads: int) -> tuple[Floats3d, Floats2d]:
    """Return queries, keys and values with those of the same heads side by side, the queries scaled for attention."""
    from semspace.inference.forward import qkv_block

    layers, hidden, _ = parts[0][0].shape
    size = hidden // heads
    block = qkv_block(size)
    scale = np.float32(1 / np.sqrt(size))
    scaled = [(w * scale, b * scale) if i == 0 else (w, b) for i, (w, b) in enumerate(parts)]
    weights = np.stack([w.reshape(layers, hidden // block, block, hidden) for w, _ in scaled], axis=2)
    bias = np.stack([b.reshape(layers, hidden // block, block) for _, b in scaled], axis=2)
    return weights.reshape(layers, 3 * hidden, hidden), np.ascontiguousarray(bias.reshape(layers, 3 * hidden))


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
