"""A training from its data to the encoder: each step a function, in the order they are called."""

from __future__ import annotations

import json
import shutil
import tempfile
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from semspace.bundle import PathLike, digest
from semspace.errors import InputError
from semspace.evaluation.evaluate import Task
from semspace.sentences.encoder import Encoder
from semspace.sentences.training_history import TrainingHistory
from semspace.space import Space
from semspace.threads import torch_threads
from semspace.training import card, export, precision
from semspace.training.base_model import Base, called, opened
from semspace.training.checkpoint import EncoderCheckpoint
from semspace.training.examples import Examples
from semspace.training.from_scratch import SmallTransformer, grow
from semspace.training.holdout import split
from semspace.training.loop import Loop
from semspace.training.objectives.objective import Objective
from semspace.training.student import Student

if TYPE_CHECKING:
    from semspace.training.trainer import EncoderTrainer


def run(
    trainer: EncoderTrainer,
    data: Any,
    *,
    init: Space | None,
    task: Task | None,
    out: PathLike | None,
    overwrite: bool,
    checkpoint: PathLike | None,
    minutes: float,
    resume: bool,
    progress: bool,
) -> Encoder:
    """Train, save and open an encoder; see `EncoderTrainer.train`."""
    objective = trainer.aim
    everything = objective.sample(data, trainer.seed)
    objective.check(everything, trainer.batch_size)
    other = objective.instead(trainer, everything, out, overwrite, progress)
    if other is not None:
        return other
    with _torch(trainer.threads), tempfile.TemporaryDirectory() as scratch:
        base = _base(trainer, everything, init, Path(scratch))
        dim = int(base.model.config.hidden_size)
        _check_dims(trainer, dim)
        in_bfloat16 = precision.bfloat16(trainer.precision)
        identity = _identity(trainer, everything, base, task, "bfloat16" if in_bfloat16 else "float32")
        kept = EncoderCheckpoint(checkpoint, minutes, resume, identity)
        examples = objective.ready(everything, dim, progress)
        learnt, judging = (examples, task) if task is not None else split(objective, examples, trainer)
        objective.check(learnt, trainer.batch_size)
        if trainer.patience is not None and judging is None:
            raise InputError(
                "patience needs judgements, and there is nothing to judge by; give evaluator= a task, or hold out more"
            )
        student = Student(
            base.model,
            base.layout,
            max_tokens=trainer.max_tokens,
            freeze_embeddings=trainer.freeze_embeddings,
            dropout=_dropout(trainer),
            bfloat16=in_bfloat16,
        )
        loop = Loop(trainer, objective, student, learnt, judging, kept, progress)
        history = TrainingHistory(loop.run())
        facts = _facts(trainer, objective, base, everything, learnt, student, history)
        place = Path(tempfile.mkdtemp(prefix="semspace-encoder-")) / "encoder" if out is None else out
        export.write(student, place, facts, card.write(facts, history), overwrite=overwrite)
    encoder = Encoder.load(place)
    if out is None:
        weakref.finalize(encoder, shutil.rmtree, Path(place).parent, ignore_errors=True)
    return encoder


@contextmanager
def _torch(threads: int | None) -> Iterator[None]:
    """Have torch use so many threads, and leave its settings and random numbers as they were."""
    import torch

    with torch_threads(threads), torch.random.fork_rng():
        yield


def _base(trainer: EncoderTrainer, examples: Examples, init: Space | None, scratch: Path) -> Base:
    if init is None and (made := trainer.aim.base(trainer.base, examples)) is not None:
        return made
    if trainer.base is None or isinstance(trainer.base, SmallTransformer):
        sizes = trainer.base or SmallTransformer()
        layout, model = grow(sizes, examples.texts, init, trainer.seed, scratch)
        return Base(layout, model, "nothing" if init is None else "word vectors")
    if init is not None:
        raise InputError("init= is for a new transformer; with a base, its own token vectors are where training starts")
    return opened(trainer.base)


def _check_dims(trainer: EncoderTrainer, dim: int) -> None:
    above = [one for one in trainer.matryoshka if one > dim]
    if above:
        raise InputError(f"matryoshka has {above[0]} dimensions, and the encoder gives {dim}; leave it out")


def _dropout(trainer: EncoderTrainer) -> float | None:
    return trainer.aim.dropout if trainer.dropout is None else trainer.dropout


def _plain(trainer: EncoderTrainer) -> dict[str, Any]:
    """Give the hyper-parameters as plain values."""
    objective = trainer.aim
    base = trainer.base
    facts = {name: getattr(trainer, name) for name in trainer.__dataclass_fields__}
    facts["objective"] = {"name": type(objective).__name__, **objective.plain()}
    if isinstance(base, SmallTransformer):
        facts["base"] = asdict(base)
    elif base is not None:
        facts["base"] = called(base.name if isinstance(base, Encoder) else str(base))
    facts["learning_rate"], facts["dropout"] = trainer.rate, _dropout(trainer)
    return facts


def _identity(
    trainer: EncoderTrainer, examples: Examples, base: Base, task: Task | None, measured: str
) -> dict[str, Any]:
    """Name what must be the same for a training to go on: the parameters, the data, the start, what judges it."""
    import torch

    facts = {**_plain(trainer), "threads": torch.get_num_threads(), "data": fingerprint(examples)}
    facts["start"] = base.layout.fingerprint[:16]
    facts["precision"] = measured  # "auto" may come out otherwise at another time
    facts["evaluate"] = None if task is None else task.name
    return json.loads(json.dumps(facts, default=str))  # type: ignore[no-any-return]


def fingerprint(examples: Examples) -> str:
    """Give the beginning of the SHA-256 of examples."""
    targets = b"" if examples.targets is None else np.ascontiguousarray(examples.targets).tobytes()
    return digest("\0".join(examples.texts).encode(), examples.rows.tobytes(), targets)[:16]


def _facts(
    trainer: EncoderTrainer,
    objective: Objective,
    base: Base,
    everything: Examples,
    learnt: Examples,
    student: Student,
    history: TrainingHistory,
) -> dict[str, Any]:
    """Give what is known of a training, for the card and for whoever opens the folder."""
    return {
        "made_by": "semspace",
        "trainer": _plain(trainer),
        "objective": type(objective).__name__,
        "base": base.name,
        "data": {
            "kind": objective.title,
            "learnt": len(learnt),
            "held_out": len(everything) - len(learnt),
            "texts": len(everything.texts),
            "fingerprint": fingerprint(everything),
        },
        "model": {
            "dim": student.dim,
            "layers": int(student.model.config.num_hidden_layers),
            "max_tokens": student.layout.max_tokens,
            "pooling": student.layout.pooling,
        },
        "history": history.plain(),
    }
