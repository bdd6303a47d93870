"""Postings in the bundle of an index: written when it is saved, and mapped when it is opened."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import polars as pl

from semspace.bundle import Bundle, Draft
from semspace.errors import DamagedError
from semspace.lexical.postings import Postings
from semspace.types import ArrayXd

_WORDS = 1  # of how texts are split into words; another version counts them anew
_TABLE = "words"


def write_postings(draft: Draft, postings: Postings) -> None:
    """Write the postings of all rows of an index into its bundle."""
    draft.meta["words"] = {"version": _WORDS}
    draft.table(_TABLE, pl.DataFrame({"word": list(postings.numbers)}, schema={"word": pl.String}))
    draft.array("word-starts", postings.starts)
    draft.array("word-texts", postings.texts)
    draft.array("word-counts", _narrow(postings.counts))
    draft.array("word-lengths", postings.lengths)


def read_postings(bundle: Bundle, rows: int) -> Callable[[], Postings] | None:
    """Open the postings of `rows` texts, which are read when they are first needed.

    None where there are none, or words were others when they were counted. The function raises `DamagedError` if they
    can't be those of so many texts.
    """
    facts = bundle.meta.get("words", None)
    if not bundle.has(f"{_TABLE}.arrow") or not isinstance(facts, Mapping) or facts.get("version") != _WORDS:
        return None
    words = bundle.table(_TABLE, {"word": pl.String})["word"]
    starts = bundle.array("word-starts", dtype=np.int64, shape=(len(words) + 1,))
    texts = bundle.array("word-texts", dtype=np.int32, shape=(None,))
    counts = bundle.array("word-counts", shape=(len(texts),))
    lengths = bundle.array("word-lengths", dtype=np.float32, shape=(rows,))

    def read() -> Postings:
        numbers = {word: number for number, word in enumerate(words.to_list())}
        in_order = starts[0] == 0 and starts[-1] == len(texts) and (np.diff(starts) >= 0).all()
        in_range = not len(texts) or (texts.min() >= 0 and texts.max() < rows)
        if counts.dtype.kind != "u" or len(numbers) != len(words) or not in_order or not in_range:
            raise DamagedError(
                f"{bundle.folder} holds words that can't be those of its {rows:,} texts; build the index again, or "
                f"restore it"
            )
        return Postings(0, numbers, starts, texts, counts, lengths)

    return read


def _narrow(counts: ArrayXd) -> ArrayXd:
    """Return whole numbers in as few bytes as the largest takes."""
    largest = int(counts.max(initial=0))
    return counts.astype(np.min_scalar_type(largest))
