"""A model's folder, copied as it is into a saved value: for models of which parts lie in several folders."""

from __future__ import annotations

import shutil
from pathlib import Path

from semspace.bundle import create_bundle
from semspace.files import PathLike
from semspace.sentences.modules import MODULES

_SUFFIXES = (".json", ".safetensors", ".txt", ".model", ".md")
_MANIFEST = "manifest.json"


def save_folder(root: Path, path: PathLike, kind: str, *, dim: int, overwrite: bool) -> None:
    """Copy the files of a model, no pickles and no code, into a bundle of a kind; it is written atomically."""
    with create_bundle(path, kind, overwrite=overwrite) as draft:
        for file in sorted(root.rglob("*")):
            inside = file.relative_to(root)
            if file.is_file() and file.suffix in _SUFFIXES and str(inside) != _MANIFEST:
                (draft.folder / inside).parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(file, draft.folder / inside)
        draft.meta.update(dim=dim, modules=MODULES)
