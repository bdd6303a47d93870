"""Regions of the points: k-means over codes. All numbers are whole, so it comes out the same on every machine."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from semspace.index.quantization import SUMS, Codes

Labels = npt.NDArray[np.int64]
_SAMPLE = 4_096  # points that regions are found among
_ROUNDS = 8


def regions(codes: Codes, asked: Codes, most: int, seed: int) -> tuple[Labels, Labels]:
    """Divide points into at most `most` regions.

    Returns
    -------
    sizes : (regions,)
        About how many of the points with `codes` lie in each.
    labels : (m,)
        Where each of the `asked` lies.
    """
    sample = _whole(codes[:: max(1, len(codes) // _SAMPLE)])
    rng = np.random.default_rng(seed)
    centres = sample[rng.integers(len(sample))][None]
    while len(centres) < most:  # far ones are drawn more often (k-means++, Arthur & Vassilvitskii 2007)
        far = np.maximum(_apart(sample, centres).min(axis=1), 0)
        if not far.any():
            break
        drawn = np.searchsorted(np.cumsum(far), rng.integers(int(far.sum())), side="right")
        centres = np.vstack([centres, sample[drawn]])
    for _ in range(_ROUNDS):
        labels = _apart(sample, centres).argmin(axis=1)
        for at in np.unique(labels):
            centres[at] = np.rint(sample[labels == at].mean(axis=0))
    counts = np.bincount(_apart(sample, centres).argmin(axis=1), minlength=len(centres))
    sizes: Labels = np.rint(counts * (len(codes) / len(sample))).astype(np.int64)
    return sizes, _apart(_whole(asked), centres).argmin(axis=1)


def _whole(codes: Codes) -> npt.NDArray[np.float64]:
    """Return codes as numbers whose sums of products are exact in double precision."""
    return codes[:, :-SUMS].astype(np.float64)


def _apart(points: npt.NDArray[np.float64], centres: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    lengths = np.einsum("ij,ij->i", points, points)[:, None] + np.einsum("ij,ij->i", centres, centres)
    apart: npt.NDArray[np.float64] = lengths - 2 * (points @ centres.T)
    return apart
