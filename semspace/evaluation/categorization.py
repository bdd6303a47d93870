"""Categorisation of words: whether words of one category come into one group."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from semspace import checks
from semspace.clusters.cluster import cluster
from semspace.errors import InputError
from semspace.evaluation import task_files
from semspace.evaluation.adapters import word_table
from semspace.evaluation.clustering import agreement
from semspace.evaluation.score import NotEvaluatedError, Score, left_out, notes
from semspace.evaluation.task_checks import check_rows
from semspace.files import PathLike
from semspace.space import Space

_WORD, _CATEGORY = ("word", "concept", "term", "noun"), ("category", "class", "label", "group", "superordinate")


@dataclass(frozen=True)
class Categorization:
    """Purity of words that are clustered into as many groups as they have categories (Baroni, Dinu & Kruszewski 2014).

    The share of words whose category is the most frequent one of their group. The groups are those of k-means. Beside
    it stand the agreements of `Groups`. A word of several categories counts for the first.

    Parameters
    ----------
    name : str
    words : sequence of (word, category)
    seed : int
        For k-means.
    incomplete : int
        Rows of a file without a word or a category; they count in the total.

    Examples
    --------
    >>> import semspace as ss
    >>> space = ss.Space.from_vectors(["cat", "dog", "car", "bus"], [[1, 0.1], [1, 0], [0, 1], [0.1, 1]])
    >>> words = [("cat", "animal"), ("dog", "animal"), ("car", "vehicle"), ("bus", "vehicle")]
    >>> ss.evaluation.Categorization("mine", words).score(space).value
    1.0
    """

    name: str
    words: Sequence[tuple[str, str]]
    seed: int = 0
    incomplete: int = 0

    def __post_init__(self) -> None:
        checks.seed(self.seed)
        check_rows(self.name, "words", self.words, ("word", "category"))

    @classmethod
    def read(cls, path: PathLike, name: str | None = None) -> Categorization:
        """Read a category and a word a line, separated by a tab, comma, semicolon or bar.

        The first line, also as a comment, may name the columns: ``category`` and ``word``. Lines that start with ``#``
        are comments otherwise. Rows without a word or a category are left out and counted.
        """
        lines = list(task_files.numbered_lines(path))
        rows: list[tuple[str, str]] = []
        columns, incomplete = (1, 0), 0
        for number, line in lines:
            fields = task_files.split_words(line, 2)
            titles = task_files.split_words(line.lstrip("# "), 2)
            found = None if rows or titles is None else category_columns(titles)
            if found is not None:
                columns = found
            elif fields is not None and not task_files.is_comment(line, fits=True):
                rows.append((fields[columns[0]], fields[columns[1]]))
            elif any(len(task_files.split(line, mark)) == 2 for mark in task_files.SEPARATORS[:-1]):
                incomplete += 1
            elif not line.startswith("#"):
                raise task_files.bad_row(path, number, line, "category TAB word")
        if not rows:
            raise InputError(f"{Path(path)} contains no word with a category; expected lines of category TAB word")
        return cls(name or Path(path).name.partition(".")[0], tuple(rows), incomplete=incomplete)

    def score(self, thing: Any) -> Score:
        """Score a Space, an Encoder, gensim's KeyedVectors, or another model."""
        category: dict[str, str] = {}
        for word, one in self.words:
            category.setdefault(word, one)
        table = word_table(thing, list(category))
        matches = table.find(category)
        names = list(matches.rows)
        n_categories = len({category[name] for name in names})
        if len(names) < 2 or n_categories < 2:
            raise NotEvaluatedError(
                f"{self.name}: {len(names)} words of {n_categories} categories are in the vocabulary; two of each are "
                f"needed",
                used=len(names),
                total=len(category) + self.incomplete,
            )
        space = Space.from_vectors(names, np.asarray(table.vectors)[list(matches.rows.values())])
        groups = cluster(space, method="kmeans", n_clusters=n_categories, seed=self.seed, progress=False).labels
        measures = sorted(agreement(category, matches, groups), key=lambda one: one.name != "purity")
        several = len(self.words) - len(category)
        note = notes(
            matches.note,
            f"{several:,} words with a second category" if several else "",
            left_out(self.incomplete, "no word, or no category"),
        )
        return Score.of(self.name, measures, len(names), len(category) + self.incomplete, note=note)


def category_columns(titles: Sequence[str]) -> tuple[int, int] | None:
    """Return the columns of the word and of its category; None if the titles don't name both."""
    word, category = (task_files.column(titles, names) for names in (_WORD, _CATEGORY))
    return None if word is None or category is None else (word, category)
