"""What a case is: the files of a folder that are put in place of its own, as bytes; and how it is changed."""

from __future__ import annotations

import ast
import io
import json
import math
import random
import struct
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import polars as pl

Part = tuple[int, bytes]  # number of the file that is replaced, and its content
LARGEST = 1 << 18  # bytes of a case
_LENGTH = struct.Struct("<BI")
_NUMBERS = (0, 1, -1, 2, 7, 64, 127, 128, 255, 256, 4_096, 65_535, 2**31 - 1, 2**31, -(2**31), 2**32, 2**63 - 1, 2**63)
_VALUES: tuple[Any, ...] = (
    None, True, "", "x", "../x", "/x", "\x00", [], {}, [5], {"a": 1}, [[1]], 0.5, -0.5, 1e300, 10**30, *_NUMBERS,
)  # fmt: skip
_WORDS = (
    b"", b"\x00", b"\n", b"\r\n", b"\t", b'"', b"'", b",", b";", b"{", b"}", b"[", b"]", b"\xff", b"\xef\xbb\xbf",
    b"\xff\xfe", b"1000000000", b"-1", b"1e999", b"nan", b"..", b"/", b"(", b")", b" AND ", b" OR ", b"NOT ", b"NULL",
)  # fmt: skip


def joined(parts: Sequence[Part]) -> bytes:
    """Return the case with these files."""
    return b"".join(_LENGTH.pack(number, len(content)) + content for number, content in parts)


def divided(case: bytes) -> list[Part]:
    """Return the files of a case; every case has a meaning, however it was changed."""
    parts, at = [], 0
    while at + _LENGTH.size <= len(case):
        number, length = _LENGTH.unpack_from(case, at)
        at += _LENGTH.size
        parts.append((number, case[at : at + length]))
        at += length
    return parts


def mutated(case: bytes, luck: random.Random, others: Sequence[bytes], by_bytes: Callable[[bytes], bytes]) -> bytes:
    """Return a case that is a little different: one file of it changed, added from another case, or left out."""
    parts = divided(case)
    choice = luck.random()
    if others and choice < 0.1:
        parts += divided(luck.choice(others))[:1]
    elif len(parts) > 1 and choice < 0.15:
        del parts[luck.randrange(len(parts))]
    elif parts:
        place = luck.randrange(len(parts))
        number, content = parts[place]
        parts[place] = number, changed(content, luck, by_bytes)
    return joined(parts)[:LARGEST]


def changed(content: bytes, luck: random.Random, by_bytes: Callable[[bytes], bytes]) -> bytes:
    """Return the content of a file with a change that its format allows, or with other bytes."""
    if luck.random() < 0.6:
        for change in (_array, _json, _table, _weights):
            try:
                found = change(content, luck)
            except (KeyboardInterrupt, SystemExit):
                raise
            except BaseException:  # not of this format, or not allowed; polars' panics are no Exception
                continue
            if found is not None:
                return found
    return by_bytes(content)


def plainly(content: bytes, luck: random.Random) -> bytes:
    """Return the content with a few bytes flipped, put in, taken out or doubled."""
    data = bytearray(content)
    for _ in range(luck.choice((1, 1, 1, 2, 4, 8))):
        at, size = luck.randrange(len(data) + 1), luck.choice((1, 1, 2, 4, 8, 16, 64))
        match luck.randrange(6):
            case 0 if at < len(data):
                data[at] ^= 1 << luck.randrange(8)
            case 1:
                data[at:at] = luck.choice(_WORDS)
            case 2:
                del data[at : at + size]
            case 3:
                data[at:at] = data[at : at + size] * luck.choice((1, 2, 16))
            case 4:
                kind = luck.choice(["<H", ">H", "<I", ">I", "<Q", ">Q"])
                value = luck.choice(_NUMBERS) & ((1 << 8 * struct.calcsize(kind)) - 1)
                data[at : at + struct.calcsize(kind)] = struct.pack(kind, value)
            case _:
                data[at : at + size] = luck.choice(_WORDS)
    return bytes(data)


