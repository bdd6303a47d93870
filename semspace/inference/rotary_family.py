"""Transformers after BERT: ModernBERT, EuroBERT, NomicBERT, GTE, JinaBERT, Gemma 3 and Qwen 3.

They rotate queries and keys by their positions, or penalise distance (ALiBi), instead of adding embeddings of
positions; most gate their hidden units. What is read here follows transformers' implementations, and the authors' own
for folders that came before those.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
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
from semspace.types import Floats1d, Floats2d

_ACTIVATIONS = {
    "gelu": "gelu", "gelu_pytorch_tanh": "gelu_tanh", "gelu_new": "gelu_tanh", "silu": "silu", "swish": "silu",
    "relu": "relu", "swiglu": "silu", "geglu": "gelu", "reglu": "relu",
}  # fmt: skip
_LAYERS = ("full_attention", "sliding_attention")
_NO_HEAD_NORMS = np.zeros((0, 1), np.float32)


@dataclass(frozen=True)
class WeightNames:
    """How an architecture names its weights.

    ``{}`` is the number of a layer. A name that ends in ``#i/n`` is the i-th of n equal parts of a weight. Where there
    are several names, the first that exists is read: authors and transformers may call a weight differently.
    """

    tokens: tuple[str, ...]
    layer: tuple[str, ...]
    query: tuple[str, ...]
    key: tuple[str, ...]
    value: tuple[str, ...]
    output: tuple[str, ...]
    up: tuple[str, ...]
    down: tuple[str, ...]
    norms: tuple[tuple[str, ...], ...]
    gate: tuple[str, ...] = ()
    head_norms: tuple[str, ...] = ()
    types: str = ""
    embedding_norm: tuple[str, ...] = ()
    final_norm: str = ""


@dataclass(frozen=True)
class _RotaryArchitecture:
    """An architecture: its names, its design for a configuration, and why it can't run one.

    `own_code` says that transformers runs it with the model's own code only; `shift` is added to the scales of norms.
    """

    names: WeightNames
    design: Callable[[Mapping[str, Any]], Design]
    problem: Callable[[Mapping[str, Any]], str]
    own_code: bool = False
    shift: float = 0.0
    embedding_scale: bool = False


def is_known(config: Mapping[str, Any]) -> bool:
    """Check whether a model is of one of these architectures."""
    return _kind_name(config) in _KINDS


def needs_own_code(config: Mapping[str, Any]) -> bool:
    """Check whether transformers runs it only with code that comes with the model."""
    return _KINDS[_kind_name(config)].own_code


def reason_unknown(config: Mapping[str, Any]) -> str:
    """Return why a model of a known architecture can't be run as its authors meant; an empty string if it can."""
    kind = _KINDS[_kind_name(config)]
    try:
        return kind.problem(config) or kind.design(config).problem
    except (KeyError, TypeError, ValueError, AttributeError, ZeroDivisionError) as problem:
        return f"its config.json is incomplete or damaged ({type(problem).__name__}: {problem})"


def design(config: Mapping[str, Any]) -> Design:
    """Return what a model of this configuration computes; `reason_unknown` is empty for it."""
    return _KINDS[_kind_name(config)].design(config)


def read_weights(config: Mapping[str, Any], read: ReadWeight, max_tokens: int) -> ModelWeights:
    """Return the weights of a model whose configuration `reason_unknown` accepts."""
    kind = _KINDS[_kind_name(config)]
    names, facts = kind.names, kind.design(config)
    weights = _Named(_with_prefix(read, names), kind.shift)
    tokens = weights.table(names.tokens, facts.hidden)
    if kind.embedding_scale:
        tokens = tokens * np.float32(np.sqrt(facts.hidden))
    types = np.zeros((1, facts.hidden), np.float32)
    if names.types and int(config.get("type_vocab_size", 1) or 0):
        types = weights.table((names.types,), facts.hidden)[:1]
    norm = weights.norm(names.embedding_norm, facts.hidden) if names.embedding_norm else None
    final = weights.norm((names.final_norm,), facts.hidden) if names.final_norm else None
    bias = _alibi(facts.heads, max_tokens) if not facts.frequencies else np.zeros((0, 1), np.float32)
    return ModelWeights(facts, Embeddings(tokens, types, norm), _layer_reader(weights, names, facts), final, bias)


