"""How many threads work: the cores that a process may run on, and what its control groups allow."""

import os
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context

import pytest
from threadpoolctl import threadpool_info, threadpool_limits

import semspace as ss
from semspace import threads
from semspace.errors import InputError
from semspace.threads import thread_count

V2 = "36 25 0:31 {root} {place} rw,nosuid - cgroup2 cgroup2 rw,nsdelegate\n"
V1 = "33 31 0:29 {root} {place} rw,relatime - cgroup cgroup rw,{controllers}\n"
OTHER = "24 30 0:22 / /proc rw,nosuid - proc proc rw\n"


@pytest.fixture(autouse=True)
def _fresh():
    threads._quota.cache_clear()
    yield
    threads._quota.cache_clear()


@pytest.fixture
def cores(monkeypatch):
    """Set how many cores the process may run on."""

    def pinned(count):
        monkeypatch.setattr(os, "sched_getaffinity", lambda _pid: set(range(count)), raising=False)
        monkeypatch.setattr(os, "process_cpu_count", lambda: count, raising=False)

    pinned(64)
    return pinned


@pytest.fixture
def groups(monkeypatch, tmp_path):
    """Write the files of control groups: what is mounted, which group is ours, and what each group allows."""
    process, place = tmp_path / "self", tmp_path / "cg roup"
    process.mkdir()
    monkeypatch.setattr(threads, "_PROCESS", process)

    def write(mount, own, allowed, root="/", controllers="cpu,cpuacct"):
        escaped = str(place).replace(" ", "\\040")
        line = mount.format(root=root, place=escaped, controllers=controllers)
        (process / "mountinfo").write_text(OTHER + line)
        (process / "cgroup").write_text(own)
        for folder, files in allowed.items():
            (place / folder).mkdir(parents=True, exist_ok=True)
            for name, text in files.items():
                (place / folder / name).write_text(text)
        threads._quota.cache_clear()

    return write


def v1(quota, period=100_000):
    return {"cpu.cfs_quota_us": f"{quota}\n", "cpu.cfs_period_us": f"{period}\n"}


def v2(text):
    return {"cpu.max": text + "\n"}


def test_without_control_groups_the_affinity_counts(cores, groups):
    for count in (1, 3, 64):
        cores(count)
        assert thread_count() == count


@pytest.mark.parametrize(
    ("text", "expected"),
    [("max 100000", 64), ("200000 100000", 2), ("150000 100000", 2), ("10000 100000", 1), ("100000 20000", 5)],
)
def test_a_quota_is_rounded_up(cores, groups, text, expected):
    groups(V2, "0::/\n", {".": v2(text)})
    assert thread_count() == expected


def test_the_smaller_of_affinity_and_quota_counts(cores, groups):
    groups(V2, "0::/\n", {".": v2("800000 100000")})
    assert thread_count() == 8
    cores(3)
    assert thread_count() == 3


def test_the_strictest_group_around_a_process_counts(cores, groups):
    groups(V2, "0::/pod/box/app\n", {"pod": v2("300000 100000"), "pod/box": v2("max 100000"), "pod/box/app": {}})
    assert thread_count() == 3
    groups(V2, "0::/pod/box/app\n", {"pod/box/app": v2("200000 100000"), "pod/beside": v2("100000 100000")})
    assert thread_count() == 2  # what another group may do is not ours


def test_the_first_version_of_control_groups(cores, groups):
    own = "5:memory:/docker/a1\n4:cpu,cpuacct:/docker/a1\n0::/docker/a1\n"
    groups(V1, own, {"docker/a1": v1(-1), "docker": v1(450_000)})
    assert thread_count() == 5
    groups(V1, own, {"docker/a1": v1(-1), "docker": v1(-1)})
    assert thread_count() == 64


def test_a_mount_that_shows_only_the_own_group(cores, groups):
    """As a container sees it whose control groups have no name space: /docker/a1 is mounted, and named in full."""
    groups(V1, "4:cpu:/docker/a1\n", {".": v1(200_000)}, root="/docker/a1", controllers="cpu")
    assert thread_count() == 2
    groups(V1, "4:cpu:/docker/a1/job\n", {"job": v1(100_000)}, root="/docker/a1", controllers="cpu")
    assert thread_count() == 1
    groups(V2, "0::/../b7\n", {".": v2("300000 100000")})  # moved out of what it sees
    assert thread_count() == 3


