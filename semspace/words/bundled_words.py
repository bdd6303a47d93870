"""The words of an encoder in the bundle of its space: either the words of the space itself, or a table of their own."""

from collections.abc import Sequence

import numpy as np
import polars as pl

from semspace.bundle import Bundle, Draft
from semspace.types import Floats2d


def write_words(draft: Draft, words: Sequence[str], vectors: Floats2d, *, of_space: bool) -> str:
    """Write words with their vectors, unless they are those of the space; return the manifest's entry ``words``."""
    if of_space:
        return "space"
    draft.array("encoder-word-vectors", vectors)
    draft.table("encoder-words", pl.DataFrame({"word": list(words)}, schema={"word": pl.String}))
    return "own"


def read_words(bundle: Bundle) -> tuple[list[str], Floats2d]:
    """Read the words of the encoder in the bundle of a space, and their vectors."""
    of_space = bundle.meta.facts("space").facts("encoder").text("words") == "space"
    table, column, array = ("ids", "id", "vectors") if of_space else ("encoder-words", "word", "encoder-word-vectors")
    words = bundle.table(table, {column: pl.String})[column].to_list()
    return words, bundle.array(array, dtype=np.float32, shape=(len(words), None))
