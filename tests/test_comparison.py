"""Comparison as a whole: what it says of two corpora and of several, the same each time, and its ways out."""

import json
import re

import numba
import numpy as np
import polars as pl
import pytest
from threadpoolctl import threadpool_limits

import semspace as ss
from semspace.bundle import create_bundle
from semspace.comparison import stored
from semspace.comparison.distances import references
from semspace.display import to_json
from semspace.errors import DamagedError, ExistsError, InputError, SemspaceWarning, UnknownIdError
from semspace.report import Figure
from tests.clouds import clouds, space_of
from tests.sealing import seal

HOW = {"permutations": 199, "resamples": 99, "progress": False}


def compare(*given, **options):
    return ss.compare(*given, **{**HOW, "words": False, **options})


@pytest.fixture(scope="module")
def spaces():
    """Three corpora: the second elsewhere than the first, with two copies out of it; the third where the first is."""
    draw = np.random.default_rng(0)
    a, b, c = (draw.normal(size=(n, 6)).astype(np.float32) for n in (40, 50, 45))
    a[:, 0] += 2
    b[:, 1] += 2
    c[:, 0] += 2
    texts = [
        [f"The {noun} number {i} is {'red' if i % 2 else 'blue'} and {verb} in the sun." for i in range(n)]
        for noun, verb, n in (("apple", "grows", 40), ("engine", "runs", 50), ("pear", "ripens", 45))
    ]
    b[:2], texts[1][:2] = a[:2], texts[0][:2]
    return [
        ss.Space.from_vectors([str(i) for i in range(len(points))], points, {"text": own})
        for points, own in zip((a, b, c), texts, strict=True)
    ]


@pytest.fixture(scope="module")
def two(spaces):
    return compare(*spaces[:2], names=("fruit", "cars"), words=None)


@pytest.fixture(scope="module")
def three(spaces):
    return compare(*spaces, names=("fruit", "cars", "more fruit"))


# -- two corpora ----------------------------------------------------------------------------------------------


def test_a_difference_is_seen(two):
    table = two.distances()
    assert table["distance"].to_list() == ["mmd", "mmd_multi", "energy", "frechet", "classifier"]
    assert table["p_value"].max() < 0.02
    assert two.p_value == pytest.approx(1 / 200)
    assert ((table["low"] <= table["value"]) & (table["value"] <= table["high"])).all()
    assert (table["value"] > table["by_chance"]).all()
    assert table["halves_a"][:3].abs().max() < table["value"][:3].min() / 10
    assert two.distance("classifier").value > 0.8
    assert two.distance("energy").value == table["value"][2]
    verdict = two.verdict()
    assert verdict.startswith("“fruit” and “cars” differ in meaning")
    auc = two.distance("classifier")
    low, high = (f"{end:.0%}" if end < 0.995 or end == 1 else "over 99%" for end in auc.interval)
    assert f"tells which is which in {auc.value:.0%} of cases (95% interval {low} to {high}); 50% would" in verdict
    assert "Beware: 2 of “fruit”, 2 of “cars” are copies" in verdict


def test_no_difference_is_not_claimed():
    found = compare(*(space_of(cloud) for cloud in clouds(30, 30, seed=4)))
    assert found.p_value > 0.05
    assert found.verdict().startswith("No significant difference in meaning between “A” and “B” was found")
    assert len(found.words()) == len(found.shifted_words()) == 0  # there are no texts
    assert found.documents()["text"].null_count() == 60


def test_corpora_of_the_very_same_documents(spaces):
    found = compare(spaces[0], spaces[0])
    assert found.distances()["value"].to_list() == [0, 0, 0, 0, 0.5]
    assert found.distances()["p_value"].to_list() == [1.0] * 5
    assert found.p_value == 1.0
    assert found.verdict() == "“A” and “B” hold the very same documents: their distance is 0."
    assert found.overlap["exact"].to_list() == [40, 40]
    assert found.clusters()["difference"].abs().max() == 0
    assert "their distance is 0" in ss.report.to_markdown(found.page())


