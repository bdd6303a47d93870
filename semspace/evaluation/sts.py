"""Semantic textual similarity: sentence pairs rated by people."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import polars as pl

from semspace.errors import InputError, UnknownIdError
from semspace.evaluation import task_files
from semspace.evaluation.adapters import directions, encoder_of, without_direction
from semspace.evaluation.rank_correlation import correlations, cosines
from semspace.evaluation.score import Score, left_out, notes
from semspace.evaluation.task_checks import check_rows
from semspace.evaluation.word_pairs import RATING
from semspace.files import PathLike
from semspace.text.read_corpus import read_table

# Suffixes of files that always have column names.
TABLE_SUFFIXES = (".jsonl", ".ndjson", ".parquet")
_FIRST = ("sentence1", "sentencea", "text1", "texta", "s1", "sent1", "question1", "caption1")
_SECOND = ("sentence2", "sentenceb", "text2", "textb", "s2", "sent2", "question2", "caption2")
_SEPARATORS = ("\t", ";", ",", "|")


@dataclass(frozen=True)
class STS:
    """Spearman's correlation of cosines with ratings, as the STS Benchmark reports it (Cer et al. 2017); and Pearson's.

    Parameters
    ----------
    name : str
    pairs : sequence of (sentence, sentence, rating)
    incomplete : int
        Rows of a file without a sentence or a rating; they count in the total.
    """

    name: str
    pairs: Sequence[tuple[str, str, float]]
    incomplete: int = 0

    def __post_init__(self) -> None:
        check_rows(self.name, "pairs", self.pairs, ("text", "text", "rating"), rated=True)

    @classmethod
    def read(cls, path: PathLike, name: str | None = None) -> STS:
        """Read a table with columns ``sentence1``, ``sentence2`` and ``score``, or their usual other names.

        A text file may be separated by tabs, semicolons, commas or bars. Lines that start with ``#`` are comments
        before the column names, and among the rows if they have another number of columns. Rows without a sentence
        or a rating are left out and counted.
        """
        pairs, incomplete = [], 0
        for row in _rows(Path(path)):
            if not row.first or not row.second or task_files.is_missing(row.rating):
                incomplete += 1
                continue
            rating = task_files.number_of(row.rating)
            if rating is None:
                raise InputError(
                    f"{path}, {row.location}: the column {row.title} must contain numbers; got {row.rating[:40]!r}"
                )
            pairs.append((row.first, row.second, rating))
        if not pairs:
            raise InputError(f"{path} contains no sentence pair with a rating")
        return cls(name or Path(path).name.partition(".")[0], tuple(pairs), incomplete)

    def score(self, thing: Any) -> Score:
        """Score an Encoder, a Space that has one, a sentence-transformers or model2vec model."""
        left, right, ratings = zip(*self.pairs, strict=True) if self.pairs else ((), (), ())
        texts = list(dict.fromkeys([*left, *right]))  # a sentence of several pairs is encoded once
        units = directions(texts, encoder_of(thing)(texts))
        row = {text: i for i, text in enumerate(texts)}
        scores = cosines(units[[row[t] for t in left]], units[[row[t] for t in right]])
        total = len(self.pairs) + self.incomplete
        measures = correlations(
            self.name, scores, ratings, total=total, remedy="pairs need two texts and a rating: check the columns"
        )
        note = notes(without_direction(units), left_out(self.incomplete, "no rating, or no sentence"))
        return Score.of(self.name, measures, len(self.pairs), total, note=note)


class _RatedPair(NamedTuple):
    location: str
    first: str
    second: str
    rating: str
    title: str


def rating_title(path: Path) -> str:
    """Return the title of the column of ratings in a file of rated sentences."""
    return next((row.title for row in _rows(path)), "")


def has_titles(line: str) -> bool:
    """Check whether a line of a text file, or of JSON lines, has the column names of rated sentences."""
    return any(_columns(task_files.split(line, separator)) is not None for separator in _SEPARATORS)


def _columns(titles: Sequence[str]) -> tuple[int, int, int] | None:
    """Return the columns of the two sentences and of the rating; None if one is missing."""
    first, second, rating = (task_files.column(titles, names) for names in (_FIRST, _SECOND, RATING))
    return None if first is None or second is None or rating is None else (first, second, rating)


def _checked_columns(path: Path, titles: Sequence[str]) -> tuple[int, int, int]:
    columns = _columns(titles)
    if columns is None:
        expected = {"sentence1": _FIRST, "sentence2": _SECOND, "score": RATING}
        missing = next(title for title, names in expected.items() if task_files.column(titles, names) is None)
        raise UnknownIdError(f"{path} has no column {missing!r}; its columns are {', '.join(titles)}")
    return columns


def _rows(path: Path) -> Iterator[_RatedPair]:
    if not path.name.lower().removesuffix(".gz").endswith(TABLE_SUFFIXES):
        return _text_rows(path)
    return _table_rows(path, read_table(path))


def _table_rows(path: Path, table: pl.DataFrame) -> Iterator[_RatedPair]:
    columns = _checked_columns(path, table.columns)
    for number, row in enumerate(table.iter_rows(), 1):
        first, second, rating = ("" if row[column] is None else str(row[column]) for column in columns)
        yield _RatedPair(
            f"row {number}", first.strip() and first, second.strip() and second, rating, table.columns[columns[2]]
        )


def _text_rows(path: Path) -> Iterator[_RatedPair]:
    text = task_files.text_of(path)
    # Comments before the column names are skipped first: a comma in them doesn't separate columns.
    while text.startswith("#") or (text and not text.partition("\n")[0].strip()):
        text = text.partition("\n")[2]
    skipped = task_files.text_of(path).count("\n") - text.count("\n")
    titles = text.partition("\n")[0]
    separator = max(_SEPARATORS, key=lambda mark: (titles.count(mark), -_SEPARATORS.index(mark)))
    # Tab-separated values have no quoting by definition; a sentence may begin with a quote.
    options: dict[str, Any] = {"quoting": csv.QUOTE_NONE if separator == "\t" else csv.QUOTE_MINIMAL, "strict": True}
    reader = csv.reader(io.StringIO(text), delimiter=separator, **options)
    width, columns, title, start = 0, (0, 1, 2), "", 1
    try:
        for fields in reader:
            number, start = start, reader.line_num + 1
            location = f"line {skipped + number}"
            if not any(field.strip() for field in fields):
                continue
            if not width:
                width, columns = len(fields), _checked_columns(path, [field.strip() for field in fields])
                title = fields[columns[2]].strip()
            elif len(fields) < width or (len(fields) > width and separator != "\t"):
                if fields[0].startswith("#"):
                    continue
                raise InputError(f"{path}, {location}: expected {width} columns, as in the titles; got {len(fields)}")
            else:
                first, second, rating = (fields[column].strip() for column in columns)
                yield _RatedPair(location, first, second, rating, title)
    except csv.Error as problem:
        line = skipped + reader.line_num
        raise InputError(f"{path}, line {line}: {problem}; check that all quotes are closed") from problem
    if not width:
        raise InputError(f"{path} is empty; expected a table with columns sentence1, sentence2 and score")
