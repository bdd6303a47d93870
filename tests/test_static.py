"""Static encoders: means of rows as model2vec takes them, its folder format, and distillation."""

import json
import shutil
import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from safetensors.numpy import save_file
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers

import semspace as ss
from semspace.errors import DamagedError, ExistsError, InputError, MissingFileError, SemspaceWarning
from semspace.sentences.static_encoder import StaticEncoder

WORDS = ["[UNK]", "red", "green", "blue", "##ish"]
TABLE = np.array([[9, 9, 9], [1, 0, 0], [0, 1, 0], [0, 0, 1], [0, 2, 2]], np.float32)
texts = st.lists(st.text(st.sampled_from("redgnblu ish🙂é\n"), max_size=40), min_size=1, max_size=8)


def tokenizer(kind="WordPiece"):
    numbers = {word: i for i, word in enumerate(WORDS)}
    if kind == "Unigram":
        made = Tokenizer(models.Unigram([(word, -1.0) for word in WORDS], unk_id=0, byte_fallback=False))
    elif kind == "BPE":
        made = Tokenizer(models.BPE(numbers, [], unk_token="[UNK]", ignore_merges=True))
    else:
        made = Tokenizer(getattr(models, kind)(numbers, unk_token="[UNK]"))
    made.normalizer = normalizers.BertNormalizer(lowercase=True)
    made.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    return made.to_str()


def make(**options):
    return StaticEncoder(**{"tokenizer": tokenizer(), "vectors": TABLE, "normalize": False, **options})


def plain(encoder):
    """Encode without a word of warning."""

    def encode(some):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", SemspaceWarning)
            return encoder.encode(some)

    return encode


def test_a_vector_is_the_mean_of_the_rows():
    vectors = make().encode(["red", "Red, green", "reddish greenish"[7:], "red red blue"])
    np.testing.assert_allclose(vectors, [[1, 0, 0], [0.5, 0.5, 0], [0, 1.5, 1], [2 / 3, 0, 1 / 3]], rtol=1e-6)
    assert vectors.dtype == np.float32


def test_normalize_scales_to_length_one():
    np.testing.assert_allclose(make(normalize=True).encode(["greenish"]), [[0, 1.5 / 3.25**0.5, 1 / 3.25**0.5]])


def test_weights_multiply_and_the_mean_is_over_the_number_of_tokens():
    weights = np.array([1, 2, 0.5, 1, 1], np.float32)
    np.testing.assert_allclose(make(weights=weights).encode(["red green"]), [[1, 0.25, 0]])


def test_a_mapping_lets_tokens_share_rows():
    mapping = np.array([0, 1, 1, 0, 0])
    np.testing.assert_allclose(make(vectors=TABLE[:2], mapping=mapping).encode(["red", "green"]), [[1, 0, 0]] * 2)


@pytest.mark.parametrize("kind", ["WordPiece", "WordLevel", "Unigram", "BPE"])
def test_the_unknown_token_is_passed_over_in_every_kind_of_tokenizer(kind):
    encoder = make(tokenizer=tokenizer(kind))
    np.testing.assert_allclose(encoder.encode(["red ☃", "red"]), [[1, 0, 0]] * 2)


@pytest.mark.parametrize("normalize", [False, True])
def test_texts_without_a_known_token_get_one_vector_and_a_warning(normalize):
    encoder = make(normalize=normalize)
    with pytest.warns(
        SemspaceWarning, match=r"3 of 4 texts contain no word or token that static knows; they all got the same"
    ):
        vectors = encoder.encode(["", "red", "  \n", "🙂 ☃"])
    assert np.isfinite(vectors).all()
    assert len(np.unique(vectors[[0, 2, 3]], axis=0)) == 1
    mean = TABLE.mean(axis=0)
    np.testing.assert_allclose(vectors[0], mean / np.linalg.norm(mean) if normalize else mean, rtol=1e-6)
    ss.Space.from_vectors(["a", "b"], vectors[:2])  # no row of zeros


def test_rows_that_cancel_out_have_no_direction():
    table = np.array([[0, 0], [1, 0], [-1, 0], [0, 0], [0, 0]], np.float32)
    with pytest.warns(SemspaceWarning, match="2 of 2 texts contain no"):
        vectors = make(vectors=table, normalize=True).encode(["red green", "blue"])
    np.testing.assert_allclose(vectors, np.full((2, 2), 0.5**0.5), rtol=1e-6)


