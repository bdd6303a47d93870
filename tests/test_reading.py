"""Files as people have them: read as their authors meant, by both doors alike, or refused by one sentence."""

import csv
import gzip
import io
import json
import os
import textwrap
import warnings
from pathlib import Path

import pandas as pd
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import semspace as ss
from semspace.cli import main
from semspace.errors import InputError, MissingFileError, SemspaceWarning, UnknownIdError
from semspace.text import files, plain_text
from semspace.text.decoding import likely_encoding
from semspace.text.read_corpus import find_sources
from semspace.text.read_options import ReadOptions


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def write(name, content):
    Path(name).write_bytes(content if isinstance(content, bytes) else content.encode())
    return name


def documents(source, **options):
    """The texts of a source, which both doors must find alike."""
    corpus = ss.Corpus.read(source, **options)
    tokens = quietly(ss.Tokens.read, source, **options)
    words = [[tokens.words[i] for i in document] for document in tokens.documents()]
    own = ss.Tokens.from_corpus(corpus)
    assert words == [[own.words[i] for i in document] for document in own.documents()]
    return corpus.texts.to_list()


def quietly(read, source, **options):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return read(source, **options)


def refused(source, match, **options):
    """Both doors refuse it in the same words."""
    for read in (ss.Corpus.read, ss.Tokens.read):
        with pytest.raises(InputError, match=match):
            quietly(read, source, **options)


# -- encodings --------------------------------------------------------------------------------------------------

TEXT = "It’s the “best” year – ever: naïve\n"


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-32"])
@pytest.mark.parametrize("said", ["utf-8", "cp1252"])
def test_a_mark_goes_before_what_is_said(here, encoding, said):
    write("x.txt", TEXT.encode(encoding))
    write("x.csv", f"text,n\n{TEXT.strip()},1\n".encode(encoding))
    write("x.jsonl", json.dumps({"text": TEXT.strip()}, ensure_ascii=False).encode(encoding))
    for name in ("x.txt", "x.csv", "x.jsonl"):
        assert documents(name, encoding=said) == [TEXT.strip()]


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be"])
@pytest.mark.parametrize("text", [TEXT, "Это первый документ, он короткий.\n"])
def test_wide_characters_without_a_mark_are_told(here, encoding, text):
    if "32" in encoding and text != TEXT:
        return
    write("x.txt", text.encode(encoding) * 3)
    refused("x.txt", f"pass encoding='{encoding}'")
    assert documents("x.txt", encoding=encoding) == [text.strip()] * 3


def test_utf_16_the_other_way_round(here):
    refused(write("x.txt", TEXT.encode("utf-16-be")), "pass encoding='utf-16-be'", encoding="utf-16")


@pytest.mark.parametrize(
    ("text", "encoding", "named"),
    [
        (TEXT, "cp1252", "cp1252"),
        ("naïve café", "latin-1", "latin-1"),
        ("Это первый документ коллекции.", "cp1251", "cp1251"),
        ("Это первый документ коллекции.", "koi8-r", "koi8_r"),
        ("これは最初の文書です。", "shift-jis", "shift_jis"),
        ("これは最初の文書です。", "euc-jp", "euc_jp"),
        ("이것은 첫 번째 문서입니다.", "euc-kr", "euc_kr"),
        ("这是第一个文档。它是中文。", "gb18030", "gb18030"),
        ("這是第一個文件。它是中文。", "big5", "big5"),
    ],
)
def test_advice_names_the_encoding_that_fits(here, text, encoding, named):
    assert likely_encoding(text.encode(encoding) * 3) == named
    refused(write("x.txt", (text + "\n").encode(encoding)), rf"is not utf-8: byte .*encoding='{named}'")


@pytest.mark.parametrize("said", ["latin-1", "iso-8859-1", "l1"])
def test_latin_1_with_quotation_marks_of_windows(here, said):
    write("x.txt", TEXT.encode("cp1252"))
    with pytest.warns(SemspaceWarning, match="decoded as cp1252, which has quotation marks"):
        assert ss.Corpus.read("x.txt", encoding=said).texts.to_list() == [TEXT.strip()]
    with pytest.warns(SemspaceWarning, match="decoded as cp1252"):
        assert "it's" in ss.Tokens.read("x.txt", encoding=said).words


