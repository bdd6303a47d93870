"""How an index of a space is built: by which method, with which settings, and with the queries that are known."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields
from typing import TYPE_CHECKING, Any

from semspace import checks
from semspace.errors import InputError
from semspace.index.engine import Engine
from semspace.index.exact import ExactEngine
from semspace.index.local_collection import LocalCollection
from semspace.index.points import FrozenPoints, PointTable
from semspace.index.query import checked_vectors, read_queries
from semspace.index.source import SpaceSource
from semspace.queries import METRICS, Query, as_list
from semspace.space import Space
from semspace.threads import MAX_THREADS
from semspace.types import Floats2d

if TYPE_CHECKING:  # numba, which an index without a graph doesn't need, takes a third of a second to import
    from semspace.index.foreign.hnswlib_engine import HnswlibEngine
    from semspace.index.hnsw import HnswEngine, HnswSettings

# Up to this many points, comparing with every point is about as fast as searching a graph, and exact.
SMALL = 5_000


def build_collection(
    space: Space,
    method: str,
    *,
    recall: float,
    metric: str,
    backend: str,
    queries: Sequence[Query] | None,
    threads: int | None,
    progress: bool,
    settings: Mapping[str, Any],
) -> LocalCollection:
    """Build an engine over the points of a space; see `Index.build`."""
    if threads is not None:
        checks.whole("threads", threads, high=MAX_THREADS)
    checks.flag("progress", progress)
    chosen = _chosen_method(space, method, recall, metric, backend)
    if backend == "hnswlib" and queries is not None:
        raise InputError("queries= tunes the native graph; leave it or backend='hnswlib' out")
    points = PointTable(FrozenPoints.of_space(space))
    source = SpaceSource(space.encoder, space.provenance, space=space)
    if backend == "hnswlib":
        built = _built_by_hnswlib(points, metric, recall, settings, threads, progress=progress)
        return LocalCollection(points, built, own_builder(metric, recall), source)
    graph_settings = _graph_settings(chosen, settings)
    known = None if queries is None else _known_queries(points, metric, source, queries)

    def build_engine(points: PointTable) -> Engine:
        if graph_settings is None:
            return ExactEngine(metric)
        from semspace.index.hnsw import HnswEngine

        return HnswEngine.build(
            points, metric, recall=recall, settings=graph_settings, queries=known, threads=threads, progress=progress
        )

    return LocalCollection(points, build_engine(points), build_engine, source)


def _chosen_method(space: Space, method: str, recall: float, metric: str, backend: str) -> str:
    """Return the method that the arguments lead to, ``"exact"`` or ``"hnsw"``, or raise `InputError`."""
    if not isinstance(space, Space):
        raise InputError(
            f"Index.build takes a Space; got {type(space).__name__}: encode a corpus with Encoder.embed, or "
            "create a Space with Space.from_vectors"
        )
    checks.choice("method", method, ("auto", "exact", "hnsw"))
    checks.choice("metric", metric, METRICS)
    checks.choice("backend", backend, ("native", "hnswlib"))
    checks.number("recall", recall, high=1.0, open_low=True)
    if backend == "hnswlib" and method == "exact":
        raise InputError("backend='hnswlib' builds a graph, and method='exact' has none; leave one of them out")
    small = len(space) <= SMALL or recall == 1 or space.precision != "float32"
    chosen = ("exact" if small and backend == "native" else "hnsw") if method == "auto" else method
    if chosen == "hnsw" and space.precision != "float32":
        raise InputError(
            f"a graph (hnsw) is built over float32 vectors, which it stores as bytes itself, and this space is "
            f"stored as {space.precision}; take method='exact', or space.quantize('float32')"
        )
    return chosen


def own_builder(metric: str, recall: float, **settings: Any) -> Callable[[PointTable], HnswEngine]:
    """Return a function that builds a graph of semspace's own."""
    from semspace.index.hnsw import HnswEngine, HnswSettings

    return lambda points: HnswEngine.build(
        points, metric, recall=recall, settings=HnswSettings(**settings), progress=False
    )


def _built_by_hnswlib(
    points: PointTable, metric: str, recall: float, settings: Mapping[str, Any], threads: int | None, *, progress: bool
) -> HnswlibEngine:
    """Build a graph with hnswlib, or raise `InputError` for a setting that it doesn't have."""
    from semspace.index.foreign import hnswlib_bridge
    from semspace.index.foreign.hnswlib_engine import HnswlibSettings

    _check_settings("hnswlib", settings, [field.name for field in fields(HnswlibSettings)])
    return hnswlib_bridge.build_engine(
        points, metric, recall=recall, settings=HnswlibSettings(**settings), threads=threads, progress=progress
    )


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


def _known_queries(points: PointTable, metric: str, source: SpaceSource, queries: Sequence[Query]) -> Floats2d:
    """Return the vectors of queries that are known when an index is built."""
    known = as_list("queries", queries)
    if not known:
        raise InputError("queries is empty; give some queries of the application, or leave it out")
    comparing = ExactEngine(metric)
    asked = read_queries(LocalCollection(points, comparing, lambda _: comparing, source), source.encoder, known)
    return checked_vectors(asked.vectors, asked.titles, metric)
