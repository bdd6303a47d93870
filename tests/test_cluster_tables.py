"""Clusterings as tables: documents, quality, groups over time and by class."""

import datetime as dt
from decimal import Decimal

import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import semspace as ss
from semspace.clusters.clustering import Clustering
from semspace.clusters.describe import describe
from semspace.clusters.document_terms import terms_of
from semspace.clusters.periods import whole_periods
from semspace.clusters.tables import silhouettes
from semspace.errors import InputError
from semspace.statistics import wilson


def by_hand(vectors, labels, metadata=None):
    """A clustering whose groups are given."""
    space = ss.Space.from_vectors([f"p{i}" for i in range(len(labels))], np.asarray(vectors, np.float32), metadata)
    k = max(labels) + 1
    bare = Clustering(space, np.array(labels, np.int32), np.empty((0, 0)), (), (), np.full(k, np.nan))
    return describe(bare, terms_of(space.metadata))


@pytest.fixture
def two():
    """Six documents of two groups and one of none."""
    vectors = [[1, 0], [1, 0.1], [1, 0.2], [0, 1], [0.1, 1], [0.2, 1], [-1, -1]]
    table = {"text": ["cat fur"] * 3 + ["ship sea"] * 2 + ["ship", "odd"], "year": [1, 1, 2, 2, 2, None, 1]}
    return by_hand(vectors, [0, 0, 0, 1, 1, 1, -1], table)


def count(table):
    return {(row[0], row[1]): row[3] for row in table.rows()}


# -- documents and groups ---------------------------------------------------------------------------------


def test_documents_come_in_the_order_of_the_space(two):
    table = two.documents()
    assert table.columns == ["id", "group", "name", "membership", "second", "second_name", "text"]
    assert table["id"].to_list() == two.space.ids.tolist()
    assert table["group"].to_list() == [0, 0, 0, 1, 1, 1, -1]
    assert table["name"].to_list() == ["cat, fur"] * 3 + ["ship, sea"] * 3 + [None]
    assert set(table["second"][:3]) == {1}
    assert table["second_name"][0] == "ship, sea"
    assert table["membership"].is_between(0, 1).all()


def test_names_become_a_column_of_the_table_that_the_ids_came_from(two):
    assert two.names_of(["p6", "p0", "left out", "p5"]) == [None, "cat, fur", None, "ship, sea"]
    assert two.names_of([]) == []
    numbered = ss.Space.from_vectors(range(4), [[1, 0], [1, 0.1], [0, 1], [0.1, 1]])
    groups = ss.cluster(numbered, n_clusters=2, progress=False).rename({0: "one", 1: "other"})
    frame = pd.DataFrame({"n": range(5)}, index=[3, 2, 99, 0, 1])
    frame["topic"] = groups.names_of(frame.index)
    assert frame["topic"][3] == frame["topic"][2] != frame["topic"][0] == frame["topic"][1]
    assert pd.isna(frame["topic"][99])
    with pytest.raises(InputError, match=r"none of the 2 ids, such as 'x', is that of a document; .* such as 'p0'"):
        two.names_of(["x", "y"])
    with pytest.raises(InputError, match="ids must hold only strings or whole numbers; item 0 is float"):
        two.names_of([0.5])


def test_memberships_by_hand():
    """Three points a right angle apart from their middle's view: the votes of each go to the two others alike."""
    groups = by_hand(np.eye(3), [0, 0, 1])
    table = groups.documents()
    np.testing.assert_allclose(table["membership"], [0.5, 0.5, 0], atol=1e-5)
    assert table["second"].to_list() == [1, 1, 0]
    np.testing.assert_allclose(groups.membership(), [[0.5, 0.5], [0.5, 0.5], [1, 0]], atol=1e-5)


def test_documents_of_one_group_have_no_second():
    table = by_hand(np.eye(3), [0, 0, 0]).documents()
    assert table["second"].to_list() == table["second_name"].to_list() == [None] * 3
    np.testing.assert_allclose(table["membership"], 1)
    assert "text" not in table.columns


