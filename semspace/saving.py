"""`save` and `load`: any value of semspace to and from a directory."""

from __future__ import annotations

from importlib import import_module
from typing import Any, Protocol

from semspace.bundle import Bundle, PathLike, opening, retried
from semspace.errors import DamagedError, InputError
from semspace.sentences.lazy_encoder import remembered
from semspace.space import KIND as SPACE
from semspace.space import Space
from semspace.training.checkpoint import KIND as ENCODER_CHECKPOINT
from semspace.words.checkpoint import KIND as CHECKPOINT


class Value(Protocol):
    """A corpus, tokens, phrases, a space, an index, a clustering or an encoder."""

    def save(self, path: PathLike, *, overwrite: bool = False) -> None:
        """Save as a bundle directory."""


# Kind in the manifest → where its class lives. Imported when met: a command that looks up a word shouldn't wait for
# what clusters documents.
_HOMES = {
    "clustering": ("semspace.clusters.clustering", "Clustering"),
    "corpus": ("semspace.text.corpus", "Corpus"),
    "encoder": ("semspace.sentences.transformer", "TransformerEncoder"),
    "index": ("semspace.index.index", "Index"),
    "static-encoder": ("semspace.sentences.static_encoder", "StaticEncoder"),
    "phrasebook": ("semspace.text.phrases", "Phrasebook"),
    "tokens": ("semspace.text.tokens", "Tokens"),
}


def save(value: Value, path: PathLike, *, overwrite: bool = False) -> None:
    """Save a corpus, tokens, phrases, a space, an index, a clustering or an encoder as a directory.

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
    home = (type(value).__module__, type(value).__name__)
    if home not in (*_HOMES.values(), (Space.__module__, Space.__name__)):
        known = "a Corpus, Tokens, Phrasebook, Space, Index, Clustering, StaticEncoder or TransformerEncoder"
        raise InputError(f"save takes {known}; got {type(value).__name__}")
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
    return retried(lambda: _loaded(path, opening(path, verify=verify)))


def _loaded(path: PathLike, bundle: Bundle) -> Any:
    if bundle.kind == SPACE:
        with bundle.reading():
            return Space.from_bundle(bundle, remembered(bundle))
    if bundle.kind == CHECKPOINT:
        raise InputError(
            f"{path} holds a training that isn't finished; go on with it by Word2Vec(...).train(text, "
            f"checkpoint={str(path)!r}, resume=True), with the text and parameters it had"
        )
    if bundle.kind == ENCODER_CHECKPOINT:
        raise InputError(
            f"{path} holds a training that isn't finished; go on with it by EncoderTrainer(...).train(data, "
            f"checkpoint={str(path)!r}, resume=True), with the data and parameters it had"
        )
    if bundle.kind not in _HOMES:
        raise DamagedError(f"{path} holds a {bundle.kind!r}, which this semspace doesn't know; upgrade semspace")
    module, name = _HOMES[bundle.kind]
    with bundle.reading():
        return getattr(import_module(module), name).from_bundle(bundle)
