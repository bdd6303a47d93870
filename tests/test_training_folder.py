"""A trained encoder on disk: opened by sentence-transformers and transformers, saved again, its history with it."""

import json

import numpy as np
import pytest

import semspace as ss
from semspace.errors import DamagedError, ExistsError, InputError
from semspace.evaluation import STS
from semspace.sentences.training_history import HistoryRow, TrainingHistory
from tests.conftest import make_tiny_model
from tests.teaching import pairs, same, scored, trainer

TEXTS = ["abc cab", "d", "ghi jkl abc def ghi jkl abc def ghi", "x y z 1 2 3", ""]


@pytest.fixture(scope="module")
def trained(tiny_folder, tmp_path_factory):
    """An encoder trained on a few pairs, where it was saved."""
    place = tmp_path_factory.mktemp("trained") / "encoder"
    return trainer(tiny_folder, matryoshka=[8]).train(pairs(), out=place, progress=False)


def theirs(folder, **options):
    from sentence_transformers import SentenceTransformer

    return SentenceTransformer(str(folder), device="cpu", **options)


@pytest.mark.parametrize("pooling", ["mean", "cls", "max"])
@pytest.mark.parametrize("normalize", [True, False])
def test_sentence_transformers_opens_it(tmp_path, pooling, normalize):
    base = make_tiny_model(tmp_path / "base", pooling=pooling)
    if not normalize:
        modules = json.loads((base / "modules.json").read_text())
        (base / "modules.json").write_text(json.dumps(modules[:2]))
    prompts = {"query": "ask: ", "passage": "tell: "}
    config = {"prompts": prompts, "default_prompt_name": "passage"}
    (base / "config_sentence_transformers.json").write_text(json.dumps(config))
    ours = trainer(base).train(pairs(), out=tmp_path / "e", progress=False)
    other = theirs(tmp_path / "e")
    assert other.max_seq_length == ours.max_tokens == 16
    assert {name: text for name, text in other.prompts.items() if text} == prompts
    with pytest.warns(UserWarning, match="longer than the 16 tokens"):
        found = ours.encode(TEXTS, prompt_name="passage")
    assert np.abs(found - other.encode(TEXTS)).max() < 1e-4  # the default prompt
    assert np.abs(ours.encode(["abc"], prompt_name="query") - other.encode(["abc"], prompt_name="query")).max() < 1e-4
    assert np.allclose(np.linalg.norm(found, axis=1), 1, atol=1e-5) == normalize
    before = ss.Encoder.load(base).encode(["abc"], prompt_name="query")
    assert np.abs(ours.encode(["abc"], prompt_name="query") - before).max() > 1e-3  # it did learn


def test_fewer_dimensions_are_the_first_ones(trained):
    cut = theirs(trained.config.folder, truncate_dim=8).encode(["abc cab", "d"], normalize_embeddings=True)
    ours = trained.encode(["abc cab", "d"])[:, :8]
    assert np.abs(cut - ours / np.linalg.norm(ours, axis=1, keepdims=True)).max() < 1e-4


def test_transformers_opens_it(trained):
    import torch
    import transformers

    model = transformers.AutoModel.from_pretrained(trained.config.folder).eval()
    assert model.dtype == torch.float32
    [row] = np.split(trained.tokenizer.read(["abc cab"]).tokens.astype(np.int64), 1)
    with torch.no_grad():
        vector = model(input_ids=torch.from_numpy(row)[None]).last_hidden_state[0].mean(dim=0).numpy()
    assert np.abs(vector / np.linalg.norm(vector) - trained.encode(["abc cab"])[0]).max() < 1e-4


def test_saved_again_it_is_the_same(trained, tmp_path):
    trained.save(tmp_path / "again")
    for again in (ss.Encoder.load(tmp_path / "again"), ss.load(tmp_path / "again")):
        assert again.fingerprint == trained.fingerprint
        assert (again.encode(["abc", "x"]) == trained.encode(["abc", "x"])).all()
        assert again.history == trained.history
        assert len(again.history) == 2
    assert (tmp_path / "again" / "README.md").read_text() == (trained.config.folder / "README.md").read_text()
    assert np.abs(theirs(tmp_path / "again").encode(["abc"]) - trained.encode(["abc"])).max() < 1e-4
    with pytest.raises(ExistsError, match="exists already"):
        trained.save(tmp_path / "again")
    ss.save(trained, tmp_path / "again", overwrite=True)
    ss.load(tmp_path / "again").save(tmp_path / "again", overwrite=True)  # onto itself
    assert ss.load(tmp_path / "again").fingerprint == trained.fingerprint
    assert [path.name for path in tmp_path.iterdir()] == ["again"]