def _layer_reader(weights: _Named, names: WeightNames, facts: Design) -> Callable[[int], LayerWeights]:
    hidden, units = facts.hidden, facts.units
    query, key = facts.heads * facts.head_size, facts.key_heads * facts.head_size

    def layer(i: int) -> LayerWeights:
        def named(part: tuple[str, ...]) -> tuple[str, ...]:
            return tuple(prefix.format(i) + name for prefix in names.layer for name in part)

        skipped = 1 if i == 0 and not facts.has_first_norm else 0
        return LayerWeights(
            weights.dense(named(names.query), query, hidden),
            weights.dense(named(names.key), key, hidden),
            weights.dense(named(names.value), key, hidden),
            weights.dense(named(names.output), hidden, query),
            weights.dense(named(names.gate), units, hidden) if names.gate else None,
            weights.dense(named(names.up), units, hidden),
            weights.dense(named(names.down), hidden, units),
            tuple(weights.norm(named(norm), hidden) for norm in names.norms[skipped:]),
            np.stack([weights.scale(named((norm,)), facts.head_size) for norm in names.head_norms])
            if names.head_norms
            else _NO_HEAD_NORMS,
        )

    return layer


class _Named:
    """Weights by several names, of which the first that exists is read."""

    def __init__(self, read: ReadWeight, shift: float) -> None:
        self._read, self._shift = read, np.float32(shift)

    def table(self, names: tuple[str, ...], width: int) -> Floats2d:
        """Return a table of vectors."""
        return table(self._read, f"{self._first(names)}.weight", width)

    def dense(self, names: tuple[str, ...], outputs: int, inputs: int) -> Dense:
        """Return a linear layer, with a bias of zeros if it has none."""
        name, part, parts = _part(self._first(names))
        rows = slice(part * outputs, (part + 1) * outputs)
        weights = shaped(self._read, f"{name}.weight", parts * outputs, inputs)[rows]
        try:
            return Dense(weights, shaped(self._read, f"{name}.bias", parts * outputs)[rows])
        except KeyError:
            return Dense(weights, np.zeros(outputs, np.float32))

    def norm(self, names: tuple[str, ...], hidden: int) -> Floats2d:
        """Return the scale and shift of a norm, shape (2, hidden); a shift of zeros if it has none."""
        try:
            shift = shaped(self._read, f"{self._first(names)}.bias", hidden)
        except KeyError:
            shift = np.zeros(hidden, np.float32)
        return np.stack([self.scale(names, hidden), shift])

    def scale(self, names: tuple[str, ...], size: int) -> Floats1d:
        """Return the scale of a norm."""
        scale: Floats1d = shaped(self._read, f"{self._first(names)}.weight", size) + self._shift
        return scale

    def _first(self, names: tuple[str, ...]) -> str:
        for name in names:
            try:
                self._read(f"{_part(name)[0]}.weight")
            except KeyError:
                continue
            return name
        raise KeyError(f"{_part(names[0])[0]}.weight")


def _part(name: str) -> tuple[str, int, int]:
    """Return a name, and which of how many parts of it is meant: "a#1/3" is the second third."""
    name, _, part = name.partition("#")
    number, _, count = part.partition("/")
    return name, int(number or 0), int(count or 1)


def _with_prefix(read: ReadWeight, names: WeightNames) -> ReadWeight:
    """Return a reader of weights by their names without the prefix that they have in this model."""
    for prefix in ("", "model.", "bert.", "nomic_bert.", "gte.", "new.", "language_model."):
        for name in names.tokens:
            try:
                read(f"{prefix}{name}.weight")
            except KeyError:
                continue
            return lambda name, prefix=prefix: read(prefix + name)  # type: ignore[misc]
    raise KeyError(f"{names.tokens[0]}.weight")


def _alibi(heads: int, max_tokens: int) -> Floats2d:
    """Return ALiBi's penalty of each distance, key minus query, for each head (Press et al. 2022), on both sides."""
    distances = np.abs(np.arange(-(max_tokens - 1), max_tokens)).astype(np.float32)
    return np.ascontiguousarray(-_slopes(heads)[:, None] * distances)


def _slopes(heads: int) -> Floats1d:
    """Return a geometric sequence of slopes; between powers of two, every second one of the next sequence follows."""
    nearest = 1 << (heads.bit_length() - 1)
    sequence = 2.0 ** (-8.0 / nearest * np.arange(1, nearest + 1))
    if nearest < heads:
        sequence = np.concatenate([sequence, _slopes(2 * nearest)[::2][: heads - nearest]])
    return sequence.astype(np.float32)


# -- rotations ----------------------------------------------------------------------------------------------------


