"""A trained student → a folder that semspace, sentence-transformers and transformers open."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from semspace.bundle import PathLike, writing
from semspace.sentences.layout import Layout
from semspace.sentences.resolve import CONFIG, WEIGHTS
from semspace.training.student import Student

KIND = "encoder"
# What belongs to a tokenizer, in a model's folder.
_OF_TOKENIZER = (
    "tokenizer.json",
    "tokenizer_config.json",
    "special_tokens_map.json",
    "vocab.txt",
    "vocab.json",
    "merges.txt",
)
TRAINING = "training.json"


def write(student: Student, path: PathLike, facts: Mapping[str, Any], card: str, *, overwrite: bool) -> None:
    """Save a student in sentence-transformers' layout; it appears whole or not at all."""
    layout = student.layout
    with writing(path, KIND, overwrite=overwrite) as draft:
        write_model(student.model, layout, draft.folder)
        texts = {TRAINING: _json(facts), "README.md": card}
        for name, text in texts.items():
            (draft.folder / name).write_text(text, encoding="utf-8")
        draft.meta.update(dim=student.dim)


def write_model(model: Any, layout: Layout, folder: Path) -> None:
    """Write a model's weights, configuration, tokenizer and modules into a folder."""
    from safetensors.numpy import save_file

    weights = {name: value.detach().cpu().numpy() for name, value in model.state_dict().items()}
    save_file(
        {name: np.ascontiguousarray(value) for name, value in weights.items()}, folder / WEIGHTS, {"format": "pt"}
    )
    config = model.config.to_dict()
    config.pop("_attn_implementation", None)
    modules = ["Transformer", "Pooling", *(["Normalize"] if layout.normalize else [])]
    listed = [
        {"idx": i, "name": str(i), "path": f"{i}_{kind}" if i else "", "type": f"sentence_transformers.models.{kind}"}
        for i, kind in enumerate(modules)
    ]
    pooling = {
        "word_embedding_dimension": int(model.config.hidden_size),
        **{
            f"pooling_mode_{name}": how == layout.pooling
            for name, how in (("cls_token", "cls"), ("mean_tokens", "mean"), ("max_tokens", "max"))
        },
    }
    prompts = {name: text for name, text in layout.prompts.items() if name}
    default = next((name for name, text in prompts.items() if text and text == layout.prompts.get("")), None)
    files = {
        CONFIG: config,
        "modules.json": listed,
        "sentence_bert_config.json": {"max_seq_length": layout.max_tokens, "do_lower_case": layout.lowercase},
        "config_sentence_transformers.json": {
            "prompts": prompts,
            "default_prompt_name": default,
            "similarity_fn_name": "cosine",
        },
    }
    for name, content in files.items():
        (folder / name).write_text(_json(content), encoding="utf-8")
    (folder / "1_Pooling").mkdir()
    (folder / "1_Pooling" / "config.json").write_text(_json(pooling), encoding="utf-8")
    for name in _OF_TOKENIZER:
        if (layout.folder / name).is_file():
            (folder / name).write_bytes((layout.folder / name).read_bytes())


def _json(content: Any) -> str:
    return json.dumps(content, indent=1, ensure_ascii=False, default=str) + "\n"
