"""Evaluation: the same numbers as gensim and sentence-transformers give, and by hand where there is no peer."""

import gzip
import json
from itertools import permutations

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

import semspace as ss
from semspace.cli import main
from semspace.errors import InputError, MissingFileError, UnknownIdError
from semspace.evaluation import (
    STS,
    Analogies,
    Categorization,
    DocumentSimilarity,
    Groups,
    NearestLabel,
    PairClassification,
    Retrieval,
    WordPairs,
)
from semspace.evaluation.lookup import find_words
from semspace.evaluation.retrieval import ndcg
from semspace.evaluation.ties import expected_hits, mean_gains


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


def test_ids_of_judgements_may_be_whole_numbers(tiny):
    documents = ss.Corpus.from_texts(["red wine", "old ale", "black tea"])
    task = Retrieval("mine", documents, documents, {0: {0: 1}, 2: {2: 1}})
    score = task.score(tiny)
    assert (score.value, score.used, score.note) == (1.0, 2, "")
    assert task.relevant == {"0": {"0": 1}, "2": {"2": 1}}


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
    assert Groups("mine", truth).score(ss.cluster(space, n_clusters=1, progress=False)).value == 0
    with pytest.raises(InputError, match="no id has a label"):
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
    pairs = [("PARIS", "france", 9), ("france", "wood", 2), ("PARIS", "wood", 1)]
    score = WordPairs("mine", pairs).score(space)
    assert (score.value, score.note) == (1.0, "2 words found with other capital letters")


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
    assert scores.to_frame().columns == [*["task", "metric", "value", "low", "high", "used", "total", "note"]]
    assert repr(scores).startswith("task              metric")
    assert ">wordsim353</td>" in scores._repr_html_()
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
    with pytest.raises(InputError, match="can't evaluate bytes"):
        ss.evaluate(b"all-MiniLM-L6-v2", "wordsim353")
    with pytest.raises(InputError, match="tasks must be"):
        ss.evaluate(space, 5)


def test_too_little_to_judge(space):
    with pytest.raises(InputError, match=r"only 1 pair could be used"):
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


# -- the very word before its other spellings -------------------------------------------------------------------


@pytest.mark.parametrize(
    ("vocabulary", "word", "row"),
    [
        (["polish", "Polish"], "Polish", 1),
        (["Polish", "polish"], "polish", 1),
        (["us", "US", "Us"], "Us", 2),
        (["us", "US"], "uS", 0),  # of other cases, the most frequent
        (["masse", "maße"], "maße", 1),
        (["masse", "maße"], "Maße", 1),
        (["masse", "maße"], "MASSE", 0),
        (["strasse"], "Straße", 0),
        (["kıl", "kil"], "kil", 1),
        (["kil", "kıl"], "Kıl", 1),
        (["kıl"], "kil", None),
        (["istanbul"], "İstanbul", 0),
        (["i\u0307stanbul"], "İstanbul", 0),
        (["cafe\u0301"], "café", 0),  # one word in two Unicode forms
        (["Cafe\u0301", "cafe"], "café", 0),
        (["\uff43\uff41\uff54"], "cat", 0),  # full-width letters
        (["ὀδυσσεύς"], "ὈΔΥΣΣΕΎΣ", 0),
        (["cat"], "dog", None),
    ],
)
def test_how_a_word_is_found(vocabulary, word, row):
    assert find_words(vocabulary, [word]).rows.get(word) == row


@given(st.lists(st.text(max_size=3), unique=True, max_size=8))
def test_every_word_of_a_vocabulary_is_itself(words):
    found = find_words(words, words)
    assert found.rows == {word: row for row, word in enumerate(words)}
    assert (found.other_case, found.note) == (0, "")


def test_words_of_another_case_are_counted():
    assert find_words(["paris", "Rome"], ["Paris", "Rome", "ROME", "Oslo"]) == ({"Paris": 0, "Rome": 1, "ROME": 1}, 2)


