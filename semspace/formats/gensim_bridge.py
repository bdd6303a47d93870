"""`from_gensim` and `to_gensim`: word vectors from and to gensim's `KeyedVectors`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from semspace import checks
from semspace.errors import InputError
from semspace.formats.table import VectorTable, space_of
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
        subwords, so that unseen words can be asked. Words whose vector is all zeros are left out and counted in the
        provenance.

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
    words = checks.strings("the keys", keyed.index_to_key)
    if not words:
        raise InputError("the KeyedVectors are empty; train or fill them first")
    vectors = checks.frozen(checks.matrix("vectors", keyed.vectors)[: len(words)])
    counts = keyed.expandos.get("count")
    counted = counts is not None and len(counts) == len(words) and np.asarray(counts).dtype.kind in "iu"
    table = VectorTable(words, vectors, np.asarray(counts, dtype=np.int64) if counted else None)
    if isinstance(keyed, FastTextKeyedVectors) and keyed.bucket and keyed.max_n >= keyed.min_n:
        scheme = Subwords(max(keyed.min_n, 1), keyed.max_n, keyed.bucket)
        table = table._replace(
            subwords=scheme, subword_vectors=checks.frozen(checks.matrix("vectors", keyed.vectors_ngrams))
        )
    return space_of(table, {"source": f"gensim {type(model).__name__}"})


def to_gensim(space: Space) -> KeyedVectors:
    """Make gensim's `KeyedVectors` of a space; its vectors are copied, and an encoder doesn't go along.

    A metadata column ``count`` of whole numbers becomes gensim's attribute of that name.

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
        for word, count in zip(space.ids.tolist(), columns["count"].to_list(), strict=True):
            keyed.set_vecattr(word, "count", count)
    return keyed
