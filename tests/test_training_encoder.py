"""Encoders learn: what is planted is found, the same seed gives the same weights, and a loss that breaks is said."""

import io
import sys
from dataclasses import dataclass

import numpy as np
import pytest
import tqdm

import semspace as ss
from semspace.errors import InputError
from semspace.evaluation import STS
from semspace.training import MultipleNegatives
from semspace.training.loop import TrainingLoop
from tests.teaching import alone, labelled, pairs, same, scored, trainer, weights, weights_in

# -- it learns --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("objective", "data"), [("scored", scored), ("labels", labelled)], ids=["scored", "labels"])
def test_what_is_planted_is_learnt_and_holds_for_what_is_held_out(tiny_folder, objective, data):
    given = {"epochs": 6, "held_out": 0.25, "learning_rate": 5e-3}
    encoder = trainer(tiny_folder, objective, **given).train(data(160), progress=False)
    history = encoder.history
    assert history[-1].loss < 0.9 * history[1].loss
    assert history[-1].score > history[0].score + 0.2
    unseen = scored(60, seed=77)
    before, after = (STS("unseen", unseen).score(one).value for one in (ss.Encoder.load(tiny_folder), encoder))
    assert after > before + 0.3


@pytest.mark.parametrize("symmetric", [False, True])
def test_pairs_find_each_other(tiny_folder, symmetric):
    objective = MultipleNegatives(symmetric=symmetric)
    encoder = trainer(tiny_folder, objective, epochs=3, learning_rate=5e-3).train(pairs(160), progress=False)
    assert encoder.history[-1].score > encoder.history[0].score + 0.2


def test_texts_alone_are_told_apart(tiny_folder):
    """SimCSE has nothing but dropout: the loss falls, and the texts' vectors spread over all directions."""
    texts = alone()
    encoder = trainer(tiny_folder, "simcse", epochs=4, held_out=0).train(texts, progress=False)
    assert encoder.history[-1].loss < encoder.history[1].loss

    def mean_cosine(one):
        vectors = one.encode(texts)
        return float((vectors @ vectors.T)[~np.eye(len(texts), dtype=bool)].mean())

    assert mean_cosine(encoder) < mean_cosine(ss.Encoder.load(tiny_folder)) - 0.05


@dataclass(frozen=True, kw_only=True)
class Width(MultipleNegatives):
    """Its loss is how many dimensions it is shown."""

    def loss(self, vectors, batch, aux_module):
        return vectors.sum() * 0 + vectors.shape[1]


@pytest.mark.parametrize(("dims", "mean"), [((), 16), ((4,), 10), ((8, 4), 28 / 3), ((16, 4), 10)])
def test_the_loss_of_matryoshka_is_the_mean_over_its_dimensions_and_all(tiny_folder, dims, mean):
    history = trainer(tiny_folder, Width(), matryoshka=dims, held_out=0).train(pairs(), progress=False).history
    assert history[-1].loss == pytest.approx(mean)


def test_hard_negatives_are_looked_for_once_or_before_each_epoch(tiny_folder, monkeypatch):
    from semspace.training import hard_negatives

    real, seen = hard_negatives.mine_hard_negatives, []

    def watched(*args, **options):
        seen.append(real(*args, **options))
        return seen[-1]

    monkeypatch.setattr(hard_negatives, "mine_hard_negatives", watched)
    for refresh, times in ((False, 1), (True, 3)):
        seen.clear()
        objective = MultipleNegatives(hard_negatives=2, margin=1.0, refresh=refresh)
        history = trainer(tiny_folder, objective, epochs=3, held_out=0).train(pairs(), progress=False).history
        assert len(seen) == times
        assert seen[0].shape == (64, 2)
        assert history[-1].texts == 64 * 2 + (seen[-1] >= 0).sum()


# -- the same again ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("objective", [MultipleNegatives(hard_negatives=1), "scored"], ids=["pairs", "scored"])
def test_the_same_seed_gives_the_same_weights_and_another_others(tiny_folder, objective):
    import torch

    data = scored() if objective == "scored" else pairs()
    first = trainer(tiny_folder, objective).train(data, progress=False)
    torch.manual_seed(99)
    threads, state = torch.get_num_threads(), torch.get_rng_state()
    second = trainer(tiny_folder, objective).train(data, progress=False)
    assert torch.equal(torch.get_rng_state(), state)  # and what others draw isn't touched
    assert torch.get_num_threads() == threads
    assert same(first, second)
    assert not same(first, trainer(tiny_folder, objective, seed=2).train(data, progress=False))


def test_portions_change_memory_and_not_what_is_learnt(tiny_folder):
    at_once, in_portions = (
        weights(trainer(tiny_folder, dropout=0.0, micro_batch_tokens=n).train(pairs(), progress=False))
        for n in (4096, 40)
    )
    before = weights_in(tiny_folder)
    for name, value in at_once.items():
        moved = np.abs(value - before[name]).max()
        assert np.abs(value - in_portions[name]).max() <= 0.05 * moved + 1e-5


def test_the_model_that_was_given_stays_as_it_is(tiny_folder):
    base = ss.Encoder.load(tiny_folder)
    before = base.encode(["abc"])
    trainer(base).train(pairs(), progress=False)
    assert (base.encode(["abc"]) == before).all()


