"""The command line: the same verbs, output for people and machines, exit code 2 and one sentence for bad input."""

import json
import subprocess
import sys

import pytest
import typer

import semspace as ss
from semspace import precompilation
from semspace.cli.app import OLD_OPTIONS, build_app
from semspace.cli.reports import split_bins
from semspace.cli.usage import OTHER_NAMES
from semspace.cli.wording import in_shell_words


@pytest.fixture
def texts(tmp_path):
    path = tmp_path / "texts.csv"
    rows = [f"{i},{word} number {i},{2000 + i}" for i, word in enumerate(["cat", "dog", "ship", "boat"] * 4)]
    path.write_text("id,text,year\n" + "\n".join(rows), encoding="utf-8")
    return path


@pytest.fixture
def space(run, texts, tmp_path):
    assert run("embed", texts, "--out", tmp_path / "docs.space", "--model", "TINY")[0] == 0
    return tmp_path / "docs.space"


def good(result):
    code, out, err = result
    assert code == 0, err
    return out


def as_json(result):
    return json.loads(good(result))


def test_train_similar_and_analogy(run, tmp_path):
    text = tmp_path / "x.txt"
    text.write_text("\n".join(["the cat and the dog", "the king and the queen"] * 50))
    out = tmp_path / "w.space"
    args = ("train", "word2vec", text, "--out", out, "--dim", 8, "--epochs", 2, "--threads", 1)
    assert "Space of 6 points in 8 dimensions" in good(run(*args))
    told = as_json(run(*args, "--overwrite", "--json"))
    assert [epoch["epoch"] for epoch in told.pop("history")] == [1, 2]
    assert told == {"out": str(out), "words": 6, "dim": 8}
    assert good(run("similar", out, "cat", "-k", 2)).startswith("nearest to 'cat' (cosine)")
    near = as_json(run("similar", out, "cat", "-k", 2, "--json"))
    assert len(near) == 2
    assert set(near[0]) == {"id", "score", "count"}
    assert len(as_json(run("analogy", out, "cat", "dog", "king", "--json"))) == 3
    assert "cat : dog = king : ?" in good(run("analogy", out, "cat", "dog", "king", "--method", "3cosmul"))
    assert good(run("query", out, "king - cat + 2 * dog", "-k", 2)).startswith("nearest to 'king - cat + 2 * dog'")
    first = set(ss.load(out).ids[:3])
    assert {row["id"] for row in as_json(run("query", out, "king - cat", "--restrict", 3, "--json"))} <= first
    assert {row["id"] for row in as_json(run("similar", out, "king", "--restrict", 3, "--json"))} <= first
    assert good(run("similar", out, "cat", "--metric", "csls")).startswith("nearest to 'cat' (csls)")


def test_train_with_another_tokenizer(run, tmp_path):
    (tmp_path / "x.txt").write_text("don't stop\n" * 5)
    args = (
        "train",
        "word2vec",
        tmp_path / "x.txt",
        "--out",
        tmp_path / "w",
        "--dim",
        4,
        "--tokenizer",
        "spacy:en",
        "--json",
    )
    assert as_json(run(*args))["words"] == 3


def test_embed_index_search(run, texts, space, tmp_path):
    assert as_json(run("index", space, "--out", tmp_path / "i", "--method", "hnsw", "--json"))["method"] == "hnsw"
    found = as_json(run("search", tmp_path / "i", "cat number 0", "-k", 3, "--where", "year < 2008", "--json"))
    assert found[0]["id"] == "0"
    assert found[0]["text"] == "cat number 0"
    assert all(row["year"] < 2008 for row in found)
    assert "nearest to 'cat number 0'" in good(run("search", tmp_path / "i", "cat number 0"))
    assert "3" not in [row["id"] for row in as_json(run("search", tmp_path / "i", "--id", 3, "--json"))]
    assert good(run("index", space, "--out", tmp_path / "j")).startswith("Index (exact")


