"""What can be evaluated, seen as words with vectors or as something that encodes text.

A `Space`, an `Encoder`, gensim's `KeyedVectors` (or a model that has them) and a sentence-transformers model
are all taken as they are.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from semspace import checks, queries
from semspace.display import clip
from semspace.errors import InputError
from semspace.evaluation.lookup import Found, find
from semspace.formats.gensim_bridge import keyed_words
from semspace.space import Space
from semspace.types import Floats2d

Encode = Callable[[list[str]], Floats2d]
_TAKEN = "a Space, an Encoder, gensim's KeyedVectors or a sentence-transformers model"


@dataclass(frozen=True)
class WordTable:
    """Words, most frequent first, and their unit vectors."""

    words: Sequence[str]
    vectors: Floats2d

    def find(self, asked: Iterable[str]) -> Found:
        """Find the rows of words, of each the very word before its other cases; see `lookup.find`."""
        return find(self.words, asked)


def word_table(thing: Any, needed: Sequence[str], *, most: int | None = None) -> WordTable:
    """See a thing as words: its own, or, for an encoder, the words `needed`."""
    if isinstance(thing, Space):
        words, vectors = thing.ids[:most].tolist(), thing.vectors[:most]
    elif (keyed := _keyed_vectors(thing)) is not None:
        own = keyed_words(keyed)
        words, vectors = own.words[:most], own.take(keyed.vectors, most)
    else:
        words = list(dict.fromkeys(needed))
        vectors = encoder_of(thing)(words)
    units = directions(words, vectors)
    kept = np.asarray(units.any(axis=1))  # gensim lets a vector be all zeros; it has no direction to judge
    if not kept.all():
        words, units = [word for word, keep in zip(words, kept, strict=True) if keep], units[kept]
    return WordTable(words, units)


def directions(texts: Sequence[str], vectors: Any) -> Floats2d:
    """Return vectors scaled to length 1; those that are all zeros stay so, and have the cosine 0 with any other.

    Raises
    ------
    InputError
        If there isn't one for each text, or one holds NaN or infinity; it names the text.
    """
    matrix = checks.matrix("vectors", vectors)
    if len(matrix) != len(texts):
        raise InputError(
            f"the encoder gave {len(matrix):,} vectors for {len(texts):,} texts; it must give one for each"
        )
    largest = np.abs(matrix).max(axis=1, keepdims=True)
    bad = np.flatnonzero(~np.isfinite(largest))
    if len(bad):
        raise InputError(f"the vector of {clip(texts[int(bad[0])], 60)!r} holds NaN or infinity, so it can't be judged")
    # Scaled first by the largest, so that squares neither vanish nor overflow.
    scaled = (matrix / np.where(largest > 0, largest, 1)).astype(np.float32, copy=False)
    sizes = queries.lengths(scaled)[:, None]
    units: Floats2d = (scaled / np.where(sizes > 0, sizes, 1)).astype(np.float32, copy=False)
    return units


def without_direction(units: Floats2d) -> str:
    """Return a note on texts whose vector is zero; empty if there are none."""
    count = int((~units.any(axis=1)).sum())
    return f"{count:,} text{'s' if count > 1 else ''} without a direction: all zeros" if count else ""


def encoder_of(thing: Any, what: str = "text") -> Encode:
    """Return what encodes texts into a matrix, with the prompt that the model has for them.

    Parameters
    ----------
    thing : Space, Encoder or sentence-transformers model
    what : {"text", "query", "document"}
        What the texts are. Text of neither kind gets the model's default prompt.
    """
    if _keyed_vectors(thing) is not None:
        raise InputError(
            f"word vectors of {type(thing).__name__} can't encode sentences; evaluate an encoder on this task"
        )
    if isinstance(thing, Space):
        if thing.encoder is None:
            return thing.encode_documents  # which says what is missing
        thing = thing.encoder
    if isinstance(thing, (str, bytes)) or not callable(getattr(thing, "encode", None)):
        raise InputError(f"can't evaluate {type(thing).__name__}; give {_TAKEN}")
    # Ours, sentence-transformers' from version 5 on, and what only knows one way to encode.
    names = {
        "text": (),
        "query": ("encode_queries", "encode_query"),
        "document": ("encode_documents", "encode_document"),
    }
    encode = next((found for name in names[what] if callable(found := getattr(thing, name, None))), thing.encode)
    return lambda texts: np.asarray(encode(texts), dtype=np.float32)


def _keyed_vectors(thing: Any) -> Any | None:
    """Return gensim's KeyedVectors if `thing` is one or has one, without importing gensim."""
    candidate = getattr(thing, "wv", thing)
    return candidate if hasattr(candidate, "index_to_key") and hasattr(candidate, "vectors") else None
