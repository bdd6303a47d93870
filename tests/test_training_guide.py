"""A guide against false negatives: masks worked out by hand, sentence-transformers' values, whole trainings."""

import json
from dataclasses import replace
from functools import cache

import numpy as np
import pytest
import torch

import semspace as ss
from semspace.errors import InputError
from semspace.training import MultipleNegatives, SimCSE
from semspace.training.examples import Examples
from semspace.training.grad_cache import backward
from semspace.training.guide import cosine_limits, false_negatives
from semspace.training.loop import TrainingLoop
from tests.conftest import make_tiny_model
from tests.teaching import batch_of, pairs, same, student, trainer


def unit(vectors):
    return (vectors / np.linalg.norm(vectors, axis=-1, keepdims=True)).astype(np.float32)


def random_vectors(n, dim=5, seed=0):
    return np.random.default_rng(seed).normal(size=(n, dim)).astype(np.float32)


def at(*degrees):
    """Vectors of the plane, at these angles."""
    angles = np.deg2rad(degrees)
    return np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32)


def guided(rows, vectors):
    """A batch whose texts have these vectors by the guide, in the order of the texts' numbers."""
    batch = batch_of(rows)
    return replace(batch, examples=replace(batch.examples, guide_vectors=unit(vectors)))


def with_guide(**options):
    """An objective with a guide that isn't asked, since the batch has its vectors already."""
    return MultipleNegatives(guide=words(), **options)


def average(vectors):
    """An encoder of words that has nothing but these."""
    space = ss.Space.from_vectors(list(vectors), np.array(list(vectors.values()), np.float32))
    return ss.WordAverage(space, frequencies="zipf", remove_common=False)


@cache
def words():
    return average({"a": [1, 0], "b": [0, 1]})


def loss_of(objective, vectors, batch):
    return float(objective.loss(torch.from_numpy(vectors), batch, None))


# -- the mask ---------------------------------------------------------------------------------------------------


def test_false_negatives_by_hand():
    """The anchor is at 0 degrees, its partner at 30; candidates at 29, 30, 31 and -30 degrees, and opposite."""
    vectors = at(0, 30, 29, 31, -30, 180)
    found = false_negatives(vectors, np.array([0]), np.array([2, 1, 3, 4, 5]), np.array([np.cos(np.pi / 6)]))
    assert found.tolist() == [[True, True, False, True, False]]


@pytest.mark.parametrize(
    ("cosine", "strategy", "limit"),
    [(0.8, "absolute", 0.7), (0.8, "relative", 0.72), (-0.5, "absolute", -0.6), (-0.5, "relative", -0.55)],
)
def test_a_margin_is_a_difference_or_a_share(cosine, strategy, limit):
    vectors = np.array([[1, 0], [cosine, np.sqrt(1 - cosine**2)]], np.float32)
    assert cosine_limits(vectors, np.array([[0, 1]]), 0.1, strategy) == pytest.approx([limit])


def test_the_loss_by_hand():
    """Two pairs. To the guide, the second pair's partner is nearer to the first anchor than its own partner is."""
    batch = guided([[0, 1], [2, 3]], at(0, 40, 80, 20))
    vectors = random_vectors(4)
    a, p = unit(vectors[0::2]), unit(vectors[1::2])
    # First anchor: its partner is 40 degrees away; p1 (20) is out, a1 (80) stays, p0-p1 (20) is out.
    # Second anchor: its partner is 60 degrees away; p0 (40) is out, a0 (80) stays, p1-p0 (20) is out.
    logits = 7 * np.array([[a[0] @ p[0], a[0] @ a[1]], [a[1] @ p[1], a[1] @ a[0]]])
    expected = np.mean(np.log(np.exp(logits).sum(axis=1)) - logits[:, 0])
    assert loss_of(with_guide(scale=7.0), vectors, batch) == pytest.approx(expected, abs=1e-5)
    alone = with_guide(scale=7.0, contrast_anchors=False)
    assert loss_of(alone, vectors, batch) == pytest.approx(0, abs=1e-6)  # nothing is left to be told apart


def test_the_way_back_has_limits_of_its_own():
    """From its second text, a pair may have other false negatives than from its first."""
    batch = guided([[0, 1], [2, 3]], at(0, 40, 80, 20))
    vectors = random_vectors(4)
    a, p = unit(vectors[0::2]), unit(vectors[1::2])
    objective = with_guide(scale=7.0, symmetric=True, contrast_anchors=False, contrast_positives=False)
    assert loss_of(objective, vectors, batch) == pytest.approx(0, abs=1e-6)  # all barred, both ways
    batch = guided([[0, 1], [2, 3]], at(0, 40, -50, -30))
    # From a0, p1 is nearer (30) than p0 (40): out. From p1, a0 (30) is farther than a1 (20): it stays, as do others.
    there = 7 * np.array([[a[0] @ p[0], -np.inf], [a[1] @ p[1], a[1] @ p[0]]])
    back = 7 * np.array([[p[0] @ a[0], p[0] @ a[1]], [p[1] @ a[1], p[1] @ a[0]]])
    expected = np.mean([np.log(np.exp(one).sum(axis=1)) - one[:, 0] for one in (there, back)])
    assert loss_of(objective, vectors, batch) == pytest.approx(expected, abs=1e-5)


