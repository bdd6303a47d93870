"""Maps of a space: which points are drawn, their colours and their names."""

import re
from datetime import date

import numpy as np
import polars as pl
import pytest

import semspace as ss
from semspace.errors import InputError, UnknownIdError
from semspace.maps.colours import groups_of


def words(n=100, dim=8):
    draw = np.random.default_rng(0)
    return ss.Space.from_vectors([f"w{i}" for i in range(n)], draw.normal(size=(n, dim)))


def documents(n=100):
    table = {"text": [f"<b>text {i}" for i in range(n)], "lang": ["de", "en", None, "en"] * (n // 4)}
    draw = np.random.default_rng(0)
    return ss.Space.from_vectors([f"d{i}" for i in range(n)], draw.normal(size=(n, 8)), table)


def names_on(figure):
    return re.findall(r'font-size="12"[^>]*>([^<]*)</text>', figure.svg)


def test_groups_of_texts_come_by_frequency_and_missing_ones_last():
    kinds, names = groups_of(pl.Series("c", ["b", "a", None, "a"]))
    assert (kinds.tolist(), names) == ([1, 0, 2, 0], ["a", "b", "unknown"])


def test_groups_of_few_numbers_come_in_order():
    kinds, names = groups_of(pl.Series("c", [3, 1, 3]))
    assert (kinds.tolist(), names) == ([1, 0, 1], ["1", "3"])


def test_dates_are_grouped_by_year():
    kinds, names = groups_of(pl.Series("c", [date(2024, 1, 1), date(2023, 5, 1), date(2024, 7, 1)]))
    assert (kinds.tolist(), names) == ([1, 0, 1], ["2023", "2024"])


def test_many_values_leave_the_rare_ones_together():
    values = [f"v{i:02}" for i in range(40)] * 2 + ["v39"]
    kinds, names = groups_of(pl.Series("c", values))
    assert len(names) == 32
    assert (names[0], names[-1]) == ("v39", "other")
    assert np.bincount(kinds)[-1] == 2 * (40 - 31)


def test_many_numbers_are_divided_into_ranges_of_as_many_points():
    kinds, names = groups_of(pl.Series("c", [*range(600), None]))
    assert np.bincount(kinds).tolist() == [100] * 6 + [1]
    assert names[0] == "0 to 99.8333"
    assert names[-1] == "unknown"


def test_lists_are_no_colours():
    with pytest.raises(InputError, match=r"color= needs a column of texts, numbers or dates; 'c' holds List"):
        groups_of(pl.Series("c", [[1], [2]]))


def test_a_map_of_words_draws_and_names_the_most_frequent():
    figure = words().plot(most=50)
    assert figure.svg.count("<circle") == 50
    assert "50 of 100 words are drawn." in figure.caption
    assert set(names_on(figure)) <= {f"w{i}" for i in range(60)}
    assert "w0" in names_on(figure)
    assert words().plot(most=50).svg == figure.svg


def test_words_that_are_asked_for_are_drawn_and_named():
    figure = words().plot(labels=["w99", "w3"], most=10, method="pca")
    assert set(names_on(figure)) == {"w99", "w3"}
    assert figure.svg.count("<circle") == 11
    assert figure.description == "A map of 100 words; among them w99, w3."


def test_a_map_of_texts_has_colours_and_tooltips_and_no_names():
    figure = documents().plot(color="lang", most=20, method="pca")
    assert not names_on(figure)
    assert "de (25)</text>" in figure.svg
    assert "en (50)</text>" in figure.svg
    assert "unknown (25)</text>" in figure.svg
    assert "20 of 100 documents are drawn; the legend counts all." in figure.caption
    assert "<title>de: d0: &lt;b&gt;text 0</title>" in figure.svg


def test_colours_may_be_values():
    figure = words().plot(color=["x", "y"] * 50, method="pca")
    assert "x (50)</text>" in figure.svg


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"color": "Lang"}, "color: there is no column 'Lang'; .*did you mean 'lang'"),
        ({"color": [1, 2]}, "color must hold a value for each of 100 points; got 2"),
        ({"method": "umpa"}, "method must be .*did you mean 'umap'"),
        ({"most": 1}, "most must be"),
    ],
)
def test_what_is_asked_of_a_map_is_checked(options, message):
    with pytest.raises(InputError, match=message):
        documents().plot(**options)


def test_a_map_needs_points():
    with pytest.raises(InputError, match=r"a map needs at least 3 points in 2 dimensions; this space has 2 point"):
        words(2).plot()
    with pytest.raises(UnknownIdError, match="no point 'w100'"):
        words().plot(labels=["w100"])
