"""Collections on servers: what the index asks of them, and pushes that go on, over every server there is.

They run in folders of this process; with SEMSPACE_MILVUS=http://host:port or SEMSPACE_QDRANT=qdrant://host:port also on
that server.
"""

import itertools
from datetime import date, datetime

import numpy as np
import polars as pl
import pytest

import semspace as ss
from semspace import queries
from semspace.errors import ExistsError, InputError, ServerError, UnknownIdError
from semspace.index.servers.push import push
from tests import conditions
from tests.servers import COLUMNS, HOSTILE, draw, engines, new_name, truth


@pytest.fixture(scope="module", params=list(engines()), ids=lambda engine: engine.name)
def engine(request):
    if request.param.reason:
        pytest.skip(request.param.reason)
    return request.param


@pytest.fixture(scope="module")
def uri(engine, tmp_path_factory):
    """An address that stays open for all tests, as opening it takes longer than using it."""
    where = engine.uri(tmp_path_factory.mktemp(engine.name.split()[0]))
    server = engine.collection._connection(where, None, new=True)
    yield where
    for name in server.collections():
        if name.startswith("semspace_test_"):
            engine.collection._drop(server, name)
    server.close()


@pytest.fixture
def name():
    return new_name()


@pytest.fixture
def hostile(engine):
    """Ids that are hard to quote; Postgres has no texts with NUL."""
    return [id for id in HOSTILE if engine.collection.method != "pgvector" or "\x00" not in id]


@pytest.fixture
def make(engine, uri, name):
    """Make collections that are closed when the test ends."""
    made = []

    def one(ids, vectors, metadata=None, metric="cosine", **more):
        schema = None if metadata is None else metadata.schema
        points = engine.collection.create(
            uri, name, dim=vectors.shape[1], metric=metric, metadata_schema=schema, overwrite=True, **more
        )
        made.append(points)
        points.add(ids, vectors, metadata)
        return points

    yield one
    for points in made:
        points.close()


def assert_same_vectors(points, got, right):
    """Vectors come back as they were; but for the rounding where a server keeps them divided by their lengths."""
    if points.method == "qdrant" and points.metric == "cosine":
        np.testing.assert_allclose(got, right, rtol=3e-7)
    else:
        np.testing.assert_array_equal(got, right)


@pytest.mark.parametrize("exact", [False, True])
@pytest.mark.parametrize("metric", queries.METRICS)
def test_the_nearest_are_those_of_exact_search(engine, make, metric, exact):
    ids, vectors, asked = [f"p{i}" for i in range(60)], draw(60), draw(5, seed=1)
    points = make(ids, vectors, metric=metric)
    assert (points.method, points.metric, points.dim, points.columns, len(points)) == (
        engine.name.split()[0],
        metric,
        4,
        (),
        60,
    )
    for hits, (right, scores) in zip(
        points.nearest(asked, 10, exact=exact), truth(ids, vectors, asked, 10, metric), strict=True
    ):
        assert list(hits.ids) == right
        assert hits.scores.dtype == np.float32
        np.testing.assert_allclose(hits.scores, scores, rtol=1e-4, atol=1e-5)
        assert hits.metadata is None


@pytest.mark.parametrize("exact", [False, True])
def test_among_and_skip(make, exact):
    ids, vectors = [f"p{i}" for i in range(30)], draw(30)
    points = make(ids, vectors)
    (hits,) = points.nearest(vectors[:1], 5, among=["p3", "p0", "nobody", "p3", "p9"], skip=[["p0", "x"]], exact=exact)
    (right, _), *_ = truth(["p3", "p9"], vectors[[3, 9]], vectors[:1], 5)
    assert list(hits.ids) == right
    assert points.nearest(vectors[:2], 3, among=[], exact=exact)[1].ids == ()
    assert [len(h.ids) for h in points.nearest(vectors[:2], 99, skip=[["p1"], []], exact=exact)] == [29, 30]
    assert points.nearest(vectors[:0], 3, exact=exact) == []


@pytest.mark.parametrize("exact", [False, True])
def test_equal_scores_go_by_id(make, exact):
    ids = [f"{i:02d}" for i in np.random.default_rng(3).permutation(40)]
    points = make(ids, np.ones((40, 4), np.float32))
    assert points.nearest(np.ones((1, 4), np.float32), 3, exact=exact)[0].ids == ("00", "01", "02")


