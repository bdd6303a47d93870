"""A linear axis with round tick values."""

from __future__ import annotations

import math
from dataclasses import dataclass

_SHORT = 300  # pixels below which an axis has fewer ticks


@dataclass(frozen=True)
class Axis:
    """Values from `least` to `largest` laid out from pixel `start` to pixel `end`."""

    least: float
    largest: float
    start: float
    end: float

    def __call__(self, value: float) -> float:
        """Return the pixel of a value."""
        return self.start + (value - self.least) / ((self.largest - self.least) or 1.0) * (self.end - self.start)

    def ticks(self, most: int = 6) -> list[float]:
        """Return at most `most` + 1 round values within the axis: steps of 1, 2 or 5 times a power of ten."""
        rough = ((self.largest - self.least) or 1.0) / most
        power = 10.0 ** math.floor(math.log10(rough))
        step = next(times * power for times in (1, 2, 5, 10) if times * power >= rough * (1 - 1e-9))
        first, last = math.ceil(self.least / step - 1e-9), math.floor(self.largest / step + 1e-9)
        return [i * step for i in range(first, last + 1)]

    def draw(self, top: float, bottom: float) -> str:
        """Draw faint upright lines at the ticks, with their numbers under them."""
        return "".join(
            f'<line x1="{self(at):.1f}" x2="{self(at):.1f}" y1="{top:.1f}" y2="{bottom:.1f}" stroke="currentColor" '
            f'opacity="{0.45 if at == 0 else 0.12}"/>'
            f'<text x="{self(at):.1f}" y="{bottom + 15:.1f}" text-anchor="middle" font-size="12">{at:.6g}</text>'
            for at in self.ticks(6 if self.end - self.start > _SHORT else 4)
        )


def axis_for(values: list[float], start: float, end: float) -> Axis:
    """Return an axis that holds the values, with a margin of 4 % at either end."""
    least, largest = min(values), max(values)
    room = 0.04 * ((largest - least) or abs(largest) or 1.0)
    return Axis(least - room, largest + room, start, end)
