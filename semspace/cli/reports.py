"""Commands that report on corpora: cluster, compare, evaluate, corpora, demo."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from semspace import bundle
from semspace.cli import inputs
from semspace.cli import options as o
from semspace.cli.output import check_report, show
from semspace.errors import InputError

if TYPE_CHECKING:
    from semspace.space import Space

_WRITERS = {".html": "to_html", ".md": "to_markdown", ".json": "to_json"}


def cluster(
    source: Annotated[str, typer.Argument(metavar="SPACE_OR_INPUT", help="A saved space, or texts to encode first.")],
    n_clusters: Annotated[int | None, typer.Option(help="Number of groups (default: chosen from the data).")] = None,
    method: Annotated[
        str | None,
        typer.Option(help="leiden, kmeans, ward or hdbscan (default: leiden; kmeans with --n-clusters)."),
    ] = None,
    granularity: Annotated[float, typer.Option(help="2 finds about twice as many groups, 0.5 half as many.")] = 1.0,
    outliers: Annotated[float, typer.Option(help="Share of documents to leave without a group.")] = 0.0,
    seed: o.Seed = 0,
    out: Annotated[Path | None, typer.Option("--out", "-o", help="Save the clustering here.")] = None,
    report: Annotated[Path | None, typer.Option(help="Write an HTML report to this file.")] = None,
    model: o.MaybeModel = None,
    text: o.TextColumn = None,
    id: o.IdColumn = None,
    drop_empty: o.DropEmpty = False,
    encoding: o.Encoding = None,
    separator: o.Separator = None,
    header: o.Header = None,
    columns: o.Columns = None,
    documents: o.Documents = None,
    overwrite: o.Overwrite = False,
    as_json: o.Json = False,
) -> None:
    """Group documents, name the groups and measure how stable they are."""
    from semspace.clusters.cluster import check_settings
    from semspace.clusters.cluster import cluster as find_groups

    check_settings(n_clusters, method, granularity, outliers, seed)  # before texts are encoded
    if out is not None:
        bundle.check_free(out, overwrite=overwrite)
    if report is not None:
        check_report(report, "--report", (".html",), overwrite=overwrite)
    options = inputs.TextOptions(text, id, drop_empty, encoding, separator, header, columns, documents)
    space = _encoded(source, options, model)
    groups = find_groups(
        space, n_clusters=n_clusters, method=method, granularity=granularity, outliers=outliers, seed=seed
    )
    if out is not None:
        groups.save(out, overwrite=overwrite)
    if report is not None:
        groups.to_html(report)
    labels = dict(zip(space.ids.tolist(), groups.labels.tolist(), strict=True))
    show(groups, {"groups": groups.to_frame().to_dicts(), "labels": labels}, as_json)
    if report is not None and not as_json:
        typer.echo(f"report written to {report}")


def _encoded(source: str, options: inputs.TextOptions, model: str | None) -> Space:
    """Return the space at a path, or texts encoded by a model."""
    from semspace.text.corpus import Corpus

    value = inputs.space_or_corpus(source, options, model=model)
    return inputs.read_encoder(model or inputs.DEFAULT_MODEL).embed(value) if isinstance(value, Corpus) else value


def compare(
    sources: Annotated[
        list[str], typer.Argument(metavar="A [B …]", help="Corpora, like INPUT of other commands, or saved spaces.")
    ],
    by: Annotated[str | None, typer.Option(help="Divide one corpus into parts by this column.")] = None,
    bins: Annotated[
        list[str] | None,
        typer.Option(help="Boundaries for --by: 1945, or 1850,1945, or 1945-05-08; may be repeated."),
    ] = None,
    groups: Annotated[
        str | None, typer.Option(help="Column of the unit that documents belong to, such as an author or a book.")
    ] = None,
    out: Annotated[Path | None, typer.Option("--out", "-o", help="Write a report: .html, .md or .json.")] = None,
    names: Annotated[str | None, typer.Option(help="Names of the corpora: sport,business.")] = None,
    permutations: Annotated[int, typer.Option(help="Number of permutations behind each p-value.")] = 999,
    seed: o.Seed = 0,
    long_texts: Annotated[
        str, typer.Option(help="Texts longer than the model reads: pool (mean of passages), cut or passages.")
    ] = "pool",
    model: o.MaybeModel = None,
    text: o.TextColumn = None,
    id: o.IdColumn = None,
    drop_empty: o.DropEmpty = False,
    encoding: o.Encoding = None,
    separator: o.Separator = None,
    header: o.Header = None,
    columns: o.Columns = None,
    documents: o.Documents = None,
    overwrite: o.Overwrite = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print JSON, or write it to a file: --json results.json.")
    ] = False,
) -> None:
    """Measure how corpora differ, how certain that is, what drives it, what they share and what each is like."""
    from semspace.comparison.compare import compare as compare_corpora
    from semspace.text.corpus import Corpus

    # No corpus is a .json file, so one behind --json is the file to write.
    corpora, json_file = _without_json(sources, as_json)
    for path, option, endings in ((out, "--out", tuple(_WRITERS)), (json_file, "--json", (".json",))):
        if path is not None:
            check_report(path, option, endings, overwrite=overwrite)
    options = inputs.TextOptions(text, id, drop_empty, encoding, separator, header, columns, documents)
    values = [inputs.space_or_corpus(source, options) for source in corpora]
    needs_model = any(isinstance(value, Corpus) for value in values)
    if model is not None and not needs_model:
        raise InputError("--model has no effect on saved spaces, which were encoded before; leave it out")
    comparison = compare_corpora(
        *values,
        by=by,
        bins=split_bins(bins) if bins else None,
        encoder=inputs.read_encoder(model or inputs.DEFAULT_MODEL) if needs_model else None,
        names=None if names is None else names.split(","),
        groups=groups,
        long_texts=long_texts,
        permutations=permutations,
        seed=seed,
    )
    if out is not None:
        getattr(comparison, _WRITERS[out.suffix.lower()])(out)
    if json_file is not None:
        comparison.to_json(json_file)
    show(comparison, comparison.to_dict(), as_json and json_file is None)
    if json_file is not None or not as_json:
        for path in (path for path in (out, json_file) if path is not None):
            typer.echo(f"{'report' if path == out else 'results'} written to {path}")


def _without_json(sources: Sequence[str], as_json: bool) -> tuple[list[str], Path | None]:
    """Separate the file that --json is to write from the corpora."""
    files = [source for source in sources if source.lower().endswith(".json")]
    if files and (not as_json or len(files) > 1):
        raise InputError(
            f"{files[0]} isn't a corpus: give a .jsonl, .csv, .tsv, .parquet or .txt file; "
            f"to write results, use --json FILE.json"
        )
    return [source for source in sources if source not in files], Path(files[0]) if files else None


def split_bins(values: Sequence[str]) -> list[str]:
    """Split the values of --bins at commas, except inside a date such as "May 8, 1945"."""
    from semspace.comparison.written_dates import read_date

    dates = [any(map(str.isalpha, text)) and bool(read_date(text)) for text in values]
    parts = [[text] if is_date else text.split(",") for text, is_date in zip(values, dates, strict=True)]
    return [part.strip() for texts in parts for part in texts]


def evaluate(
    vectors: Annotated[str, typer.Argument(help="A saved space, a file of vectors, or a model for texts.")],
    tasks: Annotated[list[str] | None, typer.Option(help="A task; may be repeated (default: all word tasks).")] = None,
    as_json: o.Json = False,
) -> None:
    """Measure how well vectors agree with human judgements.

    Tasks: wordsim353, simlex999, google-analogies, lee-documents; or a file of word pairs, analogies or rated
    sentences.
    """
    from semspace.evaluation.evaluate import WORD_TASKS
    from semspace.evaluation.evaluate import evaluate as score

    saved = bundle.is_bundle(vectors) or bundle.resolved_path(vectors).is_file()
    value = inputs.read_space(vectors) if saved else inputs.read_encoder(vectors)
    scores = score(value, tasks or WORD_TASKS)
    show(scores, scores.to_frame().to_dicts(), as_json)


def corpora(as_json: o.Json = False) -> None:
    """List the corpora that can be used by name, as corpus:NAME."""
    from semspace.corpora import table
    from semspace.display import text_table

    entries = table()
    show(text_table(entries.columns, entries.rows(), width=110), entries.to_dicts(), as_json)


def demo(
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder for the report and the saved values.")] = Path(
        "semspace-demo"
    ),
    as_json: o.Json = False,
) -> None:
    """Run a tour on real texts, from training to a report; works offline."""
    from semspace.demo import run

    results = run(out, say=(lambda _: None) if as_json else typer.echo)
    if as_json:
        show("", results, as_json)
