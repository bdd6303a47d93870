"""Indexes of hnswlib and those of semspace: one made into the other, with the same graph."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from semspace import checks, queries
from semspace.errors import InputError
from semspace.files import PathLike
from semspace.index.building import own_builder
from semspace.index.exact import ExactEngine
from semspace.index.foreign.hnswlib_engine import HnswlibEngine, HnswlibSettings
from semspace.index.foreign.hnswlib_file import HnswlibContents, read_contents, write_contents
from semspace.index.foreign.linked_graph import LinkedGraph
from semspace.index.graph import Graph
from semspace.index.hnsw import HnswEngine
from semspace.index.local_collection import LocalCollection
from semspace.index.points import FrozenPoints, PointTable, View
from semspace.index.source import SpaceSource
from semspace.progress import bar
from semspace.space import Space
from semspace.text.dataframes import as_polars
from semspace.text_encoder import TextEncoder
from semspace.threads import thread_count
from semspace.types import Bools1d, Floats2d, Id, Int32s2d, Ints1d, UInt64s1d

METRICS = {"cosine": "cosine", "ip": "dot", "l2": "euclidean"}  # of hnswlib's spaces
_SPACES = {metric: space for space, metric in METRICS.items()}
_UNIT = 1e-3  # by which the length of a vector of the space "cosine" may differ from 1
_HELD_OUT = 200  # points that recall is measured with
_PIECE = 16_384  # points inserted at a time


# -- from hnswlib ---------------------------------------------------------------------------------------------


def read_hnswlib(
    source: Any,
    ids: Sequence[Id] | Mapping[int, Id] | None,
    *,
    dim: int | None,
    space: str | None,
    metadata: Any | None,
    encoder: TextEncoder | None,
    recall: float,
    ef: int | None,
) -> LocalCollection:
    """Return the points and the graph of an index of hnswlib, or of a file of one; see `Index.from_hnswlib`."""
    checks.number("recall", recall, high=1.0, open_low=True)
    if ef is not None:
        checks.whole("ef", ef)
    contents, metric = _read_source(source, dim, space)
    names = _names_of(contents, ids)
    table = None if metadata is None else as_polars(metadata)
    if table is not None:
        table = table[_places_of(contents, ids, len(table))]
    points = _point_table(contents, names, table, encoder)
    engine = _engine_of(contents, metric, points.view, recall, ef)
    origin = SpaceSource(encoder, {"source": str(source), "format": "hnswlib"})
    return LocalCollection(points, engine, own_builder(metric, recall), origin)


def _read_source(source: Any, dim: int | None, space: str | None) -> tuple[HnswlibContents, str]:
    """Return what an index of hnswlib, or a file of one, holds, and its metric."""
    if dim is not None:
        checks.whole("dim", dim)
    if space is not None:
        checks.choice("space", space, METRICS)
    if isinstance(source, (str, Path)):
        if space is None:
            raise InputError(
                "a file of hnswlib doesn't say for which space it was built, and hnswlib opens it as any without an "
                "error; give space='cosine', 'ip' or 'l2', as it was built"
            )
        contents = read_contents(source, dim)
        _check_lengths(source, contents, space)
        return contents, METRICS[space]
    if not all(hasattr(source, name) for name in ("save_index", "space", "dim", "knn_query")):
        raise InputError(f"from_hnswlib takes a path or an hnswlib.Index; got {type(source).__name__}")
    for name, given in (("space", space), ("dim", dim)):
        if given not in (None, getattr(source, name)):
            raise InputError(f"{name}={given!r} was given, and the hnswlib.Index has {getattr(source, name)!r}")
    return _contents_of(source), METRICS[checks.choice("space", source.space, METRICS)]


def _contents_of(index: Any) -> HnswlibContents:
    """Return what an `hnswlib.Index` holds."""
    if not getattr(index, "element_count", 1):  # one without room for points ends the process when it is saved
        raise InputError("the hnswlib.Index has no points; add some first")
    with TemporaryDirectory() as folder:
        place = Path(folder) / "index.bin"
        try:
            index.save_index(str(place))
        except RuntimeError as problem:  # one that was never given room for points
            raise InputError(f"the hnswlib.Index can't be saved ({problem}); add points to it first") from problem
        return read_contents(place)


def _check_lengths(source: PathLike, contents: HnswlibContents, space: str) -> None:
    """Raise `InputError` where vectors can't be those of the space ``"cosine"``."""
    if space != "cosine":
        return
    lengths = queries.lengths(contents.vectors)
    wrong = np.flatnonzero(~(np.abs(lengths - 1) <= _UNIT) & (lengths != 0))
    if len(wrong):
        raise InputError(
            f"space='cosine' was given, for which hnswlib stores vectors of length 1, and {source} holds one of "
            f"length {lengths[wrong[0]]:.4g} (label {contents.labels[wrong[0]]}); give the space of the "
            f"index: 'ip' or 'l2'"
        )


