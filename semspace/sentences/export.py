"""Writing a transformer's folder in the format of sentence-transformers and transformers."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

from semspace.errors import DamagedError
from semspace.sentences.model_config import FLAGS, POOLINGS, ModelConfig
from semspace.sentences.model_files import CONFIG, SHARDS, WEIGHTS
from semspace.sentences.modules import MODULES, SENTENCE_CONFIG, json_text, modules_json, sentence_config_json
from semspace.sentences.training_history import TrainingHistory
from semspace.sentences.weights import weight_files

KIND = "encoder"
CARD, TRAINING = "README.md", "training.json"
_AFTER_PROMPT = "6.2.0"  # a version that pools the first token after a prompt that is left out
_TOKENIZER_FILES = (
    "tokenizer.json",
    "tokenizer_config.json",
    "special_tokens_map.json",
    "vocab.txt",
    "vocab.json",
    "merges.txt",
)


def write_modules(config: ModelConfig, hidden: int, folder: Path) -> None:
    """Write everything but the transformer itself into a folder; `hidden` is the width of its states."""
    head = [module.kind for module in config.head]
    kinds = ["Transformer", "Pooling", *head, *(["Normalize"] if config.normalize else [])]
    # In the format that sentence-transformers before version 6 reads too, unless the poolings are in another order.
    in_order = tuple(how for how in POOLINGS if how in config.poolings)
    pooling: dict[str, Any] = {
        "word_embedding_dimension": hidden,
        **{flag: how in config.poolings for flag, how in FLAGS.items()},
        **({} if config.poolings == in_order else {"pooling_mode": list(config.poolings)}),
        **({} if config.include_prompt else {"include_prompt": False}),
    }
    (folder / "1_Pooling").mkdir()
    files = {
        MODULES: modules_json(kinds),
        "1_Pooling/config.json": pooling,
        "sentence_bert_config.json": {"max_seq_length": config.max_tokens, "do_lower_case": config.lowercase},
        SENTENCE_CONFIG: sentence_config_json(
            config.prompts, config.similarity, config.truncate_dim, "" if config.include_prompt else _AFTER_PROMPT
        ),
    }
    for name, content in files.items():
        (folder / name).write_text(json_text(content), encoding="utf-8")
    for number, module in enumerate(config.head, 2):
        module_folder = folder / f"{number}_{module.kind}"
        module_folder.mkdir()
        (module_folder / "config.json").write_text(json_text(dict(module.config)), encoding="utf-8")
        _copy(module.folder, module_folder, WEIGHTS)
    _copy(config.folder, folder, *_TOKENIZER_FILES)


def copy_model(config: ModelConfig, hidden: int, root: Path, folder: Path) -> None:
    """Copy a model into a folder, with its model card and the history of its training."""
    _copy(config.folder, folder, CONFIG, SHARDS, *(path.name for path in weight_files(config.folder)))
    write_modules(config, hidden, folder)
    _copy(root, folder, CARD, TRAINING)


def history_of(root: Path) -> TrainingHistory:
    """Read the history of a model's training; it is empty if semspace didn't train the model."""
    path = root / TRAINING
    if not path.is_file():
        return TrainingHistory(())
    try:
        facts = json.loads(path.read_text(encoding="utf-8"))
        if facts.get("made_by") != "semspace":  # a file of another tool with the same name
            return TrainingHistory(())
        return TrainingHistory.of(facts["history"])
    except (ValueError, KeyError, TypeError, AttributeError) as problem:
        raise DamagedError(f"{path} was changed and can't be read; restore it, or delete it") from problem


def _copy(source: Path, target: Path, *names: str) -> None:
    for name in () if source == target else names:  # a new model is written into the folder of its tokenizer
        if (source / name).is_file():
            shutil.copyfile(source / name, target / name)
