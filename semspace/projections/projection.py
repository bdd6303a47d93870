"""`Projection`: a map of a space as a value, with how far it can be trusted."""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import polars as pl

from semspace import checks, schema
from semspace import space as spaces
from semspace.bundle import Bundle, create_bundle
from semspace.errors import InputError
from semspace.files import PathLike, write_text
from semspace.maps.methods import NAMES, TITLES
from semspace.progress import waiting
from semspace.projections import placing
from semspace.projections.card import HALF, QualityCard
from semspace.report import page as pages
from semspace.sentences.lazy_encoder import remembered
from semspace.space import Space
from semspace.space_arguments import check_same_encoder
from semspace.text.dataframes import to_pandas
from semspace.types import Bools1d, Doubles1d, Doubles2d, Floats2d, Ints1d, Strings1d

if TYPE_CHECKING:
    from semspace.report.figure import Figure

KIND = "projection"
MOST = 2_000  # points in a figure


@dataclass(frozen=True, eq=False, repr=False)
class Projection:
    """A map of a space; made by `semspace.project`.

    Parameters
    ----------
    space : Space
        What was projected.
    coordinates : ndarray of float64, shape (n, 2)
        In the space's order; read-only.
    method : {"pca", "tsne", "umap", "pacmap"}
    quality : QualityCard
        How far the map can be trusted.
    repeatability : ndarray of float64, shape (n,)
        Share of each point's neighbours on the map that are the same when it is drawn again, in [0, 1]. NaN for points
        that weren't drawn again.
    groups : ndarray of int64, shape (n,)
        The group of each point: its place in `names`.
    names : tuple of str
        What the groups are called; one empty name where there are none.
    provenance : mapping
        How the map was made.
    axes : ndarray of float64, shape (3, dim), optional
        Of principal axes: the mean and the two axes.

    Examples
    --------
    >>> import numpy as np
    >>> import semspace as ss
    >>> vectors = np.random.default_rng(0).normal(size=(60, 8))
    >>> map = ss.project(ss.Space.from_vectors(range(60), vectors), method="pca")
    >>> map.coordinates.shape
    (60, 2)
    >>> np.allclose(map.place(vectors[:3]), map.coordinates[:3])
    True
    """

    space: Space
    coordinates: Doubles2d
    method: str
    quality: QualityCard
    repeatability: Doubles1d
    groups: Ints1d
    names: tuple[str, ...]
    provenance: Mapping[str, Any] = field(default_factory=dict)
    axes: Doubles2d | None = None

    def __post_init__(self) -> None:
        n = len(self.space)
        checks.choice("method", self.method, NAMES)
        for name, shape in (("coordinates", (n, 2)), ("repeatability", (n,)), ("groups", (n,))):
            array = getattr(self, name)
            if array.shape != shape:
                raise InputError(f"{name} must be of shape {shape} for this space of {n}; got {array.shape}")
            object.__setattr__(self, name, checks.frozen(array))
        if not np.isfinite(self.coordinates).all():
            raise InputError("coordinates must be finite; these hold NaN or infinity")
        if self.axes is not None:
            object.__setattr__(self, "axes", checks.frozen(self.axes))

    def __len__(self) -> int:
        """Return the number of points."""
        return len(self.space)

    @property
    def ids(self) -> Strings1d:
        """The ids of the points, shape (n,)."""
        return self.space.ids

    @property
    def by_chance(self) -> Bools1d:
        """Whether a point keeps fewer than half of its neighbours when the map is drawn again, shape (n,)."""
        return np.nan_to_num(self.repeatability, nan=1.0) < HALF

    # -- new points ---------------------------------------------------------------------------------------

    def place(self, points: Sequence[str] | npt.ArrayLike | Space) -> Doubles2d:
        """Return where new points stand on this map, which isn't computed again.

        A point's place depends on that point alone, not on those that it is given with. On principal axes it is
        projected. On another map it is the mean of the places of its 10 nearest points in the space, weighted by the
        inverse square of their cosine distance (Shepard 1968); a point that was drawn has the place it has.

        Parameters
        ----------
        points : list of str, array of shape (m, dim), or Space
            Texts, encoded as documents by the space's encoder; their vectors; or a space of as many dimensions.

        Returns
        -------
        ndarray of float64, shape (m, 2)

        Raises
        ------
        InputError
            If texts are given and the space has no encoder; if vectors have another number of dimensions, or hold NaN,
            infinity or only zeros.

        Examples
        --------
        >>> import numpy as np
        >>> import semspace as ss
        >>> vectors = np.random.default_rng(0).normal(size=(60, 8))
        >>> map = ss.project(ss.Space.from_vectors(range(60), vectors), method="pca")
        >>> map.place([vectors[0] + vectors[1]]).shape
        (1, 2)
        """
        vectors = self._vectors(points)
        checks.finite_rows("the vector", vectors, None)
        if not len(vectors):
            return np.empty((0, 2))
        if self.axes is not None:
            return placing.on_axes(self.axes, vectors)
        return placing.among_neighbors(self.space.vectors, self.coordinates, vectors)

    def _vectors(self, points: Any) -> Floats2d:
        if isinstance(points, Space):
            matrix = checks.matrix("points", points.vectors, dim=self.space.dim)
            check_same_encoder("points", points, self.space)
            return matrix
        if isinstance(points, str) or not hasattr(points, "__len__"):
            checks.strings("points", points)
        elif not isinstance(points, np.ndarray) and len(points) and isinstance(points[0], str):
            return self.space.encode_documents(points)
        elif not isinstance(points, np.ndarray) and not len(points):
            return np.empty((0, self.space.dim), np.float32)
        return checks.matrix("points", points, dim=self.space.dim)

    # -- tables -------------------------------------------------------------------------------------------

    def to_frame(self) -> pl.DataFrame:
        """Return a polars DataFrame with a row for each point, in the space's order.

        Columns ``id``, ``x``, ``y``, ``repeatability`` (null where it wasn't measured), ``by_chance``, and ``group``
        where there are groups.
        """
        unknown = pl.Series("repeatability", self.repeatability).fill_nan(None)
        table = pl.DataFrame(
            {
                "id": pl.Series(self.ids.tolist(), dtype=pl.String),
                "x": self.coordinates[:, 0],
                "y": self.coordinates[:, 1],
                "repeatability": unknown,
                "by_chance": pl.select(pl.when(unknown.is_not_null()).then(unknown < HALF)).to_series(),
            }
        )
        if not self.has_groups:
            return table
        return table.with_columns(pl.Series("group", [self.names[group] for group in self.groups.tolist()]))

    def to_pandas(self) -> Any:
        """Return `to_frame` as a pandas DataFrame; it needs pandas, but not pyarrow."""
        return to_pandas(self.to_frame())

    @property
    def has_groups(self) -> bool:
        """Whether the points have groups."""
        return self.names != ("",)

    # -- showing it ---------------------------------------------------------------------------------------

    def plot(self, *, labels: Sequence[str] | bool | None = None, most: int = MOST, card: bool = True) -> Figure:
        """Draw the map, with its quality card below.

        Points whose place is chance are hollow. Groups have their names where their points are.

        Parameters
        ----------
        labels : list of ids or bool, optional
            Points that have their id beside them, as far as there is room. By default the first 60, which are the most
            frequent words; none in a space of texts, or with groups.
        most : int
            Up to so many points are drawn: of words the first, of texts some from everywhere. The caption says so.
        card : bool
            Whether the card is drawn.

        Returns
        -------
        semspace.report.Figure
            A notebook shows it; ``figure.save("map.pdf")`` writes it for a paper.

        Raises
        ------
        UnknownIdError
            One of `labels` isn't in the space.
        """
        from semspace.projections.figures import map_figure

        return map_figure(self, labels, checks.whole("most", most, low=3), with_card=checks.flag("card", card))

    def page(self, *, title: str | None = None) -> pages.Page:
        """Return the map, its card and how it was made as a page; see `to_html`."""
        from semspace.projections.page import projection_page

        return projection_page(self, title)

    def to_html(self, path: PathLike, *, title: str | None = None, progress: bool = True) -> None:
        """Write the map as one HTML file that needs no network: zoom, search, and choice of groups.

        It holds all points, and the texts of as many as there is room for: 100,000 points are less than 5 MB.

        Parameters
        ----------
        path : str or path
            A file ``.html``.
        title : str, optional
            By default the number of points and the method.
        progress : bool
            Show the time that has passed if it takes more than two seconds.
        """
        checks.ending("path", path, ".html")
        with waiting("writing the map", progress=progress):
            write_text(path, pages.to_html(self.page(title=title)))

    def __repr__(self) -> str:
        return f"{self._title()}\n{self.quality}"

    def _repr_html_(self) -> str:
        return self.plot()._repr_html_() + f"<p>{html.escape(self._title())}</p>" + self.quality._repr_html_()

    def _title(self) -> str:
        groups = f" in {len(self.names)} groups" if self.has_groups else ""
        return f"Projection of {len(self):,} points{groups} by {TITLES[self.method]}"

    # -- on disk ------------------------------------------------------------------------------------------

    def save(self, path: PathLike, *, overwrite: bool = False) -> None:
        """Save map and space together as a bundle directory; see `semspace.save`."""
        with create_bundle(path, KIND, overwrite=overwrite) as draft:
            draft.meta.update(
                method=self.method,
                quality=self.quality.stored(),
                names=list(self.names),
                provenance=dict(self.provenance),
            )
            spaces.write_space(self.space, draft)
            draft.array("coordinates", self.coordinates)
            draft.array("repeatability", self.repeatability)
            draft.array("groups", self.groups)
            if self.axes is not None:
                draft.array("axes", self.axes)


def read_bundle(bundle: Bundle) -> Projection:
    """Read a projection from an opened bundle."""
    space = spaces.read_bundle(bundle, remembered(bundle))
    n, names = len(space), tuple(bundle.meta.texts("names"))
    repeatability = bundle.array("repeatability", dtype=np.float64, shape=(n,))
    schema.within(f"{bundle.folder}, the repeatability of points,", repeatability, 0, 1, nan=True)
    groups = bundle.array("groups", dtype=np.int64, shape=(n,))
    schema.within(f"{bundle.folder}, the groups of points,", groups, 0, len(names) - 1)
    axes = bundle.array("axes", dtype=np.float64, shape=(3, space.dim)) if bundle.has("axes.npy") else None
    coordinates = bundle.array("coordinates", dtype=np.float64, shape=(n, 2))
    method = bundle.meta.text("method")
    provenance = bundle.meta.mapping("provenance")
    made = schema.Facts({"library": "", "versions": {}, **provenance}, f"{bundle.folder}, the provenance,")
    made.text("library")
    made.facts("versions")
    card = QualityCard.of(bundle.meta.facts("quality"))
    return Projection(space, coordinates, method, card, repeatability, groups, names, provenance, axes)
