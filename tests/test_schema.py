"""A bundle whose checksums are right and whose values aren't is one sentence: of every kind, wherever it is wrong."""

import io
import json
import shutil
from contextlib import suppress

import numpy as np
import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import semspace as ss
from semspace.errors import DamagedError
from tests.sealing import seal

TOKENIZER = {
    "version": "1.0",
    "truncation": None,
    "padding": None,
    "added_tokens": [],
    "normalizer": None,
    "pre_tokenizer": {"type": "Whitespace"},
    "post_processor": None,
    "decoder": None,
    "model": {"type": "WordLevel", "vocab": {"[UNK]": 0, "red": 1, "wine": 2}, "unk_token": "[UNK]"},
}
OTHER = (None, 7, -1, 1e300, "", "x", [], {}, True, [5], {"a": 1}, 10**30, [[1]])


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    """One saved value of each kind."""
    folder = tmp_path_factory.mktemp("saved")
    draw = np.random.default_rng(0)
    table = {"text": ["red wine"] * 30, "count": list(range(30, 0, -1))}
    space = ss.Space.from_vectors([f"d{i}" for i in range(30)], draw.normal(size=(30, 6)), table)
    corpus = ss.Corpus.from_texts(["new york is big", "i love new york", "is new york new"])
    tokens = ss.Tokens.from_corpus(corpus)
    static = ss.StaticEncoder(json.dumps(TOKENIZER), draw.normal(size=(3, 6)).astype("f4"))
    values = {
        "space": space,
        "exact": ss.Index.build(space, "exact"),
        "clustering": ss.cluster(space, n_clusters=2),
        "corpus": corpus,
        "tokens": tokens,
        "phrases": ss.Phrases(min_count=1, threshold=0.1).train(tokens),
        "static": static,
        "embedded": static.embed(ss.Corpus.from_texts(["red", "wine", "red wine"]), progress=False),
        "average": ss.Space.from_vectors(space.ids.tolist(), space.vectors, encoder=ss.WordAverage(space)),
    }
    for name, value in values.items():
        ss.save(value, folder / name)
    return folder


def use(value):
    """Ask of a value what reads all of it."""
    repr(value)
    if isinstance(value, ss.Index):
        value.search(id=value.ids[0], k=2)
        value.search("red cats", k=2, alpha=0)  # by words alone
        return value.space
    if isinstance(value, ss.Space):
        return value.most_similar(value.ids[0], k=2), value.history
    if isinstance(value, ss.Clustering):
        return value.to_frame(), value.documents(), value.assign(value.space.vectors[:2])
    if isinstance(value, ss.Tokens):
        return value.words, list(value.documents())
    if isinstance(value, ss.PhraseModel):
        return value.apply(ss.Tokens.from_corpus(ss.Corpus.from_texts(["i love new york"])))
    return value.encode(["red"]) if isinstance(value, ss.StaticEncoder) else value.fingerprint


def paths(value, path=()):
    items = value.items() if isinstance(value, dict) else enumerate(value[:2]) if isinstance(value, list) else ()
    for key, inner in items:
        yield (*path, key)
        yield from paths(inner, (*path, key))


def changed_facts(draw, facts):
    path = draw(st.sampled_from(list(paths(facts))))
    for key in path[:-1]:
        facts = facts[key]
    if isinstance(facts, dict) and draw(st.booleans()):
        del facts[path[-1]]
    else:
        facts[path[-1]] = draw(st.sampled_from(OTHER))


def changed_array(draw, array):
    flat = array.reshape(-1)
    some = array.copy()
    some.reshape(-1)[draw(st.integers(0, array.size - 1))] = np.array(draw(st.sampled_from((-5, 99, 120)))).astype(
        array.dtype
    )
    others = (flat[:1].reshape(()), array[: len(array) // 2], array[:0], array[None], array[::-1], some)
    with np.errstate(over="ignore", invalid="ignore"):  # sums of ids don't fit into half precision, on purpose
        types = tuple(array.astype(kind) for kind in ("f8", "f2", "i4", "i8", "u1", "c8", "U3"))
    return draw(st.sampled_from((*others, *types)))


def changed_table(draw, table):
    name = draw(st.sampled_from(table.columns))
    lost = pl.lit(None, dtype=table.schema[name]).alias(name)
    others = (table.drop(name), table.head(1), table.head(0), table.with_columns(lost))
    return draw(st.sampled_from((*others, *(table.with_columns(pl.lit(v).alias(name)) for v in (3, "a", 0.5)))))


@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_whatever_a_bundle_holds_it_opens_or_is_refused(saved, tmp_path, data):
    name = data.draw(st.sampled_from(sorted(path.name for path in saved.iterdir())))
    place = tmp_path / "v"
    shutil.rmtree(place, ignore_errors=True)
    shutil.copytree(saved / name, place)
    manifest = json.loads((place / "manifest.json").read_text())
    file = data.draw(st.sampled_from(["manifest.json", "meta", *sorted(manifest["files"])]))
    if file.endswith(".npy"):
        np.save(place / file, changed_array(data.draw, np.load(place / file)))
    elif file.endswith(".arrow"):
        changed_table(data.draw, pl.read_ipc(io.BytesIO((place / file).read_bytes()))).write_ipc(place / file)
    else:
        changed_facts(data.draw, manifest if file == "manifest.json" else manifest["meta"])
    seal(place, manifest)
    with suppress(ss.SemspaceError):
        use(ss.load(place))


def test_a_group_without_points_is_refused(saved, tmp_path):
    shutil.copytree(saved / "clustering", tmp_path / "c")
    np.save(tmp_path / "c" / "labels.npy", np.zeros(30, np.int32))
    seal(tmp_path / "c")
    with pytest.raises(DamagedError, match="no point is in group 1; save the value again"):
        ss.load(tmp_path / "c")


def test_centers_that_are_no_numbers_are_refused(saved, tmp_path):
    shutil.copytree(saved / "clustering", tmp_path / "c")
    centers = np.load(tmp_path / "c" / "centers.npy")
    centers[0, 0] = np.nan
    np.save(tmp_path / "c" / "centers.npy", centers)
    seal(tmp_path / "c")
    with pytest.raises(DamagedError, match="the centers of groups hold NaN or infinity; save the value again"):
        ss.load(tmp_path / "c")


@pytest.mark.parametrize(
    "array", [np.array([["1", "2"]] * 3), np.array(b"1"), np.zeros((3, 6), "M8[s]"), np.zeros((3, 6), ">f4")]
)
def test_an_array_of_something_else_than_numbers_is_refused(saved, tmp_path, array):
    shutil.copytree(saved / "embedded", tmp_path / "s")
    np.save(tmp_path / "s" / "encoder-vectors.npy", array)
    seal(tmp_path / "s")
    with pytest.raises(DamagedError, match=r"encoder-vectors.npy holds .*, and it should hold numbers"):
        ss.load(tmp_path / "s")


@pytest.mark.parametrize("shape", [(3, 256, 3), (2, 256, 4), (0, 256, 1), (7, 256, 1)])
def test_centroids_of_parts_that_the_dimensions_do_not_have_are_refused(saved, tmp_path, shape):
    space = ss.load(saved / "space").quantize("product", code_bytes=2)
    space.save(tmp_path / "s")
    assert np.load(tmp_path / "s" / "centroids.npy").shape == (2, 256, 3)
    np.save(tmp_path / "s" / "centroids.npy", np.zeros(shape, np.float32))
    seal(tmp_path / "s")
    with pytest.raises(DamagedError, match=f"centroids of {shape[0]} parts with {shape[2]} dimensions each"):
        ss.load(tmp_path / "s")