def test_a_single_document():
    groups = ss.cluster(ss.Space.from_vectors(["only"], [[1, 2]]), progress=False)
    assert groups.documents().rows() == [("only", 0, "only", 1.0, None, None)]
    assert groups.quality().rows() == [(0, "only", 1, None, None, 1.0, None)]
    assert groups.to_frame().rows() == [(0, "only", 1, None, None, ["only"], ["only"])]
    assert groups.over_time([2020]).rows()[0][:5] == (2020, 0, "only", 1, 1.0)


def test_groups_as_a_table(two):
    table = two.to_frame()
    assert table["size"].to_list() == [3, 3]
    assert table["stability"].to_list() == table["holds"].to_list() == [None, None]
    assert table["keywords"].to_list() == [["cat", "fur"], ["ship", "sea"]]
    assert all(set(central) <= set(two.members(g)) for g, central in enumerate(table["central"].to_list()))


def test_a_group_holds_from_a_half_on():
    groups = by_hand(np.eye(3), [0, 1, 2])
    held = Clustering(
        groups.space, groups.labels, groups.centers, groups.names, groups.keywords, np.array([0.5, 0.49, np.nan])
    )
    assert held.to_frame()["holds"].to_list() == [True, False, None]


# -- quality ----------------------------------------------------------------------------------------------


def test_silhouettes_by_hand():
    """Centres (0.894, 0.447) and (0, 1).

    (1, 0) is 1 - 0.894 from its own and 1 from the other; (0.6, 0.8) is 1 - 0.894 and 0.2; (0, 1) is 0 and 1 - 0.447.
    """
    groups = by_hand([[1, 0], [0.6, 0.8], [0, 1], [-1, -1]], [0, 0, 1, -1])
    near = 0.8 / 0.8**0.5 / 2**0.5 * 2**0.5  # 0.894
    np.testing.assert_allclose(silhouettes(groups), [near, (near - 0.8) / 0.2, 1, np.nan], rtol=1e-5)
    quality = groups.quality()
    np.testing.assert_allclose(quality["silhouette"], [(near + (near - 0.8) / 0.2) / 2, 1], rtol=1e-5)


def test_quality_has_a_row_for_each_group(two):
    table = two.quality()
    assert table.columns == ["group", "name", "size", "stability", "silhouette", "membership", "coherence"]
    assert table["size"].to_list() == [3, 3]
    np.testing.assert_allclose(table["coherence"][0], 1)  # "cat" and "fur" never come apart
    # "ship" in 3 of 7 documents, "sea" in 2, both in 2.
    np.testing.assert_allclose(table["coherence"][1], np.log((2 / 7) / (3 / 7 * 2 / 7)) / -np.log(2 / 7))
    np.testing.assert_allclose(table["membership"][0], two._member_votes.share[:3].mean(), rtol=1e-6)
    assert two.diversity == 1


def test_quality_of_one_group_has_no_silhouette(two):
    assert by_hand(np.eye(3), [0, 0, 0]).quality()["silhouette"].to_list() == [None]
    assert by_hand(np.eye(3), [0, 0, 1]).quality()["coherence"].to_list() == [None, None]


# -- intervals --------------------------------------------------------------------------------------------


def test_wilson_intervals_by_hand():
    """5 of 10: 0.5 ± 1.96 / 1.384 · √(0.025 + 0.0096); 0 of 10: up to z² / (10 + z²)."""
    low, high = wilson(np.array([5, 0, 10, 1]), np.array([10, 10, 10, 1]))
    z2 = 1.959964**2
    half = 1.959964 / (1 + z2 / 10) * (0.025 + z2 / 400) ** 0.5
    np.testing.assert_allclose(low, [0.5 - half, 0, 1 - z2 / (10 + z2), 1 - z2 / (1 + z2)], atol=1e-9)
    np.testing.assert_allclose(high, [0.5 + half, z2 / (10 + z2), 1, 1], atol=1e-9)
    np.testing.assert_allclose([low[0], high[0]], [0.236593, 0.763407], atol=1e-6)  # as tables have it


