"""Adapters of peft are merged into their base, or refused by name; held against peft itself where it is installed."""

import json
import shutil

import numpy as np
import pytest

import semspace as ss
from semspace.errors import DamagedError, InputError
from semspace.sentences import kernel_runtime
from tests import folders
from tests.folders import TEXTS, bare, change, put, whole

QUERY = "encoder.layer.0.attention.self.query"
WORDS = "embeddings.word_embeddings"


@pytest.fixture(autouse=True, scope="module")
def float32():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(kernel_runtime, "PRECISIONS", {"fast": (), "exact": ("float32",), "torch": ()})
        yield


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    return bare(tmp_path_factory.mktemp("models") / "base")


def lora(base, folder, tensors=None, **told):
    """A folder with an adapter of LoRA, and the weights of the base as they ought to become."""
    from safetensors.numpy import load_file, save_file

    draw, whole_base = np.random.default_rng(0), load_file(base / "model.safetensors")
    folder.mkdir()
    tensors = tensors or {
        f"{QUERY}.lora_A.weight": draw.normal(size=(4, 64)),
        f"{QUERY}.lora_B.weight": draw.normal(size=(64, 4)),
    }
    tensors = {f"base_model.model.{name}": one.astype(np.float32) for name, one in tensors.items()}
    save_file(tensors, folder / "adapter_model.safetensors")
    told = {"peft_type": "LORA", "r": 4, "lora_alpha": 8, "base_model_name_or_path": str(base), **told}
    put(folder / "adapter_config.json", told)
    return whole_base


def becomes(base, folder, weights):
    """The base with these weights in the place of its own, as a model of its own."""
    from safetensors.numpy import save_file

    shutil.copytree(base, folder)
    save_file({n: np.ascontiguousarray(w) for n, w in weights.items()}, folder / "model.safetensors", {"format": "pt"})
    return ss.Encoder.load(folder, backend="exact").encode(TEXTS)


def product(folder, module=QUERY, first="lora_A.weight", second="lora_B.weight"):
    from safetensors.numpy import load_file

    tensors = load_file(folder / "adapter_model.safetensors")
    return tensors[f"base_model.model.{module}.{second}"] @ tensors[f"base_model.model.{module}.{first}"]


@pytest.mark.parametrize(
    ("told", "factor"),
    [
        ({}, 2),
        ({"use_rslora": True}, 4),
        ({"alpha_pattern": {"query": 16}}, 4),
        ({"alpha_pattern": {"key": 16}}, 2),
        ({"alpha_pattern": {r"layer\.0\.attention\.self\.(query|key)": 4}}, 1),
        ({"r": 16, "rank_pattern": {"query": 4}}, 2),
    ],
)
def test_the_product_is_added_to_the_weight(base, tmp_path, told, factor):
    weights = lora(base, tmp_path / "a", **told)
    weights[f"{QUERY}.weight"] = weights[f"{QUERY}.weight"] + factor * product(tmp_path / "a")
    wanted = becomes(base, tmp_path / "b", weights)
    encoder = ss.Encoder.load(tmp_path / "a", backend="exact")
    np.testing.assert_allclose(encoder.encode(TEXTS), wanted, atol=2e-5)
    assert not np.allclose(ss.Encoder.load(base, backend="exact").encode(TEXTS), wanted, atol=1e-2)
    encoder.save(tmp_path / "saved")
    again = ss.load(tmp_path / "saved")
    assert again.fingerprint == encoder.fingerprint


def test_matrices_that_lie_the_other_way(base, tmp_path):
    draw = np.random.default_rng(1)
    rows = folders.wordpiece().get_vocab_size()
    tensors = {
        f"{QUERY}.lora_A.weight": draw.normal(size=(4, 64)),
        f"{QUERY}.lora_B.weight": draw.normal(size=(64, 4)),
        f"{WORDS}.lora_embedding_A": draw.normal(size=(4, rows)),
        f"{WORDS}.lora_embedding_B": draw.normal(size=(64, 4)),
        "encoder.layer.1.output.dense.bias": draw.normal(size=64),
        "pooler.dense.weight": draw.normal(size=(64, 64)),
    }
    weights = lora(base, tmp_path / "a", tensors, fan_in_fan_out=True, modules_to_save=["pooler.dense"], bias="all")
    weights[f"{QUERY}.weight"] = weights[f"{QUERY}.weight"] + 2 * product(tmp_path / "a").T
    table = product(tmp_path / "a", WORDS, "lora_embedding_A", "lora_embedding_B")
    weights[f"{WORDS}.weight"] = weights[f"{WORDS}.weight"] + 2 * table.T
    weights["encoder.layer.1.output.dense.bias"] = tensors["encoder.layer.1.output.dense.bias"].astype(np.float32)
    wanted = becomes(base, tmp_path / "b", weights)
    for backend in ("exact", "torch"):
        np.testing.assert_allclose(ss.Encoder.load(tmp_path / "a", backend=backend).encode(TEXTS), wanted, atol=2e-5)


def test_names_with_and_without_the_prefix_of_a_head(base, tmp_path):
    weights = lora(base, tmp_path / "a")
    folders_weights = tmp_path / "prefixed"
    shutil.copytree(base, folders_weights)
    folders.weights(folders_weights, lambda w: {"bert." + name: one for name, one in w.items()})
    change(tmp_path / "a" / "adapter_config.json", base_model_name_or_path=str(folders_weights))
    weights[f"{QUERY}.weight"] = weights[f"{QUERY}.weight"] + 2 * product(tmp_path / "a")
    wanted = becomes(base, tmp_path / "b", weights)
    np.testing.assert_allclose(ss.Encoder.load(tmp_path / "a", backend="exact").encode(TEXTS), wanted, atol=2e-5)


