"""Validation of parameters, with the same message for the same mistake everywhere."""

import difflib
import importlib
import math
import sys
from collections.abc import Collection, Iterable, Sequence
from numbers import Integral
from types import ModuleType
from typing import Any
from uuid import UUID

import numpy as np
import numpy.typing as npt

from semspace.display import clip
from semspace.errors import InputError, MissingExtraError, UnknownIdError
from semspace.types import Floats2d

Names = Sequence[str] | npt.NDArray[np.object_]

# What other libraries call a metric.
_OTHER_NAMES = {
    "l2": "euclidean", "ip": "dot", "inner_product": "dot", "angular": "cosine", "euclidean": "l2", "dot": "ip",
}  # fmt: skip
_NAME = 40  # characters of a column's name in messages
# The first and the last Python that an optional library can be installed on, where not on all.
_PYTHONS: dict[str, tuple[tuple[int, int] | None, tuple[int, int] | None]] = {
    "embedding-atlas": ((3, 11), None),
    "gensim": (None, (3, 13)),  # 4.4.0 comes without a wheel for 3.14, and can't be compiled for it
    "icu4py": ((3, 11), None),
    "svg2pdf_py": ((3, 11), None),
}
# Outside this range, squares of float32 numbers underflow or overflow.
SMALLEST, LARGEST = 1e-15, 1e15


def whole(name: str, value: object, *, low: int = 1, high: int | None = None) -> int:
    """Return `value` as an int within [low, high], or raise `InputError`."""
    allowed = f"a whole number of at least {low}" if high is None else f"a whole number from {low} to {high}"
    is_whole = isinstance(value, (int, np.integer)) and not isinstance(value, bool)
    if not is_whole or int(value) < low or (high is not None and int(value) > high):  # type: ignore[call-overload]
        raise InputError(f"{name} must be {allowed}; got {value!r}")
    return int(value)  # type: ignore[call-overload, no-any-return]


def number(
    name: str,
    value: object,
    *,
    low: float = 0.0,
    high: float = float("inf"),
    open_low: bool = False,
    open_high: bool = False,
) -> float:
    """Return `value` as a float within [low, high], without the bounds that are open, or raise `InputError`."""
    good = isinstance(value, (int, float, np.number)) and not isinstance(value, bool)
    bounds = {float(low)} if open_low else set()
    bounds |= {float(high)} if open_high else set()
    if not good or not (low <= float(value) <= high) or float(value) in bounds:  # type: ignore[arg-type]
        above = f"above {low:g}" if open_low else f"of at least {low:g}" if low > -math.inf else ""
        below = (
            "" if high == math.inf else f"below {high:g}" if open_high else f"{'' if above else 'of '}at most {high:g}"
        )
        between = "and" if above and below else ""
        raise InputError(f"{' '.join(filter(None, (name, 'must be a number', above, between, below)))}; got {value!r}")
    return float(value)  # type: ignore[arg-type]


def seed(value: object) -> int:
    """Return a seed between 0 and 2**32 - 1, which every library accepts, or raise `InputError`."""
    return whole("seed", value, low=0, high=2**32 - 1)


def choice(name: str, value: object, allowed: Collection[str]) -> str:
    """Return `value` if it is one of `allowed`, or raise `InputError`."""
    if not isinstance(value, str) or value not in allowed:
        near = _usual_name(value, allowed) or nearest_spellings(value, allowed, 1) if isinstance(value, str) else []
        hint = f": did you mean {near[0]!r}?" if near else ""
        raise InputError(f"{name} must be one of {', '.join(sorted(allowed))}; got {value!r}{hint}")
    return value


def _usual_name(value: str, allowed: Collection[str]) -> list[str]:
    """Return the allowed name that means what other libraries call so, if there is one."""
    return [name for name in [_OTHER_NAMES.get(value.casefold())] if name in allowed]  # type: ignore[misc]


def missing_column(role: str, name: str, columns: Collection[str]) -> str:
    """Return the message for a column that a table doesn't have; `role` is the parameter that names it."""
    known = ", ".join(clip(column, _NAME) for column in columns) or "none"
    near = next((f"; did you mean {column!r}?" for column in columns if column.casefold() == name.casefold()), "")
    return f"{role}: there is no column {clip(name, _NAME)!r}; the columns are {known}{near}"


def ending(name: str, path: Any, *allowed: str) -> None:
    """Raise `InputError` unless a path is a file name with one of the endings `allowed`."""
    if not str(path).lower().endswith(allowed):
        *others, last = allowed
        endings = f"{', '.join(others)} or {last}" if others else last
        raise InputError(f"{name} must end in {endings}; got {str(path)!r}")


