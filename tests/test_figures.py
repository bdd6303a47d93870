"""Figures: laid out for each width, no label over another, and saved as files that stand alone."""

import re
import sys
import xml.etree.ElementTree as ET

import numpy as np
import pytest

import semspace as ss
from semspace.errors import InputError, MissingExtraError
from semspace.report import (
    bars,
    dendrogram,
    heatmap,
    lines,
    number_line,
    ridgeline,
    scatter,
    stacked_bars,
    word_scatter,
)
from semspace.report.figure import NARROW, WIDE
from semspace.report.label_places import Places
from semspace.report.text_width import SIZE, measure

SVG = "{http://www.w3.org/2000/svg}"
LONG = "a corpus with a name that is much longer than any figure has room for"
HOSTILE = "<script>alert('x')</script> & \"</title>\""


def every_figure(name=LONG):
    draw = np.random.default_rng(0)
    square = np.abs(np.add.outer(draw.random(9), draw.random(9)))
    names = [f"{i} {name}" for i in range(9)]
    words = [f"word{i}" for i in range(200)]
    merges = np.array([[0, 1, 0.1, 2], [2, 3, 0.4, 3]])
    return {
        "bars": bars(names, [float(i - 4) for i in range(9)], low=[-5.0] * 9, high=[5.0] * 9, caption=name,
                     sides=(name, name)),
        "dendrogram": dendrogram(merges, names[:3], caption=name),
        "heatmap": heatmap(square, names, caption=name, marks=square < 0.5, decimals=3, ends=(name, name)),
        "lines": lines(list(range(1900, 1960)), [(name, list(range(60))), ("b", [0.5] * 60)], unit="year",
                       caption=name),
        "number line": number_line(0.2, (0.1, 0.3), [(n, 0.1 * i) for i, n in enumerate(names)], caption=name,
                                   name=name, chance=0.05),
        "ridgeline of two": ridgeline(names[:2], [draw.random(20), draw.random(20)], caption=name, sides=(name, name)),
        "ridgeline": ridgeline(names, [draw.random(20) for _ in names], caption=name, sides=(name, name)),
        "scatter": scatter(draw.random((90, 2)), list(range(9)) * 10, names, ["x"] * 90, caption=name, named=True),
        "points": scatter(draw.random((9, 2)), list(range(9)), names, names, caption=name, named=True),
        "stacked bars": stacked_bars(names[:3], names, np.arange(27).reshape(3, 9), caption=name),
        "word scatter": word_scatter(words, np.exp(draw.normal(6, 1, 200)), draw.normal(0, 5, 200),
                                     sides=(name, name), caption=name),
    }  # fmt: skip


def texts(elements):
    """Return each upright text of a drawing with its left and right end, its base line and its size."""
    found = []
    for attributes, text in re.findall(r"<text ([^>]*)>([^<]*)</text>", elements):
        at = dict(re.findall(r'([\w-]+)="([^"]*)"', attributes))
        size = float(at.get("font-size", SIZE))
        wide = measure(text, size) if text else 0.0
        if "transform" in at:
            found.append((text, None, None, None, size))
            continue
        x = float(at["x"]) - {"start": 0, "middle": wide / 2, "end": wide}[at.get("text-anchor", "start")]
        found.append((text, x, x + wide, float(at["y"]), size))
    return found


@pytest.mark.parametrize("width", [320, NARROW, 499, 500, WIDE])
@pytest.mark.parametrize("kind", every_figure())
def test_texts_stay_inside_and_can_be_read_at_each_width(kind, width):
    elements, height = every_figure()[kind].draw(width)
    for text, left, right, base, size in texts(elements):
        assert size >= 11, text  # at 390 pixels a page gives a figure 350, so that nothing is shrunk
        if left is not None:
            assert left >= -2, text
            assert right <= width + 12, text  # estimates are a little too wide
            assert 0 < base <= height, text


def test_a_page_shows_one_of_two_drawings():
    figure = every_figure()["scatter"]
    page = ss.report.to_html(ss.report.Page("t", "v", (ss.report.Section("s", (figure,)),)))
    assert f'viewBox="0 0 {WIDE} ' in page
    assert f'viewBox="0 0 {NARROW} ' in page
    assert "@container (max-width: 640px)" in page
    assert "<title>" in figure.svg
    assert "<title>" not in figure.narrow_svg  # a telephone has no mouse that would show it


