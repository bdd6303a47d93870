"""`Index`: the neighbours of text, ids and vectors, over points that may change."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from semspace import checks, queries
from semspace.bundle import Bundle, PathLike, is_there, opening, place_of, tidy, writing
from semspace.deprecation import renamed_parameters, renamed_property
from semspace.display import clip
from semspace.errors import DamagedError, InputError, ReplacedError, SemspaceWarning, UnknownIdError
from semspace.index import near_duplicates
from semspace.index.collection import Collection, Hits
from semspace.index.engine import Engine, Found
from semspace.index.exact import ExactEngine
from semspace.index.hnsw import HnswEngine, Settings
from semspace.index.journal import Lock
from semspace.index.local_collection import Home, LocalCollection
from semspace.index.mmr import diverse
from semspace.index.opening import fitting, read_points
from semspace.index.points import Ground, Points
from semspace.index.report import IndexReport
from semspace.neighbors import Neighbors
from semspace.queries import Query, as_list, as_vector, title_of, title_of_sum
from semspace.sentences.lazy_encoder import EncoderReference, remembered
from semspace.space import (
    Space,
    TextEncoder,
    encode_documents,
    encode_queries,
    encoder_facts,
    fingerprint_of,
    manifest_facts,
    neither_id_nor_text,
)
from semspace.text.dataframes import as_polars
from semspace.threads import limited
from semspace.types import Floats1d, Floats2d

KIND = "index"
METHODS = ("exact", "hnsw")
# Below this many points comparing with every one is about as fast as walking a graph, and exact.
SMALL = 5_000
_PAIRS_BY_COMPARING = 20_000  # below this many points all pairs are compared sooner than all points walk
_MOST_COLUMNS = 100_000  # of `knn_query`, where there are fewer points
_MOST_PAIRS = 1_000_000
_ROWS = 8_192  # vectors that are read at a time
_MAX_THREADS = 1_024
Encode = Callable[[list[str], TextEncoder | None], Floats2d]


class Index:
    """Fast neighbours over points, which may be added, changed and deleted.

    Make one of a space with `Index.build`, open a saved one with `Index.open`, or one on a Milvus server with
    `Index.connect`. It is the one value of semspace that changes.

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

    def __init__(
        self,
        points: Collection,
        encoder: TextEncoder | None = None,
        *,
        provenance: Mapping[str, Any] | None = None,
        bundle: Bundle | None = None,
    ) -> None:
        self._points = points
        self._encoder = encoder
        self._provenance = dict(provenance or {})
        self._bundle = bundle  # where the encoder lies that nobody has asked for yet
        self._made_of: Space | None = None  # the space it was built of, while it is at hand
        self._origin: str | None = None  # or its fingerprint

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
            ``"auto"`` compares with every point up to 5,000 points, where that is fast enough, or where `recall` is 1,
            and builds an HNSW graph otherwise.
        recall : float
            The share of the true ten nearest points that a search is to find, above 0 and at most 1. What a search
            needs for it is measured on points that are held out until the end, each asked for by itself; `report`
            says what it came to, also in the region of the points where it is smallest. So it holds for queries like
            the points; `measure` takes others, and measures how many of their nearest points are found.
        metric : {"cosine", "dot", "euclidean"}
        threads : int, optional
            All cores by default. The graph is the same with any number.
        settings
            For ``"hnsw"``: ``m`` (16), ``ef_construction`` (128), ``ef`` (measured), ``code_bytes`` (as many as keep
            95 % of the variance) and ``seed`` (1).

        Raises
        ------
        InputError
            If a setting can't be used.
        """
        if not isinstance(space, Space):
            raise InputError(f"Index.build takes a Space; got {type(space).__name__}: see Space.from_vectors")
        checks.choice("method", method, ("auto", *METHODS))
        checks.choice("metric", metric, queries.METRICS)
        checks.number("recall", recall, high=1.0, open_low=True)
        small = len(space) <= SMALL or recall == 1
        chosen = ("exact" if small else "hnsw") if method == "auto" else method
        made = _settings(chosen, settings)

        def engine(points: Points) -> Engine:
            if made is None:
                return ExactEngine(metric)
            return HnswEngine.build(points, metric, recall=recall, settings=made, threads=threads, progress=progress)

        points = Points(Ground.of_space(space))
        local = LocalCollection(points, engine(points), engine)
        index = cls(local, space.encoder, provenance=space.provenance)
        index._made_of = space
        return index

    @classmethod
    def connect(cls, uri: str, collection: str, *, token: str | None = None) -> Index:
        """Open a collection on a Milvus server, or in a file of Milvus Lite; `push` makes one.

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
            If there is no such collection, or nobody answers at `uri`.
        MissingExtraError
            If pymilvus isn't installed.
        """
        from semspace.index.milvus import MilvusCollection

        points = MilvusCollection.connect(uri, collection, token)
        made = points.facts.get("encoder")
        encoder = (
            EncoderReference(made["name"], made["dim"], made["fingerprint"], made.get("max_tokens")) if made else None
        )
        return cls(points, encoder, provenance=points.facts.get("provenance"))

    # -- asking -------------------------------------------------------------------------------------------

    def search(
        self,
        query: Query | None = None,
        k: int = 10,
        *,
        id: str | None = None,
        where: str | None = None,
        among: Sequence[str] | None = None,
        exact: bool = False,
    ) -> Neighbors:
        """Find the points nearest to a text, a vector, or the point of an id.

        An HNSW index finds the share of them that was asked for when it was built (`recall`), for queries like its
        points; for others, `measure(queries)` says how many. ``exact=True`` finds all.

        Parameters
        ----------
        query : str or vector of shape (dim,)
            A string is an id of the index (which isn't returned itself) or else a text for the encoder.
        k : int
            How many; fewer come back where fewer are there.
        id : str
            Instead of `query`: a point of the index, which won't come back itself.
        where : str, optional
            A condition on the metadata and the ``id``, such as ``"year >= 2001 and label = 'sport'"``.
        among : sequence of str, optional
            Only these ids may come back.
        exact : bool
            Compare with every point: the truth, slowly.

        Raises
        ------
        UnknownIdError
            If there is no such id.
        InputError
            If `where` can't be used, or there is no encoder for a text.
        """
        vectors, own, titles = self._one_query(query, id)
        return self._search(vectors, own, titles, k, where, among, exact=exact)[0]

    @renamed_parameters(asked="queries")
    def search_batch(
        self,
        queries: Sequence[Query],
        k: int = 10,
        *,
        where: str | None = None,
        among: Sequence[str] | None = None,
        exact: bool = False,
        threads: int | None = None,
    ) -> list[Neighbors]:
        """Find the points nearest to each query in one pass; see `search`.

        Parameters
        ----------
        threads : int, optional
            All cores by default.
        """
        if threads is not None:
            checks.whole("threads", threads, high=_MAX_THREADS)
        queries = as_list("search_batch", queries)
        if not queries:
            return []
        with limited(threads):
            vectors, own = self._located(queries)
            titles = [title_of(query) for query in queries]
            return self._search(vectors, own, titles, k, where, among, exact=exact)

    def knn_query(
        self,
        vectors: npt.ArrayLike,
        k: int = 10,
        *,
        where: str | None = None,
        among: Sequence[str] | None = None,
        ef: int | None = None,
        threads: int | None = None,
        exact: bool = False,
    ) -> tuple[npt.NDArray[np.int64], Floats2d]:
        """Find neighbours as plain arrays, for those who come from hnswlib; nearest first, higher scores are nearer.

        Parameters
        ----------
        vectors : (m, dim) float32
        ef : int, optional
            Candidates that a walk keeps, instead of the number measured.
        threads : int, optional
            All cores by default.

        Returns
        -------
        rows : (m, k) int64
            Places in `ids`; -1 where there are no more.
        scores : (m, k) float32
            ``-inf`` where there are no more.
        """
        local = self._local("knn_query")
        matrix = self._checked(checks.matrix("vectors", vectors, dim=self.dim))
        checks.whole("k", k, high=max(len(self), _MOST_COLUMNS))
        for name, value in (("ef", ef), ("threads", threads)):
            if value is not None:
                checks.whole(name, value, high=_MAX_THREADS if name == "threads" else None)
        rows, scores = local.find(matrix, k, where, among, exact=exact, ef=ef, threads=threads)
        if (there := rows.shape[1]) < k:
            rows = np.pad(rows, ((0, 0), (0, k - there)), constant_values=-1)
            scores = np.pad(scores, ((0, 0), (0, k - there)), constant_values=-np.inf)
        return rows, scores

    def range_search(
        self, query: Query | None = None, min_score: float | None = None, *, id: str | None = None, where: str | None =
        None, among: Sequence[str] | None = None, exact: bool = False,
    ) -> Neighbors:  # fmt: skip
        """Find all points that score at least `min_score` (0.5 for the cosine; others need one); see `search`.

        Examples
        --------
        >>> import semspace as ss
        >>> space = ss.Space.from_vectors(["cat", "dog", "car"], [[1, 1], [1, 0.8], [-1, 1]])
        >>> ss.Index.build(space).range_search(id="cat", min_score=0.9).ids
        ('dog',)
        """
        least = self._least(min_score, 0.5)
        vectors, own, titles = self._one_query(query, id)
        k = 64
        while True:
            found = self._search(vectors, own, titles, k, where, among, exact=exact)[0]
            enough = int((found.scores >= least).sum())
            if enough < len(found) or len(found) < k:
                return found.take(np.arange(enough))
            k *= 4

    def recommend(
        self, like: Sequence[Query], dislike: Sequence[Query] = (), k: int = 10, *, where: str | None = None,
        among: Sequence[str] | None = None, exact: bool = False,
    ) -> Neighbors:  # fmt: skip
        """Find points near those one likes, and away from those one doesn't: none of them comes back.

        Each is an id, a text or a vector. A text is encoded as a document: it is an example of what is looked for. The
        query is the mean of what is liked, less half the mean of what isn't (Rocchio 1971); for the cosine all are
        scaled to length 1 before.
        """
        like, dislike = as_list("like=", like), as_list("dislike=", dislike)
        if not like:
            raise InputError("recommend needs at least one point in like=")
        located, own = self._located([*like, *dislike], encode_documents)
        vectors = self._checked(np.stack(located), direction=True)
        if self.metric == "cosine":
            vectors = queries.unit(vectors)
        target = vectors[: len(like)].mean(axis=0)
        if dislike:
            target = target - vectors[len(like) :].mean(axis=0) / 2
        skip = [id for ids in own for id in ids]
        title = title_of_sum(like, dislike)
        return self._search(target[None], [skip], [title], k, where, among, exact=exact)[0]

    def diversify(
        self, query: Query | None = None, k: int = 10, *, id: str | None = None, diversity: float = 0.3,
        candidates: int | None = None, where: str | None = None, among: Sequence[str] | None = None,
    ) -> Neighbors:  # fmt: skip
        """Find points near a query that aren't all alike: by maximal marginal relevance (Carbonell & Goldstein 1998).

        Parameters
        ----------
        diversity : float
            From 0, which is `search`, to 1, which only looks for difference.
        candidates : int, optional
            Of so many nearest points `k` are chosen; five times `k` by default.

        Returns
        -------
        Neighbors
            Highest score first, like all neighbours.
        """
        checks.number("diversity", diversity, high=1.0)
        checks.whole("k", k)
        most = checks.whole("candidates", 5 * k if candidates is None else candidates, low=k)
        pool = self.search(query, most, id=id, where=where, among=among)
        if not pool:
            return pool
        return pool.take(sorted(diverse(self._points.vectors(pool.ids), pool.scores, k, diversity)))

    def duplicates(
        self, min_score: float | None = None, *, max_pairs: int = _MOST_PAIRS, progress: bool = True
    ) -> pl.DataFrame:
        """Find all pairs of points that are nearly the same.

        Up to 20,000 points every pair is compared, and so it is with an exact index; a graph is walked otherwise.

        Parameters
        ----------
        min_score : float
            0.95 for the cosine; other metrics need one, since their scores depend on the vectors' lengths.
        max_pairs : int
            The best so many are kept; a warning says so where there are more.

        Returns
        -------
        polars.DataFrame
            ``a``, ``b`` (ids, `a` came first) and ``score``, highest first.
        """
        least = self._least(min_score, 0.95)
        checks.whole("max_pairs", max_pairs)
        local = self._local("duplicates")
        local.ready()
        view, engine = local.points.view, local.engine
        if isinstance(engine, HnswEngine) and view.live > _PAIRS_BY_COMPARING:
            found = engine.pairs(view, least, max_pairs, progress=progress)
            rows = np.arange(view.count)
        else:
            rows = view.live_rows()
            found = near_duplicates.compare_all_pairs(view.vectors(rows), self.metric, least, progress=progress)
        (a, b, scores), cut = near_duplicates.best_pairs(found, max_pairs)
        if cut:
            import warnings

            warnings.warn(
                f"there are more than max_pairs={max_pairs:,} pairs of at least {least:g}; the best ones are "
                f"given: raise min_score or max_pairs for all",
                SemspaceWarning,
                stacklevel=2,
            )
        ids = [pl.Series(name, view.ids(rows[side]), dtype=pl.String) for name, side in (("a", a), ("b", b))]
        return pl.DataFrame([*ids, pl.Series("score", scores)])

    # -- changing -----------------------------------------------------------------------------------------

    def add(self, ids: Sequence[str], vectors: npt.ArrayLike | Sequence[str], metadata: Any | None = None) -> None:
        """Add points. When this returns, an index opened from disk has written them down.

        Parameters
        ----------
        ids : n strings
        vectors : (n, dim) numbers, or n texts for the encoder
        metadata : DataFrame or mapping, optional
            A row for each, where the index has metadata; a column ``text`` is filled with the texts.

        Raises
        ------
        InputError
            If an id is there already, a vector has no direction, or the columns are others. Nothing is added then.
        """
        self._points.add(*self._given(ids, vectors, metadata))

    def update(self, ids: Sequence[str], vectors: npt.ArrayLike | Sequence[str], metadata: Any | None = None) -> None:
        """Give points of the index other vectors, and other metadata if it is given; see `add`.

        Raises
        ------
        UnknownIdError
            If one isn't there. Nothing is changed then.
        """
        self._points.update(*self._given(ids, vectors, metadata))

    def delete(self, ids: Sequence[str]) -> None:
        """Delete points. They take room until `compact`.

        Raises
        ------
        UnknownIdError
            If one isn't there. Nothing is deleted then.
        """
        names = checks.strings("ids", ids)
        checks.unique("ids", names)
        self._points.delete(names)

    def compact(self) -> None:
        """Build the index anew of its live points, as fast and as small as at first."""
        self._points.compact()

    # -- looking into it ----------------------------------------------------------------------------------

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
    def ids(self) -> npt.NDArray[np.object_]:
        """Ids by row, as `knn_query` gives rows; deleted ones are among them."""
        return np.array(self._local("ids").points.view.all_ids().to_list(), dtype=object)

    @property
    def encoder(self) -> TextEncoder | None:
        """What puts text into the index."""
        if self._bundle is not None:
            self._encoder, self._bundle = remembered(self._bundle), None
        return self._encoder

    @property
    def space(self) -> Space:
        """The live points as a space."""
        view = self._local("space").points.view
        if self._made_of is not None and view.untouched and view.ground.vectors is self._made_of.vectors:
            return self._made_of
        return view.space(self.encoder, self._provenance)

    def __len__(self) -> int:
        return len(self._points)

    def __contains__(self, id: object) -> bool:
        return isinstance(id, str) and self._points.present([id])[0]

    def report(self) -> IndexReport:
        """Return what was measured when the index was built: recall, also where it is smallest, and queries a second.

        The recall is that of queries like the points: `measure` takes other ones.
        """
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

    def measure(self, queries: Sequence[Query] | None = None, k: int = 10, *, seed: int = 0) -> float:
        """Measure recall on the index as it is now: the share of the true `k` nearest points that searches find.

        Every query is asked by itself, as `search` does, and its answer is held against `exact=True`. What scores as
        high as the last true one counts, whichever of equal points it is.

        Parameters
        ----------
        queries : sequence of texts or vectors, optional
            Best what will be asked: the recall promised by `Index.build` is that of queries like the points, and other
            ones (questions to an index of answers, sentences to one of titles) may find less. By default 200 of the
            index's own points, each without itself.
        k : int
        seed : int
            Decides which points are asked for.

        Examples
        --------
        >>> import semspace as ss
        >>> space = ss.Space.from_vectors(["cat", "dog", "car"], [[1, 1], [1, 0.8], [-1, 1]])
        >>> ss.Index.build(space).measure([[1, 0.9], [0, 1]], k=1)
        1.0
        """
        checks.whole("k", k)
        checks.seed(seed)
        if not len(self):
            raise InputError("the index has no live points, so there is nothing to measure; add some first")
        if queries is None:
            view = self._local("measure without queries").points.view
            rows = np.random.default_rng(seed).permutation(view.live_rows())[:200]
            vectors, own = view.vectors(rows), [[id] for id in view.ids(rows)]
        else:
            queries = as_list("measure", queries)
            if not queries:
                raise InputError("measure needs at least one query; without queries= it uses points of the index")
            located, own = self._located(queries)
            vectors = self._checked(np.stack(located))
        truth = self._points.nearest(vectors, k, skip=own, exact=True)
        hits = [
            self._points.nearest(vector[None], k, skip=[skip])[0] for vector, skip in zip(vectors, own, strict=True)
        ]
        return recall_of(truth, hits, k)

    def __repr__(self) -> str:
        made = f" by {clip(self._encoder.name, 40)}" if self._encoder is not None else ""
        return f"Index ({self.method}, {self.metric}) of {len(self):,} points in {self.dim} dimensions{made}"

    def _repr_html_(self) -> str:
        return self.report()._repr_html_() if isinstance(self._points, LocalCollection) else f"<p>{self!r}</p>"

    # -- on disk, and elsewhere ---------------------------------------------------------------------------

    def save(self, path: PathLike, *, overwrite: bool = False) -> None:
        """Save the index with its points as a bundle directory; see `semspace.save`."""
        local = self._local("save")
        local.ready()
        place = place_of(path)
        if overwrite and local.writes(place):
            local.fold()  # its journal goes on beside the new files
            return
        lock = Lock(place) if overwrite and Lock.path(place).exists() else None  # nobody else may be writing it
        try:
            with local.at_rest(), writing(place, KIND, overwrite=overwrite) as draft:
                draft.meta.update(self._meta(draft))
                local.write(draft)
        finally:
            if lock is not None:
                lock.release()

    @classmethod
    def open(
        cls,
        path: PathLike,
        *,
        writable: bool = False,
        space: Space | None = None,
        encoder: TextEncoder | None = None,
        verify: bool | None = None,
    ) -> Index:
        """Open a saved index: it is mapped, so that opening takes no time, whatever its size.

        Parameters
        ----------
        writable : bool
            Take `add`, `update`, `delete` and `compact`, which are then safe on the disk when they return. One process
            at a time may; others go on reading what was there when they opened it.
        space, encoder : optional
            What the index is to belong to; an error says where it doesn't. Texts go through `encoder`.
        verify : bool, optional
            Compare all checksums before (True) or not at all (False). By default those of a large index are compared
            while it is in use: from the moment damage is found, everything raises `DamagedError`.

        Raises
        ------
        MissingFileError
            If nothing is there.
        DamagedError
            If a file is missing, short or altered.
        InputError
            If it belongs to another space or encoder, or another process is writing it.
        """
        lock = Lock(place_of(path)) if writable and is_there(path) else None
        try:
            if lock is not None:
                tidy(path)
            bundle = opening(path, KIND, verify=False)
            if lock is not None and bundle.folder != place_of(path):
                os.replace(bundle.folder, place_of(path))  # a writer died between its two renames
                bundle = opening(path, KIND, verify=False)
            with bundle.reading():
                return cls._opened(bundle, lock, space, encoder, verify)
        except ReplacedError:
            if lock is not None:
                raise
            # Its writer has written it anew meanwhile.
            return cls.open(path, space=space, encoder=encoder, verify=verify)
        except BaseException:
            if lock is not None:
                lock.release()
            raise

    @classmethod
    def _opened(
        cls, bundle: Bundle, lock: Lock | None, space: Space | None, encoder: TextEncoder | None, verify: bool | None
    ) -> Index:
        facts = bundle.meta.facts("space")
        _check_belongs(bundle, facts, space, encoder)
        kind, settings = bundle.meta.text("engine"), bundle.meta.mapping("settings")
        metric = bundle.meta.get("metric") or settings.pop("metric")
        settings.pop("metric", None)
        with fitting(bundle, "a metric"):
            checks.choice("metric", metric, queries.METRICS)
        if kind not in METHODS:
            raise DamagedError(
                f"{bundle.folder} was built by an engine {kind!r} this semspace doesn't know; upgrade it"
            )
        given = encoder or (space.encoder if space is not None else None)
        index = cls(_NOTHING, given, provenance=facts.mapping("provenance"), bundle=None if given else bundle)
        index._origin = bundle.meta.get("origin", facts["fingerprint"])
        home = Home(bundle, place_of(bundle.folder), lock, verify, index._meta)
        points = read_points(bundle)

        def rebuild(fresh: Points) -> Engine:
            if kind == "exact":
                return ExactEngine(metric)
            recall = bundle.meta.get("tuning", {}).get("recall") or 0.95
            return HnswEngine.build(fresh, metric, recall=recall, settings=_known(settings))

        if kind == "hnsw" and not bundle.has("links.npy"):  # of the time when hnswlib kept the graph
            engine: Engine = rebuild(points)
        elif kind == "hnsw":
            engine = HnswEngine.read(bundle, points, metric, settings)
        else:
            engine = ExactEngine(metric)
        index._points = LocalCollection(points, engine, rebuild).live_at(home)
        return index

    def push(self, uri: str, collection: str, *, token: str | None = None, progress: bool = True) -> Index:
        """Move the points to a Milvus server, in batches; what is there already isn't sent again.

        Returns
        -------
        Index
            The one on the server; see `connect`.
        """
        from semspace.index.milvus_push import push

        local = self._local("push")
        space = self.space
        made = self.encoder
        facts = {
            "fingerprint": space.fingerprint,
            "encoder": made and encoder_facts(made),
            "provenance": self._provenance,
        }
        there = push(local, uri, collection, facts=facts, token=token, progress=progress)
        return Index(there, made, provenance=self._provenance)

    def close(self) -> None:
        """Let go of files and connections, and let other processes write."""
        self._points.close()

    def __enter__(self) -> Index:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # -- within -------------------------------------------------------------------------------------------

    def _meta(self, draft: Any = None) -> dict[str, Any]:
        local = self._local("save")
        return {
            "engine": self.method,
            "metric": self.metric,
            "settings": local.engine.settings(),
            "space": self._facts(draft),
            "origin": self._made_of.fingerprint if self._made_of is not None else self._origin,
        }

    def _facts(self, draft: Any) -> dict[str, Any]:
        """Return what a manifest says of the points as a space, without a copy of all of them."""
        view = self._local("save").points.view
        rows = view.live_rows()
        parts = (view.vectors(rows[start : start + _ROWS]) for start in range(0, len(rows), _ROWS))
        fingerprint = fingerprint_of(view.dim, view.all_ids().gather(rows).to_list(), parts)
        return manifest_facts(draft, view.live, view.dim, fingerprint, self.encoder, self._provenance)

    def _local(self, what: str) -> LocalCollection:
        if not isinstance(self._points, LocalCollection):
            raise InputError(f"{what} isn't there for an index on a server; use a local one, made by Index.build")
        return self._points

    def _one_query(self, query: Query | None, id: str | None) -> tuple[list[Floats1d], list[list[str]], list[str]]:
        """Return the vector of the only query, the ids to leave out, and the title, each in a list."""
        if (query is None) == (id is None):
            raise InputError("give either a query (an id, a text or a vector) or id=")
        if id is not None:
            if not isinstance(id, str):
                raise UnknownIdError(f"an id is a string; got {id!r}")
            return [self._points.vectors([id])[0]], [[id]], [id]
        assert query is not None
        return *self._located([query]), [title_of(query)]

    def _located(
        self, queries: Sequence[Query], encode: Encode = encode_queries
    ) -> tuple[list[Floats1d], list[list[str]]]:
        """Return the vector of each query and its id, if it is one, in a list; other strings are encoded as texts."""
        strings = [query for query in queries if isinstance(query, str)]
        ids = {string for string, there in zip(strings, self._points.present(strings), strict=True) if there}
        texts = checks.strings("texts", [string for string in strings if string not in ids])
        if texts and self.encoder is None:
            raise neither_id_nor_text(
                texts[0], f"this index of {len(self):,}", self._points.nearest_spellings(texts[0])
            )
        encoded = iter(encode(texts, self.encoder)) if texts else iter(())
        by_id = dict(zip(ids, self._points.vectors([*ids]), strict=True)) if ids else {}
        vectors, own = [], []
        for query in queries:
            known = isinstance(query, str) and query in ids
            own.append([str(query)] if known else [])
            if isinstance(query, str):
                vectors.append(by_id[query] if known else next(encoded))
            else:
                vectors.append(as_vector(query, self.dim))
        return vectors, own

    def _least(self, min_score: float | None, usual: float) -> float:
        if min_score is None and self.metric != "cosine":
            raise InputError(
                f"min_score must be given for the metric {self.metric!r}, whose scores know no usual range"
            )
        return checks.number("min_score", usual if min_score is None else min_score, low=float("-inf"))

    def _checked(self, matrix: Floats2d, *, direction: bool = False) -> Floats2d:
        if not len(matrix):
            return matrix
        zero = ~matrix.any(axis=1)
        if zero.any() and (direction or self.metric == "cosine"):
            raise InputError("a query is the zero vector, which has no direction; leave it out")
        checks.finite_rows("the vector", matrix[~zero], ["query"] * len(matrix))
        return matrix.astype(np.float32, copy=False)

    def _search(
        self,
        vectors: Floats2d | Sequence[Floats1d],
        own: Sequence[Sequence[str]] | None,
        titles: Sequence[str],
        k: int,
        where: str | None,
        among: Sequence[str] | None,
        *,
        exact: bool,
    ) -> list[Neighbors]:
        checks.whole("k", k)
        if among is not None:
            among = checks.strings("among", among)
        if where is not None and not isinstance(where, str):
            raise InputError(f'where must be a condition such as "year >= 2001"; got {where!r}')
        matrix = self._checked(np.stack(list(vectors)))
        hits = self._points.nearest(matrix, k, where=where, among=among, skip=own, exact=exact)
        return [_neighbors(title, found, self.metric) for title, found in zip(titles, hits, strict=True)]

    def _given(
        self, ids: Sequence[str], vectors: Any, metadata: Any | None
    ) -> tuple[list[str], Floats2d, pl.DataFrame | None]:
        """Check points that are to come: form and directions."""
        names = checks.strings("ids", ids)
        checks.unique("ids", names)
        table = None if metadata is None else as_polars(metadata)
        if isinstance(vectors, str) or not hasattr(vectors, "__iter__"):
            raise InputError(f"vectors must be a matrix of numbers, or a list of texts; got {type(vectors).__name__}")
        given: Any = vectors if isinstance(vectors, np.ndarray) else list(vectors)
        if len(given) and isinstance(given[0], str):
            table = self._with_texts(given, table)
            given = self._encoded(given)
        matrix = checks.matrix("vectors", given, dim=self.dim) if len(names) else np.empty((0, self.dim), np.float32)
        if len(matrix) != len(names):
            raise InputError(f"ids and vectors must be of one length; got {len(names)} ids and {len(matrix)} vectors")
        checks.finite_rows("the vector", matrix, np.array(names, object)) if len(names) else None
        return names, matrix, table

    def _encoded(self, texts: Sequence[str]) -> Floats2d:
        encoder = self.encoder
        texts = checks.strings("texts", texts)
        if encoder is None:
            raise InputError("this index has no encoder, so it can't take texts; give vectors")
        encode = getattr(encoder, "encode_documents", encoder.encode)
        encoded: Floats2d = encode(texts)
        return encoded

    def _with_texts(self, texts: Sequence[str], table: pl.DataFrame | None) -> pl.DataFrame | None:
        """Fill the column ``text`` of points that are given as texts."""
        if "text" not in self._points.columns or (table is not None and "text" in table.columns):
            return table
        column = pl.Series("text", list(texts), dtype=pl.String)
        return pl.DataFrame([column]) if table is None else table.with_columns(column)


def read_bundle(bundle: Bundle) -> Index:
    """Read the index in an opened bundle."""
    return Index._opened(bundle, None, None, None, False)


class _Nothing:
    """Stands in while an index is being opened."""


_NOTHING: Any = _Nothing()


def recall_of(truth: Sequence[Hits], hits: Sequence[Hits], k: int) -> float:
    """Return the mean recall of searches by id."""
    numbers: dict[str, int] = {}

    def arrays(results: Sequence[Hits]) -> Found:
        rows, scores = np.full((len(results), k), -1, np.int64), np.full((len(results), k), -np.inf, np.float32)
        for query, result in enumerate(results):
            n = len(result.ids)
            rows[query, :n] = [numbers.setdefault(id, len(numbers)) for id in result.ids]
            scores[query, :n] = result.scores
        return rows, scores

    (true_rows, true_scores), (rows, scores) = arrays(truth), arrays(hits)
    return float(queries.recalls(true_rows, rows, true_scores, scores).mean())


def _neighbors(title: str, hits: Hits, metric: str) -> Neighbors:
    return Neighbors(title, hits.ids, checks.frozen(hits.scores), metric, hits.metadata)


def _settings(method: str, given: Mapping[str, Any]) -> Settings | None:
    """Give the settings of a graph, or raise `InputError` for one that the kind doesn't have."""
    known = [field.name for field in fields(Settings)] if method == "hnsw" else []
    foreign = [name for name in given if name not in known]
    if foreign:
        have = f"it has {', '.join(known)}" if known else "it has none"
        raise InputError(f"the method {method!r} has no setting {foreign[0]!r}; {have}")
    return Settings(**given) if method == "hnsw" else None


def _known(settings: Mapping[str, Any]) -> Settings:
    """Take from saved settings those that a graph is built with today."""
    names = [field.name for field in fields(Settings)]
    return Settings(**{name: value for name, value in settings.items() if name in names})


def _check_belongs(bundle: Bundle, facts: Mapping[str, Any], space: Space | None, encoder: TextEncoder | None) -> None:
    """Raise where an index was made of another space, or by another encoder."""
    if space is not None and space.fingerprint not in (facts["fingerprint"], bundle.meta.get("origin")):
        raise InputError(
            f"{bundle.folder} was made of another space: fingerprint {facts['fingerprint'][:8]}, and this one has "
            f"{space.fingerprint[:8]}; open it without space=, or build an index of this one"
        )
    made = facts["encoder"]
    if encoder is not None and (not made or encoder.fingerprint != made["fingerprint"]):
        by = f"by {made['name']!r} of fingerprint {made['fingerprint'][:8]}" if made else "without an encoder"
        raise InputError(
            f"the vectors in {bundle.folder} were made {by}, and {encoder.name!r} has {encoder.fingerprint[:8]}; their "
            f"vectors can't be compared: open it without encoder=, or encode the texts again"
        )
