"""What can be evaluated, seen as words with vectors or as something that encodes text.

A `Space`, an `Encoder`, gensim's `KeyedVectors` (or a model that has them) and a sentence-transformers model
are all taken as they are.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from semspace import checks, queries
from semspace.checks import FloatMatrix
from semspace.errors import InputError
from semspace.space import Space

Encode = Callable[[list[str]], FloatMatrix]
_TAKEN = "a Space, an Encoder, gensim's KeyedVectors or a sentence-transformers model"


@dataclass(frozen=True)
class WordTable:
    """Words, most frequent first, and their unit vectors."""

    words: Sequence[str]
    vectors: FloatMatrix

    def rows(self) -> dict[str, int]:
        """Map each word in capitals to its row; where two differ by case only, the more frequent is meant."""
        found: dict[str, int] = {}
        for row, word in enumerate(self.words):
            found.setdefault(word.upper(), row)
        return found


def word_table(thing: Any, needed: Sequence[str], *, most: int | None = None) -> WordTable:
    """See a thing as words: its own, or, for an encoder, the words `needed`."""
    if isinstance(thing, Space):
        words, vectors = thing.ids[:most].tolist(), thing.vectors[:most]
    elif (keyed := _keyed_vectors(thing)) is not None:
        words, vectors = list(keyed.index_to_key[:most]), keyed.vectors[:most]
    else:
        encode = encoder_of(thing)
        words = list(dict.fromkeys(word.lower() for word in needed))
        vectors = encode(words)
    matrix = checks.matrix("vectors", vectors)
    sizes = queries.lengths(matrix)
    kept = sizes > 0  # gensim lets a vector be all zeros; it has no direction to judge
    if not kept.all():
        words = [word for word, keep in zip(words, kept, strict=True) if keep]
        matrix, sizes = matrix[kept], sizes[kept]
    return WordTable(words, matrix / sizes[:, None])


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
    """Give gensim's KeyedVectors, whether a thing is one or has one, without importing gensim."""
    candidate = getattr(thing, "wv", thing)
    return candidate if hasattr(candidate, "index_to_key") and hasattr(candidate, "vectors") else None