@pytest.mark.parametrize("give", [lambda space: space, keyed_vectors])
def test_a_word_is_judged_by_its_own_vector(give):
    space = plane(polish=[-1, 0.1], Polish=[1, 0], a=[1, 0.1], b=[1, 1], c=[0.1, 1])
    pairs = [("Polish", "a", 9.0), ("Polish", "b", 5.0), ("Polish", "c", 1.0)]
    assert WordPairs("mine", pairs).score(give(space)).value == pytest.approx(1)
    own = Groups("mine", {"Polish": "x", "a": "x", "polish": "y"}).score(give(space))
    assert (own.value, own.used, own.note) == (pytest.approx(1), 3, "")
    other = Groups("mine", {"POLISH": "x", "A": "x", "b": "y"}).score(give(space))
    assert (other.used, other.note) == (3, "2 words found with other capital letters")


def test_an_encoder_reads_words_as_they_are_written():
    read = []

    class Cased:
        def encode(self, texts):
            read.extend(texts)
            return np.arange(1, 2 * len(texts) + 1, dtype=np.float32).reshape(-1, 2)

    WordPairs("mine", [("Polish", "polish", 1.0), ("US", "us", 2.0), ("Polish", "us", 3.0)]).score(Cased())
    assert read == ["Polish", "polish", "US", "us"]


def test_an_answer_is_the_word_itself():
    space = plane(man=[1, 0], woman=[1, 1], king=[3, 0.1], Queen=[3, 3.2], queen=[-3, 1], x=[-1, -1])
    asked = ("man", "woman", "king")
    right = {"Queen": 1.0, "queen": 0.0, "QUEEN": 1.0}  # the last is there in another case only: the most frequent
    for word, value in right.items():
        assert Analogies("mine", [("all", [(*asked, word)])]).score(space).value == value


def test_another_case_of_the_question_is_no_answer():
    vectors = {"man": [1, 0], "woman": [1, 1], "king": [3, 0.1], "King": [3, 3.1], "queen": [3, 3.4], "x": [-1, -1]}
    assert Analogies("mine", [("all", [("man", "woman", "king", "queen")])]).score(plane(**vectors)).value == 1.0
    # Unless it is what is asked for.
    assert Analogies("mine", [("all", [("man", "woman", "king", "King")])]).score(plane(**vectors)).value == 1.0


def test_keys_of_gensim_that_are_numbers_doubled_or_reserved():
    from gensim.models import KeyedVectors

    numbers = KeyedVectors(2)
    numbers.add_vectors([5, 6, 7], [[1, 0], [1, 1], [0, 1]])
    pairs = [("5", "6", 3), ("5", "7", 1), ("6", "7", 3)]
    assert WordPairs("mine", pairs).score(numbers).used == 3
    doubled = KeyedVectors(2, count=1)  # a place for a word that doesn't come
    doubled.add_vectors(["a", "a", "b", "c"], [[-1, 0], [1, 0], [1, 1], [-1, 0.9]])
    assert doubled["a"].tolist() == [1, 0]  # the second is the one gensim reaches
    pairs = [("a", "b", 3), ("a", "c", 1), ("b", "c", 2)]
    assert WordPairs("mine", pairs).score(doubled).value == 1.0


# -- equal scores -----------------------------------------------------------------------------------------------


class One:
    """Gives every text the same vector."""

    def __init__(self, noise=0.0):
        self.noise = np.random.default_rng(0).normal(scale=noise, size=(1_000, 32)) if noise else np.zeros((1_000, 32))

    def encode(self, texts):
        return (np.ones((len(texts), 32)) + self.noise[: len(texts)]).astype(np.float32)


