"""Data through the shell: standard input and output, many queries, changes of an index, and what a file is."""

import json

import pytest

import semspace as ss
from semspace.cli.reports import _names_of

LINES = "a cat sat\na dog ran\nthe ship sailed\nthe boat sank\n"


@pytest.fixture
def space(run, tmp_path):
    assert run("embed", "-", "--out", tmp_path / "s", "--model", "TINY", stdin=LINES)[0] == 0
    return tmp_path / "s"


@pytest.fixture
def index(run, space, tmp_path):
    assert run("index", space, "--out", tmp_path / "i")[0] == 0
    return tmp_path / "i"


def rows(result):
    code, out, err = result
    assert code == 0, err
    return [json.loads(line) for line in out.splitlines()]


# -- standard input and output ------------------------------------------------------------------------------------


def test_texts_from_standard_input_are_lines_or_json_lines(run, space, tmp_path):
    assert ss.load(space).ids.tolist() == ["1", "2", "3", "4"]
    assert ss.load(space).provenance["text"]["source"] == "standard input"
    objects = '{"id": "x", "text": "a cat", "year": 2001}\n{"id": "y", "text": "a dog", "year": 2002}\n'
    args = ("--model", "TINY", "--out", tmp_path / "t")
    assert run("embed", "-", *args, stdin=objects)[0] == 0
    assert ss.load(tmp_path / "t").ids.tolist() == ["x", "y"]
    assert ss.load(tmp_path / "t").metadata["year"].to_list() == [2001, 2002]
    table = "id,text\np,a cat\nq,a dog\n"
    assert run("embed", "-", *args, "--format", "csv", "--overwrite", stdin=table)[0] == 0
    assert ss.load(tmp_path / "t").ids.tolist() == ["p", "q"]


def test_vectors_go_to_standard_output(run, space, tmp_path):
    printed = rows(run("embed", "-", "--out", "-", "--model", "TINY", stdin=LINES))
    saved = ss.load(space)
    assert [row["id"] for row in printed] == saved.ids.tolist()
    assert printed[2]["vector"] == pytest.approx(saved["3"].tolist(), abs=1e-6)
    text = run("convert", space, "--out", "-")[1]
    assert text.splitlines()[0] == "4 16"
    assert run("convert", "-", "--out", tmp_path / "back", stdin=text)[0] == 0
    assert (ss.load(tmp_path / "back").vectors == saved.vectors).all()
    args = ("train", "word2vec", "-", "--out", "-", "--dim", 4, "--min-count", 1, "--threads", 1)
    assert {"cat", "dog", "ship"} < {row["id"] for row in rows(run(*args, stdin=LINES * 20))}


def test_a_report_goes_to_standard_output(run, space, tmp_path):
    code, out, err = run("cluster", space, "--report", "-", "--out", tmp_path / "g")
    assert code == 0, err
    assert out.startswith("<!DOCTYPE html>")
    assert out.rstrip().endswith("</html>")


@pytest.mark.parametrize("options", [(), ("--format", "csv"), ("--format", "tsv")])
def test_an_encoder_is_trained_on_a_table_from_standard_input(run, tmp_path, options):
    between = "\t" if "tsv" in options else ","
    table = "\n".join(
        between.join(row) for row in [("anchor", "positive"), *[("a cat", "a dog"), ("a ship", "a boat")] * 8]
    )
    args = ("train", "encoder", "-", "--out", tmp_path / "e", "--base", "TINY", "--epochs", 1, "--batch-size", 4)
    code, _, err = run(*args, "--held-out", 0, *options, stdin=table)
    assert code == 0, err
    assert ss.Encoder.load(tmp_path / "e").encode(["a cat"]).shape == (1, 16)


