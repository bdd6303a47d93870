"""Shards: the results of one machine, whatever does the work, and however often it is interrupted."""

import json
import os
import random
import signal
import subprocess
import sys

import polars as pl
import pytest

import semspace as ss
import semspace.scale as scale
from semspace.errors import DamagedError, ExistsError, InputError, MissingFileError, SemspaceWarning
from tests.killed import ROOT, needs_sigkill
from tests.scaled import ROUNDS, one_machine, same, write_model, write_texts, written

pytest.importorskip("fsspec")


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return str(write_model(tmp_path_factory.mktemp("scale") / "model"))


@pytest.fixture
def texts(tmp_path):
    return write_texts(tmp_path / "texts", 5, 20)


# -- encoding ------------------------------------------------------------------------------------------------------


def test_the_points_are_those_of_one_machine(tmp_path, model, texts):
    job = scale.encode(texts, tmp_path / "out", model, progress=False)
    assert (job.n_shards, job.n_done, job.rows) == (5, 5, 104)
    assert "5 of 5 shards done, 104 rows" in repr(job)
    space = scale.read_space(tmp_path / "out", progress=False)
    same(space, one_machine(model, texts))
    assert space.most_similar("the cat", k=1).ids == one_machine(model, texts).most_similar("the cat", k=1).ids


def test_rows_without_ids_are_numbered_through_all_files(tmp_path, model):
    source = write_texts(tmp_path / "texts", 3, 4, ids=False)
    holes = pl.read_parquet(source / "part-001.parquet").with_columns(
        pl.when(pl.int_range(pl.len()) == 2).then(pl.lit(" ")).otherwise("text").alias("text")
    )
    holes.write_parquet(source / "part-001.parquet")
    with pytest.warns(SemspaceWarning, match="without text were left out: 1"):
        scale.encode(source, tmp_path / "out", model, empty="drop", progress=False)
    space = scale.read_space(tmp_path / "out", progress=False)
    with pytest.warns(SemspaceWarning):
        same(space, one_machine(model, source, empty="drop"))
    assert space.ids.tolist()[4:8] == ["4", "5", "7", "8"]


@pytest.mark.parametrize("ids", [True, False])
def test_passages_are_numbered_like_those_of_one_machine(tmp_path, model, ids):
    source = tmp_path / "texts"
    source.mkdir()
    for file in range(2):
        long = ["cat. " * 700, "dog sea."]
        frame = pl.DataFrame({"text": long})
        (frame.with_columns(id=pl.lit(f"{file}x") + pl.int_range(2).cast(pl.String)) if ids else frame).write_parquet(
            source / f"{file}.parquet"
        )
    scale.encode(source, tmp_path / "out", model, long_texts="passages", overlap=0, progress=False)
    expected = ss.Encoder.load(model).embed(ss.Corpus.read(source), long_texts="passages", overlap=0, progress=False)
    same(scale.read_space(tmp_path / "out", progress=False), expected)


def test_lines_of_txt_and_other_formats(tmp_path, model):
    source = tmp_path / "texts"
    source.mkdir()
    (source / "a.txt").write_text("cat sea\ndog\n")
    (source / "b.txt").write_text("wolf\n")
    scale.encode(source, tmp_path / "lines", model, progress=False)
    expected = ss.Encoder.load(model).embed(ss.Corpus.read(source, documents="lines"), progress=False)
    same(scale.read_space(tmp_path / "lines", progress=False), expected)
    (tmp_path / "t.csv").write_text("id,message\n007,cat\n008,dog sea\n")
    scale.encode(tmp_path / "t.csv", tmp_path / "csv", model, text="message", progress=False)
    same(scale.read_space(tmp_path / "csv", progress=False), one_machine(model, tmp_path / "t.csv", text="message"))


def test_the_same_call_again_does_nothing(tmp_path, model, texts):
    scale.encode(texts, tmp_path / "out", model, progress=False)
    before = written(tmp_path / "out")
    scale.encode(f"{texts}/*.parquet", tmp_path / "out", model, progress=False)
    assert written(tmp_path / "out") == before


