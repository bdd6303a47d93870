"""Queries of a search, one or many, and how their results are printed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from semspace.cli import inputs, streams
from semspace.cli.output import show, show_each
from semspace.cli.text_options import TextOptions
from semspace.errors import InputError

if TYPE_CHECKING:
    from semspace.neighbors import Neighbors


def show_neighbors(
    search: Callable[[list[str]], Sequence[Neighbors]],
    query: str | None,
    queries: str | None,
    texts: TextOptions,
    *,
    as_json: bool,
) -> None:
    """Search for one query or for those of a file, and print what was found.

    JSON of one query is a list of neighbours; of many, an object a line with the query and its neighbours.
    """
    if streams.is_stream(query):
        query, queries = None, query if queries is None else _both()
    if (query is None) == (queries is None):
        _both()
    if queries is None:
        assert query is not None
        inputs.refuse_with("a single query", **texts.given)
        [neighbors] = search([query])
        show(neighbors, neighbors.to_frame().to_dicts(), as_json)
        return
    corpus = inputs.read_corpus(queries, texts)
    found = search(corpus.texts.to_list())
    plain = (
        {"id": id, "query": text, "neighbors": neighbors.to_frame().to_dicts()}
        for (id, text), neighbors in zip(corpus, found, strict=True)
    )
    show_each(found, plain, as_json)


def _both() -> str:
    raise InputError("give one query, or many with --queries FILE (- for standard input)")
