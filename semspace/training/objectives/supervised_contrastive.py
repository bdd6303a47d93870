"""Documents with a label each: near to those of the same label."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from semspace import checks
from semspace.errors import InputError
from semspace.evaluation.evaluate import Task
from semspace.evaluation.neighbor_labels import NearestLabel
from semspace.training.examples import Examples, labelled_of
from semspace.training.objectives.objective import Batch, Objective, unit


@dataclass(frozen=True, kw_only=True)
class SupervisedContrastive(Objective):
    """Documents of one label draw near (Khosla et al. 2020, arXiv 2004.11362, equation 2).

    Data are a `Corpus` with a column of labels, or tuples of text and label.

    Parameters
    ----------
    label : str
        The column.
    temperature : float
        Cosines are divided by it.
    """

    title: ClassVar[str] = "labelled documents"
    label: str = "label"
    temperature: float = 0.07

    def __post_init__(self) -> None:
        checks.number("temperature", self.temperature, open_low=True)

    def read(self, data: Any) -> Examples:
        """Read labelled documents; labels that only one document has are left out."""
        texts, labels = labelled_of(data, self.label, self.title)
        names, numbers, counts = np.unique(
            np.array([str(one) for one in labels]), return_inverse=True, return_counts=True
        )
        kept = counts[numbers] > 1
        if len(names) < 2 or len(set(numbers[kept].tolist())) < 2:
            raise InputError(
                f"there must be two labels or more, each of two documents or more; got {len(texts):,} documents with "
                f"{len(names)} label{'s' * (len(names) != 1)}, {int((counts > 1).sum())} of them of two or more"
            )
        rows = np.flatnonzero(kept).astype(np.int32)[:, None]
        return Examples(texts, rows, numbers[kept])

    def task(self, examples: Examples) -> Task | None:
        """Give the share of documents whose nearest other has the same label."""
        assert examples.targets is not None
        counts = np.unique(examples.targets, return_counts=True)[1]
        if len(counts) < 2 or counts.max() < 2:
            return None
        texts = [examples.texts[i] for i in examples.rows[:, 0]]
        return NearestLabel("held-out documents", tuple(zip(texts, map(str, examples.targets.tolist()), strict=True)))

    def batches(self, examples: Examples, size: int, draw: np.random.Generator) -> list[npt.NDArray[np.int64]]:
        """Deal documents so that each batch has two or more of most of its labels: in pairs of the same label."""
        assert examples.targets is not None
        mixed = draw.permutation(len(examples))
        by_label = mixed[np.argsort(examples.targets[mixed], kind="stable")]
        pairs = [by_label[i : i + 2] for i in range(0, len(by_label), 2)]
        dealt = np.concatenate([pairs[i] for i in draw.permutation(len(pairs))])
        count = min(-(-len(dealt) // size), len(pairs) // 2 or 1)
        ends = np.linspace(0, len(dealt) // 2, count + 1).round().astype(int) * 2
        ends[-1] = len(dealt)
        return [dealt[a:b] for a, b in pairwise(ends.tolist())]

    def loss(self, vectors: Any, batch: Batch, extra: Any) -> Any:  # noqa: ARG002
        """Give the mean over documents of ``-log`` of the share that each of their own label has among all others."""
        import torch

        found = unit(vectors)
        logits = found @ found.T / self.temperature
        itself = torch.eye(len(found), dtype=torch.bool, device=found.device)
        logs = torch.log_softmax(logits.masked_fill(itself, float("-inf")), dim=1)
        labels = torch.from_numpy(batch.examples.targets).to(found.device)
        same = (labels[:, None] == labels[None, :]) & ~itself
        counts = same.sum(dim=1)
        means = torch.where(same, logs, 0.0).sum(dim=1)[counts > 0] / counts[counts > 0]
        return -means.mean() if len(means) else logits.sum() * 0
