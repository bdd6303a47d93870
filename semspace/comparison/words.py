"""Which words set two corpora apart, beyond what chance would."""

from __future__ import annotations

import numpy as np
import polars as pl
from scipy import stats

from semspace.text.corpus import Corpus
from semspace.text.tokenize import FastTokenizer

# The prior weighs as much as a tenth of the smaller corpus: it steadies rare words, and leaves the rest alone.
_PRIOR_SHARE = 0.1


def word_contrast(a: Corpus, b: Corpus, *, min_documents: int = 2) -> pl.DataFrame:
    """Return a row for each word of two corpora, the most telling first.

    Columns ``word``, ``count_a``, ``count_b``, ``log_odds`` (above 0: more a word of the first), ``z``,
    ``p_value`` (two-sided, normal) and ``q_value`` (false discovery rate, Benjamini & Hochberg 1995).

    The log-odds ratio has an informative Dirichlet prior in proportion to the words of both corpora together,
    which keeps rare words from looking telling (Monroe, Colaresi & Quinn 2008, "Fightin' Words", equations
    16, 20 and 22). Words in fewer than `min_documents` documents are left out.
    """
    counts = _counts(a).join(_counts(b), on="word", how="full", coalesce=True, suffix="_b").fill_null(0)
    # How often words come is known for all of them; only words of several documents are shown.
    n_a, n_b = float(counts["n"].sum()), float(counts["n_b"].sum())
    kept = counts.filter(pl.col("docs") + pl.col("docs_b") >= min_documents)
    in_a, in_b = kept["n"].to_numpy().astype(float), kept["n_b"].to_numpy().astype(float)
    if not n_a or not n_b:  # a corpus without words has no odds
        kept, in_a, in_b = kept.clear(), np.empty(0), np.empty(0)
    weight = _PRIOR_SHARE * min(n_a, n_b)
    prior = (in_a + in_b) / max(1.0, n_a + n_b) * weight
    odds_a = np.log(in_a + prior) - np.log(n_a + weight - in_a - prior)
    odds_b = np.log(in_b + prior) - np.log(n_b + weight - in_b - prior)
    z = (odds_a - odds_b) / np.sqrt(1 / (in_a + prior) + 1 / (in_b + prior))
    p = 2 * stats.norm.sf(np.abs(z))
    table = pl.DataFrame(
        {
            "word": kept["word"],
            "count_a": kept["n"].cast(pl.Int64),
            "count_b": kept["n_b"].cast(pl.Int64),
            "log_odds": odds_a - odds_b,
            "z": z,
            "p_value": p,
            "q_value": stats.false_discovery_control(p) if len(p) else p,
        }
    )
    return table.sort([pl.col("z").abs(), "word"], descending=[True, False])


def _counts(corpus: Corpus) -> pl.DataFrame:
    words = FastTokenizer()(corpus.texts)
    flat = pl.DataFrame({"doc": np.arange(len(corpus)), "word": words}).explode("word").drop_nulls("word")
    return flat.group_by("word").agg(pl.len().alias("n"), pl.col("doc").n_unique().alias("docs"))
