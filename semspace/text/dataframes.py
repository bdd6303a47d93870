"""Conversion of other libraries' tables to polars frames; columns and rows added to tables of metadata."""

from __future__ import annotations

import io
import json
import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from numbers import Integral, Real
from typing import Any

import numpy as np
import polars as pl

from semspace import checks
from semspace.display import clip
from semspace.errors import InputError, MissingExtraError
from semspace.text.files import warn_user


def as_polars(frame: Any) -> pl.DataFrame:
    """Return a polars DataFrame for a polars, pandas or Arrow table, or a mapping of names to columns.

    A lazy frame is collected by the engine that keeps the order of its rows.
    """
    if isinstance(frame, pl.LazyFrame):
        # The streaming engine, polars' default, returns the rows of a join in a different order each time.
        return frame.collect(engine="in-memory")
    if isinstance(frame, pl.DataFrame):
        return frame
    if _is_pandas(frame):
        return _of_pandas(frame)
    if isinstance(frame, Mapping):
        return _columns((str(name), _values(name, column)) for name, column in frame.items())
    if hasattr(frame, "__arrow_c_stream__"):
        return pl.DataFrame(frame)
    raise InputError(
        f"expected a table: a dict of columns, or a polars or pandas DataFrame; got {type(frame).__name__} (for texts, "
        "use Corpus.from_texts)"
    )


def ids_from_index(frame: Any) -> Any:
    """Return a pandas DataFrame with its index as the column ``id``, if the index can hold ids.

    It can if it has one level of unique strings, whole numbers or UUIDs; otherwise the frame is returned unchanged,
    with a warning. So is a frame that has a column ``id``, in any case, and anything but a pandas DataFrame.
    """
    if not _is_pandas(frame) or not hasattr(frame, "columns"):
        return frame
    if "id" in {str(name).casefold() for name in (*frame.columns, *frame.index.names)}:
        return frame
    names = [checks.id_text(value) for value in frame.index]
    if frame.index.nlevels > 1:
        problem = "has several levels"
    elif not all(isinstance(name, str) for name in names):
        problem = "doesn't hold strings or whole numbers"
    elif len(set(names)) < len(names):
        problem = "has values that occur more than once"
    else:
        named = frame.index.name is not None and str(frame.index.name) not in map(str, frame.columns)
        indexed = frame.reset_index(drop=not named)  # a named index is a column of its own, too
        indexed.insert(0, "id", names)
        return indexed
    warn_user(
        f"the frame's index {problem}, so it can't be the ids, and the documents are numbered from 0; choose a column "
        f"with id=, or call reset_index() if numbers are right"
    )
    return frame


def to_pandas(table: pl.DataFrame) -> Any:
    """Return a table as a pandas DataFrame, without pyarrow, or raise `MissingExtraError` if pandas isn't installed.

    Whole numbers and truth values with nulls have pandas' nullable types; in other columns null is None, NaN or NaT.
    """
    try:
        import pandas
    except ImportError as problem:
        raise MissingExtraError("this needs pandas, which isn't installed: pip install pandas") from problem
    return pandas.DataFrame({column.name: _pandas_column(column) for column in table.get_columns()}, copy=False)


def _pandas_column(column: pl.Series) -> Any:
    import pandas

    kind = column.dtype
    if kind.is_integer() or kind == pl.Boolean:
        nullable = "boolean" if kind == pl.Boolean else str(kind)
        values = pandas.array(column.to_list(), dtype=nullable) if column.null_count() else column.to_numpy()
    elif isinstance(kind, pl.Datetime) and kind.time_zone is not None:
        values = pandas.DatetimeIndex(column.dt.convert_time_zone("UTC").dt.replace_time_zone(None).to_numpy())
        values = values.tz_localize("UTC").tz_convert(kind.time_zone)
    elif kind.is_float() or kind in (pl.Date, pl.Datetime, pl.Duration):
        values = column.to_numpy()
    else:
        values = pandas.array(column.to_list(), dtype=object)
    return pandas.Series(values)


