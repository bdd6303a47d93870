"""A dendrogram: a hierarchy of merges as a horizontal tree."""

from __future__ import annotations

from collections.abc import Sequence

from scipy.cluster import hierarchy

from semspace.display import clip
from semspace.report.axis import Axis
from semspace.report.figure import PALETTE, SLIM, Drawing, Figure, escaped
from semspace.report.text_width import fitting
from semspace.types import Doubles2d

_LINE = 24


def dendrogram(merges: Doubles2d, names: Sequence[str], *, caption: str) -> Figure:
    """Draw merges, as SciPy's `linkage` writes them, with the names of what merges at the left."""
    tree = hierarchy.dendrogram(merges, no_plot=True)
    order = tree["leaves"]
    furthest = float(merges[:, 2].max()) or 1.0

    def draw(width: float) -> Drawing:
        left = 300.0 if width >= SLIM else width * 0.55
        axis = Axis(0.0, furthest, left, width - 20)
        lines = []
        for places, distances in zip(tree["icoord"], tree["dcoord"], strict=True):
            path = " ".join(f"{axis(d):.1f},{_height(p):.1f}" for p, d in zip(places, distances, strict=True))
            lines.append(f'<polyline points="{path}" fill="none" stroke="{PALETTE[0]}" stroke-width="1.5"/>')
        texts = [
            f'<text x="{left - 8:g}" y="{16 + row * _LINE + 4}" text-anchor="end">'
            f"{escaped(fitting(names[leaf], left - 10))}</text>"
            for row, leaf in enumerate(order)
        ]
        height = 16 + len(order) * _LINE
        numbers = "".join(
            f'<text x="{axis(at):.1f}" y="{height + 14}" text-anchor="{anchor}">{at:.2f}</text>'
            for at, anchor in ((0.0, "start"), (furthest, "end"))
        )
        return "".join(lines) + "".join(texts) + numbers, height + 22

    return Figure(draw, caption, "Nearest first: " + "; ".join(_description(merges, names)) + ".")


def _height(place: float) -> float:
    return 16 + (place - 5) / 10 * _LINE


def _description(merges: Doubles2d, names: Sequence[str], most: int = 8) -> list[str]:
    """Return the first merges in words."""
    called = [clip(name, 40) for name in names]
    parts = []
    for a, b, distance, _ in merges[:most]:
        parts.append(f"{called[int(a)]} with {called[int(b)]} at {distance:.2f}")
        called.append(f"{called[int(a)]} and others")
    return parts
