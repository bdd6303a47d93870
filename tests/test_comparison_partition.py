"""What is compared: corpora or spaces, parts by a column, their names, their units; and what is refused."""

import datetime
import math
import warnings

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import semspace as ss
from semspace.comparison.partition import partition, partition_rows
from semspace.comparison.written_dates import read_date
from semspace.errors import InputError, SemspaceWarning
from tests.clouds import clouds, joined, space_of
from tests.conftest import make_tiny_model


def by_column(values, bins=None, **options):
    """The names and sizes of the parts of a corpus by a column."""
    space = space_of(np.ones((len(values), 2), np.float32), column=values)
    names, parts = partition_rows(space.metadata, "column", bins, **options)
    return dict(zip(names, [rows.tolist() for rows in parts], strict=True))


def two_spaces(m=10, n=12, **columns):
    a, b = clouds(m, n)
    return space_of(a, "first", **columns), space_of(b, "second", **columns)


# -- parts by values ------------------------------------------------------------------------------------------


def test_parts_by_values_in_their_order():
    assert by_column(["z", "a", "z", "b"]) == {"a": [1], "b": [3], "z": [0, 2]}
    assert by_column([10, 9, 10, 100]) == {"9": [1], "10": [0, 2], "100": [3]}
    assert by_column([True, False, True]) == {"no": [1], "yes": [0, 2]}
    assert by_column(["", "x"]) == {"(empty)": [0], "x": [1]}
    assert by_column([datetime.date(2021, 3, 5), datetime.date(2020, 1, 1)]) == {"2020-01-01": [1], "2021-03-05": [0]}


@given(st.lists(st.sampled_from("abcde"), min_size=1, max_size=30))
@settings(max_examples=40, deadline=None)
def test_parts_hold_each_document_once(values):
    found = by_column(values)
    assert sorted(row for rows in found.values() for row in rows) == list(range(len(values)))
    assert all(values[row] == name for name, rows in found.items() for row in rows)


def test_documents_without_a_value_are_left_out_and_said():
    with pytest.warns(SemspaceWarning, match="2 of 4 documents have no 'column' and are left out"):
        assert by_column(["x", None, "y", None]) == {"x": [0], "y": [2]}
    with pytest.warns(SemspaceWarning, match="1 of 3 documents"):
        assert by_column([1.5, float("nan"), 2.5]) == {"1.5": [0], "2.5": [2]}


def test_many_numbers_need_cuts():
    with pytest.raises(InputError, match=r"13 different values, from 0 to 12; give bins, as in bins=6 "):
        by_column(list(range(13)))
    assert len(by_column(list(range(12)))) == 12
    days = [datetime.date(2020, 1, 1) + datetime.timedelta(i) for i in range(20)]
    with pytest.raises(InputError, match="bins='2020-01-11'"):
        by_column(days)


@pytest.mark.parametrize("values", [[["a"], ["b"]], [b"a", b"b"], [{"x": 1}, {"x": 2}]])
def test_columns_that_have_no_parts(values):
    with pytest.raises(InputError, match="must hold texts, numbers or dates"):
        by_column(values)


def test_an_unknown_column():
    with pytest.raises(InputError, match="by: there is no column 'yaer'; the columns are "):
        partition_rows(two_spaces()[0].metadata, "yaer")
    with pytest.raises(InputError, match=r"there is no column 'yaer'; the columns are .*year"):
        partition_rows(space_of(np.ones((3, 2)), "text", year=[1, 2, 3]).metadata, "yaer")


# -- parts by cuts --------------------------------------------------------------------------------------------


def test_a_period_begins_with_its_cut():
    years = [1939, 1944, 1945, 1946, 1990]
    assert by_column(years, 1945) == {"before 1945": [0, 1], "1945 and after": [2, 3, 4]}
    found = by_column(years, [1990, 1945])
    assert found == {"before 1945": [0, 1], "1945 to 1989": [2, 3], "1990 and after": [4]}
    with pytest.warns(SemspaceWarning, match="no document has a 'column' of before 1900"):
        assert by_column(years, (1900, 1945)) == {"1900 to 1944": [0, 1], "1945 and after": [2, 3, 4]}