def overlapping(boxes):
    return [
        (a, b)
        for i, a in enumerate(boxes)
        for b in boxes[:i]
        if a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]
    ]


def test_a_terminal_shows_the_caption_and_how_to_save():
    assert repr(bars(["a"], [1.0], caption="Sizes.")).startswith("Figure: Sizes. (")
    assert "save('figure.svg')" in repr(bars(["a"], [1.0], caption="Sizes."))


def test_labels_of_one_place_stand_beside_it_and_then_have_lines():
    places = Places((0, 0, 400, 400))
    beside = [places.find(200, 200, 60, 14) for _ in range(2)]
    assert [(placed.line, placed.box) for placed in beside] == [
        (None, (206, 193, 266, 207)),
        (None, (134, 193, 194, 207)),
    ]
    places.marks = [(160, 170, 240, 190), (160, 210, 240, 230)]  # above and below
    found = [*beside, *(places.find(200, 200, 60, 14) for _ in range(2))]
    assert not overlapping([placed.box for placed in found])
    x1, y1, x2, y2 = found[-1].line
    assert np.hypot(x1 - 200, y1 - 200) < 5
    left, top, right, bottom = found[-1].box
    assert left - 2 <= x2 <= right + 2
    assert top - 2 <= y2 <= bottom + 2
    assert Places((0, 0, 50, 400)).find(25, 200, 60, 14) is None  # no room


def test_the_second_name_of_one_place_stands_over_the_first_and_not_beside_it():
    places = Places((0, 0, 400, 400))
    found = [places.find(200, 200, 60, 14, on_point=True).box for _ in range(3)]
    assert found == [(170, 193, 230, 207), (170, 179, 230, 193), (170, 207, 230, 221)]


def test_names_of_groups_in_one_place_do_not_cover_each_other():
    draw = np.random.default_rng(1)
    middles = 0.35 * draw.normal(size=(16, 2))
    points = np.tile(middles, (10, 1))
    points[:4] = [[-5, -5], [5, 5], [-5, 5], [5, -5]]
    names = [f"group {i} of texts" for i in range(16)]
    figure = scatter(points, list(range(16)) * 10, names, ["x"] * 160, caption="map", named=True)
    for width in (NARROW, WIDE):
        named = [
            (left, base - 11, right, base + 3)
            for text, left, right, base, size in texts(figure.draw(width)[0])
            if size == 12
        ]
        assert len(named) == 16
        assert not overlapping(named)


def test_the_sizes_of_groups_are_those_given():
    figure = scatter([[0, 0], [1, 1]], [0, 1], ["a", "b"], ["x", "y"], caption="Map.", sizes=[3_781, 5])
    assert "a (3,781)</text>" in figure.svg
    assert figure.caption == "Map. 2 of 3,786 points are drawn; the legend counts all."


@pytest.mark.parametrize(
    ("points", "groups", "labels", "message"),
    [
        ([0.0, 1.0], [0, 0], ["x", "y"], r"points must be of shape \(n, 2\); got \(2,\)"),
        ([[0.0, 1.0]], [0, 0], ["x"], "one value for each of 1 points; got 2 and 1"),
        ([[0.0, 1.0]], [3], ["x"], "groups must be places in names, from 0 to 0; got 3 to 3"),
    ],
)
def test_a_map_of_something_else_is_refused(points, groups, labels, message):
    with pytest.raises(InputError, match=message):
        scatter(points, groups, ["one"], labels, caption="c")


@pytest.mark.parametrize("kind", every_figure())
def test_a_saved_svg_stands_alone(kind, tmp_path):
    every_figure(HOSTILE)[kind].save(tmp_path / "f.svg", width=320, font_size=12, font="Times New Roman, serif")
    root = ET.parse(tmp_path / "f.svg").getroot()
    assert root.tag == f"{SVG}svg"
    assert root.get("width") == "320"
    assert root.get("font-family").startswith("Times New Roman, serif")
    assert float(root.get("viewBox").split()[2]) == pytest.approx(320 * 13 / 12, rel=1e-4)
    assert root.find(f"{SVG}script") is None
    assert root.find(f"{SVG}title").text == HOSTILE or kind.startswith("ridgeline")
    written = (tmp_path / "f.svg").read_text(encoding="utf-8")
    assert "var(" not in written
    assert root.get("color").startswith("#")  # what currentColor means