def test_many_among(engine, make, monkeypatch):
    """Thousands of ids go in several conditions."""
    monkeypatch.setattr(engine.collection, "message_bytes", 100_000)
    ids, vectors, asked = [f"p{i:04d}" for i in range(1500)], draw(1500), draw(2, seed=1)
    points = make(ids, vectors)
    found = points.nearest(asked, 5, among=ids[:1200], exact=False)
    for hits, (right, _) in zip(found, truth(ids[:1200], vectors[:1200], asked, 5), strict=True):
        assert list(hits.ids) == right
    assert all(points.present(ids))


def test_more_than_a_server_gives_at_once(engine, make, monkeypatch):
    if engine.collection.method == "milvus":
        monkeypatch.setattr(engine.collection, "most_hits", 20)
    monkeypatch.setattr(engine.collection, "page_points", 7)
    ids, vectors = [f"p{i}" for i in range(50)], draw(50)
    metadata = pl.DataFrame({"n": range(50)})
    points = make(ids, vectors, metadata)
    (hits,) = points.nearest(vectors[:1], 40)
    assert len(hits.ids) == 40
    assert hits.metadata["n"].to_list() == [int(id[1:]) for id in hits.ids]


def test_hostile_ids(make, hostile):
    vectors = draw(len(hostile))
    points = make(hostile, vectors)
    assert points.present([*hostile, "other"]) == [True] * len(hostile) + [False]
    assert_same_vectors(points, points.vectors(hostile[::-1]), vectors[::-1])
    assert {points.nearest(v[None], 1)[0].ids[0] for v in vectors} == set(hostile)
    for exact in (False, True):
        (hits,) = points.nearest(vectors[:1], 99, among=hostile[3:], exact=exact)
        assert sorted(hits.ids) == sorted(hostile[3:])
    points.delete(hostile[:5])
    assert points.present(hostile) == [False] * 5 + [True] * (len(hostile) - 5)


def test_pieces_are_all_points_once(engine, make, monkeypatch, hostile):
    monkeypatch.setattr(engine.collection, "page_points", 7)
    ids = [*hostile, *(f"p{i}" for i in range(20))]
    points = make(ids, draw(len(ids)))
    walked = list(points.pieces())
    assert len(walked) > 3
    assert sorted(itertools.chain.from_iterable(some for some, _ in walked)) == sorted(ids)
    place = {id: row for row, id in enumerate(ids)}
    for some, vectors in walked:
        assert_same_vectors(points, vectors, draw(len(ids))[[place[id] for id in some]])


def test_changes_are_seen_at_once(make):
    points = make(["a", "b", "c"], draw(3))
    points.add(["d"], draw(1, seed=5), None)
    assert points.nearest(draw(1, seed=5), 1)[0].ids == ("d",)
    points.update(["a"], draw(1, seed=6), None)
    assert points.nearest(draw(1, seed=6), 1)[0].ids == ("a",)
    assert_same_vectors(points, points.vectors(["a"]), draw(1, seed=6))
    points.delete(["a", "d"])
    assert len(points) == 2
    assert set(points.nearest(draw(1), 9)[0].ids) == {"b", "c"}
    points.compact()
    points.add(["a"], draw(1), None)  # an id that is free again
    assert len(points) == 3


def test_changes_that_cannot_be_made_change_nothing(make):
    points = make(["cat", "dog"], draw(2))
    with pytest.raises(InputError, match="already has 'dog'"):
        points.add(["bird", "dog"], draw(2), None)
    with pytest.raises(UnknownIdError, match=r"no point 'dogs' in the collection .* of 2; did you mean dog"):
        points.delete(["cat", "dogs"])
    with pytest.raises(UnknownIdError, match="no point 'bird'"):
        points.update(["cat", "bird"], draw(2, seed=9), None)
    with pytest.raises(UnknownIdError, match="no point 'bird'"):
        points.vectors(["cat", "bird"])
    with pytest.raises(InputError, match="has no metadata"):
        points.add(["bird"], draw(1), pl.DataFrame({"a": [1]}))
    with pytest.raises(InputError, match="takes ids of"):
        points.add([""], draw(1), None)
    assert len(points) == 2
    assert_same_vectors(points, points.vectors(["cat", "dog"]), draw(2))


def test_large_points_go_in_several_messages(engine, make, monkeypatch):
    monkeypatch.setattr(engine.collection, "message_bytes", 1_000)
    points = make([f"p{i}" for i in range(100)], draw(100), pl.DataFrame({"t": ["x" * 300] * 100}))
    assert len(points) == 100