def test_cuts_of_fractions():
    found = by_column([0.1, 0.5, 0.9, 2.0], [0.5, 1])
    assert found == {"before 0.5": [0], "0.5 to before 1": [1, 2], "1 and after": [3]}


DAYS = [datetime.date(2020, 12, 31), datetime.date(2021, 1, 1), datetime.date(2021, 6, 1)]


@pytest.mark.parametrize("cut", ["2021-01-01", datetime.date(2021, 1, 1), datetime.datetime(2021, 1, 1)])
def test_cuts_of_dates(cut):
    assert by_column(DAYS, cut) == {"before 2021-01-01": [0], "2021-01-01 and after": [1, 2]}


@pytest.mark.parametrize("cut", ["2021-01-01", "2021-01-01T00:00", datetime.date(2021, 1, 1)])
def test_cuts_of_moments(cut):
    moments = [datetime.datetime(2020, 12, 31, 23, 59), datetime.datetime(2021, 1, 1), datetime.datetime(2021, 6, 1)]
    assert [len(rows) for rows in by_column(moments, cut).values()] == [1, 2]


def test_cuts_of_dates_that_are_written_out():
    found = by_column([str(day) for day in DAYS], "2021")
    assert found == {"before 2021": [0], "2021 and after": [1, 2]}


def test_cuts_leave_out_what_has_no_value():
    with pytest.warns(SemspaceWarning, match="1 of 3"):
        assert by_column([1, None, 9], 5) == {"before 5": [0], "5 and after": [2]}


@pytest.mark.parametrize(
    ("values", "cuts", "said"),
    [
        ([1, 2], [], "got an empty list"),
        ([1, 2], "x", "bins must be numbers, as the column 'column' holds; got 'x'"),
        ([1, 2], "2021-03-05", "bins must be numbers, as the column 'column' holds; got '2021-03-05'"),
        ([1, 2], datetime.date(2021, 3, 5), "bins must be numbers, as the column 'column' holds; got 2021-03-05"),
        ([1, 2], float("nan"), "bins must be numbers"),
        ([1, 2], True, "bins must be numbers"),
        (["a", "b"], 3, "bins need a column of numbers, years or dates; 'column' holds texts such as 'a', 'b'"),
        (["a", "b"], "b", "bins need a column of numbers"),
        (["Smith", "Jones", "1984"], "1980", r"'Smith', 'Jones', of which 1 of 3 different ones can be read"),
        (DAYS, "last year", "bins must be years or dates such as 2021-03-05; got 'last year'"),
        (DAYS, True, "bins must be years or dates"),
        (DAYS, 3000, "bins=3000 put all documents into one period: 'column' goes from 2020-12-31 to 2021-06-01"),
        ([1820, 2010], 3000, "bins=3000 put all documents into one period: 'column' goes from 1820 to 2010"),
        (["1820", "2010"], "1066", "bins=1066 put all documents into one period: 'column' goes from 1820 to 2010"),
        ([1, 5, 9], [5, 5], "bins must differ; 5 comes twice"),
        ([1, 5, 9], [5, "5.0"], "bins must differ; 5 and 5.0 comes twice"),
        ([datetime.timedelta(1)], 1, "bins need a column of numbers, dates or texts"),
        ([True, False], 1, "bins need a column of numbers, dates or texts; 'column' holds Boolean"),
    ],
)
def test_cuts_that_do_not_fit(values, cuts, said):
    with pytest.raises(InputError, match=said):
        by_column(values, cuts)


# -- cuts of what people write --------------------------------------------------------------------------------


def periods(values, cuts):
    """The values of each period, and what is said of the others."""
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        names, rows = partition_rows(pl.DataFrame({"column": values}), "column", cuts)
    parts = {name: [values[row] for row in own] for name, own in zip(names, rows, strict=True)}
    return parts, " ".join(str(one.message) for one in said)


