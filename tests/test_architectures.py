"""Architectures after BERT: the same states as transformers', or as the authors' code where transformers has none."""

import json
import math

import numpy as np
import pytest
import torch
import transformers

import semspace as ss
from semspace.errors import InputError
from semspace.inference import architectures, forward
from semspace.inference.rotary.alibi import slopes
from semspace.inference.rotary.rotations import inverse_frequencies
from semspace.sentences.model_config import read_model_config
from semspace.sentences.numpy_runtime import _Model
from tests.conftest import make_tiny_model

SIZES = {
    "vocab_size": 100, "hidden_size": 128, "num_hidden_layers": 4, "num_attention_heads": 4, "intermediate_size": 192,
    "pad_token_id": 0, "bos_token_id": None, "eos_token_id": None,
}  # fmt: skip
LENGTHS = (1, 7, 40, 90)
MAX_TOKENS = 96
EXACT, FAST = 0.9999, 0.998
MODERN = {"cls_token_id": 1, "sep_token_id": 2, "local_attention": 16}
GEMMA = {"num_key_value_heads": 1, "head_dim": 64, "sliding_window": 16, "query_pre_attn_scalar": 50}
BOTH_SIDES = {"use_bidirectional_attention": True, "sliding_window_pattern": 2}
ROPE = {"rope_type": "default", "rope_theta": 5_000.0}
LINEAR = {"rope_type": "linear", "factor": 4.0, "rope_theta": 5_000.0}
CASES = {
    "bert": ("BertConfig", {}),
    "modernbert": ("ModernBertConfig", MODERN),
    "modernbert with biases": (
        "ModernBertConfig",
        MODERN | {"norm_bias": True, "attention_bias": True, "mlp_bias": True},
    ),
    "modernbert, other layers": (
        "ModernBertConfig",
        MODERN | {"layer_types": ["sliding_attention", "full_attention", "full_attention", "sliding_attention"]},
    ),
    "modernbert, old keys": (
        "ModernBertConfig",
        MODERN
        | {"global_attn_every_n_layers": 2, "global_rope_theta": 300.0, "local_rope_theta": 50.0, "norm_eps": 1e-2},
    ),
    "modernbert, silu": ("ModernBertConfig", MODERN | {"hidden_activation": "silu"}),
    "nomic": ("NomicBertConfig", {"type_vocab_size": 2}),
    "nomic, theta": ("NomicBertConfig", {"rope_parameters": ROPE, "layer_norm_eps": 1e-3}),
    "gte": ("GteConfig", {}),
    "gte without types": ("GteConfig", {"type_vocab_size": 0, "hidden_act": "gelu_new"}),
    "gte, linear": ("GteConfig", {"rope_parameters": LINEAR}),
    "eurobert": ("EuroBertConfig", {"num_key_value_heads": 2, "rope_parameters": ROPE, "mask_token_id": 3}),
    "qwen3": ("Qwen3Config", {"num_key_value_heads": 2, "head_dim": 64, "rope_parameters": ROPE}),
    "qwen3 with biases": ("Qwen3Config", {"num_key_value_heads": 4, "head_dim": 32, "attention_bias": True}),
    "gemma3": ("Gemma3TextConfig", GEMMA | BOTH_SIDES),
    "gemma3, one side": ("Gemma3TextConfig", GEMMA | {"num_key_value_heads": 2}),
    "gemma3, thetas": ("Gemma3TextConfig", GEMMA | BOTH_SIDES | {"rope_theta": 800.0, "rope_local_base_freq": 30.0}),
}


@pytest.fixture(scope="module", params=CASES)
def case(request):
    """A random model of transformers, its configuration as a folder has it, and its weights."""
    name, settings = CASES[request.param]
    torch.manual_seed(0)
    config = getattr(transformers, name)(**SIZES | settings)
    model = transformers.AutoModel.from_config(config, attn_implementation="eager").eval().float()
    with torch.no_grad():
        for parameter in model.parameters():  # sharp attention and uneven norms
            if parameter.ndim == 1:
                parameter.add_(torch.randn_like(parameter) * 0.2)
            else:
                parameter.mul_(2)
    written = json.loads(
        json.dumps({**config.to_dict(), **{k: v for k, v in settings.items() if k not in config.to_dict()}})
    )
    return model, written, {name: weight.numpy() for name, weight in model.state_dict().items()}


@pytest.fixture(scope="module")
def texts():
    draw = np.random.default_rng(0)
    return [draw.integers(1, 100, length).astype(np.int32) for length in LENGTHS]


