"""Decoders of text: sentences from vectors, by a network that guesses and an encoder that judges."""

from dataclasses import replace

import numpy as np
import pytest

import semspace as ss
from semspace.decoders import byte_pairs
from semspace.decoders.examples import encode_examples, sentences_of
from semspace.errors import DamagedError, ExistsError, InputError, MissingExtraError

pytest.importorskip("torch", reason="torch isn't installed: pip install 'semspace[transformers]'")
import torch

from semspace.decoders.correcting import Candidate, Search
from semspace.decoders.learner import TextLearner
from semspace.decoders.network import DecoderNetwork
from semspace.decoders.sampling import sample
from semspace.decoders.token_loss import TokenLoss

WHO, WHAT, WHEN = ("cats", "dogs"), ("sleep", "run"), ("today", "now", "here", "often", "again")
TRAINER = ss.TextDecoder(layers=1, dim=64, vocabulary=300, min_words=2, epochs=25, batch_size=8, threads=1)


def encoder():
    """Return an encoder whose three dimensions are who, sleeping and running."""
    vectors = [[1, 0, 0], [-1, 0, 0], [0, 1, 0], [0, 0, 1]]
    words = ss.Space.from_vectors([*WHO, *WHAT], vectors)
    return ss.WordAverage(words, frequencies="zipf", remove_common=False)


def corpus():
    return ss.Corpus([f"{who} {what} {when}" for who in WHO for what in WHAT for when in WHEN])


@pytest.fixture(scope="module")
def decoder():
    return TRAINER.train(corpus(), encoder(), progress=False)


# -- what it learns from --------------------------------------------------------------------------------------


def test_sentences_are_split_counted_in_words_and_taken_once():
    texts = ["Two cats sleep here. Dogs! Two cats sleep here.", *(f"Number {i} is\nhere." for i in range(20))]
    found = sentences_of(ss.Corpus(texts), 3, 4)
    assert found[:3] == ["Two cats sleep here.", "Number 0 is here.", "Number 1 is here."]
    assert len(found) == 21


def test_a_corpus_with_too_few_sentences_is_refused():
    with pytest.raises(InputError, match="at least 20 different sentences of 5 to 20 words, and the corpus has 0"):
        ss.TextDecoder().train(ss.Corpus(["too short"] * 3), encoder(), progress=False)


def test_any_text_comes_back_from_its_tokens():
    tokenizer = byte_pairs.open_tokenizer(byte_pairs.train_byte_pairs(["a cat sat"] * 9, 270), "it")
    for text in ("a cat sat", "Straße, naïve — 猫が好き! 😀", "tab\tand\nline"):
        assert tokenizer.decode(tokenizer.encode(text).ids).strip() == text


def test_examples_end_with_the_token_of_the_end_and_leave_out_what_is_too_long():
    sentences = [f"cats {i}" for i in range(30)] + ["cats " + "".join(chr(200 + i * i % 211) for i in range(200))]
    examples = encode_examples(sentences, encoder(), 300, 20, progress=False)
    assert len(examples) == 30
    ends = examples.offsets[1:] - 1
    assert (examples.tokens[ends] == byte_pairs.END).all()
    assert (examples.tokens == byte_pairs.END).sum() == 30


# -- the network ------------------------------------------------------------------------------------------------


def network(layers=2, vocabulary=300):
    torch.manual_seed(1)
    made = DecoderNetwork(vocabulary, 3, layers=layers, dim=64, max_tokens=12)
    with torch.no_grad():
        for value in made.parameters():
            value.add_(0.2 * torch.randn(value.shape))
    return made.eval()


def test_one_token_after_the_other_gives_what_all_at_once_gives():
    net, vectors, tokens = network(), torch.randn(4, 3), torch.randint(3, 300, (4, 7))
    with torch.no_grad():
        whole = net.logits(net(vectors, tokens))
        logits, cache = net.start(vectors)
        for place in range(7):
            torch.testing.assert_close(logits, whole[:, place], rtol=1e-4, atol=1e-4)
            logits = net.step(tokens[:, place], place, cache)
        torch.testing.assert_close(logits, whole[:, 7], rtol=1e-4, atol=1e-4)


def test_a_token_sees_none_after_it():
    net, vectors, tokens = network(), torch.randn(1, 3), torch.randint(3, 300, (1, 7))
    other = tokens.clone()
    other[0, 4] = 7 + (tokens[0, 4] == 7)
    with torch.no_grad():
        a, b = net(vectors, tokens), net(vectors, other)
    torch.testing.assert_close(a[:, :5], b[:, :5])
    assert not torch.allclose(a[:, 5:], b[:, 5:])


