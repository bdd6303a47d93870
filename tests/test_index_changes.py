"""An index that changes is at every moment the points it was told of: held against a dict."""

import shutil
import tempfile
from datetime import date, datetime, time, timedelta
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

import semspace as ss
from semspace.errors import InputError, UnknownIdError
from semspace.index import graph_search, local_collection
from semspace.queries import METRICS, pair_score
from tests.test_hnsw import recall, truth, unreached

IDS = [f"id{i}" for i in range(30)]
DIM = 5


def drawn(seed, n):
    """Vectors of lengths from 1 to 4; some come again and again."""
    rng = np.random.default_rng(seed % 7)
    vectors = rng.normal(size=(n, DIM)).astype(np.float32)
    return vectors / np.linalg.norm(vectors, axis=1)[:, None] * rng.uniform(1, 4, (n, 1)).astype(np.float32)


class Living(RuleBasedStateMachine):
    """Changes in any order, also with the index saved or opened in between."""

    kind = "exact"

    @initialize(metric=st.sampled_from(METRICS), seed=st.integers(0, 99), walked=st.booleans(), fold=st.booleans())
    def begin(self, metric, seed, walked, fold):
        self.scans, self.first = graph_search.SCANS, local_collection._SMALL
        graph_search.SCANS = 0 if walked else self.scans
        local_collection._SMALL = 2_000 if fold else self.first
        self.folder = Path(tempfile.mkdtemp())
        self.names, self.metric = 0, metric
        vectors = drawn(seed, 4)
        space = ss.Space.from_vectors(IDS[:4], vectors, {"note": list("abcd")})
        self.index = ss.Index.build(space, self.kind, metric=metric, progress=False)
        self.model = {id: (vector, note) for id, vector, note in zip(IDS[:4], vectors, "abcd", strict=True)}
        self.writable = True

    @rule(ids=st.lists(st.sampled_from(IDS), max_size=8, unique=True), seed=st.integers(0, 99))
    def add(self, ids, seed):
        fresh = [id for id in ids if id not in self.model]
        vectors, notes = drawn(seed, len(fresh)), [f"{id} {seed}" for id in fresh]
        self.index.add(fresh, vectors, {"note": pl.Series(notes, dtype=pl.String)})
        self.model.update({id: (v, note) for id, v, note in zip(fresh, vectors, notes, strict=True)})

    @precondition(lambda self: self.model)
    @rule(data=st.data(), seed=st.integers(0, 99), noted=st.booleans())
    def update(self, data, seed, noted):
        ids = data.draw(st.lists(st.sampled_from(sorted(self.model)), min_size=1, max_size=5, unique=True))
        vectors = drawn(seed, len(ids))
        notes = [f"{id} {seed}!" if noted else self.model[id][1] for id in ids]
        self.index.update(ids, vectors, {"note": notes} if noted else None)
        self.model.update({id: (v, note) for id, v, note in zip(ids, vectors, notes, strict=True)})

    @precondition(lambda self: self.model)
    @rule(data=st.data())
    def delete(self, data):
        ids = data.draw(st.lists(st.sampled_from(sorted(self.model)), min_size=1, max_size=6, unique=True))
        self.index.delete(ids)
        for id in ids:
            del self.model[id]

    @precondition(lambda self: self.model)
    @rule(seed=st.integers(0, 99))
    def refused(self, seed):
        """What can't be changed changes nothing, and isn't written down."""
        there, absent = min(self.model), next(id for id in [*IDS, "none"] if id not in self.model)
        with pytest.raises(InputError, match="already has"):
            self.index.add([absent, there], drawn(seed, 2), {"note": ["x", "y"]})
        with pytest.raises(UnknownIdError):
            self.index.delete([there, absent])
        with pytest.raises(UnknownIdError):
            self.index.update([there, absent], drawn(seed, 2))

    @precondition(lambda self: self.model)
    @rule()
    def compact(self):
        self.index.compact()

    @precondition(lambda self: self.model)
    @rule()
    def save_and_open(self):
        path = self.folder / f"i{self.names}"
        self.names += 1
        self.index.save(path)
        self.index.close()
        self.index = ss.Index.open(path, writable=True)

    @precondition(lambda self: self.names)
    @rule()
    def open_again(self):
        path = self.folder / f"i{self.names - 1}"
        self.index.close()
        self.index = ss.Index.open(path, writable=True)

    @invariant()
    def holds_the_model(self):
        index, model = self.index, self.model
        assert len(index) == len(model)
        assert all((id in index) == (id in model) for id in IDS)
        for id, (vector, note) in model.items():
            own = pair_score(vector, vector, self.metric)
            best = max(pair_score(vector, other, self.metric) for other, _ in model.values())
            found = index.search(vector, 40)
            assert set(found.ids) == set(model)
            assert found.scores[0] >= max(own, best) - 1e-4
            at = found.ids.index(id)
            assert found.scores[at] == pytest.approx(own, abs=1e-3)
            assert found.metadata["note"][at] == note
            assert set(index.search(id=id, k=40).ids) == set(model) - {id}
        assert set(index.search(np.ones(DIM), 40, exact=True).ids) == set(model)

    def teardown(self):
        if hasattr(self, "index"):
            self.index.close()
            graph_search.SCANS, local_collection._SMALL = self.scans, self.first
            shutil.rmtree(self.folder)


