"""`WordAverage`: SIF by hand, one direction for all texts, and its place in the bundle of a space."""

import subprocess
import sys
import warnings
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import semspace as ss
from semspace.errors import InputError, SemspaceWarning
from semspace.sentences import pool_kernel

IDS = ["the", "cat", "dog", "mat", "élan"]
VECTORS = np.array([[1, 1, 0, 0], [0, 2, 0, 0], [0, 0, 2, 0], [0, 0, 1, 1], [1, 0, 0, 2]], np.float32)
COUNTS = [60, 20, 10, 6, 4]
texts = st.lists(st.lists(st.sampled_from([*IDS, "unknown", "The", "🙂", ""]), max_size=6).map(" ".join), min_size=1)


def space(**options):
    given = {"metadata": {"count": COUNTS}, **options}
    return ss.Space.from_vectors(IDS, VECTORS, **given)


def average(**options):
    return ss.WordAverage(space(), **{"remove_common": True, **options})


def quiet(encoder, some):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SemspaceWarning)
        return encoder.encode(some)


def test_words_weigh_a_over_a_plus_p():
    vectors = average(a=0.2, remove_common=False).encode(["cat", "The cat, the unknown!", "élan"])
    the, cat, elan = (0.2 / (0.2 + p) for p in (0.6, 0.2, 0.04))
    expected = [cat * VECTORS[1], (2 * the * VECTORS[0] + cat * VECTORS[1]) / 3, elan * VECTORS[4]]
    np.testing.assert_allclose(vectors, expected, rtol=1e-6)
    assert vectors.dtype == np.float32


@pytest.mark.parametrize(
    ("frequencies", "shares"),
    [
        ("zipf", np.array([1, 1 / 2, 1 / 3, 1 / 4, 1 / 5]) / (137 / 60)),
        ({"cat": 3, "dog": 1}, [0, 0.75, 0.25, 0, 0]),
        ([5, 1, 1, 1, 2], [0.5, 0.1, 0.1, 0.1, 0.2]),
        (None, [0.6, 0.2, 0.1, 0.06, 0.04]),
    ],
)
def test_frequencies_may_come_from_elsewhere(frequencies, shares):
    encoder = average(frequencies=frequencies, remove_common=False, a=0.1)
    expected = [0.1 / (0.1 + p) * v for p, v in zip(shares, VECTORS, strict=True)]
    np.testing.assert_allclose(encoder.encode(IDS), expected, rtol=1e-6)


def test_the_shared_direction_is_that_of_texts_drawn_by_frequency():
    draw = np.random.default_rng(0)
    shares = np.array(COUNTS) / 100
    weighted = VECTORS * (0.1 / (0.1 + shares))[:, None]
    drawn = weighted[draw.choice(5, size=(100_000, 12), p=shares)].mean(axis=1)
    first = np.linalg.svd(drawn, full_matrices=False)[2][0]
    encoder = average(a=0.1)
    assert abs(encoder.common @ first) == pytest.approx(1, abs=1e-4)
    np.testing.assert_allclose(encoder.encode(IDS) @ encoder.common, 0, atol=1e-6)


def test_fit_takes_the_direction_from_real_texts():
    some = ["the cat", "the dog", "the the mat", "nothing known"]
    encoder = ss.WordAverage.from_corpus(space(), ss.Corpus.from_texts(some), a=0.1)
    plain = average(a=0.1, remove_common=False).encode(some[:3])
    first = np.linalg.svd(plain.astype(np.float64))[2][0]
    assert abs(encoder.common @ first) == pytest.approx(1, abs=1e-6)
    np.testing.assert_allclose(encoder.encode(some[:3]), plain - np.outer(plain @ first, first), atol=1e-6)
    again = average(a=0.1, common=encoder.common)
    assert again.fingerprint == encoder.fingerprint != average(a=0.1).fingerprint
    with pytest.raises(InputError, match="none of the 1 texts has one of the 5 words"):
        ss.WordAverage.from_corpus(space(), ss.Corpus.from_texts(["nothing known"]))
    with pytest.raises(InputError, match="from_corpus takes a Corpus of texts; got list"):
        ss.WordAverage.from_corpus(space(), ["a"])


