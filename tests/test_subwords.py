"""Subwords: the same n-grams and buckets as fastText, and unseen words as means of them."""

import numpy as np
import pytest
from gensim.models import FastText
from gensim.models.fasttext import ft_ngram_hashes
from hypothesis import given
from hypothesis import strategies as st

import semspace as ss
from semspace.errors import DamagedError, InputError, UnknownIdError
from semspace.words.subwords import SubwordEncoder, Subwords

words = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)


def fnv(text):
    """32-bit FNV-1a over bytes taken as signed, as fastText has it."""
    code = 2166136261
    for byte in text.encode():
        code = ((code ^ (byte | 0xFFFFFF00 if byte >= 128 else byte)) * 16777619) % 2**32
    return code


def test_the_hash_is_the_published_one():
    assert [fnv(text) for text in ("", "a", "foobar")] == [0x811C9DC5, 0xE40C292C, 0xBF9CF968]


@pytest.mark.parametrize(
    ("word", "minn", "maxn", "grams"),
    [
        ("cat", 3, 3, ["<ca", "cat", "at>"]),
        ("cat", 3, 6, ["<ca", "<cat", "<cat>", "cat", "cat>", "at>"]),
        ("cat", 1, 2, ["<c", "c", "ca", "a", "at", "t", "t>"]),  # a mark alone is left out
        ("as", 4, 6, ["<as>"]),
        ("as", 5, 6, []),
        ("été", 3, 4, ["<ét", "<été", "été", "été>", "té>"]),  # characters, not bytes
        ("", 1, 3, ["<>"]),
        ("", 3, 6, []),
        ("日本", 2, 2, ["<日", "日本", "本>"]),
        ("À…é", 2, 2, ["<À", "À…", "…é", "é>"]),  # with bytes of 128, the lowest that are negative when signed
    ],
)
def test_the_ngrams_of_a_word(word, minn, maxn, grams):
    assert Subwords(minn, maxn, 9_973).of(word).tolist() == [fnv(gram) % 9_973 for gram in grams]


@given(words, st.integers(1, 5), st.integers(0, 5), st.sampled_from([1, 7, 2_000, 2_000_000, 2**31 - 1]))
def test_the_buckets_are_gensims(word, minn, more, buckets):
    expected = ft_ngram_hashes(word, minn, minn + more, buckets)
    assert Subwords(minn, minn + more, buckets).of(word).tolist() == expected


@given(st.lists(words, max_size=6))
def test_a_table_is_its_words_one_after_the_other(some):
    subwords = Subwords(2, 4, 1_000)
    offsets, buckets = subwords.table(some)
    assert (offsets.dtype, buckets.dtype, len(offsets)) == (np.int64, np.int32, len(some) + 1)
    for i, word in enumerate(some):
        np.testing.assert_array_equal(buckets[offsets[i] : offsets[i + 1]], subwords.of(word))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"minn": 0}, "minn must be a whole number of at least 1; got 0"),
        ({"minn": 4, "maxn": 3}, "minn must be at most maxn; got minn=4 and maxn=3"),
        ({"buckets": 2**31}, "buckets must be a whole number from 1 to 2147483647"),
    ],
)
def test_settings_are_checked(settings, message):
    with pytest.raises(InputError, match=message):
        Subwords(**settings)


# -- the encoder ----------------------------------------------------------------------------------------------


def encoder(dim=5, buckets=50, words=(), seed=0, **settings):
    draw = np.random.default_rng(seed)
    own = draw.normal(size=(len(words), dim)).astype(np.float32)
    vectors = draw.normal(size=(buckets, dim)).astype(np.float32)
    return SubwordEncoder(Subwords(buckets=buckets), vectors, None, words, own, **settings)


def test_an_unseen_word_is_the_mean_of_its_subwords():
    made = encoder()
    expected = made.vectors[made.subwords.of("cat")].mean(axis=0)
    np.testing.assert_allclose(made.encode(["cat"])[0], expected, rtol=1e-6)


def test_only_subwords_that_have_a_vector_count():
    subwords = Subwords(3, 3, 1_000)  # cat: 747, 31, 106
    made = SubwordEncoder(subwords, np.array([[1, 0], [0, 4]], np.float32), np.array([31, 106], np.int32))
    np.testing.assert_array_equal(made.encode(["cat"]), [[0.5, 2]])
    with pytest.raises(InputError, match=r"no vector for 'dog': .* none of its subwords was seen in training"):
        made.encode(["cat", "dog"])
    with pytest.raises(InputError, match="no vector for 'dog xyz'"):
        made.encode(["dog xyz"])


def test_no_bucket_has_a_vector():
    made = SubwordEncoder(Subwords(), np.empty((0, 3), np.float32), np.empty(0, np.int32), ["a"], np.ones((1, 3)))
    assert made.encode(["a"]).tolist() == [[1, 1, 1]]
    with pytest.raises(InputError, match="no vector for 'cat'"):
        made.encode(["cat"])


def test_a_word_of_the_vocabulary_keeps_its_vector():
    made = encoder(words=["cat", "new york"])
    np.testing.assert_array_equal(made.encode(["cat", "new york"]), made.word_vectors)


def test_a_text_is_the_mean_of_unit_vectors():
    made = encoder(words=["cat", "sat"])
    parts = made.encode(["cat", "sat", "quietly"])
    expected = (parts / np.linalg.norm(parts, axis=1, keepdims=True)).mean(axis=0)
    np.testing.assert_allclose(made.encode(["cat sat quietly."])[0], expected, rtol=1e-5)


