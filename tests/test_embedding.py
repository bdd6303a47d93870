"""Encoding a corpus: onto the disk and never twice, killed at any moment, and long documents by their passages."""

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import semspace as ss
from semspace.errors import ExistsError, InputError
from semspace.sentences import resumable
from semspace.sentences.passages import passages

WORDS = ["red", "old", "wine", "ale", "river", "stone", "bread", "cold", "quick", "brown", "fox"]


def texts(n, seed=0):
    draw = random.Random(seed)
    return [" ".join(draw.choices(WORDS, k=draw.randint(1, 12))) + f" {i}" for i in range(n)]


@pytest.fixture
def blocks_of_ten(monkeypatch):
    monkeypatch.setattr("semspace.sentences.blocks.BLOCK_TEXTS", 10)


@pytest.fixture
def counted(small, monkeypatch):
    """How many texts were encoded, in a list that grows."""
    seen = []
    prepare = small._prepare

    def counting(_, given, *more):
        seen.extend(given)
        return prepare(given, *more)

    monkeypatch.setattr(type(small), "_prepare", counting)
    return seen


def files_of(folder):
    return {path.name: path.read_bytes() for path in sorted(Path(folder).iterdir())}


# -- onto the disk --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("long", ["cut", "pool", "passages"])
@pytest.mark.filterwarnings("ignore:.*are longer than")
def test_a_space_on_the_disk_is_the_one_in_memory(small, tmp_path, blocks_of_ten, long):
    frame = pl.DataFrame({"id": [f"d{i}" for i in range(34)], "text": [*texts(33), "wine. " * 300], "year": range(34)})
    corpus = ss.Corpus.from_frame(frame)
    overlap = None if long == "cut" else 4
    memory = small.embed(corpus, long_texts=long, overlap=overlap)
    disk = small.embed(corpus, out=tmp_path / "s", long_texts=long, overlap=overlap)
    np.testing.assert_array_equal(disk.vectors, memory.vectors)
    assert disk.ids.tolist() == memory.ids.tolist()
    assert disk.metadata.equals(memory.metadata)
    assert disk.provenance == json.loads(json.dumps(memory.provenance))
    assert disk.encoder is small
    assert ss.load(tmp_path / "s").fingerprint == memory.fingerprint
    assert sorted(path.name for path in tmp_path.iterdir()) == ["s"]
    assert memory.provenance["truncated"] == (long == "cut")


def test_nothing_is_encoded_twice(small, tmp_path, blocks_of_ten, counted):
    first, more = texts(25), texts(3, seed=1)
    small.embed(ss.Corpus.from_texts([*first, first[0]]), out=tmp_path / "s")
    assert sorted(counted) == sorted(first)  # the text that comes twice, once
    counted.clear()
    changed = [*first[::-1], *more, more[0]]
    space = small.embed(ss.Corpus.from_texts(changed, ids=[f"n{i}" for i in range(29)]), out=tmp_path / "s")
    assert sorted(counted) == sorted(more)
    np.testing.assert_array_equal(space.vectors, small.encode(changed))
    counted.clear()
    same = small.embed(ss.Corpus.from_texts(changed, ids=[f"n{i}" for i in range(29)]), out=tmp_path / "s")
    assert not counted
    assert same.fingerprint == space.fingerprint


def test_metadata_that_changed_is_taken_up_without_encoding(small, tmp_path, counted):
    frame = pl.DataFrame({"id": ["a", "b"], "text": ["red wine", "old ale"], "year": [1, 2]})
    small.embed(ss.Corpus.from_frame(frame), out=tmp_path / "s")
    counted.clear()
    space = small.embed(ss.Corpus.from_frame(frame.with_columns(year=pl.Series([3, 4]))), out=tmp_path / "s")
    assert (space.metadata["year"].to_list(), counted) == ([3, 4], [])


