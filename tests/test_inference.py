"""The kernels: what torch gives, whatever the architecture, and each text by itself to the last bit."""

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import semspace as ss
from semspace.errors import DamagedError, InputError
from semspace.inference import architectures, forward, gemm, layers, linear, model, row_operations
from semspace.kernels import byte_products
from semspace.kernels.compiling import compiled
from semspace.sentences import kernel_runtime
from semspace.sentences.model_config import read_model_config
from semspace.sentences.weights import Weights
from tests.conftest import make_tiny_model

TEXTS = ["a cat", "the quick brown fox jumps over it", "", "x", "many words " * 40, "42 — élan", "🙂 مرحبا", "b" * 90]
PRECISIONS = ("float32", "bfloat16", "int8")
# Weights have fewer steps where products of bytes are summed in 16 bits.
NEAR = {"float32": 2e-6, "bfloat16": 0.02, "int8": 0.08 if byte_products.HAS_PAIRS else 0.06}


@pytest.fixture(params=PRECISIONS)
def precision(request):
    return request.param


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    made = tmp_path_factory.mktemp("architectures")
    return {
        family: make_tiny_model(made / family, family=family, hidden=128, longest=64)
        for family in ("bert", "distilbert", "mpnet", "roberta")
    }


def encoded(folder, precision, texts):
    """Encode with the kernels at a precision, whatever the gate says of a model with random weights."""
    reference = ss.Encoder.load(folder, backend="torch")
    prepared = reference._prepare(texts)
    runtime = kernel_runtime.KernelRuntime(reference.config, "exact", precision)
    return runtime.pooled(prepared, lambda _: None)


@pytest.mark.parametrize("family", ["bert", "distilbert", "mpnet", "roberta"])
def test_every_family_gives_what_torch_gives(folders, family, precision):
    reference = ss.Encoder.load(folders[family], backend="torch")
    theirs = reference._runtime.pooled(reference._prepare(TEXTS), lambda _: None)
    ours = encoded(folders[family], precision, TEXTS)
    scale = np.abs(theirs).max()
    assert np.abs(ours - theirs).max() < NEAR[precision] * scale
    assert ours.std(axis=0).max() > 0.05 * scale  # and the texts aren't all alike


@pytest.mark.parametrize("pooling", ["mean", "cls", "max"])
def test_every_pooling(tmp_path, pooling):
    folder = make_tiny_model(tmp_path / "m", pooling=pooling, hidden=64, longest=32)
    theirs = ss.Encoder.load(folder, backend="torch")
    both = theirs._runtime.pooled(theirs._prepare(TEXTS), lambda _: None)
    np.testing.assert_allclose(encoded(folder, "float32", TEXTS), both, atol=1e-5)


@pytest.fixture(scope="module")
def one_by_one(small_folder):
    def vectors(precision):
        return np.concatenate([encoded(small_folder, precision, [text]) for text in TEXTS])

    return vectors


@settings(max_examples=8, deadline=None)
@given(order=st.permutations(range(len(TEXTS))), times=st.integers(1, 60))
@pytest.mark.parametrize("kind", PRECISIONS)
def test_a_vector_is_the_same_to_the_last_bit_in_any_company(small_folder, one_by_one, kind, order, times):
    alone = one_by_one(kind)
    company = [TEXTS[i] for i in order] * times  # so many that the threads share them
    together = encoded(small_folder, kind, company)
    np.testing.assert_array_equal(together, np.tile(alone[list(order)], (times, 1)))


def test_lengths_around_the_edges_of_tiles_and_chunks(small_folder):
    texts = ["a " * n for n in (*range(1, 14), 30, 31, 32, 33, 47, 48, 49, 61, 62, 63)]
    reference = ss.Encoder.load(small_folder, backend="torch")
    with pytest.warns(UserWarning, match="longer than"):
        theirs = reference.encode(texts)
    ours = encoded(small_folder, "float32", texts)
    np.testing.assert_allclose(ours / np.linalg.norm(ours, axis=1, keepdims=True), theirs, atol=2e-6)


# -- the parts --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("rows", [1, 6, 7, 20])
def test_a_product_by_hand(precision, rows):
    """Small whole numbers are exact in every precision, so the product is too."""
    draw = np.random.default_rng(0)
    weights = draw.integers(-3, 4, (1, 2 * gemm.WIDTH, 128)).astype(np.float32)
    weights[:, :, 0] = 127 / 32  # so that a step of int8 is 1/32, and whole numbers are hit
    x = model.aligned_zeros((rows + 12, 128), np.float32)
    most = byte_products.LARGEST_BYTE
    x[:rows] = draw.integers(0, most + 1, (rows, 128)) / 1.0
    x[:rows, :2] = 0, most
    if precision == "int8" and byte_products.HAS_PAIRS:  # more weights would be out of range in 16 bits
        weights[:, :, np.arange(128) % 16 > 0] = 0
    if precision == "bfloat16":  # it has eight bits
        weights[:, :, 0], x[:rows] = 2, np.minimum(x[:rows], 128)
    packed = model.pack_linear(weights, np.zeros((1, 2 * gemm.WIDTH), np.float32), precision, gemm.WIDTH)
    groups = packed.weights.shape[1]
    left = linear.QuantizedRows(
        model.aligned_zeros(((rows + 12) * 128 * 4,), np.uint8),
        *(model.aligned_zeros((rows + 12, groups), np.float32) for _ in range(2)),
    )
    out = model.aligned_zeros((rows + 12, 2 * gemm.WIDTH), np.float32)
    out[:] = 1
    _product(packed, x, rows, left, out)
    np.testing.assert_allclose(out[:rows], 1 + x[:rows] @ weights[0].T, rtol=1e-5)