@pytest.mark.parametrize("noise", [0.0, 1e-8])
def test_an_encoder_that_knows_nothing_is_as_good_as_chance(noise):
    documents = ss.Corpus.from_texts([f"d{i}" for i in range(20)], ids=[f"d{i}" for i in range(20)])
    questions = ss.Corpus.from_texts(["q"], ids=["q"])
    for relevant in ("d0", "d19"):
        score = Retrieval("mine", questions, documents, {"q": {relevant: 1}}).score(One(noise))
        assert score.value == pytest.approx((1 / np.log2(np.arange(2, 12))).sum() / 20)
    labels = ["a"] * 3 + ["b"] * 2
    score = NearestLabel("mine", [(f"t{i}", label) for i, label in enumerate(labels)]).score(One(noise))
    assert score.value == pytest.approx((3 * 2 / 4 + 2 * 1 / 4) / 5)
    questions = [("a", "b", "c", "d"), ("d", "e", "f", "a")]  # six words, of which three may answer
    assert Analogies("mine", [("all", questions)]).score(One(noise)).value == pytest.approx(1 / 3)
    with pytest.raises(InputError, match="all cosines are the same"):
        WordPairs("mine", [("a", "b", 1), ("a", "c", 2), ("a", "d", 3)]).score(One(noise))
    with pytest.raises(InputError, match="all cosines are the same"):
        STS("mine", [("a", "b", 1), ("a", "c", 2), ("a", "d", 3)]).score(One(noise))


@given(st.lists(st.tuples(st.sampled_from([0.1, 0.5, 0.9]), st.sampled_from([0, 1, 3])), min_size=1, max_size=6))
def test_the_mean_over_all_orders_of_equals(items):
    scores, gains = (np.array(values, float) for values in zip(*items, strict=True))
    orders = [order for order in permutations(range(len(items))) if (np.diff(scores[list(order)]) <= 0).all()]
    for depth in (1, 2, 10):
        every = np.mean([gains[list(order)][:depth] for order in orders], axis=0)
        np.testing.assert_allclose(mean_gains(scores, gains, depth), every, atol=1e-12)
    best = np.mean([gains[order[0]] == 3 for order in orders])
    assert expected_hits(scores[None].astype(np.float32), (gains == 3)[None]) == pytest.approx(best)


def test_scores_that_differ_are_ranked():
    scores = np.array([0.2, 0.9, 0.5, 0.4], np.float32)
    np.testing.assert_array_equal(mean_gains(scores, np.array([1.0, 2.0, 3.0, 4.0]), 3), [2, 3, 4])


@pytest.mark.parametrize("method", ["3cosadd", "3cosmul"])
def test_equal_answers_share_a_question(method):
    draw = np.random.default_rng(3)
    vectors = draw.normal(size=(3_000, 8))  # more than one block
    space = ss.Space.from_vectors([f"w{i}" for i in range(3_000)], vectors)
    best = space._row(space.analogy("w0", "w1", "w2", k=1, method=method).ids[0])
    twins = [row for row in (50, 2_900) if row != best]
    vectors[twins] = vectors[best] * [[2.0], [0.5]]
    space = ss.Space.from_vectors(space.ids.tolist(), vectors)
    for answer, value in ((best, 1 / 3), (twins[0], 1 / 3), (twins[1], 1 / 3), (7, 0)):
        question = ("w0", "w1", "w2", f"w{answer}")
        assert Analogies("mine", [("all", [question])], method).score(space).value == pytest.approx(value)


def test_texts_without_a_direction_are_as_far_from_all():
    class Blind:
        def encode(self, texts):
            return np.array([[0, 0] if "?" in text else [1, len(text)] for text in texts], np.float32)

    score = STS("mine", [("a", "a", 3), ("a", "bbbb", 2), ("a", "?", 1)]).score(Blind())
    assert (score.value, score.note) == (1.0, "1 text without a direction: all zeros")
    documents = ss.Corpus.from_texts(["?", "aa", "aaaaaa"], ids=["x", "y", "z"])
    questions = ss.Corpus.from_texts(["bb"], ids=["q"])
    score = Retrieval("mine", questions, documents, {"q": {"y": 1}}).score(Blind())
    assert (score.value, score.note) == (1.0, "1 text without a direction: all zeros")

    class Broken:
        def encode(self, texts):
            return np.full((len(texts), 2), np.nan, np.float32)

    with pytest.raises(InputError, match="the vector of 'a' contains NaN"):
        STS("mine", [("a", "b", 3), ("a", "c", 2), ("b", "c", 1)]).score(Broken())