def test_only_the_beginning_of_a_long_text_is_read():
    encoder = make(max_tokens=2)
    with pytest.warns(SemspaceWarning, match="1 of 3 texts are longer than the 2 tokens that static reads"):
        vectors = encoder.encode(["red red blue", "red red", "red"])
    np.testing.assert_allclose(vectors, [[1, 0, 0]] * 3)
    with pytest.warns(SemspaceWarning, match="1 of 1 texts are longer"):  # cut by letters first, as model2vec does
        np.testing.assert_allclose(encoder.encode(["red" + " " * 20 + "blue"]), [[1, 0, 0]])


@given(texts, st.randoms())
def test_a_vector_depends_on_its_text_alone(some, shuffle):
    encode = plain(make(normalize=True))
    together, order = encode(some), list(range(len(some)))
    shuffle.shuffle(order)
    np.testing.assert_array_equal(encode([some[i] for i in order]), together[order])
    for text, vector in zip(some, together, strict=True):
        np.testing.assert_array_equal(encode([text])[0], vector)
    np.testing.assert_allclose(np.linalg.norm(together, axis=1), 1, rtol=1e-5)


def test_the_arrays_given_are_not_held():
    table = TABLE.copy()
    encoder = make(vectors=table)
    table[:] = 0
    np.testing.assert_allclose(encoder.encode(["red"]), [[1, 0, 0]])
    with pytest.raises(AttributeError):
        encoder.normalize = True
    with pytest.raises(ValueError, match="read-only"):
        encoder.vectors[0] = 1


def test_the_fingerprint_is_over_all_that_decides_a_vector():
    ones = np.ones(5, np.float32)
    different = [{}, {"normalize": True}, {"max_tokens": 9}, {"weights": ones}, {"mapping": np.arange(5)}]
    assert len({make(**options).fingerprint for options in different}) == 5
    assert make().fingerprint == make(name="other", facts={"a": 1}).fingerprint


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"vectors": TABLE[:3]}, "vectors must have a row for each of the 5 tokens; got 3"),
        ({"vectors": TABLE * np.nan}, "vectors must be finite, one for each token; row 0 holds NaN"),
        ({"vectors": TABLE[:0]}, "there are none"),
        ({"weights": np.ones(4)}, r"weights must be finite numbers, one for each of the 5 tokens; got \(4,\)"),
        ({"mapping": np.array([0, 1, 2, 3, 5])}, "mapping must hold rows from 0 to 4"),
        ({"mapping": np.array([0, 1, 2, 3, -1])}, "mapping must hold rows from 0 to 4"),
        ({"normalize": "yes"}, "normalize must be True or False; got 'yes'"),
        ({"max_tokens": 0}, "max_tokens must be a whole number from 1 to 1000000000; got 0"),
        ({"tokenizer": "{}"}, "tokenizer must be the content of a tokenizer.json"),
    ],
)
def test_parts_that_do_not_fit_are_refused(options, message):
    with pytest.raises(InputError, match=message):
        make(**options)


def test_people_can_see_it_and_judge_it(tmp_path):
    table = tmp_path / "pairs.tsv"
    table.write_text("sentence1\tsentence2\tscore\nred\tred\t5\nred\tgreen\t1\ngreenish\tgreen\t4\n", encoding="utf-8")
    encoder = make()
    assert ss.evaluate(encoder, table)["pairs"].value == pytest.approx(1)
    assert repr(encoder) == "StaticEncoder('static', dim=3, tokens=5)"


# -- on disk ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("options", [{}, {"normalize": True, "max_tokens": 7}, {"weights": np.arange(1, 6) / 2}])
def test_what_is_saved_comes_back(tmp_path, options):
    encoder = make(**options, facts={"made_by": "hand"})
    encoder.save(tmp_path / "e")
    again = StaticEncoder.from_folder(tmp_path / "e", "mine")
    assert (again.fingerprint, again.name, again.facts) == (encoder.fingerprint, "mine", {"made_by": "hand"})
    assert (again.normalize, again.max_tokens) == (encoder.normalize, encoder.max_tokens)
    assert StaticEncoder.from_folder(tmp_path / "e").name == str((tmp_path / "e").resolve())
    with pytest.raises(ExistsError, match="exists already"):
        encoder.save(tmp_path / "e")
    make().save(tmp_path / "e", overwrite=True)
    assert StaticEncoder.from_folder(tmp_path / "e").fingerprint == make().fingerprint
    assert [path.name for path in tmp_path.iterdir()] == ["e"]


