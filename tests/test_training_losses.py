"""The losses that encoders learn by, against values worked out by hand and against sentence-transformers' own."""

from dataclasses import replace

import numpy as np
import pytest
import torch

import semspace as ss
from semspace.training import CoSENT, MultipleNegatives, SupervisedContrastive
from semspace.training.examples import Examples
from semspace.training.objectives import as_objective
from tests.teaching import batch_of


def random_vectors(n, dim=5, seed=0):
    return np.random.default_rng(seed).normal(size=(n, dim)).astype(np.float32)


def loss_of(objective, vectors, batch):
    return float(objective.loss(torch.from_numpy(vectors), batch, None))


def unit(vectors):
    return vectors / np.linalg.norm(vectors, axis=-1, keepdims=True)


def entropy(logits, right):
    """Mean of -log of the share that the right candidate has, by hand; -inf bars a candidate."""
    shares = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    return float(-np.log(shares[np.arange(len(right)), right]).mean())


def test_multiple_negatives_by_hand():
    """Two pairs at right angles and scale 1: each finds its partner with the share e / (e + 1)."""
    vectors = np.array([[1, 0], [2, 0], [0, 1], [0, 3]], np.float32)
    found = loss_of(MultipleNegatives(scale=1.0), vectors, batch_of([[0, 1], [2, 3]]))
    assert found == pytest.approx(np.log(1 + 1 / np.e), abs=1e-6)


@pytest.mark.parametrize("symmetric", [False, True])
@pytest.mark.filterwarnings("ignore:The MultipleNegativesSymmetricRankingLoss is deprecated")
def test_multiple_negatives_as_in_sentence_transformers(symmetric):
    from sentence_transformers.sentence_transformer import losses

    vectors = random_vectors(24)
    theirs = getattr(losses, f"MultipleNegatives{'Symmetric' * symmetric}RankingLoss")(None, scale=15.0)
    parts = [torch.from_numpy(vectors[i::2]) for i in range(2)]
    batch = batch_of(np.arange(24).reshape(12, 2))
    ours = loss_of(MultipleNegatives(scale=15.0, symmetric=symmetric), vectors, batch)
    assert ours == pytest.approx(float(theirs.compute_loss_from_embeddings(parts, None)), abs=1e-5)


def test_negatives_as_in_sentence_transformers():
    from sentence_transformers.sentence_transformer import losses

    vectors = random_vectors(24)
    parts = [torch.from_numpy(vectors[i::3]) for i in range(3)]
    theirs = losses.MultipleNegativesRankingLoss(None).compute_loss_from_embeddings(parts, None)
    ours = loss_of(MultipleNegatives(), vectors, batch_of(np.arange(24).reshape(8, 3)))
    assert ours == pytest.approx(float(theirs), abs=1e-5)


def test_a_missing_negative_is_no_candidate():
    vectors = random_vectors(5)
    asked, given = unit(vectors[[0, 3]]), unit(vectors[[1, 4, 2]])  # a, b, c of the first row, then a, b of the second
    expected = entropy(asked @ given.T * 20, np.arange(2))
    assert loss_of(MultipleNegatives(), vectors, batch_of([[0, 1, 2], [3, 4, -1]])) == pytest.approx(expected, abs=1e-5)


def test_known_partners_and_the_text_itself_are_no_negatives():
    """Text 0 goes with 1 in this batch and with 3 elsewhere; its negative is itself, and 4's is 4's partner."""
    everything = Examples([str(i) for i in range(6)], np.array([[0, 1, 0], [2, 3, 5], [4, 5, 5], [0, 3, -1]], np.int32))
    batch = batch_of([[0, 1, 0], [2, 3, 5], [4, 5, 5]])
    batch = replace(batch, examples=everything.take(np.arange(3)))
    vectors = random_vectors(9)
    asked, given = unit(vectors[0::3]), unit(np.concatenate([vectors[1::3], vectors[2::3]]))
    logits = asked @ given.T * 20
    #                columns: 1  3  5  0  5  5
    barred = np.array([[0, 1, 0, 1, 0, 0], [0, 0, 0, 0, 0, 0], [0, 0, 0, 0, 1, 1]], bool)
    expected = entropy(np.where(barred, -np.inf, logits), np.arange(3))
    assert loss_of(MultipleNegatives(), vectors, batch) == pytest.approx(expected, abs=1e-5)


def test_the_same_pair_twice_in_a_batch_is_not_its_own_negative():
    vectors = random_vectors(3)[[0, 1, 0, 1, 2, 2]]
    batch = batch_of([[0, 1], [0, 1], [2, 3]])
    logits = unit(vectors[0::2]) @ unit(vectors[1::2]).T * 20
    barred = np.array([[0, 1, 0], [1, 0, 0], [0, 0, 0]], bool)
    assert loss_of(MultipleNegatives(), vectors, batch) == pytest.approx(
        entropy(np.where(barred, -np.inf, logits), np.arange(3)), abs=1e-5
    )


def test_symmetric_is_the_mean_of_both_ways_by_hand():
    vectors = random_vectors(7)
    batch = batch_of([[0, 1, 6], [2, 3, -1], [4, 5, -1]])
    asked, given = unit(vectors[[0, 3, 5]]), unit(vectors[[1, 4, 6, 2]])
    there, back = asked @ given.T * 20, given[:3] @ asked.T * 20
    expected = (entropy(there, np.arange(3)) + entropy(back, np.arange(3))) / 2
    assert loss_of(MultipleNegatives(symmetric=True), vectors, batch) == pytest.approx(expected, abs=1e-5)


