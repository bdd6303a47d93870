"""Texts and a teacher: a smaller encoder learns the vectors that a larger one gives."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from semspace import checks, queries
from semspace.bundle import PathLike
from semspace.errors import InputError
from semspace.evaluation.evaluate import Task
from semspace.sentences.distill import distill
from semspace.sentences.encoder import Encoder
from semspace.sentences.model_files import find_model, is_static
from semspace.sentences.sentence_sample import sentences_of
from semspace.sentences.transformer import TransformerEncoder
from semspace.text.corpus import Corpus
from semspace.training import layer_selection as dropping
from semspace.training.base_model import Base, called, opened
from semspace.training.distillation_task import Agreement
from semspace.training.examples import Examples, texts_of
from semspace.training.from_scratch import SmallTransformer
from semspace.training.objectives.objective import Batch, Objective, numbered, unit
from semspace.types import Floats2d

if TYPE_CHECKING:
    from semspace.training.trainer import EncoderTrainer

_STUDENTS = ("transformer", "static")
_TRIED = 256  # sentences on which choices of layers are compared


@dataclass(frozen=True, kw_only=True)
class Distillation(Objective):
    """A student learns a teacher's vectors of plain texts (Reimers & Gurevych 2020, arXiv 2004.09813).

    Data are a `Corpus`, or texts; they are cut into sentences.

    Parameters
    ----------
    teacher : str, path or Encoder
        Of any kind. Its vectors are made once.
    layers : int or sequence of int, optional
        Of the teacher, or of `EncoderTrainer.base` where that is given, how many layers the student keeps, or which,
        counted from 0 (Sanh et al. 2019, arXiv 1910.01108). For a number, choices of layers are compared on a few
        hundred sentences, and the one whose cosines agree best with the teacher's is taken. When None, all.
    student : {"transformer", "static"}
        ``"static"`` gives a `StaticEncoder` by `semspace.distill`: far faster, and less like the teacher.
    sentences : int
        Most sentences to learn from, drawn from all of the data.
    similarity : float
        Weight of the second part of the loss: the mean squared difference between the cosines of any two sentences of
        a batch and those of the teacher's vectors. The first is one minus the mean cosine with the teacher's vectors.
    dim : int
        Of a static student; a transformer has its own.

    Notes
    -----
    Where the teacher's vectors are longer than the student's, their first principal components are learnt, which keeps
    as much of their cosines as can be; where they are shorter, the student's other dimensions become zero.

    Examples
    --------
    >>> import semspace as ss
    >>> objective = ss.training.Distillation(teacher="all-MiniLM-L6-v2", layers=3)
    >>> trainer = ss.EncoderTrainer(objective=objective)
    >>> encoder = trainer.train("news.jsonl", out="news-encoder")  # doctest: +SKIP
    """

    title: ClassVar[str] = "sentences"
    rate: ClassVar[float | None] = 3e-4
    dropout: ClassVar[float | None] = 0.0
    teacher: PathLike | Encoder = "all-MiniLM-L6-v2"
    layers: int | Sequence[int] | None = None
    student: str = "transformer"
    sentences: int = 60_000
    similarity: float = 0.0
    dim: int = 256

    def __post_init__(self) -> None:
        if not isinstance(self.teacher, (str, Path, Encoder)):
            raise InputError(
                f"teacher must be an Encoder, or a model's name or folder; got {type(self.teacher).__name__}"
            )
        checks.choice("student", self.student, _STUDENTS)
        checks.whole("sentences", self.sentences)
        checks.number("similarity", self.similarity)
        checks.whole("dim", self.dim)
        if self.layers is not None:
            _check_layers(self.layers)
        if self.student == "static" and self.layers is not None:
            raise InputError("a static student has no layers; leave out layers=, or student='static'")

    # -- data -----------------------------------------------------------------------------------------------

    def read(self, data: Any) -> Examples:
        """Cut texts into sentences, and draw as many as are wanted, by the seed 1."""
        return self.sample(data, 1)

    def sample(self, data: Any, seed: int) -> Examples:
        """Cut texts into sentences, and draw as many as are wanted."""
        corpus = Corpus.from_texts(texts_of(data, self.title))
        return numbered(sentences_of(corpus, self.sentences, seed))

    def ready(self, examples: Examples, dim: int, progress: bool) -> Examples:
        """Have the teacher encode all texts."""
        found = self.taught(examples.texts, progress=progress)
        return Examples(examples.texts, examples.rows, _fitted(found, dim)[examples.rows[:, 0]])

    def taught(self, texts: list[str], *, progress: bool = False) -> Floats2d:
        """Give the teacher's vectors, of length 1, shape (len(texts), its dim)."""
        return queries.unit(self._master.encode(texts, prompt="", progress=progress))

    @cached_property
    def _master(self) -> Encoder:
        return _opened(self.teacher)

    # -- the student ----------------------------------------------------------------------------------------

    def base(self, given: Any, examples: Examples) -> Base | None:
        """Give the teacher, or the base that is given, without the layers that are to be dropped."""
        if isinstance(given, SmallTransformer):
            if self.layers is not None:
                raise InputError(
                    "layers= is for a student cut out of a model; a SmallTransformer has layers of its own"
                )
            return None
        if self.layers is None and given is None:
            raise InputError(
                "the student would be the teacher itself; give layers=, EncoderTrainer(base=...), or student='static'"
            )
        whole = self._whole(given)
        if self.layers is None:
            return whole
        total = dropping.count(whole)
        asked = [self.layers] if isinstance(self.layers, int) else [layer + 1 for layer in self.layers]
        if max(asked) > total or len(asked) > total:
            raise InputError(
                f"layers is {self.layers}, and {whole.name} has {total} layers, numbered from 0; give fewer, or other "
                f"numbers"
            )
        if not isinstance(self.layers, int):
            return dropping.kept(whole, self.layers)
        tried = examples.texts[:_TRIED]
        return dropping.kept(whole, dropping.best(whole, self.layers, tried, self.taught(tried)))

    def _whole(self, given: Any) -> Base:
        if given is not None:
            return opened(given)
        if not isinstance(self._master, TransformerEncoder):
            raise InputError(
                f"the teacher {self._master.name} has no layers to drop; give EncoderTrainer(base=...), a transformer "
                f"or a SmallTransformer"
            )
        return opened(self._master)

    def instead(
        self, trainer: EncoderTrainer, examples: Examples, into: PathLike | None, overwrite: bool, progress: bool
    ) -> Encoder | None:
        """Make a static student by `distill`."""
        if self.student != "static":
            return None
        if trainer.base is not None:
            raise InputError("a static student starts from its teacher's tokens; leave out base=")
        made = distill(
            self._master,
            Corpus.from_texts(examples.texts),
            dim=self.dim,
            sentences=len(examples),
            seed=trainer.seed,
            progress=progress,
        )
        if into is not None:
            made.save(into, overwrite=overwrite)
        return made

    # -- learning -------------------------------------------------------------------------------------------

    def task(self, examples: Examples) -> Task | None:
        """Give the mean cosine with the teacher's vectors."""
        assert examples.targets is not None
        return Agreement("held-out sentences", [examples.texts[i] for i in examples.rows[:, 0]], examples.targets)

    def loss(self, vectors: Any, batch: Batch, extra: Any) -> Any:  # noqa: ARG002
        """Give one minus the mean cosine, plus the weighted squared difference of the cosines within the batch."""
        import torch

        wanted = torch.from_numpy(batch.examples.targets).to(vectors.device)
        found, n = unit(vectors), len(vectors)
        # Leading dimensions that are to do by themselves (matryoshka) have no vectors to come near, but cosines.
        whole = found.shape[1] == wanted.shape[1]
        loss = 1 - (found * wanted).sum(dim=1).mean() if whole else found.sum() * 0
        weight = self.similarity if whole else max(self.similarity, 1.0)
        if weight and n > 1:
            loss = loss + weight * (found @ found.T - wanted @ wanted.T).square().sum() / (n * (n - 1))
        return loss

    def plain(self) -> dict[str, Any]:
        """Give the hyper-parameters as plain values; of the teacher, its name, and what decides its vectors."""
        known = [called(self._master.name), self._master.fingerprint[:16]]
        layers = self.layers if self.layers is None or isinstance(self.layers, int) else list(self.layers)
        return {**super().plain(), "teacher": known, "layers": layers}


