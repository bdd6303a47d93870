"""Points told in words, and ways from one to another: hand-worked on circles and a chain of documents."""

import numpy as np
import pytest

import semspace as ss
from semspace.errors import InputError
from tests.conftest import random_space


def on_circle(*degrees, ids=None, texts=None):
    """Return a space of points at these angles of the unit circle."""
    radians = np.radians(degrees)
    vectors = np.column_stack([np.cos(radians), np.sin(radians)])
    metadata = None if texts is None else {"text": list(texts)}
    return ss.Space.from_vectors(ids or [str(degree) for degree in degrees], vectors, metadata)


def degrees_of(vectors):
    return np.degrees(np.arctan2(vectors[:, 1], vectors[:, 0]))


def test_the_spherical_way_takes_equal_angles_and_the_straight_one_equal_distances():
    space = on_circle(0, 90)
    spherical = ss.latent.path(space, "0", "90", 4)
    np.testing.assert_allclose(degrees_of(spherical.vectors), [0, 30, 60, 90], atol=1e-4)
    straight = ss.latent.path(space, "0", "90", 5, method="straight")
    np.testing.assert_allclose(straight.vectors, [[1, 0], [0.75, 0.25], [0.5, 0.5], [0.25, 0.75], [0, 1]], atol=1e-6)


def test_the_way_through_documents_follows_the_arc_where_documents_are():
    # 0 and 180 are joined over the upper half of the circle, where a document stands every 20 degrees.
    space = on_circle(*range(0, 181, 20), 270)
    way = ss.latent.path(space, "0", "180", 20, method="documents", graph_neighbors=2)
    np.testing.assert_allclose(degrees_of(way.vectors), range(0, 181, 20), atol=1e-3)
    np.testing.assert_allclose(way.angles, 20, atol=1e-3)
    assert way.straightness == pytest.approx(1)
    assert degrees_of(ss.latent.path(space, "0", "180", 3, method="documents", graph_neighbors=2).vectors)[1] in (
        pytest.approx(80, abs=1e-3),
        pytest.approx(100, abs=1e-3),
    )


def test_documents_that_no_neighbour_joins_are_joined_by_more_neighbours():
    space = on_circle(0, 1, 2, 90, 91, 92)  # two neighbours each: two parts
    way = ss.latent.path(space, "0", "92", 10, method="documents", graph_neighbors=2)
    assert degrees_of(way.vectors)[[0, -1]] == pytest.approx([0, 92], abs=1e-3)


def test_how_straight_a_way_is():
    # The only text between the ends lies beyond the second: 0 to 60 by way of 90 is 90 + 30 degrees.
    space = on_circle(0, 90, 60, ids=["start", "beyond", "end"])
    way = ss.latent.path(space, [1.0, 0.0], np.array([0.5, 3**0.5 / 2]), 3)
    assert [near.ids[0] for near in way.descriptions.neighbors] == ["start", "end", "end"]
    assert way.straightness == pytest.approx(1)
    detour = ss.latent.Path("a", "b", "documents", way.vectors, way.descriptions, space[["start", "beyond", "end"]])
    assert detour.straightness == pytest.approx(60 / 120)
    assert detour.largest_angle == pytest.approx(90, abs=1e-4)


def test_words_are_chosen_by_what_distinguishes_a_point_from_the_others():
    # "the" lies where all points lie; the words that differ are far from it.
    space = ss.Space.from_vectors(["a", "b"], [[1, 5, 0], [0, 5, 1]], {"text": ["x", "y"]})
    words = ss.Space.from_vectors(["the", "cat", "car"], [[0.5, 5, 0.5], [3, 5, 0], [0, 5, 3]])
    told = ss.latent.describe(space, space, vocabulary=words, n_words=1)
    assert told.words == (("cat",), ("car",))
    assert told.to_frame().columns == ["point", "id", "text", "score", "words"]
    assert told.to_frame()["text"].to_list() == ["x", "y"]


