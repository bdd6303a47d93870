"""What encoders learn from: all the forms that people have it in, what is refused and why, and what is held out."""

import json
import re
import subprocess
import sys
import warnings
from itertools import pairwise

import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

import semspace as ss
from semspace.errors import InputError, SemspaceError, SemspaceWarning
from semspace.evaluation import STS
from semspace.training import CoSENT, MultipleNegatives, SimCSE, SupervisedContrastive
from semspace.training.examples import MISSING, Examples
from semspace.training.hard_negatives import mine_hard_negatives
from semspace.training.holdout import hold_out
from semspace.training.objectives import OBJECTIVES


def shown(examples):
    """Examples as people gave them: texts instead of numbers."""
    return [tuple(None if i == MISSING else examples.texts[i] for i in row) for row in examples.rows.tolist()]


# -- pairs ------------------------------------------------------------------------------------------------------

PAIRS = [("a cat", "a dog"), ("a ship", "a boat"), ("a cat", "a pet")]


def files(folder, table):
    table.write_csv(folder / "t.csv")
    table.write_csv(folder / "t.tsv", separator="\t")
    table.write_ndjson(folder / "t.jsonl")
    return [folder / "t.csv", str(folder / "t.tsv"), folder / "t.jsonl"]


@pytest.mark.parametrize("names", [("anchor", "positive"), ("question", "answer"), ("text_a", "text_b"), ("x", "y")])
def test_pairs_of_every_form(tmp_path, names):
    table = pl.DataFrame(PAIRS, schema=list(names), orient="row")
    pandas = pd.DataFrame(PAIRS, columns=list(names))
    for data in (PAIRS, [list(pair) for pair in PAIRS], iter(PAIRS), table, pandas, *files(tmp_path, table)):
        examples = MultipleNegatives().read(data)
        assert shown(examples) == PAIRS
        assert len(examples.texts) == 5  # each text once


def test_columns_go_by_their_names_wherever_they_stand():
    table = pl.DataFrame({"id": ["x"], "positive": ["b"], "note": ["n"], "negative": ["c"], "anchor": ["a"]})
    assert shown(MultipleNegatives().read(table)) == [("a", "b", "c")]


def test_columns_that_were_guessed_are_said(tmp_path):
    rows = {"id": ["1", "2"], "text": ["a", "b"], "year": [2000, 2001], "tag": ["x", "y"]}
    table = pl.DataFrame(rows)
    said = r"taken from the columns 'text', 'tag', and their number from 'year'; if these aren't the ones, rename"
    for data in (table, pd.DataFrame(rows), files(tmp_path, table)[0]):
        refused = pytest.raises(InputError, match=r"0 and 1; got 2000 to 2001: .*if the column isn't a label, leave it")
        with pytest.warns(SemspaceWarning, match=said), refused:
            MultipleNegatives().read(data)
    with pytest.warns(SemspaceWarning, match="columns 'text', 'tag', 'more'"):  # the third might be no negative
        MultipleNegatives().read(pl.DataFrame({"text": ["a"], "tag": ["x"], "more": ["y"]}))


def test_columns_that_cannot_be_guessed_are_asked_for():
    table = pl.DataFrame({"id": ["1"], "text": ["a"], "tag": ["b"], "n": [1], "m": [1]})
    for data in (table, table.drop("n", "tag"), table.drop("n").with_columns(pl.col("m").cast(pl.Date))):
        with pytest.raises(InputError, match=r"columns are id, text, .*: rename two of them; .*SupervisedContrastive"):
            MultipleNegatives().read(data)


def test_columns_that_say_what_they_are_need_no_word():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for table in (
            {"anchor": ["a"], "positive": ["b"], "note": ["n"], "year": [1]},
            {"id": ["1"], "question": ["a"], "answer": ["b"], "votes": [7]},
            {"x": ["a"], "y": ["b"]},
            {"id": ["1"], "x": ["a"], "y": ["b"]},
        ):
            assert len(MultipleNegatives().read(pl.DataFrame(table))) == 1
        scored = {"sentence1": ["a", "c"], "sentence2": ["b", "d"], "score": [0.5, 1]}
        for data in (pl.DataFrame(scored), list(zip(*scored.values(), strict=True))):
            assert len(CoSENT().read(data)) == 2


