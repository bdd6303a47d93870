"""Maps as values: what the quality card counts, where new points stand, and that nothing is lost on disk."""

import base64
import hashlib
import html
import importlib.util
import json
import re

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import spearmanr
from sklearn.manifold import trustworthiness

import semspace as ss
from semspace import queries
from semspace.cli import main
from semspace.errors import DamagedError, InputError, MissingExtraError, UnknownIdError
from semspace.maps import methods, quality
from semspace.projections import placing
from semspace.report import page as pages
from semspace.report.point_map import PointMap

EXTRAS = {"umap": "umap", "pacmap": "pacmap"}


def points(n=90, dim=8, groups=3, seed=0):
    """Return a space of groups of points, with texts."""
    draw = np.random.default_rng(seed)
    of = np.arange(n) % groups
    vectors = draw.normal(size=(groups, dim))[of] * 2 + draw.normal(size=(n, dim))
    table = {"text": [f"text <b>{i}" for i in range(n)], "topic": [f"topic {g}" for g in of]}
    return ss.Space.from_vectors([f"d{i}" for i in range(n)], vectors, table)


@pytest.fixture(scope="module")
def space():
    return points()


@pytest.fixture(scope="module")
def drawn(space):
    return ss.project(space, "tsne", groups="topic", repeats=1)


@pytest.fixture(scope="module")
def on_axes(space):
    return ss.project(space, "pca")


# -- what the card counts ---------------------------------------------------------------------------------------


def on_a_line(positions):
    """Return unit vectors at these angles, and places at these positions."""
    angles = np.array(positions, dtype=np.float64)
    return np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32), np.stack([angles, 0 * angles], 1)


def test_a_map_that_keeps_everything_has_the_best_card():
    vectors, places = on_a_line(np.linspace(0, 1, 13) ** 2)
    found = quality.faithfulness(vectors, places, k=3)
    assert (found.trustworthiness, found.continuity, found.overlap) == (1, 1, 1)
    assert found.rank_correlation == pytest.approx(1, abs=1e-3)


def test_one_false_neighbour_counts_its_rank():
    # Nearest by angle: 0.0→0.1, 0.1→0.0, 0.3→0.1, 0.7→0.3. On the map the first stands beside the last.
    vectors, places = on_a_line([0.0, 0.1, 0.3, 0.7])
    places[0, 0] = 0.75
    found = quality.faithfulness(vectors, places, k=1)
    # The map's nearest: of the first and the last each other, of rank 3; of the second the third, of rank 2; of the
    # third the second, of rank 1. So 2 + 2 + 1 ranks beyond the first; the most for 4 points and one neighbour is
    # 4 * (8 - 4) / 2.
    assert found.trustworthiness == pytest.approx(1 - 5 / 8)
    assert found.overlap == pytest.approx(1 / 4)


def test_the_counts_are_those_of_scikit_learn_and_scipy():
    draw = np.random.default_rng(0)
    vectors = queries.unit(draw.normal(size=(80, 6)).astype(np.float32))
    places = vectors[:, :2].astype(np.float64) + 0.3 * draw.normal(size=(80, 2))
    found = quality.faithfulness(vectors, places, k=7)
    assert found.trustworthiness == pytest.approx(trustworthiness(vectors, places, n_neighbors=7))
    assert found.continuity == pytest.approx(trustworthiness(places, vectors, n_neighbors=7))
    i, j = np.triu_indices(80, 1)
    exact = spearmanr(1 - (vectors[i] * vectors[j]).sum(1), np.linalg.norm(places[i] - places[j], axis=1)).statistic
    assert found.rank_correlation == pytest.approx(exact, abs=0.01)


def test_a_map_without_sense_keeps_what_chance_does():
    draw = np.random.default_rng(1)
    vectors = queries.unit(draw.normal(size=(400, 6)).astype(np.float32))
    found = quality.faithfulness(vectors, draw.normal(size=(400, 2)))
    assert found.trustworthiness == pytest.approx(0.5, abs=0.03)
    assert found.overlap == pytest.approx(10 / 399, abs=0.02)
    assert abs(found.rank_correlation) < 0.05


