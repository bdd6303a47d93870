"""Evaluation: the same numbers as gensim and sentence-transformers give, and by hand where there is no peer."""

import numpy as np
import polars as pl
import pytest

import semspace as ss
from semspace.errors import InputError, MissingFileError, UnknownIdError
from semspace.evaluation import STS, Analogies, DocumentSimilarity, Groups, Retrieval, WordPairs
from semspace.evaluation.retrieval import ndcg


@pytest.fixture(scope="module")
def wikipedia_words():
    """Words of real text with vectors that know something of them, as gensim's KeyedVectors and as a Space."""
    words = ss.Word2Vec(dim=32, epochs=10, threads=1, seed=2).train(ss.corpora.load("wikipedia-sample"), progress=False)
    return words, keyed_vectors(words)


def keyed_vectors(space):
    from gensim.models import KeyedVectors

    keyed = KeyedVectors(space.dim)
    keyed.add_vectors(space.ids.tolist(), space.vectors)
    return keyed


# -- against the peers ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["wordsim353", "simlex999"])
def test_word_pairs_as_in_gensim(wikipedia_words, name):
    words, keyed = wikipedia_words
    file = ss.corpora.gensim_file({"wordsim353": "wordsim353.tsv", "simlex999": "simlex999.txt"}[name])
    _, spearman, unknown = keyed.evaluate_word_pairs(file)
    ours = ss.evaluate(words, name)[name]
    assert ours.value == pytest.approx(spearman.statistic, abs=1e-6)
    assert 100 * (1 - ours.coverage) == pytest.approx(unknown)
    assert ss.evaluate(keyed, name)[name] == ours


def test_analogies_as_in_gensim(wikipedia_words):
    words, keyed = wikipedia_words
    theirs, sections = keyed.evaluate_word_analogies(ss.corpora.gensim_file("questions-words.txt"))
    ours = ss.evaluate(words, "google-analogies")["google-analogies"]
    assert ours.value == theirs
    assert ours.used == sum(len(s["correct"]) + len(s["incorrect"]) for s in sections[:-1])
    assert ours.total == 19_544
    right = {s["section"]: len(s["correct"]) for s in sections[:-1] if s["correct"] or s["incorrect"]}
    assert {title: round(value * n) for title, value, n in ours.parts} == right
    assert ss.evaluate(keyed, "google-analogies")["google-analogies"].value == theirs


@pytest.mark.parametrize("method", ["3cosadd", "3cosmul"])
def test_the_kernel_answers_as_the_space_does(method):
    draw = np.random.default_rng(0)
    n = 2_500  # more than two blocks
    space = ss.Space.from_vectors([f"w{i}" for i in range(n)], draw.normal(size=(n, 12)))
    asked = [tuple(f"w{i}" for i in draw.choice(n, 3, replace=False)) for _ in range(40)]
    best = [space.analogy(*q, k=1, method=method).ids[0] for q in asked]
    right = [(*q, b) for q, b in zip(asked, best, strict=True)]
    wrong = [(*q, "w0" if b != "w0" else "w1") for q, b in zip(asked, best, strict=True)]
    score = Analogies("mine", [("right", right), ("wrong", wrong)], method).score(space)
    assert {title: value for title, value, _ in score.parts} == {"right": 1.0, "wrong": 0.0}


def test_sts_as_in_sentence_transformers(tiny, tiny_folder):
    from sentence_transformers import SentenceTransformer

    pairs = [("a cat", "a dog", 3.0), ("red", "blue", 1.0), ("one two", "one three", 4.0), ("x", "yz", 0.5)]
    theirs = SentenceTransformer(str(tiny_folder), device="cpu")
    ours = STS("mine", pairs).score(tiny)
    assert ours.value == pytest.approx(STS("mine", pairs).score(theirs).value)
    assert ss.evaluate(theirs, WordPairs("w", [("ab", "ac", 3), ("ab", "zz", 1), ("q", "r", 2)])).all[0].used == 3


def test_agreement_with_people_on_real_documents(minilm):
    score = ss.evaluate(minilm, "lee-documents")["lee-documents"]
    assert score.used == 1225
    assert 0.45 < score.value < 0.60
    space = minilm.embed(ss.corpora.load("lee"), progress=False)
    assert ss.evaluate(space, "lee-documents")["lee-documents"].value == pytest.approx(score.value, abs=1e-6)


# -- by hand --------------------------------------------------------------------------------------------------


def plane(**points):
    return ss.Space.from_vectors(list(points), list(points.values()))


def test_word_pairs_by_hand():
    space = plane(a=[1, 0], b=[1, 1], c=[0, 1], d=[-1, 0.1])
    pairs = [("A", "b", 9), ("a", "c", 5), ("a", "d", 1), ("a", "unknown", 3)]
    score = WordPairs("mine", pairs).score(space)
    assert (score.value, score.used, score.total, score.coverage) == (1.0, 3, 4, 0.75)
    flipped = WordPairs("mine", [(a, b, -rating) for a, b, rating in pairs]).score(space)
    assert flipped.value == -1.0


