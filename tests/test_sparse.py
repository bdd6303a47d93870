"""Sparse encoders and their index, held against sentence-transformers on small random models."""

import json
import pickle
import shutil

import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import sparse

import semspace as ss
from semspace.errors import DamagedError, InputError, SemspaceWarning
from semspace.sentences import kernel_runtime
from tests import folders
from tests.folders import TEXTS, bare, change, put

PROMPTS = {"query": "the query ", "document": "the passage "}


@pytest.fixture(autouse=True, scope="module")
def float32():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(kernel_runtime, "PRECISIONS", {"fast": (), "exact": ("float32",), "torch": ()})
        yield


def masked_models():
    import transformers as tf

    size, rows = folders.wordpiece().get_vocab_size(), folders.byte_pairs().get_vocab_size()
    sizes = {"hidden_size": 64, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 128}
    more = {"max_position_embeddings": 66, "initializer_range": 0.3}
    distil = {"dim": 64, "n_layers": 2, "n_heads": 2, "hidden_dim": 128, "max_position_embeddings": 64}
    modern = {"pad_token_id": 0, "cls_token_id": 2, "sep_token_id": 3, "bos_token_id": 2, "eos_token_id": 3}
    return {
        "bert": (tf.BertConfig(vocab_size=size, **sizes, **more), tf.BertForMaskedLM),
        "bert, relu": (tf.BertConfig(vocab_size=size, hidden_act="relu", **sizes, **more), tf.BertForMaskedLM),
        "bert, not tied": (
            tf.BertConfig(vocab_size=size, tie_word_embeddings=False, **sizes, **more), tf.BertForMaskedLM,
        ),
        "distilbert": (tf.DistilBertConfig(vocab_size=size, initializer_range=0.3, **distil), tf.DistilBertForMaskedLM),
        "mpnet": (tf.MPNetConfig(vocab_size=size, pad_token_id=0, **sizes, **more), tf.MPNetForMaskedLM),
        "roberta": (tf.RobertaConfig(vocab_size=rows, pad_token_id=1, **sizes, **more), tf.RobertaForMaskedLM),
        "modernbert": (tf.ModernBertConfig(vocab_size=size, **sizes, **modern), tf.ModernBertForMaskedLM),
    }  # fmt: skip


def masked(folder, kind="bert"):
    config, model = masked_models()[kind]
    pieces = folders.byte_pairs() if kind == "roberta" else folders.wordpiece()
    told = {"model_max_length": 32}

    def drawn(config):
        import torch

        made = model(config)
        for parameter in made.parameters():  # biases too, which begin with zeros
            torch.nn.init.normal_(parameter, 0, 0.3)
        made.tie_weights()
        return made

    return bare(folder, config=config, reader=drawn, tokenizer=pieces, **told)


def splade(plain, folder, strategy="max", activation="relu", **options):
    from sentence_transformers import SparseEncoder
    from sentence_transformers.base.modules import Transformer
    from sentence_transformers.sparse_encoder.modules import SpladePooling

    modules = [Transformer(str(plain), transformer_task="fill-mask"), SpladePooling(strategy, activation)]
    SparseEncoder(modules=modules, device="cpu", **options).save(str(folder), create_model_card=False)
    return folder


def inference_free(plain, folder):
    import torch
    from sentence_transformers import SparseEncoder
    from sentence_transformers.base.modules import Router, Transformer
    from sentence_transformers.sparse_encoder.modules import SparseStaticEmbedding, SpladePooling

    documents = Transformer(str(plain), transformer_task="fill-mask")
    torch.manual_seed(5)
    weight = torch.rand(len(documents.tokenizer.get_vocab()))
    queries = SparseStaticEmbedding(documents.tokenizer, weight=weight, frozen=True)
    router = Router.for_query_document([queries], [documents, SpladePooling("max", "log1p_relu")])
    SparseEncoder(modules=[router], device="cpu", prompts=PROMPTS).save(str(folder), create_model_card=False)
    return folder


def theirs(folder, method="encode", texts=TEXTS, **options):
    from sentence_transformers import SparseEncoder

    model = SparseEncoder(str(folder), device="cpu")
    return getattr(model, method)(texts, show_progress_bar=False, **options).to_dense().numpy(), model


def agree(folder, method="encode", texts=TEXTS, backend="auto", **options):
    wanted, model = theirs(folder, method, texts, **options)
    encoder = ss.SparseEncoder.load(folder, backend=backend)
    found = getattr(encoder, method)(texts, **options)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found.toarray(), wanted, atol=2e-4 * wanted.max())
    return encoder, model


