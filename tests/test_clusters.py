"""Groups: found again, in any order, by every method; assigned, edited, saved, and refused where they make no sense."""

import dataclasses
import importlib
import subprocess
import sys
import warnings
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.cluster import KMeans

import semspace as ss
from semspace.clusters import all_pairs, assignment, byte_cosines
from semspace.clusters.all_pairs import nearest_of_all_pairs
from semspace.clusters.byte_cosines import ByteCosines
from semspace.clusters.distinct_points import centered, direction_hashes, distinct_points, distinct_rows
from semspace.clusters.grouping import GroupCountPrior, Grouping, Request, one_by_one
from semspace.clusters.hierarchy import average_linkage, cut_linkage, merge_to, top_nodes
from semspace.clusters.kmeans import k_means
from semspace.clusters.knn_graph import KnnGraph, renumbered
from semspace.clusters.knn_vote import Votes, count_votes, vote_shares, vote_weights
from semspace.clusters.methods import METHODS, options_of
from semspace.clusters.stability import best_jaccard, stability
from semspace.clusters.typicality import mean_cosines, member_nearness, typicality
from semspace.errors import InputError, SemspaceWarning
from semspace.inference.gemm import ROWS
from semspace.inference.model import aligned_zeros
from semspace.threads import limited
from tests.strategies import spaces

ROOM = importlib.import_module("semspace.clusters.cluster")  # the function has the file's name
WORDS = [("cat", "fur"), ("ship", "sea"), ("gold", "ore")]
methods = pytest.mark.parametrize("method", sorted(METHODS))
counted = pytest.mark.parametrize("method", sorted(set(METHODS) - {"hdbscan"}))


def grouped(space, **given):
    return ss.cluster(space, progress=False, **given)


def numbered_space(vectors, metadata=None):
    return ss.Space.from_vectors([f"p{i:04d}" for i in range(len(vectors))], np.asarray(vectors, np.float32), metadata)


def around(sizes, dim, noise, seed=1):
    """Groups of these sizes, each about an axis of its own."""
    kinds = np.repeat(np.arange(len(sizes)), sizes)
    return np.eye(dim)[kinds] + np.random.default_rng(seed).normal(scale=noise, size=(len(kinds), dim)), kinds


@pytest.fixture
def blobs():
    """Three tight groups of 30, 20 and 10 directions, and texts of three kinds."""
    vectors, kinds = around([30, 20, 10], 8, 0.05)
    texts = [f"the {WORDS[k][0]} and the {WORDS[k][1]} of {i}" for i, k in enumerate(kinds)]
    return numbered_space(vectors, {"text": texts}), kinds


@pytest.fixture(scope="module")
def loose():
    """Five groups that run into each other, some points twice, and a few at the very middle."""
    vectors, _ = around([60, 40, 30, 20, 10], 12, 0.35)
    return numbered_space(np.vstack([vectors, vectors[:15], vectors[3] * 2]))


def sound(groups):
    """What holds for every clustering."""
    n, k = len(groups.space), len(groups)
    assert groups.labels.dtype == np.int32
    assert groups.labels.shape == (n,)
    assert set(groups.labels.tolist()) - {-1} == set(range(k))
    assert groups.sizes.sum() + len(groups.outliers) == n
    assert groups.centers.shape == (k, groups.space.dim)
    assert len(set(groups.names)) == k == len(groups.keywords)
    held = groups.stability[~np.isnan(groups.stability)]
    assert ((held >= 0) & (held <= 1)).all()
    shares = groups.membership()
    assert shares.shape == (n, k)
    assert (shares >= 0).all()
    assert (shares.sum(axis=1) <= 1 + 1e-5).all()
    assert groups.assign(groups.space.vectors).tolist() == groups.labels.tolist()
    for group in range(k):
        assert len(groups.members(group)) == groups.sizes[group]
        assert set(groups.representative(group)) <= set(groups.members(group))
    return groups


# -- what is found ----------------------------------------------------------------------------------------


def test_finds_what_is_there(blobs):
    space, kinds = blobs
    groups = grouped(space)
    assert groups.labels.tolist() == kinds.tolist()  # numbered from the largest
    assert groups.sizes.tolist() == [30, 20, 10]
    assert (groups.stability > 0.99).all()
    assert groups.outliers == ()


def test_names_are_the_words_a_group_uses(blobs):
    groups = grouped(blobs[0], n_clusters=3)
    assert groups.names == ("cat, fur", "sea, ship", "gold, ore")
    assert set(groups.keywords[1]) == {"ship", "sea"}  # not "the", which all use


def test_a_space_of_words_is_named_by_its_words(space):
    groups = grouped(space, n_clusters=2)
    assert {frozenset(words) for words in groups.keywords} == {
        frozenset({"cat", "dog", "horse"}),
        frozenset({"car", "bus", "train"}),
    }


# -- one contract for four methods ------------------------------------------------------------------------


@methods
def test_every_method_finds_groups_that_lie_apart(method):
    vectors, kinds = around([40, 30, 25, 20], 8, 0.05)
    groups = sound(grouped(numbered_space(vectors), method=method))
    assert groups.labels.tolist() == kinds.tolist()
    assert groups.provenance["made_by"] == method


@methods
def test_groups_are_numbered_from_the_largest(loose, method):
    for outliers in (0, 0.4):
        sizes = sound(grouped(loose, method=method, outliers=outliers)).sizes
        assert (np.diff(sizes) <= 0).all()


@methods
def test_neither_order_nor_ids_matter(loose, method):
    order = np.random.default_rng(2).permutation(len(loose))
    other = ss.Space.from_vectors([f"zebra {i}" for i in range(len(loose))], loose.vectors[order])
    first, second = (grouped(s, method=method, outliers=0.05) for s in (loose, other))
    assert second.labels.tolist() == first.labels[order].tolist()
    np.testing.assert_allclose(second.stability, first.stability)
    np.testing.assert_allclose(second._member_votes.share, first._member_votes.share[order], atol=1e-5)


@methods
def test_the_same_seed_gives_the_same_groups(loose, method):
    one, other = (grouped(loose, method=method, seed=5) for _ in range(2))
    assert one.labels.tolist() == other.labels.tolist()
    assert one.stability.tolist() == other.stability.tolist()


@methods
def test_every_point_has_a_group_unless_outliers_are_asked_for(loose, method):
    assert (grouped(loose, method=method).labels >= 0).all()


@methods
@pytest.mark.parametrize("share", [0.01, 0.1, 0.5])
def test_the_share_of_outliers_is_kept_to_a_point(method, share):
    vectors, _ = around([50, 40, 30], 8, 0.3)
    groups = sound(grouped(numbered_space(vectors), method=method, outliers=share))
    assert abs(len(groups.outliers) - share * 120) <= 1


@pytest.mark.parametrize(("share", "left_out"), [(0.24, 0), (0.49, 50), (0.5, 100), (0.9, 100)])
def test_no_more_outliers_than_asked_for_where_points_have_copies(share, left_out):
    vectors = np.repeat(np.random.default_rng(0).normal(size=(3, 8)), [100, 50, 50], axis=0)
    distinct = np.array([100, 50, 50])
    votes = Votes(*(np.zeros(3, np.int32),) * 2, np.ones(3, np.float32), np.array([0, 0.5, 0.9], np.float32))
    labels = assignment.without_outliers(np.array([0, 0, 1], np.int32), votes, distinct, share)
    assert distinct[labels < 0].sum() == left_out
    groups = grouped(numbered_space(vectors), outliers=share)
    assert len(groups.outliers) <= share * 200


def test_rounding_takes_no_outlier_away():
    ones = np.ones(100, np.float32)
    votes = Votes(*(np.zeros(100, np.int32),) * 2, ones, ones)
    labels = assignment.without_outliers(np.zeros(100, np.int32), votes, np.ones(100, np.int64), 0.29)
    assert (labels < 0).sum() == 29


@pytest.mark.parametrize("method", ["leiden", "hdbscan"])  # the others give it a group of its own
def test_what_lies_apart_is_an_outlier(method):
    vectors, _ = around([40, 30, 30], 8, 0.05)
    far = -np.ones((1, 8))
    groups = grouped(numbered_space(np.vstack([vectors, far])), method=method, outliers=0.01)
    assert groups.outliers == ("p0100",)
    assert groups.assign(far).tolist() == [-1]


@methods
def test_clustered_points_are_given_their_own_label_after_loading(tmp_path, loose, method):
    groups = grouped(loose, method=method, outliers=0.1)
    ss.save(groups, tmp_path / "g")
    again = sound(ss.load(tmp_path / "g"))
    assert again.labels.tolist() == groups.labels.tolist()
    assert again.documents().equals(groups.documents())
    assert again.quality().equals(groups.quality())
    assert again.provenance == groups.provenance


