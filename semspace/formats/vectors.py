"""`read_vectors` and `write_vectors`: word vectors from and to the files that other tools use."""

from __future__ import annotations

from collections.abc import Callable
from typing import BinaryIO

from semspace import checks
from semspace.bundle import PathLike
from semspace.display import clip
from semspace.errors import InputError
from semspace.formats import fasttext_binary, file_kinds, text_format, word2vec_binary
from semspace.formats.vector_file import Source, reading, writing
from semspace.formats.vector_table import VectorTable, space_of
from semspace.space import Space

# A reader takes the source, how many words to read at most, the encoding, and whether to keep words that aren't in it.
READERS: dict[str, Callable[[Source, int | None, str, bool], VectorTable]] = {
    "word2vec": text_format.read_word2vec,
    "word2vec-binary": word2vec_binary.read_binary,
    "glove": text_format.read_glove,
    "fasttext": fasttext_binary.read_fasttext,
}
WRITERS: dict[str, Callable[[Space, BinaryIO], None]] = {
    "word2vec": text_format.write_rows,
    "word2vec-binary": word2vec_binary.write_rows,
    "glove": text_format.write_rows,
}
_BLANK = " \t\n\v\f\r"  # what ends a word for the tools that read these formats
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"  # of no use in UTF-8, and no part of the first word
_START = 4_096  # bytes
_SAMPLE = 100  # lines that tell whether a file is vectors as text


def read_vectors(
    path: PathLike,
    *,
    format: str | None = None,
    limit: int | None = None,
    encoding: str = "utf-8",
    undecodable: str = "raise",
    progress: bool = True,
) -> Space:
    r"""Read word vectors that another tool has written, plain or packed with gzip.

    Parameters
    ----------
    path : str or path
    format : {"word2vec", "word2vec-binary", "glove", "fasttext"}, optional
        word2vec's text format, which fastText's ``.vec`` is too; its binary one; GloVe's text, without a first line of
        counts; fastText's ``.bin``. Told by the content when None. In text a word may hold spaces: the numbers are the
        last fields of a line.
    limit : int, optional
        Read only the first `limit` words, which in most files are the most frequent.
    encoding : str
        Of the words.
    undecodable : {"raise", "drop"}
        What to do with a word that isn't in that encoding.
    progress : bool
        Show a bar with the time left, in a terminal or a notebook.

    Returns
    -------
    Space
        In the file's order, the first of several equal words, without words whose vector is all zeros; how many were
        left out is in ``space.provenance`` under ``duplicates``, ``zeros`` and ``undecodable``. A model of fastText has
        an encoder too, so that unseen words can be asked, and the ``count`` of each word as metadata.

    Raises
    ------
    MissingFileError
        If nothing is there.
    DamagedError
        If the file is cut short, or isn't what its beginning announces.
    InputError
        If it is of another kind, or holds what is no number, NaN, infinity or another encoding; it names the place.

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
    with reading(path, progress=progress) as source:
        source.held = source.peek().removeprefix(_BYTE_ORDER_MARK)
        chosen = format or detect(source)
        table = READERS[chosen](source, limit, encoding, undecodable == "drop")
        return space_of(table, {"source": str(path), "format": chosen})


def write_vectors(space: Space, path: PathLike, *, format: str = "word2vec", overwrite: bool = False) -> None:
    """Write ids and vectors for another tool; metadata and encoder don't go along.

    Numbers are written so that they read back as the same float32, bit for bit. The file appears whole or not at
    all. A path that ends in ``.gz`` is packed.

    Parameters
    ----------
    space : Space
    path : str or path
    format : {"word2vec", "word2vec-binary", "glove"}
    overwrite : bool
        Replace a file that is at `path`.

    Raises
    ------
    InputError
        If an id is empty or holds a space or line end, which none of these formats can tell from the end of a word.
    ExistsError
        If `path` is taken.

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
            f"the id {clip(wrong, 40)!r} is empty or holds a space, so {format} files can't hold it; rename it, or "
            f"keep the space with save"
        )
    with writing(path, overwrite=overwrite) as file:
        if format != "glove":
            file.write(f"{len(space)} {space.dim}\n".encode())
        WRITERS[format](space, file)


def detect(source: Source) -> str:
    """Tell the format of a file by how it begins."""
    head = source.peek()
    if not head.strip():
        raise InputError(f"{source.path} is empty; expected a file of word vectors")
    if head.startswith(fasttext_binary.MAGIC):
        return "fasttext"
    other = file_kinds.other_kind(head)
    if other is not None:
        raise InputError(f"{source.path} is {other}")
    if header := text_format.HEADER.match(head):
        dim, rest = int(header[2]), head[header.end() :]
        if any(text_format.ends_in_numbers(line, dim) for line in rest.split(b"\n", 20)[:20]):
            return "word2vec"
        if file_kinds.is_text(rest[:_START]):
            raise InputError(
                f"{source.path} starts with two numbers, as word2vec's formats do, and what follows is text, but not "
                f"words with {dim:,} numbers each: it goes on with {rest[:40]!r}"
            )
        return "word2vec-binary"
    _check_glove(source, head)
    return "glove"


def _check_glove(source: Source, head: bytes) -> None:
    """Raise `InputError` unless a file holds lines of a word and its numbers."""
    lines = [line for line in head.split(b"\n", _SAMPLE)[:_SAMPLE] if line.strip()]
    dim = text_format.commonest_dimensions(lines)
    fitting = [line.split() for line in lines if dim and text_format.ends_in_numbers(line, dim)]
    single = [fields for fields in fitting if len(fields) == 2]
    prose = dim == 1 and 2 * len(single) <= len(fitting)  # lines of some words that end in a number
    if (
        2 * len(fitting) <= len(lines)
        or prose
        or not text_format.ends_in_numbers(lines[0], dim)
        or b"\0" in head[:_START]
    ):
        raise InputError(
            f"{source.path} isn't a file of word vectors that semspace knows: it starts with {head[:40]!r}, and "
            f"seems to be {file_kinds.likely_kind(head)}; "
            f"it reads word2vec's formats, GloVe's text, and fastText's .vec and .bin"
        )
    if dim == 1:
        raise InputError(
            f"{source.path} has one number a line, as lists of words with counts or ratings have; if they are vectors "
            f"of one dimension, say format='glove' (--from glove)"
        )
    if all(len(fields) == dim + 1 and text_format.FRACTION.fullmatch(fields[0]) for fields in fitting):
        raise InputError(
            f"{source.path} seems to be a matrix of numbers without words; use Space.from_vectors(words, matrix), or "
            f"say format='glove' (--from glove) if its words are numbers"
        )


def _check_encoding(encoding: str) -> None:
    plain = "".join(map(chr, range(128)))
    try:
        keeps_ascii = plain.encode(encoding) == plain.encode()
    except (LookupError, TypeError, ValueError) as problem:
        raise InputError(f"no encoding {encoding!r}; use a name such as utf-8, latin-1 or cp1252") from problem
    if not keeps_ascii:
        raise InputError(f"encoding must keep ASCII, as utf-8 and latin-1 do; got {encoding!r}")
