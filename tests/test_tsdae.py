"""TSDAE: what is deleted, the decoder that sees one vector, and that it learns."""

import json

import numpy as np
import pytest
import torch
from safetensors.numpy import load_file

import semspace as ss
from semspace.errors import InputError
from semspace.sentences.model_config import read_model_config
from semspace.sentences.torch_runtime import load_model
from semspace.sentences.training_history import TrainingHistory
from semspace.training import TSDAE
from semspace.training.examples import Examples
from semspace.training.grad_cache import backward
from semspace.training.loop import TrainingLoop
from semspace.training.objectives.objective import Batch
from semspace.training.student import Student
from tests.conftest import make_tiny_model

TEXTS = [f"{a} {b} {c}" for a in ("red", "blue", "grey") for b in ("cat", "dog", "fox") for c in ("ran", "sat", "ate")]
TINY = {"epochs": 1, "batch_size": 9, "threads": 1, "held_out": 0, "precision": "float32"}


@pytest.fixture
def student(tiny_folder):
    layout = read_model_config(tiny_folder)
    torch.manual_seed(3)
    return Student(load_model(layout), layout, dropout=0.0)


def history_of(folder):
    return TrainingHistory.of(json.loads((folder / "training.json").read_text())["history"])


def batch_of(student, texts):
    rows = student.split_rows(student.tokenizer.read(texts))
    student.embeddings.select(np.concatenate(rows))
    return Batch(Examples.from_texts(texts), rows, rows)


def test_the_share_of_tokens_asked_for_is_deleted_and_the_ends_stay():
    rows = [np.r_[2, np.arange(10, 10 + n), 3].astype(np.int32) for n in (1, 4, 400) * 50]
    found = TSDAE(deletion=0.6).corrupt(rows, np.random.default_rng(1))
    assert all(row[0] == 2 and row[-1] == 3 and len(row) > 2 for row in found)
    assert all(np.all(np.diff(row[1:-1]) > 0) and set(row) <= set(old) for row, old in zip(found, rows, strict=True))
    long = [len(row) - 2 for row in found[2::3]]
    assert np.mean(long) / 400 == pytest.approx(0.4, abs=0.02)


def test_nothing_or_nearly_all_can_be_deleted():
    rows = [np.array([2, 7, 8, 9, 3], np.int32), np.array([2, 3], np.int32)]
    for row, same in zip(TSDAE(deletion=0).corrupt(rows, np.random.default_rng(1)), rows, strict=True):
        np.testing.assert_array_equal(row, same)
    all_gone = TSDAE(deletion=1).corrupt(rows, np.random.default_rng(1))
    assert [len(row) for row in all_gone] == [3, 2]


def test_a_token_is_told_from_the_vector_and_the_tokens_before_it_only(student):
    decoder = TSDAE().aux_module(student)
    student.model.eval()
    rows = batch_of(student, ["red cat ran", "red cat sat on"]).tokens
    seen = torch.randn(2, student.dim)
    states = decoder.decode(seen, rows)
    changed = [rows[0], np.r_[rows[1][:4], rows[1][4:][::-1]].astype(np.int32)]
    student.embeddings.select(np.concatenate(changed))
    n = len(rows[0])
    torch.testing.assert_close(decoder.decode(seen, changed)[: n + 4], states[: n + 4])
    assert not torch.allclose(decoder.decode(seen, changed)[n + 4 :], states[n + 4 :], atol=1e-3)
    other = decoder.decode(seen + torch.tensor([[1.0], [0.0]]), rows)
    assert not torch.allclose(other[:n], states[:n], atol=1e-3)
    torch.testing.assert_close(other[n:], states[n:])


def test_the_decoder_is_what_transformers_makes_of_the_same_weights(student):
    """BERT's own decoder, with cross-attention to a row of one state."""
    import transformers

    decoder = TSDAE().aux_module(student)
    student.model.eval()
    rows = batch_of(student, ["red cat ran"]).tokens
    seen = torch.randn(1, student.dim)
    config = transformers.BertConfig.from_dict(
        {**student.model.config.to_dict(), "is_decoder": True, "add_cross_attention": True}
    )
    theirs = transformers.BertModel(config, add_pooling_layer=False).eval()
    theirs.load_state_dict(student.model.state_dict(), strict=False)
    for layer, own in zip(theirs.encoder.layer, decoder.modules["looking"], strict=True):
        cross = layer.crossattention
        cross.self.value.load_state_dict(own["value"].state_dict())
        cross.output.dense.load_state_dict(own["out"].state_dict())
        cross.output.LayerNorm.load_state_dict(own["norm"].state_dict())
    tokens = torch.from_numpy(rows[0].astype(np.int64))[None]
    with torch.inference_mode():
        wanted = theirs(tokens, encoder_hidden_states=seen[None], use_cache=False).last_hidden_state[0]
        torch.testing.assert_close(decoder.decode(seen, rows), wanted, atol=1e-5, rtol=1e-4)