def test_what_was_cut_is_counted_for_texts_that_are_not_encoded_again(small, tmp_path):
    long = "a b c d e f g h i j k l m n o p q r s t u v w x y z " * 4
    with pytest.warns(UserWarning, match="1 of 2 texts are longer"):
        small.embed(ss.Corpus.from_texts([long, "short"]), out=tmp_path / "s")
    with pytest.warns(UserWarning, match="1 of 3 texts are longer"):
        space = small.embed(ss.Corpus.from_texts(["new", long, "short"]), out=tmp_path / "s")
    assert space.provenance["truncated"] == 1


@pytest.mark.parametrize("into", [None, "s"])
def test_the_warning_points_at_the_line_that_encodes(small, tmp_path, into):
    with pytest.warns(UserWarning, match="are longer") as told:
        small.embed(ss.Corpus.from_texts(["a b c d " * 30]), out=into and tmp_path / into)
    assert told[0].filename == __file__
    with pytest.warns(UserWarning, match="are longer") as told:
        small.encode(["a b c d " * 30])
    assert told[0].filename == __file__


@pytest.mark.parametrize("into", [None, "s"])
def test_texts_of_nothing_known_are_counted(tmp_path, into):
    words = ss.Space.from_vectors(["red", "wine"], [[1, 0], [0, 1]])
    encoder = ss.WordAverage(words, frequencies="zipf")
    corpus = ss.Corpus.from_texts(["red wine", "unheard of", "???"])
    with pytest.warns(UserWarning, match="2 of 3 texts contain no word or token that word-average knows"):
        encoder.embed(corpus, out=into and tmp_path / into)


def test_broken_off_work_serves_another_corpus(small, tmp_path, blocks_of_ten, counted, monkeypatch):
    """The corpus grows while the work lies broken off: what was encoded isn't lost."""
    first = texts(40)
    put = resumable._Work.put

    def dies(self, shard, *rest):
        if shard == 3:
            raise KeyboardInterrupt
        put(self, shard, *rest)

    monkeypatch.setattr(resumable._Work, "put", dies)
    with pytest.raises(KeyboardInterrupt):
        small.embed(ss.Corpus.from_texts(first), out=tmp_path / "s")
    monkeypatch.setattr(resumable._Work, "put", put)
    counted.clear()
    space = small.embed(ss.Corpus.from_texts(["new at the front", *first]), out=tmp_path / "s")
    assert sorted(counted) == sorted(["new at the front", *first[30:]])
    np.testing.assert_array_equal(space.vectors, small.encode(["new at the front", *first]))
    assert [path.name for path in tmp_path.iterdir()] == ["s"]


