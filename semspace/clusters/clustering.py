"""`Clustering`: the groups of a space, their names and keywords, and how well points fit them."""

from __future__ import annotations

import datetime
import html
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from semspace import checks, queries, schema
from semspace import space as spaces
from semspace.bundle import Bundle, Draft, create_bundle
from semspace.clusters import assigned, editing, keywords, tables
from semspace.clusters.assigned import Assignment
from semspace.clusters.distinct_points import distinct_rows
from semspace.clusters.document_terms import DocumentTerms
from semspace.clusters.hierarchy import average_linkage
from semspace.clusters.kept import kept_terms
from semspace.clusters.knn_vote import Votes
from semspace.clusters.stability import HOLDS, MIN_MEMBERS, MIN_POINTS
from semspace.clusters.term_options import TermOptions
from semspace.clusters.voters import Voters
from semspace.deprecation import renamed_method, renamed_parameters
from semspace.display import cell, clip, html_table, text_table
from semspace.errors import DamagedError, InputError
from semspace.files import PathLike, write_text
from semspace.peer_names import answers_peer_attributes
from semspace.progress import waiting
from semspace.report import page as pages
from semspace.report.methods import Methods
from semspace.sentences.lazy_encoder import remembered
from semspace.space import Space
from semspace.types import Doubles1d, Doubles2d, Floats2d, Id, Int32s1d, Ints1d

KIND = "clustering"
_COLUMNS = ("group", "name", "size", "stability", "keywords")
_KEYWORDS_IN_PRINT = 6
_MAX_TREE_GROUPS = 40  # in a notebook; a larger tree can't be read
_GROUPS_IN_NOTE = 5
_RELEVANCE_WEIGHT = 0.7  # of closeness to the centre, against difference from the examples chosen before
# How each array of `Votes` is called in a saved clustering.
_VOTE_FILES = {"second": "second", "share": "share", "mean_cosine": "nearness"}


