"""`SpaceReport`: the geometry of a space on one card."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import polars as pl

from semspace import checks
from semspace.display import clip, html_table, text_table
from semspace.errors import InputError
from semspace.geometry import hubness, intrinsic_dimension, isotropy
from semspace.geometry.neighborhoods import Neighborhoods, neighborhoods
from semspace.progress import waiting
from semspace.types import Floats2d, Strings1d

_MLE_NEIGHBORS = 20  # Levina & Bickel use 10 to 20
_LEAST = 10  # different points
_HUBS = 10
_MANY_AXES = 0.9  # of the variance
_METRICS = ("cosine", "euclidean")


@dataclass(frozen=True, repr=False)
class SpaceReport:
    """The geometry of a space: intrinsic dimension, isotropy and hubness; `Space.report` creates one.

    Parameters
    ----------
    points, dim : int
        Of the space.
    measured : int
        Different points that the numbers are computed from.
    metric : {"cosine", "euclidean"}
        With ``"cosine"``, the points are vectors of length 1.
    intrinsic_dimension : float
        By TwoNN (Facco et al. 2017).
    intrinsic_dimension_mle : float
        By maximum likelihood with 20 neighbours (Levina & Bickel 2004).
    isoscore : float
        In [0, 1]; 1 where all directions vary alike (Rudman et al. 2022).
    mean_cosine : float
        Of all pairs, in [-1, 1] (Ethayarajh 2019).
    participation_ratio : float
        Number of directions of equal variance that would vary as much, from 1 to `dim`.
    axes_90 : int
        Number of principal axes that have 90 % of the variance.
    k : int
        Neighbours in the numbers that follow.
    hubness : float
        Skewness of the k-occurrences (Radovanović et al. 2010); about 0 without hubs.
    never_found : float
        Share of the points that are among the `k` nearest of no other, in [0, 1].
    hubs : tuple of (str, int)
        The ids that are among the `k` nearest of the most others, and of how many.
    """

    points: int
    dim: int
    measured: int
    metric: str
    intrinsic_dimension: float
    intrinsic_dimension_mle: float
    isoscore: float
    mean_cosine: float
    participation_ratio: float
    axes_90: int
    k: int
    hubness: float
    never_found: float
    hubs: tuple[tuple[str, int], ...]

    def _rows(self) -> list[tuple[str, str, str]]:
        spoken = "directions (vectors of length 1)" if self.metric == "cosine" else "vectors as they are"
        hubs = ", ".join(f"{clip(id, 24)} ({count})" for id, count in self.hubs[:5])
        return [
            ("points", f"{self.points:,}", f"in {self.dim:,} dimensions; {self.measured:,} different ones measured"),
            ("metric", self.metric, spoken),
            ("intrinsic dimension", f"{self.intrinsic_dimension:.1f}", "TwoNN: coordinates that points need locally"),
            ("", f"{self.intrinsic_dimension_mle:.1f}", "maximum likelihood, the same over 20 neighbours"),
            ("isotropy", f"{self.isoscore:.3f}", "IsoScore: 1 if all directions vary alike, 0 if only one varies"),
            ("", f"{self.mean_cosine:.3f}", "mean cosine of all pairs: 0 if directions cancel out"),
            ("", f"{self.participation_ratio:.1f}", "directions of equal variance that would vary as much"),
            ("", f"{self.axes_90:,}", "principal axes with 90 % of the variance"),
            (
                "hubness",
                f"{self.hubness:.2f}",
                f"skewness of how often one is among the {self.k} nearest: 0 if even",
            ),
            ("", f"{self.never_found:.1%}", f"of the points are among the {self.k} nearest of no other"),
            ("hubs", f"{self.hubs[0][1]:,}", f"the most often: {hubs}"),
        ]

    def to_dict(self) -> dict[str, Any]:
        """Return all fields as plain values."""
        return asdict(self)

    def to_frame(self) -> pl.DataFrame:
        """Return a polars DataFrame with a row for each field but `hubs`: ``name`` and ``value``, both text."""
        values = {name: value for name, value in self.to_dict().items() if name != "hubs"}
        return pl.DataFrame({"name": [*values], "value": [str(value) for value in values.values()]})

    def __repr__(self) -> str:
        return text_table(("space", "", "meaning"), self._rows(), width=160)

    def _repr_html_(self) -> str:
        return html_table(("space", "", "meaning"), self._rows())


def space_report(
    ids: Strings1d, vectors: Floats2d, k: int, metric: str, *, most: int, seed: int, progress: bool
) -> SpaceReport:
    """Measure a space; see `Space.report`."""
    checks.whole("k", k)
    checks.choice("metric", metric, _METRICS)
    checks.whole("most", most, low=_LEAST)
    checks.seed(seed)
    with waiting("measuring the space", progress=progress):
        near = neighborhoods(vectors, max(k, _MLE_NEIGHBORS), metric=metric, most=most, seed=seed)
        if len(near.rows) < _LEAST:
            raise InputError(
                f"report needs at least {_LEAST} different points, to see how they lie; this space has {len(near.rows)}"
            )
        return _measured(ids, vectors, near, min(k, near.neighbors.shape[1]), metric)


def _measured(ids: Strings1d, vectors: Floats2d, near: Neighborhoods, k: int, metric: str) -> SpaceReport:
    """Compute the numbers of a report."""
    variances = isotropy.variances(near.points)
    counts = hubness.occurrences(near.neighbors[:, :k])
    names = ids[near.rows]
    order = sorted(range(len(names)), key=lambda row: (-counts[row], names[row]))
    return SpaceReport(
        points=len(vectors),
        dim=vectors.shape[1],
        measured=len(near.rows),
        metric=metric,
        intrinsic_dimension=intrinsic_dimension.two_nn(near.distances),
        intrinsic_dimension_mle=intrinsic_dimension.maximum_likelihood(near.distances[:, :_MLE_NEIGHBORS]),
        isoscore=isotropy.isoscore(variances),
        mean_cosine=isotropy.mean_cosine(near.points),
        participation_ratio=isotropy.participation_ratio(variances),
        axes_90=isotropy.n_axes(variances, _MANY_AXES),
        k=k,
        hubness=hubness.skewness(counts),
        never_found=float((counts == 0).mean()),
        hubs=tuple((str(names[row]), int(counts[row])) for row in order[:_HUBS]),
    )
