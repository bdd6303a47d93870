"""The notebooks in the docs: what a notebook shows, as Markdown and files of pictures, up to date."""

import base64
import re
import tempfile
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import nbformat.v4 as v4
import pytest

from tests.render_notebooks import NOTEBOOKS, PAGES, nbformat, render, without_temporary_folders

NAMES = sorted(path.stem for path in NOTEBOOKS.glob("*.ipynb"))
INLINE = '<svg viewBox="0 0 720 136" width="100%" style="max-width:720px" fill="currentColor"><path d="M0 0"/></svg>'
OWN_FILE = '<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"><path d="M0 0"/></svg>'


def shown(*outputs, source="thing"):
    """Render a notebook of one cell; give the Markdown after the code, and the pictures."""
    cell = v4.new_code_cell(source, outputs=list(outputs))
    rendered = render(v4.new_notebook(cells=[v4.new_markdown_cell("# Title"), cell]), "page")
    _, _, after = rendered.text.partition(f"```python\n{source}\n```\n")
    return after.strip(), rendered.pictures


def value(**data):
    return v4.new_output(
        "execute_result", {key.replace("__", "/").replace("_", "+"): text for key, text in data.items()}
    )


def test_prose_code_and_text():
    cells = [v4.new_markdown_cell("# Title\n\nProse."), v4.new_code_cell("1 + 1", outputs=[value(text__plain="2")])]
    assert render(v4.new_notebook(cells=cells), "page").text == (
        "*Made from [page.ipynb](../../notebooks/page.ipynb), which has the same cells to run.*\n\n"
        "# Title\n\nProse.\n\n```python\n1 + 1\n```\n\n```text\n2\n```\n"
    )


def test_progress_bars_are_left_out_and_warnings_are_not():
    out = v4.new_output("stream", name="stdout", text="a\n")
    more = v4.new_output("stream", name="stdout", text="b\n")
    err = v4.new_output(
        "stream",
        name="stderr",
        text="\rencoding:  36%|███▌ | 72/199\r     \r/some/where/5.py:5: SemspaceWarning: 50 are cut\n  embed()\n",
    )
    assert shown(out, err, more)[0] == "```text\na\nb\n```\n\n> SemspaceWarning: 50 are cut"


def test_a_picture_is_a_file_and_its_text_is_left_out():
    html = f"<figure>{INLINE}<figcaption>Sizes.</figcaption></figure>"
    text, pictures = shown(value(text__plain="Figure(draw=<function>)", text__html=html, image__svg_xml=OWN_FILE))
    assert text == "![Sizes.](page/1.svg)\n\n*Sizes.*"
    assert pictures["1.svg"].decode() == OWN_FILE + "\n"
    text, pictures = shown(value(image__png=base64.b64encode(b"\x89PNG").decode(), text__plain="Figure()"))
    assert (text, pictures) == ("![](page/1.png)", {"1.png": b"\x89PNG"})


def test_a_table_with_a_picture_is_both():
    html = f"<table></table><figure>{INLINE}<figcaption>A tree.</figcaption></figure>"
    text, pictures = shown(value(text__plain="2 groups", text__html=html))
    assert text == "```text\n2 groups\n```\n\n![A tree.](page/1.svg)\n\n*A tree.*"
    root = ElementTree.fromstring(pictures["1.svg"])
    assert root.tag == "{http://www.w3.org/2000/svg}svg"
    assert (root.get("width"), root.get("height")) == ("720", "136")


def test_output_cannot_end_its_own_block():
    assert shown(value(text__plain="```\n# not a title"))[0] == "````text\n```\n# not a title\n````"


def test_temporary_folders_are_taken_out_of_paths():
    folder = tempfile.mkdtemp()
    Path(folder).rmdir()
    assert without_temporary_folders(f"no file at {folder}/words.space/a.npy") == "no file at words.space/a.npy"


@pytest.mark.parametrize("name", NAMES)
def test_the_page_of_a_notebook_is_up_to_date(name):
    """Its cells are the notebook's, each picture is there, and no path of the machine that rendered it is."""
    notebook = nbformat.read(NOTEBOOKS / f"{name}.ipynb", as_version=4)
    text = (PAGES / f"{name}.md").read_text(encoding="utf-8")
    place = 0
    for cell in notebook.cells:
        place = text.find(cell.source.strip(), place)
        assert place >= 0, f"{name} has changed; run make docs-notebooks"
    pictures = re.findall(rf"\]\({name}/([\w.]+)\)", text)
    assert pictures
    assert {path.name for path in (PAGES / name).iterdir()} == set(pictures)
    sizes = [path.stat().st_size for path in (PAGES / name).iterdir()]
    assert len(text.encode()) + sum(sizes) < 300_000
    assert not re.search(r"/tmp/|/home/|/root/|0x[0-9a-f]{8}", text)


def test_there_is_no_page_without_a_notebook():
    assert sorted(path.stem for path in PAGES.glob("*.md")) == NAMES
