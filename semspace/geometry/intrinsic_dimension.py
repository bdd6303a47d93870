"""Intrinsic dimension: how many coordinates the points need locally, from distances to their nearest neighbours."""

from __future__ import annotations

import numpy as np

from semspace.types import Doubles2d

_DISCARDED = 0.1  # of the ratios, the largest, in the fit of TwoNN


def two_nn(distances: Doubles2d) -> float:
    """Compute the intrinsic dimension from the two nearest neighbours of each point (TwoNN; Facco et al. 2017).

    The ratio of both distances follows a Pareto law whose exponent is the dimension, wherever density is nearly
    constant around a point. It is fitted by a line through the origin; the tenth of the points with the largest ratios
    is left out, as in the paper.

    Parameters
    ----------
    distances : ndarray of float64, shape (m, at least 2)
        From each point to its nearest neighbours, nearest first, all above 0.

    Returns
    -------
    float
        At least 0; infinity where the two are always equally far.

    References
    ----------
    Facco, d'Errico, Rodriguez & Laio (2017). Estimating the intrinsic dimension of datasets by a minimal neighborhood
    information. Scientific Reports 7, 12140.
    """
    m = len(distances)
    log_ratios = np.sort(np.log(distances[:, 1] / distances[:, 0]))
    kept = int(m * (1 - _DISCARDED))
    x, y = log_ratios[:kept], -np.log1p(-np.arange(1, kept + 1) / m)
    squares = float(x @ x)
    return float(x @ y) / squares if squares else np.inf


def maximum_likelihood(distances: Doubles2d) -> float:
    """Compute the intrinsic dimension by maximum likelihood (Levina & Bickel 2004).

    Estimates of single points are averaged as inverses (MacKay & Ghahramani 2005), since the mean of the dimensions
    themselves is biased with few neighbours.

    Parameters
    ----------
    distances : ndarray of float64, shape (m, k), k at least 2
        From each point to its nearest neighbours, nearest first, all above 0.

    Returns
    -------
    float
        At least 0; infinity where all neighbours are equally far.

    References
    ----------
    Levina & Bickel (2004). Maximum likelihood estimation of intrinsic dimension. NIPS 17.
    MacKay & Ghahramani (2005). Comments on "Maximum likelihood estimation of intrinsic dimension".
    """
    inverse = float(np.log(distances[:, -1:] / distances[:, :-1]).mean())
    return 1 / inverse if inverse else np.inf