@pytest.mark.parametrize("pooling", ["mean", "cls", "max"])
def test_a_model_that_came_from_elsewhere_can_be_saved(tmp_path, pooling):
    base = make_tiny_model(tmp_path / "base", pooling=pooling)
    config = {"prompts": {"query": "ask: ", "document": ""}, "default_prompt_name": None}
    (base / "config_sentence_transformers.json").write_text(json.dumps(config))
    (base / "onnx").mkdir()  # what isn't needed stays behind
    encoder = ss.Encoder.load(base)
    encoder.save(tmp_path / "copy")
    copy = ss.load(tmp_path / "copy")
    assert copy.fingerprint == encoder.fingerprint  # so spaces that it made know it
    assert (copy.encode(["abc"], prompt_name="query") == encoder.encode(["abc"], prompt_name="query")).all()
    assert len(copy.history) == 0
    assert not (tmp_path / "copy" / "onnx").exists()


def test_a_damaged_encoder_is_refused_by_load(trained, tmp_path):
    trained.save(tmp_path / "e")
    (tmp_path / "e" / "1_Pooling" / "config.json").write_text("{}")
    with pytest.raises(DamagedError, match="restore it or save"):
        ss.load(tmp_path / "e")


def test_an_encoder_is_replaced_only_when_asked(tiny_folder, tmp_path):
    place = tmp_path / "e"
    first = trainer(tiny_folder).train(pairs(), out=place, progress=False)
    with pytest.raises(ExistsError, match="exists already"):
        trainer(tiny_folder).train(pairs(), out=place, progress=False)
    second = trainer(tiny_folder, seed=2).train(pairs(), out=place, overwrite=True, progress=False)
    assert second.fingerprint != first.fingerprint
    assert ss.Encoder.load(place).fingerprint == second.fingerprint
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "letter.txt").write_text("dear")
    with pytest.raises(ExistsError, match="won't be overwritten"):
        trainer(tiny_folder).train(pairs(), out=tmp_path / "mine", overwrite=True)
    assert (tmp_path / "mine" / "letter.txt").read_text() == "dear"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["e", "mine"]


