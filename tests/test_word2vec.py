"""The Word2Vec trainer: parameters, results and refusals."""

import numpy as np
import pytest

import semspace as ss
from semspace.errors import InputError


def two_topics(n=300):
    """Sentences of two kinds that share no word: animals with animals, metals with metals."""
    draw = np.random.default_rng(0)
    kinds = (["cat", "dog", "horse", "cow", "sheep"], ["iron", "gold", "silver", "copper", "tin"])
    return ss.Corpus.from_texts([" ".join(draw.choice(kinds[i % 2], 8)) for i in range(n)])


def test_learns_which_words_go_together():
    words = ss.Word2Vec(dim=16, epochs=10, sample=0, threads=1, seed=3).train(two_topics(), progress=False)
    assert set(words.most_similar("cat", 4).ids) == {"dog", "horse", "cow", "sheep"}
    assert set(words.most_similar("gold", 4).ids) == {"iron", "silver", "copper", "tin"}


@pytest.mark.parametrize("architecture", ["skipgram", "cbow"])
def test_one_thread_and_one_seed_give_the_same_vectors(architecture):
    trainer = ss.Word2Vec(dim=8, epochs=2, threads=1, seed=5, architecture=architecture)
    first, second = (trainer.train(two_topics(60), progress=False) for _ in range(2))
    assert first.fingerprint == second.fingerprint
    other = ss.Word2Vec(dim=8, epochs=2, threads=1, seed=6, architecture=architecture)
    assert other.train(two_topics(60), progress=False).fingerprint != first.fingerprint


def test_words_come_by_frequency_with_their_counts():
    words = ss.Word2Vec(dim=4, min_count=1, epochs=1, threads=1).train(
        ss.Corpus.from_texts(["a b a c a b"]), progress=False
    )
    assert words.ids.tolist() == ["a", "b", "c"]
    assert words.metadata["count"].to_list() == [3, 2, 1]
    assert words.provenance["trainer"]["dim"] == 4


def test_tokens_may_be_given():
    tokens = ss.Tokens.from_corpus(ss.Corpus.from_texts(["Don't stop"] * 5), split="spacy:en")
    words = ss.Word2Vec(dim=4, epochs=1, threads=1).train(tokens, progress=False)
    assert sorted(words.ids) == ["do", "n't", "stop"]


def test_documents_beyond_gensims_limit_are_not_cut():
    """gensim drops what a sentence has beyond 10,000 words; the last words of a long document count as well."""
    text = "early bird " * 6_000 + "late worm " * 6_000
    words = ss.Word2Vec(dim=4, epochs=1, sample=0, threads=1).train(ss.Corpus.from_texts([text]), progress=False)
    start = ss.Word2Vec(dim=4, epochs=1, sample=0, threads=1, learning_rate=1e-12)
    untrained = start.train(ss.Corpus.from_texts([text]), progress=False)
    assert np.linalg.norm(words["worm"] - untrained["worm"]) > 0.01


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("dim", 0),
        ("dim", 2.5),
        ("dim", True),
        ("window", -1),
        ("epochs", 0),
        ("negatives", "5"),
        ("sample", 1.5),
        ("learning_rate", 0),
        ("architecture", "glove"),
        ("engine", "warp"),
        ("threads", 0),
        ("seed", -1),
    ],
)
def test_parameters_are_checked_by_name(name, value):
    with pytest.raises(InputError, match=f"{name} must be .*; got {value!r}"):
        ss.Word2Vec(**{name: value})


def test_a_trainer_never_changes():
    with pytest.raises(AttributeError):
        ss.Word2Vec().dim = 3


def test_too_little_text():
    with pytest.raises(InputError, match="lower min_count or give more text"):
        ss.Word2Vec().train(ss.Corpus.from_texts(["a few words"]))
    with pytest.raises(InputError, match=r"only the word 'a' comes at least 5 times"):
        ss.Word2Vec().train(ss.Corpus.from_texts(["a a a a a b"]))


def test_a_list_instead_of_a_corpus():
    with pytest.raises(InputError, match=r"takes a Corpus or Tokens; got list: make one with Corpus\.read"):
        ss.Word2Vec().train([["a", "b"]])
