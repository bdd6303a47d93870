"""One meaning of a condition: plain Python, polars, Milvus, Qdrant and SQL answer alike, or an engine refuses."""

import math
import operator
import re
import sqlite3
from fractions import Fraction

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import semspace as ss
from semspace.errors import InputError
from semspace.index import pgvector_filter, qdrant_filter
from semspace.index.milvus_fields import Fields
from semspace.text.condition import (
    AllOf,
    AnyOf,
    ColumnRef,
    Compare,
    Constant,
    Is,
    IsNull,
    Like,
    Not,
    OneOf,
    rounded,
)
from semspace.text.condition_reader import read_condition
from semspace.text.filters import matching
from tests.conditions import EVERYWHERE, IDS, LOCALLY, ODD, ODD_EVERYWHERE, ODD_IDS, ODD_LOCALLY, TABLE

SIGNS = {
    "==": operator.eq, "!=": operator.ne, "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge,
}  # fmt: skip


# -- the reference: values of Python, one row at a time ----------------------------------------------------------------


def unknown(value):
    return value is None or (isinstance(value, float) and math.isnan(value))


def truth(node, row, schema):
    """True, False, or None for unknown."""
    if isinstance(node, Constant):
        return node.value
    if isinstance(node, (AllOf, AnyOf)):
        parts = [truth(part, row, schema) for part in node.parts]
        decisive = isinstance(node, AnyOf)
        if decisive in parts:
            return decisive
        return None if None in parts else not decisive
    if isinstance(node, Not):
        inner = truth(node.condition, row, schema)
        return None if inner is None else not inner
    if isinstance(node, Is):
        return truth(node.condition, row, schema) is node.value
    if isinstance(node, IsNull):
        operand = node.operand
        value = row[operand.name] if isinstance(operand, ColumnRef) else truth(operand, row, schema)
        return unknown(value)
    column = node if isinstance(node, ColumnRef) else getattr(node, "operand", getattr(node, "left", None))
    assert isinstance(column, ColumnRef)
    value = row[column.name]
    if unknown(value):
        return None
    if isinstance(node, ColumnRef):
        return value
    if isinstance(node, Like):
        parts = [{"%": ".*", "_": "."}[text] if wild else re.escape(text) for text, wild in node.pattern]
        return re.fullmatch("".join(parts), value, re.S | (re.I if node.ignore_case else 0)) is not None
    constants = node.values if isinstance(node, OneOf) else [node.right]
    assert all(isinstance(constant, Constant) for constant in constants)
    sign = SIGNS[node.sign] if isinstance(node, Compare) else operator.eq
    return any(sign(*alike(value, constant.value, schema[column.name])) for constant in constants)


def alike(value, constant, dtype):
    """Return a value and a constant as things that Python compares."""
    if isinstance(dtype, pl.Enum):
        order = dtype.categories.to_list()
        return order.index(value), order.index(constant)
    if isinstance(constant, Fraction):
        if dtype.is_float():
            return value, rounded(constant, dtype)
        return Fraction(value), constant
    return value, constant


def rows_of(table):
    """Rows with dates and times as their ticks."""
    plain = table.with_columns(pl.col(name).to_physical() for name, kind in table.schema.items() if kind.is_temporal())
    return plain.to_dicts()


class Reference:
    def __init__(self, table):
        self.rows, self.schema = rows_of(table), table.schema

    def holds(self, where):
        node = read_condition(where, self.schema)
        return [row["id"] for row in self.rows if truth(node, row, self.schema) is True]


# -- engines -----------------------------------------------------------------------------------------------------------


class Local:
    """An index in memory, exact or a graph."""

    def __init__(self, table, backend="exact"):
        vectors = np.eye(len(table), dtype=np.float32)
        space = ss.Space.from_vectors(table["id"].to_list(), vectors, metadata=table.drop("id"))
        self.index = ss.Index.build(space, backend, progress=False)
        self.asked = np.ones(len(table), np.float32)

    def holds(self, where):
        return self.index.search(self.asked, len(self.asked), where=where).ids


