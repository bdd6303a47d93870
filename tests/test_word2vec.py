"""The Word2Vec trainer: what it learns, in every mode; parameters, history, going on, and refusals."""

import errno
import itertools
import json
import os

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import semspace as ss
from semspace.errors import DamagedError, ExistsError, InputError, SemspaceWarning
from semspace.history import Epoch, History
from semspace.words import checkpoint, chunks, parallel, row_layout
from semspace.words.negative_sampling import _alias_table
from semspace.words.subwords import Subwords
from tests.words import KINDS, two_topics

QUIET = {"progress": False}


@pytest.fixture
def few_words_a_thread(monkeypatch):
    """Let several threads work in step on a vocabulary of ten."""
    monkeypatch.setattr(row_layout, "MIN_WORDS_PER_THREAD", 3)


def trained(corpus=None, *, train=None, **options):
    settings = {"dim": 16, "epochs": 10, "sample": 0, "threads": 1, "seed": 3, **options}
    return ss.Word2Vec(**settings).train(corpus if corpus is not None else two_topics(), **QUIET, **(train or {}))


@pytest.mark.parametrize("backend", ["native", "gensim"])
@pytest.mark.parametrize("architecture", ["skipgram", "cbow"])
@pytest.mark.parametrize("subword", [False, True])
def test_learns_which_words_go_together(backend, architecture, subword):
    words = trained(backend=backend, architecture=architecture, subword=subword, learning_rate=0.05)
    for kind in KINDS:
        for word in kind:
            assert set(words.most_similar(word, 4).ids) == set(kind) - {word}


@pytest.mark.parametrize("architecture", ["skipgram", "cbow"])
@pytest.mark.parametrize("subword", [False, True])
@pytest.mark.parametrize("deterministic", [False, True])
@pytest.mark.usefixtures("few_words_a_thread")
def test_learns_with_several_threads(architecture, subword, deterministic):
    words = trained(
        two_topics(600), architecture=architecture, subword=subword, threads=3, deterministic=deterministic, epochs=12,
        learning_rate=0.05,
    )  # fmt: skip
    for kind in KINDS:
        for word in kind:
            assert set(words.most_similar(word, 4).ids) == set(kind) - {word}


@pytest.mark.parametrize("dim", [1, 15, 16, 17, 33, 128])
@pytest.mark.parametrize("negatives", [1, 5, 15, 17])
def test_any_width_and_any_number_of_noise_words(dim, negatives):
    """Rows are padded to whole vectors, and targets are taken sixteen at a time: neither may show."""
    words = trained(two_topics(60), dim=dim, negatives=negatives, epochs=2)
    assert words.vectors.shape == (10, dim)
    assert len({row.tobytes() for row in words.vectors}) == 10


@pytest.mark.parametrize("architecture", ["skipgram", "cbow"])
@pytest.mark.parametrize("subword", [False, True])
@pytest.mark.parametrize(("threads", "deterministic"), [(1, False), (1, True), (2, True), (3, True)])
@pytest.mark.usefixtures("few_words_a_thread")
def test_one_seed_gives_the_same_vectors(architecture, subword, threads, deterministic):
    """Bit for bit: with one thread in any case, with several where they are kept in step."""
    options = {"threads": threads, "deterministic": deterministic, "architecture": architecture, "subword": subword}
    first, second = (trained(two_topics(400), **options, epochs=3, seed=5) for _ in range(2))
    assert first.fingerprint == second.fingerprint
    assert trained(two_topics(400), **options, epochs=3, seed=6).fingerprint != first.fingerprint


def test_more_threads_than_words_can_occupy_are_in_step(monkeypatch):
    monkeypatch.setattr(parallel, "_MIN_CHUNK", 64)
    monkeypatch.setattr(parallel, "_MAX_CHUNK", 64)
    corpus = ss.Corpus.from_texts(["a b b", "b a c"] * 400)
    first, second = (trained(corpus, threads=8, deterministic=True) for _ in range(2))
    assert first.fingerprint == second.fingerprint == trained(corpus, threads=1).fingerprint


def test_one_thread_is_the_same_with_and_without_deterministic():
    assert trained(deterministic=True).fingerprint == trained().fingerprint