def test_a_folder_of_someone_elses_is_never_overwritten(tmp_path):
    (tmp_path / "e").mkdir()
    with pytest.raises(ExistsError, match="isn't a saved semspace value"):
        make().save(tmp_path / "e", overwrite=True)


def foreign(folder, *, config=None, tensors=None, text=None):
    """A folder as model2vec writes one."""
    folder.mkdir()
    written = {"model_type": "model2vec", "normalize": True, "hidden_dim": 3} if config is None else config
    (folder / "config.json").write_text(json.dumps(written), encoding="utf-8")
    save_file({"embeddings": TABLE.astype(np.float16)} if tensors is None else tensors, folder / "model.safetensors")
    (folder / "tokenizer.json").write_text(tokenizer() if text is None else text, encoding="utf-8")
    return folder


def test_a_foreign_folder_is_opened(tmp_path):
    tensors = {
        "embeddings": TABLE[:3].astype(np.int8),
        "weights": np.array([1, 2, 1, 1, 1], np.float64),
        "mapping": np.array([0, 1, 2, 2, 2], np.int64),
    }
    encoder = StaticEncoder.from_folder(
        foreign(tmp_path / "e", config={"model_type": "model2vec", "max_length": None}, tensors=tensors)
    )
    assert (encoder.normalize, encoder.max_tokens) == (False, 1_000_000)
    np.testing.assert_allclose(encoder.encode(["red blue"]), [[1, 0.5, 0]])
    assert StaticEncoder.from_folder(foreign(tmp_path / "f")).max_tokens == 512


@pytest.mark.parametrize("file", ["config.json", "model.safetensors", "tokenizer.json"])
@pytest.mark.parametrize("saved_here", [False, True])
def test_damage_is_told(tmp_path, file, saved_here):
    folder = tmp_path / "e"
    make().save(folder) if saved_here else foreign(folder)
    (folder / file).write_bytes((folder / file).read_bytes()[:-9])
    with pytest.raises(DamagedError, match="e/" + file if saved_here else None):
        StaticEncoder.from_folder(folder)
    (folder / file).unlink()
    with pytest.raises(DamagedError, match=f"isn't a static encoder: it has no {file}"):
        StaticEncoder.from_folder(folder)


@pytest.mark.parametrize(
    ("parts", "error", "message"),
    [
        ({"config": {"model_type": "bert"}}, InputError, "doesn't say model_type 'model2vec'"),
        ({"config": ["a"]}, DamagedError, "config.json holds no JSON object"),
        ({"config": {"normalize": "no"}}, DamagedError, "normalize must be True or False"),
        ({"config": {"max_length": -2}}, DamagedError, "max_tokens must be a whole number"),
        ({"tensors": {"other": TABLE}}, DamagedError, "no table called 'embeddings'"),
        ({"tensors": {"embeddings": TABLE[:2]}}, DamagedError, "a row for each of the 5 tokens; got 2"),
        ({"text": "{"}, DamagedError, "tokenizer must be the content"),
    ],
)
def test_files_that_do_not_fit_are_damage(tmp_path, parts, error, message):
    with pytest.raises(error, match=message):
        StaticEncoder.from_folder(foreign(tmp_path / "e", **parts))


def test_nothing_there_is_a_missing_file(tmp_path):
    with pytest.raises(MissingFileError, match="there is no file or folder"):
        StaticEncoder.from_folder(tmp_path / "e")


@pytest.mark.parametrize("options", [{}, {"weights": np.arange(1, 6) / 2, "mapping": np.arange(5)}])
def test_it_lies_in_the_bundle_of_its_space(tmp_path, options):
    encoder = make(**options, facts={"made_by": "hand"})
    space = encoder.embed(ss.Corpus.from_texts(["red", "greenish", "blue"]))
    ss.save(space, tmp_path / "s")
    again = ss.load(tmp_path / "s")
    assert again.encoder.fingerprint == encoder.fingerprint
    assert again.encoder.facts == {"made_by": "hand"}
    assert again.most_similar("so green", k=1).metadata["text"].to_list() == ["greenish"]


def test_model2vec_gives_the_same_vectors_and_opens_what_is_saved(tmp_path):
    model2vec = pytest.importorskip("model2vec")
    some = ["red", "greenish ☃ red", "blue " * 600, "red, green, blue"]
    for name, options in (("plain", {}), ("unit", {"normalize": True}), ("shared", {"weights": np.arange(5) / 2.0})):
        encoder = make(**options, max_tokens=512)
        encoder.save(tmp_path / name)
        theirs = model2vec.StaticModel.from_pretrained(tmp_path / name)
        np.testing.assert_allclose(theirs.encode(some), plain(encoder)(some), atol=1e-6)
        theirs.save_pretrained(tmp_path / f"{name}-again")
        again = StaticEncoder.from_folder(tmp_path / f"{name}-again")
        np.testing.assert_array_equal(plain(again)(some), plain(encoder)(some))