@pytest.mark.parametrize(
    ("content", "match"),
    [
        (b"text\0\0\0 and more\0\0\0\n", "6 NUL bytes"),
        (bytes(range(32)) * 20, "control characters|NUL"),
        (b"PK\x03\x04 a document", "a zip archive, or an Excel or Word document"),
        (b"%PDF-1.7 \n", "a PDF"),
        (gzip.compress(b"hello", mtime=0), "should end in .gz"),
        (b"ab\ncd\n\xe2\x82", r"byte 0xe2 at offset 6 \(line 3\) begins an incomplete character"),
        (b"a b c\n" * 20_000 + b"\0" * 5_000, "5,000 NUL bytes among"),
    ],
)
def test_what_is_no_text(here, content, match):
    refused(write("x.txt", content), match)


@pytest.mark.parametrize("name", ["utf-99", "base64", "rot13", "undefined", "idna", "", "a\0b", None, 8])
def test_what_is_no_encoding(here, name):
    refused(write("x.txt", "a b\n"), "no encoding|is not an encoding of text files", encoding=name)


@pytest.mark.parametrize("kind", ["csv", "txt", "jsonl"])
def test_lines_that_end_in_cr_or_both(here, kind):
    rows = {"csv": ["text,n", "one cat,1", "a dog,2"], "txt": ["one cat", "a dog"]}
    rows["jsonl"] = ['{"text": "one cat"}', '{"text": "a dog"}']
    for end in ("\r", "\r\n", "\n"):
        assert documents(write(f"x.{kind}", end.join(rows[kind]) + end)) == ["one cat", "a dog"]


# -- tables -----------------------------------------------------------------------------------------------------


def blocks(name, size, **options):
    record = find_sources(name, ReadOptions(**options))[0][0]
    return [row for run in record.chunks(size) for row in record.table(run).fill_null("").rows()]


FIELD = st.text('ab,"\n é\r;', max_size=6)


@settings(max_examples=150, deadline=None)
@given(
    rows=st.lists(st.tuples(FIELD, FIELD, st.booleans()), min_size=1, max_size=8), size=st.sampled_from([1, 5, 1 << 20])
)
def test_tables_are_read_as_pythons_csv_reads_them(tmp_path_factory, rows, size):
    def spelled(field, quoted):
        return '"' + field.replace('"', '""') + '"' if quoted else field.translate(dict.fromkeys(b",\n\r")).lstrip('"')

    body = "".join(f"{spelled(a, quoted)},{spelled(b, not quoted)}\n" for a, b, quoted in rows)
    path = tmp_path_factory.mktemp("t") / "x.csv"
    path.write_bytes(("x,y\n" + body).encode())
    expected = [tuple(row) for row in csv.reader(io.StringIO(body, newline="")) if row]
    assert blocks(path, size) == expected


@pytest.mark.parametrize(
    "row",
    [
        ('r1,a pipe of 5" width,n', 'a pipe of 5" width'),
        ('r1,"5"" pipe",n', '5" pipe'),
        ('r1,a "quoted" word,n', 'a "quoted" word'),
        ('r1,pipe,5"', "pipe"),
        ('r"1,pipe,n', "pipe"),
        ('r1,"Hello" she said,n', "Hello she said"),
        ('r1,"line\none ""two""\n",n', 'line\none "two"\n'),
    ],
)
@pytest.mark.parametrize(("name", "mark"), [("x.csv", ","), ("x.csv", ";"), ("x.csv", "\t"), ("x.csv.gz", ",")])
def test_stray_quotes_are_letters(here, row, name, mark):
    line, text = row
    content = f"id,text,note\nr0,first doc,n\n{line}\nr2,last doc,n\n".replace(",", mark).encode()
    write(name, gzip.compress(content) if name.endswith(".gz") else content)
    assert documents(name) == ["first doc", text, "last doc"]


