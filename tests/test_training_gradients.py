"""Texts without padding, batches in portions, token vectors row by row: the same gradients as done plainly."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from semspace.training.embedding_table import EmbeddingTable
from semspace.training.grad_cache import backward
from semspace.training.objectives import MultipleNegatives
from semspace.training.packing import Packing
from semspace.training.student import micro_batches
from tests.conftest import make_tiny_model
from tests.teaching import batch_of, pairs, student, trainer, weights, weights_in

TEXTS = [
    "a",
    "b c d e f g h i j k l m n o p q",
    "hello there",
    "",
    "x y",
    "hello there you",
    "a",
    "four words are here",
]


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    """Tiny models of several families and poolings, each made once."""
    made = {}

    def folder(family="bert", pooling="mean"):
        if (family, pooling) not in made:
            place = tmp_path_factory.mktemp("models") / f"{family}-{pooling}"
            made[family, pooling] = make_tiny_model(place, family=family, pooling=pooling)
        return made[family, pooling]

    return folder


def rows_of(learner, texts=TEXTS):
    return learner.split_rows(learner.tokenizer.read(list(texts)))


def gradients_of(learner):
    found = [one.grad.clone() for one in learner.weights if one.grad is not None]
    found += [one.grad.clone() for one in learner.embeddings.parameters]
    learner.model.zero_grad()
    return found


def vectors_and_gradients(learner, rows):
    """Vectors of texts, and what a loss that cares for each number of them differently tells all weights."""
    learner.model.eval()
    learner.embeddings.select(np.concatenate(rows))
    vectors = learner.forward(rows)
    care = torch.linspace(-1, 1, vectors.numel()).reshape(vectors.shape)
    (vectors * care).sum().backward()
    return vectors.detach(), gradients_of(learner)


def near(a, b, within=1e-5):
    return len(a) == len(b) and all(
        float((x - y).abs().max()) <= within * max(1.0, float(y.abs().max())) for x, y in zip(a, b, strict=True)
    )


# -- without padding --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("pooling", ["mean", "cls", "max"])
@pytest.mark.parametrize("family", ["bert", "distilbert", "roberta"])
def test_without_padding_vectors_and_gradients_are_the_same(folders, family, pooling):
    learner = student(folders(family, pooling))
    assert learner.is_packed
    for order in (np.arange(8), np.random.default_rng(0).permutation(8)):
        rows = rows_of(learner, [TEXTS[i] for i in order])
        learner.is_packed = True
        packed, gradients = vectors_and_gradients(learner, rows)
        learner.model.set_attn_implementation("sdpa")
        learner.is_packed = False
        padded, others = vectors_and_gradients(learner, rows)
        learner.model.set_attn_implementation("semspace_packed")
        assert near([packed], [padded])
        assert near(gradients, others)


@pytest.mark.parametrize("pooling", ["mean", "cls", "max"])
def test_vectors_are_those_of_transformers_with_padding_by_hand(folders, pooling):
    """One text at a time has no padding at all, whoever runs it."""
    import transformers

    folder = folders("bert", pooling)
    learner = student(folder)
    model = transformers.AutoModel.from_pretrained(folder).eval()
    rows = rows_of(learner)
    with torch.no_grad():
        found = learner.forward(rows)
        for vector, row in zip(found, rows, strict=True):
            states = model(input_ids=torch.from_numpy(row.astype(np.int64))[None]).last_hidden_state[0]
            expected = {"mean": states.mean(dim=0), "cls": states[0], "max": states.amax(dim=0)}[pooling]
            assert near([vector], [expected])


def test_a_model_whose_attention_cannot_be_packed_is_padded_and_learns(folders):
    folder = folders("mpnet")
    learner = student(folder)
    assert not learner.is_packed
    history = trainer(folder, epochs=3, learning_rate=3e-3).train(pairs(), progress=False).history
    assert history[-1].loss < history[1].loss


def test_a_model_that_gives_other_vectors_without_padding_is_padded(folders, monkeypatch):
    """As one whose positions aren't given by position_ids would be."""
    from semspace.training import student as home

    monkeypatch.setattr(home, "_first_position", lambda config: 1)
    learner = student(folders())
    assert not learner.is_packed
    assert learner.model.config._attn_implementation != "semspace_packed"