def test_what_a_retrieval_task_lacks_is_said(tiny):
    corpus = ss.Corpus.from_texts(["red wine", "old ale"], ids=["w", "a"])
    score = Retrieval("mine", corpus, corpus, {"w": {"w": 1, "gone": 1}, "nobody": {"w": 1}}).score(tiny)
    assert score.value == pytest.approx(1 / (1 + 1 / np.log2(3)))
    assert score.note == (
        "relevant documents that aren't among the documents: 1; "
        "questions of `relevant` that aren't among the questions: 1"
    )
    with pytest.raises(InputError, match="the grade of 'a' for 'w' is nan"):
        Retrieval("mine", corpus, corpus, {"w": {"a": float("nan")}})


CORPUS = ss.Corpus.from_texts(["red wine", "old ale"], ids=["w", "a"])
QUESTION = ("man", "king", "woman", "queen")


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (
            lambda: WordPairs([("a", "b", 1)], "mine"),
            "name, which comes first, must be a string, such as 'mine'; got list",
        ),
        (
            lambda: WordPairs("mine", [("a", "b")]),
            r"mine: pairs must be a list of \(word, word, rating\); item 0 is \('a', 'b'\)",
        ),
        (lambda: WordPairs("mine", [("a", "b", "c")]), "mine: the rating of item 0 must be a number; got 'c'"),
        (lambda: WordPairs("mine", "abc"), "pairs must be a list of .*; got str"),
        (lambda: WordPairs("mine", [(1, 2, 3)]), r"item 0 is \(1, 2, 3\)"),
        (lambda: STS("mine", None), r"pairs must be a list of \(text, text, rating\); got NoneType"),
        (lambda: PairClassification("mine", [("a", "b")]), r"pairs must be a list of \(text, text, label\)"),
        (lambda: Categorization("mine", {"cat": "animal"}), r"words must be a list of \(word, category\); got dict"),
        (
            lambda: NearestLabel("mine", CORPUS),
            r"a list of \(text, label\); got a Corpus: give list\(zip\(corpus.texts",
        ),
        (lambda: NearestLabel("mine", ["a", "b"]), "documents must be a list of .*; item 0 is a"),
        (
            lambda: Analogies("mine", [QUESTION]),
            r"sections must be a list of \(name, questions\), .*; item 0 is \('man'",
        ),
        (lambda: Analogies("mine", None), "sections must be a list of .*; got NoneType"),
        (lambda: Analogies("mine", [("s", [("a", "b")])]), "questions of section 's' must be a list of"),
        (lambda: Groups("mine", "topic", CORPUS), "labels must be a mapping of ids to labels; got str: topic"),
        (lambda: Retrieval("mine", ["a"], CORPUS, {}), r"questions must be a Corpus; got list: use Corpus\.from_texts"),
        (lambda: Retrieval("mine", CORPUS, CORPUS, [("w", "a")]), "relevant must be a mapping of ids of questions"),
        (
            lambda: Retrieval("mine", CORPUS, CORPUS, {"w": ["a"]}),
            r"relevant\['w'\] must be a mapping .* such as {'d1': 1}",
        ),
        (
            lambda: Retrieval("mine", CORPUS, CORPUS, {"w": {"a": "x"}}),
            "grade of 'a' for 'w' must be a number; got 'x'",
        ),
        (lambda: DocumentSimilarity("mine", CORPUS, "x"), "judgements must be an array; got str"),
    ],
)
def test_what_a_task_isnt_made_of(make, message):
    with pytest.raises(InputError, match=message):
        make()


