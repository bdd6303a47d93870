"""The command explain."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from semspace.cli import inputs, streams
from semspace.cli import options as o
from semspace.cli.output import check_report, show
from semspace.errors import InputError

_PAGE = (".html",)


def explain(
    a: Annotated[str, typer.Argument(metavar="TEXT", help="A text.")],
    b: Annotated[str, typer.Argument(metavar="TEXT", help="Another text.")],
    model: o.Model = o.DEFAULT_MODEL,
    method: Annotated[
        str,
        typer.Option(
            help="leave_one_out (any model), last_layer (fast) or integrated_jacobians (through all layers, slow)."
        ),
    ] = "leave_one_out",
    k: Annotated[int, typer.Option("-k", help="Number of pairs of words.")] = 6,
    out: Annotated[Path | None, typer.Option("--out", "-o", help="Also write a page .html; - prints the page.")] = None,
    threads: o.Threads = None,
    overwrite: o.Overwrite = False,
    as_json: o.Json = False,
) -> None:
    """Explain why two texts are alike: what each pair of their words adds to the cosine.

    In a terminal, the words that add to it are blue, and those that take from it orange.
    """
    from semspace import checks
    from semspace.explanations import explaining

    checks.whole("-k", k)
    checks.choice("--method", method, explaining.METHODS)
    if as_json and streams.is_stream(out):
        raise InputError("--out - prints the page, and --json the result; choose one of them")
    if out is not None:
        check_report(out, "--out", _PAGE, overwrite=overwrite)
    found = explaining.explain(inputs.read_encoder(model, "auto", threads), a, b, method=method)
    if out is not None:
        with streams.written(out, ".html") as place:
            found.to_html(place)
    if not streams.is_stream(out):
        plain = {
            "cosine": found.similarity,
            "method": method,
            "pairs": found.top_pairs(k).to_dicts(),
            "words": found.words_to_frame().to_dicts(),
        }
        told = found.told(k)
        show(told if out is None else f"{told}\npage written to {out}", plain, as_json)
