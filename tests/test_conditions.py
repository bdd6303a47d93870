"""Conditions on metadata: what holds for which row, and what is refused and how that is said."""

import re
from fractions import Fraction
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import semspace as ss
from semspace.errors import InputError
from semspace.text import condition_reader
from semspace.text.condition import integer_comparison
from semspace.text.filters import matching
from tests.conditions import EVERYWHERE, IDS, LOCALLY, TABLE

FRAME = TABLE.with_columns(id=pl.Series(IDS))


def held(frame, where):
    return "".join(frame["id"].filter(matching(frame, where)))


@pytest.mark.parametrize(("where", "rows"), [*EVERYWHERE.items(), *LOCALLY.items()])
def test_conditions_hold_where_they_should(where, rows):
    assert held(FRAME, where) == rows


def test_corpora_and_indexes_answer_alike():
    corpus = ss.Corpus.from_frame(FRAME.with_columns(text=pl.lit("words of ") + pl.col("id")))
    index = ss.Index.build(ss.Space.from_vectors(IDS, np.eye(6), metadata=TABLE))
    for where in ("day >= '2020-01-02'", "price <> 3", "ok IS NOT TRUE", "zoned >= '2020-01-02'"):
        assert (
            set(corpus.filter(where).ids) == set(index.search(np.ones(6), 6, where=where).ids) == set(EVERYWHERE[where])
        )


