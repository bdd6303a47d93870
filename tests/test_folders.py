"""Model folders are read as their authors meant, held against sentence-transformers itself, or refused by name."""

import json
import shutil

import numpy as np
import pytest

import semspace as ss
from semspace.errors import DamagedError, InputError, SemspaceError
from semspace.sentences import kernel_runtime
from semspace.sentences.prompts import document_prompt
from tests import folders
from tests.folders import TEXTS, bare, change, put, theirs, whole

RUNTIMES = ("exact", "torch")
PROMPTS = {"query": "the query ", "document": "the passage "}


def agree(folder, texts=TEXTS, runtimes=RUNTIMES, method="encode", atol=3e-4, **options):
    """Whatever runs it, the vectors are sentence-transformers'; returns the last encoder."""
    wanted = theirs(folder, texts, method, **options)
    for runtime in runtimes:
        encoder = ss.Encoder.load(folder, backend=runtime)
        found = getattr(encoder, method)(texts, **options)
        assert found.shape == wanted.shape
        scale = np.abs(wanted).max()
        np.testing.assert_allclose(found / scale, wanted / scale, atol=atol, err_msg=runtime)
    return encoder


@pytest.fixture(autouse=True, scope="module")
def float32():
    """Compute in float32 on every processor: these tests are about what a folder means, not about arithmetic."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(kernel_runtime, "PRECISIONS", {"fast": (), "exact": ("float32",), "torch": ()})
        yield


@pytest.fixture(scope="module")
def plain(tmp_path_factory):
    return bare(tmp_path_factory.mktemp("models") / "plain")


@pytest.fixture
def folder(plain, tmp_path):
    return shutil.copytree(plain, tmp_path / "model")


@pytest.fixture(scope="module")
def listed(plain, tmp_path_factory):
    return whole(plain, out=tmp_path_factory.mktemp("models") / "listed", prompts=PROMPTS)


@pytest.fixture
def with_modules(listed, tmp_path):
    return shutil.copytree(listed, tmp_path / "model")


# -- weights --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("prefix", ["auto_model.", "module.", "model.", "0.auto_model."])
def test_weights_under_another_name(folder, prefix):
    folders.weights(folder, lambda w: {prefix + name: one for name, one in w.items()})
    refused_or_right(folder)


def test_weights_under_the_prefix_that_transformers_knows(folder):
    folders.weights(folder, lambda w: {"bert." + name: one for name, one in w.items()})
    agree(folder)


def refused_or_right(folder):
    for runtime in ("auto", *RUNTIMES):
        try:
            encoder = ss.Encoder.load(folder, backend=runtime)
        except DamagedError:
            with pytest.raises(DamagedError, match="has no weight"):
                ss.Encoder.load(folder, backend=runtime)
            continue
        np.testing.assert_allclose(encoder.encode(TEXTS), theirs(folder), atol=1e-4)


@pytest.mark.parametrize(
    "missing", ["encoder.layer.1.", "token_type", "position_embeddings", "LayerNorm.bias", "word_embeddings"]
)
def test_a_missing_weight_is_named_and_never_random(folder, missing):
    folders.weights(folder, lambda w: {name: one for name, one in w.items() if missing not in name})
    for runtime in ("auto", *RUNTIMES):
        with pytest.raises(DamagedError, match=rf"has no weight '[\w.]*{missing.rstrip('.')}"):
            ss.Encoder.load(folder, backend=runtime)


def test_a_missing_pooler_is_no_matter(folder):
    folders.weights(folder, lambda w: {name: one for name, one in w.items() if "pooler" not in name})
    agree(folder)


def test_weights_of_another_shape(folder):
    def turned(weights):
        name = "encoder.layer.0.intermediate.dense.weight"
        return {**weights, name: weights[name].T}

    folders.weights(folder, turned)
    for runtime in ("auto", *RUNTIMES):
        with pytest.raises(DamagedError, match=r"don't fit its config\.json|can't be opened"):
            ss.Encoder.load(folder, backend=runtime)


def test_shards(folder):
    import transformers

    one = ss.Encoder.load(folder)
    model = transformers.AutoModel.from_pretrained(folder)
    (folder / "model.safetensors").unlink()
    model.save_pretrained(folder, max_shard_size="100KB")
    sharded = agree(folder)
    np.testing.assert_allclose(sharded.encode(TEXTS), one.encode(TEXTS), atol=1e-5)
    shard = sorted(folder.glob("model-*.safetensors"))[1]
    shard.rename(folder / "elsewhere")
    with pytest.raises(InputError, match=rf"lacks {shard.name}, a file of weights"):
        ss.Encoder.load(folder)
    change(folder / "model.safetensors.index.json", weight_map={"a": "../a.safetensors"})
    with pytest.raises(InputError, match=r"isn't a safetensors file of this folder"):
        ss.Encoder.load(folder)


def test_a_saved_sharded_model_is_the_same(folder, tmp_path):
    import transformers

    model = transformers.AutoModel.from_pretrained(folder)
    (folder / "model.safetensors").unlink()
    model.save_pretrained(folder, max_shard_size="100KB")
    encoder = ss.Encoder.load(folder)
    encoder.save(tmp_path / "saved")
    again = ss.load(tmp_path / "saved")
    assert again.fingerprint == encoder.fingerprint
    np.testing.assert_array_equal(again.encode(TEXTS), encoder.encode(TEXTS))


# -- configurations -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"position_embedding_type": "relative_key"}, "position_embedding_type 'relative_key'.*silently"),
        ({"position_embedding_type": "relative_key_query"}, "position_embedding_type"),
        ({"quantization_config": {"quant_method": "bitsandbytes"}}, "quantised weights"),
        ({"architectures": ["BertForSequenceClassification"]}, "cross-encoder .BertForSequenceClassification"),
        ({"architectures": ["GPT2LMHeadModel"]}, "is a generative model"),
        ({"architectures": ["Qwen2ForCausalLM"]}, "is a generative model"),
        ({"model_type": None}, "has no model_type"),
        ({"model_type": "bart", "is_encoder_decoder": True}, "is an encoder-decoder model of type 'bart'"),
    ],
)
def test_models_that_would_be_read_wrongly(folder, values, message):
    change(folder / "config.json", **values)
    for runtime in ("auto", *RUNTIMES):
        with pytest.raises(InputError, match=message):
            ss.Encoder.load(folder, backend=runtime)


def test_an_adapter(folder):
    put(folder / "adapter_config.json", {"base_model_name_or_path": "owner/base", "peft_type": "LORA"})
    with pytest.raises(InputError, match=r"adapter_config\.json has r None; it must be a number above 0"):
        ss.Encoder.load(folder)


@pytest.mark.parametrize("kind", ["SparseEncoder", "CrossEncoder", "MultiVectorEncoder"])
def test_models_of_other_kinds(with_modules, kind):
    change(with_modules / "config_sentence_transformers.json", model_type=kind)
    with pytest.raises(InputError, match=f"is a {kind}"):
        ss.Encoder.load(with_modules)


def test_t5_reads_with_its_first_half(tmp_path):
    import transformers as tf

    size = folders.wordpiece().get_vocab_size()
    config = tf.T5Config(vocab_size=size, d_model=64, d_kv=32, d_ff=128, num_layers=2, num_heads=2, pad_token_id=0)
    for reader in (tf.T5EncoderModel, tf.T5Model):
        model = bare(tmp_path / reader.__name__, config=config, reader=reader)
        encoder = agree(whole(model), runtimes=("torch", "auto"))
        assert "torch" in encoder.implementation


# -- modules --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "pooling",
    ["cls", "max", "mean", "mean_sqrt_len_tokens", "weightedmean", "lasttoken", ["mean", "max"], ["lasttoken", "cls"]],
)
def test_poolings(plain, tmp_path, pooling):
    encoder = agree(whole(plain, out=tmp_path / "m", pooling=pooling))
    encoder.save(tmp_path / "saved")
    again = ss.load(tmp_path / "saved")
    assert again.fingerprint == encoder.fingerprint
    np.testing.assert_allclose(theirs(tmp_path / "saved"), theirs(tmp_path / "m"), atol=1e-6)


def test_poolings_as_versions_before_6_wrote_them(with_modules):
    flags = {"pooling_mode_mean_tokens": True, "pooling_mode_cls_token": True, "pooling_mode_max_tokens": False}
    put(with_modules / "1_Pooling" / "config.json", {"word_embedding_dimension": 64, **flags})
    assert agree(with_modules).config.pooling == "cls+mean"
    put(with_modules / "1_Pooling" / "config.json", {"word_embedding_dimension": 64, "pooling_mode_own_tokens": True})
    with pytest.raises(InputError, match="pools by pooling_mode_own_tokens"):
        ss.Encoder.load(with_modules)


@pytest.mark.parametrize("pooling", ["cls", "max", "mean", "mean_sqrt_len_tokens", "weightedmean", "lasttoken"])
def test_prompts_that_are_not_pooled(plain, tmp_path, pooling):
    made = whole(plain, out=tmp_path / "m", pooling=pooling, include_prompt=False, prompts=PROMPTS)
    for method in ("encode_query", "encode_document", "encode"):
        encoder = agree(made, method=method)
    with pytest.raises(
        InputError, match=r"none of the .* tokens it reads are left for the text; give a shorter prompt"
    ):
        encoder.encode(["cat"], prompt="the cat " * 40)
    assert encoder.fingerprint != ss.Encoder.load(whole(plain, out=tmp_path / "n", prompts=PROMPTS)).fingerprint


def test_the_first_token_after_a_prompt(plain, tmp_path):
    """By "cls", sentence-transformers pools the first token of all before 5.6, and the first of the text since then."""
    made = whole(plain, out=tmp_path / "m", pooling="cls", include_prompt=False, prompts=PROMPTS)
    after = agree(made, method="encode_query", runtimes=("exact",))
    after.save(tmp_path / "saved")
    assert ss.load(tmp_path / "saved").fingerprint == after.fingerprint
    change(made / "config_sentence_transformers.json", __version__={"sentence_transformers": "3.4.1"})
    first = ss.Encoder.load(made, backend="exact")
    as_always = ss.Encoder.load(whole(plain, out=tmp_path / "n", pooling="cls", prompts=PROMPTS), backend="exact")
    np.testing.assert_array_equal(first.encode_query(TEXTS), as_always.encode_query(TEXTS))
    assert not np.allclose(first.encode_query(TEXTS), after.encode_query(TEXTS), atol=1e-2)
    for version in (None, {"sentence_transformers": "5.5.0"}, "6", {"sentence_transformers": "x"}):
        change(made / "config_sentence_transformers.json", __version__=version)
        with pytest.raises(InputError, match=r"pools by cls with include_prompt false.*\(__version__\); save"):
            ss.Encoder.load(made)


def after_pooling():
    from sentence_transformers.base.modules import Dense, Normalize
    from sentence_transformers.sentence_transformer.modules import LayerNorm
    from torch import nn

    return {
        "tanh": [Dense(64, 32)],
        "relu without bias": [Dense(64, 32, bias=False, activation_function=nn.ReLU()), Normalize()],
        "gelu then layer norm": [Dense(64, 48, activation_function=nn.GELU()), LayerNorm(48)],
        "two, scaled between": [Dense(64, 64, activation_function=None), Normalize(), Dense(64, 16), Normalize()],
        "residual": [Dense(64, 32, use_residual=True, activation_function=nn.Sigmoid())],
        "residual of one width": [Dense(64, 64, use_residual=True, activation_function=nn.SiLU())],
    }


@pytest.mark.parametrize("case", after_pooling())
def test_modules_after_pooling(plain, tmp_path, case):
    import torch

    modules = after_pooling()[case]
    for module in modules:
        for parameter in module.parameters():
            torch.nn.init.normal_(parameter, 0.1, 0.3)
    made = whole(plain, *modules, out=tmp_path / "m")
    encoder = agree(made)
    assert encoder.dim == theirs(made).shape[1]
    encoder.save(tmp_path / "saved")
    again = ss.load(tmp_path / "saved")
    assert again.fingerprint == encoder.fingerprint
    np.testing.assert_allclose(theirs(tmp_path / "saved"), theirs(made), atol=1e-6)
    before = encoder.fingerprint
    dense = next(made.glob("*_Dense"))
    folders.weights(dense, lambda w: {name: one + 1 for name, one in w.items()})
    assert ss.Encoder.load(made).fingerprint != before
    alone = encoder.encode([TEXTS[0]])[0]
    np.testing.assert_array_equal(ss.Encoder.load(tmp_path / "saved", backend="torch").encode([TEXTS[0]])[0], alone)


def test_what_of_a_dense_module_is_not_known(plain, tmp_path):
    from sentence_transformers.base.modules import Dense

    made = whole(plain, Dense(64, 32), out=tmp_path / "m")
    config = made / "2_Dense" / "config.json"
    for values, message in (
        ({"activation_function": "torch.nn.modules.activation.PReLU"}, "activation_function 'torch.nn.*PReLU'"),
        ({"activation_function": "evil.Tanh"}, r"has the activation_function 'evil\.Tanh'"),
        ({"module_input_name": "token_embeddings"}, "module_input_name 'token_embeddings'"),
    ):
        before = config.read_text()
        change(config, **values)
        with pytest.raises(InputError, match=message):
            ss.Encoder.load(made)
        config.write_text(before)
    folders.weights(made / "2_Dense", lambda w: {name: one for name, one in w.items() if "bias" not in name})
    with pytest.raises(DamagedError, match=r"2_Dense lacks the weight 'linear\.bias'"):
        ss.Encoder.load(made)
    (made / "2_Dense" / "model.safetensors").rename(made / "2_Dense" / "pytorch_model.bin")
    with pytest.raises(InputError, match=r"pytorch_model\.bin, a pickle"):
        ss.Encoder.load(made)
    shutil.rmtree(made / "2_Dense")
    with pytest.raises(InputError, match=r"lists a module Dense in 2_Dense, but .*config\.json doesn't exist"):
        ss.Encoder.load(made)


def test_a_pooling_that_is_not_there(with_modules):
    shutil.rmtree(with_modules / "1_Pooling")
    with pytest.raises(InputError, match=r"lists a module Pooling in 1_Pooling, but .*config\.json doesn't exist"):
        ss.Encoder.load(with_modules)


@pytest.mark.parametrize(
    ("kinds", "message"),
    [
        (["sentence_transformers.models.CNN"], "lists a module of type CNN, which semspace doesn't run"),
        (["pylate.models.Dense.Dense"], "never runs code that comes with a model"),
        (["custom_st.Transformer"], "never runs code that comes with a model"),
        (["sentence_transformers.models.Normalize"], "exactly one Pooling module must follow Transformer"),
    ],
)
def test_modules_that_are_not_run(with_modules, kinds, message):
    listed = json.loads((with_modules / "modules.json").read_text())
    own = [{"idx": 9, "name": "9", "path": "9_Own", "type": kind} for kind in kinds]
    put(with_modules / "modules.json", [listed[0], *own, *listed[1:]])
    with pytest.raises(InputError, match=message):
        ss.Encoder.load(with_modules)


def test_paths_stay_inside_the_folder(with_modules):
    listed = json.loads((with_modules / "modules.json").read_text())
    listed[1]["path"] = "../1_Pooling"
    put(with_modules / "modules.json", listed)
    with pytest.raises(InputError, match="outside the folder"):
        ss.Encoder.load(with_modules)


def test_dimensions_that_are_cut(plain, tmp_path):
    from sentence_transformers.base.modules import Normalize

    made = whole(plain, Normalize(), out=tmp_path / "m", truncate_dim=16)
    encoder = agree(made)
    assert (encoder.dim, encoder.normalizes) == (16, False)
    agree(made, normalize_embeddings=True)
    agree(made, truncate_dim=8)
    encoder.save(tmp_path / "saved")
    assert ss.load(tmp_path / "saved").fingerprint == encoder.fingerprint
    change(made / "config_sentence_transformers.json", truncate_dim=8)
    assert ss.Encoder.load(made).fingerprint != encoder.fingerprint
    with pytest.raises(InputError, match="which EncoderTrainer can't train"):
        ss.EncoderTrainer(base=made).train([(text, text) for text in TEXTS * 9], progress=False)


def test_a_similarity_that_is_no_cosine_is_said(with_modules):
    change(with_modules / "config_sentence_transformers.json", similarity_fn_name="dot")
    with pytest.warns(UserWarning, match="is meant to be compared by dot product"):
        ss.Encoder.load(with_modules)
    change(with_modules / "config_sentence_transformers.json", similarity_fn_name="maxsim")
    with pytest.raises(InputError, match="similarity_fn_name 'maxsim'"):
        ss.Encoder.load(with_modules)


def test_prompts_as_sentence_transformers_puts_them(with_modules):
    for prompts, default in ((PROMPTS, None), ({"other": "mat "}, "other"), ({"query": "the query "}, "query")):
        change(with_modules / "config_sentence_transformers.json", prompts=prompts, default_prompt_name=default)
        for method in ("encode", "encode_query", "encode_document"):
            agree(with_modules, method=method, runtimes=("exact",))
    change(with_modules / "config_sentence_transformers.json", default_prompt_name="gone")
    with pytest.raises(InputError, match=r"default_prompt_name 'gone', but there is no such prompt; there is query"):
        ss.Encoder.load(with_modules)


def test_passages_get_their_prompt_though_an_empty_one_stands_before(with_modules):
    """sentence-transformers gives every model an empty prompt "document", and so never comes to "passage"."""
    prompts = {"query": "the query ", "passage": "the passage ", "document": ""}
    change(with_modules / "config_sentence_transformers.json", prompts=prompts)
    encoder = ss.Encoder.load(with_modules)
    assert document_prompt(encoder.prompts) == "the passage "
    assert not np.allclose(encoder.encode_documents(TEXTS), theirs(with_modules, method="encode_document"))


def test_what_is_handed_on_to_transformers(with_modules):
    place = with_modules / "sentence_bert_config.json"
    change(place, model_args={"attn_implementation": "eager"})
    agree(with_modules, runtimes=("exact",))
    for values, message in (
        ({"config_kwargs": {"num_hidden_layers": 1}}, r"passes 'num_hidden_layers' to transformers"),
        ({"config_kwargs": {}, "transformer_task": "fill-mask"}, "pools something other than the last hidden states"),
        ({"transformer_task": "feature-extraction", "query_length": 8}, "query_length 8"),
    ):
        change(place, **values)
        with pytest.raises(InputError, match=message):
            ss.Encoder.load(with_modules)


# -- tokenizers -----------------------------------------------------------------------------------------------

SAID = {
    "lower": ({"do_lower_case": True}, {"lower": False}),
    "not lower": ({"do_lower_case": False}, {}),
    "lower by default": ({}, {"lower": False}),
    "accents": ({"strip_accents": False}, {}),
    "accents of what isn't lower": ({"strip_accents": True, "do_lower_case": False}, {"lower": False}),
    "accents by default": ({}, {"strip_accents": False}),
    "Chinese": ({"tokenize_chinese_chars": False}, {}),
    "left": ({"truncation_side": "left", "model_max_length": 6}, {}),
    "split": ({"split_special_tokens": True}, {}),
    "short": ({"model_max_length": 5}, {}),
    "added": ({"added_tokens_decoder": {"20": {"content": "sat on", "special": False}}}, {}),
    "more": ({"additional_special_tokens": ["cat"]}, {}),
}


@pytest.mark.filterwarnings("ignore:.*only their beginnings were encoded")
@pytest.mark.parametrize("kind", ["BertTokenizer", "BertTokenizerFast", "DistilBertTokenizer"])
@pytest.mark.parametrize("said", SAID)
def test_settings_of_a_tokenizer(tmp_path, said, kind):
    told, made = SAID[said]
    if kind != "BertTokenizer" and said not in ("lower", "not lower", "accents"):
        return
    pieces = folders.wordpiece(**made)
    model = bare(tmp_path / "m", tokenizer=pieces, tokenizer_class=kind, **told)
    if said == "added":  # the model knows no more tokens than the tokenizer's file
        change(model / "tokenizer_config.json", added_tokens_decoder={"5": {"content": "sat", "special": True}})
    agree(model, [*TEXTS, "cat [MASK] cat [SEP] Łódź", "the sat on mat " * 5])


def test_the_side_of_padding_changes_nothing(tmp_path):
    """Nothing is padded here; sentence-transformers pads, so there a text's company shifts the places of its tokens."""
    model = bare(tmp_path / "m", padding_side="left")
    encoder = agree(model, TEXTS[:1])
    alone = np.concatenate([theirs(model, [text]) for text in TEXTS])
    np.testing.assert_allclose(encoder.encode(TEXTS), alone, atol=1e-5)