def test_the_height_of_a_saved_figure_follows_its_layout(tmp_path):
    figure = bars(["a", "b"], [1, 2], caption="c")
    figure.save(tmp_path / "f.svg", width=720, font_size=26)
    root = ET.parse(tmp_path / "f.svg").getroot()
    assert root.get("viewBox").split()[2:] == ["360", f"{figure.draw(360)[1]:g}"]
    assert float(root.get("height")) == 2 * figure.draw(360)[1]


def test_a_figure_is_refused_another_ending_and_odd_sizes(tmp_path):
    figure = bars(["a"], [1], caption="c")
    with pytest.raises(InputError, match=r"a figure's file must end in \.svg, \.pdf or \.png; got '.*f\.jpg'"):
        figure.save(tmp_path / "f.jpg")
    with pytest.raises(InputError, match="width must be"):
        figure.save(tmp_path / "f.svg", width=20)
    with pytest.raises(InputError, match="font_size must be"):
        figure.save(tmp_path / "f.svg", font_size=100)
    with pytest.raises(InputError, match="font must be names of fonts"):
        figure.save(tmp_path / "f.svg", font=12)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(("ending", "module"), [("pdf", "svg2pdf_py"), ("png", "resvg_py")])
def test_pdf_and_png_name_the_extra_that_they_need(ending, module, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(MissingExtraError, match=r"pip install 'semspace\[figures\]'"):
        bars(["a"], [1], caption="c").save(tmp_path / f"f.{ending}")
    assert not list(tmp_path.iterdir())


def test_a_saved_png_has_three_dots_for_each_pixel(tmp_path):
    pytest.importorskip("resvg_py")
    figure = bars(["a", "b"], [1, 2], caption="c")
    figure.save(tmp_path / "f.png", width=300)
    data = (tmp_path / "f.png").read_bytes()
    assert data[:8] == b"\x89PNG\r\n\x1a\n"
    size = [int.from_bytes(data[at : at + 4], "big") for at in (16, 20)]
    assert size == [900, 3 * figure.draw(300)[1]]


def test_a_saved_pdf_has_its_size_in_points_and_its_font(tmp_path):
    pytest.importorskip("svg2pdf_py")
    figure = bars(["a", "b"], [1, 2], caption="c")
    figure.save(tmp_path / "f.pdf", width=320)
    data = (tmp_path / "f.pdf").read_bytes()
    assert data.startswith(b"%PDF-")
    box = re.search(rb"/MediaBox ?\[([^\]]*)\]", data)[1].split()
    assert [float(value) for value in box] == pytest.approx([0, 0, 240, 0.75 * figure.draw(320)[1]], abs=0.5)
    assert b"/Font" in data
    scatter([[0, 0], [1, 1]], [0, 0], [""], ["x", "y"], caption="c").save(tmp_path / "f.pdf")  # without letters
    assert (tmp_path / "f.pdf").read_bytes().startswith(b"%PDF-")


def test_a_notebook_gets_a_picture_beside_the_html():
    figure = every_figure()["scatter"]
    assert figure._repr_html_().startswith("<figure><svg")
    picture = figure._repr_svg_()
    assert ET.fromstring(picture).tag == f"{SVG}svg"
    assert picture.count("<title>") == 1  # its own: no tooltips


@pytest.mark.parametrize("n", [3, 6, 7, 12])
def test_numbers_of_a_heatmap_stay_in_their_cells_or_are_left_out(n):
    figure = heatmap(np.full((n, n), 1.234), [f"corpus {i}" for i in range(n)], caption="c", decimals=3)
    for width in (NARROW, WIDE):
        elements = figure.draw(width)[0].split("</g>")[:-1]  # the cells; the legend comes after them
        cell = float(re.search(r'<rect [^>]*width="([\d.]+)"', elements[0])[1])
        numbers = [text for one in elements for text in texts(one) if text[0] == "1.234"]
        assert len(numbers) in (0, n * n)
        assert all(right - left <= cell + 1 for _, left, right, _, _ in numbers)
    assert len(numbers) == n * n  # on a desk all have room