@pytest.mark.parametrize("size", [1, 100, 1 << 20])
def test_a_stray_quote_that_opens_a_field_costs_one_sentence(here, size):
    rows = "".join(f'{i},some "words" here,"a, b"\n' for i in range(200))
    for name, bad, match in (
        ("a.csv", '"5 pipe,x,y\n', "line 102 opens a quote that closes in the middle of a field"),
        ("b.csv", '7,x,"left open\n', "line 102 opens a quote"),
    ):
        write(name, "id,text,note\n" + rows[: len(rows) // 2 // 30 * 30][:0] + _first_rows(rows, 100) + bad + rows)
        with pytest.raises(InputError, match=match):
            blocks(name, size)
        refused(name, match)
    refused(write("c.csv", 'id,text\n1,a b\n2,"never closed\n3,c\n'), "line 3 opens a quote that isn't closed")


def _first_rows(rows, count):
    return "".join(rows.splitlines(keepends=True)[:count])


@pytest.mark.parametrize(
    ("content", "match"),
    [
        ("id,text\n1,a\n2\n3,c\n", r"line 3: the row has 1 columns by comma where there are 2 \('2'\)"),
        ("id,text\n1,a\n\n2,b,c\n", r"line 4: the row has 3 columns by comma"),
        ('id,text\n1,"a\n\nb"\n2,b,c\n', r"line 5: the row has 3 columns"),
        ("id,text,text\n1,a,b\n", "calls its columns 2 and 3 both 'text'"),
        ('id\ttext\n1\t"two\nlines"\n', None),
    ],
)
def test_rows_that_do_not_fit_are_named(here, content, match):
    if match is None:  # by the definition of TSV a quote is a letter; what Excel and pandas write has to be said
        refused(write("x.tsv", content), "line 2: the row has|line 3: the row has")
        assert documents("x.tsv", separator="tab") == ["two\nlines"]
        return
    refused(write("x.csv", content), match)


def test_empty_fields_too_many_and_blank_lines(here):
    assert documents(write("x.csv", '\n\nid,text\n1,a,,\n\n2,b,""\n3,"c",\n\n')) == ["a", "b", "c"]


@pytest.mark.parametrize("mark", [";", "\t", "|", ","])
@pytest.mark.parametrize("name", ["x.csv", "x.tsv"])
def test_separators_are_told_or_said(here, name, mark):
    said = {"\t": "tab", ";": "semicolon", "|": "pipe", ",": "comma"}[mark]
    rows = [("1", "Hallo Welt"), ("2", "Guten Tag! Wie gehts"), ("3", "x")]
    content = "\ufeff" + "".join(f"{a}{mark}{b}\r\n" for a, b in [("id", "text"), *rows])
    write(name, content)
    for options in ({}, {"separator": mark}, {"separator": said}):
        corpus = ss.Corpus.read(name, **options)
        assert [tuple(d) for d in corpus] == rows
        assert documents(name, **options) == [text for _, text in rows]


def test_a_comma_in_texts_is_no_separator(here):
    content = "id;text\n1;Guten Tag, Welt\n2;eins, zwei, drei\n"
    assert documents(write("x.csv", content)) == ["Guten Tag, Welt", "eins, zwei, drei"]
    assert documents(write("y.csv", "id;text\n1;" + '"a;b\nc"\n')) == ["a;b\nc"]


@pytest.mark.parametrize("first", ["sep=;\r\n", '"sep=;"\n', "SEP=;\n", "\ufeffsep=;\n"])
def test_the_line_by_which_excel_says_the_separator(here, first):
    assert documents(write("x.csv", first + "id;text\r\n1;Hallo, Welt\r\n")) == ["Hallo, Welt"]


@pytest.mark.parametrize("separator", ["", "ab", "\n", '"', "é", 5, "a"])
def test_what_is_no_separator(here, separator):
    refused(write("x.csv", "id,text\n1,a\n"), "separator must be one ASCII character", separator=separator)


@pytest.mark.parametrize(
    ("name", "content", "rows"),
    [
        ("x.csv", "The first document of all\nThe second document\nA third one\n", 3),
        ("x.tsv", "1\tThe first document of all\n2\tThe second document\n", 2),
        ("x.csv", "1,good movie\n2,bad movie\n", 2),
        ("x.csv", "1850-01-02,first text\n1851-01-02,second text\n", 2),
        ("x.csv", "1,pos,a good one\n2,neg,a bad one\n", 2),
        ("x.csv", "Schön!\nGut\n", 2),
    ],
)
def test_a_first_row_is_not_lost_as_a_header(here, name, content, rows):
    refused(write(name, content), r"header=False \(--no-header\)")
    last = f"column_{content.splitlines()[0].count(chr(9)) + content.splitlines()[0].count(',') + 1}"
    assert len(documents(name, header=False, text=last)) == rows
    assert len(documents(name, columns=[*map(str, range(int(last[-1]) - 1)), "text"])) == rows


def test_a_header_that_may_be_a_document_is_said(here):
    write("x.csv", "headline\nfirst news\nmore news\n")
    for read in (ss.Corpus.read, ss.Tokens.read):
        with pytest.warns(SemspaceWarning, match="the first row of x.csv, 'headline', is taken as the name"):
            read("x.csv")
    assert documents("x.csv", header=True) == documents("x.csv", text="headline") == ["first news", "more news"]
    assert documents("x.csv", header=False) == ["headline", "first news", "more news"]
    # Nothing to say where the other columns make it plain, or the name does.
    assert documents(write("y.csv", ",headline,date\n0,first news,2020-01-02\n")) == ["first news"]
    assert documents(write("z.csv", "Text\nfirst news\n")) == ["first news"]
    with pytest.raises(UnknownIdError, match=r"the columns are 1, good; if these are the first row .*header=False"):
        ss.Corpus.read(write("w.csv", "1,good\n2,bad\n"), text="text")


def test_names_for_a_table_without(here):
    write("x.csv", "7,one cat\n8,a dog\n")
    assert [tuple(d) for d in ss.Corpus.read("x.csv", columns=["id", "text"])] == [("7", "one cat"), ("8", "a dog")]
    refused("x.csv", "columns= names 1 columns; x.csv has 2", columns=["text"])
    refused("x.csv", "leave out header=True", columns=["id", "text"], header=True)
    refused("x.csv", "columns must be unique", columns=["text", "text"])
    refused("x.csv", "header must be True or False", header="no")


def test_codes_stay_as_they_stand_and_numbers_are_numbers(here):
    columns = {
        "zip": ["01234", "99999"],
        "hash": ["1e5", "22"],
        "isbn": ["9783161484100", "316148410X"],
        "phone": ["+4917", "0171"],
        "large": ["123456789012345678901", "7"],
        "mixed": ["9007199254740993", "1.5"],
        "year": ["1850", "-12"],
        "share": ["1.5", "2e-05"],
        "some": ["", "3"],
        "na": ["NA", "2.5"],
        "yes": ["True", "FALSE"],
        "nothing": ["", ""],
        "none": ["NA", "NA"],
    }
    frame = pl.DataFrame({"text": ["a", "b"], **columns})
    frame.write_csv("x.csv")
    read = ss.Corpus.read("x.csv").frame
    for name in ("zip", "hash", "isbn", "phone", "large", "mixed"):
        assert read[name].to_list() == columns[name], name
    expected = {"year": [1850, -12], "share": [1.5, 2e-05], "some": [None, 3], "na": [None, 2.5], "yes": [True, False]}
    for name, values in expected.items():
        assert read[name].to_list() == values, name
    assert read.schema["year"] == read.schema["some"] == pl.Int64
    assert read.schema["share"] == read.schema["na"] == pl.Float64
    assert read["nothing"].to_list() == ["", ""]
    assert read["none"].to_list() == ["NA", "NA"]


def test_types_are_told_from_all_files(here):
    Path("d").mkdir()
    write("d/a.csv", "id,text,zip\n1,a,12345\n")
    write("d/b.csv", "id,text,zip\n2,b,01234\n")
    assert ss.Corpus.read("d").frame["zip"].to_list() == ["12345", "01234"]


def test_the_column_of_texts_is_the_only_one_with_words(here):
    content = "date,zip,headline\n" + "2020-01-01,01234,some news\n" * 20_000
    assert documents(write("x.csv", content))[:1] == ["some news"]
    # A word that comes late counts for both doors.
    refused(write("y.csv", content + "unknown,1,news\n"), "which column holds the text")


def test_comments_and_spaces_are_content(here):
    assert documents(write("x.csv", "id, text \n#1,# not a comment\n2,  x\n")) == ["# not a comment", "  x"]


# -- JSON -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (["9007199254740993", "0.5"], ["9007199254740993", "0.5"]),
        (["[9007199254740993]", "[0.5]"], ["[9007199254740993]", "[0.5]"]),
        (["12345678901234567890", "5"], [12345678901234567890, 5]),
        (["1180591620717411303424", "5"], ["1180591620717411303424", "5"]),
        (["9007199254740993", "5"], [2**53 + 1, 5]),
        (["1", "0.5"], [1.0, 0.5]),
        (["1e300", "0.1234567890123456789"], [1e300, 0.1234567890123456789]),
    ],
)
def test_large_whole_numbers_of_json_are_kept(here, values, expected):
    rows = [f'{{"text": "a", "n": {value}}}' for value in values]
    (here / "a.jsonl").write_text("\n".join(rows))
    (here / "a.json").write_text(f"[{', '.join(rows)}]")
    for name in ("a.jsonl", "a.json"):
        corpus = ss.Corpus.read(here / name)
        assert corpus.frame["n"].to_list() == expected
        assert corpus.to_pandas()["n"].tolist() == expected


