"""`from_gensim` and `to_gensim`: word vectors from and to gensim's `KeyedVectors`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt
import polars as pl

from semspace import checks
from semspace.errors import InputError
from semspace.formats.vector_table import VectorTable, space_of
from semspace.space import Space
from semspace.words.subwords import Subwords

if TYPE_CHECKING:
    from gensim.models import KeyedVectors


def from_gensim(model: Any) -> Space:
    """Make a space of gensim's `KeyedVectors`, or of a model that has some in its ``wv``.

    Parameters
    ----------
    model : KeyedVectors, Word2Vec, FastText or Doc2Vec of gensim

    Returns
    -------
    Space
        The vectors are copied. Counts, where there are any, become the metadata column ``count``. FastText brings its
        subwords, so that unseen words can be asked. Whole numbers as keys become text. Words whose vector is all zeros,
        and rows that gensim itself doesn't reach by any key, are left out and counted in the provenance.

    Examples
    --------
    >>> from gensim.models import KeyedVectors
    >>> import semspace as ss
    >>> vectors = KeyedVectors(2)
    >>> vectors.add_vectors(["cat", "dog", "car"], [[1, 0.5], [1, 0.4], [-1, 0]])
    >>> ss.from_gensim(vectors).most_similar("cat", k=1).ids
    ('dog',)
    """
    from gensim.models import KeyedVectors
    from gensim.models.fasttext import FastTextKeyedVectors

    keyed = getattr(model, "wv", model)
    if not isinstance(keyed, KeyedVectors):
        raise InputError(f"from_gensim takes KeyedVectors, or a model with some; got {type(model).__name__}")
    own = words_of(keyed)
    if not own.words:
        raise InputError("the KeyedVectors are empty; train or fill them first")
    counts = _counts(keyed.expandos.get("count"), own.rows)
    table = VectorTable(own.words, checks.matrix("vectors", own.take(keyed.vectors)), counts)
    if isinstance(keyed, FastTextKeyedVectors) and keyed.bucket and keyed.max_n >= keyed.min_n:
        scheme = Subwords(max(keyed.min_n, 1), keyed.max_n, keyed.bucket)
        table = table._replace(
            subwords=scheme, subword_vectors=checks.frozen(checks.matrix("vectors", keyed.vectors_ngrams))
        )
    return space_of(table, {"source": f"gensim {type(model).__name__}", "unreachable": own.unreachable})


class KeyedWords(NamedTuple):
    """The words of gensim's `KeyedVectors`, in their order, and the rows of their vectors.

    Parameters
    ----------
    words : n strings
    rows : ndarray of int64, shape (n,)
    unreachable : int
        Rows that no key leads to.
    """

    words: list[str]
    rows: npt.NDArray[np.int64]
    unreachable: int

    def take(self, vectors: Any, most: int | None = None) -> npt.NDArray[Any]:
        """Return a copy of the first `most` words' rows."""
        taken: npt.NDArray[Any] = np.asarray(vectors)[self.rows[:most]]
        taken.setflags(write=False)  # fresh, so nobody else holds it
        return taken


def words_of(keyed: Any) -> KeyedWords:
    """Return the words of `KeyedVectors`, without importing gensim.

    Where a word was added twice in one call, gensim keeps both rows and reaches the last by its key; places that are
    reserved for words that never came have no key at all.
    """
    keys: Sequence[Any] = keyed.index_to_key
    place: Mapping[Any, int] = getattr(keyed, "key_to_index", {key: row for row, key in enumerate(keys)})
    # Doc2Vec's whole numbers are rows, and stand in no mapping.
    rows = np.array([row for row, key in enumerate(keys) if key is not None and place.get(key, key) == row], np.int64)
    words = [_name(keys[row]) for row in rows.tolist()]
    if len(set(words)) < len(words):
        double = next(word for row, word in enumerate(words) if word in words[:row])
        raise InputError(f"a number and a text among the keys are both {double!r}; rename one of them")
    return KeyedWords(checks.strings("the keys", words), rows, len(keys) - len(rows))


def _name(key: Any) -> Any:
    whole = isinstance(key, (int, np.integer)) and not isinstance(key, bool)
    return str(int(key)) if whole else key


def _counts(counts: Any, rows: npt.NDArray[np.int64]) -> npt.NDArray[np.int64] | None:
    """Return how often each word was seen; None unless that is known, in whole numbers, of every word."""
    found = np.asarray(() if counts is None else counts)
    if found.ndim != 1 or len(found) <= rows.max(initial=0) or found.dtype.kind not in "iuf":
        return None
    if not (found[rows] == np.round(found[rows])).all():  # NaN neither
        return None
    return found[rows].astype(np.int64)


def to_gensim(space: Space) -> KeyedVectors:
    """Make gensim's `KeyedVectors` of a space; its vectors are copied, and an encoder doesn't go along.

    A metadata column ``count`` of whole numbers becomes gensim's attribute of that name, 0 where it is null.

    Examples
    --------
    >>> import semspace as ss
    >>> space = ss.Space.from_vectors(["cat", "dog", "car"], [[1, 0.5], [1, 0.4], [-1, 0]])
    >>> [(word, score)] = ss.to_gensim(space).most_similar("cat", topn=1)
    >>> word
    'dog'
    """
    from gensim.models import KeyedVectors

    if not isinstance(space, Space):
        raise InputError(f"to_gensim takes a Space; got {type(space).__name__}: see Space.from_vectors")
    keyed = KeyedVectors(space.dim, dtype=np.float32)
    keyed.add_vectors(space.ids.tolist(), np.array(space.vectors))
    columns = space.metadata
    if columns is not None and "count" in columns.columns and columns["count"].dtype.is_integer():
        counts = columns["count"].cast(pl.Int64).fill_null(0).to_list()  # as of a word that was never seen
        for word, count in zip(space.ids.tolist(), counts, strict=True):
            keyed.set_vecattr(word, "count", count)
    return keyed
