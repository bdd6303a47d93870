"""`Objective`: what is learnt from which data: how it is read, put into batches, judged, and what the loss is."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import numpy.typing as npt

from semspace.bundle import PathLike
from semspace.errors import InputError
from semspace.evaluation.evaluate import Task
from semspace.sentences.encoder import Encoder
from semspace.training.base_model import Base
from semspace.training.examples import MISSING, Examples
from semspace.training.student import Row, Student

if TYPE_CHECKING:
    from semspace.training.trainer import EncoderTrainer


@dataclass(frozen=True, eq=False)
class Batch:
    """Some examples, and the tokens of their texts.

    Parameters
    ----------
    examples : Examples
        Those of the batch; numbers of texts as in all of them.
    tokens : list of ndarray of int32
        Of every text that the batch has, row by row; `MISSING` ones have none.
    whole : list of ndarray of int32
        The same as they were, where `Objective.altered` changed them; else none.
    """

    examples: Examples
    tokens: list[Row]
    whole: Sequence[Row] = ()

    @property
    def there(self) -> npt.NDArray[np.bool_]:
        """Which places of the rows have a text, shape (n, columns)."""
        found: npt.NDArray[np.bool_] = self.examples.rows != MISSING
        return found


class Objective(ABC):
    """What an encoder learns; subclasses are frozen dataclasses of hyper-parameters."""

    title: ClassVar[str]
    rate: ClassVar[float | None] = None  # the highest learning rate, where it is better than that of all objectives
    dropout: ClassVar[float | None] = None  # other than the model's own, where that is better
    needs_dropout: ClassVar[bool] = False  # whether there is nothing to learn without it

    @abstractmethod
    def read(self, data: Any) -> Examples:
        """Check data and make examples of it.

        Raises
        ------
        InputError
            If nothing can be learnt from it.
        """

    def sample(self, data: Any, seed: int) -> Examples:  # noqa: ARG002
        """Read data for a training with a seed, which decides what is taken where an objective doesn't take all."""
        return self.read(data)

    @abstractmethod
    def task(self, examples: Examples) -> Task | None:
        """Give what judges an encoder on examples that it doesn't learn from; None where they can't."""

    @abstractmethod
    def loss(self, vectors: Any, batch: Batch, extra: Any) -> Any:
        """Give the mean loss of a batch.

        Parameters
        ----------
        vectors : tensor, shape (texts of the batch, dim)
            Of `batch.tokens`, in their order.
        batch : Batch
        extra : torch module or None
            What `helper` made.
        """

    def base(self, given: Any, examples: Examples) -> Base | None:  # noqa: ARG002
        """Make what the training starts from, where the objective knows better than `EncoderTrainer.base` says."""
        return None

    def ready(self, examples: Examples, dim: int, progress: bool) -> Examples:  # noqa: ARG002
        """Find out what must be known of all examples before the training, for a student of `dim` dimensions."""
        return examples

    def instead(
        self,
        trainer: EncoderTrainer,  # noqa: ARG002
        examples: Examples,  # noqa: ARG002
        into: PathLike | None,  # noqa: ARG002
        overwrite: bool,  # noqa: ARG002
        progress: bool,  # noqa: ARG002
    ) -> Encoder | None:
        """Make and save the encoder in another way than by the loop, where there is one; None where there isn't."""
        return None

    def batches(self, examples: Examples, size: int, draw: np.random.Generator) -> list[npt.NDArray[np.int64]]:
        """Deal the examples of an epoch into batches of about `size`."""
        return np.array_split(draw.permutation(len(examples)), -(-len(examples) // size))

    def altered(self, tokens: list[Row], draw: np.random.Generator) -> list[Row]:  # noqa: ARG002
        """Change the tokens of a batch's texts before they are encoded, as an objective may."""
        return tokens

    def helper(self, student: Student) -> Any:  # noqa: ARG002
        """Give a torch module that is trained beside the encoder and isn't part of it; None for none."""
        return None

    def plain(self) -> dict[str, Any]:
        """Give the hyper-parameters as plain values."""
        return {field.name: getattr(self, field.name) for field in fields(self)}  # type: ignore[arg-type]

    def check(self, examples: Examples, size: int) -> None:
        """Raise `InputError` if there are too few examples for a batch."""
        if len(examples) < size:
            raise InputError(
                f"there are {len(examples):,} {self.title} to learn from, fewer than a batch of {size}; give more, or "
                f"a smaller batch_size"
            )


def unit(vectors: Any) -> Any:
    """Scale vectors to length 1, with gradients."""
    from torch.nn.functional import normalize

    return normalize(vectors, dim=-1)


def table(vectors: Any, batch: Batch) -> Any:
    """Put vectors where their texts stand in the rows, tensor (n, columns, dim), zeros where there is none."""
    import torch

    there = torch.from_numpy(batch.there).to(vectors.device)
    found = vectors.new_zeros(*there.shape, vectors.shape[-1])
    return found.index_put((there,), vectors) if not bool(there.all()) else vectors.view(found.shape)


def numbered(texts: Sequence[str]) -> Examples:
    """Make an example of each text alone."""
    return Examples(list(texts), np.arange(len(texts), dtype=np.int32)[:, None])
