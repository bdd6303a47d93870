"""``modules.json``: which modules a model is made of, as sentence-transformers' versions 2 to 6 write it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from semspace.errors import DamagedError, InputError

MODULES = "modules.json"
SENTENCE_CONFIG = "config_sentence_transformers.json"
_PACKAGE = "sentence_transformers."
_MODEL_TYPE = "SentenceTransformer"
SIMILARITIES = ("cosine", "dot", "euclidean", "manhattan")
_BY_DEFAULT = ("query", "document")  # prompts that every model has, if empty ones


@dataclass(frozen=True)
class Module:
    """One of a model's modules: its kind ("Pooling"), and the folder in which it lies."""

    kind: str
    folder: Path

    def config(self, *, needed: bool) -> dict[str, Any]:
        """Return what its ``config.json`` says; nothing where there is none and it isn't `needed`."""
        place = self.folder / "config.json"
        if needed and not place.is_file():
            raise InputError(
                f"{self.folder.parent / MODULES} names a module {self.kind} in {self.folder.name}, and {place} isn't "
                f"there; fetch the model again"
            )
        config: dict[str, Any] = read_json(place, {})
        return config


def modules_of(root: Path) -> list[Module]:
    """Return a folder's modules in order; none where it has no list of them."""
    listed = read_json(root / MODULES, [], list)
    return [_module(root, one) for one in listed]


def _module(root: Path, listed: Any) -> Module:
    try:
        kind, path = str(listed["type"]), str(listed["path"])
    except (KeyError, TypeError) as problem:
        raise DamagedError(f"{root / MODULES} has a module without type or path; fetch the model again") from problem
    if not kind.startswith(_PACKAGE):
        raise InputError(f"{root} has a module {kind!r}: semspace never runs code that comes with a model")
    if PurePosixPath(path).is_absolute() or ".." in PurePosixPath(path).parts:
        raise InputError(f"{root / MODULES} has a module at {path!r}, which is outside of the folder")
    return Module(kind.rpartition(".")[2], root / path)


@dataclass(frozen=True)
class Sentence:
    """What ``config_sentence_transformers.json`` says: prompts (under "" the default), truncation, similarity."""

    prompts: dict[str, str]
    truncate_dim: int | None
    similarity: str


def sentence_of(root: Path) -> Sentence:
    """Read what is said of a whole model, or raise `InputError` if it is a model of another kind."""
    place = root / SENTENCE_CONFIG
    config = read_json(place, {})
    kind = config.get("model_type") or _MODEL_TYPE
    if kind != _MODEL_TYPE:
        raise InputError(
            f"{root} is a {kind} (says {SENTENCE_CONFIG}), which gives no vector for a text; take an encoder"
        )
    given = config.get("prompts") or {}
    prompts = {str(name): str(text or "") for name, text in given.items()} if isinstance(given, dict) else {}
    default = config.get("default_prompt_name")
    if default is not None and default not in prompts and default not in _BY_DEFAULT:
        known = ", ".join(sorted(prompts)) or "none"
        raise InputError(f"{place} has default_prompt_name {default!r}, and there is no such prompt; there is {known}")
    width = config.get("truncate_dim")
    if width is not None and (isinstance(width, bool) or not isinstance(width, int) or width < 1):
        raise InputError(f"{place} has truncate_dim {width!r}; it must be a whole number of at least 1")
    similarity = config.get("similarity_fn_name") or "cosine"
    if similarity not in SIMILARITIES:
        raise InputError(f"{place} has similarity_fn_name {similarity!r}; semspace knows {', '.join(SIMILARITIES)}")
    return Sentence({**prompts, "": prompts.get(str(default), "") if default else ""}, width, similarity)


def read_json(path: Path, default: Any = None, kind: type = dict) -> Any:
    """Return the content of a JSON file, or raise `DamagedError`; `default` where there is no file."""
    if default is not None and not path.is_file():
        return default
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as problem:
        raise DamagedError(f"{path} is not valid JSON; fetch the model again") from problem
    if not isinstance(content, kind):
        raise DamagedError(f"{path} holds no {'list' if kind is list else 'mapping'}; fetch the model again")
    return content
