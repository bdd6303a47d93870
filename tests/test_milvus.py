"""Milvus: what only it does, and conditions as polars answers them; see test_servers for what all servers do.

They run on a file of Milvus Lite; with SEMSPACE_MILVUS=http://host:port also on that server.
"""

import datetime
import os
import socket

import numpy as np
import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from semspace.errors import InputError, MissingExtraError, MissingFileError, ServerError
from semspace.index.milvus_fields import Fields
from semspace.index.milvus_filter import translate
from semspace.text.filters import matching
from tests.servers import COLUMNS, draw, new_name

pytest.importorskip("pymilvus", reason="pymilvus isn't installed: pip install 'semspace[scale]'")
pytest.importorskip("milvus_lite", reason="milvus-lite isn't installed: pip install 'semspace[scale]'")

from semspace.index.milvus import MilvusCollection
from semspace.index.milvus_server import Server

SERVER = os.environ.get("SEMSPACE_MILVUS")


@pytest.fixture(scope="module", params=["lite", *(["server"] if SERVER else [])])
def uri(request, tmp_path_factory):
    """A Milvus Lite that stays open for all tests, as opening one takes longer than using it; or a server."""
    where = SERVER if request.param == "server" else str(tmp_path_factory.mktemp("milvus") / "points.db")
    server = Server.open(where, new=True)
    yield where
    for name in server.collections():
        if name.startswith("semspace_test_"):
            server.ask("drop_collection", name)
    server.close()


@pytest.fixture
def name():
    return new_name()


@pytest.fixture
def make(uri, name):
    """Make collections that are closed when the test ends."""
    made = []

    def one(ids, vectors, metadata=None, metric="cosine", **more):
        schema = None if metadata is None else metadata.schema
        points = MilvusCollection.create(
            uri, name, dim=vectors.shape[1], metric=metric, metadata_schema=schema, overwrite=True, **more
        )
        made.append(points)
        points.add(ids, vectors, metadata)
        return points

    yield one
    for points in made:
        points.close()


# -- metadata ---------------------------------------------------------------------------------------------------


def is_old(points):
    return not points.fields.nulls


def test_unknown_values_come_back_unknown(make):
    metadata = pl.DataFrame(COLUMNS).with_columns(none=pl.lit(None))
    empty = metadata.with_columns(pl.when(pl.int_range(3) != 1).then(pl.all()).name.keep())
    points = make(["x"], draw(1), metadata[:1].drop("none"))
    if is_old(points):
        with pytest.raises(InputError, match="is unknown"):
            points.add(["a", "b", "c"], draw(3), empty.drop("none"))
        return
    points = make(["a", "b", "c"], draw(3), empty)
    assert points.metadata(["a", "b", "c"]).equals(empty)


@pytest.mark.parametrize(
    ("column", "message"),
    [
        (pl.Series("x", [1.0, float("nan")]), "'x' of 'b' is nan, which Milvus can't hold"),
        (pl.Series("x", [1.0, float("-inf")]), "'x' of 'b' is -inf"),
        (pl.Series("x", [1, 2**63], dtype=pl.UInt64), r"beyond 2\*\*63"),
        (pl.Series("x", ["", "é" * 40_000]), "'x' of 'b' takes 80,000 bytes, and Milvus holds at most 65,535"),
        (pl.Series("x", [[1.0], [float("nan")]]), "can't be kept"),
    ],
)
def test_values_that_milvus_cannot_hold(column, message):
    with pytest.raises(InputError, match=message):
        Fields.of({"x": column.dtype}).encode(["a", "b"], column.to_frame())


def test_types_that_milvus_cannot_hold():
    with pytest.raises(InputError, match="'x' holds Binary, which Milvus can't keep"):
        Fields.of({"x": pl.Binary()})


# -- conditions -------------------------------------------------------------------------------------------------

