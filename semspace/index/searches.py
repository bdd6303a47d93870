"""`SearchMethods`: the searches of an `Index`, which are the same for local points and for those on a server."""

from __future__ import annotations

import os
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from semspace import checks
from semspace.deprecation import renamed_parameters
from semspace.errors import InputError
from semspace.index.answering import SearchPlan
from semspace.index.collection import Collection
from semspace.index.fusion import Fusion
from semspace.index.liked_density import LikedDensity, densest
from semspace.index.local_collection import LocalCollection
from semspace.index.mmr import diverse
from semspace.index.query import (
    Queries,
    above,
    checked_min_score,
    checked_scope,
    checked_vectors,
    mean_of,
    measured_recall,
    nearest_points,
    read_examples,
    read_queries,
    read_query,
    rounding,
)
from semspace.index.refreshing import Refresher
from semspace.index.source import SpaceSource
from semspace.neighbors import Neighbors
from semspace.peer_names import answers_peer_parameters
from semspace.queries import Query, as_examples, as_list
from semspace.sentences.reranker import Reranker, get_reranker
from semspace.threads import limited
from semspace.types import Floats2d, Ints2d

MAX_THREADS = 1_024
_MAX_COLUMNS = 100_000  # of the result of `knn_query`, where there are fewer points
_N_MEASURED = 200  # points that `measure` searches for by default