@pytest.mark.parametrize("damage", ["rows", "line", "log"])
def test_rows_that_did_not_reach_the_disk_are_encoded_again(small, tmp_path, blocks_of_ten, monkeypatch, damage):
    corpus = ss.Corpus.from_texts(texts(40))
    whole = small.embed(corpus)
    monkeypatch.setattr(resumable, "_publish", lambda *_, **__: (_ for _ in ()).throw(KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):
        small.embed(corpus, out=tmp_path / "s")
    monkeypatch.undo()
    monkeypatch.setattr("semspace.sentences.blocks.BLOCK_TEXTS", 10)
    work = tmp_path / ".s.encoding"
    if damage == "rows":
        with open(work / "vectors.npy", "r+b") as file:
            file.seek(128 + 15 * 128 * 4)
            file.write(b"\0" * 64)
    elif damage == "line":
        text = (work / "done.jsonl").read_text()
        (work / "done.jsonl").write_text(text[: len(text) // 2])
    else:
        (work / "done.jsonl").unlink()
    np.testing.assert_array_equal(small.embed(corpus, out=tmp_path / "s").vectors, whole.vectors)


def test_work_with_another_corpus_outlives_a_run_that_finds_all_done(
    small, tmp_path, blocks_of_ten, counted, monkeypatch
):
    first = ss.Corpus.from_texts(texts(20))
    more = ss.Corpus.from_texts([*texts(20), *texts(30, seed=2)])
    small.embed(first, out=tmp_path / "s")
    monkeypatch.setattr(resumable, "_publish", lambda *_, **__: (_ for _ in ()).throw(KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):
        small.embed(more, out=tmp_path / "s")
    monkeypatch.undo()
    monkeypatch.setattr("semspace.sentences.blocks.BLOCK_TEXTS", 10)
    small.embed(first, out=tmp_path / "s")
    counted.clear()
    assert len(small.embed(more, out=tmp_path / "s")) == 50
    assert not counted


def test_what_was_saved_meanwhile_is_not_replaced(small, tmp_path, monkeypatch):
    publish = resumable._publish

    def late(*given, **options):
        ss.save(ss.Corpus.from_texts(["somebody else's"]), tmp_path / "s")
        publish(*given, **options)

    monkeypatch.setattr(resumable, "_publish", late)
    with pytest.raises(ExistsError):
        small.embed(ss.Corpus.from_texts(["red wine"]), out=tmp_path / "s")
    assert len(ss.load(tmp_path / "s")) == 1
    assert isinstance(ss.load(tmp_path / "s"), ss.Corpus)


@pytest.mark.parametrize("missing", ["vectors.npy", "cut.npy", "texts.arrow"])
def test_work_that_was_half_removed_is_done_again(small, tmp_path, blocks_of_ten, monkeypatch, missing):
    corpus = ss.Corpus.from_texts(texts(20))
    monkeypatch.setattr(resumable, "_publish", lambda *_, **__: (_ for _ in ()).throw(KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):
        small.embed(corpus, out=tmp_path / "s")
    monkeypatch.undo()
    (tmp_path / ".s.encoding" / missing).unlink()
    assert len(small.embed(corpus, out=tmp_path / "s")) == 20


def test_the_file_of_a_space_is_not_written_to_again(small, tmp_path, monkeypatch):
    """Killed after the space was there and before its work was gone."""
    corpus = ss.Corpus.from_texts(texts(20))
    monkeypatch.setattr(resumable, "_remove", lambda _: None)
    small.embed(corpus, out=tmp_path / "s")
    monkeypatch.undo()
    (tmp_path / ".s.encoding" / "done.jsonl").unlink()
    before = ss.load(tmp_path / "s")
    inode = (tmp_path / "s" / "vectors.npy").stat().st_ino
    renamed = ss.Corpus.from_texts(texts(20), ids=[f"n{i}" for i in range(20)])
    small.embed(renamed, out=tmp_path / "s")
    assert (tmp_path / "s" / "vectors.npy").stat().st_ino != inode
    assert before.vectors.any(axis=1).all()
    assert [path.name for path in tmp_path.iterdir()] == ["s"]


@pytest.mark.parametrize("steps", [0, 1, 2, 3])
def test_work_that_was_being_removed_is_gone_after_the_next_call(small, tmp_path, monkeypatch, steps):
    """Killed after the space was there, while its work was deleted: all of it is in the space."""
    corpus = ss.Corpus.from_texts(texts(20))
    monkeypatch.setattr(resumable, "_remove", lambda _: None)
    small.embed(corpus, out=tmp_path / "s")
    monkeypatch.undo()
    shutil.copytree(tmp_path / ".s.encoding", tmp_path / ".s.encoding-0a")  # of an earlier call
    for folder in (".s.encoding", ".s.encoding-0a"):
        for name in ("plan.json", "texts.arrow", "cut.npy")[:steps]:
            (tmp_path / folder / name).unlink()
    (tmp_path / ".s.encoding-new").mkdir()
    small.embed(corpus, out=tmp_path / "s")
    assert [path.name for path in tmp_path.iterdir()] == ["s"]


def test_a_damaged_space_may_be_overwritten(small, tmp_path):
    from semspace.errors import DamagedError

    corpus = ss.Corpus.from_texts(["red wine"])
    small.embed(corpus, out=tmp_path / "s")
    path = tmp_path / "s" / "vectors.npy"
    path.write_bytes(path.read_bytes()[:-1] + b"x")
    with pytest.raises(DamagedError):
        small.embed(corpus, out=tmp_path / "s")
    assert len(small.embed(corpus, out=tmp_path / "s", overwrite=True)) == 1


def test_a_space_that_was_saved_is_added_to(small, tmp_path, counted):
    ss.save(small.embed(ss.Corpus.from_texts(["red wine"])), tmp_path / "s")
    counted.clear()
    small.embed(ss.Corpus.from_texts(["red wine", "old ale"]), out=tmp_path / "s")
    assert counted == ["old ale"]


def test_another_corpus_is_not_replaced(small, tmp_path):
    small.embed(ss.Corpus.from_texts(["red wine", "old ale"]), out=tmp_path / "s")
    other = ss.Corpus.from_texts(["green tea"])
    with pytest.raises(ExistsError, match="holds 2 other texts, none of which is in this corpus"):
        small.embed(other, out=tmp_path / "s")
    assert len(ss.load(tmp_path / "s")) == 2
    assert len(small.embed(other, out=tmp_path / "s", overwrite=True)) == 1


def test_pooling_repeats_no_sentence(small):
    long = ss.Corpus.from_texts(["The cat sat. The dog ran. The bird sang. " * 20])
    by_default = small.embed(long, long_texts="pool")
    np.testing.assert_array_equal(by_default.vectors, small.embed(long, long_texts="pool", overlap=0).vectors)
    assert by_default.provenance["encoding"]["overlap"] == 0
    assert small.embed(long, long_texts="passages").provenance["encoding"]["overlap"] == 32


def test_settings_of_an_older_space_are_understood(small, tmp_path, counted):
    corpus = ss.Corpus.from_texts(["red wine"])
    space = small.embed(corpus)
    facts = dict(space.provenance["encoding"])
    facts["engine"], facts["long"] = facts.pop("implementation"), facts.pop("long_texts")
    ss.save(replace(space, provenance={**space.provenance, "encoding": facts}), tmp_path / "s")
    counted.clear()
    assert len(small.embed(corpus, out=tmp_path / "s")) == 1
    assert not counted


def test_what_others_have_there_is_left_alone(small, tiny, tmp_path):
    corpus = ss.Corpus.from_texts(["red wine"])
    tiny.embed(corpus, out=tmp_path / "s")
    with pytest.raises(ExistsError, match="made by another encoder or in another way"):
        small.embed(corpus, out=tmp_path / "s")
    ss.save(corpus, tmp_path / "c")
    (tmp_path / "d").mkdir()
    (tmp_path / "d" / "precious.txt").write_text("x")
    for name in ("c", "d"):
        with pytest.raises(ExistsError):
            small.embed(corpus, out=tmp_path / name)
    assert (tmp_path / "d" / "precious.txt").read_text() == "x"


def test_a_full_disk_is_said_and_loses_nothing(small, tmp_path, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "posix_fallocate", full)
    with pytest.raises(InputError, match=r"no room for the vectors at .*progress is saved: free disk space"):
        small.embed(ss.Corpus.from_texts(["red wine"]), out=tmp_path / "s")
    monkeypatch.undo()
    assert len(small.embed(ss.Corpus.from_texts(["red wine"]), out=tmp_path / "s")) == 1


def test_two_processes_do_not_write_to_one_place(small, tmp_path):
    with resumable._locked(tmp_path / "s"), pytest.raises(InputError, match="another process is encoding into"):
        small.embed(ss.Corpus.from_texts(["red wine"]), out=tmp_path / "s")


_CHILD = """
import sys, random, warnings
import semspace as ss
import semspace.sentences.blocks as base
base.BLOCK_TEXTS = 100
warnings.simplefilter("ignore")
draw = random.Random(5)
words = "red old wine ale river stone bread cold quick brown fox".split()
texts = [" ".join(draw.choices(words, k=draw.randint(1, 30))) + f" {i}" for i in range(10_000)]
encoder = ss.Encoder.load(sys.argv[1])
print("loaded", flush=True)
encoder.embed(ss.Corpus.from_texts(texts), out=sys.argv[2], progress=False)
"""


def test_killed_ten_times_at_random_it_ends_with_the_same_bytes(small, small_folder, tmp_path):
    log = tmp_path / ".killed.encoding" / "done.jsonl"

    def shards():
        return log.read_bytes().count(b"]") if log.exists() else 0

    def run(place, more=None):
        """Encode in a process of its own, and kill it after so many more shards; tell how it ended."""
        command = [sys.executable, "-c", _CHILD, str(small_folder), str(place)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as child:
            assert child.stdout.readline() == "loaded\n"
            if more is not None:
                until = shards() + more
                while shards() < until and child.poll() is None:
                    time.sleep(0.001)
                time.sleep(draw.uniform(0, 0.01))  # anywhere within a shard
                child.send_signal(signal.SIGKILL)
            return child.wait()

    draw = random.Random(1)
    assert run(tmp_path / "whole") == 0
    killed, grown = 0, set()
    for _ in range(10):
        killed += run(tmp_path / "killed", draw.randint(0, 4)) == -signal.SIGKILL
        grown.add(shards())
    assert killed >= 5
    assert len(grown) >= 3  # it was killed at different points, and each time went on
    assert run(tmp_path / "killed") == 0
    assert files_of(tmp_path / "killed") == files_of(tmp_path / "whole")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["killed", "whole"]


# -- long documents -------------------------------------------------------------------------------------------


def test_passages_by_hand():
    text = "One two. Three! Four five six? Seven."
    offsets = [(0, 3), (4, 8), (9, 15), (16, 20), (21, 25), (26, 30), (31, 37)]

    def cut(limit, overlap):
        return [text[a:b] for a, b in passages(text, offsets, limit, overlap)]

    assert cut(7, 0) == [text]
    assert cut(4, 0) == ["One two. Three!", "Four five six? Seven."]
    assert cut(4, 1) == ["One two. Three!", "Three! Four five six?", "Seven."]
    assert cut(3, 1) == ["One two. Three!", "Four five six?", "Seven."]
    assert cut(2, 0) == ["One two.", "Three!", "Four five", "six? Seven."]


@settings(deadline=None)
@given(
    sentences=st.lists(st.integers(1, 20), min_size=1, max_size=15), limit=st.integers(2, 15), share=st.floats(0, 0.9)
)
def test_passages_cover_the_text_in_order_and_fit(sentences, limit, share):
    text = " ".join(" ".join(["word"] * (n - 1) + ["end."]) for n in sentences)
    offsets, at = [], 0
    for word in text.split(" "):
        offsets.append((at, at + len(word)))
        at += len(word) + 1
    overlap = int(share * (limit - 1))
    found = passages(text, offsets, limit, overlap)
    covered = set()
    for n, (start, end) in enumerate(found):
        inside = [i for i, (a, b) in enumerate(offsets) if a >= start and b <= end]
        assert len(inside) <= limit
        if n:
            assert len(covered & set(inside)) <= overlap
            assert set(inside) - covered  # something new each time
        covered |= set(inside)
    assert covered == set(range(len(offsets)))
    assert found == sorted(found)


def test_passages_point_back_to_their_document(small):
    long = ("Old wine is red. " * 40 + "The stone is cold. ") * 2
    corpus = ss.Corpus.from_frame(pl.DataFrame({"id": ["a", "b"], "text": ["short", long], "year": [1, 2]}))
    space = small.embed(corpus, long_texts="passages", overlap=8)
    rows = space.metadata.to_dicts()
    assert space.ids[0] == "a#0"
    assert all(row["text"] == corpus[row["document"]][row["start"] : row["end"]] for row in rows)
    assert {row["year"] for row in rows if row["document"] == "b"} == {2}
    assert all(row["text"].endswith(".") for row in rows[1:])  # at the ends of sentences
    assert space.provenance["truncated"] == 0


def test_a_megabyte_of_marks_is_split(small):
    assert len(small.passages(["!" * 10**6 + " a"], 0)[0]) > 10_000


def test_static_encoders_split_as_they_read(tmp_path, small):
    corpus = ss.Corpus.from_texts(["the red fox jumps", "old wine is red", "a cold stone bridge"] * 8)
    made = ss.distill(small, corpus, dim=8, words=0, sentences=10, progress=False)
    short = ss.StaticEncoder(made.tokenizer, made.vectors, max_tokens=20)
    long = ss.Corpus.from_texts(["Old wine is red. " * 20, "short"])
    space = short.embed(long, long_texts="passages", overlap=2)
    assert len(space) > 10
    assert space.provenance["truncated"] == 0
    with pytest.raises(InputError, match="overlap must be less than the 20 tokens"):
        short.embed(long, long_texts="pool", overlap=20)


def test_pooling_is_the_mean_of_the_passages(small):
    long = "Old wine is red. " * 40
    corpus = ss.Corpus.from_texts([long, "short"])
    parts = small.embed(corpus, long_texts="passages", overlap=8)
    mean = parts.vectors[:-1].mean(axis=0)
    pooled = small.embed(corpus, long_texts="pool", overlap=8)
    np.testing.assert_allclose(pooled.vectors[0], mean / np.linalg.norm(mean), atol=1e-6)
    np.testing.assert_array_equal(pooled.vectors[1], small.encode(["short"])[0])
    assert len(parts) > 3


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"long_texts": "drop"}, "long_texts must be one of cut, passages, pool; got 'drop'"),
        ({"long_texts": "pool", "overlap": 60}, "overlap must be less than the 60 tokens"),
        ({"overlap": 5}, "overlap=5 is for passages, and long_texts='cut' makes none; leave it out, or pass"),
        ({"overlap": -1}, "overlap must be a whole number of at least 0; got -1"),
    ],
)
def test_options_that_make_no_sense(small, options, message):
    with pytest.raises(InputError, match=message):
        small.embed(ss.Corpus.from_texts(["a"]), **options)


def test_passages_do_not_overwrite_columns(small):
    corpus = ss.Corpus.from_frame(pl.DataFrame({"id": ["a"], "text": ["red"], "start": [3]}))
    with pytest.raises(InputError, match="already has a column 'start'; rename it"):
        small.embed(corpus, long_texts="passages")


# -- hostile texts --------------------------------------------------------------------------------------------


@pytest.mark.filterwarnings("ignore:.*are longer than")
def test_texts_that_are_hardly_texts_have_vectors(small):
    odd = ["", " ", "\n\t", "x" * 1_000_000, "a " * 500_000, "🙂" * 50, "\u202eمرحبا\u202c", "\0", "\ufeff", "é" * 300]
    vectors = small.encode(odd)
    assert np.isfinite(vectors).all()
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
    np.testing.assert_array_equal(vectors[0], vectors[1])  # spaces are nothing


def test_the_beginning_that_is_read_of_a_long_text_is_all_the_model_reads(small, monkeypatch):
    draw = random.Random(0)
    long = [" ".join(draw.choices(["a", "extraordinarily", "🙂", "-", " " * 40], k=900)) for _ in range(20)]
    with pytest.warns(UserWarning, match="are longer"):
        short_cut = small.encode(long)
    monkeypatch.setattr("semspace.sentences.tokenizing._CHARACTERS_PER_TOKEN", 10**9)
    with pytest.warns(UserWarning, match="are longer"):
        np.testing.assert_array_equal(small.encode(long), short_cut)


def test_broken_files_are_gone(tmp_path, small):
    """What a killed process left half laid out is laid out again."""
    (tmp_path / ".s.encoding-new").mkdir()
    (tmp_path / ".s.encoding-new" / "plan.json").write_text("{")
    (tmp_path / ".s.encoding").mkdir()
    small.embed(ss.Corpus.from_texts(["red wine"]), out=tmp_path / "s")
    assert [path.name for path in tmp_path.iterdir()] == ["s"]
    shutil.rmtree(tmp_path / "s")