def test_of_many_points_a_sample_is_counted_against_all(monkeypatch):
    draw = np.random.default_rng(2)
    vectors = queries.unit(draw.normal(size=(500, 6)).astype(np.float32))
    places = vectors[:, :2].astype(np.float64)
    whole = quality.faithfulness(vectors, places)
    monkeypatch.setattr(quality, "ASKED", 250)
    sample = quality.faithfulness(vectors, places)
    assert (whole.n_asked, sample.n_asked) == (500, 250)
    assert sample.trustworthiness == pytest.approx(whole.trustworthiness, abs=0.01)
    assert sample.overlap == pytest.approx(whole.overlap, abs=0.03)


def test_neighbours_that_stay_when_a_map_is_drawn_again():
    places = on_a_line([0.0, 0.1, 0.3, 0.7])[1]
    turned = -2 * places[:, ::-1]
    assert quality.kept_neighbors([places, turned], k=1).tolist() == [1, 1, 1, 1]
    moved = places.copy()
    moved[0, 0] = 0.75  # beside the last: of the four only the third keeps its neighbour
    assert quality.kept_neighbors([places, moved], k=1).tolist() == [0, 0, 1, 0]
    assert quality.kept_neighbors([places, turned, moved], k=1) == pytest.approx([1 / 3, 1 / 3, 1, 1 / 3])


def test_points_at_one_place_have_others_as_neighbours():
    found = quality._map_neighbors(np.zeros((9, 2)), 2)
    assert found.shape == (9, 2)
    assert not (found == np.arange(9)[:, None]).any()


def test_places_by_chance_are_those_that_keep_few_neighbours(drawn, on_axes):
    assert drawn.quality.repeatability == pytest.approx(drawn.repeatability.mean())
    assert drawn.quality.chance == (drawn.repeatability < 0.5).mean()
    assert (on_axes.quality.repeatability, on_axes.quality.chance) == (1, 0)
    unmeasured = ss.project(drawn.space, repeats=0)
    assert np.isnan(unmeasured.quality.chance)
    assert not unmeasured.by_chance.any()


# -- maps ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", methods.NAMES)
def test_every_method_keeps_to_the_contract(space, method):
    if importlib.util.find_spec(EXTRAS.get(method, "sklearn")) is None:
        with pytest.raises(MissingExtraError, match=r"pip install 'semspace\[maps\]'"):
            ss.project(space, method)
        return
    one, again = (ss.project(space, method, seed=3, repeats=1) for _ in range(2))
    assert one.coordinates.shape == (90, 2)
    assert not one.coordinates.flags.writeable
    np.testing.assert_array_equal(one.coordinates, again.coordinates)
    np.testing.assert_array_equal(one.repeatability, again.repeatability)
    assert one.quality == again.quality
    assert one.quality.trustworthiness > 0.7
    assert one.provenance["method"] == method
    np.testing.assert_allclose(one.place(space.vectors), one.coordinates, atol=1e-9)


def test_equal_vectors_have_one_place_and_count_once():
    few = points(40)
    twice = ss.Space.from_vectors(range(80), np.vstack([few.vectors, 2 * few.vectors]))
    map = ss.project(twice, repeats=1)
    np.testing.assert_array_equal(map.coordinates[:40], map.coordinates[40:])
    assert map.quality.n == 40


def test_principal_axes_are_those_of_scikit_learn(space, on_axes):
    from sklearn.decomposition import PCA

    expected = PCA(2).fit_transform(queries.unit(space.vectors))
    found = on_axes.coordinates
    np.testing.assert_allclose(np.abs(found), np.abs(expected), atol=1e-5)


