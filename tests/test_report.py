"""Pages: nothing in them runs, nothing leaves them, and every text of a corpus shows as text."""

import base64
import hashlib
import html.parser
import json
import os
import re
import shutil
import subprocess
from datetime import date, datetime
from pathlib import Path

import numpy as np
import pytest

import semspace as ss
from semspace.errors import InputError
from semspace.report import (
    Listing,
    Number,
    Page,
    Prose,
    Section,
    Series,
    Table,
    bars,
    heatmap,
    number_line,
    ridgeline,
    scatter,
    small_multiples,
    stacked_bars,
    to_html,
    to_json,
    to_markdown,
    word_scatter,
)
from semspace.report.axis import Axis
from semspace.report.figure import PALETTE, UNDER_TEXT
from semspace.report.origin import origin
from semspace.report.side_labels import side_labels
from semspace.report.text_width import fitting, measure, wrapped
from tests.colours import contrast

GOLDEN = Path(__file__).parent / "golden"
HOSTILE = "<script>alert('x')</script> & \"quotes\" | [link](http://evil) *bold* <img src=http://evil onerror=alert(1)>"


def example_page(text="A cat & a dog"):
    points = [[0.0, 0.0], [1.0, 0.5], [0.2, 1.0]]
    return Page(
        f"Title: {text}",
        f"Verdict: {text}",
        (
            Section(
                f"First {text}",
                (
                    Prose(text, strong=True),
                    Listing(text, f"@misc{{{text}}}\n  two"),
                    Table((text, "n"), [(text, 1), ("x", 2_000)], text),
                    scatter(points, [0, 0, 1], [text, "b"], [text, "two", "three"], caption=text),
                    number_line(
                        0.2, (0.1, 0.3), [(text, -0.01), ("far", 0.4)], caption=text, name=text, unit=text, chance=0.02
                    ),
                    heatmap(
                        [[np.nan, 0.1], [0.1, 0.0]], [text, "b"], caption=text, marks=[[None, True], [True, False]]
                    ),
                    stacked_bars([text, "b"], [text, "rest"], [[1, 3], [0, 0]], caption=text, unit=text),
                    word_scatter(
                        [text, "b", "c"], [1.0, 10.0, 100.0], [1.5, -2.0, 3.0], sides=(text, "b"), caption=text
                    ),
                    ridgeline([text, "b"], [[0.0, 1.0, 2.0], [1.0]], caption=text, sides=(text, "b")),
                    bars([text, "b"], [0.5, -0.25], low=[0.4, -0.5], high=[0.6, 0.0], caption=text, sides=(text, "b")),
                ),
                method=text,
            ),
        ),
        subtitle=text,
        origin=text,
    )


class Elements(html.parser.HTMLParser):
    def __init__(self, text):
        super().__init__()
        self.found = []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.found.append((tag, dict(attributes)))


@pytest.mark.parametrize(("name", "write"), [("page.html", to_html), ("page.md", to_markdown)])
def test_a_page_is_as_it_was(name, write):
    written = write(example_page()).replace(f"semspace {ss.__version__}", "semspace VERSION")
    if os.environ.get("SEMSPACE_WRITE_GOLDEN"):
        (GOLDEN / name).write_text(written, encoding="utf-8")
    assert written == (GOLDEN / name).read_text(encoding="utf-8")


def scripts(text):
    return re.findall(r"<script[^>]*>(.*?)</script>", text, re.DOTALL | re.IGNORECASE)


def test_hostile_text_makes_no_element():
    plain, hostile = (Elements(to_html(example_page(text))).found for text in ("plain", HOSTILE))
    assert [tag for tag, _ in hostile] == [tag for tag, _ in plain]
    assert not any(tag in ("img", "iframe", "object") for tag, _ in hostile)
    assert not any(name.startswith("on") for _, attributes in hostile for name in attributes)
    assert [name for tag, _ in plain for name in [tag] if tag == "script"] == ["script"]


