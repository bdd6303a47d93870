"""`read_word_counts` and `read_tokens`: shards of words → what one machine would have counted."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import polars as pl

from semspace import checks, schema
from semspace.errors import DamagedError
from semspace.progress import bar
from semspace.scale.job import ShardJob
from semspace.scale.reading import finished_job, read_shard
from semspace.scale.storage import Storage, open_storage
from semspace.scale.tokenizing import LENGTHS, VOCABULARY, WORDS
from semspace.text import mmap_array
from semspace.text.builder import storage_errors, write_tokens
from semspace.text.tokens import Tokens
from semspace.text.vocabulary import empty_vocabulary_error
from semspace.types import Int32s1d, Ints1d

_KINDS = {"word": pl.String, "count": pl.Int64}
_MERGED = 5_000_000  # rows of vocabularies that are put together at a time


def read_word_counts(words: Any, *, min_count: int = 1) -> pl.DataFrame:
    """Return how often each word occurs in all files; exact, as one machine would count.

    Parameters
    ----------
    words : path or URL
        The folder that `count` or `tokenize` wrote to.
    min_count : int
        Leave out rarer words.

    Returns
    -------
    polars.DataFrame
        Columns ``word`` and ``count`` (int64), most frequent first, then by spelling.

    Raises
    ------
    InputError
        If the job isn't complete, or no word has a count of `min_count`.
    DamagedError
        If a file has changed since it was written.
    """
    checks.whole("min_count", min_count)
    storage = open_storage("words", words)
    return _merged(storage, finished_job(storage, "count", "tokenize"), min_count)


def read_tokens(words: Any, *, min_count: int = 1, progress: bool = True) -> Tokens:
    """Open the words of all files as one `Tokens`: the numbers and counts that `Tokens.read` would give.

    Each line of a ``.txt`` is a document, as by `Tokens.read` with ``documents="lines"``. The vocabulary has to fit
    into memory; the words lie in a temporary file with 4 bytes a word.

    Parameters
    ----------
    words : path or URL
        The folder that `tokenize` wrote to.
    min_count : int
        Leave out rarer words.
    progress : bool

    Returns
    -------
    Tokens

    Raises
    ------
    InputError
        If the job isn't complete, or no word has a count of `min_count`.
    DamagedError
        If a file has changed since it was written.
    """
    checks.whole("min_count", min_count)
    checks.flag("progress", progress)
    storage = open_storage("words", words)
    job = finished_job(storage, "tokenize")
    vocabulary = _merged(storage, job, min_count)
    with storage_errors(), mmap_array.temporary_folder() as folder:
        write_tokens(folder, _parts(storage, job, vocabulary, progress=progress))
        arrays = mmap_array.take_arrays(folder, "ids", "offsets")
    dropped = job.total("dropped_empty")
    made = {
        "source": storage.url,
        "tokenizer": job.settings["tokenizer"],
        "min_count": min_count,
        "words_read": job.total("words_read"),
        **({"dropped_empty": dropped} if dropped else {}),
    }
    return Tokens._unchecked(arrays, vocabulary, made)


def _merged(storage: Storage, job: ShardJob, min_count: int) -> pl.DataFrame:
    """Add up the counts of all shards."""
    merged, waiting = pl.DataFrame(schema=_KINDS), []
    for key in job.inputs:
        waiting.append(read_shard(storage, job.records[key], VOCABULARY, _KINDS).select(*_KINDS))
        if sum(map(len, waiting)) > _MERGED:
            merged, waiting = _added([merged, *waiting]), []
    merged = _added([merged, *waiting])
    kept = merged.filter(pl.col("count") >= min_count)
    if not len(kept):
        raise empty_vocabulary_error(min_count, int(merged["count"].max() or 0))  # type: ignore[arg-type]
    return kept.sort(["count", "word"], descending=[True, False])


def _added(tables: list[pl.DataFrame]) -> pl.DataFrame:
    return pl.concat(tables).group_by("word").agg(pl.col("count").sum())


def _parts(
    storage: Storage, job: ShardJob, vocabulary: pl.DataFrame, *, progress: bool
) -> Iterator[tuple[Int32s1d, Ints1d]]:
    """Iterate over the shards: words as numbers in the whole vocabulary, -1 for those left out; ends of documents."""
    numbered = vocabulary.select("word", pl.int_range(pl.len(), dtype=pl.Int32).alias("number"))
    with bar("joining words", job.total("words_read"), unit="word", progress=progress) as shown:
        for key in job.inputs:
            record = job.records[key]
            local = read_shard(storage, record, VOCABULARY, _KINDS)
            numbers = local.join(numbered, on="word", how="left", maintain_order="left")["number"].fill_null(-1)
            ids = read_shard(storage, record, WORDS, {"id": pl.Int32})["id"].to_numpy()
            lengths = read_shard(storage, record, LENGTHS, {"words": pl.Int64})["words"].to_numpy()
            place = f"the words of {key} in {storage.url}"
            schema.within(place, ids, 0, len(local) - 1)
            schema.within(place, lengths, 0, len(ids))
            if int(lengths.sum()) != len(ids):
                raise DamagedError(f"{place} don't fit the lengths of its documents; delete its record, and run again")
            yield numbers.to_numpy()[ids], np.cumsum(lengths)
            shown.update(len(ids))
