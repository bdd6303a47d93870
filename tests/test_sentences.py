"""Where sentences end: one rule for training, passages, distillation and readability, in any script."""

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import semspace as ss
from semspace.text.sentences import sentence_counts, sentence_spans, split_sentences


@pytest.mark.parametrize(
    "sentences",
    [
        ["Mr. Smith met Dr. Jones at 5 p.m. in London.", "They left."],
        ["It cost 3.5 million, e.g. in No. 7 of them.", "See Fig. 2 and vol. 3!"],
        ["J. R. R. Tolkien wrote it.", "А. С. Пушкин тоже."],
        ['He said: "Stop."', "Then he left…", '"Why?"', "«Tja.»", "Und?"],
        ["“Stop!” he said.", "(Nobody slept.)", "3 people died."],
        ["Der 3. Oktober ist frei.", "Am 4. nicht."],
        ["今天很好。", "我们去！", "你…？", "“好。”", "他说。"],
        ["これは一つ。", "「二つ。」", "三つ．", "四つ"],
        ["यह एक है।", "यह दो है॥"],
        ["هل هذا اثنان؟", "نعم", "یہ ایک ہے۔", "یہ دو"],
        ["ខ្ញុំ។", "អ្នក។"],
        ["မင်္ဂလာပါ။", "ကောင်းပါတယ်။"],
        ["Սա մեկն է։", "Սա երկուսն է։"],
        ["i went home.", "then i slept!", "ok?"],
    ],
)
def test_sentences(sentences):
    # A line of its own ends a sentence as well where no mark does.
    text = "".join(one + ("\n" if one[-1].isalnum() else " ") for one in sentences)
    assert split_sentences(text) == sentences


@pytest.mark.parametrize(
    ("text", "sentences"),
    [
        ("A title\nAnother line\n\n- an item", ["A title", "Another line", "- an item"]),
        (
            "It was a long line that\nwas broken before\nLondon.\n\nNext",
            ["It was a long line that\nwas broken before\nLondon.", "Next"],
        ),
        ("1. Intro\r\n2. Method", ["1. Intro", "2. Method"]),
        ("今天很好\n我们去", ["今天很好", "我们去"]),
        ("One\u2029Two\u2028Three", ["One", "Two", "Three"]),
        ("...", ["..."]),
        ("", []),
        (" \n ", []),
    ],
)
def test_lines(text, sentences):
    assert split_sentences(text) == sentences


@settings(max_examples=200, deadline=None)
@given(st.text('aA.!? \n"”(。「3é…१।؟\r－—今．DrNo', max_size=25))
def test_spans_are_the_text_and_counts_are_their_number(text):
    found = sentence_spans(text)
    assert "".join("".join(text[a:b] for a, b in found).split()) == "".join(text.split())
    assert all(text[a:b] == text[a:b].strip() != "" for a, b in found)
    assert found == sorted(found)
    assert sentence_counts(pl.Series([text])).tolist() == [max(1, len(found))]


def test_counts_of_a_column():
    texts = pl.Series(["One. Two", None, "a\nb. c", "It is\nwrapped. Yes"])
    assert sentence_counts(texts).tolist() == [2, 1, 3, 2]


def test_chinese_sentences_are_distilled_from():
    from semspace.sentences.sentence_sample import sample_sentences

    corpus = ss.Corpus.from_texts([f"今天第{i}天天气很好。我们去公园散步！好。" for i in range(5)])
    drawn = sample_sentences(corpus, 100, 1)
    assert sorted(drawn) == sorted([*(f"今天第{i}天天气很好。" for i in range(5)), "我们去公园散步！"])


def test_passages_end_with_sentences_of_any_script():
    from semspace.sentences.passages import passages

    text = "今天很好。我们去公园。他说好。"
    found = passages(text, [(i, i + 1) for i in range(len(text))], limit=11, overlap=0)
    assert [text[a:b] for a, b in found] == ["今天很好。我们去公园。", "他说好。"]
