"""Conversion of word vectors from and to gensim's `KeyedVectors`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import polars as pl

from semspace import checks
from semspace.errors import InputError
from semspace.formats.vector_table import VectorTable, make_space
from semspace.space import Space
from semspace.types import ArrayXd, Ints1d
from semspace.words.subwords import Subwords

if TYPE_CHECKING:
    from gensim.models import KeyedVectors


def from_gensim(model: Any) -> Space:
    """Create a space from gensim's `KeyedVectors`, or from a model that has them in its ``wv``.

    Parameters
    ----------
    model : KeyedVectors, Word2Vec, FastText or Doc2Vec of gensim

    Returns
    -------
    Space
        The vectors are copied. Counts, if there are any, become the metadata column ``count``. FastText models keep
        their subwords, so unseen words have vectors too. Integer keys become strings. Words whose vector is all zeros,
        and rows that no key leads to, are left out and counted in the provenance.

    Examples
    --------
    >>> from gensim.models import KeyedVectors
    >>> import semspace as ss
    >>> vectors = KeyedVectors(2)
    >>> vectors.add_vectors(["cat", "dog", "car"], [[1, 0.5], [1, 0.4], [-1, 0]])
    >>> ss.from_gensim(vectors).most_similar("cat", k=1).ids
    ('dog',)
    """
    checks.need("gensim", "gensim")
    from gensim.models import KeyedVectors
    from gensim.models.fasttext import FastTextKeyedVectors

    keyed = getattr(model, "wv", model)
    if not isinstance(keyed, KeyedVectors):
        raise InputError(
            f"from_gensim takes KeyedVectors, or a model that has them in its wv; got {type(model).__name__}"
        )
    words = keyed_words(keyed)
    if not words.words:
        raise InputError("the KeyedVectors are empty; train or fill them first")
    counts = _counts(keyed.expandos.get("count"), words.rows)
    table = VectorTable(words.words, checks.matrix("vectors", words.take(keyed.vectors)), counts)
    if isinstance(keyed, FastTextKeyedVectors) and keyed.bucket and keyed.max_n >= keyed.min_n:
        scheme = Subwords(max(keyed.min_n, 1), keyed.max_n, keyed.bucket)
        table = table._replace(
            subwords=scheme, subword_vectors=checks.frozen(checks.matrix("vectors", keyed.vectors_ngrams))
        )
    return make_space(table, {"source": f"gensim {type(model).__name__}", "unreachable": words.unreachable})


class KeyedWords(NamedTuple):
    """The words of gensim's `KeyedVectors`, in order, and the rows of their vectors.

    Parameters
    ----------
    words : n strings
    rows : ndarray of int64, shape (n,)
    unreachable : int
        Number of rows that no key leads to.
    """

    words: list[str]
    rows: Ints1d
    unreachable: int

    def take(self, vectors: Any, most: int | None = None) -> ArrayXd:
        """Return a copy of the first `most` words' rows."""
        rows: ArrayXd = np.asarray(vectors)[self.rows[:most]]
        rows.setflags(write=False)  # fresh, so nobody else holds it
        return rows


def keyed_words(keyed: Any) -> KeyedWords:
    """Return the words of `KeyedVectors`, without importing gensim.

    If a word was added twice in one call, gensim keeps both rows, and the key leads to the last one; rows reserved for
    words that never came have no key.
    """
    keys: Sequence[Any] = keyed.index_to_key
    row_of: Mapping[Any, int] = getattr(keyed, "key_to_index", {key: row for row, key in enumerate(keys)})
    # Doc2Vec's whole numbers are rows, and stand in no mapping.
    rows = np.array([row for row, key in enumerate(keys) if key is not None and row_of.get(key, key) == row], np.int64)
    words = [_name(keys[row]) for row in rows.tolist()]
    if len(set(words)) < len(words):
        double = next(word for row, word in enumerate(words) if word in words[:row])
        raise InputError(f"the keys hold {double!r} as a number and as a string; rename one of them")
    return KeyedWords(checks.strings("the keys", words), rows, len(keys) - len(rows))


def _name(key: Any) -> Any:
    whole = isinstance(key, (int, np.integer)) and not isinstance(key, bool)
    return str(int(key)) if whole else key


def _counts(counts: Any, rows: Ints1d) -> Ints1d | None:
    """Return the count of each word, or None unless every word has an integer count."""
    values = np.asarray(() if counts is None else counts)
    if values.ndim != 1 or len(values) <= rows.max(initial=0) or values.dtype.kind not in "iuf":
        return None
    if not (values[rows] == np.round(values[rows])).all():  # NaN neither
        return None
    return values[rows].astype(np.int64)


def to_gensim(space: Space) -> KeyedVectors:
    """Return a space as gensim's `KeyedVectors`; vectors are copied, and an encoder is left behind.

    An integer metadata column ``count`` becomes gensim's attribute ``count``, with 0 for null.

    Examples
    --------
    >>> import semspace as ss
    >>> space = ss.Space.from_vectors(["cat", "dog", "car"], [[1, 0.5], [1, 0.4], [-1, 0]])
    >>> [(word, score)] = ss.to_gensim(space).most_similar("cat", topn=1)
    >>> word
    'dog'
    """
    checks.need("gensim", "gensim")
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