def test_cosent_by_hand():
    """Three pairs; only two orders of the three are given, since two pairs have one score."""
    vectors = random_vectors(6)
    known = np.array([2.0, 1.0, 1.0])
    cosines = (unit(vectors[0::2]) * unit(vectors[1::2])).sum(axis=1) * 10
    expected = np.log(1 + np.exp(cosines[1] - cosines[0]) + np.exp(cosines[2] - cosines[0]))
    batch = batch_of(np.arange(6).reshape(3, 2), known)
    assert loss_of(CoSENT(scale=10.0), vectors, batch) == pytest.approx(expected, abs=1e-5)


def test_cosent_as_in_sentence_transformers():
    from sentence_transformers.sentence_transformer import losses

    vectors = random_vectors(40)
    known = np.random.default_rng(1).integers(4, size=20).astype(float)
    parts = [torch.from_numpy(vectors[i::2]) for i in range(2)]
    theirs = losses.CoSENTLoss(None).compute_loss_from_embeddings(parts, torch.from_numpy(known))
    ours = loss_of(CoSENT(), vectors, batch_of(np.arange(40).reshape(20, 2), known))
    assert ours == pytest.approx(float(theirs), abs=1e-4)


def test_only_the_order_of_scores_counts():
    vectors, rows = random_vectors(16), np.arange(16).reshape(8, 2)
    known = np.arange(8.0)
    a, b = (loss_of(CoSENT(), vectors, batch_of(rows, scores)) for scores in (known, np.exp(known)))
    assert a == b


def test_a_batch_without_an_order_moves_nothing():
    vectors = torch.from_numpy(random_vectors(4)).requires_grad_()
    loss = CoSENT().loss(vectors, batch_of([[0, 1], [2, 3]], np.ones(2)), None)
    loss.backward()
    assert (float(loss.detach()), float(vectors.grad.abs().max())) == (0.0, 0.0)


def test_supervised_contrastive_is_equation_2():
    """Khosla et al.: minus the mean over the positives of log exp(z_i z_p / t) / sum over a other than i."""
    vectors = random_vectors(6)
    labels = np.array([0, 0, 0, 1, 1, 2])  # the last has no other of its own: it counts as one to be far from only
    found = unit(vectors.astype(np.float64))
    terms = []
    for i in range(5):
        others = [a for a in range(6) if a != i]
        below = sum(np.exp(found[i] @ found[a] / 0.5) for a in others)
        own = [p for p in others if labels[p] == labels[i]]
        terms.append(-np.mean([np.log(np.exp(found[i] @ found[p] / 0.5) / below) for p in own]))
    batch = batch_of(np.arange(6)[:, None], labels)
    ours = loss_of(SupervisedContrastive(temperature=0.5), vectors, batch)
    assert ours == pytest.approx(np.mean(terms), abs=1e-5)


def test_supervised_contrastive_has_gradients_that_are_numbers():
    vectors = torch.from_numpy(random_vectors(4)).requires_grad_()
    for labels in ([0, 0, 1, 1], [0, 1, 2, 3]):
        vectors.grad = None
        SupervisedContrastive().loss(vectors, batch_of(np.arange(4)[:, None], np.array(labels)), None).backward()
        assert torch.isfinite(vectors.grad).all()
        assert bool((vectors.grad != 0).any()) == (len(set(labels)) == 2)


@pytest.mark.parametrize("size", [2, 3, 4, 8, 31, 200])
@pytest.mark.parametrize("n", [5, 24, 57])
def test_batches_of_labels_hold_every_document_once_and_labels_in_pairs(n, size):
    labels = np.arange(n) % 3
    examples = Examples([str(i) for i in range(n)], np.arange(n, dtype=np.int32)[:, None], labels)
    dealt = SupervisedContrastive().batches(examples, size, np.random.default_rng(0))
    assert sorted(np.concatenate(dealt).tolist()) == list(range(n))
    assert all(len(batch) >= min(n, 4) for batch in dealt)
    alone = sum((np.bincount(labels[batch]) == 1).sum() for batch in dealt)
    assert alone <= 2 * 3 + 2 * len(dealt) * (n % 2)  # where a label's last has no other


@pytest.mark.parametrize("objective", ["pairs", "scored", "simcse"])
def test_batches_hold_every_example_once_and_are_of_one_size(objective):
    examples = Examples([str(i) for i in range(50)], np.arange(50, dtype=np.int32)[:, None])
    aim = as_objective(objective)
    dealt = aim.batches(examples, 8, np.random.default_rng(0))
    assert sorted(np.concatenate(dealt).tolist()) == list(range(50))
    assert {len(batch) for batch in dealt} <= {7, 8}
    again = aim.batches(examples, 8, np.random.default_rng(0))
    assert all((a == b).all() for a, b in zip(dealt, again, strict=True))


@pytest.mark.parametrize(
    "wrong",
    [{"scale": 0}, {"hard_negatives": -1}, {"margin": 0.0}, {"margin": 1.5}, {"symmetric": 1}, {"refresh": "yes"}],
)
def test_parameters_of_an_objective_are_checked(wrong):
    with pytest.raises(ss.SemspaceError, match=f"^{next(iter(wrong))} must be"):
        MultipleNegatives(**wrong)