# -- stopping ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Scripted:
    """A task that gives scores as written, and notes the vectors that it was shown."""

    scores: tuple[float, ...]
    seen: list
    name: str = "scripted"

    def score(self, thing):
        from semspace.evaluation import Score

        self.seen.append(thing.encode(["abc", "def"]))
        return Score(self.name, "made up", self.scores[len(self.seen) - 1], 1, 1)


def test_early_stopping_gives_the_best_weights(tiny_folder):
    task = Scripted((0.1, 0.3, 0.6, 0.5, 0.6, 0.4, 0.9, 0.9), [])
    encoder = trainer(tiny_folder, epochs=7, patience=3).train(pairs(), evaluator=task, progress=False)
    assert [row.score for row in encoder.history] == [0.1, 0.3, 0.6, 0.5, 0.6, 0.4]  # an equal score is no better one
    assert np.abs(encoder.encode(["abc", "def"]) - task.seen[2]).max() < 1e-5
    assert np.abs(encoder.encode(["abc", "def"]) - task.seen[-1]).max() > 1e-3


def test_a_training_that_only_harms_gives_back_what_it_began_with(tiny_folder):
    task = Scripted((0.9, 0.5, 0.4), [])
    encoder = trainer(tiny_folder, epochs=5, patience=2).train(pairs(), evaluator=task, progress=False)
    assert len(encoder.history) == 3
    assert all((value == weights(encoder)[name]).all() for name, value in weights_in(tiny_folder).items())


def test_without_patience_the_last_weights_are_given(tiny_folder):
    task = Scripted((0.9, 0.5, 0.4), [])
    encoder = trainer(tiny_folder, epochs=2).train(pairs(), evaluator=task, progress=False)
    assert np.abs(encoder.encode(["abc", "def"]) - task.seen[2]).max() < 1e-5


# -- a loss that isn't a number ---------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class Breaking(MultipleNegatives):
    """Its loss, or what its gradient is multiplied by, isn't a number from the third batch on."""

    gradient_only: bool = False

    def loss(self, vectors, batch, aux_module):
        found = super().loss(vectors, batch, aux_module)
        BATCHES.append(batch)
        if len(BATCHES) < 3:
            return found
        if self.gradient_only:
            vectors.register_hook(lambda gradient: gradient * float("nan"))
            return found
        return found * float("nan")


BATCHES = []


@pytest.mark.parametrize("gradient_only", [False, True])
@pytest.mark.parametrize("micro_batch_tokens", [4096, 40])
def test_a_loss_that_breaks_stops_the_training_before_it_reaches_the_weights(
    tiny_folder, tmp_path, monkeypatch, gradient_only, micro_batch_tokens
):
    from semspace.bundle import open_bundle

    BATCHES.clear()
    kept = []
    real = TrainingLoop._step

    def watched(self, *args):
        kept.append({name: value.numpy().copy() for name, value in self._trained_tensors().items()})
        real(self, *args)

    monkeypatch.setattr(TrainingLoop, "_step", watched)
    broken = trainer(
        tiny_folder, Breaking(gradient_only=gradient_only), held_out=0, micro_batch_tokens=micro_batch_tokens
    )
    with pytest.raises(InputError) as problem:
        broken.train(pairs(), out=tmp_path / "e", checkpoint=tmp_path / "c", progress=False)
    first = BATCHES[2].examples.texts[int(BATCHES[2].examples.rows[0, 0])]
    what = "gradient" if gradient_only else "loss"
    assert str(problem.value) == (
        f"{what} became NaN in batch 3 of epoch 1 (its first text: {first}); the state before it is saved at "
        f"{tmp_path / 'c'}; lower learning_rate (now 0.001) and check that text"
    )
    assert [path.name for path in tmp_path.iterdir()] == ["c"]
    from safetensors.numpy import load_file

    state = load_file(open_bundle(tmp_path / "c", "encoder-checkpoint").path("state.safetensors"))
    assert len(kept) == 3
    for name, value in kept[2].items():
        assert (state[f"weight {name}"] == value).all()
        assert np.isfinite(value).all()
    BATCHES.clear()  # from here on two batches are sound: it goes on behind the two that were done
    with pytest.raises(InputError, match="in batch 5 of epoch 1"):
        broken.train(pairs(), checkpoint=tmp_path / "c", resume=True, progress=False)


# -- bars -------------------------------------------------------------------------------------------------------


class Screen(io.StringIO):
    def isatty(self):
        return True


def test_a_person_sees_how_far_a_training_is(tiny_folder, monkeypatch):
    class Eager(tqdm.tqdm):
        def __init__(self, *args, **options):
            super().__init__(*args, **{**options, "delay": 0, "mininterval": 0, "leave": True})

    ss.Encoder.load(tiny_folder)  # other libraries have taken their bars before
    monkeypatch.setattr(tqdm, "tqdm", Eager)
    monkeypatch.setattr(sys, "stderr", Screen())
    objective = MultipleNegatives(hard_negatives=1)
    trainer(tiny_folder, objective, epochs=2, held_out=0).train(pairs())
    shown = sys.stderr.getvalue()
    assert "training: 100%|" in shown
    assert "16.0/16.0" in shown
    assert ", loss " in shown
    assert "mining hard negatives: 100%" in shown


def test_nobody_looking_sees_nothing(tiny_folder, capfd):
    trainer(tiny_folder).train(pairs())
    assert capfd.readouterr() == ("", "")
