"""Labelled pairs of texts with their scores, and thresholds that keep a promised error rate on pairs like them."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from semspace import checks
from semspace.errors import InputError
from semspace.statistics import wilson
from semspace.types import Bools1d, Doubles1d

ERRORS = ("false positives", "false negatives")


@dataclass(frozen=True)
class Threshold:
    """A score from which on pairs count as the same, and what it costs.

    Parameters
    ----------
    score : float
    error : float
        The promised rate, on average over pairs like the labelled ones.
    of : {"false positives", "false negatives"}
        Of what the rate is promised: different pairs at or above the score, or same pairs below it.
    found : float
        Share of the same pairs at or above the score, among the labelled ones.
    found_interval : (float, float)
        Its 95 % interval.
    wrong : float
        Share of the different pairs at or above the score, among the labelled ones.
    wrong_interval : (float, float)
        Its 95 % interval.
    """

    score: float
    error: float
    of: str
    found: float
    found_interval: tuple[float, float]
    wrong: float
    wrong_interval: tuple[float, float]

    def __str__(self) -> str:
        reached = "different pairs reach it" if self.of == ERRORS[0] else "same pairs are below it"
        found, wrong = (f"{low:.0%} to {high:.0%}" for low, high in (self.found_interval, self.wrong_interval))
        return (
            f"score {self.score:.3f}: at most {self.error:.1%} of the {reached}; of the labelled pairs, "
            f"{self.found:.0%} of the same ({found}) and {self.wrong:.0%} of the different ({wrong}) reach it"
        )


@dataclass(frozen=True, eq=False)
class LabelledPairs:
    """Scores of pairs, and whether each pair is of the same meaning.

    Parameters
    ----------
    scores : ndarray of float64, shape (n,)
    labels : ndarray of bool, shape (n,)
    """

    scores: Doubles1d
    labels: Bools1d

    def __len__(self) -> int:
        return len(self.scores)

    def threshold(self, error: float, of: str) -> Threshold:
        """Return the score for a promised rate (split conformal: Vovk, Gammerman & Shafer 2005)."""
        checks.number("error", error, open_low=True)
        checks.choice("of", of, ERRORS)
        if error >= 1:
            raise InputError(f"error is a share between 0 and 1; got {error}: for 5 % give 0.05")
        is_positive = of == ERRORS[0]
        scores = np.sort(self.scores[self.labels != is_positive])
        if not is_positive:
            scores = -scores[::-1]
        place = math.ceil((len(scores) + 1) * (1 - error)) - 1  # of the score that must not be reached
        if place >= len(scores):
            raise InputError(
                f"a promise of at most {error:g} {of} needs at least {math.ceil(1 / error) - 1} "
                f"{'different' if is_positive else 'same'} pairs; there are {len(scores)}: give more pairs or a "
                f"larger error"
            )
        bound = scores[place]
        score = float(np.nextafter(bound, np.inf) if is_positive else -bound)
        found, wrong = self._reached(score, same=True), self._reached(score, same=False)
        return Threshold(score, error, of, *found, *wrong)

    def _reached(self, score: float, *, same: bool) -> tuple[float, tuple[float, float]]:
        chosen = self.scores[self.labels == same]
        count = int((chosen >= score).sum())
        low, high = wilson(count, len(chosen))
        return count / len(chosen), (float(low), float(high))


def check_labels(labels: Any, n_pairs: int) -> Bools1d:
    """Return labels as booleans, both kinds among them."""
    array = np.asarray(labels)
    if array.shape != (n_pairs,):
        raise InputError(f"labels must hold one for each of {n_pairs:,} pairs; got shape {array.shape}")
    if array.dtype != bool and not (array.dtype.kind in "iuf" and np.isin(array, (0, 1)).all()):
        wrong = next((one for one in labels if one not in (0, 1)), array.dtype)
        raise InputError(
            f"a label is True (or 1) for the same meaning and False (or 0) for another; got {wrong!r}: grades need a "
            f"limit, such as labels=[grade >= 4 for grade in grades]"
        )
    known = array.astype(bool)
    for label, count in ((True, int(known.sum())), (False, int((~known).sum()))):
        if count < 2:
            raise InputError(
                f"calibration needs at least two pairs of each label; {count} of {n_pairs:,} "
                f"{'is' if count == 1 else 'are'} {label}"
            )
    return known
