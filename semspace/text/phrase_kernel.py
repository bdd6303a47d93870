"""The loops of phrases, compiled: counting pairs of neighbouring words, and joining those that are phrases.

`count_pairs` and `join_phrases` are what other modules call; the compiled loops are under them. Tables here are
open-addressing hash tables with linear probing: an array of keys, 0 where a slot is free, and an array of values
beside it. Pairs are counted in parts: a table of millions of pairs doesn't fit into a cache, and each word would wait
for memory. So the keys of a block are first dealt out by their hash, and then each part counts its own in a table
small enough to stay near. A part belongs to one thread at a time; none of the loops holds Python's lock.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import pairwise
from math import log
from typing import Any

import numpy as np
import numpy.typing as npt

from semspace.kernels.compiling import compiled_strictly
from semspace.progress import bar
from semspace.threads import thread_count

Whole = npt.NDArray[np.int64]
Ids = npt.NDArray[np.int32]
Keys = npt.NDArray[np.uint64]
Flags = npt.NDArray[np.bool_]

BLOCK = 1 << 22  # words counted at a time: their keys take 64 MB
RUNS = 1 << 20  # runs of connector words that get a number; a text that makes sense has some thousands
PARTS = 512
LOST = -1  # a run of connector words that has no number, so that no phrase holds it
_SHIFT = np.uint64(64 - 9)  # the first 9 bits of a hash name one of 512 parts
_FULL = 0.6  # share of slots in use above which a part wants a larger table
_ONE = np.uint64(1)
# An odd factor of hashes, drawn anew in each process: nobody can write a text whose pairs all meet in one slot. No
# result depends on it. The loops take it as an argument, since a constant would be compiled in and kept.
_SECRET = np.uint64(secrets.randbits(64) | 1)


@dataclass(frozen=True)
class Pairs:
    """The pairs of neighbouring words of a text, in no order.

    Parameters
    ----------
    words : ndarray of int64, shape (vocabulary,)
        How many times each word comes; 0 for connector words.
    keys : ndarray of uint64, shape (pairs,)
    counts : ndarray of int64, shape (pairs,)
    bits : int
        Of a key, for each of the two words.
    steps : ndarray of uint64, shape (runs,)
        Which run, with which connector word, makes each run; run 0 is empty.
    forgotten : int
        Pairs that came this many times or fewer, when memory was full, were forgotten; 0 if none was.
    """

    words: Whole
    keys: Keys
    counts: Whole
    bits: int
    steps: Keys
    forgotten: int

    @property
    def vocabulary(self) -> int:
        """The number of distinct words and pairs."""
        return int(np.count_nonzero(self.words)) + len(self.keys)

    def parts(self, rows: npt.NDArray[np.int64]) -> tuple[Whole, Whole, Whole]:
        """Give the run, the first word and the second of some pairs."""
        keys, width = self.keys[rows] - _ONE, np.uint64(self.bits)
        mask = np.uint64((1 << self.bits) - 1)
        runs, first, second = keys >> (width + width), (keys >> width) & mask, keys & mask
        return runs.astype(np.int64), first.astype(np.int64), second.astype(np.int64)

    def run(self, number: int) -> list[int]:
        """Give the connector words of a run."""
        words = []
        while number:
            step = int(self.steps[number]) - 1
            number, word = step >> 32, step & 0xFFFFFFFF
            words.append(word)
        return words[::-1]


def count_pairs(ids: Ids, offsets: Whole, connects: Flags, most: int, *, progress: bool = True) -> Pairs:
    """Count the pairs of neighbouring words, connector words between them or none.

    Parameters
    ----------
    ids, offsets
        As in `Tokens`.
    connects : ndarray of bool, shape (vocabulary,)
        Which words are connector words.
    most : int
        Pairs held at once. Where there are more after a block, those that came once are forgotten; the next time
        those that came up to twice, and so on.
    """
    bits = max(1, (len(connects) - 1).bit_length())
    size = min(BLOCK, len(ids))
    runs = _Runs(min(RUNS, 2 ** (64 - 2 * bits) - 1), any_at_all=bool(connects.any()))
    state = np.array([-1, 0, 0, 1], np.int64)
    words = np.zeros(len(connects), np.int64)
    keys, dealt = np.empty(size, np.uint64), np.empty(size, np.uint64)
    with _Counter(slots=1 << min(12, max(4, (size // PARTS).bit_length())), most=most) as counter:
        with bar("Counting pairs", len(ids), unit="word", progress=progress) as shown:
            for start in range(0, len(ids), BLOCK):
                block = ids[start : start + BLOCK]
                sizes = np.zeros(PARTS, np.int64)
                n = pairs(
                    *(block, start, offsets, connects, bits, runs.table, runs.numbers, runs.most, state, words),
                    *(keys, sizes, _SECRET),
                )
                ends = np.cumsum(sizes)
                deal(keys[:n], ends - sizes, dealt, _SECRET)
                counter.add(dealt, ends - sizes, ends)
                shown.update(len(block))
        kept = counter.counts > 0
        found, counts, forgotten = counter.keys[kept], counter.counts[kept], counter.forgotten
    return Pairs(words, found, counts, bits, runs.steps(), forgotten)


class _Runs:
    """Numbers for runs of connector words, given as they are met."""

    def __init__(self, most: int, *, any_at_all: bool) -> None:
        slots = 2 * RUNS if any_at_all else 1  # empty pages cost nothing
        self.most = most
        self.table, self.numbers = np.zeros(slots, np.uint64), np.zeros(slots, np.int32)

    def steps(self) -> Keys:
        """Give the step that makes each run, by number."""
        taken = np.flatnonzero(self.table)
        steps = np.zeros(len(taken) + 1, np.uint64)
        steps[self.numbers[taken]] = self.table[taken]
        return steps


class _Counter:
    """The table of pairs while it grows: `keys` and `counts` of shape (parts, slots)."""

    def __init__(self, slots: int, most: int) -> None:
        workers = thread_count()
        borders = np.linspace(0, PARTS, min(PARTS, 4 * workers) + 1).astype(int).tolist()
        self._shares = list(pairwise(borders))
        self._pool = ThreadPoolExecutor(workers)
        self._used = np.zeros(PARTS, np.int64)
        self._most = most
        self.forgotten = 0
        self.keys, self.counts = np.zeros((PARTS, slots), np.uint64), np.zeros((PARTS, slots), np.int64)

    def __enter__(self) -> _Counter:
        return self

    def __exit__(self, *_: object) -> None:
        self._pool.shutdown()

    def add(self, dealt: Keys, begins: Whole, ends: Whole) -> None:
        """Count the keys of a block, which `deal` has brought together."""
        while True:
            self._in_threads(
                lambda low, high: count(dealt, begins, ends, low, high, self.keys, self.counts, self._used, _SECRET)
            )
            if (begins == ends).all():
                break
            self._move(2 * self.keys.shape[1], floor=0)
        while self._used.sum() > self._most:
            self.forgotten += 1
            self._move(self.keys.shape[1], floor=self.forgotten)

    def _move(self, slots: int, *, floor: int) -> None:
        """Go over to a new table, without the pairs that come `floor` times or fewer."""
        keys, counts = np.zeros((PARTS, slots), np.uint64), np.zeros((PARTS, slots), np.int64)
        self._in_threads(
            lambda low, high: move(self.keys, self.counts, floor, low, high, keys, counts, self._used, _SECRET)
        )
        self.keys, self.counts = keys, counts

    def _in_threads(self, work: Callable[[int, int], None]) -> None:
        list(self._pool.map(lambda share: work(*share), self._shares))


def join_phrases(ids: Ids, offsets: Whole, connects: Flags, phrases: list[list[int]]) -> tuple[Ids, Whole]:
    """Join phrases, leftmost first.

    Parameters
    ----------
    ids, offsets, connects
        As for `count_pairs`.
    phrases : list of lists of int
        The words of each phrase.

    Returns
    -------
    (ndarray of int32, ndarray of int64)
        Ids and offsets; phrase ``j`` has the id ``len(connects) + j``.
    """
    nodes, steps = _tree(phrases, len(connects))
    slots = 1 << (2 * len(steps)).bit_length()
    keys = np.array([((node << 32) | word) + 1 for node, word in steps], np.uint64)
    table, targets = table_of(keys, np.array(list(steps.values()), np.int32), slots, _SECRET)
    out, bounds = np.empty(len(ids), np.int32), np.zeros(len(offsets), np.int64)
    n = join(ids, offsets, connects, nodes, table, targets, out, bounds, _SECRET)
    out.resize(n, refcheck=False)  # gives back what it doesn't need; `out` is nobody else's
    return out, bounds


def _tree(phrases: list[list[int]], words: int) -> tuple[Ids, dict[tuple[int, int], int]]:
    """Lay phrases out as steps: a first word to its node, a connector word to a further node, a last word to the id."""
    nodes = np.full(words, -1, np.int32)
    steps: dict[tuple[int, int], int] = {}
    made = 0
    for number, (first, *between, last) in enumerate(phrases):
        if nodes[first] < 0:
            nodes[first], made = made, made + 1
        node = int(nodes[first])
        for word in between:
            if (node, word) not in steps:
                steps[node, word], made = made, made + 1
            node = steps[node, word]
        steps[node, last] = words + number
    return nodes, steps


@compiled_strictly
def mixed(key: np.uint64, secret: np.uint64) -> Any:
    """Scatter the bits of a key over all 64, so that the first pick a part and the last a slot."""
    key = (key ^ (key >> np.uint64(32))) * secret
    key = (key ^ (key >> np.uint64(29))) * np.uint64(0xD6E8FEB86659FD93)
    return key ^ (key >> np.uint64(32))


@compiled_strictly
def slot(keys: Keys, key: np.uint64, secret: np.uint64) -> np.uint64:
    """Give the slot that holds `key`, or the free slot where it belongs; the table has a power of two of them."""
    mask = np.uint64(len(keys) - 1)
    place: np.uint64 = mixed(key, secret) & mask
    while keys[place] != key and keys[place] != 0:
        place = (place + _ONE) & mask
    return place


@compiled_strictly
def edge(node: int, word: int) -> Any:
    """Make the key of the step from a node with a word; never 0."""
    return ((np.uint64(node) << np.uint64(32)) | np.uint64(word)) + _ONE


@compiled_strictly
def table_of(keys: Keys, values: Ids, slots: int, secret: np.uint64) -> tuple[Keys, Ids]:
    """Make a table of distinct keys."""
    table, beside = np.zeros(slots, np.uint64), np.zeros(slots, np.int32)
    for i in range(len(keys)):
        place = slot(table, keys[i], secret)
        table[place], beside[place] = keys[i], values[i]
    return table, beside


@compiled_strictly
def longer(table: Keys, numbers: Ids, most: int, state: Whole, run: int, word: int, secret: np.uint64) -> int:
    """Give the number of a run of connector words made longer by one, a new number if it wasn't met before."""
    if run == LOST:
        return LOST
    key = edge(run, word)
    place = slot(table, key, secret)
    if table[place] == key:
        return int(numbers[place])
    if state[3] == most:
        return LOST
    table[place], numbers[place] = key, state[3]
    state[3] += 1
    return int(numbers[place])


