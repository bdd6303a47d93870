"""`read_vectors` and `write_vectors`: word vectors in the file formats of other tools."""

from __future__ import annotations

from collections.abc import Callable
from typing import BinaryIO

from semspace import checks
from semspace.display import clip
from semspace.errors import InputError
from semspace.files import PathLike
from semspace.formats import faiss_file, fasttext_binary, file_kinds, text_format, usearch_file, word2vec_binary
from semspace.formats.vector_file import VectorFile, create_file, open_vectors
from semspace.formats.vector_table import VectorTable, make_space
from semspace.space import Space
from semspace.text.files import warn_user

# A reader takes the file, the maximum number of words, the encoding, and whether to keep undecodable words.
READERS: dict[str, Callable[[VectorFile, int | None, str, bool], VectorTable]] = {
    "word2vec": text_format.read_word2vec,
    "word2vec-binary": word2vec_binary.read_binary,
    "glove": text_format.read_glove,
    "fasttext": fasttext_binary.read_fasttext,
    "faiss": faiss_file.read_faiss,
    "usearch": usearch_file.read_usearch,
}
WRITERS: dict[str, Callable[[Space, BinaryIO], None]] = {
    "word2vec": text_format.write_text_rows,
    "word2vec-binary": word2vec_binary.write_binary_rows,
    "glove": text_format.write_text_rows,
}
_BLANK = " \t\n\v\f\r"  # characters that end a word for the tools that read these formats
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"  # not part of the first word
_START = 4_096  # number of bytes that are checked for being text
_SAMPLE = 100  # number of lines from which a text format is detected


def read_vectors(
    path: PathLike,
    *,
    format: str | None = None,
    limit: int | None = None,
    encoding: str = "utf-8",
    undecodable: str = "raise",
    progress: bool = True,
) -> Space:
    r"""Read word vectors written by another tool, plain or gzipped.

    Parameters
    ----------
    path : str or path
    format : {"word2vec", "word2vec-binary", "glove", "fasttext", "faiss", "usearch"}, optional
        word2vec's text format (also fastText's ``.vec``), word2vec's binary format, GloVe's text format (without a
        header line), or fastText's ``.bin``. Detected from the content by default. In text formats a word may hold
        spaces: the numbers are the last fields of a line. Of indexes of faiss (flat, HNSW over flat, with ids or
        without) and usearch (float16 to float64) the vectors are read, whose words are their ids, keys or positions;
        see `Index.from_hnswlib` for those of hnswlib.
    limit : int, optional
        Read only the first `limit` words, which in most files are the most frequent.
    encoding : str
        Encoding of the words.
    undecodable : {"raise", "drop"}
        Whether a word that can't be decoded is an error or is left out.
    progress : bool
        Show a bar with the time left, in a terminal or a notebook.

    Returns
    -------
    Space
        In the order of the file, without repeated words and without words whose vector is all zeros; the numbers left
        out are in ``space.provenance`` under ``duplicates``, ``zeros`` and ``undecodable``. A fastText model also has
        an encoder, which returns vectors for unseen words, and the metadata column ``count``.

    Raises
    ------
    MissingFileError
        If there is no file at `path`.
    DamagedError
        If the file is truncated or doesn't match its header.
    InputError
        If it has another format, or holds NaN, infinity, a field that isn't a number, or bytes in another encoding; the
        message gives the location.

    Examples
    --------
    >>> import semspace as ss
    >>> from pathlib import Path
    >>> _ = Path("pets.txt").write_text("cat 1.0 0.5\ndog 1.0 0.4\ncar -1.0 0.0\n")
    >>> ss.read_vectors("pets.txt").most_similar("cat", k=1).ids
    ('dog',)
    """
    if format is not None:
        checks.choice("format", format, READERS)
    if limit is not None:
        checks.whole("limit", limit)
    checks.choice("undecodable", undecodable, ("raise", "drop"))
    _check_encoding(encoding)
    with open_vectors(path, progress=progress) as source:
        source.held = source.peek().removeprefix(_BYTE_ORDER_MARK)
        chosen = format or detect(source)
        table = READERS[chosen](source, limit, encoding, undecodable == "drop")
        space = make_space(table, {"source": str(path), "format": chosen})
    if chosen in ("faiss", "usearch") and space.provenance["duplicates"]:
        warn_user(
            f"{path} has ids that occur more than once, and an id has one vector here: {len(space):,} vectors were "
            f"read, {space.provenance['duplicates']:,} left out"
        )
    return space


