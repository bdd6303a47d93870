"""How arguments become values: a corpus, tokens, a space or an encoder."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from semspace.cli import streams
from semspace.cli.options import DEFAULT_MODEL
from semspace.errors import InputError, UnknownIdError

if TYPE_CHECKING:
    from semspace.cli.text_options import TextOptions
    from semspace.sentences.encoder import Encoder
    from semspace.space import Space
    from semspace.text.corpus import Corpus
    from semspace.text.tokens import Tokens

DEFAULT_TOKENIZER = "fast"
CORPUS_PREFIX = "corpus:"


def read_corpus(source: str, options: TextOptions) -> Corpus:
    """Return the corpus that an INPUT argument names, or those of its documents that --where chooses."""
    where = getattr(options, "where", None)
    corpus = _read_corpus(source, options)
    return corpus if where is None else corpus.filter(where)


def _read_corpus(source: str, options: TextOptions) -> Corpus:
    from semspace.replacement import is_bundle
    from semspace.text.corpus import Corpus

    if streams.is_stream(source):
        with streams.standard_input(format_of(options)) as path:
            corpus = Corpus.read(path, **options.arguments)
        return replace(corpus, provenance={**corpus.provenance, "source": "standard input"})
    refuse_with(f"{source}, which isn't standard input", format=options.format)
    read_before = {name: value for name, value in options.given.items() if name != "where"}
    if source.startswith(CORPUS_PREFIX):
        refuse_for(source, **read_before)
        return _named_corpus(source.removeprefix(CORPUS_PREFIX))
    if is_bundle(source):
        refuse_for(source, **read_before)
        value = read_value(source)
        if not isinstance(value, Corpus):
            raise InputError(f"{source} holds a {type(value).__name__}, not a Corpus or a file of texts")
        return value
    return Corpus.read(source, **options.arguments)


def _named_corpus(name: str) -> Corpus:
    from semspace import checks, corpora

    known = corpora.table()["name"].to_list()
    if name not in known:
        near = checks.nearest_spellings(name, known, 1)
        hint = f"did you mean {CORPUS_PREFIX}{near[0]}?" if near else f"there are {', '.join(known)}"
        raise UnknownIdError(f"no corpus {name!r} in the catalogue; {hint}")
    return corpora.load(name)


def format_of(options: TextOptions) -> str | None:
    """Return the value of --format; raise `InputError` for a format that can't be read."""
    from semspace import checks

    return None if options.format is None else checks.choice("--format", options.format, streams.FORMATS)


def read_tokens(source: str, options: TextOptions, *, min_count: int, tokenizer: str) -> Tokens:
    """Return the tokens of an INPUT argument: saved ones, or those of texts, which are read block by block."""
    from semspace.replacement import is_bundle
    from semspace.text.tokens import Tokens

    if streams.is_stream(source):
        with streams.standard_input(format_of(options)) as path:
            return Tokens.read(path, min_count=min_count, tokenizer=tokenizer, **options.arguments)
    refuse_with(f"{source}, which isn't standard input", format=options.format)
    if is_bundle(source):
        value = read_value(source)
        if isinstance(value, Tokens):
            chosen = None if tokenizer == DEFAULT_TOKENIZER else tokenizer
            refuse_for(source, **options.given, tokenizer=chosen)
            return value
    if source.startswith(CORPUS_PREFIX) or is_bundle(source):
        return Tokens.from_corpus(read_corpus(source, options), min_count=min_count, tokenizer=tokenizer)
    return Tokens.read(source, min_count=min_count, tokenizer=tokenizer, **options.arguments)


def read_lines(path: str) -> list[str]:
    """Return the lines of a file, or of standard input for ``-``, without those that are empty."""
    from semspace.text.decoding import read_text

    if streams.is_stream(path):
        with streams.standard_input("txt") as place:
            return read_lines(str(place))
    text = read_text(Path(path), "utf-8")
    return [line.strip() for line in text.splitlines() if line.strip()]