class Graph(Local):
    def __init__(self, table):
        super().__init__(table, "hnsw")


class Columns:
    """A table without an index."""

    def __init__(self, table):
        self.table = table

    def holds(self, where):
        return self.table["id"].filter(matching(self.table, where)).to_list()


def stored(table):
    """Rows as the servers keep them: ticks of dates and times, JSON of lists, null for NaN."""
    metadata = table.drop("id").with_columns(pl.selectors.float().fill_nan(None))
    values = Fields.of(metadata.schema).encode(table["id"].to_list(), metadata)
    columns = dict(zip(metadata.columns, values.values(), strict=True))
    return [{"id": id, **{name: column[row] for name, column in columns.items()}} for row, id in enumerate(table["id"])]


class Qdrant:
    """Qdrant's local mode."""

    def __init__(self, table):
        client = pytest.importorskip("qdrant_client", reason="qdrant-client isn't installed")
        self.client, models = client.QdrantClient(":memory:"), client.models
        self.client.create_collection("points", models.VectorParams(size=1, distance=models.Distance.DOT))
        self.schema = table.drop("id").schema
        self.names = {name: f"column {place}" for place, name in enumerate(self.schema)}
        points = []
        for place, row in enumerate(stored(table)):
            known = {self.names[name]: value for name, value in row.items() if name != "id"}
            if place % 2:  # unknown is null, or not there at all
                known = {name: value for name, value in known.items() if value is not None}
            points.append(models.PointStruct(id=place, vector=[1.0], payload={"key": row["id"], **known}))
        self.client.upsert("points", points)

    def holds(self, where):
        found = qdrant_filter.translate(where, self.schema, self.names, "key")
        if isinstance(found, bool):
            wanted = None
            if not found:
                return []
        else:
            wanted = found
        points, _ = self.client.scroll("points", scroll_filter=wanted, limit=1_000)
        return [point.payload["key"] for point in points]


class Sql:
    """SQLite, which agrees with Postgres in what is asked of it here; its texts are ordered by bytes, as with "C"."""

    def __init__(self, table):
        self.base = sqlite3.connect(":memory:")
        self.base.create_collation("C", lambda a, b: (a > b) - (a < b))
        self.base.execute("PRAGMA case_sensitive_like = on")
        for name, operation in {
            "char_length": len,
            "starts_with": str.startswith,
            "strpos": lambda text, part: text.find(part) + 1,
            "floor": math.floor,
            "ceil": math.ceil,
        }.items():
            some = 2 if name in ("starts_with", "strpos") else 1
            self.base.create_function(
                name, some, lambda *values, f=operation: None if None in values else f(*values), deterministic=True
            )
        self.schema = table.drop("id").schema
        self.names = {name: f'column "{place}" 100%' for place, name in enumerate(self.schema)}
        names = ["key", *self.names.values()]
        columns = ", ".join('"' + name.replace('"', '""') + '"' for name in names)
        self.base.execute(f"CREATE TABLE points ({columns})")
        marks = ", ".join("?" * len(names))
        self.base.executemany(f"INSERT INTO points VALUES ({marks})", [tuple(row.values()) for row in stored(table)])

    def holds(self, where):
        part = pgvector_filter.translate(where, self.schema, self.names, "key")
        text = part.text.replace("%s", "?").replace("%%", "%").replace("CAST('NaN' AS double precision)", "'NaN'")
        text = text.replace("AS numeric", "AS integer")
        return [key for (key,) in self.base.execute(f"SELECT key FROM points WHERE {text}", part.values)]


