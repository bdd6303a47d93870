"""The figure of a map, with its quality card below."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from semspace.maps.space_map import Points, how, labelled_rows, selected_rows, tooltips
from semspace.projections.card import QualityCard, written
from semspace.report.figure import SLIM, Drawing, Figure, escaped
from semspace.report.scatter import scatter

if TYPE_CHECKING:
    from semspace.projections.projection import Projection

_CELL = 44  # pixels that a measure is high


def map_figure(
    projection: Projection, labels: Sequence[str] | bool | None, most: int, *, with_card: bool = True
) -> Figure:
    """Draw a projection; see `Projection.plot`."""
    space = projection.space
    points = Points(space.ids.tolist(), space.vectors, space.metadata)
    if labels is None and projection.has_groups:
        labels = False
    named = labelled_rows(points, labels, most)
    is_words = points.texts is None
    rows = selected_rows(len(points), named, most, by_frequency=is_words)
    place_of = {row: place for place, row in enumerate(rows.tolist())}
    chance = projection.by_chance[rows]
    note = " Hollow marks would have other neighbours if it were drawn again." if chance.any() else ""
    what = "words" if is_words else "documents"
    figure = scatter(
        projection.coordinates[rows],
        projection.groups[rows].tolist(),
        projection.names,
        tooltips(points, rows),
        caption=f"{what.capitalize()} near each other are similar ({how(projection.method)}).{note}",
        most=len(rows),
        sizes=[int((projection.groups == group).sum()) for group in range(len(projection.names))],
        unit=what,
        named=projection.has_groups,
        labelled={place_of[row]: space.ids[row] for row in named},
        hollow=chance,
    )
    return with_card_below(figure, projection.quality) if with_card else figure


def with_card_below(figure: Figure, card: QualityCard) -> Figure:
    """Return a figure that has a card's numbers below."""
    cells = [(title, written(value)) for title, value, *_ in card.rows()]

    def draw(width: float) -> Drawing:
        elements, height = figure.draw(width)
        columns = len(cells) if width >= SLIM else 2
        step, top = width / columns, height + 12
        parts = [f'<line x1="0" x2="{width:g}" y1="{top:.0f}" y2="{top:.0f}" stroke="currentColor" opacity="0.25"/>']
        for i, (title, value) in enumerate(cells):
            x, y = (i % columns) * step + 4, top + 22 + (i // columns) * _CELL
            parts.append(
                f'<text x="{x:.0f}" y="{y:.0f}" font-size="15" font-weight="600">{escaped(value)}</text>'
                f'<text x="{x:.0f}" y="{y + 15:.0f}" font-size="11" opacity="0.75">{escaped(title)}</text>'
            )
        return elements + "".join(parts), top + _CELL * -(-len(cells) // columns) + 4

    said = "; ".join(f"{title} {value}" for title, value in cells)
    return replace(figure, draw=draw, description=f"{figure.description} How far it can be trusted: {said}.")
