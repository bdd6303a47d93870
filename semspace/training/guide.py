"""A guide: an encoder that isn't trained, and tells which negatives of a batch may be partners (GISTEmbed)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from semspace import queries
from semspace.display import clip
from semspace.errors import InputError
from semspace.sentences.encoder import Encoder
from semspace.sentences.routed_encoder import RoutedEncoder
from semspace.types import Bools2d, Floats1d, Floats2d, Int32s1d, Int32s2d

STRATEGIES = ("absolute", "relative")  # of a margin: a difference of cosines, or a share of the partner's
_ROUNDING = 1e-6  # cosines that differ by less are the same: of two spellings that the guide's tokenizer reads as one


def check_guide(guide: Encoder) -> Encoder:
    """Return a guide, or raise `InputError` if it doesn't encode all texts alike."""
    if isinstance(guide, RoutedEncoder):
        raise InputError(
            f"guide must encode all texts alike; {clip(guide.name, 60)} has sides ({', '.join(guide.sides)}): give "
            f"another model"
        )
    return guide


def guide_vectors(guide: Encoder, texts: Sequence[str], *, progress: bool) -> Floats2d:
    """Return the guide's vectors of texts, of length 1, float32 of shape (len(texts), its dim)."""
    vectors: Floats2d = queries.unit(guide.encode(list(texts), prompt="", progress=progress), floor=queries.TINY)
    return vectors


def cosine_limits(vectors: Floats2d, rows: Int32s2d, margin: float, strategy: str) -> Floats1d:
    """Return the cosine from which a negative counts as a partner, by the guide's vectors of each example's partners.

    It is infinite where the guide's vector of one of the two is zero, so that it says nothing of them.
    """
    first, second = (vectors[rows[:, column]] for column in (0, 1))
    cosines = np.einsum("ij,ij->i", first, second)
    limits: Floats1d = cosines - (np.abs(cosines) * margin if strategy == "relative" else margin)
    is_known = first.any(axis=1) & second.any(axis=1)
    limits[~is_known] = np.inf
    return limits


def false_negatives(vectors: Floats2d, texts: Int32s1d, candidates: Int32s1d, limits: Floats1d) -> Bools2d:
    """Return which candidates are as near to which texts as their limit, or nearer, shape (texts, candidates)."""
    mask: Bools2d = vectors[texts] @ vectors[candidates].T >= limits[:, None] - _ROUNDING
    return mask
