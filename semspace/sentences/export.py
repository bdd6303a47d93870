"""What lies beside a transformer's weights, in the layout that sentence-transformers and transformers open too."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

from semspace.errors import DamagedError
from semspace.sentences.model_config import FLAGS, POOLINGS, Layout
from semspace.sentences.model_files import CONFIG, SHARDS, WEIGHTS
from semspace.sentences.training_history import TrainingHistory
from semspace.sentences.weights import weight_files

KIND = "encoder"
CARD, TRAINING = "README.md", "training.json"
# What belongs to a tokenizer.
_OF_TOKENIZER = (
    "tokenizer.json",
    "tokenizer_config.json",
    "special_tokens_map.json",
    "vocab.txt",
    "vocab.json",
    "merges.txt",
)


def write_parts(layout: Layout, hidden: int, folder: Path) -> None:
    """Write all of a model but its transformer into a folder; `hidden` is the width of its states."""
    modules = ["Transformer", "Pooling", *(part.kind for part in layout.head), *(["Normalize"] * layout.normalize)]
    listed = [
        {"idx": i, "name": str(i), "path": f"{i}_{kind}" if i else "", "type": f"sentence_transformers.models.{kind}"}
        for i, kind in enumerate(modules)
    ]
    # As versions of sentence-transformers before 6 read it too, unless the order is another than theirs.
    in_order = tuple(how for how in POOLINGS if how in layout.poolings)
    pooling: dict[str, Any] = {
        "word_embedding_dimension": hidden,
        **{flag: how in layout.poolings for flag, how in FLAGS.items()},
        **({} if layout.poolings == in_order else {"pooling_mode": list(layout.poolings)}),
        **({} if layout.include_prompt else {"include_prompt": False}),
    }
    prompts = {name: text for name, text in layout.prompts.items() if name}
    default = next((name for name, text in prompts.items() if text and text == layout.prompts.get("")), None)
    (folder / "1_Pooling").mkdir()
    files = {
        "modules.json": listed,
        "1_Pooling/config.json": pooling,
        "sentence_bert_config.json": {"max_seq_length": layout.max_tokens, "do_lower_case": layout.lowercase},
        "config_sentence_transformers.json": {
            "prompts": prompts,
            "default_prompt_name": default,
            "similarity_fn_name": layout.similarity,
            **({} if layout.truncate_dim is None else {"truncate_dim": layout.truncate_dim}),
        },
    }
    for name, content in files.items():
        (folder / name).write_text(as_json(content), encoding="utf-8")
    for number, part in enumerate(layout.head, 2):
        own = folder / f"{number}_{part.kind}"
        own.mkdir()
        (own / "config.json").write_text(as_json(dict(part.config)), encoding="utf-8")
        _copy(part.folder, own, WEIGHTS)
    _copy(layout.folder, folder, *_OF_TOKENIZER)


def copy_model(layout: Layout, hidden: int, root: Path, folder: Path) -> None:
    """Copy a model into a folder, with its card and what is known of its training."""
    _copy(layout.folder, folder, CONFIG, SHARDS, *(path.name for path in weight_files(layout.folder)))
    write_parts(layout, hidden, folder)
    _copy(root, folder, CARD, TRAINING)


def history_of(root: Path) -> TrainingHistory:
    """Read how the model in a folder was trained; an empty history where semspace didn't train it."""
    place = root / TRAINING
    if not place.is_file():
        return TrainingHistory(())
    try:
        facts = json.loads(place.read_text(encoding="utf-8"))
        if facts.get("made_by") != "semspace":  # a file of another tool that happens to be called so
            return TrainingHistory(())
        return TrainingHistory.of(facts["history"])
    except (ValueError, KeyError, TypeError, AttributeError) as problem:
        raise DamagedError(f"{place} isn't what semspace wrote there; restore it, or delete it") from problem


def as_json(content: Any) -> str:
    """Give the text of a JSON file."""
    return json.dumps(content, indent=1, ensure_ascii=False, default=str) + "\n"


def _copy(source: Path, target: Path, *names: str) -> None:
    for name in () if source == target else names:  # a new model is written where its tokenizer lies
        if (source / name).is_file():
            shutil.copyfile(source / name, target / name)