@given(st.integers(1, 10**6).flatmap(lambda total: st.tuples(st.integers(0, total), st.just(total))))
def test_intervals_hold_the_share(drawn):
    count, total = drawn
    low, high = wilson(np.array([count]), np.array([total]))
    assert 0 <= low[0] <= count / total + 1e-9
    assert count / total - 1e-9 <= high[0] <= 1
    assert low[0] < high[0]


# -- over time and by class -------------------------------------------------------------------------------


def test_groups_over_time_by_hand(two):
    table = two.over_time("year")
    assert table.columns == ["period", "group", "name", "count", "share", "low", "high"]
    assert table.select("period", "group", "name", "count").rows() == [
        (1, 0, "cat, fur", 2),
        (1, 1, "ship, sea", 0),
        (2, 0, "cat, fur", 1),
        (2, 1, "ship, sea", 2),
    ]
    np.testing.assert_allclose(table["share"], [2 / 3, 0, 1 / 3, 2 / 3])  # of all of the period's, outliers too
    low, high = wilson(np.array([2, 0, 1, 2]), np.array([3, 3, 3, 3]))
    np.testing.assert_allclose(table["low"], low)
    np.testing.assert_allclose(table["high"], high)


def test_groups_by_class_by_hand(two):
    table = two.per_class(["b", "a", "b", "a", "b", None, "a"])
    assert table.columns[0] == "class"
    assert count(table) == {("a", 0): 1, ("a", 1): 1, ("b", 0): 2, ("b", 1): 1}
    np.testing.assert_allclose(table["share"], [1 / 3, 1 / 3, 2 / 3, 1 / 3])


@pytest.mark.parametrize("name", ["group", "count", "total", "name", "period", "class"])
def test_a_series_may_be_called_like_a_column_of_the_answer(two, name):
    values = pl.Series(name, ["a"] * 7)
    assert two.per_class(values)["count"].to_list() == two.over_time(values)["count"].to_list() == [3, 3]


DAY = dt.date(2020, 1, 1)


@pytest.mark.parametrize(
    ("values", "periods", "starts"),
    [
        ([2001, 2002, 2003], 3, [2001, 2002, 2003]),  # few are taken as they are
        ([0, 1, 2, 3, 4, 5], 2, [0, 3]),  # [0, 2.5) begins with 0, [2.5, 5] with 3
        ([0, 1, 2, 3, 4, 5], 1, [0]),
        (np.arange(6, dtype=np.uint8), 2, [0, 3]),
        (np.arange(-100, -94, dtype=np.int8), 2, [-100, -97]),
        ([0.0, 0.5, 1.0, 2.0], 2, [0.0, 1.0]),
        ([0.0, 0.5, 1.0, 2.0, float("nan"), None], 2, [0.0, 1.0]),
        ([Decimal(0), Decimal("0.5"), Decimal(1), Decimal(2)], 2, [0.0, 1.0]),
        ([DAY + dt.timedelta(days=d) for d in (0, 4, 5, 10)], 2, [DAY, DAY + dt.timedelta(days=5)]),
        (["2020-01-01", "2020-01-05", "2020-01-06", "2020-01-11"], 2, [DAY, dt.date(2020, 1, 6)]),
        (["2020-01-01T10:00:00Z", None, "2020-01-05 x", "2020-01-06", "2020-01-11"], 2, [DAY, dt.date(2020, 1, 6)]),
        (np.array(["2020-01-01", "2020-01-05", "2020-01-11"], "datetime64[D]"), 2, [DAY, dt.date(2020, 1, 6)]),
        ([dt.datetime(2020, 1, 1, h) for h in (0, 1, 4)], 2, [dt.datetime(2020, 1, 1), dt.datetime(2020, 1, 1, 2)]),
        ([dt.timedelta(hours=h) for h in (0, 1, 4)], 2, [dt.timedelta(0), dt.timedelta(hours=2)]),
        (["spring", "autumn", "spring"], 2, ["autumn", "spring"]),
        ([True, False, True], 2, [False, True]),
    ],
)
def test_periods(values, periods, starts):
    draw = np.random.default_rng(0)
    n = len(values)
    groups = by_hand(draw.normal(size=(n, 4)), [0] * n)
    table = groups.over_time(values, periods=periods)
    assert table["period"].to_list() == starts
    assert table["count"].sum() == sum(v is not None and v == v for v in list(values))


