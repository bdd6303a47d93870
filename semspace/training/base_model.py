"""`InitialModel`: the weights that a training starts from, and how they are read from a model."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

from semspace.errors import InputError
from semspace.files import PathLike
from semspace.sentences.encoder import Encoder
from semspace.sentences.model_config import ModelConfig, read_model_config
from semspace.sentences.model_files import find_model, is_static
from semspace.sentences.torch_runtime import load_model
from semspace.sentences.transformer import TransformerEncoder


class InitialModel(NamedTuple):
    """The transformer that a training starts from: its layout on disk, its torch module, and its name."""

    layout: ModelConfig
    model: Any
    name: str


def open_model(base: PathLike | Encoder) -> InitialModel:
    """Read a transformer's weights, to be trained."""
    if isinstance(base, Encoder):
        if not isinstance(base, TransformerEncoder):
            raise InputError(f"base must be a transformer; got a {type(base).__name__}")
        return _read_weights(base.config, base.name)
    root = find_model(base)
    if is_static(root):
        raise InputError(f"base must be a transformer; {base} is a static encoder")
    return _read_weights(read_model_config(root), str(base))


def _read_weights(layout: ModelConfig, name: str) -> InitialModel:
    if layout.untrained:
        raise InputError(
            f"{display_name(name)} has {layout.untrained}, which EncoderTrainer can't train; choose another base"
        )
    return InitialModel(layout, load_model(layout), display_name(name))


def display_name(name: str) -> str:
    """Return a model's name, or the last part of its folder's path: a model card shows nobody's directories."""
    return Path(name).name if Path(name).is_dir() else name
