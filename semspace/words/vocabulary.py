"""`TrainingVocabulary`: the words of a text that get vectors, and their counts."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import polars as pl

from semspace.errors import InputError
from semspace.space import Space
from semspace.text.tokens import Tokens
from semspace.text.vocabulary import empty_vocabulary_error
from semspace.types import Int32s1d, Ints1d

_ABSENT = -1


class TrainingVocabulary(NamedTuple):
    """The words that get vectors, the most frequent first.

    Parameters
    ----------
    words : n strings
    counts : ndarray of int64, shape (n,)
        Occurrences of each in the text; 0 for words that only `init` has.
    totals : ndarray of int64, shape (n,)
        The same with the counts of `init` added, in descending order.
    indices : ndarray of int32, shape (words of the text,)
        The index in `words` of each word id of the tokens; -1 for words that are left out.
    init_rows : ndarray of int32, shape (n,)
        The row of each word in `init`; -1 for a new word.
    """

    words: list[str]
    counts: Ints1d
    totals: Ints1d
    indices: Int32s1d
    init_rows: Int32s1d

    @classmethod
    def create(cls, tokens: Tokens, min_count: int, init: Space | None = None) -> TrainingVocabulary:
        """Return the words that occur at least `min_count` times, and all words of `init`."""
        return _new(tokens, min_count) if init is None else _extended(tokens, min_count, init)


def _new(tokens: Tokens, min_count: int) -> TrainingVocabulary:
    counts = tokens.vocabulary["count"].to_numpy().astype(np.int64)
    n = int(np.searchsorted(-counts, -min_count, side="right"))
    if not n:
        raise empty_vocabulary_error(min_count, int(counts[0]) if len(counts) else 0)
    words = tokens.words if n == len(counts) else tokens.words[:n]
    if n < 2:
        raise InputError(
            f"only the word {words[0][:80]!r} occurs at least {min_count} times, and one word has no neighbours; "
            f"lower min_count or give more text"
        )
    indices = np.where(np.arange(len(counts)) < n, np.arange(len(counts)), _ABSENT).astype(np.int32)
    return TrainingVocabulary(words, counts[:n], counts[:n], indices, np.full(n, _ABSENT, np.int32))


def _extended(tokens: Tokens, min_count: int, init: Space) -> TrainingVocabulary:
    text = tokens.vocabulary.with_columns(id=pl.int_range(pl.len(), dtype=pl.Int32))
    table = pl.DataFrame({"word": init.ids.tolist(), "row": np.arange(len(init), dtype=np.int32)})
    columns = init.metadata
    has_counts = columns is not None and "count" in columns.columns and columns["count"].dtype.is_integer()
    pretrained = table.with_columns(
        before=columns["count"] if has_counts and columns is not None else pl.lit(0, pl.Int64)
    )
    both = pretrained.join(text, on="word", how="full", coalesce=True, maintain_order="left_right")
    both = both.filter(pl.col("row").is_not_null() | (pl.col("count") >= min_count))
    both = both.with_columns(
        pl.col("before").cast(pl.Int64).fill_null(0), pl.col("count").cast(pl.Int64).fill_null(0)
    ).sort(pl.col("before") + pl.col("count"), descending=True, maintain_order=True)
    counts = both["count"].to_numpy()
    if int((counts > 0).sum()) < 2:
        raise InputError(
            "fewer than two of the words to train occur in this text; give more text, or lower min_count for new words"
        )
    ids = both["id"].fill_null(_ABSENT).to_numpy()
    indices = np.full(len(text), _ABSENT, np.int32)
    indices[ids[ids >= 0]] = np.flatnonzero(ids >= 0)
    init_rows = both["row"].fill_null(_ABSENT).to_numpy().astype(np.int32)
    totals = both["before"].to_numpy() + counts
    return TrainingVocabulary(both["word"].to_list(), counts, totals, indices, init_rows)
