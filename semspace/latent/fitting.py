"""The training loop of all latent models with a network: batches, early stopping, history, and what a checkpoint saves.

Random numbers are drawn from the seed and the number of the epoch or step alone, so that a checkpoint stores no
generator, and a training that was interrupted ends with the same weights.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from time import perf_counter
from typing import Any

import numpy as np
import torch

from semspace import schema
from semspace.checkpoint import check_shape
from semspace.errors import InputError
from semspace.latent.checkpoint import LatentCheckpoint
from semspace.latent.fit_history import FitEpoch, FitHistory
from semspace.progress import Bar, bar
from semspace.threads import limited
from semspace.types import ArrayXd, Floats2d, Ints1d

MAX_GRAD_NORM = 5.0  # Euclidean norm of all gradients together; they are scaled down to it
_WARM_UP = 50  # steps in which the learning rate rises
_ROWS_AT_ONCE = 8_192  # held-out points that go through the network together
_SPLIT_STREAM, _BATCHES_STREAM, _NOISE_STREAM, _INIT_STREAM, _HELD_OUT_STREAM = range(5)


@dataclass(frozen=True)
class FitOptions:
    """How long, and in what steps, a network is trained; see the trainers' parameters."""

    epochs: int
    batch_size: int
    learning_rate: float
    patience: int | None
    seed: int
    threads: int | None


class Learner(ABC):
    """A network that is being trained: its weights, its optimizers, and what one step does.

    Attributes
    ----------
    net : torch.nn.Module
        All weights.
    optimizers : dict of str to torch.optim.Optimizer
    """

    net: torch.nn.Module
    optimizers: dict[str, torch.optim.Optimizer]

    @abstractmethod
    def loss(self, rows: torch.Tensor, generator: torch.Generator, done: float) -> torch.Tensor:
        """Return the mean loss of a batch; `done` is the share of the steps that are done."""

    def step(self, rows: torch.Tensor, generator: torch.Generator, done: float) -> float:
        """Change the weights by one batch; return its loss before that, or NaN where a gradient isn't finite."""
        return self.descend("net", self.loss(rows, generator, done), self.net)

    def descend(self, name: str, loss: torch.Tensor, net: torch.nn.Module) -> float:
        """Follow the gradient of a loss with one of the optimizers; other networks get no gradient."""
        optimizer, weights = self.optimizers[name], list(net.parameters())
        optimizer.zero_grad()
        loss.backward(inputs=weights)  # type: ignore[no-untyped-call]
        norm = float(torch.nn.utils.clip_grad_norm_(weights, MAX_GRAD_NORM))
        if not (math.isfinite(norm) and math.isfinite(float(loss.detach()))):
            return math.nan
        optimizer.step()
        return float(loss.detach())


def adam(net: torch.nn.Module, betas: tuple[float, float] = (0.9, 0.999)) -> torch.optim.Optimizer:
    """Create the optimizer of some weights; the loop sets its learning rate at each step."""
    return torch.optim.Adam(net.parameters(), lr=0.0, betas=betas, fused=True)


def init_generator(seed: int) -> torch.Generator:
    """Return the random numbers that initial weights are drawn from."""
    return _generator(seed, _INIT_STREAM, 0)


def split(n: int, held_out: float, seed: int) -> tuple[Ints1d, Ints1d]:
    """Return the rows to train on, and the rows held out."""
    order = np.random.default_rng([seed, _SPLIT_STREAM]).permutation(n)
    n_held_out = round(n * held_out)
    return np.sort(order[n_held_out:]), np.sort(order[:n_held_out])


@dataclass(frozen=True)
class Fit:
    """A finished training.

    Parameters
    ----------
    history : FitHistory
    stopped : str
        Why it ended before the last epoch; empty if it didn't.
    failure : str
        Where a loss became NaN or infinite; empty if none did.
    """

    history: FitHistory
    stopped: str
    failure: str


