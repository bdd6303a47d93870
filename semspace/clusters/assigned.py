"""`Assignment`: the groups of new texts, and how sure they are."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, overload

import numpy as np
import numpy.typing as npt
import polars as pl

from semspace import checks
from semspace.display import clip, html_table, text_table
from semspace.errors import InputError
from semspace.space import Space
from semspace.space_arguments import check_same_encoder
from semspace.types import Floats1d, Floats2d, Int32s1d

if TYPE_CHECKING:
    from semspace.clusters.clustering import Clustering

_ROWS_IN_PRINT = 20
_TEXT_IN_PRINT = 50  # characters


@dataclass(frozen=True, eq=False, repr=False)
class Assignment:
    """The groups of texts; made by `Clustering.assign`. Works as an array of labels, too.

    Parameters
    ----------
    labels : ndarray of int32, shape (n,)
        The group of each text; -1 for none: the text is empty, or it is doubtful that it belongs to a group.
    nearest : ndarray of int32, shape (n,)
        The group with the most votes, whether in doubt or not; -1 for empty texts, and where outliers have the most.
    share : ndarray of float32, shape (n,)
        Share of the votes for the nearest group, in [0, 1]; low between groups. 0 for empty texts.
    typicality : ndarray of float64, shape (n,)
        Share of the nearest group's documents, in [0, 1], that are at most as similar to their neighbours as the text
        is; low far from all groups. 0 for empty texts.
    group_names : tuple of k str
    items : DataFrame
        A column ``id`` or ``text``, if ids or texts were given.

    Examples
    --------
    >>> import semspace as ss
    >>> space = ss.Space.from_vectors(
    ...     ["cat", "dog", "bus", "car"], [[1, 0.1], [1, 0], [0.1, 1], [0, 1]])
    >>> found = ss.cluster(space, n_clusters=2).assign([[0.9, 0.2], [0.2, 0.9]])
    >>> len(found), found.tolist() == [found[0], found[1]]
    (2, True)
    >>> found.share.round(2).tolist()
    [1.0, 1.0]
    """

    labels: Int32s1d
    nearest: Int32s1d
    share: Floats1d
    typicality: npt.NDArray[np.float64]
    group_names: tuple[str, ...]
    items: pl.DataFrame

    def __post_init__(self) -> None:
        for name in ("labels", "nearest", "share", "typicality"):
            object.__setattr__(self, name, checks.frozen(getattr(self, name)))

    @property
    def names(self) -> tuple[str | None, ...]:
        """The name of each text's group; None for no group."""
        return tuple(None if label < 0 else self.group_names[label] for label in self.labels.tolist())

    def to_frame(self) -> pl.DataFrame:
        """Return a polars DataFrame with a row for each text.

        Columns ``id`` or ``text`` (if given), ``group``, ``name`` (null for no group), ``share``, ``typicality`` and
        ``nearest_name``.
        """
        names = pl.Series([*self.group_names, None], dtype=pl.String)
        columns: dict[str, Any] = {
            "group": self.labels,
            "name": names.gather(np.where(self.labels < 0, len(names) - 1, self.labels)),
            "share": self.share,
            "typicality": self.typicality,
            "nearest_name": names.gather(np.where(self.nearest < 0, len(names) - 1, self.nearest)),
        }
        return pl.DataFrame([*self.items.get_columns(), *(pl.Series(name, column) for name, column in columns.items())])

    def tolist(self) -> list[int]:
        """Return the labels as a list of int."""
        return self.labels.tolist()  # type: ignore[no-any-return]

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> npt.NDArray[Any]:
        return np.array(self.labels, dtype=dtype, copy=copy is not False)

    def __len__(self) -> int:
        return len(self.labels)

    def __iter__(self) -> Iterator[int]:
        return iter(self.tolist())

    @overload
    def __getitem__(self, position: int) -> int: ...
    @overload
    def __getitem__(self, position: Any) -> Int32s1d: ...
    def __getitem__(self, position: Any) -> int | Int32s1d:
        found = self.labels[position]
        return int(found) if np.ndim(found) == 0 else found

    def __eq__(self, other: object) -> Any:
        """Compare the labels, one by one, as an array does."""
        return self.labels == np.asarray(other)

    def __ne__(self, other: object) -> Any:
        return self.labels != np.asarray(other)

    __hash__ = None  # type: ignore[assignment]

    def __str__(self) -> str:
        return str(self.labels)

    def __repr__(self) -> str:
        return "\n".join([self._title(), text_table(*self._table())])

    def _repr_html_(self) -> str:
        return html_table(*self._table(), caption=self._title())

    def _title(self) -> str:
        without = int((self.labels < 0).sum())
        note = f", {without:,} to no group" if without else ""
        more = f" (the first {_ROWS_IN_PRINT} are shown)" if len(self) > _ROWS_IN_PRINT else ""
        what = "text" if "text" in self.items else "point"
        return f"Assignment of {len(self):,} {what}{'' if len(self) == 1 else 's'}{note}{more}"

    def _table(self) -> tuple[list[str], list[tuple[object, ...]]]:
        frame = self.to_frame().head(_ROWS_IN_PRINT).drop("nearest_name")
        rows = [
            tuple(clip(value, _TEXT_IN_PRINT) if isinstance(value, str) else value for value in row)
            for row in frame.iter_rows()
        ]
        return frame.columns, rows


