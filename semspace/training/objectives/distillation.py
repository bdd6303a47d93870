"""Distillation: texts and a teacher; a smaller encoder is trained to return the vectors of a larger one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import InitVar, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from semspace import checks, queries
from semspace.errors import InputError
from semspace.evaluation.task_reading import Task
from semspace.files import PathLike
from semspace.sentences.encoder import Encoder
from semspace.sentences.sentence_sample import sample_sentences
from semspace.sentences.transformer import TransformerEncoder
from semspace.text.corpus import Corpus
from semspace.training.base_model import InitialModel, display_name, open_model
from semspace.training.distillation_task import TeacherAgreement
from semspace.training.examples import Examples, read_texts
from semspace.training.from_scratch import SmallTransformer
from semspace.training.frozen_encoder import open_frozen
from semspace.training.layer_selection import count_layers, keep_layers, select_layers
from semspace.training.objectives.objective import Batch, Objective, normalized
from semspace.types import Floats2d

_SELECTION_SENTENCES = 256  # on which choices of layers are compared


@dataclass(frozen=True, kw_only=True)
class Distillation(Objective):
    """A student is trained to return a teacher's vectors of plain texts (Reimers & Gurevych 2020, arXiv 2004.09813).

    Data are a `Corpus`, or texts; they are split into sentences. For a static student use `semspace.distill`.

    Parameters
    ----------
    teacher : str, path or Encoder
        Of any kind. It encodes each sentence once.
    layers : int or sequence of int, optional
        Which layers of the teacher, or of `EncoderTrainer.base` if that is given, the student keeps, counted from 0
        (Sanh et al. 2019, arXiv 1910.01108). For a number of layers, choices of layers are compared on a few hundred
        sentences, and the one whose cosines correlate best with the teacher's is used. None keeps all.
    sentences : int
        Maximum number of sentences to train on, drawn from all of the data by the seed of the training.
    similarity : float
        Weight of the second part of the loss: the mean squared difference between the cosines of all pairs of sentences
        in a batch and those of the teacher's vectors. The first part is one minus the mean cosine between the student's
        and the teacher's vectors.
    student, dim
        Not used any more: a static student is made by `semspace.distill`.

    Notes
    -----
    If the teacher's vectors are longer than the student's, their first principal components are the targets, which
    preserve their cosines as well as possible; if they are shorter, the targets are padded with zeros.

    Examples
    --------
    >>> import semspace as ss
    >>> objective = ss.training.Distillation(teacher="all-MiniLM-L6-v2", layers=3)
    >>> trainer = ss.EncoderTrainer(objective=objective)
    >>> encoder = trainer.train("news.jsonl", out="news-encoder")  # doctest: +SKIP
    """

    title: ClassVar[str] = "sentences"
    learning_rate: ClassVar[float | None] = 3e-4
    dropout: ClassVar[float | None] = 0.0
    teacher: PathLike | Encoder = "all-MiniLM-L6-v2"
    layers: int | Sequence[int] | None = None
    sentences: int = 60_000
    similarity: float = 0.0
    student: InitVar[str | None] = None
    dim: InitVar[int | None] = None

    def __post_init__(self, student: str | None, dim: int | None) -> None:
        if student not in (None, "transformer") or dim is not None:
            raise InputError(
                "Distillation trains transformers; for a static student call semspace.distill(teacher, corpus, dim=256)"
            )
        if not isinstance(self.teacher, (str, Path, Encoder)):
            raise InputError(
                f"teacher must be an Encoder, or a model's name or folder; got {type(self.teacher).__name__}"
            )
        checks.whole("sentences", self.sentences)
        checks.number("similarity", self.similarity)
        if self.layers is not None:
            _check_layers(self.layers)

    # -- data -----------------------------------------------------------------------------------------------

    def read(self, data: Any, seed: int = 0) -> Examples:
        """Read texts, split them into sentences, and draw up to `sentences` of them by the seed."""
        corpus = Corpus.from_texts(read_texts(data, self.title))
        return Examples.from_texts(sample_sentences(corpus, self.sentences, seed))

    def precompute(self, examples: Examples, dim: int, progress: bool) -> Examples:
        """Return the examples with the teacher's vectors as targets, in `dim` dimensions."""
        vectors = self.teacher_vectors(examples.texts, progress=progress)
        return Examples(examples.texts, examples.rows, _resized(vectors, dim)[examples.rows[:, 0]])

    def teacher_vectors(self, texts: list[str], *, progress: bool = True) -> Floats2d:
        """Return the teacher's vectors, of length 1, shape (len(texts), its dim)."""
        return queries.unit(self._teacher.encode(texts, prompt="", progress=progress))

    @cached_property
    def _teacher(self) -> Encoder:
        return open_frozen(self.teacher)

    # -- the student ----------------------------------------------------------------------------------------

    def initial_model(self, base: Any, examples: Examples) -> InitialModel | None:
        """Return the base, or else the teacher, with the layers that the student keeps."""
        if isinstance(base, SmallTransformer):
            if self.layers is not None:
                raise InputError("layers= selects layers of a model; leave it out with base=SmallTransformer(...)")
            return None
        if self.layers is None and base is None:
            raise InputError(
                "the student would be the teacher itself; give Distillation(layers=...) or EncoderTrainer(base=...), "
                "or make a static student with semspace.distill"
            )
        model = self._unreduced_model(base)
        if self.layers is None:
            return model
        total = count_layers(model)
        needed = [self.layers] if isinstance(self.layers, int) else [layer + 1 for layer in self.layers]
        if max(needed) > total or len(needed) > total:
            raise InputError(
                f"layers is {self.layers}, but {model.name} has {total} layers, numbered from 0; give fewer, or other "
                f"numbers"
            )
        if not isinstance(self.layers, int):
            return keep_layers(model, self.layers)
        texts = examples.texts[:_SELECTION_SENTENCES]
        return keep_layers(model, select_layers(model, self.layers, texts, self.teacher_vectors(texts)))

    def _unreduced_model(self, base: Any) -> InitialModel:
        if base is not None:
            return open_model(base)
        if not isinstance(self._teacher, TransformerEncoder):
            raise InputError(
                f"the teacher {self._teacher.name} has no layers to select from; give EncoderTrainer(base=...), a "
                f"transformer or a SmallTransformer"
            )
        return open_model(self._teacher)

    # -- training -------------------------------------------------------------------------------------------

    def task(self, examples: Examples) -> Task | None:
        """Return the task of the mean cosine with the teacher's vectors."""
        assert examples.targets is not None
        texts = [examples.texts[i] for i in examples.rows[:, 0]]
        return TeacherAgreement("held-out sentences", texts, examples.targets)

    def loss(self, vectors: Any, batch: Batch, aux_module: Any) -> Any:  # noqa: ARG002
        """Return one minus the mean cosine, plus the weighted squared difference of the cosines within the batch."""
        import torch

        targets = torch.from_numpy(batch.examples.targets).to(vectors.device)
        vectors, n = normalized(vectors), len(vectors)
        # Leading dimensions (matryoshka) have cosines to be compared with the teacher's, but no target vectors.
        is_full = vectors.shape[1] == targets.shape[1]
        loss = 1 - (vectors * targets).sum(dim=1).mean() if is_full else vectors.sum() * 0
        weight = self.similarity if is_full else max(self.similarity, 1.0)
        if weight and n > 1:
            loss = loss + weight * (vectors @ vectors.T - targets @ targets.T).square().sum() / (n * (n - 1))
        return loss

    def to_dict(self) -> dict[str, Any]:
        """Return the hyper-parameters as plain values; the teacher by its name and fingerprint."""
        teacher = [display_name(self._teacher.name), self._teacher.fingerprint[:16]]
        layers = self.layers if self.layers is None or isinstance(self.layers, int) else list(self.layers)
        return {**super().to_dict(), "teacher": teacher, "layers": layers}


def _check_layers(layers: Any) -> None:
    if isinstance(layers, Sequence) and not isinstance(layers, str):
        for layer in layers:
            checks.whole("layers", layer, low=0)
        if not layers or len(set(layers)) < len(layers):
            raise InputError(f"layers must be a number of layers, or different numbers of layers; got {list(layers)}")
    else:
        checks.whole("layers", layers)


def _resized(vectors: Floats2d, dim: int) -> Floats2d:
    """Return vectors of `dim` dimensions, of length 1, whose cosines are as near to the given ones' as possible."""
    given_dim = vectors.shape[1]
    if given_dim == dim:
        return vectors
    if given_dim < dim:
        return np.pad(vectors, ((0, 0), (0, dim - given_dim)))
    axes = np.linalg.eigh(vectors.T.astype(np.float64) @ vectors)[1][:, ::-1][:, :dim]
    return queries.unit((vectors @ axes).astype(np.float32))