def test_dates_and_missing_values_in_json(run, tmp_path):
    import datetime

    import polars as pl

    columns = {"text": ["a b", "c d"], "day": [datetime.date(2020, 1, 2)] * 2, "x": [1.5, float("nan")]}
    pl.DataFrame(columns).write_parquet(tmp_path / "d.parquet")
    good(run("embed", tmp_path / "d.parquet", "--out", tmp_path / "s", "--model", "TINY"))
    [row] = as_json(run("similar", tmp_path / "s", "0", "--json"))
    assert (row["day"], row["x"]) == ("2020-01-02", None)


def test_the_folder_one_is_in(run, tmp_path, monkeypatch):
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a.txt").write_text("hello there")
    monkeypatch.chdir(tmp_path / "in")
    assert as_json(run("embed", ".", "--out", "../s", "--model", "TINY", "--json"))["documents"] == 1


def test_cluster(run, texts, space, tmp_path):
    from_space = as_json(run("cluster", space, "--n-clusters", 2, "--json"))
    from_texts = as_json(run("cluster", texts, "--n-clusters", 2, "--model", "TINY", "--json"))
    assert from_space == from_texts
    assert len(from_space["labels"]) == 16
    assert "into 2 groups" in good(run("cluster", space, "--n-clusters", 2, "--out", tmp_path / "g"))
    assert (tmp_path / "g" / "manifest.json").is_file()


def test_compare(run, texts, tmp_path):
    other = tmp_path / "other.csv"
    other.write_text(texts.read_text().replace("number", "zzz"))
    for ending in ("html", "md", "json"):
        out = tmp_path / f"r.{ending}"
        args = ("compare", texts, other, "--model", "TINY", "--report", out, "--names", "one,two")
        assert f"report written to {out}" in good(run(*args, "--permutations", 99))
        assert "one" in out.read_text()
    result = as_json(run("compare", texts, other, "--model", "TINY", "--permutations", 99, "--json"))
    assert result["schema"] == "semspace.comparison/2"
    written = tmp_path / "results.json"
    assert f"results written to {written}" in good(
        run("compare", texts, other, "--model", "TINY", "--permutations", 99, "--json", written)
    )
    assert json.loads(written.read_text()) == result


def test_compare_the_parts_of_one_corpus(run, tmp_path):
    rows = [{"id": str(i), "text": f"word {'ab' if i % 2 else 'cd'} {i}", "year": 1940 + i} for i in range(16)]
    path = tmp_path / "dated.jsonl"
    path.write_text("\n".join(map(json.dumps, rows)))
    args = ("compare", path, "--by", "year", "--model", "TINY", "--permutations", 99)
    result = as_json(run(*args, "--bins", "1944,1950", "--json"))
    assert (result["names"], result["sizes"]) == (["before 1944", "1944 to 1949", "1950 and after"], [4, 6, 6])
    code, _, said = run(*args)
    assert code == 2
    assert "16 different values" in said


def test_compare_takes_cuts_of_what_people_write(run, tmp_path):
    rows = [f"word {'ab' if i % 2 else 'cd'} {i},[{1940 + i}?]" for i in range(16)]
    path = tmp_path / "dated.csv"
    path.write_text("\n".join(["text,date", *rows, "another word,n.d."]))
    args = ("--model", "TINY", "--permutations", 99, "--json", "--bins", "1944", "--bins", "May 8, 1949")
    code, out, said = run("compare", path, "--by", "date", *args)
    assert code == 0, said
    assert json.loads(out)["names"] == ["before 1944", "1944 to before May 8, 1949", "May 8, 1949 and after"]
    assert "2 of 17 documents are left out, since 'date' puts them in no period: " in said
    left = json.loads(out)["provenance"]["by"]
    assert (left["column"], left["left_out"]) == ("date", 2)


@pytest.mark.parametrize(
    ("given", "cuts"),
    [
        (["1945"], ["1945"]),
        (["1850, 1945"], ["1850", "1945"]),
        (["1850", "1945-05-08,1989"], ["1850", "1945-05-08", "1989"]),
        (["May 8, 1945"], ["May 8, 1945"]),
        (["100,200"], ["100", "200"]),
        (["-44,1066"], ["-44", "1066"]),
        (["2021-03-05T12:00Z,2022-01-01T00:00Z"], ["2021-03-05T12:00Z", "2022-01-01T00:00Z"]),
    ],
)
def test_cuts_of_the_shell(given, cuts):
    assert split_bins(given) == cuts


