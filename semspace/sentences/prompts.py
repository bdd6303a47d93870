"""Prompts: what an encoder reads before a query and before a document, by the names that models give them."""

from collections.abc import Mapping

_QUERY_NAMES = ("query",)
_DOCUMENT_NAMES = ("document", "passage", "corpus")  # as sentence-transformers looks for them


def query_prompt(prompts: Mapping[str, str]) -> str:
    """Return the prompt for queries; empty where there is none."""
    return _first_of(prompts, _QUERY_NAMES)


def document_prompt(prompts: Mapping[str, str]) -> str:
    """Return the prompt for documents; empty where there is none."""
    return _first_of(prompts, _DOCUMENT_NAMES)


def _first_of(prompts: Mapping[str, str], names: tuple[str, ...]) -> str:
    """Return the first of the named prompts that isn't empty.

    The model's default prompt doesn't stand in for it: as in sentence-transformers, that one is for `encode` alone.
    sentence-transformers, though, never reaches "passage", since it gives every model an empty prompt "document".
    """
    return next((prompts[name] for name in names if prompts.get(name)), "")
