"""fastText's binary format (``.bin``): a dictionary, and a matrix with a row per word and a row per subword bucket."""

from __future__ import annotations

import struct
from typing import NamedTuple

import numpy as np

from semspace.errors import DamagedError, InputError
from semspace.formats.vector_file import VectorFile, decode_words
from semspace.formats.vector_table import VectorTable, undecodable_words
from semspace.formats.word2vec_binary import read_records
from semspace.types import Floats2d, Ints1d
from semspace.words.subwords import Subwords

MAGIC = struct.pack("<i", 793712314)
_VERSIONS = (11, 12)
_UNSUPERVISED, _SUPERVISED = (1, 2), 3  # CBOW and skipgram; fastText's numbers for kinds of models
# fastText counts the end of a line as a word, and gives it no subwords.
_END_OF_LINE = "</s>"


class _Header(NamedTuple):
    dim: int
    buckets: int
    subwords: Subwords | None


def read_fasttext(source: VectorFile, limit: int | None, encoding: str, keep_bad: bool) -> VectorTable:
    """Read a skipgram or CBOW model of fastText; the vector of a word is the mean of its row and its subwords'."""
    if encoding.lower().replace("-", "").replace("_", "") != "utf8":
        raise InputError(f"fastText hashes subwords in UTF-8, so encoding= must be left out; got {encoding!r}")
    settings = _read_settings(source)
    words, counts = _read_dictionary(source, keep_bad)
    whole, buckets = _read_matrix(source, settings, len(words), limit)
    words, counts = words[: len(whole)], counts[: len(whole)]
    if settings.subwords is not None:
        _mix(words, whole, settings.subwords, buckets)
    whole.setflags(write=False)
    buckets.setflags(write=False)
    return VectorTable(words, whole, counts, settings.subwords, buckets)


def _read_settings(source: VectorFile) -> _Header:
    magic, version = struct.unpack("<4si", source.take(8, "its first line"))
    if magic != MAGIC:
        raise InputError(f"{source.path} isn't a fastText model; leave out format= to have the format detected")
    if version not in _VERSIONS:
        raise InputError(f"{source.path} has version {version} of fastText's format; semspace reads versions 11 and 12")
    numbers = struct.unpack("<12id", source.take(56, "its settings"))
    dim, model, buckets, minn, maxn = numbers[0], numbers[7], numbers[8], max(numbers[9], 1), numbers[10]
    if model == _SUPERVISED:
        raise InputError(
            f"{source.path} is a supervised model of fastText, a classifier; semspace reads skipgram and CBOW models"
        )
    if model not in _UNSUPERVISED:
        raise DamagedError(f"{source.path} is damaged: its header gives an unknown kind of model, {model}")
    if dim < 1 or buckets < 0:
        raise DamagedError(f"{source.path} is damaged: its header says {dim} dimensions and {buckets} buckets")
    return _Header(dim, buckets, Subwords(minn, maxn, buckets) if buckets and maxn >= minn else None)


def _read_dictionary(source: VectorFile, keep_bad: bool) -> tuple[list[str], Ints1d]:
    size, count, labels, _, pruned = struct.unpack("<3i2q", source.take(28, "its dictionary"))
    if pruned >= 0:
        raise InputError(
            f"{source.path} is pruned, as quantised models (.ftz) are; semspace reads skipgram and CBOW models that "
            f"aren't quantised"
        )
    if count < 1 or labels < 0 or size != count + labels:
        raise DamagedError(
            f"{source.path} is damaged: its header says {count} words and {labels} labels in a dictionary of {size}"
        )
    words: list[str] = []
    tails = []
    for texts, tail in read_records(source, b"\0", 9, size):
        done = len(words)
        words += decode_words(texts, "utf-8", keep_bad, lambda i, n=done: f"word {n + i + 1:,} of {source.path}")  # type: ignore[misc]
        tails.append(tail)
    if len(words) < size:
        raise source.cut(f"its dictionary of {size:,} words")
    seen, kinds = np.split(np.concatenate(tails), [8], axis=1)  # how often it was seen, and whether it is a label
    if kinds[:count].any() or not kinds[count:].all():
        raise DamagedError(
            f"{source.path} is damaged: its dictionary doesn't hold {count} words followed by {labels} labels"
        )
    # A word that begins with __label__ stands among the labels, whatever the model; it has no row in the matrix.
    return words[:count], np.ascontiguousarray(seen[:count]).view("<i8")[:, 0]


def _read_matrix(source: VectorFile, settings: _Header, words: int, limit: int | None) -> tuple[Floats2d, Floats2d]:
    """Read the rows of the first `limit` words and of all buckets."""
    quantised, rows, dim = struct.unpack("<?2q", source.take(17, "the size of its matrix"))
    if quantised:
        raise InputError(f"{source.path} is quantised (.ftz); semspace reads the .bin it was made of")
    if dim != settings.dim or rows != words + settings.buckets:
        raise DamagedError(
            f"{source.path} is damaged: its matrix has shape ({rows:,}, {dim:,}), but its header says {words:,} words, "
            f"{settings.buckets:,} buckets and {settings.dim} dimensions"
        )
    read = words if limit is None else min(limit, words)
    whole = source.matrix(read, dim, f"the vectors of its {words:,} words")
    source.skip((words - read) * dim * 4, f"the vectors of its {words:,} words")
    return whole, source.matrix(settings.buckets, dim, f"the vectors of its {settings.buckets:,} buckets")


def _mix(words: list[str], whole: Floats2d, subwords: Subwords, buckets: Floats2d) -> None:
    """Replace the row of each word by the mean of it and the rows of the word's subwords, in place."""
    from semspace.words.subword_kernel import average_rows

    bad = undecodable_words(words)
    offsets, table = subwords.table(["" if is_bad else word for word, is_bad in zip(words, bad, strict=True)])
    if _END_OF_LINE in words:
        row = words.index(_END_OF_LINE)
        table[offsets[row] : offsets[row + 1]] = -1
    average_rows(offsets, table, buckets, whole, np.ones(len(words), np.int64))
