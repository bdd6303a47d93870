"""Frames of other libraries: ids from an index, usual names of columns, and the way back to the frame."""

import datetime
import pathlib
import sys
import uuid
import warnings

import numpy as np
import pandas as pd
import polars as pl
import pytest

import semspace as ss
from semspace.errors import InputError, MissingExtraError, SemspaceWarning, UnknownIdError
from semspace.text.dataframes import to_pandas


@pytest.fixture(autouse=True)
def no_warning_unless_expected():
    with warnings.catch_warnings():
        warnings.simplefilter("error", SemspaceWarning)
        yield


# -- ids --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("index", "ids"),
    [
        (None, ["0", "1"]),
        ([7, 3], ["7", "3"]),
        (["x", "y"], ["x", "y"]),
        ([uuid.UUID(int=1), uuid.UUID(int=2)], [str(uuid.UUID(int=1)), str(uuid.UUID(int=2))]),
        (pd.Index([11, 12], name="ticket"), ["11", "12"]),
    ],
)
def test_the_index_of_a_pandas_frame_holds_the_ids(index, ids):
    corpus = ss.Corpus.read(pd.DataFrame({"text": ["a", "b"], "n": [1, 2]}, index=index))
    assert corpus.ids.to_list() == ids
    named = ["ticket"] if getattr(index, "name", None) else []
    assert corpus.columns == ["id", "text", *named, "n"]  # a name is a column, for conditions


def test_texts_may_be_the_index_and_ids_a_level_of_it():
    frame = pd.DataFrame({"n": [1, 2]}, index=pd.Index(["a cat", "a dog"], name="message"))
    assert list(ss.Corpus.read(frame, text="message")) == [("a cat", "a cat"), ("a dog", "a dog")]
    levels = pd.DataFrame({"text": ["a", "b"]}, index=pd.MultiIndex.from_tuples([("x", 1), ("x", 2)], names=["k", "m"]))
    assert ss.Corpus.read(levels, id="m", text="text").ids.to_list() == ["1", "2"]


def test_a_warning_names_the_line_that_called():
    frame = pd.DataFrame({"text": ["a", "b"]}, index=[1, 1])
    for act in (lambda: ss.Corpus.read(frame), ss.Corpus.from_texts(["a", "a"]).deduplicate):
        with pytest.warns(SemspaceWarning) as caught:
            act()
        assert [warning.filename for warning in caught] == [__file__]


def test_a_filtered_frame_keeps_the_index_of_its_rows():
    frame = pd.DataFrame({"text": ["a", "b", "c"], "n": [1, 2, 3]})
    assert ss.Corpus.read(frame[frame["n"] > 1]).ids.to_list() == ["1", "2"]


def test_an_id_column_comes_before_the_index():
    frame = pd.DataFrame({"text": ["a", "b"], "Id": ["x", "y"], "key": [5, 6]}, index=[3, 4])
    assert ss.Corpus.read(frame).ids.to_list() == ["x", "y"]
    assert ss.Corpus.read(frame, id="key").ids.to_list() == ["5", "6"]


@pytest.mark.parametrize(
    ("index", "problem"),
    [
        ([1, 1], "has values that occur more than once"),
        ([0.5, 1.5], "doesn't hold strings or whole numbers"),
        (["a", None], "doesn't hold strings or whole numbers"),
        (pd.to_datetime(["2020-01-01", "2020-01-02"]), "doesn't hold strings or whole numbers"),
        (pd.MultiIndex.from_tuples([("a", 1), ("a", 2)]), "has several levels"),
    ],
)
def test_an_index_that_cannot_hold_ids_is_said(index, problem):
    frame = pd.DataFrame({"text": ["a", "b"]}, index=index)
    with pytest.warns(SemspaceWarning, match=f"index {problem}.*numbered from 0; choose a column with id="):
        assert ss.Corpus.read(frame, text="text").ids.to_list() == ["0", "1"]


@pytest.mark.parametrize(
    "ids", [[7, 8], np.array([7, 8]), np.array([7, 8], np.uint8), pd.Series([7, 8]), pl.Series([7, 8]), range(7, 9)]
)
def test_whole_numbers_are_accepted_as_ids(ids):
    space = ss.Space.from_vectors(ids, [[1, 0], [0, 1]])
    assert space.ids.tolist() == ["7", "8"]
    assert ss.Corpus.from_texts(["a", "b"], ids=ids).ids.to_list() == ["7", "8"]
    assert space.select(ids[::-1] if isinstance(ids, (list, range)) else ids).ids.tolist()
    index = ss.Index.build(space)
    index.update(ids, [[1, 0], [0, 2]])
    assert index.search(id=7).ids == ("8",)
    index.delete([7])
    index.add([9], [[1, 1]])
    assert sorted(index.space.ids) == ["8", "9"]


