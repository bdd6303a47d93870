"""Pairs of texts with a score each: the nearer pair of two gets the larger cosine."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from semspace import checks
from semspace.errors import InputError
from semspace.evaluation.evaluate import Task
from semspace.evaluation.sts import STS
from semspace.training.examples import Examples, agreed, pairs_of
from semspace.training.objectives.objective import Batch, Objective, table, unit


@dataclass(frozen=True, kw_only=True)
class CoSENT(Objective):
    """For any two pairs of a batch, the one people find nearer gets the larger cosine (Su 2022, CoSENT).

    Data are pairs of texts with a ``score``: ratings on any scale, or labels 0 and 1; only their order counts.

    Parameters
    ----------
    scale : float
        Cosines are multiplied by it.
    """

    title: ClassVar[str] = "scored pairs"
    scale: float = 20.0

    def __post_init__(self) -> None:
        checks.number("scale", self.scale, open_low=True)

    def read(self, data: Any) -> Examples:
        """Read pairs with scores; a pair that comes twice gets the mean of its scores."""
        frame = pairs_of(data, self.title)
        if "known" not in frame.columns or "c" in frame.columns:
            raise InputError(
                "scored pairs need two texts and a number each, such as the columns sentence1, sentence2 and score; "
                "learn from pairs without one with objective='pairs'"
            )
        frame = agreed(frame)
        if frame["known"].n_unique() < 2:
            raise InputError(f"all scored pairs have the score {frame['known'][0]:g}; there is no order to learn")
        return Examples.of([frame["a"].to_list(), frame["b"].to_list()], frame["known"].to_numpy())

    def task(self, examples: Examples) -> Task | None:
        """Give Spearman's correlation of cosines with scores."""
        assert examples.targets is not None
        texts, rows = examples.texts, examples.rows.tolist()
        known = examples.targets.tolist()
        if len(known) < 3 or len(set(known)) < 2:
            return None
        return STS("held-out pairs", [(texts[a], texts[b], score) for (a, b), score in zip(rows, known, strict=True)])

    def loss(self, vectors: Any, batch: Batch, extra: Any) -> Any:  # noqa: ARG002
        """Give ``log(1 + Σ exp(scale (cos_j - cos_i)))`` over all i that people find nearer than j."""
        import torch

        found = unit(table(vectors, batch))
        cosines = (found[:, 0] * found[:, 1]).sum(dim=1) * self.scale
        known = torch.from_numpy(batch.examples.targets).to(cosines.device)
        nearer = known[:, None] > known[None, :]
        apart = (cosines[None, :] - cosines[:, None])[nearer]
        return torch.logsumexp(torch.cat([apart.new_zeros(1), apart]), dim=0)
