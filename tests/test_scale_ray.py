"""Shards on a cluster of Ray: workers on this machine, which are killed at random moments."""

import random

import pytest

import semspace.scale as scale
from semspace.errors import InputError
from semspace.scale.executors import on_ray
from tests.killed import needs_sigkill
from tests.scaled import ROUNDS, check_killed, deadly, killing, one_machine, same, write_model, write_texts, written

psutil = pytest.importorskip("psutil")
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


def at_work():
    """The processes that are working on a shard."""
    children = psutil.Process().children(recursive=True)
    return [child.pid for child in children if _name(child).startswith("ray::run_shard")]


def _name(process):
    try:
        return " ".join(process.cmdline())
    except psutil.Error:
        return ""


@needs_sigkill
def test_workers_that_are_killed_cost_their_shards_only(tmp_path, model, cluster):
    texts, draw = write_texts(tmp_path / "texts", 8, 1_000), random.Random(0)
    expected, killed = one_machine(model, texts), 0
    for round_ in range(ROUNDS or 20):
        if killed and not ROUNDS:
            break
        out = tmp_path / f"out{round_}"  # a quick machine may have done all before the first is to be killed
        with killing(out, at_work, draw) as before:
            assert scale.encode(texts, out, model, client="ray", progress=False).is_complete
        check_killed(out, expected, 8, before)
        killed += len(before)
    assert killed >= (ROUNDS or 1)
    print(f"killed {killed} workers")


@needs_sigkill
def test_a_shard_whose_workers_die_each_time_is_given_up(tmp_path, model, cluster, monkeypatch):
    texts = write_texts(tmp_path / "texts", 3, 20)
    (texts / "part-001.parquet").write_bytes(b"deadly")
    monkeypatch.setattr(on_ray, "run_shard", deadly)
    with pytest.raises(scale.ShardsFailedError, match=r"part-001.parquet: each worker that began it died") as told:
        scale.encode(texts, tmp_path / "out", model, client="ray", progress=False)
    assert told.value.job.n_done == 2


def test_a_shard_that_no_node_has_the_processors_for_is_told(tmp_path, model, cluster):
    texts = write_texts(tmp_path / "texts", 1, 5)
    with pytest.raises(InputError, match=r"threads=64 .* largest machine of the cluster has 2"):
        scale.encode(texts, tmp_path / "out", model, client="ray", threads=64, progress=False)
