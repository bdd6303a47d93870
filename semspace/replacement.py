"""A saved value takes the place of another: by two renames, so that a crash leaves one of them whole."""

import json
import os
import shutil
from contextlib import suppress
from pathlib import Path

from semspace.disk import delete_leftovers, exists, rename_lock, sync
from semspace.errors import ExistsError
from semspace.files import PathLike, check_writable, resolved_path
from semspace.manifest import MANIFEST

_LOGS = ("journal", "insertions")  # of an index: they grow after the manifest was written
_ASIDE = ".semspace-old"


def aside_of(target: Path) -> Path:
    """Return where the old value is while the new one takes its path."""
    return target.with_name(f".{target.name}{_ASIDE}") if target.name else target / _ASIDE


def target_of(folder: Path) -> Path:
    """Return the path of a value that lies at `folder`, which may be where it was set aside."""
    is_aside = folder.name.startswith(".") and folder.name.endswith(_ASIDE)
    return folder.with_name(folder.name[1 : -len(_ASIDE)]) if is_aside else folder


def is_superseded(folder: Path) -> bool:
    """Check whether a bundle was opened set aside, and is deleted now that the new one is at its path."""
    name = folder.name
    return name.startswith(".") and name.endswith(_ASIDE) and has_manifest(folder.with_name(name[1 : -len(_ASIDE)]))


def is_bundle(path: PathLike) -> bool:
    """Check whether `path` looks like a saved semspace value, also while it is being replaced."""
    target = resolved_path(path)
    # Between a writer's two renames it has the other name; they may also end between the first look and the second.
    return has_manifest(target) or has_manifest(aside_of(target)) or has_manifest(target)


def has_manifest(folder: Path) -> bool:
    """Check whether a folder holds a saved value, by its manifest."""
    try:
        return (folder / MANIFEST).is_file()
    except OSError:  # a name the system can't have, say
        return False


def is_taken(path: PathLike) -> bool:
    """Check whether something is at `path`, or was when its writer was killed between two renames."""
    target = resolved_path(path)
    return exists(target) or has_manifest(aside_of(target))


def check_free(path: PathLike, *, overwrite: bool) -> None:
    """Raise `ExistsError` if something at `path` must not be replaced; only bundles may be, with `overwrite`."""
    target = resolved_path(path)
    with rename_lock(target.parent):  # another writer may be between its two renames
        _check_free(target, overwrite=overwrite)


def _check_free(target: Path, *, overwrite: bool) -> None:
    if not is_taken(target):
        check_writable(target)
        return
    if exists(target) and not has_manifest(target):
        what = "exists already and isn't a saved semspace value, so it won't be overwritten"
        raise ExistsError(f"{target} {what}; choose another path")
    if not overwrite:
        raise ExistsError(f"{target} exists already; choose another path or pass overwrite=True")


def delete_bundle(path: PathLike) -> None:
    """Delete a bundle; leave anything else alone."""
    if has_manifest(resolved_path(path)):
        shutil.rmtree(resolved_path(path))


def delete_interrupted(path: PathLike) -> None:
    """Delete what interrupted writers have left beside `path`."""
    target = resolved_path(path)
    delete_leftovers(target)
    with rename_lock(target.parent):
        if has_manifest(target):
            _delete_replaced(target)


def publish(folder: Path, target: Path, *, overwrite: bool) -> None:
    """Rename the finished bundle to its path, after renaming the old one away."""
    aside = aside_of(target)
    with rename_lock(target.parent):
        _check_free(target, overwrite=overwrite)
        if target.exists():
            _delete_replaced(target)
        elif has_manifest(aside):  # left by a writer that was killed
            os.replace(aside, target)
        try:
            if target.exists():
                os.replace(target, aside)
            os.replace(folder, target)
        except OSError as problem:
            if not target.exists():
                raise
            raise ExistsError(f"{target} was written by another process at the same time; try again") from problem
        finally:
            if has_manifest(aside) and not target.exists():  # interrupted between the two: undo
                os.replace(aside, target)
        sync(target.parent)
        _delete_replaced(target)


def _delete_replaced(target: Path) -> None:
    """Delete the value that the one at `target` has replaced, or what an interrupted deletion has left of it."""
    aside = aside_of(target)
    if has_manifest(aside):
        _keep_strangers(aside, target)
        _remove(aside)
    with suppress(OSError):
        aside.rmdir()  # interrupted when only the empty folder was left


def _keep_strangers(aside: Path, target: Path) -> None:
    """Move what somebody else has put into a value's folder into that of the value which replaces it."""
    with suppress(OSError, ValueError, KeyError, TypeError, AttributeError):
        listed = json.loads((aside / MANIFEST).read_bytes())["files"]
        own = {MANIFEST, *_LOGS, *(name.partition("/")[0] for name in listed)}
        for path in aside.iterdir():
            if path.name not in own and not path.name.startswith(".") and not os.path.lexists(target / path.name):
                os.replace(path, target / path.name)


def _remove(folder: Path) -> None:
    """Delete a bundle, its manifest last, so that an interrupted deletion still leaves a recognisable bundle."""
    with suppress(OSError):  # a system may keep files that somebody reads
        for path in folder.iterdir():
            if path.is_dir():
                shutil.rmtree(path)
            elif path.name != MANIFEST:
                path.unlink()
        shutil.rmtree(folder, ignore_errors=True)
