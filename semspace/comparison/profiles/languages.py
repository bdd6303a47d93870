"""Which languages corpora are written in."""

from __future__ import annotations

import numpy as np
import polars as pl

from semspace.progress import track
from semspace.statistics import wilson
from semspace.text.languages import SAMPLE, detect_language
from semspace.types import Ints1d

UNSPACED = frozenset({"bo", "dz", "ja", "km", "lo", "my", "th", "wuu", "yue", "zh"})
SCHEMA = {
    "corpus": pl.Int64,
    "language": pl.String,
    "documents": pl.Int64,
    "share": pl.Float64,
    "low": pl.Float64,
    "high": pl.Float64,
}


def detect_languages(
    texts: pl.Series | None, corpus_ids: Ints1d, n_corpora: int, *, seed: int = 0, progress: bool = True
) -> pl.DataFrame:
    """Return a row for each language of each corpus, the most frequent first; no row without texts.

    Columns ``corpus`` (its number), ``language`` (ISO 639-1, or 639-3 of languages without such a code; null if
    it is unknown), ``documents`` (of the sample), ``share`` of the sample, and its 95 % interval ``low`` and
    ``high`` (Wilson 1927).

    Parameters
    ----------
    texts : polars.Series of String, shape (n,), or None
    corpus_ids : ndarray of int64, shape (n,)
        The corpus of each text.
    n_corpora : int
    seed : int
        For the sample: up to 1,000 documents of each corpus, 600 letters of each.
    """
    rows: list[tuple[object, ...]] = []
    for corpus in range(n_corpora if texts is not None else 0):
        assert texts is not None
        members = np.flatnonzero(corpus_ids == corpus)
        rng = np.random.default_rng([seed, corpus])
        sampled = np.sort(rng.choice(members, min(SAMPLE, len(members)), replace=False))
        texts_sampled = texts.gather(sampled)
        codes = [
            detect_language(text)
            for text in track(texts_sampled, "languages", len(texts_sampled), unit="text", progress=progress)
        ]
        counts = pl.Series("language", codes, dtype=pl.String).value_counts(name="documents")
        counts = counts.sort(["documents", "language"], descending=[True, False])
        ends = zip(*wilson(counts["documents"].to_numpy(), len(codes)), strict=True)
        for (name, documents), (low, high) in zip(counts.iter_rows(), ends, strict=True):
            rows.append((corpus, name, documents, documents / len(codes), float(low), float(high)))
    return pl.DataFrame(rows, schema=SCHEMA, orient="row")


def main_languages(table: pl.DataFrame, n_corpora: int) -> list[tuple[str | None, float | None]]:
    """Return the most frequent language of each corpus and its share; (None, None) if it is unknown."""
    mains: list[tuple[str | None, float | None]] = []
    for corpus in range(n_corpora):
        codes = table.filter((pl.col("corpus") == corpus) & pl.col("language").is_not_null())
        mains.append((codes["language"][0], codes["share"][0]) if len(codes) else (None, None))
    return mains


def languages_differ(table: pl.DataFrame) -> bool:
    """Check whether two corpora are mainly of different languages, each significantly so.

    A corpus is significantly of a language if the 95 % interval of its share lies above one half; a corpus of many
    languages, or of texts too short, differs from none.

    Parameters
    ----------
    table : polars.DataFrame
        What `detect_languages` returns.
    """
    sure = table.filter(pl.col("language").is_not_null() & (pl.col("low") > 0.5))
    return sure["language"].n_unique() > 1