@answers_peer_attributes
@dataclass(frozen=True, eq=False, repr=False)
class Clustering:
    """The groups of a space; made by `semspace.cluster`.

    Parameters
    ----------
    space : Space
        The points that were clustered.
    labels : ndarray of int32, shape (n,)
        The group of each point, in the space's order. Group 0 is the largest when the clustering is made. -1 marks
        outliers, of which there are none unless `outliers` was given.
    centers : ndarray of float32, shape (k, dim)
        The mean direction of each group, of length 1.
    names : tuple of k str
        Distinct.
    keywords : tuple of k tuples of str
        The keywords of each group, best first.
    stability : ndarray of float64, shape (k,)
        In [0, 1]; a group is stable from 0.75, uncertain from 0.5, and unreliable below. NaN where there are too few
        points to tell (below 30 in all, or 10 in the group), for a single group, and for groups that were edited.
    provenance : mapping
        How the clustering was made.

    Examples
    --------
    >>> import semspace as ss
    >>> space = ss.Space.from_vectors(
    ...     ["cat", "dog", "bus", "car"], [[1, 0.1], [1, 0], [0.1, 1], [0, 1]])
    >>> groups = ss.cluster(space, n_clusters=2)
    >>> groups.assign([[0.9, 0.2]]) == groups.labels[0]
    array([ True])
    >>> groups.merge([0, 1], name="all").names
    ('all',)
    """

    space: Space
    labels: Int32s1d
    centers: Floats2d
    names: tuple[str, ...]
    keywords: tuple[tuple[str, ...], ...]
    stability: Doubles1d
    provenance: Mapping[str, Any] = field(default_factory=dict)
    _voting_rows: Ints1d | None = None  # of the points that vote; all distinct ones where None
    _votes: Votes | None = None  # on the points of the space; counted when needed where None
    _terms: DocumentTerms | None = None  # of the texts; computed when needed where None
    _term_options: TermOptions | None = None  # those of the provenance where None

    def __post_init__(self) -> None:
        if len(self.labels) != len(self.space):
            raise InputError(
                f"labels must have one label for each of the space's {len(self.space)} points; got {len(self.labels)}"
            )
        for name in ("labels", "centers", "stability"):
            object.__setattr__(self, name, checks.frozen(getattr(self, name)))

    def __len__(self) -> int:
        """Return the number of groups."""
        return len(self.stability)

    @property
    def sizes(self) -> Ints1d:
        """Number of points of each group, shape (k,)."""
        return np.bincount(self.labels[self.labels >= 0], minlength=len(self)).astype(np.int64)

    @property
    def outliers(self) -> tuple[str, ...]:
        """Ids of the points without a group."""
        return tuple(self.space.ids[self.labels < 0].tolist())

    # -- groups and documents -----------------------------------------------------------------------------

    def members(self, group: int) -> tuple[str, ...]:
        """Return the ids of a group, nearest to its centre first."""
        return tuple(self.space.ids[self._rows_by_closeness(self._checked_group(group))].tolist())

    def representative(self, group: int, n: int = 3) -> tuple[str, ...]:
        """Return the ids of up to `n` documents near the centre of a group that differ from each other."""
        rows = self._representative_rows(self._checked_group(group), checks.whole("n", n))
        return tuple(self.space.ids[rows].tolist())

    def borderline(self, group: int | None = None, n: int = 10) -> pl.DataFrame:
        """Return the `n` documents with the lowest membership in their group, as a DataFrame like `documents`.

        Parameters
        ----------
        group : int, optional
            Only documents of this group; of all groups by default.
        n : int
        """
        table = self.documents().filter(pl.col("group") >= 0)
        if group is not None:
            table = table.filter(pl.col("group") == self._checked_group(group))
        return table.sort("membership", maintain_order=True).head(min(checks.whole("n", n), len(table)))

    def to_frame(self) -> pl.DataFrame:
        """Return a polars DataFrame with a row for each group.

        Columns ``group``, ``name``, ``size``, ``stability``, ``holds`` (whether the stability is at least 0.5; null
        where it isn't known), ``keywords`` and ``central`` (its most representative ids).
        """
        return tables.group_table(self)

    table = renamed_method("table", "to_frame")

    def documents(self) -> pl.DataFrame:
        """Return a polars DataFrame with a row for each document, in the space's order.

        Columns ``id``, ``group``, ``name``, ``membership`` (share of its neighbours' votes for its group, weighted by
        distance; in [0, 1]), ``second`` and ``second_name`` (the group with the second most votes), and ``text`` if the
        space has texts.
        """
        return tables.document_table(self)

    def names_of(self, ids: Sequence[Id]) -> list[str | None]:
        """Return the name of each document's group, in the order of `ids`: a column to add to the table they came from.

        None where a document is in no group, and where an id was left out of the space (a document without text).

        Parameters
        ----------
        ids : sequence of str
            Or whole numbers or UUIDs, such as the index of a pandas frame.

        Raises
        ------
        InputError
            If no id is that of a document.

        Examples
        --------
        >>> import semspace as ss
        >>> space = ss.Space.from_vectors([1, 2, 3, 4, 5], [[1, 0.1], [1, 0], [1, 0.2], [0.1, 1], [0, 1]])
        >>> groups = ss.cluster(space, n_clusters=2).rename({0: "east", 1: "north"})
        >>> groups.names_of([4, 99, 1])
        ['north', None, 'east']
        """
        names = checks.ids("ids", ids)
        if names and not any(name in self.space for name in names):
            raise InputError(
                f"none of the {len(names):,} ids, such as {names[0]!r}, is that of a document; documents have ids such "
                f"as {self.space.ids[0]!r}"
            )
        groups = dict(zip(self.space.ids, self.labels.tolist(), strict=True))
        return [None if (group := groups.get(name, -1)) < 0 else self.names[group] for name in names]

    def quality(self) -> pl.DataFrame:
        """Return measures of each group's quality as a polars DataFrame.

        Columns ``group``, ``name``, ``size``, ``stability``, ``silhouette`` (of the distances to its own centre and to
        the nearest other one, in [-1, 1]), ``membership`` (mean) and ``coherence`` (NPMI of its keywords, in [-1, 1];
        null without texts).
        """
        return tables.quality_table(self)

    @property
    def diversity(self) -> float:
        """Share of distinct words among the keywords of all groups, in (0, 1]."""
        return keywords.diversity(self.keywords)

    def membership(self, texts: Sequence[str] | None = None) -> Floats2d:
        """Return k-NN vote shares for each document and group, float32 of shape (n, k).

        A row sums to at most 1; the remainder is the share of outlier neighbours.

        Parameters
        ----------
        texts : list of str, optional
            New texts, none of them empty; by default the clustered documents, which don't vote for themselves.
        """
        if texts is None:
            return self._voters.member_shares()
        texts = checks.strings("texts", texts)
        empty = next((row for row, text in enumerate(texts) if not text.strip()), None)
        if empty is not None:
            raise InputError(f"texts must each have some text; item {empty} is empty: leave it out")
        return self._voters.shares(self.space.encode_documents(texts))

    # -- new texts ----------------------------------------------------------------------------------------

    def assign(
        self, texts: Sequence[str] | npt.ArrayLike | Space, *, min_share: float = 0.0, min_typicality: float = 0.05
    ) -> Assignment:
        """Return the groups of new texts, and how sure they are.

        The 15 nearest of the points that were clustered vote, weighted by the inverse square of their cosine distance.
        A text that is less similar to its neighbours than 95 % of the group's documents are to theirs gets no group
        (-1): it is probably about something else. So is one in twenty texts of the kind that was clustered. An empty or
        missing text gets no group either. A text that was clustered is assigned its own label again.

        Parameters
        ----------
        texts : list of str, array of shape (n, dim), or Space
            Texts, encoded by the space's encoder; their vectors; or a space made by the same encoder.
        min_share : float
            In [0, 1]: texts of which a smaller share of the votes is for one group get no group.
        min_typicality : float
            In [0, 1]: texts with a lower `Assignment.typicality` get no group; 0 assigns all but the empty ones. In a
            group of up to 19 documents no text is below 0.05, as too few are known to tell what is unusual.

        Returns
        -------
        Assignment
            Works as an array of labels, int32 of shape (n,); its ``nearest`` holds the group also where it is in doubt.

        Raises
        ------
        InputError
            If texts are given and the space has no encoder, or vectors have another number of dimensions.

        Examples
        --------
        >>> import semspace as ss
        >>> space = ss.Space.from_vectors(
        ...     ["cat", "dog", "bus", "car"], [[1, 0.1], [1, 0], [0.1, 1], [0, 1]])
        >>> groups = ss.cluster(space, n_clusters=2)
        >>> groups.assign(space.vectors).tolist() == groups.labels.tolist()
        True
        """
        return assigned.assign(self, texts, min_share, min_typicality)

    assign_vectors = renamed_method("assign_vectors", "assign")

    # -- the hierarchy, and editing by hand ---------------------------------------------------------------

    @cached_property
    def tree(self) -> Doubles2d:
        """The hierarchy of groups, as a linkage matrix of SciPy, shape (k - 1, 4).

        Average linkage on the cosine distances of their centres.
        """
        return average_linkage(self.centers)

    @renamed_parameters(k="n_clusters")
    def coarsen(self, n_clusters: int) -> Clustering:
        """Return a clustering of `n_clusters` groups, made by merging the nearest groups."""
        return editing.coarsen(self, n_clusters)

    layer = renamed_method("layer", "coarsen")

    def merge(self, groups: Sequence[int], name: str | None = None) -> Clustering:
        """Return a clustering in which these groups are one; it gets the lowest of their numbers."""
        return editing.merge(self, groups, name)

    @renamed_parameters(k="n_clusters")
    def split(self, group: int, n_clusters: int = 2, *, progress: bool = True) -> Clustering:
        """Return a clustering in which a group is split into `n_clusters` by k-means.

        The largest part keeps the number of the group; the others get numbers after those of all groups.
        """
        return editing.split_group(self, group, n_clusters, progress=progress)

    def rename(self, names: Mapping[int, str]) -> Clustering:
        """Return a clustering in which groups have these names, such as ``{0: "football"}``."""
        return editing.rename(self, names)

    def update(self, more: Space, *, progress: bool = True) -> Clustering:
        """Return a clustering with more points; groups keep their numbers and names.

        New points are assigned by the votes of their neighbours. Those that are less similar to their neighbours than
        99 % of the clustered points become new groups at the end, if at least 10 of them are similar to each other. All
        others join the group with the most votes, however unlike it they are, where `assign` gives most of them none.

        Parameters
        ----------
        more : Space
            The new points, with new ids. Columns of metadata that they don't have are null, but for texts, which they
            must have where the clustered points do; columns that only they have are left out.
        progress : bool
        """
        return editing.add_points(self, more, progress=progress)

    # -- over time and by class ---------------------------------------------------------------------------

    def over_time(
        self, times: str | Sequence[Any], *, period: str = "auto", periods: int | None = None
    ) -> pl.DataFrame:
        """Return the share of each group in each period, as a polars DataFrame.

        Parameters
        ----------
        times : str or sequence
            A column of the space's metadata, or a value for each point: dates, texts such as 2021-03-05, or numbers,
            such as years.
        period : {"auto", "hour", "day", "week", "month", "quarter", "year", "decade", "century"}
            Length of the periods, which are whole: a month begins on its first day, a week on Monday. ``"auto"`` is the
            shortest of which there are at most 24, though none shorter than the dates tell; numbers are divided at
            round ones, and up to 24 distinct values are used as they are.
        periods : int, optional
            This number of periods of equal length instead.

        Returns
        -------
        polars.DataFrame
            Columns ``period`` (its first day or hour; its first year as a whole number from ``"year"`` on), ``group``,
            ``name``, ``count``, ``share`` of the period's documents, and its 95 % confidence interval ``low``, ``high``
            (Wilson 1927). A row for each period that has documents and each group.

        Examples
        --------
        >>> import semspace as ss
        >>> space = ss.Space.from_vectors(
        ...     ["cat", "dog", "bus", "car"], [[1, 0.1], [1, 0], [0.1, 1], [0, 1]])
        >>> groups = ss.cluster(space, n_clusters=2)
        >>> dates = ["2020-05-01", "2020-07-31", "2021-01-01", "2021-02-03"]
        >>> groups.over_time(dates, period="year")["period"].to_list()
        [2020, 2020, 2021, 2021]
        """
        return tables.over_time(self, times, period, periods)

    def per_class(self, classes: str | Sequence[Any]) -> pl.DataFrame:
        """Return the share of each group in each class of documents; like `over_time`, with a column ``class``."""
        return tables.per_class(self, classes)

    # -- showing it ---------------------------------------------------------------------------------------

    def plot(self, kind: str = "map", *, interactive: bool = False, progress: bool = True, **options: Any) -> Any:
        """Draw the groups.

        Parameters
        ----------
        kind : {"map", "sizes", "hierarchy", "time"}
            ``"map"`` takes ``most``, the number of documents drawn (2,000); ``"time"`` takes ``times`` and ``periods``,
            as `over_time` does, and ``groups``, the groups to draw (all; the six largest in an interactive figure).
        interactive : bool
            Draw with Plotly; ``pip install 'semspace[explore]'``.
        progress : bool
            Show the time that has passed if it takes more than two seconds.

        Returns
        -------
        semspace.report.Figure or plotly.graph_objects.Figure
            ``figure.save("map.pdf")`` writes the first for a paper; ``figure.write_html(path, include_plotlyjs=True)``
            the second as a page that works offline. In a notebook, the second carries the first as an image, which is
            shown where Plotly isn't at hand.

        Raises
        ------
        InputError
            There is no such kind or option, or nothing to draw.
        MissingExtraError
            An interactive figure is asked for, and Plotly isn't installed.
        """
        from semspace.clusters import plots

        with waiting(f"drawing the {kind}", progress=progress):
            return plots.plot(self, kind, interactive, options)

    def to_html(
        self,
        path: PathLike,
        *,
        times: str | Sequence[Any] | None = None,
        period: str = "auto",
        title: str | None = None,
        date: datetime.date | str | None = None,
        progress: bool = True,
    ) -> None:
        """Write a report as one HTML file: the groups, a map, the hierarchy, documents, and stability.

        Parameters
        ----------
        path : str or path
            A file ``.html``.
        times : str or sequence, optional
            Adds a section over time; see `over_time`.
        period : str
            The length of its periods, such as ``"month"``; see `over_time`.
        title : str, optional
            The title of the report; by default the numbers of documents and groups.
        date : date or str, optional
            The date on the report; today by default. An empty text leaves it out.
        progress : bool
            Show the time that has passed if it takes more than two seconds.
        """
        checks.ending("path", path, ".html")
        with waiting("writing the report", progress=progress):
            write_text(path, pages.to_html(self.page(times, period=period, title=title, date=date)))

    def to_markdown(
        self,
        path: PathLike,
        *,
        times: str | Sequence[Any] | None = None,
        period: str = "auto",
        title: str | None = None,
        date: datetime.date | str | None = None,
        progress: bool = True,
    ) -> None:
        """Write the report as Markdown, in a file whose name ends in .md, .markdown or .txt; see `to_html`."""
        checks.ending("path", path, *pages.MARKDOWN)
        with waiting("writing the report", progress=progress):
            write_text(path, pages.to_markdown(self.page(times, period=period, title=title, date=date)))

    def page(
        self,
        times: str | Sequence[Any] | None = None,
        *,
        period: str = "auto",
        title: str | None = None,
        date: datetime.date | str | None = None,
    ) -> pages.Page:
        """Return the report as a page; see `to_html`."""
        from semspace.clusters.page import clustering_page

        return clustering_page(self, times, period=period, title=title, date=date)

    def methods(self) -> Methods:
        """Return how the groups were found, as a paragraph for a paper, with references and BibTeX.

        It names the model, the number of documents, the algorithm, the versions and the seed. ``print`` shows the
        paragraph and its references; ``methods().bibtex`` are their entries for BibTeX.

        Examples
        --------
        >>> import semspace as ss
        >>> space = ss.Space.from_vectors(["cat", "dog", "bus"], [[1, 0.1], [1, 0], [0.1, 1]])
        >>> ss.cluster(space, n_clusters=2).methods().references
        ('I. S. Dhillon and D. S. Modha (2001). Concept Decompositions for Large Sparse Text Data Using Clustering. \
Machine Learning, 42, 143–175.',)
        """
        from semspace.clusters.methods_text import clustering_methods

        return clustering_methods(self)

    def __repr__(self) -> str:
        return "\n".join([self._title(), text_table(_COLUMNS, self._table_rows()), *self._notes()])

    def _repr_html_(self) -> str:
        table = html_table(_COLUMNS, self._table_rows(), caption=self._title())
        table += "".join(f"<p>{html.escape(note)}</p>" for note in self._notes())
        if not 2 < len(self) <= _MAX_TREE_GROUPS:
            return table
        from semspace.report.dendrogram import dendrogram

        return table + dendrogram(self.tree, self.names, caption="The hierarchy of groups.")._repr_html_()

    # -- on disk ------------------------------------------------------------------------------------------

    def save(self, path: PathLike, *, overwrite: bool = False) -> None:
        """Save groups and space together as a bundle directory; see `semspace.save`."""
        with create_bundle(path, KIND, overwrite=overwrite) as draft:
            write_clustering(self, draft)

    # -- what it works with -------------------------------------------------------------------------------

    @cached_property
    def _maps(self) -> dict[int, tuple[Ints1d, Doubles2d]]:
        """Maps that were computed, by the number of documents drawn; see `semspace.clusters.projection`."""
        return {}

    @cached_property
    def _voters(self) -> Voters:
        rows = distinct_rows(self.space.vectors)[0] if self._voting_rows is None else self._voting_rows
        return Voters(self.space.vectors, self.labels, rows, len(self))

    @cached_property
    def _member_votes(self) -> Votes:
        return self._voters.member_votes() if self._votes is None else self._votes

    @cached_property
    def _document_terms(self) -> DocumentTerms | None:
        return self._terms_of(self.space) if self._terms is None else self._terms

    def _terms_of(self, space: Space) -> DocumentTerms | None:
        """Return the terms of another space's texts, chosen as those of this one."""
        options = self._term_options or TermOptions.from_provenance(self.provenance)
        return kept_terms(space, options)

    def _checked_group(self, group: int) -> int:
        return checks.whole("group", group, low=0, high=len(self) - 1)

    def _rows_by_closeness(self, group: int) -> Ints1d:
        """Return the rows of a group, nearest to its centre first."""
        rows = np.flatnonzero(self.labels == group)
        cosines = queries.unit(self.space.vectors[rows]) @ self.centers[group]
        return rows[queries.best_rows(cosines, len(rows), self.space.ids[rows])]

    def _representative_rows(self, group: int, n: int) -> Ints1d:
        """Choose rows by maximal marginal relevance among those nearest to the centre."""
        rows = self._rows_by_closeness(group)[: max(20, 4 * n)]
        vectors = queries.unit(self.space.vectors[rows])
        cosines = vectors @ self.centers[group]
        return rows[queries.mmr(cosines, lambda i: vectors @ vectors[i], n, weight=_RELEVANCE_WEIGHT, chosen=[0])]

    def _title(self) -> str:
        outliers = int((self.labels < 0).sum())
        note = f", {outliers:,} in none" if outliers else ""
        return f"Clustering of {len(self.space):,} points into {len(self)} group{'' if len(self) == 1 else 's'}{note}"

    def _notes(self) -> list[str]:
        """Return what the column of stabilities doesn't say by itself."""
        weak = np.flatnonzero(self.stability < HOLDS)
        unknown = np.isnan(self.stability)
        changed = "edited" in self.provenance or "updated_with" in self.provenance
        too_small = unknown & ((self.sizes < MIN_MEMBERS) | (len(self.space) < MIN_POINTS) | (not changed))
        notes = []
        if len(weak):
            notes.append(
                f"unreliable, as rarely found again in samples (stability below {HOLDS:g}): {self._some_names(weak)}"
            )
        if len(self) == 1 and unknown.all():
            notes.append("stability not measured: one group")
        elif too_small.all():
            notes.append("stability not measured: too few documents to tell")
        elif too_small.any():
            notes.append(f"too few documents to tell the stability: {self._some_names(np.flatnonzero(too_small))}")
        return notes

    def _some_names(self, groups: Ints1d) -> str:
        more = len(groups) - _GROUPS_IN_NOTE
        names = "; ".join(clip(self.names[group], 40) for group in groups[:_GROUPS_IN_NOTE])
        return names + (f" and {more} more" if more > 0 else "")

    def _table_rows(self) -> list[tuple[object, ...]]:
        return [
            (
                g,
                self.names[g],
                int(size),
                cell(float(self.stability[g])),
                ", ".join(self.keywords[g][:_KEYWORDS_IN_PRINT]),
            )
            for g, size in enumerate(self.sizes)
        ]


