"""Vectors in the bundle of a space: a matrix of float32, or codes and the arrays of their codec."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from semspace.bundle import Bundle, Draft
from semspace.errors import DamagedError
from semspace.quantization.codec import VectorCodec
from semspace.quantization.lookup import VALUES, BinaryCodec, ProductCodec
from semspace.quantization.numbers import Float16Codec, Int8Codec
from semspace.quantization.vectors import QuantizedVectors, as_quantized
from semspace.schema import Facts, Shape
from semspace.types import ArrayXd, Floats2d


def write_stored_vectors(vectors: Floats2d, draft: Draft, file: Path | None = None) -> dict[str, str]:
    """Write vectors into a bundle; return what its manifest says of them: their precision, if it isn't float32.

    Parameters
    ----------
    file : Path, optional
        A file that holds the vectors already, if they are float32.
    """
    stored = as_quantized(vectors)
    if stored is not None:
        draft.array("vectors", stored.codes)
        for name, array in stored.codec.arrays().items():
            draft.array(name, array)
        return {"precision": stored.precision}
    if file is None:
        draft.array("vectors", vectors)
    else:
        draft.linked("vectors.npy", file)
    return {}


def read_stored_vectors(bundle: Bundle, facts: Facts) -> Any:
    """Open the vectors of a bundle, in the precision they were saved in; `facts` is what the manifest says."""
    precision = facts.get("precision", "float32")
    if precision == "float32":
        return bundle.array("vectors", dtype=np.float32, shape=(None, None))
    dim = facts.whole("dim", low=1)
    shapes: dict[str, dict[str, Shape]] = {
        "float16": {},
        "int8": {"ranges": (2, dim)},
        "binary": {"levels": (3, dim)},
        "product": {"centroids": (None, VALUES, None)},
    }
    if precision not in shapes:
        raise DamagedError(
            f"{bundle.folder} is stored in the precision {precision!r}, which this version of semspace doesn't have; "
            f"upgrade it"
        )
    arrays = {name: bundle.array(name, dtype=np.float32, shape=shape) for name, shape in shapes[precision].items()}
    if precision == ProductCodec.precision:
        _check_parts(bundle, arrays["centroids"], dim)
    codec = _codec_from(precision, dim, arrays)
    return QuantizedVectors(bundle.array("vectors", dtype=codec.dtype, shape=(None, codec.width)), codec)


def _check_parts(bundle: Bundle, centroids: ArrayXd, dim: int) -> None:
    """Raise `DamagedError` if centroids aren't those of parts that `dim` dimensions can be cut into."""
    parts, _, width = centroids.shape
    if not 0 < parts <= dim or width != -(-dim // parts):
        raise DamagedError(
            f"{bundle.folder} has centroids of {parts} parts with {width} dimensions each, which aren't those of its "
            f"{dim} dimensions; save the value again"
        )


def _codec_from(precision: str, dim: int, arrays: dict[str, ArrayXd]) -> VectorCodec:
    """Return the codec that consists of these arrays; see `VectorCodec.arrays`."""
    if precision == Float16Codec.precision:
        return Float16Codec(dim)
    if precision == Int8Codec.precision:
        return Int8Codec(arrays["ranges"])
    if precision == BinaryCodec.precision:
        return BinaryCodec(arrays["levels"])
    return ProductCodec(arrays["centroids"], dim)
