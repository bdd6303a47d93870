"""Semantic textual similarity: pairs of sentences that people have rated."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from semspace.bundle import PathLike
from semspace.errors import InputError, UnknownIdError
from semspace.evaluation.pairs import cosines, spearman
from semspace.evaluation.score import Score
from semspace.evaluation.things import encoder_of
from semspace.text.read import read_table


@dataclass(frozen=True)
class STS:
    """Spearman's correlation of cosines with ratings, as the STS Benchmark reports it (Cer et al. 2017).

    Parameters
    ----------
    name : str
    pairs : sequence of (sentence, sentence, rating)
    """

    name: str
    pairs: Sequence[tuple[str, str, float]]

    @classmethod
    def read(cls, path: PathLike, name: str | None = None) -> STS:
        """Read a table with columns ``sentence1``, ``sentence2`` and ``score``."""
        table = read_table(path, strings=("sentence1", "sentence2"))
        for column in ("sentence1", "sentence2", "score"):
            if column not in table.columns:
                raise UnknownIdError(f"{path} has no column {column!r}; its columns are {', '.join(table.columns)}")
        try:
            rated = table.select("sentence1", "sentence2", pl.col("score").cast(pl.Float64)).drop_nulls()
        except pl.exceptions.PolarsError as problem:
            raise InputError(f"{path}: the column score must hold numbers ({problem})") from problem
        return cls(name or Path(path).name.partition(".")[0], tuple(rated.iter_rows()))

    def score(self, thing: Any) -> Score:
        """Judge an Encoder, a Space that has one, or a sentence-transformers model."""
        left, right, ratings = zip(*self.pairs, strict=True) if self.pairs else ((), (), ())
        texts = list(dict.fromkeys([*left, *right]))  # a sentence comes in several pairs; it is encoded once
        vectors = encoder_of(thing)(texts)
        row = {text: i for i, text in enumerate(texts)}
        scores = cosines(vectors[[row[t] for t in left]], vectors[[row[t] for t in right]])
        return Score(self.name, "spearman", spearman(self.name, scores, ratings), len(self.pairs), len(self.pairs))
