"""Output formats of `encode`: 8-bit integers, bits, and torch tensors."""

from __future__ import annotations

from typing import Any

import numpy as np

from semspace import checks
from semspace.errors import InputError
from semspace.quantization.lookup import packed_bits
from semspace.quantization.numbers import int8_codes, ranges_of
from semspace.types import ArrayXd, Bytes2d, Floats2d

PRECISIONS = ("float32", "int8", "uint8", "binary", "ubinary")


def quantized(vectors: Floats2d, precision: str, sample: Floats2d) -> ArrayXd:
    """Return vectors in a lower precision.

    Parameters
    ----------
    vectors : ndarray of float32, shape (n, dim)
    precision : {"float32", "int8", "uint8", "binary", "ubinary"}
        With 8 bits, the range of each dimension is cut into 255 steps; a bit says whether a number is above 0.
    sample : ndarray of float32, shape (m, dim)
        Vectors over which the range of each dimension is taken; for 8 bits only.
    """
    if precision == "float32":
        return vectors
    if precision in ("binary", "ubinary"):
        bits: Bytes2d = packed_bits(vectors, 0)
        return (bits - 128).astype(np.int8) if precision == "binary" else bits
    codes = int8_codes(vectors, ranges_of(sample))
    return (codes.astype(np.int16) + 128).astype(np.uint8) if precision == "uint8" else codes


def converted(vectors: ArrayXd, *, single: bool, numpy: bool, tensor: bool) -> Any:
    """Return vectors as an array, a tensor, or a list of tensors; for a single text, its vector alone."""
    output: Any = vectors
    if tensor or not numpy:
        torch = checks.need("torch", "transformers")
        output = torch.from_numpy(vectors)
        output = output if tensor else list(output)
    return output[0] if single else output


def check_device(device: object, runs_on: str) -> None:
    """Raise `InputError` if `device` isn't the device on which the encoder runs."""
    if device is None:
        return
    name = str(device).partition(":")[0]
    if isinstance(device, (list, tuple)) or name != runs_on:
        raise InputError(
            f"this encoder runs on {runs_on}, not on device={device!r}; leave device= out: Encoder.load uses a GPU if "
            f"torch finds one"
        )
