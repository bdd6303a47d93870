"""Commands on spaces: embed, convert, similar, query, analogy."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import typer

from semspace.cli import inputs, streams
from semspace.cli import options as o
from semspace.cli.output import check_folder, say_new_folders, show, write_vectors
from semspace.cli.queries import show_neighbors
from semspace.cli.text_options import DocumentOptions, TextOptions
from semspace.errors import InputError


def embed(
    source: o.Input,
    out: o.VectorsOut,
    model: o.Model = o.DEFAULT_MODEL,
    backend: Annotated[str, typer.Option(help="How vectors are computed: auto, fast, exact, torch or numpy.")] = "auto",
    long_texts: Annotated[
        str, typer.Option(help="Texts longer than the model reads: cut, pool (mean of passages) or passages.")
    ] = "cut",
    threads: o.Threads = None,
    *,
    texts: DocumentOptions,
    overwrite: o.Overwrite = False,
    as_json: o.Json = False,
) -> None:
    """Encode documents and save them as a space.

    After an interruption, the same command continues where it stopped. With --overwrite, only texts that the space
    doesn't have yet are encoded.
    """
    check_folder(out, overwrite=overwrite, or_stream=True)
    corpus = inputs.read_corpus(source, texts)
    encoder = inputs.read_encoder(model, backend, threads)
    to_stream = streams.is_stream(out)
    space = encoder.embed(corpus, out=None if to_stream else out, long_texts=long_texts, overwrite=overwrite)
    if to_stream:
        write_vectors(space)
        return
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
    source: Annotated[str, typer.Argument(metavar="VECTORS", help="A file of vectors (also .gz), or a saved space.")],
    out: Annotated[
        Path,
        typer.Option("--out", "-o", help="File to write, or folder of a space; - prints text."),
    ],
    to: Annotated[
        str | None, typer.Option(help="space, word2vec, word2vec-binary or glove (default for files: space).")
    ] = None,
    format: Annotated[
        str | None,
        typer.Option(
            "--from", help="word2vec, word2vec-binary, glove, fasttext, faiss or usearch (default: detected)."
        ),
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
    from semspace.formats import vectors
    from semspace.replacement import is_bundle

    to = _target_format(source, out, to)
    if to == "space":
        check_folder(out, overwrite=overwrite)
    elif not streams.is_stream(out):
        from semspace.formats.vector_file import check_file_free

        check_file_free(out, overwrite=overwrite)
        say_new_folders(out)
    if is_bundle(source):
        inputs.refuse_for(source, limit=limit, undecodable=undecodable, encoding=encoding, **{"from": format})
        space = inputs.read_space(source)
    else:
        given: dict[str, Any] = {"encoding": encoding, "undecodable": undecodable}
        chosen = {name: value for name, value in given.items() if value is not None}
        space = inputs.read_vectors(source, format=format, limit=limit, **chosen)
    if to == "space":
        space.save(out, overwrite=overwrite)
    else:
        with streams.written(out, ".txt") as place:
            vectors.write_vectors(space, place, format=to, overwrite=overwrite)
    if not streams.is_stream(out):
        plain = {"out": str(out), "format": to, "words": len(space), "dim": space.dim}
        show(f"{space!r}\nsaved to {out}", plain, as_json)


def _target_format(source: str, out: Path, to: str | None) -> str:
    from semspace import checks
    from semspace.formats import vectors
    from semspace.replacement import is_bundle

    if to is None and streams.is_stream(out):
        return "word2vec"
    if to is None and is_bundle(source):
        raise InputError(f"{source} is a space already; choose another format with --to: {', '.join(vectors.WRITERS)}")
    if to is None and out.suffix.lower() in (".txt", ".vec", ".bin", ".gz"):
        raise InputError(f"{out.name!r} looks like the name of a file; choose its format with --to")
    return checks.choice("--to", "space" if to is None else to, ("space", *vectors.WRITERS))


def similar(
    space: o.SpaceOrFile,
    query: Annotated[
        str | None, typer.Argument(metavar="WORD", help="An id of the space, or a text for its encoder; - reads many.")
    ] = None,
    k: o.K = 10,
    metric: o.SpaceMetric = "cosine",
    queries: o.Queries = None,
    restrict: o.Restrict = None,
    threads: o.Threads = None,
    *,
    texts: TextOptions,
    as_json: o.JsonLines = False,
) -> None:
    """Find the points nearest to a word, a document or a text."""

    def search(asked: list[str]) -> list[Any]:
        from semspace.sentences.lazy_encoder import for_one_text
        from semspace.threads import limited

        opened = inputs.read_space(space)
        encoder = for_one_text(opened.encoder) if len(asked) == 1 else opened.encoder
        if encoder is not opened.encoder:
            opened = replace(opened, encoder=encoder)
        with limited(threads):
            return opened.most_similar_batch(asked, k, restrict=restrict, metric=metric)

    show_neighbors(search, query, queries, texts, as_json=as_json)


def query(
    space: o.SpaceOrFile,
    expression: Annotated[
        str, typer.Argument(metavar="EXPRESSION", help='Words with signs between them, such as "king - man + woman".')
    ],
    k: o.K = 10,
    metric: o.SpaceMetric = "cosine",
    restrict: o.Restrict = None,
    threads: o.Threads = None,
    as_json: o.Json = False,
) -> None:
    """Find the points nearest to a sum of words.

    Whitespace stands before each sign; "2 * king" counts twice; inner quotation marks keep a name or a text together.
    """
    from semspace.threads import limited

    with limited(threads):
        neighbors = inputs.read_space(space).query(expression, k, restrict=restrict, metric=metric)
    show(neighbors, neighbors.to_frame().to_dicts(), as_json)


def analogy(
    space: o.SpaceOrFile,
    a: Annotated[str, typer.Argument(metavar="A")],
    b: Annotated[str, typer.Argument(metavar="B")],
    c: Annotated[str, typer.Argument(metavar="C")],
    k: o.K = 10,
    method: Annotated[str, typer.Option(help="3cosadd or 3cosmul.")] = "3cosadd",
    restrict: o.Restrict = None,
    threads: o.Threads = None,
    as_json: o.Json = False,
) -> None:
    """Complete "A is to B as C is to ?"."""
    from semspace.threads import limited

    with limited(threads):
        neighbors = inputs.read_space(space).analogy(a, b, c, k, method=method, restrict=restrict)
    show(neighbors, neighbors.to_frame().to_dicts(), as_json)