def write_clustering(clustering: Clustering, draft: Draft) -> None:
    """Write a clustering and its space into a bundle, its own or a comparison's."""
    draft.meta.update(
        names=list(clustering.names),
        keywords=[list(words) for words in clustering.keywords],
        provenance=dict(clustering.provenance),
    )
    spaces.write_space(clustering.space, draft)
    draft.array("labels", clustering.labels)
    draft.array("centers", clustering.centers)
    draft.array("stability", clustering.stability)
    draft.array("voters", clustering._voters.rows)
    for name, file in _VOTE_FILES.items():
        draft.array(file, getattr(clustering._member_votes, name))


def read_bundle(bundle: Bundle) -> Clustering:
    """Read a clustering from an opened bundle."""
    space = spaces.read_bundle(bundle, remembered(bundle))
    n, names = len(space), bundle.meta.texts("names")
    k = len(names)
    labels = _read_groups(bundle, "labels", n, k)
    sizes = np.bincount(labels[labels >= 0], minlength=k)
    if k and not sizes.all():
        raise DamagedError(f"{bundle.folder}: no point is in group {int(sizes.argmin())}; save the value again")
    centers = bundle.array("centers", dtype=np.float32, shape=(k, space.dim))
    if not np.isfinite(centers).all():
        raise DamagedError(f"{bundle.folder}: the centers of groups hold NaN or infinity; save the value again")
    stability = bundle.array("stability", dtype=np.float64, shape=(k,))
    schema.within(f"{bundle.folder}, the stability of groups,", stability, 0, 1, nan=True)
    voting_rows, votes = None, None
    if bundle.has("voters.npy"):  # the earliest clusterings were saved without votes
        voting_rows = bundle.array("voters", dtype=np.int64, shape=(None,))
        schema.within(f"{bundle.folder}, the rows of voters,", voting_rows, 0, n - 1)
        if not len(voting_rows):
            raise DamagedError(f"{bundle.folder} has no voters; save the value again")
        second = _read_groups(bundle, _VOTE_FILES["second"], n, k)
        share, mean_cosine = (
            bundle.array(_VOTE_FILES[name], dtype=np.float32, shape=(n,)) for name in ("share", "mean_cosine")
        )
        votes = Votes(labels, second, share, mean_cosine)
    return Clustering(
        space,
        labels,
        centers,
        names,
        bundle.meta.lists_of_texts("keywords", count=k),
        stability,
        bundle.meta.mapping("provenance"),
        voting_rows,
        votes,
    )


def _read_groups(bundle: Bundle, name: str, n: int, n_clusters: int) -> Int32s1d:
    """Read an array that holds a group, or -1, for each point."""
    labels = bundle.array(name, dtype=np.int32, shape=(n,))
    schema.within(f"{bundle.folder}, the array {name!r},", labels, -1, n_clusters - 1)
    return labels
