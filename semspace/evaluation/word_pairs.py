"""Word similarity: pairs of words rated by people, such as WordSim-353 and SimLex-999."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from semspace.errors import InputError
from semspace.evaluation import task_files
from semspace.evaluation.adapters import word_table
from semspace.evaluation.rank_correlation import correlations, cosines
from semspace.evaluation.score import Score, left_out, notes
from semspace.evaluation.task_checks import check_rows
from semspace.files import PathLike

_FIRST = ("word1", "w1", "firstword", "term1", "worda", "wordone", "first")
_SECOND = ("word2", "w2", "secondword", "term2", "wordb", "wordtwo", "second")
RATING = (
    "score", "rating", "similarity", "relatedness", "humanmean", "mean", "simlex999", "similarityscore",
    "relatednessscore", "humanscore", "humanrating", "gold", "goldscore", "average", "averagescore", "label",
)  # fmt: skip
_EXPECTED = "word TAB word TAB rating"


@dataclass(frozen=True)
class WordPairs:
    """Spearman's correlation of cosines with ratings, over the pairs whose words are both known; and Pearson's.

    Parameters
    ----------
    name : str
    pairs : sequence of (word, word, rating)
    unrated : int
        Rows of a file without a rating; they count in the total.

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
    unrated: int = 0

    def __post_init__(self) -> None:
        check_rows(self.name, "pairs", self.pairs, ("word", "word", "rating"), rated=True)

    @classmethod
    def read(cls, path: PathLike, name: str | None = None) -> WordPairs:
        """Read two words and a rating a line, separated by tabs, semicolons, commas, bars or spaces.

        The first line may contain column names; common ones, such as ``word1``, ``word2`` and ``score``, determine the
        columns. Otherwise the words are the first two fields, and the rating is the first number after them. Lines that
        start with ``#`` are comments if a space follows or they aren't such a row. A rating that is empty or ``NA`` is
        missing; such rows are left out and counted.
        """
        lines = list(task_files.numbered_lines(path))
        separator = task_files.separator_of([line for _, line in lines])
        rows = [(number, line, task_files.split(line, separator)) for number, line in lines]
        fits = {number: _column_of(fields) is not None for number, _, fields in rows}
        rows = [row for row in rows if not task_files.is_comment(row[1], fits=fits[row[0]])]
        columns, rated = _columns(rows)
        pairs, unrated = [], 0
        for number, line, fields in rated:
            pair = _pair(fields, columns)
            if pair is None:
                raise task_files.bad_row(path, number, line, _EXPECTED)
            first, second, rating = pair
            if rating is None:
                unrated += 1
            else:
                pairs.append((first, second, rating))
        if not pairs:
            raise InputError(f"{Path(path)} contains no rated pair; expected lines of {_EXPECTED}")
        return cls(name or Path(path).stem, tuple(pairs), unrated)

    def score(self, thing: Any) -> Score:
        """Score a Space, an Encoder, gensim's KeyedVectors, or another model."""
        words = list(dict.fromkeys(word for pair in self.pairs for word in pair[:2]))
        table = word_table(thing, words)
        matches = table.find(words)
        rows, total = matches.rows, len(self.pairs) + self.unrated
        usable = [
            (item, rows[a], rows[b], rating)
            for item, (a, b, rating) in enumerate(self.pairs)
            if a in rows and b in rows
        ]
        items, left, right, ratings = zip(*usable, strict=True) if usable else ((), (), (), ())
        scores = cosines(table.vectors[list(left)], table.vectors[list(right)])
        measures = correlations(self.name, scores, ratings, items=np.array(items, np.int64), total=total)
        note = notes(matches.note, left_out(self.unrated, "no rating"))
        return Score.of(self.name, measures, len(usable), total, note=note)


_Line = tuple[int, str, list[str]]


def _columns(rows: Sequence[_Line]) -> tuple[tuple[int, int, int], Sequence[_Line]]:
    """Return the columns of the words and of the rating, and the rows without the column names."""
    if rows and len(rows[0][2]) > 2 and _column_of(rows[0][2]) is None:
        titles, rows = rows[0][2], rows[1:]
        first, second, rating = (task_files.column(titles, names) for names in (_FIRST, _SECOND, RATING))
    else:
        first, second, rating = None, None, None
    if first is None or second is None:
        first, second = 0, 1
    if rating is None:
        rating = next((column for _, _, fields in rows if (column := task_files.rating_column(fields)) is not None), 2)
    return (first, second, rating), rows


def _column_of(fields: Sequence[str]) -> int | None:
    """Return the column of the rating, even if it is missing; None if the line isn't a row."""
    column = task_files.rating_column(fields)
    return 2 if column is None and len(fields) > 2 and task_files.is_missing(fields[2]) else column


def _pair(fields: Sequence[str], columns: tuple[int, int, int]) -> tuple[str, str, float | None] | None:
    """Return two words and their rating, which is None if missing; None if the fields aren't that."""
    if len(fields) <= max(columns):
        return None
    first, second, text = (fields[column] for column in columns)
    rating = task_files.number_of(text)
    if not first or not second or (rating is None and not task_files.is_missing(text)):
        return None
    return first, second, rating