def test_of_many_points_a_sample_is_drawn_again(monkeypatch, space):
    monkeypatch.setattr(quality, "REPEATED", 40)
    map = ss.project(space, repeats=1)
    assert np.isfinite(map.repeatability).sum() == map.quality.repeated == 40
    assert map.to_frame()["repeatability"].null_count() == 50
    assert map.to_frame()["by_chance"].null_count() == 50
    assert "40 points of 90" in map.quality.to_frame()["source"][-1]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"method": "tsen"}, "method must be one of pca, pacmap, tsne, umap|did you mean 'tsne'"),
        ({"seed": -1}, "seed must be"),
        ({"repeats": 21}, "repeats must be a whole number from 0 to 20"),
        ({"groups": "tpoic"}, "groups: there is no column 'tpoic'"),
        ({"groups": ["a"]}, "groups must hold a value for each of 90 points; got 1"),
        ({"groups": ss.cluster(points(40, seed=1), n_clusters=2, progress=False)}, "a clustering of this space"),
    ],
)
def test_what_is_asked_of_a_projection_is_checked(space, options, message):
    with pytest.raises(InputError, match=message):
        ss.project(space, **options)


def test_a_projection_needs_different_points():
    with pytest.raises(InputError, match=r"at least 4 points in 2 dimensions; this space has 3 point\(s\) in 8"):
        ss.project(points(3))
    same = ss.Space.from_vectors(range(9), np.tile([1.0, 2.0], (9, 1)))
    with pytest.raises(InputError, match="at least 4 different points; the vectors here are 1"):
        ss.project(same)


# -- new points ---------------------------------------------------------------------------------------------------


def test_a_new_point_stands_at_the_weighted_mean_of_its_neighbours():
    anchors = np.array([[1, 0], [0, 1], [-1, 0]], np.float32)
    places = np.array([[0.0, 0.0], [4.0, 8.0], [100.0, 100.0]])
    # Halfway between the first two: equal weights.
    assert placing.among_neighbors(anchors, places, np.array([[2, 2]], np.float32), k=2).tolist() == [[2, 4]]
    # (0.6, 0.8): squared distances 0.8 and 0.4, so weights 1 : 4.
    near = placing.among_neighbors(anchors, places, np.array([[3, 4]], np.float32), k=2)
    np.testing.assert_allclose(near, [[3.2, 6.4]], rtol=1e-6)


@settings(max_examples=25, deadline=None)
@given(st.data())
def test_a_place_does_not_depend_on_the_company(drawn, on_axes, data):
    n = data.draw(st.integers(1, 40))
    draw = np.random.default_rng(data.draw(st.integers(0, 2**32 - 1)))
    new = draw.normal(size=(n, 8)).astype(np.float32)
    chosen = data.draw(st.lists(st.integers(0, n - 1), min_size=1, max_size=12))
    for map in (drawn, on_axes):
        together = map.place(new)
        np.testing.assert_array_equal(map.place(new[chosen]), together[chosen])
    known = drawn.place(drawn.space.vectors[::-1])
    np.testing.assert_array_equal(known, drawn.coordinates[::-1])


def test_new_points_stand_among_their_own_group(drawn):
    centers = {g: drawn.coordinates[drawn.groups == g].mean(axis=0) for g in range(3)}
    means = np.stack([drawn.space.vectors[drawn.groups == g].mean(axis=0) for g in range(3)])
    for g, place in enumerate(drawn.place(means)):
        assert min(centers, key=lambda one: np.linalg.norm(centers[one] - place)) == g


def test_what_is_placed_is_checked(drawn):
    assert drawn.place([]).shape == (0, 2)
    for wrong, message in [
        (np.ones((2, 7)), "points must have 8 columns"),
        (np.zeros((1, 8)), r"the vector \(row 0\) is all zeros"),
        (np.full((1, 8), np.nan), "holds NaN, infinity"),
        ("a text", "points must be a list"),
        (None, "points must be a list"),
        (["a text"], "no encoder"),
    ]:
        with pytest.raises(InputError, match=message):
            drawn.place(wrong)