@pytest.mark.parametrize(
    ("where", "said"),
    [
        ("", "where must be a condition"),
        ("   ", "where must be a condition"),
        (5, "where must be a condition"),
        ("day >= 2040-01-01", "without quotes is a calculation with numbers; write the date in quotes: '2040-01-01'"),
        ("n >= 2040-01-01", "write the date in quotes: '2040-01-01'"),
        ("day >= 2040-1-1", "write the date in quotes"),
        ("day >= 2040-01", "write the date in quotes"),
        ("day < 31/12/1929", "write the date in quotes"),
        ("day >= 2040 - 1 - 1", "'day' holds Date, which can't be compared with 2040 - 1 - 1: write a date in quotes"),
        ("day >= 2040", "write a date in quotes, as in '2001-12-31'"),
        ("day = 'yesterday'", "'yesterday' isn't a date or time of the form '2001-12-31'"),
        ("day = '31.12.2001'", "isn't a date or time of the form '2001-12-31'"),
        ("day = '2020-02-30'", "isn't a valid date or time"),
        ("day = '12:30'", "'day' holds Date, which can't be compared with '12:30': write it as '2001-12-31'"),
        ("clock = '2020-01-01'", "write it as '23:59:59'"),
        ("clock = 12", "write a time in quotes"),
        ("clock = '25:00'", "isn't a valid date or time"),
        ("at = '2020-01-01T00:00Z'", "has no time zone: write '2020-01-01T00:00Z' without an offset"),
        ("zoned = '2020-03-29 02:30'", "the local time 2020-03-29 02:30 doesn't exist in Europe/Berlin"),
        ("at = zoned", "they can't be compared"),
        ("s = 3", "'s' holds String, which can't be compared with 3: write a text in quotes, '3'"),
        ("id > 3", "CAST(… AS FLOAT) to compare numbers"),
        ("s = DATE '2020-01-01'", "write a text in quotes, '2020-01-01'"),
        ("n = '3'", "'n' holds Int64, which can't be compared with '3': write 3 without quotes"),
        ("n IN (1, '2')", "write 2 without quotes"),
        ("n BETWEEN '1' AND 2", "write 1 without quotes"),
        ("ok = 1", "write true or false"),
        ("ok = 'true'", "write true or false"),
        ("ok > false", "'ok' holds Boolean, which has no order"),
        ("s = ok", "they can't be compared"),
        ("s = n", "they can't be compared"),
        ("N = 3", "there is no column 'N': did you mean n?"),
        ("prise > 3", "there is no column 'prise': did you mean price?"),
        ('s = "sport"', "there is no column 'sport': write a text in single quotes, 'sport'"),
        ("n", "'n' holds Int64, which isn't true or false"),
        ("n + 1", "isn't true or false"),
        ("'yes'", "'yes' isn't true or false"),
        ("n = NULL", "nothing equals NULL; write IS NULL"),
        ("n NOT IN (1, NULL)", "nothing equals NULL; write IS NULL"),
        ("n IN ()", "isn't allowed here"),
        ("n IN (n, 1)", "IN (...) lists values, and 'n' isn't one"),
        ("n = 1 AND", "it ends too early"),
        ("(n = 1", "where ) is expected"),
        ("n > 2 > 1", "'>' isn't allowed here"),
        ("n = 'a", "a quotation mark is never closed"),
        ("n = 1;", "';' isn't allowed"),
        ("n = 1; DROP TABLE x", "';' isn't allowed"),
        ("n = 1 -- more", "'--' begins a comment"),
        ("n = 1 /* more */", "'/*' begins a comment"),
        ("SELECT * FROM self", "SELECT isn't allowed in a condition"),
        ("n IN (SELECT n FROM self)", "SELECT isn't allowed in a condition"),
        ("EXISTS (SELECT 1)", "EXISTS isn't allowed"),
        ("CASE WHEN n = 1 THEN true END", "CASE isn't allowed"),
        ("sum(n) > 3", "the function 'sum' aggregates rows, which a condition can't do"),
        ("n > AVG(n)", "aggregates rows"),
        ("count(*) > 1", "aggregates rows"),
        ("max(price) > 1", "aggregates rows"),
        ("row_number() over () < 3", "the function 'row_number' doesn't exist; the functions are abs"),
        ("random() < 0.5", "doesn't exist"),
        ("repeat(s, 3) = 'x'", "doesn't exist"),
        ("replace(s, 'a', 'aaa') = 'x'", "doesn't exist"),
        ("__import__('os')", "doesn't exist"),
        ("s || s = 'x'", "'|' isn't allowed"),
        ("t.n = 1", "'.' isn't allowed"),
        ("lower(n) = 'x'", "LOWER takes text; 'n' holds Int64"),
        ("lower() = 'x'", "LOWER takes 1 argument(s); got 0"),
        ("substr(s, -1) = 'x'", "SUBSTR takes text and count and count"),
        ("coalesce(n, 'x') = 'x'", "COALESCE takes"),
        ("CAST(n AS BLOB) = 1", "CAST takes the types INT"),
        ("CAST(ok AS DATE) = '2020-01-01'", "which can't be cast to DATE"),
        ("EXTRACT(CENTURY FROM day) = 20", "where one of YEAR"),
        ("n LIKE '1%'", "LIKE compares a column of text"),
        ("s LIKE n", "LIKE compares a column of text with a 'text'"),
        ("s LIKE '%' ESCAPE '!!'", "ESCAPE is followed by one character"),
        ("s LIKE '!a' ESCAPE '!'", "must come before %, _ or itself"),
        ("s + 1 > 2", "takes numbers"),
        ("n > 1 / 0", "divides by zero"),
        ("n = 1e999", "too large"),
        ("n = 1e999999999", "too large"),
        ("n = 1e-999999999", "too small"),
        ("n = 1e" + "9" * 30, "too large or too small"),  # beyond what a decimal number can have
        ("n = 1e300 * 1e300", "too large"),
        ("n = " + "9" * 350, "too large"),
        ("n = " + "9" * 500, "too long"),
        ("1 = 'a'", "1 and 'a' can't be compared"),
        ("s = '\ud800'", "a lone surrogate"),
        ("(" * 60 + "n = 1" + ")" * 60, "deeper than 50"),
        ("NOT " * 60 + "ok", "deeper than 50"),
        ("n = " + "-" + " -" * 60 + "1", "deeper than 50"),
        ("n = " + "1 + " * 60 + "n", "deeper than 50"),
        ("lower(" * 60 + "s" + ")" * 60 + " = 'x'", "deeper than 50"),
    ],
)
def test_conditions_that_are_refused(where, said):
    with pytest.raises(InputError, match=re.escape(said)) as problem:
        matching(FRAME, where)
    assert "the columns are n, price, ok" in str(problem.value)
    assert len(str(problem.value)) < 900


