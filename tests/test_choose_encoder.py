"""Which encoder suits some texts: by hand, on real texts, and with what users may give wrongly."""

import json

import numpy as np
import polars as pl
import pytest

import semspace as ss
from semspace.cli import main
from semspace.errors import InputError, MissingFileError, UnknownIdError
from semspace.evaluation import Retrieval
from semspace.selection import own_tasks
from semspace.statistics import holm

TOPICS = ["sun sky rain wind", "cup mug plate fork", "car bus train tram", "cat dog horse cow"]


class Words:
    """Encodes a text as the counts of its words, with noise: a better encoder has less of it."""

    def __init__(self, noise=0.0, name="words"):
        self.name, self.noise = name, noise

    def encode(self, texts):
        vocabulary = [word for topic in TOPICS for word in topic.split()]
        counts = np.array([[text.split().count(word) for word in vocabulary] for text in texts], np.float32)
        noise = np.array([np.random.default_rng(sum(map(ord, text))).normal(size=16) for text in texts])
        topics = np.kron(np.eye(4), np.ones((4, 4))) / 2
        return (counts + counts @ topics + self.noise * noise).astype(np.float32)


class Blind:
    """Gives every text the same vector."""

    def encode(self, texts):
        return np.ones((len(texts), 3), np.float32)


class Broken:
    name = "broken"

    def encode(self, texts):
        return np.full((len(texts), 2), np.nan, np.float32)


@pytest.fixture(scope="module")
def texts():
    draw = np.random.default_rng(0)
    rows = []
    for i in range(60):
        words = TOPICS[i % 4].split()
        mixed = [" ".join(draw.choice(words, 8)) for _ in range(2)]
        rows.append(
            {"id": f"t{i}", "text": ". ".join(mixed), "topic": f"topic {i % 4}", "Headline": draw.choice(words)}
        )
    return ss.Corpus.from_frame(pl.DataFrame(rows))


# -- tasks of texts ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "cut"),
    [
        ("It rained much that day. Then nobody slept all night.", "Then nobody slept all night."),
        ("one two three four five six seven eight", "five six seven eight"),
        ("Yes. one two three four five six seven eight nine ten", "five six seven eight nine ten"),
        ("one two three four five six seven", None),
    ],
)
def test_halves_are_whole_sentences_where_that_is_near_the_middle(text, cut):
    halves = None if cut is None else (text.removesuffix(cut).strip(), cut)
    assert own_tasks.halved(text) == halves


def test_a_title_is_taken_off_its_text():
    rows = [
        {"id": str(i), "text": f"Name {i}\nof what it is" if i % 2 else "what it is", "title": f"Name {i}"}
        for i in range(12)
    ]
    rows[0]["title"] = None
    task = own_tasks.titles(ss.Corpus.from_frame(pl.DataFrame(rows), text="text"), "title")
    assert task.questions["1"] == "Name 1"
    assert (task.documents["1"], task.documents["2"]) == ("of what it is", "what it is")
    assert "0" not in task.questions
    assert task.relevant["3"] == {"3": 1.0}


def test_bm25_ranks_the_other_half():
    words = ["sun", "sky", "cup", "mug", "car", "bus", "cat", "dog", "sea", "ant"]
    corpus = ss.Corpus.from_texts(
        [*(f"{word} {word} other" for word in words), *(f"{word} here" for word in words[1:]), "no"]
    )
    task = own_tasks.bm25(corpus)
    assert len(task.questions) == len(task.documents) == 10
    assert task.relevant["3"] == {"12": 1.0}
    assert task.relevant["0"] == {}  # no text has one of its words

    class Longest:
        def score(self, query, texts):
            return np.array([len(text) for text in texts], np.float32)

    corpus = ss.Corpus.from_texts([*words, *(f"sky{' more' * i}" for i in range(10))])
    judged = own_tasks.cross_encoder(corpus, Longest())
    assert judged.relevant["1"] == {"19": 1.0, "18": 1.0, "17": 1.0}
    assert judged.relevant["2"] == {}


