"""Readers of the parts of a saved index, which check that they are consistent."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from semspace import checks, pools, queries
from semspace.bundle import Bundle
from semspace.errors import DamagedError, InputError
from semspace.index.id_lookup import IdLookup
from semspace.index.points import FrozenPoints, PointTable

if TYPE_CHECKING:  # numba, which an index without a graph doesn't need, takes a third of a second to import
    from semspace.index.quantization import Codec
    from semspace.index.tuning import Tuning

_PIECE = 4_096  # points read at a time
_LENGTHS_DIFFER = 1e-4  # of a length


@contextmanager
def damage_raised(bundle: Bundle, what: str) -> Iterator[None]:
    """Raise `DamagedError` where the block finds values that no index could have."""
    try:
        yield
    except DamagedError:
        raise
    except (InputError, ValueError, TypeError, KeyError) as problem:
        raise DamagedError(
            f"{bundle.folder} holds {what} that can't be used ({problem}); build the index again, or restore it"
        ) from problem


def read_points(bundle: Bundle) -> PointTable:
    """Open the points of an index: their vectors are mapped, and only ids and lengths are read."""
    pools.need_polars("opening an index")
    vectors = bundle.array("vectors", dtype=np.float32, shape=(None, None))
    n = len(vectors)
    ids = bundle.table("ids", {"id": pl.String}, rows=n)["id"]
    metadata = bundle.table("metadata", rows=n) if bundle.has("metadata.arrow") else None
    stored = bundle.has("sizes.npy")
    sizes = bundle.array("sizes", dtype=np.float32, shape=(n,)) if stored else queries.lengths(vectors)
    alive = np.array(bundle.array("alive", dtype=np.bool_, shape=(n,))) if bundle.has("alive.npy") else None
    with damage_raised(bundle, "points"):
        if ids.null_count() or not vectors.shape[1] or not vectors.flags.c_contiguous:
            raise ValueError("an id is missing, or a vector has no dimensions")
        if not (np.isfinite(sizes) & (sizes > 0)).all():
            raise ValueError("a vector has no length")
    return PointTable(FrozenPoints(ids, vectors, sizes, metadata), alive, IdLookup.read(bundle, ids))


def check_lengths(bundle: Bundle, points: PointTable) -> None:
    """Raise `DamagedError` where the vectors, all of which are read, haven't the lengths that are saved with them."""
    view, start = points.view, 0
    with damage_raised(bundle, "points"):
        for vectors in view.pieces(_PIECE):
            stop = start + len(vectors)
            same = np.abs(queries.lengths(vectors) - view.sizes[start:stop]) <= _LENGTHS_DIFFER * view.sizes[start:stop]
            if view.alive is not None:
                same |= ~view.alive[start:stop]
            if not same.all():
                raise ValueError(f"the vector of row {start + int(np.argmin(same))} isn't as long as its length says")
            start = stop


def read_codec(bundle: Bundle, metric: str, dim: int) -> Codec:
    """Open the codec of the vectors."""
    from semspace.index.distances import CACHE_LINE
    from semspace.index.quantization import SUMS, Codec

    facts = bundle.meta.facts("codec")
    dims = dim + (metric == "dot")
    mean = np.array(bundle.array("mean", dtype=np.float32, shape=(dims,)))
    axes = np.array(bundle.array("axes", dtype=np.float32, shape=(dims, None)), order="C")
    if not axes.shape[1] or (axes.shape[1] + SUMS) % CACHE_LINE:
        raise ValueError(f"{axes.shape[1]} axes don't fill a code")
    if not (np.isfinite(mean).all() and np.isfinite(axes).all()):
        raise ValueError("an axis isn't finite")
    if not np.allclose(axes.T @ axes, np.diag(axes.any(axis=0)), atol=1e-3):
        raise ValueError("its axes aren't orthogonal unit vectors")
    numbers = [checks.number(name, facts[name], high=1e38, open_low=True) for name in ("step", "reach", "worst")]
    step, max_norm, worst = numbers
    return Codec(metric, mean, axes, step, max_norm, checks.number("energy", facts["energy"], high=1.001), worst)


def read_tuning(facts: Mapping[str, Any]) -> Tuning:
    """Return the measurements in a manifest."""
    from semspace.index.tuning import Tuning

    tuned = Tuning.of(facts)
    for name in ("target_recall", "recall", "worst"):
        checks.number(name, getattr(tuned, name), high=1.0)
    checks.number("queries_per_second", tuned.queries_per_second)
    for name in ("n_queries", "worst_points", "points"):
        checks.whole(name, getattr(tuned, name), low=0)
    for name in ("narrow", "wide"):
        checks.whole(name, getattr(tuned, name), high=2**31)
    for level in tuned.levels:
        checks.whole("far", level.far, low=-(2**40), high=2**40)
        for name in ("narrow", "wide"):
            checks.whole(name, getattr(level, name), high=2**31)
    if any(one.far >= other.far for one, other in pairwise(tuned.levels)):
        raise ValueError("the levels of queries aren't in order")
    checks.whole("slack", tuned.slack, low=0, high=2**40)
    for name in ("scan", "singly"):
        checks.flag(name, getattr(tuned, name))
    return tuned