def _rotation(config: Mapping[str, Any], kind: str = "") -> Mapping[str, Any]:
    """Return the settings of the rotation of a kind of layers, as transformers 4 or 5 writes them."""
    settings = config.get("rope_parameters") or {}
    if kind and isinstance(settings.get(kind), Mapping):
        settings = settings[kind]
    return {**(config.get("rope_scaling") or {}), **settings}


def _rotation_problem(config: Mapping[str, Any], *kinds: str, allowed: tuple[str, ...] = ()) -> str:
    for kind in kinds or ("",):
        settings = _rotation(config, kind)
        name = str(settings.get("rope_type", settings.get("type", "default")))
        if name not in ("default", "linear", "dynamic", *allowed):
            return f"they don't support the rotation {name!r} (rope_parameters or rope_scaling in config.json)"
        if settings.get("mixed_b") is not None:
            return "they don't support mixed NTK scaling (rope_scaling.mixed_b in config.json)"
        if float(settings.get("partial_rotary_factor", config.get("partial_rotary_factor", 1.0)) or 1.0) != 1.0:
            return "they don't support rotations of a part of each head (partial_rotary_factor in config.json)"
    return ""


def _frequencies(theta: float, size: int, settings: Mapping[str, Any]) -> Floats1d:
    """Return the angle of each pair of dimensions, from one position to the next.

    A "dynamic" rotation changes them only beyond the positions that a model was trained for, which are never reached.
    """
    name = settings.get("rope_type", settings.get("type", "default"))
    factor = float(settings.get("factor", 1.0))
    base = float(settings.get("rope_theta", theta)) * (factor if name == "ntk" else 1.0)
    exponents = np.arange(0, size, 2, dtype=np.float32) / np.float32(size)
    frequencies = np.float32(1) / np.float32(base) ** exponents
    if name == "linear":
        frequencies = frequencies / np.float32(factor)
    if name == "ntk":
        frequencies = frequencies / np.float32(factor ** (2 / size))
    return frequencies.astype(np.float32)  # type: ignore[no-any-return]


def _unlimited(layers: int) -> dict[str, Any]:
    return {"windows": (NO_WINDOW,) * layers, "rotation_of_layer": (0,) * layers}


def _activation(name: Any) -> str:
    return _ACTIVATIONS.get(str(name), "")


def _activation_problem(config: Mapping[str, Any], key: str, default: str) -> str:
    name = config.get(key, default)
    return "" if _activation(name) else f"they don't support the activation {name!r} ({key} in config.json)"


def _layer_kinds(config: Mapping[str, Any], layers: int, full: Callable[[int], bool]) -> tuple[str, ...]:
    """Return which layers have full attention, and which a sliding window."""
    written = config.get("layer_types")
    if written:
        return tuple(str(kind) for kind in written)
    return tuple("full_attention" if full(i) else "sliding_attention" for i in range(layers))


def _layer_kinds_problem(config: Mapping[str, Any], layers: int) -> str:
    kinds = config.get("layer_types") or []
    strange = sorted({str(kind) for kind in kinds} - set(_LAYERS))
    if strange:
        return f"they don't support layers of type {strange[0]!r} (layer_types in config.json)"
    if len(kinds) not in (0, layers):
        return f"layer_types in config.json has {len(kinds)} items for {layers} layers"
    return ""


def _windowed(kinds: tuple[str, ...], window: int) -> dict[str, Any]:
    is_full = [kind == "full_attention" for kind in kinds]
    return {
        "windows": tuple(NO_WINDOW if full else window for full in is_full),
        "rotation_of_layer": tuple(0 if full else 1 for full in is_full),
    }


# -- ModernBERT (Warner et al. 2024) ------------------------------------------------------------------------------


def _modernbert(config: Mapping[str, Any]) -> Design:
    hidden, heads, layers = (int(config[key]) for key in ("hidden_size", "num_attention_heads", "num_hidden_layers"))
    size = hidden // heads
    every = int(config.get("global_attn_every_n_layers", 3))
    full = float(config.get("global_rope_theta", 160_000.0))
    thetas = (full, float(config.get("local_rope_theta", 10_000.0) or full))
    window = int(config.get("local_attention", 128)) // 2
    return Design(
        hidden,
        heads,
        heads,
        size,
        int(config["intermediate_size"]),
        layers,
        epsilon=float(config.get("norm_eps", 1e-5)),
        score_scale=float(size**-0.5),
        frequencies=tuple(
            _frequencies(t, size, _rotation(config, kind)) for t, kind in zip(thetas, _LAYERS, strict=True)
        ),
        norm_place="before",
        activation=_activation(config.get("hidden_activation", "gelu")),
        gated=True,
        has_first_norm=False,
        **_windowed(_layer_kinds(config, layers, lambda i: i % every == 0), window),
    )


