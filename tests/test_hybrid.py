"""Searches by meaning and words: against a slow fusion, through every change of an index, and what is refused."""

import math
import multiprocessing
import sys
import threading

import numpy as np
import pytest

import semspace as ss
from semspace import pools
from semspace.errors import DamagedError, InputError, UnknownIdError
from semspace.index.fusion import DEPTH, Candidates, Fusion
from semspace.index.words import WordSearch
from semspace.lexical import Postings, stored_postings
from tests.test_bm25 import slow_scores, words_of

N = 150
VOCABULARY = ["river", "bank", "money", "law", "cell", "protein", "music", "opera", "storm", "wind"]


class FirstWord:
    """An encoder that knows only the first letters of a text: its vectors say little of its words."""

    name, dim, fingerprint, max_tokens = "first word", 4, "f" * 64, 100

    def encode(self, texts):
        letters = [sum(map(ord, text[:5])) for text in texts]
        return np.stack([np.random.default_rng(letter).normal(size=self.dim) for letter in letters]).astype(np.float32)

    def embed(self, texts, ids):
        return ss.Space.from_vectors(ids, self.encode(texts), {"text": texts, "n": range(len(ids))}, encoder=self)


@pytest.fixture(scope="module")
def texts():
    rng = np.random.default_rng(0)
    return [" ".join(rng.choice(VOCABULARY, rng.integers(2, 9))) + f" code-{i}" for i in range(N)]


@pytest.fixture(scope="module")
def space(texts):
    return FirstWord().embed(texts, [f"t{i:03}" for i in range(N)])


@pytest.fixture(params=["exact", "hnsw"])
def index(request, space):
    return ss.Index.build(space, request.param, progress=False)


def highest(texts, query):
    """BM25 of a text with all words of a query that any text has, countless times."""
    counts = [sum(word in words_of(text) for text in texts) for word in words_of(query)]
    return sum(math.log(1 + (len(texts) - df + 0.5) / (df + 0.5)) for df in counts if df)


def slow_fusion(space, texts, query, k, method, alpha, allowed=None):
    """What a hybrid search is to find, one point after another."""
    vectors = space.vectors / np.linalg.norm(space.vectors, axis=1, keepdims=True)
    vector = FirstWord().encode([query])[0]
    cosines = vectors @ (vector / np.linalg.norm(vector))
    words = slow_scores(texts, query)
    allowed = np.ones(len(texts), bool) if allowed is None else allowed
    by_meaning = sorted(np.flatnonzero(allowed), key=lambda i: (-cosines[i], space.ids[i]))[:DEPTH]
    by_words = sorted(np.flatnonzero(allowed & (words > 0)), key=lambda i: (-words[i], space.ids[i]))[:DEPTH]
    best_words = highest(texts, query)
    scores = {}
    for i in {*by_meaning, *by_words}:
        if method == "rrf":
            parts = [1 / (61 + ranked.index(i)) if i in ranked else 0 for ranked in (by_meaning, by_words)]
        else:
            parts = [max(cosines[i], 0), (words[i] / best_words) ** 1.25 if by_words else 0]
        scores[i] = alpha * parts[0] + (1 - alpha) * parts[1]
    best = sorted(scores, key=lambda i: (-np.float32(scores[i]), space.ids[i]))[:k]
    return [space.ids[i] for i in best], [scores[i] for i in best]


@pytest.mark.parametrize("method", ["weighted", "rrf"])
@pytest.mark.parametrize("alpha", [0.5, 0.8])
def test_both_rankings_are_fused(space, texts, method, alpha):
    index = ss.Index.build(space, "exact")
    for query in ("river law code-17", "opera opera wind", "qqq"):
        found = index.search(query, 10, fusion=method, alpha=alpha)
        ids, scores = slow_fusion(space, texts, query, 10, method, alpha)
        np.testing.assert_allclose(found.scores, scores, atol=1e-5)
        if len(set(np.round(scores, 5))) == len(scores):  # else the order is that of a rounding
            assert list(found.ids) == ids
        assert found.metric == {"weighted": "hybrid", "rrf": "rrf"}[method]


def test_a_rare_word_is_found_whatever_the_vectors_say(index):
    assert index.search("anything of code-77", 3, alpha=0.3).ids[0] == "t077"
    assert "t077" not in index.search("anything of code-77", 3, hybrid=False).ids


def test_filters_hold_for_both_rankings(index, space, texts):
    found = index.search("river code-17", 20, where="n >= 100")
    assert min(found.metadata["n"]) >= 100
    ids, scores = slow_fusion(space, texts, "river code-17", 20, "weighted", 0.5, np.arange(N) >= 100)
    np.testing.assert_allclose(found.scores, scores, atol=1e-5)
    few = index.search("river code-17", 20, among=["t017", "t003", "unknown"])
    assert set(few.ids) == {"t017", "t003"}
    assert index.search("river", 5, among=[]).ids == ()
    assert set(ids) == set(found.ids)


