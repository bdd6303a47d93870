"""A new transformer from nothing: its tokenizer, its sizes, and that it is at first the average of its words."""

from itertools import pairwise

import numpy as np
import pytest

import semspace as ss
from semspace.errors import InputError
from semspace.sentences.model_config import read_model_config
from semspace.sentences.runtime import BOUNDS
from semspace.sentences.torch_runtime import load_model
from semspace.training import init_from_words as beginning
from semspace.training import wordpiece
from semspace.training.from_scratch import create_transformer
from semspace.training.student import Student
from tests.words import KINDS

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")

NAMES = [*KINDS[0], *KINDS[1], "the", "and"]
SIZES = ss.training.SmallTransformer(dim=64, heads=2, vocabulary=200, max_tokens=24)
A = 3e-4  # of SIF weights


@pytest.fixture(scope="module")
def texts():
    draw = np.random.default_rng(0)
    return [" ".join(draw.choice([*KINDS[i % 2], "the", "the", "and"], 6)) + "." for i in range(120)]


@pytest.fixture(scope="module")
def words():
    """Vectors of different lengths, that lie no way in particular."""
    vectors = np.random.default_rng(1).normal(size=(len(NAMES), 8))
    counts = [*range(20, 10, -1), 200, 100]
    return ss.Space.from_vectors(NAMES, vectors, {"count": counts})


@pytest.fixture(scope="module")
def grown(texts, words, tmp_path_factory):
    folder = tmp_path_factory.mktemp("grown")
    with torch.random.fork_rng():
        layout, model = create_transformer(SIZES, texts, words, 1, folder)
    return folder, Student(model, layout)


# -- tokenizer ----------------------------------------------------------------------------------------------------

STRANGE = ["The CAT, and a Sheep!", "", "Çopper gôld", "日本 cat", "unseen ☃ snow", "cat's\tiron\n", "a" * 150]


def test_transformers_and_sentence_transformers_read_the_same_tokens(grown):
    from sentence_transformers import SentenceTransformer
    from tokenizers import Tokenizer
    from transformers import AutoTokenizer, BertTokenizerFast

    folder = grown[0]
    ours = Tokenizer.from_file(str(folder / "tokenizer.json"))
    wanted = [ours.encode(text).ids for text in STRANGE]
    assert wanted[1] == [2, 3]
    (folder.parent / "vocab").mkdir(exist_ok=True)
    (folder.parent / "vocab" / "vocab.txt").write_bytes((folder / "vocab.txt").read_bytes())
    for theirs in (BertTokenizerFast.from_pretrained(folder), AutoTokenizer.from_pretrained(folder)):
        assert [theirs(text)["input_ids"] for text in STRANGE] == wanted
        assert (theirs.pad_token_id, theirs.unk_token_id, theirs.mask_token_id) == (0, 1, 4)
        assert theirs.model_max_length == 24
    from_list = BertTokenizerFast.from_pretrained(folder.parent / "vocab", do_lower_case=True)
    assert [from_list(text)["input_ids"] for text in STRANGE] == wanted
    model = SentenceTransformer(str(folder), device="cpu")
    assert model.max_seq_length == 24
    assert model.tokenizer(STRANGE[0])["input_ids"] == wanted[0]


def test_words_are_tokens_and_others_pieces_in_lower_case_without_accents(texts):
    tokenizer = wordpiece.train_tokenizer(texts, 200)
    assert tokenizer.encode("The CÁT and Sheep.", add_special_tokens=False).tokens == [
        "the",
        "cat",
        "and",
        "sheep",
        ".",
    ]
    assert tokenizer.encode("tins", add_special_tokens=False).tokens == ["tin", "##s"]
    assert tokenizer.encode("☃", add_special_tokens=False).tokens == ["[UNK]"]
    assert tokenizer.decode(tokenizer.encode("tins the cat").ids) == "tins the cat"


def test_the_same_texts_give_the_same_tokenizer(texts):
    again = wordpiece.train_tokenizer(list(texts), 200).to_str()
    assert wordpiece.train_tokenizer(texts, 200).to_str() == again


def test_a_vocabulary_is_as_large_as_asked_at_most_and_rare_characters_go_first():
    letters = [chr(0x4E00 + i) for i in range(500)]  # Chinese characters, each a word: no pieces of them
    texts = [" ".join(letters[: i + 1]) for i in range(500)]
    tokenizer = wordpiece.train_tokenizer(texts, 105)
    assert tokenizer.get_vocab_size() <= 105
    assert tokenizer.encode(letters[0], add_special_tokens=False).tokens == [letters[0]]
    assert tokenizer.encode(letters[499], add_special_tokens=False).tokens == ["[UNK]"]
    assert f"##{letters[0]}" not in tokenizer.get_vocab()