def test_documents_at_the_ends_hold_the_corpora_apart(two):
    table = two.documents()
    assert table.columns == ["corpus", "id", "text", "witness"]
    assert table["witness"].is_sorted(descending=True)
    assert (table.head(20)["corpus"] == "fruit").sum() > 15
    assert (table.tail(20)["corpus"] == "cars").sum() > 15
    row = table.row(-1, named=True)
    assert row["text"].startswith(f"The engine number {row['id']} ")


def test_words_and_copies_come_back(two):
    words = two.words()
    sure = words.filter(pl.col("q_value") < 0.05)["word"].to_list()
    assert {"apple", "grows", "engine", "runs"} <= set(sure)
    assert {"red", "blue", "the"}.isdisjoint(sure)
    copies = two.duplicates().filter(pl.col("kind") == "exact")
    assert copies.select("corpus_a", "a", "corpus_b", "b").rows() == [
        ("fruit", "0", "cars", "0"),
        ("fruit", "1", "cars", "1"),
    ]
    near = two.counterparts().filter(pl.col("score") > 0.9999)
    assert set(near.select("corpus", "id").rows()) == {(name, id) for name in ("fruit", "cars") for id in "01"}


def test_groups_of_one_corpus_only_are_seen(two):
    shares = two.clusters()
    assert shares["count_a"].sum() == 40
    assert shares["count_b"].sum() == 50
    assert shares["q_value"][0] < 1e-3
    assert "has more of" in two.verdict()


def test_a_matrix_of_two(two):
    laid = two.matrix("energy")
    assert laid.columns == ["corpus", "fruit", "cars"]
    assert laid["fruit"].to_list() == [None, two.distance("energy").value]
    for column, value in {"low": two.distance("mmd").interval[0], "p_value": two.distance("mmd").p_value}.items():
        assert two.matrix(column=column)["cars"][0] == value


def test_the_same_seed_gives_the_same_answers(spaces, two):
    """Whatever the number of threads."""
    threads = numba.get_num_threads()
    numba.set_num_threads(1)
    try:
        with threadpool_limits(1):
            again = compare(*spaces[:2], names=("fruit", "cars"), words=None)
    finally:
        numba.set_num_threads(threads)
    assert again.to_dict() == two.to_dict()


def test_languages_that_differ_are_said():
    english = [f"The weather was fine on day {i}, so we all went down to the sea." for i in range(8)]
    german = [f"Am Tag {i} war das Wetter schön, und wir gingen alle ans Meer hinunter." for i in range(8)]
    a, b = (
        ss.Space.from_vectors([str(i) for i in range(8)], cloud, {"text": texts})
        for cloud, texts in zip(clouds(8, 8), (english, german), strict=True)
    )
    with pytest.warns(SemspaceWarning, match="mainly in different languages"):
        found = compare(a, b)
    assert found.profiles()["language"].to_list() == ["en", "de"]
    assert "The corpora are in different languages" in ss.report.to_markdown(found.page())


def test_chance_is_no_more_than_certain():
    found = compare(*(space_of(cloud) for cloud in clouds(4, 4, shift=9.0)))
    assert found.distance("classifier").by_chance <= 1
    assert "No significant difference" in found.verdict() or "Its size is unknown" in found.verdict()
    assert "nan" not in ss.report.to_markdown(found.page())


def test_with_an_encoder_and_what_it_sees_as_far(tiny, monkeypatch):
    monkeypatch.setattr(
        references, "_MAX_DOCUMENTS", 40
    )  # documents of each that are known; of a hundred it takes seconds
    a = ss.Corpus.from_texts([f"aa ab {i}" for i in range(12)])
    b = ss.Corpus.from_texts([f"zz zy {i}" for i in range(12)])
    found = compare(a, b, encoder=tiny, long_texts="cut", references=True)
    assert found.distance("mmd").p_value < 0.05
    assert found.words()["word"][0] in {"aa", "ab", "zz", "zy"}
    known = found.references()
    assert known.columns == ["between", "distance", "value"]
    assert len(known) == 3 * 4
    means = known.filter(pl.col("distance") == "mmd")["value"]
    assert means[0] == means.min()  # news are nearest to the same news
    assert len(compare(a, b, encoder=tiny, long_texts="cut", references=False, n_clusters=2).references()) == 0


# -- several corpora ------------------------------------------------------------------------------------------


