"""Fixtures that many tests share. No test reaches the network: a socket that leaves the machine raises."""

import gc
import io
import json
import os
import socket
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import settings

import semspace as ss
from semspace import cli
from tests.remembered import remembered_vectors

# A busy machine fails no test, and `make test` draws the same examples each time; `make draws` draws others.
settings.register_profile("random", deadline=None)
settings.register_profile("semspace", settings.get_profile("random"), derandomize=True)
settings.load_profile("semspace")

LOOPBACK = ("127.0.0.1", "::1", "localhost")


def pytest_addoption(parser):
    parser.addoption(
        "--as-if-avx512",
        action="store_true",
        help="take the ways of a processor with AVX-512, VNNI and bfloat16, in operations that every processor has",
    )
    parser.addoption("--whole", action="store_true", help="run the notebooks on all their data")


def pytest_configure(config):
    if not config.getoption("--as-if-avx512"):
        return
    os.environ["NUMBA_CACHE_DIR"] = str(config.rootpath / ".pytest_cache" / "as-if-avx512")  # it's other code
    os.environ["SEMSPACE_COMPILED_CODE"] = "off"
    from semspace.kernels import (
        byte_products,  # what the instructions are is settled by now; only the ways change
        compiling,
    )

    assert not byte_products.HAS_DOT, "this processor has AVX-512; set SEMSPACE_CPU=avx2 to play it"
    true = compiling.features()
    compiling.features = lambda: {**true, **dict.fromkeys(("avx512f", "avx512vnni", "avx512bf16"), True)}
    from semspace.inference import gemm

    assert gemm.VECTORS == 4
    compiling.features = lambda: true

    from semspace.training import precision

    precision.use_bfloat16 = lambda precision: precision != "float32"  # as on a processor that has it


@pytest.hookimpl(wrapper=True)
def pytest_collection():
    """Look for no garbage while tests are collected, nor ever among what is there then: thousands of tests, modules."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


# Files to begin with: the one that compiles all kernels, so that two processes seldom compile the same one, and those
# whose tests take longest, so that none of them is left for one process while the other has nothing to do.
FIRST = ("precompilation", "notebooks", "docs", "projections", "index_between", "demo", "cli")


def pytest_collection_modifyitems(items):
    order = {f"test_{name}": place for place, name in enumerate(FIRST)}
    items.sort(key=lambda item: order.get(item.path.stem, len(order)))


@pytest.fixture(autouse=True, scope="session")
def no_network(tmp_path_factory):
    connect = socket.socket.connect

    def guarded(self, address):
        if self.family in (socket.AF_INET, socket.AF_INET6) and address[0] not in LOOPBACK:
            raise OSError(f"a test tried to reach {address}")
        return connect(self, address)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(socket.socket, "connect", guarded)
        patch.setenv("HF_HUB_OFFLINE", "1")
        patch.setenv("SEMSPACE_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture
def space():
    """Six points in the plane: three about the x axis, three about the y axis."""
    ids = ["cat", "dog", "horse", "car", "bus", "train"]
    vectors = [[1, 0.1], [1, 0.2], [0.9, 0.0], [0.1, 1], [0.2, 1.1], [0.0, 0.8]]
    return ss.Space.from_vectors(ids, vectors, {"kind": ["animal"] * 3 + ["vehicle"] * 3, "year": [1, 2, 3, 4, 5, 6]})


@pytest.fixture
def corpus():
    texts = ["the cat sat on the mat", "a dog barked at the cat", "ships sail the sea", "the sea is deep and blue"]
    return ss.Corpus.from_texts(texts, ids=["a", "b", "c", "d"])


@pytest.fixture(scope="session")
def tiny_folder(tmp_path_factory):
    """A transformer of one small layer with random weights, in sentence-transformers' layout."""
    return make_tiny_model(tmp_path_factory.mktemp("models") / "tiny")


@pytest.fixture(autouse=True, scope="session")
def no_notice_of_compilation():
    """Whether kernels are in the cache already changes nothing that a test reads on stderr."""
    from semspace.kernels import first_call

    with first_call.announced():
        yield


@pytest.fixture
def run(capsys, tiny_folder, monkeypatch):
    """Run a command of the shell in this process; give its exit code, what it printed, and what it complained of."""

    def command(*arguments, stdin=None):
        if stdin is not None:
            monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin.encode())))
        code = cli.main([str(a).replace("TINY", str(tiny_folder)) for a in arguments])
        out, err = capsys.readouterr()
        return code, out, err

    return command


