"""Explanations: shares add up to the cosine, belong to the words that they name, and are shown safely."""

import json
import re

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

import semspace as ss
from semspace import display
from semspace.errors import InputError, SemspaceWarning, UnknownIdError
from semspace.explanations.text_words import joined_tokens, words_of
from semspace.sentences import head
from semspace.sentences.integrated_jacobians import integrated_parts
from semspace.sentences.token_parts import TokenParts, pooled_parts
from tests.conftest import make_tiny_model

A, B = "the cat sat on 42 mats", "a dog's bed, unbelievably soft"
HOSTILE = "<script>alert(1)</script> & \x1b[31mred\u202e"


def cosine(encoder, a=A, b=B):
    return float(encoder.similarity(encoder.encode([a]), encoder.encode([b]))[0, 0])


@pytest.fixture(scope="module")
def pets():
    words = ["cat", "dog", "bed", "soft", "the", "mat"]
    vectors = np.random.default_rng(0).normal(size=(len(words), 5)) + 1
    return ss.Space.from_vectors(words, vectors, {"count": [20, 18, 9, 4, 300, 2]})


# -- shares ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("backend", ["exact", "torch", "numpy"])
def test_shares_of_the_last_layer_add_up_to_the_cosine(small_folder, backend):
    encoder = ss.Encoder.load(small_folder, backend=backend)
    why = ss.explain(encoder, A, B, method="last_layer")
    assert why.similarity == pytest.approx(cosine(encoder), abs=1e-5)
    assert why.shares.shape == (len(why.a), len(why.b))
    assert why.a.words == ("[CLS]", "the", "cat", "sat", "on", "42", "mats", "[SEP]")
    assert "dog's" in why.b.words
    assert "unbelievably" in why.b.words


def test_shares_are_products_of_token_states(small_folder):
    """The plain reference: states of transformers itself, one token times another."""
    import torch
    import transformers

    model = transformers.AutoModel.from_pretrained(small_folder)
    encoder = ss.Encoder.load(small_folder, backend="exact")
    units = []
    for text in ("cat dog", "soft bed"):
        tokens = encoder.tokenizer.read([text]).tokens.astype(np.int64)
        with torch.no_grad():
            states = model(input_ids=torch.from_numpy(tokens)[None]).last_hidden_state[0].numpy()
        units.append(states / np.linalg.norm(states.sum(axis=0)))
    why = ss.explain(encoder, "cat dog", "soft bed", method="last_layer")
    whole = units[0] @ units[1].T
    cat, bed = slice(1, 4), slice(5, 8)  # in letters: c a t d o g; s o f t b e d
    near = 2e-3 if "bfloat16" in encoder.implementation else 1e-4
    assert why.shares[1, 2] == pytest.approx(whole[cat, bed].sum(), abs=near)
    assert why.shares[0, 0] == pytest.approx(whole[0, 0], abs=near)


def test_every_runtime_has_the_same_states(small_folder):
    texts = [A, B, "", "w " * 70, *(f"text {i}" for i in range(40))]  # more than one chunk
    found = {}
    for backend in ("exact", "torch", "numpy"):
        encoder = ss.Encoder.load(small_folder, backend=backend)
        batch = encoder.tokenizer.read(texts)
        found[backend] = encoder._runtime.states(batch)
        assert found[backend].shape == (len(batch.tokens), encoder.dim)
    assert np.abs(found["torch"] - found["numpy"]).max() < 1e-3
    assert np.abs(found["torch"] - found["exact"]).max() < 0.1  # bfloat16 where the processor has it
    assert np.corrcoef(found["torch"].ravel(), found["exact"].ravel())[0, 1] > 0.9999


@pytest.mark.parametrize("how", ["mean", "max", "weightedmean", "mean_sqrt_len_tokens"])
@pytest.mark.parametrize("n_unpooled", [0, 2])
def test_parts_add_up_to_what_is_pooled(how, n_unpooled):
    from semspace.sentences.numpy_runtime import _pool

    states = np.random.default_rng(0).normal(size=(6, 8)).astype(np.float32)
    parts = pooled_parts(states, (how, "mean"), n_unpooled)
    expected = np.concatenate([_pool(states, one, n_unpooled) for one in (how, "mean")])
    assert np.allclose(parts.sum(axis=0), expected, atol=1e-5)
    assert not parts[:n_unpooled].any()