def with_columns_before(metadata: pl.DataFrame | None, *columns: pl.Series) -> pl.DataFrame:
    """Return columns followed by those of metadata, of which one that has a name of these gets ``_column`` added.

    It gets more of them where there is such a column, too.
    """
    table = pl.DataFrame(columns)
    if metadata is None:
        return table
    taken, renamed = {*table.columns, *metadata.columns}, dict[str, str]()
    for name in table.columns:
        if name in metadata.columns:
            renamed[name] = _free_name(name, taken)
            taken.add(renamed[name])
    return table.hstack(metadata.rename(renamed))


def _free_name(name: str, taken: Collection[str], more: str = "_column") -> str:
    while name in taken:
        name += more
    return name


def storable(table: pl.DataFrame) -> pl.DataFrame:
    """Return a copy of a table in which columns of Python objects are strings.

    Raises
    ------
    InputError
        If a column has a name that polars reads as a pattern, or holds an object that no text describes.
    """
    check_column_names(table.columns)
    return table.with_columns(_texts_of(column) for column in table.get_columns() if column.dtype == pl.Object).clone()


def _texts_of(column: pl.Series) -> pl.Series:
    values = column.to_list()
    for value in values:
        written: set[Any] = {type(value).__str__, type(value).__repr__}
        if written == {object.__str__, object.__repr__}:  # <object at 0x7f…>
            raise InputError(
                f"a column must hold texts, numbers, truth values, dates or lists; {column.name!r} holds an object "
                f"of the type {type(value).__name__}: give what is to be known of it"
            )
    return pl.Series(column.name, [None if value is None else str(value) for value in values], dtype=pl.String)


def check_column_names(names: Iterable[str]) -> None:
    """Raise `InputError` for a name that polars reads as a pattern, and so as several columns or none."""
    pattern = next((name for name in names if name == "*" or (name.startswith("^") and name.endswith("$"))), None)
    if pattern is not None:
        raise InputError(
            f"a column is called {clip(pattern, 40)!r}, and a name that is * or begins with ^ and ends with $ stands "
            f"for several columns; rename it"
        )


def append_rows(table: pl.DataFrame, more: pl.DataFrame) -> pl.DataFrame:
    """Return a table with more rows at its end, whose columns are matched by name."""
    check_columns(table, more)
    more = more.select(table.columns)
    for name, dtype in table.schema.items():
        if len({kind_of(dtype), kind_of(more.schema[name])} - {"null"}) > 1:  # polars would make texts of numbers
            raise _other_type(name, dtype, more.schema[name])
    try:
        joined = pl.concat([table, more], how="vertical_relaxed")
        for part in (table, more):
            for column in part.get_columns():
                both = joined.schema[column.name]
                if both != column.dtype and column.cast(both).cast(column.dtype).ne_missing(column).any():
                    raise _other_type(column.name, table.schema[column.name], more.schema[column.name])
    except pl.exceptions.PolarsError as problem:
        name = next(name for name, dtype in table.schema.items() if dtype != more.schema[name])
        raise _other_type(name, table.schema[name], more.schema[name]) from problem
    return joined


def _other_type(name: str, dtype: pl.DataType, other: pl.DataType) -> InputError:
    return InputError(
        f"metadata must have columns of the same types as before: {name!r} holds {dtype}, and got {other}, which can't "
        "be in one column without changing a value; convert one of them"
    )


def check_columns(table: pl.DataFrame, more: pl.DataFrame) -> None:
    """Raise `InputError` if rows don't have the columns of a table."""
    if set(table.columns) != set(more.columns):
        raise InputError(f"metadata must have the columns {', '.join(table.columns)}; got {', '.join(more.columns)}")


def kind_of(dtype: Any) -> str:
    """Return what the values of a column are, by themselves or in lists: text, number, date, null and so on.

    Values of one kind can be compared; polars converts some to another kind, as 2021 to a day in 1975.
    """
    while isinstance(dtype, (pl.List, pl.Array)):
        dtype = dtype.inner
    if dtype in (pl.String, pl.Categorical, pl.Enum):
        return "text"
    if dtype in (pl.Date, pl.Datetime):
        return "date"
    return "number" if dtype.is_numeric() else str(dtype.base_type()).lower()


