"""From which score on a point is an outlier: a share of the points, or robust deviations from the median."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from semspace.types import Bools1d, Doubles1d

MIN_Z = 3.5  # Iglewicz & Hoaglin (1993)
_NORMAL = 1.482602218505602  # standard deviations of a normal distribution in its median absolute deviation
_ROUNDING = 1e-6  # relative; equal points differ by no more


@dataclass(frozen=True)
class Spread:
    """The median of some scores, and their robust standard deviation: 1.4826 times the median absolute deviation.

    Examples
    --------
    >>> import numpy as np
    >>> spread = Spread.of(np.array([1.0, 2.0, 3.0, 4.0, 100.0]))
    >>> spread.median, round(spread.deviation, 4)
    (3.0, 1.4826)
    """

    median: float
    deviation: float

    @classmethod
    def of(cls, scores: Doubles1d) -> Spread:
        """Create it of scores, shape (n,); nearly half of them may be arbitrarily high without moving it far."""
        median = float(np.median(scores))
        return cls(median, _NORMAL * float(np.median(np.abs(scores - median))))

    def z(self, scores: Doubles1d) -> Doubles1d:
        """Return how many deviations each score lies above the median, shape (n,).

        0 for scores that equal it up to rounding; infinite for others where half of the scores are equal.
        """
        is_median = np.abs(scores - self.median) <= _ROUNDING * abs(self.median)
        with np.errstate(divide="ignore", invalid="ignore"):
            z: Doubles1d = np.where(is_median, 0.0, (scores - self.median) / self.deviation)
        return z


def threshold_of_z(scores: Doubles1d, min_z: float) -> float:
    """Return the score that lies `min_z` robust deviations above the median."""
    spread = Spread.of(scores)
    return spread.median + min_z * spread.deviation


def threshold_of_share(scores: Doubles1d, share: float) -> float:
    """Return the score that this share of the points, rounded down, lies above; fewer where scores are equal.

    Examples
    --------
    >>> import numpy as np
    >>> threshold_of_share(np.array([1.0, 5.0, 3.0, 2.0]), 0.25)
    3.0
    """
    count = int(share * len(scores) + 1e-9)
    return float(np.sort(scores)[len(scores) - count - 1])


def exceed(scores: Doubles1d, threshold: float) -> Bools1d:
    """Return whether each score lies above the threshold by more than rounding, shape (n,)."""
    above: Bools1d = scores > threshold + _ROUNDING * abs(threshold)
    return above
