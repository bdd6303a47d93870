"""Qdrant: what only it does; see test_servers for what all servers do."""

import json
import socket
import threading
import uuid
import warnings
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import ClassVar

import numpy as np
import polars as pl
import pytest

from semspace.errors import InputError, MissingExtraError, MissingFileError, ServerError
from semspace.index.servers.qdrant import QdrantCollection, point_id
from semspace.index.servers.qdrant_fields import QdrantFields
from semspace.index.servers.qdrant_server import QdrantServer
from tests.servers import COLUMNS, draw, keep_in_memory

qdrant_client = pytest.importorskip("qdrant_client", reason="no qdrant-client: pip install 'semspace[qdrant]'")


@pytest.fixture
def where(tmp_path):
    """A folder that nothing is written to."""
    keep_in_memory(tmp_path / "points.qdrant")
    return str(tmp_path / "points.qdrant")


def test_what_lies_in_qdrant(where):
    """Others can read it: the points' ids and metadata under their own names."""
    points = QdrantCollection.create(where, "x", dim=2, metadata_schema={"n": pl.Int64(), "a.b": pl.String()})
    points.add(
        ["cat"], np.float32([[3, 4]]), pl.DataFrame({"n": [None], "a.b": ["x"]}, {"n": pl.Int64, "a.b": pl.String})
    )
    (record,), _ = points.server.client.scroll("x", with_vectors=True)
    assert record.id == point_id("cat")
    assert uuid.UUID(record.id).version == 5
    assert record.payload == {"id": "cat", "column__1": "x", "_length": 5.0}
    np.testing.assert_allclose(record.vector, [0.6, 0.8], rtol=1e-6)
    np.testing.assert_allclose(points.vectors(["cat"]), [[3, 4]], rtol=3e-7)
    points.close()


@pytest.mark.parametrize("size", [1e-12, 1, 1e12])
def test_lengths_that_are_far_from_1(where, size):
    points = QdrantCollection.create(where, "x", dim=4)
    vectors = draw(20) * np.float32(size)
    ids = [f"p{i}" for i in range(20)]
    points.add(ids, vectors, None)
    assert [points.nearest(v[None], 1)[0].ids[0] for v in vectors] == ids
    np.testing.assert_allclose(points.vectors(ids), vectors, rtol=3e-7)
    points.close()


def test_vectors_of_length_1_come_back_by_the_bit(where):
    vectors = draw(50, 16)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    points = QdrantCollection.create(where, "x", dim=16)
    points.add([f"p{i}" for i in range(50)], vectors, None)
    (record, *_), _ = points.server.client.scroll("x")
    assert "_length" not in record.payload
    np.testing.assert_allclose(points.vectors([f"p{i}" for i in range(50)]), vectors, rtol=3e-7)
    points.close()


@pytest.mark.parametrize(
    ("column", "message"),
    [
        (pl.Series("x", [1.0, float("nan")]), "'x' of 'b' is nan, which Qdrant can't hold: put null"),
        (pl.Series("x", [1.0, float("-inf")]), "'x' of 'b' is -inf"),
        (pl.Series("x", [1, 2**63], dtype=pl.UInt64), r"beyond 2\*\*63, which Qdrant can't keep"),
        (pl.Series("x", [[1.0], [float("nan")]]), "can't be kept by Qdrant unchanged"),
    ],
)
def test_values_that_json_cannot_hold(column, message):
    with pytest.raises(InputError, match=message):
        QdrantFields.of({"x": column.dtype}).encode(["a", "b"], column.to_frame())


def test_unknown_values_come_back_unknown(where):
    metadata = pl.DataFrame(COLUMNS).with_columns(none=pl.lit(None))
    empty = metadata.with_columns(pl.when(pl.int_range(3) != 1).then(pl.all()).name.keep())
    points = QdrantCollection.create(where, "x", dim=4, metadata_schema=empty.schema)
    points.add(["a", "b", "c"], draw(3), empty)
    assert points.metadata(["a", "b", "c"]).equals(empty)
    points.close()


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"collection": "a/b"}, "the name of a collection in Qdrant has 1 to 255 characters"),
        ({"collection": ""}, "the name of a collection in Qdrant"),
        ({"dim": 0}, "dim must be"),
        ({"metric": "manhattan"}, "metric must be one of"),
        ({"uri": "points.sqlite"}, "uri must be the address of a Qdrant server"),
        ({"uri": "qdrant://"}, "uri must be the address of a Qdrant server"),
        ({"uri": "qdrant://user:secret@host"}, "uri must be the address of a Qdrant server"),
    ],
)
def test_settings_are_checked(where, given, message):
    with pytest.raises(InputError, match=message):
        QdrantCollection.create(**{"uri": where, "collection": "x", "dim": 4, **given})


def test_a_collection_of_others(where):
    server = QdrantServer.open(where)
    config = qdrant_client.models.VectorParams(size=2, distance=qdrant_client.models.Distance.COSINE)
    server.client.create_collection("others", vectors_config=config)
    with pytest.raises(InputError, match=r"'others' in .* wasn't made by semspace; push a space into a new collection"):
        QdrantCollection.connect(where, "others")
    with pytest.raises(InputError, match="wasn't made by semspace"):
        QdrantCollection.create(where, "others", dim=2, overwrite=True)
    assert server.collections() == ["others"]
    server.close()


def test_a_point_of_others(where):
    points = QdrantCollection.create(where, "x", dim=2)
    points.server.client.upsert("x", [qdrant_client.models.PointStruct(id=7, vector=[1, 0])])
    with pytest.raises(ServerError, match="holds a point 7 that semspace didn't add"):
        points.nearest(np.float32([[1, 0]]), 1)
    points.close()


