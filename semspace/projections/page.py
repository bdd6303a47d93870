"""The page of a map: the map itself, its quality card, and how it was made."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from semspace.maps.methods import TITLES
from semspace.maps.space_map import Points, how, tooltips
from semspace.projections.card import QualityCard, written
from semspace.report import page as pages
from semspace.report.methods import Methods
from semspace.report.origin import origin
from semspace.report.point_map import PointMap

if TYPE_CHECKING:
    from semspace.projections.projection import Projection

_SOURCES = {
    "tsne": ("vandermaaten2008", "kobak2019"),
    "umap": ("mcinnes2018",),
    "pacmap": ("wang2021",),
    "pca": ("pearson1901",),
}


def projection_page(projection: Projection, title: str | None) -> pages.Page:
    """Return the page of a projection; see `Projection.page`."""
    card = projection.quality
    rows = [
        (name, pages.Number(value, written(value)), range_, meaning, source)
        for name, value, range_, meaning, source in card.rows()
    ]
    table = pages.Table(("measure", "value", "range", "what it means", "source"), rows, width=400)
    sections = (
        pages.Section("The map", (point_map(projection),)),
        pages.Section("How far it can be trusted", (table,), _counted(card)),
        methods(projection).section(),
    )
    return pages.Page(
        title or f"A map of {len(projection):,} points by {TITLES[projection.method]}",
        verdict(card),
        sections,
        origin=origin([projection.space.provenance]),
    )


def point_map(projection: Projection) -> PointMap:
    """Return the map as it is drawn in a page."""
    space = projection.space
    points = Points(space.ids.tolist(), space.vectors, space.metadata)
    chance = projection.by_chance
    note = " Hollow marks would have other neighbours if it were drawn again." if chance.any() else ""
    what = "Words" if points.texts is None else "Documents"
    return PointMap(
        projection.coordinates,
        projection.groups,
        projection.names,
        chance,
        partial(tooltips, points),
        f"{what} near each other are similar ({how(projection.method)}).{note}",
        f"A map of {len(projection):,} {what.lower()}.",
    )


def verdict(card: QualityCard) -> str:
    """Return in one sentence what can and can't be read from a map."""
    kept = f"Of the {card.k} nearest points in the space, {card.overlap:.0%} are among the {card.k} nearest on this map"
    order = card.rank_correlation
    far = (
        "how far apart groups are drawn says something about how different they are"
        if order >= 0.7
        else "how far apart groups are drawn says little about how different they are"
    )
    chance = f", and {card.chance:.0%} of the points have their place by chance" if card.chance == card.chance else ""
    return f"{kept}; {far} (rank correlation {order:.2f}){chance}."


def methods(projection: Projection) -> Methods:
    """Return how a map was made, as a paragraph with its sources."""
    facts = projection.provenance
    cited = "".join(f" [@{key}]" for key in _SOURCES[projection.method])
    library = facts.get("library", "scikit-learn")
    version = facts.get("versions", {}).get(library, "")
    card = projection.quality
    again = (
        f"It was drawn again {card.repeats} times from random starts, to find points whose neighbours there change."
        if card.repeats
        else ""
    )
    return Methods.of(
        [
            f"{card.n:,} distinct vectors of length 1, on up to 50 principal axes, were mapped to two dimensions by "
            f"{TITLES[projection.method]}{cited}, as {library} {version} computes it, with the seed "
            f"{facts.get('seed', 0)}.",
            "Trustworthiness and continuity [@venna2001] and the share of neighbours that are kept compare the map "
            "with all dimensions of the vectors.",
            again,
        ]
    )


def _counted(card: QualityCard) -> str:
    which = "all points" if card.compared == card.n else f"a sample of {card.compared:,} points"
    return (
        f"Neighbours were compared for {which}, among all {card.n:,} distinct points and in all dimensions; the order "
        f"of distances for 50,000 pairs. A high value doesn't make clusters that are seen on a map real: find them in "
        f"the space itself, and measure their stability."
    )
