"""A dendrogram: a hierarchy of merges as a horizontal tree."""

from __future__ import annotations

from collections.abc import Sequence

from scipy.cluster import hierarchy

from semspace.display import clip
from semspace.report.figures import PALETTE, WIDTH, Figure, escaped, svg
from semspace.types import Doubles2d

_LEFT = 300
_LINE = 24


def dendrogram(merges: Doubles2d, names: Sequence[str], *, caption: str) -> Figure:
    """Draw merges, as SciPy's `linkage` writes them, with the names of what merges at the left."""
    drawn = hierarchy.dendrogram(merges, no_plot=True)
    order = drawn["leaves"]
    furthest = float(merges[:, 2].max()) or 1.0

    def x(distance: float) -> float:
        return _LEFT + distance / furthest * (WIDTH - _LEFT - 20)

    def y(place: float) -> float:
        return 16 + (place - 5) / 10 * _LINE

    lines = []
    for places, distances in zip(drawn["icoord"], drawn["dcoord"], strict=True):
        path = " ".join(f"{x(d):.1f},{y(p):.1f}" for p, d in zip(places, distances, strict=True))
        lines.append(f'<polyline points="{path}" fill="none" stroke="{PALETTE[0]}" stroke-width="1.5"/>')
    texts = [
        f'<text x="{_LEFT - 8}" y="{16 + row * _LINE + 4}" text-anchor="end">{escaped(clip(names[leaf], 42))}</text>'
        for row, leaf in enumerate(order)
    ]
    height = 16 + len(order) * _LINE
    axis = "".join(
        f'<text x="{x(at):.1f}" y="{height + 14}" text-anchor="{anchor}">{at:.2f}</text>'
        for at, anchor in ((0.0, "start"), (furthest, "end"))
    )
    description = "Nearest first: " + "; ".join(_description(merges, names)) + "."
    return Figure(
        svg("".join(lines) + "".join(texts) + axis, height + 22, f"{caption} {description}"), caption, description
    )


def _description(merges: Doubles2d, names: Sequence[str], most: int = 8) -> list[str]:
    """Return the first merges in words."""
    called = [clip(name, 40) for name in names]
    parts = []
    for a, b, distance, _ in merges[:most]:
        parts.append(f"{called[int(a)]} with {called[int(b)]} at {distance:.2f}")
        called.append(f"{called[int(a)]} and others")
    return parts