def test_metadata_comes_back_as_it_was(engine, uri, make):
    metadata = pl.DataFrame(COLUMNS)
    if engine.collection.method == "pgvector":
        metadata = metadata.with_columns(pl.col("text").str.replace_all("\x00", "", literal=True))
    points = make(["a", "b", "c"], draw(3), metadata)
    assert points.columns == tuple(COLUMNS)
    again = engine.collection.connect(uri, points.name)
    try:
        assert again.metadata(["c", "a"]).equals(metadata[[2, 0]])
        assert again.metadata(["c", "a"]).schema == metadata.schema
        for exact in (False, True):
            (hits,) = again.nearest(draw(1), 3, exact=exact)
            assert hits.metadata.equals(metadata[["abc".index(id) for id in hits.ids]])
    finally:
        again.close()


def test_updates_give_other_metadata(make):
    points = make(["a", "b"], draw(2), pl.DataFrame({"n": [1, 2]}))
    points.update(["b"], draw(1), pl.DataFrame({"n": [7]}))
    assert points.metadata(["b", "a"])["n"].to_list() == [7, 1]


@pytest.mark.parametrize(
    ("column", "message"),
    [
        (pl.Series("n", ["x"]), "must hold Int64"),
        (pl.Series("m", [1]), "must have the columns n; got m"),
        (pl.Series("n", [2**63], dtype=pl.UInt64), "would become nothing; change it, or build an index"),
        (None, "has metadata, so points must come with it"),
    ],
)
def test_metadata_that_does_not_fit(make, column, message):
    points = make(["a"], draw(1), pl.DataFrame({"n": [1]}))
    with pytest.raises(InputError, match=message):
        points.add(["b"], draw(1), None if column is None else column.to_frame())
    assert len(points) == 1


def test_a_moment_is_no_date(make):
    points = make(["a"], draw(1), pl.DataFrame({"day": [date(2020, 1, 1)]}))
    points.add(["b"], draw(1), pl.DataFrame({"day": [datetime(2020, 1, 2)]}))
    with pytest.raises(InputError, match=r"would become datetime\.date"):
        points.add(["c"], draw(1), pl.DataFrame({"day": [datetime(2020, 1, 2, 12)]}))
    assert points.metadata(["a", "b"])["day"].to_list() == [date(2020, 1, 1), date(2020, 1, 2)]


def test_facts_come_back(engine, uri, make):
    facts = {"fingerprint": "é\"'\\", "encoder": {"name": "minilm", "dim": 384}, "list": [1, None]}
    points = make(["a"], draw(1), facts=facts)
    again = engine.collection.connect(uri, points.name)
    assert again.facts == facts
    assert (again.dim, again.metric, len(again)) == (4, "cosine", 1)
    again.close()


def test_a_collection_that_is_not_there(engine, uri, make):
    points = make(["a"], draw(1))
    with pytest.raises(InputError, match=f"no collection 'nothing' in .*; there are .*{points.name}"):
        engine.collection.connect(uri, "nothing")


def test_nothing_is_overwritten_unasked(engine, uri, make):
    points = make(["a"], draw(1))
    with pytest.raises(ExistsError, match="is there already in"):
        engine.collection.create(uri, points.name, dim=4)
    assert len(points) == 1


def test_a_closed_connection(engine, uri, make):
    points = make(["a"], draw(1))
    again = engine.collection._connection(uri, None, new=False)
    again.close()
    again.close()  # once more does no harm
    with pytest.raises(ServerError, match="closed; connect again"):
        again.collections()
    assert len(points) == 1  # others are not cut off


class Shelf:
    """The least a source must have."""

    def __init__(self, n, seed=0, metric="cosine", schema=True):
        self.ids, self.points = [f"p{i}" for i in range(n)], draw(n, seed=seed)
        self.dim, self.metric, self.method = 4, metric, "exact"
        self.columns = ("n",) if schema else ()
        self.facts = {"fingerprint": f"space-{seed}"}
        if schema:
            self.metadata = lambda ids: pl.DataFrame({"n": [int(id[1:]) for id in ids]}, {"n": pl.Int64})

    def __len__(self):
        return len(self.ids)

    def pieces(self):
        for start in range(0, len(self), 40):
            yield self.ids[start : start + 40], self.points[start : start + 40]


def same(points, source):
    assert len(points) == len(source)
    assert_same_vectors(points, points.vectors(source.ids), source.points)
    if source.columns:
        assert points.metadata(source.ids)["n"].to_list() == list(range(len(source)))


def test_push(uri, name):
    source = Shelf(100)
    points = push(source, uri, name, batch=30)
    assert points.facts == source.facts
    same(points, source)
    points.close()


