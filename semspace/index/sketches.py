"""Sketches of codes: two bits a number, by which the graph is walked.

A code is rotated at random and each number of it rounded to one of four values, with one factor for all so that the
product of a sketch with its own code is right; products with other vectors are then right on average (RaBitQ: Gao and
Long 2024, arXiv 2405.12497; Gao et al. 2024, arXiv 2409.09913). A line of 64 bytes holds 224 numbers, the factor and
the squared length. Of codes with more numbers than that, which are in the order of their variance, the last are left
out. All arithmetic is in a fixed order, so every processor gets the same results.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np

from semspace.index.distances import CACHE_LINE, PLANES
from semspace.index.quantization import SUMS, ShareWork, rows_of_bytes
from semspace.kernels.compiling import compiled_strictly
from semspace.types import Bytes2d, Floats1d, Floats2d, Int8s2d

_BYTES = CACHE_LINE - SUMS  # of a line, that hold such numbers
_NUMBERS = PLANES * _BYTES  # in a line
_LINE_OF_CODES = 256  # bytes of a code for which one line of a sketch is enough
_FACTOR = _BYTES // 4  # its place among the float32 of a line; the squared length follows
_ROUNDS = 4  # of the rotation
_STEP = np.float32(0.996)  # of the four values, in standard deviations: the best for a normal distribution (Max 1960)


def sketch_width(code_width: int) -> int:
    """Return the bytes of the sketch of a code of so many bytes."""
    return CACHE_LINE * -(-code_width // _LINE_OF_CODES)


def query_width(width: int) -> int:
    """Return the bytes of a query that is compared with sketches of so many bytes."""
    return PLANES * width + CACHE_LINE


def sketch(codes: Int8s2d, share: ShareWork) -> Bytes2d:
    """Return the sketches of codes, uint8 of shape (n, width); `share` runs the work in threads."""
    sketches: Bytes2d = rows_of_bytes(len(codes), sketch_width(codes.shape[1])).view(np.uint8)
    signs = rotation_signs(sketches.shape[1])
    share(len(codes), lambda first, last, _: _sketch(codes[first:last], signs, sketches[first:last]))
    return sketches


def sketch_queries(codes: Int8s2d, share: ShareWork) -> Int8s2d:
    """Return the codes of queries as sketches are compared with them, int8 of shape (n, 4 x width + 64).

    The last eight bytes hold the factor of the products, and the sum that is taken from them.
    """
    width = sketch_width(codes.shape[1])
    queries, signs = rows_of_bytes(len(codes), query_width(width)), rotation_signs(width)
    share(len(codes), lambda first, last, _: sketch_query_rows(codes[first:last], signs, queries[first:last]))
    return queries


@cache
def rotation_signs(width: int) -> Floats2d:
    """Return the signs of each round of the rotation."""
    numbers = _NUMBERS * width // CACHE_LINE
    drawn = np.random.default_rng(width).integers(2, size=(_ROUNDS, numbers))
    return (2 * drawn - 1).astype(np.float32)


@compiled_strictly
def _rotate(numbers: Floats1d, signs: Floats2d) -> None:
    """Rotate a vector: change signs, and transform its first and its last part, in turn (Walsh and Hadamard)."""
    size = len(numbers)
    half = 1
    while 2 * half <= size:
        half *= 2
    scale = np.float32(1 / np.sqrt(half))
    for turn in range(len(signs)):
        for i in range(size):
            numbers[i] *= signs[turn, i]
        for start in (0, size - half):
            part = numbers[start : start + half]
            step = 1
            if half >= 8:  # the first three steps at once, in registers
                for at in range(0, half, 8):
                    a, b, c, d = part[at], part[at + 1], part[at + 2], part[at + 3]
                    e, f, g, h = part[at + 4], part[at + 5], part[at + 6], part[at + 7]
                    a, b, c, d, e, f, g, h = a + b, a - b, c + d, c - d, e + f, e - f, g + h, g - h
                    a, b, c, d, e, f, g, h = a + c, b + d, a - c, b - d, e + g, f + h, e - g, f - h
                    part[at], part[at + 1], part[at + 2], part[at + 3] = a + e, b + f, c + g, d + h
                    part[at + 4], part[at + 5], part[at + 6], part[at + 7] = a - e, b - f, c - g, d - h
                step = 8
            while step < half:
                for block in range(0, half, 2 * step):
                    for i in range(block, block + step):
                        left, right = part[i], part[i + step]
                        part[i], part[i + step] = left + right, left - right
                step *= 2
            for i in range(half):
                part[i] *= scale


@compiled_strictly
def _load(code: Any, signs: Floats2d, numbers: Floats1d) -> Any:
    """Write the rotated numbers of a code; return their squared length."""
    numbers[:] = 0
    for i in range(min(len(code) - SUMS, len(numbers))):
        numbers[i] = code[i]
    _rotate(numbers, signs)
    total = np.float32(0)
    for i in range(len(numbers)):
        total += numbers[i] * numbers[i]
    return total


@compiled_strictly
def _sketch(codes: Int8s2d, signs: Floats2d, sketches: Bytes2d) -> None:
    numbers = np.empty(signs.shape[1], np.float32)
    sums, facts = codes.view(np.int32), sketches.view(np.float32)
    for row in range(len(codes)):
        total = _load(codes[row], signs, numbers)
        step = _STEP * np.sqrt(total / np.float32(len(numbers)))
        product = np.float32(0)
        sketches[row] = 0
        for i in range(len(numbers)):
            level = np.float32(0)
            if step > 0:
                level = min(max(np.floor(numbers[i] / step) + np.float32(2), np.float32(0)), np.float32(3))
            product += numbers[i] * (level - np.float32(1.5))
            line, rest = i // _NUMBERS, i % _NUMBERS
            sketches[row, line * CACHE_LINE + rest % _BYTES] |= np.uint8(np.int64(level) << (2 * (rest // _BYTES)))
        facts[row, _FACTOR] = 2 * total / product if product > 0 else np.float32(0)
        facts[row, _FACTOR + 1] = np.float32(sums[row, -2])


@compiled_strictly
def sketch_query_rows(codes: Int8s2d, signs: Floats2d, queries: Int8s2d) -> None:
    """Write the codes of queries as sketches are compared with them; see `sketch_queries`."""
    numbers = np.empty(signs.shape[1], np.float32)
    facts = queries.view(np.float32)
    for row in range(len(codes)):
        _load(codes[row], signs, numbers)
        largest = np.float32(0)
        for i in range(len(numbers)):
            largest = max(largest, abs(numbers[i]))
        unit = largest / np.float32(127) if largest > 0 else np.float32(1)
        queries[row] = 0
        total = 0
        for i in range(len(numbers)):
            number = np.int64(np.rint(numbers[i] / unit))
            total += number
            line, rest = i // _NUMBERS, i % _NUMBERS
            queries[row, (line * PLANES + rest // _BYTES) * CACHE_LINE + rest % _BYTES] = np.int8(number)
        facts[row, -2] = unit
        facts[row, -1] = np.float32(total) * np.float32(1.5)
