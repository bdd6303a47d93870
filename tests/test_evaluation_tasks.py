"""Tasks of categories, of labelled pairs and of folders; suites; and what may be evaluated, also by name and path."""

import json
from types import MappingProxyType

import numpy as np
import polars as pl
import pytest
from sklearn import metrics

import semspace as ss
from semspace.errors import InputError, MissingFileError, UnknownIdError
from semspace.evaluation import STS, Categorization, Groups, PairClassification, Retrieval, WordPairs
from semspace.evaluation.task_reading import SUITES, TASKS, task_of, tasks_of

ANIMALS = [("cat", "animal"), ("dog", "animal"), ("horse", "animal")]
VEHICLES = [("car", "vehicle"), ("bus", "vehicle"), ("train", "vehicle")]


# -- categories -------------------------------------------------------------------------------------------------


def test_categorization_by_hand(space):
    score = Categorization("mine", [*ANIMALS, *VEHICLES, ("lorry", "vehicle")]).score(space)
    assert (score.metric, score.value, score.used, score.total) == ("purity", 1.0, 6, 7)
    assert list(score.metrics) == ["purity", "nmi", "v_measure", "adjusted_rand_index"]
    mixed = [("cat", "x"), ("dog", "x"), ("horse", "y"), ("car", "y"), ("bus", "y"), ("train", "x")]
    assert Categorization("mine", mixed).score(space).value == pytest.approx(4 / 6)
    twice = Categorization("mine", [*ANIMALS, *VEHICLES, ("cat", "vehicle")]).score(space)
    assert (twice.value, twice.note) == (1.0, "1 words with a second category")
    with pytest.raises(InputError, match="0 words of 0 categories are in the vocabulary"):
        Categorization("mine", [("a", "x"), ("b", "y")]).score(space)
    with pytest.raises(InputError, match="3 words of 1 categories"):
        Categorization("mine", ANIMALS).score(space)


def test_groups_have_the_measures_of_sklearn(space):
    truth = {"cat": "a", "dog": "b", "horse": "b", "car": "c", "bus": "c", "train": "a"}
    clustering = ss.cluster(space, n_clusters=2, progress=False)
    found = Groups("mine", truth).score(clustering).metrics
    labels = [truth[id] for id in space.ids]
    assert found["nmi"] == pytest.approx(metrics.normalized_mutual_info_score(labels, clustering.labels))
    assert found["v_measure"] == pytest.approx(metrics.v_measure_score(labels, clustering.labels))
    assert found["adjusted_rand_index"] == pytest.approx(metrics.adjusted_rand_score(labels, clustering.labels))
    assert found["purity"] == pytest.approx(4 / 6)


@pytest.mark.parametrize(
    "text",
    [
        "animal\tcat\nvehicle\tcar\n",
        "# category\tword\nanimal\tcat\nvehicle\tcar\n",
        "word,category\ncat,animal\ncar,vehicle\n",
        "# of mine\nword;class\ncat;animal\n\ncar;vehicle\n",
    ],
)
def test_files_of_categories(tmp_path, text):
    (tmp_path / "c.tsv").write_text(text)
    task = task_of(tmp_path / "c.tsv")
    assert (type(task), task.name, task.words) == (Categorization, "c", (("cat", "animal"), ("car", "vehicle")))


def test_rows_without_a_word_are_counted(tmp_path, space):
    rows = [f"{category}\t{word}" for word, category in [*ANIMALS, *VEHICLES]]
    (tmp_path / "c.tsv").write_text("\n".join([*rows[:2], "animal\t", *rows[2:]]))
    score = ss.evaluate(space, tmp_path / "c.tsv")["c"]
    assert (score.used, score.total, score.note) == (6, 7, "1 row of the file has no word, or no category")
    (tmp_path / "c.tsv").write_text("animal\tcat\na\tb\tc\n")
    with pytest.raises(InputError, match=r"line 2: expected category TAB word; got 'a\\tb\\tc'"):
        Categorization.read(tmp_path / "c.tsv")
    (tmp_path / "c.tsv").write_text("# category\tword\n")
    with pytest.raises(InputError, match="no word with a category"):
        Categorization.read(tmp_path / "c.tsv")


# -- labelled pairs ---------------------------------------------------------------------------------------------


class Numbers:
    """Encodes a text that is a number as a direction at this angle."""

    def encode(self, texts):
        angles = np.array([float(text) for text in texts])
        return np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32)


