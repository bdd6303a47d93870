"""`SparseIndex`: texts found by the tokens that they share with a query, through an inverted list for each token."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from semspace import checks
from semspace.bundle import Bundle, create_bundle
from semspace.errors import DamagedError, InputError
from semspace.files import PathLike
from semspace.neighbors import Neighbors
from semspace.sparse.sparse_encoder import SparseEncoder
from semspace.text.corpus import Corpus
from semspace.text.dataframes import as_polars
from semspace.text.filters import matching
from semspace.types import ArrayXd, Floats1d, Id, Ints1d

KIND = "sparse-index"
_MEASURES = ("dot", "cosine")


@dataclass(frozen=True, eq=False, repr=False)
class SparseIndex:
    """The sparse vectors of n texts by token; get one with `SparseIndex.build` or `SparseIndex.from_vectors`.

    A search adds up the lists of the tokens of a query, so it is exact, and takes as long as these lists are.

    Parameters
    ----------
    ids : ndarray of object (str), shape (n,)
    starts : ndarray of int64, shape (dim + 1,)
        The texts with token j are ``rows[starts[j]:starts[j + 1]]``.
    rows : ndarray of int32
        Numbers of texts, increasing for each token.
    weights : ndarray of float32
        The weight of the token in each of them.
    metadata : polars.DataFrame, optional
        A row for each text.
    measure : {"dot", "cosine"}
        How a query is compared with a text.
    source : SparseEncoder or mapping, optional
        The encoder of queries; or its name and fingerprint, by which it is found at the first query.

    Examples
    --------
    >>> import numpy as np
    >>> import semspace as ss
    >>> from scipy import sparse
    >>> vectors = sparse.csr_array(np.array([[0, 2, 0], [1, 1, 0], [0, 0, 3]], np.float32))
    >>> index = ss.SparseIndex.from_vectors(["a", "b", "c"], vectors)
    >>> list(index.search(sparse.csr_array(np.array([[1, 1, 0]], np.float32))))
    [('a', 2.0), ('b', 2.0)]
    """

    ids: npt.NDArray[np.object_]
    starts: Ints1d
    rows: ArrayXd
    weights: Floats1d
    metadata: pl.DataFrame | None = None
    measure: str = "dot"
    source: SparseEncoder | Mapping[str, Any] | None = None

    @classmethod
    def build(cls, corpus: Corpus, encoder: SparseEncoder, *, progress: bool = True) -> SparseIndex:
        """Encode the documents of a corpus, and index them with their texts and metadata.

        Parameters
        ----------
        corpus : Corpus
        encoder : SparseEncoder
        progress : bool
            Show a bar if it takes more than two seconds.

        Raises
        ------
        InputError
            If the model is compared by a distance, which an index by token can't search.
        """
        if not isinstance(corpus, Corpus):
            raise InputError(
                f"corpus must be a Corpus; got {type(corpus).__name__}: use Corpus.from_texts for a list of strings"
            )
        if not isinstance(encoder, SparseEncoder):
            raise InputError(
                f"encoder must be a SparseEncoder; got {type(encoder).__name__}: for other encoders, build an Index"
            )
        _checked_measure(encoder.similarity_fn_name)
        vectors = encoder.encode_documents(corpus.texts.to_list(), progress=progress)
        metadata = corpus.frame.drop("id")
        return cls.from_vectors(corpus.ids.to_list(), vectors, metadata, encoder=encoder)

    @classmethod
    def from_vectors(
        cls,
        ids: Sequence[Id],
        vectors: Any,
        metadata: Any | None = None,
        *,
        measure: str | None = None,
        encoder: SparseEncoder | None = None,
    ) -> SparseIndex:
        """Index sparse vectors.

        Parameters
        ----------
        ids : sequence of n str
            Without repetition; whole numbers become their text.
        vectors : scipy sparse array of shape (n, dim)
            Finite numbers, such as `SparseEncoder.encode` returns.
        metadata : DataFrame of polars or pandas, or mapping of columns, optional
            A row for each vector.
        measure : {"dot", "cosine"}, optional
            The encoder's by default, or "dot".
        encoder : SparseEncoder, optional
            Needed for queries that are texts.

        Raises
        ------
        InputError
            If ids repeat, or numbers of rows differ.
        """
        from scipy import sparse

        names = checks.ids("ids", ids)
        if len(set(names)) < len(names):
            twice = Counter(names).most_common(1)[0][0]
            raise InputError(f"ids must be unique; {twice!r} occurs more than once")
        if not sparse.issparse(vectors):
            raise InputError(
                f"vectors must be a scipy sparse array; got {type(vectors).__name__}: build an Index of dense vectors, "
                "or give scipy.sparse.csr_array(vectors)"
            )
        if vectors.ndim != 2 or vectors.shape[0] != len(names):
            raise InputError(f"vectors must have {len(names)} rows, one for each id; got the shape {vectors.shape}")
        metadata = None if metadata is None else as_polars(metadata)
        if metadata is not None and metadata.height != len(names):
            raise InputError(f"metadata must have a row for each of the {len(names)} ids; got {metadata.height}")
        if encoder is not None and encoder.dim != vectors.shape[1]:
            raise InputError(f"vectors have {vectors.shape[1]} dimensions, but the encoder makes {encoder.dim}")
        measure = _checked_measure(measure or ("dot" if encoder is None else encoder.similarity_fn_name))
        matrix = _finite("vectors", vectors)
        columns = (_unit(matrix) if measure == "cosine" else matrix).tocsc()
        columns.sort_indices()
        starts, rows = checks.frozen(columns.indptr.astype(np.int64)), checks.frozen(columns.indices.astype(np.int32))
        weights = checks.frozen(columns.data.astype(np.float32))
        return cls(np.array(names, object), starts, rows, weights, metadata, measure, encoder)

    def __len__(self) -> int:
        """Return the number of texts."""
        return len(self.ids)

    @property
    def dim(self) -> int:
        """Number of tokens in the vocabulary."""
        return len(self.starts) - 1

    @cached_property
    def encoder(self) -> SparseEncoder | None:
        """The encoder of queries; that of a saved index is loaded when it is first needed."""
        if self.source is None or isinstance(self.source, SparseEncoder):
            return self.source
        found = SparseEncoder.load(self.source["name"], max_tokens=self.source.get("max_tokens"))
        if found.fingerprint != self.source["fingerprint"]:
            raise InputError(
                f"this index was made with an encoder {found.name!r} of fingerprint {self.source['fingerprint'][:8]}, "
                f"and the one found here has {found.fingerprint[:8]}; index the texts again"
            )
        return found

    def search(self, query: Any, k: int = 10, *, where: str | None = None) -> Neighbors:
        """Return the `k` texts that fit a query best, of those that share a token with it.

        Parameters
        ----------
        query : str, or scipy sparse array of shape (1, dim)
            A text is encoded as a query.
        k : int
            Number of results.
        where : str, optional
            A condition on the metadata, such as ``"year >= 2001"``.

        Raises
        ------
        InputError
            If the query is blank, the condition can't be used, or there is no encoder for a text.
        """
        if hasattr(query, "shape") and len(query.shape) == 2 and query.shape[0] != 1:
            raise InputError(
                f"a query must be one row, of shape (1, {self.dim}); got {query.shape}: see search_many for several"
            )
        [found] = self.search_many([query] if isinstance(query, str) else query, k, where=where)
        return found

    def search_many(self, queries: Any, k: int = 10, *, where: str | None = None) -> list[Neighbors]:
        """Return for each query what `search` returns.

        Parameters
        ----------
        queries : sequence of n str, or scipy sparse array of shape (n, dim)
        k : int
        where : str, optional
        """
        k = checks.whole("k", k)
        vectors, titles = self._asked(queries)
        allowed = None if where is None else self._allowed(where)
        return [self._nearest(row, title, k, allowed) for row, title in zip(_rows(vectors), titles, strict=True)]

    def _asked(self, queries: Any) -> tuple[Any, list[str]]:
        """Return the vectors of queries, and how they are called in results."""
        from scipy import sparse

        if sparse.issparse(queries):
            if queries.ndim != 2 or queries.shape[1] != self.dim:
                raise InputError(f"queries must have the shape (n, {self.dim}); got {queries.shape}")
            vectors, titles = _finite("queries", queries), [f"vector {i}" for i in range(queries.shape[0])]
        else:
            if isinstance(queries, (np.ndarray, Mapping)):
                raise InputError(
                    f"queries must be texts, or scipy sparse arrays of shape (n, {self.dim}); got "
                    f"{type(queries).__name__}: give scipy.sparse.csr_array(queries)"
                )
            titles = checks.strings("queries", queries)
            blank = next((title for title in titles if not title.strip()), None)
            if blank is not None:
                raise InputError(f"a query must have some text; got {blank!r}")
            if self.encoder is None:
                raise InputError(
                    "this index has no encoder, so queries must be sparse vectors; give encoder= when making it"
                )
            vectors = self.encoder.encode_queries(titles, progress=False)
        return (_unit(vectors) if self.measure == "cosine" else vectors), titles

    def _allowed(self, where: str) -> npt.NDArray[np.bool_]:
        if self.metadata is None:
            raise InputError(f"where={where!r} needs metadata, and this index has none")
        return matching(self.metadata, where).to_numpy()

    def _nearest(self, row: tuple[Any, Any], title: str, k: int, allowed: npt.NDArray[np.bool_] | None) -> Neighbors:
        """Add up the lists of a query's tokens, and return the best of the texts that any of them holds."""
        scores, shares = np.zeros(len(self), np.float32), np.zeros(len(self), np.bool_)
        for token, weight in zip(*row, strict=True):
            inside = slice(self.starts[token], self.starts[token + 1])
            texts = self.rows[inside]
            scores[texts] += weight * self.weights[inside]
            shares[texts] = True
        found = np.flatnonzero(shares if allowed is None else shares & allowed)
        if len(found) > k:  # those that tie with the last are kept until they are ordered by id
            lowest = np.partition(scores[found], len(found) - k)[len(found) - k]
            found = found[scores[found] >= lowest]
        order = sorted(found.tolist(), key=lambda text: (-scores[text], self.ids[text]))[:k]
        metadata = None if self.metadata is None else self.metadata[order]
        return Neighbors(
            title, tuple(self.ids[text] for text in order), checks.frozen(scores[order]), self.measure, metadata
        )

    def save(self, path: PathLike, *, overwrite: bool = False) -> None:
        """Save as a bundle directory, which appears complete or not at all; see `semspace.save`.

        Of the encoder, name and fingerprint are saved; it is found again by them.

        Raises
        ------
        ExistsError
            If `path` exists, unless it is a saved semspace value and `overwrite` is true.
        """
        with create_bundle(path, KIND, overwrite=overwrite) as draft:
            for name, array in (("starts", self.starts), ("rows", self.rows), ("weights", self.weights)):
                draft.array(name, array)
            draft.table("ids", pl.DataFrame({"id": self.ids.tolist()}, schema={"id": pl.String}))
            if self.metadata is not None:
                draft.table("metadata", self.metadata)
            draft.meta.update(measure=self.measure, encoder=_facts(self.source))

    def __repr__(self) -> str:
        name = "no encoder" if self.source is None else repr(_facts(self.source)["name"])  # type: ignore[index]
        return f"SparseIndex({len(self):,} texts, {len(self.rows):,} weights, {name})"


