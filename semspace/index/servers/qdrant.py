"""`QdrantCollection`: points on a server of Qdrant, or in a folder that qdrant-client reads in this process."""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from semspace import checks
from semspace.errors import InputError, ServerError
from semspace.index.qdrant_filter import translate
from semspace.index.servers.collection import ServerCollection, ServerHit
from semspace.index.servers.fields import ID
from semspace.index.servers.qdrant_fields import QdrantFields
from semspace.index.servers.qdrant_server import EXTRA, QdrantServer
from semspace.types import Floats2d

_PROPERTY = "semspace"  # of a collection's metadata, under which lies what `connect` needs to know
_LENGTH = "_length"  # of a payload: what a vector was divided by, where that isn't 1
_METRICS = {"cosine": "Cosine", "dot": "Dot", "euclidean": "Euclid"}
_INDEXES = {"whole": "integer", "time": "integer", "float": "float", "bool": "bool", "text": "keyword"}
_NAME = re.compile(r"[^\x00-\x1f/\\:*?\"<>|]{1,255}")
_IDS = uuid.UUID("5d1c1b7e-65d2-5f4b-9d39-2c3f0b9a4c11")  # the namespace of points' ids
_TOLERANCE = 1e-6  # within which Qdrant takes a vector's length for 1


def point_id(id: str) -> str:
    """Return the id of a point in Qdrant, which takes UUIDs and numbers only: the UUIDv5 of its id here.

    Two ids would share one with a probability of 2**-122; which point it is, is told by the id in its payload.

    Examples
    --------
    >>> point_id("cat")
    'd5501490-3ebc-5708-93e0-ef742c9db2f7'
    """
    return str(uuid.uuid5(_IDS, id))


