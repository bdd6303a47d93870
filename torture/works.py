"""The main calls, each small and with a result that can be compared: what faults are tried on."""

from __future__ import annotations

import hashlib
import warnings
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

import semspace as ss
from semspace.errors import SemspaceWarning
from torture.models import static_encoder
from torture.texts import corpus_of
from torture.writers import encoder, space_of

TEXTS = "texts.txt"  # the name of a file
_POINTS = 2_000


@cache
def _points() -> ss.Space:
    vectors = np.random.default_rng(0).normal(size=(_POINTS, 32)).astype(np.float32)
    return ss.Space.from_vectors([f"p{i}" for i in range(_POINTS)], vectors)


def _clustered() -> ss.Clustering:
    return ss.cluster(space_of(0), corpus_of(400), n_clusters=4)


def _compared() -> ss.Comparison:
    return ss.compare(space_of(0), space_of(10), names=("a", "b"), permutations=99, resamples=99)


def _tokens() -> ss.Tokens:
    return ss.Tokens.from_corpus(corpus_of(2_000))


def _index() -> ss.Index:
    return ss.Index.build(_points(), "hnsw", progress=False)


def _words() -> ss.Space:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SemspaceWarning)
        return ss.Word2Vec(dim=16, epochs=2, min_count=1, threads=1).train(corpus_of(1_000), progress=False)


def _digest(*values: Any) -> str:
    parts = (value.tobytes() if isinstance(value, np.ndarray) else repr(value).encode() for value in values)
    return hashlib.sha256(b"|".join(parts)).hexdigest()


CALLS: dict[str, Callable[[], str]] = {
    "search": lambda: _digest(_points().most_similar("p7", k=10).ids),
    "index": lambda: _digest(_index().search(_points()["p7"], 1).ids),
    "embed": lambda: _digest(encoder().embed(corpus_of(2_000), progress=False).vectors),
    "tokens": lambda: _digest(_tokens().words),
    "phrases": lambda: _digest(ss.Phrases(min_count=1, threshold=0.1).train(_tokens()).to_frame().rows()),
    "words": lambda: _digest(_words().vectors),
    "cluster": lambda: _digest(_clustered().to_frame().rows()),
    "compare": lambda: _digest(_compared().distances().rows()),
    "outliers": lambda: _digest(ss.outliers(space_of(0)).to_frame().rows()),
    "project": lambda: _digest(ss.project(space_of(0)).coordinates.shape),
    "pca": lambda: _digest(ss.latent.PCA(4).train(space_of(0)).encode(space_of(0)).vectors.shape),
}  # calls of memory and processor; each returns the same text every time

SAVED: dict[str, Callable[[], Any]] = {
    "space": _points,
    "corpus": lambda: corpus_of(2_000),
    "tokens": _tokens,
    "index": _index,
    "clustering": _clustered,
    "static encoder": lambda: static_encoder(0),
}  # values that are saved


def writes(values: dict[str, Any]) -> dict[str, Callable[[Path], Any]]:
    """Return the calls that write into a folder, in which these values and a file of texts are."""
    saves = {f"save {name}": _saving(name, value) for name, value in values.items()}
    return saves | {
        "embed onto the disk": lambda folder: encoder().embed(
            corpus_of(3_000), out=folder / "embedded", overwrite=True, progress=False
        ),
        "page": lambda folder: values["clustering"].to_html(folder / "page.html", date="", progress=False),
        "tokens of a file": lambda folder: ss.Tokens.read(
            folder / TEXTS, out=folder / "read-tokens", overwrite=True, progress=False
        ),
        "add to an index": _adding,
    }


def _saving(name: str, value: Any) -> Callable[[Path], Any]:
    return lambda folder: value.save(folder / name, overwrite=True)


def _adding(folder: Path) -> None:
    draw = np.random.default_rng(5).normal(size=(500, 32)).astype(np.float32)
    with ss.Index.open(folder / "index", writable=True) as index:
        fresh = [f"n{len(index)}-{i}" for i in range(500)]
        index.add(fresh, draw)
        index.delete(fresh)
