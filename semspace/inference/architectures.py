"""The architectures that the kernels compute, and the weights of a model → `Transformer`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Protocol

from semspace.errors import DamagedError
from semspace.inference import bert_family
from semspace.inference.design import Design, ModelWeights, ReadWeight
from semspace.inference.model import Transformer
from semspace.inference.rotary import family as rotary


def reason_unknown(config: Mapping[str, Any]) -> str:
    """Return why we don't know what a model of this configuration computes; an empty string if we do."""
    try:
        family = _family(config)
        return family.reason_unknown(config) or family.design(config).problem
    except (KeyError, TypeError, ValueError, AttributeError, ArithmeticError) as problem:
        return f"its config.json is incomplete or damaged ({type(problem).__name__}: {problem})"


def reason_unsupported(config: Mapping[str, Any]) -> str:
    """Return why the kernels can't run a model of this configuration; an empty string if they can."""
    from semspace.inference.packing import reason_unfit

    return reason_unknown(config) or reason_unfit(_family(config).design(config))


def is_rotary(config: Mapping[str, Any]) -> bool:
    """Check whether a model is of an architecture that came after BERT, and that the kernels know."""
    return rotary.is_known(config)


def needs_own_code(config: Mapping[str, Any]) -> bool:
    """Check whether transformers runs this architecture only with the model's own code, which we never run."""
    return rotary.is_known(config) and rotary.needs_own_code(config)


def build(config: Mapping[str, Any], read: ReadWeight, max_tokens: int, precision: str) -> Transformer:
    """Read and pack the weights of a model for the kernels.

    Parameters
    ----------
    config : mapping
        The model's ``config.json``, for which `reason_unsupported` is empty.
    read : callable
        Returns a weight by its name, as float32, or raises `KeyError`.
    max_tokens : int
        Maximum number of tokens of a text.
    precision : {"float32", "bfloat16", "int8"}

    Raises
    ------
    DamagedError
        If a weight is missing or of another shape.
    """
    from semspace.inference.packing import pack

    with complete():
        return pack(read_weights(config, read, max_tokens), max_tokens, precision)


def read_weights(config: Mapping[str, Any], read: ReadWeight, max_tokens: int) -> ModelWeights:
    """Return the weights of a model, layer by layer."""
    return _family(config).read_weights(config, read, max_tokens)


class _Family(Protocol):
    """What both families of architectures answer."""

    def reason_unknown(self, config: Mapping[str, Any]) -> str: ...

    def design(self, config: Mapping[str, Any]) -> Design: ...

    def read_weights(self, config: Mapping[str, Any], read: ReadWeight, max_tokens: int) -> ModelWeights: ...


def _family(config: Mapping[str, Any]) -> _Family:
    return rotary if rotary.is_known(config) else bert_family


@contextmanager
def complete() -> Iterator[None]:
    """Raise `DamagedError` where a weight is missing or of another shape."""
    try:
        yield
    except KeyError as problem:
        raise DamagedError(f"the model has no weight {problem.args[0]!r}; fetch it again") from problem
    except ValueError as problem:
        raise DamagedError(f"the model's weights don't fit its config.json ({problem}); fetch it again") from problem
