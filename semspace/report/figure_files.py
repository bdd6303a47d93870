"""Figures as files of their own: SVG, PDF and PNG."""

from __future__ import annotations

import html
from pathlib import Path

from semspace import checks
from semspace.errors import InputError
from semspace.files import PathLike, replace_file, resolved_path, write_text
from semspace.report.figure import WIDE, Figure, without_tooltips
from semspace.report.text_width import SIZE

# A converter takes the first of these that is installed, and knows no font by the name of sans-serif.
_FONTS = "Helvetica, Arial, 'Liberation Sans', 'DejaVu Sans', 'Noto Sans', 'Open Sans', Roboto, Ubuntu, sans-serif"
_INK, _PAPER = "#1d2329", "#ffffff"
_ENDINGS = (".svg", ".pdf", ".png")
_SHARPNESS = 3  # dots of a PNG for each pixel of the figure: 288 to the inch
_POINTS = 0.75  # of a PDF for each pixel


def save_figure(figure: Figure, path: PathLike, *, width: float, font: str | None, font_size: float | None) -> None:
    """Save a figure; see `Figure.save`."""
    target = resolved_path(path)
    kind = target.suffix.lower()
    if kind not in _ENDINGS:
        raise InputError(f"a figure's file must end in {', '.join(_ENDINGS[:-1])} or {_ENDINGS[-1]}; got {str(path)!r}")
    convert = {".pdf": _pdf, ".png": _png}.get(kind)
    if convert is not None:
        checks.need("svg2pdf_py" if kind == ".pdf" else "resvg_py", "figures")
    # The converter to PDF takes a pixel for a point.
    pixel = _POINTS if kind == ".pdf" else 1.0
    text = standalone(figure, width=width, font=font, font_size=font_size, pixel=pixel)
    if convert is None:
        write_text(target, f'<?xml version="1.0" encoding="UTF-8"?>\n{text}\n')
        return
    data = convert(text)
    with replace_file(Path(target)) as file:
        file.write(data)


def standalone(
    figure: Figure,
    *,
    width: float = WIDE,
    font: str | None = None,
    font_size: float | None = None,
    pixel: float = 1.0,
    tooltips: bool = True,
) -> str:
    """Return a figure as an SVG document on white, which needs no page around it; a pixel has the size `pixel`.

    Letters of another size are the same layout for another width, scaled.
    """
    wide = checks.number("width", width, low=200, high=4_000)
    scale = 1.0 if font_size is None else checks.number("font_size", font_size, low=6, high=40) / SIZE
    if font is not None and not (isinstance(font, str) and font.strip()):
        raise InputError(f"font must be names of fonts, separated by commas; got {font!r}")
    elements, height = figure.draw(wide / scale)
    if not tooltips:
        elements = without_tooltips(elements)
    family = html.escape(_FONTS if font is None else f"{font}, {_FONTS}", quote=True)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{wide * pixel:g}" height="{height * scale * pixel:.6g}" '
        f'viewBox="0 0 {wide / scale:.6g} {height:.6g}" role="img" font-family="{family}" font-size="{SIZE}" '
        f'color="{_INK}" fill="{_INK}"><title>{html.escape(figure.caption, quote=False)}</title>'
        f"<desc>{html.escape(figure.description, quote=False)}</desc>"
        f'<rect width="100%" height="100%" fill="{_PAPER}"/>'
        f"{elements.replace('var(--paper, transparent)', _PAPER)}</svg>"
    )


def _pdf(svg: str) -> bytes:
    import svg2pdf_py

    data: bytes = svg2pdf_py.svg_to_pdf(svg, svg2pdf_py.FontDatabase.system())
    if "<text" in svg and b"/Font" not in data:
        raise InputError(
            "a PDF holds its fonts, and none was found on this machine; install one (on Debian: apt-get install "
            "fonts-dejavu-core), name one with font=, or save as .svg"
        )
    return data


def _png(svg: str) -> bytes:
    import resvg_py

    data: bytes = resvg_py.svg_to_bytes(svg_string=svg, zoom=_SHARPNESS)
    return data
