"""Words are read and numbered block by block: the same numbers however it is cut, in bounded memory, or nothing."""

import errno
import gzip
import json
import os
import random
import re
import resource
import subprocess
import sys
import tempfile
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import semspace as ss
from semspace.errors import ExistsError, InputError, MissingFileError, SemspaceWarning, UnknownIdError
from semspace.text import mmap_array, word_block
from semspace.text.builder import TokensBuilder
from semspace.text.decoding import decode_chunks
from semspace.text.text_stream import TextSource, text_blocks
from semspace.text.tokenize import FastTokenizer, get_tokenizer
from semspace.text.vocabulary import WordCounter

TEXTS = ["The cat and the dog.", "A dog", "!!!", "the sea"]
EXPECTED = [["the", "cat", "and", "the", "dog"], ["a", "dog"], [], ["the", "sea"]]
texts_of_any_kind = st.lists(st.text(st.characters(exclude_categories=["Cs"]), max_size=40), min_size=1, max_size=12)


@pytest.fixture
def temporary(tmp_path, monkeypatch):
    """The folder of temporary files, so that a test sees what is left."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


def write_jsonl(path, texts):
    path.write_text("".join(json.dumps({"text": text}) + "\n" for text in texts), encoding="utf-8")
    return path


def spelled(tokens):
    return [[tokens.words[i] for i in document] for document in tokens.documents()]


def naive(documents, min_count=1):
    """What `Tokens` should hold, in plain Python: the vocabulary with counts, and the ids of each document."""
    counts = Counter(word for document in documents for word in document)
    kept = sorted(((w, n) for w, n in counts.items() if n >= min_count), key=lambda row: (-row[1], row[0]))
    ids = {word: i for i, (word, _) in enumerate(kept)}
    return kept, [[ids[word] for word in document if word in ids] for document in documents]


def built(path, folder, *, size=1 << 20, **settings_):
    """Build from a file with blocks of another size, threads or a smaller table."""
    folder = Path(tempfile.mkdtemp(dir=folder))
    vocabulary, facts = TokensBuilder(FastTokenizer(), **settings_).build(TextSource.find(path).blocks(size), folder)
    ids, offsets = (np.load(folder / f"{name}.npy").tolist() for name in ("ids", "offsets"))
    assert sorted(p.name for p in folder.iterdir()) == ["ids.npy", "offsets.npy"]
    return ids, offsets, vocabulary.rows(), facts


# -- what is read -----------------------------------------------------------------------------------------


def test_a_file_becomes_numbers(tmp_path):
    tokens = ss.Tokens.read(write_jsonl(tmp_path / "x.jsonl", TEXTS))
    counts = [("the", 3), ("dog", 2), ("a", 1), ("and", 1), ("cat", 1), ("sea", 1)]
    assert tokens.vocabulary.rows() == counts
    assert tokens.ids.tolist() == [0, 4, 3, 0, 1, 2, 1, 0, 5]
    assert tokens.offsets.tolist() == [0, 5, 7, 7, 9]
    assert (tokens.ids.dtype, tokens.offsets.dtype) == (np.int32, np.int64)
    assert not tokens.ids.flags.writeable
    assert tokens.provenance["words_read"] == 9
    assert tokens.provenance["source"].endswith("x.jsonl")


@pytest.mark.parametrize("zipped", [False, True])
@pytest.mark.parametrize("name", ["x.csv", "x.tsv", "x.jsonl", "x.parquet", "x.txt"])
def test_every_format(tmp_path, name, zipped):
    frame, path = pl.DataFrame({"year": [1, 2, 3, 4], "text": TEXTS}), tmp_path / name
    kind = path.suffix
    if kind == ".parquet":
        frame.write_parquet(path, row_group_size=2)
    elif kind == ".jsonl":
        frame.write_ndjson(path)
    elif kind == ".txt":
        path.write_text("\n".join(TEXTS))
    else:
        frame.write_csv(path, separator="\t" if kind == ".tsv" else ",")
    if zipped:
        packed = tmp_path / f"{name}.gz"
        packed.write_bytes(gzip.compress(path.read_bytes()))
        path = packed
    for size in (1, 20, 1 << 20):
        assert built(path, tmp_path, size=size)[:3] == built(path, tmp_path)[:3]
    assert spelled(ss.Tokens.read(path)) == EXPECTED


def test_quotes_hold_line_ends_and_blocks_end_outside_of_them(tmp_path):
    rows = ['a "quoted"\n\nline', "plain, with comma", '""', 'x\n"y', "last"] * 20
    pl.DataFrame({"n": range(100), "text": rows, "more\nof": ['"\n'] * 100}).write_csv(tmp_path / "x.csv")
    whole = ss.Tokens.from_corpus(ss.Corpus.read(tmp_path / "x.csv"))
    for size in (1, 7, 64, 1000):
        assert built(tmp_path / "x.csv", tmp_path, size=size)[0] == whole.ids.tolist()


def test_a_quote_left_open_is_said(tmp_path):
    (tmp_path / "x.csv").write_text('text\n"no end\n' + "a b\n" * 100)
    with pytest.raises(InputError, match=r"cannot read .*x\.csv"):
        ss.Tokens.read(tmp_path / "x.csv")


def test_folders_and_globs(tmp_path):
    (tmp_path / "news").mkdir()
    (tmp_path / "news" / "a.txt").write_text("alpha\nbeta")
    (tmp_path / "b.txt").write_text("gamma")
    write_jsonl(tmp_path / "z.jsonl", ["first"])
    pl.DataFrame({"id": ["1"], "text": ["second"]}).write_csv(tmp_path / "zz.csv")
    expected = [["first"], ["second"], ["gamma"], ["alpha", "beta"]]
    assert spelled(ss.Tokens.read(tmp_path)) == expected
    assert spelled(ss.Tokens.from_corpus(ss.Corpus.read(tmp_path / "*.txt"))) == [["gamma"]]
    assert spelled(ss.Tokens.read(tmp_path / "**" / "*.txt")) == expected[2:]


def test_frames_and_named_columns(tmp_path):
    frame = pl.DataFrame({"body": ["one cat"], "title": ["a title"]})
    frame.write_csv(tmp_path / "x.csv")
    assert spelled(ss.Tokens.read(frame)) == [["one", "cat"]]
    assert spelled(ss.Tokens.read(tmp_path / "x.csv", text="title")) == [["a", "title"]]
    with pytest.raises(UnknownIdError, match="text: there is no column 'headline'"):
        ss.Tokens.read(tmp_path / "x.csv", text="headline")
    saved = ss.Tokens.read(frame, out=tmp_path / "saved")
    assert spelled(ss.load(tmp_path / "saved")) == spelled(saved) == [["one", "cat"]]


def test_texts_that_look_like_numbers(tmp_path):
    (tmp_path / "x.csv").write_text("id,text\n1,007\n2,12\n")
    assert spelled(ss.Tokens.read(tmp_path / "x.csv")) == [["007"], ["12"]]
    (tmp_path / "x.jsonl").write_text('{"text": 12}\n')
    with pytest.raises(InputError, match="must hold strings; it holds Int64"):
        ss.Tokens.read(tmp_path / "x.jsonl")


def test_encodings(tmp_path):
    text = "L’été à Genève\n" * 50
    for encoding in ("utf-8-sig", "utf-16", "cp1252"):
        (tmp_path / "x.txt").write_bytes(text.encode(encoding))
        assert spelled(ss.Tokens.read(tmp_path / "x.txt", encoding=encoding)) == [["l'été", "à", "genève"]] * 50


@pytest.mark.parametrize("size", [1, 3, 4, 5, 1 << 20])
def test_a_byte_that_does_not_fit_is_placed(tmp_path, size):
    (tmp_path / "x.txt").write_bytes("é\nö\nab".encode() + b"\xff\nmore\n")
    with pytest.raises(InputError, match=r"is not utf-8: byte 0xff at offset 8 \(line 3\)"):
        list(decode_chunks(tmp_path / "x.txt", "utf-8", size))
    (tmp_path / "x.txt").write_bytes(b"ab\ncd\n\xe2\x82")
    with pytest.raises(InputError, match=r"byte 0xe2 at offset 6 \(line 3\)"):
        ss.Tokens.read(tmp_path / "x.txt")


def test_documents_without_text(tmp_path):
    path = write_jsonl(tmp_path / "x.jsonl", ["a", "b", " \t", "c", None, "d"])
    with pytest.raises(InputError, match=r"document 3 of .*x\.jsonl has no text; pass empty='drop'"):
        ss.Tokens.read(path)
    with pytest.raises(InputError, match=r"document 3 of "):
        built(path, tmp_path, size=1)
    with pytest.warns(SemspaceWarning, match=r"2 documents have no text and were left out of .*x\.jsonl"):
        tokens = ss.Tokens.read(path, empty="drop")
    assert spelled(tokens) == [["a"], ["b"], ["c"], ["d"]]
    assert tokens.provenance["dropped_empty"] == 2
    (tmp_path / "texts").mkdir()
    for name, text in (("a", "x"), ("b", "")):
        (tmp_path / "texts" / f"{name}.txt").write_text(text)
    with pytest.raises(InputError, match=r"b\.txt has no text"):
        ss.Tokens.read(tmp_path / "texts")


@pytest.mark.parametrize(
    ("content", "name", "said"),
    [
        (b"", "x.jsonl", "is empty"),
        (b" \n\n", "x.txt", "is empty"),
        (b"text\n", "x.csv", "there are no documents"),
        (b"a;b\nx;y\n", "x.csv", "which column holds the text"),
        (b'{"text": "a"}\n{"text": \n', "x.jsonl", "cannot read"),
        (b'{"a": "x", "b": "y"}\n', "x.jsonl", "which column holds the text"),
        (gzip.compress(b"a b c" * 1000, mtime=0)[:-20], "x.txt.gz", "is not a complete gzip file"),
        (b"not parquet", "x.parquet", "cannot read"),
        (b"!!!", "x.txt", "the text has no words"),
    ],
)
def test_bad_files_get_a_sentence(tmp_path, temporary, content, name, said):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(InputError, match=re.escape(said)):
        ss.Tokens.read(tmp_path / name, out=tmp_path / "out")
    assert not [*temporary.iterdir()]
    assert sorted(p.name for p in tmp_path.iterdir()) == sorted([name, "temporary"])


@pytest.mark.parametrize(
    "options",
    [{"min_count": 0}, {"empty": "keep"}, {"encoding": "no"}, {"tokenizer": "slow"}, {"threads": 0}, {"out": ""}],
)
def test_bad_options(tmp_path, options):
    with pytest.raises(InputError):
        ss.Tokens.read(write_jsonl(tmp_path / "x.jsonl", TEXTS), **options)


def test_nothing_there(tmp_path):
    with pytest.raises(MissingFileError, match="no file at"):
        ss.Tokens.read(tmp_path / "none.txt")


# -- how words are numbered -------------------------------------------------------------------------------


@pytest.mark.filterwarnings("ignore:many texts are in")
@settings(max_examples=60, deadline=None)
@given(texts=texts_of_any_kind, min_count=st.integers(1, 3), size=st.integers(1, 60), split=st.booleans())
def test_any_texts_are_numbered_as_plain_python_does(tmp_path_factory, texts, min_count, size, split):
    splitter = get_tokenizer("spacy:en" if split else "fast")
    vocabulary, ids = naive(splitter(pl.Series(texts, dtype=pl.String)).to_list(), min_count)
    if not vocabulary:
        return
    folder = tmp_path_factory.mktemp("built")
    frame, _ = TokensBuilder(splitter, min_count, "keep").build(text_blocks(pl.Series(texts), size), folder)
    offsets = np.load(folder / "offsets.npy")
    assert frame.rows() == vocabulary
    assert [part.tolist() for part in np.split(np.load(folder / "ids.npy"), offsets[1:-1])] == ids


# Letters, marks and signs of every kind that the scanner knows.
EVERY_KIND = (
    "ab.'’´`ʼ·‧״\"l1_ éΣσς\u0301İi\u0307½Ⓐ\u200d\u200cदक्ÅA٣\0今々らァーパｱﾞกเแะำ\u0e4d\u0e32่ກເະកខ្មំ\u1039က်אבゝ〇"
    "\u00ad\ufe0f\u1100\u1161\u11a8ﬁⅣ\u0640بای"
)


@settings(max_examples=150, deadline=None)
@given(texts=st.lists(st.text(EVERY_KIND, max_size=14), min_size=1, max_size=30))
def test_the_compiled_scanner_is_the_expression(texts):
    assert scanned(pl.Series(texts)) == FastTokenizer()(pl.Series(texts)).to_list()


@pytest.mark.parametrize("pattern", ["{0}", "a.{0}b", "a.b{0}", "{0}.b.c’{0}"])
def test_every_character_is_what_the_expression_says(pattern):
    every = pl.Series([pattern.format(chr(c)) for c in range(0x110000) if not 0xD800 <= c < 0xE000])
    own, theirs = word_block.tokenize_block(every, FastTokenizer()), word_block._listed(FastTokenizer()(every))
    for name in ("word_bytes", "sizes", "hashes", "documents"):
        assert np.array_equal(getattr(own, name), getattr(theirs, name)), name


def scanned(texts):
    words = word_block.tokenize_block(texts, FastTokenizer())
    letters, ends = words.word_bytes.tobytes(), np.cumsum(words.sizes)
    found = iter([letters[a:b].decode() for a, b in zip(ends - words.sizes, ends, strict=True)])
    return [[next(found) for _ in range(count)] for count in words.documents]


def test_words_with_one_hash_are_told_apart(tmp_path, monkeypatch):
    def same(texts, splitter):
        words = word_block._listed(splitter(texts))
        return word_block.WordBlock(words.word_bytes, words.sizes, np.zeros_like(words.hashes), words.documents)

    monkeypatch.setattr("semspace.text.builder.tokenize_block", same)
    assert spelled(ss.Tokens.read(write_jsonl(tmp_path / "x.jsonl", TEXTS))) == EXPECTED


def lines(tmp_path, words=30_000, seed=0):
    """A text in which a few words are frequent and many come once or twice."""
    draw = random.Random(seed)
    rows = [[f"w{'x' * (n % 5)}", *(str(int(draw.paretovariate(0.5)) % 9_000) for _ in range(30))] for n in range(1000)]
    (tmp_path / "lines.txt").write_text("\n".join(" ".join(row) for row in rows[: words // 30]))
    return tmp_path / "lines.txt"


@pytest.mark.parametrize("most", [500, 3_000_000])
def test_neither_blocks_nor_threads_change_anything(tmp_path, most):
    path = lines(tmp_path)
    expected = built(path, tmp_path, threads=1, max_words=most)
    for size, threads in ((1, 2), (777, 1), (777, 2), (10_000, 2), (10_000, 8)):
        assert built(path, tmp_path, size=size, threads=threads, max_words=most) == expected


def test_more_words_than_the_table_holds(tmp_path):
    path = lines(tmp_path)
    true = Counter(word for line in path.read_text().splitlines() for word in scanned(pl.Series([line]))[0])
    ids, offsets, vocabulary, facts = built(path, tmp_path, max_words=500)
    forgotten = facts["forgotten"]
    assert len(true) > 1_500
    assert len(vocabulary) <= 500
    assert forgotten["times"] > 2
    assert forgotten["words"] > 1_000
    for word, count in vocabulary:
        assert true[word] - forgotten["counts_short_by_up_to"] <= count <= true[word]
    # The counts are those of the ids that are left, and each id is its own word still.
    assert Counter(ids) == {i: count for i, (_, count) in enumerate(vocabulary)}
    split = [scanned(pl.Series([line]))[0] for line in path.read_text().splitlines()]
    for words, start, end in zip(split, offsets[:-1], offsets[1:], strict=True):
        left = iter(words)
        assert all(vocabulary[i][0] in left for i in ids[start:end])  # in order, among the document's words
    assert vocabulary[0][1] == true.most_common(1)[0][1]


def test_words_longer_than_the_table_was_made_for():
    numbering = WordCounter(2)
    texts = pl.Series(["a " + "b" * 1_000 + " a c", "b" * 1_000 + " c c"])
    ids = numbering.add(word_block.tokenize_block(texts, FastTokenizer()))
    vocabulary, numbers, born = numbering.finish(1)
    final = np.where(np.arange(len(ids)) < born[ids], -1, numbers[ids])
    assert Counter(final[final >= 0].tolist()) == dict(enumerate(vocabulary["count"].to_list()))


def test_rare_words_are_left_out(tmp_path):
    path = write_jsonl(tmp_path / "x.jsonl", TEXTS)
    tokens = ss.Tokens.read(path, min_count=2)
    assert spelled(tokens) == [["the", "the", "dog"], ["dog"], [], ["the"]]
    assert spelled(ss.Tokens.read(path).at_least(2)) == spelled(tokens)
    with pytest.raises(InputError, match="min_count=4 times or more; the largest count of a word is 3"):
        ss.Tokens.read(path, min_count=4)


def test_hostile_text(tmp_path):
    long = "word " * 2_000_000 + "z" * 1_000_000
    texts = [long, "".join(map(chr, range(1, 160))), "\0a\0", "\u202eabc\ufeffdef", "e\u0301" * 3, "😀 1", "'" * 1000]
    tokens = ss.Tokens.read(write_jsonl(tmp_path / "x.jsonl", texts))
    document = [tokens.words[i] for i in next(tokens.documents())]
    assert document[:2] == ["word", "word"]
    assert (len(document), document[-1]) == (2_000_001, "z" * 1_000_000)
    assert spelled(tokens)[1:] == get_tokenizer("fast")(pl.Series(texts[1:])).to_list()
    (tmp_path / "x.txt").write_text(f"\n\n{long}\n\n \r\nend\x0c \x85of\r\n")
    with pytest.warns(SemspaceWarning, match=r"each line of .*x\.txt is taken as a document, and they are long"):
        tokens = ss.Tokens.read(tmp_path / "x.txt")
    assert [len(d) for d in tokens.documents()] == [2_000_001, 2]
    assert len(ss.Tokens.read(tmp_path / "x.txt", documents="lines").offsets) == 3


# -- where they lie ---------------------------------------------------------------------------------------


def test_into_a_bundle(tmp_path, temporary):
    path, out = write_jsonl(tmp_path / "x.jsonl", TEXTS), tmp_path / "made" / "x.tokens"
    tokens = ss.Tokens.read(path, out=out)
    again = ss.load(out)
    assert spelled(tokens) == spelled(again) == EXPECTED
    assert again.provenance == tokens.provenance
    assert sorted(p.name for p in out.iterdir()) == ["ids.npy", "manifest.json", "offsets.npy", "vocabulary.arrow"]
    with pytest.raises(ExistsError, match="exists already"):
        ss.Tokens.read(path, out=out)
    assert len(ss.Tokens.read(path, out=out, overwrite=True, min_count=2)) == 5
    assert not [*temporary.iterdir()]


def test_a_temporary_file_has_no_name(tmp_path, temporary, monkeypatch):
    monkeypatch.setattr(mmap_array, "_SMALL", 0)
    tokens = ss.Tokens.read(write_jsonl(tmp_path / "x.jsonl", TEXTS))
    assert isinstance(tokens.ids, np.memmap)
    less = tokens.at_least(2)
    if os.name == "posix":
        assert not [*temporary.iterdir()]
    assert spelled(tokens) == EXPECTED
    assert spelled(less) == [["the", "the", "dog"], ["dog"], [], ["the"]]
    ss.save(less, tmp_path / "less")
    assert spelled(ss.load(tmp_path / "less")) == spelled(less)


@pytest.mark.parametrize("mapped", [False, True])
@pytest.mark.parametrize("step", [1, 2, 3, 1 << 20])
def test_pieces(tmp_path, monkeypatch, mapped, step):
    monkeypatch.setattr(mmap_array, "_SMALL", 0 if mapped else 1 << 20)
    monkeypatch.setattr(mmap_array, "SLICE_LENGTH", step)
    monkeypatch.setattr(mmap_array.iter_slices, "__defaults__", (step,))
    monkeypatch.setattr("semspace.text.tokens._DOCUMENTS", min(step, 3) + 1)
    tokens = ss.Tokens.read(write_jsonl(tmp_path / "x.jsonl", ["!", "?", *TEXTS, "!"]))
    assert spelled(tokens) == [[], [], *EXPECTED, []]
    assert spelled(tokens.at_least(2)) == [[], [], ["the", "the", "dog"], ["dog"], [], ["the"], []]
    piece = mmap_array.copy_slice(tokens.ids, 2, 6)
    assert piece.tolist() == tokens.ids[2:6].tolist()
    assert piece.dtype == np.int32
    piece[:] = 0  # a copy
    assert mmap_array.copy_slice(tokens.ids, 0, len(tokens)).tolist() == tokens.ids.tolist()
    assert mmap_array.copy_slice(tokens.ids, 3, 3).tolist() == []
    ss.Tokens(tokens.ids, tokens.offsets, tokens.vocabulary)  # sound, looked at piece by piece
    with pytest.raises(InputError, match="within the vocabulary of 5"):
        ss.Tokens(tokens.ids, tokens.offsets, tokens.vocabulary.head(5))


# -- failures ---------------------------------------------------------------------------------------------


class Failing(FastTokenizer):
    """A tokenizer that gives up at some word."""

    def __init__(self, problem):
        self.problem = problem

    def __call__(self, texts):
        if texts.str.contains("sea").any():
            raise self.problem
        return super().__call__(texts)


@pytest.mark.parametrize("problem", [RuntimeError("no"), KeyboardInterrupt()])
@pytest.mark.parametrize("out", [True, False])
def test_a_failure_leaves_nothing(tmp_path, temporary, monkeypatch, problem, out):
    monkeypatch.setattr(TextSource.blocks, "__defaults__", (1,))
    path = write_jsonl(tmp_path / "x.jsonl", TEXTS)
    with pytest.raises(type(problem)):
        ss.Tokens.read(path, tokenizer=Failing(problem), out=tmp_path / "out" if out else None)
    assert not [*temporary.iterdir()]
    assert sorted(p.name for p in tmp_path.iterdir()) == ["temporary", "x.jsonl"]


@pytest.mark.parametrize("out", [True, False])
def test_a_full_disk_is_one_sentence(tmp_path, temporary, monkeypatch, out):
    def full(*_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(mmap_array.GrowingArray, "append", full)
    path = write_jsonl(tmp_path / "x.jsonl", TEXTS)
    with pytest.raises(InputError, match=r"cannot write the tokens to .*: No space left on device; free some"):
        ss.Tokens.read(path, out=tmp_path / "out" if out else None)
    assert not [*temporary.iterdir()]
    assert sorted(p.name for p in tmp_path.iterdir()) == ["temporary", "x.jsonl"]


@pytest.mark.parametrize("out", [True, False])
def test_a_file_the_system_refuses_is_one_sentence(tmp_path, temporary, out):
    path = write_jsonl(tmp_path / "x.jsonl", ["a b c " * 20_000])
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, hard))
    try:
        with pytest.raises(InputError, match=r"cannot write the tokens to .*: File too large"):
            ss.Tokens.read(path, out=tmp_path / "out" if out else None)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert not [*temporary.iterdir()]
    assert sorted(p.name for p in tmp_path.iterdir()) == ["temporary", "x.jsonl"]


# -- memory -----------------------------------------------------------------------------------------------

PEAK = """
import re, sys
import semspace as ss
from semspace.text.mmap_array import copy_slice
tokens = ss.Tokens.read(sys.argv[1], out=sys.argv[2])
count = sum(len(copy_slice(tokens.ids, start, start + 100_000)) for start in range(0, len(tokens), 100_000))
assert count == len(tokens) == sum(map(len, tokens.documents()))
less = tokens.at_least(int(tokens.vocabulary["count"][10]))
less.save(sys.argv[2] + "-less")
ss.Tokens(tokens.ids, tokens.offsets, tokens.vocabulary)
status = open("/proc/self/status").read()
print(len(tokens), int(re.search(r"VmHWM:\\s+(\\d+)", status)[1]) // 1024)
"""


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="needs /proc to know the peak of memory")
def test_memory_does_not_grow_with_the_text(tmp_path):
    draw = random.Random(0)
    pool = ["".join(draw.choices("abcdefghij", k=draw.randint(2, 9))) for _ in range(5_000)]
    part = "".join(json.dumps({"text": " ".join(draw.choices(pool, k=500))}) + "\n" for _ in range(1_000))
    peaks = []
    for times in (4, 40):
        path = tmp_path / f"{times}.jsonl"
        path.write_text(part * times)
        command = [sys.executable, "-c", PEAK, str(path), str(tmp_path / f"{times}.tokens")]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        words, peak = map(int, done.stdout.split())
        assert words == times * 500_000
        peaks.append(peak)
    # The texts grow by 120 MB and the ids by 72 MB; what the allocators keep varies by less than half of that.
    assert peaks[1] - peaks[0] < 60, peaks


@pytest.mark.skipif(not Path("/proc/self/smaps").exists(), reason="asks Linux what is in memory")
def test_no_page_stays_of_what_threads_have_read(tmp_path):
    np.save(tmp_path / "ids.npy", np.zeros(16 << 20, np.int32))
    ids = mmap_array.open_npy(tmp_path / "ids.npy")
    step = 1 << 15
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda start: mmap_array.copy_slice(ids, start, start + step), range(0, len(ids), step)))
    lines = Path("/proc/self/smaps").read_text().splitlines()
    start = next(i for i, line in enumerate(lines) if line.endswith(str(tmp_path / "ids.npy")))
    resident = int(next(line for line in lines[start:] if line.startswith("Rss:")).split()[1])
    assert resident < 8 << 10  # kB, of 64 MB
