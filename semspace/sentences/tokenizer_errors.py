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
    except BaseException as problem:
        if type(problem) is not Exception and type(problem).__name__ != "PanicException":  # the library's are plain
            raise
        raise DamagedError(
            f"the model's tokenizer fails ({first_line(problem)}); download the model again"
        ) from problem
