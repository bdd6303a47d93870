"""Rotations of queries and keys by their positions (RoPE; Su et al. 2021), as configurations describe them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from semspace.types import Floats1d


def rotation(config: Mapping[str, Any], kind: str = "") -> Mapping[str, Any]:
    """Return the settings of the rotation of a kind of layers, as transformers 4 or 5 writes them."""
    settings = config.get("rope_parameters") or {}
    if kind and isinstance(settings.get(kind), Mapping):
        settings = settings[kind]
    return {**(config.get("rope_scaling") or {}), **settings}


def rotation_problem(config: Mapping[str, Any], *kinds: str, allowed: tuple[str, ...] = ()) -> str:
    """Return why the rotations of these kinds of layers can't be computed; an empty string if they can."""
    for kind in kinds or ("",):
        settings = rotation(config, kind)
        name = str(settings.get("rope_type", settings.get("type", "default")))
        if name not in ("default", "linear", "dynamic", *allowed):
            return f"they don't support the rotation {name!r} (rope_parameters or rope_scaling in config.json)"
        if settings.get("mixed_b") is not None:
            return "they don't support mixed NTK scaling (rope_scaling.mixed_b in config.json)"
        if float(settings.get("partial_rotary_factor", config.get("partial_rotary_factor", 1.0)) or 1.0) != 1.0:
            return "they don't support rotations of a part of each head (partial_rotary_factor in config.json)"
    return ""


def inverse_frequencies(theta: float, size: int, settings: Mapping[str, Any]) -> Floats1d:
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
