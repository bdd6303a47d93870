"""Outliers: hand-worked scores, one contract for all methods, thresholds, reasons, pages, disk, and bad input."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import semspace as ss
from semspace.anomalies.detectors import RankAverage
from semspace.anomalies.methods import METHODS
from semspace.anomalies.reference import ReferencePoints
from semspace.anomalies.threshold import Spread, exceed, threshold_of_share, threshold_of_z
from semspace.errors import DamagedError, InputError

# Directions at these angles, in degrees: three within 20 degrees, one at a right angle to the middle one.
ANGLES = (0, 10, 20, 100)
TOLERANCE = 2e-5


def circle(*angles):
    radians = np.radians(angles)
    return np.stack([np.cos(radians), np.sin(radians)], axis=1)


def chord(degrees):
    """Return the Euclidean distance of two unit vectors at an angle."""
    return 2 * np.sin(np.radians(degrees) / 2)


def space_of(vectors, texts=None, ids=None):
    ids = [f"p{row}" for row in range(len(vectors))] if ids is None else ids
    return ss.Space.from_vectors(ids, vectors, None if texts is None else {"text": texts}, None)


def cloud(n=60, dim=8, seed=0, strange=3):
    """Return points near a plane that lie around one direction, and a few at the end in directions of their own."""
    rng = np.random.default_rng(seed)
    usual = np.eye(dim)[0] + 0.02 * rng.normal(size=(n - strange, dim))
    usual[:, 1:3] += 0.3 * rng.normal(size=(n - strange, 2))
    own = -np.eye(dim)[3 : 3 + strange] - 0.1
    return np.concatenate([usual, own]).astype(np.float32)


SETTINGS = {"reconstruction": {"dim": 2}}


@pytest.fixture(scope="module")
def fitted():
    space = space_of(cloud())
    found = {}
    for method in METHODS:
        found[method] = ss.outliers(space, method=method, share=0.05, progress=False, **SETTINGS.get(method, {}))
    return found


# -- worked by hand -------------------------------------------------------------------------------------------


def test_the_distance_to_the_kth_neighbour():
    space = space_of(circle(0, 10, 20, 40, 100))
    found = ss.outliers(space, method="knn", k=2)
    np.testing.assert_allclose(found.scores, [chord(20), chord(10), chord(20), chord(30), chord(80)], atol=TOLERANCE)
    assert found.ids == ("p4",)
    assert found.ranks.tolist() == [4, 5, 3, 2, 1] or found.ranks.tolist() == [3, 5, 4, 2, 1]
    # A new point at 15 degrees is 5 from both of its neighbours; one at 160 is 120 from its second.
    np.testing.assert_allclose(found.score(circle(15, 160)), [chord(5), chord(120)], atol=TOLERANCE)


def test_the_local_outlier_factor():
    """With one neighbour: the reachability distance is the larger of that to the neighbour and the neighbour's own."""
    space = space_of(circle(0, 10, 15, 40, 100))
    found = ss.outliers(space, method="lof", k=1)
    # nearest: 0→10 (10), 10→15 (5), 15→10 (5), 40→15 (25), 100→40 (60); reach: 10, 5, 5, 25, 60
    reach = {0: 10, 10: 5, 15: 5, 40: 25, 100: 60}
    nearest = {0: 10, 10: 15, 15: 10, 40: 15, 100: 40}
    expected = [chord(reach[a]) / chord(reach[nearest[a]]) for a in (0, 10, 15, 40, 100)]
    np.testing.assert_allclose(found.scores, expected, rtol=1e-3)
    # A new point at 70 is 30 from both 40 and 100; the one at 68 only has 40, whose own reach is 25.
    np.testing.assert_allclose(found.score(circle(68)), [chord(28) / chord(25)], rtol=1e-3)


def test_lof_is_that_of_scikit_learn():
    from sklearn.neighbors import LocalOutlierFactor

    vectors = np.random.default_rng(1).normal(size=(80, 5)).astype(np.float32)
    units = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    peer = LocalOutlierFactor(n_neighbors=7, novelty=True).fit(units)
    found = ss.outliers(space_of(vectors), method="lof", k=7)
    np.testing.assert_allclose(found.scores, -peer.negative_outlier_factor_, rtol=1e-4)
    new = np.random.default_rng(2).normal(size=(20, 5))
    new /= np.linalg.norm(new, axis=1, keepdims=True)
    np.testing.assert_allclose(found.score(new), -peer.score_samples(new), rtol=1e-4)


