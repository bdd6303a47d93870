"""Which runtime a model gets, why, and what other libraries ask of an encoder."""

import json
import os
import re
import shutil
import subprocess
import sys

import numpy as np
import pytest

import semspace as ss
from semspace.errors import DamagedError, InputError
from semspace.inference import gemm
from semspace.kernels import byte_products
from semspace.sentences import kernel_runtime, parity, recorded_vectors
from tests.conftest import make_tiny_model

FAST = kernel_runtime.runs_here("int8")
TEXTS = ["a cat", "the quick brown fox jumps over it", "", "42 — élan"]


@pytest.fixture
def no_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("SEMSPACE_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


# -- the gate -------------------------------------------------------------------------------------------------


@pytest.mark.skipif(not FAST, reason="this processor has no int8 arithmetic")
def test_the_fastest_that_keeps_its_promise_is_taken_and_said(small):
    assert (small.backend, small.implementation) == ("fast", "int8 kernels")
    assert "mean cosine 0.99" in small.backend_reason
    assert "with torch float32" in small.backend_reason


def test_real_vectors_keep_the_promises(minilm):
    reference = ss.Encoder.load("all-MiniLM-L6-v2", backend="torch")
    texts = ["A man plays the guitar.", "Stocks fell on Tuesday.", "happy", "joyful", "granite " * 30]
    theirs = reference.encode(texts)
    exact = (ss.Encoder.load("all-MiniLM-L6-v2", backend="exact").encode(texts) * theirs).sum(axis=1)
    assert exact.min() > parity.BOUNDS["exact"][1]
    assert (minilm.encode(texts) * theirs).sum(axis=1).mean() > (0.995 if FAST else 0.9999)


def test_what_was_measured_is_remembered(small_folder, no_cache, monkeypatch):
    first = ss.Encoder.load(small_folder)
    assert len(list(no_cache.iterdir())) >= 1
    monkeypatch.setattr("semspace.sentences.runtime_selection._reference", lambda _: pytest.fail("measured again"))
    assert ss.Encoder.load(small_folder).backend_reason == first.backend_reason


def test_what_was_remembered_badly_is_measured_again(small_folder, no_cache):
    first = ss.Encoder.load(small_folder)
    for place in no_cache.iterdir():
        place.write_text("{")
    assert ss.Encoder.load(small_folder).backend_reason == first.backend_reason


def test_a_runtime_that_strays_is_not_taken(small_folder, no_cache, monkeypatch):
    """The kernels are made to go wrong: the gate sees it, and torch does the work."""
    pooled = kernel_runtime.KernelRuntime.pooled

    def wrong(self, texts, done):
        vectors = pooled(self, texts, done)
        return vectors + np.abs(vectors).max() * np.linspace(-1, 1, vectors.shape[1], dtype=np.float32)

    monkeypatch.setattr(kernel_runtime.KernelRuntime, "pooled", wrong)
    encoder = ss.Encoder.load(small_folder)
    assert encoder.backend == "torch"
    assert "not float32 kernels, mean cosine 0." in encoder.backend_reason
    with pytest.raises(InputError, match=r"backend 'exact' can't run .*mean cosine"):
        ss.Encoder.load(small_folder, backend="exact")


def test_nan_does_not_pass_the_gate(small_folder, no_cache, monkeypatch):
    pooled = kernel_runtime.KernelRuntime.pooled
    monkeypatch.setattr(
        kernel_runtime.KernelRuntime, "pooled", lambda self, texts, done: pooled(self, texts, done) * np.float32("nan")
    )
    assert ss.Encoder.load(small_folder).backend == "torch"


def test_a_processor_without_products_of_bytes_falls_back_and_says_so(small_folder, monkeypatch):
    monkeypatch.setattr(byte_products, "HAS_DOT", False)
    monkeypatch.setattr(byte_products, "HAS_PAIRS", False)
    encoder = ss.Encoder.load(small_folder)
    assert encoder.backend == "exact"
    assert re.search(r"not int8 kernels, .* (avx2|dotprod)", encoder.backend_reason)
    with pytest.raises(InputError, match=r"(this processor has no|excludes) (avx2|dotprod); use backend='auto'"):
        ss.Encoder.load(small_folder, backend="fast")


def test_a_processor_without_bfloat16_computes_in_float32(small_folder, monkeypatch):
    monkeypatch.setitem(gemm.FEATURES, "avx512bf16", False)
    encoder = ss.Encoder.load(small_folder, backend="exact")
    assert encoder.implementation == "float32 kernels"
    assert "avx512bf16" in encoder.backend_reason


def test_a_gpu_goes_before_the_kernels(small_folder, monkeypatch):
    import torch

    from semspace.sentences import runtime_selection

    assert not runtime_selection._gpu()
    monkeypatch.setattr(runtime_selection, "_GPU_DEVICES", ("/dev/null",))
    assert not runtime_selection._gpu()  # a device that torch can't use
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert runtime_selection._gpu()
    monkeypatch.setattr("semspace.sentences.torch_runtime._device", lambda: "cpu")
    for has_bfloat16, precision in ((False, "float32"), (True, "bfloat16")):
        monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda has=has_bfloat16: has)
        encoder = ss.Encoder.load(small_folder)
        assert (encoder.backend, encoder.implementation) == ("torch", f"torch {precision} on cpu")


