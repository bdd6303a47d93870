"""Groups: found again, named, saved, and refused where they make no sense."""

import numpy as np
import pytest

import semspace as ss
from semspace.clusters.names import distinct_names
from semspace.clusters.stability import _best_jaccard
from semspace.errors import InputError


@pytest.fixture
def blobs():
    """Three tight groups of 30, 20 and 10 directions, and texts of three kinds."""
    draw = np.random.default_rng(1)
    centers = np.eye(8)[:3]
    kinds = np.repeat([0, 1, 2], [30, 20, 10])
    vectors = centers[kinds] + draw.normal(scale=0.05, size=(60, 8))
    words = [("cat", "fur"), ("ship", "sea"), ("gold", "ore")]
    texts = [f"the {words[k][0]} and the {words[k][1]} of {i}" for i, k in enumerate(kinds)]
    ids = [f"{i:02d}" for i in range(60)]
    return ss.Space.from_vectors(ids, vectors, {"text": texts}), kinds


def test_finds_what_is_there(blobs):
    space, kinds = blobs
    groups = ss.cluster(space, progress=False)
    assert groups.labels.tolist() == kinds.tolist()  # numbered from the largest
    assert groups.sizes.tolist() == [30, 20, 10]
    assert (groups.stability > 0.99).all()
    assert groups.labels.dtype == np.int32


def test_names_are_the_words_a_group_uses(blobs):
    groups = ss.cluster(blobs[0], k=3, progress=False)
    assert groups.names == ("cat, fur", "sea, ship", "gold, ore")
    assert set(groups.keywords[1]) == {"ship", "sea"}  # not "the", which all use


def test_the_order_of_points_does_not_matter(blobs):
    space, _ = blobs
    order = np.random.default_rng(2).permutation(len(space))
    shuffled = space.select(space.ids[order].tolist())
    first, second = ss.cluster(space, progress=False), ss.cluster(shuffled, progress=False)
    assert second.labels.tolist() == first.labels[order].tolist()
    assert second.names == first.names


def test_known_points_keep_their_groups(blobs):
    space, _ = blobs
    groups = ss.cluster(space, k=5, progress=False)
    assert groups.assign_vectors(space.vectors).tolist() == groups.labels.tolist()


def test_texts_are_assigned_through_the_encoder(tiny):
    corpus = ss.Corpus.from_texts(["aaaa", "aaab", "zzzz", "zzzy", "aaaa b", "zz zz"])
    groups = ss.cluster(tiny.embed(corpus), k=2, progress=False)
    assert groups.assign(corpus.texts.to_list()).tolist() == groups.labels.tolist()


def test_save_then_load(tmp_path, blobs):
    groups = ss.cluster(blobs[0], progress=False)
    ss.save(groups, tmp_path / "g")
    again = ss.load(tmp_path / "g")
    assert again.table().equals(groups.table())
    assert again.labels.tolist() == groups.labels.tolist()
    assert again.assign_vectors(blobs[0].vectors).tolist() == groups.labels.tolist()


def test_results_to_work_with(blobs):
    groups = ss.cluster(blobs[0], progress=False)
    table = groups.table()
    assert table.columns == ["group", "name", "size", "stability", "keywords", "central"]
    assert set(groups.members(2)) == {f"{i}" for i in range(50, 60)}
    assert repr(groups).startswith("Clustering of 60 points into 3 groups\ngroup  name")
    assert "<td>cat, fur</td>" in groups._repr_html_()


def test_a_space_of_words_is_named_by_its_words(space):
    groups = ss.cluster(space, k=2, progress=False)
    assert {frozenset(words) for words in groups.keywords} == {
        frozenset({"cat", "dog", "horse"}),
        frozenset({"car", "bus", "train"}),
    }


def test_texts_may_come_from_a_corpus_in_another_order(blobs):
    space, _ = blobs
    corpus = ss.Corpus.from_texts(space.metadata["text"].to_list()[::-1], ids=space.ids.tolist()[::-1])
    bare = ss.Space.from_vectors(space.ids.tolist(), space.vectors)
    assert ss.cluster(bare, corpus, k=3, progress=False).names == ("cat, fur", "sea, ship", "gold, ore")


def test_a_corpus_of_other_texts_is_refused(space, corpus):
    with pytest.raises(InputError, match="no text for point 'cat'"):
        ss.cluster(space, corpus)


@pytest.mark.parametrize("n", [1, 2, 3])
def test_very_few_points(n):
    space = ss.Space.from_vectors([str(i) for i in range(n)], np.eye(3)[:n])
    groups = ss.cluster(space, progress=False)
    assert len(groups) == 1
    assert len(ss.cluster(space, k=n, progress=False)) == n


def test_points_that_are_all_alike():
    space = ss.Space.from_vectors([str(i) for i in range(40)], np.ones((40, 3)))
    assert len(ss.cluster(space, progress=False)) == 1
    with pytest.raises(InputError, match="k must be at most the 1 different points"):
        ss.cluster(space, k=2)


def test_points_that_are_nearly_alike():
    directions = np.outer(np.linspace(1, 2, 40), [1, 2, 3])
    assert len(ss.cluster(ss.Space.from_vectors([str(i) for i in range(40)], directions), progress=False)) >= 1


def test_too_few_points_to_tell_whether_groups_hold():
    groups = ss.cluster(ss.Space.from_vectors([str(i) for i in range(5)], np.eye(5)), k=5, progress=False)
    assert np.isnan(groups.stability).all()
    assert "nan" not in repr(groups)


def test_words_that_all_groups_use_name_none():
    texts = ["shared cat"] * 5 + ["shared dog lonely"] + ["shared dog"] * 4
    vectors = np.repeat([[1.0, 0.0], [0.0, 1.0]], 5, axis=0) + np.random.default_rng(0).normal(scale=0.01, size=(10, 2))
    groups = ss.cluster(
        ss.Space.from_vectors([str(i) for i in range(10)], vectors, {"text": texts}), k=2, progress=False
    )
    assert set(groups.names) == {"cat", "dog"}


def test_what_is_given_is_checked(space, corpus):
    with pytest.raises(InputError, match="cluster takes a Space; got Corpus"):
        ss.cluster(corpus)
    with pytest.raises(InputError, match="the number of groups is k="):
        ss.cluster(space, 3)
    with pytest.raises(InputError, match="seed must be"):
        ss.cluster(space, seed=-1)
    with pytest.raises(InputError, match="holds NaN"):
        ss.cluster(space, k=2, progress=False).assign_vectors([[np.nan, 1]])


@pytest.mark.parametrize("k", [0, 7, 2.0])
def test_k_is_checked(space, k):
    with pytest.raises(InputError, match="k must be"):
        ss.cluster(space, k=k)


def test_names_are_distinct():
    assert distinct_names([("a", "b", "c", "d"), ("a", "b", "c", "e"), (), ()]) == (
        "a, b, c",
        "a, b, c, e",
        "group 2",
        "group 3",
    )


def test_jaccard_by_hand():
    labels, again = np.array([0, 0, 0, 1], np.int32), np.array([1, 1, 0, 0], np.int32)
    # Group 0 against {0, 1}: 2/3; group 1 against {2, 3}: 1/2.
    np.testing.assert_allclose(_best_jaccard(labels, again, 2), [2 / 3, 1 / 2])