def test_many_texts_at_once_are_the_same_as_one_by_one():
    made = encoder(words=["cat", "sat"])
    texts = ["cat", "a cat", "unseen", "cat"] * 1_500
    np.testing.assert_array_equal(made.encode(texts), np.concatenate([made.encode([t]) for t in texts[:4]] * 1_500))
    assert made.encode([]).shape == (0, 5)


def test_capitals_go_where_the_vocabulary_has_none():
    small, both = encoder(words=["cat"]), encoder(words=["cat", "Cat"])
    np.testing.assert_array_equal(small.encode(["Cat", "CATS"]), small.encode(["cat", "cats"]))
    assert small.lowercase
    assert not both.lowercase
    np.testing.assert_array_equal(both.encode(["Cat"])[0], both.word_vectors[1])
    assert not np.array_equal(both.encode(["CATS"]), both.encode(["cats"]))
    assert not np.array_equal(both.encode(["Cat house"]), both.encode(["cat house"]))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"rows": np.array([1, 1], np.int32)}, "rows must increase"),
        ({"rows": np.array([1, 10], np.int32)}, "rows must increase and lie within the 10 buckets"),
        ({"rows": np.array([1], np.int32)}, "rows must be int32, one for each of the 2 vectors"),
        ({"rows": np.array([1, 2])}, "rows must be int32"),
        ({}, "a row for each of the 10 buckets; got 2"),
        ({"words": ["a"], "rows": np.array([1, 2], np.int32)}, "same length; got 1 and 0"),
        ({"vectors": np.full((10, 2), np.nan)}, "vectors must be finite; row 0 holds NaN"),
    ],
)
def test_an_encoder_is_checked(changes, message):
    with pytest.raises(InputError, match=message):
        SubwordEncoder(**{"subwords": Subwords(buckets=10), "vectors": np.ones((2, 2), np.float32), **changes})


def test_the_fingerprint_is_over_everything():
    made = [
        encoder(),
        encoder(seed=1),
        encoder(words=["a"]),
        encoder(words=["b"]),
        SubwordEncoder(Subwords(minn=2, buckets=50), encoder().vectors),
        SubwordEncoder(Subwords(buckets=50), encoder().vectors, np.arange(50, dtype=np.int32)),
    ]
    assert len({one.fingerprint for one in made}) == len(made)
    assert encoder().fingerprint == encoder().fingerprint


# -- in a space -----------------------------------------------------------------------------------------------


@pytest.fixture(params=["all buckets", "some buckets"])
def space(request):
    made = encoder(words=["cat", "cats", "dog", "house"])
    if request.param == "some buckets":
        rows = np.arange(0, 50, 2, dtype=np.int32)
        made = SubwordEncoder(made.subwords, made.vectors[rows], rows, made.words, made.word_vectors)
    return ss.Space.from_vectors(made.words, made.word_vectors, encoder=made)


def test_an_unseen_word_can_be_asked(space):
    assert len(space.most_similar("catty", 4)) == 4
    assert space.similarity("catty", "cat") == pytest.approx(
        space.similarity(space.encoder.encode(["catty"])[0], space["cat"]), abs=1e-6
    )


def test_a_space_without_encoder_still_says_what_is_unknown(space):
    plain = ss.Space.from_vectors(space.ids.tolist(), space.vectors)
    with pytest.raises(UnknownIdError, match=r"no point 'catty' in .* no encoder .*; did you mean cat"):
        plain.most_similar("catty")


@pytest.mark.parametrize(
    "make",
    [
        lambda space: space,
        lambda space: space.select(["dog", "cat"]),
        lambda space: space.extend(["more"], np.ones((1, 5))),
        ss.Index.build,
        lambda space: ss.Index.build(space, "hnsw", m=4, threads=1),
        lambda space: ss.cluster(space, n_clusters=2, progress=False),
    ],
)
def test_it_is_saved_inside_its_space(space, make, tmp_path):
    value = make(space)
    ss.save(value, tmp_path / "x")
    again = getattr(ss.load(tmp_path / "x"), "space", ss.load(tmp_path / "x"))
    assert again.encoder.fingerprint == space.encoder.fingerprint
    np.testing.assert_array_equal(again.encode(["catty", "dog"]), space.encode(["catty", "dog"]))
    ss.save(again, tmp_path / "y")  # and once more, from what was loaded
    assert ss.load(tmp_path / "y").encoder.fingerprint == space.encoder.fingerprint


def test_the_words_are_saved_once_where_they_are_the_spaces_own(space, tmp_path):
    ss.save(space, tmp_path / "whole")
    ss.save(space.select(["dog"]), tmp_path / "part")
    assert not (tmp_path / "whole" / "encoder-words.arrow").exists()
    assert (tmp_path / "part" / "encoder-words.arrow").exists()


def test_a_damaged_encoder_is_found_out(space, tmp_path):
    ss.save(space, tmp_path / "x")
    file = tmp_path / "x" / "encoder-vectors.npy"
    file.write_bytes(file.read_bytes()[:-1] + b"\x00")
    with pytest.raises(DamagedError, match="checksum"):
        ss.load(tmp_path / "x")


def test_an_index_takes_unseen_words(space):
    assert len(ss.Index.build(space).search("catty", 2)) == 2


def test_gensims_fasttext_agrees():
    sentences = [["kitten", "cat", "Élan"], ["dog", "puppy", "cat"], ["日本語", "cat", "élan"]] * 10
    model = FastText(sentences, vector_size=8, min_count=1, epochs=2, bucket=500, workers=1, seed=1)
    mine = SubwordEncoder(Subwords(3, 6, 500), model.wv.vectors_ngrams, None, model.wv.index_to_key, model.wv.vectors)
    for word in ["cat", "kittens", "doggy", "naïveté", "日本", "Élan", "-"]:
        np.testing.assert_allclose(mine.encode([word])[0], model.wv[word], atol=1e-6)
