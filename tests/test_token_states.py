"""States of tokens: the same from every backend and from sentence-transformers, and pooled they are the vectors."""

import numpy as np
import pytest

import semspace as ss
from semspace.errors import InputError
from semspace.sentences.max_sim import max_sim
from tests.conftest import make_tiny_model

TEXTS = ["a cat", "the quick brown fox jumps over it", "", "42 — élan", "fox " * 300]


@pytest.mark.filterwarnings("ignore:. of . texts are longer")
@pytest.mark.parametrize("backend", ["exact", "numpy", "torch"])
def test_they_are_those_of_sentence_transformers(small_folder, backend):
    from sentence_transformers import SentenceTransformer

    theirs = SentenceTransformer(str(small_folder), device="cpu").encode(TEXTS, output_value="token_embeddings")
    encoder = ss.Encoder.load(small_folder, backend=backend)
    found = encoder.token_states(TEXTS)
    assert len(found) == len(TEXTS)
    assert len(found.tokens) == len(found.states) == found.starts[-1]
    for ours, reference in zip(found, theirs, strict=True):
        rounded = "bfloat16" in encoder.implementation  # as on processors that multiply such numbers
        np.testing.assert_allclose(ours, reference[: len(ours)].numpy(), atol=0.05 if rounded else 2e-4)


@pytest.mark.filterwarnings("ignore:. of . texts are longer")
@pytest.mark.parametrize("family", ["bert", "distilbert", "mpnet", "roberta"])
def test_their_mean_is_the_vector(tmp_path, family):
    folder = make_tiny_model(tmp_path / family, family=family, hidden=128, longest=64)
    encoder = ss.Encoder.load(folder, backend="exact")
    means = np.stack([states.mean(axis=0) for states in encoder.token_states(TEXTS)])
    vectors = encoder.encode(TEXTS)
    cosines = (means * vectors).sum(1) / np.linalg.norm(means, axis=1) / np.linalg.norm(vectors, axis=1)
    assert cosines.min() > 0.9999


def test_many_texts_in_pieces_are_those_of_each_alone(small):
    texts = [f"a fox and {i} cats " * (i % 7 + 1) for i in range(200)]
    for text, states in zip(texts[::50], list(small.token_states(texts))[::50], strict=True):
        np.testing.assert_array_equal(states, next(iter(small.token_states([text]))))


def test_an_encoder_without_them_says_so():
    words = ss.Space.from_vectors(["cat", "dog"], [[1, 1], [1, 0.8]])
    encoder = ss.WordAverage.from_corpus(words, ss.Corpus.from_texts(["a cat", "a dog"]), frequencies="zipf")
    with pytest.raises(InputError, match=r"no states of tokens in context; load a transformer"):
        encoder.token_states(["cat"])


# -- encode_tokens ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("backend", ["exact", "numpy", "torch"])
def test_tokens_stand_for_characters(small_folder, backend):
    encoder = ss.Encoder.load(small_folder, backend=backend)
    text = "The quick brown fox, élan!"
    found = encoder.encode_tokens(text)
    np.testing.assert_array_equal(found.states, encoder.token_states([text]).states)
    inside = found.spans[:, 0] >= 0
    assert not inside[0]
    assert not inside[-1]  # special tokens
    for token, (start, end) in zip(np.array(found.tokens)[inside], found.spans[inside].tolist(), strict=True):
        piece = text[start:end].lower().replace("é", "e")
        assert token.removeprefix("##") in (piece, "[UNK]")
    assert (len(found), found.ids.dtype, found.pooled.all(), found.truncated) == (
        len(found.tokens),
        np.int32,
        True,
        False,
    )
    assert "tokens, states of" in repr(found)
    assert found.to_frame().columns == ["token", "id", "start", "end", "pooled"]


def test_prompts_have_no_characters_in_the_text(small):
    plain, after = small.encode_tokens(["a fox", "fox"], prompt="the cat "), small.encode_tokens(["the cat a fox"])[0]
    np.testing.assert_array_equal(plain[0].states, after.states)
    spans = plain[0].spans[plain[0].spans[:, 0] >= 0]
    assert "".join("a fox"[start:end] for start, end in spans.tolist()) == "afox"


def test_many_texts_are_encoded_some_at_a_time(small, monkeypatch):
    from semspace.sentences import transformer

    monkeypatch.setattr(transformer, "_TEXTS_AT_ONCE", 3)
    texts = [f"a fox and {i} cats" for i in range(8)]
    taken = []
    lazy = small.encode_tokens(taken.append(text) or text for text in texts)
    next(lazy)
    assert len(taken) == 3
    found = small.encode_tokens(texts, normalize_embeddings=True)
    assert len(found) == 1 + len(list(lazy))
    np.testing.assert_allclose(np.linalg.norm(found[5].states, axis=1), 1, atol=1e-5)
    np.testing.assert_array_equal(found[5].states, small.encode_tokens(texts[5], normalize_embeddings=True).states)