@pytest.fixture(scope="module")
def plain(tmp_path_factory):
    return masked(tmp_path_factory.mktemp("models") / "plain")


@pytest.fixture(scope="module")
def listed(plain, tmp_path_factory):
    return splade(plain, tmp_path_factory.mktemp("models") / "listed", prompts=PROMPTS)


@pytest.fixture
def folder(listed, tmp_path):
    return shutil.copytree(listed, tmp_path / "model")


@pytest.mark.parametrize("kind", masked_models())
def test_heads_of_all_architectures(tmp_path, kind):
    made = splade(masked(tmp_path / "plain", kind), tmp_path / "m")
    texts = ["cat", "the cat", "cat the"] if kind == "roberta" else TEXTS
    agree(made, texts=texts, backend="torch")
    encoder, _ = agree(made, texts=texts)
    assert encoder.encode(texts).nnz
    assert encoder.dim == len(
        folders.byte_pairs().get_vocab() if kind == "roberta" else folders.wordpiece().get_vocab()
    )


@pytest.mark.filterwarnings("ignore:Sparse CSR tensor support")
@pytest.mark.parametrize("strategy", ["max", "sum"])
@pytest.mark.parametrize("activation", ["relu", "log1p_relu"])
def test_poolings(plain, tmp_path, strategy, activation):
    encoder, model = agree(splade(plain, tmp_path / "m", strategy, activation))
    vectors, theirs = encoder.encode(TEXTS), model.encode(TEXTS)
    np.testing.assert_allclose(encoder.similarity(vectors, vectors), model.similarity(theirs, theirs), rtol=1e-3)


def test_prompts_sides_and_limits(listed):
    for method in ("encode", "encode_query", "encode_document"):
        encoder, model = agree(listed, method)
    agree(listed, max_active_dims=3)
    assert np.diff(encoder.encode(TEXTS, max_active_dims=3).indptr).max() == 3
    decoded = model.decode(model.encode(TEXTS), top_k=4)
    found = encoder.decode(encoder.encode(TEXTS), top_k=4)
    assert [[token for token, _ in row] for row in found] == [[token for token, _ in row] for row in decoded]
    assert encoder.tokens_of(encoder.encode("the cat"), 4) == encoder.tokens_of(encoder.encode(["the cat"]), 4)


def test_a_text_has_one_vector_whatever_the_company(listed):
    encoder = ss.SparseEncoder.load(listed)
    alone = np.concatenate([encoder.encode([text]).toarray() for text in TEXTS])
    np.testing.assert_array_equal(encoder.encode(TEXTS).toarray(), alone)
    assert encoder.encode([]).shape == (0, encoder.dim)
    again = pickle.loads(pickle.dumps(encoder))
    np.testing.assert_array_equal(again.encode(TEXTS).toarray(), alone)


def test_weights_without_inference(plain, tmp_path):
    made = inference_free(plain, tmp_path / "m")
    for method in ("encode_query", "encode_document", "encode"):
        encoder, _ = agree(made, method, [*TEXTS, "cat cat [SEP]"])
    agree(made, texts=TEXTS, task="query")
    ss.save(encoder, tmp_path / "saved")
    again = ss.load(tmp_path / "saved")
    assert again.fingerprint == encoder.fingerprint
    assert "sides=query, document" in repr(again)
    with pytest.raises(InputError, match="has no side for the task 'image'"):
        encoder.encode(TEXTS, task="image")


def test_the_module_of_version_5(folder, listed):
    wanted = ss.SparseEncoder.load(listed).encode(TEXTS).toarray()
    modules = json.loads((folder / "modules.json").read_text())
    modules[0]["type"] = "sentence_transformers.sparse_encoder.models.MLMTransformer"
    put(folder / "modules.json", modules)
    put(folder / "sentence_bert_config.json", {"max_seq_length": 32, "do_lower_case": False})
    encoder = ss.SparseEncoder.load(folder)
    np.testing.assert_array_equal(encoder.encode(TEXTS).toarray(), wanted)


def test_long_texts_are_cut_and_counted(listed):
    encoder = ss.SparseEncoder.load(listed, max_tokens=4)
    with pytest.warns(SemspaceWarning, match="1 of 2 texts are longer than the 4 tokens"):
        found = encoder.encode(["the cat", "the cat sat on the mat"])
    np.testing.assert_array_equal(found.toarray()[0], found.toarray()[1])
    assert encoder.fingerprint != ss.SparseEncoder.load(listed).fingerprint
    with pytest.raises(InputError, match="max_tokens must be a whole number from 1 to 32"):
        ss.SparseEncoder.load(listed, max_tokens=33)