def write_vectors(space: Space, path: PathLike, *, format: str = "word2vec", overwrite: bool = False) -> None:
    """Write ids and vectors in another tool's format; metadata and encoder are left out.

    Numbers read back as the same float32, bit for bit. The file is written atomically. A path that ends in ``.gz`` is
    compressed.

    Parameters
    ----------
    space : Space
    path : str or path
    format : {"word2vec", "word2vec-binary", "glove"}
    overwrite : bool
        Replace an existing file at `path`.

    Raises
    ------
    InputError
        If an id is empty or holds white space, which these formats can't distinguish from the end of a word.
    ExistsError
        If `path` exists.

    Examples
    --------
    >>> import semspace as ss
    >>> from pathlib import Path
    >>> ss.write_vectors(ss.Space.from_vectors(["cat"], [[1.0, 0.5]]), "cat.txt")
    >>> Path("cat.txt").read_text().splitlines()
    ['1 2', 'cat 1.0 0.5']
    """
    if not isinstance(space, Space):
        raise InputError(f"write_vectors takes a Space; got {type(space).__name__}: see Space.from_vectors")
    checks.choice("format", format, WRITERS)
    wrong = next((id for id in space.ids if not id or any(mark in id for mark in _BLANK)), None)
    if wrong is not None:
        raise InputError(
            f"the id {clip(wrong, 40)!r} is empty or holds white space, so {format} files can't hold it; rename it, or "
            f"save the space with ss.save"
        )
    if format == "glove" and len(space) and space.ids[0].startswith("\ufeff"):
        raise InputError(
            "the first id begins with U+FEFF, which at the start of a file is a mark of its encoding and no part of a "
            "word; write another id first, or format='word2vec'"
        )
    with create_file(path, overwrite=overwrite) as file:
        if format != "glove":
            file.write(f"{len(space)} {space.dim}\n".encode())
        WRITERS[format](space, file)


def detect(source: VectorFile) -> str:
    """Return the format of a file, detected from its beginning."""
    head = source.peek()
    if not head.strip():
        raise InputError(f"{source.path} is empty; expected a file of word vectors")
    if head.startswith(fasttext_binary.MAGIC):
        return "fasttext"
    if faiss_file.is_faiss(head):
        return "faiss"
    if usearch_file.is_usearch(source):
        return "usearch"
    other = file_kinds.foreign_kind(head)
    if other is not None:
        raise InputError(f"{source.path} is {other}")
    if header := text_format.HEADER.match(head):
        dim, remainder = int(header[2]), head[header.end() :]
        if any(text_format.ends_in_numbers(line, dim) for line in remainder.split(b"\n", 20)[:20]):
            return "word2vec"
        if file_kinds.is_text(remainder[:_START]):
            raise InputError(
                f"{source.path} starts with two numbers, as in word2vec's formats, but no words with {dim:,} numbers "
                f"follow: it continues with {remainder[:40]!r}"
            )
        return "word2vec-binary"
    _check_glove(source, head)
    return "glove"


def _check_glove(source: VectorFile, head: bytes) -> None:
    """Raise `InputError` unless a file holds lines of a word and its numbers."""
    lines = [line for line in head.split(b"\n", _SAMPLE)[:_SAMPLE] if line.strip()]
    dim = text_format.likely_dimensions(lines)
    fitting = [line.split() for line in lines if dim and text_format.ends_in_numbers(line, dim)]
    single = [fields for fields in fitting if len(fields) == 2]
    prose = dim == 1 and 2 * len(single) <= len(fitting)  # lines of several words that end in a number
    if (
        2 * len(fitting) <= len(lines)
        or prose
        or not text_format.ends_in_numbers(lines[0], dim)
        or b"\0" in head[:_START]
    ):
        raise InputError(
            f"{source.path} isn't a file of word vectors in a format that semspace reads: it starts with "
            f"{file_kinds.beginning(head)} and seems to be {file_kinds.likely_kind(head)}; "
            f"semspace reads word2vec's formats, GloVe's text, fastText's .vec and .bin, and faiss's and "
            f"usearch's vectors; Index.from_hnswlib reads hnswlib's"
        )
    if dim == 1:
        raise InputError(
            f"{source.path} has one number per line, like a word list with counts or ratings; if these are vectors "
            f"of one dimension, pass format='glove' (--from glove)"
        )
    if all(len(fields) == dim + 1 and text_format.FRACTION.fullmatch(fields[0]) for fields in fitting):
        raise InputError(
            f"{source.path} seems to be a matrix of numbers without words; use Space.from_vectors(words, matrix), or "
            f"pass format='glove' (--from glove) if its words are numbers"
        )


def _check_encoding(encoding: str) -> None:
    plain = "".join(map(chr, range(128)))
    try:
        keeps_ascii = plain.encode(encoding) == plain.encode()
    except (LookupError, TypeError, ValueError) as problem:
        raise InputError(f"no encoding {encoding!r}; use a name such as utf-8, latin-1 or cp1252") from problem
    if not keeps_ascii:
        raise InputError(f"encoding must keep ASCII, as utf-8 and latin-1 do; got {encoding!r}")
