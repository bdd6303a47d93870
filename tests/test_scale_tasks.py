"""Words, pairs, groups and servers, shard by shard: what one machine gives."""

import json
import os

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import semspace as ss
import semspace.scale as scale
from semspace.errors import DamagedError, ExistsError, InputError, SemspaceWarning
from semspace.scale.pushing import ShardedPoints
from semspace.scale.reading import finished_job
from semspace.scale.storage import open_storage
from tests.scaled import one_machine, same, write_model, write_texts, written
from tests.servers import engines, new_name

pytest.importorskip("fsspec")


@pytest.fixture(scope="module")
def places(tmp_path_factory):
    """A model, texts, and their vectors."""
    root = tmp_path_factory.mktemp("scale")
    model = str(write_model(root / "model"))
    for name, seed, ids in (("a", 0, True), ("b", 1, False)):
        write_texts(root / name, 3, 40, seed=seed, ids=ids)
        scale.encode(root / name, root / f"{name}-vectors", model, progress=False)
    return root


# -- words ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("min_count", [1, 50])
def test_words_are_numbered_and_counted_as_on_one_machine(tmp_path, places, min_count):
    scale.tokenize(places / "a", tmp_path / "words", progress=False)
    found = scale.read_tokens(tmp_path / "words", min_count=min_count, progress=False)
    expected = ss.Tokens.read(places / "a", min_count=min_count, progress=False)
    assert found.vocabulary.equals(expected.vocabulary)
    assert np.array_equal(found.ids, expected.ids)
    assert np.array_equal(found.offsets, expected.offsets)
    assert found.provenance["words_read"] == expected.provenance["words_read"]
    options = {"dim": 8, "epochs": 1, "threads": 1, "min_count": 1}
    ours, theirs = (ss.Word2Vec(**options).train(tokens, progress=False) for tokens in (found, expected))
    np.testing.assert_array_equal(ours.vectors, theirs.vectors)


@settings(max_examples=15)
@given(st.lists(st.lists(st.text("ab ", max_size=9).map("x".__add__), min_size=1, max_size=4), min_size=1, max_size=4))
def test_counts_of_any_texts_add_up(tmp_path_factory, files):
    root = tmp_path_factory.mktemp("any")
    (root / "texts").mkdir()
    for number, texts in enumerate(files):
        pl.DataFrame({"text": texts}).write_parquet(root / "texts" / f"{number}.parquet")
    scale.count(root / "texts", root / "out", tokenizer="whitespace", progress=False)
    counts = {}
    for texts in files:
        for text in texts:
            for word in text.split():
                counts[word] = counts.get(word, 0) + 1
    assert scale.read_word_counts(root / "out").rows() == sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))


def test_counts_without_words_are_another_job(tmp_path, places):
    scale.count(places / "a", tmp_path / "out", progress=False)
    with pytest.raises(ExistsError, match="whose task is 'count', and this one's is 'tokenize'"):
        scale.tokenize(places / "a", tmp_path / "out")
    with pytest.raises(InputError, match=r"holds the results of scale.count, and this needs those of scale.tokenize"):
        scale.read_tokens(tmp_path / "out")
    with pytest.raises(InputError, match="no word occurs min_count=10000 times"):
        scale.read_word_counts(tmp_path / "out", min_count=10_000)
    with pytest.raises(InputError, match="tokenizer must be"):
        scale.count(places / "a", tmp_path / "other", tokenizer="magic")


# -- pairs ---------------------------------------------------------------------------------------------------------


def alike(found, expected):
    """The same pairs and scores; where scores differ by rounding, pairs may change places."""
    columns = ["a", "b"]
    assert found.sort(columns).select(columns).equals(expected.sort(columns).select(columns))
    np.testing.assert_allclose(found.sort(columns)["score"], expected.sort(columns)["score"], atol=1e-6)
    np.testing.assert_allclose(found["score"], expected["score"], atol=1e-6)


