"""A ridgeline plot: the densities of several groups above one axis."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from semspace.display import clip
from semspace.errors import InputError
from semspace.report.axis import Axis, axis_for
from semspace.report.figure import PALETTE, SLIM, Drawing, Figure, escaped
from semspace.report.side_labels import side_labels
from semspace.report.text_width import fitting, measure
from semspace.types import Doubles1d

_LEFT, _RIGHT, _TOP = 220, 24, 12
_TITLE = 22  # height of a name above its curve, in a slim figure
_POINTS, _SLIM_POINTS = 161, 81
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
    ends = [(float(array.min()), float(array.max()), 2 * _width(array)) for array in arrays]
    reach = [end for low, high, w in ends for end in (low - w, high + w)]

    def draw(width: float) -> Drawing:
        return _drawn(names, arrays, reach, sides, width)

    return Figure(draw, f"{caption} A tick marks a median.", _description(names, arrays))


def _drawn(
    names: Sequence[str], arrays: Sequence[Doubles1d], reach: list[float], sides: tuple[str, str] | None, width: float
) -> Drawing:
    """Draw the curves: names at their left, or above them in a slim figure."""
    over, slim = len(names) <= 2, width < SLIM
    axis = axis_for(reach, 16 if slim else _LEFT, width - (16 if slim else _RIGHT))
    at = np.linspace(axis.least, axis.largest, _SLIM_POINTS if slim else _POINTS)
    curves = [_density(array, at) for array in arrays]
    tallest = max(float(curve.max()) for curve in curves)
    ends, above = side_labels(sides, axis.start, axis.end) if sides else ("", 18)
    head = _TOP + above
    height, top = (_ALONE if over else _ROW), head + (len(names) * _TITLE if over and slim else 0)
    row = 0 if over else _ROW + (_TITLE if slim else 0)
    bottoms = [top + height + i * row + (_TITLE if slim and not over else 0) for i in range(len(names))]
    shapes = [
        _shape(i, axis, at, curve / tallest * (height - 8), bottoms[i], float(np.median(array)))
        for i, (curve, array) in enumerate(zip(curves, arrays, strict=True))
    ]
    if over:
        places = [head + (12 if slim else 20) + i * _TITLE for i in range(len(names))]
    else:
        places = [bottom - (_ROW + 6 if slim else 6) for bottom in bottoms]
    room = width if slim else float(_LEFT)
    titles = [
        _name(i, name, len(array), y, room)
        for i, (name, array, y) in enumerate(zip(names, arrays, places, strict=True))
    ]
    body = axis.draw(top, bottoms[-1]) + "".join(shapes) + "".join(titles) + ends
    return body, bottoms[-1] + 26


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
        f'<polyline points="{outline}" fill="{colour}" fill-opacity="0.35" stroke="{colour}" stroke-width="2"{dashes}/>'
        f'<line x1="{axis(median):.1f}" x2="{axis(median):.1f}" y1="{bottom - 14:.1f}" y2="{bottom:.1f}" '
        f'stroke="currentColor" stroke-width="2.5"><title>median {median:.3f}</title></line>'
    )


def _name(group: int, name: str, size: int, y: float, room: float) -> str:
    count = f" ({size:,})"
    label = fitting(name, room - 32 - measure(count))
    return (
        f'<rect x="2" y="{y - 11}" width="14" height="14" fill="{PALETTE[group % len(PALETTE)]}" fill-opacity="0.7"/>'
        f'<text x="22" y="{y}">{escaped(label)}{count}</text>'
    )


def _description(names: Sequence[str], arrays: Sequence[Doubles1d]) -> str:
    """Return the quartiles of each group in words."""
    parts = []
    for name, array in zip(names, arrays, strict=True):
        low, middle, high = np.percentile(array, [25, 50, 75])
        parts.append(f"{clip(name, 60)} median {middle:.3f}, middle half {low:.3f} to {high:.3f}")
    return f"{'; '.join(parts)}."
