"""A sentence taken out of its text, and learnt from."""

import numpy as np
import pytest

import semspace as ss
from semspace.errors import InputError
from semspace.training import Cloze
from semspace.training.objectives import OBJECTIVES

RIVER = "Rain fell for days. The river rose. The bridge broke."
SONG = "A choir sang in the hall.\nNobody came to listen! Was it the snow?"


def pairs(aim, texts):
    found = aim.read(texts)
    return [tuple(found.texts[i] for i in row) for row in found.rows]


@pytest.mark.parametrize(
    ("sentence", "expected"),
    [
        ("last", ("The bridge broke.", "Rain fell for days. The river rose.")),
        ("first", ("Rain fell for days.", "The river rose. The bridge broke.")),
    ],
)
def test_the_sentence_asked_for_is_taken_out(sentence, expected):
    assert pairs(Cloze(sentence=sentence, whole=0, shortest=1), [RIVER, RIVER]) == [expected]


def test_lines_and_other_marks_end_a_sentence_and_small_letters_go_on():
    assert pairs(Cloze(whole=0, shortest=1), [SONG])[0][0] == "Was it the snow?"
    assert pairs(Cloze(whole=0, shortest=1), ["They came, e.g. by ship. They saw. They won."])[0][1] == (
        "They came, e.g. by ship. They saw."
    )


def test_short_sentences_do_not_ask_but_stay_in_the_text():
    assert pairs(Cloze(whole=0, shortest=18), [RIVER]) == [("Rain fell for days.", "The river rose. The bridge broke.")]


def test_any_sentence_may_ask_and_the_seed_says_which():
    texts = [f"In {year} rain fell. In {year} snow fell. In {year} hail fell." for year in range(1900, 1960)]
    aims = [Cloze(sentence="any", whole=0, shortest=1, seed=seed) for seed in (1, 1, 2)]
    first, same, other = (pairs(aim, texts) for aim in aims)
    assert first == same != other
    assert {asks.split()[2] for asks, _ in first} == {"rain", "snow", "hail"}
    assert all(asks not in rest and len(rest.split(". ")) == 2 for asks, rest in first)


def test_a_share_keeps_its_sentence():
    texts = [f"It is {year}. Rain fell in {year}. Snow fell in {year}." for year in range(1000, 2000)]
    kept = np.mean([asks in rest for asks, rest in pairs(Cloze(whole=0.25, shortest=1), texts)])
    assert 0.2 < kept < 0.3
    assert all(asks in rest for asks, rest in pairs(Cloze(whole=1, shortest=1), texts))


def test_texts_too_short_are_left_out_or_said():
    assert len(Cloze(shortest=1).read([RIVER, "One. Two."])) == 1
    with pytest.raises(InputError, match="none of 1 texts has 3 sentences"):
        Cloze().read(["One. Two."])
    with pytest.raises(InputError, match="sentence must be one of any, first, last"):
        Cloze(sentence="middle")
    with pytest.raises(InputError, match="whole must be"):
        Cloze(whole=1.5)


def test_sentences_find_their_texts_better_after_it(tiny_folder):
    """Planted: each subject has words of its own, which all its sentences are made of."""
    draw = np.random.default_rng(0)
    subjects = [list(letters) for letters in ("abc", "def", "ghi", "jkl", "mno", "pqr", "stu", "vwx")]
    texts = [
        " ".join(" ".join(draw.choice(own, 2)).capitalize() + "." for _ in range(3)) + f" {i}"
        for i, own in enumerate(subjects * 10)
    ]
    assert OBJECTIVES["cloze"] is Cloze
    aim = Cloze(shortest=1, sentence="first", whole=0)
    task = aim.task(aim.read(texts[60:]))
    trainer = ss.EncoderTrainer(
        objective=aim,
        base=tiny_folder,
        epochs=6,
        batch_size=16,
        learning_rate=5e-3,
        held_out=0,
        threads=1,
        precision="float32",
    )
    trained = trainer.train(ss.Corpus.from_texts(texts[:60]), progress=False)
    assert task.score(trained).value > task.score(ss.Encoder.load(tiny_folder)).value + 0.1
