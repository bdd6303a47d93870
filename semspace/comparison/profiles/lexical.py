"""How varied the words of a document are, whatever its length: the moving-average type-token ratio.

The share of different words in a text falls as the text grows, since words come back: long texts look poor. The moving
average over windows of one size (MATTR, Covington & McFall 2010) doesn't depend on length. Like all measures that bring
texts to one length it depends on which (Bestgen 2023, arXiv 2307.04626), so all corpora have the same window. One of 50
serves shorter documents than MTLD (McCarthy & Jarvis 2010), which wants a hundred words (Koizumi 2012).
"""

from __future__ import annotations

import numpy as np

from semspace.kernels.compiling import compiled_strictly
from semspace.types import Doubles1d, Int32s1d, Ints1d

# Words in a window. Where documents are shorter than 50, a smaller one sees less repetition, and still compares.
WINDOWS = (50, 25, 10)


def choose_window(words: Ints1d, corpus_ids: Ints1d, n_corpora: int) -> int:
    """Return the largest window that at least half of the documents with words fill, in each corpus; at least 10.

    The same window serves all corpora, since ratios in windows of different sizes can't be compared.

    Parameters
    ----------
    words : ndarray of int64, shape (n,)
        Words of each document.
    corpus_ids : ndarray of int64, shape (n,)
        The corpus of each.
    n_corpora : int
    """
    sizes = [words[(corpus_ids == corpus) & (words > 0)] for corpus in range(n_corpora)]
    for window in WINDOWS:
        if all((of_one >= window).mean() >= 0.5 for of_one in sizes if len(of_one)):
            return window
    return WINDOWS[-1]


def moving_ratios(ids: Int32s1d, offsets: Ints1d, vocabulary_size: int, window: int) -> Doubles1d:
    """Return the mean share of different words in all windows of each document, shape (n,), in (0, 1].

    It is NaN where a document has fewer words than a window (Covington & McFall 2010, section 3).

    Parameters
    ----------
    ids : ndarray of int32, shape (words,)
        From 0, below `vocabulary_size`.
    offsets : ndarray of int64, shape (n + 1,)
    vocabulary_size : int
    window : int
        Words in a window.

    Examples
    --------
    >>> import numpy as np
    >>> moving_ratios(np.array([0, 1, 0, 0], np.int32), np.array([0, 4]), 2, window=2).round(3).tolist()
    [0.833]
    """
    return _moving_ratios(ids, offsets.astype(np.int64), vocabulary_size, window)


@compiled_strictly
def _moving_ratios(ids: Int32s1d, offsets: Ints1d, vocabulary_size: int, window: int) -> Doubles1d:
    ratios = np.full(len(offsets) - 1, np.nan)
    occurrences = np.zeros(vocabulary_size, np.int32)  # of each word in the window
    for document in range(len(ratios)):
        first, end = offsets[document], offsets[document + 1]
        if end - first < window:
            continue
        types, total = 0, 0
        for place in range(first, end):
            types += occurrences[ids[place]] == 0
            occurrences[ids[place]] += 1
            if place - first >= window:
                leaving = ids[place - window]
                occurrences[leaving] -= 1
                types -= occurrences[leaving] == 0
            if place - first >= window - 1:
                total += types
        ratios[document] = total / (window * (end - first - window + 1))
        for place in range(end - window, end):
            occurrences[ids[place]] = 0
    return ratios
