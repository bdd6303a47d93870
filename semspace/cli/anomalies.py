"""The command on outliers."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from semspace.cli import inputs, streams
from semspace.cli import options as o
from semspace.cli.output import check_folder, check_report, say, show
from semspace.cli.text_options import DocumentOptions


def outliers(
    source: o.SpaceOrInput,
    method: Annotated[
        str | None,
        typer.Option(
            help="self_training (default), lof, knn, isolation_forest, reconstruction, likelihood or rank_average."
        ),
    ] = None,
    share: Annotated[float | None, typer.Option(help="Share of the documents that are outliers.")] = None,
    min_z: Annotated[
        float | None,
        typer.Option(help="Outliers lie more robust deviations than this above the median (default: 3.5)."),
    ] = None,
    seed: o.Seed = 0,
    threads: o.Threads = None,
    out: o.MaybeOut = None,
    report: Annotated[Path | None, typer.Option(help="Write an HTML page to this file; - prints it.")] = None,
    model: o.MaybeModel = None,
    *,
    texts: DocumentOptions,
    overwrite: o.Overwrite = False,
    as_json: o.Json = False,
) -> None:
    """Find the documents that are unlike the others, and say why."""
    from semspace.anomalies.methods import DEFAULT
    from semspace.anomalies.outliers import check_settings
    from semspace.anomalies.outliers import outliers as find_outliers
    from semspace.anomalies.threshold import MIN_Z

    method, min_z = DEFAULT if method is None else method, MIN_Z if min_z is None else min_z
    check_settings(method, share, min_z, seed)  # before texts are encoded
    if out is not None:
        check_folder(out, overwrite=overwrite)
    if report is not None:
        check_report(report, "--report", (".html",), overwrite=overwrite)
    space = inputs.encoded(source, texts, model, threads)
    found = find_outliers(space, method=method, share=share, min_z=min_z, seed=seed, threads=threads)
    if out is not None:
        found.save(out, overwrite=overwrite)
    if report is not None:
        with streams.written(report, ".html") as place:
            found.to_html(place)
        if streams.is_stream(report):
            return
    show(found, {"threshold": found.threshold, "outliers": found.to_frame().to_dicts()}, as_json)
    if report is not None and not as_json:
        say(f"report written to {report}")
