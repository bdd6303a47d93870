"""How a local index is written to a bundle, and opened again."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from semspace import checks, queries
from semspace.bundle import Bundle, create_bundle, open_bundle
from semspace.disk import FileLock
from semspace.errors import DamagedError, InputError, ReplacedError
from semspace.files import PathLike, resolved_path
from semspace.index.building import own_builder
from semspace.index.engine import Engine
from semspace.index.exact import ExactEngine
from semspace.index.insertion_log import InsertionLog
from semspace.index.journal import lock_path, writer_lock
from semspace.index.local_collection import LocalCollection
from semspace.index.opening import check_lengths, damage_raised, read_points
from semspace.index.points import PointTable
from semspace.index.source import SpaceSource
from semspace.index.store import KIND, IndexStore, open_for_writing
from semspace.lexical import read_postings
from semspace.replacement import delete_interrupted, is_taken, target_of
from semspace.space import Space
from semspace.text_encoder import TextEncoder

if TYPE_CHECKING:  # numba, which an index without a graph doesn't need, takes a third of a second to import
    from semspace.index.hnsw import HnswEngine

METHODS = ("exact", "hnsw", "hnswlib")
_DEFAULT_RECALL = 0.95  # of an index whose manifest doesn't say which recall it was built for


def save_index(points: LocalCollection, path: PathLike, *, overwrite: bool) -> None:
    """Write an index to a bundle directory."""
    points.check()
    target = resolved_path(path)
    if overwrite and points.writes(target):
        points.fold()  # its journal goes on beside the new files
        return
    lock = writer_lock(target) if overwrite and lock_path(target).exists() else None
    try:
        with points.at_rest(), create_bundle(target, KIND, overwrite=overwrite) as draft:
            points.write(draft)
    finally:
        if lock is not None:
            lock.release()


def open_collection(
    path: PathLike,
    *,
    writable: bool = False,
    space: Space | None = None,
    encoder: TextEncoder | None = None,
    verify: bool | None = None,
    is_followed: bool = False,
) -> LocalCollection:
    """Open a saved index, mapped; see `Index.open`."""
    target = resolved_path(path)
    lock = writer_lock(target) if writable and is_taken(path) else None
    try:
        bundle = _bundle_of(path, target, lock)
        with bundle.reading():
            return read_collection(bundle, lock, space, encoder, verify, is_followed=is_followed)
    except ReplacedError:
        if lock is not None:
            lock.release()
            raise
        return open_collection(path, space=space, encoder=encoder, verify=verify, is_followed=is_followed)
    except BaseException:
        if lock is not None:
            lock.release()
        raise


def _bundle_of(path: PathLike, target: Path, lock: FileLock | None) -> Bundle:
    if lock is None:
        return open_bundle(path, KIND, verify=False)
    delete_interrupted(path)
    return open_for_writing(target)


def read_collection(
    bundle: Bundle,
    lock: FileLock | None = None,
    space: Space | None = None,
    encoder: TextEncoder | None = None,
    verify: bool | None = False,
    *,
    is_followed: bool = False,
) -> LocalCollection:
    """Read points and engine from an opened bundle; see `Index.open`."""
    facts = bundle.meta.facts("space")
    _check_belongs(bundle, facts, space, encoder)
    if encoder is None and space is not None:
        encoder = space.encoder
    source = SpaceSource(
        encoder,
        facts.mapping("provenance"),
        fingerprint=bundle.meta.get("origin", facts["fingerprint"]),
        bundle=bundle,
    )
    method, metric, settings = _engine_facts(bundle)
    store = IndexStore(bundle, target_of(resolved_path(bundle.folder)), lock, verify, is_followed=is_followed)
    points = read_points(bundle)
    if (facts["count"], facts["dim"]) != (points.live, points.dim):
        raise DamagedError(
            f"{bundle.folder} has {points.live:,} points in {points.dim} dimensions, and should have "
            f"{facts['count']} in {facts['dim']}; build the index again, or restore it"
        )
    if store.is_verified:
        check_lengths(bundle, points)
    recall = bundle.meta.get("tuning", {}).get("recall") or _DEFAULT_RECALL
    build_engine = _builder(method, metric, settings, recall, store.insertions)
    if method == "hnsw" and bundle.has("links.npy"):
        from semspace.index.hnsw import HnswEngine

        engine: Engine = _logging(HnswEngine.read(bundle, points, metric, settings), store.insertions)
    elif method == "hnswlib":
        from semspace.index.foreign.hnswlib_engine import HnswlibEngine

        engine = HnswlibEngine.read(bundle, points, metric, settings)
    else:  # exact; or written by a version that kept its graph in hnswlib's format
        engine = build_engine(points)
    return LocalCollection(points, engine, build_engine, source, store, read_postings(bundle, points.view.count))


def _engine_facts(bundle: Bundle) -> tuple[str, str, dict[str, Any]]:
    """Return method, metric and settings, or raise `DamagedError`."""
    method, settings = bundle.meta.text("engine"), bundle.meta.mapping("settings")
    metric = bundle.meta.get("metric") or settings.pop("metric")
    settings.pop("metric", None)
    with damage_raised(bundle, "a metric"):
        checks.choice("metric", metric, queries.METRICS)
    if method not in METHODS:
        raise DamagedError(
            f"{bundle.folder} was built with the method {method!r}, which this version of semspace doesn't have; "
            f"upgrade it"
        )
    return method, metric, settings


def _logging(engine: HnswEngine, log: InsertionLog) -> HnswEngine:
    engine.log = log
    return engine


def _builder(
    method: str, metric: str, settings: Mapping[str, Any], recall: float, log: InsertionLog
) -> Callable[[PointTable], Engine]:
    """Return a function that builds another engine with saved settings, which logs what is inserted into it later."""
    if method == "exact":
        return lambda _: ExactEngine(metric)
    if method == "hnswlib":
        build = own_builder(metric, recall)
        return lambda points: _logging(build(points), log)
    from semspace.index.hnsw import HnswSettings

    names = [field.name for field in fields(HnswSettings)]
    known = {name: value for name, value in settings.items() if name in names}  # other versions have had others
    build = own_builder(metric, recall, **known)
    return lambda points: _logging(build(points), log)


def _check_belongs(bundle: Bundle, facts: Mapping[str, Any], space: Space | None, encoder: TextEncoder | None) -> None:
    """Raise `InputError` where an index was made from another space, or with another encoder."""
    if space is not None and space.fingerprint not in (facts["fingerprint"], bundle.meta.get("origin")):
        raise InputError(
            f"{bundle.folder} was made from another space: its fingerprint is {facts['fingerprint'][:8]}, and that of "
            f"space= is {space.fingerprint[:8]}; open it without space=, or build an index from this one"
        )
    saved = facts["encoder"]
    if encoder is not None and not (saved and _fits(encoder, saved["fingerprint"])):
        by = f"by {saved['name']!r} with fingerprint {saved['fingerprint'][:8]}" if saved else "without an encoder"
        raise InputError(
            f"the vectors in {bundle.folder} were made {by}, and {encoder.name!r} has {encoder.fingerprint[:8]}; their "
            f"vectors can't be compared: open it without encoder=, or encode the texts again"
        )


def _fits(encoder: TextEncoder, fingerprint: str) -> bool:
    """Whether an encoder's vectors lie in the space of the encoder with this fingerprint: its own, or by a bridge."""
    return fingerprint in (encoder.fingerprint, getattr(encoder, "target_fingerprint", None))