def test_ids_and_vectors_stay_as_they_are(index, space):
    assert index.search("t001").metric == "cosine"
    assert index.search(id="t001").metric == "cosine"
    assert index.search(space["t001"]).metric == "cosine"
    found = index.search_batch(["t001", "river law", space["t001"]], 3)
    assert [one.metric for one in found] == ["cosine", "hybrid", "cosine"]
    assert found[1].ids == index.search("river law", 3).ids
    assert found[0].ids == index.search("t001", 3, hybrid=False).ids


def test_words_alone(index, texts):
    found = index.search("opera code-17", 200, alpha=0)
    words = slow_scores(texts, "opera code-17")
    assert found.metric == "bm25"
    assert len(found) == (words > 0).sum()
    np.testing.assert_allclose(found.scores, sorted(words[words > 0], reverse=True), rtol=1e-5)
    assert index.search("zebra", 10, alpha=0).ids == ()


def test_a_query_without_a_known_word_is_ranked_by_meaning(index):
    assert index.search("zebra", 10).ids == index.search("zebra", 10, hybrid=False).ids


def test_meaning_alone_gives_the_order_of_the_vectors(index):
    assert index.search("river law", 10, alpha=1).ids == index.search("river law", 10, hybrid=False).ids


@pytest.mark.parametrize("method", ["exact", "hnsw"])
def test_it_follows_every_change_and_the_disk(tmp_path, space, texts, method):
    """After each change it finds what an index built anew would, also in another process' view of the folder."""
    ss.Index.build(space, method, progress=False).save(tmp_path / "i")
    reader = ss.Index.open(tmp_path / "i", encoder=FirstWord())
    reader.search("river")  # its words are counted before the changes
    rows = {f"t{i:03}": text for i, text in enumerate(texts)}
    with ss.Index.open(tmp_path / "i", writable=True, encoder=FirstWord()) as writer:

        def check(index):
            ids = sorted(rows)
            anew = ss.Index.build(FirstWord().embed([rows[id] for id in ids], ids), "exact")
            for query in ("opera code-17", "zeppelin law", "storm"):
                ours, theirs = (one.search(query, 10, exact=True, alpha=0.3) for one in (index, anew))
                np.testing.assert_allclose(ours.scores, theirs.scores, atol=2e-6)
                assert set(ours.ids[:5]) <= set(anew.search(query, 20, alpha=0.3).ids)
            assert index.search("zeppelin", alpha=0).ids == anew.search("zeppelin", alpha=0).ids

        check(writer)
        for step in range(6):
            new = {f"n{step}{i}": f"{VOCABULARY[i % 10]} of a zeppelin" for i in range(step + 1)}
            writer.add(list(new), list(new.values()), {"n": [0] * len(new)})
            rows.update(new)
            check(writer)
        writer.update(["t003"], ["a zeppelin now"])
        rows["t003"] = "a zeppelin now"
        writer.delete(["n00", "t017"])
        del rows["n00"], rows["t017"]
        check(writer)
        assert reader.search("zeppelin", alpha=0).ids == ()
        reader.refresh()
        check(reader)
        writer.compact()
        check(writer)
        reader.refresh()
        check(reader)
    check(ss.Index.open(tmp_path / "i", encoder=FirstWord()))


def test_only_new_texts_are_counted(space, monkeypatch):
    from semspace.lexical import Postings

    counted = []
    of = Postings.of.__func__
    monkeypatch.setattr(
        Postings, "of", classmethod(lambda cls, t, first=0: (counted.append(len(t)), of(cls, t, first))[1])
    )
    index = ss.Index.build(space, "exact")
    for i in range(16):
        index.add([f"new{i}"], [f"a new zeppelin {i}"], {"n": [i]})
        index.search("zeppelin")
        index.search("river")
    assert counted[0] == N + 1
    assert sum(counted[1:]) <= 16 * 5
    assert len(index._points._words._parts) <= 5


def test_an_older_view_is_searched_as_it_was(space):
    words = WordSearch()
    index = ss.Index.build(space, "exact")
    before = index._points.points.view
    scores = words.of(before).scores("river code-17")
    index.add(["new"], ["river river"], {"n": [1]})
    assert len(words.of(index._points.points.view)) == N + 1
    np.testing.assert_array_equal(words.of(before).scores("river code-17"), scores)