@pytest.mark.parametrize("options", [{"min_score": 0.9}, {"min_score": -2.0, "metric": "euclidean"}])
def test_pairs_are_those_of_one_machine(tmp_path, places, options):
    a, b = (scale.read_space(places / f"{name}-vectors", progress=False) for name in "ab")
    job = scale.join(places / "a-vectors", places / "b-vectors", tmp_path / "pairs", progress=False, **options)
    assert job.n_shards == 9
    found, expected = scale.read_pairs(tmp_path / "pairs"), ss.join(a, b, progress=False, **options)
    assert len(found)
    assert found.equals(expected)


def test_best_partners_are_those_of_one_machine(tmp_path, places):
    a, b = (scale.read_space(places / f"{name}-vectors", progress=False) for name in "ab")
    scale.join(places / "a-vectors", places / "b-vectors", tmp_path / "pairs", k=3, progress=False)
    found, expected = scale.read_pairs(tmp_path / "pairs"), ss.join(a, b, k=3, progress=False)
    assert len(found) == 3 * len(a)
    # Which of several texts with the same vector is the third is rounding; how near they are isn't.
    np.testing.assert_allclose(found["score"], expected["score"], atol=1e-6)
    assert found.group_by("a").len()["len"].unique().to_list() == [3]


def test_duplicates_are_those_of_an_index(tmp_path, places):
    space = scale.read_space(places / "b-vectors", progress=False)
    scale.duplicates(places / "b-vectors", tmp_path / "pairs", 0.9, progress=False)
    alike(scale.read_pairs(tmp_path / "pairs"), ss.Index.build(space).duplicates(0.9, progress=False))


def test_only_the_best_pairs_where_there_are_more(tmp_path, places):
    a, b = (scale.read_space(places / f"{name}-vectors", progress=False) for name in "ab")
    scale.join(places / "a-vectors", places / "b-vectors", tmp_path / "pairs", 0.5, max_pairs=20, progress=False)
    with pytest.warns(SemspaceWarning, match="more than max_pairs=20"):
        found = scale.read_pairs(tmp_path / "pairs")
    with pytest.warns(SemspaceWarning):
        expected = ss.join(a, b, 0.5, max_pairs=20, progress=False)
    np.testing.assert_array_equal(found["score"], expected["score"])


def test_pairs_of_vectors_that_changed_are_refused(tmp_path, places):
    texts, model = write_texts(tmp_path / "texts", 2, 10), str(places / "model")
    scale.encode(texts, tmp_path / "vectors", model, progress=False)
    scale.duplicates(tmp_path / "vectors", tmp_path / "pairs", progress=False)
    write_texts(tmp_path / "texts", 2, 12, seed=5)
    scale.encode(texts, tmp_path / "vectors", model, progress=False)
    with pytest.raises(InputError, match=r"the vectors were changed after .*the same call of scale.duplicates"):
        scale.read_pairs(tmp_path / "pairs")
    scale.duplicates(tmp_path / "vectors", tmp_path / "pairs", progress=False)
    space = scale.read_space(tmp_path / "vectors", progress=False)
    alike(scale.read_pairs(tmp_path / "pairs"), ss.Index.build(space).duplicates(progress=False))


def test_vectors_that_are_damaged_fail_their_blocks(tmp_path, places):
    texts, model = write_texts(tmp_path / "texts", 2, 10), str(places / "model")
    scale.encode(texts, tmp_path / "vectors", model, progress=False)
    [file, *_] = sorted((tmp_path / "vectors" / "shards").iterdir())
    file.write_bytes(file.read_bytes()[:-1] + b"?")
    with pytest.raises(scale.ShardsFailedError, match=r"; delete it, and run the same call of scale.encode again"):
        scale.duplicates(tmp_path / "vectors", tmp_path / "pairs", progress=False)
    with pytest.raises(DamagedError, match="another checksum"):
        scale.read_space(tmp_path / "vectors", progress=False)
    file.unlink()
    scale.encode(texts, tmp_path / "vectors", model, progress=False)
    assert scale.duplicates(tmp_path / "vectors", tmp_path / "pairs", progress=False).is_complete


