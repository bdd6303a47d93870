"""`Calibration`: what a cosine means among some texts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import polars as pl

from semspace import checks
from semspace.bundle import Bundle, Draft, create_bundle
from semspace.calibration.labelled_pairs import LabelledPairs, Threshold, check_labels
from semspace.calibration.probability_curve import GRID, ProbabilityCurve
from semspace.calibration.reliability import Reliability
from semspace.display import html_table, text_table
from semspace.errors import DamagedError, InputError
from semspace.files import PathLike
from semspace.neighbors import Neighbors
from semspace.types import Bools1d, Doubles1d, Doubles2d, Floats1d

if TYPE_CHECKING:
    from semspace.report.figure import Figure

KIND = "calibration"
_COLUMNS = ("score", "percentile", "probability", "low", "high")
_SHOWN = np.arange(0.0, 1.01, 0.1)  # scores in print


@dataclass(frozen=True, eq=False, repr=False)
class Calibration:
    """What a cosine means: its place among random pairs, and the probability of the same meaning.

    It is made by `Space.calibrate`, and holds for the encoder and the kind of texts that it was made of.

    Parameters
    ----------
    random_scores : ndarray of float32, shape (m,)
        Cosines of random pairs, ascending.
    curve : ProbabilityCurve, optional
        Where there were labelled pairs, of these texts or of others.
    labelled : LabelledPairs, optional
        Of these texts; where there are none, those of the texts that the curve comes from.
    provenance : mapping
        The encoder, and the numbers of pairs.

    Examples
    --------
    >>> import semspace as ss
    >>> import numpy as np
    >>> rng = np.random.default_rng(0)
    >>> space = ss.Space.from_vectors(range(400), rng.normal(size=(400, 8)))
    >>> calibration = space.calibrate()
    >>> bool(calibration.percentile(0.0) < 60), bool(calibration.percentile(0.9) > 99)
    (True, True)
    """

    random_scores: Floats1d
    curve: ProbabilityCurve | None = None
    labelled: LabelledPairs | None = None
    provenance: Mapping[str, Any] = field(default_factory=dict)
    _curves: Doubles2d | None = None  # of the labelled pairs and of resampled ones, for another calibration's base

    def percentile(self, score: npt.ArrayLike) -> Any:
        """Return the share of random pairs with a lower score, in percent; a float, or an array of the same shape.

        Ties count by half.
        """
        scores = _checked_scores(score).astype(np.float32)
        below = np.searchsorted(self.random_scores, scores, "left") + np.searchsorted(
            self.random_scores, scores, "right"
        )
        return _as_given(50.0 * below / len(self.random_scores))

    def probability(self, score: npt.ArrayLike) -> Any:
        """Return the probability that a pair with this score is of the same meaning; a float, or an array.

        It counts on the same meaning being as frequent as among the labelled pairs. Among random pairs it is rarer.

        Raises
        ------
        InputError
            If the calibration was made without labelled pairs.
        """
        return _as_given(self._curve().at(_checked_scores(score))[0])

    def probability_interval(self, score: npt.ArrayLike) -> tuple[Any, Any]:
        """Return the ends of the 95 % bootstrap interval of `probability`."""
        _, low, high = self._curve().at(_checked_scores(score))
        return _as_given(low), _as_given(high)

    def threshold(self, error: float = 0.05, *, of: str = "false positives") -> Threshold:
        """Return the score from which on pairs count as the same, with a promised rate of errors.

        Parameters
        ----------
        error : float
            The rate, between 0 and 1.
        of : {"false positives", "false negatives"}
            Whether the rate is that of different pairs which reach the score, or of same pairs which don't.

        Returns
        -------
        Threshold

        Notes
        -----
        The rate is kept on average, for pairs that are drawn as the labelled ones were (split conformal prediction:
        Vovk, Gammerman & Shafer 2005). No model is assumed.

        Raises
        ------
        InputError
            If there are no labelled pairs, or too few for the promise.
        """
        if self.labelled is None:
            raise self._without_labels()
        return self.labelled.threshold(error, of)

    def reliability(
        self, scores: npt.ArrayLike, labels: Sequence[bool] | npt.ArrayLike, *, n_bins: int = 15
    ) -> Reliability:
        """Return how far the probabilities can be believed, judged by pairs that weren't used for the calibration.

        Parameters
        ----------
        scores : array of shape (n,)
            Cosines, for example of `Space.pair_scores`.
        labels : array of bool, shape (n,)
            Whether each pair is of the same meaning.
        n_bins : int
            Bins of as many pairs each.
        """
        known = _checked_scores(scores)
        checks.whole("n_bins", n_bins)
        return Reliability.of(self._curve().at(known)[0], check_labels(labels, len(known)), n_bins)

    def apply(self, neighbors: Neighbors) -> Neighbors:
        """Return the result of a search with ``percentile``, and ``probability`` where it is known, beside each score.

        Raises
        ------
        InputError
            If the scores aren't cosines.
        """
        if not isinstance(neighbors, Neighbors):
            raise InputError(
                f"apply takes the Neighbors of one search; got {type(neighbors).__name__}: for scores alone use "
                f"percentile(scores) and probability(scores)"
            )
        if neighbors.metric != "cosine":
            raise InputError(
                f"a calibration knows cosines, and these neighbours have scores by {neighbors.metric!r}; search with "
                f"metric='cosine', and a text with hybrid=False"
            )
        return neighbors.with_columns(self._columns(neighbors.scores.astype(np.float64)))

    def to_frame(self) -> pl.DataFrame:
        """Return the scores from -1 to 1 with ``percentile``, ``probability``, and its interval ``low`` to ``high``."""
        return self._table(GRID)

    def plot(self) -> Figure:
        """Draw percentile and probability over the score."""
        from semspace.calibration.figures import calibration_figure

        return calibration_figure(self)

    def save(self, path: PathLike, *, overwrite: bool = False) -> None:
        """Save it as a bundle directory; see `semspace.save`."""
        with create_bundle(path, KIND, overwrite=overwrite) as draft:
            self._write_into(draft)

    def _write_into(self, draft: Draft) -> None:
        draft.meta["provenance"] = dict(self.provenance)
        draft.array("random_scores", self.random_scores)
        if self.labelled is not None and self._curves is not None:
            draft.array("labelled_scores", self.labelled.scores)
            draft.array("labels", self.labelled.labels)
            draft.array("curves", self._curves)

    def _curve(self) -> ProbabilityCurve:
        if self.curve is None:
            raise self._without_labels()
        return self.curve

    def _without_labels(self) -> InputError:
        return InputError(
            "this calibration has no labelled pairs, so it knows percentiles only; give space.calibrate(pairs, labels)"
        )

    def _columns(self, scores: Doubles1d) -> pl.DataFrame:
        columns = {"percentile": self.percentile(scores)}
        if self.curve is not None:
            columns["probability"] = self.probability(scores)
        return pl.DataFrame({name: np.asarray(values, np.float64) for name, values in columns.items()})

    def _table(self, scores: Doubles1d) -> pl.DataFrame:
        table = self._columns(scores).insert_column(0, pl.Series("score", scores))
        if self.curve is None:
            return table
        _, low, high = self.curve.at(scores)
        return table.with_columns(low=pl.Series(low), high=pl.Series(high))

    def _title(self) -> str:
        pairs = f"{len(self.random_scores):,} random pairs"
        return f"calibration by {pairs}" + (f" and {len(self.labelled):,} labelled ones" if self.labelled else "")

    def __repr__(self) -> str:
        table = self._table(_SHOWN)
        return f"{self._title()}\n{text_table(table.columns, table.rows())}"

    def _repr_html_(self) -> str:
        table = self._table(_SHOWN)
        return html_table(table.columns, table.rows(), caption=self._title())


def _checked_scores(value: npt.ArrayLike) -> Doubles1d:
    scores = np.asarray(value)
    if scores.dtype.kind not in "fiu":
        raise InputError(f"a score is a number; got {value!r}")
    scores = scores.astype(np.float64)
    if not (np.abs(scores) <= 1 + 1e-5).all():  # also where it is NaN
        wrong = scores[~(np.abs(scores) <= 1 + 1e-5)].flat[0]
        raise InputError(f"a calibrated score is a cosine, from -1 to 1; got {wrong:g}")
    return scores


def _as_given(values: npt.NDArray[Any]) -> Any:
    """Return a float for a single score."""
    return float(values) if np.ndim(values) == 0 else values


def read_bundle(bundle: Bundle) -> Calibration:
    """Read a calibration from an opened bundle."""
    random_scores = bundle.array("random_scores", dtype=np.float32, shape=(None,))
    provenance = bundle.meta.mapping("provenance")
    problem = _problem(random_scores)
    if "labels.npy" not in bundle.files:
        _refuse(bundle, problem)
        return Calibration(random_scores, provenance=provenance)
    scores = bundle.array("labelled_scores", dtype=np.float64, shape=(None,))
    labels: Bools1d = bundle.array("labels", dtype=np.bool_, shape=(len(scores),))
    curves = bundle.array("curves", dtype=np.float64, shape=(None, len(GRID)))
    if not (len(curves) > 1 and np.isfinite(curves).all() and (curves >= 0).all() and (curves <= 1).all()):
        problem = problem or "probabilities aren't between 0 and 1"
    _refuse(bundle, problem or ("" if np.isfinite(scores).all() else "labelled scores aren't finite"))
    _refuse(bundle, "" if labels.any() and not labels.all() else "its pairs aren't of both kinds")
    labelled = LabelledPairs(scores, labels)
    return Calibration(random_scores, ProbabilityCurve.of(curves), labelled, provenance, curves)


def _problem(random_scores: Floats1d) -> str:
    is_sorted = len(random_scores) and np.isfinite(random_scores).all() and (np.diff(random_scores) >= 0).all()
    return "" if is_sorted else "scores of random pairs aren't in ascending order"


def _refuse(bundle: Bundle, problem: str) -> None:
    if problem:
        raise DamagedError(f"{bundle.folder}: {problem}; save the calibration again")
