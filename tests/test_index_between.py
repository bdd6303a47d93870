"""Between before and after there is nothing: not for a reader in a thread, not after Ctrl-C, not in a child process."""

import copy
import io
import json
import os
import pickle
import struct
import threading
from zlib import crc32

import numpy as np
import polars as pl
import pytest

import semspace as ss
from semspace.errors import DamagedError, InputError, SemspaceWarning
from semspace.index import graph as graph_module
from semspace.index import graph_search, hnsw, journal, local_collection, store
from semspace.index.points import PointTable
from tests.test_hnsw import draw, unreached
from tests.test_pools import FORKS, run

KINDS = ("exact", "hnsw")
DIM = 8


def build(kind, n=300):
    table = pl.DataFrame({"name": [f"p{i}" for i in range(n)]})
    space = ss.Space.from_vectors(table["name"].to_list(), draw(n, DIM), table)
    return ss.Index.build(space, kind, progress=False)


def more(index, names, seed=1):
    index.add(names, draw(len(names), DIM, seed), {"name": names})


# -- threads --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("change", ["add", "update", "delete", "compact"])
def test_a_reader_stays_with_the_points_it_began_with(monkeypatch, kind, change):
    """The change comes whole after the rows were found, and before ids and metadata are looked up."""
    index = build(kind)
    index.delete(["p0"])
    more(index, ["q0", "q1"])
    changes = {
        "add": lambda: more(index, [f"r{i}" for i in range(80)], 2),
        "update": lambda: index.update(["p5", "q1"], draw(2, DIM, 3), {"name": ["p5", "q1"]}),
        "delete": lambda: index.delete([f"p{i}" for i in range(1, 50)]),
        "compact": index.compact,
    }
    expected = index.search(draw(1, DIM, 9)[0], 400)
    dressed, done = local_collection.LocalCollection._dressed, []

    def late(self, *given):
        if not done:
            done.append(1)
            writer = threading.Thread(target=changes[change])
            writer.start()
            writer.join()
        return dressed(self, *given)

    monkeypatch.setattr(local_collection.LocalCollection, "_dressed", late)
    found = index.search(draw(1, DIM, 9)[0], 400)
    assert found.ids == expected.ids
    assert found.metadata["name"].to_list() == list(found.ids)


def test_an_update_is_seen_at_once_or_not_at_all(monkeypatch):
    """Nobody sees the point gone that is given another vector."""
    index, seen, become = build("exact"), [], PointTable.become

    def watched(self, view):
        seen.append("p7" in index and len(index) == 300)
        become(self, view)
        seen.append("p7" in index and len(index) == 300)

    monkeypatch.setattr(PointTable, "become", watched)
    index.update(["p7"], draw(1, DIM, 4))
    assert seen == [True, True]


@pytest.mark.parametrize("kind", KINDS)
def test_searches_beside_a_writer(kind):
    index, stop, wrong = build(kind), threading.Event(), []

    def reader(seed):
        for vector in draw(2_000, DIM, seed):
            found = index.search(vector, 5, where="name != 'p3'" if seed % 2 else None)
            if found.metadata["name"].to_list() != list(found.ids) or len(found) != 5:
                wrong.append(found)
            if stop.is_set():
                return

    readers = [threading.Thread(target=reader, args=(seed,)) for seed in range(3)]
    for thread in readers:
        thread.start()
    for i in range(60):
        more(index, [f"w{i}"], i)
        if i % 5 == 4:
            index.update([f"w{i - 2}"], draw(1, DIM, i + 100))
            index.delete([f"w{i - 4}"])
        if i == 30:
            index.compact()
    stop.set()
    for thread in readers:
        thread.join()
    assert not wrong
    assert index.space.metadata["name"].to_list() == index.space.ids.tolist()
    assert len(index) == 300 + 60 - 12


# -- Ctrl-C ---------------------------------------------------------------------------------------------------

STEPS = [
    (journal, "_put"),
    (journal.Journal, "append"),
    (journal.Journal, "_undo"),
    (PointTable, "with_more"),
    (PointTable, "without"),
    (PointTable, "become"),
    (hnsw.HnswEngine, "catch_up"),
    (graph_module.Graph, "add"),
    (graph_module, "_larger"),
    (graph_module.Graph, "_reserve_rows"),
    (graph_module.Graph, "_link"),
    (graph_module.Graph, "_link_back"),
    (graph_module.Graph, "reconnect"),
    (local_collection.LocalCollection, "fold"),
    (local_collection.LocalCollection, "write"),
    (store.IndexStore, "fold"),
    (store.IndexStore, "_use"),
    (store, "open_bundle"),
]