@compiled_strictly
def pairs(
    ids: Ids,
    start: int,
    offsets: Whole,
    connects: Flags,
    bits: int,
    table: Keys,
    numbers: Ids,
    most: int,
    state: Whole,
    counts: Whole,
    keys: Keys,
    sizes: Whole,
    secret: np.uint64,
) -> int:
    """Write the key of each pair of neighbours in a block of words, and return how many there are.

    The block starts at word `start` of the text. A key holds the run of connector words between the two (0 for none),
    the first word and the second, in `bits` bits each. `state` is carried from block to block: the last word that
    connects nothing (-1 for none), the run since, the document, and how many runs have a number. `counts` are of
    words, `sizes` of pairs in each part; both are added to.
    """
    last, run, document = state[0], state[1], state[2]
    border = offsets[document]
    width = np.uint64(bits)
    n = 0
    for i in range(len(ids)):
        while start + i >= border:  # a document begins; empty ones are passed over
            last, run = -1, 0
            document += 1
            border = offsets[document]
        word = ids[i]
        if connects[word]:
            if last >= 0:
                run = longer(table, numbers, most, state, run, word, secret)
            continue
        counts[word] += 1
        if last >= 0 and run != LOST:
            key = ((((np.uint64(run) << width) | np.uint64(last)) << width) | np.uint64(word)) + _ONE
            keys[n] = key
            sizes[mixed(key, secret) >> _SHIFT] += 1
            n += 1
        last, run = word, 0
    state[0], state[1], state[2] = last, run, document
    return n


