"""Commands on spaces: embed, convert, similar, analogy."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from semspace import bundle
from semspace.cli import inputs
from semspace.cli import options as o
from semspace.cli.output import show
from semspace.errors import InputError


def embed(
    source: o.Input,
    out: o.Out,
    model: o.Model = inputs.DEFAULT_MODEL,
    text: o.TextColumn = None,
    id: o.IdColumn = None,
    drop_empty: o.DropEmpty = False,
    encoding: o.Encoding = None,
    separator: o.Separator = None,
    header: o.Header = None,
    columns: o.Columns = None,
    documents: o.Documents = None,
    backend: Annotated[str, typer.Option(help="How vectors are computed: auto, fast, exact or torch.")] = "auto",
    long_texts: Annotated[
        str, typer.Option(help="Texts longer than the model reads: cut, pool (mean of passages) or passages.")
    ] = "cut",
    overwrite: o.Overwrite = False,
    as_json: o.Json = False,
) -> None:
    """Encode documents and save them as a space.

    After an interruption, the same command continues where it stopped. With --overwrite, only texts that the space
    doesn't have yet are encoded.
    """
    bundle.check_free(out, overwrite=overwrite)
    options = inputs.TextOptions(text, id, drop_empty, encoding, separator, header, columns, documents)
    corpus = inputs.read_corpus(source, options)
    encoder = inputs.read_encoder(model, backend)
    space = encoder.embed(corpus, out=out, long_texts=long_texts, overwrite=overwrite)
    plain = {
        "out": str(out),
        "documents": len(corpus),
        "points": len(space),
        "dim": space.dim,
        "truncated": space.provenance["truncated"],
        "backend": encoder.backend,
        "implementation": encoder.implementation,
    }
    how = encoder.backend_reason or encoder.implementation
    show(f"{space!r}\nvectors computed by {how}\nsaved to {out}", plain, as_json)


def convert(
    source: Annotated[str, typer.Argument(metavar="INPUT", help="A file of vectors (also .gz), or a saved space.")],
    out: o.Out,
    to: Annotated[
        str | None, typer.Option(help="space, word2vec, word2vec-binary or glove (default for files: space).")
    ] = None,
    format: Annotated[
        str | None,
        typer.Option("--from", help="word2vec, word2vec-binary, glove or fasttext (default: detected)."),
    ] = None,
    limit: Annotated[int | None, typer.Option(help="Read only this many words, from the start of the file.")] = None,
    undecodable: Annotated[
        str | None, typer.Option(help="Words that --encoding can't decode: raise (default) or drop.")
    ] = None,
    encoding: o.Encoding = None,
    overwrite: o.Overwrite = False,
    as_json: o.Json = False,
) -> None:
    """Convert word vectors of another tool into a space, or a space into another tool's format."""
    from semspace import checks
    from semspace.formats import vector_file, vectors

    if to is None and bundle.is_bundle(source):
        raise InputError(f"{source} is a space already; choose another format with --to: {', '.join(vectors.WRITERS)}")
    to = checks.choice("--to", "space" if to is None else to, ("space", *vectors.WRITERS))
    if to == "space":
        bundle.check_free(out, overwrite=overwrite)
    else:
        vector_file.check_file_free(out, overwrite=overwrite)
    if bundle.is_bundle(source):
        inputs.refuse_for(source, limit=limit, undecodable=undecodable, encoding=encoding, **{"from": format})
        space = inputs.read_space(source)
    else:
        given: dict[str, Any] = {"encoding": encoding, "undecodable": undecodable}
        chosen = {name: value for name, value in given.items() if value is not None}
        space = vectors.read_vectors(source, format=format, limit=limit, **chosen)
    if to == "space":
        space.save(out, overwrite=overwrite)
    else:
        vectors.write_vectors(space, out, format=to, overwrite=overwrite)
    plain = {"out": str(out), "format": to, "words": len(space), "dim": space.dim}
    show(f"{space!r}\nsaved to {out}", plain, as_json)


def similar(
    space: o.SpaceOrFile,
    query: Annotated[str, typer.Argument(metavar="WORD", help="An id of the space, or a text for its encoder.")],
    k: o.K = 10,
    metric: o.Metric = "cosine",
    as_json: o.Json = False,
) -> None:
    """Find the points nearest to a word, a document or a text."""
    neighbors = inputs.read_space(space).most_similar(query, k, metric=metric)
    show(neighbors, neighbors.to_frame().to_dicts(), as_json)


def analogy(
    space: o.SpaceOrFile,
    a: Annotated[str, typer.Argument(metavar="A")],
    b: Annotated[str, typer.Argument(metavar="B")],
    c: Annotated[str, typer.Argument(metavar="C")],
    k: o.K = 10,
    method: Annotated[str, typer.Option(help="3cosadd or 3cosmul.")] = "3cosadd",
    as_json: o.Json = False,
) -> None:
    """Complete "A is to B as C is to ?"."""
    neighbors = inputs.read_space(space).analogy(a, b, c, k, method=method)
    show(neighbors, neighbors.to_frame().to_dicts(), as_json)
