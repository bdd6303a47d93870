"""`semspace warmup`: compile every kernel beforehand."""

from __future__ import annotations

from typing import Annotated

import typer

from semspace.cli import options as o
from semspace.cli.output import show


def warmup(
    model: Annotated[
        str | None, typer.Option("--model", "-m", help="An encoder to load, too: a folder or the name of a model.")
    ] = None,
    as_json: o.Json = False,
) -> None:
    """Compile every kernel now, once on a machine, so that no later command waits for it.

    For the Dockerfile of an image, or before a measurement. NUMBA_CACHE_DIR chooses where compiled code is kept.
    """
    from semspace.display import text_table
    from semspace.precompilation import warmup as compile_all

    seconds = compile_all(model)
    show(text_table(("kernels of", "seconds"), seconds.items()), seconds, as_json)