@pytest.mark.parametrize(
    ("arguments", "stdin", "message"),
    [
        (("embed", "-", "--out", "x", "--model", "TINY"), "", "standard input is empty; give texts"),
        (("embed", "-", "--out", "x", "--model", "TINY"), '{"a": 1\n', "cannot read standard input, line 1: "),
        (("embed", "-", "--out", "x", "--format", "xlsx"), "a", "--format must be one of"),
        (("cluster", "-", "--out", "-", "--model", "TINY"), LINES, "--out is a folder here, so it can't be -"),
        (("train", "encoder", "-", "--out", "x"), "", "standard input is empty; give texts"),
        (("train", "encoder", "-", "--out", "x", "--text", "a"), "a", "--text has no effect on --objective pairs"),
        (("search", "INDEX", "cat", "--queries", "-"), "a", "give one query, or many with --queries FILE"),
    ],
)  # fmt: skip
def test_what_standard_input_and_output_cannot_be(run, index, tmp_path, monkeypatch, arguments, stdin, message):
    monkeypatch.chdir(tmp_path)
    code, out, err = run(*(index if a == "INDEX" else a for a in arguments), stdin=stdin)
    assert (code, out) == (2, "")
    assert message in err
    assert "/semspace-" not in err  # no name of a temporary file
    assert not (tmp_path / "x").exists()
    assert not (tmp_path / "-").exists()


# -- many queries -------------------------------------------------------------------------------------------------


def test_many_queries_are_answered_line_by_line(run, index, space, tmp_path):
    (tmp_path / "q.jsonl").write_text('{"id": "first", "text": "a cat sat"}\n{"id": "second", "text": "a boat"}\n')
    found = rows(run("search", index, "--queries", tmp_path / "q.jsonl", "-k", 2, "--json"))
    assert [(row["id"], row["query"], len(row["neighbors"])) for row in found] == [
        ("first", "a cat sat", 2),
        ("second", "a boat", 2),
    ]
    assert found[0]["neighbors"][0]["id"] == "1"
    [alone] = rows(run("search", index, "a boat", "-k", 2, "--json"))
    assert [one["id"] for one in alone] == [one["id"] for one in found[1]["neighbors"]]
    assert rows(run("search", index, "-", "-k", 2, "--json", stdin="a cat sat\na boat\n"))[1]["query"] == "a boat"
    printed = run("similar", space, "-", "-k", 1, stdin="1\n2\n")[1]
    assert printed.count("nearest to") == 2
    [one] = rows(run("similar", space, "--queries", "-", "--json", stdin="1\n"))
    assert one["query"] == "1"


# -- changing an index --------------------------------------------------------------------------------------------


def test_add_update_and_delete(run, index, tmp_path):
    new = '{"id": "n", "text": "a new ship"}\n{"id": "m", "text": "a new cat"}\n'
    assert rows(run("add", index, "-", "--json", stdin=new)) == [{"index": str(index), "added": 2, "points": 6}]
    assert rows(run("search", index, "a new ship", "-k", 1, "--json"))[0][0]["id"] == "n"
    changed = '{"id": "n", "text": "quite other words"}\n'
    assert run("update", index, "-", stdin=changed)[1].startswith("1 document updated\n")
    assert rows(run("search", index, "quite other words", "-k", 1, "--json"))[0][0]["text"] == "quite other words"
    assert "1 document deleted" in run("delete", index, "n")[1]
    assert rows(run("delete", index, "--ids", "-", "--json", stdin="1\n\nm\n"))[0]["points"] == 3
    assert len(ss.Index.open(index)) == 3


def test_upsert_adds_and_replaces(run, index):
    both = '{"id": "1", "text": "quite other words"}\n{"id": "n", "text": "a new ship"}\n'
    assert rows(run("upsert", index, "-", "--json", stdin=both)) == [{"index": str(index), "written": 2, "points": 5}]
    assert rows(run("search", index, "quite other words", "-k", 1, "--json"))[0][0]["id"] == "1"


def test_the_points_of_a_space_are_added(run, index, tmp_path):
    args = ("embed", "-", "--out", tmp_path / "more", "--model", "TINY")
    assert run(*args, stdin='{"id": "z", "text": "a horse"}\n')[0] == 0
    assert rows(run("add", index, tmp_path / "more", "--json"))[0]["points"] == 5


def test_changes_that_cannot_be_made(run, index):
    for arguments, stdin, message in (
        (("add", index, "-"), '{"id": "1", "text": "again"}\n', "'1'"),
        (("update", index, "-"), '{"id": "new", "text": "again"}\n', "'new'"),
        (("delete", index, "nobody"), None, "'nobody'"),
        (("delete", index), None, "give the ids to delete, or --ids FILE"),
        (("delete", index, "1", "--ids", "-"), "2", "give the ids to delete, or --ids FILE"),
    ):
        code, out, err = run(*arguments, stdin=stdin)
        assert (code, out) == (2, "")
        assert message in err
    assert len(ss.Index.open(index)) == 4


# -- groups -------------------------------------------------------------------------------------------------------


