"""NomicBERT (Nussbaum et al. 2024) and GTE (Zhang et al. 2024): BERT with rotations and gates."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from semspace.inference.design import Design
from semspace.inference.rotary.architecture import RotaryArchitecture
from semspace.inference.rotary.configuration import activation_name, activation_problem, sizes
from semspace.inference.rotary.rotations import inverse_frequencies, rotation, rotation_problem
from semspace.inference.rotary.weight_names import WeightNames
from semspace.inference.rotary.windows import unlimited


def _gated_bert(config: Mapping[str, Any], theta: float, activation: str) -> Design:
    hidden, heads, units, layers = sizes(config)
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
        frequencies=(inverse_frequencies(theta, size, rotation(config)),),
        activation=activation,
        gated=True,
        **unlimited(layers),
    )


def _nomic(config: Mapping[str, Any]) -> Design:
    theta = float(config.get("rotary_emb_base", config.get("rope_theta", 1000.0)))
    return _gated_bert(
        config, theta, activation_name(config.get("hidden_act", config.get("activation_function", "silu")))
    )


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
    return activation_problem(config, key, "silu") or rotation_problem(config)


_NOMIC_NAMES = WeightNames(
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
    return _gated_bert(config, theta, activation_name(config.get("hidden_act", "gelu")))


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
    return activation_problem(config, "hidden_act", "gelu") or rotation_problem(config, allowed=allowed)


_GTE_NAMES = WeightNames(
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


NOMIC = RotaryArchitecture(_NOMIC_NAMES, _nomic, _nomic_problem)
GTE = RotaryArchitecture(_GTE_NAMES, _gte, _gte_problem)
NEW = replace(GTE, own_code=True)
