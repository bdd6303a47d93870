"""Axes, association tests and debiasing: by hand, by the papers' formulas, and on real vectors."""

import itertools
import math

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import semspace as ss
from semspace.errors import InputError, UnknownIdError

WORDS = [f"w{row}" for row in range(40)]


@pytest.fixture(scope="module")
def space():
    return ss.Space.from_vectors(WORDS, np.random.default_rng(0).normal(size=(40, 6)))


@pytest.fixture(scope="module")
def size():
    """Words for which the second dimension is size, the first what they share, and the rest noise."""
    rng = np.random.default_rng(1)
    at = {"small": -1, "tiny": -1.2, "little": -0.9, "large": 1, "huge": 1.2, "big": 0.9, "mouse": -0.7, "whale": 0.8}
    vectors = [[1, value, *rng.normal(0, 0.1, 6)] for value in at.values()]
    return ss.Space.from_vectors(list(at), vectors)


# -- axes --------------------------------------------------------------------------------------------------


def test_an_axis_by_hand():
    space = ss.Space.from_vectors(["a", "b", "c", "d"], [[1, 0], [0, 2], [3, 3], [-1, 1]])
    axis = ss.axis(space, ["a"], ["b"])  # (0, 1) - (1, 0), of length 1
    assert axis.direction == pytest.approx([-math.sqrt(0.5), math.sqrt(0.5)])
    table = axis.project(["d", "c"])
    assert table["word"].to_list() == ["c", "d"]
    assert table["value"].to_list() == pytest.approx([0.0, 1.0], abs=1e-7)
    assert table["low"].to_list() == [None, None]
    assert math.isnan(axis.reliability)
    assert "reliability unknown" in repr(axis)


def test_words_lie_where_they_belong(size):
    axis = ss.axis(size, ["small", "tiny", "little"], ["large", "huge", "big"])
    table = axis.project(["whale", "mouse"])
    assert table["word"].to_list() == ["mouse", "whale"]
    assert table["value"][0] < -0.4
    assert table["value"][1] > 0.4
    assert (table["low"] <= table["value"]).all()
    assert (table["value"] <= table["high"]).all()
    assert len(axis.project()) == len(size)


def test_reliability_tells_a_dimension_from_chance(size, space):
    assert ss.axis(size, ["small", "tiny", "little"], ["large", "huge", "big"]).reliability > 0.9
    by_chance = ss.axis(space, WORDS[:4], WORDS[4:8])
    assert by_chance.reliability < 0.7
    assert "low: other words at the ends give another order" in repr(by_chance)


def test_an_axis_is_the_same_again(size):
    first, second = (ss.axis(size, ["small", "tiny"], ["large", "huge"], seed=3) for _ in range(2))
    assert first.project().equals(second.project())
    assert first.reliability == second.reliability


def test_ends_that_are_exchanged_turn_the_axis(space):
    there, back = ss.axis(space, WORDS[:2], WORDS[2:4]), ss.axis(space, WORDS[2:4], WORDS[:2])
    assert there.direction == pytest.approx(-back.direction)


def test_an_axis_takes_texts(size):
    encoder = ss.WordAverage(size, frequencies="zipf", remove_common=False)
    texts = encoder.embed(ss.Corpus(["small mouse", "huge whale"]))
    axis = ss.axis(texts, ["tiny small"], ["big large"])
    assert axis.project(["little mouse", "big whale"])["word"].to_list() == ["little mouse", "big whale"]


def test_a_drawn_axis_names_its_ends(size):
    figure = ss.axis(size, ["small", "tiny"], ["large", "huge"]).plot(["mouse", "whale"])
    for name in ("small, tiny", "large, huge", "mouse", "whale"):
        assert name in figure.svg
    assert "reliability" in figure.caption


# -- association tests -------------------------------------------------------------------------------------


