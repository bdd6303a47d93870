"""Adapters of peft: LoRA (Hu et al. 2022), merged into the weights of their base, which is then a model like any other.

A model with its adapter merged computes what the two compute side by side: ``W + s * B @ A`` in the place of ``W``,
where s is ``lora_alpha / r``, or ``lora_alpha / sqrt(r)`` with ``use_rslora`` (Kalajdzievski 2023).
"""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from semspace import checks
from semspace.bundle import create_bundle, open_bundle
from semspace.errors import DamagedError, InputError, SemspaceError
from semspace.files import digest
from semspace.remembered import cache_folder, remembered_digest
from semspace.replacement import is_bundle
from semspace.sentences.model_files import CONFIG, WEIGHTS
from semspace.sentences.modules import read_json, read_modules
from semspace.sentences.weights import Weights, weight_files
from semspace.types import ArrayXd, Floats2d

ADAPTER = "adapter_config.json"
KIND = "merged-model"
_WEIGHTS = "adapter_model.safetensors"
_PREFIX = "base_model.model."
_SIMPLE_PATTERN = r"[\w.^$|()\\\[\]-]+"  # a regular expression that is matched in no time
_REMEDY = "merge it with peft (merge_and_unload) and save the result"
# Settings that change no vector of a finished adapter, or that its weights show by themselves.
_HARMLESS = (
    "auto_mapping", "base_model_name_or_path", "bias", "corda_config", "eva_config", "exclude_modules",
    "inference_mode", "layers_pattern", "layers_to_transform", "loftq_config", "lora_dropout", "megatron_config",
    "megatron_core", "modules_to_save", "peft_type", "peft_version", "qalora_group_size", "revision", "runtime_config",
    "target_modules", "task_type", "base_model_class", "parent_library", "lora_ga_config", "ensure_weight_tying",
)  # fmt: skip
_HONOURED = ("r", "lora_alpha", "use_rslora", "fan_in_fan_out", "alpha_pattern", "rank_pattern", "init_lora_weights")
# Ways of initialising that leave the weights of the base as they are; others change them.
_PLAIN_STARTS = (None, True, False, "gaussian", "eva", "orthogonal")


class _Product(NamedTuple):
    """The two matrices whose product is added to a weight of the base."""

    a: Floats2d
    b: Floats2d
    is_embedding: bool


def merged_folder(folder: Path) -> Path:
    """Return the folder of a model: the same, or, if it holds an adapter, one in the cache with its base's weights.

    Raises
    ------
    InputError
        If the base isn't at hand, or the adapter is of a kind that can't be merged.
    DamagedError
        If the adapter's weights don't fit the base.
    """
    if not (folder / ADAPTER).is_file():
        return folder
    config = _checked_config(folder)
    base = _base_of(folder, config)
    files = [folder / ADAPTER, *_tokenizer_files(folder, base), *weight_files(base), base / CONFIG]
    weights = _weight_file(folder)
    key = digest(*(remembered_digest(path).encode() for path in [weights, *files]))[:32]
    merged = cache_folder() / f"merged-{key}"
    if is_bundle(merged):
        try:
            return open_bundle(merged, KIND, verify=False).folder
        except SemspaceError:
            pass  # damaged: it is written anew
    with create_bundle(merged, KIND, overwrite=True) as draft:
        _write(draft.folder, folder, base, config)
        draft.meta.update(base=str(config["base_model_name_or_path"]))
    return merged


