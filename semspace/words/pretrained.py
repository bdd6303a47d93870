"""Vectors of an earlier training as the beginning of the next."""

from __future__ import annotations

import numpy as np

from semspace.errors import InputError
from semspace.space import Space
from semspace.types import Floats2d
from semspace.words.row_layout import Layout
from semspace.words.subwords import SubwordEncoder, Subwords
from semspace.words.vocabulary import Vocabulary


def check_start(start: Space, dim: int, subwords: Subwords | None) -> None:
    """Raise unless a training with these parameters can go on from `start`."""
    if not isinstance(start, Space):
        raise InputError(f"init must be a Space of words; got {type(start).__name__}: see Word2Vec.train")
    if start.dim != dim:
        raise InputError(f"dim must be that of init, {start.dim}; got {dim}")
    theirs = start.encoder.subwords if isinstance(start.encoder, SubwordEncoder) else None
    if theirs != subwords:
        raise InputError(
            f"subword must be that of init, {_said(theirs)}; got {_said(subwords)}: what it knows of subwords can "
            f"neither be left out nor be made up"
        )


def _said(subwords: Subwords | None) -> str:
    return repr(subwords == Subwords()) if subwords in (None, Subwords()) else repr(subwords)


def put_start(
    start: Space, vocabulary: Vocabulary, layout: Layout, inputs: Floats2d, subwords: Subwords | None
) -> None:
    """Put the vectors of `start` where they belong among the inputs; new words and subwords stay as they are."""
    dim = start.dim
    known = np.flatnonzero(vocabulary.before >= 0)
    rows, before = layout.rows[known], vocabulary.before[known]
    if subwords is None:
        inputs[rows, :dim] = start.vectors[before]
        return
    assert isinstance(start.encoder, SubwordEncoder)
    n = len(layout.rows)
    place = start.encoder.rows_of(layout.buckets)
    inputs[n + np.flatnonzero(place >= 0), :dim] = start.encoder.vectors[place[place >= 0]]
    # A word's vector is the mean of its pieces, so its own piece is what the others leave of their sum.
    for row, own in zip(rows.tolist(), before.tolist(), strict=True):
        parts = layout.parts[layout.starts[row] + 1 : layout.starts[row + 1]]
        inputs[row, :dim] = start.vectors[own] * (len(parts) + 1) - inputs[parts, :dim].sum(axis=0)
