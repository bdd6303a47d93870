"""Word vectors from and to the files of word2vec, GloVe and fastText, and gensim."""

import gzip
import json
import struct
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from gensim.models import Doc2Vec, FastText, KeyedVectors, Word2Vec
from gensim.models.doc2vec import TaggedDocument
from gensim.models.fasttext import load_facebook_vectors, save_facebook_model
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import semspace as ss
from semspace.cli import main
from semspace.errors import DamagedError, ExistsError, InputError, MissingFileError, SemspaceError, SemspaceWarning
from semspace.formats import vector_file
from semspace.formats.vectors import READERS, WRITERS
from tests.conftest import random_space

WORDS = ["cat", "Élan", "日本語", "non\u00a0breaking", "a'b-c", "400000", "\u2028", "nan", "😀", "-1.5"]
EXTREMES = [0.1, 1 / 3, 1e-12, -9.999999e14, 3.4028235e-10, 16777217.0, -0.0, 1.1754944e-38, 5e-324, 7.0]


def some_space(words=WORDS, dim=7):
    vectors = np.random.default_rng(0).normal(size=(len(words), dim)).astype(np.float32)
    vectors[:, 0] = np.resize(np.array(EXTREMES, np.float32), len(words))
    return ss.Space.from_vectors(words, vectors)


def assert_same(first, second):
    assert first.ids.tolist() == second.ids.tolist()
    assert first.vectors.tobytes() == second.vectors.tobytes()


def outcome(path, **options):
    """Return the space read, or what was said against it."""
    try:
        return ss.read_vectors(path, **options)
    except SemspaceError as problem:
        return str(problem)


@pytest.fixture
def file(tmp_path):
    def write(content, name="vectors.txt"):
        path = tmp_path / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    return write


# -- round trips ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("ending", ["", ".gz"])
@pytest.mark.parametrize("format", WRITERS)
def test_what_is_written_reads_back_bit_for_bit(tmp_path, format, ending):
    space, path = some_space(), tmp_path / f"x{ending}"
    ss.write_vectors(space, path, format=format)
    assert (path.read_bytes()[:2] == b"\x1f\x8b") == bool(ending)
    again = ss.read_vectors(path)
    assert_same(again, space)
    assert again.provenance["format"] == format
    assert_same(ss.read_vectors(path, format=format, limit=3), space.select(WORDS[:3]))
    assert [p.name for p in tmp_path.iterdir()] == [path.name]


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # it leaves a file open
@pytest.mark.parametrize("format", WRITERS)
def test_gensim_reads_what_is_written(tmp_path, format):
    space, path = some_space(), tmp_path / "x"
    ss.write_vectors(space, path, format=format)
    options = {"binary": format == "word2vec-binary", "no_header": format == "glove"}
    theirs = KeyedVectors.load_word2vec_format(str(path), **options)
    assert theirs.index_to_key == WORDS
    assert theirs.vectors.tobytes() == space.vectors.tobytes()


@pytest.mark.parametrize("binary", [False, True])
def test_what_gensim_writes_is_read(tmp_path, binary):
    space, path = some_space(), tmp_path / "x"
    ss.to_gensim(space).save_word2vec_format(str(path), binary=binary)
    assert_same(ss.read_vectors(path), space)


finite = st.floats(width=32, allow_nan=False, allow_infinity=False)
sound = st.text(st.characters(exclude_categories=["Cs"], exclude_characters=" \t\n\v\f\r"), min_size=1, max_size=8)


@given(st.data(), st.sampled_from(sorted(WRITERS)))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_float_and_any_word_come_back(tmp_path, data, format):
    words = data.draw(st.lists(sound, min_size=1, max_size=6, unique=True))
    vectors = data.draw(hnp.arrays(np.float32, (len(words), 3), elements=finite))
    vectors[:, 0] = 1  # a direction, even where the rest has none
    vectors = np.clip(vectors, -1e14, 1e14)
    space = ss.Space.from_vectors(words, vectors)
    ss.write_vectors(space, tmp_path / "x", format=format, overwrite=True)
    assert_same(ss.read_vectors(tmp_path / "x", format=format), space)


@pytest.mark.parametrize("chunk", [1, 7, 64])
@pytest.mark.parametrize("format", [*WRITERS, "fasttext"])
def test_blocks_may_end_anywhere(tmp_path, monkeypatch, format, chunk, fasttext_file):
    path = fasttext_file if format == "fasttext" else tmp_path / "x"
    if format != "fasttext":
        ss.write_vectors(some_space(), path, format=format)
    whole = ss.read_vectors(path)
    monkeypatch.setattr(vector_file, "CHUNK", chunk)
    monkeypatch.setattr(vector_file, "_HEAD", 1)
    monkeypatch.setattr(vector_file.VectorFile.read, "__defaults__", (chunk,))
    assert_same(ss.read_vectors(path, format=format), whole)
    assert_same(ss.read_vectors(path, format=format, limit=4), whole.select(whole.ids[:4].tolist()))


