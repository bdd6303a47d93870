"""The loop: batch after batch through the student, judged in between, kept on the disk, gone on from."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from time import perf_counter
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from semspace.display import clip
from semspace.errors import InputError
from semspace.evaluation.evaluate import Task
from semspace.progress import Bar, bar
from semspace.sentences.training_history import Reach
from semspace.training.checkpoint import EncoderCheckpoint, copied
from semspace.training.examples import MISSING, Examples
from semspace.training.grad_cache import backward
from semspace.training.hard_negatives import mine
from semspace.training.objectives.multiple_negatives import MultipleNegatives
from semspace.training.objectives.objective import Batch, Objective
from semspace.training.student import Student

if TYPE_CHECKING:
    from semspace.training.trainer import EncoderTrainer

Arrays = npt.NDArray[Any]
_BETAS, _EPS = (0.9, 0.999), 1e-8
_LONGEST_SLOPE = 1.0  # a longer gradient is scaled down to this length


@dataclass
class Progress:
    """How far a training is; all of it is in a checkpoint.

    Parameters
    ----------
    step : int
        Batches done.
    loss, batches, texts, seconds : float, int, int, float
        Sum of losses, and what was done, since the last row of the history.
    best : float, optional
        The best score so far.
    since : int
        Judgements since then.
    rows : list of Reach
    """

    step: int = 0
    loss: float = 0.0
    batches: int = 0
    texts: int = 0
    seconds: float = 0.0
    best: float | None = None
    since: int = 0
    rows: list[Reach] = field(default_factory=list)


class Loop:
    """A training at work.

    Parameters
    ----------
    trainer : EncoderTrainer
    objective : Objective
    student : Student
    examples : Examples
    task : Task, optional
        What the student is judged on.
    checkpoint : EncoderCheckpoint
    shown : bool
        Whether to show a bar.
    """

    def __init__(
        self,
        trainer: EncoderTrainer,
        objective: Objective,
        student: Student,
        examples: Examples,
        task: Task | None,
        checkpoint: EncoderCheckpoint,
        shown: bool,
    ) -> None:
        import torch

        self.trainer, self.objective, self.student = trainer, objective, student
        self.examples, self.task = examples, task
        self.checkpoint, self.shown, self.progress = checkpoint, shown, Progress()
        torch.manual_seed(trainer.seed)
        self.extra = objective.helper(student)
        self.optimizer = torch.optim.AdamW(
            _groups([student.model, *([] if self.extra is None else [self.extra])], trainer.weight_decay),
            lr=0.0,
            betas=_BETAS,
            eps=_EPS,
            fused=True,
        )
        self.per_epoch = len(self._batches(0))
        self.negatives: npt.NDArray[np.int32] | None = None
        self.best: dict[str, Arrays] | None = None

    @property
    def total(self) -> int:
        """Batches of the whole training."""
        return max(1, round(self.per_epoch * self.trainer.epochs))

    def run(self) -> tuple[Reach, ...]:
        """Train, and give the history; the student holds the result."""
        self.checkpoint.restore(self)
        if not self.progress.rows:
            self._judge()
        every = max(1, round(self.per_epoch / self.trainer.evals_per_epoch))
        with bar("training", self.total, unit="batch", progress=self.shown) as shown:
            shown.update(self.progress.step)
            for step, which in self._remaining():
                self._step(step, which, shown)
                if (step + 1) % every == 0 or step + 1 == self.total:
                    self._judge()
                    if self._stale:
                        break
                if self.checkpoint.due():
                    self.checkpoint.keep(self)
        if self.best is not None:
            self._put_back(self.best)
        self.checkpoint.keep(self)
        return tuple(self.progress.rows)

    @property
    def _stale(self) -> bool:
        return self.trainer.patience is not None and self.progress.since >= self.trainer.patience

    # -- batches --------------------------------------------------------------------------------------------

    def _remaining(self) -> Iterator[tuple[int, npt.NDArray[np.int64]]]:
        step = self.progress.step
        while step < self.total and not self._stale:
            epoch, place = divmod(step, self.per_epoch)
            if place == 0 or self.negatives is None:
                self._mine(anew=place == 0)
            for which in self._batches(epoch)[place : place + self.total - step]:
                yield step, which
                step += 1

    def _batches(self, epoch: int) -> list[npt.NDArray[np.int64]]:
        draw = np.random.default_rng([self.trainer.seed, 1, epoch])
        return self.objective.batches(self.examples, self.trainer.batch_size, draw)

    def _mine(self, *, anew: bool) -> None:
        """Find the hard negatives that the objective wants, at first or before each epoch."""
        objective = self.objective
        if not isinstance(objective, MultipleNegatives) or not objective.hard_negatives:
            return
        if self.negatives is None or (anew and objective.refresh):
            self.negatives = mine(
                self.examples,
                self.student.encode_cut,
                each=objective.hard_negatives,
                margin=objective.margin,
                progress=self.shown,
            )

    def _batch(self, which: npt.NDArray[np.int64], step: int) -> Batch:
        examples = self.examples.take(which)
        if self.negatives is not None:
            examples = replace(examples, rows=np.hstack([examples.rows, self.negatives[which]]))
        texts = [examples.texts[i] for i in examples.rows[examples.rows != MISSING]]
        tokens = self.student.rows(self.student.tokenizer.read(texts))
        altered = self.objective.altered(tokens, np.random.default_rng([self.trainer.seed, 2, step]))
        return Batch(examples, altered, () if altered is tokens else tokens)

    # -- steps ----------------------------------------------------------------------------------------------

    def _step(self, step: int, which: npt.NDArray[np.int64], shown: Bar) -> None:
        import torch

        begun = perf_counter()
        batch = self._batch(which, step)
        torch.manual_seed(int(np.random.default_rng([self.trainer.seed, 3, step]).integers(1 << 62)))
        self.student.model.train()
        self.student.table.take(np.concatenate([*batch.tokens, *batch.whole]))
        loss = backward(self.student, batch, self._loss(batch), self.trainer.micro_batch_tokens)
        slopes = [*self.student.weights, *self.student.table.parameters]
        if self.extra is not None:
            slopes += list(self.extra.parameters())
        length = float(torch.nn.utils.clip_grad_norm_(slopes, _LONGEST_SLOPE))
        if not (math.isfinite(loss) and math.isfinite(length)):  # the weights are still those of the batch before
            self._give_up(step, batch, "gradient" if math.isfinite(loss) else "loss")
        rate = self._rate(step)
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        self.optimizer.step()
        self.student.table.step(rate, _BETAS, _EPS)
        self.optimizer.zero_grad()
        done = self.progress
        done.step, done.loss, done.batches = step + 1, done.loss + loss, done.batches + 1
        done.texts, done.seconds = done.texts + len(batch.tokens), done.seconds + perf_counter() - begun
        shown.set_postfix_str(f"loss {done.loss / done.batches:.4f}", refresh=False)
        shown.update(1)

    def _loss(self, batch: Batch) -> Callable[[Any], Any]:
        """Give the loss of vectors: the mean over the leading dimensions that are to do by themselves, and all."""
        dims = [self.student.dim, *(dim for dim in self.trainer.matryoshka if dim < self.student.dim)]

        def loss(vectors: Any) -> Any:
            return sum(self.objective.loss(vectors[:, :dim], batch, self.extra) for dim in dims) / len(dims)

        return loss

    def _rate(self, step: int) -> float:
        """Give the learning rate: up in a straight line, then down to nothing in another."""
        warm = round(self.total * self.trainer.warmup)
        rate = self.trainer.rate
        if step < warm:
            return rate * (step + 1) / warm
        return rate * (self.total - step) / max(1, self.total - warm)

    def _give_up(self, step: int, batch: Batch, what: str) -> None:
        epoch, place = divmod(step, self.per_epoch)
        first = batch.examples.texts[int(batch.examples.rows[0, 0])]
        where = f"in batch {place + 1} of epoch {epoch + 1} (its first text: {clip(first, 40)})"
        self.checkpoint.keep(self)
        kept = f"; what was reached before lies at {self.checkpoint.path}" if self.checkpoint.wanted else ""
        raise InputError(
            f"the {what} isn't a number any more {where}{kept}; train anew with a smaller learning_rate than "
            f"{self.trainer.rate:g}, and see whether that text is sound"
        )

    # -- judging --------------------------------------------------------------------------------------------

    def _judge(self) -> None:
        """Score the student as it is, and close a row of the history."""
        done = self.progress
        score = None if self.task is None else self.task.score(self.student)
        done.rows.append(
            Reach(
                done.step / self.per_epoch,
                done.step,
                done.loss / done.batches if done.batches else None,
                done.seconds,
                done.texts,
                None if score is None else score.value,
                "" if score is None else f"{score.task} ({score.metric})",
            )
        )
        done.loss, done.batches, done.texts, done.seconds = 0.0, 0, 0, 0.0
        if score is not None and self.trainer.patience is not None:
            if done.best is None or score.value > done.best:
                done.best, done.since = score.value, 0
                self.best = self._copy()
            else:
                done.since += 1

    # -- what a checkpoint keeps ----------------------------------------------------------------------------

    def _learnt(self) -> dict[str, Any]:
        """Give all weights that training changes, by name, as tensors."""
        found = {name: value for name, value in self.student.model.named_parameters() if value.requires_grad}
        if not self.student.table.frozen:
            found["token table"] = self.student.table.weight
        if self.extra is not None:
            found.update({f"extra {name}": value for name, value in self.extra.named_parameters()})
        return {name: value.detach() for name, value in found.items()}

    def _copy(self) -> dict[str, Arrays]:
        return {name: value.cpu().numpy().copy() for name, value in self._learnt().items()}

    def _put_back(self, weights: Mapping[str, Arrays]) -> None:
        import torch

        for name, value in self._learnt().items():
            value.copy_(torch.from_numpy(weights[name]))

    def state(self) -> dict[str, Arrays]:
        """Give all that a training needs to go on, as arrays."""
        table = self.student.table
        found = {f"weight {name}": value.cpu().numpy() for name, value in self._learnt().items()}
        found |= {f"best {name}": value for name, value in (self.best or {}).items()}
        found |= {f"table {name}": getattr(table, name).cpu().numpy() for name in ("mean", "square", "count")}
        if self.negatives is not None:
            found["negatives"] = self.negatives
        for number, moments in self.optimizer.state_dict()["state"].items():
            found |= {f"moment {number} {name}": value.cpu().numpy() for name, value in moments.items()}
        return found

    def put(self, state: Mapping[str, Arrays]) -> None:
        """Go back to a state."""
        import torch

        self._put_back(copied(state, "weight "))
        self.best = copied(state, "best ") or None
        self.negatives = state.get("negatives")
        for name in ("mean", "square", "count"):
            getattr(self.student.table, name).copy_(torch.from_numpy(state[f"table {name}"]))
        moments: dict[int, dict[str, Any]] = {}
        for key, value in copied(state, "moment ").items():
            number, _, name = key.partition(" ")
            moments.setdefault(int(number), {})[name] = torch.from_numpy(value)
        self.optimizer.load_state_dict({**self.optimizer.state_dict(), "state": moments})


def _groups(modules: list[Any], decay: float) -> list[dict[str, Any]]:
    """Keep norms and biases from decaying, as is usual."""
    weights = [one for module in modules for one in module.parameters() if one.requires_grad]
    return [
        {"params": [one for one in weights if one.ndim > 1], "weight_decay": decay},
        {"params": [one for one in weights if one.ndim <= 1], "weight_decay": 0.0},
    ]