TEXTS = ["a", "a\nb", "A", "a%b", "a_b", "a\\b", "axb", None, "it's", "", 'say "hi"', "a😀b"]
TABLE = pl.DataFrame(
    {
        "s": TEXTS,
        "n": [1, 2, 3, 4, 5, 6, 7, None, 9, 10, -3, 0],
        "b": [True, False, None] * 4,
        "x": pl.Series([0.5, 1e300, -0.0, 1, 2, 3, 4, 5, None, 0.1, 2.5, -7]),
        "f": pl.Series([0.1, 0.2, None] * 4, dtype=pl.Float32),
        "d": [datetime.date(2019, 12, 31) + datetime.timedelta(days=i) if i else None for i in range(12)],
        "t": [datetime.datetime(2020, 1, 1, i, 30) if i else None for i in range(12)],
        "c": pl.Series(TEXTS, dtype=pl.Categorical),
        "in": range(12),
    }
)
CONDITIONS = r"""
s = 'a' | s == 'a' | s <> 'a' | s != 'a' | not s = 'a' | not not s = 'a' | 'a' = s | s = '' | s = 'it''s'
s = 'say "hi"' | s > 'a' | s >= 'a' | s < 'a' | s between 'a' and 'b' | s not between 'a' and 'a_b' | s = 'a\b'
s = 'a⏎b' | s = 'a😀b' | s in ('a', 'A', 'it''s') | s not in ('a', 'A') | NOT (s IN ('a')) | s like 'a%'
s like 'a_b' | s like '%' | s like '_' | s like '%''%'
s like '%"%' | s not like 'a%' | not s not like 'a%' | s is null | s is not null | not s is null | s like ''
s like '%b%' | s LIKE 'A%' | n = 1 | n <> 1 | n > 2.5 | n >= 2.5 | n < 2.5 | n <= 2.5 | n = 2.5 | n <> 2.5
n in (1, 2.5, -3) | n not in (1, 2.5) | n in (2.5) | n not in (2.5) | n = -3 | n > -3 | n = +3 | n > 1e0
n > .5 | n < 5. | n = 1.0 | n between 2 and 4 | n not between 2 and 4.5 | n between 4 and 2 | 2 < n
2 <= n and 7 >= n | n > 2 and n < 9 or n = 1 | n > 2 and (n < 9 or n = 1) | not (n > 2 or s = 'a')
not (n > 2 and s <> 'a') | n = 9223372036854775807 | n < 9223372036854775807 | n > -9223372036854775807
(n) > 2 | ((n > 2)) | b | not b | b = true | b = false | b <> true | b in (true) | b in (true, false)
not b and n < 5 | b or n > 5 | b is null | true | false | true and n > 3 | false or n > 3 | not true
n > 3 or true | b and true | not (n > 3 and false) | x > 1 | x >= 1 | x < 1 | x = 0 | x = 0.1 | x <> 1
x in (1, 2.5) | x between -1 and 0.5 | x > -1e300 | x < 1e301 | x is null | f = 0.1 | f >= 0.1 | f > 0.1
f in (0.1, 5) | f < 1 | f not in (0.1) | d = date '2020-01-03' | d > DATE '2020-01-03' | d <> date '2020-01-03'
d in (date '2020-01-03', date '1999-01-01') | d between date '2020-01-01' and date '2020-01-03'
d < timestamp '2020-01-03 12:00:00' | date '2020-01-03' <= d | d is null | t > timestamp '2020-01-01 03:00:00'
t <= timestamp '2020-01-01T03:30:00' | t > date '2020-01-01' | t = timestamp '2020-01-01 03:30'
t < timestamp '2020-01-01 03:30:00.000001' | not t < timestamp '2020-01-01 03:30:00.5' | c = 'a' | c <> 'a'
c in ('a', 'nothing') | c > 'a' | "in" > 3 | `in` > 3 | "in" in (1, 2) | "s" = 'a' | id = 'p1'
id in ('p1', 'p2', 'it''s') | id <> 'p1' | id like 'p1%' | id > 'p3' | id is null | id is not null
not id is null
"""
CONDITIONS = [one.replace("⏎", "\n") for row in CONDITIONS.strip().splitlines() for one in row.split(" | ")]