def read_space(path: str) -> Space:
    """Return the space at a path: a saved one, that of an index or clustering, or another tool's file of vectors."""
    from semspace.files import resolved_path

    if streams.is_stream(path) or resolved_path(path).is_file():
        return read_vectors(path)
    value = read_value(path)
    space = space_of(value)
    if space is None:
        raise InputError(
            f"{path} holds a {type(value).__name__}, which has no vectors; make a space with semspace embed"
        )
    return space


def read_vectors(path: str, **options: Any) -> Space:
    """Return the space of a file of vectors, or of standard input for ``-``; options as in `semspace.read_vectors`."""
    from semspace.formats import vectors
    from semspace.text.files import format_or_none

    if streams.is_stream(path):
        with streams.standard_input("vectors") as place:
            return vectors.read_vectors(place, **options)
    if format_or_none(Path(path)) not in (None, "txt"):  # files of vectors may end in .txt
        raise InputError(f"{path} is a file of texts, not of vectors; encode it first with semspace embed")
    return vectors.read_vectors(path, **options)


def space_or_corpus(source: str, options: TextOptions, **others: str | None) -> Space | Corpus:
    """Return the space at a path, or the corpus that it names.

    A space was read and encoded before, so options on texts, and `others`, are refused with it, except --where.
    """
    from semspace.replacement import is_bundle

    space = space_of(read_value(source)) if is_bundle(source) else None
    if space is None:
        return read_corpus(source, options)
    given = options.given
    where = given.pop("where", None)
    refuse_for(source, **others, **given)
    return space if where is None else _filtered(space, str(where))


def _filtered(space: Space, where: str) -> Space:
    """Return the points of a space whose metadata match a condition."""
    import polars as pl

    from semspace.text.filters import matching

    ids = pl.Series("id", space.ids.tolist(), dtype=pl.String)
    table = pl.DataFrame([ids]) if space.metadata is None else space.metadata.with_columns(ids)
    chosen = ids.filter(matching(table, where)).to_list()
    if not chosen:
        raise InputError(f"no point of {len(space):,} matches {where!r}; change --where")
    return space.select(chosen)


def space_of(value: Any) -> Space | None:
    """Return a space, or the space of an index or clustering; None for a value without vectors."""
    space = getattr(value, "space", value)
    return space if hasattr(space, "vectors") else None


def encoded(
    source: str, options: TextOptions, model: str | None, threads: int | None, *, column: str | None = None
) -> Space:
    """Return the space at a path, or texts encoded by a model; `column` is a column that they must have."""
    from semspace import checks
    from semspace.text.corpus import Corpus

    value = space_or_corpus(source, options, model=model)
    table = value.frame if isinstance(value, Corpus) else value.metadata
    if column is not None and (table is None or column not in table.columns):
        raise InputError(checks.missing_column("--times", column, [] if table is None else table.columns))
    if not isinstance(value, Corpus):
        return value
    return read_encoder(model or DEFAULT_MODEL, threads=threads).embed(value)


def refuse_for(source: str, **options: str | int | None) -> None:
    """Raise if options were given that have no effect on a saved value: none is silently ignored."""
    refuse_with(f"{source}, which was read before", **options)


def refuse_with(what: str, **options: str | int | None) -> None:
    """Raise if options were given that have no effect together with `what`."""
    idle = next((name for name, value in options.items() if value), None)
    if idle is not None:
        raise InputError(f"--{idle.replace('_', '-')} has no effect on {what}; leave it out")


def read_value(path: str) -> Any:
    """Return the semspace value at a path, whatever it is."""
    from semspace.saving import load

    return load(path)


def saved_value(path: str) -> Any:
    """Return the semspace value at a path, or None where there is none, such as at a file of vectors."""
    from semspace.replacement import is_bundle

    return read_value(path) if is_bundle(path) else None


def read_encoder(model: str, backend: str = "auto", threads: int | None = None) -> Encoder:
    """Return the encoder that --model names, computed as --backend says."""
    from semspace.sentences.encoder import Encoder

    return Encoder.load(model, backend=backend, threads=threads)