def test_evaluate(run, tmp_path):
    scores = as_json(run("evaluate", "TINY", "--tasks", "wordsim353", "--tasks", "simlex999", "--json"))
    assert [s["task"] for s in scores] == ["wordsim353", "simlex999"]
    assert "wordsim353  spearman" in good(run("evaluate", "TINY", "--tasks", "wordsim353"))


def test_corpora(run):
    assert next(entry["name"] for entry in as_json(run("corpora", "--json"))) == "lee"
    assert "wikipedia-sample" in good(run("corpora"))


def test_a_named_corpus_is_an_input(run, tmp_path):
    args = ("train", "word2vec", "corpus:lee", "--out", tmp_path / "w", "--dim", 4, "--epochs", 1, "--json")
    assert as_json(run(*args))["words"] > 50


def test_a_saved_corpus_is_an_input(run, tmp_path):
    import semspace as ss

    ss.save(ss.corpora.load("lee"), tmp_path / "c")
    assert (
        as_json(run("train", "word2vec", tmp_path / "c", "--out", tmp_path / "w", "--dim", 4, "--json"))["words"] > 50
    )


# -- bad input ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("embed", "none.csv", "--out", "x"), "no file at none.csv"),
        (
            ("embed", "TEXTS", "--out", "x", "--text", "body"),
            "--text: there is no column 'body'; the columns are id, text, year",
        ),
        (("embed", "TEXTS", "--out", "SPACE"), "exists already"),
        (("embed", "corpus:nope", "--out", "x"), "no corpus 'nope' in the catalogue"),
        (("embed", "TEXTS", "--out", "x", "--model", "none-such"), "no model 'none-such'"),
        (
            ("train", "word2vec", "TEXTS", "--out", "x", "--dim", "0"),
            "--dim must be a whole number of at least 1; got 0",
        ),
        (("train", "word2vec", "SPACE", "--out", "x"), "holds a Space, not a Corpus"),
        (("similar", "SPACE", "cat", "-k", "0"), "-k must be"),
        (("similar", "none", "cat"), "there is no file or folder none"),
        (("search", "SPACE", "cat"), "holds a space; this needs an index"),
        (("cluster", "SPACE", "--n-clusters", "99"), "--n-clusters must be at most 16"),
        (("compare", "TEXTS", "TEXTS", "--report", "r.pdf"), "--report must end in .html, .md, .json; got 'r.pdf'"),
        (("embed", "corpus:lee", "--out", "x", "--text", "body"), "--text has no effect on corpus:lee"),
        (("cluster", "SPACE", "--model", "x"), "--model has no effect on"),
        (("cluster", "SPACE", "--seed", "-1"), "--seed must be a whole number from 0"),
        (("compare", "TEXTS", "TEXTS", "--report", "TEXTS.md"), "exists already"),
        (("compare", "TEXTS", "TEXTS", "--seed", "-1", "--model", "TINY"), "--seed must be a whole number from 0"),
        (("embed", "TEXTS", "--out", "x", "--encoding", "hex"), "no encoding 'hex'"),
        (("embed", "", "--out", "x"), "a path must be"),
        (("evaluate", "SPACE", "--tasks", "wordsim"), "did you mean wordsim353"),
    ],
)
def test_bad_input_is_one_sentence_and_exit_code_2(run, texts, space, arguments, message):
    known = {"TEXTS": texts, "SPACE": space, "TEXTS.md": texts.with_suffix(".md")}
    known["TEXTS.md"].write_text("mine")
    code, out, err = run(*(known.get(a, a) for a in arguments))
    assert (code, out) == (2, "")
    assert message in err
    assert err.startswith("semspace: ")
    assert err.count("\n") == 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("fly",), "there is no command 'fly'; the commands are "),
        (("trian",), "there is no command 'trian'; did you mean train?"),
        (("train", "word2ve"), "train has no command 'word2ve'; did you mean word2vec?"),
        (("embed",), "embed needs INPUT; usage: semspace embed [OPTIONS] INPUT"),
        (("similar",), "similar needs SPACE; usage: semspace similar [OPTIONS] SPACE [WORD]"),
        (("similar", "x"), "give one query, or many with --queries FILE (- for standard input)"),
        (("similar", "x", "y", "z"), "similar doesn't take 'z'; usage: semspace similar [OPTIONS] SPACE [WORD]"),
        (("similar", "x", "y", "-k", "three"), "-k must be a whole number; got 'three'"),
        (("cluster", "x", "--outliers=1,5"), "--outliers must be a number; got '1,5'"),
        (("similar", "x", "y", "--metrik", "dot"), "similar has no option --metrik; did you mean --metric?"),
        (("embed", "x", "--out"), "--out needs a value"),
        (("similar", "x", "y", "--json=3"), "--json takes no value"),
        (("embed", "x", "--encoder", "y"), "embed has no option --encoder; it is called --model"),
        (("embed", "x", "--output", "y"), "embed has no option --output; it is called --out"),
        (("embed", "x", "--seed", "1"), "embed has no option --seed: nothing in it is random; leave it out"),
        (("similar", "x", "y", "-n", "3"), "similar has no option -n; it is called -k"),
        (("search", "x", "y", "--top", "3"), "search has no option --top; it is called -k"),
        (("cluster", "x", "-n", "3"), "cluster has no option -n; it is called --n-clusters"),
        (("cluster", "x", "--n-jobs", "3"), "cluster has no option --n-jobs; it is called --threads"),
        (
            ("train", "word2vec", "x", "--vector-size", "3"),
            "train word2vec has no option --vector-size; it is called --dim",
        ),
        (("evaluate", "x", "--encoder", "y"), "evaluate has no option --encoder; see semspace evaluate --help"),
        (("--verson",), "there is no option --verson; did you mean --version?"),
    ],
)
def test_wrong_usage_is_one_line_and_exit_code_2(run, arguments, message):
    code, out, err = run(*arguments)
    assert (code, out) == (2, "")
    assert err.startswith(f"semspace: {message}")
    assert err.count("\n") == 1