@pytest.mark.parametrize("activation", ["Identity", "Tanh", "ReLU", "GELU", "Sigmoid", "SiLU"])
@pytest.mark.parametrize("residual", [False, True])
def test_modules_after_pooling_divide_their_output(activation, residual, tmp_path):
    rng = np.random.default_rng(0)
    settings = {"out_features": 4, "activation_function": f"torch.nn.modules.activation.{activation}"}
    dense = head.HeadModule(head.DENSE, tmp_path, {**settings, "use_residual": residual})
    norm = head.HeadModule(head.LAYER_NORM, tmp_path, {})
    weights = {"linear.weight": (4, 6), "linear.bias": 4, "residual.weight": (4, 6)}
    dense.__dict__["_weights"] = {name: rng.normal(size=size).astype(np.float32) for name, size in weights.items()}
    norm.__dict__["_weights"] = {f"norm.{name}": rng.normal(size=4).astype(np.float32) for name in ("weight", "bias")}
    modules = (dense, norm, head.HeadModule(head.NORMALIZE, tmp_path, {}), head.HeadModule(head.DROPOUT, tmp_path, {}))
    parts = rng.normal(size=(5, 6))
    parts[:, 0] = 0
    whole = head.apply_head(modules, parts.sum(axis=0, keepdims=True).astype(np.float32))[0]
    for module in modules:
        parts = module.apply_to_parts(parts)
    assert np.allclose(parts.sum(axis=0), whole, atol=1e-5)


@pytest.mark.parametrize("remove_common", [False, True])
def test_shares_of_word_averages_add_up(pets, remove_common):
    encoder = ss.WordAverage(pets, remove_common=remove_common)
    why = ss.explain(encoder, "The cat, the mat", "a soft DOG bed", method="last_layer")
    assert why.similarity == pytest.approx(cosine(encoder, "The cat, the mat", "a soft DOG bed"), abs=1e-6)
    assert why.a.words == ("The", "cat", "the", "mat")
    assert why.b.words == ("soft", "DOG", "bed")
    if not remove_common:  # by hand: weights times cosines
        weight = 1e-3 / (1e-3 + np.array([20, 4]) / 353)
        whole = [encoder.encode([text])[0] * n for text, n in (("The cat, the mat", 4), ("a soft DOG bed", 3))]
        product = weight[0] * pets["cat"] @ pets["soft"] * weight[1]
        assert why.shares[1, 0] == pytest.approx(product / np.prod([np.linalg.norm(one) for one in whole]), abs=1e-6)


def test_shares_of_static_encoders_add_up(small_folder):
    tokenizer = (small_folder / "tokenizer.json").read_text(encoding="utf-8")
    table = np.random.default_rng(0).normal(size=(76, 6)).astype(np.float32)
    weights = np.linspace(0.5, 2, 76, dtype=np.float32)
    for options in ({}, {"truncate_dim": 4}, {"normalize": False, "weights": weights}):
        encoder = ss.StaticEncoder(tokenizer, table, **options)
        assert ss.explain(encoder, A, B, method="last_layer").similarity == pytest.approx(cosine(encoder), abs=1e-5)
    with pytest.raises(InputError, match="knows no token of the text '☃'"):
        ss.explain(encoder, "☃", B, method="last_layer")


def test_a_prompt_is_a_part_of_its_own(small_folder, monkeypatch):
    encoder = ss.Encoder.load(small_folder)
    monkeypatch.setitem(encoder.__dict__, "prompts", {"": "query: "})
    why = ss.explain(encoder, A, B, method="last_layer")
    assert why.similarity == pytest.approx(cosine(encoder), abs=1e-5)
    assert why.a.words.count("the") == 1
    assert next(word for word, is_in in zip(why.a.words, why.a.in_text, strict=True) if is_in) == "the"


def test_a_share_of_leave_one_out_is_what_the_cosine_loses(small):
    why = ss.explain(small, "cat dog bed", B, method="leave_one_out")
    whole = cosine(small, "cat dog bed")
    assert why.similarity == pytest.approx(whole, abs=1e-5)
    for i, shorter in enumerate(["dog bed", "cat bed", "cat dog"]):
        assert why.shares_a[i] == pytest.approx(whole - cosine(small, shorter), abs=1e-5)
    assert why.a.words == ("cat", "dog", "bed", "(together)")