def test_a_single_step_by_hand():
    """One pair, one noise word that can only be the word itself, and is passed over: the loss is -log(1/2)."""
    corpus = ss.Corpus.from_texts(["a b"])
    words = trained(corpus, dim=4, epochs=1, min_count=1, window=1, negatives=1, learning_rate=1e-6)
    [epoch] = words.history
    assert epoch.pairs == 2  # a predicts b, b predicts a
    # Outputs are zeros at first, so every score is 0; a noise word adds log 2 unless it is the word that was there.
    assert any(epoch.loss == pytest.approx(n * np.log(2) / 2, rel=1e-5) for n in (2, 3, 4))


@pytest.mark.parametrize(("architecture", "pairs"), [("skipgram", 4), ("cbow", 3)])
@pytest.mark.parametrize("subword", [False, True])
def test_what_predicts_what(architecture, subword, pairs):
    """Skip-gram predicts each neighbour of a word, CBOW the word itself from all of them together."""
    corpus = ss.Corpus.from_texts(["aa bb cc"])
    words = trained(corpus, dim=4, epochs=1, min_count=1, window=1, architecture=architecture, subword=subword)
    assert words.history[0].pairs == pairs


def test_the_loss_is_that_of_the_vectors(monkeypatch):
    """With steps too small to matter, the mean loss is (1 + noise words) log 2, all scores being 0."""
    words = trained(dim=8, epochs=2, negatives=5, learning_rate=1e-9)
    for epoch in words.history:
        assert np.log(2) < epoch.loss < 6 * np.log(2) + 1e-4  # noise equal to the word is left out, of ten words
    assert trained(learning_rate=0.05, epochs=5).history[-1].loss < words.history[0].loss


def test_history(tmp_path):
    task = ss.evaluation.WordPairs(
        "mine", [("cat", "dog", 9), ("gold", "iron", 8), ("cat", "iron", 1), ("cow", "tin", 2)]
    )
    words = trained(epochs=3, train={"evaluator": task})
    history = words.history
    assert [epoch.epoch for epoch in history] == [1, 2, 3]
    assert all(epoch.words == 2_400 and epoch.words_per_second > 0 for epoch in history)
    assert history[2].loss < history[0].loss
    assert history[-1].score == pytest.approx(task.score(words).value)
    assert history.to_frame().columns == ["epoch", "loss", "seconds", "words_per_second", "mine"]
    assert "mine" in repr(history)
    figure = history.plot()
    assert figure.svg.count("<polyline") == 2
    assert "loss from" in figure.description
    assert "<svg" in history._repr_html_()
    ss.save(words, tmp_path / "w")
    assert ss.load(tmp_path / "w").history == history


def test_a_space_without_training_has_no_history(space):
    assert len(space.history) == 0
    assert "nothing was trained" in repr(space.history)
    assert "nothing was trained" in space.history._repr_html_()
    with pytest.raises(InputError, match="no loss to draw"):
        space.history.plot()


def test_the_picture_of_one_epoch_escapes_its_names():
    history = History((Epoch(1, 2.0, 1.0, 10, 5, 0.5, "<b>"),))
    assert "<b>" not in history.plot().svg
    assert "&lt;b&gt;" in history.plot().svg


def test_gensim_tells_no_loss():
    words = trained(backend="gensim", epochs=2)
    assert [epoch.loss for epoch in words.history] == [None, None]


def test_a_task_that_cannot_judge_these_words_says_so_at_once():
    task = ss.evaluation.WordPairs("other", [("x", "y", 1), ("y", "z", 2)])
    with pytest.raises(InputError, match="other"):
        trained(train={"evaluator": task})
    with pytest.raises(InputError, match=r"evaluator must be a task with a score, .*; got str"):
        trained(train={"evaluator": "pairs.tsv"})


def test_words_come_by_frequency_with_their_counts():
    words = trained(ss.Corpus.from_texts(["a b a c a b"]), dim=4, min_count=1, epochs=1)
    assert words.ids.tolist() == ["a", "b", "c"]
    assert words.metadata["count"].to_list() == [3, 2, 1]
    assert words.provenance["trainer"]["dim"] == 4


def test_tokens_may_be_given():
    tokens = ss.Tokens.from_corpus(ss.Corpus.from_texts(["Don't stop"] * 5), tokenizer="spacy:en")
    assert sorted(trained(tokens, dim=4, epochs=1).ids) == ["do", "n't", "stop"]


