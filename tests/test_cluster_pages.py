"""A clustering as a page and as figures: complete, offline, and safe with hostile texts."""

import re
from datetime import date

import numpy as np
import pytest

import semspace as ss
from semspace.clusters.projection import project
from semspace.errors import InputError
from semspace.report import dendrogram

HOSTILE = "<script>alert('x')</script> <b>bold</b>"


@pytest.fixture(scope="module")
def groups():
    """Three groups of 40 directions; every text holds a script, and an id a tag."""
    draw = np.random.default_rng(3)
    kinds = np.repeat([0, 1, 2], 40)
    vectors = np.eye(12)[kinds] + draw.normal(scale=0.15, size=(120, 12))
    words = ["sea ship harbour", "gold ore mine", "cat fur paw"]
    table = {
        "text": [f"{HOSTILE} the {words[k]} {i}" for i, k in enumerate(kinds)],
        "year": [2000 + i % 4 for i in range(120)],
        "day": [date(2020, 1 + i % 12, 1) for i in range(120)],
    }
    space = ss.Space.from_vectors([f"<i>{i}" for i in range(120)], vectors, table)
    return ss.cluster(space, outliers=0.05, progress=False)


def page(groups, folder, **options):
    groups.to_html(folder / "page.html", **options)
    return (folder / "page.html").read_text(encoding="utf-8")


def test_the_page_has_every_section_and_no_script_of_a_text(groups, tmp_path):
    written = page(groups, tmp_path, times="year")
    for title in (
        "The groups",
        "A map",
        "Which groups are similar?",
        "Documents",
        "How reliable are the groups?",
        "Over time",
    ):
        assert f">{title}</h2>" in written
    assert not re.search(r"<(i|b)[ >]", written)
    assert written.count("<script") == 1
    assert "&lt;script&gt;" in written
    assert not re.search(r"(src|href)=.?https?:", written)
    assert "6 documents were left without a group, as requested." in written


def legend_of(figure):
    return {name: int(size.replace(",", "")) for name, size in re.findall(r">([^<>]+) \(([\d,]+)\)</text>", figure.svg)}


@pytest.mark.parametrize("drawn", [50, 2_000])
def test_the_legend_of_the_map_and_the_table_have_the_same_counts(groups, monkeypatch, drawn):
    monkeypatch.setattr("semspace.clusters.page.MAX_DRAWN", drawn)
    copies = ["one text"] * 30  # of documents with the same vector, one is drawn
    vectors = np.concatenate([groups.space.vectors, np.repeat(groups.space.vectors[:1], 30, axis=0)])
    space = ss.Space.from_vectors(
        [f"d{i}" for i in range(150)], vectors, {"text": [*groups.space.metadata["text"], *copies]}
    )
    found = ss.cluster(space, outliers=0.1, progress=False)
    page = found.page(date="")
    groups_section, map_section, *_, quality = page.sections
    (figure,) = map_section.blocks
    table = groups_section.blocks[0]
    legend = legend_of(figure)
    outliers = legend.pop("no group")
    assert outliers == len(found.outliers) > 0
    assert list(legend.values()) == [row[2] for row in table.rows] == found.sizes.tolist()
    assert sum(legend.values()) + outliers == 150
    assert figure.caption.endswith(f"{min(drawn, 120)} of 150 documents are drawn; the legend counts all.")
    assert "150 documents in" in page.title
    bars = groups_section.blocks[1]
    assert sorted(int(size) for size in re.findall(r'text-anchor="end">(\d+)</text>', bars.svg)) == sorted(found.sizes)
    assert [row[2] for row in quality.blocks[-1].rows] == found.sizes.tolist()
    assert f"with {found.sizes[0]:,} documents" in page.verdict


def test_a_map_of_all_says_nothing_of_a_selection(groups):
    (figure,) = groups.page().sections[1].blocks
    assert "drawn" not in figure.caption


def test_a_page_has_a_title_a_date_and_its_origin(groups, tmp_path):
    written = page(groups, tmp_path, title="Ships & cats", date=date(2026, 11, 29))
    assert "<h1>Ships &amp; cats</h1>" in written
    assert "120 documents in 3 groups." in written
    assert f"Written on 2026-11-29 by semspace {ss.__version__}." in written
    groups.to_markdown(tmp_path / "page.md", title="Ships", date="")
    assert (tmp_path / "page.md").read_text(encoding="utf-8").startswith("# Ships\n\n120 documents in 3 groups.")
    with pytest.raises(InputError, match="title must be a text; got ''"):
        groups.to_html(tmp_path / "no.html", title="")


