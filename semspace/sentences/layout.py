"""A folder in sentence-transformers' layout → what the model is: its parts, pooling and limits."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from semspace.bundle import digest, file_digest
from semspace.errors import DamagedError, InputError
from semspace.sentences.resolve import CONFIG, WEIGHTS

POOLINGS = ("mean", "cls", "max")
PADDED_POSITIONS = ("camembert", "longformer", "mpnet", "roberta", "xlm-roberta", "xlm-roberta-xl")


@dataclass(frozen=True)
class Layout:
    """What a model folder says of itself.

    Parameters
    ----------
    folder : where config, weights and tokenizer lie
    pooling : {"mean", "cls", "max"}
    normalize : whether vectors are scaled to length 1
    max_tokens : longest input in tokens, special ones included
    lowercase : whether text is lower-cased before the tokenizer sees it
    prompts : what the model wants before a text, by the name of the use; under "" what it wants by default
    """

    folder: Path
    pooling: str
    normalize: bool
    max_tokens: int
    lowercase: bool
    prompts: Mapping[str, str] = field(default_factory=dict)

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 over everything that decides a vector."""
        files = [self.folder / name for name in (CONFIG, WEIGHTS, "tokenizer.json")]
        named = {name: text for name, text in sorted(self.prompts.items()) if name and text}
        rest = json.dumps(
            [
                self.pooling,
                self.normalize,
                self.max_tokens,
                self.lowercase,
                self.prompts.get("", ""),
                *([named] if named else []),
            ]
        )
        return digest(*(file_digest(path).encode() for path in files), rest.encode())


def read_layout(root: Path) -> Layout:
    """Read a model folder, and check that it can be opened safely."""
    modules = _modules(root)
    kinds = [str(module["type"]).rpartition(".")[2] for module in modules]
    unknown = [kind for kind in kinds if kind not in ("Transformer", "Pooling", "Normalize")]
    if unknown or kinds[0] != "Transformer":
        raise InputError(f"{root} has the modules {', '.join(kinds)}; semspace runs Transformer, Pooling and Normalize")
    folder = root / modules[0]["path"]
    _check_files(folder)
    sentence = _sentence_config(folder)
    return Layout(
        folder,
        _pooling(root, modules, kinds),
        "Normalize" in kinds,
        _longest(folder, sentence),
        bool(sentence.get("do_lower_case", False)),
        _prompts(root),
    )


def _sentence_config(folder: Path) -> dict[str, Any]:
    """Read what older sentence-transformers wrote for this kind of model (sentence_bert_config.json and the like)."""
    found = sorted(folder.glob("sentence_*_config.json"))
    config: dict[str, Any] = _json(found[0]) if found else {}
    return config


def _longest(folder: Path, sentence: dict[str, Any]) -> int:
    """Give the smallest of the limits that the parts of a model name."""
    config, tokenizer = _json(folder / CONFIG), _json(folder / "tokenizer_config.json", {})
    positions = int(config.get("max_position_embeddings", 512))
    if config.get("model_type") in PADDED_POSITIONS:  # their first positions are kept for padding
        positions -= int(config.get("pad_token_id") or 0) + 1
    named = (sentence.get("max_seq_length"), tokenizer.get("model_max_length"))
    return min([positions, *(int(limit) for limit in named if limit)])


def _prompts(root: Path) -> dict[str, str]:
    config = _json(root / "config_sentence_transformers.json", {})
    prompts = {str(name): str(text or "") for name, text in (config.get("prompts") or {}).items()}
    default = config.get("default_prompt_name")
    return {**prompts, "": prompts.get(str(default), "") if default else ""}


def _modules(root: Path) -> list[dict[str, Any]]:
    modules: list[dict[str, Any]] = _json(root / "modules.json", [])
    # A bare transformer has no list of modules: the mean of its tokens is what sentence-transformers takes.
    return modules or [{"type": "Transformer", "path": ""}, {"type": "Pooling", "path": ""}]


def _pooling(root: Path, modules: list[dict[str, Any]], kinds: list[str]) -> str:
    if "Pooling" not in kinds:
        raise InputError(f"{root} has no Pooling module, so it gives no vector for a whole text")
    config = _json(root / modules[kinds.index("Pooling")]["path"] / "config.json", {})
    named = config.get("pooling_mode")
    if named is None:
        flags = {"pooling_mode_mean_tokens": "mean", "pooling_mode_cls_token": "cls", "pooling_mode_max_tokens": "max"}
        on = [key for key, value in config.items() if key.startswith("pooling_mode_") and value is True]
        named = [flags.get(key, key) for key in on] or ["mean"]
    modes = [named] if isinstance(named, str) else list(named)
    if len(modes) != 1 or modes[0] not in POOLINGS:
        raise InputError(f"{root} pools by {' + '.join(modes)}; semspace pools by one of {', '.join(POOLINGS)}")
    return str(modes[0])


def _check_files(folder: Path) -> None:
    if not (folder / CONFIG).is_file():
        raise InputError(f"{folder} is not a model folder: it has no {CONFIG}")
    if not (folder / WEIGHTS).is_file():
        pickles = sorted(p.name for p in folder.glob("*.bin")) + sorted(p.name for p in folder.glob("*.pt"))
        if pickles:
            raise InputError(
                f"{folder} has its weights only as {pickles[0]}, a pickle, which can run code when opened; "
                f"convert it to {WEIGHTS} first, or take a model that has safetensors"
            )
        raise InputError(f"{folder} has no weights: {WEIGHTS} is missing")
    if not (folder / "tokenizer.json").is_file():
        raise InputError(f"{folder} has no tokenizer.json; save the model again with a fast tokenizer")
    if "auto_map" in _json(folder / CONFIG):
        raise InputError(f"{folder} needs code of its own to run, and semspace never runs code that comes with a model")


def _json(path: Path, default: Any = None) -> Any:
    if default is not None and not path.is_file():
        return default
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except ValueError as problem:
        raise DamagedError(f"{path} is not valid JSON; fetch the model again") from problem