def test_the_loss_is_the_mean_over_tokens_whatever_the_batch_is_cut_into(monkeypatch):
    sentences = [" ".join(["cats"] * (i % 9 + 1)) + f" {i}" for i in range(40)]
    examples = encode_examples(sentences, encoder(), 300, 80, progress=False)
    learner = TextLearner(examples, layers=1, dim=64, max_tokens=80, bfloat16=False, seed=0)
    rows, generator = torch.arange(40), torch.Generator()
    with torch.no_grad():
        whole = learner.loss(rows, generator, 0.0).item()
        one_by_one = [learner.loss(row, generator, 0.0).item() for row in rows.split(1)]
        assert whole == pytest.approx(np.average(one_by_one, weights=np.diff(examples.offsets)), rel=1e-4)
        monkeypatch.setattr("semspace.decoders.learner._TOKENS_AT_ONCE", 60)
        assert learner.loss(rows, generator, 0.0).item() == pytest.approx(whole, rel=1e-4)


def test_the_loss_in_pieces_has_the_gradients_of_the_whole():
    hidden, weight = (torch.randn(shape, dtype=torch.float64, requires_grad=True) for shape in ((300, 8), (11, 8)))
    tokens = torch.randint(0, 11, (300,))
    whole = torch.nn.functional.cross_entropy(hidden @ weight.T, tokens, reduction="sum")
    wanted = torch.autograd.grad(3 * whole, (hidden, weight))
    pieces = TokenLoss.apply(hidden, weight, tokens)
    assert pieces.item() == pytest.approx(whole.item(), rel=1e-6)
    for a, b in zip(torch.autograd.grad(3 * pieces, (hidden, weight)), wanted, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-4, atol=1e-5)


# -- drawing ----------------------------------------------------------------------------------------------------


class Fixed:
    """A network of five tokens, whose likeliest next token is always 3, then 4, then the end."""

    max_tokens = 6

    def start(self, vectors):
        return self._logits(len(vectors)), []

    def step(self, tokens, place, cache):
        return self._logits(len(tokens), place + 1)

    def _logits(self, n, place=0):
        shares = {0: [0, 0, 0, 0.75, 0.25], 1: [0, 0, 0, 0.25, 0.75]}.get(place, [0, 0, 1, 0, 0])
        return torch.log(torch.tensor([shares] * n))


@pytest.mark.parametrize(("uniform", "wanted"), [(0.0, [3, 4]), (0.7, [3, 4]), (0.76, [4, 3]), (0.999, [4, 3])])
def test_a_token_is_the_one_at_its_quantile(uniform, wanted):
    uniforms = np.full((1, 6), uniform, np.float32)
    assert sample(Fixed(), np.zeros((1, 3), np.float32), [()], uniforms, 1.0) == [wanted]


def test_a_low_temperature_takes_the_likeliest_token():
    uniforms = np.full((1, 6), 0.9, np.float32)
    assert sample(Fixed(), np.zeros((1, 3), np.float32), [()], uniforms, 0.1) == [[3, 4]]


def test_a_sentence_begins_as_asked_for():
    uniforms = np.zeros((2, 6), np.float32)
    assert sample(Fixed(), np.zeros((2, 3), np.float32), [(4,), (4, 4, 3, 4, 4, 4)], uniforms, 1.0) == [
        [4, 4],
        [4, 4, 3, 4, 4, 4],
    ]


# -- guess, encode, correct -------------------------------------------------------------------------------------


def search(judge, n_candidates=8, n_rounds=3):
    def texts(drawn):
        return [" ".join(map(str, row)) for row in drawn]

    return Search(network(), texts, judge, n_candidates, n_rounds, seed=0)


def by_first_token(texts):
    """Judge a text by its first token alone, as an angle."""
    angles = np.array([int(text.split()[0]) if text else 0 for text in texts]) / 150
    return np.stack([np.cos(angles), np.sin(angles), np.zeros(len(texts))], axis=1).astype(np.float32)


def test_more_rounds_are_never_worse_and_the_best_come_first():
    points = np.eye(3, dtype=np.float32)[:2]
    scores = []
    for rounds in (0, 1, 4):
        found = search(by_first_token, n_rounds=rounds).run(points, bool)
        assert all([c.score for c in row] == sorted((c.score for c in row), reverse=True) for row in found)
        assert all(len({c.text for c in row}) == len(row) <= 4 for row in found)
        scores.append([row[0].score for row in found])
    assert (np.diff(np.array(scores), axis=0) >= 0).all()
    assert np.array(scores)[-1].min() > 0.99


def test_the_score_is_the_cosine_that_the_judge_gives():
    points = np.float32([[0.6, 0.8, 0]])
    for candidate in search(by_first_token).run(points, bool)[0]:
        assert candidate.score == pytest.approx(float(by_first_token([candidate.text])[0] @ points[0]), abs=1e-6)