def test_a_group_of_commands_by_itself_prints_its_help(run):
    code, out, err = run("train")
    assert code == 2
    assert "word2vec" in out + err


@pytest.mark.parametrize("option", ["--version", "-V"])
def test_version(run, option):
    import semspace as ss

    assert good(run(option)) == f"semspace {ss.__version__}\n"


def test_the_whole_app_can_be_imported():
    from semspace.cli.app import COMMANDS, app

    inner = {group.name: group.typer_instance for group in app.registered_groups}
    names = [command.name for command in app.registered_commands]
    names += [f"{group} {command.name}" for group, part in inner.items() for command in part.registered_commands]
    assert sorted(names) == sorted(COMMANDS)


def test_short_help_and_completion(run):
    assert good(run("-h")) == good(run("--help"))
    assert "--metric" in good(run("similar", "-h"))
    assert "--install-completion" in good(run("-h"))


def test_help(run):
    out = good(run("--help"))
    for verb in [
        "train",
        "embed",
        "similar",
        "query",
        "analogy",
        "index",
        "search",
        "cluster",
        "compare",
        "evaluate",
        "corpora",
        "demo",
    ]:
        assert verb in out


def test_from_a_real_shell(tmp_path):
    command = [sys.executable, "-m", "semspace", "similar", str(tmp_path / "none"), "cat"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == f"semspace: there is no file or folder {tmp_path / 'none'}; check the path\n"


def test_a_full_disk_is_one_sentence(run, texts, space, tmp_path, monkeypatch):
    import os

    def full(_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    code, _, err = run("index", space, "--out", tmp_path / "i")
    place = tmp_path / "i"
    sentence = f"semspace: cannot write {place}: No space left on device; free disk space, or choose another path\n"
    assert (code, err) == (2, sentence)
    assert not (tmp_path / "i").exists()
    assert not [p for p in tmp_path.iterdir() if p.name.startswith(".")]


def test_warnings_are_notes(run, tmp_path):
    (tmp_path / "x.txt").write_text("a b c d e f g h i j k l m n o p q\n")
    code, _, err = run("embed", tmp_path / "x.txt", "--out", tmp_path / "s", "--model", "TINY")
    assert code == 0
    assert "note: 1 of 1 texts are longer" in err


def test_warmup(run, monkeypatch):
    """What its steps compile is in test_precompilation."""
    done = []
    monkeypatch.setattr(precompilation, "_STEPS", {name: lambda _, name=name: done.append(name) for name in ("a", "b")})
    assert set(as_json(run("warmup", "--json"))) == {"a", "b"}
    assert done == ["a", "b"]
    assert run("warmup", "--model", "no-such-model-anywhere")[0] == 2


def test_quiet_says_no_notes_and_verbose_says_what_is_done(run, tmp_path, caplog):
    (tmp_path / "x.txt").write_text("a b c d e f g h i j k l m n o p q\n")
    args = ("embed", tmp_path / "x.txt", "--model", "TINY", "--out")
    assert run(*args, tmp_path / "s", "--quiet")[::2] == (0, "")
    assert "note: 1 of 1 texts are longer" in run(*args, tmp_path / "t", "--verbose")[2]
    code, out, err = run("similar", tmp_path / "none", "x", "--quiet")
    assert (code, out) == (2, "")
    assert err.startswith("semspace: there is no file or folder")


def test_old_names_of_options_work_and_warn(run, texts, space, tmp_path):
    code, out, err = run("index", space, "--out", tmp_path / "i", "--kind=hnsw", "--json")
    assert (code, json.loads(out)["out"]) == (0, str(tmp_path / "i"))
    assert err == "note: --kind is now called --method; the old name will be removed in semspace 0.3\n"
    for old in (["-k", 2], ["-k2"]):
        code, out, err = run("cluster", space, *old)
        assert code == 0
        assert "into 2 groups" in out
        assert err.startswith("note: -k is now called --n-clusters;")


def test_a_document_without_text_is_dropped_by_the_name_that_python_has(run, tmp_path):
    (tmp_path / "gaps.csv").write_text("id,text\n1,a cat\n2,\n3,a dog\n")
    args = ("embed", tmp_path / "gaps.csv", "--model", "TINY", "--out", tmp_path / "s", "--overwrite")
    assert "add --empty drop to leave them out" in run(*args)[2]
    assert "Space of 2 points" in good(run(*args, "--empty", "drop"))
    code, _, err = run(*args, "--drop-empty")
    assert code == 0
    assert err.startswith("note: --drop-empty is now called --empty=drop; the old name will be removed in semspace 0.3")
    assert "--empty must be one of drop, raise; got 'skip'" in run(*args, "--empty", "skip")[2]


def test_other_names_of_options_lead_to_options():
    ours = {option for parameter in all_parameters() for option in parameter.opts}
    assert {name for names in OTHER_NAMES.values() for name in names} <= ours


def test_names_of_groups_from_the_shell(run, texts, space, tmp_path):
    (tmp_path / "words.txt").write_text("cat\nnumber\n")
    args = ("cluster", space, "--n-clusters", 2, "--json")
    words = {word for group in as_json(run(*args))["groups"] for word in group["keywords"]}
    assert {"cat", "ship"} <= words
    chosen = ("--stop-words", tmp_path / "words.txt", "--stop-words", "ship, boat", "--ngrams", "1,1")
    fewer = {
        word for group in as_json(run(*args, *chosen, "--language", "none"))["groups"] for word in group["keywords"]
    }
    assert fewer
    assert not fewer & {"cat", "number", "ship", "boat"}
    for wrong in ("wrods.txt", "lists/words", str(tmp_path)):
        assert f"there is no file {wrong!r}" in run(*args, "--stop-words", wrong)[2]


def test_title_and_periods_of_a_report(run, space, tmp_path):
    page = tmp_path / "groups.html"
    good(run("cluster", space, "--n-clusters", 2, "--report", page, "--title", "Pets & boats", "--times", "year",
             "--period", "decade"))  # fmt: skip
    text = page.read_text(encoding="utf-8")
    assert "<title>Pets &amp; boats</title>" in text
    assert "Over time" in text
    assert "2010" in text


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--ngrams", "2"), "--ngrams must be two whole numbers, the least and the most words: 1,2; got '2'"),
        (("--ngrams", "2,1"), "ngrams must be a whole number from 2 to 5; got 1"),
        (("--language", "klingon"), "must be one of dutch, english"),
        (("--title", "x"), "--title has no effect on a clustering without --report; leave it out"),
        (("--report", "g.html", "--period", "week"), "--period has no effect on a report without --times"),
        (("--report", "g.html", "--times", "yeer"), "--times: there is no column 'yeer'; the columns are text, year"),
        (("--report", "g.html", "--times", "year", "--period", "fortnight"), "--period must be one of auto, century"),
    ],
)
def test_wrong_choices_of_names_and_pages_are_refused(run, space, options, message):
    code, out, err = run("cluster", space, *options)
    assert (code, out) == (2, "")
    assert message in err


