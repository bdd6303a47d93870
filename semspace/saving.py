"""`save` and `load`: write any value of semspace to a directory, and read it back."""

from __future__ import annotations

from typing import Any, Protocol

from semspace.bundle import Bundle, open_bundle, retry_if_replaced
from semspace.errors import DamagedError, InputError
from semspace.files import PathLike
from semspace.registry import CHECKPOINTS, READERS, reader
from semspace.sentences.lazy_encoder import remembered
from semspace.space import KIND as SPACE


class Value(Protocol):
    """A value that can be saved: a corpus, tokens, a space, an index, a clustering, a projection and others."""

    def save(self, path: PathLike, *, overwrite: bool = False) -> None:
        """Save as a bundle directory."""


def save(value: Value, path: PathLike, *, overwrite: bool = False) -> None:
    """Save a value as a directory, which appears complete or not at all. Nothing is pickled.

    Parameters
    ----------
    value : Corpus, Tokens, PhraseModel, Space, Index, Clustering, Outliers, Projection, Comparison or an encoder
        Any of the values that `load` opens; an encoder is a static one or a transformer.
    path : str or path
        The directory to create.
    overwrite : bool
        Replace a semspace value that is at `path`. Anything else there is never overwritten.

    Raises
    ------
    ExistsError
        If something is at `path` already.
    """
    if type(value).__module__ not in READERS.values() or not hasattr(value, "save"):
        known = (
            "a Corpus, Tokens, PhraseModel, Space, Index, Clustering, Outliers, Projection, Comparison, "
            "StaticEncoder or TransformerEncoder"
        )
        raise InputError(f"save takes {known}; got {type(value).__name__}")
    value.save(path, overwrite=overwrite)


def load(path: PathLike, *, verify: bool = True) -> Any:
    """Open the semspace value at `path`, whatever it is; arrays are memory-mapped.

    Parameters
    ----------
    path : str or path
        A directory that `save` wrote.
    verify : bool
        Compare the checksum of every file (about 1 GB/s). File sizes are always compared.

    Raises
    ------
    MissingFileError
        If there is nothing at `path`.
    DamagedError
        If it isn't a semspace value, or its files were changed.

    Examples
    --------
    >>> import semspace as ss
    >>> ss.save(ss.Space.from_vectors(["a"], [[1.0, 2.0]]), "points.space")
    >>> ss.load("points.space")["a"].tolist()
    [1.0, 2.0]
    """
    return retry_if_replaced(lambda: _read(path, open_bundle(path, verify=verify)))


def _read(path: PathLike, bundle: Bundle) -> Any:
    if bundle.kind in CHECKPOINTS:
        call = CHECKPOINTS[bundle.kind].format(path=str(path))
        raise InputError(
            f"{path} holds the checkpoint of an unfinished training; resume it by {call}, with the same data and "
            f"parameters"
        )
    if bundle.kind not in READERS:
        raise DamagedError(f"{path} holds a {bundle.kind!r}, which this version of semspace can't read; upgrade it")
    read_bundle = reader(READERS[bundle.kind])
    with bundle.reading():
        return read_bundle(bundle, remembered(bundle)) if bundle.kind == SPACE else read_bundle(bundle)
