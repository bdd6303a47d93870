"""Pair classification: pairs of texts that are the same, or aren't, told apart by their cosine."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from semspace.errors import InputError
from semspace.evaluation.adapters import directions, encoder_of, without_direction
from semspace.evaluation.rank_correlation import cosines
from semspace.evaluation.score import NotEvaluatedError, Score, left_out, notes
from semspace.evaluation.sts import STS
from semspace.evaluation.task_checks import check_rows
from semspace.evaluation.task_measure import TaskMeasure
from semspace.files import PathLike


@dataclass(frozen=True)
class PairClassification:
    """Average precision of the cosines of pairs that are the same or aren't, and the accuracy at the best threshold.

    As in sentence-transformers' `BinaryClassificationEvaluator` and MTEB. The best threshold is that of these very
    pairs, so its accuracy flatters; `Space.calibrate` finds a threshold for new pairs.

    Parameters
    ----------
    name : str
    pairs : sequence of (text, text, label)
        True or 1 for the same, False or 0 otherwise.
    incomplete : int
        Rows of a file without a text or a label; they count in the total.

    Examples
    --------
    >>> import semspace as ss
    >>> words = ss.Space.from_vectors(["good", "fine", "bad"], [[1, 0], [1, 0.1], [0, 1]])
    >>> encoder = ss.WordAverage(words, frequencies="zipf", remove_common=False)
    >>> task = ss.evaluation.PairClassification("mine", [("good", "fine", 1), ("good", "bad", 0), ("bad", "fine", 0)])
    >>> task.score(encoder).metrics
    {'average_precision': 1.0, 'best_accuracy': 1.0}
    """

    name: str
    pairs: Sequence[tuple[str, str, int]]
    incomplete: int = 0

    def __post_init__(self) -> None:
        check_rows(self.name, "pairs", self.pairs, ("text", "text", "label"), rated=True)
        wrong = next((label for *_, label in self.pairs if label not in (0, 1)), None)
        if wrong is not None:
            raise InputError(
                f"{self.name}: a label is 1 (True) for the same and 0 (False) otherwise; got {wrong!r}: graded "
                f"pairs are an STS task"
            )

    @classmethod
    def read(cls, path: PathLike, name: str | None = None) -> PairClassification:
        """Read a table with columns ``sentence1``, ``sentence2`` and ``label``, or their usual other names; see STS."""
        table = STS.read(path, name)
        return cls.of(table, path)

    @classmethod
    def of(cls, table: STS, path: PathLike) -> PairClassification:
        """Create the task of rated pairs whose ratings are 0 and 1."""
        if any(rating not in (0, 1) for *_, rating in table.pairs):
            raise InputError(f"{Path(path)} holds labels other than 0 and 1; graded pairs are read by STS.read")
        return cls(table.name, tuple((a, b, int(label)) for a, b, label in table.pairs), table.incomplete)

    def score(self, thing: Any) -> Score:
        """Score an Encoder, a Space that has one, a sentence-transformers or model2vec model."""
        total = len(self.pairs) + self.incomplete
        left, right, labels = zip(*self.pairs, strict=True) if self.pairs else ((), (), ())
        truth = np.array(labels, np.float64)
        if not 0 < truth.sum() < len(truth):
            raise NotEvaluatedError(
                f"{self.name}: pairs of both labels are needed; {int(truth.sum()):,} of {len(truth):,} are the same",
                used=0,
                total=total,
            )
        texts = list(dict.fromkeys([*left, *right]))  # a text of several pairs is encoded once
        units = directions(texts, encoder_of(thing)(texts))
        row = {text: i for i, text in enumerate(texts)}
        scores = cosines(units[[row[t] for t in left]], units[[row[t] for t in right]])
        measures = [
            TaskMeasure("average_precision", "average precision", scores, truth),
            TaskMeasure("best_accuracy", "best accuracy", scores, truth),
        ]
        note = notes(without_direction(units), left_out(self.incomplete, "no label, or no text"))
        return Score.of(self.name, measures, len(truth), total, note=note)
