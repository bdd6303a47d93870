"""Training as a person runs it: killed and gone on with, on a full disk, in a shell, opened elsewhere."""

import json
import resource
from pathlib import Path

import numpy as np
import pytest

import semspace as ss
from semspace.bundle import open_bundle
from semspace.cli import main
from semspace.errors import InputError
from semspace.words import row_layout
from tests.killed import needs_sigkill, run_until_killed
from tests.words import KINDS, two_topics

OPTIONS = {"dim": 16, "epochs": 30, "sample": 0, "threads": 2, "deterministic": True, "seed": 4}
CHILD = """
import sys
import semspace as ss
from semspace.words import row_layout
from tests.words import two_topics
row_layout.MIN_WORDS_PER_THREAD = 3  # two threads work in step on ten words
ss.Word2Vec(**{options!r}).train(two_topics(), checkpoint=sys.argv[1], checkpoint_minutes=0)
"""
ROOT = Path(__file__).parent.parent


def reached(place):
    try:
        return open_bundle(place, "checkpoint").meta["reached"]["epoch"]
    except ss.SemspaceError:  # not there yet, or just being replaced
        return 0


@needs_sigkill
def test_after_kill_9_the_vectors_are_those_of_an_uninterrupted_training(tmp_path, monkeypatch):
    monkeypatch.setattr(row_layout, "MIN_WORDS_PER_THREAD", 3)
    place = tmp_path / "c"
    run_until_killed(CHILD.format(options=OPTIONS), place, after=3)
    assert 1 <= reached(place) < OPTIONS["epochs"]
    (tmp_path / ".c.new-0123abcd").mkdir()  # as if it had been killed while it wrote
    (tmp_path / ".d.new-0123abcd").mkdir()  # another's
    trainer = ss.Word2Vec(**OPTIONS)
    rest = trainer.train(two_topics(), checkpoint=place, resume=True)
    assert rest.fingerprint == trainer.train(two_topics()).fingerprint
    assert len(rest.history) == OPTIONS["epochs"]
    assert sorted(path.name for path in tmp_path.iterdir()) == [".d.new-0123abcd", "c"]


def test_a_disk_that_is_full_is_one_sentence_and_nothing_half_written(tmp_path):
    tokens = ss.Tokens.from_corpus(two_topics())
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (200, hard))
    try:
        with pytest.raises(InputError, match=r"cannot write .*c: File too large; free disk space"):
            ss.Word2Vec(**OPTIONS).train(tokens, checkpoint=tmp_path / "c", checkpoint_minutes=0)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert not [*tmp_path.iterdir()]


def test_gensim_opens_what_was_trained_here(tmp_path):
    from gensim.models import KeyedVectors

    words = ss.Word2Vec(dim=16, epochs=5, sample=0, seed=1).train(two_topics())
    ss.write_vectors(words, tmp_path / "w.bin", format="word2vec-binary")
    for keyed in (ss.to_gensim(words), KeyedVectors.load_word2vec_format(str(tmp_path / "w.bin"), binary=True)):
        assert np.array_equal(keyed.vectors, words.vectors)
        for word in words:
            theirs = [id for id, _ in keyed.most_similar(word, topn=4)]
            assert theirs == list(words.most_similar(word, 4).ids)


# -- in a shell -------------------------------------------------------------------------------------------


