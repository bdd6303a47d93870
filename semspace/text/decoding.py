"""Bytes in any encoding → sound UTF-8, or a sentence that says which encoding fits."""

from __future__ import annotations

import codecs
import unicodedata
from collections.abc import Generator, Iterator
from pathlib import Path

from semspace.errors import InputError
from semspace.text.files import Readable, opened, say

HEAD = 1 << 16  # bytes that a file is judged by
# A mark at the beginning of a file says what follows it; the longer ones first, as UTF-32's begins with UTF-16's.
_MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
# Codecs of Python that turn bytes into strings and are no encodings of files.
_NO_ENCODINGS = {"idna", "punycode", "unicode_escape", "unicode-escape", "raw_unicode_escape", "raw-unicode-escape"}
# The bytes 0x80-0x9f are control characters in the encodings of ISO, which no text has, and letters and quotation
# marks in those of Windows. Of these two the Windows one is the same otherwise.
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
# No text has these: all control characters but the ends of lines and pages, tabs, escapes and the old end of file.
_CONTROLS = bytes(c for c in range(32) if c not in b"\t\n\v\f\r\x1a\x1b")
_TOO_MANY = 100  # one in so many bytes
# Encodings that are common and can be told from one another by what comes out.
_EAST_ASIAN = (  # what it decodes as, its name, the scripts that come out, and for how large a share
    ("cp932", "shift_jis", ("HIRAGANA", "KATAKANA"), 0.3),
    ("euc_jp", "euc_jp", ("HIRAGANA", "KATAKANA"), 0.3),
    ("cp949", "euc_kr", ("HANGUL",), 0.9),
    ("gb2312", "gb18030", ("CJK UNIFIED",), 0.5),
    ("big5", "big5", ("CJK UNIFIED",), 0.5),
    ("gb18030", "gb18030", ("CJK UNIFIED",), 0.5),
)
_CYRILLIC = ("cp1251", "koi8_r")


def check_encoding(encoding: str) -> str:
    """Return the codec's own name of an encoding of text, or raise `InputError`."""
    try:
        name = codecs.lookup(encoding).name
        "x".encode(encoding).decode(encoding)
        codecs.getincrementaldecoder(encoding)
    except (LookupError, TypeError, ValueError) as problem:  # ValueError: a name with a NUL, the codec "undefined"
        raise InputError(f"no encoding {encoding!r}; use a name such as utf-8, latin-1 or cp1252") from problem
    if name in _NO_ENCODINGS:
        raise InputError(f"{encoding!r} is not how files of text are encoded; use a name such as utf-8 or cp1252")
    return name


def decoded(path: Path, encoding: str, size: int, *, quiet: bool = False) -> Generator[tuple[bytes, int], None, None]:
    """Walk a text file in chunks of sound UTF-8 (one may end within a character), and the place reached in the file.

    A mark at its beginning goes before `encoding`. Old Macintosh files, in which all lines end in CR, get LF.
    """
    with opened(path) as (file, place):
        head = file.read(HEAD)
        encoding, mark = _marked(head, encoding)
        name = check_encoding(encoding)
        head = head[mark:]
        mac = _judged(path, head, encoding, name)
        decoder = codecs.getincrementaldecoder(encoding)()
        windows = _Windows(path, name, quiet=quiet)
        given, lines, zeros, length = mark, 0, 0, 0
        for chunk in _pieces(file, head, size):
            given += len(chunk)
            try:
                text = decoder.decode(chunk, final=not chunk)
            except UnicodeDecodeError as problem:
                # The decoder was given these bytes last, after what it had kept back.
                raise not_decoded(path, encoding, problem, given - len(problem.object), lines) from problem
            data = chunk if name == "utf-8" else windows.read(text).encode()
            lines, zeros, length = lines + data.count(b"\n"), zeros + data.count(b"\0"), length + len(data)
            if data:
                yield data.replace(b"\r", b"\n") if mac else data, place()
    if zeros * _TOO_MANY > length:
        raise InputError(f"{path} has {zeros:,} NUL bytes among {length:,}, so it is no text, or damaged")


def _pieces(file: Readable, head: bytes, size: int) -> Iterator[bytes]:
    """Cut a file of which `head` was read already into pieces, the last of them empty."""
    yield from (head[start : start + size] for start in range(0, len(head), size))
    while chunk := file.read(size):
        yield chunk
    yield b""


def _judged(path: Path, head: bytes, encoding: str, name: str) -> bool:
    """Raise if a file isn't the text it is said to be; otherwise return whether all its lines end in CR."""
    _refuse_signature(path, head)
    _refuse_swapped(path, head, name)
    plain = head.decode(encoding, errors="ignore").encode()
    _refuse_binary(path, plain, head, encoding)
    return b"\r" in plain and b"\n" not in plain


def text_of(path: Path, encoding: str) -> str:
    """Return a whole text file as one string."""
    return b"".join(data for data, _ in decoded(path, encoding, 1 << 24)).decode()


def head_of(path: Path, encoding: str, size: int = HEAD) -> tuple[bytes, bool]:
    """Return the first bytes of a text file in UTF-8, whole lines if there are any, and whether that is all of it."""
    head, whole = b"", True
    chunks = decoded(path, encoding, HEAD, quiet=True)
    for data, _ in chunks:
        if head and len(head) + len(data) > size:
            whole = False
            break
        head += data
    chunks.close()
    return (head, True) if whole else (head[: head.rfind(b"\n") + 1] or head, False)


