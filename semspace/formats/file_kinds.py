"""Recognising files that aren't word vectors by their first bytes, for error messages."""

from __future__ import annotations

import codecs

_OTHERS = {
    b"\x80": "a pickle, which can run code when opened; open it with gensim if you trust it, and use from_gensim",
    b"PK\x03\x04": "a zip archive; unpack it first",
    b"BZh": "packed with bzip2; unpack it first",
    b"\xfd7zXZ": "packed with xz; unpack it first",
    b"\x28\xb5\x2f\xfd": "packed with zstandard; unpack it first",
    b"7z\xbc\xaf\x27\x1c": "a 7z archive; unpack it first",
    b"\xff\xfe": "text in UTF-16; save it as UTF-8 first",
    b"\xfe\xff": "text in UTF-16; save it as UTF-8 first",
    b"\x93NUMPY": "an array of NumPy, which has no words; use Space.from_vectors(words, numpy.load(path))",
    b"\x89HDF": "an HDF5 file; read words and vectors with its library, and use Space.from_vectors",
    b"PAR1": "a Parquet table; read it with polars, and use Space.from_vectors, or Corpus.read for texts",
    b"ARROW1": "an Arrow table; read it with polars, and use Space.from_vectors",
    b"SQLite format 3": "an SQLite database; read it with its library, and use Space.from_vectors",
    b"GGUF": "a language model (GGUF), not a file of word vectors",
    b"\x89PNG": "an image (PNG), not a file of word vectors",
    b"\xff\xd8\xff": "an image (JPEG), not a file of word vectors",
    b"GIF8": "an image (GIF), not a file of word vectors",
    b"%PDF": "a PDF document, not a file of word vectors",
    b"\x7fELF": "a program, not a file of word vectors",
}
_SEPARATORS = {b"\t": "tabs", b";": "semicolons", b",": "commas"}


def foreign_kind(head: bytes) -> str | None:
    """Return what a file is, with a remedy, if its signature is known; otherwise None."""
    return next((what for start, what in _OTHERS.items() if head.startswith(start)), None)


def beginning(head: bytes) -> str:
    """Return the first characters of a file as a message quotes them: its first line, or bytes that aren't text."""
    line = head.partition(b"\n")[0].rstrip(b"\r")[:40]
    return repr(line.decode("utf-8", "ignore") if is_text(line) else line)


def likely_kind(head: bytes) -> str:
    """Return a guess of what a file without a known signature is."""
    start = head.lstrip()[:1]
    if start in (b"{", b"["):
        return "JSON"
    if start == b"<":
        return "HTML or XML"
    if b"\0" in head:
        return "binary data of an unknown kind"
    line = head.partition(b"\n")[0]
    mark = max(_SEPARATORS, key=line.count)
    if mark in line:
        return f"a table separated by {_SEPARATORS[mark]}; Corpus.read reads one of texts"
    return "text; Corpus.read reads texts"


def is_text(head: bytes) -> bool:
    """Check whether the first bytes of a file are text, not binary numbers, which contain control characters."""
    return (
        bool(head.strip()) and not any(byte < 32 and byte not in b"\t\n\v\f\r\x1b" for byte in head) and _is_utf8(head)
    )


def _is_utf8(head: bytes) -> bool:
    try:
        codecs.getincrementaldecoder("utf-8")().decode(head)  # the last letter may be cut
    except UnicodeDecodeError:
        return False
    return True
