"""The same work on many files, on one machine or a cluster: shard in, shard out, and nothing finished is done again.

Names are imported when they are first used, so that one of them brings in only what it needs.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from semspace.scale.assign_job import assign, read_assignment
    from semspace.scale.encode_job import encode
    from semspace.scale.failed import ShardsFailedError
    from semspace.scale.job import ShardJob, status
    from semspace.scale.join_job import duplicates, join, read_pairs
    from semspace.scale.pushing import push
    from semspace.scale.reading import read_space
    from semspace.scale.reading_tokens import read_tokens, read_word_counts
    from semspace.scale.tokenize_job import count, tokenize

# Public name → the module that defines it. No module has the name of a function: an attribute can't be both.
_MODULES = {
    "ShardJob": "job",
    "ShardsFailedError": "failed",
    "assign": "assign_job",
    "count": "tokenize_job",
    "duplicates": "join_job",
    "encode": "encode_job",
    "join": "join_job",
    "push": "pushing",
    "read_assignment": "assign_job",
    "read_pairs": "join_job",
    "read_space": "reading",
    "read_tokens": "reading_tokens",
    "read_word_counts": "reading_tokens",
    "status": "job",
    "tokenize": "tokenize_job",
}

__all__ = [
    "ShardJob",
    "ShardsFailedError",
    "assign",
    "count",
    "duplicates",
    "encode",
    "join",
    "push",
    "read_assignment",
    "read_pairs",
    "read_space",
    "read_tokens",
    "read_word_counts",
    "status",
    "tokenize",
]


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module 'semspace.scale' has no attribute {name!r}")
    value = getattr(import_module(f"semspace.scale.{_MODULES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
