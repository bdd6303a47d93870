"""A ridgeline plot: the densities of several groups above one axis."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from semspace.display import clip
from semspace.errors import InputError
from semspace.report.axis import Axis, axis_for
from semspace.report.figures import PALETTE, WIDTH, Figure, escaped, svg
from semspace.report.text_width import fitting, measure
from semspace.types import Doubles1d

_LEFT, _RIGHT, _TOP = 220, 24, 30
_POINTS = 161
_ALONE, _ROW = 150, 54  # height of one common picture, and of one group's row


def ridgeline(
    names: Sequence[str],
    values: Sequence[npt.ArrayLike],
    *,
    caption: str,
    sides: tuple[str, str] | None = None,
) -> Figure:
    """Draw the density of each group's values: two over each other, more below each other; a tick is the median.

    Densities are Gaussian, as wide as Silverman's rule (1986, eq. 3.31) says for each group; all areas are equal,
    whatever the groups' sizes.

    Parameters
    ----------
    names : list of str, length n
        The groups.
    values : list of n arrays of float
        Their values, finite; each at least one.
    sides : (str, str), optional
        What a low and a high value mean.

    Raises
    ------
    InputError
        There isn't an array for each name, or one is empty or not finite.
    """
    arrays = [np.asarray(one, dtype=float).ravel() for one in values]
    if len(arrays) != len(names) or not names:
        raise InputError(f"values must hold an array for each of {len(names)} names; got {len(arrays)}")
    for name, array in zip(names, arrays, strict=True):
        if not len(array) or not np.isfinite(array).all():
            raise InputError(f"values of {name!r} must be finite, and at least one; leave the group out")
    over = len(names) <= 2
    ends = [(float(array.min()), float(array.max()), 2 * _width(array)) for array in arrays]
    axis = axis_for([end for low, high, w in ends for end in (low - w, high + w)], _LEFT, WIDTH - _RIGHT)
    at = np.linspace(axis.least, axis.largest, _POINTS)
    curves = [_density(array, at) for array in arrays]
    tallest = max(float(curve.max()) for curve in curves)
    height = _ALONE if over else _ROW
    bottoms = [_TOP + height + (0 if over else i * _ROW) for i in range(len(names))]
    shapes = [
        _shape(i, axis, at, curve / tallest * (height - 8), bottoms[i], float(np.median(array)))
        for i, (curve, array) in enumerate(zip(curves, arrays, strict=True))
    ]
    places = [_TOP + 20 + i * 22 for i in range(len(names))] if over else [bottom - 6 for bottom in bottoms]
    titles = [
        _name(i, name, len(array), y) for i, (name, array, y) in enumerate(zip(names, arrays, places, strict=True))
    ]
    body = axis.draw(_TOP, bottoms[-1]) + "".join(shapes) + "".join(titles) + _ends(sides)
    description = _description(names, arrays)
    return Figure(
        svg(body, bottoms[-1] + 26, f"{caption} {description}"), f"{caption} A tick marks a median.", description
    )


def _width(values: Doubles1d) -> float:
    """Return the width of the smoothing kernel; 0 where all values are equal."""
    quarters = float(np.subtract(*np.percentile(values, [75, 25]))) / 1.34
    scale = min((s for s in (float(values.std()), quarters) if s > 0), default=0.0)
    return 0.9 * scale / float(len(values) ** 0.2)


def _density(values: Doubles1d, at: Doubles1d) -> Doubles1d:
    """Estimate the density at some places: counts in fine bins, smoothed, so that a million values cost no more."""
    step = float(at[1] - at[0])
    width = max(_width(values), 1.5 * step)
    edges = np.append(at - step / 2, at[-1] + step / 2)
    counts = np.histogram(values, bins=edges)[0] / len(values)
    kernel = np.exp(-0.5 * ((at[:, None] - at[None, :]) / width) ** 2)
    curve: Doubles1d = kernel @ counts / (width * np.sqrt(2 * np.pi))
    return curve


def _shape(
    group: int,
    axis: Axis,
    at: Doubles1d,
    heights: Doubles1d,
    bottom: float,
    median: float,
) -> str:
    """Draw one density as a filled curve, and its median as a tick below."""
    colour = PALETTE[group % len(PALETTE)]
    outline = " ".join(f"{axis(x):.1f},{bottom - h:.1f}" for x, h in zip(at, heights, strict=True))
    dashes = ' stroke-dasharray="6 3"' if group % 2 else ""
    return (
        f'<polygon points="{axis(at[0]):.1f},{bottom:.1f} {outline} {axis(at[-1]):.1f},{bottom:.1f}" fill="{colour}" '
        f'fill-opacity="0.35"/><polyline points="{outline}" fill="none" stroke="{colour}" stroke-width="2"{dashes}/>'
        f'<line x1="{axis(median):.1f}" x2="{axis(median):.1f}" y1="{bottom - 14:.1f}" y2="{bottom:.1f}" '
        f'stroke="currentColor" stroke-width="2.5"><title>median {median:.3f}</title></line>'
    )


def _name(group: int, name: str, size: int, y: float) -> str:
    count = f" ({size:,})"
    label = fitting(name, _LEFT - 32 - measure(count))
    return (
        f'<rect x="2" y="{y - 11}" width="14" height="14" fill="{PALETTE[group % len(PALETTE)]}" fill-opacity="0.7"/>'
        f'<text x="22" y="{y}">{escaped(label)}{count}</text>'
    )


def _ends(sides: tuple[str, str] | None) -> str:
    if sides is None:
        return ""
    room = (WIDTH - _LEFT - _RIGHT) / 2 - 20
    return (
        f'<text x="{_LEFT}" y="18">← {escaped(fitting(sides[0], room))}</text>'
        f'<text x="{WIDTH - _RIGHT}" y="18" text-anchor="end">{escaped(fitting(sides[1], room))} →</text>'
    )


def _description(names: Sequence[str], arrays: Sequence[Doubles1d]) -> str:
    """Return the quartiles of each group in words."""
    parts = []
    for name, array in zip(names, arrays, strict=True):
        low, middle, high = np.percentile(array, [25, 50, 75])
        parts.append(f"{clip(name, 60)} median {middle:.3f}, middle half {low:.3f} to {high:.3f}")
    return f"{'; '.join(parts)}."
