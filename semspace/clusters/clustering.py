"""`Clustering`: the group of every point, what each group is called, and how well it holds."""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import polars as pl

from semspace import checks, queries, schema
from semspace.bundle import Bundle, PathLike, create_bundle, write_text
from semspace.clusters import keywords, tables
from semspace.clusters.distinct_points import Labels, Points, hashes, points_of, same_points
from semspace.clusters.hierarchy import Tree, centers_of, tree_of
from semspace.clusters.knn import Rows
from semspace.clusters.knn_vote import NEIGHBOURS, Standing, standing, tally
from semspace.clusters.names import Namer, ask, named
from semspace.clusters.stability import HOLDS
from semspace.clusters.vocabulary import Vocabulary
from semspace.deprecation import renamed_method, renamed_parameters
from semspace.display import clip, html_table, text_table
from semspace.errors import DamagedError, InputError
from semspace.sentences.lazy_encoder import remembered
from semspace.space import Space, write_space
from semspace.space import read_bundle as read_space
from semspace.types import Floats2d

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

KIND = "clustering"
_SHOWN = ("group", "name", "size", "stability", "keywords")
_EXAMPLES = 3
_IN_A_TREE = 40  # groups, or nobody can read it


@dataclass(frozen=True, eq=False, repr=False)
class Clustering:
    """The groups of a space; made by `semspace.cluster`.

    Parameters
    ----------
    space : Space
        What was clustered.
    labels : ndarray of int32, shape (n,)
        The group of each point, in the space's order; as made, group 0 is the largest. -1 for points without a group,
        which there are only if `outliers` were asked for.
    centers : ndarray of float32, shape (k, dim)
        The mean direction of each group, of length 1.
    names : tuple of k str
        Distinct.
    keywords : tuple of k tuples of str
    stability : ndarray of float64, shape (k,)
        In [0, 1]; above 0.75 a group holds, under 0.5 it is an accident of the sample. NaN where there were too few
        points to tell, and for groups made by hand.
    voters : ndarray of int64
        Rows of the points that say where a new one belongs.
    standing : Standing
        How each point stands to the groups.

    Examples
    --------
    >>> import semspace as ss
    >>> space = ss.Space.from_vectors(
    ...     ["cat", "dog", "bus", "car"], [[1, 0.1], [1, 0], [0.1, 1], [0, 1]])
    >>> groups = ss.cluster(space, n_clusters=2)
    >>> groups.assign_vectors([[0.9, 0.2]]) == groups.labels[0]
    array([ True])
    >>> groups.merge([0, 1], name="all").names
    ('all',)
    """

    space: Space
    labels: Labels
    centers: Floats2d
    names: tuple[str, ...]
    keywords: tuple[tuple[str, ...], ...]
    stability: npt.NDArray[np.float64]
    provenance: Mapping[str, Any] = field(default_factory=dict)
    voters: Rows | None = None
    standing: Standing | None = None

    def __post_init__(self) -> None:
        if len(self.labels) != len(self.space):
            raise InputError(f"labels must be as many as the space's {len(self.space)} points; got {len(self.labels)}")
        for name in ("labels", "centers", "stability"):
            object.__setattr__(self, name, checks.frozen(getattr(self, name)))

    def __len__(self) -> int:
        """Give the number of groups."""
        return len(self.stability)

    @property
    def sizes(self) -> npt.NDArray[np.int64]:
        """Number of points of each group, shape (k,)."""
        return np.bincount(self.labels[self.labels >= 0], minlength=len(self)).astype(np.int64)

    @property
    def outliers(self) -> tuple[str, ...]:
        """Ids of the points without a group."""
        return tuple(self.space.ids[self.labels < 0].tolist())

    # -- looking into it ----------------------------------------------------------------------------------

    def members(self, group: int) -> tuple[str, ...]:
        """Return the ids of a group, nearest to its centre first."""
        return tuple(self.space.ids[self._by_center(self._group(group))].tolist())

    def representative(self, group: int, n: int = 3) -> tuple[str, ...]:
        """Return the ids of up to `n` documents near the centre of a group that are unlike each other."""
        return tuple(self.space.ids[self._representative(self._group(group), checks.whole("n", n))].tolist())

    def borderline(self, group: int | None = None, n: int = 10) -> pl.DataFrame:
        """Return the documents that a group shares most nearly with another, as a DataFrame like `documents`."""
        table = self.documents().filter(pl.col("group") >= 0)
        if group is not None:
            table = table.filter(pl.col("group") == self._group(group))
        return table.sort("membership", maintain_order=True).head(checks.whole("n", n))

    def to_frame(self) -> pl.DataFrame:
        """Return a polars DataFrame with a row for each group.

        Columns ``group``, ``name``, ``size``, ``stability``, ``holds`` (is the stability 0.5 or more; null where that
        isn't known), ``keywords`` and ``central`` (its most representative ids).
        """
        return tables.groups(self)

    table = renamed_method("table", "to_frame")

    def documents(self) -> pl.DataFrame:
        """Return a polars DataFrame with a row for each document, in the space's order.

        Columns ``id``, ``group``, ``name``, ``membership`` (share of its neighbours' votes that go to its group, the
        nearer the heavier; in [0, 1]), ``second`` and ``second_name`` (the group with the next most votes), and
        ``text`` where there is one.
        """
        return tables.documents(self)

    def quality(self) -> pl.DataFrame:
        """Return how good each group is, as a polars DataFrame.

        Columns ``group``, ``name``, ``size``, ``stability``, ``silhouette`` (of the distances to its own centre and to
        the nearest other one, in [-1, 1]), ``membership`` (mean) and ``coherence`` (NPMI of its keywords, in [-1, 1];
        null without texts).
        """
        return tables.quality(self)

    @property
    def diversity(self) -> float:
        """Share of all groups' keywords that are different words, in (0, 1]."""
        return keywords.diversity(self.keywords)

    def membership(self, texts: Sequence[str] | None = None) -> npt.NDArray[np.float32]:
        """Return how far each document belongs to each group, float32 of shape (n, k): rows sum to at most 1.

        The shares of the votes of the nearest neighbours; what is missing to 1 are votes of points without a group.

        Parameters
        ----------
        texts : list of str, optional
            New texts; the clustered documents by default, which don't vote for themselves.
        """
        labels = self._voters_labels
        if texts is None:
            near, scores = self._voting.near.query(self._directions(self.space.vectors), NEIGHBOURS + 1)
            itself = self.voting_rows[near] == np.arange(len(near))[:, None]
            scores = np.where(itself, -np.inf, scores)
        else:
            near, scores = self._voting.near.query(self._directions(self._encoded(texts)), NEIGHBOURS)
        shares: npt.NDArray[np.float32] = tally(labels, near, scores, len(self))[:, :-1]
        return shares

    # -- new texts ----------------------------------------------------------------------------------------

    def assign(self, texts: Sequence[str]) -> Labels:
        """Return the group of each new text, int32 of shape (n,); see `assign_vectors`."""
        return self.assign_vectors(self._encoded(texts))

    def assign_vectors(self, vectors: npt.ArrayLike) -> Labels:
        """Return the group of each vector of this space, int32 of shape (n,).

        The 15 nearest points that were clustered vote, by the inverse square of their cosine distance. So what was
        clustered is given its own label again.
        """
        given = checks.matrix("vectors", vectors, dim=self.space.dim)
        checks.finite_rows("the vector", given, [f"number {row}" for row in range(len(given))])
        return self.stand(given).first

    def stand(self, vectors: Floats2d) -> Standing:
        """Return how vectors stand to the groups: where the votes go, and how near their neighbours are."""
        near, scores = self._voting.near.query(self._directions(vectors), NEIGHBOURS)
        stood = standing(self._voters_labels, None, near, scores, len(self))
        # An index may miss the point itself; what has the same direction is found by its hash.
        known, order = self._known
        asked = hashes(vectors)
        at = np.minimum(np.searchsorted(known, asked), len(known) - 1)
        first = np.where(known[at] == asked, self.labels[order[at]], stood.first)
        return replace(stood, first=first)

    # -- layers, and groups made by hand ------------------------------------------------------------------

    @cached_property
    def tree(self) -> Tree:
        """The merges of groups as SciPy writes them, shape (k - 1, 4): average linkage, cosine distances of centres."""
        return tree_of(self.centers)

    @renamed_parameters(k="n_clusters")
    def coarsen(self, n_clusters: int) -> Clustering:
        """Return a clustering of `n_clusters` groups: the nearest groups are merged until so few are left."""
        from semspace.clusters import editing

        return editing.coarsen(self, n_clusters)

    layer = renamed_method("layer", "coarsen")

    def merge(self, groups: Sequence[int], name: str | None = None) -> Clustering:
        """Return a clustering in which these groups are one, at the place of the lowest."""
        from semspace.clusters import editing

        return editing.merge(self, groups, name)

    @renamed_parameters(k="n_clusters")
    def split(self, group: int, n_clusters: int = 2) -> Clustering:
        """Return a clustering in which a group is split into `n_clusters` by k-means.

        The largest part keeps the number of the group; the others get numbers at the end.
        """
        from semspace.clusters import editing

        return editing.split(self, group, n_clusters)

    def rename(self, names: Mapping[int, str]) -> Clustering:
        """Return a clustering in which groups have these names, such as ``{0: "football"}``."""
        from semspace.clusters import editing

        return editing.rename(self, names)

    def update(self, more: Space) -> Clustering:
        """Return a clustering with more points; groups keep their numbers and names.

        New points go where their neighbours are. Those that lie further from all groups than 99 of 100 points do, and
        near each other, become new groups at the end.

        Parameters
        ----------
        more : Space
            With new ids, and the columns of metadata that this space has.
        """
        from semspace.clusters import editing

        return editing.update(self, more)

    # -- over time and by class ---------------------------------------------------------------------------

    def over_time(self, times: str | Sequence[Any], *, periods: int = 10) -> pl.DataFrame:
        """Return how large each group is in each period, as a polars DataFrame.

        Parameters
        ----------
        times : str or sequence
            A column of the space's metadata, or a value for each point: numbers, dates, or text as 2021-03-05.
        periods : int
            How many, of equal length; years, months and other values of which there are no more are taken as they are.

        Returns
        -------
        polars.DataFrame
            Columns ``period``, ``group``, ``name``, ``count``, ``share`` of the period's documents, and its 95 %
            interval ``low``, ``high`` (Wilson 1927).
        """
        return tables.over_time(self, times, periods)

    def per_class(self, classes: str | Sequence[Any]) -> pl.DataFrame:
        """Return how large each group is in each class of documents; like `over_time`, with a column ``class``."""
        return tables.per_class(self, classes)

    # -- showing it ---------------------------------------------------------------------------------------

    def plot(self, kind: str = "map", **options: Any) -> Figure:
        """Draw the groups with Plotly; ``pip install 'semspace[explore]'``.

        Parameters
        ----------
        kind : {"map", "sizes", "hierarchy", "time"}
            ``"map"`` takes ``most``, how many documents are drawn (2,000); ``"time"`` takes ``times`` and ``periods``,
            as `over_time` does, and ``groups``, which to draw (the six largest).

        Returns
        -------
        plotly.graph_objects.Figure
            ``figure.write_html(path, include_plotlyjs=True)`` makes a file that needs no network.
        """
        from semspace.clusters import plots

        return plots.plot(self, kind, options)

    def to_html(self, path: PathLike, *, times: str | Sequence[Any] | None = None) -> None:
        """Write a report as one HTML file without script: the groups, a map, the hierarchy, documents, and how sure.

        Parameters
        ----------
        times : str or sequence, optional
            Adds a section over time; see `over_time`.
        """
        from semspace.clusters.page import clustering_page
        from semspace.report import to_html

        write_text(path, to_html(clustering_page(self, times)))

    def __repr__(self) -> str:
        return f"{self._title()}\n{text_table(_SHOWN, self._rows())}{self._remarks()}"

    def _repr_html_(self) -> str:
        remarks = self._remarks()
        table = html_table(_SHOWN, self._rows(), caption=self._title())
        table += f"<p>{html.escape(remarks.strip())}</p>" if remarks else ""
        if not 2 < len(self) <= _IN_A_TREE:
            return table
        from semspace.report.dendrogram import dendrogram

        return table + dendrogram(self.tree, self.names, caption="Which groups are near each other.")._repr_html_()

    # -- on disk ------------------------------------------------------------------------------------------

    def save(self, path: PathLike, *, overwrite: bool = False) -> None:
        """Save groups and space together as a bundle directory; see `semspace.save`."""
        with create_bundle(path, KIND, overwrite=overwrite) as draft:
            draft.meta.update(
                names=list(self.names), keywords=[list(w) for w in self.keywords], provenance=dict(self.provenance)
            )
            write_space(self.space, draft)
            draft.array("labels", self.labels)
            draft.array("centers", self.centers)
            draft.array("stability", self.stability)
            draft.array("voters", self.voting_rows)
            for name in ("second", "share", "nearness"):
                draft.array(name, getattr(self.stands, name))

    # -- what it works with -------------------------------------------------------------------------------

    @cached_property
    def voting_rows(self) -> Rows:
        """Rows of the points that say where a new one belongs."""
        return same_points(self.space)[0] if self.voters is None else self.voters

    @cached_property
    def stands(self) -> Standing:
        """How each point stands to the groups, measured where it isn't known."""
        if self.standing is not None:
            return self.standing
        near, scores = self._voting.near.query(self._directions(self.space.vectors), NEIGHBOURS + 1)
        scores = np.where(self.voting_rows[near] == np.arange(len(near))[:, None], -np.inf, scores)
        return standing(self._voters_labels, self.labels, near, scores, len(self))

    @cached_property
    def vocabulary(self) -> Vocabulary | None:
        """The words of the documents, where the space has a column ``text``."""
        return vocabulary_of(self.space)

    @cached_property
    def _voting(self) -> Points:
        rows = self.voting_rows
        return points_of(self.space, rows, np.ones(len(rows), np.int64))

    @cached_property
    def _known(self) -> tuple[npt.NDArray[np.uint64], Rows]:
        own = hashes(self.space.vectors)  # of those that don't vote too
        order = np.argsort(own, kind="stable")
        return own[order], order

    @property
    def _voters_labels(self) -> Labels:
        return self.labels[self.voting_rows]

    def _directions(self, vectors: Floats2d) -> Floats2d:
        return self._voting.from_middle(vectors)

    def _encoded(self, texts: Sequence[str]) -> Floats2d:
        return self.space.encode_documents(texts)

    def _group(self, group: int) -> int:
        return checks.whole("group", group, low=0, high=len(self) - 1)

    def _by_center(self, group: int) -> Rows:
        rows = np.flatnonzero(self.labels == group)
        closeness = queries.unit(self.space.vectors[rows]) @ self.centers[group]
        ordered = queries.best_rows(closeness, len(rows), self.space.ids[rows])
        return rows[ordered]

    def _representative(self, group: int, n: int) -> Rows:
        """Choose among the most central those that are unlike each other, by maximal marginal relevance."""
        rows = self._by_center(group)[: max(20, 4 * n)]
        vectors = queries.unit(self.space.vectors[rows])
        central = vectors @ self.centers[group]
        return rows[queries.mmr(central, lambda row: vectors @ vectors[row], n, weight=0.7, chosen=[0])]

    def _title(self) -> str:
        left_out = int((self.labels < 0).sum())
        rest = f", {left_out:,} in none" if left_out else ""
        return f"Clustering of {len(self.space):,} points into {len(self)} group{'' if len(self) == 1 else 's'}{rest}"

    def _remarks(self) -> str:
        weak = [name for name, held in zip(self.names, self.stability, strict=True) if held < HOLDS]
        if not weak:
            return ""
        return (
            "\nfound again in too few samples to rely on: "
            + "; ".join(clip(name, 40) for name in weak[:5])
            + (f" and {len(weak) - 5} more" if len(weak) > 5 else "")
        )

    def _rows(self) -> list[tuple[object, ...]]:
        return [
            (g, self.names[g], int(size), float(self.stability[g]), ", ".join(self.keywords[g][:6]))
            for g, size in enumerate(self.sizes)
        ]


