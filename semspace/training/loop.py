"""The training loop: batches, optimizer steps, evaluations, and what a checkpoint saves."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from time import perf_counter
from typing import TYPE_CHECKING, Any

import numpy as np

from semspace import schema
from semspace.checkpoint import check_shape
from semspace.display import clip
from semspace.errors import InputError
from semspace.evaluation.task_reading import Task
from semspace.progress import Bar, bar
from semspace.sentences.training_history import HistoryRow
from semspace.training.checkpoint import EncoderCheckpoint, with_prefix
from semspace.training.examples import MISSING, Examples
from semspace.training.grad_cache import backward
from semspace.training.objectives.objective import Batch, Objective
from semspace.training.progress import TrainingProgress
from semspace.training.student import Student
from semspace.types import ArrayXd, Int32s2d, Ints1d

if TYPE_CHECKING:
    from semspace.training.trainer import EncoderTrainer

_ADAM_BETAS, _ADAM_EPS = (0.9, 0.999), 1e-8
MAX_GRAD_NORM = 1.0  # Euclidean norm of all gradients together; they are scaled down to it
# Streams of random numbers, each drawn from the seed and the number of the epoch or step.
_BATCHES_STREAM, _CORRUPTION_STREAM, _TORCH_STREAM = 1, 2, 3


class TrainingLoop:
    """A training in progress.

    Parameters
    ----------
    trainer : EncoderTrainer
    objective : Objective
    student : Student
    examples : Examples
    task : Task, optional
        On which the student is evaluated.
    checkpoint : EncoderCheckpoint
    learning_rate : float
        The highest.
    show_bar : bool
    """

    def __init__(
        self,
        trainer: EncoderTrainer,
        objective: Objective,
        student: Student,
        examples: Examples,
        task: Task | None,
        checkpoint: EncoderCheckpoint,
        *,
        learning_rate: float,
        show_bar: bool,
    ) -> None:
        import torch

        self.trainer, self.objective, self.student = trainer, objective, student
        self.examples, self.task, self.checkpoint = examples, task, checkpoint
        self.learning_rate, self.show_bar = learning_rate, show_bar
        self.progress = TrainingProgress()
        torch.manual_seed(trainer.seed)
        self.aux_module = objective.aux_module(student)
        modules = [student.model, *([] if self.aux_module is None else [self.aux_module])]
        self.optimizer = torch.optim.AdamW(
            _parameter_groups(modules, trainer.weight_decay), lr=0.0, betas=_ADAM_BETAS, eps=_ADAM_EPS, fused=True
        )
        self.batches_per_epoch = len(self._batches(0))
        self.mined_rows: Int32s2d | None = None
        self.best_weights: dict[str, ArrayXd] | None = None

    @property
    def n_steps(self) -> int:
        """Batches of the whole training."""
        return max(1, round(self.batches_per_epoch * self.trainer.epochs))

    def run(self) -> tuple[HistoryRow, ...]:
        """Train the student, and return the history."""
        self.checkpoint.restore(self._set_state)
        if not self.progress.rows:
            self._evaluate()
        eval_steps = max(1, round(self.batches_per_epoch / self.trainer.evals_per_epoch))
        with bar("training", self.n_steps, unit="batch", progress=self.show_bar) as shown:
            shown.update(self.progress.step)
            for step, indices in self._remaining_batches():
                self._step(step, indices, shown)
                if (step + 1) % eval_steps == 0 or step + 1 == self.n_steps:
                    self._evaluate()
                    if self._out_of_patience:
                        break
                if self.checkpoint.due():
                    self.checkpoint.save(self._state(), self.progress)
        if self.best_weights is not None:
            self._set_weights(self.best_weights)
        if self.checkpoint.wanted:
            self.checkpoint.save(self._state(), self.progress)
        return tuple(self.progress.rows)

    @property
    def _out_of_patience(self) -> bool:
        return self.trainer.patience is not None and self.progress.since >= self.trainer.patience

    # -- batches --------------------------------------------------------------------------------------------

    def _remaining_batches(self) -> Iterator[tuple[int, Ints1d]]:
        step = self.progress.step
        while step < self.n_steps and not self._out_of_patience:
            epoch, first = divmod(step, self.batches_per_epoch)
            if first == 0:
                self._mine(epoch)
            for indices in self._batches(epoch)[first : first + self.n_steps - step]:
                yield step, indices
                step += 1

    def _batches(self, epoch: int) -> list[Ints1d]:
        rng = np.random.default_rng([self.trainer.seed, _BATCHES_STREAM, epoch])
        return self.objective.batches(self.examples, self.trainer.batch_size, rng)

    def _mine(self, epoch: int) -> None:
        rows = self.objective.mine(self.examples, self.student.encode_truncated, epoch, self.show_bar)
        if rows is not None:
            self.mined_rows = rows

    def _batch(self, indices: Ints1d, step: int) -> Batch:
        examples = self.examples.take(indices)
        if self.mined_rows is not None:
            examples = replace(examples, rows=np.hstack([examples.rows, self.mined_rows[indices]]))
        texts = [examples.texts[i] for i in examples.rows[examples.rows != MISSING]]
        tokens = self.student.split_rows(self.student.tokenizer.read(texts))
        rng = np.random.default_rng([self.trainer.seed, _CORRUPTION_STREAM, step])
        corrupted = self.objective.corrupt(tokens, rng)
        return Batch(examples, corrupted, () if corrupted is tokens else tokens)

    # -- steps ----------------------------------------------------------------------------------------------

    def _step(self, step: int, indices: Ints1d, shown: Bar) -> None:
        import torch

        start = perf_counter()
        batch = self._batch(indices, step)
        torch.manual_seed(int(np.random.default_rng([self.trainer.seed, _TORCH_STREAM, step]).integers(1 << 62)))
        self.student.model.train()
        self.student.embeddings.select(np.concatenate([*batch.tokens, *batch.original_tokens]))
        loss = backward(self.student, batch, self._loss_of(batch), self.trainer.micro_batch_tokens)
        parameters = [*self.student.weights, *self.student.embeddings.parameters]
        if self.aux_module is not None:
            parameters += list(self.aux_module.parameters())
        grad_norm = float(torch.nn.utils.clip_grad_norm_(parameters, MAX_GRAD_NORM))
        if not (math.isfinite(loss) and math.isfinite(grad_norm)):  # the weights are those before this batch
            self._fail(step, batch, loss, grad_norm)
        learning_rate = self._scheduled_rate(step)
        for group in self.optimizer.param_groups:
            group["lr"] = learning_rate
        self.optimizer.step()
        self.student.embeddings.step(learning_rate, _ADAM_BETAS, _ADAM_EPS)
        self.optimizer.zero_grad()
        self.progress.add_batch(loss, len(batch.tokens), perf_counter() - start)
        shown.set_postfix_str(f"loss {self.progress.mean_loss:.4f}", refresh=False)
        shown.update(1)

    def _loss_of(self, batch: Batch) -> Callable[[Any], Any]:
        """Return the function from vectors to loss: the mean over all dimensions and the leading ones (matryoshka)."""
        dims = [self.student.dim, *(dim for dim in self.trainer.matryoshka if dim < self.student.dim)]

        def loss(vectors: Any) -> Any:
            return sum(self.objective.loss(vectors[:, :dim], batch, self.aux_module) for dim in dims) / len(dims)

        return loss

    def _scheduled_rate(self, step: int) -> float:
        """Return the learning rate of a step: a linear warm-up, then a linear decay to zero."""
        warmup_steps = round(self.n_steps * self.trainer.warmup)
        if step < warmup_steps:
            return self.learning_rate * (step + 1) / warmup_steps
        return self.learning_rate * (self.n_steps - step) / max(1, self.n_steps - warmup_steps)

    def _fail(self, step: int, batch: Batch, loss: float, grad_norm: float) -> None:
        """Save the state before a batch whose loss or gradient isn't finite, and raise `InputError`."""
        name, value = ("gradient", grad_norm) if math.isfinite(loss) else ("loss", loss)
        epoch, number = divmod(step, self.batches_per_epoch)
        first = batch.examples.texts[int(batch.examples.rows[0, 0])]
        saved = ""
        if self.checkpoint.wanted:
            self.checkpoint.save(self._state(), self.progress)
            saved = f"the state before it is saved at {self.checkpoint.path}; "
        raise InputError(
            f"{name} became {'NaN' if math.isnan(value) else 'infinite'} in batch {number + 1} of epoch {epoch + 1} "
            f"(its first text: {clip(first, 40)}); {saved}lower learning_rate (now {self.learning_rate:g}) and check "
            f"that text"
        )

    # -- evaluation -----------------------------------------------------------------------------------------

    def _evaluate(self) -> None:
        """Score the student as it is, and add a row to the history."""
        score = None if self.task is None else self.task.score(self.student)
        task = "" if score is None else f"{score.task} ({score.metric})"
        self.progress.add_row(self.batches_per_epoch, None if score is None else score.value, task)
        if score is not None and self.trainer.patience is not None:
            if self.progress.best is None or score.value > self.progress.best:
                self.progress.best, self.progress.since = score.value, 0
                self.best_weights = self._copy_weights()
            else:
                self.progress.since += 1

    # -- what a checkpoint saves ----------------------------------------------------------------------------

    def _trained_tensors(self) -> dict[str, Any]:
        """Return all weights that training changes, by name."""
        tensors = {name: value for name, value in self.student.model.named_parameters() if value.requires_grad}
        if not self.student.embeddings.frozen:
            tensors["token table"] = self.student.embeddings.weight
        if self.aux_module is not None:
            tensors.update({f"extra {name}": value for name, value in self.aux_module.named_parameters()})
        return {name: value.detach() for name, value in tensors.items()}

    def _copy_weights(self) -> dict[str, ArrayXd]:
        return {name: value.cpu().numpy().copy() for name, value in self._trained_tensors().items()}

    def _set_weights(self, weights: Mapping[str, ArrayXd]) -> None:
        import torch

        for name, value in self._trained_tensors().items():
            value.copy_(torch.from_numpy(weights[name]))

    def _moments_of_embeddings(self) -> dict[str, Any]:
        """Return the moments of the token embeddings, by their names in a checkpoint."""
        embeddings = self.student.embeddings
        return {"mean": embeddings.first_moment, "square": embeddings.second_moment, "count": embeddings.steps}

    def _state(self) -> dict[str, ArrayXd]:
        """Return all that is needed to resume the training, besides the progress, as arrays."""
        state = {f"weight {name}": value.cpu().numpy() for name, value in self._trained_tensors().items()}
        state |= {f"best {name}": array for name, array in (self.best_weights or {}).items()}
        state |= {f"table {name}": value.cpu().numpy() for name, value in self._moments_of_embeddings().items()}
        if self.mined_rows is not None:
            state["negatives"] = self.mined_rows
        for number, moments in self.optimizer.state_dict()["state"].items():
            state |= {f"moment {number} {name}": value.cpu().numpy() for name, value in moments.items()}
        return state

    def _set_state(self, state: Mapping[str, ArrayXd], progress: TrainingProgress) -> None:
        """Set the state to that of a checkpoint."""
        import torch

        weights, best = with_prefix(state, "weight "), with_prefix(state, "best ")
        for name, value in self._trained_tensors().items():
            for arrays in (weights, best) if best else (weights,):
                check_shape(name, arrays[name], tuple(value.shape))
        self._set_weights(weights)
        self.best_weights = best or None
        self.mined_rows = state.get("negatives")
        if self.mined_rows is not None:
            schema.array(
                "the checkpoint's 'negatives'", self.mined_rows, dtype=np.int32, shape=(len(self.examples), None)
            )
            schema.within("the checkpoint's 'negatives'", self.mined_rows, MISSING, len(self.examples.texts) - 1)
        for name, value in self._moments_of_embeddings().items():
            check_shape(name, state[f"table {name}"], tuple(value.shape))
            value.copy_(torch.from_numpy(state[f"table {name}"]))
        moments: dict[int, dict[str, Any]] = {}
        for key, array in with_prefix(state, "moment ").items():
            number, _, name = key.partition(" ")
            moments.setdefault(int(number), {})[name] = torch.from_numpy(array)
        self.optimizer.load_state_dict({**self.optimizer.state_dict(), "state": moments})
        self.progress = progress


def _parameter_groups(modules: list[Any], weight_decay: float) -> list[dict[str, Any]]:
    """Return the parameters for the optimizer: matrices with weight decay, norms and biases without, as is usual."""
    weights = [parameter for module in modules for parameter in module.parameters() if parameter.requires_grad]
    return [
        {"params": [weight for weight in weights if weight.ndim > 1], "weight_decay": weight_decay},
        {"params": [weight for weight in weights if weight.ndim <= 1], "weight_decay": 0.0},
    ]