def options(given: Iterable[str], known: Sequence[str], *, of: str, others: Sequence[str] = ()) -> None:
    """Raise `InputError` that names the first option in `given` that isn't `known`.

    Parameters
    ----------
    given : iterable of str
        Names of options, such as the keys of ``**settings``.
    known : sequence of str
        Names that are allowed; there may be none.
    of : str
        What takes the options, as the subject of the message: ``"hdbscan"``, ``"the index method 'exact'"``.
    others : sequence of str
        Parameters that may have been meant, besides the options.
    """
    unknown_name = next((name for name in given if name not in known), None)
    if unknown_name is not None:
        takes = f"takes {', '.join(known)}" if known else "takes none"
        near = nearest_spellings(unknown_name, [*known, *others], 1)
        hint = f": did you mean {near[0]!r}?" if near else ""
        raise InputError(f"{of} has no option {unknown_name!r}; it {takes}{hint}")


def flag(name: str, value: object, *, other: str = "") -> bool:
    """Return `value` if it is True or False, or raise `InputError`; `other` says what else is allowed."""
    if not isinstance(value, (bool, np.bool_)):
        raise InputError(f"{name} must be True or False{f', or {other}' if other else ''}; got {value!r}")
    return bool(value)


def matrix(name: str, value: object, *, dim: int | None = None) -> Floats2d:
    """Return `value` as a C-ordered float32 matrix (n, dim) of at least one column, or raise `InputError`."""
    if getattr(getattr(value, "dtype", None), "kind", "") == "c" or isinstance(value, (set, np.ma.MaskedArray)):
        raise InputError(f"{name} must be a sequence of real numbers without a mask; got {type(value).__name__}")
    try:
        # A copy is only made where the type or the layout is another: mapped arrays stay mapped.
        with np.errstate(over="ignore"):  # what becomes infinite is told where a direction is needed
            array = np.asarray(value, dtype=np.float32, order="C")
    except (TypeError, ValueError, RuntimeError) as problem:  # the last from a tensor that requires a gradient
        hint = ": give tensor.detach()" if getattr(value, "requires_grad", False) else ""
        raise InputError(f"{name} must be a matrix of numbers; got {_not_numbers(value)}{hint}") from problem
    if array.base is None and array is not value:
        array.setflags(write=False)  # fresh, so nobody else holds it
    if array.ndim != 2:
        one = ": put one vector in a list" if array.ndim == 1 and array.size else ""
        raise InputError(f"{name} must have two axes (n, dim); got shape {array.shape}{one}")
    if not array.shape[1]:
        raise InputError(f"{name} must have at least one dimension; got shape {array.shape}")
    if dim is not None and array.shape[1] != dim:
        raise InputError(f"{name} must have {dim} columns, as this space has; got {array.shape[1]}")
    return array


def _not_numbers(value: Any) -> str:
    """Return why a value is no matrix: an item that is a text or of another length, or its type."""
    kind = type(value).__name__
    if not isinstance(value, (list, tuple, np.ndarray)) or (isinstance(value, np.ndarray) and not value.ndim):
        return kind
    items: list[Any] = list(value)
    for position, item in enumerate(items):
        if isinstance(item, str):
            text = clip(item, 40)
            return f"{kind}, whose item {position} is the text {text!r}: give vectors, as encoder.encode(texts) returns"
        if np.ndim(item) and np.ndim(items[0]) and len(item) != len(items[0]):
            return f"{kind}, whose item {position} has the length {len(item)}, and item 0 {len(items[0])}"
    return kind


def is_one_vector(value: Any) -> bool:
    """Return whether `value` is one vector, a flat sequence, and not a matrix."""
    try:
        return np.ndim(value) == 1 and bool(len(value)) and not isinstance(next(iter(value)), str)
    except ValueError:  # rows of several lengths
        return False


def rows(name: str, value: Any, *, dim: int | None = None) -> Floats2d:
    """Return `value` as `matrix` does, where one vector is one row, or raise `InputError`."""
    return matrix(name, [value] if is_one_vector(value) else value, dim=dim)


def finite_rows(name: str, array: Floats2d, ids: Names | None, first: int = 0, *, remedy: str = "leave it out") -> None:
    """Raise `InputError` that names the first row without a direction: NaN, infinity, only zeros, out of range.

    `array` may be a part of a matrix, whose `first` row it begins with; `ids` are those of the matrix, if it has any.
    """
    size = np.abs(array).max(axis=1)
    bad = np.flatnonzero(~((size >= SMALLEST) & (size <= LARGEST)))
    if len(bad):
        row, largest = first + int(bad[0]), float(size[bad[0]])
        what = (
            f"is too large ({largest:.2g})" if np.isfinite(largest) else "holds NaN, infinity or a number beyond 3e38"
        )
        if largest < SMALLEST:
            what = "is all zeros" if largest == 0 else f"is too small ({largest:.2g})"
        whose = "" if ids is None else f" of {ids[row]!r}"
        raise InputError(f"{name}{whose} (row {row}) {what}, so it has no direction; {remedy}")


def unique(name: str, values: Collection[str]) -> None:
    """Raise `InputError` that names the first value seen twice."""
    if len(set(values)) == len(values):
        return
    seen: set[str] = set()
    for value in values:
        if value in seen:
            raise InputError(f"{name} must be unique; {value!r} occurs more than once")
        seen.add(value)


