"""ModernBERT (Warner et al. 2024): two kinds of layers, norms before each part, gates."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from semspace.inference.design import Design
from semspace.inference.rotary.architecture import RotaryArchitecture
from semspace.inference.rotary.configuration import activation_name, activation_problem
from semspace.inference.rotary.rotations import inverse_frequencies, rotation, rotation_problem
from semspace.inference.rotary.weight_names import WeightNames
from semspace.inference.rotary.windows import LAYER_KINDS, layer_kinds, layer_kinds_problem, windowed


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
            inverse_frequencies(t, size, rotation(config, kind)) for t, kind in zip(thetas, LAYER_KINDS, strict=True)
        ),
        norm_place="before",
        activation=activation_name(config.get("hidden_activation", "gelu")),
        gated=True,
        has_first_norm=False,
        **windowed(layer_kinds(config, layers, lambda i: i % every == 0), window),
    )


def _modernbert_problem(config: Mapping[str, Any]) -> str:
    return (
        activation_problem(config, "hidden_activation", "gelu")
        or rotation_problem(config, *LAYER_KINDS)
        or layer_kinds_problem(config, int(config["num_hidden_layers"]))
    )


_NAMES = WeightNames(
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


MODERNBERT = RotaryArchitecture(_NAMES, _modernbert, _modernbert_problem)