def test_sentence_transformers_opens_what_is_saved(tmp_path):
    from sentence_transformers import SentenceTransformer

    encoder = make()
    encoder.save(tmp_path / "e")
    theirs = SentenceTransformer(str(tmp_path / "e"), device="cpu")
    np.testing.assert_allclose(theirs.encode(["red green", "blue"]), encoder.encode(["red green", "blue"]), atol=1e-6)


# -- distilling ---------------------------------------------------------------------------------------------------


class Colours(ss.Encoder):
    """Adds up something of each word, and something that all texts share, in five dimensions."""

    name, dim, fingerprint, max_tokens = "colours", 5, "f", 9

    def _encode_block(self, some, shown):
        from semspace.sentences.blocks import EncodedBlock

        return EncodedBlock(np.stack([self._one(text.strip(".").split()) for text in some]), np.zeros(len(some), bool))

    def _one(self, words):
        vector = np.array([1, 0, 0, 0, 0.1], np.float32)
        for word in words:
            vector[1 + sum(map(ord, word)) % 4] += 1 + (word == "red")
        return vector / np.linalg.norm(vector)


@pytest.fixture(scope="module")
def colourful():
    draw = np.random.default_rng(0)
    words = ["red", "green", "blue", "grey", "sky", "sea", "leaf", "rose"]
    return ss.Corpus.from_texts([" ".join(draw.choice(words, draw.integers(3, 7))) + "." for _ in range(300)])


def test_distilling_comes_nearer_to_the_encoder_than_its_start(colourful):
    encoder = ss.distill(Colours(), colourful, dim=4, progress=False)
    assert (encoder.dim, encoder.name, encoder.normalize) == (4, "static-colours", True)
    assert encoder.facts["agreement"]["after"] > max(0.9, encoder.facts["agreement"]["before"])
    assert encoder.facts["encoder_fingerprint"] == "f"


def test_distilling_is_the_same_every_time(colourful):
    one, other = (ss.distill(Colours(), colourful, dim=3, sentences=50, progress=False) for _ in range(2))
    assert one.fingerprint == other.fingerprint
    assert one.fingerprint != ss.distill(Colours(), colourful, dim=3, sentences=50, seed=2, progress=False).fingerprint


def test_without_sentences_the_table_stays_as_it_starts(colourful):
    encoder = ss.distill(Colours(), colourful, dim=3, sentences=0, progress=False)
    assert "agreement" not in encoder.facts
    assert encoder.encode(["red sky"]).shape == (1, 3)


@pytest.mark.filterwarnings("ignore:.* texts are longer")
def test_the_encoders_tokenizer_is_kept_and_words_are_added(tiny, colourful):
    encoder = ss.distill(tiny, colourful, dim=8, words=3, progress=False)
    vocabulary = Tokenizer.from_str(encoder.tokenizer).get_vocab()
    own = tiny.tokenizer._tokenizer.get_vocab()
    assert own.items() <= vocabulary.items()
    added = set(vocabulary) - set(own)
    assert len(added) == 3
    assert added < {"red", "green", "blue", "grey", "sky", "sea", "leaf", "rose"}
    assert not encoder.vectors[own["[CLS]"]].any()


def test_the_prior_holds_the_table_at_its_start(colourful):
    start = ss.distill(Colours(), colourful, dim=4, sentences=0, progress=False)
    held = ss.distill(Colours(), colourful, dim=4, prior=1e9, progress=False)
    # All that is left of the fit is one linear map for all tokens.
    turn = np.linalg.lstsq(start.vectors, held.vectors, rcond=None)[0]
    np.testing.assert_allclose(start.vectors @ turn, held.vectors, atol=1e-3)
    assert start.tokenizer == held.tokenizer


def test_the_fit_is_the_ridge_regression():
    from scipy import sparse

    from semspace.sentences.table_fit import _ridge

    draw = np.random.default_rng(0)
    shares = draw.random((30, 6)).astype(np.float32) * (draw.random((30, 6)) < 0.5)
    wanted = draw.normal(size=(30, 2)).astype(np.float32)
    exact = np.linalg.solve(shares.T @ shares + 0.5 * np.eye(6), shares.T @ wanted)
    found = _ridge(sparse.csr_matrix(shares), wanted, 0.5, np.zeros((6, 2), np.float32))
    np.testing.assert_allclose(found, exact, atol=1e-4)