def test_settings_that_no_class_takes(tmp_path):
    """A tokenizer of no class of its own is what its file says, in all versions of transformers."""
    told = {"do_lower_case": True, "strip_accents": True, "tokenize_chinese_chars": False}
    agree(bare(tmp_path / "m", tokenizer=folders.wordpiece(lower=False), **told))


def test_no_settings_at_all(tmp_path):
    model = bare(tmp_path / "m", tokenizer=folders.wordpiece(lower=False))
    (model / "tokenizer_config.json").unlink()
    agree(model)  # the class is that of the model's type, and has its own defaults


@pytest.mark.parametrize(("file", "said"), [(False, True), (True, False), (True, None), (True, True)])
def test_a_space_before_a_text(tmp_path, file, said):
    told = {} if said is None else {"add_prefix_space": said}
    pieces = folders.byte_pairs(file)
    agree(bare(tmp_path / "m", tokenizer=pieces, tokenizer_class="RobertaTokenizer", **told), ["cat", "the cat"])


@pytest.mark.filterwarnings("ignore:.*only their beginnings were encoded")
def test_a_limit_is_sentence_transformers_own_before_the_tokenizers(with_modules):
    change(with_modules / "tokenizer_config.json", model_max_length=4)
    assert agree(with_modules, ["the cat sat on the mat and the dog"]).max_tokens == 4
    change(with_modules / "sentence_bert_config.json", max_seq_length=7)
    assert agree(with_modules, ["the cat sat on the mat and the dog"]).max_tokens == 7