def test_a_model_with_modules_and_an_adapter(base, tmp_path):
    """As sentence-transformers saves a model that has an adapter: all but the base in one folder."""
    weights = lora(base, tmp_path / "a")
    made = whole(base, out=tmp_path / "m", pooling="cls", prompts={"query": "the query "})
    for name in ("config.json", "model.safetensors"):
        (made / name).unlink()
    for name in ("adapter_config.json", "adapter_model.safetensors"):
        shutil.copyfile(tmp_path / "a" / name, made / name)
    change(made / "sentence_bert_config.json", max_seq_length=9)
    encoder = ss.Encoder.load(made, backend="exact")
    assert (encoder.max_tokens, encoder.config.pooling, encoder.prompts["query"]) == (9, "cls", "the query ")
    weights[f"{QUERY}.weight"] = weights[f"{QUERY}.weight"] + 2 * product(tmp_path / "a")
    becomes(base, tmp_path / "b", weights)
    plain = whole(tmp_path / "b", out=tmp_path / "n", pooling="cls")
    wanted = ss.Encoder.load(plain, backend="exact").encode(TEXTS)
    np.testing.assert_allclose(encoder.encode(TEXTS), wanted, atol=2e-5)
    assert ss.Encoder.load(made).fingerprint == encoder.fingerprint  # merged once


@pytest.mark.parametrize(
    ("told", "message"),
    [
        ({"peft_type": "IA3"}, r"adapter_config\.json has peft_type 'IA3'; semspace merges plain LORA"),
        ({"use_dora": True}, "has use_dora True; semspace merges plain LORA"),
        ({"init_lora_weights": "pissa"}, "has init_lora_weights 'pissa', which changes the weights of the base"),
        ({"trainable_token_indices": [1]}, r"has trainable_token_indices \[1\]"),
        ({"layer_replication": [[0, 2]]}, "has layer_replication"),
        ({"r": 0}, "has r 0; it must be a number above 0"),
        ({"lora_alpha": "16"}, "has lora_alpha '16'; it must be a number"),
        ({"use_rslora": "yes"}, "has use_rslora 'yes'; it must be true or false"),
        ({"alpha_pattern": {"(a+)+b": 4}}, "has alpha_pattern .*; semspace reads an object of names without"),
        ({"base_model_name_or_path": None}, "has base_model_name_or_path None; it must name the model"),
        ({"base_model_name_or_path": "owner/base"}, r"an adapter of 'owner/base' .*; download it .*merge_and_unload"),
        ({"base_model_name_or_path": "../x y"}, "neither a folder nor in the Hugging Face cache"),
    ],
)
def test_adapters_that_are_not_merged(base, tmp_path, told, message):
    lora(base, tmp_path / "a", **told)
    with pytest.raises(InputError, match=message):
        ss.Encoder.load(tmp_path / "a")


def matrices(rows=64, columns=64, module=QUERY, **more):
    return {f"{module}.lora_A.weight": np.ones((4, columns)), f"{module}.lora_B.weight": np.ones((rows, 4)), **more}


@pytest.mark.parametrize(
    ("tensors", "message"),
    [
        (matrices(columns=32), r"matrices of shape \(64, 32\) for '.*query\.weight', whose shape in the base is"),
        (matrices(module="layers.7.q_proj"), r"changes 'layers\.7\.q_proj\.weight', which is no weight of the base"),
        (matrices(**{f"{QUERY}.lora_magnitude_vector": np.ones(64)}), "lora_magnitude_vector', which isn't of plain"),
        ({f"{QUERY}.lora_A.weight": np.ones((4, 64))}, r"no matrix '.*lora_B\.weight' that fits"),
        ({"pooler.dense.bias": np.ones(64)}, "holds no matrices of LORA"),
        (matrices(**{"pooler.dense.bias": np.ones(3)}), r"has 'pooler\.dense\.bias' of shape \(3,\)"),
    ],
)
def test_adapters_that_do_not_fit(base, tmp_path, tensors, message):
    lora(base, tmp_path / "a", tensors)
    with pytest.raises((InputError, DamagedError), match=message):
        ss.Encoder.load(tmp_path / "a")


def test_an_adapter_without_weights(base, tmp_path):
    lora(base, tmp_path / "a")
    (tmp_path / "a" / "adapter_model.safetensors").rename(tmp_path / "a" / "adapter_model.bin")
    with pytest.raises(InputError, match=r"has no adapter_model\.safetensors, the weights of the adapter"):
        ss.Encoder.load(tmp_path / "a")


@pytest.mark.parametrize("told", [{}, {"use_rslora": True}, {"bias": "all"}, {"alpha_pattern": {"key": 32}}])
def test_peft_itself(base, tmp_path, told):
    peft = pytest.importorskip("peft")
    import torch
    from sentence_transformers import SentenceTransformer

    model = SentenceTransformer(str(base), device="cpu")
    config = peft.LoraConfig(r=4, lora_alpha=12, target_modules=["query", "key", "dense"], **told)
    model.add_adapter(config)
    torch.manual_seed(0)
    for name, parameter in model.named_parameters():
        if "lora_" in name:
            torch.nn.init.normal_(parameter, 0, 0.3)
    model.save(str(tmp_path / "m"), create_model_card=False)
    wanted = model.encode(TEXTS)
    again = SentenceTransformer(str(tmp_path / "m"), device="cpu").encode(TEXTS)
    np.testing.assert_allclose(again, wanted, atol=1e-4)
    assert json.loads((tmp_path / "m" / "adapter_config.json").read_text())["peft_type"] == "LORA"
    np.testing.assert_allclose(ss.Encoder.load(tmp_path / "m", backend="exact").encode(TEXTS), wanted, atol=1e-3)
