"""The steps behind `Space.calibrate`: random pairs, scores of labelled ones, and their probabilities."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from semspace import checks, queries
from semspace.calibration.calibration import Calibration
from semspace.calibration.labelled_pairs import LabelledPairs, check_labels
from semspace.calibration.probability_curve import ProbabilityCurve, isotonic_curves, shifted_curves
from semspace.errors import InputError
from semspace.types import Bools1d, Floats1d, Ints1d

_ROWS_AT_ONCE = 8_192


def check_given(pairs: Any | None, labels: Any | None, base: Calibration | None, encoder: str) -> Bools1d | None:
    """Check what is given to `Space.calibrate` before texts are encoded, and return the labels."""
    if (pairs is None) != (labels is None):
        raise InputError(
            f"labelled pairs need both pairs and labels; got only {'labels' if pairs is None else 'pairs'}"
        )
    _check_base(base, encoder)
    return None if pairs is None else check_labels(labels, len(queries.as_pairs(pairs)))


def fit_calibration(
    random_scores: Floats1d, labelled: LabelledPairs | None, base: Calibration | None, *, encoder: str, seed: int
) -> Calibration:
    """Return the calibration of sorted random scores and of labelled pairs; see `Space.calibrate`."""
    provenance: dict[str, Any] = {"encoder": encoder, "random_pairs": len(random_scores), "seed": seed}
    provenance |= {} if base is None else {"base": dict(base.provenance)}
    if labelled is None:
        if base is None:
            return Calibration(random_scores, provenance=provenance)
        return Calibration(random_scores, base.curve, base.labelled, provenance, base._curves)
    rng = np.random.default_rng(seed)
    if base is None:
        curves = isotonic_curves(labelled.scores, labelled.labels, rng)
    else:
        assert base._curves is not None
        assert base.labelled is not None
        curves = shifted_curves(base._curves, base.labelled.scores, labelled, rng)
    provenance["labelled_pairs"] = len(labelled)
    return Calibration(random_scores, ProbabilityCurve.of(curves), labelled, provenance, checks.frozen(curves))


def _check_base(base: Calibration | None, encoder: str) -> None:
    if base is None:
        return
    if not isinstance(base, Calibration):
        raise InputError(
            f"base is another calibration; got {type(base).__name__}: give other_space.calibrate(pairs, labels)"
        )
    if base.curve is None:
        raise InputError("base has no labelled pairs; give a calibration that was made with pairs and labels")
    if base.provenance.get("encoder") != encoder:
        raise InputError(
            "base was made with another encoder, whose scores mean something else; calibrate its texts with this "
            "space's encoder"
        )


def random_scores(vectors: Any, n_random: int, seed: int) -> Floats1d:
    """Return the cosines of random pairs of different points, ascending; of all pairs where they are as few."""
    n = len(vectors)
    if n < 2:
        raise InputError(f"random pairs need at least two points; the space has {n}")
    rng = np.random.default_rng(seed)
    first, second = _all_pairs(n) if n * (n - 1) // 2 <= n_random else _drawn_pairs(n, n_random, rng)
    scores = np.empty(len(first), np.float32)
    for start in range(0, len(first), _ROWS_AT_ONCE):
        rows = slice(start, start + _ROWS_AT_ONCE)
        a, b = (queries.unit(np.asarray(vectors[side[rows]]), floor=queries.TINY) for side in (first, second))
        scores[rows] = np.einsum("ij,ij->i", a, b)
    return checks.frozen(np.sort(scores))


def _all_pairs(n: int) -> npt.NDArray[np.int64]:
    return np.stack(np.triu_indices(n, 1))


def _drawn_pairs(n: int, n_random: int, rng: np.random.Generator) -> tuple[Ints1d, Ints1d]:
    first = rng.integers(n, size=n_random)
    return first, (first + 1 + rng.integers(n - 1, size=n_random)) % n
