"""Rows by id: checksums in order, as a dictionary would tell."""

from zlib import crc32

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import semspace as ss
from semspace.errors import DamagedError, UnknownIdError
from semspace.index import id_lookup
from semspace.index.id_lookup import IdLookup
from semspace.index.points import FrozenPoints, PointTable
from tests.test_hnsw import named

TWINS = ("plumless", "buckeroo")  # two words with the same CRC


def test_ids_with_equal_checksums():
    assert crc32(TWINS[0].encode()) == crc32(TWINS[1].encode())
    lookup = IdLookup.of(pl.Series(["a", *TWINS, "b"]))
    lookup.check(None)
    assert lookup.find([TWINS[1], "b", "c", TWINS[0], "a", ""], None) == [2, 3, -1, 1, 0, -1]
    assert IdLookup.of(pl.Series(TWINS[:1])).find(TWINS, None) == [0, -1]


def test_very_many_ids_with_equal_checksums(monkeypatch):
    monkeypatch.setattr(id_lookup, "crc32", lambda _: 7)
    ids = [f"p{at}" for at in range(500)]
    lookup = IdLookup.of(pl.Series(ids))
    assert lookup.find([*ids, "q"], None) == [*range(500), -1]


def test_of_equal_ids_the_live_one_is_found():
    lookup = IdLookup.of(pl.Series(["a", "b", "a", "a"]))
    alive = np.array([False, True, True, False])
    lookup.check(alive)
    assert lookup.find(["a", "b"], alive) == [2, 1]
    assert lookup.find(["a", "b"], np.zeros(4, np.bool_)) == [-1, -1]
    with pytest.raises(DamagedError, match="two points of the index have the id 'a'"):
        lookup.check(np.array([True, True, True, False]))
    with pytest.raises(DamagedError, match="have the id 'a'"):
        lookup.check(None)


def test_what_no_index_has():
    assert IdLookup.of(pl.Series([], dtype=pl.String)).find(["a"], None) == [-1]
    assert IdLookup.of(pl.Series(["a"])).find(["\udc80"], None) == [-1]


IDS = st.sampled_from(["a", "b", "c", "é", "plumless", "buckeroo", "", "d"])
STEPS = st.lists(st.tuples(st.sampled_from(["more", "without"]), st.sets(IDS, max_size=4)), max_size=8)


@settings(max_examples=60, deadline=None)
@given(first=st.lists(IDS, unique=True, min_size=1), steps=STEPS)
def test_rows_are_those_that_a_dictionary_tells(first, steps):
    """Points are added, replaced and deleted; the ids of the first are looked up in what is sorted."""
    vectors = np.ones((len(first), 2), np.float32)
    frozen = FrozenPoints(pl.Series("id", first, dtype=pl.String), vectors, vectors[:, 0], None)
    points = PointTable(frozen)
    known = {id: row for row, id in enumerate(first)}
    for what, chosen in steps:
        ids = sorted(chosen)
        if what == "more":
            known.update(zip(ids, range(points.count, points.count + len(ids)), strict=True))
            points.become(points.with_more(ids, np.ones((len(ids), 2), np.float32), None))
        else:
            ids = [id for id in ids if id in known]
            points.become(points.without(ids))
            known = {id: row for id, row in known.items() if id not in ids}
        asked = ["a", "b", "c", "é", "plumless", "buckeroo", "", "d"]
        assert points.known(asked) == [known.get(id, -1) for id in asked]
        assert sorted(points.names()) == sorted(known)
        assert points.live == len(known)


# -- saved with the index ----------------------------------------------------------------------------------------


def save(place):
    vectors = np.random.default_rng(0).normal(size=(300, 8)).astype(np.float32)
    index = ss.Index.build(named(vectors), "exact", progress=False)
    index.delete([index.ids[5]])
    index.save(place)
    return place


@pytest.fixture
def place(tmp_path):
    return save(tmp_path / "i")


def check(place):
    index = ss.Index.open(place, verify=False)
    for id, vector in zip(index.space.ids[::7], index.space.vectors[::7], strict=True):
        np.testing.assert_array_equal(index._points.vectors([id])[0], vector)
        assert id in index
    with pytest.raises(UnknownIdError):
        index.search(id="unknown")


def test_it_is_saved_and_mapped(place, monkeypatch):
    monkeypatch.setattr(IdLookup, "of", None)
    check(place)
    with pytest.raises(UnknownIdError):
        ss.Index.open(place).search(id=named(np.ones((300, 8), np.float32)).ids[5])  # deleted


def test_an_index_of_an_earlier_version_has_none(tmp_path, monkeypatch):
    with monkeypatch.context() as earlier:
        earlier.setattr(IdLookup, "write", lambda *_: None)
        save(tmp_path / "i")
    assert not (tmp_path / "i" / "id_sums.npy").exists()
    check(tmp_path / "i")


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("id_sums", lambda one: one[::-1]),
        ("id_sums", lambda one: one + np.uint32(1)),
        ("id_rows", lambda one: one[::-1]),
        ("id_rows", lambda one: np.where(one == 7, np.uint32(300), one)),
        ("id_rows", lambda one: np.full_like(one, 2**32 - 1)),
    ],
)
def test_damage_is_told_when_an_id_is_asked_for(place, name, change):
    array = np.load(place / f"{name}.npy")
    np.save(place / f"{name}.npy", change(array))
    index = ss.Index.open(place, verify=False)
    assert len(index.search(np.ones(8, np.float32), k=3)) == 3
    with pytest.raises(DamagedError, match="the table by which the index finds ids is damaged; build the index again"):
        index.search(id="unknown")


@pytest.mark.parametrize("change", [lambda one: one[1:], lambda one: one.astype(np.int64)])
def test_of_another_form_it_is_refused(place, change):
    np.save(place / "id_rows.npy", change(np.load(place / "id_rows.npy")))
    with pytest.raises(DamagedError):
        ss.Index.open(place, verify=False)
