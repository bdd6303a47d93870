"""`Index`: the neighbours of text, ids and vectors, over an engine that finds rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from inspect import signature
from typing import Any

import numpy as np
import polars as pl

from semspace import checks, queries
from semspace.bundle import Bundle, PathLike, opening, writing
from semspace.checks import FloatVector
from semspace.errors import DamagedError, InputError
from semspace.index.base import Engine, EngineMaker
from semspace.index.exact import ExactEngine
from semspace.index.hnsw import HnswEngine
from semspace.neighbors import Neighbors
from semspace.sentences.reference import remembered
from semspace.space import Query, Space, label
from semspace.text.where import matching

KIND = "index"
ENGINES: dict[str, EngineMaker] = {
    "exact": EngineMaker(ExactEngine.build, ExactEngine.read),
    "hnsw": EngineMaker(HnswEngine.build, HnswEngine.read),
}
# Below this many points comparing with every one is faster than walking a graph, and exact.
SMALL = 5_000


@dataclass(frozen=True, eq=False, repr=False)
class Index:
    """Fast neighbours over a space. Make one with `Index.build`, open a saved one with `Index.open`.

    Examples
    --------
    >>> import semspace as ss
    >>> space = ss.Space.from_vectors(["cat", "dog", "car"], [[1, 1], [1, 0.8], [-1, 1]])
    >>> index = ss.Index.build(space)
    >>> index.search(id="cat", k=1).ids
    ('dog',)
    """

    space: Space
    engine: Engine

    @classmethod
    def build(
        cls, space: Space, kind: str = "auto", *, metric: str = "cosine", progress: bool = True, **settings: Any
    ) -> Index:
        """Build an index over a space.

        Parameters
        ----------
        space : Space
        kind : {"auto", "exact", "hnsw"}
            ``"auto"`` compares with every point up to 5,000 points, where that is fastest, and builds an HNSW
            graph beyond.
        metric : {"cosine", "dot", "euclidean"}
        settings
            For ``"hnsw"``: ``m`` (16), ``ef_construction`` (200), ``ef`` (64), ``threads`` (all cores; 1 gives the
            same graph every time) and ``seed`` (1).
        """
        if not isinstance(space, Space):
            raise InputError(f"Index.build takes a Space; got {type(space).__name__}: see Space.from_vectors")
        checks.choice("kind", kind, ("auto", *ENGINES))
        checks.choice("metric", metric, queries.METRICS)
        chosen = ("exact" if len(space) <= SMALL else "hnsw") if kind == "auto" else kind
        known = signature(ENGINES[chosen].build).parameters
        foreign = [name for name in settings if name not in known]
        if foreign:
            raise InputError(
                f"the index kind {chosen!r} has no setting {foreign[0]!r}; it has {', '.join([*known][2:])}"
            )
        return cls(space, ENGINES[chosen].build(space, metric, progress=progress, **settings))

    # -- asking -------------------------------------------------------------------------------------------

    def search(
        self, query: Query | None = None, k: int = 10, *, id: str | None = None, where: str | None = None
    ) -> Neighbors:
        """Find the points nearest to a text, a vector, or the point of an id.

        Parameters
        ----------
        query : str or vector of shape (dim,)
            A text goes through the space's encoder.
        k : int
            How many; fewer come back where fewer are there.
        id : str
            Instead of `query`: a point of the space, which won't come back itself.
        where : str, optional
            A condition on the metadata and the ``id``, such as ``"year >= 2001 and label = 'sport'"``. The points
            for which it holds are searched exactly.

        Raises
        ------
        UnknownIdError
            If there is no such id.
        InputError
            If `where` can't be used, or the space has no encoder for a text.
        """
        if (query is None) == (id is None):
            raise InputError("give either a query (a text or a vector) or id=")
        if id is not None:
            row = self.space.row(id)
            return self._search([self.space.vectors[row]], [[row]], [id], k, where)[0]
        assert query is not None
        return self.search_batch([query], k, where=where)[0]

    def search_batch(self, asked: Sequence[Query], k: int = 10, *, where: str | None = None) -> list[Neighbors]:
        """Find the points nearest to each text or vector, in one pass; see `search`."""
        if isinstance(asked, str):
            raise InputError("search_batch takes a list of queries; for one, use search")
        asked = list(asked)
        if not asked:
            return []
        vectors = self._vectors(asked)
        return self._search(vectors, [[] for _ in vectors], [label(q) for q in asked], k, where)

    def _vectors(self, asked: Sequence[Query]) -> list[FloatVector]:
        texts = [q for q in asked if isinstance(q, str)]
        encoded = iter(self.space.encode(texts)) if texts else iter(())
        return [next(encoded) if isinstance(q, str) else self.space.locate(q)[0] for q in asked]

    def _search(
        self,
        vectors: Sequence[FloatVector],
        own: Sequence[Sequence[int]],
        titles: Sequence[str],
        k: int,
        where: str | None,
    ) -> list[Neighbors]:
        checks.whole("k", k)
        matrix = np.stack(vectors).astype(np.float32, copy=False)
        if self.metric == "cosine" and not matrix.any(axis=1).all():
            raise InputError("a query is the zero vector, which has no direction; leave it out")
        if where is not None:
            return self._search_where(matrix, own, titles, k, where)
        extra = max(len(rows) for rows in own)
        found = []
        for title, skip, (rows, scores) in zip(titles, own, self.engine.search(matrix, k + extra), strict=True):
            keep = ~np.isin(rows, skip)
            found.append(self.space.neighbors(title, rows[keep][:k], scores[keep][:k], self.metric))
        return found

    def _search_where(
        self, matrix: Any, own: Sequence[Sequence[int]], titles: Sequence[str], k: int, where: str
    ) -> list[Neighbors]:
        space = self.space
        if space.metadata is None:
            raise InputError(
                f"where={where!r} needs metadata, and this space has none; embed a corpus that has columns"
            )
        columns = space.metadata
        if "id" not in columns.columns:
            columns = columns.with_columns(pl.Series("id", space.ids.tolist(), dtype=pl.String))
        rows = np.flatnonzero(matching(columns, where).to_numpy())
        place = {int(row): i for i, row in enumerate(rows)}
        skip = [[place[row] for row in own_rows if row in place] for own_rows in own]
        names = space.ids[rows]
        found = queries.nearest(
            space.vectors[rows], space.sizes[rows], matrix, k, names=names, metric=self.metric, skip=skip
        )
        return [space.neighbors(t, rows[near], own, self.metric) for t, (near, own) in zip(titles, found, strict=True)]

    # -- looking into it ----------------------------------------------------------------------------------

    @property
    def kind(self) -> str:
        """Which engine finds the rows: ``"exact"`` or ``"hnsw"``."""
        return self.engine.kind

    @property
    def metric(self) -> str:
        """``"cosine"``, ``"dot"`` or ``"euclidean"``."""
        return self.engine.metric

    def __len__(self) -> int:
        return len(self.space)

    def __repr__(self) -> str:
        settings = ", ".join(f"{name}={value}" for name, value in self.engine.settings().items())
        return f"Index ({self.kind}: {settings}) of {len(self):,} points in {self.space.dim} dimensions"

    # -- on disk ------------------------------------------------------------------------------------------

    def save(self, path: PathLike, *, overwrite: bool = False) -> None:
        """Save index and space together as a bundle directory; see `semspace.save`."""
        with writing(path, KIND, overwrite=overwrite) as draft:
            draft.meta.update(engine=self.kind, settings=self.engine.settings())
            self.space.write(draft)
            self.engine.write(draft)

    @classmethod
    def open(cls, path: PathLike, *, verify: bool = True) -> Index:
        """Open a saved index; its encoder is loaded at the first text that is asked."""
        return cls.from_bundle(opening(path, KIND, verify=verify))

    @classmethod
    def from_bundle(cls, bundle: Bundle) -> Index:
        """Take an index out of an opened bundle."""
        space = Space.from_bundle(bundle, remembered(bundle))
        kind = bundle.meta["engine"]
        if kind not in ENGINES:
            raise DamagedError(
                f"{bundle.folder} was built by an engine {kind!r} this semspace doesn't know; upgrade it"
            )
        return cls(space, ENGINES[kind].read(bundle, space, dict(bundle.meta["settings"])))
