"""The figures of a calibration."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from semspace.calibration.probability_curve import GRID
from semspace.report.band_curves import BandCurve, band_curves
from semspace.report.figure import Figure

if TYPE_CHECKING:
    from semspace.calibration.calibration import Calibration

_EVERY = 4  # of the scores of the grid, one is drawn


def calibration_figure(calibration: Calibration) -> Figure:
    """Draw the share of random pairs below each score, and the probability of the same meaning."""
    lowest = max(-1.0, np.floor(float(calibration.random_scores[0]) * 10) / 10)
    scores = GRID[lowest - 1e-9 <= GRID][::_EVERY]
    curves = [BandCurve("share of random pairs below", (calibration.percentile(scores) / 100).tolist())]
    told = f"Half of the random pairs are below {np.median(calibration.random_scores):.2f}."
    if calibration.curve is not None:
        probability, low, high = calibration.curve.at(scores)
        curves.append(BandCurve("probability of the same meaning", probability.tolist(), low.tolist(), high.tolist()))
        even = scores[np.argmax(probability >= 0.5)] if (probability >= 0.5).any() else None
        told += "" if even is None else f" From about {even:.2f} on, the same meaning is more probable than not."
    caption = "What a score means. The band is the 95 % interval."
    return band_curves(scores.tolist(), curves, unit="cosine", caption=caption, description=told)