def test_three_corpora(three):
    assert three.distances()["a"].n_unique() == 2
    laid = three.matrix("energy")
    values = laid.drop("corpus").to_numpy()
    np.testing.assert_array_equal(values, values.T)
    assert np.isnan(values.astype(float)).sum() == 3
    assert three.matrix("mmd", "q_value")["fruit"][1] < 0.05 < three.matrix("mmd", "q_value")["fruit"][2]
    assert three.verdict().startswith("Of 3 pairs of the 3 corpora, 2 differ significantly in meaning")
    assert "Nearest are “fruit” and “more fruit”, furthest apart" in three.verdict()
    assert set(three.clusters()["corpus"]) == set(three.words()["corpus"]) == {"fruit", "cars", "more fruit"}
    assert three.words().filter(pl.col("corpus") == "more fruit")["word"][0] in {"pear", "ripens"}
    assert three.profiles()["documents"].to_list() == [40, 50, 45]
    assert np.isfinite(three._results.witness).all()
    assert len(three.references()) == len(three.shifted_words()) == 0


def test_a_pair_of_several_is_as_if_alone(spaces, three):
    pair, alone = three.pair("cars", "more fruit"), compare(*spaces[1:], names=("cars", "more fruit"))
    first, second = pair.to_dict(), alone.to_dict()
    assert {**first, "provenance": 0} == {**second, "provenance": 0}
    assert pair.distance("mmd").value == pytest.approx(three.matrix("mmd")["cars"][2], rel=0.2)  # by another width


def test_parts_of_one_corpus_by_a_column(spaces):
    years = [1940 + i % 10 for i in range(50)]
    space = ss.Space.from_vectors(spaces[1].ids.tolist(), spaces[1].vectors, {"year": years})
    found = compare(space, by="year", bins=1945)
    assert found.names == ("before 1945", "1945 and after")
    assert found._results.samples.sizes == [25, 25]


def test_groups_of_points_without_texts_are_named_by_ids():
    draw = np.random.default_rng(0)
    vectors = np.repeat(np.eye(8)[:2] * 4, 30, axis=0) + draw.normal(size=(60, 8))
    space = ss.Space.from_vectors([f"d{i}" for i in range(60)], vectors, {"side": ["a"] * 30 + ["b"] * 30})
    told = ss.compare(space, by="side", resamples=99, permutations=99, progress=False).verdict()
    assert re.search(r"“a” has more of “d\d+, d\d+, d\d+”", told)


def test_what_is_of_two_is_refused_of_three(three):
    for ask in (lambda: three.p_value, lambda: three.distance("mmd")):
        with pytest.raises(InputError, match=r"is of two corpora, and here are 3; .*pair\('fruit', 'cars'\)"):
            ask()
    with pytest.raises(InputError, match="pair takes two different corpora; got 'cars' twice"):
        three.pair("cars", "cars")
    with pytest.raises(UnknownIdError, match="no corpus 'ships' in this comparison of 3"):
        three.pair("cars", "ships")
    with pytest.raises(InputError, match="column must be one of"):
        three.matrix(column="values")
    with pytest.raises(InputError, match="distance must be one of"):
        three.matrix("frechet")


def test_an_unknown_distance(two):
    with pytest.raises(InputError, match="distance must be one of classifier, energy, frechet, mmd"):
        two.distance("cosine")


# -- ways out -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["distances", "map", "clusters", "words", "documents", "overlap"])
def test_a_figure_of_the_report_comes_by_itself(two, kind):
    figure = two.plot(kind)
    in_report = [block for section in two.page().sections for block in section.blocks if isinstance(block, Figure)]
    assert figure.svg in [other.svg for other in in_report]


@pytest.mark.parametrize("kind", ["distances", "map", "clusters", "documents", "overlap", "tree", "corpora"])
def test_a_figure_of_several_corpora_comes_by_itself(three, kind):
    in_report = [block for section in three.page().sections for block in section.blocks if isinstance(block, Figure)]
    assert three.plot(kind).svg in [other.svg for other in in_report]


def test_figures_that_a_comparison_does_not_have_are_refused(two, three):
    with pytest.raises(InputError, match="kind must be"):
        two.plot("pie")
    with pytest.raises(InputError, match="which of several corpora are near each other; here are two"):
        two.plot("tree")
    with pytest.raises(InputError, match=r"plot\('words'\)"):
        three.plot("words")


