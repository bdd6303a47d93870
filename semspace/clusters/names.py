"""What to call a group: the words it uses more than the others, or its most central points where there are no texts."""

from collections.abc import Sequence

import numpy as np
import polars as pl
from sklearn.feature_extraction.text import ENGLISH_STOP_WORDS

from semspace.clusters.kmeans import Labels
from semspace.text.tokenize import FastTokenizer

_NAMED_BY = 3
_NOTHING = 1e-9


def keywords(texts: pl.Series, labels: Labels, k: int, *, top: int = 8) -> list[tuple[str, ...]]:
    """Return the `top` words of each group, most telling first.

    With ``p`` the share of a group's documents that hold a word and ``q`` the share of all documents, a word
    weighs ``p log(p / q)``: its part in the divergence of the group from the whole (Kullback & Leibler 1951). A
    word that is as frequent everywhere weighs nothing, however frequent it is, and one long document counts
    once. English stop words, words of fewer than three letters and words of a single document are left out, the
    last unless a group has no other.
    """
    sizes = np.bincount(labels, minlength=k)
    present = (
        pl.DataFrame({"group": labels, "doc": np.arange(len(labels)), "word": FastTokenizer()(texts)})
        .explode("word")
        .with_columns(pl.col("word").str.replace("'s$", ""))
        .filter((pl.col("word").str.len_chars() > 2) & ~pl.col("word").is_in(sorted(ENGLISH_STOP_WORDS)))
        .filter(~pl.col("word").str.contains(r"^\p{N}+$"))
        .unique(["doc", "word"])
    )
    counted = (
        present.group_by("group", "word")
        .agg(pl.len().alias("docs"))
        .with_columns(pl.col("docs").sum().over("word").alias("everywhere"))
    )
    p = pl.col("docs") / pl.Series(sizes).gather(counted["group"])
    weighed = counted.with_columns(
        (p * (p * len(labels) / pl.col("everywhere")).log()).alias("weight"), (pl.col("everywhere") < 2).alias("rare")
    )
    telling = weighed.filter(pl.col("weight") > _NOTHING) if k > 1 else weighed
    kept = telling.filter(~pl.col("rare") | pl.col("rare").all().over("group"))
    ranked = kept.sort(["group", "weight", "word"], descending=[False, True, False])
    by_group = {int(g): tuple(part["word"].head(top)) for (g,), part in ranked.group_by("group", maintain_order=True)}
    return [by_group.get(g, ()) for g in range(k)]


def distinct_names(words: Sequence[tuple[str, ...]]) -> tuple[str, ...]:
    """Name each group by its first three words, or by more where two would be called the same."""
    names: list[str] = []
    for g, own in enumerate(words):
        length = _NAMED_BY
        while length < len(own) and ", ".join(own[:length]) in names:
            length += 1
        name = ", ".join(own[:length]) or f"group {g}"
        names.append(name if name not in names else f"{name} ({g})")
    return tuple(names)
