"""Cosines of directions from bytes: several times as quick as from floats, with a bound of how far off each may be."""

from __future__ import annotations

from dataclasses import dataclass
from math import lcm

import numpy as np

from semspace.inference.gemm import ROWS, WIDTH
from semspace.inference.linear import QuantizedRows, multiply, quantize
from semspace.inference.model import Linear, aligned_zeros, pack_linear
from semspace.kernels import byte_products
from semspace.kernels.compiling import compiled_strictly
from semspace.types import ArrayXd, Floats1d, Floats2d

STEP = lcm(ROWS, WIDTH)  # tiles begin at its multiples
ARE_QUICK = byte_products.HAS_DOT or byte_products.HAS_PAIRS
_ROUNDING = 1e-5  # of a sum of products in floats


@dataclass(frozen=True)
class ByteCosines:
    """Directions as bytes, twice: unsigned for the left side of a product, and signed for the right one.

    Parameters
    ----------
    left : QuantizedRows
    right : Linear
    left_slack, right_slack : ndarray of float32, shape (n,)
        The product of directions i and j is off by at most ``left_slack[i] + right_slack[j]``: by the inequality of
        Cauchy and Schwarz, since a difference of either from its bytes is multiplied with a direction.
    """

    left: QuantizedRows
    right: Linear
    left_slack: Floats1d
    right_slack: Floats1d

    @classmethod
    def of(cls, directions: Floats2d) -> ByteCosines:
        """Round directions of length 1, or of zeros, to bytes."""
        n, dim = directions.shape
        padded = aligned_zeros((-(-n // STEP) * STEP, -(-dim // WIDTH) * WIDTH), np.float32)
        padded[:n, :dim] = directions
        rows, columns = padded.shape
        right = pack_linear(padded[None], np.zeros((1, rows), np.float32), "int8", WIDTH)
        groups = right.weights.shape[1]
        scale, minimum = (aligned_zeros((rows, groups), np.float32) for _ in range(2))
        left = QuantizedRows(aligned_zeros((rows * columns,), np.uint8), scale, minimum)
        _quantize(right, padded, left)
        grouped = padded.reshape(rows, groups, -1)
        bytes_of = left.data.reshape(grouped.shape)
        scales = right.scales[0].T[:, :, None]
        off_left = _lengths(minimum[:, :, None] + scale[:, :, None] * bytes_of - grouped)
        off_right = _lengths(scales * np.rint(grouped / scales) - grouped)
        longest = 1.0001 + float(off_right.max())
        return cls(left, right, (off_left * longest + _ROUNDING)[:n], (off_right * 1.0001)[:n])

    def multiply(self, tile: slice, other: slice, out: Floats2d) -> None:
        """Write the products of two tiles to the first rows and columns of `out`, which has `ROWS` rows to spare.

        Tiles begin at multiples of `STEP`; columns up to the next multiple of `WIDTH` are written, too.
        """
        _multiply(self.right, self.left, tile.start, tile.stop, other.start, other.stop, out)


def _lengths(differences: ArrayXd) -> Floats1d:
    flat = differences.reshape(len(differences), -1)
    lengths: Floats1d = np.sqrt(np.einsum("ij,ij->i", flat, flat)).astype(np.float32)
    return lengths


@compiled_strictly
def _quantize(right: Linear, rows: Floats2d, left: QuantizedRows) -> None:
    groups = right.weights.shape[1]
    for group in range(groups):
        quantize(right.weights, rows, rows.shape[0], group * (rows.shape[1] // groups), left, group, groups)


@compiled_strictly
def _multiply(
    right: Linear, left: QuantizedRows, first: int, last: int, first_column: int, last_column: int, out: Floats2d
) -> None:
    groups = right.weights.shape[1]
    for row in range(last - first):
        for column in range(out.shape[1]):
            out[row, column] = 0
    for panel in range(first_column // WIDTH, (last_column + WIDTH - 1) // WIDTH):
        for group in range(groups):
            multiply(right, 0, group, panel, left, group, groups, first, last, out, panel * WIDTH - first_column)
