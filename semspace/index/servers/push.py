"""Points of any collection → a server; a push that was interrupted goes on where it was."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import polars as pl

from semspace import checks
from semspace.errors import InputError
from semspace.index.collection import Collection
from semspace.index.servers.addresses import check_token, collection_type
from semspace.index.servers.collection import ServerCollection, checked_json
from semspace.progress import bar

MetadataOf = Callable[[Sequence[str]], "pl.DataFrame | None"]


def push(
    source: Collection,
    uri: str,
    collection: str,
    *,
    metadata_of: MetadataOf | None = None,
    facts: Mapping[str, Any] | None = None,
    token: str | None = None,
    batch: int = 1_000,
    progress: bool = True,
    overwrite: bool = False,
) -> ServerCollection:
    """Copy all live points of a collection to a server.

    Run again after it was interrupted, it asks which points are there already, and sends the others.

    Parameters
    ----------
    source : Collection
    uri, collection, token
        See `Index.connect`. The collection is made where it isn't there.
    metadata_of : callable, optional
        Gives the metadata of ids as a table, in their order; for no ids an empty table with the same columns. By
        default `source.metadata`, where the source has such a method.
    facts : mapping, optional
        What the points are: the fingerprint of their space, its encoder. By default `source.facts`, where it has them.
        A collection that is there must have the same.
    batch : int
        Points sent at a time.
    progress : bool
        Show a bar to people on long work.
    overwrite : bool
        Drop a collection of this name first, with all its points.

    Returns
    -------
    ServerCollection
        Connected; close it when done.

    Raises
    ------
    InputError
        If the collection holds points of another space.
    """
    checks.whole("batch", batch)
    checks.flag("overwrite", overwrite)
    checks.flag("progress", progress)
    check_token(token)
    lookup = metadata_of or getattr(source, "metadata", None)
    if source.columns and lookup is None:
        raise InputError("this collection has metadata, so push needs metadata_of= to look it up")
    empty = lookup([]) if lookup is not None else None
    schema = None if empty is None else empty.schema
    wanted = checked_json(facts if facts is not None else getattr(source, "facts", {}))
    kind = collection_type(uri)
    target = None if overwrite else kind.connect_or_none(uri, collection, token)
    if target is not None:
        _check_same(target, source, schema, wanted)
    else:
        target = kind.create(
            uri,
            collection,
            dim=source.dim,
            metric=source.metric,
            metadata_schema=schema,
            facts=wanted,
            token=token,
            overwrite=overwrite,
        )
    try:
        _send(source, target, lookup if empty is not None else None, batch, progress)
        target.settle()
    except BaseException:
        target.close()
        raise
    return target


def _check_same(
    target: ServerCollection, source: Collection, schema: pl.Schema | None, facts: Mapping[str, Any]
) -> None:
    """Raise `InputError`, and close the target, where it wasn't made for these points."""
    there = {"dim": target.dim, "metric": target.metric, "columns": _shown(target.fields.schema), **target.facts}
    here = {"dim": source.dim, "metric": source.metric, "columns": _shown(schema), **facts}
    other = next((name for name in [*here, *there] if here.get(name) != there.get(name)), None)
    if other is None:
        return
    target.close()
    be = "are" if other == "columns" else "is"
    raise InputError(
        f"the collection {target.name!r} in {target.server.uri} holds points of another space: its {other} {be} "
        f"{there.get(other)!r}, and here it is {here.get(other)!r}; take another name, or overwrite=True"
    )


def _shown(schema: pl.Schema | None) -> str:
    return "none" if schema is None else ", ".join(f"{name} ({dtype})" for name, dtype in schema.items())


def _send(source: Collection, target: ServerCollection, lookup: MetadataOf | None, batch: int, progress: bool) -> None:
    with bar(f"pushing to {target.title}", len(source), unit="point", progress=progress) as shown:
        for ids, vectors in source.pieces():
            for start in range(0, len(ids), batch):
                some = ids[start : start + batch]
                rows = [row for row, there in enumerate(target.present(some)) if not there]
                if rows:
                    names = [some[row] for row in rows]
                    metadata = None if lookup is None else lookup(names)
                    target.write("insert", names, vectors[start : start + batch][rows], metadata)
                shown.update(len(some))
