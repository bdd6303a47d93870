"""Indexes that are measured side by side, each behind the same few calls. Their libraries are imported where needed.

All of them compare unit vectors by inner product, or by what orders them in the same way. What they find are numbers of
vectors: the rows of what they were built from, and whatever numbers later ones were added by.
"""

import importlib
from collections.abc import Iterable
from importlib.metadata import PackageNotFoundError, version

from benchmarks.contenders.contender import NONE, Contender
from benchmarks.contenders.faiss import Faiss, FaissRefined
from benchmarks.contenders.glass import Glass, GlassBytes
from benchmarks.contenders.hnswlib import Hnswlib
from benchmarks.contenders.ngt import Ngt
from benchmarks.contenders.ours import Semspace
from benchmarks.contenders.symphony_qg import SymphonyQG, SymphonyQG8
from benchmarks.contenders.usearch import Usearch, UsearchBytes, UsearchHalves
from benchmarks.contenders.vsag import Vsag, VsagHalfBytes

__all__ = ["ALL", "BY_NAME", "NONE", "Contender", "Faiss", "Hnswlib", "Semspace", "missing", "packages"]

ALL: tuple[type[Contender], ...] = (
    Semspace, Hnswlib, Faiss, FaissRefined, Usearch, UsearchHalves, UsearchBytes,
    SymphonyQG, SymphonyQG8, Glass, GlassBytes, Vsag, VsagHalfBytes, Ngt,
)  # fmt: skip
BY_NAME = {one.name: one for one in ALL}


def missing(kind: type[Contender]) -> str | None:
    """Return why a contender can't take part, or None."""
    try:
        version(kind.package)
        importlib.import_module(kind.module)
    except PackageNotFoundError:
        return f"{kind.package} isn't installed"
    except ImportError as error:
        return f"{kind.package} can't be imported: {error}"
    return None


def packages(kinds: Iterable[type[Contender]]) -> list[str]:
    """Return the packages behind contenders, numba's for ours."""
    names = dict.fromkeys("numba" if kind is Semspace else kind.package for kind in kinds)
    return list(names)
