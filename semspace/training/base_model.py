"""`Base`: what a training starts from, and how a transformer is opened to be trained."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

from semspace.bundle import PathLike
from semspace.errors import InputError
from semspace.sentences.encoder import Encoder
from semspace.sentences.model_config import Layout, read_layout
from semspace.sentences.model_files import find_model, is_static
from semspace.sentences.torch_runtime import load_model
from semspace.sentences.transformer import TransformerEncoder


class Base(NamedTuple):
    """What a training starts from."""

    layout: Layout
    model: Any
    name: str


def opened(base: PathLike | Encoder) -> Base:
    """Open a transformer's weights, to be trained."""
    if isinstance(base, Encoder):
        if not isinstance(base, TransformerEncoder):
            raise InputError(f"base must be a transformer; got a {type(base).__name__}")
        return _opened(base.layout, base.name)
    root = find_model(base)
    if is_static(root):
        raise InputError(f"{base} is a static encoder, and base must be a transformer")
    return _opened(read_layout(root), str(base))


def _opened(layout: Layout, name: str) -> Base:
    if layout.untrained:
        raise InputError(f"{called(name)} has {layout.untrained}, which EncoderTrainer can't train; take another base")
    return Base(layout, load_model(layout), called(name))


def called(name: str) -> str:
    """Give a model's name, or that of its folder: whose folders they are concerns no reader of the card."""
    return Path(name).name if Path(name).is_dir() else name
