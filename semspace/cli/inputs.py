"""How arguments become values: a corpus, tokens, a space or an encoder."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

from semspace.bundle import is_bundle, resolved_path
from semspace.errors import InputError

if TYPE_CHECKING:
    from semspace.sentences.encoder import Encoder
    from semspace.space import Space
    from semspace.text.corpus import Corpus
    from semspace.text.tokens import Tokens

DEFAULT_TOKENIZER = "fast"
DEFAULT_MODEL = "all-MiniLM-L6-v2"
CORPUS_PREFIX = "corpus:"


@dataclass(frozen=True)
class TextOptions:
    """The options that say how the texts of an INPUT are read."""

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
        """Names and values of the options; those that weren't given have a false value."""
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        # --no-header is given as much as --header.
        return {**values, "header": None if self.header is None else "header"}

    @property
    def arguments(self) -> dict[str, Any]:
        """Keyword arguments of `Corpus.read` and `Tokens.read`."""
        return {
            "text": self.text,
            "empty": "drop" if self.drop_empty else "raise",
            "encoding": self.encoding or "utf-8",
            "separator": self.separator,
            "header": self.header,
            "columns": None if self.columns is None else self.columns.split(","),
            "documents": self.documents,
        }


def read_corpus(source: str, options: TextOptions) -> Corpus:
    """Return the corpus that an INPUT argument names."""
    from semspace.text.corpus import Corpus

    if source.startswith(CORPUS_PREFIX):
        from semspace.corpora import load as load_corpus

        refuse_for(source, **options.given)
        return load_corpus(source.removeprefix(CORPUS_PREFIX))
    if is_bundle(source):
        refuse_for(source, **options.given)
        value = read_value(source)
        if not isinstance(value, Corpus):
            raise InputError(f"{source} holds a {type(value).__name__}, not a Corpus or a file of texts")
        return value
    return Corpus.read(source, id=options.id, **options.arguments)


def read_tokens(source: str, options: TextOptions, *, min_count: int, tokenizer: str) -> Tokens:
    """Return the tokens of an INPUT argument: saved ones, or those of texts, which are read block by block."""
    from semspace.text.tokens import Tokens

    if source.startswith(CORPUS_PREFIX):
        return Tokens.from_corpus(read_corpus(source, options), min_count=min_count, tokenizer=tokenizer)
    if is_bundle(source):
        value = read_value(source)
        if isinstance(value, Tokens):
            chosen = None if tokenizer == DEFAULT_TOKENIZER else tokenizer
            refuse_for(source, **options.given, tokenizer=chosen)
            return value
        return Tokens.from_corpus(read_corpus(source, options), min_count=min_count, tokenizer=tokenizer)
    return Tokens.read(source, min_count=min_count, tokenizer=tokenizer, **options.arguments)


def read_space(path: str) -> Space:
    """Return the space at a path: a saved one, that of an index or clustering, or another tool's file of vectors."""
    if resolved_path(path).is_file():
        from semspace.formats.vectors import read_vectors

        return read_vectors(path)
    value = read_value(path)
    space = space_of(value)
    if space is None:
        raise InputError(
            f"{path} holds a {type(value).__name__}, which has no vectors; make a space with semspace embed"
        )
    return space


def space_or_corpus(source: str, options: TextOptions, **others: str | None) -> Space | Corpus:
    """Return the space at a path, or the corpus that it names.

    A space was read and encoded before, so options on texts, and `others`, are refused with it.
    """
    space = space_of(read_value(source)) if is_bundle(source) else None
    if space is None:
        return read_corpus(source, options)
    refuse_for(source, **others, **options.given)
    return space


def space_of(value: Any) -> Space | None:
    """Return a space, or the space of an index or clustering; None for a value without vectors."""
    space = getattr(value, "space", value)
    return space if hasattr(space, "vectors") else None


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


def read_encoder(model: str, backend: str = "auto") -> Encoder:
    """Return the encoder that --model names, computed as --backend says."""
    from semspace.sentences.encoder import Encoder

    return Encoder.load(model, backend=backend)