@pytest.mark.parametrize(
    ("values", "cuts", "parts"),
    [
        (["1820", "n/a", "1990", "2001"], 1945, {"before 1945": "1820", "1945 and after": "1990|2001"}),
        (["960", "1020", "1100"], "1066", {"before 1066": "960|1020", "1066 and after": "1100"}),
        (["-44", "44 BC", "AD 79", "200 CE"], 0, {"before 0": "-44|44 BC", "0 and after": "AD 79|200 CE"}),
        (
            ["c. 1850", "ca. 1851", "circa 1852", "[1853]", "1854?", "[1855?]", "c1999", "© 2000", "(1856)", "1857."],
            [1900],
            {
                "before 1900": "c. 1850|ca. 1851|circa 1852|[1853]|1854?|[1855?]|(1856)|1857.",
                "1900 and after": "c1999|© 2000",
            },
        ),
        (
            ["1850s", "1850-60", "1850\u20131860", "1850/51", "185-", "18--", "18th century", "late 1850s", "1920"],
            1900,
            {
                "before 1900": "1850s|1850-60|1850\u20131860|1850/51|185-|18--|18th century|late 1850s",
                "1900 and after": "1920",
            },
        ),
        (["1850s", "1855", "1840", "1870"], 1855, {"before 1855": "1840", "1855 and after": "1855|1870"}),
        (
            ["before 1850", "after 1860", "1840", "1870"],
            1855,
            {"before 1855": "before 1850|1840", "1855 and after": "after 1860|1870"},
        ),
        (["before 1850", "1700", "1900"], 1800, {"before 1800": "1700", "1800 and after": "1900"}),
        (
            ["05/06/1920", "31/12/1929", "01/02/1940"],
            "01/01/1930",
            {"before 01/01/1930": "05/06/1920|31/12/1929", "01/01/1930 and after": "01/02/1940"},
        ),
        (
            ["05/06/1920", "31/12/1929", "1/1/1920"],
            "1920-06-01",
            {"before 1920-06-01": "1/1/1920", "1920-06-01 and after": "05/06/1920|31/12/1929"},
        ),
        (
            ["05/06/1920", "12/31/1929"],
            "1920-06-01",
            {"before 1920-06-01": "05/06/1920", "1920-06-01 and after": "12/31/1929"},
        ),
        (
            ["05.06.1920", "06.05.1920"],
            "1.6.1920",
            {"before 1.6.1920": "06.05.1920", "1.6.1920 and after": "05.06.1920"},
        ),
        (["05/06/1920", "06/05/1930"], 1925, {"before 1925": "05/06/1920", "1925 and after": "06/05/1930"}),
        (
            [
                "1945-05-07",
                "8 May 1945",
                "May 7, 1945",
                "1945-05-08T00:00",
                "1945-05-07 23:59:59",
                "9th of May, 1945",
                "1945",
            ],
            datetime.date(1945, 5, 8),
            {
                "before 1945-05-08": "1945-05-07|May 7, 1945|1945-05-07 23:59:59",
                "1945-05-08 and after": "8 May 1945|1945-05-08T00:00|9th of May, 1945",
            },
        ),
        (
            ["2021-03", "2021-04", "2020-12"],
            "2021-04",
            {"before 2021-04": "2021-03|2020-12", "2021-04 and after": "2021-04"},
        ),
        (["2001-05", "2001-13", "1999"], 2001, {"before 2001": "1999", "2001 and after": "2001-05|2001-13"}),
        (
            ["May 1945", "1945-06-30", "Sept. 1945"],
            "June 1945",
            {"before June 1945": "May 1945", "June 1945 and after": "1945-06-30|Sept. 1945"},
        ),
        (["3.5", "10", "-2", "1,200", "free"], 5, {"before 5": "3.5|-2", "5 and after": "10|1,200"}),
        (
            ["09:30", "12:00", "1:15 pm", "11:59 PM"],
            "12:00",
            {"before 12:00": "09:30", "12:00 and after": "12:00|1:15 pm|11:59 PM"},
        ),
        (
            ["2021-01-01T00:30+02:00", "2020-12-31T23:00Z", "2021-01-01T12:00Z"],
            2021,
            {"before 2021": "2020-12-31T23:00Z", "2021 and after": "2021-01-01T00:30+02:00|2021-01-01T12:00Z"},
        ),
        (
            ["2021-01-01T00:30+02:00", "2020-12-31T23:00Z", "2021-01-01T12:00Z"],
            "2020-12-31T22:45Z",
            {
                "before 2020-12-31T22:45Z": "2021-01-01T00:30+02:00",
                "2020-12-31T22:45Z and after": "2020-12-31T23:00Z|2021-01-01T12:00Z",
            },
        ),
    ],
)
def test_cuts_of_what_people_write(values, cuts, parts):
    found, said = periods(values, cuts)
    assert {name: "|".join(own) for name, own in found.items()} == parts
    left = len(values) - sum(map(len, found.values()))
    assert (f"{left} of {len(values)} documents are left out" in said) == bool(left)