def by_the_formula(space, x, y, a, b):
    """The formulas of Caliskan, Bryson & Narayanan (2017), one word at a time."""

    def s(word):
        return np.mean([space.similarity(word, one) for one in a]) - np.mean([space.similarity(word, one) for one in b])

    values = {word: s(word) for word in (*x, *y)}
    observed = sum(values[word] for word in x) - sum(values[word] for word in y)
    effect = (np.mean([values[word] for word in x]) - np.mean([values[word] for word in y])) / np.std(
        list(values.values())
    )
    divided = list(itertools.combinations((*x, *y), len(x)))
    reached = 0
    for chosen in divided:
        rest = {*x, *y} - set(chosen)
        reached += sum(values[w] for w in chosen) - sum(values[w] for w in rest) >= observed - 1e-9
    return observed, effect, reached / len(divided)


@pytest.mark.parametrize(("n_x", "n_y"), [(3, 3), (2, 4), (1, 2)])
def test_weat_is_the_papers_formula(space, n_x, n_y):
    x, y, a, b = WORDS[:n_x], WORDS[10 : 10 + n_y], WORDS[20:24], WORDS[30:33]
    found = ss.weat(space, x, y, a, b)
    statistic, effect, p_value = by_the_formula(space, x, y, a, b)
    assert found.statistic == pytest.approx(statistic, abs=1e-6)
    assert found.effect_size == pytest.approx(effect, abs=1e-6)
    assert found.p_value == pytest.approx(p_value)
    assert found.exact
    assert found.n_divisions == math.comb(n_x + n_y, n_x)


def test_random_divisions_have_the_p_value_of_all(space):
    sets = WORDS[:7], WORDS[7:14], WORDS[20:24], WORDS[30:33]
    every, drawn = ss.weat(space, *sets), ss.weat(space, *sets, n_divisions=3_000)
    assert every.exact
    assert not drawn.exact
    assert drawn.p_value == pytest.approx(every.p_value, abs=0.04)
    assert drawn.p_value == ss.weat(space, *sets, n_divisions=3_000).p_value


@given(st.integers(0, 200))
@settings(max_examples=20, deadline=None)
def test_exchanged_sets_turn_the_sign(seed):
    rng = np.random.default_rng(seed)
    space = ss.Space.from_vectors(WORDS, rng.normal(size=(40, 4)))
    x, y, a, b = (sorted(part) for part in np.split(np.array(WORDS)[rng.permutation(40)[:16]], 4))
    one, other = ss.weat(space, x, y, a, b), ss.weat(space, y, x, a, b)
    assert one.effect_size == pytest.approx(-other.effect_size)
    assert -2 - 1e-9 <= one.effect_size <= 2 + 1e-9
    assert one.p_value + other.p_value >= 1 - 1e-9  # both count the observed division


def test_a_test_in_print(space):
    found = ss.weat(space, WORDS[:2], WORDS[2:4], WORDS[4:6], WORDS[6:8])
    assert repr(found).startswith("effect size ")
    assert "6 divisions, all" in repr(found)
    assert found.associations.columns == ["word", "set", "association"]


def test_relative_norm_distance_by_hand():
    space = ss.Space.from_vectors(["she", "he", "nurse", "guard"], [[1, 0], [0, 1], [4, 3], [0, 5]])
    table = ss.relative_norm_distance(space, ["she"], ["he"], ["guard", "nurse"])
    assert table["word"].to_list() == ["nurse", "guard"]
    assert table["to_first"].to_list() == pytest.approx([math.sqrt(0.4), math.sqrt(2)], abs=1e-6)
    assert table["difference"].sum() == pytest.approx(math.sqrt(0.4) - math.sqrt(0.8) + math.sqrt(2), abs=1e-6)


# -- debiasing ---------------------------------------------------------------------------------------------


def test_neutral_words_are_as_near_to_both_words_of_a_pair(space):
    pairs = [("w0", "w1"), ("w2", "w3"), ("w4", "w5")]
    fair = ss.debias(space, pairs, keep=["w6"])
    for word in WORDS[7:]:
        for one, other in pairs:
            assert fair.similarity(word, one) == pytest.approx(fair.similarity(word, other), abs=1e-5)
    assert fair["w6"] == pytest.approx(space["w6"] / np.linalg.norm(space["w6"]), abs=1e-6)
    assert np.linalg.norm(fair.vectors, axis=1) == pytest.approx(np.ones(40), abs=1e-5)
    assert fair.ids.tolist() == space.ids.tolist()
    assert fair.provenance["debiased"]["pairs"][0] == ["w0", "w1"]