@pytest.fixture(scope="session")
def tiny(tiny_folder):
    return ss.Encoder.load(tiny_folder)


@pytest.fixture(scope="session")
def minilm():
    """The real all-MiniLM-L6-v2, from an installed package."""
    return ss.Encoder.load("all-MiniLM-L6-v2")


@pytest.fixture
def remembered():
    """Vectors of texts that such a test has had computed aren't computed again."""
    with remembered_vectors():
        yield


@pytest.fixture(scope="session")
def small_folder(tmp_path_factory):
    """A transformer with random weights that is wide enough for the kernels."""
    return make_tiny_model(tmp_path_factory.mktemp("models") / "small", hidden=128, longest=64)


@pytest.fixture(scope="session")
def small(small_folder):
    return ss.Encoder.load(small_folder)


def make_tiny_model(
    folder: Path, *, seed: int = 0, pooling: str = "mean", family: str = "bert", hidden: int = 16, longest: int = 16
) -> Path:
    import torch
    import transformers
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors

    letters = "abcdefghijklmnopqrstuvwxyz0123456789"
    pieces = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", *letters, *(f"##{c}" for c in letters)]
    if family in ("mpnet", "roberta"):  # their padding is token 1
        pieces[:2] = pieces[1::-1]
    vocabulary = {piece: i for i, piece in enumerate(pieces)}
    tokenizer = Tokenizer(models.WordPiece(vocabulary, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer()
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.post_processor = processors.TemplateProcessing("[CLS] $A [SEP]", None, [("[CLS]", 2), ("[SEP]", 3)])
    torch.manual_seed(seed)
    kind = {"bert": "Bert", "distilbert": "DistilBert", "mpnet": "MPNet", "roberta": "Roberta"}[family]
    sizes = {"hidden_size": hidden, "num_hidden_layers": 1 + hidden // 64, "num_attention_heads": max(hidden // 32, 2)}
    if family == "distilbert":
        sizes = dict(zip(("dim", "n_layers", "n_heads"), sizes.values(), strict=True))
    config = getattr(transformers, f"{kind}Config")(
        vocab_size=len(pieces),
        **sizes,
        **{"hidden_dim" if family == "distilbert" else "intermediate_size": 2 * hidden},
        max_position_embeddings=2 * longest + (2 if family in ("mpnet", "roberta") else 0),
        pad_token_id=vocabulary["[PAD]"],
    )
    model = getattr(transformers, f"{kind}Model")(config)
    for name, weights in model.named_parameters():  # as they are made, norms and biases do nothing
        if weights.ndim == 1:
            torch.nn.init.normal_(weights, 1.0 if "weight" in name else 0.0, 0.1)
        elif hidden > 16:
            torch.nn.init.normal_(weights, 0.0, 0.1)
    model.save_pretrained(folder)
    tokenizer.save(str(folder / "tokenizer.json"))
    (folder / "1_Pooling").mkdir()
    kinds = {"mean": "mean_tokens", "cls": "cls_token", "max": "max_tokens"}
    flags = {f"pooling_mode_{flag}": name == pooling for name, flag in kinds.items()}
    _write(folder / "1_Pooling" / "config.json", {"word_embedding_dimension": hidden, **flags})
    _write(
        folder / "modules.json",
        [
            {"idx": 0, "name": "0", "path": "", "type": "sentence_transformers.models.Transformer"},
            {"idx": 1, "name": "1", "path": "1_Pooling", "type": "sentence_transformers.models.Pooling"},
            {"idx": 2, "name": "2", "path": "2_Normalize", "type": "sentence_transformers.models.Normalize"},
        ],
    )
    _write(folder / "sentence_bert_config.json", {"max_seq_length": longest, "do_lower_case": False})
    return folder


def _write(path: Path, value: object) -> None:
    path.write_text(json.dumps(value), encoding="utf-8")


def random_space(n: int, dim: int, seed: int = 0) -> ss.Space:
    draw = np.random.default_rng(seed)
    return ss.Space.from_vectors([f"p{i}" for i in range(n)], draw.normal(size=(n, dim)).astype(np.float32))
