"""Regions of the points: k-means over codes. All numbers are integers, so the result is the same on every machine."""

from __future__ import annotations

import numpy as np

from semspace.index.quantization import SUMS
from semspace.types import Doubles1d, Int8s2d, Ints1d

_SAMPLE = 4_096  # points that are clustered
_ROUNDS = 8  # iterations of k-means


def regions(codes: Int8s2d, asked: Int8s2d, most: int, seed: int) -> tuple[Ints1d, Ints1d]:
    """Divide points into at most `most` regions.

    Returns
    -------
    sizes : (regions,)
        Approximate number of the points with `codes` in each.
    labels : (m,)
        The region of each of the `asked`.
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
    sizes: Ints1d = np.rint(counts * (len(codes) / len(sample))).astype(np.int64)
    return sizes, _apart(_whole(asked), centres).argmin(axis=1)


def _whole(codes: Int8s2d) -> Doubles1d:
    """Return codes in double precision, in which sums of their products are exact."""
    return codes[:, :-SUMS].astype(np.float64)


def _apart(points: Doubles1d, centres: Doubles1d) -> Doubles1d:
    lengths = np.einsum("ij,ij->i", points, points)[:, None] + np.einsum("ij,ij->i", centres, centres)
    apart: Doubles1d = lengths - 2 * (points @ centres.T)
    return apart
