"""States of tokens: the same from every backend and from sentence-transformers, and pooled they are the vectors."""

import numpy as np
import pytest

import semspace as ss
from semspace.errors import InputError
from tests.conftest import make_tiny_model

TEXTS = ["a cat", "the quick brown fox jumps over it", "", "42 — élan", "fox " * 300]


@pytest.mark.filterwarnings("ignore:. of . texts are longer")
@pytest.mark.parametrize("backend", ["exact", "numpy", "torch"])
def test_they_are_those_of_sentence_transformers(small_folder, backend):
    from sentence_transformers import SentenceTransformer

    theirs = SentenceTransformer(str(small_folder), device="cpu").encode(TEXTS, output_value="token_embeddings")
    encoder = ss.Encoder.load(small_folder, backend=backend)
    found = encoder.token_states(TEXTS)
    assert len(found) == len(TEXTS)
    assert len(found.tokens) == len(found.states) == found.starts[-1]
    for ours, reference in zip(found, theirs, strict=True):
        np.testing.assert_allclose(ours, reference[: len(ours)].numpy(), atol=2e-4)


@pytest.mark.filterwarnings("ignore:. of . texts are longer")
@pytest.mark.parametrize("family", ["bert", "distilbert", "mpnet", "roberta"])
def test_their_mean_is_the_vector(tmp_path, family):
    folder = make_tiny_model(tmp_path / family, family=family, hidden=128, longest=64)
    encoder = ss.Encoder.load(folder, backend="exact")
    means = np.stack([states.mean(axis=0) for states in encoder.token_states(TEXTS)])
    vectors = encoder.encode(TEXTS)
    cosines = (means * vectors).sum(1) / np.linalg.norm(means, axis=1) / np.linalg.norm(vectors, axis=1)
    assert cosines.min() > 0.9999


def test_many_texts_in_pieces_are_those_of_each_alone(small):
    texts = [f"a fox and {i} cats " * (i % 7 + 1) for i in range(200)]
    for text, states in zip(texts[::50], list(small.token_states(texts))[::50], strict=True):
        np.testing.assert_array_equal(states, next(iter(small.token_states([text]))))


def test_an_encoder_without_them_says_so():
    words = ss.Space.from_vectors(["cat", "dog"], [[1, 1], [1, 0.8]])
    encoder = ss.WordAverage.from_corpus(words, ss.Corpus.from_texts(["a cat", "a dog"]), frequencies="zipf")
    with pytest.raises(InputError, match=r"no states of tokens in context; load a transformer"):
        encoder.token_states(["cat"])