def states_of(config, weights, precision, texts):
    packed = architectures.build(config, lambda name: weights[name], MAX_TOKENS, precision)
    starts = np.cumsum([0, *map(len, texts)]).astype(np.int64)
    states = np.empty((starts[-1], packed.positions.shape[1]), np.float32)
    forward.encode_states(
        packed, np.concatenate(texts), starts, 0, len(texts), forward.create_workspace(packed), states
    )
    return np.split(states, starts[1:-1])


def cosines(ours, theirs):
    return (ours * theirs).sum(-1) / np.linalg.norm(ours, axis=-1) / np.linalg.norm(theirs, axis=-1)


def theirs(model, text):
    with torch.no_grad():
        tokens = torch.from_numpy(text[None].astype(np.int64))
        return model(input_ids=tokens, attention_mask=torch.ones_like(tokens)).last_hidden_state[0].numpy()


def test_states_are_those_of_transformers(case, texts):
    model, config, weights = case
    assert architectures.reason_unsupported(config) == ""
    reference = [theirs(model, text) for text in texts]
    for ours, expected in zip(states_of(config, weights, "float32", texts), reference, strict=True):
        assert cosines(ours, expected).min() > EXACT
        np.testing.assert_allclose(ours, expected, atol=2e-4 * np.abs(expected).max())
    for precision, bound in (("bfloat16", EXACT), ("int8", FAST)):
        for ours, expected in zip(states_of(config, weights, precision, texts), reference, strict=True):
            assert cosines(ours.mean(0), expected.mean(0)) > bound


def test_numpy_computes_the_same(case, texts):
    model, config, weights = case
    ours = _Model(config, lambda name: weights[name], MAX_TOKENS)
    for text in texts:
        expected = theirs(model, text)
        np.testing.assert_allclose(ours.states(text), expected, atol=2e-4 * np.abs(expected).max())


def test_each_switch_changes_the_states():
    """So that the comparisons above would notice a switch that is ignored."""
    seen = set()
    for name, settings in CASES.values():
        torch.manual_seed(0)
        model = transformers.AutoModel.from_config(getattr(transformers, name)(**SIZES | settings)).eval()
        seen.add(theirs(model, np.arange(1, 41, dtype=np.int32)).tobytes())
    assert len(seen) == len(CASES)


def test_a_text_of_many_blocks(texts):
    """Long texts go through the linear layers block by block; what a token sees doesn't change."""
    settings = SIZES | MODERN | {"max_position_embeddings": 1024}
    torch.manual_seed(1)
    config = transformers.ModernBertConfig(**settings)
    model = transformers.AutoModel.from_config(config, attn_implementation="eager").eval()
    weights = {name: weight.numpy() for name, weight in model.state_dict().items()}
    text = np.random.default_rng(1).integers(1, 100, 3 * forward.BLOCK_ROWS + 5).astype(np.int32)
    packed = architectures.build(config.to_dict(), lambda name: weights[name], 1024, "float32")
    states = np.empty((len(text), 128), np.float32)
    starts = np.array([0, len(text)], np.int64)
    forward.encode_states(packed, text, starts, 0, 1, forward.create_workspace(packed), states)
    np.testing.assert_allclose(states, theirs(model, text), atol=2e-5)


# -- architectures that transformers runs only with the model's own code ------------------------------------------


