"""The page of a map in a browser: hover, search, zoom, choice of groups, two fingers, light and dark."""

import json

import numpy as np
import pytest

import semspace as ss
from tests.browser import Browser, with_browser

pytestmark = with_browser
N = 60


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    """Write the map of 60 documents in two groups, whose middles stay on the map when it is zoomed a little."""
    draw = np.random.default_rng(0)
    vectors = draw.normal(size=(N, 5)) / 2 + np.repeat([[0.4, 0, 0, 0, 0], [-0.4, 0, 0, 0, 0]], N // 2, axis=0)
    texts = [f"{'goal' if i < N // 2 else 'bank'} <b>number</b> {i:02}" for i in range(N)]
    space = ss.Space.from_vectors(
        range(N), vectors, {"text": texts, "kind": ["sport"] * (N // 2) + ["money"] * (N // 2)}
    )
    place = tmp_path_factory.mktemp("map") / "map.html"
    ss.project(space, "pca", groups="kind", progress=False).to_html(place, progress=False)
    return place


@pytest.fixture(scope="module")
def opened(tmp_path_factory):
    with Browser(tmp_path_factory.mktemp("browser")) as browser:
        yield browser


@pytest.fixture
def browser(opened, page):
    """Open the page anew, with a mouse, and return the browser; at the end it must have said nothing."""
    opened.emulate()
    opened.said.clear()
    opened.open(page)
    opened.js("document.querySelector('canvas').scrollIntoView({block: 'center'})")
    yield opened
    assert not opened.said


def frame(browser):
    """Return left, top, width and height of the map in the window."""
    browser.js("globalThis.box = document.querySelector('canvas').getBoundingClientRect()")
    return json.loads(browser.js("JSON.stringify([box.x, box.y, box.width, box.height])"))


def inked(browser):
    """Return how many pixels have the colour of each group, and the bounds of all, as shares of the map."""
    return json.loads(
        browser.js("""(() => {
          const canvas = document.querySelector("canvas");
          const { width, height } = canvas;
          const data = canvas.getContext("2d").getImageData(0, 0, width, height).data;
          const counts = {};
          let [left, right] = [1, 0];
          for (let i = 0; i < data.length; i += 4) {
            if (data[i + 3] < 150) continue;
            const hue = data[i] > data[i + 2] + 40 ? "warm" : data[i + 2] > data[i] + 40 ? "cold" : "grey";
            counts[hue] = (counts[hue] ?? 0) + 1;
            const x = ((i / 4) % width) / width;
            if (hue !== "grey") [left, right] = [Math.min(left, x), Math.max(right, x)];
          }
          return JSON.stringify({ warm: counts.warm ?? 0, cold: counts.cold ?? 0, left, right });
        })()""")
    )


def told(browser):
    return browser.js("document.querySelector('figure.map [role=status]').textContent")


def tip(browser):
    return browser.js("(tip => tip.hidden ? null : tip.textContent)(document.querySelector('.tip'))")


def hover_something(browser, act):
    """Act at places of the map until a tip is shown, and return it."""
    left, top, width, height = frame(browser)
    for share in np.linspace(0.05, 0.95, 60):
        act(left + width * share, top + height * 0.5)
        if (text := tip(browser)) is not None:
            return text
    raise AssertionError("no tip anywhere along the middle of the map")


def test_points_of_both_groups_are_drawn(browser):
    pixels = inked(browser)
    assert pixels["warm"] > 500
    assert pixels["cold"] > 500
    assert pixels["left"] < 0.25
    assert pixels["right"] > 0.75
    assert told(browser) == "60 of 60 points"


def test_a_point_under_the_mouse_tells_its_text(browser):
    text = hover_something(browser, lambda x, y: browser.mouse("moved", x, y))
    group, _, rest = text.partition(": ")
    assert group in ("sport", "money")
    assert rest.split(": ")[1].startswith("goal <b>number</b> " if group == "sport" else "bank <b>number</b> ")
    left, top, *_ = frame(browser)
    browser.mouse("moved", left - 5, top - 5)
    assert tip(browser) is None


def test_search_counts_and_lights_what_has_all_words(browser):
    browser.js("document.querySelector('figure.map input[type=search]').focus()")
    browser.type("NUMBER góal")
    assert told(browser) == "30 of 60 points"  # ó is o, and capitals are small letters
    pixels = inked(browser)
    assert min(pixels["warm"], pixels["cold"]) < 200 < max(pixels["warm"], pixels["cold"])
    browser.type(" 07")
    assert told(browser) == "1 of 60 points"
    browser.type(" nothing")
    assert told(browser) == "0 of 60 points"


def test_groups_are_chosen_by_their_buttons(browser):
    names = json.loads(
        browser.js("JSON.stringify([...document.querySelectorAll('.legend button')].map(b => b.textContent))")
    )
    assert sorted(name.split(" ", 1)[1] for name in names) == ["money (30)", "sport (30)"]
    click = "document.querySelectorAll('.legend button')[{}].click()"
    browser.js(click.format(0))
    assert told(browser) == "30 of 60 points"
    pixels = inked(browser)
    assert min(pixels["warm"], pixels["cold"]) == 0 < max(pixels["warm"], pixels["cold"])
    browser.js(click.format(1))
    assert told(browser) == "60 of 60 points"
    browser.js(click.format(0))
    browser.js(click.format(1))
    assert told(browser) == "60 of 60 points"  # none is chosen: all are shown


@pytest.fixture
def places(browser):
    """Record where the names of groups are written, by which one sees where the map is."""
    browser.js("""(() => {
      const write = CanvasRenderingContext2D.prototype.fillText;
      globalThis.written = {};
      CanvasRenderingContext2D.prototype.fillText = function (text, x, y) {
        globalThis.written[text] = [x, y];
        return write.call(this, text, x, y);
      };
    })()""")

    def read(act):
        browser.js("globalThis.written = {}")
        act()
        return json.loads(
            browser.js("new Promise(r => requestAnimationFrame(() => r(JSON.stringify(globalThis.written))))")
        )

    return read


def distance(found):
    return np.hypot(*np.subtract(found["sport"], found["money"]))


def press(browser, label):
    browser.js(f"document.querySelector('button[aria-label=\"{label}\"]').click()")


def test_zoom_by_buttons_keys_and_wheel(browser, places):
    start = places(lambda: press(browser, "Show the whole map"))
    closer = places(lambda: press(browser, "Zoom in"))
    assert distance(closer) == pytest.approx(1.5 * distance(start), rel=1e-3)
    assert distance(places(lambda: press(browser, "Zoom out"))) == pytest.approx(distance(start), rel=1e-3)
    left, top, width, height = frame(browser)
    at = left + width / 2, top + height / 2
    before = browser.js("scrollY")
    assert (
        places(lambda: browser.mouse("wheel", *at, deltaY=-10)) == {}
    )  # it scrolls the page: the map hasn't the focus
    browser.js(f"scrollTo(0, {before})")
    browser.click(*at)
    wheeled = places(lambda: browser.mouse("wheel", *at, deltaY=-100))
    assert distance(wheeled) == pytest.approx(np.exp(100 / 400) * distance(start), rel=1e-2)
    key = {"type": "keyDown", "key": "0", "text": "0"}
    back = places(lambda: browser.send("Input.dispatchKeyEvent", **key))
    assert distance(back) == pytest.approx(distance(start), rel=1e-3)
    moved = places(lambda: browser.send("Input.dispatchKeyEvent", type="keyDown", key="ArrowLeft"))
    assert moved["sport"][0] != back["sport"][0]


def test_the_map_is_moved_by_the_mouse(browser, places):
    start = places(lambda: press(browser, "Zoom in"))
    left, top, width, height = frame(browser)
    x, y = left + width / 2, top + height / 2

    def drag():
        browser.mouse("moved", x, y)
        browser.mouse("pressed", x, y)
        browser.mouse("moved", x + 20, y + 10, buttons=1)
        browser.mouse("released", x + 20, y + 10)

    after = places(drag)
    np.testing.assert_allclose(np.subtract(after["sport"], start["sport"]), [20, 10], atol=0.5)


def test_two_fingers_zoom_and_one_scrolls(browser, page, places):
    browser.emulate(390, 800, touch=True)
    browser.js("document.querySelector('canvas').scrollIntoView({block: 'center'})")
    start = places(lambda: press(browser, "Show the whole map"))
    left, top, width, height = frame(browser)
    assert width <= 390
    x, y = left + width / 2, top + height / 2

    def pinch():
        browser.touch("start", (x - 20, y), (x + 20, y))
        browser.touch("move", (x - 40, y), (x + 40, y))
        browser.touch("end")

    scrolled = browser.js("scrollY")
    wide = places(pinch)
    assert distance(wide) == pytest.approx(2 * distance(start), rel=0.02)
    assert browser.js("scrollY") == scrolled
    assert browser.js("visualViewport.scale") == 1  # the map was zoomed, not the page

    def move():
        browser.touch("start", (x - 40, y), (x + 40, y))
        browser.touch("move", (x - 30, y + 15), (x + 50, y + 15))
        browser.touch("end")

    after = places(move)
    shift = [np.subtract(after[name], wide[name]) for name in after.keys() & wide.keys()]
    assert shift
    np.testing.assert_allclose(shift[0], [10, 15], atol=1)

    press(browser, "Show the whole map")

    def tap(x, y):
        browser.touch("start", (x, y))
        browser.touch("end")

    assert hover_something(browser, tap)  # and stays when the finger is lifted

    def one():
        browser.touch("start", (x, y))
        browser.touch("move", (x, y - 60))
        browser.touch("end")

    assert places(one) == {}  # the map stays, and the page may scroll


@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("width", [390, 1200])
def test_the_page_fits_light_and_dark(browser, width, dark):
    browser.emulate(width, 800, dark=dark)
    browser.wait("new Promise(r => requestAnimationFrame(() => r(true)))")
    assert browser.js("document.documentElement.scrollWidth") <= width
    paper, ink = json.loads(
        browser.js("(s => JSON.stringify([s.backgroundColor, s.color]))(getComputedStyle(document.body))")
    )
    brightness = [sum(map(int, colour[4:-1].split(","))) for colour in (paper, ink)]
    assert (brightness[0] < brightness[1]) == dark
    pixels = inked(browser)
    assert min(pixels["warm"], pixels["cold"]) > 200