@pytest.fixture(scope="module")
def library(uri):
    """The table in Milvus, one for all conditions; an old Milvus gets it without the unknown values."""
    points = MilvusCollection.create(
        uri, f"semspace_test_{os.getpid()}_conditions", dim=2, metadata_schema=TABLE.schema, overwrite=True
    )
    table = TABLE
    if is_old(points):
        rest = [pl.lit(False).alias("b"), *(pl.col(name).fill_null(strategy="backward") for name in "dt")]
        table = TABLE.with_columns(pl.col("s", "c").fill_null("?"), pl.col("n", "x", "f").fill_null(7), *rest)
    points.add([f"p{i}" for i in range(len(TABLE))], draw(len(TABLE), 2), table)
    yield points, table.with_columns(id=pl.Series([f"p{i}" for i in range(len(TABLE))]))
    points.close()


def check(library, where):
    points, table = library
    right = sorted(table.filter(matching(table, where))["id"])
    try:
        (hits,) = points.nearest(np.ones((1, 2), np.float32), 100, where=where)
    except InputError as problem:
        if is_old(points) and "only for beginnings" in str(problem):
            return
        raise
    assert sorted(hits.ids) == right


@pytest.mark.parametrize("where", CONDITIONS)
def test_conditions_hold_where_polars_says(library, where):
    check(library, where)


@pytest.mark.parametrize(
    ("where", "message"),
    [
        ("", "where must be a condition"),
        ("colour = 'red'", "there is no column 'colour'; the columns are s, n, b, x, f, d, t, c, in, id"),
        ("S = 'a'", "there is no column 'S'"),
        ('s = "a"', "there is no column 'a'"),
        ("n + 1 > 3", "Milvus doesn't know a calculation; there, a column can be compared with values"),
        ("n * 2 > 3", "Milvus doesn't know a calculation"),
        ("lower(s) = 'a'", "Milvus doesn't know the function LOWER"),
        ("contains(s, 'a')", "Milvus"),
        ("s = 'a' -- comment", "'--' begins a comment"),
        ("s = 'a'; drop", "';' isn't allowed"),
        ("s = 'a", "a quotation mark is never closed"),
        ('s = "a', "a quotation mark is never closed"),
        ("n = 1 and", "it ends too early"),
        ("(n = 1", r"it ends too early, where \) is expected"),
        ("n in ()", r"'\)' isn't allowed"),
        ("n in (1, null)", "nothing equals NULL; write IS NULL"),
        ("n = null", "nothing equals NULL"),
        ("n = 'a'", "'n' holds Int64, which can't be compared with 'a'"),
        ("s = 1", "'s' holds String, which can't be compared with 1"),
        ("s = -1", "compared with -1"),
        ("d > 'yesterday'", "'yesterday' isn't a date or time of the form '2001-12-31'"),
        ("d > date '2020-1-1'", "isn't a date or time of the form '2001-12-31'"),
        ("d > date '2020-02-31'", "isn't a valid date or time"),
        ("b > true", "'b' holds Boolean, which has no order"),
        ("n", "'n' holds Int64, which isn't true or false"),
        ("1", "1 isn't true or false"),
        ("n = x", "Milvus can't compare columns with one another"),
        ("1 = 'a'", "1 and 'a' can't be compared"),
        ("(n > 1 or b) is true", "Milvus can't tell where a condition made with AND or OR IS TRUE"),
        ("n > 2 > 1", "'>' isn't allowed here"),
        ("(n > 2) = b", "Milvus can't compare columns with one another"),
        ("n like 'a'", "LIKE compares a column of text"),
        ("s like '%a!%' escape '!'", "can't look for a backslash, % or _ with LIKE"),
        ("s like 'a\\%'", "can't look for a backslash, % or _ with LIKE"),
        ("s like '%a\\'", "can't look for a backslash, % or _ with LIKE"),
        ("s ilike 'a'", "Milvus doesn't know ILIKE"),
        ("n = 1_000", "'_000' isn't allowed here"),
        ("n = 1e999", "too large"),
        ("f.n = 1", r"'\.' isn't allowed"),
        ("n = " + "9" * 500, "too long"),
        ("(" * 5_000 + "n = 1" + ")" * 5_000, "deeper than 50"),
        ("not " * 5_000 + "b", "deeper than 50"),
        ("s = '\ud800'", "a lone surrogate"),
    ],
)
def test_conditions_that_cannot_be_used(where, message):
    with pytest.raises(InputError, match=message) as problem:
        translate(where, Fields.of(TABLE.schema))
    assert "the columns are s, n" in str(problem.value)


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(st.text(st.characters(exclude_categories=["Cs"]), max_size=8), min_size=1, max_size=6, unique=True),
    st.data(),
)
def test_any_text_stays_text(library, texts, data):
    """Whatever a user writes between the quotes is compared by the letter, as polars does."""
    wanted = data.draw(st.sampled_from([*texts, *(text for text in TEXTS if text is not None)]))
    quoted, pattern = wanted.replace("'", "''"), wanted.replace("'", "''").replace("\\", "_")
    for condition in (
        f"s = '{quoted}'",
        f"not s <> '{quoted}'",
        f"s in ('{quoted}', 'a')",
        f"s < '{quoted}'",
        f"s like '{pattern}%'",
    ):
        check(library, condition)