def stopped(monkeypatch, step, act, *, after, turn):
    """Act, with Ctrl-C before or after the `turn`th time that a step is taken; return whether it came."""
    place, name = step
    original, left = getattr(place, name), [turn]

    def hook(*given, **options):
        left[0] -= 1
        if left[0] == 0 and not after:
            raise KeyboardInterrupt
        result = original(*given, **options)
        if left[0] == 0 and after:
            raise KeyboardInterrupt
        return result

    with monkeypatch.context() as patch:
        patch.setattr(place, name, hook)
        try:
            act()
        except KeyboardInterrupt:
            return True
    return False


def held(index):
    space = index.space
    points = zip(space.ids, space.vectors.tolist(), space.metadata["name"], strict=True)
    return {id: (tuple(vector), name) for id, vector, name in points}


@pytest.mark.parametrize("kind", KINDS)
def test_ctrl_c_leaves_an_index_as_before_or_after(monkeypatch, tmp_path, kind):
    monkeypatch.setattr(graph_search, "SCANS", 0)
    monkeypatch.setattr(hnsw, "_PENDING", 40)
    build(kind, 200).save(tmp_path / "i")
    index, came, number = ss.Index.open(tmp_path / "i", writable=True), 0, 0
    now = held(index)
    for step in STEPS:
        index.compact()  # so that opening it doesn't replay the changes of all steps before
        for after in (False, True):
            for turn in (1, 2):
                names = [f"{number}-{i}" for i in range(45)]
                number += 1
                old = list(now)[:3]
                acts = {
                    "add": lambda names=names, seed=number: more(index, names, seed),
                    "search": lambda: index.search(np.ones(DIM), 3),
                    "update": lambda old=old, seed=number: index.update(old, draw(3, DIM, seed + 10_000)),
                    "delete": lambda old=old: index.delete(old[:1]),
                }
                if turn == 1 and step[0] in (local_collection.LocalCollection, store.IndexStore, store):
                    acts["compact"] = index.compact
                for act in acts.values():
                    before = now
                    hit = stopped(monkeypatch, step, act, after=after, turn=turn)
                    came += hit
                    now = held(index)
                    disk = held(ss.Index.open(tmp_path / "i"))
                    assert now == disk
                    if hit and now != before:
                        changed = {id for id in {*now, *before} if now.get(id) != before.get(id)}
                        assert changed in ({*names}, {*old}, {*old[:1]})
                vectors = np.array([vector for vector, _ in now.values()], np.float32)
                found = index.search_batch(list(vectors), 1)
                own = [hits.ids[0] == id for hits, id in zip(found, now, strict=True)]
                assert np.mean(own) > 0.99  # of a walk that no width was measured for
                if kind == "hnsw":
                    assert not len(unreached(index))
                if len(index) > 600:
                    index.delete(list(index.space.ids[200:]))
                    now = held(index)
    assert came > (40 if kind == "hnsw" else 15)
    index.close()


# -- a child process ------------------------------------------------------------------------------------------

CHILD = """
import faulthandler, os, sys, threading
import numpy as np, polars as pl, semspace as ss
from semspace.index import graph_search
graph_search.SCANS = 0
rng = np.random.default_rng(0)
V = rng.normal(size=(1500, 16)).astype("f4")
table = pl.DataFrame({"y": np.arange(1500), "name": [f"p{i}" for i in range(1500)]})
space = ss.Space.from_vectors(table["name"].to_list(), V, table)
index = ss.Index.build(space, "hnsw", threads=2, progress=False)
index.save(sys.argv[1])
writer = ss.Index.open(sys.argv[1], writable=True)
asked = list(V[:40])
expected = [found.ids for found in index.search_batch(asked, 5)]
[writer.search(V[0]), index.search(V[0], where="y > 3"), table.group_by("y").len().sort("y")]
engine, points = index._points.engine, index._points
held, go = threading.Event(), threading.Event()
def hold():
    with engine._searcher.changing, points._changing, points.points._lock:
        held.set()
        go.wait(60)
thread = threading.Thread(target=hold)
thread.start()
held.wait()
child = os.fork()
if not child:
    faulthandler.dump_traceback_later(100, exit=True)
    assert [found.ids for found in index.search_batch(asked, 5)] == expected
    found = index.search(V[7], k=3)
    assert found.ids[0] == "p7" and found.metadata["name"].to_list() == list(found.ids)
    index.update(["p1"], V[:1] + 1)
    index.delete(["p2"])
    assert index.search(V[0] + 1, k=1).ids == ("p1",) and "p2" not in index
    part = ss.Space.from_vectors(table["name"].to_list()[:1100], V[:1100])
    assert ss.Index.build(part, "hnsw", progress=False).search(V[3], 1).ids == ("p3",)
    assert writer.search(V[7], k=1).ids == ("p7",)
    said = 0
    for act in (
        lambda: index.search(V[0], where="y > 5"),
        lambda: index.add(["new"], V[:1], {"y": [1], "name": ["new"]}),
        lambda: writer.delete(["p3"]),
        lambda: ss.Index.open(sys.argv[1]),
        lambda: index.save(sys.argv[1] + "2"),
    ):
        try:
            act()
        except ss.SemspaceError as problem:
            said += "fork" in str(problem)
    os._exit(said)
assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 5
go.set()
thread.join()
writer.delete(["p3"])
writer.close()
print(len(ss.Index.open(sys.argv[1])))
"""


