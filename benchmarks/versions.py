"""Whether a change made anything slower or less right: the same jobs on several checkouts, alternating.

Each job is a process of its own with one checkout in front of the path, one after the other within each round; its
inputs are made once and shared. The first run of each checkout compiles and isn't counted.

Options: ``--trees NAME=FOLDER NAME=FOLDER ...`` (the first is what the others are held against), ``--rounds``,
``--jobs``.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.measuring import data, machine, table
from benchmarks.version_jobs import JOBS


def main(words: Sequence[str] = ()) -> None:
    parser = argparse.ArgumentParser("python -m benchmarks versions")
    parser.add_argument("--trees", nargs="+", required=True)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--jobs", nargs="+", default=list(JOBS), choices=list(JOBS))
    options = parser.parse_args(list(words))
    trees = {name: Path(folder).resolve() for name, _, folder in (tree.partition("=") for tree in options.trees)}
    data("bbc_news")
    with tempfile.TemporaryDirectory() as folder:
        first = next(iter(trees.values()))
        run(first, "prepare", folder)
        report(options.jobs, trees, measured(options.jobs, trees, options.rounds, folder))


def measured(jobs: list[str], trees: dict[str, Path], rounds: int, folder: str) -> dict[tuple[str, str], Any]:
    """Return for each job and checkout the numbers of all rounds."""
    numbers: dict[tuple[str, str], Any] = {}
    for job in jobs:
        for tree in trees.values():
            run(tree, job, folder)
        for _ in range(rounds):
            for name, tree in trees.items():
                numbers.setdefault((job, name), []).append(run(tree, job, folder))
        print(f"{job}: done", file=sys.stderr, flush=True)
    return numbers


def run(tree: Path, job: str, folder: str) -> dict[str, float]:
    """Run a job in a process of its own on a checkout; return its numbers."""
    script = Path(__file__).with_name("version_jobs.py")
    code = "import runpy, sys; del sys.argv[0]; runpy.run_path(sys.argv[0], run_name='__main__')"  # path[0] isn't ours
    environment = {**os.environ, "PYTHONPATH": str(tree), "PYTHONWARNINGS": "ignore"}
    done = subprocess.run(
        [sys.executable, "-c", code, str(script), job, folder],
        check=False,
        env=environment,
        cwd=folder,
        capture_output=True,
        text=True,
    )
    if done.returncode:
        sys.exit(f"{job} failed on {tree}:\n{done.stderr[-2_000:]}")
    numbers: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return numbers


def report(jobs: list[str], trees: dict[str, Path], numbers: dict[tuple[str, str], Any]) -> None:
    names = list(trees)
    rows = []
    for job in jobs:
        for what in numbers[job, names[0]][0]:
            medians = [statistics.median(run[what] for run in numbers[job, name]) for name in names]
            ratios = [f"{value / medians[0]:.2f}" if medians[0] else "" for value in medians[1:]]
            rows.append([job, what, *(f"{value:,.4g}" for value in medians), *ratios])
    print(machine("numba", "polars", "scikit-learn"))
    print(table(["job", "measure", *names, *(f"{name} / {names[0]}" for name in names[1:])], rows))