def test_the_content_policy_permits_one_script_and_no_other():
    written = to_html(example_page(HOSTILE))
    (script,) = scripts(written)
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    (policy,) = [a["content"] for _, a in Elements(written).found if a.get("http-equiv") == "Content-Security-Policy"]
    rules = dict(rule.strip().split(" ", 1) for rule in policy.split(";"))
    assert rules["default-src"] == "'none'"
    assert rules["script-src"] == f"'sha256-{digest}'"
    assert rules["base-uri"] == rules["form-action"] == "'none'"
    assert script == scripts(to_html(example_page("plain")))[0]  # no text of a page is in it
    assert not re.search(r"innerHTML|outerHTML|insertAdjacent|document\.write|eval|Function|fetch|import", script)


def test_nothing_leaves_a_page():
    for tag, attributes in Elements(to_html(example_page(HOSTILE))).found:
        for name in ("src", "href", "action", "data"):
            assert attributes.get(name, "#").startswith(("#", "data:")), (tag, attributes)


def test_a_page_can_be_walked_by_keyboard_and_read_aloud():
    found = Elements(to_html(example_page())).found
    tags = [tag for tag, _ in found]
    assert [tag for tag in tags if re.fullmatch(r"h\d", tag)] == ["h1", "h2"]
    ids = [attributes["id"] for _, attributes in found if "id" in attributes]
    assert len(set(ids)) == len(ids)
    links = [attributes["href"][1:] for tag, attributes in found if tag == "a"]
    assert links
    assert set(links) <= set(ids)
    assert all(attributes.get("scope") == "col" for tag, attributes in found if tag == "th")
    assert all(a["role"] == "img" and len(a["aria-label"]) > 10 for tag, a in found if tag == "svg")
    assert sum(tag == "svg" for tag in tags) == 14  # seven figures, each for a desk and for a telephone


def mixed(colour, paper, share):
    return "#" + "".join(
        f"{round(share * int(colour[i : i + 2], 16) + (1 - share) * int(paper[i : i + 2], 16)):02x}" for i in (1, 3, 5)
    )


def test_texts_can_be_read_in_light_and_dark():
    themes = [
        dict(re.findall(r"--(\w+): (#\w{6})", rule)) for rule in re.findall(r":root {([^}]*)}", to_html(example_page()))
    ]
    assert len(themes) == 3  # light, dark, and light on paper
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    for theme in themes:
        for text in ("ink", "soft", "accent"):
            assert contrast(theme[text], theme["paper"]) >= 4.5
            assert contrast(theme[text], theme["panel"]) >= 4.5
        for colour in PALETTE:  # numbers on cells and bars, which are at most this opaque
            assert contrast(theme["ink"], mixed(colour, theme["paper"], UNDER_TEXT)) >= 4.5


def test_hostile_text_is_no_markdown():
    written = to_markdown(example_page(HOSTILE))
    code = [line for line in written.splitlines() if line.startswith("    ")]  # shown as it is
    assert code == [f"    @misc{{{HOSTILE}}}", "      two"]
    written = "\n".join(line for line in written.splitlines() if line not in code)
    assert "<script" not in written
    assert "[link](" not in written
    lines = [line for line in written.splitlines() if line.startswith("|")]
    assert {line.replace("\\|", "").count("|") for line in lines} == {3}


def test_a_map_of_a_selection_counts_all():
    figure = scatter(
        [[0.0, 0.0], [1.0, 1.0]], [0, 1], ["one", "two"], ["x", "y"], caption="Near.", sizes=[30, 4], unit="documents"
    )
    assert figure.caption == "Near. 2 of 34 documents are drawn; the legend counts all."
    assert ">one (30)<" in figure.svg
    assert ">two (4)<" in figure.svg
    assert figure.description == "A map of 34 documents: one 30, two 4."