def unknown(what: str, got: str, known: Iterable[str], *, where: str) -> UnknownIdError:
    """Create the error for an unknown name, with the nearest spellings."""
    near = nearest_spellings(got, known)
    hint = f"; did you mean {', '.join(near)}?" if near else ""
    return UnknownIdError(f"no {what} {got[:80]!r} in {where}{hint}")


def nearest_spellings(got: str, known: Iterable[str], n: int = 3) -> list[str]:
    """Return up to `n` of `known` spelled most like `got`, nearest first; another case counts as near."""
    folded = got[:80].casefold()
    by_fold: dict[str, str] = {}
    for word in known:
        by_fold.setdefault(word.casefold(), word)
    # difflib is slow on a large vocabulary, where words of another length are seldom what was meant.
    pool = by_fold if len(by_fold) < 1_000 else [word for word in by_fold if abs(len(word) - len(got)) <= 2]
    near = difflib.get_close_matches(folded, pool, n=4 * n, cutoff=0.7)
    # Of spellings equally near, the first one known is the most frequent.
    places = {word: place for place, word in enumerate(by_fold)}
    near.sort(key=lambda word: (-difflib.SequenceMatcher(None, word, folded).ratio(), places[word]))
    return [by_fold[word] for word in near[:n]]


def need(module: str, extra: str) -> ModuleType:
    """Import an optional library, or raise `MissingExtraError` that names the pip command."""
    try:
        return importlib.import_module(module)
    except ImportError as problem:
        raise missing_extra(module.partition(".")[0], extra) from problem


def missing_extra(library: str, extra: str) -> MissingExtraError:
    """Create the error of an optional library that isn't installed."""
    have, (first, last) = sys.version_info[:2], _PYTHONS.get(library, (None, None))
    if (first and have < first) or (last and have > last):
        other = f"{first[0]}.{first[1]} or later" if first else f"{last[0]}.{last[1]} or earlier" if last else ""
        return MissingExtraError(
            f"this needs {library}, which can't be installed on Python {have[0]}.{have[1]}; use Python {other}"
        )
    return MissingExtraError(f"this needs {library}, which isn't installed: pip install 'semspace[{extra}]'")


def ids(name: str, value: Any) -> list[str]:
    """Return `value` as a list of ids, or raise `InputError`: strings; whole numbers and UUIDs become their text."""
    if isinstance(value, (str, set, frozenset, dict)) or not isinstance(value, Iterable):
        return strings(name, value)
    return strings(name, [id_text(item) for item in value], allowed="strings or whole numbers")


def id_text(value: Any) -> Any:
    """Return a whole number or a UUID as text, and anything else unchanged."""
    is_number = isinstance(value, Integral) and not isinstance(value, bool)
    return str(value) if is_number or isinstance(value, UUID) else value


def string(name: str, value: Any) -> str:
    """Return `value` if it is a string of valid Unicode, or raise `InputError`."""
    if not isinstance(value, str):
        raise InputError(f"{name} must be a string; got {type(value).__name__}: {value!r:.40}")
    return strings(name, [value])[0]


def strings(name: str, value: Any, *, allowed: str = "strings") -> list[str]:
    """Return `value` as a list of strings, or raise `InputError` (a lone string is a common slip)."""
    if isinstance(value, str):
        raise InputError(f"{name} must be a list of strings; got one string, {value[:40]!r}: put it in a list")
    ordered(name, value)
    try:
        items = list(value)
    except TypeError as problem:
        raise InputError(f"{name} must be a list of strings; got {type(value).__name__}") from problem
    for position, item in enumerate(items):
        if not isinstance(item, str):
            got = f"{type(item).__name__}: {item!r:.40}"
            raise InputError(f"{name} must hold only {allowed}; item {position} is {got}")
        if not item.isascii() and any("\ud800" <= c <= "\udfff" for c in item):
            raise InputError(f"{name} must be valid Unicode; item {position} has a lone surrogate")
    return [str(item) for item in items]


def ordered(name: str, value: Any) -> None:
    """Raise `InputError` for what isn't a sequence of texts although it can be iterated over."""
    if isinstance(value, (bytes, bytearray)):
        raise InputError(f"{name} must be strings; got {type(value).__name__}: decode them, with .decode('utf-8')")
    if isinstance(value, (set, frozenset, dict)):
        raise InputError(f"{name} must be a list; got a {type(value).__name__}, which has no order")
    if type(value).__name__ == "Corpus":
        raise InputError(f"{name} must be a list of strings; got a Corpus: give its texts, corpus.texts")
    if type(value).__name__ == "DataFrame":  # pandas would give the names of its columns
        raise InputError(
            f"{name} must be a list of strings; got a DataFrame: give one of its columns, or Corpus.read(frame)"
        )


def frozen(array: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Return a read-only array: the same one if it is read-only already, else a copy."""
    if not array.flags.writeable:
        return array
    copy: npt.NDArray[Any] = array.copy()
    copy.setflags(write=False)
    return copy


def first_line(problem: BaseException) -> str:
    """Return the first line of another library's message, which may go on for many."""
    return str(problem).strip().partition("\n")[0]
