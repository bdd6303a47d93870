"""Conditions with their answers, worked out by hand: what every place that takes `where=` has to give."""

import datetime

import polars as pl

D, DT, T = datetime.date, datetime.datetime, datetime.time
UTC = datetime.timezone.utc
IDS = list("abcdef")
TABLE = pl.DataFrame(
    {
        "n": [1, 2, None, -3, 10, 2],
        "price": [1.0, float("nan"), 3.0, None, 2.5, -0.5],
        "ok": [True, None, False, True, False, None],
        "s": ["cat", "Cat", None, "50%", "it's", ""],
        "code": pl.Series(["007", "7", "12", None, "3", "x"]),
        "kind": pl.Series(["x", "y", None, "x", "y", "z"], dtype=pl.Categorical),
        "day": [D(2020, 1, 1), D(2020, 1, 2), D(2020, 1, 3), None, D(2019, 12, 31), D(2020, 1, 2)],
        "at": [DT(2020, 1, 1), DT(2020, 1, 2, 12), None, DT(2020, 1, 2), DT(2019, 12, 31, 23, 59, 59), DT(2020, 6, 1)],
        "zoned": pl.Series(  # in Berlin 00:00, 23:30, unknown, 02:30 (the first of two), 02:30 (the second), 13:00
            [
                DT(2019, 12, 31, 23, tzinfo=UTC), DT(2020, 1, 1, 22, 30, tzinfo=UTC), None,
                DT(2020, 10, 25, 0, 30, tzinfo=UTC), DT(2020, 10, 25, 1, 30, tzinfo=UTC),
                DT(2020, 7, 1, 11, tzinfo=UTC),
            ]
        ).dt.convert_time_zone("Europe/Berlin"),
        "clock": [T(8), T(12, 30), None, T(23, 59, 59), T(0), T(12, 30)],
    }
)  # fmt: skip

