"""`ServerCollection`: what a collection on any server does, over the few questions that each server answers its way."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

import numpy as np
import polars as pl

from semspace import checks, queries
from semspace.errors import ExistsError, InputError
from semspace.index.collection import Hits
from semspace.index.new_points import completed
from semspace.index.servers.fields import ServerFields, sizes
from semspace.types import Floats2d

if TYPE_CHECKING:
    from typing_extensions import Self

FORMAT = 1
_IDS = 1_000  # in one question
_QUERIES = 256  # in one search
_HITS = 50_000  # in one answer
_FEW = 16_384  # ids that are fetched to find how one is spelled

ServerHit = tuple[str, float, Mapping[str, Any] | None]  # id, score, row of fields


class Connection(Protocol):
    """A server, or a file that stands for one."""

    uri: str  # for messages, without a password

    def collections(self) -> list[str]:
        """List the names of the collections."""

    def close(self) -> None:
        """Close the connection."""


@dataclass(frozen=True, eq=False, repr=False)
class ServerCollection:
    """Points of one space on a server; see `semspace.index.collection.Collection`.

    A class for one server says how it makes and describes collections (`_connection`, `_check_name`, `_drop`, `_make`,
    `_stored`, `_opened_fields`), finds points by id (`_rows_of`), walks and searches them (`_walk`, `_search`,
    `_translate`), and changes them (`_insert`, `_remove`). Servers check ids neither where points are added nor where
    they are deleted, so that is done here, just before: of two programs that add the same id at the same moment, both
    may succeed.

    Parameters
    ----------
    server : Connection
    name : str
        Of the collection.
    dim : int
    metric : {"cosine", "dot", "euclidean"}
    fields : ServerFields
        How the metadata's columns lie in it.
    facts : mapping
        What it was created with: the fingerprint of the space, its encoder, and whatever else JSON can hold.
    """

    server: Any
    name: str
    dim: int
    metric: str
    fields: Any
    facts: Mapping[str, Any]

    method: ClassVar[str]
    title: ClassVar[str]  # the server's name in messages
    fields_type: ClassVar[type[ServerFields]]
    most_hits: ClassVar[int] = 2**31 - 1  # that the server gives to one query
    message_bytes: ClassVar[int] = 8_000_000  # of points in one message
    page_points: ClassVar[int] = 4_000  # walked at a time

    # -- making -------------------------------------------------------------------------------------------

    @classmethod
    def connect(cls, uri: str, collection: str, token: str | None = None) -> Self:
        """Connect to a collection that is there.

        Raises
        ------
        ServerError
            If the server doesn't answer within some seconds.
        InputError
            If there is no such collection, or semspace didn't make it.
        """
        server = cls._connection(uri, token, new=False)
        try:
            return cls._open(server, collection)
        except BaseException:
            server.close()
            raise

    @classmethod
    def create(
        cls,
        uri: str,
        collection: str,
        *,
        dim: int,
        metric: str = "cosine",
        metadata_schema: pl.Schema | Mapping[str, pl.DataType] | None = None,
        facts: Mapping[str, Any] | None = None,
        token: str | None = None,
        overwrite: bool = False,
    ) -> Self:
        """Create an empty collection.

        Parameters
        ----------
        uri, collection, token
            See `Index.connect`. A file or folder that stands for a server is made where it isn't there.
        dim : int
        metric : {"cosine", "dot", "euclidean"}
        metadata_schema : polars.Schema, optional
            The columns of the metadata and their types. Whole numbers, floats, times, truth and text can be searched
            by; lists and structs are only kept.
        facts : mapping, optional
            What `connect` shall give back as ``facts``: values that JSON can hold.
        overwrite : bool
            Drop a collection of this name that semspace has made, with all its points.
        """
        fields = cls.fields_type.of(metadata_schema)
        stored = {
            "format": FORMAT,
            "dim": checks.whole("dim", dim),
            "metric": checks.choice("metric", metric, queries.METRICS),
            "facts": checked_json(facts or {}),
            **fields.to_text(),
        }
        cls._check_name(collection)
        server = cls._connection(uri, token, new=True)
        try:
            if collection in server.collections():
                if not overwrite:
                    raise ExistsError(
                        f"the collection {collection!r} is there already in {server.uri}; "
                        "take another name, or overwrite=True"
                    )
                cls._open(server, collection)  # raises for what semspace hasn't made
                cls._drop(server, collection)
            cls._make(server, collection, fields, stored)
            return cls._open(server, collection)
        except BaseException:
            server.close()
            raise

    @classmethod
    def connect_or_none(cls, uri: str, collection: str, token: str | None = None) -> Self | None:
        """Connect to a collection, or return None where there is none of this name."""
        server = cls._connection(uri, token, new=True)
        try:
            if collection in server.collections():
                return cls._open(server, collection)
        except BaseException:
            server.close()
            raise
        server.close()
        return None

    @classmethod
    def _open(cls, server: Any, name: str) -> Self:
        there = server.collections()
        if name not in there:
            raise InputError(f"no collection {name!r} in {server.uri}; there are {', '.join(there) or 'none'}")
        stored = cls._stored(server, name)
        if not isinstance(stored, dict) or "format" not in stored:
            raise InputError(
                f"the collection {name!r} in {server.uri} wasn't made by semspace; push a space into a new collection"
            )
        if stored["format"] > FORMAT:
            raise InputError(f"the collection {name!r} in {server.uri} was made by a later semspace; upgrade this one")
        fields = cls._opened_fields(server, stored)
        return cls(server, name, stored["dim"], stored["metric"], fields, stored["facts"])

    @classmethod
    def _opened_fields(cls, server: Any, stored: Mapping[str, Any]) -> ServerFields:  # noqa: ARG003
        return cls.fields_type.from_text(stored)

    @classmethod
    def _connection(cls, uri: str, token: str | None, *, new: bool) -> Connection:
        """Connect to a server; `new` allows a file that isn't there yet."""
        raise NotImplementedError

    @classmethod
    def _check_name(cls, name: str) -> None:
        """Raise `InputError` for what can't be a collection's name."""
        raise NotImplementedError

    @classmethod
    def _drop(cls, server: Any, name: str) -> None:
        raise NotImplementedError

    @classmethod
    def _make(cls, server: Any, name: str, fields: Any, stored: Mapping[str, Any]) -> None:
        raise NotImplementedError

    @classmethod
    def _stored(cls, server: Any, name: str) -> Any:
        """Return what `_make` stored with a collection; None where semspace didn't make it."""
        raise NotImplementedError

    # -- contents -----------------------------------------------------------------------------------------

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of the metadata's columns."""
        return tuple(self.fields.columns)

    def __len__(self) -> int:
        """Count the live points."""
        raise NotImplementedError

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.name!r} in {self.server.uri}: {self.metric}, {self.dim} dimensions)"

    def present(self, ids: Sequence[str]) -> list[bool]:
        """Check of each id whether it is a live point."""
        there = {id for some in self._batches(ids) for id in self._rows_of(some)}
        return [id in there for id in ids]

    def vectors(self, ids: Sequence[str]) -> Floats2d:
        """Return the vectors of ids in their order, float32 (n, dim); raise `UnknownIdError` for an unknown id."""
        found = {id: vector for some in self._batches(ids) for id, vector in self._vectors_of(some).items()}
        self._check_known(ids, found)
        return np.array([found[id] for id in ids], np.float32).reshape(len(ids), self.dim)

    def metadata(self, ids: Sequence[str]) -> pl.DataFrame | None:
        """Return the metadata of ids in their order; raise `UnknownIdError` for one that doesn't exist."""
        found = self._found(ids, metadata=True)
        self._check_known(ids, found)
        table: pl.DataFrame | None = self.fields.decode([found[id] for id in ids])
        return table

    def pieces(
        self, *, where: str | None = None, among: Sequence[str] | None = None
    ) -> Iterator[tuple[list[str], Floats2d]]:
        """Iterate over the live points that `where` and `among` leave, some thousands at a time."""
        condition = True if where is None else self._translate(where)
        return iter(()) if condition is False else self._walked(condition, among)

    def nearest_spellings(self, id: str) -> list[str]:
        """Return ids that are spelled like this one, for an error message; none of a large collection."""
        return checks.nearest_spellings(id, self._few_ids(len(self)))

    def _found(self, ids: Sequence[str], *, metadata: bool) -> dict[str, Mapping[str, Any]]:
        return {id: row for some in self._batches(ids) for id, row in self._rows_of(some, metadata=metadata).items()}

    def _check_known(self, ids: Sequence[str], there: Mapping[str, Any]) -> None:
        missing = next((id for id in ids if id not in there), None)
        if missing is None:
            return
        count = len(self)
        known = self._few_ids(count)
        raise checks.unknown("point", missing, known, where=f"the collection {self.name!r} of {count:,}")

    def _few_ids(self, count: int) -> list[str]:
        """Return all ids of a collection that isn't large, none of a larger one."""
        return self._some_ids(count) if 0 < count <= min(_FEW, self.most_hits) else []

    def _batches(self, ids: Sequence[str]) -> Iterator[Sequence[str]]:
        """Cut ids into as many as one question may hold."""
        for start, end in self._cuts([self.message_bytes // _IDS + len(id) for id in ids]):
            yield ids[start:end]

    def _cuts(self, bytes_each: Sequence[int]) -> Iterator[tuple[int, int]]:
        """Cut a row of things into pieces of about `message_bytes`, each of at least one thing."""
        start = total = 0
        for place, size in enumerate(bytes_each):
            if place > start and total + size > self.message_bytes:
                yield start, place
                start, total = place, 0
            total += size
        if start < len(bytes_each):
            yield start, len(bytes_each)

    def _rows_of(self, ids: Sequence[str], *, metadata: bool = False) -> dict[str, Mapping[str, Any]]:
        """Return those of some ids that are there, with their rows of fields."""
        raise NotImplementedError

    def _vectors_of(self, ids: Sequence[str]) -> dict[str, Any]:
        """Return those of some ids that are there, with their vectors."""
        raise NotImplementedError

    def _some_ids(self, most: int) -> list[str]:
        """Return ids of the collection, at most as many."""
        raise NotImplementedError

    def _translate(self, where: str) -> Any:
        """Return a condition as the server takes it; True or False where it holds for every point or for none."""
        raise NotImplementedError

    def _walk(self, condition: Any, among: Sequence[str] | None) -> Iterator[tuple[list[str], Floats2d]]:
        """Iterate over the points that a condition leaves, among some ids where they are given."""
        raise NotImplementedError

    def _walked(self, condition: Any, among: Sequence[str] | None) -> Iterator[tuple[list[str], Floats2d]]:
        for some in self._parts(among):
            yield from self._walk(condition, some)

    def _parts(self, among: Sequence[str] | None) -> Iterator[Sequence[str] | None]:
        """Iterate over parts of the ids that are wanted, of which each fits in a question; None for all points."""
        if among is None:
            yield None
        else:
            yield from self._batches(list(dict.fromkeys(among)))

    def _page(self) -> int:
        return max(1, min(self.page_points, self.message_bytes // self.dim))

    # -- searching ----------------------------------------------------------------------------------------

    def nearest(
        self,
        queries: Floats2d,
        k: int,
        *,
        where: str | None = None,
        among: Sequence[str] | None = None,
        skip: Sequence[Sequence[str]] | None = None,
        exact: bool = False,
    ) -> list[Hits]:
        """Find the nearest live points of each query; fewer than k where fewer are there, never an error."""
        condition = True if where is None else self._translate(where)
        left_out = [frozenset(ids) for ids in skip] if skip else [frozenset[str]()] * len(queries)
        if condition is False or not len(queries) or (among is not None and not len(among)):
            return [self._hits([], {}) for _ in queries]
        found = self._nearest(queries, k, condition, among, left_out, exact=exact)
        kept = [[hit for hit in own if hit[0] not in out][:k] for own, out in zip(found, left_out, strict=True)]
        known = {id: row for own in kept for id, _, row in own if row is not None}
        bare = list(dict.fromkeys(id for own in kept for id, _, row in own if row is None)) if self.columns else []
        return [self._hits(own, {**known, **self._found(bare, metadata=True)} if bare else known) for own in kept]

    def _hits(self, found: Sequence[ServerHit], known: Mapping[str, Mapping[str, Any]]) -> Hits:
        ids = tuple(id for id, _, _ in found)
        scores = np.array([score for _, score, _ in found], np.float32)
        return Hits(ids, scores, self.fields.decode([known[id] for id in ids] if self.columns else []))

    def _nearest(
        self,
        query_vectors: Floats2d,
        k: int,
        condition: Any,
        among: Sequence[str] | None,
        left_out: Sequence[frozenset[str]],
        *,
        exact: bool,
    ) -> list[list[ServerHit]]:
        """Search on the server, a few queries at a time, for the nearest and for those that will be left out."""
        most = k + max(map(len, left_out), default=0)
        best: list[list[ServerHit]] = [[] for _ in query_vectors]
        step = max(1, min(_QUERIES, _HITS // most))
        for some in self._parts(among):
            for start in range(0, len(query_vectors), step):
                answers = self._searched(query_vectors[start : start + step], most, condition, some, exact=exact)
                for query, own in enumerate(answers, start):
                    best[query] = best_hits([*best[query], *own], most)
        return best

    def _searched(
        self, query_vectors: Floats2d, most: int, condition: Any, among: Sequence[str] | None, *, exact: bool
    ) -> list[list[ServerHit]]:
        """Search for the nearest and one more, which shows whether points with the last score were cut off."""
        limit, rest, found = most, list(range(len(query_vectors))), [list[ServerHit]() for _ in query_vectors]
        while rest:
            limit = min(limit + 1, self.most_hits)
            answers = self._search(query_vectors[rest], limit, condition, among, exact=exact)
            for query, answer in zip(rest, answers, strict=True):
                found[query] = answer
            rest = [query for query in rest if self._is_cut(found[query], most, limit)]
            limit *= 4
        return found

    def _is_cut(self, found: Sequence[ServerHit], most: int, limit: int) -> bool:
        """Check whether points with the score of the last one may be missing; equal scores are ordered by id."""
        return len(found) == limit < self.most_hits and found[most - 1][1] == found[-1][1]

    def _search(
        self, query_vectors: Floats2d, limit: int, condition: Any, among: Sequence[str] | None, *, exact: bool
    ) -> list[list[ServerHit]]:
        """Return the nearest points of each query, nearest first."""
        raise NotImplementedError

    # -- changing -----------------------------------------------------------------------------------------

    def add(self, ids: Sequence[str], vectors: Floats2d, metadata: pl.DataFrame | None) -> None:
        """Add points; when it returns they are safe. Raise `InputError` where an id is there already, and add none.

        Points go in messages of some megabytes: if the server fails between two, those sent before are there.
        """
        taken = next((id for id, there in zip(ids, self.present(ids), strict=True) if there), None)
        if taken is not None:
            raise InputError(f"the collection {self.name!r} already has {taken!r}; choose other ids, or update it")
        self.write("insert", ids, vectors, metadata)

    def update(self, ids: Sequence[str], vectors: Floats2d | None, metadata: pl.DataFrame | None) -> None:
        """Replace vectors and columns of metadata, where they are given.

        Raise `UnknownIdError` for an id that doesn't exist, and change nothing.
        """
        self._check_known(ids, {id: True for id, there in zip(ids, self.present(ids), strict=True) if there})
        self._replace(ids, self.vectors(ids) if vectors is None else vectors, metadata)

    def upsert(self, ids: Sequence[str], vectors: Floats2d, metadata: pl.DataFrame | None) -> None:
        """Update the points that are there, and add the others; when it returns they are safe."""
        if all(self.present(ids)):
            self._replace(ids, vectors, metadata)
        else:
            self.write("upsert", ids, vectors, metadata)

    def _replace(self, ids: Sequence[str], vectors: Floats2d, metadata: pl.DataFrame | None) -> None:
        """Replace points that are there; columns that aren't given stay as they are."""
        complete = metadata is not None and set(metadata.columns) >= set(self.columns)
        if self.columns and not complete:
            metadata = completed(metadata, self.metadata(ids))
        self.write("upsert", ids, vectors, metadata)

    def write(self, verb: str, ids: Sequence[str], vectors: Floats2d, metadata: pl.DataFrame | None) -> None:
        """Send points with ``"insert"`` or ``"upsert"``, without looking at what is there."""
        self._check_ids(ids)
        values = self.fields.encode(ids, metadata)
        pieces = self._cuts(sizes(self.dim, ids, values).tolist())
        self._send(verb, ids, vectors, values, list(pieces))

    def _check_ids(self, ids: Sequence[str]) -> None:
        """Raise `InputError` for an id that the server can't hold."""
        if not all(ids):
            raise InputError(f"{self.title} takes ids of at least one character; got ''")

    def _send(
        self,
        verb: str,
        ids: Sequence[str],
        vectors: Floats2d,
        values: Mapping[str, list[Any]],
        pieces: Sequence[tuple[int, int]],
    ) -> None:
        """Send points, a piece of them in a message; `values` are those of the fields."""
        raise NotImplementedError

    def delete(self, ids: Sequence[str]) -> None:
        """Delete points; raise `UnknownIdError` where one isn't there, and delete none."""
        self._check_known(ids, {id: True for id, there in zip(ids, self.present(ids), strict=True) if there})
        for some in self._batches(ids):
            self._remove(some)

    def _remove(self, ids: Sequence[str]) -> None:
        raise NotImplementedError

    def settle(self) -> None:
        """Prepare the points that are there for searches, where the server doesn't do so by itself."""

    def compact(self) -> None:
        """Free the space of deleted points, where that can be asked of the server; others do it in their own time."""

    def close(self) -> None:
        """Close the connection."""
        self.server.close()


def best_hits(found: list[ServerHit], most: int) -> list[ServerHit]:
    """Return the hits of the highest scores, equal ones in the order of ids."""
    return sorted(found, key=lambda hit: (-hit[1], hit[0]))[:most]


def checked_json(facts: Mapping[str, Any]) -> dict[str, Any]:
    """Return facts as JSON restores them, with tuples as lists and keys as text."""
    try:
        return dict(json.loads(json.dumps(dict(facts), allow_nan=False)))
    except (TypeError, ValueError) as problem:
        raise InputError(f"facts must hold what JSON can hold ({problem}); got {facts!r:.200}") from problem
