"""Texts that are tokenised already: lists of words, checked and taken block by block."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import polars as pl

from semspace.errors import InputError
from semspace.text.normalization import canonical
from semspace.text.text_stream import Block

_WORDS = 1 << 17  # at a time
_WANTED = (
    "give a Corpus, Tokens, or lists of words such as [['a', 'cat'], ['a', 'dog']]; Tokens.from_lists takes lists, and "
    "Tokens.read(path, tokenizer='whitespace') a file of words with spaces between them"
)


def blocks_of_lists(documents: Any) -> Iterator[Block]:
    """Return an iterator over lists of words in blocks, or raise `InputError` if they aren't lists of words."""
    if isinstance(documents, pl.Series) and documents.dtype.base_type() in (pl.List, pl.Array):
        documents = documents.to_list()
    if isinstance(documents, (str, bytes, Mapping, set, frozenset)) or not isinstance(documents, Iterable):
        raise InputError(f"{_WANTED}; got {type(documents).__name__}")
    return _blocks(documents)


def _blocks(documents: Iterable[Any]) -> Iterator[Block]:
    held: list[list[str]] = []
    words = 0
    for number, document in enumerate(documents):
        held.append(_checked(document, number))
        words += len(held[-1]) + 1
        if words >= _WORDS:
            yield _block(held)
            held, words = [], 0
    if held:
        yield _block(held)


def _checked(document: Any, number: int) -> list[str]:
    if isinstance(document, str):
        raise InputError(
            f"{_WANTED}; item {number:,} is a text, {document[:40]!r}: for texts, make a corpus with Corpus.from_texts"
        )
    if isinstance(document, (bytes, Mapping, set, frozenset)) or not isinstance(document, Iterable):
        raise InputError(f"{_WANTED}; item {number:,} is of type {type(document).__name__}")
    words = list(document)
    for place, word in enumerate(words):
        if not isinstance(word, str) or not word.strip():
            got = "empty" if isinstance(word, str) else f"of type {type(word).__name__}: {word!r:.40}"
            raise InputError(
                f"words must be strings with something in them; word {place:,} of list {number:,} is {got}"
            )
    return words


def _block(held: list[list[str]]) -> Block:
    try:
        words = pl.Series([word for document in held for word in document], dtype=pl.String)
    except UnicodeEncodeError as problem:
        raise InputError("words must be sound Unicode; one of them holds half a character") from problem
    flat = pl.DataFrame({"document": _numbers(held), "word": canonical(words)})
    lists = flat.group_by("document", maintain_order=True).agg("word")
    every = pl.DataFrame({"document": pl.Series(range(len(held)), dtype=pl.Int64)})
    texts = every.join(lists, on="document", how="left", maintain_order="left")["word"]
    return Block((Path("the lists"),), 0, lambda: texts)


def _numbers(held: list[list[str]]) -> pl.Series:
    return pl.Series([number for number, document in enumerate(held) for _ in document], dtype=pl.Int64)