WORDS = [*"'\"()=<>!-,%\\ ;\n", "s", "n", "b", "in", " and ", " not ", "1", "like", "null", "date", "'a'", "😀"]


@settings(max_examples=300, deadline=None)
@given(st.lists(st.sampled_from(WORDS), min_size=1, max_size=9).map("".join))
def test_any_text_is_read_or_refused(where):
    """No text makes the reader raise anything but its own error."""
    try:
        assert isinstance(translate(where, Fields.of(TABLE.schema)), (str, bool))
    except InputError as problem:
        assert "the columns are" in str(problem)  # noqa: PT017  (most texts are no conditions)


@pytest.mark.parametrize(
    ("where", "message"),
    [
        ("tags = 'a'", "only IS NULL is allowed"),
        ("lasts > 3", "only IS NULL is allowed"),
    ],
)
def test_columns_that_cannot_be_compared(where, message):
    with pytest.raises(InputError, match=message):
        translate(where, Fields.of(pl.DataFrame(COLUMNS).schema))


def test_columns_that_milvus_only_half_knows():
    fields = Fields.of(pl.DataFrame(COLUMNS).schema)
    assert translate("level in ('low', 'high') and tags is not null", fields) == (
        '(level in ["low", "high"] and tags is not null)'
    )
    assert translate("level > 'low'", fields) == 'level in ["high"]'
    assert translate("year = -9223372036854775808", fields) == "year < -9223372036854775807"
    assert translate("year <> 1e30", fields) == "year is not null"
    assert translate("year > 1e30", fields) is False


# -- making and connecting --------------------------------------------------------------------------------------


def test_a_collection_of_others(uri, name):
    server = Server.open(uri)
    server.ask("create_collection", name, dimension=4)
    with pytest.raises(InputError, match="wasn't made by semspace"):
        MilvusCollection.connect(uri, name)
    server.close()