def test_texts_lower_cased_before_the_tokenizer(tmp_path):
    made = whole(bare(tmp_path / "m", tokenizer=folders.wordpiece(lower=False)))
    change(made / "sentence_bert_config.json", do_lower_case=True)
    agree(made, [*TEXTS, "ὈΔΥΣΣΕΎΣ ΣΟΦΌΣ"])


def sequence():
    import tokenizers as tk

    pieces = folders.wordpiece()
    pieces.normalizer = tk.normalizers.Sequence([tk.normalizers.NFC()])
    return pieces


@pytest.mark.parametrize(
    ("pieces", "told", "message"),
    [
        (sequence, {"tokenizer_class": "BertTokenizer"}, "normalizer is 'BertNormalizer', but .* has 'Sequence'"),
        (folders.wordpiece, {"tokenizer_class": "BertTokenizer", "cls_token": "[MASK]"}, r"cls_token is '\[MASK\]'"),
        (folders.wordpiece, {"tokenizer_class": "MPNetTokenizer", "tokenize_chinese_chars": False}, "chinese_chars"),
        (folders.byte_pairs, {"add_prefix_space": True}, "add_prefix_space is True, but tokenizer.json has False"),
        (folders.byte_pairs, {"add_bos_token": False}, "add_bos_token is False, but tokenizer.json has True"),
    ],
)
def test_what_versions_of_transformers_read_in_two_ways(tmp_path, pieces, told, message):
    model = bare(tmp_path / "m", tokenizer=pieces(), **told)
    with pytest.raises(InputError, match=f"can be read in two ways.*{message}"):
        ss.Encoder.load(model)