@pytest.mark.parametrize(
    ("file", "values", "message"),
    [
        ("1_SpladePooling/config.json", {"pooling_strategy": "mean"}, "pooling_strategy 'mean'; semspace supports max"),
        ("1_SpladePooling/config.json", {"activation_function": "gelu"}, "activation_function 'gelu'; semspace"),
        ("1_SpladePooling/config.json", {"scale": 2}, "has scale 2, a setting of SpladePooling"),
        ("config_sentence_transformers.json", {"max_active_dims": 0}, "has max_active_dims 0"),
        ("config_sentence_transformers.json", {"model_type": "SentenceTransformer"}, "open it with Encoder.load"),
        ("config_sentence_transformers.json", {"similarity_fn_name": "maxsim"}, "similarity_fn_name 'maxsim'"),
        ("sentence_bert_config.json", {"transformer_task": "feature-extraction"}, "other than the logits"),
        ("config.json", {"hidden_act": "quick_gelu"}, "has hidden_act 'quick_gelu'"),
        ("config.json", {"model_type": "electra"}, "model_type 'electra', whose masked language head semspace doesn't"),
    ],
)
def test_folders_that_can_not_be_run(folder, file, values, message):
    change(folder / file, **values)
    with pytest.raises(InputError, match=message):
        ss.SparseEncoder.load(folder)


def test_heads_that_are_not_whole(folder):
    folders.weights(folder, lambda w: {name: one for name, one in w.items() if "transform.dense.weight" not in name})
    with pytest.raises(
        DamagedError, match=r"no weight 'cls\.predictions\.transform\.dense\.weight', a part of its mask"
    ):
        ss.SparseEncoder.load(folder)
    (folder / "modules.json").unlink()
    with pytest.raises(InputError, match=r"has no modules\.json, which says how a sparse encoder is pooled"):
        ss.SparseEncoder.load(folder)


def test_an_encoder_of_other_vectors_is_named(folder, tmp_path):
    with pytest.raises(
        InputError, match=r"is a SparseEncoder, not a SentenceTransformer; open it with SparseEncoder\.load"
    ):
        ss.Encoder.load(folder)
    listed = json.loads((folder / "modules.json").read_text())
    put(folder / "modules.json", listed[:1])
    with pytest.raises(InputError, match="lists the modules Transformer; a sparse encoder is a Transformer and Splade"):
        ss.SparseEncoder.load(folder)


# -- the index --------------------------------------------------------------------------------------------------


def rows_of(draw, n, dim=6):
    cells = st.sampled_from([0, 0, 0, 1, 2, -1, 0.5])
    return np.array(draw(st.lists(st.lists(cells, min_size=dim, max_size=dim), min_size=n, max_size=n)), np.float32)


@given(st.data())
def test_a_search_is_the_product_with_every_text(data):
    texts, queries = rows_of(data.draw, 7), rows_of(data.draw, 2)
    measure = data.draw(st.sampled_from(["dot", "cosine"]))
    ids = [str(i) for i in range(7)]
    index = ss.SparseIndex.from_vectors(ids, sparse.csr_array(texts), measure=measure)
    for query, found in zip(queries, index.search_many(sparse.csr_array(queries), 3), strict=True):
        scores = texts @ query
        if measure == "cosine":
            scores = scores / np.maximum(np.linalg.norm(texts, axis=1) * np.linalg.norm(query), 1e-9)
        shares = ((texts != 0) & (query != 0)).any(axis=1)
        wanted = np.sort(scores[shares])[::-1][:3]
        np.testing.assert_allclose(found.scores, wanted, atol=1e-5)
        assert all(shares[int(name)] and abs(scores[int(name)] - score) < 1e-5 for name, score in found)
        assert measure == "cosine" or list(found) == sorted(found, key=lambda pair: (-pair[1], pair[0]))