@dataclass(frozen=True, eq=False, repr=False)
class QdrantCollection(ServerCollection):
    """Points of one space in Qdrant; make one with `QdrantCollection.create`, or `connect` to one.

    A point's id lies in its payload under ``id``, beside the metadata. Qdrant keeps vectors that are compared by the
    cosine divided by their length, so the length lies there, too, where it isn't 1: such vectors come back as they were
    but for the rounding of float32.

    Examples
    --------
    >>> import numpy as np, tempfile
    >>> folder = tempfile.TemporaryDirectory()
    >>> points = QdrantCollection.create(f"{folder.name}/points.qdrant", "animals", dim=2)
    >>> points.add(["cat", "dog", "car"], np.float32([[1, 1], [1, 0.8], [-1, 1]]), None)
    >>> points.nearest(np.float32([[1, 1]]), 2)[0].ids
    ('cat', 'dog')
    >>> points.close(); folder.cleanup()
    """

    method: ClassVar[str] = "qdrant"
    title: ClassVar[str] = "Qdrant"
    fields_type: ClassVar[type[QdrantFields]] = QdrantFields
    message_bytes: ClassVar[int] = 4_000_000  # five times that as JSON; a server takes 32 MB

    # -- making -------------------------------------------------------------------------------------------

    @classmethod
    def _connection(cls, uri: str, token: str | None, *, new: bool) -> QdrantServer:
        return QdrantServer.open(uri, token, new=new)

    @classmethod
    def _check_name(cls, name: str) -> None:
        if not isinstance(name, str) or not _NAME.fullmatch(name):
            raise InputError(
                f'the name of a collection in Qdrant has 1 to 255 characters, none of / \\ : * ? " < > |; got {name!r}'
            )

    @classmethod
    def _drop(cls, server: QdrantServer, name: str) -> None:
        server.ask("delete_collection", name)

    @classmethod
    def _make(cls, server: QdrantServer, name: str, fields: QdrantFields, stored: Mapping[str, Any]) -> None:
        models = checks.need("qdrant_client.models", EXTRA)
        config = models.VectorParams(size=stored["dim"], distance=models.Distance(_METRICS[stored["metric"]]))
        server.ask("create_collection", name, vectors_config=config, metadata={_PROPERTY: json.dumps(stored)})
        if cls._stored(server, name) is None:
            server.ask("delete_collection", name)
            raise ServerError(
                f"Qdrant at {server.uri} is too old to keep a collection's metadata; upgrade it to 1.16 or later"
            )
        if not server.local:  # where they do nothing
            cls._make_payload_indexes(server, name, fields)

    @classmethod
    def _make_payload_indexes(cls, server: QdrantServer, name: str, fields: QdrantFields) -> None:
        """Create the indexes of columns that conditions may ask for; a server may refuse conditions on others."""
        wanted = {ID: "keyword"}
        wanted.update({field: _INDEXES.get(fields.kind(column), "") for column, field in fields.names.items()})
        for field, kind in wanted.items():
            if kind and field != "text":  # the documents, which are too long
                server.ask("create_payload_index", name, field_name=field, field_schema=kind)

    @classmethod
    def _stored(cls, server: QdrantServer, name: str) -> Any:
        metadata = server.ask("get_collection", name).config.metadata
        try:
            return json.loads(metadata[_PROPERTY])
        except (TypeError, ValueError, KeyError):
            return None

    # -- contents -----------------------------------------------------------------------------------------

    def __len__(self) -> int:
        """Count the live points."""
        return int(self.server.ask("count", self.name, exact=True).count)

    def _rows_of(self, ids: Sequence[str], *, metadata: bool = False) -> dict[str, Mapping[str, Any]]:
        found = self._retrieve(ids, with_payload=True if metadata else [ID])
        return {self._id(point): self._row(point) for point in found}

    def _vectors_of(self, ids: Sequence[str]) -> dict[str, Any]:
        found = self._retrieve(ids, with_payload=[ID, _LENGTH], with_vectors=True)
        return dict(zip([self._id(point) for point in found], self._restored(found), strict=True))

    def _retrieve(self, ids: Sequence[str], **outputs: Any) -> list[Any]:
        return list(self.server.ask("retrieve", self.name, ids=list(map(point_id, ids)), **outputs))

    def _id(self, point: Any) -> str:
        id = (point.payload or {}).get(ID)
        if not isinstance(id, str):
            raise ServerError(
                f"the collection {self.name!r} in {self.server.uri} holds a point {point.id} that semspace didn't add; "
                "delete it there"
            )
        return id

    def _row(self, point: Any) -> Mapping[str, Any]:
        return {**dict.fromkeys(self.fields.names.values()), **(point.payload or {})}

    def _restored(self, points: Sequence[Any]) -> Floats2d:
        vectors: Floats2d = np.array([point.vector for point in points], np.float32).reshape(len(points), self.dim)
        for row, point in enumerate(points):
            length = point.payload.get(_LENGTH)
            if length is not None:
                vectors[row] = (vectors[row] * np.float64(length)).astype(np.float32)
        return vectors

    def _some_ids(self, most: int) -> list[str]:
        points, _ = self.server.ask("scroll", self.name, limit=most, with_payload=[ID])
        return [self._id(point) for point in points]

    def _translate(self, where: str) -> Any:
        return translate(where, self.fields.schema or {}, self.fields.names, ID)

    def _filter(self, condition: Any, among: Sequence[str] | None) -> Any:
        """Return a condition of Qdrant's for points that satisfy a condition, among some ids; None for all points."""
        models = checks.need("qdrant_client.models", EXTRA)
        if among is None:
            return None if condition is True else condition
        some = models.HasIdCondition(has_id=list(map(point_id, among)))
        return models.Filter(must=[some] if condition is True else [some, condition])

    def _walk(self, condition: Any, among: Sequence[str] | None) -> Iterator[tuple[list[str], Floats2d]]:
        some, place = self._filter(condition, among), None
        while True:
            points, place = self.server.ask(
                "scroll",
                self.name,
                scroll_filter=some,
                limit=self._page(),
                offset=place,
                with_payload=[ID, _LENGTH],
                with_vectors=True,
            )
            if points:
                yield [self._id(point) for point in points], self._restored(points)
            if place is None:
                return

    # -- searching ----------------------------------------------------------------------------------------

    def _search(
        self, query_vectors: Floats2d, limit: int, condition: Any, among: Sequence[str] | None, *, exact: bool
    ) -> list[list[ServerHit]]:
        models = checks.need("qdrant_client.models", EXTRA)
        some = self._filter(condition, among)
        # Folders are always compared exactly.
        params = None if self.server.local else models.SearchParams(exact=exact)
        asked = [
            models.QueryRequest(query=vector, filter=some, limit=limit, with_payload=True, params=params)
            for vector in query_vectors.tolist()
        ]
        answers = self.server.ask("query_batch_points", self.name, requests=asked)
        return [
            [(self._id(point), self._score(point.score), self._row(point)) for point in answer.points]
            for answer in answers
        ]

    def _score(self, score: float) -> float:
        return float(np.float32(-score if self.metric == "euclidean" else score))

    # -- changing -----------------------------------------------------------------------------------------

    def _send(
        self,
        verb: str,  # noqa: ARG002  (Qdrant has only one)
        ids: Sequence[str],
        vectors: Floats2d,
        values: Mapping[str, list[Any]],
        pieces: Sequence[tuple[int, int]],
    ) -> None:
        models = checks.need("qdrant_client.models", EXTRA)
        for start, end in pieces:
            payloads: list[dict[str, Any]] = [{ID: id} for id in ids[start:end]]
            for name, column in values.items():
                for payload, value in zip(payloads, column[start:end], strict=True):
                    if value is not None:
                        payload[name] = value
            some = vectors[start:end]
            if self.metric == "cosine":
                some = _of_length_1(some, payloads)
            points = models.Batch(ids=list(map(point_id, ids[start:end])), vectors=some.tolist(), payloads=payloads)
            self.server.ask("upsert", self.name, points=points, wait=True)

    def _remove(self, ids: Sequence[str]) -> None:
        models = checks.need("qdrant_client.models", EXTRA)
        chosen = models.PointIdsList(points=list(map(point_id, ids)))
        self.server.ask("delete", self.name, points_selector=chosen, wait=True)


def _of_length_1(vectors: Floats2d, payloads: Sequence[dict[str, Any]]) -> Floats2d:
    """Divide vectors by their lengths, which go into the payloads where they aren't 1 to Qdrant."""
    lengths = np.sqrt(np.einsum("nd,nd->n", vectors, vectors, dtype=np.float64))
    others = np.flatnonzero(np.abs(lengths - 1) > _TOLERANCE)
    shortened = np.array(vectors)
    shortened[others] = vectors[others] / lengths[others, None]
    for row in others.tolist():
        payloads[row][_LENGTH] = float(lengths[row])
    return shortened