def assign(clustering: Clustering, texts: Any, min_share: float, min_typicality: float) -> Assignment:
    """Assign texts, vectors or the points of a space to groups; see `Clustering.assign`."""
    checks.number("min_share", min_share, high=1)
    checks.number("min_typicality", min_typicality, high=1)
    vectors, given, items = _vectors(clustering.space, texts)
    voters = clustering._voters
    neighbors = voters.neighbors(vectors)
    votes = voters.votes(vectors, neighbors)
    typicality = voters.typicality(vectors, votes.first, neighbors)
    doubtful = (votes.share < min_share) | ((typicality < min_typicality) & ~voters.contains(vectors))
    n = len(items) if items.width else len(vectors)
    return Assignment(
        _filled(n, given, np.where(doubtful, -1, votes.first).astype(np.int32), -1),
        _filled(n, given, votes.first, -1),
        _filled(n, given, votes.share, 0),
        _filled(n, given, typicality, 0),
        clustering.names,
        items,
    )


def _vectors(space: Space, texts: Any) -> tuple[Floats2d, npt.NDArray[np.int64], pl.DataFrame]:
    """Return the vectors of what is to be assigned, the rows that they are of, and the ids or texts of all rows."""
    if isinstance(texts, Space):
        if texts.dim != space.dim:
            raise InputError(
                f"the points to assign must have {space.dim} dimensions, as the clustered ones have; got {texts.dim}: "
                f"embed them by the same encoder"
            )
        check_same_encoder("the points to assign", texts, space)
        return texts.vectors, np.arange(len(texts)), pl.DataFrame({"id": texts.ids.tolist()})
    if _are_vectors(texts):
        matrix = checks.matrix("vectors", texts, dim=space.dim)
        checks.finite_rows("the vector", matrix, None)
        return matrix, np.arange(len(matrix)), pl.DataFrame()
    checks.ordered("texts", texts)
    strings = checks.strings("texts", _without_missing(texts))
    given = np.array([row for row, text in enumerate(strings) if text.strip()], np.int64)
    vectors = space.encode_documents([strings[row] for row in given])
    return vectors, given, pl.DataFrame({"text": pl.Series(strings, dtype=pl.String)})


def _are_vectors(points: Any) -> bool:
    """Return whether points are numbers, not texts."""
    if isinstance(points, (list, tuple)):
        return bool(len(points)) and not isinstance(points[0], str) and points[0] is not None
    dtype = getattr(points, "dtype", None)
    return getattr(dtype, "kind", "O") in "fiub" or getattr(points, "ndim", 1) == 2


def _without_missing(texts: Any) -> Any:
    """Return a list of texts in which missing ones (None, NaN) are empty; whatever is no list comes back as it is."""
    if isinstance(texts, str) or not hasattr(texts, "__iter__"):
        return texts
    return ["" if text is None or (isinstance(text, float) and math.isnan(text)) else text for text in texts]


def _filled(n: int, rows: npt.NDArray[np.int64], values: npt.NDArray[Any], empty: float) -> npt.NDArray[Any]:
    """Return an array of length n with the values at these rows, and `empty` at the others."""
    filled = np.full(n, empty, values.dtype)
    filled[rows] = values
    return filled
