"""Models of several parts, held against sentence-transformers: tables with modules after them, Routers, Asyms."""

import json
import pickle
import shutil

import numpy as np
import pytest

import semspace as ss
from semspace.errors import DamagedError, InputError
from semspace.sentences import kernel_runtime
from semspace.sentences.activations import ACTIVATIONS
from tests import folders
from tests.folders import TEXTS, bare, change, put

PROMPTS = {"query": "the query ", "document": "the passage "}


@pytest.fixture(autouse=True, scope="module")
def float32():
    """Compute in float32 on every processor: these tests are about what a folder means, not about arithmetic."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(kernel_runtime, "PRECISIONS", {"fast": (), "exact": ("float32",), "torch": ()})
        yield


@pytest.fixture(scope="module")
def plain(tmp_path_factory):
    return bare(tmp_path_factory.mktemp("models") / "plain")


def drawn(*modules):
    """Modules with random weights."""
    import torch

    torch.manual_seed(3)
    for module in modules:
        for parameter in module.parameters():
            torch.nn.init.normal_(parameter, 0.1, 0.4)
    return list(modules)


def table(width=32):
    from sentence_transformers.sentence_transformer.modules import StaticEmbedding

    return drawn(StaticEmbedding(folders.wordpiece(), embedding_dim=width))[0]


def saved(folder, modules, **options):
    from sentence_transformers import SentenceTransformer

    model = SentenceTransformer(modules=modules, device="cpu", **options)
    model.save(str(folder), create_model_card=False)
    return folder


def agree(folder, methods=("encode", "encode_query", "encode_document"), texts=TEXTS, **options):
    encoder = ss.Encoder.load(folder)
    from sentence_transformers import SentenceTransformer

    model = SentenceTransformer(str(folder), device="cpu")
    for method in methods:
        wanted = getattr(model, method)(texts, show_progress_bar=False, **options)
        np.testing.assert_allclose(getattr(encoder, method)(texts, **options), wanted, atol=3e-4 * np.abs(wanted).max())
    return encoder


# -- activations ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_activations_are_those_of_torch(name):
    import torch

    x = np.concatenate([np.linspace(-30, 30, 601), [0.5, -0.5, 20, 3, -3, 6]]).astype(np.float32)
    wanted = getattr(torch.nn, name)()(torch.from_numpy(x)).numpy()
    np.testing.assert_allclose(ACTIVATIONS[name](x), wanted, rtol=2e-5, atol=2e-6)


# -- tables with modules after them -----------------------------------------------------------------------------


def after_the_table():
    from sentence_transformers.base.modules import Dense, Normalize
    from sentence_transformers.sentence_transformer.modules import Dropout, LayerNorm
    from torch import nn

    return {
        "dense": [Dense(32, 8)],
        "dense, scaled": [Dense(32, 16, activation_function=nn.Mish()), Normalize()],
        "scaled, dense": [Normalize(), Dense(32, 16, bias=False, activation_function=nn.LeakyReLU())],
        "norm before and after": [LayerNorm(32), Dense(32, 16, use_residual=True), Dropout(0.5), LayerNorm(16)],
    }


@pytest.mark.parametrize("case", ["dense", "dense, scaled", "scaled, dense", "norm before and after"])
@pytest.mark.filterwarnings("ignore:.*knows; they all got the same")
def test_a_table_and_modules_after_it(tmp_path, case):
    made = saved(tmp_path / "m", [table(), *drawn(*after_the_table()[case])], prompts=PROMPTS)
    # Where nothing is added to zero, an empty text has no direction, and gets one like all of them.
    encoder = agree(made, texts=[*TEXTS, "unknown ☃ cat", *([] if case == "scaled, dense" else [""])])
    assert (encoder.dim, encoder.normalizes) == (encoder.encode(TEXTS).shape[1], case == "dense, scaled")
    ss.save(encoder, tmp_path / "saved")
    again = ss.load(tmp_path / "saved")
    assert again.fingerprint == encoder.fingerprint
    np.testing.assert_array_equal(again.encode(TEXTS), encoder.encode(TEXTS))
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(encoder)).encode(TEXTS), encoder.encode(TEXTS))
    agree(tmp_path / "saved")
    space = encoder.embed(ss.Corpus.from_texts(["the cat", "the dog"]), out=tmp_path / "space", progress=False)
    assert ss.load(tmp_path / "space").encoder.fingerprint == encoder.fingerprint
    assert len(space.most_similar("cat", 1)) == 1


def test_a_table_with_modules_that_is_cut(tmp_path):
    from sentence_transformers.base.modules import Dense, Normalize

    made = saved(tmp_path / "m", [table(), *drawn(Dense(32, 16)), Normalize()], truncate_dim=4)
    encoder = agree(made)
    assert (encoder.dim, encoder.normalizes) == (4, False)
    with pytest.raises(AttributeError, match="a HeadedEncoder can't be changed"):
        encoder.max_seq_length = 3
    before = encoder.fingerprint
    folders.weights(made / "1_Dense", lambda w: {name: one + 1 for name, one in w.items()})
    assert ss.Encoder.load(made).fingerprint != before
    with pytest.raises(InputError, match=r"StaticEncoder is a StaticEmbedding .* open others with Encoder\.load"):
        ss.StaticEncoder.from_folder(made)


# -- routers ----------------------------------------------------------------------------------------------------


def transformer(plain):
    from sentence_transformers.sentence_transformer.modules import Pooling, Transformer

    return [Transformer(str(plain)), Pooling(64, pooling_mode="mean")]


def router_of(plain, kind):
    """The modules of a model with sides."""
    from sentence_transformers.base.modules import Dense, Normalize, Router

    dense = drawn(Dense(64, 32), Dense(64, 32), Dense(32, 32))
    shared = transformer(plain)
    if kind == "table for queries":
        return [Router.for_query_document([table(), dense[2]], [*shared, dense[0]]), Normalize()]
    if kind == "after a shared transformer":
        return [*shared, Router({"query": [dense[0]], "document": [dense[1]]}), Normalize()]
    if kind == "by kind of input":
        mappings = {("query", "text"): "q", (None, "text"): "d", (None, ("image", "text")): "q"}
        return [Router({"q": [*shared, dense[0]], "d": [*shared, dense[1]]}, route_mappings=mappings)]
    assert kind == "one module on both sides"
    return [Router({"query": [*shared, dense[0]], "document": [*shared, dense[1]]}, default_route="document")]


@pytest.mark.parametrize(
    "kind", ["table for queries", "after a shared transformer", "by kind of input", "one module on both sides"]
)
def test_a_router(plain, tmp_path, kind):
    made = saved(tmp_path / "m", router_of(plain, kind), prompts=PROMPTS)
    encoder = agree(made)
    for task in ("query", "document"):
        agree(made, methods=("encode",), task=task)
    assert not np.allclose(encoder.encode_queries(TEXTS), encoder.encode_documents(TEXTS, prompt=""))
    ss.save(encoder, tmp_path / "saved")
    again = ss.load(tmp_path / "saved")
    assert again.fingerprint == encoder.fingerprint
    agree(tmp_path / "saved", methods=("encode_query",))
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(encoder)).encode(TEXTS), encoder.encode(TEXTS))
    space = encoder.embed(ss.Corpus.from_texts(TEXTS), out=tmp_path / "space", progress=False)
    np.testing.assert_array_equal(space.vectors, encoder.encode_documents(TEXTS))
    asked = ss.load(tmp_path / "space").encode_queries(["the cat"])
    np.testing.assert_allclose(asked, encoder.encode_queries(["the cat"]), atol=1e-6)
    assert "sides=" in repr(encoder)


def test_sides_of_one_transformer_share_it(plain, tmp_path):
    made = saved(tmp_path / "m", router_of(plain, "after a shared transformer"))
    encoder = ss.Encoder.load(made)
    runtimes = {id(side._runtime) for side in encoder.sides.values()}
    assert len(runtimes) == 1
    short = ss.Encoder.load(made, max_tokens=4)
    assert short.max_tokens == 4
    assert short.fingerprint != encoder.fingerprint
    with pytest.raises(InputError, match="max_tokens must be a whole number from 1 to 64"):
        ss.Encoder.load(made, max_tokens=65)


def old_asym(plain, folder, **parameters):
    """A folder as sentence-transformers 2 to 4 wrote it."""
    from sentence_transformers.base.modules import Dense

    saved(folder, [*transformer(plain), *drawn(Dense(64, 32), Dense(32, 32))])
    asym = folder / "2_Asym"
    asym.mkdir()
    (folder / "3_Dense").rename(asym / "unused")
    for name in ("query_0_Dense", "doc_0_Dense"):
        shutil.copytree(folder / "2_Dense", asym / name)
    folders.weights(asym / "doc_0_Dense", lambda w: {name: -one for name, one in w.items()})
    types = dict.fromkeys(("query_0_Dense", "doc_0_Dense"), "sentence_transformers.models.Dense.Dense")
    structure = {"query": ["query_0_Dense"], "document": ["doc_0_Dense"]}
    put(asym / "config.json", {"types": types, "structure": structure, "parameters": parameters})
    listed = json.loads((folder / "modules.json").read_text())[:2]
    kind = "sentence_transformers.models.Asym"
    put(folder / "modules.json", [*listed, {"idx": 2, "name": "2", "path": "2_Asym", "type": kind}])
    return folder


def test_an_asym(plain, tmp_path):
    made = old_asym(plain, tmp_path / "m", allow_empty_key=True)
    encoder = agree(made, methods=("encode_query", "encode_document"))
    np.testing.assert_allclose(encoder.encode(TEXTS, task="query"), -encoder.encode(TEXTS, task="document"), atol=1e-6)
    with pytest.raises(InputError, match=r"2_Asym.config\.json has the sides .*; give task='query' or another"):
        encoder.encode(TEXTS)
    with pytest.raises(InputError, match="has no side for the task 'image'; it has query, document"):
        encoder.encode(TEXTS, task="image")
    with pytest.raises(InputError, match="task"):
        encoder.encode(TEXTS, task=3)


def test_a_task_without_sides_changes_nothing(plain):
    encoder = ss.Encoder.load(plain)
    np.testing.assert_array_equal(encoder.encode(TEXTS, task="query"), encoder.encode(TEXTS))


@pytest.mark.parametrize(
    ("alter", "message"),
    [
        (lambda c: {**c, "structure": {}}, r"router_config\.json has no sides \(structure\)"),
        (lambda c: {**c, "structure": {"query": ["gone"]}}, r"side 'query' with modules \['gone'\], not all"),
        (lambda c: {"structure": c["structure"]}, "has types None; it must be an object"),
        (lambda c: {**c, "types": dict.fromkeys(c["types"], "own.Module")}, "type 'own.Module', which isn't one of"),
        (lambda c: {**c, "parameters": {"default_route": "gone"}}, "default_route 'gone', but there is no such side"),
        (lambda c: {**c, "parameters": {"by_length": 9}}, "the parameter 'by_length', which semspace doesn't know"),
        (lambda c: {**c, "parameters": {"route_mappings": {"(None, 'text')": "x"}}}, r"to the side 'x' \(route_map"),
        (lambda c: {**c, "parameters": {"route_mappings": {"open('x')": "q"}}}, "must be a pair of task and kind"),
        (lambda c: {**c, "parameters": {"route_mappings": {"(" * 999: "q"}}}, "must be a pair of task and kind"),
    ],
)
def test_routers_that_can_not_be_read(plain, tmp_path, alter, message):
    made = saved(tmp_path / "m", router_of(plain, "by kind of input"))
    [path] = made.rglob("router_config.json")
    put(path, alter(json.loads(path.read_text())))
    with pytest.raises((InputError, DamagedError), match=message):
        ss.Encoder.load(made)


def test_sides_of_different_widths(plain, tmp_path):
    from sentence_transformers.base.modules import Dense, Router

    router = Router({"query": [*transformer(plain), *drawn(Dense(64, 32))], "document": transformer(plain)})
    made = saved(tmp_path / "m", [router])
    with pytest.raises(InputError, match=r"different widths \(query 32, document 64\)"):
        ss.Encoder.load(made)


@pytest.mark.parametrize("measure", ["cosine", "dot", "euclidean", "manhattan"])
def test_the_similarity_of_a_model(tmp_path, measure):
    from sentence_transformers import SentenceTransformer

    made = saved(tmp_path / "m", [table()], similarity_fn_name=measure)
    encoder, model = ss.Encoder.load(made), SentenceTransformer(str(made), device="cpu")
    a, b = model.encode(TEXTS), model.encode(TEXTS[::-1])
    np.testing.assert_allclose(encoder.similarity(a, b), model.similarity(a, b).numpy(), atol=1e-4)
    np.testing.assert_allclose(encoder.similarity_pairwise(a, b), model.similarity_pairwise(a, b).numpy(), atol=1e-4)
    ss.save(encoder, tmp_path / "saved")
    assert ss.load(tmp_path / "saved").similarity_fn_name == measure
    space = encoder.embed(ss.Corpus.from_texts(TEXTS), progress=False)
    ss.save(space, tmp_path / "space")
    assert ss.load(tmp_path / "space").encoder.similarity_fn_name == measure


def test_settings_that_nobody_knows(plain, tmp_path):
    from sentence_transformers.base.modules import Dense

    made = saved(tmp_path / "m", [*transformer(plain), *drawn(Dense(64, 32))])
    for path, message in (
        ("2_Dense/config.json", "has scale 2, a setting of Dense that semspace doesn't know"),
        ("1_Pooling/config.json", "has scale 2, a setting of Pooling that semspace doesn't know"),
        ("sentence_bert_config.json", "has scale 2, a setting of Transformer that semspace doesn't know"),
    ):
        before = (made / path).read_text()
        change(made / path, scale=2)
        with pytest.raises(InputError, match=rf"{path.rpartition('/')[2]} {message}"):
            ss.Encoder.load(made)
        (made / path).write_text(before)


def test_what_a_model_with_sides_says(tmp_path):
    from sentence_transformers.sentence_transformer.modules import Router

    made = saved(tmp_path / "m", [Router.for_query_document([table()], [table()])])
    encoder = ss.Encoder.load(made)
    assert list(encoder.sides) == ["query", "document"]
    for task, message in (
        ("querry", "no side for the task 'querry'; it has query, document"),
        (3, "task must be a string; got int: 3"),
    ):
        with pytest.raises(InputError, match=message):
            encoder.encode(["the cat"], task=task)
    with pytest.raises(InputError, match=r"has the sides query, document.*encoder\.sides\['query'\]\.encode_tokens"):
        encoder.encode_tokens(["the cat"])
    with pytest.raises(InputError, match=r"all sides of .* are static, without a backend 'torch'; leave backend= out"):
        ss.Encoder.load(made, backend="torch")


def test_similarities_of_vectors_that_cannot_be_compared(plain):
    encoder = ss.Encoder.load(plain)
    assert not encoder.sides
    for name in ("similarity", "similarity_pairwise"):
        with pytest.raises(InputError, match="same number of dimensions on both sides; got 2 and 3"):
            getattr(encoder, name)([[1.0, 2.0]], [[1.0, 2.0, 3.0]])
    with pytest.raises(InputError, match="as many vectors on both sides; got 2 and 1"):
        encoder.similarity_pairwise([[1.0], [2.0]], [[1.0]])