def test_assign(run, space, tmp_path):
    good = run("cluster", space, "--n-clusters", 2, "--out", tmp_path / "g", "--threads", 1)
    assert good[0] == 0
    groups = ss.load(tmp_path / "g")
    texts = '{"id": "u", "text": "a cat sat"}\n{"id": "v", "text": "the boat sank"}\n'
    found = rows(run("assign", tmp_path / "g", "-", "--json", stdin=texts))
    assert [(row["id"], row["group"]) for row in found] == [("u", groups.labels[0]), ("v", groups.labels[3])]
    assert set(found[0]) >= {"name", "share", "typicality"}
    assert groups.names[groups.labels[0]][:10] in run("assign", tmp_path / "g", space)[1]
    code, _, err = run("assign", space, space)
    assert code == 2
    assert "holds a Space, not a Clustering" in err


def test_where_chooses_documents(run, tmp_path):
    objects = "".join(f'{{"id": "{year}", "text": "word {year}", "year": {year}}}\n' for year in range(2000, 2010))
    args = ("--model", "TINY", "--out", tmp_path / "s")
    assert run("embed", "-", "--where", "year >= 2004", *args, stdin=objects)[0] == 0
    assert ss.load(tmp_path / "s").ids.tolist() == [str(year) for year in range(2004, 2010)]
    [found] = rows(run("cluster", tmp_path / "s", "--where", "year < 2008", "--n-clusters", 2, "--json"))
    assert set(found["labels"]) == {"2004", "2005", "2006", "2007"}
    code, _, err = run("cluster", tmp_path / "s", "--where", "year < 1900")
    assert (code, "no point of 6 matches 'year < 1900'" in err) == (2, True)


# -- what a file is -----------------------------------------------------------------------------------------------


def test_info(run, space, index, tmp_path):
    [facts] = rows(run("info", space, "--json"))
    saved = ss.load(space)
    assert (facts["kind"], facts["points"], facts["dim"], facts["columns"]) == ("space", 4, 16, ["text"])
    assert facts["encoder"]["fingerprint"] == saved.encoder.fingerprint
    assert facts["provenance"]["truncated"] == 0
    [facts] = rows(run("info", index, "--json"))
    assert (facts["kind"], facts["method"], facts["points"]) == ("index", "exact", 4)
    [facts] = rows(run("info", "-", "--json", stdin=LINES))
    assert (facts["kind"], facts["documents"], facts["characters"]) == ("texts", 4, len(LINES) - 4)
    ss.write_vectors(ss.Space.from_vectors(["a", "b"], [[1.0, 2.0], [3.0, 4.0]]), tmp_path / "v.txt")
    [facts] = rows(run("info", tmp_path / "v.txt", "--json"))
    assert (facts["kind"], facts["format"], facts["points"], facts["dim"]) == ("vectors", "word2vec", 2, 2)
    [facts] = rows(run("info", "TINY", "--json"))
    assert facts["kind"] == "model"
    (tmp_path / "prose.txt").write_text(LINES)
    assert run("info", tmp_path / "prose.txt")[1].startswith("kind          texts\n")


def test_info_of_every_kind_of_value(run, space, tmp_path):
    corpus = ss.Corpus.from_texts(["a cat sat", "a dog ran"] * 8)
    tokens = ss.Tokens.from_corpus(corpus, min_count=1)
    values = {
        "corpus": corpus,
        "tokens": tokens,
        "phrasebook": ss.Phrases(min_count=1, threshold=0.1).train(tokens),
        "clustering": ss.cluster(ss.load(space), n_clusters=2),
    }
    for kind, value in values.items():
        ss.save(value, tmp_path / kind)
        [facts] = rows(run("info", tmp_path / kind, "--json"))
        assert (facts["kind"], facts["bytes"] > 0) == (kind, True)
        assert run("info", tmp_path / kind)[0] == 0


def test_what_info_cannot_read(run, space, tmp_path):
    code, out, err = run("info", tmp_path / "none")
    assert (code, out) == (2, "")
    assert "no file at" in err
    damaged = space / "vectors.npy"
    damaged.write_bytes(damaged.read_bytes()[:-1] + b"x")
    assert "damaged" in run("info", space)[2]


