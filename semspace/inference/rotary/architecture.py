"""`RotaryArchitecture`: what must be known of an architecture to run it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from semspace.inference.design import Design
from semspace.inference.rotary.weight_names import WeightNames


@dataclass(frozen=True)
class RotaryArchitecture:
    """An architecture: its names, its design for a configuration, and why it can't run one.

    `own_code` says that transformers runs it with the model's own code only; `shift` is added to the scales of norms.
    """

    names: WeightNames
    design: Callable[[Mapping[str, Any]], Design]
    problem: Callable[[Mapping[str, Any]], str]
    own_code: bool = False
    shift: float = 0.0
    embedding_scale: bool = False
