"""The words of the compared documents: split once, and taken for some of the documents."""

from __future__ import annotations

import numpy as np
import polars as pl

from semspace.errors import InputError
from semspace.text.tokens import Tokens
from semspace.types import Ints1d


def tokens_of(texts: pl.Series) -> Tokens | None:
    """Return the words of texts as tokens, or None if no text has a word."""
    try:
        return Tokens.from_texts(texts)
    except InputError:  # there is no word in any text
        return None


def spelling_order(tokens: Tokens) -> Ints1d:
    """Return the rank of each word of the vocabulary in alphabetical order, shape (V,)."""
    return np.asarray(tokens.vocabulary["word"].rank("ordinal").to_numpy(), np.int64)


def take_documents(tokens: Tokens, rows: Ints1d, tie_order: Ints1d | None = None) -> Tokens:
    """Return the tokens of some documents, with words numbered by their frequency there.

    Parameters
    ----------
    tokens : Tokens
    rows : ndarray of int64
        The documents, in increasing order.
    tie_order : ndarray of int64, shape (V,), optional
        The order of words that are equally frequent; that of `tokens` by default.
    """
    lengths = np.diff(tokens.offsets)
    chosen = np.zeros(len(lengths), np.bool_)
    chosen[rows] = True
    ids = np.asarray(tokens.ids)[np.repeat(chosen, lengths)]
    counts = np.bincount(ids, minlength=len(tokens.vocabulary))
    ties = np.arange(len(counts)) if tie_order is None else tie_order
    order = np.lexsort((ties, -counts))[: np.count_nonzero(counts)]
    new_ids = np.zeros(len(counts), np.int32)
    new_ids[order] = np.arange(len(order), dtype=np.int32)
    offsets = np.concatenate([[0], np.cumsum(lengths[chosen])]).astype(np.int64)
    vocabulary = pl.DataFrame({"word": tokens.vocabulary["word"][order], "count": counts[order]})
    return Tokens(new_ids[ids], offsets, vocabulary)
