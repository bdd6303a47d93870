"""Pairs of words that people have rated for likeness: WordSim-353, SimLex-999 and others."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from semspace.bundle import PathLike
from semspace.errors import InputError
from semspace.evaluation.pairs import cosines, spearman
from semspace.evaluation.score import Score
from semspace.evaluation.things import word_table
from semspace.text.read import read_lines


@dataclass(frozen=True)
class WordPairs:
    """Spearman's correlation of cosines with ratings; pairs with an unknown word are left out and counted.

    Parameters
    ----------
    name : str
    pairs : sequence of (word, word, rating)

    Examples
    --------
    >>> import semspace as ss
    >>> space = ss.Space.from_vectors(["cup", "mug", "sun", "sky"], [[1, 0], [1, 0.1], [0, 1], [1, 2]])
    >>> task = ss.evaluation.WordPairs("mine", [("cup", "mug", 9), ("sun", "sky", 7), ("cup", "sun", 1)])
    >>> task.score(space).value
    1.0
    """

    name: str
    pairs: Sequence[tuple[str, str, float]]

    @classmethod
    def read(cls, path: PathLike, name: str | None = None) -> WordPairs:
        """Read ``word1 TAB word2 TAB rating`` lines; lines that start with ``#`` and a header are passed over."""
        file = Path(path)
        pairs = []
        header = True  # only the first line may be one
        for number, line in enumerate(read_lines(path), 1):
            if not line.strip() or line.startswith("#"):
                continue
            fields = line.split("\t")
            try:
                pairs.append((fields[0].strip(), fields[1].strip(), float(fields[2])))
                header = False
            except (IndexError, ValueError) as problem:
                if header and len(fields) >= 3:
                    header = False
                    continue
                raise InputError(
                    f"{file}, line {number}: expected word TAB word TAB rating; got {line[:60]!r}"
                ) from problem
        return cls(name or file.stem, tuple(pairs))

    def score(self, thing: Any) -> Score:
        """Judge a Space, an Encoder, gensim's KeyedVectors or a sentence-transformers model."""
        table = word_table(thing, [word for pair in self.pairs for word in pair[:2]])
        rows = table.rows()
        known = [
            (rows[a.upper()], rows[b.upper()], rating)
            for a, b, rating in self.pairs
            if a.upper() in rows and b.upper() in rows
        ]
        left, right, ratings = zip(*known, strict=True) if known else ((), (), ())
        scores = cosines(table.vectors[list(left)], table.vectors[list(right)])
        return Score(self.name, "spearman", spearman(self.name, scores, ratings), len(known), len(self.pairs))
