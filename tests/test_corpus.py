"""Texts come in from many formats, and bad input gets one clear sentence."""

import bz2
import gzip
import json

import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import given, settings

import semspace as ss
from semspace.corpora import wikipedia
from semspace.errors import InputError, MissingFileError, SemspaceWarning, UnknownIdError
from tests import strategies

ROWS = [{"id": "a", "text": "one cat", "year": 2001}, {"id": "b", "text": "two dogs", "year": 2002}]
FRAME = pl.DataFrame(ROWS)


def write_csv(path):
    FRAME.write_csv(path)


def write_tsv(path):
    FRAME.write_csv(path, separator="\t")


def write_jsonl(path):
    path.write_text("\n".join(map(json.dumps, ROWS)), encoding="utf-8")


def write_parquet(path):
    FRAME.write_parquet(path)


@pytest.mark.parametrize("zipped", [False, True])
@pytest.mark.parametrize(
    ("name", "write"),
    [("x.csv", write_csv), ("x.tsv", write_tsv), ("x.jsonl", write_jsonl), ("x.parquet", write_parquet)],
)
def test_every_format_gives_the_same_corpus(tmp_path, name, write, zipped):
    path = tmp_path / name
    write(path)
    if zipped:
        packed = tmp_path / f"{name}.gz"
        packed.write_bytes(gzip.compress(path.read_bytes()))
        path = packed
    corpus = ss.Corpus.read(path)
    assert [tuple(d) for d in corpus] == [("a", "one cat"), ("b", "two dogs")]
    assert corpus.metadata["year"].to_list() == [2001, 2002]


def test_a_text_file_is_a_document_a_line(tmp_path):
    (tmp_path / "x.txt").write_text("first\r\n\nthird \x0c still third\n", encoding="utf-8")
    assert [tuple(d) for d in ss.Corpus.read(tmp_path / "x.txt")] == [("1", "first"), ("3", "third \x0c still third")]


def test_a_folder_of_texts_is_a_document_a_file(tmp_path):
    (tmp_path / "news").mkdir()
    (tmp_path / "news" / "a.txt").write_text("alpha\nbeta", encoding="utf-8")
    (tmp_path / "b.txt").write_text("gamma", encoding="utf-8")
    (tmp_path / ".hidden.txt").write_text("no", encoding="utf-8")
    expected = [("b.txt", "gamma"), ("news/a.txt", "alpha\nbeta")]
    with pytest.warns(SemspaceWarning, match=r"1 file is left out of .*, hidden: \.hidden\.txt"):
        assert [tuple(d) for d in ss.Corpus.read(tmp_path)] == expected
    assert [tuple(d) for d in ss.Corpus.read(str(tmp_path / "**" / "*.txt"))] == [(".hidden.txt", "no"), *expected][1:]


def test_tables_of_a_glob_are_put_together(tmp_path):
    FRAME.head(1).write_csv(tmp_path / "1.csv")
    FRAME.tail(1).drop("year").write_csv(tmp_path / "2.csv")
    corpus = ss.Corpus.read(tmp_path / "*.csv")
    assert corpus.ids.to_list() == ["a", "b"]
    assert corpus.metadata["year"].to_list() == [2001, None]


def test_ids_are_read_as_they_stand(tmp_path):
    (tmp_path / "x.csv").write_text("id,text,key\n007,12,1.10\n7,13,1.1\n")
    corpus = ss.Corpus.read(tmp_path / "x.csv")
    assert list(corpus) == [("007", "12"), ("7", "13")]
    assert ss.Corpus.read(tmp_path / "x.csv", id="key").ids.to_list() == ["1.10", "1.1"]


def test_texts_and_tables_in_one_folder(tmp_path):
    (tmp_path / "essay.txt").write_text("first line\nsecond line")
    FRAME.write_csv(tmp_path / "table.csv")
    assert ss.Corpus.read(tmp_path).ids.to_list() == ["a", "b", "essay.txt"]


