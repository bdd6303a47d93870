"""Intervals and tests of scores: by resampling in plain Python, against scipy and sklearn, and by what they promise."""

import json
from dataclasses import replace
from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from sklearn import metrics

import semspace as ss
from semspace.cli import main
from semspace.errors import InputError, UnknownIdError
from semspace.evaluation import NearestLabel, Retrieval, Score, Scores, WordPairs
from semspace.evaluation.resampling import interval, paired_test
from semspace.evaluation.task_measure import TaskMeasure
from semspace.evaluation.weighted import STATISTICS


def best_accuracy(truth, scores):
    limits = [*scores, np.inf]
    return max(np.mean((scores >= limit) == truth) for limit in limits)


def purity(truth, groups):
    table = metrics.cluster.contingency_matrix(truth, groups)
    return table.max(axis=0).sum() / len(truth)


# What others compute of scores and truth, item by item.
PEERS = {
    "mean": lambda scores, _: scores.mean(),
    "pearson": lambda scores, truth: stats.pearsonr(scores, truth).statistic,
    "spearman": lambda scores, truth: stats.spearmanr(scores, truth).statistic,
    "average precision": lambda scores, truth: metrics.average_precision_score(truth, scores),
    "best accuracy": lambda scores, truth: best_accuracy(truth.astype(bool), scores),
    "purity": lambda scores, truth: purity(truth, scores),
    "v measure": lambda scores, truth: metrics.v_measure_score(truth, scores),
    "adjusted rand index": lambda scores, truth: metrics.adjusted_rand_score(truth, scores),
}
GROUPED = ("purity", "v measure", "adjusted rand index")
BINARY = ("average precision", "best accuracy")


def items(name, draw, n):
    """Draw scores with ties, and what is true."""
    scores = draw.integers(0, 4, n) if name in GROUPED else draw.integers(0, 9, n) / 8
    truth = draw.integers(0, 2 if name in BINARY else 4, n)
    truth[:2], scores[:2] = (0, 1), (0, 1)  # both labels, and two values
    return scores, truth


# -- what is computed -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", STATISTICS)
def test_a_resample_counts_as_if_its_items_stood_there(name):
    draw = np.random.default_rng(1)
    scores, truth = items(name, draw, 30)
    weights = draw.integers(0, 3, (20, 30))
    weights[:, :2] = 1
    found = STATISTICS[name](scores, truth, weights.astype(float))
    expected = [PEERS[name](np.repeat(scores, w), np.repeat(truth, w)) for w in weights]
    np.testing.assert_allclose(found, expected, atol=1e-12)


@settings(max_examples=30)
@given(st.integers(2, 25), st.integers(0, 1_000), st.sampled_from(sorted(STATISTICS)))
def test_measures_are_those_of_others(n, seed, name):
    scores, truth = items(name, np.random.default_rng(seed), n)
    assert TaskMeasure("one", name, scores, truth).value == pytest.approx(PEERS[name](scores, truth), abs=1e-12)


def test_what_has_no_correlation_or_only_one_group():
    weights = np.array([[3.0, 0, 0], [1, 1, 1]])
    x, y = np.array([1.0, 2, 3]), np.array([1.0, 2, 2])
    for name in ("spearman", "pearson"):
        one, all_ = STATISTICS[name](x, y, weights)
        assert np.isnan(one)
        assert all_ == pytest.approx(PEERS[name](x, y))
    same = np.zeros(3, int)
    for name in GROUPED:
        assert STATISTICS[name](same, same, weights).tolist() == [1, 1]
    assert np.isnan(STATISTICS["average precision"](x, same, weights)).all()  # nothing to find


# -- intervals --------------------------------------------------------------------------------------------------


def test_the_interval_is_that_of_plain_resampling():
    draw = np.random.default_rng(0)
    x = draw.normal(size=60)
    y = x + draw.normal(size=60)
    low, high = interval(TaskMeasure("spearman", "spearman", x, y), seed=3)
    resampled = []
    for _ in range(1_000):
        rows = draw.integers(60, size=60)
        resampled.append(stats.spearmanr(x[rows], y[rows]).statistic)
    value = stats.spearmanr(x, y).statistic
    stretch = stats.t.ppf(0.975, 59) / stats.norm.ppf(0.975) * np.sqrt(60 / 59)
    expected = value + stretch * (np.quantile(resampled, (0.025, 0.975)) - np.mean(resampled))
    assert (low, high) == pytest.approx(tuple(expected), abs=0.04)
    assert interval(TaskMeasure("spearman", "spearman", x, y), seed=3) == (low, high)