def test_a_disk_that_fills_up_leaves_nothing(tiny_folder, tmp_path, monkeypatch):
    from safetensors import numpy as home

    def full(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(home, "save_file", full)
    with pytest.raises(InputError, match=r"cannot write .*No space left on device"):
        trainer(tiny_folder).train(pairs(), out=tmp_path / "e", progress=False)
    assert list(tmp_path.iterdir()) == []


def test_without_a_place_it_lives_as_long_as_it_is_used(tiny_folder):
    encoder = trainer(tiny_folder).train(pairs(), progress=False)
    folder = encoder.config.folder
    assert folder.is_dir()
    del encoder
    assert not folder.exists()


# -- what to start from -----------------------------------------------------------------------------------------


def test_an_encoder_can_be_trained_further(trained, tiny_folder):
    further = trainer(trained).train(pairs(), progress=False)
    by_path = trainer(trained.config.folder).train(pairs(), progress=False)
    assert same(further, by_path)
    assert not same(further, trained)


def test_what_cannot_be_started_from(tiny_folder, tmp_path, space):
    with pytest.raises(InputError, match="no model 'none-such'"):
        trainer("none-such").train(pairs())
    with pytest.raises(InputError, match="init= is for a new transformer"):
        trainer(tiny_folder).train(pairs(), init=space)
    with pytest.raises(InputError, match="base must be a transformer; got a WordAverage"):
        trainer(ss.WordAverage(space, frequencies="zipf")).train(pairs())
    with pytest.raises(
        InputError, match=r"matryoshka must have numbers of dimensions up to 16, .* got 32: leave it out"
    ):
        trainer(tiny_folder, matryoshka=[8, 32]).train(pairs())
    with pytest.raises(InputError, match="patience needs evaluations; give evaluator= a task, or"):
        trainer(tiny_folder, patience=1, held_out=0).train(pairs())


# -- history ----------------------------------------------------------------------------------------------------


def test_history_tells_loss_speed_and_score(tiny_folder, tmp_path):
    given = {"epochs": 1.5, "evals_per_epoch": 2, "held_out": 0.25}
    history = trainer(tiny_folder, "scored", **given).train(scored(), progress=False).history
    per_epoch = 9  # 72 pairs in batches of 8
    assert [row.step for row in history] == [0, 4, 8, 12, 14]
    assert [row.epoch for row in history] == [step / per_epoch for step in (0, 4, 8, 12, 14)]
    assert history[0].loss is None
    assert [row.texts for row in history] == [0, 64, 64, 64, 32]  # two texts a pair
    table = history.to_frame()
    assert table.columns == ["epoch", "step", "loss", "seconds", "texts_per_second", "held-out pairs (spearman)"]
    assert table["loss"].null_count() == 1
    assert all(row.seconds > 0 and row.loss > 0 and row.texts_per_second > 0 for row in list(history)[1:])
    assert history.plot().svg.startswith("<svg")
    assert "<svg" in history._repr_html_()
    assert len(repr(history).splitlines()) == 6
    assert repr(history).splitlines()[0].split()[:3] == ["epoch", "step", "loss"]


def test_a_task_of_ones_own_or_a_file_judges_and_all_is_learnt(tiny_folder, tmp_path):
    rated = scored(30, seed=9)
    rows = "\n".join(f"{a},{b},{score}" for a, b, score in rated)
    (tmp_path / "rated.csv").write_text(f"sentence1,sentence2,score\n{rows}\n")
    by_task = trainer(tiny_folder, "scored").train(scored(), evaluator=STS("rated", rated), progress=False)
    by_file = trainer(tiny_folder, "scored").train(scored(), evaluator=tmp_path / "rated.csv", progress=False)
    assert by_task.history.task == by_file.history.task == "rated (spearman)"
    assert by_task.history[-1].score == pytest.approx(
        ss.evaluate(by_task, STS("rated", rated))["rated"].value, abs=1e-6
    )
    assert same(by_task, by_file)
    facts = json.loads((by_task.config.folder / "training.json").read_text())
    assert facts["data"]["held_out"] == 0
    assert facts["data"]["learnt"] == len({frozenset(pair[:2]) for pair in scored()})
    with pytest.raises(ss.SemspaceError, match="did you mean wordsim353"):
        trainer(tiny_folder).train(pairs(), evaluator="wordsim")


def test_an_empty_history_says_so(tiny):
    assert tiny.history == TrainingHistory(())
    assert repr(tiny.history) == "TrainingHistory without rows: nothing was trained"
    assert "nothing was trained" in tiny.history._repr_html_()
    with pytest.raises(InputError, match="there is no loss to draw"):
        tiny.history.plot()
    with pytest.raises(InputError, match="there is no loss to draw"):
        TrainingHistory((HistoryRow(0, 0, None, 0, 0),)).plot()


def test_a_history_that_was_altered_is_refused_and_one_of_another_tool_passed_over(trained, tmp_path):
    trained.save(tmp_path / "e")
    (tmp_path / "e" / "training.json").write_text('{"made_by": "semspace", "history": [{"epoch": 1}]}')
    with pytest.raises(DamagedError, match="was changed and can't be read"):
        _ = ss.Encoder.load(tmp_path / "e").history
    (tmp_path / "e" / "training.json").write_text('{"history": [{"epoch": 1}]}')
    assert len(ss.Encoder.load(tmp_path / "e").history) == 0


@pytest.mark.parametrize(
    ("losses", "said"),
    [([0.5], "The mean loss was 0.5000 in 10 batches"), ([0.75, 0.5], "The loss went from 0.7500 to 0.5000 in 20")],
)
def test_the_card_tells_how_the_loss_went(losses, said):
    from semspace.training.card import _loss_summary

    rows = [HistoryRow(i, 10 * i, loss, 2.0, 80) for i, loss in enumerate(losses, 1)]
    assert _loss_summary(rows).startswith(said)
