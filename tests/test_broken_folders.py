"""Every model folder that can't be run right is refused by one sentence, which names the file and the key at fault."""

import json
import shutil
from pathlib import Path

import pytest

import semspace as ss
from fuzz import seeds
from semspace.errors import DamagedError, InputError, SemspaceError
from tests import folders
from tests.folders import bare, whole

SENTENCE = "config_sentence_transformers.json"
MODULES, POOLING, DENSE = "modules.json", "1_Pooling/config.json", "2_Dense/config.json"
BERT, CONFIG, READER = "sentence_bert_config.json", "config.json", "tokenizer_config.json"


@pytest.fixture(scope="module")
def sound(tmp_path_factory):
    """A folder with a Dense module, as sentence-transformers writes it."""
    from sentence_transformers.base.modules import Dense

    plain = bare(tmp_path_factory.mktemp("models") / "plain")
    return whole(plain, Dense(64, 32), out=plain.with_name("sound"), prompts={"query": "the query "})


def having(**values):
    """A change to a file of JSON: these values in it."""
    return lambda path: folders.change(path, **values)


def holding(content):
    return lambda path: path.write_text(content, encoding="utf-8")


def module(number, **values):
    def change(path):
        listed = json.loads(path.read_text())
        listed[number].update(values)
        folders.put(path, listed)

    return change


def kind(name):
    return module(2, type=f"sentence_transformers.models.{name}")


# File; what is done to it; what the sentence must name besides the file (or, after "|", instead of it).
BROKEN = [
    (MODULES, holding("{"), "isn't valid|not valid JSON"),
    (MODULES, holding("{}"), "holds no JSON array"),
    (MODULES, holding("[{}]"), "without type or path"),
    (MODULES, module(0, type="own_code.Transformer"), "own_code.Transformer"),
    (MODULES, module(1, path="../1_Pooling"), "outside the folder"),
    (MODULES, module(1, path="/etc"), "outside the folder"),
    (MODULES, module(1, path="9_Pooling"), "lists a module Pooling in 9_Pooling"),
    *((MODULES, kind(name), f"a module of type {name}") for name in ("CNN", "LSTM", "WordWeights", "CLIPModel")),
    *(
        (MODULES, module(0, type=f"sentence_transformers.models.{name}"), f"a module of type {name}")
        for name in ("WordEmbeddings", "BoW", "CLIPModel")
    ),
    (MODULES, kind("WeightedLayerPooling"), "WeightedLayerPooling"),
    (MODULES, kind("Pooling"), "exactly one Pooling module"),
    (SENTENCE, holding("[]"), "holds no JSON object"),
    (SENTENCE, having(model_type="CrossEncoder"), "model_type 'CrossEncoder'"),
    (SENTENCE, having(model_type="SparseEncoder"), "model_type 'SparseEncoder'"),
    (SENTENCE, having(truncate_dim=0), "truncate_dim 0"),
    (SENTENCE, having(truncate_dim="8"), "truncate_dim '8'"),
    (SENTENCE, having(similarity_fn_name="maxsim"), "similarity_fn_name 'maxsim'"),
    (SENTENCE, having(default_prompt_name="gone"), "default_prompt_name 'gone'"),
    (POOLING, having(pooling_mode="attention"), "attention (pooling_mode)"),
    (POOLING, having(pooling_mode=[]), "(pooling_mode)"),
    (POOLING, having(include_prompt="no"), "include_prompt 'no'"),
    (POOLING, having(layers=2), "has layers 2"),
    (POOLING, holding("nothing"), "not valid JSON"),
    (DENSE, having(activation_function="torch.nn.modules.activation.Softmax"), "activation_function"),
    (DENSE, having(activation_function=None), "activation_function None"),
    (DENSE, having(module_input_name="token_embeddings"), "module_input_name 'token_embeddings'"),
    (DENSE, having(module_output_name="other"), "module_output_name 'other'"),
    (DENSE, having(out_features="32"), "out_features"),
    (DENSE, having(out_features=31), "linear.weight|linear.weight"),
    (DENSE, having(bias="yes"), "bias 'yes'"),
    (DENSE, having(use_residual=1), "use_residual 1"),
    (DENSE, having(gain=2), "has gain 2"),
    ("2_Dense/model.safetensors", holding("no tensors"), "can't be opened"),
    (BERT, having(transformer_task="fill-mask"), "transformer_task"),
    (BERT, having(modality_config={"image": {"method": "x"}, "text": {"method": "encode"}}), "modality_config"),
    (BERT, having(query_length=3), "query_length 3"),
    (BERT, having(processing_kwargs={"text": {"padding": "max_length"}}), "processing_kwargs"),
    (BERT, having(model_kwargs={"subfolder": "x"}), "'subfolder'"),
    (BERT, having(tokenizer_args={"do_basic_tokenize": False}), "'do_basic_tokenize'"),
    (BERT, having(max_seq_length=0), "max_seq_length 0"),
    (BERT, having(max_seq_length="9"), "max_seq_length '9'"),
    (READER, having(model_max_length=0), "model_max_length 0|max_seq_length"),
    (BERT, having(do_lower_case="yes"), "do_lower_case 'yes'"),
    (BERT, having(stride=2), "has stride 2"),
    (CONFIG, holding("{"), "not valid JSON"),
    (CONFIG, having(model_type=None), "model_type"),
    (CONFIG, having(position_embedding_type="relative_key"), "position_embedding_type 'relative_key'"),
    (
        CONFIG,
        having(model_type="gemma3_text", use_bidirectional_attention=True, sliding_window=257),
        "sliding_window 257",
    ),
    (CONFIG, having(quantization_config={"bits": 4}), "quantization_config|quantization_config"),
    (CONFIG, having(model_type="bart", is_encoder_decoder=True), "'bart'|'bart'"),
    (CONFIG, having(num_hidden_layers=10**14), "num_hidden_layers 100000000000000"),
    (CONFIG, having(num_attention_heads=-1), "num_attention_heads -1"),
    (CONFIG, having(num_attention_heads=7), "|can't|sizes|heads"),
    (READER, having(truncation_side="middle"), "truncation_side 'middle'"),
    (READER, having(tokenizer_class="BertTokenizer", do_lower_case="no"), "do_lower_case 'no'"),
    ("tokenizer.json", holding("{}"), "can't be read"),
    ("tokenizer.json", Path.unlink, "no tokenizer.json|no tokenizer.json"),
    ("model.safetensors", Path.unlink, "no weights: neither model.safetensors|no weights: neither model.safetensors"),
    ("model.safetensors", holding("short"), "can't be opened"),
    ("model.safetensors", lambda path: path.rename(path.with_name("pytorch_model.bin")), "a pickle|pytorch_model.bin"),
    (CONFIG, Path.unlink, "has no config.json|has no config.json"),
]


