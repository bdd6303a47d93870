"""The main job, once through, as a newcomer runs it."""

import json
import re
from pathlib import Path

import pytest

import semspace as ss
from semspace.cli import main
from semspace.demo import run
from semspace.errors import ExistsError


@pytest.fixture(scope="module")
def demo(tmp_path_factory):
    """Run it once; give the folder, what it said, and its results."""
    out = tmp_path_factory.mktemp("demo")
    said = []
    results = run(out, say=said.append)
    return out, "\n".join(said), results


def test_a_saved_value_is_not_a_folder_for_results(tmp_path):
    ss.save(ss.Corpus.from_texts(["a"]), tmp_path / "c")
    before = sorted((tmp_path / "c").iterdir())
    with pytest.raises(ExistsError, match="is a saved semspace value; choose another folder"):
        run(tmp_path / "c", say=print)
    assert sorted((tmp_path / "c").iterdir()) == before


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
