"""Adjacent sentences: documents alone; a sentence is to be near to the one that follows it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np

from semspace import checks
from semspace.errors import InputError
from semspace.evaluation.task_reading import Task
from semspace.text.sentences import split_sentences
from semspace.training.examples import Examples, read_texts
from semspace.training.objectives.multiple_negatives import MultipleNegatives
from semspace.training.objectives.objective import Batch, Objective, normalized
from semspace.training.student import Student
from semspace.types import Int32s1d, Ints1d

_MAX_QUERIES = 1_000  # of the task on held-out pairs


@dataclass(frozen=True, kw_only=True)
class AdjacentSentences(Objective):
    """Find the sentence that follows each one (as in Logeswaran & Lee 2018, arXiv 1803.02893; InfoNCE).

    Data are a `Corpus`, or texts of documents; each sentence of a document is paired with the next one. A batch
    consists of blocks of such pairs from one document each, so that the negatives include sentences on the same
    subject.

    Parameters
    ----------
    scale : float
        Factor on the cosines: the inverse of the temperature.
    symmetric : bool
        Also find the sentence before each one.
    block : int
        Number of pairs from a document that are put into a batch together.
    anchor : float
        Weight of a second loss, which keeps the encoder near to its initial state: the mean squared difference between
        the cosines of all sentences in the batch and those of the averages of their initial token embeddings. 0 for
        none. 20 is a good value for an encoder initialised from word vectors (see the notes).
    shortest, longest : int
        Range of the characters of a sentence; those outside it, such as headings and tables, are left out.

    Notes
    -----
    A sentence's own neighbours, and duplicates of the sentence, are never used as its negatives.

    That neighbouring sentences are similar in meaning is true on average only. A transformer initialised from good word
    vectors gains little from this objective, and can lose on a small corpus: evaluate it on a task
    (``train(..., evaluator=...)``), which shows the score before training as well.

    Examples
    --------
    >>> import semspace as ss
    >>> objective = ss.training.AdjacentSentences(shortest=5)
    >>> examples = objective.read(["Rain fell. The river rose. A bridge broke.", "One sentence alone."])
    >>> [(examples.texts[a], examples.texts[b]) for a, b in examples.rows]
    [('Rain fell.', 'The river rose.'), ('The river rose.', 'A bridge broke.')]
    """

    title: ClassVar[str] = "pairs of sentences"
    scale: float = 20.0
    symmetric: bool = True
    block: int = 16
    anchor: float = 0.0
    shortest: int = 20
    longest: int = 400

    def __post_init__(self) -> None:
        checks.number("scale", self.scale, open_low=True)
        checks.flag("symmetric", self.symmetric)
        checks.whole("block", self.block)
        checks.number("anchor", self.anchor)
        checks.whole("shortest", self.shortest)
        checks.whole("longest", self.longest, low=self.shortest)

    def read(self, data: Any, seed: int = 0) -> Examples:  # noqa: ARG002
        """Read documents, and pair their sentences; `targets` are the numbers of the documents."""
        documents = read_texts(data, "documents")
        numbers: dict[str, int] = {}
        firsts, seconds, document_numbers = [], [], []
        for document_number, document in enumerate(documents):
            sentences = [numbers.setdefault(sentence, len(numbers)) for sentence in self._sentences(document)]
            for a, b in zip(sentences, sentences[1:]):  # noqa: B905, RUF007  (each with the next)
                if a != b:
                    firsts.append(a)
                    seconds.append(b)
                    document_numbers.append(document_number)
        if not firsts:
            raise InputError(
                f"none of {len(documents):,} documents has two different consecutive sentences of {self.shortest} to "
                f"{self.longest} characters; give longer documents, or a smaller shortest"
            )
        rows = np.array([firsts, seconds], np.int32).T.copy()
        return Examples(list(numbers), rows, np.array(document_numbers, np.int32))

    def _sentences(self, document: str) -> list[str]:
        sentences = split_sentences(document)
        return [sentence for sentence in sentences if self.shortest <= len(sentence) <= self.longest]

    def task(self, examples: Examples) -> Task | None:
        """Return the task of finding the next sentence among those of all pairs; no sentence is in two queries."""
        seen: set[int] = set()
        rows: list[int] = []
        for row, pair in enumerate(examples.rows.tolist()):
            if len(rows) < _MAX_QUERIES and seen.isdisjoint(pair):
                seen.update(pair)
                rows.append(row)
        task = self._contrast.task(examples.take(np.array(rows, np.int64)))
        return None if task is None else replace(task, name="held-out sentences")  # type: ignore[type-var]

    def batches(self, examples: Examples, batch_size: int, rng: np.random.Generator) -> list[Ints1d]:
        """Return batches of blocks in random order; the end of a batch may split a block.

        A block has every second pair of consecutive ones, so that none of its sentences is in two of its pairs.
        """
        assert examples.targets is not None
        blocks = _blocks(examples.targets, min(self.block, batch_size))
        indices = np.concatenate([blocks[i] for i in rng.permutation(len(blocks))])
        return np.array_split(indices, -(-len(indices) // batch_size))

    def aux_module(self, student: Student) -> Any:
        """Return a module that holds the initial token embeddings, for the anchor; None without one."""
        if not self.anchor:
            return None
        import torch

        module = torch.nn.Module()
        module.register_buffer("table", student.embeddings.weight.detach() * _content_mask(student.model))
        return module.to(student.device)

    def loss(self, vectors: Any, batch: Batch, aux_module: Any) -> Any:
        """Return the mean cross-entropy of each next sentence in the batch, plus the weighted loss of the anchor."""
        loss = self._contrast.loss(vectors, batch, None)
        if aux_module is None:
            return loss
        present, initial = normalized(vectors), normalized(_mean_embeddings(batch.tokens, aux_module.table))
        return loss + self.anchor * ((present @ present.T - initial @ initial.T) ** 2).mean()

    @property
    def _contrast(self) -> MultipleNegatives:
        return MultipleNegatives(scale=self.scale, symmetric=self.symmetric)


def _blocks(document_numbers: Int32s1d, max_size: int) -> list[Ints1d]:
    """Return blocks of up to `max_size` pairs of one document, every second one of consecutive pairs."""
    order = np.argsort(document_numbers, kind="stable")
    documents = document_numbers[order]
    firsts = np.flatnonzero(np.diff(documents, prepend=-1))
    ranks = np.arange(len(documents)) - np.repeat(firsts, np.diff(firsts, append=len(documents)))
    keys = np.stack([documents, ranks % 2, ranks // 2 // max_size])
    by_block = np.lexsort(keys[::-1])
    keys = keys[:, by_block]
    ends = np.flatnonzero((keys[:, 1:] != keys[:, :-1]).any(axis=0)) + 1
    return np.split(order[by_block], ends)


def _mean_embeddings(token_rows: Sequence[Int32s1d], table: Any) -> Any:
    """Return the mean of the rows of a table for each text's tokens."""
    import torch
    from torch.nn.functional import embedding_bag

    tokens = torch.from_numpy(np.concatenate(token_rows).astype(np.int64)).to(table.device)
    offsets = torch.from_numpy(np.cumsum([0, *(len(row) for row in token_rows[:-1])])).to(table.device)
    return embedding_bag(tokens, table, offsets, mode="mean")


def _content_mask(model: Any) -> Any:
    """Return which dimensions of a model carry content: all, but for one initialised from words without the ballast.

    Ballast dimensions are those that the last LayerNorm multiplies by zero.
    """
    import torch

    hidden_size = int(model.config.hidden_size)
    norms = [
        module
        for module in model.modules()
        if isinstance(module, torch.nn.LayerNorm)
        and module.weight is not None
        and module.weight.shape == (hidden_size,)
    ]
    return (norms[-1].weight.detach() != 0).float() if norms else 1.0