def test_triples_with_and_without_a_negative(tmp_path):
    triples = [("a", "b", "c"), ("d", "e", None)]
    table = pl.DataFrame(triples, schema=["anchor", "positive", "negative"], orient="row")
    (tmp_path / "t.csv").write_text("anchor,positive,negative\na,b,c\nd,e,\n")
    for data in (triples, table, pd.DataFrame(triples), tmp_path / "t.csv"):
        assert shown(MultipleNegatives().read(data)) == triples


def test_labels_make_negatives_of_pairs_that_do_not_belong_together(tmp_path):
    rows = [("a", "b", 1), ("a", "c", 0), ("d", "e", 1), ("f", "e", 0), ("g", "h", 1)]
    expected = [("a", "b", "c"), ("d", "e", "f"), ("g", "h", None)]
    table = pl.DataFrame(rows, schema=["sentence1", "sentence2", "label"], orient="row")
    booleans = [(a, b, bool(label)) for a, b, label in rows]
    for data in (rows, booleans, table, table.with_columns(pl.col("label").cast(bool)), *files(tmp_path, table)):
        assert shown(MultipleNegatives().read(data)) == expected


def test_labels_that_contradict_each_other_are_said():
    rows = [("a", "b", 1), ("b", "a", 0), ("a", "b", 0), ("a", "c", 0), ("d", "c", 1)]
    with pytest.warns(SemspaceWarning, match=r"2 pairs have both labels, 0 and 1; label 1 is used \(the first: b / a"):
        assert shown(MultipleNegatives().read(rows)) == [("a", "b", "c"), ("d", "c", "a")]


def test_labelled_pairs_that_teach_nothing_here_are_said():
    rows = [("a", "b", 1), ("a", "c", 0), ("x", "y", 0), ("y", "z", 0)]
    said = r"2 of 4 pairs have label 0 and no text .* \(objective='scored' would use them\) \(the first: x / y\)"
    with pytest.warns(SemspaceWarning, match=said):
        assert shown(MultipleNegatives().read(rows)) == [("a", "b", "c")]
    assert len(CoSENT().read(rows)) == 4


# -- scores -----------------------------------------------------------------------------------------------------

SCORED = [("a", "b", 5), ("a", "c", 0.5), ("d", "e", 2)]


def test_scores_of_every_form(tmp_path):
    table = pl.DataFrame(
        [(a, b, float(c)) for a, b, c in SCORED], schema=["sentence1", "sentence2", "score"], orient="row"
    )
    for data in (SCORED, table, pd.DataFrame(SCORED), STS("mine", SCORED), *files(tmp_path, table)):
        examples = CoSENT().read(data)
        assert shown(examples) == [("a", "b"), ("a", "c"), ("d", "e")]
        assert examples.targets.tolist() == [5, 0.5, 2]


def test_scores_that_turn_into_fractions_after_many_whole_ones():
    rows = [(f"a{i}", f"b{i}", 1) for i in range(300)] + [("c", "d", 0.25)]
    assert CoSENT().read(rows).targets.tolist() == [1.0] * 300 + [0.25]


def test_a_pair_with_two_scores_counts_once_with_their_mean():
    with pytest.warns(SemspaceWarning, match="1 pairs occur more than once with different numbers; the mean is used"):
        examples = CoSENT().read([("a", "b", 1), ("c", "d", 4), ("b", "a", 2), ("c", "d", 4)])
    assert shown(examples) == [("a", "b"), ("c", "d")]
    assert examples.targets.tolist() == [1.5, 4]


# -- labels and texts -------------------------------------------------------------------------------------------


