"""Whether trainings multiply in bfloat16 is a matter of the processor, never of how busy it is."""

import pytest
import torch

from semspace.kernels import compiling
from semspace.training.precision import use_bfloat16


@pytest.fixture
def processor(monkeypatch):
    def has(**features):
        monkeypatch.setattr(compiling, "features", lambda: features)
        monkeypatch.setattr(compiling, "level", lambda: "")
        monkeypatch.setattr(torch.backends.cpu, "get_cpu_capability", lambda: "AVX512")
        monkeypatch.setattr(torch.cuda, "is_available", lambda: False)

    return has


def test_auto_is_what_the_processor_has(processor, monkeypatch):
    processor(avx512bf16=True)
    assert use_bfloat16("auto")
    monkeypatch.setattr(torch.backends.cpu, "get_cpu_capability", lambda: "AVX2")  # ATEN_CPU_CAPABILITY
    assert not use_bfloat16("auto")
    processor(avx512f=True)
    assert not use_bfloat16("auto")
    processor()
    assert not use_bfloat16("auto")


@pytest.mark.parametrize(("level", "expected"), [("avx2", False), ("generic", False), ("avx512", True), ("", True)])
def test_a_narrowed_level_narrows_training_too(processor, monkeypatch, level, expected):
    processor(avx512bf16=True)
    monkeypatch.setattr(compiling, "level", lambda: level)
    assert use_bfloat16("auto") is expected


def test_what_is_asked_for_is_used(processor):
    processor()
    assert use_bfloat16("bfloat16")
    assert not use_bfloat16("float32")
