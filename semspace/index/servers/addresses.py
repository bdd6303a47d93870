"""Which server an address names, and the collection's class for it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from semspace.errors import InputError

if TYPE_CHECKING:
    from semspace.index.servers.collection import ServerCollection

_QDRANT = re.compile(r"qdrant(\+https?)?://")
_POSTGRES = re.compile(r"postgres(ql)?://")
_MILVUS = re.compile(r"(https?|tcp)://")


def collection_type(uri: Any) -> type[ServerCollection]:
    """Return the class of the collections at an address.

    Examples
    --------
    >>> collection_type("qdrant://localhost:6333").__name__
    'QdrantCollection'
    """
    where = str(uri)
    if _QDRANT.match(where) or (where.endswith(".qdrant") and "://" not in where):
        from semspace.index.servers.qdrant import QdrantCollection

        return QdrantCollection
    if _MILVUS.match(where) or (where.endswith(".db") and "://" not in where):
        from semspace.index.milvus import MilvusCollection

        return MilvusCollection
    if _POSTGRES.match(where):
        from semspace.index.servers.pgvector import PgvectorCollection

        return PgvectorCollection
    raise InputError(
        "uri must be the address of a server: qdrant://HOST:6333 (or a folder that ends in .qdrant), "
        "postgresql://USER@HOST/DATABASE, or http://HOST:19530 for Milvus (or a path that ends in .db); "
        f"got {uri!r}"
    )


def check_token(token: Any) -> None:
    """Raise `InputError` unless a token is a string or None; what was given isn't shown, as it is secret."""
    if token is not None and not isinstance(token, str):
        raise InputError(f"token must be a string or None; got {type(token).__name__}")