def test_a_group_of_one_kind_does_not_hide_itself():
    """Forty of 1,000 points lie around a direction of their own, nearer to each other than the others are."""
    rng = np.random.default_rng(0)
    kinds = np.eye(24)[[*rng.integers(0, 4, 960), *[5] * 40]]
    spread = np.where(np.arange(1000) < 960, 0.25, 0.2)[:, None]
    space = space_of((kinds + spread * rng.normal(size=kinds.shape)).astype(np.float32))
    found = ss.outliers(space, share=0.04, progress=False)
    assert sum(int(id[1:]) >= 960 for id in found.ids) >= 38
    tenth = ss.outliers(space, method="knn", share=0.04, progress=False)
    assert sum(int(id[1:]) >= 960 for id in tenth.ids) <= 10
    # New points of either kind, which the classifier hasn't seen.
    new = np.eye(24)[[0] * 50 + [5] * 50] + 0.2 * rng.normal(size=(100, 24))
    scores = found.score(new)
    assert (scores[50:] > found.threshold).mean() >= 0.9
    assert (scores[:50] > found.threshold).mean() <= 0.1


def test_the_classifier_predicts_each_point_without_it():
    """The closed form is what comes out when the point is left out and all others are fitted again."""
    from semspace.anomalies.self_training import _PENALTY, _classified

    rng = np.random.default_rng(1)
    units = rng.normal(size=(30, 4)).astype(np.float32)
    is_strange = np.arange(30) < 6
    unseen, weights = _classified(units, is_strange)
    points = np.column_stack([units, np.ones(30)]).astype(np.float64)
    weight = np.where(is_strange, 30 / 2 / 6, 30 / 2 / 24)
    penalty = np.diag([_PENALTY * 30] * 4 + [0])

    def fitted_to(rows):
        part, sizes = points[rows], weight[rows]
        return np.linalg.solve((part * sizes[:, None]).T @ part + penalty, part.T @ (sizes * is_strange[rows]))

    np.testing.assert_allclose(weights, fitted_to(np.arange(30)), rtol=1e-8)
    for row in (0, 7, 29):
        rest = np.delete(np.arange(30), row)
        assert unseen[row] == pytest.approx(points[row] @ fitted_to(rest), rel=1e-8)


def test_reconstruction_measures_what_the_components_leave():
    """Points in the plane of two axes, and one that leaves it by 0.5 at a length of 1."""
    plane = [[1, 0, 0], [0, 1, 0], [-1, 0, 0], [0, -1, 0], [0.6, 0.8, 0], [-0.6, -0.8, 0]]
    space = space_of(np.array([*plane, [0, 0.866, 0.5]], np.float32))
    found = ss.outliers(space, method="reconstruction", dim=2)
    assert found.ranks[-1] == 1
    model = ss.latent.PCA(2).train(ss.Space.from_vectors([*"abcdefg"], space.vectors))
    left = space.vectors - model.decode(model.encode(space.vectors))
    np.testing.assert_allclose(found.scores, np.linalg.norm(left, axis=1), atol=1e-3)


def test_the_threshold_by_median_absolute_deviation():
    scores = np.array([1.0, 2.0, 3.0, 4.0, 5.0, 30.0])  # median 3.5, deviations 2.5 1.5 .5 .5 1.5 26.5: median 1.5
    spread = Spread.of(scores)
    assert (spread.median, spread.deviation) == (3.5, pytest.approx(1.5 * 1.4826, abs=1e-3))
    limit = threshold_of_z(scores, 3.5)
    assert limit == pytest.approx(3.5 + 3.5 * 1.5 * 1.4826, abs=1e-2)
    assert exceed(scores, limit).tolist() == [False] * 5 + [True]
    assert spread.z(scores)[-1] == pytest.approx(26.5 / (1.5 * 1.4826), abs=1e-3)


def test_z_of_scores_that_are_mostly_equal():
    spread = Spread.of(np.array([2.0, 2.0, 2.0, 3.0]))
    assert spread.z(np.array([2.0, 3.0, 1.0])).tolist() == [0.0, np.inf, -np.inf]


def test_the_mean_rank_finds_what_most_of_its_methods_find():
    options = {"progress": False, "seed": 0}
    found = ss.outliers(space_of(cloud(200)), method="rank_average", **options)
    assert {*found.ids[:3]} == {"p197", "p198", "p199"}
    assert len(found.ids) < 10
    assert len(ss.outliers(space_of(cloud(200)), method="rank_average", min_z=1, **options).ids) > len(found.ids)
    assert len(ss.outliers(space_of(cloud(200)), method="rank_average", min_z=1e6, **options).ids) == 0


