"""`EncodingPlan`: how the documents of a corpus become the points of a space, and what to do with long texts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from semspace import queries
from semspace.errors import InputError
from semspace.progress import bar
from semspace.sentences import blocks
from semspace.sentences.blocks import EncodedBlock, encode_blocks
from semspace.sentences.prompts import document_prompt
from semspace.space import Space
from semspace.text.corpus import Corpus
from semspace.types import Floats2d

if TYPE_CHECKING:
    from semspace.sentences.encoder import Encoder

LONG_TEXTS = ("cut", "pool", "passages")
# Number of long texts whose passages are in memory at once, until they are averaged.
_POOLED_TEXTS = 128
_OLD_NAMES = {"engine": "implementation", "long": "long_texts"}  # in spaces of version 0.1
_PASSAGE_COLUMNS = ("document", "start", "end")


@dataclass(frozen=True)
class EncodingPlan:
    """An encoder, and what it does with texts that are longer than it can read.

    Parameters
    ----------
    encoder : Encoder
    long_texts : {"cut", "pool", "passages"}
    overlap : int
        Largest number of tokens that a passage repeats from the one before.
    """

    encoder: Encoder
    long_texts: str
    overlap: int

    def settings(self) -> dict[str, Any]:
        """Return everything that decides a vector besides its text, as it stands in the provenance of a space."""
        facts = {
            "encoder": self.encoder.fingerprint,
            "implementation": self.encoder.implementation,
            "long_texts": self.long_texts,
            "prompt": document_prompt(self.encoder.prompts),
        }
        return facts if self.long_texts == "cut" else {**facts, "overlap": self.overlap}

    def points(self, corpus: Corpus) -> Corpus:
        """Return a corpus with a row for each vector: the documents, or their passages."""
        return _passages_of(corpus, self) if self.long_texts == "passages" else corpus

    def encode(self, text_blocks: Iterator[list[str]], total: int, *, progress: bool) -> Iterator[EncodedBlock]:
        """Iterate over the encoded blocks of `total` texts."""
        if self.long_texts == "pool":
            yield from _pooled_blocks(self, text_blocks, total, progress=progress)
        else:
            prompt = document_prompt(self.encoder.prompts)
            yield from encode_blocks(self.encoder, text_blocks, total, prompt=prompt, progress=progress)

    def space(self, points: Corpus, corpus: Corpus, vectors: Floats2d, n_truncated: int) -> Space:
        """Create the space of the vectors of `points`, with its metadata and provenance."""
        metadata = metadata_of(points)
        provenance = {
            "made_by": self.encoder.name,
            "text": dict(corpus.provenance),
            "corpus": corpus.fingerprint,
            "truncated": n_truncated,
            "encoding": self.settings(),
        }
        return Space.from_vectors(
            points.ids.to_list(), vectors, metadata if metadata.width else None, self.encoder, provenance
        )


def recorded_settings(provenance: Mapping[str, Any]) -> dict[str, Any]:
    """Return the settings in the provenance of a space, by the names of today; empty if it records none."""
    return {_OLD_NAMES.get(name, name): value for name, value in provenance.get("encoding", {}).items()}


def metadata_of(points: Corpus) -> pl.DataFrame:
    """Return the metadata of a space of these points: all columns but the ids, and the texts where they are the ids."""
    return points.frame.drop(["id", "text"] if points.ids.equals(points.texts) else ["id"])


def _passages_of(corpus: Corpus, plan: EncodingPlan) -> Corpus:
    """Return a corpus of passages, whose metadata say which characters of which document they hold."""
    taken = next((name for name in _PASSAGE_COLUMNS if name in corpus.frame.columns), None)
    if taken is not None:
        raise InputError(
            f"long_texts='passages' adds the columns {', '.join(_PASSAGE_COLUMNS)}, but the corpus already has a "
            f"column {taken!r}; rename it"
        )
    starts = range(0, len(corpus), blocks.BLOCK_TEXTS)
    parts = [_split(corpus.frame[start : start + blocks.BLOCK_TEXTS], plan) for start in starts]
    return Corpus(pl.concat(parts), corpus.provenance)


def _split(frame: pl.DataFrame, plan: EncodingPlan) -> pl.DataFrame:
    """Return a frame with a row for each passage of the documents of a frame."""
    texts = frame["text"].to_list()
    passages = plan.encoder.passages(texts, plan.overlap)
    counts = np.array([len(spans) for spans in passages])
    rows = np.repeat(np.arange(len(texts)), counts)
    spans = [span for spans in passages for span in spans]
    numbers = np.concatenate([np.arange(count) for count in counts])
    documents = frame[rows]
    return documents.with_columns(
        (documents["id"] + "#" + pl.Series(numbers).cast(pl.String)).alias("id"),
        pl.Series("text", [texts[row][a:b] for row, (a, b) in zip(rows, spans, strict=True)], dtype=pl.String),
        documents["id"].alias("document"),
        pl.Series("start", [start for start, _ in spans], dtype=pl.Int64),
        pl.Series("end", [end for _, end in spans], dtype=pl.Int64),
    )


def _pooled_blocks(
    plan: EncodingPlan, text_blocks: Iterator[list[str]], total: int, *, progress: bool
) -> Iterator[EncodedBlock]:
    """Iterate over blocks in which the vector of a text is the mean of the vectors of its passages."""
    with bar("encoding", total, unit="text", progress=progress) as progress_bar:
        for block in text_blocks:
            parts = []
            for start in range(0, len(block), _POOLED_TEXTS):
                parts.append(_pooled(plan, block[start : start + _POOLED_TEXTS]))
                progress_bar.update(len(parts[-1].vectors))
            yield _joined(parts)


def _pooled(plan: EncodingPlan, texts: list[str]) -> EncodedBlock:
    encoder = plan.encoder
    passages = encoder.passages(texts, plan.overlap)
    counts = np.array([len(spans) for spans in passages])
    flat = iter([text[a:b] for text, spans in zip(texts, passages, strict=True) for a, b in spans])
    passage_blocks = iter(lambda: list(islice(flat, blocks.BLOCK_TEXTS)), [])
    prompt = document_prompt(encoder.prompts)
    encoded = _joined(list(encode_blocks(encoder, passage_blocks, int(counts.sum()), prompt=prompt, progress=False)))
    starts = np.cumsum(counts) - counts
    means = np.add.reduceat(encoded.vectors, starts) / counts[:, None].astype(np.float32)
    if encoder.normalizes:
        scaled = queries.unit(means, floor=queries.TINY)
        means = np.where(counts[:, None] > 1, scaled, means)  # a single passage's vector is kept to the last bit
    truncated = np.logical_or.reduceat(encoded.truncated, starts)
    return EncodedBlock(means.astype(np.float32, copy=False), truncated)


def _joined(parts: list[EncodedBlock]) -> EncodedBlock:
    return EncodedBlock(
        np.concatenate([part.vectors for part in parts]), np.concatenate([part.truncated for part in parts])
    )