@given(lengths=st.lists(st.integers(1, 40), min_size=1, max_size=30).map(sorted))
def test_blocks_hold_every_token_once_and_are_mostly_filled(lengths):
    packing = Packing.from_lengths(np.array(lengths))
    assert sum(block.n_texts for block in packing.blocks) == len(lengths)
    assert [block.first for block in packing.blocks[1:]] == [block.last for block in packing.blocks[:-1]]
    for block in packing.blocks:
        tokens = block.last - block.first
        assert len(set(block.slots.tolist())) == tokens <= block.n_texts * block.max_length
        assert block.n_texts * block.max_length <= 1.25 * tokens or block.n_texts == 1
        assert tokens == block.n_texts * block.max_length if block.mask is None else int(block.mask.sum())
    assert packing.positions.tolist() == [i for length in lengths for i in range(length)]


@given(lengths=st.lists(st.integers(1, 40), min_size=1, max_size=30), most=st.integers(1, 100))
def test_portions_are_all_texts_in_order_and_none_is_too_large(lengths, most):
    found = list(micro_batches([np.zeros(length) for length in lengths], most))
    assert [i for part in found for i in range(len(lengths))[part]] == list(range(len(lengths)))
    assert all(sum(lengths[part]) <= most or len(lengths[part]) == 1 for part in found)


@pytest.mark.parametrize("family", ["bert", "distilbert", "mpnet", "roberta"])
def test_without_dropout_learning_and_judging_give_the_same_vectors(folders, family):
    learner = student(folders(family), dropout=0.0)
    rows = rows_of(learner)
    with torch.no_grad():
        learner.model.train()
        learning = learner.forward(rows)
        with learner.eval_mode():
            assert torch.equal(learning, learner.forward(rows))
        assert learner.model.training
        other = student(folders(family), dropout=0.5)
        other.model.train()
        assert float((other.forward(rows) - learning).abs().max()) > 0.01


# -- in portions ------------------------------------------------------------------------------------------------


def pairs_batch(learner):
    rows = rows_of(learner)
    batch = batch_of(np.arange(8).reshape(4, 2))
    return batch.__class__(batch.examples, rows)


@pytest.mark.parametrize("most", [1, 12, 30])
def test_gradients_in_portions_are_those_at_once(folders, most):
    learner = student(folders(), dropout=0.0)
    batch = pairs_batch(learner)
    found = []
    for tokens in (10_000, most):
        learner.embeddings.select(np.concatenate(batch.tokens))
        loss = backward(learner, batch, lambda vectors: MultipleNegatives().loss(vectors, batch, None), tokens)
        found.append((loss, gradients_of(learner)))
    (loss, gradients), (other, others) = found
    assert other == pytest.approx(loss, abs=1e-5)
    assert near(others, gradients)
    assert any(float(one.abs().max()) > 1e-3 for one in gradients)


def test_dropout_is_the_same_in_both_passes_of_a_portion(folders):
    """As if all portions had kept what they need: encoded one after the other, with gradients."""
    learner = student(folders())
    learner.model.train()
    batch, most = pairs_batch(learner), 20
    learner.embeddings.select(np.concatenate(batch.tokens))
    torch.manual_seed(5)
    loss = backward(learner, batch, lambda vectors: MultipleNegatives().loss(vectors, batch, None), most)
    after = torch.rand(1)
    gradients = gradients_of(learner)

    learner.embeddings.select(np.concatenate(batch.tokens))
    torch.manual_seed(5)
    order = np.argsort([len(row) for row in batch.tokens], kind="stable")
    parts = [order[part] for part in micro_batches([batch.tokens[i] for i in order], most)]
    assert len(parts) > 2
    vectors = torch.cat([learner.forward([batch.tokens[i] for i in part]) for part in parts])
    kept = MultipleNegatives().loss(vectors[np.argsort(np.concatenate(parts))], batch, None)
    kept.backward()
    assert loss == pytest.approx(float(kept.detach()), abs=1e-6)
    assert near(gradients, gradients_of(learner))
    assert torch.equal(torch.rand(1), after)  # what is drawn next doesn't depend on the second pass