def test_pair_classification_is_that_of_sklearn():
    draw = np.random.default_rng(0)
    pairs = [(f"{a:.3f}", f"{a + b:.3f}", int(b < 0.4 + draw.normal() / 4)) for a, b in draw.random((80, 2))]
    score = PairClassification("mine", pairs).score(Numbers())
    cosines = np.cos([float(b) - float(a) for a, b, _ in pairs])
    labels = np.array([label for *_, label in pairs])
    assert score.metric == "average_precision"
    assert score.value == pytest.approx(metrics.average_precision_score(labels, cosines), abs=1e-6)
    assert score.metrics["best_accuracy"] == pytest.approx(max(((cosines >= c) == labels).mean() for c in cosines))
    low, high = score.interval
    assert low < score.value < high
    with pytest.raises(InputError, match="2 of 2 are the same"):
        PairClassification("mine", [("0", "1", 1), ("0", "2", 1)]).score(Numbers())
    with pytest.raises(InputError, match=r"a label is 1 \(True\) for the same .* got 3"):
        PairClassification("mine", [("0", "1", 3)])


def test_labels_of_0_and_1_make_a_classification(tmp_path):
    (tmp_path / "p.tsv").write_text("label\tquestion1\tquestion2\n1\ta\tb\n0\tc\td\n\ta\te\n")
    task = task_of(tmp_path / "p.tsv")
    assert task == PairClassification("p", (("a", "b", 1), ("c", "d", 0)), 1)
    (tmp_path / "p.tsv").write_text("label\tquestion1\tquestion2\n1\ta\tb\n0\tc\td\n3\ta\te\n")
    assert type(task_of(tmp_path / "p.tsv")) is STS
    (tmp_path / "q.tsv").write_text("score\tquestion1\tquestion2\n1\ta\tb\n0\tc\td\n")
    assert type(task_of(tmp_path / "q.tsv")) is STS  # grades may be few
    with pytest.raises(InputError, match="labels other than 0 and 1"):
        PairClassification.read(tmp_path / "p.tsv")


# -- retrieval --------------------------------------------------------------------------------------------------


@pytest.fixture
def beir(tmp_path):
    folder = tmp_path / "wine"
    (folder / "qrels").mkdir(parents=True)
    documents = [("w", "red", "wine"), ("a", "", "old ale"), ("t", "black", "tea"), ("e", "", "")]
    lines = [json.dumps({"_id": id, "title": title, "text": text}) for id, title, text in documents]
    (folder / "corpus.jsonl").write_text("\n".join(lines))
    questions = [json.dumps({"_id": id, "text": text}) for id, text in (("1", "red wine"), ("2", "black tea"))]
    (folder / "queries.jsonl").write_text("\n".join(questions))
    (folder / "qrels" / "test.tsv").write_text("query-id\tcorpus-id\tscore\n1\tw\t2\n2\tt\t1\n")
    return folder


def test_a_folder_of_a_retrieval_task(beir, tiny):
    task = Retrieval.read(beir)
    assert (task.name, task.k, task.relevant) == ("wine", 10, {"1": {"w": 2.0}, "2": {"t": 1.0}})
    assert task.documents.texts.to_list() == ["red wine", "old ale", "black tea"]
    score = ss.evaluate(tiny, beir)["wine"]
    assert (score.metric, score.value, score.metrics["mrr@10"]) == ("ndcg@10", 1.0, 1.0)
    (beir / "qrels" / "test.tsv").rename(beir / "qrels.tsv")
    (beir / "qrels.tsv").write_text("query_id\tdoc_id\trelevance\tsplit\n1\tw\t2\ttrain\n2\tt\t1\ttest\n")
    assert Retrieval.read(beir).relevant == {"2": {"t": 1.0}}
    with pytest.raises(InputError, match="no judgement of the split 'dev'"):
        Retrieval.read(beir, split="dev")
    (beir / "qrels.tsv").write_text("query_id\tdoc_id\trelevance\n1\tw\tgood\n")
    with pytest.raises(InputError, match="the column relevance must contain numbers; got 'good'"):
        Retrieval.read(beir)
    (beir / "qrels.tsv").unlink()
    with pytest.raises(MissingFileError, match=r"has neither qrels/test\.tsv nor qrels\.tsv$"):
        Retrieval.read(beir)
    (beir / "qrels" / "train.tsv").write_text("query-id\tcorpus-id\tscore\n1\tw\t2\n")
    with pytest.raises(MissingFileError, match=r"nor qrels\.tsv; the splits there are train: give split="):
        Retrieval.read(beir)
    with pytest.raises(MissingFileError, match="no folder at"):
        Retrieval.read(beir / "none")


def test_prompts_of_a_task_replace_those_of_the_model():
    seen = []

    class Model:
        prompts = MappingProxyType({"query": "model: "})

        def encode(self, texts, prompt=""):
            seen.extend(prompt + text for text in texts)
            return np.ones((len(texts), 2), np.float32)

    class Plain:
        def encode(self, texts):
            seen.extend(texts)
            return np.ones((len(texts), 2), np.float32)

    corpus = ss.Corpus.from_texts(["a"], ids=["a"])
    task = Retrieval("mine", corpus, corpus, {"a": {"a": 1}}, query_prompt="q: ", document_prompt="d: ")
    for model in (Model(), Plain()):
        seen.clear()
        task.score(model)
        assert seen == ["d: a", "q: a"]
    with pytest.raises(InputError, match="query_prompt must hold only strings"):
        Retrieval("mine", corpus, corpus, {}, query_prompt=5)


