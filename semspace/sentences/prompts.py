"""Prompts: what an encoder reads before a query and before a document, by the names that models give them."""

from collections.abc import Mapping

from semspace import checks
from semspace.errors import InputError

_QUERY_NAMES = ("query",)
_DOCUMENT_NAMES = ("document", "passage", "corpus")  # as sentence-transformers looks for them


def query_prompt(prompts: Mapping[str, str]) -> str:
    """Return the prompt for queries; empty where there is none."""
    return _first_of(prompts, _QUERY_NAMES)


def document_prompt(prompts: Mapping[str, str]) -> str:
    """Return the prompt for documents; empty where there is none."""
    return _first_of(prompts, _DOCUMENT_NAMES)


def chosen_prompt(prompts: Mapping[str, str], prompt: str | None, name: str | None, model: str) -> str:
    """Return the prompt given, or that of a name, or else the default of a model.

    Raises
    ------
    InputError
        If both are given, or the model has no prompt of this name.
    """
    if prompt is not None and name is not None:
        raise InputError(f"give prompt or prompt_name, not both; got {prompt!r} and {name!r}")
    if name is not None and not (isinstance(name, str) and name in prompts):
        known = ", ".join(sorted(filter(None, prompts))) or "none"
        raise InputError(f"{model} has no prompt {name!r}; it has {known}")
    return prompts.get(name or "", "") if prompt is None else checks.string("prompt", prompt)


def _first_of(prompts: Mapping[str, str], names: tuple[str, ...]) -> str:
    """Return the first of the named prompts that isn't empty.

    The model's default prompt doesn't stand in for it: as in sentence-transformers, that one is for `encode` alone.
    sentence-transformers, though, never reaches "passage", since it gives every model an empty prompt "document".
    """
    return next((prompts[name] for name in names if prompts.get(name)), "")