@methods
def test_a_method_groups_a_sample_as_it_grouped_all(method):
    vectors, _ = around([40, 30, 30], 8, 0.05)
    space = numbered_space(vectors)
    rows, _, counts = distinct_rows(space.vectors)
    points = distinct_points(space.vectors, rows, counts)
    found = METHODS[method](points, Request(None, GroupCountPrior.for_points(100, 1), 0, progress=False))
    assert found.labels.dtype == np.int32
    sample = np.arange(0, 100, 2)
    again, other = found.regroup([sample, sample + 1], 7)
    assert again.dtype == other.dtype == np.int32
    assert [again.tolist(), other.tolist()] == [labels.tolist() for labels in found.regroup([sample, sample + 1], 7)]
    np.testing.assert_allclose(best_jaccard(found.labels[sample], again, 3), 1)


@counted
def test_as_many_groups_as_are_asked_for(loose, method):
    different = len(distinct_rows(loose.vectors)[0])
    for k in (1, 2, 7, 40, different):
        groups = grouped(loose, method=method, n_clusters=k)
        assert len(groups) == groups.provenance["k"] == k
        assert groups.sizes.min() > 0


@counted
@pytest.mark.parametrize("seed", range(4))
def test_as_many_groups_as_are_asked_for_where_there_are_none(method, seed):
    noise = np.random.default_rng(seed).normal(size=(150, 16))
    assert [len(grouped(numbered_space(noise), method=method, n_clusters=k)) for k in (5, 7, 11)] == [5, 7, 11]


def test_hdbscan_refuses_a_number_of_groups(blobs):
    with pytest.raises(InputError, match="hdbscan finds the number of groups itself; leave out n_clusters"):
        grouped(blobs[0], n_clusters=3, method="hdbscan")


@methods
def test_extremes_of_granularity(loose, method):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SemspaceWarning)  # of hdbscan
        coarse, fine = (len(grouped(loose, method=method, granularity=g)) for g in (0.001, 1_000))
    assert 1 <= coarse <= 3
    assert coarse <= fine <= len(loose)


def test_hdbscan_says_that_it_finds_no_more_groups():
    vectors, _ = around([40, 40], 8, 0.05)
    with pytest.warns(SemspaceWarning, match="hdbscan found no more groups than .*, where granularity=20 asks") as told:
        grouped(numbered_space(vectors), method="hdbscan", granularity=20)
    assert told[0].filename == __file__


@counted
def test_finer_than_there_are_points_is_a_group_each(method):
    groups = grouped(numbered_space(np.eye(12)), method=method, granularity=1_000)
    assert len(groups) == 12


def test_granularity_doubles_and_halves_what_is_expected():
    prior = GroupCountPrior.for_points
    assert prior(4_900, 1) == GroupCountPrior(10 / 1.4, 10, 14)
    assert prior(4_900, 2) == GroupCountPrior(20 / 1.4, 20, 28)
    assert prior(4_900, 0.5) == GroupCountPrior(5 / 1.4, 5, 7)
    assert prior(300, 1) == GroupCountPrior(2, 4, 8)  # of few, more than the root says
    assert prior(10, 1) == GroupCountPrior(1.25, 2.5, 5)  # and not more than a group of four has
    assert 14 in prior(4_900, 1)
    assert 15 not in prior(4_900, 1)
    assert prior(4_900, 1).distance(10) == 0
    assert prior(4_900, 1).distance(20) == pytest.approx(prior(4_900, 1).distance(5))


def test_numbers_worth_trying_are_few_and_within_reach():
    usual = GroupCountPrior(6.25, 10, 16)
    tries = Request(None, usual, 0, progress=False).candidates(1_000)
    assert (tries[0], tries[-1]) == (6, 16)
    assert tries == sorted(set(tries))
    assert len(tries) <= 8
    assert Request(None, usual, 0, progress=False).candidates(4) == [4]
    assert Request(9, usual, 0, progress=False).candidates(4) == [9]


@methods
@settings(max_examples=15, deadline=None)
@given(drawn=st.data())
def test_any_space_is_grouped_soundly(method, drawn):
    space = drawn.draw(spaces())
    outliers = drawn.draw(st.sampled_from([0.0, 0.3, 0.99]))
    groups = sound(grouped(space, method=method, outliers=outliers))
    order = drawn.draw(st.permutations(range(len(space))))
    shuffled = grouped(space.select(space.ids[list(order)].tolist()), method=method, outliers=outliers)
    assert shuffled.sizes.tolist() == groups.sizes.tolist()


@methods
@pytest.mark.parametrize("n", [1, 2, 3, 4, 7, 12])
def test_very_few_points(method, n):
    for vectors in (np.eye(12)[:n], np.ones((n, 3)), np.tile([[1, 0], [-1, 0]], (n, 1))[:n]):
        sound(grouped(numbered_space(vectors), method=method))
        sound(grouped(numbered_space(vectors), method=method, outliers=0.99))


@methods
def test_texts_that_say_nothing_new_stay_together(method):
    draw = np.random.default_rng(0)
    lump = np.repeat(draw.normal(size=(1, 8)), 3_000, axis=0)
    groups = sound(grouped(numbered_space(np.vstack([lump, draw.normal(size=(20, 8))])), method=method))
    assert len(set(groups.labels[:3_000].tolist())) == 1


@pytest.mark.parametrize("seed", [1, 4, 5])
def test_many_copies_do_not_use_up_the_outliers(seed):
    """The lump would be far too many; what else lies apart is taken all the same."""
    draw = np.random.default_rng(seed)
    vectors = np.vstack([np.repeat(draw.normal(size=(1, 8)), 2_000, axis=0), draw.normal(size=(20, 8))])
    groups = grouped(numbered_space(vectors), outliers=0.05, method="kmeans")
    assert (groups.labels[:2_000] >= 0).all()
    assert len(groups.outliers) >= 20 - len(groups)  # all that aren't the last of their group


def test_very_many_tiny_groups():
    pairs = np.repeat(np.random.default_rng(3).normal(size=(100, 32)), 3, axis=0)
    vectors = pairs + np.random.default_rng(4).normal(scale=0.01, size=pairs.shape)
    groups = sound(grouped(numbered_space(vectors), n_clusters=100))
    assert groups.sizes.tolist() == [3] * 100


def test_points_that_are_all_alike():
    alike = numbered_space(np.ones((40, 3)))
    groups = grouped(alike)
    assert groups.sizes.tolist() == [40]
    assert np.isnan(groups.stability).all()
    assert groups.tree.shape == (0, 4)
    with pytest.raises(InputError, match="n_clusters must be at most 1, the number of points with distinct directions"):
        grouped(alike, n_clusters=2)


def test_points_of_the_same_direction_are_one_point():
    lengths = numbered_space(np.outer(2.0 ** np.arange(10), [1, 2, 3]))
    assert len(grouped(lengths)) == 1
    sound(grouped(numbered_space(np.outer(np.linspace(1, 2, 40), [1, 2, 3]))))  # nearly so, to rounding
    both = numbered_space([[1, 3], [2, 6], [4, 12], [3, 1], [6, 2], [1.5, 0.5]])
    rows, place, counts = distinct_rows(both.vectors)
    assert sorted(rows.tolist()) == [0, 3]
    assert counts.tolist() == [3, 3]
    assert rows[place].tolist() == [0, 0, 0, 3, 3, 3]
    assert grouped(both, n_clusters=2).labels.tolist() in ([0, 0, 0, 1, 1, 1], [1, 1, 1, 0, 0, 0])


@methods
@pytest.mark.parametrize("apart", [1e-7, 1e-6, 1e-5, 1e-4])
def test_points_nearly_alike(method, apart):
    near = numbered_space(np.ones((30, 3)) + np.random.default_rng(0).normal(scale=apart, size=(30, 3)))
    sound(grouped(near, method=method))


def test_points_too_near_to_be_told_apart_are_said_to_be():
    near = numbered_space(np.ones((30, 3)) + np.random.default_rng(0).normal(scale=1e-7, size=(30, 3)))
    with pytest.raises(InputError, match="kmeans finds only 1 groups here, not 9: too many points are nearly the same"):
        grouped(near, n_clusters=9)
    assert [len(grouped(near, n_clusters=9, method=method)) for method in ("leiden", "ward")] == [9, 9]


def test_more_points_than_are_grouped_go_to_their_neighbours(monkeypatch, loose):
    monkeypatch.setattr(ROOM, "MAX_POINTS", 100)
    monkeypatch.setattr(assignment, "_BLOCK_ROWS", 7)
    vectors, kinds = around([80, 60, 40], 8, 0.05)
    groups = sound(grouped(numbered_space(vectors)))
    assert groups.labels.tolist() == kinds.tolist()
    assert len(groups._voters.rows) == 100
    sound(grouped(loose, outliers=0.1))


def test_points_that_were_grouped_keep_their_groups_where_more_are_placed(monkeypatch):
    """Not what their neighbours would vote: a group of one has no neighbour of its own."""
    monkeypatch.setattr(ROOM, "MAX_POINTS", 20)
    vectors = np.random.default_rng(0).normal(size=(30, 8))
    groups = grouped(numbered_space(vectors), method="kmeans", n_clusters=20)
    assert len(groups) == 20


