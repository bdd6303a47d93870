"""`semspace train encoder`: a sentence encoder from your own texts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from semspace import bundle, checks
from semspace.cli import options as o
from semspace.cli.output import show
from semspace.errors import InputError

if TYPE_CHECKING:
    from pathlib import Path

    from semspace.sentences.training_history import TrainingHistory
    from semspace.training import Objective

_OBJECTIVES = "pairs, scored, labels, simcse, cloze, adjacent, tsdae or distillation"
_OF_PAIRS = ("pairs", "scored")  # read from a table; the others from a corpus


def train_encoder(
    source: o.Input,
    out: o.Out,
    objective: Annotated[str, typer.Option(help=f"What is learnt: {_OBJECTIVES}.")] = "pairs",
    base: Annotated[
        str | None, typer.Option(help="The model to start from; a small new one, from nothing, if not given.")
    ] = None,
    epochs: Annotated[float, typer.Option(help="Passes over the data.")] = 1,
    batch_size: Annotated[int, typer.Option(help="Examples a step.")] = 32,
    learning_rate: Annotated[
        float | None, typer.Option(help="At its highest; 2e-5 for a model, 5e-4 from nothing, if not given.")
    ] = None,
    max_tokens: Annotated[int | None, typer.Option(help="Cut texts here while training.")] = None,
    matryoshka: Annotated[
        str | None, typer.Option(help="Train the first dimensions to do by themselves: 64,128.")
    ] = None,
    freeze_embeddings: Annotated[
        bool, typer.Option("--freeze-embeddings", help="Leave the token vectors as they are.")
    ] = False,
    hard_negatives: Annotated[
        int | None, typer.Option(help="For pairs: look for so many near texts that are no partners.")
    ] = None,
    label: Annotated[str | None, typer.Option(help="For labels: their column; label if not given.")] = None,
    teacher: Annotated[str | None, typer.Option(help="For distillation: the model whose vectors are learnt.")] = None,
    layers: Annotated[int | None, typer.Option(help="For distillation: how many of its layers to keep.")] = None,
    start: Annotated[
        str | None, typer.Option(help="From nothing: a saved space of words that the token vectors start from.")
    ] = None,
    held_out: Annotated[float, typer.Option(help="Share of the data to judge by.")] = 0.1,
    evaluate: Annotated[
        str | None, typer.Option(help="Judge by this file of rated sentences, or task, instead.")
    ] = None,
    evaluations: Annotated[int, typer.Option(help="Judgements an epoch.")] = 1,
    patience: Annotated[
        int | None, typer.Option(help="Stop after so many judgements without a better score, and give the best.")
    ] = None,
    threads: Annotated[int | None, typer.Option(help="All cores if not given.")] = None,
    seed: o.Seed = 1,
    checkpoint: o.Checkpoint = None,
    checkpoint_minutes: o.CheckpointMinutes = 10.0,
    resume: o.Resume = False,
    text: o.TextColumn = None,
    drop_empty: o.DropEmpty = False,
    encoding: o.Encoding = None,
    separator: o.Separator = None,
    header: o.Header = None,
    columns: o.Columns = None,
    documents: o.Documents = None,
    overwrite: o.Overwrite = False,
    as_json: o.Json = False,
) -> None:
    """Train a sentence encoder on pairs, scored pairs, labelled documents or texts alone, and save it.

    The folder opens in sentence-transformers too. Pairs are columns such as anchor and positive, scored ones
    sentence1, sentence2 and score.
    """
    from semspace.training.trainer import EncoderTrainer

    bundle.check_free(out, overwrite=overwrite)
    trainer = EncoderTrainer(
        objective=_objective(objective, hard_negatives, label, teacher, layers),
        base=base, epochs=epochs, batch_size=batch_size,
        learning_rate=learning_rate, max_tokens=max_tokens, matryoshka=_dims(matryoshka),
        freeze_embeddings=freeze_embeddings, held_out=held_out, evals_per_epoch=evaluations, patience=patience,
        threads=threads, seed=seed,
    )  # fmt: skip
    data: Any = source
    said = o.Texts(text, None, drop_empty, encoding, separator, header, columns, documents)
    if objective in _OF_PAIRS:
        o.refuse_with(f"--objective {objective}", **said.given)
    else:
        data = o.read_corpus(source, said)
    encoder = trainer.train(
        data, init=None if start is None else o.read_space(start),
        evaluator=evaluate, out=out, overwrite=overwrite, checkpoint=checkpoint,
        checkpoint_minutes=checkpoint_minutes, resume=resume,
    )  # fmt: skip
    if checkpoint is not None:
        bundle.discard(checkpoint)
    _tell(encoder.history, out, encoder.dim, best=patience is not None, as_json=as_json)  # type: ignore[attr-defined]


def _objective(
    name: str, hard_negatives: int | None, label: str | None, teacher: str | None, layers: int | None
) -> str | Objective:
    from semspace.training.objectives import OBJECTIVES, Distillation, MultipleNegatives, SupervisedContrastive

    checks.choice("--objective", name, OBJECTIVES)
    if name != "pairs":
        o.refuse_with(f"--objective {name}", hard_negatives=hard_negatives)
    if name != "labels":
        o.refuse_with(f"--objective {name}", label=label)
    if name == "distillation":
        if teacher is None:
            raise InputError("--objective distillation needs --teacher, the model whose vectors are learnt")
        return Distillation(teacher=teacher, layers=layers)
    o.refuse_with(f"--objective {name}", teacher=teacher, layers=layers)
    if name == "pairs":
        return MultipleNegatives(hard_negatives=hard_negatives or 0)
    return name if label is None else SupervisedContrastive(label=label)


def _dims(given: str | None) -> list[int]:
    """Read dimensions, written with commas between them."""
    return [] if given is None else [int(part) if part.strip().isdecimal() else part for part in given.split(",")]  # type: ignore[misc]


def _tell(history: TrainingHistory, out: Path, dim: int, *, best: bool, as_json: bool) -> None:
    """Print how a training went, and what it gained."""
    before, after = _scores(history, best=best)
    plain = {"out": str(out), "dim": dim, "task": history.task, "before": before, "after": after}
    gained = "nothing was held out to judge by"
    if before is not None and after is not None:
        gained = f"{history.task}: {before:.3f} before, {after:.3f} after"
    show(f"{history!r}\n{gained}\nsaved to {out}", {**plain, "history": history.to_frame().to_dicts()}, as_json)


def _scores(history: TrainingHistory, *, best: bool) -> tuple[float | None, float | None]:
    """Give the score before training, and that of the encoder which came of it."""
    scores = [row.score for row in history if row.score is not None]
    if not scores:
        return None, None
    return scores[0], max(scores) if best else scores[-1]
