"""Texts of any length run through a transformer as one sequence of tokens, without padding.

All layers but attention work on single tokens, so the texts of a batch are concatenated. Only attention needs to know
which tokens belong to one text: there, texts of similar length are padded to a block each.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from semspace import checks
from semspace.types import Ints1d

ATTENTION_NAME = "semspace_packed"  # under which transformers knows the attention of this file
_MAX_PADDING_RATIO = 1.25  # size of a block over the tokens in it, at most


@dataclass(frozen=True)
class PackedBlock:
    """Consecutive texts of a packed sequence, shortest first, and where their tokens stand in a padded block.

    Parameters
    ----------
    first, last : int
        The tokens ``[first, last)`` of the sequence.
    n_texts, max_length : int
        Shape of the block.
    slots : tensor of int64, shape (last - first,)
        Index of each token in the flattened block.
    mask : tensor of bool, shape (n_texts, 1, 1, max_length), optional
        Which slots hold a token; None where all do.
    """

    first: int
    last: int
    n_texts: int
    max_length: int
    slots: Any
    mask: Any


@dataclass(frozen=True)
class Packing:
    """Layout of a packed sequence.

    Parameters
    ----------
    lengths : ndarray of int64, shape (texts,)
    blocks : tuple of PackedBlock
        What attention works on.
    positions : tensor of int64, shape (tokens,)
        Of each token in its text.
    causal : bool
        Whether a token attends to itself and those before it only.
    """

    lengths: Ints1d
    blocks: tuple[PackedBlock, ...]
    positions: Any
    causal: bool = False

    @classmethod
    def from_lengths(cls, lengths: Ints1d, device: str = "cpu", *, causal: bool = False) -> Packing:
        """Create the layout of texts of these lengths, which must be in ascending order."""
        import torch

        positions = np.concatenate([np.arange(length) for length in lengths])
        offsets = np.concatenate([[0], np.cumsum(lengths)])
        blocks = []
        for a, b in _similar_lengths(lengths):
            max_length = int(lengths[b - 1])
            block_positions = positions[offsets[a] : offsets[b]]
            text_numbers = np.repeat(np.arange(b - a), lengths[a:b])
            filled = np.arange(max_length) < lengths[a:b, None]
            mask = None if filled.all() else torch.from_numpy(filled)[:, None, None, :].to(device)
            slots = torch.from_numpy(text_numbers * max_length + block_positions).to(device)
            blocks.append(PackedBlock(int(offsets[a]), int(offsets[b]), b - a, max_length, slots, mask))
        return cls(lengths, tuple(blocks), torch.from_numpy(positions).to(device), causal)


def _similar_lengths(lengths: Ints1d) -> Iterator[tuple[int, int]]:
    """Iterate over ranges of sorted lengths whose blocks have little padding."""
    first, n_tokens = 0, 0
    for i, length in enumerate(lengths.tolist()):
        if i > first and (i + 1 - first) * length > _MAX_PADDING_RATIO * (n_tokens + length):
            yield first, i
            first, n_tokens = i, 0
        n_tokens += length
    yield first, len(lengths)


def pad_block(tokens: Any, block: PackedBlock) -> Any:
    """Return tokens, shape (last - first, ...), in a block padded with zeros, shape (n_texts, max_length, ...)."""
    flat = tokens.new_zeros(block.n_texts * block.max_length, *tokens.shape[1:])
    return flat.index_copy(0, block.slots, tokens).unflatten(0, (block.n_texts, block.max_length))


def packed_attention(
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
    """Compute attention within each text of a packed sequence; the signature is that of transformers' functions."""
    from torch.nn.functional import scaled_dot_product_attention

    assert packing is not None, f"{type(module).__name__} doesn't pass on the keyword arguments of its caller"
    sequences = [tensor[0].transpose(0, 1) for tensor in (query, key, value)]  # (tokens, heads, size)
    outputs = []
    for block in packing.blocks:
        q, k, v = (pad_block(tokens[block.first : block.last], block).transpose(1, 2) for tokens in sequences)
        mask = None if packing.causal else block.mask  # padding comes after all tokens of a text
        output = scaled_dot_product_attention(q, k, v, mask, dropout, is_causal=packing.causal, scale=scaling)
        outputs.append(output.transpose(1, 2).flatten(0, 1).index_select(0, block.slots))
    return _concatenated(outputs).unsqueeze(0), None


def _concatenated(tensors: Sequence[Any]) -> Any:
    import torch

    return tensors[0] if len(tensors) == 1 else torch.cat(list(tensors))


def register_attention() -> None:
    """Register `packed_attention` with transformers under `ATTENTION_NAME`."""
    transformers = checks.need("transformers", "transformers")
    transformers.AttentionInterface.register(ATTENTION_NAME, packed_attention)