def test_each_value_falls_into_the_period_that_begins_before_it():
    groups = by_hand(np.random.default_rng(0).normal(size=(10, 3)), [0] * 10)
    assert groups.over_time(list(range(10)), periods=3)["count"].to_list() == [3, 3, 4]  # 0-2, 3-5, 6-9
    zoned = [dt.datetime(2020, 1, 1, h, tzinfo=dt.timezone.utc) for h in range(10)]
    table = groups.over_time(zoned, periods=3)
    assert table["period"].to_list() == [zoned[0], zoned[3], zoned[6]]
    assert table["count"].to_list() == [3, 3, 4]
    odd = groups.over_time([-9, -7, -5, -3, -1, 1, 3, 5, 7, 9], periods=9)  # (5 + 9) / 18 * 9 falls short of 7
    assert odd["period"].to_list() == [-9, -7, -5, -3, -1, 1, 3, 5, 7]
    assert odd["count"].to_list() == [1, 1, 1, 1, 1, 1, 1, 1, 2]


def days(*texts):
    return [dt.date.fromisoformat(text) for text in texts]


NOON = dt.datetime(2020, 2, 28, 12)


@pytest.mark.parametrize(
    ("values", "period", "starts"),
    [
        (["2020-01-31", "2020-02-01", "2020-02-29", "2021-01-01"], "year", [2020, 2021]),
        (["1799-12-31", "1800-01-01", "1811-05-05"], "decade", [1790, 1800, 1810]),
        (["1799-12-31", "1800-01-01", None], "century", [1700, 1800]),
        (["2020-01-31", "2020-02-01", "2020-02-29"], "month", days("2020-01-01", "2020-02-01")),
        (["2020-01", "2020-03"], "quarter", days("2020-01-01")),
        (["2020-03-31", "2020-04-01"], "quarter", days("2020-01-01", "2020-04-01")),
        (["2020-01-05", "2020-01-06"], "week", days("2019-12-30", "2020-01-06")),  # Mondays
        ([NOON, NOON + dt.timedelta(hours=13)], "day", days("2020-02-28", "2020-02-29")),
        ([NOON, NOON + dt.timedelta(minutes=61)], "hour", [NOON, NOON + dt.timedelta(hours=1)]),
        ([1789, 1793, 1801, -5], "decade", [-10, 1780, 1790, 1800]),  # whole numbers are years
        (["1789", "1793"], "century", [1700]),
        # chosen by the span: the shortest of which there are at most 24
        (["2020-01-01", "2020-01-24"], "auto", days("2020-01-01", "2020-01-24")),
        (["2020-01-01", "2020-01-25"], "auto", days("2019-12-30", "2020-01-20")),
        (["2024-01-15", "2025-12-31"], "auto", days("2024-01-01", "2025-12-01")),
        (["2024-01-15", "2026-01-01"], "auto", days("2024-01-01", "2026-01-01")),  # quarters
        (["2000-01-15", "2005-12-31"], "auto", days("2000-01-01", "2005-10-01")),
        (["2000-01-15", "2023-12-31"], "auto", [2000, 2023]),
        (["2000-01-15", "2024-01-01"], "auto", [2000, 2020]),
        (["1000-01-15", "2024-01-01"], "auto", [1000, 2000]),
        (["2020-03-01", "2020-04-01"], "auto", days("2020-03-01", "2020-04-01")),  # months, as far as it is known
        (["2020-01-01", "2021-01-01"], "auto", [2020, 2021]),
        ([dt.datetime(2020, 1, 2), dt.datetime(2020, 1, 3)], "auto", days("2020-01-02", "2020-01-03")),
        ([NOON, NOON + dt.timedelta(hours=23)], "auto", [NOON, NOON + dt.timedelta(hours=23)]),
        ([NOON, NOON + dt.timedelta(hours=24)], "auto", days("2020-02-28", "2020-02-29")),
        (list(range(1789, 1813)), "auto", list(range(1789, 1813))),  # 24 are taken as they are
        (list(range(1789, 1814)), "auto", list(range(1788, 1814, 2))),
        (list(range(1789, 2006)), "auto", list(range(1780, 2001, 10))),
        ([i / 100 for i in range(100)], "auto", [i / 20 for i in range(20)]),
        (["spring", "autumn", None], "auto", ["autumn", "spring"]),
    ],
)
def test_whole_periods(values, period, starts):
    groups = by_hand(np.random.default_rng(0).normal(size=(len(values), 4)), [0] * len(values))
    table = groups.over_time(values, period=period)
    assert table["period"].to_list() == starts
    assert table["count"].sum() == sum(value is not None for value in values)


