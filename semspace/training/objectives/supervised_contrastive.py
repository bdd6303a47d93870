"""Supervised contrastive learning: labelled documents; those with the same label are trained to be near."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Any, ClassVar

import numpy as np

from semspace import checks
from semspace.errors import InputError
from semspace.evaluation.neighbor_labels import NearestLabel
from semspace.evaluation.task_reading import Task
from semspace.training.examples import Examples, read_labelled
from semspace.training.objectives.objective import Batch, Objective, normalized
from semspace.types import Ints1d


@dataclass(frozen=True, kw_only=True)
class SupervisedContrastive(Objective):
    """Documents with the same label are pulled together (Khosla et al. 2020, arXiv 2004.11362, equation 2).

    Data are a `Corpus` with a column of labels, or tuples of text and label.

    Parameters
    ----------
    label : str
        Name of the column.
    temperature : float
        Divisor of the cosines.
    """

    title: ClassVar[str] = "labelled documents"
    label: str = "label"
    temperature: float = 0.07

    def __post_init__(self) -> None:
        checks.number("temperature", self.temperature, open_low=True)

    def read(self, data: Any, seed: int = 0) -> Examples:  # noqa: ARG002
        """Read labelled documents, without those whose label no other document has."""
        texts, labels = read_labelled(data, self.label, self.title)
        names, numbers, counts = np.unique(
            np.array([str(label) for label in labels]), return_inverse=True, return_counts=True
        )
        is_shared = counts[numbers] > 1
        if len(names) < 2 or len(set(numbers[is_shared].tolist())) < 2:
            raise InputError(
                f"at least two labels with two documents each are needed; got {len(texts):,} documents with "
                f"{len(names)} label{'s' * (len(names) != 1)}, {int((counts > 1).sum())} of which have two documents "
                f"or more"
            )
        rows = np.flatnonzero(is_shared).astype(np.int32)[:, None]
        return Examples(texts, rows, numbers[is_shared])

    def task(self, examples: Examples) -> Task | None:
        """Return the task of having the same label as the nearest other document."""
        assert examples.targets is not None
        counts = np.unique(examples.targets, return_counts=True)[1]
        if len(counts) < 2 or counts.max() < 2:
            return None
        texts = [examples.texts[i] for i in examples.rows[:, 0]]
        return NearestLabel("held-out documents", tuple(zip(texts, map(str, examples.targets.tolist()), strict=True)))

    def batches(self, examples: Examples, batch_size: int, rng: np.random.Generator) -> list[Ints1d]:
        """Return batches of pairs of documents with the same label, so that most labels in a batch occur twice."""
        assert examples.targets is not None
        shuffled = rng.permutation(len(examples))
        by_label = shuffled[np.argsort(examples.targets[shuffled], kind="stable")]
        pairs = [by_label[i : i + 2] for i in range(0, len(by_label), 2)]
        indices = np.concatenate([pairs[i] for i in rng.permutation(len(pairs))])
        n_batches = min(-(-len(indices) // batch_size), len(pairs) // 2 or 1)
        ends = np.linspace(0, len(indices) // 2, n_batches + 1).round().astype(int) * 2
        ends[-1] = len(indices)
        return [indices[a:b] for a, b in pairwise(ends.tolist())]

    def loss(self, vectors: Any, batch: Batch, aux_module: Any) -> Any:  # noqa: ARG002
        """Return the mean of ``-log p``, p being the softmax share of a document with the same label."""
        import torch

        vectors = normalized(vectors)
        logits = vectors @ vectors.T / self.temperature
        diagonal = torch.eye(len(vectors), dtype=torch.bool, device=vectors.device)
        log_shares = torch.log_softmax(logits.masked_fill(diagonal, float("-inf")), dim=1)
        labels = torch.from_numpy(batch.examples.targets).to(vectors.device)
        is_positive = (labels[:, None] == labels[None, :]) & ~diagonal
        counts = is_positive.sum(dim=1)
        means = torch.where(is_positive, log_shares, 0.0).sum(dim=1)[counts > 0] / counts[counts > 0]
        return -means.mean() if len(means) else logits.sum() * 0