# -- text -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        "2 2\ncat 1 .5\ndog -1e-2 +2.\n",
        "2 2 \ncat 1 .5 \ndog -1e-2 +2. \n",  # as the first word2vec wrote them
        "2 2\r\ncat 1 .5\r\ndog -1e-2 +2.\r\n",
        "\ufeff2 2\ncat 1 .5\ndog -1e-2 +2.\n",
        "2\t2\ncat\t1\t.5\ndog\t-1E-02\t+2.\n",
        "2 2\n\ncat  1  .5\ndog -0.01 2\n\n\n",
        "cat 1 .5\ndog -1e-2 +2.\n",
        "cat 1 .5\ndog -1e-2 +2.\n\n",
    ],
)
def test_ways_of_writing_the_same(file, text):
    space = ss.read_vectors(file(text))
    assert space.ids.tolist() == ["cat", "dog"]
    np.testing.assert_array_equal(space.vectors, np.array([[1, 0.5], [-0.01, 2]], np.float32))


def test_a_first_word_that_a_reader_would_take_for_a_mark_is_refused(tmp_path):
    space = ss.Space.from_vectors(["\ufeffq", "b"], [[1, 0], [0, 1]])
    with pytest.raises(InputError, match=r"the first id begins with U\+FEFF.*; write another id first, or format="):
        ss.write_vectors(space, tmp_path / "x", format="glove")
    for other, format in ((space.select(["b", "\ufeffq"]), "glove"), (space, "word2vec"), (space, "word2vec-binary")):
        ss.write_vectors(other, tmp_path / "x", format=format, overwrite=True)
        assert ss.read_vectors(tmp_path / "x", format=format).ids.tolist() == other.ids.tolist()


def test_words_of_glove_may_hold_spaces(file):
    space = ss.read_vectors(file("the 1 1.5\n1. 2. 1 2.5\nat a@b.c 1 2\n  1 0.5\n. . . 1 3\na 1 2\nb 1 2\n"))
    assert space.ids.tolist() == ["the", "1. 2.", "at a@b.c", "", ". . .", "a", "b"]
    assert space.vectors[:5, 1].tolist() == [1.5, 2.5, 2, 0.5, 3]


def test_the_first_line_of_glove_may_hold_a_word_with_spaces(file):
    space = ss.read_vectors(file(". . . 0.5 3\nthe 0.5 1.5\na 1 2\n"))
    assert space.ids.tolist() == [". . .", "the", "a"]


@given(st.from_regex(r"\A[+-]?([0-9]{1,25}(\.[0-9]{0,25})?|\.[0-9]{1,25})([eE][+-]?[0-9]{1,2})?\Z"))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=300)
def test_numbers_are_those_of_python(file, text):
    with np.errstate(over="ignore"):
        expected = np.float32(float(text))
    path = file(f"w 1.0 {text}\n")
    if np.isfinite(expected) and abs(expected) < 1e15:
        assert ss.read_vectors(path)["w"][1].tobytes() == expected.tobytes()
    else:
        with pytest.raises(InputError, match=r"line 1 of .* isn't finite|too large"):
            ss.read_vectors(path)


def test_a_number_between_two_floats_is_rounded_as_python_does(file):
    numbers = ["16777217", "16777217.00000000000000001", "1.000000059604644775390625", "0.1" + "0" * 40]
    space = ss.read_vectors(file(f"w {' '.join(numbers)}\n"))
    assert space["w"].tolist() == [float(np.float32(float(number))) for number in numbers]


def test_the_first_of_equal_words_is_kept_and_zero_rows_are_left_out(file):
    space = ss.read_vectors(file("5 2\ncat 1 2\nunk 0 -0.0\ncat 3 4\ndog 1 1\ncat 0 0\n"))
    assert dict(zip(space.ids, space.vectors.tolist(), strict=True)) == {"cat": [1, 2], "dog": [1, 1]}
    assert {name: space.provenance[name] for name in ("duplicates", "zeros", "undecodable")} == {
        "duplicates": 2,
        "zeros": 1,
        "undecodable": 0,
    }


def test_another_encoding(file):
    path = file("1 2\nélan 1 2\n".encode("latin-1"))
    assert ss.read_vectors(path, encoding="latin-1").ids.tolist() == ["élan"]
    with pytest.raises(InputError, match=r"the word in line 2 of .* is not utf-8: b'\\xe9lan'; give its encoding"):
        ss.read_vectors(path)