def test_sizes_have_a_bound(monkeypatch):
    monkeypatch.setattr(condition_reader, "MOST_CHARACTERS", 100)
    monkeypatch.setattr(condition_reader, "MOST_COMPARISONS", 5)
    assert held(FRAME, " OR ".join(f"n = {i}" for i in range(5))) == "abf"
    with pytest.raises(InputError, match=r"more than 5 comparisons: use IN \(\.\.\.\), or among= for ids"):
        matching(FRAME, " OR ".join(f"n = {i}" for i in range(6)))
    with pytest.raises(InputError, match="it has 113 characters, more than the maximum of 100"):
        matching(FRAME, f"n IN ({', '.join('12' for _ in range(27))})")
    assert condition_reader.DEEPEST < 200  # each level takes some frames of Python's stack


def test_what_is_allowed_is_answered():
    """A condition at the bounds is answered, in one way or another of writing it."""
    assert held(FRAME, " OR ".join(["n = 1"] * 1_000)) == "a"
    assert held(FRAME, f"n IN ({', '.join(str(i) for i in range(2, 5_000))})") == "bef"
    assert held(FRAME, f"id IN ({', '.join(repr(f'p{i}') for i in range(5_000))}, 'b')") == "b"
    assert held(FRAME, "(" * 49 + "n = 1" + ")" * 49) == "a"


def test_types_without_an_order_of_their_own():
    frame = pl.DataFrame(
        {
            "level": pl.Series(["low", "high", None], dtype=pl.Enum(["low", "high"])),
            "tags": [["x", "y"], [], None],
            "lasts": pl.Series([1, 2, None], dtype=pl.Duration("us")),
            "nothing": pl.Series([None] * 3, dtype=pl.Null),
            "exact": pl.Series(["0.10", "0.20", None]).cast(pl.Decimal(10, 2)),
            "small": pl.Series([0.1, float("nan"), float("inf")], dtype=pl.Float32),
            "byte": pl.Series([-128, 127, None], dtype=pl.Int8),
            "large": pl.Series([2**63 + 1, 2**63, None], dtype=pl.UInt64),
            "id": ["a", "b", "c"],
        }
    )
    answers = {
        "level > 'low'": "b", "level = 'low'": "a", "level IN ('high')": "b", "level LIKE 'l%'": "a",
        "tags IS NULL": "c", "array_contains(tags, 'x')": "a", "lasts IS NOT NULL": "ab", "nothing = 3": "",
        "nothing <> 3": "", "nothing IS NULL": "abc", "exact = 0.1": "a", "exact < 0.105": "a", "exact > 0.1": "b",
        "exact IN (0.10, 5)": "a", "exact + 1 > 1.15": "b", "small = 0.1": "a", "small > 0.1": "c", "byte > -129": "ab",
        "small < 1e300": "a", "byte < 300": "ab", "byte = 300": "", "byte <> 300": "ab", "byte >= 127": "b",
        "large > 9223372036854775808": "a", "large = 9223372036854775809": "a", "large > -1": "ab",
        "large > byte": "ab",
    }  # fmt: skip
    assert {where: held(frame, where) for where in answers} == answers
    for where, said in (
        ("level = 'hihg'", "which has no category 'hihg'"),
        ("tags = 'x'", "for which only IS NULL is allowed"),
        ("lasts > 3", "for which only IS NULL is allowed"),
    ):
        with pytest.raises(InputError, match=said):
            matching(frame, where)


