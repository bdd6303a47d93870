"""The manifest of a saved value: its kind, what is said of it, and size and SHA-256 of every file."""

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from semspace.disk import sync
from semspace.errors import DamagedError
from semspace.files import digest, file_digest

FORMAT = "semspace"
VERSION = 1
MANIFEST = "manifest.json"
_MAX_DEPTH = 3  # parts of a file's name: the sides of a model have modules, each in a folder


def write_manifest(folder: Path, kind: str, meta: Mapping[str, Any]) -> None:
    """Write the manifest of a finished folder, after its files have reached the disk."""
    files, rights = {}, folder.stat().st_mode & 0o666
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            if path.stat().st_nlink == 1:  # some libraries write files that nobody else may read
                path.chmod(path.stat().st_mode | rights)
            name = path.relative_to(folder).as_posix()
            files[name] = {"bytes": path.stat().st_size, "sha256": file_digest(path)}
        sync(path)
    body = {"format": FORMAT, "version": VERSION, "kind": kind, "meta": meta, "files": files}
    body = json.loads(json.dumps(body, default=str))  # as it will be read: keys are strings, paths are texts
    text = json.dumps({**body, "sha256": own_digest(body)}, indent=1, ensure_ascii=False, allow_nan=False)
    manifest = folder / MANIFEST
    manifest.write_text(text + "\n", encoding="utf-8")
    sync(manifest)
    sync(folder)


def read_manifest(folder: Path, text: bytes) -> dict[str, Any]:
    """Return what the manifest of a folder says; raise `DamagedError` if it is damaged, or of a later version."""
    try:
        manifest = json.loads(text.decode("utf-8"), parse_float=_finite, parse_constant=_finite)
        own, name, version = manifest.pop("sha256"), manifest["format"], manifest["version"]
        is_sound = _is_kind(manifest["kind"]) and all(map(_is_entry, manifest["files"].values()))
        is_own = own == own_digest(manifest)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as problem:
        raise DamagedError(f"{folder / MANIFEST} is damaged; save the value again") from problem
    if name != FORMAT:
        raise DamagedError(f"{folder} isn't a semspace bundle: its manifest says {name!r}")
    if not isinstance(version, int) or version > VERSION:
        raise DamagedError(
            f"{folder} has format version {version}, and this semspace reads up to {VERSION}; upgrade semspace"
        )
    if not is_own:
        raise DamagedError(f"{folder / MANIFEST} was changed: its checksum doesn't match; save the value again")
    if not is_sound:
        raise DamagedError(
            f"{folder / MANIFEST} lacks the kind of the value, or the size and checksum of a file; save the value again"
        )
    return dict(manifest)


def _finite(text: str) -> float:
    """Return the number of a text; NaN and infinity, which no manifest is written with, are errors."""
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(text)
    return value


def _is_kind(kind: object) -> bool:
    return isinstance(kind, str) and kind != ""


def _is_entry(entry: object) -> bool:
    """Check whether an entry of the manifest has a size and a checksum."""
    if not isinstance(entry, dict):
        return False
    size, checksum = entry.get("bytes"), entry.get("sha256")
    return isinstance(size, int) and not isinstance(size, bool) and isinstance(checksum, str)


def own_digest(body: Mapping[str, Any]) -> str:
    """Return the checksum of a manifest itself."""
    return digest(json.dumps(body, sort_keys=True, ensure_ascii=False).encode())


def is_inside(name: str) -> bool:
    """Check whether a name in a manifest is a file in the bundle, in a folder of it, or in a folder of such a one."""
    parts = name.split("/")
    return len(parts) <= _MAX_DEPTH and all(part not in ("", "..") and Path(part).name == part for part in parts)
