"""Compiled loops of phrase detection: counting bigrams, and joining those that are phrases.

`count_pairs` and `join_phrases` are the entry points. Hash tables are those of `kernels/hashing.py`: an array of keys,
0 for a free slot, and an array of values. Pairs are counted in partitions, since one table of millions of pairs
wouldn't fit into the cache: the keys of a block are first partitioned by their hash, then each partition counts its
keys in a small table. A partition belongs to one thread at a time, and the loops release the GIL.
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

from semspace.kernels.compiling import compiled_strictly
from semspace.kernels.hashing import build_table, find_slot, keyed_mix
from semspace.progress import bar
from semspace.threads import thread_count
from semspace.types import Bools1d, Doubles1d, Int32s1d, Ints1d, UInt64s1d

BLOCK = 1 << 22  # number of words counted at a time; their keys take 64 MB
MAX_RUNS = 1 << 20  # maximum number of distinct runs of connector words; real texts have some thousands
PARTITIONS = 512
NO_RUN = -1  # a run of connector words beyond `MAX_RUNS`; no phrase contains it
_SHIFT = np.uint64(64 - 9)  # the first 9 bits of a hash select one of 512 partitions
_FULL = 0.6  # load factor above which the tables are enlarged
_ONE = np.uint64(1)
# A random odd factor, drawn in each process, so that nobody can write a text whose pairs all collide. No result depends
# on it. It is passed as an argument, since a constant would be compiled into the cached code.
_SECRET = np.uint64(secrets.randbits(64) | 1)


@dataclass(frozen=True)
class PairCounts:
    """The counts of the pairs of neighbouring words of a text, in no particular order.

    Parameters
    ----------
    words : ndarray of int64, shape (vocabulary,)
        Count of each word; 0 for connector words.
    keys : ndarray of uint64, shape (pairs,)
    counts : ndarray of int64, shape (pairs,)
    bits : int
        Number of bits of a key for each of the two words.
    steps : ndarray of uint64, shape (runs,)
        For each run of connector words, its key: the run before its last word, and that word. Run 0 is empty.
    forgotten : int
        Pairs with at most this count were dropped when memory was full; 0 if none were.
    """

    words: Ints1d
    keys: UInt64s1d
    counts: Ints1d
    bits: int
    steps: UInt64s1d
    forgotten: int

    @property
    def vocabulary(self) -> int:
        """The number of distinct words and pairs."""
        return int(np.count_nonzero(self.words)) + len(self.keys)

    def parts(self, rows: Ints1d) -> tuple[Ints1d, Ints1d, Ints1d]:
        """Return the run, the first word and the second word of some pairs."""
        keys, width = self.keys[rows] - _ONE, np.uint64(self.bits)
        mask = np.uint64((1 << self.bits) - 1)
        runs, first, second = keys >> (width + width), (keys >> width) & mask, keys & mask
        return runs.astype(np.int64), first.astype(np.int64), second.astype(np.int64)

    def run(self, number: int) -> list[int]:
        """Return the connector words of a run."""
        words = []
        while number:
            step = int(self.steps[number]) - 1
            number, word = step >> 32, step & 0xFFFFFFFF
            words.append(word)
        return words[::-1]


def count_pairs(
    ids: Int32s1d, offsets: Ints1d, connects: Bools1d, max_pairs: int, *, progress: bool = True
) -> PairCounts:
    """Count pairs of neighbouring words, with or without connector words between them.

    Parameters
    ----------
    ids, offsets
        As in `Tokens`.
    connects : ndarray of bool, shape (vocabulary,)
        Which words are connector words.
    max_pairs : int
        Maximum number of distinct pairs. If there are more after a block, pairs with a count of 1 are dropped, the next
        time those with a count up to 2, and so on.
    """
    bits = max(1, (len(connects) - 1).bit_length())
    size = min(BLOCK, len(ids))
    runs = _Runs(min(MAX_RUNS, 2 ** (64 - 2 * bits) - 1), any_at_all=bool(connects.any()))
    state = np.array([-1, 0, 0, 1], np.int64)
    words = np.zeros(len(connects), np.int64)
    keys, partitioned = np.empty(size, np.uint64), np.empty(size, np.uint64)
    with _Counter(slots=1 << min(12, max(4, (size // PARTITIONS).bit_length())), max_pairs=max_pairs) as counter:
        with bar("counting pairs", len(ids), unit="word", progress=progress) as progress_bar:
            for start in range(0, len(ids), BLOCK):
                block = ids[start : start + BLOCK]
                sizes = np.zeros(PARTITIONS, np.int64)
                n = write_pair_keys(
                    *(block, start, offsets, connects, bits, runs.table, runs.numbers, runs.max_runs, state, words),
                    *(keys, sizes, _SECRET),
                )
                ends = np.cumsum(sizes)
                partition_keys(keys[:n], ends - sizes, partitioned, _SECRET)
                counter.add(partitioned, ends - sizes, ends)
                progress_bar.update(len(block))
        in_use = counter.counts > 0
        pair_keys, counts, forgotten = counter.keys[in_use], counter.counts[in_use], counter.forgotten
    return PairCounts(words, pair_keys, counts, bits, runs.steps(), forgotten)


class _Runs:
    """Numbers of runs of connector words, assigned in order of appearance."""

    def __init__(self, max_runs: int, *, any_at_all: bool) -> None:
        slots = 2 * MAX_RUNS if any_at_all else 1  # empty pages cost nothing
        self.max_runs = max_runs
        self.table, self.numbers = np.zeros(slots, np.uint64), np.zeros(slots, np.int32)

    def steps(self) -> UInt64s1d:
        """Return the key of each run, by its number."""
        slots = np.flatnonzero(self.table)
        steps = np.zeros(len(slots) + 1, np.uint64)
        steps[self.numbers[slots]] = self.table[slots]
        return steps


class _Counter:
    """A growing hash table of pairs: `keys` and `counts`, shape (partitions, slots)."""

    def __init__(self, slots: int, max_pairs: int) -> None:
        workers = thread_count()
        borders = np.linspace(0, PARTITIONS, min(PARTITIONS, 4 * workers) + 1).astype(int).tolist()
        self._shares = list(pairwise(borders))
        self._pool = ThreadPoolExecutor(workers)
        self._used = np.zeros(PARTITIONS, np.int64)
        self._max_pairs = max_pairs
        self.forgotten = 0
        self.keys, self.counts = np.zeros((PARTITIONS, slots), np.uint64), np.zeros((PARTITIONS, slots), np.int64)

    def __enter__(self) -> _Counter:
        return self

    def __exit__(self, *_: object) -> None:
        self._pool.shutdown()

    def add(self, partitioned: UInt64s1d, begins: Ints1d, ends: Ints1d) -> None:
        """Count the keys of a block, sorted by partition."""
        while True:
            self._in_threads(
                lambda low, high: count_keys(
                    partitioned, begins, ends, low, high, self.keys, self.counts, self._used, _SECRET
                )
            )
            if (begins == ends).all():
                break
            self._move(2 * self.keys.shape[1], floor=0)
        while self._used.sum() > self._max_pairs:
            self.forgotten += 1
            self._move(self.keys.shape[1], floor=self.forgotten)

    def _move(self, slots: int, *, floor: int) -> None:
        """Move to a new table, without the pairs whose count is at most `floor`."""
        keys, counts = np.zeros((PARTITIONS, slots), np.uint64), np.zeros((PARTITIONS, slots), np.int64)
        self._in_threads(
            lambda low, high: move_counts(self.keys, self.counts, floor, low, high, keys, counts, self._used, _SECRET)
        )
        self.keys, self.counts = keys, counts

    def _in_threads(self, work: Callable[[int, int], None]) -> None:
        list(self._pool.map(lambda share: work(*share), self._shares))


def join_phrases(
    ids: Int32s1d, offsets: Ints1d, connects: Bools1d, phrases: list[list[int]]
) -> tuple[Int32s1d, Ints1d]:
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
    table, targets = build_table(keys, np.array(list(steps.values()), np.int32), slots, _SECRET)
    out, bounds = np.empty(len(ids), np.int32), np.zeros(len(offsets), np.int64)
    n = join_text(ids, offsets, connects, nodes, table, targets, out, bounds, _SECRET)
    out.resize(n, refcheck=False)  # gives back what it doesn't need; `out` is nobody else's
    return out, bounds


def _tree(phrases: list[list[int]], words: int) -> tuple[Int32s1d, dict[tuple[int, int], int]]:
    """Return a trie of phrases: the node of each first word, and transitions to the next node or a phrase's id."""
    nodes = np.full(words, -1, np.int32)
    steps: dict[tuple[int, int], int] = {}
    n_nodes = 0
    for number, (first, *between, last) in enumerate(phrases):
        if nodes[first] < 0:
            nodes[first], n_nodes = n_nodes, n_nodes + 1
        node = int(nodes[first])
        for word in between:
            if (node, word) not in steps:
                steps[node, word], n_nodes = n_nodes, n_nodes + 1
            node = steps[node, word]
        steps[node, last] = words + number
    return nodes, steps