@given(texts, st.randoms())
def test_a_vector_depends_on_its_text_alone(some, shuffle):
    encoder = average()
    together, order = quiet(encoder, some), list(range(len(some)))
    shuffle.shuffle(order)
    np.testing.assert_array_equal(quiet(encoder, [some[i] for i in order]), together[order])
    for text, vector in zip(some, together, strict=True):
        np.testing.assert_array_equal(quiet(encoder, [text])[0], vector)
    assert np.isfinite(together).all()
    assert np.linalg.norm(together, axis=1).all()


@given(st.lists(st.sampled_from(IDS), min_size=1, max_size=8), st.randoms())
def test_the_order_of_words_does_not_matter(some, shuffle):
    shuffled = list(some)
    shuffle.shuffle(shuffled)
    one, other = quiet(average(), [" ".join(some), " ".join(shuffled)])
    np.testing.assert_allclose(one, other, atol=1e-6)


def test_texts_without_a_known_word_get_one_vector_and_a_warning():
    with pytest.warns(SemspaceWarning, match="2 of 3 texts contain no word or token that word-average knows"):
        vectors = average().encode(["nothing known", "cat", " 🙂"])
    np.testing.assert_array_equal(vectors[0], vectors[2])
    assert np.linalg.norm(vectors[0]) > 0.1


def test_a_text_that_is_only_what_all_share_has_no_direction():
    words = ss.Space.from_vectors(["a", "b"], [[1, 0], [2, 0]], {"count": [1, 1]})
    with pytest.warns(SemspaceWarning, match="2 of 2 texts"):
        vectors = ss.WordAverage(words, remove_common=True).encode(["a", "b"])
    np.testing.assert_array_equal(vectors, [[1, 1], [1, 1]])


def test_texts_are_split_as_the_words_were():
    cased = ss.Space.from_vectors(["Paris", "paris"], [[1, 0], [0, 1]], {"count": [1, 1]})
    encoder = ss.WordAverage(cased, remove_common=False)
    assert encoder.tokenizer == "cased"
    assert encoder.encode(["Paris!"]).argmax() == 0
    assert ss.WordAverage(cased, remove_common=False, tokenizer="fast").encode(["Paris!"]).argmax() == 1
    assert average().tokenizer == "fast"
    spacy = space(provenance={"text": {"tokenizer": "spacy:en"}})
    assert ss.WordAverage(spacy).tokenizer == "spacy:en"
    own = space(provenance={"text": {"tokenizer": "mine"}})
    with pytest.raises(InputError, match="a custom tokenizer, 'mine', which isn't saved with them; give tokenizer"):
        ss.WordAverage(own)
    assert ss.WordAverage(own, tokenizer="fast").tokenizer == "fast"


def test_words_of_word2vec_need_nothing_else():
    corpus = ss.Corpus.from_texts(["the cat drinks milk", "the dog drinks water"] * 50)
    words = ss.Word2Vec(dim=8, epochs=2, sample=0, threads=1).train(corpus, progress=False)
    encoder = ss.WordAverage(words)
    assert encoder.encode(["the cat", "Milk and water"]).shape == (2, 8)
    assert encoder.tokenizer == "fast"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"a": 0}, "a must be a number above 0; got 0"),
        ({"remove_common": 1}, "remove_common must be True or False; got 1"),
        ({"frequencies": "guess"}, "frequencies must be one of zipf; got 'guess'"),
        ({"frequencies": [1, 2]}, r"frequencies must have a number for each of the 5 words; got shape \(2,\)"),
        ({"frequencies": [1, 2, 3, 4, -5]}, "finite and not negative"),
        ({"frequencies": [0] * 5}, "not all of them zero"),
        ({"frequencies": {"fish": 1}}, "not all of them zero"),
        ({"frequencies": ["many"] * 5}, "frequencies must be numbers"),
        ({"common": np.ones(3)}, r"common must be a vector of shape \(4,\)"),
        ({"common": np.zeros(4)}, "not all zeros"),
        ({"common": np.ones(4), "remove_common": False}, "give remove_common=True"),
        ({"tokenizer": "slow"}, "tokenizer must be 'fast', 'icu', 'whitespace' or 'spacy:LANG'"),
    ],
)
def test_what_does_not_fit_is_refused(options, message):
    with pytest.raises(InputError, match=message):
        average(**options)


