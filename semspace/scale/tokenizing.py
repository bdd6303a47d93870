"""A shard of texts → its words: their counts, and the texts as numbers of words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import polars as pl

from semspace.errors import EmptyInputError, InputError
from semspace.scale.documents import Reading, ShardDocuments, read_documents
from semspace.scale.shard import ShardInput, ShardOutput
from semspace.text.files import file_format
from semspace.text.tokens import Tokens
from semspace.types import Int32s1d, Ints1d

VOCABULARY, WORDS, LENGTHS = "vocabulary", "words", "lengths"


def process(inputs: tuple[ShardInput, ...], settings: Mapping[str, Any], threads: int | None) -> ShardOutput:
    """Split the documents of a file into words, numbered by how frequent they are in this file."""
    source, reading = inputs[0], Reading(**settings["reading"])
    try:
        tokens = Tokens.read(
            source.path,
            text=reading.text,
            tokenizer=settings["tokenizer"],
            encoding=reading.encoding,
            empty=reading.empty,
            documents="lines" if file_format(source.path) == "txt" else None,
            threads=threads,
            progress=False,
        )
    except EmptyInputError:
        return _without_words(read_documents(source, settings["reading"]), settings)
    if "forgotten" in tokens.provenance:
        raise InputError(
            f"{source.file.title} has more different words than are counted at a time, so the counts wouldn't be "
            f"exact; pass a smaller shard_bytes, or cut it into smaller files"
        )
    n_documents = len(tokens.offsets) - 1
    facts = {"documents": n_documents, "words_read": len(tokens)}
    if "dropped_empty" in tokens.provenance:
        facts["dropped_empty"] = tokens.provenance["dropped_empty"]
    tables = _tables(tokens.vocabulary, tokens.ids, tokens.offsets[1:] - tokens.offsets[:-1], settings)
    return ShardOutput(n_documents, tables, facts)


def _without_words(documents: ShardDocuments, settings: Mapping[str, Any]) -> ShardOutput:
    """Return the output for documents that have no words; other files of the job may have some."""
    vocabulary = pl.DataFrame(schema={"word": pl.String, "count": pl.Int64})
    tables = _tables(vocabulary, np.zeros(0, np.int32), np.zeros(len(documents.frame), np.int64), settings)
    n_documents = len(documents.frame)
    facts = {"documents": n_documents, "words_read": 0}
    if n_documents < documents.n_read:
        facts["dropped_empty"] = documents.n_read - n_documents
    return ShardOutput(n_documents, tables, facts)


def _tables(
    vocabulary: pl.DataFrame, ids: Int32s1d, lengths: Ints1d, settings: Mapping[str, Any]
) -> dict[str, pl.DataFrame]:
    tables = {VOCABULARY: vocabulary.select("word", pl.col("count").cast(pl.Int64))}
    if settings["keep_words"]:
        tables[WORDS] = pl.DataFrame({"id": pl.Series(ids, dtype=pl.Int32)})
        tables[LENGTHS] = pl.DataFrame({"words": pl.Series(lengths, dtype=pl.Int64)})
    return tables
