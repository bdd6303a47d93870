"""The sum of table entries that the bytes of a code name, compiled."""

import numpy as np

from semspace.kernels.compiling import compiled
from semspace.types import Bytes2d, Floats1d, Floats2d


@compiled
def add_entries(codes: Bytes2d, table: Floats2d, base: np.float32, sums: Floats1d) -> None:
    """Write for each code (row of bytes) the sum of its entries in a table (bytes, 256), on top of `base`."""
    for row in range(codes.shape[0]):
        total = base
        for place in range(codes.shape[1]):
            total += table[place, codes[row, place]]
        sums[row] = total