def test_a_correction_keeps_a_beginning_and_aims_beyond_the_point():
    best = [(Candidate((5, 6, 7), "5 6 7", np.float32([1, 0, 0]), 0.0),)]
    goals, starts = search(by_first_token, 200)._corrections(np.float32([[0, 1, 0]]), best, np.random.default_rng(0))
    assert {(), (5,), (5, 6), (5, 6, 7)} == set(starts)
    np.testing.assert_allclose(np.linalg.norm(goals, axis=1), 1, rtol=1e-6)
    assert sorted({round(float(-x / y), 3) for x, y, _ in goals}) == [0.0, 0.333, 0.5, 0.6]


def test_a_text_without_direction_wins_nothing():
    points = np.float32([[1, 0, 0]])

    def judge(texts):
        return by_first_token(texts) * np.float32([[len(text) % 2] for text in texts])

    found = search(judge).run(points, bool)[0]
    assert np.isfinite([candidate.score for candidate in found]).all()
    assert found[0].score > 0.9


# -- the whole --------------------------------------------------------------------------------------------------


def test_it_says_what_it_learned(decoder):
    asked = encoder().encode([f"{who} {what}" for who in WHO for what in WHAT])
    written = decoder.decode(asked, n_candidates=8, n_rounds=2, progress=False)
    assert [" ".join(text.split()[:2]) for text in written] == ["cats sleep", "cats run", "dogs sleep", "dogs run"]
    np.testing.assert_allclose(written.scores, 1, atol=1e-5)
    assert written[0] == written.texts[0]
    assert written.to_frame().columns == ["point", "text", "score"]


def test_scores_are_cosines_of_the_texts(decoder):
    asked = np.float32([[0.3, 0.5, 0.2], [-1, -1, -1]])
    written = decoder.decode(asked, n_candidates=4, n_rounds=1, progress=False)
    for text, score, point in zip(written, written.scores, asked, strict=True):
        vector = encoder().encode([text])[0]
        assert score == pytest.approx(vector @ point / np.linalg.norm(vector) / np.linalg.norm(point), abs=1e-5)


def test_the_same_seed_writes_the_same_also_in_other_company(decoder):
    asked = encoder().encode(["cats sleep", "dogs run"])
    options = {"n_candidates": 4, "n_rounds": 1, "progress": False}
    both = decoder.decode(asked, **options)
    assert decoder.decode(asked, **options).texts == both.texts
    assert decoder.decode(asked[1], **options).texts == both.texts[1:]
    assert len(decoder.decode(asked, n_candidates=1, n_rounds=0, progress=False)) == 2


def test_near_texts_are_where_it_begins(decoder):
    texts = ["cats quietly sleep", "dogs quietly run"]
    space = ss.Space.from_vectors(["a", "b"], encoder().encode(texts), {"text": texts}, encoder())
    asked = encoder().encode(["cats sleep"])
    unchanged = decoder.decode(asked, near=space, n_candidates=1, n_rounds=0, progress=False)
    assert unchanged.texts == ("cats quietly sleep",)
    no_texts = ss.Space.from_vectors(["a"], [[1.0, 2, 3]])
    with pytest.raises(InputError, match="near must be a space with texts"):
        decoder.decode(asked, near=no_texts, progress=False)
    with pytest.raises(InputError, match=r"near must be a space with texts, .*; got list"):
        decoder.decode(asked, near=texts, progress=False)


def test_narrow_spaces_are_decoded(decoder):
    texts = ["cats sleep", "dogs run"]
    narrow = ss.Space.from_vectors(["a", "b"], encoder().encode(texts), {"text": texts}, encoder()).quantize("float16")
    found = decoder.decode(narrow, near=narrow, n_candidates=1, n_rounds=0, progress=False)
    assert found.texts == tuple(texts)


def test_training_again_gives_the_same_decoder(decoder):
    assert TRAINER.train(corpus(), encoder(), progress=False).fingerprint == decoder.fingerprint


def test_the_history_has_falling_losses(decoder):
    losses = decoder.history.to_frame()["loss"].to_list()
    assert len(losses) == 25
    assert losses[-1] < losses[0] / 2


def test_a_saved_decoder_writes_the_same(decoder, tmp_path):
    ss.save(decoder, tmp_path / "cats.decoder")
    opened = ss.load(tmp_path / "cats.decoder")
    assert opened.fingerprint == decoder.fingerprint
    assert repr(opened) == "TextDecoderModel(width=3, encoder='word-average')"
    asked = encoder().encode(["dogs sleep"])
    options = {"n_candidates": 4, "n_rounds": 1, "progress": False}
    assert opened.decode(asked, **options).texts == decoder.decode(asked, **options).texts
    with pytest.raises(ExistsError):
        ss.save(decoder, tmp_path / "cats.decoder")


