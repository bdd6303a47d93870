"""Shards on a cluster of Dask: two processes on this machine, which are killed at random moments."""

import random
import subprocess
import sys
import threading
import time

import pytest

import semspace as ss
import semspace.scale as scale
from semspace.errors import InputError, ServerError
from semspace.scale.executors import on_dask
from semspace.scale.executors.executor import DIED
from semspace.scale.shard import Outcome
from tests.killed import needs_sigkill
from tests.scaled import ROUNDS, check_killed, deadly, killing, one_machine, same, write_model, write_texts, written

distributed = pytest.importorskip("distributed")


@pytest.fixture(scope="module")
def client():
    cluster = distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, host="127.0.0.1", dashboard_address="127.0.0.1:0", silence_logs=50
    )
    with cluster, distributed.Client(cluster, set_as_default=False) as client:
        yield client


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return str(write_model(tmp_path_factory.mktemp("scale") / "model"))


def test_a_cluster_gives_what_one_machine_gives(tmp_path, model, client):
    texts = write_texts(tmp_path / "texts", 6, 20)
    job = scale.encode(texts, tmp_path / "out", model, client=client, progress=False)
    assert job.is_complete
    same(scale.read_space(tmp_path / "out", progress=False), one_machine(model, texts))
    before = written(tmp_path / "out")
    address = client.scheduler.address
    assert scale.encode(texts, tmp_path / "out", model, client=address, progress=False).is_complete
    assert written(tmp_path / "out") == before
    assert client.status == "running"  # a client that was given stays open


def test_words_pairs_and_groups_on_a_cluster(tmp_path, model, client):
    texts = write_texts(tmp_path / "texts", 3, 20)
    scale.tokenize(texts, tmp_path / "words", client=client, progress=False)
    found, expected = scale.read_tokens(tmp_path / "words", progress=False), ss.Tokens.read(texts, progress=False)
    assert found.vocabulary.equals(expected.vocabulary)
    assert found.ids.tolist() == expected.ids.tolist()
    vectors = tmp_path / "vectors"
    scale.encode(texts, vectors, model, client=client, progress=False)
    space = scale.read_space(vectors, progress=False)
    scale.duplicates(vectors, tmp_path / "pairs", 0.9, client=client, progress=False)
    pairs, columns = ss.Index.build(space).duplicates(0.9, progress=False), ["a", "b"]
    assert scale.read_pairs(tmp_path / "pairs").sort(columns)[columns].equals(pairs.sort(columns)[columns])
    groups = ss.cluster(space, n_clusters=3, progress=False)
    ss.save(groups, tmp_path / "groups")
    scale.assign(vectors, tmp_path / "groups", tmp_path / "assigned", client=client, progress=False)
    assert scale.read_assignment(tmp_path / "assigned").tolist() == groups.assign(space).tolist()


def test_what_failed_on_a_worker_is_told_here(tmp_path, model, client):
    texts = write_texts(tmp_path / "texts", 3, 5)
    (texts / "part-001.parquet").write_bytes(b"not parquet")
    with pytest.raises(scale.ShardsFailedError, match=r"1 of 3 shards failed; the first is part-001.parquet: ") as told:
        scale.encode(texts, tmp_path / "out", model, client=client, progress=False)
    assert told.value.job.n_done == 2


def test_another_model_on_a_worker_is_refused(tmp_path, model, client):
    from semspace.scale.executors.on_dask import run_on_worker
    from semspace.scale.manifest import read_manifest
    from semspace.scale.storage import Storage

    texts, storage = write_texts(tmp_path / "texts", 1, 5), Storage(str(tmp_path / "out"))
    scale.encode(texts, tmp_path / "out", model, progress=False)
    [task] = read_manifest(storage).tasks(storage)
    task.settings["encoding"]["encoder"] = "0" * 64
    (tmp_path / "out" / "done" / f"{task.key}.json").unlink()
    outcome = client.submit(run_on_worker, task, None, pure=False).result()
    assert outcome.record is None
    assert "on this worker differs from the one that the job began with" in outcome.error


def test_where_no_cluster_is(tmp_path, model):
    texts = write_texts(tmp_path / "texts", 1, 5)
    quick = pytest.importorskip("dask").config.set({"distributed.comm.timeouts.connect": "200ms"})
    with quick, pytest.raises(ServerError, match=r"no Dask scheduler answers at 'tcp://127.0.0.1:1'"):
        scale.encode(texts, tmp_path / "out", model, client="tcp://127.0.0.1:1", progress=False)
    assert not (tmp_path / "out").exists()