def test_messages_name_the_function_that_was_called(tmp_path, places):
    vectors, pairs = places / "a-vectors", tmp_path / "pairs"
    assert repr(scale.duplicates(vectors, pairs, progress=False)).startswith("duplicates ")
    assert (scale.status(pairs).task, json.loads((pairs / "job.json").read_text())["task"]) == ("duplicates", "join")
    with pytest.raises(InputError, match=r"the results of scale.duplicates, and this needs those of scale.encode"):
        scale.read_space(pairs)
    with pytest.raises(ExistsError, match="whose task is 'duplicates', and this one's is 'join'"):
        scale.join(vectors, vectors, pairs, k=1)
    assert scale.join(vectors, vectors, tmp_path / "itself", k=1, progress=False).task == "join"
    next((pairs / "done").iterdir()).unlink()
    with pytest.raises(InputError, match=r"run scale.duplicates again with the same settings"):
        scale.read_pairs(pairs)


def test_bad_joins_are_one_sentence(tmp_path, places):
    a, b = places / "a-vectors", places / "b-vectors"
    with pytest.raises(InputError, match="leave out max_pairs="):
        scale.join(a, b, tmp_path / "out", k=1, max_pairs=5)
    with pytest.raises(InputError, match="metric must be one of"):
        scale.join(a, b, tmp_path / "out", metric="taxicab")
    with pytest.warns(SemspaceWarning, match="107 of 123 texts are longer than the model reads and were cut"):
        scale.encode(places / "b", tmp_path / "cut", str(places / "model"), max_tokens=2, progress=False)
    with pytest.raises(InputError, match="encode both with the same model and settings"):
        scale.join(a, tmp_path / "cut", tmp_path / "out")
    assert not (tmp_path / "out").exists()
    for call in (scale.join, lambda _, *rest, **options: scale.duplicates(*rest, **options)):
        with pytest.raises(InputError, match="is the folder of the vectors"):
            call(a, b, b, overwrite=True)
        with pytest.raises(InputError, match="is inside the folder of the vectors; choose another, beside it"):
            call(a, b, b / "pairs")
    assert scale.status(b).is_complete


# -- groups --------------------------------------------------------------------------------------------------------


def test_groups_are_those_of_one_machine(tmp_path, places):
    sample, rest = (scale.read_space(places / f"{name}-vectors", progress=False) for name in "ab")
    groups = ss.cluster(sample, n_clusters=3, progress=False)
    ss.save(groups, tmp_path / "groups")
    scale.assign(places / "b-vectors", tmp_path / "groups", tmp_path / "out", progress=False)
    found, expected = scale.read_assignment(tmp_path / "out"), groups.assign(rest)
    assert found.to_frame().drop("typicality", "share").equals(expected.to_frame().drop("typicality", "share"))
    np.testing.assert_allclose(found.share, expected.share, atol=1e-6)
    for inside in (tmp_path / "groups", tmp_path / "groups" / "out"):
        with pytest.raises(InputError, match="is in the folder of the clustering; choose another, beside it"):
            scale.assign(places / "b-vectors", tmp_path / "groups", inside)
    with pytest.raises(InputError, match="clustering must be the path of a saved one"):
        scale.assign(places / "b-vectors", groups, tmp_path / "other")
    ss.save(ss.cluster(sample, n_clusters=2, progress=False), tmp_path / "groups", overwrite=True)
    with pytest.raises(ExistsError, match="another job"):
        scale.assign(places / "b-vectors", tmp_path / "groups", tmp_path / "out")