@pytest.mark.parametrize(("name", "n"), [("mean", 30), ("spearman", 40), ("average precision", 60)])
def test_95_of_100_intervals_hold_the_truth(name, n):
    draw = np.random.default_rng(7)

    def sample(size):
        truth = draw.normal(size=size)
        scores = truth + draw.normal(size=size)
        values = (scores > 0.5).astype(float) if name == "mean" else scores
        return values, (truth > 0).astype(int) if name == "average precision" else truth

    true = TaskMeasure(name, name, *sample(200_000)).value
    ends = [interval(TaskMeasure(name, name, *sample(n)), seed=i) for i in range(150)]
    covered = np.mean([low <= true <= high for low, high in ends])
    assert 0.88 <= covered <= 0.99


def test_an_accuracy_of_1_isnt_certain():
    low, high = interval(TaskMeasure("accuracy", "mean", np.ones(20)), seed=0)
    assert (round(low, 3), high) == (0.839, 1.0)  # Wilson's, of 20 of 20
    assert interval(TaskMeasure("accuracy", "mean", np.ones(9)), seed=0) is None


def test_documents_are_drawn_not_their_pairs():
    draw = np.random.default_rng(2)
    points = draw.normal(size=(25, 4))
    pairs = np.stack(np.triu_indices(25, 1), axis=1)
    cosine = lambda p: np.einsum("ij,ij->i", p[pairs[:, 0]], p[pairs[:, 1]])  # noqa: E731
    x, y = cosine(points), cosine(points + draw.normal(size=points.shape))
    by_document = TaskMeasure("spearman", "spearman", x, y, units=pairs)
    assert by_document.n_units == 25
    wide, narrow = (np.diff(interval(one, 0))[0] for one in (by_document, replace(by_document, units=None)))
    assert wide > 1.3 * narrow  # pairs with a document in common aren't independent


def test_intervals_stand_in_the_tables(space):
    rng = np.random.default_rng(0)
    words = [f"w{i}" for i in range(40)]
    vectors = rng.normal(size=(40, 6))
    mine = ss.Space.from_vectors(words, vectors)
    pairs = [(words[i], words[i + 1], mine.similarity(words[i], words[i + 1]) + rng.normal() / 4) for i in range(39)]
    task = WordPairs("mine", [*pairs, ("w0", "unknown", 1.0)])
    scores = ss.evaluate(mine, task)
    low, high = scores["mine"].interval
    assert low < scores["mine"].value < high
    assert scores.to_frame().select("low", "high", "used").rows() == [(low, high, 39)]
    printed = repr(scores).splitlines()
    assert printed[0].split() == ["task", "metric", "value", "low", "high", "used", "total", "note"]
    assert printed[2].split()[:2] == ["pearson", f"{scores['mine'].metrics['pearson']:.3f}"]
    assert f">{low:.3f}<" in scores._repr_html_()
    assert scores["mine"].to_frame()["metric"].to_list() == ["spearman", "pearson"]
    assert scores["mine"].measure("pearson").to_frame().columns == ["item", "score", "truth"]
    other = ss.evaluate(mine, task, seed=1)["mine"].interval
    assert other != (low, high)
    assert other == pytest.approx((low, high), abs=0.05)
    few = ss.evaluate(space, WordPairs("few", [("cat", "dog", 3), ("cat", "car", 1), ("dog", "horse", 2)]))
    assert few["few"].interval is None
    with pytest.raises(InputError, match="mine has no measure 'f1'; it has spearman, pearson"):
        scores["mine"].measure("f1")


# -- comparisons ------------------------------------------------------------------------------------------------


def test_signs_are_flipped_in_all_ways_where_they_are_few():
    a, b = np.array([1.0] * 8 + [0] * 4), np.array([0.0] * 6 + [1] * 2 + [1, 0, 0, 0])
    test = paired_test(TaskMeasure("accuracy", "mean", a), TaskMeasure("accuracy", "mean", b), seed=0)
    differences = a - b
    flips = [abs(np.dot(signs, differences)) for signs in product((-1, 1), repeat=12)]
    assert test.p_value == pytest.approx(np.mean([flip >= abs(differences.sum()) - 1e-9 for flip in flips]))
    again = paired_test(TaskMeasure("accuracy", "mean", a), TaskMeasure("accuracy", "mean", a), seed=0)
    assert (again.p_value, again.interval) == (1.0, (0.0, 0.0))


