"""Code that was compiled beforehand is used, and only where it fits; nothing is compiled then."""

import os
import struct
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from numba import types

from semspace.kernels import building, code_cache, code_store, sources
from semspace.kernels.code_store import Code
from semspace.kernels.levels import all_levels, level_for, level_named
from semspace.kernels.signatures import KernelCall, read_calls
from semspace.words.training_steps import NoiseDistribution

ROOT = Path(__file__).parent.parent
KERNEL = "semspace.sentences.pool_kernel:remove_direction"
COMPILE = """
import sys
from pathlib import Path
from semspace.kernels.building import compile_calls
from semspace.kernels.code_store import file_of, write_store
from semspace.kernels.levels import level_named
from semspace.kernels.signatures import read_calls
level, folder, kernel = sys.argv[1:]
codes = compile_calls([call for call in read_calls() if call.kernel == kernel])
write_store(file_of(level, Path(folder)), level_named(level), codes)
print(len(codes))
"""
USE = """
import sys
from pathlib import Path
import numpy as np
from numba.core import event
from semspace.kernels import code_store
code_store.FOLDER = Path(sys.argv[1])
compiled = []
class Listener(event.Listener):
    on_start = lambda self, event: compiled.append(event)
    on_end = lambda self, event: None
event.register("numba:compile", Listener())
from semspace.sentences.pool_kernel import remove_direction
rows = np.arange(12, dtype=np.float32).reshape(3, 4)
direction = np.array([1, 0, 0, 0], np.float32)
direction.setflags(write=False)
remove_direction(rows, direction)
assert (rows[:, 0] == 0).all() and (rows[:, 1] == [1, 5, 9]).all(), rows
print(len(compiled), sum(remove_direction._cache_hits.values()))
"""