@pytest.mark.parametrize(
    ("values", "cuts", "said"),
    [
        (["05/06/1920", "06/05/1920"], "1920-05-20", "'05/06/1920', which has two readings"),
        (
            ["05/06/1920", "31/12/1929", "12/31/1929"],
            "1920-05-20",
            "no other value decides; write dates as 1920-06-05",
        ),
        (["1905-07", "1890"], 1906, "'1905-07', which has two readings"),
        (["31/12/1929", "01/01/1940"], "05/06/3000", "put all documents into one period"),
        (
            ["01/02/1929", "01/01/1940"],
            "05/06/1930",
            r"bins='05/06/1930' is ambiguous: day or month first; write it as 2021",
        ),
        (["1820", "1900"], "c. 1850", "bins must be numbers"),
        (["1820", "1900"], "1850s", "bins must be numbers"),
        (["2020-01-01", "2021-01-01"], "last year", "bins must be years or dates such as 2021-03-05; got 'last year'"),
        (["12:00", "13:00"], "noon", "bins must be times of day such as '12:30'"),
        (["2021-01-01", "2022-01-01"], ["2021", "2021-06-01T00:00Z"], "bins must all have an offset, or none"),
        (["n/a", "unknown"], 1900, "holds texts such as none at all, of which 0 of 0"),
        (["01/02/29", "03/04/31"], 1930, "years have four digits in dates"),
        (["<script>", "x" * 500], 1900, "'<script>', 'xxx"),
    ],
)
def test_cuts_that_cannot_be_placed(values, cuts, said):
    with pytest.raises(InputError, match=said) as problem:
        by_column(values, cuts)
    assert len(str(problem.value)) < 500


def test_what_has_no_period_is_counted_and_named():
    values = ["1820", "n.d.", None, "1990", "Tuesday", "1850s", "1855", "18--"]
    _, said = periods(values, 1855)
    assert said == (
        "5 of 8 documents are left out, since 'column' puts them in no period: 2 without a value; 1 not a number or "
        "date, such as 'Tuesday'; 2 on both sides of an edge, such as '1850s', '18--'"
    )


WAYS = [
    "{0:%Y-%m-%d}",
    "{0:%d.%m.%Y}",
    "{0.day}.{0.month}.{0.year:04}",
    "{0:%Y/%m/%d}",
    "{0:%d/%m/%Y}",
    "{0:%Y-%m-%dT%H:%M}",
    "{0.day} May {0.year:04}",
    "[{0:%Y-%m-%d}?]",
]
DATES = st.dates(datetime.date(1000, 5, 1), datetime.date(2999, 5, 31)).map(lambda day: day.replace(month=5))


@given(st.lists(st.tuples(DATES, st.sampled_from(WAYS)), min_size=2, max_size=12), DATES)
@settings(max_examples=60, deadline=None)
def test_dates_are_cut_alike_however_they_are_written(dates, cut):
    """In text as in a column of dates; one day after the twelfth tells that the day comes first."""
    days = [*(day for day, _ in dates), datetime.date(1999, 5, 31)]
    texts = [*(way.format(day) for day, way in dates), "31/05/1999"]
    if len({day >= cut for day in days}) < 2:
        return
    assert by_column(texts, cut) == by_column(days, cut) == by_column(texts, str(cut))


@given(st.text(max_size=12) | st.from_regex(r"[\[(c.]{0,3}\d{1,4}[-/.?s]{0,2}\d{0,4}", fullmatch=True))
@settings(max_examples=200, deadline=None)
def test_any_text_is_read_or_missing(text):
    for reading in read_date(text):
        for ends in (reading.number, reading.moment):
            assert ends is None or ends[0] <= ends[1]
        assert (reading.number, reading.moment, reading.clock) != (None, None, None)


