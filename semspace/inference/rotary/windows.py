"""Which layers see a whole text, and which a window around each token."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from semspace.inference.design import NO_WINDOW

LAYER_KINDS = ("full_attention", "sliding_attention")


def unlimited(layers: int) -> dict[str, Any]:
    """Return the fields of a `Design` whose layers all see a whole text."""
    return {"windows": (NO_WINDOW,) * layers, "rotation_of_layer": (0,) * layers}


def layer_kinds(config: Mapping[str, Any], layers: int, full: Callable[[int], bool]) -> tuple[str, ...]:
    """Return which layers have full attention, and which a sliding window."""
    written = config.get("layer_types")
    if written:
        return tuple(str(kind) for kind in written)
    return tuple("full_attention" if full(i) else "sliding_attention" for i in range(layers))


def layer_kinds_problem(config: Mapping[str, Any], layers: int) -> str:
    """Return why the kinds of layers can't be computed; an empty string if they can."""
    kinds = config.get("layer_types") or []
    strange = sorted({str(kind) for kind in kinds} - set(LAYER_KINDS))
    if strange:
        return f"they don't support layers of type {strange[0]!r} (layer_types in config.json)"
    if len(kinds) not in (0, layers):
        return f"layer_types in config.json has {len(kinds)} items for {layers} layers"
    return ""


def windowed(kinds: tuple[str, ...], window: int) -> dict[str, Any]:
    """Return the fields of a `Design` whose layers see a whole text, or `window` tokens to each side."""
    is_full = [kind == "full_attention" for kind in kinds]
    return {
        "windows": tuple(NO_WINDOW if full else window for full in is_full),
        "rotation_of_layer": tuple(0 if full else 1 for full in is_full),
    }