def test_only_files_that_are_new_or_changed_are_encoded(tmp_path, model, texts):
    scale.encode(texts, tmp_path / "out", model, progress=False)
    before = written(tmp_path / "out")
    write_texts(tmp_path / "more", 7, 20)
    (tmp_path / "more" / "part-006.parquet").rename(texts / "part-006.parquet")
    changed = pl.read_parquet(texts / "part-002.parquet").head(3)
    changed.write_parquet(texts / "part-002.parquet")
    os.utime(texts / "part-001.parquet", (1, 1))  # the same bytes
    scale.encode(texts, tmp_path / "out", model, progress=False)
    after = written(tmp_path / "out")
    assert {key[:8] for key in after if after[key] != before.get(key)} == {"part-001", "part-002", "part-006"}
    key = next(key for key in after if key.startswith("part-001"))
    assert json.loads(after[key][0])["seconds"] == json.loads(before[key][0])["seconds"]  # it wasn't encoded again
    same(scale.read_space(tmp_path / "out", progress=False), one_machine(model, texts))
    assert len(list((tmp_path / "out" / "shards").iterdir())) == 6  # the old points of a changed file are gone


def test_what_failed_is_told_and_the_rest_is_done(tmp_path, model, texts):
    (texts / "part-003.parquet").write_bytes(b"not parquet")
    with pytest.raises(scale.ShardsFailedError, match=r"1 of 5 shards failed; the first is part-003.parquet: ") as told:
        scale.encode(texts, tmp_path / "out", model, progress=False)
    assert told.value.job.n_done == 4
    job = scale.status(tmp_path / "out")
    assert list(job.failed) == [key for key in job.inputs if key.startswith("part-003")]
    assert job.to_frame()["state"].to_list() == ["done", "done", "done", "failed", "done"]
    assert "1 failed:" in repr(job)
    assert "&#x27;" in job._repr_html_() or "<" not in job._repr_html_()[5:-6]
    with pytest.raises(InputError, match="isn't complete: 4 of 5 shards are done"):
        scale.read_space(tmp_path / "out")
    before = written(tmp_path / "out")
    write_texts(texts, 4, 20)
    job = scale.encode(texts, tmp_path / "out", model, progress=False)
    assert job.is_complete
    assert not job.failed
    assert before.items() - written(tmp_path / "out").items() <= {
        item for item in before.items() if not item[0].startswith("part-004")
    }


def test_a_job_of_which_everything_fails_stops(tmp_path, model):
    source = tmp_path / "texts"
    source.mkdir()
    for file in range(30):
        (source / f"{file}.csv").write_text("id,text\n1,\n")
    with pytest.raises(scale.ShardsFailedError, match="20 of 30 shards failed, so the rest wasn't tried"):
        scale.encode(source, tmp_path / "out", model, progress=False)


def test_what_may_pass_is_tried_again(tmp_path, model, texts, monkeypatch):
    from semspace.scale import encoding

    real, left = encoding.process, [2]

    def broken(*arguments):
        if left[0]:
            left[0] -= 1
            raise ConnectionError("the line went dead")
        return real(*arguments)

    monkeypatch.setattr(encoding, "process", broken)
    assert scale.encode(texts, tmp_path / "out", model, progress=False).is_complete
    left[0] = 3
    with pytest.raises(scale.ShardsFailedError, match="ConnectionError: the line went dead"):
        scale.encode(texts, tmp_path / "other", model, progress=False)


# -- folders -------------------------------------------------------------------------------------------------------


def test_a_folder_belongs_to_one_job(tmp_path, model, texts):
    scale.encode(texts, tmp_path / "out", model, progress=False)
    with pytest.raises(ExistsError, match="whose long_texts is 'cut', and this one's is 'pool'"):
        scale.encode(texts, tmp_path / "out", model, long_texts="pool")
    (texts / "part-004.parquet").unlink()
    with pytest.raises(ExistsError, match=r"1 files or parts that aren't among these, such as part-004.parquet"):
        scale.encode(texts, tmp_path / "out", model)
    job = scale.encode(texts, tmp_path / "out", model, long_texts="pool", overwrite=True, progress=False)
    assert job.n_done == 4
    assert len(list((tmp_path / "out" / "shards").iterdir())) == 4


def test_the_same_files_under_other_names_are_told(tmp_path, model, texts):
    scale.encode(texts, tmp_path / "out", model, progress=False)
    files = sorted(texts.iterdir())
    with pytest.raises(ExistsError, match=r"such as part-000.parquet for what is /.*; give the folder /.*texts/, "):
        scale.encode(files, tmp_path / "out", model)
    scale.encode(files, tmp_path / "listed", model, progress=False)
    with pytest.raises(ExistsError, match=r"for what is part-000.parquet now; give the same list of files"):
        scale.encode(texts, tmp_path / "listed", model)


def test_a_file_that_failed_may_be_removed(tmp_path, model, texts):
    (texts / "empty.jsonl").write_text("")
    with pytest.raises(scale.ShardsFailedError, match=r"1 of 6 shards failed; the first is empty.jsonl"):
        scale.encode(texts, tmp_path / "out", model, progress=False)
    before = written(tmp_path / "out")
    (texts / "empty.jsonl").unlink()
    job = scale.encode(texts, tmp_path / "out", model, progress=False)
    assert (job.n_shards, job.is_complete, job.failed) == (5, True, {})
    assert written(tmp_path / "out") == before


