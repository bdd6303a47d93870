"""Peaks of memory of each main job, at a size of today and at ten times of it: does it grow with the data, or faster?

``python -m benchmarks memory [--jobs cluster,compare] [--scale 0.1]``. Each job runs in a process of its own, once on a
little to load what it needs, then on the data; counted is what the process has at most meanwhile, and of it what it had
before: its inputs, and libraries. Texts are sentences of Wikipedia, vectors those of 20 Newsgroups and copies of them
with noise. About half an hour on two cores; other work on the machine doesn't matter. Linux only.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np

import semspace as ss
import semspace.latent as latent
from benchmarks.cluster import enough, memory
from benchmarks.measuring import machine, table
from benchmarks.vectors import say, texts

GROWTH = 10
WARM = 500  # documents, or points, of the first run
Job = Callable[[], Any]


def main(words: Sequence[str] = ()) -> None:
    parser = argparse.ArgumentParser(prog="benchmarks memory")
    parser.add_argument("--jobs", default=",".join(JOBS), help=f"some of {', '.join(JOBS)}")
    parser.add_argument("--scale", type=float, default=1, help="of all sizes")
    options = parser.parse_args(words)
    rows = []
    for name in options.jobs.split(","):
        size = max(WARM, int(JOBS[name][1] * options.scale))
        runs = [_in_process(name, size * times) for times in (1, GROWTH)]
        rows.append(_row(name, size, *runs))
        print(" | ".join(rows[-1]), file=sys.stderr, flush=True)
    print(f"\n## Peaks of memory\n\n{machine('polars', 'numba')}\n")
    headers = ["job", "size", "before", "peak", "s"]
    print(table([*headers, *(f"{word}, ten times" for word in headers[1:]), "growth of what the job takes"], rows))


def _row(name: str, size: int, small: dict[str, float], large: dict[str, float]) -> list[str]:
    shown = [JOBS[name][0]]
    for number, run in ((size, small), (size * GROWTH, large)):
        shown += [f"{number:,}", f"{run['before']:,.0f} MB", f"{run['peak']:,.0f} MB", f"{run['seconds']:,.0f}"]
    took = [run["peak"] - run["before"] for run in (small, large)]
    return [*shown, f"{took[0]:,.0f} → {took[1]:,.0f} MB"]


def _in_process(name: str, size: int) -> dict[str, float]:
    say(f"a process: {name}, {size:,}")
    command = [sys.executable, "-m", "benchmarks.memory", json.dumps({"name": name, "size": size})]
    said = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout
    found: dict[str, float] = json.loads(said.strip().split("\n")[-1])
    return found


def child(name: str, size: int) -> None:
    """Run one job in this process, and print what it took."""
    prepare = JOBS[name][2]
    with tempfile.TemporaryDirectory() as folder:
        for part in ("warm", "real"):
            (Path(folder) / part).mkdir()
        prepare(WARM, Path(folder) / "warm")()
        job = prepare(size, Path(folder) / "real")
        before = memory("VmRSS")
        Path("/proc/self/clear_refs").write_text("5")  # the peak begins anew (proc_pid_clear_refs(5))
        begun = perf_counter()
        job()
        print(json.dumps({"seconds": perf_counter() - begun, "before": before, "peak": memory("VmHWM")}))


# -- the jobs: each takes a size and an empty folder, and returns what is measured ------------------------------------


def _sentences(size: int, start: int = 0) -> list[str]:
    """Return different sentences; where there are no more, they come again with a number."""
    found = texts(start + size)
    missing = start + size - len(found)
    return [*found, *(f"{found[row % len(found)]} {row}" for row in range(missing))][start:]


def _space(size: int, *, with_texts: bool = False, start: int = 0) -> ss.Space:
    vectors = np.load(enough(start + size), mmap_mode="r")[start : start + size]
    metadata = {"text": _sentences(size, start)} if with_texts else None
    return ss.Space.from_vectors([str(row) for row in range(size)], np.array(vectors), metadata)


def _file(size: int, folder: Path) -> Path:
    path = folder / "texts.jsonl"
    with path.open("w", encoding="utf-8") as file:
        for row, text in enumerate(_sentences(size)):
            file.write(json.dumps({"id": str(row), "text": text}) + "\n")
    return path


def _read(size: int, folder: Path) -> Job:
    return partial(ss.Corpus.read, _file(size, folder))


def _tokens(size: int, folder: Path) -> Job:
    return partial(ss.Tokens.read, _file(size, folder), progress=False)


def _word2vec(size: int, folder: Path) -> Job:
    tokens = ss.Tokens.read(_file(size, folder), progress=False)
    return partial(ss.Word2Vec(epochs=1).train, tokens, progress=False)


def _encode(size: int, _: Path) -> Job:
    corpus = ss.Corpus.from_texts(_sentences(size))
    return partial(ss.Encoder.load("all-MiniLM-L6-v2").embed, corpus, progress=False)


def _index(size: int, _: Path) -> Job:
    return partial(ss.Index.build, _space(size), "hnsw", progress=False)


def _saved(size: int, folder: Path) -> Job:
    space = _space(size)

    def job() -> None:
        space.save(folder / "space")
        np.asarray(ss.load(folder / "space").vectors).sum()

    return job


def _duplicates(size: int, _: Path) -> Job:
    index = ss.Index.build(_space(size), "hnsw", progress=False)
    return partial(index.duplicates, 0.95, progress=False)


def _cluster(size: int, _: Path) -> Job:
    return partial(ss.cluster, _space(size), progress=False)


def _cluster_texts(size: int, _: Path) -> Job:
    return partial(ss.cluster, _space(size, with_texts=True), progress=False)


def _compare(size: int, _: Path) -> Job:
    spaces = [_space(size, with_texts=True, start=start) for start in (0, size)]
    return partial(ss.compare, *spaces, progress=False)


def _outliers(size: int, _: Path) -> Job:
    return partial(ss.outliers, _space(size), progress=False)


def _project(size: int, _: Path) -> Job:
    return partial(ss.project, _space(size), progress=False)


def _pca(size: int, _: Path) -> Job:
    space = _space(size)

    def job() -> None:
        latent.PCA(32).train(space).encode(space)

    return job


def _autoencoder(size: int, _: Path) -> Job:
    return partial(latent.Autoencoder(dim=32, epochs=2).train, _space(size), progress=False)


JOBS: dict[str, tuple[str, int, Callable[[int, Path], Job]]] = {
    "read": ("`Corpus.read`, sentences as JSON lines", 100_000, _read),
    "tokens": ("`Tokens.read`, the same", 100_000, _tokens),
    "word2vec": ("`Word2Vec.train`, the same, one epoch", 100_000, _word2vec),
    "encode": ("`Encoder.embed`, sentences", 2_000, _encode),
    "index": ("`Index.build`, HNSW", 100_000, _index),
    "duplicates": ("`Index.duplicates`", 20_000, _duplicates),
    "save": ("`Space.save`, and all of it read again", 100_000, _saved),
    "cluster": ("`cluster`", 100_000, _cluster),
    "cluster-texts": ("`cluster`, with keywords", 20_000, _cluster_texts),
    "compare": ("`compare`, sentences a side", 20_000, _compare),
    "outliers": ("`outliers`", 10_000, _outliers),
    "project": ("`project`, t-SNE", 2_000, _project),
    "pca": ("`PCA`, train and encode", 100_000, _pca),
    "autoencoder": ("`Autoencoder`, two epochs", 20_000, _autoencoder),
}

if __name__ == "__main__":
    child(**json.loads(sys.argv[1]))
