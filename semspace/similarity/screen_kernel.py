"""Inner products of bytes with one query, compiled."""

import numpy as np

from semspace.kernels.compiling import compiled
from semspace.types import Floats1d, Int8s2d, Int16s1d


@compiled
def lower_bounds(
    codes: Int8s2d, scales: Floats1d, errors: Floats1d, query: Int16s1d, scale: np.float32, start: int, stop: int,
    bounds: Floats1d,
) -> None:  # fmt: skip
    """Write for rows from `start` to `stop` their inner product with a query, less the error of the row's code.

    The sums fit into 32 bits, which `ByteScreen` sees to, and the compiler is told so by each cast.
    """
    for row in range(start, stop):
        total = np.int32(0)
        for place in range(codes.shape[1]):
            total = np.int32(total + np.int32(np.int32(codes[row, place]) * np.int32(query[place])))
        bounds[row] = np.float32(total) * scale * scales[row] - errors[row]