def read_bundle(bundle: Bundle) -> Clustering:
    """Read a clustering from an opened bundle."""
    space = read_space(bundle, remembered(bundle))
    n, names = len(space), bundle.meta.texts("names")
    k = len(names)
    labels = _groups(bundle, "labels", n, k)
    stability = bundle.array("stability", dtype=np.float64, shape=(k,))
    schema.within(f"{bundle.folder}, the stability of groups,", stability, 0, 1, nan=True)
    voters, stood = None, None
    if bundle.has("voters.npy"):  # not before 0.2
        voters = bundle.array("voters", dtype=np.int64, shape=(None,))
        schema.within(f"{bundle.folder}, the rows of voters,", voters, 0, n - 1)
        if not len(voters):
            raise DamagedError(f"{bundle.folder} has no voters; save the value again")
        share, nearness = (bundle.array(name, dtype=np.float32, shape=(n,)) for name in ("share", "nearness"))
        stood = Standing(labels, _groups(bundle, "second", n, k), share, nearness)
    return Clustering(
        space,
        labels,
        bundle.array("centers", dtype=np.float32, shape=(k, space.dim)),
        names,
        bundle.meta.lists_of_texts("keywords", count=k),
        stability,
        bundle.meta.mapping("provenance"),
        voters,
        stood,
    )


