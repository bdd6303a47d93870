"""`Vocabulary`: which words of a text get vectors, and how often they come."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import polars as pl

from semspace.errors import InputError
from semspace.space import Space
from semspace.text.tokens import Tokens
from semspace.text.vocabulary import empty_vocabulary_error

_LEFT_OUT = -1
Counts = npt.NDArray[np.int64]


class Vocabulary(NamedTuple):
    """The words that are trained, the most frequent first.

    Parameters
    ----------
    words : n strings
    counts : ndarray of int64, shape (n,)
        How often each comes in the text to train on; 0 for words that only the start has.
    totals : ndarray of int64, shape (n,)
        With what was counted before. Counts don't increase down the list.
    places : ndarray of int32, shape (words of the text,)
        Where each word id of the tokens is in this list; -1 where it is left out.
    before : ndarray of int32, shape (n,)
        The row of each word in the start; -1 for a new word.
    """

    words: list[str]
    counts: Counts
    totals: Counts
    places: npt.NDArray[np.int32]
    before: npt.NDArray[np.int32]

    @classmethod
    def of(cls, tokens: Tokens, min_count: int, start: Space | None = None) -> Vocabulary:
        """Take the words seen `min_count` times, and all words of the start, however rare they are here."""
        return _continued(tokens, min_count, start) if start is not None else _fresh(tokens, min_count)


def _fresh(tokens: Tokens, min_count: int) -> Vocabulary:
    counts = tokens.vocabulary["count"].to_numpy().astype(np.int64)
    n = int(np.searchsorted(-counts, -min_count, side="right"))
    if not n:
        raise empty_vocabulary_error(min_count, int(counts[0]) if len(counts) else 0)
    words = tokens.words if n == len(counts) else tokens.words[:n]
    if n < 2:
        raise InputError(
            f"only the word {words[0][:80]!r} comes at least {min_count} times, and one word has no neighbours; "
            f"lower min_count or give more text"
        )
    places = np.where(np.arange(len(counts)) < n, np.arange(len(counts)), _LEFT_OUT).astype(np.int32)
    return Vocabulary(words, counts[:n], counts[:n], places, np.full(n, _LEFT_OUT, np.int32))


def _continued(tokens: Tokens, min_count: int, start: Space) -> Vocabulary:
    text = tokens.vocabulary.with_columns(id=pl.int_range(pl.len(), dtype=pl.Int32))
    table = pl.DataFrame({"word": start.ids.tolist(), "row": np.arange(len(start), dtype=np.int32)})
    columns = start.metadata
    counted = columns is not None and "count" in columns.columns and columns["count"].dtype.is_integer()
    known = table.with_columns(before=columns["count"] if counted and columns is not None else pl.lit(0, pl.Int64))
    both = known.join(text, on="word", how="full", coalesce=True, maintain_order="left_right")
    both = both.filter(pl.col("row").is_not_null() | (pl.col("count") >= min_count))
    both = both.with_columns(
        pl.col("before").cast(pl.Int64).fill_null(0), pl.col("count").cast(pl.Int64).fill_null(0)
    ).sort(pl.col("before") + pl.col("count"), descending=True, maintain_order=True)
    counts = both["count"].to_numpy()
    if int((counts > 0).sum()) < 2:
        raise InputError(
            "fewer than two of the words to train come in this text; give more text, or lower min_count for new words"
        )
    ids = both["id"].fill_null(_LEFT_OUT).to_numpy()
    places = np.full(len(text), _LEFT_OUT, np.int32)
    places[ids[ids >= 0]] = np.flatnonzero(ids >= 0)
    before = both["row"].fill_null(_LEFT_OUT).to_numpy().astype(np.int32)
    return Vocabulary(both["word"].to_list(), counts, both["before"].to_numpy() + counts, places, before)
