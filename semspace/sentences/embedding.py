"""`embed`: a corpus → a `Space`, in memory or straight onto the disk, where work that was broken off goes on."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from semspace import checks, pools, queries
from semspace.bundle import PathLike
from semspace.errors import InputError
from semspace.progress import bar
from semspace.sentences import encoder as encoders
from semspace.space import Space
from semspace.text.corpus import Corpus
from semspace.types import Floats2d

if TYPE_CHECKING:
    from semspace.sentences.encoder import Encoded, Encoder

LONG = ("cut", "pool", "passages")
_AT_ONCE = 128  # long documents: their passages are kept until they are averaged
_PLACES = ("document", "start", "end")


@dataclass(frozen=True)
class Way:
    """How a corpus is encoded: by what, and what becomes of long texts."""

    encoder: Encoder
    long: str
    overlap: int

    def settings(self) -> dict[str, Any]:
        """Give all that decides a vector besides its text."""
        facts = {"encoder": self.encoder.fingerprint, "engine": self.encoder.engine, "long": self.long}
        facts["prompt"] = self.encoder.document_prompt
        return facts if self.long == "cut" else {**facts, "overlap": self.overlap}

    def points(self, corpus: Corpus) -> Corpus:
        """Give what gets a vector each: the documents, or their passages."""
        return _passages_of(corpus, self) if self.long == "passages" else corpus

    def encoded(self, blocks: Iterator[list[str]], total: int, *, progress: bool) -> Iterator[Encoded]:
        """Encode block after block."""
        if self.long == "pool":
            yield from _pooled(self, blocks, total, progress=progress)
        else:
            yield from self.encoder.encoded(blocks, total, prompt=self.encoder.document_prompt, progress=progress)

    def space(self, points: Corpus, corpus: Corpus, vectors: Floats2d, truncated: int) -> Space:
        """Dress the vectors of `points` as a space that says where it comes from."""
        columns = ["id", "text"] if points.ids.equals(points.texts) else ["id"]
        metadata = points.frame.drop(columns)
        facts = {
            "made_by": self.encoder.name,
            "text": dict(corpus.provenance),
            "corpus": corpus.fingerprint,
            "truncated": truncated,
            "encoding": self.settings(),
        }
        return Space.from_vectors(
            points.ids.to_list(), vectors, metadata if metadata.width else None, self.encoder, facts
        )


def embed(
    encoder: Encoder,
    corpus: Corpus,
    *,
    into: PathLike | None,
    long: str,
    overlap: int,
    overwrite: bool,
    progress: bool,
) -> Space:
    """Do what `Encoder.embed` promises."""
    if not isinstance(corpus, Corpus):
        raise InputError(f"embed takes a Corpus; got {type(corpus).__name__}: use Corpus.from_texts, or encode")
    checks.flag("overwrite", overwrite)
    checks.flag("progress", progress)
    pools.need_polars("embedding a corpus")
    way = Way(encoder, checks.choice("long", long, LONG), checks.whole("overlap", overlap, low=0))
    if into is not None:
        from semspace.sentences.resumable import embed_into

        space = embed_into(way, corpus, into, overwrite=overwrite, progress=progress)
    else:
        space = _in_memory(way, corpus, progress=progress)
    encoder.warn(space.provenance["truncated"], len(space), above=4)
    return space


def blocks(texts: pl.Series) -> Iterator[list[str]]:
    """Walk texts in blocks."""
    for start in range(0, len(texts), encoders.BLOCK):
        yield texts[start : start + encoders.BLOCK].to_list()


def _in_memory(way: Way, corpus: Corpus, *, progress: bool) -> Space:
    points = way.points(corpus)
    vectors = np.empty((len(points), way.encoder.dim), np.float32)
    done = truncated = 0
    for part in way.encoded(blocks(points.texts), len(points), progress=progress):
        vectors[done : done + len(part.vectors)] = part.vectors
        done, truncated = done + len(part.vectors), truncated + int(part.cut.sum())
    vectors.setflags(write=False)
    return way.space(points, corpus, vectors, truncated)


def _passages_of(corpus: Corpus, way: Way) -> Corpus:
    """Give a corpus of passages that know their documents and their places in them."""
    taken = next((name for name in _PLACES if name in corpus.frame.columns), None)
    if taken is not None:
        raise InputError(
            f"long='passages' makes the columns {', '.join(_PLACES)}, and the corpus has a column {taken!r} already; "
            f"rename it"
        )
    parts = [
        _split(corpus.frame[start : start + encoders.BLOCK], way) for start in range(0, len(corpus), encoders.BLOCK)
    ]
    return Corpus(pl.concat(parts), corpus.provenance)


def _split(frame: pl.DataFrame, way: Way) -> pl.DataFrame:
    texts = frame["text"].to_list()
    found = way.encoder.passages(texts, way.overlap)
    counts = np.array([len(spans) for spans in found])
    rows = np.repeat(np.arange(len(texts)), counts)
    spans = [span for one in found for span in one]
    numbers = np.concatenate([np.arange(count) for count in counts])
    whole = frame[rows]
    return whole.with_columns(
        (whole["id"] + "#" + pl.Series(numbers).cast(pl.String)).alias("id"),
        pl.Series("text", [texts[row][a:b] for row, (a, b) in zip(rows, spans, strict=True)], dtype=pl.String),
        whole["id"].alias("document"),
        pl.Series("start", [a for a, _ in spans], dtype=pl.Int64),
        pl.Series("end", [b for _, b in spans], dtype=pl.Int64),
    )


def _pooled(way: Way, blocks: Iterator[list[str]], total: int, *, progress: bool) -> Iterator[Encoded]:
    """Give each text the mean of its passages' vectors."""
    with bar("encoding", total, unit="text", progress=progress) as shown:
        for block in blocks:
            parts = []
            for start in range(0, len(block), _AT_ONCE):
                parts.append(_means(way, block[start : start + _AT_ONCE]))
                shown.update(len(parts[-1].vectors))
            vectors, cut = (
                np.concatenate([part.vectors for part in parts]),
                np.concatenate([part.cut for part in parts]),
            )
            yield encoders.Encoded(vectors, cut)


def _means(way: Way, texts: list[str]) -> Encoded:
    encoder = way.encoder
    found = encoder.passages(texts, way.overlap)
    flat = iter([text[a:b] for text, spans in zip(texts, found, strict=True) for a, b in spans])
    pieces = iter(lambda: list(islice(flat, encoders.BLOCK)), [])
    parts = list(encoder.encoded(pieces, sum(map(len, found)), prompt=encoder.document_prompt))
    vectors, cut = np.concatenate([part.vectors for part in parts]), np.concatenate([part.cut for part in parts])
    counts = np.array([len(spans) for spans in found])
    starts = np.cumsum(counts) - counts
    means = np.add.reduceat(vectors, starts) / counts[:, None].astype(np.float32)
    if encoder.normalizes:
        scaled = queries.unit(means, floor=queries.TINY)
        means = np.where(counts[:, None] > 1, scaled, means)  # a single passage's vector is kept to the last bit
    return encoders.Encoded(means.astype(np.float32, copy=False), np.logical_or.reduceat(cut, starts))
