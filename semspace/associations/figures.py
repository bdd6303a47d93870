"""The figure of an axis."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from semspace.report.bars import bars
from semspace.report.figure import Figure

if TYPE_CHECKING:
    from semspace.associations.named_axis import SemanticAxis


def axis_figure(axis: SemanticAxis, table: pl.DataFrame) -> Figure:
    """Draw words on an axis: their cosines with it, from zero to the side they lie on."""
    low = high = None
    interval = ""
    if table["low"].null_count() == 0:
        low, high = table["low"].to_list(), table["high"].to_list()
        interval = " The thin lines are 95 % intervals, over other choices of the words at the ends."
    return bars(
        table["word"].to_list(),
        table["value"].to_list(),
        low=low,
        high=high,
        sides=(", ".join(axis.low), ", ".join(axis.high)),
        caption=f"Words on an axis, by their cosine with it; {axis.summary()}.{interval}",
    )