def test_every_group_has_a_row_in_every_period(two):
    months = [dt.date(2020, month, 1) for month in (1, 1, 1, 2, 2, 4, 4)]
    table = two.over_time(months, period="month")
    starts = days("2020-01-01", "2020-02-01", "2020-04-01")  # none was written in March
    assert table.select("period", "group").rows() == [(day, group) for day in starts for group in (0, 1)]
    assert table["count"].sum() == 6


def test_periods_are_given_in_one_way(two):
    with pytest.raises(InputError, match="periods=3 and period='year' both cut the time"):
        two.over_time([2020] * 7, period="year", periods=3)
    with pytest.raises(InputError, match=r"period must be one of .*got 'yeer': did you mean 'year'"):
        two.over_time([2020] * 7, period="yeer")
    with pytest.raises(InputError, match=r"period='month' needs dates, and times are Int64; .*year, decade, century"):
        two.over_time([2020] * 7, period="month")
    with pytest.raises(InputError, match=r"period='year' needs dates, and times are Float64; .*among auto"):
        two.over_time([0.5] * 7, period="year")


@settings(max_examples=60, deadline=None)
@given(st.lists(st.dates(), min_size=1, max_size=8))
def test_no_span_of_dates_has_many_periods(dates):
    starts = whole_periods(pl.Series(dates), "auto")
    assert starts.n_unique() <= 24 or (max(dates).year - min(dates).year) > 2_300
    for date, start in zip(dates, starts, strict=True):
        assert (start if isinstance(start, dt.date) else dt.date(max(start, 1), 1, 1)) <= date


@settings(max_examples=60, deadline=None)
@given(st.lists(st.one_of(st.integers(-(10**9), 10**9), st.none()), min_size=30, max_size=60))
def test_numbers_are_divided_at_round_ones(numbers):
    starts = whole_periods(pl.Series(numbers, dtype=pl.Int64), "auto").drop_nulls()
    assert starts.n_unique() <= 24
    known = [number for number in numbers if number is not None]
    assert all(start <= number for start, number in zip(starts, known, strict=True))


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.one_of(st.none(), st.integers(-(10**6), 10**6)), min_size=2, max_size=12).filter(any),
    st.integers(1, 6),
)
def test_any_numbers_fall_into_periods(values, periods):
    groups = by_hand(np.ones((len(values), 2)), [0] * len(values))
    table = groups.over_time(values, periods=periods)
    known = [value for value in values if value is not None]
    assert table["count"].sum() == len(known)
    assert len(table) <= periods
    for start, following in zip(table["period"], [*table["period"][1:], max(known) + 1], strict=True):
        inside = table.filter(pl.col("period") == start)["count"][0]
        assert inside == sum(start <= value < following for value in known)


