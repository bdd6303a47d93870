"""A figure: SVG that is drawn again for each width, with a caption, and a description in words.

No script and no font of its own; it takes the colours of the page around it, so it is readable on light and dark.
"""

from __future__ import annotations

import html
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from semspace.files import PathLike

# After Okabe & Ito (2008): told apart by people who don't see all colours, on white and on black.
PALETTE = (
    "#2A85D0", "#E69F00", "#009E73", "#CC79A7", "#D55E00", "#56B4E9", "#8C7A00", "#7F7F7F",
)  # fmt: skip
WIDE, NARROW = 720, 340  # pixels: on a desk and on paper; on a telephone
SLIM = 500  # pixels below which names stand above what they name, not beside it
# Text in the page's own colour can be read (4.5:1) on any of these colours at this opacity, on white and on black.
UNDER_TEXT = 0.5
# Letters stay readable over what is drawn: in a page they stand on its colour; elsewhere the colour isn't known.
HALO = 'paint-order="stroke" stroke="var(--paper, transparent)" stroke-width="3" stroke-linejoin="round"'
_TOOLTIP = re.compile("<title>.*?</title>", re.DOTALL)
_ONLY_TOOLTIP = re.compile(r"><title>[^<]*</title></(?:circle|rect|path|line)>")

Drawing = tuple[str, float]  # SVG elements, and the height in pixels that they take


@dataclass(frozen=True, eq=False, repr=False)
class Figure:
    """A picture with a caption, and a description for screen readers.

    A notebook shows it. `save` writes it into a file for a paper.

    Parameters
    ----------
    draw : callable
        Takes a width in pixels and returns SVG elements with the height they take. Letters are about 13 pixels high
        at each width, so a narrow figure is laid out differently, not shrunk.
    caption, description : str
        What the figure shows, and in words what can be seen.
    """

    draw: Callable[[float], Drawing]
    caption: str
    description: str

    def __repr__(self) -> str:
        return f"Figure: {self.caption} (a notebook shows it; save('figure.svg') writes it)"

    @cached_property
    def svg(self) -> str:
        """The figure as it is drawn for a desk, to be put into HTML."""
        return self._inline(WIDE)

    @cached_property
    def narrow_svg(self) -> str:
        """The figure as it is drawn for a telephone, which has no tooltips, to be put into HTML."""
        return without_tooltips(self._inline(NARROW))

    def save(
        self, path: PathLike, *, width: float = WIDE, font: str | None = None, font_size: float | None = None
    ) -> None:
        """Save the figure as SVG, PDF or PNG, on white.

        Parameters
        ----------
        path : path
            Ends in ``.svg``, ``.pdf`` or ``.png``. PDF and PNG need the extra ``figures``. A file that is there is
            replaced.
        width : float
            In pixels of 1/96 inch, from 200 to 4000: the figure is laid out for it. A column of a paper is about 320,
            a page 640. A PNG has three dots for each pixel.
        font : str, optional
            Names of fonts, separated by commas, as in CSS; by default sans-serif.
        font_size : float, optional
            In the same pixels, from 6 to 40; by default 13. 12 are 9 points.

        Raises
        ------
        InputError
            The name ends differently, or a number is out of its range.
        MissingExtraError
            PDF or PNG is asked for, and the extra isn't installed.

        Examples
        --------
        >>> import semspace as ss
        >>> figure = ss.report.bars(["cats", "dogs"], [3, 5], caption="Documents in each group.")
        >>> figure.save("sizes.svg", width=320, font_size=12)
        """
        from semspace.report.figure_files import save_figure

        save_figure(self, path, width=width, font=font, font_size=font_size)

    def _inline(self, width: float) -> str:
        elements, height = self.draw(width)
        label = html.escape(f"{self.caption} {self.description}", quote=True)
        return (
            f'<svg viewBox="0 0 {width:g} {height:.0f}" role="img" aria-label="{label}" width="100%" '
            f'style="max-width:{width:g}px" font-family="system-ui, sans-serif" font-size="13" fill="currentColor">'
            f"{elements}</svg>"
        )

    def _repr_html_(self) -> str:
        return f"<figure>{self.svg}<figcaption>{html.escape(self.caption)}</figcaption></figure>"

    def _repr_svg_(self) -> str:
        from semspace.report.figure_files import standalone

        return standalone(self, tooltips=False)


def without_tooltips(svg: str) -> str:
    """Return an SVG without what shows under a mouse, which can be most of its size."""
    return _TOOLTIP.sub("", _ONLY_TOOLTIP.sub("/>", svg))


def escaped(text: str) -> str:
    """Return a text with HTML escaped."""
    return html.escape(text, quote=False)
