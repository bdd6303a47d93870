"""Names of gensim, sentence-transformers and others: accepted, or answered by one sentence with the right name."""

import copy
import pickle
import re

import numpy as np
import pytest

import semspace as ss
from semspace import peer_names
from semspace.errors import UnknownAttributeError, UnknownIdError, UnknownParameterError
from semspace.sentences.transformer import TransformerEncoder

TEXTS = ["the cat drinks milk", "the dog drinks water"] * 20
SPACE = ss.Space.from_vectors(["cat", "dog", "car", "bus"], [[1, 1], [1, 0.8], [-1, 1], [-1, 0.8]])
INDEX = ss.Index.build(SPACE)
CORPUS = ss.Corpus.from_texts(TEXTS)
WORDS = ss.WordAverage(SPACE, frequencies="zipf", remove_common=False)

CALLS = {
    "Word2Vec": ss.Word2Vec,
    "Word2Vec.train": lambda **given: ss.Word2Vec().train(CORPUS, **given),
    "Phrases": ss.Phrases,
    "Space.most_similar": lambda **given: SPACE.most_similar("cat", **given),
    "Space.most_similar_batch": lambda **given: SPACE.most_similar_batch(["cat"], **given),
    "Space.query": lambda **given: SPACE.query("cat", **given),
    "Space.analogy_batch": lambda **given: SPACE.analogy_batch([("cat", "dog", "car")], **given),
    "Space.analogy": lambda **given: SPACE.analogy("cat", "dog", "car", **given),
    "SearchMethods.search": lambda **given: INDEX.search("cat", **given),
    "SearchMethods.search_batch": lambda **given: INDEX.search_batch(["cat"], **given),
    "Encoder.load": lambda **given: ss.Encoder.load("x", **given),
    "SparseEncoder.load": lambda **given: ss.SparseEncoder.load("x", **given),
    "TransformerEncoder.encode_tokens": lambda **given: TransformerEncoder.encode_tokens(None, ["x"], **given),
    "Encoder.embed": lambda **given: WORDS.embed(CORPUS, **given),
    "cluster": lambda **given: ss.cluster(SPACE, **given),
    "outliers": lambda **given: ss.outliers(SPACE, **given),
    "project": lambda **given: ss.project(SPACE, **given),
    "Corpus.read": lambda **given: ss.Corpus.read("x.csv", **given),
    "Corpus.from_frame": lambda **given: ss.Corpus.from_frame(CORPUS.frame, **given),
}


class PlainEncoder(ss.Encoder):
    """An encoder as a subclass defines it."""

    dim = 2

    def _encode_block(self, prepared, bar):
        raise NotImplementedError


VALUES = {
    "Word2Vec": ss.Word2Vec(), "Phrases": ss.Phrases(), "Space": SPACE, "Encoder": PlainEncoder(), "Index": INDEX,
    "Corpus": CORPUS, "semspace": ss, "Clustering": ss.cluster(SPACE, n_clusters=2, progress=False),
    "LatentTrainer": ss.latent.PCA(1), "LatentModel": ss.latent.PCA(1).train(SPACE),
}  # fmt: skip


@pytest.mark.parametrize(
    ("call", "parameter"), [(call, name) for call, table in peer_names.PARAMETERS.items() for name in table]
)
def test_a_parameter_is_answered_with_the_name_here(call, parameter):
    with pytest.raises(UnknownParameterError, match=f"has no parameter {parameter}=; ") as caught:
        CALLS[call](**{parameter: 1})
    assert isinstance(caught.value, TypeError)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("value", "attribute"), [(value, name) for value, table in peer_names.ATTRIBUTES.items() for name in table]
)
def test_an_attribute_is_answered_with_the_name_here(value, attribute):
    assert not hasattr(VALUES[value], attribute)
    with pytest.raises(UnknownAttributeError, match=f"has no attribute '{attribute}'; "):
        getattr(VALUES[value], attribute)


def test_the_names_given_are_there():
    """An answer that is a name is that of a parameter or attribute here."""
    import inspect

    for call, table in peer_names.PARAMETERS.items():
        function = ss
        for part in call.replace("SearchMethods", "Index").split("."):
            function = getattr(function, part)
        known = inspect.signature(function).parameters
        assert not set(table) & set(known), call
        for answer in table.values():
            assert " " in answer or answer in known, (call, answer)
            for name in re.findall(r"pass (\w+)=", answer):
                other = answer.rpartition(" to ")[2] if " to " in answer else ""
                assert name in known or other in ("Word2Vec", "train", "encode") or "train" in answer, answer
    for value, table in peer_names.ATTRIBUTES.items():
        for answer in table.values():
            if " " not in answer:
                found = VALUES[value]
                for part in answer.split("."):
                    found = getattr(found, part)


@pytest.mark.parametrize(
    ("act", "sentence"),
    [
        (lambda: ss.Word2Vec(vector_size=9), "Word2Vec has no parameter vector_size=; it is called dim= here"),
        (lambda: ss.Word2Vec(sg=1), "architecture='skipgram' for sg=1, or architecture='cbow' for sg=0"),
        (lambda: ss.Word2Vec(TEXTS), r"takes its settings by name; .* Word2Vec\(...\).train\(text\)"),
        (lambda: ss.Phrases(TEXTS), r"takes its settings by name; .* Phrases\(...\).train\(text\)"),
        (lambda: SPACE.most_similar("cat", topn=3), "Space.most_similar has no parameter topn=; it is called k= here"),
        (lambda: INDEX.search("cat", topn=3), "Index.search has no parameter topn=; it is called k= here"),
        (lambda: ss.Encoder("all-MiniLM-L6-v2"), r"Encoder.load\('all-MiniLM-L6-v2'\)"),
        (lambda: WORDS.embed(CORPUS, batch_size=32), "Encoder.embed has no parameter batch_size=; .*leave it out"),
    ],
)
def test_what_people_type_first(act, sentence):
    with pytest.raises(TypeError, match=sentence):
        act()


