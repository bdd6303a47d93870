"""Documents alone: a sentence finds the one that follows it, among others of its document and of other ones."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from semspace import checks
from semspace.errors import InputError
from semspace.evaluation.evaluate import Task
from semspace.text.sentences import split_sentences
from semspace.training.examples import Examples, texts_of
from semspace.training.objectives.multiple_negatives import MultipleNegatives
from semspace.training.objectives.objective import Batch, Objective, unit
from semspace.training.student import Student

_ASKED = 1_000  # questions of the task, at most


@dataclass(frozen=True, kw_only=True)
class AdjacentSentences(Objective):
    """Each sentence finds the one that follows it (as in Logeswaran & Lee 2018, arXiv 1803.02893; InfoNCE).

    Data are a `Corpus`, or texts of documents; a document's sentences are paired with the next ones. A batch consists
    of blocks of such pairs from one document each, so that a sentence is to be told from others on the same subject.

    Parameters
    ----------
    scale : float
        Cosines are multiplied by it: one over the temperature.
    symmetric : bool
        Also have each sentence find the one before it.
    block : int
        Pairs of a document that come into a batch together.
    anchor : float
        Weight of a second loss, which holds on to what an encoder starts from: the mean squared difference of the
        cosines between all sentences of the batch to those between averages of their tokens' vectors as these were at
        first. 0 for none. With vectors of words to start from, 20 does (see the notes).
    shortest, longest : int
        Sentences of fewer or more characters, such as headings and tables, are left out.

    Notes
    -----
    A sentence isn't told from its own neighbours, nor from itself where it comes again.

    That a sentence's neighbour is near to it in meaning is true on average only. What a transformer that starts from
    good word vectors gains by this objective is little, and on a small corpus it may be a loss: judge it by a task
    (``train(..., evaluator=...)``), which shows the score before the training as well.

    Examples
    --------
    >>> import semspace as ss
    >>> aim = ss.training.AdjacentSentences(shortest=5)
    >>> examples = aim.read(["Rain fell. The river rose. A bridge broke.", "One sentence alone."])
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

    def read(self, data: Any) -> Examples:
        """Read documents, and pair their sentences; `targets` are the numbers of the documents."""
        documents = texts_of(data, "documents")
        numbers: dict[str, int] = {}
        firsts, seconds, owners = [], [], []
        for owner, document in enumerate(documents):
            found = [numbers.setdefault(one, len(numbers)) for one in self.sentences(document)]
            for a, b in zip(found, found[1:]):  # noqa: B905, RUF007  (each with the next)
                if a != b:
                    firsts.append(a)
                    seconds.append(b)
                    owners.append(owner)
        if not firsts:
            raise InputError(
                f"none of {len(documents):,} documents has two different sentences of {self.shortest} to "
                f"{self.longest} characters, one after the other; give longer documents, or a smaller shortest"
            )
        return Examples(list(numbers), np.array([firsts, seconds], np.int32).T.copy(), np.array(owners, np.int32))

    def sentences(self, document: str) -> list[str]:
        """Split a document."""
        return [one for one in split_sentences(document) if self.shortest <= len(one) <= self.longest]

    def task(self, examples: Examples) -> Task | None:
        """Give a retrieval: each first sentence among all that follow one. No sentence is asked for twice."""
        seen: set[int] = set()
        kept: list[int] = []
        for row, pair in enumerate(examples.rows.tolist()):
            if len(kept) < _ASKED and seen.isdisjoint(pair):
                seen.update(pair)
                kept.append(row)
        task = self._contrast.task(examples.take(np.array(kept, np.int64)))
        return None if task is None else replace(task, name="held-out sentences")  # type: ignore[type-var]

    def batches(self, examples: Examples, size: int, draw: np.random.Generator) -> list[npt.NDArray[np.int64]]:
        """Deal blocks of pairs of one document, at random, into batches; a batch's end may cut one in two.

        A block has every other pair of a stretch, so that none of its sentences is in two pairs.
        """
        assert examples.targets is not None
        blocks = _blocks(examples.targets, min(self.block, size))
        dealt = np.concatenate([blocks[i] for i in draw.permutation(len(blocks))])
        return np.array_split(dealt, -(-len(dealt) // size))

    def helper(self, student: Student) -> Any:
        """Keep the token table as it is at first, for the anchor; None without one."""
        if not self.anchor:
            return None
        import torch

        kept = torch.nn.Module()
        kept.register_buffer("table", student.table.weight.detach() * _shown(student.model))
        return kept.to(student.device)

    def loss(self, vectors: Any, batch: Batch, extra: Any) -> Any:
        """Give the mean cross-entropy of each next sentence among those of the batch, and what the anchor adds."""
        loss = self._contrast.loss(vectors, batch, None)
        if extra is None:
            return loss
        found, wanted = unit(vectors), unit(_averages(batch.tokens, extra.table))
        return loss + self.anchor * ((found @ found.T - wanted @ wanted.T) ** 2).mean()

    @property
    def _contrast(self) -> MultipleNegatives:
        return MultipleNegatives(scale=self.scale, symmetric=self.symmetric)


def _blocks(owners: npt.NDArray[np.int32], most: int) -> list[npt.NDArray[np.int64]]:
    """Cut pairs, those of a document in their order, into blocks of up to `most` of one document."""
    order = np.argsort(owners, kind="stable")
    own = owners[order]
    firsts = np.flatnonzero(np.diff(own, prepend=-1))
    place = np.arange(len(own)) - np.repeat(firsts, np.diff(firsts, append=len(own)))
    keys = np.stack([own, place % 2, place // 2 // most])
    sorted_ = np.lexsort(keys[::-1])
    keys = keys[:, sorted_]
    ends = np.flatnonzero((keys[:, 1:] != keys[:, :-1]).any(axis=0)) + 1
    return np.split(order[sorted_], ends)


def _averages(rows: Sequence[npt.NDArray[np.int32]], table: Any) -> Any:
    """Give the mean of each text's rows of a table."""
    import torch
    from torch.nn.functional import embedding_bag

    flat = torch.from_numpy(np.concatenate(rows).astype(np.int64)).to(table.device)
    starts = torch.from_numpy(np.cumsum([0, *(len(row) for row in rows[:-1])])).to(table.device)
    return embedding_bag(flat, table, starts, mode="mean")


def _shown(model: Any) -> Any:
    """Give which dimensions a model shows at first: those of a new one that only bring rows to one length it doesn't.

    They are what the last LayerNorm multiplies by zero; of a model from elsewhere, none are.
    """
    import torch

    norms = [one for one in model.modules() if isinstance(one, torch.nn.LayerNorm)]
    fits = [one for one in norms if one.weight is not None and one.weight.shape == (int(model.config.hidden_size),)]
    return (fits[-1].weight.detach() != 0).float() if fits else 1.0
