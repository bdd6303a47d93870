"""What the dimensions of latent models mean: names from one part of the texts, tested on the other."""

from dataclasses import replace

import numpy as np
import polars as pl
import pytest
from scipy.sparse import csr_array

import semspace as ss
from semspace.clusters.document_terms import DocumentTerms
from semspace.errors import DamagedError, InputError
from semspace.latent.dimension_names import divided
from semspace.latent.firing import Ends
from semspace.latent.name_tests import check_names, meaning
from semspace.latent.neural_trainer import Standardization
from semspace.latent.sparse_autoencoder import SparseAutoencoderModel
from semspace.statistics import newcombe

TOPICS = ("cat mouse whiskers", "wheel engine road", "bread oven flour")


class TopicEncoder:
    """Counts the words of each topic."""

    name, dim, fingerprint = "topics", 3, "0" * 64

    def encode(self, texts):
        return np.float32([[sum(text.count(word) for word in topic.split()) for topic in TOPICS] for text in texts])


@pytest.fixture(scope="module")
def space():
    """Ninety texts of three topics, each with a word of its own; a vector says which topic, with some noise."""
    rng = np.random.default_rng(0)
    letters = "abcdefghijklmnopqrstuvwxyz"
    texts = [f"{TOPICS[i % 3]} {letters[i // 26] * 3}{letters[i % 26] * 3}" for i in range(90)]
    vectors = 5 * np.eye(3)[np.arange(90) % 3] + rng.normal(0, 0.3, (90, 3))
    return ss.Space.from_vectors(range(90), vectors, {"text": texts}, TopicEncoder())


@pytest.fixture(scope="module")
def sparse(space):
    """A sparse autoencoder that needs no training: a feature for each topic, and one that is never active."""
    directions = np.vstack([np.eye(3), -np.eye(3)[:1]]).astype(np.float32)
    nothing, mean = np.zeros(4, np.float32), np.zeros(3, np.float32)
    return SparseAutoencoderModel(directions, nothing, directions, mean, Standardization(mean, 1.0), active=1)


def described(model, space, **options):
    return ss.latent.describe_dimensions(model, space, progress=False, **options)


def test_what_is_counted_by_hand():
    # Two terms of three are in texts 0 and 1; the dimension fires on 0, 1 and 3.
    terms = DocumentTerms.from_texts(pl.Series(["cat dog", "cat dog fox", "fox", "cat", "emu"]))
    fires = csr_array(np.float32([[1], [2], [0], [1], [0]]))
    tests = check_names([("cat", "dog", "fox")], terms, fires, np.array([np.nan]))
    counted = (tests.matching, tests.others, tests.fires_on_matching, tests.fires_on_others)
    assert [int(count[0]) for count in counted] == [2, 3, 2, 1]
    assert tests.accuracy[0] == pytest.approx((1 + 2 / 3) / 2)
    low, high = newcombe([2], [2], [1], [3])
    assert [end[0] for end in tests.interval] == pytest.approx([(1 + low[0]) / 2, (1 + high[0]) / 2])
    assert not tests.holds[0]  # of five texts nothing is known


def test_the_only_term_of_a_name_is_enough_and_no_term_matches_nothing():
    terms = DocumentTerms.from_texts(pl.Series(["cat dog", "cat", "dog"]))
    fires = csr_array(np.float32([[1, 1, 1], [0, 0, 0], [0, 0, 0]]))
    tests = check_names([("cat",), (), ("cat", "unseen")], terms, fires, np.full(3, np.nan))
    assert tests.matching.tolist() == [2, 0, 0]
    assert np.isnan(tests.accuracy[1:]).all()
    assert tests.holds.tolist() == [False, False, False]


