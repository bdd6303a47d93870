"""The logger ``semspace``, and lines that tell a person what takes long.

Long work is reported to loggers below ``semspace``: what was done, at level INFO. A program that wants these records
sets up `logging` as usual. Where nobody does, a notice goes to stderr as a line, since work that takes long without a
word looks like a crash; ``logging.getLogger("semspace").setLevel("WARNING")`` turns notices and progress bars off.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager

NAME = "semspace"


def is_quiet() -> bool:
    """Check whether notices and progress bars were turned off by the level of the logger ``semspace``."""
    return logging.getLogger(NAME).level > logging.INFO


def notice(text: str, logger: str) -> None:
    """Write a notice: a record of level INFO, or a line on stderr where no program takes records."""
    log = logging.getLogger(logger)
    if log.isEnabledFor(logging.INFO) and log.hasHandlers():
        log.info("%s", text)
    elif not is_quiet():
        sys.stderr.write(f"{text}\n")
        sys.stderr.flush()


@contextmanager
def verbosity(*, quiet: bool = False, verbose: bool = False) -> Iterator[None]:
    """Set what the logger ``semspace`` says in this block: nothing if `quiet`, everything on stderr if `verbose`."""
    logger = logging.getLogger(NAME)
    level = logger.level
    handler = logging.StreamHandler()
    handler.setFormatter(logging.Formatter("%(asctime)s %(message)s", "%H:%M:%S"))
    if verbose:
        logger.addHandler(handler)
    if quiet or verbose:
        logger.setLevel(logging.ERROR if quiet else logging.DEBUG)
    try:
        yield
    finally:
        logger.setLevel(level)
        logger.removeHandler(handler)