def _names_of(contents: HnswlibContents, ids: Sequence[Id] | Mapping[int, Id] | None) -> list[str]:
    """Return the id of each point: its label as text, or what `ids` says of its label.

    A deleted label needs no id.
    """
    labels, deleted = contents.labels.tolist(), contents.deleted.tolist()
    if ids is None:
        return [str(label) for label in labels]
    if isinstance(ids, Mapping):
        named = dict(zip(ids.keys(), checks.ids("ids", list(ids.values())), strict=True))
    else:
        named = dict(enumerate(checks.ids("ids", ids)))
    without = next((n for n, gone in zip(labels, deleted, strict=True) if n not in named and not gone), None)
    if without is not None:
        raise InputError(
            f"ids has no id for the label {without} ({len(named):,} ids, {len(labels):,} points); give a list that "
            f"holds the id of label i at position i, or a mapping from labels to ids"
        )
    return [named.get(label, f"deleted label {label}") for label in labels]


def _places_of(contents: HnswlibContents, ids: Any, rows: int) -> Ints1d:
    """Return for each point the row of its label in a table that goes with `ids`, or raise `InputError`."""
    if ids is None or isinstance(ids, Mapping):
        raise InputError("metadata has a row for each id, so it needs ids as a list: the id of label i at position i")
    if rows != len(ids):
        raise InputError(f"metadata must have a row for each of the {len(ids):,} ids; it has {rows:,}")
    last = int(contents.labels.max())
    if last >= rows:
        raise InputError(f"metadata has {rows:,} rows, and there is a label {last}; give a row for each label up to it")
    places: Ints1d = contents.labels.astype(np.int64)
    return places


def _point_table(contents: HnswlibContents, names: list[str], metadata: Any, encoder: TextEncoder | None) -> PointTable:
    """Return the points of an index, deleted ones among them, or raise `InputError` where a space can't hold them.

    A deleted vector may be all zeros: nobody is given it, but the graph leads through it.
    """
    vectors, deleted = contents.vectors, contents.deleted
    empty: Bools1d = ~np.any(vectors, axis=1)
    if (empty & ~deleted).any():
        label = int(contents.labels[empty & ~deleted][0])
        raise InputError(
            f"the vector of the label {label} is all zeros, so it has no direction; delete it in hnswlib "
            f"(mark_deleted({label})), and save the index again"
        )
    held = np.where(empty[:, None], np.float32(1), vectors) if empty.any() else vectors
    points = FrozenPoints.of_space(Space.from_vectors(names, held, metadata, encoder))
    return PointTable(replace(points, vectors=checks.frozen(vectors)), ~deleted if deleted.any() else None)


def _engine_of(contents: HnswlibContents, metric: str, view: View, recall: float, ef: int | None) -> HnswlibEngine:
    """Return an engine for points whose rows are in the order of the contents."""
    settings = HnswlibSettings(contents.graph.m, contents.ef_construction, ef)
    return HnswlibEngine(contents.graph, contents.labels, metric, settings).tuned_with_points(view, recall)


# -- built by hnswlib -----------------------------------------------------------------------------------------