def test_a_folder_is_kept(tmp_path):
    where = str(tmp_path / "a.qdrant")
    with pytest.raises(MissingFileError, match="push a space into it"):
        QdrantCollection.connect(where, "x")
    with pytest.raises(MissingFileError, match="make that folder first"):
        QdrantCollection.create(str(tmp_path / "none" / "a.qdrant"), "x", dim=2)
    points = QdrantCollection.create(where, "x", dim=2, metadata_schema={"n": pl.Int64()})
    points.add(["a", "b"], draw(2, 2), pl.DataFrame({"n": [1, None]}))
    again = QdrantCollection.connect(where, "x")  # while the first one is open
    again.close()
    again.close()  # once more does no harm
    assert len(points) == 2
    points.close()
    again = QdrantCollection.connect(where, "x")
    assert again.metadata(["b", "a"])["n"].to_list() == [None, 1]
    again.close()
    (tmp_path / "file.qdrant").write_bytes(b"")
    with pytest.raises(InputError, match="is a file, not a folder of qdrant-client"):
        QdrantCollection.connect(str(tmp_path / "file.qdrant"), "x")


def test_threads_take_turns_in_a_folder(where):
    points = QdrantCollection.create(where, "x", dim=4)
    parts = [[f"p{t}-{i}" for i in range(20)] for t in range(4)]
    threads = [threading.Thread(target=points.add, args=(part, draw(20), None)) for part in parts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(points) == 80
    points.close()


def test_a_missing_package_names_the_command(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "qdrant_client", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'semspace\[qdrant\]'"):
        QdrantCollection.connect("qdrant://127.0.0.1:1", "x")


# -- over the network -------------------------------------------------------------------------------------------


def test_a_server_that_is_not_there():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with pytest.raises(ServerError, match=f"cannot reach Qdrant at qdrant://127.0.0.1:{port} within 5 seconds"):
        QdrantCollection.connect(f"qdrant://127.0.0.1:{port}", "x")


class Website(BaseHTTPRequestHandler):
    """Answers as a server of pages does."""

    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"<html></html>")

    def log_message(self, *_):
        pass


def test_a_server_of_another_kind():
    with HTTPServer(("127.0.0.1", 0), Website) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        where = f"qdrant://127.0.0.1:{server.server_port}"
        with pytest.raises(ServerError, match=f"what answers at {where} is no Qdrant"):
            QdrantCollection.connect(where, "x")
        server.shutdown()


class Recorder(BaseHTTPRequestHandler):
    """Answers as a Qdrant does, and keeps what it was asked."""

    asked: ClassVar[list] = []
    refuses = False

    def answer(self):
        body = self.rfile.read(int(self.headers.get("content-length") or 0))
        self.asked.append((self.command, self.path, self.headers.get("api-key"), json.loads(body) if body else None))
        result, status, code = {"collections": []}, "ok", 200
        if self.refuses:
            result, status, code = None, {"error": "Forbidden: the key may only read"}, 403
        elif self.path.startswith("/collections/x/points/query/batch"):
            point = {"id": point_id("cat"), "version": 0, "score": 0.5, "payload": {"id": "cat"}}
            result = [{"points": [point]}]
        elif self.path == "/collections/x":
            result = self.described()
        elif self.path == "/collections":
            result = {"collections": [{"name": "x"}]}
        text = json.dumps({"time": 0.1, "status": status, "result": result}).encode()
        self.send_response(code)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    do_GET = do_POST = do_PUT = do_DELETE = answer

    def described(self):
        stored = {"format": 1, "dim": 2, "metric": "cosine", "facts": {}, "schema": None, "names": {}}
        limits = {"deleted_threshold": 0.2, "vacuum_min_vector_number": 1000, "default_segment_number": 0}
        return {
            "status": "green",
            "optimizer_status": "ok",
            "segments_count": 1,
            "payload_schema": {},
            "config": {
                "params": {"vectors": {"size": 2, "distance": "Cosine"}},
                "hnsw_config": {"m": 16, "ef_construct": 100, "full_scan_threshold": 10000},
                "optimizer_config": {**limits, "flush_interval_sec": 5},
                "metadata": {"semspace": json.dumps(stored)},
            },
        }

    def log_message(self, *_):
        pass


@pytest.fixture
def network(monkeypatch):
    monkeypatch.setattr(Recorder, "asked", [])
    server = HTTPServer(("127.0.0.1", 0), Recorder)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"qdrant://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join()


def test_what_a_server_is_asked(network):
    """No server runs in tests, so what goes to one over HTTP is looked at."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        points = QdrantCollection.connect(network, "x", token="secret")
    for exact in (False, True):
        hits = points.nearest(np.float32([[1, 0]]), 3, among=["cat"], exact=exact)[0]
        assert hits.ids == ("cat",)
        method, path, key, body = Recorder.asked[-1]
        assert (method, path.split("?")[0], key) == ("POST", "/collections/x/points/query/batch", "secret")
        (search,) = body["searches"]
        assert search["params"]["exact"] is exact
        assert search["filter"]["must"] == [{"has_id": [point_id("cat")]}]
    points.close()


def test_what_a_server_says_is_passed_on(network, monkeypatch):
    points = QdrantCollection.connect(network, "x")
    monkeypatch.setattr(Recorder, "refuses", True)
    with pytest.raises(ServerError, match="refused to query batch points: Forbidden: the key may only read"):
        points.nearest(np.float32([[1, 0]]), 3)
    points.close()
    with pytest.raises(ServerError, match=r"cannot reach Qdrant .*the key may only read.*is the token right\?"):
        QdrantCollection.connect(network, "x")
