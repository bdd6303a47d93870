"""fastText's own binary format (``.bin``): words, and a matrix of their rows and those of the buckets of subwords."""

from __future__ import annotations

import struct
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from semspace.errors import DamagedError, InputError
from semspace.formats.vector_file import Source, decoded
from semspace.formats.vector_table import VectorTable, undecoded
from semspace.formats.word2vec_binary import records
from semspace.types import Floats2d
from semspace.words.subwords import Subwords

MAGIC = struct.pack("<i", 793712314)
_VERSIONS = (11, 12)
_UNSUPERVISED, _SUPERVISED = (1, 2), 3  # CBOW, skipgram; what a model is, its labels don't say
# The end of a line, which fastText counts as a word, has no subwords there.
_END_OF_LINE = "</s>"


class _Settings(NamedTuple):
    dim: int
    buckets: int
    subwords: Subwords | None


def read_fasttext(source: Source, limit: int | None, encoding: str, keep_bad: bool) -> VectorTable:
    """Read a skipgram or CBOW model of fastText; the vector of a word is the mean of its row and its subwords'."""
    if encoding.lower().replace("-", "").replace("_", "") != "utf8":
        raise InputError(f"fastText numbers subwords by their UTF-8, so encoding has no use here; got {encoding!r}")
    settings = _read_settings(source)
    words, counts = _read_dictionary(source, keep_bad)
    whole, buckets = _read_matrix(source, settings, len(words), limit)
    words, counts = words[: len(whole)], counts[: len(whole)]
    if settings.subwords is not None:
        _mix(words, whole, settings.subwords, buckets)
    whole.setflags(write=False)
    buckets.setflags(write=False)
    return VectorTable(words, whole, counts, settings.subwords, buckets)


def _read_settings(source: Source) -> _Settings:
    magic, version = struct.unpack("<4si", source.take(8, "its first line"))
    if magic != MAGIC:
        raise InputError(f"{source.path} isn't a model of fastText; leave out format= to see what it is")
    if version not in _VERSIONS:
        raise InputError(f"{source.path} is of fastText's format {version}; semspace reads 11 and 12")
    numbers = struct.unpack("<12id", source.take(56, "its settings"))
    dim, model, buckets, minn, maxn = numbers[0], numbers[7], numbers[8], max(numbers[9], 1), numbers[10]
    if model == _SUPERVISED:
        raise InputError(
            f"{source.path} is a supervised model of fastText, made to tell labels apart; semspace reads skipgram and "
            f"CBOW models"
        )
    if model not in _UNSUPERVISED:
        raise DamagedError(f"{source.path} is damaged: it says that its model is of kind {model}")
    if dim < 1 or buckets < 0:
        raise DamagedError(f"{source.path} is damaged: it says {dim} dimensions and {buckets} buckets")
    return _Settings(dim, buckets, Subwords(minn, maxn, buckets) if buckets and maxn >= minn else None)


def _read_dictionary(source: Source, keep_bad: bool) -> tuple[list[str], npt.NDArray[np.int64]]:
    size, count, labels, _, pruned = struct.unpack("<3i2q", source.take(28, "its dictionary"))
    if pruned >= 0:
        raise InputError(
            f"{source.path} is pruned, as quantised models (.ftz) are; semspace reads skipgram and CBOW models that "
            f"aren't quantised"
        )
    if count < 1 or labels < 0 or size != count + labels:
        raise DamagedError(
            f"{source.path} is damaged: it says {count} words and {labels} labels in a dictionary of {size}"
        )
    words: list[str] = []
    tails = []
    for texts, tail in records(source, b"\0", 9, size):
        done = len(words)
        words += decoded(texts, "utf-8", keep_bad, lambda i, n=done: f"word {n + i + 1:,} of {source.path}")  # type: ignore[misc]
        tails.append(tail)
    if len(words) < size:
        raise source.cut(f"its dictionary of {size:,} words")
    seen, kinds = np.split(np.concatenate(tails), [8], axis=1)  # how often it was seen, and whether it is a label
    if kinds[:count].any() or not kinds[count:].all():
        raise DamagedError(f"{source.path} is damaged: it says {count} words, then {labels} labels, and holds others")
    # A word that begins with __label__ stands among the labels, whatever the model; it has no row in the matrix.
    return words[:count], np.ascontiguousarray(seen[:count]).view("<i8")[:, 0]


def _read_matrix(source: Source, settings: _Settings, words: int, limit: int | None) -> tuple[Floats2d, Floats2d]:
    """Read the rows of the words, up to `limit`, and those of the buckets."""
    quantised, rows, dim = struct.unpack("<?2q", source.take(17, "the size of its matrix"))
    if quantised:
        raise InputError(f"{source.path} is quantised (.ftz); semspace reads the .bin it was made of")
    if dim != settings.dim or rows != words + settings.buckets:
        raise DamagedError(
            f"{source.path} is damaged: its matrix is {rows:,} x {dim:,}, and {words:,} words and "
            f"{settings.buckets:,} buckets of {settings.dim} dimensions were announced"
        )
    read = words if limit is None else min(limit, words)
    whole = source.matrix(read, dim, f"the vectors of its {words:,} words")
    source.skip((words - read) * dim * 4, f"the vectors of its {words:,} words")
    return whole, source.matrix(settings.buckets, dim, f"the vectors of its {settings.buckets:,} buckets")


def _mix(words: list[str], whole: Floats2d, subwords: Subwords, buckets: Floats2d) -> None:
    """Turn the rows of words into the means of them and of their subwords' rows."""
    from semspace.words.subword_kernel import means

    bad = undecoded(words)
    offsets, table = subwords.table(["" if one else word for word, one in zip(words, bad, strict=True)])
    if _END_OF_LINE in words:
        place = words.index(_END_OF_LINE)
        table[offsets[place] : offsets[place + 1]] = -1
    means(offsets, table, buckets, whole, np.ones(len(words), np.int64))