@FORKS
@pytest.mark.skipif(not os.path.isdir("/proc/self/task"), reason="which threads ran can't be seen")  # noqa: PTH112
def test_an_index_goes_on_in_a_child_process(tmp_path):
    """Also where a thread of the parent held every lock; what can't go on is said, and the parent's right stays its."""
    ran = run(CHILD, tmp_path / "i")
    assert (ran.stdout, ran.returncode) == ("1499\n", 0), ran.stderr


# -- disks ----------------------------------------------------------------------------------------------------


def test_media_that_can_only_be_read_are_said(tmp_path, monkeypatch):
    build("exact", 20).save(tmp_path / "i")
    monkeypatch.setattr(journal, "lock_path", lambda _: tmp_path / "nowhere" / "lock")
    with pytest.raises(InputError, match=r"cannot open .* for writing: .*; open it for reading .*or copy it"):
        ss.Index.open(tmp_path / "i", writable=True)
    assert len(ss.Index.open(tmp_path / "i")) == 20


def test_a_reader_is_told_that_its_files_were_replaced(tmp_path, monkeypatch):
    monkeypatch.setattr(store, "_LOOK_AGAIN", 0)
    build("exact", 20).save(tmp_path / "i")
    reader = ss.Index.open(tmp_path / "i")
    reader.search(np.ones(DIM))
    with ss.Index.open(tmp_path / "i", writable=True) as writer:
        writer.delete(["p1"])
        reader.search(np.ones(DIM))  # a journal is no replacement
        writer.compact()
    with pytest.warns(SemspaceWarning, match="was replaced since it was opened: the answers are those"):
        assert "p1" in reader.search(np.ones(DIM), 20).ids
    reader.search(np.ones(DIM))  # said once


def test_a_full_disk_leaves_a_journal_that_goes_on(tmp_path, monkeypatch):
    """Whatever write fails: the file's beginning, a record, or its acknowledgement."""
    build("exact", 20).save(tmp_path / "i")
    index, put = ss.Index.open(tmp_path / "i", writable=True), journal._put
    for turn in range(1, 4):
        left = [turn]

        def full(file, data, at, left=left):
            left[0] -= 1
            if not left[0]:
                raise OSError(28, "No space left on device")
            put(file, data, at)

        with monkeypatch.context() as patch:
            patch.setattr(journal, "_put", full)
            for name in (f"x{turn}", f"y{turn}"):
                try:
                    more(index, [name], turn)
                except InputError as problem:
                    assert "nothing was changed, make room" in str(problem)  # noqa: PT017
        more(index, [f"z{turn}"], turn)
        assert held(index) == held(ss.Index.open(tmp_path / "i"))
    assert {"z1", "z2", "z3"} < set(held(index))
    index.close()


# -- sound sums, unsound values -------------------------------------------------------------------------------


def resealed(folder, change):
    """Change a saved index, and write it as sound: with the checksums that it now has."""
    from semspace import bundle

    def write(draft):
        for name in opened.files:
            draft.file(name, lambda to, name=name: to.write_bytes((folder / name).read_bytes()))
        draft.meta.update(opened.meta)
        change(draft)

    opened = bundle.open_bundle(folder, verify=False)
    with bundle.create_bundle(folder.with_name("other"), "index", overwrite=True) as draft:
        write(draft)
    return folder.with_name("other")


def arrayed(name, change):
    def to(draft):
        array = np.load(draft.folder / f"{name}.npy")
        draft.array(name, change(array))

    return to