@pytest.mark.parametrize("bad", [1.5, None, True, float("nan"), b"x"])
def test_other_values_are_refused_as_ids(bad):
    with pytest.raises(InputError, match="ids must hold only strings or whole numbers; item 1 is"):
        ss.Space.from_vectors(["a", bad], [[1, 0], [0, 1]])
    with pytest.raises(InputError, match="ids must hold only strings or whole numbers; item 1 is"):
        ss.Corpus.from_texts(["a", "b"], ids=["a", bad])


def test_a_number_and_its_text_are_the_same_id():
    with pytest.raises(InputError, match="'1' occurs more than once"):
        ss.Space.from_vectors([1, "1"], [[1, 0], [0, 1]])


def test_ids_in_a_column():
    frame = pd.DataFrame({"id": [uuid.UUID(int=5), 4], "text": ["a", "b"]})
    assert ss.Corpus.read(frame).ids.to_list() == [str(uuid.UUID(int=5)), "4"]
    with pytest.raises(InputError, match="the id column 'id' must hold strings or whole numbers; it holds Float64"):
        ss.Corpus.read(pd.DataFrame({"id": [1.0, 2.5], "text": ["a", "b"]}))


# -- names of columns -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["message", "Review", "comment", "COMMENT", "abstract", "description", "tweet"])
def test_a_likely_name_is_the_text(name, tmp_path):
    frame = pl.DataFrame({"author": ["Ann", "Bob"], name: ["hello there", "good day"], "Title": ["x", "y"]})
    assert ss.Corpus.read(frame).texts.to_list() == ["hello there", "good day"]
    frame.write_csv(tmp_path / "x.csv")
    assert ss.Corpus.read(tmp_path / "x.csv").texts.to_list() == ["hello there", "good day"]
    assert len(ss.Tokens.read(tmp_path / "x.csv")) == 4


def test_a_likely_name_without_words_is_not_the_text(tmp_path):
    frame = pl.DataFrame({"post": [17, 18], "author": ["Ann", "Bob"], "comment": ["hello", "good day"]})
    assert ss.Corpus.read(frame)["1"] == "good day"
    frame.write_csv(tmp_path / "x.csv")
    assert ss.Corpus.read(tmp_path / "x.csv")["1"] == "good day"
    assert len(ss.Tokens.read(tmp_path / "x.csv")) == 3


def test_a_title_is_the_text_at_last_and_said():
    frame = pl.DataFrame({"author": ["Ann"], "title": ["On the moon"]})
    with pytest.warns(SemspaceWarning, match="taken from the column 'title'; if it is in author, pass text=NAME"):
        assert ss.Corpus.read(frame)["0"] == "On the moon"


def test_two_likely_names_are_asked_about():
    frame = pl.DataFrame({"message": ["a"], "comment": ["b"], "title": ["c"]})
    with pytest.raises(InputError, match=r"pass text=NAME.*columns are message, comment, title"):
        ss.Corpus.read(frame)


# -- a corpus as a table ----------------------------------------------------------------------------------------


def test_slices_and_columns():
    corpus = ss.Corpus.from_frame(pl.DataFrame({"text": ["a", "b", "c"], "label": ["x", "y", "x"]}))
    assert corpus.columns == ["id", "text", "label"]
    assert corpus[1:].ids.to_list() == ["1", "2"]
    assert corpus[::-1].texts.to_list() == ["c", "b", "a"]
    assert corpus.to_frame().equals(corpus.frame)


def test_what_is_not_an_id_says_what_to_use():
    corpus = ss.Corpus.from_frame(pl.DataFrame({"text": ["a", "b"], "label": ["x", "y"]}))
    with pytest.raises(UnknownIdError, match=r"which is a string; got 1: use corpus.texts\[1\].*corpus\['1'\]"):
        corpus[1]
    with pytest.raises(UnknownIdError, match=r"no document 'label'; the column .* corpus.frame\['label'\]"):
        corpus["label"]
    with pytest.raises(InputError, match=r"corpus\[:10\]"):
        corpus["a":"b"]
    with pytest.raises(InputError, match="holds none of the 2 documents"):
        corpus[5:]


def test_deduplicate_keeps_the_first_and_counts():
    corpus = ss.Corpus.from_texts(["yes", "no", "yes", "Yes", "yes"])
    with pytest.warns(SemspaceWarning, match="2 of 5 documents were left out"):
        kept = corpus.deduplicate()
    assert kept.ids.to_list() == ["0", "1", "3"]
    assert kept.provenance["duplicates"] == 2
    assert kept.deduplicate() is kept


# -- the way back -----------------------------------------------------------------------------------------------


