"""Everything that can be evaluated, as a table of words or as a function that encodes texts.

That is a `Space`, an `Encoder`, gensim's `KeyedVectors` (or a model that has them), a sentence-transformers or a
model2vec model, and whatever else has a method `encode`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from semspace import checks, queries
from semspace.display import clip
from semspace.errors import InputError
from semspace.evaluation.lookup import WordRows, find_words
from semspace.formats.gensim_bridge import keyed_words
from semspace.space import Space
from semspace.text_encoder import reads_texts
from semspace.types import Floats2d

Encode = Callable[[list[str]], Floats2d]
_SUPPORTED = (
    "a Space, an Encoder, gensim's KeyedVectors, a sentence-transformers or model2vec model, or its name or path"
)


@dataclass(frozen=True)
class WordTable:
    """Words, the most frequent first, and their unit vectors."""

    words: Sequence[str]
    vectors: Floats2d

    def find(self, words: Iterable[str]) -> WordRows:
        """Find the rows of words, the exact word before its other cases; see `lookup.find_words`."""
        return find_words(self.words, words)


def word_table(thing: Any, needed: Sequence[str], *, most: int | None = None) -> WordTable:
    """Return the words of a thing, `most` of the most frequent, or for an encoder the words `needed`."""
    if isinstance(thing, Space):
        words, vectors = thing.ids[:most].tolist(), thing.vectors[:most]
    elif (keyed := _keyed_vectors(thing)) is not None:
        keys = keyed_words(keyed)
        words, vectors = keys.words[:most], keys.take(keyed.vectors, most)
    else:
        words = list(dict.fromkeys(needed))
        vectors = encoder_of(thing)(words)
    units = directions(words, vectors)
    nonzero = np.asarray(units.any(axis=1))  # gensim allows vectors of zeros, which have no direction
    if not nonzero.all():
        words, units = [word for word, keep in zip(words, nonzero, strict=True) if keep], units[nonzero]
    return WordTable(words, units)


def directions(texts: Sequence[str], vectors: Any) -> Floats2d:
    """Return vectors scaled to length 1; vectors of zeros stay zero, and have cosine 0 with all others.

    Raises
    ------
    InputError
        If there isn't one vector for each text, or one contains NaN or infinity; the message names the text.
    """
    matrix = checks.matrix("vectors", vectors)
    if len(matrix) != len(texts):
        raise InputError(
            f"the encoder returned {len(matrix):,} vectors for {len(texts):,} texts; it must return one for each"
        )
    largest = np.abs(matrix).max(axis=1, keepdims=True)
    bad = np.flatnonzero(~np.isfinite(largest))
    if len(bad):
        raise InputError(
            f"the vector of {clip(texts[int(bad[0])], 60)!r} contains NaN or infinity, so it can't be evaluated"
        )
    # Scaled by the largest number first, so that squares neither underflow nor overflow.
    scaled = (matrix / np.where(largest > 0, largest, 1)).astype(np.float32, copy=False)
    sizes = queries.lengths(scaled)[:, None]
    units: Floats2d = (scaled / np.where(sizes > 0, sizes, 1)).astype(np.float32, copy=False)
    return units


def without_direction(units: Floats2d) -> str:
    """Return a note on texts whose vector is zero; empty if there are none."""
    count = int((~units.any(axis=1)).sum())
    return f"{count:,} text{'s' if count > 1 else ''} without a direction: all zeros" if count else ""


def encoder_of(thing: Any, what: str = "text", prompt: str | None = None) -> Encode:
    """Return a function that encodes texts into a matrix, with the model's prompt for them.

    Parameters
    ----------
    thing : Space, Encoder, sentence-transformers or model2vec model
    what : {"text", "query", "document"}
        The kind of the texts; "text" is neither a query nor a document and gets the default prompt.
    prompt : str, optional
        The text to put before each text, instead of the model's prompt.
    """
    if _keyed_vectors(thing) is not None:
        raise InputError(
            f"word vectors of {type(thing).__name__} can't encode sentences; evaluate an encoder on this task"
        )
    if isinstance(thing, Space):
        if not reads_texts(thing.encoder):
            raise InputError(
                "this space has no encoder, so it can't be evaluated on texts; evaluate the encoder, or a space "
                "made by encoder.embed(corpus)"
            )
        thing = thing.encoder
    if isinstance(thing, (str, bytes)) or not callable(getattr(thing, "encode", None)):
        raise InputError(f"can't evaluate {type(thing).__name__}; give {_SUPPORTED}")
    if prompt is not None:
        return partial(_encoded_after, thing, prompt)
    # The names of semspace, of sentence-transformers from version 5 on, and of encoders without prompts.
    names = {
        "text": (),
        "query": ("encode_queries", "encode_query"),
        "document": ("encode_documents", "encode_document"),
    }
    encode = next((method for name in names[what] if callable(method := getattr(thing, name, None))), thing.encode)
    return lambda texts: np.asarray(encode(texts), dtype=np.float32)


def _encoded_after(thing: Any, prompt: str, texts: list[str]) -> Floats2d:
    """Encode texts after a prompt, which models with prompts of their own take in place of these."""
    if hasattr(thing, "prompts"):
        return np.asarray(thing.encode(texts, prompt=prompt), dtype=np.float32)
    return np.asarray(thing.encode([prompt + text for text in texts]), dtype=np.float32)


def _keyed_vectors(thing: Any) -> Any | None:
    """Return gensim's KeyedVectors if `thing` is one or has one, without importing gensim."""
    candidate = getattr(thing, "wv", thing)
    return candidate if hasattr(candidate, "index_to_key") and hasattr(candidate, "vectors") else None