@pytest.mark.parametrize(
    ("act", "sentence"),
    [
        (lambda: SPACE.wv, "leave out .wv"),
        (lambda: SPACE.doesnt_match(["cat"]), "no attribute 'doesnt_match'; it is called odd_one_out here"),
        (lambda: ss.Word2Vec().fit(CORPUS), "it is called train here"),
        (lambda: ss.SentenceTransformer("x"), "module 'semspace' has no .*; it is called semspace.Encoder.load here"),
        (lambda: ss.load_encoder("x"), "it is called semspace.Encoder.load here"),
    ],
)
def test_what_people_look_for_first(act, sentence):
    with pytest.raises(AttributeError, match=sentence):
        act()


def test_other_names_are_pythons_own_errors():
    with pytest.raises(TypeError, match="unexpected keyword argument 'colour'"):
        ss.Word2Vec(colour=1)
    with pytest.raises(AttributeError, match="'Space' object has no attribute 'colour'") as caught:
        SPACE.colour  # noqa: B018
    assert not isinstance(caught.value, ss.SemspaceError)


def test_the_error_inside_a_property_is_seen():
    class Broken(PlainEncoder):
        @property
        def prompts(self):
            return self.nothing_of_this_name

    with pytest.raises(AttributeError, match="'Broken' object has no attribute 'nothing_of_this_name'"):
        Broken().prompts  # noqa: B018


def test_values_are_copied_and_pickled_as_before():
    assert copy.copy(SPACE).ids.tolist() == copy.deepcopy(SPACE).ids.tolist() == SPACE.ids.tolist()
    assert pickle.loads(pickle.dumps(ss.Word2Vec(dim=7))) == ss.Word2Vec(dim=7)
    assert pickle.loads(pickle.dumps(CORPUS)).ids.equals(CORPUS.ids)


# -- accepted ---------------------------------------------------------------------------------------------------


def test_a_list_of_words_is_the_sum_of_what_they_mean():
    assert SPACE.most_similar(["cat", "dog"]).ids == SPACE.most_similar(positive=["cat", "dog"]).ids
    assert set(SPACE.most_similar(["cat", "dog"]).ids) == {"car", "bus"}
    both = SPACE.most_similar(positive=["cat"], negative=["dog"])
    assert SPACE.most_similar(["cat"], negative=["dog"]).ids == both.ids
    assert SPACE.most_similar([1.0, 1.0], 1).ids == ("cat",)  # a vector is still a vector


@pytest.mark.parametrize("kind", ["mean", "subwords"])
def test_one_text_is_encoded_to_one_vector(kind):
    encoder = WORDS
    if kind == "subwords":
        trainer = ss.Word2Vec(dim=4, min_count=1, subword=True, epochs=1, sample=0)
        encoder = trainer.train(CORPUS, progress=False).encoder
    for encode in (encoder.encode, encoder.encode_queries, encoder.encode_documents):
        assert encode("cat").shape == (encoder.dim,)
        np.testing.assert_array_equal(encode("cat"), encode(["cat"])[0])


def test_a_space_and_a_transformer_encode_one_text_too(tiny):
    space = tiny.embed(ss.Corpus.from_texts(["one", "two"]), progress=False)
    for owner in (space, tiny):
        for encode in (owner.encode, owner.encode_queries, owner.encode_documents):
            assert encode("one").shape == (tiny.dim,)
    np.testing.assert_array_equal(space.encode("one"), space.encode(["one"])[0])


def test_phrases_train_on_a_corpus_as_words_do():
    corpus = ss.Corpus.from_texts(["new york is big", "i love new york", "is new york new"])
    assert ss.Phrases(min_count=1, threshold=1.5).train(corpus).to_frame()["phrase"].to_list() == ["new_york"]


def test_two_words_on_word_vectors_name_phrases():
    with pytest.raises(UnknownIdError, match="Phrases makes 'red_lorry' one word before training"):
        SPACE.most_similar("red lorry")
    words = ss.Space.from_vectors(["united_states", "france"], [[1, 0], [0, 1]])
    with pytest.raises(UnknownIdError, match=r"did you mean united_states\?"):
        words.most_similar("united states")


def test_a_position_in_a_space_is_answered():
    with pytest.raises(UnknownIdError, match=r"which is a string; got 0: use space.vectors\[0\]"):
        SPACE[0]


def test_truncation_names_the_remedy(tiny):
    corpus = ss.Corpus.from_texts(["a " * 100, "b"])
    with pytest.warns(ss.SemspaceWarning, match=r"1 of 2 texts are longer .* long_texts='pool' \(--long-texts pool\)"):
        tiny.embed(corpus, progress=False)
    with pytest.warns(ss.SemspaceWarning, match=r"embed\(corpus, long_texts='pool'\) encodes them whole"):
        tiny.encode(["a " * 100])
