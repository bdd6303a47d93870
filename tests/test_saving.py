"""`save` and `load`: which module reads what, and that opening a value loads nothing that it doesn't use."""

import json
import subprocess
import sys
from importlib import import_module

import pytest

import semspace as ss
from semspace import registry
from semspace.bundle import create_bundle
from semspace.errors import DamagedError, InputError

HEAVY = {"sklearn", "scipy", "numba", "llvmlite", "torch", "transformers", "gensim", "networkit", "jinja2", "plotly"}
ROOMS = {"training", "index", "clusters", "comparison", "evaluation", "inference", "words", "formats", "corpora"}


def loaded_by(code, folder):
    """Return the modules that a new process has loaded at the end of `code`."""
    code = f"{code}\nimport sys, json\nsys.stderr.write('MODULES' + json.dumps(sorted(sys.modules)))"
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code], cwd=folder, capture_output=True, text=True, check=True
    )
    modules = json.loads(done.stderr.rpartition("MODULES")[2])
    rooms = {name.split(".")[1] for name in modules if name.startswith("semspace.")}
    return {name.partition(".")[0] for name in modules}, rooms


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("saved")
    space = ss.Space.from_vectors(["cat", "dog", "car"], [[1, 1], [1, 0.8], [-1, 1]])
    space.save(folder / "a.space")
    ss.Index.build(space, "exact").save(folder / "an.index")
    ss.Corpus.from_texts(["One text.", "Another text."]).save(folder / "a.corpus")
    return folder


@pytest.mark.parametrize(
    "code", ["import semspace.saving", "import semspace as ss; ss.load('a.space').most_similar('cat')"]
)
def test_opening_a_space_loads_nothing_else(folder, code):
    packages, rooms = loaded_by(code, folder)
    assert packages.isdisjoint(HEAVY)
    assert rooms.isdisjoint(ROOMS)


def test_a_saved_corpus_loads_nothing_heavy(folder):
    packages, rooms = loaded_by("import semspace as ss; ss.load('a.corpus')", folder)
    assert packages.isdisjoint(HEAVY)
    assert rooms.isdisjoint(ROOMS)


@pytest.mark.parametrize("arguments", [["similar", "a.space", "cat"], ["analogy", "a.space", "cat", "dog", "car"]])
def test_a_command_on_a_space_loads_nothing_that_it_does_not_use(folder, arguments):
    packages, rooms = loaded_by(f"from semspace.cli import main; assert main({arguments!r}) == 0", folder)
    assert packages.isdisjoint(HEAVY)
    assert rooms.isdisjoint(ROOMS | {"report", "demo"})


def test_help_loads_no_library_but_that_of_the_shell(folder):
    packages, rooms = loaded_by("from semspace.cli import main; assert main(['similar', '--help']) == 0", folder)
    assert packages.isdisjoint(HEAVY | {"polars", "numpy"})
    assert rooms.isdisjoint(ROOMS | {"report", "demo", "text"})


@pytest.mark.parametrize("arguments", [["search", "a.index", "--id", "cat"], ["delete", "a.index", "car"]])
def test_a_command_on_an_exact_index_compiles_nothing(folder, arguments):
    ss.Index.build(ss.load(folder / "a.space"), "exact").save(folder / "a.index", overwrite=True)
    packages, rooms = loaded_by(f"from semspace.cli import main; assert main({arguments!r}) == 0", folder)
    assert packages.isdisjoint(HEAVY)
    assert rooms.isdisjoint((ROOMS | {"report", "demo"}) - {"index"})


@pytest.mark.parametrize("module", sorted({*registry.READERS.values(), *registry.ENCODER_READERS.values()}))
def test_every_module_of_the_registry_reads(module):
    if module.endswith(".comparison") and not hasattr(ss.Comparison, "save"):
        pytest.skip("a comparison can't be saved yet")
    assert callable(registry.reader(module))


def test_kinds_are_those_of_their_modules():
    for kind, module in registry.READERS.items():
        assert getattr(import_module(module), "KIND", kind) in (kind, "static")
    checkpoints = {import_module(f"semspace.{room}.checkpoint").KIND for room in ("words", "training", "latent")}
    assert checkpoints == set(registry.CHECKPOINTS)


def test_save_names_what_it_takes():
    with pytest.raises(InputError, match=r"save takes a Corpus, Tokens, .*; got dict"):
        ss.save({}, "nowhere")


def test_an_unknown_kind_says_to_upgrade(tmp_path):
    with create_bundle(tmp_path / "x", "riddle"):
        pass
    with pytest.raises(DamagedError, match=r"holds a 'riddle', which this version of semspace can't read; upgrade it"):
        ss.load(tmp_path / "x")