def _checked_config(folder: Path) -> dict[str, Any]:
    """Return the settings of an adapter that can be merged, or raise `InputError` that names the one that can't."""
    path = folder / ADAPTER
    config: dict[str, Any] = read_json(path)
    kind = config.get("peft_type")
    if kind != "LORA":
        raise InputError(f"{path} has peft_type {kind!r}; semspace merges plain LORA: {_REMEDY}")
    start = config.get("init_lora_weights", True)
    if start not in _PLAIN_STARTS:
        raise InputError(
            f"{path} has init_lora_weights {start!r}, which changes the weights of the base; semspace merges plain "
            f"LORA: {_REMEDY}"
        )
    strange = next((key for key, value in config.items() if key not in (*_HARMLESS, *_HONOURED) and value), None)
    if strange is not None:
        raise InputError(f"{path} has {strange} {config[strange]!r}; semspace merges plain LORA: {_REMEDY}")
    for key in ("r", "lora_alpha"):
        value = config.get(key)
        if isinstance(value, bool) or not isinstance(value, (int, float)) or value <= 0:
            raise InputError(f"{path} has {key} {value!r}; it must be a number above 0")
    for key in ("use_rslora", "fan_in_fan_out"):
        if not isinstance(config.get(key) or False, bool):
            raise InputError(f"{path} has {key} {config[key]!r}; it must be true or false")
    patterns = config.get("alpha_pattern") or {}
    if not isinstance(patterns, dict) or any(not re.fullmatch(_SIMPLE_PATTERN, str(key)) for key in patterns):
        raise InputError(
            f"{path} has alpha_pattern {patterns!r}; semspace reads an object of names without repetitions: {_REMEDY}"
        )
    return config


def _base_of(folder: Path, config: Mapping[str, Any]) -> Path:
    """Return the folder of the base, which is on this machine: a folder, or a model in the Hugging Face cache."""
    name, path = config.get("base_model_name_or_path"), folder / ADAPTER
    if not isinstance(name, str) or not name:
        raise InputError(f"{path} has base_model_name_or_path {name!r}; it must name the model that it adapts")
    place = Path(name).expanduser()
    root = place if place.is_dir() else _cached(name, config.get("revision"))
    if root is None:
        raise InputError(
            f"{path} is an adapter of {name!r} (base_model_name_or_path), which is neither a folder nor in the Hugging "
            f"Face cache; download it (huggingface_hub.snapshot_download), or {_REMEDY}"
        )
    modules = read_modules(root)
    base = modules[0].folder if modules and not (root / CONFIG).is_file() else root
    if (base / ADAPTER).is_file():
        raise InputError(f"{path} is an adapter of {name!r} (base_model_name_or_path), itself an adapter; {_REMEDY}")
    if not (base / CONFIG).is_file():
        raise InputError(
            f"{path} is an adapter of {name!r} (base_model_name_or_path), which has no {CONFIG}; {_REMEDY}"
        )
    return base


def _cached(name: str, revision: object) -> Path | None:
    if not re.fullmatch(r"[\w.-]+(/[\w.-]+)?", name):
        return None
    hub = checks.need("huggingface_hub", "encoders")
    try:
        return Path(hub.snapshot_download(name, revision=revision, local_files_only=True))
    except Exception:  # the client raises errors of several libraries
        return None


def _weight_file(folder: Path) -> Path:
    if (folder / _WEIGHTS).is_file():
        return folder / _WEIGHTS
    raise InputError(
        f"{folder} has no {_WEIGHTS}, the weights of the adapter that {ADAPTER} describes; save it as safetensors"
    )


def _tokenizer_files(folder: Path, base: Path) -> list[Path]:
    """Return the files of the tokenizer: the adapter's own, or else those of the base."""
    source = folder if (folder / "tokenizer.json").is_file() else base
    names = ("tokenizer.json", "tokenizer_config.json", "special_tokens_map.json")
    return [source / name for name in names if (source / name).is_file()]


def _write(target: Path, folder: Path, base: Path, config: Mapping[str, Any]) -> None:
    """Write the merged model."""
    from safetensors.numpy import save_file

    with Weights(base) as stored:
        tensors: dict[str, ArrayXd] = {name: stored.take(name) for name in stored}
    _merge(tensors, _read_adapter(folder), config, folder)
    save_file({name: np.ascontiguousarray(one) for name, one in tensors.items()}, target / WEIGHTS, {"format": "pt"})
    written = {**read_json(base / CONFIG), "dtype": "float32", "torch_dtype": "float32"}
    (target / CONFIG).write_text(json.dumps(written), encoding="utf-8")
    for path in _tokenizer_files(folder, base):
        shutil.copyfile(path, target / path.name)
    for path in folder.glob("sentence_*_config.json"):
        shutil.copyfile(path, target / path.name)