def test_a_job_without_anything_finished_may_be_replaced(tmp_path, model, texts):
    with pytest.raises(scale.ShardsFailedError, match=r"5 of 5 shards failed; .*there is no column 'nope'"):
        scale.encode(texts, tmp_path / "out", model, text="nope", progress=False)
    job = scale.encode(texts, tmp_path / "out", model, text="text", progress=False)
    assert (job.settings["reading"]["text"], job.n_done, job.failed) == ("text", 5, {})
    with pytest.raises(ExistsError, match="whose text is 'text', and this one's is 'nope'"):
        scale.encode(texts, tmp_path / "out", model, text="nope", progress=False)


def test_a_manifest_without_shards_is_damaged(tmp_path, model, texts):
    scale.encode(texts, tmp_path / "out", model, progress=False)
    path = tmp_path / "out" / "job.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "shards": {}}))
    for call in (scale.status, scale.read_space):
        with pytest.raises(DamagedError, match=r"job.json names no shards; run the job again with overwrite=True"):
            call(tmp_path / "out")
    assert scale.encode(texts, tmp_path / "out", model, overwrite=True, progress=False).n_done == 5


@pytest.mark.parametrize("facts", [{"truncated": "x"}, {"numbered": True}, {"part": 2}, {"lines": -1}, [], {"a": {}}])
def test_a_record_with_other_facts_is_not_a_finished_shard(tmp_path, model, texts, facts):
    scale.encode(texts, tmp_path / "out", model, progress=False)
    [record, *_] = sorted((tmp_path / "out" / "done").iterdir())
    record.write_text(json.dumps({**json.loads(record.read_text()), "facts": facts}))
    assert scale.status(tmp_path / "out").n_done == 4
    assert scale.encode(texts, tmp_path / "out", model, progress=False).is_complete


def test_other_files_are_never_touched(tmp_path, model, texts):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "thesis.txt").write_text("mine")
    with pytest.raises(ExistsError, match="holds other files"):
        scale.encode(texts, tmp_path / "out", model, overwrite=True)
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["thesis.txt"]


def test_another_model_of_the_same_name_is_refused(tmp_path, model, texts):
    import shutil

    shutil.copytree(model, tmp_path / "model")
    scale.encode(texts, tmp_path / "out", tmp_path / "model", progress=False)
    other = ss.Encoder.load(model)
    shutil.rmtree(tmp_path / "model")
    ss.save(ss.StaticEncoder(other.tokenizer, other.vectors * 2 + 1), tmp_path / "model")
    from semspace.scale import encoding

    encoding._OPENED.clear()
    with pytest.raises(ExistsError, match="whose encoder is"):
        scale.encode(texts, tmp_path / "out", tmp_path / "model")


