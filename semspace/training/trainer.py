"""`EncoderTrainer`: a frozen set of hyper-parameters with one verb, `train`."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from semspace import checks
from semspace.bundle import PathLike, check_free
from semspace.deprecation import renamed_parameters
from semspace.errors import InputError
from semspace.evaluation.evaluate import Task, task_of
from semspace.sentences.encoder import Encoder
from semspace.space import Space
from semspace.training.from_scratch import SmallTransformer
from semspace.training.objectives import OBJECTIVES, Objective

Base = str | os.PathLike[str] | Encoder | SmallTransformer | None
_MOST_THREADS = 1_024
_PRECISIONS = ("auto", "float32", "bfloat16")


@renamed_parameters(chunk_tokens="micro_batch_tokens", evaluations="evals_per_epoch")
@dataclass(frozen=True, kw_only=True)
class EncoderTrainer:
    """Trains an encoder of sentences: from a model, or from nothing but text.

    Parameters
    ----------
    objective : str or Objective
        What is learnt from which data. ``"pairs"``: texts that belong together (`MultipleNegatives`); ``"scored"``:
        pairs with a score (`CoSENT`); ``"labels"``: documents with a label (`SupervisedContrastive`); ``"simcse"``,
        ``"cloze"``, ``"tsdae"``: texts alone (`SimCSE`, `Cloze`, `TSDAE`); ``"adjacent"``: documents
        (`AdjacentSentences`); `Distillation`: texts and a teacher. An objective of `semspace.training` has parameters
        of its own, such as how many hard negatives to look for.
    base : optional
        What to start from: a model as `Encoder.load` takes it, or such an encoder. When None, a small transformer
        whose tokenizer is trained on the texts themselves (give a `SmallTransformer` for its sizes); for
        `Distillation`, its teacher.
    epochs : float
        Passes over the data.
    batch_size : int
        Examples a step. It isn't bound by memory: see `micro_batch_tokens`.
    learning_rate : float, optional
        At its highest. When None, what the objective is best with, or else 2e-5 for a model, 5e-4 from nothing.
    warmup : float
        Share of the steps in which the rate rises in a straight line; then it falls to nothing in another.
    weight_decay : float
        Of AdamW, for matrices; not for the token table.
    max_tokens : int, optional
        Cut texts here while training, where the model could read more.
    matryoshka : sequence of int
        Also train the first so many dimensions to do by themselves (Kusupati et al. 2022, arXiv 2205.13147), so that
        vectors may be cut there.
    freeze_embeddings : bool
        Leave the token vectors as they are.
    dropout : float, optional
        Other than the model's own; for `Distillation` none, and for `SimCSE` 0.1, unless given.
    precision : {"auto", "float32", "bfloat16"}
        How matrices are multiplied. ``"auto"`` takes bfloat16 on a processor that has arithmetic for it, if a batch
        measures faster with it; weights are float32 in any case.
    micro_batch_tokens : int
        Tokens that go through the model at a time; a batch with more is done in portions (GradCache), with the same
        result.
    held_out : float
        Share of the examples that isn't learnt from, but judges the encoder; 0 for none. At most 2,000 examples.
    evals_per_epoch : int
        How often an epoch the encoder is judged.
    patience : int, optional
        Stop after so many judgements without a better score, and give the encoder that had the best.
    threads : int, optional
        All cores by default.
    seed : int

    Notes
    -----
    Texts go through the model without padding where its attention allows it. Token vectors are learnt by an Adam that
    moves the rows of a batch's tokens only. On short texts both together take about half the time of
    sentence-transformers' trainer (docs/benchmarks.md).

    The same seed and number of threads give the same weights, also if the training was broken off and went on from its
    checkpoint.

    Examples
    --------
    >>> import semspace as ss
    >>> trainer = ss.EncoderTrainer(objective="pairs", base="all-MiniLM-L6-v2", epochs=2)
    >>> encoder = trainer.train("faq.csv", out="faq-encoder")  # doctest: +SKIP
    >>> encoder.history.plot()  # doctest: +SKIP
    """

    objective: str | Objective = "pairs"
    base: Base = None
    epochs: float = 1
    batch_size: int = 32
    learning_rate: float | None = None
    warmup: float = 0.1
    weight_decay: float = 0.01
    max_tokens: int | None = None
    matryoshka: Sequence[int] = ()
    freeze_embeddings: bool = False
    dropout: float | None = None
    precision: str = "auto"
    micro_batch_tokens: int = 4_096
    held_out: float = 0.1
    evals_per_epoch: int = 1
    patience: int | None = None
    threads: int | None = None
    seed: int = 0

    def __post_init__(self) -> None:
        if not isinstance(self.objective, Objective):
            checks.choice("objective", self.objective, OBJECTIVES)
        if not isinstance(self.base, (str, os.PathLike, Encoder, SmallTransformer)) and self.base is not None:
            raise InputError(
                f"base must be a model's name or folder, an Encoder, a SmallTransformer, or None for a new one; got "
                f"{type(self.base).__name__}"
            )
        checks.whole("batch_size", self.batch_size, low=2)  # an example alone has nothing to be told apart from
        for name in ("micro_batch_tokens", "evals_per_epoch"):
            checks.whole(name, getattr(self, name))
        checks.number("epochs", self.epochs, open_low=True)
        for name in ("warmup", "held_out"):
            checks.number(name, getattr(self, name), high=0.9)
        checks.number("weight_decay", self.weight_decay)
        for name in ("learning_rate", "dropout"):
            if getattr(self, name) is not None:
                checks.number(name, getattr(self, name), open_low=name == "learning_rate", high=1.0)
        if self.aim.needs_dropout and self.dropout == 0:
            name = type(self.aim).__name__
            raise InputError(f"dropout must be above 0 for {name}, which learns from nothing else; got 0: leave it out")
        for name, low in (("max_tokens", 4), ("patience", 1), ("threads", 1)):
            if getattr(self, name) is not None:
                checks.whole(name, getattr(self, name), low=low, high=_MOST_THREADS if name == "threads" else None)
        for dim in self.matryoshka:
            checks.whole("matryoshka", dim)
        object.__setattr__(self, "matryoshka", tuple(self.matryoshka))
        checks.flag("freeze_embeddings", self.freeze_embeddings)
        checks.choice("precision", self.precision, _PRECISIONS)
        checks.seed(self.seed)

    @property
    def rate(self) -> float:
        """The highest learning rate."""
        if self.learning_rate is not None:
            return self.learning_rate
        if self.aim.rate is not None:
            return self.aim.rate
        return 5e-4 if self.base is None or isinstance(self.base, SmallTransformer) else 2e-5

    @property
    def aim(self) -> Objective:
        """The objective as a value."""
        return self.objective if isinstance(self.objective, Objective) else OBJECTIVES[self.objective]()

    @renamed_parameters(start="init", evaluate="evaluator", into="out")
    def train(
        self,
        data: Any,
        *,
        init: Space | None = None,
        evaluator: str | Path | Task | None = None,
        out: PathLike | None = None,
        overwrite: bool = False,
        checkpoint: PathLike | None = None,
        checkpoint_minutes: float = 10.0,
        resume: bool = False,
        progress: bool = True,
    ) -> Encoder:
        """Train on data of the kind that the objective takes.

        Parameters
        ----------
        data
            Tuples, a DataFrame, a `Corpus`, or the path of a table; see the objective.
        init : Space, optional
            Of words, for a new transformer (`base` None or a `SmallTransformer`), which is their weighted average
            before it learns anything.
        evaluator : task, name or path, optional
            Judge the encoder by this, as `semspace.evaluate` takes it, rather than by examples held out of the data;
            then all data are learnt from.
        out : path, optional
            Where to save the encoder: a folder that sentence-transformers opens too, with a model card. When None, it
            lies in a temporary folder that goes when Python ends.
        overwrite : bool
            Replace an encoder that is there.
        checkpoint : path, optional
            Keep what is reached in this directory, every `checkpoint_minutes` and at the end. It stays until you
            delete it.
        checkpoint_minutes : float
        resume : bool
            Go on from the checkpoint, if there is one yet.
        progress : bool
            Show bars with loss and time left, in a terminal or a notebook.

        Returns
        -------
        Encoder
            Its ``history`` tells loss, speed and score, before the training and at each judgement.

        Raises
        ------
        InputError
            If nothing can be learnt from the data, the loss stops being a number, or the checkpoint doesn't fit.
        ExistsError
            If something is at `out`, or a checkpoint is there already and `resume` isn't given.
        """
        from semspace.training.checkpoint import PlaceOfCheckpoint
        from semspace.training.pipeline import run

        checks.need("torch", "transformers")
        if out is not None:
            check_free(out, overwrite=overwrite)
        PlaceOfCheckpoint(checkpoint, checkpoint_minutes, resume)  # before the data are read
        if init is not None and not isinstance(init, Space):
            raise InputError(f"init must be a Space of words; got {type(init).__name__}")
        task = None if evaluator is None else task_of(evaluator)
        if self.patience is not None and task is None and not self.held_out:
            raise InputError("patience needs judgements; give evaluator= a task, or hold out a share of the data")
        return run(
            self,
            data,
            init=init,
            task=task,
            out=out,
            overwrite=overwrite,
            checkpoint=checkpoint,
            minutes=checkpoint_minutes,
            resume=resume,
            progress=progress,
        )