def not_decoded(path: Path, encoding: str, problem: UnicodeDecodeError, offset: int = 0, lines: int = 0) -> InputError:
    """Make the error for a byte that doesn't fit, in bytes that start `offset` bytes and `lines` lines into a file."""
    data, at = problem.object, problem.start
    line = lines + data.count(b"\n", 0, at) + 1
    where = f"byte 0x{data[at]:02x} at offset {offset + at} (line {line})"
    best = likely_encoding(data)
    if problem.reason in ("unexpected end of data", "truncated data"):
        return InputError(
            f"{path} is not {encoding}: {where} begins a character that the file ends in; is it cut short, or in "
            f"another encoding, for example encoding={best!r} (--encoding {best})?"
        )
    return InputError(
        f"{path} is not {encoding}: {where}; say which encoding it has, for example "
        f"encoding={best!r} (--encoding {best})"
    )


def likely_encoding(data: bytes) -> str:
    """Return the encoding that bytes which aren't UTF-8 are most likely in."""
    sample = data[:HEAD]
    wide = _wide(sample)
    if wide is not None:
        return wide
    high = [byte for byte in sample if byte >= 0x80]
    if not high:  # the byte lies further on
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
    """Return UTF-16 or UTF-32 without a mark, by where NULs lie, or by what comes out."""
    few, zeros = len(sample) // 16, [sample[place::4].count(0) for place in range(4)]
    full = [len(sample) // 4 - count <= few for count in zeros]
    for pattern, name in (((0, 1, 1, 1), "utf-32-le"), ((1, 1, 1, 0), "utf-32-be")):
        if full == list(map(bool, pattern)):
            return name
    even, odd = zeros[0] + zeros[2], zeros[1] + zeros[3]
    if max(even, odd) * 8 > len(sample) and max(even, odd) > 4 * min(even, odd):
        return "utf-16-le" if odd > even else "utf-16-be"
    # Of other scripts than Latin few bytes are NUL; they may be UTF-16 if control characters say that it is no text.
    if len(sample) - len(sample.translate(None, _CONTROLS)) <= len(sample) // _TOO_MANY:
        return None
    shares = {name: _letters(sample[: len(sample) // 2 * 2], name) for name in ("utf-16-le", "utf-16-be")}
    best = max(shares, key=lambda name: shares[name])
    return best if shares[best] > 0.5 else None


def _letters(sample: bytes, encoding: str) -> float:
    """Return the share of characters that are letters, marks or spaces of one or two scripts."""
    text = sample.decode(encoding, errors="replace")
    blocks: dict[int, int] = {}
    for character in text:
        if character.isalpha() or character.isspace():
            blocks[ord(character) >> 8] = blocks.get(ord(character) >> 8, 0) + 1
    east = sum(count for block, count in blocks.items() if 0x30 <= block < 0xD8)
    return max(sum(sorted(blocks.values())[-2:]), east if len(blocks) > 20 else 0) / max(len(text), 1)


def _share(sample: bytes, encoding: str, scripts: tuple[str, ...]) -> float:
    """Return the share of letters in some scripts among those that aren't ASCII; 0 if bytes don't decode."""
    cut = max(sample.rfind(b"\n"), 0) or len(sample)
    try:
        foreign = [c for c in sample[:cut].decode(encoding) if ord(c) > 0x7F]
    except UnicodeDecodeError:
        return 0.0
    return sum(unicodedata.name(c, "").startswith(scripts) for c in foreign) / max(len(foreign), 1)


def _lower_cyrillic(sample: bytes, encoding: str) -> int:
    return sum("а" <= c <= "я" or c == "ё" for c in sample.decode(encoding, errors="replace"))


def _marked(head: bytes, encoding: str) -> tuple[str, int]:
    """Return the encoding that a mark says, or else the one given, and the length of the mark."""
    check_encoding(encoding)
    return next(((marked, len(mark)) for mark, marked in _MARKS if head.startswith(mark)), (encoding, 0))


def _refuse_signature(path: Path, chunk: bytes) -> None:
    what = next((what for signature, what in _SIGNATURES if chunk.startswith(signature)), None)
    if what is not None:
        raise InputError(f"{path} is no text but {what}")


def _refuse_swapped(path: Path, chunk: bytes, name: str) -> None:
    """Raise if UTF-16 was said and the bytes of each character come the other way round."""
    said = {"utf-16": "utf-16-le", "utf-16-le": "utf-16-le", "utf-16-be": "utf-16-be"}.get(name)
    seen = _wide(chunk) if said else None
    if said and seen in ("utf-16-le", "utf-16-be") and seen != said:
        raise InputError(f"{path} is not {said}; its bytes come in the other order: say encoding={seen!r}")


def _refuse_binary(path: Path, head: bytes, raw: bytes, encoding: str) -> None:
    """Raise if the beginning of a file, decoded, is no text."""
    controls = len(head) - len(head.translate(None, _CONTROLS))
    if controls * _TOO_MANY <= len(head):
        return
    wide = _wide(raw)
    zeros = head.count(b"\0")
    what = f"{zeros:,} NUL bytes" if zeros * 2 > controls else f"{controls:,} control characters"
    told = (
        f"it looks like {wide} without a mark: say encoding={wide!r} (--encoding {wide})"
        if wide
        else "it isn't a text, or has another encoding"
    )
    raise InputError(f"{path}, read as {encoding}, has {what} among its first {len(head):,}: {told}")


class _Windows:
    """Reads the bytes that ISO's Latin encodings have no letters for as Windows does, and says so once."""

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
            say(
                f"{self._path} has bytes from 0x80 to 0x9f, which are no letters in {self._name}; they were read as "
                f"{self._page}, which has quotation marks and dashes there: say encoding={self._page!r}"
            )
        return text.translate(self._table)
