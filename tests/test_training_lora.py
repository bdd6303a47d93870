"""LoRA: what is trained is of low rank, begins as the base, and is added to the weights that are saved."""

import json

import numpy as np
import pytest
import torch

import semspace as ss
from semspace.errors import InputError
from semspace.training.lora import add_lora, merge_lora
from tests.conftest import make_tiny_model
from tests.teaching import pairs, same, student, trainer, weights, weights_in


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return make_tiny_model(tmp_path_factory.mktemp("models") / "bert")


def written(encoder):
    """The hyper-parameters as the folder tells them."""
    return json.loads((encoder.config.folder / "training.json").read_text())["trainer"]


def test_a_layer_computes_its_weight_and_twice_the_product():
    layer = torch.nn.Linear(3, 2, bias=False)
    with torch.no_grad():
        layer.weight.copy_(torch.tensor([[1.0, 2, 3], [4, 5, 6]]))
    model = torch.nn.Sequential(layer)
    add_lora(model, 1)
    matrices = layer.parametrizations.weight[0]
    with torch.no_grad():
        matrices.A.copy_(torch.tensor([[1.0, 0, -1]]))
        matrices.B.copy_(torch.tensor([[10.0], [1]]))
    expected = torch.tensor([[21.0, 2, -17], [6, 5, 4]])
    assert torch.equal(layer(torch.eye(3)).T, expected)
    merge_lora(model)
    assert torch.equal(layer.weight, expected)
    assert list(model.state_dict()) == ["0.weight"]


def test_before_any_step_vectors_are_those_of_the_base(folder):
    texts = ["hello there", "a b c"]
    plain, adapted = student(folder), student(folder, lora_rank=4, freeze_embeddings=True)
    np.testing.assert_array_equal(adapted.encode(texts), plain.encode(texts))
    assert {len(weight.shape) for weight in adapted.weights} == {2}
    assert {min(weight.shape) for weight in adapted.weights} == {4}


def test_what_training_adds_has_the_rank_and_all_else_stays(folder):
    before = weights_in(folder)
    encoder = trainer(folder, lora_rank=2, epochs=6, learning_rate=1e-2).train(pairs(), progress=False)
    after = weights(encoder)
    assert set(after) == set(before)
    moved = {name for name, value in before.items() if (after[name] != value).any()}
    query = "encoder.layer.0.attention.self.query.weight"
    assert query in moved
    assert all(before[name].ndim == 2 and "embeddings" not in name and "pooler" not in name for name in moved)
    for name in moved:
        values = np.linalg.svd(after[name].astype(float) - before[name], compute_uv=False)
        assert values[2] < 1e-5 * values[0]  # rounding to float32
    rows = encoder.history.rows
    assert rows[-1].loss < rows[1].loss
    assert written(encoder)["lora_rank"] == 2


def test_a_rank_beyond_the_dimensions_is_refused(folder):
    with pytest.raises(InputError, match="lora_rank must be a whole number from 1 to 16; got 17"):
        trainer(folder, lora_rank=17).train(pairs(), progress=False)


def test_what_was_drawn_in_this_process_before_makes_no_difference(folder):
    """The first matrices were drawn from torch's generator as it happened to be; `make torture` found it."""
    torch.manual_seed(1)
    first = trainer(folder, lora_rank=2).train(pairs(), progress=False)
    torch.manual_seed(2)
    drawn = torch.random.get_rng_state()
    assert same(first, trainer(folder, lora_rank=2).train(pairs(), progress=False))
    assert torch.equal(torch.random.get_rng_state(), drawn)  # and it is left as it was
    assert not same(first, trainer(folder, lora_rank=2, seed=7).train(pairs(), progress=False))


def test_the_rate_is_higher_by_default(folder):
    texts = pairs()
    encoders = {
        rank: ss.EncoderTrainer(base=folder, batch_size=8, lora_rank=rank).train(texts, progress=False)
        for rank in (None, 2)
    }
    rates = {rank: written(encoder)["learning_rate"] for rank, encoder in encoders.items()}
    assert rates == {None: 2e-5, 2: 1e-3}


def test_the_folder_opens_in_sentence_transformers(folder, tmp_path):
    library = pytest.importorskip("sentence_transformers")
    encoder = trainer(folder, lora_rank=2).train(pairs(), out=tmp_path / "encoder", progress=False)
    texts = ["hello there", "a b c"]
    theirs = library.SentenceTransformer(str(tmp_path / "encoder"), device="cpu").encode(texts)
    np.testing.assert_allclose(encoder.encode(texts), theirs, atol=1e-5)