def test_json_holds_everything(two, three, tmp_path):
    for found in (two, three):
        found.to_json(tmp_path / "r.json")
        read = json.loads((tmp_path / "r.json").read_text(encoding="utf-8"))
        assert read["schema"] == "semspace.comparison/2"
        assert set(read) == set(found.to_dict())
        assert read["distances"][0]["p_value"] == found.distances()["p_value"][0]
        assert len(read["documents"]) == sum(read["sizes"])
        assert read["provenance"]["seed"] == 0


def test_a_page_has_the_ending_of_a_page(two, tmp_path):
    with pytest.raises(InputError, match=r"path must end in \.html; got .*r\.txt"):
        two.to_html(tmp_path / "r.txt")
    (tmp_path / "tables.csv").touch()
    with pytest.raises(ExistsError, match="is a file, and several files are written into a folder"):
        two.to_csv(tmp_path / "tables.csv")


def test_html_with_its_tables_beside(two, tmp_path):
    report, beside = tmp_path / "r.html", tmp_path / "r-tables.json"
    two.to_html(report)
    assert "“fruit” and “cars”, compared" in report.read_text(encoding="utf-8")
    assert "The full tables are in r-tables.json" in report.read_text(encoding="utf-8")
    assert json.loads(beside.read_text(encoding="utf-8"))["names"] == ["fruit", "cars"]
    two.to_html(report)  # what an earlier report left there may go
    beside.write_text('{"mine": 1}', encoding="utf-8")
    report.unlink()
    with pytest.raises(ExistsError, match=r"exists already and isn't of a comparison; .*data=False"):
        two.to_html(report)
    assert beside.read_text(encoding="utf-8") == '{"mine": 1}'
    assert not report.exists()
    two.to_html(report, data=False)
    assert "r-tables.json" not in report.read_text(encoding="utf-8")


def test_a_report_has_a_title_a_date_and_its_origin(two, tmp_path):
    two.to_html(tmp_path / "r.html", data=False, title="Fruit <or> cars?", date="2026-11-29")
    written = (tmp_path / "r.html").read_text(encoding="utf-8")
    assert "<h1>Fruit &lt;or&gt; cars?</h1>" in written
    assert f"Written on 2026-11-29 by semspace {ss.__version__}." in written
    two.to_html(tmp_path / "r.html", data=False, title="Fruit <or> cars?", date="2026-11-29")
    assert (tmp_path / "r.html").read_text(encoding="utf-8") == written
    two.to_markdown(tmp_path / "r.md", title="Mine", date="")
    with pytest.raises(InputError, match=r"path must end in \.md, \.markdown or \.txt"):
        two.to_markdown(tmp_path / "r.html")
    assert (tmp_path / "r.md").read_text(encoding="utf-8").startswith("# Mine\n\nCompared: 40 documents of “fruit”")
    with pytest.raises(InputError, match="title must be a text; got 7"):
        two.to_html(tmp_path / "none.html", title=7)
    with pytest.raises(InputError, match="date must be a date"):
        two.to_html(tmp_path / "none.html", date=7)
    assert not list(tmp_path.glob("none*"))


def test_markdown_and_csv(two, three, tmp_path):
    two.to_markdown(tmp_path / "r.md")
    assert "# “fruit” and “cars”, compared" in (tmp_path / "r.md").read_text(encoding="utf-8")
    three.to_markdown(tmp_path / "r.md")
    assert "# 3 corpora, compared" in (tmp_path / "r.md").read_text(encoding="utf-8")
    for found, name in ((two, "two"), (three, "three")):
        found.to_csv(tmp_path / name)
        files = {path.stem: pl.read_csv(path, infer_schema=False) for path in (tmp_path / name).glob("*.csv")}
        assert len(files) == 11
        assert len(files["documents"]) == len(found._results.samples)
        assert len(files["words"]) == len(found.words())
        assert files["distances"]["value"].cast(float).to_list() == pytest.approx(found.distances()["value"].to_list())