def _finite(name: str, vectors: Any) -> Any:
    """Return sparse rows as float32, or raise `InputError` unless they are finite real numbers."""
    if vectors.dtype.kind not in "fiub":
        raise InputError(f"{name} must hold real numbers; got {vectors.dtype}")
    with np.errstate(over="ignore"):
        matrix = vectors.tocsr().astype(np.float32)
    if not np.isfinite(matrix.data).all():
        raise InputError(f"{name} must hold finite numbers; they hold NaN, infinity or a number beyond 3e38")
    return matrix


def read_bundle(bundle: Bundle) -> SparseIndex:
    """Open a bundle that `SparseIndex.save` wrote; arrays are memory-mapped."""
    starts = bundle.array("starts", dtype=np.int64, shape=(None,))
    rows = bundle.array("rows", dtype=np.int32, shape=(None,))
    weights = bundle.array("weights", dtype=np.float32, shape=(len(rows),))
    ids = bundle.table("ids", {"id": pl.String})["id"].to_numpy().astype(object)
    metadata = bundle.table("metadata", rows=len(ids)) if bundle.has("metadata.arrow") else None
    in_order = len(starts) > 0 and starts[0] == 0 and starts[-1] == len(rows) and (np.diff(starts) >= 0).all()
    in_range = not len(rows) or (rows.min() >= 0 and rows.max() < len(ids))
    measure = bundle.meta.text("measure")
    if not in_order or not in_range or measure not in _MEASURES:
        raise DamagedError(
            f"{bundle.folder} holds lists that can't be those of its {len(ids):,} texts; index them again"
        )
    source = None
    if bundle.meta["encoder"]:
        facts = bundle.meta.facts("encoder")
        limit = {"max_tokens": facts.whole("max_tokens", low=1)} if "max_tokens" in facts else {}
        source = {"name": facts.text("name"), "fingerprint": facts.text("fingerprint"), **limit}
    return SparseIndex(ids, starts, rows, weights, metadata, measure, source)


