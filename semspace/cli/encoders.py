"""`semspace train encoder`: a sentence encoder from your own texts."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Any

import typer

from semspace.cli import inputs, streams
from semspace.cli import options as o
from semspace.cli.output import check_folder, show
from semspace.cli.text_options import TextOptions
from semspace.errors import InputError

if TYPE_CHECKING:
    from pathlib import Path

    from semspace.sentences.training_history import TrainingHistory
    from semspace.training import Objective

_OBJECTIVES = "pairs, scored, labels, simcse, cloze, adjacent, tsdae or distillation"
_FROM_TABLE = ("pairs", "scored")  # read from a table; the others from a corpus


def train_encoder(
    source: o.Input,
    out: o.Out,
    objective: Annotated[str, typer.Option(help=f"What is learnt: {_OBJECTIVES}.")] = "pairs",
    base: Annotated[
        str | None, typer.Option(help="The model to start from (default: a small new one, trained from scratch).")
    ] = None,
    epochs: Annotated[float, typer.Option(help="Passes over the data.")] = 1,
    batch_size: Annotated[int, typer.Option(help="Examples in each step.")] = 32,
    learning_rate: Annotated[
        float | None, typer.Option(help="Highest learning rate (default: 2e-5; with LoRA, 1e-3; from scratch, 5e-4).")
    ] = None,
    max_tokens: Annotated[int | None, typer.Option(help="Truncate texts to this length while training.")] = None,
    matryoshka: Annotated[
        str | None, typer.Option(help="Also apply the loss to these leading dimensions: 64,128.")
    ] = None,
    freeze_embeddings: Annotated[
        bool, typer.Option("--freeze-embeddings", help="Don't train the token embeddings.")
    ] = False,
    lora_rank: Annotated[
        int | None, typer.Option(help="For few examples: train matrices of this rank beside the weights (LoRA).")
    ] = None,
    hard_negatives: Annotated[
        int | None, typer.Option(help="For pairs: number of similar non-partners to mine for each text.")
    ] = None,
    guide: Annotated[
        str | None, typer.Option(help="For pairs: an encoder that tells which negatives are likely partners.")
    ] = None,
    label: Annotated[str | None, typer.Option(help="For labels: their column (default: label).")] = None,
    teacher: Annotated[str | None, typer.Option(help="For distillation: the model to imitate.")] = None,
    layers: Annotated[int | None, typer.Option(help="For distillation: number of its layers to keep.")] = None,
    init: Annotated[
        str | None, typer.Option(help="From scratch: a saved space of words to initialise token embeddings from.")
    ] = None,
    held_out: Annotated[float, typer.Option(help="Share of the data to hold out for evaluation.")] = 0.1,
    evaluator: Annotated[
        str | None, typer.Option(help="Evaluate on this task, or file of rated sentences, instead.")
    ] = None,
    evals_per_epoch: Annotated[int, typer.Option(help="Evaluations in each epoch.")] = 1,
    patience: Annotated[
        int | None,
        typer.Option(help="Stop after this many evaluations without a better score, and keep the best encoder."),
    ] = None,
    threads: o.Threads = None,
    seed: o.Seed = 0,
    checkpoint: o.Checkpoint = None,
    checkpoint_minutes: o.CheckpointMinutes = 10.0,
    resume: o.Resume = False,
    *,
    texts: TextOptions,
    overwrite: o.Overwrite = False,
    as_json: o.Json = False,
) -> None:
    """Train a sentence encoder on pairs, rated pairs, labelled documents or plain texts, and save it.

    The folder also opens in sentence-transformers. Pairs are columns such as anchor and positive; rated pairs are
    sentence1, sentence2 and score.
    """
    from semspace import replacement
    from semspace.training.trainer import EncoderTrainer

    check_folder(out, overwrite=overwrite)
    trainer = EncoderTrainer(
        objective=_objective(objective, hard_negatives, guide, label, teacher, layers),
        base=base, epochs=epochs, batch_size=batch_size,
        learning_rate=learning_rate, max_tokens=max_tokens, matryoshka=_dims(matryoshka),
        freeze_embeddings=freeze_embeddings, lora_rank=lora_rank, held_out=held_out, evals_per_epoch=evals_per_epoch,
        patience=patience, threads=threads, seed=seed,
    )  # fmt: skip
    with _data(source, objective, texts) as data:
        encoder = trainer.train(
            data, init=None if init is None else inputs.read_space(init),
            evaluator=evaluator, out=out, overwrite=overwrite, checkpoint=checkpoint,
            checkpoint_minutes=checkpoint_minutes, resume=resume,
        )  # fmt: skip
    if checkpoint is not None:
        replacement.delete_bundle(checkpoint)
    _show(encoder.history, out, encoder.dim, best=patience is not None, as_json=as_json)  # type: ignore[attr-defined]


@contextmanager
def _data(source: str, objective: str, texts: TextOptions) -> Iterator[Any]:
    """Return what an objective reads: a corpus, or the path of a table, which may come from standard input."""
    if objective not in _FROM_TABLE:
        yield inputs.read_corpus(source, texts)
        return
    is_stream = streams.is_stream(source)
    inputs.refuse_with(f"--objective {objective}", **{**texts.given, **({"format": None} if is_stream else {})})
    if not is_stream:
        yield source
        return
    with streams.standard_input(inputs.format_of(texts), otherwise="csv") as path:
        yield path


def _objective(
    name: str,
    hard_negatives: int | None,
    guide: str | None,
    label: str | None,
    teacher: str | None,
    layers: int | None,
) -> str | Objective:
    from semspace import checks
    from semspace.training.objectives import OBJECTIVES, Distillation, MultipleNegatives, SupervisedContrastive

    checks.choice("--objective", name, OBJECTIVES)
    if name != "pairs":
        inputs.refuse_with(f"--objective {name}", hard_negatives=hard_negatives, guide=guide)
    if name != "labels":
        inputs.refuse_with(f"--objective {name}", label=label)
    if name == "distillation":
        if teacher is None:
            raise InputError("--objective distillation needs --teacher, the model to imitate")
        return Distillation(teacher=teacher, layers=layers)
    inputs.refuse_with(f"--objective {name}", teacher=teacher, layers=layers)
    if name == "pairs":
        return MultipleNegatives(hard_negatives=hard_negatives or 0, guide=guide)
    return name if label is None else SupervisedContrastive(label=label)


def _dims(text: str | None) -> list[int]:
    """Split a list of dimensions at its commas."""
    return [] if text is None else [int(part) if part.strip().isdecimal() else part for part in text.split(",")]  # type: ignore[misc]


def _show(history: TrainingHistory, out: Path, dim: int, *, best: bool, as_json: bool) -> None:
    """Print the course of a training and the scores before and after it."""
    before, after = _scores(history, best=best)
    plain = {"out": str(out), "dim": dim, "task": history.task, "before": before, "after": after}
    gained = "no score: no data were held out for evaluation"
    if before is not None and after is not None:
        gained = f"{history.task}: {before:.3f} before, {after:.3f} after"
    show(f"{history!r}\n{gained}\nsaved to {out}", {**plain, "history": history.to_frame().to_dicts()}, as_json)


def _scores(history: TrainingHistory, *, best: bool) -> tuple[float | None, float | None]:
    """Return the score before training and that of the trained encoder."""
    scores = [row.score for row in history if row.score is not None]
    if not scores:
        return None, None
    return scores[0], max(scores) if best else scores[-1]
