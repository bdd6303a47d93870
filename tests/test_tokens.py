"""Tokens: a corpus as numbers."""

from contextlib import contextmanager

import numpy as np
import polars as pl
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

import semspace as ss
from semspace.errors import InputError
from semspace.text.tokenize import get_tokenizer
from tests import strategies


def split(text, how="fast"):
    return get_tokenizer(how)(pl.Series([text])).to_list()[0]


def numbered(text):
    """The words of a text as a compiled kernel finds them for `Tokens`."""
    tokens = ss.Tokens.from_texts([text])
    return [tokens.words[i] for i in tokens.ids]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Don't panic: 42 towels!", ["don't", "panic", "42", "towels"]),
        ("L’été, c’est loin", ["l'été", "c'est", "loin"]),
        ("The U.S. Army, e.g. a.but I.B.M", ["the", "u.s", "army", "e.g", "a", "but", "i.b.m"]),
        ("A4 paper, 3.5 mm", ["a", "4", "paper", "3", "5", "mm"]),
        ("'quoted' words-joined", ["quoted", "words", "joined"]),
        ("Ελλάδα и Россия", ["ελλάδα", "и", "россия"]),
        ("नमस्ते दुनिया", ["नमस्ते", "दुनिया"]),
        ("… ☃ \x00 \t", []),
    ],
)
def test_fast_words(text, words):
    assert split(text) == words
    if words:
        assert numbered(text) == words


@settings(max_examples=300)
@given(text=st.text("aZé4.'’· -_\u0301", max_size=20))
@example("U.S.A")
@example("a.b.cd e.g4 x.'y.z")
def test_the_kernel_splits_as_the_pattern_does(text):
    assert numbered(f"{text} end") == split(f"{text} end")


def test_spacy_words():
    assert split("Don't panic, Mr. Dent!", "spacy:en") == ["do", "n't", "panic", "mr.", "dent"]


@pytest.mark.parametrize("how", ["slow", "spacy:", "spacy"])
def test_unknown_tokenizer(how):
    with pytest.raises(InputError, match=r"must be 'fast', 'icu', 'whitespace' or 'spacy:LANG'"):
        get_tokenizer(how)


def test_unknown_language():
    with pytest.raises(InputError, match="no language 'qq'"):
        get_tokenizer("spacy:qq")


def test_numbers_go_by_frequency_then_spelling():
    tokens = ss.Tokens.from_corpus(ss.Corpus.from_texts(["b a b c", "!!!", "a b"]))
    assert tokens.vocabulary.rows() == [("b", 3), ("a", 2), ("c", 1)]
    assert tokens.ids.tolist() == [0, 1, 0, 2, 1, 0]
    assert tokens.offsets.tolist() == [0, 4, 4, 6]
    assert [document.tolist() for document in tokens.documents()] == [[0, 1, 0, 2], [], [1, 0]]
    assert tokens.ids.dtype == np.int32
    assert not tokens.ids.flags.writeable


def test_rare_words_are_left_out():
    corpus = ss.Corpus.from_texts(["b a b c", "a b"])
    direct = ss.Tokens.from_corpus(corpus, min_count=2)
    later = ss.Tokens.from_corpus(corpus).at_least(2)
    for tokens in (direct, later):
        assert tokens.words == ["b", "a"]
        assert tokens.ids.tolist() == [0, 1, 0, 1, 0]
        assert tokens.offsets.tolist() == [0, 3, 5]


def test_no_word_is_left():
    with pytest.raises(InputError, match="min_count=5 times or more; the largest count of a word is 2"):
        ss.Tokens.from_corpus(ss.Corpus.from_texts(["a b a"]), min_count=5)
    with pytest.raises(InputError, match="the text has no words"):
        ss.Tokens.from_corpus(ss.Corpus.from_texts(["!!!"]))


@pytest.mark.parametrize(
    ("ids", "offsets"),
    [([0, 9], [0, 2]), ([0, -1], [0, 2]), ([0, 0], [0, 1]), ([0, 0], [1, 2]), ([0, 0], [0, 2, 1, 2])],
)
def test_unsound_tokens_are_refused(ids, offsets):
    vocabulary = pl.DataFrame({"word": ["a"], "count": [2]})
    with pytest.raises(InputError):
        ss.Tokens(np.array(ids, np.int32), np.array(offsets, np.int64), vocabulary)


@pytest.mark.filterwarnings("ignore:many texts are in")
@settings(max_examples=25, deadline=None)
@given(corpus=strategies.corpora())
def test_words_and_numbers_agree(tmp_path_factory, corpus):
    split_texts = list(get_tokenizer("fast")(corpus.texts).to_list())
    if not any(split_texts):
        return
    tokens = ss.Tokens.from_corpus(corpus)
    assert [[tokens.words[i] for i in document] for document in tokens.documents()] == split_texts
    path = tmp_path_factory.mktemp("t") / "t"
    ss.save(tokens, path)
    again = ss.load(path)
    assert again.ids.tolist() == tokens.ids.tolist()
    assert again.vocabulary.equals(tokens.vocabulary)


def test_texts_of_a_list_are_those_of_a_column():
    assert ss.Tokens.from_texts(["a b", "b"]).words == ss.Tokens.from_texts(pl.Series(["a b", "b"])).words == ["b", "a"]
    with pytest.raises(InputError, match="texts must hold only strings"):
        ss.Tokens.from_texts(["a", 1])


def test_old_names_work_and_warn(tmp_path):
    corpus = ss.Corpus.from_texts(["A_b c"])
    (tmp_path / "x.txt").write_text("A_b c")
    with pytest.warns(FutureWarning, match=r"Tokens.from_corpus\(split=\) is now called tokenizer="):
        assert ss.Tokens.from_corpus(corpus, split="whitespace").words == ["A_b", "c"]
    with pytest.warns(FutureWarning, match=r"Tokens.read\(split=\) is now called tokenizer="):
        assert ss.Tokens.read(tmp_path / "x.txt", split="whitespace").words == ["A_b", "c"]


@pytest.mark.parametrize("threads", [1, 2])
def test_tokens_do_not_depend_on_the_number_of_threads(tmp_path, threads):
    (tmp_path / "x.txt").write_text("a cat and a dog\na dog\n" * 100)
    tokens, limited = (ss.Tokens.read(tmp_path / "x.txt", threads=n, progress=False) for n in (None, threads))
    assert limited.words == tokens.words
    assert limited.ids.tolist() == tokens.ids.tolist()


def test_reading_shows_how_far_it_is(tmp_path, monkeypatch):
    seen = []

    class Recorder:
        def update(self, n=1):
            seen.append(n)

    @contextmanager
    def recorded(what, total, *, unit, progress=True):
        assert progress
        yield Recorder()
        assert sum(seen) == total

    monkeypatch.setattr("semspace.text.tokens.bar", recorded)
    monkeypatch.setattr("semspace.formats.vector_file.bar", recorded)
    texts = ["a cat", "ein Hündchen"]
    ss.Tokens.from_corpus(ss.Corpus.from_texts(texts))
    assert sum(seen) == sum(len(text.encode()) for text in texts)
    seen.clear()
    (tmp_path / "x.vec").write_text("cat 1.0 0.5\ndog 1.0 0.4\n")
    ss.read_vectors(tmp_path / "x.vec")