@pytest.mark.parametrize("method", ["tsne", "pca"])
def test_a_narrow_space_is_drawn_and_takes_new_points(space, method):
    drawn = ss.project(space.quantize("int8"), method, repeats=0, progress=False)
    assert drawn.coordinates.shape == (90, 2)
    assert np.isfinite(drawn.place(space.vectors[:3] + 0.1)).all()


def test_groups_that_are_no_groups(space):
    with pytest.raises(InputError, match="groups must be a column, or a value for each point; got 3"):
        ss.project(space, "pca", groups=3)


# -- tables, figures, disk ----------------------------------------------------------------------------------------


def test_the_table_has_a_row_for_each_point(drawn):
    table = drawn.to_frame()
    assert table.columns == ["id", "x", "y", "repeatability", "by_chance", "group"]
    assert table["id"].to_list() == drawn.ids.tolist()
    assert table["group"].to_list() == drawn.space.metadata["topic"].to_list()
    assert table.filter(pl.col("by_chance") != (pl.col("repeatability") < 0.5)).is_empty()


def test_the_card_says_what_each_number_means(drawn):
    table = drawn.quality.to_frame()
    assert table["measure"].to_list() == [
        "trustworthiness", "continuity", "neighbours kept", "order of distances", "repeatability",
        "places by chance",
    ]  # fmt: skip
    assert "0.11 by chance" in table["meaning"][2]
    assert all(table["source"])
    assert "trustworthiness" in str(drawn.quality)
    assert "<table" in drawn.quality._repr_html_()


def test_the_figure_has_names_card_and_hollow_marks(drawn):
    figure = drawn.plot()
    assert "topic 0 (30)</text>" in figure.svg
    assert f">{drawn.quality.trustworthiness:.2f}</text>" in figure.svg
    assert "order of distances" in figure.narrow_svg
    assert figure.svg.count('fill="none" stroke=') == drawn.by_chance.sum()
    assert "&lt;b&gt;" in figure.svg
    assert "<b>" not in figure.svg
    assert "order of distances" not in drawn.plot(card=False).svg
    with pytest.raises(UnknownIdError):
        drawn.plot(labels=["nobody"])


def test_a_saved_projection_is_the_same(tmp_path, drawn):
    drawn.save(tmp_path / "map")
    back = ss.load(tmp_path / "map")
    assert repr(back) == repr(drawn)
    assert back.quality == drawn.quality
    assert back.to_frame().equals(drawn.to_frame())
    assert back.provenance == drawn.provenance
    np.testing.assert_array_equal(back.place(drawn.space.vectors[:3] + 1), drawn.place(drawn.space.vectors[:3] + 1))
    pca = ss.project(drawn.space, "pca")
    ss.save(pca, tmp_path / "pca")
    np.testing.assert_array_equal(ss.load(tmp_path / "pca").place([np.arange(8)]), pca.place([np.arange(8)]))
    unmeasured = ss.project(drawn.space, repeats=0)
    ss.save(unmeasured, tmp_path / "none")
    assert np.isnan(ss.load(tmp_path / "none").quality.chance)


def test_what_was_changed_on_disk_is_refused(tmp_path, drawn):
    from semspace.bundle import create_bundle
    from semspace.space import write_space

    with create_bundle(tmp_path / "map", "projection") as draft:
        draft.meta.update(method="tsne", quality=drawn.quality.stored(), names=["one"], provenance={})
        write_space(drawn.space, draft)
        draft.array("coordinates", drawn.coordinates)
        draft.array("repeatability", drawn.repeatability)
        draft.array("groups", drawn.groups)
    with pytest.raises(DamagedError, match="groups of points"):
        ss.load(tmp_path / "map")


# -- the page, and the command ------------------------------------------------------------------------------------


def numbers(page, name):
    """Return what a page holds under a name, as its script reads it."""
    return np.frombuffer(base64.b64decode(re.search(f'data-{name}="([^"]*)"', page)[1]), "<u2")


