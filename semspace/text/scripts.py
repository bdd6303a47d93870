"""Scripts without spaces between words, and the warning that their words were split into smaller units."""

from __future__ import annotations

import sys
import warnings

import numpy as np

from semspace.errors import SemspaceWarning
from semspace.types import ArrayXd

# The letters of each script, for Rust's regular expressions, in the order of the numbers in `tokenize_kernel`.
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
_SHARE = 0.05  # minimum share of documents for a warning: a few Chinese names in English texts need none


REMEDY = "pip install 'semspace[icu]'"


def warn_of_unspaced(unspaced: ArrayXd, documents: int, remedy: str = REMEDY) -> None:
    """Warn if many documents are in a script without spaces, so that their tokens aren't words.

    Parameters
    ----------
    unspaced : ndarray of int64, shape (8,)
        See `WordBlock`.
    documents : int
        Number of documents with a word.
    remedy : str
        How to get words.

    The warning points to the line that called the package, so that each call warns once.
    """
    if not unspaced[0] or unspaced[0] < _SHARE * documents:
        return
    counts = np.array(unspaced[1:])
    if 10 * counts[1:3].sum() > counts[0]:  # Japanese texts contain Chinese characters, too
        counts[0] = 0
    script = SCRIPTS[int(np.argmax(counts))]
    units = "characters" if script in ("Chinese", "Japanese") else "syllables"
    frame, depth = sys._getframe(1), 2
    while frame.f_back is not None and str(frame.f_globals.get("__name__")).startswith("semspace."):
        frame, depth = frame.f_back, depth + 1
    warnings.warn(
        f"many texts are in {script}, which has no spaces between words: they were split into {units}; "
        f"for words, {remedy}",
        SemspaceWarning,
        stacklevel=depth,
    )