def _groups(bundle: Bundle, name: str, n: int, k: int) -> Labels:
    """Return an array that holds a group, or -1, for each point."""
    labels = bundle.array(name, dtype=np.int32, shape=(n,))
    schema.within(f"{bundle.folder}, the array {name!r},", labels, -1, k - 1)
    return labels


def vocabulary_of(space: Space) -> Vocabulary | None:
    """Split the texts of a space into words, where it has a column ``text``."""
    table = space.metadata
    return Vocabulary.of(table["text"]) if table is not None and table.schema.get("text") == pl.String else None


def described(
    bare: Clustering,
    vocabulary: Vocabulary | None,
    *,
    namer: Namer | None = None,
    known: Mapping[int, str] | None = None,
) -> Clustering:
    """Give groups their centres, keywords and names; `known` names stay."""
    k = len(bare)
    centers = centers_of(bare.space.vectors, bare.labels, k)
    groups = replace(bare, centers=centers)
    if vocabulary is None:
        words = [groups.members(g)[: keywords.TOP] for g in range(k)]
        titles = [", ".join(own[:3]) for own in words]
    else:
        words = keywords.keywords(vocabulary, bare.labels, k)
        titles = keywords.titles(vocabulary, bare.labels, words)
    if namer is not None:
        texts = bare.space.metadata["text"] if vocabulary is not None and bare.space.metadata is not None else None
        for g in range(k):
            rows = groups._representative(g, _EXAMPLES)
            examples = bare.space.ids[rows].tolist() if texts is None else texts.gather(rows).to_list()
            titles[g] = ask(namer, words[g], examples, titles[g])
    made = replace(groups, names=named(titles, words, known), keywords=tuple(words))
    if vocabulary is not None:
        made.__dict__["vocabulary"] = vocabulary  # splitting all texts again would cost as much as the rest
    return made