def test_without_counts_the_error_names_the_remedy():
    for metadata in (None, {"kind": ["a"] * 5}):
        with pytest.raises(InputError, match=r"no column 'count'.*give frequencies=, or frequencies='zipf'"):
            ss.WordAverage(space(metadata=metadata))
    with pytest.raises(InputError, match="must hold numbers without missing"):
        ss.WordAverage(space(metadata={"count": [1, 2, 3, 4, None]}))
    with pytest.raises(InputError, match="words must be a Space of words; got str"):
        ss.WordAverage("words")


def test_it_never_changes():
    encoder = average()
    with pytest.raises(AttributeError):
        encoder.a = 2
    for array in (encoder.common, encoder.frequencies):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 1
    assert repr(encoder) == "WordAverage(dim=4, words=5, a=0.001)"


def test_people_can_judge_it(tmp_path):
    table = tmp_path / "pairs.tsv"
    table.write_text("sentence1\tsentence2\tscore\ncat\tthe cat\t5\ncat\tdog\t1\ndog\tmat\t4\n", encoding="utf-8")
    assert ss.evaluate(average(remove_common=False), table)["pairs"].used == 3


@pytest.mark.parametrize("options", [{}, {"remove_common": False}, {"a": 0.2, "frequencies": "zipf"}])
def test_it_lies_in_the_bundle_of_its_space(tmp_path, options):
    encoder = average(**options)
    documents = encoder.embed(ss.Corpus.from_texts(["the cat", "a dog", "mat"]), progress=False)
    words = replace(space(), encoder=encoder)
    for name, one in (("documents", documents), ("words", words)):
        ss.save(one, tmp_path / name)
        again = ss.load(tmp_path / name)
        assert again.encoder.fingerprint == encoder.fingerprint
        np.testing.assert_array_equal(again.encode(["dog mat"]), encoder.encode(["dog mat"]))
        assert again.most_similar("the dog mat", k=1).ids == one.most_similar("the dog mat", k=1).ids
    assert (tmp_path / "documents" / "encoder-words.arrow").is_file()
    assert not (tmp_path / "words" / "encoder-words.arrow").exists()  # the space has them


def test_it_needs_no_transformer_and_no_tokenizers():
    code = (
        "import sys, semspace as ss; s = ss.Space.from_vectors(['a'], [[1, 0]], {'count': [1]});"
        "ss.WordAverage(s, remove_common=False).encode(['a']); print(*sys.modules)"
    )
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert {"torch", "transformers", "tokenizers", "sklearn"}.isdisjoint(loaded)


def test_the_old_name_of_from_corpus_warns():
    corpus = ss.Corpus.from_texts(["the cat", "the dog"])
    with pytest.warns(FutureWarning, match=r"WordAverage.fit\(\) is now called WordAverage.from_corpus\(\)"):
        old = ss.WordAverage.fit(space(), corpus, a=0.1)
    assert old.fingerprint == ss.WordAverage.from_corpus(space(), corpus, a=0.1).fingerprint


# -- the loops, as Python runs them ---------------------------------------------------------------------------


def test_a_weighted_mean_of_tokens_by_hand():
    rows = np.array([0, 1, -1], np.int32)  # token 2 has no vector
    weights = np.array([2, 0.5, 9], np.float32)
    table = np.array([[1, 0, 3], [4, 8, 0]], np.float32)
    ids, offsets = np.array([0, 2, 1, 1, 2, 0, 0, 0, 1], np.int32), np.array([0, 4, 5, 5, 9])
    out = np.full((4, 3), np.nan, np.float32)
    pool_kernel.pooled_means.py_func(ids, offsets, 3, rows, weights, table, out)
    # Of the first text's tokens, three are asked and two have vectors: ((2, 0, 6) + (2, 4, 0)) / 2.
    assert out.tolist() == [[2, 2, 3], [0, 0, 0], [0, 0, 0], [2, 0, 6]]


def test_what_a_direction_takes_away_by_hand():
    vectors = np.array([[5, 1, 2], [0, 5, 7]], np.float32)
    pool_kernel.remove_direction.py_func(vectors, np.array([0, 0.6, 0.8], np.float32))
    # Their shares of the direction are 2.2 and 8.6.
    np.testing.assert_allclose(vectors, [[5, -0.32, 0.24], [0, -0.16, 0.12]], atol=1e-5)