def test_a_named_index_of_pandas_is_a_column():
    assert ss.Corpus.from_frame(pd.DataFrame(ROWS).set_index("id")).ids.to_list() == ["a", "b"]


def test_quotes_in_a_tsv_are_only_quotes(tmp_path):
    (tmp_path / "x.tsv").write_text('text\tyear\nsay "hi\t1\n"quoted" word\t2\n', encoding="utf-8")
    assert ss.Corpus.read(tmp_path / "x.tsv").texts.to_list() == ['say "hi', '"quoted" word']


@pytest.mark.parametrize("frame", [FRAME, FRAME.lazy(), pd.DataFrame(ROWS)], ids=["polars", "lazy", "pandas"])
def test_frames(frame):
    corpus = ss.Corpus.read(frame)
    assert corpus["b"] == "two dogs"
    assert corpus.metadata["year"].to_list() == [2001, 2002]


def test_columns_are_named_or_guessed():
    frame = pl.DataFrame({"key": [7, 8], "body": ["x", "y"], "id": [1, 2]})
    corpus = ss.Corpus.from_frame(frame, id="key")
    assert corpus.ids.to_list() == ["7", "8"]
    assert corpus.metadata["id_column"].to_list() == [1, 2]  # nothing is lost
    assert ss.Corpus.from_frame(pl.DataFrame({"headline": ["x"], "n": [1]}))["0"] == "x"


def test_walks_again_and_again(corpus):
    assert list(corpus) == list(corpus)


def test_parts(corpus):
    assert corpus.head(2).ids.to_list() == ["a", "b"]
    assert corpus.select(["d", "a"]).ids.to_list() == ["d", "a"]
    assert corpus.sample(2, seed=3).ids.to_list() == corpus.sample(2, seed=3).ids.to_list()
    assert corpus.filter("id IN ('b', 'c')").ids.to_list() == ["b", "c"]


def test_fingerprint_follows_content(corpus):
    assert corpus.fingerprint == corpus.head(4).fingerprint
    assert corpus.fingerprint != corpus.select(["b", "a", "c", "d"]).fingerprint
    joined = ss.Corpus.from_texts(["b", "c"], ids=["a", "x"]).fingerprint
    assert joined != ss.Corpus.from_texts(["b", "x"], ids=["a", "c"]).fingerprint


@settings(max_examples=25, deadline=None)
@given(corpus=strategies.corpora())
def test_save_then_load_is_identity(tmp_path_factory, corpus):
    path = tmp_path_factory.mktemp("c") / "c.corpus"
    ss.save(corpus, path)
    assert ss.load(path).frame.equals(corpus.frame)


# -- bad input ------------------------------------------------------------------------------------------------


def test_missing_file(tmp_path):
    with pytest.raises(MissingFileError, match="no file at"):
        ss.Corpus.read(tmp_path / "none.csv")
    with pytest.raises(MissingFileError, match="no file matches"):
        ss.Corpus.read(tmp_path / "*.csv")
    with pytest.raises(MissingFileError, match="no readable files"):
        ss.Corpus.read(tmp_path)


def test_unknown_format(tmp_path):
    (tmp_path / "x.docx").write_bytes(b"PK")
    with pytest.raises(InputError, match="semspace reads txt, csv"):
        ss.Corpus.read(tmp_path / "x.docx")


def test_wrong_column():
    with pytest.raises(UnknownIdError, match="text: there is no column 'txt'; the columns are id, text, year"):
        ss.Corpus.from_frame(FRAME, text="txt")
    with pytest.raises(InputError, match="must hold strings; it holds Int64"):
        ss.Corpus.from_frame(FRAME, text="year")
    with pytest.raises(InputError, match="which column holds the text"):
        ss.Corpus.from_frame(pl.DataFrame({"n": [1], "m": [2]}))


def test_non_strings_in_the_column():
    with pytest.raises(InputError, match=r"document '1' holds int|it holds"):
        ss.Corpus.from_frame(pd.DataFrame({"text": ["a", 3]}))


