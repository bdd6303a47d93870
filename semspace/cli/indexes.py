"""Commands on indexes: index, search, duplicates."""

from __future__ import annotations

from typing import Annotated

import typer

from semspace import bundle
from semspace.cli import inputs
from semspace.cli import options as o
from semspace.cli.output import show


def index(
    space: o.SpaceOrFile,
    out: o.Out,
    method: Annotated[str, typer.Option(help="auto, exact or hnsw.")] = "auto",
    recall: Annotated[
        float, typer.Option(help="Share of the true nearest neighbours that a search should find.")
    ] = 0.95,
    metric: o.Metric = "cosine",
    overwrite: o.Overwrite = False,
    as_json: o.Json = False,
) -> None:
    """Build a search index over a space."""
    from semspace.index.index import Index

    bundle.check_free(out, overwrite=overwrite)
    built = Index.build(inputs.read_space(space), method=method, recall=recall, metric=metric)
    built.save(out, overwrite=overwrite)
    report = built.report()
    show(f"{built!r}\n{report!r}\nsaved to {out}", {"out": str(out), **report.to_dict()}, as_json)


def search(
    index: Annotated[str, typer.Argument(help="A saved index.")],
    query: Annotated[str | None, typer.Argument(help="A text.")] = None,
    id: Annotated[str | None, typer.Option("--id", help="Search near this point of the index instead.")] = None,
    k: o.K = 10,
    where: Annotated[str | None, typer.Option(help='A condition on the metadata, such as "year >= 2001".')] = None,
    exact: Annotated[bool, typer.Option("--exact", help="Compare with every point.")] = False,
    as_json: o.Json = False,
) -> None:
    """Find the documents nearest to a text or to another document."""
    from semspace.index.index import Index

    neighbors = Index.open(index).search(query, k, id=id, where=where, exact=exact)
    show(neighbors, neighbors.to_frame().to_dicts(), as_json)


def duplicates(
    index: Annotated[str, typer.Argument(help="A saved index.")],
    min_score: Annotated[float, typer.Option(help="Show pairs with at least this similarity.")] = 0.95,
    as_json: o.Json = False,
) -> None:
    """Find all pairs of documents that are nearly the same."""
    from semspace.display import text_table
    from semspace.index.index import Index

    pairs = Index.open(index).duplicates(min_score)
    text = f"{len(pairs):,} pairs with a similarity of at least {min_score:g}\n"
    show(text + text_table(pairs.columns, pairs.iter_rows()), pairs.to_dicts(), as_json)