@pytest.mark.parametrize("format", ["word2vec", "word2vec-binary", "glove"])
def test_undecodable_words_can_be_left_out(file, format):
    rows = [b"cat", b"\xe9lan", b"\xe9lan", "été".encode()]
    if format == "word2vec-binary":
        content = b"4 1\n" + b"".join(word + b" " + struct.pack("<f", i + 1) for i, word in enumerate(rows))
    else:
        content = b"4 1\n" * (format == "word2vec") + b"".join(b"%s %d.0\n" % (w, i + 1) for i, w in enumerate(rows))
    space = ss.read_vectors(file(content), undecodable="drop", format=format)
    assert dict(zip(space.ids, space.vectors[:, 0].tolist(), strict=True)) == {"cat": 1, "été": 4}
    assert space.provenance["undecodable"] == 2


@pytest.mark.parametrize("separator", [" ", "\t"])
def test_words_with_spaces_in_text(file, separator):
    rows = ["a", "new york", ". . .", "apollo 11", "tab\tinside", "b"]
    lines = [separator.join([word, "1.5", str(i)]) for i, word in enumerate(rows)]
    for header in ("6 2\n", ""):
        space = ss.read_vectors(file(header + "\n".join(lines) + "\n"))
        assert space.ids.tolist() == rows
        assert space.vectors[:, 1].tolist() == [0, 1, 2, 3, 4, 5]


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # it leaves a file open
def test_words_with_spaces_that_gensim_wrote(tmp_path):
    words = ["a", "new york", "b", *(f"San {name} 9" for name in "xyz")]
    theirs = KeyedVectors(4)
    theirs.add_vectors(words, np.random.default_rng(0).normal(size=(6, 4)).astype(np.float32))
    theirs.save_word2vec_format(str(tmp_path / "v.txt"))
    theirs.save_word2vec_format(str(tmp_path / "v.bin"), binary=True)
    space = ss.read_vectors(tmp_path / "v.txt")
    assert space.ids.tolist() == words
    assert space.vectors.tobytes() == theirs.vectors.tobytes()
    for options in ({}, {"limit": 2}, {"encoding": "latin-1"}, {"undecodable": "drop"}):
        with pytest.raises(SemspaceError, match="or it holds words with spaces, such as"):
            ss.read_vectors(tmp_path / "v.bin", **options)


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        ("id,text,year\n1,the cat sat,2001\n2,a dog,2002\n", "a table separated by commas; Corpus.read"),
        ("1,He won 5\n2,She lost 3\n3,They met 9\n", "a table separated by commas"),
        ("cat\tdog\t7.35\nsun\tsky\t5\n", "a table separated by tabs"),
        ("The match ended 3\nAnother one in 7\n", "to be text; Corpus.read reads texts"),
        ('{"id": 1, "text": "a b 5"}\n', "to be JSON"),
        ("<html><body>\nThe year 2001\n", "to be HTML"),
        (b"abc\0\1\2 5\n1 2\n", "binary data of an unknown kind"),
        ("2 3\nThis is a text\nand more of it.\n", "starts with two numbers, .* but no words with"),
        ("the 23135851162\nof 13151942776\n", "has one number per line, .* pass format='glove'"),
        ("0.1 0.2 0.3\n1e-3 -.4 2.\n", "a matrix of numbers without words"),
        (b"\x93NUMPY\x01\x00v\x00{'descr'", "an array of NumPy"),
        (b"PAR1\x15\x04", "is a Parquet table"),
        (b"\x89PNG\r\n\x1a\n", "is an image"),
    ],
)
def test_files_of_another_kind(file, content, kind):
    with pytest.raises(InputError, match=kind) as problem:
        ss.read_vectors(file(content))
    assert "\n" not in str(problem.value)