# -- servers -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"overwrite": "yes"}, "overwrite must be True or False; got 'yes'"),
        ({"progress": 1}, "progress must be True or False; got 1"),
        ({"token": 3}, "token must be a string or None; got int"),
    ],
)
def test_options_of_push_are_checked_before_any_access(places, options, message):
    nowhere = "qdrant://127.0.0.1:1"
    with pytest.raises(InputError, match=f"^{message}$"):
        scale.push(places / "a-vectors", nowhere, "points", **options)
    index = ss.Index.build(scale.read_space(places / "a-vectors", progress=False))
    with pytest.raises(InputError, match=f"^{message}$"):
        index.push(nowhere, "points", **options)
    if "token" in options:
        with pytest.raises(InputError, match=f"^{message}$"):
            ss.Index.connect(nowhere, "points", **options)


@pytest.mark.parametrize("server", [engine for engine in engines() if engine.name in ("qdrant", "pgvector")], ids=str)
def test_points_are_sent_to_a_server_and_sent_again_only_where_missing(tmp_path, places, server):
    for package in server.packages:
        pytest.importorskip(package, reason=f"no {package}: pip install 'semspace[{server.extra}]'")
    where, name = server.uri(tmp_path), new_name()
    space = scale.read_space(places / "b-vectors", progress=False)
    assert scale.push(places / "b-vectors", where, name, batch=30, progress=False) == len(space)
    with ss.Index.connect(where, name) as index:
        assert len(index) == len(space)
        hits = index.search(space.vectors[7], k=1)
        assert hits.metadata["text"][0] == space.metadata["text"][space.ids.tolist().index(hits.ids[0])]
        index.delete(["3", "100"])
    assert scale.push(places / "b-vectors", where, name, progress=False) == len(space)
    with pytest.raises(InputError, match="holds points of another space"):
        scale.push(places / "a-vectors", where, name, progress=False)


# -- files without documents ---------------------------------------------------------------------------------------


@pytest.mark.filterwarnings("ignore:.*left out")
@pytest.mark.parametrize("rows", [[], ["y,,7"]], ids=["a header alone", "no text"])
def test_a_file_without_documents_is_a_shard_of_nothing(tmp_path, rows):
    source, model = tmp_path / "texts", write_model(tmp_path / "model")
    source.mkdir()
    for name, lines in {"a": ["x,red cat,1"], "b": rows, "c": ["z,sea,3", "w,dog,4"]}.items():
        (source / f"{name}.csv").write_text("\n".join(["id,text,n", *lines]) + "\n")
    job = scale.encode(source, tmp_path / "vectors", model, empty="drop", progress=False)
    assert job.to_frame()["rows"].to_list() == [1, 0, 2]
    space = scale.read_space(tmp_path / "vectors", progress=False)
    same(space, one_machine(model, source, empty="drop"))

    scale.duplicates(tmp_path / "vectors", tmp_path / "pairs", -1.0, progress=False)
    assert len(scale.read_pairs(tmp_path / "pairs")) == 3
    ss.save(ss.cluster(space, n_clusters=2, progress=False), tmp_path / "groups")
    scale.assign(tmp_path / "vectors", tmp_path / "groups", tmp_path / "assigned", progress=False)
    assert scale.read_assignment(tmp_path / "assigned").to_frame()["id"].to_list() == ["x", "z", "w"]

    scale.tokenize(source, tmp_path / "words", empty="drop", progress=False)
    found = scale.read_tokens(tmp_path / "words", progress=False)
    expected = ss.Tokens.read(source, empty="drop", progress=False)
    assert found.vocabulary.equals(expected.vocabulary)
    assert found.offsets.tolist() == expected.offsets.tolist()
    assert found.provenance.get("dropped_empty") == expected.provenance.get("dropped_empty")


def test_words_of_a_file_without_words(tmp_path):
    (tmp_path / "texts").mkdir()
    (tmp_path / "texts" / "a.txt").write_text("red cat\n")
    (tmp_path / "texts" / "b.txt").write_text("...\n!!!\n")
    scale.tokenize(tmp_path / "texts", tmp_path / "words", progress=False)
    assert scale.read_tokens(tmp_path / "words", progress=False).offsets.tolist() == [0, 2, 2, 2]


