"""Adapters with which other libraries use an encoder: scikit-learn, MTEB and BERTopic.

Names are loaded when they are first used, since each of them needs its library.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

_HOMES = {
    "MTEBEncoder": "semspace.integrations.mteb",
    "SentenceVectorizer": "semspace.integrations.scikit_learn",
    "bertopic_pipeline": "semspace.integrations.bertopic",
}

__all__ = ["MTEBEncoder", "SentenceVectorizer", "bertopic_pipeline"]

if TYPE_CHECKING:
    from semspace.integrations.bertopic import bertopic_pipeline
    from semspace.integrations.mteb import MTEBEncoder
    from semspace.integrations.scikit_learn import SentenceVectorizer


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'semspace.integrations' has no attribute {name!r}")
    value = getattr(import_module(_HOMES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