def test_partners_are_known_by_their_text_whatever_the_guide_says():
    """One anchor with two partners in the batch: neither is a negative of the other, though the guide parts them."""
    batch = guided([[0, 1], [0, 2], [3, 4]], at(0, 5, 90, 180, 185))
    vectors = random_vectors(5)[[0, 1, 0, 2, 3, 4]]
    u = unit(random_vectors(5))
    logits = [  # the partner first; row by row, without what the guide or the pairs bar
        [u[0] @ u[1], u[0] @ u[4], u[0] @ u[3], u[1] @ u[4]],
        [u[0] @ u[2], u[0] @ u[4], u[0] @ u[3], u[2] @ u[4]],
        [u[3] @ u[4], u[3] @ u[1], u[3] @ u[2], u[3] @ u[0], u[3] @ u[0], u[4] @ u[1], u[4] @ u[2]],
    ]
    expected = np.mean([np.log(np.exp(np.array(row)).sum()) - row[0] for row in logits])
    assert loss_of(with_guide(scale=1.0), vectors, batch) == pytest.approx(expected, abs=1e-5)


def test_a_text_that_the_guide_reads_as_the_partner_is_no_negative():
    """Two spellings with one vector: exactly as near as the partner, up to rounding."""
    vectors = random_vectors(40, dim=384)
    rows = np.arange(40).reshape(20, 2)
    vectors[3::2] = vectors[1]  # all partners are the first one, in other letters
    objective = with_guide(contrast_anchors=False)
    assert loss_of(objective, random_vectors(40), guided(rows, vectors)) == pytest.approx(0, abs=1e-6)


def test_missing_negatives_are_none_with_a_guide_either():
    vectors = random_vectors(5)
    apart = np.eye(5, dtype=np.float32) + 0.5 * np.eye(5, k=1, dtype=np.float32)
    batch = guided([[0, 1, 2], [3, 4, -1]], apart)
    loss = with_guide().loss(torch.from_numpy(vectors).requires_grad_(), batch, None)
    loss.backward()
    assert np.isfinite(float(loss.detach()))


# -- sentence-transformers --------------------------------------------------------------------------------------


OPTIONS = [
    {},
    {"guide_margin": 0.1},
    {"guide_margin": 0.3, "guide_margin_strategy": "relative"},
    {"contrast_anchors": False},
    {"contrast_positives": False, "guide_margin": 0.05},
]


@pytest.fixture(scope="module")
def peer(tiny_folder):
    from sentence_transformers import SentenceTransformer

    return SentenceTransformer(str(tiny_folder), device="cpu")


@pytest.mark.parametrize("columns", [2, 3])
@pytest.mark.parametrize("options", OPTIONS)
def test_values_and_gradients_are_those_of_sentence_transformers(peer, monkeypatch, options, columns):
    """Of both their losses, on the same vectors of the model and of the guide; a third of the negatives are masked."""
    from sentence_transformers.sentence_transformer import losses
    from sentence_transformers.sentence_transformer.losses import gist_embed

    n = 16
    rows = np.arange(n * columns).reshape(n, columns)
    vectors, by_guide = random_vectors(n * columns), random_vectors(n * columns, seed=1) + 0.3
    theirs_own = {name.removeprefix("guide_"): value for name, value in options.items()}
    own = torch.from_numpy(vectors).requires_grad_()
    given = iter(
        ([own[i::columns] for i in range(columns)], [torch.from_numpy(by_guide[i::columns]) for i in range(columns)])
    )
    monkeypatch.setattr(gist_embed, "embed_columns", lambda *_: next(given))
    theirs = losses.GISTEmbedLoss(peer, peer, temperature=0.05, **theirs_own)([{}] * columns, None)
    theirs.backward()
    gradient, own.grad = own.grad, None
    objective = with_guide(**options)
    ours = objective.loss(own, guided(rows, by_guide), None)
    ours.backward()
    assert float(ours.detach()) == pytest.approx(float(theirs.detach()), abs=1e-5)
    assert float((own.grad - gradient).abs().max()) < 1e-5
    cached = losses.CachedGISTEmbedLoss(peer, peer, temperature=0.05, mini_batch_size=5, **theirs_own)
    parts = [[[torch.from_numpy(one[i::columns])] for i in range(columns)] for one in (vectors, by_guide)]
    assert float(ours.detach()) == pytest.approx(float(cached.calculate_loss(*parts)), abs=1e-5)
    plain = loss_of(MultipleNegatives(), vectors, guided(rows, by_guide))
    assert abs(plain - float(ours.detach())) > 1e-3  # the guide has something to say here