# -- the choice -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["halves", "titles", "bm25"])
def test_the_better_encoder_comes_first(texts, method):
    options = {"title": "Headline"} if method == "titles" else {}
    encoders = {"noisy": Words(3.0), "good": Words(0.1), "blind": Blind()}
    choice = ss.choose_encoder(encoders, texts, method=method, progress=False, **options)
    assert choice["good"].score.value > choice["noisy"].score.value
    assert choice.best == "good"
    assert choice.encoder is encoders["good"]
    assert choice["blind"].behind.p_value < 0.01
    assert choice.p_values["blind"] >= choice["blind"].behind.p_value
    assert choice["good"].behind is None
    low, high = choice["good"].score.interval
    assert low <= choice["good"].score.value <= high
    assert choice["good"].dim == 16


def test_labels_by_column_sequence_and_mapping(texts):
    encoders = [Words(0.1, "good"), Words(3.0, "noisy")]
    values = texts.frame["topic"].to_list()
    choices = [
        ss.choose_encoder(encoders, texts, labels, progress=False)
        for labels in ("topic", values, dict(zip(texts.ids, values, strict=True)))
    ]
    numbered = ss.Corpus.from_texts(texts.texts.to_list())
    choices.append(ss.choose_encoder(encoders, numbered, dict(enumerate(values)), progress=False))
    assert {one.best for one in choices} == {"good"}
    assert len({one["noisy"].score.value for one in choices}) == 1
    assert choices[0]["good"].score.metric == "accuracy"
    some = ss.choose_encoder(encoders, texts, [*values[:30], *[None] * 30], progress=False)
    assert some["good"].score.used == 30


def test_a_task_is_taken_as_it_is(texts):
    task = Retrieval("mine", texts[:20], texts, {id: {id: 1.0} for id in texts.ids[:20]})
    choice = ss.choose_encoder({"good": Words(), "blind": Blind()}, None, task, progress=False)
    assert choice["good"].score.metric == "ndcg@10"
    assert choice["good"].score.value > choice["blind"].score.value
    assert choice.task == "mine, 20 items (ndcg@10)"


def test_the_default_is_halves_and_a_column_of_titles_is_asked_for(texts):
    encoders = [Words()]
    choice = ss.choose_encoder(encoders, texts, progress=False)
    assert choice.task == "the first half of each of 60 texts must find its second half (ndcg@10)"
    for options in ({"title": "Headline"}, {"method": "titles"}):
        assert "must find its text" in ss.choose_encoder(encoders, texts, progress=False, **options).task
    bare = ss.Corpus(texts.frame.drop("Headline"))
    assert ss.choose_encoder(encoders, bare.texts.to_list(), progress=False)["words"].score.used == 60
    drawn = ss.choose_encoder(encoders, bare, sample=20, progress=False)
    assert drawn["words"].score.used == 20
    again = ss.choose_encoder(encoders, bare, sample=20, progress=False)
    assert again["words"].score.value == drawn["words"].score.value
    doubled = ss.Corpus.from_texts([*bare.texts, *bare.texts])
    assert ss.choose_encoder(encoders, doubled, progress=False)["words"].score.used == 60


def test_what_is_shown(texts):
    choice = ss.choose_encoder(
        {"good": Words(), "<b>": Words(), "blind": Blind()}, texts, method="halves", progress=False
    )
    table = choice.to_frame()
    assert table["encoder"].to_list() == ["good", "<b>", "blind"]
    assert table["difference"].to_list()[:2] == [None, 0.0]
    assert table["p_value"].to_list()[1] == 1.0
    assert (table["texts_per_second"] > 0).all()
    assert choice.as_good == ("good", "<b>")
    printed = repr(choice)
    titles = ["encoder", "value", "low", "high", "behind", "p", "texts/s", "dim", "MB", "note"]
    assert printed.splitlines()[1].split() == titles
    assert printed.endswith("good is best; not told apart from it: <b>")
    assert "&lt;b&gt;" in choice._repr_html_()
    assert "<b>" not in choice._repr_html_()
    with pytest.raises(UnknownIdError, match="no encoder 'god' in this choice; did you mean good"):
        choice["god"]


def test_one_encoder_that_fails_hides_no_other(texts):
    choice = ss.choose_encoder([Broken(), Words()], texts, method="halves", progress=False)
    assert [one.name for one in choice] == ["words", "broken"]
    assert "contains NaN" in choice["broken"].score.note
    assert "contains NaN" in repr(choice)
    assert choice.as_good == ("words",)
    with pytest.raises(InputError, match="none of the 1 encoders can be scored"):
        ss.choose_encoder([Broken()], texts, method="halves", progress=False)