def test_old_names_still_work_and_warn(spaces, two):
    a, b = spaces[:2]
    together = ss.Space.from_vectors(
        [str(i) for i in range(90)], np.concatenate([a.vectors, b.vectors]), {"year": range(90), "book": range(90)}
    )
    old = {"cuts": 40, "unit": "book", "k": 2, "long": "cut", "min_duplicate": 0.8}
    new = {"bins": 40, "groups": "book", "n_clusters": 2, "long_texts": "cut", "min_duplicate_score": 0.8}
    with pytest.warns(FutureWarning, match="now called") as caught:
        found = compare(together, by="year", **old)
    assert [str(warning.message).split("; ")[0] for warning in caught if warning.category is FutureWarning] == [
        f"compare({a}=) is now called {b}=" for a, b in zip(old, new, strict=True)
    ]
    assert found.to_dict() == compare(together, by="year", **new).to_dict()
    with pytest.warns(FutureWarning, match=r"Comparison.groups\(\) is now called clusters\(\)"):
        assert two.groups().equals(two.clusters())
    with pytest.warns(FutureWarning, match=r"Comparison.known\(\) is now called references\(\)"):
        assert two.known().equals(two.references())


def test_it_shows_itself(two, three):
    assert repr(two).startswith(two.verdict()[:50])
    assert "classifier" in repr(two)
    assert "more fruit" in repr(three)
    assert "<table" in three._repr_html_()


# -- saved and loaded -----------------------------------------------------------------------------------------


def _pages(comparison):
    return ss.report.to_markdown(comparison.page())


def test_a_saved_comparison_is_the_same(two, three, tmp_path):
    for name, comparison in (("two", two), ("three", three)):
        ss.save(comparison, tmp_path / name)
        loaded = ss.load(tmp_path / name)
        assert isinstance(loaded, ss.Comparison)
        assert to_json(loaded.to_dict()) == to_json(comparison.to_dict())
        assert _pages(loaded) == _pages(comparison)
        assert repr(loaded) == repr(comparison)
        assert loaded.clustering.names == comparison.clustering.names
        for column in ("value", "q_value"):
            assert loaded.matrix(column=column).equals(comparison.matrix(column=column), null_equal=True)
    with pytest.raises(ExistsError):
        ss.save(two, tmp_path / "two")
    ss.save(two, tmp_path / "two", overwrite=True)


def test_a_pair_of_a_saved_comparison_is_the_same(three, tmp_path):
    three.save(tmp_path / "three")
    pair = ss.load(tmp_path / "three").pair("cars", "more fruit")
    assert pair.to_dict()["distances"] == three.pair("cars", "more fruit").to_dict()["distances"]