def test_a_model_of_one_token_is_explained_by_other_methods(tmp_path):
    encoder = ss.Encoder.load(make_tiny_model(tmp_path / "cls", pooling="cls"))
    with pytest.raises(InputError, match=r"state of its first token alone .*method='leave_one_out'"):
        ss.explain(encoder, A, B, method="last_layer")
    for method in ("leave_one_out", "integrated_jacobians"):
        assert ss.explain(encoder, "cat", "dog", method=method).similarity == pytest.approx(
            cosine(encoder, "cat", "dog"), abs=1e-4
        )


def test_integrated_jacobians_agree_with_integrated_gradients(small_folder):
    """The rows' sums need only gradients, which torch computes backwards, by Riemann's sum instead of a quadrature."""
    import torch

    encoder = ss.Encoder.load(small_folder, backend="torch")
    text, other = "cat 42", "dogs"
    why = ss.explain(encoder, text, other, method="integrated_jacobians")
    assert why.similarity == pytest.approx(cosine(encoder, text, other), abs=1e-4)
    runtime = encoder._torch_runtime
    batch, _, spans = encoder.tokenizer.read_spans([text])
    special = spans[:, 0] == spans[:, 1]
    reference, embedded = (
        runtime.embeddings(row).detach() for row in (np.where(special, batch.tokens, 0), batch.tokens)
    )
    steps = 400
    at = (torch.arange(steps)[:, None, None] + 0.5) / steps
    inputs = (reference + at * (embedded - reference)).requires_grad_()
    direction = torch.from_numpy(encoder.encode([other], normalize_embeddings=True))[0]
    (runtime.pooled_from_embeddings(inputs, 0) @ direction).sum().backward()
    shares = ((inputs.grad.mean(0)) * (embedded - reference)).sum(-1).numpy()
    pooled = runtime.pooled(batch, lambda _: None)[0]
    shares /= np.linalg.norm(pooled)
    assert why.shares_a[1] == pytest.approx(shares[1:4].sum(), abs=2e-3)  # cat
    assert why.shares_a[2] == pytest.approx(shares[4:6].sum(), abs=2e-3)  # 42
    parts = integrated_parts(runtime, batch, special, steps=64)
    empty = runtime.pooled(batch._replace(tokens=np.where(special, batch.tokens, 0).astype(np.int32)), lambda _: None)
    assert np.linalg.norm(parts[-1] - empty[0]) < 0.01 * np.linalg.norm(pooled)
    assert np.allclose(parts.sum(axis=0), pooled, atol=1e-5)


# -- words of texts ----------------------------------------------------------------------------------------


@given(st.text())
def test_pieces_are_the_text(text):
    words = words_of(text)
    assert "".join(piece for piece, _ in words.pieces()) == text[: int(words.spans[-1, 1])] if len(words) else True
    assert [piece for piece, number in words.pieces() if number >= 0] == list(words.words)
    assert "".join("".join(words.words).split()) == "".join(text.split())


def test_words_are_what_a_reader_calls_words():
    assert words_of("Isn't the café's ’tis 3.5... 今好 ไทย naïve_x?!").words == (
        "Isn't", "the", "café's", "’", "tis", "3", ".", "5", "...", "今", "好", "ไ", "ท", "ย", "naïve_x", "?", "!",
    )  # fmt: skip


def test_tokens_are_joined_to_words_by_their_places():
    text = "play-back now"
    spans = np.array([[-1, -1], [0, 2], [2, 4], [4, 5], [5, 9], [9, 13], [-1, -1]])  # the last has a space before
    parts = TokenParts(("[CLS]", "pl", "##ay", "-", "back", " now", "[SEP]"), spans, np.eye(7))
    words, vectors = joined_tokens(text, parts)
    assert words.words == ("[CLS]", "play", "-", "back", "now", "[SEP]")
    assert vectors.sum(axis=1).tolist() == [1, 2, 1, 1, 1, 1]
    assert "".join(piece for piece, _ in words.pieces()) == "[CLS] play-back now [SEP]"


def test_places_of_words_are_those_that_the_tokenizer_read(small):
    text = "  It's the Café — " + "wörter " * 3
    why = ss.explain(small, text, B, method="last_layer")
    for word, (start, end) in zip(why.a.words, why.a.spans.tolist(), strict=True):
        assert start < 0 or text[start:end] == word


