"""The folder of a static encoder, in the format of model2vec or sentence-transformers."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from semspace import checks
from semspace.bundle import Draft, open_bundle
from semspace.errors import DamagedError, InputError, MissingFileError
from semspace.files import PathLike, resolved_path
from semspace.replacement import is_bundle
from semspace.sentences.model_files import CONFIG, WEIGHTS, has_tensor
from semspace.sentences.modules import (
    MODULES,
    SENTENCE_CONFIG,
    STATIC,
    Module,
    json_text,
    modules_json,
    read_json,
    read_modules,
    read_sentence_config,
    sentence_config_json,
)
from semspace.sentences.pooling import UNLIMITED
from semspace.types import ArrayXd, Floats2d

if TYPE_CHECKING:
    from semspace.sentences.static_encoder import StaticEncoder

FOLDER_KIND = "static-encoder"
_MODEL_TYPE = "model2vec"
_DEFAULT_MAX_TOKENS = 512  # model2vec's, for a folder that doesn't say
_TOKENIZER = "tokenizer.json"
_EMBEDDING, _NORMALIZE = STATIC, "Normalize"
# Names of the table of vectors in model.safetensors: in model2vec, and in sentence-transformers.
_MODEL2VEC_TABLE, _EMBEDDING_TABLE = "embeddings", "embedding.weight"


def read_folder(path: PathLike, max_tokens: int | None, modules: Sequence[Module] | None = None) -> dict[str, Any]:
    """Read a folder, and return the arguments of `StaticEncoder`; see `StaticEncoder.from_folder`."""
    is_side = modules is not None
    root = resolved_path(path)
    if not root.exists():
        raise MissingFileError(f"there is no file or folder {root}; check the path")
    modules = read_modules(root) if modules is None else modules
    normalizes = _has_normalize(root, modules)
    folder = modules[0].folder if modules else root
    _check_files(folder)
    if not is_side and is_bundle(root):  # saved by semspace, so its checksums can be compared
        open_bundle(root, FOLDER_KIND)
    sentence, tensors, config = read_sentence_config(root), _read_tensors(folder / WEIGHTS), _read_config(root)
    tokenizer = _read_text(folder / _TOKENIZER)
    is_model2vec = _MODEL2VEC_TABLE in tensors
    limit = config.get("max_length", _DEFAULT_MAX_TOKENS) if is_model2vec else _truncation(folder / _TOKENIZER)
    if limit is None or (isinstance(limit, int) and limit > UNLIMITED):
        limit = UNLIMITED
    return {
        "tokenizer": tokenizer,
        "vectors": tensors[_MODEL2VEC_TABLE if is_model2vec else _EMBEDDING_TABLE].astype(np.float32),
        "weights": _cast(tensors.get("weights"), np.float32),
        "mapping": _cast(tensors.get("mapping"), np.int32),
        "normalize": config.get("normalize", False) if is_model2vec else normalizes,
        "max_tokens": limit if max_tokens is None else checks.whole("max_tokens", max_tokens, high=limit),
        "name": str(root.resolve()),
        "facts": config.get("semspace", {}),
        "keep_unknown": not is_model2vec,
        "prompts": sentence.prompts if any(sentence.prompts.values()) else {},
        "truncate_dim": sentence.truncate_dim,
        "similarity_fn_name": sentence.similarity,
    }


def write_folder(encoder: StaticEncoder, draft: Draft) -> None:
    """Write an encoder in the format of model2vec, or of sentence-transformers if it keeps the unknown token."""
    from safetensors.numpy import save_file

    arrays: dict[str, ArrayXd | None]
    if encoder.keep_unknown:
        arrays = {_EMBEDDING_TABLE: _token_vectors(encoder)}
    else:
        arrays = {_MODEL2VEC_TABLE: encoder.vectors, "weights": encoder.weights, "mapping": encoder.mapping}
    tensors = {name: np.ascontiguousarray(array) for name, array in arrays.items() if array is not None}
    draft.file(WEIGHTS, lambda path: save_file(tensors, path))
    texts = {_TOKENIZER: encoder.tokenizer, MODULES: json_text(_modules_of(encoder))}
    if not encoder.keep_unknown:
        texts[CONFIG] = json_text(_model2vec_config(encoder))
    measure = encoder.similarity_fn_name
    if any(encoder.prompts.values()) or encoder.truncate_dim or measure != "cosine":
        texts[SENTENCE_CONFIG] = json_text(sentence_config_json(encoder.prompts, measure, encoder.truncate_dim))
    for name, text in texts.items():
        draft.file(name, lambda path, text=text: path.write_text(text, encoding="utf-8"))  # type: ignore[misc]


def _token_vectors(encoder: StaticEncoder) -> Floats2d:
    """Return the table with one row for each token, multiplied by the token's weight."""
    rows = encoder.vectors if encoder.mapping is None else encoder.vectors[encoder.mapping]
    weights = encoder.weights
    weighted: Floats2d = rows if weights is None else rows[: len(weights)] * weights[:, None]
    return weighted


