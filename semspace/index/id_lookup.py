"""The row of an id: checksums of all ids in order, searched by bisection.

A dictionary of a million ids takes a second to build, and this is saved with them and mapped. What has an id's checksum
is compared with it, so ids may have equal ones: of a million, about a hundred have.
"""

from __future__ import annotations

from collections.abc import Sequence
from zlib import crc32

import numpy as np
import polars as pl

from semspace.bundle import Bundle, Draft
from semspace.errors import DamagedError
from semspace.types import Bools1d, UInt32s1d

_SUMS, _ROWS = "id_sums", "id_rows"  # files
_COMPARED = 32  # checksums that are compared with those of their ids, before they are used
_FEW = 64  # ids that are compared one by one


class IdLookup:
    """The rows of ids that don't change.

    Parameters
    ----------
    ids : polars.Series
    sums : (n,) uint32
        Their checksums, in order.
    rows : (n,) uint32
        The row of each checksum.
    """

    def __init__(self, ids: pl.Series, sums: UInt32s1d, rows: UInt32s1d) -> None:
        self._ids, self._sums, self._rows = ids, sums, rows

    @classmethod
    def of(cls, ids: pl.Series) -> IdLookup:
        """Compute the checksums of ids."""
        sums = _sums_of(ids.to_list())
        order = np.argsort(sums, kind="stable")
        return cls(ids, sums[order], order.astype(np.uint32))

    @classmethod
    def read(cls, bundle: Bundle, ids: pl.Series) -> IdLookup | None:
        """Open what `write` wrote, mapped; None in an index of an earlier version."""
        if not (bundle.has(f"{_SUMS}.npy") and bundle.has(f"{_ROWS}.npy")):
            return None
        sums, rows = (bundle.array(name, dtype=np.uint32, shape=(len(ids),)) for name in (_SUMS, _ROWS))
        return cls(ids, sums, rows)

    def write(self, draft: Draft) -> None:
        """Write the checksums and their rows."""
        draft.array(_SUMS, self._sums)
        draft.array(_ROWS, self._rows)

    def check(self, alive: Bools1d | None) -> None:
        """Raise `DamagedError` where these aren't the ids' checksums, as far as can be seen, or live ids are equal."""
        count, sums, rows = len(self._ids), self._sums, self._rows
        some = np.unique(np.linspace(0, max(count - 1, 0), min(count, _COMPARED)).astype(np.int64))
        if (sums[1:] < sums[:-1]).any() or (count and rows.max() >= count) or (
            _sums_of([self._ids[row] for row in rows[some].tolist()]) != sums[some]
        ).any():  # fmt: skip
            raise DamagedError("the table by which the index finds ids is damaged; build the index again")
        if alive is not None:
            live = alive[rows]
            sums, rows = sums[live], rows[live]
        same = np.flatnonzero(sums[1:] == sums[:-1])
        known: set[tuple[int, str]] = set()
        for at in np.union1d(same, same + 1).tolist():
            named = int(sums[at]), self._ids[int(rows[at])]
            if named in known:
                raise DamagedError(f"two points of the index have the id {named[1]!r}; build it again")
            known.add(named)

    def find(self, ids: Sequence[str], alive: Bools1d | None) -> list[int]:
        """Return the live row of each id, -1 where there is none."""
        asked = _sums_of(ids)
        starts, stops = (np.searchsorted(self._sums, asked, side).tolist() for side in ("left", "right"))
        return [
            self._one(id, self._rows[start:stop], alive) if start < stop else -1
            for id, start, stop in zip(ids, starts, stops, strict=True)
        ]

    def _one(self, id: str, rows: UInt32s1d, alive: Bools1d | None) -> int:
        """Return which of some rows is live and has an id."""
        if len(rows) > _FEW:  # ids that somebody has chosen so that their checksums are equal
            rows = rows[(self._ids.gather(rows) == id).to_numpy()]
        for row in rows.tolist():
            if (alive is None or alive[row]) and self._ids[row] == id:
                return int(row)
        return -1


def _sums_of(ids: Sequence[str]) -> UInt32s1d:
    return np.fromiter((crc32(id.encode("utf-8", "surrogatepass")) for id in ids), np.uint32, len(ids))