@pytest.mark.parametrize(
    ("lines", "match"),
    [
        (['{"text": "a"}', '{"text": '], "line 2: Expecting value"),
        (['{"text": "a"}', "", "[1, 2]"], "line 3: it is an array, not an object"),
        (['{"text": "a"}', "7"], "line 2: it is a number, not an object"),
        (['{"text": "a"} {"text": "b"}'], "line 1: Extra data"),
        (["{'text': 'a'}"], "line 1: Expecting property name"),
        (['{"text": "a"}', '{"text": "\\ud83d half"}'], "line 2: it contains a lone surrogate"),
        (['[{"text": "a"}, 3]'], "item 2 is a number, not an object"),
        (['[{"text": "a"},', '{"text": ]'], "line 2: Expecting value"),
    ],
)
def test_json_errors_have_lines(here, lines, match):
    refused(write("x.jsonl", "\n".join(lines)), match)


def test_late_lines_are_named_too(here):
    refused(write("x.jsonl", '{"text": "some words"}\n' * 100_000 + "oops\n"), "line 100,001: ")


def test_no_key_is_lost(here):
    rows = [{"text": "a", "m": {"x": 1}}, {"text": "b", "m": {"y": [1, {"z": "q"}]}}]
    rows += [{"text": "c"}] * 5_000 + [{"text": "d", "late": True}]
    frame = ss.Corpus.read(write("x.jsonl", "\n\n".join(map(json.dumps, rows)))).frame
    assert frame["m"][1]["y"][1] is not None
    assert frame["m"][0]["x"] == 1
    assert frame["late"].to_list()[-1] is True
    assert len(documents("x.jsonl")) == 5_003


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([1, {"y": 2}], ["1", '{"y": 2}']),
        ([1, [1, 2]], ["1", "[1, 2]"]),
        ([True, 1], ["true", "1"]),
        ([1, 2.5], [1.0, 2.5]),
        (["x", 2], ["x", "2"]),
        ([float("nan"), 1], [None, 1]),
        ([12345678901234567890123, 1], ["12345678901234567890123", "1"]),
    ],
)
def test_values_of_several_types(here, values, expected):
    rows = [{"text": "a", "m": values[0]}, {"text": "b", "m": values[1]}]
    write("x.jsonl", "\n".join(map(json.dumps, rows)))
    found = ss.Corpus.read("x.jsonl").frame["m"].to_list()
    assert list(map(str, found)) == list(map(str, expected))