# -- one task hides no other ------------------------------------------------------------------------------------


def test_a_task_that_cannot_be_judged_hides_no_other(space):
    pairs = WordPairs("mine", [("cat", "dog", 3), ("cat", "car", 1), ("dog", "horse", 2)])
    scores = ss.evaluate(space, ["simlex999", pairs, "lee-documents"])
    assert scores["mine"] == pairs.score(space)
    lost = scores["simlex999"]
    assert (lost.evaluated, lost.used, lost.total) == (False, 2, 999)
    assert lost.note.startswith("not scored: only 2 pairs could be used")
    assert "has no encoder" in scores["lee-documents"].note
    assert scores.to_frame()["value"].to_list()[::2] == [None, None]
    assert "not scored" in repr(scores)
    with pytest.raises(
        InputError, match=r"none of the 2 tasks can be scored: simlex999: only .*; google-analogies: no"
    ):
        ss.evaluate(space, ["simlex999", "google-analogies"])


def test_files_are_read_before_anything_is_judged(tmp_path, space):
    class Never:
        name = "never"

        def score(self, thing):
            raise AssertionError("judged too early")

    with pytest.raises(MissingFileError, match=r"no file at .*none\.tsv"):
        ss.evaluate(space, [Never(), tmp_path / "none.tsv"])
    with pytest.raises(MissingFileError, match=r"no file at glove\.100d\.txt; check the path"):
        ss.evaluate("glove.100d.txt", [Never()])
    with pytest.raises(InputError, match="tasks is empty"):
        ss.evaluate(space, [])


def test_two_tasks_of_one_name(tmp_path, space):
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "p.tsv").write_text("cat\tdog\t3\ncat\tcar\t1\ndog\thorse\t2\n")
    scores = ss.evaluate(space, [tmp_path / "a" / "p.tsv", tmp_path / "b" / "p.tsv"])
    assert len(scores) == 2
    with pytest.raises(InputError, match="2 tasks are called 'p'"):
        scores["p"]


def test_the_shell_judges_what_it_can(tmp_path, space, capsys):
    ss.save(space, tmp_path / "s")
    (tmp_path / "p.tsv").write_text("cat\tdog\t3\ncat\tcar\t1\ndog\thorse\t2\n")
    command = ["evaluate", str(tmp_path / "s"), "--on", str(tmp_path / "p.tsv"), "--on", "simlex999"]
    assert main(command) == 0
    assert "not scored: only 2 pairs" in capsys.readouterr().out
    assert main([*command, "--json"]) == 0
    first, second = json.loads(capsys.readouterr().out)
    assert (first["used"], second["value"]) == (3, None)


# -- files as they lie on the web -------------------------------------------------------------------------------

RATED = (("#metoo", "protest", 8.0), ("car", "auto", 9.5), ("new york", "usa", 5.0))