@compiled_strictly
def step_key(node: int, word: int) -> Any:
    """Return the key of a transition from a node by a word; never 0."""
    return ((np.uint64(node) << np.uint64(32)) | np.uint64(word)) + _ONE


@compiled_strictly
def extend_run(
    table: UInt64s1d, numbers: Int32s1d, max_runs: int, state: Ints1d, run: int, word: int, secret: np.uint64
) -> int:
    """Return the number of a run of connector words extended by one word, a new number for a new run."""
    if run == NO_RUN:
        return NO_RUN
    key = step_key(run, word)
    slot = find_slot(table, key, secret)
    if table[slot] == key:
        return int(numbers[slot])
    if state[3] == max_runs:
        return NO_RUN
    table[slot], numbers[slot] = key, state[3]
    state[3] += 1
    return int(numbers[slot])


@compiled_strictly
def write_pair_keys(
    ids: Int32s1d,
    start: int,
    offsets: Ints1d,
    connects: Bools1d,
    bits: int,
    table: UInt64s1d,
    numbers: Int32s1d,
    max_runs: int,
    state: Ints1d,
    counts: Ints1d,
    keys: UInt64s1d,
    sizes: Ints1d,
    secret: np.uint64,
) -> int:
    """Write the key of each pair of neighbouring words in a block, and return their number.

    The block starts at word `start` of the text. A key holds the run of connector words between the two words (0 for
    none), the first word and the second, in `bits` bits each. `state` is carried from block to block: the last word
    that isn't a connector (-1 for none), the run since then, the document, and the number of runs. `counts` (of words)
    and `sizes` (number of pairs in each partition) are added to.
    """
    last, run, document = state[0], state[1], state[2]
    border = offsets[document]
    width = np.uint64(bits)
    n = 0
    for i in range(len(ids)):
        while start + i >= border:  # a document begins; empty ones are skipped
            last, run = -1, 0
            document += 1
            border = offsets[document]
        word = ids[i]
        if connects[word]:
            if last >= 0:
                run = extend_run(table, numbers, max_runs, state, run, word, secret)
            continue
        counts[word] += 1
        if last >= 0 and run != NO_RUN:
            key = ((((np.uint64(run) << width) | np.uint64(last)) << width) | np.uint64(word)) + _ONE
            keys[n] = key
            sizes[keyed_mix(key, secret) >> _SHIFT] += 1
            n += 1
        last, run = word, 0
    state[0], state[1], state[2] = last, run, document
    return n


