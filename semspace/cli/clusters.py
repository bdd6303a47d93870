"""Commands on groups: cluster, assign."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from semspace.cli import inputs, streams
from semspace.cli import options as o
from semspace.cli.cluster_options import PageChoice, TermChoice
from semspace.cli.output import check_folder, check_report, say, show, show_each
from semspace.cli.text_options import DocumentOptions
from semspace.errors import InputError


def cluster(
    source: o.SpaceOrInput,
    n_clusters: Annotated[int | None, typer.Option(help="Number of groups (default: chosen from the data).")] = None,
    method: Annotated[
        str | None,
        typer.Option(help="leiden, kmeans, ward or hdbscan (default: leiden; kmeans with --n-clusters)."),
    ] = None,
    granularity: Annotated[float, typer.Option(help="2 finds about twice as many groups, 0.5 half as many.")] = 1.0,
    outliers: Annotated[float, typer.Option(help="Share of documents to leave without a group.")] = 0.0,
    seed: o.Seed = 0,
    threads: o.Threads = None,
    out: o.MaybeOut = None,
    report: Annotated[Path | None, typer.Option(help="Write an HTML page to this file; - prints it.")] = None,
    model: o.MaybeModel = None,
    *,
    terms: TermChoice,
    page: PageChoice,
    texts: DocumentOptions,
    overwrite: o.Overwrite = False,
    as_json: o.Json = False,
) -> None:
    """Group documents, name the groups and measure how stable they are."""
    from semspace.clusters.cluster import check_settings
    from semspace.clusters.cluster import cluster as find_groups

    check_settings(n_clusters, method, granularity, outliers, seed)  # before texts are encoded
    chosen_terms = terms.arguments
    page.check(report)
    if out is not None:
        check_folder(out, overwrite=overwrite)
    if report is not None:
        check_report(report, "--report", (".html",), overwrite=overwrite)
    space = inputs.encoded(source, texts, model, threads, column=page.times)
    groups = find_groups(
        space, n_clusters=n_clusters, method=method, granularity=granularity, outliers=outliers, seed=seed,
        threads=threads, **chosen_terms,
    )  # fmt: skip
    if out is not None:
        groups.save(out, overwrite=overwrite)
    if report is not None:
        with streams.written(report, ".html") as place:
            groups.to_html(place, **page.arguments)
        if streams.is_stream(report):
            return
    labels = dict(zip(space.ids.tolist(), groups.labels.tolist(), strict=True))
    show(groups, {"groups": groups.to_frame().to_dicts(), "labels": labels}, as_json)
    if report is not None and not as_json:
        say(f"report written to {report}")


def assign(
    clustering: Annotated[str, typer.Argument(metavar="CLUSTERING", help="A saved clustering.")],
    source: o.SpaceOrInput,
    min_share: Annotated[
        float, typer.Option(help="No group where less than this share of the neighbours' votes is for one.")
    ] = 0.0,
    min_typicality: Annotated[
        float, typer.Option(help="No group for texts less typical than this of their group; 0 assigns all.")
    ] = 0.05,
    threads: o.Threads = None,
    *,
    texts: DocumentOptions,
    as_json: o.JsonLines = False,
) -> None:
    """Assign new documents to the groups of a clustering."""
    from semspace.clusters.clustering import Clustering
    from semspace.display import text_table
    from semspace.text.corpus import Corpus
    from semspace.threads import limited

    groups = inputs.read_value(clustering)
    if not isinstance(groups, Clustering):
        raise InputError(f"{clustering} holds a {type(groups).__name__}, not a Clustering; see semspace cluster --out")
    points = inputs.space_or_corpus(source, texts)
    with limited(threads):
        given = points.texts.to_list() if isinstance(points, Corpus) else points
        found = groups.assign(given, min_share=min_share, min_typicality=min_typicality)
    table = found.to_frame()
    if isinstance(points, Corpus):
        table = table.insert_column(0, points.ids.alias("id"))
    show_each([text_table(table.columns, table.iter_rows())], table.to_dicts(), as_json)
