"""A trained student written to a folder that semspace, sentence-transformers and transformers open."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from semspace.bundle import create_bundle
from semspace.files import PathLike
from semspace.sentences.export import CARD, KIND, TRAINING, write_modules
from semspace.sentences.model_config import ModelConfig
from semspace.sentences.model_files import CONFIG, WEIGHTS
from semspace.sentences.modules import json_text
from semspace.training.lora import merge_lora
from semspace.training.student import Student


def save_student(student: Student, path: PathLike, facts: Mapping[str, Any], card: str, *, overwrite: bool) -> None:
    """Write a student in sentence-transformers' layout, atomically."""
    layout = student.layout
    merge_lora(student.model)
    with create_bundle(path, KIND, overwrite=overwrite) as draft:
        write_model(student.model, layout, draft.folder)
        for name, text in {TRAINING: json_text(facts), CARD: card}.items():
            (draft.folder / name).write_text(text, encoding="utf-8")
        draft.meta.update(dim=student.dim)


def write_model(model: Any, layout: ModelConfig, folder: Path) -> None:
    """Write a model's weights, configuration, tokenizer and modules into a folder."""
    from safetensors.numpy import save_file

    weights = {name: tensor.detach().cpu().numpy() for name, tensor in model.state_dict().items()}
    save_file(
        {name: np.ascontiguousarray(array) for name, array in weights.items()}, folder / WEIGHTS, {"format": "pt"}
    )
    config = model.config.to_dict()
    config.pop("_attn_implementation", None)
    (folder / CONFIG).write_text(json_text(config), encoding="utf-8")
    write_modules(layout, int(model.config.hidden_size), folder)
