"""`EncoderTrainer`: a frozen set of hyper-parameters with one verb, `train`."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from semspace import checks
from semspace.deprecation import renamed_parameters
from semspace.errors import InputError
from semspace.evaluation.task_reading import Task, task_of
from semspace.files import PathLike
from semspace.replacement import check_free
from semspace.sentences.encoder import Encoder
from semspace.space import Space
from semspace.training.from_scratch import SmallTransformer
from semspace.training.objectives import OBJECTIVES, Objective, as_objective

_MAX_THREADS = 1_024
_PRECISIONS = ("auto", "float32", "bfloat16")


@renamed_parameters(chunk_tokens="micro_batch_tokens", evaluations="evals_per_epoch")
@dataclass(frozen=True, kw_only=True)
class EncoderTrainer:
    """Trains a sentence encoder: from a model, or from nothing but text.

    Parameters
    ----------
    objective : str or Objective
        What to train for, and on which data. ``"pairs"``: texts that belong together (`MultipleNegatives`);
        ``"scored"``: pairs with a score (`CoSENT`); ``"labels"``: documents with a label (`SupervisedContrastive`);
        ``"simcse"``, ``"cloze"``, ``"tsdae"``: texts alone (`SimCSE`, `Cloze`, `TSDAE`); ``"adjacent"``: documents
        (`AdjacentSentences`); `Distillation`: texts and a teacher. The objectives in `semspace.training` have
        parameters of their own, such as the number of hard negatives, or a guide against false ones.
    base : optional
        The model to start from: as `Encoder.load` takes it, or such an encoder. When None, a small transformer whose
        tokenizer is trained on the texts (give a `SmallTransformer` to choose its size); for `Distillation`, the
        teacher.
    epochs : float
        Passes over the data.
    batch_size : int
        Examples of a step. Memory doesn't limit it: see `micro_batch_tokens`.
    learning_rate : float, optional
        The highest. When None, the objective's default, or else 2e-5 for a model, 1e-3 with `lora_rank`, and 5e-4 for a
        new transformer.
    warmup : float
        Share of the steps in which the learning rate rises linearly; after it, the rate falls linearly to zero.
    weight_decay : float
        Of AdamW, for matrices; the token embeddings have none.
    max_tokens : int, optional
        Truncate texts to this length in training, if the model could read more.
    matryoshka : sequence of int
        Also apply the loss to these numbers of leading dimensions (Kusupati et al. 2022, arXiv 2205.13147), so that
        vectors may be truncated to them.
    freeze_embeddings : bool
        Don't train the token embeddings.
    lora_rank : int, optional
        Train two small matrices of this rank beside each linear layer, instead of the weights themselves, and add
        their product to the saved weights (LoRA, Hu et al. 2022): for few examples, with a rank such as 16. Nothing
        else of the base is trained, token embeddings neither.
    dropout : float, optional
        Replaces the model's own. When None, `Distillation` uses 0, `SimCSE` 0.1, and the others the model's.
    precision : {"auto", "float32", "bfloat16"}
        For multiplying matrices. ``"auto"`` uses bfloat16 on a processor with instructions for it; weights are float32
        in any case.
    micro_batch_tokens : int
        Maximum number of tokens that go through the model together; larger batches are split (GradCache), with the
        same result.
    held_out : float
        Share of the examples that is used for evaluation only; 0 for none. At most 2,000 examples.
    evals_per_epoch : int
        Number of evaluations in an epoch.
    patience : int, optional
        Stop after this number of evaluations without a better score, and return the encoder with the best one.
    threads : int, optional
        All cores by default.
    seed : int

    Notes
    -----
    Texts go through the model without padding if its attention allows it, and Adam updates only the token embeddings
    of a batch's tokens. On short texts the two together take about half the time of sentence-transformers' trainer
    (docs/benchmarks.md).

    The same seed and number of threads give the same weights, also if the training was interrupted and resumed from its
    checkpoint.

    Examples
    --------
    >>> import semspace as ss
    >>> trainer = ss.EncoderTrainer(objective="pairs", base="all-MiniLM-L6-v2", epochs=2)
    >>> encoder = trainer.train("faq.csv", out="faq-encoder")  # doctest: +SKIP
    >>> encoder.history.plot()  # doctest: +SKIP
    """

    objective: str | Objective = "pairs"
    base: str | os.PathLike[str] | Encoder | SmallTransformer | None = None
    epochs: float = 1
    batch_size: int = 32
    learning_rate: float | None = None
    warmup: float = 0.1
    weight_decay: float = 0.01
    max_tokens: int | None = None
    matryoshka: Sequence[int] = ()
    freeze_embeddings: bool = False
    lora_rank: int | None = None
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
        checks.whole("batch_size", self.batch_size, low=2)  # a single example has no negatives
        for name in ("micro_batch_tokens", "evals_per_epoch"):
            checks.whole(name, getattr(self, name))
        checks.number("epochs", self.epochs, open_low=True)
        for name in ("warmup", "held_out"):
            checks.number(name, getattr(self, name), high=0.9)
        checks.number("weight_decay", self.weight_decay)
        for name in ("learning_rate", "dropout"):
            if getattr(self, name) is not None:
                checks.number(name, getattr(self, name), open_low=name == "learning_rate", high=1.0)
        objective = as_objective(self.objective)
        if objective.needs_dropout and self.dropout == 0:
            raise InputError(
                f"dropout must be above 0 for {type(objective).__name__}, which has no other noise to train on; got 0: "
                f"leave it out"
            )
        for name, low in (("max_tokens", 4), ("patience", 1), ("threads", 1), ("lora_rank", 1)):
            if getattr(self, name) is not None:
                checks.whole(name, getattr(self, name), low=low, high=_MAX_THREADS if name == "threads" else None)
        if self.lora_rank is not None and (self.base is None or isinstance(self.base, SmallTransformer)):
            raise InputError(
                f"lora_rank adapts a model; with objective {type(objective).__name__} and no base there is none yet "
                f"(got lora_rank {self.lora_rank}): name a model in base=, or leave lora_rank out"
            )
        for dim in self.matryoshka:
            checks.whole("matryoshka", dim)
        object.__setattr__(self, "matryoshka", tuple(self.matryoshka))
        checks.flag("freeze_embeddings", self.freeze_embeddings)
        checks.choice("precision", self.precision, _PRECISIONS)
        checks.seed(self.seed)

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
        """Train an encoder on data of the kind that the objective takes.

        Parameters
        ----------
        data
            Tuples, a DataFrame, a `Corpus`, or the path of a table; see the objective.
        init : Space, optional
            Word vectors for a new transformer (`base` None or a `SmallTransformer`), which then computes their weighted
            average before any training.
        evaluator : task, name or path, optional
            Evaluate the encoder on this, as `semspace.evaluate` takes it, rather than on examples held out of the data;
            all data are then used for training.
        out : path, optional
            Where to save the encoder: a folder that sentence-transformers opens too, with a model card. When None, it
            is written to a temporary folder, deleted at exit.
        overwrite : bool
            Replace an existing encoder.
        checkpoint : path, optional
            Save the state of the training in this directory, every `checkpoint_minutes` and at the end. It is never
            deleted automatically.
        checkpoint_minutes : float
        resume : bool
            Resume from the checkpoint, if there is one.
        progress : bool
            Show bars with loss and time left, in a terminal or a notebook.

        Returns
        -------
        Encoder
            Its ``history`` has loss, speed and score, before training and at each evaluation.

        Raises
        ------
        InputError
            If there is nothing to train on in the data, the loss becomes NaN, or the checkpoint doesn't fit.
        ExistsError
            If `out` exists, or there is a checkpoint already and `resume` isn't given.
        """
        from semspace.training.checkpoint import EncoderCheckpoint
        from semspace.training.pipeline import run_training

        checks.need("torch", "transformers")
        if out is not None:
            check_free(out, overwrite=overwrite)
        saved = EncoderCheckpoint(checkpoint, checkpoint_minutes, resume)
        if init is not None and not isinstance(init, Space):
            raise InputError(f"init must be a Space of word vectors; got {type(init).__name__}")
        task = None if evaluator is None else task_of(evaluator)
        if self.patience is not None and task is None and not self.held_out:
            raise InputError("patience needs evaluations; give evaluator= a task, or held_out= a share of the data")
        return run_training(
            self,
            data,
            init=init,
            task=task,
            out=out,
            overwrite=overwrite,
            checkpoint=saved,
            progress=progress,
        )