def test_the_loss_is_the_mean_over_tokens_in_one_portion_or_several(student, monkeypatch):
    decoder = TSDAE().aux_module(student)
    batch = batch_of(student, TEXTS)
    vectors = torch.randn(len(TEXTS), student.dim)
    at_once = decoder(vectors, batch.tokens)
    monkeypatch.setattr("semspace.training.tsdae_decoder._LOGIT_ROWS", 7)
    torch.testing.assert_close(decoder(vectors, batch.tokens), at_once)
    back = np.arange(len(TEXTS))[::-1].copy()
    mixed = decoder(vectors[torch.from_numpy(back)], [batch.tokens[i] for i in back])
    torch.testing.assert_close(mixed, at_once)
    assert float(at_once.detach()) == pytest.approx(
        np.log(len(student.embeddings.weight)), rel=0.5
    )  # it knows nothing yet


def test_the_layers_are_the_encoders_own_and_the_decoder_isnt_saved(student, tiny_folder, tmp_path):
    decoder = TSDAE().aux_module(student)
    own = {id(weight) for weight in student.model.parameters()}
    assert not own & {id(weight) for weight in decoder.parameters()}
    batch = batch_of(student, TEXTS)
    decoder(torch.zeros(len(TEXTS), student.dim), batch.tokens).backward()
    assert all(layer.attention.self.query.weight.grad.abs().sum() > 0 for layer in student.model.encoder.layer)
    ss.EncoderTrainer(objective="tsdae", base=tiny_folder, **TINY).train(TEXTS, out=tmp_path / "e", progress=False)
    assert load_file(tmp_path / "e" / "model.safetensors").keys() == load_file(tiny_folder / "model.safetensors").keys()


def test_texts_are_told_better_and_the_encoder_is_judged(tiny_folder, tmp_path):
    trainer = ss.EncoderTrainer(
        objective=TSDAE(deletion=0.4),
        base=tiny_folder,
        epochs=30,
        dropout=0.0,
        evals_per_epoch=1,
        batch_size=8,
        learning_rate=1e-2,
        held_out=0.15,
        threads=1,
        precision="float32",
    )
    trainer.train([f"{text} there" for text in TEXTS], out=tmp_path / "e", progress=False)
    history = history_of(tmp_path / "e")
    assert history[-1].loss < history[1].loss * 0.7
    assert history.task == "halves of held-out texts (ndcg@10)"
    assert all(0 <= row.score <= 1 for row in history)


def test_a_training_goes_on_with_its_decoder(tiny_folder, tmp_path):
    options = {"objective": TSDAE(), "base": tiny_folder, **TINY, "epochs": 4}
    whole = ss.EncoderTrainer(**options).train(TEXTS, progress=False)

    step = TrainingLoop._step

    def broken(self, number, *rest):
        if number == 5:
            raise KeyboardInterrupt
        step(self, number, *rest)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(TrainingLoop, "_step", broken)
        with pytest.raises(KeyboardInterrupt):
            ss.EncoderTrainer(**options).train(TEXTS, checkpoint=tmp_path / "c", checkpoint_minutes=0, progress=False)
    rest = ss.EncoderTrainer(**options).train(TEXTS, checkpoint=tmp_path / "c", resume=True, progress=False)
    assert rest.fingerprint == whole.fingerprint


def test_gradients_in_portions_are_those_at_once(student):
    objective = TSDAE(deletion=0.3)
    decoder = objective.aux_module(student)
    whole = batch_of(student, TEXTS)
    batch = Batch(whole.examples, objective.corrupt(whole.tokens, np.random.default_rng(1)), whole.tokens)
    slopes = []
    for most in (10_000, 20):
        student.model.zero_grad()
        student.embeddings.select(np.concatenate(whole.tokens))
        backward(student, batch, lambda vectors: objective.loss(vectors, batch, decoder), most)
        slopes.append([weight.grad.clone() for weight in student.weights if weight.grad is not None])
        slopes[-1].append(student.embeddings.parameters[0].grad.clone())
    for one, other in zip(*slopes, strict=True):
        torch.testing.assert_close(one, other, atol=1e-5, rtol=1e-4)


def test_a_model_of_another_kind_is_refused(tmp_path):
    folder = make_tiny_model(tmp_path / "m", family="distilbert")
    with pytest.raises(
        InputError, match=r"needs a model with BERT's layers .* got a distilbert: use objective='simcse'"
    ):
        ss.EncoderTrainer(objective="tsdae", base=folder, **TINY).train(TEXTS, progress=False)


def test_roberta_can_retell(tmp_path):
    folder = make_tiny_model(tmp_path / "m", family="roberta")
    ss.EncoderTrainer(objective="tsdae", base=folder, **TINY).train(TEXTS, out=tmp_path / "e", progress=False)
    assert np.isfinite(history_of(tmp_path / "e")[-1].loss)


@pytest.mark.parametrize("deletion", [-0.1, 1.1, "half"])
def test_a_share_is_between_0_and_1(deletion):
    with pytest.raises(InputError, match="deletion"):
        TSDAE(deletion=deletion)
