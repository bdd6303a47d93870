"""How many bytes the weights of an encoder have."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np


def weight_bytes(encoder: Any) -> int | None:
    """Return the bytes of an encoder's weights, as stored: of a transformer those of its files; None if unknown."""
    root = getattr(encoder, "_root", None)
    if isinstance(root, Path):
        return sum(file.stat().st_size for file in root.rglob("*.safetensors")) or None
    parameters = getattr(encoder, "parameters", None)  # of a torch module, such as sentence-transformers' models
    if callable(parameters):
        return int(sum(one.numel() * one.element_size() for one in parameters()))
    for name in ("vectors", "embedding"):  # a table: a static encoder here, or in model2vec
        table = getattr(encoder, name, None)
        if isinstance(table, np.ndarray):
            return int(table.nbytes)
    words = getattr(encoder, "words", None)  # of a weighted average
    return weight_bytes(words) if hasattr(words, "vectors") else None
