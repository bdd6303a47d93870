"""`save` and `load`: any value of semspace to and from a directory."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from semspace.bundle import Bundle, PathLike, opening
from semspace.clusters.clustering import KIND as CLUSTERING
from semspace.clusters.clustering import Clustering
from semspace.errors import DamagedError, InputError
from semspace.index.index import KIND as INDEX
from semspace.index.index import Index
from semspace.sentences.reference import remembered
from semspace.space import KIND as SPACE
from semspace.space import Space
from semspace.text.corpus import KIND as CORPUS
from semspace.text.corpus import Corpus
from semspace.text.tokens import KIND as TOKENS
from semspace.text.tokens import Tokens

Value = Corpus | Tokens | Space | Index | Clustering

_READERS: dict[str, Callable[[Bundle], Value]] = {
    CORPUS: Corpus.from_bundle,
    TOKENS: Tokens.from_bundle,
    SPACE: lambda bundle: Space.from_bundle(bundle, remembered(bundle)),
    INDEX: Index.from_bundle,
    CLUSTERING: Clustering.from_bundle,
}


def save(value: Value, path: PathLike, *, overwrite: bool = False) -> None:
    """Save a corpus, tokens, a space, an index or a clustering as a directory.

    It appears whole or not at all. Nothing is pickled.

    Parameters
    ----------
    overwrite : bool
        Replace a semspace value that is at `path`; anything else there is never touched.

    Raises
    ------
    ExistsError
        If `path` is taken.
    """
    if not isinstance(value, Value):
        raise InputError(f"save takes a Corpus, Tokens, Space, Index or Clustering; got {type(value).__name__}")
    value.save(path, overwrite=overwrite)


def load(path: PathLike, *, verify: bool = True) -> Any:
    """Open whatever semspace value is at `path`; arrays are memory-mapped.

    Parameters
    ----------
    verify : bool
        Compare the checksum of every file (about 1 GB/s); sizes are compared in any case.

    Raises
    ------
    MissingFileError
        If nothing is there.
    DamagedError
        If it isn't semspace's, or was altered.

    Examples
    --------
    >>> import semspace as ss
    >>> ss.save(ss.Space.from_vectors(["a"], [[1.0, 2.0]]), "points.space")
    >>> ss.load("points.space")["a"].tolist()
    [1.0, 2.0]
    """
    bundle = opening(path, verify=verify)
    if bundle.kind not in _READERS:
        raise DamagedError(f"{path} holds a {bundle.kind!r}, which this semspace doesn't know; upgrade semspace")
    return _READERS[bundle.kind](bundle)