def test_threads_that_read_while_one_writes(space):
    index, problems, done = ss.Index.build(space, "exact"), [], threading.Event()

    def read():
        while not done.is_set():
            found = index.search("zeppelin law", 400, alpha=0.2)
            texts = dict(zip(found.ids, found.metadata["text"], strict=True))
            problems.extend(id for id in found.ids if id.startswith("new") and "zeppelin" not in texts[id])

    readers = [threading.Thread(target=read) for _ in range(3)]
    for thread in readers:
        thread.start()
    for i in range(30):
        index.add([f"new{i}"], [f"law of zeppelin {i}"], {"n": [i]})
        if i % 3 == 0:
            index.delete([f"new{i}"])
    done.set()
    for thread in readers:
        thread.join()
    assert problems == []
    assert len(index.search("zeppelin", 400, alpha=0)) == 20


def _searched(index, queue):
    queue.put(index.search("opera code-17", 5, hybrid=False).ids)
    try:
        index.search("opera code-17", 5)
    except InputError as problem:
        queue.put(str(problem))


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux forks")
@pytest.mark.filterwarnings("ignore:This process")
def test_a_child_process_compares_vectors_and_is_told_of_words(space):
    """Words are split by threads of polars, which stay with the parent: the child would wait for them for ever."""
    index = ss.Index.build(space, "exact")
    index.search("opera code-17", 5)
    expected = index.search("opera code-17", 5, hybrid=False).ids
    context = multiprocessing.get_context("fork")
    queue = context.Queue()
    child = context.Process(target=_searched, args=(index, queue))
    child.start()
    try:
        assert queue.get(timeout=60) == expected
        assert "hybrid search (hybrid=False compares vectors alone) needs threads of polars" in queue.get(timeout=60)
    finally:
        child.terminate()
        child.join()


def test_points_without_texts_are_searched_by_meaning():
    bare = ss.Space.from_vectors(["a", "b"], FirstWord().encode(["x", "y"]), encoder=FirstWord())
    index = ss.Index.build(bare)
    assert index.search("a text").metric == "cosine"
    with pytest.raises(InputError, match=r"hybrid=True needs the texts of the points, as a column 'text'"):
        index.search("a text", hybrid=True)
    numbers = ss.Space.from_vectors(["a", "b"], bare.vectors, {"text": [1, 2]}, encoder=FirstWord())
    assert ss.Index.build(numbers).search("a text").metric == "cosine"


def test_null_and_empty_texts(space):
    texts = [None, "", "a zeppelin"]
    index = ss.Index.build(ss.Space.from_vectors(list("abc"), space.vectors[:3], {"text": texts}, encoder=FirstWord()))
    assert index.search("zeppelin", 1).ids == ("c",)
    assert index.search("zeppelin", alpha=0).ids == ("c",)


@pytest.mark.parametrize("metric", ["dot", "euclidean"])
def test_other_metrics(space, metric):
    index = ss.Index.build(space, "exact", metric=metric)
    found = index.search("code-9 opera", 5)
    assert found.ids[0] == "t009"
    assert found.metric == "hybrid"
    assert 0 <= found.scores.min() <= found.scores.max() <= 1


