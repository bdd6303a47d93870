"""Arguments and options that several commands share, and how they become values."""

from __future__ import annotations

from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from semspace.bundle import is_bundle, place_of
from semspace.errors import InputError

if TYPE_CHECKING:
    from semspace.sentences.encoder import Encoder
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
Separator = Annotated[
    str | None, typer.Option("--separator", help="Between columns of a csv: ';', tab …; told by the file if not given.")
]
Header = Annotated[bool | None, typer.Option("--header/--no-header", help="Whether a csv has a row of column names.")]
Columns = Annotated[str | None, typer.Option("--columns", help="Names of the columns of a csv without: id,text.")]
Documents = Annotated[
    str | None,
    typer.Option("--documents", help="Of .txt: lines, file or paragraphs; lines if it is one file."),
]
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


@dataclass(frozen=True)
class Texts:
    """What was said of the texts that an INPUT argument means."""

    text: str | None = None
    id: str | None = None
    drop_empty: bool = False
    encoding: str | None = None
    separator: str | None = None
    header: bool | None = None
    columns: str | None = None
    documents: str | None = None

    @property
    def given(self) -> dict[str, str | int | None]:
        """The options that were given, as names and values."""
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        # --no-header is given as much as --header.
        return {**values, "header": None if self.header is None else "header"}

    @property
    def arguments(self) -> dict[str, Any]:
        """What `Corpus.read` and `Tokens.read` both are told."""
        return {
            "text": self.text,
            "empty": "drop" if self.drop_empty else "raise",
            "encoding": self.encoding or "utf-8",
            "separator": self.separator,
            "header": self.header,
            "columns": None if self.columns is None else self.columns.split(","),
            "documents": self.documents,
        }


def read_corpus(given: str, said: Texts) -> Corpus:
    """Give the corpus that an INPUT argument means."""
    from semspace.corpora import load as load_named
    from semspace.saving import load
    from semspace.text.corpus import Corpus

    if given.startswith(CORPUS_PREFIX):
        refuse_options(given, **said.given)
        named: Corpus = load_named(given.removeprefix(CORPUS_PREFIX))
        return named
    if is_bundle(given):
        refuse_options(given, **said.given)
        value = load(given)
        if not isinstance(value, Corpus):
            raise InputError(f"{given} holds a {type(value).__name__}, not a Corpus or a file of texts")
        return value
    return Corpus.read(given, id=said.id, **said.arguments)


def read_tokens(given: str, said: Texts, *, min_count: int, tokenizer: str) -> Tokens:
    """Give the words of the texts that an INPUT argument means, read block by block; or saved tokens as they are."""
    from semspace.text.tokens import Tokens

    if given.startswith(CORPUS_PREFIX):
        return Tokens.from_corpus(read_corpus(given, said), min_count=min_count, tokenizer=tokenizer)
    if is_bundle(given):
        value = read_value(given)
        if isinstance(value, Tokens):
            chosen = None if tokenizer == DEFAULT_TOKENIZER else tokenizer
            refuse_options(given, **said.given, tokenizer=chosen)
            return value
        return Tokens.from_corpus(read_corpus(given, said), min_count=min_count, tokenizer=tokenizer)
    return Tokens.read(given, min_count=min_count, tokenizer=tokenizer, **said.arguments)


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
    from semspace.sentences.encoder import Encoder

    return Encoder.load(model, backend=runtime)
