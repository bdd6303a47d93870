"""Scripts that put no space between words: which they are, and what is said of them."""

from __future__ import annotations

import sys
import warnings
from typing import Any

import numpy as np
import numpy.typing as npt

from semspace.errors import SemspaceWarning

# The letters of each script, for Rust's regular expressions, in the order of the numbers in `scan_kernel`.
UNSPACED = (
    r"\p{Han}",
    r"\p{Hiragana}",
    r"[\p{Katakana}ー]",
    r"\p{Thai}",
    r"\p{Lao}",
    r"\p{Khmer}",
    r"\p{Myanmar}",
)
SCRIPTS = ("Chinese", "Japanese", "Japanese", "Thai", "Lao", "Khmer", "Burmese")
_SHARE = 0.05  # of the documents: a few Chinese names in English texts are no reason to speak


REMEDY = "pip install 'semspace[icu]'"


def warn_unspaced(unspaced: npt.NDArray[Any], documents: int, remedy: str = REMEDY) -> None:
    """Warn where a good part of the documents is written without spaces, so that their words aren't words.

    Parameters
    ----------
    unspaced : ndarray of int64, shape (8,)
        See `flat.Words`.
    documents : int
        How many have a word.
    remedy : str
        What to do for words.

    The warning names the line that called the package, so that one call is warned of once.
    """
    if not unspaced[0] or unspaced[0] < _SHARE * documents:
        return
    counts = np.array(unspaced[1:])
    if 10 * counts[1:3].sum() > counts[0]:  # Japanese is written in Chinese characters, too
        counts[0] = 0
    script = SCRIPTS[int(np.argmax(counts))]
    units = "characters" if script in ("Chinese", "Japanese") else "syllables"
    frame, depth = sys._getframe(1), 2
    while frame.f_back is not None and str(frame.f_globals.get("__name__")).startswith("semspace."):
        frame, depth = frame.f_back, depth + 1
    warnings.warn(
        f"many texts are in {script}, which puts no spaces between words: {units} are taken for words; "
        f"for words, {remedy}",
        SemspaceWarning,
        stacklevel=depth,
    )
