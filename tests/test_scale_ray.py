"""Shards on a cluster of Ray: workers on this machine, one of which is killed."""

import os
import signal
import threading
import time

import pytest

import semspace.scale as scale
from tests.killed import needs_sigkill
from tests.scaled import ROUNDS, one_machine, same, write_model, write_texts, written

ray = pytest.importorskip("ray", reason="no ray: pip install 'semspace[ray]'")
pytestmark = pytest.mark.filterwarnings("ignore")  # of Ray, about ports and what it will call its options


@pytest.fixture(scope="module")
def cluster():
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RAY_USAGE_STATS_ENABLED", "0")
        ray.init(
            num_cpus=2, include_dashboard=False, log_to_driver=False, logging_level="ERROR",
            _node_ip_address="127.0.0.1", object_store_memory=80_000_000,
        )  # fmt: skip
        yield
        ray.shutdown()


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return str(write_model(tmp_path_factory.mktemp("scale") / "model"))


def test_a_cluster_gives_what_one_machine_gives(tmp_path, model, cluster):
    texts = write_texts(tmp_path / "texts", 4, 20)
    (texts / "part-004.parquet").write_bytes(b"not parquet")
    with pytest.raises(scale.ShardsFailedError, match=r"1 of 5 shards failed; the first is part-004.parquet: ") as told:
        scale.encode(texts, tmp_path / "out", model, client="ray", progress=False)
    assert told.value.job.n_done == 4
    before = written(tmp_path / "out")
    (write_texts(tmp_path / "more", 5, 20) / "part-004.parquet").replace(texts / "part-004.parquet")
    assert scale.encode(texts, tmp_path / "out", model, client="ray", progress=False).is_complete
    same(scale.read_space(tmp_path / "out", progress=False), one_machine(model, texts))
    assert before.items() <= written(tmp_path / "out").items()
    assert ray.is_initialized()  # a connection that was there stays open


@needs_sigkill
def test_workers_that_are_killed_cost_their_shards_only(tmp_path, model, cluster):
    texts = write_texts(tmp_path / "texts", 8, 1_000)
    expected, killed = one_machine(model, texts), 0

    @ray.remote
    def pid():
        time.sleep(0.2)
        return os.getpid()

    for round_ in range(ROUNDS or 1):
        out, over, finished = tmp_path / f"out{round_}", threading.Event(), []
        workers = sorted(set(ray.get([pid.remote() for _ in range(2)])))

        def kill(out=out, over=over, finished=finished, workers=workers, wait=1 + round_ % 5):
            while len(written(out)) < wait and not over.is_set():
                time.sleep(0.005)
            if not over.is_set():
                finished.append(written(out))
                os.kill(workers[wait % len(workers)], signal.SIGKILL)

        killer = threading.Thread(target=kill)
        killer.start()
        try:
            assert scale.encode(texts, out, model, client="ray", progress=False).is_complete
        finally:
            over.set()
            killer.join()
        for before in finished:
            killed += 1
            assert before.items() <= written(out).items()  # what was finished isn't done again
        same(scale.read_space(out, progress=False), expected)
    assert killed