def test_results_join_to_the_frame_they_came_from():
    frame = pd.DataFrame({"message": ["red", " ", "blue"], "n": [1, 2, 3]}, index=[40, 41, 42])
    with pytest.warns(SemspaceWarning, match="1 of 3 documents has no text.*id '41'"):
        corpus = ss.Corpus.read(frame, text="message", empty="drop")
    space = ss.Space.from_vectors(corpus.ids, [[1, 0], [1, 1]], corpus.metadata.drop("id"))
    found = ss.Index.build(space).search([1.0, 0.1]).to_pandas()
    joined = frame.assign(id=frame.index.astype(str)).merge(found[["id", "score"]], on="id", how="left")
    assert joined["score"].isna().tolist() == [False, True, False]
    assert joined["score"][0] > joined["score"][2] > 0
    assert space.to_frame().columns == ["id", "n"]
    assert space.to_pandas()["n"].tolist() == [1, 3]


def test_groups_join_to_the_frame_they_came_from():
    rng = np.random.default_rng(0)
    vectors = np.concatenate([rng.normal(size=(20, 4)) + 9 * np.eye(4)[side] for side in (0, 1)])
    frame = pd.DataFrame({"text": [f"text {i}" for i in range(40)]}, index=range(100, 140))
    corpus = ss.Corpus.read(frame)
    space = ss.Space.from_vectors(frame.index, vectors, corpus.metadata.drop("id").with_columns(corpus.texts))
    documents = to_pandas(ss.cluster(space, method="kmeans", n_clusters=2, progress=False).documents())
    group = documents.set_index(documents["id"].astype(int))["group"]
    joined = frame.assign(group=group)
    assert joined["group"].notna().all()
    assert joined.groupby(joined.index < 120)["group"].nunique().tolist() == [1, 1]


def test_pandas_without_pyarrow(monkeypatch):
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    zone = datetime.timezone.utc
    moment = datetime.datetime(2020, 1, 2, 3, tzinfo=zone)
    table = pl.DataFrame(
        {
            "text": ["a", None],
            "whole": [1, 2],
            "gaps": [1, None],
            "real": [1.5, None],
            "truth": [True, None],
            "day": [datetime.date(2020, 1, 2), None],
            "time": [datetime.datetime(2020, 1, 2, 3), None],
            "zoned": pl.Series([moment, None], dtype=pl.Datetime("us", "Europe/Berlin")),
            "span": [datetime.timedelta(days=1), None],
            "list": [[1, 2], None],
            "kind": pl.Series(["x", None], dtype=pl.Categorical),
        }
    )
    frame = to_pandas(table)
    kinds = [str(kind).partition("[")[0] for kind in frame.dtypes]
    assert kinds[1:5] == ["int64", "Int64", "float64", "boolean"]
    assert kinds[5:10] == ["datetime64", "datetime64", "datetime64", "timedelta64", "object"]
    assert str(frame["zoned"].dt.tz) == "Europe/Berlin"
    assert frame.isna().iloc[1].tolist() == [name != "whole" for name in table.columns]
    assert frame["zoned"][0] == pd.Timestamp(moment)
    assert frame["list"][0] == [1, 2]
    assert to_pandas(table.clear()).empty


def test_pandas_that_is_missing_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(MissingExtraError, match=r"needs pandas.*pip install pandas"):
        ss.Corpus.from_texts(["a"]).to_pandas()


# -- columns in a mapping ---------------------------------------------------------------------------------------

DAY, MOMENT = datetime.date(2020, 1, 1), datetime.datetime(2020, 1, 1, 1)


@pytest.mark.parametrize(
    ("column", "values", "dtype"),
    [
        (np.array([DAY, None], "datetime64[ns]"), [datetime.datetime(2020, 1, 1), None], pl.Datetime("ns")),
        (np.array([MOMENT, MOMENT], "datetime64[s]"), [MOMENT, MOMENT], pl.Datetime("us")),
        (np.array([DAY, None], "datetime64[D]"), [DAY, None], pl.Date),
        (np.array([1, 2], "timedelta64[D]"), [datetime.timedelta(1), datetime.timedelta(2)], pl.Duration("us")),
        (np.array([1, 2], np.uint8), [1, 2], pl.UInt8),
        (pd.Series([1, None], dtype="Int64"), [1, None], pl.Int64),
        (pd.Series([True, None], dtype="boolean"), [True, None], pl.Boolean),
        (pd.Series(["a", float("nan")], dtype=object), ["a", None], pl.String),
        (pd.Series([MOMENT, None]), [MOMENT, None], pl.Datetime("us")),
        (pd.array([1, None], dtype="Int64"), [1, None], pl.Int64),
        (pd.Index(["a", "b"]), ["a", "b"], pl.String),
        (pl.Series(["b", None], dtype=pl.Enum(["b", "a"])), ["b", None], pl.Enum(["b", "a"])),
        (pl.Series([1, 2], dtype=pl.UInt8), [1, 2], pl.UInt8),
        (iter([1, 2]), [1, 2], pl.Int64),
    ],
    ids=lambda value: str(getattr(value, "dtype", value))[:20],
)
def test_a_column_of_a_mapping_keeps_its_values_and_type(column, values, dtype):
    space = ss.Space.from_vectors(["a", "b"], [[1, 0], [0, 1]], {"x": column})
    assert space.metadata["x"].to_list() == values
    assert space.metadata["x"].dtype == dtype