def jina_by_hand(weights, config, text):
    """JinaBERT 2 as its authors describe it: BERT, ALiBi on both sides, gated hidden units."""
    weights = {name: torch.from_numpy(weight) for name, weight in weights.items()}
    hidden, heads = config["hidden_size"], config["num_attention_heads"]

    def linear(x, name):
        return torch.nn.functional.linear(x, weights[f"{name}.weight"], weights.get(f"{name}.bias"))

    def norm(x, name):
        return torch.nn.functional.layer_norm(x, (hidden,), weights[f"{name}.weight"], weights[f"{name}.bias"], 1e-12)

    steps = torch.tensor([2.0 ** (-8.0 * (head + 1) / heads) for head in range(heads)])  # a power of two
    places = torch.arange(len(text))
    bias = -steps[:, None, None] * (places[None, :] - places[:, None]).abs()
    x = weights["embeddings.word_embeddings.weight"][text] + weights["embeddings.token_type_embeddings.weight"][0]
    x = norm(x, "embeddings.LayerNorm")
    for i in range(config["num_hidden_layers"]):
        at = f"encoder.layer.{i}."
        query, key, value = (
            linear(x, f"{at}attention.self.{part}").view(len(text), heads, -1).transpose(0, 1)
            for part in ("query", "key", "value")
        )
        shares = torch.softmax(query @ key.transpose(1, 2) / math.sqrt(hidden // heads) + bias, dim=-1)
        context = (shares @ value).transpose(0, 1).reshape(len(text), hidden)
        x = norm(linear(context, f"{at}attention.output.dense") + x, f"{at}attention.output.LayerNorm")
        gated, factor = linear(x, f"{at}mlp.gated_layers").chunk(2, dim=-1)
        activated = torch.nn.functional.gelu(gated) if config["feed_forward_type"] == "geglu" else torch.relu(gated)
        x = norm(linear(activated * factor, f"{at}mlp.wo") + x, f"{at}mlp.layernorm")
    return x.numpy()


def jina_weights(config, seed=0):
    draw = np.random.default_rng(seed)
    hidden, units = config["hidden_size"], config["intermediate_size"]

    def random(*shape):
        return draw.normal(0, 0.08, shape).astype(np.float32)

    weights = {
        "embeddings.word_embeddings.weight": random(100, hidden),
        "embeddings.token_type_embeddings.weight": random(2, hidden),
    }
    norms, linears = ["embeddings.LayerNorm"], {}
    for i in range(config["num_hidden_layers"]):
        at = f"encoder.layer.{i}."
        norms += [f"{at}attention.output.LayerNorm", f"{at}mlp.layernorm"]
        linears |= {f"{at}attention.self.{part}": (hidden, hidden) for part in ("query", "key", "value")}
        linears |= {f"{at}attention.output.dense": (hidden, hidden), f"{at}mlp.wo": (hidden, units)}
        weights[f"{at}mlp.gated_layers.weight"] = random(2 * units, hidden)
    for name, shape in linears.items():
        weights |= {f"{name}.weight": random(*shape), f"{name}.bias": random(shape[0])}
    for name in norms:
        weights |= {f"{name}.weight": 1 + random(hidden), f"{name}.bias": random(hidden)}
    return weights


JINA = {
    "model_type": "bert", "position_embedding_type": "alibi", "feed_forward_type": "geglu", "vocab_size": 100,
    "hidden_size": 128, "num_attention_heads": 4, "num_hidden_layers": 2, "intermediate_size": 192,
    "type_vocab_size": 2, "auto_map": {"AutoModel": "somebody/code--modeling.Model"},
}  # fmt: skip


@pytest.mark.parametrize("kind", ["geglu", "reglu"])
def test_jina_bert_is_what_its_authors_describe(kind, texts):
    config = {**JINA, "feed_forward_type": kind}
    weights = jina_weights(config)
    for text, ours in zip(texts, states_of(config, weights, "float32", texts), strict=True):
        np.testing.assert_allclose(ours, jina_by_hand(weights, config, text), atol=2e-5)


def test_slopes_are_those_of_the_paper():
    """Press et al. 2022: 8 heads get 1/2, 1/4 ... 1/256; others take every second one of the next power of two."""
    np.testing.assert_allclose(slopes(8), 0.5 ** np.arange(1, 9))
    np.testing.assert_allclose(slopes(12)[8:], 0.5 ** np.array([0.5, 1.5, 2.5, 3.5]))
    assert len(slopes(12)) == 12


def test_gte_folders_of_the_authors_name_the_same_weights_otherwise(texts):
    torch.manual_seed(0)
    model = transformers.AutoModel.from_config(transformers.GteConfig(**SIZES), attn_implementation="eager").eval()
    new = {name: weight.numpy() for name, weight in model.state_dict().items()}
    old = {}
    for name, weight in new.items():
        if name.startswith("layers."):
            at = f"new.encoder.layer.{name.split('.')[1]}."
            part = name.split(".", 2)[2]
            if part.startswith(("self_attn.q_proj", "mlp.up_proj")):  # the parts are one weight there
                parts = ("q_proj", "k_proj", "v_proj") if "q_proj" in part else ("up_proj", "gate_proj")
                key = "attention.qkv_proj" if "q_proj" in part else "mlp.up_gate_proj"
                rows = [new[name.replace(parts[0], other)] for other in parts]
                old[f"{at}{key}.{part.rsplit('.')[-1]}"] = np.concatenate(rows)
            elif not any(other in part for other in ("k_proj", "v_proj", "gate_proj")):
                for theirs_, ours in (
                    ("self_attn.o_proj", "attention.o_proj"),
                    ("post_attention_layernorm", "attn_ln"),
                    ("post_mlp_layernorm", "mlp_ln"),
                ):
                    part = part.replace(theirs_, ours)
                old[at + part] = weight
        else:
            old[f"new.{name}"] = weight
    config = model.config.to_dict()
    renamed = {**SIZES, "model_type": "new", "rope_theta": 160_000.0, "type_vocab_size": 1, "layer_norm_eps": 1e-12}
    for ours, same in zip(
        states_of(config, new, "float32", texts), states_of(renamed, old, "float32", texts), strict=True
    ):
        np.testing.assert_array_equal(ours, same)


def test_ntk_scaling_by_hand():
    """Fixed NTK scaling of GTE's authors: the base times the factor, and all angles divided by factor ** (2 / size)."""
    scaled = inverse_frequencies(20_000.0, 64, {"type": "ntk", "factor": 8.0})
    places = np.arange(0, 64, 2) / 64
    np.testing.assert_allclose(scaled, (20_000.0 * 8) ** -places / 8 ** (2 / 64), rtol=1e-5)


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"model_type": "modernbert", "hidden_activation": "mish"}, r"activation 'mish' \(hidden_activation"),
        ({"model_type": "modernbert", "layer_types": ["full_attention"]}, "has 1 items for 4 layers"),
        ({"model_type": "modernbert", "layer_types": ["chunked_attention"] * 4}, "layers of type 'chunked_attention'"),
        ({"model_type": "gte", "rope_scaling": {"type": "yarn", "factor": 2}}, "rotation 'yarn'"),
        ({"model_type": "gte", "rope_scaling": {"type": "ntk", "factor": 2}}, "rotation 'ntk'"),
        ({"model_type": "new", "rope_scaling": {"type": "ntk", "factor": 2, "mixed_b": 0.5}}, "mixed NTK"),
        ({"model_type": "new", "layer_norm_type": "rms_norm"}, "layer_norm_type 'rms_norm'"),
        ({"model_type": "nomic_bert", "prenorm": True}, "prenorm True"),
        ({"model_type": "nomic_bert", "activation_function": "gelu"}, "activation_function"),
        ({"model_type": "nomic_bert", "rotary_scaling_factor": 2}, "rotary_scaling_factor 2"),
        ({"model_type": "qwen3", "use_sliding_window": True}, "sliding windows"),
        ({"model_type": "gemma3_text", "attn_logit_softcapping": 50.0}, "attn_logit_softcapping"),
        ({"model_type": "eurobert", "partial_rotary_factor": 0.5}, "a part of each head"),
        ({"model_type": "eurobert", "num_key_value_heads": 3}, "can't share 3 heads"),
        ({"model_type": "eurobert", "num_attention_heads": 16, "head_dim": 8}, "aren't multiples of their tiles"),
        ({"model_type": "gte", "hidden_size": None}, "incomplete or damaged"),
        ({**JINA, "feed_forward_type": "original"}, "feed_forward_type 'original'"),
    ],
)
def test_what_is_not_computed_is_refused_by_its_key(change, why):
    with pytest.raises(AssertionError, match=why):
        raise AssertionError(architectures.reason_unsupported({**SIZES, **change}))


