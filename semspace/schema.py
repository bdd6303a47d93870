"""Whether what a file says is of the right kind: names, numbers, lists, arrays and tables, checked as they are read.

A checksum says that a file is as it was written, not that what was written makes sense. Everything here raises
`DamagedError`, which names the place, what it holds and what it should hold.
"""

from __future__ import annotations

import math
import reprlib
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, NoReturn

import numpy as np
import numpy.typing as npt
import polars as pl

from semspace.errors import DamagedError, SemspaceError

Shape = tuple[int | None, ...]
# What comes of values of a wrong kind, in any library that meets them.
_WRONG = (
    ArithmeticError,
    AssertionError,
    AttributeError,
    LookupError,
    RecursionError,
    TypeError,
    ValueError,
    pl.exceptions.PolarsError,
    pl.exceptions.PanicException,
)


class Facts(Mapping[str, Any]):
    """What a file says, asked for by name and kind; as a mapping it is what was read.

    Parameters
    ----------
    values : mapping
        As JSON gives it; anything else is an error.
    place : str
        Where it stands, for messages.

    Examples
    --------
    >>> facts = Facts({"name": "pets", "count": 3}, "manifest.json")
    >>> facts.text("name"), facts.whole("count", low=1)
    ('pets', 3)
    """

    def __init__(self, values: object, place: str) -> None:
        if not isinstance(values, Mapping):
            raise DamagedError(f"{place} should hold names and values; it holds {reprlib.repr(values)}: {_REMEDY}")
        self._values, self._place = values, place

    def __getitem__(self, name: str) -> Any:
        if name not in self._values:
            raise DamagedError(f"{self._place} doesn't say {name!r}: {_REMEDY}")
        return self._values[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def __contains__(self, name: object) -> bool:
        return name in self._values

    def get(self, name: str, default: Any = None) -> Any:
        """Return what is said of a name, or the default where nothing is."""
        return self._values.get(name, default)

    def text(self, name: str) -> str:
        """Return a text."""
        value = self[name]
        return value if isinstance(value, str) else self._wrong(name, value, "a text")

    def flag(self, name: str) -> bool:
        """Return True or False."""
        value = self[name]
        return value if isinstance(value, bool) else self._wrong(name, value, "true or false")

    def whole(self, name: str, *, low: int = 0, high: int | None = None) -> int:
        """Return a whole number within [low, high]."""
        value = self[name]
        if isinstance(value, bool) or not isinstance(value, int) or value < low or (high is not None and value > high):
            to = f" to {high}" if high is not None else " on"
            self._wrong(name, value, f"a whole number from {low}{to}")
        return int(value)

    def number(self, name: str, *, low: float = -math.inf, high: float = math.inf) -> float:
        """Return a finite number within [low, high]."""
        value = self[name]
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            self._wrong(name, value, "a number")
        if not (math.isfinite(value) and low <= value <= high):
            self._wrong(name, value, f"a number from {low:g} to {high:g}")
        return float(value)

    def texts(self, name: str, *, count: int | None = None) -> tuple[str, ...]:
        """Return a list of texts."""
        value = self._list(name, count)
        if not all(isinstance(item, str) for item in value):
            self._wrong(name, value, "a list of texts")
        return tuple(value)

    def lists_of_texts(self, name: str, *, count: int | None = None) -> tuple[tuple[str, ...], ...]:
        """Return a list of lists of texts."""
        value = self._list(name, count)
        if not all(isinstance(row, list) and all(isinstance(item, str) for item in row) for row in value):
            self._wrong(name, value, "a list of lists of texts")
        return tuple(tuple(row) for row in value)

    def facts(self, name: str) -> Facts:
        """Return names and values."""
        return Facts(self[name], f"{self._place}, under {name!r},")

    def mapping(self, name: str) -> dict[str, Any]:
        """Return names and values whose kinds nobody relies on, as a dict."""
        return dict(self.facts(name))

    def _list(self, name: str, count: int | None) -> list[Any]:
        value = self[name]
        if not isinstance(value, list) or (count is not None and len(value) != count):
            self._wrong(name, value, "a list" if count is None else f"a list of {count}")
        return list(value)

    def _wrong(self, name: str, value: object, should: str) -> NoReturn:
        raise DamagedError(f"{self._place} says {name} is {reprlib.repr(value)}, and it should be {should}: {_REMEDY}")


_REMEDY = "save the value again"


def array(
    place: str, value: npt.NDArray[Any], *, dtype: npt.DTypeLike | None = None, shape: Shape | None = None
) -> None:
    """Check type and shape of an array; None in `shape` is any length."""
    if dtype is not None and value.dtype != np.dtype(dtype):
        raise DamagedError(f"{place} holds {value.dtype}, and it should hold {np.dtype(dtype)}: {_REMEDY}")
    if shape is not None:
        fits = value.ndim == len(shape) and all(
            want in (None, have) for want, have in zip(shape, value.shape, strict=True)
        )
        if not fits:
            should = f"({', '.join('any' if want is None else str(want) for want in shape)})"
            raise DamagedError(f"{place} has the shape {value.shape}, and it should have {should}: {_REMEDY}")


def within(place: str, value: npt.NDArray[Any], low: float, high: float, *, nan: bool = False) -> None:
    """Check that all values of an array lie within [low, high]; `nan` allows those that aren't known."""
    if not value.size:
        return
    sound = (value >= low) & (value <= high)
    if nan:
        sound |= np.isnan(value)
    if not sound.all():
        bad = value[~sound].flat[0]
        raise DamagedError(f"{place} holds {bad}, and it should hold {low:g} to {high:g}: {_REMEDY}")


def table(place: str, value: pl.DataFrame, columns: Mapping[str, Any], *, rows: int | None = None) -> None:
    """Check that a table has these columns, of these types (any when None) and without gaps, and so many rows."""
    for name, dtype in columns.items():
        if name not in value.columns:
            raise DamagedError(f"{place} has no column {name!r}: {_REMEDY}")
        if dtype is not None and value.schema[name] != dtype:
            raise DamagedError(f"{place} holds {value.schema[name]} in {name!r}, and it should hold {dtype}: {_REMEDY}")
        if dtype is not None and value[name].null_count():
            raise DamagedError(f"{place} has gaps in its column {name!r}: {_REMEDY}")
    if rows is not None and len(value) != rows:
        raise DamagedError(f"{place} has {len(value):,} rows, and it should have {rows:,}: {_REMEDY}")


def texts(place: str, values: Iterable[object]) -> None:
    """Check that all values are texts."""
    for value in values:
        if not isinstance(value, str):
            raise DamagedError(f"{place} holds {reprlib.repr(value)}, and it should hold texts: {_REMEDY}")


@contextmanager
def reading(place: object) -> Iterator[None]:
    """Raise `DamagedError` where what the block reads turns out to be of a kind that no check thought of."""
    try:
        yield
    except SemspaceError:
        raise
    except _WRONG as problem:
        what = " ".join([f"{type(problem).__name__}:", *str(problem).split()])[:200]
        raise DamagedError(f"{place} holds something other than it should ({what}): {_REMEDY}") from problem
