"""JinaBERT 2 (Günther et al. 2023): BERT with ALiBi and gates."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from semspace.inference.design import Design
from semspace.inference.rotary.architecture import RotaryArchitecture
from semspace.inference.rotary.configuration import activation_name, sizes
from semspace.inference.rotary.weight_names import WeightNames
from semspace.inference.rotary.windows import unlimited


def _jina(config: Mapping[str, Any]) -> Design:
    hidden, heads, units, layers = sizes(config)
    return Design(
        hidden,
        heads,
        heads,
        hidden // heads,
        units,
        layers,
        epsilon=float(config.get("layer_norm_eps", 1e-12)),
        score_scale=float((hidden // heads) ** -0.5),
        activation=activation_name(config.get("feed_forward_type")),
        gated=True,
        **unlimited(layers),
    )


def _jina_problem(config: Mapping[str, Any]) -> str:
    kind = config.get("feed_forward_type", "original")
    if kind not in ("geglu", "reglu"):
        return f"they don't support ALiBi with feed_forward_type {kind!r} (config.json)"
    return "they don't support decoders with ALiBi (is_decoder in config.json)" if config.get("is_decoder") else ""


_NAMES = WeightNames(
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


JINA = RotaryArchitecture(_NAMES, _jina, _jina_problem, own_code=True)
