"""Products of bytes: exact on this processor, and with the right instructions on others."""

import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from semspace.inference import gemm, linear, model
from semspace.kernels import byte_products
from semspace.kernels.compiling import compiled, level

VECTORS = gemm.VECTORS
STEPS = 32
INPUTS = 4 * STEPS


@compiled
def _tile(left, right, out, ones, zeros, steps):
    gemm.add_products_of_bytes(
        left.ctypes.data, left.strides[0], right.ctypes.data, 4 * gemm.WIDTH, steps, out.ctypes.data, out.strides[0],
        ones.ctypes.data, zeros.ctypes.data, 4, ones.ctypes.data, zeros.ctypes.data, VECTORS,
    )  # fmt: skip


def products(numbers, packed):
    """Multiply bytes (rows, inputs) with the panel of packed weights."""
    left = model.aligned_zeros((gemm.ROWS, INPUTS), np.uint8)
    left[:] = numbers
    out = model.aligned_zeros((gemm.ROWS, gemm.WIDTH), np.float32)
    ones = model.aligned_zeros((gemm.WIDTH,), np.float32)
    ones[:] = 1
    _tile(left, packed, out, ones, model.aligned_zeros((gemm.WIDTH,), np.float32), STEPS)
    return out


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), kind=st.sampled_from(["normal", "all the same", "one sign", "sparse"]))
def test_products_of_packed_weights_are_exact(seed, kind):
    """Whatever the weights: they are scaled so that no sum on the way is out of range, with the greatest inputs."""
    draw = np.random.default_rng(seed)
    weights = draw.normal(size=(1, gemm.WIDTH, INPUTS)).astype(np.float32)
    if kind == "all the same":
        weights[:] = draw.choice([-1, 1])
    elif kind == "one sign":
        weights = np.abs(weights)
    elif kind == "sparse":
        weights *= draw.random(weights.shape) < 0.05
    packed = model.pack_linear(weights, np.zeros((1, gemm.WIDTH), np.float32), "int8", gemm.WIDTH)
    assert packed.weights.shape[1:3] == (1, 1)
    numbers = draw.choice(np.array([0, byte_products.LARGEST_BYTE, 128], np.uint8), (gemm.ROWS, INPUTS))
    numbers[0] = byte_products.LARGEST_BYTE
    whole = packed.weights[0, 0, 0].transpose(1, 0, 2).reshape(gemm.WIDTH, INPUTS).astype(np.int64)
    np.testing.assert_array_equal(products(numbers, packed.weights[0, 0, 0]), numbers.astype(np.int64) @ whole.T)
    error = np.abs(packed.scales[0, 0][:, None] * whole - weights[0])
    assert (error <= packed.scales[0, 0][:, None] * 0.5001).all()


def test_the_sums_on_the_way_stay_in_16_bits():
    draw = np.random.default_rng(0)
    weights = draw.normal(size=(2, 3 * gemm.WIDTH, 384)).astype(np.float32)
    packed = model.pack_linear(weights, np.zeros((2, 3 * gemm.WIDTH), np.float32), "int8", gemm.WIDTH)
    steps = packed.weights.transpose(0, 1, 2, 4, 3, 5).astype(np.int64)  # layer, group, panel, output, step, four
    windows = steps.reshape(*steps.shape[:4], -1, byte_products.STEPS, 2, 2)
    for side in (np.maximum(windows, 0), np.maximum(-windows, 0)):
        assert side.sum((5, 7)).max() <= byte_products.LARGEST_SUM


def test_rows_are_quantised_to_the_nearest_step():
    x = model.aligned_zeros((gemm.ROWS, 128), np.float32)
    x[:] = np.random.default_rng(0).normal(size=x.shape)
    packed = model.pack_linear(
        np.ones((1, gemm.WIDTH, 128), np.float32), np.zeros((1, gemm.WIDTH), np.float32), "int8", gemm.WIDTH
    )
    rows = linear.QuantizedRows(
        model.aligned_zeros((gemm.ROWS * 128,), np.uint8),
        *(model.aligned_zeros((gemm.ROWS, 1), np.float32) for _ in "ab"),
    )
    _quantized(packed.weights, x, rows)
    back = rows.minimum + rows.scale * rows.data.reshape(gemm.ROWS, 128)
    assert (np.abs(back - x) <= 0.501 * rows.scale).all()


@compiled
def _quantized(weights, x, rows):
    linear.quantize(weights, x, len(x), 0, rows, 0, 1)


# -- other processors: compiled here, not run -------------------------------------------------------------------------

_COMPILE = """
import sys
from semspace.kernels import compiling
triple, cpu, named, wanted = sys.argv[1:5]
true = compiling.features
compiling.features = lambda: {name[1:]: True for name in named.split(",")}
import llvmlite.binding as llvm
from llvmlite import ir
from semspace.inference import gemm
from semspace.kernels import byte_products
llvm.initialize_all_targets(); llvm.initialize_all_asmprinters()
i64 = ir.IntType(64)
module = ir.Module(); module.triple = triple
function = ir.Function(module, ir.FunctionType(ir.VoidType(), [i64] * 7), "tile")
b = ir.IRBuilder(function.append_basic_block())
totals = gemm._multiplied_bytes(b, function.args, gemm.VECTORS)
for address, row in zip(gemm._addresses(b, function.args[5], function.args[6], gemm.VECTORS), totals, strict=True):
    for place, total in zip(address, row, strict=True):
        gemm.store(b, total, place)
b.ret_void()
machine = llvm.Target.from_triple(triple).create_target_machine(cpu=cpu, features=named, opt=3)
text = machine.emit_assembly(llvm.parse_assembly(str(module)))
print(sum(any(word.startswith(wanted) for word in line.split()[:2]) for line in text.splitlines()), byte_products.STEPS)
"""


@pytest.mark.parametrize(
    ("triple", "cpu", "features", "instruction", "steps"),
    [
        ("x86_64-unknown-linux-gnu", "x86-64-v3", "+avx2,+fma", "vpmaddubsw", 4),
        ("x86_64-unknown-linux-gnu", "alderlake", "+avx2,+avxvnni", "vpdpbusd", 1),
        ("x86_64-unknown-linux-gnu", "skylake-avx512", "+avx2,+avx512f,+avx512bw,+avx512vl,+avx512dq", "vpmaddubsw", 4),
        ("x86_64-unknown-linux-gnu", "icelake-server", "+avx2,+avx512f,+avx512bw,+avx512vl,+avx512vnni", "vpdpbusd", 1),
        ("aarch64-unknown-linux-gnu", "neoverse-n1", "+neon,+dotprod", "sdot", 1),
        ("aarch64-unknown-linux-gnu", "neoverse-v1", "+neon,+dotprod,+i8mm", "usdot", 1),
        ("arm64-apple-macosx14.0.0", "apple-m1", "+neon,+dotprod", "sdot", 1),
    ],
)
def test_other_processors_get_their_own_instructions(triple, cpu, features, instruction, steps):
    call = [sys.executable, "-c", _COMPILE, triple, cpu, features, instruction]
    done = subprocess.run(call, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    found, in_16_bits = map(int, done.stdout.split())
    assert found >= gemm.ROWS
    assert in_16_bits == steps


def test_the_way_of_this_processor():
    if level() == "generic":
        assert byte_products.STEPS == 1
    if level() == "avx2":
        assert byte_products.STEPS == 4
        assert byte_products.HAS_PAIRS
