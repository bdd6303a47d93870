"""Which instructions kernels are compiled for, and how that is narrowed."""

import os
import pickle
import subprocess
import sys

import pytest
from numba.core import codegen, config

from semspace.errors import InputError
from semspace.kernels import compiling
from semspace.kernels.levels import ProcessorLevel, all_levels, level_for, level_named

HOST = compiling._table(codegen.get_host_cpu_features())
HERE = compiling.levels()
VECTORS = """
import numpy as np
from semspace.kernels.compiling import compiled, features

@compiled
def total(numbers):
    found = np.float32(0)
    for i in range(len(numbers)):
        found += numbers[i] * numbers[i]
    return found
"""
TELL = """
import numpy as np, vectors
assert vectors.total(np.ones(100, np.float32)) == 100
code = next(iter(vectors.total.inspect_asm().values()))  # only where it was compiled just now
hits = sum(vectors.total.stats.cache_hits.values())
print(bool(vectors.features().get("avx2")), hits, hits or "ymm" in code or "zmm" in code)
"""


def run(code, folder=None, **variables):
    """Run code in a process of its own, which is told no level but in `variables`."""
    kept = {name: value for name, value in os.environ.items() if name not in (compiling.VARIABLE, *compiling._NUMBA)}
    path = os.pathsep.join(filter(None, [str(folder or ""), os.environ.get("PYTHONPATH", "")]))
    environment = {**kept, "PYTHONPATH": path, **variables}
    return subprocess.run([sys.executable, *code], capture_output=True, text=True, env=environment, check=False)


def test_levels_share_a_cache_and_take_only_their_own(tmp_path):
    (tmp_path / "vectors.py").write_text(VECTORS)
    wide = bool(HOST.get("avx2"))
    levels = {"": wide, **{level: wide and level != "generic" for level in HERE}}
    for again in (False, True):
        for level, expected in levels.items():
            settings = {compiling.VARIABLE: level, "NUMBA_CACHE_DIR": str(tmp_path)}
            told = run(["-c", TELL], tmp_path, **settings)
            assert not told.returncode, told.stderr
            # The highest level is chosen by default, and is what "avx512" means.
            there = again or bool(level and level_for(level, HOST).name == HERE[-1])
            assert told.stdout.split() == [str(expected), str(int(there)), "1" if there else str(expected)], level


def test_what_numba_was_told_is_kept(tmp_path):
    (tmp_path / "vectors.py").write_text(VECTORS)
    told = run(["-c", TELL], tmp_path, NUMBA_CPU_NAME="generic", NUMBA_CACHE_DIR=str(tmp_path))
    assert told.stdout.split() == ["False", "0", "False"], told.stderr


@pytest.mark.parametrize(
    ("variables", "sentence"),
    [
        (
            {"SEMSPACE_CPU": "sse9"},
            "SEMSPACE_CPU must be one of generic, avx2, avxvnni, avx512, avx512vnni, avx512bf16, dotprod, or not",
        ),
        ({"SEMSPACE_CPU": "generic", "NUMBA_CPU_NAME": "haswell"}, "unset one of them"),
    ],
)
def test_what_cannot_be_is_refused_in_a_sentence(variables, sentence, tmp_path):
    (tmp_path / "text.txt").write_text("a b a b\n" * 50)
    command = ["train", "word2vec", str(tmp_path / "text.txt"), "--out", str(tmp_path / "w.space"), "--min-count", "1"]
    told = run(["-m", "semspace", *command], **variables)
    assert told.returncode == 2
    assert sentence in told.stderr
    assert len(told.stderr.strip().splitlines()) == 1
    assert not (tmp_path / "w.space").exists()


@pytest.mark.skipif(all_levels()[-1].name != "avx512bf16", reason="levels of x86-64")
def test_instructions_that_are_not_there_are_refused_by_name(monkeypatch):
    monkeypatch.delenv("NUMBA_CPU_NAME", raising=False)
    monkeypatch.delenv("NUMBA_CPU_FEATURES", raising=False)
    monkeypatch.setattr(codegen, "get_host_cpu_features", lambda: "+sse2,-avx2,-avx512f")
    with pytest.raises(InputError, match=r"lacks \(avx2, bmi, .*\); here it can be generic, or not set"):
        compiling._requested_level("avx2")
    v3 = level_named("avx2").features
    monkeypatch.setattr(codegen, "get_host_cpu_features", lambda: f"{v3},+avx512f,+avx512vl")
    with pytest.raises(InputError, match=r"\(avx512bw, avx512cd, avx512dq\); here it can be generic or avx2, or not"):
        compiling._requested_level("avx512")
    with pytest.raises(InputError, match=r"\(dotprod\); here it can be"):
        compiling._requested_level("dotprod")


