"""Parsing of task files as they are published: lines, comments, separators, numbers."""

from __future__ import annotations

import csv
import math
from collections.abc import Iterator, Sequence
from pathlib import Path

from semspace.errors import InputError, MissingFileError
from semspace.files import PathLike, resolved_path
from semspace.text import decoding

SEPARATORS = ("\t", ";", ",", "|", None)  # None: spaces
_QUOTED = {",", ";"}  # in these, a field may stand in quotes, as spreadsheets write it
_MISSING = {"", "na", "n/a", "nan", "null", "none", "-", "?"}
_SAMPLE_LINES = 20  # by which the separator is detected


def numbered_lines(path: PathLike) -> Iterator[tuple[int, str]]:
    """Iterate over the lines of a UTF-8 file, also ``.gz``, that aren't blank, with their numbers."""
    for number, line in enumerate(text_of(path).split("\n"), 1):
        if line.strip():
            yield number, line


def text_of(path: PathLike) -> str:
    """Return the text of a UTF-8 file, also ``.gz``; its lines end with a line feed."""
    file = resolved_path(path)
    if not file.is_file():
        raise MissingFileError(f"no file at {file}; check the path")
    return decoding.read_text(file, "utf-8").replace("\r\n", "\n").replace("\r", "\n")


def is_comment(line: str, *, fits: bool) -> bool:
    """Check whether a line is a comment: it starts with ``#``, and a space follows, or it doesn't fit as a row.

    So ``#metoo`` is a word where it begins a row.
    """
    return line.startswith("#") and (not fits or line.startswith(("# ", "##")) or line.strip() == "#")


def split(line: str, separator: str | None) -> list[str]:
    """Return the fields of a line, unquoted if the separator is a comma or semicolon."""
    if separator is None:
        return line.split()
    if separator in _QUOTED and '"' in line:
        return [field.strip() for field in next(csv.reader([line], delimiter=separator, skipinitialspace=True))]
    return [field.strip() for field in line.split(separator)]


def split_words(line: str, count: int) -> list[str] | None:
    """Return the fields of a line of `count` words, however separated; None if it has another number of words."""
    for separator in SEPARATORS:
        fields = split(line, separator)
        if len(fields) == count and all(fields):
            return fields
    return None


def number_of(text: str) -> float | None:
    """Return the number in a field, also with a decimal comma; None if there is none."""
    try:
        number = float(text.replace(",", ".")) if "_" not in text else None
    except ValueError:
        return None
    return number if number is not None and math.isfinite(number) else None


def is_missing(text: str) -> bool:
    """Check whether a field means a missing number, as an empty one does."""
    return text.strip().lower() in _MISSING


def separator_of(lines: Sequence[str]) -> str | None:
    """Return the separator of two words and a number, detected from the first lines; a tab if none fits."""
    sample = [line for line in lines if not line.startswith("#")] or list(lines)
    sample = sample[:_SAMPLE_LINES]
    for separator in SEPARATORS:
        fitting = sum(rating_column(split(line, separator)) is not None for line in sample)
        if fitting and 2 * fitting >= len(sample) - 1:  # one line may be the header
            return separator
    return "\t"


def rating_column(fields: Sequence[str]) -> int | None:
    """Return the first column after two words that contains a number; None if there is none."""
    return next((i for i, field in enumerate(fields) if i >= 2 and number_of(field) is not None), None)


def plain_name(title: str) -> str:
    """Return the name of a column without case and punctuation: ``Word 1`` and ``word_1`` are equal."""
    return "".join(character for character in title.lower() if character.isalnum())


def column(titles: Sequence[str], names: Sequence[str]) -> int | None:
    """Return the column with the first of these plain names that is there; None if none is."""
    plain = [plain_name(title) for title in titles]
    return next((plain.index(name) for name in names if name in plain), None)


def bad_row(path: PathLike, number: int, line: str, expected: str) -> InputError:
    """Create the error for a line of the wrong form."""
    return InputError(f"{Path(path)}, line {number}: expected {expected}; got {line[:60]!r}")


def is_row(line: str) -> bool:
    """Check whether a line is like a row of some task: two words and a rating, or four words."""
    splits = [split(line, separator) for separator in SEPARATORS]
    return any(rating_column(fields) is not None or len(fields) == 4 for fields in splits)


def rated(lines: Sequence[str]) -> bool:
    """Check whether most of the first lines contain two words and a number, however separated."""
    separator, sample = separator_of(lines), lines[:_SAMPLE_LINES]
    return 2 * sum(rating_column(split(line, separator)) is not None for line in sample) > len(sample)


def in_twos(lines: Sequence[str]) -> bool:
    """Check whether most of the first lines are two fields, none of them a number: a category and a word."""
    sample = lines[:_SAMPLE_LINES]
    fields = [split_words(line, 2) for line in sample]
    return 2 * sum(pair is not None and all(number_of(one) is None for one in pair) for pair in fields) > len(sample)