@pytest.mark.parametrize("name", ["mean", "spearman", "v measure"])
def test_equally_good_things_seldom_differ(name):
    draw = np.random.default_rng(5)
    found = []
    for seed in range(60):
        truth = draw.normal(size=50)
        a, b = (truth + draw.normal(size=50) for _ in "ab")
        if name == "mean":
            a, b = (a > 0).astype(float), (b > 0).astype(float)
        elif name == "v measure":
            truth, a, b = (np.digitize(one, [-0.7, 0.7]) for one in (truth, a, b))
        test = paired_test(TaskMeasure(name, name, a, truth), TaskMeasure(name, name, b, truth), seed)
        found.append((test.p_value < 0.05, test.interval[0] <= 0 <= test.interval[1]))
    wrong, holds_0 = np.mean(found, axis=0)
    assert wrong <= 0.13  # of 60, 5 % and two standard errors
    assert holds_0 >= 0.87


def test_pairing_sees_what_intervals_dont():
    draw = np.random.default_rng(0)
    hard = draw.random(400)
    a = (hard + 0.02 > 0.5).astype(float)
    b = (hard > 0.5).astype(float)
    first, second = (TaskMeasure("accuracy", "mean", one) for one in (a, b))
    (low, _), (_, high) = interval(first, 0), interval(second, 0)
    assert low < high  # they overlap
    test = paired_test(first, second, 0)
    assert test.p_value < 0.05
    assert test.interval[0] > 0


def test_two_things_are_compared_on_what_both_know():
    rng = np.random.default_rng(3)
    words = [f"w{i}" for i in range(60)]
    vectors = rng.normal(size=(60, 5))
    good = ss.Space.from_vectors(words, vectors)
    poor = ss.Space.from_vectors(words[5:], vectors[5:] + 2 * rng.normal(size=(55, 5)))
    pairs = [
        (words[i], words[j], good.similarity(words[i], words[j])) for i in range(60) for j in range(i - 6, i) if j >= 0
    ]
    task = WordPairs("mine", pairs)
    a, b = ss.evaluate(good, task), ss.evaluate(poor, task)
    found = a.compare(b)["mine"]
    common = sum(int(one[1:]) >= 5 and int(two[1:]) >= 5 for one, two, _ in pairs)
    assert (found.used, found.metric) == (common, "spearman")
    rows = [i for i, (one, two, _) in enumerate(pairs) if int(one[1:]) >= 5 and int(two[1:]) >= 5]
    assert found.a == pytest.approx(a["mine"].measure().select(np.array(rows)).value)
    assert found.b == pytest.approx(b["mine"].value)
    assert found.difference == found.a - found.b > 0
    assert found.interval[0] < found.difference < found.interval[1]
    assert found.p_value < 0.01
    back = b.compare(a)["mine"]
    assert (back.difference, back.p_value) == pytest.approx((-found.difference, found.p_value), abs=1e-9)
    assert a["mine"].compare(b["mine"], "pearson").metric == "pearson"
    assert "<0.001" in repr(a.compare(b))
    assert ">mine</td>" in a.compare(b)._repr_html_()
    assert a.compare(b).to_frame().columns == [
        "task",
        "metric",
        "a",
        "b",
        "difference",
        "low",
        "high",
        "p_value",
        "used",
        "note",
    ]


def test_one_task_that_cannot_be_compared_hides_no_other(space):
    pairs = WordPairs("mine", [("cat", "dog", 3), ("cat", "car", 1), ("dog", "horse", 2)])
    a = ss.evaluate(space, [pairs, "simlex999"])
    found = a.compare(a)
    assert (found["mine"].difference, found["mine"].interval) == (0, None)
    assert found["simlex999"].note.startswith("not compared: simlex999 has no measure")
    assert found.to_frame()["p_value"].to_list() == [None, None]
    with pytest.raises(UnknownIdError, match="no task 'min'"):
        found["min"]


def test_what_cannot_be_compared(space):
    pairs = [("cat", "dog", 3), ("cat", "car", 1), ("dog", "horse", 2)]
    score = WordPairs("mine", pairs).score(space)
    scores = Scores((score,))
    with pytest.raises(InputError, match="Scores are compared with other Scores; got Score"):
        scores.compare(score)
    with pytest.raises(InputError, match="a Score is compared with another Score; got float"):
        score.compare(0.5)
    with pytest.raises(InputError, match="no task is in both: mine; and other"):
        scores.compare(Scores((replace(score, task="other"),)))
    with pytest.raises(InputError, match="different tasks can't be compared: mine of 3 items, and mine of 4"):
        score.compare(replace(score, total=4))
    flipped = WordPairs("mine", [(a, b, -rating) for a, b, rating in pairs]).score(space)
    with pytest.raises(InputError, match="the judgements of both scores differ"):
        score.compare(flipped)
    with pytest.raises(InputError, match="it has none, since it keeps no results of items"):
        Score("old", "accuracy", 0.5, 10, 10).compare(Score("old", "accuracy", 0.6, 10, 10))
    with pytest.raises(InputError, match="seed must be a whole number"):
        ss.evaluate(space, WordPairs("mine", pairs), seed=-1)