@pytest.mark.parametrize(
    "text",
    [
        "#metoo\tprotest\t8\ncar\tauto\t9.5\nnew york\tusa\t5\n",
        "# a comment of 3 words 1\n#metoo\tprotest\t8\n#\n\ncar\tauto\t9.5\n## more\nnew york\tusa\t5",
        "\ufeffword1\tword2\tscore\r\n#metoo\tprotest\t8\r\ncar\tauto\t9.5\r\nnew york\tusa\t5\r\n",
        "# source\n# Word 1\tWord 2\tHuman (mean)\n#metoo\tprotest\t8\ncar\tauto\t9.5\nnew york\tusa\t5\n",
        "#metoo,protest,8\ncar,auto,9.5\nnew york,usa,5\n",
        'Word 1,Word 2,Human (mean)\n"#metoo",protest,8\ncar,auto,9.5\n"new york",usa,5\n',
        "#metoo;protest;8\ncar;auto;9,5\nnew york;usa;5,0\n",  # a decimal comma
        "word1\tword2\tPOS\tSimLex999\tconc\n#metoo\tprotest\tN\t8\t1\ncar\tauto\tN\t9.5\t2\nnew york\tusa\tN\t5\t3\n",
        "#metoo\tprotest\tN\t8\tX\ncar\tauto\tN\t9.5\tY\nnew york\tusa\tN\t5\tZ\n",
        "id,word1,word2,score\n1,#metoo,protest,8\n2,car,auto,9.5\n3,new york,usa,5\n",
    ],
)
def test_files_of_word_pairs(tmp_path, text):
    (tmp_path / "p.txt").write_bytes(text.encode())
    task = WordPairs.read(tmp_path / "p.txt")
    assert (tuple(task.pairs), task.unrated) == (RATED, 0)
    (tmp_path / "p.txt.gz").write_bytes(gzip.compress(text.encode()))
    assert WordPairs.read(tmp_path / "p.txt.gz").pairs == task.pairs


def test_words_and_a_rating_between_spaces(tmp_path):
    (tmp_path / "p.txt").write_text("sun sunlight 50.0\n# a comment\ncar  auto 49,5\n")
    assert WordPairs.read(tmp_path / "p.txt").pairs == (("sun", "sunlight", 50.0), ("car", "auto", 49.5))


def test_rows_without_a_rating_are_counted(tmp_path, space):
    (tmp_path / "p.tsv").write_text("cat\tdog\t3\ncat\tcar\tNA\ndog\thorse\t2\ncar\tbus\t\ncat\thorse\t1\n")
    score = ss.evaluate(space, tmp_path / "p.tsv")["p"]
    assert (score.used, score.total, score.note) == (3, 5, "2 rows of the file have no rating")
    (tmp_path / "p.tsv").write_text("cat\tdog\t3\ncat\tcar\tgood\n")
    with pytest.raises(InputError, match="line 2: expected word TAB word TAB rating"):
        ss.evaluate(space, tmp_path / "p.tsv")
    (tmp_path / "p.tsv").write_text("# nothing\n")
    with pytest.raises(InputError, match="contains no rated pair"):
        ss.evaluate(space, tmp_path / "p.tsv")


@pytest.mark.parametrize(
    ("text", "sections"),
    [
        ("# of mine\n: nature\ncar auto coast shore\n# more\nsun sky #me too\n", {"nature": 2}),
        ("car auto coast shore\nsun sky car auto\n", {"all": 2}),
        ("#metoo auto coast shore\nsun sky car auto\n", {"all": 2}),
        ("\ufeff: a\r\ncar auto coast shore\r\n\r\n:b\r\nsun sky car auto\r\n", {"a": 1, "b": 1}),
        ("car\tauto\tnew york\tusa\n", {"all": 1}),
        ("car,auto,new york,usa\n", {"all": 1}),
        ("#comment\ncar;auto;coast;shore\n", {"all": 1}),
    ],
)
def test_files_of_analogies(tmp_path, text, sections):
    (tmp_path / "q.txt").write_bytes(text.encode())
    task = Analogies.read(tmp_path / "q.txt")
    assert {title: len(rows) for title, rows in task.sections} == sections
    words = {word for _, rows in task.sections for row in rows for word in row}
    space = ss.Space.from_vectors(sorted(words), np.random.default_rng(0).normal(size=(len(words), 8)))
    assert ss.evaluate(space, tmp_path / "q.txt")["q"].used == sum(sections.values())


