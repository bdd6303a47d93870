"""The axes in which documents differ most, all made equally long: where a small part of a corpus stands out.

The distance of two means, with axes weighed by how much documents vary along them anyway, is Hotelling's T² on the first
axes (Hotelling 1931); as kernels, these are among the spectrally regularised ones of Hagrass, Sriperumbudur & Li (2024,
"Spectral regularized kernel two-sample tests"). The axes come from all documents together, without a look at which corpus
is whose, so a permutation test with them is as sound as any.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from semspace.checks import FloatMatrix
from semspace.comparison.cells import Cells

Floats = npt.NDArray[np.float64]
COUNTS = (8, 16, 32)  # of axes: too few miss a small part, too many drown it
_PART = 16_384


def leading_axes(vectors: FloatMatrix, most: int = max(COUNTS)) -> FloatMatrix:
    """Give the documents' places on the first axes, each with variance 1, shape (n, at most `most`)."""
    middle = vectors.mean(axis=0, dtype=np.float64)
    spread = np.zeros((len(middle), len(middle)))
    for start in range(0, len(vectors), _PART):
        part = (vectors[start : start + _PART] - middle).astype(np.float32)
        spread += part.T @ part
    variances, directions = np.linalg.eigh(spread / len(vectors))
    kept = np.flatnonzero(variances > 1e-10 * max(variances[-1], 1e-30))[::-1][:most]
    scaled = (directions[:, kept] / np.sqrt(variances[kept])).astype(np.float32)
    places: FloatMatrix = (vectors - middle.astype(np.float32)) @ scaled
    return places


def axes_sums(places: FloatMatrix, cells: Cells) -> Floats:
    """Add up, over the pairs of two cells, the products of places on the first 8, 16 and 32 axes, shape (3, S, S)."""
    sums = np.empty((len(COUNTS), cells.count, cells.count))
    ends = np.flatnonzero(np.diff(cells.of_row, append=cells.count)) + 1
    starts = np.r_[0, ends[:-1]]
    for number, count in enumerate(COUNTS):
        own = places[:, :count].astype(np.float64)
        totals = np.add.reduceat(own, starts)
        sums[number] = totals @ totals.T
        itself = np.add.reduceat((own**2).sum(axis=1), starts)
        sums[number][np.diag_indices(cells.count)] -= itself  # pairs of a document with itself
    return sums