def test_arrays_and_keys_that_come_late(here):
    rows = [{"text": f"doc {i}", "n": i} for i in range(300)]
    assert documents(write("x.json", json.dumps(rows, indent=1))) == [row["text"] for row in rows]
    assert documents(write("y.json", "\n".join(map(json.dumps, rows)))) == [row["text"] for row in rows]
    lines = ['{"title": "only a title"}'] * 4_000 + ['{"title": "t", "text": "late words"}']
    write("z.jsonl", "\n".join(lines))
    with pytest.warns(SemspaceWarning, match="left out"):
        assert documents("z.jsonl", empty="drop") == ["late words"]


# -- Parquet and frames -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", [pl.Categorical, pl.Enum(["one cat", "a dog"]), pl.Binary])
def test_texts_of_categories_and_bytes(here, kind):
    frame = pl.DataFrame({"text": pl.Series(["one cat", "a dog", "one cat"]).cast(kind), "id": ["a", "b", "c"]})
    frame = frame.with_columns(pl.col("id").cast(pl.Categorical))
    frame.write_parquet("x.parquet")
    assert documents("x.parquet") == ["one cat", "a dog", "one cat"]
    assert ss.Corpus.from_frame(frame).ids.to_list() == ["a", "b", "c"]
    write("x.parquet.gz", gzip.compress(Path("x.parquet").read_bytes()))
    assert documents("x.parquet.gz") == ["one cat", "a dog", "one cat"]


