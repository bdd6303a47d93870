"""Every notebook is stored without output, and runs: here on less data, as a reader does with `--whole`."""

import json
from pathlib import Path

import nbformat
import pytest
from IPython.core.interactiveshell import InteractiveShell
from IPython.utils.capture import capture_output
from nbclient import NotebookClient
from traitlets.config import Config

from tests.remembered import remembered_vectors

FOLDER = Path(__file__).parent.parent / "notebooks"
NOTEBOOKS = sorted(FOLDER.glob("*.ipynb"))
IN_A_KERNEL = "02"
# An encoder of words that costs a second, and half of the posts of each newsgroup.
WORDS = "ss.WordAverage(ss.Word2Vec(dim=64, epochs=2, seed=7).train({}))"
POSTS = 'ss.Corpus(ss.corpora.load("newsgroups-sample").frame.gather_every(2))'
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
        "ss.distill(encoder, news, dim=128, sentences=1_500)": f"ss.distill({WORDS.format('news')}, news, dim=32)",
        'ss.corpora.load("lee-background")': 'ss.corpora.load("lee-background").head(60)',
    },
    "04": {
        'ss.Encoder.load("all-MiniLM-L6-v2")': WORDS.format("articles"),
        "[:6_500]": "[:5_500]",  # an index of fewer than 5,000 is exact
        "(0.8, 0.9, 0.95, 0.99)": "(0.8, 0.99)",
        "min_score=0.9)": "min_score=0.995)",
    },
    "05": {'ss.corpora.load("newsgroups-sample")': POSTS},
    "06": {
        'ss.corpora.load("newsgroups-sample")': POSTS,
        'ss.corpora.load("lee-background").head(80), long_texts="pool"': 'ss.corpora.load("lee-background").head(80)',
    },
    "07": {
        'ss.Encoder.load("all-MiniLM-L6-v2")': 'ss.Encoder.load("SMALL")',  # docs/features.md trains MiniLM itself
        'ss.corpora.load("lee-background")': 'ss.corpora.load("lee-background").head(60)',
        'ss.corpora.load("newsgroups-sample")': POSTS,
        "max_tokens=64": "max_tokens=16",
        "epochs=10": "epochs=2",
        "epochs=0.3": "epochs=0.05",
        'ss.corpora.load("wikipedia-sample")': 'ss.corpora.load("wikipedia-sample").head(20)',
        "vocabulary=8_000": "vocabulary=2_000",
    },
    "08": {
        'ss.Encoder.load("all-MiniLM-L6-v2")': WORDS.format("articles"),
        "[:3_000]": "[:1_200]",
        "epochs=30": "epochs=5",
    },
    "09": {"[:2_000]": "[:300]", "epochs=5": "epochs=1", "slice(0, 500)": "slice(0, 200)"},
    "10": {"epochs=3": "epochs=1"},
    "11": {
        'model = "all-MiniLM-L6-v2"': 'model = "SMALL"',
        'ss.corpora.load("lee-background").frame': 'ss.corpora.load("lee-background").frame.head(100)',
    },
}


def test_the_first_notebook_is_there():
    assert next(path.name for path in NOTEBOOKS) == "01-start-here.ipynb"
    assert [path.name[:2] for path in NOTEBOOKS] == [f"{i:02d}" for i in range(1, len(NOTEBOOKS) + 1)]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_is_stored_without_output(path):
    for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]:
        assert not cell.get("outputs")
        assert cell.get("execution_count") is None


def shorten(notebook, less, small_folder):
    """Replace parts of the code, each of which must be there; SMALL is the folder of a small transformer."""
    less = {old: new.replace("SMALL", str(small_folder)) for old, new in less.items()}
    for old, new in less.items():
        cells = [cell for cell in notebook.cells if cell.cell_type == "code" and old in cell.source]
        assert cells, f"{old} has changed: change LESS, too"
        for cell in cells:
            cell.source = cell.source.replace(old, new)


@pytest.mark.filterwarnings("ignore")  # less data, more to warn of
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_runs(path, tmp_path, monkeypatch, pytestconfig, small_folder):
    """With `--whole`, as a reader runs it; else only one in a kernel of its own, since each kernel imports all anew."""
    notebook = nbformat.read(path, as_version=4)
    whole = pytestconfig.getoption("--whole")
    if not whole:
        shorten(notebook, LESS.get(path.name[:2], {}), small_folder)
    if whole or path.name.startswith(IN_A_KERNEL):
        shown = run_in_kernel(notebook, tmp_path)
    else:
        monkeypatch.chdir(tmp_path)
        with remembered_vectors():
            shown = run_here(notebook)
    pictures = [data for data in shown if "<svg" in data.get("text/html", "")]
    assert len(pictures) >= 2


def run_in_kernel(notebook, folder):
    """Run a notebook in a process of its own; return what it shows, by type."""
    NotebookClient(
        notebook, timeout=600, kernel_name="python3", resources={"metadata": {"path": str(folder)}}
    ).execute()
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert all(cell.execution_count for cell in code)
    shown = [output for cell in code for output in cell.outputs]
    assert not [output for output in shown if output.output_type == "error"]
    return [output.get("data", {}) for output in shown]


def run_here(notebook):
    """Run a notebook in this process, by the shell that a kernel has; return what it shows, by type."""
    shell, shown = InteractiveShell.instance(config=Config({"HistoryManager": {"enabled": False}})), []
    try:
        for cell in (cell for cell in notebook.cells if cell.cell_type == "code"):
            with capture_output() as captured:
                ran = shell.run_cell(cell.source)
            assert ran.success, captured.stdout
            shown += [output.data for output in captured.outputs]
            if ran.result is not None:
                shown.append(shell.display_formatter.format(ran.result)[0])
    finally:
        shell.reset()
        shell.restore_sys_module_state()
        InteractiveShell.clear_instance()
    return shown