class LivingGraph(Living):
    """The same over a graph, which is walked in half of the runs."""

    kind = "hnsw"


CHECKS = [HealthCheck.too_slow, HealthCheck.filter_too_much]
TestLivingExact = Living.TestCase
TestLivingExact.settings = settings(
    max_examples=20, stateful_step_count=15, deadline=None, suppress_health_check=CHECKS
)
TestLivingGraph = LivingGraph.TestCase
TestLivingGraph.settings = settings(
    max_examples=20, stateful_step_count=15, deadline=None, suppress_health_check=CHECKS
)


# -- many changes ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("metric", METRICS)
def test_an_index_that_was_changed_finds_as_much_as_a_fresh_one(monkeypatch, metric):
    """Of 2,000 points half go, and as many come, in ten rounds."""
    monkeypatch.setattr(graph_search, "SCANS", 0)
    rng = np.random.default_rng(0)
    vectors = rng.normal(size=(3_000, 12)).astype(np.float32)
    ids = [f"p{i:04d}" for i in range(3_000)]
    index = ss.Index.build(ss.Space.from_vectors(ids[:2_000], vectors[:2_000]), "hnsw", metric=metric, progress=False)
    gone = rng.permutation(2_000)[:1_000]
    for step in range(10):
        index.delete([ids[row] for row in gone[100 * step : 100 * step + 100]])
        new = slice(2_000 + 100 * step, 2_100 + 100 * step)
        index.add(ids[new], vectors[new])
        index.search(vectors[0], 1)
    left = np.setdiff1d(np.arange(3_000), gone)
    fresh = ss.Index.build(
        ss.Space.from_vectors([ids[i] for i in left], vectors[left]), "hnsw", metric=metric, progress=False
    )
    asked = rng.normal(size=(200, 12)).astype(np.float32)
    true = left[truth(vectors[left], asked, 10, metric)]
    names = [{ids[row] for row in rows} for rows in true]

    def found(some):
        return np.mean(
            [
                len({*hits.ids} & right) / 10
                for hits, right in zip(some.search_batch(list(asked), 10), names, strict=True)
            ]
        )

    assert found(index) >= found(fresh) - 0.02
    assert not len(unreached(index))
    forbidden = {ids[row] for row in gone}
    assert not any(forbidden & {*hits.ids} for hits in index.search_batch(list(asked), 50))
    index.compact()
    assert found(index) >= found(fresh) - 0.02
    assert index.report().deleted == 0


def test_one_by_one_is_as_good_as_at_once(monkeypatch):
    monkeypatch.setattr(graph_search, "SCANS", 0)
    vectors = np.random.default_rng(1).normal(size=(1_400, 8)).astype(np.float32)
    index = ss.Index.build(
        ss.Space.from_vectors([f"p{i}" for i in range(1_000)], vectors[:1_000]), "hnsw", progress=False
    )
    for i in range(1_000, 1_400):
        index.add([f"p{i}"], vectors[i : i + 1])
        if i % 10 == 0:
            assert index.search(vectors[i], 1).ids == (f"p{i}",)
    asked = np.random.default_rng(2).normal(size=(100, 8)).astype(np.float32)
    assert recall(index.knn_query(asked, 10)[0], truth(vectors, asked, 10)) >= 0.93


