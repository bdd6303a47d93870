"""The model card of a trained encoder: what it is, what it learnt from, and what that gained."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from semspace.sentences.curve import TrainingHistory


def write(facts: Mapping[str, Any], history: TrainingHistory) -> str:
    """Write a card in Markdown."""
    data, model, trainer = facts["data"], facts["model"], facts["trainer"]
    lines = [
        "---",
        "library_name: sentence-transformers",
        "pipeline_tag: sentence-similarity",
        "tags: [sentence-transformers, semspace]",
        "---",
        "",
        "# A sentence encoder",
        "",
        f"Vectors of {model['dim']} dimensions, of texts of up to {model['max_tokens']} tokens; {model['layers']} "
        f"layers, {model['pooling']} pooling. Trained with semspace, from {facts['base']}.",
    ]
    return "\n".join([*lines, "", str(data), str(trainer), repr(history), ""])