BAD = {
    "an id": (lambda i: i.search("t001", hybrid=True), InputError, r"each query must be a text; got the id 't001'"),
    "a vector": (lambda i: i.search([1, 0, 0, 0], hybrid=True), InputError, r"got a vector"),
    "a number": (lambda i: i.search("x", hybrid=0.5), InputError, r"hybrid must be True or False"),
    "a fusion": (lambda i: i.search("x", fusion="sum"), InputError, r"fusion must be"),
    "alpha": (lambda i: i.search("x", alpha=1.5), InputError, r"alpha must"),
    "k": (lambda i: i.search("x", 0), InputError, r"k must"),
    "where": (lambda i: i.search("x", where="nothing = 1"), InputError, r"nothing"),
    "candidates": (lambda i: i.search("x", candidates=20), InputError, r"give rerank=, too"),
    "few": (lambda i: i.search("x", 10, rerank="maxsim", candidates=5), InputError, r"maxsim|candidates"),
    "folder": (lambda i: i.search("x", rerank="no/folder"), InputError, r"there is no folder 'no/folder'"),
    "reranker": (lambda i: i.search("x", rerank=3), InputError, r"an object with metric, share and score"),
    "no states": (lambda i: i.search("x", rerank="maxsim"), InputError, r"states of tokens, which FirstWord"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_input(space, case):
    call, error, message = BAD[case]
    with pytest.raises(error, match=message):
        call(ss.Index.build(space, "exact"))


def test_without_an_encoder_a_text_is_still_refused(space, texts):
    index = ss.Index.build(ss.Space.from_vectors(space.ids, space.vectors, {"text": texts}))
    with pytest.raises(UnknownIdError, match="no encoder"):
        index.search("river")
    found = index.search("code-9", alpha=0)  # words alone need none
    assert (found.ids[0], found.metric) == ("t009", "bm25")
    assert index.search_batch(["code-9", "t001"], 3, alpha=0)[1].metric == "cosine"
    assert index.search("", alpha=0).ids == ()


def test_scaled_scores_of_one_point():
    one = Candidates.by_meaning(np.array([-0.3]), np.array([0]), "euclidean")
    assert one.scaled.tolist() == [1.0]
    none = Candidates(np.zeros(2), np.array([-1, -1]), 0.0, 0.0)
    assert none.scaled.tolist() == [0.0, 0.0]
    assert Fusion("rrf").scores(one, Candidates(np.zeros(1), np.array([-1]), 0.0, 0.0)).tolist() == [0.5 / 61]


def test_a_score_says_the_same_under_any_filter(index):
    wide = dict(index.search("river code-17", 150))
    for id, score in index.search("river code-17", 5, where="n < 40"):
        assert score == pytest.approx(wide[id], abs=1e-6)


def test_a_forked_process_is_told_that_words_need_polars(index, monkeypatch):
    """Its parent's threads of polars aren't there, and it would wait for them for ever."""
    monkeypatch.setattr(pools, "_polars_lost", True)
    with pytest.raises(InputError, match=r"hybrid search \(hybrid=False .*\) needs threads of polars"):
        index.search("river law", 3)
    assert len(index.search("river law", 3, hybrid=False)) == 3


@pytest.mark.parametrize("options", [{"alpha": 0.3}, {"fusion": "rrf"}, {"fusion": "rrf", "alpha": 0}])
def test_options_of_a_fusion_that_is_excluded_are_refused(index, options):
    with pytest.raises(InputError, match=r"^(alpha|fusion)= fuses .*, which hybrid=False excludes; leave it out"):
        index.search("river", hybrid=False, **options)
    assert index.search("river", hybrid=False, alpha=1).metric == "cosine"


# -- words that are saved with an index --------------------------------------------------------------------


def same_words(one, other, queries):
    for query in queries:
        a, b = one.search(query, k=20), other.search(query, k=20)
        assert a.ids == b.ids
        assert a.scores.tolist() == b.scores.tolist()


def no_counting(monkeypatch):
    def refuse(*_):
        raise AssertionError("words are counted again")

    monkeypatch.setattr(Postings, "of", refuse)


def test_words_are_saved_with_an_index_and_not_counted_again(index, texts, tmp_path, monkeypatch):
    index.save(tmp_path / "a")
    queries = [*texts[:5], "river law", "code-7"]
    with ss.Index.open(tmp_path / "a", encoder=FirstWord()) as opened:
        no_counting(monkeypatch)
        same_words(index, opened, queries)
        assert opened.search("code-7", k=1, alpha=0).ids == ("t007",)


def test_words_follow_changes_after_an_index_is_opened(index, texts, tmp_path):
    index.save(tmp_path / "a")
    with ss.Index.open(tmp_path / "a", encoder=FirstWord(), writable=True) as opened:
        for one in (opened, index):
            one.add(["new"], ["a zebra by the river"], {"n": [999]})
            one.delete(["t003"])
        same_words(index, opened, ["zebra", "river", texts[3]])
        opened.save(tmp_path / "a", overwrite=True)  # its journal becomes part of it
    with ss.Index.open(tmp_path / "a", encoder=FirstWord()) as again:
        same_words(index, again, ["zebra", "river", texts[3]])
        assert again.search("zebra", alpha=0).ids == ("new",)


def test_words_of_another_version_are_counted_anew(index, texts, tmp_path, monkeypatch):
    monkeypatch.setattr(stored_postings, "_WORDS", 0)
    index.save(tmp_path / "a")
    monkeypatch.undo()
    with ss.Index.open(tmp_path / "a", encoder=FirstWord()) as opened:
        same_words(index, opened, texts[:3])
        assert opened.search("code-7", k=1, alpha=0).ids == ("t007",)


def test_words_that_cant_be_those_of_the_texts_are_refused(index, tmp_path):
    index.save(tmp_path / "a")
    file = tmp_path / "a" / "word-texts.npy"
    wrong = np.load(file)
    wrong[3] = N
    np.save(file, wrong)
    with (
        ss.Index.open(tmp_path / "a", encoder=FirstWord(), verify=False) as opened,
        pytest.raises(DamagedError, match="words that can't"),
    ):
        opened.search("river")
