"""The relative norm distance: to which of two groups some neutral words are nearer."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import polars as pl

from semspace.associations.word_sets import check_apart, checked_words, directions
from semspace.space import Space
from semspace.space_arguments import need_space


def relative_norm_distance(
    space: Space, first: Sequence[str], second: Sequence[str], words: Sequence[str]
) -> pl.DataFrame:
    """Return to which of two groups words are nearer, by the distances of their unit vectors.

    Parameters
    ----------
    space : Space
        Of words, or of texts with their encoder.
    first, second : list of str
        The groups, such as ``["she", "woman"]`` and ``["he", "man"]``; each counts by its mean unit vector.
    words : list of str
        Words that might be neutral, such as names of occupations.

    Returns
    -------
    polars.DataFrame
        A row for each word, nearest to the first group first: ``word``, ``to_first`` and ``to_second``, its distances,
        and ``difference``, the first less the second. The sum of ``difference`` is the measure of the paper: 0 if
        the words are as near to both groups, and below 0 if they are nearer to the first.

    Notes
    -----
    Garg, Schiebinger, Jurafsky & Zou (2018).

    Examples
    --------
    >>> import semspace as ss
    >>> space = ss.Space.from_vectors(["she", "he", "nurse", "guard"], [[1, 0], [0, 1], [3, 1], [1, 3]])
    >>> ss.relative_norm_distance(space, ["she"], ["he"], ["guard", "nurse"])["word"].to_list()
    ['nurse', 'guard']
    """
    need_space("relative_norm_distance", space)
    groups = {"first": checked_words("first", first), "second": checked_words("second", second)}
    check_apart(*groups.items())
    given = checked_words("words", words)
    points = directions(space, "words", given).astype(np.float64)
    near, far = (
        np.linalg.norm(points - directions(space, name, group).astype(np.float64).mean(axis=0), axis=1)
        for name, group in groups.items()
    )
    table = pl.DataFrame({"word": given, "to_first": near, "to_second": far, "difference": near - far})
    return table.sort("difference", "word")
