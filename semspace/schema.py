"""Validation of what saved files contain: values of a manifest, arrays and tables.

A checksum proves that a file is unchanged, not that its contents are valid. Every check raises `DamagedError`, which
says where the value is, what it is and what it should be.
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
from semspace.pools import raise_interrupt

Shape = tuple[int | None, ...]
# Exceptions that a value of a wrong type can cause in any library.
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
_NUMBERS = "biuf"  # kinds of numpy's types: flags, whole numbers with and without a sign, floating point


class Facts(Mapping[str, Any]):
    """Values of a JSON object, read by name and type.

    Parameters
    ----------
    values : mapping
        A JSON object; anything else is an error.
    place : str
        Where the values are, for messages.

    Examples
    --------
    >>> facts = Facts({"name": "pets", "count": 3}, "manifest.json")
    >>> facts.text("name"), facts.whole("count", low=1)
    ('pets', 3)
    """

    def __init__(self, values: object, place: str) -> None:
        if not isinstance(values, Mapping):
            raise DamagedError(f"{place} should be an object; it is {reprlib.repr(values)}: {_REMEDY}")
        self._values, self._place = values, place

    def __getitem__(self, name: str) -> Any:
        if name not in self._values:
            raise DamagedError(f"{self._place} has no {name!r}: {_REMEDY}")
        return self._values[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def __contains__(self, name: object) -> bool:
        return name in self._values

    def get(self, name: str, default: Any = None) -> Any:
        """Return a value, or the default if there is none."""
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
        """Return an object as `Facts`."""
        return Facts(self[name], f"{self._place}, under {name!r},")

    def mapping(self, name: str) -> dict[str, Any]:
        """Return an object as a dict of unchecked values."""
        return dict(self.facts(name))

    def _list(self, name: str, count: int | None) -> list[Any]:
        value = self[name]
        if not isinstance(value, list) or (count is not None and len(value) != count):
            self._wrong(name, value, "a list" if count is None else f"a list of {count}")
        return list(value)

    def _wrong(self, name: str, value: object, should: str) -> NoReturn:
        raise DamagedError(f"{self._place} has {name} = {reprlib.repr(value)}; it should be {should}: {_REMEDY}")


_REMEDY = "save the value again"


def array(
    place: str, value: npt.NDArray[Any], *, dtype: npt.DTypeLike | None = None, shape: Shape | None = None
) -> None:
    """Check type and shape of an array, which holds numbers or flags; None in `shape` is any length."""
    if value.dtype.kind not in _NUMBERS or not value.dtype.isnative:
        raise DamagedError(f"{place} holds {value.dtype}, and it should hold numbers as this processor has: {_REMEDY}")
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
    """Check that all values of an array lie within [low, high]; `nan` allows missing ones."""
    if not value.size:
        return
    sound = (value >= low) & (value <= high)
    if nan:
        sound |= np.isnan(value)
    if not sound.all():
        bad = value[~sound].flat[0]
        raise DamagedError(f"{place} holds {bad}, and it should hold {low:g} to {high:g}: {_REMEDY}")


def check_table(place: str, value: pl.DataFrame, columns: Mapping[str, Any], *, rows: int | None = None) -> None:
    """Check the columns of a table, their types (None: any), that none has nulls, and the number of rows."""
    for name, dtype in columns.items():
        if name not in value.columns:
            raise DamagedError(f"{place} has no column {name!r}: {_REMEDY}")
        if dtype is not None and value.schema[name] != dtype:
            raise DamagedError(f"{place} holds {value.schema[name]} in {name!r}, and it should hold {dtype}: {_REMEDY}")
        if dtype is not None and value[name].null_count():
            raise DamagedError(f"{place} has nulls in its column {name!r}: {_REMEDY}")
    if rows is not None and len(value) != rows:
        raise DamagedError(f"{place} has {len(value):,} rows, and it should have {rows:,}: {_REMEDY}")


def texts(place: str, values: Iterable[object]) -> None:
    """Check that all values are texts."""
    for value in values:
        if not isinstance(value, str):
            raise DamagedError(f"{place} holds {reprlib.repr(value)}, and it should hold texts: {_REMEDY}")


@contextmanager
def reading(place: object, remedy: str = _REMEDY) -> Iterator[None]:
    """Raise `DamagedError` for any error that a value of a wrong type causes in the block."""
    try:
        yield
    except SemspaceError:
        raise
    except _WRONG as problem:
        raise_interrupt(problem)
        what = " ".join([f"{type(problem).__name__}:", *str(problem).split()])[:200]
        raise DamagedError(f"{place} holds invalid values ({what}): {remedy}") from problem
