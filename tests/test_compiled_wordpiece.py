"""The compiled WordPiece tokenizer finds exactly the library's tokens."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import AddedToken, Tokenizer, models, normalizers, pre_tokenizers

from semspace.sentences import compiled_wordpiece, static_encoder
from semspace.sentences.compiled_wordpiece import CompiledWordPiece
from semspace.sentences.static_encoder import StaticEncoder

PIECES = [
    "[UNK]",
    "[SEP]",
    "red",
    "green",
    "r",
    "e",
    "##d",
    "##ish",
    "##e",
    "é",
    "##é",
    "ß",
    "中",
    ",",
    "'",
    "$",
    "1",
    "##1",
]
# Letters with accents, marks alone, capitals whose lower case is longer, controls, spaces and signs of all kinds.
ALPHABET = (
    "rediRED1éÉÈßİıŉΣς\u0301\u0345\u00ad\u200b\u200d\u2028\u00a0\u3000\t\n\r\x00\x07\x7f ,.'$`^+–“…€中한🙂\ufffd[]"
)
texts = st.lists(
    st.lists(st.sampled_from([*ALPHABET, "red", "reddish", "[SEP]", " ", "e\u0301"]), max_size=25).map("".join)
    | st.text(max_size=15),
    max_size=6,
)


def library(*, lowercase=True, strip_accents=None, special="[SEP]"):
    numbers = {piece: i for i, piece in enumerate(PIECES)}
    tokenizer = Tokenizer(models.WordPiece(numbers, unk_token="[UNK]", max_input_chars_per_word=12))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=lowercase, strip_accents=strip_accents)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.add_special_tokens([special])
    return tokenizer


def compiled(tokenizer, limit=1_000):
    tokenizer.enable_truncation(limit)
    return CompiledWordPiece.of(tokenizer, limit)


VARIANTS = [
    {},
    {"lowercase": False},
    {"lowercase": False, "strip_accents": True},
    {"strip_accents": False},
]
TOKENIZERS = [compiled(library(**options)) for options in VARIANTS]


def of_texts(tokens):
    return [tokens.ids[a:b].tolist() for a, b in zip(tokens.offsets[:-1], tokens.offsets[1:], strict=True)]


def check(tokenizer, some):
    theirs = tokenizer.tokenizer.encode_batch(some, add_special_tokens=False)
    assert of_texts(tokenizer(some)) == [encoding.ids for encoding in theirs]


def names(*texts):
    return [[PIECES[number] for number in row] for row in of_texts(TOKENIZERS[0](list(texts)))]


def test_the_longest_pieces_are_taken_from_the_left():
    assert names("Reddish, RED!", "") == [["red", "##d", "##ish", ",", "red", "[UNK]"], []]
    assert names("rex re") == [["[UNK]", "r", "##e"]]  # a word whose rest has no piece is unknown as a whole
    assert names("e" + 11 * "1", "e" + 12 * "1") == [["e", *["##1"] * 11], ["[UNK]"]]  # longer than twelve


def test_what_the_library_reads_is_put_between():
    assert names("red 中red green[SEP] 1", "🙂") == [["red", "中", "red", "green", "[SEP]", "1"], ["[UNK]"]]


@given(st.integers(0, len(VARIANTS) - 1), texts)
def test_tokens_are_the_librarys(variant, some):
    check(TOKENIZERS[variant], some)


@pytest.mark.parametrize("variant", range(len(VARIANTS)))
def test_every_character_that_is_read_here_is_read_as_the_library_does(variant):
    points = [chr(point) for point in range(0x2200)]
    check(TOKENIZERS[variant], [f"r{one}e {one}" for one in points])


@pytest.mark.parametrize("limit", [1, 2, 5])
@pytest.mark.parametrize("spare", [0, 1_000])
def test_long_texts_are_truncated_wherever_the_library_helps(monkeypatch, limit, spare):
    monkeypatch.setattr(compiled_wordpiece, "_GAPS", spare)
    tokenizer = compiled(library(), limit)
    check(
        tokenizer,
        ["red " * 9, "中 " * 9, "red 中中中 red 中 e 中 green", "reddish", "red 中 e " * 30, "中", "", "1 1 1 1"],
    )


def test_more_rare_characters_than_rows_for_them(monkeypatch):
    monkeypatch.setattr(compiled_wordpiece, "_GAPS", 0)
    check(compiled(library()), ["red 中 e " * 30, "e 1 中", "", "red", "中 1 中 e 中 red " * 8])


def test_one_thread_is_enough():
    tokenizer = library()
    alone = CompiledWordPiece.of(tokenizer, 1_000, threads=1)
    check(alone, ["red 中 e", "中", "green"])


def test_other_tokenizers_have_no_twin():
    plain = library()
    assert CompiledWordPiece.of(plain, 9) is not None
    changed = library()
    changed.normalizer = normalizers.Lowercase()
    assert CompiledWordPiece.of(changed, 9) is None
    changed = library()
    changed.pre_tokenizer = pre_tokenizers.Whitespace()
    assert CompiledWordPiece.of(changed, 9) is None
    assert CompiledWordPiece.of(library(special="two words"), 9) is None
    changed = library()
    changed.add_tokens([AddedToken("redgreen", normalized=True)])
    assert CompiledWordPiece.of(changed, 9) is None
    assert CompiledWordPiece.of(Tokenizer(models.BPE({"a": 0}, [])), 9) is None


@given(texts)
def test_vectors_are_those_of_the_librarys_tokens(some):
    table = np.random.default_rng(0).normal(size=(len(PIECES), 3)).astype(np.float32)
    encoder, slow = (StaticEncoder(library().to_str(), table, max_tokens=4) for _ in range(2))
    assert encoder._compiled is not None
    slow.__dict__["_compiled"] = None
    for ours, theirs in zip(encoder._encode_part(some), slow._encode_part(some), strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_threads_change_nothing(monkeypatch):
    table = np.random.default_rng(0).normal(size=(len(PIECES), 3)).astype(np.float32)
    encoder = StaticEncoder(library().to_str(), table)
    some = [f"{'red ' * (i % 5)}{'1' * (i % 7)} green 中" for i in range(1_000)]
    alone = encoder.encode(some, progress=False)
    monkeypatch.setattr(static_encoder, "thread_count", lambda: 3)
    np.testing.assert_array_equal(encoder.encode(some, progress=False), alone)
