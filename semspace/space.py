"""`Space`: named points. Everything a person asks of meaning is asked of one."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt
import polars as pl

from semspace import checks, queries, schema
from semspace.bundle import Bundle, Draft, PathLike, writing
from semspace.display import clip
from semspace.errors import InputError
from semspace.history import History
from semspace.neighbors import Neighbors
from semspace.text import mmap_array
from semspace.text.dataframes import as_polars, storable
from semspace.types import Floats1d, Floats2d

KIND = "space"
_ROWS = 16_384  # of the vectors are read at a time
Query = str | Floats1d


class TextEncoder(Protocol):
    """What puts new text into a space: any encoder of `semspace.sentences`."""

    @property
    def name(self) -> str:
        """By which `Encoder.load` finds it again."""

    @property
    def dim(self) -> int:
        """Number of dimensions."""

    @property
    def fingerprint(self) -> str:
        """SHA-256 over everything that decides a vector."""

    def encode(self, texts: list[str]) -> Floats2d:
        """Encode texts that are neither questions nor documents, float32 of shape (n, dim)."""

    def encode_queries(self, texts: list[str]) -> Floats2d:
        """Encode questions that are asked of documents, float32 of shape (n, dim)."""

    def encode_documents(self, texts: list[str]) -> Floats2d:
        """Encode documents, float32 of shape (n, dim)."""


@runtime_checkable
class StoredEncoder(Protocol):
    """An encoder that lies in the bundle of its space; of any other only the name is remembered."""

    def write_into(self, draft: Draft, space: Space) -> dict[str, Any]:
        """Write its arrays into the bundle of `space`, and return what the manifest is to say of them."""


@dataclass(frozen=True, eq=False, repr=False)
class Space:
    """Points with names: words, sentences or documents, and their vectors.

    Make one with `Space.from_vectors`, or get one from a trainer or an encoder. It never changes; `select`
    and `extend` return new ones.

    Parameters
    ----------
    ids : ndarray of str objects, shape (n,)
        Unique.
    vectors : ndarray of float32, shape (n, dim)
        Finite, no row all zeros; read-only.
    metadata : polars.DataFrame, optional
        One row for each id.
    encoder : optional
        What puts new text into this space, so that queries may be plain text.
    provenance : mapping
        What made it, from what.

    Examples
    --------
    >>> import semspace as ss
    >>> space = ss.Space.from_vectors(["cat", "dog", "car"], [[1, 1], [1, 0.8], [-1, 1]])
    >>> space.most_similar("cat", k=1).ids
    ('dog',)
    """

    ids: npt.NDArray[np.object_]
    vectors: Floats2d
    metadata: pl.DataFrame | None = None
    encoder: TextEncoder | None = None
    provenance: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        n = len(self.vectors)
        if self.vectors.ndim != 2 or self.vectors.dtype != np.float32:
            raise InputError("vectors must be a float32 matrix; use Space.from_vectors, which converts")
        if len(self.ids) != n:
            raise InputError(f"ids and vectors must be of one length; got {len(self.ids)} ids and {n} vectors")
        if not n:
            raise InputError("the space is empty: it has no points; give at least one id with its vector")
        if self.metadata is not None and len(self.metadata) != n:
            raise InputError(f"metadata must have a row for each of the {n} points; it has {len(self.metadata)}")
        if self.encoder is not None and self.encoder.dim != self.vectors.shape[1]:
            raise InputError(
                f"encoder {self.encoder.name!r} makes vectors of {self.encoder.dim} dimensions; "
                f"this space has {self.vectors.shape[1]}"
            )
        checks.unique("ids", self.ids.tolist())
        if self.metadata is not None:
            object.__setattr__(self, "metadata", storable(self.metadata))
        for start, block in mmap_array.pieces(self.vectors, _ROWS):  # of a mapped matrix, no page stays in memory
            checks.finite_rows("the vector", block, self.ids, start)
        object.__setattr__(self, "ids", checks.frozen(self.ids))
        object.__setattr__(self, "vectors", checks.frozen(self.vectors))

    @classmethod
    def from_vectors(
        cls,
        ids: Sequence[str],
        vectors: npt.ArrayLike,
        metadata: Any | None = None,
        encoder: TextEncoder | None = None,
        provenance: Mapping[str, Any] | None = None,
    ) -> Space:
        """Make a space from anyone's vectors.

        Parameters
        ----------
        ids : n strings, unique
        vectors : array-like, shape (n, dim)
            Converted to float32.
        metadata : polars or pandas DataFrame, or mapping, optional
            One row for each id, in the same order.
        encoder : optional
            What made the vectors, so that text can be a query.

        Raises
        ------
        InputError
            If lengths differ, ids repeat, or a vector holds NaN, infinity or only zeros.
        """
        names = np.array(checks.strings("ids", ids), dtype=object)
        table = None if metadata is None else as_polars(metadata)
        return cls(names, checks.matrix("vectors", vectors), table, encoder, dict(provenance or {}))

    # -- looking into it ----------------------------------------------------------------------------------

    @property
    def dim(self) -> int:
        """Number of dimensions."""
        return int(self.vectors.shape[1])

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 over ids and vectors, in order."""
        return fingerprint_of(self.dim, self.ids.tolist(), (part for _, part in mmap_array.pieces(self.vectors, _ROWS)))

    @cached_property
    def sizes(self) -> Floats1d:
        """Euclidean length of each vector, shape (n,)."""
        return checks.frozen(queries.lengths(self.vectors))

    @property
    def history(self) -> History:
        """How the training of these vectors went, epoch by epoch; empty where they weren't trained here."""
        with schema.reading("the history of this space"):
            return History.of(self.provenance)

    @cached_property
    def _rows(self) -> dict[str, int]:
        return {name: row for row, name in enumerate(self.ids.tolist())}

    def __len__(self) -> int:
        return len(self.ids)

    def __iter__(self) -> Iterator[str]:
        return iter(self.ids.tolist())

    def __contains__(self, id: object) -> bool:
        return id in self._rows

    def __getitem__(self, id: str | Sequence[str]) -> npt.NDArray[np.float32]:
        """Give the vector of an id, shape (dim,), or of a list of ids, shape (n, dim)."""
        found: npt.NDArray[np.float32] = self.vectors[self.row(id) if isinstance(id, str) else [*map(self.row, id)]]
        return found

    def row(self, id: str) -> int:
        """Give the row of an id, or raise `UnknownIdError` with the nearest spellings."""
        if id not in self._rows:
            raise checks.unknown("point", str(id), self._rows, where=f"this space of {len(self):,}")
        return self._rows[id]

    def __repr__(self) -> str:
        names = ", ".join(clip(str(name), 20) for name in self.ids[:5])
        made = f", made by {self.provenance['made_by']}" if "made_by" in self.provenance else ""
        more = " …" if len(self) > 5 else ""
        return f"Space of {len(self):,} points in {self.dim} dimensions{made}: {names}{more}"

    # -- asking of meaning --------------------------------------------------------------------------------

    def similarity(self, a: Query, b: Query, *, metric: str = "cosine") -> float:
        """Return the score of two points, each an id, a text for the encoder, or a vector of shape (dim,).

        Parameters
        ----------
        metric : {"cosine", "dot", "euclidean"}
            Cosine lies in [-1, 1]; euclidean is the negative distance. Higher is always nearer.

        Examples
        --------
        >>> import semspace as ss
        >>> space = ss.Space.from_vectors(["up", "right"], [[0, 2], [3, 0]])
        >>> space.similarity("up", "right"), space.similarity("up", "right", metric="dot")
        (0.0, 0.0)
        """
        checks.choice("metric", metric, queries.METRICS)
        (first, _), (second, _) = self.locate(a), self.locate(b)
        if metric == "cosine":
            first, second = _unit(first), _unit(second)
        return queries.pair_score(first, second, metric)

    def most_similar(
        self,
        query: Query | None = None,
        k: int = 10,
        *,
        positive: Sequence[Query] = (),
        negative: Sequence[Query] = (),
        metric: str = "cosine",
    ) -> Neighbors:
        """Find the `k` points nearest to a query; never the query itself.

        Parameters
        ----------
        query : str or vector
            An id of this space; or a text, where the space has an encoder; or a vector of shape (dim,).
        k : int
            How many; fewer come back where the space is smaller.
        positive, negative : sequences of queries
            Instead of `query`: the unit vectors of `positive` are added and those of `negative` taken away.
        metric : {"cosine", "dot", "euclidean"}

        Raises
        ------
        UnknownIdError
            If the query is no id and the space has no encoder for text.
        """
        checks.whole("k", k)
        checks.choice("metric", metric, queries.METRICS)
        positive, negative = _queries(positive), _queries(negative)
        if query is not None and not (positive or negative):
            return self.most_similar_batch([query], k, metric=metric)[0]
        if query is not None or not positive:
            raise InputError("give either a query, or positive= (and negative=) lists of queries")
        plus, minus = [self.locate(q) for q in positive], [self.locate(q) for q in negative]
        target = sum((_unit(v) for v, _ in plus), np.zeros(self.dim, np.float32))
        target = target - sum((_unit(v) for v, _ in minus), np.zeros(self.dim, np.float32))
        own = [row for _, row in plus + minus if row is not None]
        return self._nearest([target], [own], [_sum_label(positive, negative)], k, metric)[0]

    def most_similar_batch(self, asked: Sequence[Query], k: int = 10, *, metric: str = "cosine") -> list[Neighbors]:
        """Find the `k` points nearest to each query, in one pass; see `most_similar`."""
        checks.whole("k", k)
        checks.choice("metric", metric, queries.METRICS)
        if isinstance(asked, str):
            raise InputError("most_similar_batch takes a list of queries; for one, use most_similar")
        asked = list(asked)
        if not asked:
            return []
        found = self.locate_all(asked)
        own = [[] if row is None else [row] for _, row in found]
        return self._nearest([vector for vector, _ in found], own, [label(q) for q in asked], k, metric)

    def analogy(self, a: Query, b: Query, c: Query, k: int = 10, *, method: str = "3cosadd") -> Neighbors:
        """Complete "a is to b as c is to ?"; none of the three comes back.

        Parameters
        ----------
        method : {"3cosadd", "3cosmul"}
            3CosAdd (Mikolov et al. 2013) takes the points nearest to ``b - a + c``; 3CosMul (Levy & Goldberg
            2014) multiplies similarities, which keeps one large term from drowning the others.

        Examples
        --------
        >>> import semspace as ss
        >>> space = ss.Space.from_vectors(
        ...     ["man", "woman", "king", "queen"], [[1, 0], [1, 1], [3, 0], [3, 3]])
        >>> space.analogy("man", "woman", "king", k=1).ids
        ('queen',)
        """
        checks.whole("k", k)
        checks.choice("method", method, ("3cosadd", "3cosmul"))
        found = [self.locate(q) for q in (a, b, c)]
        own = [row for _, row in found if row is not None]
        title = f"{label(a)} : {label(b)} = {label(c)} : ?"
        va, vb, vc = (_unit(vector) for vector, _ in found)
        if method == "3cosadd":
            return self._nearest([vb - va + vc], [own], [title], k, "cosine")[0]
        sims = np.vstack(list(queries.score_blocks(self.vectors, self.sizes, np.stack([va, vb, vc]), "cosine")))
        scores = queries.cos_mul(*sims)
        rows = queries.best_rows(scores, k, self.ids, own)
        return self.neighbors(title, rows, scores[rows], "3cosmul")

    def odd_one_out(self, ids: Sequence[str]) -> str:
        """Return the id least like the others: the lowest mean cosine to them.

        Raises
        ------
        InputError
            If fewer than three different ids are given.
        UnknownIdError
            If one isn't in the space; none is passed over.
        """
        names = checks.strings("ids", ids)
        checks.unique("ids", names)
        if len(names) < 3:
            raise InputError(f"odd_one_out needs at least three ids; got {len(names)}")
        points = queries.unit(self[names])
        to_others = (points @ points.T).sum(axis=1) - 1
        return names[int(np.argmin(to_others))]

    def locate(self, query: Query) -> tuple[Floats1d, int | None]:
        """Give the vector of a query, and its row if it is an id of this space."""
        return self.locate_all([query])[0]

    def locate_all(self, asked: Sequence[Query]) -> list[tuple[Floats1d, int | None]]:
        """Give vector and row of each query; the texts among them are encoded together."""
        texts = [q for q in asked if isinstance(q, str) and q not in self._rows]
        encoded = dict(zip(texts, self.encode_queries(texts), strict=True)) if texts else {}
        found: list[tuple[Floats1d, int | None]] = []
        for query in asked:
            if not isinstance(query, str):
                found.append((as_vector(query, self.dim), None))
            elif query in self._rows:
                found.append((self.vectors[self._rows[query]], self._rows[query]))
            else:
                found.append((encoded[query], None))
        return found

    def encode(self, texts: Sequence[str]) -> Floats2d:
        """Encode texts that are asked of this space, as `encode_queries` does; see `encode_documents` for documents."""
        return self.encode_queries(texts)

    def encode_queries(self, texts: Sequence[str]) -> Floats2d:
        """Encode questions that are asked of this space, float32 of shape (n, dim).

        Models that tell questions and documents apart read a prompt before each; see `encode_documents`.
        """
        texts = checks.strings("texts", texts)
        self._check_known(texts)
        return encode_queries(texts, self.encoder) if texts else np.empty((0, self.dim), np.float32)

    def encode_documents(self, texts: Sequence[str]) -> Floats2d:
        """Encode texts as the documents of this space were, float32 of shape (n, dim)."""
        texts = checks.strings("texts", texts)
        self._check_known(texts)
        return encode_documents(texts, self.encoder) if texts else np.empty((0, self.dim), np.float32)

    def _check_known(self, texts: list[str]) -> None:
        """Raise `UnknownIdError` for a word that is no point of a space without an encoder."""
        if self.encoder is None and texts and " " not in texts[0] and texts[0] not in self:
            raise checks.unknown("point", texts[0], self._rows, where=f"this space of {len(self):,}")

    def neighbors(self, title: str, rows: queries.Rows, scores: Floats1d, metric: str) -> Neighbors:
        """Dress rows and scores as `Neighbors` with ids and metadata."""
        table = None if self.metadata is None else self.metadata[rows]
        return Neighbors(title, tuple(self.ids[rows].tolist()), checks.frozen(scores), metric, table)

    def _nearest(
        self, targets: Sequence[Floats1d], own: Sequence[Sequence[int]], titles: Sequence[str], k: int, metric: str
    ) -> list[Neighbors]:
        matrix = np.stack(targets).astype(np.float32, copy=False)
        for title, target in zip(titles, matrix, strict=True):
            if metric == "cosine" and not target.any():
                raise InputError(f"the query {title!r} is the zero vector, which has no direction; use other queries")
        found = queries.nearest(
            self.vectors,
            self.sizes,
            matrix,
            k,
            names=self.ids,
            metric=metric,
            skip=own,
        )
        return [self.neighbors(t, rows, scores, metric) for t, (rows, scores) in zip(titles, found, strict=True)]

    # -- other spaces from this one -----------------------------------------------------------------------

    def select(self, ids: Sequence[str]) -> Space:
        """Return the space of these ids, in this order."""
        rows = [self.row(id) for id in checks.strings("ids", ids)]
        table = None if self.metadata is None else self.metadata[rows]
        return replace(self, ids=self.ids[rows], vectors=self.vectors[rows], metadata=table)

    def extend(self, ids: Sequence[str], vectors: npt.ArrayLike, metadata: Any | None = None) -> Space:
        """Return a space with more points; ids already there raise `InputError`.

        A space with metadata takes `metadata` with the same columns; one without takes none.
        """
        names = np.array(checks.strings("ids", ids), dtype=object)
        more = checks.matrix("vectors", vectors, dim=self.dim)
        taken = next((name for name in names if name in self), None)
        if taken is not None:
            raise InputError(f"the space already has {taken!r}; choose other ids (a space never changes a point)")
        if (self.metadata is None) != (metadata is None):
            have, need = ("has", "with") if metadata is None else ("has no", "without")
            raise InputError(f"this space {have} metadata, so the new points must come {need} it")
        table = None if self.metadata is None else below(self.metadata, as_polars(metadata))
        return replace(
            self, ids=np.concatenate([self.ids, names]), vectors=np.concatenate([self.vectors, more]), metadata=table
        )

    # -- on disk ------------------------------------------------------------------------------------------

    def save(self, path: PathLike, *, overwrite: bool = False) -> None:
        """Save as a bundle directory; see `semspace.save`."""
        with writing(path, KIND, overwrite=overwrite) as draft:
            self.write(draft)

    def write(self, draft: Draft, vectors: Path | None = None) -> None:
        """Put this space into a bundle being written, its own or an index's; `vectors` is their file, if any."""
        draft.meta["space"] = self.facts(draft)
        if vectors is None:
            draft.array("vectors", self.vectors)
        else:
            draft.linked("vectors.npy", vectors)
        draft.table("ids", pl.DataFrame({"id": self.ids.tolist()}, schema={"id": pl.String}))
        if self.metadata is not None:
            draft.table("metadata", self.metadata)

    def facts(self, draft: Draft) -> dict[str, Any]:
        """Give what a manifest says of this space; an encoder that lies in the bundle is written into it."""
        encoder = (
            None
            if self.encoder is None
            else {
                "name": self.encoder.name,
                "dim": self.encoder.dim,
                "fingerprint": self.encoder.fingerprint,
                **({"max_tokens": cut} if (cut := getattr(self.encoder, "shortened", None)) else {}),
                **(self.encoder.write_into(draft, self) if isinstance(self.encoder, StoredEncoder) else {}),
            }
        )
        return {
            "count": len(self),
            "dim": self.dim,
            "fingerprint": self.fingerprint,
            "encoder": encoder,
            "provenance": dict(self.provenance),
        }

    @classmethod
    def from_bundle(cls, bundle: Bundle, encoder: TextEncoder | None = None) -> Space:
        """Take the space out of an opened bundle (a space's own, or an index's)."""
        provenance = bundle.meta.facts("space").mapping("provenance")
        vectors = bundle.array("vectors", dtype=np.float32, shape=(None, None))
        table = bundle.table("metadata", rows=len(vectors)) if bundle.has("metadata.arrow") else None
        ids = bundle.table("ids", {"id": pl.String}, rows=len(vectors))["id"].to_numpy().astype(object)
        return cls(ids, vectors, table, encoder, provenance)