def _facts(source: SparseEncoder | Mapping[str, Any] | None) -> dict[str, Any] | None:
    """Return what identifies an encoder, for a manifest."""
    if source is None or not isinstance(source, SparseEncoder):
        return None if source is None else dict(source)
    limit = {} if source.shortened is None else {"max_tokens": source.shortened}
    return {"name": source.name, "fingerprint": source.fingerprint, **limit}


def _checked_measure(measure: str) -> str:
    if measure not in _MEASURES:
        raise InputError(
            f"an index by token compares by {' or '.join(_MEASURES)}, but measure is {measure!r}; compare the vectors "
            f"with SparseEncoder.similarity"
        )
    return measure


def _unit(matrix: Any) -> Any:
    """Return sparse rows scaled to length 1; zero rows stay as they are."""
    from scipy import sparse

    norms = np.sqrt(np.asarray(matrix.multiply(matrix).sum(axis=1)).ravel())
    return sparse.csr_array(sparse.diags_array(1 / np.where(norms > 0, norms, 1)) @ matrix).astype(np.float32)


def _rows(matrix: Any) -> list[tuple[Any, Any]]:
    """Return the tokens and weights of each row of a CSR array."""
    bounds = zip(matrix.indptr[:-1].tolist(), matrix.indptr[1:].tolist(), strict=True)
    return [(matrix.indices[start:stop], matrix.data[start:stop]) for start, stop in bounds]