def test_most_methods_decide_the_share_by_their_own_deviations():
    class Fitted:
        def __init__(self, *scores):
            self.fitted = np.array(scores, float)

    first, second = (
        Fitted(0, 1, 2, 3, 4, 99, 99, 2, 1, 3),
        Fitted(*(100 * place for place in (0, 1, 2, 3, 4, 99, 5)), 2, 1, 3),
    )
    assert RankAverage((first, first, second)).share_above(3.5) == 0.2
    assert RankAverage((first, second, second)).share_above(3.5) == pytest.approx(
        (Spread.of(second.fitted).z(second.fitted) > 3.5).mean()
    )


@given(st.lists(st.integers(-50, 50), min_size=2, max_size=60), st.floats(0.01, 0.99))
def test_a_share_is_never_exceeded_and_reached_without_ties(values, share):
    scores = np.array(values, float)
    count = int(exceed(scores, threshold_of_share(scores, share)).sum())
    assert count <= share * len(scores) + 1e-6
    if len(set(values)) == len(values):
        assert count == int(share * len(scores) + 1e-9)


# -- one contract for all methods -----------------------------------------------------------------------------


@pytest.mark.parametrize("method", METHODS)
def test_strange_points_are_found(method, fitted):
    found = fitted[method]
    assert set(found.ids) == {"p57", "p58", "p59"}, found.scores
    assert len(found) == len(found.reasons) == found.is_outlier.sum() == 3
    assert found.ids == tuple(found.to_frame()["id"])
    assert sorted(found.ranks.tolist()) == list(range(1, 61))
    assert not found.scores.flags.writeable


@pytest.mark.parametrize("method", METHODS)
def test_a_new_point_is_scored_by_itself(method, fitted):
    """The score depends on the point alone: in any company, in any order, the same bits."""
    found, rng = fitted[method], np.random.default_rng(3)
    points = rng.normal(size=(40, 8)).astype(np.float32)
    together = found.score(points)
    assert together.dtype == np.float64
    for rows in (slice(0, 1), slice(5, 8), slice(0, 33), rng.permutation(40)):
        np.testing.assert_array_equal(found.score(points[rows]), together[rows])
    strange = np.concatenate([points, 1000 * rng.normal(size=(500, 8)), np.repeat(points[:1], 100, axis=0)])
    np.testing.assert_array_equal(found.score(strange)[:40], together)


@pytest.mark.parametrize("method", METHODS)
def test_a_point_of_the_space_gets_its_own_score_again(method, fitted):
    found = fitted[method]
    atol = 0.5 / 60 if method == "rank_average" else 1e-4  # a rank may turn where two scores are equal up to rounding
    np.testing.assert_allclose(found.score(found.space), found.scores, rtol=1e-4, atol=atol)


@pytest.mark.parametrize("method", METHODS)
def test_neither_length_nor_order_nor_copies_matter(method, fitted):
    """A strange text that comes twenty times is as strange as one that comes once."""
    found = fitted[method]
    vectors, ids = found.space.vectors, found.space.ids.tolist()
    order = np.random.default_rng(4).permutation(len(ids))
    copied = np.concatenate([vectors[order] * 2, np.repeat(vectors[-1:], 20, axis=0)])
    names = [ids[row] for row in order] + [f"copy{i}" for i in range(20)]
    settings = SETTINGS.get(method, {})
    again = ss.outliers(space_of(copied, ids=names), method=method, share=0.05, progress=False, **settings)
    np.testing.assert_allclose(again.scores[: len(ids)], found.scores[order], rtol=1e-5)
    np.testing.assert_allclose(again.scores[len(ids) :], again.scores[names.index("p59")], rtol=1e-6)


@pytest.mark.parametrize("method", METHODS)
def test_saved_and_opened(method, fitted, tmp_path):
    found = fitted[method]
    ss.save(found, tmp_path / "o")
    opened = ss.load(tmp_path / "o")
    assert (opened.ids, opened.reasons, opened.threshold) == (found.ids, found.reasons, found.threshold)
    assert opened.provenance == found.provenance
    new = np.random.default_rng(5).normal(size=(7, 8))
    np.testing.assert_allclose(opened.score(new), found.score(new), rtol=1e-6)


@pytest.mark.parametrize("method", METHODS)
def test_few_points_are_enough(method):
    found = ss.outliers(space_of(np.eye(5) + 0.01), method=method, progress=False)
    assert np.isfinite(found.scores).all()
    assert np.isfinite(found.score(np.eye(5))).all()
    assert found.score(np.empty((0, 5))).shape == (0,)


# -- references -----------------------------------------------------------------------------------------------


