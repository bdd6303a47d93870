"""`Index`: nearest-neighbour search over points that may change."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import fields
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import polars as pl

from semspace import checks
from semspace.bundle import Bundle, PathLike
from semspace.deprecation import renamed_parameters, renamed_property
from semspace.display import clip
from semspace.errors import InputError, SemspaceWarning
from semspace.index.engine import Engine
from semspace.index.exact import ExactEngine
from semspace.index.local_collection import LocalCollection
from semspace.index.new_points import read_changes, read_new_points
from semspace.index.persistence import METHODS, open_collection, read_collection, save_index
from semspace.index.points import FrozenPoints, PointTable
from semspace.index.query import checked_min_score
from semspace.index.refreshing import MODES, Refresher
from semspace.index.report import IndexReport
from semspace.index.searches import SearchMethods
from semspace.index.source import SpaceSource
from semspace.peer_names import answers_peer_attributes
from semspace.queries import METRICS
from semspace.sentences.lazy_encoder import EncoderReference
from semspace.space import Space
from semspace.text_encoder import TextEncoder, encoder_facts
from semspace.types import Id, Strings1d

if TYPE_CHECKING:
    from semspace.index.hnsw import HnswSettings

# Up to this many points, comparing with every point is about as fast as searching a graph, and exact.
SMALL = 5_000
_COMPARE_ALL_PAIRS_UP_TO = 20_000  # points; above, each is searched for in the graph, which is faster
_MAX_PAIRS = 1_000_000


@answers_peer_attributes
class Index(SearchMethods):
    """Fast nearest-neighbour search over points that may be added, updated and deleted.

    `Index.build` creates one from a space, `Index.open` opens a saved one, and `Index.connect` one on a Milvus server.
    It is the only value of semspace that changes.

    Examples
    --------
    >>> import semspace as ss
    >>> space = ss.Space.from_vectors(["cat", "dog", "car"], [[1, 1], [1, 0.8], [-1, 1]])
    >>> index = ss.Index.build(space)
    >>> index.search(id="cat", k=1).ids
    ('dog',)
    >>> index.add(["lion"], [[1, 0.9]])
    >>> index.search(id="cat", k=1).ids
    ('lion',)
    """

    @classmethod
    @renamed_parameters(kind="method")
    def build(
        cls,
        space: Space,
        method: str = "auto",
        *,
        recall: float = 0.95,
        metric: str = "cosine",
        threads: int | None = None,
        progress: bool = True,
        **settings: Any,
    ) -> Index:
        """Build an index over a space.

        Parameters
        ----------
        space : Space
        method : {"auto", "exact", "hnsw"}
            ``"exact"`` compares with every point. ``"hnsw"`` searches a graph (Malkov & Yashunin 2016). ``"auto"``
            chooses ``"exact"`` up to 5,000 points, where it is fast enough, or where `recall` is 1, or the space is
            stored in fewer bytes (`Space.quantize`).
        recall : float
            The share of the true ten nearest points that a search is to find, above 0 and at most 1. The necessary
            search effort is measured by single searches for held-out points; `report` returns the recall reached, also
            in the region of the points where it is smallest. It holds for queries like the points; `measure` measures
            the recall for others.
        metric : {"cosine", "dot", "euclidean"}
        threads : int, optional
            All cores by default. The graph doesn't depend on it.
        settings
            For ``"hnsw"``: ``m`` (16), ``ef_construction`` (128), ``ef`` (measured), ``code_bytes`` (enough to keep
            95 % of the variance) and ``seed`` (0).

        Raises
        ------
        InputError
            If a setting can't be used.
        """
        if not isinstance(space, Space):
            raise InputError(
                f"Index.build takes a Space; got {type(space).__name__}: encode a corpus with Encoder.embed, or "
                "create a Space with Space.from_vectors"
            )
        checks.choice("method", method, ("auto", *METHODS))
        checks.choice("metric", metric, METRICS)
        checks.number("recall", recall, high=1.0, open_low=True)
        small = len(space) <= SMALL or recall == 1 or space.precision != "float32"
        chosen = ("exact" if small else "hnsw") if method == "auto" else method
        if chosen == "hnsw" and space.precision != "float32":
            raise InputError(
                f"a graph (hnsw) is built over float32 vectors, which it stores as bytes itself, and this space is "
                f"stored as {space.precision}; take method='exact', or space.quantize('float32')"
            )
        graph_settings = _graph_settings(chosen, settings)

        def engine(points: PointTable) -> Engine:
            if graph_settings is None:
                return ExactEngine(metric)
            from semspace.index.hnsw import HnswEngine

            return HnswEngine.build(
                points, metric, recall=recall, settings=graph_settings, threads=threads, progress=progress
            )

        points = PointTable(FrozenPoints.of_space(space))
        source = SpaceSource(space.encoder, space.provenance, space=space)
        return cls(LocalCollection(points, engine(points), engine, source), source)

    @classmethod
    def connect(cls, uri: str, collection: str, *, token: str | None = None) -> Index:
        """Open a collection on a Milvus server, or in a file of Milvus Lite; `push` creates one.

        Parameters
        ----------
        uri : str
            Such as ``"http://host:19530"``, or the path of a file that ends in ``.db``.
        collection : str
        token : str, optional
            ``"user:password"``, or an API key.

        Raises
        ------
        InputError
            If there is no such collection.
        ServerError
            If no server answers at `uri`.
        MissingExtraError
            If pymilvus isn't installed.
        """
        from semspace.index.milvus import MilvusCollection

        points = MilvusCollection.connect(uri, collection, token)
        saved = points.facts.get("encoder")
        encoder = (
            EncoderReference(saved["name"], saved["dim"], saved["fingerprint"], saved.get("max_tokens"))
            if saved
            else None
        )
        return cls(points, SpaceSource(encoder, points.facts.get("provenance")))

    def duplicates(
        self, min_score: float | None = None, *, max_pairs: int = _MAX_PAIRS, progress: bool = True
    ) -> pl.DataFrame:
        """Find all pairs of points that are nearly the same.

        An exact index, or one of up to 20,000 points, compares every pair; otherwise each point is searched for.

        Parameters
        ----------
        min_score : float
            0.95 for the cosine; other metrics need one, since their scores depend on the vectors' lengths.
        max_pairs : int
            Keep at most this many pairs, the best ones; warns where there are more.

        Returns
        -------
        polars.DataFrame
            ``a``, ``b`` (ids, `a` being the earlier point) and ``score``, highest first.
        """
        from semspace.index import near_duplicates
        from semspace.index.hnsw import HnswEngine

        lowest = checked_min_score(min_score, 0.95, self.metric)
        checks.whole("max_pairs", max_pairs)
        self._up_to_date()
        local = self._local("duplicates")
        local.check()
        view, engine = local.points.view, local.engine
        if isinstance(engine, HnswEngine) and view.live > _COMPARE_ALL_PAIRS_UP_TO:
            rows = np.arange(view.count)
            parts = engine.pairs(view, lowest, max_pairs, progress=progress)
        else:
            rows = view.live_rows()
            parts = near_duplicates.compare_all_pairs(view.vectors(rows), self.metric, lowest, progress=progress)
        (a, b, scores), truncated = near_duplicates.best_pairs(parts, max_pairs)
        if truncated:
            warnings.warn(
                f"there are more than max_pairs={max_pairs:,} pairs with a score of at least {lowest:g}; only the best "
                f"are returned: raise min_score or max_pairs for all",
                SemspaceWarning,
                stacklevel=2,
            )
        ids = [pl.Series(name, view.ids(rows[side]), dtype=pl.String) for name, side in (("a", a), ("b", b))]
        return pl.DataFrame([*ids, pl.Series("score", scores)])

    # -- changing -----------------------------------------------------------------------------------------

    def add(self, ids: Sequence[Id], vectors: npt.ArrayLike | Sequence[str], metadata: Any | None = None) -> None:
        """Add points. When this returns, an index opened from disk has written them to it.

        Parameters
        ----------
        ids : n strings
            Whole numbers and UUIDs become their text.
        vectors : (n, dim) numbers, or n texts for the encoder
        metadata : DataFrame or mapping, optional
            A row for each point, where the index has metadata; its column ``text`` is filled with the texts.

        Raises
        ------
        InputError
            If an id exists already, a vector is all zeros, or the columns differ. Then nothing is added.
        """
        self._points.add(*read_new_points(self._points, self.encoder, ids, vectors, metadata))

    def update(
        self,
        ids: Sequence[Id],
        vectors: npt.ArrayLike | Sequence[str] | None = None,
        metadata: Any | None = None,
    ) -> None:
        """Replace the vectors of points, their metadata, or both; what isn't given stays as it is.

        Parameters
        ----------
        ids : n strings
        vectors : (n, dim) numbers, or n texts for the encoder, optional
        metadata : DataFrame or mapping, optional
            A row for each point, with all columns or some. The column ``text`` is filled with the texts.

        Raises
        ------
        UnknownIdError
            If an id doesn't exist. Then nothing is changed.
        InputError
            If neither is given, or a column doesn't exist. Then nothing is changed.

        Examples
        --------
        >>> import semspace as ss
        >>> space = ss.Space.from_vectors(["cat", "dog"], [[1, 1], [1, 0.8]], {"year": [2001, 2002]})
        >>> index = ss.Index.build(space)
        >>> index.update(["dog"], metadata={"year": [2009]})
        >>> index.search(id="cat", where="year > 2005").ids
        ('dog',)
        """
        self._points.update(*read_changes(self._points, self.encoder, ids, vectors, metadata))

    def upsert(self, ids: Sequence[Id], vectors: npt.ArrayLike | Sequence[str], metadata: Any | None = None) -> None:
        """Update the points that are in the index, and add the others, in one change: all or nothing.

        Parameters
        ----------
        ids : n strings
        vectors : (n, dim) numbers, or n texts for the encoder
        metadata : DataFrame or mapping, optional
            A row for each point, where the index has metadata. If all points are in the index already, columns that
            aren't given stay as they are.

        Raises
        ------
        InputError
            If a vector is all zeros, or the columns differ. Then nothing is changed.

        Examples
        --------
        >>> import semspace as ss
        >>> index = ss.Index.build(ss.Space.from_vectors(["cat", "dog"], [[1, 1], [1, 0.8]]))
        >>> index.upsert(["dog", "car"], [[0, 1], [-1, 1]])
        >>> sorted(index.space.ids)
        ['car', 'cat', 'dog']
        """
        self._points.upsert(*read_new_points(self._points, self.encoder, ids, vectors, metadata))

    def delete(self, ids: Sequence[Id]) -> None:
        """Delete points. They take memory until `compact`.

        Raises
        ------
        UnknownIdError
            If an id doesn't exist. Then nothing is deleted.
        """
        names = checks.ids("ids", ids)
        checks.unique("ids", names)
        self._points.delete(names)

    def compact(self) -> None:
        """Rebuild the index from its live points."""
        self._points.compact()

    # -- contents -----------------------------------------------------------------------------------------

    @property
    def method(self) -> str:
        """The search algorithm: ``"exact"``, ``"hnsw"`` or ``"milvus"``."""
        return self._points.method

    kind = renamed_property("kind", "method")

    @property
    def metric(self) -> str:
        """``"cosine"``, ``"dot"`` or ``"euclidean"``."""
        return self._points.metric

    @property
    def dim(self) -> int:
        """Number of dimensions."""
        return self._points.dim

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of the columns of the metadata."""
        return tuple(self._points.columns)

    @property
    def ids(self) -> Strings1d:
        """The ids that the rows of `knn_query` refer to, with those of deleted points.

        A refresh after its writer compacted the index numbers the rows anew; `search` returns ids.
        """
        return np.array(self._local("ids").points.view.all_ids().to_list(), dtype=object)

    @property
    def encoder(self) -> TextEncoder | None:
        """The encoder of texts, if there is one."""
        return self._source.encoder

    @property
    def space(self) -> Space:
        """The live points as a space."""
        self._up_to_date()
        view, space = self._local("space").points.view, self._source.space
        if space is not None and view.untouched and view.ground.vectors is space.vectors:
            return space
        return view.space(self.encoder, self._source.provenance)

    def __len__(self) -> int:
        return len(self._up_to_date())

    def __contains__(self, id: object) -> bool:
        name = checks.id_text(id)
        return isinstance(name, str) and self._up_to_date().present([name])[0]

    def report(self) -> IndexReport:
        """Return what was measured when the index was built: recall, its minimum over regions, queries per second.

        The recall is that of queries like the points; `measure` takes others.
        """
        self._up_to_date()
        local = self._local("report")
        view, engine = local.points.view, local.engine
        settings = {name: value for name, value in engine.settings().items() if value is not None}
        return IndexReport(
            method=self.method,
            metric=self.metric,
            points=view.live,
            deleted=view.count - view.live,
            dim=self.dim,
            settings={**settings, **engine.details()},
            **{"worst_points": view.live, **engine.measured()},
        )

    def __repr__(self) -> str:
        encoder = self._source.known_encoder
        by = f" by {clip(encoder.name, 40)}" if encoder is not None else ""
        return f"Index ({self.method}, {self.metric}) of {len(self):,} points in {self.dim} dimensions{by}"

    def _repr_html_(self) -> str:
        return self.report()._repr_html_() if isinstance(self._points, LocalCollection) else f"<p>{self!r}</p>"

    # -- on disk, and elsewhere ---------------------------------------------------------------------------

    def save(self, path: PathLike, *, overwrite: bool = False) -> None:
        """Save the index with its points as a bundle directory; see `semspace.save`."""
        save_index(self._local("save"), path, overwrite=overwrite)

    @classmethod
    def open(
        cls,
        path: PathLike,
        *,
        writable: bool = False,
        refresh: str = "manual",
        space: Space | None = None,
        encoder: TextEncoder | None = None,
        verify: bool | None = None,
    ) -> Index:
        """Open a saved index. It is memory-mapped, so that opening takes no time, whatever its size.

        Parameters
        ----------
        writable : bool
            Allow `add`, `update`, `delete` and `compact`, whose changes are safe on the disk when they return. One
            process at a time may write; others continue to read the points that were there when they opened the index
            or refreshed it.
        refresh : {"manual", "auto"}
            When an index that is open for reading takes over what its writer has acknowledged: when `refresh` is
            called, or also before a search, at most ten times in a second.
        space, encoder : optional
            The space or encoder that the index must belong to; otherwise an error is raised. `encoder` encodes texts.
            It may be that of a bridge which leads to this index's encoder (`ss.latent.bridge`).
        verify : bool, optional
            Verify all checksums first (True) or not at all (False). By default those of a large index are verified
            while it is in use: once damage is found, every call raises `DamagedError`.

        Raises
        ------
        MissingFileError
            If there is nothing at `path`.
        DamagedError
            If a file is missing, short or altered.
        InputError
            If it belongs to another space or encoder, or another process is writing it.
        """
        checks.choice("refresh", refresh, MODES)
        if writable and refresh == "auto":
            raise InputError("refresh='auto' is for reading: an index open for writing is up to date; leave it out")
        options: dict[str, Any] = {"space": space, "encoder": encoder, "verify": verify}
        points = open_collection(path, writable=writable, is_followed=refresh == "auto", **options)
        return cls(points, points.source, _refresher(points, refresh, options))

    def push(self, uri: str, collection: str, *, token: str | None = None, progress: bool = True) -> Index:
        """Copy the points to a Milvus server, in batches, without those that are there already.

        Returns
        -------
        Index
            The index on the server; see `connect`.
        """
        from semspace.index.milvus_push import push

        encoder, provenance = self.encoder, self._source.provenance
        facts = {
            "fingerprint": self.space.fingerprint,
            "encoder": encoder and encoder_facts(encoder),
            "provenance": provenance,
        }
        pushed = push(self._local("push"), uri, collection, facts=facts, token=token, progress=progress)
        return Index(pushed, SpaceSource(encoder, provenance))

    def close(self) -> None:
        """Close files and connections, and let other processes write."""
        self._points.close()

    def __enter__(self) -> Index:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def read_bundle(bundle: Bundle) -> Index:
    """Read the index in an opened bundle."""
    points = read_collection(bundle)
    return Index(points, points.source, _refresher(points, "manual", {}))


def _refresher(points: LocalCollection, mode: str, options: Mapping[str, Any]) -> Refresher:
    """Return what keeps an opened index up to date, by opening it again with these options where that is needed."""
    return Refresher(partial(open_collection, points.place, is_followed=mode == "auto", **options), mode)


def _graph_settings(method: str, settings: Mapping[str, Any]) -> HnswSettings | None:
    """Return the settings of a graph, or raise `InputError` for one that the method doesn't have."""
    if method != "hnsw":
        _check_settings(method, settings, [])
        return None
    from semspace.index.hnsw import HnswSettings

    _check_settings(method, settings, [field.name for field in fields(HnswSettings)])
    return HnswSettings(**settings)


def _check_settings(method: str, settings: Mapping[str, Any], known: Sequence[str]) -> None:
    unknown = [name for name in settings if name not in known]
    if unknown:
        have = f"it has {', '.join(known)}" if known else "it has none"
        raise InputError(f"the method {method!r} has no setting {unknown[0]!r}; {have}")
