"""`Outliers`: the scores of a space's points, which of them are outliers, and why."""

from __future__ import annotations

import datetime
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import polars as pl

from semspace import checks, queries, schema
from semspace import space as spaces
from semspace.anomalies import methods
from semspace.anomalies.detectors import Detector
from semspace.anomalies.reference import ReferencePoints
from semspace.anomalies.threshold import Spread, exceed
from semspace.bundle import Bundle, Draft, create_bundle
from semspace.clusters.document_terms import has_texts
from semspace.display import html_table, text_table
from semspace.errors import DamagedError, InputError
from semspace.files import PathLike, write_text
from semspace.progress import waiting
from semspace.report import page as pages
from semspace.sentences.lazy_encoder import remembered
from semspace.space import Space
from semspace.space_arguments import check_same_encoder
from semspace.types import Bools1d, Doubles1d, Floats2d, Ints1d

if TYPE_CHECKING:
    from semspace.report.figure import Figure

KIND = "outliers"
_ROWS_IN_PRINT = 10
_COLUMNS_IN_PRINT = ("rank", "id", "z", "reason")


@dataclass(frozen=True, eq=False, repr=False)
class Outliers:
    """How unusual each point of a space is, and which are outliers; made by `semspace.outliers`.

    Parameters
    ----------
    space : Space
    scores : ndarray of float64, shape (n,)
        How unusual each point is, by the method's own measure; higher is stranger.
    threshold : float
        Points with a higher score are outliers.
    reasons : tuple of str
        Why, for each outlier, in the order of `ids`.
    provenance : mapping
        The method, its settings, and the seed.

    Examples
    --------
    >>> import semspace as ss
    >>> space = ss.Space.from_vectors(
    ...     ["a", "b", "c", "d", "e", "f"], [[1, 0], [1, 0.1], [1, 0.2], [1, 0.3], [1, 0.4], [-1, 1]])
    >>> found = ss.outliers(space, method="knn", k=2, share=0.2)
    >>> found.ids, int(found.ranks[5])
    (('f',), 1)
    >>> found.score([[-1, 1], [1, 0.15]]) > found.threshold
    array([ True, False])
    """

    space: Space
    scores: Doubles1d
    threshold: float
    reasons: tuple[str, ...]
    provenance: Mapping[str, Any] = field(default_factory=dict)
    _fitted: Detector | None = None  # fitted again from the provenance when it is needed, where None

    def __post_init__(self) -> None:
        if self.scores.shape != (len(self.space),):
            raise InputError(
                f"scores must hold one for each of the space's {len(self.space):,} points; got shape "
                f"{self.scores.shape}"
            )
        object.__setattr__(self, "scores", checks.frozen(self.scores))
        if len(self.reasons) != len(self):
            raise InputError(f"reasons must hold one for each of {len(self)} outliers; got {len(self.reasons)}")

    def __len__(self) -> int:
        """Return the number of outliers."""
        return int(self.is_outlier.sum())

    @cached_property
    def is_outlier(self) -> Bools1d:
        """Whether each point is an outlier, shape (n,)."""
        return checks.frozen(exceed(self.scores, self.threshold))

    @property
    def ids(self) -> tuple[str, ...]:
        """Ids of the outliers, the most unusual first."""
        return tuple(self.space.ids[self._rows].tolist())

    @cached_property
    def ranks(self) -> Ints1d:
        """The place of each point, shape (n,): 1 is the most unusual. Equal scores are ordered by id."""
        ranks = np.empty(len(self.scores), np.int64)
        ranks[self._order] = np.arange(1, len(ranks) + 1)
        return checks.frozen(ranks)

    @cached_property
    def z(self) -> Doubles1d:
        """How many robust standard deviations (1.4826 MAD) each score lies above the median, shape (n,)."""
        return checks.frozen(Spread.of(self.scores).z(self.scores))

    def score(self, points: Sequence[str] | npt.ArrayLike | Space) -> Doubles1d:
        """Return how unusual new points are, float64 of shape (n,): outliers score above `threshold`.

        A score is a function of its point and of the space: it doesn't depend on the points that it comes with. A point
        of the space gets its own score again, up to rounding.

        Parameters
        ----------
        points : list of str, array of shape (n, dim), or Space
            Texts, encoded by the space's encoder; their vectors; or a space made by the same encoder.

        Raises
        ------
        InputError
            If texts are given and the space has no encoder, a text is blank, or vectors have another number of
            dimensions.
        """
        return self._detector.score(queries.unit(self._vectors(points)))

    # -- tables, figures and pages ------------------------------------------------------------------------

    def to_frame(self) -> pl.DataFrame:
        """Return a polars DataFrame with a row for each outlier, the most unusual first.

        Columns ``rank``, ``id``, ``score``, ``z``, ``reason``, and ``text`` if the space has texts.
        """
        reasons = pl.Series("reason", list(self.reasons), dtype=pl.String)
        table = self._table(self._rows).insert_column(4, reasons)
        return table.drop("is_outlier")

    def documents(self) -> pl.DataFrame:
        """Return a polars DataFrame with a row for each point, in the space's order.

        Columns ``rank``, ``id``, ``score``, ``z``, ``is_outlier``, and ``text`` if the space has texts.
        """
        return self._table(np.arange(len(self.space)))

    def plot(self, *, most: int = 2_000, progress: bool = True) -> Figure:
        """Draw the points on a map, the outliers in a colour of their own and the strangest with their ids.

        Parameters
        ----------
        most : int
            Up to so many points are drawn, the most unusual outliers among them.
        progress : bool
            Show the time that has passed if it takes more than two seconds.
        """
        from semspace.anomalies.page import map_figure

        with waiting("drawing the map", progress=progress):
            return map_figure(self, checks.whole("most", most, low=3))

    def page(self, *, title: str | None = None, date: datetime.date | str | None = None) -> pages.Page:
        """Return the report as a page; see `to_html`."""
        from semspace.anomalies.page import outliers_page

        return outliers_page(self, title=title, date=date)

    def to_html(
        self,
        path: PathLike,
        *,
        title: str | None = None,
        date: datetime.date | str | None = None,
        progress: bool = True,
    ) -> None:
        """Write a report as one HTML file: the outliers with their reasons, a map, and how they were found.

        Parameters
        ----------
        path : str or path
            A file ``.html``.
        title : str, optional
            The title of the report; by default the number of outliers.
        date : date or str, optional
            The date on the report; today by default. An empty text leaves it out.
        progress : bool
            Show the time that has passed if it takes more than two seconds.
        """
        checks.ending("path", path, ".html")
        with waiting("writing the report", progress=progress):
            write_text(path, pages.to_html(self.page(title=title, date=date)))

    def to_markdown(
        self,
        path: PathLike,
        *,
        title: str | None = None,
        date: datetime.date | str | None = None,
        progress: bool = True,
    ) -> None:
        """Write the report as Markdown, in a file whose name ends in .md, .markdown or .txt; see `to_html`."""
        checks.ending("path", path, *pages.MARKDOWN)
        with waiting("writing the report", progress=progress):
            write_text(path, pages.to_markdown(self.page(title=title, date=date)))

    def __repr__(self) -> str:
        if not len(self):
            return self._title()
        return "\n".join([self._title(), text_table(_COLUMNS_IN_PRINT, self._print_rows(), width=100)])

    def _repr_html_(self) -> str:
        return html_table(_COLUMNS_IN_PRINT, self._print_rows(), caption=self._title(), width=500)

    # -- on disk ------------------------------------------------------------------------------------------

    def save(self, path: PathLike, *, overwrite: bool = False) -> None:
        """Save scores, reasons and space together as a bundle directory; see `semspace.save`."""
        with create_bundle(path, KIND, overwrite=overwrite) as draft:
            self._write_into(draft)

    def _write_into(self, draft: Draft) -> None:
        draft.meta.update(threshold=float(self.threshold), reasons=list(self.reasons), provenance=dict(self.provenance))
        spaces.write_space(self.space, draft)
        draft.array("scores", self.scores)

    # -- what it works with -------------------------------------------------------------------------------

    @cached_property
    def _detector(self) -> Detector:
        if self._fitted is not None:
            return self._fitted
        facts = self.provenance
        request = methods.DetectorRequest(
            ReferencePoints.of(self.space.vectors)[0], facts["seed"], False, facts["settings"]
        )
        return methods.fit(request, facts["made_by"])

    @cached_property
    def _order(self) -> Ints1d:
        """All rows, the most unusual first."""
        by_id = sorted(range(len(self.scores)), key=lambda row: (-self.scores[row], self.space.ids[row]))
        return np.array(by_id, np.int64)

    @property
    def _rows(self) -> Ints1d:
        """The rows of the outliers, the most unusual first."""
        return self._order[self.is_outlier[self._order]]

    def _vectors(self, points: Any) -> Floats2d:
        """Return the vectors of texts, of a space, or themselves."""
        from semspace.clusters.assigned import _are_vectors

        if isinstance(points, Space):
            matrix = checks.matrix("the vectors to score", points.vectors, dim=self.space.dim)
            check_same_encoder("points", points, self.space)
            return matrix
        if not _are_vectors(points):
            return self.space.encode_documents(checks.strings("texts", points))
        matrix = checks.matrix("vectors", points, dim=self.space.dim)
        checks.finite_rows("the vector", matrix, None)
        return matrix

    def _table(self, rows: Ints1d) -> pl.DataFrame:
        """Return the columns of `documents` for some rows."""
        table = pl.DataFrame(
            {
                "rank": self.ranks[rows],
                "id": pl.Series(self.space.ids[rows].tolist(), dtype=pl.String),
                "score": self.scores[rows],
                "z": self.z[rows],
                "is_outlier": self.is_outlier[rows],
            }
        )
        metadata = self.space.metadata
        return (
            table if metadata is None or not has_texts(metadata) else table.with_columns(metadata["text"].gather(rows))
        )

    def _title(self) -> str:
        n, count = len(self.space), len(self)
        more = f" (the first {_ROWS_IN_PRINT} are shown)" if count > _ROWS_IN_PRINT else ""
        return f"{count:,} outlier{'' if count == 1 else 's'} among {n:,} points{more}"

    def _print_rows(self) -> list[tuple[object, ...]]:
        return self.to_frame().head(_ROWS_IN_PRINT).select(_COLUMNS_IN_PRINT).rows()


