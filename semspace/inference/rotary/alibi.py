"""ALiBi: attention that falls with distance instead of embeddings of positions (Press et al. 2022)."""

from __future__ import annotations

import numpy as np

from semspace.types import Floats1d, Floats2d


def distance_penalties(heads: int, max_tokens: int) -> Floats2d:
    """Return ALiBi's penalty of each distance, key minus query, for each head (Press et al. 2022), on both sides."""
    distances = np.abs(np.arange(-(max_tokens - 1), max_tokens)).astype(np.float32)
    return np.ascontiguousarray(-slopes(heads)[:, None] * distances)


def slopes(heads: int) -> Floats1d:
    """Return a geometric sequence of slopes; between powers of two, every second one of the next sequence follows."""
    nearest = 1 << (heads.bit_length() - 1)
    sequence = 2.0 ** (-8.0 / nearest * np.arange(1, nearest + 1))
    if nearest < heads:
        sequence = np.concatenate([sequence, slopes(2 * nearest)[::2][: heads - nearest]])
    return sequence.astype(np.float32)
