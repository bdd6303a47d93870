"""Documents are encoded as documents and questions as questions, at every door that takes a text."""

import numpy as np
import pytest

import semspace as ss
from semspace.comparison.distances import references
from semspace.evaluation import STS, DocumentSimilarity, Groups, NearestLabel, Retrieval
from semspace.files import digest
from semspace.sentences.blocks import EncodedBlock

PROMPTS = {"query": "ASK ", "document": "DOC ", "sort": "SORT ", "": ""}
THINGS = ("cat", "dog", "cow", "bus", "car", "van")


class Listener(ss.Encoder):
    """An encoder that writes down what it is given; a prompt moves a text far from where it would be without."""

    name, dim, fingerprint, max_tokens, prompts = "listener", 16, digest(b"listener"), 99, PROMPTS

    def __init__(self):
        self.heard = []

    def _encode_block(self, some, shown):
        self.heard += some
        vectors = np.zeros((len(some), self.dim), np.float32)
        for row, text in enumerate(some):
            prompt = next((p for p in ("ASK ", "DOC ", "SORT ") if text.startswith(p)), "")
            vectors[row, 8 + ["", "ASK ", "DOC ", "SORT "].index(prompt)] = 3
            for place, word in enumerate(THINGS):
                vectors[row, place] = word in text
            vectors[row, 7] = len(text) % 7 / 50
        return EncodedBlock(vectors, np.zeros(len(some), bool))

    @property
    def kinds(self):
        """With what the texts began since the last look, each kind once."""
        found = {text.split(" ")[0] if text.split(" ")[0] in ("ASK", "DOC", "SORT") else "plain" for text in self.heard}
        self.heard.clear()
        return found


@pytest.fixture
def encoder():
    return Listener()


@pytest.fixture
def corpus():
    texts = [f"{one} number {i} and {two}" for i in range(8) for one, two in (("cat", "dog"), ("bus", "van"))]
    return ss.Corpus.from_texts(texts, ids=[f"t{i}" for i in range(16)])


@pytest.fixture
def space(encoder, corpus):
    made = encoder.embed(corpus, progress=False)
    assert encoder.kinds == {"DOC"}
    return made


@pytest.mark.parametrize(
    ("ask", "kind"),
    [
        (lambda s: s.most_similar("a cat"), "ASK"),
        (lambda s: s.most_similar_batch(["a cat", "a bus"]), "ASK"),
        (lambda s: s.similarity("t0", "a cat"), "ASK"),
        (lambda s: s.encode_queries(["a cat"]), "ASK"),
        (lambda s: s.encode_documents(["a cat"]), "DOC"),
    ],
)
def test_a_space(space, encoder, ask, kind):
    ask(space)
    assert encoder.kinds == {kind}


@pytest.mark.parametrize("kind", ["exact", "hnsw"])
def test_an_index(space, encoder, kind):
    index = ss.Index.build(space, method=kind, progress=False)
    for ask in (index.search, index.diversify, lambda text: index.search_batch([text])):
        ask("a cat")
        assert encoder.kinds == {"ASK"}
    index.recommend(["a cat"], ["a bus"])  # examples of what is looked for
    assert encoder.kinds == {"DOC"}
    index.add(["new"], ["a cow"])
    assert encoder.kinds == {"DOC"}


def test_groups(space, encoder, corpus):
    groups = ss.cluster(space, n_clusters=2, progress=False)
    assert not encoder.heard
    assert (groups.assign(corpus.texts.to_list()) == groups.labels).all()
    assert encoder.kinds == {"DOC"}
    assert groups.membership(["a cat"]).shape == (1, 2)
    assert encoder.kinds == {"DOC"}
    groups.update(encoder.embed(ss.Corpus.from_texts(["dog and cat"], ids=["n"]), progress=False))
    assert encoder.kinds == {"DOC"}
    ss.cluster(space, n_clusters=2, seed_words=[["cat"], ["bus"]], progress=False)
    assert encoder.kinds == {"DOC"}


@pytest.mark.parametrize("see", [lambda e, s: e, lambda e, s: s], ids=["encoder", "space"])
def test_evaluation(space, encoder, corpus, see):
    thing = see(encoder, space)
    questions = ss.Corpus.from_texts(["where is the cat", "where is the bus"], ids=["a", "b"])
    found = Retrieval("r", questions, corpus, {"a": {"t0": 1}, "b": {"t1": 1}}).score(thing)
    assert found.value > 0
    assert {text.split(" ")[0] for text in encoder.heard if "where" in text} == {"ASK"}
    assert {text.split(" ")[0] for text in encoder.heard if "where" not in text} == {"DOC"}
    encoder.heard.clear()
    STS("s", [("cat", "cat and dog", 5), ("cat", "a bus", 0), ("cat", "cat dog cow car", 3)]).score(thing)
    assert encoder.kinds == {"plain"}  # both sides are of one kind: the model's default
    NearestLabel("n", [("a cat", "x"), ("a bus", "y"), ("a cat too", "x")]).score(thing)
    assert encoder.kinds == {"DOC"}
    judged = np.arange(9.0).reshape(3, 3)
    DocumentSimilarity("d", ss.Corpus.from_texts(["cat", "dog cat", "bus"]), judged + judged.T).score(thing)
    assert encoder.kinds == {"DOC"}


def test_groups_of_an_encoder(encoder, corpus):
    Groups("g", {f"t{i}": "ab"[i % 2] for i in range(16)}, corpus).score(encoder)
    assert encoder.kinds == {"DOC"}


def test_the_known_texts_of_a_comparison(space, encoder, monkeypatch):
    monkeypatch.setattr(references, "_CACHE", {})
    references._vectors(encoder, "lee-background")
    assert encoder.kinds == {"DOC"}


def test_a_saved_space_asks_as_before(space, encoder, tmp_path, monkeypatch):
    ss.save(space, tmp_path / "s")
    monkeypatch.setattr("semspace.sentences.load.load_encoder", lambda name, **_: encoder)
    again = ss.load(tmp_path / "s")
    again.most_similar("a cat")
    assert encoder.kinds == {"ASK"}
    again.encode_documents(["a cat"])
    assert encoder.kinds == {"DOC"}


def test_what_only_encodes_is_asked_so():
    class Plain:
        name, dim, fingerprint = "plain", 2, "0" * 64

        def encode(self, texts):
            return np.float32([[1, "cat" in text] for text in texts])

    space = ss.Space.from_vectors(["a", "b"], [[1, 1], [1, 0]], encoder=Plain())
    assert space.most_similar("the cat", 1).ids == ("a",)
    assert space.encode_documents(["the cat"]).tolist() == [[1, 1]]


def test_without_an_encoder_the_remedy_is_named():
    space = ss.Space.from_vectors(["a", "b"], [[1, 1], [1, 0]])
    for encode in (space.encode_queries, space.encode_documents):
        with pytest.raises(ss.errors.InputError, match=r"this space has no encoder.*encoder\.embed"):
            encode(["two words"])
        assert encode([]).shape == (0, 2)


def test_mteb_reads_the_prompt_of_each_kind(encoder):
    adapter = ss.integrations.MTEBEncoder(encoder)
    task = {"task_metadata": None, "hf_split": "test", "hf_subset": "default"}
    for kind, expected in (("query", {"ASK"}), ("document", {"DOC"}), (None, {"plain"})):
        adapter.encode([{"text": ["a cat", "a dog"]}], prompt_type=kind, **task)
        assert encoder.kinds == expected