def test_bytes_that_are_no_text(here):
    pl.DataFrame({"text": [b"fine", b"na\xefve"]}).write_parquet("x.parquet")
    refused("x.parquet", "holds bytes that aren't UTF-8")
    pl.DataFrame({"text": [["a", "b"]]}).write_parquet("y.parquet")
    refused("y.parquet", r"must hold strings; it holds List\(String\)")


def test_a_lazy_frame_is_collected_in_order():
    left = pl.LazyFrame({"k": [i % 1_000 for i in range(100_000)], "i": range(100_000)})
    right = pl.LazyFrame({"k": range(1_000), "text": [f"t{k}" for k in range(1_000)]})
    joined = left.join(right, on="k", how="left")
    for _ in range(3):
        assert ss.Corpus.from_frame(joined).frame["i"].to_list() == list(range(100_000))


@pytest.mark.parametrize("make", [pd.DataFrame, dict], ids=["pandas", "mapping"])
@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([{"a": 1}, {"b": 2}, {"a": 3, "c": "x"}], None),
        ([[1], [2.5], []], [[1.0], [2.5], []]),
        ([1, 2.5, 10], [1.0, 2.5, 10.0]),
        ([1, None, 3], [1, None, 3]),
        ([True, None, False], [True, None, False]),
        ([[1], {"a": 1}, None], ["[1]", '{"a": 1}', None]),
        ([(1, 2), (3,), None], [[1, 2], [3], None]),
    ],
)
def test_metadata_of_frames_is_kept(make, values, expected):
    table = make({"text": ["a", "b", "c"], "m": pd.Series(values, dtype=object)})
    found = ss.Corpus.from_frame(table).frame["m"].to_list()
    if expected is None:
        assert [{k: v for k, v in row.items() if v is not None} for row in found] == values
    else:
        assert found == expected


def test_pandas_as_people_have_it():
    frame = pd.DataFrame(
        {
            "text": pd.Categorical(["x", "y", "x"]),
            "n": pd.array([1, None, 3], dtype="Int64"),
            "s": pd.array(["q", None, "r"], dtype="string"),
        },
        index=["a", "b", "c"],
    )
    made = ss.Corpus.from_frame(frame).frame
    assert made["text"].to_list() == ["x", "y", "x"]
    assert made["n"].to_list() == [1, None, 3]
    assert made["s"].to_list() == ["q", None, "r"]
    assert made["id"].to_list() == ["a", "b", "c"]
    assert "index" not in ss.Corpus.from_frame(frame.reset_index(drop=True).iloc[1:]).frame.columns


@pytest.mark.parametrize("value", ["half an emoji \ud83d", {"a": "\ud83d"}, ["\ude00"]])
def test_half_a_character_is_a_sentence(value):
    column = pd.Series(["fine", value], dtype=object)
    with pytest.raises(InputError, match=r"'m' must be valid Unicode; row 1 contains a lone surrogate"):
        ss.Corpus.from_frame(pd.DataFrame({"text": ["a", "b"], "m": column}))


def test_options_of_files_have_no_use_with_frames():
    for option in ({"separator": ";"}, {"header": False}, {"documents": "file"}, {"encoding": "cp1252"}):
        for read in (ss.Corpus.read, ss.Tokens.read):
            with pytest.raises(InputError, match="doesn't apply to a DataFrame"):
                read(pl.DataFrame({"text": ["a"]}), **option)


# -- folders ----------------------------------------------------------------------------------------------------


@pytest.fixture
def folder(here):
    Path("d").mkdir()
    write("d/a.txt", "alpha one")
    write("d/b.txt", "beta two")
    return here


