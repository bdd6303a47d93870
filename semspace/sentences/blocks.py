"""Texts are encoded in blocks: the loop over them, and the warnings it leads to."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from typing import TYPE_CHECKING, Any, NamedTuple

import polars as pl

from semspace.errors import SemspaceWarning
from semspace.progress import bar
from semspace.threads import limited
from semspace.types import Bools1d, Floats2d

if TYPE_CHECKING:
    from semspace.sentences.encoder import Encoder

# Number of texts that are encoded at a time: enough to keep all cores busy, few enough to bound memory.
BLOCK_TEXTS = 4_096


class EncodedBlock(NamedTuple):
    """Vectors of a block of texts; which texts were truncated, and which hold nothing that the encoder knows."""

    vectors: Floats2d
    truncated: Bools1d
    unknown: Bools1d | None = None


def blocks_of(texts: Sequence[str] | pl.Series) -> Iterator[list[str]]:
    """Iterate over blocks of a sequence of texts, or of a polars Series."""
    for start in range(0, len(texts), BLOCK_TEXTS):
        yield list(texts[start : start + BLOCK_TEXTS])


def encode_blocks(
    encoder: Encoder, blocks: Iterator[list[str]], total: int, *, prompt: str = "", progress: bool = True
) -> Iterator[EncodedBlock]:
    """Iterate over encoded blocks of `total` texts, each after `prompt`; the next block is prepared meanwhile."""
    n_unknown = 0
    with bar("encoding", total, unit="text", progress=progress) as encoding_bar:
        for prepared in _prepared_blocks(encoder, blocks, total, prompt):
            with limited(encoder.threads):
                block = encoder._encode_block(prepared, encoding_bar)
            n_unknown += 0 if block.unknown is None else int(block.unknown.sum())
            yield block
    if n_unknown:
        warnings.warn(
            f"{n_unknown:,} of {total:,} texts contain no word or token that {encoder.name} knows; they all got the "
            f"same vector",
            SemspaceWarning,
            stacklevel=4,
        )


def _prepared_blocks(encoder: Encoder, blocks: Iterator[list[str]], total: int, prompt: str) -> Iterator[Any]:
    """Iterate over prepared blocks; a second thread prepares the next, if there is one and the encoder may use it."""

    def prepare(block: list[str]) -> Any:
        return encoder._prepare([prompt + text for text in block] if prompt else block, prompt)

    if encoder.threads == 1 or total <= BLOCK_TEXTS:
        yield from map(prepare, blocks)
        return
    with ThreadPoolExecutor(1) as executor:
        upcoming = executor.submit(lambda: [prepare(block) for block in islice(blocks, 1)])
        while prepared := upcoming.result():
            upcoming = executor.submit(lambda: [prepare(block) for block in islice(blocks, 1)])
            yield prepared[0]


def warn_truncated(encoder: Encoder, n_truncated: int, total: int, *, remedy: str, stacklevel: int) -> None:
    """Warn of truncated texts, if there are any, with a remedy; `stacklevel` counts from this function."""
    if n_truncated:
        warnings.warn(
            f"{n_truncated:,} of {total:,} texts are longer than the {encoder.max_tokens} tokens that {encoder.name} "
            f"reads; only their beginnings were encoded: {remedy}",
            SemspaceWarning,
            stacklevel=stacklevel,
        )