# -- where texts come from --------------------------------------------------------------------------------


def test_texts_may_come_from_a_corpus_in_another_order(blobs):
    space, _ = blobs
    corpus = ss.Corpus.from_texts(space.metadata["text"].to_list()[::-1], ids=space.ids.tolist()[::-1])
    bare = ss.Space.from_vectors(space.ids.tolist(), space.vectors)
    groups = grouped(bare, corpus=corpus, n_clusters=3)
    assert groups.names == ("cat, fur", "sea, ship", "gold, ore")
    assert groups.documents()["text"].to_list() == space.metadata["text"].to_list()


def test_a_corpus_may_have_more_texts_and_columns_than_the_space(blobs):
    space, _ = blobs
    frame = {"id": [*space.ids, "more"], "text": [*space.metadata["text"], "one more"], "year": list(range(61))}
    corpus = ss.Corpus.from_frame(pl.DataFrame(frame), text="text", id="id")
    groups = grouped(space, corpus=corpus)
    assert groups.space.metadata.columns == ["text", "year"]
    assert groups.space.metadata["year"].to_list() == list(range(60))


def test_a_corpus_of_other_texts_is_refused(space, corpus):
    with pytest.raises(InputError, match="no text for point 'cat'"):
        ss.cluster(space, corpus)


@pytest.mark.parametrize("empty", ["", "  ", None])
def test_a_text_may_be_empty(blobs, empty):
    space, kinds = blobs
    texts = [empty, *space.metadata["text"][1:]]
    groups = grouped(numbered_space(space.vectors, {"text": texts}))
    assert groups.labels.tolist() == kinds.tolist()
    assert groups.names == ("cat, fur", "sea, ship", "gold, ore")
    assert groups.documents()["text"][0] == empty


@pytest.mark.parametrize("texts", [[""] * 60, ["🙂🙂 ，。"] * 60, ["the of and"] * 60, ["12 34"] * 60])
def test_texts_without_a_word_still_give_names(blobs, texts):
    groups = sound(grouped(numbered_space(blobs[0].vectors, {"text": texts})))
    assert groups.names == ("group 0", "group 1", "group 2")
    assert groups.quality()["coherence"].null_count() == 3
    assert np.isnan(groups.diversity)


def test_a_column_text_that_holds_no_texts_is_passed_over(blobs):
    groups = grouped(numbered_space(blobs[0].vectors, {"text": list(range(60))}))
    assert groups.names[0].startswith("p00")


# -- what is given is checked -----------------------------------------------------------------------------


def test_what_is_given_is_checked(space, corpus):
    with pytest.raises(InputError, match="cluster takes a Space; got Corpus"):
        ss.cluster(corpus)
    with pytest.raises(InputError, match="the number of groups is n_clusters="):
        ss.cluster(space, 3)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        *(({"n_clusters": k}, "n_clusters must be a whole number of at least 1") for k in (0, 2.0, True, "3")),
        ({"n_clusters": 7}, "n_clusters must be at most 6, the number of points with distinct directions; got 7"),
        *(({"method": m}, "method must be one of hdbscan, kmeans, leiden, ward") for m in ("dbscan", 3)),
        *(({"granularity": g}, "granularity must be a number above 0") for g in (0, -1, float("nan"), "x", 5_000)),
        (
            {"outliers": 1},
            "outliers must be a number of at least 0 and below 1; got 1",
        ),
        *(({"outliers": o}, "outliers must be a number") for o in (-0.1, 2, True, "x", float("nan"))),
        *(({"seed": s}, "seed must be") for s in (-1, 1.5, 2**32)),
        ({"n_clusters": 2, "granularity": 2}, "n_clusters=2 sets the number of groups; leave out granularity=2"),
        ({"bogus": 3}, "the clustering method 'leiden' has no option 'bogus'; it takes resolution"),
        ({"n_init": 3}, "'leiden' has no option 'n_init'"),
        ({"method": "ward", "n_init": 3}, "'ward' has no option 'n_init'; it takes none"),
        ({"n_cluster": 5}, "'leiden' has no option 'n_cluster'; it takes resolution: did you mean 'n_clusters'?"),
        ({"outlier": 0.1}, "did you mean 'outliers'?"),
        ({"granularit": 5}, "did you mean 'granularity'?"),
        ({"resolutoin": 5}, "did you mean 'resolution'?"),
        (
            {"n_clusters": 2, "resolution": 1.0},
            "the clustering method 'kmeans', which is the default where n_clusters is given, has no option",
        ),
        *(({"language": w}, "language must be a list of strings; got") for w in (3, True, 1.5)),
        ({"language": [3]}, "language must hold only strings; item 0 is int: 3"),
        ({"method": "kmeans", "n_init": 0}, "n_init must be a whole number from 1 to"),
        ({"method": "kmeans", "n_init": 10**30}, "n_init must be a whole number from 1 to"),
        ({"method": "hdbscan", "min_cluster_size": 1.5}, "min_cluster_size must be a whole number"),
        *(({"resolution": r}, "resolution must be a number above 0") for r in (0, float("inf"), "x")),
        (
            {"method": "leiden", "n_clusters": 2, "resolution": 1.0},
            "n_clusters and resolution both determine the number of groups",
        ),
        ({"granularity": 2, "resolution": 1.0}, "granularity and resolution both determine the number of groups"),
        *(({"namer": n}, "namer must be a function of keywords and examples; got") for n in (3, "x")),
        ({"seed_words": [["cat"]]}, "seed_words need a space with an encoder"),
        *(({"seed_words": w}, "seed_words must be lists of words") for w in ("cat", {}, [], 3)),
        ({"seed_words": ["cat", "dog"]}, "each of seed_words must be a list of strings; got one string"),
        ({"seed_words": [["cat"], []]}, "each of seed_words must have at least one word; one of them is empty"),
        ({"seed_words": {3: ["cat"]}}, "the names of seed_words must hold only strings"),
        ({"seed_words": {" ": ["cat"]}}, "the names of seed_words must not be empty"),
    ],
)
def test_wrong_input_is_told_in_one_sentence(space, given, said):
    with pytest.raises(InputError) as told:
        grouped(space, **given)
    assert said in str(told.value)
    assert "\n" not in str(told.value)


def test_settings_of_methods():
    assert {name: options_of(name) for name in METHODS} == {
        "leiden": ["resolution"],
        "kmeans": ["n_init"],
        "ward": [],
        "hdbscan": ["min_cluster_size", "min_samples"],
    }


def test_settings_do_what_they_say(loose):
    coarse, fine = (len(grouped(loose, resolution=r)) for r in (0.01, 20.0))
    assert coarse < fine
    assert len(grouped(loose, method="hdbscan", min_cluster_size=1_000)) == 1
    assert grouped(loose, method="kmeans", n_init=1).provenance["made_by"] == "kmeans"


# -- where a point belongs --------------------------------------------------------------------------------


@pytest.mark.parametrize("k", [1, 5, 60])
def test_known_points_keep_their_groups(blobs, k):
    groups = grouped(blobs[0], n_clusters=k)
    assert groups.assign(blobs[0].vectors).tolist() == groups.labels.tolist()
    assert groups.assign(blobs[0].vectors * 3).tolist() == groups.labels.tolist()  # direction decides


def test_a_new_point_goes_where_its_neighbours_are(blobs):
    groups = grouped(blobs[0])
    assert groups.assign(np.eye(8)[[2, 0, 1]]).tolist() == [2, 0, 1]
    assert groups.assign(np.empty((0, 8))).tolist() == []
    assert groups.membership([]).shape == (0, 3)


def test_texts_are_assigned_through_the_encoder(tmp_path, tiny):
    corpus = ss.Corpus.from_texts(["aaaa", "aaab", "zzzz", "zzzy", "aaaa b", "zz zz"])
    groups = grouped(tiny.embed(corpus), n_clusters=2)
    assert groups.assign(corpus.texts.to_list()).tolist() == groups.labels.tolist()
    assert groups.assign([]).tolist() == []
    assert groups.membership(["aaaa"]).argmax() == groups.labels[0]
    with pytest.raises(InputError, match="texts must be a list of strings; got one string, 'aaaa': put it in a list"):
        groups.membership("aaaa")
    with pytest.raises(InputError, match="texts must each have some text; item 1 is empty: leave it out"):
        groups.membership(["aaaa", " "])
    ss.save(groups, tmp_path / "g")
    assert ss.load(tmp_path / "g").assign(corpus.texts.to_list()).tolist() == groups.labels.tolist()


@pytest.mark.parametrize(
    ("vectors", "said"),
    [
        ([[np.nan, 1]], r"the vector \(row 0\) holds NaN"),
        ([[1, 2], [1, 2, 3]], "item 1 has the length 3, and item 0 2"),
        ([[0, 0]], "is all zeros"),
        ([[1, 2, 3]], "must have 2 columns, as this space has; got 3"),
        ([1, 2], "must have two axes"),
        ([["x"]], "must be a matrix of numbers"),
    ],
)
def test_vectors_to_assign_are_checked(space, vectors, said):
    with pytest.raises(InputError, match=said):
        grouped(space, n_clusters=2).assign(vectors)


