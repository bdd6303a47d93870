"""What a score means: percentiles by counting, probabilities by hand and by scikit-learn, promised error rates."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.isotonic import IsotonicRegression

import semspace as ss
from semspace.calibration.labelled_pairs import LabelledPairs
from semspace.calibration.probability_curve import GRID, isotonic_curves, shifted_curves
from semspace.calibration.reliability import Reliability
from semspace.errors import DamagedError, InputError

SCORES = np.random.default_rng(0).uniform(-0.2, 0.9, 2_000)


def truth(scores):
    """The probability of "same" that the pairs of these tests are drawn with."""
    return 1 / (1 + np.exp(-10 * (scores - 0.5)))


def labels_of(scores, seed=1, shift=0.0):
    odds = np.log(truth(scores) / (1 - truth(scores))) + shift
    return np.random.default_rng(seed).random(len(scores)) < 1 / (1 + np.exp(-odds))


def vectors_with(scores):
    """Pairs of vectors with the given cosines."""
    first = np.tile([1.0, 0.0], (len(scores), 1))
    return first, np.column_stack([scores, np.sqrt(1 - scores**2)])


@pytest.fixture(scope="module")
def space():
    return ss.Space.from_vectors(range(300), np.random.default_rng(0).normal(size=(300, 2)))


def pairs_with(scores):
    return list(zip(*vectors_with(scores), strict=True))


@pytest.fixture(scope="module")
def calibration(space):
    return space.calibrate(pairs_with(SCORES), labels_of(SCORES))


# -- percentiles -------------------------------------------------------------------------------------------


def test_percentiles_by_hand():
    space = ss.Space.from_vectors(["up", "right", "left"], [[0, 1], [1, 0], [-1, 0]])
    calibration = space.calibrate()  # three pairs: 0, 0 and -1
    assert calibration.random_scores.tolist() == [-1, 0, 0]
    assert calibration.percentile(-0.5) == pytest.approx(100 / 3)
    assert calibration.percentile(0) == pytest.approx(100 * (1 + 3) / 2 / 3)  # ties by half
    assert calibration.percentile([[1.0], [-1.0]]) == pytest.approx(np.array([[100.0], [100 / 6]]))


def test_random_pairs_are_of_different_points():
    vectors = np.eye(60)
    calibration = ss.Space.from_vectors(range(60), vectors).calibrate(n_random=1_000)
    assert len(calibration.random_scores) == 1_000
    assert calibration.random_scores.max() == 0  # no point with itself


def test_random_pairs_have_the_distribution_of_all_pairs(space):
    drawn, every = space.calibrate(n_random=20_000, seed=3), space.calibrate(n_random=100_000)
    assert len(every.random_scores) == 300 * 299 // 2
    assert drawn.percentile(GRID) == pytest.approx(every.percentile(GRID), abs=2)


def test_the_same_seed_gives_the_same_calibration(space):
    first, second = (space.calibrate(pairs_with(SCORES[:200]), labels_of(SCORES[:200]), seed=4) for _ in range(2))
    assert first.to_frame().equals(second.to_frame())


# -- probabilities -----------------------------------------------------------------------------------------


def test_probabilities_by_hand():
    """Two blocks: one of three different pairs, one of a same pair; shares (0 + 1/2) / 4 and (1 + 1/2) / 2."""
    scores, labels = np.array([0.0, 0.1, 0.2, 0.8]), np.array([False, False, False, True])
    curve = isotonic_curves(scores, labels, np.random.default_rng(0))[0]
    at = np.interp([-1, 0.1, 0.45, 0.8, 1], GRID, curve)
    assert at == pytest.approx([1 / 8, 1 / 8, (1 / 8 + 3 / 4) / 2, 3 / 4, 3 / 4], abs=1e-6)


def test_probabilities_are_near_scikit_learns_isotonic_regression():
    labels = labels_of(SCORES)
    curve = isotonic_curves(SCORES, labels, np.random.default_rng(0))[0]
    peer = IsotonicRegression(out_of_bounds="clip").fit(SCORES, labels).predict(GRID)
    inside = (GRID > -0.1) & (GRID < 0.8)
    assert np.abs(np.interp(GRID, GRID, curve) - peer)[inside].mean() < 0.03


def test_probabilities_are_those_the_pairs_were_drawn_with(calibration):
    scores = np.linspace(-0.1, 0.85, 60)
    low, high = calibration.probability_interval(scores)
    assert calibration.probability(scores) == pytest.approx(truth(scores), abs=0.12)
    assert ((low <= truth(scores)) & (truth(scores) <= high)).mean() > 0.8


@given(st.integers(0, 1_000), st.integers(4, 60))
@settings(max_examples=30, deadline=None)
def test_probabilities_rise_with_the_score_and_lie_in_their_interval(seed, n):
    rng = np.random.default_rng(seed)
    scores, labels = rng.uniform(-1, 1, n).round(1), rng.random(n) < 0.5
    labels[:4] = [True, True, False, False]
    space = ss.Space.from_vectors(range(3), rng.normal(size=(3, 2)))
    found = space.calibrate(pairs_with(scores), labels)
    at, (low, high) = found.probability(GRID), found.probability_interval(GRID)
    assert (np.diff(at) >= -1e-12).all()
    assert (low <= at).all()
    assert (at <= high).all()
    assert 0 < at.min() <= at.max() < 1


def test_a_base_is_shifted_to_texts_where_the_same_meaning_is_rarer(space, calibration):
    rng = np.random.default_rng(9)
    new, judged = rng.uniform(-0.2, 0.9, 100), rng.uniform(-0.2, 0.9, 20_000)
    shifted = space.calibrate(pairs_with(new), labels_of(new, 2, -2.0), base=calibration)
    labels = labels_of(judged, 3, -2.0)
    before, after = (one.reliability(judged, labels).error_beyond_chance for one in (calibration, shifted))
    alone = space.calibrate(pairs_with(new), labels_of(new, 2, -2.0)).reliability(judged, labels).error_beyond_chance
    assert before > 0.15
    assert after < 0.07
    assert after < alone


def test_without_new_pairs_a_base_counts_as_it_is(space, calibration):
    other = ss.Space.from_vectors(range(50), np.random.default_rng(5).normal(size=(50, 2)))
    taken = other.calibrate(base=calibration)
    assert (taken.probability(GRID) == calibration.probability(GRID)).all()
    assert len(taken.random_scores) == 50 * 49 // 2


@pytest.mark.parametrize("slope", [0.4, 1.0, 1.6])
def test_shifting_finds_the_maximum_of_the_posterior(slope):
    """Against the posterior of slope and shift at points around: also where the base is much too steep."""
    rng = np.random.default_rng(0)
    base, scores = np.tile(truth(GRID), (201, 1)), rng.uniform(0.3, 0.9, 80)
    odds = 10 * (scores - 0.5)
    labels = rng.random(80) < 1 / (1 + np.exp(-(slope * odds + 1)))
    curve = shifted_curves(base, SCORES, LabelledPairs(scores, labels), rng)[0]
    inside = (GRID > 0.2) & (GRID < 0.9)
    design = np.column_stack([10 * (GRID - 0.5), np.ones_like(GRID)])[inside]
    found = np.linalg.lstsq(design, np.log(curve / (1 - curve))[inside])[0]

    def loss(a, b):
        p = 1 / (1 + np.exp(-(a * odds + b)))
        return -np.log(np.where(labels, p, 1 - p)).sum() + (a - 1) ** 2 / 2 / 0.25 + b**2 / 2 / 9

    here = loss(*found)
    assert all(here <= loss(found[0] + a, found[1] + b) + 1e-3 for a in (-0.05, 0, 0.05) for b in (-0.05, 0, 0.05))
    assert found[0] == pytest.approx(slope, abs=0.5)


# -- thresholds --------------------------------------------------------------------------------------------


def test_a_threshold_by_hand():
    """Nine different pairs: of ten equally likely places of a tenth one, one is at or above the highest."""
    scores = np.array([*np.arange(0.1, 0.95, 0.1), 0.5, 0.95])
    labels = np.array([False] * 9 + [True] * 2)
    found = LabelledPairs(scores, labels).threshold(0.1, "false positives")
    assert found.score == np.nextafter(scores[8], 2)
    assert (found.found, found.wrong) == (0.5, 0.0)
    assert LabelledPairs(scores, labels).threshold(0.2, "false positives").score == np.nextafter(scores[7], 2)
    with pytest.raises(InputError, match=r"0\.05 false positives needs at least 19 different pairs; there are 9"):
        LabelledPairs(scores, labels).threshold(0.05, "false positives")


@pytest.mark.parametrize("kind", ["false positives", "false negatives"])
def test_the_promised_rate_is_kept_on_average(kind):
    rng, rates = np.random.default_rng(0), []
    for _ in range(300):
        same, other = rng.normal(0.5, 0.2, 60).clip(-1, 1), rng.normal(0.1, 0.2, 60).clip(-1, 1)
        pairs = LabelledPairs(np.concatenate([same, other]), np.repeat([True, False], 60))
        score = pairs.threshold(0.1, kind).score
        new = rng.normal(0.1 if kind == "false positives" else 0.5, 0.2, 500)
        rates.append((new >= score).mean() if kind == "false positives" else (new < score).mean())
    assert 0.07 < np.mean(rates) <= 0.105


def test_a_threshold_in_words(calibration):
    told = str(calibration.threshold(0.05))
    assert told.startswith("score 0.")
    assert "at most 5.0% of the different pairs reach it" in told


# -- reliability -------------------------------------------------------------------------------------------


def test_errors_by_hand():
    said, labels = np.array([0.1] * 10 + [0.8] * 10), np.array([True] * 3 + [False] * 7 + [True] * 6 + [False] * 4)
    found = Reliability.of(said, labels, 2)
    assert found.error == pytest.approx(0.2)
    assert found.brier == pytest.approx(np.square(said - labels).mean())
    assert found.to_frame()["seen"].to_list() == pytest.approx([0.3, 0.6])
    beyond = (0.04 - 0.21 / 9 + 0.04 - 0.24 / 9) / 2
    assert found.error_beyond_chance == pytest.approx(np.sqrt(beyond))


def test_right_probabilities_have_the_error_of_chance_alone():
    errors, chance, beyond = [], [], []
    for seed in range(40):
        rng = np.random.default_rng(seed)
        said = rng.random(1_500)
        found = Reliability.of(said, rng.random(1_500) < said, 15)
        errors.append(found.error)
        chance.append(found.error_by_chance)
        beyond.append(found.error_beyond_chance)
    assert np.mean(errors) == pytest.approx(np.mean(chance), rel=0.1)
    assert np.median(beyond) < 0.02


# -- beside the results of a search ------------------------------------------------------------------------


def test_neighbors_show_what_their_scores_mean(space, calibration):
    found = calibration.apply(space.most_similar("5", k=4))
    assert found.to_frame().columns == ["id", "score", "percentile", "probability"]
    assert found.to_frame()["percentile"].to_list() == calibration.percentile(found.scores).tolist()
    assert "percentile" in repr(found)
    assert found.take([2, 0]).to_frame()["probability"].to_list() == [
        found.to_frame()["probability"][row] for row in (2, 0)
    ]
    assert space.calibrate().apply(space.most_similar("5")).to_frame().columns == ["id", "score", "percentile"]


def test_results_of_an_index(space, calibration):
    found = calibration.apply(ss.Index.build(space).search("5", k=3))
    assert len(found.to_frame()["probability"]) == 3


def test_pair_scores_are_those_of_similarity(space):
    vector = np.array([1.0, 2.0])
    scores = space.pair_scores([("1", "2"), ("3", vector), ("1", "1")])
    assert scores == pytest.approx([space.similarity("1", "2"), space.similarity("3", vector), 1.0], abs=1e-6)


# -- on disk, in print, and drawn --------------------------------------------------------------------------


@pytest.mark.parametrize("with_labels", [True, False])
def test_a_saved_calibration_is_the_same(space, calibration, with_labels, tmp_path):
    made = calibration if with_labels else space.calibrate()
    ss.save(made, tmp_path / "c")
    read = ss.load(tmp_path / "c")
    assert read.to_frame().equals(made.to_frame())
    if with_labels:
        assert read.threshold(0.1).score == made.threshold(0.1).score
        again = [space.calibrate(pairs_with(SCORES[:99]), labels_of(SCORES[:99]), base=one) for one in (made, read)]
        assert again[0].to_frame().equals(again[1].to_frame())


def test_a_saved_calibration_with_wrong_numbers_is_refused(space, tmp_path):
    made = space.calibrate()
    ss.save(ss.Calibration(made.random_scores[::-1].copy(), provenance=made.provenance), tmp_path / "c")
    with pytest.raises(DamagedError, match="aren't in ascending order"):
        ss.load(tmp_path / "c")


def test_in_print_and_drawn(space, calibration):
    assert repr(calibration).startswith("calibration by 44,850 random pairs and 2,000 labelled ones")
    assert "<table" in calibration._repr_html_()
    assert "expected calibration error" in repr(calibration.reliability(SCORES, labels_of(SCORES)))
    figure = calibration.plot()
    assert "polygon" in figure.svg
    assert "more probable than not" in figure.description
    assert "polygon" not in space.calibrate().plot().svg


# -- wrong input -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"pairs": [("1", "2")]}, "need both pairs and labels; got only pairs"),
        ({"labels": [True]}, "need both pairs and labels; got only labels"),
        ({"pairs": "1 2", "labels": [True]}, r"list of \(first, second\); got str"),
        ({"pairs": ["12", "34"], "labels": [0, 1]}, "a pair is two ids, texts or vectors; pair 0 is '12'"),
        ({"pairs": [], "labels": []}, "pairs is empty"),
        ({"pairs": [("1", "2")] * 4, "labels": [1, 0]}, r"one for each of 4 pairs; got shape \(2,\)"),
        ({"pairs": [("1", "2")] * 4, "labels": [5, 0, 1, 2.5]}, "got 5: grades need a limit"),
        ({"pairs": [("1", "2")] * 4, "labels": [1, 1, 1, 0]}, "two pairs of each label; 1 of 4 is False"),
        ({"base": 3}, "base is another calibration; got int"),
        ({"n_random": 0}, "n_random"),
        ({"seed": -1}, "seed"),
    ],
)
def test_wrong_input_is_named(space, given, message):
    with pytest.raises(InputError, match=message):
        space.calibrate(**given)


def test_wrong_questions_are_named(space, calibration):
    bare = space.calibrate()
    for asked in (bare.probability, bare.probability_interval):
        with pytest.raises(InputError, match="no labelled pairs, so it knows percentiles only"):
            asked(0.5)
    with pytest.raises(InputError, match="no labelled pairs"):
        bare.threshold()
    with pytest.raises(InputError, match="base has no labelled pairs"):
        space.calibrate(base=bare)
    with pytest.raises(InputError, match="a cosine, from -1 to 1; got 7"):
        calibration.percentile(7)
    with pytest.raises(InputError, match="a cosine, from -1 to 1; got nan"):
        calibration.probability(np.nan)
    with pytest.raises(InputError, match="a score is a number; got 'a'"):
        calibration.percentile("a")
    with pytest.raises(InputError, match=r"for 5 % give 0\.05"):
        calibration.threshold(5)
    with pytest.raises(InputError, match=r"apply takes the Neighbors of one search; got list: .* use percentile"):
        calibration.apply([0.4])
    with pytest.raises(InputError, match="scores by 'dot'"):
        calibration.apply(space.most_similar("5", metric="dot"))
    with pytest.raises(InputError, match="the space has 1"):
        ss.Space.from_vectors(["a"], [[1, 0]]).calibrate()
