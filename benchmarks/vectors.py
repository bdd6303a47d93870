"""The vectors that indexes are measured on, their true neighbours, and how many of these were found.

Everything that takes long is kept in a folder, ``SEMSPACE_BENCH_CACHE`` or ``~/.cache/semspace-bench``. A file
``wiki1m.npy`` there (float32, one row for each sentence, shuffled) is used as it is; where more are asked for than it
has, the others are made from its own (`benchmarks.grown`), and the name of the vectors says how many.
"""

import gzip
import hashlib
import json
import os
import random
import re
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.measuring import data

MODEL = "all-MiniLM-L6-v2"
DIM = 384
HELD_OUT = 2_000  # the first 1,000 measure recall and speed; memory is measured after all of them
QUERIES = 1_000
NEAREST = 10
MANY = 1_000_000
NOISE = 0.5  # a copied word's noise, as a share of the word's length: cosine 0.89 to the word
_PIECE = 50_000
_UNITS = {"k": 1_000, "M": 1_000_000}


@dataclass
class Vectors:
    """Unit vectors to put into an index, others to ask with, and yet others to add later."""

    name: str
    base: np.ndarray
    held_out: np.ndarray
    later: np.ndarray

    @property
    def queries(self) -> np.ndarray:
        return self.held_out[:QUERIES]

    @property
    def key(self) -> str:
        """Name a file after what is in the vectors, nearly: their number and some of them."""
        some = np.ascontiguousarray(self.base[:: max(1, len(self.base) // 1_000)]).tobytes() + self.queries.tobytes()
        return f"{len(self.base)}-{hashlib.sha256(some).hexdigest()[:16]}"

    def truth(self, k: int = NEAREST) -> np.ndarray:
        """Return the rows of the nearest vectors of each query, found by comparing with all; kept for the next time."""
        path = cache() / f"truth-{self.key}-{k}.npy"
        if not path.exists():
            say(f"{self.name}: comparing {len(self.queries):,} queries with all")
            np.save(path, nearest(self.base, self.queries, k))
        return np.load(path)


def cache() -> Path:
    folder = Path(os.environ.get("SEMSPACE_BENCH_CACHE") or Path.home() / ".cache" / "semspace-bench")
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def say(what: str) -> None:
    print(what, file=sys.stderr, flush=True)


def number(text: str) -> int:
    """Read ``20k`` or ``1M``."""
    return int(float(text[:-1]) * _UNITS[text[-1]]) if text[-1] in _UNITS else int(text)


def numbers(text: str) -> list[int]:
    return [number(part) for part in text.split(",")]


def sentences(size: int) -> Vectors:
    """MiniLM's vectors of sentences of Wikipedia; where too few are there, others are made from them."""
    from benchmarks.grown import grown

    name, every = "MiniLM, Wikipedia's sentences", wikipedia(size + size // 2 + HELD_OUT)
    if size + HELD_OUT > len(every):
        made = size + HELD_OUT - len(every)
        return split(f"{name}, {made:,} of them made from others", grown(every, size + HELD_OUT), size)
    return split(name, every, size)


def words(size: int) -> Vectors:
    """GloVe's vectors, the most frequent words first; from more than there are words on, copies with noise follow."""
    from benchmarks.analogies import glove

    rng = np.random.default_rng(1)
    every = unit(glove().vectors)
    if size + HELD_OUT <= len(every):
        asked = rng.permutation(size + HELD_OUT)
        return split("GloVe 6B 50d", np.concatenate([every[asked], every[size + HELD_OUT :]]), size)
    every = every[rng.permutation(len(every))]
    wanted = size + size // 2 + HELD_OUT - len(every)
    copied = every[HELD_OUT:][rng.integers(0, len(every) - HELD_OUT, wanted)]
    return split(f"GloVe 6B 50d with noisy copies ({NOISE})", np.concatenate([every, noisy(copied, NOISE, rng)]), size)


def invented(size: int) -> Vectors:
    """Random vectors, for trying the benchmarks themselves."""
    rng = np.random.default_rng(1)
    return split("random", unit(rng.standard_normal((size + size // 2 + HELD_OUT, 32), np.float32)), size)


KINDS: dict[str, Callable[[int], Vectors]] = {"sentences": sentences, "words": words, "random": invented}


def split(name: str, every: np.ndarray, size: int) -> Vectors:
    end = HELD_OUT + size
    parts = every[HELD_OUT:end], every[:HELD_OUT], every[end : end + size // 2]
    return Vectors(name, *(unit(np.asarray(part, np.float32)) for part in parts))


def unit(vectors: np.ndarray) -> np.ndarray:
    """Scale to length 1; nobody writes into the result, so nobody has to copy it."""
    scaled = np.ascontiguousarray(vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12))
    scaled.setflags(write=False)
    return scaled


def noisy(vectors: np.ndarray, share: float, rng: np.random.Generator) -> np.ndarray:
    """Copy unit vectors with noise whose length is a share of theirs."""
    noise = rng.standard_normal(vectors.shape, np.float32)
    return unit(vectors + noise * np.float32(share / vectors.shape[1] ** 0.5))


def wikipedia(rows: int) -> np.ndarray:
    """Return at least the vectors asked for, or all there are, encoding them on first use."""
    whole, own = cache() / "wiki1m.npy", cache() / f"wiki{rows}.npy"
    if whole.exists() or rows >= MANY:
        own, rows = whole, MANY + HELD_OUT
    if not own.exists():
        encoded(own, texts(rows))
    return np.load(own, mmap_mode="r")


def encoded(path: Path, asked: list[str]) -> None:
    import semspace as ss

    encoder = ss.Encoder.load(MODEL)
    draft = path.with_suffix(".part")
    out = np.lib.format.open_memmap(draft, "w+", np.float32, (len(asked), DIM))
    for start in range(0, len(asked), _PIECE):
        say(f"encoding sentences: {start:,} of {len(asked):,}")
        out[start : start + _PIECE] = encoder.encode(asked[start : start + _PIECE])
    out.flush()
    draft.replace(path)


def texts(rows: int) -> list[str]:
    """Return different sentences of Wikipedia, of 30 to 200 characters, shuffled."""
    found = list(dict.fromkeys(_sentences()))
    random.Random(1).shuffle(found)
    return found[:rows]


def _sentences() -> Iterator[str]:
    for part in ("AA", "AB"):
        with gzip.open(data(f"wikipedia/wiki2015-{part}.jsonl.gz"), "rt", encoding="utf-8") as lines:
            for line in lines:
                for sentence in re.split(r"(?<=[.!?])\s+|\n+", json.loads(line)["text"]):
                    if 30 <= len(sentence.strip()) <= 200:
                        yield sentence.strip()


def nearest(base: np.ndarray, queries: np.ndarray, k: int = NEAREST) -> np.ndarray:
    """Return the rows with the largest inner products, in descending order, block by block."""
    scores, rows = np.full((len(queries), k), -np.inf, np.float32), np.full((len(queries), k), -1)
    for start in range(0, len(base), _PIECE):
        block = queries @ base[start : start + _PIECE].T
        scores = np.hstack([scores, block])
        rows = np.hstack([rows, np.broadcast_to(np.arange(start, start + block.shape[1]), block.shape)])
        best = np.argpartition(-scores, k - 1, axis=1)[:, :k]
        scores, rows = np.take_along_axis(scores, best, 1), np.take_along_axis(rows, best, 1)
    return np.take_along_axis(rows, np.argsort(-scores, axis=1, kind="stable"), 1)


def recall(found: np.ndarray, truth: np.ndarray) -> float:
    """Return the share of the true neighbours that were found; -1 in either stands for none."""
    hits = (truth[:, :, None] == found[:, None, :]).any(axis=2) & (truth >= 0)
    return float(hits.sum() / (truth >= 0).sum())