class Milvus:
    """Milvus Lite, which takes no NaN: null is in its place."""

    def __init__(self, table, folder):
        pytest.importorskip("milvus_lite", reason="milvus-lite isn't installed: pip install 'semspace[scale]'")
        from semspace.index.milvus import MilvusCollection

        metadata = table.drop("id")
        self.points = MilvusCollection.create(f"{folder}/points.db", "points", dim=2, metadata_schema=metadata.schema)
        vectors = np.eye(2, dtype=np.float32)[np.zeros(len(table), int)]
        self.points.add(table["id"].to_list(), vectors, metadata.with_columns(pl.selectors.float().fill_nan(None)))

    def holds(self, where):
        return self.points.nearest(np.ones((1, 2), np.float32), 100, where=where)[0].ids


ENGINES = {"python": Reference, "polars": Columns, "exact": Local, "hnsw": Graph, "qdrant": Qdrant, "sql": Sql}
TABLES = {
    "six": (TABLE.with_columns(id=pl.Series(IDS)), EVERYWHERE, LOCALLY),
    "odd": (ODD.with_columns(id=pl.Series(ODD_IDS)), ODD_EVERYWHERE, ODD_LOCALLY),
}
# What Qdrant refuses of that: patterns, and the order of texts.
PATTERN = re.compile(r"LIKE '(?!%'$)[^\\!']*[%_]|\b(s|word|id) [<>] '")
SQL_TOO = re.compile(
    r"price|n / 0|-n|n \+|n >|abs|coalesce|length|char_length|starts_with|contains\((s|word)|substr|left|day = at"
    r"|\(n > 1|ns = ms|old <|byte|small|LIKE '%!"
)
SQL_NOT = re.compile("round|ILIKE|EXTRACT|CAST|right")
CASES = [(table, where, rows) for table, (_, cases, _) in TABLES.items() for where, rows in cases.items()]
MORE = [(table, where, rows) for table, (_, _, cases) in TABLES.items() for where, rows in cases.items()]


@pytest.fixture(scope="module")
def engines(tmp_path_factory):
    """Each engine with each table, made when it is first asked for."""
    made = {}

    def engine(name, table):
        if (name, table) not in made:
            frame = TABLES[table][0]
            made[name, table] = (
                Milvus(frame, tmp_path_factory.mktemp(table)) if name == "milvus" else ENGINES[name](frame)
            )
        return made[name, table]

    return engine


@pytest.mark.parametrize("name", [*ENGINES, "milvus"])
@pytest.mark.parametrize(("table", "where", "rows"), CASES)
def test_a_condition_holds_for_the_same_points_everywhere(engines, name, table, where, rows):
    one = engines(name, table)
    if name == "qdrant" and PATTERN.search(where):
        with pytest.raises(InputError, match=r"which Qdrant can't put in order|Qdrant can't compare"):
            one.holds(where)
    else:
        assert "".join(sorted(one.holds(where))) == rows


@pytest.mark.parametrize(("table", "where", "rows"), MORE)
def test_what_only_some_can_tell_is_right_or_refused(engines, table, where, rows):
    sql = bool(SQL_TOO.search(where)) and not SQL_NOT.search(where)
    for name in ("polars", "exact", "hnsw", *(["sql"] if sql else [])):
        assert "".join(sorted(engines(name, table).holds(where))) == rows, name
    for name in ("qdrant", "milvus", *([] if sql else ["sql"])):
        with pytest.raises(InputError, match=r"Qdrant|Milvus|Postgres"):
            engines(name, table).holds(where)


