"""Ways of making a space smaller, side by side; search with rescoring; truncation."""

import json

import numpy as np
import pytest

import semspace as ss
from semspace import cli
from semspace.latent.compression.table import Tradeoff, TradeoffRow
from semspace.latent.compression.ways import RoundingEncoder, Way, as_ways


@pytest.fixture(scope="module")
def groups():
    """Points about 20 centres in 8 of 16 dimensions."""
    rng = np.random.default_rng(0)
    centers = np.pad(rng.normal(size=(20, 8)), [(0, 0), (0, 8)])
    vectors = centers.repeat(20, axis=0) + 0.2 * rng.normal(size=(400, 16))
    return ss.Space.from_vectors([f"p{row}" for row in range(400)], vectors, {"group": np.arange(400) // 20})


@pytest.fixture(scope="module")
def found(groups):
    ways = [
        "float16",
        "int8",
        "binary",
        "product",
        ss.latent.PCA(8),
        ss.latent.Truncation(8),
        (ss.latent.PCA(8), "int8"),
    ]
    return ss.latent.tradeoff(groups, ways, oversampling=4, progress=False)


def row(way, size, overlap, rescored=1.0):
    return TradeoffRow(way, 4, size, 16 / size, 1.0, overlap, rescored, None, 100.0, 1.0)


# -- by hand ----------------------------------------------------------------------------------------------


def test_candidates_are_ordered_by_the_full_vectors():
    """By their signs all four are alike; by their numbers the order is b, c, d."""
    full = ss.Space.from_vectors(["a", "b", "c", "d"], [[1, 1], [1, 0.9], [1, 0.5], [1, 0.2]])
    small = ss.Space.from_vectors(["a", "b", "c", "d"], np.ones((4, 2)))
    assert [n.ids for n in ss.latent.search_with_rescoring(small, full, ["a"], 3)] == [("b", "c", "d")]
    near = ss.latent.search_with_rescoring(small, full, [np.array([1.0, 0.2])], 1, oversampling=4)[0]
    assert near.ids == ("d",)
    assert near.scores[0] == pytest.approx(1)


def test_what_is_no_candidate_is_not_found():
    full = ss.Space.from_vectors(["a", "b", "c"], [[1, 0], [1, 0.1], [0, 1]])
    wrong = ss.Space.from_vectors(["a", "b", "c"], [[1, 0], [0, 1], [1, 0.1]])
    assert ss.latent.search_with_rescoring(wrong, full, ["a"], 1, oversampling=1)[0].ids == ("c",)
    assert ss.latent.search_with_rescoring(wrong, full, ["a"], 1, oversampling=2)[0].ids == ("b",)


def test_the_knee_by_hand():
    """Log sizes 0, 1/3, 2/3, 1 over overlaps 0, 0.8, 0.9, 1: above the line by 0, 0.47, 0.23, 0."""
    rows = (row("full", 8, 1.0), row("half", 4, 0.9), row("quarter", 2, 0.8), row("eighth", 1, 0.0), row("bad", 4, 0.1))
    table = Tradeoff(rows, 100, 10, 10, 10)
    assert table.knee().way == "quarter"
    assert [one.way for one in table._front("overlap")] == ["eighth", "quarter", "half", "full"]
    assert table.knee("rescored").way == "eighth"  # all are as good, so the smallest


def test_the_smallest_that_is_good_enough():
    rows = (row("full", 8, 1.0), row("half", 4, 0.9, 0.99), row("quarter", 2, 0.8, 0.94))
    table = Tradeoff(rows, 100, 10, 10, 10)
    assert table.smallest(0.95).way == "half"
    assert table.smallest(0.8, by="overlap").way == "quarter"
    assert table.smallest(1.0).way == "full"


def test_truncation_by_hand(tmp_path):
    space = ss.Space.from_vectors(["a", "b"], [[1, 2, 3], [3, 4, 5]])
    model = ss.latent.Truncation(2).train(space)
    assert model.encode(space.vectors).tolist() == [[1, 2], [3, 4]]
    assert model.decode(model.encode(space.vectors)).tolist() == [[1, 2, 4], [3, 4, 4]]
    model.save(tmp_path / "model")
    assert ss.load(tmp_path / "model").encode(space.vectors).tolist() == [[1, 2], [3, 4]]
    with pytest.raises(ss.errors.InputError, match="dim must be at most the 3 dimensions of the space; got 4"):
        ss.latent.Truncation(4).train(space)


# -- the comparison ---------------------------------------------------------------------------------------


def test_a_row_for_each_way(found):
    assert [one.way for one in found] == [
        "float32", "float16", "int8", "binary", "product", "PCA 8", "Truncation 8", "PCA 8 + int8"
    ]  # fmt: skip
    assert [one.bytes for one in found] == [64, 32, 16, 2, 2, 32, 32, 8]
    assert [one.smaller for one in found] == [1, 2, 4, 32, 32, 2, 2, 8]
    assert found.n_points + found.n_queries == 400
    assert found.n_queries == 40


def test_what_is_kept(found):
    assert (found["float32"].overlap, found["float32"].rescored, found["float32"].variance) == (1, 1, 1)
    assert found["float16"].overlap > 0.99
    assert found["int8"].overlap > 0.9
    assert found["PCA 8"].variance > found["Truncation 8"].variance - 0.01
    for one in found:
        assert 0 <= one.overlap <= one.rescored + 0.02 <= 1.02
        assert one.queries_per_second > 0
        assert one.score is None


def test_pca_keeps_what_it_says(groups):
    row = ss.latent.tradeoff(groups, [ss.latent.PCA(5)], queries=groups.vectors[:9] + 0.1, progress=False)["PCA 5"]
    assert row.variance == pytest.approx(ss.latent.PCA(5).train(groups).explained_variance_ratio, abs=1e-5)


def test_overlap_is_the_share_of_true_neighbours(groups):
    """The same by sets of ids, one query at a time."""
    targets = groups.vectors[::40] + np.float32(0.05)
    table = ss.latent.tradeoff(groups, ["binary"], queries=targets, k=5, oversampling=3, progress=False)
    small = groups.quantize("binary")
    alone, again = [], []
    for target in targets:
        truth = set(groups.most_similar(target, 5).ids)
        alone.append(len(truth & set(small.most_similar(target, 5).ids)) / 5)
        near = ss.latent.search_with_rescoring(small, groups, [target], 5, oversampling=3)[0]
        again.append(len(truth & set(near.ids)) / 5)
    assert table["binary"].overlap == pytest.approx(np.mean(alone))
    assert table["binary"].rescored == pytest.approx(np.mean(again))


def test_the_same_again(groups, found):
    again = ss.latent.tradeoff(groups, ["int8", ss.latent.PCA(8)], oversampling=4, progress=False)
    for way in ("int8", "PCA 8"):
        assert (again[way].overlap, again[way].variance) == (found[way].overlap, found[way].variance)


def test_all_ways_are_compared_by_default():
    names = [way.name for way in as_ways(None, 64)]
    assert names[:5] == ["float32", "float16", "int8", "binary", "product"]
    assert {"PCA 32", "PCA 4", "Truncation 16", "PCA 32 + int8"} <= set(names)


def test_words_are_scored_on_a_task(groups):
    pairs = [(f"p{a}", f"p{b}", float(a // 20 == b // 20)) for a, b in [(0, 1), (0, 399), (20, 21), (5, 300), (60, 70)]]
    task = ss.evaluation.WordPairs("pairs", pairs)
    table = ss.latent.tradeoff(groups, ["int8", (ss.latent.PCA(4), "binary")], evaluator=task, progress=False)
    assert table.task == "pairs"
    assert table["float32"].score == pytest.approx(ss.evaluate(groups, task)["pairs"].value)
    assert all(one.score is not None for one in table)
    assert "pairs" in repr(table)


class Lengths:
    """Encodes a text as its length, and one."""

    name, dim, fingerprint = "lengths", 2, "lengths"

    def encode(self, texts):
        return np.array([[len(text), 1] for text in texts], np.float32)

    encode_queries = encode_documents = encode


def test_texts_are_made_smaller_as_the_points_are():
    space = ss.Space.from_vectors(["a", "b", "c"], [[0, 1], [10, 1], [255, 1]], encoder=Lengths())
    fitted = Way(precision="int8").fit(space)
    encoder = fitted.small(space).encoder
    assert isinstance(encoder, RoundingEncoder)
    assert encoder.encode(["x" * 7])[0].tolist() == [7.5, 1]
    assert encoder.encode_queries(["x"]).tolist() == encoder.encode_documents(["x"]).tolist() == [[1.5, 1]]
    assert encoder.fingerprint != space.encoder.fingerprint


@pytest.mark.parametrize("precision", ["float32", "int8", "binary"])
def test_rescoring_of_a_model_s_codes(groups, precision):
    small = ss.latent.PCA(8).train(groups).encode(groups).quantize(precision)
    near = ss.latent.search_with_rescoring(small, groups, ["p3", groups.vectors[3]], 10, oversampling=40)
    truth = groups.most_similar_batch(["p3", groups.vectors[3]], 10)
    assert [one.ids for one in near] == [one.ids for one in truth]  # all points are candidates
    np.testing.assert_allclose(near[0].scores, truth[0].scores, atol=1e-5)
    assert near[0].metadata is not None


def test_as_a_table_and_a_figure(found):
    frame = found.to_frame()
    assert frame["way"].to_list()[1] == "float16"
    assert found.to_pandas().shape == frame.shape
    assert "queries/s (here)" in repr(found)
    assert "knee:" in repr(found)
    assert "<svg" in found._repr_html_()
    figure = found.plot()
    assert "Truncation 8" in figure.svg
    assert "overlap@10" in figure.description
    assert found.plot("rescored").svg.count("polyline") == 1


def test_names_are_escaped():
    figure = Tradeoff((row("<script>", 4, 0.5), row("full", 8, 1.0)), 9, 3, 10, 10).plot()
    assert "<script>" not in figure.svg


# -- bad input --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"ways": "int8"}, "ways takes a list; got one str: put it in a list"),
        ({"ways": ["int3"]}, "ways must be one of"),
        ({"ways": [3]}, "a way is a precision such as 'int8', a trainer such as ss.latent.PCA"),
        ({"ways": ["int8", "int8"]}, "ways must be unique; 'int8' occurs more than once"),
        ({"queries": np.ones((2, 3))}, "queries must have 16 columns"),
        ({"queries": np.zeros((2, 16))}, "is all zeros"),
        ({"queries": np.zeros((0, 16))}, "queries is empty"),
        ({"evaluator": 3}, "evaluator must be a task of semspace.evaluation; got int"),
        ({"k": 0}, "k must be a whole number"),
        ({"k": 360}, "k must be less than the 360 points that are searched; got 360"),
        ({"oversampling": 0}, "oversampling must be a whole number"),
    ],
)
def test_what_cannot_be_compared(groups, options, message):
    with pytest.raises(ss.errors.InputError, match=message):
        ss.latent.tradeoff(groups, progress=False, **options)


def test_a_way_that_cannot_be_fitted_is_refused_before_another_is(groups, monkeypatch):
    monkeypatch.setattr(Way, "fit", lambda *_: pytest.fail("fitted"))
    for trainer in (ss.latent.PCA(17), ss.latent.Truncation(17)):
        with pytest.raises(ss.errors.InputError, match=r"dim must be at most .*; got 17"):
            ss.latent.tradeoff(groups, ["int8", (trainer, "int8")], progress=False)


def test_too_few_points():
    with pytest.raises(ss.errors.InputError, match=r"tradeoff needs at least 20 points, to hold some out; .* has 3"):
        ss.latent.tradeoff(ss.Space.from_vectors(range(3), np.eye(3)))
    with pytest.raises(ss.errors.InputError, match="tradeoff takes a Space; got list"):
        ss.latent.tradeoff([1, 2])


def test_spaces_that_do_not_belong_together(groups):
    with pytest.raises(ss.errors.InputError, match="small must have the points of full, in the same order"):
        ss.latent.search_with_rescoring(groups.select(["p1"]), groups, ["p1"])
    other = ss.Space(groups.ids, np.ascontiguousarray(groups.vectors[:, :4]))
    with pytest.raises(ss.errors.InputError, match="small has 4 dimensions and full has 16"):
        ss.latent.search_with_rescoring(other, groups, ["p1"])
    assert ss.latent.search_with_rescoring(groups, groups, []) == []


# -- in a shell -------------------------------------------------------------------------------------------


def test_in_a_shell(groups, capsys, tmp_path):
    groups.save(tmp_path / "groups")
    options = ["--way", "int8", "--way", "pca:4", "--way", "pca:4+int8", "--plot", str(tmp_path / "plot.svg"), "--json"]
    assert cli.main(["latent", "tradeoff", str(tmp_path / "groups"), *options]) == 0
    found = json.loads(capsys.readouterr().out)
    assert [one["way"] for one in found["ways"]] == ["float32", "int8", "PCA 4", "PCA 4 + int8"]
    assert found["knee"] in {"int8", "PCA 4", "PCA 4 + int8", "float32"}
    assert "<svg" in (tmp_path / "plot.svg").read_text()
    assert cli.main(["latent", "tradeoff", str(tmp_path / "groups"), "--way", "lda:4"]) == 2
    assert "a way is a precision, or such as pca:96" in capsys.readouterr().err