# -- token vectors ----------------------------------------------------------------------------------------------


def step(table, tokens, care, rate=0.1):
    """One step of a loss that is the sum of the tokens' vectors, each times what it is cared for."""
    tokens = np.array(tokens, np.int32)
    table.select(tokens)
    (table.lookup(torch.from_numpy(tokens.astype(np.int64))) * care).sum().backward()
    table.step(rate, (0.9, 0.999), 1e-8)


@hypothesis_settings(max_examples=20)
@given(seed=st.integers(0, 1000), steps=st.integers(1, 6))
def test_rows_that_come_at_every_step_move_as_adam_moves_them(seed, steps):
    draw = torch.Generator().manual_seed(seed)
    first = torch.randn(4, 3, generator=draw)
    table, theirs = EmbeddingTable(first.clone(), frozen=False), first.clone().requires_grad_()
    adam = torch.optim.Adam([theirs], lr=0.1)
    for _ in range(steps):
        tokens = [0, 1, 2, 3, 1]  # one of them twice
        care = torch.randn(5, 3, generator=draw)
        step(table, tokens, care)
        adam.zero_grad()
        (theirs[tokens] * care).sum().backward()
        adam.step()
    assert near([table.weight], [theirs.detach()], 1e-5)


def test_a_row_moves_only_when_it_comes_and_then_as_if_no_other_step_had_been():
    weight = torch.zeros(5, 2)
    table, alone = EmbeddingTable(weight, frozen=False), EmbeddingTable(torch.zeros(5, 2), frozen=False)
    step(table, [1], torch.tensor([[1.0, -2.0]]))
    step(alone, [1], torch.tensor([[1.0, -2.0]]))
    moved = weight[1].clone()
    assert moved.tolist() == pytest.approx(
        [-0.1, 0.1], abs=1e-5
    )  # Adam's first step is the rate, whatever the gradient
    for _ in range(3):
        step(table, [2, 3], torch.ones(2, 2))
        assert torch.equal(weight[1], moved)
    step(table, [1], torch.tensor([[0.5, 0.5]]))
    step(alone, [1], torch.tensor([[0.5, 0.5]]))
    assert torch.equal(table.weight[1], alone.weight[1])
    assert weight[[0, 4]].abs().sum() == 0
    assert table.steps.tolist() == [0, 2, 3, 3, 0]


def test_a_frozen_table_gets_no_gradient_and_keeps_no_moments():
    table = EmbeddingTable(torch.ones(3, 2), frozen=True)
    table.select(np.array([0, 2], np.int32))
    assert table.parameters == []
    assert not table.lookup(torch.tensor([0, 2])).requires_grad
    table.step(0.1, (0.9, 0.999), 1e-8)
    assert (table.weight == 1).all()
    assert table.first_moment.numel() == 0


def test_frozen_token_vectors_stay_while_all_else_learns(folders):
    before = weights_in(folders())
    after = weights(trainer(folders(), freeze_embeddings=True).train(pairs(), progress=False))
    moved = {name for name, value in before.items() if (after[name] != value).any()}
    assert moved.isdisjoint({"embeddings.word_embeddings.weight", "pooler.dense.weight", "pooler.dense.bias"})
    assert moved >= {"embeddings.position_embeddings.weight", "encoder.layer.0.attention.self.query.weight"}
