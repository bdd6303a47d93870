"""Pages: nothing in them runs, nothing leaves them, and every text of a corpus shows as text."""

import html.parser
import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

import semspace as ss
from semspace.report import Page, Prose, Section, Table, bars, scatter, to_html, to_json, to_markdown

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
                    Table((text, "n"), [(text, 1), ("x", 2_000)], text),
                    scatter(points, [0, 0, 1], [text, "b"], [text, "two", "three"], caption=text),
                    bars([text, "b"], [0.5, -0.25], low=[0.4, -0.5], high=[0.6, 0.0], caption=text, sides=(text, "b")),
                ),
                method=text,
            ),
        ),
        subtitle=text,
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


def test_hostile_text_makes_no_element():
    plain, hostile = (Elements(to_html(example_page(text))).found for text in ("plain", HOSTILE))
    assert [tag for tag, _ in hostile] == [tag for tag, _ in plain]
    assert not any(tag in ("script", "img", "iframe", "object") for tag, _ in hostile)
    assert not any(name.startswith("on") for _, attributes in hostile for name in attributes)


def test_nothing_leaves_a_page():
    for tag, attributes in Elements(to_html(example_page(HOSTILE))).found:
        for name in ("src", "href", "action", "data"):
            assert attributes.get(name, "#").startswith(("#", "data:")), (tag, attributes)
    assert "default-src 'none'" in to_html(example_page())


def test_hostile_text_is_no_markdown():
    written = to_markdown(example_page(HOSTILE))
    assert "<script" not in written
    assert "[link](" not in written
    lines = [line for line in written.splitlines() if line.startswith("|")]
    assert {line.replace("\\|", "").count("|") for line in lines} == {3}


def test_long_tables_are_cut_with_a_note():
    page = Page("t", "v", (Section("s", (Table(("a",), [(i,) for i in range(60)], limit=50),)),))
    assert "… and 10 more rows" in to_html(page)
    assert "… and 10 more rows" in to_markdown(page)
    assert to_html(page).count("<tr>") == 51


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
    assert many.caption == "map (100 of 5,000 drawn)"
    assert many.svg.count("<circle") == 101  # with the legend's


def test_bars_start_at_zero_and_know_their_sides():
    figure = bars(["up", "down"], [2.0, -1.0], caption="c", sides=("less", "more"))
    up, down = (attributes for tag, attributes in Elements(figure.svg).found if tag == "rect")
    assert float(up["x"]) == pytest.approx(float(down["x"]) + float(down["width"]), abs=0.11)
    assert float(up["width"]) == pytest.approx(2 * float(down["width"]), abs=0.11)
    assert figure.description == "up 2; down -1."


def hostile_comparison(tmp_path):
    draw = np.random.default_rng(0)
    made = []
    for name in "ab":
        corpus = ss.Corpus.from_texts([f"{HOSTILE} {name} {i}" for i in range(12)], ids=[f"<b>{i}" for i in range(12)])
        made.append((corpus, ss.Space.from_vectors(corpus.ids.to_list(), draw.normal(size=(12, 4)))))
    (a, x), (b, y) = made
    found = ss.compare(a, b, spaces=(x, y), names=("<i>A", HOSTILE), min_duplicate=0.3, progress=False)
    found.to_html(tmp_path / "r.html")
    return tmp_path / "r.html"


def test_hostile_texts_in_a_comparison(tmp_path):
    tags = {tag for tag, _ in Elements(hostile_comparison(tmp_path).read_text(encoding="utf-8")).found}
    assert tags.isdisjoint({"script", "img", "b", "i"})


@pytest.mark.skipif(not shutil.which("chromium"), reason="Chromium isn't installed (Debian: apt-get install chromium)")
def test_a_browser_opens_a_report_in_silence(tmp_path):
    """No console message, no request, and the hostile text on the page as text."""
    report = hostile_comparison(tmp_path)
    netlog = tmp_path / "net.json"
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
        "chromium", *(f"--{flag}" for flag in quiet), f"--user-data-dir={tmp_path / 'profile'}",
        "--enable-logging=stderr", "--v=0", f"--log-net-log={netlog}", "--dump-dom", f"file://{report}",
    ]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    assert "CONSOLE" not in done.stderr
    assert "&lt;script&gt;alert('x')&lt;/script&gt;" in done.stdout
    assert "<script>" not in done.stdout
    requests = re.findall(r'"url":\s*"([^"]+)"', netlog.read_text(errors="replace"))
    # Chromium asks its maker of this and that by itself; whatever else is asked for would be the page's doing.
    its_own = re.compile(
        r"(file|data|chrome|about)|https?://[\w.-]*(google|gstatic|googleapis|googleusercontent)\.com/"
    )
    assert not [url for url in requests if not its_own.match(url)]