def test_a_saved_comparison_keeps_units_bins_and_word_models(spaces, tmp_path):
    space = ss.Space.from_vectors(
        spaces[1].ids.tolist(),
        spaces[1].vectors,
        {"year": [1940 + i % 10 for i in range(50)], "book": [str(i % 10 // 5 * 5 + i // 10) for i in range(50)]},
    )
    words = ss.Word2Vec(dim=8, subword=True)
    comparison = compare(space, by="year", bins=1945, groups="book", words=words)
    comparison.save(tmp_path / "c")
    loaded = ss.load(tmp_path / "c")
    assert loaded.provenance["groups"] is True
    assert loaded.provenance == json.loads(to_json(comparison.provenance))
    assert loaded._results.settings == comparison._results.settings
    np.testing.assert_array_equal(loaded._results.samples.units, comparison._results.samples.units)


def test_word_spaces_are_saved_and_follow_the_order_of_a_pair(spaces, tmp_path):
    words = tuple(ss.Space.from_vectors(["a", name], np.eye(2)) for name in "bc")
    comparison = compare(*spaces[:2], names=("x", "y"), words=words)
    comparison.save(tmp_path / "c")
    loaded = ss.load(tmp_path / "c")
    assert [space.ids.tolist() for space in loaded._results.settings.words] == [["a", "b"], ["a", "c"]]
    assert loaded.pair("x", "y") is loaded
    turned = loaded.pair("y", "x")
    assert [space.ids.tolist() for space in turned._results.settings.words] == [["a", "c"], ["a", "b"]]


def test_a_damaged_comparison_says_so(two, tmp_path):
    with create_bundle(tmp_path / "c", "comparison") as draft:
        stored.write_results(two._results, draft)
        draft.array("twins", np.full(90, 9, np.int8))
    with pytest.raises(DamagedError, match="'twins', holds 9"):
        ss.load(tmp_path / "c")
    with create_bundle(tmp_path / "c", "comparison", overwrite=True) as draft:
        stored.write_results(two._results, draft)
        draft.table("references", pl.DataFrame({"between": ["x"]}))
    with pytest.raises(DamagedError, match=r"references.arrow has no column 'distance'"):
        ss.load(tmp_path / "c")


def _columns_of_tables():
    """Return the columns of the tables in a saved comparison of two corpora, and whether each may hold nulls."""
    from semspace.comparison.contrasts import cluster_shares, semantic_shift, word_contrasts
    from semspace.comparison.overlap import duplicates
    from semspace.comparison.profiles import languages, outliers, profile

    unknown = {"overlap", "containment", "dispersion_a", "dispersion_b", "expected"}
    for table, schema in {
        "cluster_shares": cluster_shares.SCHEMA, "words": word_contrasts.SCHEMA, "duplicates": duplicates.SCHEMA,
        "shifted_words": semantic_shift.SCHEMA, "profile_outliers": outliers.SCHEMA, "distances": stored._DISTANCES,
        "profile_languages": languages.SCHEMA, "profile_summary": profile.SCHEMA, "references": stored._REFERENCES,
    }.items():  # fmt: skip
        for column in schema:
            yield (
                table,
                column,
                (
                    column in unknown
                    or (table == "shifted_words" and column in ("p_value", "q_value"))
                    or (table == "profile_summary" and column not in ("corpus", "documents"))
                    or (table == "profile_languages" and column == "language")
                ),
            )


@pytest.mark.parametrize(("name", "column", "may_be_null"), list(_columns_of_tables()))
def test_tables_of_a_saved_comparison_that_are_not_as_they_were_written_are_refused(
    two, tmp_path, name, column, may_be_null
):
    two.save(tmp_path / "c")
    path = tmp_path / "c" / f"{name}.arrow"
    table = pl.read_ipc(path.read_bytes())
    row = pl.DataFrame({one: [["x"] if kind == pl.List else "1"] for one, kind in table.schema.items()})
    table = pl.concat([table, row.cast(dict(table.schema))]) if not len(table) else table  # so that a null can be in it

    def read(changed):
        changed.write_ipc(path)
        seal(tmp_path / "c")
        return ss.load(tmp_path / "c")

    with pytest.raises(DamagedError, match=name):
        read(table.drop(column))
    with pytest.raises(DamagedError, match=name):
        read(table.with_columns(pl.lit(b"1").alias(column)))
    empty = pl.lit([None] if table.schema[column] == pl.List else None, dtype=table.schema[column])
    if may_be_null:
        read(table.with_columns(empty.alias(column)))
    else:
        with pytest.raises(DamagedError, match="null"):
            read(table.with_columns(empty.alias(column)))


@pytest.mark.parametrize("name", ["cluster_shares", "words"])
def test_tables_of_several_corpora_name_the_corpus(three, tmp_path, name):
    three.save(tmp_path / "c")
    path = tmp_path / "c" / f"{name}.arrow"
    pl.read_ipc(path.read_bytes()).drop("corpus").write_ipc(path)
    seal(tmp_path / "c")
    with pytest.raises(DamagedError, match="has no column 'corpus'"):
        ss.load(tmp_path / "c")


@pytest.mark.parametrize("texts", [[None], [7], [["a"]]])
def test_texts_of_a_saved_comparison_are_texts(two, tmp_path, texts):
    two.save(tmp_path / "c")
    pl.DataFrame({"text": texts * 90}).write_ipc(tmp_path / "c" / "metadata.arrow")
    seal(tmp_path / "c")
    with pytest.raises(DamagedError, match=r"null|should hold String|holds Null"):
        ss.load(tmp_path / "c")


def test_texts_are_split_once_as_they_are_and_once_without_boilerplate(spaces, monkeypatch):
    """Once for the words, the profiles and the shifts, and once without boilerplate, for the names of groups."""
    split = []
    original = ss.Tokens.from_texts.__func__

    def from_texts(cls, texts):
        split.append(len(texts))
        return original(cls, texts)

    monkeypatch.setattr(ss.Tokens, "from_texts", classmethod(from_texts))
    compare(*spaces[:2], words=None)
    assert split == [90, 90]