def test_a_job_without_any_document_says_so(tmp_path):
    model = write_model(tmp_path / "model")
    (tmp_path / "a.csv").write_text("id,text\n")
    scale.encode(tmp_path / "a.csv", tmp_path / "vectors", model, progress=False)
    with pytest.raises(InputError, match="has no points: no file of the job has documents"):
        scale.read_space(tmp_path / "vectors", progress=False)
    with pytest.raises(InputError, match="has no points"):
        scale.push(tmp_path / "vectors", str(tmp_path / "server"), "points", progress=False)
    scale.tokenize(tmp_path / "a.csv", tmp_path / "words", progress=False)
    with pytest.raises(InputError, match="the text has no words"):
        scale.read_tokens(tmp_path / "words", progress=False)


# -- names and paths -----------------------------------------------------------------------------------------------


@pytest.fixture
def home(tmp_path, monkeypatch):
    """A folder to work in, with a model ``m`` and texts in ``texts/a.csv`` and ``texts/b.csv``."""
    monkeypatch.chdir(tmp_path)
    write_model(tmp_path / "m")
    (tmp_path / "texts").mkdir()
    (tmp_path / "texts" / "a.csv").write_text("id,text\n1,cat\n")
    (tmp_path / "texts" / "b.csv").write_text("id,text\n2,cat\n")
    return tmp_path


def encoded(texts, out="out", model="m", **options):
    scale.encode(texts, out, model, progress=False, **options)
    return scale.read_space(out, progress=False).ids.tolist()


@pytest.mark.parametrize("texts", ["links", "links/*.csv", "links/b.csv"])
def test_links_to_files_are_read_as_files(home, texts):
    (home / "links").mkdir()
    for name in "ab":
        (home / "links" / f"{name}.csv").symlink_to(home / "texts" / f"{name}.csv")
    (home / "links" / "gone.csv").symlink_to(home / "nowhere.csv")
    assert encoded(texts) == (["2"] if texts.endswith("b.csv") else ["1", "2"])
    (home / "texts" / "b.csv").write_text("id,text\n2,cat\n3,dog\n")
    assert encoded(texts)[-1] == "3"  # a change of what the link leads to is seen


@pytest.mark.parametrize("name", ["data [2024]", "a*b", "what?", "one::two"])
def test_names_with_signs_of_patterns_are_names_where_they_are_there(home, name):
    (home / "texts").rename(home / name)
    (home / name / "b.csv").rename(home / name / f"{name}.csv")
    for _ in range(2):  # the second time the records are read
        assert sorted(encoded(name, f"out {name}")) == ["1", "2"]
    assert encoded(f"{name}/{name}.csv", "one") == ["2"]


def test_a_file_of_the_same_time_and_another_size_is_read_again(home):
    def write(text):
        (home / "texts" / "b.csv").write_text(text)
        os.utime(home / "texts" / "b.csv", (1e9, 1e9))

    write("id,text\n2,cat\n")
    assert encoded("texts") == ["1", "2"]
    write("id,text\n2,cat\n3,dog\n")
    assert encoded("texts") == ["1", "2", "3"]


def test_a_model_is_the_same_however_its_path_is_written(home):
    assert encoded("texts") == ["1", "2"]
    before = written(home / "out")
    for model in ("./m", "m/", str(home / "m"), home / "m"):
        assert encoded("texts", model=model) == ["1", "2"]
    assert written(home / "out") == before


def test_a_model_that_was_saved_again_in_its_place_is_opened_again(home):
    encoded("texts")
    encoder = ss.StaticEncoder.from_folder(home / "m")
    ss.save(ss.StaticEncoder(encoder.tokenizer, encoder.vectors[:, ::-1].copy()), home / "m", overwrite=True)
    with pytest.raises(ExistsError, match="holds another job"):
        encoded("texts")
    encoded("texts", "new")
    same(scale.read_space("new", progress=False), one_machine(home / "m", home / "texts"))


