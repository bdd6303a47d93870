"""A training of an encoder that was broken off goes on to the very same weights, and with nothing else's checkpoint."""

import os
import random
from pathlib import Path

import pytest

import semspace as ss
from semspace import bundle, manifest
from semspace.bundle import open_bundle
from semspace.errors import DamagedError, ExistsError, InputError, SemspaceError
from semspace.evaluation import STS
from semspace.training import MultipleNegatives
from semspace.training.loop import TrainingLoop
from tests.killed import needs_sigkill, run_until_killed
from tests.teaching import pairs, same, scored, trainer

ROOT = Path(__file__).parent.parent
KIND = "encoder-checkpoint"
# Dropout is the model's own, 0.1: where random numbers weren't gone on with, weights would differ.
EVERYTHING = {
    "objective": MultipleNegatives(hard_negatives=2, margin=1.0, refresh=True),
    "epochs": 3,
    "evals_per_epoch": 3,
    "patience": 5,
    "micro_batch_tokens": 100,
}
VARIANTS = {
    "everything": EVERYTHING,
    "hard negatives found once": {**EVERYTHING, "objective": MultipleNegatives(hard_negatives=1, margin=1.0)},
    "frozen table": {"objective": "pairs", "freeze_embeddings": True, "epochs": 2.5, "matryoshka": [8]},
    "low rank": {"objective": "pairs", "lora_rank": 2, "epochs": 2.5, "patience": 3, "evals_per_epoch": 2},
    "scored, judged by nothing": {"objective": "scored", "held_out": 0, "epochs": 2},
}


def data_of(options):
    return scored() if options["objective"] == "scored" else pairs()


def broken_off(monkeypatch, folder, options, place, step, **given):
    """Train until just before a step, with a checkpoint after each, and break off as Ctrl+C does."""
    real = TrainingLoop._step

    def stopping(self, number, *args):
        if number == step:
            raise KeyboardInterrupt
        real(self, number, *args)

    with monkeypatch.context() as patch:
        patch.setattr(TrainingLoop, "_step", stopping)
        with pytest.raises(KeyboardInterrupt):
            trainer(folder, **options).train(
                data_of(options), checkpoint=place, checkpoint_minutes=0, progress=False, **given
            )


def reached(place):
    try:
        return open_bundle(place, KIND).meta["progress"]["step"]
    except SemspaceError:  # not there yet, or just being replaced
        return 0


def plain(history):
    return [(row.epoch, row.step, row.loss, row.texts, row.score) for row in history]


@pytest.mark.parametrize("name", VARIANTS)
def test_gone_on_from_anywhere_the_weights_are_those_of_an_uninterrupted_training(
    tiny_folder, tmp_path, monkeypatch, name
):
    options, place = VARIANTS[name], tmp_path / "c"
    whole = trainer(tiny_folder, **options).train(data_of(options), progress=False)
    steps = random.Random(name).sample(range(1, whole.history[-1].step), 2)
    first, second = sorted(steps)
    broken_off(monkeypatch, tiny_folder, options, place, first)
    assert reached(place) == first
    broken_off(monkeypatch, tiny_folder, options, place, second, resume=True)
    assert reached(place) == second
    rest = trainer(tiny_folder, **options).train(data_of(options), checkpoint=place, resume=True, progress=False)
    assert same(whole, rest)
    assert plain(rest.history) == plain(whole.history)
    done = trainer(tiny_folder, **options).train(data_of(options), checkpoint=place, resume=True, progress=False)
    assert same(whole, done)  # there is nothing left to do
    assert plain(done.history) == plain(whole.history)


CHILD = """
import sys
from tests.teaching import pairs, trainer
from tests.test_training_resume import EVERYTHING
trainer(sys.argv[1], **EVERYTHING).train(pairs(), checkpoint=sys.argv[2], checkpoint_minutes=0, progress=False)
"""