def test_the_direction_is_the_first_component_of_the_differences(space):
    """With a single pair: their difference, and nothing else, is gone from a neutral word."""
    fair = ss.debias(space, [("w0", "w1")], equalize=())
    unit = space.vectors / np.linalg.norm(space.vectors, axis=1, keepdims=True)
    direction = unit[0] - unit[1]
    direction /= np.linalg.norm(direction)
    expected = unit[9] - unit[9] @ direction * direction
    assert fair["w9"] == pytest.approx(expected / np.linalg.norm(expected), abs=1e-5)
    assert fair["w0"] == pytest.approx(unit[0], abs=1e-6)  # not equalized


def test_equalized_words_lie_as_far_from_every_neutral_word(space):
    fair = ss.debias(space, [("w0", "w1")], equalize=[["w2", "w3", "w4"]])
    for word in WORDS[5:]:
        cosines = [fair[word] @ fair[one] for one in ("w2", "w3", "w4")]
        assert np.ptp(cosines) < 1e-5


# -- wrong input -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda s: ss.axis([1], ["a"], ["b"]), "axis takes a Space; got list"),
        (lambda s: ss.axis(s, [], ["w1"]), "low is empty"),
        (lambda s: ss.axis(s, "w1", ["w2"]), "low must be"),
        (lambda s: ss.axis(s, ["w1", "w1"], ["w2"]), "w1"),
        (lambda s: ss.axis(s, ["w1"], ["w2", "w1"]), "'w1' is in low and in high"),
        (lambda s: ss.weat(s, ["w1"], ["w2"], ["w3"], ["w4"]), "at least three words in x and y together; got 2"),
        (lambda s: ss.weat(s, ["w1", "w2"], ["w2"], ["w3"], ["w4"]), "'w2' is in x and in y"),
        (lambda s: ss.weat(s, ["w1", "w2"], ["w5"], [], ["w4"]), "a is empty"),
        (lambda s: ss.weat(s, ["w1", "w2"], ["w5"], ["w3"], ["w4"], n_divisions=0), "n_divisions"),
        (lambda s: ss.debias(s, "she he"), "list of pairs of words"),
        (lambda s: ss.debias(s, []), "list of pairs of words"),
        (lambda s: ss.debias(s, [("w1", "w2", "w3")]), "pair 0 of pairs must hold two words; got 3"),
        (lambda s: ss.debias(s, [("w1", "w2")], n_directions=2), "2 directions need at least as many pairs; got 1"),
        (lambda s: ss.debias(s, [("w1", "w2")], equalize=[["w3"]]), "set 0 of equalize must hold at least two"),
    ],
)
def test_wrong_input_is_named(space, call, message):
    with pytest.raises(InputError, match=message):
        call(space)


def test_unknown_words_are_named(space):
    for call in (
        lambda: ss.axis(space, ["w1"], ["w99"]),
        lambda: ss.debias(space, [("w1", "w99")]),
        lambda: ss.weat(space, ["w1", "w2"], ["w3"], ["w4"], ["w99"]),
    ):
        with pytest.raises(UnknownIdError, match="w99"):
            call()


def test_pairs_that_do_not_differ_are_refused():
    space = ss.Space.from_vectors(["a", "b", "c"], [[1, 0], [2, 0], [0, 1]])
    with pytest.raises(InputError, match="no 1 different directions"):
        ss.debias(space, [("a", "b")])
    with pytest.raises(InputError, match="have the same mean"):
        ss.axis(space, ["a"], ["b"])


def test_a_word_of_which_nothing_is_left_is_named():
    space = ss.Space.from_vectors(["she", "he", "gendered", "other"], [[1, 0], [-1, 0], [3, 0], [1, 1]])
    with pytest.raises(InputError, match="nothing is left of 'gendered' without the direction; add it to keep"):
        ss.debias(space, [("she", "he")])
    assert isinstance(ss.axis(space, ["she"], ["he"]).project(), pl.DataFrame)
