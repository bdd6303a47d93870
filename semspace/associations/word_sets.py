"""Sets of words, texts or ids, as unit vectors of a space."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from semspace import checks
from semspace.errors import InputError
from semspace.similarity import locating
from semspace.space import Space
from semspace.types import Floats2d


def directions(space: Space, name: str, words: Sequence[str]) -> Floats2d:
    """Return the unit vectors of a set of words: ids of the space, or texts for its encoder."""
    given = checked_words(name, words)
    return locating.directions([one.vector for one in locating.locate(space, given)], given)


def checked_words(name: str, words: Any) -> list[str]:
    """Return a set of words as a list, each once."""
    given = checks.strings(name, words, allowed="words (ids of the space, or texts for its encoder)")
    if not given:
        raise InputError(f"{name} is empty; give at least one word")
    checks.unique(name, given)
    return given


def check_apart(first: tuple[str, Sequence[str]], second: tuple[str, Sequence[str]]) -> None:
    """Raise `InputError` if a word is in both sets."""
    both = sorted(set(first[1]) & set(second[1]))
    if both:
        raise InputError(f"{both[0]!r} is in {first[0]} and in {second[0]}; a word can only be in one of them")


def mean_cosines(words: Floats2d, attributes: Floats2d) -> np.ndarray:
    """Return the mean cosine of each word with a set of attributes, float64 of shape (n,)."""
    mean: np.ndarray = words.astype(np.float64) @ attributes.astype(np.float64).mean(axis=0)
    return mean