def test_a_long_text_is_explained_as_far_as_it_is_read(small):
    with pytest.warns(SemspaceWarning, match="more than the 64 tokens"):
        why = ss.explain(small, "cat " * 90, B, method="last_layer")
    with pytest.warns(SemspaceWarning, match="only their beginnings"):
        assert why.similarity == pytest.approx(cosine(small, "cat " * 90), abs=1e-5)


# -- tables, figures and print -----------------------------------------------------------------------------


def test_tables_of_shares(small):
    why = ss.explain(small, A, B, method="last_layer")
    frame = why.to_frame()
    assert frame["share"].sum() == pytest.approx(why.similarity)
    best = why.top_pairs(3)
    assert best["in_text"].all()
    assert best["share"].to_list() == frame.filter("in_text")["share"].sort(descending=True)[:3].to_list()
    assert len(why.top_pairs(500, special=True)) == why.shares.size
    words = why.words_to_frame()
    assert words.filter(pl.col("text") == "b")["share"].to_list() == why.shares_b.tolist()
    with pytest.raises(InputError, match="k must be a whole number"):
        why.top_pairs(0)


@pytest.mark.parametrize("method", ["last_layer", "leave_one_out"])
def test_what_is_shown_is_escaped(small, tmp_path, method):
    why = ss.explain(small, HOSTILE, B, method=method)
    why.to_html(tmp_path / "why.html", title="<b>")
    page = (tmp_path / "why.html").read_text(encoding="utf-8")
    for shown in (page, why._repr_html_(), why.plot()._repr_html_()):
        assert "<script>alert" not in shown
        assert "\x1b" not in shown
        assert "\u202e" not in shown
    assert "\x1b" not in repr(why)
    assert "&lt;b&gt;" in page


def test_colours_are_for_terminals_alone(small, monkeypatch):
    why = ss.explain(small, A, B, method="last_layer")
    assert "\x1b" not in repr(why)
    monkeypatch.setattr("semspace.explanations.similarity_explanation.coloured_terminal", lambda: True)
    coloured = repr(why)
    assert "\x1b[38;5;16;48;5;" in coloured
    assert re.sub("\x1b\\[[0-9;]*m", "", coloured).splitlines()[1].strip() == A


def test_whether_a_terminal_has_colours(monkeypatch):
    class Terminal:
        def isatty(self):
            return True

    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    assert not display.coloured_terminal()  # pytest's capture is none
    monkeypatch.setattr("sys.stdout", Terminal())
    assert display.coloured_terminal()
    monkeypatch.setenv("NO_COLOR", "1")
    assert not display.coloured_terminal()
    assert display.shaded("x", 0.01) == "x"
    assert display.shaded("x", 1.0) != display.shaded("x", -1.0)


def test_a_heat_map_of_long_texts_shows_the_strongest_words(small_folder):
    encoder = ss.Encoder.load(small_folder)
    a = " ".join(f"w{i}" for i in range(30))
    why = ss.explain(encoder, a, B, method="leave_one_out")
    assert "left out" not in why.plot().caption
    many = ss.explain(encoder, " ".join("abcdefghijklmnopqrstuvwxyz0123456789abcdefghijklmnop"), B, method="last_layer")
    assert "words with small shares are left out" in many.plot().caption
    assert many.plot().draw(340)[1] < 850


def test_figures_refuse_what_they_cannot_draw():
    from semspace.report.word_matrix import word_matrix

    with pytest.raises(InputError, match=r"of shape \(1, 2\); got shape \(2, 2\)"):
        word_matrix(np.eye(2), ["a"], ["b", "c"], caption="x")
    assert "An empty matrix" in word_matrix(np.empty((0, 0)), [], [], caption="x").description


# -- results of a search -----------------------------------------------------------------------------------


