"""A map in Embedding Atlas: our table and arguments, by hand; its server and page, where it is installed."""

import importlib.util
import json
import sys
import urllib.request
from types import SimpleNamespace

import numpy as np
import polars as pl
import pytest

import semspace as ss
from semspace.errors import InputError, MissingExtraError
from semspace.projections import atlas
from tests.browser import Browser, with_browser

with_atlas = pytest.mark.skipif(
    importlib.util.find_spec("embedding_atlas") is None or importlib.util.find_spec("uvicorn") is None,
    reason="Embedding Atlas isn't installed: pip install 'semspace[atlas]'",
)
SPORT = {"text": ["a goal", "a match", "a bank", "a loan"], "year": [1, 2, 3, 4], "x": ["p", "q", "r", "s"]}


@pytest.fixture
def four():
    """Return a map of two pairs of documents; the cosines within the pairs are 0.8 and 0.6."""
    vectors = [[1, 0, 0, 0], [0.8, 0.6, 0, 0], [0, 0, 1, 0], [0, 0, 0.6, 0.8]]
    space = ss.Space.from_vectors(["a", "b", "c", "d"], vectors, SPORT)
    return ss.project(space, "pca", groups=["sport", "sport", "money", "money"], progress=False)


def test_the_table_by_hand(four):
    table = atlas.atlas_table(four, k=1)
    assert table.columns == ["id", "text", "year", "x_column", "x", "y", "group", "by_chance", "neighbors"]
    assert table["x_column"].to_list() == ["p", "q", "r", "s"]  # the name x is that of the coordinate
    assert table["group"].to_list() == ["sport", "sport", "money", "money"]
    np.testing.assert_array_equal(table.select("x", "y").to_numpy(), four.coordinates)
    near = table["neighbors"].to_list()
    assert [one["ids"] for one in near] == [[1], [0], [3], [2]]
    assert [one["distances"][0] for one in near] == pytest.approx([0.2, 0.2, 0.4, 0.4], abs=1e-6)
    more = atlas.atlas_table(four, k=99)["neighbors"].to_list()
    assert [len(one["ids"]) for one in more] == [3] * 4
    assert all(list(one["distances"]) == sorted(one["distances"]) for one in more)


def test_groups_that_a_column_says_come_once(four):
    by_column = ss.project(four.space, "pca", groups="text", progress=False)
    assert "group" not in atlas.atlas_table(by_column).columns
    none = ss.project(four.space, "pca", progress=False)
    assert "group" not in atlas.atlas_table(none).columns
    assert len(atlas.atlas_labels(none)) == 0


def test_the_labels_stand_in_the_middle_of_their_groups(four):
    labels = atlas.atlas_labels(four)
    assert sorted(labels["text"]) == ["money", "sport"]
    place = dict(zip(labels["text"], labels.select("x", "y").rows(), strict=True))
    np.testing.assert_allclose(place["sport"], four.coordinates[:2].mean(axis=0))


def test_the_command_by_hand(four, tmp_path):
    command = atlas.write_atlas(four, tmp_path, k=2, port=5066)
    assert command[:4] == [sys.executable, "-m", "embedding_atlas.cli", str(tmp_path / "points.parquet")]
    assert tuple(command[command.index("--host") :][:2]) == ("--host", "127.0.0.1")  # nobody else can reach it
    assert command[-4:] == ["--text", "text", "--labels", str(tmp_path / "labels.parquet")]
    assert pl.read_parquet(tmp_path / "points.parquet").equals(atlas.atlas_table(four, 2))
    bare = ss.project(ss.Space.from_vectors(range(9), np.eye(9)), "pca", progress=False)
    assert not {"--text", "--labels"} & {*atlas.write_atlas(bare, tmp_path)}


def test_what_is_missing_is_said_before_the_work(monkeypatch, four, run, tmp_path):
    monkeypatch.setattr(importlib.util, "find_spec", lambda *_: None)
    with pytest.raises(
        MissingExtraError, match=r"embedding-atlas, which isn't installed: pip install 'semspace\[atlas"
    ):
        atlas.serve_atlas(four, on_ready=print)
    four.save(tmp_path / "map")
    code, _, err = run("explore", tmp_path / "map")
    assert (code, err.count("\n")) == (2, 1)
    assert "semspace[atlas]" in err
    monkeypatch.setattr(sys, "version_info", (3, 10, 4))
    with pytest.raises(MissingExtraError, match=r"can't be installed on Python 3\.10; use Python 3\.11 or later"):
        atlas.need_atlas()


