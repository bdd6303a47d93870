"""Decoding text files of any encoding to valid UTF-8, with an advice if another encoding fits."""

from __future__ import annotations

import codecs
import unicodedata
from collections.abc import Generator, Iterator
from pathlib import Path

from semspace.errors import InputError
from semspace.text.files import Readable, open_unpacked, warn_user

HEAD = 1 << 16  # number of bytes from which a file's encoding is judged
# Byte order marks; the longer ones first, since UTF-32's begins with UTF-16's.
_MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
# Python's codecs from bytes to strings that aren't encodings of files.
_NO_ENCODINGS = {"idna", "punycode", "unicode_escape", "unicode-escape", "raw_unicode_escape", "raw-unicode-escape"}
# The bytes 0x80-0x9f are control characters in ISO encodings, which no text has, and letters and quotation marks in
# Windows encodings, which for these two are the same otherwise.
_WINDOWS = {"iso8859-1": "cp1252", "iso8859-9": "cp1254"}
_SIGNATURES = (
    (b"PK\x03\x04", "a zip archive, or an Excel or Word document"),
    (b"%PDF-", "a PDF"),
    (b"\x1f\x8b", "a gzip file: its name should end in .gz"),
    (b"BZh9", "a file packed by bzip2"),
    (b"\xfd7zXZ\x00", "a file packed by xz"),
    (b"\x28\xb5\x2f\xfd", "a file packed by zstd"),
    (b"PAR1", "a Parquet file: its name should end in .parquet"),
    (b"\xd0\xcf\x11\xe0", "an old Excel or Word document"),
    (b"{\\rtf", "a Rich Text document"),
    (b"\x89PNG", "a picture"),
    (b"\xff\xd8\xff", "a picture"),
    (b"SQLite format 3\x00", "a database"),
)
# Control characters that no text has: all but line and page ends, tabs, escapes and the old end of file.
_CONTROLS = bytes(c for c in range(32) if c not in b"\t\n\v\f\r\x1a\x1b")
_TOO_MANY = 100  # a file isn't text if more than one in this number of bytes is a control character
# Common encodings that can be distinguished by their decoded text.
_EAST_ASIAN = (  # codec, encoding's name, scripts of the decoded text, and their minimum share
    ("cp932", "shift_jis", ("HIRAGANA", "KATAKANA"), 0.3),
    ("euc_jp", "euc_jp", ("HIRAGANA", "KATAKANA"), 0.3),
    ("cp949", "euc_kr", ("HANGUL",), 0.9),
    ("gb2312", "gb18030", ("CJK UNIFIED",), 0.5),
    ("big5", "big5", ("CJK UNIFIED",), 0.5),
    ("gb18030", "gb18030", ("CJK UNIFIED",), 0.5),
)
_CYRILLIC = ("cp1251", "koi8_r")


def check_encoding(encoding: str) -> str:
    """Return the canonical name of a text encoding, or raise `InputError`."""
    try:
        name = codecs.lookup(encoding).name
        "x".encode(encoding).decode(encoding)
        codecs.getincrementaldecoder(encoding)
    except (LookupError, TypeError, ValueError) as problem:  # ValueError: a name with a NUL, the codec "undefined"
        raise InputError(f"no encoding {encoding!r}; use a name such as utf-8, latin-1 or cp1252") from problem
    if name in _NO_ENCODINGS:
        raise InputError(f"{encoding!r} is not an encoding of text files; use a name such as utf-8 or cp1252")
    return name


def decode_chunks(
    path: Path, encoding: str, size: int, *, quiet: bool = False
) -> Generator[tuple[bytes, int], None, None]:
    """Iterate over a text file in chunks of valid UTF-8, each with the position reached in the file.

    A chunk may end within a character. A byte order mark overrides `encoding`. Line ends of old Macintosh files (CR
    alone) become LF.
    """
    with open_unpacked(path) as (file, position):
        head = file.read(HEAD)
        encoding, mark = _marked(head, encoding)
        name = check_encoding(encoding)
        head = head[mark:]
        only_cr = _has_cr_lines(path, head, encoding, name)
        decoder = codecs.getincrementaldecoder(encoding)()
        windows = _WindowsFallback(path, name, quiet=quiet)
        bytes_read, lines, zeros, length = mark, 0, 0, 0
        for chunk in _pieces(file, head, size):
            bytes_read += len(chunk)
            try:
                text = decoder.decode(chunk, final=not chunk)
            except UnicodeDecodeError as problem:
                # These bytes were passed to the decoder last, after those that it had kept.
                raise decode_error(path, encoding, problem, bytes_read - len(problem.object), lines) from problem
            except UnicodeError as problem:  # UTF-16 and UTF-32 without a byte order mark
                best = likely_encoding(chunk)
                raise InputError(
                    f"{path} is not {encoding}: {problem}; pass its encoding, for example encoding={best!r} "
                    f"(--encoding {best})"
                ) from problem
            data = chunk if name == "utf-8" else windows.read(text).encode()
            lines, zeros, length = lines + data.count(b"\n"), zeros + data.count(b"\0"), length + len(data)
            if data:
                yield data.replace(b"\r", b"\n") if only_cr else data, position()
    if zeros * _TOO_MANY > length:
        raise InputError(f"{path} has {zeros:,} NUL bytes among {length:,}, so it isn't text, or is damaged")