# -- suites and folders -----------------------------------------------------------------------------------------


def test_suites():
    assert {name for names in SUITES.values() for name in names} == set(TASKS)
    assert [task.name for task in tasks_of("words")] == ["wordsim353", "simlex999", "google-analogies"]
    assert [task.name for task in tasks_of(["texts"])] == ["lee-documents", "newsgroups-labels", "newsgroups-groups"]
    with pytest.raises(UnknownIdError, match="did you mean words"):
        tasks_of("word")


@pytest.mark.filterwarnings("ignore:.* are longer than the 16 tokens")
def test_texts_of_installed_packages(tiny):
    scores = ss.evaluate(tiny, "texts")
    assert [(one.task, one.used) for one in scores] == [
        ("lee-documents", 1225),
        ("newsgroups-labels", 199),
        ("newsgroups-groups", 199),
    ]
    assert all(low < one.value < high for one in scores for low, high in [one.interval])


def test_a_folder_of_task_files(tmp_path, space, beir):
    (tmp_path / "b.tsv").write_text("cat\tdog\t9\ncat\tcar\t1\ncat\tbus\t2\n")
    (tmp_path / "a.txt").write_text("cat dog car bus\n")
    for name in ("README.txt", "b-LICENSE.txt"):
        (tmp_path / name).write_text("nothing of it is a task\n")
    (tmp_path / "figure.png").write_bytes(b"\x89PNG")
    assert [task.name for task in tasks_of(tmp_path)] == ["a", "b", "wine"]
    scores = ss.evaluate(space, tmp_path)
    assert [one.evaluated for one in scores] == [True, True, False]
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="holds no task"):
        tasks_of(tmp_path / "empty")


# -- what is evaluated ------------------------------------------------------------------------------------------

PAIRS = WordPairs("mine", [("cat", "dog", 3), ("cat", "car", 1), ("dog", "horse", 2)])


@pytest.mark.parametrize("format", ["word2vec", "word2vec-binary", "glove", "saved", "index"])
def test_paths_of_vectors(tmp_path, space, format):
    path = tmp_path / "v"
    if format == "saved":
        ss.save(space, path)
    elif format == "index":
        ss.Index.build(space, progress=False).save(path)
    else:
        ss.write_vectors(space, path, format=format)
    scores = ss.evaluate(str(path), PAIRS)
    assert scores["mine"].value == PAIRS.score(space).value
    assert scores.name == str(path)
    assert ss.evaluate(path, PAIRS)["mine"] == scores["mine"]


def test_paths_of_models(tmp_path, tiny_folder, tiny):
    assert ss.evaluate(tiny_folder, PAIRS)["mine"] == PAIRS.score(tiny)
    ss.save(tiny, tmp_path / "tiny")
    assert ss.evaluate(tmp_path / "tiny", PAIRS)["mine"] == PAIRS.score(tiny)
    with pytest.raises(InputError, match="no model"):
        ss.evaluate(str(tmp_path / "none"), PAIRS)
    ss.save(ss.Corpus.from_texts(["a"]), tmp_path / "corpus")
    with pytest.raises(InputError, match="holds a Corpus, which has no vectors"):
        ss.evaluate(tmp_path / "corpus", PAIRS)


def test_a_model_of_model2vec(tmp_path):
    from model2vec import StaticModel
    from tokenizers import Tokenizer, models, pre_tokenizers

    words = ["[UNK]", "cat", "dog", "horse", "car"]
    tokenizer = Tokenizer(models.WordLevel({word: i for i, word in enumerate(words)}, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    vectors = np.random.default_rng(0).normal(size=(5, 4)).astype(np.float32)
    model = StaticModel(vectors, tokenizer, config={"normalize": True})
    space = ss.Space.from_vectors(words[1:], vectors[1:])
    assert ss.evaluate(model, PAIRS)["mine"].value == PAIRS.score(space).value
    pairs = [("cat dog", "dog cat", 1), ("cat", "car", 0), ("dog horse", "car", 0)]
    assert ss.evaluate(model, PairClassification("p", pairs))["p"].value == 1.0


def test_a_file_that_holds_no_vectors(tmp_path):
    pl.DataFrame({"a": [1]}).write_csv(tmp_path / "t.csv")
    with pytest.raises(InputError):
        ss.evaluate(tmp_path / "t.csv", PAIRS)
