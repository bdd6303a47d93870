"""Word mover's distance and soft cosine: by hand, by linear programming, by their definitions, and beside gensim."""

import math
from itertools import pairwise

import numpy as np
import pytest
from gensim.models import KeyedVectors
from gensim.similarities import SparseTermSimilarityMatrix, WordEmbeddingSimilarityIndex
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linprog

import semspace as ss
from semspace.errors import InputError, UnknownIdError
from semspace.word_measures.bags import Bags
from semspace.word_measures.transport_kernel import least_cost

WORDS = [first + second for first in "bcdfgh" for second in "aeioulmnrt"]
PETS = {"cat": [1, 0], "dog": [0.8, 0.6], "car": [0, 1]}


@pytest.fixture(scope="module")
def words():
    return ss.Space.from_vectors(WORDS, np.random.default_rng(0).normal(size=(60, 5)))


@pytest.fixture(scope="module")
def pets():
    return ss.Space.from_vectors(list(PETS), list(PETS.values()))


@pytest.fixture(scope="module")
def texts():
    rng = np.random.default_rng(1)
    return [" ".join(rng.choice(WORDS, rng.integers(1, 9))) for _ in range(80)]


def by_programming(supply, demand, costs):
    """The least cost, by linear programming (HiGHS)."""
    n, m = costs.shape
    rows = [np.kron(np.eye(n)[i], np.ones(m)) for i in range(n)] + [np.kron(np.ones(n), np.eye(m)[j]) for j in range(m)]
    found = linprog(costs.ravel(), A_eq=np.array(rows), b_eq=np.concatenate([supply, demand]), method="highs")
    assert found.success
    return found.fun


def slow_distance(words, a, b):
    """The distance of two texts by their definition."""
    bags = []
    for text in (a, b):
        known = [word for word in text.split() if word in words]
        names = sorted(set(known))
        bags.append((names, np.array([known.count(name) / len(known) for name in names])))
    units = [words[names] / np.linalg.norm(words[names], axis=1, keepdims=True) for names, _ in bags]
    costs = np.linalg.norm(units[0][:, None] - units[1][None].astype(np.float64), axis=2)
    return by_programming(bags[0][1], bags[1][1], costs)


# -- word mover's distance ---------------------------------------------------------------------------------


def test_distances_by_hand(pets):
    movers = ss.WordMovers(pets)
    apart = math.sqrt(0.2**2 + 0.6**2)  # of cat and dog
    assert movers.distance("cat", "dog") == pytest.approx(apart)
    assert movers.distance("a cat", "The CAT, the cat!") == 0
    # The cat stays; the car becomes a dog.
    assert movers.distance("cat car", "cat dog") == pytest.approx(math.sqrt(0.8**2 + 0.4**2) / 2, rel=1e-6)
    # Of three words two stay cats, one becomes half a dog and half a cat: 1/6 travels further than it must.
    assert movers.distance("cat cat dog", "cat dog") == pytest.approx(apart / 6, rel=1e-6)
    assert movers.distance(["cat", "car"], "cat dog") == movers.distance("cat car", ["dog", "cat"])
    assert ss.WordMovers(pets, normalize=False).distance("cat", "car") == pytest.approx(math.sqrt(2))


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 7), st.integers(1, 7), st.integers(0, 2**32 - 1))
def test_flows_of_least_cost_are_those_of_linear_programming(n, m, seed):
    rng = np.random.default_rng(seed)
    supply, demand = rng.integers(1, 6, n), rng.integers(1, 6, m)
    supply, demand = supply * demand.sum(), demand * supply.sum()
    costs = rng.choice([rng.random((n, m)), rng.integers(0, 3, (n, m)).astype(float)])  # many ties in the second
    flow = np.zeros((n, m), np.int64)
    cost = least_cost(supply, demand, costs, flow)
    assert (flow >= 0).all()
    assert flow.sum(axis=1).tolist() == supply.tolist()
    assert flow.sum(axis=0).tolist() == demand.tolist()
    assert cost == pytest.approx(by_programming(supply, demand, costs), rel=1e-9, abs=1e-9)


def test_many_words_at_once():
    rng = np.random.default_rng(2)
    supply, demand = rng.integers(1, 9, 80), rng.integers(1, 9, 60)
    supply, demand = supply * demand.sum(), demand * supply.sum()
    costs = rng.random((80, 60))
    flow = np.zeros((80, 60), np.int64)
    assert least_cost(supply, demand, costs, flow) == pytest.approx(by_programming(supply, demand, costs))