@needs_sigkill
def test_after_kill_9_the_weights_are_those_of_an_uninterrupted_training(tiny_folder, tmp_path):
    place = tmp_path / "c"
    run_until_killed(CHILD, tiny_folder, place, after=3)
    assert reached(place) == 3
    (tmp_path / ".c.new-0123abcd").mkdir()  # as if it had been killed while it wrote
    (tmp_path / ".d.new-0123abcd").mkdir()  # another's
    training = trainer(tiny_folder, **EVERYTHING)
    rest = training.train(pairs(), checkpoint=place, resume=True, progress=False)
    whole = training.train(pairs(), progress=False)
    assert same(rest, whole)
    assert plain(rest.history) == plain(whole.history)
    assert sorted(path.name for path in tmp_path.iterdir()) == [".d.new-0123abcd", "c"]


def test_a_writer_that_died_between_two_renames_is_gone_on_from(tiny_folder, tmp_path, monkeypatch):
    place = tmp_path / "c"
    options = {"objective": "pairs"}
    broken_off(monkeypatch, tiny_folder, options, place, 4)
    place.rename(tmp_path / ".c.semspace-old")
    with pytest.raises(ExistsError, match="a checkpoint is at"):
        trainer(tiny_folder).train(pairs(), checkpoint=place, progress=False)
    seen = []
    real = TrainingLoop._step
    monkeypatch.setattr(
        TrainingLoop, "_step", lambda self, number, *args: (seen.append(number), real(self, number, *args))
    )
    rest = trainer(tiny_folder).train(pairs(), checkpoint=place, resume=True, progress=False)
    assert seen[0] == 4
    assert same(rest, trainer(tiny_folder).train(pairs(), progress=False))


def test_a_disk_that_fills_up_keeps_what_was_reached(tiny_folder, tmp_path, monkeypatch):
    place = tmp_path / "c"
    broken_off(monkeypatch, tiny_folder, {"objective": "pairs"}, place, 3)

    def full(_):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        with pytest.raises(InputError, match="No space left on device; free disk space"):
            trainer(tiny_folder).train(pairs(), checkpoint=place, checkpoint_minutes=0, resume=True, progress=False)
    assert reached(place) == 3
    assert [path.name for path in tmp_path.iterdir()] == ["c"]


# -- what isn't gone on from ------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def kept(tiny_folder, tmp_path_factory):
    """A checkpoint of a training that is half done."""
    place = tmp_path_factory.mktemp("kept") / "c"
    with pytest.MonkeyPatch.context() as patch:
        broken_off(patch, tiny_folder, {"objective": "pairs"}, place, 4)
    return place


@pytest.mark.parametrize(
    ("options", "data", "message"),
    [
        ({"epochs": 2}, pairs(), "epochs is 1 there and 2 here"),
        ({"seed": 5}, pairs(), "seed is 1 there and 5 here"),
        ({"dropout": 0.3}, pairs(), "dropout is None there and 0.3 here"),
        ({"learning_rate": 0.1}, pairs(), "learning_rate is 0.001 there and 0.1 here"),
        ({"objective": MultipleNegatives(scale=10)}, pairs(), "objective is {'name': 'MultipleNegatives', "),
        ({}, pairs()[::-1], "data is '"),
        ({}, pairs(72), "data is '"),
    ],
)  # fmt: skip
def test_another_training_is_not_gone_on_with(tiny_folder, kept, options, data, message):
    with pytest.raises(InputError) as problem:
        trainer(tiny_folder, **options).train(data, checkpoint=kept, resume=True, progress=False)
    assert str(problem.value).startswith(f"the checkpoint at {kept} is of another training: {message}")
    assert str(problem.value).endswith("; give the same data and parameters, or choose another path")
    assert reached(kept) == 4


def test_another_judge_or_base_is_another_training(tiny_folder, tmp_path, kept):
    from tests.conftest import make_tiny_model

    with pytest.raises(InputError, match="evaluator is None there and 'mine' here"):
        trainer(tiny_folder).train(pairs(), evaluator=STS("mine", scored()), checkpoint=kept, resume=True)
    other = make_tiny_model(tmp_path / "other", seed=1)
    with pytest.raises(InputError, match=f"base is '{tiny_folder.name}' there and '{other.name}' here"):
        trainer(other).train(pairs(), checkpoint=kept, resume=True)


