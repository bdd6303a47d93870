"""Points told in words: the nearest texts of a space, and the nearest words of its vocabulary."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt
import polars as pl

from semspace import checks, queries
from semspace.clusters.document_terms import DocumentTerms
from semspace.display import html_table, text_table
from semspace.errors import InputError
from semspace.neighbors import Neighbors
from semspace.space import Space
from semspace.space_arguments import check_same_encoder, need_space
from semspace.types import Floats2d

_MIN_DOCUMENTS = 2  # that contain a word of the vocabulary
_WORDS_AT_ONCE = 1_000  # points whose words are found at a time


class Decoder(Protocol):
    """A model that writes a sentence for a vector: `TextDecoderModel`."""

    def decode(self, points: Floats2d) -> Iterable[str]:
        """Write a sentence for each point."""


@dataclass(frozen=True, eq=False, repr=False)
class Descriptions:
    """What each of n points means in words; iterates as pairs of neighbours and words.

    Parameters
    ----------
    neighbors : tuple of n Neighbors
        The nearest texts of the space, with their scores.
    words : tuple of n tuples of str
        The words of the vocabulary that lie most in the point's direction; empty without a vocabulary.
    written : tuple of n str
        The sentence that a decoder wrote for each point; empty without a decoder.
    """

    neighbors: tuple[Neighbors, ...]
    words: tuple[tuple[str, ...], ...]
    written: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.neighbors)

    def __iter__(self) -> Iterator[tuple[Neighbors, tuple[str, ...]]]:
        return zip(self.neighbors, self.words, strict=True)

    def to_frame(self) -> pl.DataFrame:
        """Return a polars DataFrame with ``point``, ``id``, ``text``, ``score`` of the nearest, and ``words``.

        With a decoder, ``written`` too.
        """
        told = pl.DataFrame(
            {
                "point": np.arange(len(self)),
                "id": [near.ids[0] for near in self.neighbors],
                "text": [text_of(near) for near in self.neighbors],
                "score": [float(near.scores[0]) for near in self.neighbors],
                "words": [", ".join(words) for words in self.words],
            },
            schema_overrides={"score": pl.Float32, "text": pl.String, "words": pl.String},
        )
        return told.with_columns(pl.Series("written", self.written)) if self.written else told

    def __repr__(self) -> str:
        frame = self.to_frame()
        return text_table(frame.columns, frame.iter_rows())

    def _repr_html_(self) -> str:
        frame = self.to_frame()
        return html_table(frame.columns, frame.iter_rows(), caption=f"{len(self)} points in words")


def describe(
    points: Space | npt.ArrayLike,
    space: Space,
    *,
    vocabulary: Space | None = None,
    decoder: Decoder | None = None,
    n_texts: int = 3,
    n_words: int = 5,
) -> Descriptions:
    """Describe points by the nearest texts of a space, by words, and by a sentence written for each.

    The points may be real ones, or decoded, sampled or interpolated. A word is chosen by the cosine between its vector,
    from the mean of the vocabulary, and the point, from the mean of the space: it shows what distinguishes the point,
    not what all have in common.

    Parameters
    ----------
    points : Space or array-like, shape (n, dim)
        As wide as the space; codes of a latent model are decoded first (``model.decode``).
    space : Space
        The texts among which the nearest are found.
    vocabulary : Space, optional
        Words in the same encoder's space, from `vocabulary`.
    decoder : TextDecoderModel, optional
        Of the same encoder; writes a sentence for each point.
    n_texts : int
        Nearest texts of each point.
    n_words : int
        Words of each point.

    Returns
    -------
    Descriptions
        One description for each point, in order.

    Raises
    ------
    InputError
        If the widths differ, or a point is the zero vector.

    Examples
    --------
    >>> import semspace as ss
    >>> space = ss.Space.from_vectors(["a", "b"], [[1, 0], [0, 1]], {"text": ["a cat", "a car"]})
    >>> words = ss.Space.from_vectors(["cat", "car"], [[1, 0.1], [0.1, 1]])
    >>> ss.latent.describe([[0.9, 0.2]], space, vocabulary=words, n_words=1).words
    (('cat',),)
    """
    checks.whole("n_texts", n_texts)
    checks.whole("n_words", n_words)
    need_space("describe", space)
    vectors = _as_vectors(points, space)
    check_same_encoder("points", points, space)
    if vocabulary is not None:
        _check_vocabulary(vocabulary, space)
    if decoder is not None and not callable(getattr(decoder, "decode", None)):
        raise InputError(
            f"decoder must be a trained TextDecoderModel; got {type(decoder).__name__}: see ss.TextDecoder().train"
        )
    neighbors = tuple(space.most_similar_batch(list(vectors), n_texts))
    words = [()] * len(vectors) if vocabulary is None else _words(vectors, space, vocabulary, n_words)
    return Descriptions(neighbors, tuple(words), () if decoder is None else tuple(decoder.decode(vectors)))


def vocabulary(space: Space, *, max_words: int = 20_000) -> Space:
    """Create the space of the words and phrases of a space's texts, encoded as its texts were.

    Stop words, numbers, words of one document, and words of greetings and signatures are left out.

    Parameters
    ----------
    space : Space
        With the column ``text`` and an encoder, as `Encoder.embed` makes it.
    max_words : int
        Words in the most documents are taken first.

    Returns
    -------
    Space
        The words as ids, frequent first, with ``documents``, the number of documents that contain each.

    Raises
    ------
    InputError
        If the space has no texts or no encoder, or no word occurs in two documents.
    """
    checks.whole("max_words", max_words)
    need_space("vocabulary", space)
    if space.metadata is None or space.metadata.schema.get("text") != pl.String:
        raise InputError("a vocabulary needs a space with texts; make one with encoder.embed(corpus)")
    if space.encoder is None:
        raise InputError("a vocabulary needs a space with an encoder; make one with encoder.embed(corpus)")
    found = DocumentTerms.from_texts(space.metadata["text"])
    counts = found.document_counts
    order = np.lexsort((np.array(found.terms, dtype=object), -counts))
    rows = [row for row in order.tolist() if counts[row] >= _MIN_DOCUMENTS][:max_words]
    if not rows:
        raise InputError(f"no word occurs in {_MIN_DOCUMENTS} of the space's {len(space):,} texts; give more texts")
    words = [found.terms[row] for row in rows]
    table = {"documents": counts[rows].astype(np.int64)}
    made = {"made_by": "vocabulary", "of": space.fingerprint}
    return Space.from_vectors(words, space.encode_documents(words), table, space.encoder, made)


def text_of(near: Neighbors, rank: int = 0) -> str:
    """Return the text of a neighbour, or its id where there are no texts."""
    if near.metadata is None or near.metadata.schema.get("text") != pl.String:
        return near.ids[rank]
    return near.metadata["text"][rank] or near.ids[rank]


def _check_vocabulary(vocabulary: Space, space: Space) -> None:
    """Raise `InputError` unless the words of a vocabulary lie in the space."""
    if not isinstance(vocabulary, Space):
        raise InputError(
            f"vocabulary must be a Space of words; got {type(vocabulary).__name__}: make it with "
            f"ss.latent.vocabulary(space)"
        )
    if vocabulary.dim != space.dim:
        raise InputError(
            f"the vocabulary has {vocabulary.dim} dimensions and the space {space.dim}; "
            f"make it with ss.latent.vocabulary(space)"
        )
    check_same_encoder("vocabulary", vocabulary, space)


def _as_vectors(points: Space | npt.ArrayLike, space: Space) -> Floats2d:
    vectors = points.vectors if isinstance(points, Space) else checks.rows("points", points)
    if vectors.shape[1] != space.dim:
        raise InputError(
            f"points must have the {space.dim} dimensions of the space; got {vectors.shape[1]}: "
            f"decode the codes of a latent model first, with model.decode(...)"
        )
    return vectors


def _words(vectors: Floats2d, space: Space, words: Space, n_words: int) -> list[tuple[str, ...]]:
    """Return the words with the highest cosine to each point, both from the mean of their own kind."""
    from_mean = _directions(words.vectors, words.vectors)
    found: list[tuple[str, ...]] = []
    for start in range(0, len(vectors), _WORDS_AT_ONCE):
        scores = _directions(vectors[start : start + _WORDS_AT_ONCE], space.vectors) @ from_mean.T
        found += [tuple(words.ids[queries.best_rows(row, n_words, words.ids)]) for row in scores]
    return found


def _directions(vectors: Floats2d, kind: Floats2d) -> Floats2d:
    """Return unit vectors from the mean direction of their kind; zeros where a vector is the mean."""
    return queries.unit(queries.unit(vectors) - queries.unit(kind).mean(axis=0), floor=queries.TINY)
