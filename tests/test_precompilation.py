"""Kernels that are compiled say so once, and `warmup` compiles them beforehand."""

import doctest
import re
import sys
import time
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace

import numba
import pytest
from numba.core import event

import semspace as ss
from semspace import logs, precompilation
from semspace.errors import InputError
from semspace.kernels import code_cache, first_call
from semspace.kernels.signatures import KernelCall, read_calls

SAID = "compiling kernels for this processor, once: this may take a minute (semspace warmup does it beforehand)\n"


def kernel(module):
    def add_one(number):
        return number + 1

    add_one.__module__ = module
    return SimpleNamespace(data={"dispatcher": SimpleNamespace(py_func=add_one)})


def compile_for(notice, seconds, module="semspace.inference.forward", inner=0):
    event = kernel(module)
    for _ in range(inner + 1):
        notice.on_start(event)
    time.sleep(seconds)
    for _ in range(inner + 1):
        notice.on_end(event)


def test_a_long_compilation_is_said_once(capsys):
    notice = first_call.CompilationNotice(patience=0.05)
    compile_for(notice, 0.3, inner=2)
    assert capsys.readouterr().err == SAID
    compile_for(notice, 0.3)
    assert capsys.readouterr().err == ""


def test_short_compilations_are_said_when_they_sum_up(capsys):
    notice = first_call.CompilationNotice(patience=0.5)
    compile_for(notice, 0.3)
    assert capsys.readouterr().err == ""
    compile_for(notice, 0.4)
    assert capsys.readouterr().err == SAID


def test_what_is_over_at_once_or_belongs_to_others_is_not_said(capsys):
    notice = first_call.CompilationNotice(patience=0.2)
    compile_for(notice, 0)
    compile_for(notice, 0.4, module="umap.layouts")
    compile_for(notice, 0, inner=3)
    time.sleep(0.4)
    assert capsys.readouterr().err == ""


def test_the_level_of_the_logger_turns_the_notice_off(capsys):
    with logs.verbosity(quiet=True):
        compile_for(first_call.CompilationNotice(patience=0.05), 0.3)
    assert capsys.readouterr().err == ""


def test_numba_tells_of_what_it_compiles_and_not_of_what_it_loads(monkeypatch, tmp_path):
    seen = []
    monkeypatch.setattr(first_call._NOTICE, "was_said", False)
    monkeypatch.setattr(first_call, "_is_ours", lambda event: seen.append(event.data["dispatcher"].__name__))
    monkeypatch.setattr(numba.core.config, "CACHE_DIR", str(tmp_path))

    def twice(number):
        return 2 * number

    code_cache.compile_cached(twice)(3)
    assert set(seen) == {"twice"}
    seen.clear()
    assert code_cache.compile_cached(twice)(3) == 6  # from the cache
    assert seen == []


def test_warmup_runs_every_kind_of_work(monkeypatch):
    with called_kernels() as calls:
        seconds = ss.warmup(progress=False)
    monkeypatch.setattr(ss, "warmup", lambda **_: seconds)  # what its example would say if it ran again
    assert doctest.testmod(precompilation) == (0, 2)
    assert set(seconds) == set(precompilation._STEPS)
    assert all(time > 0 for time in seconds.values())
    for name in (
        "inference.forward.encode",
        "index.search_kernel.search_graph", "index.search_kernel.scan_codes",
        "index.product_kernel.compare_panels", "index.product_kernel.compare_rows",
        "index.neighbor_selection.add_backlinks", "words.sharding._merge", "text.tokenize_kernel.scan_words",
        "text.phrase_kernel.npmi_scores", "words.subword_kernel.average_rows", "formats.vector_kernel.parse_lines",
        "evaluation.analogy_kernel.count_rivals", "similarity.screen_kernel.lower_bounds",
        "sentences.pool_kernel.pooled_means", "sentences.wordpiece_kernel.cut_words",
    ):  # fmt: skip
        module, _, function = f"semspace.{name}".rpartition(".")
        assert getattr(sys.modules[module], function).signatures, name
    listed = {(call.kernel, call.arguments) for call in read_calls()}
    assert calls <= listed, "run `make signatures`, so that wheels have the code of these calls"


@contextmanager
def called_kernels():
    """Give the set of the calls that Python makes: those during which nothing else is compiled."""
    calls, depth, load = set(), [], code_cache.CodeCache.load_overload

    class Depth(event.Listener):
        def on_start(self, _):
            depth.append(1)

        def on_end(self, _):
            depth.pop()

    def noticed(self, signature, context):
        if not depth and self._function.__module__.startswith("semspace."):
            call = KernelCall.of(self.kernel, signature)
            calls.add((call.kernel, call.arguments))
        return load(self, signature, context)

    with event.install_listener("numba:compile", Depth()), pytest.MonkeyPatch.context() as patch:
        patch.setattr(code_cache.CodeCache, "load_overload", noticed)
        yield calls


def test_loaded_code_needs_nothing_that_only_the_compiler_adds():
    """`load_overload` leaves out what registers these symbols; code that refers to one would end the process."""
    caches = {Path(dispatcher._cache.cache_path) for dispatcher in dispatchers() if dispatcher._cache.cache_path}
    codes = {path.name: path.read_bytes() for folder in caches for path in folder.glob("*.nbc")}
    installed = code_cache._STORE
    if installed:
        codes |= {key: installed.get(key, stamp) or b"" for key, (*_, stamp) in installed.entries.items()}
    assert len(codes) > 50
    assert not [name for name, code in codes.items() if re.search(rb"_numba_hashsecret|numba_parallel_for", code)]


def dispatchers():
    modules = [module for name, module in sys.modules.items() if name.startswith("semspace.")]
    values = [value for module in modules for value in vars(module).values()]
    return [value for value in values if hasattr(value, "_cache") and hasattr(value, "py_func")]


def test_warmup_loads_a_model_too(tiny_folder, monkeypatch):
    done = []
    monkeypatch.setattr(precompilation, "_STEPS", {"a step": done.append})
    assert list(ss.warmup(tiny_folder, progress=False)) == [str(tiny_folder), "a step"]
    assert len(done) == 1


def test_a_model_that_is_not_there_is_said_first(tmp_path):
    with pytest.raises(InputError, match="no model"):
        ss.warmup("no-such-model-anywhere", progress=False)
    with pytest.raises(InputError, match="progress must be"):
        ss.warmup(progress=3)