def _modernbert_problem(config: Mapping[str, Any]) -> str:
    return (
        _activation_problem(config, "hidden_activation", "gelu")
        or _rotation_problem(config, *_LAYERS)
        or _layer_kinds_problem(config, int(config["num_hidden_layers"]))
    )


_MODERNBERT = WeightNames(
    tokens=("embeddings.tok_embeddings",),
    layer=("layers.{}.",),
    query=("attn.Wqkv#0/3",),
    key=("attn.Wqkv#1/3",),
    value=("attn.Wqkv#2/3",),
    output=("attn.Wo",),
    gate=("mlp.Wi#0/2",),
    up=("mlp.Wi#1/2",),
    down=("mlp.Wo",),
    norms=(("attn_norm",), ("mlp_norm",)),
    embedding_norm=("embeddings.norm",),
    final_norm="final_norm",
)

# -- NomicBERT (Nussbaum et al. 2024) and GTE (Zhang et al. 2024): BERT with rotations and gates -------------------


def _sizes(config: Mapping[str, Any]) -> tuple[int, int, int, int]:
    """Return dimensions, heads, hidden units and layers, as BERT's or GPT-2's configuration names them."""
    names = (("hidden_size", "n_embd"), ("num_attention_heads", "n_head"), ("intermediate_size", "n_inner"),
             ("num_hidden_layers", "n_layer"))  # fmt: skip
    hidden, heads, units, layers = (int(config[new] if new in config else config[old]) for new, old in names)
    return hidden, heads, units, layers