def test_controllers_of_other_things_are_no_quota(cores, groups):
    groups(V1, "3:cpuset:/\n4:cpuacct:/\n", {".": v1(100_000)}, controllers="cpuset")
    assert thread_count() == 64


@pytest.mark.parametrize("text", ["", "many few", "100000", "100000 0", "-5 100000"])
def test_a_file_that_nobody_understands_limits_nothing(cores, groups, text):
    groups(V2, "0::/\n", {".": v2(text)})
    assert thread_count() == 64


def test_threads_are_counted_when_they_are_needed(cores):
    trainer = ss.Word2Vec()
    for count in (3, 1, 2):
        cores(count)
        assert trainer._thread_count == min(count, thread_count())


@pytest.mark.skipif(shutil.which("taskset") is None, reason="this machine has no taskset")
def test_a_process_on_one_core_has_one_thread():
    code = (
        "import semspace as ss\n"
        "from semspace.threads import thread_count\n"
        "print(thread_count(), ss.Word2Vec()._thread_count)"
    )
    core = str(min(os.sched_getaffinity(0)))
    ran = subprocess.run(
        ["taskset", "-c", core, sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert ran.stdout.split() == ["1", "1"]


def test_torch_takes_no_more_and_has_its_own_number_again(cores):
    torch = pytest.importorskip("torch")
    before = torch.get_num_threads()
    cores(1)
    with threads.torch_threads():
        assert torch.get_num_threads() == 1
    with threads.torch_threads(2):
        assert torch.get_num_threads() == 2
    assert torch.get_num_threads() == before


def test_nothing_else_counts_the_cores():
    """One place knows how many threads to start; what counts for itself forgets affinity or quota."""
    from tests.test_architecture import room_files

    names = ("cpu_count", "sched_getaffinity", "parallel=True", "ThreadPoolExecutor()", "prange")
    found = [
        f"{module}: {name}"
        for path, module in room_files()
        if module != "semspace.threads"
        for name in names
        if name in path.read_text(encoding="utf-8")
    ]
    assert not found


# -- a limit ----------------------------------------------------------------------------------------------


def test_a_limit_holds_inside_and_ends(cores):
    with threads.limited(2):
        assert thread_count() == 2
        with threads.limited(8):  # a wider limit inside a narrow one changes nothing
            assert thread_count() == 2
        with threads.limited(1):
            assert thread_count() == 1
        assert thread_count() == 2
    assert thread_count() == 64
    with threads.limited(None):
        assert thread_count() == 64
    cores(2)
    with threads.limited(8):
        assert thread_count() == 2


def test_a_limit_ends_with_an_error(cores):
    with pytest.raises(KeyError), threads.limited(2):
        raise KeyError
    assert thread_count() == 64


@pytest.mark.parametrize("count", [0, -1, 1.5, True, "2", 1_025])
def test_a_limit_is_a_whole_number(count):
    with pytest.raises(InputError, match="threads must be a whole number from 1 to 1024"), threads.limited(count):
        pytest.fail("nothing may run")


def test_a_limit_is_of_this_context_alone(cores):
    with threads.limited(2), ThreadPoolExecutor(1) as other:
        assert other.submit(thread_count).result() == 64
        assert other.submit(copy_context().run, thread_count).result() == 2


def test_blas_and_openmp_are_limited_and_never_raised():
    def counts():
        return {(library["prefix"], library["filepath"]): library["num_threads"] for library in threadpool_info()}

    with threadpool_limits(2):
        before = counts()
        with threads.limited(1):
            assert set(counts().values()) == {1}
        assert counts() == before
        with threads.limited(1_000):
            assert counts() == before
    assert before


def test_torch_is_limited_and_never_raised():
    torch = pytest.importorskip("torch")
    before = torch.get_num_threads()
    with threads.torch_threads(1), threads.limited(4):
        assert torch.get_num_threads() == 1
    with threads.limited(1):
        assert torch.get_num_threads() == 1
    assert torch.get_num_threads() == before