def test_duplicate_ids():
    with pytest.raises(InputError, match="document ids must be unique; 'a' occurs more than once"):
        ss.Corpus.from_texts(["x", "y"], ids=["a", "a"])


def test_missing_id():
    with pytest.raises(InputError, match="'id' is empty in row 1"):
        ss.Corpus.from_frame(pl.DataFrame({"id": ["a", None], "text": ["x", "y"]}))


def test_empty_documents_are_refused_or_dropped():
    frame = pl.DataFrame({"id": ["a", "b", "c"], "text": ["x", "  ", None]})
    with pytest.raises(InputError, match=r"2 of 3 documents have no text .*first is id 'b'.*empty='drop'"):
        ss.Corpus.from_frame(frame)
    with pytest.warns(SemspaceWarning, match=r"2 of 3 documents have no text .*first is id 'b'\) and were left out"):
        kept = ss.Corpus.from_frame(frame, empty="drop")
    assert kept.ids.to_list() == ["a"]
    assert kept.provenance["dropped_empty"] == 2


def test_invalid_utf8_is_placed(tmp_path):
    (tmp_path / "x.txt").write_bytes(b"fine\nna\xefve\n")
    with pytest.raises(InputError, match=r"is not utf-8: byte 0xef at offset 7 \(line 2\).*encoding='latin-1'"):
        ss.Corpus.read(tmp_path / "x.txt")
    assert ss.Corpus.read(tmp_path / "x.txt", encoding="latin-1")["2"] == "naïve"
    with pytest.raises(InputError, match="no encoding 'latin-99'"):
        ss.Corpus.read(tmp_path / "x.txt", encoding="latin-99")


@pytest.mark.parametrize("name", ["x.csv", "x.jsonl", "x.txt", "x.parquet"])
def test_an_empty_file(tmp_path, name):
    (tmp_path / name).write_bytes(b"")
    with pytest.raises(InputError, match="is empty; expected"):
        ss.Corpus.read(tmp_path / name)


def test_a_list_of_strings_is_a_corpus():
    corpus = ss.Corpus(["the cat sat", "dogs bark"])
    assert corpus.frame.equals(ss.Corpus.from_texts(["the cat sat", "dogs bark"]).frame)
    assert corpus.ids.to_list() == ["0", "1"]


@pytest.mark.parametrize("table", [pl.DataFrame, pd.DataFrame])
def test_a_table_is_no_list_of_texts(table):
    with pytest.raises(InputError, match=r"texts must be a list of strings; got a DataFrame: .*Corpus\.read\(frame\)"):
        ss.Corpus.from_texts(table({"text": ["a"], "name": ["b"]}))


def test_an_empty_corpus():
    with pytest.raises(InputError, match="a corpus needs at least one document; got none"):
        ss.Corpus.from_texts([])
    with pytest.raises(InputError, match="Corpus takes a polars DataFrame or a list of strings; got str: use"):
        ss.Corpus("posts.csv")
    with pytest.raises(InputError, match="texts must hold only strings; item 1 is int: 2"):
        ss.Corpus(["a", 2])
    with pytest.raises(InputError, match="no document of 1 matches \"id = 'no'\"; change the condition"):
        ss.Corpus.from_texts(["x"]).filter("id = 'no'")


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("x.csv", b'a,text\n1,"open\n2,x,y\n'),
        ("x.jsonl", b'{"text": "x"}\n{"text": '),
        ("x.parquet", b"not parquet at all"),
    ],
)
def test_broken_tables(tmp_path, name, content):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(InputError, match=r"cannot read .*; expected"):
        ss.Corpus.read(tmp_path / name)


def test_a_cut_gzip(tmp_path):
    (tmp_path / "x.txt.gz").write_bytes(gzip.compress(b"hello world " * 100)[:-10])
    with pytest.raises(InputError, match="not a complete gzip file"):
        ss.Corpus.read(tmp_path / "x.txt.gz")


def test_one_string_instead_of_a_list():
    with pytest.raises(InputError, match="put it in a list"):
        ss.Corpus.from_texts("hello")