@compiled_strictly
def deal(keys: Keys, places: Whole, dealt: Keys, secret: np.uint64) -> None:
    """Bring the keys of each part together; `places` says where each part begins, and is moved to its end."""
    for key in keys:
        part = mixed(key, secret) >> _SHIFT
        dealt[places[part]] = key
        places[part] += 1


@compiled_strictly
def count(
    dealt: Keys,
    begins: Whole,
    ends: Whole,
    low: int,
    high: int,
    keys: Keys,
    counts: Whole,
    used: Whole,
    secret: np.uint64,
) -> None:
    """Count the keys of parts `low` to `high`, each in its row of `keys` and `counts`, shape (parts, slots).

    A part whose row is full stops there, and its begin is moved to the first key that isn't counted.
    """
    full = int(keys.shape[1] * _FULL)
    for part in range(low, high):
        table, tally = keys[part], counts[part]
        i = begins[part]
        while i < ends[part]:
            key = dealt[i]
            place = slot(table, key, secret)
            if table[place] == 0:
                if used[part] >= full:
                    break
                table[place] = key
                used[part] += 1
            tally[place] += 1
            i += 1
        begins[part] = i


@compiled_strictly
def move(
    keys: Keys,
    counts: Whole,
    floor: int,
    low: int,
    high: int,
    to_keys: Keys,
    to_counts: Whole,
    used: Whole,
    secret: np.uint64,
) -> None:
    """Move the pairs of parts `low` to `high` that come more than `floor` times to another table."""
    for part in range(low, high):
        table, tally = to_keys[part], to_counts[part]
        n = 0
        for i in range(keys.shape[1]):
            if counts[part, i] > floor:
                place = slot(table, keys[part, i], secret)
                table[place], tally[place] = keys[part, i], counts[part, i]
                n += 1
        used[part] = n


