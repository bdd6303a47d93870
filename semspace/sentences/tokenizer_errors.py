"""What the `tokenizers` library raises where the files of a tokenizer contradict each other, as one sentence."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from semspace.checks import first_line
from semspace.errors import DamagedError


@contextmanager
def tokenizer_errors() -> Iterator[None]:
    """Raise `DamagedError` if a tokenizer can't read a text: it has no token for unknown words, say."""
    try:
        yield
    except Exception as problem:
        if type(problem) is not Exception:  # of the library all are plain
            raise
        raise DamagedError(
            f"the model's tokenizer fails ({first_line(problem)}); download the model again"
        ) from problem
