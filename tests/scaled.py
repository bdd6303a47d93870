"""What the tests of `semspace.scale` share: a small model, files of texts, and what they should become."""

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random

import numpy as np
import polars as pl
from tokenizers import Tokenizer, models, pre_tokenizers

import semspace as ss

WORDS = ["[UNK]", "cat", "dog", "ship", "sea", "river", "bread", "tree", "stone", "cloud", "wolf"]
ROUNDS = int(os.environ.get("SEMSPACE_KILL_ROUNDS", "0"))  # of the tests that kill; 0 is a few


def write_model(folder: Path) -> Path:
    tokenizer = Tokenizer(models.WordLevel({word: i for i, word in enumerate(WORDS)}, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    table = np.random.default_rng(0).normal(size=(len(WORDS), 16)).astype(np.float32)
    ss.save(ss.StaticEncoder(tokenizer.to_str(), table), folder)
    return folder


def write_texts(folder: Path, files: int, rows: int, *, seed: int = 0, ids: bool = True) -> Path:
    """Parquet files of texts, with ids and a column of metadata, of slightly different lengths."""
    draw = np.random.default_rng(seed)
    folder.mkdir(parents=True, exist_ok=True)
    for file in range(files):
        count = rows + file % 3
        texts = [" ".join(draw.choice(WORDS[1:], size=draw.integers(1, 9))) for _ in range(count)]
        frame = pl.DataFrame({"text": texts, "year": draw.integers(1900, 2000, count)})
        if ids:
            frame = frame.insert_column(0, pl.Series("id", [f"{file}-{row}" for row in range(count)]))
        frame.write_parquet(folder / f"part-{file:03}.parquet")
    return folder


def one_machine(model, source, **options) -> ss.Space:
    return ss.Encoder.load(model).embed(ss.Corpus.read(source, **options), progress=False)


def same(space, expected) -> None:
    assert space.ids.tolist() == expected.ids.tolist()
    np.testing.assert_allclose(space.vectors, expected.vectors, atol=1e-6)
    assert (space.metadata is None and expected.metadata is None) or space.metadata.equals(expected.metadata)


def written(folder) -> dict[str, tuple[str, int]]:
    """The records of a job and when each was written, by shard."""
    return {path.stem: (path.read_text(), path.stat().st_mtime_ns) for path in (Path(folder) / "done").glob("*.json")}


@contextmanager
def killing(out, victims: Callable[[], list[int]], draw: Random) -> Iterator[list[dict[str, tuple[str, int]]]]:
    """Kill one to three workers while a job runs, each at a random moment after another shard was finished.

    `victims` lists the processes that may be killed. What was finished is listed at each kill.
    """
    over, before = threading.Event(), list[dict[str, tuple[str, int]]]()

    def kill() -> None:
        for wait in sorted(draw.sample(range(1, 6), draw.randrange(1, 4))):
            while len(written(out)) < wait and not over.is_set():  # not by the clock: machines differ in speed
                time.sleep(0.005)
            over.wait(draw.random() / 4)
            while not over.is_set():
                pids = victims()
                if pids:
                    finished = written(out)
                    try:
                        os.kill(draw.choice(pids), signal.SIGKILL)
                    except ProcessLookupError:  # it ended by itself
                        continue
                    before.append(finished)
                    break
                time.sleep(0.005)

    killer = threading.Thread(target=kill)
    killer.start()
    try:
        yield before
    finally:
        over.set()
        killer.join()


def check_killed(out, expected, shards: int, before) -> None:
    """Nothing that was finished at a kill was done again, and the results are complete and right."""
    import semspace.scale as scale

    for finished in before:
        assert finished.items() <= written(out).items()
    same(scale.read_space(out, progress=False), expected)
    assert len(list((Path(out) / "shards").iterdir())) == shards


def deadly(task, threads):
    """The work on a shard; one of them kills its worker, as memory that is short does."""
    from semspace.scale.shard import run_shard

    if task.inputs[0].size == len(b"deadly"):
        os.kill(os.getpid(), signal.SIGKILL)
    return run_shard(task, threads)