def _read_adapter(folder: Path) -> dict[str, Floats2d]:
    """Return the tensors of an adapter by their names, without the prefix of peft."""
    with Weights(folder, [_weight_file(folder)]) as weights:
        return {name.removeprefix(_PREFIX): weights.take(name) for name in weights}


def _merge(tensors: dict[str, ArrayXd], adapter: dict[str, Floats2d], config: Mapping[str, Any], folder: Path) -> None:
    """Change the weights of the base as the adapter says."""
    path = folder / _WEIGHTS
    for module, product in _products(path, adapter).items():
        name = _name_in(tensors, f"{module}.weight", path)
        delta = product.b @ product.a * np.float32(_scale(config, module, len(product.a)))
        turned = product.is_embedding or bool(config.get("fan_in_fan_out"))
        _add(tensors, name, delta.T if turned else delta, path)
    for whole in [name for name in adapter if ".lora_" not in name]:  # biases, and modules_to_save
        name = _name_in(tensors, _plain(whole), path)
        if tensors[name].shape != adapter[whole].shape:
            raise DamagedError(f"{path} has {whole!r} of shape {adapter[whole].shape}; the base has another")
        tensors[name] = adapter[whole]


def _plain(name: str) -> str:
    """Return the name of a weight in the base, without the layers that peft wraps it in."""
    return name.replace(".modules_to_save.", ".").replace(".base_layer.", ".")


def _products(path: Path, adapter: Mapping[str, Floats2d]) -> dict[str, _Product]:
    """Return the pairs of matrices of an adapter by the module that they belong to."""
    found: dict[str, _Product] = {}
    for name in adapter:
        match = re.fullmatch(r"(.+)\.lora_(embedding_)?([AB])(\.weight)?", name)
        if match is None and ".lora_" in name:
            raise InputError(f"{path} holds {name!r}, which isn't of plain LORA; {_REMEDY}")
        if match is None or match[3] == "B":
            continue
        other = name[: match.start(3)] + "B" + name[match.end(3) :]
        a, b = adapter[name], adapter.get(other)
        if b is None or a.ndim != 2 or b.ndim != 2 or a.shape[0] != b.shape[1]:
            raise DamagedError(f"{path} has no matrix {other!r} that fits {name!r}; download the adapter again")
        found[match[1]] = _Product(a, b, bool(match[2]))
    if not found:
        raise DamagedError(f"{path} holds no matrices of LORA; download the adapter again")
    return found


def _scale(config: Mapping[str, Any], module: str, rank: int) -> float:
    """Return the factor of a product; the alpha of a module may be set by a pattern for the end of its name."""
    patterns = config.get("alpha_pattern") or {}
    own = next((value for key, value in patterns.items() if _ends_with(module, str(key))), None)
    alpha = float(config["lora_alpha"] if own is None else own)
    return alpha / (rank**0.5 if config.get("use_rslora") else rank)


def _ends_with(module: str, pattern: str) -> bool:
    """Check whether the end of a module's name matches a pattern, as peft does."""
    try:
        return re.fullmatch(rf"(.*\.)?({pattern})", module) is not None
    except re.error:
        return module == pattern


def _name_in(tensors: Mapping[str, ArrayXd], name: str, path: Path) -> str:
    """Return the base's name of a weight: one of both may have a prefix, such as ``bert.``."""
    if name in tensors:
        return name
    found = [known for known in tensors if known.endswith(f".{name}") or name.endswith(f".{known}")]
    if len(found) != 1:
        raise DamagedError(f"{path} changes {name!r}, which is no weight of the base; the adapter belongs to another")
    return found[0]


def _add(tensors: dict[str, ArrayXd], name: str, delta: Floats2d, path: Path) -> None:
    if tensors[name].shape != delta.shape:
        raise DamagedError(
            f"{path} has matrices of shape {delta.shape} for {name!r}, whose shape in the base is "
            f"{tensors[name].shape}; the adapter belongs to another model"
        )
    tensors[name] = tensors[name] + delta
