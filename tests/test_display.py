"""Tables in a terminal and in a notebook."""

import datetime
import re

import numpy as np
import pandas as pd
import polars as pl
import pytest

import semspace as ss
from semspace import display
from semspace.display import html_table, text_table

NAN = float("nan")


def cells(shown, tag="td"):
    return re.findall(rf'<{tag} style="text-align: (\w+);[^>]*>([^<]*)</{tag}>', shown)


def test_texts_stand_at_the_left_and_numbers_at_the_right():
    shown = html_table(("name", "n"), [("<b>", 12), ("two", 3.5)], caption="<i>")
    assert cells(shown, "th") == [("left", "name"), ("right", "n")]
    assert cells(shown) == [("left", "&lt;b&gt;"), ("right", "12"), ("left", "two"), ("right", "3.500")]
    assert "&lt;i&gt;</caption>" in shown


def test_short_values_are_not_broken_in_a_narrow_table():
    shown = html_table(
        ("what", "value", "meaning"), [("points", "1.9 %", "a long sentence about it"), ("x", "2,225", "")]
    )
    styles = re.findall(r'<td style="([^"]*)"', shown)[:3]
    assert ["nowrap" in style for style in styles] == [True, True, False]


def test_long_texts_end_in_an_ellipsis():
    ((_, text),) = cells(html_table(("text",), [("word " * 100,)]))
    assert len(text) <= 200
    assert text.endswith("word…")


@pytest.mark.parametrize(
    ("values", "shown"),
    [
        ([4.0, None, 3.0], ["4", "", "3"]),  # pandas turns whole numbers into floats where one is missing
        ([4.0, NAN], ["4", ""]),
        ([4.0, 3.0], ["4.000", "3.000"]),
        ([4.5, None], ["4.500", ""]),
        ([1e7, None], ["10000000", ""]),
        ([None, NAN], ["", ""]),
        ([True, None], ["yes", ""]),
    ],
)
def test_whole_numbers_stay_whole_where_some_are_missing(values, shown):
    assert [text for _, text in cells(html_table(("n",), [(value,) for value in values]))] == shown
    assert [line.strip() for line in text_table(("n",), [(v,) for v in values]).split("\n")[1:]] == shown


def test_a_notebook_shows_the_metadata_of_a_corpus_and_how_many_more_there_are():
    frame = pd.DataFrame({"text": [f"text {i}" for i in range(7)], "priority": [4, None, 3, 1, 2, 5, 6]})
    shown = ss.Corpus.read(frame)._repr_html_()
    assert [text for _, text in cells(shown, "th")] == ["id", "text", "priority"]
    assert [text for _, text in cells(shown)][:6] == ["0", "text 0", "4", "1", "text 1", ""]
    assert "Corpus of 7 documents, metadata priority</caption>" in shown
    assert shown.endswith("<p>and 2 more</p>")
    assert "more" not in ss.Corpus.read(frame[:5])._repr_html_()


def test_a_notebook_shows_a_space():
    table = pl.DataFrame({"text": [f"<i>{i}" for i in range(7)], "year": range(7)})
    space = ss.Space.from_vectors([f"<b>{i}" for i in range(7)], np.eye(7), table, provenance={"made_by": "<hand>"})
    shown = space._repr_html_()
    assert "Space of 7 points in 7 dimensions, made by &lt;hand&gt;</caption>" in shown
    assert [text for _, text in cells(shown)][:3] == ["&lt;b&gt;0", "&lt;i&gt;0", "0"]
    assert shown.endswith("<p>and 2 more</p>")
    bare = ss.Space.from_vectors(["a"], [[1.0]])._repr_html_()
    assert cells(bare) == [("left", "a")]


def test_a_notebook_shows_a_score_and_its_parts():
    score = ss.evaluation.Score("analogies", "accuracy", 0.25, 4, 8, (("capitals", 0.5, 2),), "a <note>")
    texts = [text for _, text in cells(score._repr_html_())]
    assert texts == ["analogies", "accuracy", "0.250", "", "", "4", "8", "a &lt;note&gt;", "capitals", "0.500", "2"]
    assert score._repr_html_().count("<table") == 2


def test_a_table_brings_both_of_its_colours():
    # Black text on a page that is dark by its background alone can't be read.
    style = re.search(r'<table style="([^"]*)"', html_table(("a",), [("b",)]))[1]
    assert re.search(r"(^|; )color: var\(--jp-content-font-color1, .*CanvasText\)\)", style)
    assert re.search(r"background: var\(--jp-layout-color0, .*Canvas\)\)", style)
    assert "color-scheme: light dark" in style


def test_a_date_that_python_has_not_is_shown_as_such():
    years = pl.Series("day", [1, 30_000_000], dtype=pl.Int32).cast(pl.Date)
    rows = display.rows_of(pl.DataFrame([pl.Series("n", [7, 8]), years]))
    assert rows == [(7, datetime.date(1970, 1, 2)), (8, "out of range")]
    space = ss.Space.from_vectors(["a", "b"], np.eye(2), pl.DataFrame([years]))
    assert "out of range" in space._repr_html_()
    assert "out of range" in repr(ss.Index.build(space, "exact").search("a", 1))