def test_updates_over_and_over_take_one_place(monkeypatch):
    monkeypatch.setattr(graph_search, "SCANS", 0)
    rng = np.random.default_rng(3)
    vectors = rng.normal(size=(200, 6)).astype(np.float32)
    ids = [f"p{i}" for i in range(200)]
    index = ss.Index.build(ss.Space.from_vectors(ids, vectors), "hnsw", progress=False)
    for _ in range(8):
        vectors = rng.normal(size=(200, 6)).astype(np.float32)
        index.update(ids, vectors)
    assert len(index) == 200
    assert index.report().deleted == 1_600
    assert [found.ids[0] for found in index.search_batch(list(vectors), 1)] == ids
    index.compact()
    assert index.report().deleted == 0
    assert [found.ids[0] for found in index.search_batch(list(vectors), 1)] == ids


KEPT = [  # the column's values and type, what is given for it, and what becomes of that (None: refused)
    ([1], pl.Int64, pl.Series([2.0]), 2),
    ([1], pl.Int64, pl.Series([2.5]), None),
    ([1], pl.UInt8, pl.Series([300]), None),
    ([1], pl.Int64, pl.Series(["7"]), 7),
    ([1], pl.Int64, pl.Series(["007"]), None),
    ([True], pl.Boolean, pl.Series([2]), None),
    ([0.5], pl.Float32, pl.Series([0.1]), float(np.float32(0.1))),
    ([1.0], pl.Float64, pl.Series([2**53 + 1]), None),
    ([date(2020, 1, 1)], pl.Date, pl.Series([datetime(2020, 1, 2)]), date(2020, 1, 2)),
    ([date(2020, 1, 1)], pl.Date, pl.Series([datetime(2020, 1, 2, 12)]), None),
    # Numbers, dates, times, durations and truth values are of different kinds, though polars converts them and back.
    ([date(2020, 1, 1)], pl.Date, pl.Series([2021]), None),
    ([date(2020, 1, 1)], pl.Date, pl.Series([20_210_101]), None),
    ([datetime(2020, 1, 1)], pl.Datetime("us"), pl.Series([2021]), None),
    ([time(1)], pl.Time, pl.Series([12]), None),
    ([timedelta(1)], pl.Duration("us"), pl.Series([5]), None),
    ([1], pl.Int64, pl.Series([date(2020, 1, 1)]), None),
    ([1.0], pl.Float64, pl.Series([datetime(2020, 1, 1)]), None),
    ([True], pl.Boolean, pl.Series([1]), None),
    ([True], pl.Boolean, pl.Series(["yes"]), None),
    ([1], pl.Int64, pl.Series([True]), None),
    (["a"], pl.String, pl.Series([date(2020, 1, 1)]), None),
    (["a"], pl.String, pl.Series([True]), None),
    ([[1]], pl.List(pl.Int64), pl.Series([[date(2020, 1, 1)]]), None),
    ([1], pl.Int64, pl.Series([[1]]), None),
    ([date(2020, 1, 1)], pl.Date, pl.Series(["2021-03-05"]), date(2021, 3, 5)),
    ([date(2020, 1, 1)], pl.Date, pl.Series(["5 March"]), None),
    ([date(2020, 1, 1)], pl.Date, pl.Series([datetime(2020, 1, 2)]), date(2020, 1, 2)),
    ([[1]], pl.List(pl.Int64), pl.Series([[1.5]]), None),
    ([[0.5]], pl.List(pl.Float32), pl.Series([[0.25]]), [0.25]),
]


@pytest.mark.parametrize(("values", "dtype", "given", "becomes"), KEPT)
@pytest.mark.parametrize("change", ["add", "update", "upsert"])
def test_metadata_is_kept_as_it_is_or_refused(values, dtype, given, becomes, change):
    index = ss.Index.build(ss.Space.from_vectors(["a"], [[1, 1]], {"x": pl.Series(values, dtype=dtype)}))
    more = ([] if change == "update" else [[[1, 0]]]) + [pl.DataFrame({"x": given})]
    ids = ["b"] if change == "add" else ["a"]

    def changed():
        if change == "update":
            index.update(ids, metadata=more[0])
        else:
            getattr(index, change)(ids, *more)
        return index.search([1, 0], among=ids).metadata["x"].to_list()

    if becomes is not None:
        assert changed() == [becomes]
        return
    with pytest.raises(InputError, match=r"'x' holds .*, in which .* \(row 0\) would become .*; change it"):
        changed()
    assert index.search([1, 1]).metadata["x"].to_list() == values