def test_of_many_texts_an_even_part_is_read():
    texts = ["ab", "cd", "ef", "gh", "ij"]
    assert wordpiece.evenly_spaced(texts, 10) == texts
    assert wordpiece.evenly_spaced(texts, 9) == ["ab", "ef", "ij"]
    assert wordpiece.evenly_spaced(texts, 4) == ["ab", "gh"]
    assert not wordpiece.evenly_spaced([""], 4)[0]


def test_texts_without_characters_have_no_tokenizer():
    with pytest.raises(InputError, match="no tokenizer can be trained on 2 texts without a single letter"):
        wordpiece.train_tokenizer([" \n", "\t"], 200)


# -- token vectors ------------------------------------------------------------------------------------------------


def plain_tokenizer(*tokens):
    return wordpiece._from_vocabulary([*wordpiece.SPECIAL_TOKENS, *tokens])


def test_a_token_has_the_vector_of_its_words_and_a_piece_the_mean_of_those_it_is_in():
    tokenizer = plain_tokenizer("cat", "dog", "##s", "##ty", "bird", "a")
    ids = ["cat", "Cat", "dogs", "cats", "owl"]  # nothing knows the letters of "owl"
    vectors = [[1.0, 0.0], [4.0, 3.0], [0.0, 1.0], [2.0, 2.0], [9.0, 9.0]]
    words = ss.Space.from_vectors(ids, vectors, {"count": [2, 1, 4, 9, 100]})
    given, trust = beginning._token_vectors(words, tokenizer)
    assert np.allclose(given[5], [(2 * 1 + 4) / 3, 1.0])  # "cat", "Cat", by their counts
    assert np.allclose(given[6], [0, 1])  # "dog" is in "dogs" alone
    assert np.allclose(given[7], [(2 * 0 + 3 * 2) / 5, (2 * 1 + 3 * 2) / 5])  # "##s": by the roots of 4 and 9
    assert not given[8:].any()
    assert trust.tolist() == [0, 0, 0, 0, 0, 1, 0.5, 0.5, 0, 0, 0]


def test_words_without_counts_come_as_often_as_zipf_says():
    vectors = np.eye(4)
    by_order = ss.Space.from_vectors(list("abcd"), vectors)
    assert np.allclose(beginning._word_counts(by_order), [1, 1 / 2, 1 / 3, 1 / 4])
    for bad in ([1, 2, 3, None], ["1", "2", "3", "4"], [1, -1, 1, 1], [0, 0, 0, 0], [1, float("nan"), 1, 1]):
        words = ss.Space.from_vectors(list("abcd"), vectors, {"count": bad})
        assert np.allclose(beginning._word_counts(words), [1, 1 / 2, 1 / 3, 1 / 4])
    counted = ss.Space.from_vectors(list("abcd"), vectors, {"count": [5, 0, 3, 2]})
    assert beginning._word_counts(counted).tolist() == [5, 2, 3, 2]


def test_rows_have_mean_0_and_variance_1_so_that_layer_norm_keeps_them(texts, words):
    tokenizer = wordpiece.train_tokenizer(texts, 200)
    rows, content = beginning.token_rows(words, tokenizer, beginning.token_counts(tokenizer, texts), 64)
    assert content == 10  # 8 dimensions, one for the mean, one for as many +b as -b
    assert np.abs(rows.mean(axis=1)).max() < 1e-6
    assert np.abs(rows.std(axis=1) - 1).max() < 1e-5
    assert not rows[[0, 1, 4], :content].any()
    kept = torch.nn.functional.layer_norm(torch.from_numpy(rows), (64,), eps=1e-12).numpy()
    assert np.abs(kept - rows).max() < 1e-5


def by_hand(texts, words):
    """The SIF average of texts' words, whitened a little: (n, 8), up to a turn of all of them."""
    split = [text.rstrip(".").split() for text in texts]
    marks = len(texts)  # the full stop is a token as well
    names = words.ids.tolist()
    counts = np.array([sum(row.count(name) for row in split) for name in names], float)
    total = counts.sum() + marks
    weighted = words.vectors * (A / (A + counts / total))[:, None].astype(np.float64)
    moments = (weighted * (counts / total)[:, None]).T @ weighted
    variances, axes = np.linalg.eigh(moments)
    table = weighted @ axes * (variances / variances.mean()) ** (-1 / 8)
    lengths = np.linalg.norm(table, axis=1)
    table *= np.minimum(1, np.percentile(lengths, 99) / lengths)[:, None]
    found = np.array([table[[names.index(one) for one in row]].mean(axis=0) for row in split])
    return found / np.linalg.norm(found, axis=1, keepdims=True)