def fingerprint_of(dim: int, ids: list[str], parts: Iterable[Floats2d]) -> str:
    """Return the fingerprint of a space whose vectors come in parts."""
    hasher = hashlib.sha256(json.dumps([dim, *ids]).encode())
    for part in parts:
        hasher.update(np.ascontiguousarray(part).data.cast("B"))
    return hasher.hexdigest()


def as_vector(query: Floats1d, dim: int) -> Floats1d:
    """Give a query that is a vector as float32 of shape (dim,), or raise `InputError`."""
    vector = np.asarray(query)
    if vector.dtype.kind not in "fiu" or vector.shape != (dim,):
        raise InputError(
            f"a query must be an id, a text or a vector of shape ({dim},); "
            f"got {type(query).__name__} of shape {vector.shape}"
        )
    vector = vector.astype(np.float32)
    if vector.any():  # a zero vector is only wrong for a cosine
        checks.finite_rows("the vector", vector[None], ["query"])
    return vector


def encode_queries(texts: list[str], encoder: TextEncoder | None) -> Floats2d:
    """Return the vectors of texts that are questions, or raise `InputError` that says why they have none."""
    able = _able(texts, encoder, "a query")
    encode = getattr(able, "encode_queries", able.encode)  # whoever only has `encode` doesn't tell the two apart
    vectors: Floats2d = encode(texts)
    return vectors