# -- what is wrong is said in a sentence ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "error", "message"),
    [
        ("", InputError, "is empty"),
        ("\n \n", InputError, "is empty"),
        ("hello there\nworld\n", InputError, "that semspace reads: it starts with 'hello there'"),
        ("id,text\n1,2\n", InputError, "isn't a file of word vectors"),
        (b"\x80\x04\x95abc", InputError, "is a pickle, which can run code when opened"),
        (b"PK\x03\x04abc", InputError, "is a zip archive"),
        ("3 2\ncat 1 2\ndog 1 2\n", DamagedError, "announces 3 words and ends after 2"),
        ("1 2\ncat 1 2\ndog 1 2\n", DamagedError, "announces 1 words but has more; .* limit=1"),
        ("2 2\ncat 1 2\ndog 1\n", DamagedError, "line 3 of .* has 2 fields; a word and 2 numbers make 3"),
        ("2 2\ncat 1 2 3\ndog 1 2 3\n", DamagedError, "announces 2 dimensions, and most of its lines have more"),
        ("2 2\n\ncat 1 2\ndog 1 x2\n", InputError, "line 4 of .* holds b'x2' where a number should be"),
        ("2 2\ncat ? 2\ndog 1 10\n", InputError, r"line 2 of .* holds b'\?'"),
        ("2 2\ncat 1 2\ndog 1 1_0\n", InputError, "line 3 of .* holds b'1_0'"),
        ("2 2\ncat 1 2\ndog 1 1e\n", InputError, "line 3 of .* holds b'1e'"),
        ("2 2\ncat 1 2\ndog 1 --1\n", InputError, "line 3 of .* holds b'--1'"),
        ("2 2\ncat 1 -nan\ndog 1 2\n", InputError, "line 2 of .* holds -nan, which isn't finite"),
        ("2 2\ncat 1 2\ndog 1 inf\n", InputError, "line 3 of .* holds inf"),
        ("2 2\ncat 1 2\ndog 1 1e39\n", InputError, "line 3 of .* holds 1e39"),
        ("2 2\ncat 1 2\ndog 1 1e20\n", InputError, "the vector of 'dog' .* is too large"),
        ("2 2\ncat 1 2\ndog 1 2", DamagedError, "is cut short: line 3 has no end"),
        ("cat 1 2\ndog 1 2", DamagedError, "is cut short: line 2 has no end"),
        ("cat 1 2\ndog 1\ncow 1 2\n", DamagedError, "line 2 of .* has 2 fields; a word and 2 numbers make 3"),
        ("0 2\n", InputError, "announces 0 words of 2 dimensions"),
        ("2 0\n", InputError, "announces 2 words of 0 dimensions"),
        ("2 99999999999\n", DamagedError, "announces 99,999,999,999 dimensions"),
        ("99999999999999 2\ncat 1 2\n", DamagedError, "announces 99,999,999,999,999 words and ends after 1"),
        ("2 1\nunk 0\nunk 0\n", InputError, "no word with a vector in "),
        (b"1 1\ncat \x00\x00\xc0\x7f", InputError, "the vector of 'cat' .* holds NaN"),
        (b"2 1\ncat \x00\x00\x80\x3fdog \x00", DamagedError, "cut short: it ends in the middle of word 2 of 2"),
        (b"2 1\ncat \x00\x00\x80\x3f\n\n", DamagedError, "announces 2 words and ends after 1"),
        (b"1 1\ncat \x00\x00\x80\x3fdog \x00\x00\x80\x3f", DamagedError, "announces 1 words but has more"),
        (b"1 1\nc\nat \x00\x00\x80\x3f", DamagedError, "word 1 holds the end of a line"),
        (b"1 1\n\xe9 \x00\x00\x80\x3f", InputError, r"word 1 of .* is not utf-8: b'\\xe9'"),
        (gzip.compress(b"cat 1 2\n" * 99, mtime=0)[:-9], DamagedError, "is not a whole gzip file"),
        (b"\x1f\x8bnonsense and more of it", DamagedError, "is not a whole gzip file"),
    ],
)
def test_bad_files(file, content, error, message):
    with pytest.raises(error, match=message) as problem:
        ss.read_vectors(file(content))
    assert "\n" not in str(problem.value)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            {"format": "csv"},
            "format must be one of faiss, fasttext, glove, usearch, word2vec, word2vec-binary; got 'csv'",
        ),
        ({"limit": 0}, "limit must be a whole number of at least 1; got 0"),
        ({"encoding": "hex"}, "no encoding 'hex'|encoding must"),
        ({"encoding": "utf-16"}, "encoding must keep ASCII"),
        ({"undecodable": "ignore"}, "undecodable must be one of drop, raise"),
        ({"format": "word2vec"}, "doesn't start with word2vec's header"),
        ({"format": "word2vec-binary"}, "doesn't start with word2vec's header"),
        ({"format": "fasttext"}, "isn't a fastText model"),
        ({"format": "fasttext", "encoding": "latin-1"}, "encoding= must be left out"),
    ],
)
def test_bad_arguments(file, arguments, message):
    with pytest.raises(InputError, match=message):
        ss.read_vectors(file("cat 1 2\ndog 2 1\n"), **arguments)


def test_paths(tmp_path, space):
    ss.save(space, tmp_path / "s")
    with pytest.raises(MissingFileError, match="no file at"):
        ss.read_vectors(tmp_path / "none")
    with pytest.raises(InputError, match=r"is a saved semspace value.*open it with ss.load"):
        ss.read_vectors(tmp_path / "s")
    with pytest.raises(InputError, match="is a folder"):
        ss.read_vectors(tmp_path)


def content_of(format, path, fasttext_file):
    """Return a file of a format: one that was written here, or one of another library."""
    if format == "fasttext":
        return fasttext_file.read_bytes()
    if format in ("faiss", "usearch"):
        name = {"faiss": "ids-hnsw.faiss", "usearch": "f32.usearch"}[format]
        return (Path(__file__).parent / "golden" / "index-files" / name).read_bytes()
    ss.write_vectors(some_space(), path, format=format)
    return path.read_bytes()


