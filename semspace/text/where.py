"""Conditions on metadata, such as ``"year >= 2001 and label = 'sport'"``: parsed by polars, never evaluated."""

import polars as pl

from semspace.display import clip
from semspace.errors import InputError


def matching(frame: pl.DataFrame, where: str) -> pl.Series:
    """Tell for each row whether a condition holds (polars Series of n bools; an unknown value counts as no).

    Raises
    ------
    InputError
        If the condition doesn't parse, names no column there is, or isn't true or false.
    """
    known = ", ".join(frame.columns) or "none"
    if not isinstance(where, str) or not where.strip():
        raise InputError(f'where must be a condition such as "year >= 2001"; got {where!r}; the columns are {known}')
    try:
        result = frame.lazy().select(pl.sql_expr(where).alias("match")).collect()["match"]
    except Exception as problem:  # the parser and the planner raise several unrelated classes
        first = str(problem).strip().splitlines()[0].partition("; valid columns")[0]
        first = clip(first, 100)
        raise InputError(f"cannot use where={where!r}: {first}; the columns are {known}") from problem
    if result.dtype != pl.Boolean or len(result) not in (1, len(frame)):
        raise InputError(
            f"where={where!r} gives {result.dtype}, not true or false for each row; the columns are {known}"
        )
    if len(result) != len(frame):  # a constant condition
        result = result.new_from_index(0, len(frame))
    return result.fill_null(False)