@compiled_strictly
def npmi(first: Whole, second: Whole, both: Whole, total: float) -> npt.NDArray[np.float64]:
    """Score pairs by normalised pointwise mutual information.

    Compiled for the sake of its logarithm: the C library's, which gives every machine the score that Python's own
    would, where numpy's is one of several.
    """
    scores = np.empty(len(both))
    for i in range(len(both)):
        share = both[i] / total
        scores[i] = log(share / ((first[i] / total) * (second[i] / total))) / -log(share)
    return scores


@compiled_strictly
def join(
    ids: Ids,
    offsets: Whole,
    connects: Flags,
    nodes: Ids,
    table: Keys,
    targets: Ids,
    out: Ids,
    bounds: Whole,
    secret: np.uint64,
) -> int:
    """Write a text with its phrases joined, leftmost first, and return its number of words.

    `nodes` gives each word's node if a phrase starts with it, else -1. `table` and `targets` hold the steps: from a
    node with a connector word to a node, and with any other word to the id of a phrase. `bounds` gets the offsets of
    the documents in `out`.
    """
    n = 0
    bounds[0] = 0
    for document in range(len(offsets) - 1):
        start, node = -1, -1  # where the words held back begin, and how far along a phrase they are
        for i in range(offsets[document], offsets[document + 1]):
            word = ids[i]
            if connects[word]:
                if start < 0:
                    out[n] = word
                    n += 1
                elif node >= 0:
                    node = step(table, targets, node, word, secret)
                continue
            if start >= 0:
                phrase = step(table, targets, node, word, secret) if node >= 0 else -1
                if phrase >= 0:
                    out[n] = phrase
                    n += 1
                    start = -1
                    continue
                for held in range(start, i):
                    out[n] = ids[held]
                    n += 1
            start, node = i, nodes[word]
        if start >= 0:
            for held in range(start, offsets[document + 1]):
                out[n] = ids[held]
                n += 1
        bounds[document + 1] = n
    return n


@compiled_strictly
def step(table: Keys, targets: Ids, node: int, word: int, secret: np.uint64) -> int:
    """Give where the step from a node with a word leads, or -1."""
    key = edge(node, word)
    place = slot(table, key, secret)
    return int(targets[place]) if table[place] == key else -1


@compiled_strictly
def tally(ids: Ids, counts: Whole) -> None:
    """Add each word to the counts of its id."""
    for word in ids:
        counts[word] += 1


@compiled_strictly
def renumber(ids: Ids, numbers: Ids) -> None:
    """Give each word its new number, in place."""
    for i in range(len(ids)):
        ids[i] = numbers[ids[i]]