@pytest.mark.parametrize(
    ("values", "cut", "later"),
    [
        (DAYS, 2021, [1, 2]),
        (DAYS, "2021", [1, 2]),
        (DAYS, "May 2021", [2]),
        ([datetime.datetime(2020, 12, 31, 23), datetime.datetime(2021, 1, 1)], 2021, [1]),
        ([datetime.time(9), datetime.time(12), datetime.time(13)], "12:00", [1, 2]),
        ([datetime.time(9), datetime.time(12), datetime.time(13)], datetime.time(12), [1, 2]),
        ([1900, 1950], "1945", [1]),
        ([1900.5, 1950.5], "1945.5", [1]),
        (pl.Series(["1900", "1950"], dtype=pl.Categorical), 1945, [1]),
        ([1900, 1950], np.int64(1945), [1]),
        (DAYS, np.datetime64("2021-01-01"), [1, 2]),
        (pl.Series([1, 5, None], dtype=pl.Decimal(10, 2)), 3, [1]),
    ],
)
@pytest.mark.filterwarnings("ignore::semspace.errors.SemspaceWarning")
def test_cuts_may_be_of_another_type_than_the_column(values, cut, later):
    _, parts = partition_rows(pl.DataFrame({"column": values}), "column", cut)
    assert parts[-1].tolist() == later


def test_moments_with_a_zone_go_by_its_clocks_unless_the_cut_has_an_offset():
    utc = [datetime.datetime(2020, 12, 31, hour) for hour in (22, 23)]
    berlin = pl.Series("column", utc).dt.replace_time_zone("UTC").dt.convert_time_zone("Europe/Berlin")
    cases = {
        2021: ["before 2021", "2021 and after"],
        "2020-12-31T22:30Z": ["before 2020-12-31T22:30Z", "2020-12-31T22:30Z and after"],
        datetime.datetime(2021, 1, 1): ["before 2021-01-01", "2021-01-01 and after"],
        datetime.datetime(2020, 12, 31, 23, tzinfo=datetime.timezone.utc): [
            "before 2020-12-31 23:00:00+00:00", "2020-12-31 23:00:00+00:00 and after",
        ],
    }  # fmt: skip
    for cut, names in cases.items():
        found = partition_rows(berlin.to_frame(), "column", cut)
        assert list(found[0]) == names
        assert [rows.tolist() for rows in found[1]] == [[0], [1]]
    with pytest.raises(InputError, match=r"has no time zone: write bins='2020-12-31T22:30Z' without an offset"):
        by_column(utc, "2020-12-31T22:30Z")


# -- samples --------------------------------------------------------------------------------------------------


def test_samples_hold_the_corpora_one_after_the_other():
    a, b = two_spaces()
    samples = joined(a, b)
    assert (samples.names, samples.sizes, len(samples)) == (("A", "B"), [10, 12], 22)
    assert samples.ids.to_list() == [*a.ids, *b.ids]  # ids that both have are no trouble
    assert samples.texts[[0, 10]].to_list() == ["first 0", "second 0"]
    np.testing.assert_allclose(np.linalg.norm(samples.vectors, axis=1), 1, rtol=1e-5)
    np.testing.assert_allclose(samples.vectors[10:], b.vectors / np.linalg.norm(b.vectors, axis=1)[:, None], rtol=1e-5)
    assert len(set(samples.space().ids.tolist())) == 22
    assert samples.corpus_names.to_list() == ["A"] * 10 + ["B"] * 12
    turned = samples.select_corpora([1, 0])
    assert (turned.names, turned.sizes) == (("B", "A"), [12, 10])
    assert turned.texts.to_list() == samples.texts[10:].to_list() + samples.texts[:10].to_list()


def test_corpora_of_the_very_same_documents_are_known():
    a, b = two_spaces(10, 10)
    assert not joined(a, b).are_identical
    assert joined(space_of(a.vectors), space_of(a.vectors[::-1])).are_identical  # in another order
    assert not joined(space_of(a.vectors), space_of(b.vectors)).are_identical
    assert not joined(
        a, space_of(b.vectors, "first")
    ).are_identical  # the same words, but who knows what made the vectors


