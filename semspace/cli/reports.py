"""Commands that report on corpora: compare, corpora, demo."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from semspace.cli import inputs, streams
from semspace.cli import options as o
from semspace.cli.output import check_folder, check_report, say, show
from semspace.cli.text_options import DocumentOptions
from semspace.deprecation import REMOVAL
from semspace.errors import InputError, SemspaceWarning

if TYPE_CHECKING:
    from semspace.comparison.comparison import Comparison

_WRITERS = {".html": "to_html", ".md": "to_markdown", ".json": "to_json"}


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
    out: o.MaybeOut = None,
    report: Annotated[
        Path | None, typer.Option(help="Write a report to this file: .html, .md or .json; - prints HTML.")
    ] = None,
    title: o.Title = None,
    names: Annotated[str | None, typer.Option(help="Names: sport,business (default: of their files).")] = None,
    permutations: Annotated[int, typer.Option(help="Number of permutations behind each p-value.")] = 999,
    seed: o.Seed = 0,
    threads: o.Threads = None,
    long_texts: Annotated[
        str, typer.Option(help="Texts longer than the model reads: pool (mean of passages), cut or passages.")
    ] = "pool",
    model: o.MaybeModel = None,
    *,
    texts: DocumentOptions,
    overwrite: o.Overwrite = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print JSON, or write it to a file: --json results.json.")
    ] = False,
) -> None:
    """Measure how corpora differ, how certain that is, what drives it, what they share and what each is like."""
    from semspace.comparison.compare import compare as compare_corpora
    from semspace.text.corpus import Corpus

    corpora, json_file = _without_json(sources, as_json)
    out, report = _report_of_old(out, report)
    if out is not None:
        check_folder(out, overwrite=overwrite)
    for path, option, endings in ((report, "--report", tuple(_WRITERS)), (json_file, "--json", (".json",))):
        if path is not None:
            check_report(path, option, endings, overwrite=overwrite)
    _check_title(title, report)
    values = [inputs.space_or_corpus(source, texts) for source in corpora]
    needs_model = any(isinstance(value, Corpus) for value in values)
    if model is not None and not needs_model:
        raise InputError("--model has no effect on saved spaces, which were encoded before; leave it out")
    comparison = compare_corpora(
        *values,
        by=by,
        bins=split_bins(bins) if bins else None,
        encoder=inputs.read_encoder(model or o.DEFAULT_MODEL, threads=threads) if needs_model else None,
        names=names.split(",") if names is not None else _names_of(corpora) if by is None else None,
        groups=groups,
        long_texts=long_texts,
        permutations=permutations,
        seed=seed,
        threads=threads,
    )
    if out is not None:
        comparison.save(out, overwrite=overwrite)
    if report is not None:
        _write_report(comparison, report, title)
    if json_file is not None:
        comparison.to_json(json_file)
    if report is not None and streams.is_stream(report):
        return
    show(comparison, comparison.to_dict(), as_json and json_file is None)
    if json_file is not None or not as_json:
        for what, place in (("report", report), ("results", json_file)):
            if place is not None:
                say(f"{what} written to {place}")
        if out is not None:
            say(f"saved to {out}")


def _names_of(sources: Sequence[str]) -> list[str] | None:
    """Return names of corpora from those of their files; None if they aren't different."""
    names = [
        "standard input" if streams.is_stream(source) else Path(source.removeprefix(inputs.CORPUS_PREFIX)).name
        for source in sources
    ]
    names = [name.partition(".")[0] or name for name in names]
    return names if len(set(names)) == len(names) and all(names) else None


def _report_of_old(out: Path | None, report: Path | None) -> tuple[Path | None, Path | None]:
    """Return --out and --report; until 0.3 a file name for --out is that of the report, as it was before 0.2."""
    if out is None or out.suffix.lower() not in _WRITERS or report is not None:
        return out, report
    message = f"for a report use --report {out}; --out will be a folder for the comparison from semspace {REMOVAL} on"
    warnings.warn(message, SemspaceWarning, stacklevel=2)
    return None, out


def _check_title(title: str | None, report: Path | None) -> None:
    if report is None or report.suffix.lower() == ".json":
        inputs.refuse_with("a comparison without a page (--report)", title=title)


def _write_report(comparison: Comparison, path: Path, title: str | None) -> None:
    if streams.is_stream(path):
        with streams.written(path, ".html") as place:
            comparison.to_html(place, data=False, title=title)
        return
    options = {} if title is None else {"title": title}
    getattr(comparison, _WRITERS[path.suffix.lower()])(path, **options)


def _without_json(sources: Sequence[str], as_json: bool) -> tuple[list[str], Path | None]:
    """Separate the file that --json is to write, the last one that ends in .json, from the corpora."""
    files = [place for place, source in enumerate(sources) if source.lower().endswith(".json")]
    if not as_json or not files:
        return list(sources), None
    return [source for place, source in enumerate(sources) if place != files[-1]], Path(sources[files[-1]])


def split_bins(values: Sequence[str]) -> list[str]:
    """Split the values of --bins at commas, except inside a date such as "May 8, 1945"."""
    from semspace.comparison.written_dates import read_date

    dates = [any(map(str.isalpha, text)) and bool(read_date(text)) for text in values]
    parts = [[text] if is_date else text.split(",") for text, is_date in zip(values, dates, strict=True)]
    return [part.strip() for texts in parts for part in texts]


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