def test_min_count_counts_for_tokens_too():
    tokens = ss.Tokens.from_corpus(ss.Corpus.from_texts(["a b a b a b c"]))
    assert trained(tokens, dim=4, epochs=1, min_count=2).ids.tolist() == ["a", "b"]


def test_documents_do_not_meet():
    """Words at the end of one document aren't neighbours of those at the beginning of the next."""
    with pytest.warns(SemspaceWarning, match="no word had a neighbour"):
        words = trained(ss.Corpus.from_texts(["a"] * 50 + ["b"] * 50), epochs=1)
    assert sum(epoch.pairs for epoch in words.history) == 0


@pytest.mark.parametrize("backend", ["native", "gensim"])
def test_all_of_a_long_document_is_read(backend):
    """gensim drops what a sentence has beyond 10,000 words; the last words of a long document count as well."""
    corpus = ss.Corpus.from_texts(["early bird " * 6_000 + "late worm " * 6_000])
    words = trained(corpus, dim=4, epochs=1, backend=backend)
    untrained = trained(corpus, dim=4, epochs=1, backend=backend, learning_rate=1e-12)
    assert np.linalg.norm(words["worm"] - untrained["worm"]) > 0.01


def test_the_cut_into_parts_leaves_out_nothing(monkeypatch):
    """Every word is predicted from its neighbours, but for those across the seam of two parts."""
    monkeypatch.setattr(parallel, "_MIN_CHUNK", 100)
    monkeypatch.setattr(parallel, "_MAX_CHUNK", 100)
    corpus = ss.Corpus.from_texts(["a b " * 500])
    cut = trained(corpus, window=1, epochs=1).history[0].pairs
    assert cut == 2 * 999 - 2 * 9  # two a neighbourhood, but for nine seams


# -- subwords ---------------------------------------------------------------------------------------------


def test_subwords_give_vectors_to_unseen_words(tmp_path):
    corpus = ss.Corpus.from_texts(["walking walked walks walker"] * 40 + ["golden gilded goldsmith silver"] * 40)
    words = trained(corpus, subword=True, epochs=20)
    assert words.most_similar("walkings", 1).ids[0] == "walking"
    ss.save(words, tmp_path / "w")
    again = ss.load(tmp_path / "w")
    assert again.most_similar("walkings", 1).ids[0] == "walking"
    assert again.encoder.fingerprint == words.encoder.fingerprint


def test_a_word_is_the_mean_of_its_pieces():
    """fastText's scheme, from the outside: what an unseen word gets is the mean of its subwords' vectors."""
    words = trained(subword=ss.Subwords(minn=3, maxn=4, buckets=5_000))
    encoder = words.encoder
    rows = encoder.rows_of(encoder.subwords.of("cats"))
    expected = encoder.vectors[rows[rows >= 0]].mean(axis=0)
    assert words.encode(["cats"])[0] == pytest.approx(expected, abs=1e-6)


# -- going on from vectors --------------------------------------------------------------------------------


@pytest.mark.parametrize("subword", [False, True])
@pytest.mark.parametrize("deterministic", [False, True])
def test_new_words_join_old_ones(subword, deterministic):
    old = trained(subword=subword)
    more = ss.Corpus.from_texts(
        [" ".join(np.random.default_rng(i).permutation(["cat", "dog", "lynx", "cow"])) for i in range(99)]
    )
    words = trained(more, subword=subword, epochs=10, threads=2, deterministic=deterministic, train={"init": old})
    assert set(words.ids) == {*old.ids, "lynx"}
    assert words.metadata["count"].sum() == old.metadata["count"].sum() + 4 * 99
    assert set(words.most_similar("lynx", 3).ids) <= set(KINDS[0])
    assert set(words.most_similar("gold", 4).ids) == set(KINDS[1]) - {"gold"}


def test_words_the_new_text_has_not_stay_where_they_were():
    old = trained()
    words = trained(ss.Corpus.from_texts(["cat dog cow lynx"] * 30), epochs=1, train={"init": old})
    assert np.array_equal(words["gold"], old["gold"])
    assert not np.array_equal(words["cat"], old["cat"])