def test_a_cluster_or_a_closed_client_is_one_sentence(tmp_path, model, client):
    texts = write_texts(tmp_path / "texts", 1, 5)
    with pytest.raises(InputError, match=r"got LocalCluster: for a cluster, give distributed.Client\(cluster\)$"):
        scale.encode(texts, tmp_path / "out", model, client=client.cluster, progress=False)
    with distributed.Client(client.scheduler.address, set_as_default=False) as closed:
        pass
    with pytest.raises(InputError, match="is closed; give an open one"):
        scale.encode(texts, tmp_path / "out", model, client=closed, progress=False)
    assert not (tmp_path / "out").exists()


def test_the_memory_of_this_process_is_no_place_for_a_cluster(tmp_path, model, client):
    texts = write_texts(tmp_path / "texts", 1, 5)
    with pytest.raises(InputError, match="in the memory of this process"):
        scale.encode(texts, "memory://out", model, client=client)


def test_a_cluster_without_workers_is_told(tmp_path, model, capsys):
    texts, out = write_texts(tmp_path / "texts", 1, 5), tmp_path / "out"
    with distributed.LocalCluster(
        n_workers=0, threads_per_worker=1, host="127.0.0.1", dashboard_address="127.0.0.1:0", silence_logs=50
    ) as cluster:

        def start():
            while not (out / "job.json").exists() or "no workers" not in told:
                time.sleep(0.02)
                told.extend([part for part in ["no workers"] if part in capsys.readouterr().err])
            cluster.scale(1)

        told = []
        helper = threading.Thread(target=start)
        helper.start()
        assert scale.encode(texts, out, model, client=cluster.scheduler_address, progress=False).is_complete
        helper.join()
    assert told


def wait_for_two(client):
    """Wait for two workers; a nanny whose worker dies while it starts gives up, so that another is needed."""
    while True:
        try:
            return client.wait_for_workers(2, timeout=20)
        except TimeoutError:
            client.cluster.scale(len(client.cluster.worker_spec) + 1)


@needs_sigkill
def test_workers_that_are_killed_cost_their_shards_only(tmp_path, model, client):
    texts, draw = write_texts(tmp_path / "texts", 8, 1_000), random.Random(0)
    expected, killed = one_machine(model, texts), 0

    def processes():
        """Those of workers that have started: a nanny whose worker dies before gives up."""
        nannies = [nanny for nanny in list(client.cluster.workers.values()) if nanny.process is not None]
        return [nanny.process.pid for nanny in nannies if nanny.worker_address in client.cluster.scheduler.workers]

    for round_ in range(ROUNDS or 20):
        if killed and not ROUNDS:
            break
        out = tmp_path / f"out{round_}"  # a quick machine may have done all before the first is to be killed
        wait_for_two(client)
        with killing(out, processes, draw) as before:
            assert scale.encode(texts, out, model, client=client, progress=False).is_complete
        check_killed(out, expected, 8, before)
        killed += len(before)
    assert killed >= (ROUNDS or 1)
    print(f"killed {killed} workers")


@needs_sigkill
def test_a_shard_whose_workers_die_each_time_is_given_up(tmp_path, model, client, monkeypatch):
    texts = write_texts(tmp_path / "texts", 3, 20)
    (texts / "part-001.parquet").write_bytes(b"deadly")
    monkeypatch.setattr(on_dask, "run_on_worker", deadly)
    with pytest.raises(scale.ShardsFailedError, match=r"part-001.parquet: each worker that began it died") as told:
        scale.encode(texts, tmp_path / "out", model, client=client, progress=False)
    assert told.value.job.n_done == 2


def test_a_result_that_dies_with_its_worker_is_an_outcome():
    class Lost:
        """A future as after the work was done: its worker died before its result was fetched, and so did others."""

        def exception(self):
            return None

        def result(self):
            raise distributed.scheduler.KilledWorker("task", None, 3)

    assert on_dask._outcome(Lost(), "key") == Outcome("key", None, DIED)


def test_a_client_that_came_to_nothing_is_closed(tmp_path):
    """Otherwise distributed waits for it for a minute when the process ends, and says so."""
    write_model(tmp_path / "m")
    (tmp_path / "a.csv").write_text("id,text\n1,cat\n")
    code = "import semspace.scale as scale, sys; scale.encode('a.csv', 'out', 'm', client='head', progress=False)"
    ended = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert "ServerError: no Dask scheduler answers at 'head'" in ended.stderr
    assert "Exception ignored" not in ended.stderr
