"""After Llama: Qwen 3 (Zhang et al. 2025), Gemma 3 (Vera et al. 2025) and EuroBERT (Boizard et al. 2025)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from semspace.inference.design import Design
from semspace.inference.rotary.architecture import RotaryArchitecture
from semspace.inference.rotary.configuration import activation_name, activation_problem, sizes
from semspace.inference.rotary.rotations import inverse_frequencies, rotation, rotation_problem
from semspace.inference.rotary.weight_names import WeightNames
from semspace.inference.rotary.windows import LAYER_KINDS, layer_kinds, layer_kinds_problem, unlimited, windowed


def _decoder(config: Mapping[str, Any], *, theta: float = 10_000.0, epsilon: float = 1e-6) -> dict[str, Any]:
    hidden, heads, units, layers = sizes(config)
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
        "frequencies": (inverse_frequencies(float(config.get("rope_theta", theta)), size, rotation(config)),),
        "norm_place": "before",
        "activation": activation_name(config.get("hidden_act", "silu")),
        "gated": True,
        "is_rms": True,
    }


def _qwen3(config: Mapping[str, Any]) -> Design:
    facts = _decoder({"head_dim": 128, **config})
    return Design(**facts, causal=True, **unlimited(facts["layers"]))


def _qwen3_problem(config: Mapping[str, Any]) -> str:
    if config.get("use_sliding_window") or "sliding_attention" in (config.get("layer_types") or []):
        return "they don't support Qwen 3 with sliding windows (use_sliding_window in config.json)"
    return activation_problem(config, "hidden_act", "silu") or rotation_problem(config)


_NAMES = WeightNames(
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
    return Design(**facts, **unlimited(facts["layers"]))


def _eurobert_problem(config: Mapping[str, Any]) -> str:
    return activation_problem(config, "hidden_act", "silu") or rotation_problem(config)


_EUROBERT_NAMES = replace(_NAMES, head_norms=())


def _gemma3(config: Mapping[str, Any]) -> Design:
    facts = _decoder({"head_dim": 256, **config})
    size, layers = facts["head_size"], facts["layers"]
    thetas = (float(config.get("rope_theta", 1e6)), float(config.get("rope_local_base_freq", 1e4)))
    local = (config.get("rope_parameters") or {}).get("sliding_attention") or {}  # rope_scaling isn't for these layers
    settings = (rotation(config, "full_attention"), local)
    both_sides = bool(config.get("use_bidirectional_attention"))
    width = int(config.get("sliding_window", 4096))
    pattern = int(config.get("sliding_window_pattern", config.get("_sliding_window_pattern", 6)))
    kinds = layer_kinds(config, layers, lambda i: (i + 1) % pattern == 0)
    return Design(
        **{
            **facts,
            "score_scale": float(config.get("query_pre_attn_scalar", 256)) ** -0.5,
            "frequencies": tuple(inverse_frequencies(t, size, each) for t, each in zip(thetas, settings, strict=True)),
            "norm_place": "around",
            "activation": activation_name(config.get("hidden_activation", "gelu_pytorch_tanh")),
        },
        causal=not both_sides,
        **windowed(kinds, width // 2 if both_sides else width - 1),
    )


def _gemma3_problem(config: Mapping[str, Any]) -> str:
    if config.get("attn_logit_softcapping") is not None:
        return "they don't support attn_logit_softcapping (config.json)"
    return (
        activation_problem(config, "hidden_activation", "gelu_pytorch_tanh")
        or rotation_problem(config, *LAYER_KINDS)
        or layer_kinds_problem(config, int(config["num_hidden_layers"]))
    )


_GEMMA3_NAMES = replace(
    _NAMES,
    norms=(
        ("input_layernorm",),
        ("post_attention_layernorm",),
        ("pre_feedforward_layernorm",),
        ("post_feedforward_layernorm",),
    ),
)


QWEN3 = RotaryArchitecture(_NAMES, _qwen3, _qwen3_problem)
EUROBERT = RotaryArchitecture(_EUROBERT_NAMES, _eurobert, _eurobert_problem)
GEMMA3 = RotaryArchitecture(_GEMMA3_NAMES, _gemma3, _gemma3_problem, shift=1.0, embedding_scale=True)