def test_a_setting_that_is_no_flag(folder):
    change(folder / "tokenizer_config.json", tokenizer_class="BertTokenizer", do_lower_case="yes")
    with pytest.raises(InputError, match="do_lower_case 'yes'; it must be true or false"):
        ss.Encoder.load(folder)


def test_settings_count_in_the_fingerprint(folder):
    found = [ss.Encoder.load(folder).fingerprint]
    for told in ({"tokenizer_class": "BertTokenizer", "do_lower_case": False}, {"truncation_side": "left"}):
        change(folder / "tokenizer_config.json", **told)
        found.append(ss.Encoder.load(folder).fingerprint)
    assert len(set(found)) == 3


# -- tables of tokens -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("case", ["plain", "scaled", "cut", "older", "in a folder"])
def test_static_embeddings_of_sentence_transformers(tmp_path, case):
    import torch
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.base.modules import Normalize
    from sentence_transformers.sentence_transformer.modules import StaticEmbedding

    table = StaticEmbedding(folders.wordpiece(), embedding_dim=32)
    torch.nn.init.normal_(table.embedding.weight)
    modules = [table, *([Normalize()] if case in ("scaled", "cut") else [])]
    made = tmp_path / "m"
    told = {"truncate_dim": 8} if case == "cut" else {}
    SentenceTransformer(modules=modules, device="cpu", prompts=PROMPTS, **told).save(str(made), create_model_card=False)
    if case in ("older", "in a folder"):
        listed = json.loads((made / "modules.json").read_text())
        listed[0]["type"] = "sentence_transformers.models.StaticEmbedding"
        if case == "in a folder":
            listed[0]["path"] = "0_StaticEmbedding"
            (made / "0_StaticEmbedding").mkdir()
            for name in ("model.safetensors", "tokenizer.json"):
                (made / name).rename(made / "0_StaticEmbedding" / name)
        put(made / "modules.json", listed)
    for method in ("encode", "encode_query", "encode_document"):
        encoder = agree(made, [*TEXTS, "unknown ☃ cat"], runtimes=("auto",), method=method)
    ss.save(encoder, tmp_path / "saved")
    again = ss.load(tmp_path / "saved")
    assert again.fingerprint == encoder.fingerprint
    agree(tmp_path / "saved", ["cat", "dog ☃"], runtimes=("auto",), method="encode_query")
    space = encoder.embed(ss.Corpus.from_texts(["the cat", "the dog"]), out=tmp_path / "space", progress=False)
    assert ss.load(tmp_path / "space").encoder.fingerprint == encoder.fingerprint
    assert len(space.most_similar("cat", 1)) == 1