def test_kernels_need_no_torch(small_folder):
    """With torch and transformers out of reach the kernels in float32 are the reference."""
    code = (
        "import sys; sys.modules['torch'] = None; sys.modules['transformers'] = None\n"
        "import semspace as ss\n"
        f"encoder = ss.Encoder.load({str(small_folder)!r})\n"
        "print(encoder.encode(['a cat']).shape, encoder.backend_reason)"
    )
    environment = {"PATH": "", "SEMSPACE_CACHE": str(small_folder.parent / "elsewhere")}
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment, check=True)
    assert ran.stdout.startswith("(1, 128) ")
    assert "with float32 kernels" in ran.stdout


def test_an_older_processor_gives_the_same_vectors(small_folder, small, tmp_path):
    """Compiled for what every processor has, where the tiles are narrower and only float32 is there."""
    code = (
        "import numpy as np\n"
        "import semspace as ss\n"
        f"encoder = ss.Encoder.load({str(small_folder)!r})\n"
        f"np.save({str(tmp_path / 'v.npy')!r}, encoder.encode({TEXTS!r}))\n"
        "print(encoder.implementation)"
    )
    older = {**os.environ, "SEMSPACE_CPU": "generic"}
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=older, check=True)
    assert ran.stdout == "float32 kernels\n"
    reference = ss.Encoder.load(small_folder, backend="torch").encode(TEXTS)
    np.testing.assert_allclose(np.load(tmp_path / "v.npy"), reference, atol=2e-6)


def test_parity_prints():
    assert (
        str(parity.Parity(0.99874, 0.98, "torch"))
        == "mean cosine 0.9987 (minimum 0.9800) with torch on 40 test sentences"
    )
    assert parity.Parity(0.996, 0.985, "torch").holds("fast")
    assert not parity.Parity(0.996, 0.97, "torch").holds("fast")
    assert not parity.Parity(0.9998, 0.9998, "torch").holds("exact")


# -- models that don't fit together ---------------------------------------------------------------------------


def test_a_tokenizer_of_another_model(tmp_path, small_folder):
    folder = make_tiny_model(tmp_path / "m", hidden=64, longest=16)
    tokenizer = json.loads((folder / "tokenizer.json").read_text())
    tokenizer["model"]["vocab"].update({f"word{i}": 76 + i for i in range(50)})
    (folder / "tokenizer.json").write_text(json.dumps(tokenizer))
    with pytest.raises(DamagedError, match=r"doesn't belong to this model: it has 126 tokens, but the model knows 76"):
        ss.Encoder.load(folder)


def test_a_token_that_the_model_does_not_know(tmp_path):
    folder = make_tiny_model(tmp_path / "m", hidden=64, longest=16)
    tokenizer = json.loads((folder / "tokenizer.json").read_text())
    added = {"single_word": False, "lstrip": False, "rstrip": False, "normalized": False, "special": False}
    tokenizer["added_tokens"] = [{"id": 90, "content": "zebra", **added}]
    (folder / "tokenizer.json").write_text(json.dumps(tokenizer))
    encoder = ss.Encoder.load(folder)
    with pytest.raises(DamagedError, match=r"returns the token \d+, but the model knows 76; download the model again"):
        encoder.encode(["a zebra"])


def test_weights_that_are_not_numbers(tmp_path):
    from safetensors.numpy import load_file, save_file

    folder = make_tiny_model(tmp_path / "m", hidden=64, longest=16)
    weights = dict(load_file(folder / "model.safetensors"))
    weights["encoder.layer.0.output.LayerNorm.bias"] = np.full(64, np.nan, np.float32)
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(DamagedError, match="returns vectors that aren't finite; download it again"):
        ss.Encoder.load(folder).encode(["a cat"])