def test_the_title_of_a_comparison(run, texts, tmp_path):
    page = tmp_path / "c.md"
    args = ("compare", texts, "--by", "year", "--bins", "2008", "--model", "TINY", "--permutations", "99")
    good(run(*args, "--report", page, "--title", "Before and after"))
    assert page.read_text(encoding="utf-8").startswith("# Before and after")
    assert "--title has no effect on a comparison without a page" in run(*args, "--title", "x")[2]


def all_parameters():
    def below(command):
        return [one for sub in getattr(command, "commands", {}).values() for one in below(sub)] + list(command.params)

    return below(typer.main.get_command(build_app()))


def test_old_names_of_options_lead_to_new_ones_and_are_not_in_the_help(run):
    for name, options in OLD_OPTIONS.items():
        text = good(run(*name.split(), "--help"))
        for old, new in options.items():
            assert f"{new} " in text
            assert f"{old} " not in text.replace(new, "")


@pytest.mark.parametrize(
    ("message", "worded"),
    [
        ("text: there is no column 'body'", "--text: there is no column 'body'"),
        ("resume=True needs checkpoint= too", "--resume needs --checkpoint too"),
        ("n_clusters must be at most 3", "--n-clusters must be at most 3"),
        ("give text='body', say", "give --text 'body', say"),
        (
            "x exists already; choose another path or pass resume=True",
            "x exists already; choose another path or add --resume",
        ),
        ("no text; pass empty='drop' (--empty drop) to leave it out", "no text; add --empty drop to leave it out"),
        (
            "a Clustering has no vectors: encode it with Encoder.embed(…)",
            "a Clustering has no vectors: encode it with semspace embed",
        ),
        ("cannot use 'text=1 or id=2': no 'text'", "cannot use 'text=1 or id=2': no 'text'"),
        ("can't read it; isn't text= here", "can't read it; isn't --text here"),
        ("the text must be long; mytext= and context stay", "the text must be long; mytext= and context stay"),
    ],
)
def test_messages_speak_of_options(message, worded):
    options = {"text": ["--text"], "resume": ["--resume"], "checkpoint": ["--checkpoint"]}
    assert in_shell_words(message, {**options, "n_clusters": ["--n-clusters"]}) == worded


