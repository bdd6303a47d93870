"""A column of metadata as the colours of a map: a group for each value, or for each range of numbers."""

from __future__ import annotations

import numpy as np
import polars as pl

from semspace.display import cell, clip
from semspace.errors import InputError
from semspace.types import Ints1d

_MOST = 31  # values with a colour and shape of their own; the others are one group
_RANGES = 6  # of numbers, with about as many points each
_OTHER, _UNKNOWN = "other", "unknown"


def groups_of(column: pl.Series, role: str = "color") -> tuple[Ints1d, list[str]]:
    """Return the group of each value, shape (n,), and the names of the groups.

    Of up to 31 different values each is a group, the most frequent first; the rest are one group, "other". More
    different numbers are divided into six ranges, and dates by year. Missing values are the last group.
    `role` is the parameter that gave them.

    Raises
    ------
    InputError
        If the column holds lists or the like.
    """
    if column.dtype.is_temporal() and column.dtype in (pl.Date, pl.Datetime):
        column = column.dt.year()
    if column.dtype.is_float():
        column = column.fill_nan(None)
    if column.dtype.is_nested() or column.dtype == pl.Object:
        raise InputError(f"{role}= needs a column of texts, numbers or dates; {column.name!r} holds {column.dtype}")
    if column.dtype.is_numeric() and column.n_unique() > _MOST:
        return _ranges(column)
    counts = column.drop_nulls().value_counts(sort=True)
    values = sorted(zip(counts["count"].to_list(), counts[column.name].to_list(), strict=True), key=_frequent_first)
    shown = [value for _, value in values[:_MOST]]
    if column.dtype.is_numeric():
        shown = sorted(shown)
    return _numbered(column.to_list(), {value: i for i, value in enumerate(shown)}, [cell(value) for value in shown])


def _frequent_first(counted: tuple[int, object]) -> tuple[int, str]:
    return -counted[0], str(counted[1])


def _numbered(values: list[object], places: dict[object, int], names: list[str]) -> tuple[Ints1d, list[str]]:
    """Return values numbered by their places, then those without a place, then those that are missing."""
    rest, missing = len(names), len(names) + 1
    numbers = np.array([missing if value is None else places.get(value, rest) for value in values], dtype=np.int64)
    present, dense = np.unique(numbers, return_inverse=True)
    every = [clip(name, 60) or "(empty)" for name in names] + [_OTHER, _UNKNOWN]
    return dense.astype(np.int64), [every[number] for number in present]


def _ranges(column: pl.Series) -> tuple[Ints1d, list[str]]:
    """Divide numbers into ranges with about as many points each."""
    values = column.cast(pl.Float64).to_numpy()
    known = np.isfinite(values)
    edges = np.unique(np.quantile(values[known], np.linspace(0, 1, _RANGES + 1)))
    places = np.clip(np.searchsorted(edges, values[known], side="right") - 1, 0, max(len(edges) - 2, 0))
    names = [f"{edges[i]:.6g} to {edges[min(i + 1, len(edges) - 1)]:.6g}" for i in range(max(len(edges) - 1, 1))]
    numbers = np.full(len(values), len(names), dtype=np.int64)
    numbers[known] = places
    present, dense = np.unique(numbers, return_inverse=True)
    return dense.astype(np.int64), [[*names, _UNKNOWN][number] for number in present]
