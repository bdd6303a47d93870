"""`LinkedGraph`: the links of an HNSW graph in hnswlib's terms, where every link leads to a node."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from semspace.types import ArrayXd, Bytes1d, Int32s1d, Int32s2d, Ints1d


@dataclass(frozen=True, eq=False)
class LinkedGraph:
    """The links of the nodes of an HNSW graph.

    Parameters
    ----------
    links : (n, most) int32
        The nodes that each node is linked to on the lowest layer, filled up with -1.
    upper : (sum of `levels`, m) int32
        The nodes that a node is linked to on upper layers: first those of node 0 on its layers 1, 2, …, then those of
        node 1; filled up with -1.
    levels : (n,) uint8
        The highest layer of each node.
    entry : int
        The node where searches begin; it is on the highest layer.

    Raises
    ------
    ValueError
        If the arrays don't fit together.
    """

    links: Int32s2d
    upper: Int32s2d
    levels: Bytes1d
    entry: int

    def __post_init__(self) -> None:
        count = len(self.links)
        if len(self.levels) != count or int(self.levels.sum(dtype=np.int64)) != len(self.upper):
            raise ValueError("its layers don't fit its nodes")
        if not 0 <= self.entry < count or self.levels[self.entry] != self.levels.max():
            raise ValueError(f"its entry {self.entry} isn't a node of the highest layer")

    @property
    def m(self) -> int:
        """Links of a node on an upper layer, at most."""
        return int(self.upper.shape[1])

    @cached_property
    def first_upper(self) -> Ints1d:
        """The row of each node's layer 1 in `upper`."""
        ends: Ints1d = np.cumsum(self.levels, dtype=np.int64)
        return ends - self.levels

    def check_links(self) -> None:
        """Raise ValueError where a link leads to no node, or on an upper layer to one that isn't there."""
        for array in (self.links, self.upper):
            if array.size and not (array.min() >= -1 and array.max() < len(self.links)):
                raise ValueError("a link leads out of it")
        own = np.repeat(np.arange(len(self.levels)), self.levels)
        layer = np.arange(len(self.upper)) - self.first_upper[own] + 1
        if (self.levels[self.upper] < layer[:, None])[self.upper >= 0].any():
            raise ValueError("a link of an upper layer leads to a node below it")

    def renumbered(self, numbers: Ints1d) -> LinkedGraph:
        """Return the graph with other numbers of its nodes: node i becomes ``numbers[i]``, a permutation."""
        order = np.argsort(numbers)  # the old node of each new one
        rows = [np.arange(self.first_upper[old], self.first_upper[old] + self.levels[old]) for old in order]
        held = np.concatenate([*rows, np.empty(0, np.int64)])
        return LinkedGraph(
            _translated(self.links[order], numbers),
            _translated(self.upper[held], numbers),
            self.levels[order],
            int(numbers[self.entry]),
        )

    def without_links_of(self, nodes: Ints1d) -> LinkedGraph:
        """Return the graph with no links from some nodes; those to them stay."""
        links, upper = self.links.copy(), self.upper.copy()
        links[nodes] = -1
        upper[np.isin(np.repeat(np.arange(len(self.levels)), self.levels), nodes)] = -1
        return LinkedGraph(links, upper, self.levels, self.entry)

    def arrays(self) -> dict[str, ArrayXd]:
        """Return the arrays to save."""
        return {"links": self.links, "upper": self.upper, "levels": self.levels}


def _translated(links: Int32s2d, numbers: Ints1d) -> Int32s2d:
    new: Int32s1d = numbers.astype(np.int32)
    return np.where(links < 0, np.int32(-1), new[links])
