"""Distillation: layers that are dropped, a teacher that is learnt, and what can't be."""

import copy
import json
from itertools import combinations

import numpy as np
import pytest
import torch

import semspace as ss
from semspace.errors import InputError
from semspace.sentences.training_history import TrainingHistory
from semspace.training import Distillation, SmallTransformer, layer_selection
from semspace.training.base_model import open_model
from semspace.training.distillation_task import TeacherAgreement
from semspace.training.examples import Examples
from semspace.training.loop import TrainingLoop
from semspace.training.objectives.distillation import _resized
from semspace.training.objectives.objective import Batch
from tests.conftest import make_tiny_model

NAMES = ("ann", "bob", "cid", "dan", "eve", "fay")
TEXTS = [f"{a} {verb} {b}." for a in NAMES for verb in ("met", "saw", "hid") for b in NAMES if a != b]
OPTIONS = {"epochs": 1, "batch_size": 10, "threads": 1, "precision": "float32"}


def deep(folder, seed=0):
    """A tiny model of four layers."""
    made = make_tiny_model(folder, seed=seed)
    import transformers

    config = transformers.BertConfig.from_pretrained(made)
    config.num_hidden_layers = 4
    torch.manual_seed(seed + 1)
    model = transformers.BertModel(config)
    for weights in model.parameters():
        if weights.ndim > 1:
            torch.nn.init.normal_(weights, 0.0, 0.2)
    model.save_pretrained(made)
    return made


@pytest.fixture(scope="module")
def teacher(tmp_path_factory):
    return deep(tmp_path_factory.mktemp("models") / "deep")


def history_of(folder):
    return TrainingHistory.of(json.loads((folder / "training.json").read_text())["history"])


def weights_of(base):
    return [layer.attention.self.query.weight for layer in base.model.encoder.layer]


# -- layers -----------------------------------------------------------------------------------------------------


def test_the_layers_kept_are_those_asked_for(teacher):
    whole = open_model(teacher)
    cut = Distillation(teacher=teacher, layers=(3, 1)).initial_model(None, Examples.from_texts(TEXTS))
    assert cut.model.config.num_hidden_layers == 2
    for found, wanted in zip(weights_of(cut), [weights_of(whole)[i] for i in (3, 1)], strict=True):
        torch.testing.assert_close(found, wanted, rtol=0, atol=0)
    assert cut.name.endswith("layers 3, 1")
    assert layer_selection.count_layers(whole) == 4


def test_the_layers_chosen_agree_best_of_all(teacher):
    objective = Distillation(teacher=teacher, layers=2)
    wanted = objective.teacher_vectors(TEXTS)
    whole = open_model(teacher)
    upper = np.triu_indices(len(TEXTS), 1)

    def agreement(layers):
        model = layer_selection.keep_layers(whole, layers).model.eval()
        tokenizer = ss.Encoder.load(teacher).tokenizer
        read = tokenizer.read(TEXTS)
        with torch.inference_mode():
            rows = np.split(read.tokens.astype(np.int64), read.starts[1:-1])
            found = [model(torch.from_numpy(row)[None]).last_hidden_state[0].mean(dim=0) for row in rows]
        vectors = torch.nn.functional.normalize(torch.stack(found), dim=1).numpy()
        return np.corrcoef((vectors @ vectors.T)[upper], (wanted @ wanted.T)[upper])[0, 1]

    right = max(combinations(range(4), 2), key=agreement)
    assert layer_selection.select_layers(whole, 2, TEXTS, wanted) == right
    assert objective.initial_model(None, Examples.from_texts(TEXTS)).name.endswith(f"layers {right[0]}, {right[1]}")
    assert layer_selection.select_layers(whole, 4, TEXTS, wanted) == (0, 1, 2, 3)


def test_where_there_are_too_many_choices_layers_are_dropped_one_by_one(teacher, monkeypatch):
    whole = open_model(teacher)
    wanted = Distillation(teacher=teacher).teacher_vectors(TEXTS)
    monkeypatch.setattr(layer_selection, "_MAX_CHOICES", 0)
    three = layer_selection.select_layers(whole, 3, TEXTS, wanted)
    assert set(layer_selection.select_layers(whole, 2, TEXTS, wanted)) < set(three)
    assert len(three) == 3


def test_choosing_leaves_the_model_as_it_was(teacher):
    whole = open_model(teacher)
    before = copy.deepcopy(whole.model.state_dict())
    implementation = whole.model.config._attn_implementation
    layer_selection.select_layers(whole, 2, TEXTS, Distillation(teacher=teacher).teacher_vectors(TEXTS))
    assert whole.model.config._attn_implementation == implementation
    assert layer_selection.count_layers(whole) == 4
    for name, value in whole.model.state_dict().items():
        torch.testing.assert_close(value, before[name], rtol=0, atol=0)


