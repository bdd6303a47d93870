"""The inner loops of reading vectors, compiled: lines of numbers, and records of bytes."""

import numpy as np
import numpy.typing as npt

from semspace.kernels.compiling import compiled_strictly, inlined
from semspace.types import Floats2d

Bytes = npt.NDArray[np.uint8]
Places = npt.NDArray[np.int64]

_SPACE, _TAB, _NEWLINE, _RETURN = 32, 9, 10, 13
_ZERO, _PLUS, _MINUS, _POINT, _E = 48, 43, 45, 46, 101
_TENS = np.array([float(f"1e{i}") for i in range(300)])
# A product of two rounded numbers is off by less than this share of it.
_DOUBT = 2e-15
_NONE = 10_000  # stands for an exponent that is none


@compiled_strictly
def parse_lines(text: Bytes, starts: Places, ends: Places, out: Floats2d, word_ends: Places) -> int:
    """Read lines ``word number … number`` of as many numbers as `out` has columns.

    Line ``i`` is ``text[starts[i]:ends[i]]``, and its word ``text[starts[i]:word_ends[i]]``, which may hold spaces. A
    number that isn't in plain decimal writing, or can't be rounded to float32 with certainty, becomes NaN. Returns the
    first line that has too few fields, or the number of lines.
    """
    dim = out.shape[1]
    for i in range(len(starts)):
        first, end = starts[i], ends[i]
        while end > first and (_blank(text[end - 1]) or text[end - 1] == _RETURN):
            end -= 1
        place = _numbers_start(text, first, end, dim)
        word_end = place
        while word_end > first and _blank(text[word_end - 1]):
            word_end -= 1
        word_ends[i] = word_end
        if place < 0:
            return i
        for column in range(dim):
            while _blank(text[place]):
                place += 1
            start = place
            while place < end and not _blank(text[place]):
                place += 1
            out[i, column] = _number(text, start, place)
    return len(starts)


@inlined
def _blank(byte: int) -> bool:
    return byte == _SPACE or byte == _TAB  # noqa: PLR1714  (compiled, two comparisons are the quickest)


@compiled_strictly
def _numbers_start(text: Bytes, first: int, end: int, dim: int) -> int:
    """Give where the last `dim` fields of a line start, a word of any form before them; -1 where there are fewer."""
    place = end
    for _ in range(dim):
        while place > first and _blank(text[place - 1]):
            place -= 1
        field_end = place
        while place > first and not _blank(text[place - 1]):
            place -= 1
        if place in (field_end, first):  # no field, or nothing before it that could be the word
            return -1
    return place


@compiled_strictly
def _number(text: Bytes, place: int, end: int) -> float:
    """Give the float32 next to a decimal number; NaN where the field isn't one, or which is next isn't certain."""
    negative = text[place] == _MINUS
    if negative or text[place] == _PLUS:
        place += 1
    value, scale, place = _digits(text, place, end)
    power = _exponent(text, place, end)
    scale += power
    if scale < -270 or scale > 270 or power == _NONE:  # beyond what float32 holds, or no number
        return np.nan
    number = np.float64(value) * _TENS[scale] if scale >= 0 else np.float64(value) / _TENS[-scale]
    # Where the doubt doesn't change the float32, the float32 is right.
    low, high = np.float32(number * (1 - _DOUBT)), np.float32(number * (1 + _DOUBT))
    if low != high or np.isinf(low):
        return np.nan
    return float(-low if negative else low)


@compiled_strictly
def _digits(text: Bytes, place: int, end: int) -> tuple[np.uint64, int, int]:
    """Read digits with a point or none: the number without its point, the power of ten it lacks, and where it ends."""
    value, kept, scale, seen, point = np.uint64(0), 0, 0, 0, False
    while place < end:
        digit = text[place] - _ZERO
        if 0 <= digit <= 9:
            seen += 1
            if kept < 19:  # what a whole number of 64 bits holds; the rest is below all doubt
                value = value * np.uint64(10) + np.uint64(digit)
                kept += value != 0
                scale -= point
            else:
                scale += not point
        elif text[place] == _POINT and not point:
            point = True
        else:
            break
        place += 1
    return value, scale if seen else _NONE, place


@compiled_strictly
def _exponent(text: Bytes, place: int, end: int) -> int:
    """Read ``e-12``, or nothing (0), to the end of the field; anything else gives `_NONE`."""
    if place == end:
        return 0
    if (text[place] | 32) != _E:
        return _NONE
    place += 1
    below = place < end and text[place] == _MINUS
    if below or (place < end and text[place] == _PLUS):
        place += 1
    if place == end or end - place > 3:
        return _NONE
    power = 0
    for digit in text[place:end]:
        if not _ZERO <= digit <= _ZERO + 9:
            return _NONE
        power = power * 10 + (digit - _ZERO)
    return -power if below else power


@compiled_strictly
def scan(data: Bytes, mark: int, tail: int, starts: Places, ends: Places) -> tuple[int, int]:
    """Find records of a word, the byte `mark`, and `tail` bytes more; line ends before a word are passed over.

    Word ``i`` is ``data[starts[i]:ends[i]]``. Stops at the end of `starts` or before the first record that isn't
    whole. Returns how many were found, and where the next one starts.
    """
    place = 0
    for i in range(len(starts)):
        start = place
        while start < len(data) and data[start] == _NEWLINE:
            start += 1
        end = start
        while end < len(data) and data[end] != mark:
            end += 1
        if end + 1 + tail > len(data):
            return i, place
        starts[i], ends[i] = start, end
        place = end + 1 + tail
    return len(starts), place


@compiled_strictly
def copy_tails(data: Bytes, ends: Places, out: Bytes) -> None:
    """Copy the bytes after each record's mark to the rows of `out`."""
    for i in range(len(ends)):
        first = ends[i] + 1
        for j in range(out.shape[1]):
            out[i, j] = data[first + j]


@compiled_strictly
def gather(data: Bytes, starts: Places, ends: Places, out: Bytes) -> int:
    """Put words one after the other, a line end after each; return the first that holds one itself, or their number."""
    at = 0
    for i in range(len(starts)):
        for place in range(starts[i], ends[i]):
            if data[place] == _NEWLINE:
                return i
            out[at] = data[place]
            at += 1
        out[at] = _NEWLINE
        at += 1
    return len(starts)