def test_labels_of_every_form(tmp_path):
    rows = [("a", "x"), ("b", "y"), ("c", "x"), ("d", "y"), ("e", "z")]
    table = pl.DataFrame(rows, schema=["text", "label"], orient="row")
    corpus = ss.Corpus.from_frame(table.with_columns(id=pl.col("text")))
    for data in (rows, table, pd.DataFrame(rows), corpus, *files(tmp_path, table)):
        examples = SupervisedContrastive().read(data)
        assert shown(examples) == [("a",), ("b",), ("c",), ("d",)]  # the label of one document teaches nothing
        assert examples.targets.tolist() == [0, 1, 0, 1]
    with pytest.raises(InputError, match="labels: there is no column 'topic'; the columns are id, text, label"):
        SupervisedContrastive(label="topic").read(corpus)


def test_a_text_with_two_labels_is_left_out_and_said():
    rows = [("a", "x"), ("b", "y"), ("a", "y"), ("c", "x"), ("d", "y"), ("e", "x"), ("c", "x")]
    with pytest.warns(SemspaceWarning, match=r"1 texts have more than one label and are left out .*: a\)"):
        examples = SupervisedContrastive().read(rows)
    assert shown(examples) == [("b",), ("c",), ("d",), ("e",)]


def test_texts_alone_of_every_form(tmp_path):
    texts = ["a b", "c d", "a b"]
    (tmp_path / "t.txt").write_text("a b\nc d\na b\n")
    for data in (texts, ss.Corpus.from_texts(texts), tmp_path / "t.txt", (text for text in texts)):
        assert shown(SimCSE().read(data)) == [("a b", "a b"), ("c d", "c d")]


# -- what is refused --------------------------------------------------------------------------------------------


PAIR, SCORE, LABEL, TEXT = MultipleNegatives, CoSENT, SupervisedContrastive, SimCSE


@pytest.mark.parametrize(
    ("objective", "data", "message"),
    [
        (PAIR, [("a", "b"), ("c", " "), ("d", "")],
         "2 of 3 pairs have an empty text (the first in row 2); remove them"),
        (PAIR, [("a", None), ("c", "d")], "1 of 2 pairs have an empty text (the first in row 1); remove them"),
        (PAIR, pd.DataFrame({"anchor": ["a"], "positive": [float("nan")]}), "pairs must be texts; got Null values"),
        (PAIR, [], "pairs must be tuples of the same length, 2 or more; got none"),
        (PAIR, pl.DataFrame({"anchor": [], "positive": []}, schema={"anchor": pl.String, "positive": pl.String}),
         "the data have no pairs to train on"),
        (PAIR, None, "pairs must be tuples of texts, a DataFrame, or the path of a table; got NoneType"),
        (PAIR, 5, "pairs must be tuples of texts, a DataFrame, or the path of a table; got int"),
        (PAIR, ss.Corpus.from_texts(["a"]),
         "pairs must be tuples of texts, a DataFrame, or the path of a table; got Corpus"),
        (PAIR, {"a": ["x", "y"]}, "pairs need two columns of texts, such as anchor and positive"),
        (PAIR, ["a", "b"], "pairs must be tuples of the same length, 2 or more; got tuples of length 1"),
        (PAIR, [("a", "b"), ("a", "b", "c")],
         "pairs must be tuples of the same length, 2 or more; got tuples of length 2, 3"),
        (PAIR, [(1, 2), (3, 4)],
         "pairs need two columns of texts, such as anchor and positive, or sentence1 and sentence2; the "
         "columns are column 1, column 2"),
        (PAIR, [("a", 2), ("b", "c")], "pairs must have values of one type in each column; column 2 has int, str"),
        (PAIR, pd.DataFrame({"anchor": ["a", 1], "positive": ["b", "c"]}),
         "pairs must have values of one type in each column; anchor has int, str"),
        (PAIR, [("a", "b", 0.5), ("c", "d", 1)],
         "labels of pairs must be 0 and 1; got 0.5 to 1: for graded pairs use objective='scored'"),
        (PAIR, [("a", "b", 1), ("c", "d", 1)],
         "all 2 pairs have the label 1; give pairs with both labels, or omit the column if all belong together"),
        (PAIR, [("a", "b", 0), ("c", "d", 0)], "all 2 pairs have the label 0; give pairs with both labels"),
        (SCORE, [("a", "b", 1.0), ("c", "d", float("nan"))],
         "1 of 2 scored pairs have no finite number (the first in row 2); remove them"),
        (SCORE, [("a", "b", 1.0), ("c", "d", None)],
         "1 of 2 scored pairs have no finite number (the first in row 2); remove them"),
        (SCORE, pl.DataFrame({"sentence1": ["a"], "sentence2": ["b"], "score": ["good"]}),
         "1 of 1 scored pairs have no finite number (the first in row 1); remove them"),
        (SCORE, [("a", "b", 1), ("c", "d", 1)],
         "all scored pairs have the score 1; at least two different scores are needed"),
        (SCORE, [("a", "b"), ("c", "d")],
         "scored pairs need two texts and a number each, such as the columns sentence1, sentence2 and score; "
         "for pairs without a score use objective='pairs'"),
        (LABEL, [("a", 1), ("b", 1)],
         "at least two labels with two documents each are needed; got 2 documents with 1 label, 1 of which have two "
         "documents or more"),
        (LABEL, [("a", 1), ("b", 1), ("c", 2)], "got 3 documents with 2 labels, 1 of which have two documents"),
        (LABEL, [("a", 1, 2)],
         "labelled documents need a text and a label each; got the columns column 1, column 2, column 3"),
        (LABEL, [("", 1), ("b", 1)], "1 of 2 labelled documents have an empty text"),
        (TEXT, ["a", ""], "texts must be a Corpus, a path, or non-empty texts; got '' in row 2"),
        (TEXT, ["a", 3], "texts must be a Corpus, a path, or non-empty texts; got 3 in row 2"),
        (TEXT, [], "texts must be a Corpus, a path, or non-empty texts; got list"),
        (TEXT, 7, "texts must be a Corpus, a path, or non-empty texts; got int"),
    ],
)  # fmt: skip
def test_what_cannot_be_learnt_from_is_refused_in_one_sentence(objective, data, message):
    with pytest.raises(InputError) as problem:
        objective().read(data)
    assert message in str(problem.value)