def test_a_checkpoint_is_never_written_over_by_chance(tiny_folder, kept, tmp_path, space):
    with pytest.raises(ExistsError, match=r"a checkpoint is at .* already; resume from it with resume=True"):
        trainer(tiny_folder).train(pairs(), checkpoint=kept)
    with pytest.raises(InputError, match="resume=True needs checkpoint="):
        trainer(tiny_folder).train(pairs(), resume=True)
    (tmp_path / "mine").mkdir()
    with pytest.raises(ExistsError, match="exists and isn't a checkpoint; choose another path for checkpoint="):
        trainer(tiny_folder).train(pairs(), checkpoint=tmp_path / "mine", resume=True)
    ss.save(space, tmp_path / "s")
    for resume in (False, True):
        with pytest.raises(InputError, match="holds a space; this needs an encoder-checkpoint"):
            trainer(tiny_folder).train(pairs(), checkpoint=tmp_path / "s", resume=resume)
    assert reached(kept) == 4


def test_a_checkpoint_is_no_value_to_load(kept):
    with pytest.raises(InputError, match=r"unfinished training; resume it by EncoderTrainer\(\.\.\.\)"):
        ss.load(kept)


def copy_of(kept, place):
    import shutil

    return Path(shutil.copytree(kept, place))


@pytest.mark.parametrize("harm", ["flipped", "cut", "gone", "manifest"])
def test_a_damaged_checkpoint_is_refused(tiny_folder, kept, tmp_path, harm):
    place = copy_of(kept, tmp_path / "c")
    state, claims = place / "state.safetensors", place / manifest.MANIFEST
    content = state.read_bytes()
    if harm == "flipped":
        state.write_bytes(content[:-5] + bytes([content[-5] ^ 1]) + content[-4:])
    elif harm == "cut":
        state.write_bytes(content[: len(content) // 2])
    elif harm == "gone":
        state.unlink()
    else:
        claims.write_text(claims.read_text().replace('"step": 4', '"step": 5'))
    with pytest.raises(DamagedError):
        trainer(tiny_folder).train(pairs(), out=tmp_path / "e", checkpoint=place, resume=True, progress=False)
    assert [path.name for path in tmp_path.iterdir()] == ["c"]


def test_a_checkpoint_of_other_shapes_is_refused(tiny_folder, kept, tmp_path):
    """Sound in itself, and of this training by its own word: as another version might have written it."""
    from safetensors.numpy import load_file, save_file

    found = open_bundle(kept, KIND)
    state = load_file(found.path("state.safetensors"))
    biases = next(name for name in state if name.startswith("weight ") and name.endswith("query.bias"))
    for name in ("weight token table", "table mean", biases):
        changed = dict(state)
        if name == "weight token table":
            del changed[name]
        else:
            changed[name] = changed[name][..., :1].copy()  # which torch would repeat
        with bundle.create_bundle(tmp_path / "c", KIND, overwrite=True) as draft:
            draft.meta.update(found.meta)
            draft.file("state.safetensors", lambda path, changed=changed: save_file(changed, path))
        with pytest.raises(DamagedError, match="doesn't fit this model"):
            trainer(tiny_folder).train(pairs(), checkpoint=tmp_path / "c", resume=True, progress=False)


def test_a_checkpoint_of_version_0_1_is_resumed_under_the_new_names_of_parameters(kept, tiny_folder, tmp_path):
    place = copy_of(kept, tmp_path / "c")
    old = open_bundle(place, KIND)
    facts = dict(old.meta.facts("of"))
    for name, new in (
        ("chunk_tokens", "micro_batch_tokens"),
        ("evaluations", "evals_per_epoch"),
        ("evaluate", "evaluator"),
    ):
        facts[name] = facts.pop(new)
    state = old.path("state.safetensors").read_bytes()
    with bundle.create_bundle(place, KIND, overwrite=True) as draft:
        draft.meta.update({**old.meta, "of": facts})
        draft.file("state.safetensors", lambda path: Path(path).write_bytes(state))
    rest = trainer(tiny_folder, epochs=1).train(pairs(), checkpoint=place, resume=True, progress=False)
    assert same(rest, trainer(tiny_folder, epochs=1).train(pairs(), progress=False))
