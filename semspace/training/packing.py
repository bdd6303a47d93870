"""Texts of any length run through a transformer as one row of tokens, without padding.

All but attention works on tokens one by one, so a batch is laid end to end. Attention alone needs to know which tokens
are of one text: there, texts of about the same length are put into a block each.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from semspace import checks

NAME = "semspace_packed"
_WASTE = 1.25  # a block may have so many times the places that its texts fill


@dataclass(frozen=True)
class Block:
    """Texts that lie beside each other, shortest first, and their places in a block of equal lengths.

    Parameters
    ----------
    first, last : int
        Which tokens of the row they are.
    texts, longest : int
        Shape of the block.
    places : tensor of int64, shape (last - first,)
        Where in the flat block each of the tokens stands.
    mask : tensor of bool, shape (texts, 1, 1, longest), optional
        Which places are filled; None where all are.
    """

    first: int
    last: int
    texts: int
    longest: int
    places: Any
    mask: Any


@dataclass(frozen=True)
class Packing:
    """Where the texts of a row begin, and the blocks that attention sees."""

    lengths: npt.NDArray[np.int64]
    blocks: tuple[Block, ...]
    positions: Any  # tensor of int64, shape (tokens,)
    causal: bool = False  # whether a token sees those before it only

    @classmethod
    def of(cls, lengths: npt.NDArray[np.int64], device: str = "cpu", *, causal: bool = False) -> Packing:
        """Lay out texts, which must come shortest first."""
        import torch

        positions = np.concatenate([np.arange(length) for length in lengths])
        starts = np.concatenate([[0], np.cumsum(lengths)])
        blocks = []
        for a, b in _runs(lengths):
            longest = int(lengths[b - 1])
            own = positions[starts[a] : starts[b]]
            rows = np.repeat(np.arange(b - a), lengths[a:b])
            filled = np.arange(longest) < lengths[a:b, None]
            mask = None if filled.all() else torch.from_numpy(filled)[:, None, None, :].to(device)
            places = torch.from_numpy(rows * longest + own).to(device)
            blocks.append(Block(int(starts[a]), int(starts[b]), b - a, longest, places, mask))
        return cls(lengths, tuple(blocks), torch.from_numpy(positions).to(device), causal)


def _runs(lengths: npt.NDArray[np.int64]) -> Iterator[tuple[int, int]]:
    """Cut sorted lengths into runs whose blocks are mostly filled."""
    first, filled = 0, 0
    for i, length in enumerate(lengths.tolist()):
        if i > first and (i + 1 - first) * length > _WASTE * (filled + length):
            yield first, i
            first, filled = i, 0
        filled += length
    yield first, len(lengths)


def spread(tokens: Any, block: Block) -> Any:
    """Put tokens, shape (last - first, ...), into a block of zeros, shape (texts, longest, ...)."""
    flat = tokens.new_zeros(block.texts * block.longest, *tokens.shape[1:])
    return flat.index_copy(0, block.places, tokens).unflatten(0, (block.texts, block.longest))


def attention(
    module: Any,
    query: Any,
    key: Any,
    value: Any,
    attention_mask: Any,  # noqa: ARG001  (transformers' signature)
    scaling: float | None = None,
    dropout: float = 0.0,
    packing: Packing | None = None,
    **_: Any,
) -> tuple[Any, None]:
    """Attend within each text; takes and gives what transformers' attention functions do, for one row of tokens."""
    from torch.nn.functional import scaled_dot_product_attention

    assert packing is not None, f"{type(module).__name__} doesn't hand on what its caller gives"
    rows = [one[0].transpose(0, 1) for one in (query, key, value)]  # (tokens, heads, size)
    parts = []
    for block in packing.blocks:
        q, k, v = (spread(one[block.first : block.last], block).transpose(1, 2) for one in rows)
        mask = None if packing.causal else block.mask  # what isn't filled comes after all that is
        found = scaled_dot_product_attention(q, k, v, mask, dropout, is_causal=packing.causal, scale=scaling)
        parts.append(found.transpose(1, 2).flatten(0, 1).index_select(0, block.places))
    return _joined(parts).unsqueeze(0), None


def _joined(parts: Sequence[Any]) -> Any:
    import torch

    return parts[0] if len(parts) == 1 else torch.cat(list(parts))


def register() -> None:
    """Make transformers know this attention by its `NAME`."""
    transformers = checks.need("transformers", "transformers")
    transformers.AttentionInterface.register(NAME, attention)