# -- other measures of a task -------------------------------------------------------------------------------------


class Table:
    """Encodes each text as the vector that is given for it."""

    def __init__(self, **vectors):
        self.vectors = vectors

    def encode(self, texts):
        return np.array([self.vectors[text] for text in texts], np.float32)


def test_reciprocal_rank_and_recall_by_hand():
    encoder = Table(q=[1, 0], a=[1, 0.1], b=[1, 0.2], c=[1, 0.3], d=[0, 1], r=[0, 1])
    documents = ss.Corpus.from_texts(list("abcd"), ids=list("abcd"))
    questions = ss.Corpus.from_texts(["q", "r"], ids=["q", "r"])
    task = Retrieval("mine", questions, documents, {"q": {"b": 1, "d": 1, "gone": 1}, "r": {"d": 2}}, k=3)
    found = task.score(encoder).metrics
    assert found["mrr@3"] == pytest.approx((1 / 2 + 1) / 2)
    assert found["recall@3"] == pytest.approx((1 / 3 + 1) / 2)
    assert list(found) == ["ndcg@3", "mrr@3", "recall@3"]


@given(st.lists(st.tuples(st.sampled_from([0.1, 0.5, 0.9]), st.booleans()), min_size=1, max_size=6), st.integers(1, 7))
def test_reciprocal_rank_is_the_mean_over_all_orders_of_equals(drawn, k):
    from itertools import permutations

    from semspace.evaluation.ties import mean_reciprocal_rank

    scores, relevant = np.array([s for s, _ in drawn]), np.array([r for _, r in drawn])
    orders = [list(order) for order in permutations(range(len(drawn))) if (np.diff(scores[list(order)]) <= 0).all()]
    ranks = [next((1 / (i + 1) for i, row in enumerate(order[:k]) if relevant[row]), 0) for order in orders]
    assert mean_reciprocal_rank(scores, relevant, k) == pytest.approx(np.mean(ranks))


def test_several_neighbours_vote():
    documents = [("a", "x"), ("b", "y"), ("c", "x"), ("d", "y")]
    encoder = Table(a=[1, 0], b=[1, 0.1], c=[1, 0.3], d=[0, 1])
    # a: b, c, d vote y, x, y; b: a, c, d vote x, x, y; c: b, a, d vote y, x, y; d: c, b, a vote x, y, x
    assert NearestLabel("mine", documents, voters=3).score(encoder).value == 0
    # a: b and c disagree: half; b: a and c say x; c: b and a disagree; d: c and b disagree
    score = NearestLabel("mine", documents, voters=2).score(encoder)
    assert score.measure().scores.tolist() == [0.5, 0, 0.5, 0.5]
    with pytest.raises(InputError, match="4 documents; at least 5 are needed"):
        NearestLabel("mine", documents, voters=4).score(encoder)
    same = Table(a=[1, 0], b=[1, 0], c=[1, 0], d=[1, 0])  # each has three equally near: of two places 2/3 each
    assert NearestLabel("mine", documents, voters=2).score(same).measure().scores.tolist() == [0] * 4


# -- in a shell -------------------------------------------------------------------------------------------------


def test_the_shell_compares(tmp_path, capsys):
    rng = np.random.default_rng(0)
    words = [f"w{i}" for i in range(30)]
    good = ss.Space.from_vectors(words, rng.normal(size=(30, 5)))
    poor = ss.Space.from_vectors(words, good.vectors + 3 * rng.normal(size=(30, 5)))
    ss.save(good, tmp_path / "good")
    ss.write_vectors(poor, tmp_path / "poor.txt")
    lines = [f"{a}\t{b}\t{good.similarity(a, b):.4f}" for a, b in zip(words, words[3:] + words[:3], strict=True)]
    (tmp_path / "p.tsv").write_text("\n".join(lines))
    command = ["evaluate", str(tmp_path / "good"), str(tmp_path / "poor.txt"), "--tasks", str(tmp_path / "p.tsv")]
    assert main(command) == 0
    out = capsys.readouterr().out
    assert f"a: {str(tmp_path / 'good')[:10]}" in out
    assert "difference" in out
    assert main([*command, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert [one["vectors"] for one in found["vectors"]] == [str(tmp_path / "good"), str(tmp_path / "poor.txt")]
    assert found["differences"][0]["tasks"][0]["p_value"] < 0.05
    assert main([*command[:2], "--tasks", str(tmp_path / "p.tsv"), "--json", "--seed", "1"]) == 0
    one = json.loads(capsys.readouterr().out)[0]
    assert [row["metric"] for row in one["measures"]] == ["spearman", "pearson"]
    assert one["low"] <= one["value"] <= one["high"]