def test_a_table_of_metadata_among_texts_is_named(folder):
    write("d/metadata.csv", "filename,author,year\na.txt,Ann,1850\n")
    for empty in ("raise", "drop"):
        refused("d", r"metadata\.csv has no column 'text'.*filename, author, year", empty=empty)
    assert documents("d/*.txt") == ["alpha one", "beta two"]


def test_columns_of_another_case_or_name(here):
    Path("e").mkdir()
    write("e/a.csv", "text,date\nalpha one,2020\n")
    write("e/b.csv", "Text,date\nbeta two,2021\n")
    assert documents("e") == documents("e", empty="drop") == ["alpha one", "beta two"]
    write("e/c.jsonl", '{"comment": "gamma", "date": 2022}\n')
    for empty in ("raise", "drop"):
        refused("e", r"c\.jsonl has no column 'text'", empty=empty)


def test_ids_of_several_files(here):
    Path("e").mkdir()
    write("e/a.csv", "id,text\n1,alpha\n")
    write("e/b.csv", "id,text\n1,beta\n")
    with pytest.raises(InputError, match=r"'1' is in .*a\.csv and in .*b\.csv"):
        ss.Corpus.read("e")
    write("e/b.csv", "text\nbeta\n")
    with pytest.raises(InputError, match=r"b\.csv has no column 'id'"):
        ss.Corpus.read("e")
    write("e/b.csv", "id,text\n2,\n")
    with pytest.raises(InputError, match=r"first is id '2' of .*b\.csv"):
        ss.Corpus.read("e")


def test_files_left_out_are_said(folder):
    for name in ("notes.docx", "fig.png", "meta.json", "x.unknown", "README"):
        write(f"d/{name}", "x")
    write("d/.draft.txt", "x")
    write("d/.DS_Store", "x")
    with pytest.warns(SemspaceWarning) as notes:
        assert len(ss.Corpus.read("d")) == 2
    said = " ".join(str(note.message) for note in notes)
    assert "5 files are left out of d, not in a format that semspace reads" in said
    assert "README, fig.png, meta.json and 2 more" in said
    assert "1 file is left out of d, hidden: .draft.txt" in said
    assert "DS_Store" not in said


@pytest.mark.parametrize(
    ("name", "remedy"),
    [("x.xlsx", "CSV UTF-8"), ("x.csv.bz2", "unpack it"), ("x.zip", "unpack it"), ("x.txt.zst", "unpack it"),
     ("x.docx", "plain text"), ("x.pdf", "plain text"), ("x.arrow", "read_ipc")],
)  # fmt: skip
def test_other_kinds_are_told_what_to_do(here, name, remedy):
    refused(write(name, b"some bytes"), f"can't read.*{remedy}")


# -- texts without columns --------------------------------------------------------------------------------------

BOOK = textwrap.fill(
    "It was the best of times, it was the worst of times, it was the age of wisdom, it was the age of foolishness, "
    "it was the epoch of belief, it was the epoch of incredulity, it was the season of Light, "
    "it was the season of Darkness, "
    "it was the spring of hope, it was the winter of despair, we had everything before us, we had nothing before us.",
    width=60,
)


def test_units_of_a_text(here):
    write("x.txt", "one\ntwo\n\n \nthree\r\n\r\nfour\n")
    assert [tuple(d) for d in ss.Corpus.read("x.txt")] == [("1", "one"), ("2", "two"), ("5", "three"), ("7", "four")]
    paragraphs = [("1", "one\ntwo"), ("5", "three"), ("7", "four")]
    assert [tuple(d) for d in ss.Corpus.read("x.txt", documents="paragraphs")] == paragraphs
    assert ss.Corpus.read("x.txt", documents="file").ids.to_list() == ["x.txt"]
    for unit in ("lines", "paragraphs", "file"):
        documents("x.txt", documents=unit)
    for size in (1, 4, 1 << 20):
        record = find_sources("x.txt", ReadOptions(documents="paragraphs"))[0][0]
        assert [row for run in record.chunks(size) for row in record.table(run).rows()] == paragraphs
    refused("x.txt", "documents must be one of", documents="pages")
    refused(write("x.csv", "text\na\n"), "documents= applies to txt, and x.csv", documents="file")
    refused("x.txt", "separator= applies to csv and tsv, and x.txt", separator=";")


