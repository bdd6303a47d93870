"""The command recommend."""

from __future__ import annotations

from typing import Annotated

import typer

from semspace.cli import inputs
from semspace.cli import options as o
from semspace.cli.output import show
from semspace.errors import InputError


def recommend(
    source: Annotated[str, typer.Argument(metavar="INDEX_OR_SPACE", help="A saved index, or a saved space.")],
    like: Annotated[
        list[str] | None, typer.Option(help="Id of a document that is liked, or a text; repeatable.")
    ] = None,
    dislike: Annotated[
        list[str] | None, typer.Option(help="Id of a document that isn't liked, or a text; repeatable.")
    ] = None,
    k: Annotated[int, typer.Option("-k", help="Number of documents to recommend.")] = 10,
    where: Annotated[str | None, typer.Option(help='A condition on the metadata, such as "year >= 2001".')] = None,
    method: Annotated[
        str, typer.Option(help="density (near some of what is liked) or mean (near the mean of it).")
    ] = "density",
    diversity: Annotated[
        float, typer.Option(help="How far the documents are to differ from each other: 0 to 1.")
    ] = 0.0,
    exact: Annotated[bool, typer.Option("--exact", help="Compare with every point.")] = False,
    as_json: o.Json = False,
) -> None:
    """Recommend documents to someone who likes some and not others."""
    from semspace.index.index import Index

    if not like:
        raise InputError("give what is liked: --like ID, or --like TEXT, once or more often")
    value = inputs.read_value(source)
    index = value if isinstance(value, Index) else Index.build(inputs.read_space(source), "exact")
    found = index.recommend(like, dislike or (), k, where=where, method=method, diversity=diversity, exact=exact)
    show(found, found.to_frame().to_dicts(), as_json)
