"""`python -m fuzz.each_place`: change each array, table and number of each saved value, one at a time, in many ways.

What chance seldom finds, such as one number of one array out of range, is tried here without chance.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import shutil
import tempfile
import traceback
import warnings
from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from semspace.errors import SemspaceError

_MEMORY = 6 << 30  # bytes; what takes more is a fault
_STRANGE = (
    None, 0, -1, 1, 7, 1.5, "x", "", [], [None], ["x"], {}, {"x": 1}, True, 2**63, 1e308, -5,
)  # fmt: skip
_UNTRIED = ("files", "sha256", "format")  # of a manifest: tests change these


def arrays(array: Any) -> Iterator[tuple[str, Any]]:
    """Iterate over changed copies of an array, and what was changed."""
    yield "empty", array[:0]
    yield "short", array[:-1]
    yield "longer", np.concatenate([array, array[-1:]])
    values: tuple[Any, ...] = ()
    if array.dtype.kind in "iu":
        limits = np.iinfo(array.dtype)
        values = tuple(v for v in (-1, 0, 1, 7, 2**31 - 1, limits.max, limits.min) if limits.min <= v <= limits.max)
    elif array.dtype.kind == "f":
        limits_of = np.finfo(array.dtype)
        values = (0, -1, np.nan, np.inf, -np.inf, limits_of.max, limits_of.tiny)
    elif array.dtype.kind == "b":
        yield "turned over", ~array
        values = (False, True)
    for value in values:
        yield f"all {value}", np.full_like(array, value)
        for at in (0, -1) if array.size else ():
            changed = array.copy()
            changed.flat[at] = value
            yield f"{'first' if at == 0 else 'last'} {value}", changed
    if array.dtype.kind in "iuf":
        yield "reversed", np.ascontiguousarray(array[::-1])
        yield "another type", array.astype(np.float32 if array.dtype == np.float64 else np.float64)
    if array.ndim == 2:
        yield from (("flat", array.ravel()), ("narrow", array[:, :1].copy()), ("of no width", array[:, :0].copy()))
    elif array.ndim == 1:
        yield "a column", array[:, None]


def tables(table: pl.DataFrame) -> Iterator[tuple[str, pl.DataFrame]]:
    """Iterate over changed copies of a table, and what was changed."""
    yield "empty", table.head(0)
    if len(table):
        yield "short", table.head(len(table) - 1)
        yield "twice", pl.concat([table, table])
    yield "a column more", table.with_columns(pl.lit(1).alias("more"))
    for name, kind in table.schema.items():
        yield f"no {name}", table.drop(name)
        wrong = [pl.lit(None, dtype=kind), pl.concat_list(pl.lit(1)), pl.lit(b"x")]
        if kind.is_numeric():
            wrong += [pl.lit(value).cast(kind, strict=False) for value in (-1, 0, 10**9)]
        if kind.is_float():
            wrong += [pl.lit(value).cast(kind) for value in (float("nan"), float("inf"))]
        if kind == pl.String:
            wrong += [pl.lit(value) for value in ("", "same", "\x1b[31m")]
        for number, value in enumerate(wrong):
            yield f"{name}, {number}", table.with_columns(value.alias(name))


def places(content: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Iterate over the places in a JSON value: the keys and positions that lead to each; of a list the first two."""
    if path:
        yield path
    listed = enumerate(content[:2]) if isinstance(content, list) else ()
    for key, value in content.items() if isinstance(content, dict) else listed:
        if key != "vocab":
            yield from places(value, (*path, key))


def objects(content: Any, skipped: Sequence[str] = ()) -> Iterator[tuple[str, Any]]:
    """Iterate over changed copies of a JSON value, half of all: the other half is tried in the next place."""
    tried = (path for path in places(content) if path[0] not in skipped and "versions" not in path)
    for number, path in enumerate(tried):
        for value in _STRANGE[number % 2 :: 2]:
            copy = json.loads(json.dumps(content))
            at = copy
            for key in path[:-1]:
                at = at[key]
            at[path[-1]] = value
            yield f"{path} = {value!r}", copy


def changes(path: Path, name: str) -> Iterator[tuple[str, Callable[[Path], object]]]:
    """Iterate over ways to write a file of a saved value otherwise, and what each is."""
    if path.suffix == ".npy":
        for how, array in arrays(np.load(path)):
            yield f"{name}, {how}", lambda to, array=array: np.save(to, array)
    elif path.suffix == ".arrow":
        for how, table in tables(pl.read_ipc(path.read_bytes())):
            yield f"{name}, {how}", lambda to, table=table: table.write_ipc(to)
    elif path.suffix == ".json":
        for how, value in objects(json.loads(path.read_text()), _UNTRIED if name == "manifest.json" else ()):
            yield f"{name}, {how}", lambda to, value=value: to.write_text(json.dumps(value))


def try_value(name: str, work: Path, every: int = 1) -> tuple[int, dict[tuple[str, str], str]]:
    """Try the changes of a kind of value; return how many there were, and one for each place that raised wrongly.

    Parameters
    ----------
    every : int
        Try one in so many.
    """
    from fuzz.targets import every_target

    target = next(one for one in every_target() if one.name == f"value-{name}")
    sound, tried, count, found = work / "sound", work / "tried", 0, dict[tuple[str, str], str]()
    shutil.rmtree(sound, ignore_errors=True)
    target.write(sound)
    for path in sorted(one for one in sound.rglob("*") if one.is_file()):
        relative = path.relative_to(sound)
        for what, write in islice(changes(path, relative.as_posix()), 0, None, every):
            shutil.rmtree(tried, ignore_errors=True)
            shutil.copytree(sound, tried)
            (tried / relative).unlink()
            write(tried / relative)
            target.seal(tried)
            count += 1
            try:
                target.read(tried)
            except SemspaceError:
                pass
            except BaseException as problem:
                if isinstance(problem, KeyboardInterrupt):
                    raise
                frames = [
                    frame for frame in traceback.extract_tb(problem.__traceback__) if "semspace" in frame.filename
                ]
                place = f"{Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else "?"
                found.setdefault((type(problem).__name__, place), f"{what}: {str(problem)[:160]}")
    return count, found


def main(arguments: list[str] | None = None) -> int:
    """Try all kinds of values, or those that are named, and print what was wrong."""
    from fuzz.targets import every_target

    names = [one.name.removeprefix("value-") for one in every_target() if one.name.startswith("value-")]
    parser = argparse.ArgumentParser(prog="python -m fuzz.each_place", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"kinds of values: {', '.join(names)}")
    parser.add_argument("--part", default="1/1", help="a part of all kinds, such as 1/2, for several processes")
    given = parser.parse_args(arguments)
    if strange := sorted(set(given.names) - set(names)):
        parser.error(f"no value is called {strange[0]!r}")
    part, parts = map(int, given.part.split("/"))
    os.environ["RUST_BACKTRACE"] = "0"
    resource.setrlimit(resource.RLIMIT_AS, (_MEMORY, _MEMORY))
    warnings.simplefilter("ignore")
    total, wrong = 0, 0
    with tempfile.TemporaryDirectory(prefix="semspace-places-") as work:
        for name in given.names or names[part - 1 :: parts]:
            count, found = try_value(name, Path(work))
            total, wrong = total + count, wrong + len(found)
            print(f"{name:<24} {count:>6,} {'' if found else 'nothing wrong'}", flush=True)
            for (kind, place), what in found.items():
                print(f"    {kind} in {place}: {what}", flush=True)
    print(f"{total:,} changes, {wrong} faults")
    return 1 if wrong else 0


if __name__ == "__main__":
    raise SystemExit(main())