def test_texts_are_found_by_their_tokens(listed, tmp_path):
    encoder = ss.SparseEncoder.load(listed)
    frame = pl.DataFrame({"id": list("abcde"), "text": TEXTS, "year": [2001, 2002, 2003, 2004, 2005]})
    index = ss.SparseIndex.build(ss.Corpus(frame, {}), encoder, progress=False)
    scores = encoder.similarity(encoder.encode_queries(["the cat"]), encoder.encode_documents(TEXTS))[0]
    found = index.search("the cat", 3)
    assert list(found.ids) == [list("abcde")[i] for i in np.argsort(-scores)[:3]]
    np.testing.assert_allclose(found.scores, np.sort(scores)[::-1][:3], rtol=1e-5)
    assert found.metadata.columns == ["text", "year"]
    assert set(index.search("the cat", where="year >= 2004").ids) == {"d", "e"}
    assert "5 texts" in repr(index)
    ss.save(index, tmp_path / "index")
    again = ss.load(tmp_path / "index")
    assert (list(again.search("the cat", 3)), len(again), again.dim) == (list(found), 5, encoder.dim)
    folders.weights(listed, lambda w: {name: one * 1.01 for name, one in w.items()})
    with pytest.raises(InputError, match=r"was made with an encoder .* of fingerprint .*; index the texts again"):
        ss.load(tmp_path / "index").search("the cat")


def test_lists_that_were_changed_are_damage(tmp_path):
    index = ss.SparseIndex.from_vectors(["a", "b"], sparse.csr_array(np.eye(2, dtype=np.float32)))
    for changes in ({"rows": np.array([0, 7], np.int32)}, {"starts": np.array([0, 2, 1], np.int64)}):
        import dataclasses

        ss.save(dataclasses.replace(index, **changes), tmp_path / "index", overwrite=True)
        with pytest.raises(DamagedError, match="holds lists that can't be those of its 2 texts"):
            ss.load(tmp_path / "index")


@pytest.mark.parametrize("frame", [dict, pl.DataFrame, pd.DataFrame])
def test_metadata_of_any_table_and_whole_numbers_as_ids(frame):
    index = ss.SparseIndex.from_vectors([7, 8], sparse.csr_array(np.eye(2)), frame({"n": [1, 2]}))
    found = index.search(sparse.csr_array([[1.0, 1.0]]), where="n > 1")
    assert (found.ids, found.metadata["n"].to_list()) == (("8",), [2])


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda i: i.search("cat"), "this index has no encoder, so queries must be sparse vectors"),
        (lambda i: i.search(" "), "a query must have some text"),
        (lambda i: i.search(sparse.eye_array(3).tocsr()[:1]), r"queries must have the shape \(n, 2\); got \(1, 3\)"),
        (lambda i: i.search(sparse.eye_array(2).tocsr()[:1], 0), "k must be a whole number of at least 1"),
        (lambda i: i.search(sparse.eye_array(2).tocsr()[:1], where="a > 1"), "needs metadata, and this index has none"),
        (
            lambda i: ss.SparseIndex.from_vectors(["a"], np.eye(1)),
            "vectors must be a scipy sparse array; got ndarray: build",
        ),
        (lambda i: ss.SparseIndex.from_vectors(["a"], sparse.eye_array(2)), r"must have 1 rows, .* shape \(2, 2\)"),
        (lambda i: ss.SparseIndex.from_vectors(["a"], sparse.csr_array([[1j]])), "must hold real numbers; got complex"),
        (lambda i: ss.SparseIndex.from_vectors(["a"], sparse.csr_array([[1.0]]), {"n": [1, 2]}), "a row for each of"),
        (lambda i: i.search(sparse.csr_array([[np.nan, 1]])), "queries must hold finite numbers"),
        (lambda i: i.search(sparse.eye_array(2).tocsr()), r"a query must be one row, .* got \(2, 2\): see search_many"),
        (lambda i: i.search(np.ones((1, 2))), "queries must be texts, or scipy sparse arrays .* got ndarray: give"),
        (lambda i: i.search({"a": 1.0}), "queries must be texts, or scipy sparse arrays"),
        (lambda i: ss.SparseIndex.from_vectors(["a", "a"], sparse.eye_array(2)), "ids must be unique; 'a' occurs"),
        (lambda i: ss.SparseIndex.from_vectors(["a"], sparse.csr_array([[np.nan]])), "vectors must hold finite"),
        (
            lambda i: ss.SparseIndex.from_vectors(["a"], sparse.csr_array([[1.0]]), measure="euclidean"),
            "compares by dot",
        ),
        (lambda i: ss.SparseIndex.build(["text"], None), "corpus must be a Corpus; got list"),
        (
            lambda i: ss.SparseIndex.build(ss.Corpus.from_texts(["x"]), i),
            "encoder must be a SparseEncoder; got SparseIndex",
        ),
    ],
)
def test_what_an_index_can_not_do(call, message):
    index = ss.SparseIndex.from_vectors(["a", "b"], sparse.csr_array(np.eye(2, dtype=np.float32)))
    with pytest.raises(InputError, match=message):
        call(index)