def test_changed_results_are_noticed(tmp_path, model, texts):
    scale.encode(texts, tmp_path / "out", model, progress=False)
    [file, *_] = sorted((tmp_path / "out" / "shards").iterdir())
    data = bytearray(file.read_bytes())
    data[len(data) // 2] ^= 1
    file.write_bytes(data)
    with pytest.raises(DamagedError, match="another checksum"):
        scale.read_space(tmp_path / "out", progress=False)
    file.unlink()
    assert scale.status(tmp_path / "out").n_done == 4
    assert scale.encode(texts, tmp_path / "out", model, progress=False).is_complete
    same(scale.read_space(tmp_path / "out", progress=False), one_machine(model, texts))


@pytest.mark.parametrize(
    "change",
    [
        lambda record: record["files"]["points"].update(name="../../secret"),
        lambda record: record["files"]["points"].update(size=10**15),
        lambda record: record.update(rows=-1),
        lambda record: record.update(job="another"),
        lambda record: record.pop("inputs"),
    ],
)
def test_a_record_that_isnt_sound_counts_as_none(tmp_path, model, texts, change):
    scale.encode(texts, tmp_path / "out", model, progress=False)
    [path, *_] = sorted((tmp_path / "out" / "done").iterdir())
    record = json.loads(path.read_text())
    change(record)
    path.write_text(json.dumps(record))
    assert scale.status(tmp_path / "out").n_done == 4
    assert scale.encode(texts, tmp_path / "out", model, progress=False).n_done == 5


def test_bad_input_is_one_sentence(tmp_path, model, texts):
    with pytest.raises(MissingFileError, match="no file at"):
        scale.encode(tmp_path / "nowhere", tmp_path / "out", model)
    with pytest.raises(MissingFileError, match="no readable file in"):
        scale.encode(f"{texts}/*.csv", tmp_path / "out", model)
    with pytest.raises(InputError, match="model must be the name or the folder"):
        scale.encode(texts, tmp_path / "out", ss.Encoder.load(model))
    with pytest.raises(InputError, match="client must be None"):
        scale.encode(texts, tmp_path / "out", model, client=7)
    with pytest.raises(InputError, match="can't be opened"):
        scale.encode(texts, "nosuch://out", model)
    with pytest.raises(MissingFileError, match="holds no job"):
        scale.status(tmp_path)
    with pytest.raises(InputError, match="empty must be one of"):
        scale.encode(texts, tmp_path / "out", model, empty="keep")
    with pytest.raises(InputError, match="overlap=5 is for passages"):
        scale.encode(texts, tmp_path / "out", model, overlap=5)
    for inside in (texts, f"{texts}/**/*.parquet", [texts]):
        with pytest.raises(InputError, match=r"is inside texts=.*; choose a folder beside it"):
            scale.encode(inside, texts / "out", model)
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match=r"can't be used \(NotADirectoryError"):
        scale.encode(texts, tmp_path / "file" / "out", model)
    with pytest.raises(InputError, match=r"can't be used \(NotADirectoryError"):
        scale.status(tmp_path / "file")
    with pytest.raises(InputError, match="can't be opened"):
        scale.encode(f"zip://a.parquet::{tmp_path}", tmp_path / "out", model)
    for wrong, kind in ((None, "NoneType"), (3, "int"), (pl.DataFrame({"text": ["cat"]}), "DataFrame"), ([3], "int")):
        with pytest.raises(InputError, match=rf"^texts must be the path or URL .* or a list of them; got {kind}: .*$"):
            scale.encode(wrong, tmp_path / "out", model)
    assert not (tmp_path / "out").exists()


def test_a_file_that_is_in_a_folder_as_well_is_refused(tmp_path, model, texts):
    for also in (texts / "part-001.parquet", f"{texts.parent}/*/part-001.parquet"):
        with pytest.raises(InputError, match=r"the files of texts must be unique; '.*part-001.parquet' occurs"):
            scale.encode([texts, also], tmp_path / "out", model)
    assert not (tmp_path / "out").exists()


def test_results_in_memory(model, texts):
    scale.encode(texts, "memory://job/out", model, progress=False)
    same(scale.read_space("memory://job/out", progress=False), one_machine(model, texts))


# -- killed --------------------------------------------------------------------------------------------------------

_JOB = """
import os, signal, sys
import semspace.scale as scale
from semspace.scale.storage import Storage

texts, out, model, after, where = *sys.argv[1:4], int(sys.argv[4]), sys.argv[5]
write = Storage.write

def until_killed(self, name, data):
    global after
    after -= 1
    if after < 0 and where == "before":
        os.kill(os.getpid(), signal.SIGKILL)
    if after < 0 and where == "within":
        replace, os.replace = os.replace, lambda *paths: os.kill(os.getpid(), signal.SIGKILL)
    write(self, name, data)
    if after < 0:
        os.kill(os.getpid(), signal.SIGKILL)

Storage.write = until_killed
scale.encode(texts, out, model, progress=False)
"""


@needs_sigkill
def test_a_job_that_is_killed_loses_only_what_it_was_doing(tmp_path, model, texts):
    draw, out = random.Random(0), tmp_path / "out"
    expected, finished, killed = one_machine(model, texts), {}, 0
    for _ in range(ROUNDS or 3):
        after, where = draw.randrange(1, 5), draw.choice(["before", "within", "after"])
        command = [sys.executable, "-c", _JOB, str(texts), str(out), model, str(after), where]
        code = subprocess.run(command, cwd=ROOT, check=False).returncode
        assert code in (-signal.SIGKILL, 0)
        killed += code != 0
        assert finished.items() <= written(out).items()  # nothing that was finished is done again
        finished = written(out)
        if len(finished) == 5:
            same(scale.read_space(out, progress=False), expected)
            for key in draw.sample(sorted(finished), 4):  # so that there is something to do for the next round
                (out / "done" / f"{key}.json").unlink()
            finished = written(out)
    assert killed >= (ROUNDS or 3) // 2
    scale.encode(texts, out, model, progress=False)
    assert finished.items() <= written(out).items()
    same(scale.read_space(out, progress=False), expected)
    left = [path for path in out.rglob("*") if path.is_file() and path.name.startswith(".")]
    assert not left