def test_weights_in_bfloat16_are_read(tmp_path):
    import torch
    from transformers import BertModel

    folder = make_tiny_model(tmp_path / "m", hidden=64, longest=64)
    BertModel.from_pretrained(folder).to(torch.bfloat16).save_pretrained(folder)
    ours = ss.Encoder.load(folder, backend="exact").encode(TEXTS)
    theirs = ss.Encoder.load(folder, backend="torch").encode(TEXTS)
    assert (ours * theirs).sum(axis=1).min() > parity.BOUNDS["exact"][1]


def test_a_tokenizer_whose_numbers_have_gaps(tmp_path):
    """Its tokens are fewer than the model's, and one of them is beyond: nothing is read from beyond the table."""
    folder = make_tiny_model(tmp_path / "m", hidden=64, longest=16)
    tokenizer = json.loads((folder / "tokenizer.json").read_text())
    tokenizer["model"]["vocab"]["a"] = 30_000
    (folder / "tokenizer.json").write_text(json.dumps(tokenizer))
    for runtime in ("auto", "torch"):
        with pytest.raises(
            DamagedError, match=r"doesn't belong to this model: it has 30,001 tokens, but the model knows 76"
        ):
            ss.Encoder.load(folder, backend=runtime)


def test_a_limit_that_leaves_no_room_for_text(tmp_path):
    folder = make_tiny_model(tmp_path / "m", hidden=64, longest=16)
    (folder / "sentence_bert_config.json").write_text(json.dumps({"max_seq_length": 1}))
    with pytest.raises(DamagedError, match="reads 1 tokens, but 2 of them are special tokens"):
        ss.Encoder.load(folder)


@pytest.mark.parametrize("name", ["word_embeddings", "position_embeddings", "token_type_embeddings", "LayerNorm"])
def test_tables_of_another_width(tmp_path, name):
    from safetensors.numpy import load_file, save_file

    folder = make_tiny_model(tmp_path / "m", hidden=64, longest=16)
    weights = dict(load_file(folder / "model.safetensors"))
    key = f"embeddings.{name}.weight"
    weights[key] = np.ascontiguousarray(weights[key][..., :32])
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(DamagedError, match=r"don't fit its config\.json|can't be opened"):
        ss.Encoder.load(folder, backend="exact")


def test_norms_as_old_checkpoints_call_them(tmp_path):
    from safetensors.numpy import load_file, save_file

    folder = make_tiny_model(tmp_path / "m", hidden=64, longest=16)
    before = ss.Encoder.load(folder).encode(["a cat"])
    weights = {
        name.replace("LayerNorm.weight", "LayerNorm.gamma").replace("LayerNorm.bias", "LayerNorm.beta"): value
        for name, value in load_file(folder / "model.safetensors").items()
    }
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    np.testing.assert_array_equal(ss.Encoder.load(folder).encode(["a cat"]), before)


def test_a_tokenizer_without_marks(tmp_path):
    folder = make_tiny_model(tmp_path / "m", hidden=64, longest=16)
    tokenizer = json.loads((folder / "tokenizer.json").read_text())
    tokenizer["post_processor"] = None
    (folder / "tokenizer.json").write_text(json.dumps(tokenizer))
    encoder = ss.Encoder.load(folder)
    assert encoder.encode(["a cat"]).shape == (1, 64)
    with pytest.raises(InputError, match="returns no tokens for the text '', so the text has no vector; leave it out"):
        encoder.encode(["a cat", ""])


def test_wide_heads_and_short_texts(tmp_path):
    from transformers import BertConfig, BertModel

    folder = make_tiny_model(tmp_path / "m", hidden=256, longest=8)
    config = BertConfig.from_pretrained(folder)
    config.num_attention_heads = 1
    BertModel(config).save_pretrained(folder)
    theirs = ss.Encoder.load(folder, backend="torch").encode(["a cat", "a b c d e"])
    ours = ss.Encoder.load(folder, backend="exact").encode(["a cat", "a b c d e"])
    assert (ours * theirs).sum(axis=1).min() > parity.BOUNDS["exact"][1]


# -- as sentence-transformers is called -----------------------------------------------------------------------


