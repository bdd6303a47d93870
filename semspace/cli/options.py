"""Arguments and options that several commands share, and how they become values."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from semspace.bundle import is_bundle, place_of
from semspace.errors import InputError

if TYPE_CHECKING:
    from semspace.sentences.base import Encoder
    from semspace.space import Space
    from semspace.text.corpus import Corpus
    from semspace.text.tokens import Tokens

DEFAULT_TOKENIZER = "fast"
DEFAULT_MODEL = "all-MiniLM-L6-v2"
CORPUS_PREFIX = "corpus:"

Input = Annotated[
    str,
    typer.Argument(
        metavar="INPUT",
        help="csv, tsv, jsonl, parquet or txt (also .gz), a folder, a glob, a saved corpus, or corpus:NAME.",
    ),
]
SpaceOrFile = Annotated[
    str, typer.Argument(metavar="SPACE", help="A saved space, or a file of vectors (convert makes it quick to open).")
]
Out = Annotated[Path, typer.Option("--out", "-o", help="Where to write the result.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON for machines.")]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace a semspace value that is at --out.")]
TextColumn = Annotated[str | None, typer.Option("--text", help="Column that holds the text.")]
IdColumn = Annotated[str | None, typer.Option("--id", help="Column that holds the ids.")]
DropEmpty = Annotated[bool, typer.Option("--drop-empty", help="Leave out documents without text.")]
Encoding = Annotated[str | None, typer.Option("--encoding", help="Encoding of text files; utf-8 if not given.")]
Model = Annotated[
    str, typer.Option("--model", "-m", help="A folder, an installed model package, or a model's name on the hub.")
]
MaybeModel = Annotated[
    str | None, typer.Option("--model", "-m", help=f"For texts: which encoder; {DEFAULT_MODEL} if not given.")
]
Seed = Annotated[int, typer.Option(help="Seed.")]
Checkpoint = Annotated[
    Path | None, typer.Option(help="Keep what is reached here meanwhile; goes when --out is written.")
]
CheckpointMinutes = Annotated[float, typer.Option(help="How often.")]
Resume = Annotated[bool, typer.Option("--resume", help="Go on from the checkpoint, if there is one.")]
Count = Annotated[int, typer.Option("-k", help="How many to show.")]


def read_corpus(
    given: str, text: str | None = None, id: str | None = None, drop_empty: bool = False, encoding: str | None = None
) -> Corpus:
    """Give the corpus that an INPUT argument means."""
    from semspace.corpora import load as load_named
    from semspace.saving import load
    from semspace.text.corpus import Corpus

    if given.startswith(CORPUS_PREFIX):
        refuse_options(given, text=text, id=id, drop_empty=drop_empty, encoding=encoding)
        named: Corpus = load_named(given.removeprefix(CORPUS_PREFIX))
        return named
    if is_bundle(given):
        refuse_options(given, text=text, id=id, drop_empty=drop_empty, encoding=encoding)
        value = load(given)
        if not isinstance(value, Corpus):
            raise InputError(f"{given} holds a {type(value).__name__}, not a Corpus or a file of texts")
        return value
    return Corpus.read(given, text=text, id=id, empty="drop" if drop_empty else "raise", encoding=encoding or "utf-8")


def read_tokens(
    given: str, text: str | None, drop_empty: bool, encoding: str | None, *, min_count: int, split: str
) -> Tokens:
    """Give the words of the texts that an INPUT argument means, read block by block; or saved tokens as they are."""
    from semspace.text.tokens import Tokens

    if given.startswith(CORPUS_PREFIX):
        return Tokens.from_corpus(
            read_corpus(given, text, None, drop_empty, encoding), min_count=min_count, split=split
        )
    if is_bundle(given):
        value = read_value(given)
        if isinstance(value, Tokens):
            chosen = None if split == DEFAULT_TOKENIZER else split
            refuse_options(given, text=text, drop_empty=drop_empty, encoding=encoding, tokenizer=chosen)
            return value
        return Tokens.from_corpus(
            read_corpus(given, text, None, drop_empty, encoding), min_count=min_count, split=split
        )
    empty = "drop" if drop_empty else "raise"
    return Tokens.read(given, text=text, min_count=min_count, split=split, encoding=encoding or "utf-8", empty=empty)


def refuse_options(given: str, **options: str | int | None) -> None:
    """Raise if options were given that what was named has no use for: none is silently ignored."""
    refuse_with(f"{given}, which was read before", **options)


def refuse_with(what: str, **options: str | int | None) -> None:
    """Raise if options were given that have no use with another one."""
    idle = next((name for name, value in options.items() if value), None)
    if idle is not None:
        raise InputError(f"--{idle.replace('_', '-')} has no use with {what}; leave it out")


def read_space(path: str) -> Space:
    """Give the space at a path, the one inside the index or clustering there, or a file's of another tool."""
    if place_of(path).is_file():
        from semspace.formats.vectors import read_vectors

        return read_vectors(path)
    value = read_value(path)
    space = getattr(value, "space", value)
    if not hasattr(space, "vectors"):
        raise InputError(
            f"{path} holds a {type(value).__name__}, which has no vectors; make a space with semspace embed"
        )
    return space  # type: ignore[no-any-return]


def read_value(path: str) -> Any:
    """Give whatever semspace value is at a path."""
    from semspace.saving import load

    return load(path)


def load_encoder(model: str, runtime: str = "auto") -> Encoder:
    """Give the encoder that --model means, run as --runtime says."""
    from semspace.sentences.base import Encoder

    return Encoder.load(model, runtime=runtime)
