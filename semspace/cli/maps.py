"""The command map."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from semspace.cli import inputs, streams
from semspace.cli import options as o
from semspace.cli.output import check_report, show

_ENDINGS = (".html", ".svg", ".pdf", ".png")
CLUSTERS = "clusters"


def map(
    space: o.SpaceOrFile,
    out: Annotated[
        Path,
        typer.Option(
            "--out", "-o", help="A page .html with zoom and search, or a figure .svg, .pdf or .png; - prints the page."
        ),
    ],
    method: Annotated[str, typer.Option(help="tsne, pca, umap or pacmap.")] = "tsne",
    groups: Annotated[
        str | None,
        typer.Option(
            help="What colours and names come from: a column of the metadata, or clusters to find groups first "
            "(default: the groups of a saved clustering)."
        ),
    ] = None,
    repeats: Annotated[
        int, typer.Option(help="Times that the map is drawn again, to find the points whose place is chance.")
    ] = 3,
    seed: o.Seed = 0,
    overwrite: o.Overwrite = False,
    as_json: o.Json = False,
) -> None:
    """Draw a map of a space, with how far it can be trusted."""
    from semspace.projections.project import project

    check_report(out, "--out", _ENDINGS, overwrite=overwrite)
    points, chosen = _with_groups(space, groups, seed)
    found = project(points, method, groups=chosen, seed=seed, repeats=repeats)
    if streams.is_stream(out) or out.suffix.lower() == ".html":
        with streams.written(out, ".html") as place:
            found.to_html(place)
    else:
        found.plot().save(out)
    if not streams.is_stream(out):
        plain = {"out": str(out), "points": len(found), "method": method, "quality": found.quality.stored()}
        show(f"{found!r}\nmap written to {out}", plain, as_json)


def _with_groups(source: str, groups: str | None, seed: int) -> tuple[Any, Any]:
    """Return the space at a path, and its groups: those of a column, those that are saved with it, or new ones."""
    from semspace.bundle import is_bundle
    from semspace.clusters.cluster import cluster
    from semspace.clusters.clustering import Clustering

    if groups is None and is_bundle(source):
        value = inputs.read_value(source)
        if isinstance(value, Clustering):
            return value.space, value
    space = inputs.read_space(source)
    return space, cluster(space, seed=seed) if groups == CLUSTERS else groups