def _array(content: bytes, luck: random.Random) -> bytes | None:
    """Change numbers, the type, the shape or the header of an array."""
    if not content.startswith(b"\x93NUMPY"):
        return None
    if luck.random() < 0.2:
        return _header(content, luck)
    file = io.BytesIO(content)
    np.lib.format.read_magic(file)
    shape, _, dtype = np.lib.format.read_array_header_1_0(file)
    if math.prod(shape) * dtype.itemsize > len(content):
        return _header(content, luck)
    array = np.load(io.BytesIO(content), allow_pickle=False).copy()
    if luck.random() < 0.7 and array.size:
        flat = array.reshape(-1)
        for _ in range(luck.choice((1, 1, 2, 5))):
            at = luck.randrange(flat.size)
            if flat.dtype.kind == "f":
                flat[at] = luck.choice((0.0, -1.0, 1e30, -1e30, 1e-40, np.inf, -np.inf, np.nan, 99.0))
            elif flat.dtype.kind in "iu":
                info = np.iinfo(flat.dtype)
                number = luck.choice((*_NUMBERS, info.min, info.max, int(flat[at]) + 1, int(flat[at]) - 1, flat.size))
                flat[at] = min(max(number, info.min), info.max)
            elif flat.dtype.kind == "b":
                flat[at] = not flat[at]
    else:
        kinds = ("f2", "f4", "f8", "i1", "i4", "i8", "u1", "u8", "?", "c8", "U3", "S5", ">f4", ">i4", "M8[s]", "V4")
        ways = (
            lambda: array[:0], lambda: array[: len(array) // 2], lambda: array[None], lambda: array[::-1],
            lambda: array.reshape(-1), lambda: np.asfortranarray(array), lambda: np.concatenate([array, array]),
            lambda: array[..., None], lambda: array.reshape(-1)[:1].reshape(()),
            lambda: array.astype(luck.choice(kinds)),
        )  # fmt: skip
        array = luck.choice(ways)()
    written = io.BytesIO()
    np.save(written, array, allow_pickle=False)
    return written.getvalue()


def _header(content: bytes, luck: random.Random) -> bytes:
    """Return an array whose header says something else than is there."""
    length = int.from_bytes(content[8:10], "little")
    said = ast.literal_eval(content[10 : 10 + length].decode("latin-1"))
    shape = list(said["shape"])
    if shape and luck.random() < 0.7:
        shape[luck.randrange(len(shape))] = luck.choice(_NUMBERS)
    else:
        shape = luck.choice(([], [-1], [2**31, 2**31], [2**40], [0], [1] * 40, [2**62, 4]))
    said["shape"] = tuple(shape)
    if luck.random() < 0.2:
        said["descr"] = luck.choice(("|O", "<f8", ">i4", "|V0", "<U9", "", [("a", "<i4")], "<m8[Y]"))
    header = repr(said).encode() + b"\n"
    return content[:8] + len(header).to_bytes(2, "little") + header + content[10 + length :]


def _json(content: bytes, luck: random.Random) -> bytes | None:
    """Change, remove or double a value somewhere in JSON."""
    if content.lstrip()[:1] not in (b"{", b"["):
        return None
    whole = json.loads(content)
    for _ in range(luck.choice((1, 1, 1, 2, 3))):
        _change_inside(whole, luck)
    return json.dumps(whole, ensure_ascii=luck.random() < 0.5).encode("utf-8", "surrogatepass")


def _change_inside(value: Any, luck: random.Random) -> None:
    while True:
        keys = list(value) if isinstance(value, dict) else list(range(len(value)))
        if not keys:
            return
        key = luck.choice(keys)
        if isinstance(value[key], (dict, list)) and value[key] and luck.random() < 0.85:
            value = value[key]
            continue
        old = value[key]
        if luck.random() < 0.15:
            del value[key]
        elif isinstance(old, bool) or luck.random() < 0.4:
            value[key] = luck.choice(_VALUES)
        elif isinstance(old, (int, float)):
            value[key] = luck.choice((old + 1, old - 1, -old, old * 2, 0, *_NUMBERS))
        elif isinstance(old, str):
            value[key] = luck.choice((old + "x", old[:-1], old.upper(), old * 2, "../" + old, old + "\x1b[1m", ""))
        else:
            value[key] = luck.choice(_VALUES)
        return


def _table(content: bytes, luck: random.Random) -> bytes | None:
    """Change a column of an Arrow or Parquet table."""
    from semspace.table_claims import check_arrow, check_parquet  # with the rest of semspace, to be guided by it

    if content[:6] == b"ARROW1":
        check_arrow(io.BytesIO(content))
        table = pl.read_ipc(io.BytesIO(content))
    elif content[:4] == b"PAR1":
        check_parquet(io.BytesIO(content))
        table = pl.read_parquet(io.BytesIO(content))
    else:
        return None
    name = luck.choice(table.columns)
    column = pl.col(name)
    kinds = (
        pl.Int8,
        pl.Int64,
        pl.UInt32,
        pl.Float32,
        pl.String,
        pl.Binary,
        pl.Categorical,
        pl.Date,
        pl.Boolean,
        pl.Null,
    )
    ways: tuple[Callable[[], pl.DataFrame], ...] = (
        lambda: table.drop(name), lambda: table.head(1), lambda: table.head(0), lambda: pl.concat([table, table]),
        table.reverse, lambda: table.rename({name: luck.choice(("id", "text", "", "x", "word", "count"))}),
        lambda: table.with_columns(pl.lit(None, dtype=table.schema[name]).alias(name)),
        lambda: table.with_columns(pl.lit(luck.choice((3, -3, "a", 0.5, 2**63 - 1, "\x1b[31m", ""))).alias(name)),
        lambda: table.with_columns(column.cast(luck.choice(kinds), strict=False)),
        lambda: table.with_columns(column.shuffle(1)), lambda: table.with_columns(pl.concat_list(column)),
        lambda: table.with_columns(pl.Series(name, [
            luck.choice(_NUMBERS[:-2]) if isinstance(one, int) and luck.random() < 0.3 else one for one in table[name]
        ], strict=False)),
    )  # fmt: skip
    table = luck.choice(ways)()
    written = io.BytesIO()
    table.write_ipc(written) if content[:1] == b"A" else table.write_parquet(written)
    return written.getvalue()


def _weights(content: bytes, luck: random.Random) -> bytes | None:
    """Return a safetensors file whose header says something else."""
    length = int.from_bytes(content[:8], "little")
    if len(content) < 10 or content[8:9] != b"{" or length > len(content):
        return None
    if luck.random() < 0.15:
        return luck.choice(_NUMBERS[:-1]).to_bytes(8, "little", signed=True) + content[8:]
    header = _json(content[8 : 8 + length], luck) or b"{}"
    return len(header).to_bytes(8, "little") + header + content[8 + length :]
