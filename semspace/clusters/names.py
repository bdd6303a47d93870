"""What to call a group, so that no two are called the same."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence

from semspace.display import clip
from semspace.errors import SemspaceWarning

Namer = Callable[[list[str], list[str]], str]
_WIDEST = 80


def named(
    titles: Sequence[str], words: Sequence[Sequence[str]], known: Mapping[int, str] | None = None
) -> tuple[str, ...]:
    """Make titles distinct: one that is taken is made longer by more of its group's words, or numbered.

    `known` names stay as they are, so they must be distinct.
    """
    names = dict(known or {})
    taken = set(names.values())
    for group, (title, own) in enumerate(zip(titles, words, strict=True)):
        if group in names:
            continue
        name = title or f"group {group}"
        more = [word for word in own if word not in title.split(", ")]
        while name in taken and more:
            name = f"{name}, {more.pop(0)}"
        while name in taken:
            name = f"{name} ({group})"
        names[group] = name
        taken.add(name)
    return tuple(names[group] for group in range(len(titles)))


def is_sound(text: str) -> bool:
    """Tell whether a text can be written to a file: without half characters."""
    return not any("\ud800" <= c <= "\udfff" for c in text)


def ask(namer: Namer, words: Sequence[str], examples: Sequence[str], fallback: str) -> str:
    """Let a person's function name a group; where it fails or says nothing, fall back and warn."""
    try:
        answer = namer(list(words), list(examples))
    except Exception as problem:
        trouble = f"raised {type(problem).__name__}: {clip(str(problem), 60)}"
    else:
        if isinstance(answer, str) and answer.strip() and is_sound(answer):
            return clip(answer, _WIDEST)
        trouble = f"answered {clip(repr(answer), 40)}, not a title"
    warnings.warn(f"the namer {trouble}; the group is called {fallback!r}", SemspaceWarning, stacklevel=4)
    return fallback
