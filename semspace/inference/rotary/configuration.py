"""Sizes and activations as configurations write them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_ACTIVATIONS = {
    "gelu": "gelu", "gelu_pytorch_tanh": "gelu_tanh", "gelu_new": "gelu_tanh", "silu": "silu", "swish": "silu",
    "relu": "relu", "swiglu": "silu", "geglu": "gelu", "reglu": "relu",
}  # fmt: skip


def sizes(config: Mapping[str, Any]) -> tuple[int, int, int, int]:
    """Return dimensions, heads, hidden units and layers, as BERT's or GPT-2's configuration names them."""
    names = (("hidden_size", "n_embd"), ("num_attention_heads", "n_head"), ("intermediate_size", "n_inner"),
             ("num_hidden_layers", "n_layer"))  # fmt: skip
    hidden, heads, units, layers = (int(config[new] if new in config else config[old]) for new, old in names)
    return hidden, heads, units, layers


def activation_name(name: Any) -> str:
    """Return our name of an activation; an empty string if the kernels don't have it."""
    return _ACTIVATIONS.get(str(name), "")


def activation_problem(config: Mapping[str, Any], key: str, default: str) -> str:
    """Return why the activation that a key names can't be computed; an empty string if it can."""
    name = config.get(key, default)
    return "" if activation_name(name) else f"they don't support the activation {name!r} ({key} in config.json)"
