"""`KnownWords`: texts as rows of a space of words, tokenised as these words were."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import polars as pl

from semspace.errors import InputError
from semspace.space import Space
from semspace.text.normalization import spell
from semspace.text.tokenize import (
    CasedTokenizer,
    FastTokenizer,
    ListTokenizer,
    Tokenizer,
    WhitespaceTokenizer,
    get_tokenizer,
)
from semspace.types import Int32s1d, Ints1d

CASED = "cased"  # the fast tokenizer without lower-casing, for words of other tools


@dataclass(frozen=True, eq=False, repr=False)
class KnownWords:
    """The words of a space, and how texts are split into them.

    Parameters
    ----------
    words : Space
    tokenizer : str
        As `tokenizer_name` returns it.
    """

    words: Space
    tokenizer: str

    def __len__(self) -> int:
        return len(self.words)

    @cached_property
    def row_of(self) -> dict[str, int]:
        """The row of each word, and of its other Unicode normal form."""
        words = self.words.ids.tolist()
        row_of = {word: row for row, word in enumerate(words)}
        # Words of other tools may be in another Unicode normal form than the tokens of texts.
        for row, word in enumerate(words):
            if not word.isascii():
                row_of.setdefault(spell(word), row)
        return row_of

    def split(self, texts: Sequence[str]) -> pl.Series:
        """Return the words of each text, known or not, as a series of lists."""
        return self._tokenize(pl.Series("text", texts, dtype=pl.String))

    def rows(self, texts: Sequence[str]) -> tuple[Int32s1d, Ints1d]:
        """Return the rows of all words of n texts, ``len(self)`` for unknown ones, and how many each text has."""
        words = self.split(texts)
        row_of, unknown = self.row_of, len(self)
        rows = [row_of.get(word, unknown) for word in words.explode().drop_nulls().to_list()]
        return np.array(rows, np.int32), words.list.len().to_numpy().astype(np.int64)

    @cached_property
    def _tokenize(self) -> Callable[[pl.Series], pl.Series]:
        return CasedTokenizer() if self.tokenizer == CASED else get_tokenizer(self.tokenizer)


def tokenizer_name(words: Space, requested: str | None) -> str:
    """Return the name of the tokenizer: the requested one, or that of the text from which the words were trained."""
    text = words.provenance.get("text")
    recorded = text.get("tokenizer") if isinstance(text, Mapping) else None
    spec = recorded if requested is None else requested
    if spec is None:
        return "fast" if all(word == word.lower() for word in words.ids.tolist()) else CASED
    if requested is None and spec == ListTokenizer.name:
        return _best_tokenizer(words)
    if spec == CASED:
        return CASED
    try:
        return str(get_tokenizer(spec).name)
    except InputError as problem:
        if requested is not None:
            raise
        raise InputError(
            f"the words come from a custom tokenizer, {spec!r}, which isn't saved with them; "
            f"give tokenizer='fast', 'cased', 'icu', 'whitespace' or 'spacy:LANG'"
        ) from problem


def _best_tokenizer(words: Space) -> str:
    """Return the tokenizer that keeps the most words whole, for words from lists of tokens."""
    names = words.ids.tolist()
    series = pl.Series(names, dtype=pl.String)
    tokenizers: list[Tokenizer] = [FastTokenizer(), CasedTokenizer(), WhitespaceTokenizer()]
    n_whole = [
        sum(tokens == [name] for tokens, name in zip(t(series).to_list(), names, strict=True)) for t in tokenizers
    ]
    return tokenizers[int(np.argmax(n_whole))].name