def test_a_collection_whose_making_was_interrupted(uri, name, monkeypatch):
    """Killed after the collection was made, before it had an index."""
    with monkeypatch.context() as patch:
        patch.setattr("semspace.index.milvus._make_ready", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            MilvusCollection.create(uri, name, dim=4)
    points = MilvusCollection.connect(uri, name)
    points.add(["a"], draw(1), None)
    assert points.nearest(draw(1), 1)[0].ids == ("a",)
    points.close()


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"collection": "no spaces"}, "letters, digits and underscores"),
        ({"collection": "1st"}, "begins with no digit"),
        ({"dim": 0}, "dim must be"),
        ({"metric": "manhattan"}, "metric must be one of"),
        ({"facts": {"a": object()}}, "facts must hold what JSON can hold"),
        ({"uri": "points.sqlite"}, "uri must be the address"),
        ({"uri": "ftp://somewhere"}, "uri must be the address"),
    ],
)
def test_settings_are_checked(uri, given, message):
    with pytest.raises(InputError, match=message):
        MilvusCollection.create(**{"uri": uri, "collection": "x", "dim": 4, **given})


def test_files_that_are_no_database(tmp_path):
    with pytest.raises(MissingFileError, match="push a space into it"):
        MilvusCollection.connect(str(tmp_path / "none.db"), "x")
    with pytest.raises(MissingFileError, match="make that folder first"):
        MilvusCollection.create(str(tmp_path / "none" / "none.db"), "x", dim=2)
    (tmp_path / "old.db").write_bytes(b"SQLite format 3\x00")
    with pytest.raises(InputError, match="is a file, not a database of Milvus Lite"):
        MilvusCollection.connect(str(tmp_path / "old.db"), "x")


def test_a_server_that_is_not_there(capfd):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with pytest.raises(ServerError, match=f"cannot reach Milvus at http://127.0.0.1:{port} within 5 seconds"):
        MilvusCollection.connect(f"http://127.0.0.1:{port}", "x")
    assert "Traceback" not in capfd.readouterr().err


@pytest.mark.parametrize(
    ("uri", "message"),
    [
        ("http://127.0.0.1:6333", r"Qdrant is addressed as qdrant://HOST:6333"),
        ("http://[::1", "cannot reach Milvus at .* within 5 seconds .Invalid IPv6 URL"),
    ],
)
def test_an_address_of_something_else(uri, message):
    with pytest.raises(ServerError, match=message):
        MilvusCollection.connect(uri, "x")


def test_a_closed_file_can_be_opened_again(tmp_path):
    path = str(tmp_path / "a.db")
    points = MilvusCollection.create(path, "x", dim=2, metadata_schema={"n": pl.Int64()})
    points.add(["a", "b"], draw(2, 2), pl.DataFrame({"n": [1, None]}))
    points.close()
    points = MilvusCollection.connect(path, "x")
    assert points.metadata(["b", "a"])["n"].to_list() == [None, 1]
    points.close()


def test_a_missing_package_names_the_command(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "pymilvus", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'semspace\[scale\]'"):
        MilvusCollection.connect("http://127.0.0.1:1", "x")


def test_a_file_at_the_port_of_an_earlier_one_has_a_schema_of_its_own(tmp_path, monkeypatch):
    """Ports come round again: of some hundred files opened in one process, two often get the same."""
    server = pytest.importorskip("milvus_lite.adapter.grpc.server")
    start, ports = server.start_server_in_thread, []

    def again(data_dir, host, port):
        started = start(data_dir, host, ports[0] if ports else port)
        ports.append(started[2])
        return started

    monkeypatch.setattr(server, "start_server_in_thread", again)
    for number, columns in enumerate([{"kind": ["plane"]}, None]):
        made = MilvusCollection.create(
            str(tmp_path / f"{number}.db"),
            "points",
            dim=2,
            metadata_schema=None if columns is None else pl.DataFrame(columns).schema,
        )
        made.add(["a"], np.float32([[1, 0]]), None if columns is None else pl.DataFrame(columns))
        assert len(made) == 1
        made.close()
    assert ports[0] == ports[1]
