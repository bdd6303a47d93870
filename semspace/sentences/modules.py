"""``modules.json`` and ``config_sentence_transformers.json``, as sentence-transformers 2 to 6 writes them."""

from __future__ import annotations

import json
import re
import reprlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import wraps
from pathlib import Path, PurePosixPath
from typing import Any, ParamSpec, TypeVar

from semspace import schema
from semspace.errors import DamagedError, InputError

P = ParamSpec("P")
T = TypeVar("T")
MODULES = "modules.json"
SENTENCE_CONFIG = "config_sentence_transformers.json"
_REMEDY = "download the model again"
_PACKAGE = "sentence_transformers."
_MODEL_TYPE, SPARSE = "SentenceTransformer", "SparseEncoder"
_SIMILARITY_OF = {_MODEL_TYPE: "cosine", SPARSE: "dot"}  # where none is said
_OPENED_BY = {
    _MODEL_TYPE: "open it with Encoder.load",
    SPARSE: "open it with SparseEncoder.load",
    "CrossEncoder": "open it with CrossEncoder.load",
}
STATIC = "StaticEmbedding"  # the kind of a module that is a table of token vectors
SIMILARITIES = ("cosine", "dot", "euclidean", "manhattan")
_DEFAULT_PROMPTS = ("query", "document")  # every model has these prompts, though they may be empty


@dataclass(frozen=True)
class Module:
    """A module of a model: its kind ("Pooling") and its folder."""

    kind: str
    folder: Path

    def config(self, *, needed: bool) -> dict[str, Any]:
        """Return its ``config.json``; an empty mapping where there is none and it isn't `needed`."""
        path = self.folder / "config.json"
        if needed and not path.is_file():
            raise InputError(
                f"{self.folder.parent / MODULES} lists a module {self.kind} in {self.folder.name}, but {path} doesn't "
                f"exist; download the model again"
            )
        config: dict[str, Any] = read_json(path, {})
        return config


def reads_settings(read: Callable[P, T]) -> Callable[P, T]:
    """Return a function that reads files of settings, which raises `DamagedError` where values are of other types.

    The folder, or the module, is its first argument. Such files are strangers', and may hold any value in any place.
    """

    @wraps(read)
    def guarded(*arguments: P.args, **named: P.kwargs) -> T:
        first = arguments[0]
        folder = first.folder if isinstance(first, Module) else first
        with schema.reading(f"a file of settings in {folder}", _REMEDY):
            return read(*arguments, **named)

    return guarded


def read_modules(root: Path) -> list[Module]:
    """Return the modules of a model in order; none where the folder has no ``modules.json``."""
    listed = read_json(root / MODULES, [], list)
    return [listed_module(root / MODULES, root, entry) for entry in listed]


def listed_module(file: Path, root: Path, listed: Any) -> Module:
    """Return the module of which `file` gives type and path, the latter inside `root`."""
    try:
        kind, path = str(listed["type"]), str(listed["path"])
    except (KeyError, TypeError) as problem:
        raise DamagedError(f"{file} has a module without type or path; {_REMEDY}") from problem
    if not kind.startswith(_PACKAGE):
        raise InputError(
            f"{file} lists a module of type {kind!r}, which isn't one of sentence-transformers: semspace never runs "
            f"code that comes with a model"
        )
    if PurePosixPath(path).is_absolute() or ".." in PurePosixPath(path).parts or "\\" in path:
        raise InputError(f"{file} has a module at {path!r}, which is outside the folder")
    return Module(kind.rpartition(".")[2], root / path)


@dataclass(frozen=True)
class SentenceConfig:
    """Settings of a whole model: prompts by name ("" is the default prompt), truncation, similarity.

    `written_by` is the version of sentence-transformers that wrote the folder, such as (5, 4), where it is said.
    """

    prompts: dict[str, str]
    truncate_dim: int | None
    similarity: str
    written_by: tuple[int, int] | None = None


