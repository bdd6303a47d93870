"""How hard documents are to read: LIX, which serves all languages written with spaces."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from semspace.comparison.profiles.text_counts import Counts

Floats = npt.NDArray[np.float64]


def lix(words: Counts, long: Counts, sentences: Counts) -> Floats:
    """Return LIX of each document, shape (n,): words a sentence, plus the percentage of long words; NaN without words.

    About 20 is very easy, 30 easy (fiction), 40 medium (newspapers), 50 hard (factual prose), 60 very hard (Björnsson
    1968, Läsbarhet; Anderson 1983, Journal of Reading 26). Unlike Flesch's formulas it needs no syllables, so it can be
    had for any language written with spaces; but a language of long words, as German and Finnish with their compounds,
    comes out higher for the same kind of text (Björnsson 1983, Reading Research Quarterly 18): it ranks corpora of one
    language.

    Parameters
    ----------
    words, long, sentences : ndarray of int64, shape (n,)
        Words, those of more than six letters, and sentences of each document.

    Examples
    --------
    >>> import numpy as np
    >>> lix(np.array([20]), np.array([3]), np.array([2])).tolist()  # 20 / 2 + 100 * 3 / 20
    [25.0]
    """
    return per_sentence(words, sentences) + 100 * _share(long, words)


def per_sentence(words: Counts, sentences: Counts) -> Floats:
    """Return the mean words of a sentence in each document, shape (n,); NaN without words."""
    return _share(words, sentences)


def _share(part: Counts, whole: Counts) -> Floats:
    some = whole > 0
    shares: Floats = np.where(some, part / np.where(some, whole, 1), np.nan)
    return shares
