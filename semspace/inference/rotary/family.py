"""Transformers after BERT: ModernBERT, EuroBERT, NomicBERT, GTE, JinaBERT, Gemma 3 and Qwen 3.

They rotate queries and keys by their positions, or penalise distance (ALiBi), instead of adding embeddings of
positions; most gate their hidden units. What is read here follows transformers' implementations, and the authors' own
for folders that came before those.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from semspace.inference.design import Design, Embeddings, LayerWeights, ModelWeights, ReadWeight
from semspace.inference.rotary.alibi import distance_penalties
from semspace.inference.rotary.decoders import EUROBERT, GEMMA3, QWEN3
from semspace.inference.rotary.gated_bert import GTE, NEW, NOMIC
from semspace.inference.rotary.jina import JINA
from semspace.inference.rotary.modernbert import MODERNBERT
from semspace.inference.rotary.weight_names import NamedWeights, WeightNames, without_prefix

_NO_HEAD_NORMS = np.zeros((0, 1), np.float32)

_ARCHITECTURES = {
    "modernbert": MODERNBERT,
    "nomic_bert": NOMIC,
    "gte": GTE,
    "new": NEW,
    "jina": JINA,
    "qwen3": QWEN3,
    "eurobert": EUROBERT,
    "gemma3_text": GEMMA3,
}


def is_known(config: Mapping[str, Any]) -> bool:
    """Check whether a model is of one of these architectures."""
    return _kind_name(config) in _ARCHITECTURES


def needs_own_code(config: Mapping[str, Any]) -> bool:
    """Check whether transformers runs it only with code that comes with the model."""
    return _ARCHITECTURES[_kind_name(config)].own_code


def reason_unknown(config: Mapping[str, Any]) -> str:
    """Return why a model of a known architecture can't be run as its authors meant; an empty string if it can."""
    return _ARCHITECTURES[_kind_name(config)].problem(config)


def design(config: Mapping[str, Any]) -> Design:
    """Return what a model of this configuration computes; `reason_unknown` is empty for it."""
    return _ARCHITECTURES[_kind_name(config)].design(config)


def read_weights(config: Mapping[str, Any], read: ReadWeight, max_tokens: int) -> ModelWeights:
    """Return the weights of a model whose configuration `reason_unknown` accepts."""
    kind = _ARCHITECTURES[_kind_name(config)]
    names, facts = kind.names, kind.design(config)
    weights = NamedWeights(without_prefix(read, names), kind.shift)
    tokens = weights.table(names.tokens, facts.hidden)
    if kind.embedding_scale:
        tokens = tokens * np.float32(np.sqrt(facts.hidden))
    types = np.zeros((1, facts.hidden), np.float32)
    if names.types and int(config.get("type_vocab_size", 1) or 0):
        types = weights.table((names.types,), facts.hidden)[:1]
    norm = weights.norm(names.embedding_norm, facts.hidden) if names.embedding_norm else None
    final = weights.norm((names.final_norm,), facts.hidden) if names.final_norm else None
    bias = distance_penalties(facts.heads, max_tokens) if not facts.frequencies else np.zeros((0, 1), np.float32)
    return ModelWeights(facts, Embeddings(tokens, types, norm), _layer_reader(weights, names, facts), final, bias)


def _layer_reader(weights: NamedWeights, names: WeightNames, facts: Design) -> Callable[[int], LayerWeights]:
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


def _kind_name(config: Mapping[str, Any]) -> str:
    """Return the name of a model's architecture; JinaBERT's folders call themselves BERT."""
    name = str(config.get("model_type"))
    return "jina" if name == "bert" and config.get("position_embedding_type") == "alibi" else name