def test_unknown_document(corpus):
    with pytest.raises(UnknownIdError, match="no document 'z' in this corpus of 4"):
        corpus["z"]


@pytest.mark.parametrize("where", ["year >", "salary > 3", "1 + 1", "", "__import__('os')", "id; DROP TABLE x"])
def test_conditions_that_cannot_be_used(where):
    with pytest.raises(InputError, match="the columns are id, text, year"):
        ss.Corpus.from_frame(FRAME).filter(where)


def test_prints(corpus):
    assert repr(corpus).startswith("Corpus of 4 documents\nid  text\na   the cat sat on the mat")
    hostile = ss.Corpus.from_texts(["<script>alert(1)</script>"])
    assert "<script>" not in hostile._repr_html_()


def test_from_named_corpora():
    lee = ss.corpora.load("lee")
    assert len(lee) == 50
    assert "£" in " ".join(lee.texts)  # read in its own encoding
    assert len(ss.corpora.load("lee-background")) == 300
    assert ss.corpora.table()["name"].to_list() == ["lee", "lee-background", "newsgroups-sample", "wikipedia-sample"]
    with pytest.raises(UnknownIdError, match="did you mean lee"):
        ss.corpora.load("leee")


def test_wikipedia_sample_is_plain_text():
    sample = ss.corpora.load("wikipedia-sample")
    assert len(sample) == 106
    assert not any("{{" in text or "#REDIRECT" in text for text in sample.texts)


@pytest.mark.parametrize("damage", [None, "", "no JSON", "5", '[["1", "a title"]]', '[["1", 2, "a text"]]'])
def test_the_articles_of_a_dump_are_remembered(damage, tmp_path, monkeypatch):
    pages = "".join(
        f"<page><title>{title}</title><ns>0</ns><id>{i}</id><revision><text>{text}</text></revision></page>"
        for i, (title, text) in enumerate([("Cat", "A cat [[sleep|sleeps]]."), ("Puss", "#REDIRECT [[Cat]]")])
    )
    dump = tmp_path / "dump.xml.bz2"
    xml = f'<mediawiki xmlns="http://www.mediawiki.org/xml/export-0.10/">{pages}</mediawiki>'
    dump.write_bytes(bz2.compress(xml.encode()))
    monkeypatch.setenv("SEMSPACE_CACHE", str(tmp_path / "cache"))
    first = wikipedia.read_dump(dump)
    assert first.rows() == [("0", "Cat", "A cat sleeps.")]
    (place,) = (tmp_path / "cache").iterdir()
    if damage is None:
        monkeypatch.setattr(wikipedia, "_without_markup", lambda _: pytest.fail("read again"))
    else:
        place.write_text(damage)
    assert wikipedia.read_dump(dump).equals(first)


def test_newsgroups_sample_is_what_people_wrote_themselves():
    posts = ss.corpora.load("newsgroups-sample")
    assert len(posts) == 199
    assert posts.metadata.columns == ["id", "newsgroup", "subject", "date"]
    assert not any(line.startswith((">", "Path:")) for text in posts.texts for line in text.split("\n"))


@pytest.mark.parametrize("name", ["*", "^a.*$", "^$"])
def test_a_column_whose_name_is_a_pattern_for_polars_is_refused(tmp_path, name):
    frame = pl.DataFrame({"id": ["1"], "text": ["red"], name: [1]})
    (tmp_path / "a.csv").write_text(f"id,text,{name}\n1,red,2\n")
    with pytest.raises(InputError, match=r"a column is called .*; rename it"):
        ss.Corpus(frame)
    for read in (lambda: ss.Corpus.from_frame(frame), lambda: ss.Corpus.read(tmp_path / "a.csv")):
        with pytest.raises(InputError, match=r"a column is called .*; rename it"):
            read()
    with pytest.raises(InputError, match=r"a column is called .*; rename it"):
        ss.Space.from_vectors(["1"], np.ones((1, 2)), {name: [1]})