@pytest.mark.parametrize("kind", ["Pooling", "CNN", "Normalize2"])
def test_modules_after_a_table_of_tokens_are_known_ones(tmp_path, kind):
    folder = folder_of("static with Dense", tmp_path / "m")
    module(1, type=f"sentence_transformers.models.{kind}")(folder / MODULES)
    with pytest.raises(InputError, match=rf"is a module of type {kind}, .*; it runs .*Dense"):
        ss.Encoder.load(folder)


@pytest.mark.parametrize("backend", ["auto", "exact", "torch"])
def test_a_width_beyond_64_bits_is_refused(sound, tmp_path, backend):
    folder = shutil.copytree(sound, tmp_path / "m")
    having(hidden_size=2**63, num_attention_heads=1)(folder / CONFIG)
    with pytest.raises(DamagedError, match=r"weights don't fit|can't be opened \(.*Overflow") as refused:
        ss.Encoder.load(folder, backend=backend)
    assert "frame #" not in str(refused.value)


@pytest.mark.parametrize(("file", "harm", "named"), BROKEN, ids=range(len(BROKEN)))
def test_it_is_refused_by_one_sentence(sound, tmp_path, file, harm, named):
    folder = shutil.copytree(sound, tmp_path / "m")
    harm(folder / file)
    with pytest.raises(SemspaceError) as refused:
        ss.Encoder.load(folder, backend="exact")
    sentence = str(refused.value)
    keys = named.split("|")
    assert any(key and key in sentence for key in keys), sentence
    assert len(keys) > 1 or Path(file).name in sentence, sentence
    assert "\n" not in sentence.strip()
    assert "Traceback" not in sentence