def python(code, *arguments, **variables):
    """Run code in a process of its own, which finds no compiled code but what it is told of."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("SEMSPACE_", "NUMBA_"))}
    path = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH", "")]))
    environment = {**kept, "PYTHONPATH": path, **{name: str(value) for name, value in variables.items()}}
    done = subprocess.run(
        [sys.executable, "-c", code, *map(str, arguments)], capture_output=True, text=True, env=environment, check=False
    )
    assert not done.returncode, done.stderr
    return done.stdout.split()


@pytest.fixture(scope="module")
def compiled(tmp_path_factory):
    """The code of one kernel, for the lowest level, which every processor of the kind has."""
    folder = tmp_path_factory.mktemp("compiled")
    assert python(COMPILE, "generic", folder, KERNEL, SEMSPACE_COMPILE_FOR="generic") == ["1"]
    return folder


def test_code_compiled_beforehand_is_used_and_nothing_is_written(compiled, tmp_path):
    cache = tmp_path / "none"
    assert python(USE, compiled, SEMSPACE_CPU="generic", NUMBA_CACHE_DIR=cache) == ["0", "1"]
    assert not cache.exists()


def test_it_can_be_turned_off(compiled, tmp_path):
    told = {"SEMSPACE_CPU": "generic", "NUMBA_CACHE_DIR": tmp_path}
    n_compiled, hits = python(USE, compiled, SEMSPACE_COMPILED_CODE="off", **told)
    assert (int(n_compiled) > 0, hits) == (True, "0")
    assert list(tmp_path.rglob("*.nbc"))


def damaged_header(data):
    return data[:100] + bytes([data[100] ^ 1]) + data[101:]


def damaged_code(data):
    return data[:-100] + bytes([data[-100] ^ 1]) + data[-99:]


def endless_header(data):
    return data[: len(code_store._MAGIC)] + struct.pack("<Q", 1 << 62) + data[len(code_store._MAGIC) + 8 :]


@pytest.mark.parametrize(
    "change",
    [damaged_header, damaged_code, endless_header, lambda data: b"", lambda data: b"GIF89a" * 99],
    ids=["header", "code", "endless", "empty", "foreign"],
)
def test_damaged_and_foreign_files_are_as_good_as_none(compiled, tmp_path, change):
    (sound,) = compiled.iterdir()
    (tmp_path / sound.name).write_bytes(change(sound.read_bytes()))
    generic = level_named("generic")
    store = code_store.open_store(tmp_path / sound.name, generic)
    (key,) = code_store.open_store(sound, generic).entries
    assert store is None or store.get(key, store.entries[key][3]) is None


def test_a_damaged_file_only_means_that_code_is_compiled(compiled, tmp_path):
    (sound,) = compiled.iterdir()
    (tmp_path / sound.name).write_bytes(damaged_code(sound.read_bytes()))
    n_compiled, hits = python(USE, tmp_path, SEMSPACE_CPU="generic", NUMBA_CACHE_DIR=tmp_path / "cache")
    assert (int(n_compiled) > 0, hits) == (True, "0")


def test_code_that_cannot_be_unpickled_here_is_compiled(tmp_path):
    """As that of a numba whose classes have other names, though its version is the same."""
    (call,) = (call for call in read_calls() if call.kernel == KERNEL)
    stamp = sources.stamp(str(ROOT / "semspace" / "sentences" / "pool_kernel.py"))
    for pickled in (b"cnumba.core.gone\nNothing\n.", b"\x80\x04N."):
        codes = {code_store.key_of(KERNEL, call.signature()): Code(stamp, pickled)}
        code_store.write_store(code_store.file_of("generic", tmp_path), level_named("generic"), codes)
        n_compiled, hits = python(USE, tmp_path, SEMSPACE_CPU="generic", NUMBA_CACHE_DIR=tmp_path / pickled.hex())
        assert (int(n_compiled) > 0, hits) == (True, "0")


def test_code_of_other_sources_or_another_level_is_not_given(compiled):
    (sound,) = compiled.iterdir()
    store = code_store.open_store(sound, level_named("generic"))
    ((key, (_, _, _, stamp)),) = store.entries.items()
    assert store.get(key, stamp)
    assert store.get(key, "of another version") is None
    assert store.get("another key", stamp) is None
    other = level_named("generic")._replace(needs=("sse9",))
    assert code_store.open_store(sound, other) is None
    assert code_store.open_store(sound.with_name("nothing"), other) is None


@pytest.mark.skipif(all_levels()[-1].name != "avx512bf16", reason="levels of x86-64")
def test_code_is_compiled_for_levels_that_this_processor_lacks(tmp_path):
    """It has the instructions of the level, and the kernels take the ways of the level."""
    tell = (
        "from semspace.kernels import byte_products, compiling, simd; from semspace.inference import gemm\n"
        "from semspace.words.sharding import _copy; from semspace.kernels.signatures import read_calls\n"
        "call = next(call for call in read_calls() if call.kernel.endswith('sharding:_copy'))\n"
        "_copy.compile(call.signature())\n"
        "code = ''.join(_copy.inspect_asm().values())\n"
        "print(byte_products.HAS_DOT, simd.HAS_BFLOAT16, gemm.VECTORS, 'zmm' in code or 'ymm' in code)"
    )
    off = {code_cache.STORE_VARIABLE: "off"}  # what is installed may be of one of these levels
    assert python(tell, SEMSPACE_COMPILE_FOR="avx512bf16", **off) == ["True", "True", "4", "True"]
    assert python(tell, SEMSPACE_COMPILE_FOR="generic", **off) == ["False", "False", "1", "False"]


# -- levels -----------------------------------------------------------------------------------------------------------


@pytest.mark.skipif(all_levels()[-1].name != "avx512bf16", reason="levels of x86-64")
def test_a_processor_gets_the_highest_level_that_it_has():
    def host(*names):
        return dict.fromkeys({feature for name in names for feature in level_named(name).needs}, True)

    assert level_for("", {}).name == "generic"
    assert level_for("", host("avx2")).name == "avx2"
    assert level_for("", host("avxvnni")).name == "avxvnni"
    assert level_for("", host("avxvnni", "avx512bf16")).name == "avx512bf16"
    assert level_for("avx512", host("avx512")).name == "avx512"
    assert level_for("avx512", host("avx512vnni")).name == "avx512vnni"
    assert level_for("avx2", host("avx512vnni")).name == "avx2"
    assert level_for("avx512", host("avxvnni")) is None
    assert level_for("avxvnni", host("avx2")) is None


# -- the list of calls ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "kind",
    [
        types.int64, types.float32, types.uint8, types.boolean, types.none,
        types.Array(types.float32, 2, "C"), types.Array(types.boolean, 1, "A", readonly=True, aligned=False),
        types.UniTuple(types.int64, 3), types.Tuple((types.int64, types.float64)),
        types.NamedTuple((types.Array(types.uint64, 1, "C"), types.int64, types.int64), NoiseDistribution),
    ],
)  # fmt: skip
def test_types_are_read_as_they_were_written(kind):
    call = KernelCall.of("module:kernel", (kind, types.int32))
    assert call.signature() == (kind, types.int32)


def test_what_cannot_be_written_is_refused():
    with pytest.raises(TypeError, match="a kernel was called with unicode_type"):
        KernelCall.of("module:kernel", (types.unicode_type,))


def test_listed_calls_are_of_kernels_that_there_are():
    calls = read_calls()
    assert len(calls) > 50
    for call in calls:
        assert call.function()._cache.kernel == call.kernel
        assert KernelCall.of(call.kernel, call.signature(), call.needs) == call
        assert len(call.signature()) == call.function().py_func.__code__.co_argcount


def test_each_call_of_a_level_is_in_one_piece():
    for level in all_levels():
        calls = building.calls_of(level.name)
        assert set(calls) == {call for call in read_calls() if set(call.needs) <= set(level.needs)}
        parts = building.pieces(calls, 3)
        assert sorted(call for part in parts for call in part) == sorted(calls)
        assert len(parts) == 3
        assert len(building.pieces(calls, 1)) == 1
    assert building.pieces([], 2) == []


def test_what_is_compiled_already_is_kept(compiled):
    """The fixture's only call is there; a list of that call leaves nothing to do."""
    (call,) = (call for call in read_calls() if call.kernel == KERNEL)
    kept = building._kept(code_store.file_of("generic", compiled), "generic", [call, replace(call, kernel="a.b:c")])
    assert list(kept) == [code_store.key_of(KERNEL, call.signature())]
    assert kept[building._key(call)].stamp == building._stamp(call)