def metad(*keys, value):
    def to(draft):
        facts = draft.meta
        for key in keys[:-1]:
            facts[key] = dict(facts[key])
            facts = facts[key]
        facts[keys[-1]] = value

    return to


def replaced(value, at=0):
    def to(array):
        array = array.copy()
        array.flat[at] = value
        return array

    return to


UNSOUND = {
    **{
        f"{name} short": arrayed(name, lambda a: a[:-1])
        for name in ("codes", "rows", "links", "upper", "nodes", "down", "level", "sizes", "mean", "vectors")
    },
    "vectors double": arrayed("vectors", lambda a: a.astype(np.float64)),
    "vectors by columns": arrayed("vectors", lambda a: a.T),
    "axes narrow": arrayed("axes", lambda a: a[:, :-3]),
    "axes endless": arrayed("axes", replaced(np.inf)),
    "sizes nothing": arrayed("sizes", replaced(0)),
    "rows far beyond": arrayed("rows", replaced(2**31 - 2)),
    "rows twice": arrayed("rows", lambda a: np.full_like(a, 3)),
    "nodes beyond": arrayed("nodes", replaced(10**6)),
    "level high": arrayed("level", replaced(2**30)),
    "alive short": lambda draft: draft.array("alive", np.ones(5, np.bool_)),
    "alive numbers": lambda draft: draft.array("alive", np.ones(1_200, np.int8)),
    "step": metad("codec", "step", value=0.0),
    "codec": metad("codec", value=[1]),
    "tuning": metad("tuning", value={}),
    "narrow": metad("tuning", "narrow", value=-1),
    "slack": metad("tuning", "slack", value="much"),
    "found": metad("tuning", "found", value=True),
    "graph": metad("graph", "count", value="all"),
    "entry": metad("graph", "entry", value=10**9),
    "m": metad("settings", "m", value=0),
    "setting": metad("settings", "colour", value=1),
    "metric": metad("metric", value="manhattan"),
    "engine": metad("engine", value=3),
    "axes askew": arrayed("axes", lambda a: 3 * a),
    "count": metad("space", "count", value=7),
    "dim": metad("space", "dim", value=DIM + 1),
    "dimensions short": arrayed("vectors", lambda a: np.ascontiguousarray(a[:, :-1])),
    "vector nowhere": arrayed("vectors", replaced(np.nan, 70)),
    "vector elsewhere": arrayed("vectors", replaced(30.0, 70)),
}
SKETCHY = {
    "short": arrayed("sketches", lambda a: a[:-1]),
    "wide": arrayed("sketches", lambda a: np.hstack([a, a])),
    "numbers": arrayed("sketches", lambda a: a.view(np.int32)),
    "full": arrayed("sketches", lambda a: np.full_like(a, 255)),
    "others'": arrayed("sketches", lambda a: np.ascontiguousarray(a[::-1])),
}


@pytest.fixture(scope="module")
def sound(tmp_path_factory):
    place = tmp_path_factory.mktemp("sound") / "i"
    build("hnsw", 1_200).save(place)
    return place


@pytest.mark.parametrize("name", UNSOUND)
def test_values_that_no_index_has_are_damage(sound, name):
    place = resealed(sound, UNSOUND[name])
    with pytest.raises(DamagedError):
        ss.Index.open(place, verify=True)


@pytest.fixture(scope="module")
def sketched(tmp_path_factory):
    place = tmp_path_factory.mktemp("sketched") / "i"
    space = ss.Space.from_vectors([f"p{i}" for i in range(1_200)], draw(1_200, 100))
    ss.Index.build(space, "hnsw", m=4, ef_construction=20, code_bytes=128, progress=False).save(place)
    return place


@pytest.mark.parametrize("name", SKETCHY)
def test_sketches_that_are_not_those_of_the_codes_are_damage(sketched, name):
    with pytest.raises(DamagedError, match="a graph that can't be used"):
        ss.Index.open(resealed(sketched, SKETCHY[name]), verify=True)


def test_what_is_resealed_without_a_change_is_opened(sound, sketched):
    for place in (sound, sketched):
        assert len(ss.Index.open(resealed(place, lambda _: None), verify=True)) == 1_200


def written_anew(folder, head, body):
    """Append a change to a journal as its writer would, with sums that are right."""
    path = folder / "journal"
    lengths = struct.pack("<IQ", len(head), len(body))
    frame = journal._FRAME.pack(crc32(lengths), len(head), len(body), crc32(head + body))
    data = bytearray(path.read_bytes() + frame + head + body)
    data[journal._START - journal._SLOT.size : journal._START] = journal._slot(len(data))
    path.write_bytes(data)


