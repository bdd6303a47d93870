"""Texts without what frames them: quotes, headers, addresses, and the lines with which many of them begin or end.

Groups are named by what is left. Nothing here knows a language: a greeting or a signature is what several texts begin
or end with, word for word, and a quotation what follows a mark such as ``>``.
"""

from __future__ import annotations

import numpy as np
import polars as pl

from semspace.statistics import wilson
from semspace.types import Bools1d, Int32s1d, Ints1d

_MIN_TEXTS = 3  # different ones that begin or end with the same line, before it counts as part of their frame
_MAX_FRAMED = 0.4  # share of the words of all texts in repeated lines; above, texts are made of templates
_MARGIN = 0.1  # share of a text's words that are its beginning, and its end, within these bounds in words:
_MIN_MARGIN, _MAX_START, _MAX_END = 5, 8, 15  # a name follows "thanks"; news name their subject soon after the start
_MARGINAL = 0.5  # share of a word's occurrences at the beginnings and ends of texts, from which it is part of the frame
_MIN_LIFT = 2.0  # how many times as many as by chance
_MIN_COUNT = 20  # occurrences of a word before its position is tested

_QUOTED = r"^\s*(?:[\p{L}]{0,3}>|[|:][^|:]*$)"
_HEADER = (  # fields of RFC 5322 and RFC 1036 that hold no subject
    r"^(?i)(?:from|to|cc|bcc|date|sent|sender|organi[sz]ation|lines|reply-to|message-id|nntp-[\w-]+|distribution|x-[\w-]+"
    r"|path|references|in-reply-to|followup-to|newsgroups|article-i\.d\.|expires|return-path|received|content-[\w-]+"
    r"|mime-version|user-agent|originator|approved):(?:\s|$)"
)
_SIGNATURE = r"^-- ?$"  # everything after such a line is a signature (RFC 3676)
_MAX_SIGNATURE = 12  # lines
_ADDRESS = (
    r"(?i)\S+@[\w-]+(?:\.[\w-]+)*\S*|(?:https?|ftp)://\S+|\bwww\.\S+"
    r"|\b[\p{L}\d-]+(?:\.[\p{L}\d-]+)+\.\p{L}{2,6}\b|\b[\p{L}\d-]+\.(?:com|org|net|edu|gov|mil)\b"
)
# What isn't a letter, but no single space: most words have one between them, and it stays.
_BETWEEN_WORDS = r"(?:[^\p{L}\p{M} ]| [^\p{L}\p{M}])[^\p{L}\p{M}]*"
_SENTENCE_END = r"([.!?][\"'”’»)\]]*\s|[。！？])"


def without_boilerplate(texts: pl.Series) -> pl.Series:
    """Return texts without what frames them; a text of which nothing would be left stays as it is.

    Left out are quoted lines with the line that introduces them, headers of mails, signatures below ``--``, addresses
    of mails and hosts, and the sentences with which at least 3 different texts begin or end.

    Parameters
    ----------
    texts : Series of String, shape (n,)
    """
    lines = pl.DataFrame({"doc": pl.int_range(len(texts), eager=True), "line": texts.fill_null("").str.split("\n")})
    lines = _unquoted(lines.explode("line").filter(pl.col("line").str.contains(r"\S")))
    line = pl.col("line").str.replace_all(_ADDRESS, " ")
    sentences = line.str.replace_all(_SENTENCE_END, "${1}\n").str.split("\n")
    units = lines.select("doc", sentences.alias("unit")).explode("unit")
    kept = _unframed(units).group_by("doc", maintain_order=True).agg(pl.col("unit").str.join("\n"))
    cleaned = pl.DataFrame({"doc": pl.int_range(len(texts), eager=True)}).join(kept, on="doc", how="left")["unit"]
    return pl.select(pl.when(cleaned.str.contains(r"[\p{L}\p{N}]")).then(cleaned).otherwise(texts)).to_series()


def _unquoted(lines: pl.DataFrame) -> pl.DataFrame:
    """Return lines without quotations, what introduces them, headers, and signatures below a mark."""
    line, doc = pl.col("line"), pl.col("doc")
    lines = lines.with_columns(quoted=line.str.contains(_QUOTED), position=pl.int_range(pl.len()).over("doc"))
    next_quoted = pl.col("quoted").shift(-1).fill_null(False) & (doc.shift(-1) == doc)
    introduces = next_quoted & line.str.contains(r":\s*$")
    header = line.str.contains(_HEADER) & (pl.col("position") < 30)
    mark = line.str.contains(_SIGNATURE) & (pl.len().over("doc") - pl.col("position") <= _MAX_SIGNATURE)
    signature = mark.cast(pl.Int32).cum_sum().over("doc") > 0
    return lines.filter(~(pl.col("quoted") | introduces | header | signature)).select("doc", "line")


def _unframed(units: pl.DataFrame) -> pl.DataFrame:
    """Return the sentences of texts without the runs of repeated ones at their beginnings and ends."""
    key = pl.col("unit").str.to_lowercase().str.replace_all(_BETWEEN_WORDS, " ").str.strip_chars()
    units = units.with_columns(key=key)
    text = units.group_by("doc", maintain_order=True).agg(pl.col("key").str.join(" ").hash().alias("text"))
    units = units.join(text, on="doc", maintain_order="left")
    count = pl.col("text").n_unique().over("key")
    units = units.with_columns(repeated=(count >= _MIN_TEXTS) | (pl.col("key") == ""), at=pl.int_range(pl.len()))
    own = pl.col("at").filter(~pl.col("repeated"))
    units = units.with_columns(first=own.min().over("doc"), last=own.max().over("doc"))
    inside = pl.col("at").is_between(pl.col("first"), pl.col("last")) | pl.col("first").is_null()
    units = units.with_columns(inside=inside)
    words = pl.col("key").str.len_chars()
    framed = units.select((words * ~pl.col("inside")).sum() / words.sum().clip(1)).item()
    return units if framed > _MAX_FRAMED else units.filter("inside")


def is_marginal(ids: Int32s1d, offsets: Ints1d, n_words: int) -> Bools1d:
    """Return for each word whether it stands at the beginnings and ends of texts, far beyond chance, shape (n_words,).

    So do "thanks", names in signatures, and "writes" above a quotation, whatever the language.

    Parameters
    ----------
    ids : ndarray of int32, shape (words,)
        Those of all texts, one after the other.
    offsets : ndarray of int64, shape (n + 1,)
        Where each text begins, and the last one ends.
    n_words : int
        Size of the vocabulary.
    """
    lengths = np.diff(offsets)
    share = np.round(lengths * _MARGIN)
    start, end = np.clip(share, _MIN_MARGIN, _MAX_START), np.clip(share, _MIN_MARGIN, _MAX_END)
    chances = np.minimum(1, (start + end) / np.maximum(lengths, 1))
    position = np.arange(len(ids)) - np.repeat(offsets[:-1], lengths)
    in_margin = (position < np.repeat(start, lengths)) | (position >= np.repeat(lengths - end, lengths))
    counts = np.maximum(np.bincount(ids, minlength=n_words), 1)
    found = np.bincount(ids, in_margin, minlength=n_words)
    expected = np.bincount(ids, np.repeat(chances, lengths), minlength=n_words)
    at_least = wilson(found, counts)[0]  # with a certainty of 97.5 %
    marginal: Bools1d = (counts >= _MIN_COUNT) & (at_least >= _MARGINAL) & (found >= _MIN_LIFT * expected)
    return marginal