@pytest.mark.parametrize("told", [{"model_type": "model2vec"}, {}])
def test_model2vec_with_and_without_its_name(tmp_path, told):
    from model2vec import StaticModel
    from safetensors.numpy import save_file

    pieces, draw = folders.wordpiece(), np.random.default_rng(0)
    rows = pieces.get_vocab_size()
    tensors = {
        "embeddings": draw.normal(size=(20, 8)).astype(np.float32),
        "weights": draw.random(rows).astype(np.float32),
        "mapping": draw.integers(0, 20, rows).astype(np.int32),
    }
    made = tmp_path / "m"
    made.mkdir()
    save_file(tensors, made / "model.safetensors")
    pieces.save(str(made / "tokenizer.json"))
    put(made / "config.json", {"normalize": True, "hidden_dim": 8, "max_length": 9, **told})
    theirs = StaticModel.from_pretrained(made)
    np.testing.assert_allclose(ss.Encoder.load(made).encode(TEXTS), theirs.encode(TEXTS), atol=1e-5)


# -- what encode takes ----------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def encoder(listed):
    return ss.Encoder.load(listed, backend="exact")


def test_one_text_gets_one_vector(encoder, listed):
    assert encoder.encode("the cat").shape == (64,)
    np.testing.assert_array_equal(encoder.encode("the cat"), encoder.encode(["the cat"])[0])
    np.testing.assert_allclose(encoder.encode_query("the cat"), theirs(listed, "the cat", "encode_query"), atol=1e-4)


