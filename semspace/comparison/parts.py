"""The parts of one corpus by a column of its metadata: by its values, or by periods between cuts."""

from __future__ import annotations

import datetime
import warnings
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from semspace.errors import InputError, SemspaceWarning

Rows = npt.NDArray[np.int64]
_NUMBERS_AS_THEY_ARE = 12


def parts_of(table: pl.DataFrame | None, by: str, cuts: Any = None) -> tuple[tuple[str, ...], list[Rows]]:
    """Divide metadata by a column; give the parts' names and rows, in the order of the column's values."""
    values = _column(table, by)
    if values.null_count():
        warnings.warn(
            f"{values.null_count():,} of {len(values):,} documents have no {by!r} and are left out",
            SemspaceWarning,
            stacklevel=4,
        )
    if cuts is not None:
        labels, names = _periods(values, by, cuts)
    else:
        labels, names = _values(values, by)
    parts = [(name, np.flatnonzero(labels == number)) for number, name in enumerate(names)]
    parts = [(name, rows) for name, rows in parts if len(rows)]
    return tuple(name for name, _ in parts), [rows for _, rows in parts]


def _column(table: pl.DataFrame | None, by: str) -> pl.Series:
    if table is None or by not in table.columns:
        known = ", ".join(name for name in table.columns if name not in ("id", "text")) if table is not None else ""
        raise InputError(f"by: there is no column {by!r}; there are {known or 'none'}")
    values = table[by]
    if values.dtype.is_nested() or values.dtype in (pl.Object, pl.Binary):
        raise InputError(f"by: the column {by!r} must hold texts, numbers or dates; it holds {values.dtype}")
    return values.fill_nan(None) if values.dtype.is_float() else values


def _values(values: pl.Series, by: str) -> tuple[Rows, list[str]]:
    different = values.drop_nulls().unique().sort()
    ordered = values.dtype.is_numeric() or values.dtype.is_temporal()
    if ordered and len(different) > _NUMBERS_AS_THEY_ARE:
        raise InputError(
            f"by={by!r} has {len(different):,} different values, from {different[0]} to {different[-1]}; say where to "
            f"cut it, as in cuts={_middle(different)!r} or a list of such"
        )
    number = {value: place for place, value in enumerate(different.to_list())}
    labels = np.array([number.get(value, -1) for value in values.to_list()], np.int64)
    return labels, [_name(value) for value in different.to_list()]


def _middle(values: pl.Series) -> Any:
    middle = values[len(values) // 2]
    return str(middle) if values.dtype.is_temporal() else middle


def _name(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(value) or "(empty)"


def _periods(values: pl.Series, by: str, cuts: Any) -> tuple[Rows, list[str]]:
    """Tell in which period each value lies; a period begins with its cut."""
    points = list(cuts) if isinstance(cuts, (Sequence, np.ndarray)) and not isinstance(cuts, str) else [cuts]
    points = [point.item() if isinstance(point, np.generic) else point for point in points]
    if not points:
        raise InputError("cuts must be a value of the column, or a list of them; got an empty list")
    if values.dtype == pl.String:  # dates written out, as 2021-03-05, sort as they are
        if not all(isinstance(point, str) for point in points):
            raise InputError(f"cuts must be texts, as the column {by!r} holds; got {points[0]!r}")
    elif values.dtype.is_temporal():
        points = [_moment(point, values.dtype) for point in points]
    elif not values.dtype.is_numeric():
        raise InputError(f"cuts need a column of numbers, dates or texts; {by!r} holds {values.dtype}")
    elif not all(isinstance(point, (int, float)) and not isinstance(point, bool) for point in points):
        raise InputError(f"cuts must be numbers, as the column {by!r} holds; got {points[0]!r}")
    points = sorted(set(points))
    labels = np.full(len(values), -1, np.int64)
    known = values.is_not_null().to_numpy()
    labels[known] = 0
    for point in points:
        labels[(values >= point).fill_null(False).to_numpy()] += 1
    whole = values.dtype.is_integer() and all(isinstance(point, int) for point in points)
    return labels, _period_names(points, whole)


def _moment(point: Any, kind: Any) -> Any:
    if isinstance(point, str):
        try:
            moment = datetime.datetime.fromisoformat(point)
        except ValueError as problem:
            raise InputError(f"cuts must be dates such as 2021-03-05; got {point!r}") from problem
    elif isinstance(point, datetime.datetime):
        moment = point
    elif isinstance(point, datetime.date):
        moment = datetime.datetime.combine(point, datetime.time())
    else:
        raise InputError(f"cuts must be dates, as the column holds; got {point!r}")
    return moment.date() if kind == pl.Date else moment


def _period_names(points: list[Any], whole: bool) -> list[str]:
    names = [f"before {points[0]}"]
    for low, high in pairwise(points):
        names.append(f"{low} to {high - 1}" if whole else f"{low} to before {high}")
    return [*names, f"{points[-1]} and after"]