@pytest.mark.parametrize(
    ("column", "message"),
    [
        ("ab", "the column 'x' must be a list with a value for each row; got str"),
        (5, "the column 'x' must be a list with a value for each row; got int"),
        (None, "the column 'x' must be a list with a value for each row; got NoneType"),
        ({0: 1, 1: 2}, "got dict: DataFrame.to_dict makes lists with orient='list'"),
    ],
)
def test_what_is_no_column_is_refused(column, message):
    with pytest.raises(InputError, match=message):
        ss.Space.from_vectors(["a", "b"], [[1, 0], [0, 1]], {"x": column})


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (["u", float("nan"), None], ["u", None, None]),
        ([True, float("nan")], [True, None]),
        ([pd.Timestamp(2020, 1, 1), pd.NaT], [datetime.datetime(2020, 1, 1), None]),
        ([1, pd.NA], [1, None]),
        (["u", np.float32("nan"), pd.NA], ["u", None, None]),
    ],
)
def test_nan_among_other_values_is_null(values, expected):
    space = ss.Space.from_vectors([str(i) for i in range(len(values))], np.eye(len(values)), {"x": values})
    assert space.metadata["x"].to_list() == expected
    assert ss.Index.build(space).search(np.ones(len(values)), where="x IS NULL").ids == tuple(
        str(i) for i, value in enumerate(expected) if value is None
    )


def test_nan_among_numbers_stays():
    space = ss.Space.from_vectors(["a", "b"], np.eye(2), {"x": [1.5, float("nan")]})
    assert np.isnan(space.metadata["x"][1])


@pytest.mark.parametrize(
    ("index", "columns"),
    [
        (pd.Index(["u", "v"], name="key"), {"key": ["u", "v"]}),
        (pd.Index([1, 2], name="text"), {"text_index": [1, 2]}),
        (pd.Index(["x", "y"]), {"index": ["x", "y"]}),
        (pd.MultiIndex.from_tuples([(1, 2), (3, 4)], names=["i", "i"]), {"i": [1, 3], "i_index": [2, 4]}),
        (pd.MultiIndex.from_tuples([(1, 2), (3, 4)]), {"level_0": [1, 3], "level_1": [2, 4]}),
    ],
)
def test_an_index_called_as_a_column_is_loses_nothing(index, columns):
    frame = pd.DataFrame({"text": ["a", "b"]}, index=index)
    if index.name == "key":
        frame.insert(1, "key", ["u", "v"])  # as after set_index("key", drop=False)
        assert ss.Corpus.from_frame(frame).ids.to_list() == ["u", "v"]
        assert ss.Corpus.read(frame, id="key").ids.to_list() == ["u", "v"]
    held = ss.Space.from_vectors(["p", "q"], [[1, 2], [2, 1]], frame).metadata
    assert held.to_dict(as_series=False) == {**columns, "text": ["a", "b"]}


def test_large_whole_numbers_among_floats_are_kept_in_lists():
    space = ss.Space.from_vectors(["a", "b"], np.eye(2), {"x": [[2**53 + 1], [0.5]], "y": [[1], [0.5]]})
    assert space.metadata.rows() == [("[9007199254740993]", [1.0]), ("[0.5]", [0.5])]


def test_objects_without_a_text_of_their_own_are_refused():
    with pytest.raises(InputError, match="'x' holds an object of the type object: give what is to be known of it"):
        ss.Space.from_vectors(["a", "b"], np.eye(2), {"x": [object(), 1]})
    paths = [pathlib.PurePosixPath("a/b"), None]
    space = ss.Space.from_vectors(["a", "b"], np.eye(2), {"x": paths})
    assert space.metadata["x"].to_list() == ["a/b", None]


@pytest.mark.parametrize("name", [3, ["text"]])
def test_columns_are_named_by_strings(tmp_path, name):
    (tmp_path / "a.csv").write_text("id,text\n1,a\n")
    for source in (tmp_path / "a.csv", pl.DataFrame({"id": ["1"], "text": ["a"]})):
        for role in ("text", "id"):
            with pytest.raises(InputError, match=f"{role} must be a string; got {type(name).__name__}"):
                ss.Corpus.read(source, **{role: name})