def test_encoders_by_name_and_their_sizes(texts, tiny_folder, tiny):
    vectors = np.random.default_rng(0).normal(size=(4, 3)).astype(np.float32)
    words = ss.WordAverage(ss.Space.from_vectors(["sun", "cup", "car", "cat"], vectors), frequencies="zipf")
    with pytest.warns(ss.SemspaceWarning):  # texts longer than it reads, and texts without a known word
        choice = ss.choose_encoder([str(tiny_folder), tiny, words], texts, method="halves", sample=20, progress=False)
    names = {one.name for one in choice}
    assert str(tiny_folder) in names
    weights = tiny_folder / "model.safetensors"
    assert choice[str(tiny_folder)].size == weights.stat().st_size
    assert choice["word-average"].size == words.words.vectors.nbytes
    assert len(names) == 3


def test_holm_by_hand():
    assert holm([0.01, 0.04, 0.03]).tolist() == pytest.approx([0.03, 0.06, 0.06])
    assert holm([0.9, 0.6]).tolist() == [1, 1]
    assert len(holm([])) == 0


# -- bad input --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "options", "message"),
    [
        (("all-MiniLM-L6-v2", "TEXTS"), {}, r"encoders must be a list, such as \['all-MiniLM-L6-v2', mine\]"),
        (([], "TEXTS"), {}, "encoders is empty"),
        (([Words()], None), {}, "corpus is None"),
        (([Words()], ["one two"] * 3), {}, "'halves' needs at least 10 texts of at least 8 words; there are 0"),
        (([Words()], "TEXTS"), {"method": "halve"}, "method must be one of .*did you mean 'halves'"),
        (([Words()], ["a b"] * 20), {"method": "titles"}, "'titles' needs a column of titles; pass title=NAME"),
        (([Words()], "TEXTS"), {"title": "name"}, "title: there is no column 'name'"),
        (([Words()], "TEXTS"), {"title": "Headline", "method": "bm25"}, "title has no effect with method='bm25'"),
        (([Words()], "TEXTS", "kind"), {}, "labels: there is no column 'kind'"),
        (([Words()], "TEXTS", ["a"]), {}, "labels must hold one for each of 60 documents; got 1"),
        (([Words()], "TEXTS", 3), {}, "labels must be the name of a column, a list, .* or a task; got int"),
        (([Words()], pl.DataFrame({"text": ["a"]})), {}, r"got a DataFrame: give one of its columns, or Corpus\.read"),
        (([Words()], "TEXTS", {}), {}, "two kinds; they are of 0 and of 0"),
        (([Words()], "TEXTS", "topic"), {"method": "halves"}, "method has no effect with labels"),
        (([Words()], "TEXTS"), {"method": "cross_encoder"}, "go together"),
        (([Words()], "TEXTS"), {"sample": 5}, "sample must be a whole number of at least 10"),
        (([5], "TEXTS"), {}, "can't evaluate int"),
    ],
)
def test_what_is_given_wrongly(texts, arguments, options, message):
    filled = [texts if isinstance(one, str) and one == "TEXTS" else one for one in arguments]
    with pytest.raises(InputError, match=message):
        ss.choose_encoder(*filled, progress=False, **options)


def test_a_cross_encoder_that_isnt_there(texts, tmp_path):
    with pytest.raises(MissingFileError):
        ss.choose_encoder([Words()], texts, method="cross_encoder", cross_encoder=tmp_path, progress=False)


# -- in a shell -------------------------------------------------------------------------------------------------


@pytest.mark.filterwarnings("ignore:.* are longer than")
def test_the_shell_chooses(tmp_path, texts, tiny_folder, capsys):
    texts.to_frame().write_csv(tmp_path / "t.csv")
    command = ["choose-encoder", str(tmp_path / "t.csv"), "-m", str(tiny_folder), "-m", str(tiny_folder), "-q"]
    assert main([*command, "--labels", "topic"]) == 0
    assert "5 nearest of 60 labelled texts" in capsys.readouterr().out
    assert main([*command, "--method", "halves", "--sample", "20", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert [one["encoder"] for one in found] == [str(tiny_folder), f"{tiny_folder} (2)"]
    assert main(["choose-encoder", str(tmp_path / "t.csv")]) == 2
    assert "--model names an encoder" in capsys.readouterr().err