@reads_settings
def read_sentence_config(root: Path, model_type: str = _MODEL_TYPE) -> SentenceConfig:
    """Read the settings of a whole model, or raise `InputError` if it isn't a model of this type."""
    path = root / SENTENCE_CONFIG
    config = read_json(path, {}, objects=("prompts",))
    kind = config.get("model_type") or model_type
    if kind != model_type:
        raise InputError(
            f"{path} has model_type {kind!r}, so {root} is a {kind}, not a {model_type}; "
            f"{_OPENED_BY.get(kind, 'semspace has nothing that opens it')}"
        )
    listed = config.get("prompts") or {}
    prompts = {str(name): str(text or "") for name, text in listed.items()}
    default = config.get("default_prompt_name")
    if default is not None and default not in prompts and default not in _DEFAULT_PROMPTS:
        known = ", ".join(sorted(prompts)) or "none"
        raise InputError(f"{path} has default_prompt_name {default!r}, but there is no such prompt; there is {known}")
    width = config.get("truncate_dim")
    if width is not None and (isinstance(width, bool) or not isinstance(width, int) or width < 1):
        raise InputError(f"{path} has truncate_dim {width!r}; it must be a whole number of at least 1")
    similarity = config.get("similarity_fn_name") or _SIMILARITY_OF[model_type]
    if similarity not in SIMILARITIES:
        raise InputError(f"{path} has similarity_fn_name {similarity!r}; semspace supports {', '.join(SIMILARITIES)}")
    prompts[""] = prompts.get(str(default), "") if default else ""
    return SentenceConfig(prompts, width, similarity, _written_by(config))


def _written_by(config: Mapping[str, Any]) -> tuple[int, int] | None:
    versions = config.get("__version__")
    written = str(versions.get("sentence_transformers")) if isinstance(versions, dict) else ""
    match = re.match(r"(\d{1,4})\.(\d{1,4})", written)
    return (int(match[1]), int(match[2])) if match else None


def read_json(path: Path, default: Any = None, kind: type = dict, *, objects: Sequence[str] = ()) -> Any:
    """Return the content of a JSON file, which must be a `kind`; `default` where there is no file.

    What it has under the names `objects` must be an object or null.
    """
    if default is not None and not path.is_file():
        return default
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as problem:
        raise DamagedError(f"{path} is not valid JSON; {_REMEDY}") from problem
    if not isinstance(content, kind):
        raise DamagedError(f"{path} holds no JSON {'array' if kind is list else 'object'}; {_REMEDY}")
    values: Any = content
    for name in objects:
        value = values.get(name)
        if not isinstance(value, (dict, type(None))):
            raise DamagedError(f"{path} has {name} {reprlib.repr(value)}; it must be an object: {_REMEDY}")
    return content


def modules_json(kinds: Sequence[str], *, first_folder: str = "") -> list[dict[str, Any]]:
    """Return the content of ``modules.json`` for modules of these kinds; the first is in `first_folder`."""
    return [
        {
            "idx": number,
            "name": str(number),
            "path": f"{number}_{kind}" if number else first_folder,
            "type": f"{_PACKAGE}models.{kind}",
        }
        for number, kind in enumerate(kinds)
    ]


def sentence_config_json(
    prompts: Mapping[str, str], similarity: str, truncate_dim: int | None, as_written_by: str = ""
) -> dict[str, Any]:
    """Return the content of ``config_sentence_transformers.json``; in `prompts`, "" is the default prompt.

    `as_written_by` is the version of sentence-transformers that the folder is to be read as, where it matters.
    """
    named = {name: text for name, text in prompts.items() if name}
    default = next((name for name, text in named.items() if text and text == prompts.get("")), None)
    return {
        **({"__version__": {"sentence_transformers": as_written_by}} if as_written_by else {}),
        "prompts": named,
        "default_prompt_name": default,
        "similarity_fn_name": similarity,
        **({} if truncate_dim is None else {"truncate_dim": truncate_dim}),
    }


def json_text(content: Any) -> str:
    """Return the text of a JSON file."""
    return json.dumps(content, indent=1, ensure_ascii=False, default=str) + "\n"
