"""A clustering as a page and as figures: complete, offline, and safe with hostile texts."""

import json
import re
from dataclasses import replace
from datetime import date, datetime

import nbclient
import nbformat
import numpy as np
import pytest

import semspace as ss
from semspace.clusters import projection
from semspace.clusters.over_time_section import period_names
from semspace.clusters.projection import project
from semspace.clusters.stability import in_words
from semspace.errors import InputError
from semspace.report import Figure, dendrogram
from semspace.report.text_width import measure
from tests.colours import contrast

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


def test_a_period_needs_times(groups, tmp_path):
    with pytest.raises(InputError, match="period='month' is the length of the periods of times="):
        groups.to_html(tmp_path / "page.html", period="month")
    assert not list(tmp_path.iterdir())


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
def test_the_legend_of_the_map_and_the_table_have_the_same_counts(groups, drawn):
    copies = ["one text"] * 30  # of documents with the same vector, one is drawn
    vectors = np.concatenate([groups.space.vectors, np.repeat(groups.space.vectors[:1], 30, axis=0)])
    space = ss.Space.from_vectors(
        [f"d{i}" for i in range(150)], vectors, {"text": [*groups.space.metadata["text"], *copies]}
    )
    found = ss.cluster(space, outliers=0.1, progress=False)
    page = found.page(date="")
    groups_section, map_section, *_, quality, _methods = page.sections
    figure = found.plot("map", most=drawn)
    assert (figure.svg == map_section.blocks[0].svg) == (drawn == 2_000)
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
    assert [row[1] for row in quality.blocks[-1].rows] == found.sizes.tolist()
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


def over_time(groups, times):
    return next(section for section in groups.page(times).sections if section.title == "Over time")


def test_over_time_shows_every_group_in_a_chart_and_a_table(groups):
    figure, table = over_time(groups, "year").blocks
    assert figure.svg.count("<polyline") == len(groups) == len(table.rows)
    assert figure.caption == "Share of each period's documents in each group."
    assert table.headers == ("group", "2000", "2001", "2002", "2003")
    shares = groups.over_time("year")
    for name, *cells in table.rows:
        assert cells == [f"{share:.1%}" for share in shares.filter(name=name)["share"]]
        assert f">{name}<" in figure.svg


def test_many_periods_are_divided_into_tables_whose_columns_all_show(groups):
    periods = [f"autumn-{i % 9}" for i in range(120)]
    _, *tables = over_time(groups, periods).blocks
    assert [table.headers for table in tables] == [
        ("group", "autumn-0", "autumn-1", "autumn-2", "autumn-3"),
        ("group", "autumn-4", "autumn-5", "autumn-6", "autumn-7", "autumn-8"),
    ]
    assert [table.caption for table in tables] == [
        "Share of each period's documents, autumn-0 to autumn-3",
        "Share of each period's documents, autumn-4 to autumn-8",
    ]
    _, *days = over_time(groups, "day").blocks
    assert [len(table.headers) for table in days] == [6, 6] or [len(table.headers) for table in days] == [7, 7]


def test_periods_are_named_by_months_and_years_where_they_start_with_them():
    assert period_names([date(2024, 1, 1), date(2025, 1, 1)]) == ["2024", "2025"]
    assert period_names([date(2024, 1, 1), date(2024, 2, 1)]) == ["2024-01", "2024-02"]
    assert period_names([datetime(2024, 3, 1), datetime(2024, 4, 1)]) == ["2024-03", "2024-04"]
    assert period_names([date(2024, 3, 1), date(2024, 4, 15)]) == ["2024-03-01", "2024-04-15"]
    assert period_names([datetime(2024, 3, 13, 21, 36), datetime(2024, 3, 14)]) == ["2024-03-13", "2024-03-14"]
    assert period_names([datetime(2024, 3, 13, 9), datetime(2024, 3, 13, 21)]) == [
        "2024-03-13 09:00",
        "2024-03-13 21:00",
    ]
    assert period_names([1990, 1991]) == ["1990", "1991"]
    assert period_names(["spring", "summer"]) == ["spring", "summer"]


