"""Tables and texts in print: plain in a terminal, escaped HTML in a notebook."""

import html
import json
import math
import os
import re
import sys
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from semspace.errors import STEERING

if TYPE_CHECKING:
    import polars as pl

Row = Sequence[object]
_LEAST, _THOUSAND = 5e-4, 1_000  # below the least, three digits show zero, which has no sign
_NUMBER = re.compile(r"[<+-]?\d[\d,.]*%?")

_NUMBERED = {code: f"\\u{code:04x}" for code in STEERING}
_STEERING = STEERING | dict.fromkeys((9, 10), "·")  # in what must stay one line

_BLUES = (0, 195, 153, 117, 75)  # numbers of colours, from faint to strong; the first stands for none
_ORANGES = (0, 230, 223, 216, 214)


def clip(text: str, width: int = 60) -> str:
    """Shorten `text` to one line of at most `width` characters, none of which steers a terminal."""
    line = " ".join(text.split()).translate(_STEERING)
    return line if len(line) <= width else line[: width - 1].rstrip() + "…"


def coloured_terminal() -> bool:
    """Whether what is printed goes to a terminal that shows colours (https://no-color.org)."""
    stream = sys.stdout
    is_terminal = stream is not None and hasattr(stream, "isatty") and stream.isatty()
    return is_terminal and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def shaded(text: str, depth: float) -> str:
    """Return a text on a coloured ground for a terminal: blue for a `depth` above 0, up to 1; orange below.

    The colours are those of 256-colour terminals; letters are black, so that light and dark terminals show the same.
    """
    level = round(abs(depth) * (len(_BLUES) - 1))
    if not level:
        return text
    ground = (_BLUES if depth > 0 else _ORANGES)[min(level, len(_BLUES) - 1)]
    return f"\x1b[38;5;16;48;5;{ground}m{text}\x1b[0m"


def quoted(text: str, width: int = 60) -> str:
    """Return a text in quotation marks, as a name within a sentence, shortened like `clip`."""
    return f"“{clip(text, width)}”"


def p_value(value: float) -> str:
    """Return a probability as text, with three digits."""
    return "<0.001" if value < 0.001 else f"{value:.3f}"


def cell(value: object, width: int = 60) -> str:
    """Return one value as text: floats with three digits, everything else cut to a line."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        if math.isnan(value):
            return ""
        return f"{value if abs(value) >= _LEAST else 0.0:.3f}" if abs(value) < _THOUSAND else f"{value:,.0f}"
    if isinstance(value, int):
        return str(value)  # without separators: it may be a year
    return clip(str(value), width)


def text_cells(rows: Sequence[Row], width: int = 60) -> list[list[str]]:
    """Return the values of a table as text; whole numbers that became floats, as some are missing, as whole again."""
    whole = [_is_whole(column) for column in zip(*rows, strict=True)]
    return [
        [
            f"{value:.0f}" if is_whole and _known(value) else cell(value, width)
            for value, is_whole in zip(row, whole, strict=True)
        ]
        for row in rows
    ]


def rows_of(frame: "pl.DataFrame") -> list[tuple[object, ...]]:
    """Return the rows of a frame; a date that Python can't hold, such as one after the year 9999, is a text."""
    return list(zip(*map(_values, frame.get_columns()), strict=True))


def _values(column: "pl.Series") -> list[object]:
    from polars.exceptions import PanicException

    try:
        return column.to_list()
    except (PanicException, ValueError, OverflowError):
        return (
            ["out of range"] if len(column) == 1 else [_values(column[row : row + 1])[0] for row in range(len(column))]
        )


def _is_whole(column: Sequence[object]) -> bool:
    """Whether a column holds floats that are all whole numbers, and lacks some: pandas has no other way to say so."""
    known = [value for value in column if _known(value)]
    return 0 < len(known) < len(column) and all(isinstance(value, float) and value.is_integer() for value in known)


def _known(value: object) -> bool:
    return value is not None and not (isinstance(value, float) and math.isnan(value))


def text_table(headers: Sequence[str], rows: Iterable[Row], *, width: int = 60) -> str:
    """Return rows as a text table, numbers aligned to the right."""
    body = list(rows)
    headers = [clip(header, width) for header in headers]
    cells = text_cells(body, width)
    numeric = numeric_columns(cells, len(headers))
    sizes = [max(len(header), *(len(row[i]) for row in cells), 0) for i, header in enumerate(headers)]

    def line(values: Sequence[str]) -> str:
        parts = [v.rjust(s) if right else v.ljust(s) for v, s, right in zip(values, sizes, numeric, strict=True)]
        return "  ".join(parts).rstrip()

    return "\n".join([line(headers), *(line(row) for row in cells)])


def numeric_columns(cells: Sequence[Sequence[str]], width: int) -> list[bool]:
    """Return whether each column shows numbers only, and is aligned to the right."""
    return [bool(cells) and all(not row[i] or _NUMBER.fullmatch(row[i]) for row in cells) for i in range(width)]


# A page that is dark by its background alone leaves text black; so a table has both, a notebook's where it says some.
_COLOURS = (
    "color-scheme: light dark; color: var(--jp-content-font-color1, var(--vscode-editor-foreground, CanvasText)); "
    "background: var(--jp-layout-color0, var(--vscode-editor-background, Canvas))"
)
# A notebook's own rules align everything to the right, and cut what is wider than an equal share.
_TABLE = f"table-layout: auto; border-collapse: collapse; {_COLOURS}"
_TEXT = "text-align: left; vertical-align: top; padding: .1em .6em; overflow-wrap: anywhere; max-width: 40em"
_SHORT = 12  # characters
_RIGHT = "text-align: right; vertical-align: top; padding: .1em .6em; white-space: nowrap"


def html_table(headers: Sequence[str], rows: Iterable[Row], *, caption: str = "", width: int = 200) -> str:
    """Return an HTML table for a notebook: every text is escaped, cut to `width` characters, and stands at the left."""
    cells = text_cells(list(rows), width)
    numeric = numeric_columns(cells, len(headers))
    styles = [_RIGHT if right else _text_style([row[i] for row in cells]) for i, right in enumerate(numeric)]
    head = "".join(f'<th style="{s}">{html.escape(h)}</th>' for h, s in zip(headers, styles, strict=True))
    lines = [
        "".join(f'<td style="{s}">{html.escape(text)}</td>' for text, s in zip(row, styles, strict=True))
        for row in cells
    ]
    body = "".join(f"<tr>{line}</tr>" for line in lines)
    title = f'<caption style="text-align: left">{html.escape(caption)}</caption>' if caption else ""
    return f'<table style="{_TABLE}">{title}<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>'


def _text_style(texts: Sequence[str]) -> str:
    """Return the style of a column of texts: short ones, such as ``1.9 %``, aren't broken where the table is narrow."""
    return f"{_TEXT}; white-space: nowrap" if all(len(text) <= _SHORT for text in texts) else _TEXT


def to_json(value: Any, *, indent: int | None = 1) -> str:
    """Write plain values as JSON; infinities and NaN, which JSON doesn't have, become null, and dates text.

    What would steer a terminal is written by its number, as JSON allows.
    """
    written = json.dumps(_finite(value), ensure_ascii=False, indent=indent, allow_nan=False, default=str)
    return written.translate(_NUMBERED) + "\n"


def _finite(value: Any) -> Any:
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {key: _finite(one) for key, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [_finite(one) for one in value]
    return value