def test_options_that_people_type_by_habit(small, tmp_path):
    plain = small.encode(TEXTS)
    np.testing.assert_array_equal(small.encode(TEXTS, batch_size=2, show_progress_bar=False), plain)
    folder = make_tiny_model(tmp_path / "m", hidden=64, longest=64)
    modules = json.loads((folder / "modules.json").read_text())
    (folder / "modules.json").write_text(json.dumps(modules[:2]))
    long = ss.Encoder.load(folder)
    assert not long.normalizes
    np.testing.assert_allclose(np.linalg.norm(long.encode(TEXTS, normalize_embeddings=True), axis=1), 1, atol=1e-6)
    np.testing.assert_array_equal(small.encode(["cat"], prompt="a "), small.encode(["a cat"]))
    np.testing.assert_allclose(small.similarity(plain, plain).diagonal(), 1, atol=1e-6)
    np.testing.assert_allclose(small.similarity_pairwise(plain, plain), 1, atol=1e-6)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"prompt": "a", "prompt_name": "query"}, "give prompt or prompt_name, not both"),
        ({"prompt_name": "query"}, "has no prompt 'query'; it has none"),
        ({"batch_size": 0}, "batch_size must be a whole number of at least 1; got 0"),
        ({"convert_to_tensors": True}, "encode takes no option 'convert_to_tensors'; did you mean convert_to_tensor"),
        ({"normalize_embeddings": "yes"}, "normalize_embeddings must be True or False; got 'yes'"),
    ],
)
def test_options_that_cannot_be(small, options, message):
    with pytest.raises(InputError, match=message):
        small.encode(TEXTS, **options)


def test_queries_with_a_prompt_of_ones_own(tmp_path):
    folder = make_tiny_model(tmp_path / "m", hidden=64, longest=32)
    config = {"prompts": {"query": "question: ", "short": "q: "}}
    (folder / "config_sentence_transformers.json").write_text(json.dumps(config))
    encoder = ss.Encoder.load(folder)
    given = encoder.encode_query(["a cat"], prompt_name="short")
    np.testing.assert_array_equal(given, encoder.encode_query(["a cat"], prompt="q: "))
    np.testing.assert_array_equal(given, encoder.encode(["q: a cat"]))
    with pytest.raises(InputError, match="prompt must be a string; got int: 5"):
        encoder.encode(["a cat"], prompt=5)
    np.testing.assert_array_equal(encoder.encode("hello", precision="float32"), encoder.encode(["hello"])[0])


def test_a_space_asks_with_the_prompt_for_queries(tmp_path):
    folder = make_tiny_model(tmp_path / "m", hidden=64, longest=32)
    config = {"prompts": {"query": "question: ", "document": "passage: "}}
    (folder / "config_sentence_transformers.json").write_text(json.dumps(config))
    encoder = ss.Encoder.load(folder)
    space = encoder.embed(ss.Corpus.from_texts(["red wine", "old ale"]))
    np.testing.assert_array_equal(space.vectors, encoder.encode_documents(["red wine", "old ale"]))
    np.testing.assert_array_equal(space.encode_queries(["red wine"]), encoder.encode(["red wine"], prompt="question: "))
    assert space.provenance["encoding"]["prompt"] == "passage: "


# -- other libraries ------------------------------------------------------------------------------------------


def test_it_keeps_the_protocol_of_mteb(small):
    """Called as mteb 2 calls: batches of dicts from a DataLoader, the task given by keyword."""
    import enum

    from torch.utils.data import DataLoader

    class PromptType(str, enum.Enum):
        query = "query"
        document = "document"

    batches = DataLoader([{"text": text} for text in TEXTS], batch_size=3)
    options = {"task_metadata": object(), "hf_split": "test", "hf_subset": "default", "batch_size": 32}
    adapter = ss.integrations.MTEBEncoder(small)
    for kind in (None, PromptType.query, PromptType.document):
        np.testing.assert_array_equal(adapter.encode(batches, prompt_type=kind, **options), small.encode(TEXTS))
        with pytest.warns(FutureWarning, match="MTEBEncoder"):
            np.testing.assert_array_equal(small.encode(batches, prompt_type=kind, **options), small.encode(TEXTS))
    for name in ("similarity", "similarity_pairwise"):
        assert np.all(getattr(adapter, name)(np.eye(2), np.eye(2)) == getattr(small, name)(np.eye(2), np.eye(2)))
    assert "mteb_model_meta" in dir(adapter)
    assert "mteb_model_meta" in dir(small)


def test_it_is_what_bertopic_takes(small):
    from sklearn.pipeline import Pipeline

    pipeline = ss.integrations.bertopic_pipeline(small)
    assert isinstance(pipeline, Pipeline)
    np.testing.assert_array_equal(pipeline.fit(TEXTS).transform(TEXTS), small.encode(TEXTS))