def _pieces(file: Readable, head: bytes, size: int) -> Iterator[bytes]:
    """Iterate over the pieces of a file whose `head` was read already; the last one is empty."""
    yield from (head[start : start + size] for start in range(0, len(head), size))
    while chunk := file.read(size):
        yield chunk
    yield b""


def _has_cr_lines(path: Path, head: bytes, encoding: str, name: str) -> bool:
    """Raise if a file isn't text in this encoding; otherwise return whether all lines end with CR alone."""
    _refuse_signature(path, head)
    _refuse_swapped(path, head, name)
    plain = head.decode(encoding, errors="ignore").encode()
    _refuse_binary(path, plain, head, encoding)
    return b"\r" in plain and b"\n" not in plain


def read_text(path: Path, encoding: str) -> str:
    """Return a whole text file as one string."""
    return b"".join(data for data, _ in decode_chunks(path, encoding, 1 << 24)).decode()


def read_head(path: Path, encoding: str, size: int = HEAD) -> tuple[bytes, bool]:
    """Return the beginning of a text file in UTF-8, cut after a line if possible, and whether it is the whole file."""
    head, whole = b"", True
    chunks = decode_chunks(path, encoding, HEAD, quiet=True)
    for data, _ in chunks:
        if head and len(head) + len(data) > size:
            whole = False
            break
        head += data
    chunks.close()
    return (head, True) if whole else (head[: head.rfind(b"\n") + 1] or head, False)


def decode_error(path: Path, encoding: str, problem: UnicodeDecodeError, offset: int = 0, lines: int = 0) -> InputError:
    """Return the error for an invalid byte, in data that starts `offset` bytes and `lines` lines into a file."""
    data, index = problem.object, problem.start
    line = lines + data.count(b"\n", 0, index) + 1
    where = f"byte 0x{data[index]:02x} at offset {offset + index} (line {line})"
    best = likely_encoding(data)
    if problem.reason in ("unexpected end of data", "truncated data"):
        return InputError(
            f"{path} is not {encoding}: {where} begins an incomplete character; the file may be truncated, or in "
            f"another encoding, for example encoding={best!r} (--encoding {best})?"
        )
    return InputError(
        f"{path} is not {encoding}: {where}; pass its encoding, for example encoding={best!r} (--encoding {best})"
    )


def likely_encoding(data: bytes) -> str:
    """Return the most likely encoding of bytes that aren't UTF-8."""
    sample = data[:HEAD]
    wide = _wide(sample)
    if wide is not None:
        return wide
    high = [byte for byte in sample if byte >= 0x80]
    if not high:  # the invalid byte comes later
        sample = data
        high = [byte for byte in sample if byte >= 0x80]
    letters = sum(65 <= byte <= 90 or 97 <= byte <= 122 for byte in sample)
    if len(high) > letters:  # not a Latin script
        best = max(_CYRILLIC, key=lambda name: _lower_cyrillic(sample, name))
        if _lower_cyrillic(sample, best) > 0.75 * len(high):
            return best
        for codec, name, scripts, share in _EAST_ASIAN:
            if _share(sample, codec, scripts) > share:
                return name
    if any(0x80 <= byte <= 0x9F for byte in high) and not any(byte in b"\x81\x8d\x8f\x90\x9d" for byte in high):
        return "cp1252"
    return "latin-1"