def _modules_of(encoder: StaticEncoder) -> list[dict[str, Any]]:
    kinds = [_EMBEDDING, *([_NORMALIZE] if encoder.normalize else [])]
    return modules_json(kinds, first_folder=".")


def _model2vec_config(encoder: StaticEncoder) -> dict[str, Any]:
    shared = {"vocabulary_quantization": len(encoder.vectors)} if encoder.mapping is not None else {}
    return {
        "model_type": _MODEL_TYPE,
        "architectures": ["StaticModel"],
        "hidden_dim": encoder.dim,
        "embedding_dtype": "float32",
        "seq_length": UNLIMITED,
        "max_length": encoder.max_tokens,
        "normalize": encoder.normalize,
        **shared,
        "semspace": dict(encoder.facts),
    }


def _check_files(folder: Path) -> None:
    names = (WEIGHTS, _TOKENIZER)
    needed = names if has_tensor(folder / WEIGHTS, _EMBEDDING_TABLE) else (CONFIG, *names)
    missing = [name for name in needed if not (folder / name).is_file()]
    if missing:
        raise DamagedError(f"{folder} isn't a static encoder: it has no {missing[0]}")


def _read_config(folder: Path) -> dict[str, Any]:
    """Read model2vec's ``config.json``; an empty mapping where there is none."""
    config: dict[str, Any] = read_json(folder / CONFIG, {})
    if config.get("model_type", _MODEL_TYPE) != _MODEL_TYPE:
        raise InputError(f"{folder} isn't a static encoder: its config.json doesn't say model_type {_MODEL_TYPE!r}")
    return config


def has_head(modules: Sequence[Module]) -> bool:
    """Check whether a table of token vectors is followed by modules other than Normalize."""
    return any(module.kind != _NORMALIZE for module in modules[1:])


def _has_normalize(root: Path, modules: Sequence[Module]) -> bool:
    """Check whether sentence-transformers scales vectors to length 1; raise `InputError` for any other module."""
    kinds = [module.kind for module in modules] or [_EMBEDDING]
    strange = next((kind for kind in kinds[1:] if kind != _NORMALIZE), None)
    if kinds[0] != _EMBEDDING or strange:
        raise InputError(
            f"{root / MODULES} lists a module of type {strange or kinds[0]}; a StaticEncoder is a {_EMBEDDING} that at "
            f"most {_NORMALIZE} follows: open others with Encoder.load"
        )
    return len(kinds) > 1


def _read_text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError as problem:
        raise DamagedError(f"{path} isn't UTF-8 text: {problem}; download or save the encoder again") from problem


def _truncation(path: Path) -> int | None:
    """Return the number of tokens to which a ``tokenizer.json`` truncates texts."""
    limit = (read_json(path, objects=("truncation",)).get("truncation") or {}).get("max_length")
    if isinstance(limit, bool) or not isinstance(limit, (int, type(None))):
        raise DamagedError(f"{path} has max_length {limit!r} under truncation; it must be a whole number")
    return limit or None


def _read_tensors(path: Path) -> dict[str, ArrayXd]:
    safetensors = checks.need("safetensors", "encoders")
    from safetensors.numpy import load_file

    try:
        tensors: dict[str, ArrayXd] = load_file(path)
    except (safetensors.SafetensorError, OSError, KeyError, TypeError) as problem:
        raise DamagedError(f"{path} can't be read ({problem}); download or save the encoder again") from problem
    table = tensors.get(_MODEL2VEC_TABLE, tensors.get(_EMBEDDING_TABLE))
    if table is None or table.ndim != 2:
        raise DamagedError(
            f"{path} has no table called {_MODEL2VEC_TABLE!r} or {_EMBEDDING_TABLE!r}; download or save the encoder "
            f"again"
        )
    return tensors


def _cast(array: ArrayXd | None, dtype: Any) -> ArrayXd | None:
    return None if array is None else array.astype(dtype)
