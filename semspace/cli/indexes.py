"""Commands on indexes: index, search, duplicates, and add, update and delete, which change one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from semspace.cli import inputs
from semspace.cli import options as o
from semspace.cli.output import check_folder, show
from semspace.cli.queries import show_neighbors
from semspace.cli.text_options import DocumentOptions, TextOptions
from semspace.errors import InputError

if TYPE_CHECKING:
    from semspace.index.index import Index

_ALPHA = 0.5  # the share of the meaning


def index(
    space: o.SpaceOrFile,
    out: o.Out,
    method: Annotated[str, typer.Option(help="auto, exact or hnsw.")] = "auto",
    recall: Annotated[
        float, typer.Option(help="Share of the true nearest neighbours that a search should find.")
    ] = 0.95,
    metric: o.Metric = "cosine",
    threads: o.Threads = None,
    seed: o.Seed = 0,
    overwrite: o.Overwrite = False,
    as_json: o.Json = False,
) -> None:
    """Build a search index over a space."""
    from semspace import checks
    from semspace.index.building import SMALL
    from semspace.index.index import Index
    from semspace.threads import limited

    check_folder(out, overwrite=overwrite)
    checks.seed(seed)
    points = inputs.read_space(space)
    graph = method == "hnsw" or (method == "auto" and len(points) > SMALL and recall != 1)
    settings: dict[str, Any] = {"seed": seed} if graph else {}
    with limited(threads):
        built = Index.build(points, method, recall=recall, metric=metric, **settings)
    built.save(out, overwrite=overwrite)
    report = built.report()
    show(f"{built!r}\n{report!r}\nsaved to {out}", {"out": str(out), **report.to_dict()}, as_json)


def search(
    index: o.SavedIndex,
    query: Annotated[
        str | None, typer.Argument(metavar="TEXT", help="A text, or an id of the index; - reads many.")
    ] = None,
    id: Annotated[str | None, typer.Option("--id", help="Search near this point of the index instead.")] = None,
    k: o.K = 10,
    where: Annotated[str | None, typer.Option(help='A condition on the metadata, such as "year >= 2001".')] = None,
    exact: Annotated[bool, typer.Option("--exact", help="Compare with every point.")] = False,
    hybrid: Annotated[
        bool | None,
        typer.Option(
            "--hybrid/--no-hybrid",
            help="Whether the words of a text count beside its meaning; by default where the documents have texts.",
            show_default=False,
        ),
    ] = None,
    alpha: Annotated[
        float, typer.Option(help="The share of the meaning in a hybrid search: 0 is words alone, 1 meaning alone.")
    ] = _ALPHA,
    rerank: Annotated[
        str | None,
        typer.Option(help="Rank the best 50 again: maxsim, which compares tokens, or the folder of a cross-encoder."),
    ] = None,
    queries: o.Queries = None,
    threads: o.Threads = None,
    *,
    texts: TextOptions,
    as_json: o.JsonLines = False,
) -> None:
    """Find the documents nearest to a text or to another document, or those nearest to each text of a file.

    Documents with texts are found by meaning and by words.
    """
    from semspace.index.index import Index

    if id is not None:
        if query is not None or queries is not None:
            raise InputError("give a text, or --id, not both")
        inputs.refuse_with("--id", **texts.given)
        inputs.refuse_with("--id", hybrid=hybrid or None, rerank=rerank, alpha=str(alpha) if alpha != _ALPHA else None)
        neighbors = Index.open(index).search(id=id, k=k, where=where, exact=exact)
        show(neighbors, neighbors.to_frame().to_dicts(), as_json)
        return
    if query is None and queries is None:
        raise InputError("give a text to search for, or --id ID, or --queries FILE (- for standard input)")

    def find(asked: list[str]) -> list[Any]:
        from semspace.sentences.lazy_encoder import for_one_text

        opened = Index.open(index)
        how: dict[str, Any] = {"where": where, "exact": exact, "hybrid": hybrid, "alpha": alpha, "rerank": rerank}
        if len(asked) == 1:
            if rerank is None:  # which encodes many texts
                opened = Index.open(index, encoder=for_one_text(opened.encoder))
            return [opened.search(asked[0], k, **how)]
        return opened.search_batch(asked, k, **how, threads=threads)

    show_neighbors(find, query, queries, texts, as_json=as_json)


def duplicates(
    index: o.SavedIndex,
    min_score: Annotated[
        float, typer.Option(help="Show pairs with at least this similarity, at most 1 for the cosine.")
    ] = 0.95,
    threads: o.Threads = None,
    as_json: o.Json = False,
) -> None:
    """Find all pairs of documents that are nearly the same."""
    from semspace.display import text_table
    from semspace.index.index import Index
    from semspace.threads import limited

    with limited(threads):
        pairs = Index.open(index).duplicates(min_score)
    text = f"{len(pairs):,} pairs with a similarity of at least {min_score:g}\n"
    show(text + text_table(pairs.columns, pairs.iter_rows()), pairs.to_dicts(), as_json)


def add(
    index: o.SavedIndex,
    source: o.SpaceOrInput,
    threads: o.Threads = None,
    *,
    texts: DocumentOptions,
    as_json: o.Json = False,
) -> None:
    """Add documents to an index: texts, which its encoder encodes, or the points of a space.

    Their ids must be new, and their columns those of the index. When the command ends, they are safe on the disk.
    """
    _change(index, "add", source, texts, threads, as_json=as_json)


def update(
    index: o.SavedIndex,
    source: o.SpaceOrInput,
    threads: o.Threads = None,
    *,
    texts: DocumentOptions,
    as_json: o.Json = False,
) -> None:
    """Replace documents of an index, by the ids that they have there."""
    _change(index, "update", source, texts, threads, as_json=as_json)


def upsert(
    index: o.SavedIndex,
    source: o.SpaceOrInput,
    threads: o.Threads = None,
    *,
    texts: DocumentOptions,
    as_json: o.Json = False,
) -> None:
    """Add documents to an index, or replace those whose ids it has already."""
    _change(index, "upsert", source, texts, threads, as_json=as_json)


def _change(path: str, verb: str, source: str, texts: DocumentOptions, threads: int | None, *, as_json: bool) -> None:
    from semspace.index.index import Index
    from semspace.text.corpus import Corpus
    from semspace.threads import limited

    points = inputs.space_or_corpus(source, texts)
    with limited(threads), Index.open(path, writable=True) as opened:
        change = getattr(opened, verb)
        if isinstance(points, Corpus):
            table = points.frame.drop("id") if opened.columns else None
            change(points.ids.to_list(), points.texts.to_list(), table)
        else:
            change(points.ids.tolist(), points.vectors, points.metadata)
        _show_change(opened, verb, len(points), path, as_json=as_json)


def delete(
    index: o.SavedIndex,
    ids: Annotated[list[str] | None, typer.Argument(metavar="[ID …]", help="Ids of the documents to delete.")] = None,
    ids_file: Annotated[
        str | None, typer.Option("--ids", metavar="FILE", help="A file of ids, one a line; - for standard input.")
    ] = None,
    as_json: o.Json = False,
) -> None:
    """Delete documents of an index by their ids."""
    from semspace.index.index import Index

    if bool(ids) == (ids_file is not None):
        raise InputError("give the ids to delete, or --ids FILE with one id a line")
    names = ids or inputs.read_lines(str(ids_file))
    with Index.open(index, writable=True) as opened:
        opened.delete(names)
        _show_change(opened, "delete", len(names), index, as_json=as_json)


def _show_change(index: Index, verb: str, count: int, path: str, *, as_json: bool) -> None:
    done = {"add": "added", "update": "updated", "upsert": "written", "delete": "deleted"}[verb]
    plain = {"index": path, done: count, "points": len(index)}
    show(f"{count:,} {'document' if count == 1 else 'documents'} {done}\n{index!r}", plain, as_json)