COLUMNS = {
    "n": st.one_of(st.none(), st.integers(-3, 3), st.sampled_from([2**53, 2**53 + 1, 2**62, -(2**63), 2**63 - 1])),
    "x": st.one_of(st.none(), st.just(float("nan")), st.floats(-3, 3, width=16)),
    "b": st.one_of(st.none(), st.booleans()),
    "s": st.one_of(st.none(), st.text("ab%_'\\\n", max_size=3)),
}
TYPES = {"n": pl.Int64(), "x": pl.Float64(), "b": pl.Boolean(), "s": pl.String()}
NUMBERS = st.one_of(
    st.integers(-4, 4), st.sampled_from([0.5, -1.25, 2**53, 2**53 + 1, 2**62 - 1, 2**63 - 1, -(2**63), 2**63, 1e20])
)
SIGN = st.sampled_from(["=", "<>", "<", "<=", ">", ">="])
TEXT = st.text("ab%_'\\\n", max_size=3).map(lambda text: "'" + text.replace("'", "''") + "'")
LEAVES = st.one_of(
    st.builds("{} {} {}".format, st.sampled_from("nx"), SIGN, NUMBERS),
    st.builds("{} BETWEEN {} AND {}".format, st.sampled_from("nx"), NUMBERS, NUMBERS),
    st.builds(
        lambda name, values: f"{name} IN ({', '.join(map(str, values))})",
        st.sampled_from("nx"),
        st.lists(NUMBERS, min_size=1, max_size=3),
    ),
    st.builds("s {} {}".format, st.sampled_from(["=", "<>"]), TEXT),
    st.sampled_from(["b", "b = TRUE", "b <> TRUE", "b IS TRUE", "b IS NOT FALSE", "TRUE", "FALSE", "b IN (FALSE)"]),
    st.sampled_from([f"{name} IS {maybe}NULL" for name in COLUMNS for maybe in ("", "NOT ")]),
)
WHERES = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        st.builds("({} AND {})".format, inner, inner),
        st.builds("({} OR {})".format, inner, inner),
        st.builds("NOT {}".format, inner),
        st.builds("({}) IS NOT TRUE".format, LEAVES.filter(lambda leaf: "BETWEEN" not in leaf)),
    ),
    max_leaves=6,
)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(*COLUMNS.values()), min_size=1, max_size=6), st.lists(WHERES, min_size=1, max_size=4))
def test_any_condition_holds_for_the_same_points_in_all(rows, wheres):
    pytest.importorskip("qdrant_client", reason="qdrant-client isn't installed")
    table = pl.DataFrame(rows, schema=TYPES, orient="row").with_columns(id=pl.Series(map(str, range(len(rows)))))
    made = {name: ENGINES[name](table) for name in ("python", "polars", "qdrant", "sql")}
    for where in wheres:
        right = sorted(made["python"].holds(where))
        for name, one in made.items():
            assert sorted(one.holds(where)) == right, (name, where)


def test_values_are_never_part_of_the_sql():
    schema = {"a%b": pl.String(), "n": pl.Int64()}
    where = "\"a%b\" = '''; DROP TABLE x' OR n IN (1, 2)"
    part = pgvector_filter.translate(where, schema, {"a%b": 'a%b"', "n": "n"})
    assert part.text == '(("a%%b""" = %s) OR ("n" IN (%s, %s)))'
    assert part.values == ("'; DROP TABLE x", 1, 2)
    with pytest.raises(InputError, match="can't hold the character NUL"):
        pgvector_filter.translate("s = 'a\0b'", {"s": pl.String()}, {"s": "s"})


def test_qdrant_is_asked_for_exact_numbers():
    models = pytest.importorskip("qdrant_client", reason="qdrant-client isn't installed").models
    schema, names = {"n": pl.Int64(), "s": pl.String()}, {"n": "n", "s": "a.b"}
    ask = lambda where: qdrant_filter.translate(where, schema, names)  # noqa: E731
    assert ask("n < 3") == models.Filter(must=[models.FieldCondition(key="n", range=models.Range(lt=3))])
    assert ask("s = 'x'").must[0].key == '"a.b"'
    assert ask("n < 1e30 OR n IS NULL OR 1 = 1") is True
    assert ask("n > 1e30") is False
    below, listed = ask(f"n < {2**60}").should
    assert below.range.lt < 2**60
    assert min(listed.match.any) <= int(below.range.lt) - 64  # what float64 rounds to the bound is listed
    assert max(listed.match.any) == 2**60 - 1
    assert len(listed.match.any) < 1_000