def test_a_file_that_grows_into_parts_or_shrinks_is_done_again_alone(home):
    source = home / "texts" / "c.jsonl"
    for count in (1, 9, 4, 1):
        source.write_text('{"id": "c%d", "text": "cat dog"}\n' * count % tuple(range(count)))
        assert encoded("texts", shard_bytes=70) == ["1", "2", *(f"c{row}" for row in range(count))]
        assert len(written(home / "out")) == scale.status("out").n_shards
    source.unlink()
    with pytest.raises(ExistsError, match=r"the results of 1 files or parts that aren't among these, such as c\.jsonl"):
        encoded("texts", shard_bytes=70)


def test_pairs_and_groups_are_found_from_elsewhere_and_follow_their_vectors(home, monkeypatch):
    encoded("texts")
    ss.save(ss.cluster(scale.read_space("out", progress=False), n_clusters=1, progress=False), "groups")

    def work(vectors="out"):
        scale.duplicates(vectors, home / "pairs", 0.9, progress=False)
        scale.assign(vectors, home / "groups", home / "assigned", progress=False)

    work()
    before = written(home / "pairs"), written(home / "assigned")
    for vectors in ("./out", str(home / "out"), (home / "out").as_uri()):
        work(vectors)
    assert (written(home / "pairs"), written(home / "assigned")) == before
    (home / "elsewhere").mkdir()
    monkeypatch.chdir(home / "elsewhere")
    assert scale.read_pairs("../pairs").select("a", "b").rows() == [("1", "2")]
    assert len(scale.read_assignment("../assigned")) == 2

    monkeypatch.chdir(home)
    (home / "texts" / "a.csv").unlink()
    assert encoded("texts", overwrite=True) == ["2"]
    with pytest.raises(InputError, match=r"run the same call of scale\.duplicates again"):
        scale.read_pairs("pairs")
    work()  # the remedy
    assert len(scale.read_pairs("pairs")) == 0
    assert scale.read_assignment("assigned").to_frame()["id"].to_list() == ["2"]


@pytest.mark.parametrize(
    ("files", "kind", "values"),
    [
        ({"a.csv": "id,text,n\n1,cat,1\n", "b.csv": "id,text,n\n2,cat,1.5\n"}, pl.Float64, [1.0, 1.5]),
        ({"a.csv": "id,text,n\n1,cat,true\n", "b.csv": "id,text,n\n2,cat,5\n"}, pl.Int64, [1, 5]),
        (
            {"a.jsonl": '{"id": "1", "text": "cat", "n": null}\n', "b.jsonl": '{"id": "2", "text": "dog", "n": 5}\n'},
            pl.Int64,
            [None, 5],
        ),
        ({"a.csv": "id,text,n\n", "b.csv": "id,text,n\n2,cat,1.5\n"}, pl.Float64, [1.5]),
    ],
)
def test_metadata_goes_to_a_server_in_the_types_of_all_files(home, files, kind, values):
    (home / "typed").mkdir()
    for name, content in files.items():
        (home / "typed" / name).write_text(content)
    encoded("typed")
    storage = open_storage("vectors", "out")
    points = ShardedPoints(storage, finished_job(storage, "encode"), "cosine")
    assert points.metadata([]).schema["n"] == kind
    sent = [points.metadata(ids) for ids, _ in points.pieces()]
    assert pl.concat(sent)["n"].to_list() == values
    assert scale.read_space("out", progress=False).metadata["n"].to_list() == values


def test_other_columns_are_refused_before_anything_is_sent(home):
    (home / "texts" / "b.csv").write_text("id,text,m\n2,cat,1\n")
    encoded("texts")
    with pytest.raises(InputError, match="other columns of metadata"):
        scale.push("out", str(home / "server.qdrant"), "points", progress=False)
    assert not (home / "server.qdrant").exists()


def test_a_record_of_another_number_of_points_is_damage(home):
    encoded("texts")
    record = next((home / "out" / "done").glob("*.json"))
    record.write_text(json.dumps({**json.loads(record.read_text()), "rows": 0}))
    with pytest.raises(DamagedError, match="tells of 0 points, and its file has 1; delete it"):
        scale.read_space("out", progress=False)