@pytest.fixture
def served(monkeypatch):
    """Record what is served, instead of serving it."""
    seen = []

    def serve(projection, **options):
        options.pop("on_ready")("http://127.0.0.1:1")
        seen.append(SimpleNamespace(projection=projection, **options))

    monkeypatch.setattr(atlas, "need_atlas", lambda: None)
    monkeypatch.setattr(atlas, "serve_atlas", serve)
    monkeypatch.setattr("webbrowser.open", seen.append)
    return seen


def test_explore_draws_a_space_and_opens_a_browser(run, served, four, tmp_path):
    four.space.save(tmp_path / "docs.space")
    args = ("explore", tmp_path / "docs.space", "--method", "pca", "--groups", "text", "-k", 2, "--port", 5099)
    code, out, err = run(*args)
    assert code == 0, err
    assert "Embedding Atlas shows it at http://127.0.0.1:1" in out
    address, one = served
    assert (address, one.k, one.port) == ("http://127.0.0.1:1", 2, 5099)
    assert one.projection.names == tuple(dict.fromkeys(one.projection.names))


def test_explore_takes_a_map_as_it_is(run, served, four, tmp_path):
    four.save(tmp_path / "map")
    assert run("explore", tmp_path / "map", "--no-browser")[0] == 0
    [one] = served
    np.testing.assert_array_equal(one.projection.coordinates, four.coordinates)
    code, _, err = run("explore", tmp_path / "map", "--groups", "text")
    assert (code, "which is a map already" in err) == (2, True)
    assert run("explore", tmp_path / "map", "--port", "0")[0] == 2
    assert run("explore", tmp_path / "map", "-k", "0")[0] == 2


def test_a_port_in_use_is_said(monkeypatch, four):
    import socket

    monkeypatch.setattr(atlas, "need_atlas", lambda: None)
    with socket.create_server((atlas.HOST, 0)) as other:
        port = other.getsockname()[1]
        with pytest.raises(InputError, match=f"the port {port} is in use; choose another with port="):
            atlas.serve_atlas(four, port=port, on_ready=print)


def test_a_server_that_ends_by_itself_says_why(monkeypatch, four):
    monkeypatch.setattr(atlas, "need_atlas", lambda: None)
    command = [sys.executable, "-c", "print('no such option --x'); raise SystemExit(3)"]
    monkeypatch.setattr(atlas, "write_atlas", lambda *_, **__: command)
    with pytest.raises(InputError, match="Embedding Atlas ended by itself: no such option --x"):
        atlas.serve_atlas(four, port=free_port(), on_ready=print)


def free_port():
    """Return a port that nothing listens at."""
    import socket

    with socket.create_server((atlas.HOST, 0)) as one:
        return one.getsockname()[1]


class Stop(Exception):
    """Ends the server when the test has seen enough."""


@with_atlas
def test_the_server_has_our_columns(four):
    seen = {}

    def look(address):
        with urllib.request.urlopen(f"{address}/data/metadata.json") as answer:
            seen.update(json.load(answer))
        raise Stop

    with pytest.raises(Stop):
        atlas.serve_atlas(four, port=free_port(), on_ready=look)
    assert seen["props"]["data"]["projection"] == {"x": "x", "y": "y"}
    assert seen["props"]["data"]["neighbors"] == "neighbors"
    assert {label["text"] for label in seen["props"]["embeddingViewLabels"]} == {"sport", "money"}


@with_atlas
@with_browser
def test_its_page_filters_and_searches(tmp_path):
    """Chromium without a graphics card draws no points of it (its shaders need 16-bit floats); the rest works."""
    texts = ["a goal by the striker", "the bank raised rates"] * 10
    table = {"text": texts, "kind": ["sport", "money"] * 10}
    vectors = np.random.default_rng(0).normal(size=(20, 6))
    map = ss.project(ss.Space.from_vectors(range(20), vectors, table), "pca", groups="kind", progress=False)

    def look(address):
        with Browser(tmp_path) as browser:
            browser.emulate(1400, 900)
            browser.open(address)
            browser.wait("document.body.innerText.includes('20 / 20 points')")
            button = (
                "[...document.querySelectorAll('button')].find(e => e.title === '{0}' || e.innerText.trim() === '{0}')"
            )
            browser.wait(f"!!{button.format('money')}")
            browser.js(f"{button.format('money')}.click()")
            browser.wait("document.body.innerText.includes('10 / 20 points')")
            browser.js(f"{button.format('Clear filters')}.click()")
            browser.js(f"{button.format('Search')}.click()")
            browser.wait("!!document.querySelector('input[type=search]')")
            browser.js("document.querySelector('input[type=search]').focus()")
            browser.type("striker")
            browser.wait("document.body.innerText.includes('10 results')")
        raise Stop

    with pytest.raises(Stop):
        atlas.serve_atlas(map, port=free_port(), on_ready=look)
