"""How a search is done: by meaning, or by meaning and words, and ranked again or not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from semspace import checks
from semspace.errors import InputError
from semspace.index.collection import Collection
from semspace.index.fusion import Fusion
from semspace.index.local_collection import LocalCollection
from semspace.index.query import Queries, checked_scope, checked_vectors, nearest_points
from semspace.index.reranking import rerank_neighbors
from semspace.neighbors import Neighbors
from semspace.sentences.reranker import Reranker

_CANDIDATES = 50  # points that are ranked again, if k isn't larger


@dataclass(frozen=True)
class SearchPlan:
    """What a search is asked for, after a check of its form.

    Parameters
    ----------
    k : int
    where, among, exact
        See `Index.search`.
    hybrid : bool, optional
        Whether the words of the queries count; None: where a query is a text, and the points have texts.
    fusion : Fusion
        How both rankings become one.
    reranker : Reranker, optional
    candidates : int, optional
        Number of points that the reranker ranks again.
    """

    k: int
    where: str | None
    among: Sequence[str] | None
    exact: bool
    hybrid: bool | None
    fusion: Fusion
    reranker: Reranker | None = None
    candidates: int | None = None

    def __post_init__(self) -> None:
        checks.whole("k", self.k)
        checks.flag("exact", self.exact)
        if self.hybrid is not None:
            checks.flag("hybrid", self.hybrid)
        if self.hybrid is False and self.fusion not in (Fusion(), Fusion(alpha=1)):
            given = "alpha=" if self.fusion.method == Fusion().method else "fusion="
            raise InputError(f"{given} fuses meaning and words, which hybrid=False excludes; leave it out")
        if self.candidates is None:
            return
        if self.reranker is None:
            raise InputError("candidates= says how many points are ranked again; give rerank=, too")
        checks.whole("candidates", self.candidates, low=self.k)

    def is_words_only(self, points: Collection) -> bool:
        """Whether texts are searched for by their words alone, so that they need no vector."""
        local = isinstance(points, LocalCollection) and points.has_texts
        return local and self.hybrid is not False and self.fusion.alpha == 0

    def answer(self, points: Collection, asked: Queries) -> list[Neighbors]:
        """Return the result of each query."""
        if self.reranker is None:
            return self._found(points, asked, self.k)
        texts = _all_texts(points, asked, "rerank=")
        found = self._found(points, asked, self.candidates or max(self.k, _CANDIDATES))
        return [rerank_neighbors(self.reranker, text, one, self.k) for text, one in zip(texts, found, strict=True)]

    def _found(self, points: Collection, asked: Queries, k: int) -> list[Neighbors]:
        if self.hybrid is False:
            return nearest_points(points, asked, k, self.where, self.among, exact=self.exact)
        if self.hybrid:
            _local(points)
            _all_texts(points, asked, "hybrid=True")
        has_words = isinstance(points, LocalCollection) and points.has_texts
        by_words = [i for i, text in enumerate(asked.texts) if text is not None and has_words]
        others = [i for i in range(len(asked.texts)) if i not in set(by_words)]
        results: dict[int, Neighbors] = {}
        if others:
            found = nearest_points(points, asked.take(others), k, self.where, self.among, exact=self.exact)
            results.update(zip(others, found, strict=True))
        if by_words:
            found = self._fused(_local(points), asked.take(by_words), k)
            results.update(zip(by_words, found, strict=True))
        return [results[i] for i in range(len(asked.texts))]

    def _fused(self, points: LocalCollection, asked: Queries, k: int) -> list[Neighbors]:
        among = checked_scope(k, self.where, self.among)
        vectors = asked.vectors
        if self.fusion.alpha > 0:
            vectors = checked_vectors(vectors, asked.titles, points.metric)
        texts = [text for text in asked.texts if text is not None]
        hits = points.fused(vectors, texts, k, self.fusion, where=self.where, among=among, exact=self.exact)
        return [
            Neighbors(title, one.ids, checks.frozen(one.scores), self.fusion.metric, one.metadata)
            for title, one in zip(asked.titles, hits, strict=True)
        ]


def _local(points: Collection) -> LocalCollection:
    if not isinstance(points, LocalCollection):
        raise InputError(
            "hybrid search isn't possible with an index on a server, whose words aren't counted here; leave "
            "hybrid=True out, or use a local index, made by Index.build"
        )
    return points


def _all_texts(points: Collection, asked: Queries, what: str) -> list[str]:
    """Return the texts of queries that all are texts, over points that have texts; or raise `InputError`."""
    texts = [text for text in asked.texts if text is not None]
    if len(texts) < len(asked.titles):
        other = next(title for title, text in zip(asked.titles, asked.texts, strict=True) if text is None)
        kind = "a vector" if other == "vector" else f"the id {other[:40]!r}"
        raise InputError(f"{what} compares words, so each query must be a text; got {kind}: leave {what} out for it")
    if "text" not in points.columns or (isinstance(points, LocalCollection) and not points.has_texts):
        raise InputError(
            f"{what} needs the texts of the points, as a column 'text' of their metadata, and this index has none; "
            "build it from encoder.embed(corpus), or Space.from_vectors(ids, vectors, {'text': texts})"
        )
    return texts
