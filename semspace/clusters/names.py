"""Distinct names of groups, made of titles or by a user's function."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence

from semspace.display import clip
from semspace.errors import SemspaceWarning

Namer = Callable[[list[str], list[str]], str]
_MAX_NAME = 80  # characters of a name that a user's function returns


def distinct_names(
    titles: Sequence[str], words: Sequence[Sequence[str]], fixed: Mapping[int, str] | None = None
) -> tuple[str, ...]:
    """Return a distinct name for each group: its title, with more of its words or a number where that is taken.

    Parameters
    ----------
    titles : sequence of k str
    words : sequence of k sequences of str
        The keywords of each group, best first.
    fixed : mapping of int to str, optional
        Names of some groups that stay as they are; they must be distinct.
    """
    names = dict(fixed or {})
    taken = set(names.values())
    for group, (title, keywords) in enumerate(zip(titles, words, strict=True)):
        if group in names:
            continue
        name = title or f"group {group}"
        unused = [word for word in keywords if word not in title.split(", ")]
        while name in taken and unused:
            name = f"{name}, {unused.pop(0)}"
        while name in taken:
            name = f"{name} ({group})"
        names[group] = name
        taken.add(name)
    return tuple(names[group] for group in range(len(titles)))


def is_valid_unicode(text: str) -> bool:
    """Check whether a text has no lone surrogates, so that it can be written to a file."""
    return not any("\ud800" <= c <= "\udfff" for c in text)


def ask_namer(namer: Namer, words: Sequence[str], examples: Sequence[str], fallback: str) -> str:
    """Return the name that a user's function makes for a group, or warn and return `fallback` where it fails."""
    try:
        answer = namer(list(words), list(examples))
    except Exception as problem:
        failure = f"raised {type(problem).__name__}: {clip(str(problem), 60)}"
    else:
        if isinstance(answer, str) and answer.strip() and is_valid_unicode(answer):
            return clip(answer, _MAX_NAME)
        failure = f"returned {clip(repr(answer), 40)}, not a name"
    warnings.warn(f"the namer {failure}; the group is called {fallback!r}", SemspaceWarning, stacklevel=4)
    return fallback
