"""`Index`: nearest-neighbour search over points that may change."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, NoReturn

import numpy as np
import numpy.typing as npt
import polars as pl

from semspace import checks
from semspace.bundle import Bundle
from semspace.deprecation import renamed_parameters, renamed_property
from semspace.display import clip
from semspace.errors import InputError
from semspace.files import PathLike
from semspace.index.building import build_collection
from semspace.index.local_collection import LocalCollection
from semspace.index.new_points import read_changes, read_new_points
from semspace.index.persistence import open_collection, read_collection, save_index
from semspace.index.query import checked_min_score
from semspace.index.refreshing import MODES, Refresher
from semspace.index.report import IndexReport, index_report
from semspace.index.searches import SearchMethods
from semspace.index.source import SpaceSource
from semspace.peer_names import answers_peer_attributes
from semspace.queries import Query
from semspace.space import Space
from semspace.text_encoder import TextEncoder, check_encoder
from semspace.types import Id, Strings1d

_MAX_PAIRS = 1_000_000


@answers_peer_attributes
class Index(SearchMethods):
    """Fast nearest-neighbour search over points that may be added, updated and deleted.

    `Index.build` creates one from a space, `Index.open` opens a saved one, and `Index.connect` one on a server.
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
    @renamed_parameters(kind="method", engine="backend")
    def build(
        cls,
        space: Space,
        method: str = "auto",
        *,
        recall: float = 0.95,
        metric: str = "cosine",
        backend: str = "native",
        queries: Sequence[Query] | None = None,
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
            in the region of the points where it is smallest. Queries unlike the points (questions asked of answers) are
            recognised by how far what they find is, and searched for more widely; `measure` measures the recall for
            yours.
        metric : {"cosine", "dot", "euclidean"}
        backend : {"native", "hnswlib"}
            What builds the graph. ``"hnswlib"`` (an extra) is for cross-checking the native one: its graph is searched
            as hnswlib searches it, in float32. See `from_hnswlib`.
        queries : sequence of texts or vectors, optional
            Queries of the application, such as those of yesterday. Searches for them reach `recall`, too, measured with
            up to 400 of them. Methods that compare with every point don't need them.
        threads : int, optional
            All cores by default. The graph doesn't depend on it; that of hnswlib does.
        settings
            For ``"hnsw"``: ``m`` (16), ``ef_construction`` (128), ``ef`` (measured), ``code_bytes`` (enough to keep
            95 % of the variance) and ``seed`` (0). hnswlib has no ``code_bytes``, and an ``ef_construction`` of 200.

        Raises
        ------
        InputError
            If a setting can't be used.
        MissingExtraError
            If hnswlib is to build the graph and isn't installed.
        """
        points = build_collection(
            space,
            method,
            recall=recall,
            metric=metric,
            backend=backend,
            queries=queries,
            threads=threads,
            progress=progress,
            settings=settings,
        )
        return cls(points, points.source)

    @classmethod
    def from_hnswlib(
        cls,
        path_or_index: PathLike | Any,
        ids: Sequence[Id] | Mapping[int, Id] | None = None,
        *,
        dim: int | None = None,
        space: str | None = None,
        metadata: Any | None = None,
        encoder: TextEncoder | None = None,
        recall: float = 0.95,
        ef: int | None = None,
    ) -> Index:
        """Create an index from one of hnswlib, whose graph is searched as it is, with the answers that hnswlib gives.

        A file is read without hnswlib, and no number in it is trusted. Deleted labels stay deleted. Points added later
        are compared one by one; `compact` builds a graph of semspace's own, which is searched several times as fast.

        Parameters
        ----------
        path_or_index : str, path or hnswlib.Index
            A file that ``save_index`` of hnswlib 0.8 has written, or an index in memory, which is copied.
        ids : list or mapping, optional
            The id of label i at position i, or a mapping from labels to ids; by default a label's id is its text.
        dim : int, optional
            Checked, if it is given.
        space : {"cosine", "ip", "l2"}
            Needed for a file, which doesn't name it. hnswlib opens a file as any space without an error.
        metadata : DataFrame or mapping, optional
            A row for each of `ids`, which must be a list.
        encoder : optional
            The model that made the vectors, so that queries may be text.
        recall : float
            The share of the true ten nearest points that a search is to find: the width of searches is measured with up
            to 200 of the points as queries. New queries may be harder; `measure` measures the recall for others.
        ef : int, optional
            The width of searches, in place of the measured one. hnswlib itself begins with 10.

        Returns
        -------
        Index
            With the method ``"hnswlib"`` and the metric ``"cosine"``, ``"dot"`` or ``"euclidean"``; scores are higher
            where points are nearer. For ``"cosine"`` the vectors are of length 1, as hnswlib has stored them.

        Raises
        ------
        MissingFileError
            If there is no file at the path.
        InputError
            If it is no file of hnswlib, the space isn't given or can't be its own, the dimensions are others, or a
            label has no id.
        DamagedError
            If the file is cut short, or holds what hnswlib can't have written.

        Examples
        --------
        >>> import semspace as ss
        >>> space = ss.Space.from_vectors(["cat", "dog", "car"], [[1, 1], [1, 0.8], [-1, 1]])
        >>> ids = ss.Index.build(space, "hnsw", progress=False).to_hnswlib("animals.bin")
        >>> index = ss.Index.from_hnswlib("animals.bin", ids, space="cosine")
        >>> index.search(id="cat", k=1).ids
        ('dog',)
        """
        from semspace.index.foreign.hnswlib_bridge import read_hnswlib

        points = read_hnswlib(
            path_or_index, ids, dim=dim, space=space, metadata=metadata, encoder=encoder, recall=recall, ef=ef
        )
        return cls(points, points.source)

    @classmethod
    def connect(cls, uri: str, collection: str, *, token: str | None = None) -> Index:
        """Open a collection on a server of Qdrant, Postgres or Milvus, or in a folder for one; `push` creates it.

        Parameters
        ----------
        uri : str
            Qdrant: ``"qdrant://host:6333"``, ``"qdrant+https://host:6333"``, or the path of a folder that ends in
            ``.qdrant``. Postgres with pgvector: ``"postgresql://user@host/database"``. Milvus:
            ``"http://host:19530"``, or the path of a Milvus Lite, which ends in ``.db``.
        collection : str
        token : str, optional
            An API key; for Postgres the password, for Milvus also ``"user:password"``.

        Raises
        ------
        InputError
            If there is no such collection, or semspace didn't make it.
        ServerError
            If no server answers at `uri`.
        MissingExtraError
            If the server's client isn't installed.
        """
        from semspace.index.servers.addresses import check_token, collection_type

        check_token(token)
        points = collection_type(uri).connect(uri, collection, token)
        return cls(points, SpaceSource.on_server(points.facts))

    def duplicates(
        self, min_score: float | None = None, *, max_pairs: int = _MAX_PAIRS, progress: bool = True
    ) -> pl.DataFrame:
        """Find all pairs of points that are nearly the same.

        An exact index, or one of up to 100,000 points, compares every pair; otherwise each point is searched for, which
        may miss some. `semspace.join` finds the pairs between two collections.

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
        from semspace.index.duplicate_search import duplicate_pairs
        from semspace.index.near_duplicates import BestPairs

        lowest = checked_min_score(min_score, 0.95, self.metric)
        best = BestPairs(lowest, checks.whole("max_pairs", max_pairs))
        self._up_to_date()
        local = self._local("duplicates")
        local.check()
        pairs = duplicate_pairs(local, best, max_pairs, progress=progress)
        best.warn(lowest, stacklevel=3)
        return pairs

    # -- changing -----------------------------------------------------------------------------------------

    def add(
        self,
        ids: Sequence[Id] | Space,
        vectors: npt.ArrayLike | Sequence[str] | None = None,
        metadata: Any | None = None,
    ) -> None:
        """Add points. When this returns, an index opened from disk has written them to it.

        Parameters
        ----------
        ids : n strings, or Space
            Whole numbers and UUIDs become their text. A space brings its vectors and metadata along.
        vectors : (n, dim) numbers, or n texts for the encoder
            Required, except where a space is given.
        metadata : DataFrame or mapping, optional
            A row for each point, where the index has metadata; its column ``text`` is filled with the texts.

        Raises
        ------
        InputError
            If an id exists already, a vector is all zeros, the columns differ, or the points of a space are of another
            encoder. Then nothing is added.

        Examples
        --------
        >>> import semspace as ss
        >>> index = ss.Index.build(ss.Space.from_vectors(["cat", "dog"], [[1, 1], [1, 0.8]]))
        >>> index.add(["cow"], [[1, 0.5]])
        >>> index.add(ss.Space.from_vectors(["car", "bus"], [[-1, 1], [-1, 0.9]]))
        >>> len(index)
        5
        """
        self._points.add(*read_new_points(self._points, self.encoder, ids, vectors, metadata))

    def update(
        self,
        ids: Sequence[Id] | Space,
        vectors: npt.ArrayLike | Sequence[str] | None = None,
        metadata: Any | None = None,
    ) -> None:
        """Replace the vectors of points, their metadata, or both; what isn't given stays as it is.

        Parameters
        ----------
        ids : n strings, or Space
            A space brings its vectors, and metadata if it has some, along.
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

    def upsert(
        self,
        ids: Sequence[Id] | Space,
        vectors: npt.ArrayLike | Sequence[str] | None = None,
        metadata: Any | None = None,
    ) -> None:
        """Update the points that are in the index, and add the others, in one change: all or nothing.

        Parameters
        ----------
        ids : n strings, or Space
            A space brings its vectors and metadata along.
        vectors : (n, dim) numbers, or n texts for the encoder
            Required, except where a space is given.
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
        """``"exact"``, ``"hnsw"`` or ``"hnswlib"``; on a server ``"milvus"``, ``"qdrant"`` or ``"pgvector"``."""
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
        return index_report(self._local("report"))

    def __reduce__(self) -> NoReturn:
        raise InputError(
            "an index is neither pickled nor copied: it holds locks and open files; save it by index.save(path), and "
            "open it there by ss.Index.open(path)"
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
        if space is not None and not isinstance(space, Space):
            raise InputError(f"space must be the Space that the index was built over; got {type(space).__name__}")
        check_encoder(encoder)
        checks.flag("writable", writable)
        if verify is not None:
            checks.flag("verify", verify)
        if writable and refresh == "auto":
            raise InputError("refresh='auto' is for reading: an index open for writing is up to date; leave it out")
        options: dict[str, Any] = {"space": space, "encoder": encoder, "verify": verify}
        points = open_collection(path, writable=writable, is_followed=refresh == "auto", **options)
        return cls(points, points.source, _refresher(points, refresh, options))

    def push(
        self,
        uri: str,
        collection: str,
        *,
        token: str | None = None,
        overwrite: bool = False,
        progress: bool = True,
    ) -> Index:
        """Copy the points to a server of Qdrant, Postgres or Milvus, in batches, without those that are there already.

        After an interruption it goes on where it was, when it is called again. What the server has of a point, its
        metadata too, stays as it is there.

        Parameters
        ----------
        uri, collection, token
            See `connect`. The collection is created where it isn't there.
        overwrite : bool
            Drop a collection of this name first, with all its points; only one that semspace has made.
        progress : bool
            Show a bar to people on long work.

        Returns
        -------
        Index
            The index on the server; see `connect`.

        Raises
        ------
        InputError
            If the collection holds other points than these, or the server can't hold their metadata.
        ServerError
            If no server answers at `uri`.
        """
        from semspace.index.servers.push import push

        source = SpaceSource(self.encoder, self._source.provenance)
        facts = source.server_facts(self.space.fingerprint)
        pushed = push(
            self._local("push"), uri, collection, facts=facts, token=token, progress=progress, overwrite=overwrite
        )
        return Index(pushed, source)

    def to_hnswlib(self, path: PathLike, *, overwrite: bool = False) -> dict[int, str]:
        """Write graph and vectors as a file that hnswlib opens; hnswlib needn't be installed.

        Deleted points are marked as deleted. A label is a point's position in `ids`; points that came from hnswlib keep
        their labels. Open it with the space and the number of dimensions that it doesn't name, such as
        ``hnswlib.Index("cosine", dim).load_index(path)``: ``"cosine"``, ``"ip"`` for the metric ``"dot"``, or ``"l2"``
        for ``"euclidean"``.

        Parameters
        ----------
        path : str or path
        overwrite : bool
            Replace an existing file at `path`.

        Returns
        -------
        dict of int to str
            The id of each label that isn't deleted; `from_hnswlib` takes it as `ids`.

        Raises
        ------
        InputError
            If the index is exact, so that it has no graph, or points aren't in the graph; see `compact`.
        ExistsError
            If `path` exists.
        """
        from semspace.index.foreign.hnswlib_bridge import write_index

        self._up_to_date()
        local = self._local("to_hnswlib")
        local.check()
        with local.at_rest():
            return write_index(local, path, overwrite=overwrite)

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