def test_months_are_headers(groups):
    figure, *tables = over_time(groups, [date(2020, 1 + i % 6, 1) for i in range(120)]).blocks
    assert tables[0].headers == ("group", *(f"2020-0{month}" for month in range(1, 7)))
    assert ">2020-01</text>" in figure.svg


def test_the_length_of_periods_can_be_chosen(groups):
    section = next(one for one in groups.page("day", period="quarter").sections if one.title == "Over time")
    assert section.blocks[1].headers == ("group", "2020-01", "2020-04", "2020-07", "2020-10")
    with pytest.raises(InputError, match="period must be"):
        groups.page("day", period="fortnight")


# -- how reliable ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("stability", "said"),
    [
        ([0.905, 0.803, 0.706, 0.983, 0.729, 0.568, 0.918], "Of 7 groups, 4 are stable and 3 are uncertain."),
        ([0.75, 0.5, 0.4999], "Of 3 groups, 1 is stable, 1 is uncertain and 1 is unreliable."),
        ([0.9, 0.8], "All 2 groups are stable."),
        ([0.9, np.nan], "Of 2 groups, 1 is stable and 1 is not measured."),
        ([np.nan, np.nan], "Whether the groups are stable wasn't measured."),
        ([np.nan], "The stability of a single group can't be measured."),
    ],
)
def test_stability_has_one_wording(stability, said):
    assert in_words(np.array(stability)) == said


def test_a_page_says_one_thing_about_stability(groups):
    changed = replace(groups, stability=np.array([0.75, 0.6, 0.4]))
    written = changed.page()
    said = "Of 3 groups, 1 is stable, 1 is uncertain and 1 is unreliable."
    quality = next(section for section in written.sections if section.title == "How reliable are the groups?")
    assert said in written.verdict
    assert quality.blocks[0].text == f"{said} Unreliable: {changed.names[2]}."
    assert [str(row[2]) for row in quality.blocks[1].rows] == ["0.750, stable", "0.600, uncertain", "0.400, unreliable"]
    assert f"unreliable, as rarely found again in samples (stability below 0.5): {changed.names[2]}" in repr(changed)


def test_a_page_of_few_documents_claims_no_stability():
    written = ss.cluster(cloud(6), n_clusters=2, progress=False).page()
    assert "Whether the groups are stable wasn't measured." in written.verdict
    for section in written.sections:
        for block in section.blocks:
            assert not hasattr(block, "rows") or len(block.rows), section.title


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
    figure = groups.plot(kind, interactive=True, **options)
    shown = figure.to_json()
    assert "<script" not in shown
    assert "<i>" not in shown
    figure.write_html(tmp_path / "figure.html", include_plotlyjs=True)
    assert "cdn.plot.ly/plotly" not in (tmp_path / "figure.html").read_text(encoding="utf-8")[:2_000]
    assert figure.layout.title.text
    for paper in ("#ffffff", "#000000"):
        assert contrast(figure.layout.font.color, paper) >= 4.5


def test_a_map_draws_every_group_and_those_in_none(groups):
    figure = groups.plot("map", interactive=True)
    assert sum(len(trace.x) for trace in figure.data) == 120
    assert figure.data[-1].name == "no group"
    assert len(figure.data[-1].x) == 6
    assert len(figure.layout.annotations) == 3


def test_a_figure_over_time_shows_the_shares_of_the_table(groups):
    figure = groups.plot("time", interactive=True, times="year", groups=[1])
    assert figure.layout.title.text == "1 of 3 groups over time, with 95% intervals"
    all_groups = groups.plot("time", interactive=True, times="year")
    assert all_groups.layout.title.text == "Groups over time, with 95% intervals"
    shares = groups.over_time("year").filter(group=1)
    assert list(figure.data[1].y) == shares["share"].to_list()
    assert list(figure.data[0].y)[:4] == shares["high"].to_list()


@pytest.mark.parametrize(
    ("kind", "options"), [("map", {}), ("sizes", {}), ("hierarchy", {}), ("time", {"times": "year"})]
)
def test_a_figure_of_the_report_comes_by_itself(groups, kind, options):
    figure = groups.plot(kind, **options)
    in_report = [block for section in groups.page("year").sections for block in section.blocks]
    assert figure.svg in [block.svg for block in in_report if isinstance(block, Figure)]
    assert "<script" not in figure.svg
    assert "<i>" not in figure.svg