def test_the_area_of_meaning_is_that_of_scikit_learn():
    from sklearn.metrics import roc_auc_score

    rng = np.random.default_rng(1)
    names, texts = rng.normal(size=(3, 4)).astype(np.float32), rng.normal(size=(30, 4)).astype(np.float32)
    fires = (rng.random((30, 3)) < 0.3).astype(np.float32)
    fires[:, 2] = 0
    texts[5] = texts[6]  # a tie
    areas = meaning(names, texts, csr_array(fires))
    cosines = texts @ names.T / np.linalg.norm(texts, axis=1)[:, None]
    assert areas[:2] == pytest.approx([roc_auc_score(fires[:, i], cosines[:, i]) for i in range(2)], abs=1e-6)
    assert np.isnan(areas[2])


def test_sparse_features_are_named_and_the_names_hold(space, sparse):
    found = described(sparse, space, by_meaning=True)
    assert [set(name.split(", ")) for name in found.names[:3]] == [set(topic.split()) for topic in TOPICS]
    assert found.verdicts == ("holds", "holds", "holds", "too few texts")
    assert found.tests.accuracy[:3].tolist() == [1, 1, 1]
    assert found.tests.by_meaning[:3].tolist() == [1, 1, 1]
    assert found.texts[3] == ()
    strongest = space.ids[np.argsort(-space.vectors[:, 0], kind="stable")[:3]]
    assert found.texts[0] == tuple(strongest)


def test_an_axis_has_two_ends_which_fire_on_a_share_of_the_texts(space):
    model = ss.latent.PCA(dim=2).train(space)
    found = described(model, space, share=0.3)
    assert len(found) == 4
    assert found.to_frame()["end"].to_list() == ["+", "-", "+", "-"]
    assert found.fires.tolist() == [14] * 4  # of 45 texts, 0.3
    codes = model.encode(space.vectors)
    for end, (number, sign) in enumerate(zip(found.ends.dimensions, found.ends.signs, strict=True)):
        assert found.texts[end][0] == space.ids[np.argmax(sign * codes[:, number])]


def test_names_that_say_nothing_are_shown_as_unproven(space):
    # The vectors have nothing to do with the words.
    rng = np.random.default_rng(3)
    noise = ss.Space.from_vectors(space.ids, rng.normal(size=(90, 3)), space.metadata)
    found = described(ss.latent.PCA(dim=2).train(noise), noise, share=0.3)
    assert "unproven" in found.verdicts
    assert "unproven" in repr(found)
    assert set(found.verdicts) <= {"holds", "unproven"}


def test_copies_of_a_text_lie_in_the_same_part():
    texts = pl.Series([f"text {i % 25}" for i in range(75)])
    naming, testing = divided(texts, 0.4, 0)
    assert sorted([*naming, *testing]) == list(range(75))
    assert not set(texts[naming.tolist()]) & set(texts[testing.tolist()])
    assert len(testing) == 30
    assert divided(texts, 0.4, 1)[1].tolist() != testing.tolist()


def test_names_come_from_the_first_part_alone(space, sparse):
    # Texts that test the names get other words, which changes no name.
    testing = divided(space.metadata["text"], 0.5, 0)[1]
    texts = space.metadata["text"].to_list()
    changed = [f"zebra {row}" if row in set(testing.tolist()) else text for row, text in enumerate(texts)]
    other = ss.Space.from_vectors(space.ids, space.vectors, {"text": changed})
    assert described(sparse, other).name_terms == described(sparse, space).name_terms


def test_a_text_is_explained(space, sparse):
    found = described(sparse, space)
    told = found.explain("an oven and flour, and a cat")
    assert told.dimensions == (2,)
    assert told.strengths == (2.0,)
    assert set(told.names[0].split(", ")) == {"bread", "oven", "flour"}
    assert "1 fires" in repr(told)
    assert found.explain([0, 3, 0]).dimensions == (1,)
    axes = described(ss.latent.PCA(dim=2).train(space), space, share=0.3)
    told = axes.explain(space.vectors[0])
    assert list(told.strengths) == sorted(told.strengths, reverse=True)
    assert len(axes.explain(space.vectors[0], most=1)) == 1