def test_results_are_explained_by_words_of_the_query(pets, tmp_path):
    encoder = ss.WordAverage(pets)
    space = encoder.embed(ss.Corpus.from_texts(["the cat on the mat", "a soft bed", "<b>dog</b> & dog"]))
    found = ss.Index.build(space).search("cat bed", k=3, hybrid=False)
    why = ss.explain_results(space, "cat bed", found)
    assert why.ids == found.ids
    assert np.allclose(why.shares.sum(axis=1), found.scores, atol=1e-5)
    assert why.query.words == ("cat", "bed")
    row = why.ids.index("0")
    assert why.shares[row, 0] == pytest.approx(float(why.explanations[row].shares[0].sum()))
    assert why.to_frame()["query_words"][row].startswith("cat")
    why.to_html(tmp_path / "r.html")
    assert "<b>dog" not in (tmp_path / "r.html").read_text(encoding="utf-8") + why._repr_html_()
    again = ss.explain_results(
        encoder, "cat bed", found, texts=found.metadata["text"].to_list(), method="leave_one_out"
    )
    assert np.allclose(again.shares.sum(axis=1), found.scores, atol=1e-5)


def test_a_saved_space_and_an_index_bring_their_encoder(small, tmp_path):
    space = small.embed(ss.Corpus.from_texts([A, B]))
    space.save(tmp_path / "s.space")
    opened = ss.load(tmp_path / "s.space")
    expected = ss.explain(small, A, B, method="last_layer").similarity
    assert ss.explain(opened, A, B, method="last_layer").similarity == pytest.approx(expected, abs=1e-5)
    assert ss.explain(ss.Index.build(opened), A, B, method="last_layer").similarity == pytest.approx(expected, abs=1e-5)


def test_results_without_texts_are_refused(pets):
    encoder = ss.WordAverage(pets)
    with pytest.raises(InputError, match="no column 'text'"):
        ss.explain_results(encoder, "cat", pets.most_similar("cat", 2))
    with pytest.raises(InputError, match="one text for each of the 2 results; got 1"):
        ss.explain_results(encoder, "cat", pets.most_similar("cat", 2), texts=["dog"])
    with pytest.raises(InputError, match="neighbors must be Neighbors"):
        ss.explain_results(encoder, "cat", [("a", 1.0)])
    texts = encoder.embed(ss.Corpus.from_texts(["a cat", "a dog"]))
    for owner in (texts, ss.Index.build(texts)):
        with pytest.raises(InputError, match=r"the query '1' is the id of a point, .* give the text of that point"):
            ss.explain_results(owner, "1", texts.most_similar("1"))
    nothing = ss.explain_results(encoder, "cat", pets.most_similar("cat", 2).take([]), texts=[])
    assert nothing.shares.shape == (0, 1)
    assert nothing.verdict() == "Nothing was found."


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ("no encoder", A, B),
            "encoder must be an Encoder, or a space or an index that .* got a str: load one with",
        ),
        ((None, 3, B), "a must be a text; got int"),
        ((None, A, " \n"), "b is empty"),
        ((None, A, "\ud800"), "lone surrogate"),
        ((None, A, "zebra"), "knows no word of the text 'zebra'"),
    ],
)
def test_what_cannot_be_explained(pets, arguments, message):
    encoder = ss.WordAverage(pets) if arguments[0] is None else arguments[0]
    with pytest.raises(InputError, match=message):
        ss.explain(
            encoder,
            *(text.replace(A, "cat") if isinstance(text, str) else text for text in arguments[1:]),
            method="last_layer",
        )


def test_encoders_without_states_of_tokens_are_refused_in_a_sentence(pets):
    class Hashes(ss.Encoder):
        name, dim, fingerprint, max_tokens = "hashes", 3, "f", 9

        def _encode_block(self, prepared, bar):
            from semspace.sentences.blocks import EncodedBlock

            bar.update(len(prepared))
            vectors = np.array([[len(text), text.count("a") + 1, 1] for text in prepared], np.float32)
            return EncodedBlock(vectors, np.zeros(len(prepared), bool))

    encoder = Hashes()
    with pytest.raises(InputError, match=r"hashes has no states of tokens .*give method='leave_one_out'"):
        ss.explain(encoder, "a cat", "a dog", method="last_layer")
    why = ss.explain(encoder, "a cat", "a dog", method="leave_one_out")
    assert why.similarity == pytest.approx(cosine(encoder, "a cat", "a dog"), abs=1e-6)
    with pytest.raises(InputError, match=r"without one: words are explained by ss\.explain_words"):
        ss.explain(pets, "a", "b")
    with pytest.raises(InputError, match=r"method must be one of .*did you mean 'last_layer'"):
        ss.explain(encoder, "a", "b", method="last-layer")