def test_ndcg_by_hand():
    grades = {"a": 2.0, "b": 1.0}
    ideal = 2 + 1 / np.log2(3)
    assert ndcg(["a", "b"], grades, 10) == pytest.approx(1)
    assert ndcg(["b", "x", "a"], grades, 10) == pytest.approx((1 + 2 / 2) / ideal)
    assert ndcg(["x", "y"], grades, 10) == 0
    assert ndcg(["x", "a"], grades, 1) == 0


def test_retrieval_by_hand(tiny):
    documents = ss.Corpus.from_texts(["red wine", "old ale", "black tea"], ids=["w", "a", "t"])
    questions = ss.Corpus.from_texts(["red wine", "black tea", "nobody knows"], ids=["1", "2", "3"])
    perfect = Retrieval("mine", questions, documents, {"1": {"w": 1}, "2": {"t": 1}}).score(tiny)
    assert (perfect.metric, perfect.value, perfect.used, perfect.total) == ("ndcg@10", 1.0, 2, 3)
    with pytest.raises(InputError, match="no question has a relevant document"):
        Retrieval("mine", questions, documents, {"9": {"w": 1}}).score(tiny)


def test_a_document_of_grade_0_is_not_relevant(tiny):
    corpus = ss.Corpus.from_texts(["red wine", "old ale"], ids=["w", "a"])
    score = Retrieval("mine", corpus, corpus, {"w": {"w": 1, "a": 0}, "a": {"w": 0}}).score(tiny)
    assert (score.value, score.used) == (1.0, 1)


def test_a_question_that_nothing_can_answer_is_wrong():
    space = plane(x=[1, 0], y=[0, 1], z=[1, 1])
    assert Analogies("mine", [("one", [("x", "y", "z", "z")])]).score(space).value == 0


def test_groups_by_hand(space):
    truth = {id: ("animal" if id in ("cat", "dog", "horse") else "vehicle") for id in space.ids}
    perfect = Groups("mine", truth).score(space)
    assert perfect.value == pytest.approx(1)
    assert perfect.parts[0][:2] == ("adjusted rand index", pytest.approx(1))
    assert Groups("mine", truth).score(ss.cluster(space, k=1, progress=False)).value == 0
    with pytest.raises(InputError, match="no id of what is judged has a label"):
        Groups("mine", {"nobody": "x"}).score(space)


def test_document_similarity_by_hand():
    corpus = ss.Corpus.from_texts(["x", "y", "z"])
    space = ss.Space.from_vectors(["0", "1", "2"], [[1, 0], [1, 0.2], [0, 1]])
    people = np.array([[1, 0.9, 0.1], [0.9, 1, 0.2], [0.1, 0.2, 1]])
    assert DocumentSimilarity("mine", corpus, people).score(space).value == pytest.approx(1)
    with pytest.raises(InputError, match="a row and a column for each of the 3"):
        DocumentSimilarity("mine", corpus, np.eye(2))


def test_an_encoder_says_that_its_vocabulary_is_small(tiny):
    score = Analogies("mine", [("all", [("ab", "cd", "ef", "gh"), ("x", "y", "z", "q")])]).score(tiny)
    assert score.note == "answers from 8 words only, which is easier"


def test_the_more_frequent_of_two_cases_is_meant():
    space = plane(Paris=[1, 0], paris=[0, 1], France=[1, 0.1], wood=[0, 1])
    pairs = [("paris", "france", 9), ("france", "wood", 2), ("paris", "wood", 1)]
    assert WordPairs("mine", pairs).score(space).value == 1.0


def test_groups_of_words_and_of_texts(tiny, space):
    truth = {id: ("animal" if id in ("cat", "dog", "horse") else "vehicle") for id in space.ids}
    assert Groups("mine", truth).score(keyed_vectors(space)).value == pytest.approx(1)
    more = space.extend(["noise"], [[-1, -1]], {"kind": ["none"], "year": [0]})
    assert Groups("mine", truth).score(more).value == pytest.approx(1)  # what has no label isn't clustered
    corpus = ss.Corpus.from_texts(["aaaa", "aaab", "zzzz", "zzzy"])
    score = Groups("mine", {"0": "a", "1": "a", "2": "z"}, corpus).score(tiny)
    assert (score.value, score.used) == (pytest.approx(1), 3)


# -- files and tables -----------------------------------------------------------------------------------------


def test_reading_files(tmp_path):
    (tmp_path / "p.tsv").write_text("# comment\nword1\tword2\tscore\na\tb\t3\n\nc\td\t4.5\n")
    assert WordPairs.read(tmp_path / "p.tsv").pairs == (("a", "b", 3.0), ("c", "d", 4.5))
    (tmp_path / "q.txt").write_text(": one\na b c d\n\n: two\ne f g h\n")
    assert Analogies.read(tmp_path / "q.txt").sections == (
        ("one", (("a", "b", "c", "d"),)),
        ("two", (("e", "f", "g", "h"),)),
    )
    pl.DataFrame({"score": [1.0], "sentence1": ["a"], "sentence2": ["b"]}).write_csv(tmp_path / "s.csv")
    assert STS.read(tmp_path / "s.csv").pairs == (("a", "b", 1.0),)