def test_texts_that_are_missing_are_said():
    a, b = two_spaces(10, 12)
    holes = ss.Space.from_vectors(a.ids.tolist(), a.vectors, {"text": ["x", None, None, *"abcdefg"]})
    with pytest.warns(SemspaceWarning, match="2 of 22 documents have no text; only their vectors are compared"):
        samples = joined(holes, b)
    assert samples.texts[:4].to_list() == ["x", "", "", "a"]
    with pytest.warns(SemspaceWarning, match=r"B has vectors only and no texts.*spaces="):
        assert joined(a, space_of(b.vectors)).texts is None


def test_corpora_with_their_spaces():
    a, b = two_spaces(4, 5)
    corpora = [ss.Corpus.from_texts([f"said {i}" for i in range(len(space))]) for space in (a, b)]
    bare = [space_of(space.vectors) for space in (a, b)]
    samples = joined(*corpora, spaces=bare)
    assert samples.texts.to_list() == [text for corpus in corpora for text in corpus.texts]
    with pytest.raises(InputError, match="the ids of B and of its space differ"):
        joined(*corpora, spaces=(bare[0], bare[0]))


def test_a_corpus_is_encoded_as_the_space_beside_it(tiny):
    corpus = ss.Corpus.from_texts(["aa", "ab", "ba", "bb"])
    samples = joined(corpus, tiny.embed(corpus, progress=False, long_texts="cut"), long_texts="cut")
    np.testing.assert_allclose(samples.vectors[:4], samples.vectors[4:], atol=1e-5)
    assert samples.texts.to_list() == [*corpus.texts] * 2
    assert samples.encoder is tiny
    with pytest.raises(InputError, match=r"compare needs encoder= \(see Encoder.load\) for a Corpus"):
        joined(corpus, two_spaces(4, 4)[0])


def test_different_encoders_are_refused(tiny, tmp_path):
    other = ss.Encoder.load(make_tiny_model(tmp_path / "other", seed=5, pooling="cls"))
    corpus = ss.Corpus.from_texts(["a", "b", "c", "d"])
    with pytest.raises(InputError, match=r"come from different encoders.*encode both with one"):
        joined(*(encoder.embed(corpus, long_texts="cut", progress=False) for encoder in (tiny, other)))
    with pytest.raises(InputError, match="same number of dimensions; got 3 and 2: encode all"):
        joined(space_of(np.ones((5, 3))), space_of(np.ones((5, 2))))


@pytest.mark.parametrize("n", [1, 3])
def test_too_few_documents(n):
    b = clouds(n, 4)[0]
    with pytest.raises(InputError, match=f"at least 4 documents to be compared; B has {n}"):
        joined(space_of(clouds(9)[0]), space_of(b))


def test_very_unequal_sizes_are_said():
    with pytest.warns(SemspaceWarning, match="one corpus is 100 times the other"):
        joined(*map(space_of, clouds(4, 400)))


def test_small_groups_are_left_out_and_said():
    kinds = ["a"] * 5 + ["b"] * 3 + ["c"] * 4 + ["d"] * 1
    space = space_of(clouds(13)[0], kind=kinds)
    with pytest.warns(SemspaceWarning, match="left out for having fewer than 4 documents: b, d"):
        samples = joined(space, by="kind")
    assert (samples.names, samples.sizes) == (("a", "c"), [5, 4])
    assert samples.ids.to_list() == [*map(str, range(5)), *map(str, range(8, 12))]
    assert samples.facts["by"]["left_out"] == 4
    assert samples.facts["by"]["notes"] == ["left out for having fewer than 4 documents: b, d"]
    with pytest.raises(InputError, match=r"by='kind' leaves 1 group\(s\) of at least 4 documents; two are needed"):
        joined(space_of(clouds(13)[0], kind=["a"] * 10 + ["b"] * 3), by="kind")