def test_with_subwords_the_start_is_put_where_it_was():
    old = trained(subword=True)
    words = trained(two_topics(20), subword=True, epochs=1, learning_rate=1e-12, train={"init": old})
    assert words[old.ids.tolist()] == pytest.approx(old.vectors, abs=1e-5)
    assert words.encode(["cats"]) == pytest.approx(old.encode(["cats"]), abs=1e-5)


def test_a_start_that_does_not_fit():
    old = trained()
    for options, message in [
        ({"dim": 8}, "dim must be that of init, 16; got 8"),
        ({"subword": True}, "subword must be that of init, False; got True"),
    ]:
        with pytest.raises(InputError, match=message):
            trained(**options, train={"init": old})
    with pytest.raises(InputError, match="init must be a Space of words; got str"):
        trained(train={"init": "words.space"})
    with pytest.raises(InputError, match="fewer than two of the words to train occur in this text"):
        trained(ss.Corpus.from_texts(["x y z"]), train={"init": old})
    with pytest.raises(InputError, match="fewer than two of the words to train occur in this text"):
        trained(ss.Corpus.from_texts([f"{old.ids[0]} x y z"]), train={"init": old})


@pytest.mark.parametrize("option", [{"init": None}, {"checkpoint": "here"}])
def test_gensims_engine_says_what_it_cannot(option, tmp_path):
    given = {"init": trained()} if "init" in option else {"checkpoint": tmp_path / "c"}
    with pytest.raises(InputError, match="needs backend='native'"):
        trained(backend="gensim", train=given)


def test_gensims_threads_are_not_in_step():
    with pytest.raises(InputError, match="deterministic=True needs backend='native', or threads=1"):
        trained(backend="gensim", deterministic=True, threads=2)


# -- old names --------------------------------------------------------------------------------------------


def test_old_names_work_and_warn():
    with pytest.warns(FutureWarning, match=r"Word2Vec\(engine=\) is now called backend="):
        trainer = ss.Word2Vec(dim=16, engine="native", seed=3, threads=1, epochs=1)
    with pytest.warns(FutureWarning, match="Word2Vec.engine is now called backend"):
        assert trainer.engine == "native"
    task = ss.evaluation.WordPairs("mine", [("cat", "dog", 9), ("gold", "iron", 8), ("cat", "iron", 1)])
    before = trained()
    with pytest.warns(FutureWarning, match=r"train\((start|evaluate)=\) is now called (init|evaluator)=") as told:
        words = trainer.train(two_topics(), start=before, evaluate=task, progress=False)
    assert len(told) == 2
    assert words.fingerprint == trainer.train(two_topics(), init=before, progress=False).fingerprint
    with pytest.warns(FutureWarning, match=r"History.table\(\) is now called to_frame\(\)"):
        assert words.history.table().equals(words.history.to_frame())


# -- bad input --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("dim", 0),
        ("dim", 2.5),
        ("dim", True),
        ("window", -1),
        ("epochs", 0),
        ("negatives", "5"),
        ("negatives", 65),
        ("sample", 1.5),
        ("learning_rate", 0),
        ("architecture", "glove"),
        ("backend", "warp"),
        ("threads", 0),
        ("seed", -1),
        ("deterministic", "yes"),
        ("subword", 3),
    ],
)
def test_parameters_are_checked_by_name(name, value):
    with pytest.raises(InputError, match=f"{name} must be .*; got {value!r}"):
        ss.Word2Vec(**{name: value})


def test_a_trainer_never_changes():
    with pytest.raises(AttributeError):
        ss.Word2Vec().dim = 3


@pytest.mark.parametrize("backend", ["native", "gensim"])
def test_too_little_text(backend):
    with pytest.raises(InputError, match="lower min_count or give more text"):
        ss.Word2Vec(backend=backend).train(ss.Corpus.from_texts(["a few words"]))
    with pytest.raises(InputError, match=r"only the word 'a' occurs at least 5 times"):
        ss.Word2Vec(backend=backend).train(ss.Corpus.from_texts(["a a a a a b"]))
    with pytest.raises(InputError, match=r"lower min_count or give more text"):
        ss.Word2Vec(backend=backend).train(ss.Tokens.from_corpus(ss.Corpus.from_texts(["a b c"])))


