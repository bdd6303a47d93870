"""A training from its data to the saved encoder: each step a function, in the order of the calls."""

from __future__ import annotations

import json
import shutil
import tempfile
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from semspace import checks
from semspace.errors import InputError
from semspace.evaluation.task_reading import Task
from semspace.files import PathLike, digest
from semspace.sentences.encoder import Encoder
from semspace.sentences.load import load_encoder
from semspace.sentences.training_history import TrainingHistory
from semspace.space import Space
from semspace.threads import torch_threads
from semspace.training.base_model import InitialModel, display_name, open_model
from semspace.training.card import render_card
from semspace.training.checkpoint import EncoderCheckpoint
from semspace.training.examples import Examples
from semspace.training.export import save_student
from semspace.training.from_scratch import SmallTransformer, create_transformer
from semspace.training.holdout import hold_out
from semspace.training.loop import TrainingLoop
from semspace.training.objectives import as_objective
from semspace.training.objectives.objective import Objective
from semspace.training.precision import use_bfloat16
from semspace.training.student import Student

if TYPE_CHECKING:
    from semspace.training.trainer import EncoderTrainer

# The highest learning rate by default: of a given model, of the matrices of LoRA, and of a new transformer.
_MODEL_RATE, _LORA_RATE, _NEW_RATE = 2e-5, 1e-3, 5e-4


def run_training(
    trainer: EncoderTrainer,
    data: Any,
    *,
    init: Space | None,
    task: Task | None,
    out: PathLike | None,
    overwrite: bool,
    checkpoint: EncoderCheckpoint,
    progress: bool,
) -> Encoder:
    """Train, save and open an encoder; see `EncoderTrainer.train`."""
    objective = as_objective(trainer.objective)
    all_examples = objective.read(data, trainer.seed)
    objective.check_size(all_examples, trainer.batch_size)
    with _torch_settings(trainer.threads, trainer.seed), tempfile.TemporaryDirectory() as scratch:
        base = _initial_model(trainer, objective, all_examples, init, Path(scratch))
        dim = int(base.model.config.hidden_size)
        _check_matryoshka(trainer, dim)
        if trainer.lora_rank is not None:
            checks.whole("lora_rank", trainer.lora_rank, high=dim)  # of a greater rank no matrix is
        parameters = _parameters(trainer, objective)
        bfloat16 = use_bfloat16(trainer.precision)
        checkpoint.bind(_identity(parameters, all_examples, base, task, bfloat16))
        examples = objective.precompute(all_examples, dim, progress)
        if task is None:
            examples, task = hold_out(objective, examples, trainer.held_out, trainer.seed)
        objective.check_size(examples, trainer.batch_size)
        if trainer.patience is not None and task is None:
            raise InputError(
                "patience needs evaluations, but the held-out examples are too few for one; give evaluator= a task, or "
                "a larger held_out"
            )
        student = Student(
            base.model,
            base.layout,
            max_tokens=trainer.max_tokens,
            freeze_embeddings=trainer.freeze_embeddings or trainer.lora_rank is not None,
            lora_rank=trainer.lora_rank,
            dropout=parameters["dropout"],
            bfloat16=bfloat16,
        )
        rate = parameters["learning_rate"]
        loop = TrainingLoop(
            trainer, objective, student, examples, task, checkpoint, learning_rate=rate, show_bar=progress
        )
        history = TrainingHistory(loop.run())
        facts = _facts(parameters, objective, base, all_examples, examples, student, history)
        path = Path(tempfile.mkdtemp(prefix="semspace-encoder-")) / "encoder" if out is None else out
        save_student(student, path, facts, render_card(facts, history), overwrite=overwrite)
    encoder = load_encoder(path)
    if out is None:
        weakref.finalize(encoder, shutil.rmtree, Path(path).parent, ignore_errors=True)
    return encoder


@contextmanager
def _torch_settings(threads: int | None, seed: int) -> Iterator[None]:
    """Set torch's number of threads and seed, and restore them afterwards."""
    import torch

    with torch_threads(threads), torch.random.fork_rng():
        torch.manual_seed(seed)  # what a student draws (LoRA) mustn't depend on what was drawn in this process before
        yield