def test_distances_are_those_of_the_definition_and_of_a_metric(words, texts):
    movers = ss.WordMovers(words)
    for a, b in pairwise(texts[:20]):
        distance = movers.distance(a, b)
        assert distance == pytest.approx(slow_distance(words, a, b), abs=1e-5)
        assert distance == pytest.approx(movers.distance(b, a), abs=1e-6)
    for a, b, c in zip(texts[:20], texts[20:40], texts[40:60], strict=True):
        assert movers.distance(a, c) <= movers.distance(a, b) + movers.distance(b, c) + 1e-6


def test_flows_say_which_words_travel(pets, words, texts):
    flows = ss.WordMovers(pets).flows("cat cat dog", "cat dog")
    assert flows.select("from", "to").rows() == [("cat", "dog"), ("cat", "cat"), ("dog", "dog")]
    assert flows["share"].to_list() == pytest.approx([1 / 6, 1 / 2, 1 / 3])
    movers = ss.WordMovers(words)
    for a, b in pairwise(texts[:10]):
        flows = movers.flows(a, b)
        assert flows["share"].sum() == pytest.approx(1)
        assert flows["cost"].sum() == pytest.approx(movers.distance(a, b), abs=1e-6)


@pytest.mark.parametrize("normalize", [True, False])
def test_search_finds_the_nearest_of_all_texts(words, texts, normalize):
    movers = ss.WordMovers(words, texts, normalize=normalize)
    for query in ("ba be bi", texts[3], "co", " ".join(WORDS)):
        found = movers.search(query, k=7)
        slow = sorted((movers.distance(query, text), str(row)) for row, text in enumerate(texts))
        assert (-found.scores).tolist() == pytest.approx([distance for distance, _ in slow[:7]], abs=1e-5)
        assert found.metric == "wmd"
        assert found.to_frame()["text"][0] == texts[int(found.ids[0])]


def test_search_solves_few_problems(words):
    rng = np.random.default_rng(3)
    texts = [" ".join(rng.choice(WORDS[10 * (row % 6) :][:10], 8)) for row in range(600)]
    movers = ss.WordMovers(words, texts)
    rows = np.arange(5)
    points = movers._texts.points[rows]
    exact = movers._nearest(points, movers._texts.bags.used[rows], np.ones(5, np.int64), 5, np.ones(600, bool))
    assert 5 <= np.isfinite(exact).sum() < 200


def test_search_by_id_and_texts_without_a_known_word(pets):
    corpus = ss.Corpus.from_texts(["a cat", "unknown", "a dog", "a cat"], ids=["a", "b", "c", "d"])
    movers = ss.WordMovers(pets, corpus)
    assert movers.search(id="a").ids == ("d", "c")
    assert movers.search("cat", k=9).ids == ("a", "d", "c")
    assert "4 texts" in repr(movers)


def test_gensim_gives_the_same_distances(words, texts):
    pytest.importorskip("ot", reason="gensim's wmdistance needs POT")
    keyed = KeyedVectors(5)
    keyed.add_vectors(WORDS, words.vectors)
    movers = ss.WordMovers(words)
    for a, b in pairwise(texts[:20]):
        assert movers.distance(a, b) == pytest.approx(keyed.wmdistance(a.split(), b.split()), abs=1e-5)


# -- soft cosine -------------------------------------------------------------------------------------------


def slow_cosine(words, a, b, weight_of=lambda word: 1.0, threshold=0.0, exponent=2.0):
    vocabulary = words.ids.tolist()
    units = words.vectors / np.linalg.norm(words.vectors, axis=1, keepdims=True)
    cosines = units @ units.T
    shared = np.where(cosines > threshold, np.maximum(cosines, 0) ** exponent, 0)
    x, y = (np.array([text.split().count(word) * weight_of(word) for word in vocabulary]) for text in (a, b))
    return x @ shared @ y / math.sqrt((x @ shared @ x) * (y @ shared @ y))


def test_soft_cosines_by_hand(pets):
    soft = ss.SoftCosine(pets)
    assert soft.similarity("cat", "dog") == pytest.approx(0.64)
    assert soft.similarity("cat", "car") == 0
    # (1 + .64) / (√1 · √(1 + 1 + 2 · .64))
    assert soft.similarity("cat", "cat dog") == pytest.approx(1.64 / math.sqrt(3.28))
    assert soft.similarity("cat dog dog", "dog cat dog") == 1
    assert ss.SoftCosine(pets, min_cosine=0.9).similarity("cat", "dog") == 0
    assert ss.SoftCosine(pets, exponent=1).similarity("cat", "dog") == pytest.approx(0.8)


