"""Texts encoded shard by shard: by one call, in this process, by one worker and by two; the cost of moving shards.

``python -m benchmarks scale [--texts N] [--shards N] [--rounds N]``. All ways do the same work in turn, every second
round in the other order; what is measured begins when the workers have opened the encoder. Needs `semspace[dask,demo]`
and the package of all-MiniLM-L6-v2; Ray is measured where it is installed. About five minutes on two idle cores.
"""

import argparse
import importlib.util
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import psutil

import semspace as ss
import semspace.scale as scale
from semspace.scale.encoding import opened_encoder

_MODEL = "all-MiniLM-L6-v2"


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="benchmarks scale")
    parser.add_argument("--texts", type=int, default=2_000)
    parser.add_argument("--shards", type=int, default=8)
    parser.add_argument("--rounds", type=int, default=2)
    options = parser.parse_args(arguments or [])
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        texts = _write(root / "texts", options.texts, options.shards)
        encoder = opened_encoder(_MODEL, "auto", None, 1)
        expected = encoder.embed(ss.Corpus.read(texts), progress=False)  # everything is compiled from here on
        clusters: list[tuple[str, Callable[..., Any], int]] = [
            ("Encoder.embed", _here, 0),
            ("scale.encode, this process", _here, 1),
            ("scale.encode, 1 Dask worker", _dask, 1),
            ("scale.encode, 2 Dask workers", _dask, 2),
        ]
        if importlib.util.find_spec("ray"):
            clusters += [("scale.encode, 1 Ray worker", _ray, 1), ("scale.encode, 2 Ray workers", _ray, 2)]
        else:
            print("no ray: pip install 'semspace[ray]' measures it, too")
        rows, worst = [], 0.0
        for round_ in range(options.rounds):
            for way, cluster, workers in clusters[:: -1 if round_ % 2 else 1]:
                out = root / f"{way}-{round_}"
                with cluster(workers, encoder.backend) as client:
                    begun = time.perf_counter(), _spent()
                    if workers:
                        scale.encode(texts, out, _MODEL, client=client, threads=1, progress=False)
                    else:
                        encoder.embed(ss.Corpus.read(texts), progress=False)
                    rows.append((way, time.perf_counter() - begun[0], _spent() - begun[1]))
                if workers:
                    found = scale.read_space(out, progress=False)
                    assert found.ids.tolist() == expected.ids.tolist()
                    worst = max(worst, float(np.abs(found.vectors - expected.vectors).max()))
        here, begun = root / f"{clusters[1][0]}-0", time.process_time()
        scale.read_space(here, progress=False)
        reading, job = time.process_time() - begun, scale.status(here)
    _show(rows, job, options.texts, encoder.backend, worst, reading)


def _show(
    rows: list[tuple[str, float, float]], job: Any, texts: int, backend: str, worst: float, reading: float
) -> None:
    table = pl.DataFrame(rows, schema=["way", "seconds", "processor seconds"], orient="row")
    base = table.filter(pl.col("way") == "Encoder.embed")["processor seconds"].median()
    print(f"{texts:,} texts in {job.n_shards} shards, {_MODEL} ({backend}); largest difference {worst:.1g}")
    with pl.Config(tbl_rows=-1, fmt_str_lengths=40, tbl_width_chars=140):
        print(
            table.group_by("way", maintain_order=True).agg(
                pl.median("seconds").round(1),
                (pl.max("seconds") - pl.min("seconds")).round(1).alias("± seconds"),
                pl.median("processor seconds").round(1),
                (pl.median("processor seconds") / base).round(2).alias("processor / embed's"),
                (texts / pl.median("seconds")).round(0).alias("texts/s"),
            )
        )
    size = job.nbytes / job.rows
    print(
        f"{size:,.0f} bytes a row in shards; reading them costs {1e6 * reading / job.rows:,.1f} µs of a processor a row"
    )


def _here(*_: Any) -> Any:
    return nullcontext()


@contextmanager
def _dask(workers: int, backend: str) -> Iterator[Any]:
    from distributed import Client, LocalCluster

    with (
        LocalCluster(
            n_workers=workers, threads_per_worker=1, host="127.0.0.1", dashboard_address="127.0.0.1:0"
        ) as cluster,
        Client(cluster) as client,
    ):
        client.wait_for_workers(workers)
        client.run(_warm, backend)
        yield client


@contextmanager
def _ray(workers: int, backend: str) -> Iterator[str]:
    import ray

    ray.init(num_cpus=workers, include_dashboard=False, log_to_driver=False, logging_level="ERROR")
    try:
        warm: Any = ray.remote(_warm)
        opened = set[int]()
        while len(opened) < workers:
            opened |= set(ray.get([warm.remote(backend) for _ in range(workers)]))
        yield "ray"
    finally:
        ray.shutdown()


def _spent() -> float:
    """Processor seconds of this process and all that it started, schedulers included."""
    this = psutil.Process()
    total = 0.0
    for process in (this, *this.children(recursive=True)):
        try:
            times = process.cpu_times()
        except psutil.Error:
            continue
        total += times.user + times.system
    return total


def _write(folder: Path, count: int, shards: int) -> Path:
    """Parts of the articles of the Lee corpus, as many as are asked for."""
    folder.mkdir()
    words = " ".join(ss.corpora.load("lee-background").texts.to_list()).split()
    made = [" ".join(words[(7 * i) % (len(words) - 30) :][:30]) for i in range(count)]
    frame = pl.DataFrame({"id": [f"t{i}" for i in range(count)], "text": made})
    size = -(-count // shards)
    for number, part in enumerate(frame.iter_slices(size)):
        part.write_parquet(folder / f"{number:04}.parquet")
    return folder


def _warm(backend: str) -> int:
    import os

    opened_encoder(_MODEL, backend, None, 1).encode(["a text"], progress=False)
    time.sleep(0.2)  # so that the other worker gets the other task
    return os.getpid()