def test_a_file_is_a_task(tmp_path, tiny, space):
    (tmp_path / "p.tsv").write_text("cat\tdog\t9\ncat\tcar\t1\ncat\tbus\t2\n")
    (tmp_path / "q.txt").write_text(": one\ncat dog car bus\n")
    (tmp_path / "s.tsv").write_text("score\tsentence1\tsentence2\n5\ta\ta\n1\ta\tz z\n2\ta\taz\n")
    pairs, analogies = ss.evaluate(space, [tmp_path / "p.tsv", str(tmp_path / "q.txt")])
    assert (pairs.task, pairs.metric, pairs.used) == ("p", "spearman", 3)
    assert (analogies.task, analogies.metric) == ("q", "accuracy")
    assert ss.evaluate(tiny, tmp_path / "s.tsv")["s"].used == 3


def test_files_that_cannot_be_read(tmp_path):
    (tmp_path / "p.tsv").write_text("a\tb\t3\nc\td\n")
    with pytest.raises(InputError, match=r"line 2: expected word TAB word TAB rating; got 'c\\td'"):
        WordPairs.read(tmp_path / "p.tsv")
    (tmp_path / "p.tsv").write_text("a\tb\tgood\nc\td\tbad\n")
    with pytest.raises(InputError, match="line 2: expected"):
        WordPairs.read(tmp_path / "p.tsv")
    (tmp_path / "p.tsv").write_bytes(b"na\xefve\tb\t3\n")
    with pytest.raises(InputError, match="is not utf-8"):
        WordPairs.read(tmp_path / "p.tsv")
    (tmp_path / "q.txt").write_text("a b c\n")
    with pytest.raises(InputError, match="line 1: expected four words"):
        Analogies.read(tmp_path / "q.txt")
    (tmp_path / "s.csv").write_text("a,b\n1,2\n")
    with pytest.raises(UnknownIdError, match="no column 'sentence1'"):
        STS.read(tmp_path / "s.csv")
    for task in (WordPairs, Analogies, STS):
        with pytest.raises(MissingFileError):
            task.read(tmp_path / "none.tsv")


def test_a_table_of_scores(wikipedia_words):
    scores = ss.evaluate(wikipedia_words[0])
    assert [s.task for s in scores] == ["wordsim353", "simlex999", "google-analogies"]
    assert scores.table().columns == ["task", "metric", "value", "used", "total", "note"]
    assert repr(scores).startswith("task              metric")
    assert "<td>wordsim353</td>" in scores._repr_html_()
    with pytest.raises(UnknownIdError, match="no task 'wordsim'"):
        scores["wordsim"]


# -- bad input ------------------------------------------------------------------------------------------------


def test_unknown_tasks(space):
    with pytest.raises(UnknownIdError, match="did you mean wordsim353"):
        ss.evaluate(space, "wordsim-353")
    with pytest.raises(InputError, match="a task must be a name"):
        ss.evaluate(space, [5])


def test_things_that_cannot_be_evaluated(space, wikipedia_words):
    with pytest.raises(InputError, match="can't evaluate int; give a Space"):
        ss.evaluate(5, "wordsim353")
    with pytest.raises(InputError, match="can't encode sentences"):
        STS("mine", [("a b", "c d", 1.0)]).score(wikipedia_words[1])
    with pytest.raises(InputError, match="has no encoder"):
        STS("mine", [("a b", "c d", 1.0)]).score(space)


def test_judgements_that_are_no_numbers(space):
    with pytest.raises(InputError, match="a judgement is NaN"):
        WordPairs("mine", [("cat", "dog", float("nan")), ("car", "bus", 1), ("cat", "bus", 2)]).score(space)
    with pytest.raises(InputError, match="can't evaluate str"):
        ss.evaluate("all-MiniLM-L6-v2", "wordsim353")
    with pytest.raises(InputError, match="on must be"):
        ss.evaluate(space, 5)


def test_too_little_to_judge(space):
    with pytest.raises(InputError, match=r"only \d pairs could be judged"):
        ss.evaluate(space, "wordsim353")
    with pytest.raises(InputError, match="no question has all its words"):
        ss.evaluate(space, "google-analogies")
    with pytest.raises(InputError, match="can't be ranked"):
        WordPairs("mine", [("cat", "dog", 1), ("car", "bus", 1), ("cat", "bus", 1)]).score(space)


def test_a_zero_vector_of_gensim_is_left_out():
    keyed = keyed_vectors(plane(a=[1, 0], b=[1, 1], c=[0, 1]))
    keyed.add_vectors(["zero"], np.zeros((1, 2), np.float32))
    pairs = [("a", "b", 3), ("a", "c", 1), ("b", "c", 2), ("a", "zero", 9)]
    assert WordPairs("mine", pairs).score(keyed).used == 3