def test_fewer_examples_than_a_batch(tiny_folder):
    trainer = ss.EncoderTrainer(base=tiny_folder, held_out=0)
    expected = "batch_size is 32, but there are only 3 pairs to train on; give more data, or a smaller batch_size"
    with pytest.raises(InputError, match=re.escape(expected)):
        trainer.train(PAIRS)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"objective": "pear"}, "objective must be one of"),
        ({"base": 5}, "base must be a model's name or folder, an Encoder, a SmallTransformer, or None"),
        ({"batch_size": 1}, "batch_size must be a whole number of at least 2; got 1"),
        ({"epochs": 0}, "epochs must be"),
        ({"held_out": 0.95}, "held_out must be"),
        ({"learning_rate": 0.0}, "learning_rate must be"),
        ({"dropout": 1.5}, "dropout must be"),
        ({"dropout": 0.0, "objective": "simcse"}, "dropout must be above 0 for SimCSE"),
        ({"max_tokens": 3}, "max_tokens must be"),
        ({"patience": 0}, "patience must be"),
        ({"matryoshka": (8, 0)}, "matryoshka must be"),
        ({"freeze_embeddings": 1}, "freeze_embeddings must be"),
        ({"lora_rank": 0, "base": "x"}, "lora_rank must be a whole number of at least 1; got 0"),
        ({"lora_rank": 4}, "lora_rank adapts a model; with objective MultipleNegatives and no base there is none yet"),
        ({"precision": "int8"}, "precision must be one of"),
        ({"seed": -1}, "seed must be"),
        ({"threads": 0}, "threads must be"),
    ],
)
def test_parameters_of_a_trainer_are_checked(wrong, message):
    with pytest.raises(InputError, match=f"^{re.escape(message)}"):
        ss.EncoderTrainer(**wrong)