def test_texts_to_assign_are_checked(space, tiny):
    groups = grouped(space, n_clusters=2)
    for text in ("camel", "a horse and a cart"):
        with pytest.raises(InputError, match="has no encoder"):
            groups.assign([text])
    with pytest.raises(InputError, match="put it in a list"):
        groups.assign("cat")
    with pytest.raises(InputError, match="texts must hold only strings; item 1 is int: 3"):
        groups.assign(["cat", 3])
    with pytest.raises(InputError, match=r"got a Corpus: give its texts, corpus\.texts"):
        groups.assign(ss.Corpus.from_texts(["cat"]))
    with pytest.raises(InputError, match="min_share must be"):
        groups.assign([[1, 2]], min_share=1.5)
    with pytest.raises(InputError, match="min_typicality must be"):
        groups.assign([[1, 2]], min_typicality=-1)
    other = numbered_space(np.eye(3))
    with pytest.raises(InputError, match="must have 2 dimensions, as the clustered ones have; got 3"):
        groups.assign(other)


def test_empty_texts_get_no_group_and_end_nothing(tiny):
    groups = grouped(tiny.embed(ss.Corpus.from_texts(["aaaa", "zzzz"])), n_clusters=2)
    found = groups.assign(["aaaa", " ", "zzzz", "", None, float("nan")])
    assert found.labels.tolist() == [groups.labels[0], -1, groups.labels[1], -1, -1, -1]
    assert found.nearest.tolist() == found.labels.tolist()
    assert found.names == (groups.names[groups.labels[0]], None, groups.names[groups.labels[1]], None, None, None)
    assert found.share.tolist() == pytest.approx([1, 0, 1, 0, 0, 0])
    assert found.typicality[[1, 3, 4, 5]].tolist() == [0] * 4
    table = found.to_frame()
    assert table["text"].to_list() == ["aaaa", " ", "zzzz", "", "", ""]
    assert groups.assign(["", " "]).tolist() == [-1, -1]
    with pytest.raises(InputError, match="has no encoder"):
        grouped(numbered_space(np.eye(4)), n_clusters=2).assign(["a", ""])


@pytest.fixture
def two_hundred():
    """Two groups of 100 directions about the first and the second of four axes."""
    vectors, _ = around([100, 100], 4, 0.1)
    return grouped(numbered_space(vectors), n_clusters=2)


def test_what_is_far_from_all_groups_gets_none(two_hundred):
    first, second = two_hundred.labels[[0, 100]].tolist()
    found = two_hundred.assign([[1, 0, 0, 0], [0, 1, 0, 0], [0, 0, 1, 0], [-1, -1, 0, 1], [0, 0, 0, 1]])
    assert found.labels.tolist() == [first, second, -1, -1, -1]
    assert (found.nearest >= 0).all()  # votes are always for some group, and often for one alone
    assert (found.typicality[:2] > 0.5).all()
    assert found.typicality[2:].tolist() == pytest.approx([1 / 101] * 3)  # less similar than all 100
    assert two_hundred.assign([[0, 0, 1, 0]], min_typicality=0).tolist() == found.nearest[2:3].tolist()


def test_few_of_the_same_kind_are_refused(two_hundred):
    more = around([500, 500], 4, 0.1, seed=2)[0]
    assert 0.01 < (two_hundred.assign(more).labels < 0).mean() < 0.12  # 5 % expected
    assert two_hundred.assign(two_hundred.space.vectors).tolist() == two_hundred.labels.tolist()


def test_between_two_groups_the_share_is_low(two_hundred):
    between, inside = [[1, 1, 0, 0]], [[1, 0, 0, 0]]
    share = two_hundred.assign(between, min_typicality=0).share[0]
    assert 0.4 < share < 0.9
    assert two_hundred.assign(between, min_share=0.95, min_typicality=0).tolist() == [-1]
    assert two_hundred.assign(inside, min_share=0.95).share.tolist() == pytest.approx([1])


def test_typicality_by_hand():
    """Of three documents with similarities 0.1, 0.2 and 0.3, a text of 0.2 is as near as two: 3 of 4 with itself."""
    members = [np.float32([0.1, 0.2, 0.3]), np.float32([0.9])]
    nearness, groups = np.float32([0.05, 0.1, 0.2, 0.9, 0.3, 0.9, 0.5]), np.int32([0, 0, 0, 0, 1, 1, -1])
    assert typicality(nearness, groups, members).tolist() == [1 / 4, 2 / 4, 3 / 4, 1, 1 / 2, 1, 0]


def test_nearness_by_hand():
    """Cosines of three points at right angles and one between the first two; a point doesn't count for itself."""
    vectors = np.float32([[1, 0, 0], [0, 1, 0], [0, 0, 1], [1, 1, 0]])
    points = distinct_points(vectors, np.arange(4), np.ones(4, np.int64))
    half = 0.5**0.5
    of_new = mean_cosines(np.float32([[2, 0, 0]]), vectors, np.array([[3, 1, 2, 0]]))
    np.testing.assert_allclose(of_new, [(1 + 0 + 0 + half) / 4], rtol=1e-6)
    of_some = mean_cosines(np.float32([[2, 0, 0], [1, 0, 0]]), vectors, np.array([[3, -1, 2, -1], [-1] * 4]))
    np.testing.assert_allclose(of_some, [half / 2, 0], rtol=1e-6)
    sorted_by_group = member_nearness(points, vectors, np.int32([0, 0, -1, 0]), 2)
    np.testing.assert_allclose(sorted_by_group[0], [half / 3, half / 3, 2 * half / 3], rtol=1e-6)
    assert sorted_by_group[1].shape == (0,)


def test_with_few_documents_nothing_is_called_unusual():
    groups = grouped(numbered_space(around([19, 19], 4, 0.1)[0]), n_clusters=2)
    assert (groups.assign([[0, 0, 1, 0], [0, 0, 0, -1]]).labels >= 0).all()


def test_an_assignment_works_as_an_array(two_hundred):
    found = two_hundred.assign([[1, 0, 0, 0], [0, 0, 1, 0], [0, 1, 0, 0]])
    labels = found.labels.tolist()
    assert list(found) == [found[0], found[1], found[2]] == found.tolist() == labels
    assert found[1:].tolist() == labels[1:]
    assert len(found) == 3
    assert np.asarray(found).dtype == np.int32
    assert (found == labels).tolist() == [True] * 3
    assert (found != labels).tolist() == [False] * 3
    assert (np.array([5, -1, 5]) == np.asarray(found)).tolist() == [False, True, False]
    assert np.bincount(found[found.labels >= 0]).sum() == 2
    assert str(found) == str(found.labels)
    with pytest.raises(ValueError, match="read-only"):
        found.labels[0] = 0


def test_a_stability_of_one_beside_one_that_is_unknown_has_its_digits(two_hundred):
    unknown = np.array([1.0, np.nan])
    assert "1.000" in repr(dataclasses.replace(two_hundred.coarsen(2), stability=unknown))


def test_an_assignment_as_a_table(two_hundred):
    vectors = np.float32([[1, 0, 0, 0], [0, 0, 1, 0]])
    found = two_hundred.assign(ss.Space.from_vectors(["in", "<b>out"], vectors))
    table = found.to_frame()
    assert table.columns == ["id", "group", "name", "share", "typicality", "nearest_name"]
    assert table["id"].to_list() == ["in", "<b>out"]
    assert table["name"].to_list() == [two_hundred.names[found[0]], None]
    assert table["nearest_name"][1] == two_hundred.names[found.nearest[1]]
    assert "Assignment of 2 points, 1 to no group" in repr(found)
    assert "&lt;b&gt;out" in found._repr_html_()
    assert two_hundred.assign(vectors).to_frame().columns == table.columns[1:]
    assert two_hundred.assign(np.empty((0, 4))).to_frame().height == 0
    assert "the first 20 are shown" in repr(two_hundred.assign(two_hundred.space))


def test_the_old_name_of_assign_warns(two_hundred):
    with pytest.warns(FutureWarning, match="assign_vectors"):
        assert two_hundred.assign_vectors([[1, 0, 0, 0]]).tolist() == [two_hundred.labels[0]]


def test_votes_by_hand():
    """Cosines 0.5 and 0: distances 1/2 and 1, so votes of 4 and 1."""
    np.testing.assert_allclose(vote_weights(np.float32([[0.5, 0.0, -np.inf]])), [[4, 1, 0]])
    labels, rows, scores = np.int32([0, 1, -1]), np.array([[0, 1], [1, 2]]), np.float32([[0.5, 0.0], [0.0, 0.5]])
    np.testing.assert_allclose(vote_shares(labels, rows, scores, 2), [[0.8, 0.2, 0], [0, 0.2, 0.8]])
    votes = count_votes(labels, None, rows, scores, 2)
    assert votes.first.tolist() == [0, -1]
    assert votes.second.tolist() == [1, 1]
    np.testing.assert_allclose(votes.share, [0.8, 0.8])
    np.testing.assert_allclose(votes.mean_cosine, [0.25, 0.25])  # over both neighbours
    own = count_votes(labels, np.int32([1, 1]), rows, scores, 2)
    assert own.first.tolist() == [0, -1]
    assert own.second.tolist() == [0, -1]
    np.testing.assert_allclose(own.share, [0.2, 0.2])


