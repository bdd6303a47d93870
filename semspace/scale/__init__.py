"""The same work on many files, on one machine or a cluster: shard in, shard out, and nothing finished is done again.

Names are imported when they are first used, so that one of them brings in only what it needs.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from semspace.scale.encode_job import encode
    from semspace.scale.failed import ShardsFailedError
    from semspace.scale.job import ShardJob, status
    from semspace.scale.reading import read_space

# Public name → the module that defines it. No module has the name of a function: an attribute can't be both.
_MODULES = {
    "ShardJob": "job",
    "ShardsFailedError": "failed",
    "encode": "encode_job",
    "read_space": "reading",
    "status": "job",
}

__all__ = ["ShardJob", "ShardsFailedError", "encode", "read_space", "status"]


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module 'semspace.scale' has no attribute {name!r}")
    value = getattr(import_module(f"semspace.scale.{_MODULES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