@pytest.mark.parametrize("format", READERS)
@pytest.mark.parametrize("packed", [False, True])
def test_a_file_cut_anywhere_is_found_out(tmp_path, format, packed, fasttext_file):
    """Cut at any byte, it raises one clear error, or gives what the whole file gives (GloVe: its first lines)."""
    path = tmp_path / "x"
    content = content_of(format, path, fasttext_file)
    path.write_bytes(content)
    whole, told = ss.read_vectors(path), 0
    content = gzip.compress(content) if packed else content
    places = np.random.default_rng(0).choice(len(content), min(len(content), 150), replace=False)
    for place in sorted(places):
        path.write_bytes(content[:place])
        part = outcome(path)
        if isinstance(part, str):
            told += 1
            assert "\n" not in part
        else:  # the matrix of contexts at the end of a model isn't read
            assert format == "fasttext" or (format == "glove" and not packed)
            assert_same(part, whole.select(whole.ids[: len(part)].tolist()))
            assert len(part) == len(whole) or format == "glove"
    assert told > 20


@pytest.mark.parametrize("format", READERS)
def test_altered_bytes_never_crash(tmp_path, format, fasttext_file):
    path = tmp_path / "x"
    content = content_of(format, path, fasttext_file)
    draw = np.random.default_rng(1)
    for _ in range(150):
        altered = bytearray(content)
        for place in draw.integers(0, min(len(content), 600), 3):
            altered[place] = draw.integers(256)
        path.write_bytes(altered)
        assert "\n" not in str(outcome(path, format=draw.choice([format, None])))


# -- writing --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("format", WRITERS)
@pytest.mark.parametrize("id", ["two words", "", "line\nend", "a\tb", "\r"])
def test_ids_that_a_format_cant_hold(tmp_path, format, id):
    with pytest.raises(InputError, match=f"is empty or holds white space, so {format} files can't hold it"):
        ss.write_vectors(ss.Space.from_vectors(["a", id], [[1], [2]]), tmp_path / "x", format=format)
    assert not list(tmp_path.iterdir())


def test_writing_takes_nothing_from_others(tmp_path, space):
    (tmp_path / "x").write_text("mine")
    with pytest.raises(ExistsError, match="exists already"):
        ss.write_vectors(space, tmp_path / "x")
    assert (tmp_path / "x").read_text() == "mine"
    ss.write_vectors(space, tmp_path / "x", overwrite=True)
    assert len(ss.read_vectors(tmp_path / "x")) == 6
    (tmp_path / "folder").mkdir()
    with pytest.raises(ExistsError, match="is a folder"):
        ss.write_vectors(space, tmp_path / "folder", overwrite=True)
    with pytest.raises(InputError, match="write_vectors takes a Space; got list"):
        ss.write_vectors([1], tmp_path / "y")
    with pytest.raises(InputError, match="format must be one of glove, word2vec, word2vec-binary"):
        ss.write_vectors(space, tmp_path / "y", format="fasttext")
    with pytest.raises(InputError, match="cannot write"):
        ss.write_vectors(space, tmp_path / "x" / "y")