def test_votes_of_nobody():
    votes = count_votes(np.int32([0]), None, np.empty((0, 1), np.int64), np.empty((0, 1), np.float32), 1)
    assert len(votes.first) == len(votes.share) == 0


def test_where_a_group_ends_documents_are_on_the_border():
    angles = np.radians([0, 2, 4, 6, 8, 40, 82, 84, 86, 88, 90])
    groups = grouped(numbered_space(np.stack([np.cos(angles), np.sin(angles)], axis=1)), n_clusters=2)
    border = groups.borderline(n=3)
    assert border["membership"].is_sorted()
    assert border["membership"].to_list() == sorted(groups.documents()["membership"])[:3]
    assert groups.documents()["membership"][0] > 0.99
    assert set(groups.borderline(0)["group"]) == {0}
    with pytest.raises(InputError, match="group must be a whole number from 0 to 1"):
        groups.borderline(2)
    with pytest.raises(InputError, match="n must be a whole number of at least 1"):
        groups.borderline(n=0)


@pytest.mark.parametrize("group", [-1, 3, 1.5, "0", None, True])
def test_group_numbers_are_checked(blobs, group):
    groups = grouped(blobs[0])
    for ask in (groups.members, groups.representative, groups.split):
        with pytest.raises(InputError, match="group must be a whole number from 0 to 2"):
            ask(group)


def test_members_come_nearest_first_and_representatives_are_unlike():
    space = numbered_space([[1, 0], [1, 0.001], [1, 0.5], [1, -0.5]])
    groups = grouped(space, n_clusters=1)
    assert set(groups.members(0)[:2]) == {"p0000", "p0001"}
    assert set(groups.representative(0, 3)) & {"p0002", "p0003"}
    assert len(groups.representative(0, 100)) == 4
    with pytest.raises(InputError, match="n must be a whole number of at least 1"):
        groups.representative(0, 0)


# -- how sure ---------------------------------------------------------------------------------------------


def test_jaccard_by_hand():
    labels, again = np.array([0, 0, 0, 1], np.int32), np.array([1, 1, 0, 0], np.int32)
    # Group 0 against {0, 1}: 2/3; group 1 against {2, 3}: 1/2.
    np.testing.assert_allclose(best_jaccard(labels, again, 2), [2 / 3, 1 / 2])


def test_stability_by_hand():
    """A method that finds group 0 again, and splits group 1 into single points."""
    labels = np.int32([0] * 15 + [1] * 15)

    def again(rows, _):
        return np.where(rows < 15, 0, rows).astype(np.int32)

    held = stability(Grouping(labels, one_by_one(again)), labels, 2, rounds=10, seed=0, progress=False)
    assert held[0] == 1
    sizes = [(np.random.default_rng(0).choice(30, 24, replace=False) >= 15).sum()]
    assert 1 / 15 <= held[1] <= 1 / 9  # of 9 to 15 points of the group, one
    first = stability(Grouping(labels, one_by_one(again)), labels, 2, rounds=1, seed=0, progress=False)
    np.testing.assert_allclose(first, [1, 1 / sizes[0]])


@pytest.mark.parametrize(
    ("sizes", "measured"),
    [
        ([20, 10], [True, True]),
        ([20, 9], [False, False]),  # 29 in all
        ([21, 9], [True, False]),
        ([40], [False]),  # a single group comes back in every sample
        ([9] * 5, [False] * 5),
    ],
)
def test_stability_of_few_points_is_unknown(sizes, measured):
    labels = np.repeat(np.arange(len(sizes), dtype=np.int32), sizes)
    perfect = Grouping(labels, one_by_one(lambda rows, _: labels[rows]))
    held = stability(perfect, labels, len(sizes), rounds=3, seed=0, progress=False)
    np.testing.assert_array_equal(held, np.where(measured, 1.0, np.nan))


@pytest.mark.parametrize(
    ("vectors", "n_clusters", "said"),
    [
        (np.eye(6), 2, "stability not measured: too few documents to tell"),
        (np.random.default_rng(0).normal(size=(40, 3)), 1, "stability not measured: one group"),
    ],
)
def test_unknown_stability_is_explained(tmp_path, vectors, n_clusters, said):
    groups = grouped(numbered_space(vectors), n_clusters=n_clusters)
    assert np.isnan(groups.stability).all()
    for shown in (repr(groups), groups._repr_html_()):
        assert said in shown
        assert "nan" not in shown
        assert "unreliable" not in shown
    assert groups.quality()["stability"].null_count() == n_clusters
    groups.to_html(tmp_path / "page.html")
    assert "nan" not in (tmp_path / "page.html").read_text().lower().replace("nanum", "")


def test_small_groups_among_large_ones_are_named(blobs):
    space = blobs[0]
    rows = np.r_[np.flatnonzero(blobs[1] < 2), np.flatnonzero(blobs[1] == 2)[:6]]
    groups = grouped(space.select(space.ids[rows].tolist()), n_clusters=3)
    assert groups.sizes.tolist() == [30, 20, 6]
    assert np.isnan(groups.stability).tolist() == [False, False, True]
    assert f"too few documents to tell the stability: {groups.names[2]}" in repr(groups)
    merged = groups.merge([0, 1])  # its stability is unknown for another reason
    assert f"too few documents to tell the stability: {groups.names[2]}" in repr(merged)


def test_stability_leaves_out_what_has_no_group():
    labels = np.int32([0] * 10 + [-1] * 20 + [1] * 10)
    perfect = Grouping(labels, one_by_one(lambda rows, _: labels[rows]))
    assert stability(perfect, labels, 2, rounds=5, seed=0, progress=False).tolist() == [1, 1]
    nearly_none = np.full(40, -1, np.int32)
    nearly_none[[0, 1]] = [0, 1]
    held = stability(perfect, nearly_none, 2, rounds=10, seed=0, progress=False)
    assert ((held >= 0) & (held <= 1) | np.isnan(held)).all()
    only_out = stability(perfect, np.where(labels == 1, 1, -1).astype(np.int32), 2, rounds=5, seed=0, progress=False)
    assert np.isnan(only_out[0])


def test_too_few_points_to_tell_whether_groups_hold():
    groups = grouped(numbered_space(np.eye(5)), n_clusters=5)
    assert np.isnan(groups.stability).all()
    assert "nan" not in repr(groups)
    assert groups.to_frame()["holds"].null_count() == 5
    assert "unreliable" not in repr(groups)


def test_groups_that_do_not_hold_are_marked():
    noise = numbered_space(np.random.default_rng(0).normal(size=(200, 16)))
    groups = grouped(noise, method="kmeans", n_clusters=20)
    weak = groups.stability < 0.5
    assert weak.any()
    unknown = np.isnan(groups.stability)
    assert groups.to_frame()["holds"].to_list() == [None if u else not w for u, w in zip(unknown, weak, strict=True)]
    assert "unreliable, as rarely found again in samples (stability below 0.5): " in repr(groups)
    assert "unreliable, as rarely found again" in groups._repr_html_()


# -- the parts --------------------------------------------------------------------------------------------


def test_hashes_follow_directions():
    vectors = np.float32([[1, 0.0], [1, -0.0], [2, 0], [-1, 0], [0, 1], [1, 1e-3]])
    first, second, third, *others = direction_hashes(vectors).tolist()
    assert first == second == third
    assert len({first, *others}) == 4
    # The order of points, and so the groups, are those of earlier versions.
    assert direction_hashes(np.float32([[3, -4], [0, 1]])).tolist() == [7685616872379151412, 11801748641086685663]
    assert direction_hashes(vectors[::-1]).tolist() == direction_hashes(vectors).tolist()[::-1]


def test_a_point_in_the_very_middle_has_no_direction():
    moved = centered(np.float32([[1, 0], [0.6, 0.8]]), np.float32([1, 0]))
    np.testing.assert_allclose(moved, [[0, 0], [-0.4472136, 0.8944272]], atol=1e-6)
    symmetric = numbered_space([[1, 0, 1], [-1, 0, 1], [0, 1, 1], [0, -1, 1], [0, 0, 1]])
    for method in METHODS:
        sound(grouped(symmetric, method=method))


def test_nearest_of_all_pairs_by_hand():
    """Points on a circle; of two that are equally near, the first."""
    angles = np.deg2rad([0, 10, 350, 90, 85])
    rows, cosines = nearest_of_all_pairs(np.float32(np.stack([np.cos(angles), np.sin(angles)], axis=1)), 2)
    assert rows.tolist() == [[1, 2], [0, 2], [0, 1], [4, 1], [3, 1]]
    np.testing.assert_allclose(cosines, np.cos(np.deg2rad([[10, 10], [10, 20], [10, 20], [5, 80], [5, 75]])), atol=1e-6)