def test_tensors_and_devices(encoder):
    import torch

    wanted = encoder.encode(TEXTS)
    tensor = encoder.encode(TEXTS, convert_to_tensor=True, device="cpu", chunk_size=3, convert_to_numpy=True)
    assert isinstance(tensor, torch.Tensor)
    np.testing.assert_array_equal(tensor.numpy(), wanted)
    listed = encoder.encode(TEXTS, convert_to_numpy=False)
    assert isinstance(listed, list)
    np.testing.assert_array_equal(torch.stack(listed).numpy(), wanted)


@pytest.mark.parametrize("precision", ["binary", "ubinary"])
def test_bits_are_those_of_sentence_transformers(encoder, listed, precision):
    np.testing.assert_array_equal(
        encoder.encode(TEXTS, precision=precision), theirs(listed, TEXTS, precision=precision)
    )


@pytest.mark.filterwarnings("ignore:.*only their beginnings were encoded")
def test_eight_bits_do_not_depend_on_the_company(encoder):
    found = encoder.encode(TEXTS, precision="int8")
    assert found.dtype == np.int8
    np.testing.assert_array_equal(encoder.encode(TEXTS[:1], precision="int8"), found[:1])
    np.testing.assert_array_equal(encoder.encode(TEXTS, precision="uint8").astype(int) - 128, found)
    from sentence_transformers.util.quantization import quantize_embeddings

    from semspace.sentences.parity import SENTENCES

    sample = encoder.encode(list(SENTENCES))
    theirs = quantize_embeddings(encoder.encode(TEXTS), "int8", calibration_embeddings=sample)
    assert np.abs(found.astype(int) - theirs).max() <= 1


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"precision": "int4"}, "precision must be one of binary, float32"),
        ({"device": "cuda"}, "this encoder runs on cpu, not on device='cuda'"),
        ({"device": ["cpu", "cpu"]}, "runs on cpu, not on device="),
        ({"output_value": "token_embeddings"}, "not output_value='token_embeddings'; use encode_tokens"),
        ({"truncate_dim": 65}, "truncate_dim must be a whole number from 1 to 64; got 65"),
        ({"normalise_embeddings": True}, "no option 'normalise_embeddings'; did you mean normalize_embeddings"),
        ({"pool": 1}, "encode takes no option 'pool'"),
        ({"convert_to_tensor": "yes"}, "convert_to_tensor must be True or False"),
    ],
)
def test_options_that_can_not_be_had(encoder, options, message):
    with pytest.raises(InputError, match=message):
        encoder.encode(TEXTS, **options)


