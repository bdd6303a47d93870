"""Pretrained vectors as the initialisation of a training."""

from __future__ import annotations

import numpy as np

from semspace.errors import InputError
from semspace.space import Space
from semspace.types import Floats2d
from semspace.words.row_layout import RowLayout
from semspace.words.subwords import SubwordEncoder, Subwords
from semspace.words.vocabulary import TrainingVocabulary


def check_init(init: Space, dim: int, subwords: Subwords | None) -> None:
    """Raise `InputError` unless a training with these parameters can start from `init`."""
    if not isinstance(init, Space):
        raise InputError(f"init must be a Space of words; got {type(init).__name__}: see Word2Vec.train")
    if init.dim != dim:
        raise InputError(f"dim must be that of init, {init.dim}; got {dim}")
    pretrained = init.encoder.subwords if isinstance(init.encoder, SubwordEncoder) else None
    if pretrained != subwords:
        raise InputError(
            f"subword must be that of init, {_described(pretrained)}; got {_described(subwords)}: vectors of subwords "
            f"can neither be dropped nor be derived from those of words"
        )


def _described(subwords: Subwords | None) -> str:
    return repr(subwords == Subwords()) if subwords in (None, Subwords()) else repr(subwords)


def copy_pretrained(
    init: Space, vocabulary: TrainingVocabulary, layout: RowLayout, inputs: Floats2d, subwords: Subwords | None
) -> None:
    """Copy the vectors of `init` to the inputs; new words and subwords stay as they are."""
    dim = init.dim
    known = np.flatnonzero(vocabulary.init_rows >= 0)
    rows, init_rows = layout.rows[known], vocabulary.init_rows[known]
    if subwords is None:
        inputs[rows, :dim] = init.vectors[init_rows]
        return
    assert isinstance(init.encoder, SubwordEncoder)
    n = len(layout.rows)
    bucket_rows = init.encoder.rows_of(layout.buckets)
    inputs[n + np.flatnonzero(bucket_rows >= 0), :dim] = init.encoder.vectors[bucket_rows[bucket_rows >= 0]]
    # A word's vector is the mean of its pieces, so its own piece is their sum minus the subwords.
    for row, init_row in zip(rows.tolist(), init_rows.tolist(), strict=True):
        parts = layout.parts[layout.starts[row] + 1 : layout.starts[row + 1]]
        inputs[row, :dim] = init.vectors[init_row] * (len(parts) + 1) - inputs[parts, :dim].sum(axis=0)