def test_an_interrupted_training_resumes_to_the_same_weights(tmp_path, monkeypatch):
    quick = replace(TRAINER, epochs=3)
    whole = quick.train(corpus(), encoder(), progress=False)
    steps, step = [], TextLearner.step

    def stops(self, *given):
        steps.append(1)
        if len(steps) == 4:
            raise KeyboardInterrupt
        return step(self, *given)

    monkeypatch.setattr(TextLearner, "step", stops)
    options = {"checkpoint": tmp_path / "run", "checkpoint_minutes": 0, "progress": False}
    with pytest.raises(KeyboardInterrupt):
        quick.train(corpus(), encoder(), **options)
    assert quick.train(corpus(), encoder(), resume=True, **options).fingerprint == whole.fingerprint
    assert len(steps) == 3 * 2 + 1  # the fourth twice
    with pytest.raises(InputError, match="is of another training: epochs is 3 there and 4 here"):
        replace(quick, epochs=4).train(corpus(), encoder(), resume=True, **options)


class Quick:
    """A decoder that searches little."""

    def __init__(self, decoder):
        self.decoder = decoder

    def decode(self, points):
        return self.decoder.decode(points, n_candidates=4, n_rounds=0, progress=False)


def test_points_are_described_with_their_sentence(decoder):
    space = ss.Space.from_vectors(["a", "b"], [[1, 1, 0], [-1, 0, 1]], {"text": ["cats sleep", "dogs run"]})
    told = ss.latent.describe(space.vectors, space, decoder=Quick(decoder))
    assert [" ".join(text.split()[:2]) for text in told.written] == ["cats sleep", "dogs run"]
    assert told.to_frame().columns == ["point", "id", "text", "score", "words", "written"]
    assert "written" not in ss.latent.describe(space.vectors, space).to_frame().columns


@pytest.mark.parametrize(
    ("points", "message"),
    [
        (np.ones((1, 4)), "points must have the 3 dimensions of the encoder; got 4"),
        (np.zeros((1, 3)), "point 0"),
        (np.float32([[1, np.nan, 0]]), "point 0"),
        (ss.Space.from_vectors(["a"], [[1, 2, 3]], None, ss.WordAverage(
            ss.Space.from_vectors(["a", "b"], np.float32([[1, 2, 3], [1, 0, 0]])), frequencies="zipf"
        )), "reads vectors of 'word-average'"),
    ],
)  # fmt: skip
def test_points_that_are_not_of_the_encoder_are_refused(decoder, points, message):
    with pytest.raises(InputError, match=message):
        decoder.decode(points, progress=False)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"dim": 100}, "dim must be a multiple of 64"),
        ({"vocabulary": 100}, "vocabulary"),
        ({"min_words": 5, "max_words": 4}, "max_words"),
        ({"held_out": 1.5}, "held_out"),
        ({"precision": "int8"}, "precision"),
        ({"epochs": 0}, "epochs"),
    ],
)
def test_parameters_out_of_range_are_refused(options, message):
    with pytest.raises(InputError, match=message):
        ss.TextDecoder(**options)


def test_a_list_and_a_name_are_refused():
    with pytest.raises(InputError, match=r"train takes a Corpus; got list: use ss\.Corpus"):
        TRAINER.train(["a text"], encoder())
    with pytest.raises(InputError, match=r"train takes the encoder of the vectors; got str: use ss\.Encoder\.load"):
        TRAINER.train(corpus(), "all-MiniLM-L6-v2")


def test_without_torch_it_says_what_to_install(monkeypatch):
    import sys

    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'semspace\[transformers\]'"):
        TRAINER.train(corpus(), encoder())


@pytest.mark.parametrize(
    ("name", "shape", "message"),
    [
        ("tokens.weight", (3, 5), "vectors of 3 tokens with 5 dimensions"),
        ("tokens.weight", (1, 64), "vectors of 1 tokens with 64 dimensions"),
        ("norm.bias", (3, 5), "don't fit each other: norm.bias"),
    ],
)
def test_weights_that_do_not_fit_are_refused(decoder, tmp_path, name, shape, message):
    weights = {**decoder.weights, name: np.ones(shape, np.float32)}
    made = ss.TextDecoderModel(weights, decoder.tokenizer, encoder(), 1, 48, {})
    ss.save(made, tmp_path / "made.decoder")
    with pytest.raises(DamagedError, match=message):
        ss.load(tmp_path / "made.decoder").decode([[1, 0, 0]], progress=False)