def _gated_bert(config: Mapping[str, Any], theta: float, activation: str) -> Design:
    hidden, heads, units, layers = _sizes(config)
    size = int(config.get("head_dim") or hidden // heads)
    return Design(
        hidden,
        heads,
        heads,
        size,
        units,
        layers,
        epsilon=float(config.get("layer_norm_eps", config.get("layer_norm_epsilon", 1e-12))),
        score_scale=float(size**-0.5),
        frequencies=(_frequencies(theta, size, _rotation(config)),),
        activation=activation,
        gated=True,
        **_unlimited(layers),
    )


def _nomic(config: Mapping[str, Any]) -> Design:
    theta = float(config.get("rotary_emb_base", config.get("rope_theta", 1000.0)))
    return _gated_bert(config, theta, _activation(config.get("hidden_act", config.get("activation_function", "silu"))))


def _nomic_problem(config: Mapping[str, Any]) -> str:
    """Return what a folder of the authors' code switches on that the kernels don't have."""
    required = {
        "prenorm": False, "rotary_emb_fraction": 1.0, "rotary_emb_interleaved": False, "parallel_block": False,
        "use_rms_norm": False, "causal": False, "rotary_scaling_factor": None, "rotary_emb_scale_base": None,
        "num_experts": 0, "moe_every_n_layers": 0, "scale_attn_weights": True,
    }  # fmt: skip
    for key, expected in required.items():
        if key in config and config[key] not in (expected, None):
            return f"they don't support {key} {config[key]!r} (config.json)"
    key = "hidden_act" if "hidden_act" in config else "activation_function"
    if "activation_function" in config and config["activation_function"] not in ("swiglu", "geglu"):
        name = config["activation_function"]
        return f"they don't support the activation {name!r} (activation_function in config.json)"
    return _activation_problem(config, key, "silu") or _rotation_problem(config)


_NOMIC = WeightNames(
    tokens=("embeddings.word_embeddings",),
    layer=("layers.{}.", "encoder.layers.{}."),
    query=("self_attn.q_proj", "attn.Wqkv#0/3"),
    key=("self_attn.k_proj", "attn.Wqkv#1/3"),
    value=("self_attn.v_proj", "attn.Wqkv#2/3"),
    output=("self_attn.o_proj", "attn.out_proj"),
    gate=("mlp.gate_proj", "mlp.fc12"),
    up=("mlp.up_proj", "mlp.fc11"),
    down=("mlp.down_proj", "mlp.fc2"),
    norms=(("post_attention_layernorm", "norm1"), ("post_mlp_layernorm", "norm2")),
    types="embeddings.token_type_embeddings",
    embedding_norm=("embeddings.LayerNorm", "emb_ln"),
)


def _gte(config: Mapping[str, Any]) -> Design:
    theta = float(config.get("rope_theta", 10_000.0 if config["model_type"] == "new" else 160_000.0))
    return _gated_bert(config, theta, _activation(config.get("hidden_act", "gelu")))


def _gte_problem(config: Mapping[str, Any]) -> str:
    """Return what a folder of the authors' code ("new") switches on that the kernels don't have."""
    required = {
        "position_embedding_type": "rope", "layer_norm_type": "layer_norm", "logn_attention_scale": False,
        "logn_attention_clip1": False,
    }  # fmt: skip
    if config["model_type"] == "new":
        for key, expected in required.items():
            if config.get(key, expected) != expected:
                return f"they don't support {key} {config[key]!r} (config.json)"
    allowed = ("ntk",) if config["model_type"] == "new" else ()
    return _activation_problem(config, "hidden_act", "gelu") or _rotation_problem(config, allowed=allowed)


_GTE = WeightNames(
    tokens=("embeddings.word_embeddings",),
    layer=("layers.{}.", "encoder.layer.{}."),
    query=("self_attn.q_proj", "attention.qkv_proj#0/3", "attention.q_proj"),
    key=("self_attn.k_proj", "attention.qkv_proj#1/3", "attention.k_proj"),
    value=("self_attn.v_proj", "attention.qkv_proj#2/3", "attention.v_proj"),
    output=("self_attn.o_proj", "attention.o_proj"),
    gate=("mlp.gate_proj", "mlp.up_gate_proj#1/2"),
    up=("mlp.up_proj", "mlp.up_gate_proj#0/2"),
    down=("mlp.down_proj",),
    norms=(("post_attention_layernorm", "attn_ln"), ("post_mlp_layernorm", "mlp_ln")),
    types="embeddings.token_type_embeddings",
    embedding_norm=("embeddings.LayerNorm",),
)

# -- JinaBERT 2 (Günther et al. 2023): BERT with ALiBi and gates ---------------------------------------------------


def _jina(config: Mapping[str, Any]) -> Design:
    hidden, heads, units, layers = _sizes(config)
    return Design(
        hidden,
        heads,
        heads,
        hidden // heads,
        units,
        layers,
        epsilon=float(config.get("layer_norm_eps", 1e-12)),
        score_scale=float((hidden // heads) ** -0.5),
        activation=_activation(config.get("feed_forward_type")),
        gated=True,
        **_unlimited(layers),
    )


def _jina_problem(config: Mapping[str, Any]) -> str:
    kind = config.get("feed_forward_type", "original")
    if kind not in ("geglu", "reglu"):
        return f"they don't support ALiBi with feed_forward_type {kind!r} (config.json)"
    return "they don't support decoders with ALiBi (is_decoder in config.json)" if config.get("is_decoder") else ""


_JINA = WeightNames(
    tokens=("embeddings.word_embeddings",),
    layer=("encoder.layer.{}.",),
    query=("attention.self.query",),
    key=("attention.self.key",),
    value=("attention.self.value",),
    output=("attention.output.dense",),
    gate=("mlp.gated_layers#0/2",),
    up=("mlp.gated_layers#1/2",),
    down=("mlp.wo",),
    norms=(("attention.output.LayerNorm",), ("mlp.layernorm",)),
    types="embeddings.token_type_embeddings",
    embedding_norm=("embeddings.LayerNorm",),
)

# -- after Llama: Qwen 3 (Zhang et al. 2025), Gemma 3 (Vera et al. 2025), EuroBERT (Boizard et al. 2025) -----------


def _decoder(config: Mapping[str, Any], *, theta: float = 10_000.0, epsilon: float = 1e-6) -> dict[str, Any]:
    hidden, heads, units, layers = _sizes(config)
    size = int(config.get("head_dim") or hidden // heads)
    return {
        "hidden": hidden,
        "heads": heads,
        "key_heads": int(config.get("num_key_value_heads") or heads),
        "head_size": size,
        "units": units,
        "layers": layers,
        "epsilon": float(config.get("rms_norm_eps", epsilon)),
        "score_scale": float(size**-0.5),
        "frequencies": (_frequencies(float(config.get("rope_theta", theta)), size, _rotation(config)),),
        "norm_place": "before",
        "activation": _activation(config.get("hidden_act", "silu")),
        "gated": True,
        "is_rms": True,
    }


def _qwen3(config: Mapping[str, Any]) -> Design:
    facts = _decoder({"head_dim": 128, **config})
    return Design(**facts, causal=True, **_unlimited(facts["layers"]))


def _qwen3_problem(config: Mapping[str, Any]) -> str:
    if config.get("use_sliding_window") or "sliding_attention" in (config.get("layer_types") or []):
        return "they don't support Qwen 3 with sliding windows (use_sliding_window in config.json)"
    return _activation_problem(config, "hidden_act", "silu") or _rotation_problem(config)


_QWEN3 = WeightNames(
    tokens=("embed_tokens",),
    layer=("layers.{}.",),
    query=("self_attn.q_proj",),
    key=("self_attn.k_proj",),
    value=("self_attn.v_proj",),
    output=("self_attn.o_proj",),
    gate=("mlp.gate_proj",),
    up=("mlp.up_proj",),
    down=("mlp.down_proj",),
    norms=(("input_layernorm",), ("post_attention_layernorm",)),
    head_norms=("self_attn.q_norm", "self_attn.k_norm"),
    final_norm="norm",
)


def _eurobert(config: Mapping[str, Any]) -> Design:
    facts = _decoder(config, theta=250_000.0, epsilon=1e-5)
    return Design(**facts, **_unlimited(facts["layers"]))


def _eurobert_problem(config: Mapping[str, Any]) -> str:
    return _activation_problem(config, "hidden_act", "silu") or _rotation_problem(config)


_EUROBERT = replace(_QWEN3, head_norms=())


def _gemma3(config: Mapping[str, Any]) -> Design:
    facts = _decoder({"head_dim": 256, **config})
    size, layers = facts["head_size"], facts["layers"]
    thetas = (float(config.get("rope_theta", 1e6)), float(config.get("rope_local_base_freq", 1e4)))
    local = (config.get("rope_parameters") or {}).get("sliding_attention") or {}  # rope_scaling isn't for these layers
    settings = (_rotation(config, "full_attention"), local)
    both_sides = bool(config.get("use_bidirectional_attention"))
    width = int(config.get("sliding_window", 4096))
    pattern = int(config.get("sliding_window_pattern", config.get("_sliding_window_pattern", 6)))
    kinds = _layer_kinds(config, layers, lambda i: (i + 1) % pattern == 0)
    return Design(
        **{
            **facts,
            "score_scale": float(config.get("query_pre_attn_scalar", 256)) ** -0.5,
            "frequencies": tuple(_frequencies(t, size, each) for t, each in zip(thetas, settings, strict=True)),
            "norm_place": "around",
            "activation": _activation(config.get("hidden_activation", "gelu_pytorch_tanh")),
        },
        causal=not both_sides,
        **_windowed(kinds, width // 2 if both_sides else width - 1),
    )


def _gemma3_problem(config: Mapping[str, Any]) -> str:
    if config.get("attn_logit_softcapping") is not None:
        return "they don't support attn_logit_softcapping (config.json)"
    return (
        _activation_problem(config, "hidden_activation", "gelu_pytorch_tanh")
        or _rotation_problem(config, *_LAYERS)
        or _layer_kinds_problem(config, int(config["num_hidden_layers"]))
    )


_GEMMA3 = replace(
    _QWEN3,
    norms=(
        ("input_layernorm",),
        ("post_attention_layernorm",),
        ("pre_feedforward_layernorm",),
        ("post_feedforward_layernorm",),
    ),
)

_KINDS = {
    "modernbert": _RotaryArchitecture(_MODERNBERT, _modernbert, _modernbert_problem),
    "nomic_bert": _RotaryArchitecture(_NOMIC, _nomic, _nomic_problem),
    "gte": _RotaryArchitecture(_GTE, _gte, _gte_problem),
    "new": _RotaryArchitecture(_GTE, _gte, _gte_problem, own_code=True),
    "jina": _RotaryArchitecture(_JINA, _jina, _jina_problem, own_code=True),
    "qwen3": _RotaryArchitecture(_QWEN3, _qwen3, _qwen3_problem),
    "eurobert": _RotaryArchitecture(_EUROBERT, _eurobert, _eurobert_problem),
    "gemma3_text": _RotaryArchitecture(_GEMMA3, _gemma3, _gemma3_problem, shift=1.0, embedding_scale=True),
}


def _kind_name(config: Mapping[str, Any]) -> str:
    """Return the name of a model's architecture; JinaBERT's folders call themselves BERT."""
    name = str(config.get("model_type"))
    return "jina" if name == "bert" and config.get("position_embedding_type") == "alibi" else name