def test_a_write_that_fails_leaves_nothing(tmp_path, space, monkeypatch):
    def fail(space, file):
        file.write(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setitem(WRITERS, "glove", fail)
    with pytest.raises(InputError, match="No space left on device"):
        ss.write_vectors(space, tmp_path / "x", format="glove")
    assert not list(tmp_path.iterdir())


# -- fastText's .bin ------------------------------------------------------------------------------------------

SENTENCES = [["kitten", "cat", "Élan", "purr"], ["dog", "puppy", "bark"], ["日本語", "cat", "élan"]] * 10


@pytest.fixture(scope="module")
def fasttext_model():
    return FastText(SENTENCES, vector_size=6, min_count=1, epochs=2, bucket=80, workers=1, seed=1)


@pytest.fixture(scope="module")
def fasttext_file(fasttext_model, tmp_path_factory):
    path = tmp_path_factory.mktemp("fasttext") / "model.bin"
    save_facebook_model(fasttext_model, str(path))
    return path


@pytest.mark.parametrize("options", [{"sg": 1}, {"sg": 0, "min_n": 1, "max_n": 4}, {"bucket": 1, "min_n": 2}])
@pytest.mark.parametrize("packed", [False, True])
def test_fasttext_is_read_as_gensim_reads_it(tmp_path, options, packed):
    usual = {"vector_size": 6, "min_count": 1, "epochs": 1, "bucket": 300, "workers": 1}
    model = FastText(SENTENCES, **{**usual, **options})
    path = tmp_path / "model.bin"
    save_facebook_model(model, str(path))
    theirs = load_facebook_vectors(str(path))
    if packed:
        path.write_bytes(gzip.compress(path.read_bytes()))
    space = ss.read_vectors(path)
    assert space.ids.tolist() == theirs.index_to_key
    np.testing.assert_allclose(space.vectors, theirs.vectors, atol=1e-6)
    assert space.metadata["count"].to_list() == [theirs.get_vecattr(word, "count") for word in theirs.index_to_key]
    for word in ["kittens", "doggy", "日本", "ÉLAN", "naïveté"]:
        np.testing.assert_allclose(space.encode_documents([word])[0], theirs[word], atol=1e-6)
    ours = space.most_similar("kittens", 5)
    assert [(word, pytest.approx(score, abs=1e-5)) for word, score in ours] == theirs.most_similar("kittens", topn=5)
    ss.save(space, tmp_path / "s")
    np.testing.assert_array_equal(
        ss.load(tmp_path / "s").encode_documents(["kittens"]), space.encode_documents(["kittens"])
    )


def test_a_limit_keeps_all_subwords(fasttext_file):
    whole, some = ss.read_vectors(fasttext_file), ss.read_vectors(fasttext_file, limit=2)
    assert_same(some, whole.select(whole.ids[:2].tolist()))
    assert some.metadata["count"].to_list() == whole.metadata["count"].to_list()[:2]
    np.testing.assert_array_equal(some.encode_documents(["zebras"]), whole.encode_documents(["zebras"]))


def test_fasttext_without_subwords_has_no_encoder(tmp_path):
    model = FastText(SENTENCES, vector_size=4, min_count=1, epochs=1, max_n=0, bucket=0, workers=1)
    save_facebook_model(model, str(tmp_path / "m.bin"))
    space = ss.read_vectors(tmp_path / "m.bin")
    assert space.encoder is None
    np.testing.assert_array_equal(space.vectors, model.wv.vectors)
    assert ss.from_gensim(model).encoder is None


def model_bytes(words=("</s>", "cat"), model=2, version=12, labels=0, pruned=-1, quantised=0, rows=None):
    """A model of fastText written by hand."""
    dim, buckets = 2, 4
    head = struct.pack("<2i", 793712314, version)
    head += struct.pack("<12id", dim, 5, 1, 1, 5, 1, 2, model, buckets, 3, 6, 100, 0)
    head += struct.pack("<3i2q", len(words), len(words) - labels, labels, 99, pruned)
    head += b"".join(
        word.encode("utf-8", "surrogateescape") + struct.pack("<bqb", 0, 7, word.startswith("__label__"))
        for word in words
    )
    rows = len(words) + buckets if rows is None else rows
    matrix = np.arange(1, rows * dim + 1, dtype="<f4")
    return head + struct.pack("<?2q", quantised, rows, dim) + matrix.tobytes()


def test_the_end_of_a_line_has_no_subwords(file):
    space = ss.read_vectors(file(model_bytes()))
    assert space["</s>"].tolist() == [1, 2]
    buckets = space.encoder.subwords.of("cat")
    expected = (np.array([3, 4]) + (5 + 2 * buckets[:, None] + [0, 1]).sum(axis=0)) / (1 + len(buckets))
    np.testing.assert_allclose(space["cat"], expected, rtol=1e-6)


@pytest.mark.parametrize("model", [1, 2])
def test_a_word_that_looks_like_a_label_makes_no_model_supervised(file, model):
    content = model_bytes(("</s>", "cat", "__label__x"), model=model, labels=1, rows=2 + 4)
    space = ss.read_vectors(file(content))
    assert_same(space, ss.read_vectors(file(model_bytes(), "plain.bin")))
    assert space.metadata["count"].to_list() == [7, 7]


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        ({"model": 3}, InputError, "is a supervised model of fastText"),
        ({"model": 0}, DamagedError, "an unknown kind of model, 0"),
        ({"labels": 1}, DamagedError, "doesn't hold 1 words followed by 1 labels"),
        ({"labels": -1}, DamagedError, "its header says 3 words and -1 labels in a dictionary of 2"),
        ({"pruned": 3}, InputError, "is pruned, as quantised models"),
        ({"quantised": 1}, InputError, "is quantised"),
        ({"version": 99}, InputError, "has version 99 of fastText's format; semspace reads versions 11 and 12"),
        ({"rows": 5}, DamagedError, "has shape .5, 2., but its header says 2 words, 4 buckets and 2 dimensions"),
        ({"words": ()}, DamagedError, "0 words and 0 labels in a dictionary of 0"),
        ({"words": ("a", "\udce9")}, InputError, r"word 2 of .* is not utf-8: b'\\xe9'"),
    ],
)
def test_models_that_arent_read(file, changes, error, message):
    with pytest.raises(error, match=message):
        ss.read_vectors(file(model_bytes(**changes)))


