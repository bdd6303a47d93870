"""How a wheel is built with compiled kernels: the backend of pyproject.toml, which is setuptools with one more step.

``SEMSPACE_LEVELS`` says for which processors: ``native`` (default: the level of this one), ``all`` (for a release),
``none``, or names of `semspace.kernels.levels` with commas between. A wheel with compiled kernels is one of this Python
and platform. Where they can't be compiled, and nobody has asked for it, the wheel is pure: kernels are compiled when
they are first used.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

from setuptools import build_meta
from setuptools.build_meta import *  # noqa: F403  (the hooks of a backend, but for one)
from setuptools.command.bdist_wheel import bdist_wheel
from setuptools.command.build_py import build_py

VARIABLE = "SEMSPACE_LEVELS"
# What the modules with kernels import. The code fits the version of numba that it is compiled with.
REQUIREMENTS = ("numba", "numpy", "polars", "threadpoolctl")
COMPILED = Path("semspace", "kernels", "compiled")


def get_requires_for_build_wheel(config_settings: dict[str, object] | None = None) -> list[str]:
    """Return what building a wheel needs besides setuptools."""
    before: list[str] = build_meta.get_requires_for_build_wheel(config_settings)
    if _levels() == "none":
        return before
    return [*before, *(line for line in _dependencies() if line.startswith(REQUIREMENTS))]


def _levels() -> str:
    return os.environ.get(VARIABLE, "").strip() or "native"


def _dependencies() -> list[str]:
    """Return the dependencies in pyproject.toml; Python 3.10 has no reader of its format."""
    text = Path("pyproject.toml").read_text(encoding="utf-8")
    block = text.partition("\ndependencies = [\n")[2].partition("\n]")[0]
    return [line.strip().strip('",') for line in block.splitlines()]


class BuildPackage(build_py):
    """Copies the package, and compiles its kernels inside the copy."""

    def run(self) -> None:
        """Run the step."""
        super().run()
        if not self.editable_mode:
            compile_into(Path(self.build_lib))


class BuildWheel(bdist_wheel):
    """Writes the wheel, which is one of this platform if it has compiled kernels."""

    def run(self) -> None:
        """Run the step."""
        self.run_command("build_py")
        build_lib = Path(self.get_finalized_command("build_py").build_lib)
        if any((build_lib / COMPILED).glob("*")):
            self.root_is_pure = False
            self.distribution.has_ext_modules = lambda: True  # which setuptools takes for "of this platform"
        super().run()


def compile_into(root: Path) -> bool:
    """Compile the kernels of the package in a folder; return whether it has them now."""
    shutil.rmtree(root / COMPILED, ignore_errors=True)
    if _levels() == "none":
        return False
    command = [
        sys.executable,
        "-m",
        "semspace.kernels.building",
        "--levels",
        _levels(),
        "--reuse",
        str(COMPILED.resolve()),
    ]
    path = os.pathsep.join([str(root.resolve()), *filter(None, [os.environ.get("PYTHONPATH")])])
    environment = {**os.environ, "PYTHONPATH": path}
    done = subprocess.run(command, cwd=root, env=environment, check=False)  # noqa: S603  (this package's own module)
    if done.returncode:
        shutil.rmtree(root / COMPILED, ignore_errors=True)
        if os.environ.get(VARIABLE):
            raise RuntimeError(f"kernels couldn't be compiled for {VARIABLE}={_levels()}, for the reason above")
        sys.stderr.write("semspace: kernels can't be compiled here (see above); they will be at their first use\n")
    for cache in root.rglob("__pycache__"):  # what the compiler has imported
        shutil.rmtree(cache, ignore_errors=True)
    return not done.returncode