@compiled_strictly
def partition_keys(keys: UInt64s1d, begins: Ints1d, partitioned: UInt64s1d, secret: np.uint64) -> None:
    """Sort keys by partition; `begins` holds where each partition begins, and is moved to its end."""
    for key in keys:
        part = keyed_mix(key, secret) >> _SHIFT
        partitioned[begins[part]] = key
        begins[part] += 1


@compiled_strictly
def count_keys(
    partitioned: UInt64s1d,
    begins: Ints1d,
    ends: Ints1d,
    low: int,
    high: int,
    keys: UInt64s1d,
    counts: Ints1d,
    used: Ints1d,
    secret: np.uint64,
) -> None:
    """Count the keys of partitions `low` to `high`, each in its row of `keys` and `counts`, shape (partitions, slots).

    If a row is full, its partition stops there: its entry in `begins` is moved to the first key not counted.
    """
    capacity = int(keys.shape[1] * _FULL)
    for part in range(low, high):
        table, part_counts = keys[part], counts[part]
        i = begins[part]
        while i < ends[part]:
            key = partitioned[i]
            slot = find_slot(table, key, secret)
            if table[slot] == 0:
                if used[part] >= capacity:
                    break
                table[slot] = key
                used[part] += 1
            part_counts[slot] += 1
            i += 1
        begins[part] = i


