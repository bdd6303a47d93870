"""Values saved by every format version there has been still load, and mean the same."""

from pathlib import Path

import numpy as np
import polars as pl
import pytest

import semspace as ss
from semspace import manifest

VERSIONS = sorted((Path(__file__).parent / "golden").glob("v*"))


def test_the_present_format_has_golden_values():
    assert f"v{manifest.VERSION}" in [folder.name for folder in VERSIONS]


@pytest.fixture(params=VERSIONS, ids=lambda folder: folder.name)
def golden(request):
    return lambda name: ss.load(request.param / name)


def test_corpus(golden):
    corpus = golden("corpus")
    assert list(corpus) == [("a", "red élan"), ("b", "blue sea"), ("c", "red sea")]
    assert corpus.metadata["year"].to_list() == [1, 2, 3]


def test_tokens(golden):
    tokens = golden("tokens")
    assert tokens.words == ["red", "sea", "blue", "élan"]
    assert tokens.ids.tolist() == [0, 3, 2, 1, 0, 1]
    assert tokens.offsets.tolist() == [0, 2, 4, 6]


def test_space(golden):
    space = golden("space")
    assert space.ids.tolist() == ["a", "b", "c"]
    np.testing.assert_array_equal(space.vectors, np.array([[1, 0.5], [-1, 0.25], [0, 2]], np.float32))
    assert space.metadata["text"].to_list() == ["red élan", "blue sea", "red sea"]
    assert space.provenance["made_by"] == "hand"


@pytest.mark.parametrize(("name", "metric"), [("index-exact", "euclidean"), ("index-hnsw", "cosine")])
def test_index(golden, name, metric):
    index = golden(name)
    assert index.metric == metric
    assert index.search(id="a").ids == ("c", "b")
    assert index.search([0.1, 2.0], 1, where="year < 3").ids == ("a",)


@pytest.mark.parametrize("name", ["clustering", "clustering-voters"])  # before there were voters, and since
def test_clustering(golden, name):
    groups = golden(name)
    assert groups.labels.tolist() == [0, 1, 0]
    assert groups._voting_rows is None or groups._voting_rows.tolist() == groups._voters.rows.tolist()
    assert len(groups.names) == 2
    assert groups.assign([[1, 1], [-3, 0]]).tolist() == [0, 1]


def test_comparison(golden):
    comparison = golden("comparison")
    assert comparison.names == ("blue", "red")
    assert comparison.p_value == 0.02
    assert comparison.distances()["distance"].to_list() == ["mmd", "mmd_multi", "energy", "frechet", "classifier"]
    assert comparison.words().filter(pl.col("word") == "red")["count_b"].item() == 5
    assert sorted(comparison.clusters()["count_a"]) == [0, 5]
    assert comparison.profiles()["words"].to_list() == [15, 15]
    assert comparison.pair("red", "blue").p_value < 0.05
    assert "“blue” and “red”, compared" in ss.report.to_markdown(comparison.page())