def test_before_it_learns_anything_it_is_the_weighted_average_of_its_words(texts, words, grown):
    folder, student = grown
    wanted = by_hand(texts, words)[:40]
    found = student.encode(texts[:40])
    assert np.abs(found @ found.T - wanted @ wanted.T).max() < 1e-4
    opened = ss.Encoder.load(folder, backend="torch").encode(texts[:40])
    assert np.abs(opened @ opened.T - wanted @ wanted.T).max() < 1e-4


def test_the_order_of_words_and_marks_change_nothing_at_first(grown):
    found = grown[1].encode(["cat iron the dog", "dog the cat iron"])
    assert float(found[0] @ found[1]) > 1 - 1e-5


def test_it_is_no_worse_at_first_than_the_average_of_words(texts, words, grown):
    """Word vectors of two kinds with a direction in common, told apart by texts of those kinds."""
    draw = np.random.default_rng(3)
    kind = np.array([0] * 5 + [1] * 5 + [2, 2])
    vectors = 0.4 * np.eye(8)[kind] + 2 * np.eye(8)[7] + 0.3 * draw.normal(size=(12, 8))
    near = ss.Space.from_vectors(NAMES, vectors, words.metadata)
    labelled = ss.evaluation.NearestLabel("kinds", tuple((text, str(i % 2)) for i, text in enumerate(texts)))
    with torch.random.fork_rng():
        (grown[0].parent / "near").mkdir()
        layout, model = create_transformer(SIZES, texts, near, 1, grown[0].parent / "near")
    average = ss.WordAverage(near, remove_common=False)
    assert labelled.score(Student(model, layout)).value >= labelled.score(average).value


def test_a_text_of_nothing_known_still_has_a_vector(grown):
    found = grown[1].encode(["☃ ☃", "", "cat"])
    assert np.allclose(np.linalg.norm(found, axis=1), 1, atol=1e-5)


def test_longer_word_vectors_are_cut_to_their_principal_components(texts):
    """What lies in 10 dimensions of 100 fits a model of 64."""
    draw = np.random.default_rng(2)
    small = draw.normal(size=(len(NAMES), 10))
    turn = np.linalg.qr(draw.normal(size=(100, 100)))[0][:10]
    tokenizer = wordpiece.train_tokenizer(texts, 200)
    counts = beginning.token_counts(tokenizer, texts)
    places = [tokenizer.token_to_id(name) for name in NAMES]
    found = []
    for vectors in (small, small @ turn):
        rows, content = beginning.token_rows(ss.Space.from_vectors(NAMES, vectors), tokenizer, counts, 64)
        found.append(rows[places, :content] @ rows[places, :content].T)
    assert np.abs(found[0] - found[1]).max() < 1e-3
    wide = ss.Space.from_vectors([f"{name}" for name in NAMES], draw.normal(size=(len(NAMES), 100)))
    rows, content = beginning.token_rows(wide, tokenizer, counts, 24)
    assert content == 8  # 16 are ballast
    assert rows[places[0], :content].any()


# -- sizes and seeds ----------------------------------------------------------------------------------------------


def weights(folder):
    return {name: one.numpy() for name, one in load_model(read_model_config(folder)).state_dict().items()}


@pytest.mark.parametrize("given", [True, False])
def test_the_same_seed_gives_the_same_weights(texts, words, tmp_path, given):
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        (tmp_path / name).mkdir()
        with torch.random.fork_rng():
            torch.manual_seed(len(name) + 40)
            create_transformer(SIZES, texts, words if given else None, seed, tmp_path / name)
    first, second, other = (weights(tmp_path / name) for name in "abc")
    assert all(np.array_equal(first[name], second[name]) for name in first)
    name = "encoder.layer.0.attention.self.query.weight"
    assert not np.array_equal(first[name], other[name])
    assert (tmp_path / "a" / "tokenizer.json").read_bytes() == (tmp_path / "c" / "tokenizer.json").read_bytes()


def test_without_words_weights_are_drawn_as_usual_with_dropout(texts, tmp_path):
    with torch.random.fork_rng():
        _, model = create_transformer(SIZES, texts, None, 1, tmp_path)
    drawn = model.embeddings.word_embeddings.weight.detach().numpy()[1:]
    assert abs(float(drawn.std()) - 0.02) < 0.001
    assert model.config.hidden_dropout_prob == 0.1
    assert model.embeddings.dropout.p == 0.1


def test_with_words_there_is_no_dropout(grown):
    assert not [one.p for one in grown[1].model.modules() if isinstance(one, torch.nn.Dropout) and one.p]