def test_periods_that_are_not_whole_numbers_become_a_table(groups, tmp_path):
    assert "2020-01-01" in page(groups, tmp_path, times="day")


def test_a_page_of_one_group(tmp_path):
    space = ss.Space.from_vectors(["a", "b"], [[1.0, 0.0], [0.9, 0.1]])
    written = page(ss.cluster(space, progress=False), tmp_path)
    assert "2 documents in 1 group<" in written
    assert "Which groups are similar?" not in written


def test_the_tree_says_who_merges_first(groups):
    figure = dendrogram(groups.tree, ["<one>", "two", "three"], caption="Near.")
    assert figure.svg.count("<polyline") == 2
    assert "&lt;one&gt;" in figure.svg
    a, b = (["<one>", "two", "three"][int(at)] for at in groups.tree[0, :2])
    assert f"{a} with {b} at {groups.tree[0, 2]:.2f}" in figure.description


def test_the_map_is_the_same_each_time_and_keeps_groups_together(groups):
    rows, places = project(groups)
    again = project(groups)[1]
    np.testing.assert_array_equal(places, again)
    assert sorted(rows.tolist()) == list(range(120))
    labels = groups.labels[rows]
    middles = np.stack([places[labels == g].mean(axis=0) for g in range(3)])
    apart = ((places[labels >= 0][:, None] - middles) ** 2).sum(axis=2)
    assert (apart.argmin(axis=1) == labels[labels >= 0]).mean() > 0.95


def test_few_points_are_placed_without_neighbourhoods():
    space = ss.Space.from_vectors(list("abc"), np.eye(3))
    _, places = project(ss.cluster(space, n_clusters=2, progress=False))
    assert places.shape == (3, 2)
    assert len(np.unique(places.round(6), axis=0)) == 3


@pytest.mark.parametrize(
    ("kind", "options"), [("map", {"most": 50}), ("sizes", {}), ("hierarchy", {}), ("time", {"times": "year"})]
)
def test_figures_work_offline_and_show_hostile_texts_as_text(groups, tmp_path, kind, options):
    figure = groups.plot(kind, **options)
    shown = figure.to_json()
    assert "<script" not in shown
    assert "<i>" not in shown
    figure.write_html(tmp_path / "figure.html", include_plotlyjs=True)
    assert "cdn.plot.ly/plotly" not in (tmp_path / "figure.html").read_text(encoding="utf-8")[:2_000]
    assert figure.layout.title.text


def test_a_map_draws_every_group_and_those_in_none(groups):
    figure = groups.plot("map")
    assert sum(len(trace.x) for trace in figure.data) == 120
    assert figure.data[-1].name == "no group"
    assert len(figure.data[-1].x) == 6
    assert len(figure.layout.annotations) == 3


def test_a_figure_over_time_shows_the_shares_of_the_table(groups):
    figure = groups.plot("time", times="year", groups=[1])
    shares = groups.over_time("year").filter(group=1)
    assert list(figure.data[1].y) == shares["share"].to_list()
    assert list(figure.data[0].y)[:4] == shares["high"].to_list()


def test_what_is_asked_of_figures_is_checked(groups):
    with pytest.raises(InputError, match="kind must be"):
        groups.plot("pie")
    with pytest.raises(InputError, match=r"'sizes'.* has no option 'times'; it takes none"):
        groups.plot("sizes", times="year")
    with pytest.raises(InputError, match="needs times="):
        groups.plot("time")
    with pytest.raises(InputError, match="no column 'century'"):
        groups.plot("time", times="century")
    with pytest.raises(InputError, match="each of groups must be"):
        groups.plot("time", times="year", groups=[3])
    with pytest.raises(InputError, match="has one"):
        groups.coarsen(1).plot("hierarchy")


def test_a_notebook_shows_the_table_and_the_tree(groups):
    shown = groups._repr_html_()
    assert "<table " in shown
    assert "<svg" in shown
    assert "<svg" not in groups.coarsen(2)._repr_html_()