def test_late_interaction_from_states_that_were_kept(small):
    texts = ["a quick fox", "the bank raised its rates"]
    query = small.encode_tokens("quick fox", normalize_embeddings=True)
    kept = small.encode_tokens(texts, normalize_embeddings=True)
    scores = [max_sim(query.states[query.pooled], one.states[one.pooled]) for one in kept]
    np.testing.assert_allclose(scores, ss.MaxSim(small).score("quick fox", texts), atol=1e-5)


def test_an_array_of_texts_is_a_list_of_them(small):
    found = small.encode_tokens(np.array(["a cat", "a fox"]))
    assert [one.tokens for one in found] == [one.tokens for one in small.encode_tokens(["a cat", "a fox"])]


@pytest.mark.parametrize(
    ("query", "text", "message"),
    [
        ([1.0, 0.0], [[1.0, 0.0]], r"query must have two axes"),
        ([[1.0, 0.0]], [[1.0, 0.0, 0.0]], "same number of dimensions; got 2 and 3: encode both with one encoder"),
        (np.ones((0, 2)), [[1.0, 0.0]], r"query must hold the states of at least one token; got shape \(0, 2\)"),
        ([[1.0, 0.0]], "a text", "text must be a matrix of numbers; got str"),
    ],
)
def test_max_sim_of_what_is_no_states(query, text, message):
    with pytest.raises(InputError, match=message):
        max_sim(query, text)


def test_max_sim_asks_for_the_states(small):
    found = small.encode_tokens("a cat")
    with pytest.raises(InputError, match=r"query must be a matrix of states; got TextTokens: give its \.states"):
        max_sim(found, found)


def test_encode_names_what_gives_states(small):
    with pytest.raises(InputError, match=r"not output_value=.token_embeddings.; use encode_tokens"):
        small.encode(["a cat"], output_value="token_embeddings")


@pytest.mark.filterwarnings("ignore:. of . texts are longer")
def test_what_is_cut_is_said(small):
    assert [one.truncated for one in small.encode_tokens(["fox " * 600, "fox"])] == [True, False]
    assert small.encode_tokens([]) == []


@pytest.mark.parametrize(
    ("texts", "options", "message"),
    [
        (5, {}, "texts must be"),
        ([5], {}, "texts must"),
        (["a"], {"prompt_name": "gone"}, "has no prompt 'gone'"),
        (["a"], {"prompt_name": ["gone"]}, r"has no prompt \['gone'\]"),
        (["a"], {"prompt": 3}, "prompt must be a string; got int: 3"),
        (["a"], {"normalize_embeddings": "yes"}, "normalize_embeddings must be True or False"),
        ({"a": 1}, {}, "texts must be a list; got a dict, which has no order"),
        (ss.Corpus.from_texts(["a cat"]), {}, r"got a Corpus: give its texts, corpus\.texts"),
        (b"a cat", {}, r"texts must be strings; got bytes: decode them"),
        (np.array([["a"]]), {}, "texts must hold only strings; item 0 is ndarray"),
    ],
)
def test_tokens_of_what_is_no_text(small, texts, options, message):
    with pytest.raises(InputError, match=message):
        small.encode_tokens(texts, **options)


# -- bfloat16, as on a GPU ------------------------------------------------------------------------------------------


def test_torch_in_bfloat16(small, monkeypatch):
    import torch

    from semspace.sentences import runtime_selection, torch_runtime
    from semspace.sentences.torch_runtime import TorchRuntime

    batch = small.tokenizer.read(TEXTS[:2] + TEXTS[3:4])
    full, half = (TorchRuntime(small.config, precision, "cpu") for precision in ("float32", "bfloat16"))
    assert {weight.dtype for weight in half._model.parameters()} == {torch.bfloat16}
    ours, reference = (runtime.pooled(batch, lambda _: None) for runtime in (half, full))
    assert ours.dtype == np.float32
    cosines = (ours * reference).sum(1) / np.linalg.norm(ours, axis=1) / np.linalg.norm(reference, axis=1)
    assert 0.995 < cosines.min() < 1
    nowhere = TorchRuntime(small.config, "bfloat16", "meta")  # all that it makes lies where its weights lie
    embedded = nowhere.embeddings(batch.tokens)
    assert (embedded.device.type, embedded.dtype, len(embedded)) == ("meta", torch.bfloat16, len(batch.tokens))
    monkeypatch.setattr(runtime_selection, "_gpu", lambda: True)
    monkeypatch.setattr(runtime_selection, "_gpu_has_bfloat16", lambda: True)
    monkeypatch.setattr(torch_runtime, "_device", lambda: "cpu")
    auto = ss.Encoder.load(small.name)
    assert (auto.backend, auto.implementation) == ("torch", "torch bfloat16 on cpu")
    assert "mean cosine" in auto.backend_reason
    assert ss.Encoder.load(small.name, backend="torch").implementation == "torch float32 on cpu"
    monkeypatch.setattr(runtime_selection, "_gpu_has_bfloat16", lambda: False)
    assert "which this GPU doesn't have" in ss.Encoder.load(small.name).backend_reason


def test_batches_have_few_paddings():
    from semspace.sentences.torch_runtime import _batches

    lengths = [5, 100, 7, 6, 90, 1]
    assert list(_batches(lengths, 200)) == [[1, 4], [2, 3, 0, 5]]
    assert list(_batches([300, 2], 200)) == [[0], [1]]