@compiled_strictly
def move_counts(
    keys: UInt64s1d,
    counts: Ints1d,
    floor: int,
    low: int,
    high: int,
    to_keys: UInt64s1d,
    to_counts: Ints1d,
    used: Ints1d,
    secret: np.uint64,
) -> None:
    """Copy the pairs of partitions `low` to `high` whose count is more than `floor` to another table."""
    for part in range(low, high):
        table, part_counts = to_keys[part], to_counts[part]
        n_moved = 0
        for i in range(keys.shape[1]):
            if counts[part, i] > floor:
                slot = find_slot(table, keys[part, i], secret)
                table[slot], part_counts[slot] = keys[part, i], counts[part, i]
                n_moved += 1
        used[part] = n_moved


@compiled_strictly
def npmi_scores(first: Ints1d, second: Ints1d, pair_counts: Ints1d, total: float) -> Doubles1d:
    """Return the normalised pointwise mutual information of pairs.

    It is compiled for its logarithm: the C library's, which is the same as Python's, while numpy's depends on the
    machine.
    """
    scores = np.empty(len(pair_counts))
    for i in range(len(pair_counts)):
        share = pair_counts[i] / total
        scores[i] = log(share / ((first[i] / total) * (second[i] / total))) / -log(share)
    return scores


@compiled_strictly
def join_text(
    ids: Int32s1d,
    offsets: Ints1d,
    connects: Bools1d,
    nodes: Int32s1d,
    table: UInt64s1d,
    targets: Int32s1d,
    out: Int32s1d,
    bounds: Ints1d,
    secret: np.uint64,
) -> int:
    """Write a text with its phrases joined, leftmost first, and return its number of words.

    `nodes` holds the node of each word that a phrase starts with, else -1. `table` and `targets` hold the transitions:
    from a node by a connector word to a node, by any other word to the id of a phrase. `bounds` gets the offsets of the
    documents in `out`.
    """
    n = 0
    bounds[0] = 0
    for document in range(len(offsets) - 1):
        start, node = -1, -1  # first word not written yet, and its node in the trie
        for i in range(offsets[document], offsets[document + 1]):
            word = ids[i]
            if connects[word]:
                if start < 0:
                    out[n] = word
                    n += 1
                elif node >= 0:
                    node = follow(table, targets, node, word, secret)
                continue
            if start >= 0:
                phrase = follow(table, targets, node, word, secret) if node >= 0 else -1
                if phrase >= 0:
                    out[n] = phrase
                    n += 1
                    start = -1
                    continue
                for waiting in range(start, i):
                    out[n] = ids[waiting]
                    n += 1
            start, node = i, nodes[word]
        if start >= 0:
            for waiting in range(start, offsets[document + 1]):
                out[n] = ids[waiting]
                n += 1
        bounds[document + 1] = n
    return n


@compiled_strictly
def follow(table: UInt64s1d, targets: Int32s1d, node: int, word: int, secret: np.uint64) -> int:
    """Return the target of the transition from a node by a word, or -1."""
    key = step_key(node, word)
    slot = find_slot(table, key, secret)
    return int(targets[slot]) if table[slot] == key else -1


@compiled_strictly
def count_ids(ids: Int32s1d, counts: Ints1d) -> None:
    """Add the occurrences of each id to `counts`."""
    for word in ids:
        counts[word] += 1


@compiled_strictly
def renumber(ids: Int32s1d, numbers: Int32s1d) -> None:
    """Replace each id by its new number, in place."""
    for i in range(len(ids)):
        ids[i] = numbers[ids[i]]
