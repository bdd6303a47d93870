"""The Makefile says in one sentence what a machine lacks, and doesn't install twice."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent


def make(*arguments, path=None):
    environment = {**os.environ, "PATH": path or os.environ["PATH"]}
    environment.pop("MAKEFLAGS", None)
    command = [shutil.which("make"), "--no-print-directory", *arguments]
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)


def first_line(done):
    assert done.returncode != 0
    return done.stderr.splitlines()[0]


@pytest.fixture
def bare_path(tmp_path):
    """A PATH with a shell and Python, and no compiler."""
    for name in ("sh", "rm"):
        (tmp_path / name).symlink_to(shutil.which(name))
    python = tmp_path / "python3"
    python.write_text(f'#!/bin/sh\nexec {sys.executable} "$@"\n')
    python.chmod(0o755)
    return str(tmp_path)


def test_no_python():
    assert first_line(make("tools", "PYTHON=python-none")).startswith(
        "semspace needs Python 3.10 or later, and there is no"
    )


def test_an_old_python(tmp_path):
    old = tmp_path / "old"
    old.write_text('#!/bin/sh\n[ "$1" = -V ] && echo "Python 3.8.1" || exit 1\n')
    old.chmod(0o755)
    assert "is Python 3.8.1: install a later one" in first_line(make("tools", f"PYTHON={old}"))


def test_no_compiler(bare_path):
    assert first_line(make("compiler", path=bare_path)).startswith("the benchmarks need a C++ compiler")


def test_a_machine_that_has_all():
    assert make("tools", f"PYTHON={sys.executable}").returncode == 0


def test_a_machine_without_a_compiler_has_all_that_is_needed_to_use_it(bare_path):
    assert make("tools", path=bare_path).returncode == 0


def test_nothing_is_installed_twice(tmp_path):
    for stamp in (".demo", ".dev"):
        (tmp_path / stamp).touch()
    for target in ("demo", "test"):
        plan = make("--dry-run", target, f"VENV={tmp_path}")
        assert plan.returncode == 0
        assert "pip install" not in plan.stdout
    os.utime(tmp_path / ".dev", (0, 0))
    assert "pip install" in make("--dry-run", "test", f"VENV={tmp_path}").stdout