def test_a_page_holds_every_point_and_its_text(tmp_path, drawn):
    drawn.to_html(tmp_path / "map.html", title="Mine")
    page = (tmp_path / "map.html").read_text()
    places = numbers(page, "places").reshape(-1, 2)
    extent = np.ptp(drawn.coordinates, axis=0).max()
    np.testing.assert_allclose(
        places / 65535 * extent, drawn.coordinates - drawn.coordinates.min(axis=0), atol=extent / 65535
    )
    kinds = numbers(page, "kinds")
    assert (kinds // 2).tolist() == drawn.groups.tolist()
    assert (kinds % 2 == 1).tolist() == drawn.by_chance.tolist()
    lines = html.unescape(page.split("<pre hidden>\n")[1].split("</pre>")[0]).split("\n")
    assert lines == [f"d{i}: text <b>{i}" for i in range(90)]
    assert "<b>" not in page
    assert "<title>Mine</title>" in page
    for measure in drawn.quality.to_frame()["meaning"]:
        assert measure in html.unescape(page)


def test_the_policy_of_a_page_names_its_script(tmp_path, drawn):
    drawn.to_html(tmp_path / "map.html")
    page = (tmp_path / "map.html").read_text()
    script = page.split("<script>")[1].split("</script>")[0]
    assert "function pointMap" in script
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert f"script-src &#39;sha256-{digest}&#39;" in page or f"script-src 'sha256-{digest}'" in page


def test_a_hundred_thousand_points_are_less_than_five_megabytes():
    n = 100_000
    draw = np.random.default_rng(0)
    page = pages.Page(
        "many", "", (pages.Section("map", (PointMap(
            draw.normal(size=(n, 2)), draw.integers(0, 40, n), [f"group {i}" for i in range(40)], draw.random(n) < 0.1,
            lambda rows, width: [f"{row}: " + ("é&" * 100)[:width] for row in rows], "", "",
        ),)),),
    )  # fmt: skip
    text = pages.to_html(page)
    assert len(text.encode()) <= 5_000_000
    lines = text.split("<pre hidden>\n")[1].split("</pre>")[0].split("\n")
    assert len(lines) == n
    assert lines[0].startswith("0: é")
    assert 10_000 < sum(map(bool, lines)) < n


def test_short_texts_are_all_in_the_page():
    block = PointMap(np.eye(3, 2), np.zeros(3, int), [""], np.zeros(3, bool), lambda rows, _: ["", "a", "<"], "", "")
    assert block.lines == "\na\n&lt;"


def test_the_command_writes_a_page_a_figure_and_the_card(tmp_path, space, capsys):
    def run(*words):
        return main([str(word) for word in words]), capsys.readouterr()

    space.save(tmp_path / "docs.space")
    ss.cluster(space, n_clusters=3, progress=False).save(tmp_path / "groups")
    code, said = run("map", tmp_path / "docs.space", "--out", tmp_path / "a.html", "--method", "pca", "--json")
    assert code == 0
    assert json.loads(said.out)["quality"]["n"] == 90
    code, said = run("map", tmp_path / "groups", "-o", tmp_path / "b.svg", "--method", "pca")
    assert "Projection of 90 points in 3 groups by principal axes" in said.out
    assert "trustworthiness" in said.out
    assert (tmp_path / "b.svg").read_text().startswith("<?xml")
    for words, message in [
        ((tmp_path / "docs.space", "-o", tmp_path / "a.gif"), "--out must end in .html, .svg, .pdf, .png"),
        ((tmp_path / "docs.space", "-o", tmp_path / "a.html"), "add --overwrite"),
        ((tmp_path / "docs.space", "-o", tmp_path / "c.html", "--groups", "tpoic"), "no column 'tpoic'"),
        ((tmp_path / "docs.space", "-o", tmp_path / "c.html", "--method", "pac"), "--method must be one of"),
    ]:
        code, said = run("map", *words)
        assert code
        assert message in said.err