def test_simcse_has_dropout_to_learn_from_all_the_same(texts, words, monkeypatch):
    from semspace.training import pipeline

    seen = []
    made = pipeline.Student
    monkeypatch.setattr(pipeline, "Student", lambda *given, **named: seen.append(made(*given, **named)) or seen[-1])
    trainer = ss.EncoderTrainer(
        objective="simcse", base=SIZES, epochs=0.01, batch_size=8, held_out=0, threads=1, precision="float32"
    )
    trainer.train(texts, init=words, progress=False)
    assert {one.p for one in seen[0].model.modules() if isinstance(one, torch.nn.Dropout)} == {0.1}


def test_the_kernels_run_the_sizes_that_are_the_default():
    from semspace.inference.architectures import reason_unsupported
    from semspace.training.from_scratch import _random_bert

    sizes = ss.training.SmallTransformer()
    config = _random_bert(sizes, 50, 0.0).config
    assert not reason_unsupported(config.to_dict())
    assert (config.hidden_size, config.num_hidden_layers, config.intermediate_size) == (256, 1, 256)
    assert config.max_position_embeddings == 128


@pytest.mark.parametrize(
    ("sizes", "message"),
    [
        ({"dim": 250}, "dim must be a multiple of heads; got dim=250 and heads=4: choose dim=248 or 252"),
        ({"dim": 2}, "dim must be a multiple of heads; got dim=2 and heads=4: choose dim=4$"),
        ({"layers": 0}, "layers must be a whole number of at least 1; got 0"),
        ({"vocabulary": 50}, "vocabulary must be a whole number of at least 100"),
        ({"max_tokens": 4}, "max_tokens must be a whole number of at least 8"),
        ({"intermediate": 0}, "intermediate must be a whole number of at least 1"),
    ],
)
def test_sizes_that_cannot_be(sizes, message):
    with pytest.raises(InputError, match=message):
        ss.training.SmallTransformer(**sizes)


def test_words_that_cannot_start_it(texts, words, tmp_path):
    small = ss.training.SmallTransformer(dim=16, heads=2, vocabulary=200)
    with pytest.raises(InputError, match=r"dim must be 32 or more with init=, .*; got 16"):
        create_transformer(small, texts, words, 1, tmp_path)
    with pytest.raises(InputError, match="init must be a Space of words, such as Word2Vec trains; got dict"):
        create_transformer(SIZES, texts, {"cat": [1.0]}, 1, tmp_path)
    foreign = ss.Space.from_vectors(["кот", "пёс"], np.eye(2))
    with pytest.raises(InputError, match=r"the texts have none of the 2 words of init \(the first is 'кот'\)"):
        create_transformer(SIZES, texts, foreign, 1, tmp_path)


# -- training -----------------------------------------------------------------------------------------------------


def test_what_is_trained_from_nothing_opens_in_sentence_transformers_with_the_same_vectors(texts, words, tmp_path):
    from sentence_transformers import SentenceTransformer

    pairs = [(a, b) for a, b in zip(texts[::2], texts[2::2], strict=False)]
    trainer = ss.EncoderTrainer(
        objective="pairs", base=SIZES, batch_size=16, threads=1, held_out=0, precision="float32"
    )
    encoder = trainer.train(pairs, init=words, out=tmp_path / "e", progress=False)
    wanted = SentenceTransformer(str(tmp_path / "e"), device="cpu").encode(texts[:20])
    assert np.abs(ss.Encoder.load(tmp_path / "e", backend="torch").encode(texts[:20]) - wanted).max() < 1e-4
    assert np.allclose(np.linalg.norm(wanted, axis=1), 1, atol=1e-5)
    cosines = (encoder.encode(texts[:20]) * wanted).sum(axis=1)  # by the runtime that is fastest here
    mean, least = BOUNDS[encoder.backend]
    assert cosines.mean() > mean - 1e-5
    assert cosines.min() > least - 1e-5


@pytest.mark.parametrize("objective", ["scored", "labels", "simcse"])
def test_every_objective_takes_a_new_transformer(texts, objective):
    data = {
        "scored": [(a, b, i % 5) for i, (a, b) in enumerate(pairwise(texts[:41]))],
        "labels": [(text, str(i % 2)) for i, text in enumerate(texts)],
        "simcse": texts[:60],
    }[objective]
    trainer = ss.EncoderTrainer(
        objective=objective, base=SIZES, batch_size=20, threads=1, held_out=0, precision="float32"
    )
    assert trainer.train(data, progress=False).encode(texts[:2]).shape == (2, 64)


def test_words_are_no_start_for_a_model_there_is(words, tiny_folder):
    trainer = ss.EncoderTrainer(base=tiny_folder, batch_size=2, held_out=0)
    with pytest.raises(InputError, match="init= is for a new transformer"):
        trainer.train([("cat", "dog"), ("iron", "gold")], init=words, progress=False)
