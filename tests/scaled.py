"""What the tests of `semspace.scale` share: a small model, files of texts, and what they should become."""

import os
from pathlib import Path

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
