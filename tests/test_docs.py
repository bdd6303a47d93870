"""README and docstrings say what is true: their code runs, and gives what they show."""

import doctest
import importlib
import itertools
import os
import re
import shlex
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from semspace.cli import main

ROOT = Path(__file__).parent.parent
PAGES = {name: (ROOT / name).read_text(encoding="utf-8") for name in ("README.md", "docs/features.md")}
BLOCK = re.compile(r"```(\w+)\n(.*?)```", re.S)
MODULES = sorted(
    ".".join([prefix, *path.relative_to(folder).with_suffix("").parts]).removesuffix(".__init__")
    for folder, prefix in ((ROOT / "semspace", "semspace"), (ROOT / "corpora", "semspace.corpora"))
    for path in folder.rglob("*.py")
    if path.name not in ("__main__.py", "precompilation.py")  # which runs every kernel: see test_precompilation.py
)


def alike(shown, printed):
    """Compare what threads and processors leave open: most of the same words, in whatever order, and as many lines.

    The runtime "fast" rounds sums in the order that the compiler of this very machine chose: an 8-bit code becomes its
    neighbour, a cosine moves by 0.005, and a point on the border changes its group.
    """
    first, second = (Counter(re.sub(r"\d", "#", text).split()) for text in (shown, printed))
    lines = [text.strip().count("\n") for text in (shown, printed)]
    return lines[0] == lines[1] and (first & second).total() > 0.7 * max(first.total(), second.total())


@pytest.mark.parametrize("module", MODULES)
def test_examples_in_docstrings(module, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    flags = doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS
    result = doctest.testmod(importlib.import_module(module), optionflags=flags)
    assert result.failed == 0


@pytest.mark.usefixtures("remembered")
@pytest.mark.filterwarnings("default::semspace.errors.SemspaceWarning")  # one example leaves a document out
@pytest.mark.parametrize(("page", "count"), [("README.md", 2), ("docs/features.md", 5)])
def test_the_examples_in_python(page, count, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    blocks = BLOCK.findall(PAGES[page])
    names, run = {}, 0
    for (language, code), (following, shown) in itertools.pairwise(blocks):
        if language != "python":
            continue
        less = code.replace("sentences=2_000", "sentences=200")  # a static encoder is printed the same
        exec(compile(less, page, "exec"), names)
        run += 1
        assert following == "text"
        printed = capsys.readouterr().out
        assert alike(shown, printed), printed
    assert run == count


@pytest.mark.usefixtures("remembered")
@pytest.mark.parametrize("page", PAGES)
def test_the_examples_in_a_shell(page, tmp_path, monkeypatch, capfd):
    """Every command of a page runs, in order, in one folder; those that are refused in a process of their own."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", str(Path(sys.executable).parent), prepend=os.pathsep)
    commands = []
    for language, text in BLOCK.findall(PAGES[page]):
        if language == "console":
            parts = re.split(r"^\$ ", text, flags=re.M)[1:]
            commands += [part.partition("\n")[::2] for part in parts]
    assert len(commands) >= 4
    for command, shown in commands:
        program, *arguments = shlex.split(command)
        assert program == "semspace"
        expected = 2 if shown.startswith("semspace: ") else 0
        code = subprocess.run([program, *arguments], check=False).returncode if expected else main(arguments)
        out, err = capfd.readouterr()
        assert code == expected, (command, err)
        if shown.strip():
            # A message of error knows no rounding.
            assert err + out == shown if expected else alike(shown, err + out), (command, err + out)


def test_links_lead_somewhere():
    for page in [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").glob("*.md")]:
        for target in re.findall(r"\]\(([^)#]+)\)", page.read_text(encoding="utf-8")):
            assert (page.parent / target).exists(), f"{page.name} links to {target}"


def test_public_classes_and_functions_are_described():
    import semspace

    for name in set(semspace.__all__) - set(semspace._ROOMS):
        thing = getattr(semspace, name)
        assert thing.__doc__, name
        for attribute, value in vars(thing).items() if isinstance(thing, type) else ():
            if not attribute.startswith("_") and callable(value):
                assert value.__doc__, f"{name}.{attribute}"