@pytest.mark.parametrize("quick", [True, False])
@given(st.integers(2, 60), st.integers(1, 8), st.integers(0, 99))
def test_nearest_of_all_pairs_are_those_of_a_sort(quick, n, k, seed):
    n *= 1 if not quick else 8
    vectors = np.random.default_rng(seed).integers(-2, 3, (n, 3)).astype(np.float32)  # with zeros and copies
    k = min(k, n - 1)
    cosines = vectors @ vectors.T
    np.fill_diagonal(cosines, -np.inf)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(all_pairs, "_TILE", byte_cosines.STEP if quick else 8)
        patch.setattr(all_pairs, "ARE_QUICK", quick)
        rows, found = nearest_of_all_pairs(vectors / np.float32(16), k)  # within [-1, 1], and exact
    assert (np.sort(cosines, axis=1)[:, ::-1][:, :k] / 256 == found).all()
    assert (np.take_along_axis(cosines, rows, axis=1) / 256 == found).all()
    assert all(len(set(row)) == k for row in rows.tolist())


def directions(n, dim, decay=1.0, seed=0):
    """Return unit vectors with less and less variance along their axes, half of them near another, and zeros."""
    draw = np.random.default_rng(seed)
    vectors = draw.normal(size=(n, dim)) * decay ** np.arange(dim)
    vectors[: n // 2] = vectors[n // 2 : n // 2 * 2] + 0.1 * vectors[: n // 2]
    vectors[5] = 0
    return centered(vectors.astype(np.float32), np.zeros(dim, np.float32))


@pytest.mark.parametrize(("n", "dim", "decay"), [(1_700, 80, 0.96), (1_700, 80, 1.0), (900, 770, 0.99), (1_154, 3, 1)])
def test_nearest_of_all_pairs_in_bytes_are_those_of_floats(n, dim, decay):
    vectors = directions(n, dim, decay)
    cosines = vectors.astype(np.float64) @ vectors.T
    np.fill_diagonal(cosines, -np.inf)
    for quick in (True, False):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(all_pairs, "_TILE", 2 * byte_cosines.STEP)
            patch.setattr(all_pairs, "ARE_QUICK", quick)
            rows, found = nearest_of_all_pairs(vectors, 12)
            with limited(1):
                again = nearest_of_all_pairs(vectors, 12)
        assert (again[0] == rows).all()
        assert (again[1] == found).all()
        np.testing.assert_allclose(found, np.sort(cosines, axis=1)[:, :-13:-1], atol=3e-6)
        np.testing.assert_allclose(np.take_along_axis(cosines, rows, axis=1), found, atol=3e-6)
        assert all(len({*row} - {i}) == 12 for i, row in enumerate(rows.tolist()))


@pytest.mark.parametrize(("left", "right", "seen"), [(0.0, 0.0, False), (0.03, 0.0, True), (0.0, 0.03, True)])
def test_the_slack_of_either_side_lets_a_pair_be_seen(left, right, seen):
    """Of points 0 and 1 in one tile, 2 and 3 in another, 1 and 2 are nearer than their bytes say, by 0.02."""
    vectors = np.float32([[1, 0], [0.6, 0.8], [0.8, 0.6], [0, 1]])
    rows, cosines, least = np.full((4, 1), 9), np.full((4, 1), 0.95, np.float32), np.full(4, 0.95, np.float32)
    slack = np.float32([0, left, 0, 0]), np.float32([0, 0, right, 0])
    products = np.float32([[0.5, 0.0], [0.94, 0.5]])
    flags = np.ones(8, np.uint8)
    all_pairs._keep_nearest(products, 2, 2, 0, 2, False, *slack, vectors, rows, cosines, least, flags)
    assert rows.ravel().tolist() == ([9, 2, 1, 9] if seen else [9, 9, 9, 9])
    assert least.tolist() == pytest.approx([0.95, 0.96, 0.96, 0.95] if seen else [0.95] * 4)


@given(st.integers(1, 300), st.integers(1, 130), st.integers(0, 99), st.sampled_from([1.0, 0.8]))
def test_cosines_of_bytes_are_off_by_their_slack_at_most(n, dim, seed, decay):
    vectors = directions(max(n, 6), dim, decay, seed)
    products = ByteCosines.of(vectors)
    step = byte_cosines.STEP
    assert all_pairs._TILE % step == 0
    out = aligned_zeros((step + ROWS, step), np.float32)
    exact = vectors.astype(np.float64) @ vectors.T
    for start in range(0, len(vectors), step):
        for left in range(0, len(vectors), step):
            tile, other = slice(start, min(start + step, len(vectors))), slice(left, min(left + step, len(vectors)))
            products.multiply(tile, other, out)
            slack = products.left_slack[tile, None] + products.right_slack[other]
            off = np.abs(out[: tile.stop - start, : other.stop - left] - exact[tile, other])
            assert (off <= slack).all()
            assert off.max() > 0 or dim < 3


def test_neighbours_are_linked_twice_as_heavily_where_both_say_so():
    graph = KnnGraph.from_neighbors(np.array([[1], [0], [1]]), np.float32([[0.5], [0.5], [0.25]]))
    np.testing.assert_allclose(graph.weights.todense(), [[0, 1, 0], [1, 0, 0.25], [0, 0.25, 0]], rtol=1e-5)
    assert len(graph.subgraph(np.array([0, 2]))) == 2
    assert graph.subgraph(np.array([0, 2])).weights.nnz == 0


def test_modularity_by_hand():
    """Two pairs: all of the weight within, and each has half of the ends."""
    pairs = KnnGraph.from_neighbors(np.array([[1], [0], [3], [2]]), np.ones((4, 1), np.float32))
    assert pairs.modularity(np.array([0, 0, 1, 1]), 1.0) == pytest.approx(1 - 0.5)
    assert pairs.modularity(np.array([0, 0, 0, 0]), 1.0) == pytest.approx(0)
    assert pairs.modularity(np.array([0, 1, 2, 3]), 1.0) == pytest.approx(-0.25)
    unlinked = KnnGraph.from_neighbors(np.full((2, 1), -1), np.zeros((2, 1), np.float32))
    assert unlinked.modularity(np.array([0, 1]), 1.0) == 0


def test_no_two_links_weigh_the_same():
    rows = np.array([[1, 2], [0, 2], [0, 1], [4, 5], [3, 5], [3, 4]])
    links = KnnGraph.from_neighbors(rows, np.ones((6, 2), np.float32)).weights
    assert len(np.unique(links.data)) == links.nnz // 2
    assert abs(links - links.T).max() == 0


def test_links_of_equal_weight_do_not_run_forever():
    """Where gains are equal, NetworKit's Leiden moves points to and fro; about every third of these made it hang."""
    code = """if True:
        from functools import partial
        import numpy as np
        from semspace.clusters import networkit_jobs
        from semspace.clusters.knn_graph import KnnGraph
        for seed in range(12):
            draw = np.random.default_rng(seed)
            n, sides, k = int(draw.integers(20, 80)), int(draw.integers(1, 4)), 7
            side = draw.integers(0, sides, n)
            rows = []
            for i in range(n):
                order = np.argsort(side != side[i], kind="stable")
                rows.append(order[order != i][:k])
            graph = KnnGraph.from_neighbors(np.array(rows), np.ones((n, k), np.float32))
            some = graph.subgraph(np.sort(draw.choice(n, int(n * 0.8), replace=False)))
            for one in (graph, some):
                resolutions = (0.05, 0.3, 1, 1.5, 1.97, 2.56, 3.3, 4, 6, 10, 30)
                list(networkit_jobs.results((partial(one.communities, at) for at in resolutions), seed=seed))
    """
    root = Path(__file__).parent.parent
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60, cwd=root)


@pytest.mark.parametrize("are_long", [True, False])
def test_ctrl_c_while_networkit_works_leaves_the_process_alive(are_long):
    """NetworKit's own handler ended the process where Ctrl-C came at certain moments (11.3)."""
    code = (
        f"are_long = {are_long}"
        + """
if True:
        import os, signal, threading
        from functools import partial
        import numpy as np
        from semspace.clusters import networkit_jobs
        from semspace.clusters.knn_graph import KnnGraph
        draw = np.random.default_rng(0)
        n, k = 3_000, 15
        graph = KnnGraph.from_neighbors(draw.integers(0, n, (n, k)), draw.random((n, k), np.float32))

        def found():
            return [labels.tolist() for labels in networkit_jobs.results(
                (partial(graph.communities, at) for at in (1, 2, 3)), seed=5, are_long=are_long)]

        expected = found()
        for turn in range(8):
            timer = threading.Timer(0.02 + 0.03 * turn, os.kill, (os.getpid(), signal.SIGINT))
            try:
                timer.start()
                while True:
                    assert found() == expected
            except KeyboardInterrupt:
                timer.join()
        assert found() == expected
        assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    """
    )
    root = Path(__file__).parent.parent
    subprocess.run([sys.executable, "-c", code], check=True, timeout=120, cwd=root)