# -- held out ---------------------------------------------------------------------------------------------------


def texts_in(examples):
    return {examples.texts[i] for i in examples.rows.ravel().tolist() if i != MISSING}


@given(
    rows=st.lists(st.tuples(st.integers(0, 60), st.integers(61, 120)), min_size=20, max_size=60),
    seed=st.integers(0, 99),
)
def test_what_is_held_out_shares_no_text_with_what_is_learnt_unless_nearly_all_hang_together(rows, seed):
    examples = MultipleNegatives().read([(f"t{a}", f"t{b}") for a, b in rows])
    learnt, task = hold_out(MultipleNegatives(), examples, 0.3, seed)
    held = len(examples) - len(learnt)
    assert held <= round(0.3 * len(examples))
    if task is None:
        assert held == 0
        return
    judged = {*task.questions.texts, *task.documents.texts}
    if judged & texts_in(learnt):  # only where drawing whole groups gave less than half of what is wanted
        assert held == round(0.3 * len(examples))


def test_pairs_with_a_common_text_are_held_out_together():
    rows = [(f"question {i // 2}", f"answer {i}") for i in range(80)]
    examples = MultipleNegatives().read(rows)
    learnt, task = hold_out(MultipleNegatives(), examples, 0.2, 3)
    assert (len(learnt), len(task.questions), len(task.documents)) == (64, 8, 16)
    assert not {*task.questions.texts, *task.documents.texts} & texts_in(learnt)
    assert all(len(grades) == 2 for grades in task.relevant.values())


def test_where_all_hang_together_single_pairs_are_held_out():
    examples = MultipleNegatives().read([("the hub", f"spoke {i}") for i in range(40)])
    learnt, task = hold_out(MultipleNegatives(), examples, 0.25, 0)
    assert (len(learnt), len(task.documents), len(task.questions)) == (30, 10, 1)


def test_too_few_to_judge_by_are_learnt_from_instead():
    for objective, data in (
        (MultipleNegatives(), PAIRS),
        (CoSENT(), SCORED),
        (SupervisedContrastive(), [(f"t{i}", i % 2) for i in range(10)]),
        (SimCSE(), ["a", "b", "c", "d", "e"]),
    ):
        examples = objective.read(data)
        learnt, task = hold_out(objective, examples, 0.2, 0)
        assert (len(learnt), task) == (len(examples), None)


def test_partners_are_known_beyond_what_is_learnt():
    examples = MultipleNegatives().read(PAIRS)
    part = examples.take(np.array([1])).take(np.array([0]))
    assert part.positives == {0: {0, 2, 4}, 2: {0, 2}, 1: {1, 3}, 3: {1, 3}, 4: {0, 4}}


# -- hard negatives ---------------------------------------------------------------------------------------------


def fake(vectors):
    """An encoder that knows the vector of each text by its number."""
    return lambda texts: np.array([vectors[int(text)] for text in texts], np.float32)


def on_circle(*degrees):
    return [(np.cos(np.radians(a)), np.sin(np.radians(a))) for a in degrees]


def test_near_texts_that_are_neither_partners_nor_too_near_are_found():
    """Text 0 at 0°, its partner at 40°; others at 10° (too near), 50°, 60° and 120°; 70° is a partner elsewhere."""
    vectors = on_circle(0, 40, 180, 10, 181, 50, 182, 60, 183, 120, 184, 45)
    rows = np.array([[0, 1], [2, 3], [4, 5], [6, 7], [8, 9], [0, 11]], np.int32)
    examples = Examples([str(i) for i in range(12)], rows)
    found = mine_hard_negatives(examples, fake(vectors), n=3, margin=0.95)
    assert found[0].tolist() == [5, 7, 9]  # the nearest first
    assert found[5].tolist() == [5, 7, 9]
    assert mine_hard_negatives(examples, fake(vectors), n=2, margin=0.7)[0].tolist() == [
        7,
        9,
    ]  # 50° is above 0.7 of 40°'s cosine
    few = mine_hard_negatives(examples.take(np.array([0])), fake(vectors), n=2, margin=0.95)
    assert few.tolist() == [[MISSING, MISSING]]  # the only candidate is the partner


