"""A shard of texts → its words: their counts, and the texts as numbers of words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import polars as pl

from semspace.errors import InputError
from semspace.scale.documents import Reading
from semspace.scale.shard import ShardInput, ShardOutput
from semspace.text.files import file_format
from semspace.text.tokens import Tokens

VOCABULARY, WORDS, LENGTHS = "vocabulary", "words", "lengths"


def process(inputs: tuple[ShardInput, ...], settings: Mapping[str, Any], threads: int | None) -> ShardOutput:
    """Split the documents of a file into words, numbered by how frequent they are in this file."""
    source, reading = inputs[0], Reading(**settings["reading"])
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
    if "forgotten" in tokens.provenance:
        raise InputError(
            f"{source.file.title} has more different words than are counted at a time, so the counts wouldn't be "
            f"exact; pass a smaller shard_bytes, or cut it into smaller files"
        )
    n_documents = len(tokens.offsets) - 1
    facts = {"documents": n_documents, "words_read": len(tokens)}
    if "dropped_empty" in tokens.provenance:
        facts["dropped_empty"] = tokens.provenance["dropped_empty"]
    tables = {VOCABULARY: tokens.vocabulary.select("word", pl.col("count").cast(pl.Int64))}
    if settings["keep_words"]:
        tables[WORDS] = pl.DataFrame({"id": pl.Series(tokens.ids, dtype=pl.Int32)})
        lengths = tokens.offsets[1:] - tokens.offsets[:-1]
        tables[LENGTHS] = pl.DataFrame({"words": pl.Series(lengths, dtype=pl.Int64)})
    return ShardOutput(n_documents, tables, facts)