# -- words -------------------------------------------------------------------------------------------------


def test_shared_neighbours_and_contexts(tmp_path):
    space = ss.Space.from_vectors(["tea", "coffee", "cup", "car"], [[3, 1], [3, 2], [3, 3], [-1, 3]])
    texts = [
        "A cup of tea. The car!",
        "A cup of coffee, a cup of coffee",
        "tea or coffee?",
        "one cup of tea",
        "<i>car</i>",
    ]
    corpus = ss.Corpus.from_texts(texts)
    why = ss.explain_words(space, "tea", "coffee", text=corpus, k=3, window=2)
    assert why.similarity == pytest.approx(space.similarity("tea", "coffee"))
    assert why.neighbors["word"].to_list() == ["cup", "car"]
    assert why.together == 1
    assert dict(why.contexts.select("word", "count_a").iter_rows())["cup"] == 2
    assert set(why.contexts["word"]) == {"cup", "of"}  # each twice near both
    assert why.contexts["sentence_a"][0] == "A cup of tea."
    tokens = ss.Tokens.from_corpus(corpus)
    of_tokens = ss.explain_words(space, "tea", "coffee", text=tokens, k=3, window=2)
    assert of_tokens.contexts["count_b"].to_list() == why.contexts["count_b"].to_list()
    assert of_tokens.contexts["sentence_a"][0].startswith("a cup of tea")
    why.to_html(tmp_path / "w.html")
    assert "cup" in (tmp_path / "w.html").read_text(encoding="utf-8")
    assert "shared contexts. They stand near each other 1 time." in repr(why)
    assert "Shared contexts" in why._repr_html_()


@given(st.lists(st.lists(st.sampled_from("abcde"), min_size=1, max_size=9), min_size=1, max_size=6), st.integers(1, 4))
def test_contexts_are_counted_as_one_would_by_hand(documents, window):
    from semspace.explanations.contexts import _occurrences

    documents = [["a", *document] for document in documents]
    tokens = ss.Tokens.from_lists(documents)
    found = _occurrences(tokens, tokens.words.index("a"), window)
    counts = np.bincount(tokens.ids[found.near], minlength=len(tokens.words))
    expected = dict.fromkeys(tokens.words, 0)
    for document in documents:
        for i, word in enumerate(document):
            for j, near in enumerate(document):
                expected[near] += word == "a" and i != j and abs(i - j) <= window
    assert dict(zip(tokens.words, counts.tolist(), strict=True)) == expected


def test_words_that_cannot_be_explained(pets):
    with pytest.raises(InputError, match=r"explain_words takes a Space; got str: .*ss\.read_vectors\(path\)"):
        ss.explain_words("glove.txt", "cat", "dog")
    with pytest.raises(UnknownIdError, match="did you mean cat"):
        ss.explain_words(pets, "cats", "dog")
    with pytest.raises(InputError, match="the same word"):
        ss.explain_words(pets, "cat", "cat")
    with pytest.raises(UnknownIdError, match="no word 'dog' in the 2 words of this text"):
        ss.explain_words(pets, "cat", "dog", text=ss.Corpus.from_texts(["a cat"]))
    with pytest.raises(InputError, match="text must be a Corpus or Tokens"):
        ss.explain_words(pets, "cat", "dog", text=["a cat"])


# -- in a shell --------------------------------------------------------------------------------------------


def test_the_command(run, tmp_path):
    code, out, err = run("explain", "a cat", "a dog", "--model", "TINY", "-k", 2, "--out", tmp_path / "why.html")
    assert code == 0, err
    assert out.startswith("cosine ")
    assert "page written to" in out
    assert (tmp_path / "why.html").exists()
    code, out, _ = run("explain", "a cat", "a dog", "--model", "TINY", "--json", "--method", "leave_one_out")
    told = json.loads(out)
    assert sum(word["share"] for word in told["words"] if word["text"] == "a") == pytest.approx(told["cosine"])
    assert run("explain", "a cat", "a dog", "--model", "TINY", "--method", "x")[0] == 2
    code, _, err = run("explain", "a cat", "", "--model", "TINY")
    assert code == 2
    assert "b is empty" in err
    assert run("explain", "a", "b", "--model", "TINY", "--out", tmp_path / "why.html")[0] == 2  # it exists