def read_bundle(bundle: Bundle) -> Outliers:
    """Read outliers from an opened bundle."""
    space = spaces.read_bundle(bundle, remembered(bundle))
    scores = bundle.array("scores", dtype=np.float64, shape=(len(space),))
    threshold, reasons = bundle.meta.number("threshold"), bundle.meta.texts("reasons")
    provenance = bundle.meta.mapping("provenance")
    settings = provenance.get("settings")
    if not np.isfinite(scores).all() or int(exceed(scores, threshold).sum()) != len(reasons):
        raise DamagedError(f"{bundle.folder}: scores, threshold and reasons don't fit each other; save the value again")
    if provenance.get("made_by") not in methods.METHODS or not isinstance(settings, dict):
        raise DamagedError(
            f"{bundle.folder} was made by the method {provenance.get('made_by')!r}, which this semspace doesn't know; "
            f"upgrade semspace"
        )
    facts = schema.Facts(provenance, f"{bundle.folder / 'manifest.json'}, under 'provenance',")
    facts.whole("seed")
    for name in ("share", "min_z"):
        if facts.get(name) is not None:
            facts.number(name)
    try:
        methods.check_method(provenance["made_by"], settings)
    except InputError as problem:
        raise DamagedError(f"{bundle.folder} can't have been saved like this, as {problem}") from problem
    return Outliers(space, scores, threshold, reasons, provenance)