@pytest.mark.filterwarnings("ignore:.*only their beginnings were encoded")
def test_shorter_texts(listed, tmp_path):
    encoder = ss.Encoder.load(listed, backend="exact", max_tokens=5)
    whole = ss.Encoder.load(listed, backend="exact")
    before = whole.fingerprint
    assert before != encoder.fingerprint
    whole.max_seq_length = 5
    assert (whole.max_tokens, whole.max_seq_length, whole.fingerprint) == (5, 5, encoder.fingerprint)
    np.testing.assert_array_equal(whole.encode(TEXTS), encoder.encode(TEXTS))
    np.testing.assert_array_equal(encoder.encode(["the cat sat on"]), encoder.encode(["the cat sat"]))
    with pytest.raises(InputError, match="max_tokens must be a whole number from 1 to 64; got 65"):
        whole.max_seq_length = 65
    space = whole.embed(ss.Corpus.from_texts(TEXTS), progress=False)
    ss.save(space, tmp_path / "space")
    found = ss.load(tmp_path / "space").encode_documents(TEXTS)  # it remembers where texts were cut
    np.testing.assert_allclose(found, space.vectors, atol=1e-5)
    with pytest.raises(AttributeError, match=r"a space was made with this encoder; load another.*max_tokens=9"):
        whole.max_seq_length = 9
    for name in ("max_tokens", "prompts", "pooling"):
        with pytest.raises(SemspaceError, match=f"a TransformerEncoder can't be changed, so {name} can't be set"):
            setattr(encoder, name, 3)


def test_a_table_never_changes(tmp_path):
    words = ss.Space.from_vectors(["good", "bad", "day"], [[1, 0], [-1, 0], [0, 1]])
    encoder = ss.WordAverage(words, frequencies="zipf", remove_common=False)
    with pytest.raises(AttributeError, match="a WordAverage can't be changed, so max_seq_length can't be set"):
        encoder.max_seq_length = 3
