"""Pairs of texts that mean the same, or answer each other: near, and far from what others have for theirs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from semspace import checks
from semspace.errors import InputError
from semspace.evaluation.evaluate import Task
from semspace.evaluation.retrieval import Retrieval
from semspace.text.corpus import Corpus
from semspace.training.examples import MISSING, Examples, pairs_of, say
from semspace.training.objectives.objective import Batch, Objective, table, unit


@dataclass(frozen=True, kw_only=True)
class MultipleNegatives(Objective):
    """Each text finds its partner among those of the whole batch (Henderson et al. 2017, arXiv 1705.00652; InfoNCE).

    Data are pairs of texts, or triples whose third text is a negative; a column ``label`` of 0 and 1 says which pairs
    are none: a text's partner in such a pair (the first, where there are several) is a negative for it. `CoSENT` learns
    from all labelled pairs, and tells such pairs apart better (docs/benchmarks.md).

    Parameters
    ----------
    scale : float
        Cosines are multiplied by it: one over the temperature.
    symmetric : bool
        Also have each partner find its text.
    hard_negatives : int
        For each pair, so many texts near to its first, but not its partner, are added to the batch; they are found with
        the encoder as it is at first.
    margin : float
        A hard negative's cosine is below this share of the partner's, since what is nearer may well be right, only
        unmarked (Moreira et al. 2024, arXiv 2407.15831, "TopK-PercPos").
    refresh : bool
        Find them anew before each epoch.

    Notes
    -----
    A text that is known to go with another isn't taken for its negative, wherever in the batch it stands.
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

    def read(self, data: Any) -> Examples:
        """Read pairs, triples, or pairs with labels 0 and 1."""
        frame = pairs_of(data, self.title)
        texts = [frame[name].to_list() for name in "abc" if name in frame.columns]
        if "known" not in frame.columns:
            return Examples.of(texts)
        labels = set(frame["known"].unique())
        if not labels <= {0.0, 1.0}:
            raise InputError(
                f"labels of pairs must be 0 and 1; got {min(labels):g} to {max(labels):g}: learn from graded pairs "
                f"with objective='scored'"
            )
        return _with_negatives(list(zip(*texts[:2], frame["known"].to_list(), strict=True)))

    def task(self, examples: Examples) -> Task | None:
        """Give a retrieval: each first text among all second ones."""
        rows = examples.rows[:, :2]
        questions, documents = (sorted(set(rows[:, i].tolist())) for i in (0, 1))
        relevant: dict[str, dict[str, float]] = {}
        for a, b in rows.tolist():
            relevant.setdefault(str(a), {})[str(b)] = 1.0
        if len(documents) < 2:
            return None
        asked, given = (
            Corpus.from_texts([examples.texts[i] for i in which], ids=[str(i) for i in which])
            for which in (questions, documents)
        )
        return Retrieval("held-out pairs", asked, given, relevant)

    def loss(self, vectors: Any, batch: Batch, extra: Any) -> Any:  # noqa: ARG002
        """Give the mean cross-entropy of each partner among all candidates."""
        from torch.nn.functional import cross_entropy

        found = unit(table(vectors, batch))
        logits, right = self._logits(found, batch)
        loss = cross_entropy(logits, right)
        if self.symmetric:
            back = logits[:, : len(found)].T
            loss = (loss + cross_entropy(back, right)) / 2
        return loss

    def _logits(self, found: Any, batch: Batch) -> tuple[Any, Any]:
        import torch

        n, columns, dim = found.shape
        candidates = found[:, 1:].transpose(0, 1).reshape((columns - 1) * n, dim)
        numbers = batch.examples.rows[:, 1:].T.ravel()
        logits = found[:, 0] @ candidates.T * self.scale
        barred = torch.from_numpy(self.barred(batch.examples, numbers)).to(logits.device)
        return logits.masked_fill(barred, float("-inf")), torch.arange(n, device=logits.device)

    def barred(self, examples: Examples, numbers: npt.NDArray[np.int32]) -> npt.NDArray[np.bool_]:
        """Tell which candidates aren't negatives for which first texts: none, the text itself, and its partners."""
        n = len(examples)
        found: npt.NDArray[np.bool_] = np.tile(numbers == MISSING, (n, 1))
        own = examples.positives
        for row, first in enumerate(examples.rows[:, 0].tolist()):
            found[row] |= np.isin(numbers, list(own.get(first, ())))
        found[np.arange(n), np.arange(n)] = False
        return found


def _with_negatives(pairs: list[tuple[str, str, float]]) -> Examples:
    """Make triples: a text that is marked as no partner is a negative of its other pairs."""
    partners = [(a, b) for a, b, known in pairs if known]
    if len(partners) in (0, len(pairs)):
        raise InputError(
            f"all {len(pairs):,} pairs have the label {int(pairs[0][2])}; give pairs of both kinds, or leave out the "
            f"labels where all belong together"
        )
    others: dict[str, list[str]] = {}
    known = {frozenset(pair) for pair in partners}
    both = list(dict.fromkeys((a, b) for a, b, label in pairs if not label and frozenset((a, b)) in known))
    if both:
        say(f"{len(both):,} pairs have the label 1 as well as 0; they count as ones that belong together", *both[0])
    for a, b, label in pairs:
        if not label and frozenset((a, b)) not in known:
            others.setdefault(a, []).append(b)
            others.setdefault(b, []).append(a)
    paired = {text for pair in partners for text in pair}
    idle = [(a, b) for a, b, label in pairs if not label and a not in paired and b not in paired]
    if idle:
        say(
            f"{len(idle):,} of {len(pairs):,} pairs have the label 0 and no text that is in a pair with the label 1: "
            f"they aren't learnt from here, but are with objective='scored'",
            *idle[0],
        )
    negatives = [next(iter(others.get(a) or others.get(b) or ()), None) for a, b in partners]
    return Examples.of([[a for a, _ in partners], [b for _, b in partners], negatives])