@compiled
def _product(packed, x, rows, left, out):
    groups, panels = packed.weights.shape[1:3]
    for group in range(groups):
        linear.quantize(packed.weights, x, rows, group * (x.shape[1] // groups), left, group, groups)
        for panel in range(panels):
            linear.multiply(packed, 0, group, panel, left, group, groups, 0, rows, out, panel * gemm.WIDTH)


@compiled
def _activated(weights, x):
    layers.activate(weights, x, len(x), 0, False)


@compiled
def _powers(row, less, fine):
    if fine:
        return row_operations.exp_and_sum(row.ctypes.data, len(row) // 16, less, 6)
    return row_operations.exp_and_sum(row.ctypes.data, len(row) // 16, less, 3)


@pytest.mark.parametrize(("kind", "near"), [("float32", 1e-6), ("uint16", 2e-4), ("int8", 2e-4)])
def test_gelu_is_right(kind, near):
    from scipy.special import erf

    x = model.aligned_zeros((1, 4096), np.float32)
    x[:] = np.linspace(-12, 12, 4096)
    true = x * 0.5 * (1 + erf(x / np.sqrt(2)))
    _activated(np.zeros(1, kind), x)
    np.testing.assert_allclose(x, true, atol=near)


@pytest.mark.parametrize(("fine", "near"), [(True, 6e-6), (False, 1e-4)])
def test_powers_of_e_are_right(fine, near):
    row = model.aligned_zeros((1024,), np.float32)
    row[:] = np.linspace(-76, 2, 1024)
    true = np.exp(row.astype(float) - 1.5)
    total = _powers(row, np.float32(1.5), fine)
    np.testing.assert_allclose(row, true, rtol=near)
    assert total == pytest.approx(true.sum(), rel=near)
    row[:] = -1e30
    _powers(row, np.float32(0), fine)
    assert 0 < row.max() < 1e-30


def test_a_norm_by_hand():
    x = np.array([[1, 2, 3, 6]], np.float32)
    out, norm = np.empty_like(x), np.array([[1, 1, 1, 2], [0, 0, 0, 1]], np.float32)
    layers.normalize(x, out, 1, norm, np.float32(0), False)
    spread = np.sqrt(3.5)
    np.testing.assert_allclose(out[0], [-2 / spread, -1 / spread, 0, 1 + 6 / spread], rtol=1e-6)
    layers.normalize(x, out, 1, norm, np.float32(0), True)
    size = np.sqrt(12.5)
    np.testing.assert_allclose(out[0], [1 / size, 2 / size, 3 / size, 1 + 12 / size], rtol=1e-6)


def test_rounding_to_bfloat16_goes_to_the_nearest_and_to_even():
    import torch

    numbers = np.random.default_rng(0).normal(size=1000).astype(np.float32)
    numbers[:3] = 1 + 2**-8, 1 + 3 * 2**-8, -1 - 2**-8  # ties
    theirs = torch.from_numpy(numbers).to(torch.bfloat16).view(torch.int16).numpy().view(np.uint16)
    np.testing.assert_array_equal(model.bfloat16_bits(numbers), theirs)


# -- models the kernels leave alone ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"model_type": "deberta"}, "don't support models of type 'deberta'"),
        ({"hidden_act": "relu"}, "don't support the activation 'relu'"),
        ({"position_embedding_type": "relative_key"}, "only encoders with absolute positions"),
        ({"num_attention_heads": 3}, "are impossible"),
        ({"num_attention_heads": 8}, "aren't multiples of their tiles"),
        ({"intermediate_size": 100}, "aren't multiples of their tiles"),
    ],
)
def test_what_the_kernels_cannot_run_is_said(small_folder, change, why):
    config = json.loads((small_folder / "config.json").read_text())
    assert architectures.reason_unsupported(config) == ""
    assert why in architectures.reason_unsupported({**config, **change})


def test_weights_that_are_missing_or_of_another_shape(small_folder):
    config = json.loads((small_folder / "config.json").read_text())
    with Weights(small_folder) as weights:
        take = weights.take

        def without(name):
            if "layer.1" in name:
                raise KeyError(name)
            return take(name)

        with pytest.raises(DamagedError, match=r"has no weight 'encoder\.layer\.1\..*fetch it again"):
            architectures.build(config, without, 64, "float32")
        with pytest.raises(DamagedError, match=r"don't fit its config\.json"):
            architectures.build({**config, "intermediate_size": 512}, take, 64, "float32")


def test_scratch_is_made_for_the_longest_text(small_folder):
    layout = read_model_config(small_folder)
    runtime = kernel_runtime.KernelRuntime(layout, "exact", "float32")
    room = forward.create_workspace(runtime.model)
    assert len(room.states) >= max(forward.CHUNK_TOKENS, layout.max_tokens) + gemm.ROWS
    arrays = (room.states, room.qkv, room.attention.keys, room.quantized_states.data)
    assert all(array.ctypes.data % 64 == 0 for array in arrays)


def test_a_runtime_that_cannot_run_here_is_refused_with_the_reason(tiny_folder):
    with pytest.raises(InputError, match=r"backend 'fast' can't run .* use backend='auto'"):
        ss.Encoder.load(tiny_folder, backend="fast")
    with pytest.raises(InputError, match=r"backend must be one of auto, exact, fast, numpy, torch; got 'gpu'"):
        ss.Encoder.load(tiny_folder, backend="gpu")