def encode_documents(texts: list[str], encoder: TextEncoder | None) -> Floats2d:
    """Return the vectors of texts that are documents, or raise `InputError` that says why they have none."""
    able = _able(texts, encoder, "a document")
    encode = getattr(able, "encode_documents", able.encode)
    vectors: Floats2d = encode(texts)
    return vectors


def _able(texts: list[str], encoder: TextEncoder | None, what: str) -> TextEncoder:
    """Return an encoder, or raise `InputError` where there is none or a text is blank."""
    if encoder is None:
        raise InputError(
            f"this space has no encoder, so it can't take the text {clip(texts[0], 40)!r}; ask by id (id=, --id) or "
            f"vector, or make the space with encoder.embed(corpus)"
        )
    blank = next((text for text in texts if not text.strip()), None)
    if blank is not None:
        raise InputError(f"{what} must have some text; got {blank!r}")
    return encoder


def below(table: pl.DataFrame, more: pl.DataFrame) -> pl.DataFrame:
    """Put more rows under a table, columns matched by name."""
    if set(table.columns) != set(more.columns):
        raise InputError(f"metadata must have the columns {', '.join(table.columns)}; got {', '.join(more.columns)}")
    try:
        return pl.concat([table, more.select(table.columns)], how="vertical_relaxed")
    except pl.exceptions.PolarsError as problem:
        raise InputError(f"metadata must have columns of the same types as before: {problem}") from problem


def _queries(given: Sequence[Query] | None) -> list[Query]:
    if isinstance(given, str):
        raise InputError(f"positive= and negative= take lists of queries; got one string, {given!r}: put it in a list")
    return [] if given is None else list(given)


def label(query: Query) -> str:
    """Name a query for printing."""
    return query if isinstance(query, str) else "vector"


def _sum_label(positive: Sequence[Query], negative: Sequence[Query]) -> str:
    return " ".join([*(f"+ {label(q)}" for q in positive), *(f"- {label(q)}" for q in negative)]).removeprefix("+ ")


def _unit(vector: Floats1d) -> Floats1d:
    size = np.linalg.norm(vector)
    if not size:
        raise InputError("the query is the zero vector, which has no direction; use another")
    scaled: Floats1d = (vector / size).astype(np.float32)
    return scaled
