"""Validation of what tasks are made of, before anything is encoded."""

import math
from collections.abc import Mapping, Sequence
from numbers import Real
from typing import Any

from semspace.errors import InputError
from semspace.text.corpus import Corpus


def check_name(name: Any) -> None:
    """Raise `InputError` unless the name of a task, which comes first, is a string."""
    if not isinstance(name, str):
        raise InputError(f"name, which comes first, must be a string, such as 'mine'; got {type(name).__name__}")


def check_rows(task: str, field: str, rows: Any, columns: Sequence[str], *, rated: bool = False) -> None:
    """Raise `InputError` unless a task's items are rows of these columns.

    Parameters
    ----------
    task, field : str
        The name of the task, and of its parameter.
    rows : object
        A sequence of tuples or lists of strings.
    columns : sequence of str
    rated : bool
        Whether the last column is a number.
    """
    check_name(task)
    wanted = f"{field} must be a list of ({', '.join(columns)})"
    if isinstance(rows, Corpus):  # its items are ids and texts
        raise InputError(f"{task}: {wanted}; got a Corpus: give list(zip(corpus.texts, corpus.frame[column]))")
    if isinstance(rows, (str, bytes)) or not isinstance(rows, Sequence):
        raise InputError(f"{task}: {wanted}; got {type(rows).__name__}")
    n_texts = len(columns) - rated
    for number, row in enumerate(rows):
        fits = isinstance(row, (tuple, list)) and len(row) == len(columns)
        if not fits or not all(isinstance(one, str) for one in row[:n_texts]):
            raise InputError(f"{task}: {wanted}; item {number} is {str(row)[:60]}")
        if rated and not isinstance(row[-1], Real):
            raise InputError(f"{task}: the {columns[-1]} of item {number} must be a number; got {row[-1]!r:.40}")


def check_sections(task: str, sections: Any) -> None:
    """Raise `InputError` unless the sections of a task are names with questions of four words each."""
    check_name(task)
    wanted = "sections must be a list of (name, questions), such as [('mine', [('man', 'king', 'woman', 'queen')])]"
    if isinstance(sections, str) or not isinstance(sections, Sequence):
        raise InputError(f"{task}: {wanted}; got {type(sections).__name__}")
    for number, section in enumerate(sections):
        if not isinstance(section, (tuple, list)) or len(section) != 2 or not isinstance(section[0], str):
            raise InputError(f"{task}: {wanted}; item {number} is {str(section)[:60]}")
        check_rows(task, f"questions of section {section[0]!r}", section[1], ("a", "b", "c", "d"))


def check_grade(task: str, question: str, document: str, grade: Any) -> None:
    """Raise `InputError` unless a grade of relevance is a finite number."""
    if not isinstance(grade, Real):
        raise InputError(f"{task}: the grade of {document!r} for {question!r} must be a number; got {grade!r:.40}")
    if not math.isfinite(grade):
        raise InputError(f"{task}: the grade of {document!r} for {question!r} is {grade}; leave it out")


def check_mapping(task: str, field: str, value: Any, of: str) -> None:
    """Raise `InputError` unless a parameter is a mapping; `of` says from what to what."""
    if not isinstance(value, Mapping):
        raise InputError(f"{task}: {field} must be a mapping of {of}; got {type(value).__name__}: {str(value)[:40]}")


def check_corpus(task: str, field: str, value: Any) -> None:
    """Raise `InputError` unless a parameter is a corpus."""
    if not isinstance(value, Corpus):
        raise InputError(
            f"{task}: {field} must be a Corpus; got {type(value).__name__}: use Corpus.from_texts or Corpus.read"
        )
