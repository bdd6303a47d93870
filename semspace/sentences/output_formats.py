"""In what form vectors are handed over: whole numbers of 8 bits, bits, torch's tensors."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from semspace import checks
from semspace.errors import InputError
from semspace.types import Floats2d

PRECISIONS = ("float32", "int8", "uint8", "binary", "ubinary")
_STEPS = 255


def quantized(vectors: Floats2d, precision: str, sample: Floats2d) -> npt.NDArray[Any]:
    """Return vectors in a lower precision.

    Parameters
    ----------
    vectors : ndarray of float32, shape (n, dim)
    precision : {"float32", "int8", "uint8", "binary", "ubinary"}
        With 8 bits the range of each dimension is cut into 255 steps; bits say which numbers are above 0.
    sample : ndarray of float32, shape (m, dim)
        What a dimension ranges over; for 8 bits only.
    """
    if precision == "float32":
        return vectors
    if precision in ("binary", "ubinary"):
        bits: npt.NDArray[np.uint8] = np.packbits(vectors > 0, axis=-1)
        return (bits - 128).astype(np.int8) if precision == "binary" else bits
    low, high = sample.min(axis=0), sample.max(axis=0)
    step = (high - low) / _STEPS
    step[step == 0] = 1
    steps: npt.NDArray[Any] = np.clip(np.floor((vectors - low) / step), 0, _STEPS)
    return steps.astype(np.uint8) if precision == "uint8" else (steps - 128).astype(np.int8)


def converted(vectors: npt.NDArray[Any], *, single: bool, numpy: bool, tensor: bool) -> Any:
    """Return vectors as an array, a tensor, or a list of tensors; the one vector of a single text by itself."""
    made: Any = vectors
    if tensor or not numpy:
        torch = checks.need("torch", "transformers")
        made = torch.from_numpy(vectors)
        made = made if tensor else list(made)
    return made[0] if single else made


def check_device(device: object, runs_on: str) -> None:
    """Raise `InputError` if vectors are to be made elsewhere than where the encoder is."""
    if device is None:
        return
    wanted = str(device).partition(":")[0]
    if isinstance(device, (list, tuple)) or wanted != runs_on:
        raise InputError(
            f"this encoder runs on {runs_on}, and not on device={device!r}; leave device out: Encoder.load takes the "
            f"GPU where torch sees one"
        )