@pytest.mark.parametrize("weights", ["count", "tfidf"])
def test_search_compares_all_texts(words, texts, weights):
    soft = ss.SoftCosine(words, texts, weights=weights)
    in_texts = {word: sum(word in text.split() for text in texts) for word in WORDS}
    rarity = {word: math.log((1 + len(texts)) / (1 + in_texts[word])) + 1 for word in WORDS}
    weight_of = rarity.get if weights == "tfidf" else lambda word: 1.0
    for query in ("ba be bi", texts[5]):
        found = soft.search(query, k=6)
        slow = sorted((min(slow_cosine(words, query, text, weight_of), 1) for text in texts), reverse=True)
        assert found.scores.tolist() == pytest.approx(slow[:6], abs=1e-5)
        assert soft.similarity(query, texts[int(found.ids[0])]) == pytest.approx(found.scores[0], abs=1e-5)
    assert soft.search(id="5", k=80).ids.count("5") == 0


def test_gensim_gives_the_same_where_it_keeps_all_words(words, texts):
    keyed = KeyedVectors(5)
    keyed.add_vectors(WORDS, words.vectors)
    from gensim.corpora import Dictionary

    dictionary = Dictionary([WORDS])
    similar = WordEmbeddingSimilarityIndex(keyed, threshold=0.0, exponent=2.0)
    matrix = SparseTermSimilarityMatrix(similar, dictionary, nonzero_limit=len(WORDS), symmetric=True)
    soft = ss.SoftCosine(words)
    for a, b in pairwise(texts[:15]):
        theirs = matrix.inner_product(*(dictionary.doc2bow(t.split()) for t in (a, b)), normalized=(True, True))
        assert soft.similarity(a, b) == pytest.approx(theirs, abs=1e-4)


# -- both --------------------------------------------------------------------------------------------------


def test_bags_count_words_whether_texts_are_split_or_not(words, texts):
    known = ss.WordMovers(words)._known
    bags = [Bags.of(given, known) for given in (texts, [text.split() for text in texts])]
    for name in ("starts", "words", "counts"):
        assert getattr(bags[0], name).tolist() == getattr(bags[1], name).tolist()
    assert bags[0].lengths.tolist() == [len(text.split()) for text in texts]


def test_words_of_another_normal_form_are_found():
    composed, decomposed = "caf\u00e9", "cafe\u0301"
    words = ss.Space.from_vectors([decomposed, "tea"], [[1, 0], [0, 1]])
    assert ss.WordMovers(words).distance(composed, decomposed) == 0


@pytest.mark.parametrize("measure", [ss.WordMovers, ss.SoftCosine])
def test_bad_input_is_answered_by_one_sentence(measure, pets):
    with pytest.raises(InputError, match="takes a Space; got list"):
        measure(["cat"])
    with pytest.raises(InputError, match=r"no texts to search; give them: \w+\(words, corpus\)"):
        measure(pets).search("cat")
    with pytest.raises(InputError, match="corpus must be a list of strings; got one string"):
        measure(pets, "a cat")
    with pytest.raises(InputError, match="none of the 2 texts has one of the 3 words"):
        measure(pets, ["lorem", "ipsum"]).search("cat")
    having = measure(pets, ["a cat", "a dog"])
    with pytest.raises(InputError, match="the query 'lorem' has none of the 3 words"):
        having.search("lorem")
    with pytest.raises(InputError, match="either a query, or id="):
        having.search()
    with pytest.raises(InputError, match="the query must be a string, or a list of its words; got int"):
        having.search(3)
    with pytest.raises(UnknownIdError, match="no document '7' in this corpus of 2, whose first is '0'"):
        having.search(id="7")
    with pytest.raises(InputError, match="k must be a whole number"):
        having.search("cat", k=0)
    with pytest.raises(InputError, match="query must hold only words"):
        having.search(["cat", 3])


def test_soft_cosine_refuses_what_it_cant_use(pets):
    with pytest.raises(InputError, match="weights='tfidf' needs the texts"):
        ss.SoftCosine(pets, weights="tfidf")
    with pytest.raises(InputError, match="min_cosine must be a number of at least 0 and at most 1"):
        ss.SoftCosine(pets, min_cosine=2)
    with pytest.raises(InputError, match="exponent must be a number above 0"):
        ss.SoftCosine(pets, exponent=0)
