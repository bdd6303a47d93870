"""Readability: LIX, for all languages written with spaces."""

from __future__ import annotations

import numpy as np

from semspace.types import Doubles1d, Ints1d


def lix(words: Ints1d, long_words: Ints1d, sentences: Ints1d) -> Doubles1d:
    """Return LIX of each document, shape (n,): words a sentence, plus the percentage of long words; NaN without words.

    About 20 is very easy, 30 easy (fiction), 40 medium (newspapers), 50 hard (factual prose), 60 very hard (Björnsson
    1968, Läsbarhet; Anderson 1983, Journal of Reading 26). Unlike Flesch's formulas it needs no syllables, so it can be
    had for any language written with spaces; but a language of long words, as German and Finnish with their compounds,
    comes out higher for the same kind of text (Björnsson 1983, Reading Research Quarterly 18): it ranks corpora of one
    language.

    Parameters
    ----------
    words, long_words, sentences : ndarray of int64, shape (n,)
        Words, those of more than six letters, and sentences of each document.

    Examples
    --------
    >>> import numpy as np
    >>> lix(np.array([20]), np.array([3]), np.array([2])).tolist()  # 20 / 2 + 100 * 3 / 20
    [25.0]
    """
    return per_sentence(words, sentences) + 100 * _ratio(long_words, words)


def per_sentence(words: Ints1d, sentences: Ints1d) -> Doubles1d:
    """Return the mean words of a sentence in each document, shape (n,); NaN without words."""
    return _ratio(words, sentences)


def _ratio(part: Ints1d, whole: Ints1d) -> Doubles1d:
    nonzero = whole > 0
    shares: Doubles1d = np.where(nonzero, part / np.where(nonzero, whole, 1), np.nan)
    return shares
