"""Multiple negatives: pairs of texts that belong together; the other texts of a batch are the negatives."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import Field, dataclass, fields, replace
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from semspace import checks
from semspace.errors import InputError
from semspace.evaluation.retrieval import Retrieval
from semspace.evaluation.task_reading import Task
from semspace.files import PathLike
from semspace.sentences.encoder import Encoder
from semspace.sentences.model_files import find_model
from semspace.text.corpus import Corpus
from semspace.training.base_model import display_name
from semspace.training.examples import MISSING, Examples, read_pairs, warn_of_data
from semspace.training.frozen_encoder import open_frozen
from semspace.training.guide import STRATEGIES, check_guide, cosine_limits, false_negatives, guide_vectors
from semspace.training.objectives.objective import Batch, Objective, arrange, normalized
from semspace.types import Bools2d, Floats2d, Int32s1d, Int32s2d

# Parameters that are of no matter without a guide.
_OF_GUIDE = ("guide", "guide_margin", "guide_margin_strategy", "contrast_anchors", "contrast_positives")


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
    guide : str, path or Encoder, optional
        An encoder that tells which negatives are none (GISTEmbed; Solatorio 2024, arXiv 2402.16829): a text that it
        finds at least as near to a text as that one's partner isn't used as its negative, be it from the batch, given
        or mined. It encodes each text of the data once, before training, without a prompt.
    guide_margin : float
        Also leave out texts that are by up to this margin farther away than the partner, from 0 to 1.
    guide_margin_strategy : {"absolute", "relative"}
        Whether the margin is a difference of cosines, or a share of the partner's cosine.
    contrast_anchors, contrast_positives : bool
        With a guide, first texts are also negatives of each other, and so are their partners, as in the paper; False
        may be better for retrieval.

    Notes
    -----
    A text that is anywhere in the data paired with another is never used as its negative.

    With a guide, the loss is that of sentence-transformers' ``GISTEmbedLoss`` (and, in batches of more than
    `EncoderTrainer.micro_batch_tokens`, ``CachedGISTEmbedLoss``) with its ``temperature`` the inverse of `scale`; its
    default is a scale of 100. Two things differ: a text that the guide finds exactly as near as the partner is left out
    here and kept there; and partners are known by their text, whatever the guide says. `symmetric` adds the way
    back, in which the guide judges the first texts from their partner.

    Examples
    --------
    >>> import semspace as ss
    >>> objective = ss.training.MultipleNegatives(guide="all-MiniLM-L6-v2", guide_margin=0.05)
    >>> trainer = ss.EncoderTrainer(objective=objective, base="all-MiniLM-L6-v2")
    >>> encoder = trainer.train("faq.csv", out="faq-encoder")  # doctest: +SKIP
    """

    title: ClassVar[str] = "pairs"
    scale: float = 20.0
    symmetric: bool = False
    hard_negatives: int = 0
    margin: float = 0.95
    refresh: bool = False
    guide: PathLike | Encoder | None = None
    guide_margin: float = 0.0
    guide_margin_strategy: str = "absolute"
    contrast_anchors: bool = True
    contrast_positives: bool = True

    def __post_init__(self) -> None:
        checks.number("scale", self.scale, open_low=True)
        checks.flag("symmetric", self.symmetric)
        checks.whole("hard_negatives", self.hard_negatives, low=0)
        checks.number("margin", self.margin, high=1.0, open_low=True)
        checks.flag("refresh", self.refresh)
        checks.number("guide_margin", self.guide_margin, high=1.0)
        checks.choice("guide_margin_strategy", self.guide_margin_strategy, STRATEGIES)
        checks.flag("contrast_anchors", self.contrast_anchors)
        checks.flag("contrast_positives", self.contrast_positives)
        self._check_guide()

    def _check_guide(self) -> None:
        if self.guide is None:
            given = next((field.name for field in fields(self) if _is_for_guide(field, getattr(self, field.name))), "")
            if given:
                raise InputError(f"{given}= needs a guide; give guide=, an encoder, or leave {given}= out")
        elif not isinstance(self.guide, (str, Path, Encoder)):
            raise InputError(f"guide must be an Encoder, or a model's name or folder; got {type(self.guide).__name__}")
        elif isinstance(self.guide, Encoder):
            check_guide(self.guide)
        else:
            find_model(self.guide)  # whether there is one; it is opened when training begins

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

    def precompute(self, examples: Examples, dim: int, progress: bool) -> Examples:  # noqa: ARG002
        """Return the examples with the guide's vectors of their texts, if there is a guide."""
        if self.guide is None:
            return examples
        return replace(examples, guide_vectors=guide_vectors(self._guide, examples.texts, progress=progress))

    @cached_property
    def _guide(self) -> Encoder:
        assert self.guide is not None
        return check_guide(open_frozen(self.guide))

    def to_dict(self) -> dict[str, Any]:
        """Return the hyper-parameters as plain values: the guide by its name and fingerprint, or nothing of it."""
        values = super().to_dict()
        if self.guide is None:
            return {name: value for name, value in values.items() if name not in _OF_GUIDE}
        return {**values, "guide": [display_name(self._guide.name), self._guide.fingerprint[:16]]}

    def loss(self, vectors: Any, batch: Batch, aux_module: Any) -> Any:  # noqa: ARG002
        """Return the mean cross-entropy of each partner among all candidates."""
        from torch.nn.functional import cross_entropy

        columns = normalized(arrange(vectors, batch))
        logits, targets = self._logits(columns, batch)
        loss = cross_entropy(logits, targets)
        if self.symmetric:
            reverse_logits = self._reverse_logits(columns, batch)
            loss = (loss + cross_entropy(reverse_logits, targets)) / 2
        return loss

    def _logits(self, columns: Any, batch: Batch) -> tuple[Any, Any]:
        import torch

        n, n_columns, dim = columns.shape
        candidates = columns[:, 1:].transpose(0, 1).reshape((n_columns - 1) * n, dim)
        numbers = batch.examples.rows[:, 1:].T.ravel()
        logits = columns[:, 0] @ candidates.T * self.scale
        mask = self.excluded(batch.examples, numbers) | self._excluded_by_guide(batch.examples, 0, numbers)
        blocks = [_without(logits, mask), *(self._contrast_logits(columns, batch, i) for i in self._contrasted)]
        return torch.cat(blocks, dim=1), torch.arange(n, device=logits.device)

    def _reverse_logits(self, columns: Any, batch: Batch) -> Any:
        """Return the logits of each second text's partner among the first texts."""
        firsts, seconds = batch.examples.rows[:, 0], batch.examples.rows[:, 1]
        mask = self.excluded(batch.examples, seconds).T | self._excluded_by_guide(batch.examples, 1, firsts)
        return _without(columns[:, 1] @ columns[:, 0].T * self.scale, mask)

    @property
    def _contrasted(self) -> list[int]:
        """The columns whose texts are negatives of each other."""
        wanted = (self.contrast_anchors, self.contrast_positives) if self.guide is not None else ()
        return [column for column, is_wanted in enumerate(wanted) if is_wanted]

    def _contrast_logits(self, columns: Any, batch: Batch, column: int) -> Any:
        """Return the logits of a column's texts among themselves, without partners of either text of an example."""
        examples, numbers = batch.examples, batch.examples.rows[:, column]
        mask = self._excluded_by_guide(examples, column, numbers, is_contrast=True)
        for row, pair in enumerate(examples.rows[:, :2].tolist()):
            mask[row] |= np.isin(numbers, list(set().union(*(examples.positives.get(text, ()) for text in pair))))
        return _without(columns[:, column] @ columns[:, column].T * self.scale, mask)

    def _excluded_by_guide(
        self, examples: Examples, column: int, numbers: Int32s1d, *, is_contrast: bool = False
    ) -> Bools2d:
        """Return which candidates the guide finds as near to a column's texts as their partners."""
        vectors, texts = examples.guide_vectors, examples.rows[:, column]
        if vectors is None:
            return np.zeros((len(texts), len(numbers)), bool)
        limits = cosine_limits(vectors, examples.rows, self.guide_margin, self.guide_margin_strategy)
        mask = false_negatives(vectors, texts, numbers, limits)
        if not is_contrast:  # the candidates begin with the partners themselves
            np.fill_diagonal(mask[:, : len(texts)], val=False)
        return mask

    def excluded(self, examples: Examples, numbers: Int32s1d) -> Bools2d:
        """Return which candidates aren't negatives of which first texts: missing ones, the text and its partners."""
        n = len(examples)
        mask: Bools2d = np.tile(numbers == MISSING, (n, 1))
        positives = examples.positives
        for row, first in enumerate(examples.rows[:, 0].tolist()):
            mask[row] |= np.isin(numbers, list(positives.get(first, ())))
        mask[np.arange(n), np.arange(n)] = False
        return mask


def _without(logits: Any, mask: Bools2d) -> Any:
    import torch

    return logits.masked_fill(torch.from_numpy(mask).to(logits.device), float("-inf"))


def _is_for_guide(field: Field[Any], value: Any) -> bool:
    return field.name in _OF_GUIDE and value != field.default


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