def test_at_most_forty_at_a_time():
    kinds = np.repeat([f"k{i:02}" for i in range(41)], 4)
    space = space_of(clouds(164)[0], kind=kinds)
    with pytest.raises(InputError, match="at most 40 corpora can be compared at a time; got 41"):
        joined(space, by="kind")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert joined(space_of(clouds(160)[0], kind=kinds[:160]), by="kind").n_corpora == 40


def test_names():
    spaces = [space_of(clouds(4)[0]) for _ in range(28)]
    assert joined(*spaces[:3]).names == ("A", "B", "C")
    assert joined(*spaces).names[-1] == "corpus 28"
    assert joined(*spaces[:2], names=["x", "y"]).names == ("x", "y")
    with pytest.raises(InputError, match="names must be 2 strings, one for each corpus; got 3"):
        joined(*spaces[:2], names=["x", "y", "z"])
    with pytest.raises(InputError, match=r"names must differ; 'x' comes more than once"):
        joined(*spaces[:2], names=["x", "x"])
    space = space_of(clouds(8)[0], kind=[1, 2] * 4)
    assert joined(space, by="kind", names=["odd", "even"]).names == ("odd", "even")
    with pytest.raises(InputError, match="names must be 2 strings"):
        joined(space, by="kind", names=["odd"])


# -- units ----------------------------------------------------------------------------------------------------


def test_units_are_numbered_over_all_corpora():
    a, b = two_spaces(8, 8)
    books = [[*"ppqqrrss"], [*"ttuuvvww"]]
    spaces = [space_of(space.vectors, book=book) for space, book in zip((a, b), books, strict=True)]
    assert joined(*spaces, groups="book").units.tolist() == np.repeat(np.arange(8), 2).tolist()
    together = space_of(np.concatenate([a.vectors, b.vectors]), book=[*books[0], *books[1]], shelf=[1] * 8 + [2] * 8)
    assert joined(together, by="shelf", groups="book").units.tolist() == np.repeat(np.arange(8), 2).tolist()


@pytest.mark.parametrize(
    ("first", "second", "said"),
    [
        ([*"ppqqrrss"], [*"ppuuvvww"], "'p' has documents in more than one corpus"),
        ([*"ppqqrrrr"], [*"ttuuvvww"], "at least 4 groups .different values of 'book'. to be compared; A has 3"),
        ([*"ppqqrrs", None], [*"ttuuvvww"], "1 documents of A have no 'book'"),
    ],
)
def test_units_that_cannot_be(first, second, said):
    a, b = clouds(8, 8)
    with pytest.raises(InputError, match=said):
        joined(space_of(a, book=first), space_of(b, book=second), groups="book")


def test_an_unknown_unit():
    with pytest.raises(InputError, match=r"groups: there is no column 'book'; the columns are .* in "):
        joined(*two_spaces(), groups="book")


def test_passages_are_parts_of_their_documents(tmp_path):
    """Texts of several passages each: the documents are the units, though nobody says so."""
    texts = [" ".join(["ab cd ef gh ij kl"] * 12)] * 4
    encoder = ss.Encoder.load(make_tiny_model(tmp_path / "model", longest=64))
    corpora = [ss.Corpus.from_texts(texts, ids=[f"{name}{i}" for i in range(4)]) for name in "xy"]
    samples = joined(*corpora, encoder=encoder, long_texts="passages")
    assert len(samples) > 8
    assert len(np.unique(samples.units)) == 8
    assert joined(*corpora, encoder=encoder, long_texts="pool").units is None


# -- what compare itself refuses ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"encoder": "all-MiniLM-L6-v2"}, "encoder must be an Encoder; got str"),
        ({"spaces": "ab"}, "spaces must be 2 Spaces, one for each corpus"),
        ({"names": "xy"}, "names must be strings, one for each corpus; got 'xy'"),
        ({"names": ("x", 5)}, "names must be strings"),
        ({"encoder": 5, "spaces": (1, 2)}, "either encoder= or spaces="),
        ({"bins": 5}, "bins= divides the column by=; give by= too"),
        ({"by": "kind"}, "by= names a column of one corpus; got 2 corpora"),
        ({"words": 5}, "words must be a Word2Vec, two Spaces of words, or False; got 5"),
        ({}, "compare needs encoder="),
        ({"seed": -1}, "seed"),
        ({"permutations": 10}, "permutations must be"),
        ({"resamples": 10}, "resamples must be"),
        ({"min_duplicate_score": 2.0}, "min_duplicate_score must be"),
        ({"n_clusters": 0}, "n_clusters must be"),
        ({"long_texts": "short"}, "long_texts must be one of"),
        ({"references": 1}, "references must be"),
    ],
)
def test_what_is_given_is_checked(corpus, given, said):
    with pytest.raises(InputError, match=said):
        ss.compare(corpus, corpus, **given)