def _check_layers(layers: Any) -> None:
    if isinstance(layers, Sequence) and not isinstance(layers, str):
        for layer in layers:
            checks.whole("layers", layer, low=0)
        if not layers or len(set(layers)) < len(layers):
            raise InputError(f"layers must be a number of layers, or different numbers of layers; got {list(layers)}")
    else:
        checks.whole("layers", layers)


def _opened(teacher: PathLike | Encoder) -> Encoder:
    """Open the teacher by the fastest runtime that rounds nothing which could be learnt."""
    if isinstance(teacher, Encoder):
        return teacher
    if is_static(find_model(teacher)):
        return Encoder.load(teacher)
    try:
        return Encoder.load(teacher, backend="exact")
    except InputError:
        return Encoder.load(teacher, backend="torch")


def _fitted(vectors: Floats2d, dim: int) -> Floats2d:
    """Give vectors of so many dimensions, of length 1, with cosines as near to the given ones' as can be."""
    own = vectors.shape[1]
    if own == dim:
        return vectors
    if own < dim:
        return np.pad(vectors, ((0, 0), (0, dim - own)))
    axes = np.linalg.eigh(vectors.T.astype(np.float64) @ vectors)[1][:, ::-1][:, :dim]
    return queries.unit((vectors @ axes).astype(np.float32))
