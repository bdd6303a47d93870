"""Multiple negatives: pairs of texts that belong together; the other texts of a batch are the negatives."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from semspace import checks
from semspace.errors import InputError
from semspace.evaluation.retrieval import Retrieval
from semspace.evaluation.task_reading import Task
from semspace.text.corpus import Corpus
from semspace.training.examples import MISSING, Examples, read_pairs, warn_of_data
from semspace.training.objectives.objective import Batch, Objective, arrange, normalized
from semspace.types import Bools2d, Floats2d, Int32s1d, Int32s2d


@dataclass(frozen=True, kw_only=True)
class MultipleNegatives(Objective):
    """Find the partner of each text among all texts of the batch (Henderson et al. 2017, arXiv 1705.00652; InfoNCE).

    Data are pairs of texts, or triples whose third text is a negative. With a column ``label`` of 0 and 1, pairs with 0
    don't belong together: a text's partner in such a pair (the first, if there are several) is its negative. `CoSENT`
    trains on all labelled pairs, and separates the two kinds better (docs/benchmarks.md).

    Parameters
    ----------
    scale : float
        Factor on the cosines: the inverse of the temperature.
    symmetric : bool
        Also find the text of each partner.
    hard_negatives : int
        Number of texts added to the batch for each pair, which are near to its first text but aren't its partners. They
        are mined with the encoder before training.
    margin : float
        Maximum cosine of a hard negative, as a share of the partner's cosine: nearer texts may well be partners that
        nobody marked (Moreira et al. 2024, arXiv 2407.15831, "TopK-PercPos").
    refresh : bool
        Mine the hard negatives again before each epoch.

    Notes
    -----
    A text that is anywhere in the data paired with another is never used as its negative.
    """

    title: ClassVar[str] = "pairs"
    scale: float = 20.0
    symmetric: bool = False
    hard_negatives: int = 0
    margin: float = 0.95
    refresh: bool = False

    def __post_init__(self) -> None:
        checks.number("scale", self.scale, open_low=True)
        checks.flag("symmetric", self.symmetric)
        checks.whole("hard_negatives", self.hard_negatives, low=0)
        checks.number("margin", self.margin, high=1.0, open_low=True)
        checks.flag("refresh", self.refresh)

    def read(self, data: Any, seed: int = 0) -> Examples:  # noqa: ARG002
        """Read pairs, triples, or pairs with labels 0 and 1."""
        frame = read_pairs(data, self.title)
        columns = [frame[name].to_list() for name in "abc" if name in frame.columns]
        if "target" not in frame.columns:
            return Examples.from_columns(columns)
        labels = set(frame["target"].unique())
        if not labels <= {0.0, 1.0}:
            raise InputError(
                f"labels of pairs must be 0 and 1; got {min(labels):g} to {max(labels):g}: for graded pairs use "
                f"objective='scored'; if the column isn't a label, leave it out"
            )
        return _triples(list(zip(*columns[:2], frame["target"].to_list(), strict=True)))

    def task(self, examples: Examples) -> Task | None:
        """Return the task of finding the second text of each pair by the first."""
        rows = examples.rows[:, :2]
        query_numbers, document_numbers = (sorted(set(rows[:, i].tolist())) for i in (0, 1))
        relevant: dict[str, dict[str, float]] = {}
        for a, b in rows.tolist():
            relevant.setdefault(str(a), {})[str(b)] = 1.0
        if len(document_numbers) < 2:
            return None
        queries, documents = (
            Corpus.from_texts([examples.texts[i] for i in numbers], ids=[str(i) for i in numbers])
            for numbers in (query_numbers, document_numbers)
        )
        return Retrieval("held-out pairs", queries, documents, relevant)

    def mine(
        self, examples: Examples, encode: Callable[[list[str]], Floats2d], epoch: int, progress: bool
    ) -> Int32s2d | None:
        """Return hard negatives, before the first epoch, and with `refresh` before each."""
        from semspace.training.hard_negatives import mine_hard_negatives

        if not self.hard_negatives or (epoch and not self.refresh):
            return None
        return mine_hard_negatives(examples, encode, n=self.hard_negatives, margin=self.margin, progress=progress)

    def loss(self, vectors: Any, batch: Batch, aux_module: Any) -> Any:  # noqa: ARG002
        """Return the mean cross-entropy of each partner among all candidates."""
        from torch.nn.functional import cross_entropy

        columns = normalized(arrange(vectors, batch))
        logits, targets = self._logits(columns, batch)
        loss = cross_entropy(logits, targets)
        if self.symmetric:
            reverse_logits = logits[:, : len(columns)].T
            loss = (loss + cross_entropy(reverse_logits, targets)) / 2
        return loss

    def _logits(self, columns: Any, batch: Batch) -> tuple[Any, Any]:
        import torch

        n, n_columns, dim = columns.shape
        candidates = columns[:, 1:].transpose(0, 1).reshape((n_columns - 1) * n, dim)
        numbers = batch.examples.rows[:, 1:].T.ravel()
        logits = columns[:, 0] @ candidates.T * self.scale
        mask = torch.from_numpy(self.excluded(batch.examples, numbers)).to(logits.device)
        return logits.masked_fill(mask, float("-inf")), torch.arange(n, device=logits.device)

    def excluded(self, examples: Examples, numbers: Int32s1d) -> Bools2d:
        """Return which candidates aren't negatives of which first texts: missing ones, the text and its partners."""
        n = len(examples)
        mask: Bools2d = np.tile(numbers == MISSING, (n, 1))
        positives = examples.positives
        for row, first in enumerate(examples.rows[:, 0].tolist()):
            mask[row] |= np.isin(numbers, list(positives.get(first, ())))
        mask[np.arange(n), np.arange(n)] = False
        return mask


def _triples(labelled_pairs: list[tuple[str, str, float]]) -> Examples:
    """Return the pairs with label 1, with a negative each if one of its texts is in a pair with label 0."""
    pairs = [(a, b) for a, b, label in labelled_pairs if label]
    if len(pairs) in (0, len(labelled_pairs)):
        raise InputError(
            f"all {len(labelled_pairs):,} pairs have the label {int(labelled_pairs[0][2])}; give pairs with both "
            f"labels, or omit the column if all belong together"
        )
    negatives_of: dict[str, list[str]] = {}
    positive_pairs = {frozenset(pair) for pair in pairs}
    conflicts = list(
        dict.fromkeys((a, b) for a, b, label in labelled_pairs if not label and frozenset((a, b)) in positive_pairs)
    )
    if conflicts:
        warn_of_data(f"{len(conflicts):,} pairs have both labels, 0 and 1; label 1 is used", *conflicts[0])
    for a, b, label in labelled_pairs:
        if not label and frozenset((a, b)) not in positive_pairs:
            negatives_of.setdefault(a, []).append(b)
            negatives_of.setdefault(b, []).append(a)
    paired = {text for pair in pairs for text in pair}
    unused = [(a, b) for a, b, label in labelled_pairs if not label and a not in paired and b not in paired]
    if unused:
        warn_of_data(
            f"{len(unused):,} of {len(labelled_pairs):,} pairs have label 0 and no text in a pair with label 1; "
            f"they aren't used (objective='scored' would use them)",
            *unused[0],
        )
    negatives = [next(iter(negatives_of.get(a) or negatives_of.get(b) or ()), None) for a, b in pairs]
    return Examples.from_columns([[a for a, _ in pairs], [b for _, b in pairs], negatives])