def test_whitening_brings_the_variances_of_components_together():
    from semspace.sentences.distill import _components

    draw = np.random.default_rng(0)
    vectors = (draw.normal(size=(500, 4)) * [4, 2, 1, 1e-4]).astype(np.float32)
    for whitening in (0, 0.5, 1):
        axes, center = _components(vectors, 4, whitening)
        deviations = np.std((vectors - center) @ axes, axis=0)
        kept = np.array([1, 1 / 2, 1 / 4]) ** (1 - whitening)
        np.testing.assert_allclose(deviations[:3] / deviations[0], kept, rtol=0.15)
        assert deviations[3] < 1e-2 * deviations[0]  # what is nearly nothing isn't blown up


def test_short_sentences_are_learnt_from_first():
    from semspace.sentences.distill import _sample

    long = " ".join(["Word"] * 25)
    corpus = ss.Corpus.from_texts([f"{long} {i} one. This {i} is short. {long} {i} two." for i in range(20)])
    assert sorted(_sample(corpus, 20, 0)) == sorted(f"This {i} is short." for i in range(20))
    more = _sample(corpus, 50, 0)
    assert len(set(more)) == 50
    assert more[:20] == _sample(corpus, 20, 0)


def test_sentences_are_cut_and_drawn():
    from semspace.sentences.sentence_sample import medium_sentences, sample_sentences

    text = 'It is so. "Is it really?" Yes.\nA heading of four\n' + "Word " * 61
    assert list(medium_sentences(text)) == ["It is so.", '"Is it really?"', "A heading of four"]
    corpus = ss.Corpus.from_texts([". ".join(f"this is number {i * 30 + j}" for j in range(30)) for i in range(4)])
    drawn = sample_sentences(corpus, 1_000, 1)
    assert len(drawn) == len(set(drawn)) == 80  # twenty of each
    assert sample_sentences(corpus, 7, 1) == drawn[:7]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"encoder": "minilm"}, "encoder must be an Encoder, from Encoder.load; got str"),
        ({"corpus": ["a"]}, "corpus must be a Corpus; got list: use Corpus.from_texts"),
        ({"dim": 6}, "dim must be a whole number from 1 to 5; got 6"),
        ({"words": -1}, "words must be a whole number of at least 0"),
        ({"sentences": 1.5}, "sentences must be a whole number"),
        ({"a": 0}, "a must be a number above 0"),
        ({"prior": 0}, "prior must be a number above 0"),
        ({"whitening": 1.5}, "whitening must be a number of at least 0 and at most 1; got 1.5"),
        ({"seed": -1}, "seed must be a whole number"),
        ({"corpus": ss.Corpus.from_texts(["red", "two words"])}, "no sentence of 3 to 60 words to learn from"),
    ],
)
def test_distil_checks_what_it_is_given(colourful, options, message):
    with pytest.raises(InputError, match=message):
        ss.distill(**{"encoder": Colours(), "corpus": colourful, "dim": 3, "progress": False, **options})


def test_a_limit_beyond_any_text_is_none(tmp_path):
    make().save(tmp_path / "m")
    config = json.loads((tmp_path / "m" / "config.json").read_text())
    for limit in (10**6 + 1, 2**63 - 1, 10**30):
        (tmp_path / "m" / "config.json").write_text(json.dumps(config | {"max_length": limit}))
        shutil.copytree(tmp_path / "m", tmp_path / str(limit), ignore=shutil.ignore_patterns("manifest.json"))
        found = StaticEncoder.from_folder(tmp_path / str(limit))
        assert found.max_tokens == 1_000_000
        np.testing.assert_array_equal(found.encode(["red", "green blue"]), make().encode(["red", "green blue"]))
    with pytest.raises(InputError, match="max_tokens must be a whole number from 1 to 1000000000"):
        make(max_tokens=2**63 - 1)


def test_the_largest_limit_does_not_overflow_where_a_text_begins_late():
    from semspace.sentences.pool_kernel import pooled_means

    ids, offsets, out = np.array([1, 2, 3], np.int32), np.array([0, 1, 3]), np.empty((2, 3), np.float32)
    pooled_means(ids, offsets, 2**63 - 1, np.arange(5, dtype=np.int32), np.ones(5, np.float32), TABLE, out)
    np.testing.assert_array_equal(out, [[1, 0, 0], [0, 0.5, 0.5]])