def test_chosen_groups_are_drawn_over_time(groups):
    figure = groups.plot("time", times="year", groups=[1])
    assert figure.svg.count("<polyline") == 1
    assert groups.plot("time", times="year").svg.count("<polyline") == 3


def test_a_map_is_computed_once(groups, monkeypatch):
    fresh = groups.rename({})
    computed = []
    monkeypatch.setattr(projection, "layout", lambda vectors: computed.append(1) or vectors[:, :2].astype(float))
    fresh.plot("map")
    fresh.page()
    fresh.plot("map", interactive=True)
    assert len(computed) == 1
    fresh.plot("map", most=50)
    assert len(computed) == 2


def test_names_on_an_interactive_map_do_not_cover_each_other(groups):
    for label in groups.plot("map", interactive=True).layout.annotations:
        assert label.arrowhead == 0
    draw = np.random.default_rng(0)
    middles = draw.normal(size=(12, 30)) * 0.1
    space = ss.Space.from_vectors(
        [str(i) for i in range(240)], np.tile(middles, (20, 1)) + draw.normal(size=(240, 30)) * 0.05
    )
    many = ss.cluster(space, n_clusters=12, progress=False)
    places = projection.project(many)[1]
    figure = many.plot("map", interactive=True)
    scale = min(np.array([640, 380]) / np.ptp(places, axis=0))
    assert len(figure.layout.annotations) == 12
    boxes = []
    for label in figure.layout.annotations:
        x, y, half = label.x * scale + label.ax, -label.y * scale + label.ay, measure(label.text, 12) / 2
        boxes.append((x - half, y - 8, x + half, y + 8))
    for i, a in enumerate(boxes):
        for b in boxes[:i]:
            assert a[0] >= b[2] or b[0] >= a[2] or a[1] >= b[3] or b[1] >= a[3]


def test_groups_of_an_interactive_map_have_marks_of_their_own():
    draw = np.random.default_rng(0)
    space = ss.Space.from_vectors(
        [str(i) for i in range(160)], np.tile(np.eye(16), (10, 1)) + draw.normal(size=(160, 16)) * 0.01
    )
    figure = ss.cluster(space, n_clusters=16, progress=False).plot("map", interactive=True)
    assert len({(trace.marker.color, trace.marker.symbol) for trace in figure.data}) == 16


def test_an_interactive_figure_carries_an_image_for_a_notebook_that_is_exported(groups):
    figure = groups.plot("sizes", interactive=True)
    bundle = figure._repr_mimebundle_()
    assert bundle["image/svg+xml"] == groups.plot("sizes")._repr_svg_()
    assert bundle["application/vnd.plotly.v1+json"]["data"][0]["type"] == "bar"
    json.dumps(bundle)


@pytest.fixture(scope="module")
def notebook():
    """A notebook that was run, whose two cells draw an interactive figure and a static one."""
    code = """
import numpy as np, semspace as ss
vectors = np.tile(np.eye(4), (10, 1)) + np.arange(160).reshape(40, 4) / 9e3
space = ss.Space.from_vectors([str(i) for i in range(40)], vectors)
groups = ss.cluster(space, n_clusters=4, progress=False)
"""
    cells = [code + "groups.plot('sizes', interactive=True)", "groups.plot('sizes')"]
    book = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
    nbclient.NotebookClient(book, timeout=120, kernel_name="python3").execute()
    return book


def test_a_notebook_holds_an_image_of_every_figure(notebook):
    interactive, static = (cell["outputs"][-1]["data"] for cell in notebook["cells"])
    assert set(interactive) == {"application/vnd.plotly.v1+json", "text/html", "image/svg+xml", "text/plain"}
    assert {"text/html", "image/svg+xml"} <= set(static)
    assert interactive["text/html"] == static["text/html"]  # no script, which Plotly's own would be
    for output in (interactive, static):
        assert "".join(output["image/svg+xml"]).startswith('<svg xmlns="http://www.w3.org/2000/svg"')