def test_texts_instead_of_a_corpus():
    with pytest.raises(InputError, match="pass a Corpus, Tokens, or lists of words"):
        ss.Word2Vec().train(["a b"])
    with pytest.raises(InputError, match="no word occurs min_count=5 times or more; the largest count of a word is 1"):
        ss.Word2Vec().train([["a", "b"]])


def test_a_line_of_ten_million_characters_and_control_characters(tmp_path):
    path = tmp_path / "x.txt"
    soup = "".join(map(chr, itertools.chain(range(9), range(14, 32), range(127, 160))))
    path.write_text(
        "good bread " * 900_000 + "\n" + (soup + "good" + soup + "bread" + soup) * 20 + "\n", encoding="utf-8"
    )
    tokens = ss.Tokens.read(path, min_count=5, documents="lines", progress=False)
    words = trained(tokens, epochs=1, dim=4)
    assert words.ids.tolist() == ["bread", "good"]
    assert words.metadata["count"].to_list() == [900_020, 900_020]


def test_only_control_characters(tmp_path):
    path = tmp_path / "x.txt"
    path.write_text("\x01\x02\x7f\x1b[31m\x9b\n\x03\x04\n", encoding="utf-8")
    with pytest.raises(InputError, match="4 control characters among its first 14: it isn't text"):
        ss.Tokens.read(path, progress=False)


# -- checkpoints ------------------------------------------------------------------------------------------


def test_a_checkpoint_stays_and_gives_the_result_again(tmp_path):
    place = tmp_path / "c"
    words = trained(train={"checkpoint": place})
    again = trained(train={"checkpoint": place, "resume": True})
    assert again.fingerprint == words.fingerprint == trained().fingerprint
    assert again.history == words.history
    with pytest.raises(
        InputError, match=r"holds the checkpoint of an unfinished training; resume it by Word2Vec\(\.\.\.\)\.train"
    ):
        ss.load(place)


def test_a_writer_that_died_between_two_renames_is_gone_on_from(tmp_path):
    words = trained(train={"checkpoint": tmp_path / "c"})
    (tmp_path / "c").rename(tmp_path / ".c.semspace-old")
    with pytest.raises(ExistsError, match="a checkpoint is at"):
        trained(train={"checkpoint": tmp_path / "c"})
    again = trained(train={"checkpoint": tmp_path / "c", "resume": True})
    assert again.history == words.history  # gone on from, since anew it would have other seconds
    assert again.fingerprint == words.fingerprint


def test_a_checkpoint_that_is_there_is_not_written_over(tmp_path):
    trained(epochs=1, train={"checkpoint": tmp_path / "c"})
    with pytest.raises(ExistsError, match=r"a checkpoint is at .*; resume from it with resume=True"):
        trained(epochs=1, train={"checkpoint": tmp_path / "c"})
    (tmp_path / "d").mkdir()
    with pytest.raises(ExistsError, match="isn't a checkpoint"):
        trained(epochs=1, train={"checkpoint": tmp_path / "d", "resume": True})
    ss.save(trained(epochs=1), tmp_path / "space")
    with pytest.raises(InputError, match="holds a space; this needs a checkpoint"):
        trained(epochs=1, train={"checkpoint": tmp_path / "space", "resume": True})
    with pytest.raises(InputError, match="resume=True needs checkpoint="):
        trained(epochs=1, train={"resume": True})


@pytest.mark.parametrize(
    ("change", "name"),
    [({"dim": 8}, "dim"), ({"seed": 9}, "seed"), ({"subword": True}, "subword"), ({}, "words of the text")],
)
def test_a_checkpoint_of_another_training_is_refused(tmp_path, change, name):
    trained(epochs=1, train={"checkpoint": tmp_path / "c"})
    corpus = two_topics() if change else two_topics(299)
    with pytest.raises(InputError, match=f"is of another training: {name} is .* there and .* here"):
        trained(corpus, **{"epochs": 1, **change}, train={"checkpoint": tmp_path / "c", "resume": True})