def _wide(sample: bytes) -> str | None:
    """Detect UTF-16 or UTF-32 without a byte order mark, by the positions of NULs or by the decoded text."""
    few, zeros = len(sample) // 16, [sample[residue::4].count(0) for residue in range(4)]
    is_filled = [len(sample) // 4 - count <= few for count in zeros]
    for pattern, name in (((0, 1, 1, 1), "utf-32-le"), ((1, 1, 1, 0), "utf-32-be")):
        if is_filled == list(map(bool, pattern)):
            return name
    even, odd = zeros[0] + zeros[2], zeros[1] + zeros[3]
    if max(even, odd) * 8 > len(sample) and max(even, odd) > 4 * min(even, odd):
        return "utf-16-le" if odd > even else "utf-16-be"
    # In scripts other than Latin few bytes are NUL; control characters show that it isn't a text of single bytes.
    if len(sample) - len(sample.translate(None, _CONTROLS)) <= len(sample) // _TOO_MANY:
        return None
    shares = {name: _letters(sample[: len(sample) // 2 * 2], name) for name in ("utf-16-le", "utf-16-be")}
    best = max(shares, key=lambda name: shares[name])
    return best if shares[best] > 0.5 else None


def _letters(sample: bytes, encoding: str) -> float:
    """Return the share of characters that are letters or spaces of the two most frequent Unicode blocks."""
    text = sample.decode(encoding, errors="replace")
    blocks: dict[int, int] = {}
    for character in text:
        if character.isalpha() or character.isspace():
            blocks[ord(character) >> 8] = blocks.get(ord(character) >> 8, 0) + 1
    east = sum(count for block, count in blocks.items() if 0x30 <= block < 0xD8)
    return max(sum(sorted(blocks.values())[-2:]), east if len(blocks) > 20 else 0) / max(len(text), 1)


def _share(sample: bytes, encoding: str, scripts: tuple[str, ...]) -> float:
    """Return the share of some scripts among non-ASCII characters; 0 if the bytes can't be decoded."""
    cut = max(sample.rfind(b"\n"), 0) or len(sample)
    try:
        foreign = [c for c in sample[:cut].decode(encoding) if ord(c) > 0x7F]
    except UnicodeDecodeError:
        return 0.0
    return sum(unicodedata.name(c, "").startswith(scripts) for c in foreign) / max(len(foreign), 1)


def _lower_cyrillic(sample: bytes, encoding: str) -> int:
    return sum("а" <= c <= "я" or c == "ё" for c in sample.decode(encoding, errors="replace"))


def _marked(head: bytes, encoding: str) -> tuple[str, int]:
    """Return the encoding of a byte order mark, or else the given one, and the length of the mark."""
    check_encoding(encoding)
    return next(((marked, len(mark)) for mark, marked in _MARKS if head.startswith(mark)), (encoding, 0))


def _refuse_signature(path: Path, chunk: bytes) -> None:
    what = next((what for signature, what in _SIGNATURES if chunk.startswith(signature)), None)
    if what is not None:
        raise InputError(f"{path} isn't text but {what}")


def _refuse_swapped(path: Path, chunk: bytes, name: str) -> None:
    """Raise if UTF-16 was declared and the bytes are in the other order."""
    declared = {"utf-16": "utf-16-le", "utf-16-le": "utf-16-le", "utf-16-be": "utf-16-be"}.get(name)
    detected = _wide(chunk) if declared else None
    if declared and detected in ("utf-16-le", "utf-16-be") and detected != declared:
        raise InputError(f"{path} is not {declared}; its bytes are in the other order: pass encoding={detected!r}")


def _refuse_binary(path: Path, head: bytes, raw: bytes, encoding: str) -> None:
    """Raise if the decoded beginning of a file isn't text."""
    controls = len(head) - len(head.translate(None, _CONTROLS))
    if controls * _TOO_MANY <= len(head):
        return
    wide = _wide(raw)
    zeros = head.count(b"\0")
    what = f"{zeros:,} NUL bytes" if zeros * 2 > controls else f"{controls:,} control characters"
    advice = (
        f"it looks like {wide} without a byte order mark: pass encoding={wide!r} (--encoding {wide})"
        if wide
        else "it isn't text, or has another encoding"
    )
    raise InputError(f"{path}, read as {encoding}, has {what} among its first {len(head):,}: {advice}")


class _WindowsFallback:
    """Replaces control characters of ISO Latin encodings by the characters of Windows encodings, with one warning."""

    def __init__(self, path: Path, name: str, *, quiet: bool) -> None:
        self._path, self._name, self._quiet = path, name, quiet
        self._page = _WINDOWS.get(name)
        if self._page is not None:
            page = self._page
            pairs = ((byte, bytes([byte]).decode(page, errors="ignore")) for byte in range(0x80, 0xA0))
            self._table = {byte: letter for byte, letter in pairs if letter}
            self._searched = frozenset(map(chr, self._table))

    def read(self, text: str) -> str:
        if self._page is None or self._searched.isdisjoint(text):
            return text
        if not self._quiet:
            self._quiet = True
            warn_user(
                f"{self._path} has bytes from 0x80 to 0x9f, which are control characters in {self._name}; they were "
                f"decoded as {self._page}, which has quotation marks and dashes there: pass encoding={self._page!r}"
            )
        return text.translate(self._table)