@pytest.fixture
def shell(tmp_path, monkeypatch, capsys):
    """Run a command in a folder with a text and word pairs; give exit code, output, errors."""
    monkeypatch.chdir(tmp_path)
    lines = [{"text": text} for text in two_topics().texts]
    Path("text.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    Path("pairs.tsv").write_text("cat\tdog\t9\ngold\tiron\t8\ncat\tiron\t1\ncow\ttin\t2\n")

    def run(*arguments):
        code = main([str(argument) for argument in arguments])
        return code, *capsys.readouterr()

    return run


TRAIN = ("train", "word2vec", "text.jsonl", "--out", "w", "--dim", 8, "--epochs", 2)


def test_train_with_everything(shell):
    options = ("--subword", "--deterministic", "--evaluator", "pairs.tsv", "--checkpoint", "c", "--sample", 0)
    code, out, _ = shell(*TRAIN, *options)
    assert code == 0
    assert out.splitlines()[0].split() == ["epoch", "loss", "seconds", "words_per_second", "pairs"]
    assert not Path("c").exists()  # the result is safe
    assert set(ss.load("w").most_similar("cats", 3).ids) <= set(ss.load("w").ids)
    code, out, _ = shell(*TRAIN, "--overwrite", "--init", "w", "--subword", "--json")
    assert [epoch["epoch"] for epoch in json.loads(out)["history"]] == [1, 2]


def test_train_goes_on_after_a_crash(shell, monkeypatch):
    from semspace.space import Space

    save = Space.save
    monkeypatch.setattr(Space, "save", lambda *_, **__: (_ for _ in ()).throw(InputError("the disk is gone")))
    assert shell(*TRAIN, "--checkpoint", "c", "--threads", 1)[0] == 2
    monkeypatch.setattr(Space, "save", save)
    code, _, err = shell(*TRAIN, "--checkpoint", "c", "--threads", 1)
    assert code == 2
    assert "resume from it with --resume, or choose another path" in err
    assert shell(*TRAIN, "--checkpoint", "c", "--threads", 1, "--resume")[0] == 0
    expected = ss.Word2Vec(dim=8, epochs=2, threads=1).train(ss.Corpus.read("text.jsonl"))
    assert ss.load("w").fingerprint == expected.fingerprint


def test_train_joins_phrases(shell):
    Path("text.jsonl").write_text(
        '{"text": "new york is not york nor is it new"}\n' * 3 + '{"text": "new york"}\n' * 40
    )
    assert shell(*TRAIN, "--phrases", 1, "--min-count", 3)[0] == 0
    assert "new_york" not in ss.load("w")  # too few other words: their score says that they come together by chance
    texts = [f"in new york the {noun} of the {other}" for noun in "abcdefghijk" for other in "lmnopqrstu"]
    Path("text.jsonl").write_text("".join(json.dumps({"text": text}) + "\n" for text in texts))
    assert shell(*TRAIN, "--phrases", 2, "--overwrite")[0] == 0


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        (("--dim", 0), "dim must be a whole number of at least 1; got 0"),
        (("--min-count", 9_999), "lower min_count or give more text"),
        (("--architecture", "glove"), "architecture must be one of cbow, skipgram; got 'glove'"),
        (("--backend", "gensim", "--checkpoint", "c"), "--checkpoint needs --backend 'native'"),
        (("--init", "nothing"), "there is no file or folder nothing"),
        (("--evaluator", "nothing"), "no task 'nothing'"),
        (("--resume",), "--resume needs --checkpoint"),
        (("--checkpoint-minutes", -1), "--checkpoint-minutes must be a number of at least 0; got -1.0"),
    ],
)
def test_what_is_wrong_is_one_sentence(shell, wrong, sentence):
    code, out, err = shell(*TRAIN, *wrong)
    assert (code, out) == (2, "")
    assert sentence in err
    assert len(err.splitlines()) == 1
    assert not Path("w").exists()


def test_saved_tokens_are_trained_as_they_are(shell):
    ss.Tokens.read("text.jsonl", out="t.tokens")
    assert shell(*TRAIN[:2], "t.tokens", *TRAIN[3:], "--threads", 1)[0] == 0
    assert set(ss.load("w").ids) == {word for kind in KINDS for word in kind}
    code, _, err = shell(*TRAIN[:2], "t.tokens", *TRAIN[3:], "--overwrite", "--tokenizer", "spacy:en")
    assert code == 2
    assert "--tokenizer has no effect on t.tokens" in err