def test_small_multiples_have_the_same_axes_and_leave_gaps():
    series = [
        Series("one <b>", [0.5, None, 0.25], [0.4, None, 0.2], [0.6, None, 0.3]),
        Series("two", [0.1, 0.2, 0.3], [0.0, 0.1, 0.2], [0.2, 0.3, 0.4]),
    ]
    figure = small_multiples([2000, 2001, 2010], ["2000", "2001", "2010"], series, caption="Shares.")
    assert figure.svg.count(">50%<") == 2  # the largest share is the end of both scales
    assert "<b>" not in figure.svg
    drawn = Elements(figure.svg).found
    lines = [attributes["points"].split() for tag, attributes in drawn if tag == "polyline"]
    assert [len(line) for line in lines] == [1, 1, 3]
    assert lines[0][0].endswith(",22.0")  # 0.5 of 0.5: at the top of its panel
    (x0, _), (x1, y1), (x2, y2) = (map(float, point.split(",")) for point in lines[2])
    assert (x1 - x0) / (x2 - x0) == pytest.approx(0.1, abs=0.01)
    assert (y1 - y2) / 64 == pytest.approx(0.2, abs=0.01)
    assert figure.description == (
        "From 2000 to 2010: one <b> from 50.0% to 25.0%, at most 50.0% in 2000; "
        "two from 10.0% to 30.0%, at most 30.0% in 2010."
    )
    four = [Series(name, [0.1, 0.2], [0.1, 0.2], [0.1, 0.2]) for name in "abcd"]
    for periods, wide, slim in ((["2000", "2001"], 2, 2), (["2000-01-01", "2001-12-31"], 2, 4)):
        drawn = small_multiples([0, 1], periods, four, caption="")
        heights = [re.search(r'viewBox="0 0 \d+ (\d+)"', one)[1] for one in (drawn.svg, drawn.narrow_svg)]
        assert [int(height) // 116 for height in heights] == [wide, slim]  # rows of charts
    for share, end in ((0.71, "80%"), (0.12, "15%"), (0.03, "3%"), (0.0, "1%"), (1.0, "100%"), (0.2, "20%")):
        assert f">{end}<" in small_multiples([0], ["now"], [Series("x", [share], [share], [share])], caption="").svg
    alone = small_multiples([0], ["now"], [Series("none", [None], [None], [None])], caption="Nothing.")
    assert alone.description == "From now to now: none: none."
    assert "nan" not in alone.svg
    with pytest.raises(InputError, match="a value for each of at least one period"):
        small_multiples([0, 1], ["a", "b"], [Series("x", [0.1], [0.1], [0.1])], caption="")
    with pytest.raises(InputError, match="at least one series"):
        small_multiples([0], ["a"], [], caption="")


def test_where_a_page_comes_from():
    made = {"made_by": "model-a", "text": {"source": "folder/posts.csv"}}
    told = origin([made, made, {"source": "vectors.txt"}, {}], date(2026, 11, 29))
    version = ss.__version__
    assert told == f"Data: posts.csv, vectors.txt. Model: model-a. Written on 2026-11-29 by semspace {version}."
    assert origin([], datetime(2026, 1, 2, 3, 4)) == f"Written on 2026-01-02 by semspace {version}."
    assert origin([], "spring 2026") == f"Written on spring 2026 by semspace {version}."
    assert origin([], "") == f"Written by semspace {version}."
    assert date.today().isoformat() in origin([])
    many = [{"text": {"source": f"{name}.txt"}} for name in "abcdefg"]
    assert origin(many, "").startswith("Data: a.txt, b.txt, c.txt, d.txt and 3 more.")
    with pytest.raises(InputError, match="date must be a date or a text such as '2026-11-29'; got int"):
        origin([], 2026)


def test_long_tables_are_cut_with_a_note():
    page = Page("t", "v", (Section("s", (Table(("a",), [(i,) for i in range(60)], limit=50),)),))
    assert "… and 10 more rows" in to_html(page)
    assert "… and 10 more rows" in to_markdown(page)
    assert to_html(page).count("<tr>") == 51
    assert to_html(page).count('class="wide long" role="region" tabindex="0" aria-label="s"') == 1
    told = Page(page.title, page.verdict, page.sections, data="the full tables are in <r>.json")
    assert "… and 10 more rows; the full tables are in &lt;r&gt;.json." in to_html(told)
    assert "… and 10 more rows; the full tables are in &lt;r&gt;.json." in to_markdown(told)


def test_a_page_of_many_long_texts_stays_small():
    many, text = 5_000, "<b>&c " * 200
    rows = [(f"{i}{text}", i) for i in range(many)]
    points = np.random.default_rng(0).normal(size=(many, 2))
    blocks = (
        *(Table(("text", "n"), rows, limit=300) for _ in range(6)),
        scatter(points, [0] * many, [text], [text] * many, caption="c"),
        word_scatter([text] * many, np.exp(points[:, 0]), points[:, 1], sides=(text, text), caption="c"),
        heatmap(np.ones((40, 40)), [text] * 40, caption="c"),
    )
    size = len(to_html(Page("t", "v", (Section("s", blocks),))).encode())
    assert size < 5_000_000


def test_cells_sort_by_their_numbers():
    rows = [
        (Number(0.0004, "<0.001"), "1,234", "5.0%", 2.5, "x1"),
        (Number(0.5, "0.500"), "9", "11.0%", float("nan"), "1"),
    ]
    found = Elements(to_html(Page("t", "v", (Section("s", (Table(tuple("abcde"), rows),)),)))).found
    assert [a.get("data-sort") for tag, a in found if tag == "th"] == ["number"] * 4 + [None]
    sorts = [a.get("data-value") for tag, a in found if tag == "td"]
    assert sorts == ["0.0004", "1234", "5", "2.5", None, "0.5", None, "11", None, None]


def test_json_has_no_nan():
    assert json.loads(to_json({"a": [float("nan"), float("inf"), 1.5], "b": (1,)})) == {
        "a": [None, None, 1.5],
        "b": [1],
    }


def test_a_map_draws_each_point_in_place():
    figure = scatter([[0, 0], [10, 0], [0, 5]], [0, 1, 1], ["one", "two"], list("abc"), caption="map")
    drawn = Elements(figure.svg).found
    assert [attributes["cx"] for tag, attributes in drawn if tag == "circle"][:1] == ["16.0"]
    assert figure.description == "A map of 3 points: one 1, two 2."
    many = scatter(np.zeros((5_000, 2)), [0] * 5_000, ["one"], ["x"] * 5_000, caption="map", most=100)
    assert many.caption == "map. 100 of 5,000 points are drawn; the legend counts all."
    assert many.svg.count("<circle") == 101  # with the legend's


def test_a_map_of_many_shows_every_group_and_covers_none():
    groups = [0] * 3_000 + [1] * 3_000 + [2]
    figure = scatter(np.zeros((6_001, 2)), groups, ["a", "b", "c"], ["x"] * 6_001, caption="map", most=300)
    drawn = [title[0] for title in re.findall("<title>(.*?)</title>", figure.svg)]
    assert len(drawn) == 300
    assert drawn.count("c") == 1
    half = drawn[:150]
    assert min(half.count("a"), half.count("b")) > 50
    assert "c (1)</text>" in figure.svg


def test_marks_share_their_colour_and_are_small_without_tooltips():
    draw = np.random.default_rng(1)
    figure = scatter(draw.random((1_200, 2)), [0] * 1_200, ["one"], ["a text"] * 1_200, caption="map")
    marks = re.findall(r'<circle cx="[\d.]+" cy="[\d.]+" r="3.2"/>', figure.narrow_svg)
    assert len(marks) == 1_200
    assert len(figure.narrow_svg) < 45 * 1_200
    assert figure.svg.count("<title>one: a text</title>") == 1_200


def test_thirty_two_groups_have_marks_of_their_own():
    names = [f"group {i}" for i in range(32)]
    figure = scatter(np.zeros((1, 2)), [0], names, ["x"], caption="map")
    legend = figure.svg.split("</g>")[1]
    marks = re.findall(r'<(circle|rect|path) [^>]*?fill="(#\w+)"', legend)
    shapes = [("arrow" if "h-" in text else "") for text in re.findall(r"<(?:circle|rect|path) [^>]*>", legend)]
    assert len(set(zip(marks, shapes, strict=True))) == 32


def texts_of(svg):
    return [(float(x), text) for x, text in re.findall(r'<text x="([\d.]+)"[^>]*>([^<]*)</text>', svg)]


def test_a_ruler_puts_every_distance_in_its_place():
    figure = number_line(
        0.2, (0.1, 0.3), [("far", 1.0), ("none", 0.0), ("unknown", float("nan"))], caption="c", chance=0.05
    )
    circles = [float(a["cx"]) for tag, a in Elements(figure.svg).found if tag == "circle"]
    diamond = float(re.search(r'<path d="M([\d.]+)', figure.svg)[1])
    assert diamond - circles[0] == pytest.approx((circles[1] - circles[0]) * 0.2, abs=0.2)
    assert figure.description == (
        "From near to far: none 0.000; observed here 0.200 (0.100 to 0.300); far 1.000. By chance alone, 95 % of "
        "random splits stay below 0.050."
    )
    line = next(a for _, a in Elements(figure.svg).found if a.get("stroke-linecap"))
    assert float(line["x2"]) - float(line["x1"]) == pytest.approx((circles[1] - circles[0]) * 0.2, abs=0.2)


def test_a_ruler_without_interval_below_zero():
    figure = number_line(-0.01, (float("nan"), float("nan")), [], caption="c", unit=" m")
    assert "observed here -0.010 m." in figure.description
    assert "nan" not in figure.svg


def test_an_axis_has_round_ticks():
    assert Axis(0.0, 1.0, 0, 100).ticks(5) == pytest.approx([0, 0.2, 0.4, 0.6, 0.8, 1.0])
    assert Axis(-3.0, 42.0, 0, 100).ticks(5) == [0, 10, 20, 30, 40]
    assert Axis(2.0, 4.0, 10, 20)(3.0) == 15


def test_a_heatmap_shades_by_value_and_says_its_extremes():
    values = np.array([[np.nan, 1.0, 4.0], [1.0, np.nan, 2.0], [4.0, 2.0, np.nan]])
    figure = heatmap(values, ["a", "b", "c"], caption="c", marks=values == 1)
    cells = re.findall(
        r"<title>(\w) and (\w): ([\d.]+)( \(no difference shown\))?</title>.*?fill-opacity=\"([\d.]+)\"", figure.svg
    )
    shade = {(a, b): float(opacity) for a, b, _, _, opacity in cells}
    assert len(shade) == 6  # the diagonal is empty
    assert shade["a", "b"] < shade["b", "c"] < shade["a", "c"] == UNDER_TEXT
    assert [(a, b) for a, b, _, mark, _ in cells if mark] == [("a", "b"), ("b", "a")]
    assert figure.description == (
        "A matrix of 3. Lowest: a and b (1.00); highest: a and c (4.00). No difference shown: 1 of 3 pairs."
    )
    many = heatmap(np.full((40, 40), 0.25), [str(i) for i in range(40)], caption="c")
    assert many.svg.count("<title>") == 1_600
    assert many.svg.count("0.25</text>") == 0  # only the tooltips and the legend have numbers
    with pytest.raises(InputError, match="marks must have a row and a column for each of 3 names"):
        heatmap(values, ["a", "b", "c"], caption="c", marks=[[True]])


def test_stacked_bars_are_of_one_length():
    figure = stacked_bars(["a", "b", "none"], ["twin", "other"], [[1, 3], [10, 10], [0, 0]], caption="c")
    sizes = [(float(a["width"])) for tag, a in Elements(figure.svg).found if tag == "rect" and a["height"] == "26"]
    assert sizes[0] * 3 == pytest.approx(sizes[1], abs=0.2)
    assert sizes[0] + sizes[1] == pytest.approx(sizes[2] + sizes[3], abs=0.2)
    assert len(sizes) == 4
    assert "no documents" in figure.svg
    assert figure.description == (
        "a, 4 documents: twin 1 (25.0%), other 3 (75.0%); b, 20 documents: twin 10 (50.0%), other 10 (50.0%); none, "
        "0 documents: twin 0, other 0."
    )
    assert figure.svg.count("10 (50.0%)</text>") == 2  # in the legend
    with pytest.raises(InputError, match=r"counts must be of shape \(1, 2\)"):
        stacked_bars(["a"], ["x", "y"], [[1]], caption="c")
    with pytest.raises(InputError, match="counts must be at least 0; got -1"):
        stacked_bars(["a"], ["x"], [[-1]], caption="c")


def test_named_words_do_not_cover_each_other():
    draw = np.random.default_rng(2)
    often, z = np.exp(draw.normal(4, 2, 3_000)), draw.normal(0, 4, 3_000)
    names = [f"word{i}" for i in range(3_000)]
    figure = word_scatter(names, often, z, sides=("a", "b"), caption="c", sure=np.abs(z) > 8, labels=30, most=500)
    labels = [
        (float(x), float(y), text)
        for x, y, text in re.findall(r'<text x="([\d.]+)" y="([\d.]+)" font-size="12" paint[^>]*>(\w+)<', figure.svg)
    ]
    assert 10 < len(labels) <= 30
    assert all(abs(z[int(text[4:])]) > 8 for _, _, text in labels)
    assert names[int(np.argmax(z))] in {text for _, _, text in labels}
    for i, (x, y, text) in enumerate(labels):
        for other_x, other_y, other in labels[:i]:
            apart = x + measure(text, 12) <= other_x or other_x + measure(other, 12) <= x
            assert apart or abs(y - other_y) >= 14
    assert figure.caption == "c (500 of 3,000 words drawn)"
    assert f"{int((np.abs(z) > 8).sum()):,} of 3,000 words differ beyond chance" in figure.description


@pytest.mark.parametrize(("often", "z"), [([1.0, 0.0], [1.0, 2.0]), ([1.0, 2.0], [1.0, np.nan]), ([1.0], [1.0])])
def test_words_that_cannot_be_drawn_are_refused(often, z):
    with pytest.raises(InputError, match="frequency"):
        word_scatter(["a", "b"], often, z, sides=("a", "b"), caption="c")


def test_ridges_have_their_peak_where_the_values_are():
    draw = np.random.default_rng(3)
    low, high = draw.normal(-1, 0.2, 2_000), draw.normal(1, 0.2, 50)
    figure = ridgeline(["low", "high"], [low, high], caption="c")
    curves = [
        np.array([pair.split(",") for pair in points.split()], dtype=float)
        for points in re.findall(r'<polyline points="([^"]*)"', figure.svg)
    ]
    ticks = [float(x) for x in re.findall(r'<line x1="([\d.]+)"[^>]*stroke-width="2.5"', figure.svg)]
    for curve, tick in zip(curves, ticks, strict=True):
        assert curve[curve[:, 1].argmin(), 0] == pytest.approx(tick, abs=15)
    areas = [(curve[:, 1].max() - curve[:, 1]).sum() for curve in curves]
    assert areas[0] == pytest.approx(areas[1], rel=0.03)  # although one has forty times the values
    assert re.match(r"low median -(1\.0|0\.9)\d\d, middle half", figure.description)
    with pytest.raises(InputError, match="'b' must be finite, and at least one"):
        ridgeline(["a", "b"], [[1.0], []], caption="c")
    with pytest.raises(InputError, match="an array for each of 2 names; got 1"):
        ridgeline(["a", "b"], [[1.0]], caption="c")


def test_texts_are_cut_to_their_room():
    assert fitting("short", 100) == "short"
    for text in ("W" * 50, "語" * 50, "i" * 50, "e\u0301" * 80, "a\nb " * 30):
        cut = fitting(text, 100)
        assert 80 < measure(cut) <= 100 or cut == text
        assert "\n" not in cut
    assert fitting("語" * 50, 100).endswith("…")


def test_texts_are_wrapped_between_words():
    assert wrapped("one", 100) == ["one"]
    assert wrapped("health care, tonight, spending", 110) == ["health care,", "tonight, spend…"]
    assert wrapped("health care, tonight, spending", 110, lines=3) == ["health care,", "tonight,", "spending"]
    (cut,) = wrapped("x" * 80, 100)  # one word isn't divided
    assert cut.endswith("…")


def test_side_labels_have_a_line_each_where_one_is_too_short_for_both():
    def written(elements):
        return [(float(x), y, text) for x, y, text in re.findall(r'x="([\d.]+)" y="(\d+)"[^>]*>([^<]*)<', elements)]

    short, long = ("less", "more"), ("more of “comp.sys.ibm.pc”", "more of “sci.space”")
    assert written(side_labels(short, 4, 336)[0]) == [(4.0, "14", "← less"), (336.0, "14", "more →")]
    assert written(side_labels(short, 4, 336, 100)[0]) == [(92.0, "14", "← less"), (108.0, "14", "more →")]
    drawn, height = side_labels(long, 4, 336)
    assert written(drawn) == [(4.0, "14", f"← {long[0]}"), (336.0, "32", f"{long[1]} →")]
    assert height == 36
    assert side_labels(long, 4, 716, 20)[1] == 36  # no room at the left of the middle


def test_bars_start_at_zero_and_know_their_sides():
    figure = bars(["up", "down"], [2.0, -1.0], caption="c", sides=("less", "more"))
    up, down = (attributes for tag, attributes in Elements(figure.svg).found if tag == "rect")
    assert float(up["x"]) == pytest.approx(float(down["x"]) + float(down["width"]), abs=0.11)
    assert float(up["width"]) == pytest.approx(2 * float(down["width"]), abs=0.11)
    assert figure.description == "up 2; down -1."


def hostile_corpora(letters):
    draw = np.random.default_rng(0)
    made = []
    for name in letters:
        corpus = ss.Corpus.from_texts([f"{HOSTILE} {name} {i}" for i in range(12)], ids=[f"<b>{i}" for i in range(12)])
        made.append((corpus, ss.Space.from_vectors(corpus.ids.to_list(), draw.normal(size=(12, 4)))))
    corpora, spaces = zip(*made, strict=True)
    return corpora, {"spaces": spaces, "min_duplicate_score": 0.3, "progress": False}


@pytest.fixture(scope="module")
def hostile_comparison(tmp_path_factory):
    corpora, options = hostile_corpora("ab")
    found = ss.compare(*corpora, names=("<i>A", HOSTILE), **options)
    report = tmp_path_factory.mktemp("report") / "r.html"
    found.to_html(report)
    return report


def test_hostile_texts_in_a_comparison(hostile_comparison):
    tags = [tag for tag, _ in Elements(hostile_comparison.read_text(encoding="utf-8")).found]
    assert set(tags).isdisjoint({"img", "b", "i"})
    assert tags.count("script") == 1


def test_hostile_texts_in_a_comparison_of_several():
    corpora, options = hostile_corpora("abc")
    written = to_html(ss.compare(*corpora, names=("<i>A", HOSTILE, "\"'</title><b>"), **options).page())
    found = Elements(written).found
    assert {tag for tag, _ in found}.isdisjoint({"img", "b", "i"})
    assert sum(tag == "script" for tag, _ in found) == 1
    assert not any(name.startswith("on") for _, attributes in found for name in attributes)


with_browser = pytest.mark.skipif(
    not shutil.which("chromium"), reason="Chromium isn't installed (Debian: apt-get install chromium)"
)


def browse(address, folder, *more):
    """Return what a browser makes of a page, and what it says on its console."""
    quiet = [
        "disable-gpu",
        "disable-quic",
        "no-first-run",
        "disable-background-networking",
        "disable-component-update",
        "disable-sync",
        "disable-default-apps",
        "disable-extensions",
        "no-sandbox",
        "headless",
    ]
    command = [
        "chromium", *(f"--{flag}" for flag in quiet), f"--user-data-dir={folder / 'profile'}",
        "--enable-logging=stderr", "--v=0", *more, "--dump-dom", address,
    ]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    return done.stdout, [line for line in done.stderr.splitlines() if "CONSOLE" in line]


@with_browser
def test_a_browser_opens_a_report_in_silence(hostile_comparison, tmp_path):
    """No console message, no request, and the hostile text on the page as text."""
    netlog = tmp_path / "net.json"
    shown, said = browse(f"file://{hostile_comparison}", tmp_path, f"--log-net-log={netlog}")
    assert not said
    assert "&lt;script&gt;alert('x')&lt;/script&gt;" in shown
    assert shown.count("<script>") == 1
    requests = re.findall(r'"url":\s*"([^"]+)"', netlog.read_text(errors="replace"))
    # Chromium asks its maker of this and that by itself; whatever else is asked for would be the page's doing.
    its_own = re.compile(
        r"(file|data|chrome|about)|https?://[\w.-]*(google|gstatic|googleapis|googleusercontent)\.com/"
    )
    assert not [url for url in requests if not its_own.match(url)]


class Rows(html.parser.HTMLParser):
    """The first cell of every row of the first table that shows, and every text with a role of status."""

    def __init__(self, text):
        super().__init__()
        self.found, self.told, self.tables, self.cell, self.status = [], [], 0, None, False
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.tables += tag == "table"
        if tag == "tr":
            self.cell = 0 if "hidden" not in dict(attributes) else 9
        self.cell = self.cell + 1 if tag == "td" else self.cell
        self.status = dict(attributes).get("role") == "status"

    def handle_data(self, data):
        if self.status:
            self.told.append(data)
            self.status = False
        if self.cell == 1 and self.tables == 1 and data.strip():
            self.found.append(data)


@with_browser
def test_tables_are_searched_and_sorted_in_a_browser(tmp_path):
    texts = ["flood", "Flöd", HOSTILE, "drought"]
    rows = [(f"row {i}", [3.5, 20.0, float("nan"), 100.0][i % 4], texts[i % 4]) for i in range(60)]
    tables = (Table(("id", "witness", "text"), rows, limit=30), Table(("id", "witness", "text"), rows[:4]))
    (tmp_path / "r.html").write_text(to_html(Page("t", "v", (Section("s", tables),))), encoding="utf-8")
    shown, said = browse(f"file://{tmp_path / 'r.html'}#q=FLOD&sort=-witness", tmp_path)
    assert not said
    rows = Rows(shown)
    assert rows.found == [f"row {i}" for i in range(1, 30, 4)]  # ö is o, and "flood" isn't "flod"
    assert rows.told == ["8 of 30 rows shown here"]  # the short table has no search box
    assert shown.count('aria-sort="descending"') == 2
    short = re.findall(r"<td[^>]*>(row \d)</td>", shown.split("</table>")[1])
    assert short == ["row 3", "row 1", "row 0", "row 2"]  # what has no number comes last
    assert shown.count("<button") == 6
    assert "<img" not in shown
    choices = re.findall(r'<option value="([^"]*)">([^<]*)</option>', shown)
    assert choices[:4] == [
        ("0 none", "as listed"),
        ("0 ascending", "id, ascending"),
        ("0 descending", "id, descending"),
        ("1 ascending", "witness, ascending"),
    ]
    assert len(choices) == 2 * 7  # both tables have cards


def printed(page, folder):
    """Return a page as Chromium prints it, and how many sheets it takes."""
    (folder / "page.html").write_text(to_html(page), encoding="utf-8")
    browse(f"file://{folder / 'page.html'}", folder, f"--print-to-pdf={folder / 'page.pdf'}", "--virtual-time-budget=9")
    data = (folder / "page.pdf").read_bytes()
    (size,) = set(re.findall(rb"/MediaBox\s*\[0 0 ([\d.]+) ([\d.]+)\]", data))
    assert [round(float(side)) for side in size] == [595, 842]  # A4
    return len(re.findall(rb"/Type\s*/Page\b", data))


@with_browser
def test_a_long_table_is_printed_in_part(tmp_path):
    words = Table(("word", "one", "other"), [(f"word {i}", i, 2 * i) for i in range(300)], limit=300)
    texts = Table(("id", "text"), [(f"id {i}", "a text of many words, " * 15) for i in range(60)], limit=60)
    blocks = tuple(example_page().sections[0].blocks)
    assert 2 <= printed(Page("t", "v", (Section("s", (words, texts)), Section("z", blocks))), tmp_path) <= 4
    assert "Printed: the first 12 of 300 rows." in (tmp_path / "page.html").read_text(encoding="utf-8")
    assert "Printed: the first 4 of 60 rows." in (tmp_path / "page.html").read_text(encoding="utf-8")


def test_rows_with_long_texts_are_cards_on_a_telephone():
    rows = [("one", "a text of many words " * 10), ("two", "")]
    (found,) = [Elements(to_html(Page("t", "v", (Section("s", (Table(("<id>", "text"), rows),)),)))).found]
    assert [a.get("class") for tag, a in found if tag == "table"] == ["cards texts"]
    assert [a.get("data-label") for tag, a in found if tag == "td"] == ["<id>", "text", "<id>", "text"]
    middling = to_html(Page("t", "v", (Section("s", (Table(("a", "b"), [("x", "nearest words, " * 3)]),)),)))
    assert '<table class="cards" aria-label="s">' in middling  # as many of its rows are printed as of a short one
    short = to_html(Page("t", "v", (Section("s", (Table(tuple("abcd"), [(1, 2, 3, 4)]),)),)))
    assert "data-label" not in short.split("<body>")[1]
    assert "More columns to the right" in short