def test_a_tie_is_a_false_negative_here_and_a_negative_there(peer):
    """Two partners in different letters, which a guide that lowers letters reads as one text."""
    from sentence_transformers.sentence_transformer import losses

    by_guide = np.array([[1, 0], [0.6, 0.8], [0, 1], [0.6, 0.8]], np.float32)
    vectors = by_guide.copy()
    options = {"contrast_anchors": False, "contrast_positives": False}
    theirs = losses.CachedGISTEmbedLoss(peer, peer, temperature=0.05, **options)
    parts = [[[torch.from_numpy(one[i::2])] for i in range(2)] for one in (vectors, by_guide)]
    assert float(theirs.calculate_loss(*parts)) == pytest.approx(np.log(2), abs=1e-6)
    objective = with_guide(**options)
    assert loss_of(objective, vectors, guided([[0, 1], [2, 3]], by_guide)) == pytest.approx(0, abs=1e-6)


def test_in_portions_gradients_are_those_of_the_whole_batch(tiny_folder):
    learner = student(tiny_folder, dropout=0.0)
    rows = np.arange(16).reshape(8, 2)
    objective = with_guide()
    texts = [text for pair in pairs(8) for text in pair]
    tokens = learner.split_rows(learner.tokenizer.read(texts))
    batch = replace(guided(rows, random_vectors(16)), tokens=tokens)
    found = []
    for most in (10_000, 40):
        learner.model.zero_grad()
        learner.embeddings.select(np.concatenate(tokens))
        loss = backward(learner, batch, lambda vectors: objective.loss(vectors, batch, None), most)
        found.append((loss, [one.grad.clone() for one in learner.weights if one.grad is not None]))
    assert found[0][0] == pytest.approx(found[1][0], abs=1e-5)
    for one, other in zip(found[0][1], found[1][1], strict=True):
        assert float((one - other).abs().max()) < 1e-5 * max(1.0, float(one.abs().max()))


# -- whole trainings --------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def other_folder(tmp_path_factory):
    return make_tiny_model(tmp_path_factory.mktemp("guide") / "guide", seed=3)


def test_each_text_is_encoded_once_before_training(tiny_folder, other_folder, monkeypatch):
    guide = ss.Encoder.load(other_folder)
    asked = []
    real = type(guide).encode
    monkeypatch.setattr(
        type(guide), "encode", lambda self, texts, **given: (asked.append(list(texts)), real(self, texts, **given))[1]
    )
    data = [*pairs(24), *pairs(24)[:6]]
    made = trainer(tiny_folder, MultipleNegatives(guide=guide), epochs=3, held_out=0).train(data, progress=False)
    assert len(made.history) == 4
    assert [sorted(texts) for texts in asked] == [sorted({text for pair in data for text in pair})]


def test_the_card_and_the_facts_name_the_guide(tiny_folder, other_folder, tmp_path):
    objective = MultipleNegatives(guide=other_folder, guide_margin=0.05, hard_negatives=1, margin=1.0)
    trainer(tiny_folder, objective, micro_batch_tokens=60).train(pairs(), out=tmp_path / "e", progress=False)
    card = (tmp_path / "e" / "README.md").read_text()
    assert "Negatives were chosen with a guide, guide (GISTEmbed)" in card
    assert str(other_folder) not in card
    assert "| guide_margin | 0.05 |" in card
    facts = json.loads((tmp_path / "e" / "training.json").read_text())
    assert facts["trainer"]["objective"]["guide"][0] == "guide"


def test_without_a_guide_nothing_is_said_of_one():
    assert not any("guide" in name or "contrast" in name for name in MultipleNegatives().to_dict())


def test_a_resumed_training_ends_with_the_same_weights(tiny_folder, other_folder, tmp_path, monkeypatch):
    objective = MultipleNegatives(guide=other_folder, guide_margin=0.01, hard_negatives=1, margin=1.0)
    training = trainer(tiny_folder, objective, epochs=2)
    whole = training.train(pairs(), progress=False)
    real = TrainingLoop._step

    def stopping(self, number, *args):
        if number == 9:
            raise KeyboardInterrupt
        real(self, number, *args)

    with monkeypatch.context() as patch:
        patch.setattr(TrainingLoop, "_step", stopping)
        with pytest.raises(KeyboardInterrupt):
            training.train(pairs(), checkpoint=tmp_path / "c", checkpoint_minutes=0, progress=False)
    rest = training.train(pairs(), checkpoint=tmp_path / "c", resume=True, progress=False)
    assert same(whole, rest)
    other = trainer(tiny_folder, MultipleNegatives(guide=tiny_folder, guide_margin=0.01), epochs=2)
    with pytest.raises(InputError, match="is of another training: objective is"):
        other.train(pairs(), checkpoint=tmp_path / "c", resume=True, progress=False)