class FitLoop:
    """A training in progress.

    Parameters
    ----------
    learner : Learner
    rows, held_out : ndarray of float32, shape (n, width), or of int64, shape (n,)
        What to train on, and what to evaluate on: vectors, or the numbers of examples that the learner knows.
    options : FitOptions
    checkpoint : LatentCheckpoint
    progress : bool
        Show a bar.
    """

    def __init__(
        self,
        learner: Learner,
        rows: Floats2d | Ints1d,
        held_out: Floats2d | Ints1d,
        options: FitOptions,
        checkpoint: LatentCheckpoint,
        *,
        progress: bool,
    ) -> None:
        self.learner, self.options, self.checkpoint, self.show_bar = learner, options, checkpoint, progress
        self.rows, self.held_out = torch.from_numpy(rows), torch.from_numpy(held_out)
        self.batch_size = min(options.batch_size, len(rows))
        self.batches = len(rows) // self.batch_size  # what is left over is in another epoch's batches
        self.step, self.loss, self.seconds = 0, 0.0, 0.0
        self.epochs: list[FitEpoch] = []
        self.best: dict[str, ArrayXd] = {}

    @property
    def n_steps(self) -> int:
        """Batches of the whole training."""
        return self.batches * self.options.epochs

    def run(self) -> Fit:
        """Train, and leave the network with the weights of the best epoch."""
        self.checkpoint.restore(self._set_state)
        failure = ""
        with (
            limited(self.options.threads),
            bar("training", self.n_steps, unit="batch", progress=self.show_bar) as shown,
        ):
            shown.update(self.step)
            while self.step < self.n_steps and not self._is_over and not failure:
                failure = self._epoch(shown)
        if self.best:
            self._set_weights(self.best)
        elif failure:
            raise InputError(
                f"{failure}, before the first epoch was over; lower learning_rate (now {self.options.learning_rate:g})"
            )
        if not failure:
            self.checkpoint.save(self._state(), self._progress())
        stopped = f"no better for {self.options.patience} epochs" if self._is_over and self.step < self.n_steps else ""
        return Fit(FitHistory(tuple(self.epochs)), stopped, failure)

    def _epoch(self, shown: Bar) -> str:
        """Train to the end of the current epoch; return where a loss wasn't finite."""
        epoch, first = divmod(self.step, self.batches)
        order = np.random.default_rng([self.options.seed, _BATCHES_STREAM, epoch]).permutation(len(self.rows))
        for number in range(first, self.batches):
            start = perf_counter()
            rows = self.rows[torch.from_numpy(order[number * self.batch_size : (number + 1) * self.batch_size])]
            self._set_learning_rate()
            noise = _generator(self.options.seed, _NOISE_STREAM, self.step)
            loss = self.learner.step(rows, noise, self.step / self.n_steps)
            if not math.isfinite(loss):
                return f"the loss became NaN or infinite in batch {number + 1} of epoch {epoch + 1}"
            self.step, self.loss, self.seconds = self.step + 1, self.loss + loss, self.seconds + perf_counter() - start
            shown.set_postfix_str(f"loss {self.loss / (number + 1):.4f}", refresh=False)
            shown.update(1)
            if number + 1 == self.batches:
                self._end_epoch()
            if self.checkpoint.due():
                self.checkpoint.save(self._state(), self._progress())
        return ""

    def _end_epoch(self) -> None:
        held_out = self._held_out_loss() if len(self.held_out) else None
        self.epochs.append(FitEpoch(len(self.epochs) + 1, self.loss / self.batches, held_out, self.seconds))
        self.loss, self.seconds = 0.0, 0.0
        if self._since_best == 0:
            self.best = self._weights()

    @property
    def _since_best(self) -> int:
        """Number of epochs since the one with the lowest loss of the points held out; 0 where none are."""
        losses = [math.inf if row.held_out is None else row.held_out for row in self.epochs]
        return 0 if not len(self.held_out) else len(losses) - 1 - int(np.argmin(losses))

    @property
    def _is_over(self) -> bool:
        return bool(self.epochs) and self.options.patience is not None and self._since_best >= self.options.patience

    def _held_out_loss(self) -> float:
        with torch.no_grad():
            losses = [
                float(self.learner.loss(rows, _generator(self.options.seed, _HELD_OUT_STREAM, number), 1.0)) * len(rows)
                for number, rows in enumerate(torch.split(self.held_out, _ROWS_AT_ONCE))
            ]
        return sum(losses) / len(self.held_out)

    def _set_learning_rate(self) -> None:
        """Set the rate of a step: a short linear rise, then half a cosine down to zero."""
        rise = min(1.0, (self.step + 1) / min(_WARM_UP, max(1, self.n_steps // 10)))
        rate = self.options.learning_rate * rise * 0.5 * (1 + math.cos(math.pi * self.step / self.n_steps))
        for optimizer in self.learner.optimizers.values():
            for group in optimizer.param_groups:
                group["lr"] = rate

    # -- what a checkpoint saves ----------------------------------------------------------------------------

    def _weights(self) -> dict[str, ArrayXd]:
        return {name: value.detach().numpy().copy() for name, value in self.learner.net.named_parameters()}

    def _set_weights(self, weights: Mapping[str, ArrayXd]) -> None:
        with torch.no_grad():
            for name, value in self.learner.net.named_parameters():
                value.copy_(torch.from_numpy(np.array(weights[name])))

    def _progress(self) -> dict[str, Any]:
        history = FitHistory(tuple(self.epochs)).plain()
        return {"step": self.step, "loss": self.loss, "seconds": self.seconds, "history": history}

    def _state(self) -> dict[str, ArrayXd]:
        """Return all that is needed to resume the training, besides the progress, as arrays."""
        state = {f"weight {name}": array for name, array in self._weights().items()}
        state |= {f"best {name}": array for name, array in self.best.items()}
        for key, optimizer in self.learner.optimizers.items():
            for number, moments in optimizer.state_dict()["state"].items():
                state |= {f"moment {key} {number} {name}": value.numpy() for name, value in moments.items()}
        return state

    def _set_state(self, state: Mapping[str, ArrayXd], progress: Mapping[str, Any]) -> None:
        """Set the state to that of a checkpoint; raise `ValueError` if it doesn't fit this training."""
        weights, best = _with_prefix(state, "weight "), _with_prefix(state, "best ")
        for name, value in self.learner.net.named_parameters():
            for arrays in (weights, best) if best else (weights,):
                check_shape(name, arrays[name], tuple(value.shape))
        self._set_weights(weights)
        self.best = best
        for key, optimizer in self.learner.optimizers.items():
            shapes = [tuple(value.shape) for group in optimizer.param_groups for value in group["params"]]
            moments: dict[int, dict[str, Any]] = {}
            for place, array in _with_prefix(state, f"moment {key} ").items():
                number, name = place.split(" ")
                check_shape(place, array, (1,) if name == "step" else shapes[int(number)])
                shaped = array.reshape(()) if name == "step" else array  # an array on disk has at least one axis
                moments.setdefault(int(number), {})[name] = torch.from_numpy(shaped)
            optimizer.load_state_dict({**optimizer.state_dict(), "state": moments})
        reached = schema.Facts(progress, "the checkpoint's progress")
        self.step = reached.whole("step", high=self.n_steps)
        self.loss, self.seconds = reached.number("loss"), reached.number("seconds", low=0)
        self.epochs = list(FitHistory.of(progress["history"]))


def _generator(seed: int, stream: int, number: int) -> torch.Generator:
    generator = torch.Generator()
    generator.manual_seed(int(np.random.default_rng([seed, stream, number]).integers(1 << 62)))
    return generator


def _with_prefix(state: Mapping[str, ArrayXd], prefix: str) -> dict[str, ArrayXd]:
    """Return the arrays whose names begin with a prefix, by the rest of their names."""
    return {name.removeprefix(prefix): array for name, array in state.items() if name.startswith(prefix)}