def test_a_way_is_a_table_and_a_figure_and_its_texts_are_escaped():
    space = on_circle(0, 30, 60, 90, texts=["<b>cold</b>", "cool", "warm", "hot"])
    way = ss.latent.path(space, "0", "90", 4)
    assert way.to_frame()["text"].to_list() == ["<b>cold</b>", "cool", "warm", "hot"]
    np.testing.assert_allclose(way.to_frame()["to_a"], np.cos(np.radians([0, 30, 60, 90])), atol=1e-6)
    assert "straightness 1.00" in repr(way)
    assert "<b>" not in way._repr_html_()
    assert "<b>" not in ss.latent.describe(way.vectors, space)._repr_html_()
    assert way.plot().description.startswith("From step 0 to 3")


@pytest.mark.parametrize("method", ["spherical", "straight", "documents"])
def test_every_way_begins_and_ends_where_it_should(method):
    space = random_space(40, 5)
    a, b = space.ids[3], space.ids[17]
    way = ss.latent.path(space, a, b, 5, method=method)
    ends = space.vectors[[3, 17]] / space.norms[[3, 17], None]
    np.testing.assert_allclose(way.vectors[[0, -1]], ends, atol=1e-5)
    assert 2 <= len(way) <= 5
    assert 0 < way.straightness <= 1


def test_a_vocabulary_is_encoded_as_the_texts_were(small_encoder_space):
    words = ss.latent.vocabulary(small_encoder_space)
    assert {"rocket", "orbit"} <= set(words.ids)
    assert "the" not in words.ids
    assert words.metadata["documents"][words.ids.tolist().index("rocket")] == 2
    np.testing.assert_allclose(words["rocket"], small_encoder_space.encode_documents("rocket"), atol=1e-6)
    assert len(ss.latent.vocabulary(small_encoder_space, max_words=1)) == 1


@pytest.fixture
def small_encoder_space():
    texts = ["the rocket reached orbit", "a rocket left the orbit", "bread and butter", "butter on bread"]
    base = ss.Space.from_vectors(["rocket", "orbit", "bread", "butter", "reached"], np.eye(5))
    encoder = ss.WordAverage(base, frequencies="zipf", remove_common=False)
    return encoder.embed(ss.Corpus.from_texts(texts), progress=False)


def test_wrong_calls():
    space = random_space(5, 3)
    a, b = space.ids[0], space.ids[1]
    with pytest.raises(InputError, match="steps must be"):
        ss.latent.path(space, a, b, 1)
    with pytest.raises(InputError, match="method must be"):
        ss.latent.path(space, a, b, method="curved")
    with pytest.raises(InputError, match="a and b have the same meaning"):
        ss.latent.path(space, a, a)
    with pytest.raises(InputError, match=r"opposite directions.*; use 'straight', with an even number of steps"):
        ss.latent.path(space, a, -space[a])
    assert len(ss.latent.path(space, a, -space[a], 4, method="straight").vectors) == 4
    with pytest.raises(InputError, match="the middle of 3 steps is zero"):
        ss.latent.path(space, a, -space[a], 3, method="straight")
    with pytest.raises(InputError, match=r"points must have the 3 dimensions of the space; got 2.*model\.decode"):
        ss.latent.describe(np.ones((1, 2)), space)
    with pytest.raises(InputError, match="the vocabulary has 2 dimensions and the space 3"):
        ss.latent.describe(space, space, vocabulary=random_space(4, 2))
    for vocabulary in ("words", ["good"]):
        with pytest.raises(InputError, match=r"vocabulary must be a Space of words; got .*ss.latent.vocabulary"):
            ss.latent.path(space, a, b, vocabulary=vocabulary)
    with pytest.raises(InputError, match=r"decoder must be a trained TextDecoderModel; got str"):
        ss.latent.describe(space, space, decoder="sentences.decoder")
    for points in ("a", ["a"], [[1, 2, 3], [1]]):
        with pytest.raises(InputError, match=r"points must be a matrix of numbers; got (str|list)"):
            ss.latent.describe(points, space)
    with pytest.raises(InputError, match="a vocabulary needs a space with texts"):
        ss.latent.vocabulary(space)
    texts = ss.Space.from_vectors(["a"], [[1.0]], {"text": ["x"]})
    with pytest.raises(InputError, match="a vocabulary needs a space with an encoder"):
        ss.latent.vocabulary(texts)


def test_one_vector_is_one_point():
    space = random_space(5, 3)
    for vector in (space.vectors[2], space.vectors[2].tolist()):
        assert [near.ids[0] for near in ss.latent.describe(vector, space).neighbors] == [space.ids[2]]
