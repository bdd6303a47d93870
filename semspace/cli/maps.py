"""The commands map and explore."""

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


def explore(
    space: o.SpaceOrFile,
    method: Annotated[str, typer.Option(help="tsne, pca, umap or pacmap.")] = "tsne",
    groups: Annotated[
        str | None,
        typer.Option(
            help="What the map is labelled with: a column of the metadata, or clusters to find groups first "
            "(default: the groups of a saved clustering or map)."
        ),
    ] = None,
    k: Annotated[int, typer.Option("-k", help="Number of neighbours that a point shows.")] = 15,
    port: Annotated[int, typer.Option(help="Port of the server, on this machine only.")] = 5055,
    browser: Annotated[bool, typer.Option("--browser/--no-browser", help="Open a browser.")] = True,
    seed: o.Seed = 0,
) -> None:
    """Explore a map with Apple's Embedding Atlas: zoom, search, select, filter; Ctrl-C ends it.

    It needs Python 3.11 or newer and the extra atlas (docs/install.md). The server listens on 127.0.0.1 alone.
    """
    import webbrowser

    from semspace import checks
    from semspace.projections.atlas import check_port, need_atlas, serve_atlas
    from semspace.projections.project import project
    from semspace.projections.projection import Projection

    need_atlas()
    checks.whole("k", k)
    check_port(port)

    def ready(address: str) -> None:
        typer.echo(f"{found!r}\nEmbedding Atlas shows it at {address}; Ctrl-C ends it")
        if browser:
            webbrowser.open(address)

    value = None if streams.is_stream(space) else inputs.saved_value(space)
    if isinstance(value, Projection):
        inputs.refuse_with(f"{space}, which is a map already", groups=groups)
        found = value
    else:
        points, chosen = _with_groups(space, groups, seed)
        found = project(points, method, groups=chosen, seed=seed, repeats=0)
    serve_atlas(found, k=k, port=port, on_ready=ready)


def _with_groups(source: str, groups: str | None, seed: int) -> tuple[Any, Any]:
    """Return the space at a path, and its groups: those of a column, those that are saved with it, or new ones."""
    from semspace.clusters.cluster import cluster
    from semspace.clusters.clustering import Clustering
    from semspace.replacement import is_bundle

    if groups is None and is_bundle(source):
        value = inputs.read_value(source)
        if isinstance(value, Clustering):
            return value.space, value
    space = inputs.read_space(source)
    return space, cluster(space, seed=seed) if groups == CLUSTERS else groups