# -- learning ---------------------------------------------------------------------------------------------------


def test_a_student_of_fewer_layers_comes_nearer_to_its_teacher(teacher, tmp_path):
    trainer = ss.EncoderTrainer(
        objective=Distillation(teacher=teacher, layers=1), learning_rate=3e-3, **{**OPTIONS, "epochs": 12}
    )
    encoder = trainer.train(TEXTS, out=tmp_path / "e", progress=False)
    history = history_of(tmp_path / "e")
    assert history.task == "held-out sentences (mean cosine)"
    assert 1 - history[-1].score < (1 - history[0].score) / 2
    assert history[-1].loss < history[1].loss / 2
    facts = json.loads((tmp_path / "e" / "training.json").read_text())
    assert facts["model"]["layers"] == 1
    assert facts["trainer"]["objective"]["layers"] == 1
    held = ss.Encoder.load(teacher).encode(TEXTS)
    cosines = (encoder.encode(TEXTS) * held).sum(axis=1)
    assert cosines.mean() == pytest.approx(history[-1].score, abs=0.1)


def test_any_encoder_teaches_a_student_of_other_dimensions(tiny_folder):
    draw = np.random.default_rng(1)
    words = sorted({word for text in TEXTS for word in text.replace(".", "").split()})
    for dim in (40, 3):  # the student has 16
        taught = ss.WordAverage(
            ss.Space.from_vectors(words, draw.normal(size=(len(words), dim))), frequencies="zipf", remove_common=False
        )
        trainer = ss.EncoderTrainer(
            objective=Distillation(teacher=taught),
            base=tiny_folder,
            learning_rate=5e-3,
            held_out=0,
            **{**OPTIONS, "epochs": 6},
        )
        student = trainer.train(TEXTS, progress=False)
        before, after = (likeness(one, taught) for one in (ss.Encoder.load(tiny_folder), student))
        assert after > before + 0.2


def likeness(one, other):
    a, b = (ss.Encoder.similarity(e, e.encode(TEXTS), e.encode(TEXTS)) for e in (one, other))
    upper = np.triu_indices(len(TEXTS), 1)
    return np.corrcoef(a[upper], b[upper])[0, 1]


def test_vectors_are_shortened_by_principal_components_and_lengthened_by_zeros():
    draw = np.random.default_rng(2)
    flat = np.linalg.qr(draw.normal(size=(8, 8)))[0][:3]  # three directions of eight
    vectors = draw.normal(size=(50, 3)) @ flat
    vectors = (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)
    for dim in (3, 5, 8, 11):
        found = _resized(vectors, dim)
        assert found.shape == (50, dim)
        np.testing.assert_allclose(found @ found.T, vectors @ vectors.T, atol=1e-5)
    np.testing.assert_allclose(np.linalg.norm(_resized(vectors, 2), axis=1), 1, atol=1e-6)


def test_the_loss_by_hand():
    wanted = np.array([[1, 0], [0, 1]], np.float32)
    batch = Batch(Examples(["a", "b"], np.array([[0], [1]], np.int32), wanted), [])
    vectors = torch.tensor([[2.0, 0.0], [3.0, 3.0]])  # cosines 1 and √½ with the teacher's, √½ with each other
    half = 0.5**0.5
    assert float(Distillation().loss(vectors, batch, None)) == pytest.approx(1 - (1 + half) / 2)
    both = Distillation(similarity=3.0).loss(vectors, batch, None)
    assert float(both) == pytest.approx(1 - (1 + half) / 2 + 3 * 0.5)
    leading = Distillation().loss(vectors[:, :1], batch, None)  # both are (1): cosine 1, where 0 is wanted
    assert float(leading) == pytest.approx(1.0)


def test_agreement_by_hand(corpus):
    class Fixed:
        def encode(self, texts):
            return np.array([[2.0, 0.0], [1.0, 1.0]])[: len(texts)]

    score = TeacherAgreement("held-out", ["a", "b"], np.array([[1, 0], [0, 1]], np.float32)).score(Fixed())
    assert (score.metric, score.used) == ("mean cosine", 2)
    assert score.value == pytest.approx((1 + 0.5**0.5) / 2)


def test_documents_are_cut_into_sentences():
    long = ". ".join(f"{a} met {b}" for a in NAMES for b in NAMES[:3])
    read = Distillation(sentences=10).read(ss.Corpus.from_texts([long, "eve saw dan and left."]))
    assert len(read) == 10
    assert all(len(text.split()) in (3, 5) for text in read.texts)