def build_engine(
    points: PointTable, metric: str, *, recall: float, settings: HnswlibSettings, threads: int | None, progress: bool
) -> HnswlibEngine:
    """Build a graph with hnswlib: first without some held-out points, which measure how wide a search must be."""
    hnswlib = checks.need("hnswlib", "hnswlib")
    view = points.view
    rows, vectors = view.live_rows(), view.ground.vectors
    spare = min(_HELD_OUT, len(rows) // 20)
    held = np.zeros(len(rows), np.bool_)
    held[np.random.default_rng(settings.seed).choice(len(rows), spare, replace=False)] = True
    index = hnswlib.Index(space=_SPACES[metric], dim=view.dim)
    index.init_index(len(rows), M=settings.m, ef_construction=settings.ef_construction, random_seed=settings.seed)
    count = thread_count() if threads is None else checks.whole("threads", threads, high=1_024)
    with bar("building the index", len(rows), unit="point", progress=progress) as shown:

        def insert(some: Ints1d) -> None:
            for start in range(0, len(some), _PIECE):
                part = some[start : start + _PIECE]
                index.add_items(np.asarray(vectors[part]), part, num_threads=count)
                shown.update(len(part))

        insert(rows[~held])
        tuned = _measured(index, view.vectors(rows[held]), metric, settings, recall) if spare else None
        insert(rows[held])
    contents = _contents_of(index)
    graph = contents.graph.renumbered(contents.labels.astype(np.int64))
    engine = HnswlibEngine(graph, np.arange(len(rows), dtype=np.uint64), metric, settings)
    return engine.tuned_with_points(view, recall) if tuned is None else replace_tuning(engine, tuned)


def _measured(index: Any, questions: Floats2d, metric: str, settings: HnswlibSettings, recall: float) -> HnswlibEngine:
    """Return an engine over what an `hnswlib.Index` holds so far, measured with points that it doesn't hold."""
    contents = _contents_of(index)
    space = Space.from_vectors([str(label) for label in contents.labels], contents.vectors)
    engine = HnswlibEngine(contents.graph, contents.labels, metric, settings)
    none = np.full(len(questions), -1, np.int64)
    return engine.tuned_with(PointTable(FrozenPoints.of_space(space)).view, questions, none, recall)


def replace_tuning(engine: HnswlibEngine, measured: HnswlibEngine) -> HnswlibEngine:
    """Return an engine with what was measured of another."""
    return HnswlibEngine(
        engine.graph, engine.labels, engine.metric, engine.chosen, replace(measured.tuning, points=engine.count)
    )


# -- to hnswlib -----------------------------------------------------------------------------------------------


def write_index(local: LocalCollection, path: PathLike, *, overwrite: bool) -> dict[int, str]:
    """Write an index as a file of hnswlib; return the ids of its labels."""
    engine = local.engine
    if isinstance(engine, ExactEngine):
        raise InputError(
            "an exact index has no graph that hnswlib could search; build one with Index.build(space, 'hnsw')"
        )
    engine.catch_up()
    view = local.points.view
    graph, rows, labels, ef_construction = _graph_of(engine)
    inside = np.zeros(view.count, np.bool_)
    inside[rows] = True
    alive = np.ones(view.count, np.bool_) if view.alive is None else view.alive
    missing = int((alive & ~inside).sum())
    if missing:
        raise InputError(
            f"{missing:,} of the {view.live:,} points came after the graph was built and aren't in it; call compact() "
            f"first, which builds one of all points"
        )
    vectors = view.vectors(rows)
    if engine.metric == "cosine":
        vectors = queries.unit(vectors)
    write_contents(HnswlibContents(vectors, labels, ~alive[rows], graph, ef_construction), path, overwrite=overwrite)
    live = alive[rows]
    return dict(zip(labels[live].tolist(), view.ids(rows[live]), strict=True))


def _graph_of(engine: Any) -> tuple[LinkedGraph, Ints1d, UInt64s1d, int]:
    """Return the graph of an engine, the row and the label of each node, and the width of searches while building."""
    if isinstance(engine, HnswlibEngine):
        rows: Ints1d = np.arange(engine.count)
        return engine.graph, rows, engine.labels, engine.chosen.ef_construction
    assert isinstance(engine, HnswEngine)
    graph = engine.graph
    rows = graph.rows[: graph.count].astype(np.int64)
    return linked(graph), rows, rows.astype(np.uint64), graph.ef_construction


def linked(graph: Graph) -> LinkedGraph:
    """Return the links of a graph of semspace's own in hnswlib's terms."""
    nodes, level = graph.nodes[: graph.used], graph.level[: graph.used]
    levels = np.zeros(graph.count, np.uint8)
    np.maximum.at(levels, nodes, level.astype(np.uint8))
    upper: Int32s2d = graph.upper[: graph.used]
    translated = np.where(upper < 0, np.int32(-1), graph.nodes[upper]) if len(upper) else upper
    order = np.lexsort((level, nodes))
    entry = int(graph.nodes[graph.entry]) if graph.entry >= 0 else graph.root
    return LinkedGraph(graph.links[: graph.count], translated[order], levels, entry)