# -- folders ------------------------------------------------------------------------------------------------------


@pytest.fixture
def jina_folder(tmp_path):
    from safetensors.numpy import save_file

    folder = make_tiny_model(tmp_path / "jina", hidden=128, longest=64)
    config = json.loads((folder / "config.json").read_text())
    config |= {**JINA, "vocab_size": config["vocab_size"], "max_position_embeddings": 64}
    weights = jina_weights(config)
    draw = np.random.default_rng(1)
    weights["embeddings.word_embeddings.weight"] = draw.normal(0, 0.1, (config["vocab_size"], 128)).astype(np.float32)
    (folder / "config.json").write_text(json.dumps(config))
    save_file(weights, str(folder / "model.safetensors"))
    return folder, config, weights


def test_a_folder_with_own_code_runs_in_the_kernels_only(jina_folder):
    folder, config, weights = jina_folder
    encoder = ss.Encoder.load(folder, backend="exact")
    prepared = encoder._prepare(["a cat sat", "the quick brown fox"])
    for vector, tokens in zip(
        encoder._runtime.pooled(prepared, lambda _: None), np.split(prepared.tokens, prepared.starts[1:-1]), strict=True
    ):
        np.testing.assert_allclose(vector, jina_by_hand(weights, config, tokens).mean(0), atol=0.02)
    with pytest.raises(InputError, match=r"needs its own code to run with torch \(auto_map in config\.json\)"):
        ss.Encoder.load(folder, backend="torch")


def test_code_of_an_unknown_architecture_is_refused_still(jina_folder):
    folder, config, _ = jina_folder
    (folder / "config.json").write_text(json.dumps({**config, "model_type": "newer"}))
    with pytest.raises(InputError, match=r"needs its own code to run \(auto_map in config\.json"):
        read_model_config(folder)