# Condition → the rows for which it holds.
EVERYWHERE = {
    # NaN and null are unknown: neither they nor their opposite hold
    "price > 2": "ce",
    "price <= 2": "af",
    "price <> 3": "aef",
    "NOT price > 2": "af",
    "NOT (price > 2 OR price < 0)": "a",
    "price IS NULL": "bd",
    "price IS NOT NULL": "acef",
    "price BETWEEN 1 AND 3": "ace",
    "price NOT BETWEEN 1 AND 2.5": "cf",
    "price IN (1, 3)": "ac",
    "price NOT IN (1, 3)": "ef",
    "price > 2 OR n = 2": "bcef",
    "price > 2 AND n IS NULL": "c",
    "price > 2 IS NOT TRUE": "abdf",
    "(price > 2) IS FALSE": "af",
    "(price > 2) IS UNKNOWN": "bd",
    # true and false
    "ok": "ad",
    "NOT ok": "ce",
    "ok = TRUE": "ad",
    "ok <> TRUE": "ce",
    "ok IS TRUE": "ad",
    "ok IS NOT TRUE": "bcef",
    "ok IS FALSE": "ce",
    "ok IS NOT FALSE": "abdf",
    "ok IS NULL": "bf",
    "(NOT ok) IS TRUE": "ce",
    "(ok = true) IS NOT TRUE": "bcef",
    "(ok IS NULL) IS NOT TRUE": "acde",
    "ok IN (true, false)": "acde",
    # numbers
    "n >= 2": "bef",
    "n > 1.5": "bef",
    "n = 2.5": "",
    "n <> 2.5": "abdef",
    "n < 1e30": "abdef",
    "n > -3 AND n < 1e1": "abf",
    "2 <= n": "bef",
    "n = 1 + 1": "bf",
    "n > -(1 + 2) * 1": "abef",
    "n > 10 % 4": "e",
    "1 = 1 AND n = 1": "a",
    "1 > 2": "",
    # texts
    "s = 'cat'": "a",
    "s = 'it''s'": "e",
    "s <> 'cat'": "bdef",
    "s LIKE 'c%'": "a",
    "s LIKE '_at'": "ab",
    "s LIKE '%t%'": "abe",
    "s NOT LIKE '%t%'": "df",
    "s = ''": "f",
    "s LIKE '50\\%' ESCAPE '\\'": "d",
    "s IN ('cat', 'dog', 'it''s')": "ae",
    "s > 'a'": "ae",
    "kind = 'x'": "ad",
    "kind LIKE 'x%'": "ad",
    "kind NOT IN ('x', 'y')": "f",
    "code = '7'": "b",
    # days
    "day >= '2020-01-02'": "bcf",
    "day = '2020-01-02'": "bf",
    "day <> '2020-01-02'": "ace",
    "day BETWEEN '2020-01-01' AND '2020-01-02'": "abf",
    "day IN ('2020-01-01', '2019-12-31')": "ae",
    "'2020-01-02' <= day": "bcf",
    "day > DATE '2020-01-02'": "c",
    "day < '2020-01-02 12:00'": "abef",
    "NOT day < '2020-01-02'": "bcf",
    # moments: a date is its midnight
    "at >= '2020-01-02'": "bdf",
    "at = '2020-01-02'": "d",
    "at > '2020-01-02'": "bf",
    "at BETWEEN '2020-01-01' AND '2020-01-02'": "ad",
    "at < '2020-01-02T12:00:00.000001'": "abde",
    "at >= '2020-01-02 12:00'": "bf",
    "at = TIMESTAMP '2019-12-31 23:59:59'": "e",
    "at > TIMESTAMP '2020-01-02'": "bf",
    # moments with a time zone: its own clocks, unless an offset is written
    "zoned = '2020-01-01'": "a",
    "zoned >= '2020-01-02'": "def",
    "zoned < '2020-01-01 23:31'": "ab",
    "zoned = '2020-10-25 02:30'": "d",
    "zoned = '2020-10-25 02:30+01:00'": "e",
    "zoned = '2020-10-25T01:30:00Z'": "e",
    "zoned <= '2020-07-01 13:00'": "abf",
    # times of day
    "clock >= '12:30'": "bdf",
    "clock = '12:30:00'": "bf",
    "clock BETWEEN '00:00' AND '08:00'": "ae",
    "clock > TIME '23:59'": "d",
    "clock IN ('08:00', '23:59:59')": "ad",
    # ids
    "id = 'a'": "a",
    "id IN ('a', 'c', 'nobody')": "ac",
    "id IS NULL": "",
}

# What a table here answers, and Milvus refuses.
LOCALLY = {
    "price = price OR price IS NULL": "abcdef",
    "price <> price": "",
    "n > price": "ef",
    "n + price > 3": "e",
    "n / 0 > 1 OR n = 1": "a",
    "n % 3 = 2": "bf",
    "-n = 3": "d",
    "abs(n) = 3": "d",
    "round(price, 1) = 2.5 AND floor(price) = 2 AND ceil(price) = 3": "e",
    "coalesce(price, 0) < 1": "bdf",
    "lower(s) = 'cat'": "ab",
    "UPPER(s) = upper('cat')": "ab",
    "length(s) = 3": "abd",
    "starts_with(s, 'C')": "b",
    "contains(s, '%')": "d",
    "s ILIKE 'CAT'": "ab",
    "s ILIKE 'c%'": "ab",
    "s NOT ILIKE 'c%'": "def",
    "s LIKE '%!%' ESCAPE '!'": "d",
    "substr(s, 2, 1) = 'a'": "ab",
    "left(s, 2) = 'it'": "e",
    "year(day) = 2020 AND month(day) = 1": "abcf",
    "EXTRACT(YEAR FROM at) = 2019": "e",
    "date(at) = '2020-01-02'": "bd",
    "hour(clock) = 12": "bf",
    "day = at": "a",
    "CAST(at AS DATE) = day": "abe",
    "CAST(code AS INT) = 7": "ab",
    "CAST(code AS INT) > 5": "abc",
    "CAST(code AS INT) IS NULL": "df",
    "CAST(n AS TEXT) = '-3'": "d",
    "(n > 1) = ok": "",
    "(n > 1 OR ok) IS NOT TRUE": "c",
}
