"""Large files are cut into shards: the same ids, order, metadata and vectors as one machine, at any size of a shard."""

import functools
import json
import random
import warnings
from itertools import pairwise

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import semspace as ss
import semspace.scale as scale
from semspace.errors import ExistsError, InputError, SemspaceWarning
from semspace.scale.cutting import cut_file
from semspace.scale.inputs import find_inputs
from semspace.scale.storage import open_filesystem
from tests.scaled import WORDS, one_machine, same, write_model, written

pytest.importorskip("fsspec")
pytest.importorskip("pyarrow")


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return str(write_model(tmp_path_factory.mktemp("scale") / "model"))


@functools.cache
def lines(count, seed=0):
    draw = random.Random(seed)
    return [" ".join(draw.choices(WORDS[1:], k=draw.randrange(1, 9))) for _ in range(count)]


def cut(path, shard_bytes, encoding="utf-8"):
    fs, place = open_filesystem(str(path))
    return cut_file(fs, place, path.name, path.stat().st_size, shard_bytes, encoding)


# -- where files are cut -------------------------------------------------------------------------------------------


def test_lines_are_cut_at_the_first_line_end_after_each_multiple(tmp_path):
    path = tmp_path / "a.txt"
    path.write_bytes(b"12345\n1234567\n1\n12")  # line ends after bytes 6, 14 and 16 of 18
    assert [(part.start, part.stop) for part in cut(path, 8)] == [(0, 14), (14, 18)]  # 16 is in the line to 18
    assert [(part.start, part.stop) for part in cut(path, 5)] == [(0, 6), (6, 14), (14, 16), (16, 18)]
    assert cut(path, 18) == ()
    assert [part.number for part in cut(path, 5)] == [1, 2, 3, 4]


@given(st.binary(min_size=2, max_size=300).map(lambda data: data.replace(b"\r", b"\n")), st.integers(1, 299))
def test_parts_hold_all_lines_once(tmp_path_factory, data, size):
    path = tmp_path_factory.mktemp("any") / "a.txt"
    path.write_bytes(data)
    parts = cut(path, size, "latin-1")
    if len(data) > size and not data.startswith((b"\xff\xfe", b"\xfe\xff")) and parts:
        assert b"".join(data[part.start : part.stop] for part in parts) == data
        assert all(data[part.stop - 1 : part.stop] == b"\n" for part in parts[:-1])
        assert all(part.stop > part.start for part in parts)
    elif len(data) > size and not data.startswith((b"\xff\xfe", b"\xfe\xff")):
        assert b"\n" not in data[size:-1]


