"""The report of outliers: which they are and why, a map, and how they were found."""

from __future__ import annotations

import datetime
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from semspace.anomalies.methods import METHODS
from semspace.clusters.document_terms import has_texts
from semspace.display import quoted
from semspace.maps.space_map import Points, space_map
from semspace.report import Page, Prose, Section, Table
from semspace.report.origin import chosen_title, origin
from semspace.types import Ints1d

if TYPE_CHECKING:
    from semspace.anomalies.result import Outliers
    from semspace.report.figure import Figure

_MAX_ROWS = 200  # outliers in the table
_MAX_LABELS = 20  # outliers with their ids on the map
_MAX_DRAWN = 2_000


def outliers_page(outliers: Outliers, *, title: str | None = None, date: datetime.date | str | None = None) -> Page:
    """Return the report; see `Outliers.to_html`."""
    verb = "is" if len(outliers) == 1 else "are"
    default = f"{len(outliers):,} of {len(outliers.space):,} documents {verb} unlike the others"
    heading, made_of = chosen_title(title, default), origin([outliers.space.provenance], date)
    can_be_drawn = outliers.space.dim >= 2 and len(outliers.space) >= 3
    drawn = [Section("A map", (map_figure(outliers, _MAX_DRAWN),), _MAP_METHOD)] if can_be_drawn else []
    sections = (_table(outliers), *drawn)
    return Page(heading, _verdict(outliers), sections, "" if title is None else f"{default}.", origin=made_of)


_MAP_METHOD = (
    "t-SNE (van der Maaten and Hinton 2008) keeps neighbours together; distances further off mean little. The outliers "
    "were not found on this map, so one may stand among others here."
)


def map_figure(outliers: Outliers, most: int) -> Figure:
    """Draw the points on a map, the outliers in a colour of their own; see `Outliers.plot`."""
    rows = _drawn_rows(outliers, most)
    space, is_outlier = outliers.space, outliers.is_outlier[rows]
    metadata = None if space.metadata is None else space.metadata[rows]
    points = Points(space.ids[rows].tolist(), space.vectors[rows], metadata)
    kinds = ["outlier" if strange else "usual" for strange in is_outlier.tolist()]
    shown = set(points.ids)
    labels = [id for id in outliers.ids if id in shown][:_MAX_LABELS]
    figure = space_map(points, kinds, labels or False, "tsne", len(points))
    if len(rows) == len(space):
        return figure
    return replace(figure, caption=f"{figure.caption} {len(rows):,} of {len(space):,} documents are drawn.")


def _drawn_rows(outliers: Outliers, most: int) -> Ints1d:
    """Return the rows that are drawn: up to half of them outliers, the most unusual; the others from everywhere."""
    n = len(outliers.space)
    if n <= most:
        return np.arange(n)
    strange = outliers._rows[: most // 2]
    others = np.flatnonzero(~outliers.is_outlier)
    evenly = np.linspace(0, len(others) - 1, min(len(others), most - len(strange))).round().astype(int)
    return np.sort(np.concatenate([strange, others[np.unique(evenly)]]))


def _verdict(outliers: Outliers) -> str:
    n, count = len(outliers.space), len(outliers)
    if not count:
        return f"None of {n:,} documents is so unlike the others that it counts as an outlier."
    first = quoted(outliers.ids[0])
    counts = "document counts as an outlier" if count == 1 else "documents count as outliers"
    return f"{count:,} {counts}, {count / n:.1%} of all. The most unusual is {first}, {_deviations(outliers)}."


def _deviations(outliers: Outliers) -> str:
    z = float(outliers.z.max())
    return f"{z:.1f} robust deviations above the median" if np.isfinite(z) else "and half of all score the same"


def _table(outliers: Outliers) -> Section:
    table = outliers.to_frame().drop("score")
    texts = has_texts(outliers.space.metadata)
    headers = ("rank", "id", "z", "reason", *(("text",) if texts else ()))
    blocks: tuple[Prose | Table, ...] = (Table(headers, table.rows(), limit=_MAX_ROWS, width=500),)
    return Section("The outliers", blocks if len(outliers) else (Prose("There are none."),), _method(outliers))


def _method(outliers: Outliers) -> str:
    """Return how the outliers were found, in words."""
    facts = outliers.provenance
    made_by = METHODS.get(str(facts.get("made_by")))
    scored = f"Each document is scored by its {made_by.score}. " if made_by else ""
    compared = facts.get("compared_with")
    among = (
        f"It is compared with {compared:,} distinct documents, so copies of one don't make it usual. "
        if isinstance(compared, int)
        else ""
    )
    if facts.get("share") is not None:
        limit = f"Outliers are the {facts['share']:.1%} with the highest scores, as requested."
    elif facts.get("min_z") is not None:
        limit = f"Outliers score more than {facts['min_z']:g} robust deviations above the median."
    else:
        limit = f"Outliers score above {outliers.threshold:.4g}."
    return (
        f"{scored}{among}{limit} z is the number of robust deviations (1.4826 times the median absolute deviation) "
        f"above the median. Words in a reason are those that a document contains and few others do."
    )
