"""Texts encoded shard by shard: by one call, in this process, by one worker and by two; the cost of moving shards.

``python -m benchmarks scale [--texts N] [--shards N]``. Needs `semspace[dask,demo]` and the package of
all-MiniLM-L6-v2.
"""

import argparse
import tempfile
import time
from pathlib import Path

import numpy as np
import polars as pl

import semspace as ss
import semspace.scale as scale
from semspace.scale.encoding import opened_encoder

_MODEL = "all-MiniLM-L6-v2"


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="benchmarks scale")
    parser.add_argument("--texts", type=int, default=2_000)
    parser.add_argument("--shards", type=int, default=8)
    options = parser.parse_args(arguments or [])
    from distributed import Client, LocalCluster

    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        texts = _write(root / "texts", options.texts, options.shards)
        encoder = opened_encoder(_MODEL, "auto", None, 1)
        encoder.encode(["a text, so that everything is compiled"], progress=False)
        rows, expected = [], None
        begun = time.perf_counter(), time.process_time()
        expected = encoder.embed(ss.Corpus.read(texts), progress=False)
        rows.append(("Encoder.embed, 1 thread", *_took(begun)))
        begun = time.perf_counter(), time.process_time()
        job = scale.encode(texts, root / "here", _MODEL, threads=1, progress=False)
        rows.append(("scale.encode, this process", *_took(begun)))
        for workers in (1, 2):
            with (
                LocalCluster(workers, threads_per_worker=1, host="127.0.0.1", dashboard_address=None) as cluster,
                Client(cluster) as client,
            ):
                client.run(_warm, encoder.backend)
                spent = sum(client.run(time.process_time).values())
                begun = time.perf_counter()
                job = scale.encode(texts, root / f"{workers}", _MODEL, client=client, threads=1, progress=False)
                took = time.perf_counter() - begun
                spent = sum(client.run(time.process_time).values()) - spent
                rows.append((f"scale.encode, Dask workers: {workers}", took, spent))
                found = scale.read_space(root / f"{workers}", progress=False)
                assert found.ids.tolist() == expected.ids.tolist()
                worst = float(np.abs(found.vectors - expected.vectors).max())
        begun = time.perf_counter(), time.process_time()
        scale.read_space(root / "2", progress=False)
        reading = _took(begun)[1]
    print(
        f"{options.texts:,} texts in {job.n_shards} shards, {_MODEL} ({encoder.backend}); "
        f"largest difference {worst:.1g}"
    )
    print(
        pl.DataFrame(rows, schema=["way", "seconds", "processor seconds"], orient="row").with_columns(
            (options.texts / pl.col("seconds")).round(1).alias("texts/s")
        )
    )
    size = job.nbytes / job.rows
    print(
        f"{size:,.0f} bytes a row in shards; reading them costs {1e6 * reading / job.rows:,.1f} µs of a processor a row"
    )


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


def _warm(backend: str) -> None:
    opened_encoder(_MODEL, backend, None, 1).encode(["a text"], progress=False)


def _took(begun: tuple[float, float]) -> tuple[float, float]:
    return time.perf_counter() - begun[0], time.process_time() - begun[1]