# -- stamps -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("file", "matters"),
    [("inference/gemm.py", True), ("kernels/simd.py", True), ("inference/model.py", True), ("progress.py", False)],
)
def test_a_stamp_covers_all_that_a_kernel_is_compiled_from(monkeypatch, file, matters):
    kernel, changed = (ROOT / "semspace" / name for name in ("inference/forward.py", file))
    before, read = sources.stamp(str(kernel)), sources._source
    sources.stamp.cache_clear()
    monkeypatch.setattr(sources, "_source", lambda path: read(path) + (b"#" if path == changed else b""))
    assert (sources.stamp(str(kernel)) != before) == matters
    sources.stamp.cache_clear()


def test_line_ends_are_the_same_on_all_systems(tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    (tmp_path / "a" / "kernel.py").write_bytes(b"x = 1\ny = 2\n")
    (tmp_path / "b" / "kernel.py").write_bytes(b"x = 1\r\ny = 2\r\n")
    assert len({sources.stamp(str(tmp_path / folder / "kernel.py")) for folder in "ab"}) == 1
    assert sources.stamp(str(tmp_path / "gone.py")) == ""


def test_levels_are_asked_for_by_name():
    assert building.named_levels("none") == []
    assert building.named_levels("all") == [level.name for level in all_levels()]
    assert building.named_levels("generic") == ["generic"]
    assert set(building.named_levels("native")) <= set(building.named_levels("all"))
    with pytest.raises(ValueError, match=r"levels must be native, all, none or some of generic, .*; got 'sse9'"):
        building.named_levels("generic,sse9")


def test_files_of_another_python_are_left_alone(tmp_path):
    ours = code_store.file_of("generic", tmp_path)
    old = ours.with_name(ours.name.replace("numba-", "numba-0."))
    other = ours.with_name(ours.name.replace("cpython-3", "cpython-4"))
    for path in (ours, old, other):
        path.write_bytes(b"")
    assert building.old_files(tmp_path) == [old]
