"""Parameters that must be spaces, and points of two encoders, which can't be compared."""

import numpy as np
import pytest

import semspace as ss
from semspace.errors import InputError
from semspace.latent.bridge_maps import VectorMap
from semspace.latent.bridged_encoder import BridgedEncoder
from semspace.space_arguments import check_same_encoder
from tests.conftest import random_space

WIDTH = 6


def words(seed):
    vectors = np.random.default_rng(seed).normal(size=(4, WIDTH))
    return ss.WordAverage(ss.Space.from_vectors(["good", "bad", "day", "night"], vectors), frequencies="zipf")


def space_of(encoder, n=60):
    vectors = np.random.default_rng(0).normal(size=(n, WIDTH))
    texts = [f"{('good', 'bad')[i % 2]} {('day', 'night')[i % 3 % 2]}" for i in range(n)]
    return ss.Space.from_vectors([f"p{i}" for i in range(n)], vectors, {"text": texts}, encoder)


ONE, OTHER = words(1), words(2)
FUNCTIONS = {
    "path": lambda space: ss.latent.path(space, "a", "b"),
    "describe": lambda space: ss.latent.describe([[1.0]], space),
    "vocabulary": ss.latent.vocabulary,
    "project": ss.project,
    "outliers": ss.outliers,
    "tradeoff": ss.latent.tradeoff,
    "search_with_rescoring": lambda space: ss.latent.search_with_rescoring(random_space(3, 2), space, ["a"]),
    "PCA.train": lambda space: ss.latent.PCA(1).train(space),
    "GaussianMixture.train": lambda space: ss.latent.GaussianMixture().train(space),
    "compare_generators": ss.latent.compare_generators,
}


@pytest.mark.parametrize("function", FUNCTIONS)
def test_what_is_no_space_is_refused_with_the_way_to_one(function):
    for value, words in (
        (
            "docs.space",
            r"got str: open a saved one with ss\.load\(path\), or a file of vectors with ss\.read_vectors\(path\)",
        ),
        (np.ones((3, 2)), r"got ndarray: use Space\.from_vectors"),
        (ss.Corpus.from_texts(["a text"]), r"got Corpus: use encoder\.embed\(corpus\)"),
        (ss.Index.build(random_space(3, 2), "exact"), r"got Index: pass its attribute \.space"),
    ):
        with pytest.raises(InputError, match=f"^{function} takes a Space; {words}$"):
            FUNCTIONS[function](value)


def test_points_of_another_encoder_are_refused():
    own, strange = space_of(ONE), space_of(OTHER)
    calls = {
        "points": [
            lambda: ss.latent.describe(strange, own),
            lambda: ss.outliers(own, method="knn", progress=False).score(strange),
            lambda: ss.project(own, "pca", progress=False).place(strange),
        ],
        "vocabulary": [lambda: ss.latent.path(own, "p0", "p1", vocabulary=strange)],
        "samples": [lambda: ss.latent.sample_quality(own, strange)],
        "train": [lambda: ss.latent.sample_quality(own, own, train=strange)],
        "the new points": [lambda: ss.Index.build(own, "exact").upsert(strange), lambda: own.extend(strange)],
        "the points to assign": [lambda: ss.cluster(own, n_clusters=2, progress=False).assign(strange)],
    }
    for name, refused in calls.items():
        for call in refused:
            with pytest.raises(
                InputError, match=rf"^{name} must be of the encoder 'word-average' \({ONE.fingerprint[:8]}"
            ):
                call()
    with pytest.raises(InputError, match="small must be of the encoder"):
        ss.latent.search_with_rescoring(strange.quantize("int8"), own, ["good day"])
    codes = ss.latent.PCA(2).train(strange).encode(strange)
    with pytest.raises(InputError, match="this PCA was trained on points of the encoder"):
        ss.latent.search_with_rescoring(codes, own, ["good day"])


def test_codes_as_wide_as_the_space_are_refused_and_decoded_ones_are_not():
    space = space_of(ONE)
    model = ss.latent.PCA(WIDTH).train(space)
    with pytest.raises(InputError, match=r"go back with model\.decode\(codes\)"):
        ss.latent.describe(model.encode(space), space)
    back = model.decode(model.encode(space))
    assert [near.ids[0] for near in ss.latent.describe(back, space).neighbors] == space.ids.tolist()


def test_unknown_encoders_are_trusted_and_bridged_points_lie_in_the_space_of_the_target():
    space = space_of(ONE)
    check_same_encoder("points", space_of(None), space)
    check_same_encoder("points", space, space_of(None))
    check_same_encoder("points", space.vectors, space)
    same = VectorMap(np.zeros((WIDTH, 0), np.float32), np.eye(WIDTH, dtype=np.float32), np.zeros(WIDTH, np.float32))
    check_same_encoder("points", space_of(BridgedEncoder(same, OTHER, ONE.name, ONE.fingerprint)), space)
