"""Validation of parameters that are spaces: what isn't one, and points of two encoders that can't be compared."""

import os
from typing import Any

from semspace.errors import InputError
from semspace.space import Space
from semspace.text.corpus import Corpus
from semspace.text_encoder import check_encoders


def need_space(function: str, value: Any) -> Space:
    """Return `value` if it is a space, or raise `InputError`, which says how to make one of it."""
    if isinstance(value, Space):
        return value
    remedy = "use Space.from_vectors"
    if isinstance(value, (str, os.PathLike)):
        remedy = "open a saved one with ss.load(path), or a file of vectors with ss.read_vectors(path)"
    elif isinstance(value, Corpus):
        remedy = "use encoder.embed(corpus)"
    elif isinstance(getattr(value, "space", None), Space):
        remedy = "pass its attribute .space"
    raise InputError(f"{function} takes a Space; got {type(value).__name__}: {remedy}")


def check_same_encoder(name: str, given: Any, space: Space) -> None:
    """Raise `InputError` if `given` is a space of another encoder than `space`; unknown encoders are trusted."""
    if isinstance(given, Space):
        check_encoders(name, given.encoder, space.encoder)