def test_strengths_are_sparse_and_of_few_rows_at_a_time(space, sparse, monkeypatch):
    ends = Ends.of(sparse, space.vectors, 0.1)
    whole = ends.strengths(sparse, space.vectors)
    monkeypatch.setattr("semspace.latent.firing._ROWS_AT_ONCE", 7)
    np.testing.assert_array_equal(ends.strengths(sparse, space.vectors).toarray(), whole.toarray())
    np.testing.assert_array_equal(whole.toarray(), sparse.encode(space.vectors))


def test_saved_and_loaded(space, sparse, tmp_path):
    found = described(sparse, space, by_meaning=True)
    found.save(tmp_path / "d")
    loaded = ss.load(tmp_path / "d")
    assert repr(loaded) == repr(found)
    assert loaded.to_frame().equals(found.to_frame())
    assert loaded.explain([0, 3, 0]) == found.explain([0, 3, 0])
    np.save(tmp_path / "d" / "dimensions-fires.npy", np.zeros(2, np.int64))
    with pytest.raises(DamagedError):
        ss.load(tmp_path / "d")


def test_hostile_texts_are_escaped(space, sparse):
    texts = [f"<script>{text}</script>" for text in space.metadata["text"]]
    found = described(sparse, ss.Space.from_vectors(space.ids, space.vectors, {"text": texts}))
    assert "<script>" not in found._repr_html_()
    assert "holds" in found._repr_html_()
    assert "<script>" not in described(sparse, space).explain("<script> cat")._repr_html_()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"share": 0}, "share"),
        ({"share": 0.6}, "share"),
        ({"held_out": 1}, "held_out"),
        ({"n_texts": 0}, "n_texts"),
        ({"seed": -1}, "seed"),
        ({"language": "klingon"}, "language"),
    ],
)
def test_bad_options(space, sparse, options, message):
    with pytest.raises(InputError, match=message):
        described(sparse, space, **options)


def test_bad_input(space, sparse):
    with pytest.raises(InputError, match="takes a trained latent model; got PCA"):
        described(ss.latent.PCA(dim=2), space)
    with pytest.raises(InputError, match="give corpus="):
        described(sparse, ss.Space.from_vectors(range(30), np.random.default_rng(0).normal(size=(30, 3))))
    with pytest.raises(InputError, match="must have 3 columns"):
        described(sparse, sparse.encode(space))
    with pytest.raises(InputError, match="needs a space with an encoder"):
        described(sparse, ss.Space.from_vectors(space.ids, space.vectors, space.metadata), by_meaning=True)
    with pytest.raises(InputError, match="the space has 19"):
        described(sparse, ss.Space.from_vectors(range(19), space.vectors[:19], space.metadata[:19]))
    with pytest.raises(InputError, match="takes a Space; got ndarray"):
        described(sparse, space.vectors)
    with pytest.raises(InputError, match="must have 3 columns"):
        described(sparse, space).explain([1.0, 2.0])


@pytest.mark.parametrize("metadata", [None, {"note": ["x"] * 90}, {"text": [["in"], ["a list"]] * 45}])
def test_dimensions_whose_space_has_no_texts_any_more_are_shown_without(sparse, space, metadata):
    found = described(sparse, space)
    other = ss.Space.from_vectors(space.ids, space.vectors, metadata)
    assert replace(found, space=other)._repr_html_().count("<tr>") == found._repr_html_().count("<tr>")


@pytest.mark.parametrize(("n_texts", "named"), [(4, False), (5, True)])
def test_an_end_needs_five_texts_to_be_named(space, n_texts, named):
    found = described(ss.latent.PCA(dim=2).train(space), space, share=n_texts / 45)
    assert found.fires.tolist() == [n_texts] * 4
    assert [bool(name) for name in found.names] == [named] * 4