def make_column(name: str, values: Sequence[Any], *, text: bool = False) -> pl.Series:
    """Return Python values as a column without losing information: integers mix with floats, dicts keep all keys.

    Values of several types become objects, or strings if `text` is true. NaN among other values than numbers is null.
    """
    values = nan_as_none(values)
    kinds = {type(value) for value in values if value is not None}
    try:
        if any(issubclass(kind, _NESTED) for kind in kinds):
            return _nested(name, values)
        if len(kinds) > 1 and all(issubclass(kind, Real) and not issubclass(kind, _TRUTH) for kind in kinds):
            if not any(isinstance(value, Integral) and abs(int(value)) > _EXACT for value in values):
                return pl.Series(name, [None if value is None else float(value) for value in values], dtype=pl.Float64)
        elif len({issubclass(kind, _TRUTH) for kind in kinds}) < 2:
            column = pl.Series(name, values, strict=True)
            return column.cast(pl.String) if column.dtype == pl.Int128 else column
    except UnicodeEncodeError as problem:
        row = next(row for row, value in enumerate(values) if _half(value))
        raise InputError(f"the column {name!r} must be valid Unicode; row {row} contains a lone surrogate") from problem
    except (TypeError, OverflowError, pl.exceptions.PolarsError):  # values of several types
        pass
    if text:
        return pl.Series(name, [_spelled(value) for value in values], dtype=pl.String)
    return pl.Series(name, values, dtype=pl.Object)


def nan_as_none(values: Sequence[Any]) -> Sequence[Any]:
    """Return values with None for NaN among others than numbers, and for NaT and NA of pandas."""
    kinds = {type(value) for value in values}
    gone = {kind for kind in kinds if kind.__name__ in ("NaTType", "NAType")}
    floats = {kind for kind in kinds if issubclass(kind, (float, np.floating))}
    others = kinds - gone - floats - {type(None)}
    if all(issubclass(kind, Real) and not issubclass(kind, _TRUTH) for kind in gone | others):
        return values
    return [None if type(value) in gone or (type(value) in floats and math.isnan(value)) else value for value in values]


_NESTED = (dict, list, tuple, np.ndarray)
_TRUTH = (bool, np.bool_)
_EXACT = 1 << 53  # larger integers have no exact float64


def _nested(name: str, values: Sequence[Any]) -> pl.Series:
    """Return dicts and lists as structs with the union of their keys, or as JSON if they don't fit one type."""
    items = [value for value in values if value is not None]
    if not any(isinstance(value, dict) for value in items):
        inner = {type(item) for value in items for item in value if item is not None}
        if len(inner) < 2 and not any(issubclass(kind, _NESTED) for kind in inner):
            return pl.Series(name, [None if value is None else list(value) for value in values], strict=True)
    # Polars itself would take the type of the first value and drop other keys.
    lines = [json.dumps({"value": value}, ensure_ascii=False, default=_simple).encode() for value in values]
    try:
        column = pl.read_ndjson(io.BytesIO(b"\n".join(lines)), infer_schema_length=None)["value"].alias(name)
        if not (holds_floats(column.dtype) and any(map(_has_large, items))):
            return column
    except pl.exceptions.PolarsError:
        pass
    return pl.Series(name, [_spelled(value) for value in values], dtype=pl.String)


def holds_floats(dtype: Any) -> bool:
    """Whether a column, or a part of its values, holds floats or whole numbers beyond 64 bits."""
    if isinstance(dtype, (pl.List, pl.Array)):
        return holds_floats(dtype.inner)
    if isinstance(dtype, pl.Struct):
        return any(holds_floats(field.dtype) for field in dtype.fields)
    return dtype in (pl.Float32, pl.Float64, pl.Int128)


