"""`Objective`: how training data are read, batched and judged, and the loss that is minimised."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from typing import Any, ClassVar

import numpy as np

from semspace.errors import InputError
from semspace.evaluation.task_reading import Task
from semspace.training.base_model import InitialModel
from semspace.training.examples import MISSING, Examples
from semspace.training.student import Student
from semspace.types import Bools2d, Floats2d, Int32s1d, Int32s2d, Ints1d


@dataclass(frozen=True, eq=False)
class Batch:
    """Some examples, and the tokens of their texts.

    Parameters
    ----------
    examples : Examples
        Those of the batch; their rows index the texts of all examples.
    tokens : list of ndarray of int32
        Of every text in the batch, row by row, without the `MISSING` ones.
    original_tokens : list of ndarray of int32
        The tokens before `Objective.corrupt` changed them; empty if it didn't.
    """

    examples: Examples
    tokens: list[Int32s1d]
    original_tokens: Sequence[Int32s1d] = ()

    @property
    def has_text(self) -> Bools2d:
        """Where the rows have a text, shape (n, columns)."""
        mask: Bools2d = self.examples.rows != MISSING
        return mask


class Objective(ABC):
    """What an encoder is trained for; subclasses are frozen dataclasses of hyper-parameters."""

    title: ClassVar[str]  # of the examples, in messages
    learning_rate: ClassVar[float | None] = None  # the highest, where it isn't the default of `EncoderTrainer`
    dropout: ClassVar[float | None] = None  # where it isn't the model's own
    needs_dropout: ClassVar[bool] = False  # whether there is nothing to learn without it

    @abstractmethod
    def read(self, data: Any, seed: int = 0) -> Examples:
        """Read and check data.

        Parameters
        ----------
        data
        seed : int
            Of the training; decides what is drawn, where an objective doesn't use all of the data.

        Raises
        ------
        InputError
            If there is nothing to train on in the data.
        """

    @abstractmethod
    def task(self, examples: Examples) -> Task | None:
        """Return a task that judges an encoder on held-out examples; None where they don't suffice."""

    @abstractmethod
    def loss(self, vectors: Any, batch: Batch, aux_module: Any) -> Any:
        """Return the mean loss of a batch.

        Parameters
        ----------
        vectors : tensor, shape (texts of the batch, dim)
            Of `batch.tokens`, in their order.
        batch : Batch
        aux_module : torch module or None
            The one that `aux_module` returned.
        """

    def initial_model(self, base: Any, examples: Examples) -> InitialModel | None:  # noqa: ARG002
        """Return the model to start from, given `EncoderTrainer.base`; None to start from that base itself."""
        return None

    def precompute(self, examples: Examples, dim: int, progress: bool) -> Examples:  # noqa: ARG002
        """Return the examples with targets that are computed once, before training a student of `dim` dimensions."""
        return examples

    def mine(
        self,
        examples: Examples,  # noqa: ARG002
        encode: Callable[[list[str]], Floats2d],  # noqa: ARG002
        epoch: int,  # noqa: ARG002
        progress: bool,  # noqa: ARG002
    ) -> Int32s2d | None:
        """Return texts to add to each example from this epoch on, such as hard negatives; None to change nothing.

        Called before each epoch.

        Parameters
        ----------
        examples : Examples
        encode : callable
            Maps texts to vectors by the student as it is.
        epoch : int
            From 0.
        progress : bool
        """
        return None

    def batches(self, examples: Examples, batch_size: int, rng: np.random.Generator) -> list[Ints1d]:
        """Return the batches of an epoch, each as indices of about `batch_size` examples."""
        return np.array_split(rng.permutation(len(examples)), -(-len(examples) // batch_size))

    def corrupt(self, token_rows: list[Int32s1d], rng: np.random.Generator) -> list[Int32s1d]:  # noqa: ARG002
        """Return the tokens of a batch's texts as they are to be encoded; the same list where nothing changes."""
        return token_rows

    def aux_module(self, student: Student) -> Any:  # noqa: ARG002
        """Return a torch module to train together with the encoder, which isn't part of the result; None for none."""
        return None

    def to_dict(self) -> dict[str, Any]:
        """Return the hyper-parameters as plain values."""
        return {field.name: getattr(self, field.name) for field in fields(self)}  # type: ignore[arg-type]

    def check_size(self, examples: Examples, batch_size: int) -> None:
        """Raise `InputError` if there are fewer examples than a batch needs."""
        if len(examples) < batch_size:
            raise InputError(
                f"batch_size is {batch_size}, but there are only {len(examples):,} {self.title} to train on; give more "
                f"data, or a smaller batch_size"
            )


def normalized(vectors: Any) -> Any:
    """Return a tensor of vectors scaled to length 1, with gradients."""
    from torch.nn.functional import normalize

    return normalize(vectors, dim=-1)


def arrange(vectors: Any, batch: Batch) -> Any:
    """Return vectors by example and column, a tensor (n, columns, dim), with zeros where an example has no text."""
    import torch

    mask = torch.from_numpy(batch.has_text).to(vectors.device)
    arranged = vectors.new_zeros(*mask.shape, vectors.shape[-1])
    return arranged.index_put((mask,), vectors) if not bool(mask.all()) else vectors.view(arranged.shape)