def _initial_model(
    trainer: EncoderTrainer, objective: Objective, examples: Examples, init: Space | None, folder: Path
) -> InitialModel:
    if init is None and (model := objective.initial_model(trainer.base, examples)) is not None:
        return model
    if trainer.base is None or isinstance(trainer.base, SmallTransformer):
        sizes = trainer.base or SmallTransformer()
        layout, torch_model = create_transformer(sizes, examples.texts, init, trainer.seed, folder)
        return InitialModel(layout, torch_model, "nothing" if init is None else "word vectors")
    if init is not None:
        raise InputError(
            "init= is for a new transformer; a base has token embeddings of its own: leave out one of them"
        )
    return open_model(trainer.base)


def _check_matryoshka(trainer: EncoderTrainer, dim: int) -> None:
    too_large = [leading for leading in trainer.matryoshka if leading > dim]
    if too_large:
        raise InputError(
            f"matryoshka must have numbers of dimensions up to {dim}, those of the encoder; got {too_large[0]}: leave "
            f"it out"
        )


def _parameters(trainer: EncoderTrainer, objective: Objective) -> dict[str, Any]:
    """Return the hyper-parameters as plain values, with the defaults of the objective and of the base filled in."""
    base = trainer.base
    parameters = {field.name: getattr(trainer, field.name) for field in fields(trainer)}
    parameters["objective"] = {"name": type(objective).__name__, **objective.to_dict()}
    if isinstance(base, SmallTransformer):
        parameters["base"] = asdict(base)
    elif base is not None:
        parameters["base"] = display_name(base.name if isinstance(base, Encoder) else str(base))
    if trainer.learning_rate is None:
        parameters["learning_rate"] = _default_rate(trainer, objective)
    if trainer.dropout is None:
        parameters["dropout"] = objective.dropout
    return parameters


def _default_rate(trainer: EncoderTrainer, objective: Objective) -> float:
    if trainer.lora_rank is not None:
        return _LORA_RATE
    is_new = trainer.base is None or isinstance(trainer.base, SmallTransformer)
    return objective.learning_rate or (_NEW_RATE if is_new else _MODEL_RATE)


def _identity(
    parameters: dict[str, Any], examples: Examples, base: InitialModel, task: Task | None, bfloat16: bool
) -> dict[str, Any]:
    """Return what must be the same for a training to be resumed: parameters, data, initial model and task."""
    import torch

    facts = {**parameters, "threads": torch.get_num_threads(), "data": fingerprint(examples)}
    facts["start"] = base.layout.fingerprint[:16]
    facts["precision"] = "bfloat16" if bfloat16 else "float32"  # "auto" may choose otherwise at another time
    facts["evaluator"] = None if task is None else task.name
    return json.loads(json.dumps(facts, default=str))  # type: ignore[no-any-return]


def fingerprint(examples: Examples) -> str:
    """Return the first 16 digits of the SHA-256 of examples."""
    targets = b"" if examples.targets is None else np.ascontiguousarray(examples.targets).tobytes()
    return digest("\0".join(examples.texts).encode(), examples.rows.tobytes(), targets)[:16]


def _facts(
    parameters: dict[str, Any],
    objective: Objective,
    base: InitialModel,
    all_examples: Examples,
    examples: Examples,
    student: Student,
    history: TrainingHistory,
) -> dict[str, Any]:
    """Return the contents of `training.json`, from which the model card is written too."""
    return {
        "made_by": "semspace",
        "trainer": parameters,
        "objective": type(objective).__name__,
        "base": base.name,
        "data": {
            "kind": objective.title,
            "learnt": len(examples),
            "held_out": len(all_examples) - len(examples),
            "texts": len(all_examples.texts),
            "fingerprint": fingerprint(all_examples),
        },
        "model": {
            "dim": student.dim,
            "layers": int(student.model.config.num_hidden_layers),
            "max_tokens": student.layout.max_tokens,
            "pooling": student.layout.pooling,
        },
        "history": history.plain(),
    }