def test_of_many_points_some_are_references(monkeypatch):
    monkeypatch.setattr("semspace.anomalies.reference.MAX_REFERENCES", 40)
    vectors = cloud(100)
    reference, places = ReferencePoints.of(vectors)
    assert (len(reference), int((places >= 0).sum())) == (40, 40)
    found = ss.outliers(space_of(vectors), method="knn", k=5, share=0.03, progress=False)
    assert set(found.ids) == {"p97", "p98", "p99"}
    np.testing.assert_allclose(found.score(vectors), found.scores, atol=1e-4)


def test_a_reference_is_not_its_own_neighbour():
    reference, places = ReferencePoints.of(circle(0, 10, 10, 50).astype(np.float32))
    assert len(reference) == 3
    assert places[1] == places[2]
    rows, distances = reference.nearest(reference.units[places[1]], 2)
    assert places[1] not in rows
    np.testing.assert_allclose(distances, [chord(10), chord(40)], atol=TOLERANCE)


# -- reasons --------------------------------------------------------------------------------------------------

TEXTS = [
    "the striker scored a goal",
    "the goalkeeper saved a goal",
    "a goal in the last minute",
    "the match ended level",
]


def sport_and_recipe():
    texts = [*TEXTS, *(f"{text} again" for text in TEXTS), "simmer the lentils with <b>cumin</b> and cumin seeds"]
    vectors = np.concatenate([circle(*range(0, 40, 5)), circle(180)])
    return space_of(vectors, texts, [f"doc{i}" for i in range(9)])


def test_a_reason_says_what_a_document_is_unlike_and_in_which_words():
    found = ss.outliers(sport_and_recipe(), method="knn", k=1)
    assert found.ids == ("doc8",)
    cosine = np.cos(np.radians(180 - 35))
    assert f"Unlike even the nearest documents, “doc7” ({cosine:.2f})" in found.reasons[0]
    assert "Words that it uses and few others do: cumin" in found.reasons[0]
    assert "goal" not in found.reasons[0]
    assert "group" not in found.reasons[0]


def test_a_reason_tells_a_small_group_from_a_lone_point():
    near_each_other = [[1, 0.004 * i, 0] for i in range(12)]
    rng = np.random.default_rng(0)
    rest = [np.array([0, 0, 1]) + 0.3 * rng.normal(size=3) * [0.2, 1, 1] for _ in range(88)]
    found = ss.outliers(space_of(np.array([*near_each_other, *rest])), method="knn", k=20, share=0.12, progress=False)
    assert set(found.ids) == {f"p{i}" for i in range(12)}
    assert all(reason.startswith("Like a few points, the nearest of which are “p") for reason in found.reasons)


def test_with_a_clustering_the_nearest_group_is_named():
    space = sport_and_recipe()
    groups = ss.cluster(space, n_clusters=2, progress=False).rename({0: "football", 1: "another"})
    found = ss.outliers(space, method="knn", k=1, clustering=groups, progress=False)
    assert "Its nearest group is “" in found.reasons[0]
    assert "of whose documents" in found.reasons[0]


def test_texts_are_scored_by_the_encoder_of_the_space():
    from tests.test_latent_contract import points

    space = points(40)
    found = ss.outliers(space, method="knn", k=3, progress=False)
    texts = ["good day", "bad night", "good good night"]
    np.testing.assert_array_equal(found.score(texts), found.score(space.encode_documents(texts)))
    np.testing.assert_array_equal(found.score(texts[1:2]), found.score(texts)[1:2])


# -- tables, pages and figures --------------------------------------------------------------------------------


def test_tables_and_print():
    found = ss.outliers(sport_and_recipe(), method="knn", k=1)
    assert found.to_frame().columns == ["rank", "id", "score", "z", "reason", "text"]
    documents = found.documents()
    assert documents["id"].to_list() == found.space.ids.tolist()
    assert documents["is_outlier"].to_list() == [False] * 8 + [True]
    assert repr(found).startswith("1 outlier among 9 points\nrank  id")
    assert "<td" in found._repr_html_()
    quiet = ss.outliers(found.space, method="knn", k=1, min_z=1e9)
    assert (len(quiet), quiet.ids, repr(quiet)) == (0, (), "0 outliers among 9 points")
    assert quiet.to_frame().height == 0


def test_the_report_escapes_what_texts_say(tmp_path):
    found = ss.outliers(sport_and_recipe(), method="knn", k=1)
    found.to_html(tmp_path / "o.html", date="")
    page = (tmp_path / "o.html").read_text(encoding="utf-8")
    assert "<b>cumin" not in page
    assert "&lt;b&gt;cumin" in page
    assert "1 of 9 documents is unlike the others" in page
    found.to_markdown(tmp_path / "o.md", title="Recipes", date="")
    with pytest.raises(InputError, match=r"path must end in \.md, \.markdown or \.txt"):
        found.to_markdown(tmp_path / "o.html")
    assert (tmp_path / "o.md").read_text(encoding="utf-8").startswith("# Recipes")
    with pytest.raises(InputError, match=r"\.html"):
        found.to_html(tmp_path / "o.pdf")