def test_groups_found_at_the_same_time_are_those_found_alone(loose):
    """NetworKit has one seed for the whole process."""
    alone = [grouped(loose, seed=seed).labels.tolist() for seed in range(4)]
    with ThreadPoolExecutor(4) as executor:
        together = executor.map(lambda seed: grouped(loose, seed=seed).labels.tolist(), range(4))
    assert list(together) == alone


@pytest.mark.parametrize("n_clusters", [None, 7])
def test_groups_do_not_depend_on_the_number_of_threads(loose, n_clusters):
    one, many = (grouped(loose, threads=threads, n_clusters=n_clusters) for threads in (1, 4))
    assert one.labels.tolist() == many.labels.tolist()
    np.testing.assert_array_equal(one.stability, many.stability)


@pytest.mark.parametrize(("k", "n_init"), [(3, 1), (3, 5), (12, 4)])
def test_k_means_is_that_of_scikit_learn(loose, k, n_init):
    """It runs the initialisations one at a time, for the progress bar."""
    vectors = distinct_points(loose.vectors, *distinct_rows(loose.vectors)[::2]).vectors
    theirs = KMeans(k, n_init=n_init, random_state=3).fit(vectors).labels_
    assert k_means(vectors, k, 3, n_init).tolist() == renumbered(theirs).tolist()


def test_groups_are_numbered_by_first_appearance():
    assert renumbered(np.array([7, 7, 2, 9, 2])).tolist() == [0, 0, 1, 2, 1]


def test_merges_end_with_exactly_as_many_groups():
    """At equal heights too, where SciPy's fcluster gives fewer."""
    same = average_linkage(np.ones((6, 3), np.float32))
    assert [int(cut_linkage(same, k).max()) + 1 for k in range(1, 7)] == [1, 2, 3, 4, 5, 6]
    line = average_linkage(np.float32([[1, 0], [1, 0.1], [0, 1], [-1, 0.1], [-1, 0]]))
    assert cut_linkage(line, 3).tolist() == [0, 0, 1, 2, 2]
    assert len(set(top_nodes(line, 5).tolist())) == 5
    assert cut_linkage(np.empty((0, 4)), 1).tolist() == [0]


def test_merging_leaves_fewer_groups_alone():
    labels = np.int32([0, 1])
    assert merge_to(np.eye(2, dtype=np.float32), labels, 3) is labels


# -- edited by hand ---------------------------------------------------------------------------------------


def test_layers_merge_the_nearest(blobs):
    vectors, _ = blobs[0].vectors, blobs[1]
    leaning = vectors + np.where((np.arange(60) >= 30)[:, None], np.eye(8)[7] * 2, 0)  # the last two lie nearer
    groups = grouped(numbered_space(leaning, {"text": blobs[0].metadata["text"].to_list()}), n_clusters=3)
    two = sound(groups.coarsen(2))
    assert sorted(two.sizes.tolist()) == [30, 30]
    assert "cat, fur" in two.names
    assert np.isnan(two.stability).sum() == 1  # the merged one
    assert groups.coarsen(3).names == groups.names
    assert groups.coarsen(3).stability.tolist() == groups.stability.tolist()
    for k in (0, 4, 1.5):
        with pytest.raises(InputError, match="n_clusters must be a whole number from 1 to 3"):
            groups.coarsen(k)


def test_each_layer_lies_within_the_one_above(loose):
    groups = grouped(loose, n_clusters=9)
    for k in range(1, 9):
        fine, coarse = groups.coarsen(k + 1).labels, groups.coarsen(k).labels
        assert len(set(coarse.tolist())) == k
        assert len(set(zip(fine.tolist(), coarse.tolist(), strict=True))) == k + 1


def test_merged_groups_stand_at_the_place_of_the_lowest(blobs):
    groups = grouped(blobs[0])
    merged = sound(groups.merge([2, 0], name="pets and mines"))
    assert merged.names == ("pets and mines", "sea, ship")
    assert merged.sizes.tolist() == [40, 20]
    assert merged.stability[1] == groups.stability[1]
    assert np.isnan(merged.stability[0])
    assert merged.provenance["edited"] == ["merged to 2"]
    assert groups.sizes.tolist() == [30, 20, 10]  # the first is as it was


def test_merged_down_to_one_and_split_again(blobs):
    groups = grouped(blobs[0])
    one = sound(groups.merge([0, 1, 2]))
    assert len(one) == 1
    assert one.coarsen(1).sizes.tolist() == [60]
    again = sound(one.split(0, 3))
    assert again.labels.tolist() == groups.labels.tolist()
    assert again.names == groups.names


def test_a_split_group_keeps_its_place_with_its_largest_part(blobs):
    groups = grouped(blobs[0]).merge([0, 2], name="both")
    apart = sound(groups.split(0))
    assert apart.sizes.tolist() == [30, 20, 10]
    assert apart.names[1] == groups.names[1]
    single = sound(grouped(blobs[0]).split(2, 10))
    assert single.sizes.tolist() == [30, 20, *[1] * 10]
    for k, said in [
        (11, "group 2 has 10 distinct points, so it can't be split into 11"),
        (1, "n_clusters must be"),
        (2.5, "n_clusters"),
    ]:
        with pytest.raises(InputError, match=said):
            grouped(blobs[0]).split(2, k)


def test_outliers_stay_outside_when_groups_are_edited(blobs):
    groups = grouped(blobs[0], outliers=0.1)
    assert len(groups.outliers) == 6
    for edited in (groups.merge([0, 1]), groups.split(0, 2), groups.coarsen(1), groups.rename({0: "x"})):
        assert sound(edited).outliers == groups.outliers


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ([], "merge needs at least two different groups; got []"),
        ([1, 1], "merge needs at least two different groups; got [1, 1]"),
        (3, "groups must be a list of group numbers, such as [0, 3]; got 3"),
        ([0, 3], "each of groups must be a whole number from 0 to 2; got 3"),
        ("01", "each of groups must be a whole number from 0 to 2; got '0'"),
    ],
)
def test_what_is_merged_is_checked(blobs, given, said):
    with pytest.raises(InputError) as told:
        grouped(blobs[0]).merge(given)
    assert str(told.value) == said


def test_groups_are_renamed(blobs):
    groups = grouped(blobs[0])
    assert groups.rename({1: " ships "}).names == ("cat, fur", "ships", "gold, ore")
    swapped = groups.rename({0: groups.names[1], 1: groups.names[0]})
    assert swapped.names == ("sea, ship", "cat, fur", "gold, ore")
    assert swapped.documents()["name"][0] == "sea, ship"
    assert "<script>" not in groups.rename({0: "<script>alert(1)</script>"})._repr_html_()


@pytest.mark.parametrize(
    ("names", "said"),
    [
        ({0: "gold, ore"}, "two groups would be called 'gold, ore'; names must be distinct"),
        (["a"], "rename takes names by group, such as {0: 'football'}; got list"),
        ({0: None}, "a group's name must be a string with some text; got None"),
        ({0: " "}, "a group's name must be a string with some text; got ' '"),
        ({"0": "a"}, "group must be a whole number from 0 to 2; got '0'"),
        ({9: "a"}, "group must be a whole number from 0 to 2; got 9"),
        ({0: "a\ud800"}, "a group's name must be valid Unicode; 'a\\ud800' contains a lone surrogate"),
    ],
)
def test_names_that_are_given_are_checked(blobs, names, said):
    with pytest.raises(InputError) as told:
        grouped(blobs[0]).rename(names)
    assert str(told.value) == said


def test_a_merged_group_may_take_the_name_of_its_parts_alone(blobs):
    groups = grouped(blobs[0])
    assert groups.merge([0, 1], name=groups.names[1]).names == ("sea, ship", "gold, ore")
    with pytest.raises(InputError, match="two groups would be called 'gold, ore'"):
        groups.merge([0, 1], name="gold, ore")
    with pytest.raises(InputError, match="a group's name must be a string"):
        groups.merge([0, 1], name="")


def test_a_name_given_by_hand_does_not_give_way_to_one_made_of_words(blobs):
    groups = grouped(blobs[0]).rename({2: "cat, fur, sea"})
    assert groups.merge([0, 1]).names[1] == "cat, fur, sea"


def test_edited_groups_load_as_they_were(tmp_path, blobs):
    groups = grouped(blobs[0], outliers=0.05)
    edited = groups.split(0, 3).rename({0: "é <b>", 1: "猫"}).merge([2, 3])
    ss.save(edited, tmp_path / "g")
    again = sound(ss.load(tmp_path / "g"))
    assert again.names == edited.names
    assert again.to_frame().equals(edited.to_frame())
    assert again.documents().equals(edited.documents())
    assert again.provenance["edited"] == ["split 0 into 3", "merged to 4"]


