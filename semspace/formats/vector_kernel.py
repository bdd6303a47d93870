"""Compiled loops that parse vectors: lines of decimal numbers, and binary records."""

import numpy as np

from semspace.kernels.compiling import compiled_strictly, inlined
from semspace.types import Bytes1d, Floats2d, Ints1d

_SPACE, _TAB, _NEWLINE, _RETURN = 32, 9, 10, 13
_ZERO, _PLUS, _MINUS, _POINT, _E = 48, 43, 45, 46, 101
_TENS = np.array([float(f"1e{i}") for i in range(300)])
# Upper bound of the relative error of a product of two rounded numbers.
_DOUBT = 2e-15
_NONE = 10_000  # in place of an exponent that can't be parsed


@compiled_strictly
def parse_lines(text: Bytes1d, starts: Ints1d, ends: Ints1d, out: Floats2d, word_ends: Ints1d) -> int:
    """Parse lines ``word number … number`` with one number for each column of `out`.

    Line ``i`` is ``text[starts[i]:ends[i]]``, and its word, which may hold spaces, ``text[starts[i]:word_ends[i]]``. A
    number becomes NaN if it isn't in plain decimal notation or its float32 isn't certain. Return the first line with
    too few fields, or the number of lines.
    """
    dim = out.shape[1]
    for i in range(len(starts)):
        first, end = starts[i], ends[i]
        while end > first and (_blank(text[end - 1]) or text[end - 1] == _RETURN):
            end -= 1
        position = _numbers_start(text, first, end, dim)
        word_end = position
        while word_end > first and _blank(text[word_end - 1]):
            word_end -= 1
        word_ends[i] = word_end
        if position < 0:
            return i
        for column in range(dim):
            while _blank(text[position]):
                position += 1
            start = position
            while position < end and not _blank(text[position]):
                position += 1
            out[i, column] = _number(text, start, position)
    return len(starts)


@inlined
def _blank(byte: int) -> bool:
    return byte == _SPACE or byte == _TAB  # noqa: PLR1714  (compiled, two comparisons are the quickest)


@compiled_strictly
def _numbers_start(text: Bytes1d, first: int, end: int, dim: int) -> int:
    """Return where the last `dim` fields of a line start, or -1 if there are fewer or no word comes before them."""
    position = end
    for _ in range(dim):
        while position > first and _blank(text[position - 1]):
            position -= 1
        field_end = position
        while position > first and not _blank(text[position - 1]):
            position -= 1
        if position in (field_end, first):  # no field, or nothing before it that could be the word
            return -1
    return position


@compiled_strictly
def _number(text: Bytes1d, position: int, end: int) -> float:
    """Return the float32 nearest to a decimal number, or NaN if the field isn't one or the nearest isn't certain."""
    negative = text[position] == _MINUS
    if negative or text[position] == _PLUS:
        position += 1
    value, scale, position = _digits(text, position, end)
    power = _exponent(text, position, end)
    scale += power
    if scale < -270 or scale > 270 or power == _NONE:  # outside the range of float32, or not a number
        return np.nan
    number = np.float64(value) * _TENS[scale] if scale >= 0 else np.float64(value) / _TENS[-scale]
    # If the error bound doesn't change the float32, the float32 is right.
    low, high = np.float32(number * (1 - _DOUBT)), np.float32(number * (1 + _DOUBT))
    if low != high or np.isinf(low):
        return np.nan
    return float(-low if negative else low)


@compiled_strictly
def _digits(text: Bytes1d, position: int, end: int) -> tuple[np.uint64, int, int]:
    """Parse digits with at most one point: the number without its point, its power of ten, and where it ends."""
    value, n_kept, scale, seen, point = np.uint64(0), 0, 0, 0, False
    while position < end:
        digit = text[position] - _ZERO
        if 0 <= digit <= 9:
            seen += 1
            if n_kept < 19:  # as many as 64 bits hold; further digits are below the error bound
                value = value * np.uint64(10) + np.uint64(digit)
                n_kept += value != 0
                scale -= point
            else:
                scale += not point
        elif text[position] == _POINT and not point:
            point = True
        else:
            break
        position += 1
    return value, scale if seen else _NONE, position


@compiled_strictly
def _exponent(text: Bytes1d, position: int, end: int) -> int:
    """Parse an exponent such as ``e-12`` to the end of the field: 0 if there is none, `_NONE` for anything else."""
    if position == end:
        return 0
    if (text[position] | 32) != _E:
        return _NONE
    position += 1
    below = position < end and text[position] == _MINUS
    if below or (position < end and text[position] == _PLUS):
        position += 1
    if position == end or end - position > 3:
        return _NONE
    power = 0
    for digit in text[position:end]:
        if not _ZERO <= digit <= _ZERO + 9:
            return _NONE
        power = power * 10 + (digit - _ZERO)
    return -power if below else power


@compiled_strictly
def find_records(data: Bytes1d, mark: int, tail: int, starts: Ints1d, ends: Ints1d) -> tuple[int, int]:
    """Find records of a word, the byte `mark`, and `tail` bytes; newlines before a word are skipped.

    Word ``i`` is ``data[starts[i]:ends[i]]``. The search stops when `starts` is full or a record is incomplete. Return
    the number of records and where the next one starts.
    """
    position = 0
    for i in range(len(starts)):
        start = position
        while start < len(data) and data[start] == _NEWLINE:
            start += 1
        end = start
        while end < len(data) and data[end] != mark:
            end += 1
        if end + 1 + tail > len(data):
            return i, position
        starts[i], ends[i] = start, end
        position = end + 1 + tail
    return len(starts), position


@compiled_strictly
def copy_tails(data: Bytes1d, ends: Ints1d, out: Bytes1d) -> None:
    """Copy the bytes after the mark of each record to the rows of `out`."""
    for i in range(len(ends)):
        first = ends[i] + 1
        for j in range(out.shape[1]):
            out[i, j] = data[first + j]


@compiled_strictly
def join_words(data: Bytes1d, starts: Ints1d, ends: Ints1d, out: Bytes1d) -> int:
    """Write words to `out`, each with a newline; return the first that holds a newline itself, or their number."""
    position = 0
    for i in range(len(starts)):
        for source in range(starts[i], ends[i]):
            if data[source] == _NEWLINE:
                return i
            out[position] = data[source]
            position += 1
        out[position] = _NEWLINE
        position += 1
    return len(starts)
