"""Names and paths of what is evaluated: a saved value, a file of vectors, or a model of texts."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from semspace.errors import InputError, MissingFileError
from semspace.files import resolved_path
from semspace.formats.vectors import read_vectors
from semspace.replacement import is_bundle
from semspace.saving import load
from semspace.sentences.encoder import Encoder

_ENDINGS = (".txt", ".vec", ".bin", ".gz", ".csv", ".tsv", ".kv", ".space")  # of paths, which no model's name has


def opened(thing: Any) -> Any:
    """Return what a name or a path stands for; anything else as it is.

    Raises
    ------
    InputError
        If a file isn't one of vectors, a saved value has none, or nothing has this name.
    MissingFileError
        If a path with the ending of a file of vectors or of a saved space leads nowhere.
    """
    if not isinstance(thing, (str, Path)):
        return thing
    path = resolved_path(thing)
    if path.is_file():
        return read_vectors(path)
    if not is_bundle(path):
        if path.suffix.lower() in _ENDINGS and not path.exists():
            raise MissingFileError(f"no file at {thing}; check the path")
        return Encoder.load(thing)
    value = load(path)
    value = getattr(value, "space", value)  # that of an index or a clustering
    if not hasattr(value, "vectors") and not callable(getattr(value, "encode", None)):
        raise InputError(f"{thing} holds a {type(value).__name__}, which has no vectors and can't encode texts")
    return value


def name_of(thing: Any) -> str:
    """Return the name of a thing; empty if it has none."""
    if isinstance(thing, (str, Path)):
        return str(thing)
    name = getattr(thing, "name", "")
    return name if isinstance(name, str) else ""