def test_push_goes_on_where_it_was(engine, uri, name, monkeypatch):
    source, write, sent = Shelf(100), engine.collection.write, []

    def failing(self, verb, ids, vectors, metadata):
        sent.append(len(ids))
        if len(sent) == 3:
            raise ServerError("the power went out")
        write(self, verb, ids, vectors, metadata)

    monkeypatch.setattr(engine.collection, "write", failing)
    with pytest.raises(ServerError, match="power"):
        push(source, uri, name, batch=20)
    sent.clear()
    monkeypatch.setattr(engine.collection, "write", lambda self, *given: sent.append(given[0]) or write(self, *given))
    points = push(source, uri, name, batch=20)
    assert sent == ["insert"] * 3  # of five batches two were there
    same(points, source)
    points.close()
    sent.clear()
    push(source, uri, name, batch=20).close()
    assert sent == []


def test_push_without_metadata(uri, name):
    source = Shelf(10, schema=False)
    points = push(source, uri, name)
    same(points, source)
    points.close()
    bare = Shelf(10)
    bare.metadata = None
    with pytest.raises(InputError, match="needs metadata_of="):
        push(bare, uri, name)


@pytest.mark.parametrize(
    ("other", "message"),
    [
        (Shelf(5, seed=1), "its fingerprint is 'space-0', and here it is 'space-1'"),
        (Shelf(5, metric="dot"), "its metric is 'cosine', and here it is 'dot'"),
        (Shelf(5, schema=False), r"its columns are 'n \(Int64\)', and here it is 'none'"),
    ],
)
def test_push_into_a_collection_of_another_space(uri, name, other, message):
    push(Shelf(5), uri, name).close()
    with pytest.raises(InputError, match=f"holds points of another space: {message}"):
        push(other, uri, name)
    points = push(other, uri, name, overwrite=True)
    assert len(points) == 5
    points.close()


def test_an_index_is_pushed_anew(uri, name):
    index = ss.Index.build(ss.Space.from_vectors(["a", "b"], draw(2), {"n": [1, 2]}))
    index.push(uri, name, progress=False).close()
    index.update(["a"], metadata={"n": [5]})
    index.add(["c"], draw(1, seed=3), {"n": [3]})
    with pytest.raises(InputError, match="take another name, or overwrite=True"):
        index.push(uri, name, progress=False)
    with pytest.raises(InputError, match="its dim is 4, and here it is 2"):
        ss.Index.build(ss.Space.from_vectors(["a"], [[1, 2]], {"n": [1]})).push(uri, name)
    with index.push(uri, name, overwrite=True, progress=False) as there:
        assert there.search(id="b", where="n IN (3, 5)").metadata["n"].sort().to_list() == [3, 5]


# -- conditions -------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def six(engine, uri):
    """The table whose answers were worked out by hand; NaN, which not all servers keep, is unknown in it."""
    points = engine.collection.create(uri, new_name(), dim=2, metadata_schema=conditions.TABLE.schema)
    points.add(conditions.IDS, draw(6, 2), conditions.TABLE.with_columns(pl.col("price").fill_nan(None)))
    yield points
    points.close()


@pytest.mark.parametrize(("where", "rows"), [*conditions.EVERYWHERE.items(), *conditions.LOCALLY.items()])
def test_conditions_hold_where_they_do_here_or_are_refused(six, where, rows):
    try:
        (hits,) = six.nearest(np.ones((1, 2), np.float32), 100, where=where, exact=True)
    except InputError as problem:
        assert six.title in str(problem)  # noqa: PT017
        assert six.method != "pgvector" or where not in conditions.EVERYWHERE
        return
    assert "".join(sorted(hits.ids)) == rows
    assert sorted(itertools.chain.from_iterable(ids for ids, _ in six.pieces(where=where))) == sorted(rows)


def test_a_column_called_id_goes_before_the_ids(make):
    points = make(["a", "b"], draw(2), pl.DataFrame({"id": [1, 2]}))
    assert points.nearest(draw(1), 9, where="id = 2")[0].ids == ("b",)


def test_conditions_and_ids_together(make):
    ids = [f"p{i}" for i in range(50)]
    points = make(ids, draw(50), pl.DataFrame({"n": range(50)}))
    (hits,) = points.nearest(draw(1), 40, where="n >= 10 and n < 30", among=ids[20:], skip=[["p25"]])
    assert sorted(hits.ids) == sorted(f"p{i}" for i in range(20, 30) if i != 25)