def test_a_value_that_only_transformers_refuses_is_one_sentence(sound, tmp_path):
    folder = shutil.copytree(sound, tmp_path / "m")
    having(layer_norm_eps=[])(folder / CONFIG)
    with pytest.raises(DamagedError, match=r"can't be opened .*layer_norm_eps"):
        ss.Encoder.load(folder, backend="torch")


def test_the_sound_one_is_opened(sound):
    assert ss.Encoder.load(sound, backend="exact").dim == 32


# -- any value in any place -----------------------------------------------------------------------------------


def places(content, path=()):
    """Every place in a JSON value: the keys and positions that lead to it. Of a long list the first two."""
    if path:
        yield path
    items = (
        content.items() if isinstance(content, dict) else enumerate(content[:2]) if isinstance(content, list) else ()
    )
    for key, value in items:
        if key != "vocab":
            yield from places(value, (*path, key))


def with_value(content, path, value):
    """A copy of a JSON value with another one in a place."""
    copy = json.loads(json.dumps(content))
    at = copy
    for key in path[:-1]:
        at = at[key]
    at[path[-1]] = value
    return copy


STRANGE = [None, 7, -1, 1.5, "strange", ["strange"], {"strange": 1}, True, 2**63]


def folder_of(kind, folder):
    write = {
        "static": seeds.write_static_model, "static with Dense": seeds.write_headed_model,
        "transformer": seeds.write_transformer, "routed": seeds.write_routed_model, "sparse": seeds.write_sparse_model,
        "cross": seeds.write_cross_encoder,
    }[kind]  # fmt: skip
    write(folder)
    return folder


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("kind", ["static", "static with Dense", "transformer", "routed", "sparse", "cross"])
def test_any_value_in_any_place_of_its_files_is_read_or_refused(kind, tmp_path):
    folder = folder_of(kind, tmp_path / "m")
    load = {"sparse": ss.SparseEncoder.load, "cross": ss.CrossEncoder.load}.get(kind, ss.Encoder.load)

    def read():
        opened = load(folder)
        if kind == "cross":
            return opened.score("red", ["red wine", "red wine " * 300])
        return opened.encode_query(["red wine"])

    read()
    wrong, tried = [], 0
    for path in sorted(folder.rglob("*.json")):
        sound = json.loads(path.read_text())
        for number, place in enumerate(places(sound)):
            for value in STRANGE[number % 3 :: 3]:  # a third of them, another one in the next place
                path.write_text(json.dumps(with_value(sound, place, value)))
                tried += 1
                said = refusal(read)
                if said is not None:
                    wrong.append(f"{path.name}, {place} = {value!r}: {said}")
        path.write_text(json.dumps(sound))
    assert wrong == []
    assert tried >= 60


def refusal(read):
    """What is wrong with how a call was refused, if it was."""
    try:
        read()
    except SemspaceError as problem:
        return f"several lines: {problem}" if "\n" in str(problem).strip() else None
    except Exception as problem:
        return repr(problem)
    return None


def test_a_tokenizer_without_its_unknown_token_is_one_sentence(tmp_path):
    folder = folder_of("static", tmp_path / "m")
    path = folder / "0_StaticEmbedding" / "tokenizer.json"
    tokenizer = json.loads(path.read_text())
    tokenizer["model"]["unk_token"] = "[NO]"
    path.write_text(json.dumps(tokenizer))
    encoder = ss.Encoder.load(folder)
    assert encoder.encode(["red wine"]).shape == (1, 8)
    with pytest.raises(DamagedError, match=r"the model's tokenizer fails \(WordLevel error: .*\); download"):
        encoder.encode(["red unknown"])


def test_a_tokenizer_without_tokens_is_refused(tmp_path):
    folder = folder_of("static", tmp_path / "m")
    path = folder / "0_StaticEmbedding" / "tokenizer.json"
    tokenizer = json.loads(path.read_text())
    tokenizer["model"]["vocab"] = {}
    path.write_text(json.dumps(tokenizer))
    with pytest.raises(SemspaceError, match="the tokenizer has no tokens"):
        ss.Encoder.load(folder)