# -- where results go ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("cluster", "SPACE", "--out", "g.html"), "--report of cluster and compare"),
        (("embed", "LINES", "--model", "TINY", "--out", "x.txt"), "semspace convert --to writes files of vectors"),
        (("index", "SPACE", "--out", "x.json"), "--json prints results as JSON"),
        (("convert", "SPACE", "--to", "word2vec", "--out", "SPACE"), "is a folder"),
        (("convert", "VECTORS", "--out", "w.txt"), "looks like the name of a file; choose its format with --to"),
        (("index", "JSON", "--out", "j"), "is a file of texts, not of vectors; encode it first"),
        (("cluster", "SPACE", "--report", "g.txt"), "--report must end in .html"),
        (("embed", "LINES", "--model", "TINY", "--out", "mine"), "so it won't be overwritten; choose another path"),
        (("search", "INDEX", "--id", "1", "--alpha", 0), "--alpha has no effect on --id; leave it out"),
        (("search", "INDEX", "a", "--no-hybrid", "--alpha", 0), "--alpha fuses meaning and words, which --no-hybrid"),
        (("search", "INDEX"), "give a text to search for, or --id ID, or --queries FILE"),
        (("duplicates", "INDEX", "--min-score", 2), "--min-score must be a number of at most 1; got 2.0"),
        (("evaluate", "nope"), "there is no saved space or file 'nope', and no model 'nope'"),
        (("index", "SPACE", "--out", "j", "--seed", "-1"), "--seed must be a whole number from 0"),
        (("index", "SPACE", "--out", "j", "--threads", "0"), "--threads must be a whole number"),
        (("embed", "LINES", "--out", "j", "--model", "TINY", "--threads", "0"), "--threads must be a whole number"),
        (("embed", "corpus:le", "--out", "x"), "did you mean corpus:lee?"),
    ],
)
def test_a_wrong_place_or_value_is_refused(run, space, index, tmp_path, monkeypatch, arguments, message):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "lines.txt").write_text(LINES)
    (tmp_path / "lines.jsonl").write_text('{"text": "a"}\n')
    (tmp_path / "vectors.txt").write_text("a 1.0 2.0\nb 3.0 4.0\n")
    (tmp_path / "mine").write_text("dear")
    known = {
        "SPACE": space,
        "INDEX": index,
        "LINES": "lines.txt",
        "VECTORS": "vectors.txt",
        "JSON": "lines.jsonl",
    }
    code, out, err = run(*(known.get(a, a) for a in arguments))
    assert (code, out) == (2, "")
    assert message in err
    assert err.count("\n") == 1
    assert "overwrite" not in err or "won't be overwritten" in err


def test_a_new_folder_around_a_result_is_said(run, space, tmp_path):
    code, _, err = run("index", space, "--out", tmp_path / "new" / "i")
    assert (code, (tmp_path / "new" / "i").is_dir()) == (0, True)
    assert err == f"note: there is no folder {tmp_path / 'new'} yet; it will be created\n"


@pytest.mark.parametrize(
    ("sources", "names"),
    [
        (["x/news.csv.gz", "corpus:lee"], ["news", "lee"]),
        (["-", "mail.space"], ["standard input", "mail"]),
        (["x/news.csv", "y/news.csv"], None),
        (["*.txt", "news.txt"], ["*", "news"]),
        (["..", "news.txt"], ["..", "news"]),
    ],
)
def test_corpora_are_called_like_their_files(sources, names):
    assert _names_of(sources) == names


def test_compare_saves_with_out_and_reports_with_report(run, tmp_path):
    for name, words in (("a", "cat dog"), ("b", "ship boat")):
        (tmp_path / f"{name}.txt").write_text("".join(f"{words} {i}\n" for i in range(12)))
    args = ("compare", tmp_path / "a.txt", tmp_path / "b.txt", "--model", "TINY", "--permutations", 99)
    code, out, err = run(*args, "--out", tmp_path / "c", "--report", tmp_path / "c.html")
    assert code == 0, err
    assert f"saved to {tmp_path / 'c'}" in out
    assert f"report written to {tmp_path / 'c.html'}" in out
    assert ss.load(tmp_path / "c").names == ("a", "b")
    assert rows(run("info", tmp_path / "c", "--json"))[0]["sizes"] == [12, 12]
    code, out, err = run(*args, "--out", tmp_path / "old.html")
    assert (code, (tmp_path / "old.html").is_file()) == (0, True)
    assert f"note: for a report use --report {tmp_path / 'old.html'}; --out will be a folder" in err