def test_texts_alone_may_have_a_guide(tiny_folder, other_folder):
    objective = SimCSE(guide=other_folder, guide_margin=0.2, guide_margin_strategy="relative")
    made = trainer(tiny_folder, objective).train([one for pair in pairs(24) for one in pair], progress=False)
    assert np.isfinite(made.history[-1].loss)


def duplicated(n_meanings=8, n_spellings=4):
    """Pairs of few meanings, each in several spellings that only the guide knows to be one."""
    anchors, partners = [], []
    for i in range(n_meanings):
        for j in range(n_spellings):
            anchors.append(f"{chr(97 + i)}{chr(97 + i)} {j}")
            partners.append(f"{chr(110 + i)}{chr(110 + i)} {j}")
    return list(zip(anchors, partners, strict=True))


def nearness_of_duplicates(encoder):
    """Mean cosine of the partners of one meaning, less that of the partners of different ones."""
    vectors = unit(encoder.encode([partner for _, partner in duplicated()], progress=False))
    cosines, meaning = vectors @ vectors.T, np.arange(32) // 4
    alike = meaning[:, None] == meaning[None, :]
    return float(cosines[alike & ~np.eye(32, dtype=bool)].mean() - cosines[~alike].mean())


def test_duplicates_as_negatives_no_longer_push_each_other_apart(tiny_folder):
    """In batches full of other spellings of a text's partner, plain training parts them, and a guide keeps them."""
    letters = "abcdefgh" + "nopqrstu"  # of the first texts and of their partners: one direction for each meaning
    guide = average(dict(zip((2 * letter for letter in letters), np.vstack([np.eye(8), np.eye(8)]), strict=True)))
    options = {
        "base": tiny_folder,
        "batch_size": 32,
        "epochs": 20,
        "held_out": 0,
        "learning_rate": 3e-3,
        "dropout": 0.0,
    }
    parted, kept = (
        nearness_of_duplicates(trainer(tiny_folder, objective, **options).train(duplicated(), progress=False))
        for objective in (MultipleNegatives(), MultipleNegatives(guide=guide))
    )
    assert kept > parted + 0.1, (kept, parted)


def test_a_guide_with_the_vector_zero_for_a_text_says_nothing_of_it():
    batch = batch_of([[0, 1], [2, 3]])
    known = np.array([[1, 0], [0, 0], [1, 0], [1, 0]], np.float32)  # the first partner is unknown, the others are one
    batch = replace(batch, examples=replace(batch.examples, guide_vectors=known))
    own = random_vectors(4)
    a, p = unit(own[0::2]), unit(own[1::2])
    logits = np.array([[a[0] @ p[0], a[0] @ p[1], a[0] @ a[1], p[0] @ p[1]]])
    second = np.array([[a[1] @ p[1], a[1] @ p[0], p[1] @ p[0]]])  # a0 is as near as its partner
    expected = np.mean([float(np.log(np.exp(one).sum()) - one[0, 0]) for one in (logits, second)])
    assert loss_of(with_guide(scale=1.0), own, batch) == pytest.approx(expected, abs=1e-5)


# -- bad input --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"guide": 7}, "guide must be an Encoder, or a model's name or folder; got int"),
        ({"guide": ss.Encoder}, "guide must be an Encoder, or a model's name or folder; got "),
        ({"guide_margin": 0.1}, "guide_margin= needs a guide; give guide=, an encoder, or leave guide_margin= out"),
        ({"contrast_anchors": False}, "contrast_anchors= needs a guide"),
        ({"guide_margin": 1.5}, "guide_margin must be"),
        ({"guide_margin": -0.1}, "guide_margin must be"),
        ({"guide_margin_strategy": "share"}, "guide_margin_strategy must be one of absolute, relative; got 'share'"),
        ({"contrast_positives": 1}, "contrast_positives must be"),
    ],
)
def test_parameters_of_the_guide_are_checked(options, message):
    with pytest.raises(InputError, match=f"^{message}"):
        MultipleNegatives(**options)


def test_a_guide_that_isnt_there_is_said_before_anything(tmp_path):
    with pytest.raises(ss.SemspaceError, match="nowhere"):
        MultipleNegatives(guide=tmp_path / "nowhere")


def test_examples_keep_the_vectors_of_all_texts():
    examples = replace(Examples.from_texts(["a", "b", "c"]), guide_vectors=np.eye(3, dtype=np.float32))
    assert examples.take(np.array([2])).guide_vectors is examples.guide_vectors