def test_a_notebook_that_is_exported_shows_every_figure(notebook):
    nbconvert = pytest.importorskip("nbconvert")
    written, _ = nbconvert.HTMLExporter().from_notebook_node(notebook)
    assert len(re.findall(r'<figure>\s*<svg [^>]*viewBox="0 0 720', written, re.IGNORECASE)) == 2


def test_markdown_is_not_written_over_another_kind_of_file(groups, tmp_path):
    (tmp_path / "g.html").write_text("a report")
    with pytest.raises(InputError, match=r"path must end in \.md, \.markdown or \.txt; got '.*g\.html'"):
        groups.to_markdown(tmp_path / "g.html")
    assert (tmp_path / "g.html").read_text() == "a report"


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


# -- methods, to cite -----------------------------------------------------------------------------------------


def cloud(n, **columns):
    return ss.Space.from_vectors(
        [str(i) for i in range(n)], np.random.default_rng(0).normal(size=(n, 6)), columns or None
    )


def test_methods_of_groups_name_what_was_done(groups):
    found = groups.methods()
    assert found.text.startswith(
        "120 documents were divided into 3 groups. Documents were represented by vectors of 12"
    )
    assert "Groups were found by the Leiden algorithm (Traag et al. 2019)" in found.text
    assert "6 documents, the least similar to their neighbours, were left without a group, as 5% of all" in found.text
    low, high = groups.stability.min(), groups.stability.max()
    assert f"(Hennig 2007); it is {low:.2f} to {high:.2f} here" in found.text
    assert f"Computed with semspace {ss.__version__} (numpy {np.__version__}, " in found.text
    assert found.text.endswith("random numbers were drawn from the seed 0.")
    assert [line.split(" (")[0] for line in found.references] == [
        "C. Hennig",
        "V. A. Traag, L. Waltman and N. J. van Eck",
    ]
    assert found.bibtex.count("@article{") == 2
    assert str(found) == repr(found) == "\n".join([found.text, "", "References", *found.references])
    section = groups.page().sections[-1]
    assert section.title == "Methods, to cite"
    assert section.blocks[0].text == found.text
    assert section.blocks[2].text == found.bibtex


def test_every_label_of_a_text_is_in_its_references(groups):
    found = groups.methods()
    for label in re.findall(r"\(([A-Z][^()]* \d{4})\)", found.text):
        family, year = label.split()[0], label[-4:]
        assert any(family in line and f"({year})" in line for line in found.references), label
    assert "[@" not in found.text


@pytest.mark.parametrize(
    ("method", "said"),
    [
        ("kmeans", "spherical k-means (Dhillon and Modha 2001)."),
        ("ward", "Ward's method (Ward 1963)."),
        ("hdbscan", "HDBSCAN (Campello et al. 2013) on"),
    ],
)
def test_methods_name_the_algorithm(method, said):
    found = ss.cluster(cloud(60), method=method, progress=False).methods()
    assert f"Groups were found by {said}" in found.text
    assert "Leiden" not in str(found)
    assert "Keywords" not in found.text  # there are no texts


def test_methods_of_many_points_say_how_they_were_found():
    found = ss.cluster(cloud(150), method="ward", n_clusters=3, progress=False, seed=4).methods().text
    assert "Ward's method (Ward 1963) on the centres of small groups that k-means finds." in found
    assert "from the seed 4." in found
    assert "different vectors" not in found
    sampled = ss.cluster(cloud(150), max_points=100, progress=False).methods().text
    assert "They were found in 100 of the 150 documents with different vectors; the others were assigned by" in sampled


def test_methods_of_few_documents_and_of_edited_groups_claim_nothing_that_was_not_done(groups):
    few = ss.cluster(cloud(6), n_clusters=2, progress=False).methods()
    assert "Hennig" not in str(few)
    assert "edited" not in groups.methods().text
    assert "edited by hand" in groups.rename({0: "ships"}).merge([0, 1]).methods().text
    table = {"text": ["a sea"], "year": [2000], "day": [date(2020, 1, 1)]}
    more = groups.update(ss.Space.from_vectors(["new"], groups.space.vectors[:1], table), progress=False)
    assert "Afterwards more documents were added" in more.methods().text


def test_methods_survive_saving(groups, tmp_path):
    groups.save(tmp_path / "g")
    assert str(ss.load(tmp_path / "g").methods()) == str(groups.methods())
