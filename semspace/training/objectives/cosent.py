"""CoSENT: pairs of texts with scores; cosines are trained to have the order of the scores."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from semspace import checks
from semspace.errors import InputError
from semspace.evaluation.sts import STS
from semspace.evaluation.task_reading import Task
from semspace.training.examples import Examples, merge_duplicates, read_pairs
from semspace.training.objectives.objective import Batch, Objective, arrange, normalized


@dataclass(frozen=True, kw_only=True)
class CoSENT(Objective):
    """Of any two pairs in a batch, the one with the higher score gets the larger cosine (Su 2022, CoSENT).

    Data are pairs of texts with a ``score``: ratings on any scale, or labels 0 and 1; only their order matters.

    Parameters
    ----------
    scale : float
        Factor on the cosines.
    """

    title: ClassVar[str] = "scored pairs"
    scale: float = 20.0

    def __post_init__(self) -> None:
        checks.number("scale", self.scale, open_low=True)

    def read(self, data: Any, seed: int = 0) -> Examples:  # noqa: ARG002
        """Read pairs with scores; duplicates of a pair are merged, with the mean of their scores."""
        frame = read_pairs(data, self.title)
        if "target" not in frame.columns or "c" in frame.columns:
            raise InputError(
                "scored pairs need two texts and a number each, such as the columns sentence1, sentence2 and score; "
                "for pairs without a score use objective='pairs'"
            )
        frame = merge_duplicates(frame)
        if frame["target"].n_unique() < 2:
            raise InputError(
                f"all scored pairs have the score {frame['target'][0]:g}; at least two different scores are needed"
            )
        return Examples.from_columns([frame["a"].to_list(), frame["b"].to_list()], frame["target"].to_numpy())

    def task(self, examples: Examples) -> Task | None:
        """Return the task of Spearman's correlation between cosines and scores."""
        assert examples.targets is not None
        texts, rows = examples.texts, examples.rows.tolist()
        scores = examples.targets.tolist()
        if len(scores) < 3 or len(set(scores)) < 2:
            return None
        return STS("held-out pairs", [(texts[a], texts[b], score) for (a, b), score in zip(rows, scores, strict=True)])

    def loss(self, vectors: Any, batch: Batch, aux_module: Any) -> Any:  # noqa: ARG002
        """Return ``log(1 + Σ exp(scale (cos_j - cos_i)))`` over all i whose score is above that of j."""
        import torch

        sides = normalized(arrange(vectors, batch))
        cosines = (sides[:, 0] * sides[:, 1]).sum(dim=1) * self.scale
        scores = torch.from_numpy(batch.examples.targets).to(cosines.device)
        is_above = scores[:, None] > scores[None, :]
        differences = (cosines[None, :] - cosines[:, None])[is_above]
        return torch.logsumexp(torch.cat([differences.new_zeros(1), differences]), dim=0)
