"""Which languages corpora are written in, by a naive Bayes over letters that needs no network.

py3langid (Lui & Baldwin 2012, "langid.py"; BSD) brings its model in its wheel. A text counts as unknown where no
language is at least as likely as all others together: of sentences of some 40 letters that is one in ten, and of the
others one in five hundred comes out wrong.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from semspace.progress import track
from semspace.statistics import wilson

_SAMPLE = 1_000  # documents of a corpus that are looked at: a share is known within 3 %
_LETTERS = 600  # of each document
_LIKELY = 0.5
_NOTHING = "zxx"  # py3langid's "no linguistic content"
UNSPACED = frozenset({"bo", "dz", "ja", "km", "lo", "my", "th", "wuu", "yue", "zh"})
_SCHEMA = {
    "corpus": pl.Int64,
    "language": pl.String,
    "documents": pl.Int64,
    "share": pl.Float64,
    "low": pl.Float64,
    "high": pl.Float64,
}


def languages(
    texts: pl.Series | None, of: npt.NDArray[np.int64], corpora: int, *, seed: int = 0, progress: bool = True
) -> pl.DataFrame:
    """Return a row for each language of each corpus, the most frequent first; no row without texts.

    Columns ``corpus`` (its number), ``language`` (ISO 639-1, or 639-3 of languages without such a code; null where
    none could be told), ``documents`` (of the sample), ``share`` of the sample, and its 95 % interval ``low`` and
    ``high`` (Wilson 1927).

    Parameters
    ----------
    texts : polars.Series of String, shape (n,), or None
    of : ndarray of int64, shape (n,)
        The corpus of each text.
    corpora : int
    seed : int
        For the sample: up to 1,000 documents of each corpus, 600 letters of each.
    """
    rows: list[tuple[object, ...]] = []
    for corpus in range(corpora if texts is not None else 0):
        assert texts is not None
        members = np.flatnonzero(of == corpus)
        draw = np.random.default_rng([seed, corpus])
        looked_at = np.sort(draw.choice(members, min(_SAMPLE, len(members)), replace=False))
        some = texts.gather(looked_at)
        told = [language(text) for text in track(some, "languages", len(some), unit="text", progress=progress)]
        counts = pl.Series("language", told, dtype=pl.String).value_counts(name="documents")
        counts = counts.sort(["documents", "language"], descending=[True, False])
        ends = zip(*wilson(counts["documents"].to_numpy(), len(told)), strict=True)
        for (name, documents), (low, high) in zip(counts.iter_rows(), ends, strict=True):
            rows.append((corpus, name, documents, documents / len(told), float(low), float(high)))
    return pl.DataFrame(rows, schema=_SCHEMA, orient="row")


def language(text: str | None) -> str | None:
    """Return the code of a text's language, or None where it can't be told: too short, or not in words.

    Examples
    --------
    >>> language("The weather was fine, so we went to the sea."), language("42"), language("😀")
    ('en', None, None)
    """
    code, likely = _identifier().classify((text or "").strip()[:_LETTERS])
    return None if likely < _LIKELY or code == _NOTHING else str(code)


def main_languages(table: pl.DataFrame, corpora: int) -> list[tuple[str | None, float | None]]:
    """Return the most frequent language of each corpus and its share; (None, None) where none was told."""
    mains: list[tuple[str | None, float | None]] = []
    for corpus in range(corpora):
        told = table.filter((pl.col("corpus") == corpus) & pl.col("language").is_not_null())
        mains.append((told["language"][0], told["share"][0]) if len(told) else (None, None))
    return mains


def languages_differ(table: pl.DataFrame) -> bool:
    """Tell whether two corpora are mainly of different languages, each surely so.

    A corpus is surely of a language if the 95 % interval of its share lies above one half; a corpus of many languages,
    or of texts too short to tell, differs from none.

    Parameters
    ----------
    table : polars.DataFrame
        What `languages` returns.
    """
    sure = table.filter(pl.col("language").is_not_null() & (pl.col("low") > 0.5))
    return sure["language"].n_unique() > 1


@cache
def _identifier() -> Any:
    """Load the model (a second, 50 MB), apart from py3langid's own, whose languages a caller may have restricted."""
    from py3langid.langid import MODEL_FILE, LanguageIdentifier

    return LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
