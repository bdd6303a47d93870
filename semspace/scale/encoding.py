"""A shard of texts → a shard of points: ids, metadata and vectors."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import Any

import numpy as np
import polars as pl

from semspace.errors import InputError
from semspace.files import resolved_path
from semspace.scale.documents import read_documents
from semspace.scale.shard import ShardInput, ShardOutput
from semspace.sentences.blocks import EncodedBlock, blocks_of
from semspace.sentences.encoder import Encoder
from semspace.sentences.encoding_plan import EncodingPlan
from semspace.text.corpus import Corpus

POINTS, VECTOR = "points", "vector"
_LOCK = threading.Lock()  # a worker may work on several shards at once; the encoder itself uses its threads
_OPENED: dict[tuple[Any, ...], Encoder] = {}


def opened_encoder(model: str, backend: str, max_tokens: int | None, threads: int | None) -> Encoder:
    """Return an encoder, which a process opens once, and again if the files of its folder have changed."""
    place = _place(model)
    key = (place, backend, max_tokens, threads)
    if key not in _OPENED:
        encoder = Encoder.load(model, backend=backend, max_tokens=max_tokens, threads=threads)
        _OPENED.clear()
        _OPENED[key] = encoder
        # The backend that "auto" has chosen is what the shards are encoded by.
        _OPENED[(place, getattr(encoder, "backend", backend), max_tokens, threads)] = encoder
    return _OPENED[key]


def _place(model: str) -> tuple[Any, ...]:
    """Return what tells a model from others: its name, or its folder with the times and sizes of the files in it."""
    folder = resolved_path(model).absolute()
    if not folder.is_dir():
        return (model,)
    facts = [(str(path), path.stat()) for path in sorted(folder.rglob("*")) if path.is_file()]
    return (str(folder), *((path, found.st_mtime_ns, found.st_size) for path, found in facts))


def process(inputs: tuple[ShardInput, ...], settings: Mapping[str, Any], threads: int | None) -> ShardOutput:
    """Encode the documents of a file."""
    documents = read_documents(inputs[0], settings["reading"])
    with _LOCK:
        encoder = opened_encoder(settings["model"], settings["backend"], settings["max_tokens"], threads)
        plan = EncodingPlan(encoder, settings["long_texts"], settings["overlap"])
        _check_same(plan, settings)
        frame, parts = documents.frame, list[EncodedBlock]()
        if len(frame):
            points = plan.points(Corpus(frame))
            frame, parts = points.frame, list(plan.encode(blocks_of(points.texts), len(points), progress=False))
    if VECTOR in frame.columns:
        raise InputError(f"the metadata has a column {VECTOR!r}, where the vectors go; rename it")
    vectors = np.concatenate([np.zeros((0, encoder.dim), np.float32), *(part.vectors for part in parts)])
    table = frame.with_columns(pl.Series(VECTOR, vectors, dtype=pl.Array(pl.Float32, encoder.dim)))
    cut = sum(int(part.truncated.sum()) for part in parts)
    return ShardOutput(len(table), {POINTS: table}, {**documents.facts(), "truncated": cut})


def _check_same(plan: EncodingPlan, settings: Mapping[str, Any]) -> None:
    """Raise where the model that is found here isn't the one that the job began with."""
    here, wanted = plan.settings(), settings["encoding"]
    name = next((name for name in [*wanted, *here] if here.get(name) != wanted.get(name)), None)
    if name is not None:
        raise InputError(
            f"the model {settings['model']!r} on this worker differs from the one that the job began with: its {name} "
            f"is {here.get(name)!r:.60}, and it should be {wanted.get(name)!r:.60}; install the same on all workers"
        )