def test_units_of_a_folder(folder):
    write("d/a.txt", "alpha\none\n\ntwo\n")
    assert ss.Corpus.read("d", documents="lines").ids.to_list() == ["a.txt:1", "a.txt:2", "a.txt:4", "b.txt:1"]
    assert ss.Corpus.read("d", documents="paragraphs").ids.to_list() == ["a.txt:1", "a.txt:4", "b.txt:1"]
    assert documents("d") == ["alpha\none\n\ntwo\n", "beta two"]


@pytest.mark.parametrize("content", [f"{BOOK}\n" * 5, f"{BOOK}\n\n" * 5, "word " * 4_000, ("word " * 400 + ".\n") * 5])
def test_a_book_taken_by_lines_is_said(here, content):
    write("x.txt", content)
    for read in (ss.Corpus.read, ss.Tokens.read):
        with pytest.warns(SemspaceWarning, match=r"each line of x\.txt is taken as a document"):
            read("x.txt")
    ss.Corpus.read("x.txt", documents="lines")
    ss.Corpus.read("x.txt", documents="paragraphs")


@pytest.mark.parametrize(
    "line", ["a short line of words in lower case number {0}", "Headline {0} is about something that happened today"]
)
def test_lists_of_lines_are_no_books(here, line):
    write("x.txt", "".join(line.format("7" * (i * 7 % 23)) + "\n" for i in range(100)))
    assert len(documents("x.txt")) == 100


# -- packed files, pipes ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["x.txt.gz", "x.csv.gz", "x.jsonl.gz", "x.parquet.gz"])
def test_a_packed_file_is_bounded(here, monkeypatch, name):
    monkeypatch.setattr(files, "_ALWAYS", 1_000)
    monkeypatch.setattr(files, "_RATIO", 10)
    write(name, gzip.compress(b"a word or two\n" * 2_000))
    refused(name, r"unpacks to more than .* from .* bytes.*unpack it first")


@pytest.mark.parametrize(
    "content", [gzip.compress(b"a b c" * 999, mtime=0)[:-9], b"no gzip at all", b"\x1f\x8b\x08\0broken....."]
)
def test_a_packed_file_that_is_not_whole(here, content):
    refused(write("x.txt.gz", content), "is not a complete gzip file")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
def test_a_pipe_or_device_is_told_of(folder):
    os.mkfifo("x.csv")
    os.mkfifo("d/pipe.txt")
    refused("x.csv", "is a named pipe, not a file")
    refused("/dev/null", "is a device, not a file")
    with pytest.warns(SemspaceWarning, match=r"left out of d.*pipe\.txt"):
        assert len(ss.Corpus.read("d")) == 2
    with pytest.raises(MissingFileError, match="no file at"):
        ss.Corpus.read("none.csv")


# -- the shell --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "options"),
    [
        ("1;one cat and a dog\n2;a cat\n", ["--separator", "semicolon", "--columns", "id,text"]),
        ("1,one cat and a dog\n2,a cat\n", ["--no-header"]),
    ],
)
def test_the_shell_says_it_too(here, content, options, capsys):
    write("x.csv", content)
    train = ["train", "word2vec", "x.csv", "--min-count", "1", "--dim", "2", "--epochs", "1"]
    assert main([*train, "-o", "no.space"]) == 2
    assert "--no-header" in capsys.readouterr().err
    assert main([*train, "-o", "x.space", *options]) == 0
    assert len(ss.load("x.space")) == 5


def test_the_shell_refuses_what_has_no_use(here, capsys):
    assert main(["embed", "corpus:lee", "-o", "x.space", "--no-header"]) == 2
    assert "--header has no effect" in capsys.readouterr().err


def test_long_lines_are_judged_by_what_is_there():
    assert plain_text._prose([]) is None
    assert plain_text._prose(["x" * 20_000]) is not None


def test_ids_in_capitals_are_ids(tmp_path):
    path = tmp_path / "excel.csv"
    path.write_text("ID;Text\n007;one\n008;two\n")
    assert list(ss.Corpus.read(path)) == [("007", "one"), ("008", "two")]
    with pytest.raises(ss.SemspaceError, match="did you mean 'ID'"):
        ss.Corpus.read(path, id="id")
