"""One text without the kernels: numpy gives what they give, nothing is compiled, and what was hashed is remembered."""

import os
import subprocess
import sys
import time

import numpy as np
import pytest

import semspace as ss
from semspace import remembered
from semspace.errors import DamagedError, InputError
from semspace.sentences import kernel_runtime, numpy_runtime
from semspace.sentences.lazy_encoder import EncoderReference, for_one_text
from tests.conftest import make_tiny_model

TEXTS = ["a cat", "the quick brown fox jumps over it", "x", "many words " * 40, "42 — élan"]
STATES = np.array([[9, 9], [1, -2], [3, 6]], np.float32)


@pytest.mark.parametrize("family", ["bert", "distilbert", "mpnet", "roberta"])
def test_numpy_gives_what_the_kernels_and_torch_give(tmp_path, family):
    folder = make_tiny_model(tmp_path / family, family=family, hidden=128, longest=64)
    encoder, reference = (ss.Encoder.load(folder, backend=backend) for backend in ("numpy", "torch"))
    kernels = kernel_runtime.KernelRuntime(encoder.config, "exact", "float32")
    batch = encoder._prepare(TEXTS)
    ours, theirs = (runtime.pooled(batch, lambda _: None) for runtime in (encoder._runtime, kernels))
    scale = np.abs(theirs).max()
    assert np.abs(ours - theirs).max() < 1e-5 * scale
    assert np.abs(ours - reference._runtime.pooled(batch, lambda _: None)).max() < 1e-5 * scale
    assert ours.std(axis=0).max() > 0.05 * scale  # and the texts aren't all alike
    assert (encoder.backend, encoder.implementation) == ("numpy", "float32 in numpy")


def test_the_real_model(minilm):
    numpy, torch = (ss.Encoder.load("all-MiniLM-L6-v2", backend=backend) for backend in ("numpy", "torch"))
    np.testing.assert_allclose(numpy.encode(TEXTS[:3]), torch.encode(TEXTS[:3]), atol=1e-5)
    assert minilm.fingerprint == numpy.fingerprint


@pytest.mark.parametrize(
    ("how", "pooled"),
    [
        ("mean", [2, 2]), ("cls", [1, -2]), ("lasttoken", [3, 6]), ("max", [3, 6]),
        ("mean_sqrt_len_tokens", [4 / 2**0.5, 4 / 2**0.5]), ("weightedmean", [(2 + 9) / 5, (-4 + 18) / 5]),
    ],
)  # fmt: skip
def test_every_pooling_by_hand_without_the_tokens_of_a_prompt(how, pooled):
    np.testing.assert_allclose(numpy_runtime._pool(STATES, how, 1), pooled, rtol=1e-6)


def test_a_vector_is_the_same_in_any_company(small_folder):
    encoder = ss.Encoder.load(small_folder, backend="numpy")
    alone = np.concatenate([encoder.encode([text]) for text in TEXTS[:3]])
    np.testing.assert_array_equal(encoder.encode(TEXTS[:3]), alone)


def test_weights_that_do_not_fit_are_damage(small_folder, monkeypatch):
    take = numpy_runtime.Weights.take
    cut = lambda self, name: take(self, name)[:5] if "layer.1" in name else take(self, name)  # noqa: E731
    monkeypatch.setattr(numpy_runtime.Weights, "take", cut)
    with pytest.raises(DamagedError, match=r"don't fit its config\.json"):
        ss.Encoder.load(small_folder, backend="numpy")


def test_another_architecture_is_refused_and_for_one_text_left_to_the_others(small_folder, monkeypatch):
    monkeypatch.setattr(numpy_runtime.architectures, "reason_unknown", lambda _: "they don't support it")
    with pytest.raises(InputError, match=r"backend 'numpy' runs what the kernels run: they don't support it; use "):
        ss.Encoder.load(small_folder, backend="numpy")
    monkeypatch.setattr("semspace.inference.architectures.reason_unsupported", lambda _: "")
    known = ss.Encoder.load(small_folder)
    assert EncoderReference(str(small_folder), 128, known.fingerprint, one_text=True).opened.backend != "numpy"


def test_only_an_encoder_that_is_not_loaded_is_chosen_for_one_text(small_folder, small):
    reference = EncoderReference(str(small_folder), 128, small.fingerprint)
    one = for_one_text(reference)
    np.testing.assert_allclose(one.encode(["a cat"]), ss.Encoder.load(small_folder, backend="torch").encode(["a cat"]),
                               atol=1e-5)  # fmt: skip
    assert one.opened.backend == "numpy"
    assert for_one_text(small) is small
    assert for_one_text(None) is None


def test_a_search_of_the_shell_loads_neither_numba_nor_pydantic(small, tmp_path):
    space = small.embed(ss.Corpus.from_texts(TEXTS[:3]))
    space.save(tmp_path / "docs.space")
    ss.Index.build(space).save(tmp_path / "docs.index")
    code = (
        "import sys\n"
        "from semspace.cli import main\n"
        "assert main(['search', 'docs.index', 'a cat', '-k', '2']) == 0\n"
        "assert main(['similar', 'docs.space', 'a dog', '-k', '2']) == 0\n"
        "print([name for name in ('numba', 'pydantic', 'scipy', 'torch') if name in sys.modules])"
    )
    ran = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env=os.environ, cwd=tmp_path, check=True
    )
    assert ran.stdout.splitlines()[-1] == "[]"


@pytest.fixture
def large_file(tmp_path, monkeypatch):
    monkeypatch.setenv("SEMSPACE_CACHE", str(tmp_path / "cache"))
    path = tmp_path / "weights"
    path.write_bytes(b"a" * (1 << 20))
    monkeypatch.setattr(remembered, "_SETTLED", -1.0)
    return path


def test_a_digest_is_remembered_until_the_file_changes(large_file, monkeypatch):
    first = remembered.remembered_digest(large_file)
    computed = remembered.file_digest
    monkeypatch.setattr(remembered, "file_digest", lambda _: pytest.fail("hashed again"))
    assert remembered.remembered_digest(large_file) == first
    monkeypatch.setattr(remembered, "file_digest", computed)
    time.sleep(0.02)
    large_file.write_bytes(b"b" * (1 << 20))
    assert remembered.remembered_digest(large_file) == computed(large_file) != first


@pytest.mark.parametrize("content", ["", "f" * 63, "not a digest", "\udcff"])
def test_a_remembered_digest_that_is_none_is_computed_again(large_file, content):
    first = remembered.remembered_digest(large_file)
    [place] = (large_file.parent / "cache").iterdir()
    place.write_bytes(content.encode("utf-8", "surrogateescape"))
    assert remembered.remembered_digest(large_file) == first


def test_a_file_that_has_just_changed_is_not_remembered(large_file, monkeypatch):
    monkeypatch.setattr(remembered, "_SETTLED", 60.0)
    remembered.remembered_digest(large_file)
    assert not (large_file.parent / "cache").exists()


def test_without_a_home_nothing_is_remembered(monkeypatch):
    for name in ("SEMSPACE_CACHE", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)

    def homeless():
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr(remembered.Path, "home", homeless)
    remembered.remember("anything", "1")
    assert remembered.recall("anything") is None