# -- more points ------------------------------------------------------------------------------------------


def newcomers(vectors, words="a cat with fur"):
    ids = [f"new {i}" for i in range(len(vectors))]
    return ss.Space.from_vectors(ids, np.asarray(vectors, np.float32), {"text": [words] * len(vectors)})


def test_new_points_go_where_their_neighbours_are(blobs):
    groups = grouped(blobs[0])
    more = sound(groups.update(newcomers(np.eye(8)[[0, 2]] + 0.01)))
    assert more.labels[-2:].tolist() == [0, 2]
    assert more.names == groups.names
    assert more.labels[:60].tolist() == groups.labels.tolist()
    assert more.provenance["updated_with"] == [2]
    assert more.update(ss.Space.from_vectors(["x"], np.eye(8)[:1], {"text": ["a"]})).provenance["updated_with"] == [
        2,
        1,
    ]


@pytest.mark.parametrize("noise", [0.05, 0.0])
def test_new_points_far_from_all_groups_make_their_own(tmp_path, blobs, noise):
    groups = grouped(blobs[0])
    far = -np.ones((25, 8)) + np.random.default_rng(0).normal(scale=noise, size=(25, 8))
    more = sound(groups.update(newcomers(far, "the moon in orbit")))
    assert more.names == (*groups.names, "moon, orbit")
    assert more.sizes.tolist() == [30, 20, 10, 25]
    assert np.isnan(more.stability[3])
    assert more.provenance["k"] == 4
    ss.save(more, tmp_path / "g")
    assert ss.load(tmp_path / "g").assign(far).tolist() == [3] * 25


def test_a_few_new_points_make_no_group(blobs):
    more = sound(grouped(blobs[0]).update(newcomers(-np.ones((9, 8)))))
    assert len(more) == 3


def test_very_many_newcomers_that_are_the_same_stay_together(blobs):
    draw = np.random.default_rng(0)
    far = np.vstack([np.tile(-np.ones(8), (500, 1)), -np.ones((40, 8)) + draw.normal(scale=0.3, size=(40, 8))])
    more = sound(grouped(blobs[0]).update(newcomers(far)))
    assert len(set(more.labels[60:560].tolist())) == 1


def test_copies_of_known_points_go_where_these_are(blobs):
    vectors = np.vstack([blobs[0].vectors, np.eye(8)[[7]]])
    groups = grouped(numbered_space(vectors, {"text": ["a cat"] * 61}))
    more = sound(groups.update(newcomers(np.tile(vectors[-1], (20, 1)))))
    assert set(more.labels[61:].tolist()) == {int(groups.labels[60])}


def test_columns_that_new_points_lack_are_null(blobs):
    years = blobs[0].metadata.with_columns(year=pl.lit(1990))
    groups = grouped(dataclasses.replace(blobs[0], metadata=years))
    more = groups.update(newcomers(np.eye(8)[[0, 2]] + 0.01))
    assert more.space.metadata["year"].to_list() == [1990] * len(years) + [None, None]


def test_updates_are_checked(blobs):
    groups, vector = grouped(blobs[0]), np.eye(8)[:1]
    with pytest.raises(InputError, match="update takes a Space with the new points; got list"):
        groups.update([1])
    with pytest.raises(InputError, match="the space already has 'p0000'"):
        groups.update(blobs[0])
    with pytest.raises(InputError, match="must come with their texts, in a column text"):
        groups.update(ss.Space.from_vectors(["q"], vector))
    with pytest.raises(InputError, match="must come with their texts, in a column text"):
        groups.update(ss.Space.from_vectors(["q"], vector, {"year": [1]}))
    with pytest.raises(InputError, match="must have 8 columns, as this space has; got 3"):
        groups.update(newcomers(np.eye(3)[:1]))
    extra = ss.Space.from_vectors(["q"], vector, {"text": [None], "year": [1]}).metadata.with_columns(
        pl.col("text").cast(pl.String)
    )
    assert len(groups.update(ss.Space.from_vectors(["q"], vector, extra)).space) == 61


def test_a_space_without_texts_is_updated_too(space):
    bare = ss.Space.from_vectors(space.ids.tolist(), space.vectors)
    more = sound(grouped(bare, n_clusters=2).update(ss.Space.from_vectors(["mule"], [[1, 0.15]])))
    assert more.labels[6] == more.labels[0]


def test_new_points_have_the_columns_of_the_clustered_ones(space):
    """Null where they lack them; their own columns are left out."""
    groups = grouped(ss.Space.from_vectors(space.ids.tolist(), space.vectors, {"year": range(6)}), n_clusters=2)
    for table, year in ((None, None), ({"year": [7], "kind": ["mule"]}, 7), ({"kind": ["mule"]}, None)):
        more = groups.update(ss.Space.from_vectors(["mule"], [[1, 0.15]], table)).space.metadata
        assert more.to_dict(as_series=False) == {"year": [0, 1, 2, 3, 4, 5, year]}
    bare = grouped(ss.Space.from_vectors(space.ids.tolist(), space.vectors), n_clusters=2)
    assert bare.update(ss.Space.from_vectors(["mule"], [[1, 0.15]], {"year": [7]})).space.metadata is None
    with pytest.raises(InputError, match="'year' holds Int64, and got String, which can't be in one column"):
        groups.update(ss.Space.from_vectors(["mule"], [[1, 0.15]], {"year": ["1850"]}))


# -- shown, saved -----------------------------------------------------------------------------------------


def test_results_to_work_with(blobs):
    groups = grouped(blobs[0])
    table = groups.to_frame()
    assert table.columns == ["group", "name", "size", "stability", "holds", "keywords", "central"]
    assert table["holds"].to_list() == [True] * 3
    assert set(groups.members(2)) == {f"p{i:04d}" for i in range(50, 60)}
    assert repr(groups).startswith("Clustering of 60 points into 3 groups\ngroup  name")
    assert ">cat, fur</td>" in groups._repr_html_()
    assert repr(grouped(blobs[0], n_clusters=1)).startswith("Clustering of 60 points into 1 group\n")
    assert "in none" in repr(grouped(blobs[0], outliers=0.1))


def test_save_then_load(tmp_path, blobs):
    groups = grouped(blobs[0])
    ss.save(groups, tmp_path / "g")
    again = ss.load(tmp_path / "g")
    assert again.to_frame().equals(groups.to_frame())
    assert again.membership().tolist() == groups.membership().tolist()
    assert again.space.fingerprint == groups.space.fingerprint == groups.provenance["space"]


def test_a_clustering_cannot_be_changed(blobs):
    groups = grouped(blobs[0])
    for array in (groups.labels, groups.centers, groups.stability):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 0
    with pytest.raises(InputError, match="labels must have one label for each of the space's 60 points; got 59"):
        ss.clusters.Clustering(groups.space, groups.labels[:-1], groups.centers, groups.names, (), groups.stability)


def test_groups_saved_before_there_were_votes_still_work(tmp_path):
    """Its voters and how points stand are found anew."""
    old = ss.load(Path(__file__).parent / "golden" / "v1" / "clustering")
    assert old._voting_rows is None
    sound(old)
    assert old.documents()["group"].to_list() == [0, 1, 0]
    sound(old.merge([0, 1]).split(0, 2))
    sound(old.rename({0: "rot"}))
    ss.save(old, tmp_path / "g")
    again = sound(ss.load(tmp_path / "g"))
    assert again.names == old.names
    assert len(again._voting_rows) == 3


# -- names of version 0.1 ---------------------------------------------------------------------------------


def test_old_names_work_and_warn(blobs):
    with pytest.warns(FutureWarning, match=r"cluster\(k=\) is now called n_clusters="):
        groups = grouped(blobs[0], k=3)
    assert len(groups) == 3
    with pytest.warns(FutureWarning, match="sample.* is now called max_points="):
        assert len(grouped(blobs[0], sample=50, n_clusters=3)) == 3
    with pytest.warns(FutureWarning, match="starts.* is now called n_init="):
        assert len(grouped(blobs[0], starts=1, n_clusters=3)) == 3
    with pytest.warns(FutureWarning, match=r"table\(\) is now called to_frame\(\)"):
        assert groups.table().equals(groups.to_frame())
    with pytest.warns(FutureWarning, match=r"layer\(\) is now called coarsen\(\)"):
        assert groups.layer(2).names == groups.coarsen(2).names
    with pytest.warns(FutureWarning, match=r"split\(k=\) is now called n_clusters="):
        assert len(groups.split(0, k=3)) == 5


def test_neighbours_of_the_first_point_are_joined_to_it():
    graph = KnnGraph.from_neighbors(np.array([[1], [0], [0], [-1]]), np.float32([[0.5], [0.5], [0.25], [0.9]]))
    expected = np.zeros((4, 4))
    expected[0, 1] = expected[1, 0] = 1.0  # mutual neighbours, which count twice
    expected[0, 2] = expected[2, 0] = 0.25
    np.testing.assert_allclose(graph.weights.toarray(), expected, rtol=1e-5)