SENTENCES = (("A cat, asleep.", "A dog", 4.5), ("#1 of all", 'He said "no"', 1.0))
SENTENCE_LINES = [json.dumps(dict(zip(("sentence1", "sentence2", "score"), row, strict=True))) for row in SENTENCES]
SENTENCE_FILES = {
    "commas.csv": """sentence1,sentence2,score
"A cat, asleep.",A dog,4.5
#1 of all,"He said ""no""\",1
""",
    "semicolons.csv": """# it, is mine
#
sentence1;sentence2;score
A cat, asleep.;A dog;4,5
# more
#1 of all;"He said ""no""\";1
""",
    "tabs.tsv": """score\tsentence1\tsentence2
4.5\tA cat, asleep.\tA dog
1\t#1 of all\tHe said "no"
""",
    "sick.txt": """pair_ID\tsentence_A\tsentence_B\trelatedness_score
1\tA cat, asleep.\tA dog\t4.5

2\t#1 of all\tHe said "no"\t1
""",
    "bars.txt": """sentence1|sentence2|score
A cat, asleep.|A dog|4.5
#1 of all|He said "no"|1
""",
    "lines.jsonl": "\n".join(SENTENCE_LINES),
}


@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("name", SENTENCE_FILES)
def test_files_of_rated_sentences(tmp_path, name, end):
    mark = "" if name.endswith("jsonl") else "\ufeff"
    (tmp_path / name).write_bytes((mark + SENTENCE_FILES[name].replace("\n", end)).encode())
    task = STS.read(tmp_path / name)
    assert (tuple(task.pairs), task.incomplete, task.name) == (SENTENCES, 0, name.partition(".")[0])
    from semspace.evaluation.task_reading import task_of

    assert task_of(tmp_path / name) == task


@pytest.mark.parametrize("name", ["s.csv", "s.parquet"])
def test_rated_sentences_lose_no_row_in_silence(tmp_path, name, tiny):
    rows = {
        "sentence1": ["a", "b", None, "d", "e"],
        "sentence2": ["z", "y", "x", "w", "v"],
        "score": [1, 2, 3, None, 4],
    }
    table = pl.DataFrame(rows)
    table.write_parquet(tmp_path / name) if name.endswith("parquet") else table.write_csv(tmp_path / name)
    score = ss.evaluate(tiny, tmp_path / name)["s"]
    assert (score.used, score.total) == (3, 5)
    assert score.note == "2 rows of the file have no rating, or no sentence"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("sentence1,sentence2,score\na,b,good\n", "line 2: the column score must contain numbers; got 'good'"),
        (
            "# mine\n\nsentence1,sentence2,score\na,b,1\na, b,c,1\n",
            "line 5: expected 3 columns, as in the titles; got 4",
        ),
        ("sentence1,sentence2,score\na,1\n", "line 2: expected 3 columns, as in the titles; got 2"),
        ('sentence1,sentence2,score\n"a,b,1\nc,d,2\n', "check that all quotes are closed"),
        ("# nothing\n", "is empty"),
        ("sentence1,sentence2,score\n", "contains no sentence pair"),
    ],
)
def test_rated_sentences_that_cannot_be_read(tmp_path, text, message):
    (tmp_path / "s.csv").write_text(text)
    with pytest.raises(InputError, match=message):
        STS.read(tmp_path / "s.csv")


def test_old_names_work_and_warn(space):
    ids = space.ids.tolist()
    task = WordPairs("mine", [(ids[0], other, rating) for rating, other in enumerate(ids[1:])])
    with pytest.warns(FutureWarning, match=r"evaluate\(on=\) is now called tasks="):
        scores = ss.evaluate(space, on=task)
    with pytest.warns(FutureWarning, match=r"Scores.table\(\) is now called to_frame\(\)"):
        assert scores.table().equals(scores.to_frame())
    corpus = ss.Corpus.from_texts(["a"])
    with pytest.warns(FutureWarning, match=r"Retrieval\(depth=\) is now called k="):
        retrieval = Retrieval("mine", corpus, corpus, {}, depth=3)
    with pytest.warns(FutureWarning, match="Retrieval.depth is now called k"):
        assert retrieval.depth == retrieval.k == 3