def changes():
    """Return changes that no index has written: head and body of each."""

    def head(what="add", ids=("b",), vectors=16):
        return json.dumps({"what": what, "ids": ids, "vectors": vectors}).encode()

    def table(**columns):
        stream = io.BytesIO()
        pl.DataFrame(columns).write_ipc(stream)
        return stream.getvalue()

    vector, one = np.ones(4, "<f4").tobytes(), table(n=[1])
    return {
        "no text": (b"\xff{", b""),
        "deep": (b"[" * 100_000, b""),
        "a list": (b"[]", b""),
        "without ids": (b'{"what": "add"}', vector),
        "what": (head("explode"), vector + one),
        "numbers": (head(ids=[1]), vector + one),
        "one string": (head(ids="b"), vector + one),
        "twice": (head(ids=["b", "b"], vectors=32), 2 * vector + table(n=[1, 1])),
        "delete nobody": (head("delete", ["nobody"], 0), b""),
        "delete with vectors": (head("delete", ["a"]), vector),
        "add without": (head(vectors=0), one),
        "negative": (head(vectors=-4), vector + one),
        "long": (head(vectors=10**12), vector),
        "true": (head(vectors=True), vector),
        "dimensions": (head(vectors=20), np.ones(5, "<f4").tobytes() + one),
        "odd": (head(vectors=15), vector + one),
        "nan": (head(), np.full(4, np.nan, "<f4").tobytes() + one),
        "zeros": (head(), bytes(16) + one),
        "no metadata": (head(), vector),
        "columns": (head(), vector + table(m=[1])),
        "types": (head(), vector + table(n=["x"])),
        "rows": (head(), vector + table(n=[1, 2])),
        "no table": (head(), vector + b"no table at all"),
    }


@pytest.mark.parametrize("name", changes())
def test_changes_that_no_index_has_written_are_damage(tmp_path, name):
    ss.Index.build(ss.Space.from_vectors(["a", "c"], [[1, 2, 3, 4], [4, 3, 2, 1]], {"n": [1, 2]})).save(tmp_path / "i")
    with ss.Index.open(tmp_path / "i", writable=True) as index:
        index.add(["d"], [[1, 1, 1, 2]], {"n": [3]})
    reader = ss.Index.open(tmp_path / "i")
    written_anew(tmp_path / "i", *changes()[name])
    for act in (lambda: ss.Index.open(tmp_path / "i"), reader.refresh):
        with pytest.raises(DamagedError, match=r"journal is damaged: it holds a change that can't be used") as caught:
            act()
        assert "\n" not in str(caught.value)
    assert len(reader) == 3


def test_links_that_lead_out_are_passed_over_and_not_built_on(sound, monkeypatch):
    monkeypatch.setattr(graph_search, "SCANS", 0)
    place = resealed(sound, arrayed("links", replaced(2**30, 5)))
    index = ss.Index.open(place)
    assert len(index.search(np.ones(DIM), 5)) == 5
    with ss.Index.open(place, writable=True) as index:
        more(index, ["new"])
        with pytest.raises(DamagedError, match="a link leads out of it"):
            index.search(np.ones(DIM), 5)


@pytest.mark.parametrize("method", ["hnsw", "exact"])
def test_an_index_is_neither_pickled_nor_copied(method):
    index = ss.Index.build(ss.Space.from_vectors(list("abcd"), np.eye(4)), method, progress=False)
    for call in (pickle.dumps, copy.copy, copy.deepcopy):
        with pytest.raises(InputError, match=r"save it by index\.save\(path\), and open it there by ss\.Index\.open"):
            call(index)


def test_a_journal_whose_closing_was_interrupted_goes_on(tmp_path):
    ss.Index.build(ss.Space.from_vectors(["a", "b"], np.eye(2)), "exact", progress=False).save(tmp_path / "i")
    with ss.Index.open(tmp_path / "i", writable=True) as index:
        index.add(["c"], [[1.0, 1.0]])
        written = index._points._store.journal

        class Interrupting:
            def close(self):
                raise KeyboardInterrupt

        real, written._file = written._file, Interrupting()
        with pytest.raises(KeyboardInterrupt):
            written.close()
        real.close()
        index.add(["d"], [[1.0, 2.0]])
    assert len(ss.Index.open(tmp_path / "i")) == 4
