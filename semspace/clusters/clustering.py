"""`Clustering`: the group of every point, what each group is called, and how well it holds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from semspace import checks, queries
from semspace.bundle import Bundle, PathLike, writing
from semspace.checks import FloatMatrix
from semspace.clusters.kmeans import Labels, nearest_center
from semspace.display import html_table, text_table
from semspace.errors import InputError
from semspace.sentences.reference import remembered
from semspace.space import Space

KIND = "clustering"
_COLUMNS = ("group", "name", "size", "stability", "keywords", "central")


@dataclass(frozen=True, eq=False, repr=False)
class Clustering:
    """The groups of a space; made by `semspace.cluster`.

    Parameters
    ----------
    space : Space
        What was clustered.
    labels : ndarray of int32, shape (n,)
        The group of each point, in the space's order; group 0 is the largest.
    centers : ndarray of float32, shape (k, dim)
        Unit vectors; a point belongs to the nearest.
    names : tuple of k str
        Distinct.
    keywords : tuple of k tuples of str
    stability : ndarray of float64, shape (k,)
        In [0, 1]; above 0.75 a group holds, under 0.5 it is an accident of the sample. NaN where there were too few
        points to tell.
    """

    space: Space
    labels: Labels
    centers: FloatMatrix
    names: tuple[str, ...]
    keywords: tuple[tuple[str, ...], ...]
    stability: npt.NDArray[np.float64]
    provenance: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if len(self.labels) != len(self.space):
            raise InputError(f"labels must be as many as the space's {len(self.space)} points; got {len(self.labels)}")
        for name in ("labels", "centers", "stability"):
            object.__setattr__(self, name, checks.frozen(getattr(self, name)))

    def __len__(self) -> int:
        """Give the number of groups."""
        return len(self.centers)

    @property
    def sizes(self) -> npt.NDArray[np.int64]:
        """Number of points of each group, shape (k,)."""
        return np.bincount(self.labels, minlength=len(self)).astype(np.int64)

    def members(self, group: int) -> tuple[str, ...]:
        """Return the ids of a group, nearest to its centre first."""
        rows = self._by_center(checks.whole("group", group, low=0, high=len(self) - 1))
        return tuple(self.space.ids[rows].tolist())

    def table(self) -> pl.DataFrame:
        """Return a polars DataFrame with a row for each group.

        Columns ``group``, ``name``, ``size``, ``stability``, ``keywords`` and ``central`` (its most central ids).
        """
        central = [list(self.members(g)[:3]) for g in range(len(self))]
        columns = (range(len(self)), self.names, self.sizes, self.stability, [list(w) for w in self.keywords], central)
        return pl.DataFrame(dict(zip(_COLUMNS, columns, strict=True)), strict=False)

    def assign(self, texts: Sequence[str]) -> Labels:
        """Return the group of each new text, int32 of shape (n,)."""
        return self.assign_vectors(self.space.encode(checks.strings("texts", texts)))

    def assign_vectors(self, vectors: npt.ArrayLike) -> Labels:
        """Return the group of each vector of this space, int32 of shape (n,)."""
        points = checks.matrix("vectors", vectors, dim=self.space.dim)
        checks.finite_rows("the vector", points, [f"number {row}" for row in range(len(points))])
        return nearest_center(points, self.centers)

    def _by_center(self, group: int) -> npt.NDArray[np.int64]:
        rows = np.flatnonzero(self.labels == group)
        closeness = queries.unit(self.space.vectors[rows]) @ self.centers[group]
        ordered = queries.best_rows(closeness, len(rows), self.space.ids[rows])
        return rows[ordered]

    def _rows(self) -> list[tuple[object, ...]]:
        return [
            (g, self.names[g], int(size), float(self.stability[g]), ", ".join(self.keywords[g][:6]))
            for g, size in enumerate(self.sizes)
        ]

    def __repr__(self) -> str:
        head = f"Clustering of {len(self.space):,} points into {len(self)} groups"
        return f"{head}\n{text_table(_COLUMNS[:5], self._rows())}"

    def _repr_html_(self) -> str:
        return html_table(_COLUMNS[:5], self._rows(), caption=f"{len(self.space):,} points in {len(self)} groups")

    def save(self, path: PathLike, *, overwrite: bool = False) -> None:
        """Save groups and space together as a bundle directory; see `semspace.save`."""
        with writing(path, KIND, overwrite=overwrite) as draft:
            draft.meta.update(
                names=list(self.names), keywords=[list(w) for w in self.keywords], provenance=dict(self.provenance)
            )
            self.space.write(draft)
            draft.array("labels", self.labels)
            draft.array("centers", self.centers)
            draft.array("stability", self.stability)

    @classmethod
    def from_bundle(cls, bundle: Bundle) -> Clustering:
        """Take a clustering out of an opened bundle."""
        return cls(
            Space.from_bundle(bundle, remembered(bundle)),
            bundle.array("labels"),
            bundle.array("centers"),
            tuple(bundle.meta["names"]),
            tuple(tuple(words) for words in bundle.meta["keywords"]),
            bundle.array("stability"),
            bundle.meta["provenance"],
        )