@pytest.mark.parametrize(("name", "value"), [("epoch", 2), ("place", 10**9), ("place", -1), ("loss", "low")])
def test_a_checkpoint_that_reached_what_no_training_reaches_is_damage(tmp_path, name, value):
    from tests.sealing import seal

    trained(epochs=1, train={"checkpoint": tmp_path / "c"})
    manifest = json.loads((tmp_path / "c" / "manifest.json").read_text())
    manifest["meta"]["reached"][name] = value
    seal(tmp_path / "c", manifest)
    with pytest.raises(DamagedError, match=f"has {name} = "):
        trained(epochs=1, train={"checkpoint": tmp_path / "c", "resume": True})


def test_in_step_the_number_of_threads_belongs_to_the_training(tmp_path):
    trained(epochs=1, deterministic=True, threads=2, train={"checkpoint": tmp_path / "c"})
    with pytest.raises(InputError, match="threads is 2 there and 3 here"):
        trained(epochs=1, deterministic=True, threads=3, train={"checkpoint": tmp_path / "c", "resume": True})


def test_a_checkpoint_of_an_older_version_still_opens(tmp_path, monkeypatch):
    def bind(self, identity):
        facts = dict(identity)
        facts["engine"], facts["start"] = facts.pop("backend"), facts.pop("init")
        self._identity = facts

    with monkeypatch.context() as older:
        older.setattr(checkpoint.WordsCheckpoint, "bind", bind)
        whole = trained(epochs=2, train={"checkpoint": tmp_path / "c"})
    assert trained(epochs=2, train={"checkpoint": tmp_path / "c", "resume": True}).fingerprint == whole.fingerprint


class Stop(Exception):
    """Stands for a crash."""


@pytest.mark.parametrize("options", [{"threads": 1}, {"threads": 2, "deterministic": True, "subword": True}])
@pytest.mark.parametrize("crash_at", [1, 3, 8])
@pytest.mark.usefixtures("few_words_a_thread")
def test_after_a_crash_the_result_is_the_same(tmp_path, monkeypatch, options, crash_at):
    monkeypatch.setattr(parallel, "_MIN_CHUNK", 256)
    monkeypatch.setattr(parallel, "_CHUNKS_PER_STEP", 2)
    whole = trained(two_topics(500), epochs=3, **options)
    kept = checkpoint.WordsCheckpoint.save
    count = itertools.count(1)

    def crashing(self, *given):
        kept(self, *given)
        if next(count) == crash_at:
            raise Stop

    monkeypatch.setattr(checkpoint.WordsCheckpoint, "save", crashing)
    with pytest.raises(Stop):
        trained(two_topics(500), epochs=3, **options, train={"checkpoint": tmp_path / "c", "checkpoint_minutes": 0})
    monkeypatch.setattr(checkpoint.WordsCheckpoint, "save", kept)
    rest = trained(two_topics(500), epochs=3, **options, train={"checkpoint": tmp_path / "c", "resume": True})
    assert rest.fingerprint == whole.fingerprint
    assert [e.loss for e in rest.history] == [e.loss for e in whole.history]


def test_a_full_disk_leaves_the_checkpoint_before(tmp_path, monkeypatch):
    from semspace.bundle import Draft

    monkeypatch.setattr(parallel, "_MIN_CHUNK", 256)
    monkeypatch.setattr(parallel, "_CHUNKS_PER_STEP", 1)
    whole = trained()
    written, count = Draft.array, itertools.count(1)

    def full(self, name, value):
        if next(count) > 4:
            (self.folder / f"{name}.npy").write_bytes(b"half of it")
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        written(self, name, value)

    monkeypatch.setattr(Draft, "array", full)
    place = tmp_path / "c"
    with pytest.raises(
        InputError, match=r"cannot write .*c: No space left on device; free disk space, or choose another path"
    ):
        trained(train={"checkpoint": place, "checkpoint_minutes": 0})
    assert [path.name for path in tmp_path.iterdir()] == ["c"]
    monkeypatch.setattr(Draft, "array", written)
    assert trained(train={"checkpoint": place, "resume": True}).fingerprint == whole.fingerprint


# -- nothing to learn from --------------------------------------------------------------------------------------

ALONE = ["alpha", "beta", "gamma"] * 20
ENGINE_SETTINGS = [
    {},
    {"architecture": "cbow"},
    {"subword": Subwords(3, 4, 50)},
    {"subword": Subwords(3, 4, 50), "architecture": "cbow"},
    {"deterministic": True, "threads": 2},
    {"backend": "gensim"},
    {"backend": "gensim", "architecture": "cbow"},
    {"backend": "gensim", "subword": Subwords(3, 4, 50)},
]