def test_how_many_are_given_is_checked(corpus):
    with pytest.raises(InputError, match=r"two or more corpora, or one with by=.*; got 1"):
        ss.compare(corpus)
    with pytest.raises(InputError, match=r"not a mapping; give \*its\.values\(\), and names=list\(it\)"):
        ss.compare({"old": corpus, "new": corpus})
    with pytest.raises(InputError, match="compare takes corpora or spaces; got str: see Corpus"):
        ss.compare(corpus, "b.txt")
    with pytest.raises(InputError, match="by= names a column of one corpus; got 1 corpora and by=5"):
        ss.compare(corpus, by=5)
    space = space_of(clouds(4)[0])
    with pytest.raises(InputError, match="a Space in place of a corpus needs none"):
        ss.compare(corpus, space, spaces=(space, space))


def test_two_spaces_of_words_go_with_two_corpora():
    words = (space_of(np.eye(3)), space_of(np.eye(3)))
    with pytest.raises(InputError, match="two spaces of words go with two corpora"):
        ss.compare(*(space_of(clouds(4)[0]) for _ in range(3)), words=words)


@pytest.mark.parametrize("value", ["'52", "’45", "0000", "0000-00-00"])
def test_a_year_of_no_century_has_no_place(value):
    found = partition(pl.DataFrame({"y": ["1800", "2000", value]}), "y", 1900)
    assert [rows.tolist() for rows in found.rows] == [[0], [1]]
    assert found.left_out == 1


def test_a_date_without_marks_is_a_date():
    found = partition(pl.DataFrame({"y": ["19450508", "18500101", "1930", "n.d."]}), "y", 1940)
    assert [rows.tolist() for rows in found.rows] == [[1, 2], [0]]


def test_moments_that_python_cannot_tell_apart_are_apart():
    hours = pl.Series([datetime.datetime(2020, 10, 25, 0, 30), datetime.datetime(2020, 10, 25, 1, 30)] * 2)
    hours = hours.dt.replace_time_zone("UTC").dt.convert_time_zone("Europe/Berlin")
    found = partition(pl.DataFrame({"t": hours}), "t", None)
    assert found.names == ("2020-10-25 02:30:00+02:00", "2020-10-25 02:30:00+01:00")
    assert [rows.tolist() for rows in found.rows] == [[0, 2], [1, 3]]
    for kind in (pl.Datetime("ns"), pl.Duration("ns")):
        found = partition(pl.DataFrame({"t": pl.Series([0, 1, 1000, None]).cast(kind)}), "t", None)
        assert [rows.tolist() for rows in found.rows] == [[0], [1], [2]]
        assert len(set(found.names)) == 3


@pytest.mark.parametrize(
    ("values", "bins", "rows"),
    [
        (pl.Series([1, 3, 5], dtype=pl.UInt8), [3, 300], [[0], [1, 2]]),
        (pl.Series([1, 3, 5], dtype=pl.UInt8), [-1, 3], [[0], [1, 2]]),
        (pl.Series([1, 3, 5], dtype=pl.UInt64), [-1, 5], [[0, 1], [2]]),
        (pl.Series([1, 3, None]), [3, 2**70], [[0], [1]]),
        (pl.Series([1, 3, 5]).cast(pl.Decimal(10, 2)), [3, math.inf], [[0], [1, 2]]),
    ],
)
def test_an_edge_may_be_beyond_the_type_of_the_column(values, bins, rows):
    assert [part.tolist() for part in partition(pl.DataFrame({"n": values}), "n", bins).rows] == rows
