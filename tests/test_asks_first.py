"""Long work asks first: what can be judged before texts are encoded or anything is trained is judged before."""

import importlib

import numpy as np
import polars as pl
import pytest

import semspace as ss
from semspace.cli import main
from semspace.errors import SemspaceError
from semspace.files import digest


class Begun(Exception):
    """Long work has begun."""


class Fake(ss.Encoder):
    """An encoder that can't be asked for anything."""

    name, dim, fingerprint, max_tokens = "fake", 4, digest(b"fake"), 99

    def _encode_block(self, some, shown):
        raise Begun

    def passages(self, texts, overlap=0):
        raise Begun


CORPUS = ss.Corpus.from_frame(
    pl.DataFrame(
        {
            "text": [f"number {i} of the texts" for i in range(20)],
            "year": [str(1900 + i) for i in range(19)] + ["n.d."],
            "author": [f"name {'abcdefg'[i % 7]}" for i in range(20)],
            "book": [str(i // 2) for i in range(20)],
            "few": ["x"] * 17 + ["y"] * 3,
            "gap": ["p"] * 19 + [None],
        }
    )
)
SPACE = ss.Space.from_vectors([str(i) for i in range(20)], np.random.default_rng(0).normal(size=(20, 4)))
WORDS = ss.Space.from_vectors(["a", "b"], [[1, 0], [0, 1]])
TOO_FEW = CORPUS.head(3)
COMPARED = {
    "a cut outside": {"by": "year", "bins": 3000},
    "a cut that is none": {"by": "year", "bins": "last year"},
    "bins twice": {"by": "year", "bins": [1910, 1910]},
    "no bins": {"by": "year", "bins": []},
    "bins of names": {"by": "author", "bins": "m"},
    "no such column": {"by": "yaer"},
    "parts too small": {"by": "few"},
    "one part": {"by": "gap"},
    "names that don't fit": {"by": "year", "bins": 1910, "names": ["x", "y", "z"]},
    "names that are the same": {"by": "year", "bins": 1910, "names": ["x", "x"]},
    "no such unit": {"by": "year", "bins": 1910, "groups": "tome"},
    "a unit in two parts": {"by": "year", "bins": 1911, "groups": "book"},
    "a unit that is missing": {"by": "year", "bins": 1910, "groups": "gap"},
    "n_clusters": {"by": "year", "bins": 1910, "n_clusters": 21},
    "permutations": {"by": "year", "bins": 1910, "permutations": 5},
    "resamples": {"by": "year", "bins": 1910, "resamples": 5},
    "min_duplicate_score": {"by": "year", "bins": 1910, "min_duplicate_score": 2},
    "long": {"by": "year", "bins": 1910, "long_texts": "longer"},
    "references": {"by": "year", "bins": 1910, "references": "yes"},
    "two spaces of words for three": {"by": "year", "bins": [1906, 1912], "words": (WORDS, WORDS)},
    "words": {"by": "year", "bins": 1910, "words": "yes"},
    "seed": {"by": "year", "bins": 1910, "seed": -1},
}


@pytest.mark.parametrize("options", COMPARED.values(), ids=COMPARED)
@pytest.mark.filterwarnings("ignore::semspace.errors.SemspaceWarning")
def test_compare_asks_before_it_encodes(options):
    with pytest.raises(SemspaceError):
        ss.compare(CORPUS, encoder=Fake(), **options)


@pytest.mark.filterwarnings("ignore::semspace.errors.SemspaceWarning")
def test_compare_encodes_what_is_in_order():
    with pytest.raises(Begun):
        ss.compare(CORPUS, encoder=Fake(), by="year", bins=1910)


def test_compare_asks_of_every_corpus():
    for given in ((CORPUS, TOO_FEW), (TOO_FEW, CORPUS), (CORPUS, SPACE)):  # the space is of no encoder
        with pytest.raises(SemspaceError):
            ss.compare(*given, encoder=Fake())


GROUPED = {
    "n_clusters": {"n_clusters": 0},
    "n_clusters above the number of points": {"n_clusters": 21},
    "method": {"method": "magic"},
    "granularity": {"granularity": 0},
    "granularity and n_clusters": {"n_clusters": 3, "granularity": 2},
    "outliers": {"outliers": 1},
    "a strange setting": {"method": "kmeans", "n_clusters": 2, "resolution": 1},
    "a bad setting": {"method": "leiden", "resolution": -1},
    "namer": {"namer": "gpt"},
    "seed": {"seed": "x"},
    "max_points": {"max_points": 1},
    "threads": {"threads": 0},
    "seed_words without an encoder": {"seed_words": [["x"]]},
    "seed_words that are none": {"seed_words": "x"},
    "corpus": {"corpus": CORPUS.head(2)},
}


@pytest.mark.parametrize("options", GROUPED.values(), ids=GROUPED)
def test_cluster_asks_before_it_looks_for_neighbours(monkeypatch, options):
    def begun(*_, **__):
        raise Begun

    monkeypatch.setattr(importlib.import_module("semspace.clusters.cluster"), "distinct_points", begun)
    with pytest.raises(SemspaceError):
        ss.cluster(SPACE, **options)
    with pytest.raises(Begun):
        ss.cluster(SPACE, n_clusters=2)


def places(tmp_path):
    """Places where nothing may be written."""
    (tmp_path / "taken").write_text("mine")
    (tmp_path / "folder").mkdir()
    return [tmp_path / "taken", tmp_path / "folder", tmp_path / "taken" / "below", ""]


def test_encoders_ask_before_they_encode(tmp_path):
    for place in places(tmp_path):
        with pytest.raises(SemspaceError):
            Fake().embed(CORPUS, out=place)
    for options in ({"long_texts": "longer"}, {"overlap": -1}, {"overwrite": "yes"}, {"progress": 5}):
        with pytest.raises(SemspaceError):
            Fake().embed(CORPUS, **options)
    with pytest.raises(SemspaceError):
        Fake().embed(CORPUS.frame)
    assert (tmp_path / "taken").read_text() == "mine"


@pytest.mark.parametrize(
    "options",
    [{"dim": 0}, {"dim": 5}, {"words": -1}, {"sentences": -1}, {"a": 0}, {"prior": -1}, {"whitening": 2}, {"seed": -1}],
    ids=lambda options: next(iter(options)),
)
def test_distill_asks_before_it_encodes(options):
    with pytest.raises(SemspaceError):
        ss.distill(Fake(), CORPUS, **{"dim": 2, **options})


def test_word2vec_asks_before_it_reads(tmp_path):
    def text():
        raise Begun
        yield

    trainer = ss.Word2Vec(dim=4)
    for place in places(tmp_path):
        with pytest.raises(SemspaceError):
            trainer.train(text(), checkpoint=place)
    for options in ({"init": WORDS}, {"init": "x"}, {"evaluator": 5}, {"resume": True}, {"checkpoint_minutes": -1}):
        with pytest.raises(SemspaceError):
            trainer.train(text(), **options)


def test_encoder_trainer_asks_before_it_reads(tmp_path):
    pytest.importorskip("transformers")

    class Data:
        def __getattr__(self, name):
            raise Begun

    trainer = ss.EncoderTrainer(objective="pairs")
    for place in places(tmp_path):
        for option in ("out", "checkpoint"):
            with pytest.raises(SemspaceError):
                trainer.train(Data(), **{option: place})
    for options in ({"init": 5}, {"evaluator": "no-such-task"}, {"resume": True}, {"checkpoint_minutes": -1}):
        with pytest.raises(SemspaceError):
            trainer.train(Data(), **options)
    with pytest.raises(SemspaceError):
        ss.EncoderTrainer(objective="pairs", patience=1, held_out=0).train(Data())


@pytest.mark.parametrize(
    "arguments",
    [
        ("cluster", "texts.csv", "-k", "0"),
        ("cluster", "texts.csv", "--method", "magic"),
        ("cluster", "texts.csv", "--granularity", "-1"),
        ("cluster", "texts.csv", "--outliers", "2"),
        ("cluster", "texts.csv", "--out", "taken"),
        ("cluster", "texts.csv", "--out", "taken/below"),
        ("cluster", "texts.csv", "--report", "report.pdf"),
        ("cluster", "texts.csv", "--report", "taken.html"),
        ("cluster", "texts.csv", "--report", "folder.html"),
        ("cluster", "texts.csv", "--report", "taken/report.html", "--overwrite"),
        ("compare", "texts.csv", "--by", "year", "--cuts", "3000"),
        ("compare", "texts.csv", "--by", "year", "--cuts", "1910", "--out", "report.pdf"),
        ("compare", "texts.csv", "--by", "year", "--cuts", "1910", "--out", "taken.html"),
        ("compare", "texts.csv", "--by", "year", "--cuts", "1910", "--out", "taken/report.html"),
        ("compare", "texts.csv", "--by", "year", "--cuts", "1910", "--permutations", "3"),
        ("compare", "texts.csv", "--by", "year", "--cuts", "1910", "--names", "x"),
        ("embed", "texts.csv", "--out", "taken"),
        ("embed", "texts.csv", "--out", "taken/below"),
        ("embed", "texts.csv", "--out", "new", "--long", "longer"),
        ("train", "word2vec", "texts.csv", "--out", "taken"),
        ("train", "word2vec", "texts.csv", "--out", "new", "--evaluate", "no-such-task"),
        ("train", "word2vec", "texts.csv", "--out", "new", "--checkpoint", "taken"),
        ("train", "word2vec", "texts.csv", "--out", "taken/below"),
    ],
    ids=" ".join,
)
def test_commands_ask_before_they_work(monkeypatch, tmp_path, capsys, arguments):
    def begun(*_, **__):
        raise Begun

    monkeypatch.chdir(tmp_path)
    (tmp_path / "taken").write_text("mine")
    (tmp_path / "taken.html").write_text("mine")
    (tmp_path / "folder.html").mkdir()
    CORPUS.frame.write_csv("texts.csv")
    monkeypatch.setattr("semspace.cli.inputs.read_encoder", lambda *_, **__: Fake())
    monkeypatch.setattr("semspace.cli.inputs.read_tokens", begun)
    assert main([*arguments]) == 2
    assert capsys.readouterr().err.startswith(("semspace: ", "note: "))
    assert (tmp_path / "taken").read_text() == "mine"