# -- a sentence encoder -----------------------------------------------------------------------------------------


@pytest.fixture
def rated(tmp_path):
    """Pairs of texts: the more words they share, the higher their score."""
    path = tmp_path / "rated.csv"
    rows = [f"a{i % 9} b{i % 7} c,a{i % 9} {'b' if i % 2 else 'x'}{i % 7} c,{i % 2}" for i in range(60)]
    path.write_text("sentence1,sentence2,score\n" + "\n".join(rows))
    return path


ENCODER = ("--base", "TINY", "--batch-size", 8, "--threads", 1)


def test_train_an_encoder_of_scored_pairs(run, rated, tmp_path):
    import semspace as ss

    out, place = tmp_path / "e", tmp_path / "c"
    args = ("train", "encoder", rated, "--objective", "scored", "--out", out, *ENCODER, "--epochs", 2, "--seed", 3)
    said = good(run(*args, "--checkpoint", place, "--evaluator", rated)).splitlines()
    assert said[0].split() == ["epoch", "step", "loss", "seconds", "texts_per_second", "rated", "(spearman)"]
    history = ss.Encoder.load(out).history
    assert said[-2] == f"rated (spearman): {history[0].score:.3f} before, {history[-1].score:.3f} after"
    assert said[-1] == f"saved to {out}"
    assert not place.exists()  # as for word vectors, it goes when what it was kept for is written
    told = as_json(run(*args, "--evaluator", rated, "--overwrite", "--json"))
    assert [row["step"] for row in told.pop("history")] == [0, 8, 16]
    assert told == {
        "out": str(out),
        "dim": 16,
        "task": "rated (spearman)",
        "before": history[0].score,
        "after": history[-1].score,
    }