def warned(trainer, texts, **options):
    """Train, and return the vectors and the one warning."""
    with pytest.warns(SemspaceWarning) as told:
        words = trainer.train(ss.Corpus.from_texts(texts), progress=False, **options)
    (one,) = told
    assert one.filename == __file__
    return words, str(one.message)


@pytest.mark.parametrize("settings", ENGINE_SETTINGS)
@pytest.mark.parametrize(
    ("texts", "options", "why"),
    [
        (ALONE, {"sample": 0.0}, "each document has only one word that occurs at least min_count=1 times"),
        (["alpha beta gamma delta"] * 30, {"sample": 1e-9}, "sample=1e-09 removes frequent words"),
        (["alpha x", "y alpha", "beta z"] * 9 + ["q beta"] * 9, {"min_count": 10}, "lower min_count"),
    ],
)
def test_a_training_without_neighbours_is_warned_of(settings, texts, options, why):
    trainer = ss.Word2Vec(**{"dim": 4, "min_count": 1, "threads": 1, "epochs": 2, **options, **settings})
    _, message = warned(trainer, texts)
    assert message.startswith("no word had a neighbour to learn from in any epoch, so the vectors are random")
    assert why in message


def test_a_start_that_learns_nothing_more_is_warned_of():
    start = ss.Space.from_vectors(["alpha", "beta"], np.eye(2))
    words, message = warned(ss.Word2Vec(dim=2, threads=1), ALONE, init=start)
    assert "the vectors are those of init" in message
    np.testing.assert_array_equal(words[["alpha", "beta"]], np.eye(2))


@pytest.mark.parametrize("backend", ["native", "gensim"])
def test_epochs_without_neighbours_are_warned_of(backend):
    trainer = ss.Word2Vec(dim=4, min_count=1, threads=1, epochs=40, backend=backend)
    words, message = warned(trainer, ["alpha beta gamma delta"] * 12)
    idle = int(message.partition("from in ")[2].split()[0])
    assert 0 < idle < 40
    assert f"hardly better than random after {40 - idle} of 40 epochs" in message
    if backend == "native":
        assert idle == sum(epoch.loss is None for epoch in words.history)


def test_shares_that_subsampling_keeps_by_hand():
    """Of 1,000 occurrences with sample 0.01: a word of 990 keeps sqrt(10/990) + 10/990, one of 10 all."""
    keep = chunks.keep_probabilities(np.array([990, 10]), 0.01)
    np.testing.assert_allclose(keep, [0.10050378 + 0.01010101, 1.0], rtol=1e-6)
    assert chunks.keep_probabilities(np.array([990, 10]), 0).tolist() == [1, 1]


def test_learning_rates_by_hand():
    """Over two epochs of ten words, from 0.1 down: 0.1 at the start, half at epoch 1, and never below a 10,000th."""
    tokens = ss.Tokens.from_texts(["a b c d e f g h i j"])
    text = chunks.TextChunks(
        tokens, np.arange(10, dtype=np.int32), np.ones(10), window=2, epochs=2, learning_rate=0.1, seed=0
    )
    assert [float(text.chunk(*at)[1].start) for at in ((0, 0, 5), (0, 5, 10), (1, 0, 5), (1, 5, 10))] == pytest.approx(
        [0.1, 0.075, 0.05, 0.025]
    )
    assert float(text.chunk(1, 5, 10)[1].step) == pytest.approx((0.1e-4 - 0.025) / 5)


@given(st.lists(st.floats(0.001, 1_000), min_size=1, max_size=40))
def test_an_alias_table_draws_each_word_by_its_weight(numbers):
    """Walker (1977): a word is drawn where it is picked and kept, or where another is picked and passed on to it."""
    weights = np.array(numbers) / np.mean(numbers)
    threshold, other = _alias_table(weights)
    kept = threshold / 2.0**32
    drawn = kept + np.bincount(other, 1 - kept, minlength=len(weights))
    np.testing.assert_allclose(drawn, weights, rtol=1e-6, atol=1e-6)
