"""Hashing in compiled code: FNV-1a of bytes, two mixers of 64 bits, and hash tables with open addressing.

A mixer spreads what a number holds over all its bits: tables use the low bits as a slot, and the high ones as a
partition or a tag.
"""

from typing import Any

import numpy as np

from semspace.kernels.compiling import compiled_strictly, inlined
from semspace.types import Bytes1d, Int32s1d, UInt64s1d

FNV_BASIS = np.uint64(0xCBF29CE484222325)  # the starting value of FNV's definition, where no secret one is needed
FNV_PRIME = np.uint64(0x100000001B3)
_MURMUR_FACTOR = np.uint64(0xFF51AFD7ED558CCD)  # of MurmurHash3's finalizer
_KEYED_FACTOR = np.uint64(0xD6E8FEB86659FD93)
_HALF = np.uint64(32)
_ONE = np.uint64(1)


@inlined
def mix(state: np.uint64) -> np.uint64:
    """Return a hash state with its bits mixed, as the first round of MurmurHash3's finalizer does."""
    state = (state ^ (state >> _HALF)) * _MURMUR_FACTOR
    return state ^ (state >> _HALF)  # type: ignore[no-any-return]


@inlined
def fnv1a(data: Bytes1d, start: int, stop: int, basis: np.uint64) -> np.uint64:
    """Return the hash of ``data[start:stop]``: FNV-1a (Fowler, Noll, Vo), mixed."""
    state = basis
    for i in range(start, stop):
        state = (state ^ np.uint64(data[i])) * FNV_PRIME
    result: np.uint64 = mix(state)
    return result


@compiled_strictly
def keyed_mix(key: np.uint64, secret: np.uint64) -> Any:
    """Return a key with its bits mixed by a secret odd factor, so that nobody can choose keys that share a slot."""
    key = (key ^ (key >> np.uint64(32))) * secret
    key = (key ^ (key >> np.uint64(29))) * _KEYED_FACTOR
    return key ^ (key >> np.uint64(32))


@compiled_strictly
def find_slot(keys: UInt64s1d, key: np.uint64, secret: np.uint64) -> np.uint64:
    """Return the slot that holds `key`, or the free slot (0) where it belongs.

    The table has a power of two of slots, and at least one of them is free.
    """
    mask = np.uint64(len(keys) - 1)
    slot: np.uint64 = keyed_mix(key, secret) & mask
    while keys[slot] != key and keys[slot] != 0:
        slot = (slot + _ONE) & mask
    return slot


@compiled_strictly
def build_table(keys: UInt64s1d, values: Int32s1d, slots: int, secret: np.uint64) -> tuple[UInt64s1d, Int32s1d]:
    """Return a table of distinct keys, none of them 0, and the value of each slot."""
    table, slot_values = np.zeros(slots, np.uint64), np.zeros(slots, np.int32)
    for i in range(len(keys)):
        slot = find_slot(table, keys[i], secret)
        table[slot], slot_values[slot] = keys[i], values[i]
    return table, slot_values
