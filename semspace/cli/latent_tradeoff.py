"""The command `latent tradeoff`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from semspace.cli import inputs
from semspace.cli import options as o
from semspace.cli.output import check_report, show
from semspace.cli.text_options import DocumentOptions
from semspace.errors import InputError

_FIGURES = (".svg", ".pdf", ".png")


def tradeoff(
    source: o.SpaceOrInput,
    way: Annotated[
        list[str] | None,
        typer.Option(
            help="What to compare, repeatable: float16, int8, binary, product, pca:96, truncation:96, pca:96+int8 "
            "(default: all precisions, and four sizes of both)."
        ),
    ] = None,
    k: Annotated[int, typer.Option("-k", help="Number of neighbours that the overlap is of.")] = 10,
    oversampling: Annotated[
        int, typer.Option(help="How many times as many candidates are ordered by the full vectors.")
    ] = 10,
    task: Annotated[
        str | None, typer.Option("--evaluator", help="A task that each way is scored on, as in evaluate --tasks.")
    ] = None,
    plot: Annotated[Path | None, typer.Option(help="Write the figure to this file (.svg, .pdf, .png).")] = None,
    seed: o.Seed = 0,
    threads: o.Threads = None,
    model: o.MaybeModel = None,
    *,
    texts: DocumentOptions,
    overwrite: o.Overwrite = False,
    as_json: o.Json = False,
) -> None:
    """Compare ways of making a space smaller: bytes of a point against what is kept of its neighbours."""
    from semspace.evaluation.task_reading import task_of
    from semspace.latent.compression.measuring import tradeoff as measure
    from semspace.threads import limited

    ways = None if not way else [_way(text) for text in way]
    evaluator = None if task is None else task_of(task)
    if plot is not None:
        check_report(plot, "--plot", _FIGURES, overwrite=overwrite)
    space = inputs.encoded(source, texts, model, threads)
    with limited(threads):
        found = measure(space, ways, k=k, oversampling=oversampling, evaluator=evaluator, seed=seed)
    if plot is not None:
        found.plot().save(plot)
    plain = {"ways": found.to_frame().to_dicts(), "knee": found.knee().way, "knee_rescored": found.knee("rescored").way}
    show(found, plain, as_json)


def _way(text: str) -> object:
    """Return the way that is written as ``int8``, ``pca:96`` or ``pca:96+int8``."""
    from semspace.latent.pca import PCA
    from semspace.latent.truncation import Truncation

    trainers = {"pca": PCA, "truncation": Truncation}
    first, _, precision = text.partition("+")
    name, _, size = first.partition(":")
    if not size:
        return text
    if name.lower() not in trainers or not size.isdecimal():
        raise InputError(f"a way is a precision, or such as pca:96, truncation:96 or pca:96+int8; got {text!r}")
    trainer = trainers[name.lower()](int(size))
    return (trainer, precision) if precision else trainer
