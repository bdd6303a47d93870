"""The notebooks with their outputs, as Markdown and pictures in ``docs/notebooks``.

``make docs-notebooks``, or ``python -m tests.render_notebooks [01 05 …]``. Values are written as a terminal shows them,
figures as SVG files. Progress bars are left out.
"""

from __future__ import annotations

import base64
import re
import shutil
import sys
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import nbformat
from nbclient import NotebookClient

ROOT = Path(__file__).parent.parent
NOTEBOOKS = ROOT / "notebooks"
PAGES = ROOT / "docs" / "notebooks"
_SVG = re.compile(r"<svg.*?</svg>", re.S)
_CAPTION = re.compile(r"<figcaption>(.*?)</figcaption>", re.S)
_WARNING = re.compile(r"\w+Warning: .+")


@dataclass(frozen=True)
class Rendered:
    """A page of Markdown, and the pictures it shows: bytes by file name."""

    text: str
    pictures: Mapping[str, bytes]


@dataclass
class _Page:
    """A page as it grows."""

    name: str
    parts: list[str] = field(default_factory=list)
    pictures: dict[str, bytes] = field(default_factory=dict)

    def add_picture(self, content: bytes, suffix: str, caption: str = "") -> None:
        file = f"{len(self.pictures) + 1}.{suffix}"
        self.pictures[file] = content
        self.parts.append(f"![{caption}]({self.name}/{file})" + (f"\n\n*{caption}*" if caption else ""))


def render(notebook: Any, name: str) -> Rendered:
    """Return an executed notebook as Markdown; pictures are in the folder `name` beside it."""
    page = _Page(name, [f"*Made from [{name}.ipynb](../../notebooks/{name}.ipynb), which has the same cells to run.*"])
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            page.parts.append(cell.source)
        elif cell.cell_type == "code":
            page.parts.append(_fenced(cell.source, "python"))
            _add_outputs(page, cell.outputs)
    return Rendered("\n\n".join(page.parts) + "\n", page.pictures)


def _fenced(text: str, language: str) -> str:
    fence = "`" * max(3, 1 + max((len(ticks) for ticks in re.findall("`+", text)), default=0))
    return f"{fence}{language}\n{text.strip()}\n{fence}"


def _add_outputs(page: _Page, outputs: Any) -> None:
    stdout = "".join(o.text for o in outputs if o.output_type == "stream" and o.name == "stdout")
    stderr = "".join(o.text for o in outputs if o.output_type == "stream" and o.name == "stderr")
    if stdout.strip():
        page.parts.append(_fenced(stdout, "text"))
    page.parts += [f"> {warning}" for warning in _WARNING.findall(stderr)]
    for output in outputs:
        if output.output_type in ("execute_result", "display_data"):
            _add_value(page, output.data)


def _add_value(page: _Page, data: Mapping[str, str]) -> None:
    """Add a value: its pictures, and its text unless it is nothing but a picture."""
    html = data.get("text/html", "")
    caption = next(iter(_CAPTION.findall(html)), "")
    if "image/svg+xml" in data:
        page.add_picture(_standalone(data["image/svg+xml"]), "svg", caption)
    elif "image/png" in data:
        page.add_picture(base64.b64decode(data["image/png"]), "png", caption)
    elif "application/vnd.plotly.v1+json" in data:
        page.parts.append("*An interactive chart, which the notebook shows.*")
    else:
        if "text/plain" in data:
            page.parts.append(_fenced(data["text/plain"], "text"))
        for svg, below in _figures(html):
            page.add_picture(_standalone(svg), "svg", below)


def _figures(html: str) -> Iterator[tuple[str, str]]:
    """Iterate over the pictures inside a value's HTML that a wide page shows, with their captions."""
    for figure in re.findall(r"<figure.*?</figure>", html, re.S):
        svg, caption = _SVG.search(figure), _CAPTION.search(figure)
        if svg:
            yield svg[0], caption[1] if caption else ""


def _standalone(svg: str) -> bytes:
    """Return SVG as the content of a file: with the namespace, and where it was inline, with a size, on white."""
    start, _, rest = svg.strip().partition(">")
    if "xmlns=" not in start:
        width, height = re.findall(r"[\d.]+", start.partition("viewBox=")[2])[2:4]
        start = re.sub(r'\s(width|height|style)="[^"]*"', "", start)
        start += f' xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" color="#1d2329"'
        rest = f'<rect width="100%" height="100%" fill="#ffffff"/>{rest}'
    return f"{start}>{rest}\n".encode()


def execute(path: Path) -> Any:
    """Return a notebook with its outputs, executed in an empty folder; temporary folders are taken out of them."""
    notebook = nbformat.read(path, as_version=4)
    with tempfile.TemporaryDirectory() as folder:
        resources = {"metadata": {"path": folder}}
        NotebookClient(notebook, timeout=1_200, kernel_name="python3", resources=resources).execute()
    return nbformat.reads(without_temporary_folders(nbformat.writes(notebook)), as_version=4)


def without_temporary_folders(text: str) -> str:
    """Return a text with paths relative to the temporary folder they lie in."""
    return re.sub(rf"{re.escape(tempfile.gettempdir())}/[\w.-]+/", "", text)


def write(rendered: Rendered, name: str) -> None:
    """Write a page and its pictures in place of those that were there."""
    shutil.rmtree(PAGES / name, ignore_errors=True)
    for file, content in rendered.pictures.items():
        (PAGES / name).mkdir(parents=True, exist_ok=True)
        (PAGES / name / file).write_bytes(content)
    (PAGES / f"{name}.md").write_text(rendered.text, encoding="utf-8")


if __name__ == "__main__":
    for path in sorted(NOTEBOOKS.glob("*.ipynb")):
        if not sys.argv[1:] or path.name.startswith(tuple(sys.argv[1:])):
            print(path.name, flush=True)
            write(render(execute(path), path.stem), path.stem)