def test_a_level_that_comes_too_late_is_refused_if_it_was_asked_for(monkeypatch):
    compiling.features()  # the compiler is made now, if it hasn't been
    before = config.CPU_NAME, config.CPU_FEATURES
    other = ProcessorLevel("other", ("sse9",), "other")
    with pytest.raises(InputError, match="comes too late"):
        compiling._compile_for(other, required=True)
    compiling._compile_for(other, required=False)
    assert before == (config.CPU_NAME, config.CPU_FEATURES)


LATE = """
import numba
import numpy as np
numba.njit(lambda x: x + 1)(1)  # another library's function
import vectors
from semspace.kernels import compiling
print(compiling.LEVEL.name, compiling.features() == dict.fromkeys(compiling.LEVEL.needs, True))
assert vectors.total(np.ones(100, np.float32)) == 100
"""


def test_a_library_that_has_compiled_before_changes_no_way_that_kernels_take(tmp_path):
    (tmp_path / "vectors.py").write_text(VECTORS)
    told = run(["-c", LATE], tmp_path, NUMBA_CACHE_DIR=str(tmp_path))
    assert told.stdout.split() == [HERE[-1], "True"], told.stderr


def test_features_are_those_of_the_level():
    if any(name in os.environ for name in compiling._NUMBA):
        assert compiling.LEVEL is None
        return
    assert level_for(compiling.level(), HOST) == compiling.LEVEL
    assert compiling.features() == dict.fromkeys(compiling.LEVEL.needs, True)


def test_features_of_the_processor_that_a_level_excludes_are_said(monkeypatch):
    monkeypatch.setattr(codegen, "get_host_cpu_features", lambda: "+avx2,+avx512f")
    monkeypatch.setenv(compiling.VARIABLE, "avx2")
    assert compiling.missing_instructions(["avx512f"]) == "SEMSPACE_CPU=avx2 excludes avx512f"
    assert compiling.missing_instructions(["avx512f", "amx-int8"]) == "this processor has no avx512f and amx-int8"
    monkeypatch.delenv(compiling.VARIABLE)
    assert compiling.missing_instructions(["avx512f"]) == "this processor has no avx512f"


def test_all_kernels_are_compiled_in_one_place():
    from tests.test_architecture import room_files

    found = [
        f"{module}: {name}"
        for path, module in room_files()
        if module not in ("semspace.kernels.compiling", "semspace.kernels.code_cache")
        for name in ("njit", "numba.jit", "intrinsic(")
        if name in path.read_text(encoding="utf-8")
    ]
    assert not found


def test_code_kept_by_a_version_with_other_modules_is_replaced(tmp_path):
    """What it names can't be imported any more: it is compiled again, and kept, without a warning."""
    script = tmp_path / "kernel.py"
    script.write_text(
        "from semspace.kernels.code_cache import compile_cached\n\n\ndef double(x):\n    return 2 * x\n\n\n"
        "double = compile_cached(double)\nassert double(2) == 4\nprint(sum(double.stats.cache_hits.values()))\n"
    )
    run = [sys.executable, "-W", "error", str(script)]
    options = {"env": {**os.environ, "NUMBA_CACHE_DIR": str(tmp_path / "kept")}, "capture_output": True, "text": True}
    assert subprocess.run(run, check=True, **options).stdout == "0\n"
    (index,) = (tmp_path / "kept").rglob("*.nbi")
    sound = index.read_bytes()
    gone = b"csemspace.a_module_of_before\nKernel\n."  # what a class of a module that was renamed leaves there
    version = pickle.dumps(pickle.loads(sound))
    index.write_bytes(version + gone)
    assert subprocess.run(run, check=True, **options).stdout == "0\n"
    assert subprocess.run(run, check=True, **options).stdout == "1\n"