def test_undecodable_words_of_fasttext_can_be_left_out(file):
    space = ss.read_vectors(file(model_bytes(("a", "\udce9", "b"))), undecodable="drop")
    assert space.ids.tolist() == ["a", "b"]
    assert space.encoder.words == ("a", "b")


# -- gensim ---------------------------------------------------------------------------------------------------


def test_to_gensim_and_back(space):
    counted = ss.Space(space.ids, space.vectors, pl.DataFrame({"count": [60, 50, 40, 30, 20, 10]}))
    theirs = ss.to_gensim(counted)
    assert theirs.get_vecattr("dog", "count") == 50
    assert_same(ss.from_gensim(theirs), space)
    assert ss.from_gensim(theirs).metadata["count"].to_list() == [60, 50, 40, 30, 20, 10]
    assert ss.from_gensim(ss.to_gensim(space)).metadata is None


def test_gensim_finds_the_same_neighbours():
    space = random_space(200, 10)
    theirs = ss.to_gensim(space)
    for word in ("p0", "p7", "p199"):
        ours = list(space.most_similar(word, 8))
        assert [(w, pytest.approx(s, abs=1e-5)) for w, s in ours] == theirs.most_similar(word, topn=8)


def test_neither_side_changes_the_other(space):
    theirs = ss.to_gensim(space)
    back = ss.from_gensim(theirs)
    theirs.vectors[:] = 0
    assert space["cat"].any()
    assert back["cat"].any()


def test_models_of_gensim(fasttext_model):
    options = {"vector_size": 4, "min_count": 1, "epochs": 1, "workers": 1}
    words = Word2Vec(SENTENCES, **options)
    space = ss.from_gensim(words)
    assert space.ids.tolist() == words.wv.index_to_key
    assert space.metadata["count"][0] == words.wv.get_vecattr("cat", "count")
    documents = Doc2Vec([TaggedDocument(s, [i]) for i, s in enumerate(SENTENCES)], **options)
    assert len(ss.from_gensim(documents)) == len(documents.wv)
    subwords = ss.from_gensim(fasttext_model)
    np.testing.assert_allclose(subwords.encode_documents(["kittens"])[0], fasttext_model.wv["kittens"], atol=1e-6)
    assert_same(subwords, ss.from_gensim(fasttext_model.wv))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: ss.from_gensim([1]), "from_gensim takes KeyedVectors, or a model that has them in its wv; got list"),
        (lambda: ss.from_gensim(KeyedVectors(3)), "the KeyedVectors are empty"),
        (lambda: ss.to_gensim([1]), "to_gensim takes a Space; got list"),
    ],
)
def test_what_isnt_gensims(call, message):
    with pytest.raises(InputError, match=message):
        call()


def test_zero_rows_of_gensim_are_left_out():
    theirs = KeyedVectors(2)
    theirs.add_vectors(["a", "b"], np.array([[1, 2], [0, 0]], np.float32))
    space = ss.from_gensim(theirs)
    assert space.ids.tolist() == ["a"]
    assert space.provenance["zeros"] == 1


def test_keys_of_gensim_that_are_numbers():
    theirs = KeyedVectors(2)
    theirs.add_vectors([5, np.int64(6)], np.eye(2, dtype=np.float32))
    assert_same(ss.from_gensim(theirs), ss.Space.from_vectors(["5", "6"], np.eye(2)))
    tags = [TaggedDocument(s, [i]) for i, s in enumerate(SENTENCES)]
    documents = Doc2Vec(tags, vector_size=4, min_count=1, epochs=1, workers=1).dv
    assert ss.from_gensim(documents).ids.tolist() == [str(i) for i in range(len(SENTENCES))]
    theirs.add_vectors(["5"], np.ones((1, 2), np.float32))
    with pytest.raises(InputError, match="the keys hold '5' as a number and as a string"):
        ss.from_gensim(theirs)
    tuples = KeyedVectors(2)
    tuples.add_vectors([("a", "b")], np.ones((1, 2), np.float32))
    with pytest.raises(InputError, match="the keys must hold only strings; item 0 is tuple"):
        ss.from_gensim(tuples)


def test_rows_of_gensim_that_no_key_reaches():
    theirs = KeyedVectors(2, count=2)
    theirs.add_vectors(["a", "a", "b"], np.array([[1, 0], [2, 3], [0, 1]], np.float32))
    for place, word in enumerate("ab"):
        theirs.set_vecattr(word, "count", 9 - place)
    space = ss.from_gensim(theirs)
    assert {word: space[word].tolist() for word in space} == {word: theirs[word].tolist() for word in "ab"}
    assert space.metadata["count"].to_list() == [9, 8]
    assert (space.provenance["unreachable"], space.provenance["zeros"]) == (3, 0)