def test_the_map_keeps_the_outliers():
    found = ss.outliers(space_of(cloud(200)), share=0.02, progress=False)
    figure = found.plot(most=50)
    assert f"50 of {len(found.space):,} documents are drawn." in figure.caption
    assert "are drawn" not in found.plot(most=len(found.space)).caption
    assert figure.svg.count("<title>p19") >= 3 or all(id in figure.svg for id in found.ids)


# -- bad input ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"method": "loff"}, "did you mean 'lof'"),
        ({"method": "lof", "dim": 2}, "the method 'lof' has no option 'dim'; it takes k"),
        ({"method": "lof", "k": 0}, "k must be a whole number of at least 1"),
        ({"method": "knn", "k": 60}, "k must be at most 59 for 60 distinct points"),
        ({"method": "reconstruction", "dim": 9}, "dim must be at most 7"),
        ({"share": 1}, "above 0 and below 1; got 1"),
        ({"share": 0}, "share must be a number above 0"),
        ({"share": 0.1, "min_z": 2}, "both decide which points are outliers"),
        ({"min_z": -1}, "min_z must be a number"),
        ({"seed": -1}, "seed must be"),
        ({"clustering": "groups"}, "clustering must be a Clustering; got str"),
        ({"progress": 2}, "progress must be True or False"),
        ({"corpus": ["a text"] * 60}, r"corpus must be a Corpus; got list: use ss.Corpus.from_texts"),
    ],
)
def test_bad_arguments(arguments, message):
    with pytest.raises(InputError, match=message):
        ss.outliers(space_of(cloud()), **arguments)


def test_bad_points(fitted):
    with pytest.raises(InputError, match="takes a Space; got ndarray"):
        ss.outliers(cloud())
    with pytest.raises(InputError, match="at least 5 distinct points to compare with; got 1"):
        ss.outliers(space_of(np.ones((9, 3))))
    found = fitted["knn"]
    with pytest.raises(InputError, match="vectors must have 8 columns"):
        found.score(np.ones((2, 5)))
    with pytest.raises(InputError, match="NaN"):
        found.score(np.full((1, 8), np.nan))
    with pytest.raises(InputError, match="no encoder"):
        found.score(["a text"])
    with pytest.raises(InputError, match="one string"):
        found.score("a text")


def test_a_damaged_value_is_refused(fitted, tmp_path):
    from semspace.bundle import create_bundle
    from semspace.space import write_space

    found = fitted["knn"]
    for facts, message in (
        ({"reasons": []}, "don't fit each other"),
        ({"provenance": {"made_by": "magic", "settings": {}}}, "method 'magic'"),
        ({"provenance": {"made_by": "knn", "settings": {}}}, "under 'provenance', has no 'seed'"),
        ({"provenance": {"made_by": "knn", "settings": {"k": "x"}, "seed": 0}}, "as k must be a whole number of at"),
        ({"provenance": {"made_by": "knn", "settings": {"dim": 2}, "seed": 0}}, "'knn' has no option 'dim'"),
    ):
        with create_bundle(tmp_path / "o", "outliers", overwrite=True) as draft:
            good = {"threshold": found.threshold, "reasons": list(found.reasons), "provenance": found.provenance}
            draft.meta.update(good | facts)
            write_space(found.space, draft)
            draft.array("scores", found.scores)
        with pytest.raises(DamagedError, match=message):
            ss.load(tmp_path / "o")


# -- the shell ------------------------------------------------------------------------------------------------


def test_the_command(run, tmp_path):
    import json

    lines = "".join(f"a cat sat on mat {word}\n" for word in ("one", "two", "three", "four", "five", "six"))
    code, out, err = run(
        "outliers", "-", "--model", "TINY", "--share", 0.2, "--method", "knn", "--json", "--out", tmp_path / "o",
        "--report", tmp_path / "o.html", stdin=lines + "quantum chromodynamics\n",
    )  # fmt: skip
    assert code == 0, err
    answer = json.loads(out)
    assert [row["id"] for row in answer["outliers"]] == list(ss.load(tmp_path / "o").ids)
    assert (tmp_path / "o.html").exists()
    code, out, err = run("outliers", "-", "--model", "TINY", "--method", "magic", stdin=lines)
    assert code == 2
    assert "method must be one of" in err