def _has_large(value: Any) -> bool:
    """Whether a whole number that has no exact float64 is anywhere in a value."""
    if isinstance(value, Mapping):
        return any(map(_has_large, value.values()))
    if isinstance(value, (list, tuple, np.ndarray)):
        return any(map(_has_large, value))
    return isinstance(value, Integral) and abs(int(value)) > _EXACT


def _simple(value: Any) -> Any:
    return value.tolist() if isinstance(value, (np.ndarray, np.generic)) else str(value)


def _spelled(value: Any) -> str | None:
    if value is None or isinstance(value, str):
        return value
    return json.dumps(value, ensure_ascii=False, default=_simple)


def _half(value: Any) -> bool:
    return any("\ud800" <= c <= "\udfff" for c in _spelled(value) or "")


def _is_pandas(frame: Any) -> bool:
    return type(frame).__module__.partition(".")[0] == "pandas"


def _of_pandas(frame: Any) -> pl.DataFrame:
    # Column by column, since polars' own conversion requires pyarrow, which semspace doesn't.
    if not hasattr(frame, "columns"):
        raise InputError(f"expected a DataFrame; got a pandas {type(frame).__name__}: use its to_frame()")
    if not frame.columns.is_unique:
        raise InputError(f"column names must be unique; got {', '.join(map(str, frame.columns))}")
    columns = {str(name): _plain(frame[name]) for name in frame.columns}
    levels = dict[str, list[Any]]()
    if _has_index(frame.index):
        for number, name in enumerate(_level_names(frame.index)):
            values = _plain(frame.index.get_level_values(number).to_series())
            if columns.get(name) != values:  # the same after set_index(name, drop=False)
                levels[_free_name(name, {*columns, *levels}, "_index")] = values
    return _columns({**levels, **columns}.items())


def _level_names(index: Any) -> list[str]:
    """Return the names of the levels of an index, as pandas calls them when they become columns."""
    if index.nlevels == 1:
        return ["index" if index.name is None else str(index.name)]
    return [f"level_{number}" if name is None else str(name) for number, name in enumerate(index.names)]


def _has_index(index: Any) -> bool:
    """Check whether an index holds more than row numbers."""
    if any(name is not None for name in index.names):
        return True
    return index.dtype.kind not in "iu"


def _values(name: Any, column: Any) -> list[Any] | pl.Series:
    """Return the values of a mapping's column; one that has a type keeps it, and NaN, NaT and NA of pandas are None."""
    if isinstance(column, pl.Series):
        return column
    if _is_pandas(column) and hasattr(column, "isna"):
        gone = column.isna()
        return [None if none else value for value, none in zip(column.astype(object), gone, strict=True)]
    if hasattr(column, "__arrow_c_array__") or hasattr(column, "__arrow_c_stream__"):
        return pl.Series(column)
    if isinstance(column, np.ndarray) and column.ndim == 1 and column.dtype.kind in "mM":
        days = np.datetime_data(column.dtype)[0] == "D" and column.dtype.kind == "M"
        known = days or np.datetime_data(column.dtype)[0] in ("ms", "us", "ns")
        return pl.Series(column if known else column.astype(f"{column.dtype.kind}8[us]"))
    if isinstance(column, (str, bytes, Mapping)) or not isinstance(column, Iterable):
        raise InputError(
            f"the column {name!r} must be a list with a value for each row; got {type(column).__name__}"
            + (": DataFrame.to_dict makes lists with orient='list'" if isinstance(column, Mapping) else "")
        )
    return list(column)


def _columns(columns: Iterable[tuple[str, list[Any] | pl.Series]]) -> pl.DataFrame:
    try:
        return pl.DataFrame(
            [
                values.alias(name) if isinstance(values, pl.Series) else make_column(name, values)
                for name, values in columns
            ]
        )
    except pl.exceptions.PolarsError as problem:
        raise InputError(f"the columns don't make a table: {problem}") from problem


def _plain(column: Any) -> list[Any]:
    """Return the Python values of a pandas column, with None for NaN, NaT and NA."""
    return column.astype(object).where(column.notna(), None).tolist()  # type: ignore[no-any-return]
