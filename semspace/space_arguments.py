"""Validation of parameters that are spaces: what isn't one, and points of two encoders that can't be compared."""

import os
from typing import Any

import numpy as np
import polars as pl

from semspace.errors import InputError
from semspace.space import Space
from semspace.text.corpus import Corpus
from semspace.text_encoder import TextEncoder
from semspace.types import Floats2d


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


def check_encoders(name: str, given: TextEncoder | None, own: TextEncoder | None) -> None:
    """Raise `InputError` if points come from another encoder than those they are compared with; None is trusted."""
    if given is None or own is None:
        return
    if _target(given) != _target(own):
        (first, a), (second, b) = ((one.name, _target(one)[:8]) for one in (given, own))
        is_code = getattr(given, "model", None) is not None
        remedy = "go back with model.decode(codes)" if is_code else "encode the texts with the same encoder"
        raise InputError(
            f"{name} must be of the encoder {second!r} ({b}), as the points that it is compared with; got points of "
            f"{first!r} ({a}): {remedy}"
        )


def parts_of_new_points(
    points: Space, encoder: TextEncoder | None, vectors: object, metadata: object
) -> tuple[list[str], Floats2d, pl.DataFrame | None]:
    """Return ids, vectors and metadata of a space whose points join those of `encoder`; it must have come alone."""
    if vectors is not None or metadata is not None:
        raise InputError("a space brings its vectors and its metadata along; leave out vectors= and metadata=")
    check_encoders("the new points", points.encoder, encoder)
    return points.ids.tolist(), np.asarray(points.vectors), points.metadata


def _target(encoder: TextEncoder) -> str:
    """Return the fingerprint of the encoder in whose space the vectors of an encoder lie."""
    fingerprint: str = getattr(encoder, "target_fingerprint", None) or encoder.fingerprint
    return fingerprint