def test_old_names_warn(small, small_folder, tmp_path):
    corpus = ss.Corpus.from_texts(["red wine", "old ale"])
    for old, new in (("runtime", "backend"), ("engine", "implementation"), ("why", "backend_reason")):
        with pytest.warns(FutureWarning, match=f"TransformerEncoder.{old} is now called {new}"):
            assert getattr(small, old) == getattr(small, new)
    with pytest.warns(FutureWarning, match=r"load\(runtime=\) is now called backend="):
        assert ss.Encoder.load(small_folder, runtime=small.backend).backend == small.backend
    with pytest.warns(FutureWarning, match=r"pipeline\(\) is now called semspace.integrations.bertopic_pipeline"):
        np.testing.assert_array_equal(small.pipeline().fit(TEXTS).transform(TEXTS), small.encode(TEXTS))
    with pytest.warns(FutureWarning, match=r"embed\(into=\) is now called out="):
        assert len(small.embed(corpus, into=tmp_path / "s", progress=False)) == 2
    with pytest.warns(FutureWarning, match=r"embed\(long=\) is now called long_texts="):
        assert small.embed(corpus, long="pool", progress=False).provenance["encoding"]["long_texts"] == "pool"


def test_threads_can_be_limited(small, small_folder, monkeypatch):
    from semspace.sentences import kernel_runtime
    from semspace.threads import thread_count

    counts = []
    monkeypatch.setattr(kernel_runtime, "thread_count", lambda: counts.append(thread_count()) or thread_count())
    texts = TEXTS * 400  # several pieces
    for threads in (1, 2):
        encoder = ss.Encoder.load(small_folder, backend=small.backend, threads=threads)
        np.testing.assert_array_equal(encoder.encode(texts), small.encode(texts))
        assert encoder.threads == threads
    if small.backend != "torch":
        assert counts[0] == 1
    with pytest.raises(InputError, match="threads must be a whole number of at least 1; got 0"):
        ss.Encoder.load(small_folder, threads=0)


def test_a_transformer_goes_to_other_processes(small):
    import pickle

    again = pickle.loads(pickle.dumps(small))
    np.testing.assert_array_equal(again.encode(TEXTS), small.encode(TEXTS))


def test_clones_share_the_encoder(small):
    from sklearn.base import clone

    vectorizer = ss.SentenceVectorizer(small)
    assert clone(vectorizer).encoder is small


def test_a_static_encoder_is_found_by_its_folder(tmp_path, small):
    corpus = ss.Corpus.from_texts(["the red fox jumps", "old wine is red", "a cold stone bridge"] * 8)
    static = ss.distill(small, corpus, dim=8, words=0, sentences=10, progress=False)
    ss.save(static, tmp_path / "static")
    again = ss.Encoder.load(tmp_path / "static")
    np.testing.assert_array_equal(again.encode(["red wine"]), static.encode(["red wine"]))
    np.testing.assert_array_equal(ss.load(tmp_path / "static").encode(["red wine"]), static.encode(["red wine"]))
    space = again.embed(corpus.head(3), out=tmp_path / "space")
    assert ss.load(tmp_path / "space").most_similar("old wine is red", 1).ids == ("1",)
    assert len(space) == 3
    with pytest.raises(InputError, match="is a static encoder, which has no backend 'fast'; leave backend= out"):
        ss.Encoder.load(tmp_path / "static", backend="fast")


# -- what torch computed elsewhere ----------------------------------------------------------------------------


def test_recorded_vectors_are_those_that_torch_computes():
    encoder = ss.Encoder.load("all-MiniLM-L6-v2", backend="torch")
    recorded = recorded_vectors.recorded_vectors(encoder.config)
    tokens = encoder.tokenizer.read(list(parity.SENTENCES), blank="skip")
    np.testing.assert_allclose(recorded.vectors, encoder._runtime.pooled(tokens, lambda _: None), atol=2e-3)


def test_a_known_model_is_compared_without_torch(no_cache, monkeypatch):
    monkeypatch.setattr("semspace.sentences.runtime_selection._reference", lambda _: pytest.fail("torch was asked"))
    assert "recorded vectors on 40 test sentences" in ss.Encoder.load("all-MiniLM-L6-v2").backend_reason


def test_torch_is_asked_where_the_recorded_vectors_are_of_another_pooling(no_cache, tmp_path):
    folder = tmp_path / "cls"
    shutil.copytree(ss.Encoder.load("all-MiniLM-L6-v2").config.folder, folder)
    pooling = folder / "1_Pooling" / "config.json"
    facts = json.loads(pooling.read_text())
    facts.update(pooling_mode_mean_tokens=False, pooling_mode_cls_token=True)
    pooling.write_text(json.dumps(facts))
    assert "with torch float32" in ss.Encoder.load(folder).backend_reason
