"""Whether names of dimensions hold: whether a dimension fires on unseen texts with the words of its name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar

import numpy as np
from scipy.sparse import csr_array

from semspace import queries
from semspace.clusters.document_terms import DocumentTerms
from semspace.statistics import newcombe
from semspace.types import Bools1d, Doubles1d, Floats2d, Ints1d

_NAMES_AT_ONCE = 256
_TERMS_OF_A_MATCH = 2


@dataclass(frozen=True, eq=False)
class NameTests:
    """What became of each of e names on texts that took no part in making them.

    A text matches a name if it contains two of the name's terms, words or whole phrases, or the only one.

    Parameters
    ----------
    matching, others : ndarray of int64, shape (e,)
        Texts that match the name, and that don't.
    fires_on_matching, fires_on_others : ndarray of int64, shape (e,)
        On how many of them the dimension fires.
    by_meaning : ndarray of float64, shape (e,)
        The area under the ROC curve by which the encoder's similarity of name and text tells the texts on which the
        dimension fires from the others; NaN where it wasn't asked for or can't be computed.
    """

    matching: Ints1d
    others: Ints1d
    fires_on_matching: Ints1d
    fires_on_others: Ints1d
    by_meaning: Doubles1d

    DTYPES: ClassVar[Mapping[str, type]] = {
        "matching": np.int64,
        "others": np.int64,
        "fires_on_matching": np.int64,
        "fires_on_others": np.int64,
        "by_meaning": np.float64,
    }

    @cached_property
    def share_on_matching(self) -> Doubles1d:
        """The share of the matching texts on which the dimension fires, shape (e,); NaN where no text matches."""
        return _share(self.fires_on_matching, self.matching)

    @cached_property
    def share_on_others(self) -> Doubles1d:
        """The share of the other texts on which the dimension fires, shape (e,); NaN where all texts match."""
        return _share(self.fires_on_others, self.others)

    @cached_property
    def accuracy(self) -> Doubles1d:
        """The balanced accuracy, shape (e,): the mean of the shares of matching texts that fire and others that don't.

        It is 0.5 for a name that says nothing.
        """
        accuracy: Doubles1d = (1 + self.share_on_matching - self.share_on_others) / 2
        return accuracy

    @cached_property
    def interval(self) -> tuple[Doubles1d, Doubles1d]:
        """The 95 % interval of the balanced accuracy: Newcombe's of the difference of both shares."""
        with np.errstate(invalid="ignore", divide="ignore"):
            low, high = newcombe(self.fires_on_matching, self.matching, self.fires_on_others, self.others)
        return (1 + low) / 2, (1 + high) / 2

    @cached_property
    def holds(self) -> Bools1d:
        """Whether each name holds, shape (e,): whether the whole interval lies above 0.5."""
        holds: Bools1d = self.interval[0] > 0.5
        return holds


def check_names(
    names: Sequence[tuple[str, ...]], terms: DocumentTerms, fires: csr_array, by_meaning: Doubles1d
) -> NameTests:
    """Test names on texts.

    Parameters
    ----------
    names : sequence of e tuples of str
        The terms of each name.
    terms : DocumentTerms
        Those of n texts.
    fires : csr_array of shape (n, e)
        Not zero where a dimension fires on a text.
    by_meaning : ndarray of float64, shape (e,)
    """
    n = fires.shape[0]
    pairs = [
        (terms.columns[term], number) for number, name in enumerate(names) for term in name if term in terms.columns
    ]
    rows, columns = np.array(pairs, np.int64).reshape(-1, 2).T
    chosen = csr_array((np.ones(len(pairs), np.float32), (rows, columns)), shape=(len(terms.terms), len(names)))
    matches, active = _matches(csr_array(terms.matrix @ chosen), names), fires > 0
    matching, firing, both = (_count(csr_array(table)) for table in (matches, active, matches.multiply(active)))
    return NameTests(matching, n - matching, both, firing - both, by_meaning)


def _matches(held: csr_array, names: Sequence[tuple[str, ...]]) -> csr_array:
    """Return which texts match which names, from how many terms of each they contain."""
    needed = np.array([min(_TERMS_OF_A_MATCH, len(name)) for name in names])
    matches = held.copy()
    matches.data = (held.data >= needed[held.indices]).astype(np.float32)
    return matches


def meaning(names: Floats2d, texts: Floats2d, fires: csr_array) -> Doubles1d:
    """Return by how much texts on which a dimension fires are more similar to its name, shape (e,).

    It is the area under the ROC curve (Mann & Whitney's statistic): the probability that of two texts, that on which
    the dimension fires is more similar. NaN where it fires on all texts or on none, or a name's vector is zero.
    """
    from scipy.stats import rankdata

    areas = np.full(len(names), np.nan)
    units, active = queries.unit(texts), fires.tocsc()
    for start in range(0, len(names), _NAMES_AT_ONCE):
        part = names[start : start + _NAMES_AT_ONCE]
        ranks = rankdata(queries.unit(part, floor=queries.TINY) @ units.T, axis=1)
        for number in range(len(part)):
            rows = active.indices[slice(*active.indptr[start + number : start + number + 2])]
            if 0 < len(rows) < len(texts) and part[number].any():
                above = ranks[number, rows].sum() - len(rows) * (len(rows) + 1) / 2
                areas[start + number] = above / (len(rows) * (len(texts) - len(rows)))
    return areas


def _share(count: Ints1d, total: Ints1d) -> Doubles1d:
    return np.where(total > 0, count / np.maximum(total, 1), np.nan)


def _count(table: csr_array) -> Ints1d:
    """Return the number of entries in each column that aren't zero."""
    table.eliminate_zeros()
    counts: Ints1d = np.bincount(table.indices, minlength=table.shape[1]).astype(np.int64)
    return counts