def test_counts_that_are_missing():
    counted = ss.Space.from_vectors(["a", "b"], np.eye(2), {"count": [5, None]})
    theirs = ss.to_gensim(counted)
    assert [theirs.get_vecattr(word, "count") for word in "ab"] == [5, 0]
    assert ss.from_gensim(theirs).metadata["count"].to_list() == [5, 0]
    theirs.expandos["count"] = np.array([5.0, 2.0])
    assert ss.from_gensim(theirs).metadata["count"].to_list() == [5, 2]
    for value in (None, 2.5, float("nan")):
        theirs = ss.to_gensim(ss.Space.from_vectors(["a", "b"], np.eye(2)))
        theirs.set_vecattr("a", "count", value)
        assert ss.from_gensim(theirs).metadata is None


# -- the command line -----------------------------------------------------------------------------------------


@pytest.fixture
def run(capsys):
    def command(*arguments):
        code = main([str(a) for a in arguments])
        out, err = capsys.readouterr()
        return code, out, err

    return command


def test_convert_there_and_back(run, file, tmp_path):
    path = file("cat 1 0.5\ndog 1 0.4\ncar -1 0\n")
    code, out, _ = run("convert", path, "--out", tmp_path / "s")
    assert code == 0
    assert out == f"Space of 3 points in 2 dimensions: cat, dog, car\nsaved to {tmp_path / 's'}\n"
    for to in WRITERS:
        args = ("convert", tmp_path / "s", "--out", tmp_path / to, "--to", to, "--json")
        plain = {"out": str(tmp_path / to), "format": to, "words": 3, "dim": 2}
        assert json.loads(run(*args)[1]) == plain
        assert_same(ss.read_vectors(tmp_path / to), ss.load(tmp_path / "s"))
        assert run("similar", tmp_path / to, "cat", "-k", 1)[1].splitlines()[2].split() == ["dog", "0.997"]
    assert run("convert", path, "--out", tmp_path / "t", "--limit", 2, "--from", "glove")[0] == 0
    assert len(ss.load(tmp_path / "t")) == 2
    assert run("index", path, "--out", tmp_path / "i")[0] == 0


def test_a_file_of_vectors_can_be_evaluated(run, file):
    words = ["tiger", "cat", "book", "paper", "king", "queen"]
    rows = "".join(f"{word} {i + 1} {i % 3}\n" for i, word in enumerate(words))
    pairs = file("tiger\tcat\t7\nbook\tpaper\t5\nking\tqueen\t8\n", "pairs.tsv")
    code, out, err = run("evaluate", file(rows), "--on", pairs)
    assert code == 0, err
    assert "spearman" in out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("convert", "none", "--out", "x"), "no file at none"),
        (("convert", "FILE", "--out", "x", "--to", "csv"), "--to must be one of glove, space, word2vec"),
        (("convert", "FILE", "--out", "FILE", "--to", "glove"), "exists already"),
        (("convert", "FILE", "--out", "SPACE"), "exists already"),
        (
            ("convert", "FILE", "--out", "FILE", "--overwrite"),
            "looks like the name of a file; choose its format with --to",
        ),
        (("convert", "SPACE", "--out", "x.txt"), "is a space already; choose another format with --to"),
        (("convert", "SPACE", "--out", "x", "--to", "glove", "--limit", "3"), "--limit has no effect on"),
        (("convert", "SPACE", "--out", "x", "--to", "glove", "--from", "glove"), "--from has no effect on"),
        (("convert", "FILE", "--out", "x", "--from", "word2vec"), "doesn't start with word2vec's header"),
        (("similar", "FILE", "cow"), "no point 'cow'"),
    ],
)
def test_bad_input_is_one_sentence_and_exit_code_2(run, file, space, tmp_path, monkeypatch, arguments, message):
    monkeypatch.chdir(tmp_path)
    ss.save(space, tmp_path / "s")
    known = {"FILE": file("cat 1 0.5\ndog 1 0.4\n"), "SPACE": tmp_path / "s"}
    code, out, err = run(*(known.get(a, a) for a in arguments))
    assert (code, out) == (2, "")
    assert message in err
    assert err.startswith("semspace: ")
    assert err.count("\n") == 1


def test_vectors_of_one_id_are_not_lost_in_silence(tmp_path):
    whole = (Path(__file__).parent / "golden" / "index-files" / "ids-hnsw.faiss").read_bytes()
    (tmp_path / "two.faiss").write_bytes(whole[:-8] + whole[-16:-8])  # the last id is that before it
    n = len(ss.read_vectors(Path(__file__).parent / "golden" / "index-files" / "ids-hnsw.faiss"))
    with pytest.warns(SemspaceWarning, match=f"{n - 1} vectors were read, 1 left out"):
        space = ss.read_vectors(tmp_path / "two.faiss")
    assert len(space) == n - 1