class SearchMethods:
    """Search methods over a collection of points, and the encoder of their space."""

    def __init__(self, points: Collection, source: SpaceSource, refresher: Refresher | None = None) -> None:
        self._points = points
        self._source = source
        self._refresher = refresher

    @answers_peer_parameters
    def search(
        self,
        query: Query | None = None,
        k: int = 10,
        *,
        id: str | None = None,
        where: str | None = None,
        among: Sequence[str] | None = None,
        exact: bool = False,
        hybrid: bool | None = None,
        fusion: str = "weighted",
        alpha: float = 0.5,
        rerank: str | os.PathLike[str] | Reranker | None = None,
        candidates: int | None = None,
    ) -> Neighbors:
        """Find the points nearest to an id, a text or a vector.

        Where the points have texts (a column ``text`` of the metadata), a text is searched for by its meaning and by
        its words, so that names, codes and rare words are found: a hybrid search. `Neighbors.metric` says what the
        scores are.

        An HNSW index finds the share of them that it was built for (`recall`), for queries like its points; for others
        `measure(queries)` returns the share. ``exact=True`` finds all.

        Parameters
        ----------
        query : str or vector of shape (dim,)
            A string is an id of the index (which isn't returned itself) or else a text for the encoder.
        k : int
            Number of neighbours; a smaller index has fewer.
        id : str
            Instead of `query`: a point of the index, which isn't returned itself.
        where : str, optional
            A condition on the metadata and the ``id``, such as ``"year >= 2001 and label = 'sport'"``.
        among : sequence of str, optional
            Search only among these ids; those that the index hasn't got are passed over.
        exact : bool
            Compare with every point, which is slow.
        hybrid : bool, optional
            Whether the words of a text count beside its meaning. By default they do where the query is a text and the
            points have texts; ids and vectors are compared as vectors alone. The words of the points' texts are
            counted at the first such search, and those of new points at the next one.
        fusion : {"weighted", "rrf"}
            How both rankings become one: by their scores, each scaled to 0 to 1 (the metric ``"hybrid"``), or by their
            reciprocal ranks (``"rrf"``).
        alpha : float
            The share of the meaning in a hybrid search, from 0 (BM25 alone, whose scores are shown) to 1.
        rerank : str, path or Reranker, optional
            What ranks the best points again by reading their texts: ``"maxsim"``, which compares tokens by the index's
            encoder (`semspace.MaxSim`), or the folder of a cross-encoder (`semspace.CrossEncoder`).
        candidates : int, optional
            Number of points that are ranked again; 50 by default, or `k` if it is more.

        Raises
        ------
        UnknownIdError
            If there is no such id; or a string is not an id, and the index has no encoder to read it as a text.
        InputError
            If `where` can't be used; or with ``hybrid=True`` or `rerank`, the points have no texts or the query isn't
            one.

        Examples
        --------
        >>> import semspace as ss
        >>> texts = ["a red cat sleeps", "the dog barks", "part AX-7 of a pump"]
        >>> words = ss.Space.from_vectors(["cat", "dog", "pump", "part"], [[1, 0.2], [1, 0], [-1, 1], [-1, 0.9]])
        >>> encoder = ss.WordAverage(words, frequencies="zipf", remove_common=False)
        >>> index = ss.Index.build(encoder.embed(ss.Corpus.from_texts(texts), progress=False))
        >>> found = index.search("which part is AX-7?", k=1)
        >>> found.ids, found.metric
        (('2',), 'hybrid')
        """
        points = self._up_to_date()
        plan = self._plan(k, where, among, exact, hybrid, fusion, alpha, rerank, candidates)
        asked = read_query(points, self._source.encoder, query, id, words_only=plan.is_words_only(points))
        return plan.answer(points, asked)[0]

    def _plan(
        self, k: int, where: str | None, among: Sequence[str] | None, exact: bool, hybrid: bool | None, fusion: str,
        alpha: float, rerank: str | os.PathLike[str] | Reranker | None, candidates: int | None,
    ) -> SearchPlan:  # fmt: skip
        reranker = get_reranker(rerank, self._source.encoder)
        return SearchPlan(k, where, among, exact, hybrid, Fusion(fusion, alpha), reranker, candidates)

    @renamed_parameters(asked="queries")
    @answers_peer_parameters
    def search_batch(
        self,
        queries: Sequence[Query],
        k: int = 10,
        *,
        where: str | None = None,
        among: Sequence[str] | None = None,
        exact: bool = False,
        hybrid: bool | None = None,
        fusion: str = "weighted",
        alpha: float = 0.5,
        rerank: str | os.PathLike[str] | Reranker | None = None,
        candidates: int | None = None,
        threads: int | None = None,
    ) -> list[Neighbors]:
        """Find the points nearest to each query in one pass; see `search`.

        By default a query that is a text is searched for by its words, too, and one that is an id or a vector isn't;
        each result's ``metric`` says how.

        Parameters
        ----------
        threads : int, optional
            All cores by default.
        """
        if threads is not None:
            checks.whole("threads", threads, high=MAX_THREADS)
        queries = as_list("search_batch", queries)
        if not queries:
            return []
        points = self._up_to_date()
        with limited(threads):
            plan = self._plan(k, where, among, exact, hybrid, fusion, alpha, rerank, candidates)
            words_only = plan.is_words_only(points)
            return plan.answer(points, read_queries(points, self._source.encoder, queries, words_only=words_only))

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
    ) -> tuple[Ints2d, Floats2d]:
        """Find neighbours as plain arrays, like hnswlib's; nearest first, higher scores are nearer.

        Parameters
        ----------
        vectors : (m, dim) float32
        ef : int, optional
            Size of the candidate list of the search, instead of the measured one.
        threads : int, optional
            All cores by default.

        Returns
        -------
        rows : (m, k) int64
            Positions in `ids`; -1 where there are fewer neighbours.
        scores : (m, k) float32
            ``-inf`` where there are fewer.
        """
        self._up_to_date()
        local = self._local("knn_query")
        matrix = checks.matrix("vectors", vectors, dim=local.dim)
        matrix = checked_vectors(matrix, ["vector"] * len(matrix), local.metric)
        checks.whole("k", k, high=max(len(local), _MAX_COLUMNS))
        checks.flag("exact", exact)
        if ef is not None:
            checks.whole("ef", ef)
        if threads is not None:
            checks.whole("threads", threads, high=MAX_THREADS)
        rows, scores = local.find(matrix, k, where, among, exact=exact, ef=ef, threads=threads)
        if (missing := k - rows.shape[1]) > 0:
            rows = np.pad(rows, ((0, 0), (0, missing)), constant_values=-1)
            scores = np.pad(scores, ((0, 0), (0, missing)), constant_values=-np.inf)
        return rows, scores

    def range_search(
        self, query: Query | None = None, min_score: float | None = None, *, id: str | None = None, where: str | None =
        None, among: Sequence[str] | None = None, exact: bool = False,
    ) -> Neighbors:  # fmt: skip
        """Find all points that score at least `min_score` (0.5 by default for the cosine); see `search`.

        Examples
        --------
        >>> import semspace as ss
        >>> space = ss.Space.from_vectors(["cat", "dog", "car"], [[1, 1], [1, 0.8], [-1, 1]])
        >>> ss.Index.build(space).range_search(id="cat", min_score=0.9).ids
        ('dog',)
        """
        points = self._up_to_date()
        lowest = checked_min_score(min_score, 0.5, points.metric)
        asked = self._query(points, query, id)
        k = 64
        while True:
            nearest = nearest_points(points, asked, k, where, among, exact=exact)[0]
            if len(nearest) < k or nearest.scores[-1] < lowest - rounding(lowest):
                return above(points, asked.vectors[0], nearest, lowest)
            k *= 4

    def recommend(
        self, like: Sequence[Query] | Query, dislike: Sequence[Query] | Query = (), k: int = 10, *, where: str | None =
        None, among: Sequence[str] | None = None, exact: bool = False, method: str = "density", diversity: float = 0.0,
    ) -> Neighbors:  # fmt: skip
        """Find points for someone who likes some examples and not others, without these examples.

        Parameters
        ----------
        like, dislike : list of examples, or one
            An example is an id, a text or a vector. A text is encoded as a document, since it is an example of what
            is searched for.
        k : int
        where : str, optional
            A condition on the metadata and the ``id``, as in `search`.
        among : sequence of str, optional
            Only these ids.
        exact : bool
            Compare with every point. Otherwise an index that is searched (HNSW, Milvus) takes as candidates what it
            finds near each liked example, five times `k` of each.
        method : {"density", "mean"}
            ``"density"``: the log of the density of liked examples at a point, minus a quarter of that of disliked
            ones (a kernel density, of ``exp(10 · cosine)``). Someone who likes two kinds of documents gets both.
            ``"mean"``: the points nearest to the mean of `like` minus half the mean of `dislike` (Rocchio 1971), as
            before this parameter came.
        diversity : float
            From 0, which takes the best, to 1, which only avoids similarity: how far the points are to differ from
            each other, as in `diversify`; chosen among the best five times `k`.

        Returns
        -------
        Neighbors
            Highest score first. With ``"density"``, the score is a tenth of the logarithms; for a single example it is
            the cosine.

        Examples
        --------
        >>> import semspace as ss
        >>> vectors = [[1, 0], [1, 0.2], [0, 1], [0.2, 1], [1, 1]]
        >>> index = ss.Index.build(ss.Space.from_vectors(["cat", "dog", "car", "bus", "catbus"], vectors))
        >>> index.recommend(["cat", "car"], k=2).ids
        ('bus', 'dog')
        >>> index.recommend(["cat", "car"], k=2, method="mean").ids
        ('catbus', 'bus')
        """
        like, dislike = as_examples("like", like), as_examples("dislike", dislike)
        if not like:
            raise InputError("recommend needs at least one point in like=")
        checks.choice("method", method, ("density", "mean"))
        checks.number("diversity", diversity, high=1.0)
        among = checked_scope(k, where, among)
        points = self._up_to_date()
        asked = read_examples(points, self._source.encoder, like, dislike)
        n_candidates = 5 * k if diversity else k
        if method == "mean":
            found = nearest_points(points, mean_of(asked), n_candidates, where, among, exact=exact)[0]
        else:
            density = LikedDensity(asked.like, asked.dislike, points.metric)
            hits = densest(points, density, asked.skip, n_candidates, where, among, exact=exact)
            found = Neighbors(asked.title, hits.ids, hits.scores, method, hits.metadata)
        return self._diverse(found, k, diversity) if diversity else found

    def diversify(
        self, query: Query | None = None, k: int = 10, *, id: str | None = None, diversity: float = 0.3,
        candidates: int | None = None, where: str | None = None, among: Sequence[str] | None = None,
    ) -> Neighbors:  # fmt: skip
        """Find points that are near a query and unlike each other (maximal marginal relevance).

        Parameters
        ----------
        diversity : float
            From 0, which is `search`, to 1, which only avoids similarity.
        candidates : int, optional
            Number of nearest points to choose from; five times `k` by default.

        Returns
        -------
        Neighbors
            Highest score first.
        """
        checks.number("diversity", diversity, high=1.0)
        checks.whole("k", k)
        n_candidates = checks.whole("candidates", 5 * k if candidates is None else candidates, low=k)
        return self._diverse(
            self.search(query, n_candidates, id=id, where=where, among=among, hybrid=False), k, diversity
        )

    def _diverse(self, pool: Neighbors, k: int, diversity: float) -> Neighbors:
        if not pool:
            return pool
        return pool.take(sorted(diverse(self._points.vectors(pool.ids), pool.scores, k, diversity)))

    def measure(self, queries: Sequence[Query] | None = None, k: int = 10, *, seed: int = 0) -> float:
        """Measure recall on the index as it is now: the share of the true `k` nearest points that searches find.

        Every query is searched for by itself, as by `search`, and the result is compared with that of ``exact=True``.
        A point that scores as high as the last true one counts as found, since equal points are interchangeable.

        Parameters
        ----------
        queries : sequence of ids, texts or vectors, optional
            Best those of the application: the recall that `Index.build` promises is that of queries like the points,
            and others (questions to an index of answers, sentences to an index of titles) may find less. By default
            200 points of the index, each without itself.
        k : int
        seed : int
            Chooses the points.

        Examples
        --------
        >>> import semspace as ss
        >>> space = ss.Space.from_vectors(["cat", "dog", "car"], [[1, 1], [1, 0.8], [-1, 1]])
        >>> ss.Index.build(space).measure([[1, 0.9], [0, 1]], k=1)
        1.0
        """
        checks.whole("k", k)
        checks.seed(seed)
        points = self._up_to_date()
        if not len(points):
            raise InputError("the index has no live points, so there is nothing to measure; add some first")
        if queries is None:
            view = self._local("measure without queries").points.view
            rows = np.random.default_rng(seed).permutation(view.live_rows())[:_N_MEASURED]
            ids = view.ids(rows)
            asked = Queries(view.vectors(rows), [[id] for id in ids], ids)
        else:
            queries = as_list("measure", queries)
            if not queries:
                raise InputError("measure needs at least one query; without queries= it uses points of the index")
            asked = read_queries(points, self._source.encoder, queries)
        checked_vectors(asked.vectors, asked.titles, points.metric)
        return measured_recall(points, asked, k)

    def refresh(self) -> bool:
        """Update an index that is open for reading to what its writer has acknowledged; return whether it changed.

        If nothing has changed, this takes some microseconds: two files are looked at. Other threads may search
        meanwhile. An index in memory, one that is open for writing and one on a server are always up to date.

        Raises
        ------
        DamagedError
            If what was written since is damaged.
        InputError
            If the index was closed, or replaced by one of another space or encoder than was given to `Index.open`.

        Examples
        --------
        >>> import semspace as ss
        >>> ss.Index.build(ss.Space.from_vectors(["cat", "dog"], [[1, 1], [1, 0.8]])).save("pets.index")
        >>> reader, writer = ss.Index.open("pets.index"), ss.Index.open("pets.index", writable=True)
        >>> writer.add(["lion"], [[1, 0.9]])
        >>> "lion" in reader, reader.refresh(), "lion" in reader
        (False, True, True)
        >>> writer.close()
        """
        if self._refresher is None:
            return False
        points, changed = self._refresher.refreshed(lambda: self._local("refresh"))
        if points is not self._points:
            self._points, self._source = points, points.source
        return changed

    def _up_to_date(self) -> Collection:
        """Return the points, brought up to date if the index was opened with ``refresh="auto"`` and it is time."""
        if self._refresher is not None and self._refresher.is_due():
            self.refresh()
        return self._points

    def _query(self, points: Collection, query: Query | None, id: str | None) -> Queries:
        return read_query(points, self._source.encoder, query, id)

    def _local(self, what: str) -> LocalCollection:
        if not isinstance(self._points, LocalCollection):
            raise InputError(f"{what} isn't possible with an index on a server; use a local one, made by Index.build")
        return self._points
