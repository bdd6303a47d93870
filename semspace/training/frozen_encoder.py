"""`open_frozen`: an encoder that a training asks and doesn't change, such as a teacher or a guide."""

from __future__ import annotations

from semspace.errors import InputError
from semspace.files import PathLike
from semspace.sentences.encoder import Encoder
from semspace.sentences.load import load_encoder
from semspace.sentences.model_files import find_model, is_static


def open_frozen(model: PathLike | Encoder) -> Encoder:
    """Return an encoder, opened with the fastest backend that doesn't round its vectors."""
    if isinstance(model, Encoder):
        return model
    if is_static(find_model(model)):
        return load_encoder(model)
    try:
        return load_encoder(model, backend="exact")
    except InputError:
        return load_encoder(model, backend="torch")
