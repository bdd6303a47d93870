"""Every notebook is stored without output, and runs: here on less data, as a reader does with `--whole`."""

import json
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

FOLDER = Path(__file__).parent.parent / "notebooks"
NOTEBOOKS = sorted(FOLDER.glob("*.ipynb"))
# What a notebook computes for its reader's numbers, which no test reads: the same calls with less of it.
LESS = {
    "01": {
        "epochs=10": "epochs=2",
        "words.ids[:3000]": "words.ids[:600]",
        'ss.corpora.load("lee-background")': 'ss.corpora.load("lee-background").head(100)',
    },
    "02": {"epochs=10": "epochs=2", "epochs=5": "epochs=1"},
    "03": {
        "epochs=10": "epochs=1",
        "[:300]": "[:60]",
        "sentences=1_500": "sentences=300",
        'ss.corpora.load("lee-background")': 'ss.corpora.load("lee-background").head(60)',
    },
    "04": {
        "40 < len(sentence) < 300": "40 < len(sentence) < 130",  # shorter ones, still 5,000: an index of fewer is exact
        "(0.8, 0.9, 0.95, 0.99)": "(0.8, 0.99)",
    },
    "07": {
        'ss.corpora.load("lee-background")': 'ss.corpora.load("lee-background").head(60)',
        "max_tokens=64": "max_tokens=16",
        "epochs=10": "epochs=2",
        "epochs=0.3": "epochs=0.05",
        'ss.corpora.load("wikipedia-sample")': 'ss.corpora.load("wikipedia-sample").head(20)',
        "vocabulary=8_000": "vocabulary=2_000",
    },
    "08": {"[:3_000]": "[:1_200]", "epochs=30": "epochs=5"},
    "09": {"[:2_000]": "[:300]", "epochs=5": "epochs=1", "slice(0, 500)": "slice(0, 200)"},
    "10": {"epochs=3": "epochs=1"},
}


def test_the_first_notebook_is_there():
    assert next(path.name for path in NOTEBOOKS) == "01-start-here.ipynb"
    assert [path.name[:2] for path in NOTEBOOKS] == [f"{i:02d}" for i in range(1, len(NOTEBOOKS) + 1)]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_is_stored_without_output(path):
    for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]:
        assert not cell.get("outputs")
        assert cell.get("execution_count") is None


def shorten(notebook, less):
    """Replace parts of the code, each of which must be there."""
    for old, new in less.items():
        cells = [cell for cell in notebook.cells if cell.cell_type == "code" and old in cell.source]
        assert cells, f"{old} has changed: change LESS, too"
        for cell in cells:
            cell.source = cell.source.replace(old, new)


@pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_runs(path, tmp_path, pytestconfig):
    notebook = nbformat.read(path, as_version=4)
    if not pytestconfig.getoption("--whole"):
        shorten(notebook, LESS.get(path.name[:2], {}))
    client = NotebookClient(
        notebook, timeout=600, kernel_name="python3", resources={"metadata": {"path": str(tmp_path)}}
    )
    client.execute()
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert all(cell.execution_count for cell in code)
    shown = [output for cell in code for output in cell.outputs]
    assert not [output for output in shown if output.output_type == "error"]
    pictures = [o for o in shown if "<svg" in o.get("data", {}).get("text/html", "")]
    assert len(pictures) >= 2