@pytest.mark.parametrize(
    ("times", "said"),
    [
        ("yeer", "times: there is no column 'yeer'; the columns are text, year"),
        ([1, 2], "times must have a value for each of the 7 points; got 2"),
        (None, "times must be a column's name or a value for each point; got None"),
        (3, "times must be a column's name or a value for each point; got 3"),
        ([None] * 7, "no document has a period; every value is missing"),
        ([float("nan")] * 7, "no document has a period; every value is missing"),
        ([float("inf"), *range(6)], "times contains infinity; give finite numbers, or None where a value is missing"),
        ([[1]] * 7, "times must be numbers, dates or strings; got List(Int64)"),
        ([{"a": 1}] * 7, "times must be numbers, dates or strings; got Struct({'a': Int64})"),
        ([object()] * 7, "times must be numbers, dates or strings; got Object"),
        (list("abcdefg"), "times has 7 distinct values that are neither numbers nor dates such as 2021-03-05"),
    ],
)
def test_times_are_checked(two, times, said):
    with pytest.raises(InputError) as told:
        two.over_time(times, periods=2)
    assert str(told.value).startswith(said)
    assert "\n" not in str(told.value)


@pytest.mark.parametrize(
    "odd",
    [
        *("31.12.2020", "31/12/2020", "1.2.20", "2021-13-45", "2021/03/05", "12/2020", "31.12.2020 10:00"),
        *("Jan 2020", "5 March 2021", "March 5, 2021", "2020 Apr", "Q1 2021", "sept. 1999"),
    ],
)
def test_texts_that_look_like_dates_and_are_not_read_are_refused(two, odd):
    for options in ({}, {"periods": 2}):
        with pytest.raises(InputError, match=f"times has '{odd}', which isn't a date of the form 2021-03-05; write"):
            two.over_time([None, "2021-03-05", odd, *["2021-03-05"] * 4], **options)


@pytest.mark.parametrize("name", ["newsgroup", "spring 2020", "2019/20", "1914-1918", "1.2.3", "2020 (?)", "unknown"])
def test_names_stay_as_they_are(two, name):
    found = two.over_time([name, *["2021-03-05"] * 6])["period"].unique()
    assert set(found) == {name, "2021-03-05"}


def test_numbers_written_as_texts_are_numbers(two):
    found = two.over_time(["10", "2", "1", None, "", "10", "2"])["period"].unique(maintain_order=True)
    assert found.to_list() == [1, 2, 10]


def test_missing_values_of_any_library_are_no_period(two):
    dates = ["2021-03-05", None, "2021-03-07", float("nan"), "2021-03-06", "", "2021-03-05"]
    days = [dt.date(2021, 3, day) for day in (5, 6, 7)]
    for times in (dates, pd.Series(dates), pd.Series(dates, dtype=object), pd.to_datetime(pd.Series(dates))):
        assert two.over_time(times)["period"].unique(maintain_order=True).to_list() == days
    for classes in (
        ["a", None, "b", float("nan"), pd.NaT, pd.NA, "a"],
        pd.Series(["a", None, "b", None, None, None, "a"]),
    ):
        assert two.per_class(classes)["class"].unique(maintain_order=True).to_list() == ["a", "b"]


def test_periods_and_classes_are_checked(two):
    for periods in (0, 2.5, "3"):
        with pytest.raises(InputError, match="periods must be a whole number of at least 1"):
            two.over_time("year", periods=periods)
    with pytest.raises(InputError, match="classes: there is no column 'kind'; the columns are text, year"):
        two.per_class("kind")
    with pytest.raises(InputError, match="no document has a class; every value is missing"):
        two.per_class([None] * 7)
    with pytest.raises(InputError, match="classes: there is no column 'kind'; the columns are none"):
        by_hand(np.eye(2), [0, 1]).per_class("kind")


def test_classes_of_many_kinds(two):
    for values in (
        pl.Series(["a", "b", "a", "b", "a", "b", "a"], dtype=pl.Categorical),
        [True] * 7,
        [1.5, None] * 3 + [2],
    ):
        assert two.per_class(values)["count"].sum() <= 6
