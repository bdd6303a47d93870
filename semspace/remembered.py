"""What is computed once on a machine, and remembered in the user's cache folder."""

from __future__ import annotations

import json
import os
import re
import time
from contextlib import suppress
from pathlib import Path

from semspace.errors import SemspaceError
from semspace.files import digest, file_digest, write_text

_LARGE = 1 << 20  # bytes; hashing a smaller file takes no time
_SETTLED = 10.0  # seconds without a change, after which another change has another time in the file system


def recall(name: str) -> str | None:
    """Return the content of a file of the cache folder; None if there is none."""
    with suppress(OSError, ValueError, RuntimeError):
        return (cache_folder() / name).read_text(encoding="utf-8")
    return None


def remember(name: str, text: str) -> None:
    """Write a file of the cache folder, if there is a home folder and the disk allows it."""
    with suppress(OSError, RuntimeError, SemspaceError):
        folder = cache_folder()
        folder.mkdir(parents=True, exist_ok=True)
        write_text(folder / name, text)


def cache_folder() -> Path:
    """Return the cache folder, ``SEMSPACE_CACHE`` or the user's; raise `RuntimeError` if this user has no home."""
    chosen = os.environ.get("SEMSPACE_CACHE")
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(chosen).expanduser() if chosen else Path(base) / "semspace"


def remembered_digest(path: Path) -> str:
    """Return the SHA-256 of a file, in hex; of a large one that didn't change, as it was computed before."""
    facts = path.stat()
    if facts.st_size < _LARGE:
        return file_digest(path)
    state = [facts.st_dev, facts.st_ino, facts.st_size, facts.st_mtime_ns, facts.st_ctime_ns]
    name = f"{digest(json.dumps([str(path.resolve()), *state]).encode())[:32]}.sha256"
    known = recall(name)
    if known is not None and re.fullmatch("[0-9a-f]{64}", known):
        return known
    computed = file_digest(path)
    if time.time() - max(facts.st_mtime, facts.st_ctime) > _SETTLED:
        remember(name, computed)
    return computed