@given(
    n=st.integers(3, 30),
    each=st.integers(1, 4),
    margin=st.sampled_from([0.5, 0.95, 1.0]),
    seed=st.integers(0, 1000),
)
def test_margin_and_partners_hold_for_any_vectors(n, each, margin, seed):
    draw = np.random.default_rng(seed)
    vectors = draw.normal(size=(2 * n, 3)).astype(np.float32) + 1
    rows = np.stack([draw.integers(0, n, n), draw.integers(n // 2, 2 * n, n)], axis=1).astype(np.int32)
    examples = Examples([str(i) for i in range(2 * n)], rows)
    found = mine_hard_negatives(examples, fake(vectors), n=each, margin=margin)
    directions = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    cosines = directions @ directions.T
    for (a, b), own in zip(rows.tolist(), found.tolist(), strict=True):
        kept = [i for i in own if i != MISSING]
        good = [
            i for i in set(rows[:, 1].tolist())
            if i not in examples.positives[a] and cosines[a, i] < margin * cosines[a, b] - 1e-6
        ]  # fmt: skip
        assert not set(kept) & examples.positives[a]
        assert all(cosines[a, i] < margin * cosines[a, b] + 1e-6 for i in kept)
        assert min(len(good), each) <= len(kept) <= each
        assert len(set(kept)) == len(kept)
        assert all(cosines[a, i] > cosines[a, j] - 1e-6 for i, j in pairwise(kept))


def test_examples_are_told_apart_by_their_fingerprint():
    from semspace.training.pipeline import fingerprint

    first = fingerprint(MultipleNegatives().read(PAIRS))
    assert first == fingerprint(MultipleNegatives().read(json.loads(json.dumps(PAIRS))))
    others = [
        fingerprint(MultipleNegatives().read(data)) for data in (PAIRS[:2], PAIRS[::-1], [(b, a) for a, b in PAIRS])
    ]
    assert len({first, *others}) == 4


# -- names of before 0.2 ----------------------------------------------------------------------------------------------


def test_old_names_of_hyper_parameters_still_work_and_warn():
    with pytest.warns(FutureWarning, match=r"EncoderTrainer\(chunk_tokens=\) is now called micro_batch_tokens="):
        trainer = ss.EncoderTrainer(chunk_tokens=77)
    with pytest.warns(FutureWarning, match=r"EncoderTrainer\(evaluations=\) is now called evals_per_epoch="):
        assert ss.EncoderTrainer(evaluations=3).evals_per_epoch == 3
    assert trainer.micro_batch_tokens == 77


@pytest.mark.parametrize(("old", "new"), [("start", "init"), ("evaluate", "evaluator"), ("into", "out")])
def test_old_names_of_what_train_takes_still_work_and_warn(old, new, tmp_path):
    value = {"start": "no space", "evaluate": "no-such-task", "into": tmp_path}[old]
    with pytest.raises(SemspaceError), pytest.warns(FutureWarning, match=rf"train\({old}=\) is now called {new}="):
        ss.EncoderTrainer().train([], **{old: value})


# -- what is imported ---------------------------------------------------------------------------------------------


def test_the_room_imports_an_objective_when_it_is_first_used():
    code = "import sys, semspace.training.checkpoint; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, check=True)
    names = loaded.stdout.split()
    assert {"torch", "transformers", "sklearn", "scipy", "numba"}.isdisjoint(name.partition(".")[0] for name in names)
    assert "semspace.training.objectives" not in names


def test_the_room_has_the_objectives_and_no_other_names():
    names = {"Objective", "SmallTransformer", *(kind.__name__ for kind in OBJECTIVES.values())}
    assert names <= set(dir(ss.training))
    assert all(getattr(ss.training, name).__name__ == name for name in names)
    with pytest.raises(AttributeError, match=r"'semspace\.training' has no attribute 'Spice'"):
        _ = ss.training.Spice
