"""Texts that are tokenised already: lists of words, checked and read block by block."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import polars as pl

from semspace.errors import InputError
from semspace.text.normalization import to_nfc
from semspace.text.text_stream import TextBlock

_WORDS = 1 << 17  # number of words in a block
_WANTED = (
    "pass a Corpus, Tokens, or lists of words such as [['a', 'cat'], ['a', 'dog']]; Tokens.from_lists takes lists, and "
    "Tokens.read(path, tokenizer='whitespace') a file of words with spaces between them"
)


def word_list_blocks(documents: Any) -> Iterator[TextBlock]:
    """Return an iterator over lists of words in blocks, or raise `InputError` if they aren't lists of words."""
    if isinstance(documents, pl.Series) and documents.dtype.base_type() in (pl.List, pl.Array):
        documents = documents.to_list()
    if isinstance(documents, (str, bytes, Mapping, set, frozenset)) or not isinstance(documents, Iterable):
        raise InputError(f"{_WANTED}; got {type(documents).__name__}")
    return _blocks(documents)


def _blocks(documents: Iterable[Any]) -> Iterator[TextBlock]:
    pending: list[list[str]] = []
    words = 0
    for number, document in enumerate(documents):
        pending.append(_checked(document, number))
        words += len(pending[-1]) + 1
        if words >= _WORDS:
            yield _block(pending)
            pending, words = [], 0
    if pending:
        yield _block(pending)


def _checked(document: Any, number: int) -> list[str]:
    if isinstance(document, str):
        raise InputError(f"{_WANTED}; item {number:,} is a string, {document[:40]!r}: for texts, use Corpus.from_texts")
    if isinstance(document, (bytes, Mapping, set, frozenset)) or not isinstance(document, Iterable):
        raise InputError(f"{_WANTED}; item {number:,} is of type {type(document).__name__}")
    words = list(document)
    for position, word in enumerate(words):
        if not isinstance(word, str) or not word.strip():
            got = "empty" if isinstance(word, str) else f"of type {type(word).__name__}: {word!r:.40}"
            raise InputError(f"words must be strings that aren't blank; word {position:,} of list {number:,} is {got}")
    return words


def _block(word_lists: list[list[str]]) -> TextBlock:
    try:
        words = pl.Series([word for document in word_lists for word in document], dtype=pl.String)
    except UnicodeEncodeError as problem:
        raise InputError("words must be valid Unicode; one of them contains a lone surrogate") from problem
    flat = pl.DataFrame({"document": _numbers(word_lists), "word": to_nfc(words)})
    lists = flat.group_by("document", maintain_order=True).agg("word")
    every = pl.DataFrame({"document": pl.Series(range(len(word_lists)), dtype=pl.Int64)})
    texts = every.join(lists, on="document", how="left", maintain_order="left")["word"]
    return TextBlock((Path("the lists"),), 0, lambda: texts)


def _numbers(lists: list[list[str]]) -> pl.Series:
    return pl.Series([number for number, document in enumerate(lists) for _ in document], dtype=pl.Int64)