def test_a_training_goes_on_from_its_checkpoint(teacher, tmp_path, monkeypatch):
    trainer = ss.EncoderTrainer(objective=Distillation(teacher=teacher, layers=2), **{**OPTIONS, "epochs": 2})
    whole = trainer.train(TEXTS, progress=False)
    step = TrainingLoop._step

    def broken(self, number, *rest):
        if number == 11:
            raise KeyboardInterrupt
        step(self, number, *rest)

    monkeypatch.setattr(TrainingLoop, "_step", broken)
    with pytest.raises(KeyboardInterrupt):
        trainer.train(TEXTS, checkpoint=tmp_path / "c", checkpoint_minutes=0, progress=False)
    monkeypatch.setattr(TrainingLoop, "_step", step)
    rest = trainer.train(TEXTS, checkpoint=tmp_path / "c", resume=True, progress=False)
    assert rest.fingerprint == whole.fingerprint
    other = ss.EncoderTrainer(objective=Distillation(teacher=teacher, layers=3), **{**OPTIONS, "epochs": 2})
    with pytest.raises(InputError, match="is of another training: objective is"):
        other.train(TEXTS, checkpoint=tmp_path / "c", resume=True, progress=False)


# -- what can't be ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"teacher": 7}, "teacher must be an Encoder, or a model's name or folder; got int"),
        ({"layers": 0}, "layers must be"),
        ({"layers": "3"}, "layers must be"),
        ({"layers": ()}, "different numbers of layers; got \\[\\]"),
        ({"layers": (1, 1)}, "different numbers of layers; got \\[1, 1\\]"),
        ({"layers": (-1, 1)}, "layers must be"),
        (
            {"student": "static"},
            r"trains transformers; for a static student call semspace.distill\(teacher, corpus, dim=",
        ),
        ({"dim": 64}, "for a static student call semspace.distill"),
        ({"sentences": 0}, "sentences"),
        ({"similarity": -1}, "similarity"),
    ],
)
def test_what_is_asked_wrongly_is_said(options, message):
    with pytest.raises(InputError, match=message):
        Distillation(**options)


@pytest.mark.parametrize(
    ("options", "base", "message"),
    [
        ({"layers": 5}, None, "layers is 5, but .* has 4 layers, numbered from 0"),
        ({"layers": (0, 4)}, None, r"layers is \(0, 4\), but .* has 4 layers, numbered from 0"),
        ({}, None, "the student would be the teacher itself; give Distillation\\(layers="),
        ({"layers": 2}, SmallTransformer(), "layers= selects layers of a model; leave it out"),
    ],
)
def test_a_student_that_cant_be_made_is_said(teacher, tiny_folder, options, base, message):
    base = tiny_folder if base == "tiny" else base
    with pytest.raises(InputError, match=message):
        ss.EncoderTrainer(objective=Distillation(teacher=teacher, **options), base=base, **OPTIONS).train(
            TEXTS, progress=False
        )


def test_a_teacher_without_layers_needs_a_base(tiny_folder):
    words = ss.WordAverage(
        ss.Space.from_vectors(["ann", "bob"], [[1, 0], [0, 1]]), frequencies="zipf", remove_common=False
    )
    with pytest.raises(InputError, match="has no layers to select from; give EncoderTrainer"):
        ss.EncoderTrainer(objective=Distillation(teacher=words, layers=2), **OPTIONS).train(TEXTS, progress=False)
    with pytest.raises(InputError, match="1 layer, of which none can be dropped"):
        ss.EncoderTrainer(objective=Distillation(teacher=tiny_folder, layers=1), **OPTIONS).train(TEXTS, progress=False)


def test_sentences_are_drawn_by_the_seed_of_the_training(teacher, monkeypatch):
    objective = Distillation(teacher=teacher, layers=1, sentences=40)
    first, again, other = (objective.read(TEXTS, seed).texts for seed in (1, 1, 2))
    assert first == again != TEXTS[:40]
    assert set(first) != set(other)
    learnt = []
    monkeypatch.setattr(TrainingLoop, "run", lambda self: learnt.append(self.examples.texts) or ())
    ss.EncoderTrainer(objective=objective, seed=2, **OPTIONS).train(TEXTS, progress=False)
    assert learnt == [other]


def test_the_name_of_the_only_kind_of_student_is_still_taken(teacher):
    assert Distillation(teacher=teacher, student="transformer", layers=2) == Distillation(teacher=teacher, layers=2)