def test_no_rows_and_many_columns():
    assert matching(FRAME.clear(), "n = 1 OR 1 = 1").len() == 0
    wide = pl.DataFrame({f"c{i}": [1] for i in range(100)})
    with pytest.raises(InputError, match=r"c29 and others$"):
        matching(wide, "d = 1")


@given(st.sampled_from(["==", "!=", "<", "<=", ">", ">="]), st.fractions(-5, 5, max_denominator=4), st.integers(-3, 3))
@settings(max_examples=200, deadline=None)
def test_whole_numbers_compare_with_any(sign, number, value):
    """Held against Python's own comparison, within and beyond the range of the column."""
    expected = eval(f"a {sign} b", {}, {"a": Fraction(value), "b": number})
    found = integer_comparison(sign, number, -3, 3)
    assert expected == (found if isinstance(found, bool) else eval(f"a {found[0]} b", {}, {"a": value, "b": found[1]}))


VALUES = st.one_of(st.none(), st.just(float("nan")), st.floats(-3, 3, width=16))


@given(st.lists(st.tuples(VALUES, VALUES), min_size=1, max_size=8), st.floats(-3, 3, width=16))
@settings(max_examples=60, deadline=None)
def test_unknown_values_neither_hold_nor_fail(rows, bound):
    """Whatever is asked of a value, it and its opposite hold for the known ones only, and never both."""
    frame = pl.DataFrame(rows, schema={"x": pl.Float64, "y": pl.Float64}, orient="row")
    known = (frame["x"].is_not_null() & ~frame["x"].is_nan()).fill_null(False)
    for where in (f"x > {bound}", f"x = {bound}", f"x + 1 < {bound}", f"x BETWEEN {bound} AND 3", f"x IN ({bound}, 1)"):
        yes, no = matching(frame, where), matching(frame, f"NOT ({where})")
        assert not (yes & no).any()
        assert (yes | no).to_list() == known.to_list()
        assert matching(frame, f"({where}) IS UNKNOWN").to_list() == (~known).to_list()
    both = matching(frame, f"x > {bound} AND y > {bound}")
    assert (both == (matching(frame, f"x > {bound}") & matching(frame, f"y > {bound}"))).all()
    assert (
        matching(frame, f"NOT (x > {bound} AND y > {bound})").to_list()
        == matching(frame, f"NOT x > {bound} OR NOT y > {bound}").to_list()
    )


WORDS = [*"'\"()=<>!-,%\\ ;\n*/+.", "s", "n", "ok", "day", " in ", " and ", " not ", " is ", "1", " like ", "null",
         "date", "'a'", "'2020-01-01'", "2020-01-01", "lower(", "sum(", "cast(", " as int)", "😀",
         " between "]  # fmt: skip


@settings(max_examples=400, deadline=None)
@given(st.lists(st.sampled_from(WORDS), min_size=1, max_size=9).map("".join))
def test_any_text_is_read_or_refused(where):
    """No text makes the reader or the evaluation raise anything but its own error."""
    try:
        answer = matching(FRAME, where)
    except InputError:
        return
    assert answer.dtype == pl.Boolean
    assert len(answer) == len(FRAME)
    assert not answer.null_count()


PAGE = (Path(__file__).parent.parent / "docs" / "conditions.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"^\| `([^`]+)` \| ([a-f]*(?:refused)?) *\|", PAGE, flags=re.M)


@pytest.mark.parametrize(("where", "rows"), EXAMPLES)
def test_the_page_says_what_is_true(where, rows):
    where = where.replace("\\|", "|")
    if rows == "refused":
        with pytest.raises(InputError):
            matching(FRAME, where)
    else:
        assert held(FRAME, where) == rows


def test_the_page_has_examples_and_names_every_function():
    assert len(EXAMPLES) > 25
    for name in (*condition_reader.FUNCTIONS, "CAST", "COALESCE", "EXTRACT"):
        assert f"`{name.lower()}" in PAGE.lower(), name