def test_row_groups_are_put_together_while_they_fit(tmp_path):
    path = tmp_path / "a.parquet"
    pl.DataFrame({"text": lines(1_000)}).write_parquet(path, row_group_size=100)
    size = path.stat().st_size
    parts = cut(path, size // 3)
    assert sum(part.n_rows for part in parts) == 1_000
    assert all(part.n_rows % 100 == 0 and part.stop - part.start <= size // 3 for part in parts)
    assert all(a.stop == b.start and a.first_row + a.n_rows == b.first_row for a, b in pairwise(parts))
    assert len(cut(path, 1)) == 10  # a row group is never cut
    assert cut(path, size) == ()


@pytest.mark.parametrize(
    ("name", "content", "encoding"),
    [
        ("a.csv", b"id,text\n1,cat\n2,dog\n", "utf-8"),
        ("a.jsonl", b' [{"text": "cat"},\n{"text": "dog"}]', "utf-8"),
        ("a.txt", "cat\ndog\nsea\n".encode("utf-16"), "utf-8"),
        ("a.txt", "cat\ndog\nsea\n".encode("utf-16-le"), "utf-16-le"),
        ("a.parquet", b"PAR1 but nothing else of it PAR1", "utf-8"),
    ],
)
def test_what_cant_be_cut_stays_whole(tmp_path, name, content, encoding):
    (tmp_path / name).write_bytes(content)
    assert cut(tmp_path / name, 5, encoding) == ()


# -- what comes out ------------------------------------------------------------------------------------------------


def encoded(source, out, model, shard_bytes, **options):
    """The vectors of parts, and those of one machine."""
    job = scale.encode(source, out, model, shard_bytes=shard_bytes, progress=False, **options)
    return job, scale.read_space(out, progress=False)


@pytest.mark.parametrize("where", ["here", "memory://parts"])
def test_parquet_in_parts_is_what_one_machine_gives(tmp_path, model, where):
    frame = pl.DataFrame({"id": [f"d{row}" for row in range(500)], "text": lines(500)}).with_columns(
        kind=pl.col("text").str.slice(0, 3).cast(pl.Categorical), day=pl.lit("2020-01-02").str.to_date()
    )
    source = tmp_path / "big.parquet"
    frame.write_parquet(source, row_group_size=70)
    expected = one_machine(model, source)
    given_ = str(source)
    if where != "here":
        fs, path = open_filesystem(f"{where}/big.parquet")
        fs.pipe_file(path, source.read_bytes())
        given_ = f"{where}/big.parquet"
    job, space = encoded(given_, tmp_path / "out", model, source.stat().st_size // 4)
    assert job.n_shards >= 4
    assert job.to_frame()["inputs"].to_list()[:2] == ["big.parquet (part 1)", "big.parquet (part 2)"]
    same(space, expected)


@settings(max_examples=5)
@given(st.integers(200, 2_400), st.booleans())
def test_lines_in_parts_are_numbered_through_the_file(tmp_path_factory, model, size, several):
    root = tmp_path_factory.mktemp("lines")
    (root / "texts").mkdir()
    texts = list(lines(120))
    texts[5:5] = ["", "  "]  # blank lines count, and aren't documents
    (root / "texts" / "a1.txt").write_text("\r\n".join(texts))
    source = root / "texts" / "a1.txt"
    if several:
        (root / "texts" / "b.txt").write_text("cat\nsea dog\n")
        source = root / "texts"
    expected = ss.Encoder.load(model).embed(
        ss.Corpus.read(source, documents="lines"), long_texts="passages", overlap=0, progress=False
    )
    job, space = encoded(source, root / "out", model, size, long_texts="passages", overlap=0)
    assert job.n_shards > 1  # a1.txt has 2,636 bytes, 31 of them in the last line
    same(space, expected)


@pytest.mark.parametrize("ids", [True, False])
def test_json_lines_in_parts(tmp_path, model, ids):
    source = tmp_path / "texts"
    source.mkdir()
    for file in "ab":
        rows = [
            {"text": text, "n": row if row % 2 else row / 4} | ({"id": f"{file}{row}"} if ids else {})
            for row, text in enumerate(lines(90))
        ]
        (source / f"{file}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8-sig")
    job, space = encoded(source, tmp_path / "out", model, 1_500)
    assert job.n_shards >= 6
    same(space, one_machine(model, source))


def test_words_of_parts(tmp_path):
    (tmp_path / "a.txt").write_text("\n".join(lines(200)))
    job = scale.tokenize(tmp_path / "a.txt", tmp_path / "words", shard_bytes=1_000, progress=False)
    assert job.n_shards > 3
    found, expected = scale.read_tokens(tmp_path / "words", progress=False), ss.Tokens.read(tmp_path / "a.txt")
    assert found.vocabulary.equals(expected.vocabulary)
    assert found.ids.tolist() == expected.ids.tolist()
    assert found.offsets.tolist() == expected.offsets.tolist()


def test_pairs_of_parts_have_the_ids_of_the_file(tmp_path, model):
    (tmp_path / "a.txt").write_text("\n".join(lines(60)))
    _, space = encoded(tmp_path / "a.txt", tmp_path / "vectors", model, 600)
    scale.duplicates(tmp_path / "vectors", tmp_path / "pairs", 0.9, progress=False)
    pairs, columns = ss.Index.build(space).duplicates(0.9, progress=False), ["a", "b"]
    assert scale.read_pairs(tmp_path / "pairs").sort(columns)[columns].equals(pairs.sort(columns)[columns])


@pytest.mark.parametrize("kind", ["txt", "jsonl", "jsonl with ids"])
def test_parts_of_blank_lines_alone_are_shards_of_nothing(tmp_path, model, kind):
    texts = lines(20)
    rows = texts if kind == "txt" else [json.dumps({"text": t, "n": n}) for n, t in enumerate(texts)]
    if kind == "jsonl with ids":
        rows = [json.dumps({"id": f"d{n}", "text": t}) for n, t in enumerate(texts)]
    source = tmp_path / f"a.{kind[:5].split()[0]}"
    source.write_text("\n".join([*rows[:10], *["  "] * 900, *rows[10:]]))
    job, space = encoded(source, tmp_path / "out", model, 700)
    assert 0 in job.to_frame()["rows"].to_list()
    same(space, one_machine(model, source, **({"documents": "lines"} if kind == "txt" else {})))
    scale.duplicates(tmp_path / "out", tmp_path / "pairs", 0.9, progress=False)
    pairs, columns = ss.Index.build(space).duplicates(0.9, progress=False), ["a", "b"]
    assert scale.read_pairs(tmp_path / "pairs").sort(columns)[columns].equals(pairs.sort(columns)[columns])
    scale.tokenize(source, tmp_path / "words", shard_bytes=700, progress=False)
    found = scale.read_tokens(tmp_path / "words", progress=False)
    expected = ss.Tokens.read(source, **({"documents": "lines"} if kind == "txt" else {}), progress=False)
    assert found.vocabulary.equals(expected.vocabulary)
    assert found.offsets.tolist() == expected.offsets.tolist()


# -- again ---------------------------------------------------------------------------------------------------------


def test_lines_that_are_added_cost_only_the_last_parts(tmp_path, model):
    path = tmp_path / "a.jsonl"
    rows = [json.dumps({"text": text}) + "\n" for text in lines(100)]
    path.write_text("".join(rows))
    encoded(path, tmp_path / "out", model, 1_000)
    before = {key: json.loads(record)["files"] for key, (record, _) in written(tmp_path / "out").items()}
    path.write_text("".join([*rows, *rows]))
    _, space = encoded(path, tmp_path / "out", model, 1_000)
    after = {key: json.loads(record)["files"] for key, (record, _) in written(tmp_path / "out").items()}
    changed = [key for key in before if after[key] != before[key]]
    assert len(after) > len(before)
    assert changed in ([], [max(before)])
    same(space, one_machine(model, path))


def test_parts_of_another_size_are_another_job(tmp_path, model):
    (tmp_path / "a.txt").write_text("\n".join(lines(60)))
    encoded(tmp_path / "a.txt", tmp_path / "out", model, 600)
    with pytest.raises(ExistsError, match="whose shard_bytes is 600, and this one's is 700"):
        encoded(tmp_path / "a.txt", tmp_path / "out", model, 700)
    for wrong in (0, -1, 2.5, "10 MB", None):
        with pytest.raises(InputError, match="shard_bytes must be a whole number"):
            encoded(tmp_path / "a.txt", tmp_path / "new", model, wrong)
    assert not (tmp_path / "new").exists()


def test_a_file_slightly_larger_than_a_shard_is_nothing_to_tell(tmp_path):
    (tmp_path / "a.txt").write_text("cat " * 10)  # forty bytes without a line end
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert len(find_inputs("source", str(tmp_path / "a.txt"), 21, "utf-8")) == 1
    with pytest.warns(SemspaceWarning, match="twice as large as shard_bytes=20"):
        assert len(find_inputs("source", str(tmp_path / "a.txt"), 20, "utf-8")) == 1


def test_a_large_file_that_cant_be_cut_is_told(tmp_path, model):
    (tmp_path / "a.csv").write_text("id,text\n" + "".join(f"{i},cat {WORDS[i % 9 + 1]}\n" for i in range(50)))
    with pytest.warns(SemspaceWarning, match=r"one shard each, .*: 1, such as a.csv \(0.0 MB\)"):
        _, space = encoded(tmp_path / "a.csv", tmp_path / "out", model, 100)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        same(space, one_machine(model, tmp_path / "a.csv"))


def test_a_part_that_fails_is_named(tmp_path, model):
    rows = [json.dumps({"text": text}) for text in lines(60)]
    rows[40] = '{"text": '
    (tmp_path / "a.jsonl").write_text("\n".join(rows))
    with pytest.raises(
        scale.ShardsFailedError, match=r"1 of \d+ shards failed; the first is a.jsonl \(part \d+\): "
    ) as told:
        scale.encode(tmp_path / "a.jsonl", tmp_path / "out", model, shard_bytes=500, progress=False)
    assert told.value.job.n_done == told.value.job.n_shards - 1


def test_a_file_that_becomes_one_of_several_is_not_kept_with_its_old_ids(tmp_path, model):
    (tmp_path / "texts").mkdir()
    (tmp_path / "texts" / "a.txt").write_text("red wine\nblue cat\n")
    encoded(tmp_path / "texts" / "a.txt", tmp_path / "out", model, 1_000)
    (tmp_path / "texts" / "b.txt").write_text("cat\n")
    with pytest.raises(ExistsError, match=r"a\.txt with ids such as '1', which would be 'a\.txt:1' now"):
        encoded(tmp_path / "texts", tmp_path / "out", model, 1_000)
    _, space = encoded(tmp_path / "texts", tmp_path / "out", model, 1_000, overwrite=True)
    assert space.ids.tolist() == ["a.txt:1", "a.txt:2", "b.txt:1"]