def test_train_an_encoder_of_pairs_with_a_guide(run, tmp_path, tiny_folder):
    path, out = tmp_path / "pairs.csv", tmp_path / "e"
    path.write_text("anchor,positive\n" + "".join(f"ask {i} a,tell {i} b\n" for i in range(40)))
    good(run("train", "encoder", path, "--guide", tiny_folder, "--hard-negatives", 1, "--out", out, *ENCODER))
    assert f"Negatives were chosen with a guide, {tiny_folder.name} (GISTEmbed)" in (out / "README.md").read_text()


def test_train_an_encoder_of_labels_and_of_texts_alone(run, tmp_path):
    path = tmp_path / "kinds.jsonl"
    path.write_text("\n".join(json.dumps({"body": f"a{i} b c {'de'[i % 2]}", "kind": "xy"[i % 2]}) for i in range(40)))
    args = ("train", "encoder", path, "--out", tmp_path / "e", *ENCODER, "--text", "body", "--overwrite")
    told = as_json(run(*args, "--objective", "labels", "--label", "kind", "--json"))
    assert told["task"] == "held-out documents (accuracy)"
    assert "no data were held out for evaluation" in good(run(*args, "--objective", "simcse", "--held-out", 0))
    assert as_json(run("embed", path, "--text", "body", "--model", tmp_path / "e", "--out", tmp_path / "s", "--json"))


def test_the_best_of_an_encoder_is_what_is_told(run, rated, tmp_path):
    args = ("train", "encoder", rated, "--objective", "scored", "--out", tmp_path / "e", *ENCODER, "--json")
    told = as_json(run(*args, "--patience", 1, "--evals-per-epoch", 8, "--learning-rate", 0.01))
    assert told["after"] == max(row[told["task"]] for row in told["history"])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--objective", "pear"), "--objective must be"),
        (
            ("--objective", "scored", "--hard-negatives", 2),
            "--hard-negatives has no effect on --objective scored; leave",
        ),
        (("--objective", "scored", "--guide", "m"), "--guide has no effect on --objective scored; leave"),
        (("--guide", "no-such-guide"), "no model 'no-such-guide'"),
        (("--label", "year"), "--label has no effect on --objective pairs; leave"),
        (("--text", "year"), "--text has no effect on --objective pairs; leave"),
        (("--matryoshka", "8,x"), "--matryoshka must be a whole number of at least 1; got 'x'"),
        (("--matryoshka", "8,64"), "--matryoshka must have numbers of dimensions up to 16"),
        (("--evaluator", "wordsim"), "did you mean wordsim353"),
        (("--resume",), "--resume needs --checkpoint"),
        (("--objective", "labels"), "which column holds the text"),
        (("--epochs", 0), "--epochs must be"),
    ],
)
def test_what_an_encoder_cannot_learn_from_is_one_sentence(run, rated, tmp_path, options, message):
    rated.write_text(rated.read_text().replace("score", "label"))
    code, out, err = run("train", "encoder", rated, "--out", tmp_path / "e", *ENCODER, *options)
    assert (code, out) == (2, "")
    said = [line for line in err.splitlines() if not line.startswith("note: 30 of 60 pairs have label 0 and no")]
    assert len(said) == 1
    assert message in said[0]
    assert not (tmp_path / "e").exists()
